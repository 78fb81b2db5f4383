"""Moist air against the tables of saturated air, CoolProp's real gases and its own inverses."""

import CoolProp.CoolProp as CoolProp
import numpy as np
import pytest
from CoolProp.HumidAirProp import HAPropsSI

from thermal.psychrometrics import (
    condensation_margin,
    density,
    dew_point,
    enthalpy,
    humidity,
    humidity_of_wet_bulb,
    relative_humidity,
    saturated_enthalpy,
    saturated_humidity,
    saturated_temperature,
    saturation_pressure,
    wet_bulb,
)

CELSIUS = 273.15
SEA_LEVEL = 101325.0
GRID = [
    (pressure, CELSIUS + celsius, relative)
    for pressure in (70e3, 84556.0, SEA_LEVEL)
    for celsius in (-25.0, -5.0, 5.0, 20.0, 35.0, 50.0, 60.0)
    for relative in (0.1, 0.4, 0.9)
]


def real(name: str, pressure: float, temperature: float, relative: float) -> float:
    """A property of moist air by CoolProp."""
    return float(HAPropsSI(name, "T", temperature, "P", pressure, "R", relative))


@pytest.mark.parametrize(
    ("celsius", "ratio", "heat"),
    [
        (10, 0.007663, 29.355),
        (20, 0.014760, 57.559),
        (25, 0.020173, 76.505),
        (30, 0.027333, 100.010),
        (40, 0.049144, 166.688),
        (50, 0.086863, 275.353),
    ],
)
def test_table_of_saturated_air(celsius: float, ratio: float, heat: float) -> None:
    # The enhancement factor is good for 2e-4 here, the heat capacities of the ideal gases for 1e-3.
    assert saturated_humidity(CELSIUS + celsius, SEA_LEVEL) == pytest.approx(ratio, rel=2.5e-4)
    assert saturated_enthalpy(CELSIUS + celsius, SEA_LEVEL) == pytest.approx(heat * 1e3, rel=1e-3)


@pytest.mark.parametrize(
    ("celsius", "relative", "bulb", "dew"),
    [(24, 0.5, 17.06, 12.95), (27, 0.6, None, 18.58), (35, 0.4, 23.93, 19.39)],
)
def test_wet_bulb_and_dew_point_of_the_table(celsius, relative, bulb, dew) -> None:
    ratio = humidity(CELSIUS + celsius, relative, SEA_LEVEL)
    # The table prints two digits.
    assert dew_point(ratio, SEA_LEVEL) - CELSIUS == pytest.approx(dew, abs=0.006)
    if bulb is not None:
        assert wet_bulb(CELSIUS + celsius, ratio, SEA_LEVEL) - CELSIUS == pytest.approx(bulb, abs=0.008)


def test_saturation_pressure_against_the_steam_equation() -> None:
    """Hyland and Wexler of 1983 against IAPWS-95; over ice against -20 degC of the ASHRAE table, 103.24 Pa."""
    temperature = CELSIUS + np.linspace(0.01, 100.0, 40)
    expected = [CoolProp.PropsSI("P", "T", t, "Q", 1.0, "Water") for t in temperature]
    # The two differ by 2.3e-4 at 0 degC and 5e-4 at 100.
    np.testing.assert_allclose(saturation_pressure(temperature), expected, rtol=6e-4)
    assert saturation_pressure(CELSIUS - 20) == pytest.approx(103.24, rel=1e-3)
    # One value where ice and water meet, to 1e-4.
    below, above = saturation_pressure(np.array([CELSIUS - 1e-9, CELSIUS]))
    assert below == pytest.approx(above, rel=1e-4)


