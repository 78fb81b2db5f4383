"""Trip curves, selectivity and withstand against published points and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.protection import (
    clearing_time,
    earliest_trip,
    heating_ratio,
    inverse_time,
    latest_trip,
    let_through,
    selectivity,
    short_time_margin,
    tabulated_time,
    trip_unit,
    withstand,
    withstand_density,
)


def test_iec_curves_at_2_5_10_and_20_times_pickup():
    # The points that relay manuals print for a time multiplier of 1.
    published = {
        "IEC standard inverse": [10.03, 4.28, 2.97, 2.27],
        "IEC very inverse": [13.50, 3.375, 1.50, 0.7105],
        "IEC extremely inverse": [26.67, 3.333, 0.808, 0.2005],
    }
    for curve, times in published.items():
        found = inverse_time(np.array([200.0, 500.0, 1000.0, 2000.0]), 100.0, 1.0, curve)
        np.testing.assert_allclose(found, times, rtol=2e-3)


def test_ieee_curves_at_2_5_and_10_times_pickup():
    published = {
        "IEEE moderately inverse": [3.803, 1.690, 1.207],
        "IEEE very inverse": [7.028, 1.308, 0.689],
        "IEEE extremely inverse": [9.522, 1.297, 0.407],
    }
    for curve, times in published.items():
        found = inverse_time(np.array([2.0, 5.0, 10.0]), 1.0, 1.0, curve)
        np.testing.assert_allclose(found, times, rtol=2e-3)


def test_an_inverse_curve_never_trips_at_its_pickup_and_stays_beyond_its_largest_ratio():
    time = inverse_time(np.array([0.0, 50.0, 100.0, 100.01]), 100.0, 0.5, "IEC very inverse")
    assert np.isinf(time[:3]).all()
    assert np.isfinite(time[3])
    beyond = inverse_time(np.array([2e3, 9e3]), 100.0, 0.5, "IEC very inverse")
    assert beyond[0] == beyond[1]
    assert inverse_time(9e3, 100.0, 0.5, "IEC very inverse", np.inf) == pytest.approx(0.5 * 13.5 / 89)
    with pytest.raises(ValueError, match="is not one of IEC standard inverse"):
        inverse_time(1.0, 1.0, 1.0, "quick")


def test_the_bands_of_a_trip_unit():
    # I_r 1000 A, 16 s at six times less and plus 20 %; short time 8 kA, 0.14 to 0.2 s; instantaneous 15 kA.
    unit = trip_unit(1e3, 12.8, 16.0, 8e3, 0.14, 0.2, 0.0, 15e3, 0.01, 0.05, 0.1)
    current = np.array([1e3, 1.05e3, 6e3, 7.1e3, 7.3e3, 8.7e3, 8.9e3, 13.4e3, 13.6e3, 16.4e3, 16.6e3])
    long = 36e6 / current**2
    early = np.where(current > 1e3, 12.8 * long, np.inf)
    early[current > 7.2e3], early[current > 13.5e3] = 0.14, 0.01
    late = np.where(current > 1.1e3, 16.0 * long, np.inf)
    late[current > 8.8e3], late[current > 16.5e3] = 0.2, 0.05
    np.testing.assert_allclose(earliest_trip(unit, current), early)
    np.testing.assert_allclose(latest_trip(unit, current), late)
    assert (earliest_trip(unit, current) <= latest_trip(unit, current)).all()


def test_the_ramp_of_the_short_time_is_i_squared_t():
    unit = trip_unit(1e3, 12.0, 15.0, 4e3, 0.3, 0.4, 10e3, pickup_tolerance=0.0)
    current = np.array([5e3, 8e3, 12e3])
    np.testing.assert_allclose(earliest_trip(unit, current), 0.3 * np.array([4.0, 1.5625, 1.0]))


def test_a_tabulated_curve_is_straight_on_logarithmic_axes():
    points, times = np.array([100.0, 200.0, 1000.0]), np.array([[100.0, 25.0, 1.0], [200.0, 50.0, 2.0]])
    current = np.array([99.0, 100.0, np.sqrt(2e4), 200.0, 500.0, 1000.0, 5000.0])
    found = tabulated_time(current, points, times)
    power = np.log(25.0) / np.log(5.0)
    expected = [np.inf, 100.0, 50.0, 25.0, 25.0 * 2.5**-power, 1.0, 1.0]
    np.testing.assert_allclose(found, [expected, 2.0 * np.array(expected)], rtol=1e-12)


def test_the_fastest_device_clears():
    trip = np.array([[0.3, 0.1], [np.inf, 0.5], [np.inf, np.inf]])
    assert clearing_time(trip, np.array([0.05, 0.08])).tolist() == pytest.approx([0.18, 0.58, np.inf])


def test_pairs_of_trip_units_over_a_grid_of_currents():
    # Three settings of the main over one feeder: too slow a feeder, instantaneous in the way, full.
    grid = np.geomspace(500.0, 60e3, 2001)
    main = trip_unit(
        np.array([[2e3], [2e3], [1.2e3]]), 20.0, 25.0, np.array([[12e3], [12e3], [12e3]]), 0.23, 0.32,
        instantaneous_pickup=np.array([[np.inf], [30e3], [np.inf]]), instantaneous_early=0.01,
    )  # fmt: skip
    feeder = trip_unit(1e3, 12.0, 15.0, 8e3, 0.08, 0.14, instantaneous_pickup=12e3, instantaneous_late=0.05)
    pair = selectivity(grid, earliest_trip(main, grid), latest_trip(feeder, grid), np.full(3, 50e3))
    assert pair.full.tolist() == [True, False, True]
    assert pair.limit[0] == 50e3
    # Partial up to the lower edge of the main's instantaneous pickup, to a step of the grid.
    assert 27e3 / 1.0025 < pair.limit[1] <= 27e3
    assert pair.margin[0] == pytest.approx(0.23 - 0.14)
    assert pair.margin[1] == pytest.approx(0.01 - 0.05)
    # For a fault below that the second pair is full as well.
    assert selectivity(
        grid, earliest_trip(main, grid), latest_trip(feeder, grid), np.full(3, 25e3)
    ).full.all()
    # A wanted time of 0.1 s breaks it where the short times stand 0.09 s apart.
    wanted = selectivity(grid, earliest_trip(main, grid), latest_trip(feeder, grid), np.full(3, 50e3), 0.1)
    assert not wanted.full.any()
    assert (wanted.limit < 13.3e3).all()


def test_selectivity_where_one_of_two_does_not_trip():
    grid = np.array([1.0, 2.0, 3.0, 4.0])
    never, always = np.full(4, np.inf), np.full(4, 0.1)
    both = selectivity(grid, never, never, 4.0)
    assert bool(both.full)
    assert both.margin == np.inf
    only_upstream = selectivity(grid, always, never, 4.0)
    assert not only_upstream.full
    assert only_upstream.limit == 0.0
    assert only_upstream.margin == -np.inf
    # A fault beyond the grid, and one between its currents.
    assert not selectivity(grid, never, always, 5.0).full
    late = np.array([0.1, 0.1, 0.1, 0.3])
    assert not selectivity(grid, np.full(4, 0.2), late, 3.5).full
    assert selectivity(grid, np.full(4, 0.2), late, 3.0).full


def test_k_is_that_of_iec_60364_4_43():
    # Copper and aluminium in PVC to and above 300 mm2, and in XLPE [A s^1/2 / mm2].
    for metal, values in ("copper", (115, 103, 143)), ("aluminium", (76, 68, 94)):
        for (initial, final), value in zip(((70, 160), (70, 140), (90, 250)), values, strict=True):
            density = withstand_density(initial + 273.15, final + 273.15, metal)
            assert np.sqrt(density) / 1e6 == pytest.approx(value, abs=0.6)
    with pytest.raises(ValueError, match="is not one of copper"):
        withstand_density(300.0, 400.0, "gold")


def test_an_adiabatic_conductor_reaches_its_final_temperature():
    # 3.45e6 J/(K m3) and 17.241e-9 ohm m at 20 degC, growing by 1/254.5 a kelvin; they make 225.7, which the
    # standard rounds to 226.
    section, current, step, metal, spent = 95e-6, 20e3, 1e-5, 90.0, 0.0
    while metal < 250.0:
        resistivity = 17.241e-9 * (1 + (metal - 20.0) / 254.5)
        metal += (current / section) ** 2 * resistivity / 3.45e6 * step
        spent += step
    borne = withstand(withstand_density(363.15, 523.15), section)
    assert let_through(current, spent) == pytest.approx(borne, rel=4e-3)


def test_short_time_ratings():
    ups = np.array([30.0, 600.0]), np.array([1.4, 1.25])
    duration = np.array([0.1, 30.0, 31.0, 600.0, 601.0])
    np.testing.assert_allclose(
        short_time_margin(1.3, duration, *ups), [0.1, 0.1, -0.05, -0.05, -0.3], atol=1e-12
    )
    # 160 % of a power shelf for 50 ms.
    shelf = np.array([0.05]), np.array([1.6])
    np.testing.assert_allclose(short_time_margin(1.5, np.array([0.02, 0.1]), *shelf), [0.1, -0.5])
    # A breaker of 15 s at six times: on its I2t line at any time between its points.
    times = np.array([1.0, 15.0, 540.0])
    breaker = times, 6.0 * np.sqrt(15.0 / times)
    allowed = short_time_margin(0.0, np.array([4.0, 60.0]), *breaker, between="curve")
    np.testing.assert_allclose(allowed, 6.0 * np.sqrt(15.0 / np.array([4.0, 60.0])))
    assert short_time_margin(1.2, 1e4, *breaker, 0.8, "curve") == pytest.approx(-0.4)
    with pytest.raises(ValueError, match="is not 'steps' or 'curve'"):
        short_time_margin(1.0, 1.0, *ups, between="lines")


def test_pulses_heat_by_their_root_mean_square():
    time = np.arange(10_000) % 1000
    load = np.where(time < 200, 1.5, 0.8)
    assert heating_ratio(1.5, 0.8, 0.2, 1.0) == pytest.approx(np.sqrt(np.mean(load**2)))
    np.testing.assert_allclose(heating_ratio(1.5, 0.8, np.array([0.0, 1.0]), 1.0), [0.8, 1.5])
