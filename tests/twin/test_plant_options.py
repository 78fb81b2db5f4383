"""Recirculation, wetted pads, glycol, dew points and pipe sizes against calculations by hand and CoolProp."""

import numpy as np
import pytest
from CoolProp.CoolProp import PropsSI
from CoolProp.HumidAirProp import HAPropsSI

import twin
from thermal.fluid import PG25, WATER

ZERO = 273.15
PADS = {"plant.adiabatic": {"effectiveness": 0.8, "above": "25 degC", "cycles": 4}}


def one(state, name):
    return float(state[name].values.ravel()[0])


def test_recirculation_is_warmer_air_at_the_coolers_and_nowhere_else():
    """38 + 2 at the dry coolers and the trim chiller's condenser; the hall's chillers keep 38 degC."""
    pod = twin.load()
    drawn, still = (
        twin.solve(pod, twin.Operation(dry_bulb=38 + ZERO, recirculation=kelvin, rack_power=142e3))
        for kelvin in (2.0, 0.0)
    )
    warm = twin.solve(pod, twin.Operation(dry_bulb=40 + ZERO, rack_power=142e3))
    for name in ("cooler_speed", "trim_duty"):
        np.testing.assert_allclose(drawn[name].values, warm[name].values, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(drawn.chiller_power.values, still.chiller_power.values, rtol=1e-9)
    assert one(drawn, "pue") > one(still, "pue")
    layout = twin.load(None, {"plant.recirculation": "2 K"})
    assert one(twin.solve(layout, twin.Operation(dry_bulb=38 + ZERO, rack_power=142e3)), "pue") == one(
        drawn, "pue"
    )


def test_pads_bring_the_air_nearer_to_its_wet_bulb():
    """42 degC with a wet bulb of 24: 42 - 0.8 x 18 = 27.6 degC at the coolers."""
    pod = twin.load(None, PADS)
    wet = twin.solve(pod, twin.Operation(dry_bulb=42 + ZERO, wet_bulb=24 + ZERO, rack_power=142e3))
    dry = twin.solve(twin.load(), twin.Operation(dry_bulb=27.6 + ZERO, rack_power=142e3))
    np.testing.assert_allclose(wet.cooler_speed.values, dry.cooler_speed.values, rtol=2e-3)
    # Water by CoolProp's humid air: what saturation towards the wet bulb takes up, and a third more as blowdown.
    before = HAPropsSI("W", "T", 42 + ZERO, "B", 24 + ZERO, "P", 101325.0)
    behind = HAPropsSI("W", "T", 27.6 + ZERO, "B", 24 + ZERO, "P", 101325.0)
    blown = 2 * one(wet, "cooler_speed") * 200e3 / 1006.0
    assert one(wet, "water_use") == pytest.approx(blown * (behind - before) * 4 / 3, rel=0.01)
    cool = twin.solve(pod, twin.Operation(dry_bulb=20 + ZERO, wet_bulb=12 + ZERO))
    assert one(cool, "water_use") == 0.0
    assert abs(one(wet, "ledger_heat")) < 1e-6


def test_a_wet_bulb_above_the_dry_bulb_is_the_dry_bulb():
    pod = twin.load(None, PADS)
    state = twin.solve(pod, twin.Operation(dry_bulb=[303.15], wet_bulb=310.0))
    assert one(state, "water_use") == pytest.approx(0.0, abs=1e-6)


def test_thin_air_takes_of_electrical_ratings():
    """2500 m: 4.5 % of a dry transformer, 7.5 % of a UPS, half a percent of a panel, 13 % of a generator; no cable."""
    pod, high = twin.load(), twin.load(None, {"site.altitude": "2500 m"})
    left = dict(zip(pod.devices.name, high.devices.rating / pod.devices.rating, strict=True))
    assert left["T.A"] == pytest.approx(0.955, abs=1e-9)
    assert left["ups.A"] == pytest.approx(0.925, abs=1e-9)
    assert left["rpp.A1"] == pytest.approx(0.995, abs=1e-9)
    assert left["whip.row1.01.rpp.A1"] == 1.0
    assert left["utility"] == 1.0
    assert high.standby.rating / pod.standby.rating == pytest.approx(0.87, abs=1e-9)
    low, above = (
        twin.solve(one_, twin.Operation(rack_power=100e3, dry_bulb=25 + ZERO)) for one_ in (pod, high)
    )
    np.testing.assert_allclose(above.power.values, low.power.values, rtol=1e-9)
    index = list(pod.devices.name).index("ups.A")
    ratio = above.device_loading.values[0, index] / low.device_loading.values[0, index]
    # The fan walls on it move more of the thin air.
    assert ratio == pytest.approx(1 / 0.925, rel=0.02)
    # Chillers' condensers warm thin air more, so they draw more for the same heat.
    assert one(above, "chiller_power") > one(low, "chiller_power")


def test_a_plant_sends_no_colder_water_than_its_least():
    """A loop that asks for 30 degC behind water of 40: its supply floats above that, fans far from full."""
    pod = twin.load(None, {"plant.minimum_supply": "40 degC"})
    weather = {"dry_bulb": 10 + ZERO, "rack_power": 100e3}
    state = twin.solve(pod, twin.Operation(supply_temperature=30 + ZERO, **weather))
    assert one(state, "facility_supply_temperature") == pytest.approx(40 + ZERO, abs=1e-5)
    assert one(state, "supply_temperature") == pytest.approx(40 + ZERO + one(state, "approach"), abs=1e-5)
    assert 0.2 <= one(state, "cooler_speed") < 0.5
    assert one(state, "trim_duty") == 0.0
    assert twin.check(pod, state)["P1-supply"].item() == pytest.approx(
        30 + ZERO - one(state, "supply_temperature"), abs=1e-4
    )
    warm, free = (
        twin.solve(other, twin.Operation(supply_temperature=45 + ZERO, **weather))
        for other in (pod, twin.load())
    )
    assert one(warm, "cooler_speed") == one(free, "cooler_speed")


def test_pads_need_a_wet_bulb(tmp_path):
    from twin.layout import builtin_layouts

    assert "gb200-su" in builtin_layouts()
    text = twin.template.new_layout(16) if hasattr(twin, "template") else None
    from twin.template import new_layout

    text = text or new_layout(16)
    lines = [line for line in text.splitlines() if "wet_bulb" not in line]
    place = next(index for index, line in enumerate(lines) if line.startswith("plant:"))
    lines.insert(place + 1, "  adiabatic: {effectiveness: 0.8, above: 25 degC}")
    file = tmp_path / "dry.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(twin.InputError, match=r"needs site\.wet_bulb"):
        twin.load(str(file))


def test_glycol_in_the_plant_costs_capacity_and_does_not_freeze():
    water, glycol = twin.load(), twin.load(None, {"plant.fluid": "pg25"})
    warm = twin.Operation(dry_bulb=39 + ZERO, rack_power=142e3)
    states = [twin.solve(pod, warm) for pod in (water, glycol)]
    # A weaker film needs colder facility water.
    assert one(states[1], "facility_supply_temperature") < one(states[0], "facility_supply_temperature") - 0.3
    assert abs(one(states[1], "ledger_heat")) < 1e-6
    margins = [
        twin.check(pod, twin.solve(pod, twin.Operation(dry_bulb=-5 + ZERO)))["P4-freezing"]
        for pod in (water, glycol)
    ]
    assert float(margins[0].min()) == pytest.approx(-8.0, abs=1e-9)
    point = PropsSI("T_freeze", "T", 300.0, "P", 101325.0, "INCOMP::MPG[0.257]")
    assert PG25.freezing == pytest.approx(point, abs=0.01)
    assert WATER.freezing == 273.15
    assert float(margins[1].min()) == pytest.approx(268.15 - PG25.freezing - 3.0, abs=1e-9)


def test_surfaces_below_the_dew_point_are_outside():
    pod = twin.load(None, {"air.dew_point": "17 degC", "loop.supply_temperature": "18 degC"})
    verdict = twin.check(pod, twin.solve(pod, twin.Operation(dry_bulb=5 + ZERO)))
    assert float(verdict["L8-condensation"].min()) == pytest.approx(-1.0, abs=1e-6)
    assert float(verdict["A5-condensation"].min()) == pytest.approx(1.0, abs=1e-9)
    assert np.isnan(twin.check(twin.load(), twin.solve(twin.load()))["L8-condensation"].values).all()


def test_pipes_without_a_product_are_sized_by_velocity(tmp_path):
    """2,560 L/min at 45 degC: DN125 gives 3.1 m/s, DN150 2.1, as the reference pod has it by hand."""
    from twin.template import new_layout

    text = new_layout(16).replace("main: {product: steel-dn150}", "main: {length: 20 m}")
    text = text.replace("  row: {product: steel-dn125}", "  row: {}")
    file = tmp_path / "sized.yaml"
    file.write_text(text)
    pod = twin.load(str(file))
    names = {made.name for made in pod.products if made.kind == "pipe"}
    assert "steel-dn150" in names
    state = twin.solve(pod, twin.Operation(rack_power=142e3))
    assert one(state, "main_velocity") < 2.7
    bore = pod.cooling.pipe["main_diameter"][0]
    assert bore == twin.load().cooling.pipe["main_diameter"][0]
