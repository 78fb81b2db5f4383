"""Coolant properties against CoolProp, exact enthalpy, and the liquid table of the reference pod."""

import CoolProp.CoolProp as CoolProp
import numpy as np
import pytest

from thermal.fluid import FLUIDS, PG25, WATER, Fluid, outlet_temperature

CELSIUS = 273.15
NAMES = {"pg25": "INCOMP::MPG[0.257]", "water": "Water"}
# Points between those of the fit, so that a fit cannot be right by hitting its own points only.
RANGE = CELSIUS + np.linspace(5.0, 75.0, 53)


@pytest.mark.parametrize("name", ["pg25", "water"])
@pytest.mark.parametrize(
    ("letter", "method", "tolerance"),
    # what the pod needs: a flow or duty to 0.02 %, a pressure drop to 0.1 %
    [
        ("D", "density", 2e-4),
        ("C", "heat_capacity", 2e-4),
        ("L", "conductivity", 2e-4),
        ("V", "viscosity", 1e-3),
    ],
)
def test_property_against_coolprop(name: str, letter: str, method: str, tolerance: float) -> None:
    expected = [CoolProp.PropsSI(letter, "T", t, "P", 101325.0, NAMES[name]) for t in RANGE]
    np.testing.assert_allclose(getattr(FLUIDS[name], method)(RANGE), expected, rtol=tolerance)


def test_enthalpy_against_coolprop() -> None:
    for fluid in (PG25, WATER):
        expected = np.array([CoolProp.PropsSI("H", "T", t, "P", 101325.0, NAMES[fluid.name]) for t in RANGE])
        # Only differences have meaning. An error of 1e-4 in the heat capacity is 30 J/kg over 70 K; INCOMP
        # adds a pressure term that moves by 12 J/kg.
        got = fluid.enthalpy(RANGE)
        np.testing.assert_allclose(got - got[0], expected - expected[0], rtol=0, atol=30.0)


@pytest.mark.parametrize("fluid", [PG25, WATER])
def test_enthalpy_is_the_integral_of_heat_capacity(fluid: Fluid) -> None:
    # Gauss-Legendre with five points integrates a polynomial of degree nine exactly.
    points, weights = np.polynomial.legendre.leggauss(5)
    half = (RANGE - CELSIUS)[:, None] / 2
    integral = np.sum(fluid.heat_capacity(CELSIUS + half * (1 + points)) * weights * half, axis=-1)
    np.testing.assert_allclose(fluid.enthalpy(RANGE), integral, rtol=1e-13)
    assert fluid.enthalpy(CELSIUS) == 0.0


@pytest.mark.parametrize("fluid", [PG25, WATER])
def test_temperature_inverts_enthalpy_also_beyond_the_range(fluid: Fluid) -> None:
    temperature = np.linspace(200.0, 500.0, 3001)
    # Four units in the last place of 400 K.
    np.testing.assert_allclose(
        fluid.temperature(fluid.enthalpy(temperature)), temperature, rtol=0, atol=2.5e-13
    )


def test_properties_hold_beyond_their_range() -> None:
    assert PG25.density(1e6) == PG25.density(CELSIUS + 100)
    assert PG25.viscosity(0.0) == PG25.viscosity(CELSIUS)
    assert np.isfinite(outlet_temperature(PG25, 300.0, 1e5, 0.0))


def test_outlet_of_the_reference_pod() -> None:
    """Liquid table of the hand calculation: 116 kW at five inlets, flow metered at inlet density."""
    inlet = CELSIUS + np.array([25.0, 30.0, 35.0, 40.0, 45.0])
    flow = np.array([65.1, 76.5, 92.6, 117.5, 160.0]) / 60e3
    outlet = outlet_temperature(PG25, inlet, 116e3, PG25.density(inlet) * flow)
    np.testing.assert_allclose(outlet - CELSIUS, [51.55, 52.60, 53.68, 54.73, 55.83], atol=0.01)


def test_outlet_closes_energy_and_needs_no_flow_without_heat() -> None:
    inlet = np.array([290.0, 310.0, 330.0])
    heat = np.array([[5e4], [-2e4], [0.0]])
    flow = np.array([1.0, 2.0, 3.0])
    outlet = outlet_temperature(PG25, inlet, heat, flow)
    assert outlet.shape == (3, 3)
    np.testing.assert_allclose(
        flow * (PG25.enthalpy(outlet) - PG25.enthalpy(inlet)), heat + 0 * flow, atol=1e-6
    )
    np.testing.assert_allclose(outlet_temperature(WATER, inlet, 0.0, 0.0), inlet, rtol=1e-15)


def test_batch_equals_loop() -> None:
    inlet = np.linspace(285.0, 340.0, 7)
    batch = outlet_temperature(WATER, inlet, 1e5, 2.0)
    assert batch.tolist() == [float(outlet_temperature(WATER, t, 1e5, 2.0)) for t in inlet]
