"""Cold plates: from the coolant at the inlet to the case of the chip, of the mean plate and of the worst.

A plate is a table of its resistance over its flow. That of accelerators stands here and is the default; plates of
CPUs, switches and memory are other tables to the same functions, since no data of such plates is public.
"""

from __future__ import annotations

import numpy as np

from thermal.quantities import (
    Array,
    CapacityRate,
    Power,
    Pressure,
    Ratio,
    Temperature,
    TemperatureDifference,
    TemperatureGrowth,
    ThermalResistance,
    VolumeFlow,
)

# Flow, rising, and resistance from the coolant at the inlet to the case
Table = tuple[VolumeFlow, ThermalResistance]

# OCP 1 kW OAM cold plate with PG25 (OAI liquid-cooling guidelines 2023, figure 7): flow, in L/min before the
# division, and resistance [K/W]
_FLOW = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4]) / 60e3
_RESISTANCE = np.array(
    [
        0.0389,
        0.0325,
        0.0300,
        0.0280,
        0.0265,
        0.0255,
        0.0245,
        0.0230,
        0.0220,
        0.0214,
        0.0209,
        0.0204,
        0.0200,
        0.0197,
    ]
)

OAM_PG25: Table = (_FLOW, _RESISTANCE)
# The same plate with water, same source
OAM_WATER: Table = (np.array([2.0, 3.0, 4.0, 5.0]) / 60e3, np.array([0.0172, 0.0160, 0.0154, 0.0151]))
# Pressure over flow of a tray of cold plates: fit to the OCP guidelines, 50 kPa at 10 L/min for eight plates
BRANCH_EXPONENT = 1.85
STILL = 1e-12  # smallest pressure or capacity rate that is divided by
# Newton's steps to the temperature with leakage: each halves the rest at the edge of runaway, before it five suffice.
STEPS = 60


def resistance(flow: VolumeFlow, table: Table = OAM_PG25) -> ThermalResistance:
    """Resistance from coolant inlet to case of one plate, (...,) [K/W].

    flow : through the plate [m^3/s]; constant beyond the table, which by default holds 0.4 to 2.4 L/min. table : flow
    and resistance of the plate; by default the OCP 1 kW OAM plate with 25 % propylene glycol. Interpolated between
    the published points.

    >>> round(float(resistance(1.7 / 60e3)), 5)
    0.02115
    """
    value: Array = np.interp(flow, *table)
    return value


def case_temperature(
    inlet: Temperature, power: Power, flow: VolumeFlow, table: Table = OAM_PG25
) -> Temperature:
    """Case temperature of a chip on its plate, (...,) [K].

    inlet : coolant at the plate [K]. power : of the chip [W]. flow : through the plate [m^3/s]. table : as of
    `resistance`.

    >>> round(float(case_temperature(318.15, 1400.0, 0.75 * 160 / 72 / 60e3)) - 273.15, 1)
    74.7
    """
    return inlet + power * resistance(flow, table)


def power_limit(
    inlet: Temperature, case_limit: Temperature, flow: VolumeFlow, table: Table = OAM_PG25
) -> Power:
    """Largest power of a chip whose case stays at its limit, (...,) [W], never negative.

    inlet : coolant at the plate [K]. case_limit : highest case temperature [K]. flow : through the plate
    [m^3/s]. table : as of `resistance`.

    >>> round(float(power_limit(318.15, 318.15 + 21.0, 2.0 / 60e3)), 1)
    1029.4
    """
    limit: Array = np.maximum(np.asarray(case_limit) - inlet, 0.0) / resistance(flow, table)
    return limit


def worst_resistance(
    flow: VolumeFlow,
    spread: Ratio,
    tolerance: Ratio,
    fouling: ThermalResistance = 0.0,
    table: Table = OAM_PG25,
) -> ThermalResistance:
    """Resistance of the worst of many plates, (...,) [K/W].

    flow : mean of the plates [m^3/s]. spread : part of it that the plate with least flow lacks, 0 to 1. tolerance : of
    the resistance, made and mounted, 0.1 for ten per cent. fouling : added by deposits and an aged interface [K/W].
    table : as of `resistance`. All of it at one plate: resistance(flow (1 - spread)) (1 + tolerance) + fouling.

    >>> round(float(worst_resistance(1.7 / 60e3, 0.1, 0.05, 0.001)), 5)
    0.02369
    """
    least = np.asarray(flow) * (1 - np.asarray(spread))
    return resistance(least, table) * (1 + np.asarray(tolerance)) + fouling


