"""Products: one YAML file each, every figure with its unit, its source and how far to trust it.

What a kind tells is in `twin.catalogue.kinds`. A new product is a new file `twin/catalogue/<kind>/<product>.yaml`, or
`<folder>/<kind>/<product>.yaml` in a folder that the environment variable TWIN_CATALOGUE lists. A file with
`base: other-product` says only what differs from that one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.catalogue.kinds import GROUPS, KINDS, Slot
from twin.document import Document, read
from twin.errors import InputError, Problem, UnitError, UnknownName, suggestion
from twin.units import si

Value = float | str | npt.NDArray[np.float64]

STATUS = ("datasheet", "published", "reported", "assumed", "calibrated")
"""From the maker's sheet; from a paper, standard or code; quoted by a third party; our assumption; fitted."""
UNREAD = "(unverified)"
"""Mark of a source that is named from memory: what it gives counts as assumed until it was read there."""


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure of a product: its value in SI, as written, its unit(s) in SI, its source and status."""

    value: Value
    text: str
    unit: str
    source: str
    status: str


@dataclass(frozen=True, eq=False)
class Product:
    """One entry of the catalogue; `product["maxPowerDcTdp"]` is the SI value of a figure.

    A number is a float, a curve an array (point, 2) with x ascending, a word a string.
    """

    name: str
    kind: str
    description: str
    figures: dict[str, Figure] = field(repr=False)

    def __getitem__(self, figure: str) -> Any:
        if figure not in self.figures:
            raise UnknownName(figure, f"figure of {self.name}", self.figures)
        return self.figures[figure].value

    def get(self, figure: str, default: Any = None) -> Any:
        """The SI value of a figure that the product may lack."""
        return self.figures[figure].value if figure in self.figures else default


def _folders() -> tuple[str, ...]:
    """The folder of the package, then those that TWIN_CATALOGUE lists."""
    extra = os.environ.get("TWIN_CATALOGUE", "").split(os.pathsep)
    return (os.path.dirname(__file__), *(os.path.abspath(folder) for folder in extra if folder))


@cache
def _files(folders: tuple[str, ...]) -> dict[str, Path]:
    """The file of every product in some folders; raises InputError for folders or names that clash."""
    found: dict[str, Path] = {}
    problems = []
    for folder in dict.fromkeys(folders):
        if not os.path.isdir(folder):
            problems.append(Problem("TWIN_CATALOGUE", None, None, "", f"there is no folder {folder!r}"))
        for file in sorted(Path(folder).glob("*/*.yaml")):
            kind = file.parent.name
            if kind not in KINDS:
                message = f"there is no kind of product {kind!r}{suggestion(kind, KINDS)}"
                problems.append(Problem(str(file), None, None, "", message))
            elif file.stem in found:
                message = (
                    f"{file.stem!r} is the name of a product in {str(found[file.stem])!r}; rename this one"
                )
                problems.append(Problem(str(file), None, None, "", message))
            else:
                found[file.stem] = file
    if problems:
        raise InputError(problems)
    return found


def products(kind: str | None = None) -> list[str]:
    """Names of the products of a kind, or of all.

    >>> "gb300-nvl72" in products("rack")
    True
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName(kind, "kind of product", KINDS)
    return list(_names(kind, _folders()))


