"""Facility water: from the CDUs through dry coolers and trim chillers and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import air, exchanger, psychrometrics, pump, rejection, tower
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.loop import Flow, Return, by_block, over
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

HOTTEST = 368.15
"""Supply temperature in K beyond which a loop has no heat sink."""
COLD = 1e-6
"""Kelvin above the set-point from which the supply counts as lifted: ten times the solver's residual."""


@dataclass(frozen=True)
class Water:
    """(scenario, plant) state of each plant at the present supply temperatures of its loops, unless said else."""

    supply: Array
    back: Array
    """Mixed return of the CDUs [K]."""
    flow: Array
    """[kg/s]"""
    loop_next: Array
    """(scenario, block) supply temperature of the technology loop to which the present heat drives it [K]."""
    loop_lowest: Array
    """(scenario, block) lowest one the plant could hold at this heat, fans and trim chillers at full power [K]."""
    mode: Index
    cooler_duty: Array
    fan_speed: Array
    fan_power: Array
    trim_duty: Array
    trim_power: Array
    pump_power: Array
    drive_loss: Array
    """Of the pumps' motors and drives, to their room [W]."""
    evaporated: Array
    """Water of the pads [kg/s]."""
    rejected: Array
    """Heat that leaves by coolers and trim chillers with their own power [W]: the coolers' from effectiveness, fan
    speed and temperatures, except where they run at minimum speed and a bypass takes the rest."""


@dataclass(frozen=True)
class Circulation:
    """Facility water that the pumps move at the present rate of the loops."""

    rate: Array
    """(scenario, block) capacity rate through the CDUs of each block [W/K]."""
    pumped: Array
    """(scenario, plant) that of the plant [W/K]; zero where no pump runs."""
    shaft: Array
    """(scenario, plant) power of the pumps' shafts, which the water takes up, and `power` of their supply [W]."""
    power: Array


def circulation(facility: Facility, supply: Supply, back: Return) -> Circulation:
    """Facility water at each technology loop's capacity rate, up to what the pumps carry."""
    cooling = facility.cooling
    specific = cooling.plant_heat_capacity
    most = supply.units["pump"] * cooling.pump_flow * cooling.plant_density * specific
    asked = by_plant(facility, back.rate)
    pumped = np.minimum(asked, most)
    # What pumps cannot carry all loops of a plant lack in proportion.
    rate = back.rate * np.where(asked > most, most / np.where(asked > 0, asked, 1.0), 1.0)[:, cooling.plant]
    volume = pumped / specific / cooling.plant_density
    lift = cooling.pump_head * (volume / cooling.pump_design_flow) ** 2
    shaft = pump.hydraulic_power(volume, lift) / cooling.pump_efficiency
    return Circulation(rate, pumped, shaft, shaft / cooling.pump_drive)


def outdoors(facility: Facility, operation: Operation) -> tuple[Array, Array]:
    """Air into the dry coolers, (scenario, plant) [K], and the water that wetted pads give a kilogram of it.

    Outdoor air with what recirculates; pads, where there are any and it is warm enough, bring it nearer to its wet
    bulb. A wet bulb above the dry bulb is the dry bulb.
    """
    cooling = facility.cooling
    warm = operation.dry_bulb[:, None] + operation.recirculation
    if not (cooling.pad > 0.0).any():
        return warm, np.zeros((1, 1))
    pressure = facility.pressure[:1]
    dry = operation.dry_bulb[:, None]
    humidity = psychrometrics.humidity_of_wet_bulb(
        dry, np.minimum(operation.wet_bulb[:, None], dry), pressure
    )
    wetted = np.where(warm > cooling.pad_above, cooling.pad, 0.0)
    return tower.precooled(warm, humidity, wetted, 1.0, pressure)


def coolers(facility: Facility) -> tuple[Array, Array, Array, Array]:
    """(plant,) conductance, water and air rate and film ratio of one dry cooler, as `thermal.rejection` takes them."""
    cooling = facility.cooling
    return (
        cooling.dry_cooler_conductance,
        cooling.dry_cooler_water,
        cooling.dry_cooler_air,
        cooling.dry_cooler_ratio,
    )


def by_plant(facility: Facility, values: Array) -> Array:
    """Sum over the blocks of each plant, (scenario, block) -> (scenario, plant)."""
    if len(facility.plants) == len(facility.blocks):
        return values
    # In memory order, so that a row sums alike alone and in a batch.
    return np.ascontiguousarray(values).sum(axis=-1, keepdims=True)


def _least(facility: Facility, values: Array) -> Array:
    """Least value among the blocks of each plant."""
    return values if len(facility.plants) == len(facility.blocks) else values.min(axis=-1, keepdims=True)


