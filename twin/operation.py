"""Everything that may differ between scenarios without rebuilding the facility.

`OPERATING` is the one table path -> field, unit, element axis, meaning: the layout path is the name of the
quantity for `--set`, for sweeps and for weather columns, the field is its place in `Operation`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Operating:
    """One row of the table: a field of `Operation`, its unit and range, the axis its elements lie on."""

    field: str
    unit: str
    element: str | None
    least: float
    most: float
    meaning: str
    whole: bool = False


OPERATING: dict[str, Operating] = {
    "site.dry_bulb": Operating("dry_bulb", "K", None, 213.15, 343.15, "outdoor dry-bulb temperature"),
    "site.wet_bulb": Operating(
        "wet_bulb", "K", None, 213.15, 343.15, "outdoor wet-bulb temperature; NaN for none known"
    ),
    "site.electricity_price": Operating(
        "electricity_price", "USD/J", None, -1e-6, 1e-6, "price of electricity"
    ),
    "workload.interactivity": Operating(
        "interactivity", "token/s", None, 1e-3, 1e6, "tokens/s each user sees"
    ),
    "workload.first_token": Operating(
        "first_token", "s", None, 1e-3, np.inf, "longest 99th percentile of the wait for the first token"
    ),
    "workload.edp_factor": Operating("edp_factor", "1", None, 1.0, 3.0, "peak over mean power of a rack"),
    "workload.rack_power": Operating(
        "rack_power",
        "W",
        "rack",
        1.0,
        1e7,
        "AC power every rack asks for (load bank); NaN for the workload's own",
    ),
    "workload.session.turns": Operating(
        "session_turns", "1", None, 1.0, 1e5, "requests of a session of agents"
    ),
    "workload.session.context": Operating(
        "session_context", "1", None, 1.0, 1e8, "tokens of prompt and history before a turn, a mean"
    ),
    "workload.session.new_tokens": Operating(
        "session_new_tokens", "1", None, 1.0, 1e5, "tokens of a turn that no cache can know"
    ),
    "workload.session.output": Operating("session_output", "1", None, 1.0, 1e5, "tokens written in a turn"),
    "workload.session.tool_time": Operating(
        "session_tool_time", "s", None, 0.0, 604800.0, "mean from an answer to the next turn"
    ),
    "workload.session.first_token": Operating(
        "session_first_token", "s", None, 1e-3, 3600.0, "longest mean wait for the first token of a turn"
    ),
    "rows.power_cap": Operating(
        "power_cap", "W", "rack", 0.0, np.inf, "operator's cap on the AC power of each rack"
    ),
    "rows.lost_phase": Operating(
        "lost_phase", "1", "rack", 0, 3, "phase that all whips of the rack have lost; 0 for none", whole=True
    ),
    "rows.support_load": Operating(
        "support_load", "W", "row", 0.0, 1e8, "air-cooled network and management load"
    ),
    "loop.supply_temperature": Operating(
        "supply_temperature", "K", "block", 273.15, 353.15, "set-point at the racks' inlet"
    ),
    "loop.fouling": Operating(
        "fouling", "1", "block", 0.0, 10.0, "resistance of the CDUs' dirt over their clean resistance"
    ),
    "loop.clogging": Operating(
        "clogging",
        "1",
        "block",
        0.0,
        20.0,
        "pressure drop of the CDUs' clogged filters beyond that of clean ones",
    ),
    "loop.plate_fouling": Operating(
        "plate_fouling", "K/W", "block", 0.0, 0.1, "resistance of the deposits on every cold plate"
    ),
    "plant.recirculation": Operating(
        "recirculation", "delta_degC", "plant", 0.0, 30.0, "air into the dry coolers above the outdoor air"
    ),
    "air.dew_point": Operating(
        "dew_point", "K", "block", 233.15, 333.15, "dew point of the hall's air; NaN for none known"
    ),
    "air.supply_temperature": Operating(
        "air_temperature", "K", "block", 273.15, 333.15, "set-point of the fan walls"
    ),
    "air.failed_fans": Operating(
        "failed_fans", "1", "block", 0.0, 0.99, "share of the fan walls' fans that stand still"
    ),
    "utility.cap": Operating(
        "utility_cap", "W", None, 0.0, np.inf, "active power the utility lets the site draw"
    ),
}

SESSION = tuple(row.field for path, row in OPERATING.items() if path.startswith("workload.session."))
"""Fields of a session of agents; NaN where the workload tells none."""


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
    wet_bulb: Any = None
    electricity_price: Any = None
    interactivity: Any = None
    first_token: Any = None
    edp_factor: Any = None
    rack_power: Any = None
    session_turns: Any = None
    session_context: Any = None
    session_new_tokens: Any = None
    session_output: Any = None
    session_tool_time: Any = None
    session_first_token: Any = None
    power_cap: Any = None
    lost_phase: Any = None
    support_load: Any = None
    supply_temperature: Any = None
    fouling: Any = None
    clogging: Any = None
    plate_fouling: Any = None
    recirculation: Any = None
    dew_point: Any = None
    air_temperature: Any = None
    failed_fans: Any = None
    utility_cap: Any = None
    out: Any = None

    @property
    def scenarios(self) -> int:
        """Number of scenarios the fields span together."""
        count = 1
        for item in fields(self):
            size = _span(item.name, getattr(self, item.name))
            if size != 1 and count not in (1, size):
                raise ValueError(f"Operation.{item.name} spans {size} scenarios where others span {count}")
            count = max(count, size)
        return count

    def chunk(self, start: int, stop: int) -> Operation:
        """The scenarios start..stop of a resolved operation (every field (scenario or 1, ...))."""
        cut = {
            item.name: value[start:stop] if len(value := getattr(self, item.name)) > 1 else value
            for item in fields(self)
        }
        return Operation(**cut)


def _span(field: str, value: Any) -> int:
    """Scenarios that one field spans."""
    if field == "out":
        return len(value) if _is_batch(value) else 1
    shape = np.shape(value)
    return shape[0] if value is not None and shape else 1


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
    rows: Iterable[Any] = out if _is_batch(out) else [out]
    place = {name: index for index, name in enumerate(devices)}
    listed = [[_index(item, place) for item in _items(row)] for row in rows]
    width = max([1, *map(len, listed)])
    return np.array([row + [-1] * (width - len(row)) for row in listed], dtype=np.int64)


def _items(row: Any) -> list[Any]:
    """The devices of one scenario: one name or index, several, or none."""
    if row is None:
        return []
    return [row] if isinstance(row, (str, int, np.integer)) else list(row)


def _index(item: Any, place: Mapping[str, int]) -> int:
    if isinstance(item, str):
        if item in place:
            return place[item]
        near = difflib.get_close_matches(item, place, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"Operation.out: no device {item!r}{hint}")
    if not -1 <= int(item) < len(place):
        raise ValueError(f"Operation.out: no device {item}; indices run from 0 to {len(place) - 1}")
    return int(item)


def resolve(
    operation: Operation | None, base: Operation, devices: Sequence[str], elements: Mapping[str, int]
) -> Operation:
    """Every field as an array (scenario or 1,) or (scenario or 1, element), None taken from `base`.

    Raises ValueError naming the field when its shape is wrong or a value lies outside the table's range.
    """
    operation = operation or Operation()
    count = operation.scenarios
    found: dict[str, Any] = {}
    for row in OPERATING.values():
        value = getattr(operation, row.field)
        value = getattr(base, row.field) if value is None else value
        array = np.asarray(value, dtype=np.float64)
        if row.element is None:
            array = np.atleast_1d(array)
            good, wanted = array.ndim == 1, "(scenario,)"
        else:
            array = array.reshape(-1, 1) if array.ndim <= 1 else array
            size = elements[row.element]
            good = array.ndim == 2 and array.shape[1] in (1, size)
            wanted = f"(scenario, {row.element}={size})"
        if not good or array.shape[0] not in (1, count):
            shape = np.shape(value)
            raise ValueError(f"Operation.{row.field} has shape {shape}, expected a number or {wanted}")
        inside = (array >= row.least) & (array <= row.most)
        without = row.field in SESSION and bool(np.isnan(getattr(base, row.field)).any())
        if without and np.isfinite(array).any():
            raise ValueError(f"Operation.{row.field}: the workload of the layout has no session")
        if row.field == "first_token" and np.isfinite(array).any() and np.isfinite(base.session_turns).any():
            raise ValueError(
                "Operation.first_token: the workload has a session; session_first_token is its own"
            )
        if without or row.field in ("rack_power", "wet_bulb", "dew_point"):
            inside |= np.isnan(array)
        if not inside.all():
            worst = array[~inside].flat[0]
            limits = f"{row.least:g} to {row.most:g} {row.unit}"
            raise ValueError(
                f"Operation.{row.field}: {worst:g} {row.unit} is outside {limits} ({row.meaning})"
            )
        if row.whole and (broken := array != np.round(array)).any():
            raise ValueError(
                f"Operation.{row.field}: {array[broken].flat[0]:g} is not a whole number ({row.meaning})"
            )
        found[row.field] = array
    return replace(Operation(**found), out=outages(operation.out, devices))
