"""Cold plate against its table and the case temperatures of the reference pod."""

import numpy as np
import pytest

from thermal.coldplate import case_temperature, power_limit, resistance


def test_resistance_against_the_ocp_table() -> None:
    flow = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4])
    table = np.array([389, 325, 300, 280, 265, 255, 245, 230, 220, 214, 209, 204, 200, 197]) * 1e-4
    np.testing.assert_allclose(resistance(flow / 60e3), table, rtol=1e-12)
    # Published fit of the whole curve, worst error 0.0009 K/W.
    between = np.linspace(0.4, 2.4, 50)
    np.testing.assert_allclose(resistance(between / 60e3), 0.0177 + 0.00655 * between**-1.257, atol=9.5e-4)


def test_resistance_is_constant_beyond_the_table_and_falls_within() -> None:
    assert resistance(0.0) == resistance(0.4 / 60e3) == 0.0389
    assert resistance(1.0) == 0.0197
    assert np.all(np.diff(resistance(np.linspace(0.4, 2.4, 99) / 60e3)) < 0)


def test_case_temperature_of_the_reference_pod() -> None:
    """Hand calculation: 1,400 W, three quarters of the rack flow over 72 plates."""
    inlet = 273.15 + np.array([25.0, 30.0, 35.0, 40.0, 45.0])
    flow = 0.75 * np.array([65.1, 76.5, 92.6, 117.5, 160.0]) / 60e3 / 72
    case = case_temperature(inlet, 1400.0, flow) - 273.15
    # Printed to one decimal.
    np.testing.assert_allclose(case, [64.8, 67.2, 69.8, 72.0, 74.7], atol=0.05)


def test_power_limit_inverts_case_temperature() -> None:
    inlet, flow = np.array([[300.0], [318.15]]), np.array([0.5, 1.667, 2.1]) / 60e3
    limit = power_limit(inlet, 348.15, flow)
    np.testing.assert_allclose(case_temperature(inlet, limit, flow), np.full((2, 3), 348.15), rtol=1e-14)
    assert power_limit(350.0, 348.15, 1.0 / 60e3) == 0.0
    assert limit[1, 1] == float(power_limit(318.15, 348.15, 1.667 / 60e3)) == pytest.approx(30.0 / 0.0212325)
