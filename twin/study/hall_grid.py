"""The hall of a block on a grid of boxes: solids, panels and openings, with the flows and heat of a solved state.

Cells end at the sides of racks and hot aisles, then of what else the layout tells of the room. Racks, fan walls,
columns and what else stands in the hall are solids. The containment is panels without thickness from the floor to the
ceiling about each hot aisle, or none. Air goes back through openings of the ceiling, into a plenum that is not
modelled and leads to the fan walls, or into the tops of CRAHs where the ceiling has none. CRAHs over a raised floor
blow into cells below it, from which the air rises through tiles: they take pressure and let jets through.

What the layout gives no place passes with the racks: the support equipment of a row draws its air and gives its heat
through the faces of the row's racks, and whips warm that air too. Flows are those of the state: each rack draws what
its product asks for, the fan walls blow what they give, and what leaks from the hot to the cold side passes the panels
above the racks, evenly. Where the panels have no open door, what comes back because too little is blown goes that way
too, and what the cold side then has too much goes through the panels at the aisles' ends. Where the layout gives the
area of the panels' cracks, they are spread evenly over all of them, and the pressure drives what goes through.

Units whose product tells the curve of its fans share what the state has them blow by the pressure against each, see
`twin.study.hall_air`. Not so where the cold side has no outlet: its pressure is any there, and each blows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from geometry.voxel import cell_edges, covered, solid
from thermal import air, tile
from thermal.pump import HeadCurve
from thermal.room import Face, faces
from twin.aisle import aisles_of, lines_of
from twin.errors import InputError
from twin.facility import DEVICE_KINDS, Facility
from twin.interior import Interior, interior
from twin.study.hall_checks import Aisles, misplaced, narrow, problem, remarks, rows_alone, sealed, shut
from twin.study.hall_voxels import Array, Edges, Index, Openings, Solid, Voxels, passed, plan

GRIDS = {"coarse": (0.6, 0.6, 0.3), "fine": (0.3, 0.3, 0.2)}
"""About the widths of cells along x, y and z [m]."""
FAN_WALL = DEVICE_KINDS.index("fan_wall")


def voxels(
    facility: Facility, state: xr.Dataset, block: int = 0, grid: str = "coarse", opened: bool = False
) -> Voxels:
    """The hall of a block on one of GRIDS, with the flows and heat of the first scenario of a state.

    opened : panels through which no air passes may come to let some pass, as when a unit is lost. InputError with
    everything that keeps its air from being modelled.

    >>> import twin
    >>> pod = twin.load()
    >>> made = voxels(pod, twin.solve(pod))
    >>> [len(line) - 1 for line in made.edges], len(made.racks)
    ([27, 15, 15], 16)
    """
    if not bool(state.converged[0]):
        raise InputError(
            [problem(facility, "", "the state has no solution: its air has no heat and no flow")]
        )
    mine = np.flatnonzero(facility.racks.block == block)
    boxes = facility.racks.box[mine]
    lines = [line for line in lines_of(facility) if line.block == block]
    aisles = list(aisles_of(lines))
    hall = interior(facility, block, lines[0].unit, aisles)
    standing = np.isfinite(facility.devices.box).all(axis=(1, 2)) & (facility.devices.block == block)
    walls = np.flatnonzero(
        standing & (facility.devices.kind == FAN_WALL) & (state.device_alive.values[0] == 1)
    )
    units = facility.devices.box[walls]
    edges, floor = _edges(grid, hall, np.concatenate([boxes, *(box[None] for box, _ in aisles)]), units)
    blocked = solid(edges, np.concatenate([facility.devices.box[standing], boxes, hall.columns]))
    problems = [
        *(rows_alone(facility, lines, aisles) if hall.contained else ()),
        *narrow(facility, grid, lines, aisles, edges, boxes, floor),
    ]
    if not len(walls) or not float(state.air_flow[0, block]) > 0.0:
        message = "none is in service, so no air is supplied to the hall"
        problems.append(problem(facility, "air.fan_walls", message))
    if problems:
        raise InputError(problems)

    kinds = faces(blocked.shape, blocked)
    if floor:
        kinds[2][:, :, floor] = Face.WALL
    over, ends = _contain(edges, kinds, aisles, hall.doors, floor) if hall.contained else ((), ())
    ceiling = _ceiling(edges, blocked, hall.returns)
    kinds[2][:, :, -1][ceiling] = Face.OUTLET
    rears = {line.index: (line.across, line.rear) for line in lines}
    ways = [(box, *rears[row]) for box, row in zip(boxes, facility.racks.row[mine], strict=True)]
    fronts, backs = (_sides(edges, blocked, ways, ahead) for ahead in (False, True))
    middle = boxes.mean(axis=(0, 1))[0]
    down = [(box, 2, -1) for box in units]
    ahead = [(box + hall.sill, 0, 1 if box[:, 0].mean() < middle else -1) for box in units]
    supplies = _sides(edges, blocked, down if floor else ahead, True)
    draws = hall.crah and not ceiling.any()
    intakes = _sides(edges, blocked, down, False) if draws else ()
    tiles = _tiles(edges, blocked, hall.tiles, floor)
    area = lines[0].unit.air.leakage_area or 0.0
    if area and not hall.contained:
        message = (
            "is of the panels of hot aisles, which containment: none leaves out; must not be given with it"
        )
        problems.append(problem(facility, "air.leakage_area", message))
        area = 0.0
    cracks = tuple(_shut_part(one, kinds) for one in (*over, *_turned(ends))) if area else ()
    panels = sum(float(one.area.sum()) for one in cracks)
    loss, jet = _resisting(kinds, hall, tiles) if tiles or area else (None, None)
    if area and loss:
        if area < panels:
            _cracked(kinds, cracks, area / panels, loss)
        else:
            message = f"{area:g} m2 of cracks in panels of {panels:.4g} m2; must be less than the panels"
            problems.append(problem(facility, "air.leakage_area", message))
    if hall.fan is not None and draws and not floor:
        message = (
            "a unit that draws at its top and blows from its front has no curve of fans here: leave out "
            "shutOffPressure and freeAirVolume, or give the hall ceiling returns or a raised floor"
        )
        problems.append(problem(facility, "air.fan_walls.product", message))
    if hall.fan is not None and not min(hall.fan) > 0.0:
        message = "the product's shutOffPressure and freeAirVolume must be above 0"
        problems.append(problem(facility, "air.fan_walls.product", message))
    names = [facility.racks.name[n] for n in mine], [facility.devices.name[n] for n in walls]
    problems += [
        *(one for side in (fronts, backs) for one in shut(facility, names[0], side, "front or rear")),
        *shut(facility, names[1], supplies, "opening"),
        *(shut(facility, names[1], intakes, "top") if draws else ()),
        *misplaced(facility, edges, hall, aisles, tiles),
    ]
    flow, rise = state.air_face_flow.values[0, mine], state.air_face_rise.values[0, mine]
    front = np.average(state.air_inlet_temperature.values[0, mine], weights=flow if flow.any() else None)
    density = float(air.density(front, facility.pressure[block]))
    supply, drawn = float(state.air_flow[0, block]), float(flow.sum())
    parted = hall.contained and not hall.doors and not area
    leakage = float(facility.cooling.leakage[block]) * drawn if hall.contained and not area else 0.0
    leaked, spilt = passed(parted, leakage, drawn, supply)
    over_open, ends_open = leaked > 0.0 or (opened and parted), spilt > 0.0 or (opened and parted)
    if over_open and not any(len(one.owner) for one in over):
        problems.append(
            problem(facility, "hall.size", "no panel above the racks for what comes back from the hot aisle")
        )
    if spilt and not any(len(one.owner) for one in ends):
        problems.append(
            problem(facility, "rows", "no panel at an aisle's end for the air the racks do not take")
        )
    if problems:
        raise InputError(problems)
    # A cold side without an outlet: what is blown in and leaks in is to the last digit what is drawn and spilt.
    blown = drawn + spilt - leaked if parted else supply
    running = 1.0 - float(
        np.broadcast_to(facility.operation.failed_fans, (1, len(facility.blocks)))[0, block]
    )
    made = Voxels(
        edges, blocked, kinds, mine, flow, rise, walls, np.full(len(walls), 1.0 / len(walls)),
        None if parted else _curve(hall, density / facility.cooling.rating_air_density[block], running), blown,
        float(state.air_supply_temperature[0, block]), density, parted, leakage, leaked, spilt, fronts, backs,
        supplies, intakes, tiles, cracks, loss, jet, over if over_open else (), ends if ends_open else (),
        ceiling, tuple(remarks(facility, block, hall, edges, supply, drawn, leaked, parted)),
    )  # fmt: skip
    for openings, _ in made.blown():
        for one in openings:
            kinds[one.axis][one.face] = Face.FIXED
    problems = list(sealed(facility, made, lines))
    if problems:
        raise InputError(problems)
    return made


def _edges(grid: str, hall: Interior, first: Array, units: Array) -> tuple[Edges, int]:
    """Ends of the cells, and how many of them along z are below the floor.

    first : boxes that cells have to end at before those of the room.
    """
    # A unit of a fan wall is one of a wall of them, whose sides matter little; a CRAH blows by itself.
    own = np.concatenate([units, units + hall.sill]) if hall.crah else units[:0]
    doors = np.array([box for box, _ in hall.doors]).reshape(-1, 2, 3)
    room = np.concatenate([hall.columns, hall.tiles, doors, hall.returns])
    x, y, z = (
        cell_edges(
            *hall.box[:, axis],
            np.concatenate([np.unique(boxes[:, :, axis]) for boxes in (first, room, own)]),
            GRIDS[grid][axis],
        )
        for axis in range(3)
    )
    if not hall.depth:
        return (x, y, z), 0
    floor = hall.box[0, 2]
    below = cell_edges(floor - hall.depth, floor, np.zeros(0), GRIDS[grid][2])[:-1]
    return (x, y, np.concatenate([below, z])), len(below)


def _curve(hall: Interior, dense: float, running: float) -> HeadCurve | None:
    """Of a unit's fans in air so dense over that of the rating: a parabola without a slope at no flow.

    running : share of the fans side by side in a unit that have not failed.
    """
    if hall.fan is None:
        return None
    shut, free = hall.fan[0], running * hall.fan[1]
    return (dense * shut, 0.0, -dense * shut / free**2)


def _ceiling(edges: Edges, blocked: Solid, returns: Array) -> Solid:
    """Cells under the openings of the ceiling, (nx, ny)."""
    found = np.zeros(blocked.shape[:2], dtype=bool)
    for box in returns:
        under = plan(edges, box)
        found[under] = ~blocked[(*under, -1)]
    return found


def _tiles(edges: Edges, blocked: Solid, tiles: Array, floor: int) -> tuple[Openings, ...]:
    """Faces of the raised floor that are tiles."""
    listed = []
    for owner, box in enumerate(tiles):
        where = plan(edges, box)
        open_ = ~(blocked[(*where, floor)] | blocked[(*where, floor - 1)])
        place = np.argwhere(open_) + [where[0].start, where[1].start]
        listed.append((owner, np.insert(place, 2, floor, axis=1), 1))
    return (_openings(edges, 2, listed),) if listed else ()


def _resisting(
    kinds: tuple[npt.NDArray[np.uint8], ...], hall: Interior, tiles: tuple[Openings, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Makes the faces of tiles porous: their loss and the momentum of their jets, fields of the faces."""
    loss, jet = (tuple(np.zeros(kind.shape) for kind in kinds) for _ in range(2))
    for one in tiles:
        # The faces are a little larger or smaller than the tiles, and so the speed in them another.
        drawn = np.prod(hall.tiles[:, 1, :2] - hall.tiles[:, 0, :2], axis=1)
        wider = np.bincount(one.owner, one.area, len(drawn)) / drawn
        kinds[one.axis][one.face] = Face.POROUS
        loss[one.axis][one.face] = (tile.loss_coefficient(hall.open_share) * wider**2)[one.owner]
        jet[one.axis][one.face] = np.maximum(wider / hall.open_share - 1.0, 0.0)[one.owner]
    return loss, jet


