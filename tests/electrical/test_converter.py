"""Converter losses against efficiency points, closed forms and their own inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrical.converter import input_power, loss, loss_coefficients, marginal_input, output_power

SHELF = np.array([0.1, 0.5, 1.0]), np.array([0.95, 0.975, 0.97])
UPS = np.array([0.25, 0.5, 0.75, 1.0]), np.array([0.970, 0.973, 0.970, 0.964])


def test_three_points_of_the_curve_are_met_exactly():
    fraction, efficiency = SHELF
    drawn = input_power(33e3 * fraction, 33e3, loss_coefficients(fraction, efficiency))
    np.testing.assert_allclose(33e3 * fraction / drawn, efficiency, rtol=1e-12)


def test_points_of_a_known_parabola_give_it_back():
    truth = np.array([0.004, 0.01, 0.02])
    fraction = np.linspace(0.05, 1.2, 9)
    efficiency = fraction / (fraction + truth[0] + truth[1] * fraction + truth[2] * fraction**2)
    np.testing.assert_allclose(loss_coefficients(fraction, efficiency), truth, rtol=1e-10)


def test_reference_shelves_draw_139_5_kw():
    # Eight shelves of 33 kW at 136 kW: the hand calculation says 139.5 kW to the nearest 100 W.
    four = np.array([0.05, 0.1, 0.5, 1.0]), np.array([0.93, 0.95, 0.975, 0.97])
    for curve in SHELF, four:
        assert input_power(136e3, 8 * 33e3, loss_coefficients(*curve)) == pytest.approx(139.5e3, abs=50.0)


def test_reference_ups_loses_16_kw():
    # The efficiency read off between the points gives 16.3 kW; the parabola misses the points by up to 3 %.
    assert loss(571e3, 1000e3, loss_coefficients(*UPS)) == pytest.approx(16.3e3, rel=0.03)


def test_fewer_than_three_different_points_are_refused():
    with pytest.raises(ValueError, match="three points"):
        loss_coefficients([0.5, 0.5, 1.0], [0.97, 0.97, 0.96])


@given(
    output=st.floats(1.0, 2e6),
    rating=st.floats(1e3, 2e6),
    standing=st.floats(0.0, 0.05),
    linear=st.floats(-0.01, 0.1),
    quadratic=st.one_of(st.just(0.0), st.floats(1e-300, 0.1)),
)
def test_output_is_the_inverse_of_input(output, rating, standing, linear, quadratic):
    coefficients = np.array([standing, linear, quadratic])
    drawn = input_power(output, rating, coefficients)
    # Rounding of the input, which is the output plus a standing loss that may be far larger.
    np.testing.assert_allclose(
        output_power(drawn, rating, coefficients), output, rtol=1e-12, atol=1e-14 * (drawn + rating)
    )


def test_below_the_standing_loss_nothing_comes_out():
    coefficients = loss_coefficients(*SHELF)
    standing = 33e3 * coefficients[0]
    np.testing.assert_array_equal(output_power(np.array([0.0, 0.5, 1.0]) * standing, 33e3, coefficients), 0.0)
    assert output_power(1.01 * standing, 33e3, coefficients) > 0.0


def test_beyond_the_top_of_a_falling_curve_there_is_no_output():
    assert np.isnan(output_power(10.0, 1.0, np.array([0.0, 0.0, -0.1])))


def test_a_dead_converter_loses_nothing():
    coefficients = loss_coefficients(*SHELF)
    rating = np.array([0.0, 33e3])
    assert loss(0.0, rating, coefficients)[0] == 0.0
    assert input_power(0.0, rating, coefficients)[0] == 0.0
    assert output_power(1e3, rating, coefficients)[0] == 0.0
    assert marginal_input(0.0, rating, coefficients)[0] == 1.0


def test_marginal_input_is_the_slope():
    coefficients = loss_coefficients(*UPS)
    output = np.linspace(10e3, 990e3, 7)
    step = 1.0
    slope = (
        input_power(output + step, 1e6, coefficients) - input_power(output - step, 1e6, coefficients)
    ) / 2
    # Central differences of a parabola are exact; what is left is rounding of 1e6 over 1.
    np.testing.assert_allclose(marginal_input(output, 1e6, coefficients), slope, rtol=1e-8)


def test_scenarios_and_devices_broadcast():
    coefficients = np.stack([loss_coefficients(*SHELF), loss_coefficients(*UPS)])
    output = np.linspace(1e3, 30e3, 8).reshape(4, 2)
    lost = loss(output, np.array([33e3, 100e3]), coefficients)
    assert lost.shape == (4, 2)
    assert lost[3, 1] == pytest.approx(float(loss(output[3, 1], 100e3, coefficients[1])))
