"""Losses of power-electronic converters (UPS, rectifier, power shelf) from their efficiency curve."""

from __future__ import annotations

import numpy as np

from electrical.quantities import Power, Ratio, Ratios


def loss_coefficients(load_fraction: Ratio, efficiency: Ratio) -> Ratios:
    """Standing, linear and quadratic loss (a0, a1, a2) of an efficiency curve, (3,).

    load_fraction : output over rating at each point of the curve [1], (point,), above 0.
    efficiency    : output over input at each point [1], (point,), in (0, 1].
    The loss over the rating, x (1/efficiency - 1), is fitted by a0 + a1 x + a2 x^2: exact through three
    points, least squares through more. Fewer than three points is a ValueError.

    >>> shelf = loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97])
    >>> [round(float(a), 5) for a in shelf]
    [0.00434, 0.00735, 0.01925]
    """
    fraction = np.asarray(load_fraction, dtype=np.float64)
    lost = fraction * (1.0 / np.asarray(efficiency, dtype=np.float64) - 1.0)
    if fraction.ndim != 1 or fraction.shape != lost.shape or len(np.unique(fraction)) < 3:
        raise ValueError("an efficiency curve needs at least three points at different loads")
    return np.asarray(np.linalg.lstsq(np.vander(fraction, 3, increasing=True), lost)[0], dtype=np.float64)


def loss(output: Power, rating: Power, coefficients: Ratio) -> Power:
    """Loss of a converter at an output, (...,).

    rating (a0 + a1 x + a2 x^2) with x = output / rating.
    output : power delivered [W]. rating : rated output [W]; 0 is a dead converter, which loses nothing.
    coefficients : (..., 3) of `loss_coefficients` [1]. Fitted for x up to 1; beyond it extrapolates.

    >>> round(float(loss(136e3, 264e3, loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97]))))
    3492
    """
    fraction, standing, linear, quadratic = _terms(output, rating, coefficients)
    return rating * (standing + fraction * (linear + fraction * quadratic))


def input_power(output: Power, rating: Power, coefficients: Ratio) -> Power:
    """Power a converter draws to deliver an output, (...,): output plus `loss`.

    output : power delivered [W]. rating : rated output [W]. coefficients : (..., 3) [1].

    >>> round(float(input_power(136e3, 264e3, loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97]))))
    139492
    """
    return output + loss(output, rating, coefficients)


def output_power(input_power: Power, rating: Power, coefficients: Ratio) -> Power:
    """Power a converter delivers from what it draws, (...,): the inverse of the function `input_power`.

    input_power : power drawn [W]. rating : rated output [W]. coefficients : (..., 3) [1].
    Zero where the input does not cover the standing loss and where the converter is dead (rating 0); NaN
    where no output draws that much, which only a curve with a negative a2 has. The root of the quadratic
    is taken in the form that divides by the sum, so that a2 may be as small as it likes, or 0.

    >>> shelf = loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97])
    >>> round(float(output_power(input_power(136e3, 264e3, shelf), 264e3, shelf)))
    136000
    """
    drawn, standing, linear, quadratic = _terms(input_power, rating, coefficients)
    useful = drawn - standing
    slope = 1.0 + linear
    discriminant = slope * slope + 4.0 * quadratic * useful
    root = np.sqrt(np.where(discriminant >= 0.0, discriminant, np.nan))
    return rating * np.where(useful > 0.0, 2.0 * useful / (slope + root), 0.0)


def marginal_input(output: Power, rating: Power, coefficients: Ratio) -> Ratio:
    """Watts more at the input for one watt more at the output, (...,): 1 + a1 + 2 a2 x.

    output : power delivered [W]. rating : rated output [W]; 1 for a dead converter (0), as it loses
    nothing. coefficients : (..., 3) [1].

    >>> float(marginal_input(50.0, 100.0, [0.004, 0.01, 0.02]))
    1.03
    """
    fraction, _, linear, quadratic = _terms(output, rating, coefficients)
    return np.where(np.equal(rating, 0.0), 1.0, 1.0 + linear + 2.0 * quadratic * fraction)


def _terms(power: Power, rating: Power, coefficients: Ratio) -> tuple[Ratio, Ratio, Ratio, Ratio]:
    """Power over rating, 0 for a dead converter, and the three coefficients apart."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(np.equal(rating, 0.0), 0.0, np.divide(power, rating))
    terms = np.asarray(coefficients)
    return fraction, terms[..., 0], terms[..., 1], terms[..., 2]
