"""Heat carried by a flow of air that stays as it is: the steady temperature of a room without stepping in time.

On the grid of `thermal.room`, by what each face carries and from where: first-order upwind, so that no cell is warmer
than what comes into it and a warm source cools no place. Its own smearing, half of speed times width, stands for the
mixing by eddies and is more than they would make on grids of some decimetres.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array  # type: ignore[import-untyped]

from thermal.quantities import Lengths, Velocities
from thermal.room import Face


def carried(
    edges: tuple[Lengths, ...], kinds: Sequence[npt.NDArray[np.uint8]], velocity: tuple[Velocities, ...]
) -> csr_array:
    """What the air that leaves each cell carries off, less what its neighbours bring, per kelvin: (cell, cell) [m^3/s].

    edges, kinds : as `thermal.room.room` takes them. velocity : of the faces across x, y and z [m/s]. Cells are
    numbered along z, then y, then x. Times the cells' temperatures it is what all other air has to bring: the flow into
    a cell by an opening times the temperature of that air. Walls are adiabatic, of any kind.

    >>> line, one = np.linspace(0.0, 2.0, 3), np.array([0.0, 1.0])
    >>> wall = np.zeros((2, 2, 1), dtype=np.uint8), np.zeros((2, 1, 2), dtype=np.uint8)
    >>> along = np.array([Face.FIXED, Face.FREE, Face.OUTLET], dtype=np.uint8).reshape(3, 1, 1)
    >>> still = np.zeros((2, 2, 1)), np.zeros((2, 1, 2))
    >>> carried((line, one, one), (along, *wall), (np.full((3, 1, 1), 0.5), *still)).toarray().tolist()
    [[0.5, 0.0], [-0.5, 0.5]]
    """
    width = [np.diff(line) for line in edges]
    cells = tuple(len(one) for one in width)
    number = np.arange(np.prod(cells)).reshape(cells)
    rows, columns, values = [], [], []

    def put(
        row: npt.NDArray[np.int64], column: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
    ) -> None:
        rows.append(row)
        columns.append(column)
        values.append(value)

    for axis in range(3):
        one, other = (width[n] for n in range(3) if n != axis)
        kind = np.moveaxis(kinds[axis], axis, 0)
        flow = np.moveaxis(velocity[axis], axis, 0) * np.outer(one, other)
        place = np.moveaxis(number, axis, 0)
        free = np.isin(kind[1:-1], (Face.FREE, Face.POROUS))
        low, high, up = place[:-1][free], place[1:][free], flow[1:-1][free]
        forward, backward = np.maximum(up, 0.0), np.maximum(-up, 0.0)
        put(low, low, forward)
        put(high, low, -forward)
        put(high, high, backward)
        put(low, high, -backward)
        open_ = np.isin(kind, (Face.FIXED, Face.OUTLET))
        open_[[0, -1]] |= kind[[0, -1]] == Face.POROUS
        put(place[open_[1:]], place[open_[1:]], np.maximum(flow[1:][open_[1:]], 0.0))
        put(place[open_[:-1]], place[open_[:-1]], np.maximum(-flow[:-1][open_[:-1]], 0.0))
    places = np.concatenate(rows), np.concatenate(columns)
    size = number.size
    return csr_array(coo_array((np.concatenate(values), places), shape=(size, size)))
