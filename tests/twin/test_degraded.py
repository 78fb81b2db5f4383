"""Degraded states against closed forms: dirt on the CDUs, clogged filters, fans that stand still, the worst plate."""

import numpy as np
import pytest

import twin
from thermal import air, coldplate, exchanger
from twin.catalogue import product
from twin.rules import RULES

LOAD = {"rack_power": 142e3, "dry_bulb": 298.15}


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def conductance(state):
    """UA of the CDUs of each scenario [W/K] from what the state says of both sides, counterflow."""
    supply, back = state.supply_temperature.values[:, 0], state.loop_return_temperature.values[:, 0]
    cold, warm = (
        state.facility_supply_temperature.values[:, 0],
        state.facility_return_temperature.values[:, 0],
    )
    one, other = back - warm, supply - cold
    apart = np.abs(one - other) > 1e-6
    logarithm = np.log(np.where(apart, one, 2.0) / np.where(apart, other, 1.0))
    mean = np.where(apart, (one - other) / logarithm, 0.5 * (one + other))
    return state.cdu_duty.values[:, 0] / mean


def test_dirt_adds_its_resistance_to_the_exchangers(pod):
    dirt = np.array([0.0, 0.1, 0.5, 2.0])
    state = twin.solve(pod, twin.Operation(**LOAD, fouling=dirt[:, None]))
    added = 1.0 / conductance(state) - 1.0 / conductance(state)[0]
    np.testing.assert_allclose(added, dirt / (4 * pod.cooling.cdu_conductance[0]), rtol=1e-4, atol=1e-12)
    assert (np.diff(state.facility_supply_temperature.values[:, 0]) < 0).all()


def test_a_clogged_filter_costs_its_pressure_drop(pod):
    state = twin.solve(pod, twin.Operation(**LOAD, clogging=np.array([[0.0], [1.0], [3.0]])))
    flow = state.loop_flow.values[:, 0]
    clean = product("vertiv-xdu1350")["filterPressureDrop"]
    at_rating = pod.cooling.cdu_volume_flow[0]
    drop = np.array([0.0, 1.0, 3.0]) * clean * (flow / 4 / at_rating) ** 2
    added = state.cdu_power.values[:, 0] - state.cdu_power.values[0, 0]
    efficiency = product("vertiv-xdu1350")["pumpEfficiency"]
    np.testing.assert_allclose(added, flow * drop / efficiency, rtol=1e-3, atol=1e-9)
    assert (np.diff(state.flow_reserve.values[:, 0]) < 0).all()


def test_a_filter_that_leaves_the_pumps_too_little_head_starves_the_racks(pod):
    state = twin.solve(pod, twin.Operation(**LOAD, clogging=np.array([[20.0]]), out=[["cdu.1", "cdu.2"]]))
    assert state.flow_share.item() < 0.95
    assert set(state.binding_kind.values[state.binding.values[0]]) == {"coolant_flow"}
    # Head left at the outlets is what the loop takes: curve less clogging, both at the flow of one unit.
    each = state.loop_flow.item() / 2
    constant, linear, square = pod.cooling.pump_curve[0]
    clogged = 20.0 * pod.cooling.cdu_filter[0] / pod.cooling.cdu_volume_flow[0] ** 2
    left = constant + linear * each + (square - clogged) * each**2
    assert state.loop_head.item() == pytest.approx(left, rel=1e-6)


def test_fans_that_stand_still_leave_the_air_to_the_others(pod):
    failed = np.array([0.0, 0.25, 0.5])
    state = twin.solve(pod, twin.Operation(**LOAD, failed_fans=failed[:, None]))
    capacity = state.air_capacity.values[:, 0]
    np.testing.assert_allclose(capacity, (1.0 - failed) * capacity[0], rtol=1e-12)
    made = product("cw375")
    ratio = state.air_flow.values[:, 0] / capacity
    power = 3 * (1.0 - failed) * made["fanMotorPowerMax"] * np.maximum(ratio, made["minimumFlowRatio"]) ** 3
    np.testing.assert_allclose(state.fan_wall_power.values[:, 0], power, rtol=1e-9)
    assert ratio[2] > made["minimumFlowRatio"]


def test_too_few_fans_warm_the_racks(pod):
    state = twin.solve(pod, twin.Operation(**LOAD, failed_fans=np.array([[0.8]])))
    assert state.air_flow.item() < state.air_demand.item()
    assert state.air_inlet_temperature.values.min() > state.air_supply_temperature.item() + 1.0
    assert abs(state.ledger_heat.item()) < 1e-6


