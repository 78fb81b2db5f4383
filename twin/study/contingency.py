"""Every outage of one device of the power chain, and of two: racks lost, and what is overloaded until caps act.

Rack, support and cooling powers are those of the state without the outage; the loads behind what is out move to
their other feeds by the redundancy scheme. The losses of that state are scaled in: what brings a device to its
rating is its power at the loads over its loading there, or, for devices that a reserve loads, where the reserve
shares the load. No control acts: what an outage overloads is what caps,
breakers and operators have to take off. Racks whose cooling has lost its power still draw theirs.

Losses grow faster than the load, so loadings come out a little low. Of gb300-su with racks of 142 kW they are within
1 % of the full solve after one outage (1.2 % at a peak of 1.4) and within 3 % after two: solve again what is close.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from electrical import contingency
from twin.equilibrium import solve
from twin.facility import COOLER_KINDS, COOLING_KINDS, DEVICE_KINDS, REASONS, Facility
from twin.operation import Operation, resolve
from twin.plant.supply import Supply, supplied, support_power

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

MOST_STATES = 20_000_000
"""States that are listed in one go: about a gigabyte."""
WHIP = DEVICE_KINDS.index("whip")
OVER = 1e-6
"""Relative excess over a rating that the solver's residual cannot tell from none."""


@dataclass(frozen=True)
class CommonMode:
    """Devices that several feeds of the same racks hang on, nearest first: `behind` of their `feeds`."""

    devices: tuple[str, ...]
    racks: tuple[str, ...]
    behind: int
    feeds: int


