"""Who gets the power under each policy, and which racks go where even the floors do not fit.

Where even the floors exceed a limit nothing is allocated; `shed` says which racks to switch off.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from twin.allocate.filling import class_line, class_rank, equal_line, filled, switched_off
from twin.allocate.interior import greatest
from twin.allocate.rows import Caps, in_pieces, law_of, shares_of
from twin.compute.law import Law

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Policy = Literal["max-throughput", "proportional", "equal", "priority", "none"]


def allocate(
    law: Law,
    floor: Array,
    ceiling: Array,
    share: Array,
    capacity: Array,
    policy: Policy,
    priority: npt.ArrayLike | None = None,
) -> Caps:
    """Power of every rack under the shared limits, (scenario, rack).

    law : tokens/s of each rack by its AC watts.
    floor, ceiling : least and own greatest power [W], (scenario, rack). A ceiling below the floor is the
        rack's power; a dead rack has both at zero and stays there.
    share : marginal units at the limit per rack watt, nonnegative, (scenario or 1, limit, rack). A row of
        zeros (a device that is out, padding) limits nothing.
    capacity : units of the limit [its own unit], (scenario, limit); inf does not limit.
    policy : who gets what the limits leave above the floors.
        `max-throughput`: the greatest sum of tokens/s.
        `proportional`: racks rise by one common fraction of the way from floor to ceiling.
        `equal`: racks rise to one common power in watts, each between its floor and its ceiling.
        `priority`: as `proportional`, one class after the other with what the earlier ones left.
        `none`: every rack at its ceiling whatever the limits say.
        In the middle three a full limit holds its racks where they are and the others rise on.
    priority : class of each rack, 1 first, (rack,); all of one class by default. Only `priority` asks.

    Overload after every policy but `none` is at most 1e-9 of the capacity.

    >>> law = Law(demand=np.array([[1e5, 1e5]]), tokens=1e5, gpu_demand=1e5, fixed=0.0, rating=2e5,
    ...           coefficients=np.zeros(3), static_share=0.25, knee=0.75, exponent=0.3, minimum_clock=0.3)
    >>> ends = np.array([[4e4, 4e4]]), np.array([[1e5, 1e5]])
    >>> caps = allocate(law, *ends, np.ones((1, 1, 2)), np.array([[1.6e5]]), "max-throughput")
    >>> caps.power.round(), caps.binding
    (array([[80000., 80000.]]), array([[0, 0]]))

    Two racks of unequal size on 120 kW:

    >>> ends = np.array([[2e4, 5e4]]), np.array([[5e4, 1.1e5]])
    >>> for policy in ("proportional", "equal", "priority"):
    ...     allocate(law, *ends, np.ones((1, 1, 2)), np.array([[1.2e5]]), policy, [2, 1]).power.round()
    array([[36667., 83333.]])
    array([[50000., 70000.]])
    array([[ 20000., 100000.]])
    """
    if policy not in get_args(Policy):
        raise ValueError(f"no policy {policy!r}; one of {', '.join(get_args(Policy))}")
    share = np.asarray(share, dtype=float)
    limit, rack = share.shape[1:]
    scenario = max(len(a) for a in (floor, ceiling, share, capacity))
    ceiling = np.broadcast_to(np.asarray(ceiling, dtype=float), (scenario, rack))
    floor = np.minimum(np.broadcast_to(np.asarray(floor, dtype=float), (scenario, rack)), ceiling)
    capacity = np.broadcast_to(np.asarray(capacity, dtype=float), (scenario, limit))
    rank = class_rank(priority if policy == "priority" else None, rack)
    if policy == "none" or limit == 0:
        price, free = np.zeros((scenario, limit)), np.full((scenario, rack), -1)
        return Caps(ceiling.copy(), price, np.ones(scenario, dtype=bool), free)

    def piece(k: Index) -> Caps:
        least, most, own, room = floor[k], ceiling[k], shares_of(share, k), capacity[k]
        if policy == "max-throughput":
            return greatest(law_of(law, k, scenario), least, most, own, room)
        return filled(
            equal_line(least, most) if policy == "equal" else class_line(least, most, rank), own, room
        )

    parts = [piece(k) for k in in_pieces(scenario, limit * rack)]
    return Caps(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Caps)))


def shed(
    floor: Array, share: Array, capacity: Array, priority: npt.ArrayLike | None = None
) -> tuple[Mask, Index]:
    """Racks to switch off so that the floors of the others fit, and the limit that asks for it or -1, both
    (scenario, rack).

    Arguments as in `allocate`. The limit with the greatest load per capacity switches off racks with a floor
    that load it: the largest priority number first, within a class the last rack first, until it holds; then
    the limit that is now the most exceeded, until all hold. A rack that an earlier limit switched off stays
    off, even if what a later one had to switch off would have been enough for both.

    >>> off, limit = shed(np.full((1, 4), 4e4), np.ones((1, 1, 4)), np.array([[1e5]]), [1, 2, 2, 1])
    >>> off, limit
    (array([[False,  True,  True, False]]), array([[-1,  0,  0, -1]]))
    """
    share = np.asarray(share, dtype=float)
    limit, rack = share.shape[1:]
    scenario = max(len(a) for a in (floor, share, capacity))
    floor = np.broadcast_to(np.asarray(floor, dtype=float), (scenario, rack))
    capacity = np.broadcast_to(np.asarray(capacity, dtype=float), (scenario, limit))
    order = np.lexsort((np.arange(rack), class_rank(priority, rack)))
    holder = np.full((scenario, rack), -1)
    for k in in_pieces(scenario, limit * rack):
        holder[k[:, None], order] = switched_off(
            floor[k][:, order], shares_of(share, k)[..., order], capacity[k]
        )
    return holder >= 0, holder
