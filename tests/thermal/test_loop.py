"""Delivered flow against closed forms, another root finder and the reference pod."""

import numpy as np
import pytest
from scipy.optimize import brentq

from thermal.loop import delivered_share

# Vertiv XDU1350: 476.5 + 0.0921 Q - 0.000234 Q^2 kPa, Q in L/min
XDU1350 = (476.5e3, 0.0921e3 * 60e3, -0.000234e3 * 60e3**2)


def test_flat_curve_is_a_power_law() -> None:
    head = np.array([10.0, 50.0, 99.0])
    got = delivered_share(1.0, 60.0, 40.0, 2, (head, 0.0, 0.0), 9.0, branch_exponent=2.0, pipe_exponent=2.0)
    # head = 100 s^2
    np.testing.assert_allclose(got, np.sqrt(head / 100), rtol=1e-14)


def test_quadratic_curve_is_a_quadratic_equation() -> None:
    """a + c (s D / n)^2 = H s^2 gives s^2 = a / (H - c (D / n)^2)."""
    demand, units = np.array([2.0, 4.0, 8.0]), np.array([[1], [3]])
    got = delivered_share(demand, 30.0, 0.0, units, (20.0, 0.0, -2.0), 99.0, branch_exponent=2.0)
    expected = np.minimum(np.sqrt(20 / (30 + 2 * (demand / units) ** 2)), 1.0)
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_share_against_brentq() -> None:
    demand, branch, pipe = 2560 / 60e3, 95e3, 55e3
    a, b, c = XDU1350
    for factor in (1.5, 2.0, 3.0, 6.0):
        for units in (1, 2, 3):
            flow, drop = factor * demand, factor**1.8

            def surplus(s: float, each: float = flow / units, drop: float = drop) -> float:
                return a + b * s * each + c * (s * each) ** 2 - drop * (branch * s**1.8 + pipe * s**1.75)

            expected = 1.0 if surplus(1.0) > 0 else brentq(surplus, 1e-9, 1.0, xtol=1e-15, rtol=1e-14)
            got = delivered_share(flow, drop * branch, drop * pipe, units, XDU1350, 1.0)
            assert got == pytest.approx(expected, rel=1e-12)


def test_reference_pod_loses_nothing_with_one_unit_out() -> None:
    """2,560 L/min at about 135 kPa: three XDU1350 of four carry it, two are held by their 1,212 L/min."""
    got = delivered_share(2560 / 60e3, 80e3, 55e3, np.array([4, 3, 2, 1, 0]), XDU1350, 1212 / 60e3)
    np.testing.assert_allclose(got, [1.0, 1.0, 2424 / 2560, 1212 / 2560, 0.0], rtol=1e-12)


def test_nothing_asked_is_delivered() -> None:
    assert delivered_share(0.0, 0.0, 0.0, 3, XDU1350, 0.02) == 1.0
    assert delivered_share(0.0, 0.0, 0.0, 0, XDU1350, 0.02) == 1.0
    assert delivered_share(0.02, 1e5, 1e5, 0, XDU1350, 0.02) == 0.0


def test_share_falls_with_demand_and_grows_with_units() -> None:
    factor = np.linspace(0.2, 8.0, 60)
    units = np.array([[1], [2], [3]])
    got = delivered_share(factor * 0.04, factor**1.8 * 8e4, factor**1.75 * 5e4, units, XDU1350, 0.025)
    assert np.all(np.diff(got, axis=-1) <= 0)
    assert np.all(np.diff(got, axis=0) >= 0)
    assert np.all((got > 0) & (got <= 1))


def test_batch_equals_loop() -> None:
    demand = np.linspace(0.01, 0.2, 20)
    batch = delivered_share(demand, 3e5, 2e5, 2, XDU1350, 0.1)
    single = [float(delivered_share(d, 3e5, 2e5, 2, XDU1350, 0.1)) for d in demand]
    np.testing.assert_allclose(batch, single, rtol=1e-14)
