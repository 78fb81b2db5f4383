"""The quantities of this package: what an argument or result means, and the SI unit it is in.

Every alias is a plain array (or a float) of coherent SI; the text beside it is the unit, readable by pint.
"""

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float

Temperature = Annotated[Array, "K"]
TemperatureDifference = Annotated[Array, "delta_degC"]
Power = Annotated[Array, "W"]
MassFlow = Annotated[Array, "kg/s"]
MassFlows = Annotated[npt.NDArray[np.float64], "kg/s"]
VolumeFlow = Annotated[Array, "m^3/s"]
VolumeFlows = Annotated[npt.NDArray[np.float64], "m^3/s"]
WarmthFlows = Annotated[npt.NDArray[np.float64], "K*m^3/s"]
Pressure = Annotated[Array, "Pa"]
PressurePerFlow = Annotated[Array, "Pa*s/m^3"]
PressurePerSquaredFlow = Annotated[Array, "Pa*s^2/m^6"]
Length = Annotated[Array, "m"]
Mass = Annotated[Array, "kg"]
Masses = Annotated[npt.NDArray[np.float64], "kg"]
Density = Annotated[Array, "kg/m^3"]
SpecificHeat = Annotated[Array, "J/kg/K"]
Enthalpy = Annotated[Array, "J/kg"]
Enthalpies = Annotated[npt.NDArray[np.float64], "J/kg"]
ThermalConductivity = Annotated[Array, "W/m/K"]
Viscosity = Annotated[Array, "Pa*s"]
CapacityRate = Annotated[Array, "W/K"]
Conductance = Annotated[Array, "W/K"]
ThermalResistance = Annotated[Array, "K/W"]
Potential = Annotated[Array, "m^2/s"]
Velocity = Annotated[Array, "m/s"]
Ratio = Annotated[Array, "1"]
Area = Annotated[Array, "m^2"]
Areas = Annotated[npt.NDArray[np.float64], "m^2"]
Acceleration = Annotated[Array, "m/s^2"]
Tolerance = Annotated[float, "1"]
Time = Annotated[Array, "s"]
HeatCapacity = Annotated[Array, "J/K"]
HeatCapacities = Annotated[npt.NDArray[np.float64], "J/K"]
Temperatures = Annotated[npt.NDArray[np.float64], "K"]
TemperatureDifferences = Annotated[npt.NDArray[np.float64], "delta_degC"]
Ratios = Annotated[npt.NDArray[np.float64], "1"]
TemperatureGrowth = Annotated[Array, "1/K"]
Inertia = Annotated[Array, "kg*m^2"]
AngularVelocity = Annotated[Array, "rad/s"]
Integer = Annotated[npt.NDArray[np.integer[Any]] | int, "1"]
Boolean = Annotated[npt.NDArray[np.bool_] | bool, "1"]
Lengths = Annotated[npt.NDArray[np.float64], "m"]
Velocities = Annotated[npt.NDArray[np.float64], "m/s"]
KinematicPressures = Annotated[npt.NDArray[np.float64], "m^2/s^2"]
Energies = Annotated[npt.NDArray[np.float64], "m^2/s^2"]
Dissipations = Annotated[npt.NDArray[np.float64], "m^2/s^3"]
Diffusivity = Annotated[float, "m^2/s"]