def water(
    facility: Facility, operation: Operation, supply: Supply, flow: Flow, back: Return, temperature: Array
) -> Water:
    """What the plants do with the duty of the CDUs.

    Facility water flows at each technology loop's capacity rate, up to what the pumps carry. It is as cold as the
    loop that needs it coldest asks for; the others mix. Dry-cooler fans run as fast as that needs; when full speed
    does not hold it, trim chillers take what they can in a side stream; when they do not suffice, the supply
    temperature floats up.
    """
    cooling = facility.cooling
    moved = circulation(facility, supply, back)
    pumped, shaft = moved.pumped, moved.shaft
    climb = over(back.duty, exchange(facility, operation, supply, flow, back, moved.rate))
    running = back.duty > 0
    # Loop supply above the facility water that its CDUs need for it.
    above = climb - (back.mixed - temperature)
    cold = _least(facility, np.where(running, back.mixed - climb, np.inf))
    moving = by_plant(facility, back.duty) > 0
    cold = np.where(moving, cold, _least(facility, temperature))

    duty = by_plant(facility, back.duty) + shaft
    inlet = cold + over(duty, pumped)
    warm = operation.dry_bulb[:, None] + operation.recirculation
    outdoor, gained = outdoors(facility, operation)
    units, cooler = supply.units["dry_cooler"], coolers(facility)
    full = rejection.dry_cooler_duty(pumped, units, 1.0, *cooler)
    trim_most = np.minimum(supply.units["trim_chiller"] * cooling.trim_capacity, duty)
    # The facility water with the coolers at full speed, without and with the trim chillers, and as it is asked for.
    untrimmed = outdoor + over(duty, full) - over(duty, pumped)
    trimmed = untrimmed - over(trim_most, full)
    setpoint = np.broadcast_to(operation.supply_temperature, temperature.shape)
    needed = _least(facility, np.where(running, setpoint - above, np.inf))
    needed = np.where(moving, needed, HOTTEST)
    # Without coolers the trim chillers take all of it or the heat has nowhere to go.
    dry = units == 0
    trimmed = np.where(dry, np.where(trim_most >= duty, needed, HOTTEST), trimmed)
    untrimmed = np.where(dry, HOTTEST, untrimmed)
    mode = np.where((untrimmed <= needed + COLD) | ~moving, 0, np.where(trimmed <= needed + COLD, 1, 2))
    # Above its set-point a loop has all the plant can give.
    lifted = (by_plant(facility, (temperature > setpoint + COLD) & running) > 0) | dry
    trim = np.where(lifted, trim_most, np.clip((untrimmed - needed) * full, 0.0, trim_most))
    trim_power = trim / rejection.chiller_cop(cooling.trim_leaving, warm, *cooling.trim_cop)
    cooled = duty - trim
    speed = rejection.dry_cooler_speed(
        cooled, inlet, outdoor, pumped, units, *cooler[:3], cooling.dry_cooler_minimum, cooler[3]
    )
    speed = np.where(lifted, 1.0, speed)
    speed = np.where(moving, speed, 0.0)
    fans = units * cooling.dry_cooler_fan * speed**3
    by_air = rejection.dry_cooler_duty(pumped, units, speed, *cooler) * (inlet - outdoor)
    reached = np.where(running, trimmed[:, cooling.plant] + above, setpoint)
    return Water(
        supply=cold,
        back=cold + over(by_plant(facility, back.duty), pumped),
        flow=pumped / cooling.plant_heat_capacity,
        loop_next=np.maximum(setpoint, reached),
        loop_lowest=np.where(running, np.clip(reached, 0.0, HOTTEST), setpoint),
        mode=mode,
        cooler_duty=cooled,
        fan_speed=speed,
        fan_power=fans,
        trim_duty=trim,
        trim_power=trim_power,
        pump_power=moved.power,
        drive_loss=moved.power - shaft,
        evaporated=gained * units * speed * cooling.dry_cooler_air / air.HEAT_CAPACITY,
        rejected=np.where((speed > cooling.dry_cooler_minimum) & ~dry, by_air, cooled)
        + fans
        + trim
        + trim_power,
    )


def exchange(
    facility: Facility, operation: Operation, supply: Supply, flow: Flow, back: Return, rate: Array
) -> Array:
    """Duty of the CDUs over the difference of their inlet temperatures, (scenario, block) [W/K].

    Dirt adds its resistance to that of the clean exchangers.
    """
    cooling = facility.cooling
    units = np.maximum(supply.units["cdu"], 1.0)
    clean = units * exchanger.scaled_conductance(
        cooling.cdu_conductance,
        by_block(facility, flow.mass) / units / cooling.cdu_mass_flow,
        rate / cooling.plant_heat_capacity[cooling.plant] / units / cooling.cdu_mass_flow,
        cooling.cdu_hot_share,
    )
    conductance = clean / (1.0 + operation.fouling * clean / (units * cooling.cdu_conductance))
    return np.asarray(exchanger.counterflow(conductance, back.rate, rate) * np.minimum(back.rate, rate))
