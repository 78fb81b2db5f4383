"""Facility water: from the CDUs through dry coolers and trim chillers and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import exchanger, pump, rejection
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
    """(scenario, block) state of each plant at the present supply temperature of its loop."""

    supply: Array
    back: Array
    flow: Array
    """[kg/s]"""
    loop_next: Array
    """Supply temperature of the technology loop to which the present heat drives it [K]."""
    loop_lowest: Array
    """Lowest one the plant could hold at this heat, fans and trim chillers at full power [K]."""
    mode: Index
    cooler_duty: Array
    fan_speed: Array
    fan_power: Array
    trim_duty: Array
    trim_power: Array
    pump_power: Array
    drive_loss: Array
    """Of the pumps' motors and drives, to their room [W]."""
    rejected: Array
    """Heat that leaves by coolers and trim chillers with their own power [W]: the coolers' from effectiveness, fan
    speed and temperatures, except where they run at minimum speed and a bypass takes the rest."""


def water(
    facility: Facility, operation: Operation, supply: Supply, flow: Flow, back: Return, temperature: Array
) -> Water:
    """What the plant does with the duty of the CDUs.

    Facility water flows at the technology loop's capacity rate, up to what its pumps carry. Dry-cooler fans run as
    fast as the set-point needs; when full speed does not hold it, trim chillers take what they can in a side stream;
    when they do not suffice, the supply temperature floats up.
    """
    cooling = facility.cooling
    specific = cooling.facility_heat_capacity
    most = supply.units["pump"] * cooling.pump_flow * cooling.facility_density * specific
    rate = np.minimum(back.rate, most)
    mass = rate / specific
    volume = mass / cooling.facility_density
    lift = cooling.pump_head * (volume / cooling.pump_design_flow) ** 2
    shaft = pump.hydraulic_power(volume, lift) / cooling.pump_efficiency
    pumping = shaft / cooling.pump_drive
    climb = over(back.duty, _exchange(facility, supply, flow, back, mass, rate))
    cold = back.mixed - climb

    duty = back.duty + shaft
    inlet = cold + over(duty, rate)
    outdoor = operation.dry_bulb[:, None]
    coolers = supply.units["dry_cooler"]
    cooler = (
        cooling.dry_cooler_conductance,
        cooling.dry_cooler_water,
        cooling.dry_cooler_air,
        cooling.dry_cooler_ratio,
    )
    full = rejection.dry_cooler_duty(rate, coolers, 1.0, *cooler)
    trim_most = np.minimum(supply.units["trim_chiller"] * cooling.trim_capacity, duty)
    # The loop's supply with the coolers at full speed, without and with the trim chillers.
    untrimmed = outdoor + over(duty, full) - over(duty, rate) + climb - (back.mixed - temperature)
    trimmed = untrimmed - over(trim_most, full)
    setpoint = operation.supply_temperature
    # Without coolers the trim chillers take all of it or the heat has nowhere to go.
    moving, dry = back.duty > 0, coolers == 0
    trimmed = np.where(dry, np.where(trim_most >= duty, setpoint, HOTTEST), trimmed)
    untrimmed = np.where(dry, HOTTEST, untrimmed)
    mode = np.where((untrimmed <= setpoint + COLD) | ~moving, 0, np.where(trimmed <= setpoint + COLD, 1, 2))
    # Above its set-point the loop has all the plant can give.
    lifted = (temperature > setpoint + COLD) | dry
    trim = np.where(lifted, trim_most, np.clip((untrimmed - setpoint) * full, 0.0, trim_most))
    trim_power = trim / rejection.chiller_cop(cooling.trim_leaving, outdoor, *cooling.trim_cop)
    cooled = duty - trim
    speed = rejection.dry_cooler_speed(
        cooled, inlet, outdoor, rate, coolers, *cooler[:3], cooling.dry_cooler_minimum, cooler[3]
    )
    speed = np.where(lifted, 1.0, speed)
    speed = np.where(moving, speed, 0.0)
    fans = coolers * cooling.dry_cooler_fan * speed**3
    by_air = rejection.dry_cooler_duty(rate, coolers, speed, *cooler) * (inlet - outdoor)
    return Water(
        supply=cold,
        back=cold + over(back.duty, rate),
        flow=mass,
        loop_next=np.where(moving, np.maximum(setpoint, trimmed), setpoint),
        loop_lowest=np.where(moving, np.clip(trimmed, 0.0, HOTTEST), setpoint),
        mode=mode,
        cooler_duty=cooled,
        fan_speed=speed,
        fan_power=fans,
        trim_duty=trim,
        trim_power=trim_power,
        pump_power=pumping,
        drive_loss=pumping - shaft,
        rejected=np.where((speed > cooling.dry_cooler_minimum) & ~dry, by_air, cooled)
        + fans
        + trim
        + trim_power,
    )


def _exchange(
    facility: Facility, supply: Supply, flow: Flow, back: Return, mass: Array, rate: Array
) -> Array:
    """Duty of the CDUs over the difference of their inlet temperatures, (scenario, block) [W/K]."""
    cooling = facility.cooling
    units = np.maximum(supply.units["cdu"], 1.0)
    conductance = units * exchanger.scaled_conductance(
        cooling.cdu_conductance,
        by_block(facility, flow.mass) / units / cooling.cdu_mass_flow,
        mass / units / cooling.cdu_mass_flow,
        cooling.cdu_hot_share,
    )
    return np.asarray(exchanger.counterflow(conductance, back.rate, rate) * np.minimum(back.rate, rate))
