"""Cooling tower against quadrature, two textbooks and a maker's curves; water by balances."""

import numpy as np
import pytest
from scipy.integrate import quad

from thermal.fluid import WATER
from thermal.psychrometrics import enthalpy, humidity, saturated_enthalpy, saturated_humidity, wet_bulb
from thermal.tower import (
    air_ratio,
    balanced_temperature,
    evaporation,
    leaving_temperature,
    merkel_number,
    precooled,
    scaled_merkel_number,
    water_use,
)

CELSIUS = 273.15
PRESSURE = 101325.0
# The approach of the YorkCalc tower, coefficients by power of L/G over its design, of the range and of the wet bulb
# in degC, as the Modelica Buildings library prints them.
YORK = np.array([
    [[-0.359741205, -0.055053608, 0.0023850432], [0.173926877, -0.0248473764, 0.00048430224],
     [-0.005589849456, 0.0005770079712, -0.00001342427256]],
    [[2.84765801111111, -0.121765149, 0.0014599242], [1.680428651, -0.0166920786, -0.0007190532],
     [-0.025485194448, 0.0000487491696, 0.00002719234152]],
    [[-0.0653766255555556, -0.002278167, 0.0002500254], [-0.0910565458, 0.00318176316, 0.000038621772],
     [-0.0034285382352, 0.00000856589904, -0.000001516821552]],
])  # fmt: skip


def integral(water_in: float, water_out: float, bulb: float, water_to_air: float) -> float:
    """The Merkel integral by adaptive quadrature."""
    capacity = float(WATER.heat_capacity((water_in + water_out) / 2))
    entering = saturated_enthalpy(bulb, PRESSURE)

    def slice_(water: float) -> float:
        air = entering + water_to_air * capacity * (water - water_out)
        return capacity / float(saturated_enthalpy(water, PRESSURE) - air)

    return float(quad(slice_, water_out, water_in, epsabs=0, epsrel=1e-10)[0])


@pytest.mark.parametrize(
    ("approach", "within"), [(0.1, 1.5e-2), (0.5, 3e-3), (3.0, 5e-4), (5.0, 5e-4), (8.0, 5e-4)]
)
@pytest.mark.parametrize("water_to_air", [0.1, 0.8, 1.2, 1.5])
def test_the_number_against_quadrature(approach: float, within: float, water_to_air: float) -> None:
    bulb = CELSIUS + 25
    for cooling in (5.0, 10.0, 16.0):
        case = (bulb + approach + cooling, bulb + approach, bulb, water_to_air)
        if np.isinf(merkel_number(*case, PRESSURE)):
            # More heat than saturated air takes up on the way.
            water = np.linspace(case[1], case[0], 1000)
            air = saturated_enthalpy(bulb, PRESSURE) + water_to_air * 4186 * (water - case[1])
            assert (saturated_enthalpy(water, PRESSURE) - air).min() < 50.0
            continue
        expected = integral(*case)
        # Beyond 10 the air all but reaches the water somewhere in the tower.
        assert merkel_number(*case, PRESSURE) == pytest.approx(
            expected, rel=within if expected < 10 else 0.03
        )


def test_treybal_illustration_7_11() -> None:
    """Treybal, Mass-Transfer Operations, 3rd ed.: 45 to 29 degC, wet bulb 24, air from 72 to 163.5 kJ/kg, 3.25 units.

    Units of the book are of the air: transfer coefficient x surface over air flow, L/G times the Merkel number. Read
    in a transcription of its worked examples, as the one of Kern below.
    """
    water_to_air = (163.5 - 72.0) / (45 - 29) / 4.187
    number = merkel_number(CELSIUS + 45, CELSIUS + 29, CELSIUS + 24, water_to_air, PRESSURE)
    # The book integrates over a chart which reads 100 kJ/kg at 29 degC where the tables have 95.
    assert water_to_air * number == pytest.approx(3.25, rel=0.05)


def test_kern_example_17_2() -> None:
    """Kern, Process Heat Transfer: 120 to 85 degF, wet bulb 75, 1,500 gpm and 1,400 lb/h ft2 on 576 ft2: 1.70 units."""
    water_to_air = 1500 * 500 / 576 / 1400
    kelvin = (np.array([120.0, 85.0, 75.0]) - 32) / 1.8 + CELSIUS
    # Trapezia of 5 degF over a chart.
    assert merkel_number(*kelvin, water_to_air, PRESSURE) == pytest.approx(1.70, rel=0.04)


