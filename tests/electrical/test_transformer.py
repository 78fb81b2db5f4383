"""Transformers against the short-circuit and no-load tests that define their name plate."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.transformer import loss, no_load_admittance, series_impedance

PLATE = {"rating": 10e6, "voltage": 415.0}


def test_series_impedance_gives_back_the_short_circuit_test():
    resistance, reactance = series_impedance(**PLATE, impedance_ratio=0.08, load_loss=60e3)
    current = 10e6 / (np.sqrt(3) * 415.0)
    assert 3 * current**2 * resistance == pytest.approx(60e3, rel=1e-12)
    assert np.sqrt(3) * current * np.hypot(resistance, reactance) == pytest.approx(0.08 * 415.0, rel=1e-12)


def test_no_load_admittance_gives_back_the_open_circuit_test():
    conductance, susceptance = no_load_admittance(**PLATE, no_load_loss=9e3, no_load_current_ratio=0.002)
    assert 415.0**2 * conductance == pytest.approx(9e3, rel=1e-12)
    assert 415.0**2 * np.hypot(conductance, susceptance) == pytest.approx(0.002 * 10e6, rel=1e-12)
    assert susceptance < 0.0


def test_losses_that_exceed_the_plate_leave_no_reactance():
    assert series_impedance(**PLATE, impedance_ratio=0.005, load_loss=60e3)[1] == 0.0
    assert no_load_admittance(**PLATE, no_load_loss=30e3, no_load_current_ratio=0.002)[1] == 0.0


def test_the_side_moves_the_impedance_by_the_square_of_the_ratio():
    low = series_impedance(10e6, 415.0, 0.08, 60e3)
    high = series_impedance(10e6, 34.5e3, 0.08, 60e3)
    np.testing.assert_allclose(np.array(high) / np.array(low), (34.5e3 / 415.0) ** 2, rtol=1e-12)


def test_loss_is_the_plate_at_no_load_and_at_rating():
    np.testing.assert_allclose(loss(np.array([0.0, 1e6, 0.5e6]), 1e6, 1.5e3, 10e3), [1.5e3, 11.5e3, 4e3])
