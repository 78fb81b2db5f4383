import subprocess
import sys
import time

import numpy as np
import pint
import pytest

from twin.errors import UnitError
from twin.units import KINDS, registry, shown, si, text

NIST = [
    ("1 gpm", "m3/s", 6.309020e-5),
    ("1 cfm", "m3/s", 4.719474e-4),
    ("1 ton_refrigeration", "W", 3.516853e3),
    ("1 BTU/h", "W", 2.930711e-1),
    ("1 hp", "W", 7.456999e2),
    ("1 psi", "Pa", 6.894757e3),
    ("1 inwc", "Pa", 2.490889e2),
    ("1 atm", "Pa", 1.01325e5),
    ("1 rpm", "rad/s", 1.047198e-1),
    ("1 ft", "m", 3.048e-1),
    ("1 lb", "kg", 4.535924e-1),
    ("1 kWh", "J", 3.6e6),
]


@pytest.mark.parametrize(("given", "unit", "expected"), NIST)
def test_factors_are_those_of_nist_special_publication_811(given, unit, expected):
    # The table prints seven digits.
    assert si(given, unit) == pytest.approx(expected, rel=5e-7)


@pytest.mark.parametrize(
    "unit",
    ["kW", "MV", "mohm", "L/min", "m**3/h", "kPa", "bar", "degF", "mm", "kJ/kg/K", "kWh", "year", "tonne"],
)
def test_si_values_agree_with_the_default_registry_of_pint(unit):
    other = pint.UnitRegistry()
    quantity = other.Quantity(12.5, unit)
    kind = "K" if unit == "degF" else unit
    assert si(f"12.5 {unit}", kind) == pytest.approx(quantity.to_base_units().magnitude, rel=1e-12)
    assert si(quantity, kind) == si(f"12.5 {unit}", kind)


@pytest.mark.parametrize(
    ("given", "unit", "expected"),
    [
        ("132 kW", "W", 132e3),
        ("132kW", "W", 132e3),
        ("-5 degC", "K", 268.15),
        ("113 °F", "K", 318.15),
        ("318.15 K", "K", 318.15),
        ("10 K", "delta_degC", 10.0),
        ("18 delta_degF", "delta_degC", 10.0),
        ("5 kW/degC", "W/K", 5000.0),
        ("160 L/min", "m3/s", 0.160 / 60),
        ("160 LPM", "m3/s", 0.160 / 60),
        ("13.5 m³/h", "m3/s", 13.5 / 3600),
        ("13.5 m^3/h", "m3/s", 13.5 / 3600),
        ("2 USD/Mtoken", "USD/token", 2e-6),
        ("0.08 USD/kWh", "USD/J", 0.08 / 3.6e6),
        ("50 token/s", "token/s", 50.0),
        ("15 PFLOP/s", "flop/s", 15e15),
        ("8 TB/s", "byte/s", 8e12),
        ("8 Mbit", "byte", 1e6),
        ("3.9 kJ/(kg K)", "J/kg/K", 3900.0),
        ("500 MVA", "VA", 500e6),
        ("1.2 Mvar", "var", 1.2e6),
        ("85 %", "1", 0.85),
        ("0.85", "1", 0.85),
        (8, "1", 8.0),
        (np.float64(0.5), "1", 0.5),
        ("1e3 W", "W", 1e3),
    ],
)
def test_texts_become_si(given, unit, expected):
    assert si(given, unit) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "unit", "message"),
    [
        ("132", "W", "'132' has no unit; write it as '132 kW'"),
        (132, "W", "'132' has no unit; write it as '132 kW'"),
        ("600", "m", "'600' has no unit; write it as '600 mm'"),
        ("1.3 MV", "W", "'1.3 MV' is a voltage [MV], expected a power [kW] such as '1.3 MW'"),
        ("1000 kVA", "W", "is an apparent power [kVA], expected a power [kW] such as '1000 kW'"),
        ("1000 kW", "VA", "is a power [kW], expected an apparent power [kVA] such as '1000 kVA'"),
        ("1000 kvar", "VA", "is a reactive power [kvar]"),
        ("1000 kVA", "var", "expected a reactive power [kvar] such as '1000 kvar'"),
        ("60 rpm", "1/s", "is a rotational speed [rpm], expected a frequency [Hz]"),
        ("60 Hz", "rad/s", "is a frequency [Hz]"),
        ("50 Hz", "token/s", "is a frequency [Hz], expected a token rate [token/s]"),
        (
            "10 degC",
            "delta_degC",
            "is a temperature [degC], expected a temperature difference [K] such as '10 K'",
        ),
        ("50 degF", "delta_degC", "expected a temperature difference"),
        ("10 delta_degC", "K", "is a temperature difference [delta_degC], expected a temperature [degC]"),
        ("25 C", "K", "write a temperature as '25 degC'"),
        ("1 ton", "W", "unknown unit 'ton'"),
        ("5 KW", "W", "unknown unit 'KW'; did you mean 'kW'?"),
        ("10..20 kW", "W", "is not a number with a unit"),
        ("1,250 kVA", "VA", "is not a number with a unit"),
        ("5 5 kW", "W", "is not a number with a unit"),
        ("3 kW**9**9**9", "W", "is not a number with a unit"),
        ("kW", "W", "is not a number with a unit"),
        ("", "W", "is not a number with a unit"),
        ("nan kW", "W", "is not a number with a unit"),
        ("1e999 kW", "W", "is not a finite number"),
        (float("nan"), "1", "is not a finite number"),
        (float("-inf"), "W", "is not a finite number"),
        (True, "1", "is not a number"),
        (None, "W", "is not a number with a unit"),
        (["1 kW"], "W", "is not a number with a unit"),
        ("half", "1", "is not a number"),
    ],
)
def test_a_bad_text_is_refused_with_its_remedy(given, unit, message):
    with pytest.raises(UnitError) as caught:
        si(given, unit)
    assert message in str(caught.value)


