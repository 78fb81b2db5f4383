"""Radial load flow against power-grid-model, closed forms and Kirchhoff's laws."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from electrical.mesh import closed
from electrical.tree import Reason, Worst, depth, flow, forest, incidence, profile, worst


@pytest.fixture(scope="module")
def network(radial_network):
    """Network A."""
    return radial_network("network-a")


@pytest.fixture(scope="module")
def facility(network):
    """Network A as a forest."""
    return network.forest


@pytest.fixture(scope="module")
def loads(network):
    """Sixty scenarios of rack loads, each between 30 and 120 kW with a power factor of 0.9 to 1."""
    random = np.random.default_rng(20)
    shape = 60, len(network.racks)
    return network.loads(random.uniform(30e3, 120e3, shape), random.uniform(0.9, 1.0, shape))


def two_bus_voltage(source, resistance, reactance, power, reactive):
    """Upper root of U^4 + (2 (P R + Q X) - Us^2) U^2 + |S|^2 |Z|^2 = 0."""
    half = source**2 / 2 - (power * resistance + reactive * reactance)
    return np.sqrt(half + np.sqrt(half**2 - (power**2 + reactive**2) * (resistance**2 + reactance**2)))


def scattered(random, count):
    """A random forest of three voltage levels with branching of every kind, loads and shunts everywhere."""
    parent = np.array(
        [-1, -1] + [int(random.integers(-1 if node % 40 == 0 else 0, node)) for node in range(2, count)]
    )
    parent[random.integers(2, count, count // 5)] = 0
    nominal = 415.0 * 10.0 ** random.integers(0, 3, count)
    base = nominal**2 / 1e6
    network = forest(
        parent,
        random.uniform(0.0, 0.002, count) * base,
        random.uniform(0.0, 0.002, count) * base,
        nominal,
        random.uniform(0.0, 0.002, count) / base,
        random.uniform(-0.002, 0.002, count) / base,
        random.uniform(0.98, 1.05, int(np.sum(parent < 0))),
    )
    power = random.uniform(0.0, 20e3, (3, count)) * (random.random(count) < 0.7)
    return network, power, 0.3 * power


def test_network_a_agrees_with_power_grid_model(network, facility, loads):
    truth = network.solved_elsewhere(*loads)
    state = flow(facility, *loads)
    assert state.converged.all()
    magnitude, angle = network.deviation(state.voltage, truth)
    # Both stop at changes far below 1e-10 per unit; 1e-9 leaves an order for rounding and none for a model.
    np.testing.assert_allclose(magnitude, 0.0, atol=1e-9)
    np.testing.assert_allclose(angle, 0.0, atol=1e-9)
    # At low voltage the lines have no capacitance, so both ends carry the branch current.
    bare = network.susceptance[network.lines] == 0.0
    lines = network.lines[bare]
    np.testing.assert_allclose(state.current[:, lines], truth["line"]["i_to"][:, bare], rtol=1e-8)
    np.testing.assert_allclose(state.entering[:, lines].real, truth["line"]["p_from"][:, bare], rtol=1e-8)
    np.testing.assert_allclose(state.leaving[:, 0].real, truth["source"]["p"][:, 0], rtol=1e-8)
    np.testing.assert_allclose(state.leaving[:, 0].imag, truth["source"]["q"][:, 0], rtol=1e-8)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_two_buses_agree_with_the_closed_form(share):
    resistance, reactance, source = 0.004, 0.009, 415.0 * 1.02
    # Largest power at unity power factor: Us^2 / (2 (|Z| + R)).
    power = share * source**2 / (2 * (np.hypot(resistance, reactance) + resistance))
    line = forest(np.array([-1, 0]), [0.0, resistance], [0.0, reactance], [415.0, 415.0], None, None, 1.02)
    state = flow(line, np.array([0.0, power]), np.zeros(2))
    expected = two_bus_voltage(source, resistance, reactance, power, 0.0)
    # The tolerance 1e-10 times the contraction at 90 % of the nose, about 0.5 / (1 - 0.5).
    np.testing.assert_allclose(abs(state.voltage[1]), expected, rtol=1e-9)
    np.testing.assert_allclose(state.current[1], power / expected / np.sqrt(3.0), rtol=1e-9)


def test_idle_line_with_a_shunt_agrees_with_the_voltage_divider():
    impedance, admittance = 0.3 + 1.2j, 1e-3 + 4e-3j
    line = forest(
        np.array([-1, 0]), [0, impedance.real], [0, impedance.imag], [34.5e3, 34.5e3],
        [0, admittance.real], [0, admittance.imag],
    )  # fmt: skip
    state = flow(line, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(state.voltage[1], 34.5e3 / (1 + impedance * admittance), rtol=1e-10)


def test_no_solution_is_nan_and_leaves_its_neighbours_alone():
    line = forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], [400.0, 400.0])
    limit = 400.0**2 / (4 * 0.01)
    share = np.array([0.2, 1.001, 0.5, 5.0, np.nan, 0.9, 1e6])
    power = limit * np.stack([np.zeros(7), share], axis=-1)
    state = flow(line, power, np.zeros(2))
    assert state.converged.tolist() == [True, False, True, False, False, True, False]
    for part in state.voltage, state.current, state.entering, state.leaving:
        assert np.isnan(part[~state.converged].real).all()
        assert part.dtype == float or np.isnan(part[~state.converged].imag).all()
    for scenario in np.flatnonzero(state.converged):
        alone = flow(line, power[scenario], np.zeros(2))
        np.testing.assert_array_equal(state.voltage[scenario], alone.voltage)
    np.testing.assert_allclose(
        state.voltage[state.converged, 1].real,
        two_bus_voltage(400.0, 0.01, 0.0, limit * share[state.converged], 0.0),
        rtol=1e-9,
    )


def test_each_scenario_is_the_same_to_the_bit_alone_and_in_a_batch(facility, loads):
    power, reactive = loads
    # Loads from nothing to two-hundredfold settle after very different numbers of sweeps, or have no state.
    power = (
        power
        * np.concatenate([np.linspace(0.0, 12.0, len(power) - 9), np.geomspace(20.0, 200.0, 9)])[:, None]
    )
    batch, polar, found = (kernel(facility, power, reactive) for kernel in (flow, profile, worst))
    assert len(np.unique(batch.reason)) > 1
    np.testing.assert_array_equal(polar.reason, batch.reason)
    np.testing.assert_array_equal(found.reason, batch.reason)
    for scenario in [*range(0, len(power), 7), len(power) - 1]:
        single = flow(facility, power[scenario], reactive[scenario])
        for field in dataclasses.fields(single):
            np.testing.assert_array_equal(getattr(batch, field.name)[scenario], getattr(single, field.name))
        alone = profile(facility, power[scenario], reactive[scenario])
        np.testing.assert_array_equal(polar.magnitude[scenario], alone.magnitude)
        np.testing.assert_array_equal(polar.angle[scenario], alone.angle)
        alone = worst(facility, power[scenario], reactive[scenario])
        np.testing.assert_array_equal(found.lowest[scenario], alone.lowest)
        np.testing.assert_array_equal(found.total_loss[scenario], alone.total_loss)


def test_the_profile_is_the_voltage_of_the_flow(facility, loads):
    power, reactive = loads
    power = power * np.linspace(0.0, 200.0, len(power))[:, None]
    state, polar = flow(facility, power, reactive), profile(facility, power, reactive)
    assert 0 < state.converged.sum() < len(power)
    # Rounding of a square, a root and a rational function.
    np.testing.assert_allclose(polar.magnitude, np.abs(state.voltage), rtol=1e-15)
    np.testing.assert_allclose(polar.angle, np.angle(state.voltage), rtol=1e-15, atol=1e-17)


def test_angles_are_right_all_the_way_round_a_half():
    code = """
