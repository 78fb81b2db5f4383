"""What unequal phases do to the alternating-current islands: voltage unbalance and currents in the neutral."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import unbalanced
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.cooling import Heat
from twin.plant.fault import ZERO_SEQUENCE
from twin.plant.power import at_buses
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

CLOCK = 11
"""Hour of the transformers' vector group, Dyn11; any odd one gives the same magnitudes."""


@dataclass(frozen=True)
class Unbalance:
    """(scenario or 1, device), NaN for direct current and cooling equipment, 0 for what is out."""

    voltage: Array
    """Negative over positive sequence voltage at the device's bus."""
    neutral: Array
    """Current in the neutral of the branch to the device, of a UPS to its input [A]."""


@dataclass(frozen=True)
class _Islands:
    """The radial islands with racks on alternating current."""

    nodes: Index
    network: unbalanced.Network
    root: Index
    """(node of the chain,) the source above it."""


def unbalance(
    facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat
) -> Unbalance:
    """Voltage unbalance and neutral currents with `power` at the racks, (scenario, rack) [W].

    Racks load their phases by their shares, support and cooling all alike. A UPS is an ideal source of balanced
    voltage and draws equal phases; a delta stops the zero sequence of the transformer's star below it. What UPS
    draw is that of the balanced load flow. Scenarios whose racks have equal phases are zero and cost nothing. NaN
    where the phases find no voltage that carries their load though their mean does.
    """
    chain = facility.chain
    bus = chain.device_node
    none = np.where((bus >= 0) & ~chain.direct[bus], 0.0, np.nan)[None]
    uneven = (supply.phase.max(axis=-1) > supply.phase.min(axis=-1)) & (power > 0)
    where = np.flatnonzero(uneven.any(axis=-1))
    if not len(where):
        return Unbalance(none, none)
    drawn, active, reactive = (part[where] for part in at_buses(facility, operation, supply, power, heat))
    feed = np.flatnonzero(chain.feed_load < len(facility.racks.name))
    rack, at = chain.feed_load[feed], chain.feed_node[feed]
    phase = np.broadcast_to(supply.phase, (*power.shape, 3))[where][:, rack]
    beyond = drawn[:, feed, None] * (phase - 1.0 / 3.0)
    loads = np.repeat(active[..., None] / 3.0, 3, axis=-1)
    turned = np.repeat(reactive[..., None] / 3.0, 3, axis=-1)
    # Each whip has a bus of its own.
    loads[:, at] += beyond
    turned[:, at] += beyond * chain.feed_tangent[feed, None]
    islands = _islands(facility, at)
    found = unbalanced.flow(islands.network, loads[:, islands.nodes], turned[:, islands.nodes])
    # An island without an unequal load is in balance to the last bit.
    uneven_roots = np.zeros(active.shape)
    np.add.at(uneven_roots, (slice(None), islands.root[at]), np.abs(beyond).sum(axis=-1))
    stirred = uneven_roots[:, islands.root[islands.nodes]] > 0
    branch = bus.copy()
    branch[chain.converter_device] = chain.converter_input
    live = np.broadcast_to(supply.device, (len(power), supply.device.shape[1]))[where]

    def by_device(values: Array, node: Index) -> Array:
        at_node = np.zeros(active.shape)
        at_node[:, islands.nodes] = np.where(stirred, values, 0.0)
        spread = np.repeat(none, len(power), axis=0)
        spread[where] += np.where(live, at_node[:, np.maximum(node, 0)], 0.0)
        return spread

    held = islands.network.parent >= 0
    return Unbalance(
        by_device(np.where(held, found.unbalance, 0.0), bus), by_device(found.neutral_current, branch)
    )


def _islands(facility: Facility, at: Index) -> _Islands:
    """The islands of some buses, cut at the converters. What loads a bus before a delta stands between its phases."""
    chain = facility.chain
    number = np.arange(len(chain.parent))
    above = chain.parent.copy()
    above[chain.converter_output] = -1
    root = number.copy()
    for node in number[above >= 0]:
        root[node] = root[above[node]]
    nodes = np.flatnonzero(np.isin(root, root[at]) & ~chain.direct)
    local = np.full(len(number) + 1, -1)
    local[nodes] = np.arange(len(nodes))
    winding, leakage = np.zeros(len(number)), np.zeros(len(number))
    winding[chain.transformer_node] = chain.transformer_resistance
    leakage[chain.transformer_node] = chain.transformer_reactance
    times = np.where(chain.inside, ZERO_SEQUENCE, 1.0)
    clock = np.zeros(len(number), dtype=np.int64)
    clock[chain.transformer_node] = CLOCK
    network = unbalanced.network(
        local[above[nodes]],
        chain.resistance[nodes],
        chain.reactance[nodes],
        chain.voltage[nodes],
        zero_resistance=(times * (chain.resistance - winding) + winding)[nodes],
        zero_reactance=(times * (chain.reactance - leakage) + leakage)[nodes],
        clock=clock[nodes],
        between=np.isin(nodes, chain.standing_at),
    )
    return _Islands(nodes, network, root)
