"""Direct-current networks against closed forms, numpy's nodal solution and the kernel of trees."""

from __future__ import annotations

import numpy as np
import pytest

from electrical import tree
from electrical.direct import bipolar, busbar, flow, line_voltage, network, power_limit


def line(source, resistance):
    """A line with its load at the end."""
    return network(np.array([-1, 0]), np.array([0.0, resistance]), source)


def test_the_800_v_line_of_2_milliohm():
    voltage = line_voltage(800.0, 2e-3, np.array([132e3, 1e6]))
    np.testing.assert_allclose(voltage, [799.67, 797.49], atol=5e-3)
    np.testing.assert_allclose(1.0 - voltage / 800.0, [0.00041, 0.00313], atol=5e-6)
    assert power_limit(800.0, 2e-3) == pytest.approx(80e6, rel=1e-15)
    assert line_voltage(800.0, 2e-3, power_limit(800.0, 2e-3)) == pytest.approx(400.0, rel=1e-7)
    assert np.isnan(line_voltage(800.0, 2e-3, 80e6 * (1 + 1e-12)))


@pytest.mark.parametrize(("source", "resistance"), [(54.0, 1e-4), (800.0, 2e-3)])
def test_a_line_agrees_with_its_closed_form(source, resistance):
    share = np.array([0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
    power = share * power_limit(source, resistance)
    state = flow(line(source, resistance), np.stack([np.zeros(6), power], axis=-1))
    expected = line_voltage(source, resistance, power)
    assert state.converged.all()
    np.testing.assert_allclose(state.voltage[:, 1], expected, rtol=1e-12)
    np.testing.assert_allclose(state.current[:, 1], power / expected, rtol=1e-12)
    np.testing.assert_allclose(state.loss[:, 1], resistance * (power / expected) ** 2, rtol=1e-9, atol=1e-6)


def test_beyond_the_limit_there_is_no_state_and_the_neighbours_stay():
    limit = power_limit(800.0, 2e-3)
    state = flow(line(800.0, 2e-3), np.array([[0.0, 0.5 * limit], [0.0, 1.001 * limit], [0.0, np.nan]]))
    assert state.converged.tolist() == [True, False, False]
    for part in state.voltage, state.current, state.loss:
        assert np.isnan(part[1:]).all()
        assert np.isfinite(part[0]).all()


def test_reactance_has_no_place_in_direct_current():
    with pytest.raises(ValueError, match="no reactance"):
        flow(tree.forest(np.array([-1, 0]), [0.0, 0.1], [0.0, 0.1], 800.0), np.zeros(2))


def test_a_tree_obeys_kirchhoff_and_closes_its_energy():
    random = np.random.default_rng(3)
    parent = np.array([-1] + [int(random.integers(0, node)) for node in range(1, 60)])
    resistance = random.uniform(0.5e-3, 2e-3, 60)
    resistance[0] = 0.0
    power = random.uniform(0.0, 40e3, (5, 60))
    state = flow(network(parent, resistance, 800.0), power)
    assert state.converged.all()
    below = power / state.voltage
    for node in range(59, 0, -1):
        below[:, parent[node]] += below[:, node]
    np.testing.assert_allclose(state.current, below, rtol=1e-11)
    np.testing.assert_allclose(
        state.voltage[:, parent[1:]] - state.voltage[:, 1:], (resistance * below)[:, 1:], rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(
        800.0 * state.current[:, 0], power.sum(axis=1) + state.loss.sum(axis=1), rtol=1e-11
    )


def test_two_conductors_of_half_the_resistance_make_the_loop_of_plus_and_minus_400_v():
    power, resistance = 300e3, 1e-3
    poles = bipolar(400.0, resistance, 5e-3, np.array([power / 2, power / 2]))
    whole = line_voltage(800.0, 2 * resistance, power)
    np.testing.assert_allclose(poles.voltage, whole / 2, rtol=1e-14)
    assert poles.loss == pytest.approx(2 * resistance * (power / whole) ** 2, rel=1e-12)


def test_without_a_neutral_drop_each_pole_is_a_line_of_its_own():
    power = np.array([[200e3, 50e3], [0.0, 1e6], [39.9e6, 1.0]])
    poles = bipolar(400.0, 1e-3, 0.0, power)
    assert poles.converged.all()
    np.testing.assert_allclose(poles.voltage, line_voltage(400.0, 1e-3, power), rtol=1e-12)
    assert not bipolar(400.0, 1e-3, 0.0, np.array([40.1e6, 1.0])).converged


def test_unequal_poles_obey_kirchhoff_and_lie_on_the_branch_that_begins_at_no_load():
    random = np.random.default_rng(4)
    power = random.uniform(0.0, 25e6, (200, 2))
    poles = bipolar(400.0, 1e-3, 2e-3, power)
    assert 20 < poles.converged.sum() < 200
    good = poles.converged
    neutral = poles.current[good, :1] - poles.current[good, 1:]
    drop = 1e-3 * poles.current[good] + 2e-3 * neutral * [1.0, -1.0]
    np.testing.assert_allclose(poles.voltage[good] + drop, 400.0, rtol=1e-12)
    np.testing.assert_allclose(
        400.0 * poles.current[good].sum(axis=1), power[good].sum(axis=1) + poles.loss[good], rtol=1e-11
    )
    # Raised in small steps, the loads lead to the same state, and where there is none they lead to no other.
    conductance = np.linalg.inv([[3e-3, -2e-3], [-2e-3, 3e-3]])
    voltage, stable = np.full((200, 2), 400.0), np.ones(200, dtype=bool)
    for share in np.linspace(0.002, 1.0, 500):
        for _ in range(5):
            slope = conductance - (share * power / voltage**2)[:, :, None] * np.eye(2)
            left = (voltage - 400.0) @ conductance + share * power / voltage
            voltage = np.where(
                stable[:, None], voltage - np.linalg.solve(slope, left[..., None])[..., 0], voltage
            )
        stable &= (np.abs(left).max(axis=1) < 1e-3) & (np.linalg.eigvalsh(slope)[:, 0] > 0.0)
    np.testing.assert_array_equal(good, stable)
    np.testing.assert_allclose(poles.voltage[good], voltage[good], rtol=1e-10)


def nodal(resistance, source, droop, power):
    """Voltages of a busbar by a fixed point over numpy's solution of its nodal equations."""
    nodes = len(power)
    matrix = np.diag(1.0 / droop)
    for node in range(nodes - 1):
        matrix[node : node + 2, node : node + 2] += np.array([[1, -1], [-1, 1]]) / resistance[node]
    voltage = np.linalg.solve(matrix, source / droop)
    for _ in range(500):
        voltage = np.linalg.solve(matrix, source / droop - power / voltage)
    return voltage


def test_a_busbar_with_many_taps_agrees_with_numpy():
    random = np.random.default_rng(5)
    nodes = 26
    resistance = random.uniform(5e-6, 20e-6, nodes - 1)
    droop = np.full(nodes, np.inf)
    droop[[0, 1, 2, 3, 22, 23, 24, 25]] = 0.5 / 600.0
    power = np.zeros(nodes)
    power[4:22] = random.uniform(2e3, 7e3, 18)
    state = busbar(resistance, np.full(nodes, 54.0), droop, power)
    assert state.converged
    np.testing.assert_allclose(
        state.voltage, nodal(resistance, np.full(nodes, 54.0), droop, power), rtol=1e-12
    )
    given = (state.source_current * state.voltage).sum()
    assert given == pytest.approx(power.sum() + state.loss, rel=1e-11)
    assert (state.source_current[4:22] == 0.0).all()


def test_a_busbar_fed_at_one_end_by_a_stiff_source_is_the_chain_of_the_tree():
    random = np.random.default_rng(6)
    resistance, power = random.uniform(1e-5, 5e-5, 9), random.uniform(1e3, 8e3, 10)
    droop = np.full(10, np.inf)
    droop[0] = 1e-4
    bar = busbar(resistance, np.full(10, 54.0), droop, power)
    chain = flow(network(np.arange(-1, 9), np.concatenate([[1e-4], resistance]), 54.0), power)
    np.testing.assert_allclose(bar.voltage, chain.voltage, rtol=1e-12)
    assert bar.loss == pytest.approx(chain.loss[1:].sum(), rel=1e-10)


def test_one_tap_is_the_closed_form_up_to_the_limit_and_nan_beyond():
    share = np.array([0.0, 0.3, 0.9, 0.999, 1.0001, 3.0])
    limit = power_limit(54.0, 3e-4)
    power = np.stack([np.zeros(6), share * limit], axis=-1)
    bar = busbar(2e-4, np.full(2, 54.0), np.array([1e-4, np.inf]), power)
    assert bar.converged.tolist() == [True] * 4 + [False] * 2
    np.testing.assert_allclose(bar.voltage[:4, 1], line_voltage(54.0, 3e-4, power[:4, 1]), rtol=1e-12)
    for part in bar.voltage, bar.source_current:
        assert np.isnan(part[4:]).all()


def test_shelves_share_by_their_droop_and_a_dead_one_leaves_its_load_to_the_rest():
    droop = np.array([[1e-3, 2e-3, np.inf], [1e-3, np.inf, np.inf], [np.inf, np.inf, np.inf]])
    bar = busbar(1e-8, np.full(3, 54.5), droop, np.array([0.0, 0.0, 30e3]))
    assert bar.converged.tolist() == [True, True, False]
    assert bar.source_current[0, 0] == pytest.approx(2 * bar.source_current[0, 1], rel=1e-4)
    assert bar.source_current[1, 0] == pytest.approx(30e3 / bar.voltage[1, 2], rel=1e-4)
    assert np.isnan(bar.voltage[2]).all()


def test_a_batch_of_busbars_equals_a_loop():
    random = np.random.default_rng(7)
    power = random.uniform(0.0, 200e3, (30, 6))
    droop = np.where(random.random((30, 6)) < 0.5, 1e-3, np.inf)
    batch = busbar(2e-5, np.full(6, 54.0), droop, power)
    assert 0 < batch.converged.sum() < 30
    for scenario in range(30):
        single = busbar(2e-5, np.full(6, 54.0), droop[scenario], power[scenario])
        assert single.converged == batch.converged[scenario]
        np.testing.assert_array_equal(single.voltage, batch.voltage[scenario])
