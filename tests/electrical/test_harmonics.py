"""Harmonics against hand sums, numpy's nodal matrix, closed forms and published K-factors."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.harmonics import (
    current_limits,
    demand_distortion,
    demand_limit,
    impedance,
    k_factor,
    load_loss,
    loss_factor,
    penetration,
    permitted_current,
    phasor_voltage,
    pulse_spectrum,
    resonance_order,
    summation_exponent,
    voltage_distortion,
    voltage_limits,
)
from electrical.tree import flow, forest, incidence

ORDERS = np.array([5.0, 7.0, 11.0, 13.0, 17.0])


def scattered(seed, shunts=True):
    """A random forest of two trees and three voltage levels, and the currents of its loads."""
    random = np.random.default_rng(seed)
    count = 40
    parent = np.array([-1, -1] + [int(random.integers(0, node)) for node in range(2, count)])
    nominal = 415.0 * 10.0 ** random.integers(0, 3, count)
    base = nominal**2 / 1e6
    admittance = random.uniform(-0.01, 0.01, (2, count)) * (random.random(count) < 0.4) * shunts
    parts = {
        "resistance": random.uniform(0.0, 0.004, count) * base,
        "reactance": random.uniform(0.001, 0.02, count) * base,
        "conductance": np.abs(admittance[0]) / base,
        "susceptance": admittance[1] / base,
    }
    current = random.uniform(0.0, 20e3, (3, count)) / nominal * (random.random(count) < 0.6)
    return forest(parent, nominal_voltage=nominal, **parts), parts, current


def nodal(net, parts, order):
    """Transfer impedances between all nodes per unit on one watt, by numpy's inverse of the nodal matrix."""
    base = net.nominal_voltage**2
    series = (parts["resistance"] + 1j * order * parts["reactance"]) / base
    susceptance = parts["susceptance"] * base
    matrix = np.diag(
        parts["conductance"] * base + 1j * np.where(susceptance > 0, susceptance * order, susceptance / order)
    )
    for node, above in enumerate(net.parent):
        matrix[node, node] += 1 / series[node]
        if above >= 0:
            matrix[above, above] += 1 / series[node]
            matrix[node, above] = matrix[above, node] = -1 / series[node]
    return np.linalg.inv(matrix), series


def test_three_buses_by_hand():
    net = forest(np.array([-1, 0, 1]), [0.0, 1e-3, 2e-3], [0.0, 8e-3, 6e-3], 415.0)
    state = penetration(
        net, np.array([0.0, 500.0, 300.0]), [[0.2, 0.05], [0.2, 0.05], [0.4, 0.1]], [5.0, 11.0]
    )
    for column, (order, exponent) in enumerate([(5, 1.4), (11, 2.0)]):
        one, two = 1e-3 + 1j * order * 8e-3, 3e-3 + 1j * order * 14e-3
        first, second = np.array([500.0, 300.0]) * ([0.2, 0.4] if order == 5 else [0.05, 0.1])
        at_one = (abs(one) * first) ** exponent + (abs(one) * second) ** exponent
        at_two = (abs(one) * first) ** exponent + (abs(two) * second) ** exponent
        expected = np.sqrt(3) * np.array([0.0, at_one ** (1 / exponent), at_two ** (1 / exponent)])
        np.testing.assert_allclose(state.voltage[:, column], expected, rtol=1e-13)
        through = (first**exponent + second**exponent) ** (1 / exponent)
        np.testing.assert_allclose(state.current[:, column], [through, through, second], rtol=1e-13)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("exponent", [None, 1.0])
def test_penetration_agrees_with_the_inverse_of_the_nodal_matrix(seed, exponent):
    net, parts, current = scattered(seed)
    nodes = len(net.parent)
    spectrum = np.random.default_rng(seed).uniform(0.01, 0.3, (nodes, len(ORDERS)))
    state = penetration(net, current, spectrum, ORDERS, exponent)
    power = summation_exponent(ORDERS) if exponent is None else np.ones(len(ORDERS))
    for column, (order, by) in enumerate(zip(ORDERS, power, strict=True)):
        transfer, series = nodal(net, parts, order)
        drawn = np.sqrt(3) * net.nominal_voltage * current * spectrum[:, column]
        voltage = (drawn**by @ np.abs(transfer.T) ** by) ** (1 / by) * net.nominal_voltage
        np.testing.assert_allclose(state.voltage[..., column], voltage, rtol=1e-11)
        # Current of each load through each branch: the drop across it over its impedance.
        above = np.where((net.parent >= 0)[:, None], transfer[net.parent], 0.0)
        branch = np.abs((above - transfer) / series[:, None])
        through = (drawn**by @ branch.T**by) ** (1 / by) / (np.sqrt(3) * net.nominal_voltage)
        # Branches without loads below carry what the capacitors take: differences of larger numbers.
        np.testing.assert_allclose(state.current[..., column], through, rtol=1e-6, atol=1e-9)


