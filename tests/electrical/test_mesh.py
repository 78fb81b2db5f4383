"""Networks with loops against power-grid-model, the current divider and Kirchhoff's laws."""

from __future__ import annotations

import dataclasses

import numpy as np
import power_grid_model as pgm
import pytest

from electrical.mesh import closed
from electrical.tree import Reason, flow, forest, profile, worst


def table(component, start, **columns):
    """Rows of a component of power-grid-model with ids from `start`."""
    rows = pgm.initialize_array("input", component, len(next(iter(columns.values()))))
    rows["id"] = start + np.arange(len(rows))
    for name, values in columns.items():
        rows[name] = values
    return rows


def solved_elsewhere(voltage, source, ends, resistance, reactance, power, reactive):
    """Voltages by power-grid-model, (scenario, node): lines, stiff sources (node, ratio), a load at every node."""
    nodes, lines = len(voltage), len(resistance)
    at, ratio = source
    model = pgm.PowerGridModel(
        {
            "node": table("node", 0, u_rated=voltage),
            "line": table(
                "line", 1000, from_node=ends[:, 0], to_node=ends[:, 1], from_status=np.ones(lines),
                to_status=np.ones(lines), r1=resistance, x1=reactance, c1=np.zeros(lines),
                tan1=np.zeros(lines), i_n=np.full(lines, 1e3),
            ),
            "source": table("source", 2000, node=at, status=np.ones(len(at)), u_ref=ratio, sk=np.full(len(at), 1e20)),
            "sym_load": table(
                "sym_load", 3000, node=np.arange(nodes), status=np.ones(nodes), type=np.zeros(nodes),
                p_specified=np.zeros(nodes), q_specified=np.zeros(nodes),
            ),
        }
    )  # fmt: skip
    update = pgm.initialize_array("update", "sym_load", power.shape)
    update["id"] = 3000 + np.arange(nodes)
    update["p_specified"], update["q_specified"] = power, reactive
    found = model.calculate_power_flow(
        update_data={"sym_load": update}, calculation_method="newton_raphson", error_tolerance=1e-12
    )
    return found["node"]["u"] * np.exp(1j * found["node"]["u_angle"]), found["line"]["i_from"]


def ring():
    """A closed ring of seven stations at 12.47 kV with a chord, and what feeds it."""
    random = np.random.default_rng(3)
    parent = np.array([-1, 0, 1, 2, 3, 0, 5, 6])
    resistance, reactance = random.uniform(0.05, 0.2, (2, 8))
    resistance[0] = reactance[0] = 0.0
    ties = np.array([[4, 7], [2, 6]]), np.array([0.11, 0.3]), np.array([0.09, 0.2])
    return parent, resistance, reactance, np.full(8, 12.47e3), [1.01], ties


def paralleled():
    """Three UPS outputs of slightly unequal voltage behind their cables on one 415 V bus, two feeders each."""
    parent = np.array([-1, -1, -1, 0, 1, 2, 3, 3, 4, 5])
    resistance = np.array([0, 0, 0, 2, 2.2, 1.9, 9, 8, 7, 9]) * 1e-4
    reactance = np.array([0, 0, 0, 3, 3.1, 2.9, 4, 4, 4, 4]) * 1e-4
    ties = np.array([[3, 4], [4, 5]]), np.full(2, 1e-5), np.full(2, 2e-5)
    return parent, resistance, reactance, np.full(10, 415.0), [1.0, 1.003, 0.999], ties


NETWORKS = {"ring": (ring, 400e3), "paralleled": (paralleled, 60e3)}


@pytest.fixture(params=NETWORKS)
def case(request):
    """A network as a forest with its ties, the loads of forty scenarios, voltages and currents found elsewhere."""
    make, size = NETWORKS[request.param]
    parent, resistance, reactance, nominal, source, (ends, tie_resistance, tie_reactance) = make()
    random = np.random.default_rng(4)
    power = random.uniform(0.0, size, (40, len(parent)))
    reactive = random.uniform(-0.2, 0.5, power.shape) * power
    root = np.flatnonzero(parent < 0)
    power[:, root] = reactive[:, root] = 0.0
    child = np.flatnonzero(parent >= 0)
    lines = np.concatenate([np.stack([parent[child], child], axis=1), ends])
    voltage, current = solved_elsewhere(
        nominal, (root, source), lines,
        np.concatenate([resistance[child], tie_resistance]), np.concatenate([reactance[child], tie_reactance]),
        power, reactive,
    )  # fmt: skip
    trees = forest(parent, resistance, reactance, nominal, None, None, source)
    meshed = closed(trees, ends[:, 0], ends[:, 1], tie_resistance, tie_reactance)
    return meshed, power, reactive, voltage, current, child