import numpy as np
from electrical.compiled import balanced
angle = np.linspace(-1.5707, 1.5707, 20001)
size = np.linspace(0.5, 2, 20001)
found = [balanced._angle(one * np.cos(at), one * np.sin(at)) for one, at in zip(size, angle)]
print(np.abs(np.array(found) - angle).max())
"""
    assert float(interpreted(code)) < 5e-16


def test_the_worst_of_a_batch_is_that_of_its_flow(facility, loads, network):
    power, reactive = (part.reshape(4, 15, -1) for part in loads)
    power = power * np.linspace(0.5, 1.5, 15)[:, None]
    power[1, 3] *= 1e3
    power[2, 14, network.racks[5]] = np.nan
    rating = np.linspace(100.0, 4000.0, power.shape[-1])
    state, found = flow(facility, power, reactive), worst(facility, power, reactive, rating)
    good = state.converged.ravel()
    assert good.sum() == 58
    assert found.reason[1, 3] == Reason.COLLAPSED
    assert found.reason[2, 14] == Reason.UNDEFINED
    np.testing.assert_array_equal(found.converged, state.converged)

    voltage, current, entering, leaving = (
        part.reshape(60, -1) for part in (np.abs(state.voltage), state.current, state.entering, state.leaving)
    )
    loss = (entering - leaving).real
    np.testing.assert_allclose(found.voltage, np.nanmin(voltage, axis=0), rtol=1e-15)
    np.testing.assert_allclose(found.current, np.nanmax(current, axis=0), rtol=1e-15)
    np.testing.assert_allclose(found.loading, np.nanmax(current, axis=0) / rating, rtol=1e-15)
    # The flow's loss is a difference of powers 1e-10 apart where the drop is within its tolerance.
    np.testing.assert_allclose(found.loss, np.nanmax(loss, axis=0), rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(found.mean_loss, np.nanmean(loss, axis=0), rtol=1e-6, atol=1e-3)
    # Where nodes tie to the last bit, the scenario named has that value.
    nodes = np.arange(power.shape[-1])
    np.testing.assert_allclose(voltage[found.voltage_scenario, nodes], found.voltage, rtol=1e-15)
    np.testing.assert_allclose(current[found.current_scenario, nodes], found.current, rtol=1e-15)

    per_unit = voltage / network.nominal
    np.testing.assert_allclose(found.lowest.ravel(), per_unit.min(axis=1), rtol=1e-15)
    core = np.zeros(len(nodes))
    core[facility.table.node] = facility.table.conductance
    total = loss.sum(axis=1) + (core * per_unit**2).sum(axis=1)
    np.testing.assert_allclose(found.total_loss.ravel(), total, rtol=1e-8)
    again = worst(facility, power, reactive, rating)
    for field in dataclasses.fields(found):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(again, field.name))


def test_a_batch_without_any_state_has_no_worst():
    line = forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], [400.0, 400.0])
    found = worst(line, np.array([[0.0, 1e9]]), np.zeros(2))
    assert found.voltage_scenario.tolist() == found.current_scenario.tolist() == [-1, -1]
    for part in found.voltage, found.current, found.loss, found.mean_loss, found.lowest, found.total_loss:
        assert np.isnan(part).all()
    assert worst(line, np.empty((0, 2)), np.zeros(2)).voltage_scenario.tolist() == [-1, -1]


def test_a_scenario_that_has_not_settled_has_no_part_in_the_worst():
    line = forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], [400.0, 400.0])
    power = 4e6 * np.array([[0.0, 0.1], [0.0, 0.95], [0.0, 3.0], [0.0, np.inf]])
    found, first = (worst(line, part, np.zeros(2), iterations=9) for part in (power, power[:1]))
    assert [Reason(reason).name for reason in found.reason] == [
        "SETTLED",
        "UNSETTLED",
        "COLLAPSED",
        "UNDEFINED",
    ]
    for name in "voltage", "voltage_scenario", "current", "current_scenario", "loss", "mean_loss":
        np.testing.assert_array_equal(getattr(found, name), getattr(first, name))


def test_the_nose_is_told_from_too_few_sweeps():
    resistance, source = 0.01, 400.0
    line = forest(np.array([-1, 0]), [0.0, resistance], [0.0, 0.0], [source, source])
    limit = source**2 / (4 * resistance)
    # On a line without reactance the voltages sink from sweep to sweep and fall through only beyond the nose.
    share = np.array([0.9, 0.999, 1.001, 1.2, 50.0])
    power = limit * np.stack([np.zeros(5), share], axis=-1)
    few = flow(line, power, np.zeros(2), iterations=15)
    many = flow(line, power, np.zeros(2), iterations=5000)
    assert [Reason(reason).name for reason in few.reason] == ["UNSETTLED"] * 3 + ["COLLAPSED"] * 2
    assert [Reason(reason).name for reason in many.reason] == ["SETTLED"] * 2 + ["COLLAPSED"] * 3
    np.testing.assert_allclose(
        abs(many.voltage[:2, 1]), two_bus_voltage(source, resistance, 0.0, limit * share[:2], 0.0), rtol=1e-9
    )


def test_views_broadcasts_and_frozen_arrays_are_read_alike(facility, loads):
    power, reactive = loads
    expected = flow(facility, power, np.broadcast_to(reactive[0], power.shape).copy())
    frozen = np.asfortranarray(power)
    frozen.setflags(write=False)
    found = flow(facility, frozen, reactive[0])
    np.testing.assert_array_equal(found.voltage, expected.voltage)
    wide = np.zeros((60, 2 * power.shape[1]))
    wide[:, ::2] = power
    np.testing.assert_array_equal(flow(facility, wide[:, ::2], reactive[0]).voltage, expected.voltage)


def interpreted(code):
    """What a process without compiled code prints."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


