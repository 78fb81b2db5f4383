"""Which rack warms which: what share of the heat that racks give to the air of a hall comes back to each inlet.

For one flow of air the temperature of every place is linear in the heat of all racks: with the mean flow of
`twin.study.air_field` held, one factorisation gives the answer to each of them, and a sweep over rack powers then costs
one product a scenario. Kelvin of each inlet over the supply are told per kelvin that air takes up through the faces of
each rack, which stays the same where all flows change alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import splu

from thermal.frozen import carried
from twin.study.hall_voxels import Openings, Voxels

Array = npt.NDArray[np.float64]

FAINT = 1e-6
"""Of the rise over the racks, what is no rise of an inlet."""


def influence(made: Voxels, velocity: tuple[Array, Array, Array]) -> Array:
    """Kelvin of each inlet over the supply for each kelvin over each rack, (rack, rack): inlet, source.

    velocity : mean, of the faces across x, y and z [m/s]. Unknown are all cells, the air that each rack breathes, which
    its rear gives back warmer, and the plenum over the ceiling, from which comes down what has gone up.
    """
    racks, size = len(made.racks), made.solid.size
    plenum, count = size + racks, size + racks + 1
    number = np.arange(size).reshape(made.solid.shape)
    rows, columns, values = [], [], []

    def put(row: npt.ArrayLike, column: npt.ArrayLike, value: npt.ArrayLike) -> None:
        for store, one in zip((rows, columns, values), np.broadcast_arrays(row, column, value), strict=True):
            store.append(one.ravel())

    source = np.zeros((count, racks))
    faces, rear = _areas(made.fronts, racks), _areas(made.rears, racks)
    for one in made.fronts:
        put(size + one.owner, number[one.upstream()], -one.area / faces[one.owner])
    put(size + np.arange(racks), size + np.arange(racks), 1.0)
    for one in made.rears:
        into, flow = number[one.downstream()], one.area / rear[one.owner] * made.flow[one.owner]
        put(into, size + one.owner, -flow)
        np.add.at(source, (into, one.owner), flow)
    for group, whole in ((made.leaks, made.leaked), (made.spills, made.spilt)):
        area = sum(float(one.area.sum()) for one in group)
        for one in group:
            put(number[one.downstream()], number[one.upstream()], -one.area / area * whole)
    x, y = (np.diff(line) for line in made.edges[:2])
    under = number[:, :, -1][made.ceiling]
    up = (velocity[2][:, :, -1] * np.outer(x, y))[made.ceiling]
    put(plenum, plenum, max(float(np.maximum(up, 0.0).sum()), np.finfo(float).tiny))
    put(plenum, under, -np.maximum(up, 0.0))
    put(under, plenum, -np.maximum(-up, 0.0))

    flow = carried(made.edges, made.kinds, velocity)
    coupling = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count)
    )
    whole = coo_array(flow)
    whole = csr_array(coo_array((whole.data, whole.coords), shape=(count, count)) + coupling)
    # Solids, and air that nothing moves, have no temperature to be found.
    moved = np.flatnonzero(np.concatenate([~made.solid.ravel(), np.ones(racks + 1, dtype=bool)]))
    moved = moved[whole.diagonal()[moved] > 0.0]
    solved = splu(whole[moved][:, moved].tocsc()).solve(source[moved])
    return np.asarray(solved[np.searchsorted(moved, size + np.arange(racks))])


def fitted(share: Array, rise: Array, inlet: Array) -> Array:
    """The shares such that they give the inlets that the field has, (rack, rack): each row is scaled.

    rise : of the air over each rack, inlet : of each over the supply [K]. The mean flow alone misses what the flow's
    swings carry, and the scheme smears.
    """
    told = share @ rise
    faint = FAINT * float(rise.mean())
    scale = np.where(told > faint, np.maximum(inlet, 0.0) / np.where(told > faint, told, 1.0), 1.0)
    return np.asarray(share * scale[:, None])


def _areas(openings: tuple[Openings, ...], count: int) -> Array:
    """Of the faces of each owner [m2]."""
    return sum((np.bincount(one.owner, one.area, count) for one in openings), np.zeros(count))
