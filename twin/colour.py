"""What can colour the racks of a hall, and the ends of its colour bar: the same on the page and in the viewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.state import VARIABLES
from twin.units import shown

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

COLOURED = {
    "power": "W",
    "case_temperature": "K",
    "return_temperature": "K",
    "air_inlet_temperature": "K",
    "tokens": "token/s",
    "coolant_flow": "m3/s",
}
"""What people colour the racks by, with the unit it is read from."""
TITLES = {
    "power": "Rack power",
    "case_temperature": "GPU case temperature",
    "worst_case_temperature": "GPU case temperature, worst plate",
    "cpu_case_temperature": "CPU case temperature",
    "switch_case_temperature": "Switch chip case temperature",
    "return_temperature": "Coolant return temperature",
    "air_inlet_temperature": "Air inlet temperature",
    "tokens": "Output tokens",
    "coolant_flow": "Coolant flow",
}
SPAN = {"K": 0.5}
"""Least span of a colour bar by unit, in the unit it is read in; else SMALLEST of the magnitude. Differences
below it are not worth a colour."""
SMALLEST = 0.01
FIRST = ("case_temperature", "air_inlet_temperature", "power")
"""What the racks are coloured by at first: air-cooled ones have no case temperature."""
GOOD = ("tokens", "coolant_flow", "feed_voltage")
"""Of what more is better: the worst rack has the least."""


@dataclass(frozen=True)
class Scale:
    """One variable of the racks in the unit people read, and the ends of its colour bar."""

    name: str
    title: str
    unit: str
    values: Array
    """(rack,), NaN for no value."""
    least: float
    most: float
    level: bool
    """Whether all values lie within what is worth a colour."""
    decimals: int
    """That tell values from the ends of the bar, and no more than their uncertainty carries."""


def rack_variables() -> list[str]:
    """Variables that can colour the racks: one number for each rack, no code.

    >>> "case_temperature" in rack_variables(), "binding" in rack_variables()
    (True, False)
    """
    return [
        name
        for name, row in VARIABLES.items()
        if row.dims == ("scenario", "rack") and not row.flags and name != "binding_device"
    ]


def at_first(arrays: Mapping[str, Any]) -> str:
    """What colours the racks where nobody asked for anything: the first of FIRST that has a value.

    >>> at_first({"case_temperature": [np.nan], "air_inlet_temperature": [297.0], "power": [4e4]})
    'air_inlet_temperature'
    """
    return next((name for name in FIRST if np.isfinite(np.asarray(arrays[name])).any()), FIRST[0])


UNSURE = {"air_inlet_temperature": "air_inlet_uncertainty"}
"""Variables of which another tells the uncertainty."""


def scale(name: str, values: Array, uncertainty: Array | None = None) -> Scale:
    """The scale of a variable of `rack_variables`; values : (rack,) in SI; uncertainty : (rack,) [K], NaN for none.

    >>> made = scale("case_temperature", np.array([341.15, 341.25]))
    >>> made.unit, round(made.least, 2), round(made.most, 2), made.level, made.decimals
    ('°C', 67.8, 68.3, True, 2)
    >>> scale("air_inlet_temperature", np.array([297.15, 298.4]), np.array([0.04, 0.2])).decimals
    1
    """
    unit = COLOURED.get(name, VARIABLES[name].unit)
    read, printed = shown(np.asarray(values, dtype=np.float64), unit)
    finite = read[np.isfinite(read)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    short = SPAN.get(unit, SMALLEST * max(abs(least), abs(most), 1e-9)) - (most - least)
    if short > 0:
        least, most = least - short / 2, most + short / 2
    meaning = VARIABLES[name].meaning
    title = TITLES.get(name, meaning[:1].upper() + meaning[1:])
    decimals = max(0, 1 - _magnitude((most - least) / 4))
    sure = np.zeros(0) if uncertainty is None else np.asarray(uncertainty)
    sure = sure[sure > 0.0]
    if sure.size:
        decimals = min(decimals, max(0, -_magnitude(float(sure.max()))) if np.isfinite(sure).all() else 0)
    return Scale(name, title, printed, read, least, most, bool(finite.size) and short > 0, decimals)


def scale_of(name: str, arrays: Mapping[str, Any]) -> Scale:
    """The scale of a variable of one scenario of a state, with what the state tells of its uncertainty."""
    unsure = UNSURE.get(name, "")
    return scale(name, np.asarray(arrays[name]), np.asarray(arrays[unsure]) if unsure in arrays else None)


def _magnitude(value: float) -> int:
    """Of its first digit, as a power of ten."""
    return int(np.floor(np.log10(value)))


def worst(found: Scale, count: int) -> Index:
    """The so many worst racks of a scale that have a value, the worst first; one where all are alike.

    >>> worst(scale("tokens", np.array([3e3, 1e3, np.nan, 2e3])), 2).tolist()
    [1, 3]
    """
    badness = -found.values if found.name in GOOD else found.values
    order = np.argsort(np.where(np.isfinite(badness), -badness, np.inf), kind="stable")
    known = int(np.isfinite(badness).sum())
    return order[: min(known, 1 if found.level else count)]
