"""Rows of racks from a spreadsheet: a CSV file beside the layout, one line a row, its columns the keys of a row.

The unit of a column stands in its header, `pitch [mm]`, and its cells are bare numbers. `origin` has the columns
`x` and `y`, the keys of a part are written as layout paths, `whip.length [m]`, and feeds are separated by blanks.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Literal, NamedTuple, get_args, get_origin

from twin.document import Path, written
from twin.errors import Problem, UnitError, suggestion
from twin.schema import Measure, Model, Row
from twin.units import noun, si

RACKS_FILE = "racks_file"
"""The key of a unit that names the file."""
MAXIMUM_SIZE = 4_000_000
"""Bytes of a file."""
MAXIMUM_LINES = 100_000
MOST = 100
"""Problems of a file that are told; a column of the wrong kind has one in every line."""

Form = Literal["number", "whole", "truth", "words", "word"]

_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
_HEADER = re.compile(r"([^\[\]]*?)\s*(?:\[\s*([^\[\]]*?)\s*\])?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


class Column(NamedTuple):
    """Where the cells of a column go in a row, and what they are."""

    name: str
    path: Path
    form: Form
    measure: Measure | None
    required: bool


@cache
def columns() -> dict[str, Column]:
    """The columns that a file may have, by name: every key of a row.

    >>> columns()["x"].path, columns()["whip.length"].measure.unit, columns()["power_cap"].required
    (('origin', 0), 'm', False)
    """
    return {column.name: column for column in _columns(Row, (), True)}


def _columns(model: type[Model], at: tuple[str, ...], needed: bool) -> Iterator[Column]:
    """The columns of a model and of its parts."""
    for name, key in model.model_fields.items():
        parts = [*key.metadata, *_parts(key.annotation)]
        required = needed and key.is_required()
        measure = next((part for part in parts if isinstance(part, Measure)), None)
        inner = next((part for part in parts if isinstance(part, type) and issubclass(part, Model)), None)
        if inner:
            yield from _columns(inner, (*at, name), required)
        elif measure and any(get_origin(part) is tuple for part in parts):
            for place, axis in enumerate("xy"):
                yield Column(axis, (*at, name, place), "number", measure, required)
        else:
            yield Column(".".join([*at, name]), (*at, name), _form(parts, measure), measure, required)


def _parts(annotation: Any) -> Iterator[Any]:
    """An annotation and all it is made of."""
    yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def _form(parts: Sequence[Any], measure: Measure | None) -> Form:
    if measure:
        return "number"
    if any(get_origin(part) is tuple for part in parts):
        return "words"
    return "truth" if bool in parts else "whole" if int in parts else "word"


@dataclass
class Table:
    """The rows of a file as a layout would write them, the line each stands on, and what is wrong with them."""

    file: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    head: list[Path] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def problem(self, index: int, path: Path, shown: Path, message: str) -> Problem:
        """A problem of a row of this file, at a path within the row; `shown` is the path in the layout."""
        near = [place for place, own in enumerate(self.head) if path and _meets(own, path)]
        line = self.numbers[index]
        return self.at(line, near[0] if near else 0, message, written(shown))

    def at(self, line: int, cell: int, message: str, path: str = "") -> Problem:
        """A problem at a cell, line and cell counted from one and from nought."""
        return Problem(self.file, line, _start(self.lines[line - 1], cell) + 1, path, message)


def _meets(own: Path, path: Path) -> bool:
    """Whether one of two paths lies in the other."""
    length = min(len(own), len(path))
    return own[:length] == path[:length]


def _start(line: str, cell: int) -> int:
    """Where a cell of a line of CSV begins.

    >>> _start('row1,"a, b",600', 2)
    12
    """
    quoted = False
    for place, letter in enumerate(line):
        if cell == 0:
            return place
        quoted ^= letter == '"'
        cell -= letter == "," and not quoted
    return len(line)


def racks(folder: FilePath, name: object, known: Sequence[str] = ()) -> Table | str:
    """The rows in a file of a folder, or what is wrong with its name. Nothing outside the folder is opened.

    Symbolic links are followed before the place is judged.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        return f"expected the name of a CSV file beside this layout such as racks.csv, not {_shown(name)!r}"
    shown = _shown(name)
    try:
        root = folder.resolve()
        file = (root / name).resolve()
        if FilePath(name).is_absolute() or not file.is_relative_to(root):
            return f"{shown!r} is outside the folder of the layout; put the file beside the layout"
        if not file.is_file():
            near = suggestion(name, [item.name for item in root.glob("*.csv")])
            return f"no file {shown!r} beside this layout{near}"
        with file.open("rb") as handle:
            content = handle.read(MAXIMUM_SIZE + 1)
    except (OSError, RuntimeError) as error:  # a circle of links is a RuntimeError
        return f"{shown!r} cannot be read: {getattr(error, 'strerror', None) or 'its links run in a circle'}"
    return table(content, str(folder / name))


def _shown(given: object) -> str:
    """What to quote of a value, cut where it would fill a page."""
    text = str(given)
    return text if len(text) <= 60 else text[:57] + "..."


def table(content: bytes, file: str) -> Table:
    """The rows in the bytes of a CSV file.

    >>> made = table(b"name,count,pitch [mm],feeds\\nrow1,8,600,rpp.A rpp.B", "racks.csv")
    >>> print(made.problems[0])
    racks.csv:1:1: the required columns 'rack_type', 'x', 'y', 'facing', 'whip.product', 'whip.length' are missing
    """
    made = Table(file)
    if len(content) > MAXIMUM_SIZE:
        made.problems.append(Problem(file, None, None, "", f"is larger than {MAXIMUM_SIZE:,} bytes"))
        return made
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        made.problems.append(Problem(file, None, None, "", "is not text in UTF-8"))
        return made
    made.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(made.lines) > MAXIMUM_LINES + 1:
        message = f"has {len(made.lines):,} lines, at most {MAXIMUM_LINES:,} are read"
        made.problems.append(Problem(file, None, None, "", message))
        return made
    _fill(made)
    return made


