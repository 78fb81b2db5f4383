"""Properties of the coolants, as polynomials of the temperature.

The coefficients are least-squares fits to CoolProp 8.0 at 141 temperatures from 5 to 75 degC, weighted by the
inverse of the value so that the relative error is the one made small; the viscosity is fitted through its
logarithm. PG25 is `INCOMP::MPG[0.257]` (25.7 % by mass, which is 25 % by volume), itself a set of cubics, so
that the fit is exact to the printed digits. WATER is the IAPWS-95 liquid at 101.325 kPa: density within
1.3e-5 of it, heat capacity 1e-4, conductivity 1e-4, viscosity 1.1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermal.quantities import (
    Array,
    Density,
    Enthalpy,
    MassFlow,
    Power,
    SpecificHeat,
    Temperature,
    ThermalConductivity,
    Viscosity,
)

CELSIUS = 273.15
# The fits stay smooth a little beyond their range; from here on every property keeps its end value, so that a
# temperature far outside (a loop without flow) gives a finite number instead of a polynomial run wild.
COLDEST, HOTTEST = 0.0, 100.0
# Smallest mass flow that carries heat [kg/s]: keeps a stopped flow finite.
STILL = 1e-9


def _polynomial(coefficients: tuple[float, ...], celsius: Array) -> Array:
    """Polynomial of rising powers by Horner's rule."""
    value: Array = np.full_like(celsius, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * celsius + coefficient
    return value


def _held(temperature: Temperature) -> Array:
    """Temperature in degC, held within the limits of the polynomials."""
    return np.clip(np.asarray(temperature, dtype=np.float64) - CELSIUS, COLDEST, HOTTEST)


@dataclass(frozen=True)
class Fluid:
    """A liquid by the coefficients of its fits, rising powers of the temperature in degC.

    Range 5 to 75 degC; constant below 0 and above 100 degC (the enthalpy goes on linearly).

    >>> round(float(PG25.density(318.15)), 1), round(float(PG25.heat_capacity(318.15)))
    (1007.7, 3973)
    """

    name: str
    density_fit: tuple[float, ...]  # kg/m^3
    heat_capacity_fit: tuple[float, ...]  # J/kg/K
    conductivity_fit: tuple[float, ...]  # W/m/K
    log_viscosity_fit: tuple[float, ...]  # logarithm of Pa*s
    freezing: float = CELSIUS  # point at which it begins to freeze [K]

    def density(self, temperature: Temperature) -> Density:
        """Density [kg/m^3], (...,) like the temperature [K]."""
        return _polynomial(self.density_fit, _held(temperature))

    def heat_capacity(self, temperature: Temperature) -> SpecificHeat:
        """Isobaric heat capacity [J/kg/K], (...,) like the temperature [K]."""
        return _polynomial(self.heat_capacity_fit, _held(temperature))

    def conductivity(self, temperature: Temperature) -> ThermalConductivity:
        """Thermal conductivity [W/m/K], (...,) like the temperature [K]."""
        return _polynomial(self.conductivity_fit, _held(temperature))

    def viscosity(self, temperature: Temperature) -> Viscosity:
        """Dynamic viscosity [Pa*s], (...,) like the temperature [K]."""
        value: Array = np.exp(_polynomial(self.log_viscosity_fit, _held(temperature)))
        return value

    def _enthalpy_fit(self) -> tuple[float, ...]:
        return (0.0, *(c / (power + 1) for power, c in enumerate(self.heat_capacity_fit)))

    def enthalpy(self, temperature: Temperature) -> Enthalpy:
        """Specific enthalpy [J/kg] above 0 degC: the integral of the heat capacity, (...,).

        >>> float(WATER.enthalpy(273.15))
        0.0
        """
        held = _held(temperature)
        beyond = np.asarray(temperature, dtype=np.float64) - CELSIUS - held
        return _polynomial(self._enthalpy_fit(), held) + _polynomial(self.heat_capacity_fit, held) * beyond

    def temperature(self, enthalpy: Enthalpy) -> Temperature:
        """Temperature [K] of a specific enthalpy [J/kg], (...,): the inverse of `enthalpy`.

        >>> round(float(PG25.temperature(PG25.enthalpy(318.15))), 9)
        318.15
        """
        fit = self._enthalpy_fit()
        held = np.clip(enthalpy, _polynomial(fit, COLDEST), _polynomial(fit, HOTTEST))
        celsius: Array = held / self.heat_capacity_fit[0]
        # The heat capacity moves by a few per cent over the range: four Newton steps square 3 K to rounding.
        for _ in range(4):
            celsius = celsius - (_polynomial(fit, celsius) - held) / _polynomial(
                self.heat_capacity_fit, celsius
            )
        beyond = (enthalpy - held) / _polynomial(self.heat_capacity_fit, celsius)
        return celsius + beyond + CELSIUS


PG25 = Fluid(
    "pg25",
    density_fit=(1026.6210, -0.25421868, -4.3483468e-3, 1.4226421e-5),
    heat_capacity_fit=(3862.8114, 2.4533715, 7.8726050e-4, -1.9153728e-5),
    conductivity_fit=(0.44657009, 8.9798460e-4, 9.8180886e-8, -6.4652309e-9),
    log_viscosity_fit=(-5.1649912, -4.7753667e-2, 3.5888195e-4, -1.3070600e-6),
    freezing=262.97,
)
WATER = Fluid(
    "water",
    density_fit=(999.90803, 5.1460001e-2, -7.6940432e-3, 4.6843750e-5, -1.7117224e-7),
    heat_capacity_fit=(4217.2130, -2.8767136, 7.6849078e-2, -8.7810478e-4, 4.1141584e-6),
    conductivity_fit=(0.55595857, 2.4835122e-3, -2.1820112e-5, 1.5171682e-7, -6.3119172e-10),
    log_viscosity_fit=(-6.3254060, -3.4588929e-2, 3.3650261e-4, -3.4072674e-6, 2.4436386e-8, -8.0583958e-11),
)
FLUIDS = {"pg25": PG25, "water": WATER}


def outlet_temperature(fluid: Fluid, inlet: Temperature, heat: Power, mass_flow: MassFlow) -> Temperature:
    """Temperature at which a stream that takes up heat leaves, (...,) [K].

    inlet : [K]. heat : taken up, negative when given off [W]. mass_flow : not negative [kg/s].
    Balance of enthalpy, so that streams that split, warm and mix close to rounding. A stream at rest without
    heat stays at the inlet; with heat it has no steady state and the number is merely very large.

    >>> round(float(outlet_temperature(PG25, 318.15, 116e3, 2.687)) - 273.15, 1)
    55.8
    """
    return fluid.temperature(fluid.enthalpy(inlet) + heat / np.maximum(mass_flow, STILL))
