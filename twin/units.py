"""Text with units in, SI floats out, and back to the units people read.

The only module that knows pint, and it imports it on first use. The registry is private and holds the
units of this field alone: a data sheet's `cfm`, `gpm` or `TR` means what it means there, and `ton` or `C`
is refused rather than guessed.
"""

from __future__ import annotations

import math
import numbers
import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from twin.errors import UnitError, suggestion

DEFINITIONS = """
nano- = 1e-9 = n-
micro- = 1e-6 = µ- = μ- = u-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
exa- = 1e18 = E-

meter = [length] = m = metre
kilogram = [mass] = kg
second = [time] = s = sec
ampere = [current] = A = amp
kelvin = [temperature]; offset: 0 = K
radian = [angle] = rad
token = [token]
USD = [currency]
flop = [computation] = FLOP
byte = [information] = B
volt_ampere = [apparent_power] = VA
var = [reactive_power] = _ = VAr = VAR

degree_Celsius = kelvin; offset: 273.15 = °C = celsius = degC = degreeC
degree_Fahrenheit = 5 / 9 * kelvin; offset: 255.37222222222223 = °F = fahrenheit = degF = degreeF
percent = 0.01 = %
gram = 1e-3 kilogram = g
tonne = 1e3 kilogram = t = metric_ton
pound = 0.45359237 kilogram = lb
minute = 60 second = min
hour = 3600 second = h = hr
day = 86400 second = d
year = 365.25 day = yr
inch = 0.0254 meter = in
foot = 12 inch = ft
degree = 0.017453292519943295 radian = deg
turn = 6.283185307179586 radian = _ = revolution
rpm = turn / minute = _ = RPM = revolutions_per_minute
hertz = 1 / second = Hz
newton = kilogram * meter / second ** 2 = N
pascal = newton / meter ** 2 = Pa
bar = 1e5 pascal
atmosphere = 101325 pascal = atm
psi = 6894.757293168361 pascal
inwc = 249.08891 pascal
joule = newton * meter = J
watt = joule / second = W
watt_hour = watt * hour = Wh
btu = 1055.05585262 joule = _ = BTU = Btu
horsepower = 745.6998715822702 watt = hp
ton_refrigeration = 12000 btu / hour = TR = refrigeration_ton = ton_of_refrigeration
volt = watt / ampere = V
ohm = volt / ampere = Ω = Ohm
siemens = ampere / volt = S
farad = ampere * second / volt = F
henry = volt * second / ampere = H
coulomb = ampere * second = C
liter = 1e-3 meter ** 3 = L = l = litre
gallon = 231 inch ** 3 = gal
liter_per_minute = liter / minute = LPM = lpm
gallon_per_minute = gallon / minute = gpm = GPM
cubic_foot_per_minute = foot ** 3 / minute = cfm = CFM
bit = 0.125 byte
"""


class Kind(NamedTuple):
    """What a unit measures, and the units people read it in: (from this SI magnitude on, unit)."""

    unit: str
    noun: str
    read: tuple[tuple[float, str], ...]


