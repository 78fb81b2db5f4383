"""Own limits of each rack as a ceiling with its cause, shared limits as rows of marginal watts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import converter
from thermal import air, coldplate
from twin.compute import law as laws
from twin.compute.law import Law
from twin.facility import BINDINGS, SHARED_KINDS, Facility
from twin.operation import Operation
from twin.plant.chip import gpu_content, plate_fouling
from twin.plant.cooling import Heat
from twin.plant.loop import Flow, curve, direct
from twin.plant.outdoor import running
from twin.plant.power import Feed
from twin.plant.supply import Supply
from twin.plant.water import COLD

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

MARGINAL = {
    "panel": 1.003, "ups": 1.006, "rectifier": 1.006, "transformer": 1.05, "utility": 1.05,
    "cdu": 0.97, "fan_wall": 1.0, "chiller": 1.0,
}  # fmt: skip
"""What one rack watt adds at a limit, losses included: a first guess that sets the speed of the fixed point and
the order of prices, never its result (each pass starts from the present load of the device)."""


OVER = 1e-9
"""Relative excess that is rounding."""
FAR = 1e3
"""Ratings that stand for the load where an outage leaves no voltage that carries it."""
RISEN = 1e-6
"""Relative load that an outage adds to a device without a rack of its own; less comes from voltages."""
STILL = 1e-7
"""Relative change of a row below which two loads no longer tell its slope."""


@dataclass(frozen=True)
class Limits:
    """Ceilings (scenario, rack) and rows share @ power <= capacity: first the shared limits as things are, then
    those after each outage that the caps are to survive."""

    ceiling: Array
    cause: Index
    """(scenario, rack) code in BINDINGS of what sets the ceiling."""
    lost: npt.NDArray[np.bool_]
    """(scenario, rack) a heat limit lies below the least power of a running rack: it gives no tokens."""
    tripped: npt.NDArray[np.bool_]
    """(scenario, rack) the whips did not hold the rack at its floor in this pass or an earlier one: it is off."""
    share: Array
    capacity: Array
    load: Array
    """(scenario, row) present load of the limit, in its own unit."""
    marginal: Array
    """(scenario, row) what a unit of share @ power adds to the load."""
    held: Array
    """(scenario, row) share @ power at that load."""
    limit: Index
    """(row,) index in `Facility.shared`."""

    def by_limit(self, values: Array) -> Array:
        """Sum over the rows of each shared limit, (scenario, row) -> (scenario, limit)."""
        total = np.zeros((len(values), int(self.limit.max()) + 1))
        np.add.at(total, (slice(None), self.limit), values)
        return total


def limits(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    law: Law,
    power: Array,
    temperature: Array,
    inlet: Array,
    flow: Flow,
    heat: Heat,
    mean: Feed,
    peak: Feed,
    after: Sequence[Feed],
    before: Limits | None,
) -> Limits:
    """Own and shared limits: heat limits at the temperatures of coolant and rack fronts, (scenario, block) [K], the
    rest from the state last found.

    Ratings of whips, panels, UPS and transformers hold the peak of the racks' power, so `peak` is the one-line at
    peak power, judged by what is borne for its duration; the utility holds the mean and so do all heat limits.
    `before` are the limits of the last pass: two loads tell what a rack watt really adds, pumps, fans and chillers
    included. `after` is the one-line at peak power after each outage of `supply.after`: its ratings have to hold the
    same caps, and so has the cooling with one unit less.
    """
    left = [np.where(one.converged[:, None], one.whip, peak.whip) for one in after]
    current = np.maximum.reduce([peak.whip, *left])
    whip = np.where(current > 0, power / np.where(current > 0, current, 1.0), np.inf)
    # Whether the whips hold a rack at its floor is judged there, where their voltage is what it then is.
    floor = laws.floor(law)
    tripped = (whip < floor * (1.0 - OVER)) & (power <= floor * (1.0 + OVER))
    if before is not None:
        tripped = tripped | before.tripped
    whip = np.where(tripped, 0.0, np.maximum(whip, floor))
    front = inlet[:, facility.racks.block] + heat.hall.spread
    ceiling, cause, lost = ceilings(facility, operation, supply, law, whip, temperature, inlet, front, flow)
    rows, devices = facility.shared, facility.devices
    limit = np.arange(len(rows.device))
    # The supply is that of the last pass, and so are its rows.
    share = _share(facility, supply) if before is None else before.share[:, : len(limit)]
    edp = operation.edp_factor[:, None]
    load = np.where(rows.cooling, 0.0, peak.load[:, rows.device])
    per_watt = np.array([MARGINAL[SHARED_KINDS[kind]] for kind in rows.kind])
    marginal = np.broadcast_to(per_watt * edp, (len(power), len(rows.device))).copy()
    rating = np.broadcast_to(devices.rating[rows.device], marginal.shape).copy()
    for kind, duty in (("cdu", heat.back.duty), ("fan_wall", heat.hall.duty), ("chiller", heat.hall.duty)):
        mine = rows.kind == SHARED_KINDS.index(kind)
        units = supply.units[kind][:, rows.block[mine]]
        # Where one unit is all there is, its outage takes its racks with it and leaves nothing to overload.
        carrying = np.where(units > 1, units - 1.0, units) if after else units
        rating[:, mine] = np.where(units > 0, carrying * rating[:, mine], np.inf)
        load[:, mine] = duty[:, rows.block[mine]]
        marginal[:, mine] = per_watt[mine]
    machines = rows.kind == SHARED_KINDS.index("chiller")
    rating[:, machines] *= heat.hall.chiller_share[:, rows.block[machines]]
    utility = rows.kind == SHARED_KINDS.index("utility")
    rating[:, utility] = np.minimum(rating[:, utility], operation.utility_cap[:, None])
    load[:, utility] = mean.utility[:, None]
    if after:
        wires = np.flatnonzero(~rows.cooling & ~utility)
        far = FAR * rating[:, wires]
        beyond = [np.where(one.converged[:, None], one.load[:, rows.device[wires]], far) for one in after]
        now = share[:, wires], load[:, wires]
        further = [
            _risen(_share(facility, one)[:, wires], more, *now)
            for one, more in zip(supply.after, beyond, strict=True)
        ]
        share = np.concatenate([share, *further], axis=1)
        load = np.concatenate([load, *beyond], axis=1)
        limit = np.concatenate([limit, *[wires] * len(after)])
        rating, marginal = rating[:, limit], marginal[:, limit]
    held = (share @ power[..., None])[..., 0]
    if before is not None:
        step = held - before.held
        moved = np.abs(step) > STILL * np.abs(held)
        slope = np.clip((load - before.load) / np.where(moved, step, 1.0), 0.7 * marginal, 2.0 * marginal)
        marginal = np.where(moved, slope, before.marginal)
    capacity = (rating - load) / marginal + held
    return Limits(ceiling, cause, lost, tripped, share, capacity, load, marginal, held, limit)


def _risen(share: Array, load: Array, share_now: Array, load_now: Array) -> Array:
    """Rows of shares after an outage in which a rack weighs more than now, or that support and cooling load more;
    zeros for the others, which bind no more."""
    heavier = (share > share_now * (1.0 + 1e-12)).any(axis=-1) | (load > load_now * (1.0 + RISEN))
    return np.asarray(np.where(heavier[..., None], share, 0.0))


def _share(facility: Facility, supply: Supply) -> Array:
    """(scenario or 1, limit, rack): part of each rack's power that passes the limit, before losses."""
    rows = facility.shared
    share = np.zeros((len(supply.share), len(rows.device), len(facility.racks.name)))
    np.add.at(share, (slice(None), rows.pass_limit, rows.pass_rack), supply.share[:, rows.pass_feed])
    return share + rows.constant


