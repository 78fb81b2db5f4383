"""Facility water: from the CDUs through dry coolers and trim chillers and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import exchanger, pump, rejection
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.loop import Flow, Return, by_block, over
from twin.plant.outdoor import HOTTEST, outdoor, rejection_at, returning, taken
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

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
    outdoor_power: Array
    """Pumps of the outdoor loop, whose water is so much [kg/s] and so warm as it comes from the coolers [K]."""
    outdoor_flow: Array
    outdoor_supply: Array
    drive_loss: Array
    """Of the pumps' motors and drives, to their room [W]."""
    evaporated: Array
    """Water of pads and towers, and `circulated` that of the towers [kg/s]."""
    circulated: Array
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
    at = outdoor(facility, operation, supply, pumped)
    trim_most = np.minimum(supply.units["trim_chiller"] * cooling.trim_capacity, duty)
    # The facility water with the coolers at full speed, without and with the trim chillers, and as it is asked for.
    untrimmed = returning(facility, at, duty) - over(duty, pumped)
    trimmed = returning(facility, at, duty - trim_most) - over(duty, pumped)
    setpoint = np.broadcast_to(operation.supply_temperature, temperature.shape)
    needed = _least(facility, np.where(running, setpoint - above, np.inf))
    # Colder than its least the plant sends none.
    needed = np.where(moving, np.maximum(needed, cooling.minimum_supply), HOTTEST)
    trimmed = np.maximum(trimmed, cooling.minimum_supply)
    untrimmed = np.maximum(untrimmed, cooling.minimum_supply)
    # Without coolers the trim chillers take all of it or the heat has nowhere to go.
    dry = at.units == 0
    trimmed = np.where(dry, np.where(trim_most >= duty, needed, HOTTEST), trimmed)
    untrimmed = np.where(dry, HOTTEST, untrimmed)
    mode = np.where((untrimmed <= needed + COLD) | ~moving, 0, np.where(trimmed <= needed + COLD, 1, 2))
    # Above its set-point a loop has all the plant can give, but where the plant's least holds it there.
    held = np.maximum(setpoint, cooling.minimum_supply[cooling.plant] + above)
    lifted = (by_plant(facility, (temperature > held + COLD) & running) > 0) | dry
    most_cooled = taken(facility, at, needed + over(duty, pumped))
    trim = np.where(lifted, trim_most, np.clip(duty - most_cooled, 0.0, trim_most))
    warm = operation.dry_bulb[:, None] + operation.recirculation
    trim_power = trim / rejection.chiller_cop(cooling.trim_leaving, warm, *cooling.trim_cop)
    cooled = duty - trim
    given = rejection_at(facility, at, cooled, inlet, lifted, moving)
    reached = np.where(running, trimmed[:, cooling.plant] + above, setpoint)
    minimum = np.where(cooling.outdoor.tower, cooling.outdoor.minimum, cooling.dry_cooler_minimum)
    return Water(
        supply=cold,
        back=cold + over(by_plant(facility, back.duty), pumped),
        flow=pumped / cooling.plant_heat_capacity,
        loop_next=np.maximum(setpoint, reached),
        loop_lowest=np.where(running, np.clip(reached, 0.0, HOTTEST), setpoint),
        mode=mode,
        cooler_duty=cooled,
        fan_speed=given.speed,
        fan_power=given.fan_power,
        trim_duty=trim,
        trim_power=trim_power,
        pump_power=moved.power,
        outdoor_power=at.power,
        outdoor_flow=at.rate / cooling.outdoor.heat_capacity,
        outdoor_supply=inlet - cooled * at.resistance,
        drive_loss=moved.power - shaft + at.power - at.shaft,
        evaporated=given.evaporated,
        circulated=given.circulated,
        rejected=np.where((given.speed > minimum) & ~dry, given.given, cooled + at.shaft)
        + given.fan_power
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
