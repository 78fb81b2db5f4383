"""Margins: sign, NaN, findings, and every rule evaluated on a state that breaks it."""

import numpy as np
import pytest

import twin
from twin.rules import RULES
from twin.verdict import findings, table

ZERO = 273.15


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def test_margins_are_limit_minus_value_and_share_the_sign_of_the_rule(pod):
    state = twin.solve(pod, twin.Operation(supply_temperature=np.array([[44.0], [46.0]]) + ZERO))
    margin = twin.check(pod, state)["L1-inlet"].values
    np.testing.assert_allclose(margin[:, 0], [1.0, -1.0], atol=1e-9)


def test_return_above_55_degrees_is_a_margin_and_no_throttle(pod):
    state = twin.solve(pod, twin.Operation(rack_power=139.49e3, support_load=0.0, dry_bulb=20 + ZERO))
    assert twin.check(pod, state)["L2-return"].values[0, 0] == pytest.approx(-0.83, abs=0.05)
    np.testing.assert_allclose(state.power, 139.49e3)


def test_a_scenario_without_solution_has_no_margins_but_is_a_finding(pod):
    state = twin.solve(pod, twin.Operation(utility_cap=np.array([np.inf, 0.3e6])))
    verdict = twin.check(pod, state)
    assert np.isnan(verdict["L1-inlet"].values[1]).all()
    assert verdict["S1-solved"].values.ravel().tolist() == [0.5, -0.5]
    worst = findings(pod, state)[0]
    assert (worst.code, worst.scenario) == ("S1-solved", 1)


# What breaks each rule; the ledger and serving rules have their own cases.
BREAKS = {
    "E1-whip": {"edp_factor": 2.0},
    "E1-panel": {"edp_factor": 1.9},
    "E12-ups": {"edp_factor": 1.9},
    "E10-transformer": {"edp_factor": 2.4},
    "L1-inlet": {"supply_temperature": 47 + ZERO},
    "L2-return": {"supply_temperature": 47 + ZERO},
    "L3-case": {"supply_temperature": 68 + ZERO},
    "L4-flow": {"out": ["cdu.1", "cdu.2", "cdu.3"]},
    "L6-cdu": {"out": ["cdu.1", "cdu.2", "cdu.3"]},
    "P1-supply": {"dry_bulb": 50 + ZERO},
    "A1-inlet": {"air_temperature": 37 + ZERO},
    "A2-recommended": {"air_temperature": 29 + ZERO},
    "A3-fan-wall": {"out": ["fanwall.1", "fanwall.2"]},
    "A4-air-flow": {"out": ["fanwall.1", "fanwall.2"]},
    "R1-units": {"out": ["cdu.1", "cdu.2"]},
    "P3-chiller": {"out": ["chiller.1", "chiller.2"]},
    "S3-serving": {"out": ["rpp.A1", "rpp.B1", "rpp.C1", "rpp.D1"]},
}


@pytest.mark.parametrize("code", BREAKS)
def test_each_rule_fails_where_its_limit_is_broken_with_caps_off(code):
    free = twin.load("gb300-su", {"power.policy": "none"})
    given = {"rack_power": 142e3} | BREAKS[code]
    margin = twin.check(free, twin.solve(free, twin.Operation(**given)))[code]
    assert np.nanmin(margin.values) < 0
    calm = twin.check(
        free, twin.solve(free, twin.Operation(supply_temperature=40 + ZERO, dry_bulb=15 + ZERO))
    )[code]
    assert np.nanmin(calm.values) >= 0


def test_findings_name_the_worst_element_and_the_csv_holds_one_row_a_rule(pod):
    state = twin.solve(pod, twin.Operation(out="rpp.A1", rack_power=142e3))
    listed = findings(pod, state)
    assert [item.relative for item in listed] == sorted(item.relative for item in listed)
    panel = next(item for item in listed if item.code == "E1-panel")
    assert panel.element in {"rpp.B1", "rpp.C1", "rpp.D1"}
    assert len(table(listed).splitlines()) == len(listed) + 1
    assert {item.code for item in listed} <= set(RULES)


def test_a_main_one_size_smaller_runs_too_fast():
    """DN125 at 2,560 L/min: 3.1 m/s by hand, over the 2.7 m/s of stainless pipe."""
    small = twin.load("gb300-su", {"loop.main.product": "steel-dn125"})
    state = twin.solve(small, twin.Operation(rack_power=139.49e3, support_load=0.0))
    assert state.main_velocity.values[0, 0] == pytest.approx(3.1, abs=0.05)
    assert twin.check(small, state)["L5-velocity"].values[0, 0] == pytest.approx(2.7 - 3.1, abs=0.05)


def test_two_feeds_of_a_row_behind_one_ups_are_not_independent():
    planted = twin.load("gb300-su", {"power.devices[rpp.B1].feed": "ups.A"})
    margin = twin.check(planted, twin.solve(planted))["E13-independence"].values[0]
    np.testing.assert_array_equal(margin, np.repeat([-0.5, 0.5], 8))
    worst = next(item for item in findings(planted, twin.solve(planted)) if item.code == "E13-independence")
    assert worst.element == "row1.01"
    assert worst.margin == -0.5


def test_a_utility_too_small_for_the_site_has_a_negative_margin():
    small = twin.load("gb300-su", {"power.policy": "none", "utility.rating": "2 MW"})
    assert twin.check(small, twin.solve(small))["E20-utility"].values.ravel()[0] < 0


def test_margins_taken_from_a_stream_are_those_of_the_whole_state(pod, monkeypatch):
    from twin.rules import margins

    operation = twin.Operation(dry_bulb=np.linspace(10.0, 50.0, 7) + ZERO, rack_power=142e3)
    verdict = twin.check(pod, twin.solve(pod, operation))
    monkeypatch.setattr("twin.equilibrium.CHUNK", 3 * 16)
    streamed = twin.solve(pod, operation, keep="summary", also=margins)
    assert "power" not in streamed
    for code in RULES:
        np.testing.assert_array_equal(streamed[code].values, verdict[code].values)
        assert streamed[code].attrs == verdict[code].attrs
