"""Every public kernel of geometry, thermal and electrical with units: quantities in, quantities out.

`thermal`, `electrical` and `geometry` of this module mirror the packages, module by module, because a flat list
would hold two `resistance`, two `loss` and three `density`. An argument is a text, a pint Quantity of any registry,
or an array in one; a bare number stands only where the kernel's annotation has no unit. Results are Quantities of
the unit in the annotation, ratios and counts plain numbers. Nothing is built, and pint not imported, before it is
asked for.

>>> from twin.aware import quantity, thermal
>>> print(thermal.coldplate.case_temperature("45 degC", "1.4 kW", "1.7 L/min").to("degC").round(1))
74.6 degree_Celsius
>>> print(thermal.exchanger.rated_conductance("2 W", "303 K", "300 K", "1 W/K", quantity(1, "W/K")).round(6))
2.0 watt / kelvin
>>> print(thermal.fluid.PG25.density(quantity([25, 45], "degC")).round(1))
[1017.8 1007.7] kilogram / meter ** 3
>>> thermal.exchanger.counterflow(5, "1 kW/K", "1 kW/K")
Traceback (most recent call last):
twin.errors.UnitError: counterflow: conductance: '5' has no unit; write it as '5 kW/K'
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, wraps
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

from twin.errors import UnitError
from twin.units import magnitude, quantity

__all__ = ["Aware", "aware", "electrical", "geometry", "quantity", "thermal"]  # noqa: F822, three made on demand

PACKAGES = ("geometry", "thermal", "electrical")


@dataclass(frozen=True, eq=False)
class Aware:
    """A dataclass of a physics package seen with units: the same fields and methods, in quantities.

    plain : what it shows, in SI. The kernels here make and take it; an own `Fluid` gets units by
    `thermal.fluid.Fluid(plain)`.
    """

    plain: Any


def aware(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel with units: reads each argument to the unit its annotation names, gives the result one.

    kernel : a function whose annotations are like `Annotated[Array, "K"]`, `K` a temperature and `delta_degC`
    a difference, or tuples and dataclasses of such. A UnitError names kernel and argument.

    >>> from typing import Annotated
    >>> def dose(power: Annotated[float, "W"], time: Annotated[float, "s"]) -> Annotated[float, "J"]:
    ...     return power * time
    >>> print(aware(dose)("2 kW", time="3 h").to("kWh"))
    6.0 kilowatt_hour
    """
    signature = inspect.signature(kernel)
    hints = get_type_hints(kernel, include_extras=True)
    name = kernel.__qualname__

    @wraps(kernel)
    def with_units(*args: Any, **options: Any) -> Any:
        try:
            bound = signature.bind(*args, **options)
        except TypeError as problem:
            raise TypeError(f"{name}: {problem}") from None
        for argument, value in bound.arguments.items():
            bound.arguments[argument] = _read(value, hints.get(argument), f"{name}: {argument}")
        return _shown(kernel(*bound.args, **bound.kwargs), hints.get("return"))

    # The examples of the kernel are bare numbers, which are refused here.
    with_units.__doc__ = inspect.cleandoc(kernel.__doc__ or "").partition(">>>")[0].strip()
    return with_units


def _read(value: Any, hint: Any, place: str) -> Any:
    """An argument as the kernel takes it: SI magnitudes where the hint names a unit."""
    if value is None and type(None) in get_args(hint):
        return None
    hint = _required(hint)
    unit = _unit(hint)
    if unit is not None:
        try:
            return magnitude(value, unit)
        except UnitError as problem:
            raise UnitError(f"{place}: {problem}") from None
    if get_origin(hint) is tuple:
        parts = _parts(hint, value, place)
        return tuple(_read(part, one, f"{place}[{i}]") for i, (part, one) in enumerate(parts))
    if isinstance(value, Aware):
        value = value.plain
    if is_dataclass(hint) and not isinstance(value, hint):
        raise UnitError(f"{place}: {value!r} is not a {hint.__name__}")
    if hasattr(value, "magnitude") and hasattr(value, "units"):
        raise UnitError(f"{place}: '{value}' is a quantity, expected a value without a unit")
    return value


def _parts(hint: Any, value: Any, place: str) -> list[tuple[Any, Any]]:
    """The parts of a tuple, each with its hint."""
    hints = get_args(hint)
    if not isinstance(value, (tuple, list)):
        raise UnitError(f"{place}: {value!r} is not a tuple")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        raise UnitError(f"{place}: has {len(value)} values, expected {len(hints)}")
    return list(zip(value, hints, strict=True))


def _shown(value: Any, hint: Any) -> Any:
    """A result of a kernel, or a field of one, with the unit that the hint names."""
    hint = _required(hint)
    unit = _unit(hint)
    if value is None or unit == "1":
        return value
    if unit is not None:
        return quantity(value, unit)
    if get_origin(hint) is tuple:
        return tuple(_shown(part, one) for part, one in _parts(hint, value, "result"))
    return _seen(type(value))(value) if is_dataclass(hint) else value


def _required(hint: Any) -> Any:
    """The hint without its `| None`."""
    members = [member for member in get_args(hint) if member is not type(None)]
    return members[0] if len(members) == 1 and type(None) in get_args(hint) else hint


def _unit(hint: Any) -> str | None:
    """The unit text in a hint."""
    texts = [text for text in getattr(hint, "__metadata__", ()) if isinstance(text, str)]
    return texts[0] if texts else None


@cache
def _seen(plain: type) -> type[Aware]:
    """The like-named class with units of a dataclass."""
    hints = get_type_hints(plain, include_extras=True)
    shown: dict[str, Any] = {"__doc__": plain.__doc__, "__module__": f"{__name__}.{plain.__module__}"}
    for field in fields(plain):
        shown[field.name] = property(_field(field.name, hints[field.name]))
    for name, member in vars(plain).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            shown[name] = aware(member)
    return dataclass(frozen=True, eq=False)(type(plain.__name__, (Aware,), shown))


def _field(name: str, hint: Any) -> Callable[[Aware], Any]:
    """How a field is read off."""
    return lambda self: _shown(getattr(self.plain, name), hint)


def _module(name: str) -> ModuleType:
    """The like-named module with units: its functions, dataclasses and values of these."""
    source = importlib.import_module(name)
    made = ModuleType(f"{__name__}.{name}", source.__doc__)
    for key, member in vars(source).items():
        if key.startswith("_"):
            continue
        if inspect.isfunction(member) and member.__module__ == name:
            setattr(made, key, aware(member))
        elif isinstance(member, type) and is_dataclass(member) and member.__module__ == name:
            setattr(made, key, _seen(member))
        elif is_dataclass(member) and type(member).__module__ == name:
            setattr(made, key, _seen(type(member))(member))
    return made


def __getattr__(name: str) -> Any:
    if name not in PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    source = importlib.import_module(name)
    made = ModuleType(f"{__name__}.{name}", source.__doc__)
    for found in pkgutil.iter_modules(source.__path__):
        if found.name != "quantities" and not found.name.startswith("_"):
            setattr(made, found.name, _module(f"{name}.{found.name}"))
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return __all__
