"""Everything that may differ between scenarios without rebuilding the facility.

`OPERATING` is the one table path -> field, unit, element axis, meaning: the layout path is the name of the
quantity for `--set`, for sweeps and for weather columns, the field is its place in `Operation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Operating:
    """One row of the table: a field of `Operation`, its unit and the axis its elements lie on."""

    field: str
    unit: str
    element: str | None
    meaning: str


OPERATING: dict[str, Operating] = {
    "site.dry_bulb": Operating("dry_bulb", "K", None, "outdoor dry-bulb temperature"),
    "site.electricity_price": Operating("electricity_price", "USD/J", None, "price of electricity"),
    "workload.interactivity": Operating("interactivity", "token/s", None, "tokens/s each user sees"),
    "workload.edp_factor": Operating("edp_factor", "1", None, "peak over mean power of a rack"),
    "workload.rack_power": Operating("rack_power", "W", "rack", "AC power every rack asks for (load bank)"),
    "rows.power_cap": Operating("power_cap", "W", "rack", "operator's cap on the AC power of each rack"),
    "rows.support_load": Operating("support_load", "W", "row", "air-cooled network and management load"),
    "loop.supply_temperature": Operating("supply_temperature", "K", "block", "set-point at the racks' inlet"),
    "air.supply_temperature": Operating("air_temperature", "K", "block", "set-point of the fan walls"),
    "utility.cap": Operating("utility_cap", "W", None, "active power the utility lets the site draw"),
}


@dataclass(frozen=True)
class Operation:
    """What a scenario changes. Each field is None (as in the layout), a number, (scenario,) or
    (scenario, element); a constant per element is (1, element). SI units, kelvin.

    `out` holds device indices (scenario, order) padded with -1, or device names: one name, a list of
    names for one scenario, or a list of such lists, one per scenario.

    >>> Operation(dry_bulb=np.array([293.15, 303.15])).scenarios
    2
    """

    dry_bulb: Any = None
    electricity_price: Any = None
    interactivity: Any = None
    edp_factor: Any = None
    rack_power: Any = None
    power_cap: Any = None
    support_load: Any = None
    supply_temperature: Any = None
    air_temperature: Any = None
    utility_cap: Any = None
    out: Any = None

    @property
    def scenarios(self) -> int:
        """Number of scenarios the fields span together."""
        count = 1
        for item in fields(self):
            value = getattr(self, item.name)
            size = len(value) if item.name == "out" and _is_batch(value) else np.shape(value)[:1] or (1,)
            size = size if isinstance(size, int) else size[0]
            if value is None or size == 1 or (item.name == "out" and not _is_batch(value)):
                continue
            if count not in (1, size):
                raise ValueError(f"Operation.{item.name} spans {size} scenarios where others span {count}")
            count = size
        return count

    def chunk(self, start: int, stop: int) -> Operation:
        """The scenarios start..stop of a resolved operation (every field (scenario or 1, ...))."""
        cut = {
            item.name: value[start:stop] if len(value := getattr(self, item.name)) > 1 else value
            for item in fields(self)
        }
        return Operation(**cut)


def _is_batch(out: Any) -> bool:
    """Whether `out` lists several scenarios: an index array of two dimensions or a list of lists."""
    if out is None or isinstance(out, str):
        return False
    if isinstance(out, np.ndarray):
        return out.ndim == 2
    return any(item is None or not isinstance(item, (str, int, np.integer)) for item in out)


def outages(out: Any, devices: Sequence[str]) -> npt.NDArray[np.int64]:
    """Device indices (scenario, order), padded with -1, from names or indices.

    >>> outages([["b"], [], ["a", "b"]], ["a", "b"]).tolist()
    [[1, -1], [-1, -1], [0, 1]]
    """
    if out is None:
        return np.full((1, 1), -1)
    if isinstance(out, np.ndarray) and out.ndim == 2:
        if out.size and (out.max() >= len(devices) or out.min() < -1):
            raise ValueError(f"Operation.out: device indices run from 0 to {len(devices) - 1}")
        return out.astype(np.int64)
    rows: Iterable[Any] = out if _is_batch(out) else [[out] if isinstance(out, str) else out]
    place = {name: index for index, name in enumerate(devices)}
    listed = []
    for row in rows:
        names = [row] if isinstance(row, str) else list(row or [])
        for name in names:
            if isinstance(name, str) and name not in place:
                import difflib

                near = difflib.get_close_matches(name, place, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"Operation.out: no device {name!r}{hint}")
        listed.append([place[name] if isinstance(name, str) else int(name) for name in names])
    width = max([1, *map(len, listed)])
    return np.array([row + [-1] * (width - len(row)) for row in listed], dtype=np.int64)


def resolve(
    operation: Operation | None, base: Operation, devices: Sequence[str], elements: dict[str, int]
) -> Operation:
    """Every field as an array (scenario or 1,) or (scenario or 1, element), None taken from `base`.

    Raises ValueError when a field has the wrong shape or is not finite.
    """
    operation = operation or Operation()
    axis = {row.field: row.element for row in OPERATING.values()}
    count = operation.scenarios
    found: dict[str, Any] = {}
    for item in fields(operation):
        if item.name == "out":
            continue
        value = getattr(operation, item.name)
        value = getattr(base, item.name) if value is None else value
        array = np.asarray(value, dtype=np.float64)
        element = axis[item.name]
        if element is None:
            array = array.reshape(-1) if array.ndim <= 1 else array
            good = array.ndim == 1
        else:
            array = array.reshape(-1, 1) if array.ndim <= 1 else array
            good = array.ndim == 2 and array.shape[1] in (1, elements[element])
        if not good or array.shape[0] not in (1, count):
            wanted = "(scenario,)" if element is None else f"(scenario, {element}={elements[element]})"
            raise ValueError(
                f"Operation.{item.name} has shape {np.shape(value)}, expected a number or {wanted}"
            )
        if item.name not in ("utility_cap", "power_cap", "rack_power") and not np.isfinite(array).all():
            raise ValueError(f"Operation.{item.name} is not finite")
        found[item.name] = array
    return replace(Operation(**found), out=outages(operation.out, devices))