@dataclass(frozen=True)
class Outages:
    """All outages of one order: how many, how many of them lose racks or overload a device, and the worst of each.

    losing : those that lose more racks than any of their devices alone; most_lost, lost_with : racks and devices of
    the worst of these. uncooling : the same for racks whose cooling has no power. overloading : those after which a
    device is over its rating; worst_loading, worst_device, worst_with : the worst of all.
    """

    order: int
    states: int
    losing: int
    most_lost: int
    lost_with: tuple[str, ...]
    uncooling: int
    overloading: int
    worst_loading: float
    worst_device: str
    worst_with: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What the contingencies of a facility come to.

    single_points : device -> racks that its outage alone takes off their feeds. uncooled : the same for racks whose
    cooling loses its power. failover : (device, loading, outage) where a single outage loads a device beyond its
    rating, the worst first.
    """

    outages: tuple[Outages, ...]
    single_points: dict[str, int]
    uncooled: dict[str, int]
    failover: tuple[tuple[str, float, str], ...]
    common: tuple[CommonMode, ...]


@dataclass(frozen=True)
class _Chain:
    """The power chain as the kernels take it. Devices: utility, transformers, UPS, panels, then whips."""

    name: tuple[str, ...]
    kind: Index
    path: Index
    load: Index
    reserve: npt.NDArray[np.bool_]
    live: npt.NDArray[np.bool_]
    """(feed,) alive without any further outage."""
    source: Index
    """Devices at the sources, if there is one only: what feeds cannot but share."""
    power: Array
    capacity: Array
    candidates: Index


def contingencies(
    facility: Facility,
    operation: Operation | None = None,
    order: int = 2,
    whips: bool = False,
    state: xr.Dataset | None = None,
) -> xr.Dataset:
    """Racks lost and worst loading after every outage of one device of the power chain and, for order 2, of two.

    operation : one scenario; what it has out stays out. whips : each whip can be out as well, by itself, and is a
    device of its own; without it, the whips of a rack to one panel are one device that is judged but never out.
    state : of `solve(facility, operation)`, solved here if it is not given. ValueError if it has no solution, or
    if there are too many states to list.

    `out` and `worst_device` are indices along `device`, -1 for none. `racks_at_risk` are those that still run on a
    single independent feed. `failover_loading` is the worst of each device after any single outage, `failover_out`.

    >>> import twin
    >>> found = contingencies(twin.load(), order=1)
    >>> found.sizes["state"], int(found.lost_racks.max()), bool(found.worst_loading.max() < 1)
    (19, 16, True)
    """
    base = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    if max(len(getattr(base, item.name)) for item in fields(base)) != 1:
        raise ValueError("contingencies takes one scenario")
    state = solve(facility, base, keep="racks") if state is None else state
    if not bool(state.converged.values[0]):
        raise ValueError(f"no solution without an outage: {REASONS[int(state.reason.values[0])]}")
    chain = _chain(facility, base, state, whips)
    count = len(chain.candidates)
    number = count + (count * (count - 1) // 2 if order == 2 else 0)
    if number > MOST_STATES:
        raise ValueError(f"{number:,} states are more than the {MOST_STATES:,} that are listed in one go")
    live = chain.live
    path, load = chain.path[live], chain.load[live]
    worst = contingency.overloads(
        path, load, chain.reserve[live], chain.power, chain.capacity, chain.candidates, order
    )
    racks = np.arange(len(facility.racks.name))
    asked = (chain.source, chain.candidates, order)
    lost, last = (
        contingency.shortfall(path, load, racks[:, None], np.ones(len(racks)), *asked, fewer)
        for fewer in (1, 2)
    )
    cooling = _cooling(facility, len(chain.power))
    doubled = np.concatenate([np.flatnonzero(load == one) for one, _ in cooling.either])
    renamed = np.concatenate([np.full(int((load == one).sum()), new) for one, new in cooling.either])
    way, to = np.concatenate([path, path[doubled]]), np.concatenate([load, renamed])
    uncooled = contingency.shortfall(way, to, cooling.needs, cooling.racks, *asked, 1)
    served = np.bincount(to, minlength=int(cooling.needs.max()) + 1) > 0
    warm = ((cooling.needs >= 0) & ~served[cooling.needs]).any(axis=-1)
    before = int((~served[racks]).sum()), int(cooling.racks[warm].sum())
    return _labelled(facility, chain, order, worst, lost, last - lost, uncooled, before)


def _labelled(
    facility: Facility,
    chain: _Chain,
    order: int,
    worst: contingency.Overloads,
    lost: Any,
    last: Any,
    uncooled: Any,
    before: tuple[int, int],
) -> xr.Dataset:
    """The results by state and by device; `before` are racks lost and uncooled without any outage of these."""

    def whole(values: Any, meaning: str, dim: str = "state") -> tuple[str, Any, dict[str, str]]:
        return dim, np.asarray(np.round(values), dtype=np.int32), {"units": "1", "long_name": meaning}

    def ratio(values: Any, meaning: str, dim: str) -> tuple[str, Any, dict[str, str]]:
        return dim, np.asarray(values), {"units": "1", "long_name": meaning}

    out = contingency.states(chain.candidates, order)
    variables = {
        "out": (("state", "order"), out.astype(np.int32), {"long_name": "devices that are out, -1 for none"}),
        "lost_racks": whole(lost, "racks without a live feed"),
        "racks_at_risk": whole(last, "racks on a single independent feed"),
        "uncooled_racks": whole(uncooled, "racks whose cooling has no power"),
        "worst_loading": ratio(worst.loading, "greatest load over rating, before any cap", "state"),
        "worst_device": whole(worst.device, "the device that has it, -1 for none"),
        "failover_loading": ratio(
            worst.failover, "greatest load over rating after any single outage", "device"
        ),
        "failover_out": whole(worst.behind, "that outage, -1 for none", "device"),
    }
    coords = {
        "device": list(chain.name),
        "device_kind": ("device", [DEVICE_KINDS[code] for code in chain.kind]),
    }
    variables |= {
        f"{name}_before": (
            (),
            np.int32(value),
            {"units": "1", "long_name": f"{name} without a further outage"},
        )
        for name, value in zip(("lost_racks", "uncooled_racks"), before, strict=True)
    }
    attrs = {"title": f"{facility.name}: contingencies", "fingerprint": facility.fingerprint}
    return xr.Dataset(variables, coords, attrs)


def _chain(facility: Facility, operation: Operation, state: xr.Dataset, whips: bool) -> _Chain:
    """Ways, powers and capacities of the power chain in a state of one scenario."""
    chain, devices = facility.chain, facility.devices
    supply = supplied(facility, operation)
    power = _power(facility, operation, supply, state)
    path = contingency.paths(chain.parent, chain.node_device, chain.feed_node)
    live = supply.node[0, chain.feed_node]
    held, capacity = _capacity(facility, path, live, power, supply, state)
    if chain.feed_reserve.any():
        # What stands in reserve shows its losses where it carries: in the state in which the reserve shares the load.
        sharing = replace(facility, chain=replace(chain, feed_reserve=np.zeros_like(chain.feed_reserve)))
        asked = replace(operation, rack_power=np.maximum(state.power.values, 1.0))
        other = solve(sharing, asked, keep="racks")
        if bool(other.converged.values[0]):
            also = supplied(sharing, asked)
            more, shared = _capacity(sharing, path, live, _power(sharing, asked, also, other), also, other)
            capacity = np.where(more > held, shared, capacity)
    electrical = np.flatnonzero(chain.device_node >= 0)
    block = electrical[devices.kind[electrical] != WHIP]
    bundles = electrical[devices.kind[electrical] == WHIP]
    # Each whip of a rack to a panel is a feed of its own where whips can be out.
    times = (
        np.maximum(chain.device_whips[bundles], 1.0).astype(np.int64) if whips else np.ones(len(bundles), int)
    )
    kept = np.concatenate([block, np.repeat(bundles, times)])
    first = np.full(len(devices.name), -1)
    first[block] = np.arange(len(block))
    first[bundles] = len(block) + np.cumsum(times) - times
    each = np.ones(len(devices.name), dtype=np.int64)
    each[bundles] = times
    copies = np.where(chain.feed_device >= 0, each[chain.feed_device], 1)
    feed = np.repeat(np.arange(len(chain.feed_load)), copies)
    strand = np.arange(len(feed)) - np.repeat(np.cumsum(copies) - copies, copies)
    way = np.where(path[feed] >= 0, first[path[feed]], -1)
    way = np.where(path[feed] == chain.feed_device[feed][:, None], way + strand[:, None], way)
    way = np.where(path[feed] >= 0, way, -1)
    number = np.concatenate([np.zeros(len(block), dtype=np.int64), *map(np.arange, times)])
    names = [
        f"{devices.name[device]}.{place + 1}" if each[device] > 1 else devices.name[device]
        for device, place in zip(kept, number, strict=True)
    ]
    gone = operation.out[operation.out >= 0]
    able = ~np.isin(kept, gone) & (whips | (devices.kind[kept] != WHIP))
    return _Chain(
        name=tuple(names),
        kind=devices.kind[kept],
        path=way,
        load=chain.feed_load[feed],
        reserve=chain.feed_reserve[feed],
        live=live[feed],
        source=first[contingency.only_source(chain.parent, chain.node_device)],
        power=power,
        capacity=capacity[kept] / each[kept],
        candidates=np.flatnonzero(able),
    )


def _power(facility: Facility, operation: Operation, supply: Supply, state: xr.Dataset) -> Array:
    """Power of every load at the racks' peak, (load,) [W], in the order of the one-line."""
    parts = [state.peak_power.values[0], support_power(facility, operation, supply)[0]]
    parts += [state[f"{kind}_power"].values[0] for kind in COOLING_KINDS]
    return np.asarray(np.concatenate(parts) * supply.powered[0])


