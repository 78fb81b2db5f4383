"""Chiller curves at the reference of their record and by another evaluation; economiser by heat balance."""

import numpy as np
import pytest

from thermal.chiller import (
    YORK_YK_2771,
    capacity,
    economiser_share,
    electrical_power,
    load_margin,
    temperature_margin,
)

CELSIUS = 273.15
REFERENCE = (CELSIUS + 5.56, CELSIUS + 23.89)


def test_reference_of_the_record() -> None:
    """2,771 kW at a COP of 6.84; the fits of the record are off by 0.4 % there."""
    assert capacity(YORK_YK_2771, *REFERENCE) == pytest.approx(2771.1e3, rel=5e-3)
    power = electrical_power(YORK_YK_2771, 2771.1e3, *REFERENCE)
    assert 2771.1e3 / power == pytest.approx(6.84, rel=5e-3)
    assert temperature_margin(YORK_YK_2771, *REFERENCE) == pytest.approx(5.56 - 4.44)


def test_curves_against_polyval() -> None:
    """The same record through numpy's two-dimensional polynomial."""

    def surface(c, x, y):
        table = np.array([[c[0], c[3], c[4]], [c[1], c[5], 0.0], [c[2], 0.0, 0.0]])
        return np.polynomial.polynomial.polyval2d(x, y, table)

    x, y, share = 4.5 + 4 * np.random.default_rng(7).random((3, 50)) * np.array([[1.0], [4.0], [0.0]])
    share = np.linspace(0.25, 1.0, 50)
    record = YORK_YK_2771
    most = 2771.1e3 * surface(record.capacity_curve, x, y + 9)
    np.testing.assert_allclose(capacity(record, CELSIUS + x, CELSIUS + y + 9), most, rtol=1e-12)
    expected = (
        most / 6.84 * surface(record.input_curve, x, y + 9) * np.polyval(record.load_curve[::-1], share)
    )
    got = electrical_power(record, share * most, CELSIUS + x, CELSIUS + y + 9)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_beyond_the_range_the_edge_and_a_negative_margin() -> None:
    """A warm-water plant at 18 degC is 9.1 K beyond the curves: told, not extrapolated."""
    warm = CELSIUS + np.array([18.0, 8.89])
    power = electrical_power(YORK_YK_2771, 1e6, warm, CELSIUS + 25)
    assert power[0] == power[1]
    np.testing.assert_allclose(temperature_margin(YORK_YK_2771, warm, CELSIUS + 25), [-9.11, 0.0], atol=1e-9)
    hot = temperature_margin(YORK_YK_2771, CELSIUS + 6, CELSIUS + np.array([35.0, 5.0]))
    np.testing.assert_allclose(hot, [-5.56, -7.78])


def test_cycling_below_the_least_load_and_overload() -> None:
    most = capacity(YORK_YK_2771, *REFERENCE)
    least = electrical_power(YORK_YK_2771, 0.2 * most, *REFERENCE)
    assert electrical_power(YORK_YK_2771, 0.05 * most, *REFERENCE) == pytest.approx(least / 4, rel=1e-12)
    assert electrical_power(YORK_YK_2771, 0.0, *REFERENCE) == 0.0
    margin = load_margin(YORK_YK_2771, np.array([0.1, 0.2, 0.6, 1.02, 1.2]) * most, *REFERENCE)
    np.testing.assert_allclose(margin, [-0.1, 0.0, 0.4, 0.0, -0.18], atol=1e-12)
    # Part load of a variable speed drive: the best efficiency is below full load.
    duty = np.linspace(0.2, 1.0, 50) * most
    cop = duty / electrical_power(YORK_YK_2771, duty, *REFERENCE)
    assert 0 < np.argmax(cop) < 49


def test_economiser_by_heat_balance() -> None:
    """24 to 16 degC, tower at 18: 60 kW/K in counterflow with equal streams of 40 kW/K takes 0.6 of the 6 K."""
    share = economiser_share(60e3, 40e3, 40e3, CELSIUS + 24, CELSIUS + 16, CELSIUS + 18)
    assert share == pytest.approx(0.6 * 6 / 8, rel=1e-12)
    # Three times the water on the tower's side: e from N = 1.5 and r = 1/3 of Incropera, table 11.3.
    effectiveness = (1 - np.exp(-1.0)) / (1 - np.exp(-1.0) / 3)
    share = economiser_share(60e3, 40e3, 120e3, CELSIUS + 24, CELSIUS + 16, CELSIUS + 18)
    assert share == pytest.approx(effectiveness * 6 / 8, rel=1e-12)
    # Less water there than chilled: its rate limits.
    effectiveness = (1 - np.exp(-3.0)) / (1 - np.exp(-3.0) / 2)
    share = economiser_share(120e3, 40e3, 20e3, CELSIUS + 24, CELSIUS + 16, CELSIUS + 18)
    assert share == pytest.approx(effectiveness * 20 / 40 * 6 / 8, rel=1e-12)


def test_economiser_carries_all_or_nothing_at_the_ends() -> None:
    tower = CELSIUS + np.array([5.0, 24.0, 30.0])
    share = economiser_share(90e3, 40e3, 40e3, CELSIUS + 24, CELSIUS + 16, tower)
    np.testing.assert_array_equal(share, [1.0, 0.0, 0.0])
    assert economiser_share(0.0, 40e3, 40e3, CELSIUS + 24, CELSIUS + 16, CELSIUS + 5) == 0.0


def test_batch_equals_loop() -> None:
    duty = np.linspace(0.0, 3e6, 40)
    batch = electrical_power(YORK_YK_2771, duty, *REFERENCE)
    assert batch.tolist() == [float(electrical_power(YORK_YK_2771, one, *REFERENCE)) for one in duty]
