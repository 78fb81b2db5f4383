"""Hall air: racks and support warm it, fan walls cool it on a chilled-water loop of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import air, exchanger, pump, rejection
from thermal import chiller as machine
from twin.facility import Facility
from twin.operation import Operation
from twin.plant.loop import by_block, curve, over
from twin.plant.outdoor import HOTTEST
from twin.plant.supply import Supply, support_power

Array = npt.NDArray[np.float64]

COIL_SHARE = 0.5
"""Share of the air film in a coil's rated resistance; assumed."""


@dataclass(frozen=True)
class Hall:
    """(scenario, block) state of each hall at the present temperature of the air at its rack fronts."""

    supply: Array
    """Of the fan walls [K]."""
    inlet_next: Array
    """Temperature at the rack fronts to which the present heat drives the hall [K]."""
    hot: Array
    flow: Array
    """[m3/s], like `demand` and `capacity`."""
    demand: Array
    capacity: Array
    duty: Array
    """Heat the fan walls take: racks, support, whips and their own fans [W]."""
    fan_power: Array
    chiller_power: Array
    """Compressors and chilled-water pumps [W]."""
    chiller_share: Array
    """Heat a chiller can take at these temperatures over its nominal capacity."""
    carried: Array
    """Heat the racks gave to the air, from its flow and temperatures [W]."""
    rejected: Array
    """Heat that leaves by the chillers with their own power [W]."""
    spread: Array
    """(scenario, rack) what each rack's inlet is over that of its block [K], nothing where that is well mixed."""


def hall(
    facility: Facility, operation: Operation, supply: Supply, warm: Array, wires: Array, inlet: Array
) -> Hall:
    """What the air system does with `warm` watts of each rack, the support load of the rows and the losses of whips,
    `wires`, (scenario, block) [W].

    Racks draw the catalogue flow at the present `inlet` temperature; the walls follow it, and blow the excess of the
    layout over it, up to their greatest flow.
    Their coils hold the set-point until the chilled water is not cold enough for the heat; then the supply floats up.
    Without walls or chillers the heat has nowhere to go. The cold side is well mixed, or what `Facility.recirculation`
    says of it; what comes back beyond that is mixed evenly.
    """
    cooling = facility.cooling
    support = np.zeros(
        (max(len(warm), len(supply.powered), len(operation.support_load)), len(facility.blocks))
    )
    np.add.at(support, (slice(None), facility.row_block), support_power(facility, operation, supply))
    density = air.density(inlet, facility.pressure)
    drawn = by_block(facility, drawn_by_racks(facility, warm, inlet)) * density
    asked = drawn + support / (air.HEAT_CAPACITY * cooling.support_rise)
    walls = supply.units["fan_wall"]
    # Fans that stand still take their share of the air; the coils behind them are still fed by the others.
    turning = walls * (1.0 - operation.failed_fans)
    capacity = turning * cooling.fan_wall_flow
    blown = np.minimum(asked * (1.0 + cooling.excess), capacity * density)
    ratio = blown / density / np.where(walls > 0, capacity, 1.0)
    rated = walls * cooling.fan_wall_flow * cooling.rating_air_density
    mass_ratio = blown / np.where(walls > 0, rated, 1.0)
    fans = turning * pump.fan_power(cooling.fan_wall_fan, ratio, cooling.fan_wall_minimum) * (asked > 0)
    warmed = by_block(facility, warm) + support + wires

    duty = warmed + fans
    rate, water = blown * air.HEAT_CAPACITY, walls * cooling.coil_water
    coil = walls * exchanger.scaled_conductance(cooling.coil_conductance, mass_ratio, 1.0, COIL_SHARE)
    reach = exchanger.crossflow(coil, rate, water) * np.minimum(rate, water)
    lowest = cooling.chilled_water + over(duty, reach) - over(duty, rate)
    chillers = supply.units["chiller"]
    cooled = ((walls > 0) & (chillers > 0)) | (duty <= 0.0)
    cold = np.where(cooled, np.clip(lowest, operation.air_temperature, HOTTEST), HOTTEST)
    following, hot, back = air.aisle(cold, blown, asked, warmed, cooling.leakage)
    spread = np.zeros((1, 1))
    if any(facility.recirculation):
        through, rise = passing(facility, operation, supply, warm, wires, inlet)
        raised, spread = _raised(facility, blown, asked, warmed, through, rise)
        known = np.array([one is not None for one in facility.recirculation])
        mixed, following = following, np.where(known, cold + raised, following)
        hot = hot - mixed + following

    outdoor = operation.dry_bulb[:, None]
    free = rejection.free_cooling_share(
        cooling.chiller_free, cooling.chilled_water + cooling.chiller_rise, cooling.chilled_water, outdoor
    )
    cop = rejection.chiller_cop(cooling.chilled_water, outdoor, *cooling.chiller_cop)
    pumped = duty / (cooling.chiller_rise * cooling.facility_heat_capacity)
    compressors, able = duty * (1.0 - free) / cop, np.ones((1, 1))
    if cooling.curved.any():
        at = cooling.chilled_water, outdoor
        each = duty * (1.0 - free) / np.maximum(chillers, 1.0)
        by_curve = chillers * machine.electrical_power(cooling.chiller_curve, each, *at)
        compressors = np.where(cooling.curved, by_curve, compressors)
        most = machine.capacity(cooling.chiller_curve, *at) / cooling.chiller_curve.rated_capacity
        able = np.where(cooling.curved, most, 1.0)
    cooling_power = compressors + duty * free / cooling.chiller_free_cop
    chiller = (cooling_power + pumped * cooling.chiller_pump) * (chillers > 0)
    by_air = rate * (back - cold)
    return Hall(
        supply=cold,
        inlet_next=np.minimum(following, HOTTEST),
        hot=hot,
        flow=blown / density,
        demand=asked / density,
        capacity=capacity,
        duty=duty,
        fan_power=fans,
        chiller_power=chiller,
        chiller_share=np.broadcast_to(able, duty.shape),
        carried=by_air - support - wires,
        rejected=by_air + fans + chiller,
        spread=spread,
    )


