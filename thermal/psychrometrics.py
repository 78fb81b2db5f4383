"""Moist air: saturation, humidity, wet bulb, dew point, enthalpy and density at any pressure of the site.

Per kilogram of dry air, ideal gases but for the enhancement of the saturation pressure by the air. ASHRAE Handbook
Fundamentals 2017, chapter 1 (numbers of equations and the constants of Buck unverified in print; the values are tested
against real gases). Against those humidity is within 6e-4, density within 0.16 %, enthalpy within 0.16 % or 120 J/kg,
from -25 to 60 degC and 70 to 101 kPa. Range -60 to 90 degC.
"""

from __future__ import annotations

import numpy as np

from thermal.air import GAS_CONSTANT
from thermal.quantities import (
    Array,
    Density,
    Enthalpy,
    Pressure,
    Ratio,
    Temperature,
    TemperatureDifference,
)

CELSIUS = 273.15
WATER_TO_AIR = 0.621945  # molar mass of water over that of dry air
COLDEST = 200.0  # dew point of air that is all but dry [K]
# Newton's steps: a wet bulb 50 K below the dry bulb takes nine to rounding, a dew point three.
STEPS = 12


def _logarithm(temperature: Array, ice: bool) -> tuple[Array, Array]:
    """Logarithm of the saturation pressure over ice or water [of Pa], and its slope [1/K]."""
    # Hyland and Wexler, ASHRAE Transactions 89 (2A), 1983, 500-519, as printed by ASHRAE in equations 5 and 6
    t = np.asarray(temperature, dtype=np.float64)
    if ice:
        a, b, c, d, e, f = (-5.6745359e3, 6.3925247, -9.6778430e-3, 6.2215701e-7, 2.0747825e-9, 4.1635019)
        quartic = -9.4840240e-13
    else:
        a, b, c, d, e, f = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 6.5459673)
        quartic = 0.0
    value = a / t + b + t * (c + t * (d + t * (e + t * quartic))) + f * np.log(t)
    slope = -a / t**2 + c + t * (2 * d + t * (3 * e + t * 4 * quartic)) + f / t
    return value, slope


def _enhancement(temperature: Array, pressure: Array, ice: bool) -> Array:
    """Saturation pressure in air over that of the pure vapour: 1.004 at sea level."""
    # Buck, J. Applied Meteorology 20, 1981, 1527-1532, table 3, fw4 and fi4, in degC and hPa
    celsius, hecto = np.asarray(temperature) - CELSIUS, np.asarray(pressure) / 100
    base, level, bend = (2.2e-4, 3.83e-6, 6.4e-10) if ice else (7.2e-4, 3.20e-6, 5.9e-10)
    factor: Array = 1 + base + hecto * (level + bend * celsius**2)
    return factor


def _saturated(temperature: Array, pressure: Array, ice: bool) -> tuple[Array, Array]:
    """Humidity ratio of saturated air, and its slope [1/K]."""
    logarithm, slope = _logarithm(temperature, ice)
    vapour = _enhancement(temperature, pressure, ice) * np.exp(logarithm)
    # Where the water boils there is no such air: held just short of it.
    vapour = np.minimum(vapour, 0.99 * np.asarray(pressure))
    ratio = WATER_TO_AIR * vapour / (pressure - vapour)
    return ratio, ratio * (1 + ratio / WATER_TO_AIR) * slope


def saturation_pressure(temperature: Temperature) -> Pressure:
    """Saturation pressure of pure water, over ice below 0 degC, (...,) [Pa].

    temperature : 173 to 473 K. Hyland and Wexler 1983, ASHRAE Fundamentals 2017, chapter 1, equations 5 and 6.

    >>> round(float(saturation_pressure(293.15)), 1)
    2338.8
    """
    t = np.asarray(temperature, dtype=np.float64)
    value: Array = np.exp(np.where(t < CELSIUS, _logarithm(t, True)[0], _logarithm(t, False)[0]))
    return value


def saturated_humidity(temperature: Temperature, pressure: Pressure) -> Ratio:
    """Humidity ratio of saturated air, (...,), water over dry air by mass.

    temperature : [K]. pressure : [Pa]. 0.621945 f p_ws / (p - f p_ws), ASHRAE equation 21, with the enhancement f
    of Buck 1981. Up to where f p_ws is 0.99 of the pressure, held beyond.

    >>> round(float(saturated_humidity(293.15, 101325.0)), 6)
    0.014758
    """
    cold = np.asarray(temperature) < CELSIUS
    ratio: Array = np.where(
        cold, _saturated(temperature, pressure, True)[0], _saturated(temperature, pressure, False)[0]
    )
    return ratio


