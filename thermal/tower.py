"""Heat given off by evaporation: cooling towers, and pads that cool the air before a dry cooler.

A tower is its Merkel number, transfer coefficient x surface over water flow, K a V / L: the air that touches the water
is saturated at the water's temperature, and heat goes with the difference of enthalpy between it and the air stream.
Merkel, VDI-Forschungsheft 275, 1925. All flows of air are of dry air.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from thermal.fluid import WATER
from thermal.psychrometrics import (
    enthalpy,
    humidity_of_wet_bulb,
    saturated_enthalpy,
    saturated_humidity,
    saturated_temperature,
)
from thermal.psychrometrics import wet_bulb as wet_bulb_of
from thermal.quantities import (
    Array,
    CapacityRate,
    MassFlow,
    Power,
    Pressure,
    Ratio,
    SpecificHeat,
    Temperature,
    ThermalResistance,
)
from thermal.rejection import _root

# Where the driving enthalpy is looked at, over the range of the water from its outlet.
POINTS = tuple(point / 8 for point in range(9))
# Driving enthalpy below which a point counts as having none [J/kg]: a tower without end.
PINCH = 1e-3
STILL = 1e-9  # smallest ratio of flows that is divided by
# Hottest water that a tower is looked for at [K]: below boiling at 3,000 m.
HOTTEST = 360.0


def _heat_capacity(water_in: Temperature, water_out: Temperature) -> SpecificHeat:
    """Of the water at its mean temperature [J/kg/K]."""
    return WATER.heat_capacity((np.asarray(water_in) + water_out) / 2)


def _driving_enthalpy(
    water_in: Temperature,
    water_out: Temperature,
    wet_bulb: Temperature,
    water_to_air: Ratio,
    pressure: Pressure,
) -> Array:
    """Harmonic mean over the tower of what drives the heat, (...,) [J/kg]; 0 at a pinch."""
    drop = np.asarray(water_in) - water_out
    gain = np.asarray(water_to_air) * _heat_capacity(water_in, water_out) * drop
    entering = saturated_enthalpy(wet_bulb, pressure)
    left = [
        saturated_enthalpy(water_out + point * drop, pressure) - entering - point * gain for point in POINTS
    ]
    least = np.minimum.reduce(np.broadcast_arrays(*left))
    left = [np.maximum(one, PINCH) for one in left]
    fine, coarse = _mean_inverse(left), _mean_inverse(left[::2])
    inverse = fine + (fine - coarse) / 3
    mean: Array = np.where(least > PINCH, 1 / inverse, 0.0)
    return mean


def _mean_inverse(values: Sequence[Array]) -> Array:
    """Mean of 1 / v over equal intervals in which v is a straight line between the given values, above 0."""
    total: Array = 0.0
    for one, other in pairwise(values):
        bend = (np.asarray(other) - one) / (np.asarray(other) + one)
        small = np.abs(bend) < 1e-4
        safe = np.where(small, 0.5, bend)
        # The logarithmic mean of the two ends is (v1 + v2) / 2 x bend / artanh(bend).
        total = total + np.where(small, 1 + bend**2 / 3, np.arctanh(safe) / safe) * 2 / (
            np.asarray(other) + one
        )
    return total / (len(values) - 1)


def merkel_number(
    water_in: Temperature,
    water_out: Temperature,
    wet_bulb: Temperature,
    water_to_air: Ratio,
    pressure: Pressure,
) -> Ratio:
    """Merkel number that a counterflow tower needs to cool water so far, (...,).

    water_in, water_out : [K]. wet_bulb : of the entering air [K]. water_to_air : water over dry air by mass, L/G.
    pressure : [Pa]. The integral of c dT / (h_saturated(T) - h_air) over the water; infinite where the air cannot take
    up the heat. By logarithmic means of the driving enthalpy over eight intervals and over four, extrapolated: within
    0.05 % of the integral where the approach is 3 K or more, 0.3 % at 0.5 K, 1.5 % at 0.1 K, up to a number of 10.
    Chebyshev's four points, as the acceptance code CTI ATC-105 has them (unverified), see no pinch at the wet bulb.

    >>> round(float(merkel_number(313.15, 303.15, 298.15, 1.2, 101325.0)), 3)
    1.468
    """
    driving = np.asarray(_driving_enthalpy(water_in, water_out, wet_bulb, water_to_air, pressure))
    heat = _heat_capacity(water_in, water_out) * (np.asarray(water_in) - water_out)
    number: Array = np.where(driving > 0, heat / np.where(driving > 0, driving, 1.0), np.inf)
    return number


def scaled_merkel_number(rated: Ratio, water_ratio: Ratio, air_ratio: Ratio, exponent: Ratio = 0.6) -> Ratio:
    """Merkel number away from the rated flows, (...,).

    rated : at rated flows. water_ratio, air_ratio : flow over rated flow. exponent : of the fill, rated x
    (water_ratio / air_ratio)^-exponent; between 0.35 and 1.1, most fills 0.55 to 0.65 (ASHRAE HVAC Systems and
    Equipment, chapter on cooling towers; unverified).

    >>> round(float(scaled_merkel_number(1.4, 1.0, 0.5)), 4)
    0.9237
    """
    number: Array = rated * (np.maximum(air_ratio, STILL) / np.maximum(water_ratio, STILL)) ** exponent
    return number


def leaving_temperature(
    water_in: Temperature, wet_bulb: Temperature, water_to_air: Ratio, number: Ratio, pressure: Pressure
) -> Temperature:
    """Water temperature after a tower, (...,) [K].

    water_in : [K]. wet_bulb : of the entering air [K]. water_to_air : water over dry air by mass. number : Merkel
    number at these flows. pressure : [Pa]. The inverse of `merkel_number`; water no warmer than the wet bulb leaves as
    it came.

    >>> round(float(leaving_temperature(313.15, 298.15, 1.2, 1.467, 101325.0)), 2)
    303.15
    """
    warm, bulb = np.asarray(water_in, dtype=np.float64), np.asarray(wet_bulb, dtype=np.float64)

    def surplus(leaving: Array) -> Array:
        asked = _heat_capacity(warm, leaving) * (warm - leaving) / np.maximum(number, STILL)
        driving = _driving_enthalpy(warm, leaving, bulb, water_to_air, pressure)
        return np.asarray(driving - asked)

    return _root(surplus, np.minimum(bulb, warm), warm)


def balanced_temperature(
    inlet: Temperature,
    resistance: ThermalResistance,
    rate: CapacityRate,
    added: Power,
    wet_bulb: Temperature,
    water_to_air: Ratio,
    number: Ratio,
    pressure: Pressure,
) -> Temperature:
    """Water temperature after a tower that cools a stream through an exchanger, (...,) [K].

    inlet : of the stream into the exchanger [K]. resistance : inlet less the tower's leaving water over the heat that
    passes, 1 / (effectiveness x smaller capacity rate) [K/W]. rate : capacity rate of the tower's water [W/K]. added :
    heat of its pumps [W]. wet_bulb, water_to_air, number, pressure : as of `leaving_temperature`. The heat of a stream
    that is no warmer than the water is nothing. A duty that is given, whatever the stream's temperature, is an endless
    resistance: inlet 0, resistance infinite and added = the duty.

    >>> round(float(balanced_temperature(320.15, 1e-5, 400e3, 0.0, 298.15, 1.2, 1.467, 101325.0)), 2)
    301.1
    """
    bulb = np.asarray(wet_bulb, dtype=np.float64)

    def surplus(leaving: Array) -> Array:
        heat = np.maximum(np.asarray(inlet) - leaving, 0.0) / resistance + added
        # Beyond boiling nothing is right any more, but the root is still above it.
        entering = np.minimum(leaving + heat / rate, HOTTEST + 40)
        asked = _heat_capacity(entering, leaving) * (entering - leaving) / np.maximum(number, STILL)
        driving = _driving_enthalpy(entering, leaving, bulb, water_to_air, pressure)
        return np.asarray(driving - asked)

    return _root(surplus, bulb, np.maximum(HOTTEST, bulb))


def air_ratio(
    water_in: Temperature,
    target: Temperature,
    wet_bulb: Temperature,
    water_ratio: Ratio,
    rated_water_to_air: Ratio,
    rated_number: Ratio,
    pressure: Pressure,
    minimum: Ratio,
    exponent: Ratio = 0.6,
) -> Ratio:
    """Air flow over rated air flow at which the water leaves a tower at its set-point, (...,), from `minimum` to 1.

    water_in : [K]. target : water to leave [K]. wet_bulb : [K]. water_ratio : water over rated water.
    rated_water_to_air, rated_number : L/G and Merkel number at rated flows. pressure : [Pa]. minimum : the least, the
    answer where even that cools further. exponent : as in `scaled_merkel_number`. Where the rated air does not suffice
    it is 1.

    >>> round(float(air_ratio(313.15, 303.15, 295.15, 1.0, 1.2, 1.467, 101325.0, 0.1)), 3)
    0.767
    """

    heat = _heat_capacity(water_in, target) * (np.asarray(water_in) - target)

    def surplus(ratio: Array) -> Array:
        number = scaled_merkel_number(rated_number, water_ratio, ratio, exponent)
        water_to_air = np.asarray(rated_water_to_air) * water_ratio / np.maximum(ratio, STILL)
        driving = _driving_enthalpy(water_in, target, wet_bulb, water_to_air, pressure)
        return np.asarray(driving * number - heat)

    return _root(surplus, np.asarray(minimum), 1.0)


def evaporation(
    water: MassFlow,
    air: MassFlow,
    water_in: Temperature,
    water_out: Temperature,
    temperature: Temperature,
    humidity_ratio: Ratio,
    pressure: Pressure,
) -> MassFlow:
    """Water that a tower evaporates, (...,) [kg/s], never negative.

    water, air : [kg/s]. water_in, water_out : [K]. temperature, humidity_ratio : dry bulb [K] and humidity of the
    entering air. pressure : [Pa]. The air takes up all the heat and leaves saturated, as Merkel has it; so hot and dry
    air evaporates more than the heat of the water, cold air less.

    >>> round(float(evaporation(100.0, 83.3, 313.15, 303.15, 308.15, 0.0142, 101325.0)), 2)
    1.67
    """
    heat = np.asarray(water) * _heat_capacity(water_in, water_out) * (np.asarray(water_in) - water_out)
    flow = np.asarray(air, dtype=np.float64)
    gain = np.divide(heat, flow, out=np.zeros(np.broadcast(heat, flow).shape), where=flow > 0)
    leaving = saturated_temperature(enthalpy(temperature, humidity_ratio) + gain, pressure)
    lost: Array = np.maximum(flow * (saturated_humidity(leaving, pressure) - humidity_ratio), 0.0)
    return lost


def water_use(
    evaporation: MassFlow, water: MassFlow, cycles: Ratio, drift_share: Ratio = 5e-5
) -> tuple[MassFlow, MassFlow, MassFlow]:
    """Blowdown, drift and make-up of a tower or a wetted pad, three of (...,) [kg/s].

    evaporation : [kg/s]. water : circulated [kg/s]. cycles : of concentration, salt in the basin over that in the
    make-up, above 1; 3 to 6 as a rule. drift_share : drops that the air carries off, over the circulated water; 5e-5 to
    2e-4 of a tower with eliminators (unverified). The salt that comes with the make-up leaves with blowdown and drift:
    both together are evaporation / (cycles - 1), and where drift alone is more than that there is no blowdown.

    >>> [float(flow) for flow in water_use(1.5, 100.0, 4.0, 1e-4)]
    [0.49, 0.01, 2.0]
    """
    drift: Array = np.asarray(drift_share) * water
    blowdown: Array = np.maximum(evaporation / np.maximum(np.asarray(cycles) - 1, STILL) - drift, 0.0)
    return blowdown, drift, evaporation + blowdown + drift


def precooled(
    temperature: Temperature, humidity_ratio: Ratio, effectiveness: Ratio, air: MassFlow, pressure: Pressure
) -> tuple[Temperature, MassFlow]:
    """Air after a wetted pad, (...,) [K], and the water it evaporates, (...,) [kg/s].

    temperature, humidity_ratio : dry bulb [K] and humidity before it. effectiveness : of the pad, the part of the way
    to the wet bulb, 0 when dry; 0.7 to 0.85 of adiabatic dry coolers (unverified). air : [kg/s]. pressure : [Pa].
    The wet bulb stays, so the humidity behind the pad is that of both temperatures.

    >>> [round(float(v), 3) for v in precooled(308.15, 0.0142, 0.8, 50.0, 101325.0)]
    [299.29, 0.187]
    """
    bulb = wet_bulb_of(temperature, humidity_ratio, pressure)
    behind: Array = temperature - np.asarray(effectiveness) * (temperature - bulb)
    gained = humidity_of_wet_bulb(behind, bulb, pressure) - humidity_of_wet_bulb(temperature, bulb, pressure)
    evaporated: Array = np.asarray(air) * gained
    return behind, evaporated
