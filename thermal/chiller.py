"""Water chillers by the curves of their maker, and the economiser that stands before them.

The curves are those of DOE-2, which catalogues and building programs hold for many machines: capacity and electric
input over the leaving chilled and the entering condenser temperature, and input over the load. They are fits, good
within their range alone; `rejection.chiller_cop` is for what lies beyond, warm water above all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermal.exchanger import STILL, counterflow
from thermal.quantities import (
    Array,
    CapacityRate,
    Conductance,
    Power,
    Ratio,
    Temperature,
    TemperatureDifference,
)
from thermal.rejection import free_cooling_share

CELSIUS = 273.15


@dataclass(frozen=True)
class Chiller:
    """A chiller by its rating and its curves.

    rated_capacity : at the reference temperatures [W]. rated_cop : there, at full load. capacity_curve, input_curve :
    six coefficients each of 1, x, x^2, y, y^2 and x y, with x the leaving chilled water and y what enters the
    condenser, both in degC. load_curve : three, of 1, r and r^2 with r the load over the capacity at those
    temperatures. leaving, entering : lowest and highest x and y the curves hold for [K]. load : least and greatest r;
    below the least the machine cycles.
    """

    name: str
    rated_capacity: Power
    rated_cop: Ratio
    capacity_curve: tuple[float, ...]
    input_curve: tuple[float, ...]
    load_curve: tuple[float, ...]
    leaving: tuple[Temperature, Temperature]
    entering: tuple[Temperature, Temperature]
    load: tuple[Ratio, Ratio]


# Record of the EnergyPlus data sets as the Modelica Buildings library has it: water-cooled, variable speed. Its
# reference is 5.56 degC leaving and 23.89 degC entering, where its three curves give 0.9956, 0.9998 and 1.0006.
YORK_YK_2771 = Chiller(
    "york-yk-2771",
    rated_capacity=2771.1e3,
    rated_cop=6.84,
    capacity_curve=(0.7734286, 0.04848829, -1.859209e-3, 0.02611971, -1.243562e-3, 7.210181e-4),
    input_curve=(0.7203736, 0.01030460, -7.854237e-4, -1.206349e-3, 8.210060e-4, -1.455414e-3),
    load_curve=(0.08653354, 0.1737382, 0.7403679),
    leaving=(CELSIUS + 4.44, CELSIUS + 8.89),
    entering=(CELSIUS + 12.78, CELSIUS + 29.44),
    load=(0.20, 1.02),
)


def _surface(coefficients: tuple[float, ...], x: Array, y: Array) -> Array:
    """Full quadratic of two variables."""
    a, b, c, d, e, f = coefficients
    return a + b * x + c * x * x + d * y + e * y * y + f * x * y


def _within(chiller: Chiller, leaving: Temperature, entering: Temperature) -> tuple[Array, Array]:
    """Both temperatures in degC, held within the range of the curves."""
    x: Array = np.clip(leaving, *chiller.leaving) - CELSIUS
    y: Array = np.clip(entering, *chiller.entering) - CELSIUS
    return x, y


def capacity(chiller: Chiller, leaving: Temperature, entering: Temperature) -> Power:
    """Most heat the chiller takes from the water, (...,) [W].

    chiller : its curves. leaving : chilled water [K]. entering : what enters the condenser, water or air [K]. Beyond
    the range of the curves the value at its edge; `temperature_margin` tells.

    >>> round(float(capacity(YORK_YK_2771, 278.71, 297.04)) / 1e3)
    2759
    """
    return chiller.rated_capacity * _surface(chiller.capacity_curve, *_within(chiller, leaving, entering))


def electrical_power(chiller: Chiller, duty: Power, leaving: Temperature, entering: Temperature) -> Power:
    """Power of the compressor, (...,) [W].

    chiller : its curves. duty : heat from the chilled water, as much as `capacity` at most [W]. leaving : chilled water
    [K]. entering : what enters the condenser [K].
    P = capacity / COP_rated x input_curve(x, y) x load_curve(r), r = duty / capacity. Below the least load the machine
    cycles, its power in proportion to the duty. DOE-2, as `Chiller:Electric:EIR` of EnergyPlus (unverified). Beyond the
    range of the curves the value at its edge; `temperature_margin` and `load_margin` tell.

    >>> round(float(electrical_power(YORK_YK_2771, 2771.1e3, 278.71, 297.04)) / 1e3)
    406
    """
    x, y = _within(chiller, leaving, entering)
    most = chiller.rated_capacity * _surface(chiller.capacity_curve, x, y)
    least_load, greatest_load = chiller.load
    asked = np.maximum(duty, 0.0) / most
    load = np.clip(asked, least_load, greatest_load)
    a, b, c = chiller.load_curve
    cycling = np.minimum(asked / least_load, 1.0)
    full = most / chiller.rated_cop * _surface(chiller.input_curve, x, y)
    power: Array = full * (a + load * (b + load * c)) * cycling
    return power


def temperature_margin(
    chiller: Chiller, leaving: Temperature, entering: Temperature
) -> TemperatureDifference:
    """Distance of both temperatures to the nearest edge of the curves' range, (...,) [K]; negative beyond.

    chiller : its curves. leaving : chilled water [K]. entering : what enters the condenser [K].

    >>> round(float(temperature_margin(YORK_YK_2771, 273.15 + 18, 273.15 + 25)), 2)
    -9.11
    """
    margin: Array = np.inf
    for value, (low, high) in ((leaving, chiller.leaving), (entering, chiller.entering)):
        margin = np.minimum(margin, np.minimum(np.asarray(value) - low, np.asarray(high) - value))
    return margin


def load_margin(chiller: Chiller, duty: Power, leaving: Temperature, entering: Temperature) -> Ratio:
    """Distance of the load to the nearest edge of the curves' range, over the capacity, (...,); negative beyond.

    chiller : its curves. duty : heat from the chilled water [W]. leaving : chilled water [K]. entering : what enters
    the condenser [K]. Below the range the machine cycles, above it is overloaded.

    >>> round(float(load_margin(YORK_YK_2771, 3e6, 278.71, 297.04)), 3)
    -0.067
    """
    load = np.asarray(duty) / capacity(chiller, leaving, entering)
    low, high = chiller.load
    margin: Array = np.minimum(load - low, high - load)
    return margin


def economiser_share(
    conductance: Conductance,
    chilled: CapacityRate,
    tower: CapacityRate,
    return_: Temperature,
    supply: Temperature,
    tower_supply: Temperature,
) -> Ratio:
    """Share of a chiller's duty that a water-side economiser before it carries, (...,), 0 to 1.

    conductance : UA of the exchanger, in counterflow, at these flows [W/K]. chilled, tower : capacity rate of the
    chilled and of the tower's water through it [W/K]. return_, supply : chilled water from the load and to it [K].
    tower_supply : water from the tower or the dry cooler [K]. The exchanger stands first in the returning water; the
    chiller cools what is left, from return_ - share (return_ - supply) on. As `rejection.free_cooling_share`.

    >>> round(float(economiser_share(1e9, 100e3, 100e3, 297.15, 289.15, 291.15)), 3)
    0.75
    """
    smaller = np.minimum(chilled, tower)
    on_chilled = counterflow(conductance, tower, chilled) * smaller / np.maximum(chilled, STILL)
    return free_cooling_share(on_chilled, return_, supply, tower_supply)