def _turned(openings: tuple[Openings, ...]) -> tuple[Openings, ...]:
    """Openings with the air the other way."""
    return tuple(replace(one, sign=-one.sign) for one in openings)


def _shut_part(one: Openings, kinds: tuple[npt.NDArray[np.uint8], ...]) -> Openings:
    """Of openings those whose faces are walls: panels without their doors."""
    shut = kinds[one.axis][one.face] == Face.WALL
    x, y, z = (place[shut] for place in one.face)
    return Openings(one.axis, one.owner[shut], (x, y, z), one.sign[shut], one.area[shut])


def _cracked(
    kinds: tuple[npt.NDArray[np.uint8], ...],
    panels: tuple[Openings, ...],
    share: float,
    loss: Sequence[Array],
) -> None:
    """Makes panels porous of which a share is cracks, by the law of the orifice.

    Their jets, thin and in all directions, are taken to bring no momentum.
    """
    for one in panels:
        kinds[one.axis][one.face] = Face.POROUS
        loss[one.axis][one.face] = tile.leak_coefficient(share)


def _openings(edges: Edges, axis: int, listed: list[tuple[int, Index, int]]) -> Openings:
    """Openings from owner, places (face, 3) and sign."""
    face = np.concatenate([place for _, place, _ in listed] or [np.zeros((0, 3), dtype=np.int64)]).T
    count = [len(place) for _, place, _ in listed]
    area = np.ones(face.shape[1])
    for other in {0, 1, 2} - {axis}:
        area = area * np.diff(edges[other])[face[other]]
    owner = np.repeat(np.array([n for n, _, _ in listed], dtype=np.int64), count)
    sign = np.repeat(np.array([sign for _, _, sign in listed], dtype=np.float64), count)
    return Openings(axis, owner, (face[0], face[1], face[2]), sign, area)