@cache
def _names(kind: str | None, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the products of a kind, or of all, in some folders."""
    found = _files(folders)
    return tuple(sorted(name for name, file in found.items() if kind in (None, file.parent.name)))


def kind_of(name: str) -> str | None:
    """The kind of a product, or None when the catalogue does not hold it."""
    file = _files(_folders()).get(name)
    return file.parent.name if file else None


def product(name: str, kind: str | None = None) -> Product:
    """A product of the catalogue by its name; only its own file and those it builds on are read, once.

    Raises UnknownName, with the nearest name there is, when no product (of that kind) is called so.

    >>> product("gb300-nvl72")["maxPowerDcTdp"]
    136000.0
    """
    folders = _folders()
    file = _files(folders).get(name)
    if file is None or kind not in (None, file.parent.name):
        raise UnknownName(name, f"{kind or 'product'} in the catalogue", products(kind))
    return _read(name, folders)


@cache
def _read(name: str, folders: tuple[str, ...], heirs: tuple[str, ...] = ()) -> Product:
    """A product from its file. heirs : the products that build on it, the first of all at the front."""
    file = _files(folders)[name]
    shown = f"{file.parent.name}/{file.name}" if str(file.parent.parent) == folders[0] else str(file)
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError([Problem(shown, None, None, "", "is not text in UTF-8")]) from None
    except OSError as error:
        raise InputError([Problem(shown, None, None, "", f"cannot be read: {error.strerror}")]) from None
    return _product(read(text, shown), name, file.parent.name, folders, heirs)


def _product(
    document: Document, name: str, kind: str, folders: tuple[str, ...] = (), heirs: tuple[str, ...] = ()
) -> Product:
    """A product from its document; raises InputError with everything wrong in it."""
    value, problems = document.value, list(document.problems)
    for key in sorted({"kind", "name", "description", "figures"} ^ set(value) - {"base"}):
        problems.append(
            document.problem((key,), "is missing" if key not in value else "is not known", key=True)
        )
    for key, expected in (("kind", kind), ("name", name)):
        if value.get(key) != expected:
            problems.append(document.problem((key,), f"is {value.get(key)!r}, expected {expected!r}"))
    if not isinstance(value.get("description", ""), str):
        problems.append(document.problem(("description",), "is not text"))
    written = value.get("figures")
    if not isinstance(written, dict | None):
        problems.append(document.problem(("figures",), "expected figures by their names"))
        written = None
    written = written or {}
    figures: dict[str, Figure] = {}
    if "base" in value:
        try:
            figures |= _base(document, kind, folders, (*heirs, name)).figures
        except InputError as error:
            raise InputError([*problems, *error.problems]) from None
    slots = KINDS[kind]
    problems += [
        document.problem(("figures",), message, key=True)
        for message in _lacking(slots, dict.fromkeys((*figures, *written)))
    ]
    for figure, entry in written.items():
        path = ("figures", figure)
        if figure not in slots:
            message = f"a {kind} has no figure {figure!r}{suggestion(figure, slots)}"
            problems.append(document.problem(path, message, key=True))
            continue
        faults = list(_faults(entry))
        try:
            if not faults:
                figures[figure] = _figure(entry, slots[figure])
        except UnitError as error:
            faults.append(("value", str(error)))
        problems += [document.problem((*path, part), message) for part, message in faults]
    told = (*_uncounted(slots, figures), *_undivided(slots, figures))
    problems += [document.problem(("figures", part), message) for part, message in told]
    if problems:
        raise InputError(problems)
    return Product(name, kind, value["description"], figures)


def _base(document: Document, kind: str, folders: tuple[str, ...], heirs: tuple[str, ...]) -> Product:
    """The product that a document builds on; raises InputError when it cannot."""
    base = document.value["base"]
    known = _files(folders) if folders else {}
    same = [name for name, file in known.items() if file.parent.name == kind]
    if not isinstance(base, str) or base not in known:
        message = f"there is no {kind} {base!r}{suggestion(base, same)}"
    elif base not in same:
        message = f"{base!r} is a {known[base].parent.name}, expected a {kind}"
    elif base in heirs:
        message = f"runs in a circle: {' builds on '.join((*heirs, base))}"
    else:
        return _read(base, folders, heirs)
    raise InputError([document.problem(("base",), message)])


def _lacking(slots: dict[str, Slot], given: Iterable[str]) -> Iterator[str]:
    """What the figures of a product lack, one message for each figure and one for each group."""
    given = set(given)
    begun = {slots[figure].group for figure in given & set(slots)}
    apart: dict[str, list[str]] = {}
    for figure, slot in slots.items():
        if not slot.required or figure in given:
            continue
        if not slot.group:
            yield f"the figure {figure!r} is missing"
        elif slot.group in begun:
            apart.setdefault(slot.group, []).append(figure)
    for group, missing in apart.items():
        first = next(figure for figure, slot in slots.items() if slot.group == group and figure in given)
        yield f"beside {first!r} are missing {', '.join(missing)} ({GROUPS[group].absent})"


def _uncounted(slots: dict[str, Slot], figures: dict[str, Figure]) -> Iterator[tuple[str, str]]:
    """Groups that stand beside a count of none of their things, or do not beside a count of some."""
    for name, group in GROUPS.items():
        members = [figure for figure, slot in slots.items() if slot.group == name]
        if group.counted not in figures or not members:
            continue
        some, there = bool(figures[group.counted].value), any(figure in figures for figure in members)
        if some != there:
            asked = f"asks for {', '.join(figure for figure in members if slots[figure].required)}"
            yield group.counted, f"is {figures[group.counted].text}: {asked if some else group.absent}"


def _undivided(slots: dict[str, Slot], figures: dict[str, Figure]) -> Iterator[tuple[str, str]]:
    """Counts that are no whole part of the figure they divide."""
    for name in figures:
        counted = slots[name].divides
        if counted not in figures:
            continue
        part, whole = (float(figures[one].value) for one in (name, counted))
        if part < 1.0 or part % 1.0 or whole % part:
            yield name, f"is {figures[name].text}: must be a whole number that divides {counted}, {whole:g}"


def _faults(entry: Any) -> Iterator[tuple[str, str]]:
    """What a figure lacks beside its value: (part, message)."""
    if not isinstance(entry, dict):
        yield "", "expected {value: ..., source: ..., status: ...}"
        return
    for part in sorted({"value", "source", "status"} ^ set(entry)):
        yield part, "is missing" if part not in entry else "is not known"
    if not isinstance(entry.get("source"), str) or not entry["source"].strip():
        yield "source", "a figure needs the document it was read in"
    if entry.get("status") not in STATUS:
        yield "status", f"is {entry.get('status')!r}, expected one of {', '.join(STATUS)}"
    elif UNREAD in str(entry.get("source")) and entry["status"] != "assumed":
        yield "status", f"is {entry['status']!r}, expected 'assumed' beside a source that is {UNREAD}"


def _figure(entry: dict[str, Any], slot: Slot) -> Figure:
    """A figure in SI from what the file says; raises UnitError."""
    value, units = entry["value"], slot.units
    found: Value
    if not units:
        if not isinstance(value, str):
            raise UnitError(f"{value!r} is not a word")
        found = value
    elif slot.length > 1:
        if not isinstance(value, list) or len(value) != slot.length:
            raise UnitError(f"expected a list of {slot.length} numbers")
        found = np.array([si(part, units[0]) for part in value])
        found.setflags(write=False)
    elif len(units) == 1:
        found = si(value, units[0])
    else:
        if not isinstance(value, list) or len(value) < 2 or any(len(_pair(point)) != 2 for point in value):
            raise UnitError(f"expected at least two points [{units[0]}, {units[1]}]")
        found = np.array(
            [[si(part, unit) for part, unit in zip(point, units, strict=True)] for point in value]
        )
        if np.any(np.diff(found[:, 0]) <= 0):
            raise UnitError("the points of a curve must ascend in their first column")
        found.setflags(write=False)
    return Figure(found, str(value), ", ".join(units), entry["source"], entry["status"])


def _pair(point: Any) -> list[Any]:
    return point if isinstance(point, list) else []
