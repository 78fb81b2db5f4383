"""Conductors against hand figures."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.conductor import (
    conductor_mass,
    continuous_current,
    resistance,
    section_for_density,
    section_for_loss,
    three_phase_current,
    three_phase_power,
)


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
