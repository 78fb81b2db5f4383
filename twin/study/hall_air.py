"""The air of a hall stepped in time: what racks, fan walls, panels and the ceiling do to it, and what it adds up to.

Units with a curve of their fans blow by the pressure between the air before what they draw from, nothing in a plenum
over the ceiling, and behind what they blow through. All turn at one speed, which is found in each step so that their
flows add up to what the state asks for.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from thermal import air
from thermal import fan as blower
from thermal.airflow import Air, KEpsilon, State, ready, step, still, time_step
from thermal.fan import Fan
from thermal.room import Room, room
from twin.errors import InputError
from twin.facility import Facility
from twin.study.hall_checks import problem
from twin.study.hall_voxels import Openings, Voxels
from twin.study.moment import Moment

Array = npt.NDArray[np.float64]

LONGEST = 0.3
"""Step [s], so that buoyant air is followed."""
SETTLING = 1.0
"""Time in which the flow of a unit follows the pressure [s]; assumed, and far longer than air in a plenum of some
metres takes to answer fans of 100 Pa or more. Steady flows do not hang on it."""
STRAY = 5e-7
"""Of the supply, or without one of what racks draw, what a step may make or lose of the air of a cell."""
STRAINED = 2.0
"""Shut-off pressures of its fans that may lie over a unit, either way; air that units and racks move has none such."""
CLOSE = 1e-13
"""Of full speed, as near as the common speed of fans is found."""
TURBULENCE = {"eddy": None, "k-epsilon": KEpsilon(intensity=0.05, scale=0.1)}
"""Models: an eddy viscosity of speed times distance to the wall, or what the air carries with it; of that the
fluctuation and the eddies of 0.1 m in what comes in are assumed, as in the benchmark of the hall of OpenFOAM."""


class HallAir:
    """The hall, and its air as it is `now`; turbulence : one of TURBULENCE.

    fans : of each unit, none where what each blows is given. speed : of each over full (unit,); None finds the one at
    which they blow what the state asks for.
    """

    def __init__(self, made: Voxels, turbulence: str = "eddy") -> None:
        self.made, self.turbulence = made, turbulence
        self.room: Room = room(made.edges, made.kinds, made.solid, made.loss, made.jet)
        self.cold = made.supply_temperature
        self.law = Air(reference=self.cold, expansion=1.0 / self.cold, carried=TURBULENCE[turbulence])
        self.fans = _fans(made, self.room)
        self.speed: Array | None = None
        self.asked_flow = made.supply
        size = len(self.room.length)
        self.entering = tuple(np.full(size, self.cold) for _ in range(3))
        self.given = [self.room.of_faces(axis, self.entering[axis]) for axis in range(3)]
        x, y, z = (np.diff(line) for line in made.edges)
        self.ceiling = (x[:, None] * y) * made.ceiling
        self.volume = np.where(made.solid, 0.0, x[:, None, None] * y[:, None] * z)
        self.now = Moment(
            still(self.room, self.cold), self.cold, np.nan, 0, 0.0, 0.0, 0, 0.0, 0.0, 0.0, np.zeros(len(made.racks)),
            np.full(len(made.racks), -np.inf), tuple(np.zeros(size) for _ in range(5)),
            np.zeros((0, 1 + len(made.racks))), self._eased(),
        )  # fmt: skip
        self.blow()

    @property
    def time(self) -> float:
        return float(self.now.state.time)

    @property
    def warmth(self) -> float:
        """Heat of the air over that of supply air [K m3]."""
        warm = self.room.of_cells(self.now.state.temperature)
        return float((self.volume * (warm - self.cold)).sum())

    def blow(self) -> None:
        """Let the air that racks, fan walls and panels move pass their openings, that of each owner at one speed."""
        for openings, flow in self.made.blown():
            area = sum((np.bincount(one.owner, one.area, len(flow)) for one in openings), np.zeros(len(flow)))
            for one in openings:
                speed = self.room.of_faces(one.axis, self.now.state.velocity[one.axis])
                speed[one.face] = one.sign * (flow / np.where(area > 0.0, area, 1.0))[one.owner]

    def sum_anew(self) -> None:
        """Begin the sums now."""
        self.now = replace(
            self.now, since=self.time, heat=self.warmth, span=0.0, unsolved=0, out=0.0, carried=0.0,
            inlet=np.zeros_like(self.now.inlet), highest=np.full_like(self.now.highest, -np.inf),
            sums=tuple(np.zeros_like(one) for one in self.now.sums),
            ends=self.now.ends[:0],
        )  # fmt: skip

    def breathed(self, temperature: Array) -> Array:
        """Mean temperature before each rack [K]."""
        made, total, area = self.made, 0.0, 0.0
        for one in made.fronts:
            total = total + np.bincount(one.owner, one.area * temperature[one.upstream()], len(made.racks))
            area = area + np.bincount(one.owner, one.area, len(made.racks))
        return np.asarray(total / area)

    def leaving(self, inlet: Array, span: float) -> tuple[Array, Array]:
        """Mean temperature of what racks and units give off over a time [K], that of the inlet being the racks'."""
        return inlet + self.made.rise, np.full(len(self.made.units), self.cold)

    def common_speed(self, state: State) -> float:
        """Speed over full at which what all fans go to in some air adds up to what the state asks for.

        0 where a pressure that helps makes it more at any speed.
        """

        def over(speed: float) -> float:
            each = (blower.aim(replace(one, speed=speed), state, self.made.density) for one in self.fans)
            return float(sum(each)) - self.asked_flow

        most = 1.0
        while over(most) < 0.0:
            most *= 2.0
        return float(brentq(over, 0.0, most, xtol=CLOSE, rtol=CLOSE))

    def turned(self, time: float) -> tuple[Array, ...] | None:
        """Velocities of the faces a time later, with those that fans change; None without fans."""
        if not self.fans:
            return None
        state = self.now.state
        speed = np.full(len(self.fans), self.common_speed(state)) if self.speed is None else self.speed
        fixed = tuple(one.copy() for one in state.velocity)
        for one, ratio in zip(self.fans, speed, strict=True):
            blower.turn(replace(one, speed=float(ratio)), state, self.made.density, time, fixed)
        return fixed

    def mean(self) -> State:
        """The air with the means of what is summed, or as it is now."""
        now = self.now
        if not now.span > 0.0:
            return now.state
        temperature, pressure, *velocity = (one / now.span for one in now.sums)
        return replace(now.state, temperature=temperature, pressure=pressure, velocity=tuple(velocity))

    def flows(self, state: State) -> Array:
        """What each fan blows in some air (unit,) [m3/s]."""
        return np.array([blower.flow(one, state) for one in self.fans])

    def rises(self, state: State) -> Array:
        """Pressure behind each fan over that before it in some air (unit,) [Pa]."""
        return np.array([blower.rise(one, state, self.made.density) for one in self.fans])

    def bear(self, facility: Facility) -> None:
        """InputError where the pressure over a unit is beyond all that its fans can give: nothing then follows a curve.
        Racks draw what they draw, whatever the pressure, and fans and steep cracks may not settle."""
        if not self.fans or self.made.curve is None:
            return
        worst = float(np.abs(self.rises(self.now.state)).max())
        if not worst <= STRAINED * self.made.curve[0]:
            message = (
                f"the pressure over a unit comes to {worst:.0f} Pa, beyond what its fans can give: racks draw more "
                "than passes the cracks, or fans and cracks do not settle; leave out shutOffPressure and "
                "freeAirVolume, or air.leakage_area"
            )
            raise InputError([problem(facility, "air.fan_walls.product", message)])

    def advance(self, longest: float) -> None:
        """One step, no longer than that [s], with what it adds to the sums."""
        made, now = self.made, self.now
        warm = self.room.of_cells(now.state.temperature)
        inlet = self.breathed(warm)
        span = min(longest, time_step(self.room, self.law, now.state))
        behind, supplied = self.leaving(inlet, span)
        for one in made.walls:
            self.given[one.axis][one.face] = supplied[one.owner]
        for one in made.rears:
            self.given[one.axis][one.face] = behind[one.owner]
        for one in made.passing:
            self.given[one.axis][one.face] = warm[one.upstream()]
        self.given[2][:, :, -1] = now.back
        bound = STRAY * (made.supply or float(made.flow.sum()))
        state = step(
            self.room, self.law, now.state, self.entering, span, fixed=self.turned(span), bound=bound
        )
        flow = self.room.of_faces(2, state.velocity[2])[:, :, -1] * self.ceiling
        after = self.room.of_cells(state.temperature)
        top = after[:, :, -1]
        out = np.maximum(flow, 0.0)
        left, carried = float(flow.sum()), float((out * top + np.minimum(flow, 0.0) * now.back).sum())
        for one in made.intakes:
            drawn = one.area * np.abs(self.room.of_faces(one.axis, state.velocity[one.axis])[one.face])
            left += float(drawn.sum())
            carried += float((drawn * after[one.upstream()]).sum())
        found = (state.temperature, state.pressure, *state.velocity)
        self.now = replace(
            now, state=state,
            # What comes down out of the plenum is what has gone up.
            back=float((out * top).sum() / out.sum()) if out.sum() > 0.0 else now.back,
            span=now.span + span, unsolved=now.unsolved + (not state.converged),
            stray=max(now.stray, float(state.residual)),
            out=now.out + span * left, carried=now.carried + span * carried,
            inlet=now.inlet + span * inlet, highest=np.maximum(now.highest, inlet),
            sums=tuple(total + span * one for total, one in zip(now.sums, found, strict=True)),
            eased=self._eased(),
        )  # fmt: skip

    def go_on(self, now: Moment) -> None:
        """From a moment of a hall that is the same."""
        self.now = now
        if now.eased:
            ready(self.room, now.eased)

    def _eased(self) -> tuple[Array, ...]:
        """Shares of porous faces that the preconditioner is made for."""
        return () if self.room.porous is None else tuple(one.copy() for one in self.room.porous.share)

    def power(self, warmth: float) -> float:
        """Of a flow of warmth [W], K m3/s given."""
        return self.made.density * air.HEAT_CAPACITY * warmth


