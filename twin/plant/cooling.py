"""Where the heat of the racks goes at given temperatures: technology loop, facility water, hall air."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.facility import Facility
from twin.operation import Operation
from twin.plant.hall import Hall, hall
from twin.plant.loop import Flow, Return, by_block, returned
from twin.plant.supply import Supply
from twin.plant.water import Water, water

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Heat:
    """The three circuits, and what they draw."""

    liquid: Array
    """(scenario, rack) heat to the coolant [W]; `warm` to the air."""
    warm: Array
    inlet: Array
    """(scenario, block) air at the rack fronts at which all this was found [K]."""
    back: Return
    water: Water
    hall: Hall
    wires: Array
    """(scenario, block) losses of the whips, which lie in the hall [W]."""
    auxiliary: Mapping[str, Array]
    """(scenario, block or plant) electrical power of each kind of cooling equipment [W]."""


def whip_loss(facility: Facility, supply: Supply, power: Array) -> Array:
    """What the whips lose of the racks' power in each block, (scenario, block) [W]: R (P^2 + Q^2) / U^2 at nominal
    voltage, a few hundredths less than at the present one. It heats their hall, where other losses have rooms of their
    own."""
    chain = facility.chain
    whips = np.flatnonzero(chain.feed_device >= 0)
    rack, node = chain.feed_load[whips], chain.feed_node[whips]
    carried = power[:, rack] * supply.share[:, whips]
    loop = (
        chain.resistance[node] * (1.0 + np.square(chain.feed_tangent[whips])) / np.square(chain.voltage[node])
    )
    lost = np.zeros_like(power)
    np.add.at(lost, (slice(None), rack), loop * np.square(carried))
    return by_block(facility, lost)


def heat(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    flow: Flow,
    liquid: Array,
    warm: Array,
    temperature: Array,
    inlet: Array,
) -> Heat:
    """The circuits at the present temperatures, (scenario, block) [K]: coolant supplied, air at the rack fronts."""
    back = returned(facility, flow, liquid, temperature)
    plant = water(facility, operation, supply, flow, back, temperature)
    wires = whip_loss(facility, supply, liquid + warm)
    aisle = hall(facility, operation, supply, warm, wires, inlet)
    auxiliary = {
        "cdu": flow.pump_power,
        "dry_cooler": np.where(facility.cooling.outdoor.tower, 0.0, plant.fan_power),
        "tower": np.where(facility.cooling.outdoor.tower, plant.fan_power, 0.0),
        "outdoor_pump": plant.outdoor_power,
        "trim_chiller": plant.trim_power,
        "pump": plant.pump_power,
        "fan_wall": aisle.fan_power,
        "chiller": aisle.chiller_power,
    }
    return Heat(liquid, warm, inlet, back, plant, aisle, wires, auxiliary)