def test_without_capacitors_a_branch_carries_the_sum_of_what_is_below():
    net, _, current = scattered(9, shunts=False)
    state = penetration(net, current, 0.1, ORDERS)
    based = 0.1 * current * net.nominal_voltage
    carried = incidence(net.parent).toarray().astype(float)
    for column, by in enumerate(summation_exponent(ORDERS)):
        expected = (based**by @ carried.T) ** (1 / by) / net.nominal_voltage
        np.testing.assert_allclose(state.current[..., column], expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_phasors_and_impedances_agree_with_the_nodal_matrix(seed):
    net, parts, current = scattered(seed)
    random = np.random.default_rng(seed)
    injected = current[..., None] * np.exp(2j * np.pi * random.random((3, len(net.parent), len(ORDERS))))
    voltage, seen = phasor_voltage(net, injected, ORDERS), impedance(net, ORDERS)
    for column, order in enumerate(ORDERS):
        transfer, _ = nodal(net, parts, order)
        drawn = np.sqrt(3) * net.nominal_voltage * injected[..., column]
        np.testing.assert_allclose(voltage[..., column], drawn @ transfer.T * net.nominal_voltage, rtol=1e-9)
        np.testing.assert_allclose(seen[:, column], np.diag(transfer) * net.nominal_voltage**2, rtol=1e-11)


def test_the_summation_law_lies_between_one_load_and_all_in_phase():
    net, _, current = scattered(11)
    law = penetration(net, current, 0.1, ORDERS).voltage
    worst = penetration(net, current, 0.1, ORDERS, 1.0).voltage
    one = penetration(net, np.where(np.arange(40) == 5, current, 0.0), 0.1, ORDERS).voltage
    assert (law <= worst * (1 + 1e-12)).all()
    assert (one <= law * (1 + 1e-12)).all()
    phased = np.abs(phasor_voltage(net, 0.1 * current[..., None] + 0j, ORDERS))
    assert (phased <= worst * (1 + 1e-9)).all()


def test_one_six_pulse_rectifier_behind_a_reactance_is_the_closed_form():
    orders = np.array([5, 7, 11, 13, 17, 19, 23, 25])
    net = forest(np.array([-1]), 0.0, 8e-3, 415.0)
    state = penetration(net, np.array([1000.0]), pulse_spectrum(orders), orders)
    # Each harmonic is I / h through h X: all the same, 3^1/2 X I.
    np.testing.assert_allclose(state.voltage[0], np.sqrt(3) * 8e-3 * 1000.0, rtol=1e-13)
    total = voltage_distortion(state.voltage, 415.0)
    assert total[0] == pytest.approx(np.sqrt(8) * np.sqrt(3) * 8.0 / 415.0, rel=1e-13)
    # Over the reactance per unit, with the demand as the base: THD = x (number of orders)^1/2.
    per_unit = 8e-3 * np.sqrt(3) * 1000.0 / 415.0
    assert total[0] == pytest.approx(per_unit * np.sqrt(8), rel=1e-13)
    twelve = pulse_spectrum(orders, 12)
    np.testing.assert_allclose(twelve, [0, 0, 1 / 11, 1 / 13, 0, 0, 1 / 23, 1 / 25])


def test_two_rectifiers_thirty_degrees_apart_cancel_the_5th_and_7th():
    net = forest(np.array([-1, 0, 0]), 0.0, [8e-3, 1e-3, 1e-3], 415.0)
    orders = np.array([5, 7, 11, 13])
    # Behind a star-delta winding the 5th and 7th come out half a turn apart, the 11th and 13th in step.
    turned = np.stack([np.zeros(4), 1 / orders, np.array([-1, -1, 1, 1]) / orders])
    bus = np.abs(phasor_voltage(net, 100.0 * turned + 0j, orders))[0]
    np.testing.assert_allclose(bus, np.sqrt(3) * 8e-3 * 100.0 * np.array([0, 0, 2, 2]), atol=1e-12)


def test_a_capacitor_resonates_at_the_root_of_the_powers():
    reactance, voltage = 2e-3, 415.0
    short_circuit, capacitor = voltage**2 / reactance, 300e3
    order = resonance_order(short_circuit, capacitor)
    net = forest(np.array([-1]), 2e-5, reactance, voltage, 0.0, capacitor / voltage**2)
    scan = np.linspace(2.0, 30.0, 5601)
    seen = np.abs(impedance(net, scan))[0]
    # To the step of the scan and the shift of the peak by the resistance.
    assert scan[np.argmax(seen)] == pytest.approx(order, abs=0.01)
    series = 2e-5 + 1j * scan * reactance
    np.testing.assert_allclose(
        seen, np.abs(series / (1 + series * 1j * scan * capacitor / voltage**2)), rtol=1e-12
    )
    # Far above, the capacitor alone is left.
    assert seen[-1] == pytest.approx(
        1 / (1 / (voltage**2 / capacitor / 30.0) - 1 / (30.0 * reactance)), rel=1e-2
    )


def test_a_batch_equals_a_loop_and_currents_of_the_load_flow_fit(radial_network):
    network = radial_network("network-a")
    random = np.random.default_rng(1)
    shape = 3, len(network.racks)
    power, reactive = network.loads(random.uniform(30e3, 120e3, shape), np.full(shape, 0.98))
    state = flow(network.forest, power, reactive)
    drawn = np.where(power > 0, state.current, 0.0)
    batch = penetration(network.forest, drawn, 0.05 * pulse_spectrum(ORDERS) * ORDERS, ORDERS)
    assert batch.voltage.shape == (3, len(network.parent), 5)
    for scenario in range(3):
        single = penetration(network.forest, drawn[scenario], 0.05, ORDERS)
        np.testing.assert_allclose(batch.voltage[scenario], single.voltage, rtol=1e-14)
    distortion = voltage_distortion(batch.voltage, network.nominal)
    assert (distortion[:, network.racks] > 0).all()
    # Racks at the ends of the busways see more than the boards before them.
    racks = network.racks
    assert (distortion[:, racks] >= distortion[:, network.parent[racks]]).all()


# A published worksheet of K-factor and factor K for a six-pulse rectifier: rms 1.0410, K-factor 8.3476. It looks
# like that of Desmet and Delaere, Power Quality Application Guide 3.5.2 (unverified).
SPECTRUM = np.array([1.0, 0.2, 0.14, 0.091, 0.077, 0.058, 0.056, 0.043, 0.04])
PULSES = np.array([1, 5, 7, 11, 13, 17, 19, 23, 25])


def test_published_k_factors():
    rms = np.linalg.norm(SPECTRUM)
    assert rms == pytest.approx(1.0410, abs=1e-4)
    assert k_factor(SPECTRUM / rms, PULSES) == pytest.approx(8.3476, abs=5e-5)
    assert loss_factor(100.0 * SPECTRUM, PULSES) == pytest.approx(k_factor(SPECTRUM / rms, PULSES), rel=1e-14)
    # 1, 0.3, 0.2, 0.1 at 1, 3, 5, 7: 3.30 / 1.14.
    assert loss_factor([1.0, 0.3, 0.2, 0.1], [1, 3, 5, 7]) == pytest.approx(3.30 / 1.14, rel=1e-14)


def test_a_sinusoid_needs_no_derating_and_a_derated_transformer_loses_what_it_is_rated_for():
    assert loss_factor([50.0], [1]) == 1.0
    assert permitted_current(0.15, 0.1, 1.0, 1.0) == 1.0
    factors = loss_factor(SPECTRUM, PULSES), loss_factor(SPECTRUM, PULSES, 0.8)
    assert 1.0 < factors[1] < factors[0]
    ratio = permitted_current(0.12, 0.08, *factors)
    assert 0.7 < ratio < 1.0
    rated = load_loss(1.0, 10e3, 1.2e3, 0.8e3, 1.0, 1.0)
    assert load_loss(ratio, 10e3, 1.2e3, 0.8e3, *factors) == pytest.approx(rated, rel=1e-14)


def test_limits_of_ieee_519():
    ratio = np.array([5.0, 19.99, 20.0, 49.0, 50.0, 99.0, 100.0, 999.0, 1000.0, 5e3])
    np.testing.assert_allclose(demand_limit(ratio), np.repeat([0.05, 0.08, 0.12, 0.15, 0.20], 2))
    limits = current_limits(np.array([10.0, 2000.0]), np.array([5, 11, 17, 23, 35, 2, 4, 6, 8]))
    np.testing.assert_allclose(limits[0], [0.04, 0.02, 0.015, 0.006, 0.003, 0.02, 0.02, 0.02, 0.04])
    np.testing.assert_allclose(limits[1], [0.15, 0.07, 0.06, 0.025, 0.014, 0.075, 0.075, 0.075, 0.15])
    single, total = voltage_limits(np.array([415.0, 1e3, 34.5e3, 110e3, 400e3]))
    np.testing.assert_allclose(single, [0.05, 0.05, 0.03, 0.015, 0.01])
    np.testing.assert_allclose(total, [0.08, 0.08, 0.05, 0.025, 0.015])
    assert demand_distortion(np.array([40.0, 30.0]), 1000.0) == pytest.approx(0.05)


def test_exponents_of_the_summation_law():
    np.testing.assert_array_equal(summation_exponent([2, 4, 5, 10, 11, 49]), [1.0, 1.0, 1.4, 1.4, 2.0, 2.0])
