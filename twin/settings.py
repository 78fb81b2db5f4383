"""Layout paths: what `site.dry_bulb` or `rows[row1].count` names in a document, and values put there.

A path without brackets names every row, device or block of its list; brackets pick one by name or number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twin.document import Path, read, written
from twin.errors import InputError, suggestion


class Unsettable(Exception):
    """A path that leads nowhere, or a value that cannot be read."""


@dataclass(frozen=True)
class Step:
    """One step of a layout path: a key, and which item of its list; None means every one."""

    name: str
    item: str | None = None


_STEP = r"([A-Za-z_][\w-]*)(?:\[([^\[\]]+)\])?"


def steps(path: str) -> list[Step]:
    """A layout path as steps; raises Unsettable.

    >>> steps("rows[row1].count")
    [Step(name='rows', item='row1'), Step(name='count', item=None)]
    """
    plain = _STEP.replace("(", "(?:").replace("(?:?:", "(?:")
    if not re.fullmatch(rf"{plain}(?:\.{plain})*", path):
        raise Unsettable("is not a layout path; write for example rows[row1].count")
    return [Step(name, item or None) for name, item in re.findall(_STEP, path)]


def plain(value: Any) -> Any:
    """A setting as the value a file would hold; raises Unsettable.

    >>> plain("8"), plain("32 degC"), plain("[rpp.A1, rpp.B1]")
    (8, '32 degC', ['rpp.A1', 'rpp.B1'])
    """
    if not isinstance(value, str):
        return value
    try:
        found = read(f"value: {value}", "set")
    except InputError as error:
        raise Unsettable(f"{value!r} cannot be read: {error.problems[0].message}") from None
    if found.problems:
        raise Unsettable(f"{value!r} cannot be read: {found.problems[0].message}")
    return found.value["value"]


def put(root: dict[str, Any], path: Sequence[Step], value: Any, at: Path = ()) -> list[Path]:
    """Put a value at every place of plain values that a path names, and list the places.

    Keys that are missing on the way are made: a form that does not know them says so. Raises Unsettable.

    >>> hall = {"rows": [{"name": "a"}, {"name": "b"}]}
    >>> put(hall, steps("rows[b].count"), 8), hall["rows"][1]
    ([('rows', 1, 'count')], {'name': 'b', 'count': 8})
    """
    step, rest = path[0], path[1:]
    place = (*at, step.name)
    if not isinstance(root, dict):
        raise Unsettable(f"{written(at)} has no keys of its own")
    if step.item is None and not rest:
        root[step.name] = value
        return [place]
    inner = root.setdefault(step.name, {})
    if not isinstance(inner, list):
        if step.item is not None:
            raise Unsettable(f"{written(place)} is not a list")
        return put(inner, rest, value, place)
    found: list[Path] = []
    for index in _items(inner, step, place):
        if rest:
            found += put(inner[index], rest, value, (*place, index))
        else:
            inner[index] = value
            found.append((*place, index))
    return found


def _items(listed: list[Any], step: Step, place: Path) -> list[int]:
    """Indices of the items of a list that a step names, by name or by number; all without brackets."""
    if step.item is None:
        return list(range(len(listed)))
    names = [item.get("name") if isinstance(item, dict) else None for item in listed]
    if step.item in names:
        return [names.index(step.item)]
    if step.item.isdecimal() and len(step.item) < 9 and int(step.item) < len(listed):
        return [int(step.item)]
    known = [name for name in names if isinstance(name, str)]
    held = f"it holds {', '.join(known)}" if known else f"it holds {len(listed)} items"
    raise Unsettable(f"{written(place)} has no item {step.item!r}{suggestion(step.item, known)} ({held})")