def test_the_worst_plate_has_least_flow_and_greatest_resistance(pod):
    state = twin.solve(pod, twin.Operation(rack_power=130e3))
    made = product("gb300-nvl72")
    flow = made["coldPlateFlowShare"] * state.coolant_flow.values[0] / 72
    worst = coldplate.resistance(flow * (1 - made["plateFlowSpread"])) * (
        1 + made["plateResistanceTolerance"]
    )
    expected = state.inlet_temperature.values[0] + state.gpu_power.values[0] * worst
    np.testing.assert_allclose(state.worst_case_temperature.values[0], expected, rtol=1e-12)
    assert (state.worst_case_temperature > state.case_temperature + 1.0).all()


def test_the_worst_plate_is_a_margin_where_the_mean_one_is_at_its_limit(pod):
    state = twin.solve(pod, twin.Operation(rack_power=139.5e3))
    margin = {code: RULES[code].margin(pod, state) for code in ("L3-case", "L7-plate")}
    assert margin["L3-case"].min() == pytest.approx(0.0, abs=0.05)
    assert margin["L7-plate"].max() < -1.0


@pytest.mark.parametrize(
    ("path", "value"), [("loop.fouling", "0.3"), ("loop.clogging", "2"), ("air.failed_fans", "0.4")]
)
def test_a_degraded_state_of_the_layout_is_that_of_the_operation(pod, path, value):
    from twin.operation import OPERATING

    row = OPERATING[path]
    stated = twin.solve(twin.load("gb300-su", {path: value}))
    asked = twin.solve(pod, twin.Operation(**{row.field: float(value)}))
    assert stated.utility_power.item() == asked.utility_power.item()
    assert stated.utility_power.item() != twin.solve(pod).utility_power.item()


def test_coils_behind_fans_that_stand_still_share_the_air_that_is_left():
    """Air off the coils by hand: all three coils, their films at the share of rated air that the other fans move."""
    hall = twin.load("gb300-su", {"air.chilled_water_temperature": "23.5 degC"})
    state = twin.solve(hall, twin.Operation(**LOAD, failed_fans=np.array([[0.6]])))
    made, cooling = product("cw375"), hall.cooling
    supply = state.air_supply_temperature.item()
    assert supply > hall.operation.air_temperature.item() + 0.5
    inlet = state.air_inlet_temperature.values[0, 0]
    mass = state.air_flow.item() * float(air.density(inlet, air.pressure(0.0)))
    ratio = mass / (3 * made["nominalAirVolume"] * 1.2)
    coil = 3 * exchanger.scaled_conductance(cooling.coil_conductance[0], ratio, 1.0, 0.5)
    rate, water = mass * air.HEAT_CAPACITY, 3 * cooling.coil_water[0]
    reach = exchanger.crossflow(coil, rate, water) * min(rate, water)
    duty = state.fan_wall_duty.item()
    assert supply == pytest.approx(296.65 + duty / float(reach) - duty / rate, abs=1e-4)


def test_racks_short_of_flow_are_held_by_the_flow_also_when_the_plant_is_short(pod):
    state = twin.solve(
        pod,
        twin.Operation(
            rack_power=142e3, dry_bulb=321.15, clogging=np.array([[20.0]]), out=[["cdu.1", "cdu.2"]]
        ),
    )
    assert state.flow_share.item() < 1.0
    assert state.supply_temperature.item() > state.supply_setpoint.item() + 0.1
    assert set(state.binding_kind.values[state.binding.values[0]]) == {"coolant_flow"}


def test_all_pumps_of_a_plant_out_leave_its_racks_dark(pod):
    state = twin.solve(pod, twin.Operation(**LOAD, out=[["pump.1", "pump.2", "pump.3"]]))
    assert state.converged.all()
    assert state.rack_power.item() == 0.0
    assert set(state.binding_kind.values[state.binding.values[0]]) == {"coolant_temperature"}


def test_pumps_that_can_do_more_leave_a_margin_and_the_worst_margins_are_in_their_scales(pod):
    state = twin.solve(pod, twin.Operation(**LOAD))
    assert RULES["L4-flow"].margin(pod, state).item() == pytest.approx(state.flow_reserve.item() - 1.0)
    assert state.flow_reserve.item() > 1.1
    for code in ("L4-flow", "L2-return"):
        margin = RULES[code].margin(pod, state).min() / RULES[code].scale
        assert state.worst_margin.sel(rule=code).item() == pytest.approx(margin, rel=1e-12)
    assert RULES["L2-return"].scale == 20.0
