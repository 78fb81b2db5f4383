"""From the settled state of a chunk to every variable of the table: metrics, ledgers, per-device loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from electrical import conductor, converter
from thermal import tower
from twin import economics
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import Service, prompts, together
from twin.facility import (
    ACTUATORS,
    BINDINGS,
    COMPUTE_BOUNDS,
    COOLING_KINDS,
    COOLING_MODES,
    DEVICE_KINDS,
    KV_TIERS,
    PLANT_KINDS,
    Facility,
)
from twin.operation import Operation
from twin.plant import chip, harmonic, phases
from twin.plant.cooling import Heat
from twin.plant.hall import passing
from twin.plant.loop import Flow
from twin.plant.power import Feed
from twin.plant.supply import Supply, support_power
from twin.plant.water import COLD
from twin.sessions import carried
from twin.state import VARIABLES

Array = npt.NDArray[np.float64]
ROUNDING = 1e-9
"""Relative excess that is rounding."""
ALWAYS = (
    "converged",
    "residual",
    "reason",
    "passes",
    "device_alive",
    "binding",
    "binding_device",
    "bound_racks",
)
"""Variables that a scenario without a solution has too."""


def result(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    law: Law,
    service: Service,
    power: Array,
    temperature: Array,
    flow: Flow,
    heat: Heat,
    mean: Feed,
    peak: Feed,
    found: Mapping[str, Any],
) -> dict[str, Any]:
    """Every variable of `twin.state.VARIABLES`, (scenario, ...); NaN where a scenario has no solution.

    found : converged, reason, residual, passes, price, binding, binding_device and lost from the iteration.
    """
    racks, block, count = facility.racks, facility.racks.block, len(power)
    inlet = np.broadcast_to(temperature, (count, len(facility.blocks)))[:, block]
    through = passing(facility, operation, supply, heat.warm, heat.wires, heat.inlet)
    running = power > 0
    serving = racks.gpus > 0
    chips = np.where(serving, laws.gpu_power(law, power) / np.maximum(racks.gpus, 1.0), 0.0)
    at = np.broadcast_to(temperature, (count, len(facility.blocks)))
    case = inlet + chips * chip.gpu_resistance(facility, operation, at, flow.rack)
    worst = chip.worst_gpu(facility, operation, at, flow.rack, chips)
    others = {
        name: chip.other_case(facility, operation, plates, at, flow.rack, chips, running)
        for name, plates in (("cpu", racks.cpu), ("switch", racks.switch))
    }
    loop, sink = facility.cooling.loop, np.any([count > 0 for count in _installed(facility)], axis=0)
    parted = facility.cooling.outdoor.parted
    alone = np.where(running & ~found["lost"] & service.feasible, laws.throughput(law, power), 0.0)
    agents, job = carried(facility, operation, law, power, found["lost"]), facility.job
    prescribed = np.isfinite(operation.rack_power) & serving
    shape = np.where(prescribed & service.feasible, COMPUTE_BOUNDS.index("prescribed"), service.bound)
    # Sessions write no more than their cycles allow, whatever speed the law leaves the GPUs.
    tokens = together(facility, np.fmin(alone, agents.tokens))
    support = np.broadcast_to(support_power(facility, operation, supply), (count, len(facility.rows))).sum(
        axis=-1
    )
    rack_power, mechanical = power.sum(axis=-1), sum(value.sum(axis=-1) for value in heat.auxiliary.values())
    losses = sum(mean.losses.values())
    it_power = rack_power + support
    total = tokens.sum(axis=-1)
    # In memory order, so that a row sums alike alone and in a batch.
    full = together(facility, np.ascontiguousarray(np.broadcast_to(service.full_tokens, power.shape)))
    installed = full.sum(axis=-1)
    outdoors = heat.water.rejected.sum(axis=-1) + heat.hall.rejected.sum(axis=-1)
    rooms = losses + heat.water.drive_loss.sum(axis=-1) - heat.wires.sum(axis=-1)
    drawn = economics.Power(mean.utility, "utility")
    yielded = economics.Tokens(total * prompts(facility, operation), total)
    water = _water_use(facility, heat)
    spent = economics.running_cost(
        facility.economics,
        economics.Power(facility.built_power, "rack_ac"),
        drawn,
        operation.electricity_price,
        water.sum(axis=-1),
    )
    sold = economics.Sold(facility.economics.utilisation, facility.uptime, job.goodput if job else 1.0)
    cost = economics.cost(spent, yielded, "output", sold)
    voltage = _feed_voltage(facility, supply, mean)
    highest = power * operation.edp_factor[:, None]
    unequal = phases.unbalance(facility, operation, supply, highest, heat)
    distorted = harmonic.distortion(facility, operation, supply, power, heat, mean)
    bound = np.stack([(found["binding"] == code).sum(axis=-1) for code in range(len(BINDINGS))], axis=-1)
    # What holds a rack below its demand slows all of a service alike, prefill and decode and with them what comes in;
    # sessions keep their pace and grow fewer.
    speed = np.where(running & serving & ~found["lost"], laws.speed(law, power), np.nan)
    alike = {
        "ttft_p50": service.ttft_p50,
        "ttft_p99": service.ttft_p99,
        "tpot_p50": service.tpot,
        "tpot_p99": service.tpot_p99,
    }
    slowed = {name: np.where(speed > 0.0, times / speed, np.nan) for name, times in alike.items()}
    if facility.layout.workload.session is not None and job is None:
        slowed["tpot_p50"] = agents.tpot
    direct = np.where(running, converter.output_power(power, law.rating, law.coefficients), 0.0)
    arrays: dict[str, Any] = {
        "converged": found["converged"],
        "residual": found["residual"],
        "reason": found["reason"],
        "passes": found["passes"],
        "it_power": it_power,
        "rack_power": rack_power,
        "support_power": support,
        "mechanical_power": mechanical,
        "cable_loss": mean.losses["cable"],
        "transformer_loss": mean.losses["transformer"],
        "ups_loss": mean.losses["ups"],
        "rectifier_loss": mean.losses["rectifier"],
        # What a load bank leaves its GPUs is not what they draw for the tokens that are told.
        "chip_power": np.where(prescribed.any(axis=-1), np.nan, (chips * racks.gpus).sum(axis=-1)),
        "rack_dc_power": direct.sum(axis=-1),
        "utility_power": mean.utility,
        "pue": mean.utility / np.where(it_power > 0, it_power, np.nan),
        "tokens_per_second": total,
        "total_tokens_per_second": yielded.total,
        "tokens_per_joule": economics.tokens_per_joule(yielded, "output", drawn),
        "carbon": mean.utility * facility.carbon_intensity,
        "cost_per_million_tokens": cost.total,
        "cost_per_million_total_tokens": economics.cost(spent, yielded, "total", sold).total,
        "cost_it": cost.it,
        "cost_facility": cost.facility,
        "cost_electricity": cost.electricity,
        "cost_maintenance": cost.maintenance,
        "cost_water": cost.water,
        "utilisation": total / np.where(installed > 0, installed, np.nan),
        "mfu": total * job.flops / job.peak if job else np.full(count, np.nan),
        "step_time": job.step_tokens / np.where(total > 0, total, np.nan) if job else np.full(count, np.nan),
        "goodput": np.full(count, job.goodput if job else np.nan),
        "uptime": np.full(count, facility.uptime),
        **{name: np.fmax.reduce(times, axis=-1) for name, times in slowed.items()},
        "heat_outdoors": outdoors,
        "room_loss": rooms,
        "ledger_power": (mean.utility - it_power - mechanical - losses) / np.maximum(mean.utility, 1.0),
        "ledger_rack": (rack_power - heat.back.carried - heat.hall.carried.sum(axis=-1))
        / np.maximum(rack_power, 1.0),
        "ledger_heat": (mean.utility - outdoors - rooms) / np.maximum(mean.utility, 1.0),
        "bound_racks": bound,
        "power": power,
        "peak_power": highest,
        "demand": law.demand,
        "gpu_power": chips,
        "clock": np.where(serving, laws.clock(law, power), np.nan),
        "prefill_clock": np.where(serving, laws.prefill_clock(law, power), np.nan),
        "leakage_power": np.where(running, chip.leaked(facility, case), 0.0 * racks.leakage),
        "tokens": tokens,
        "binding": found["binding"],
        "binding_device": found["binding_device"],
        "compute_bound": np.where(agents.memory, COMPUTE_BOUNDS.index("memory"), shape),
        "sessions": agents.sessions,
        "kv_hit": agents.hits,
        "session_ttft": agents.ttft,
        "liquid_heat": heat.liquid,
        "air_heat": heat.warm,
        "coolant_flow": np.where(racks.liquid, flow.rack, np.nan),
        "coolant_demand": np.where(racks.liquid, flow.demand, np.nan),
        "return_temperature": np.where(racks.liquid, heat.back.rack, np.nan),
        "case_temperature": np.where(racks.liquid, case, np.nan),
        "worst_case_temperature": np.where(racks.liquid, worst, np.nan),
        "cpu_case_temperature": others["cpu"],
        "switch_case_temperature": others["switch"],
        "inlet_temperature": np.where(racks.liquid, inlet, np.nan),
        "air_inlet_temperature": heat.inlet[:, block] + heat.hall.spread,
        "air_inlet_uncertainty": _uncertainty(facility, heat.hall.flow, *through, supply.device),
        "air_face_flow": through[0],
        "air_face_rise": through[1],
        "feed_voltage": voltage,
        "supply_setpoint": np.where(loop, operation.supply_temperature, np.nan),
        "supply_temperature": np.where(loop, temperature, np.nan),
        "supply_reachable": np.where(loop & (heat.back.duty > 0), heat.water.loop_lowest, np.nan),
        "loop_return_temperature": np.where(loop, heat.back.mixed, np.nan),
        "facility_supply_temperature": np.where(sink, heat.water.supply, np.nan),
        "facility_return_temperature": np.where(sink, heat.water.back, np.nan),
        "facility_flow": np.where(sink, heat.water.flow, np.nan),
        "outdoor_flow": np.where(parted, heat.water.outdoor_flow, np.nan),
        "outdoor_supply_temperature": np.where(parted, heat.water.outdoor_supply, np.nan),
        "loop_flow": np.where(loop, flow.total, np.nan),
        "loop_head": np.where(loop, flow.head, np.nan),
        "flow_share": np.where(loop, flow.share, np.nan),
        "flow_reserve": np.where(loop & (flow.total > 0), flow.reserve, np.nan),
        "main_velocity": np.where(loop, flow.velocity, np.nan),
        "approach": np.where(loop, temperature - heat.water.supply[:, facility.cooling.plant], np.nan),
        "cdu_duty": np.where(loop, heat.back.duty, np.nan),
        "cooler_duty": np.where(sink, heat.water.cooler_duty, np.nan),
        "cooler_speed": np.where(sink, heat.water.fan_speed, np.nan),
        "trim_duty": np.where(sink, heat.water.trim_duty, np.nan),
        "dry_bulb": operation.dry_bulb,
        "water_use": water,
        "dew_point": operation.dew_point,
        "actuator": _actuator(facility, operation, supply, flow, heat, temperature),
        "cooling_mode": np.where(sink & (heat.water.flow > 0), heat.water.mode, COOLING_MODES.index("none")),
        "air_supply_temperature": heat.hall.supply,
        "hot_aisle_temperature": heat.hall.hot,
        "air_flow": heat.hall.flow,
        "air_demand": heat.hall.demand,
        "air_capacity": heat.hall.capacity,
        "fan_wall_duty": heat.hall.duty,
        "device_power": _device_power(facility, supply, mean, heat),
        "device_loading": _device_loading(facility, operation, supply, peak, mean, heat),
        "run_loading": peak.run,
        "voltage_unbalance": unequal.voltage,
        "neutral_current": unequal.neutral,
        "voltage_distortion": distorted.voltage,
        "current_distortion": distorted.current,
        "harmonic_loss_factor": distorted.loss_factor,
        "heating_load": distorted.load,
        "hot_spot_temperature": distorted.hot_spot,
        "voltage_drop": _voltage_drop(facility, peak),
        "conductor_temperature": conductor.temperature(
            mean.run, 1.0, facility.chain.run_ambient, facility.chain.run_limit
        ),
        "device_alive": supply.device,
        "price": found["price"],
    }
    arrays |= {f"{kind}_power": heat.auxiliary[kind] for kind in COOLING_KINDS}
    sizes = {"scenario": count, "rack": len(racks.name), "block": len(facility.blocks), "plant": len(facility.plants),
             "device": len(facility.devices.name), "limit": len(facility.shared.device),
             "binding_kind": len(BINDINGS), "tier": len(KV_TIERS)}  # fmt: skip
    missing = ~found["converged"]
    for name, row in VARIABLES.items():
        if name not in arrays:
            continue  # what the rules say of all this is added by the solve
        shape = tuple(sizes[dim] for dim in row.dims)
        value = np.broadcast_to(arrays[name], shape)
        if missing.any() and name not in ALWAYS:
            value = np.array(value, dtype=np.float64)
            value[missing] = np.nan
        arrays[name] = value
    return arrays


def _uncertainty(facility: Facility, blown: Array, through: Array, rise: Array, alive: Array) -> Array:
    """(scenario, rack) half width of the interval of each inlet [K], as the field of its hall has it and wider by what
    the inlet moved with the heat since, for warm air rises; infinite where the air flows otherwise than there."""
    devices, racks = facility.devices, facility.racks
    found = np.full((max(len(blown), len(through), len(alive)), len(racks.block)), np.nan)
    for index, known in enumerate(facility.recirculation):
        if known is None:
            continue
        mine = racks.block == index
        units = np.flatnonzero((devices.kind == DEVICE_KINDS.index("fan_wall")) & (devices.block == index))
        same = (alive[:, units] == np.isin(units, known.units)).all(axis=-1)
        same = same & known.holds(blown[:, index], through[:, mine])
        half = known.uncertainty + np.abs(known.risen(rise[:, mine] - known.rise))
        found[:, mine] = np.where(same[:, None], half, np.inf)
    return found


def _water_use(facility: Facility, heat: Heat) -> Array:
    """Make-up water of wetted pads and towers, (scenario, plant) [kg/s]."""
    cooling = facility.cooling
    *_, made_up = tower.water_use(
        heat.water.evaporated, heat.water.circulated, cooling.cycles, cooling.outdoor.drift
    )
    return np.asarray(made_up)


def _actuator(
    facility: Facility, operation: Operation, supply: Supply, flow: Flow, heat: Heat, temperature: Array
) -> Array:
    """Code in ACTUATORS of what each loop's control has run into, the gravest where there are several."""
    cooling, plant, water = facility.cooling, facility.cooling.plant, heat.water
    most = (supply.units["pump"] * cooling.pump_flow * cooling.plant_density)[:, plant]
    asked = np.zeros((len(water.flow), len(facility.plants)))
    np.add.at(asked, (slice(None), plant), heat.back.rate / cooling.plant_heat_capacity[plant])
    least = np.where(cooling.outdoor.tower, cooling.outdoor.minimum, cooling.dry_cooler_minimum)
    reached = (
        ("loop_pumps", flow.share < 1.0),
        ("plant", temperature > operation.supply_temperature + COLD),
        ("facility_pumps", asked[:, plant] > most * (1.0 + ROUNDING)),
        ("fans", (water.trim_duty > 0.0)[:, plant]),
        ("bypass", ((water.fan_speed > 0.0) & (water.fan_speed <= least))[:, plant]),
    )
    still = heat.back.duty <= 0.0
    return np.select(
        [still, *(found for _, found in reached)],
        [ACTUATORS.index("none"), *(ACTUATORS.index(name) for name, _ in reached)],
        ACTUATORS.index("held"),
    )


