"""The one-line at given loads: shares, converters, voltages, currents, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from electrical import converter, tree, ups
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility, Stage
from twin.operation import Operation
from twin.plant.cooling import Heat
from twin.plant.supply import Supply, support_power

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

PASSES = 6
"""Of the losses of UPS in eco mode."""


@dataclass(frozen=True)
class Feed:
    """What the one-line carries."""

    voltage: Array
    """(scenario, node) over nominal."""
    current: Array
    """(scenario, node) of the branch into each node [A]."""
    load: Array
    """(scenario, device) in the unit of the rating; NaN for cooling equipment."""
    power: Array
    """(scenario, device) active power [W]."""
    whip: Array
    """(scenario, rack) current of the most loaded phase of the most loaded whip over its continuous rating."""
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
    """(scenario, converter) [W], and `bypass_loss` (scenario, bypass)."""
    bypass_loss: Array
    converged: npt.NDArray[np.bool_]


def feed(facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat) -> Feed:
    """Voltages, currents and losses of the one-line with `power` at the racks, (scenario, rack) [W].

    Of unequal phases the mean: voltages and losses are those of loads in balance, and the currents of whips alone are
    those of the most loaded phase.
    """
    chain, devices = facility.chain, facility.devices
    _, active, reactive, standing = _drawn(facility, operation, supply, power, heat.auxiliary)
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
    losses["ups"] = losses["ups"] + _total(swept.bypass_loss)
    metered = np.maximum(chain.device_node, 0)
    ups, rectifier, transformer, whip = (
        devices.kind == DEVICE_KINDS.index(kind) for kind in ("ups", "rectifier", "transformer", "whip")
    )
    through = np.where(ups | rectifier, swept.entering[:, metered], swept.leaving[:, metered])
    run = swept.current[:, np.maximum(chain.run_node, 0)] / chain.run_rating
    each = swept.current[:, metered] / chain.device_whips
    whips = chain.feed_device[chain.feed_device >= 0]
    of_rack = chain.feed_load[chain.feed_device >= 0]
    if (supply.crest != 1.0).any():
        each[:, whips] *= supply.crest[:, of_rack]
        run[:, whips] *= supply.crest[:, of_rack]
    amount = np.where(transformer, np.abs(through), np.where(whip, each, through.real))
    electrical = chain.device_node >= 0
    starts = np.searchsorted(of_rack, np.arange(len(facility.racks.name)))
    return Feed(
        voltage=swept.voltage,
        current=swept.current,
        load=np.where(electrical, amount, np.nan),
        power=np.where(electrical, through.real, np.nan),
        whip=np.maximum.reduceat(amount[:, whips] / devices.rating[whips], starts, axis=-1),
        run=run,
        utility=through[:, 0].real,
        losses=losses,
        converged=swept.converged,
    )


def feed_power(
    facility: Facility, operation: Operation, supply: Supply, power: Array, auxiliary: Mapping[str, Array]
) -> Array:
    """What each feed draws with `power` at the racks and `auxiliary` at the cooling, (scenario, feed) [W]."""
    load = _loads(facility, operation, supply, power, auxiliary)
    return np.asarray(load[:, facility.chain.feed_load] * supply.share)


def through_ups(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    power: Array,
    auxiliary: Mapping[str, Array],
    besides: Array,
) -> tuple[Array, Array, Array]:
    """What the source of the site gives, (scenario,) [W], and what leaves and what enters each UPS, two of
    (scenario, device) [W], 0 of other devices.

    besides : what each UPS draws besides, (scenario, device) [W]: for its battery, less what that gives. It is no part
    of what enters.
    """
    chain, devices = facility.chain, facility.devices
    mine = np.flatnonzero(devices.kind[chain.converter_device] == DEVICE_KINDS.index("ups"))
    owner, output = chain.converter_device[mine], chain.converter_output[mine]
    above = chain.parent[chain.bypass_output]
    _, active, reactive, _ = _drawn(facility, operation, supply, power, auxiliary)
    np.add.at(active, (slice(None), chain.converter_input[mine]), besides[:, owner])
    np.add.at(active, (slice(None), above), besides[:, chain.bypass_device])
    turned = besides[:, owner] * chain.converter_tangent[mine]
    np.add.at(reactive, (slice(None), chain.converter_input[mine]), turned)
    swept = _swept(facility, supply, active, reactive)
    leaving = np.zeros((len(active), len(devices.name)))
    leaving[:, owner] = swept.entering[:, output].real
    leaving[:, chain.bypass_device] = swept.entering[:, chain.bypass_output].real
    entering = leaving.copy()
    entering[:, owner] += swept.converter_loss[:, mine]
    entering[:, chain.bypass_device] += swept.bypass_loss
    return swept.leaving[:, chain.device_node[0]].real, leaving, entering


def of_ups(facility: Facility, name: str) -> Array:
    """A figure of the product of each UPS, (device,); NaN for other devices and for products that do not tell it."""
    told = {made.name: made.get(name, np.nan) for made in facility.products if made.kind == "ups"}
    return np.array([told.get(product, np.nan) for product in facility.devices.product])


def inverters(facility: Facility) -> Array:
    """Loss coefficients of each UPS in double conversion, (device, 3); 0 for other devices."""
    curves = {
        made.name: converter.loss_coefficients(*made["efficiency"].T)
        for made in facility.products
        if made.kind == "ups"
    }
    return np.array([curves.get(product, np.zeros(3)) for product in facility.devices.product])


def batteries(facility: Facility, drawn: Array) -> tuple[Array, Array]:
    """Energy of the charged battery of each UPS, (device,) [J], and what it gives while the UPS draws nothing else and
    `drawn` leaves it, (scenario, device) [W]. NaN energy for other devices and for products that do not tell it."""
    given = ups.battery_power(drawn, facility.devices.rating, np.full(1, ups.ON_BATTERY), inverters(facility))
    return of_ups(facility, "batteryEnergy"), given


def at_buses(
    facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat
) -> tuple[Array, Array, Array]:
    """What each feed draws, (scenario, feed) [W], and the loads of the buses, (scenario, node) [W], [var], with what
    the converters below take."""
    drawn, active, reactive, _ = _drawn(facility, operation, supply, power, heat.auxiliary)
    _swept(facility, supply, active, reactive)
    return drawn, active, reactive


def _drawn(
    facility: Facility, operation: Operation, supply: Supply, power: Array, auxiliary: Mapping[str, Array]
) -> tuple[Array, Array, Array, Array]:
    """What each feed draws, (scenario, feed) [W], the loads of the buses without converters, (scenario, node) [W],
    [var], and the no-load losses of transformers among them, (scenario, transformer) [W]."""
    chain = facility.chain
    drawn = feed_power(facility, operation, supply, power, auxiliary)
    active = (chain.injection @ drawn.T).T
    reactive = (chain.injection @ (drawn * chain.feed_tangent).T).T
    standing = chain.standing_power * supply.node[:, chain.transformer_node]
    np.add.at(active, (slice(None), chain.standing_at), standing)
    turned = chain.standing_reactive * supply.node[:, chain.transformer_node]
    np.add.at(reactive, (slice(None), chain.standing_at), turned)
    return drawn, active, reactive, standing


def _loads(
    facility: Facility, operation: Operation, supply: Supply, power: Array, auxiliary: Mapping[str, Array]
) -> Array:
    """Active power of every load of the one-line, (scenario, load) [W], in the order in which it was drawn."""
    support = support_power(facility, operation, supply)
    parts = (power, support, *(auxiliary[kind] for kind in COOLING_KINDS))
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
        bypass_loss=np.zeros((len(active), len(chain.bypass_device))),
        converged=np.ones(len(active), dtype=bool),
    )
    for stage in chain.stages:
        through = np.flatnonzero(np.isin(chain.bypass_output, stage.nodes))
        found = tree.flow(stage.forest, active[:, stage.nodes], reactive[:, stage.nodes])
        # What a UPS in eco mode loses is drawn at its input and follows what passes: each pass gains two digits.
        for _ in range(PASSES if len(through) else 0):
            _bypassed(facility, supply, stage, through, found, active, swept.bypass_loss)
            found = tree.flow(stage.forest, active[:, stage.nodes], reactive[:, stage.nodes])
        swept.voltage[:, stage.nodes] = np.abs(found.voltage) / chain.voltage[stage.nodes]
        # Three phases carry a power with a current of 3^1/2 volt-amperes a volt, two poles with one.
        swept.current[:, stage.nodes] = found.current * np.where(chain.direct[stage.nodes], np.sqrt(3.0), 1.0)
        swept.entering[:, stage.nodes] = found.entering
        swept.leaving[:, stage.nodes] = found.leaving
        swept.converged[:] &= found.converged
        mine = np.isin(chain.converter_output, stage.nodes)
        output = swept.entering[:, chain.converter_output[mine]].real
        rating = (
            _running(facility, output, np.flatnonzero(mine)) * supply.node[:, chain.converter_output[mine]]
        )
        taken = converter.input_power(output, rating, chain.converter_coefficients[mine])
        active[:, chain.converter_input[mine]] += taken
        reactive[:, chain.converter_input[mine]] += taken * chain.converter_tangent[mine]
        swept.converter_loss[:, mine] = taken - output
    return swept


def _bypassed(
    facility: Facility,
    supply: Supply,
    stage: Stage,
    through: Index,
    found: tree.Flow,
    active: Array,
    lost: Array,
) -> None:
    """Draw the losses of UPS in eco mode at their inputs, in the place of those drawn there before."""
    chain = facility.chain
    output = chain.bypass_output[through]
    passing = found.entering[:, np.searchsorted(stage.nodes, output)].real
    rating = facility.devices.rating[chain.bypass_device[through]] * supply.node[:, output]
    now = converter.loss(
        np.where(np.isfinite(passing), passing, 0.0), rating, chain.bypass_coefficients[through]
    )
    np.add.at(active, (slice(None), chain.parent[output]), now - lost[:, through])
    lost[:, through] = now


def _running(facility: Facility, output: Array, converters: Index) -> Array:
    """Rating of the modules of each converter that are on at an output [W]: as many as lose least, or all."""
    chain = facility.chain
    rating = np.broadcast_to(facility.devices.rating[chain.converter_device[converters]], output.shape).copy()
    for place in np.flatnonzero(chain.converter_modules[converters]):
        modules = int(chain.converter_modules[converters[place]])
        one = rating[:, place] / modules
        curve = chain.converter_coefficients[converters[place]]
        rating[:, place] = one * converter.active_modules(output[:, place], one, modules, curve)
    return rating


def _total(values: Array) -> Array:
    """Sum over the last axis in memory order, so that a row sums alike alone and in a batch."""
    return np.asarray(np.ascontiguousarray(values).sum(axis=-1))
