"""Conductors against hand figures."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.conductor import (
    ambient_factor,
    ampacity,
    conductor_mass,
    continuous_current,
    grouping_factor,
    resistance,
    section_for_density,
    section_for_loss,
    temperature,
    three_phase_current,
    three_phase_power,
    voltage_drop,
    voltage_drop_ratios,
)
from electrical.tree import flow, forest

PVC, XLPE = 343.15, 363.15


def test_a_60_a_whip_at_415_v_carries_the_published_figures():
    # 43.1 kVA, and 34.5 kVA once the 80 % is taken off, as rack suppliers print them.
    assert three_phase_power(60.0, 415.0, 1.0) == pytest.approx(43.1e3, abs=50.0)
    assert three_phase_power(continuous_current(60.0), 415.0, 1.0) == pytest.approx(34.5e3, abs=50.0)
    assert continuous_current(60.0, 1.0) == 60.0


def test_current_and_power_are_inverse():
    power = np.array([0.0, 284e3, 568e3])
    current = three_phase_current(power, 415.0, 0.98)
    np.testing.assert_allclose(current, [0.0, 403.2, 806.3], atol=0.05)
    np.testing.assert_allclose(three_phase_power(current, 415.0, 0.98), power)


def test_copper_is_a_quarter_more_resistive_at_90_degc():
    # 1 + 0.00393 x 70 K, and 1 at the reference temperature.
    np.testing.assert_allclose(resistance(2.0, np.array([293.15, 363.15])), [2.0, 2.5502], rtol=1e-12)


def test_at_equal_density_copper_goes_with_the_sum_of_the_currents():
    alternating, direct = three_phase_current(1e6, 415.0, 0.98), 1e6 / 800.0
    mass = [
        conductor_mass(section_for_density(current, 2e6), 50.0, conductors)
        for current, conductors in ((alternating, 3), (direct, 2))
    ]
    # 3 P / (3^1/2 U cos phi) against 2 P / U: 1.70 times the copper of 800 VDC.
    assert mass[0] / mass[1] == pytest.approx(np.sqrt(3.0) / 2.0 * 800.0 / (415.0 * 0.98), rel=1e-14)


def test_at_equal_loss_copper_goes_with_the_square_of_the_sum_of_the_currents():
    sections = [
        section_for_loss(current, 50.0, 2e3, conductors)
        for current, conductors in ((three_phase_current(1e6, 415.0, 0.98), 3), (1e6 / 800.0, 2))
    ]
    mass = [
        conductor_mass(section, 50.0, conductors)
        for section, conductors in zip(sections, (3, 2), strict=True)
    ]
    assert mass[0] / mass[1] == pytest.approx(0.75 * (800.0 / (415.0 * 0.98)) ** 2, rel=1e-14)
    # And the section does lose that: n I^2 rho l / A.
    assert 2 * (1e6 / 800.0) ** 2 * 1.7241e-8 * 50.0 / sections[1] == pytest.approx(2e3, rel=1e-14)


def test_ambient_factors_round_to_the_tables_of_iec_60364_5_52():
    # B.52.14 in air from 10 degC, then B.52.15 in ground; every 5 K.
    air = {
        PVC: [1.22, 1.17, 1.12, 1.06, 1.00, 0.94, 0.87, 0.79, 0.71, 0.61, 0.50],
        XLPE: [1.15, 1.12, 1.08, 1.04, 1.00, 0.96, 0.91, 0.87, 0.82, 0.76, 0.71, 0.65, 0.58, 0.50, 0.41],
    }
    ground = {
        PVC: [1.10, 1.05, 1.00, 0.95, 0.89, 0.84, 0.77, 0.71, 0.63, 0.55, 0.45],
        XLPE: [1.07, 1.04, 1.00, 0.96, 0.93, 0.89, 0.85, 0.80, 0.76, 0.71, 0.65, 0.60, 0.53, 0.46, 0.38],
    }
    for table, reference in (air, 303.15), (ground, 293.15):
        for limit, factors in table.items():
            ambient = 283.15 + 5.0 * np.arange(len(factors))
            # Half of the last printed digit.
            np.testing.assert_allclose(ambient_factor(ambient, limit, reference), factors, atol=0.00501)
    np.testing.assert_array_equal(ambient_factor(np.array([XLPE, 400.0]), XLPE), 0.0)


def test_grouping_factors_are_those_of_bs_7671_table_4c1():
    assert grouping_factor(np.arange(1, 10), "bunched").tolist() == [
        1.0, 0.8, 0.7, 0.65, 0.6, 0.57, 0.54, 0.52, 0.5,
    ]  # fmt: skip
    assert grouping_factor(np.array([12, 13, 16, 20, 40]), "bunched").tolist() == [
        0.45,
        0.41,
        0.41,
        0.38,
        0.38,
    ]
    assert grouping_factor(np.array([2, 9, 20]), "tray").tolist() == [0.88, 0.72, 0.72]
    for arrangement in "bunched", "wall", "ceiling", "tray", "ladder":
        assert (np.diff(grouping_factor(np.arange(1, 25), arrangement)) <= 0).all()
    with pytest.raises(ValueError, match="is not one of bunched"):
        grouping_factor(np.array([1]), "heap")


def test_a_cable_at_its_ampacity_is_at_its_limit_whatever_the_ambient():
    ambient = np.array([293.15, 308.15, 323.15])
    carried = ampacity(382.0, ambient_factor(ambient, XLPE), 0.82, 2.0)
    np.testing.assert_allclose(temperature(carried, carried, ambient, XLPE), XLPE)
    np.testing.assert_allclose(temperature(0.0, carried, ambient, XLPE), ambient)
    assert carried[0] == pytest.approx(382.0 * np.sqrt(70 / 60) * 0.82 * 2)


def test_the_temperature_is_within_3_k_of_the_one_with_its_own_resistance():
    share = np.linspace(0.0, 1.0, 101)
    simple = temperature(share, 1.0, 308.15, XLPE)
    own = np.full(101, 308.15)
    for _ in range(50):
        own = 308.15 + (XLPE - 308.15) * share**2 * resistance(1.0, own) / resistance(1.0, XLPE)
    assert (simple >= own - 1e-9).all()
    assert 2.0 < (simple - own).max() < 3.0


def test_the_loop_of_temperature_and_load_flow_settles_in_two_passes():
    cold, reactance, ambient, carried = 0.012, 0.008, 308.15, 400.0
    power, metal, voltages = np.array([0.0, 250e3]), ambient, []
    for _ in range(5):
        line = forest(np.array([-1, 0]), [0.0, resistance(cold, metal)], [0.0, reactance], [415.0, 415.0])
        state = flow(line, power, 0.2 * power)
        metal = temperature(state.current[1], carried, ambient, XLPE)
        voltages.append(abs(state.voltage[1]))
    assert metal > ambient + 40
    # The first pass takes the cold resistance; the second is within 0.1 mV of the last per volt.
    assert abs(voltages[0] - voltages[-1]) > 0.5
    assert abs(voltages[2] - voltages[-1]) < 1e-4 * voltages[-1]


def test_voltage_drop_agrees_with_the_two_bus_load_flow():
    line = forest(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.008], [415.0, 415.0])
    power = np.array([0.0, 200e3])
    state = flow(line, power, power * np.tan(np.arccos(0.95)))
    exact = 415.0 - abs(state.voltage[1])
    # What stands across the voltage: about I (X cos - R sin) squared over 2 U, 0.02 V here.
    assert voltage_drop(state.current[1], 0.01, 0.008, 0.95) == pytest.approx(exact, abs=0.03)
    assert exact > 5.0


def test_drops_of_the_feeders_sum_to_the_total(radial_network):
    network = radial_network("network-a")
    state = flow(network.forest, *network.loads(np.full((2, len(network.racks)), 90e3), 0.97))
    feeder, total = voltage_drop_ratios(network.parent, np.abs(state.voltage), network.nominal)
    assert (total[:, 0] == 0.0).all()
    node, summed = network.racks[15], 0.0
    assert total[0, node] > 0.02
    while node >= 0:
        summed = summed + feeder[:, node]
        node = network.parent[node]
    np.testing.assert_allclose(summed, total[:, network.racks[15]], atol=1e-14)
