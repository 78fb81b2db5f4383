"""Fans with a curve in the air of a room: fixed faces whose flow follows the pressure across them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import pump
from thermal.airflow import TINY, State
from thermal.pump import HeadCurve
from thermal.quantities import Areas, Density, Pressure, Ratio, Time, Velocities, VolumeFlow
from thermal.room import Face, Room

START = 0.1
"""Of the flow at the present pressure, what a fan at rest is taken to give: else it would see no end of resistance."""

_Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fan:
    """Fixed faces across one axis by which air goes into a fan and out of it, made by `fan`.

    inlet, outlet : their entries in a field of faces; before, behind : of the cells of air beside, outside the box a
    cell of the rings, where the pressure is nothing. entry, exit : areas of the faces [m^2]. sign : 1 where the air
    goes along the axis, else -1. curve : pressure over flow, as of `pump.head`. speed : over full. settling : time in
    which the flow follows [s].
    """

    axis: int
    inlet: _Index
    outlet: _Index
    before: _Index
    behind: _Index
    entry: Areas
    exit: Areas
    sign: int
    curve: HeadCurve
    speed: Ratio
    settling: Time


def fan(
    room: Room,
    axis: int,
    inlet: Sequence[tuple[int, int, int]] | npt.NDArray[np.int64],
    outlet: Sequence[tuple[int, int, int]] | npt.NDArray[np.int64],
    curve: HeadCurve,
    settling: Time,
    speed: Ratio = 1.0,
    *,
    forward: bool = True,
) -> Fan:
    """A fan between fixed faces of a room across an axis: both sides of a rack, or twice the same of a fan wall.

    inlet, outlet : (face, 3) along x, y, z, the air entering and leaving. curve : a, b, c of a + b Q + c Q^2 of all
    its flow at full speed [SI]. settling : above 0 [s]. forward : the air goes along the axis.

    The flow answers a pressure with at most G = |dQ/dp| of the curve, and the air that it has to move answers a flow
    that changes with a pressure of I dQ/dt, I = rho L / A over its way. With steps t of h = 1 - exp(-t / settling) that
    is stable while h (1/2 + G I / t) < 1: in short steps while the settling is longer than G I, in any while it is
    longer than twice that. What resists makes it no less stable; a pressure that helps and falls steeply with the flow,
    as behind cracks by which others draw, may.

    ValueError where a face is not fixed, there is none, or the settling is not above 0.
    """
    if not settling > 0.0:
        raise ValueError(f"settling must be above 0 s, is {settling:g} s")
    place = room.order.index(axis)
    stride = (room.shape[1] * room.shape[2], room.shape[2], 1)[place]
    ring = (np.array(room.shape) - np.array(room.cells)[list(room.order)]) // 2
    entries, areas = [], []
    for name, given in (("inlet", inlet), ("outlet", outlet)):
        where = np.asarray(given, dtype=np.int64).reshape(-1, 3)[:, list(room.order)] + ring
        entry = np.ravel_multi_index(tuple(where.T), room.shape)
        if not len(entry) or (room.kind[place][entry] != Face.FIXED).any():
            raise ValueError(f"{name} must be one or more fixed faces")
        one, two = (other for other in range(3) if other != place)
        entries.append(entry)
        areas.append(room.width[one][where[:, one]] * room.width[two][where[:, two]])
    low, high = (stride, 0) if forward else (0, stride)
    return Fan(
        axis, entries[0], entries[1], entries[0] - low, entries[1] - high, areas[0], areas[1],
        1 if forward else -1, curve, speed, settling,
    )  # fmt: skip


def flow(fan: Fan, state: State) -> VolumeFlow:
    """What goes into the fan now [m^3/s]."""
    return float(fan.sign * (state.velocity[fan.axis][fan.inlet] @ fan.entry))


def rise(fan: Fan, state: State, density: Density) -> Pressure:
    """Mean pressure in the cells behind the fan over that in the cells before it [Pa]."""
    before = np.average(state.pressure[fan.before], weights=fan.entry)
    behind = np.average(state.pressure[fan.behind], weights=fan.exit)
    return float(density * (behind - before))


def aim(fan: Fan, state: State, density: Density) -> VolumeFlow:
    """Flow to which the fan goes [m^3/s]: where its curve crosses the square law of flow through the present point.

    What resists as ducts, racks and tiles do is met at once, whatever its slope. A pressure that helps is taken as it
    is. A fan that stands lets nothing through: its damper is closed.
    """
    if fan.speed <= 0.0:
        return 0.0
    now, against = flow(fan, state), rise(fan, state, density)
    a, b, c = fan.curve
    least = START * pump.flow(against, fan.curve, fan.speed)
    resistance = max(against, 0.0) / max(now, float(least), TINY) ** 2
    return float(pump.flow(min(against, 0.0), (a, b, c - resistance), fan.speed))


def turn(fan: Fan, state: State, density: Density, time: Time, fixed: tuple[Velocities, ...]) -> VolumeFlow:
    """Flow of the fan a time later [m^3/s], written as velocities of its faces into `fixed`, as of `airflow.step`.

    By the share 1 - exp(-time / settling) it goes to `aim`. time : the step.
    """
    now = flow(fan, state)
    after = now + (aim(fan, state, density) - now) * -np.expm1(-time / fan.settling)
    fixed[fan.axis][fan.inlet] = fan.sign * after / fan.entry.sum()
    fixed[fan.axis][fan.outlet] = fan.sign * after / fan.exit.sum()
    return float(after)
