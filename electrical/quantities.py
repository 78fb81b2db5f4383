"""Quantities of the electrical kernels: an array, or a number, and the SI unit it carries."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float
Integer = npt.NDArray[np.integer[Any]]
Boolean = npt.NDArray[np.bool_]

Power = Annotated[Array, "W"]
ReactivePower = Annotated[Array, "var"]
ApparentPower = Annotated[Array, "VA"]
Voltage = Annotated[Array, "V"]
Current = Annotated[Array, "A"]
Resistance = Annotated[Array, "ohm"]
Reactance = Annotated[Array, "ohm"]
Conductance = Annotated[Array, "S"]
Susceptance = Annotated[Array, "S"]
Temperature = Annotated[Array, "K"]
TemperatureDifference = Annotated[Array, "delta_degC"]
TemperatureCoefficient = Annotated[Array, "1/K"]
Time = Annotated[Array, "s"]
Energy = Annotated[Array, "J"]
Length = Annotated[Array, "m"]
Area = Annotated[Array, "m^2"]
Mass = Annotated[Array, "kg"]
Density = Annotated[Array, "kg/m^3"]
CurrentDensity = Annotated[Array, "A/m^2"]
Resistivity = Annotated[Array, "ohm*m"]
Frequency = Annotated[Array, "Hz"]
JouleIntegral = Annotated[Array, "A^2*s"]
WithstandDensity = Annotated[Array, "A^2*s/m^4"]
Ratio = Annotated[Array, "1"]
Angle = Annotated[Array, "rad"]
Tolerance = Annotated[float, "1"]
Ratios = Annotated[npt.NDArray[np.float64], "1"]
Voltages = Annotated[npt.NDArray[np.float64], "V"]
Currents = Annotated[npt.NDArray[np.float64], "A"]
Times = Annotated[npt.NDArray[np.float64], "s"]
Resistances = Annotated[npt.NDArray[np.float64], "ohm"]
Reactances = Annotated[npt.NDArray[np.float64], "ohm"]
Powers = Annotated[npt.NDArray[np.float64], "W"]

# Sinusoids: real part and imaginary part in one number.
ComplexVoltage = Annotated[npt.NDArray[np.complex128], "V"]
ComplexCurrent = Annotated[npt.NDArray[np.complex128], "A"]
ComplexPower = Annotated[npt.NDArray[np.complex128], "VA"]
ComplexImpedance = Annotated[npt.NDArray[np.complex128], "ohm"]
