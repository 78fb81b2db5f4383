"""Effectiveness against tables, the ht package and closed forms; conductances from and away from a rating."""

import ht
import numpy as np
import pytest
from scipy import special

from thermal.exchanger import counterflow, crossflow, parallelflow, rated_conductance, scaled_conductance

UNITS = np.array([0.5, 1.0, 2.0, 3.0, 5.0])
RATIO = np.array([0.25, 0.5, 0.5, 1.0, 0.75])


@pytest.mark.parametrize(
    ("arrangement", "expected"),
    [
        (counterflow, [0.377589, 0.564733, 0.774600, 0.750000, 0.908771]),
        (parallelflow, [0.371791, 0.517913, 0.633475, 0.498761, 0.571338]),
        (crossflow, [0.375094, 0.547490, 0.732409, 0.681291, 0.829251]),
    ],
)
def test_effectiveness_against_the_table(arrangement, expected) -> None:
    # The table prints six digits.
    np.testing.assert_allclose(arrangement(UNITS * 7e3, 7e3, 7e3 / RATIO), expected, rtol=0, atol=6e-7)


@pytest.mark.parametrize(
    ("arrangement", "subtype", "tolerance"),
    # ht integrates the crossflow solution numerically.
    [(counterflow, "counterflow", 1e-12), (parallelflow, "parallel", 1e-12), (crossflow, "crossflow", 1e-9)],
)
def test_effectiveness_against_ht(arrangement, subtype, tolerance) -> None:
    for units in (0.01, 0.3, 1.7, 4.0, 9.0, 15.0):
        for ratio in (0.05, 0.4, 0.9, 0.999, 1.0):
            expected = ht.effectiveness_from_NTU(NTU=units, Cr=ratio, subtype=subtype)
            assert arrangement(units, 1.0, 1 / ratio) == pytest.approx(expected, abs=tolerance)


def test_crossflow_against_bessel_functions_at_equal_rates() -> None:
    """At a capacity ratio of 1 the series sums to 1 - exp(-2 N) (I0(2 N) + I1(2 N))."""
    units = np.linspace(0.01, 20.0, 200)
    exact = 1 - special.ive(0, 2 * units) - special.ive(1, 2 * units)
    np.testing.assert_allclose(crossflow(units, 1.0, 1.0), exact, rtol=0, atol=1e-12)


def test_incropera_oil_cooler() -> None:
    """Incropera et al., example 11.1: 0.1 kg/s of oil from 100 to 60 degC, 0.2 kg/s of water at 30 degC.

    q = 8524 W, UA = q / 43.2 K (log mean) = 197.3 W/K.
    """
    oil, water = 0.1 * 2131.0, 0.2 * 4178.0
    conductance = rated_conductance(8524.0, 373.15, 303.15, oil, water)
    # The book rounds the log mean difference to three figures.
    assert conductance == pytest.approx(8524 / 43.2, rel=2e-3)
    assert counterflow(conductance, oil, water) == pytest.approx(40 / 70, rel=1e-12)


@pytest.mark.parametrize("arrangement", [counterflow, parallelflow, crossflow])
def test_limits_of_capacity(arrangement) -> None:
    # One side without change of temperature: 1 - exp(-N) whatever the arrangement.
    assert arrangement(2.0, 1.0, 1e15) == pytest.approx(-np.expm1(-2.0), abs=1e-12)
    # A side at rest: 1 (the crossflow series stops at 20 units, exp(-20) short of it); 0 without surface.
    np.testing.assert_allclose(arrangement(5.0, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]), 1.0, atol=3e-9)
    assert arrangement(0.0, 0.0, 1.0) == 0.0
    assert arrangement(0.0, 1.0, 1.0) == 0.0


@pytest.mark.parametrize("arrangement", [counterflow, parallelflow, crossflow])
def test_effectiveness_is_smooth_at_equal_rates_and_monotone(arrangement) -> None:
    units = np.linspace(0.0, 12.0, 121)[:, None]
    ratio = np.array([1.0, 1 - 1e-12, 1 - 1e-9, 1 - 1e-6])
    effectiveness = arrangement(units, 1.0, 1 / ratio)
    # The slope over the ratio is below 1, so a step of 1e-6 moves it by less than that.
    np.testing.assert_allclose(effectiveness, effectiveness[:, :1] + 0 * ratio, atol=1e-6)
    np.testing.assert_allclose(effectiveness[:, 1], effectiveness[:, 0], atol=1e-11)
    # Beyond about ten units parallel flow has reached its limit to the last bit.
    assert np.all(np.diff(effectiveness, axis=0) >= 0)
    assert np.all(np.diff(effectiveness[:40], axis=0) > 0)
    assert np.all(effectiveness[:, 0] <= 1)


@pytest.mark.parametrize("arrangement", [counterflow, parallelflow, crossflow])
def test_sides_are_equal(arrangement) -> None:
    assert arrangement(3.0, 1.0, 2.0) == arrangement(3.0, 2.0, 1.0)


@pytest.mark.parametrize("arrangement", [counterflow, parallelflow, crossflow])
def test_batch_equals_loop(arrangement) -> None:
    # More than 64 elements, where the series is summed in the other way than for one.
    conductance, hot = np.linspace(0.0, 9.0, 25)[:, None], np.array([0.3, 1.0, 1.7, 5.0])
    batch = arrangement(conductance, hot, 1.0)
    single = [[float(arrangement(c, h, 1.0)) for h in hot] for c in conductance[:, 0]]
    np.testing.assert_allclose(batch, single, rtol=1e-15, atol=1e-15)


def test_rated_conductance_inverts_counterflow() -> None:
    units = np.linspace(0.1, 8.0, 30)[:, None]
    hot = np.array([0.5, 1 - 1e-9, 1.0, 2.0])
    effectiveness = counterflow(units, hot, 1.0)
    duty = effectiveness * np.minimum(hot, 1.0) * 20.0
    # An effectiveness of 1 - 3e-4 loses three to four digits in 1 / (1 - e).
    np.testing.assert_allclose(rated_conductance(duty, 320.0, 300.0, hot, 1.0), units + 0 * hot, rtol=1e-11)


def test_rated_conductance_of_an_impossible_rating_is_infinite() -> None:
    assert rated_conductance(2.0, 301.0, 300.0, 1.0, 1.0) == np.inf
    assert rated_conductance(0.0, 301.0, 300.0, 1.0, 1.0) == 0.0


def test_scaled_conductance_is_films_in_series() -> None:
    """Two films of 450 and 900 kW/K at rated flow make 300; at other flows each goes with the power 0.8."""
    hot, cold = 450e3 * 0.5**0.8, 900e3 * 2**0.8
    expected = 1 / (1 / hot + 1 / cold)
    assert scaled_conductance(300e3, 0.5, 2.0, 300 / 450) == pytest.approx(expected, rel=1e-12)
    assert scaled_conductance(300e3, 1.0, 1.0, 0.4) == pytest.approx(300e3, rel=1e-15)
    assert scaled_conductance(300e3, 0.0, 1.0, 0.5) < 0.1


def test_xdu1350_rating() -> None:
    """1,350 kW at 4 K approach, 20.6 kg/s of PG25 at 32 degC and of water: 304 to 309 kW/K by hand."""
    hot, cold = 81.609e3, 86.097e3
    conductance = rated_conductance(1350e3, 32 + 1350 / 81.609, 28.0, hot, cold)
    assert 304e3 < conductance < 309e3
