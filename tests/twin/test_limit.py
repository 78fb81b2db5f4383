"""Own limits: the ceiling is where the limit is reached, from the physics and not from the code's own inverse."""

import numpy as np
import pytest

import twin
from thermal import air, coldplate

ZERO = 273.15


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def test_a_rack_throttled_by_warm_coolant_stands_exactly_at_its_case_limit(pod):
    state = twin.solve(
        pod, twin.Operation(supply_temperature=np.array([[46.0], [48.0], [52.0]]) + ZERO, rack_power=142e3)
    )
    assert state.converged.all()
    np.testing.assert_allclose(state.case_temperature.values, pod.racks.case_limit[0], atol=1e-6)
    assert kinds(state) == {"chip_temperature"}
    # The plate by hand: flow by the last point of the table times the heat, three quarters of it over 72 plates.
    heat, chip = state.liquid_heat.values[:, 0], state.gpu_power.values[:, 0]
    flow = 0.75 * 160.0 / 60e3 * heat / 116e3 / 72
    case = state.inlet_temperature.values[:, 0] + chip * coldplate.resistance(flow)
    np.testing.assert_allclose(case, pod.racks.case_limit[0], atol=1e-6)


def kinds(state):
    meanings = state.binding.attrs["flag_meanings"].split()
    return {meanings[code] for code in state.binding.values.ravel()}


def test_no_throttling_at_tdp_from_25_to_45_degrees(pod):
    supply = np.arange(25.0, 45.01, 0.5)[:, None] + ZERO
    state = twin.solve(
        pod,
        twin.Operation(supply_temperature=supply, rack_power=139.49e3, dry_bulb=10 + ZERO, support_load=0.0),
    )
    np.testing.assert_allclose(state.power, 139.49e3, rtol=1e-9)
    assert kinds(state) == {"demand"}


def test_inlet_air_above_35_degrees_lowers_the_cap_and_is_named(pod):
    inlet = np.array([[34.0], [35.0], [38.0], [42.0]]) + ZERO
    state = twin.solve(
        pod,
        twin.Operation(
            air_temperature=inlet, rack_power=139.4e3, supply_temperature=40 + ZERO, dry_bulb=10 + ZERO
        ),
    )
    power = state.power.values[:, 0]
    np.testing.assert_allclose(power[:2], 139.4e3, rtol=1e-9)
    assert (np.diff(power[1:]) < 0).all()
    meanings = state.binding.attrs["flag_meanings"].split()
    assert [meanings[code] for code in state.binding.values[:, 0]] == [
        "demand",
        "demand",
        "inlet_air",
        "inlet_air",
    ]
    # Exhaust by hand stands at its limit: air heat over the flow the catalogue asks for at 35 degC and above.
    rate = 1.18175 * air.density(inlet[2:, 0], air.pressure(0.0)) * air.HEAT_CAPACITY
    exhaust = inlet[2:, 0] + state.air_heat.values[2:, 0] / rate
    np.testing.assert_allclose(exhaust, pod.racks.exhaust_limit[0], atol=1e-6)


def test_a_rack_on_one_rpp_is_off_for_want_of_shelves_and_the_row_beside_it_runs(pod):
    state = twin.solve(
        pod, twin.Operation(out=["rpp.A1", "rpp.B1", "rpp.C1"], rack_power=142e3, support_load=0.0)
    )
    assert state.converged.all()
    assert (state.power.values[0, :8] == 0).all()
    assert (state.power.values[0, 8:] > 100e3).all()
    meanings = state.binding.attrs["flag_meanings"].split()
    assert {meanings[code] for code in state.binding.values[0, :8]} == {"shelf"}


def test_whips_hold_forty_eight_amperes_at_the_peak(pod):
    """A single 100 kW rack on two of four feeds with EDP 1.5: the whips, not the panel, are the limit."""
    state = twin.solve(
        pod, twin.Operation(out=["rpp.A1", "rpp.B1"], rack_power=100e3, edp_factor=1.5, support_load=0.0)
    )
    loading = state.device_loading.sel(device="whip.row1.01.rpp.C1").values
    assert loading <= 1.0 + 1e-6


def test_operators_cap_is_named(pod):
    state = twin.solve(pod, twin.Operation(power_cap=np.array([100e3])))
    np.testing.assert_allclose(state.power, 100e3)
    assert kinds(state) == {"power_cap"}
    assert state.tokens_per_second < twin.solve(pod).tokens_per_second


def test_a_heat_limit_below_the_floor_gives_no_tokens_and_a_negative_margin(pod):
    state = twin.solve(pod, twin.Operation(supply_temperature=67 + ZERO, rack_power=142e3))
    assert state.converged.all()
    assert (state.tokens.values == 0).all()
    assert (twin.check(pod, state)["L3-case"].values < 0).all()
