"""The quantities of this package: what an argument or result means, and the SI unit it is in.

Every alias is a plain array (or a float) of coherent SI; the text beside it is the unit, readable by pint.
"""

from typing import Annotated

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float

Temperature = Annotated[Array, "K"]
TemperatureDifference = Annotated[Array, "delta_degC"]
Power = Annotated[Array, "W"]
MassFlow = Annotated[Array, "kg/s"]
VolumeFlow = Annotated[Array, "m^3/s"]
Pressure = Annotated[Array, "Pa"]
PressurePerFlow = Annotated[Array, "Pa*s/m^3"]
PressurePerSquaredFlow = Annotated[Array, "Pa*s^2/m^6"]
Length = Annotated[Array, "m"]
Density = Annotated[Array, "kg/m^3"]
SpecificHeat = Annotated[Array, "J/kg/K"]
Enthalpy = Annotated[Array, "J/kg"]
ThermalConductivity = Annotated[Array, "W/m/K"]
Viscosity = Annotated[Array, "Pa*s"]
CapacityRate = Annotated[Array, "W/K"]
Conductance = Annotated[Array, "W/K"]
ThermalResistance = Annotated[Array, "K/W"]
Velocity = Annotated[Array, "m/s"]
Ratio = Annotated[Array, "1"]
