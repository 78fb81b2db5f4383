"""Air of a room in three dimensions: incompressible flow with buoyancy and heat, stepped in time on a grid of boxes.

A staggered grid (Harlow and Welch, Physics of Fluids 8, 1965, 2182): velocities at the faces of cells, pressure and
temperature in the cells. A solid, a panel without thickness or an opening is a matter of faces. Streams carry with
second-order upwind slopes, which the limiter of van Leer keeps from overshooting. A step is of second order. Velocity
takes it in eight stages, each from the beginning by `REACHED` of the step: made so that what these slopes and friction
do is stable for as long as eight stages can be (as Ketcheson and Ahmadia, Comm. App. Math. Comput. Sci. 7, 2012, 247,
make them). Temperature takes it in Euler steps, of which the last goes a part of the way from the beginning, so many
that each leaves no cell warmer or colder than what surrounds it (Ketcheson, SIAM J. Sci. Comput. 30, 2008, 2113). The
stages go with the pressure of the step before, corrected at the end so that no cell gains or loses air (incremental
projection, van Kan, SIAM J. Sci. Stat. Comput. 7, 1986, 870). Density changes only by buoyancy (Boussinesq),
turbulence is an eddy viscosity of speed times distance to the wall (Chen and Xu, Energy and Buildings 28, 1998, 137),
or what the air carries with it (`KEpsilon`), walls rub by the logarithmic law. Papers cited from memory (unverified).

A porous face takes K V|V| / 2 from the pressure over density. Each stage solves that drag with the pressure of the step
before exactly, face by face, and the projection goes on along the chord of the drag between the speeds before the step
and after it: of first order in time, steady states are exact, and any K and any step are stable.

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

from thermal import poisson, tile
from thermal.quantities import (
    Acceleration,
    Boolean,
    Diffusivity,
    Dissipations,
    Energies,
    Integer,
    KinematicPressures,
    Length,
    Lengths,
    Ratio,
    Ratios,
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
ROUNDING = 1e-12
"""Of the greatest speed through the greatest face, what a cell may gain by rounding alone."""
REACHED = (0.02087, 0.0482, 0.08487, 0.1347, 0.2036, 0.30703, 0.5, 1.0)
"""Of a step, where each stage of the velocity ends: half and whole at last make it of second order."""
STREAMED, HURRIED = 3.53, 6.17
"""Greatest sum of speeds over widths times the step, and of that and friction, that the stages of velocity bear."""
WARMED = 11
"""Stages of the temperature: their Euler steps overshoot no sooner than the sum of both bounds."""
BRIEF = 1e-6
"""Step in which the first pressure is found, and next to nothing moves [s]."""
SPAN = 1e4
"""Drag over inertia at the face that resists most, in the step that balances porous faces with the first pressure."""
ROUNDS = 30
"""At most, in which porous faces are brought into balance with the first pressure."""
LAGGING = 0.5
"""Of the step, with carried turbulence, which is a step behind: in the whole one the jet of Annex 20 never settles."""
STALE = 4.0
"""Of the share of a porous face over that in the preconditioner, or the inverse, at which that is made anew."""
TINY = 1e-30
"""Next to nothing of a velocity, which only keeps a quotient defined."""
TURBULENT_PRANDTL = 0.9
"""Eddy viscosity over eddy diffusivity; assumed, the usual value of models of room air."""
DISSIPATION_PRANDTL = 1.3
"""Eddy viscosity over diffusivity of dissipation, of energy 1: Launder and Spalding (1974)."""


class Face(IntEnum):
    """What a face between two cells, or on the box, is.

    WALL : closed, adiabatic, air beside it stands still. FREE : air passes. FIXED : air passes at a given speed, at a
    given temperature where it comes in; at no speed it is a wall that does not rub. OUTLET, on the box alone : the
    pressure outside is nothing, and air that comes in has a given temperature. WARM : a wall of a given temperature.
    POROUS : air passes and loses pressure, as at a perforated tile, a mesh or a leak. What is solid of it, as its loss
    tells (`tile.open_share`), rubs as a wall and stops eddies, the holes do neither. On the box it is an outlet with a
    loss.
    """

    WALL = 0
    FREE = 1
    FIXED = 2
    OUTLET = 3
    WARM = 4
    POROUS = 5


@dataclass(frozen=True, eq=False)
class Porous:
    """Porous faces of a room, of the axes in the order inside.

    face : entries in a field. place : (face, 3) along x, y, z. loss : coefficient K. jet : momentum that enters behind
    the face, over that of its mean velocity. open : share of it that is holes, on the box none. reach : length of the
    air that the loss acts on [m]. coefficient : in the pressure's equation if nothing were lost [m]. share : of it, for
    which the preconditioner of that was last made. along : of velocities (component, axis), faces above edges along
    porous faces, and the share of those that is open.
    """

    face: tuple[_Index, ...]
    place: tuple[_Index, ...]
    loss: tuple[Ratios, ...]
    jet: tuple[Ratios, ...]
    open: tuple[Ratios, ...]
    reach: tuple[Lengths, ...]
    coefficient: tuple[Lengths, ...]
    share: tuple[Ratios, ...]
    along: tuple[tuple[_Index, Ratios], ...]


@dataclass(frozen=True, eq=False)
class Room:
    """Geometry of a room, made by `room`. Fields inside are flat over cells and rings, the longest axis fastest.

    cells : along x, y, z. order : of the axes inside. shape : with rings, inside order, as all that follows. width,
    gap : of cells, and between their centres [m]. kind : `Face` of the low face of every cell, per axis, for what moves
    through it: a porous one is free, or an outlet. surface : for what rubs and conducts there, where a porous one
    between cells is that. length : distance to the nearest wall, or to a porous face over its solid share, 0 in solids
    [m]. ordinary, beside : where the fluxes of free air hold, and faces where not with their places along both, of
    velocities (component, axis); rubbed : faces along closed walls, of every component, with the neighbours in the wall
    and the distance to it; passing, listed : as ordinary and beside, of temperature. outlet : faces that are. porous :
    such faces, None without. pressure : its equation. work : fields in which a step works, so that a room takes one
    step at a time.
    """

    cells: tuple[int, int, int]
    order: tuple[int, int, int]
    shape: tuple[int, int, int]
    width: tuple[Lengths, ...]
    gap: tuple[Lengths, ...]
    kind: tuple[npt.NDArray[np.uint8], ...]
    surface: tuple[npt.NDArray[np.uint8], ...]
    length: Lengths
    ordinary: tuple[_Kinds, ...]
    beside: tuple[_Index, ...]
    rubbed: tuple[tuple[_Index, _Index, Lengths], ...]
    passing: _Kinds
    listed: tuple[_Index, ...]
    outlet: tuple[_Index, ...]
    porous: Porous | None
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
class KEpsilon:
    """Turbulence as energy and dissipation, carried, mixed, made by strain and at walls, and decaying.

    Standard k-epsilon model with logarithmic walls: Launder and Spalding, Comput. Methods Appl. Mech. Eng. 3, 1974, 269
    (from memory, unverified), with the constants of OpenFOAM's kEpsilon; buoyancy makes none, and a porous face is a
    wall where more than half of it is solid, else free. intensity : fluctuation of what comes in, over its speed
    through the face. scale : of its eddies, energy^1.5 over dissipation [m].
    """

    intensity: Ratio
    scale: Length


@dataclass(frozen=True, eq=False)
class Air:
    """What the room is filled with, and how it is modelled.

    viscosity : kinematic, molecular [m^2/s]. prandtl : of the molecules. expansion : of the volume with temperature
    [1/K]. reference : temperature at which nothing lifts [K]. gravity : along z, downwards [m/s^2]. eddy : as EDDY, 0
    for laminar flow with laminar walls. limited : slopes that never overshoot, else their mean. carried :
    turbulence that the air carries with it, in place of what `eddy` makes of its speed.
    """

    viscosity: Diffusivity = 1.55e-5
    prandtl: Ratio = 0.71
    expansion: TemperatureGrowth = 1 / 297.15
    reference: Temperature = 297.15
    gravity: Acceleration = 9.80665
    eddy: Ratio = EDDY
    turbulent_prandtl: Ratio = TURBULENT_PRANDTL
    limited: bool = True
    carried: KEpsilon | None = None


@dataclass(frozen=True, eq=False)
class State:
    """Fields at a time, as of `still` or `step`; read them by `Room.of_cells` and `Room.of_faces`.

    velocity : of the faces across x, y, z [m/s]. temperature : [K]. pressure : over density [m^2/s^2]. before,
    pressed : velocity and pressure a step ago. span : of that step [s]. residual : greatest net flow out of a cell of
    air after it [m^3/s]; iterations : of its pressure. turbulence : energy [m^2/s^2] and dissipation [m^2/s^3] of what
    is carried.
    """

    velocity: tuple[Velocities, ...]
    temperature: Temperatures
    pressure: KinematicPressures
    before: tuple[Velocities, ...]
    pressed: KinematicPressures
    time: Time = 0.0
    residual: VolumeFlow = 0.0
    iterations: Integer = 0
    converged: Boolean = True
    span: Time = 0.0
    turbulence: tuple[Energies, Dissipations] | None = None

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
    loss: Sequence[Ratios] | None = None,
    jet: Sequence[Ratios] | None = None,
) -> Room:
    """A room from the edges of its cells along x, y and z [m], its faces and its solids.

    kinds : `Face` of the faces across x, y and z, as of `faces`. solid : (nx, ny, nz). loss : of porous faces K, the
    pressure they take being K rho V|V| / 2 with their mean velocity V, 0 or above; fields of the faces across x, y, z,
    read where porous. jet : as loss, momentum that the jets of a perforated face bring over that of V, 1/F - 1 of open
    share F: the air at the next face behind is pushed by it, so that in a duct the pressure lost becomes
    (K / 2 - jet) V^2; None, or where the next face is not free, nothing.

    ValueError for shapes that do not fit, edges that do not rise, faces that are open into a solid, outlets that are
    not on the box, and porous faces without a loss or across an axis of one cell.
    """
    lines = [np.asarray(one, dtype=np.float64) for one in edges]
    cells = (len(lines[0]) - 1, len(lines[1]) - 1, len(lines[2]) - 1)
    air = np.ones(cells, dtype=bool) if solid is None else ~np.asarray(solid, dtype=bool)
    kinds_ = [np.asarray(kind, dtype=np.uint8) for kind in kinds]
    _checked(lines, cells, kinds_, air)
    porous = [kind == Face.POROUS for kind in kinds_]
    conducts = _conductances(lines, kinds_)
    lost = _of_porous("loss", loss, porous)
    driven = _of_porous("jet", jet, porous) if jet is not None else [np.zeros(len(one)) for one in lost]
    first, second, third = np.argsort(cells, kind="stable").tolist()
    order = (first, second, third)
    shape = (cells[first] + 2 * RING, cells[second] + 2 * RING, cells[third] + 2 * RING)
    width, gap = zip(*(_spacing(lines[axis]) for axis in order), strict=True)
    kind, surface = [], []
    for place, axis in enumerate(order):
        ring = [(RING, RING)] * 3
        ring[place] = (RING, RING - 1)
        seen = kinds_[axis].copy()
        box = np.moveaxis(seen, axis, 0)[:: cells[axis]]
        box[box == Face.POROUS] = Face.OUTLET
        surface.append(np.pad(seen.transpose(order), ring).ravel())
        kind.append(np.where(surface[-1] == Face.POROUS, np.uint8(Face.FREE), surface[-1]))
    inside = np.pad(air.transpose(order), RING)
    length = np.zeros(shape)
    holes = [np.asarray(tile.open_share(one)) for one in lost]
    length[inside] = _distance(lines, kinds_, air, holes).transpose(order)[air.transpose(order)]
    plain, beside, rubbed = _velocities(shape, width, kind, surface)
    passing, listed = _temperatures(shape, surface)
    resists = None
    if any(one.any() for one in porous):
        passed = [np.argwhere(porous[axis]) for axis in order]
        entries = tuple(np.ravel_multi_index(tuple((one[:, order] + RING).T), shape) for one in passed)
        between = tuple(
            np.where(one[face] == Face.POROUS, holes[axis], 0.0)
            for axis, one, face in zip(order, surface, entries, strict=True)
        )
        resists = Porous(
            entries, tuple(passed), tuple(lost[axis] for axis in order), tuple(driven[axis] for axis in order), between,
            tuple(_reach(lines[axis])[one[:, axis]] for axis, one in zip(order, passed, strict=True)),
            tuple(conducts[axis][porous[axis]] for axis in order), tuple(np.ones(len(one)) for one in passed),
            _along(shape, entries, between),
        )  # fmt: skip
    return Room(
        cells, order, shape, width, gap, tuple(kind), tuple(surface), length.ravel(), plain, beside, rubbed,
        passing, listed, tuple(np.flatnonzero(one == Face.OUTLET) for one in kind), resists,
        poisson.hierarchy(*conducts), np.zeros((8, length.size)),
    )  # fmt: skip


def still(room: Room, temperature: Temperature) -> State:
    """Air at rest at one temperature [K].

    >>> box = room([[0, 1], [0, 1], [0, 1]], faces((1, 1, 1)))
    >>> float(box.of_cells(still(box, 295.0).temperature)[0, 0, 0])
    295.0
    """
    size = len(room.length)
    at_rest = tuple(np.zeros(size) for _ in range(3))
    return State(at_rest, np.full(size, float(temperature)), np.zeros(size), at_rest, np.zeros(size))


def time_step(room: Room, air: Air, state: State, share: Ratio = 0.9) -> Time:
    """A share of the longest stable step [s].

    Up to the bounds no wave grows that streams carry with slopes of second order, or friction dampens: `STREAMED` is
    that of the sum, of any cell, of speeds over widths, `HURRIED` that of this sum and twice viscosity, or diffusivity,
    over widths squared. With carried turbulence it is a part of that, `LAGGING`.
    """
    from thermal.compiled import room as compiled

    inner = tuple(state.velocity[axis] for axis in room.order)
    stream, both = compiled.hastening(
        room.shape, room.width, inner, room.length, air.viscosity, air.eddy, _given(air, state), air.prandtl,
        air.turbulent_prandtl,
    )  # fmt: skip
    haste = max(stream / STREAMED, both / HURRIED) / (1.0 if air.carried is None else LAGGING)
    return float(share / haste) if haste > 0.0 else float(np.inf)


def step(
    room: Room,
    air: Air,
    state: State,
    entering: tuple[Temperatures, ...] | None,
    time: Time,
    tolerance: Tolerance = 2e-4,
    most: int = 50,
    fixed: tuple[Velocities, ...] | None = None,
) -> State:
    """The air a time later.

    entering : temperature [K] of what comes in by fixed faces and outlets and of warm walls, fields of the faces across
    x, y and z; None leaves the temperature as it is. time : the step [s], as of `time_step`. tolerance, most : of the
    pressure's correction and its iterations. fixed : velocities of fixed faces at the end of the step, fields of the
    faces across x, y and z; None leaves them as they are. At time 0 the air is first brought to move as its openings
    ask, with the pressure that goes with it and with what floats in it.
    """
    if state.time == 0.0:
        state = _opened(room, state) if room.porous is None else _settled(room, room.porous, state)
        pressed = _advanced(room, air, state, None, BRIEF, 1e-8, most)
        state = replace(state, pressure=pressed.pressure, pressed=pressed.pressure)
    if air.carried is None:
        return _advanced(room, air, state, entering, time, tolerance, most, fixed)
    begun = _begun(room, air.carried, state) if state.turbulence is None else state.turbulence
    begun_ = replace(state, turbulence=begun)
    after = _advanced(room, air, begun_, entering, time, tolerance, most, fixed)
    return replace(after, turbulence=_turned(room, air, air.carried, begun, after, time))


def _given(air: Air, state: State) -> _Float:
    """Eddy viscosity of turbulence that is carried [m^2/s], else empty."""
    if air.carried is None or state.turbulence is None:
        return np.zeros(0)
    from thermal.compiled import eddies

    energy, dissipation = state.turbulence
    return np.asarray(eddies.SHARE * energy**2 / dissipation)


def _coming(carried: KEpsilon, speed: _Float) -> tuple[_Float, _Float]:
    """Energy and dissipation of what comes in at a speed."""
    energy = 1.5 * (carried.intensity * speed) ** 2
    return energy, energy**1.5 / carried.scale


def _begun(room: Room, carried: KEpsilon, state: State) -> tuple[_Float, _Float]:
    """Every cell as turbulent as what comes in fastest; what stays at rest forgets it soon."""
    from thermal.compiled import eddies

    fastest = max(float(np.abs(one).max()) for one in state.velocity)
    energy, dissipation = _coming(carried, np.full(len(room.length), fastest))
    air = room.length > 0.0
    return (
        np.where(air, np.maximum(energy, eddies.LEAST), 0.0),
        np.where(air, np.maximum(dissipation, eddies.LEAST), 1.0),
    )


def _turned(
    room: Room, air: Air, carried: KEpsilon, begun: tuple[_Float, _Float], after: State, time: Time
) -> tuple[_Float, _Float]:
    """Turbulence a time later, by the stream at its end, in as many parts as keep it from overshooting."""
    from thermal.compiled import eddies
    from thermal.compiled import room as compiled

    viscosity, made, near, rate, other, diffusivity, *_ = room.work
    velocity = tuple(after.velocity[axis] for axis in room.order)
    energy, dissipation = begun[0].copy(), begun[1].copy()
    eddy = eddies.SHARE * energy**2 / dissipation
    viscosity[:] = air.viscosity + eddy
    kinds = _walled(room)
    fastest = eddies.strained(room.shape, room.width, room.gap, kinds, velocity, room.length, viscosity, made)
    near[:] = 0.0
    eddies.rubbed(
        room.shape, room.width, kinds, velocity, air.viscosity, energy, _beside_walls(room, kinds), made, near
    )
    parts = max(1, int(np.ceil(time * fastest)))
    entering = tuple(zip(*(_coming(carried, one) for one in velocity), strict=True))
    listed = tuple(at[kind[at[:, 0]] != Face.WARM] for kind, at in zip(kinds, room.listed, strict=True))
    air_ = room.length > 0.0
    for _ in range(parts):
        for value, given, change, share in (
            (energy, entering[0], rate, 1.0),
            (dissipation, entering[1], other, DISSIPATION_PRANDTL),
        ):
            np.multiply(air.viscosity + eddy / share, air_, out=diffusivity)
            compiled.scalar(
                room.shape, room.width, room.gap, room.passing, velocity, diffusivity, value, True, change
            )
            for place in range(3):
                compiled.faces(
                    place, room.shape, room.width, room.gap, kinds, velocity, diffusivity, given, value, True,
                    listed[place], change,
                )  # fmt: skip
        eddies.turned(
            room.length, made, near, air.viscosity, time / parts, rate, other, energy,
            dissipation,
        )  # fmt: skip
    return energy, dissipation


def _walled(room: Room) -> _Kinds:
    """What faces are to turbulence: a porous one is a wall where more than half of it is solid, else free."""
    if room.porous is None:
        return room.kind
    found = tuple(one.copy() for one in room.kind)
    for kind, surface, face, open_ in zip(
        found, room.surface, room.porous.face, room.porous.open, strict=True
    ):
        kind[face[(surface[face] == Face.POROUS) & (open_ < 0.5)]] = Face.WALL
    return found


def _beside_walls(room: Room, kinds: _Kinds) -> _Index:
    """Cells of air with a wall among their faces."""
    beside = np.zeros(len(room.length), dtype=bool)
    for kind, stride in zip(kinds, (room.shape[1] * room.shape[2], room.shape[2], 1), strict=True):
        wall = (kind == Face.WALL) | (kind == Face.WARM)
        beside |= wall
        beside[:-stride] |= wall[stride:]
    return np.flatnonzero(beside & (room.length > 0.0))


def _opened(room: Room, state: State) -> State:
    """The flow that is nearest to a given one and gains or loses no air in any cell.

    What it leaves, over the brief step that comes, is an error of the first pressure: so next to nothing.
    """
    moved = tuple(state.velocity[axis].copy() for axis in room.order)
    _project(room, moved, 1.0, np.zeros(len(room.length)), None, 1e-12, 200)
    velocity = tuple(moved[place] for place in np.argsort(room.order))
    return replace(state, velocity=velocity, before=velocity)


def _settled(room: Room, porous: Porous, state: State) -> State:
    """As `_opened`, with porous faces in balance: the pressure alone drives the air there, not what it came with.

    Each round drags with the resistance K|V|/2 of the mean (geometric) of its own and the last round's: where the
    pressure is given that is at once, where the flow is given it halves the logarithm of the error.
    """
    resistance = [0.5 * loss for loss in porous.loss]
    for _ in range(ROUNDS):
        rate = [one / reach for one, reach in zip(resistance, porous.reach, strict=True)]
        long = SPAN / max(max(float(np.max(one, initial=0.0)) for one in rate), TINY)
        share = tuple(1.0 / (1.0 + long * one) for one in rate)
        moved = tuple(state.velocity[axis].copy() for axis in room.order)
        for one, face, part in zip(moved, porous.face, share, strict=True):
            one[face] *= part
        pressure = np.zeros(len(room.length))
        _project(room, moved, long, pressure, None, 1e-6, 200, share)
        speed = [np.abs(one[face]) for one, face in zip(moved, porous.face, strict=True)]
        own = [0.5 * loss * one for loss, one in zip(porous.loss, speed, strict=True)]
        lost = max(float(np.max(one * two, initial=0.0)) for one, two in zip(own, speed, strict=True))
        stray = max(
            float(np.max(np.abs(one - used) * two, initial=0.0))
            for one, used, two in zip(own, resistance, speed, strict=True)
        )
        if stray <= 1e-3 * lost:
            break
        resistance = [np.sqrt(one * used) for one, used in zip(own, resistance, strict=True)]
    _project(room, moved, 1.0, np.zeros(len(room.length)), None, 1e-12, 200, share)
    velocity = tuple(moved[place] for place in np.argsort(room.order))
    return replace(state, velocity=velocity, before=velocity, pressure=pressure)


def _slowed(porous: Porous, place: int, time: Time, velocity: _Float) -> None:
    """Velocities at the porous faces of an axis with the drag since the step began, from those without, in place."""
    face, per = porous.face[place], 0.5 * time * porous.loss[place] / porous.reach[place]
    free = velocity[face]
    velocity[face] = 2.0 * free / (1.0 + np.sqrt(1.0 + 4.0 * per * np.abs(free)))


def _shares(porous: Porous, before: _Three, after: _Three, time: Time) -> _Three:
    """Of what the pressure accelerates over a time, what the drag leaves: by its chord between two velocities."""
    found = []
    for one, two, face, loss, reach in zip(
        before, after, porous.face, porous.loss, porous.reach, strict=True
    ):
        u, v = one[face], two[face]
        total = np.maximum(np.abs(u) + np.abs(v), TINY)
        chord = 0.5 * loss * np.where(u * v >= 0.0, total, (u * u + v * v) / total)
        found.append(1.0 / (1.0 + time * chord / reach))
    return tuple(found)


def _blown(
    room: Room, porous: Porous, air: Air, place: int, viscosity: _Float, velocity: _Float, rate: _Float
) -> None:
    """Adds what jets of the porous faces of an axis push the air at the next faces by, and holes along it [m/s^2]."""
    from thermal.compiled import porous as compiled

    for other in range(3):
        if other != place:
            compiled.opened(
                place, other, room.shape, room.width, room.gap, room.kind[place], velocity, viscosity,
                air.viscosity, air.eddy > 0.0, *porous.along[3 * place + other], rate,
            )  # fmt: skip
    stride = (room.shape[1] * room.shape[2], room.shape[2], 1)[place]
    speed = velocity[porous.face[place]]
    behind = porous.face[place] + np.where(speed >= 0.0, stride, -stride)
    gap = room.gap[place][behind // stride % room.shape[place]]
    np.add.at(rate, behind, porous.jet[place] * speed * np.abs(speed) / gap)


def _project(
    room: Room,
    velocity: _Three,
    time: Time,
    pressure: _Float,
    guess: _Float | None,
    tolerance: Tolerance,
    most: int,
    share: _Three | None = None,
) -> tuple[float, int, bool]:
    """Takes from velocities what makes or loses air, and adds the pressure that does it, in place.

    guess : of that pressure. share : of an acceleration by pressure that porous faces leave. What is left, greatest of
    any cell [m^3/s]; iterations, and whether they sufficed.
    """
    from thermal.compiled import room as compiled

    source = np.zeros(tuple(room.cells[axis] for axis in room.order))
    stray = compiled.diverging(room.shape, room.width, room.length, velocity, time, source)
    fastest = max(float(max(one.max(), -one.min())) for one in velocity)
    area = float(np.prod([width.max() for width in room.width])) / min(float(one.min()) for one in room.width)
    if stray <= ROUNDING * fastest * area:
        return float(stray), 0, True
    back = np.argsort(room.order)
    held = []
    if room.porous is not None and share is not None:
        _resist(room, room.porous, share)
        held = [one[face] for one, face in zip(velocity, room.porous.face, strict=True)]
    first = None if guess is None else room.of_cells(guess)
    solved = poisson.solve(room.pressure, source.transpose(back), first, tolerance, most)
    correction = room.work[0]
    correction[:] = 0.0
    room.of_cells(correction)[:] = solved.potential
    for place in range(3):
        compiled.project(
            place, room.shape, room.width[place], room.gap[place], room.kind[place], correction, time,
            room.outlet[place], velocity[place],
        )  # fmt: skip
    if room.porous is not None and share is not None:
        for one, face, was, part in zip(velocity, room.porous.face, held, share, strict=True):
            one[face] = was + part * (one[face] - was)
    pressure += correction
    left = compiled.diverging(room.shape, room.width, room.length, velocity, 1.0, source)
    return float(left), int(solved.iterations), bool(solved.converged)


def _resist(room: Room, porous: Porous, share: _Three) -> None:
    """Brings the pressure's equation to shares that porous faces leave, and its preconditioner when they have moved."""
    moved = 1.0
    for place, axis in enumerate(room.order):
        if len(porous.face[place]):
            part = porous.coefficient[place] * share[place]
            poisson.change(room.pressure, axis, porous.place[place], part)
            over = share[place] / porous.share[place]
            moved = max(moved, float(over.max()), 1.0 / float(over.min()))
    if moved > STALE:
        poisson.renew(room.pressure)
        for one, part in zip(porous.share, share, strict=True):
            one[:] = part


