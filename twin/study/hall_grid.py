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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.voxel import cell_edges, covered, solid
from thermal import air, tile
from thermal.pump import HeadCurve
from thermal.room import Face, faces
from twin.aisle import Line, aisles_of, lines_of
from twin.errors import InputError, Problem
from twin.facility import DEVICE_KINDS, Facility
from twin.interior import Interior, interior

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Solid = npt.NDArray[np.bool_]
Edges = tuple[Array, Array, Array]
Aisles = list[tuple[Array, int]]

GRIDS = {"coarse": (0.6, 0.6, 0.3), "fine": (0.3, 0.3, 0.2)}
"""About the widths of cells along x, y and z [m]."""
LEAST_CELLS = 2
"""Across an aisle; through one cell air passes at one speed."""
FAN_WALL = DEVICE_KINDS.index("fan_wall")
SMALL = 1e-9
"""Of the air drawn, what is only rounding."""
UNBALANCED = 1e-6
"""Of the air drawn, what a part of the hall without an outlet may gain or lose; more than rounding."""


@dataclass(frozen=True, eq=False)
class Openings:
    """Faces across one axis through which air passes at a given speed.

    owner : whose they are. face : their places among the faces (axis, then x, y, z). sign : 1 where air goes upwards
    along the axis. area : [m2].
    """

    axis: int
    owner: Index
    face: tuple[Index, Index, Index]
    sign: Array
    area: Array

    def low(self) -> tuple[Index, ...]:
        """The cells below the faces."""
        return tuple(place - (n == self.axis) for n, place in enumerate(self.face))

    def upstream(self) -> tuple[Index, ...]:
        """The cells that the air comes from."""
        return tuple(np.where((self.sign > 0) & (n == self.axis), place - 1, place)
                     for n, place in enumerate(self.face))  # fmt: skip

    def downstream(self) -> tuple[Index, ...]:
        """The cells that it goes to."""
        return tuple(np.where((self.sign < 0) & (n == self.axis), place - 1, place)
                     for n, place in enumerate(self.face))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Voxels:
    """A hall on its grid. Of each list of openings one is of the faces across each axis.

    racks, rises : index of each rack among the facility's, and how much warmer its air leaves it [K]. flow : through
    each, that of support equipment with it [m3/s]. units, share : index of each fan wall or CRAH among the devices, and
    its part of the supply. curve : of the fans of each, pressure over flow at full speed and the density here, as of
    `thermal.pump.head`; None where each blows the same. parted : the cold side has no outlet. leakage : the least that
    leaks to it [m3/s]. walls, intakes : where units blow, and draw from the hall if they do. tiles : of each line of
    them, through which air passes as it likes, and cracks : panels through which it does, with signs out of the aisle.
    loss, jet : of both, as `thermal.room.room` takes them; None without. ceiling : cells under the openings of the
    ceiling (nx, ny).
    """

    edges: Edges
    solid: Solid
    kinds: tuple[npt.NDArray[np.uint8], ...]
    racks: Index
    flow: Array
    rise: Array
    units: Index
    share: Array
    curve: HeadCurve | None
    supply: float
    supply_temperature: float
    density: float
    parted: bool
    leakage: float
    leaked: float
    spilt: float
    fronts: tuple[Openings, ...]
    rears: tuple[Openings, ...]
    walls: tuple[Openings, ...]
    intakes: tuple[Openings, ...]
    tiles: tuple[Openings, ...]
    cracks: tuple[Openings, ...]
    loss: tuple[Array, ...] | None
    jet: tuple[Array, ...] | None
    leaks: tuple[Openings, ...]
    spills: tuple[Openings, ...]
    ceiling: Solid
    remarks: tuple[str, ...]

    @property
    def heat(self) -> float:
        """Of all that warms the air [W]."""
        return float(self.density * air.HEAT_CAPACITY * (self.flow * self.rise).sum())

    @property
    def volume(self) -> float:
        """Of the air [m3]."""
        x, y, z = (np.diff(line) for line in self.edges)
        return float((x[:, None, None] * y[:, None] * z)[~self.solid].sum())

    @property
    def passing(self) -> tuple[Openings, ...]:
        """Openings through which air passes as warm as it comes."""
        return (*self.leaks, *self.spills)

    def crossed(self, velocity: Sequence[Array]) -> tuple[float, float]:
        """Air from the hot to the cold side, and from the cold to the hot side past the racks [m3/s].

        velocity : fields of the faces across x, y, z.
        """
        flow = [one.area * one.sign * velocity[one.axis][one.face] for one in self.cracks]
        back, past = (sum(float(np.maximum(way * one, 0.0).sum()) for one in flow) for way in (1.0, -1.0))
        return self.leaked + back, self.spilt + past

    def blown(self) -> Iterator[tuple[tuple[Openings, ...], Array]]:
        """All openings through which air passes at a given speed, with the flow of each owner [m3/s]."""
        each = self.supply * self.share
        yield from (
            (self.fronts, self.flow),
            (self.rears, self.flow),
            (self.walls, each),
            (self.intakes, each),
        )
        yield from ((self.leaks, np.array([self.leaked])), (self.spills, np.array([self.spilt])))

    def blowing(self, each: Array) -> Voxels:
        """The hall with so much air of each unit [m3/s]; what leaks and passes by follows."""
        drawn, supply = float(self.flow.sum()), float(each.sum())
        leaked, spilt = _passed(self.parted, self.leakage, drawn, supply)
        blown = drawn + spilt - leaked if self.parted else supply
        share = each / supply if supply > 0.0 else np.full(len(each), 1.0 / len(each))
        return replace(self, supply=blown, share=share, leaked=leaked, spilt=spilt)


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
            [_problem(facility, "", "the state has no solution: its air has no heat and no flow")]
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
        *(_rows_alone(facility, lines, aisles) if hall.contained else ()),
        *_narrow(facility, grid, lines, aisles, edges, boxes, floor),
    ]
    if not len(walls) or not float(state.air_flow[0, block]) > 0.0:
        message = "none is in service, so no air is supplied to the hall"
        problems.append(_problem(facility, "air.fan_walls", message))
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
        problems.append(_problem(facility, "air.leakage_area", message))
        area = 0.0
    cracks = tuple(_shut_part(one, kinds) for one in (*over, *_turned(ends))) if area else ()
    panels = sum(float(one.area.sum()) for one in cracks)
    loss, jet = _resisting(kinds, hall, tiles) if tiles or area else (None, None)
    if area and loss:
        if area < panels:
            _cracked(kinds, cracks, area / panels, loss)
        else:
            message = f"{area:g} m2 of cracks in panels of {panels:.4g} m2; must be less than the panels"
            problems.append(_problem(facility, "air.leakage_area", message))
    if hall.fan is not None and not min(hall.fan) > 0.0:
        message = "the product's shutOffPressure and freeAirVolume must be above 0"
        problems.append(_problem(facility, "air.fan_walls.product", message))
    names = [facility.racks.name[n] for n in mine], [facility.devices.name[n] for n in walls]
    problems += [
        *(one for side in (fronts, backs) for one in _shut(facility, names[0], side, "front or rear")),
        *_shut(facility, names[1], supplies, "opening"),
        *(_shut(facility, names[1], intakes, "top") if draws else ()),
        *_misplaced(facility, edges, hall, aisles, tiles),
    ]
    flow, rise = state.air_face_flow.values[0, mine], state.air_face_rise.values[0, mine]
    front = np.average(state.air_inlet_temperature.values[0, mine], weights=flow if flow.any() else None)
    density = float(air.density(front, facility.pressure[block]))
    supply, drawn = float(state.air_flow[0, block]), float(flow.sum())
    parted = hall.contained and not hall.doors and not area
    leakage = float(facility.cooling.leakage[block]) * drawn if hall.contained and not area else 0.0
    leaked, spilt = _passed(parted, leakage, drawn, supply)
    over_open, ends_open = leaked > 0.0 or (opened and parted), spilt > 0.0 or (opened and parted)
    if over_open and not any(len(one.owner) for one in over):
        problems.append(
            _problem(facility, "hall.size", "no panel above the racks for what comes back from the hot aisle")
        )
    if spilt and not any(len(one.owner) for one in ends):
        problems.append(
            _problem(facility, "rows", "no panel at an aisle's end for the air the racks do not take")
        )
    if problems:
        raise InputError(problems)
    # A cold side without an outlet: what is blown in and leaks in is to the last digit what is drawn and spilt.
    blown = drawn + spilt - leaked if parted else supply
    made = Voxels(
        edges, blocked, kinds, mine, flow, rise, walls, np.full(len(walls), 1.0 / len(walls)),
        None if parted else _curve(hall, density / facility.cooling.rating_air_density[block]), blown,
        float(state.air_supply_temperature[0, block]), density, parted, leakage, leaked, spilt, fronts, backs,
        supplies, intakes, tiles, cracks, loss, jet, over if over_open else (), ends if ends_open else (),
        ceiling, tuple(_remarks(facility, block, hall, edges, supply, drawn, leaked, parted)),
    )  # fmt: skip
    for openings, _ in made.blown():
        for one in openings:
            kinds[one.axis][one.face] = Face.FIXED
    problems = list(_sealed(facility, made, lines))
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