def _capacity(
    facility: Facility,
    path: Index,
    live: npt.NDArray[np.bool_],
    power: Array,
    supply: Supply,
    state: xr.Dataset,
) -> tuple[Array, Array]:
    """Power at the loads that each device carries, and that which brings it to its rating, infinite where nothing
    tells, (device,) [W]."""
    drawn = np.where(live, supply.share[0] * power[facility.chain.feed_load], 0.0)
    feed, step = np.nonzero(path >= 0)
    held = np.bincount(path[feed, step], drawn[feed], minlength=len(facility.devices.name))
    loading = state.device_loading.values[0]
    known = (held > 0) & (loading > 0) & (facility.chain.device_node >= 0)
    return held, np.where(known, held / np.where(known, loading, 1.0), np.inf)


@dataclass(frozen=True)
class _Cooling:
    """Racks of a block that are cooled alike: what they need, and how many they are.

    either : (load, new load) pairs: any load of the same new one will do.
    """

    needs: Index
    racks: Array
    either: tuple[tuple[int, int], ...]


def _cooling(facility: Facility, loads: int) -> _Cooling:
    """The loads that cool the racks: their technology loop and plant if liquid does, and the air of their hall."""
    first, at = {}, len(facility.racks.name) + len(facility.rows)
    for kind in COOLING_KINDS:
        first[kind] = at
        at += len(facility.groups(kind))
    plants = range(len(facility.plants))
    sinks = (*COOLER_KINDS, "trim_chiller")
    either = tuple((first[kind] + plant, loads + plant) for kind in sinks for plant in plants)
    needs, racks = [], []
    for block, plant in enumerate(facility.cooling.plant):
        air = [first["fan_wall"] + block, first["chiller"] + block]
        for liquid in (True, False):
            # A trim chiller alone is no sink for long: the outdoor loop has to move.
            parted = facility.cooling.outdoor.parted[plant]
            beyond = first["outdoor_pump"] + plant if parted else -1
            wet = [first["cdu"] + block, first["pump"] + plant, loads + plant, beyond] if liquid else [-1] * 4
            needs.append([*air, *wet])
            racks.append(((facility.racks.block == block) & (facility.racks.liquid == liquid)).sum())
    return _Cooling(np.array(needs), np.array(racks, dtype=np.float64), either)