KINDS = (
    Kind("1", "ratio", ((0.0, "1"),)),
    Kind("W", "power", ((0.0, "kW"), (1e7, "MW"))),
    Kind("VA", "apparent power", ((0.0, "kVA"), (1e7, "MVA"))),
    Kind("var", "reactive power", ((0.0, "kvar"), (1e7, "Mvar"))),
    Kind("V", "voltage", ((0.0, "V"), (1e3, "kV"))),
    Kind("A", "current", ((0.0, "A"), (1e4, "kA"))),
    Kind("ohm", "impedance", ((0.0, "mohm"), (1.0, "ohm"))),
    Kind("ohm/m", "impedance per length", ((0.0, "mohm/m"),)),
    Kind("S", "conductance", ((0.0, "S"),)),
    Kind("J", "energy", ((0.0, "kWh"), (3.6e9, "MWh"), (3.6e12, "GWh"))),
    Kind("K", "temperature", ((0.0, "degC"),)),
    Kind("delta_degC", "temperature difference", ((0.0, "K"),)),
    Kind("Pa", "pressure", ((0.0, "kPa"),)),
    Kind("m", "length", ((0.0, "m"),)),
    Kind("m2", "area", ((0.0, "m2"),)),
    Kind("m3", "volume", ((0.0, "L"), (1.0, "m3"))),
    Kind("m/s", "velocity", ((0.0, "m/s"),)),
    Kind("m3/s", "volume flow", ((0.0, "L/min"), (0.2, "m3/s"))),
    Kind("kg", "mass", ((0.0, "kg"), (1e4, "t"))),
    Kind("kg/s", "mass flow", ((0.0, "kg/s"),)),
    Kind("kg/m3", "density", ((0.0, "kg/m3"),)),
    Kind("s", "time", ((0.0, "s"), (7200.0, "h"), (2.6e7, "year"))),
    Kind("1/s", "frequency", ((0.0, "Hz"),)),
    Kind("rad", "angle", ((0.0, "deg"),)),
    Kind("rad/s", "rotational speed", ((0.0, "rpm"),)),
    Kind("W/s", "ramp of power", ((0.0, "kW/s"), (1e7, "MW/s"))),
    Kind("W/K", "heat capacity rate", ((0.0, "kW/K"),)),
    Kind("K/W", "thermal resistance", ((0.0, "K/kW"), (1e-3, "K/W"))),
    Kind("J/kg/K", "specific heat capacity", ((0.0, "kJ/kg/K"),)),
    Kind("J/kg", "specific enthalpy", ((0.0, "kJ/kg"),)),
    Kind("W/m/K", "thermal conductivity", ((0.0, "W/m/K"),)),
    Kind("Pa*s", "viscosity", ((0.0, "Pa*s"),)),
    Kind("Pa*s/m3", "pressure per flow", ((0.0, "Pa*s/m3"),)),
    Kind("Pa*s2/m6", "pressure per squared flow", ((0.0, "Pa*s2/m6"),)),
    Kind("1/K", "temperature coefficient", ((0.0, "1/K"),)),
    Kind("C", "electric charge", ((0.0, "C"),)),
    Kind("F", "capacitance", ((0.0, "F"),)),
    Kind("token", "number of tokens", ((0.0, "token"),)),
    Kind("token/s", "token rate", ((0.0, "token/s"),)),
    Kind("token/J", "tokens per energy", ((0.0, "token/J"),)),
    Kind("J/token", "energy per token", ((0.0, "J/token"),)),
    Kind("USD", "cost", ((0.0, "USD"), (1e4, "kUSD"), (1e7, "MUSD"))),
    Kind("USD/s", "cost rate", ((0.0, "USD/h"),)),
    Kind("USD/W", "cost per power", ((0.0, "USD/W"),)),
    Kind("USD/m3", "price of water", ((0.0, "USD/m3"),)),
    Kind("USD/J", "energy price", ((0.0, "USD/kWh"),)),
    Kind("USD/token", "cost per token", ((0.0, "USD/Mtoken"),)),
    Kind("kg/J", "carbon intensity", ((0.0, "kg/kWh"),)),
    Kind("byte", "amount of memory", ((0.0, "GB"),)),
    Kind("byte/s", "data rate", ((0.0, "GB/s"),)),
    Kind("flop", "amount of computation", ((0.0, "GFLOP"),)),
    Kind("flop/s", "computing rate", ((0.0, "TFLOP/s"), (1e15, "PFLOP/s"))),
)

LEVELS = ("degree_Celsius", "degree_Fahrenheit")
DIFFERENCES = ("delta_degree_Celsius", "delta_degree_Fahrenheit")

_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.DOTALL)
_FACTOR = r"[^\W\d]+|%|°[CF]?"
_POWER = r"\s*(?:\*\*|\^)\s*-?\d|-?\d"
_UNIT = re.compile(
    rf"(?:1\s*/)?[\s(]*(?:{_FACTOR})(?:{_POWER})?(?:[\s()*/]+(?:{_FACTOR})(?:{_POWER})?)*[\s)]*"
)
_PLAIN = str.maketrans({"²": "2", "³": "3", "·": "*", "−": "-"})
_PRINTED = str.maketrans({"2": "²", "3": "³"})


@cache
def registry() -> Any:
    """The private pint registry, made on first use; it is never the application registry.

    >>> registry().Quantity(1, "TR").to("kW").magnitude.__round__(3)
    3.517
    """
    import pint

    made = pint.UnitRegistry(None, on_redefinition="raise")
    made.load_definitions(DEFINITIONS.strip().splitlines())
    return made


@lru_cache(maxsize=4096)
def _parsed(unit: str) -> Any:
    """The pint unit of a text, with `degC` inside a product read as a difference."""
    plain = unit.translate(_PLAIN).strip()
    if plain in ("", "1"):
        return registry().Unit("")
    if not _UNIT.fullmatch(plain):
        raise UnitError(f"{unit!r} is not a unit")
    spelled = re.sub(rf"({_FACTOR})({_POWER})", lambda found: _raised(*found.groups()), plain)
    known = registry()
    try:
        return known.parse_units(spelled.replace("%", " percent "))
    except Exception as problem:  # pint reports a bad text by a dozen types, tokenizer errors among them
        missing = getattr(problem, "unit_names", None)
        name = missing if isinstance(missing, str) else (missing or (unit,))[0]
        raise UnitError(f"unknown unit {name!r}{suggestion(name, _names())}") from None


