"""The hall of a block on a grid of boxes: solids, panels and openings, with the flows and heat of a solved state.

Cells end at the sides of racks and hot aisles. Racks, fan walls and what else stands in the hall are solids, the
containment is panels without thickness from the racks to the ceiling, and above every hot aisle the ceiling opens into
a plenum, which is not modelled and leads to the fan walls. What the layout gives no place passes with the racks: the
support equipment of a row draws its air and gives its heat through the faces of the row's racks, and whips warm that
air too. Flows are those of the state: each rack draws what its product asks for, the fan walls blow what they give, and
what leaks from the hot to the cold side, or comes back because too little is blown, passes the panels above the racks,
evenly; what the cold side then has too much goes through the panels at the aisles' ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from geometry.voxel import cell_edges, covered, solid
from thermal import air
from thermal.room import Face, faces
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
    x, y, z = (cell_edges(*hall[:, axis], np.sort(met[:, :, axis], axis=None), GRIDS[grid][axis]) for axis in range(3))
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