def humidity(temperature: Temperature, relative_humidity: Ratio, pressure: Pressure) -> Ratio:
    """Humidity ratio from the relative humidity, (...,), water over dry air by mass.

    temperature : dry bulb [K]. relative_humidity : 0 to 1. pressure : [Pa].

    >>> round(float(humidity(297.15, 0.5, 101325.0)), 5)
    0.00934
    """
    full = saturated_humidity(temperature, pressure)
    vapour = np.asarray(relative_humidity) * full / (WATER_TO_AIR + full)  # over the pressure
    ratio: Array = WATER_TO_AIR * vapour / (1 - vapour)
    return ratio


def relative_humidity(temperature: Temperature, humidity_ratio: Ratio, pressure: Pressure) -> Ratio:
    """Relative humidity, (...,): the inverse of `humidity`.

    temperature : dry bulb [K]. humidity_ratio : water over dry air. pressure : [Pa].

    >>> round(float(relative_humidity(297.15, 0.0093, 101325.0)), 3)
    0.498
    """
    full, ratio = saturated_humidity(temperature, pressure), np.asarray(humidity_ratio)
    share: Array = ratio / (WATER_TO_AIR + ratio) * (WATER_TO_AIR + full) / full
    return share


def dew_point(humidity_ratio: Ratio, pressure: Pressure) -> Temperature:
    """Dew point, frost point below 0 degC, (...,) [K].

    humidity_ratio : water over dry air; all but dry air is held at 200 K. pressure : [Pa].
    The inverse of `saturated_humidity`, by Newton's steps on the logarithm of the pressure.

    >>> round(float(dew_point(humidity(297.15, 0.5, 101325.0), 101325.0)) - 273.15, 2)
    12.95
    """
    ratio = np.asarray(humidity_ratio, dtype=np.float64)
    vapour = pressure * ratio / (WATER_TO_AIR + ratio)
    least = np.exp(_logarithm(COLDEST, True)[0])
    target = np.log(np.maximum(vapour, least))
    found: list[Array] = []
    for ice in (True, False):
        # Magnus as the start
        magnus = np.minimum(target - np.log(611.2), 10.0)
        t: Array = CELSIUS + (272.6 * magnus / (22.46 - magnus) if ice else 243.1 * magnus / (17.62 - magnus))
        for _ in range(STEPS):
            logarithm, slope = _logarithm(t, ice)
            t = t - (logarithm + np.log(_enhancement(t, pressure, ice)) - target) / slope
        found.append(np.asarray(t))
    point: Array = np.maximum(np.where(found[1] < CELSIUS, np.minimum(found[0], CELSIUS), found[1]), COLDEST)
    return point


def _bulb(ice: bool) -> tuple[float, float, float]:
    """Of the balance of a wet bulb: heat of evaporation at 0 degC, its fall, heat capacity of what is on the bulb."""
    return (2830e3, 240.0, 2100.0) if ice else (2501e3, 2326.0, 4186.0)


def humidity_of_wet_bulb(temperature: Temperature, wet_bulb: Temperature, pressure: Pressure) -> Ratio:
    """Humidity ratio from dry and wet bulb, (...,), water over dry air by mass; may come out negative for no air.

    temperature : dry bulb [K]. wet_bulb : [K], iced below 0 degC. pressure : [Pa].
    ASHRAE Fundamentals 2017, chapter 1, equations 33 and 35.

    >>> round(float(humidity_of_wet_bulb(308.15, 297.08, 101325.0)), 4)
    0.0142
    """
    t, bulb = np.asarray(temperature) - CELSIUS, np.asarray(wet_bulb) - CELSIUS
    found: list[Array] = []
    for ice in (True, False):
        full = _saturated(wet_bulb, pressure, ice)[0]
        heat, fall, capacity = _bulb(ice)
        found.append(
            ((heat - fall * bulb) * full - 1006.0 * (t - bulb)) / (heat + 1860.0 * t - capacity * bulb)
        )
    ratio: Array = np.where(bulb < 0, found[0], found[1])
    return ratio


