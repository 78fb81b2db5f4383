"""The one-line at given loads: shares, converters, voltages, currents, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from electrical import converter, tree
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility
from twin.operation import Operation
from twin.plant.cooling import Heat
from twin.plant.supply import Supply, support_power

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
    run: Array
    """(scenario, device) current in the conductor that feeds the device over its rating; NaN without one."""
    utility: Array
    losses: Mapping[str, Array]
    """(scenario,) by stage: cable, transformer, ups, rectifier [W]."""
    converged: npt.NDArray[np.bool_]


def judged(facility: Facility, mean: Feed, peak: Feed) -> Feed:
    """The one-line as ratings have to hold it: at peak power over what is borne for its duration, and no less than at
    mean power, which lasts."""
    return replace(
        peak,
        load=np.maximum(mean.load, peak.load / facility.short_time),
        whip=np.maximum(mean.whip, peak.whip / facility.whip_pulse),
    )


@dataclass(frozen=True)
class _Sweep:
    """(scenario, node) state of all islands; powers complex, at both ends of the branch into each node."""

    voltage: Array
    current: Array
    entering: npt.NDArray[np.complex128]
    leaving: npt.NDArray[np.complex128]
    converter_loss: Array
    """(scenario, converter) [W]."""
    converged: npt.NDArray[np.bool_]


def feed(facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat) -> Feed:
    """Voltages, currents and losses of the one-line with `power` at the racks, (scenario, rack) [W]."""
    chain, devices = facility.chain, facility.devices
    load = _loads(facility, operation, supply, power, heat)
    drawn = load[:, chain.feed_load] * supply.share
    active = (chain.injection @ drawn.T).T
    reactive = (chain.injection @ (drawn * chain.feed_tangent).T).T
    standing = chain.standing_power * supply.node[:, chain.transformer_node]
    np.add.at(active, (slice(None), chain.standing_at), standing)
    turned = chain.standing_reactive * supply.node[:, chain.transformer_node]
    np.add.at(reactive, (slice(None), chain.standing_at), turned)
    swept = _swept(facility, supply, active, reactive)

    series = (swept.entering - swept.leaving).real
    copper = _total(series[:, chain.transformer_node] * chain.transformer_share)
    losses = {
        "cable": _total(series[:, chain.inside]) - copper,
        "transformer": copper + _total(standing),
    }
    kinds = devices.kind[chain.converter_device]
    for kind in ("ups", "rectifier"):
        losses[kind] = _total(swept.converter_loss[:, kinds == DEVICE_KINDS.index(kind)])
    metered = np.maximum(chain.device_node, 0)
    ups, rectifier, transformer, whip = (
        devices.kind == DEVICE_KINDS.index(kind) for kind in ("ups", "rectifier", "transformer", "whip")
    )
    through = np.where(ups | rectifier, swept.entering[:, metered], swept.leaving[:, metered])
    each = swept.current[:, metered] / chain.device_whips
    amount = np.where(transformer, np.abs(through), np.where(whip, each, through.real))
    electrical = chain.device_node >= 0
    whips = chain.feed_device[chain.feed_device >= 0]
    starts = np.searchsorted(chain.feed_load[chain.feed_device >= 0], np.arange(len(facility.racks.name)))
    return Feed(
        voltage=swept.voltage,
        load=np.where(electrical, amount, np.nan),
        power=np.where(electrical, through.real, np.nan),
        whip=np.maximum.reduceat(amount[:, whips] / devices.rating[whips], starts, axis=-1),
        run=swept.current[:, np.maximum(chain.run_node, 0)] / chain.run_rating,
        utility=through[:, 0].real,
        losses=losses,
        converged=swept.converged,
    )


def _loads(facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat) -> Array:
    """Active power of every load of the one-line, (scenario, load) [W], in the order in which it was drawn."""
    support = support_power(facility, operation, supply)
    parts = (power, support, *(heat.auxiliary[kind] for kind in COOLING_KINDS))
    scenarios = max(len(supply.powered), *(len(part) for part in parts))
    joined = [np.broadcast_to(part, (scenarios, part.shape[1])) for part in parts]
    return np.asarray(np.concatenate(joined, axis=1) * supply.powered)


def _swept(facility: Facility, supply: Supply, active: Array, reactive: Array) -> _Sweep:
    """Load flow of all islands, the lowest first: each has one source, so one pass from the racks to the utility
    suffices, in which UPS and rectifiers hand their input on to the island above. Adds those inputs to the loads."""
    chain = facility.chain
    swept = _Sweep(
        voltage=np.empty(active.shape),
        current=np.empty(active.shape),
        entering=np.empty(active.shape, dtype=np.complex128),
        leaving=np.empty(active.shape, dtype=np.complex128),
        converter_loss=np.zeros((len(active), len(chain.converter_device))),
        converged=np.ones(len(active), dtype=bool),
    )
    rating = facility.devices.rating[chain.converter_device] * supply.node[:, chain.converter_output]
    for stage in chain.stages:
        found = tree.flow(stage.forest, active[:, stage.nodes], reactive[:, stage.nodes])
        swept.voltage[:, stage.nodes] = np.abs(found.voltage) / chain.voltage[stage.nodes]
        # Three phases carry a power with a current of 3^1/2 volt-amperes a volt, two poles with one.
        swept.current[:, stage.nodes] = found.current * np.where(chain.direct[stage.nodes], np.sqrt(3.0), 1.0)
        swept.entering[:, stage.nodes] = found.entering
        swept.leaving[:, stage.nodes] = found.leaving
        swept.converged[:] &= found.converged
        mine = np.isin(chain.converter_output, stage.nodes)
        output = swept.entering[:, chain.converter_output[mine]].real
        taken = converter.input_power(output, rating[:, mine], chain.converter_coefficients[mine])
        active[:, chain.converter_input[mine]] += taken
        reactive[:, chain.converter_input[mine]] += taken * chain.converter_tangent[mine]
        swept.converter_loss[:, mine] = taken - output
    return swept


def _total(values: Array) -> Array:
    """Sum over the last axis in memory order, so that a row sums alike alone and in a batch."""
    return np.asarray(np.ascontiguousarray(values).sum(axis=-1))
