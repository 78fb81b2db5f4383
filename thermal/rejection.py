"""Heat given to the outside air: dry coolers, chillers and free cooling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thermal.exchanger import MOST_UNITS, crossflow, scaled_conductance
from thermal.quantities import (
    Array,
    CapacityRate,
    Conductance,
    Power,
    Ratio,
    Temperature,
    TemperatureDifference,
)

# Smallest temperature difference that is divided by [K].
LEAST_DIFFERENCE = 1e-9


def _root(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Zero of a rising function between two bounds, the nearer bound where there is none, (...,).

    Regula falsi with the halving of Illinois, which keeps the bracket; each element stops by itself.
    """
    left, right = np.broadcast_arrays(np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))
    at_left, at_right = np.asarray(function(left)), np.asarray(function(right))
    left, right, at_left, at_right = np.broadcast_arrays(left, right, at_left, at_right)
    root = np.where(at_left >= 0, left, right)
    open_ = (at_left < 0) & (at_right > 0)
    for _ in range(100):
        if not np.any(open_):
            break
        fall = np.where(open_, at_right - at_left, 1.0)
        trial = np.where(open_, right - at_right * (right - left) / fall, root)
        at_trial = np.asarray(function(trial))
        open_ = open_ & (at_trial != 0) & (np.abs(trial - root) > 1e-13 * np.abs(trial))
        root = trial
        crossed = np.sign(at_trial) != np.sign(at_right)
        left, at_left = np.where(crossed, right, left), np.where(crossed, at_right, at_left / 2)
        right, at_right = trial, at_trial
    return root


def dry_cooler_conductance(
    rated: Conductance,
    water_ratio: Ratio,
    air_ratio: Ratio,
    air_to_water: Ratio = 0.5,
    water_exponent: Ratio = 0.85,
    air_exponent: Ratio = 0.8,
) -> Conductance:
    """Conductance of a dry cooler away from its rated flows, (...,) [W/K].

    rated : UA at rated flows [W/K]. water_ratio, air_ratio : flow over rated flow. air_to_water : film
    conductance of the air over that of the water at rated flows. water_exponent, air_exponent : of the films
    on their flow. Films, ratio and exponents as in the dry cooler of the Modelica Buildings library.

    >>> round(float(dry_cooler_conductance(1.0, 1.0, 0.5)), 4)
    0.6693
    """
    water_share = np.asarray(air_to_water) / (1 + np.asarray(air_to_water))
    return scaled_conductance(
        rated,
        np.asarray(water_ratio, dtype=np.float64) ** water_exponent,
        np.asarray(air_ratio, dtype=np.float64) ** air_exponent,
        water_share,
        exponent=1.0,
    )


def dry_cooler_duty(
    water: CapacityRate,
    units: Ratio,
    speed: Ratio,
    rated: Conductance,
    rated_water: CapacityRate,
    rated_air: CapacityRate,
    air_to_water: Ratio = 0.5,
    water_exponent: Ratio = 0.85,
    air_exponent: Ratio = 0.8,
) -> CapacityRate:
    """Duty of equal dry coolers per kelvin between water inlet and dry bulb, (...,) [W/K].

    water : capacity rate of all the water, which the units share equally [W/K]. units : running; 0 gives 0.
    speed : of the fans, and with it the air flow, over rated. rated, rated_water, rated_air : conductance and
    capacity rates of one unit at its rating point [W/K]; the rest as in `dry_cooler_conductance`.
    Crossflow, both fluids unmixed. The duty is this number times (water inlet - dry bulb).

    >>> rating = rated_dry_cooler_conductance(2e6, 325.15, 314.15, 308.15, 200e3)
    >>> round(float(dry_cooler_duty(2e6 / 11, 1, 1.0, rating, 2e6 / 11, 200e3)) * (52 - 35))
    2000000
    """
    each = np.asarray(water) / np.maximum(units, 1)
    air = np.asarray(speed) * rated_air
    conductance = dry_cooler_conductance(
        rated, each / rated_water, speed, air_to_water, water_exponent, air_exponent
    )
    duty: Array = units * crossflow(conductance, each, air) * np.minimum(each, air)
    return duty


