"""Who gets the power: shared limits divided among racks, and what a unit of each limit is worth.

Every rack r turns power p into tokens by a concave law T_r(p) between a floor and a ceiling of its own.
Shared limits (RPP, UPS, transformer, CDU, fan wall, ...) are rows ``share @ power <= capacity``. Power
rows and cooling rows cross, so filling a tree from its root is not exact, and `max-throughput` solves

    maximise sum_r T_r(p_r)    with    share @ p <= capacity,    floor <= p <= ceiling

by a primal-dual interior point with Mehrotra's predictor and corrector (SIAM J. Optim. 2 (1992) 575;
Nocedal & Wright, Numerical Optimization, 2nd ed., ch. 14 and 19) for all scenarios at once. The law is
split at its knee into two segments with variables of their own; because the segment below the knee is
the steeper one, the optimum fills it first and the kink needs no special case.

`proportional`, `equal` and `priority` ask no law: the power of a rack is a line in one common level, cut
off at its floor and its ceiling, and the level rises. A limit that becomes full holds its racks there and
the others rise on (max-min fairness; Bertsekas & Gallager, Data Networks, 2nd ed., sec. 6.5.2). The
policies differ in the line alone:

    proportional    floor + level (ceiling - floor)
    equal           level [W]
    priority        floor + (level - k) (ceiling - floor),    k the number of more important classes

A limit is full at the level it finds from its own racks, or later where others hold some of them back. So
it may hold its racks as soon as none of them is held earlier elsewhere, without waiting for limits that
share no rack with it, and a site takes a few rounds however many limits it has.

Where even the floors exceed a limit nothing is allocated; `shed` says which racks to switch off.

Nothing here looks across scenarios: rows are merged, dropped and packed by what the scenario itself
says, every product is one small product per scenario, and each scenario stops by its own residual.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from twin.compute.law import Law, knee_power, lower, upper

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Policy = Literal["max-throughput", "proportional", "equal", "priority", "none"]

ROUNDING = 1e-12  # relative excess over a capacity that is rounding, not load
OVERLOAD = 1e-9  # relative excess of the floors over a capacity that still counts as feasible
SAME = 1e-9  # rows whose shares differ by less than this part of the largest are one limit
RESIDUAL = 1e-9  # stop: optimality and balance, in mean gains per mean width and in mean widths
GAP = 1e-12  # stop: mean complementarity, in mean gains
AT_CEILING = 1e-6  # a rack this close to its ceiling, relative, stands at it
STEPS = 80
PATIENCE = 15  # steps after which a scenario that has not ended gives up the second-order term
MEMORY = 2_000_000  # numbers in a (scenario, limit, rack) array
SPARSE = 8  # limits per limit of one rack from which pairs of limits are cheaper
CACHE = 100_000  # numbers per work array: a few dozen of them stay in a core's cache


@dataclass(frozen=True)
class Caps:
    """What each rack may draw.

    power : AC watts of each rack [W], (scenario, rack); NaN where not settled.
    price : tokens/s that one more unit of capacity would bring [1/s per unit], (scenario, limit). Only
        `max-throughput` has prices; of limits that serve the same racks in the same proportions the
        tightest carries it. It ranks and names; a price for a reader is a difference of the whole solve.
    settled : False where the floors alone exceed a limit, or no optimum was found, (scenario,).
    binding : index of the limit that holds the rack, -1 where it stands at its ceiling, (scenario, rack).
    """

    power: Array
    price: Array
    settled: Mask
    binding: Index


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
    rank = _rank(priority if policy == "priority" else None, rack)
    if policy == "none" or limit == 0:
        price, free = np.zeros((scenario, limit)), np.full((scenario, rack), -1)
        return Caps(ceiling.copy(), price, np.ones(scenario, dtype=bool), free)

    def piece(k: Index) -> Caps:
        least, most, own, room = floor[k], ceiling[k], _rows(share, k), capacity[k]
        if policy == "max-throughput":
            return _greatest(_scenarios(law, k, scenario), least, most, own, room)
        return _filled(_level(least, most) if policy == "equal" else _classes(least, most, rank), own, room)

    parts = [piece(k) for k in _pieces(scenario, limit * rack)]
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
    order = np.lexsort((np.arange(rack), _rank(priority, rack)))
    holder = np.full((scenario, rack), -1)
    for k in _pieces(scenario, limit * rack):
        holder[k[:, None], order] = _shed(floor[k][:, order], _rows(share, k)[..., order], capacity[k])
    return holder >= 0, holder


def _shed(floor: Array, share: Array, capacity: Array) -> Index:
    """Limit that switches each rack off or -1, (scenario, rack), the racks in the order in which they stay.

    A limit acts once it is the most exceeded of those that load any of its racks, so that limits without a
    common rack act in one round.
    """
    number, racks = share.shape[1], floor.shape[1]
    most = (capacity + OVERLOAD * np.abs(capacity)).ravel()
    holder = np.full(floor.size, -1)
    exceeded = _exceeded(share, _load(share, floor), capacity)
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


def _rank(priority: npt.ArrayLike | None, rack: int) -> Index:
    """Number of more important classes, (rack,)."""
    classes = np.broadcast_to(1 if priority is None else np.asarray(priority), (rack,))
    return np.unique(classes, return_inverse=True)[1]


def _pieces(scenario: int, numbers: int) -> list[Index]:
    """Runs of scenarios of which each needs an array of so many numbers."""
    size = max(1, MEMORY // max(numbers, 1))
    return [np.arange(k, min(k + size, scenario)) for k in range(0, scenario, size)]


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


def _level(floor: Array, ceiling: Array) -> _Line:
    """The level is the power."""
    bend = np.sort(np.concatenate([floor, ceiling], axis=-1), axis=-1)
    return _Line(floor, ceiling, np.zeros_like(floor), np.ones_like(floor), ceiling, bend)


def _classes(floor: Array, ceiling: Array, rank: Index) -> _Line:
    """Class `rank` goes from floor to ceiling while the level goes from `rank` to `rank` + 1."""
    width, bend = ceiling - floor, np.arange(rank.max(initial=0) + 2.0)[None]
    end = np.broadcast_to(rank + 1.0, floor.shape)
    return _Line(floor, ceiling, floor - rank * width, width, end, bend)


def _filled(line: _Line, share: Array, capacity: Array) -> Caps:
    """Every rack at the level at which the first of its limits is full, or at its ceiling."""
    number = share.shape[1]
    floor, ceiling = line.floor, line.ceiling
    _, settled, pressing = _pressing(floor, ceiling, share, capacity)
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


def _greatest(law: Law, floor: Array, ceiling: Array, share: Array, capacity: Array) -> Caps:
    """The greatest sum of tokens; where no limit can bind at the ceilings the power is the ceiling."""
    least, settled, pressing = _pressing(floor, ceiling, share, capacity)
    power, price = ceiling.copy(), np.zeros_like(capacity)
    tight = np.flatnonzero(pressing.any(axis=-1))
    if tight.size:
        chosen = np.zeros_like(pressing)
        chosen[tight] = _tightest(_rows(share, tight), capacity[tight], pressing[tight])
        for batch, row in _batches(chosen, ceiling.shape[-1]):
            own = _rows(share, batch)
            packed = own[0][row] if len(own) == 1 else np.take_along_axis(own, row[..., None], axis=1)
            room = np.take_along_axis(capacity[batch], row, axis=1)
            part = _interior(_scenarios(law, batch, len(floor)), floor[batch], ceiling[batch], packed, room)
            power[batch], price[batch[:, None], row], settled[batch] = part
        power[tight] = _within(_rows(share, tight), floor[tight], power[tight], least[tight], capacity[tight])
    power[~settled] = np.nan
    price[~settled] = 0.0
    below = settled[:, None] & (ceiling - power > AT_CEILING * ceiling)
    return Caps(power, price, settled, np.where(below, _dearest(share, price), -1))


def _exceeded(share: Array, least: Array, capacity: Array) -> Mask:
    """Limits that the floors exceed, (scenario, limit); one that holds no rack never is."""
    return share.any(axis=-1) & ~(least <= capacity + OVERLOAD * np.abs(capacity))


def _pressing(floor: Array, ceiling: Array, share: Array, capacity: Array) -> tuple[Array, Mask, Mask]:
    """Load of the floors, whether they fit, (scenario,), and which limits then bind at the ceilings."""
    least, most = _load(share, floor), _load(share, ceiling)
    settled = ~_exceeded(share, least, capacity).any(axis=-1)
    return least, settled, settled[:, None] & (most > capacity * (1.0 + ROUNDING)) & (most > least)


def _load(share: Array, power: Array) -> Array:
    """Units at each limit, (scenario, limit); one product per scenario, so that none sees another."""
    return (share @ power[..., None])[..., 0]


def _rows(share: Array, scenario: Index) -> Array:
    """Shares of some scenarios; a pattern common to all stays one."""
    return share if len(share) == 1 else share[scenario]


def _scenarios(law: Law, scenario: Index, count: int) -> Law:
    """The law of some of `count` scenarios; what is common to all stays broadcastable."""

    def part(name: str) -> Array:
        value = np.asarray(getattr(law, name))
        lead = value.ndim - (name == "coefficients")
        return value[scenario] if lead == 2 and len(value) == count > 1 else value

    return replace(law, **{field.name: part(field.name) for field in fields(law)})


def _fraction(least: Array, most: Array, capacity: Array) -> Array:
    """Part of the way from `least` to `most` that a capacity allows, (scenario, limit), in [0, 1]."""
    over = most > capacity
    room = np.where(over, capacity - least, 1.0)
    return np.clip(room / np.where(over & (most > least), most - least, 1.0), 0.0, 1.0)


def _lowest(share: Array, fraction: Array) -> tuple[Array, Index]:
    """Lowest fraction among the limits that hold each rack, and that limit, (scenario, rack)."""
    each = np.where(share > 0.0, fraction[..., None], 1.0)
    holder = each.argmin(axis=1)
    return np.take_along_axis(each, holder[:, None], axis=1)[:, 0], holder


def _within(share: Array, floor: Array, power: Array, least: Array, capacity: Array) -> Array:
    """Power drawn back towards the floors by what still exceeds a capacity."""
    load = _load(share, power)
    fraction = np.where(load > capacity * (1.0 + ROUNDING), _fraction(least, load, capacity), 1.0)
    over = np.flatnonzero(fraction.min(axis=-1) < 1.0)
    power = power.copy()
    factor, _ = _lowest(_rows(share, over), fraction[over])
    power[over] = np.where(factor < 1.0, floor[over] + factor * (power[over] - floor[over]), power[over])
    return power


def _dearest(share: Array, price: Array) -> Index:
    """Limit with the largest price times share of each rack, (scenario, rack)."""
    return np.asarray((share * price[..., None]).argmax(axis=1))


def _family(share: Array) -> Index:
    """First row, in order of signature, that serves the same racks in the same proportions, (..., limit).

    Proportions are compared by a weighted sum first, since comparing every row with every other costs
    limit squared; rows that only share the sum are told apart by the comparison with the first.
    """
    part = share / np.maximum(share.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    signature = part @ np.random.default_rng(0).random(share.shape[-1])
    order = signature.argsort(axis=-1)
    new = np.diff(np.take_along_axis(signature, order, axis=-1), axis=-1, prepend=-1.0) > SAME
    position = np.maximum.accumulate(np.where(new, np.arange(order.shape[-1]), 0), axis=-1)
    first = np.empty_like(order)
    np.put_along_axis(first, order, np.take_along_axis(order, position, axis=-1), axis=-1)
    other = np.take_along_axis(part, first[..., None], axis=-2)
    same = np.all(np.abs(part - other) <= SAME * part.max(axis=-1, keepdims=True), axis=-1)
    return np.where(same, first, np.arange(order.shape[-1]))


def _tightest(share: Array, capacity: Array, pressing: Mask) -> Mask:
    """The pressing row with the least capacity per share of each family of rows, (scenario, limit)."""
    total = share.sum(axis=-1)
    room = np.where(pressing, capacity / np.where(total > 0.0, total, 1.0), np.inf)
    family = np.broadcast_to(_family(share), room.shape)
    order = np.lexsort((room, family), axis=-1)
    first = np.diff(np.take_along_axis(family, order, axis=-1), axis=-1, prepend=-1) != 0
    chosen = np.empty_like(first)
    np.put_along_axis(chosen, order, first, axis=-1)
    return chosen & pressing


def _batches(chosen: Mask, rack: int) -> list[tuple[Index, Index]]:
    """Scenarios with equally many rows, in pieces that fit the cache, with the rows of each.

    The size of a scenario's matrices then depends on that scenario alone, hence so does its rounding.
    """
    number = chosen.sum(axis=-1)
    batches = []
    for size in np.unique(number[number > 0]):
        scenario = np.flatnonzero(number == size)
        row = np.nonzero(chosen[scenario])[1].reshape(-1, size)
        piece = max(1, int(CACHE // (size * (size + rack) + 2 * rack)))
        batches += [(scenario[k : k + piece], row[k : k + piece]) for k in range(0, len(scenario), piece)]
    return batches


@dataclass(frozen=True)
class _Dense:
    """Rows of many small scenarios, one matrix each: `matrix` (scenario, limit, rack)."""

    matrix: Array

    def some(self, scenario: Index) -> _Dense:
        """Rows of some of the scenarios."""
        return _Dense(self.matrix[scenario])

    def load(self, power: Array) -> Array:
        """matrix @ power, (scenario, limit)."""
        return _load(self.matrix, power)

    def pull(self, price: Array) -> Array:
        """price @ matrix, (scenario, 1, rack)."""
        return np.asarray(price[:, None] @ self.matrix)

    def normal(self, give: Array) -> Array:
        """matrix @ diag(give) @ matrix.T, (scenario, limit, limit)."""
        return np.asarray((self.matrix * give[:, None]) @ self.matrix.swapaxes(-1, -2))


@dataclass(frozen=True)
class _Sparse:
    """Rows of one scenario in which a rack stands in few of many limits: `row` and `value` (order, rack)."""

    limit: int
    row: Index
    value: Array

    def some(self, scenario: Index) -> _Sparse:
        """The one scenario there is."""
        return self

    def load(self, power: Array) -> Array:
        """matrix @ power, (1, limit)."""
        return np.bincount(self.row.ravel(), (self.value * power).ravel(), self.limit)[None]

    def pull(self, price: Array) -> Array:
        """price @ matrix, (1, 1, rack)."""
        return (self.value * price[0, self.row]).sum(axis=0)[None, None]

    def normal(self, give: Array) -> Array:
        """matrix @ diag(give) @ matrix.T, (1, limit, limit): every pair of limits that share a rack."""
        pair = self.row[:, None] * self.limit + self.row
        product = self.value[:, None] * self.value * give
        total = np.bincount(pair.ravel(), product.ravel(), self.limit * self.limit)
        return total.reshape(1, self.limit, self.limit)


def _matrix(matrix: Array) -> _Dense | _Sparse:
    """Rows in the form that takes less work; larger ones than CACHE come one scenario at a time."""
    used = matrix[0] != 0.0
    order = int(used.sum(axis=0).max())
    if used.size < CACHE or SPARSE * order > len(used):
        return _Dense(matrix)
    row = (~used).argsort(axis=0, kind="stable")[:order]
    return _Sparse(len(used), row, np.take_along_axis(matrix[0], row, axis=0))


@dataclass(frozen=True)
class _Problem:
    """Scenarios with equally many rows, in mean widths of a rack and mean gains of tokens.

    So one tolerance serves any rack and any unit. Fields by scenario: `start` of each segment [W],
    `watt` and `token` units, `open_` where a segment has width, `chord` slope where the law bends
    upward, `matrix` and `bound` of the rows.
    """

    law: Law
    start: Array
    watt: Array
    token: Array
    open_: Mask
    chord: Array
    matrix: _Dense | _Sparse
    bound: Array

    def some(self, scenario: Index) -> _Problem:
        """The same for some of the scenarios."""
        law = _scenarios(self.law, scenario, len(self.start))
        names = "start", "watt", "token", "open_", "chord", "bound"
        rest = {name: getattr(self, name)[scenario] for name in names}
        return _Problem(law=law, matrix=self.matrix.some(scenario), **rest)

    def marginal(self, x: Array) -> tuple[Array, Array]:
        """Slope and curvature of both segments at x, (scenario, segment, rack); zero without width."""
        power = self.start + self.watt[..., None] * x
        with np.errstate(all="ignore"):  # a dead rack's law may have no value
            below, above = lower(self.law, power[:, 0]), upper(self.law, power[:, 1])
        scale = (self.watt / self.token)[..., None]
        slope = np.stack([below[1], above[1]], axis=1) * scale
        bend = np.stack([below[2], above[2]], axis=1) * (scale * self.watt[..., None])
        concave = self.open_ & np.isnan(self.chord)
        slope = np.where(concave, slope, np.where(self.open_, self.chord, 0.0))
        return slope, np.where(concave, np.minimum(bend, 0.0), 0.0)

    def load(self, x: Array) -> Array:
        """Load of the rows, (scenario, limit)."""
        return self.matrix.load(np.where(self.open_, x, 0.0).sum(axis=1))


def _interior(
    law: Law, floor: Array, ceiling: Array, share: Array, capacity: Array
) -> tuple[Array, Array, Mask]:
    """Power (scenario, rack), price (scenario, limit) and settled (scenario,) of the greatest throughput.

    Variables: x (scenario, segment, rack) above the start of each segment, its distance y to the end (of
    its own, so that nothing cancels at the bound), the slack s of each row; z, w, v multiply x, y, s.
    A segment without width stands still at x = y = 1 and enters no sum.
    """
    with np.errstate(all="ignore"):
        knee = np.fmax(np.fmin(knee_power(law), ceiling), floor)
        foot, low = lower(law, floor), lower(law, knee)
        rise = np.stack([low[0] - foot[0], upper(law, ceiling)[0] - upper(law, knee)[0]], axis=1)
        upward = np.broadcast_to((foot[2] > 0.0) | (low[2] > 0.0), knee.shape)
    width = np.stack([knee - floor, ceiling - knee], axis=1)
    watt = (ceiling - floor).mean(axis=-1)[:, None]
    open_ = width > 0.0
    end = np.where(open_, width / watt[..., None], 2.0)
    token = np.where(open_, rise, 0.0).sum(axis=1).mean(axis=-1)[:, None]
    token = np.where(token > 0.0, token, 1.0)
    chord = np.where(open_, rise / token[..., None] / end, 0.0)
    # Below the knee an exponent above 1 bends the law upward; its chord is the least concave law above it.
    upward = np.stack([upward, np.zeros_like(upward)], axis=1)
    top = share.max(axis=-1)
    matrix = share / top[..., None]
    bound = np.maximum((capacity - _load(share, floor)) / (top * watt), 0.0)
    problem = _Problem(
        law,
        np.stack([floor, knee], axis=1),
        watt,
        token,
        open_,
        np.where(upward, chord, np.nan),
        _matrix(matrix),
        bound,
    )

    # Start inside every bound, a little below where a proportional cut would stand, at equal products.
    reach = np.where(open_, end, 0.0).sum(axis=1)
    part, _ = _lowest(matrix, _fraction(np.zeros_like(bound), _load(matrix, reach), bound))
    x = np.where(open_, end * np.clip(0.9 * part, 0.1, 0.9)[:, None], 1.0)
    y = end - x
    s = np.maximum(bound - problem.load(x), 0.05)
    v = 0.1 / s
    pull = np.where(open_, problem.matrix.pull(v) - chord, 0.0)
    point = x, y, 0.1 / x + np.maximum(pull, 0.0), 0.1 / y - np.minimum(pull, 0.0), s, v

    power, price = ceiling.copy(), np.zeros_like(capacity)
    settled = np.zeros(len(floor), dtype=bool)
    active = np.arange(len(floor))
    for count in range(STEPS):
        worst, mean, residual = _residual(problem, point)
        done = (worst <= RESIDUAL) & (mean <= GAP)
        leave = done | ~np.isfinite(worst + mean)
        if leave.any():
            out, x, v = active[leave], point[0][leave], point[5][leave]
            moved = np.where(problem.open_[leave], x, 0.0).sum(axis=1)
            power[out] = floor[out] + problem.watt[leave] * moved
            price[out] = v * problem.token[leave] / (top[out] * problem.watt[leave])
            settled[out] = done[leave]
            stay = np.flatnonzero(~leave)
            if not stay.size:
                break
            active, problem = active[stay], problem.some(stay)
            point = tuple(value[stay] for value in point)
            mean, residual = mean[stay], tuple(value[stay] for value in residual)
        point = _advance(problem, point, mean, residual, patient=count >= PATIENCE)
    return power, price, settled


def _products(point: tuple[Array, ...]) -> tuple[Array, Array, Array, Array]:
    """Complementarity products xz, yw, sv and their mean of each scenario."""
    x, y, z, w, s, v = point
    xz, yw, sv = x * z, y * w, s * v
    total = (xz + yw).sum(axis=2).sum(axis=1) + sv.sum(axis=1)
    return xz, yw, sv, total / (2 * x[0].size + s.shape[1])


def _residual(problem: _Problem, point: tuple[Array, ...]) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """Largest residual, mean product (scenario,), and (optimality, row balance, downward bend)."""
    x, _, z, w, s, v = point
    slope, curvature = problem.marginal(x)
    dual = np.where(problem.open_, slope - problem.matrix.pull(v) + z - w, 0.0)
    primal = problem.bound - problem.load(x) - s
    worst = np.maximum(np.abs(dual).max(axis=(1, 2)), np.abs(primal).max(axis=1))
    return worst, _products(point)[3], (dual, primal, -curvature)


def _advance(
    problem: _Problem, point: tuple[Array, ...], mean: Array, residual: tuple[Array, ...], patient: bool
) -> tuple[Array, ...]:
    """Point after one predictor and corrector; both use one normal matrix of size (limit, limit)."""
    x, y, z, w, s, v = point
    dual, primal, bend = residual
    xz, yw, sv, _ = _products(point)
    zx, wy, matrix = z / x, w / y, problem.matrix
    give = np.where(problem.open_, 1.0 / (bend + zx + wy), 0.0)
    normal = matrix.normal(give.sum(axis=1))
    diagonal = np.arange(normal.shape[-1])
    # The factor keeps rows that depend on each other apart by more than rounding.
    normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * (1.0 + 1e-13) + s / v

    def direction(cx: Array, cy: Array, cs: Array) -> tuple[Array, ...]:
        """Newton step that changes the products by cx, cy, cs."""
        right = dual + cx / x - cy / y
        total = matrix.load((give * right).sum(axis=1)) + cs / v - primal
        dv = np.linalg.solve(normal, total[..., None])[..., 0]
        dx = give * (right - matrix.pull(dv))
        return dx, -dx, cx / x - zx * dx, cy / y + wy * dx, (cs - s * dv) / v, dv

    def moved(change: tuple[Array, ...], step: Array) -> tuple[Array, ...]:
        shaped = step[:, None], step[:, None, None]
        return tuple(a + shaped[a.ndim - 2] * b for a, b in zip(point, change, strict=True))

    change = direction(-xz, -yw, -sv)
    centring = (_products(moved(change, _step(point, change, 1.0)))[3] / mean) ** 3
    if patient:
        # On a bent law the second-order term can send two racks in circles; plain centred steps end it.
        centring = np.maximum(centring, 0.3)
        change = tuple(np.zeros_like(value) for value in change)
    target = np.maximum(centring * mean, 0.1 * GAP)[:, None]
    dx, dy, dz, dw, ds, dv = change
    change = direction(
        target[..., None] - xz - dx * dz, target[..., None] - yw - dy * dw, target - sv - ds * dv
    )
    return moved(change, _step(point, change, 0.995))


def _step(point: tuple[Array, ...], change: tuple[Array, ...], part: float) -> Array:
    """Longest step up to 1 that keeps every value positive, times `part` where one would end, (scenario,)."""
    ratio = [(-b / a).reshape(len(a), -1).max(axis=1) for a, b in zip(point, change, strict=True)]
    return np.minimum(1.0, part / np.maximum(np.max(ratio, axis=0), part))