CASE = """
import numpy as np
from electrical import mesh, tree
random = np.random.default_rng(1)
parent = np.array([-1, 0, 1, 1, 2, 2, 0, 6])
trees = tree.forest(parent, *random.uniform(0, 0.02, (2, 8)), 415.0, 1e-3, 2e-3)
ring = mesh.closed(trees, np.array([5]), np.array([7]), np.array([0.01]), np.array([0.02]))
power = random.uniform(0, 30e3, (3, 8))
power[1] *= 100
numbers = []
for network in trees, ring:
    for kernel in tree.flow, tree.profile, tree.worst:
        found = kernel(network, power, 0.3 * power)
        for name in found.__dataclass_fields__:
            part = np.asarray(getattr(found, name), dtype=complex).ravel()
            numbers += [number.hex() for number in (*part.real, *part.imag)]
"""


def test_without_compilation_the_result_is_the_same():
    here = {}
    exec(CASE, here)
    there = interpreted(CASE + "print(*numbers)").split()
    # The compiler may join a product and a sum into one rounding on some machines.
    one, other = (np.array([float.fromhex(number) for number in found]) for found in (here["numbers"], there))
    np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_numba_is_imported_only_when_a_flow_is_asked_for():
    code = "import sys, electrical.tree, electrical.mesh; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scenarios_beyond_one_chunk_and_leading_axes_keep_their_places(facility, loads):
    power, reactive = loads
    many = flow(facility, np.tile(power, (5, 1)).reshape(5, 60, -1), reactive)
    assert many.voltage.shape == (5, 60, power.shape[-1])
    assert many.converged.shape == (5, 60)
    np.testing.assert_array_equal(
        many.voltage, np.broadcast_to(flow(facility, power, reactive).voltage, many.voltage.shape)
    )