def test_off_design_against_the_york_tower() -> None:
    """One Merkel number from the design point, and the approach at 36 others within 0.6 K of the maker's polynomial."""

    def approach(bulb, cooling, ratio):
        return np.polynomial.polynomial.polyval3d(ratio, cooling, bulb, YORK)

    design = float(approach(25.56, 5.56, 1.0))
    bulb, cooling, ratio = np.meshgrid([15.0, 20.0, 25.56], [3.0, 5.56, 8.0], [0.75, 1.0, 1.25, 1.5])
    expected = approach(bulb, cooling, ratio)
    for water_to_air in (1.0, 1.2, 1.4):  # the polynomial does not say
        outlet = CELSIUS + 25.56 + design
        rated = merkel_number(outlet + 5.56, outlet, CELSIUS + 25.56, water_to_air, PRESSURE)
        got = leaving_temperature(
            CELSIUS + bulb + expected + cooling,
            CELSIUS + bulb,
            water_to_air * ratio,
            scaled_merkel_number(rated, ratio, 1.0),
            PRESSURE,
        )
        error = got - CELSIUS - bulb - expected
        assert np.abs(error).max() < 0.6
        assert np.sqrt(np.mean(error**2)) < 0.26


def test_leaving_temperature_inverts_the_number() -> None:
    bulb = CELSIUS + np.array([[5.0], [18.0], [27.0]])
    ratio, outlet = np.array([0.6, 1.0, 1.4, 2.0]), bulb + np.array([2.0, 4.0, 7.0, 12.0])
    number = merkel_number(outlet + 4.0, outlet, bulb, ratio, PRESSURE)
    np.testing.assert_allclose(
        leaving_temperature(outlet + 4.0, bulb, ratio, number, PRESSURE), outlet, atol=1e-9
    )
    # At a pinch no tower is large enough.
    assert merkel_number(CELSIUS + 45, CELSIUS + 25.1, CELSIUS + 25, 3.0, PRESSURE) == np.inf
    assert merkel_number(CELSIUS + 45, CELSIUS + 24, CELSIUS + 25, 1.0, PRESSURE) == np.inf


def test_leaving_temperature_at_its_limits_and_monotone() -> None:
    bulb = CELSIUS + 22
    number = np.linspace(0.0, 8.0, 60)
    leaving = leaving_temperature(CELSIUS + 40, bulb, 1.0, number, PRESSURE)
    assert leaving[0] == pytest.approx(CELSIUS + 40, abs=1e-6)
    assert np.all(np.diff(leaving) < 0)
    assert np.all(leaving > bulb)
    # Water as cold as the wet bulb, or colder, is not cooled.
    cold = leaving_temperature(bulb + np.array([0.0, -5.0]), bulb, 1.0, 1.5, PRESSURE)
    np.testing.assert_allclose(cold, bulb + np.array([0.0, -5.0]), rtol=0, atol=1e-9)


def test_balanced_temperature_closes_both_balances() -> None:
    """What passes the exchanger is what the tower takes, each by its law; without one the duty is given."""
    inlet, resistance, rate, added = CELSIUS + 47.0, np.array([1e-5, 4e-6]), 400e3, 20e3
    bulb, number = CELSIUS + np.array([[5.0], [25.0]]), 1.467
    leaving = balanced_temperature(inlet, resistance, rate, added, bulb, 1.2, number, PRESSURE)
    entering = leaving + ((inlet - leaving) / resistance + added) / rate
    np.testing.assert_allclose(
        leaving_temperature(entering, bulb, 1.2, number, PRESSURE), leaving, rtol=0, atol=1e-8
    )
    duty = np.array([1e6, 4e6])
    given = balanced_temperature(0.0, np.inf, rate, duty, bulb, 1.2, number, PRESSURE)
    np.testing.assert_allclose(
        merkel_number(given + duty / rate, given, bulb, 1.2, PRESSURE), number, rtol=1e-9
    )
    # Nothing to cool: the wet bulb; and never colder with more to cool.
    assert balanced_temperature(0.0, np.inf, rate, 0.0, bulb[0], 1.2, number, PRESSURE) == bulb[0]
    heavy = balanced_temperature(0.0, np.inf, rate, np.linspace(0, 16e6, 50), bulb, 1.2, number, PRESSURE)
    assert np.all(np.diff(heavy) > 0)


def test_scaled_number_is_a_power_law() -> None:
    assert scaled_merkel_number(1.4, 0.8, 0.5, 0.7) == pytest.approx(1.4 * (0.8 / 0.5) ** -0.7, rel=1e-14)
    assert scaled_merkel_number(1.4, 1.0, 1.0) == 1.4


