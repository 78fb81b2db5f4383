"""Currents of three-phase circuits: the metal that carries them, how much it may carry, how warm it gets, what it
loses."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from electrical.quantities import (
    Area,
    Current,
    CurrentDensity,
    Density,
    Integer,
    Length,
    Mass,
    Power,
    Ratio,
    Reactance,
    Resistance,
    Resistivity,
    Temperature,
    TemperatureCoefficient,
    Voltage,
)

# IEC 60364-5-52:2009, table B.52.17, as BS 7671:2008, table 4C1, and several public programs print it: factors of
# 1 to 9, 12, 16 and 20 circuits that touch. One layer loses nothing more beyond nine.
_CIRCUITS = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20])
_GROUPING = {
    "bunched": [1.0, 0.8, 0.7, 0.65, 0.6, 0.57, 0.54, 0.52, 0.5, 0.45, 0.41, 0.38],
    "wall": [1.0, 0.85, 0.79, 0.75, 0.73, 0.72, 0.72, 0.71, 0.7, 0.7, 0.7, 0.7],
    "ceiling": [0.95, 0.81, 0.72, 0.68, 0.66, 0.64, 0.63, 0.62, 0.61, 0.61, 0.61, 0.61],
    "tray": [1.0, 0.88, 0.82, 0.77, 0.75, 0.73, 0.73, 0.72, 0.72, 0.72, 0.72, 0.72],
    "ladder": [1.0, 0.87, 0.82, 0.8, 0.8, 0.79, 0.79, 0.78, 0.78, 0.78, 0.78, 0.78],
}


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


def ambient_factor(ambient: Temperature, limit: Temperature, reference: Temperature = 303.15) -> Ratio:
    """Factor on the current that a cable may carry for its ambient, (...,): 0 at its limit and above.

    ambient : air or ground around it [K]. limit : of the conductor, 343.15 K of PVC (70 degC), 363.15 K of
    XLPE and EPR (90 degC). reference : ambient of the tables [K]: 303.15 K (30 degC) of air, 293.15 K
    (20 degC) of ground.
    ((T_limit - T) / (T_limit - T_reference))^1/2, which rounds to tables B.52.14 and B.52.15 of
    IEC 60364-5-52:2009 as public programs print them, from 10 degC to the limit.

    >>> round(float(ambient_factor(313.15, 363.15)), 2)
    0.91
    """
    head = np.maximum(np.subtract(limit, ambient), 0.0)
    factor: Ratio = np.sqrt(head / (limit - reference))
    return factor


def grouping_factor(circuits: Integer, arrangement: str) -> Ratio:
    """Factor on the current that a cable may carry beside others that touch it, (...,).

    circuits : number of circuits or multi-core cables in the group, loaded alike, 1 to 20; a number between
    those of the table takes the next larger one, beyond 20 the last. arrangement : "bunched" in air, on a
    surface or enclosed; one layer on a "wall" or floor, under a "ceiling", on a perforated "tray", on a
    "ladder" or cleats. IEC 60364-5-52:2009, table B.52.17 (read in BS 7671 and programs, not in the source).

    >>> grouping_factor(np.array([1, 3, 10]), "bunched").tolist()
    [1.0, 0.7, 0.45]
    """
    if arrangement not in _GROUPING:
        raise ValueError(f"{arrangement!r} is not one of {', '.join(_GROUPING)}")
    column = np.minimum(np.searchsorted(_CIRCUITS, circuits), len(_CIRCUITS) - 1)
    factor: Ratio = np.array(_GROUPING[arrangement])[column]
    return factor


def ampacity(
    tabulated: Current, ambient_factor: Ratio = 1.0, grouping_factor: Ratio = 1.0, parallel: Ratio = 1.0
) -> Current:
    """Current that a circuit may carry for good where it lies, I_z, (...,).

    tabulated : of one cable alone at the reference ambient for its way of laying [A]. ambient_factor,
    grouping_factor : by the functions of these names [1]. parallel : cables a phase [1], each a circuit of
    its own in the group.

    >>> round(ampacity(382.0, 0.91, 0.82))
    285
    """
    return tabulated * ambient_factor * grouping_factor * parallel


def temperature(current: Current, ampacity: Current, ambient: Temperature, limit: Temperature) -> Temperature:
    """Temperature of a conductor in its steady state, (...,): T_a + (T_limit - T_a) (I / I_z)^2.

    current : [A]. ampacity : I_z at that ambient and in that group [A], above 0. ambient : around it [K].
    limit : that it has at I_z [K]. The resistance at the limit is taken for all loads, which is on the safe
    side below I_z and within 3 K of the temperature that its own resistance would give.
    `resistance` at this temperature closes the loop with a load flow: two passes settle it, for the current
    hardly depends on it.

    >>> float(temperature(300.0, 400.0, 308.15, 363.15))
    339.0875
    """
    return ambient + (limit - ambient) * np.square(current / ampacity)


def voltage_drop(
    current: Current, resistance: Resistance, reactance: Reactance, power_factor: Ratio
) -> Voltage:
    """Voltage that a feeder loses, line-line, (...,): 3^1/2 I (R cos phi + X sin phi).

    current : line current [A]. resistance, reactance : of one phase over its length [ohm]. power_factor : of
    the load, lagging [1]. The part in phase with the voltage; what stands across it adds half its square over
    the voltage, with 4 % across 0.08 % of nominal. IEC 60364-5-52:2009, annex G (unverified).

    >>> round(float(voltage_drop(400.0, 0.01, 0.008, 0.95)), 3)
    8.312
    """
    sine = np.sqrt(np.maximum(1.0 - np.square(power_factor), 0.0))
    return math.sqrt(3.0) * current * (resistance * power_factor + reactance * sine)


def voltage_drop_ratios(parent: Integer, voltage: Voltage, nominal_voltage: Voltage) -> tuple[Ratio, Ratio]:
    """Voltage lost in the branch into each node and from the source to it, over nominal, (..., node) each.

    parent : (node,) index of each node's parent, -1 for a root. voltage : (..., node) magnitude of the
    line-line voltage [V], such as that of `tree.flow`. nominal_voltage : (node,) [V].
    Of a root both are 0: what its source loses is the utility's. Each node's own nominal is the base, so that a
    transformer's drop counts as a cable's does.

    >>> feeder, total = voltage_drop_ratios(np.array([-1, 0, 1]), np.array([415.0, 406.7, 402.55]), 415.0)
    >>> print(feeder.round(3), total.round(3))
    [0.   0.02 0.01] [0.   0.02 0.03]
    """
    above = np.asarray(parent, dtype=np.intp)
    ratio: npt.NDArray[np.float64] = np.asarray(voltage, dtype=np.float64) / nominal_voltage
    own = np.arange(len(above))
    upstream = np.where(above < 0, own, above)
    origin = upstream
    while np.any(above[origin] >= 0):
        origin = upstream[origin]
    return ratio[..., upstream] - ratio, ratio[..., origin] - ratio