def test_energy_closes(facility, loads, network):
    power, reactive = loads
    state = flow(facility, power, reactive)
    drawn = state.entering[:, 0]
    series = (state.entering - state.leaving).sum(axis=-1)
    per_unit = np.abs(state.voltage / network.nominal)[:, facility.table.node[facility.table.shunted]] ** 2
    core = (per_unit * facility.table.conductance[facility.table.shunted]).sum(axis=-1)
    line_and_core = (per_unit * facility.table.susceptance[facility.table.shunted]).sum(axis=-1)
    assert (series.real > 0).all()
    # The currents are those of the loads at the voltages given: rounding only.
    np.testing.assert_allclose(drawn.real, power.sum(axis=-1) + series.real + core, rtol=1e-12)
    np.testing.assert_allclose(drawn.imag, reactive.sum(axis=-1) + series.imag - line_and_core, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_random_forests_obey_ohm_and_kirchhoff(seed):
    network, power, reactive = scattered(np.random.default_rng(seed), 120)
    state = flow(network, power, reactive)
    assert state.converged.all()
    series, shunt = np.zeros((2, 120), dtype=complex)
    table = network.table
    series[table.node] = table.resistance + 1j * table.reactance
    shunt[table.node] = table.conductance + 1j * table.susceptance
    ratio = state.voltage / network.nominal_voltage
    child = network.parent >= 0
    upstream = ratio[:, network.parent]
    upstream[:, ~child] = network.source
    branch = np.conj(state.leaving / ratio)
    # Currents belong to the voltages, so Kirchhoff's law holds to rounding and Ohm's to the tolerance of 1e-10.
    np.testing.assert_allclose(upstream - ratio, series * branch, rtol=0, atol=1e-10)
    np.testing.assert_allclose(state.entering, upstream * np.conj(branch), rtol=1e-10, atol=1e-6)
    passed = np.zeros_like(branch)
    np.add.at(passed, (slice(None), network.parent[child]), state.entering[:, child])
    used = power + 1j * reactive + np.conj(shunt) * np.abs(ratio) ** 2
    np.testing.assert_allclose(state.leaving, used + passed, rtol=1e-12, atol=1e-6)


def test_a_branch_without_impedance_joins_its_ends():
    parent = np.array([-1, 0, 1, 1])
    network = forest(parent, [0.0, 0.01, 0.0, 0.0], np.zeros(4), np.full(4, 415.0))
    state = flow(network, np.array([0.0, 0.0, 50e3, 70e3]), np.zeros(4))
    assert state.voltage[1] == state.voltage[2] == state.voltage[3]
    np.testing.assert_allclose(
        state.voltage[1].real, two_bus_voltage(415.0, 0.01, 0.0, 120e3, 0.0), rtol=1e-9
    )


def test_each_root_has_its_own_source():
    network = forest(
        np.array([1, -1, -1, 2]), [0.01, 0, 0, 0.01], np.zeros(4), np.full(4, 415.0), None, None, [1.0, 1.05]
    )
    state = flow(network, np.array([50e3, 0.0, 0.0, 50e3]), np.zeros(4))
    np.testing.assert_allclose(state.voltage[[1, 2]], [415.0, 415.0 * 1.05])
    for node, source in (0, 415.0), (3, 415.0 * 1.05):
        np.testing.assert_allclose(
            state.voltage[node].real, two_bus_voltage(source, 0.01, 0.0, 50e3, 0.0), rtol=1e-9
        )


def test_a_start_changes_the_way_and_not_the_result(facility, loads):
    power, reactive = loads
    cold = flow(facility, power, reactive)
    start = cold.voltage.copy()
    start[0] = np.nan
    warm = flow(facility, 1.001 * power, reactive, start=start)
    assert warm.converged.all()
    reference = flow(facility, 1.001 * power, reactive)
    np.testing.assert_allclose(warm.voltage, reference.voltage, rtol=1e-9)
    assert flow(facility, power, reactive, start=cold.voltage, iterations=1).converged.all()
    assert not flow(facility, power, reactive, iterations=1).converged.any()


def test_another_system_of_units_gives_the_same_state():
    watt, volt = 7.0, 3.0
    ohm = volt**2 / watt
    parent, resistance = np.array([-1, 0, 1, 1]), np.array([0.1, 0.2, 0.01, 0.02])
    nominal, shunt, power = np.array([4150.0, 4150.0, 415.0, 415.0]), np.full(4, 1e-3), np.full(4, 90e3)
    state = flow(forest(parent, resistance, resistance, nominal, shunt, shunt), power, power)
    scaled = flow(
        forest(parent, ohm * resistance, ohm * resistance, volt * nominal, shunt / ohm, shunt / ohm),
        watt * power,
        watt * power,
    )
    # Rounding only: the sweep works per unit, whatever the units.
    np.testing.assert_allclose(scaled.voltage, volt * state.voltage, rtol=1e-12)
    np.testing.assert_allclose(scaled.current, watt / volt * state.current, rtol=1e-12)
    np.testing.assert_allclose(scaled.entering, watt * state.entering, rtol=1e-12)


def test_circles_and_strangers_are_refused():
    for parent in ([-1, 2, 1], [0], [-1, 5], [-1, -2]):
        with pytest.raises(ValueError, match=r"circle|not a node"):
            depth(np.array(parent))


def test_incidence_holds_every_path(network):
    parent = network.parent
    carried = incidence(parent)
    assert carried.dtype == np.bool_
    for node in (0, 5, 36, 537):
        path = []
        above = node
        while above >= 0:
            path.append(above)
            above = parent[above]
        assert sorted(path) == np.flatnonzero(carried[:, [node]].toarray()[:, 0]).tolist()


def test_without_a_folder_for_machine_code_a_flow_is_compiled_each_time():
    code = (
        "import numpy as np; from electrical import tree; from numba.core import caching;"
        "names = [name for name in vars(caching) if name.endswith('CacheImpl') or name == 'CacheImpl'];"
        "[setattr(vars(caching)[name], '_locator_classes', []) for name in names];"
        "line = tree.forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], 415.0);"
        "assert tree.profile(line, np.array([0.0, 1e5]), np.zeros(2)).converged;"
        "from electrical.compiled import balanced; print(type(balanced.settle._cache).__name__)"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert ran.stdout.strip() == "NullCache"


def same(one, other, but=()):
    """Every field of two results alike to the last bit, what is by scenario flat."""
    for field in dataclasses.fields(one):
        if field.name not in but:
            values, others = (np.asarray(getattr(result, field.name)).ravel() for result in (one, other))
            np.testing.assert_array_equal(values, others, err_msg=field.name, strict=True)


def test_chunks_merge_to_the_whole_batch(network, facility, loads):
    power, reactive = (part.copy() for part in loads)
    # Scenarios without a state of every kind, a chunk of them alone, and the worst of all three times.
    power[[0, 7, 34]] *= 1e4
    power[35, network.racks[3]] = np.nan
    power[20] *= 1.5
    power[[40, 50]], reactive[[40, 50]] = power[20], reactive[20]
    tied = closed(facility, network.racks[[0, 9]], network.racks[[5, 30]], [0.1, 0.2], [0.1, 0.1])
    rating = np.linspace(100.0, 4000.0, power.shape[-1])
    whole = worst(tied, power, reactive, rating)
    assert set(whole.reason) >= {Reason.SETTLED, Reason.COLLAPSED, Reason.UNDEFINED}
    assert {*whole.voltage_scenario} <= {20}
    cuts = itertools.pairwise([0, 1, 8, 8, 33, 34, 36, 45, 60])
    parts = [worst(tied, power[a:b], reactive[a:b], rating) for a, b in cuts]
    for found in (
        Worst.merged(parts),
        Worst.merged(part for part in parts),
        Worst.merged([Worst.merged(parts[:3]), Worst.merged(parts[3:5]), *parts[5:]]),
    ):
        same(found, whole, but=["mean_loss"])
        # Sums of 57 positive numbers in another order.
        np.testing.assert_allclose(found.mean_loss, whole.mean_loss, rtol=57 * np.finfo(float).eps)


def test_merging_counts_through_leading_axes_and_single_scenarios(facility, loads):
    power, reactive = loads
    whole = worst(facility, power, reactive)
    parts = [
        worst(facility, power[0], reactive[0]),
        worst(facility, power[1:57].reshape(4, 14, -1), reactive[1:57].reshape(4, 14, -1)),
        worst(facility, power[57:], reactive[57:]),
    ]
    same(Worst.merged(parts), whole, but=["mean_loss"])
    same(Worst.merged([whole]), whole)


def test_equal_values_of_unequal_squares_merge_to_the_scenario_of_the_batch():
    # Loads of neighbouring numbers: the root of the worst square is, often enough, that of an earlier one as well.
    step = 1.0 + np.arange(64) * np.finfo(float).eps / 2
    line, earlier = forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.01], [400.0, 400.0]), 0
    for size in np.linspace(60e3, 300e3, 12):
        power = size * np.stack([np.zeros(64), step], axis=-1)
        whole = worst(line, power, np.zeros(2))
        parts = [worst(line, load, np.zeros(2)) for load in power]
        same(Worst.merged(parts), whole, but=["mean_loss"])
        earlier += sum(part.voltage[1] == whole.voltage[1] for part in parts[: whole.voltage_scenario[1]])
    assert earlier > 0


def test_chunks_without_any_state_merge_to_no_worst():
    line = forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], [400.0, 400.0])
    lost, none = (worst(line, power, np.zeros(2)) for power in (np.array([[0.0, 1e9]]), np.empty((0, 2))))
    found = Worst.merged([none, lost, none, lost])
    same(found, worst(line, np.array([[0.0, 1e9]] * 2), np.zeros(2)))
    assert found.voltage_scenario.tolist() == [-1, -1]
    same(Worst.merged([none]), none)
