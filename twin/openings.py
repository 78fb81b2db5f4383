"""What the openings and columns of a unit's hall have against its racks, its equipment and each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from geometry.row import REAR, hot_aisles, rack_boxes
from twin.catalogue import product, products
from twin.catalogue.kinds import SIDES
from twin.consistency import NEAR, Finding, Solid
from twin.schema import Door, Rectangle, Tiles, Unit

Array = npt.NDArray[np.float64]

TILE = 1e-3
"""Height of a tile over the floor, for it to be in the way of what stands there [m]."""


def corners(rectangles: Sequence[Rectangle], low: float, high: float) -> Array:
    """Boxes over rectangles in plan, tiles of a line as one, from one height to another, (rectangle, 2, 3) [m].

    >>> corners([Rectangle(origin=("1 m", "2 m"), size=("3 m", "4 m"))], 0.0, 0.5).tolist()
    [[[1.0, 2.0, 0.0], [4.0, 6.0, 0.5]]]
    """
    found = np.empty((len(rectangles), 2, 3))
    for box, one in zip(found, rectangles, strict=True):
        sides = np.multiply(one.size, one.count) if isinstance(one, Tiles) else np.array(one.size)
        box[0] = *one.origin, low
        box[1] = *(one.origin + sides), high
    return found


def standing(unit: Unit) -> Iterator[Solid]:
    """Columns and tiles, in whose place nothing else may stand."""
    hall = unit.hall
    for path, noun, listed, top in (
        (("columns",), "column", hall.columns, hall.size[2]),
        (("raised_floor", "tiles"), "tiles", hall.raised_floor.tiles if hall.raised_floor else (), TILE),
    ):
        for number, box in enumerate(corners(listed, 0.0, top)):
            yield Solid(("hall", *path, number), [f"{noun} {number + 1}"], box[None], "move one of them")


def above(unit: Unit) -> Iterator[Solid]:
    """Openings of the ceiling, which have to be in the hall."""
    for number, box in enumerate(corners(unit.hall.returns or (), 0.0, unit.hall.size[2])):
        yield Solid(("hall", "returns", number), [f"return {number + 1}"], box[None], "move one of them")


def opening_findings(unit: Unit) -> Iterator[Finding]:
    """Doors that are not in the panel at an aisle's end, and a raised floor that nothing blows into."""
    if unit.hall.raised_floor and unit.air.units != "crah":
        yield ("hall", "raised_floor"), "needs air.units: crah; fan walls blow from their fronts"
    if unit.hall.doors and unit.air.containment != "hot":
        yield ("hall", "doors"), "stand in the panels of contained hot aisles; set air.containment: hot"
        return
    rows = [row for row in unit.rows if row.rack_type in products("rack")]
    if not unit.hall.doors or len(rows) < len(unit.rows):
        return
    sizes = [[product(row.rack_type, "rack")[side] for side in SIDES] for row in rows]
    boxes = [
        rack_boxes(row.origin, row.pitch, row.count, size, row.facing)
        for row, size in zip(rows, sizes, strict=True)
    ]
    whole = np.array([[one[:, 0].min(axis=0), one[:, 1].max(axis=0)] for one in boxes])
    across, rear = np.array([REAR[row.facing] for row in rows]).T
    aisles = [*zip(*hot_aisles(whole, across, rear), strict=True)]
    for number, door in enumerate(unit.hall.doors):
        if door.height > unit.hall.size[2] + NEAR:
            yield (
                ("hall", "doors", number, "height"),
                f"is more than that of the hall, {unit.hall.size[2]:g} m",
            )
        if not any(end_of(door, box, along) is not None for box, along in aisles):
            ends = "; ".join(_ends(box, along) for box, along in aisles) or "there is none"
            message = f"the door is not at an end of a hot aisle: {ends}"
            yield ("hall", "doors", number, "origin"), message


def end_of(door: Door, box: Array, along: int) -> int | None:
    """End of an aisle, 0 or 1, that a door stands in; None if it stands in neither."""
    place, first = door.origin[along], door.origin[1 - along]
    low, high = box[:, 1 - along]
    if first < low - NEAR or first + door.width > high + NEAR:
        return None
    return next((side for side in (0, 1) if abs(place - box[side, along]) <= NEAR), None)


def _ends(box: Array, along: int) -> str:
    """Where the ends of an aisle are."""
    low, high = box[:, 1 - along]
    first, last = box[:, along]
    return f"{'xy'[along]} is {first:g} or {last:g} m, {'xy'[1 - along]} from {low:g} to {high:g} m"
