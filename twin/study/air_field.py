"""The air of a hall in three dimensions: from a solved state to a field of velocity, temperature and pressure.

Cells end at the sides of racks and hot aisles. Racks, fan walls and what else stands in the hall are solids, the
containment is panels without thickness from the racks to the ceiling, and above every hot aisle the ceiling opens into
a plenum, which is not modelled and leads to the fan walls. What the layout gives no place passes with the racks: the
support equipment of a row draws its air and gives its heat through the faces of the row's racks, and whips warm that
air too. Flows are those of the state: each rack draws what its product asks for, the fan walls blow what they give, and
what leaks from the hot to the cold side, or comes back because too little is blown, passes the panels above the racks,
evenly; what the cold side then has too much goes through the panels at the aisles' ends.

The run is a transient at constant flows until the inlets of the racks hold still on average; see `air_field`. The
state's own aisle is well mixed: the field does not go back into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from geometry.voxel import cell_edges, covered, solid
from thermal import air
from thermal.room import Air, Face, Room, faces, room, step, still, time_step
from twin.aisle import Line, aisles_of, lines_of
from twin.errors import InputError, Problem
from twin.facility import DEVICE_KINDS, Facility

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

GRIDS = {"coarse": (0.6, 0.6, 0.3), "fine": (0.3, 0.3, 0.2)}
"""About the widths of cells along x, y and z [m]."""
LEAST_CELLS = 2
"""Across an aisle; through one cell air passes at one speed."""
FAN_WALL = DEVICE_KINDS.index("fan_wall")
SMALL = 1e-9
"""Of the air drawn, what is only rounding."""
LONGEST = 0.3
"""Step [s], so that buoyant air is followed."""
WARM = 4
"""Flushes of the hall before anything is averaged; a batch is one flush, or `BATCH` [s] where that is longer."""
BATCH = 10.0
GROUPS = 6
"""Groups of successive batches whose means are taken as independent; 2.571 is Student's t of 95 % for them."""
STUDENT = 2.571
LEAST_BATCHES = 2 * GROUPS
RECOMMENDED = (291.15, 300.15)
"""Inlet air that ASHRAE recommends, 18 to 27 degC [K]: Thermal Guidelines, 5th ed. (unverified)."""
LEAST_ALLOWABLE = 283.15
"""Coldest allowable inlet of its class A2, 10 degC [K] (unverified)."""


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


@dataclass(frozen=True, eq=False)
class Voxels:
    """A hall on its grid. Of each list of openings one is of faces across x and one across y.

    racks, rises : index of each rack among the facility's, and how much warmer its air leaves it [K]. flow : through
    each, that of support equipment with it [m3/s]. ceiling : cells under the openings of the ceiling (nx, ny).
    """

    edges: tuple[Array, Array, Array]
    solid: npt.NDArray[np.bool_]
    kinds: tuple[npt.NDArray[np.uint8], ...]
    racks: Index
    flow: Array
    rise: Array
    supply: float
    supply_temperature: float
    density: float
    leaked: float
    spilt: float
    fronts: tuple[Openings, ...]
    rears: tuple[Openings, ...]
    walls: tuple[Openings, ...]
    leaks: tuple[Openings, ...]
    spills: tuple[Openings, ...]
    ceiling: npt.NDArray[np.bool_]
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


