"""Air of a room in three dimensions: incompressible flow with buoyancy and heat, stepped in time.

On the grid of a `thermal.room.Room` streams carry with second-order upwind slopes, which the limiter of van Leer keeps
from overshooting. A step is of second order. Velocity takes it in eight stages, each from the beginning by `REACHED` of
the step: made so that what these slopes and friction do is stable for as long as eight stages can be (as Ketcheson and
Ahmadia, Comm. App. Math. Comput. Sci. 7, 2012, 247, make them). Temperature takes it in Euler steps, of which the last
goes a part of the way from the beginning, so many that at the speeds by which the step was chosen none leaves a cell
warmer or colder than what surrounds it (Ketcheson, SIAM J. Sci. Comput. 30, 2008, 2113). The stages go with the
pressure of the step before, corrected at the end so that no cell gains or loses air (incremental projection, van Kan,
SIAM J. Sci. Stat. Comput. 7, 1986, 870). Density changes only by buoyancy (Boussinesq), turbulence is an eddy viscosity
of speed times distance to the wall (Chen and Xu, Energy and Buildings 28, 1998, 137), or what the air carries with it
(`KEpsilon`), walls rub by the logarithmic law. Papers cited from memory (unverified).

A porous face takes K V|V| / 2 from the pressure over density. Each stage solves that drag with the pressure of the step
before exactly, face by face, and the projection goes on along the chord of the drag between the speeds before the step
and after it: of first order in time, steady states are exact, and any K and any step are stable.

The loops are compiled: the first step ever takes some seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from thermal import poisson
from thermal.quantities import (
    Acceleration,
    Boolean,
    Diffusivity,
    Dissipations,
    Energies,
    Integer,
    KinematicPressures,
    Length,
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
from thermal.room import RING, Face, Porous, Room

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.int64]
_Three = tuple[_Float, ...]
_Kinds = tuple[npt.NDArray[np.uint8], ...]

EDDY = 0.03874
"""Eddy viscosity over speed times distance to the wall: Chen and Xu (1998), zero-equation model."""
ROUNDING = 1e-12
"""Of the greatest speed through the greatest face, what a cell may gain by rounding alone."""
NOTHING = 1e-8
"""Likewise, what a part without outlet may gain by the rounding of all that passes it."""
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


def still(room: Room, temperature: Temperature) -> State:
    """Air at rest at one temperature [K].

    >>> from thermal.room import faces, room
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
    from thermal.compiled import airflow as compiled

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
    bound: VolumeFlow = np.inf,
) -> State:
    """The air a time later.

    entering : temperature [K] of what comes in by fixed faces and outlets and of warm walls, fields of the faces across
    x, y and z; None leaves the temperature as it is. time : the step [s], as of `time_step`. tolerance, most : of the
    pressure's correction and its iterations. fixed : velocities of fixed faces at the end of the step, fields of the
    faces across x, y and z; None leaves them as they are. bound : of the net flow out of any cell of air, beside the
    tolerance, which is of what the step makes or loses before it is corrected [m^3/s]. At time 0 the air is first
    brought to move as its openings ask, with the pressure that goes with it and with what floats in it.
    """
    if state.time == 0.0:
        state = _opened(room, state) if room.porous is None else _settled(room, room.porous, state)
        pressed = _advanced(room, air, state, None, BRIEF, 1e-8, most)
        state = replace(state, pressure=pressed.pressure, pressed=pressed.pressure)
    if air.carried is None:
        return _advanced(room, air, state, entering, time, tolerance, most, fixed, bound)
    begun = _begun(room, air.carried, state) if state.turbulence is None else state.turbulence
    begun_ = replace(state, turbulence=begun)
    after = _advanced(room, air, begun_, entering, time, tolerance, most, fixed, bound)
    return replace(after, turbulence=_turned(room, air, air.carried, begun, after, time))


def ready(room: Room, share: Sequence[Ratios]) -> Room:
    """Itself, with the preconditioner of its pressure made for shares that porous faces leave, `Porous.share` then.

    A step makes it anew only when they have moved far. So a run goes on to the last digit from a state of another room
    that is the same if that had made its own for these shares.
    """
    porous = room.porous
    if porous is not None:
        _changed(room, porous, share)
        poisson.renew(room.pressure)
        for one, part in zip(porous.share, share, strict=True):
            one[:] = part
    return room


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
    from thermal.compiled import airflow as compiled
    from thermal.compiled import eddies

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
    strides = (room.shape[1] * room.shape[2], room.shape[2], 1)
    # Through what is shut or at a given speed between air and air passes what comes from there, nothing new.
    between = [
        one[np.isin(kind[one], (Face.WALL, Face.FIXED)) & air_[one] & air_[one - stride]]
        for kind, one, stride in zip(kinds, (at[:, 0] for at in listed), strides, strict=True)
    ]
    for _ in range(parts):
        for value, given, change, share in (
            (energy, entering[0], rate, 1.0),
            (dissipation, entering[1], other, DISSIPATION_PRANDTL),
        ):
            for at, ahead, speed, stride in zip(between, given, velocity, strides, strict=True):
                ahead[at] = np.where(speed[at] < 0.0, value[at], value[at - stride])
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
    bound: VolumeFlow = np.inf,
) -> tuple[float, int, bool]:
    """Takes from velocities what makes or loses air, and adds the pressure that does it, in place.

    guess : of that pressure. share : of an acceleration by pressure that porous faces leave. bound : as of `step`. What
    is left, greatest of any cell [m^3/s]; iterations, and whether they sufficed.
    """
    from thermal.compiled import airflow as compiled

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
    solved = poisson.solve(room.pressure, source.transpose(back), first, tolerance, most, bound / time)
    if solved.reason is poisson.Reason.UNBALANCED and stray <= NOTHING * fastest * area:
        # So little is to be moved in a part without outlet that the rounding of what passes it counts.
        return float(stray), 0, True
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
    over = [one / made for one, made in zip(share, porous.share, strict=True) if len(one)]
    if max(max(float(one.max()), 1.0 / float(one.min())) for one in over) > STALE:
        ready(room, share)
    else:
        _changed(room, porous, share)


def _changed(room: Room, porous: Porous, share: Sequence[Ratios]) -> None:
    for place, axis in enumerate(room.order):
        if len(porous.face[place]):
            part = porous.coefficient[place] * share[place]
            poisson.change(room.pressure, axis, porous.place[place], part)


def _advanced(
    room: Room,
    air: Air,
    state: State,
    entering: Sequence[_Float] | None,
    time: Time,
    tolerance: Tolerance,
    most: int,
    fixed: tuple[_Float, ...] | None = None,
    bound: VolumeFlow = np.inf,
) -> State:
    """The air a time later, from a flow without divergence."""
    from thermal.compiled import airflow as compiled

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
    left, iterations, converged = _project(
        room, moved, time, pressure, guess, tolerance, most, remaining, bound
    )
    return State(
        tuple(moved[place] for place in np.argsort(room.order)), after, pressure, state.velocity, state.pressure,
        float(state.time) + float(time), left, iterations, converged, float(time),
    )  # fmt: skip


def _warming(
    room: Room, air: Air, velocity: _Three, diffusivity: _Float, entering: _Three, warm: _Float, rate: _Float
) -> None:  # fmt: skip
    """Rate of the temperature of each cell [K/s], written into `rate`."""
    from thermal.compiled import airflow as compiled

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
