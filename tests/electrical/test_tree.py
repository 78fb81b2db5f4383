"""Radial load flow against power-grid-model, closed forms and Kirchhoff's laws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from electrical.tree import depth, flow, forest, incidence


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


def test_a_batch_equals_a_loop(facility, loads):
    power, reactive = loads
    # Loads from nothing to twelve-fold settle after very different numbers of sweeps.
    power = power * np.linspace(0.0, 12.0, len(power))[:, None]
    batch = flow(facility, power, reactive)
    assert batch.converged[0]
    for scenario in range(0, len(power), 7):
        single = flow(facility, power[scenario], reactive[scenario])
        assert single.converged == batch.converged[scenario]
        for field in dataclasses.fields(single):
            np.testing.assert_allclose(
                getattr(batch, field.name)[scenario], getattr(single, field.name), rtol=1e-12, atol=1e-9
            )


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
    per_unit = np.abs(state.voltage / network.nominal)[:, facility.order[facility.shunted]] ** 2
    core = (per_unit * facility.shunt[0, :, 0]).sum(axis=-1)
    line_and_core = (per_unit * facility.shunt[1, :, 0]).sum(axis=-1)
    assert (series.real > 0).all()
    # Loads are met to about the tolerance of the voltages, 1e-10, times two.
    np.testing.assert_allclose(drawn.real, power.sum(axis=-1) + series.real + core, rtol=1e-9)
    np.testing.assert_allclose(drawn.imag, reactive.sum(axis=-1) + series.imag - line_and_core, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_random_forests_obey_ohm_and_kirchhoff(seed):
    network, power, reactive = scattered(np.random.default_rng(seed), 120)
    state = flow(network, power, reactive)
    assert state.converged.all()
    series, shunt = np.zeros((2, 120), dtype=complex)
    series[network.order] = network.series[0, :, 0] + 1j * network.series[1, :, 0]
    shunt[network.order[network.shunted]] = network.shunt[0, :, 0] + 1j * network.shunt[1, :, 0]
    ratio = state.voltage / network.nominal_voltage
    child = network.parent >= 0
    upstream = ratio[:, network.parent]
    upstream[:, ~child] = network.source
    branch = np.conj(state.leaving / ratio)
    np.testing.assert_allclose(upstream - ratio, series * branch, rtol=0, atol=1e-12)
    np.testing.assert_allclose(state.entering, upstream * np.conj(branch), rtol=1e-10, atol=1e-6)
    passed = np.zeros_like(branch)
    np.add.at(passed, (slice(None), network.parent[child]), state.entering[:, child])
    used = power + 1j * reactive + np.conj(shunt) * np.abs(ratio) ** 2
    np.testing.assert_allclose(state.leaving, used + passed, rtol=1e-8, atol=1e-3)


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
