"""The technology loops: what the racks ask for, what pumps and pipes deliver, what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import converter
from thermal import loop, pipe, pump
from thermal.loop import BRANCH_EXPONENT, PIPE_EXPONENT
from twin.compute.law import Law
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

TWICE = 2.0
"""Multiple of the flow asked for at which the pumps' reserve is looked for: more than that is plenty."""


@dataclass(frozen=True)
class Flow:
    """What the technology loops deliver."""

    demand: Array
    rack: Array
    """(scenario, rack) delivered volume flow at inlet density [m3/s]."""
    mass: Array
    share: Array
    """(scenario, block) delivered over asked."""
    reserve: Array
    """(scenario, block) what the pumps could deliver over what is asked, up to TWICE."""
    head: Array
    pump_power: Array
    total: Array
    """(scenario, block) [m3/s]."""
    velocity: Array
    """(scenario, block) in the main [m/s]."""


@dataclass(frozen=True)
class Return:
    """What comes back from the racks of each loop."""

    rack: Array
    """(scenario, rack) coolant leaving the rack [K]."""
    mixed: Array
    """(scenario, block) at the CDUs' hot inlet, pump heat included [K]."""
    duty: Array
    """(scenario, block) heat for the CDUs: racks and pumps [W]."""
    rate: Array
    """(scenario, block) duty over the rise from supply to return [W/K]."""
    carried: Array
    """(scenario,) heat the racks gave to the coolant, from its flow and temperatures [W]."""


def by_block(facility: Facility, values: Array) -> Array:
    """Sum over the racks of each block, (..., rack) -> (..., block)."""
    # In memory order, so that a row sums alike alone and in a batch.
    values = np.ascontiguousarray(values)
    if len(facility.blocks) == 1:
        return np.asarray(values.sum(axis=-1, keepdims=True))
    starts = np.searchsorted(facility.racks.block, np.arange(len(facility.blocks)))
    return np.asarray(np.add.reduceat(values, starts, axis=-1))


def direct(law: Law, power: Array) -> Array:
    """DC power behind the shelves of each rack at AC power `power` [W]."""
    return np.asarray(converter.output_power(power, law.rating, law.coefficients))


def rack_heat(facility: Facility, law: Law, power: Array) -> tuple[Array, Array]:
    """Heat each rack gives to the coolant and to the air [W]: the split is of DC power, shelf losses go to air."""
    liquid = facility.racks.heat_capture * direct(law, power)
    return liquid, power - liquid


def curve(facility: Facility, name: str, temperature: Array) -> Array:
    """A rack type's flow curve at each block's temperature, gathered to racks: (scenario, rack) [m3/s]."""
    racks = facility.racks
    table = np.stack([getattr(kind, name)(temperature) for kind in racks.types])
    return np.ascontiguousarray(table[racks.type, :, racks.block].T)


def of_fluid(facility: Facility, name: str, temperature: Array) -> Array:
    """A property of each block's coolant, (scenario, block)."""
    pairs = zip(facility.cooling.fluid, temperature.T, strict=True)
    return np.stack([getattr(fluid, name)(block) for fluid, block in pairs], axis=-1)