def _raised(name: str, power: str) -> str:
    """`m3`, `m^3` and `m**3` as pint wants them."""
    return f"{name}**{power.strip().lstrip('*^').strip()}"


@cache
def _names() -> tuple[str, ...]:
    """Unit texts to suggest when one is not known."""
    read = [text for kind in KINDS for _, text in kind.read if "/" not in text]
    return (
        *dict.fromkeys([*read, "W", "L", "mm", "ton_refrigeration", "tonne", "cfm", "gpm", "rpm", "degF"]),
    )


@cache
def _kinds() -> dict[Any, Kind]:
    """Kinds by dimension; a temperature difference shares the dimension of a temperature and is left out."""
    return {_parsed(kind.unit).dimensionality: kind for kind in KINDS if kind.unit != "delta_degC"}


def _kind(unit: str) -> Kind:
    """The kind a unit text belongs to, with a nameless one for dimensions no table knows."""
    parsed = _parsed(unit)
    if str(parsed) in DIFFERENCES:
        return next(kind for kind in KINDS if kind.unit == "delta_degC")
    return _kinds().get(parsed.dimensionality, Kind(unit, "quantity of another kind", ((0.0, unit),)))


@lru_cache(maxsize=4096)
def _conversion(unit: str, expected: str) -> tuple[float, float] | None:
    """Factor and offset from `unit` to SI, or None when it is not of the kind of `expected`."""
    given, wanted = _parsed(unit), _parsed(expected)
    if given.dimensionality != wanted.dimensionality:
        return None
    if str(wanted) in DIFFERENCES and str(given) in LEVELS:
        return None
    if str(given) in DIFFERENCES and str(wanted) in (*LEVELS, "kelvin"):
        return None
    quantity = registry().Quantity
    if str(given) in LEVELS:
        scale = quantity(1.0, f"delta_{given}").to_root_units().magnitude
        return float(scale), float(quantity(0.0, given).to_root_units().magnitude)
    return float(quantity(1.0, given).to_root_units().magnitude), 0.0


def si(quantity: object, unit: str) -> float:
    """The SI value of a text such as '132 kW' or of a pint Quantity of any registry.

    unit : any unit of the kind expected; `K` is a temperature and `delta_degC` a difference, `1` a ratio.
    A bare number is a value only where the kind is a ratio. Raises UnitError with the remedy.

    >>> si("132 kW", "W")
    132000.0
    >>> si("45 degC", "K"), si("10 K", "delta_degC"), si("85 %", "1")
    (318.15, 10.0, 0.85)
    >>> si("1.3 MV", "W")
    Traceback (most recent call last):
    twin.errors.UnitError: '1.3 MV' is a voltage [MV], expected a power [kW] such as '1.3 MW'
    """
    number, text = _split(quantity, unit)
    factors = _conversion(text, unit) if text or not _bare(unit) else (1.0, 0.0)
    if factors is None:
        raise UnitError(_mismatch(number, text, unit))
    value = float(number) * factors[0] + factors[1]
    if not math.isfinite(value):
        raise UnitError(f"{_written(quantity)!r} is not a finite number")
    return value


def quantity(value: Any, unit: str | None = None) -> Any:
    """A pint Quantity of the private registry, from a text, or from a number or numbers and their unit.

    >>> print(quantity("45 degC").to("K"), quantity([40, 80], "gpm").to("L/min").round(1))
    318.15 kelvin [151.4 302.8] liter / minute
    """
    if unit is None:
        if _is_quantity(value):
            value, unit = value.magnitude, format(value.units, "D")
        else:
            found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
            if found is None:
                raise UnitError(f"{_written(value)!r} is not a number with a unit such as '10 kW'")
            value, unit = float(found[1]), found[2]
    return registry().Quantity(value, _parsed(unit))


