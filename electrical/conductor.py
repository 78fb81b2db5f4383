"""Currents of three-phase circuits, and the resistance, section and mass of the metal that carries them."""

from __future__ import annotations

import math

from electrical.quantities import (
    Area,
    Current,
    CurrentDensity,
    Density,
    Length,
    Mass,
    Power,
    Ratio,
    Resistance,
    Resistivity,
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


def section_for_density(current: Current, current_density: CurrentDensity) -> Area:
    """Section of a conductor that carries a current at a density, (...,): I / J.

    current : [A]. current_density : [A/m^2], above 0; 1 to 3 A/mm^2 in busbars.

    >>> round(1e6 * section_for_density(1000.0, 2e6))
    500
    """
    return current / current_density


def section_for_loss(
    current: Current, length: Length, loss: Power, conductors: Ratio, resistivity: Resistivity = 1.7241e-8
) -> Area:
    """Section of each of some equal conductors that lose a power together, (...,): n I^2 rho l / P.

    current : in each [A]. length : of the way [m]. loss : of all of them [W], above 0. conductors : how many
    carry that current: 3 of a balanced three-phase circuit, 2 of a direct-current one. resistivity : at the
    temperature of the metal [ohm m]; annealed copper at 20 degC unless given, IEC 60028 (unverified).

    >>> round(1e6 * section_for_loss(1000.0, 50.0, 2000.0, 2))
    862
    """
    return conductors * current * current * resistivity * length / loss


def conductor_mass(section: Area, length: Length, conductors: Ratio, density: Density = 8890.0) -> Mass:
    """Mass of the metal of equal conductors, (...,).

    section : of each [m^2]. length : of the way [m]. conductors : how many. density : [kg/m^3]; copper unless
    given, IEC 60028 (unverified).

    >>> round(conductor_mass(862e-6, 50.0, 2))
    766
    """
    return density * section * length * conductors
