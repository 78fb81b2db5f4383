"""What the viewer draws of a facility, as plain arrays in metres: boxes, pipes, trays, aisles, halls, openings.

What the layout gives no place is not in the scene: no CDUs with a place, no pipes; no panel with a place, no busway.
Routes are those a fitter would take along the axes of the hall; their lengths in the physics are the layout's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geometry.route import along_axes, tray_boxes
from twin.aisle import Line, aisles_of, lines_of
from twin.facility import Facility
from twin.interior import TITLES, interior, placed, standing

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

MANIFOLD = 2.55
"""Height of the supply pipes above the racks [m]: 100.5 in, hall of the OCP Deschutes CDU specification."""
RETURN_ABOVE = 0.22
"""Of the return pipes above the supply, so that the two cross freely [m]."""
CABLE_LEVELS = (2.93, 3.24, 3.54)
"""Heights of the cable levels above the racks [m]: hall of the OCP Deschutes CDU specification."""
CLEAR = 0.2
"""Least height of a pipe or tray above the racks, where they are taller than that hall's [m]."""
BEHIND = {"supply": 0.12, "return": 0.28}
"""Of a header from the rear of its racks [m]."""
ASIDE = {"supply": -0.25, "return": 0.25}
"""Of a main from the middle of the CDUs [m]."""
LANE = 0.3
"""From one busway of a level to the next [m]."""
TRAY = (0.12, 0.16)
"""Width and height of a busway [m]; drawn only."""
INSET = 0.1
"""Of a riser from the side of its panel [m]."""
FABRIC = ("Column", "Raised floor", "Perforated tile", "Open door", "Ceiling return")
"""What stands and what is open in a hall besides its equipment."""


@dataclass(frozen=True)
class Solids:
    """Boxes of one kind of device."""

    title: str
    device: Index
    """Index of each among the facility's devices."""
    box: Array
    """(item, 2, 3) [m]."""


@dataclass(frozen=True)
class Pipes:
    """Polylines of one side of the loops, with the diameter inside the pipe."""

    line: tuple[Array, ...]
    """Each (corner, 3) [m]."""
    diameter: Array
    """(line,) [m]."""


@dataclass(frozen=True)
class Scene:
    """All that stands and runs in the halls."""

    rack: Index
    """Index of each rack drawn among the facility's."""
    racks: Array
    """(rack, 2, 3) [m]."""
    solids: tuple[Solids, ...]
    supply: Pipes
    return_: Pipes
    busway: Array
    """Boxes of busway runs, (run, 2, 3) [m]."""
    busway_panel: Index
    """(run,) device that feeds the run."""
    aisles: Array
    """Contained hot aisles, (aisle, 2, 3) [m]."""
    aisle_along: Index
    """(aisle,) axis the aisle runs along."""
    aisle_top: Array
    """(aisle,) height of the ceiling that its panels reach [m]."""
    fabric: Mapping[str, Array]
    """What else the layout tells of the halls, by FABRIC: boxes (item, 2, 3) [m], flat where they are openings."""
    halls: Array
    """(block, 2, 3) [m]."""
    front: tuple[float, float]
    """Direction towards which most racks face, in plan."""


def scene(facility: Facility, block: int | None = None) -> Scene:
    """The scene of a facility, or of one of its blocks alone.

    >>> import twin
    >>> drawn = scene(twin.load())
    >>> len(drawn.racks), [(solid.title, len(solid.box)) for solid in drawn.solids], len(drawn.aisles)
    (16, [('CDU', 4), ('Power panel', 8), ('Fan wall', 3)], 1)
    """
    lines = [line for line in lines_of(facility) if block in (None, line.block)]
    pipes = {side: _pipes(facility, lines, side) for side in ("supply", "return")}
    racks = np.flatnonzero(_within(facility.racks.block, block))
    trays = list(_busways(facility, lines))
    aisles, top, fabric = _rooms(facility, lines)
    return Scene(
        rack=racks,
        racks=facility.racks.box[racks],
        solids=tuple(_solids(facility, block)),
        supply=pipes["supply"],
        return_=pipes["return"],
        busway=np.concatenate([boxes for boxes, _ in trays]) if trays else np.empty((0, 2, 3)),
        busway_panel=np.repeat([device for _, device in trays], [len(boxes) for boxes, _ in trays]).astype(
            np.int64
        ),
        aisles=np.array([box for box, _ in aisles]).reshape(-1, 2, 3),
        aisle_along=np.array([along for _, along in aisles], dtype=np.int64),
        aisle_top=np.array(top),
        fabric=fabric,
        halls=facility.hall[_within(np.arange(len(facility.hall)), block)],
        front=_front(lines),
    )


