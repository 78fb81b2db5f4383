"""Technology loop, facility water, plant and hall air at given heat and supply temperatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import converter
from thermal import air, exchanger, loop, pipe, pump, rejection
from twin.compute.law import Law
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

BRANCH_EXPONENT = 1.8
PIPE_EXPONENT = 1.75
"""Pressure over flow of a rack branch and of turbulent pipe, as in `thermal.loop.delivered_share`."""
TWICE = 2.0
"""Multiple of the flow asked for at which the pumps' reserve is looked for: more than that is plenty."""
HOTTEST = 368.15
"""Supply temperature in K beyond which a loop has no heat sink."""
COLD = 1e-6
"""Kelvin above the set-point from which the supply counts as lifted: ten times the solver's residual."""


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
class Heat:
    """Temperatures and heat flows; `*_next` is where the present heat drives the two supply temperatures."""

    liquid: Array
    air: Array
    return_temperature: Array
    loop_return: Array
    loop_next: Array
    loop_lowest: Array
    """(scenario, block) lowest supply the plant could hold at this heat, fans and trim chillers at full power."""
    facility_supply: Array
    facility_return: Array
    facility_flow: Array
    approach: Array
    cdu_duty: Array
    dry_cooler_duty: Array
    fan_speed: Array
    trim_duty: Array
    mode: Index
    air_next: Array
    air_inlet: Array
    hot_aisle: Array
    air_return: Array
    air_flow: Array
    air_demand: Array
    air_capacity: Array
    fan_wall_duty: Array
    auxiliary: Mapping[str, Array]
    """(scenario, block) electrical power of each kind of cooling equipment [W]."""
    loop_heat: Array
    """(scenario,) heat the racks gave to the coolant, from flow and temperatures of the solved loops [W]."""
    hall_heat: Array
    """(scenario,) heat the racks gave to the hall, from the fan walls' air [W]."""
    outdoors: Array
    """(scenario,) heat rejected outdoors, from flows and temperatures [W]."""
    rooms: Array
    """(scenario,) motor and drive losses that stay in the plant rooms [W]."""


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


def flow(facility: Facility, supply: Supply, liquid: Array, temperature: Array) -> Flow:
    """Coolant each rack asks for at its valve, and what pumps and pipes deliver.

    The valve's set-point is the catalogue curve at the present inlet temperature, scaled with the heat.
    Pumps hold the head that the worst branch needs; where they cannot, all racks of the loop get the same
    share of their demand.
    """
    racks, cooling = facility.racks, facility.cooling
    demand = curve(facility, "liquid_flow", temperature) * liquid / racks.liquid_heat
    total = by_block(facility, demand)
    density = np.stack([f.density(t) for f, t in zip(cooling.fluid, temperature.T, strict=True)], axis=-1)
    viscosity = np.stack([f.viscosity(t) for f, t in zip(cooling.fluid, temperature.T, strict=True)], axis=-1)
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
        cooling.row_pipe["loss"], density[:, of_block], viscosity[:, of_block],
    )  # fmt: skip
    header_starts = np.searchsorted(of_block, np.arange(len(facility.blocks)))
    mains = _drop(cooling.pipe, "main", total, density, viscosity, np.arange(len(facility.blocks)))
    mains = mains + np.maximum.reduceat(header, header_starts, axis=-1)
    units = supply.units["cdu"]
    reserve = TWICE * loop.delivered_share(
        TWICE * total,
        branch * TWICE**BRANCH_EXPONENT,
        mains * TWICE**PIPE_EXPONENT,
        units,
        cooling.pump_curve,
        cooling.cdu_flow,
    )
    share = np.minimum(reserve, 1.0)
    delivered = demand * share[:, block]
    head = branch * share**BRANCH_EXPONENT + mains * share**PIPE_EXPONENT
    each = total * share / np.maximum(units, 1.0)
    inside = cooling.cdu_pressure * (each / cooling.cdu_volume_flow) ** BRANCH_EXPONENT
    power = pump.electrical_power(total * share, head + inside, cooling.cdu_pump_efficiency)
    speed = pipe.velocity(total * share, cooling.pipe["main_diameter"])
    return Flow(
        demand, delivered, delivered * density[:, block], share, reserve, head, power, total * share, speed
    )


def _drop(
    pipes: Mapping[str, Array], name: str, volume: Array, density: Array, viscosity: Array, block: Index
) -> Array:
    """Pressure drop of the block's pipe `name` at each flow [Pa]."""
    diameter, length, roughness, loss = (
        pipes[f"{name}_{part}"][block] for part in ("diameter", "length", "roughness", "loss")
    )
    return np.asarray(pipe.pressure_drop(volume, diameter, length, roughness, loss, density, viscosity))


