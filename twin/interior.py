"""What stands and what is open in a hall besides racks, as the air's grid and the pictures take it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.facility import DEVICE_KINDS, Facility
from twin.openings import TILE, corners, end_of
from twin.schema import Unit

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

TITLES = {"cdu": "CDU", "panel": "Power panel", "fan_wall": "Fan wall"}
"""Devices that stand in a hall, by kind."""


@dataclass(frozen=True, eq=False)
class Interior:
    """What a unit's hall has besides racks and devices, boxes (item, 2, 3) in the coordinates of the site [m].

    box : of the hall. depth : of the plenum below it. tiles : of each line, as one, with how many along x and y and the
    share of holes. returns : openings of the ceiling, where the layout has none those over the hot aisles. doors : with
    the axis that each is across. sill : what the outlet of a unit is smaller by than its front. fan :
    pressure without flow [Pa] and flow without pressure [m3/s] outside a unit at full speed; None where not known.
    """

    contained: bool
    crah: bool
    box: Array
    depth: float
    columns: Array
    tiles: Array
    tile_count: Index
    open_share: Array
    returns: Array
    doors: list[tuple[Array, int]]
    sill: Array
    fan: tuple[float, float] | None


def placed(facility: Facility, kind: str) -> Index:
    """Devices of a kind that have a place."""
    devices = facility.devices
    return np.flatnonzero(
        (devices.kind == DEVICE_KINDS.index(kind)) & np.isfinite(devices.box).all(axis=(1, 2))
    )


def standing(facility: Facility, kinds: Sequence[str]) -> Iterator[tuple[str, Index]]:
    """What devices of some kinds that have a place are called, and which; those that blow air by what their block has.

    >>> import twin
    >>> [(title, len(mine)) for title, mine in standing(twin.load("h100-raised-floor"), ["cdu", "fan_wall"])]
    [('CRAH', 3)]
    """
    crah = np.array(
        [one.template.air.units == "crah" for one in facility.layout.blocks for _ in one.placements]
    )
    for kind in kinds:
        mine = placed(facility, kind)
        other = crah[facility.devices.block[mine]] & (kind == "fan_wall")
        for title, part in ((TITLES[kind], mine[~other]), ("CRAH", mine[other])):
            if len(part):
                yield title, part


def interior(facility: Facility, block: int, unit: Unit, aisles: Sequence[tuple[Array, int]]) -> Interior:
    """What the layout of a block says of its hall; unit, aisles : of the block, as of `twin.aisle`."""
    box, room = facility.hall[block], unit.hall
    corner, top = box[0], float(box[1, 2] - box[0, 2])
    floor = room.raised_floor
    depth, lines = (floor.height, floor.tiles) if floor else (0.0, ())
    over = np.array([one for one, _ in aisles]).reshape(-1, 2, 3)
    doors = []
    for door in room.doors:
        for aisle, along in aisles:
            side = end_of(door, aisle - corner, along)
            if side is not None:
                place = np.array([*door.origin, 0.0])
                far = place + np.insert([door.width, door.height], along, 0.0)
                doors.append((np.stack([place, far]) + corner, along))
                doors[-1][0][:, along] = aisle[side, along]
    sill = np.zeros((2, 3))
    product = next(one for one in facility.products if one.name == unit.air.fan_walls.product)
    sill[0, 2] = product.get("outletBottom", 0.0)
    curved = "shutOffPressure" in product.figures
    fan = (float(product["shutOffPressure"]), float(product["freeAirVolume"])) if curved else None
    return Interior(
        unit.air.containment == "hot", unit.air.units == "crah", box, depth,
        corners(room.columns, -depth, top) + corner, corners(lines, 0.0, TILE) + corner,
        np.array([one.count for one in lines], dtype=np.int64).reshape(-1, 2),
        np.array([one.open_share for one in lines]),
        over if room.returns is None else corners(room.returns, 0.0, top) + corner, doors, sill, fan,
    )  # fmt: skip