def _passed(parted: bool, leakage: float, drawn: float, supply: float) -> tuple[float, float]:
    """Air from the hot to the cold side, and from the cold to the hot side past the racks [m3/s].

    A cold side that has no outlet gets back what it draws too much, and gives off what it does not draw.
    """
    leaked = max(leakage, drawn - supply) if parted else leakage
    leaked = leaked if leaked > SMALL * drawn else 0.0
    spilt = supply + leaked - drawn if parted else 0.0
    return leaked, spilt if spilt > SMALL * drawn else 0.0


def _curve(hall: Interior, dense: float) -> HeadCurve | None:
    """Of a unit's fans in air so dense over that of the rating: a parabola without a slope at no flow."""
    if hall.fan is None:
        return None
    shut, free = hall.fan
    return (dense * shut, 0.0, -dense * shut / free**2)


def _problem(facility: Facility, path: str, message: str) -> Problem:
    return Problem(facility.name, None, None, path, message)


def _rows_alone(facility: Facility, lines: list[Line], aisles: Aisles) -> Iterator[Problem]:
    """Rows with no contained hot aisle behind them, through which their air would go back to the fan walls."""
    for line in lines:
        side = 0 if line.rear > 0 else 1
        backs = [box[side, line.across] for box, along in aisles if along == line.along]
        if not np.isclose(backs, line.back).any():
            message = (
                "no contained hot aisle behind it and so no return for its air; the field needs rows that turn "
                "their rears to each other"
            )
            yield _problem(facility, f"rows[{line.row.name}]", message)


