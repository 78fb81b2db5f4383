"""Chips on their cold plates: temperatures of GPUs, CPUs and switches, and what GPUs leak as warm as they are.

The throttle law acts on the mean GPU plate, to which the case limit is calibrated; the worst plate, CPUs and switches
have margins.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from thermal import coldplate
from twin.compute import law as laws
from twin.compute.law import Law
from twin.facility import Facility, Plates
from twin.operation import Operation
from twin.plant.loop import curve, direct, of_fluid

Array = npt.NDArray[np.float64]

SPAN = 0.25
"""Part of the flow to either side over which the slope of a plate's resistance is taken. The table is piecewise linear:
of its own slopes, which jump, an allocation that wants to stand at a point of the table would take one and the other in
turn."""
STEEPEST = 0.5
"""Most watts that a watt more may leak in the tangent of the law: GPUs that run away have no tangent, and the fixed
point tells it."""


def plate_flow(facility: Facility, flow: Array) -> Array:
    """Coolant through each GPU plate [m3/s] from the rack flow (..., rack)."""
    racks = facility.racks
    return np.asarray(racks.plate_share * racks.plate_series * flow / np.maximum(racks.gpus, 1.0))


def heat_content(facility: Facility, temperature: Array) -> Array:
    """Heat that a volume of coolant at the racks' inlet takes per kelvin, (scenario, rack) [J/m3/K]."""
    found = of_fluid(facility, "density", temperature) * of_fluid(facility, "heat_capacity", temperature)
    return np.asarray(found[:, facility.racks.block])


def gpu_content(facility: Facility, temperature: Array) -> Array:
    """`heat_content` where GPU plates stand in series, 1 where none do and nothing asks for it."""
    series = (facility.racks.plate_series > 1.0).any()
    return heat_content(facility, temperature) if series else np.ones((1, 1))


def plate_fouling(facility: Facility, operation: Operation) -> Array:
    """Resistance of the deposits on every plate, (scenario or 1, rack) [K/W]."""
    dirt = operation.plate_fouling
    return np.asarray(np.broadcast_to(dirt, (len(dirt), len(facility.blocks)))[:, facility.racks.block])


def gpu_resistance(facility: Facility, operation: Operation, temperature: Array, flow: Array) -> Array:
    """From the rack's inlet to its mean GPU case [K/W], at coolant (scenario, block) [K] and flow (scenario, rack)."""
    plate, content = plate_flow(facility, flow), gpu_content(facility, temperature)
    fouling = plate_fouling(facility, operation)
    return np.asarray(coldplate.mean_resistance(plate, content * plate, facility.racks.plate_series, fouling))


def worst_gpu(
    facility: Facility, operation: Operation, temperature: Array, flow: Array, chips: Array
) -> Array:
    """Case of a GPU of `chips` watts on the worst plate of each rack, last on the branch with least flow [K]."""
    racks = facility.racks
    plate = plate_flow(facility, flow)
    least = plate * (1.0 - racks.plate_spread)
    preheat = coldplate.preheat(gpu_content(facility, temperature) * least, racks.plate_series - 1.0)
    worst = coldplate.worst_resistance(
        plate, racks.plate_spread, racks.plate_tolerance, plate_fouling(facility, operation)
    )
    return np.asarray(temperature[:, racks.block] + chips * (preheat + worst))


def other_case(
    facility: Facility,
    operation: Operation,
    plates: Plates,
    temperature: Array,
    flow: Array,
    chips: Array,
    running: Array,
) -> Array:
    """Case of a rack's CPUs or switches, at full power where `running`, (scenario, rack) [K].

    NaN where no product tells. A plate of less flow than the table holds is limited by what its coolant carries.
    """
    block = facility.racks.block
    each = plates.share * flow / np.maximum(plates.count, 1.0)
    carried = coldplate.preheat(heat_content(facility, temperature) * each, 1.0)
    resistance = np.maximum(plates.ratio * coldplate.resistance(each), carried)
    inlet = temperature[:, block] + plates.behind * chips * carried
    drawn = np.where(running, plates.power, 0.0)
    return np.asarray(inlet + drawn * (resistance + plate_fouling(facility, operation)))


def leaked(facility: Facility, case: Array) -> Array:
    """What the GPUs of each rack leak at their case temperatures [W], NaN where no product tells."""
    racks = facility.racks
    there = racks.leakage > 0.0
    limit = np.where(there, racks.case_limit, 0.0)
    watts = coldplate.leaked_power(case, racks.leakage, limit, racks.leakage_growth)
    return np.where(there, watts, np.nan)


def leaking(facility: Facility, operation: Operation, law: Law, case: Array) -> Law:
    """The law of GPUs at given case temperatures, (scenario, rack) [K].

    `law` holds at the case limit; cooler GPUs leak less, so that they draw less at the same clock and run faster at
    the same power. Above its limit a case is held at the floor, so no demand passes what it is at the limit. Power
    prescribed to a rack is what it draws at any temperature, and its law stays as it is.
    """
    where = _leaks(facility, operation)
    if not where.any():
        return law
    extra = leaked(facility, case) - facility.racks.leakage
    return laws.shifted(law, extra, 0.0, 0.0, where)


def tangent(
    facility: Facility,
    operation: Operation,
    law: Law,
    power: Array,
    temperature: Array,
    share: Array,
) -> Law:
    """The law of GPUs as `leaking`, at the temperature that each power brings, as its tangent at `power`.

    power : AC, at which it is exact, (scenario, rack) [W]. temperature : of the coolant [K] and share : of the flow
    asked for that is delivered, (scenario, block). Of a change of power it misses the hundredth part.
    A rack that is off keeps `law`: it comes on again where it can run at its case limit, or its floor, which falls
    while it is off, would switch it on and off for ever.
    """
    where = _leaks(facility, operation) & (power > 0.0)
    if not where.any():
        return law
    racks, block = facility.racks, facility.racks.block
    output = direct(law, power)
    per_watt = curve(facility, "liquid_flow", temperature) / racks.liquid_heat * racks.heat_capture
    flow = per_watt * output * share[:, block]
    chips = np.maximum(output - law.fixed, 0.0)
    gpus = np.maximum(racks.gpus, 1.0)
    less, here, more = (
        gpu_resistance(facility, operation, temperature, flow * part)
        for part in (1.0 - SPAN, 1.0, 1.0 + SPAN)
    )
    case = temperature[:, block] + chips / gpus * here
    # The valve follows the heat: a watt more comes with more flow.
    rise = (here + (more - less) / (2.0 * SPAN) * chips / np.maximum(output, 1.0)) / gpus
    warm = leaked(facility, case)
    slope = np.clip(racks.leakage_growth * warm * rise, 0.0, STEEPEST)
    return laws.shifted(law, warm - racks.leakage, slope, chips, where)


def _leaks(facility: Facility, operation: Operation) -> npt.NDArray[np.bool_]:
    """Racks whose law moves with their temperature, (scenario or 1, rack)."""
    return np.asarray((facility.racks.leakage > 0.0) & ~np.isfinite(operation.rack_power))
