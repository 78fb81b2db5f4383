"""Every single and double outage of a power chain, and what the loads then draw through what is left.

A chain is a forest, so an outage moves loads and changes no network: it kills the feeds whose way to the source
passes the device, and the loads behind them share what is left of theirs. A load feels only the outages on its own
ways, and loads that have no device in common but the source do not feel each other. What a pair of outages does is
therefore the sum of what each does alone, and a correction that only loads behind both of them need.

Throughout, `path` (feed, step) lists the devices on the way of each feed, padded with -1; `load` (feed,) is the
load each feed serves; losses stand in `capacity`: what a device carries, in watts at the loads, at its rating.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]
from scipy.sparse import csgraph  # type: ignore[import-untyped, unused-ignore]

from electrical.quantities import Boolean, Integer, Power, Ratio
from electrical.redundancy import feed_shares

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.intp]
_Mask = npt.NDArray[np.bool_]

NONE = -2
"""No outage: neither a device nor the padding of a path."""
CHUNK = 2_000_000
"""Numbers in the largest work array."""


@dataclass(frozen=True, eq=False)
class After:
    """Loads and devices after outages.

    loading : load over rating of each device, (..., device). served : a feed of the load lives, (..., load).
    """

    loading: Ratio
    served: Boolean


@dataclass(frozen=True, eq=False)
class Overloads:
    """The most loaded device of every state in the order of `states`, and the worst state of every device.

    loading, device : (state,), -1 where nothing carries anything. failover : (device,) the greatest loading of each
    device after any single outage; behind : (device,) that outage, -1 where none loads the device more.
    """

    loading: Ratio
    device: Integer
    failover: Ratio
    behind: Integer


def paths(parent: Integer, node_device: Integer, node: Integer) -> Integer:
    """Devices on the way from nodes up to their source, nearest first, (feed, step), padded with -1.

    parent : (node,) upstream node, -1 for a source. node_device : (node,) device that stands there, -1 for none; of
    neighbours with the same device (the two sides of a UPS) it stands once. node : (feed,) where each way begins.

    >>> paths(np.array([-1, 0, 1, 1]), np.array([0, 1, -1, 2]), np.array([2, 3])).tolist()
    [[1, 0, -1], [2, 1, 0]]
    """
    parent, device, at = np.asarray(parent), np.asarray(node_device), np.array(node)
    steps, last = [], np.full(at.shape, -1)
    while np.any(at >= 0):
        found = np.where(at >= 0, device[at], -1)
        found[found == last] = -1
        steps.append(found)
        last = np.where(found >= 0, found, last)
        at = np.where(at >= 0, parent[at], -1)
    way = np.stack(steps, axis=-1) if steps else np.zeros((len(at), 0), dtype=np.intp)
    way = np.take_along_axis(way, np.argsort(way < 0, axis=-1, kind="stable"), axis=-1)
    return np.asarray(way[:, : max(1, int((way >= 0).sum(axis=-1).max(initial=0)))])


def only_source(parent: Integer, node_device: Integer) -> Integer:
    """The device behind the source if there is one only, which feeds cannot but share; else nothing, (0 or 1,).

    parent, node_device : (node,) as for `paths`. A device stands at the source or right below it.

    >>> only_source(np.array([-1, 0, 1, 1]), np.array([-1, 0, 1, 2])).tolist()
    [0]
    >>> only_source(np.array([-1, -1]), np.array([0, 1])).tolist()
    []
    """
    parent, device = np.asarray(parent), np.asarray(node_device)
    roots = np.flatnonzero(parent < 0)
    first = np.isin(parent, roots[device[roots] < 0]) | ((parent < 0) & (device >= 0))
    found = np.unique(device[first & (device >= 0)])
    return found if len(found) == 1 else np.zeros(0, dtype=np.intp)


def independent_feeds(path: Integer, load: Integer, count: int, common: Integer) -> Integer:
    """Feeds of each load that share no device on their ways but the common ones, (load,).

    path : (feed, step), nearest first. load : (feed,) below `count`. common : (device,) what feeds may share, such as
    the only utility. Feeds behind one device count once.

    >>> way = np.array([[2, 1, 0], [3, 1, 0], [4, 0, -1]])
    >>> independent_feeds(way, np.zeros(3, dtype=int), 1, np.array([0])).tolist()
    [2]
    """
    way, load = np.asarray(path), np.asarray(load)
    number = np.unique(np.stack([load, _heads(way, common)]), axis=1)[0]
    return np.asarray(np.bincount(number, minlength=count))


def shared_devices(path: Integer, load: Integer, common: Integer) -> Integer:
    """Devices that several feeds of one load pass, (found, 3): load, device, feeds behind it.

    path : (feed, step). load : (feed,). common : (device,) what feeds may share.

    >>> way = np.array([[2, 1, 0], [3, 1, 0], [4, 0, -1]])
    >>> shared_devices(way, np.zeros(3, dtype=int), np.array([0])).tolist()
    [[0, 1, 2]]
    """
    way, load = np.asarray(path), np.asarray(load)
    feed, step = np.nonzero((way >= 0) & ~np.isin(way, common))
    pairs, times = np.unique(np.stack([load[feed], way[feed, step]]), axis=1, return_counts=True)
    return np.asarray(np.vstack([pairs, times]).T[times > 1])


def states(candidates: Integer, order: int) -> Integer:
    """Every outage of one device and, for order 2, of two, (state, order): singles first, padded with -1.

    candidates : (candidate,) devices that can be out. There are n, or n + n (n - 1) / 2 states.

    >>> states(np.array([3, 5, 8]), 2).tolist()
    [[3, -1], [5, -1], [8, -1], [3, 5], [3, 8], [5, 8]]
    """
    out = np.asarray(candidates)
    if order not in (1, 2):
        raise ValueError(f"outages of order {order} are not listed, only of order 1 or 2")
    single = np.full((len(out), order), -1)
    single[:, 0] = out
    if order == 1:
        return single
    return np.concatenate([single, out[np.stack(np.triu_indices(len(out), 1), axis=-1)]])


def after(
    path: Integer, load: Integer, reserve: Boolean, power: Power, capacity: Power, out: Integer
) -> After:
    """Loading of every device and what is still served after given outages of any order.

    path : (feed, step). load, reserve : (feed,), the latter as in `redundancy.feed_shares`. power : (load,) [W].
    capacity : (device,) power at the loads that brings each device to its rating [W].
    out : (state, order) devices that are out, padded with -1.
    The straight way, state by state and feed by feed, to look closer at states that `overloads` found.

    >>> way = np.array([[0], [1]])
    >>> after(way, np.zeros(2, int), np.zeros(2, bool), np.array([6.0]), np.full(2, 8.0), np.array([[-1], [0]])).loading
    array([[0.375, 0.375],
           [0.   , 0.75 ]])
    """
    way, out = np.asarray(path), np.asarray(out)
    of = np.asarray(load, dtype=np.intp)
    power, capacity = np.asarray(power, dtype=np.float64), np.asarray(capacity, dtype=np.float64)
    feed, step = np.nonzero(way >= 0)
    passes = sparse.csr_array((np.ones(len(feed)), (way[feed, step], feed)), shape=(len(capacity), len(way)))
    device = np.zeros((len(out), len(capacity) + 1), dtype=np.bool_)
    device[np.arange(len(out))[:, None], out] = True
    device[:, -1] = False
    live = np.asarray(~device[:, way].any(axis=-1))
    drawn = feed_shares(live, of, len(power), np.asarray(reserve)) * power[of]
    serves = sparse.csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(len(power), len(of)))
    served = np.asarray((serves @ live.T).T > 0)
    return After((passes @ drawn.T).T / capacity, served)


def shortfall(
    path: Integer, load: Integer, needs: Integer, weight: Ratio, common: Integer, candidates: Integer, order: int,
    fewer_than: int,
) -> Ratio:  # fmt: skip
    """Weight of the customers that have fewer live independent feeds than asked, in every state, (state,).

    path : (feed, step). load : (feed,). needs : (customer, need) loads that a customer cannot do without, padded with
    -1. weight : (customer,) [1]. common : as for `independent_feeds`. candidates, order : as for `states`.
    fewer_than : 1 for customers that are lost, 2 for those that another outage loses as well.

    >>> two = dict(path=np.array([[0], [1]]), load=np.zeros(2, int), needs=np.array([[0]]), weight=np.ones(1))
    >>> two |= dict(common=np.array([], int), candidates=np.arange(2), order=2)
    >>> [shortfall(**two, fewer_than=count).tolist() for count in (1, 2)]
    [[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]]
    """
    way, needs, weight = np.asarray(path), np.asarray(needs), np.asarray(weight, dtype=np.float64)
    candidates = np.asarray(candidates)
    everywhere = np.isin(candidates, _everywhere(way))
    nothing = np.zeros(max(int(needs.max(initial=-1)), int(np.max(load, initial=-1))) + 1)
    net = _net(way, load, np.zeros(len(way), dtype=np.bool_), nothing, common)
    loads, mine = _hits(net, np.where(everywhere, NONE, candidates))
    customer, need = np.nonzero(needs >= 0)
    asks = sparse.csr_array(
        (np.ones(len(customer), dtype=np.int32), (customer, needs[customer, need])),
        shape=(len(needs), len(net.table)),
    )
    touches = sparse.csr_array(
        (np.ones(len(loads), dtype=np.int32), (loads, mine)), shape=(len(net.table), len(candidates))
    )
    who, one = (asks @ touches).sorted_indices().nonzero()

    def short(customer: _Index, first: Integer, second: Integer) -> _Float:
        found = np.zeros(len(customer), dtype=np.bool_)
        for column in needs.T:
            asked = column[customer]
            found |= (asked >= 0) & (_lines(net, np.maximum(asked, 0), first, second) < fewer_than)
        return found * weight[customer]

    def none(number: int) -> _Index:
        return np.full(number, NONE)

    before = short(np.arange(len(needs)), none(len(needs)), none(len(needs)))
    alone = short(who, candidates[one], none(len(one)))
    single = np.bincount(one, alone - before[who], minlength=len(candidates))
    total = before.sum()
    lost = [total + single]
    lost[0][everywhere] = weight.sum()
    if order == 2:
        left, right = np.triu_indices(len(candidates), 1)
        pair = total + single[left] + single[right]
        for chunk in _fellows(who, CHUNK // (8 * net.table.shape[1] * way.shape[1])):
            p, q = chunk
            both = short(who[p], candidates[one[p]], candidates[one[q]])
            bent = both - alone[p] - alone[q] + before[who[p]]
            pair += np.bincount(_place(one[p], one[q], len(candidates)), bent, minlength=len(pair))
        pair[everywhere[left] | everywhere[right]] = weight.sum()
        lost.append(pair)
    return np.concatenate(lost)


def overloads(
    path: Integer,
    load: Integer,
    reserve: Boolean,
    power: Power,
    capacity: Power,
    candidates: Integer,
    order: int,
) -> Overloads:
    """The most loaded device after every outage of one device and, for order 2, of two.

    path : (feed, step). load, reserve : (feed,), the latter as in `redundancy.feed_shares`. power : (load,) [W].
    capacity : (device,) power at the loads that brings each device to its rating [W], infinite for one that is not to
    be judged. candidates, order : as for `states`. A device that is out or behind one carries nothing.

    Devices in one connected part of the chain (what every feed passes taken away) are worked out together, pair by
    pair; a pair of devices in two parts loads each part as that device alone does. The cost is the number of
    pairs in one part times the devices of that part that more than one feed passes, plus its loads.

    >>> way, alone = np.array([[0], [1]]), np.arange(2)
    >>> overloads(way, np.zeros(2, int), np.zeros(2, bool), np.array([6.0]), np.full(2, 8.0), alone, 2).loading.tolist()
    [0.75, 0.75, 0.0]
    """
    way, candidates = np.asarray(path, dtype=np.intp), np.asarray(candidates)
    capacity = np.asarray(capacity, dtype=np.float64)
    trunk = _everywhere(way)
    net = _net(way, load, np.asarray(reserve), np.asarray(power, dtype=np.float64), trunk)
    cut = np.isin(candidates, trunk)
    part_of_load, part_of_device = _parts(way, net, len(capacity), trunk)
    part = np.where(cut, -1, part_of_device[candidates])
    loads, mine = _hits(net, np.where(cut, NONE, candidates))
    found = _Found.empty(len(candidates), len(capacity), order)
    tops: list[tuple[float, int, int]] = []
    own = _own(way, net, capacity, trunk)
    for number in np.unique(part_of_load[net.table[:, 0] >= 0]):
        inside = np.flatnonzero(part == number)
        touch = part_of_load[loads] == number
        here = np.flatnonzero(part_of_load == number)
        local = _Part.of(net, own, here, inside, candidates, loads[touch], mine[touch], capacity, trunk)
        tops.append((*local.top(), int(number)))
        local.solve(found, order)
    return found.joined(candidates, part, cut, tops, trunk, capacity, float(net.served.sum()))


@dataclass(frozen=True, eq=False)
class _Net:
    """The chain as seen from the loads. table : (load, width) its feeds, padded with -1, which is also the last row
    of `path`, `reserve` and `head`. served : (load,) power of the loads that have a feed at all [W]."""

    path: _Index
    reserve: _Mask
    head: _Index
    table: _Index
    served: _Float


def _net(path: Integer, load: Integer, reserve: Boolean, power: Power, common: Integer) -> _Net:
    load, count = np.asarray(load), len(np.asarray(power))
    order = np.argsort(load, kind="stable")
    size = np.bincount(load, minlength=count)
    table = np.full((len(size), max(1, int(size.max(initial=0)))), -1)
    place = np.arange(len(load)) - np.repeat(np.cumsum(size) - size, size)
    table[load[order], place] = order
    table = table[:count]
    return _Net(
        np.vstack([np.asarray(path), np.full((1, np.shape(path)[1]), -1)]),
        np.append(reserve, False),
        np.append(_heads(np.asarray(path), common), -1),
        table,
        np.where(table[:, 0] >= 0, power, 0.0),
    )


def _everywhere(path: Integer) -> _Index:
    """Devices that every feed passes."""
    if not len(path):
        return np.zeros(0, dtype=np.intp)
    first = np.asarray(path)[0]
    return np.asarray(
        [device for device in first[first >= 0] if (path == device).any(axis=-1).all()], dtype=np.intp
    )


def _heads(path: Integer, common: Integer) -> _Index:
    """The last device on the way of each feed that is not common; a number of its own where there is none."""
    way = np.asarray(path)
    mark = (way >= 0) & ~np.isin(way, common)
    last = way.shape[1] - 1 - np.argmax(mark[:, ::-1], axis=-1)
    own = int(way.max(initial=0)) + 1 + np.arange(len(way))
    return np.where(mark.any(axis=-1), way[np.arange(len(way)), last], own)


def _hits(net: _Net, candidates: Integer) -> tuple[_Index, _Index]:
    """Which loads which candidates touch: load and position of the candidate, sorted."""
    slot = np.full(max(int(net.path.max(initial=0)), int(np.max(candidates, initial=0))) + 2, -1)
    slot[candidates[candidates >= 0]] = np.flatnonzero(candidates >= 0)
    place = slot[net.path[net.table]].reshape(len(net.table), -1)
    load, column = np.nonzero(place >= 0)
    code = np.unique(load * np.int64(len(candidates)) + place[load, column])
    return code // max(len(candidates), 1), code % max(len(candidates), 1)


def _fellows(group: _Index, most: int) -> Iterator[tuple[_Index, _Index]]:
    """Index pairs, first below second, of equal neighbours in a sorted array, about `most` at a time."""
    start = (
        np.flatnonzero(np.append(True, group[1:] != group[:-1])) if len(group) else np.zeros(0, dtype=np.intp)
    )
    size = np.diff(np.append(start, len(group)))
    count = np.repeat(start + size, size) - np.arange(len(group)) - 1
    ends = np.cumsum(count)
    begin = 0
    while begin < len(group):
        stop = int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + max(most, 1), side="right"))
        stop = max(stop, begin + 1)
        some = count[begin:stop]
        first = np.repeat(np.arange(begin, stop), some)
        second = np.arange(len(first)) - np.repeat(np.cumsum(some) - some, some) + first + 1
        if len(first):
            yield first, second
        begin = stop


def _place(first: _Index, second: _Index, count: int) -> _Index:
    """Where a pair, first below second, stands among all pairs of `count` in their order."""
    return np.asarray(first * count - first * (first + 1) // 2 + second - first - 1)


def _live(net: _Net, load: _Index, first: Integer, second: Integer) -> tuple[_Index, _Mask]:
    """Feeds of loads, and whether each lives after the outage of two devices, (row, width)."""
    feed = net.table[load]
    way = net.path[feed]
    dead = (way == first[:, None, None]) | (way == second[:, None, None])
    return feed, (feed >= 0) & ~dead.any(axis=-1)


def _lines(net: _Net, load: _Index, first: Integer, second: Integer) -> _Index:
    """Live independent feeds of loads after the outage of two devices, (row,)."""
    feed, live = _live(net, load, first, second)
    head = np.sort(np.where(live, net.head[feed], -1), axis=-1)
    new = head >= 0
    new[:, 1:] &= head[:, 1:] != head[:, :-1]
    return np.asarray(new.sum(axis=-1))


def _drawn(net: _Net, load: _Index, first: Integer, second: Integer) -> _Float:
    """Power that loads draw from each of their feeds after the outage of two devices, (row, width) [W]."""
    feed, live = _live(net, load, first, second)
    normal = live & ~net.reserve[feed]
    carries = np.where(normal.any(axis=-1, keepdims=True), normal, live)
    number = np.maximum(carries.sum(axis=-1), 1)
    return np.asarray(carries * (net.served[load] / number)[:, None])


def _parts(path: _Index, net: _Net, devices: int, trunk: _Index) -> tuple[_Index, _Index]:
    """Connected part of each load and of each device, the trunk taken away."""
    load, place, step = np.nonzero(net.path[net.table] >= 0)
    device = net.path[net.table[load, place], step]
    apart = ~np.isin(device, trunk)
    size = len(net.table) + devices
    links = (np.ones(int(apart.sum())), (load[apart], len(net.table) + device[apart]))
    _, part = csgraph.connected_components(sparse.csr_array(links, shape=(size, size)), directed=False)
    return part[: len(net.table)], part[len(net.table) :]


@dataclass(frozen=True, eq=False)
class _Own:
    """Devices that one feed alone passes. capacity, device : (feed + 1,) the tightest of each feed.

    each : (device,) capacity. single, shared : (device,) one feed passes it, and several but not all do.
    """

    capacity: _Float
    device: _Index
    each: _Float
    single: _Mask
    shared: _Mask


def _own(path: _Index, net: _Net, capacity: _Float, trunk: _Index) -> _Own:
    feeds = np.bincount(path[path >= 0], minlength=len(capacity))
    single = feeds == 1
    single[trunk] = False
    mine = (path >= 0) & single[path]
    room = np.where(mine, capacity[path], np.inf)
    tight = room.argmin(axis=-1)[:, None]
    device = np.where(mine.any(axis=-1), np.take_along_axis(path, tight, axis=-1)[:, 0], -1)
    shared = (feeds > 1) & np.isfinite(capacity)
    shared[trunk] = False
    least = np.append(np.take_along_axis(room, tight, axis=-1)[:, 0], np.inf)
    return _Own(least, np.append(device, -1), capacity, single, shared)


@dataclass(frozen=True, eq=False)
class _Part:
    """One connected part. Columns of its work arrays: devices that several feeds pass, each load's most loaded own
    device, and the power served.

    loads, inside : of the chain, and positions of the candidates. hit, mine : load and local candidate that touch.
    single : (candidate, column) what each outage adds to `base` (column,). alone : (hit, width) power drawn.
    """

    net: _Net
    own: _Own
    loads: _Index
    inside: _Index
    device: Integer
    hit: _Index
    mine: _Index
    column: _Index
    wide: int
    room: _Float
    base: _Float
    alone: _Float
    single: _Float

    @classmethod
    def of(
        cls, net: _Net, own: _Own, here: _Index, inside: _Index, candidates: Integer, loads: _Index, mine: _Index,
        capacity: _Float, trunk: _Index,
    ) -> _Part:  # fmt: skip
        local = np.full(len(net.table), -1)
        local[here] = np.arange(len(here))
        slot = np.full(len(candidates), -1)
        slot[inside] = np.arange(len(inside))
        found = np.unique(net.path[net.table[here]])
        found = found[(found >= 0) & own.shared[found]]
        column = np.full(len(capacity) + 1, -1)
        column[found] = np.arange(len(found))
        part = cls(
            net, own, here, inside, candidates[inside], local[loads], slot[mine], column, len(found),
            capacity[found], np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)),
        )  # fmt: skip
        none = np.full(len(here), NONE)
        every = np.arange(len(here))
        before = _drawn(net, here, none, none)
        base = part._spread(np.zeros(len(here), dtype=np.intp), every, before, part._leaf(here, before), 1)[0]
        alone = _drawn(net, loads, part.device[part.mine], np.full(len(loads), NONE))
        more = alone - before[part.hit]
        leaf = part._leaf(loads, alone) - part._leaf(here, before)[part.hit]
        single = part._spread(part.mine, part.hit, more, leaf, len(inside))
        values = {name: getattr(part, name) for name in part.__dataclass_fields__}
        return cls(**(values | {"base": base, "alone": alone, "single": single}))

    def _leaf(self, load: _Index, drawn: _Float) -> _Float:
        """Loading of the most loaded own device of loads, (row,); `load` of the chain."""
        return np.asarray((drawn / self.own.capacity[self.net.table[load]]).max(axis=-1))

    def _spread(self, row: _Index, load: _Index, drawn: _Float, leaf: _Float, rows: int) -> _Float:
        """What loads (local) draw, added up by row and column, (rows, columns)."""
        columns = self.wide + len(self.loads) + 1
        column = self.column[self.net.path[self.net.table[self.loads[load]]]]
        which, feed, step = np.nonzero(column >= 0)
        at = column[which, feed, step]
        place = np.concatenate(
            [row[which] * columns + at, row * columns + self.wide + load, row * columns + columns - 1]
        )
        amount = np.concatenate([drawn[which, feed] / self.room[at], leaf, drawn.sum(axis=-1)])
        total = np.bincount(place, amount, minlength=rows * columns).reshape(rows, columns)
        return np.asarray(total, dtype=np.float64)

    def top(self) -> tuple[float, int]:
        """Worst loading and its device as things are."""
        place = int(self.base[:-1].argmax())
        none = np.full(1, NONE)
        return float(self.base[place]), int(self._named(np.array([place]), none, none)[0])

    def _named(self, column: _Index, first: Integer, second: Integer) -> _Index:
        """Device behind the worst column of states in which `first` and `second` are out."""
        shared = np.append(np.flatnonzero(self.column[:-1] >= 0), -1)
        device = shared[np.minimum(column, self.wide)]
        leaf = np.flatnonzero(column >= self.wide)
        load = self.loads[column[leaf] - self.wide]
        loading = _drawn(self.net, load, first[leaf], second[leaf]) / self.own.capacity[self.net.table[load]]
        feed = self.net.table[load, loading.argmax(axis=-1)]
        device[leaf] = self.own.device[feed]
        return device

    def solve(self, found: _Found, order: int) -> None:
        """Writes the singles and pairs of the part into the result."""
        count = len(self.inside)
        one = self.base + self.single
        self._failover(found, one)
        if not count:
            return
        worst = one[:, :-1].argmax(axis=-1)
        found.loading[self.inside] = one[np.arange(count), worst]
        found.device[self.inside] = self._named(worst, self.device, np.full(count, NONE))
        found.shed[self.inside] = -self.single[:, -1]
        if order == 2:
            self._pairs(found)

    def _failover(self, found: _Found, one: _Float) -> None:
        """Worst single outage for each device of the part."""
        shared = np.flatnonzero(self.column[:-1] >= 0)
        # As things are stands first: where no outage loads a device more, that is its worst.
        rows = np.vstack([self.base, one])[:, : self.wide]
        worst = (np.round(rows, 12)).argmax(axis=0)
        found.failover[shared] = rows.max(axis=0)
        found.behind[shared] = np.append(-1, self.device)[worst]
        none = np.full(len(self.loads), NONE)
        feeds = np.concatenate([self.net.table[self.loads], self.net.table[self.loads[self.hit]]])
        drawn = np.concatenate([_drawn(self.net, self.loads, none, none), self.alone])
        cause = np.concatenate([np.full(len(self.loads), -1), self.device[self.mine]])
        way = self.net.path[feeds]
        row, place, step = np.nonzero((way >= 0) & self.own.single[way])
        device = way[row, place, step]
        loading = drawn[row, place] / self.own.each[device]
        order = np.lexsort([np.arange(len(row)), -np.round(loading, 12), device])
        first = order[np.append(True, device[order][1:] != device[order][:-1])] if len(order) else order
        found.failover[device[first]] = loading[first]
        found.behind[device[first]] = cause[row[first]]

    def _pairs(self, found: _Found) -> None:
        """All pairs of the part, as many rows at a time as fit the work array."""
        count, columns = len(self.inside), self.wide + len(self.loads) + 1
        size = np.arange(count - 1, -1, -1)
        ends = np.cumsum(size)
        hits = [np.concatenate(part) for part in zip(*_fellows(self.hit, len(self.hit) ** 2), strict=True)]
        p, q = hits if hits else (np.zeros(0, dtype=np.intp),) * 2
        order = np.argsort(self.mine[p], kind="stable")
        p, q = p[order], q[order]
        none = np.full(len(self.loads), NONE)
        before = _drawn(self.net, self.loads, none, none)
        leaf0, leaf1 = self._leaf(self.loads, before), self._leaf(self.loads[self.hit], self.alone)
        begin = 0
        while begin < count - 1:
            done = int(ends[begin - 1]) if begin else 0
            stop = max(begin + 1, int(np.searchsorted(ends, done + CHUNK // columns, side="right")))
            stop = min(stop, count - 1)
            rows = int(ends[stop - 1]) - done
            some = slice(*np.searchsorted(self.mine[p], [begin, stop]))
            a, b = p[some], q[some]
            load = self.hit[a]
            both = _drawn(self.net, self.loads[load], self.device[self.mine[a]], self.device[self.mine[b]])
            bent = both - self.alone[a] - self.alone[b] + before[load]
            leaf = self._leaf(self.loads[load], both) - leaf1[a] - leaf1[b] + leaf0[load]
            place = _place(self.mine[a], self.mine[b], count) - done
            work = self._spread(place, load, bent, leaf, rows)
            at = 0
            for i in range(begin, stop):
                block = work[at : at + count - 1 - i]
                block += self.base + self.single[i]
                block += self.single[i + 1 :]
                at += count - 1 - i
            left = np.repeat(np.arange(begin, stop), size[begin:stop])
            right = (
                np.arange(rows)
                - np.repeat(ends[begin:stop] - size[begin:stop] - done, size[begin:stop])
                + left
                + 1
            )
            worst = work[:, :-1].argmax(axis=-1)
            pair = _place(self.inside[left], self.inside[right], len(found.shed))
            found.pair_loading[pair] = work[np.arange(rows), worst]
            found.pair_device[pair] = self._named(worst, self.device[left], self.device[right])
            found.pair_served[pair] = work[:, -1] - self.base[-1]
            found.together[pair] = True
            begin = stop


@dataclass(frozen=True, eq=False)
class _Found:
    """What the parts write: singles (candidate,), pairs in one part (pair,), and devices."""

    loading: _Float
    device: _Index
    shed: _Float
    pair_loading: _Float
    pair_device: _Index
    pair_served: _Float
    together: _Mask
    failover: _Float
    behind: _Index

    @classmethod
    def empty(cls, count: int, devices: int, order: int) -> _Found:
        pairs = count * (count - 1) // 2 if order == 2 else 0
        return cls(
            np.zeros(count), np.full(count, -1), np.zeros(count),
            np.zeros(pairs), np.full(pairs, -1), np.zeros(pairs), np.zeros(pairs, dtype=np.bool_),
            np.zeros(devices), np.full(devices, -1),
        )  # fmt: skip

    def joined(
        self, candidates: Integer, part: _Index, cut: _Mask, tops: list[tuple[float, int, int]], trunk: _Index,
        capacity: _Float, total: float,
    ) -> Overloads:  # fmt: skip
        """The worst of the parts of each state, and of what every feed passes."""
        tops = [*sorted(tops, reverse=True)[:3], *[(0.0, -1, -2)] * 3][:3]
        narrow = trunk[np.argmin(capacity[trunk])] if len(trunk) else -1
        room = float(capacity[narrow]) if len(trunk) else np.inf

        def finished(
            loading: _Float, device: _Index, left: _Index, right: _Index, served: _Float, dead: _Mask
        ) -> tuple[_Float, _Index]:
            """With the parts that the outage does not touch, and the trunk."""
            for worst, name, number in reversed(tops):
                better = (number != left) & (number != right) & (worst > loading)
                loading, device = np.where(better, worst, loading), np.where(better, name, device)
            better = served / room > loading
            loading, device = np.where(better, served / room, loading), np.where(better, narrow, device)
            idle = dead | (loading <= 1e-12)
            return np.where(idle, 0.0, loading), np.where(idle, -1, device)

        one = finished(self.loading, self.device, part, part, total - self.shed, cut)
        loading, device = [one[0]], [one[1]]
        if len(self.together):
            i, j = np.triu_indices(len(candidates), 1)
            first = self.loading[i] >= self.loading[j]
            apart = np.where(first, self.loading[i], self.loading[j])
            by = np.where(first, self.device[i], self.device[j])
            served = np.where(self.together, total + self.pair_served, total - self.shed[i] - self.shed[j])
            pair = finished(
                np.where(self.together, self.pair_loading, apart), np.where(self.together, self.pair_device, by),
                part[i], part[j], served, cut[i] | cut[j],
            )  # fmt: skip
            loading.append(pair[0])
            device.append(pair[1])
        self.failover[trunk] = total / capacity[trunk]
        return Overloads(np.concatenate(loading), np.concatenate(device), self.failover, self.behind)