def independence(facility: Facility) -> list[CommonMode]:
    """Where several feeds of a rack hang on one device, by groups of racks; the only utility is not among them.

    >>> import twin
    >>> independence(twin.load())
    []
    >>> (found,) = independence(twin.load("gb300-su", {"power.devices[rpp.B1].feed": "ups.A"}))
    >>> found.devices, len(found.racks), found.behind, found.feeds
    (('ups.A', 'T.A'), 8, 2, 4)
    """
    chain, names = facility.chain, facility.racks.name
    mine = np.flatnonzero(chain.feed_load < len(names))
    path, load = (
        contingency.paths(chain.parent, chain.node_device, chain.feed_node[mine]),
        chain.feed_load[mine],
    )
    feeds = np.bincount(load, minlength=len(names))
    common = contingency.only_source(chain.parent, chain.node_device)
    shared = contingency.shared_devices(path, load, common)
    by_rack: dict[tuple[int, int], list[int]] = {}
    for rack, device, behind in shared.tolist():
        by_rack.setdefault((rack, behind), []).append(device)
    groups: dict[tuple[tuple[int, ...], int, int], list[str]] = {}
    for (rack, behind), listed in by_rack.items():
        way = path[load == rack].T.reshape(-1).tolist()
        nearest = tuple(sorted(listed, key=way.index))
        groups.setdefault((nearest, behind, int(feeds[rack])), []).append(names[rack])
    return [
        CommonMode(tuple(facility.devices.name[one] for one in listed), tuple(racks), behind, count)
        for (listed, behind, count), racks in groups.items()
    ]


def summary(facility: Facility, found: xr.Dataset) -> Findings:
    """What contingencies come to: counts and the worst of each order, single points of failure, overloads.

    found : of `contingencies(facility)`. Racks that have no feed or no cooling anyway are not counted again.
    """
    out, names = found.out.values, found.device.values.tolist()
    order = (out >= 0).sum(axis=-1)
    lost, uncooled = found.lost_racks.values, found.uncooled_racks.values
    before, warm = int(found.lost_racks_before), int(found.uncooled_racks_before)
    loading, worst = found.worst_loading.values, found.worst_device.values

    def named(devices: Sequence[int]) -> tuple[str, ...]:
        return tuple(names[device] for device in devices if device >= 0)

    def beyond(racks: Index, already: int) -> npt.NDArray[np.bool_]:
        """States with more racks than the worst of their devices alone."""
        alone = np.full(len(names) + 1, already)
        alone[out[order == 1, 0]] = racks[order == 1]
        return racks > np.where(order > 1, alone[out].max(axis=-1), already)

    losing, uncooling = beyond(lost, before), beyond(uncooled, warm)
    listed = []
    for size in range(1, out.shape[1] + 1):
        mine = np.flatnonzero(order == size)
        if not len(mine):
            continue
        most, top = mine[np.where(losing[mine], lost[mine], -1).argmax()], mine[loading[mine].argmax()]
        some = bool(losing[most])
        listed.append(
            Outages(
                order=size,
                states=len(mine),
                losing=int(losing[mine].sum()),
                most_lost=int(lost[most]) - before if some else 0,
                lost_with=named(out[most]) if some else (),
                uncooling=int(uncooling[mine].sum()),
                overloading=int((loading[mine] > 1.0 + OVER).sum()),
                worst_loading=float(loading[top]),
                worst_device=names[worst[top]] if worst[top] >= 0 else "",
                worst_with=named(out[top]),
            )
        )
    single = np.flatnonzero(order == 1)
    failover, behind = found.failover_loading.values, found.failover_out.values
    over = [int(one) for one in np.argsort(-failover, kind="stable") if failover[one] > 1.0 + OVER]
    return Findings(
        outages=tuple(listed),
        single_points={names[out[at, 0]]: int(lost[at]) - before for at in single if lost[at] > before},
        uncooled={names[out[at, 0]]: int(uncooled[at]) - warm for at in single if uncooled[at] > warm},
        failover=tuple(
            (names[one], float(failover[one]), names[behind[one]] if behind[one] >= 0 else "") for one in over
        ),
        common=tuple(independence(facility)),
    )