def _advanced(
    room: Room,
    air: Air,
    state: State,
    entering: Sequence[_Float] | None,
    time: Time,
    tolerance: Tolerance,
    most: int,
    fixed: tuple[_Float, ...] | None = None,
) -> State:
    """The air a time later, from a flow without divergence."""
    from thermal.compiled import room as compiled

    viscosity, diffusivity, *fields = room.work
    change, stream = tuple(fields[:3]), tuple(fields[3:])
    base = tuple(state.velocity[axis] for axis in room.order)
    viscosity[:] = air.viscosity
    compiled.mixing(
        room.shape, base, room.length, air.viscosity, air.eddy, _given(air, state), air.prandtl, air.turbulent_prandtl,
        viscosity, diffusivity,
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
        warm, part = state.temperature, time / (WARMED - 1)
        for share in [1.0] * (WARMED - 1) + [1.0 - 1.0 / WARMED]:
            _warming(room, air, stream, diffusivity, given, warm, rate)
            compiled.advanced(room.length, state.temperature, warm, rate, part, share, after)
            warm = after
    for place in range(3):
        moved[place][:] = base[place]
    lift = [air.gravity * air.expansion if axis == 2 else 0.0 for axis in room.order]
    porous = room.porous
    moving = [place for place in range(3) if room.shape[place] > 1 + 2 * RING]
    held = [np.empty(len(one[0])) for one in room.rubbed]
    for place in moving:
        compiled.shears(base[place], *room.rubbed[place], air.viscosity, air.eddy > 0.0, held[place])
    late = 0.0
    for reached in REACHED:
        compiled.momentum(
            room.shape, room.width, room.gap, room.ordinary, stream, moved, viscosity, air.limited, change
        )
        for place in moving:
            compiled.rub(moved[place], *room.rubbed[place][:2], held[place], change[place])
            for other in range(3):
                if other != place:
                    compiled.edges(
                        place, other, room.shape, room.width, room.gap, room.kind, room.surface[other], stream,
                        moved[place], viscosity, air.viscosity, air.eddy > 0.0, air.limited,
                        room.beside[3 * place + other], change[place],
                    )  # fmt: skip
        if porous is not None:
            for place in moving:
                _blown(room, porous, air, place, viscosity, moved[place], change[place])
        # Rates of all components are there before any is changed.
        for place in moving:
            compiled.accelerate(
                place, room.shape, room.width[place], room.gap[place], room.kind[place], state.pressure,
                state.temperature, after, late, lift[place], air.reference, base[place], change[place],
                reached * time, room.outlet[place], moved[place],
            )  # fmt: skip
            if porous is not None:
                _slowed(porous, place, reached * time, moved[place])
        late = reached
    pressure = state.pressure.copy()
    if fixed is not None:
        # Not before, or the stream that carries heat would not be free of divergence.
        for place, axis in enumerate(room.order):
            np.copyto(moved[place], fixed[axis], where=room.kind[place] == Face.FIXED)
    remaining = None if porous is None else _shares(porous, base, moved, time)
    # It changes about as fast as over the step before.
    guess = np.subtract(state.pressure, state.pressed, out=viscosity)
    guess *= 2.0 * state.ahead(time)
    left, iterations, converged = _project(room, moved, time, pressure, guess, tolerance, most, remaining)
    return State(
        tuple(moved[place] for place in np.argsort(room.order)), after, pressure, state.velocity, state.pressure,
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
            place, room.shape, room.width, room.gap, room.surface, velocity, diffusivity, entering, warm, air.limited,
            room.listed[place], rate,
        )  # fmt: skip
    if room.porous is not None:
        for place, stride in enumerate((room.shape[1] * room.shape[2], room.shape[2], 1)):
            _led(room, room.porous, place, stride, diffusivity, warm, rate)


def _led(
    room: Room, porous: Porous, place: int, stride: int, diffusivity: _Float, warm: _Float, rate: _Float
) -> None:
    """Adds what the holes of the porous faces of an axis conduct, which `faces` takes for nothing [K/s]."""
    above, line = porous.face[place], porous.face[place] // stride % room.shape[place]
    below, width = above - stride, room.width[place]
    mixed = 0.5 * porous.open[place] * (diffusivity[above] + diffusivity[below])
    flux = mixed * (warm[above] - warm[below]) / room.gap[place][line]
    np.add.at(rate, below, flux / width[line - 1])
    np.add.at(rate, above, -flux / width[line])


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
        if (kind == Face.POROUS).any() and cells[axis] == 1:
            raise ValueError(f"faces across {name} are porous, where one cell leaves no room to move")
        place = np.argwhere((kind == Face.FREE) & (open_[axis] != Face.FREE))
        if len(place):
            raise ValueError(
                f"the face {place[0].tolist()} across {name} is free, and a solid or nothing behind it"
            )
        inner = np.moveaxis(np.asarray(kind), axis, 0)[1:-1]
        if (inner == Face.OUTLET).any():
            raise ValueError(f"an outlet across {name} is not on the box")
        shut = np.moveaxis(open_[axis], axis, 0)[1:-1] != Face.FREE
        if ((inner == Face.POROUS) & shut).any():
            raise ValueError(f"a face across {name} is porous, and a solid behind it")


def _of_porous(name: str, given: Sequence[Ratios] | None, porous: Sequence[_Solid]) -> list[_Float]:
    """Values of the porous faces across x, y, z out of fields, in the order of `numpy.argwhere`."""
    found = []
    for axis, (letter, where) in enumerate(zip("xyz", porous, strict=True)):
        field = np.full(where.shape, np.nan) if given is None else np.asarray(given[axis], dtype=np.float64)
        if field.shape != where.shape:
            raise ValueError(f"{name} across {letter} has the shape {field.shape}, must be {where.shape}")
        values = field[where]
        if not ((values >= 0.0) & (values < np.inf)).all():
            raise ValueError(f"{name} across {letter} must be given, 0 or above, for every porous face")
        found.append(values)
    return found


def _spacing(line: _Float) -> tuple[_Float, _Float]:
    """Widths of the cells with those of the rings, and distances of their centres."""
    inside = np.diff(line)
    width = np.concatenate([[inside[0]] * RING, inside, [inside[-1]] * RING])
    gap = width.copy()
    gap[1:] = 0.5 * (width[1:] + width[:-1])
    return width, gap


def _distance(
    lines: list[_Float], kinds: Sequence[_Kind], air: npt.NDArray[np.bool_], holes: Sequence[_Float]
) -> _Float:
    """From the centre of every cell to the middle of the nearest face that is a wall beside air [m].

    A porous face is as far as a wall at its distance over the share that is solid, in hundredths.
    """
    middles = [0.5 * (line[1:] + line[:-1]) for line in lines]
    points, solid = [], []
    for axis in range(3):
        edge = [(0, 0)] * 3
        edge[axis] = (1, 1)
        padded = np.moveaxis(np.pad(air, edge), axis, 0)
        beside = np.moveaxis(padded[1:] | padded[:-1], 0, axis)
        kind = np.asarray(kinds[axis])
        share = np.where(np.isin(kind, (Face.WALL, Face.WARM)), 1.0, 0.0)
        share[kind == Face.POROUS] = np.round(1.0 - holes[axis], 2)
        place = np.argwhere((share > 0.0) & beside)
        solid.append(share[tuple(place.T)])
        points.append(
            np.stack([(lines if n == axis else middles)[n][place[:, n]] for n in range(3)], axis=-1)
        )
    walls, shares = np.concatenate(points), np.concatenate(solid)
    centre = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, 3)
    found = np.full(len(centre), max(line[-1] - line[0] for line in lines))
    for share in np.unique(shares):
        found = np.minimum(found, KDTree(walls[shares == share]).query(centre)[0] / share)
    return found.reshape(air.shape)


