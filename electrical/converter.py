"""Losses of power-electronic converters (UPS, rectifier, power shelf) from their efficiency curve.

Modules in parallel that share the load equally lose together what one converter of their summed rating
loses: n active modules are `input_power(output, n * rating, coefficients)`.
"""

from __future__ import annotations

import numpy as np

from electrical.quantities import Integer, Power, Ratio, Ratios


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


def linear_coefficients(constant: Power, efficiency: Ratio, rating: Power) -> Ratios:
    """Coefficients of a converter that draws (output + constant) / efficiency, (..., 3).

    constant : standing power before the efficiency [W]. efficiency : of what passes [1], in (0, 1].
    rating : rated output [W], above 0; it only sets the scale, the draw does not depend on it.
    The form of ExaDigiT/RAPS, raps/power.py; its config/frontier.yaml has 13 W and 0.98 for a node's
    DC/DC converter, 17 W and 0.96 for the rectifier of four nodes.

    >>> node = linear_coefficients(13.0, 0.98, 3000.0)
    >>> round(float(input_power(2704.0, 3000.0, node)), 2)
    2772.45
    """
    standing, linear = np.broadcast_arrays(
        constant / np.multiply(efficiency, rating), 1.0 / np.asarray(efficiency) - 1.0
    )
    return np.stack([standing, linear, np.zeros_like(linear)], axis=-1)


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


def active_modules(
    output: Power, rating: Power, modules: Integer, coefficients: Ratio, least: Integer | int = 1
) -> Integer:
    """How many of some modules to keep on so that they lose least together, (...,).

    output : power delivered by all [W]. rating : rated output of one module [W], above 0. modules : how many
    there are, alive. coefficients : (..., 3) of one module [1]. least : how many stay on at any load.
    No module is loaded above its rating as long as there are enough; beyond, all are on. The loss
    n rating a0 + a1 output + a2 output^2 / (n rating) is lowest at n = output / rating (a2 / a0)^1/2, so the
    whole number is one of the two beside it or one of the two ends.

    >>> shelf = loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97])
    >>> active_modules(np.array([0.0, 5e3, 12e3, 33e3]), 5.5e3, 6, shelf).tolist()
    [1, 2, 5, 6]
    """
    standing, quadratic = np.asarray(coefficients)[..., 0], np.asarray(coefficients)[..., 2]
    whole = np.asarray(output, dtype=np.float64) / rating
    low = np.minimum(np.maximum(np.ceil(whole), least), modules)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        best = np.nan_to_num(whole * np.sqrt(np.maximum(quadratic, 0.0) / np.maximum(standing, 0.0)), nan=1.0)
    beside = [
        np.clip(count, np.maximum(low, 1.0), modules) for count in (np.floor(best), np.floor(best) + 1.0)
    ]
    choice = np.stack(np.broadcast_arrays(low, *beside, np.asarray(modules, dtype=np.float64)))
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(choice > 0.0, choice * standing + quadratic * whole * whole / choice, 0.0)
    picked = np.take_along_axis(choice, np.argmin(lost, axis=0)[None], axis=0)[0]
    return np.asarray(picked, dtype=np.intp)


def staged_modules(output: Power, threshold: Power, modules: Integer) -> Integer:
    """How many of some modules are on when each is filled to a threshold before the next starts, (...,).

    output : power delivered by all [W]. threshold : power of one module at which the next starts [W], above
    0. modules : how many there are, alive. ExaDigiT/RAPS calls this smart load sharing, with 13,670 W for
    Frontier's rectifiers.

    >>> staged_modules(np.array([0.0, 13670.0, 13671.0, 90e3]), 13670.0, 4).tolist()
    [1, 1, 2, 4]
    """
    return np.minimum(np.maximum(np.ceil(np.divide(output, threshold)), 1), modules).astype(np.intp)


def shed_output_power(
    input_power: Power, rating: Power, modules: int, coefficients: Ratio, least: int = 1
) -> Power:
    """Power that modules deliver from what they draw when as many are on as lose least, (...,).

    input_power : power drawn by all [W]. rating : rated output of one module [W], above 0. modules : how many
    there are, alive. coefficients : (..., 3) of one module [1]. least : how many stay on at any load.
    The inverse of `input_power(output, n * rating, coefficients)` with n of `active_modules`: the largest
    output, within the rating of what is on, that draws no more. It stops at the rating of all modules.

    >>> shelf = loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97])
    >>> drawn = input_power(12e3, 5 * 5.5e3, shelf)
    >>> round(float(shed_output_power(drawn, 5.5e3, 6, shelf)), 6)
    12000.0
    """
    ratings = np.arange(min(least, modules), modules + 1) * np.asarray(rating, dtype=np.float64)[..., None]
    drawn = np.asarray(input_power, dtype=np.float64)[..., None]
    delivered = output_power(drawn, ratings, np.asarray(coefficients)[..., None, :])
    return np.asarray(np.max(np.fmin(delivered, ratings), axis=-1))


def _terms(power: Power, rating: Power, coefficients: Ratio) -> tuple[Ratio, Ratio, Ratio, Ratio]:
    """Power over rating, 0 for a dead converter, and the three coefficients apart."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(np.equal(rating, 0.0), 0.0, np.divide(power, rating))
    terms = np.asarray(coefficients)
    return fraction, terms[..., 0], terms[..., 1], terms[..., 2]
