"""Currents of three-phase circuits and the resistance of the metal that carries them."""

from __future__ import annotations

import math

from electrical.quantities import (
    Current,
    Power,
    Ratio,
    Resistance,
    Temperature,
    TemperatureCoefficient,
    Voltage,
)


def three_phase_current(power: Power, voltage: Voltage, power_factor: Ratio) -> Current:
    """Line current of a balanced three-phase load, (...,): P / (3^1/2 U cos phi).

    power : active power of the three phases [W]. voltage : line-line [V], above 0.
    power_factor : active over apparent power [1], in (0, 1].

    >>> round(float(three_phase_current(284e3, 415.0, 0.98)))
    403
    """
    return power / (math.sqrt(3.0) * voltage * power_factor)


def three_phase_power(current: Current, voltage: Voltage, power_factor: Ratio) -> Power:
    """Active power of a balanced three-phase line current, (...,): 3^1/2 U I cos phi.

    current : line current [A]. voltage : line-line [V]. power_factor : active over apparent power [1].

    >>> round(float(three_phase_power(60.0, 415.0, 1.0)))
    43128
    """
    return math.sqrt(3.0) * voltage * current * power_factor


def continuous_current(rated_current: Current, factor: Ratio = 0.8) -> Current:
    """Current a protective device may carry for three hours or more, (...,).

    rated_current : rating of the device [A]. factor : share of it allowed continuously [1]: 0.8 for
    devices without a 100 % rating (NEC 210.20(A) and 215.3, written there as 125 % of the load), else 1.

    >>> continuous_current(60.0)
    48.0
    """
    return rated_current * factor


def resistance(
    reference_resistance: Resistance, temperature: Temperature, coefficient: TemperatureCoefficient = 0.00393
) -> Resistance:
    """Resistance of a conductor at its temperature, (...,): R20 (1 + coefficient (T - 293.15 K)).

    reference_resistance : at 293.15 K (20 degC) [ohm]. temperature : of the metal [K], 230 to 520 K.
    coefficient : at 293.15 K [1/K]; 0.00393 is annealed copper (IEC 60028), 0.00403 aluminium.

    >>> round(resistance(1.0, 363.15), 4)
    1.2751
    """
    return reference_resistance * (1.0 + coefficient * (temperature - 293.15))