def test_a_closed_ring_and_a_paralleled_bus_agree_with_power_grid_model(case):
    meshed, power, reactive, voltage, current, child = case
    state = flow(meshed, power, reactive)
    assert state.converged.all()
    # The default tolerance is 1e-10 per unit, and the sources there are not quite stiff.
    np.testing.assert_allclose(
        state.voltage / meshed.nominal_voltage, voltage / meshed.nominal_voltage, atol=1e-9
    )
    branches = np.concatenate([state.current[:, child], state.tie_current], axis=1)
    # A cable of 0.01 mohm carries 2e-9 of 415 V at 1 A, so currents there are known to some mA.
    np.testing.assert_allclose(branches, current, rtol=1e-6, atol=2e-2)


def test_powers_balance_at_every_node_of_a_mesh(case):
    meshed, power, reactive, *_ = case
    state = flow(meshed, power, reactive)
    passed = np.zeros_like(state.leaving)
    child = np.flatnonzero(meshed.parent >= 0)
    np.add.at(passed, (slice(None), meshed.parent[child]), state.entering[:, child])
    start, end = meshed.table.node[meshed.table.tie_ends - len(meshed.source)]
    np.add.at(passed, (slice(None), start), state.tie_entering)
    np.add.at(passed, (slice(None), end), -state.tie_leaving)
    np.testing.assert_allclose(state.leaving, power + 1j * reactive + passed, rtol=1e-11, atol=1e-5)


def test_each_scenario_of_a_mesh_is_the_same_to_the_bit_alone_and_in_a_batch(case):
    meshed, power, reactive, *_ = case
    power = power * np.linspace(0.0, 4.0, len(power))[:, None]
    batch = flow(meshed, power, reactive)
    for scenario in 0, 13, 39:
        single = flow(meshed, power[scenario], reactive[scenario])
        for field in dataclasses.fields(single):
            np.testing.assert_array_equal(getattr(batch, field.name)[scenario], getattr(single, field.name))


def test_the_reductions_of_a_mesh_are_those_of_its_flow(case):
    meshed, power, reactive, *_ = case
    state, found = flow(meshed, power, reactive), worst(meshed, power, reactive)
    np.testing.assert_allclose(found.tie_current, state.tie_current.max(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(found.tie_scenario, state.tie_current.argmax(axis=0))
    loss = (state.entering - state.leaving).real.sum(axis=1)
    loss += (state.tie_entering - state.tie_leaving).real.sum(axis=1)
    np.testing.assert_allclose(found.total_loss, loss, rtol=1e-7)
    polar = profile(meshed, power, reactive)
    np.testing.assert_allclose(polar.magnitude, np.abs(state.voltage), rtol=1e-14)


def test_two_equal_sources_share_by_the_current_divider():
    trees = forest(np.array([-1, -1, 0, 1]), [0, 0, 0.01, 0.03], np.zeros(4), np.full(4, 415.0))
    bus = closed(trees, np.array([2]), np.array([3]), np.zeros(1), np.zeros(1))
    state = flow(bus, np.array([0.0, 0.0, 100e3, 0.0]), np.zeros(4))
    # A tie without impedance: one bus, behind 10 and 30 mohm in parallel, 7.5 mohm.
    expected = (415.0 + np.sqrt(415.0**2 - 4 * 0.0075 * 100e3)) / 2
    np.testing.assert_allclose(state.voltage[2:].real, expected, rtol=1e-10)
    np.testing.assert_allclose(state.current[2] / state.current[3], 3.0, rtol=1e-7)
    assert flow(bus, np.array([0.0, 0.0, 1e8, 0.0]), np.zeros(4)).reason == Reason.COLLAPSED


def test_ties_may_be_added_one_after_another():
    parent, resistance, reactance, nominal, source, (ends, own, across) = ring()
    trees = forest(parent, resistance, reactance, nominal, None, None, source)
    at_once = closed(trees, ends[:, 0], ends[:, 1], own, across)
    in_turn = closed(trees, ends[:1, 0], ends[:1, 1], own[:1], across[:1])
    in_turn = closed(in_turn, ends[1:, 0], ends[1:, 1], own[1:], across[1:])
    power = np.full(8, 200e3)
    np.testing.assert_array_equal(flow(at_once, power, power).voltage, flow(in_turn, power, power).voltage)


def test_ties_that_cannot_be_are_refused():
    trees = forest(np.array([-1, 0, 0]), [0.0, 0.1, 0.0], np.zeros(3), np.array([12470.0, 415.0, 12470.0]))
    none = np.zeros(1)
    for start, end, message in (1, 2, "different nominal"), (0, 2, "no impedance"), (0, 3, "not a node"):
        with pytest.raises(ValueError, match=message):
            closed(trees, np.array([start]), np.array([end]), none, none)
