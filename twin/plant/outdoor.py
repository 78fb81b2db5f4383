"""Where the facility water's heat goes outdoors: dry coolers or towers, with or without a loop of their own.

With that loop plate exchangers stand between: the facility water gives its heat to outdoor water that pumps move at the
same capacity rate, as far as they can, and that water to the air. Without it facility water itself is in the coolers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import air, exchanger, psychrometrics, pump, rejection, tower
from twin.facility import COOLER_KINDS, Facility
from twin.operation import Operation
from twin.plant.loop import over
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]

HOTTEST = 368.15
"""Supply temperature in K beyond which a loop has no heat sink."""
ENDLESS = 1e15
"""Resistance of what lets no heat through [K/W]."""


@dataclass(frozen=True)
class Outdoor:
    """(scenario, plant) the coolers and their water at the present flow of the facility water."""

    units: Array
    """Coolers that run and have water."""
    air: Array
    """Into the coolers [K], and into towers its wet bulb; `gained` is the water that pads give to a kilogram of it."""
    bulb: Array
    humidity: Array
    gained: Array
    rate: Array
    """Capacity rate of the water in the coolers [W/K]."""
    resistance: Array
    """Facility water into the exchangers less outdoor water into them, over the heat [K/W]."""
    shaft: Array
    """Power of the outdoor pumps that the water takes up, and `power` of their supply [W]."""
    power: Array
    full: Array
    """Heat over the facility water's return above `air` with dry coolers at full speed [W/K]: both exchangers in one,
    at no pump heat."""
    warmed: Array
    """What the outdoor pumps' heat lifts that return [K]."""
    pressure: Array


def coolers(facility: Facility) -> tuple[Array, Array, Array, Array]:
    """(plant,) conductance, water and air rate and film ratio of one dry cooler, as `thermal.rejection` takes them."""
    cooling = facility.cooling
    return (
        cooling.dry_cooler_conductance,
        cooling.dry_cooler_water,
        cooling.dry_cooler_air,
        cooling.dry_cooler_ratio,
    )


def running(facility: Facility, supply: Supply) -> Array:
    """Dry coolers or towers that are alive and whose water moves, (scenario, plant)."""
    units = sum(supply.units[kind] for kind in COOLER_KINDS)
    moved = ~facility.cooling.outdoor.parted | (supply.units["outdoor_pump"] > 0)
    return np.asarray(units * moved, dtype=np.float64)


def outdoor(facility: Facility, operation: Operation, supply: Supply, pumped: Array) -> Outdoor:
    """The coolers at some flow of the facility water, `pumped` (scenario, plant) [W/K]."""
    cooling, loop = facility.cooling, facility.cooling.outdoor
    units = running(facility, supply)
    pressure = facility.pressure[:1]
    warm = operation.dry_bulb[:, None] + operation.recirculation
    entering, bulb, humidity, gained = _weather(facility, operation, warm, pressure)
    rate, shaft, power = pumped, np.zeros_like(pumped), np.zeros_like(pumped)
    resistance = 1.0 / np.maximum(pumped, 1.0)
    if loop.parted.any():
        most = supply.units["outdoor_pump"] * loop.pump_flow * loop.density * loop.heat_capacity
        rate = np.where(loop.parted, np.minimum(pumped, most), pumped)
        volume = rate / loop.heat_capacity / loop.density
        lift = loop.pump_head * (volume / loop.pump_design_flow) ** 2
        shaft = np.where(loop.parted, pump.hydraulic_power(volume, lift) / loop.pump_efficiency, 0.0)
        power = shaft / loop.pump_drive
        plates = exchanger.scaled_conductance(
            loop.conductance,
            pumped / cooling.plant_heat_capacity / loop.mass_flow,
            rate / loop.heat_capacity / loop.mass_flow,
            loop.hot_share,
        )
        passed = exchanger.counterflow(plates, pumped, rate) * np.minimum(pumped, rate)
        across = np.where(passed > 1.0, 1.0 / np.maximum(passed, 1.0), ENDLESS)
        resistance = np.where(loop.parted, across, resistance)
    alone = rejection.dry_cooler_duty(rate, units, 1.0, *coolers(facility))
    # From the air to the hot water of the coolers, to the cold one, and through the exchangers.
    beyond = np.where(loop.parted, over(1.0, alone) - over(1.0, rate), 0.0)
    full = np.where(loop.parted, 1.0 / (beyond + resistance), alone)
    return Outdoor(
        units=units, air=entering, bulb=bulb, humidity=humidity, gained=gained, rate=rate,
        resistance=resistance, shaft=shaft, power=power, full=full, warmed=shaft * beyond, pressure=pressure,
    )  # fmt: skip


def _weather(
    facility: Facility, operation: Operation, warm: Array, pressure: Array
) -> tuple[Array, Array, Array, Array]:
    """Air into the coolers, its wet bulb, its humidity, and the water that wetted pads give a kilogram of it.

    Outdoor air with what recirculates, which is humid before towers: their wet bulb rises as the dry bulb does. Pads,
    where there are any and it is warm enough, bring the air nearer to its wet bulb. A wet bulb above the dry bulb is
    the dry bulb.
    """
    cooling, loop = facility.cooling, facility.cooling.outdoor
    none = np.zeros((1, 1))
    if not (loop.tower.any() or (cooling.pad > 0.0).any()):
        return warm, warm, none, none
    dry = operation.dry_bulb[:, None]
    wet = np.minimum(operation.wet_bulb[:, None], dry)
    bulb = wet + operation.recirculation
    outside = psychrometrics.humidity_of_wet_bulb(dry, wet, pressure)
    wetted = np.where(warm > cooling.pad_above, cooling.pad, 0.0)
    behind, gained = tower.precooled(warm, outside, wetted, 1.0, pressure)
    humid = psychrometrics.humidity_of_wet_bulb(warm, bulb, pressure) if loop.tower.any() else none
    return behind, bulb, humid, gained


