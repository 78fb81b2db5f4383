"""Air of the hall: state, the balance of a contained aisle, and the indices of how well racks are cooled."""

from __future__ import annotations

import numpy as np

from thermal.quantities import (
    Array,
    Density,
    Length,
    MassFlow,
    MassFlows,
    Power,
    Pressure,
    Ratio,
    Temperature,
    Temperatures,
)

HEAT_CAPACITY = 1006.0  # dry air between 0 and 60 degC [J/kg/K]
GAS_CONSTANT = 287.053  # dry air [J/kg/K]
# Smallest mass flow that carries heat [kg/s]: keeps a stopped flow finite.
STILL = 1e-9


def density(temperature: Temperature, pressure: Pressure) -> Density:
    """Density of dry air, (...,) [kg/m^3], by the ideal gas law.

    temperature : [K]. pressure : [Pa].

    >>> round(float(density(293.15, 101325.0)), 4)
    1.2041
    """
    value: Array = np.asarray(pressure) / (GAS_CONSTANT * np.asarray(temperature))
    return value


def pressure(altitude: Length) -> Pressure:
    """Pressure of the standard atmosphere, (...,) [Pa].

    altitude : above sea level, up to 11 km [m]. ISO 2533:1975.

    >>> round(float(pressure(1500.0)))
    84556
    """
    # 6.5 K/km from 288.15 K; exponent g / (lapse rate x gas constant)
    value: Array = 101325.0 * (1 - 0.0065 * np.asarray(altitude) / 288.15) ** 5.25588
    return value


def aisle(
    supply_temperature: Temperature, supply_flow: MassFlow, rack_flow: MassFlow, heat: Power, leakage: Ratio
) -> tuple[Temperature, Temperature, Temperature]:
    """Rack inlet, hot aisle and return temperature of a contained aisle, three of (...,) [K].

    supply_temperature : of the fan walls [K]. supply_flow : of the walls [kg/s]. rack_flow : drawn by the
    racks [kg/s]. heat : of the racks to air [W]. leakage : share of the rack air that leaks from the hot to
    the cold side, 0 to 1.
    Both sides are well mixed. Hot air comes back as the larger of the leak and what the walls fail to supply;
    what the cold side then has too much spills past the racks into the return. With R that recirculated flow,
    inlet = supply + R / supply_flow x rise over the rack, and the return carries exactly the heat.

    >>> [float(round(t, 2)) for t in aisle(297.15, 8.0, 10.0, 100600.0, 0.0)]
    [299.65, 309.65, 309.65]
    """
    walls = np.maximum(supply_flow, STILL)
    recirculated = np.maximum(np.asarray(leakage) * rack_flow, np.asarray(rack_flow) - supply_flow)
    rise = heat / (HEAT_CAPACITY * np.maximum(rack_flow, STILL))
    inlet: Array = supply_temperature + recirculated / walls * rise
    return_: Array = supply_temperature + heat / (HEAT_CAPACITY * walls)
    return inlet, inlet + rise, return_


def supply_heat_index(
    supply_temperature: Temperature, inlet: Temperatures, outlet: Temperatures, flow: MassFlows
) -> Ratio:
    """SHI: heat that the air takes up before it enters the racks over all it has when it leaves them, (...,).

    supply_temperature : (...,) [K]. inlet, outlet : of the racks (..., rack) [K]. flow : through each [kg/s]. 0 where
    every rack breathes supply air; NaN where no rack warms it. Sharma, Bash and Patel, AIAA 2002-3091 (unverified).

    >>> float(supply_heat_index(290.0, np.array([292.0, 290.0]), np.array([300.0, 300.0]), np.array([1.0, 1.0])))
    0.1
    """
    cold = np.asarray(supply_temperature)[..., None]
    gained, whole = np.sum(flow * (inlet - cold), axis=-1), np.sum(flow * (outlet - cold), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = np.where(whole != 0.0, gained / whole, np.nan)
    return value


def return_heat_index(
    supply_temperature: Temperature, inlet: Temperatures, outlet: Temperatures, flow: MassFlows
) -> Ratio:
    """RHI: heat of the racks over all their air has when it leaves them, (...,): 1 less SHI; arguments as there.

    Sharma, Bash and Patel, AIAA 2002-3091 (unverified).

    >>> float(return_heat_index(290.0, np.array([292.0, 290.0]), np.array([300.0, 300.0]), np.array([1.0, 1.0])))
    0.9
    """
    value: Array = 1.0 - np.asarray(supply_heat_index(supply_temperature, inlet, outlet, flow))
    return value


def return_temperature_index(
    supply_temperature: Temperature,
    return_temperature: Temperature,
    inlet: Temperatures,
    outlet: Temperatures,
    flow: MassFlows,
) -> Ratio:
    """RTI: rise of the air over the cooling over its mean rise over the racks, (...,).

    supply_temperature, return_temperature : of the cooling (...,) [K]. inlet, outlet : of the racks (..., rack) [K].
    flow : through each [kg/s]. Below 1 supply air goes past the racks, above 1 they breathe their own; NaN where no
    rack warms air. Herrlin, ASHRAE Transactions 114(2), 2008 (unverified).

    >>> pair = np.array([291.0, 291.0]), np.array([301.0, 301.0])
    >>> round(float(return_temperature_index(290.0, 302.0, *pair, np.array([1.0, 3.0]))), 3)
    1.2
    """
    rise = np.sum(flow * (outlet - inlet), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        over = np.where(rise != 0.0, np.sum(flow, axis=-1) / rise, np.nan)
    value: Array = (np.asarray(return_temperature) - supply_temperature) * over
    return value


def rack_cooling_index(inlet: Temperatures, recommended: Temperature, allowable: Temperature) -> Ratio:
    """RCI: 1 where no rack's inlet is beyond what is recommended, 0 where all are at what is allowable, (...,).

    inlet : (..., rack) [K]. recommended, allowable : greatest inlets for RCI-HI, least ones for RCI-LO [K], so that the
    allowable one lies above the recommended one or below it, (...,). Herrlin, ASHRAE Transactions 111(2), 2005
    (unverified).

    >>> float(rack_cooling_index(np.array([295.0, 302.0]), 300.0, 304.0))
    0.75
    """
    best, room = np.asarray(recommended), np.asarray(allowable) - recommended
    beyond = np.maximum((np.asarray(inlet) - best[..., None]) / room[..., None], 0.0)
    value: Array = 1.0 - np.mean(beyond, axis=-1)
    return value