def _installed(facility: Facility) -> list[Array]:
    """(plant,) units of each kind that each plant has."""
    devices, count = facility.devices, len(facility.plants)
    return [
        np.bincount(devices.block[devices.kind == DEVICE_KINDS.index(kind)], minlength=count)
        for kind in PLANT_KINDS
    ]


def _voltage_drop(facility: Facility, peak: Feed) -> Array:
    """Voltage lost in the conductor to each device over nominal, (scenario, device); NaN without one, and where a
    transformer stands in the same branch."""
    chain = facility.chain
    node = chain.run_node
    alone = (node >= 0) & ~np.isin(node, chain.transformer_node)
    node = np.maximum(node, 0)
    drop = peak.voltage[:, np.maximum(chain.parent[node], 0)] - peak.voltage[:, node]
    return np.where(alone, drop, np.nan)


def _feed_voltage(facility: Facility, supply: Supply, feed: Feed) -> Array:
    """Lowest voltage over nominal among the live feeds of each rack; 0 without one."""
    chain = facility.chain
    whips = chain.feed_device >= 0
    volts = np.where(supply.share[:, whips] > 0, feed.voltage[:, chain.feed_node[whips]], np.inf)
    starts = np.searchsorted(chain.feed_load[whips], np.arange(len(facility.racks.name)))
    lowest = np.minimum.reduceat(volts, starts, axis=-1)
    return np.where(np.isfinite(lowest), lowest, 0.0)


