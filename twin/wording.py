"""How values and names read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from twin.units import shown

NO_VALUE = "no value"


def readable(value: float, unit: str, digits: int = 4) -> str:
    """A value in SI as people read it, rounded to `digits` significant digits; temperatures to a tenth,
    times below a second in milliseconds.

    unit : as for `twin.units.shown`; `delta_degC` is a temperature difference.

    >>> readable(2_512_340.0, "W"), readable(318.15, "K"), readable(1_234_567.0, "token/s", 3)
    ('2,512 kW', '45.0 °C', '1,230,000 token/s')
    >>> readable(float("nan"), "W")
    'no value'
    """
    if not math.isfinite(value):
        return NO_VALUE
    number, name = (1e3 * value, "ms") if unit == "s" and abs(value) < 1.0 else shown(float(value), unit)
    if unit in ("K", "delta_degC"):
        return f"{number:,.1f} {name}".replace("-0.0 ", "0.0 ")
    rounded = float(f"{number:.{digits}g}")
    size = math.floor(math.log10(abs(rounded))) if rounded else digits
    return f"{rounded:,.{max(0, digits - 1 - size)}f} {name}".rstrip()


def given(value: float, unit: str) -> str:
    """A value of the input in SI as people read it, without digits that were not written.

    >>> given(0.08 / 3.6e6, "USD/J"), given(148e3, "W"), given(318.15, "K")
    ('0.08 USD/kWh', '148 kW', '45 °C')
    """
    number, name = shown(float(value), unit)
    return f"{number:,.6g} {name}".rstrip()


def few(names: Sequence[str], most: int = 5) -> str:
    """Names in a line, the first of them where there are many.

    >>> few(["a", "b", "c"], 2)
    'a and 2 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