def _narrow(
    facility: Facility,
    grid: str,
    lines: list[Line],
    aisles: Aisles,
    edges: Edges,
    boxes: Array,
    floor: int,
) -> Iterator[Problem]:
    """Aisles of less than LEAST_CELLS cells."""

    def told(name: str, width: float) -> Problem:
        finer = "; take the grid 'fine'" if grid == "coarse" else ""
        message = f"{width:.2f} m is less than {LEAST_CELLS} cells of the grid '{grid}'{finer}"
        return _problem(facility, name, message)

    for box, along in aisles:
        first, last = covered(edges[1 - along], *box[:, 1 - along])
        if last - first < LEAST_CELLS:
            yield told("hot aisle", float(np.diff(box[:, 1 - along])[0]))
    racks = solid(edges, boxes)
    for line in lines:
        middle = [int(covered(edges[n], value, value)[0]) for n, value in enumerate(line.box[0].mean(axis=0))]
        across = racks.take(middle[line.along], axis=line.along).take(floor, axis=-1)
        first, last = covered(edges[line.across], *line.box[0, :, line.across])
        place = edges[line.across]
        for side, low in (("before", line.rear > 0), ("behind", line.rear < 0)):
            ahead = across[:first][::-1] if low else across[last:]
            free = int(np.argmax(ahead)) if ahead.any() else len(ahead)
            if side == "behind" and ahead.any():
                continue  # a hot aisle, which has been looked at, or the cold aisle of the next row
            if free < LEAST_CELLS:
                ends = (first - free, first) if low else (last, last + free)
                yield told(f"aisle {side} rows[{line.row.name}]", float(place[ends[1]] - place[ends[0]]))


def _shut(facility: Facility, names: list[str], side: tuple[Openings, ...], what: str) -> Iterator[Problem]:
    """Racks and units that air can neither leave nor enter by a side."""
    free = {int(n) for one in side for n in one.owner}
    for n in sorted(set(range(len(names))) - free):
        yield _problem(facility, names[n], f"a solid stands before the whole of its {what}")


def _misplaced(
    facility: Facility, edges: Edges, hall: Interior, aisles: Aisles, tiles: tuple[Openings, ...]
) -> Iterator[Problem]:
    """Tiles and doors that are nothing on the grid, and returns outside of contained aisles."""
    owned = {int(n) for one in tiles for n in one.owner}
    for n in sorted(set(range(len(hall.tiles))) - owned):
        yield _problem(facility, f"hall.raised_floor.tiles[{n}]", "is too small for a cell of the grid")
    for n, (box, along) in enumerate(hall.doors):
        spans = [covered(edges[axis], *box[:, axis]) for axis in (1 - along, 2)]
        if any(first == last for first, last in spans):
            yield _problem(facility, f"hall.doors[{n}]", "is too small for a cell of the grid")
    if hall.contained:
        inside = np.zeros([len(line) - 1 for line in edges[:2]], dtype=bool)
        for box, _ in aisles:
            inside[_plan(edges, box)] = True
        for n, box in enumerate(hall.returns):
            if not inside[_plan(edges, box)].all():
                message = (
                    "is not over a contained hot aisle and would draw cold air; set air.containment: none"
                )
                yield _problem(facility, f"hall.returns[{n}]", message)


