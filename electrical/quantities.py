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
TemperatureCoefficient = Annotated[Array, "1/K"]
Ratio = Annotated[Array, "1"]
Angle = Annotated[Array, "rad"]
Tolerance = Annotated[float, "1"]
Ratios = Annotated[npt.NDArray[np.float64], "1"]
Voltages = Annotated[npt.NDArray[np.float64], "V"]

# Sinusoids: real part and imaginary part in one number.
ComplexVoltage = Annotated[npt.NDArray[np.complex128], "V"]
ComplexPower = Annotated[npt.NDArray[np.complex128], "VA"]
