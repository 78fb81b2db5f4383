"""UPS modes, hold-up and spare modules against closed forms and the figures of shelves."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.converter import input_power, loss_coefficients, output_power
from electrical.ups import (
    DOUBLE_CONVERSION,
    ECO,
    ON_BATTERY,
    battery_power,
    carried,
    discharge_time,
    hold_up,
    mode_coefficients,
    shelf_hold_up,
    spare_modules,
    utility_power,
)

DOUBLE = loss_coefficients([0.25, 0.5, 1.0], [0.96, 0.97, 0.965])
SAVING = loss_coefficients([0.25, 0.5, 1.0], [0.985, 0.99, 0.99])
MODES = np.array([DOUBLE_CONVERSION, ECO, ON_BATTERY])


def test_each_mode_meets_its_efficiency_points():
    for share, double, saving in (0.25, 0.96, 0.985), (0.5, 0.97, 0.99), (1.0, 0.965, 0.99):
        output = share * 1e6
        drawn = utility_power(output, 1e6, MODES, DOUBLE, SAVING)
        np.testing.assert_allclose(drawn, [output / double, output / saving, 0.0], rtol=1e-12)
        np.testing.assert_allclose(
            battery_power(output, 1e6, MODES, DOUBLE), [0.0, 0.0, output / double], rtol=1e-12
        )


def test_a_cap_at_the_utility_gives_back_the_output_in_each_mode():
    output = np.linspace(50e3, 1e6, 20)[:, None]
    curve = mode_coefficients(MODES[:2], DOUBLE, SAVING)
    back = output_power(utility_power(output, 1e6, MODES[:2], DOUBLE, SAVING), 1e6, curve)
    np.testing.assert_allclose(back, np.broadcast_to(output, back.shape), rtol=1e-12)


def test_a_dead_ups_draws_nothing():
    assert (utility_power(0.0, 0.0, MODES, DOUBLE, SAVING) == 0.0).all()
    assert (battery_power(0.0, 0.0, MODES, DOUBLE) == 0.0).all()


def test_hold_up_is_energy_over_what_the_inverter_draws():
    drawn = battery_power(600e3, 1e6, ON_BATTERY, DOUBLE)
    assert drawn == input_power(600e3, 1e6, DOUBLE)
    energy = 300.0 * drawn
    assert hold_up(energy, drawn) == pytest.approx(300.0, rel=1e-14)
    assert hold_up(energy, 0.0) == np.inf
    assert discharge_time(drawn, 1e6, 100.0) == pytest.approx(hold_up(1e6 * 100.0, drawn), rel=1e-14)


def test_a_fast_discharge_gives_less_energy():
    power = np.array([0.0, 250e3, 500e3, 1e6])
    lasting = discharge_time(power, 500e3, 300.0, 1.2)
    np.testing.assert_allclose(lasting, [np.inf, 300 * 2**1.2, 300.0, 300 / 2**1.2])
    assert (np.diff(power[1:] * lasting[1:]) < 0).all()


def test_a_shelf_holds_20_ms_at_full_load_and_longer_below():
    np.testing.assert_allclose(
        shelf_hold_up(np.array([33e3, 16.5e3, 0.0]), 5.5e3, 6), [0.02, 0.04, np.inf], rtol=1e-14
    )
    # One of four feeds out leaves 36 of 48 modules, 198 kW; at 132 kW they hold 30 ms.
    assert shelf_hold_up(132e3, 5.5e3, 36) == pytest.approx(0.03, rel=1e-14)


def test_eight_shelves_of_six_are_n_plus_n_at_132_kw():
    modules = np.array([48, 36, 24, 23])
    assert spare_modules(132e3, 5.5e3, modules).tolist() == [24, 12, 0, -1]
    assert spare_modules(5.5e3 * 5 * (1 + 1e-15), 5.5e3, 6) == 1
    assert spare_modules(0.0, 5.5e3, 6) == 6


def test_a_rectifier_that_walks_in_leaves_the_battery_a_triangle():
    """P T* / 2 with the ramp's crossing at T* = P T / C: 600 kW against 1.2 MW in 15 s."""
    energy, half = 100e6, 0.25
    for time in np.arange(0.0, 15.0, 0.5):
        drawn, energy = carried(600e3, 1.2e6 * (time + half) / 15.0, 0.0, energy, 100e6, 0.95, 0.5)
        assert drawn == pytest.approx(min(600e3, 1.2e6 * (time + half) / 15.0), rel=1e-12)
    assert 100e6 - energy == pytest.approx(600e3 * 7.5 / 2.0, rel=1e-12)


def test_the_books_of_a_battery_close_by_hand():
    # Five seconds at 1 MW take 5 MJ; at 0.8 of what is drawn, 6.25 MJ put them back, and not a joule more.
    _, left = carried(1e6, 0.0, 0.5e6, 10e6, 10e6, 0.8, 5.0)
    assert left == 5e6
    drawn, one = carried(1e6, np.inf, 0.5e6, left, 10e6, 0.8, 10.0)
    assert (float(drawn), float(one)) == (1.5e6, 9e6)
    last, two = carried(1e6, np.inf, 0.5e6, one, 10e6, 0.8, 10.0)
    assert two == 10e6
    assert (drawn + last - 2e6) * 10.0 == pytest.approx(6.25e6, rel=1e-12)
    # Full it draws nothing for itself; empty it gives what it has, and the bypass the rest.
    np.testing.assert_array_equal(carried(1e6, np.inf, 0.5e6, 10e6, 10e6, 0.8, 10.0), (1e6, 10e6))
    np.testing.assert_allclose(carried(1e6, 0.0, 0.5e6, 3e6, 10e6, 0.8, 5.0), (0.4e6, 0.0), rtol=1e-12)
    # The rectifier's own limit comes before the battery.
    np.testing.assert_allclose(carried(1e6, 1.2e6, 0.5e6, 0.0, 10e6, 0.8, 5.0), (1.2e6, 0.8e6), rtol=1e-12)