def flow(facility: Facility, operation: Operation, supply: Supply, liquid: Array, temperature: Array) -> Flow:
    """Coolant each rack asks for at its valve, and what pumps and pipes deliver.

    The valve's set-point is the catalogue curve at the present inlet temperature, scaled with the heat.
    Pumps hold the head that the worst branch needs; where they cannot, all racks of the loop get the same
    share of their demand. What clogged filters take beyond clean ones is missing at the CDUs' outlets.
    """
    racks, cooling = facility.racks, facility.cooling
    demand = curve(facility, "liquid_flow", temperature) * liquid / racks.liquid_heat
    total = by_block(facility, demand)
    density = of_fluid(facility, "density", temperature)
    viscosity = of_fluid(facility, "viscosity", temperature)
    needed = racks.branch_pressure * (demand / racks.reference_flow) ** BRANCH_EXPONENT
    block = facility.racks.block
    hose = _drop(cooling.pipe, "branch", demand, density[:, block], viscosity[:, block], block)
    starts = np.searchsorted(block, np.arange(len(facility.blocks)))
    branch = np.maximum.reduceat(needed + hose, starts, axis=-1)
    row_starts = np.searchsorted(racks.row, np.arange(len(facility.rows)))
    row_flow = np.add.reduceat(demand, row_starts, axis=-1)
    of_block = facility.row_block
    header = cooling.row_pipe["taper"] * pipe.pressure_drop(
        row_flow, cooling.row_pipe["diameter"], cooling.row_pipe["length"], cooling.row_pipe["roughness"],
        0.0, density[:, of_block], viscosity[:, of_block],
    )  # fmt: skip
    header_starts = np.searchsorted(of_block, np.arange(len(facility.blocks)))
    mains = _drop(cooling.pipe, "main", total, density, viscosity, np.arange(len(facility.blocks)))
    mains = mains + np.maximum.reduceat(header, header_starts, axis=-1)
    units = supply.units["cdu"]
    clogged = operation.clogging * cooling.cdu_filter / np.square(cooling.cdu_volume_flow)
    constant, linear, square = cooling.pump_curve.T
    reserve = TWICE * loop.delivered_share(
        TWICE * total,
        branch * TWICE**BRANCH_EXPONENT,
        mains * TWICE**PIPE_EXPONENT,
        units,
        (constant, linear, square - clogged),
        cooling.cdu_flow,
    )
    share = np.minimum(reserve, 1.0)
    delivered = demand * share[:, block]
    head = branch * share**BRANCH_EXPONENT + mains * share**PIPE_EXPONENT
    each = total * share / np.maximum(units, 1.0)
    inside = cooling.cdu_pressure * (each / cooling.cdu_volume_flow) ** BRANCH_EXPONENT + clogged * np.square(
        each
    )
    power = pump.electrical_power(total * share, head + inside, cooling.cdu_pump_efficiency)
    speed = pipe.velocity(total * share, cooling.pipe["main_diameter"])
    return Flow(
        demand, delivered, delivered * density[:, block], share, reserve, head, power, total * share, speed
    )


def _drop(
    pipes: Mapping[str, Array], name: str, volume: Array, density: Array, viscosity: Array, block: Index
) -> Array:
    """Pressure drop of the block's pipe `name` at each flow [Pa]."""
    diameter, length, roughness = (
        pipes[f"{name}_{part}"][block] for part in ("diameter", "length", "roughness")
    )
    return np.asarray(pipe.pressure_drop(volume, diameter, length, roughness, 0.0, density, viscosity))


def returned(facility: Facility, flow: Flow, liquid: Array, temperature: Array) -> Return:
    """Temperatures of the coolant on its way back, by the enthalpy it gains from `liquid` watts at each rack."""
    block = facility.racks.block
    mass, running = by_block(facility, flow.mass), flow.mass > 0
    inlet = of_fluid(facility, "enthalpy", temperature)
    taken = np.where(running, liquid, 0.0)
    outlet = inlet[:, block] + taken / np.where(running, flow.mass, 1.0)
    moving = mass > 0
    duty = np.where(moving, by_block(facility, taken) + flow.pump_power, 0.0)
    mixed = of_fluid(facility, "temperature", inlet + duty / np.where(moving, mass, 1.0))
    rack = np.empty_like(outlet)
    carried = np.zeros(len(outlet))
    for index, fluid in enumerate(facility.cooling.fluid):
        mine = block == index
        rack[:, mine] = fluid.temperature(outlet[:, mine])
        gained = flow.mass[:, mine] * (fluid.enthalpy(rack[:, mine]) - inlet[:, index : index + 1])
        carried = carried + np.ascontiguousarray(gained).sum(axis=-1)
    rise = mixed - temperature
    rate = duty / np.where(rise > 0, rise, 1.0)
    return Return(rack, mixed, duty, rate, carried)


def over(part: Array, whole: Array) -> Array:
    """part / whole, finite where nothing flows: a sink of less than 1 W/K is none."""
    return np.asarray(part / np.maximum(whole, 1.0))