def _along(
    shape: tuple[int, ...], faces: Sequence[_Index], holes: Sequence[_Float]
) -> tuple[tuple[_Index, _Float], ...]:
    """Of each component across each axis, the faces above edges along porous faces, and the open share of those."""
    found: list[tuple[_Index, _Float]] = []
    for axis, stride in enumerate((shape[1] * shape[2], shape[2], 1)):
        for other in range(3):
            if other == axis:
                found.append((np.zeros(0, dtype=np.int64), np.zeros(0)))
                continue
            # A face of the component lies half along one porous face and half along the next.
            both = np.concatenate([faces[other], faces[other] + stride])
            listed, share = np.unique(both), np.tile(0.5 * holes[other], 2)
            found.append(
                (listed, np.bincount(np.searchsorted(listed, both), share, len(listed)).astype(np.float64))
            )
    return tuple(found)


def _conductances(lines: list[_Float], kinds: Sequence[_Kind]) -> list[_Float]:
    """Area over distance of every face through which the pressure acts, as `poisson.hierarchy` takes them [m]."""
    width = [np.diff(line) for line in lines]
    found = []
    for axis in range(3):
        reach = _reach(lines[axis])
        area = np.ones((1, 1, 1))
        for other in range(3):
            along = [1, 1, 1]
            along[other] = -1
            area = area / reach.reshape(along) if other == axis else area * width[other].reshape(along)
        open_ = np.isin(kinds[axis], (Face.FREE, Face.OUTLET, Face.POROUS))
        found.append(np.where(open_, area, 0.0))
    return found


