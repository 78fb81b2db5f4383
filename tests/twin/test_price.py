"""Prices against closed forms and independent differences."""

from dataclasses import replace

import numpy as np
import pytest

import twin
from twin.operation import OPERATING
from twin.study.price import prices

ZERO = 273.15


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def test_price_of_the_utility_is_the_slope_of_tokens_over_the_cap(pod):
    cap = 2.3e6
    price = next(
        item
        for item in prices(pod, twin.Operation(utility_cap=cap, rack_power=142e3))
        if item.kind == "utility"
    )
    state = twin.solve(pod, twin.Operation(utility_cap=cap + np.array([-2e4, 2e4]), rack_power=142e3))
    slope = np.diff(state.tokens_per_second.values)[0] / 4e4
    assert price.up == pytest.approx(slope, rel=1e-3)
    assert price.down == pytest.approx(slope, rel=1e-3)
    assert price.racks == 16


@pytest.mark.parametrize(
    ("limit", "asked"), [("utility", {"utility_cap": 2.2e6}), ("ups.A", {"out": ["ups.B", "ups.C"]})]
)
def test_the_allocators_own_price_is_of_a_watt_at_the_limit(pod, limit, asked):
    # Losses, pumps and fans take part of a watt; what they change with temperature is not in it, within 1 %.
    operation = twin.Operation(rack_power=142e3, **asked)
    state = twin.solve(pod, operation, keep="all")
    found = next(item for item in prices(pod, operation) if item.name == limit)
    assert found.down > 0.1
    assert state.price.sel(limit=limit).item() == pytest.approx(found.down, rel=0.01)


def test_one_of_two_live_panels_is_worth_its_family_down_and_nothing_up(pod):
    out = twin.Operation(
        out=["rpp.A1", "rpp.B1"], rack_power=142e3, supply_temperature=40 + ZERO, support_load=0.0
    )
    panel = next(item for item in prices(pod, out) if item.kind == "panel")
    assert panel.name in {"rpp.C1", "rpp.D1"}
    assert panel.up == pytest.approx(0.0, abs=1e-6)
    # By hand: of a watt less at one of two panels all eight racks lose two watts together; each GPU watt behind
    # the shelves is worth beta / 3 of the tokens over the dynamic watts above the knee.
    state = twin.solve(pod, out)
    tokens, chips = state.tokens.values[0, 0], 72 * state.gpu_power.values[0, 0]
    full = twin.solve(pod, twin.Operation(rack_power=142e3, supply_temperature=40 + ZERO, support_load=0.0))
    demand = 72 * full.gpu_power.values[0, 0]
    per_watt = 0.30 / 3 * tokens / (chips - 0.25 * demand)
    # Shelf at 92 % of four live shelves: 4.3 % of a further AC watt is lost; whips take 0.4 % more.
    assert panel.down == pytest.approx(2 * per_watt / 1.043 / 1.004, rel=0.01)


def test_warmer_air_outdoors_costs_tokens_once_the_plant_is_saturated(pod):
    cold, hot = (
        {item.name: item for item in prices(pod, twin.Operation(dry_bulb=degrees + ZERO, rack_power=142e3))}
        for degrees in (20.0, 48.0)
    )
    assert "site.dry_bulb" not in cold
    assert hot["site.dry_bulb"].up < 0
    assert hot["site.dry_bulb"].down < 0


def test_a_step_that_leaves_its_range_has_no_price(pod, monkeypatch):
    hot = twin.Operation(dry_bulb=48 + ZERO, rack_power=142e3)
    free = next(item for item in prices(pod, hot) if item.name == "site.dry_bulb")
    monkeypatch.setitem(OPERATING, "site.dry_bulb", replace(OPERATING["site.dry_bulb"], most=48 + ZERO))
    held = next(item for item in prices(pod, hot) if item.name == "site.dry_bulb")
    assert np.isnan(held.up)
    assert held.down == free.down
    # The warmest that a layout may ask for.
    assert prices(twin.load(sets={"air.supply_temperature": "60 degC"})) == []


def test_prices_take_one_scenario(pod):
    with pytest.raises(ValueError, match="one scenario"):
        prices(pod, twin.Operation(dry_bulb=np.array([280.0, 290.0])))


def test_cooling_units_are_worth_the_same_whichever_of_them_runs(pod):
    """CDUs carry their limit together: the step is spread over those alive, the first of them or not."""
    cold = {"rack_power": 142e3, "dry_bulb": 283.15, "supply_temperature": 30 + ZERO}
    found = [
        next(item for item in prices(pod, twin.Operation(**cold, out=out)) if item.kind == "cdu")
        for out in (["cdu.2", "cdu.3", "cdu.4"], ["cdu.1", "cdu.2", "cdu.3"])
    ]
    assert [item.name for item in found] == ["cdu.1", "cdu.4"]
    assert found[1].up == pytest.approx(found[0].up, rel=1e-6)
    assert found[0].up > 0.1
    # By hand: of two units each gets half the watt, so the worth of a watt is not doubled.
    duty = twin.solve(pod, twin.Operation(**cold, out=["cdu.2", "cdu.3", "cdu.4"])).cdu_duty.item()
    assert duty == pytest.approx(1350e3, rel=1e-6)
