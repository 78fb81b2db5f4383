"""Harmonics of the settled one-line: distorted voltages and currents, and how hot transformers get with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import ageing, conductor, harmonics
from twin.facility import DEVICE_KINDS, Facility
from twin.operation import Operation
from twin.plant.cooling import Heat
from twin.plant.power import Feed, feed_power
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

OIL_EXPONENT, WINDING_EXPONENT = 0.8, 1.6
"""Of distribution transformers whose oil and air move by themselves; IEC 60076-7 as two public programs quote it."""
PIECE = 128
"""Scenarios at once: their work arrays then stay in the cache."""


@dataclass(frozen=True)
class Distortion:
    """(scenario, device), NaN where nothing is to tell; of what is out 0, its loss factor 1, its hot spot ambient."""

    voltage: Array
    """Harmonics over the fundamental of the voltage at the device's bus; of a UPS at its input or output, whichever is
    more, of a rectifier at its input."""
    current: Array
    """Harmonics over the fundamental of the current to the device; of the utility over its demand current."""
    loss_factor: Array
    """F_HL of transformers: mean square of order, weighted by the square of the current."""
    load: Array
    """Sinusoidal current over rated current that heats a transformer as its distorted one does."""
    hot_spot: Array
    """Of transformers in the steady state [K]."""


def distortion(
    facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat, mean: Feed
) -> Distortion:
    """Distortion with `power` at the racks, (scenario, rack) [W], whose one-line is `mean`.

    Linear penetration: loads are sources of their product's share of the fundamental, whatever the voltage, and those
    at different buses add by the summation law. The demand current of the utility is that of the power the facility is
    built for, or what it draws if that is more.
    """
    chain, devices, net = facility.chain, facility.devices, facility.harmonic
    bus, branch = _ends(facility)
    alternating = branch >= 0
    volts, amps, heating = _penetrated(facility, _drawn(facility, operation, supply, power, heat, mean))

    def of(squares: Array, node: Index) -> Array:
        return squares[:, np.maximum(net.part[np.maximum(node, 0)], 0)]

    square = np.square(chain.voltage * mean.voltage)
    ends = [of(volts, node) / square[:, np.maximum(node, 0)] for node in (bus, branch)]
    alive = np.broadcast_to(supply.device, (len(power), len(devices.name)))
    live = alive & alternating
    voltage = np.where(alternating, 0.0, np.nan) + np.where(live, np.sqrt(np.maximum(*ends)), 0.0)

    fundamental = mean.current[:, np.maximum(branch, 0)]
    base = fundamental.copy()
    base[:, 0] = np.maximum(base[:, 0], demand_current(facility))
    loaded = live & (base > 0.0)
    over = np.sqrt(of(amps, branch)) / np.where(loaded, base, 1.0)
    current = np.where(alternating, 0.0, np.nan) + np.where(loaded, over, 0.0)

    windings = facility.windings
    own = windings.device
    whole = np.square(fundamental[:, own]) + of(amps, branch[own])
    weighted = np.square(fundamental[:, own]) + of(heating, branch[own])
    factor = np.where(loaded[:, own], weighted / np.where(loaded[:, own], whole, 1.0), 1.0)
    permitted = harmonics.permitted_current(np.nan_to_num(windings.eddy), 0.0, factor, 1.0)
    load = np.where(alive[:, own], np.sqrt(whole) / windings.current / permitted, 0.0)
    rise = ageing.top_oil_rise(
        load, windings.oil_rise, windings.loss_ratio, OIL_EXPONENT
    ) + ageing.hot_spot_rise(load, windings.hot_spot_rise, WINDING_EXPONENT)

    def placed(values: Array) -> Array:
        found = np.full(alive.shape, np.nan)
        found[:, own] = values
        return found

    return Distortion(
        voltage=voltage,
        current=current,
        loss_factor=placed(factor),
        load=placed(load),
        hot_spot=placed(operation.dry_bulb[:, None] + np.where(alive[:, own], rise, 0.0)),
    )


def demand_current(facility: Facility) -> float:
    """Of the power the facility is built for at the utility's nominal voltage [A]."""
    volts = facility.chain.voltage[facility.chain.device_node[0]]
    return float(conductor.three_phase_current(facility.built_power, volts, 1.0))


def short_circuit_current(facility: Facility) -> float:
    """Of the utility at the point of connection [A]."""
    chain = facility.chain
    grid = chain.device_node[0]
    return float(chain.voltage[grid] / np.sqrt(3.0) / np.hypot(chain.resistance[grid], chain.reactance[grid]))


def bus_voltage(facility: Facility) -> Array:
    """(device,) nominal voltage where the distortion is told [V], NaN where it is not."""
    branch = _ends(facility)[1]
    return np.where(branch >= 0, facility.chain.voltage[np.maximum(branch, 0)], np.nan)


def _ends(facility: Facility) -> tuple[Index, Index]:
    """(device,) bus of each device, and the node of the branch to it, which of UPS and rectifiers is their input; -1
    for whips, direct current and cooling equipment."""
    chain = facility.chain
    bus = chain.device_node.copy()
    branch = bus.copy()
    branch[chain.converter_device] = chain.converter_input
    whip = facility.devices.kind == DEVICE_KINDS.index("whip")
    none = whip | (branch < 0) | (facility.harmonic.part[np.maximum(branch, 0)] < 0)
    bus = np.where((bus >= 0) & (facility.harmonic.part[np.maximum(bus, 0)] < 0), branch, bus)
    return np.where(none, -1, bus), np.where(none, -1, branch)


def _drawn(
    facility: Facility, operation: Operation, supply: Supply, power: Array, heat: Heat, mean: Feed
) -> Array:
    """Fundamental current of the sources at the nodes of the network, (scenario, node) [A]."""
    chain, net = facility.chain, facility.harmonic
    watts = feed_power(facility, operation, supply, power, heat.auxiliary)
    volts = chain.voltage[chain.feed_node] * mean.voltage[:, chain.feed_node]
    each = watts * np.hypot(1.0, chain.feed_tangent) / (np.sqrt(3.0) * volts)
    amps = np.zeros((len(power), len(net.forest.parent)))
    loads = net.feeds.shape[0]
    amps[:, net.node[:loads]] = (net.feeds @ each.T).T
    amps[:, net.node[loads:]] = mean.current[:, chain.converter_input[net.converter]]
    return amps


def _penetrated(facility: Facility, drawn: Array) -> tuple[Array, Array, Array]:
    """Sums over the orders of the squares of voltage, of current, and of current times order, (scenario, node) each."""
    net = facility.harmonic
    found = np.zeros((3, *drawn.shape))
    networks = (
        (net.forest, net.spectrum, net.order),
        (net.zero, net.triplen_spectrum, net.triplen),
    )
    for start in range(0, len(drawn), PIECE):
        part = slice(start, start + PIECE)
        for forest, spectrum, order in networks:
            if len(order):
                state = harmonics.penetration(forest, drawn[part], spectrum, order)
                square = np.square(state.current)
                found[0, part] += np.square(state.voltage).sum(axis=-1)
                found[1, part] += square.sum(axis=-1)
                found[2, part] += (square * np.square(order)).sum(axis=-1)
    return found[0], found[1], found[2]
