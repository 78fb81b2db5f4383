"""A layout from its file: read as a whole, checked as a whole, everything wrong with it raised at once.

Each problem has the file, the line and the remedy. `document` reads a text once; `load_layout` makes a layout
of it with the user's settings, so a sweep validates the parsed document and not the text.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from geometry.row import rack_boxes
from twin.catalogue import product, products
from twin.catalogue.kinds import SIDES
from twin.consistency import (
    EQUIPMENT,
    Solid,
    findings,
    matches,
    named_devices,
    outside_findings,
    overlap_findings,
    replace_findings,
)
from twin.document import MAXIMUM_SIZE, Document, Path, read
from twin.errors import InputError, Problem, suggestion
from twin.openings import above, opening_findings, standing
from twin.racks import RACKS_FILE, Table, racks
from twin.schema import (
    HEAD_KEYS,
    PRECISIONS,
    UNIT_KEYS,
    Block,
    Device,
    Entry,
    Equipment,
    Hall,
    Head,
    Layout,
    Model,
    Pipe,
    Placement,
    Row,
    Standing,
    Unit,
)
from twin.settings import Step, Unsettable, plain, put, steps
from twin.template import new_layout

__all__ = [
    "Block", "Device", "Equipment", "Layout", "Pipe", "Placement", "Row", "Standing", "Unit",
    "builtin_layouts", "document", "load_layout", "new_layout",
]  # fmt: skip

DEFAULT = "gb300-su"
UNIT_FORM = (*UNIT_KEYS, RACKS_FILE)
"""Keys of a unit in a file."""
OPTIONAL = ("loop", "plant", "shared")
"""Keys of many parts that a layout may do without."""
MOST_RACKS = 200_000
MOST_EQUIPMENT = 500_000
"""Of a site: more than anybody builds, less than fills a memory."""
MOST_COUNT = 100_000
"""Of any count in a layout."""
MOST_BLOCKS = 1_000
"""Lines of `blocks`."""
MOST_PROBLEMS = 100
"""Problems that are told at once."""
LONGEST = 1_000
"""Characters of a problem."""

Settings = list[tuple[list[Step], Any, str]]

Form = TypeVar("Form", bound=Model)


@dataclass
class _Part:
    """A part of a document: its plain values, where they stand, and which of them the user set by hand."""

    document: Document
    raw: dict[str, Any]
    base: Path = ()
    settings: dict[Path, str] = field(default_factory=dict)
    table: Table | None = None
    """The CSV file from which its last rows came."""
    first: int = 0
    """Number of the first row of that file among its rows."""
    unread: bool = False
    """Whether its CSV file could not be read, which has been told."""

    def problem(self, path: Path, message: str, key: bool = False) -> Problem:
        """A problem at a path of this part, at the place of the setting that made it, if one did."""
        made = [place for place in self.settings if place[: len(path)] == path] if key else []
        made += [path[:length] for length in range(len(path), 0, -1) if path[:length] in self.settings]
        if made and not (key and (*self.base, *path) in self.document.keys):
            return Problem("set", None, None, self.settings[made[0]], message)
        row = path[1] if self.table and path[:1] == ("rows",) and len(path) > 1 else None
        if self.table and isinstance(row, int) and self.first <= row < self.first + len(self.table.rows):
            return self.table.problem(row - self.first, path[2:], (*self.base, *path), message)
        return self.document.problem((*self.base, *path), message, key)

    def copy(self) -> _Part:
        return replace(self, raw=copy.deepcopy(self.raw), settings=dict(self.settings))


@dataclass
class _Block:
    """A unit and its placements; name and number of its line in `blocks`."""

    part: _Part
    placements: list[Placement]
    name: str = ""
    number: int = 0


def builtin_layouts() -> list[str]:
    """Names of the layouts that come with the package.

    >>> "gb300-su" in builtin_layouts()
    True
    """
    return sorted(item.name.removesuffix(".yaml") for item in files("twin").joinpath("layouts").iterdir())


def document(path: str | FilePath | None = None) -> Document:
    """The document of a layout file or of a built-in layout; read it once and build many layouts of it.

    Raises InputError when there is no such file or it cannot be read.
    """
    name = str(path or DEFAULT)
    if name in builtin_layouts():
        return _builtin(name)
    file = FilePath(name)
    try:
        if file.is_dir():
            raise InputError([Problem(name, None, None, "", "is a folder, expected a layout file")])
        if not file.is_file():
            known = ", ".join(builtin_layouts())
            hint = suggestion(name, builtin_layouts())
            message = f"no such file{hint} (built-in layouts: {known})"
            raise InputError([Problem(name, None, None, "", message)])
        if file.stat().st_size > 4 * MAXIMUM_SIZE:
            raise InputError([Problem(name, None, None, "", "is too large to be a layout")])
        content = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError([Problem(name, None, None, "", "is not text in UTF-8")]) from None
    except OSError as error:
        raise InputError([Problem(name, None, None, "", f"cannot be read: {error.strerror}")]) from None
    return read(content, name)


@lru_cache(maxsize=16)
def _builtin(name: str) -> Document:
    return read(files("twin").joinpath("layouts", f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")


def load_layout(
    path_or_name: str | FilePath | Document | None = None, sets: Mapping[str, Any] | None = None
) -> Layout:
    """The layout in a file, in a document or of a built-in name; the reference pod by default.

    sets : layout paths and texts with units that replace what the file says, such as
    {"site.dry_bulb": "38 degC", "rows[row1].count": "6", "SU007.rows.count": "4"}; without brackets a
    path names every row or device. Raises InputError with every problem there is.

    >>> load_layout("gb300-su", {"site.dry_bulb": "20 degC"}).site.dry_bulb
    293.15
    """
    source = path_or_name if isinstance(path_or_name, Document) else document(path_or_name)
    problems = list(source.problems)
    if source.anchored:
        raise InputError(problems)
    whole = _Part(source, copy.deepcopy(source.value))
    asked: Settings = []
    for given, written_value in (sets or {}).items():
        with _noted(problems, given):
            asked.append((steps(given), plain(written_value), given))
    # A racks_file is read before settings of its rows are put in them.
    named = [one for one in asked if one[0][-1].name == RACKS_FILE]
    later = _put_in_whole(whole, named, problems)
    if "blocks" not in whole.raw:
        _read_racks(whole, problems)
    afterwards = _put_in_whole(whole, [one for one in asked if one not in named], problems)
    head, blocks = _divided(whole, problems)
    if blocks:
        _put_in_blocks(blocks, later, problems)
        for block in blocks:
            _read_racks(block.part, problems)
        _put_in_blocks(blocks, afterwards, problems)
    top = _validated(Head, head, problems)
    problems += [head.problem(path, message) for path, message in islice(findings(head.raw), MOST_PROBLEMS)]
    crowd = list(_crowd(whole, blocks))
    problems += crowd
    built = [] if crowd else [found for block in blocks if (found := _built(block, problems))]
    if top and not crowd:
        _against_head(top, head, blocks, built, problems)
    if not crowd and (len(blocks) > 1 or any(len(block.placements) > 1 for block in blocks)):
        problems += [whole.problem(path, message) for path, message in overlap_findings(list(_halls(blocks)))]
    if problems:
        raise InputError(_told(problems))
    assert top is not None
    fields = {name: getattr(top, name) for name in HEAD_KEYS}
    taken = [
        line for block in blocks if block.part.document is not source for line in _assumptions(block.part)
    ]
    fields["assumptions"] = tuple(dict.fromkeys([*top.assumptions, *taken]))
    return Layout(**fields, blocks=tuple(built))


@contextmanager
def _noted(problems: list[Problem], given: str) -> Iterator[None]:
    """A setting that leads nowhere becomes a problem."""
    try:
        yield
    except Unsettable as error:
        problems.append(Problem("set", None, None, given, str(error)))


def _told(problems: list[Problem]) -> list[Problem]:
    """Each problem once, in the order of the files, and no more and no longer than one can read."""
    found = sorted(dict.fromkeys(problems), key=_order)
    for index, one in enumerate(found):
        if len(one.message) > LONGEST:
            found[index] = replace(one, message=f"{one.message[:LONGEST]}...")
    if len(found) <= MOST_PROBLEMS:
        return found
    last, more = found[MOST_PROBLEMS - 1], len(found) - MOST_PROBLEMS
    found[MOST_PROBLEMS - 1] = replace(last, message=f"{last.message} (and {more:,} more problems)")
    return found[:MOST_PROBLEMS]


def _put_in_whole(whole: _Part, asked: Settings, problems: list[Problem]) -> Settings:
    """Put settings in a document; returns those that name the inside of its blocks."""
    later = []
    for path, value, given in asked:
        with _noted(problems, given):
            if "blocks" in whole.raw and path[0].name not in (*HEAD_KEYS, "blocks"):
                later.append((path, value, given))
            elif _lacks(whole, path):
                raise Unsettable(f"there is no {path[0].name!r} here; write the whole of it in the layout")
            else:
                whole.settings |= dict.fromkeys(put(whole.raw, path, value), given)
    return later


def _lacks(part: _Part, path: Sequence[Step]) -> bool:
    """Whether a path leads into something that a layout may do without, and this part does."""
    return len(path) > 1 and path[0].name in OPTIONAL and part.raw.get(path[0].name) is None


def _read_racks(part: _Part, problems: list[Problem]) -> None:
    """Put the rows of the `racks_file` of a unit behind those it has.

    The file lies beside the layout that names it; beside a built-in layout is the folder one works in.
    """
    if RACKS_FILE not in part.raw:
        return
    name = part.raw.pop(RACKS_FILE)
    made = racks(FilePath(part.document.file).parent, name)
    if isinstance(made, str):
        problems.append(part.problem((RACKS_FILE,), made))
        part.unread = True
        return
    rows = part.raw.get("rows", [])
    if made.problems:
        problems += made.problems
        part.unread = True
    elif isinstance(rows, list):
        part.table, part.first = made, len(rows)
        part.raw["rows"] = [*rows, *made.rows]


def _crowd(whole: _Part, blocks: Sequence[_Block]) -> Iterator[Problem]:
    """A site of more racks or equipment than is built, told before a list or an array is made of them."""
    for noun, patterns, most in (
        ("racks", [("rows", "*", "count")], MOST_RACKS),
        ("pieces of equipment", [(*place, "count") for place in EQUIPMENT], MOST_EQUIPMENT),
        ("power devices", [("power", "devices", "*")], MOST_EQUIPMENT),
    ):
        found = [
            (len(block.placements) * _number(value), block, path)
            for block in blocks
            for pattern in patterns
            for path, value in matches(block.part.raw, pattern)
        ]
        total = sum(count for count, _, _ in found)
        if total <= most:
            continue
        _, block, path = max(found, key=lambda one: one[0])
        message = f"the site has {total:,} {noun}, at most {most:,} are allowed; lower"
        if len(block.placements) > 1:
            yield whole.problem(("blocks", block.number, "repeat"), f"{message} repeat or the counts")
        else:
            yield block.part.problem(path, f"{message} the counts")


def _number(value: Any) -> int:
    """What a count adds to a sum: nothing where the form refuses it; anything but a count is one."""
    if isinstance(value, int):
        return value if 0 < value <= MOST_COUNT else 0
    return 1


def _built(block: _Block, problems: list[Problem]) -> Block | None:
    """A block of the layout; what is wrong with its unit is added to the problems."""
    part = block.part
    unit = _validated(Unit, part, problems)
    solids = [*_solids(part), *(standing(unit) if unit else ())]
    against = [*islice(findings(part.raw), MOST_PROBLEMS), *islice(overlap_findings(solids), MOST_PROBLEMS)]
    if unit:
        against += islice(outside_findings([*solids, *above(unit)], unit.hall.size), MOST_PROBLEMS)
        against += islice(opening_findings(unit), MOST_PROBLEMS)
    problems += [part.problem(path, message) for path, message in against]
    return Block(template=unit, placements=tuple(block.placements)) if unit else None


def _against_head(
    top: Head, head: _Part, blocks: Sequence[_Block], built: Sequence[Block], problems: list[Problem]
) -> None:
    """What units and the head of their site have against each other."""
    site = any(block.name for block in blocks)
    plant = site and top.shared is not None and top.shared.plant is not None
    for block in blocks:
        part, own = block.part, block.part.raw.get("plant") is not None
        if part.raw.get("loop") is not None and not own and not plant:
            problems.append(part.problem(("loop",), "needs a 'plant' that cools it", key=True))
        wetted = {"plant": part.raw.get("plant") if own and not plant else None, "loop": part.raw.get("loop")}
        problems += [part.problem(path, "needs site.wet_bulb", key=True) for path in _wet(wetted, top)]
        # A unit of another file brings its plant along; one that is written or set here is meant.
        if own and plant:
            message = "the site's shared plant takes its place; leave it out, or set shared.plant"
            if part.document is head.document:
                problems.append(part.problem(("plant",), message, key=True))
            asked = dict.fromkeys(given for path, given in part.settings.items() if path[0] == "plant")
            problems += [Problem("set", None, None, given, message) for given in asked]
    wetted = {"plant": head.raw["shared"].get("plant")} if plant else {}
    problems += [
        head.problem(("shared", *path), "needs site.wet_bulb", key=True) for path in _wet(wetted, top)
    ]
    most = 1 + top.workload.draft_length
    if top.workload.accepted_tokens > most:
        message = f"is {top.workload.accepted_tokens:g}, at most {most} with workload.draft_length {most - 1}"
        problems.append(head.problem(("workload", "accepted_tokens"), message))
    pooled = top.workload.serving == "disaggregated" or top.workload.kind == "training"
    if top.workload.capping != "mixed" and not pooled:
        message = (
            f"is {top.workload.capping}, which caps a prefill and a decode pool, and workload.serving aggregated has "
            "none; mixed, or serve disaggregated"
        )
        problems.append(head.problem(("workload", "capping"), message))
    session = top.workload.session
    if session and top.workload.first_token is not None:
        message = "is that of single requests; workload.session has one of its own, a mean"
        problems.append(head.problem(("workload", "first_token"), message))
    if session:
        added = session.new_tokens + session.output
        least = (session.turns - 1) * added / 2.0
        if session.context < least:
            message = (
                f"is {session.context:,.0f}, at least {least:,.0f}: the mean history of {session.turns:,.0f} turns "
                f"that add {added:,.0f} tokens each"
            )
            problems.append(head.problem(("workload", "session", "context"), message))
    figure = PRECISIONS[top.workload.precision][0]
    names = {row.rack_type for block in built for row in block.template.rows}
    for name in sorted(names & set(products("rack"))):
        made, spares = product(name, "rack"), top.availability.spares
        trays = round(made["numGPUs"] / made.get("trayGPUs", 1.0))
        if 0 < trays <= spares:
            allowed = (
                f"fewer than the {trays} trays of a {name!r}" if trays > 1 else f"0: a {name!r} is one tray"
            )
            message = f"is {spares}, must be {allowed}"
            problems.append(head.problem(("availability", "spares"), message))
        if made["numGPUs"] > 0 and figure not in made.figures:
            can = [one for one, (peak, _) in PRECISIONS.items() if peak in made.figures]
            message = f"{name!r} does not compute in {top.workload.precision}; it can {' or '.join(can)}"
            problems.append(head.problem(("workload", "precision"), message))
    if top.workload.kind == "training" and top.workload.training is None:
        message = "needs workload.training with its checkpoint_pause and restart_time"
        problems.append(head.problem(("workload", "kind"), message))
    if len(built) == len(blocks):
        problems += _unlike(blocks, built)
    if top.shared and site:
        for place, device in enumerate(top.shared.devices):
            for block in blocks:
                if any(device.name.startswith(placed.prefix) for placed in block.placements):
                    message = (
                        f"begins like the names of the block {block.name!r}; give the device another name"
                    )
                    problems.append(head.problem(("shared", "devices", place, "name"), message))
        for block in built:
            volts = block.template.power.voltage
            if any(placed.replace for placed in block.placements) and volts != top.shared.voltage:
                message = f"is {volts:g} V, the shared devices that feed it are at {top.shared.voltage:g} V"
                problems.append(head.problem(("shared", "voltage"), message))


def _wet(raw: Mapping[str, Any], top: Head) -> Iterator[Path]:
    """Where parts of a document need the wet bulb of a site that does not tell it."""
    if top.site.wet_bulb is not None:
        return
    for path in (("plant", "adiabatic"), ("plant", "towers")):
        yield from (found for found, value in matches(raw, path) if value is not None)
    yield from (found for found, value in matches(raw, ("loop", "reset", "follows")) if value == "wet_bulb")


def _unlike(blocks: Sequence[_Block], built: Sequence[Block]) -> Iterator[Problem]:
    """Blocks that allocate by another policy or security than the first one."""
    for key in ("policy", "security"):
        first = getattr(built[0].template.power, key) if built else None
        for block, made in zip(blocks, built, strict=True):
            found = getattr(made.template.power, key)
            if found != first:
                message = f"is {found}, {blocks[0].name} has {first}; the blocks of a site share one {key}"
                yield block.part.problem(("power", key), message)


def _order(problem: Problem) -> tuple[bool, str, int, int]:
    return problem.line is None, problem.file, problem.line or 0, problem.column or 0


def _assumptions(part: _Part) -> list[str]:
    """The assumptions of the layout a unit was taken from."""
    listed = part.document.value.get("assumptions")
    return [line for line in listed if isinstance(line, str)] if isinstance(listed, list) else []


def _divided(whole: _Part, problems: list[Problem]) -> tuple[_Part, list[_Block]]:
    """The head of a document and its blocks; a file without `blocks` is one unit with an empty prefix."""
    raw = whole.raw
    site = "blocks" in raw
    known = (*HEAD_KEYS, "blocks") if site else (*HEAD_KEYS, *UNIT_FORM, "blocks")
    for key in raw:
        if key == "shared" and not site:
            problems.append(whole.problem((key,), "stands beside 'blocks' only", key=True))
        elif key not in known:
            beside = " beside 'blocks'" if key in UNIT_FORM else ""
            message = f"unknown key {key!r}{beside}{suggestion(key, known)}"
            problems.append(whole.problem((key,), message, key=True))
    head = _Part(whole.document, {key: raw[key] for key in HEAD_KEYS if key in raw}, (), whole.settings)
    if not site:
        unit = {key: raw[key] for key in UNIT_KEYS if key in raw}
        here = Placement(prefix="", offset=(0.0, 0.0, 0.0))
        return head, [_Block(replace(whole, raw=unit), [here])]
    listed = raw["blocks"]
    if not isinstance(listed, list) or not listed:
        problems.append(whole.problem(("blocks",), "expected a list such as '- {name: SU, use: gb300-su}'"))
        return head, []
    if len(listed) > MOST_BLOCKS:
        message = f"has {len(listed):,} lines, at most {MOST_BLOCKS:,} are allowed; use 'repeat'"
        problems.append(whole.problem(("blocks",), message))
        return head, []
    problems += [whole.problem(path, message) for path, message in findings({"blocks": listed})]
    blocks = []
    for index, item in enumerate(listed):
        entry = _validated(
            Entry, _Part(whole.document, item, ("blocks", index), _below(whole, index)), problems
        )
        part = _template(whole, entry, index, problems) if entry else None
        if entry and part:
            own, shared = named_devices(part.raw, "power", "devices"), named_devices(raw, "shared", "devices")
            faults = replace_findings(entry.model_dump(), own, shared)
            problems += [whole.problem(("blocks", index, *path), message) for path, message in faults]
            placements = _placements(entry)
            taken = {placed.prefix for block in blocks for placed in block.placements}
            twice = next((placed.prefix for placed in placements if placed.prefix in taken), None)
            if twice and all(block.name != entry.name for block in blocks):
                message = (
                    f"gives names that begin with {twice!r}, which an earlier block has; choose another name"
                )
                problems.append(whole.problem(("blocks", index, "name"), message))
            blocks.append(_Block(part, placements, entry.name, index))
    return head, blocks


def _below(whole: _Part, index: int) -> dict[Path, str]:
    """The settings of a document that lie in one block, by their path within it."""
    return {path[2:]: given for path, given in whole.settings.items() if path[:2] == ("blocks", index)}


def _template(whole: _Part, entry: Entry, index: int, problems: list[Problem]) -> _Part | None:
    """The unit of a block: written inside it, or of a built-in layout or a file beside this one."""
    path: Path = ("blocks", index)
    if (entry.use is None) == (entry.unit is None):
        problems.append(whole.problem(path, "needs either 'use' (a layout's name or file) or 'unit'"))
        return None
    if entry.use is None:
        below = {inner[1:]: given for inner, given in _below(whole, index).items() if inner[:1] == ("unit",)}
        if isinstance(entry.unit, dict):
            return _Part(whole.document, entry.unit, (*path, "unit"), below)
        problems.append(
            whole.problem((*path, "unit"), "expected the keys of a unit: " + ", ".join(UNIT_KEYS))
        )
        return None
    name = entry.use
    if name not in builtin_layouts():
        folder = FilePath(whole.document.file).parent.resolve()
        if not (folder / name).resolve().is_relative_to(folder) or not (folder / name).is_file():
            hint = suggestion(name, builtin_layouts())
            message = f"no layout {name!r} beside this file and none built in{hint}"
            problems.append(whole.problem((*path, "use"), message))
            return None
        name = str(FilePath(whole.document.file).parent / name)
    try:
        used = document(name)
    except InputError as error:
        problems += error.problems
        return None
    problems += used.problems
    if used.anchored:
        return None
    if "blocks" in used.value:
        problems.append(whole.problem((*path, "use"), f"{entry.use!r} has blocks itself; use a plain layout"))
        return None
    return _Part(used, {key: copy.deepcopy(used.value[key]) for key in UNIT_FORM if key in used.value})


def _placements(entry: Entry) -> list[Placement]:
    """The copies of a block: SU. when it stands once, SU001., SU002., ... when it is repeated."""
    if entry.repeat is None:
        return [Placement(prefix=f"{entry.name}.", offset=entry.origin, replace=entry.replace)]
    pitch, digits = entry.pitch or (0.0, 0.0, 0.0), max(3, len(str(entry.repeat)))
    return [
        Placement(
            prefix=f"{entry.name}{number + 1:0{digits}d}.",
            offset=tuple(start + number * step for start, step in zip(entry.origin, pitch, strict=True)),
            replace=entry.replace,
        )
        for number in range(entry.repeat)
    ]


def _validated(model: type[Form], part: _Part, problems: list[Problem]) -> Form | None:
    """A part as its model; what is wrong with it is added to the problems."""
    try:
        return model.model_validate(part.raw)
    except ValidationError as error:
        for fault in error.errors(include_url=False)[:MOST_PROBLEMS]:
            path: Path = tuple(fault["loc"])
            if part.unread and path == ("rows",):
                continue
            if fault["type"] == "too_short" and fault["input"]:
                continue  # its items are bad one by one and have said so
            if fault["type"] == "missing" and isinstance(path[-1], int):
                problems.append(part.problem(path[:-1], f"has {path[-1]} values, more are needed"))
                continue
            found = part.problem(path, _message(fault, model), key=fault["type"] == "extra_forbidden")
            if not any(replace(found, message=told.message) == told for told in part.document.problems):
                problems.append(found)  # what could not be read has been told
    return None


def _message(fault: Mapping[str, Any], model: type[Model]) -> str:
    """A pydantic fault in the words of a layout."""
    kind, given, context, last = fault["type"], fault["input"], fault.get("ctx", {}), fault["loc"][-1:]
    shown = str(given) if len(str(given)) <= 60 else str(given)[:57] + "..."
    match kind:
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"the required key {last[0]!r} is missing"
        case "extra_forbidden":
            known = _keys(model, fault["loc"][:-1])
            return f"unknown key {last[0]!r}{suggestion(last[0], known)} (known: {', '.join(known)})"
        case "model_type" | "dict_type":
            return f"expected a mapping of keys, not {shown!r}"
        case "tuple_type" | "list_type":
            return f"expected a list in brackets, not {shown!r}"
        case "too_long":
            return f"has {context['actual_length']} values, expected {context['max_length']}"
        case "too_short":
            return "is empty"
        case "int_type" | "int_from_float":
            return f"expected a whole number without a unit, not {shown!r}"
        case "greater_than_equal":
            return f"is {shown}, must be at least {context['ge']}"
        case "less_than_equal":
            return f"is {shown}, must be at most {context['le']}"
        case "string_type":
            return f"expected a word, not {shown!r}; put it in quotes if it is one"
        case "string_pattern_mismatch":
            return f"{shown!r} is not a name; use letters, digits and . _ + -"
        case "literal_error":
            return f"{shown!r} is not known; expected {context['expected']}"
        case _:
            return str(fault["msg"])


def _keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys that a model knows at a path."""
    for step in path:
        if isinstance(step, str):
            annotation = model.model_fields[step].annotation
            model = next(found for found in _models(annotation))
    return [*model.model_fields, *([RACKS_FILE] if model is Unit else [])]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation such as `tuple[Row, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def _solids(part: _Part) -> Iterator[Solid]:
    """What stands in the hall of a unit, as far as the document says it in full."""
    for path, raw in matches(part.raw, ("rows", "*")):
        yield from _line(path, raw, Row, "rack")
    yield from _line(("loop", "cdus"), _at(part.raw, "loop", "cdus"), Standing, "cdu")
    yield from _line(("air", "fan_walls"), _at(part.raw, "air", "fan_walls"), Standing, "fan_wall")
    for path, raw in matches(part.raw, ("power", "devices", "*")):
        yield from _cabinet(path, raw)


def _cabinet(path: Path, raw: Any) -> Iterator[Solid]:
    """The box of a device of the power chain that has a place, if its line is good and its product has a size."""
    name = _at(raw, "product")
    if not isinstance(name, str) or name not in products() or not {*SIDES} <= {*product(name).figures}:
        return
    try:
        item = Device.model_validate(raw)
    except ValidationError:
        return
    if item.origin is not None:
        size = [product(name)[side] for side in SIDES]
        yield Solid(path, [item.name], rack_boxes(item.origin, size[0], 1, size, "south"), "move it")


def _at(raw: Any, *keys: str) -> Any:
    return next((value for _, value in matches(raw, keys)), None)


def _line(path: Path, raw: Any, model: type[Model], kind: str) -> Iterator[Solid]:
    """The boxes of a row or of a group of equipment, if its line is good and its product known."""
    name = _at(raw, "rack_type" if kind == "rack" else "product")
    if not isinstance(name, str) or name not in products(kind):
        return
    try:
        item: Any = model.model_validate(raw)
    except ValidationError:
        return
    made = product(name, kind)
    size = [made[side] for side in SIDES]
    boxes = rack_boxes(item.origin, item.pitch, item.count, size, getattr(item, "facing", "east"))
    noun = f"rack {{}} of {item.name}" if kind == "rack" else f"{kind.replace('_', ' ')} {{}}"
    yield Solid(path, [noun.format(number + 1) for number in range(item.count)], boxes, "widen the pitch")


def _halls(blocks: Sequence[_Block]) -> Iterator[Solid]:
    """The halls of all copies of all blocks."""
    for block in blocks:
        try:
            size = Hall.model_validate(block.part.raw.get("hall")).size
        except ValidationError:
            continue
        lower = np.array([placed.offset for placed in block.placements])
        names = [f"the hall of {placed.prefix.rstrip('.')}" for placed in block.placements]
        yield Solid(
            ("blocks", block.number), names, np.stack([lower, lower + size], axis=1), "widen the pitch"
        )


def _put_in_blocks(blocks: list[_Block], asked: Settings, problems: list[Problem]) -> None:
    """Put settings in the units of the blocks that they name."""
    for path, value, given in asked:
        with _noted(problems, given):
            _put_in_block(blocks, path, value, given)


def _put_in_block(blocks: list[_Block], path: list[Step], value: Any, given: str) -> None:
    """Put a value in the unit of every block, of the blocks of one name, or of one copy."""
    first = path[0].name
    targets = list(blocks)
    if first not in UNIT_FORM:
        targets = [block for block in blocks if block.name == first] or [_own(blocks, first)]
        path = path[1:]
        if not path:
            raise Unsettable("names a block; go on to one of its keys, as in SU001.rows.count")
    if path[0].name not in UNIT_FORM:
        raise Unsettable(f"unknown key {path[0].name!r}{suggestion(path[0].name, UNIT_FORM)}")
    without = [block for block in targets if _lacks(block.part, path)]
    if len(without) == len(targets):
        names = ", ".join(dict.fromkeys(block.name for block in without))
        raise Unsettable(f"there is no {path[0].name!r} in {names}; write the whole of it in the layout")
    for block in targets:
        if block in without:
            continue  # what has no loop has no set-point of it
        for place in put(block.part.raw, path, value):
            block.part.settings[place] = given


def _own(blocks: list[_Block], name: str) -> _Block:
    """The copy of that name as a block of its own, in its place among the others."""
    for index, block in enumerate(blocks):
        for place, placed in enumerate(block.placements):
            if placed.prefix == f"{name}.":
                cut = (slice(0, place), slice(place, place + 1), slice(place + 1, None))
                parted = [
                    replace(block, part=block.part.copy(), placements=block.placements[part]) for part in cut
                ]
                blocks[index : index + 1] = [part for part in parted if part.placements]
                return parted[1]
    known = [placed.prefix.rstrip(".") for block in blocks for placed in block.placements]
    near = suggestion(name, [*UNIT_FORM, *HEAD_KEYS, *(block.name for block in blocks), *known])
    raise Unsettable(f"unknown key or block {name!r}{near}")
