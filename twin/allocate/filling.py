"""Policies that ask no law: the power of a rack is a line in one common level, cut off at its floor and its ceiling,
and the level rises. A limit that becomes full holds its racks there and the others rise on (max-min fairness; Bertsekas
& Gallager, Data Networks, 2nd ed., sec. 6.5.2). The policies differ in the line alone:

    proportional    floor + level (ceiling - floor)
    equal           level [W]
    priority        floor + (level - k) (ceiling - floor),    k the number of more important classes

A limit is full at the level it finds from its own racks, or later where others hold some of them back. So it may hold
its racks as soon as none of them is held earlier elsewhere, without waiting for limits that share no rack with it, and
a site takes a few rounds however many limits it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.allocate.rows import OVERLOAD, Caps, exceeded_by, pressing_at, row_load

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def switched_off(floor: Array, share: Array, capacity: Array) -> Index:
    """Limit that switches each rack off or -1, (scenario, rack), the racks in the order in which they stay.

    A limit acts once it is the most exceeded of those that load any of its racks, so that limits without a
    common rack act in one round.
    """
    number, racks = share.shape[1], floor.shape[1]
    most = (capacity + OVERLOAD * np.abs(capacity)).ravel()
    holder = np.full(floor.size, -1)
    exceeded = exceeded_by(share, row_load(share, floor), capacity)
    row, rack, load = _entries(exceeded, share * floor[:, None])
    while row.size:
        entry, own = _numbered(row)
        total, room = np.bincount(entry, load), most[own]
        with np.errstate(divide="ignore"):
            excess = total / np.maximum(room, 0.0)
        turn = (-excess).argsort(kind="stable").argsort()
        lead = np.full(holder.shape, len(own))
        np.minimum.at(lead, rack, turn[entry])
        wait = np.bincount(entry, lead[rack] < turn[entry]) > 0.0
        mine = np.flatnonzero(~wait[entry])
        at = (~wait).cumsum()[entry[mine]] - 1, rack[mine] % racks
        # Racks stay in order as long as the limit holds; a dense row each, so that none sees another's sum.
        kept = np.zeros((np.count_nonzero(~wait), racks))
        kept[at] = load[mine]
        off = mine[kept.cumsum(axis=-1)[at] > room[entry[mine]]]
        holder[rack[off]] = row[off] % number
        stay = (wait & (total > room))[entry] & (holder[rack] < 0)
        row, rack, load = row[stay], rack[stay], load[stay]
    return holder.reshape(floor.shape)


def _entries(chosen: Mask, share: Array) -> tuple[Index, Index, Array]:
    """Pairs of a chosen limit and a rack that loads it: number of both in their flat arrays, and the share.

    In the order of the limits, so that a sum over the entries of a limit is the same sum in any batch.
    """
    scenario, limit, rack = np.nonzero(chosen[..., None] & (share > 0.0))
    part = share[scenario % len(share), limit, rack]
    return scenario * share.shape[1] + limit, scenario * share.shape[2] + rack, part


def _numbered(row: Index) -> tuple[Index, Index]:
    """Place of each entry's limit among those that have entries, and these limits; `row` ascends."""
    new = np.diff(row, prepend=-1) > 0
    return new.cumsum() - 1, row[new]


def class_rank(priority: npt.ArrayLike | None, rack: int) -> Index:
    """Number of more important classes, (rack,)."""
    classes = np.broadcast_to(1 if priority is None else np.asarray(priority), (rack,))
    return np.unique(classes, return_inverse=True)[1]


@dataclass(frozen=True)
class _Line:
    """Power of each rack by the common level: base + rate * level, cut off at floor and ceiling.

    All (scenario, rack); `end` is the level at which a rack is at its ceiling, and all lines are straight
    between the levels `bend`, ascending, (scenario or 1, order).
    """

    floor: Array
    ceiling: Array
    base: Array
    rate: Array
    end: Array
    bend: Array


def equal_line(floor: Array, ceiling: Array) -> _Line:
    """The level is the power."""
    bend = np.sort(np.concatenate([floor, ceiling], axis=-1), axis=-1)
    return _Line(floor, ceiling, np.zeros_like(floor), np.ones_like(floor), ceiling, bend)


def class_line(floor: Array, ceiling: Array, rank: Index) -> _Line:
    """Class `rank` goes from floor to ceiling while the level goes from `rank` to `rank` + 1."""
    width, bend = ceiling - floor, np.arange(rank.max(initial=0) + 2.0)[None]
    end = np.broadcast_to(rank + 1.0, floor.shape)
    return _Line(floor, ceiling, floor - rank * width, width, end, bend)


def filled(line: _Line, share: Array, capacity: Array) -> Caps:
    """Every rack at the level at which the first of its limits is full, or at its ceiling."""
    number = share.shape[1]
    floor, ceiling = line.floor, line.ceiling
    _, settled, pressing = pressing_at(floor, ceiling, share, capacity)
    power, holder = ceiling.ravel().copy(), np.full(floor.size, number)
    end = np.where(ceiling > floor, line.end, -np.inf).ravel()
    base, rate = line.base.ravel(), line.rate.ravel()
    room = capacity.ravel().copy()
    row, rack, part = _entries(pressing, share)
    while row.size:
        full, entry = _full(line, number, row, rack, part, room)
        reach = np.full(power.shape, np.inf)
        np.minimum.at(reach, rack, full[entry])
        done = reach >= end  # every limit of the rack lets it come to its ceiling
        # A limit whose racks are held earlier elsewhere is not full yet and has to be asked again.
        wait = np.bincount(entry, ~done[rack] & (reach[rack] < full[entry])) > 0.0
        stop = ~done[rack] & ~wait[entry]
        held = rack[stop]
        power[held] = np.clip(base[held] + rate[held] * reach[held], floor.flat[held], ceiling.flat[held])
        np.minimum.at(holder, held, row[stop] % number)
        done[held] = True
        gone = done[rack]
        np.subtract.at(room, row[gone], part[gone] * power[rack[gone]])
        row, rack, part = row[~gone], rack[~gone], part[~gone]
    power, holder = power.reshape(floor.shape), holder.reshape(floor.shape)
    power[~settled] = np.nan
    holder[~settled[:, None] | (holder == number)] = -1
    return Caps(power, np.zeros_like(capacity), settled, holder)


def _full(line: _Line, limit: int, row: Index, rack: Index, part: Array, room: Array) -> tuple[Array, Index]:
    """Level at which each limit that has entries is full, inf where it never is, and the entries' place there.

    Found between two neighbouring bends, which a binary search brackets; in between the load is straight.
    """
    entry, row = _numbered(row)
    room = room[row]
    floor, ceiling, base, rate = (
        value.ravel()[rack] for value in (line.floor, line.ceiling, line.base, line.rate)
    )
    scenario, last = row // limit % len(line.bend), line.bend.shape[1] - 1

    def load(order: Index | int) -> tuple[Array, Array]:
        level = line.bend[scenario, order]
        return level, np.bincount(entry, part * np.clip(base + rate * level[entry], floor, ceiling))

    low = np.zeros_like(row)
    for bit in reversed(range((last - 1).bit_length())):
        higher = np.minimum(low + (1 << bit), last)
        low = np.where((higher < last) & (load(higher)[1] <= room), higher, low)
    (start, least), (stop, most) = load(low), load(low + 1)
    fraction = np.clip((room - least) / np.where(most > least, most - least, 1.0), 0.0, 1.0)
    never = load(last)[1] <= room
    return np.where(never, np.inf, start + fraction * (stop - start)), entry