def ceilings(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    law: Law,
    whip: Array,
    temperature: Array,
    inlet: Array,
    front: Array,
    flow: Flow,
) -> tuple[Array, Index, npt.NDArray[np.bool_]]:
    """Ceiling of each rack's AC power [W], the code of its cause, and the racks whose heat limit loses them.

    whip : power at which the most loaded whip of the rack reaches its continuous current at the peak [W]. inlet,
    front : air before the racks, of each block and of each rack [K].
    """
    racks, block = facility.racks, facility.racks.block
    count = len(racks.name)
    edp = operation.edp_factor[:, None]
    powered = supply.powered[:, :count]
    floor = laws.floor(law)
    caps: dict[str, Array] = {"demand": law.demand, "no_feed": np.where(powered, np.inf, 0.0)}
    # Over the continuous rating, as far as a peak is not borne for its duration.
    pulse, surge = np.maximum(edp / facility.shelf_pulse, 1.0), np.maximum(edp / facility.whip_pulse, 1.0)
    if facility.policy != "none":
        # A rack that its live shelves, its whips or its operator do not hold at its floor is off.
        shelf = converter.input_power(law.rating, law.rating, law.coefficients) / pulse
        caps["shelf"] = np.where(shelf < floor, 0.0, shelf)
        caps["whip"] = np.where(supply.whips * facility.whip_power / supply.crest / surge < floor, 0.0, whip)
    caps["power_cap"] = np.where(operation.power_cap < floor, 0.0, operation.power_cap)
    chip = chip_limit(facility, operation, law, temperature, flow)
    aired = air_limit(facility, law, inlet, front)
    lost = (np.minimum(chip, aired) < floor) & powered
    wet = racks.liquid
    # Heat limits act on the clock and cannot take a running rack below its floor; without any flow, heat sink or
    # air a rack is off.
    chip = np.maximum(chip, floor)
    starved = (flow.share < 1.0)[:, block]
    lifted = (temperature > operation.supply_temperature + COLD)[:, block]
    caps["chip_temperature"] = np.where(starved | lifted, np.inf, chip)
    units = supply.units
    sinks = (units["pump"] > 0) & (running(facility, supply) + units["trim_chiller"] > 0)
    sunk = ~sinks[:, facility.cooling.plant[block]] & wet
    caps["coolant_temperature"] = np.where(sunk, 0.0, np.where(lifted & ~starved, chip, np.inf))
    stopped = (units["cdu"] == 0)[:, block] & wet
    caps["coolant_flow"] = np.where(stopped, 0.0, np.where(starved, chip, np.inf))
    still = ((units["fan_wall"] == 0) | (units["chiller"] == 0))[:, block]
    caps["inlet_air"] = np.where(still, 0.0, np.maximum(aired, floor))
    stacked = np.stack(np.broadcast_arrays(*caps.values()))
    cause = np.array([BINDINGS.index(name) for name in caps])[np.argmin(stacked, axis=0)]
    ceiling = stacked.min(axis=0)
    return ceiling, cause, lost & (ceiling > 0.0)