@pytest.mark.parametrize(("pressure", "temperature", "relative"), GRID)
def test_against_coolprop(pressure: float, temperature: float, relative: float) -> None:
    ratio = real("W", pressure, temperature, relative)
    # Worst at 50 degC and 70 kPa: 6.1e-4.
    assert humidity(temperature, relative, pressure) == pytest.approx(ratio, rel=7e-4)
    assert relative_humidity(temperature, ratio, pressure) == pytest.approx(relative, rel=7e-4)
    assert dew_point(ratio, pressure) == pytest.approx(real("D", pressure, temperature, relative), abs=0.012)
    # Ideal gas: real air is denser by up to 1.6e-3, most of all when warm and moist.
    volume = real("Vha", pressure, temperature, relative)
    assert density(temperature, ratio, pressure) == pytest.approx(1 / volume, rel=1.7e-3)
    # The constant heat capacities are off by 1.5e-3 of the enthalpy in warm, moist air, and CoolProp adds up to
    # 120 J/kg for the pressure.
    expected = real("Hda", pressure, temperature, relative)
    assert enthalpy(temperature, ratio) == pytest.approx(expected, rel=1.6e-3, abs=120.0)
    bulb = real("B", pressure, temperature, relative)
    if not -2 < bulb - CELSIUS < 1:  # water and ice on the bulb are two answers
        assert wet_bulb(temperature, ratio, pressure) == pytest.approx(bulb, abs=0.025)


def test_inverses() -> None:
    temperature = CELSIUS + np.array([-30.0, -10.0, 3.0, 20.0, 45.0, 70.0])[:, None]
    relative = np.array([0.02, 0.3, 0.95, 1.0])
    ratio = humidity(temperature, relative, 85e3)
    np.testing.assert_allclose(relative_humidity(temperature, ratio, 85e3), relative + 0 * ratio, rtol=1e-14)
    np.testing.assert_allclose(saturated_humidity(dew_point(ratio, 85e3), 85e3), ratio, rtol=1e-10)
    bulb = wet_bulb(temperature, ratio, 85e3)
    away = np.abs(bulb - CELSIUS) > 1e-9
    assert away.sum() > 20
    back = humidity_of_wet_bulb(temperature, bulb, 85e3)
    np.testing.assert_allclose(back[away], ratio[away], rtol=0, atol=1e-13)
    # At saturation all three temperatures are one.
    np.testing.assert_allclose(bulb[:, -1], temperature[:, 0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(dew_point(ratio, 85e3)[:, -1], temperature[:, 0], rtol=0, atol=1e-9)
    warm = temperature[2:]
    heat = saturated_enthalpy(warm, 85e3)
    np.testing.assert_allclose(saturated_temperature(heat, 85e3), warm, rtol=0, atol=1e-10)


def test_order_of_the_temperatures() -> None:
    temperature = CELSIUS + np.linspace(-35.0, 60.0, 96)[:, None]
    ratio = humidity(temperature, np.linspace(0.01, 0.99, 40), 90e3)
    bulb, dew = wet_bulb(temperature, ratio, 90e3), dew_point(ratio, 90e3)
    assert np.all(bulb <= temperature)
    # The iced bulb of the tables and the frost point meet at saturation, to their constants.
    assert np.all(dew <= bulb + 2e-3)
    assert np.all(np.diff(bulb, axis=-1) >= 0)


def test_dry_air_and_boiling_stay_finite() -> None:
    assert dew_point(0.0, SEA_LEVEL) == 200.0
    assert np.isfinite(wet_bulb(CELSIUS + 60, 0.0, SEA_LEVEL))
    assert np.isfinite(saturated_humidity(CELSIUS + 150, SEA_LEVEL))
    assert density(CELSIUS + 20, 0.0, SEA_LEVEL) == pytest.approx(1.2041, abs=1e-4)


def test_condensation_margin_of_a_chilled_pipe() -> None:
    """27 degC and 60 %: dew point 18.58 degC by the table, so a surface of 20 degC has 1.42 K left."""
    margin = condensation_margin(CELSIUS + np.array([20.0, 18.0]), CELSIUS + 27, 0.6, SEA_LEVEL)
    np.testing.assert_allclose(margin, [1.42, -0.58], atol=0.006)


def test_batch_equals_loop() -> None:
    temperature, relative = CELSIUS + np.linspace(-20.0, 55.0, 16)[:, None], np.linspace(0.05, 1.0, 5)
    ratio = humidity(temperature, relative, 92e3)
    for function in (lambda t, w: wet_bulb(t, w, 92e3), lambda t, w: dew_point(w, 92e3) + 0 * t):
        batch = function(temperature, ratio)
        single = [
            [float(function(t, w)) for w in row] for t, row in zip(temperature[:, 0], ratio, strict=True)
        ]
        # Vector and scalar logarithms differ in the last bit.
        np.testing.assert_allclose(batch, single, rtol=0, atol=1e-10)
