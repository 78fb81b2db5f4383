"""Which rack warms which: what share of the heat that racks give to the air of a hall comes back to each inlet.

For one flow of air the temperature of every place is linear in the heat of all racks: with the mean flow of
`twin.study.air_field` held, one steady solve gives the answer to each of them, and a sweep over rack powers then costs
one product a scenario. Kelvin of each inlet over the supply are told per kelvin that air takes up through the faces of
each rack, which stays the same where all flows change alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from thermal.frozen import stream, warmth
from thermal.room import Face
from twin.study.hall_voxels import Openings, Voxels

Array = npt.NDArray[np.float64]

FAINT = 1e-6
"""Of the rise over the racks, what is no rise of an inlet."""


def influence(made: Voxels, velocity: tuple[Array, Array, Array]) -> Array:
    """Kelvin of each inlet over the supply for each kelvin over each rack, (rack, rack): inlet, source.

    velocity : mean, of the faces across x, y and z [m/s]. What goes up into the plenum over the ceiling comes down
    again mixed, and what a rack breathes its rear gives back warmer: both are found from what one kelvin of the air out
    of each makes of all others alone. All NaN where the warmth of any finds no way out.
    """
    racks = len(made.racks)
    kinds = tuple(one.copy() for one in made.kinds)
    for one in made.passing:
        kinds[one.axis][one.face] = Face.FREE
    air = stream(made.edges, kinds, velocity)
    x, y = (np.diff(line) for line in made.edges[:2])
    through = np.where(made.ceiling, velocity[2][:, :, -1] * np.outer(x, y), 0.0)
    up, down = np.maximum(through, 0.0), np.maximum(-through, 0.0)
    faces, rear = _areas(made.fronts, racks), _areas(made.rears, racks)

    def heard(given: Array) -> tuple[Array, float]:
        """Of warmth given, how warm each inlet is, and what goes up into the plenum."""
        found = warmth(air, given)
        warm = found.temperature if found.converged else np.full_like(found.temperature, np.nan)
        inlet = np.zeros(racks)
        for one in made.fronts:
            inlet += np.bincount(one.owner, one.area * warm[one.upstream()], racks)
        return inlet / faces, float((up * warm[:, :, -1]).sum())

    given = np.zeros(made.solid.shape)
    given[:, :, -1] = down
    falling, again = heard(given)
    share = np.zeros((racks, racks))
    for rack in range(racks):
        given[:] = 0.0
        for one in made.rears:
            mine = one.owner == rack
            into = tuple(place[mine] for place in one.downstream())
            np.add.at(given, into, one.area[mine] / rear[rack] * made.flow[rack])
        inlet, risen = heard(given)
        plenum = risen / (up.sum() - again) if risen > 0.0 else 0.0
        share[:, rack] = inlet + falling * plenum
    # Rears are warmer than the inlets that their racks have in the end.
    return np.asarray(np.linalg.solve(np.eye(racks) - share, share))


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