def _sides(
    edges: Edges,
    blocked: Solid,
    ways: list[tuple[Array, int, int]],
    ahead: bool,
) -> tuple[Openings, ...]:
    """Sides of boxes that air leaves by, or without `ahead` enters by, where they are not against a solid.

    ways : box, the axis along which air goes through it, and the sign.
    """
    found = []
    for axis in range(3):
        listed = []
        for owner, (box, across, sign) in enumerate(ways):
            if across != axis:
                continue
            spans = [covered(edges[n], *box[:, n]) for n in range(3)]
            upper = (sign > 0) == ahead
            face = int(spans[axis][1 if upper else 0])
            outside = face if upper else face - 1
            if not 0 <= outside < blocked.shape[axis]:
                continue
            spans[axis] = np.array([outside, outside + 1])
            air_cells = ~blocked[tuple(slice(*span) for span in spans)]
            place = np.argwhere(air_cells) + [span[0] for span in spans]
            place[:, axis] = face
            listed.append((owner, place, sign))
        found.append(_openings(edges, axis, listed))
    return tuple(found)


def _contain(
    edges: Edges,
    kinds: tuple[npt.NDArray[np.uint8], ...],
    aisles: Aisles,
    doors: list[tuple[Array, int]],
    floor: int,
) -> tuple[tuple[Openings, ...], tuple[Openings, ...]]:
    """Walls the hot aisles in from the floor to the ceiling, but for open doors: panels beside, with signs out of the
    aisle, and panels at the ends, with signs into it."""
    before = [kind.copy() for kind in kinds]
    panels: dict[tuple[bool, int], list[tuple[int, Index, int]]] = {}
    for box, along in aisles:
        spans = [covered(edges[n], *box[:, n]) for n in (0, 1)]
        for axis in (0, 1):
            for side, outward in ((0, -1), (1, 1)):
                where = [*(slice(*span) for span in spans), slice(floor, None)]
                where[axis] = slice(spans[axis][side], spans[axis][side] + 1)
                part = kinds[axis][tuple(where)]
                place = np.argwhere(part == Face.FREE) + [one.start for one in where]
                part[:] = Face.WALL
                end = axis == along
                panels.setdefault((end, axis), []).append((0, place, -outward if end else outward))
    for box, along in doors:
        where = [slice(*covered(edges[n], *box[:, n])) for n in range(3)]
        where[along] = slice(where[along].start, where[along].start + 1)
        kinds[along][tuple(where)] = before[along][tuple(where)]
    over, ends = (
        tuple(_openings(edges, axis, panels.get((end, axis), [])) for axis in (0, 1)) for end in (False, True)
    )
    return over, ends