def _rooms(
    facility: Facility, lines: list[Line]
) -> tuple[list[tuple[Array, int]], list[float], dict[str, Array]]:
    """Contained aisles, the heights of their ceilings, and the fabric of the halls that the lines stand in."""
    contained: list[tuple[Array, int]] = []
    top: list[float] = []
    found: dict[str, list[Array]] = {title: [np.empty((0, 2, 3))] for title in FABRIC}
    for block in sorted({line.block for line in lines}):
        mine = [line for line in lines if line.block == block]
        aisles = list(aisles_of(mine))
        hall = interior(facility, block, mine[0].unit, aisles)
        if hall.contained:
            contained += aisles
            top += [float(hall.box[1, 2])] * len(aisles)
        plenum = hall.box[None].copy()
        plenum[:, :, 2] = hall.box[0, 2] - [hall.depth, 0.0]
        overhead = hall.returns.copy()
        overhead[:, 0, 2] = overhead[:, 1, 2] = hall.box[1, 2]
        found["Column"].append(hall.columns)
        found["Raised floor"].append(plenum if hall.depth else plenum[:0])
        found["Perforated tile"] += [_each(*one) for one in zip(hall.tiles, hall.tile_count, strict=True)]
        found["Open door"] += [box[None] for box, _ in hall.doors]
        found["Ceiling return"].append(overhead)
    return contained, top, {title: np.concatenate(boxes) for title, boxes in found.items()}


def _each(box: Array, count: Index) -> Array:
    """The tiles of a line, (tile, 2, 3)."""
    x, y = (np.linspace(*box[:, axis], count[axis] + 1) for axis in range(2))
    boxes = np.repeat(box[None], count.prod(), axis=0)
    for end in (0, 1):
        place = np.meshgrid(x[end : len(x) - 1 + end], y[end : len(y) - 1 + end])
        boxes[:, end, :2] = np.stack(place, axis=-1).reshape(-1, 2)
    return boxes


def _front(lines: list[Line]) -> tuple[float, float]:
    """The side that most racks face; the south where two face as many."""
    count = dict.fromkeys(("south", "east", "west", "north"), 0)
    for line in lines:
        count[line.row.facing] += line.row.count
    side = max(count, key=lambda name: count[name])
    return {"south": (0.0, -1.0), "east": (1.0, 0.0), "west": (-1.0, 0.0), "north": (0.0, 1.0)}[side]


def _within(blocks: Index, block: int | None) -> npt.NDArray[np.bool_]:
    return np.ones(len(blocks), dtype=bool) if block is None else blocks == block


def _solids(facility: Facility, block: int | None) -> Iterator[Solids]:
    for title, every in standing(facility, list(TITLES)):
        mine = every[_within(facility.devices.block[every], block)]
        if len(mine):
            yield Solids(title, mine, facility.devices.box[mine])