def test_a_quantity_of_another_registry_keeps_its_kind():
    other = pint.UnitRegistry()
    assert si(other.Quantity(45.0, "degC"), "K") == pytest.approx(318.15)
    assert si(other.Quantity(4.0, "delta_degC"), "delta_degC") == 4.0
    assert si(other.Quantity(0.3, ""), "1") == 0.3
    with pytest.raises(UnitError, match="apparent power"):
        si(other.Quantity(5.0, "kVA"), "W")
    with pytest.raises(UnitError, match="not a finite"):
        si(other.Quantity(float("inf"), "kW"), "W")


def test_the_registry_is_private_and_apart_from_the_application_registry():
    assert registry() is registry()
    assert registry() is not pint.get_application_registry().get()
    for unit in ("token", "USD", "flop"):
        with pytest.raises(pint.UndefinedUnitError):
            pint.get_application_registry().parse_units(unit)
    assert not registry().autoconvert_offset_to_baseunit


def test_apparent_active_and_reactive_power_do_not_convert_into_each_other():
    for one, other in (("VA", "W"), ("W", "var"), ("var", "VA"), ("rpm", "Hz")):
        with pytest.raises(pint.DimensionalityError):
            registry().Quantity(1.0, one).to(other)


def test_fifteen_thousand_quantities_take_less_than_half_a_second():
    si("1 kW", "W")
    start = time.perf_counter()
    total = sum(si(f"{number} kW", "W") for number in range(15_000))
    assert time.perf_counter() - start < 0.5
    assert total == pytest.approx(1e3 * 15_000 * 14_999 / 2)


def test_pint_is_imported_only_when_a_quantity_is_read():
    code = "import sys, twin.units; assert 'pint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.unit)
def test_every_unit_shown_measures_its_kind_and_comes_back(kind):
    for start, unit in kind.read:
        value = max(start * 1.5, 1e-6) if kind.unit != "K" else 300.0
        number, name = shown(value, kind.unit)
        assert si(f"{number!r} {unit}" if unit != "1" else number, kind.unit) == pytest.approx(
            value, rel=1e-9
        )
        assert name == "" or name[0] == unit[0] or name in ("°C", "mΩ", "Ω", "mΩ/m")


def test_values_are_shown_in_the_units_people_read():
    assert shown(139_500.0, "W") == (139.5, "kW")
    assert shown(2.43e8, "W") == (243.0, "MW")
    assert shown(10.9, "delta_degC") == (10.9, "K")
    assert shown(0.16 / 60, "m^3/s") == (160.0, "L/min")
    assert shown(13.2, "m3/s") == (13.2, "m³/s")
    assert shown(1.07, "1") == (1.07, "")
    assert shown(0.57, "%") == (57.0, "%")
    assert shown(3.0, "Pa*s") == (3.0, "Pa*s")
    values, unit = shown(np.array([298.15, np.nan, 318.15]), "K")
    assert unit == "°C"
    np.testing.assert_allclose(values, [25.0, np.nan, 45.0], atol=1e-9)


def test_text_keeps_the_digits_that_matter():
    assert text(318.19, "K") == "45.0 °C"
    assert text(139_547.0, "W", 4) == "139.5 kW"
    assert text(1_887_000.0, "W") == "1,887 kW"
    assert text(0.0, "Pa") == "0.00 kPa"
    assert text(1.0712, "1") == "1.07"
    assert text(float("nan"), "W") == "nan kW"
    assert text(0.9999e-3, "ohm") == "1.00 mΩ"