def voxels(facility: Facility, state: xr.Dataset, block: int = 0, grid: str = "coarse") -> Voxels:
    """The hall of a block on one of GRIDS, with the flows and heat of the first scenario of a state.

    InputError with everything that keeps its air from being modelled.

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
    boxes, hall = facility.racks.box[mine], facility.hall[block]
    lines = [line for line in lines_of(facility) if line.block == block]
    aisles = list(aisles_of(lines))
    met = np.concatenate([boxes, np.array([box for box, _ in aisles]).reshape(-1, 2, 3)])
    x, y, z = (cell_edges(*hall[:, axis], met[:, :, axis].ravel(), GRIDS[grid][axis]) for axis in range(3))
    edges = (x, y, z)
    standing = np.isfinite(facility.devices.box).all(axis=(1, 2)) & (facility.devices.block == block)
    blocked = solid(edges, np.concatenate([facility.devices.box[standing], boxes]))
    walls = np.flatnonzero(
        standing & (facility.devices.kind == FAN_WALL) & (state.device_alive.values[0] == 1)
    )
    problems = [*_rows_alone(facility, lines, aisles), *_narrow(facility, grid, lines, aisles, edges, boxes)]
    if not len(walls) or not float(state.air_flow[0, block]) > 0.0:
        message = "none is in service, so no air is supplied to the hall"
        problems.append(_problem(facility, "air.fan_walls", message))
    if problems:
        raise InputError(problems)

    kinds = faces(blocked.shape, blocked)
    over, ends, ceiling = _contain(edges, kinds, blocked, aisles)
    of_row = facility.racks.row[mine]
    rears = {line.index: (line.across, line.rear) for line in lines}
    ways = [(box, *rears[row]) for box, row in zip(boxes, of_row, strict=True)]
    fronts, backs = (_sides(edges, blocked, ways, ahead) for ahead in (False, True))
    middle = boxes.mean(axis=(0, 1))[0]
    blown = [(box, 0, 1 if box[:, 0].mean() < middle else -1) for box in facility.devices.box[walls]]
    supplies = _sides(edges, blocked, blown, True)
    for names, found in ((facility.racks.name, (fronts, backs)), (facility.devices.name, (supplies,))):
        index = mine if names is facility.racks.name else walls
        for side in found:
            shut = sorted(set(range(len(index))) - {int(n) for one in side for n in one.owner})
            problems += [
                _problem(facility, names[index[n]], "a solid stands before the whole of its front or rear")
                for n in shut
            ]
    flow, rise, density = _flows(facility, state, block, lines, mine)
    supply, drawn = float(state.air_flow[0, block]), float(flow.sum())
    leaked = max(float(facility.cooling.leakage[block]) * drawn, drawn - supply)
    leaked = leaked if leaked > SMALL * drawn else 0.0
    spilt = supply + leaked - drawn
    spilt = spilt if spilt > SMALL * drawn else 0.0
    if leaked and not any(len(one.owner) for one in over):
        problems.append(
            _problem(facility, "hall.size", "no panel above the racks for what comes back from the hot aisle")
        )
    if spilt and not any(len(one.owner) for one in ends):
        problems.append(
            _problem(facility, "rows", "no panel at an aisle's end for the air the racks do not take")
        )
    if problems:
        raise InputError(problems)
    remarks = ()
    if supply < (1.0 - SMALL) * drawn:
        remarks = (
            f"racks and support draw {drawn:.1f} m3/s and the fan walls blow {supply:.1f} m3/s: "
            f"{leaked:.1f} m3/s come back from the hot aisle over the racks",
        )
    # The cold side has no outlet: what is blown in and leaks in is to the last digit what is drawn and spilt.
    made = Voxels(
        edges, blocked, kinds, mine, flow, rise, drawn + spilt - leaked,
        float(state.air_supply_temperature[0, block]), density, leaked, spilt,
        fronts, backs, supplies, over if leaked else (), ends if spilt else (), ceiling, remarks,
    )  # fmt: skip
    for one in (*fronts, *backs, *supplies, *made.leaks, *made.spills):
        kinds[one.axis][one.face] = Face.FIXED
    return made


def _problem(facility: Facility, path: str, message: str) -> Problem:
    return Problem(facility.name, None, None, path, message)


def _rows_alone(facility: Facility, lines: list[Line], aisles: list[tuple[Array, int]]) -> Iterator[Problem]:
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
    aisles: list[tuple[Array, int]],
    edges: tuple[Array, Array, Array],
    boxes: Array,
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
        before = racks.take(middle[line.along], axis=line.along).take(0, axis=-1)
        front = covered(edges[line.across], *line.box[0, :, line.across])
        ahead = before[: front[0]][::-1] if line.rear > 0 else before[front[1] :]
        free = int(np.argmax(ahead)) if ahead.any() else len(ahead)
        if free < LEAST_CELLS:
            line_ = edges[line.across]
            place = front[0] - free if line.rear > 0 else front[1]
            yield told(f"aisle before rows[{line.row.name}]", float(line_[place + free] - line_[place]))


def _openings(edges: tuple[Array, Array, Array], axis: int, listed: list[tuple[int, Index, int]]) -> Openings:
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
    edges: tuple[Array, Array, Array],
    blocked: npt.NDArray[np.bool_],
    ways: list[tuple[Array, int, int]],
    ahead: bool,
) -> tuple[Openings, ...]:
    """Sides of boxes that air leaves by, or without `ahead` enters by, where they are not against a solid.

    ways : box, the axis along which air goes through it, and the sign.
    """
    found = []
    for axis in (0, 1):
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
    edges: tuple[Array, Array, Array],
    kinds: tuple[npt.NDArray[np.uint8], ...],
    blocked: npt.NDArray[np.bool_],
    aisles: list[tuple[Array, int]],
) -> tuple[tuple[Openings, ...], tuple[Openings, ...], npt.NDArray[np.bool_]]:
    """Walls the hot aisles in up to the ceiling and opens it above them: panels beside, with signs out of the aisle,
    panels at the ends, with signs into it, and cells under the openings."""
    ceiling = np.zeros(blocked.shape[:2], dtype=bool)
    panels: dict[tuple[bool, int], list[tuple[int, Index, int]]] = {}
    for box, along in aisles:
        spans = [covered(edges[n], *box[:, n]) for n in (0, 1)]
        for axis in (0, 1):
            for side, outward in ((0, -1), (1, 1)):
                where = [slice(*span) for span in spans]
                where[axis] = slice(spans[axis][side], spans[axis][side] + 1)
                part = kinds[axis][tuple(where)]
                place = np.argwhere(part == Face.FREE) + [where[0].start, where[1].start, 0]
                part[:] = Face.WALL
                end = axis == along
                panels.setdefault((end, axis), []).append((0, place, -outward if end else outward))
        under = tuple(slice(*span) for span in spans)
        ceiling[under] = ~blocked[(*under, -1)]
    kinds[2][:, :, -1][ceiling] = Face.OUTLET
    over, ends = (
        tuple(_openings(edges, axis, panels.get((end, axis), [])) for axis in (0, 1)) for end in (False, True)
    )
    return over, ends, ceiling


def _flows(
    facility: Facility, state: xr.Dataset, block: int, lines: list[Line], mine: Index
) -> tuple[Array, Array, float]:
    """Air through the faces of each rack [m3/s], how much warmer it leaves [K], and its density [kg/m3]."""
    inlet, heat = state.air_inlet_temperature.values[0, mine], state.air_heat.values[0, mine]
    kinds = [facility.racks.types[kind] for kind in facility.racks.type[mine]]
    own = np.array([kind.air_flow(at) for kind, at in zip(kinds, inlet, strict=True)], dtype=np.float64)
    own = np.where(heat > 0.0, own, 0.0)
    density = float(air.density(inlet.mean(), facility.pressure[block]))
    support = max(float(state.air_demand[0, block]) - float(own.sum()), 0.0)
    load = np.array([line.row.support_load for line in lines])
    share = load / load.sum() if load.sum() > 0.0 else np.ones(len(lines)) / len(lines)
    of_row, place = facility.racks.row[mine], {line.index: n for n, line in enumerate(lines)}
    count = np.bincount([place[row] for row in of_row], minlength=len(lines))
    part = np.array([share[place[row]] / count[place[row]] for row in of_row])
    flow = own + support * part
    support_heat = support * density * air.HEAT_CAPACITY * float(facility.cooling.support_rise[block])
    wires = float(state.fan_wall_duty[0, block] - state.fan_wall_power[0, block]) - heat.sum() - support_heat
    rate = density * air.HEAT_CAPACITY * flow
    moved = rate > 0.0
    rise = np.where(moved, (heat + support_heat * part) / np.where(moved, rate, 1.0), 0.0)
    return flow, rise + wires / max(float(rate.sum()), SMALL) * moved, density


def air_field(
    facility: Facility,
    state: xr.Dataset,
    block: int = 0,
    grid: str = "coarse",
    within: float = 0.3,
    most: int = 60,
    progress: Callable[[float, float], None] | None = None,
) -> xr.Dataset:
    """The mean air of a block's hall with the flows and heat of a state's first scenario.

    within : uncertainty of every rack's inlet at which the run ends [K]. most : batches after which it ends anyhow.
    progress : is told how much time has passed in the hall and at what time the run may end [s].

    After `WARM` flushes of the hall, means are taken over batches of a flush each. Six groups of successive batches
    stand for independent samples: the uncertainty of a rack's inlet is the half width of the 95 % interval of Student
    about their mean. It is that of the mean flow on this grid alone, not of grid, turbulence or what the layout does
    not tell. The run ends when there are two batches to a group and the worst uncertainty is no more than `within`;
    a drift spreads the groups and so counts. `settled` tells whether it ended so; an interrupt from the keyboard ends
    it with what there is.
    """
    made = voxels(facility, state, block, grid)
    run = _Run(made)
    batch = max(made.volume / made.supply, BATCH)
    warm = WARM * made.volume / made.supply
    inlets: list[Array] = []
    half = np.full(len(made.racks), np.inf)

    def told(now: float) -> None:
        if progress:
            # Until the means hold still nobody knows the end; it is at least so far.
            batches = LEAST_BATCHES if len(inlets) < LEAST_BATCHES else min(len(inlets) + GROUPS, most)
            progress(now, warm + batches * batch)

    interrupted = False
    try:
        while run.time < warm:
            run.advance(min(LONGEST, warm - run.time + SMALL))
            told(run.time)
        run.clear()
        while len(inlets) < most and not (len(inlets) >= LEAST_BATCHES and half.max() <= within):
            end, begin, before = warm + (len(inlets) + 1) * batch, run.weight, run.inlet.copy()
            while run.time < end:
                run.advance(min(LONGEST, end - run.time + SMALL))
                told(run.time)
            inlets.append((run.inlet - before) / (run.weight - begin))
            half = _half_width(np.array(inlets))
    except KeyboardInterrupt:
        interrupted = True
    settled = not interrupted and bool(half.max() <= within)
    return _labelled(facility, block, grid, run, half, len(inlets), settled)


def _half_width(batches: Array) -> Array:
    """Half width of the 95 % interval of the mean of (batch, rack) [K], from the newest that make whole groups."""
    each = len(batches) // GROUPS
    if not each:
        return np.full(batches.shape[1], np.inf)
    groups = batches[-GROUPS * each :].reshape(GROUPS, each, -1).mean(axis=1)
    spread: Array = STUDENT * groups.std(axis=0, ddof=1) / np.sqrt(GROUPS)
    return spread


class _Run:
    """The air as it is now, and sums over time of what is averaged."""

    def __init__(self, made: Voxels) -> None:
        self.made = made
        self.room: Room = room(made.edges, made.kinds, made.solid)
        cold = made.supply_temperature
        self.law = Air(reference=cold, expansion=1.0 / cold)
        self.state = still(self.room, cold)
        self.entering = tuple(np.full(len(self.room.length), cold) for _ in range(3))
        self.given = [self.room.of_faces(axis, self.entering[axis]) for axis in range(3)]
        x, y = (np.diff(line) for line in made.edges[:2])
        self.ceiling = (x[:, None] * y) * made.ceiling
        self.back = cold
        walls = 1 + max(int(one.owner.max(initial=0)) for one in made.walls)
        self._blow(made.fronts, made.flow)
        self._blow(made.rears, made.flow)
        self._blow(made.walls, np.full(walls, made.supply / walls))
        self._blow(made.leaks, np.array([made.leaked]))
        self._blow(made.spills, np.array([made.spilt]))
        self.clear()

    @property
    def time(self) -> float:
        return float(self.state.time)

    def _blow(self, openings: tuple[Openings, ...], flow: Array) -> None:
        """Let air through openings, so much of each owner [m3/s], at one speed."""
        area = sum((np.bincount(one.owner, one.area, len(flow)) for one in openings), np.zeros(len(flow)))
        for one in openings:
            speed = self.room.of_faces(one.axis, self.state.velocity[one.axis])
            speed[one.face] = one.sign * (flow / area)[one.owner]

    def clear(self) -> None:
        """Begin the averages anew."""
        size = len(self.room.length)
        self.fields = [np.zeros(size) for _ in range(5)]
        self.inlet = np.zeros(len(self.made.racks))
        self.weight = self.out = self.carried = 0.0

    def breathed(self, temperature: Array) -> Array:
        """Mean temperature before each rack [K]."""
        made, total, area = self.made, 0.0, 0.0
        for one in made.fronts:
            total = total + np.bincount(one.owner, one.area * temperature[one.upstream()], len(made.racks))
            area = area + np.bincount(one.owner, one.area, len(made.racks))
        return np.asarray(total / area)

    def advance(self, longest: float) -> None:
        """One step, with what it adds to the sums."""
        made, warm = self.made, self.room.of_cells(self.state.temperature)
        inlet = self.breathed(warm)
        for one in made.rears:
            self.given[one.axis][one.face] = (inlet + made.rise)[one.owner]
        for one in (*made.leaks, *made.spills):
            self.given[one.axis][one.face] = warm[one.upstream()]
        self.given[2][:, :, -1] = self.back
        span = min(longest, time_step(self.room, self.law, self.state))
        self.state = step(self.room, self.law, self.state, self.entering, span)
        flow = self.room.of_faces(2, self.state.velocity[2])[:, :, -1] * self.ceiling
        top = self.room.of_cells(self.state.temperature)[:, :, -1]
        out = np.maximum(flow, 0.0)
        carried = float((out * top + np.minimum(flow, 0.0) * self.back).sum())
        # What comes down out of the plenum is what has gone up.
        self.back = float((out * top).sum() / out.sum()) if out.sum() > 0.0 else self.back
        self.weight += span
        self.inlet += span * inlet
        self.out += span * float(flow.sum())
        self.carried += span * carried
        for total, now in zip(
            self.fields,
            (self.state.temperature, self.state.pressure, *self.state.velocity),
            strict=True,
        ):
            total += span * now


def _stray(made: Voxels, box: Room, velocity: list[Array]) -> float:
    """Greatest net flow out of a cell of air [m3/s]."""
    net, width = np.zeros(made.solid.shape), [np.diff(line) for line in made.edges]
    for axis in range(3):
        one, other = (width[n] for n in range(3) if n != axis)
        speed = np.moveaxis(box.of_faces(axis, velocity[axis]), axis, 0)
        net += np.moveaxis(np.diff(speed, axis=0) * (one[:, None] * other), 0, axis)
    return float(np.abs(net[~made.solid]).max())


def _labelled(
    facility: Facility, block: int, grid: str, run: _Run, half: Array, batches: int, settled: bool
) -> xr.Dataset:
    """The averages with names and units; a run that has averaged nothing gives what is there now."""
    made = run.made
    if run.weight == 0.0:
        run.advance(LONGEST)
    temperature, pressure, *velocity = (one / run.weight for one in run.fields)
    free = ~made.solid
    warm = run.room.of_cells(temperature)
    inlet = run.inlet / run.weight
    outlet, flow = inlet + made.rise, made.density * made.flow
    back, cold = run.carried / run.out, made.supply_temperature
    warmest = np.full(len(inlet), -np.inf)
    for one in made.fronts:
        np.maximum.at(warmest, one.owner, warm[one.upstream()])
    limit = facility.racks.air_inlet_limit[made.racks]
    cells, racks = ("x", "y", "z"), ("rack",)

    def inside(values: Array) -> Array:
        return np.where(free, values, np.nan)

    def middle(axis: int) -> Array:
        speed = np.moveaxis(run.room.of_faces(axis, velocity[axis]), axis, 0)
        return inside(np.moveaxis(0.5 * (speed[1:] + speed[:-1]), 0, axis))

    rate = made.density * air.HEAT_CAPACITY
    found: dict[str, tuple[tuple[str, ...], object, str, str]] = {
        "temperature": (cells, inside(warm), "K", "mean air temperature, NaN in solids"),
        "velocity_x": (cells, middle(0), "m/s", "mean velocity along x"),
        "velocity_y": (cells, middle(1), "m/s", "mean velocity along y"),
        "velocity_z": (cells, middle(2), "m/s", "mean velocity upwards"),
        "pressure": (
            cells, made.density * inside(run.room.of_cells(pressure)), "Pa",
            "mean pressure over that of resting supply air; of mean nothing in each part without an outlet",
        ),
        "air_inlet_temperature": (racks, inlet, "K", "mean air before the rack"),
        "air_inlet_uncertainty": (racks, half, "K", "half width of its 95 % interval; infinite where not known"),
        "air_inlet_warmest": (racks, warmest, "K", "mean air in the warmest cell before the rack"),
        "air_inlet_limit": (racks, limit, "K", "greatest inlet of the product"),
        "air_outlet_temperature": (racks, outlet, "K", "mean air behind the rack"),
        "air_flow": (racks, made.flow, "m3/s", "air through its faces, that of support equipment with it"),
        "supply_temperature": ((), cold, "K", "air from the fan walls"),
        "return_temperature": ((), back, "K", "mean air out of the ceiling over the hot aisles"),
        "supply_flow": ((), made.supply, "m3/s", "air of the fan walls"),
        "recirculated_flow": ((), made.leaked, "m3/s", "air from the hot to the cold side over the racks"),
        "bypass_flow": ((), made.spilt, "m3/s", "air from the cold to the hot side at the aisles' ends"),
        "heat": ((), made.heat, "W", "heat of racks, support and whips"),
        "heat_carried": (
            (), rate * (run.carried / run.weight - made.supply * cold), "W", "heat the mean air takes out"
        ),
        "supply_heat_index": ((), air.supply_heat_index(cold, inlet, outlet, flow), "1", "SHI"),
        "return_heat_index": ((), air.return_heat_index(cold, inlet, outlet, flow), "1", "RHI"),
        "return_temperature_index": (
            (), air.return_temperature_index(cold, back, inlet, outlet, flow), "1", "RTI"
        ),
        "rack_cooling_index_high": (
            (), air.rack_cooling_index(inlet, RECOMMENDED[1], limit), "1",
            "RCI-HI, from 27 degC to the greatest inlet of each product",
        ),
        "rack_cooling_index_low": (
            (), air.rack_cooling_index(inlet, RECOMMENDED[0], LEAST_ALLOWABLE), "1", "RCI-LO, from 18 to 10 degC"
        ),
        "elapsed": ((), run.time, "s", "time that passed in the hall"),
        "averaged": ((), run.weight, "s", "time of the means"),
        "batches": ((), batches, "1", "batches of the means"),
        "settled": ((), settled, "1", "the uncertainties are within what was asked for"),
        "stray": ((), _stray(made, run.room, velocity), "m3/s", "greatest mean flow that a cell gains or loses"),
    }  # fmt: skip
    coords: dict[str, object] = {
        name: (
            name,
            0.5 * (line[1:] + line[:-1]),
            {"units": "m", "long_name": f"centres of the cells along {name}"},
        )
        for name, line in zip("xyz", made.edges, strict=True)
    }
    coords |= {
        f"{name}_edge": (f"{name}_edge", line, {"units": "m"})
        for name, line in zip("xyz", made.edges, strict=True)
    }
    coords["rack"] = [facility.racks.name[rack] for rack in made.racks]
    return xr.Dataset(
        {
            name: (dims, value, {"units": unit, "long_name": meaning})
            for name, (dims, value, unit, meaning) in found.items()
        },
        coords,
        {
            "title": facility.name,
            "block": facility.blocks[block],
            "grid": grid,
            "fingerprint": facility.fingerprint,
            "remarks": "\n".join(made.remarks),
        },
    )
