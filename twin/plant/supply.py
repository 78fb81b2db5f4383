"""What is alive in each scenario and who carries what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from electrical import redundancy
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility
from twin.operation import Operation

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Supply:
    """What is alive after the outages of each scenario."""

    node: npt.NDArray[np.bool_]
    device: npt.NDArray[np.bool_]
    """(scenario, device): in service and fed."""
    share: Array
    """(scenario, feed): part of its load that each feed carries."""
    powered: npt.NDArray[np.bool_]
    """(scenario, load): at least one feed is alive; of a support load, its hall is cooled as well."""
    shelves: Array
    """(scenario, rack): power shelves with a live whip."""
    whips: Array
    """(scenario, rack): live whips."""
    units: Mapping[str, Array]
    """(scenario, block or plant) live units of each kind of cooling equipment."""
    phase: Array
    """(scenario, rack, 3): part of its load on each phase."""
    crest: Array
    """(scenario, rack): current of its most loaded phase over that of three equal ones."""
    after: tuple[Supply, ...] = ()
    """The same after each further outage that the caps are to survive; empty without that security."""


def support_power(facility: Facility, operation: Operation, supply: Supply) -> Array:
    """Network and management load of each row that is on, (scenario, row) [W]."""
    first = len(facility.racks.name)
    return np.asarray(operation.support_load * supply.powered[:, first : first + len(facility.rows)])


def controlled(facility: Facility, operation: Operation) -> Operation:
    """The operation with the set-points of loops that follow the weather."""
    cooling = facility.cooling
    if not np.isfinite(cooling.reset_least).any():
        return operation
    outdoor = np.where(cooling.reset_wet, operation.wet_bulb[:, None], operation.dry_bulb[:, None])
    least = np.minimum(cooling.reset_least, operation.supply_temperature)
    setpoint = np.clip(outdoor + cooling.reset_above, least, operation.supply_temperature)
    return replace(
        operation,
        supply_temperature=np.where(np.isfinite(cooling.reset_least), setpoint, operation.supply_temperature),
    )


def supplied(facility: Facility, operation: Operation) -> Supply:
    """What is alive and who carries what, now and after each further outage of `Facility.outages`."""
    after = []
    for pattern in facility.outages:
        further = np.broadcast_to(pattern, (len(operation.out), len(pattern)))
        after.append(_supplied(facility, replace(operation, out=np.hstack([operation.out, further]))))
    return replace(_supplied(facility, operation), after=tuple(after))


def _supplied(facility: Facility, operation: Operation) -> Supply:
    """The supply of the outages of each scenario, worked out once per distinct outage and gathered."""
    chain, devices, racks = facility.chain, facility.devices, facility.racks
    patterns, pattern = np.unique(np.sort(operation.out, axis=1), axis=0, return_inverse=True)
    dead = np.zeros((len(patterns), len(devices.name) + 1), dtype=bool)
    np.put_along_axis(dead, patterns % (len(devices.name) + 1), True, axis=1)
    dead[:, -1] = False
    node = redundancy.alive(chain.parent, dead[:, chain.node_device])
    feed = node[:, chain.feed_node] & ~dead[:, chain.feed_device]
    count = len(chain.load_name)
    share = redundancy.feed_shares(feed, chain.feed_load, count, chain.feed_reserve)
    fed = np.zeros((len(patterns), count))
    np.add.at(fed, (slice(None), chain.feed_load), feed)
    powered = fed > 0
    whips = np.zeros((len(patterns), count))
    live = np.zeros((len(patterns), count))
    np.add.at(whips, (slice(None), chain.feed_load), chain.feed_whips)
    np.add.at(live, (slice(None), chain.feed_load), chain.feed_whips * feed)
    rack = len(racks.name)
    shelves = racks.shelves * live[:, :rack] / np.maximum(whips[:, :rack], 1.0)
    units: dict[str, Array] = {}
    device = np.zeros((len(patterns), len(devices.name)), dtype=bool)
    electrical = np.flatnonzero(chain.device_node >= 0)
    device[:, electrical] = node[:, chain.device_node[electrical]]
    first = rack + len(facility.rows)
    load = first
    for kind in COOLING_KINDS:
        mine = np.flatnonzero(devices.kind == DEVICE_KINDS.index(kind))
        groups = len(facility.groups(kind))
        backed = powered[:, load : load + groups]
        load += groups
        device[:, mine] = ~dead[:, mine] & backed[:, devices.block[mine]]
        running = np.zeros((len(patterns), groups))
        np.add.at(running, (slice(None), devices.block[mine]), device[:, mine])
        units[kind] = running
    # A hall without fan walls or chillers goes dark, its support load with its racks.
    aired = (units["fan_wall"] > 0) & (units["chiller"] > 0)
    powered[:, rack:first] &= aired[:, facility.row_block]
    pick = pattern.reshape(-1) if len(operation.out) > 1 else np.zeros(1, dtype=np.int64)
    supply = Supply(
        node[pick],
        device[pick],
        share[pick],
        powered[pick],
        shelves[pick],
        live[pick, :rack],
        {kind: value[pick] for kind, value in units.items()},
        racks.phase_share[None],
        3.0 * racks.phase_share.max(axis=-1)[None],
    )
    return _without_lost_phases(facility, operation, supply) if operation.lost_phase.any() else supply


def _without_lost_phases(facility: Facility, operation: Operation, supply: Supply) -> Supply:
    """The supply with the phases that racks have lost: the others share their load, and as many modules of the power
    shelves stay. A rack with no phase left is as one without a live whip; direct current has no phases."""
    chain, laid = facility.chain, facility.racks.phase_share
    count = len(laid)
    mine = chain.feed_load < count
    rack, bus = chain.feed_load[mine], chain.feed_node[mine]
    direct = np.zeros(count, dtype=bool)
    direct[rack] = chain.direct[bus]
    gone = operation.lost_phase[..., None] == np.arange(1, 4)
    left = np.where(gone & ~direct[:, None], 0.0, laid)
    live = left.any(axis=-1)
    phase = left / np.where(live, left.sum(axis=-1), 1.0)[..., None]
    kept = (left > 0).sum(axis=-1) / (laid > 0).sum(axis=-1)
    supply = replace(
        supply,
        phase=phase,
        crest=np.where(live, 3.0 * phase.max(axis=-1), 1.0),
        shelves=supply.shelves * kept,
    )
    if live.all():
        return supply
    scenarios = max(len(live), len(supply.node))
    node, device, share, powered = (
        np.array(np.broadcast_to(part, (scenarios, part.shape[1])))
        for part in (supply.node, supply.device, supply.share, supply.powered)
    )
    node[:, bus] &= live[:, rack]
    device[:, chain.feed_device[mine]] &= live[:, rack]
    share[:, mine] *= live[:, rack]
    powered[:, :count] &= live
    return replace(supply, node=node, device=device, share=share, powered=powered, whips=supply.whips * live)
