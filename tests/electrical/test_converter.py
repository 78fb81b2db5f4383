"""Converter losses against efficiency points, closed forms and their own inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrical.converter import (
    active_modules,
    input_power,
    linear_coefficients,
    loss,
    loss_coefficients,
    marginal_input,
    output_power,
    shed_output_power,
    staged_modules,
)

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


@pytest.mark.parametrize(
    ("node", "converter", "rectifier", "chain"),
    [(2704.0, 0.9753, 0.9585, 0.9349), (626.0, None, None, 0.9157)],
)
def test_frontier_chain_of_nodes_and_rectifier(node, converter, rectifier, chain):
    # Computed from config/frontier.yaml of ExaDigiT/RAPS: full load and idle, four nodes a rectifier.
    middle = input_power(node, 3e3, linear_coefficients(13.0, 0.98, 3e3))
    top = input_power(4 * middle, 15e3, linear_coefficients(17.0, 0.96, 15e3))
    assert middle == pytest.approx((node + 13.0) / 0.98, rel=1e-14)
    assert top == pytest.approx((4 * middle + 17.0) / 0.96, rel=1e-14)
    assert 4 * node / top == pytest.approx(chain, abs=5e-5)
    if converter:
        assert node / middle == pytest.approx(converter, abs=5e-5)
        assert 4 * middle / top == pytest.approx(rectifier, abs=5e-5)


def test_frontier_peak_is_28_2_mw():
    node = 280.0 + 4 * 560.0 + 74.26 + 4 * 20.0 + 30.0
    middle = input_power(node, 3e3, linear_coefficients(13.0, 0.98, 3e3))
    top = input_power(4 * middle, 15e3, linear_coefficients(17.0, 0.96, 15e3))
    rack = 8 * (4 * top + 4 * 250.0)
    assert rack == pytest.approx(378.3e3, abs=50.0)
    assert 74 * rack + 25 * 8473.47 == pytest.approx(28.20e6, abs=5e3)


def test_linear_coefficients_do_not_depend_on_the_rating():
    rating = np.array([1e3, 3e3, 50e3])
    drawn = input_power(2704.0, rating, linear_coefficients(13.0, 0.98, rating))
    np.testing.assert_allclose(drawn, 2717.0 / 0.98, rtol=1e-14)
    back = output_power(drawn, rating, linear_coefficients(13.0, 0.98, rating))
    np.testing.assert_allclose(back, 2704.0, rtol=1e-14)


def shed(output, rating, modules, coefficients, least=1):
    """Power drawn when as many modules are on as lose least."""
    active = active_modules(output, rating, modules, coefficients, least)
    return input_power(output, active * rating, coefficients)


CURVES = st.tuples(st.floats(-0.002, 0.05), st.floats(-0.01, 0.1), st.floats(-0.002, 0.1))


@given(share=st.floats(0.0, 1.3), modules=st.integers(1, 24), curve=CURVES, least=st.integers(1, 4))
def test_shedding_is_the_best_of_all_counts_and_never_worse_than_all_on(share, modules, curve, least):
    coefficients = np.array(curve)
    output = share * modules * 5.5e3
    active = int(active_modules(output, 5.5e3, modules, coefficients, least))
    counts = np.arange(1, modules + 1)
    enough = (counts >= min(least, modules)) & ((counts * 5.5e3 >= output) | (counts == modules))
    lost = loss(output, counts * 5.5e3, coefficients)
    assert enough[active - 1]
    # The least of the counts, to a rounding of the rated power.
    assert lost[active - 1] <= lost[enough].min() + 1e-12 * modules * 5.5e3
    assert (
        shed(output, 5.5e3, modules, coefficients, least)
        <= input_power(output, modules * 5.5e3, coefficients) + 1e-12 * modules * 5.5e3
    )


@given(
    share=st.floats(1e-6, 1.0),
    modules=st.integers(1, 24),
    curve=st.tuples(st.floats(0.0, 0.05), st.floats(0.0, 0.1), st.floats(0.0, 0.1)),
    least=st.integers(1, 4),
)
def test_the_cap_at_the_input_of_shed_modules_gives_back_the_output(share, modules, curve, least):
    coefficients = np.array(curve)
    output = share * modules * 5.5e3
    drawn = shed(output, 5.5e3, modules, coefficients, least)
    back = shed_output_power(drawn, 5.5e3, modules, coefficients, least)
    # Rounding of the input, which holds the standing loss of what is on.
    np.testing.assert_allclose(back, output, rtol=1e-12, atol=1e-13 * drawn)


def test_round_trips_of_a_shelf_close_to_1e_12():
    coefficients = loss_coefficients(*SHELF)
    output = np.linspace(100.0, 33e3, 2000)
    drawn = shed(output, 5.5e3, 6, coefficients)
    assert (np.diff(drawn) > 0).all()
    np.testing.assert_allclose(shed_output_power(drawn, 5.5e3, 6, coefficients), output, rtol=1e-12)
    np.testing.assert_allclose(
        output_power(input_power(output, 33e3, coefficients), 33e3, coefficients), output, rtol=1e-12
    )


def test_a_cap_between_two_counts_stops_at_the_rating_of_what_is_on():
    # Standing losses dominate: the second module starts only when it must, and costs at once.
    coefficients = np.array([0.05, 0.01, 0.001])
    below = shed(5.5e3, 5.5e3, 2, coefficients)
    above = shed(5.5e3 * (1 + 1e-9), 5.5e3, 2, coefficients)
    assert above > below + 100.0
    caps = np.array([below, 0.5 * (below + above)])
    np.testing.assert_allclose(shed_output_power(caps, 5.5e3, 2, coefficients), 5.5e3, rtol=1e-14)
    assert shed_output_power(1e6, 5.5e3, 2, coefficients) == 11e3
    assert shed_output_power(100.0, 5.5e3, 2, coefficients) == 0.0


def test_stages_of_frontier_rectifiers():
    # Smart load sharing of ExaDigiT/RAPS: whole watts, (P - 1) // 13670 + 1, at most four.
    output = np.array([0, 1, 13669, 13670, 13671, 27340, 27341, 41011, 60000])
    expected = np.minimum((output - 1) // 13670 + 1, 4)
    expected[0] = 1
    np.testing.assert_array_equal(staged_modules(output, 13670.0, 4), expected)


def test_modules_broadcast_over_scenarios_and_dead_ones():
    coefficients = loss_coefficients(*SHELF)
    output, modules = np.linspace(0.0, 40e3, 5)[:, None], np.array([0, 3, 6])
    active = active_modules(output, 5.5e3, modules, coefficients)
    assert active.shape == (5, 3)
    assert (active[:, 0] == 0).all()
    for i, j in np.ndindex(5, 3):
        assert active[i, j] == active_modules(output[i, 0], 5.5e3, modules[j], coefficients)
    np.testing.assert_array_equal(active[-1], modules)
