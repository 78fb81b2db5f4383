"""Heat carried by a flow of air that stays as it is: the steady temperature of a room without stepping in time.

On the grid of `thermal.room`, by what each face carries and from where: first-order upwind, so that no cell is warmer
than what comes into it and a warm source cools no place. Its own smearing, half of speed times width, stands for the
mixing by eddies and is more than they would make on grids of some decimetres.

Cells take what comes into them one after the other, in sweeps along all eight ways through the box in turn: on each way
the streams that go along it are followed to their end, so that a few turns of the eddies are enough. The loops are
compiled: the first call ever takes some seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal.quantities import (
    Boolean,
    Integer,
    Lengths,
    Ratio,
    TemperatureDifferences,
    Tolerance,
    Velocities,
    VolumeFlows,
    WarmthFlows,
)
from thermal.room import Face

WAYS = (
    (False, False, False), (True, True, True), (False, True, False), (True, False, True), (False, False, True),
    (True, True, False), (False, True, True), (True, False, False),
)  # fmt: skip
"""Of sweeps, whether backward along x, y and z: each the other way than the one before, in one axis or all."""


@dataclass(frozen=True, eq=False)
class Stream:
    """What air carries, as of `stream`.

    flow : through the faces across x, y and z, upwards along the axis, between cells; 0 where nothing passes or what
    passes comes from elsewhere [m3/s]. leaving : air out of each cell, to others or by openings (nx, ny, nz) [m3/s].
    """

    flow: tuple[VolumeFlows, ...]
    leaving: VolumeFlows


@dataclass(frozen=True, eq=False)
class Warmth:
    """What `warmth` found.

    temperature : of the air of each cell over that of the air that openings bring, 0 in solids and where nothing moves
    (nx, ny, nz) [K]. left : of the warmth given, what is not yet on its way out. sweeps : taken.
    """

    temperature: TemperatureDifferences
    left: Ratio
    sweeps: Integer
    converged: Boolean


def stream(
    edges: tuple[Lengths, ...], kinds: Sequence[npt.NDArray[np.uint8]], velocity: tuple[Velocities, ...]
) -> Stream:
    """What the air of a room carries with it.

    edges, kinds : as `thermal.room.room` takes them. velocity : of the faces across x, y and z [m/s]. By fixed faces
    and outlets air leaves a cell, and comes into it from elsewhere. Walls are adiabatic, of any kind.

    >>> line, one = np.linspace(0.0, 2.0, 3), np.array([0.0, 1.0])
    >>> wall = np.zeros((2, 2, 1), dtype=np.uint8), np.zeros((2, 1, 2), dtype=np.uint8)
    >>> along = np.array([Face.FIXED, Face.FREE, Face.OUTLET], dtype=np.uint8).reshape(3, 1, 1)
    >>> still = np.zeros((2, 2, 1)), np.zeros((2, 1, 2))
    >>> air = stream((line, one, one), (along, *wall), (np.full((3, 1, 1), 0.5), *still))
    >>> air.flow[0].ravel().tolist(), air.leaving.ravel().tolist()
    ([0.0, 0.5, 0.0], [0.5, 0.5])
    """
    width = [np.diff(line) for line in edges]
    leaving, flows = np.zeros(tuple(len(one) for one in width)), []
    for axis in range(3):
        one, other = (width[n] for n in range(3) if n != axis)
        kind = np.moveaxis(kinds[axis], axis, 0)
        free = np.isin(kind, (Face.FREE, Face.POROUS))
        open_ = free | np.isin(kind, (Face.FIXED, Face.OUTLET))
        passing = np.where(open_, np.moveaxis(velocity[axis], axis, 0) * np.outer(one, other), 0.0)
        out = np.moveaxis(leaving, axis, 0)
        out += np.maximum(passing[1:], 0.0)
        out += np.maximum(-passing[:-1], 0.0)
        free[[0, -1]] = False
        passing[~free] = 0.0
        flows.append(np.ascontiguousarray(np.moveaxis(passing, 0, axis)))
    return Stream(tuple(flows), leaving)


def warmth(stream: Stream, given: WarmthFlows, tolerance: Tolerance = 1e-9, most: int = 4000) -> Warmth:
    """How warm a stream is where warmth is given to it, in the end.

    given : to each cell, heat over heat capacity and density, or the flow into it by an opening times the temperature
    of that, over that of all other air that comes in (nx, ny, nz) [K m^3/s], none below 0, for what is left is over
    their sum; that of cells that nothing leaves, as solids, is not read.
    tolerance : of `Warmth.left`. most : sweeps, about.

    Cells warm up from nothing, and warmth is only carried on: what flows out of the room is short of what is left.

    >>> line = Stream((np.array([0.0, 2.0, 0.0])[:, None, None], np.zeros((2, 2, 1)), np.zeros((2, 1, 2))),
    ...               np.full((2, 1, 1), 2.0))
    >>> warmth(line, np.array([10.0, 6.0]).reshape(2, 1, 1)).temperature.ravel().tolist()
    [5.0, 8.0]
    """
    from thermal.compiled import frozen as compiled

    leaving, given = stream.leaving, np.ascontiguousarray(given, dtype=np.float64)
    found = np.zeros(leaving.shape)
    whole, rest, sweeps = float(given.sum(where=leaving != 0.0)), 0.0, 0
    if whole != 0.0:
        rest = 1.0
        while rest > tolerance and sweeps < most:
            for back in WAYS:
                compiled.sweep(*stream.flow, leaving, given, found, back)
            sweeps += len(WAYS)
            rest = float(compiled.left(*stream.flow, leaving, given, found)) / whole
    return Warmth(found, rest, sweeps, rest <= tolerance)
