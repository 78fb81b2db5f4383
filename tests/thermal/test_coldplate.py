"""Cold plate against its table and the case temperatures of the reference pod; the worst plate and leakage."""

import numpy as np
import pytest
from scipy.special import lambertw

from thermal.coldplate import (
    OAM_WATER,
    case_temperature,
    leaking_power,
    power_limit,
    resistance,
    runaway_margin,
    series_inlet,
    tray_flow,
    worst_case_temperature,
    worst_resistance,
)


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


def test_resistance_of_another_plate() -> None:
    """The same plate with water, OCP guidelines: 2 to 5 L/min."""
    flow = np.array([2.0, 3.0, 4.0, 5.0]) / 60e3
    np.testing.assert_allclose(resistance(flow, OAM_WATER), [0.0172, 0.0160, 0.0154, 0.0151], rtol=1e-12)
    assert case_temperature(300.0, 500.0, 2.5 / 60e3, OAM_WATER) == pytest.approx(308.3)
    # A CPU's plate of one's own: same call.
    own = (np.array([0.3, 0.6]) / 60e3, np.array([0.06, 0.04]))
    assert power_limit(318.15, 343.15, 0.45 / 60e3, own) == pytest.approx(500.0)


def test_worst_plate_by_hand() -> None:
    """2 L/min less 10 % is 1.8: 0.0209 K/W, 5 % more is 0.021945, fouling 0.001."""
    assert worst_resistance(2.0 / 60e3, 0.1, 0.05, 0.001) == pytest.approx(0.022945, rel=1e-12)
    assert worst_resistance(2.0 / 60e3, 0.0, 0.0) == resistance(2.0 / 60e3)


def test_series_inlet_by_heat_balance() -> None:
    power = np.array([[1000.0, 1200.0, 300.0], [0.0, 500.0, 500.0]])
    rate = np.array([130.0, 110.0])
    entering = series_inlet(318.15, power, rate)
    # What the stream carries after the last plate is all of the heat.
    np.testing.assert_allclose(
        rate * (entering[:, -1] - 318.15) + power[:, -1], power.sum(axis=-1), rtol=1e-12
    )
    np.testing.assert_array_equal(entering[:, 0], 318.15)
    np.testing.assert_allclose(entering[:, 1] - 318.15, power[:, 0] / rate, rtol=1e-12)


def test_worst_case_is_the_last_plate_or_the_hottest_chip() -> None:
    flow, rate = 2.0 / 60e3, 133.0
    worst = worst_resistance(flow, 0.1, 0.05, 0.001)
    # Two alike: the second, preheated by the first at the least flow.
    case = worst_case_temperature(318.15, [1000.0, 1000.0], flow, rate, 0.1, 0.05, 0.001)
    assert case == pytest.approx(318.15 + 1000 / (0.9 * rate) + 1000 * worst, rel=1e-14)
    # A hot chip before a cold one: the first.
    case = worst_case_temperature(318.15, [1000.0, 50.0], flow, rate, 0.1, 0.05, 0.001)
    assert case == pytest.approx(318.15 + 1000 * worst, rel=1e-14)
    # Plates in parallel are series of one.
    mean = worst_case_temperature(318.15, [1000.0], flow, rate, 0.0, 0.0)
    assert mean == pytest.approx(float(case_temperature(318.15, 1000.0, flow)), rel=1e-14)
    batch = worst_case_temperature(np.array([300.0, 318.15]), [900.0, 1000.0], flow, rate, 0.1, 0.05)
    assert batch[1] == worst_case_temperature(318.15, [900.0, 1000.0], flow, rate, 0.1, 0.05)


def test_trays_share_one_pressure() -> None:
    drop = np.array([40e3, 44e3, 52e3, 60e3])
    flows = tray_flow(np.array([12.0, 20.0]), drop)
    np.testing.assert_allclose(flows.sum(axis=-1), [12.0, 20.0], rtol=1e-14)
    pressure = drop * (flows / np.array([[3.0], [5.0]])) ** 1.85
    np.testing.assert_allclose(pressure, pressure[:, :1] + 0 * pressure, rtol=1e-13)
    np.testing.assert_allclose(tray_flow(8.0, [5e4, 5e4]), 4.0, rtol=1e-15)


LEAK = (1300.0, 100.0, 343.15, 0.02, 0.021)


def test_leaking_power_against_lambert_and_the_fixed_point() -> None:
    inlet = 273.15 + np.linspace(20.0, 60.0, 9)
    power, leakage, reference, growth, resist = LEAK
    got = leaking_power(inlet, *LEAK)
    temperature = inlet + resist * got
    np.testing.assert_allclose(got, power + leakage * np.exp(growth * (temperature - reference)), rtol=1e-13)
    gain = growth * resist * leakage * np.exp(growth * (inlet + resist * power - reference))
    leaked = -lambertw(-gain).real / (growth * resist)
    np.testing.assert_allclose(got, power + leaked, rtol=1e-13)
    assert np.all(np.diff(got) > 0)
    # Without growth, or without a way to warm up, the leakage is a constant.
    assert leaking_power(318.15, power, leakage, reference, 0.0, resist) == pytest.approx(1400.0, rel=1e-14)
    assert leaking_power(reference, power, leakage, reference, growth, 0.0) == pytest.approx(
        1400.0, rel=1e-14
    )


def test_runaway_is_infinite_just_beyond_its_margin() -> None:
    margin = runaway_margin(318.15, *LEAK)
    edge = leaking_power(318.15 + margin + np.array([-1e-6, 1e-6]), *LEAK)
    assert edge[1] == np.inf
    # At the edge one more kelvin brings one kelvin: the leaked power is 1 / (growth x resistance).
    assert edge[0] - 1300.0 == pytest.approx(1 / (0.02 * 0.021), rel=1e-3)
    assert runaway_margin(318.15 + margin + 5.0, *LEAK) == pytest.approx(-5.0)
    assert runaway_margin(318.15, 1300.0, 0.0, 343.15, 0.02, 0.021) == np.inf