def wet_bulb(temperature: Temperature, humidity_ratio: Ratio, pressure: Pressure) -> Temperature:
    """Thermodynamic wet bulb, (...,) [K].

    temperature : dry bulb [K]. humidity_ratio : water over dry air, up to saturation. pressure : [Pa].
    The inverse of `humidity_of_wet_bulb`. Its balance is convex and rising in the wet bulb, so Newton's steps from
    the dry bulb come down to it and never pass it. Where the wet bulb is at 0 degC with water and ice it is 0 degC.

    >>> round(float(wet_bulb(308.15, humidity(308.15, 0.4, 101325.0), 101325.0)) - 273.15, 2)
    23.93
    """
    t, ratio = (
        np.asarray(temperature, dtype=np.float64) - CELSIUS,
        np.asarray(humidity_ratio, dtype=np.float64),
    )
    found: list[Array] = []
    for ice in (True, False):
        heat, fall, capacity = _bulb(ice)
        bulb: Array = t + 0 * ratio
        for _ in range(STEPS):
            full, slope = _saturated(bulb + CELSIUS, pressure, ice)
            left = heat - fall * bulb
            surplus = left * full - 1006.0 * (t - bulb) - ratio * (heat + 1860.0 * t - capacity * bulb)
            bulb = bulb - surplus / (left * slope - fall * full + 1006.0 + ratio * capacity)
        found.append(bulb)
    answer: Array = CELSIUS + np.where(found[1] < 0, np.minimum(found[0], 0.0), found[1])
    return answer


def enthalpy(temperature: Temperature, humidity_ratio: Ratio) -> Enthalpy:
    """Enthalpy of moist air per kilogram of dry air, (...,) [J/kg], above dry air and liquid water at 0 degC.

    temperature : [K]. humidity_ratio : water over dry air. 1006 t + W (2501e3 + 1860 t), ASHRAE equation 30.

    >>> round(float(enthalpy(293.15, 0.014758)))
    57579
    """
    t = np.asarray(temperature) - CELSIUS
    value: Array = 1006.0 * t + np.asarray(humidity_ratio) * (2501e3 + 1860.0 * t)
    return value


def saturated_enthalpy(temperature: Temperature, pressure: Pressure) -> Enthalpy:
    """Enthalpy of saturated air per kilogram of dry air, (...,) [J/kg].

    temperature : [K]. pressure : [Pa].

    >>> round(float(saturated_enthalpy(303.15, 101325.0)) / 1e3, 1)
    100.1
    """
    return enthalpy(temperature, saturated_humidity(temperature, pressure))


def saturated_temperature(enthalpy: Enthalpy, pressure: Pressure) -> Temperature:
    """Temperature of saturated air of an enthalpy, (...,) [K]: the inverse of `saturated_enthalpy` above 0 degC.

    enthalpy : per kilogram of dry air, of air above 0 degC and to 1e6 [J/kg]. pressure : [Pa].

    >>> round(float(saturated_temperature(saturated_enthalpy(303.15, 101325.0), 101325.0)), 9)
    303.15
    """
    target = np.asarray(enthalpy, dtype=np.float64)
    # Newton's steps from above on the enthalpy, which is convex, and from below on its logarithm, which is concave:
    # neither passes the root.
    t: Array = CELSIUS + 20.0 + 0 * (target + pressure)
    for _ in range(STEPS):
        full, slope = _saturated(t, pressure, False)
        celsius = t - CELSIUS
        value = 1006.0 * celsius + full * (2501e3 + 1860.0 * celsius)
        rise = 1006.0 + 1860.0 * full + slope * (2501e3 + 1860.0 * celsius)
        climb = value * np.log(np.maximum(target, value) / value)
        t = t + np.where(target > value, climb, target - value) / rise
    return t


def density(temperature: Temperature, humidity_ratio: Ratio, pressure: Pressure) -> Density:
    """Density of moist air, water included, (...,) [kg/m^3], by the ideal gas law.

    temperature : [K]. humidity_ratio : water over dry air. pressure : [Pa]. ASHRAE equations 26 and 27.

    >>> round(float(density(303.15, 0.0273, 101325.0)), 4)
    1.1459
    """
    ratio = np.asarray(humidity_ratio)
    value: Array = (1 + ratio) * pressure / (GAS_CONSTANT * temperature * (1 + ratio / WATER_TO_AIR))
    return value


def condensation_margin(
    surface: Temperature, temperature: Temperature, relative_humidity: Ratio, pressure: Pressure
) -> TemperatureDifference:
    """Temperature of a surface above the dew point of the air round it, (...,) [K]; below 0 it gets wet.

    surface : coldest surface that the air touches [K]. temperature : dry bulb of the air [K]. relative_humidity : 0 to
    1. pressure : [Pa]. Coolant is usually kept 2 to 3 K above the dew point.

    >>> round(float(condensation_margin(291.15, 300.15, 0.6, 101325.0)), 2)
    -0.58
    """
    margin: Array = surface - dew_point(humidity(temperature, relative_humidity, pressure), pressure)
    return margin