def _duties(facility: Facility, supply: Supply, heat: Heat) -> Array:
    """Heat each cooling device carries, (scenario, device) [W], NaN for the others: live units share equally."""
    devices = facility.devices
    duty = {"cdu": heat.back.duty, "fan_wall": heat.hall.duty, "chiller": heat.hall.duty,
            "dry_cooler": heat.water.cooler_duty, "tower": heat.water.cooler_duty,
            "trim_chiller": heat.water.trim_duty}  # fmt: skip
    carried = np.full((len(heat.back.duty), len(devices.name)), np.nan)
    for kind, total in duty.items():
        mine = np.flatnonzero(devices.kind == DEVICE_KINDS.index(kind))
        each = total / np.maximum(supply.units[kind], 1.0)
        carried[:, mine] = each[:, devices.block[mine]] * supply.device[:, mine]
    return carried


def _device_power(facility: Facility, supply: Supply, mean: Feed, heat: Heat) -> Array:
    """Active power through electrical devices, heat through cooling devices, pump power of pumps [W]."""
    devices = facility.devices
    power = np.where(np.isnan(mean.power), _duties(facility, supply, heat), mean.power)
    for kind in ("pump", "outdoor_pump"):
        pumps = np.flatnonzero(devices.kind == DEVICE_KINDS.index(kind))
        each = heat.auxiliary[kind] / np.maximum(supply.units[kind], 1.0)
        power[:, pumps] = each[:, devices.block[pumps]] * supply.device[:, pumps]
    return power


def _device_loading(
    facility: Facility, operation: Operation, supply: Supply, peak: Feed, mean: Feed, heat: Heat
) -> Array:
    """Load over continuous rating: at peak power, the utility (with its cap) and cooling at mean power."""
    devices = facility.devices
    load = np.where(np.isnan(peak.load), _duties(facility, supply, heat), peak.load)
    rating = np.broadcast_to(devices.rating, load.shape).copy()
    load[:, 0] = mean.utility
    rating[:, 0] = np.minimum(rating[:, 0], operation.utility_cap)
    chillers = devices.kind == DEVICE_KINDS.index("chiller")
    rating[:, chillers] *= heat.hall.chiller_share[:, devices.block[chillers]]
    cooling = facility.cooling
    for kind, flow in (
        ("pump", heat.water.flow / cooling.plant_density),
        ("outdoor_pump", heat.water.outdoor_flow / cooling.outdoor.density),
    ):
        pumps = np.flatnonzero(devices.kind == DEVICE_KINDS.index(kind))
        volume = flow / np.maximum(supply.units[kind], 1.0)
        load[:, pumps] = volume[:, devices.block[pumps]] * supply.device[:, pumps]
    return load / rating