def heat(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    flow: Flow,
    liquid: Array,
    warm: Array,
    temperature: Array,
    air_temperature: Array,
) -> Heat:
    """Where the heat of the racks goes at the present supply temperatures: loop, CDU, plant, air.

    liquid, warm : heat of each rack to coolant and air [W]; temperature, air_temperature : present supply
    temperatures of each block [K].
    """
    racks, cooling, block = facility.racks, facility.cooling, facility.racks.block
    fluids = cooling.fluid
    mass = by_block(facility, flow.mass)
    running = flow.mass > 0
    inlet = np.stack([f.enthalpy(t) for f, t in zip(fluids, temperature.T, strict=True)], axis=-1)
    outlet = inlet[:, block] + np.where(running, liquid, 0.0) / np.where(running, flow.mass, 1.0)
    loop_heat = by_block(facility, np.where(running, liquid, 0.0)) + flow.pump_power
    moving = mass > 0
    hot = inlet + np.where(moving, loop_heat, 0.0) / np.where(moving, mass, 1.0)
    returning = np.empty_like(outlet)
    loop_return = np.empty_like(hot)
    for index, kind in enumerate(fluids):
        mine = block == index
        returning[:, mine] = kind.temperature(outlet[:, mine])
        loop_return[:, index] = kind.temperature(hot[:, index])
    rise = loop_return - temperature
    hot_rate = np.where(moving, loop_heat, 0.0) / np.where(rise > 0, rise, 1.0)

    # Facility water: its flow follows the technology loop's capacity rate, up to what the pumps carry.
    specific = cooling.facility_heat_capacity
    most = supply.units["pump"] * cooling.pump_flow * cooling.facility_density * specific
    cold_rate = np.minimum(hot_rate, most)
    water = cold_rate / specific
    volume = water / cooling.facility_density
    lift = cooling.pump_head * (volume / cooling.pump_design_flow) ** 2
    shaft = pump.hydraulic_power(volume, lift) / cooling.pump_efficiency
    pumping = shaft / cooling.pump_drive
    units = np.maximum(supply.units["cdu"], 1.0)
    conductance = units * exchanger.scaled_conductance(
        cooling.cdu_conductance,
        mass / units / cooling.cdu_mass_flow,
        water / units / cooling.cdu_mass_flow,
        cooling.cdu_hot_share,
    )
    effect = exchanger.counterflow(conductance, hot_rate, cold_rate) * np.minimum(hot_rate, cold_rate)
    climb = _over(loop_heat, effect)
    facility_supply = loop_return - climb

    # The plant at full fan speed, first without and then with the trim chiller.
    rejected = loop_heat + shaft
    coolers = supply.units["dry_cooler"]
    cooler = (
        cooling.dry_cooler_conductance,
        cooling.dry_cooler_water,
        cooling.dry_cooler_air,
        cooling.dry_cooler_ratio,
    )
    full = rejection.dry_cooler_duty(cold_rate, coolers, 1.0, *cooler)
    trim_most = np.minimum(supply.units["trim_chiller"] * cooling.trim_capacity, rejected)
    outdoor = operation.dry_bulb[:, None]
    lowest = outdoor + _over(rejected, full) - _over(rejected, cold_rate) + climb - rise
    trimmed = lowest - _over(trim_most, full)
    setpoint = operation.supply_temperature
    loop_next = np.where(moving, np.maximum(setpoint, trimmed), setpoint)
    mode = np.where(lowest <= setpoint + COLD, 0, np.where(trimmed <= setpoint + COLD, 1, 2))
    trim = np.clip((lowest - np.maximum(temperature, setpoint)) * full, 0.0, trim_most)
    trim = np.where(mode == 0, 0.0, trim)
    cooler_inlet = facility_supply + _over(rejected, cold_rate)
    cooled = rejected - trim
    speed = rejection.dry_cooler_speed(
        cooled, cooler_inlet, outdoor, cold_rate, coolers, *cooler[:3], cooling.dry_cooler_minimum, cooler[3]
    )
    fans = coolers * cooling.dry_cooler_fan * speed**3
    trim_power = trim / rejection.chiller_cop(cooling.trim_leaving, outdoor, *cooling.trim_cop)

    # Air: racks and support warm it, fan walls cool it on their own chilled water.
    support = np.zeros_like(loop_heat)
    support_load = np.broadcast_to(operation.support_load, (len(operation.support_load), len(facility.rows)))
    powered = supply.powered[:, len(racks.name) : len(racks.name) + len(facility.rows)]
    np.add.at(support, (slice(None), facility.row_block), support_load * powered)
    drawn = curve(facility, "air_flow", air_temperature)
    drawn = np.where(warm > 0, drawn, 0.0)
    density = air.density(air_temperature, facility.pressure)
    rack_air = by_block(facility, drawn) * density
    support_air = support / (air.HEAT_CAPACITY * cooling.support_rise)
    asked = rack_air + support_air
    walls = supply.units["fan_wall"]
    blown = np.minimum(asked, walls * cooling.fan_wall_flow * density)
    ratio = blown / density / np.where(walls > 0, walls * cooling.fan_wall_flow, 1.0)
    fan = walls * pump.fan_power(cooling.fan_wall_fan, ratio, cooling.fan_wall_minimum) * (asked > 0)
    warmed = by_block(facility, warm) + support
    entering, hot_side, _ = air.aisle(air_temperature, blown, asked, warmed, cooling.leakage)
    air_rate = blown * air.HEAT_CAPACITY
    coil_heat = warmed + fan
    coil = walls * exchanger.scaled_conductance(cooling.coil_conductance, ratio, 1.0, 0.5)
    coil_water = walls * cooling.coil_water
    reach = exchanger.crossflow(coil, air_rate, coil_water) * np.minimum(air_rate, coil_water)
    air_lowest = cooling.chilled_water + _over(coil_heat, reach) - _over(coil_heat, air_rate)
    air_next = np.where(
        (walls > 0) | (coil_heat <= 0.0), np.maximum(operation.air_temperature, air_lowest), np.inf
    )
    air_return = air_temperature + _over(coil_heat, air_rate)
    chilled = coil_heat / (cooling.chiller_rise * specific)
    free = rejection.free_cooling_share(
        cooling.chiller_free, cooling.chilled_water + cooling.chiller_rise, cooling.chilled_water, outdoor
    )
    compressor = (
        coil_heat * (1.0 - free) / rejection.chiller_cop(cooling.chilled_water, outdoor, *cooling.chiller_cop)
    )
    chiller = compressor + chilled * cooling.chiller_pump

    # Heat that leaves, from the solved flows and temperatures.
    by_fan = rejection.dry_cooler_duty(cold_rate, coolers, speed, *cooler) * (cooler_inlet - outdoor)
    by_water = np.where(speed > cooling.dry_cooler_minimum, by_fan, cooled) + trim
    by_air = air_rate * (air_return - air_temperature)
    lifted = air_temperature > operation.air_temperature + COLD
    by_coil = np.where(lifted, reach * (air_return - cooling.chilled_water), by_air)
    by_loop = np.zeros(len(returning))
    for index, kind in enumerate(fluids):
        mine = block == index
        rise_of = kind.enthalpy(returning[:, mine]) - inlet[:, index : index + 1]
        by_loop = by_loop + np.ascontiguousarray(flow.mass[:, mine] * rise_of).sum(axis=-1)
    outdoors = (by_water + fans + trim_power + by_coil + chiller).sum(axis=-1)
    return Heat(
        liquid=liquid,
        air=warm,
        return_temperature=returning,
        loop_return=loop_return,
        loop_next=loop_next,
        loop_lowest=np.where(moving, np.clip(trimmed, 0.0, HOTTEST), setpoint),
        facility_supply=facility_supply,
        facility_return=facility_supply + _over(loop_heat, cold_rate),
        facility_flow=water,
        approach=temperature - facility_supply,
        cdu_duty=loop_heat,
        dry_cooler_duty=cooled,
        fan_speed=speed,
        trim_duty=trim,
        mode=mode,
        air_next=air_next,
        air_inlet=entering,
        hot_aisle=hot_side,
        air_return=air_return,
        air_flow=blown / density,
        air_demand=asked / density,
        air_capacity=walls * cooling.fan_wall_flow,
        fan_wall_duty=coil_heat,
        auxiliary={
            "cdu": flow.pump_power,
            "dry_cooler": fans,
            "trim_chiller": trim_power,
            "pump": pumping,
            "fan_wall": fan,
            "chiller": chiller,
        },
        loop_heat=by_loop,
        hall_heat=(by_air - fan - support).sum(axis=-1),
        outdoors=outdoors,
        rooms=(pumping - shaft).sum(axis=-1),
    )


def _over(part: Array, whole: Array) -> Array:
    """part / whole, finite where nothing flows: a sink of less than 1 W/K is none."""
    return np.asarray(part / np.maximum(whole, 1.0))
