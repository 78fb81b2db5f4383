"""Temperatures of oil-immersed transformers over a load profile, and how fast their paper ages.

Difference equations of IEC 60076-7:2018, formulas (12), (15) and (16), as the documentation of
transformer-thermal-model (Alliander) quotes them. Defaults are its medium and large power transformer, ONAF.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from electrical.quantities import Ratio, Temperature, TemperatureDifference, Time


@dataclass(frozen=True, eq=False)
class Profile:
    """Temperatures of transformers at the end of each step, (..., time) each.

    top_oil, hot_spot : temperatures [K]. winding_rise, oil_lag : the two parts whose difference is the
    hot-spot's rise above the top oil [K]; with `top_oil` they are all that the next step needs to know.
    """

    top_oil: Temperature
    hot_spot: Temperature
    winding_rise: TemperatureDifference
    oil_lag: TemperatureDifference


def top_oil_rise(
    load_ratio: Ratio, rated_rise: TemperatureDifference, loss_ratio: Ratio, exponent: Ratio = 0.8
) -> TemperatureDifference:
    """Steady rise of the top oil above ambient, (...,).

    rated_rise ((1 + R K^2) / (1 + R))^exponent.
    load_ratio : K, current over rated current [1], at least 0. rated_rise : at rated losses [K].
    loss_ratio : R, load loss at rated current over no-load loss [1]. exponent : 0.8 with oil that
    circulates by itself, 1 where it is pumped (unverified).

    >>> round(float(top_oil_rise(1.5, 38.3, 1000.0)), 2)
    73.24
    """
    return rated_rise * ((1.0 + loss_ratio * np.square(load_ratio)) / (1.0 + loss_ratio)) ** exponent


def hot_spot_rise(
    load_ratio: Ratio, rated_rise: TemperatureDifference, exponent: Ratio = 1.3
) -> TemperatureDifference:
    """Steady rise of the hot-spot above the top oil, (...,): rated_rise K^exponent.

    load_ratio : K, current over rated current [1], at least 0. rated_rise : at rated current [K], hot-spot
    factor times the gradient between winding and oil. exponent : 1.3, or 2 where the oil is guided
    (unverified).

    >>> round(float(hot_spot_rise(1.5, 1.4 * 14.5)), 2)
    34.39
    """
    return rated_rise * np.power(load_ratio, exponent)


def temperatures(
    load_ratio: Ratio,
    ambient: Temperature,
    step: Time,
    rated_top_oil_rise: TemperatureDifference,
    rated_hot_spot_rise: TemperatureDifference,
    loss_ratio: Ratio,
    oil_time_constant: Time = 9000.0,
    winding_time_constant: Time = 420.0,
    oil_exponent: Ratio = 0.8,
    winding_exponent: Ratio = 1.3,
    k11: Ratio = 0.5,
    k21: Ratio = 2.0,
    k22: Ratio = 2.0,
    start: tuple[Temperature, TemperatureDifference, TemperatureDifference] | None = None,
) -> Profile:
    """Top oil and hot-spot over a load profile.

    load_ratio : K, current over rated current [1], at least 0, and ambient : [K], (..., time), each held
    during its step. step : length of the steps [s], one for all or (time,).
    rated_top_oil_rise, rated_hot_spot_rise, loss_ratio, oil_exponent, winding_exponent : as in `top_oil_rise`
    and `hot_spot_rise`; these, the time constants of oil and winding [s] and k11, k21, k22 are (...,) and
    go with the axes in front of time. start : top oil, winding rise and oil lag before the first step, (...,)
    each; without it the steady state under the first load.

    The three parts approach their end values with k11 tau_o, k22 tau_w and tau_o / k22. The approach is the
    exponential itself, so a load that is constant within each step is met exactly, whatever its length.

    >>> hour = temperatures([1.0, 1.5], 298.75, 3600.0, 38.3, 20.3, 1000.0)
    >>> (hour.hot_spot - 273.15).round(2).tolist()
    [84.2, 123.47]
    """
    load, air = np.broadcast_arrays(np.asarray(load_ratio, float), np.asarray(ambient, float))
    steps = np.broadcast_to(np.asarray(step, float), load.shape[-1:])
    oil, winding = np.asarray(oil_time_constant), np.asarray(winding_time_constant)
    constants = k11 * oil, k22 * winding, oil / k22
    over = np.asarray(k21)

    # Time first: a step then works on numbers that lie together.
    loads, airs = (np.ascontiguousarray(np.moveaxis(value, -1, 0)) for value in (load, air))
    history = []
    state, before = start, np.nan
    for ratio, around, length in zip(loads, airs, steps, strict=True):
        rise = hot_spot_rise(ratio, rated_hot_spot_rise, winding_exponent)
        ends = (
            around + top_oil_rise(ratio, rated_top_oil_rise, loss_ratio, oil_exponent),
            over * rise,
            (over - 1.0) * rise,
        )
        if length != before:
            gains = [-np.expm1(-length / constant) for constant in constants]
            before = length
        state = ends if state is None else state
        state = tuple(part + (end - part) * gain for part, end, gain in zip(state, ends, gains, strict=True))
        history.append(state)
    top_oil, winding_rise, oil_lag = (
        np.moveaxis(np.array(part), 0, -1) for part in zip(*history, strict=True)
    )
    return Profile(top_oil, top_oil + winding_rise - oil_lag, winding_rise, oil_lag)


def permitted_load(
    hot_spot: Temperature,
    ambient: Temperature,
    rated_top_oil_rise: TemperatureDifference,
    rated_hot_spot_rise: TemperatureDifference,
    loss_ratio: Ratio,
    oil_exponent: Ratio = 0.8,
    winding_exponent: Ratio = 1.3,
) -> Ratio:
    """Lasting load at which the hot-spot settles at a temperature, over the rated load, (...,).

    hot_spot : temperature to settle at [K]. ambient : [K]. The rest as in `top_oil_rise` and `hot_spot_rise`.
    Zero where the no-load loss alone makes it hotter. By bisection, to the last digit.

    >>> round(float(permitted_load(371.15, 313.15, 38.3, 20.3, 6.0)), 4)
    0.9924
    """
    allowed = np.subtract(hot_spot, ambient)
    high = np.power(np.maximum(allowed, 0.0) / rated_hot_spot_rise, 1.0 / np.asarray(winding_exponent))
    low = np.zeros_like(high)
    for _ in range(60):
        middle = 0.5 * (low + high)
        rise = top_oil_rise(middle, rated_top_oil_rise, loss_ratio, oil_exponent) + hot_spot_rise(
            middle, rated_hot_spot_rise, winding_exponent
        )
        low, high = np.where(rise <= allowed, middle, low), np.where(rise <= allowed, high, middle)
    return low


def ageing_rate(hot_spot: Temperature) -> Ratio:
    """Relative ageing rate of normal paper, (...,): 2^((hot_spot - 98 degC) / 6 K), IEC 60076-7.

    hot_spot : [K], 80 to 140 degC (unverified).

    >>> round(float(ageing_rate(373.15)), 6)
    1.259921
    """
    return np.exp2((hot_spot - 371.15) / 6.0)


def upgraded_ageing_rate(hot_spot: Temperature) -> Ratio:
    """Relative ageing rate of thermally upgraded paper, (...,), and of IEEE C57.91, whose FAA it is.

    exp(15000 / 383 - 15000 / (theta + 273)), theta in degC: one at 110 degC. hot_spot : [K].

    >>> [round(float(upgraded_ageing_rate(t + 273.15)), 6) for t in (100.0, 110.0, 120.0)]
    [0.349943, 1.0, 2.708925]
    """
    return np.exp(15000.0 / 383.0 - 15000.0 / (hot_spot - 0.15))


def loss_of_life(rate: Ratio, step: Time) -> Time:
    """Life used up over a profile [s], (...,): the sum of rate times step.

    rate : relative ageing rate of each step [1], (..., time). step : length of the steps [s], one for all or
    (time,). Over the normal life, 180,000 h in IEEE C57.91 (unverified), it is the share that is lost.

    >>> float(loss_of_life([1.0, 2.0, 0.5], 3600.0))
    12600.0
    """
    return np.asarray(np.sum(np.asarray(rate) * step, axis=-1))


def equivalent_ageing(rate: Ratio, step: Time) -> Ratio:
    """Mean ageing rate over a profile, (...,): life used up over time passed, F_EQA of IEEE C57.91.

    rate : relative ageing rate of each step [1], (..., time). step : length of the steps [s], one for all or
    (time,).

    >>> float(equivalent_ageing([1.0, 4.0], [3600.0, 1800.0]))
    2.0
    """
    rates = np.asarray(rate)
    lengths = np.broadcast_to(step, rates.shape[-1:])
    return loss_of_life(rates, lengths) / float(np.sum(lengths))
