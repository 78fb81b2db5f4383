"""Pump and fan laws against a data sheet curve and the affinity laws."""

import numpy as np
import pytest

from thermal.pump import electrical_power, fan_power, flow, head, hydraulic_power

# Vertiv XDU1350: 476.5 + 0.0921 Q - 0.000234 Q^2 kPa with Q in L/min
XDU1350 = (476.5e3, 0.0921e3 * 60e3, -0.000234e3 * 60e3**2)


def test_head_against_the_data_sheet() -> None:
    # The sheet gives 244 to 250 kPa at 1,200 L/min.
    assert head(1200 / 60e3, XDU1350) == pytest.approx(250.06e3, abs=10.0)
    assert head(0.0, XDU1350) == 476.5e3


def test_affinity_laws() -> None:
    flow, speed = np.array([0.0, 0.01, 0.02]), np.array([[0.3], [0.7], [1.0]])
    full = head(flow, XDU1350)
    # Flow goes with N and head with N^2, so power goes with N^3.
    np.testing.assert_allclose(head(speed * flow, XDU1350, speed), speed**2 * full, rtol=1e-14)
    power = hydraulic_power(speed * flow, head(speed * flow, XDU1350, speed))
    np.testing.assert_allclose(power, speed**3 * hydraulic_power(flow, full), rtol=1e-14)


def test_coefficients_per_unit() -> None:
    curves = (np.array([10.0, 20.0]), np.array([1.0, 0.0]), np.array([-2.0, -1.0]))
    np.testing.assert_allclose(head(np.array([[1.0], [2.0]]), curves), [[9.0, 19.0], [4.0, 16.0]])


def test_power_by_hand() -> None:
    """135 kPa for the 2,560 L/min of the reference pod is 5.76 kW of water power, 9.6 kW at 60 %."""
    assert hydraulic_power(2560 / 60e3, 135e3) == pytest.approx(5760.0)
    assert electrical_power(2560 / 60e3, 135e3, 0.6) == pytest.approx(9600.0)


def test_fan_cube_law_and_its_floor() -> None:
    power = fan_power(8.8e3, np.array([0.0, 0.2, 0.3, 0.5, 1.0]), 0.3)
    np.testing.assert_allclose(power / 8.8e3, [0.027, 0.027, 0.027, 0.125, 1.0])


def test_flow_is_the_inverse_of_the_head_where_that_falls() -> None:
    flows, speed = np.tile([0.004, 0.01, 0.02], (2, 1)), np.array([[0.5], [1.0]])
    np.testing.assert_allclose(flow(head(flows, XDU1350, speed), XDU1350, speed), flows, rtol=1e-12)
    # Beyond the greatest head nothing flows, and with help more than freely.
    assert flow(500e3, XDU1350) == 0.0
    assert flow(-10e3, XDU1350) > flow(0.0, XDU1350)