def magnitude(values: Any, unit: str) -> Any:
    """SI magnitudes of a Quantity of any registry, number or array, read by its unit as `si` reads a text.

    unit : as in `si`. A sequence is read item by item and gives an array; where the kind is a ratio, what has
    no unit is given back as it is. Unlike a text, a quantity may hold what is not finite: a kernel may.

    >>> magnitude(quantity([113.0, 122.0], "degF"), "K").round(6).tolist()
    [318.15, 323.15]
    """
    if _is_quantity(values):
        text = format(values.units, "D")
        factors = _conversion(text, unit)
        if factors is None:
            raise UnitError(_mismatch(_sample(values.magnitude), text, unit))
        return values.magnitude * factors[0] + factors[1]
    if isinstance(values, str):
        return si(values, unit)
    if isinstance(values, (list, tuple)) and not (_bare(unit) and all(map(_plain, values))):
        return np.array([magnitude(value, unit) for value in values])
    if _bare(unit):
        return values
    if isinstance(values, np.ndarray) and values.ndim:
        likely = _kind(unit).read[0][1]
        raise UnitError(f"{_written(values)!r} has no unit; give it one as in quantity(values, '{likely}')")
    return si(values[()] if isinstance(values, np.ndarray) else values, unit)


def _is_quantity(value: object) -> bool:
    """Whether this is a Quantity, of whatever registry."""
    return hasattr(value, "magnitude") and hasattr(value, "units")


def _plain(value: object) -> bool:
    """Whether a value has no unit to read."""
    return not (_is_quantity(value) or isinstance(value, (str, list, tuple)))


def _sample(values: Any) -> str:
    """A number, or the first of an array, to quote in a message."""
    flat = np.ravel(values)
    return repr(flat[0].item()) if flat.size else "[]"


@cache
def pattern(unit: str, least: float | None = None, above: float | None = None) -> str:
    """A regular expression, of Python and of editors, for the texts that are values of this kind.

    It holds every text that `si` reads and refuses a missing unit, a unit of one word of another kind, a
    sign below a least of 0 and a zero where the value lies above 0. Units made of several words and other
    bounds are for `si` itself: a pattern cannot do arithmetic.

    >>> [bool(re.search(pattern("W"), given)) for given in ("132 kW", "132", "132 kV", "2 kW*h/h")]
    [True, False, False, True]
    """
    prefixes, names, fixed = _words(unit)
    absolute = str(_parsed(unit)) in ("kelvin", *LEVELS)
    sign, some = "[+-]?", ""
    if not absolute and least is not None and least >= 0.0:
        sign = "(?:[+]?|-(?=[0.]+(?:[^0-9.]|$)))"  # -0 kW is 0 kW
    elif not absolute and above is not None and above >= 0.0:
        sign, some = "[+]?", "(?=[0-9.]*[1-9])"
    words = [f"(?:{'|'.join(prefixes)})?(?:{'|'.join(names)})s?"] if names else []
    words += [f"(?:{'|'.join(fixed)})"] if fixed else []
    several = r"(?![eE][+-]?\d)(?:1\s*/.*|[^\s\d.+-].*(?:\s+\S|[/*^()\d²³·]).*)"
    optional = "?" if _bare(unit) else ""
    number = rf"{sign}{some}(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
    return rf"^\s*{number}\s*(?:{'|'.join([*words, several])}){optional}\s*$"


def _words(unit: str) -> tuple[list[str], list[str], list[str]]:
    """Units of one word that measure the kind of `unit`: prefixes, names that take one, names that do not."""
    lines = [[part.strip() for part in line.split("=")] for line in DEFINITIONS.splitlines() if line]
    spelled = [name for line in lines for name in (line[0], *line[2:]) if name not in ("", "_")]
    prefixes = [name.rstrip("-") for name in spelled if name.endswith("-")]
    names = [name for name in spelled if not name.endswith("-") and _UNIT.fullmatch(name)]
    levels = [name for name in names if str(_parsed(name)) in LEVELS]
    fixed = [*levels, *(f"delta_{name}" for name in levels if name.isascii()), "percent", "%"]
    plain = [name for name in names if name not in fixed and _conversion(name, unit)]
    return prefixes, plain, [name for name in fixed if _conversion(name, unit)]


def _bare(unit: str) -> bool:
    """Whether a number without a unit is a value of this kind."""
    return bool(_parsed(unit).dimensionless)


def _split(quantity: object, unit: str) -> tuple[str, str]:
    """Number and unit text of a text, a Quantity or a bare number."""
    if _is_quantity(quantity):
        return repr(float(quantity.magnitude)), format(quantity.units, "D")
    if isinstance(quantity, bool) or not isinstance(quantity, (str, numbers.Real)):
        raise UnitError(f"{_written(quantity)!r} is not {_wanted(unit)}")
    written = str(quantity)
    if not isinstance(quantity, str) and not math.isfinite(quantity):
        raise UnitError(f"{written!r} is not a finite number")
    found = _NUMBER.fullmatch(written)
    if found is None or (found[2] and not _UNIT.fullmatch(found[2].translate(_PLAIN))):
        raise UnitError(f"{written!r} is not {_wanted(unit)}")
    number, text = found[1], found[2]
    if not text and not _bare(unit):
        raise UnitError(f"{written!r} has no unit; write it as '{number} {_likely(number, unit)}'")
    return number, text