def _pipes(facility: Facility, lines: list[Line], side: str) -> Pipes:
    """Main, headers and drops of one side of all loops whose CDUs have a place."""
    cooling, boxes = facility.cooling, facility.devices.box
    cdus = placed(facility, "cdu")
    found: list[Array] = []
    diameter: list[float] = []
    for block in sorted({line.block for line in lines} & set(facility.devices.block[cdus].tolist())):
        mine = boxes[cdus[facility.devices.block[cdus] == block]]
        rows = [line for line in lines if line.block == block]
        main, branch = (float(cooling.pipe[f"{name}_diameter"][block]) for name in ("main", "branch"))
        x = float(mine.mean(axis=(0, 1))[0]) + ASIDE[side]
        middle = float(mine.mean(axis=(0, 1))[1])
        floor = float(mine[:, 0, 2].min())
        z = max([floor + MANIFOLD, *(top + CLEAR for top in (*mine[:, 1, 2], *(row.top for row in rows)))])
        z += RETURN_ABOVE if side == "return" else 0.0
        meets = []
        for line in rows:
            header, run = _header(line, side, z, x, middle)
            found += [header, run]
            diameter += [float(cooling.row_pipe["diameter"][line.index]), main]
            meets.append(run[-1, 1])
            drops = _drops(line, side, z)
            found += list(drops)
            diameter += [branch] * len(drops)
        centre = mine.mean(axis=1)[:, 1]
        reach = np.array([*centre, *meets])
        found.append(np.array([[x, reach.min(), z], [x, reach.max(), z]]))
        found += [np.array([[x, y, top], [x, y, z]]) for y, top in zip(centre, mine[:, 1, 2], strict=True)]
        diameter += [main] * (1 + len(mine))
    return Pipes(tuple(found), np.array(diameter))


def _header(line: Line, side: str, z: float, x: float, y: float) -> tuple[Array, Array]:
    """The header above a row from its far rack to its near one, and the main from there to the CDUs' main at x.

    y : the middle of the CDUs, towards which a row along y leads.
    """
    centre = np.sort(line.box.mean(axis=1)[:, line.along])
    target = x if line.along == 0 else y
    far, near = centre[[0, -1]] if abs(centre[-1] - target) <= abs(centre[0] - target) else centre[[-1, 0]]
    ends = np.empty((2, 3))
    ends[:, line.along], ends[:, line.across], ends[:, 2] = (far, near), line.behind(BEHIND[side]), z
    run = np.stack([ends[1], ends[1]])
    run[1, 0] = x
    return ends, run


def _drops(line: Line, side: str, z: float) -> Array:
    """From the header down to each rack, (rack, 2, 3)."""
    drops = np.repeat(line.box.mean(axis=1)[:, None, :], 2, axis=1)
    drops[:, :, line.across] = line.behind(BEHIND[side])
    drops[:, 0, 2], drops[:, 1, 2] = z, line.box[:, 1, 2]
    return drops


def _busways(facility: Facility, lines: list[Line]) -> Iterator[tuple[Array, int]]:
    """Boxes of the busway from each panel along its row, and the panel; the feeds fill the levels lane by lane."""
    place = {name: number for number, name in enumerate(facility.devices.name)}
    panels = set(placed(facility, "panel").tolist())
    for line in lines:
        feeds = line.row.feeds
        levels = -(-len(feeds) // -(-len(feeds) // len(CABLE_LEVELS)))
        lanes = -(-len(feeds) // levels)
        # Never as low as the pipes, however tall the racks.
        lift = max(0.0, line.top + CLEAR - MANIFOLD - line.placed.offset[2])
        for order, feed in enumerate(feeds):
            device = place[f"{line.placed.prefix}{feed}"]
            if device not in panels:
                continue
            lane = line.box.mean(axis=(0, 1))[line.across]
            lane += line.rear * LANE * (order // levels - (lanes - 1) / 2)
            z = line.placed.offset[2] + CABLE_LEVELS[order % levels] + lift
            yield tray_boxes(_busway(line, facility.devices.box[device], lane, z), *TRAY), device


def _busway(line: Line, panel: Array, lane: float, z: float) -> Array:
    """Corners of a busway: up from its panel, across to its lane, along the row to the far end."""
    low, high = line.box[:, 0, line.along].min(), line.box[:, 1, line.along].max()
    start = panel.mean(axis=0)
    start[2] = panel[1, 2]
    # Straight up beside the lane where the panel stands under it.
    start[line.across] = np.clip(lane, panel[0, line.across] + INSET, panel[1, line.across] - INSET)
    end = np.empty(3)
    end[line.along] = low if start[line.along] > (low + high) / 2 else high
    end[line.across], end[2] = lane, z
    return along_axes(start, end, "zyx" if line.along == 0 else "zxy")
