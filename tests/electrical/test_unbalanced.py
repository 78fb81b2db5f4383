"""Unbalanced load flow against the IEEE 4 node feeder, power-grid-model, closed forms and Kirchhoff's laws."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from electrical import tree
from electrical.unbalanced import Extremes, extremes, flow, network

TURN = np.exp(-2j * np.pi / 3 * np.arange(3))

# IEEE 4 Node Test Feeder (IEEE PES Distribution System Analysis Subcommittee), step-down bank of 6 MVA,
# 12.47/4.16 kV, 1 + 6j %. Lines of 2000 and 2500 ft, ohm per mile, with a neutral and of three wires.
FOUR_WIRES = np.array(
    [
        [0.4576 + 1.0780j, 0.1559 + 0.5017j, 0.1535 + 0.3849j],
        [0.1559 + 0.5017j, 0.4666 + 1.0482j, 0.1580 + 0.4236j],
        [0.1535 + 0.3849j, 0.1580 + 0.4236j, 0.4615 + 1.0651j],
    ]
)
THREE_WIRES = np.array(
    [
        [0.4013 + 1.4133j, 0.0953 + 0.8515j, 0.0953 + 0.7266j],
        [0.0953 + 0.8515j, 0.4013 + 1.4133j, 0.0953 + 0.7802j],
        [0.0953 + 0.7266j, 0.0953 + 0.7802j, 0.4013 + 1.4133j],
    ]
)
BALANCED = np.array([1800e3, 1800e3, 1800e3]), np.array([0.9, 0.9, 0.9])
UNBALANCED = np.array([1275e3, 1800e3, 2375e3]), np.array([0.85, 0.9, 0.95])

# The subcommittee's results for loads in grounded wye, as Modelica Buildings carries them for comparison
# (Electrical/AC/ThreePhasesUnbalanced/Validation/IEEETests/Test4NodesFeeder): magnitudes [V] and angles [degree]
# of nodes 2, 3 and 4; from phase to neutral, but from phase to phase at node 2 before a delta.
PUBLISHED = {
    ("Y-Y", "balanced"): (
        [[7107, 7140, 7121], [2247, 2269, 2256], [1918, 2061, 1981]],
        [[-0.3, -120.3, 119.6], [-3.7, -123.5, 116.4], [-9.1, -128.3, 110.9]],
    ),
    ("Y-Y", "unbalanced"): (
        [[7164, 7110, 7082], [2305, 2255, 2203], [2175, 1930, 1833]],
        [[-0.1, -120.2, 119.3], [-2.3, -123.6, 114.8], [-4.1, -126.8, 102.8]],
    ),
    ("D-Yg", "balanced"): (
        [[12340, 12349, 12318], [2249, 2263, 2259], [1920, 2054, 1986]],
        [[29.7, -90.4, 149.6], [-33.7, -153.4, 86.4], [-39.1, -158.3, 80.9]],
    ),
    ("D-Yg", "unbalanced"): (
        [[12350, 12314, 12333], [2290, 2261, 2214], [2157, 1936, 1849]],
        [[29.6, -90.4, 149.8], [-32.4, -153.8, 85.2], [-34.2, -157.0, 73.4]],
    ),
}


@pytest.fixture(scope="module")
def site(radial_network):
    """Network A."""
    return radial_network("network-a")


@pytest.fixture(scope="module")
def loads(site):
    """Forty scenarios of loads by phase, unequal everywhere, with single-phase whips and failed phases."""
    random = np.random.default_rng(7)
    power = np.zeros((40, len(site.parent), 3))
    racks = random.uniform(5e3, 45e3, (40, len(site.racks), 3))
    single = random.random(racks.shape[:2]) < 0.2
    racks[single] *= np.eye(3)[random.integers(0, 3, np.sum(single))]
    failed = random.random(racks.shape[:2]) < 0.1
    racks[failed] *= 1 - np.eye(3)[random.integers(0, 3, np.sum(failed))]
    power[:, site.racks] = racks
    return power, power * random.uniform(-0.1, 0.4, power.shape)


def four_nodes(bank):
    """The feeder with its bank."""
    upper = THREE_WIRES if bank == "D-Yg" else FOUR_WIRES
    impedance = np.array([2000 / 5280 * upper, 2500 / 5280 * FOUR_WIRES])
    base = 4160.0**2 / 6e6
    return network(
        np.array([-1, 0, 1, 2]), [0, 0, 0.01 * base, 0], [0, 0, 0.06 * base, 0],
        np.array([12470.0, 12470.0, 4160.0, 4160.0]), clock=[0, 0, 1 if bank == "D-Yg" else 0, 0],
        coupled=np.array([1, 3]), phase_resistance=impedance.real, phase_reactance=impedance.imag,
    )  # fmt: skip


@pytest.mark.parametrize(("bank", "loading"), PUBLISHED)
def test_the_ieee_feeder_of_four_nodes_agrees_with_its_published_voltages(bank, loading):
    power, factor = BALANCED if loading == "balanced" else UNBALANCED
    active, reactive = np.zeros((2, 4, 3))
    active[3], reactive[3] = power, power * np.tan(np.arccos(factor))
    state = flow(four_nodes(bank), active, reactive)
    assert state.converged
    voltage = state.voltage[1:].copy()
    if bank == "D-Yg":
        voltage[0] -= np.roll(voltage[0], -1)
    magnitude, angle = (np.array(part, dtype=float) for part in PUBLISHED[bank, loading])
    # Printed to 1 V in 1833 and to 0.1 degree, so rounding alone is up to 2.7e-4 and 0.05 degree.
    np.testing.assert_allclose(abs(voltage), magnitude, rtol=3e-4)
    np.testing.assert_allclose(
        np.degrees(np.angle(voltage * np.exp(-1j * np.radians(angle)))), 0.0, atol=0.05
    )


def test_the_balanced_loaded_ieee_feeder_agrees_with_an_independent_program():
    # OpenDSS, which works the impedances out from the poles: 0.4575 ohm for 0.4576, hence 2e-4.
    active = np.zeros((4, 3))
    active[3] = 1800e3
    state = flow(four_nodes("Y-Y"), active, active * np.tan(np.arccos(0.9)))
    expected = [[7106.4, 7139.5, 7120.6], [2247.4, 2268.4, 2255.8], [1917.8, 2061.0, 1980.8]]
    np.testing.assert_allclose(abs(state.voltage[1:]), expected, rtol=2e-4)


def test_network_a_agrees_with_power_grid_model(site, loads):
    truth = site.solved_elsewhere(*loads)
    state = flow(site.by_phase(), *loads)
    assert state.converged.all()
    ratio = state.voltage / (site.nominal[:, None] / np.sqrt(3.0))
    expected = truth["node"]["u_pu"] * np.exp(1j * truth["node"]["u_angle"])
    # Both stop far below 1e-10; angles are compared as they stand, Dyn11 included.
    np.testing.assert_allclose(ratio, expected, rtol=0, atol=1e-9)
    whips = np.isin(site.lines, site.racks)
    np.testing.assert_allclose(
        abs(state.current[:, site.racks]), truth["line"]["i_to"][:, whips], rtol=1e-8, atol=1e-6
    )
    bare = site.susceptance[site.lines] == 0.0
    lost = truth["line"]["p_from"] + truth["line"]["p_to"]
    np.testing.assert_allclose(
        state.loss[:, site.lines[bare]], lost.sum(axis=-1)[:, bare], rtol=1e-6, atol=1e-3
    )
    assert state.unbalance[:, site.racks].max() > 0.002


@pytest.mark.parametrize("clock", [1, 5, 7, 0, 6, 10])
def test_other_vector_groups_agree_with_power_grid_model(site, loads, clock):
    power, reactive = (part[:4] for part in loads)
    truth = site.solved_elsewhere(power, reactive, clock=clock)
    state = flow(site.by_phase(clock), power, reactive)
    ratio = state.voltage / (site.nominal[:, None] / np.sqrt(3.0))
    expected = truth["node"]["u_pu"] * np.exp(1j * truth["node"]["u_angle"])
    np.testing.assert_allclose(ratio, expected, rtol=0, atol=1e-9)


def four_turns(hours, shape):
    """The turn of a Dyn transformer from first principles: each wye phase lies along a difference of phases."""
    one = {1: [[1, 0, -1], [-1, 1, 0], [0, -1, 1]], 11: [[1, -1, 0], [0, 1, -1], [-1, 0, 1]]}
    turn = np.array(one[hours] if hours in one else -np.array(one[hours + 6 if hours < 6 else hours - 6]))
    return np.broadcast_to(turn / np.sqrt(3.0), shape).copy()


@pytest.mark.parametrize("hours", [1, 5, 7, 11])
def test_the_turn_of_a_delta_is_a_difference_of_phases(hours):
    bank = network(np.array([-1, 0]), 0.0, 0.0, np.array([415.0, 415.0]), clock=np.array([0, hours]))
    np.testing.assert_allclose(bank.turns, four_turns(hours, (1, 3, 3)), rtol=0, atol=1e-15)


def test_even_clocks_pass_the_zero_sequence_and_permute_the_phases():
    for hours, turn in (
        (0, np.eye(3)), (4, np.eye(3)[[1, 2, 0]]), (6, -np.eye(3)), (10, -np.eye(3)[[1, 2, 0]])
    ):  # fmt: skip
        bank = network(np.array([-1, 0]), 0.0, 0.0, 415.0, clock=np.array([0, hours]))
        np.testing.assert_allclose(bank.turns if hours else [np.eye(3)], [turn], rtol=0, atol=1e-15)
    with pytest.raises(ValueError, match="odd clock"):
        network(np.array([-1, 0]), 0.0, 0.0, 415.0, clock=np.array([0, 1]), cut=np.array([False, False]))


def test_balanced_loads_give_the_flow_of_a_single_phase(site):
    random = np.random.default_rng(3)
    power, reactive = site.loads(random.uniform(30e3, 120e3, (20, len(site.racks))), 0.97)
    expected = tree.flow(site.forest, power, reactive)
    state = flow(site.by_phase(), *(np.repeat(part[..., None], 3, axis=-1) / 3 for part in (power, reactive)))
    clock = np.where(site.transformer | (site.nominal < 1e3), np.exp(1j * np.pi / 6), 1.0)
    np.testing.assert_allclose(
        np.sqrt(3.0) * state.voltage / site.nominal[:, None],
        (expected.voltage * clock / site.nominal)[..., None] * TURN,
        rtol=0, atol=1e-9,
    )  # fmt: skip
    np.testing.assert_allclose(abs(state.current), np.repeat(expected.current[..., None], 3, -1), rtol=1e-9)
    np.testing.assert_allclose(state.loss, (expected.entering - expected.leaving).real, rtol=1e-8, atol=1e-3)
    assert state.unbalance.max() < 1e-12
    assert state.neutral_current.max() < 1e-9


def test_a_load_on_one_phase_agrees_with_the_closed_form():
    # The loop is phase and neutral: (2 Z1 + Z0) / 3, with V real because the load has the loop's angle.
    first, zero = 0.01 + 0.02j, 0.04 + 0.05j
    loop, mutual = (2 * first + zero) / 3, (zero - first) / 3
    source = 415.0 / np.sqrt(3.0)
    power, reactive = 30e3 * np.array([loop.real, loop.imag]) / abs(loop)
    line = network(np.array([-1, 0]), [0, 0.01], [0, 0.02], 415.0, [0, 0.04], [0, 0.05])
    state = flow(line, [[0, 0, 0], [power, 0, 0]], [[0, 0, 0], [reactive, 0, 0]], tolerance=1e-13)
    expected = source / 2 + np.sqrt(source**2 / 4 - abs(loop) * 30e3)
    current = np.conj(30e3 * loop / abs(loop) / expected)
    np.testing.assert_allclose(state.voltage[1, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(state.current[1], [current, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(state.voltage[1, 1:], source * TURN[1:] - mutual * current, rtol=1e-12)
    np.testing.assert_allclose(state.neutral_current[1], abs(current), rtol=1e-12)
    np.testing.assert_allclose(state.loss[1], loop.real * abs(current) ** 2, rtol=1e-12)
    phasors = state.voltage[1]
    ratio = abs(phasors @ TURN) / abs(phasors @ np.conj(TURN))
    np.testing.assert_allclose(state.unbalance[1], ratio, rtol=1e-9)


def test_a_load_between_two_phases_agrees_with_the_closed_form():
    # No zero sequence: the loop is 2 Z1, its source the line-line voltage.
    power, source = 60e3, 415.0
    line = network(np.array([-1, 0]), [0, 0.01], 0.0, 415.0, [0, 9.0], 0.0, between=[False, True])
    state = flow(line, [[0, 0, 0], [0, power, 0]], np.zeros(3), tolerance=1e-13)
    across = source / 2 + np.sqrt(source**2 / 4 - 0.02 * power)
    np.testing.assert_allclose(abs(state.voltage[1, 1] - state.voltage[1, 2]), across, rtol=1e-12)
    np.testing.assert_allclose(abs(state.current[1]), [0, power / across, power / across], rtol=1e-12)
    np.testing.assert_allclose(state.neutral_current[1], 0.0, atol=1e-9)
    np.testing.assert_allclose(abs(state.voltage[1, 0]), 415.0 / np.sqrt(3.0), rtol=1e-12)


def test_three_unequal_loads_in_phase_add_up_in_the_neutral():
    # At unity power factor and without drop: I_N^2 = sum of squares less sum of products of the pairs.
    a, b, c = amperes = np.array([100.0, 70.0, 20.0])
    line = network(np.array([-1, 0]), 0.0, 0.0, 400.0)
    state = flow(line, [[0, 0, 0], amperes * 400.0 / np.sqrt(3.0)], np.zeros((2, 3)))
    np.testing.assert_allclose(abs(state.current[1]), amperes, rtol=1e-12)
    expected = np.sqrt(a * a + b * b + c * c - a * b - b * c - c * a)
    np.testing.assert_allclose(state.neutral_current[1], expected, rtol=1e-12)


def test_a_delta_cuts_the_zero_sequence_and_nothing_else(site, loads):
    state = flow(site.by_phase(), *loads)
    high = site.nominal > 1e3
    assert state.neutral_current[:, ~high].max() > 100.0
    np.testing.assert_allclose(state.neutral_current[:, high], 0.0, atol=1e-9)
    np.testing.assert_allclose(state.voltage[:, high].sum(axis=-1), 0.0, atol=1e-7)
    # A delta turns positive and negative sequence currents by opposite angles and leaves their sizes.
    board = np.flatnonzero(site.transformer)
    below, above = state.current[:, board], state.current[:, site.parent[board]]
    for sequence in TURN, np.conj(TURN):
        low, top = (abs(part @ sequence) * site.nominal[place] for part, place in
                    ((below, board), (above, site.parent[board])))  # fmt: skip
        # What is left is what the core and the cable draw.
        np.testing.assert_allclose(low, top, rtol=5e-3)


def test_the_zero_sequence_of_a_grounded_wye_reaches_the_source():
    wye, delta = (
        network(np.array([-1, 0]), [0.0, 0.01], 0.0, np.array([4150.0, 415.0]), clock=[0, hours])
        for hours in (0, 11)
    )
    loads = np.array([[0, 0, 0], [30e3, 0, 0]])
    open_, cut = (flow(each, loads, np.zeros((2, 3))) for each in (wye, delta))
    np.testing.assert_allclose(
        [open_.neutral_current[0], cut.neutral_current[0]],
        [open_.neutral_current[1] / 10, 0.0], rtol=1e-12, atol=1e-9,
    )  # fmt: skip
    # One phase of the wye is two of the delta, each of 1/sqrt(3) of the ratio.
    np.testing.assert_allclose(
        abs(cut.current[0]), abs(cut.current[1, 0]) / 10 / np.sqrt(3.0) * np.array([1, 1, 0]), atol=1e-9
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_obey_ohm_and_kirchhoff(seed):
    random = np.random.default_rng(seed)
    count = 60
    parent = np.array(
        [-1] + [int(random.integers(-1 if node % 20 == 0 else 0, node)) for node in range(1, count)]
    )
    nominal = 415.0 * 10.0 ** random.integers(0, 2, count)
    base = nominal**2 / 1e6
    first, zero, shunt, zero_shunt = (
        (random.uniform(0, size, count) + 1j * random.uniform(0, size, count))
        for size in (0.002, 0.006, 0.002, 0.001)
    )
    clock = random.integers(0, 12, count) * (parent >= 0) * (random.random(count) < 0.3)
    between = random.random(count) < 0.3
    coupled = np.flatnonzero((clock == 0) & (random.random(count) < 0.3))
    blocks = 0.002 * (random.random((len(coupled), 3, 3)) + 1j * random.random((len(coupled), 3, 3)))
    blocks *= base[coupled, None, None]
    net = network(
        parent, first.real * base, first.imag * base, nominal, zero.real * base, zero.imag * base,
        shunt.real / base, shunt.imag / base, zero_shunt.real / base, zero_shunt.imag / base,
        1.03, clock, None, between, coupled, blocks.real, blocks.imag,
    )  # fmt: skip
    power = random.uniform(0.0, 5e3, (3, count, 3)) * (random.random((count, 3)) < 0.7)
    state = flow(net, power, 0.3 * power, tolerance=1e-13)
    assert state.converged.all()

    def phases(sequence_one, sequence_zero):
        """The matrix of phases of equal positive and negative, and a zero sequence value."""
        return sequence_one[:, None, None] * np.eye(3) + (sequence_zero - sequence_one)[:, None, None] / 3

    impedance = phases(first * base, zero * base)
    impedance[coupled] = blocks
    admittance = phases(shunt / base, zero_shunt / base)
    turns = np.broadcast_to(np.eye(3), (count, 3, 3)).copy()
    for node in np.flatnonzero(clock):
        sequences = np.array([np.ones(3), TURN, np.conj(TURN)]).T
        hours = clock[node] * np.pi / 6
        own = [0 if clock[node] % 2 else (-1) ** (clock[node] // 2), np.exp(-1j * hours), np.exp(1j * hours)]
        turns[node] = (sequences @ np.diag(own) @ np.linalg.inv(sequences)).real
    ratio = np.ones(count)
    ratio[parent >= 0] = nominal[parent >= 0] / nominal[parent[parent >= 0]]
    upper = ratio[:, None] * state.voltage[:, parent]
    upper[:, parent < 0] = 1.03 * nominal[parent < 0, None] / np.sqrt(3.0) * TURN
    upper = np.einsum("nij,snj->sni", turns, upper)
    fallen = np.einsum("nij,snj->sni", impedance, state.current)
    np.testing.assert_allclose(
        (upper - state.voltage) / nominal[:, None], fallen / nominal[:, None], atol=1e-11
    )

    star = np.conj((power + 0.3j * power) / state.voltage)
    across = np.conj((power + 0.3j * power) / (state.voltage - np.roll(state.voltage, -1, axis=-1)))
    drawn = np.where(between[:, None], across - np.roll(across, 1, axis=-1), star)
    drawn = drawn + np.einsum("nij,snj->sni", admittance, state.voltage)
    child = np.flatnonzero(parent >= 0)
    passed = np.einsum("nji,snj->sni", turns, ratio[:, None] * state.current)
    for node in child:
        drawn[:, parent[node]] += passed[:, node]
    np.testing.assert_allclose(state.current, drawn, rtol=1e-10, atol=1e-9)
    lost = np.sum((np.conj(state.current) * fallen).real, axis=-1)
    np.testing.assert_allclose(state.loss, lost, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(state.neutral_current, abs(state.current.sum(axis=-1)), rtol=1e-9, atol=1e-9)


def test_energy_closes(site, loads):
    power, reactive = loads
    state = flow(site.by_phase(), power, reactive, tolerance=1e-12)
    resistance, _, conductance, _ = site._circuit
    source = 1.02 * site.nominal[0] / np.sqrt(3.0) * TURN
    entered = (source * np.conj(state.current[:, 0])).sum(axis=-1).real
    one = np.abs(state.voltage @ np.array([TURN, np.conj(TURN)]).T / 3) ** 2
    core = 3 * (one.sum(axis=-1) * conductance).sum(axis=-1)
    zero = np.abs(state.voltage.sum(axis=-1) / 3) ** 2
    board = np.flatnonzero(site.transformer)
    core += 3 * (zero[:, board] * site._core(board)[0]).sum(axis=-1)
    assert (state.loss > -1e-9).all()
    assert resistance[0] > 0.0
    np.testing.assert_allclose(entered, power.sum(axis=(1, 2)) + state.loss.sum(axis=-1) + core, rtol=1e-9)


def test_no_solution_is_nan_and_leaves_its_neighbours_alone():
    line = network(np.array([-1, 0]), [0.0, 0.01], 0.0, 400.0, [0.0, 0.01])
    limit = 400.0**2 / 3 / (4 * 0.01)
    share = np.array([0.2, 1.001, 0.5, 5.0, np.nan, 0.9, 1e9, np.inf])
    power = np.zeros((8, 2, 3))
    power[:, 1, 1] = limit * share
    state = flow(line, power, np.zeros(3))
    assert state.converged.tolist() == [True, False, True, False, False, True, False, False]
    for part in dataclasses.astuple(state)[:-1]:
        assert np.isnan(part[~state.converged].real).all()
        assert not np.isnan(part[state.converged]).any()
    worst = extremes(line, power, np.zeros(3))
    assert worst.converged.tolist() == state.converged.tolist()
    assert worst.voltage_scenario[1] == 5
    np.testing.assert_array_equal(np.isnan(worst.loss), ~state.converged)
    nothing = extremes(line, power[3:5], np.zeros(3))
    assert nothing.voltage_scenario.tolist() == [-1, -1]
    assert np.isnan(nothing.unbalance).all()


def test_a_batch_equals_a_loop_to_the_last_bit(site, loads):
    power, reactive = loads
    # Loads from nothing to twelvefold settle after very different numbers of sweeps, or never.
    power = power * np.linspace(0.0, 12.0, len(power))[:, None, None]
    batch = flow(site.by_phase(), power, reactive)
    assert batch.converged[0]
    assert not batch.converged[-1]
    backwards = flow(site.by_phase(), power[::-1], reactive[::-1])
    for scenario in range(0, len(power), 3):
        single = flow(site.by_phase(), power[scenario], reactive[scenario])
        for field in dataclasses.fields(single):
            alone = getattr(single, field.name)
            np.testing.assert_array_equal(getattr(batch, field.name)[scenario], alone)
            np.testing.assert_array_equal(getattr(backwards, field.name)[-1 - scenario], alone)


def test_leading_axes_broadcast_and_keep_their_places(site, loads):
    power, reactive = loads
    many = flow(site.by_phase(), power.reshape(5, 8, -1, 3), reactive[0])
    assert many.voltage.shape == (5, 8, len(site.parent), 3)
    assert many.unbalance.shape == many.loss.shape == (5, 8, len(site.parent))
    assert many.converged.shape == (5, 8)
    np.testing.assert_array_equal(many.voltage[3, 2], flow(site.by_phase(), power[26], reactive[0]).voltage)


def test_extremes_are_those_of_all_states(site, loads):
    power, reactive = loads
    # Twice the same, so that the first of equals is the one that counts.
    power, reactive = np.concatenate([power, power]), np.concatenate([reactive, reactive])
    state, worst = flow(site.by_phase(), power, reactive), extremes(site.by_phase(), power, reactive)
    lowest, highest = abs(state.voltage).min(axis=-1), abs(state.current).max(axis=-1)
    low = site.nominal < 1e3
    for values, pick, found, scenario in (
        (lowest, np.argmin, worst.voltage, worst.voltage_scenario),
        (highest, np.argmax, worst.current, worst.current_scenario),
        (state.neutral_current, np.argmax, worst.neutral_current, worst.neutral_current_scenario),
        (state.unbalance, np.argmax, worst.unbalance, worst.unbalance_scenario),
    ):
        first = pick(values, axis=0)
        np.testing.assert_allclose(found, values[first, np.arange(len(first))], rtol=1e-12, atol=1e-9)
        np.testing.assert_array_equal(scenario[low], first[low])
    assert (worst.voltage_scenario < 40).all()
    np.testing.assert_allclose(worst.loss, state.loss.sum(axis=-1), rtol=1e-12)
    assert worst.converged.all()


def test_numba_is_imported_when_the_first_flow_is_asked_for():
    code = "import sys, electrical.unbalanced; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_chunks_of_scenarios_merge_to_the_whole(site, loads):
    # Twice the same, then with the phases turned: by rounding alone other than before. A few have no state.
    power, reactive = (
        np.concatenate([part, part, np.roll(part, 1, axis=-1), part[:1]])
        for part in (one[:16].copy() for one in loads)
    )
    power[[0, 18, 20, 21]] *= 1e4
    power[35, site.racks[2], 1] = np.nan
    net = site.by_phase()
    whole = extremes(net, power, reactive)
    assert whole.converged.sum() == 44
    cuts = [0, 1, 14, 14, 20, 22, 35, 48]
    parts = [extremes(net, power[a:b], reactive[a:b]) for a, b in itertools.pairwise(cuts)]
    parts.append(extremes(net, power[48], reactive[48]))
    for found in (
        Extremes.merged(parts),
        Extremes.merged(part for part in parts),
        Extremes.merged([Extremes.merged(parts[:4]), *parts[4:]]),
    ):
        for field in dataclasses.fields(whole):
            one, other = getattr(found, field.name), getattr(whole, field.name)
            np.testing.assert_array_equal(one, other, err_msg=field.name, strict=True)
    # Going by the values, whose squares alone tell them apart, would have named an earlier scenario.
    equal = [
        (part.current == whole.current) & (end <= whole.current_scenario)
        for part, end in zip(parts, cuts[1:], strict=False)
    ]
    assert np.any(equal)


def test_chunks_without_any_state_merge_to_no_extremes():
    line = network(np.array([-1, 0]), [0.0, 0.01], 0.0, 400.0, [0.0, 0.01])
    lost = extremes(line, np.full((2, 2, 3), 1e9), np.zeros(3))
    found = Extremes.merged([lost, lost])
    assert found.current_scenario.tolist() == [-1, -1]
    assert np.isnan(found.current).all()
    assert np.isnan(found.loss).tolist() == [True] * 4