def returning(facility: Facility, at: Outdoor, duty: Array) -> Array:
    """Facility water that comes back to coolers at full speed when they take `duty` watts of it [K]."""
    found = at.air + at.warmed + over(duty, at.full)
    loop = facility.cooling.outdoor
    if loop.tower.any():
        cold = _tower(facility, at, 0.0, np.inf, duty + at.shaft)
        found = np.where(loop.tower, cold + duty * at.resistance, found)
    return found


def taken(facility: Facility, at: Outdoor, inlet: Array) -> Array:
    """Heat that coolers at full speed take of facility water that comes back at `inlet` [K]; never negative [W]."""
    found = at.full * (inlet - at.air - at.warmed)
    loop = facility.cooling.outdoor
    if loop.tower.any():
        cold = _tower(facility, at, inlet, at.resistance, at.shaft)
        found = np.where(loop.tower, (inlet - cold) / at.resistance, found)
    return np.asarray(np.where(at.units > 0, np.maximum(found, 0.0), 0.0))


def _tower(
    facility: Facility, at: Outdoor, inlet: Array | float, resistance: Array | float, added: Array
) -> Array:
    """Water that leaves the towers at full speed [K], as `thermal.tower.balanced_temperature` has it."""
    water_ratio, number = _towers(facility, at, 1.0)
    ratio = facility.cooling.outdoor.water_to_air * water_ratio
    return np.asarray(
        tower.balanced_temperature(
            inlet, resistance, np.maximum(at.rate, 1.0), added, at.bulb, ratio, number, at.pressure
        )
    )


def _towers(facility: Facility, at: Outdoor, speed: Array | float) -> tuple[Array, Array]:
    """Water over rated water of each running tower, at least a hundredth, and their Merkel number at a fan speed."""
    loop = facility.cooling.outdoor
    each = at.rate / loop.heat_capacity / np.maximum(at.units, 1.0)
    water_ratio = np.maximum(each / loop.water, 0.01)
    return water_ratio, tower.scaled_merkel_number(loop.number, water_ratio, speed, loop.exponent)


@dataclass(frozen=True)
class Rejection:
    """(scenario, plant) what the coolers do at the speed of their fans."""

    speed: Array
    fan_power: Array
    given: Array
    """Heat to the air by their own law at that speed, without the fans' power [W]."""
    evaporated: Array
    """Water of pads and towers, and `circulated` that of the towers [kg/s]."""
    circulated: Array


def rejection_at(
    facility: Facility, at: Outdoor, duty: Array, inlet: Array, full: Array, moving: Array
) -> Rejection:
    """The coolers as they take `duty` watts of facility water that comes back at `inlet` [K]; their fans run as fast
    as that needs, at full speed where `full`, not at all where nothing is `moving`."""
    cooling, loop = facility.cooling, facility.cooling.outdoor
    heat = duty + at.shaft
    # Plates without flow let nothing through, whatever is asked of them.
    cold = np.where(at.units > 0, inlet - duty * at.resistance, inlet)
    hot = np.where(loop.parted & (at.units > 0), cold + over(heat, at.rate), inlet)
    rated = coolers(facility)
    speed = rejection.dry_cooler_speed(
        heat, hot, at.air, at.rate, at.units, *rated[:3], cooling.dry_cooler_minimum, rated[3]
    )
    if loop.tower.any():
        cold = np.clip(cold, at.bulb, hot)
        water_ratio, _ = _towers(facility, at, 1.0)
        wet = tower.air_ratio(
            hot,
            cold,
            at.bulb,
            water_ratio,
            loop.water_to_air,
            loop.number,
            at.pressure,
            loop.minimum,
            loop.exponent,
        )
        speed = np.where(loop.tower, wet, speed)
    speed = np.where(moving, np.where(full, 1.0, speed), 0.0)
    each = np.where(loop.tower, loop.fan, cooling.dry_cooler_fan)
    given = rejection.dry_cooler_duty(at.rate, at.units, speed, *rated) * (hot - at.air)
    evaporated = at.gained * at.units * speed * cooling.dry_cooler_air / air.HEAT_CAPACITY
    circulated = np.zeros_like(speed)
    if loop.tower.any():
        water_ratio, number = _towers(facility, at, speed)
        ratio = loop.water_to_air * water_ratio / np.maximum(speed, loop.minimum)
        leaving = tower.leaving_temperature(hot, at.bulb, ratio, number, at.pressure)
        given = np.where(loop.tower, at.rate * (hot - leaving), given)
        circulated = np.where(loop.tower & (speed > 0), at.rate / loop.heat_capacity, 0.0)
        blown = at.units * speed * loop.water / loop.water_to_air
        lost = tower.evaporation(circulated, blown, hot, cold, at.air, at.humidity, at.pressure)
        evaporated = np.where(loop.tower, lost, evaporated)
    return Rejection(speed, at.units * each * speed**3, given, evaporated, circulated)