def _reach(line: _Float) -> _Float:
    """Distance over which the pressure acts at every face across an axis: of two centres, or of one to the box [m]."""
    width = np.diff(line)
    return np.concatenate([[0.5 * width[0]], 0.5 * (width[1:] + width[:-1]), [0.5 * width[-1]]])


def _velocities(
    shape: tuple[int, ...], width: Sequence[_Float], kinds: Sequence[_Kind], surfaces: Sequence[_Kind]
) -> tuple[tuple[_Kinds, ...], tuple[_Index, ...], tuple[tuple[_Index, _Index, _Float], ...]]:
    """For each component along and across each axis, 1 where the fluxes of free air hold, and the other edges.

    Of these what lies along closed walls apart: face, neighbour in the wall, and distance to it.
    """
    kind, surface = ([one.reshape(shape) for one in values] for values in (kinds, surfaces))
    stride = (shape[1] * shape[2], shape[2], 1)
    plain, beside, rubbed = [], [], []
    for axis in range(3):
        mine = kind[axis]
        free = mine == Face.FREE
        row, along = [], []
        for other in range(3):
            if other == axis:
                row.append((free | np.roll(free, 1, axis)).astype(np.uint8).ravel())
                beside.append(np.zeros((0, 3), dtype=np.int64))
                continue
            below = np.roll(free, 1, other)
            walls = (np.roll(mine, 2, other) == Face.WALL) | (np.roll(mine, -1, other) == Face.WALL)
            through = (surface[other] == Face.FREE) & (np.roll(surface[other], 1, axis) == Face.FREE)
            good = free & below & through & ~walls
            row.append(good.astype(np.uint8).ravel())
            wall = (surface[other] == Face.WALL) | (surface[other] == Face.WARM)
            closed = wall & np.roll(wall, 1, axis)
            above = closed & free & (np.roll(mine, 1, other) == Face.WALL)
            under = closed & below & (mine == Face.WALL)
            edge = np.flatnonzero(((free | below) & ~good & ~above & ~under).ravel())
            places = [edge // stride[one] % shape[one] for one in (axis, other)]
            beside.append(np.stack([edge, *places], axis=-1))
            one, two = np.flatnonzero(above.ravel()), np.flatnonzero(under.ravel())
            face = np.concatenate([one, two - stride[other]])
            place = (face // stride[other]) % shape[other]
            along.append((face, np.concatenate([one - stride[other], two]), 0.5 * width[other][place]))
        plain.append(tuple(row))
        face, wall_, half = (np.concatenate(both) for both in zip(*along, strict=True))
        rubbed.append((face, wall_, half))
    return tuple(plain), tuple(beside), tuple(rubbed)


def _temperatures(shape: tuple[int, ...], kinds: Sequence[_Kind]) -> tuple[_Kinds, tuple[_Index, ...]]:
    """1 at free faces between free faces, and all others that heat passes with their places, per axis."""
    stride = (shape[1] * shape[2], shape[2], 1)
    passing, listed = [], []
    for axis, one in enumerate(kinds):
        kind = one.reshape(shape)
        free = kind == Face.FREE
        plain = free & np.roll(free, 1, axis) & np.roll(free, -1, axis)
        passing.append(plain.astype(np.uint8).ravel())
        face = np.flatnonzero(((kind != Face.WALL) & ~plain).ravel())
        listed.append(np.stack([face, face // stride[axis] % shape[axis]], axis=-1))
    return tuple(passing), tuple(listed)