def preheat(rate: CapacityRate, ahead: Ratio) -> ThermalResistance:
    """What equal chips ahead of a plate warm its coolant per watt of one of them, (...,) [K/W].

    rate : mass flow times heat capacity of the stream [W/K]. ahead : chips whose heat it has taken before. By the heat
    balance ahead / rate, as `series_inlet` has it for unequal chips.

    >>> float(preheat(40.0, 2))
    0.05
    """
    added: Array = np.asarray(ahead) / np.maximum(np.asarray(rate), STILL)
    return added


def mean_resistance(
    flow: VolumeFlow,
    rate: CapacityRate,
    series: Ratio,
    fouling: ThermalResistance = 0.0,
    table: Table = OAM_PG25,
) -> ThermalResistance:
    """Resistance from the inlet of a branch to the case of its mean chip, (...,) [K/W].

    flow, rate : through the branch [m^3/s] and [W/K]. series : plates with equal chips that it passes one after the
    other, 1 where all are in parallel. fouling : of every plate [K/W]. table : as of `resistance`. In the mean
    (series - 1) / 2 chips stand ahead.

    >>> round(float(mean_resistance(2 / 60e3, 133.4, 3)), 4), float(mean_resistance(2 / 60e3, 133.4, 1))
    (0.0279, 0.0204)
    """
    return resistance(flow, table) + preheat(rate, 0.5 * (np.asarray(series) - 1)) + fouling


def series_inlet(inlet: Temperature, power: Power, rate: CapacityRate) -> Temperature:
    """Coolant at each of the plates that one stream passes one after the other, (..., plate) [K].

    inlet : before the first, (...,) [K]. power : of the chips in the order of the stream, (..., plate) [W]. rate : mass
    flow times heat capacity of the stream, (...,) [W/K]. Each plate gets the heat of those before it.

    >>> series_inlet(318.15, [1000.0, 1000.0, 500.0], 100.0).round(2).tolist()
    [318.15, 328.15, 338.15]
    """
    heat = np.asarray(power, dtype=np.float64)
    before = np.cumsum(heat, axis=-1) - heat
    stream = np.maximum(np.asarray(rate), STILL)[..., None]
    entering: Array = np.asarray(inlet)[..., None] + before / stream
    return entering


def tray_flow(flow: VolumeFlow, drop: Pressure, exponent: Ratio = BRANCH_EXPONENT) -> VolumeFlow:
    """Flow of each of the trays that hang on one manifold, (..., tray) [m^3/s].

    flow : of all trays, (...,) [m^3/s]. drop : which each tray would take at the mean flow, with its couplings and its
    way along supply and return manifold, (..., tray) [Pa]. exponent : of the flow, 1.85 of cold plates (fit of the
    Modelica Buildings library to the OCP OAI liquid-cooling guidelines 2023). All have the same pressure, so the flow
    goes with drop^(-1 / exponent); the share of the manifold is kept as at the mean flow. `worst_resistance` wants
    1 - least / mean as its spread.

    >>> (tray_flow(18.0, [40e3, 44e3, 50e3]) / 6.0).round(3).tolist()
    [1.058, 1.005, 0.938]
    """
    weight = np.maximum(np.asarray(drop, dtype=np.float64), STILL) ** (-1 / np.asarray(exponent))
    flows: Array = np.asarray(flow)[..., None] * weight / weight.sum(axis=-1, keepdims=True)
    return flows