def rated_dry_cooler_conductance(
    duty: Power, water_in: Temperature, water_out: Temperature, dry_bulb: Temperature, air: CapacityRate
) -> Conductance:
    """Conductance of a dry cooler from its rating point, (...,) [W/K].

    duty : [W]. water_in, water_out : of the water, above dry_bulb [K]. air : capacity rate of the air [W/K].
    The inverse of `crossflow`; a rating beyond 20 transfer units gives the conductance of 20.

    >>> round(float(rated_dry_cooler_conductance(2e6, 325.15, 314.15, 308.15, 200e3)) / 1e3)
    389
    """
    water = np.asarray(duty / np.maximum(np.asarray(water_in) - water_out, LEAST_DIFFERENCE))
    smaller = np.minimum(water, air)
    wanted = duty / np.maximum(smaller * (np.asarray(water_in) - dry_bulb), LEAST_DIFFERENCE)
    units = _root(lambda units: crossflow(units * smaller, water, air) - wanted, 0.0 * wanted, MOST_UNITS)
    return units * smaller


def dry_cooler_speed(
    duty: Power,
    water_in: Temperature,
    dry_bulb: Temperature,
    water: CapacityRate,
    units: Ratio,
    rated: Conductance,
    rated_water: CapacityRate,
    rated_air: CapacityRate,
    minimum: Ratio,
    air_to_water: Ratio = 0.5,
    water_exponent: Ratio = 0.85,
    air_exponent: Ratio = 0.8,
) -> Ratio:
    """Fan speed at which equal dry coolers reject a duty, (...,), from `minimum` to 1.

    duty : of all units [W]. water_in : of the water [K]. dry_bulb : [K]. minimum : slowest speed, the answer
    where even that rejects more. The rest as in `dry_cooler_duty`. Where full speed does not suffice it is 1.

    >>> round(float(dry_cooler_speed(2e6, 325.15, 308.15, 2e6 / 11, 2, 389e3, 2e6 / 11, 200e3, 0.1)), 3)
    0.466
    """
    lift = np.maximum(np.asarray(water_in) - dry_bulb, 0.0)

    def surplus(speed: Array) -> Array:
        per_kelvin = dry_cooler_duty(
            water,
            units,
            speed,
            rated,
            rated_water,
            rated_air,
            air_to_water,
            water_exponent,
            air_exponent,
        )
        return per_kelvin * lift - duty

    return _root(surplus, minimum, 1.0)


def chiller_cop(
    evaporator_leaving: Temperature,
    condenser_air: Temperature,
    carnot_fraction: Ratio,
    evaporator_approach: TemperatureDifference,
    condenser_approach: TemperatureDifference,
    minimum: Ratio,
    maximum: Ratio,
) -> Ratio:
    """Coefficient of performance of an air-cooled chiller, (...,).

    evaporator_leaving : of the chilled water [K]. condenser_air : entering the condenser [K].
    carnot_fraction : of the ideal coefficient between the refrigerant temperatures. evaporator_approach,
    condenser_approach : leaving water above evaporation, condensation above entering air [K]. minimum,
    maximum : bounds of the result.
    The bounds are part of the model: at a small lift the bare fraction promises what no compressor delivers.

    >>> round(float(chiller_cop(291.15, 308.15, 0.45, 4.0, 12.0, 2.0, 6.0)), 2)
    3.92
    """
    evaporation = np.asarray(evaporator_leaving) - evaporator_approach
    lift = np.asarray(condenser_air) + condenser_approach - evaporation
    cop = np.asarray(carnot_fraction * evaporation / np.maximum(lift, LEAST_DIFFERENCE))
    return np.clip(cop, minimum, maximum)


def free_cooling_share(
    effectiveness: Ratio, return_: Temperature, supply: Temperature, dry_bulb: Temperature
) -> Ratio:
    """Share of a chiller's duty that its free-cooling coil carries without the compressor, (...,), 0 to 1.

    effectiveness : of the coil, on the water side. return_, supply : chilled water from the load and to it
    [K]. dry_bulb : air at the coil [K]. The coil stands first in the returning water.

    >>> round(float(free_cooling_share(0.8, 298.15, 291.15, 293.15)), 4)
    0.5714
    """
    difference = np.maximum(np.asarray(return_) - supply, LEAST_DIFFERENCE)
    return np.clip(effectiveness * (np.asarray(return_) - dry_bulb) / difference, 0.0, 1.0)
