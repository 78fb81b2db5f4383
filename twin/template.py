"""A new layout file to edit, cut from the reference unit of its racks with its comments."""

from __future__ import annotations

import re
from importlib.resources import files

from twin.catalogue import product, products
from twin.consistency import is_liquid
from twin.errors import InputError, Problem, suggestion

REFERENCES = {
    "gb200-nvl72": "gb200-su",
    "vr-nvl72": "vr-su",
    "vr-nvl72-maxq": "vr-su",
    "vr-nvl72-800vdc": "vr-800vdc",
    "hgx-h100": "h100-air",
    "hgx-h200": "h100-air",
}
"""Built-in unit that a new layout of a rack type is cut from."""
OTHERWISE = {True: "gb300-su", False: "h100-air"}
"""That of any other rack: cooled by liquid or not."""
MOST_AT_13_KV = 2
"""Units of 500 MVA that a bus of 50 kA at 13.8 kV holds."""
STRONGEST = 2950
"""Short-circuit power of a bus of 50 kA at 34.5 kV [MVA]."""
MOST_GENERATORS = 100
"""Sets on one bus; what needs more has them in groups of its own, which the layout does not draw."""
ROW = 8
"""Racks in a row of the reference units, which have two."""
PITCH = 12
"""From one unit to the next along y [m]; the halls of the reference units are up to 11 m deep."""


def new_layout(racks: int, rack_type: str = "gb300-nvl72") -> str:
    """A complete, commented layout file of so many racks.

    racks : 8 (half a unit), 16 (one), or more in eights as blocks. rack_type : a rack of the catalogue.
    Raises InputError when the count or the type is not possible.

    >>> "repeat: 4" in new_layout(64)
    True
    """
    problems = []
    if racks < ROW or racks % ROW:
        low = racks // ROW * ROW
        near = " or ".join(str(count) for count in (low, low + ROW) if count > 0) if racks > 0 else str(ROW)
        message = f"is {racks}, must be a multiple of {ROW}: take {near}"
        problems.append(Problem("new", None, None, "racks", message))
    if rack_type not in products("rack"):
        known = products("rack")
        message = f"unknown rack {rack_type!r}{suggestion(rack_type, known)} (there are: {', '.join(known)})"
        problems.append(Problem("new", None, None, "rack_type", message))
    if problems:
        raise InputError(problems)
    source = files("twin").joinpath("layouts", f"{reference(rack_type)}.yaml").read_text("utf-8")
    start, end = source.index("name:"), source.index("hall:")
    full, half = divmod(racks, 2 * ROW)
    intro = (
        f"# {racks} racks of {rack_type}, made from the layout {reference(rack_type)}.\n"
        "# Every quantity carries its unit; counts and ratios are bare numbers.\n"
    )
    head = _head(source[start:end], f"{rack_type}-{racks}", f"{racks} racks {rack_type}", full, half)
    unit = re.sub(r"(?m)^(    rack_type:) .*$", rf"\g<1> {rack_type}", source[end:])
    if not full:
        return intro + head + _one_row(unit)
    if full == 1 and not half:
        return intro + head + unit
    blocks = "blocks:                            # the names of each copy begin with SU001., SU002., ...\n"
    blocks += _block("SU", full, 0, unit)
    return intro + head + blocks + (_block("HALF", 1, PITCH * full, _one_row(unit)) if half else "")


def reference(rack_type: str) -> str:
    """Name of the built-in unit that stands for a rack product of the catalogue.

    >>> reference("hgx-b200")
    'h100-air'
    """
    return REFERENCES.get(rack_type) or OTHERWISE[is_liquid(product(rack_type, "rack"))]


def _head(text: str, name: str, description: str, full: int, half: int) -> str:
    """The site part of the reference with its own name, a utility for so many units and rows beside them, and the
    generators that carry them."""
    units = full + bool(half)
    text = re.sub(r"(?m)^name: .*$", f"name: {name}", text)
    text = re.sub(r"(?m)^description: .*$", f"description: {description}", text)
    text = re.sub(r"(?m)^(  rating:) (\d+)", lambda found: f"{found[1]} {int(found[2]) * units}", text)
    # Beyond what switchgear breaks at one voltage, the next one; a bus of 50 kA at 34.5 kV is the most there is.
    strength = re.search(r"(?m)^  short_circuit_power: (\d+) MVA", text)
    if strength and units > MOST_AT_13_KV:
        text = re.sub(r"(?m)^(  voltage:) 13\.8 kV", r"\g<1> 34.5 kV", text)
        text = text.replace(
            strength[0], f"  short_circuit_power: {min(int(strength[1]) * units, STRONGEST)} MVA"
        )
    elif strength:
        text = text.replace(strength[0], f"  short_circuit_power: {int(strength[1]) * units} MVA")

    found = re.search(r"(?m)^standby: .*count: (\d+), required: (\d+).*\n", text)
    if not found:
        return text
    needed = -(-int(found[2]) * (full * 2 * ROW + half) // (2 * ROW))
    count = needed + int(found[1]) - int(found[2])
    line = re.sub(r"count: \d+, required: \d+", f"count: {count}, required: {needed}", found[0])
    return text.replace(found[0], line if count <= MOST_GENERATORS else "")


def _block(name: str, repeat: int, start: int, unit: str) -> str:
    """A block of the file with its unit inside."""
    inner = "".join(f"      {line}" if line.strip() else line for line in unit.splitlines(keepends=True))
    copies = f"    repeat: {repeat}\n    pitch: [0 m, {PITCH} m, 0 m]\n" if repeat > 1 else ""
    return f"  - name: {name}\n    origin: [0 m, {start} m, 0 m]\n{copies}    unit:\n{inner}"


def _one_row(unit: str) -> str:
    """The unit with one row of racks: half of the required equipment of each kind, and what is to spare."""
    unit = re.sub(r"(?ms)^  - name: row2\n.*?^\n", "\n", unit)
    unit = re.sub(r"(?m)^    - \{name: rpp\.\w2,.*\n?", "", unit)
    return re.sub(r"count: (\d+), required: (\d+)", _halved, unit)


def _halved(found: re.Match[str]) -> str:
    installed, required = int(found[1]), int(found[2])
    half = -(-required // 2)
    return f"count: {half + installed - required}, required: {half}"