def worst_case_temperature(
    inlet: Temperature,
    power: Power,
    flow: VolumeFlow,
    rate: CapacityRate,
    spread: Ratio,
    tolerance: Ratio,
    fouling: ThermalResistance = 0.0,
    table: Table = OAM_PG25,
) -> Temperature:
    """Highest case temperature among chips in series on the branch with least flow, (...,) [K].

    inlet : before the first plate, (...,) [K]. power : of the chips in the order of the stream, (..., plate) [W]; one
    alone where plates are in parallel. flow, rate : mean of the branches, (...,) [m^3/s] and [W/K]. spread, tolerance,
    fouling, table : as of `worst_resistance`. Preheat as `series_inlet`.

    >>> round(float(worst_case_temperature(318.15, [1000.0, 1000.0], 2 / 60e3, 133.4, 0.1, 0.05)), 2)
    348.42
    """
    least = np.asarray(rate) * (1 - np.asarray(spread))
    worst = np.asarray(worst_resistance(flow, spread, tolerance, fouling, table))[..., None]
    case: Array = np.max(series_inlet(inlet, power, least) + np.asarray(power) * worst, axis=-1)
    return case


def leaked_power(
    temperature: Temperature, leakage: Power, reference: Temperature, growth: TemperatureGrowth
) -> Power:
    """What a chip leaks at a temperature, (...,) [W].

    temperature : of case or junction, as the reference [K]. leakage : at the reference [W]. reference : [K]. growth :
    of the leakage with the temperature [1/K]. Subthreshold leakage grows exponentially over the span a chip sees:
    leakage exp(growth (T - reference)).

    >>> round(float(leaked_power(343.15, 168.0, 333.15, 1 / 70)), 1)
    193.8
    """
    leaked: Array = np.asarray(leakage) * np.exp(growth * (np.asarray(temperature) - reference))
    return leaked


def leaking_power(
    inlet: Temperature,
    power: Power,
    leakage: Power,
    reference: Temperature,
    growth: TemperatureGrowth,
    resistance: ThermalResistance,
) -> Power:
    """Power of a chip whose leakage grows with its own temperature, (...,) [W]; infinite where it runs away.

    inlet : coolant at the plate [K]. power : that does not depend on the temperature [W]. leakage : at the reference
    temperature [W]. reference : [K]. growth : of the leakage with the temperature [1/K], 0.01 to 0.03 (assumed: double
    every 25 to 70 K). resistance : from the inlet to where the temperature counts, case or junction [K/W].
    power + leakage exp(growth (T - reference)) with T = inlet + resistance x the sum. In u = growth x resistance x
    leaked power this is u = g exp(u), which has the stable solution u = -W(-g), Lambert's function, up to g = 1/e;
    beyond it each kelvin brings more heat than the plate carries off. Newton's steps from 0 rise to it and never pass.

    >>> round(float(leaking_power(318.15, 1300.0, 100.0, 343.15, 0.02, 0.021)), 2)
    1409.64
    >>> float(leaking_power(318.15, 1300.0, 400.0, 343.15, 0.05, 0.05))
    inf
    """
    slope = np.asarray(growth) * resistance
    gain = slope * leakage * np.exp(growth * (np.asarray(inlet) - reference) + slope * power)
    runs_away = gain > np.exp(-1.0)
    held = np.where(runs_away, 0.0, gain)
    u: Array = np.zeros_like(held)
    for _ in range(STEPS):
        rising = held * np.exp(u)
        # At the edge itself the slope is nothing and the step 0/0: there u is 1.
        u = np.minimum(u + (rising - u) / np.maximum(1 - rising, STILL), 1.0)
    leaked = leaked_power(inlet, leakage, reference, growth) * np.exp(slope * power + u)
    total: Array = np.where(runs_away, np.inf, power + leaked)
    return total


def runaway_margin(
    inlet: Temperature,
    power: Power,
    leakage: Power,
    reference: Temperature,
    growth: TemperatureGrowth,
    resistance: ThermalResistance,
) -> TemperatureDifference:
    """Rise of the coolant at which a chip with leakage would run away, (...,) [K]; negative where it does.

    Arguments as of `leaking_power`. Infinite without leakage or growth. The gain g of there is 1/e at
    inlet - ln(e g) / growth.

    >>> round(float(runaway_margin(318.15, 1300.0, 100.0, 343.15, 0.02, 0.021)), 1)
    106.2
    """
    slope = np.asarray(growth) * resistance
    with np.errstate(divide="ignore"):
        logarithm = np.log(slope * leakage) + growth * (np.asarray(inlet) - reference) + slope * power
        margin: Array = -(1 + logarithm) / np.asarray(growth, dtype=np.float64)
    return margin