def drawn_by_racks(facility: Facility, warm: Array, inlet: Array) -> Array:
    """What the fans of each rack draw, (scenario, rack) [m3/s]; a rack that gives no heat to the air stands."""
    return np.asarray(np.where(warm > 0, curve(facility, "air_flow", inlet), 0.0))


def passing(
    facility: Facility, operation: Operation, supply: Supply, warm: Array, wires: Array, inlet: Array
) -> tuple[Array, Array]:
    """Air through the faces of each rack [m3/s] and how much warmer it leaves them [K], (scenario, rack).

    Support equipment has no place of its own: its air and heat are shared by the racks of its row, the losses of the
    whips by the air of all.
    """
    racks, rise = facility.racks, facility.cooling.support_rise[facility.racks.block]
    alike = np.bincount(racks.row, minlength=len(facility.rows))
    support = (support_power(facility, operation, supply) / np.maximum(alike, 1))[:, racks.row]
    carrying = air.density(inlet, facility.pressure)[:, racks.block] * air.HEAT_CAPACITY
    flow = drawn_by_racks(facility, warm, inlet) + support / (carrying * rise)
    rate = carrying * flow
    moved = rate > 0.0
    whole = by_block(facility, rate)
    shared = (wires / np.where(whole > 0.0, whole, 1.0))[:, racks.block]
    return flow, np.where(moved, (warm + support) / np.where(moved, rate, 1.0) + shared, 0.0)


def _raised(
    facility: Facility, blown: Array, asked: Array, warmed: Array, flow: Array, rise: Array
) -> tuple[Array, Array]:
    """How much warmer than the supply the rack fronts of each block are, and each rack's beyond that [K]."""
    block, count = facility.racks.block, max(len(rise), len(blown))
    raised, spread = np.zeros((count, len(facility.blocks))), np.zeros((count, len(block)))
    back = np.maximum(facility.cooling.leakage * asked, asked - blown) / np.maximum(blown, air.STILL)
    mean_rise = warmed / (air.HEAT_CAPACITY * np.maximum(asked, air.STILL))
    for index, known in enumerate(facility.recirculation):
        if known is None:
            continue
        mine = np.flatnonzero(block == index)
        each, weight = known.risen(rise[:, mine]), np.ascontiguousarray(flow[:, mine])
        whole = weight.sum(axis=-1)
        mean = (weight * each).sum(axis=-1) / np.where(whole > 0.0, whole, 1.0)
        beyond = np.maximum(back[:, index] - known.returned, 0.0) * mean_rise[:, index]
        raised[:, index], spread[:, mine] = mean + beyond, each - mean[:, None]
    return raised, spread