def _fill(made: Table) -> None:
    """Read the lines of a table: the first that is not blank is the header."""
    heads: list[tuple[Column, str]] = []
    for number, line in enumerate(made.lines, 1):
        cells = _cells(made, number, line)
        if cells is not None and not any(cells):
            continue
        if cells is None:
            if not heads:
                return
        elif not heads:
            heads = _header(made, number, cells)
        elif len(cells) != len(heads):
            message = f"has {len(cells)} cells, the header has {len(heads)}"
            made.problems.append(made.at(number, 0, message))
        else:
            made.rows.append(_row(made, number, cells, heads))
            made.numbers.append(number)
        if not heads or len(made.problems) >= MOST:
            return
    if not heads:
        made.problems.append(Problem(made.file, 1, 1, "", f"is empty; {_expected()}"))
    elif not made.rows and not made.problems:
        made.problems.append(made.at(1, 0, "has a header and no rows"))


def _cells(made: Table, number: int, line: str) -> list[str] | None:
    """The cells of one line, without the blanks around them; None when it is no CSV."""
    try:
        return [cell.strip() for cells in csv.reader([line], strict=True) for cell in cells]
    except csv.Error as error:
        reason = "a quote is not closed on its line" if "unexpected end" in str(error) else str(error)
        made.problems.append(made.at(number, 0, f"is not CSV: {reason}"))
        return None


def _expected() -> str:
    first = "name,rack_type,count,x [m],y [m],pitch [mm]"
    return f"expected a header such as {first},..."


def _header(made: Table, number: int, cells: list[str]) -> list[tuple[Column, str]]:
    """The columns of a header with their units; empty when one is wrong."""
    known = columns()
    found: list[tuple[Column, str]] = []
    if len(cells) == 1 and re.search(r"[;\t]", cells[0]):
        made.problems.append(
            made.at(number, 0, "the cells are not separated by commas; save it as CSV with commas")
        )
        return []
    for place, cell in enumerate(cells):
        parts = _HEADER.fullmatch(cell)
        name, unit = (parts[1], parts[2] or "") if parts else (cell, "")
        message = _against(name, unit, parts is not None and parts[2] is not None)
        if not message and known[name].path in made.head:
            message = f"the column {name!r} stands here a second time"
        if message:
            made.problems.append(made.at(number, place, message))
        else:
            made.head.append(known[name].path)
            found.append((known[name], unit))
    missing = [
        repr(name) for name, column in known.items() if column.required and column.path not in made.head
    ]
    if missing and not made.problems:
        noun_, verb = ("column", "is") if len(missing) == 1 else ("columns", "are")
        made.problems.append(made.at(number, 0, f"the required {noun_} {', '.join(missing)} {verb} missing"))
    return [] if made.problems else found


def _against(name: str, unit: str, bracketed: bool) -> str:
    """What is wrong with the header of a column, if anything."""
    known = columns()
    if not name:
        return f"a column has no name; {_expected()}"
    if name not in known:
        return f"unknown column {_shown(name)!r}{suggestion(_shown(name), known)} (known: {', '.join(known)})"
    measure = known[name].measure
    if measure is None:
        return f"the column {name!r} takes no unit" if bracketed else ""
    if not unit:
        if measure.unit == "1":
            return ""
        likely = "mm" if name == "pitch" else noun(measure.unit).partition("[")[2].rstrip("]")
        return f"the column {name!r} has no unit; write it as '{name} [{likely}]'"
    try:
        si(f"1 {unit}", measure.unit)
    except UnitError as error:
        return f"the unit of {name!r}: {error}"
    return ""


def _row(made: Table, number: int, cells: list[str], heads: list[tuple[Column, str]]) -> dict[str, Any]:
    """One line as the keys of a row; an empty cell is a key that is left out."""
    row: dict[str, Any] = {}
    for place, (cell, (column, unit)) in enumerate(zip(cells, heads, strict=True)):
        if not cell and not column.required:
            continue
        value, message = _value(cell, column, unit) if cell else (None, "the cell is empty")
        if message:
            made.problems.append(made.at(number, place, message, column.name))
        *above, last = column.path
        holder: Any = row
        for key in above:
            holder = holder.setdefault(key, {})
        holder[last] = value
    origin = row.get("origin", {})
    if origin:
        row["origin"] = [origin[place] for place in sorted(origin)]
    return row


def _value(cell: str, column: Column, unit: str) -> tuple[Any, str]:
    """The value of a cell as a layout writes it, and what is wrong with it, if anything."""
    if column.form == "words":
        return cell.split(), ""
    if column.form == "truth":
        return {"true": True, "false": False}.get(cell.lower(), cell), ""
    if column.form == "whole":
        return (int(cell) if re.fullmatch(r"[+-]?[0-9]{1,18}", cell) else cell), ""
    if column.form == "word":
        return cell, ""
    shown = _shown(cell)
    parts = _NUMBER.fullmatch(cell)
    if parts and not parts[2]:
        return f"{cell} {unit}".rstrip(), ""
    if parts and not parts[2].startswith((",", ".")):
        return None, f"{shown!r} has a unit, which belongs in the header; write {_shown(parts[1])}"
    if _NOT_FINITE.fullmatch(cell):
        return None, f"{shown!r} is not a finite number"
    return None, f"{shown!r} is not a number"
