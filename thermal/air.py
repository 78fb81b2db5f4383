"""Air of the hall: state and the balance of a contained aisle."""

from __future__ import annotations

import numpy as np

from thermal.quantities import Array, Density, Length, MassFlow, Power, Pressure, Ratio, Temperature

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
