"""The one table of what a solve returns, and the only place that makes labelled data of it.

`VARIABLES`: name -> dims, unit, keep, meaning. `keep` says from which level of `solve(keep=...)` on a variable is
returned: "summary" (totals and counts), "racks" (per rack, block and device), "all" (limits and buses too).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from twin.facility import (
    ACTUATORS,
    BINDINGS,
    COMPUTE_BOUNDS,
    COOLING_MODES,
    DEVICE_KINDS,
    KV_TIERS,
    REASONS,
    Facility,
)

LEVELS = ("summary", "racks", "all")


@dataclass(frozen=True)
class Variable:
    """One row of the table; `flags` are the meanings of a coded integer."""

    dims: tuple[str, ...]
    unit: str
    keep: str
    meaning: str
    flags: tuple[str, ...] = ()


S, R, B, D = ("scenario",), ("scenario", "rack"), ("scenario", "block"), ("scenario", "device")
P = ("scenario", "plant")
VARIABLES: dict[str, Variable] = {
    "converged": Variable(S, "1", "summary", "the fixed point was reached"),
    "residual": Variable(S, "1", "summary", "largest relative change of rack power in the last pass"),
    "reason": Variable(S, "1", "summary", "why a scenario has no solution", REASONS),
    "passes": Variable(S, "1", "summary", "passes of the fixed point"),
    "it_power": Variable(S, "W", "summary", "AC input of all racks and support load"),
    "rack_power": Variable(S, "W", "summary", "AC input of all racks"),
    "support_power": Variable(S, "W", "summary", "network and management load"),
    "mechanical_power": Variable(S, "W", "summary", "pumps, fans and chillers"),
    "cable_loss": Variable(S, "W", "summary", "losses in conductors and whips"),
    "transformer_loss": Variable(S, "W", "summary", "no-load and load losses of transformers"),
    "ups_loss": Variable(S, "W", "summary", "losses of UPS"),
    "rectifier_loss": Variable(S, "W", "summary", "losses of rectifiers to direct current"),
    "chip_power": Variable(S, "W", "summary", "all GPUs; NaN where racks draw prescribed power"),
    "rack_dc_power": Variable(S, "W", "summary", "all racks behind their power shelves"),
    "utility_power": Variable(S, "W", "summary", "active power at the utility's point of connection"),
    "pue": Variable(S, "1", "summary", "utility power over IT power (racks' AC input and support load)"),
    "tokens_per_second": Variable(
        S, "1/s", "summary", "output tokens per second of all racks; trained on in a job"
    ),
    "total_tokens_per_second": Variable(
        S,
        "1/s",
        "summary",
        "input and output tokens per second of all racks, of agents the whole history of "
        "every turn among them, cached or not; trained on in a job",
    ),
    "tokens_per_joule": Variable(S, "1/J", "summary", "output tokens per joule at the utility"),
    "carbon": Variable(S, "kg/s", "summary", "carbon dioxide of the utility's energy"),
    "cost_per_million_tokens": Variable(S, "USD", "summary", "full cost of a million output tokens"),
    "cost_it": Variable(S, "USD", "summary", "of it: capital of racks, network and storage"),
    "cost_facility": Variable(S, "USD", "summary", "of it: capital of building, power and cooling"),
    "cost_electricity": Variable(S, "USD", "summary", "of it: electricity at the utility"),
    "cost_maintenance": Variable(S, "USD", "summary", "of it: maintenance"),
    "cost_water": Variable(S, "USD", "summary", "of it: make-up water"),
    "cost_per_million_total_tokens": Variable(
        S,
        "USD",
        "summary",
        "full cost of a million tokens of input and output together, of agents the whole "
        "history of every turn among them, cached or not",
    ),
    "utilisation": Variable(S, "1", "summary", "tokens delivered over tokens of all racks without any limit"),
    "mfu": Variable(
        S, "1", "summary", "model FLOPs of a training job over the dense peak of its GPUs; NaN when serving"
    ),
    "step_time": Variable(S, "s", "summary", "time of a step of a training job; NaN when serving or halted"),
    "goodput": Variable(
        S,
        "1",
        "summary",
        "work that a training job keeps over checkpoints and interruptions; NaN when serving",
    ),
    "uptime": Variable(
        S, "1", "summary", "share of the GPUs at work, spare trays not, as a mean over the faults of trays"
    ),
    "ttft_p50": Variable(
        S, "s", "summary", "median time to the first token, worst running rack; NaN with sessions"
    ),
    "ttft_p99": Variable(
        S, "s", "summary", "99th percentile of the time to the first token, worst running rack"
    ),
    "tpot_p50": Variable(S, "s", "summary", "median time per output token, worst running rack"),
    "tpot_p99": Variable(
        S,
        "s",
        "summary",
        "time per output token at the 99th percentile of requests in flight, worst running rack; NaN with sessions",
    ),
    "dry_bulb": Variable(S, "K", "summary", "outdoor dry-bulb temperature"),
    "heat_outdoors": Variable(S, "W", "summary", "heat rejected outdoors, from flows and temperatures"),
    "room_loss": Variable(S, "W", "summary", "conversion and drive losses that heat their rooms"),
    "ledger_power": Variable(
        S, "1", "summary", "(utility - racks - support - mechanical - losses) / utility"
    ),
    "ledger_rack": Variable(S, "1", "summary", "(rack AC - heat to liquid - heat to air) / rack AC"),
    "ledger_heat": Variable(S, "1", "summary", "(utility - heat outdoors - room losses) / utility"),
    "bound_racks": Variable(("scenario", "binding_kind"), "1", "summary", "racks held by each kind of limit"),
    "worst_margin": Variable(
        ("scenario", "rule"),
        "1",
        "summary",
        "worst margin of each rule over its scale, positive inside the limit",
    ),
    "worst_element": Variable(
        ("scenario", "rule"),
        "1",
        "summary",
        "index of the element that has it on the rule's axis, -1 for none",
    ),
    "power": Variable(R, "W", "racks", "mean AC input of the rack"),
    "peak_power": Variable(R, "W", "racks", "mean power times the EDP factor"),
    "demand": Variable(
        R, "W", "racks", "AC power the workload asks for, at the present temperature of its GPUs"
    ),
    "gpu_power": Variable(R, "W", "racks", "power of one GPU"),
    "clock": Variable(
        R, "1", "racks", "of its GPUs over their highest, of those that decode where pools differ"
    ),
    "prefill_clock": Variable(R, "1", "racks", "likewise of GPUs that prefill"),
    "leakage_power": Variable(R, "W", "racks", "what all GPUs of the rack leak at their case temperature"),
    "tokens": Variable(
        R, "1/s", "racks", "output tokens per second; in a training job its part at the pace of the slowest"
    ),
    "binding": Variable(R, "1", "racks", "what holds the rack below its demand", BINDINGS),
    "binding_device": Variable(R, "1", "racks", "index of the device that holds it, -1 for its own limits"),
    "compute_bound": Variable(
        R,
        "1",
        "racks",
        "what shapes the rack's demand; memory also where KV cache, not latency, limits its sessions",
        COMPUTE_BOUNDS,
    ),
    "sessions": Variable(
        R, "1", "racks", "sessions of agents that the rack carries, NaN where the workload tells none"
    ),
    "kv_hit": Variable(
        ("scenario", "rack", "tier"), "1", "racks", "share of their turns that find their prefix in each tier"
    ),
    "session_ttft": Variable(R, "s", "racks", "mean time from the end of a tool call to the first token"),
    "liquid_heat": Variable(R, "W", "racks", "heat to the coolant"),
    "air_heat": Variable(R, "W", "racks", "heat to the air"),
    "coolant_flow": Variable(R, "m3/s", "racks", "coolant delivered, at inlet density"),
    "coolant_demand": Variable(R, "m3/s", "racks", "coolant asked for by the rack valve"),
    "return_temperature": Variable(R, "K", "racks", "coolant leaving the rack"),
    "case_temperature": Variable(R, "K", "racks", "GPU case, mean plate of the rack"),
    "worst_case_temperature": Variable(
        R, "K", "racks", "GPU case, worst plate of the rack: last in series, least flow, greatest resistance"
    ),
    "cpu_case_temperature": Variable(R, "K", "racks", "CPU case, mean plate of the rack"),
    "switch_case_temperature": Variable(R, "K", "racks", "switch chip case, mean plate of the rack"),
    "inlet_temperature": Variable(R, "K", "racks", "coolant at the rack's inlet"),
    "air_inlet_temperature": Variable(R, "K", "racks", "air at the rack's front"),
    "air_inlet_uncertainty": Variable(
        R,
        "K",
        "racks",
        "half width of its 95 % interval, of the mean flow on the grid of a field, and what it moved with the heat "
        "since (assumed); infinite where the air flows otherwise than there, NaN where well mixed",
    ),
    "air_face_flow": Variable(
        R, "m3/s", "racks", "air through its faces, its part of the row's support with it"
    ),
    "air_face_rise": Variable(R, "K", "racks", "how much warmer that air leaves them"),
    "feed_voltage": Variable(R, "1", "racks", "lowest voltage at the rack's live feeds over nominal"),
    "supply_setpoint": Variable(B, "K", "racks", "set-point of the technology coolant supply"),
    "supply_temperature": Variable(B, "K", "racks", "technology coolant supply"),
    "supply_reachable": Variable(B, "K", "racks", "lowest supply the plant could hold at this heat"),
    "loop_return_temperature": Variable(B, "K", "racks", "technology coolant return, pump heat included"),
    "facility_supply_temperature": Variable(P, "K", "racks", "facility water to the CDUs"),
    "facility_return_temperature": Variable(P, "K", "racks", "facility water from the CDUs"),
    "facility_flow": Variable(P, "kg/s", "racks", "facility water"),
    "outdoor_flow": Variable(P, "kg/s", "racks", "water of the outdoor loop"),
    "outdoor_supply_temperature": Variable(
        P, "K", "racks", "water from dry coolers or towers to the exchangers"
    ),
    "loop_flow": Variable(B, "m3/s", "racks", "technology coolant"),
    "loop_head": Variable(B, "Pa", "racks", "external head of the CDU pumps"),
    "flow_share": Variable(B, "1", "racks", "coolant delivered over coolant asked for"),
    "flow_reserve": Variable(
        B, "1", "racks", "coolant the pumps could deliver over coolant asked for, up to 2"
    ),
    "main_velocity": Variable(B, "m/s", "racks", "coolant in the main"),
    "approach": Variable(B, "K", "racks", "technology supply above facility supply"),
    "cdu_duty": Variable(B, "W", "racks", "heat through the CDUs"),
    "cooler_duty": Variable(P, "W", "racks", "heat that dry coolers or towers take of the facility water"),
    "cooler_speed": Variable(P, "1", "racks", "fan speed of the dry coolers or towers"),
    "trim_duty": Variable(P, "W", "racks", "heat taken by the trim chiller"),
    "water_use": Variable(P, "kg/s", "racks", "make-up water of wetted pads and towers"),
    "dew_point": Variable(B, "K", "racks", "dew point of the hall's air, NaN where the layout tells none"),
    "actuator": Variable(B, "1", "racks", "what the control of the loop's supply has run into", ACTUATORS),
    "cooling_mode": Variable(P, "1", "racks", "what cools the facility water", COOLING_MODES),
    "air_supply_temperature": Variable(B, "K", "racks", "air from the fan walls"),
    "hot_aisle_temperature": Variable(B, "K", "racks", "air behind the racks"),
    "air_flow": Variable(B, "m3/s", "racks", "air of the fan walls"),
    "air_demand": Variable(B, "m3/s", "racks", "air drawn by racks and support"),
    "air_capacity": Variable(B, "m3/s", "racks", "greatest air flow of the live fan walls"),
    "fan_wall_duty": Variable(B, "W", "racks", "heat taken by the fan walls"),
    "cdu_power": Variable(B, "W", "racks", "CDU pumps"),
    "dry_cooler_power": Variable(P, "W", "racks", "dry-cooler fans"),
    "tower_power": Variable(P, "W", "racks", "tower fans"),
    "outdoor_pump_power": Variable(P, "W", "racks", "pumps of the outdoor loop"),
    "trim_chiller_power": Variable(P, "W", "racks", "trim chiller"),
    "pump_power": Variable(P, "W", "racks", "facility-water pumps"),
    "fan_wall_power": Variable(B, "W", "racks", "fan walls"),
    "chiller_power": Variable(B, "W", "racks", "chillers of the air system and their pumps"),
    "device_power": Variable(D, "W", "racks", "active power through, or heat carried by, the device"),
    "device_loading": Variable(
        D,
        "1",
        "racks",
        "load at peak over continuous rating; of peaks of a stated duration over what is borne for it",
    ),
    "run_loading": Variable(
        D, "1", "racks", "current at peak in the conductor to the device over its rating"
    ),
    "voltage_drop": Variable(
        D, "1", "racks", "voltage at peak that the conductor to the device loses over nominal"
    ),
    "conductor_temperature": Variable(
        D, "K", "racks", "conductor to the device in the steady state, where its product tells its limit"
    ),
    "voltage_unbalance": Variable(
        D, "1", "racks", "negative over positive sequence voltage at the device's bus, at peak"
    ),
    "neutral_current": Variable(
        D, "A", "racks", "current at peak in the neutral of the branch to the device"
    ),
    "voltage_distortion": Variable(
        D,
        "1",
        "racks",
        "harmonics over fundamental of the voltage at the device's bus, of a UPS at its worse end",
    ),
    "current_distortion": Variable(
        D,
        "1",
        "racks",
        "harmonics over fundamental of the current to the device; of the utility over its demand current",
    ),
    "harmonic_loss_factor": Variable(
        D, "1", "racks", "eddy losses of a transformer over those of a sinusoidal current of the same rms"
    ),
    "heating_load": Variable(
        D,
        "1",
        "racks",
        "sinusoidal over rated current that heats a transformer as its mean, distorted one does",
    ),
    "hot_spot_temperature": Variable(D, "K", "racks", "hot spot of the transformer in the steady state"),
    "device_alive": Variable(D, "1", "racks", "in service and fed"),
    "price": Variable(
        ("scenario", "limit"),
        "1/s/W",
        "all",
        "the allocator's tokens per second for one more watt at the limit, of the sum of racks also in a training job",
    ),
}


def kept(level: str) -> list[str]:
    """Names of the variables that `solve(keep=level)` returns.

    >>> "power" in kept("summary"), "power" in kept("racks")
    (False, True)
    """
    if level not in LEVELS:
        raise ValueError(f"keep is one of {', '.join(LEVELS)}, not {level!r}")
    return [name for name, row in VARIABLES.items() if LEVELS.index(row.keep) <= LEVELS.index(level)]


def coded(values: Any) -> Any:
    """Values as they are stored: codes, counts and flags as 32-bit integers, numbers as they are."""
    array = np.asarray(values)
    return array.astype(np.int32, copy=False) if array.dtype.kind in "bi" else array


def dataset(
    facility: Facility,
    arrays: Mapping[str, Any],
    level: str,
    rules: Sequence[str],
    coordinates: Mapping[str, Any],
) -> xr.Dataset:
    """The labelled state: every variable with its dims, unit and meaning from the table.

    rules : codes of the rules, labels of their axis. coordinates : name -> (values, unit) along the scenarios.
    """
    devices = facility.devices
    variables = {}
    for name in kept(level):
        row = VARIABLES[name]
        attrs: dict[str, Any] = {"units": row.unit, "long_name": row.meaning}
        if row.flags:
            attrs["flag_values"] = np.arange(len(row.flags), dtype=np.int32)
            attrs["flag_meanings"] = " ".join(row.flags)
        values = coded(arrays[name])
        variables[name] = (row.dims, values, attrs)
    used = {dim for row in (VARIABLES[name] for name in variables) for dim in row.dims}
    labels: dict[str, Any] = {"scenario": np.arange(len(arrays["converged"])), "binding_kind": list(BINDINGS)}
    labels |= {
        "rule": list(rules),
        "rack": list(facility.racks.name),
        "block": list(facility.blocks),
        "plant": list(facility.plants),
        "device": list(devices.name),
        "tier": list(KV_TIERS),
    }
    labels["limit"] = [devices.name[index] for index in facility.shared.device]
    coords: dict[str, Any] = {dim: labels[dim] for dim in used}
    if "rack" in used:
        centre = facility.racks.box.mean(axis=1)
        for axis, name in enumerate("xyz"):
            coords[name] = ("rack", centre[:, axis], {"units": "m", "long_name": f"rack centre, {name}"})
        coords["row"] = ("rack", [facility.rows[index] for index in facility.racks.row])
    if "device" in used:
        coords["device_kind"] = ("device", [DEVICE_KINDS[index] for index in devices.kind])
        coords["rating"] = ("device", devices.rating, {"long_name": "W; VA for transformers, A for whips"})
    for name, (values, unit) in coordinates.items():
        coords[name] = ("scenario", values, {"units": unit})
    attrs = {
        "Conventions": "CF-1.11",
        "title": facility.name,
        "source": "ai-factory-twin",
        "fingerprint": facility.fingerprint,
        "layout": facility.layout.stored(),
    }
    return xr.Dataset(variables, coords, attrs)