def test_air_ratio_holds_the_target() -> None:
    bulb = CELSIUS + np.linspace(-2.0, 29.0, 32)
    rated = merkel_number(CELSIUS + 40, CELSIUS + 30, CELSIUS + 25, 1.2, PRESSURE)
    ratio = air_ratio(CELSIUS + 40, CELSIUS + 30, bulb, 1.0, 1.2, rated, PRESSURE, 0.2)
    held = leaving_temperature(
        CELSIUS + 40, bulb, 1.2 / ratio, scaled_merkel_number(rated, 1.0, ratio), PRESSURE
    )
    inside = (ratio > 0.2) & (ratio < 1)
    assert inside.sum() > 15
    np.testing.assert_allclose(held[inside], CELSIUS + 30, rtol=0, atol=1e-8)
    assert np.all(held[ratio == 0.2] <= CELSIUS + 30)
    assert np.all(held[ratio == 1.0] >= CELSIUS + 30 - 1e-9)
    assert np.all(np.diff(ratio) >= 0)


def test_evaporation_by_balances() -> None:
    """The air gains the heat of the water; the water it takes is what its humidity gains."""
    water, air, dry_bulb = 100.0, 85.0, CELSIUS + 30
    entering = humidity(dry_bulb, 0.5, PRESSURE)
    lost = evaporation(water, air, CELSIUS + 40, CELSIUS + 30, dry_bulb, entering, PRESSURE)
    heat = water * WATER.heat_capacity(CELSIUS + 35) * 10
    leaving = CELSIUS + np.linspace(20.0, 45.0, 200001)
    at = np.argmin(
        np.abs(air * (saturated_enthalpy(leaving, PRESSURE) - enthalpy(dry_bulb, entering)) - heat)
    )
    # The grid of leaving temperatures steps by 1.25e-4 K.
    assert lost == pytest.approx(air * (saturated_humidity(leaving[at], PRESSURE) - entering), rel=1e-4)
    # The rule of 2.45 MJ for each kilogram, when the air brings no sensible heat and takes none, holds to a tenth.
    assert lost == pytest.approx(heat / 2.45e6, rel=0.1)
    # Hot, dry air evaporates more and cold air less; no heat and no air, nothing.
    series = [
        evaporation(
            water,
            air,
            CELSIUS + 40,
            CELSIUS + 30,
            CELSIUS + t,
            humidity(CELSIUS + t, 0.4, PRESSURE),
            PRESSURE,
        )
        for t in (5.0, 20.0, 40.0)
    ]
    assert np.all(np.diff(series) > 0)
    assert evaporation(0.0, 0.0, 313.0, 303.0, dry_bulb, entering, PRESSURE) == 0.0


def test_water_use_keeps_water_and_salt() -> None:
    evaporated, cycles = np.array([0.5, 1.5, 2.5]), np.array([[2.0], [4.0], [6.0]])
    blowdown, drift, make_up = water_use(evaporated, 100.0, cycles, 1e-4)
    np.testing.assert_allclose(make_up, evaporated + blowdown + drift, rtol=1e-14)
    # Salt of the make-up leaves in water `cycles` times as salty.
    np.testing.assert_allclose(make_up, cycles * (blowdown + drift), rtol=1e-12)
    # Drift that takes more salt than comes in leaves no blowdown.
    assert water_use(0.001, 100.0, 5.0, 1e-3)[0] == 0.0


def test_precooled_keeps_the_wet_bulb_and_all_but_the_enthalpy() -> None:
    dry_bulb = CELSIUS + np.array([[25.0], [35.0], [43.0]])
    ratio = humidity(dry_bulb, np.array([0.15, 0.4]), PRESSURE)
    behind, water = precooled(dry_bulb, ratio, 0.8, 50.0, PRESSURE)
    bulb = wet_bulb(dry_bulb, ratio, PRESSURE)
    np.testing.assert_allclose(behind, dry_bulb - 0.8 * (dry_bulb - bulb), rtol=1e-14)
    after = ratio + water / 50.0
    np.testing.assert_allclose(wet_bulb(behind, after, PRESSURE), bulb, rtol=0, atol=1e-9)
    # The water brings its own enthalpy at the wet bulb, 4186 J/kg/K.
    gained = enthalpy(behind, after) - enthalpy(dry_bulb, ratio)
    np.testing.assert_allclose(gained, 4186 * (bulb - CELSIUS) * water / 50.0, rtol=0, atol=1e-6)
    none, dry = precooled(dry_bulb, ratio, 0.0, 50.0, PRESSURE)
    np.testing.assert_array_equal(none, dry_bulb + 0 * ratio)
    np.testing.assert_allclose(dry, 0.0, atol=1e-12)


def test_batch_equals_loop() -> None:
    bulb = CELSIUS + np.linspace(2.0, 28.0, 30)
    batch = leaving_temperature(CELSIUS + 40, bulb, 1.2, 1.5, PRESSURE)
    single = [float(leaving_temperature(CELSIUS + 40, b, 1.2, 1.5, PRESSURE)) for b in bulb]
    np.testing.assert_allclose(batch, single, rtol=0, atol=1e-9)