def _likely(number: str, unit: str) -> str:
    """The unit that somebody who left it out most likely had in mind: 600 of a length are millimetres."""
    kind = _kind(unit)
    return "mm" if kind.unit == "m" and float(number) >= 100.0 else kind.read[0][1]


def _written(quantity: object) -> str:
    """What to quote of a value, cut where it would fill a page."""
    text = " ".join(str(quantity).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _wanted(unit: str) -> str:
    """What a value of this kind looks like, for a message."""
    return "a number" if _bare(unit) else f"a number with a unit such as '10 {_kind(unit).read[0][1]}'"


def noun(unit: str) -> str:
    """What a unit measures, in words.

    >>> noun("W"), noun("1")
    ('a power [kW]', 'a ratio')
    """
    kind = _kind(unit)
    return _article(kind.noun) + ("" if kind.unit == "1" else f" [{_printed(kind.read[0][1])}]")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _mismatch(number: str, text: str, unit: str) -> str:
    """The message for a value of the wrong kind, with the unit that keeps the prefix of the one given."""
    expected = _kind(unit)
    prefer = expected.read[0][1]
    parsed = _parsed(text)
    given = _kind(text)
    noun = "temperature" if str(parsed) in LEVELS else given.noun
    if text in ("C", "F") and expected.noun == "temperature":
        return f"'{number} {text}' is {_article(noun)} [{text}]; write a temperature as '{number} deg{text}'"
    prefix = next((found[0] for found in registry().parse_unit_name(text)), "") if text.isalpha() else ""
    symbol = {"mega": "M", "giga": "G", "kilo": "k", "milli": "m"}.get(prefix, "")
    suit = symbol + expected.unit if symbol and expected.unit.isalpha() and expected.unit != "K" else prefer
    example = number if expected.unit == "1" else f"{number} {suit}"
    return (
        f"'{number} {text}' is {_article(noun)} [{text}], expected {_article(expected.noun)} [{prefer}] "
        f"such as '{example}'"
    )


def shown(value: Any, unit: str) -> tuple[Any, str]:
    """A value in SI, or an array of them, in the unit people read, and that unit's text.

    unit : SI unit of the value; an array gets one unit, by its largest magnitude. `%` prints a ratio in
    per cent, `1` leaves it alone. A unit without a preference is passed through.

    >>> shown(139_500.0, "W"), shown(318.15, "K"), shown(0.57, "%")
    ((139.5, 'kW'), (45.0, '°C'), (57.0, '%'))
    """
    plain = unit.replace("**", "").replace("^", "")
    kind = next((kind for kind in KINDS if kind.unit == plain), None)
    if unit == "%":
        kind = Kind("1", "ratio", ((0.0, "%"),))
    elif kind is None or unit == "1":
        return value, _printed(unit)
    magnitude = np.abs(np.asarray(value, dtype=np.float64))
    finite = magnitude[np.isfinite(magnitude)]
    largest = float(finite.max()) if finite.size else 0.0
    read = [text for start, text in kind.read if largest >= start][-1]
    factors = _conversion(read, kind.unit)
    assert factors is not None, f"{read} does not measure {unit}"
    converted = (value - factors[1]) / factors[0]
    return (float(f"{converted:.13g}") if isinstance(converted, float) else converted), _printed(read)


def _printed(unit: str) -> str:
    """A unit as it is printed: °C, m³/s, mΩ; a ratio has none."""
    if unit == "1":
        return ""
    return (
        re.sub(r"(?<=[a-z])[23]", lambda found: found[0].translate(_PRINTED), unit)
        .replace("degC", "°C")
        .replace("ohm", "Ω")
    )


def text(value: float, unit: str, digits: int = 3) -> str:
    """A value in SI as people read it, with at least `digits` significant digits.

    >>> text(139_500.0, "W", 4), text(318.19, "K"), text(1_887e3, "W"), text(0.5714, "%")
    ('139.5 kW', '45.0 °C', '1,887 kW', '57.1 %')
    """
    number, name = shown(float(value), unit)
    if not math.isfinite(number):
        return f"{number} {name}".rstrip()
    size = int(f"{number:.{digits - 1}e}".partition("e")[2])
    return f"{number:,.{max(0, digits - 1 - size)}f} {name}".rstrip()
