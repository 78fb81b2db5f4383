"""The one-line at given loads: shares, converters, voltages, currents, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import converter, tree
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility
from twin.operation import Operation
from twin.plant.cooling import Heat
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Feed:
    """What the one-line carries."""

    voltage: Array
    """(scenario, node) over nominal."""
    load: Array
    """(scenario, device) in the unit of the rating; NaN for cooling equipment."""
    power: Array
    """(scenario, device) active power [W]."""
    whip: Array
    """(scenario, rack) current of the most loaded whip over its continuous rating."""
    utility: Array
    losses: Mapping[str, Array]
    """(scenario,) by stage: cable, transformer, ups [W]."""
    converged: npt.NDArray[np.bool_]


def feed(facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat) -> Feed:
    """Voltages, currents and losses of the one-line with `power` at the racks, (scenario, rack) [W].

    Every island is radial and has one source, so one pass from the racks to the utility suffices: converters
    hand their input on to the island above.
    """
    chain, devices = facility.chain, facility.devices
    scenarios = max(len(power), len(supply.share), *(len(v) for v in heat.auxiliary.values()))
    support = np.broadcast_to(operation.support_load, (len(operation.support_load), len(facility.rows)))
    auxiliary = np.stack([heat.auxiliary[kind] for kind in COOLING_KINDS], axis=-1)
    parts = [power, support, auxiliary.reshape(len(auxiliary), -1)]
    load = np.concatenate([np.broadcast_to(part, (scenarios, part.shape[1])) for part in parts], axis=1)
    load = load * supply.powered
    drawn = load[:, chain.feed_load] * supply.share
    active = (chain.injection @ drawn.T).T
    reactive = (chain.injection @ (drawn * chain.load_tangent[chain.feed_load]).T).T
    nodes = active.shape[1]
    standing = supply.node[:, chain.transformer_node]
    np.add.at(active, (slice(None), chain.standing_at), chain.standing_power * standing)
    np.add.at(reactive, (slice(None), chain.standing_at), chain.standing_reactive * standing)
    voltage = np.empty((scenarios, nodes))
    current = np.empty((scenarios, nodes))
    entering = np.empty((scenarios, nodes), dtype=complex)
    leaving = np.empty((scenarios, nodes), dtype=complex)
    converged = np.ones(scenarios, dtype=bool)
    rating = devices.rating[chain.ups_device] * supply.node[:, chain.ups_output]
    ups_loss = np.zeros(scenarios)
    for stage in chain.stages:
        found = tree.flow(stage.forest, active[:, stage.nodes], reactive[:, stage.nodes])
        voltage[:, stage.nodes] = np.abs(found.voltage) / chain.voltage[stage.nodes]
        current[:, stage.nodes] = found.current
        entering[:, stage.nodes] = found.entering
        leaving[:, stage.nodes] = found.leaving
        converged &= found.converged
        mine = np.isin(chain.ups_output, stage.nodes)
        if mine.any():
            out = entering[:, chain.ups_output[mine]].real
            taken = converter.input_power(out, rating[:, mine], chain.ups_coefficients[mine])
            active[:, chain.ups_input[mine]] += taken
            reactive[:, chain.ups_input[mine]] += taken * chain.ups_tangent[mine]
            ups_loss += _total(taken - out)
    cable = (entering - leaving).real
    wound = chain.transformer_node
    copper = cable[:, wound] * chain.transformer_share
    losses = {
        "cable": _total(cable[:, chain.inside]) - _total(copper),
        "transformer": _total(copper) + _total(chain.standing_power * standing),
        "ups": ups_loss,
    }
    metered = np.maximum(chain.device_node, 0)
    ups, transformer, whip = (
        devices.kind == DEVICE_KINDS.index(kind) for kind in ("ups", "transformer", "whip")
    )
    through = np.where(ups, entering[:, metered], leaving[:, metered])
    each = current[:, metered] / chain.device_whips
    amount = np.where(transformer, np.abs(through), np.where(whip, each, through.real))
    electrical = chain.device_node >= 0
    whip_feed = chain.feed_device >= 0
    loading = amount[:, chain.feed_device[whip_feed]] / devices.rating[chain.feed_device[whip_feed]]
    starts = np.searchsorted(chain.feed_load[whip_feed], np.arange(len(facility.racks.name)))
    return Feed(
        voltage=voltage,
        load=np.where(electrical, amount, np.nan),
        power=np.where(electrical, through.real, np.nan),
        whip=np.maximum.reduceat(loading, starts, axis=-1),
        utility=through[:, 0].real,
        losses=losses,
        converged=converged,
    )


def _total(values: Array) -> Array:
    """Sum over the last axis in memory order, so that a row sums alike alone and in a batch."""
    return np.asarray(np.ascontiguousarray(values).sum(axis=-1))
