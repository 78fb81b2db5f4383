"""Conductors against hand figures."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.conductor import continuous_current, resistance, three_phase_current, three_phase_power


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