def _sealed(facility: Facility, made: Voxels, lines: list[Line]) -> Iterator[Problem]:
    """Parts of the hall without an outlet into which more or less air is blown than is drawn from them."""
    index = np.arange(made.solid.size).reshape(made.solid.shape)
    pairs = []
    for axis, kind in enumerate(made.kinds):
        cells, through = np.moveaxis(index, axis, 0), np.moveaxis(kind, axis, 0)[1:-1]
        through = (through == Face.FREE) | (through == Face.POROUS)
        pairs.append(np.stack([cells[:-1][through], cells[1:][through]]))
    one, other = np.concatenate(pairs, axis=1)
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(index.size, index.size))
    part = connected_components(links, directed=False)[1].reshape(index.shape)
    gained = np.zeros(part.max() + 1)

    def parts(place: tuple[Index, ...]) -> tuple[Index, Solid]:
        """Part of each cell, and which of them are air in the hall."""
        inside = np.all([(n >= 0) & (n < most) for n, most in zip(place, part.shape, strict=True)], axis=0)
        at = tuple(np.where(inside, n, 0) for n in place)
        return part[at], inside & ~made.solid[at]

    for openings, flow in made.blown():
        area = sum((np.bincount(one.owner, one.area, len(flow)) for one in openings), np.zeros(len(flow)))
        for one in openings:
            passed = one.area * (flow / np.where(area > 0.0, area, 1.0))[one.owner]
            for place, sign in ((one.downstream(), 1.0), (one.upstream(), -1.0)):
                found, real = parts(place)
                np.add.at(gained, found[real], sign * passed[real])
    gained[part[:, :, -1][made.ceiling]] = 0.0
    row = facility.racks.row[made.racks]
    named = {line.index: line.row.name for line in lines}

    def rows(openings: tuple[Openings, ...], number: int, place: str) -> str:
        """Names of the rows with a side in a part."""
        met = {
            int(row[n])
            for one in openings
            for n in np.unique(one.owner[parts(getattr(one, place)())[0] == number])
        }
        return ", ".join(named[one] for one in sorted(met))

    for number in np.flatnonzero(np.abs(gained) > UNBALANCED * made.flow.sum()):
        behind = rows(made.rears, number, "downstream")
        before = rows(made.fronts, number, "upstream")
        if gained[number] > 0.0:
            message = (
                f"the hall is sealed: the air {f'behind {behind}' if behind else 'of the fan walls'} has no way out, "
                "neither an opening of the ceiling nor an open door nor a CRAH that draws it"
            )
            yield _problem(facility, "hall.returns", message)
        else:
            message = (
                f"less air comes to {f'the fronts of {before}' if before else 'CRAHs'} than is drawn there"
            )
            yield _problem(facility, "air.fan_walls", message)


def _remarks(
    facility: Facility,
    block: int,
    hall: Interior,
    edges: Edges,
    supply: float,
    drawn: float,
    leaked: float,
    parted: bool,
) -> Iterator[str]:
    """What is modelled but is likely not meant."""
    units = "CRAHs" if hall.crah else "fan walls"
    if supply < (1.0 - SMALL) * drawn:
        parted = hall.contained and not hall.doors and leaked > 0.0
        back = (
            f"{leaked:.1f} m3/s come back from the hot aisle over the racks"
            if parted
            else f"{drawn - supply:.1f} m3/s come back from the hot side"
        )
        yield f"racks and support draw {drawn:.1f} m3/s and the {units} blow {supply:.1f} m3/s: {back}"
    if facility.cooling.leakage[block] > 0.0 and not hall.contained:
        yield "the hot aisles are open: air.leakage, which is of their panels, is not in the field"
    if parted and hall.fan is not None:
        yield (
            f"each of the {units} blows the same, whatever the curve of its fans: the cold side has no outlet, so that "
            "no pressure is known there; air.leakage_area gives it one"
        )
    for number, box in enumerate(hall.columns):
        if any(np.ptp(covered(edges[axis], *box[:, axis])) == 0 for axis in range(3)):
            yield f"column {number + 1} is too thin for the grid and not in the field"


def _plan(edges: Edges, box: Array) -> tuple[slice, slice]:
    """The columns of cells that a box covers in plan."""
    x, y = (slice(*covered(edges[axis], *box[:, axis])) for axis in range(2))
    return x, y


def _ceiling(edges: Edges, blocked: Solid, returns: Array) -> Solid:
    """Cells under the openings of the ceiling, (nx, ny)."""
    found = np.zeros(blocked.shape[:2], dtype=bool)
    for box in returns:
        under = _plan(edges, box)
        found[under] = ~blocked[(*under, -1)]
    return found


def _tiles(edges: Edges, blocked: Solid, tiles: Array, floor: int) -> tuple[Openings, ...]:
    """Faces of the raised floor that are tiles."""
    listed = []
    for owner, box in enumerate(tiles):
        where = _plan(edges, box)
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