def _fans(made: Voxels, room: Room) -> tuple[Fan, ...]:
    """Of each unit with a curve: from its top or, where the hall has no part in what it draws, from its outlet on."""
    if made.curve is None:
        return ()

    def faces(openings: tuple[Openings, ...], unit: int) -> tuple[Array, Openings] | None:
        for one in openings:
            if (mine := one.owner == unit).any():
                return np.stack([place[mine] for place in one.face], axis=1), one
        return None

    found = []
    for unit in range(len(made.units)):
        outlet = faces(made.walls, unit)
        assert outlet is not None, "units whose opening is shut are refused"
        places, one = outlet
        inlet = faces(made.intakes, unit) or outlet
        forward = bool(one.sign[one.owner == unit][0] > 0.0)
        found.append(blower.fan(room, one.axis, inlet[0], places, made.curve, SETTLING, forward=forward))
    return tuple(found)


def digest(value: Any) -> str:
    """A word that stands for all numbers of a hall and its flows.

    >>> digest((1.0, np.zeros(2))) == digest((1.0, np.ones(2)))
    False
    """
    made = hashlib.sha256()

    def read(one: Any) -> None:
        if is_dataclass(one):
            for name in fields(one):
                read(getattr(one, name.name))
        elif isinstance(one, tuple):
            for each in one:
                read(each)
        elif isinstance(one, np.ndarray):
            made.update(repr((one.shape, one.dtype.str)).encode() + one.tobytes())
        else:
            made.update(repr(one).encode())

    read(value)
    return made.hexdigest()