def chip_limit(facility: Facility, operation: Operation, law: Law, temperature: Array, flow: Flow) -> Array:
    """AC power at which the mean GPU case reaches its limit, (scenario, rack) [W]; inf where demand stays below it.

    The valve follows the heat, so the plate resistance moves with the power: solved for both at once. What leaks is
    part of the power and, at the limit, what the law has there.
    """
    racks, block = facility.racks, facility.racks.block
    inlet = temperature[:, block]
    per_watt = curve(facility, "liquid_flow", temperature) / racks.liquid_heat * racks.heat_capture
    delivered = np.where((flow.share < 1.0)[:, block], flow.rack, np.inf)
    fixed, gpus = law.fixed, np.maximum(racks.gpus, 1.0)
    content, fouling = gpu_content(facility, temperature), plate_fouling(facility, operation)
    *every, wanted = np.broadcast_arrays(
        racks.case_limit - inlet, per_watt, delivered, fixed, gpus, racks.plate_share * racks.plate_series,
        racks.plate_series, content, fouling, law.gpu_demand / gpus,
    )  # fmt: skip
    room = every[0]

    def excess(chip: Array, at: Sequence[Array]) -> Array:
        room, per_watt, delivered, fixed, gpus, share, series, content, fouling = at
        volume = np.minimum(per_watt * (fixed + gpus * chip), delivered)
        plate = share * volume / gpus
        resistance = coldplate.mean_resistance(plate, content * plate, series, fouling)
        return np.asarray(chip * resistance - room)

    over = excess(wanted, every) > 1e-9 * room
    limit = np.full(room.shape, np.inf)
    if not over.any():
        return limit
    at = tuple(value[over] for value in every)
    # Secant from the demand; the plate law is smooth enough that a few steps reach rounding.
    old, old_excess = wanted[over], excess(wanted[over], at)
    new = old * np.clip(at[0], 0.0, None) / (at[0] + old_excess)
    for _ in range(12):
        new_excess = excess(new, at)
        step = new_excess - old_excess
        moves = (step != 0.0) & (np.abs(new_excess) > 1e-12 * at[0])
        slope = np.where(moves, (new - old) / np.where(moves, step, 1.0), 0.0)
        old, old_excess, new = new, new_excess, np.clip(new - new_excess * slope, 0.0, wanted[over])
        if not moves.any():
            break
    direct_power = at[3] + at[4] * new
    rating = np.broadcast_to(law.rating, room.shape)[over]
    coefficients = np.broadcast_to(law.coefficients, (*room.shape, 3))[over]
    limit[over] = converter.input_power(direct_power, rating, coefficients)
    return limit


def air_limit(facility: Facility, law: Law, inlet: Array, front: Array) -> Array:
    """AC power at which the air-cooled parts reach their limit, (scenario, rack) [W]; inf where demand stays below.

    inlet, front : air before the racks, of each block and of each rack [K]. The parts' limit is the exhaust
    temperature of the rack at TDP with its inlet at the catalogue limit, so the limit starts to act exactly there.
    """
    racks, block = facility.racks, facility.racks.block
    rate = (
        curve(facility, "air_flow", inlet)
        * air.density(inlet, facility.pressure)[:, block]
        * air.HEAT_CAPACITY
    )
    room = np.maximum(rate * (racks.exhaust_limit - front), 0.0)
    wanted = direct(law, law.demand)
    warm = law.demand - racks.heat_capture * wanted
    over = warm > room
    limit = np.full(np.broadcast_shapes(room.shape, warm.shape), np.inf)
    if not over.any():
        return limit
    allowed = wanted * room / np.maximum(warm, 1.0)
    for _ in range(6):
        lost = converter.loss(allowed, law.rating, law.coefficients)
        slope = converter.marginal_input(allowed, law.rating, law.coefficients) - racks.heat_capture
        allowed = np.maximum(allowed - (allowed + lost - racks.heat_capture * allowed - room) / slope, 0.0)
    return np.where(over, converter.input_power(allowed, law.rating, law.coefficients), limit)
