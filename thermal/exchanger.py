"""Heat exchangers by effectiveness and number of transfer units.

All take the conductance UA and the capacity rates (mass flow times heat capacity) of both sides, in either
order, for any capacity ratio in [0, 1]. The heat is effectiveness x smaller capacity rate x difference of the
inlet temperatures. Where a side stands still the heat is nothing and the effectiveness is its limit for a
vanishing flow: 1, or 0 without conductance.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from thermal.quantities import Array, CapacityRate, Conductance, Power, Ratio, Temperature

STILL = 1e-9  # capacity rate of a side at rest [W/K]
# Transfer units beyond which the crossflow series is held (its effectiveness is 0.87 or more there), and its
# terms: at 20 units the part cut off is below 1e-12.
MOST_UNITS = 20.0
TERMS = np.arange(1.0, 65.0)


def _transfer_units(conductance: Array, hot: Array, cold: Array) -> tuple[Array, Array]:
    """Number of transfer units and capacity ratio."""
    smaller, larger = np.minimum(hot, cold), np.maximum(hot, cold)
    return conductance / np.maximum(smaller, STILL), smaller / np.maximum(larger, STILL)


def _accumulate(operation: np.ufunc, rows: npt.NDArray[np.float64]) -> None:
    """Accumulate over the first axis, in place.

    Both ways give the same bits; numpy's own is quicker for a few elements, row by row for many (ten times).
    """
    if rows[0].size < 64:
        operation.accumulate(rows, axis=0, out=rows)
    else:
        for before, row in pairwise(rows):
            operation(before, row, out=row)


def counterflow(conductance: Conductance, hot: CapacityRate, cold: CapacityRate) -> Ratio:
    """Effectiveness of a counterflow heat exchanger, (...,).

    conductance : UA [W/K]. hot, cold : capacity rate of each side [W/K].
    Incropera et al., 6th ed., table 11.3, written so that equal capacity rates are no special case.

    >>> round(float(counterflow(2.0, 1.0, 1.0)), 4)
    0.6667
    """
    units, ratio = _transfer_units(conductance, hot, cold)
    # (1 - exp(-x)) / (1 - ratio) with x = units (1 - ratio), which tends to `units` for equal rates
    exponent = np.asarray(units * (1 - ratio))
    growth = units * np.divide(-np.expm1(-exponent), exponent, out=np.ones_like(exponent), where=exponent > 0)
    effectiveness: Array = growth / (1 + ratio * growth)
    return effectiveness


def parallelflow(conductance: Conductance, hot: CapacityRate, cold: CapacityRate) -> Ratio:
    """Effectiveness of a parallel-flow heat exchanger, (...,).

    conductance : UA [W/K]. hot, cold : capacity rate of each side [W/K].
    Incropera et al., 6th ed., table 11.3.

    >>> round(float(parallelflow(1.0, 1.0, 2.0)), 6)
    0.517913
    """
    units, ratio = _transfer_units(conductance, hot, cold)
    effectiveness: Array = -np.expm1(-units * (1 + ratio)) / (1 + ratio)
    return effectiveness


def crossflow(conductance: Conductance, hot: CapacityRate, cold: CapacityRate) -> Ratio:
    """Effectiveness of a crossflow heat exchanger with both fluids unmixed, (...,).

    conductance : UA [W/K]; more than 20 transfer units count as 20. hot, cold : capacity rate of each side
    [W/K]. The exact solution as the series 1/(r N) sum_n P(n+1, N) P(n+1, r N), n from 0, with r the capacity
    ratio and P the regularised lower incomplete gamma function (Baclic, J. Heat Transfer 100, 1978, 746-749).
    P(n+1, x) is the chance that a Poisson count of mean x exceeds n, so both factors are sums of Poisson
    terms from the far end: nothing is subtracted, and dividing by r N term by term leaves no 0/0 at r = 0.

    >>> round(float(crossflow(1.0, 1.0, 2.0)), 6)
    0.54749
    """
    units, ratio = _transfer_units(conductance, hot, cold)
    units = np.minimum(units, MOST_UNITS)
    mean = np.stack(np.broadcast_arrays(units, ratio * units))
    terms = np.multiply.outer(1 / TERMS, mean)  # (term, which mean, ...)
    terms[0, 1] = 1.0  # the term by term division by r N
    terms[0] *= np.exp(-mean)
    _accumulate(np.multiply, terms)
    _accumulate(np.add, terms[::-1])
    products = terms[:, 0] * terms[:, 1]
    _accumulate(np.add, products)
    effectiveness: Array = products[-1]
    return effectiveness


def rated_conductance(
    duty: Power, hot_inlet: Temperature, cold_inlet: Temperature, hot: CapacityRate, cold: CapacityRate
) -> Conductance:
    """Conductance of a counterflow heat exchanger from its rating point, (...,) [W/K].

    duty : [W]. hot_inlet, cold_inlet : [K]. hot, cold : capacity rate of each side [W/K].
    The inverse of `counterflow`; infinite where the streams could not carry the duty with any surface.

    >>> round(float(rated_conductance(2.0, 303.0, 300.0, 1.0, 1.0)), 6)
    2.0
    """
    smaller, larger = np.minimum(hot, cold), np.maximum(hot, cold)
    most = np.asarray(smaller * (np.asarray(hot_inlet) - cold_inlet), dtype=np.float64)
    room = np.asarray(most - duty)
    # e / (1 - e) for an effectiveness e
    odds = np.divide(duty, room, out=np.zeros_like(room), where=room > 0)
    rest = np.asarray(odds * (1 - smaller / np.maximum(larger, STILL)))
    bend = np.divide(np.log1p(rest), rest, out=np.ones_like(rest), where=rest > 0)
    conductance: Array = np.where(room > 0, smaller * odds * bend, np.inf)
    return conductance


def scaled_conductance(
    rated: Conductance,
    hot_ratio: Ratio,
    cold_ratio: Ratio,
    hot_resistance_share: Ratio,
    exponent: Ratio = 0.8,
) -> Conductance:
    """Conductance away from the rated flows, (...,) [W/K].

    rated : UA at rated flows [W/K]. hot_ratio, cold_ratio : flow over rated flow of each side.
    hot_resistance_share : part of the rated resistance on the hot side, 0 to 1. exponent : of the film
    coefficient on the flow, 0.8 for turbulent flow. The two films in series,
    1/UA = (share hot_ratio^-n + (1 - share) cold_ratio^-n) / UA_rated; nearly 0 where a side stands still.

    >>> round(float(scaled_conductance(300e3, 0.5, 0.5, 0.5)) / 300e3, 4)
    0.5743
    """
    hot_film = np.maximum(hot_ratio, STILL) ** exponent
    cold_film = np.maximum(cold_ratio, STILL) ** exponent
    return rated / (hot_resistance_share / hot_film + (1 - np.asarray(hot_resistance_share)) / cold_film)
