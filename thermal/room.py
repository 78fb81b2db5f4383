"""Air of a room in three dimensions: incompressible flow with buoyancy and heat, stepped in time on a grid of boxes.

A staggered grid (Harlow and Welch, Physics of Fluids 8, 1965, 2182): velocities at the faces of cells, pressure and
temperature in the cells. A solid, a panel without thickness or an opening is a matter of faces. Streams carry with
second-order upwind slopes, which the limiter of van Leer keeps from overshooting. A step is of second order in four
stages, Euler steps of a third of it of which the last goes three quarters of the way from the beginning: stable for
three times what one Euler step is (Ketcheson, SIAM J. Sci. Comput. 30, 2008, 2113). They go with the pressure of the
step before, corrected at the end so that no cell gains or loses air (incremental projection, van Kan, SIAM J. Sci.
Stat. Comput. 7, 1986, 870). Density changes only by buoyancy (Boussinesq), turbulence is an eddy viscosity of speed
times distance to the wall (Chen and Xu, Energy and Buildings 28, 1998, 137), walls rub by the logarithmic law. Papers
cited from memory (unverified).

The loops are compiled: the first step ever takes some seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree  # type: ignore[import-untyped]

from thermal import poisson
from thermal.quantities import (
    Acceleration,
    Boolean,
    Diffusivity,
    Integer,
    KinematicPressures,
    Lengths,
    Ratio,
    Temperature,
    TemperatureGrowth,
    Temperatures,
    Time,
    Tolerance,
    Velocities,
    VolumeFlow,
)

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.int64]
_Three = tuple[_Float, ...]
_Kind = npt.NDArray[np.uint8]
_Kinds = tuple[_Kind, ...]
_Solid = npt.NDArray[np.bool_]

RING = 2
"""Rings of solid cells around the box, so that the cell after the next one is always there."""
EDDY = 0.03874
"""Eddy viscosity over speed times distance to the wall: Chen and Xu (1998), zero-equation model."""
ROUNDING = 1e-13
"""Of the greatest speed through the greatest face, what a cell may gain by rounding alone."""
STAGES = 4
"""Of a step; two are the method of Heun."""
STREAMED = 1.7
"""Greatest sum of speeds over widths times the step at which four stages bear the slopes without limiter."""
BRIEF = 1e-6
"""Step in which the first pressure is found, and next to nothing moves [s]."""
TURBULENT_PRANDTL = 0.9
"""Eddy viscosity over eddy diffusivity; assumed, the usual value of models of room air."""


class Face(IntEnum):
    """What a face between two cells, or on the box, is.

    WALL : closed, adiabatic, air beside it stands still. FREE : air passes. FIXED : air passes at a given speed, at a
    given temperature where it comes in; at no speed it is a wall that does not rub. OUTLET, on the box alone : the
    pressure outside is nothing, and air that comes in has a given temperature. WARM : a wall of a given temperature.
    """

    WALL = 0
    FREE = 1
    FIXED = 2
    OUTLET = 3
    WARM = 4


@dataclass(frozen=True, eq=False)
class Room:
    """Geometry of a room, made by `room`. Fields inside are flat over cells and rings, the longest axis fastest.

    cells : along x, y, z. order : of the axes inside. shape : with rings, inside order, as all that follows. width,
    gap : of cells, and between their centres [m]. kind : `Face` of the low face of every cell, per axis. length :
    distance to the nearest wall, 0 in solids [m]. ordinary, beside : where the fluxes of free air hold, and faces
    where not, of velocities (component, axis); rubbed : faces along closed walls, of every component, with the
    neighbours in the wall and the distance to it; passing, listed : as ordinary and beside, of temperature. outlet :
    faces that are. pressure : its equation. work : fields in which a step works, so that a room takes one step at a
    time.
    """

    cells: tuple[int, int, int]
    order: tuple[int, int, int]
    shape: tuple[int, int, int]
    width: tuple[Lengths, ...]
    gap: tuple[Lengths, ...]
    kind: tuple[npt.NDArray[np.uint8], ...]
    length: Lengths
    ordinary: tuple[_Kinds, ...]
    beside: tuple[_Index, ...]
    rubbed: tuple[tuple[_Index, _Index, Lengths], ...]
    passing: _Kinds
    listed: tuple[_Index, ...]
    outlet: tuple[_Index, ...]
    pressure: poisson.Hierarchy
    work: _Float

    def of_cells(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view (nx, ny, nz) of a field of cells."""
        inner = values.reshape(self.shape)[RING:-RING, RING:-RING, RING:-RING]
        return inner.transpose(np.argsort(self.order))

    def of_faces(self, axis: int, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of a field of the faces across an axis, one more along it than there are cells."""
        cut = [slice(RING, -RING)] * 3
        cut[self.order.index(axis)] = slice(RING, -RING + 1)
        return values.reshape(self.shape)[tuple(cut)].transpose(np.argsort(self.order))


@dataclass(frozen=True, eq=False)
class Air:
    """What the room is filled with, and how it is modelled.

    viscosity : kinematic, molecular [m^2/s]. prandtl : of the molecules. expansion : of the volume with temperature
    [1/K]. reference : temperature at which nothing lifts [K]. gravity : along z, downwards [m/s^2]. eddy : as EDDY, 0
    for laminar flow with laminar walls. limited : slopes that never overshoot, else their mean.
    """

    viscosity: Diffusivity = 1.55e-5
    prandtl: Ratio = 0.71
    expansion: TemperatureGrowth = 1 / 297.15
    reference: Temperature = 297.15
    gravity: Acceleration = 9.80665
    eddy: Ratio = EDDY
    turbulent_prandtl: Ratio = TURBULENT_PRANDTL
    limited: bool = True


@dataclass(frozen=True, eq=False)
class State:
    """Fields at a time, as of `still` or `step`; read them by `Room.of_cells` and `Room.of_faces`.

    velocity : of the faces across x, y, z [m/s]. temperature : [K]. pressure : over density [m^2/s^2]. before :
    velocity a step ago. span : of that step [s]. residual : greatest net flow out of a cell of air after it [m^3/s];
    iterations : of its pressure.
    """

    velocity: tuple[Velocities, ...]
    temperature: Temperatures
    pressure: KinematicPressures
    before: tuple[Velocities, ...]
    time: Time = 0.0
    residual: VolumeFlow = 0.0
    iterations: Integer = 0
    converged: Boolean = True
    span: Time = 0.0

    def ahead(self, time: Time) -> Ratio:
        """Of the change over the step before, what is added to reach the middle of one of a time [s].

        No more than all of it, for what a far shorter step has left undone would count many times.
        """
        return min(0.5 * float(time) / float(self.span), 1.0) if self.span > 0.0 else 0.5


def faces(
    cells: Sequence[int], solid: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.uint8], ...]:
    """What the faces across x, y and z are in a closed room: FREE between two cells of air, else WALL.

    cells : along x, y, z. solid : (nx, ny, nz) cells that are no air. Openings are written into the result.

    >>> [int(one.sum()) for one in faces((2, 1, 1))]
    [1, 0, 0]
    """
    air = np.ones(tuple(cells), dtype=bool) if solid is None else ~np.asarray(solid, dtype=bool)
    found = []
    for axis in range(3):
        edge = [(0, 0)] * 3
        edge[axis] = (1, 1)
        padded = np.moveaxis(np.pad(air, edge), axis, 0)
        found.append(np.moveaxis((padded[1:] & padded[:-1]).astype(np.uint8), 0, axis))
    return tuple(found)


def room(
    edges: tuple[Lengths, ...],
    kinds: Sequence[_Kind],
    solid: _Solid | None = None,
) -> Room:
    """A room from the edges of its cells along x, y and z [m], its faces and its solids.

    kinds : `Face` of the faces across x, y and z, as of `faces`. solid : (nx, ny, nz). ValueError for shapes that do
    not fit, edges that do not rise, faces that are open into a solid, and outlets that are not on the box.
    """
    lines = [np.asarray(one, dtype=np.float64) for one in edges]
    cells = (len(lines[0]) - 1, len(lines[1]) - 1, len(lines[2]) - 1)
    air = np.ones(cells, dtype=bool) if solid is None else ~np.asarray(solid, dtype=bool)
    kinds_ = [np.asarray(kind, dtype=np.uint8) for kind in kinds]
    _checked(lines, cells, kinds_, air)
    first, second, third = np.argsort(cells, kind="stable").tolist()
    order = (first, second, third)
    shape = (cells[first] + 2 * RING, cells[second] + 2 * RING, cells[third] + 2 * RING)
    width, gap = zip(*(_spacing(lines[axis]) for axis in order), strict=True)
    kind = []
    for place, axis in enumerate(order):
        ring = [(RING, RING)] * 3
        ring[place] = (RING, RING - 1)
        kind.append(np.pad(kinds_[axis].transpose(order), ring).ravel())
    inside = np.pad(air.transpose(order), RING)
    length = np.zeros(shape)
    length[inside] = _distance(lines, kinds_, air).transpose(order)[air.transpose(order)]
    plain, beside, rubbed = _velocities(shape, width, kind)
    passing, listed = _temperatures(shape, kind)
    return Room(
        cells, order, shape, width, gap, tuple(kind), length.ravel(), plain, beside, rubbed, passing, listed,
        tuple(np.flatnonzero(one == Face.OUTLET) for one in kind),
        poisson.hierarchy(*_conductances(lines, kinds_)), np.zeros((8, length.size)),
    )  # fmt: skip


def still(room: Room, temperature: Temperature) -> State:
    """Air at rest at one temperature [K].

    >>> box = room([[0, 1], [0, 1], [0, 1]], faces((1, 1, 1)))
    >>> float(box.of_cells(still(box, 295.0).temperature)[0, 0, 0])
    295.0
    """
    size = len(room.length)
    at_rest = tuple(np.zeros(size) for _ in range(3))
    return State(at_rest, np.full(size, float(temperature)), np.zeros(size), at_rest)


def time_step(room: Room, air: Air, state: State, share: Ratio = 0.9) -> Time:
    """A share of the longest stable step [s].

    The Euler steps of which it is made bear one over the sum, of any cell, of speeds over widths and twice viscosity
    over widths squared: so far all waves of friction and of streams of first order stay in the circle in which the
    stages are stable. The slopes of second order reach out of it, and hold the sum of speeds alone to `STREAMED`.
    """
    from thermal.compiled import room as compiled

    inner = tuple(state.velocity[axis] for axis in room.order)
    stream, both = compiled.hastening(room.shape, room.width, inner, room.length, air.viscosity, air.eddy)
    haste = max(stream / STREAMED, both / (STAGES - 1))
    return float(share / haste) if haste > 0.0 else float(np.inf)


def step(
    room: Room,
    air: Air,
    state: State,
    entering: tuple[Temperatures, ...] | None,
    time: Time,
    tolerance: Tolerance = 5e-4,
    most: int = 50,
) -> State:
    """The air a time later.

    entering : temperature [K] of what comes in by fixed faces and outlets and of warm walls, fields of the faces across
    x, y and z; None leaves the temperature as it is. time : the step [s], as of `time_step`. tolerance, most : of the
    pressure's correction and its iterations. At time 0 the air is first brought to move as its openings ask, with
    the pressure that goes with it and with what floats in it.
    """
    if state.time == 0.0:
        state = _opened(room, state)
        pressed = _advanced(room, air, state, None, BRIEF, 1e-8, most)
        state = replace(state, pressure=pressed.pressure)
    return _advanced(room, air, state, entering, time, tolerance, most)


def _opened(room: Room, state: State) -> State:
    """The flow that is nearest to a given one and gains or loses no air in any cell.

    What it leaves, over the brief step that comes, is an error of the first pressure: so next to nothing.
    """
    moved = tuple(state.velocity[axis].copy() for axis in room.order)
    _project(room, moved, 1.0, np.zeros(len(room.length)), 1e-12, 200)
    velocity = tuple(moved[place] for place in np.argsort(room.order))
    return replace(state, velocity=velocity, before=velocity)


def _project(
    room: Room, velocity: _Three, time: Time, pressure: _Float, tolerance: Tolerance, most: int
) -> tuple[float, int, bool]:
    """Takes from velocities what makes or loses air, and adds the pressure that does it, in place.

    What is left, greatest of any cell [m^3/s]; iterations, and whether they sufficed.
    """
    from thermal.compiled import room as compiled

    source = np.zeros(tuple(room.cells[axis] for axis in room.order))
    stray = compiled.diverging(room.shape, room.width, room.length, velocity, time, source)
    fastest = max(float(max(one.max(), -one.min())) for one in velocity)
    area = float(np.prod([width.max() for width in room.width])) / min(float(one.min()) for one in room.width)
    if stray <= ROUNDING * fastest * area:
        return float(stray), 0, True
    back = np.argsort(room.order)
    solved = poisson.solve(room.pressure, source.transpose(back), None, tolerance, most)
    correction = room.work[0]
    correction[:] = 0.0
    room.of_cells(correction)[:] = solved.potential
    for place in range(3):
        compiled.project(
            place, room.shape, room.width[place], room.gap[place], room.kind[place], correction, time,
            room.outlet[place], velocity[place],
        )  # fmt: skip
    pressure += correction
    left = compiled.diverging(room.shape, room.width, room.length, velocity, 1.0, source)
    return float(left), int(solved.iterations), bool(solved.converged)


def _advanced(
    room: Room,
    air: Air,
    state: State,
    entering: Sequence[_Float] | None,
    time: Time,
    tolerance: Tolerance,
    most: int,
) -> State:
    """The air a time later, from a flow without divergence."""
    from thermal.compiled import room as compiled

    viscosity, diffusivity, *fields = room.work
    change, stream = tuple(fields[:3]), tuple(fields[3:])
    # Euler steps, whose last goes a part of the way from the beginning.
    part, shares = time / (STAGES - 1), [1.0] * (STAGES - 1) + [1.0 - 1.0 / STAGES]
    base = tuple(state.velocity[axis] for axis in room.order)
    viscosity[:] = air.viscosity
    compiled.mixing(
        room.shape, base, room.length, air.viscosity, air.eddy, air.prandtl, air.turbulent_prandtl, viscosity,
        diffusivity,
    )  # fmt: skip
    moved = tuple(np.empty_like(one) for one in base)
    # Extrapolated to the middle of the step, what carries is free of divergence: no heat is made, and what the stages
    # make of it before the pressure is corrected is carried no faster.
    for place, axis in enumerate(room.order):
        compiled.ahead(base[place], state.before[axis], state.ahead(time), stream[place])
    after = state.temperature
    if entering is not None:
        given = tuple(np.asarray(entering[axis]) for axis in room.order)
        after, rate = np.empty_like(state.temperature), change[0]
        warm = state.temperature
        for share in shares:
            _warming(room, air, stream, diffusivity, given, warm, rate)
            compiled.advanced(room.length, state.temperature, warm, rate, part, share, after)
            warm = after
    for place in range(3):
        moved[place][:] = base[place]
    lift = [air.gravity * air.expansion if axis == 2 else 0.0 for axis in room.order]
    moving = [place for place in range(3) if room.shape[place] > 1 + 2 * RING]
    held = [np.empty(len(one[0])) for one in room.rubbed]
    for place in moving:
        compiled.shears(base[place], *room.rubbed[place], air.viscosity, air.eddy > 0.0, held[place])
    for stage, share in enumerate(shares):
        compiled.momentum(
            room.shape, room.width, room.gap, room.ordinary, stream, moved, viscosity, air.limited, change
        )
        for place in moving:
            compiled.rub(moved[place], *room.rubbed[place][:2], held[place], change[place])
            for other in range(3):
                if other != place:
                    compiled.edges(
                        place, other, room.shape, room.width, room.gap, room.kind, stream, moved[place], viscosity,
                        air.viscosity, air.eddy > 0.0, air.limited, room.beside[3 * place + other], change[place],
                    )  # fmt: skip
        # Rates of all components are there before any is changed.
        for place in moving:
            compiled.accelerate(
                place, room.shape, room.width[place], room.gap[place], room.kind[place], state.pressure,
                state.temperature, after, stage / (STAGES - 1), lift[place], air.reference, base[place], share,
                change[place], part, room.outlet[place], moved[place],
            )  # fmt: skip
    pressure = state.pressure.copy()
    left, iterations, converged = _project(room, moved, time, pressure, tolerance, most)
    return State(
        tuple(moved[place] for place in np.argsort(room.order)), after, pressure, state.velocity,
        float(state.time) + float(time), left, iterations, converged, float(time),
    )  # fmt: skip


def _warming(
    room: Room, air: Air, velocity: _Three, diffusivity: _Float, entering: _Three, warm: _Float, rate: _Float
) -> None:  # fmt: skip
    """Rate of the temperature of each cell [K/s], written into `rate`."""
    from thermal.compiled import room as compiled

    compiled.scalar(
        room.shape, room.width, room.gap, room.passing, velocity, diffusivity, warm, air.limited, rate
    )
    for place in range(3):
        compiled.faces(
            place, room.shape, room.width, room.gap, room.kind, velocity, diffusivity, entering, warm, air.limited,
            room.listed[place], rate,
        )  # fmt: skip


def _checked(
    lines: list[_Float],
    cells: tuple[int, ...],
    kinds: Sequence[_Kind],
    air: npt.NDArray[np.bool_],
) -> None:
    """Raises ValueError for a room that cannot be."""
    for name, line in zip("xyz", lines, strict=True):
        if line.ndim != 1 or len(line) < 2 or not (np.diff(line) > 0).all():
            raise ValueError(f"the edges along {name} must be two or more that rise")
    if air.shape != cells:
        raise ValueError(f"solid has the shape {air.shape}, the cells are {cells}")
    open_ = faces(cells, ~air)
    for axis, (name, kind) in enumerate(zip("xyz", kinds, strict=True)):
        wanted = tuple(n + (one == axis) for one, n in enumerate(cells))
        if np.shape(kind) != wanted:
            raise ValueError(f"faces across {name} have the shape {np.shape(kind)}, must be {wanted}")
        place = np.argwhere((kind == Face.FREE) & (open_[axis] != Face.FREE))
        if len(place):
            raise ValueError(
                f"the face {place[0].tolist()} across {name} is free, and a solid or nothing behind it"
            )
        inner = np.moveaxis(np.asarray(kind), axis, 0)[1:-1]
        if (inner == Face.OUTLET).any():
            raise ValueError(f"an outlet across {name} is not on the box")


def _spacing(line: _Float) -> tuple[_Float, _Float]:
    """Widths of the cells with those of the rings, and distances of their centres."""
    inside = np.diff(line)
    width = np.concatenate([[inside[0]] * RING, inside, [inside[-1]] * RING])
    gap = width.copy()
    gap[1:] = 0.5 * (width[1:] + width[:-1])
    return width, gap


def _distance(lines: list[_Float], kinds: Sequence[_Kind], air: npt.NDArray[np.bool_]) -> _Float:
    """From the centre of every cell to the middle of the nearest face that is a wall beside air [m]."""
    middles = [0.5 * (line[1:] + line[:-1]) for line in lines]
    points = []
    for axis in range(3):
        edge = [(0, 0)] * 3
        edge[axis] = (1, 1)
        padded = np.moveaxis(np.pad(air, edge), axis, 0)
        beside = np.moveaxis(padded[1:] | padded[:-1], 0, axis)
        kind = np.asarray(kinds[axis])
        place = np.argwhere(((kind == Face.WALL) | (kind == Face.WARM)) & beside)
        points.append(
            np.stack([(lines if n == axis else middles)[n][place[:, n]] for n in range(3)], axis=-1)
        )
    walls = np.concatenate(points)
    centre = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1)
    if not len(walls):
        return np.full(air.shape, max(line[-1] - line[0] for line in lines))
    found = KDTree(walls).query(centre.reshape(-1, 3))[0]
    return np.asarray(found.reshape(air.shape))


def _conductances(lines: list[_Float], kinds: Sequence[_Kind]) -> list[_Float]:
    """Area over distance of every face through which the pressure acts, as `poisson.hierarchy` takes them [m]."""
    width = [np.diff(line) for line in lines]
    found = []
    for axis in range(3):
        reach = np.concatenate(
            [[0.5 * width[axis][0]], 0.5 * (width[axis][1:] + width[axis][:-1]), [0.5 * width[axis][-1]]]
        )
        area = np.ones((1, 1, 1))
        for other in range(3):
            along = [1, 1, 1]
            along[other] = -1
            area = area / reach.reshape(along) if other == axis else area * width[other].reshape(along)
        open_ = (np.asarray(kinds[axis]) == Face.FREE) | (np.asarray(kinds[axis]) == Face.OUTLET)
        found.append(np.where(open_, area, 0.0))
    return found


def _velocities(
    shape: tuple[int, ...], width: Sequence[_Float], kinds: Sequence[_Kind]
) -> tuple[tuple[_Kinds, ...], tuple[_Index, ...], tuple[tuple[_Index, _Index, _Float], ...]]:
    """For each component along and across each axis, 1 where the fluxes of free air hold, and the other edges.

    Of these what lies along closed walls apart: face, neighbour in the wall, and distance to it.
    """
    kind = [one.reshape(shape) for one in kinds]
    stride = (shape[1] * shape[2], shape[2], 1)
    plain, beside, rubbed = [], [], []
    for axis in range(3):
        mine = kind[axis]
        free = mine == Face.FREE
        row, along = [], []
        for other in range(3):
            if other == axis:
                row.append((free | np.roll(free, 1, axis)).astype(np.uint8).ravel())
                beside.append(np.zeros(0, dtype=np.int64))
                continue
            below = np.roll(free, 1, other)
            walls = (np.roll(mine, 2, other) == Face.WALL) | (np.roll(mine, -1, other) == Face.WALL)
            through = (kind[other] == Face.FREE) & (np.roll(kind[other], 1, axis) == Face.FREE)
            good = free & below & through & ~walls
            row.append(good.astype(np.uint8).ravel())
            wall = (kind[other] == Face.WALL) | (kind[other] == Face.WARM)
            closed = wall & np.roll(wall, 1, axis)
            above = closed & free & (np.roll(mine, 1, other) == Face.WALL)
            under = closed & below & (mine == Face.WALL)
            beside.append(np.flatnonzero(((free | below) & ~good & ~above & ~under).ravel()))
            one, two = np.flatnonzero(above.ravel()), np.flatnonzero(under.ravel())
            face = np.concatenate([one, two - stride[other]])
            place = (face // stride[other]) % shape[other]
            along.append((face, np.concatenate([one - stride[other], two]), 0.5 * width[other][place]))
        plain.append(tuple(row))
        face, wall_, half = (np.concatenate(both) for both in zip(*along, strict=True))
        rubbed.append((face, wall_, half))
    return tuple(plain), tuple(beside), tuple(rubbed)


def _temperatures(shape: tuple[int, ...], kinds: Sequence[_Kind]) -> tuple[_Kinds, tuple[_Index, ...]]:
    """1 at free faces between free faces, and all others that heat passes, per axis."""
    passing, listed = [], []
    for axis, one in enumerate(kinds):
        kind = one.reshape(shape)
        free = kind == Face.FREE
        plain = free & np.roll(free, 1, axis) & np.roll(free, -1, axis)
        passing.append(plain.astype(np.uint8).ravel())
        listed.append(np.flatnonzero(((kind != Face.WALL) & ~plain).ravel()))
    return tuple(passing), tuple(listed)
