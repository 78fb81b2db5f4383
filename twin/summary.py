"""The numbers that terminal, JSON and report share: one pure function of facility, state and findings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from twin.catalogue import Product
from twin.compute.training import Waveform
from twin.economics import Boundary, Power, Tokens, tokens_per_joule
from twin.facility import BINDINGS, COMPUTE_BOUNDS, COOLING_MODES, DEVICE_KINDS, REASONS, Facility
from twin.rules.site import TOLERANCE
from twin.schema import Session, Training, Workload
from twin.study.price import Price
from twin.study.wave import wave
from twin.units import shown
from twin.verdict import NEGLIGIBLE, Finding

if TYPE_CHECKING:
    import xarray as xr

SOLUTION = ("S1-solved", "S2-ledger")
"""Rules on the solution itself; they are told apart from margins of the design."""
NO_VALUE = "no value"
WORST = 5
"""Margins shown in a summary."""
CAUSES = {
    "demand": "nothing: the workload's own demand",
    "no_feed": "no live feed",
    "shelf": "the rack's power shelves",
    "whip": "a whip",
    "power_cap": "the operator's power cap",
    "chip_temperature": "the GPU case temperature",
    "coolant_temperature": "coolant too warm for the rack",
    "coolant_flow": "coolant flow",
    "inlet_air": "inlet air temperature",
    "panel": "a power panel",
    "ups": "a UPS",
    "rectifier": "a rectifier",
    "transformer": "a transformer",
    "utility": "the utility connection",
    "cdu": "CDU capacity",
    "fan_wall": "fan-wall capacity",
    "chiller": "chiller capacity",
}
"""What holds a rack, in words, by kind of binding."""
MODES = {
    "free": "free cooling",
    "trim": "trim chiller running",
    "throttled": "supply above its set-point",
    "none": "nothing to cool",
}
"""Cooling modes in words."""
CONTROL = {
    "none": "nothing to cool",
    "held": "holds its set-point",
    "bypass": "holds it with fans at their slowest, the rest bypassed",
    "fans": "holds it with fans at full speed and trim chillers",
    "facility_pumps": "facility pumps at full flow",
    "plant": "the plant gives all it has",
    "loop_pumps": "CDU pumps at their limit",
}
"""What the control of a loop has run into, in words."""
PARTS = {
    "it": "IT capital",
    "facility": "building, power and cooling",
    "electricity": "electricity",
    "maintenance": "maintenance",
    "water": "water",
}
"""Of the cost of a token, by its variables, in words."""
SHAPES = {
    "bandwidth": "memory bandwidth",
    "flops": "arithmetic",
    "memory": "memory capacity",
    "latency": "latency",
    "no_gpus": "their rating, without GPUs",
    "prescribed": "the power that is prescribed",
}
"""What shapes the demand of a rack, in words, by compute bound."""
UNSERVED = {
    "memory": "no tokens: the model or one request does not fit the memory of its GPUs",
    "latency": "no tokens: no batch meets the latency target",
    "heat": "no tokens: a heat limit lies below the least power they run at",
    "halted": "no tokens: the training job stands, as a rack of it has no power or too little to run",
}
"""Why racks draw power for nothing, in words."""
HOT = ("chip_temperature", "coolant_temperature", "coolant_flow", "inlet_air")
"""Bindings that are heat limits of a rack itself."""
WHY = {
    "none": "solved",
    "not_settled": "the passes did not settle",
    "floors_exceed_limit": (
        "the racks' least power is more than a shared limit carries; "
        "fewer racks, a larger rating or a lower load fit"
    ),
    "no_voltage_solution": "the power chain has no voltage at which it carries its load",
    "no_heat_sink": "the coolant finds no temperature at which its heat leaves",
}
"""Why there is no solution, in words."""


@dataclass(frozen=True)
class Metric:
    """One number with its unit, what it rests on, and how many digits of it mean something."""

    title: str
    value: float
    unit: str
    basis: str
    digits: int = 4
    percent: bool = False
    """A ratio that people read in per cent."""
    partial: bool = False
    """Only part of what the name promises is modelled; the basis says which."""

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.value)

    @property
    def text(self) -> str:
        """The value as people read it."""
        return readable(self.value, "%" if self.percent else self.unit, self.digits)


@dataclass(frozen=True)
class Evidence:
    """What the tokens of a rack product rest on."""

    rack: str
    basis: str
    """A key of BASES or TRAINED."""
    band: float
    """Median relative error to be expected of the time per token, in training the largest published of the MFU; NaN
    where none is known."""


@dataclass(frozen=True)
class Yielded:
    """Mean power at a boundary, and the tokens a second over it."""

    boundary: Boundary
    watts: float
    output: float
    """Output tokens per joule, trained on in a job [1/J]; `total` with those of the input."""
    total: float


@dataclass(frozen=True)
class Ledger:
    """Watts in and out, and the relative errors of the three balances."""

    into: float
    out: float
    power: float
    rack: float
    heat: float

    @property
    def faults(self) -> tuple[str, ...]:
        """The balances that do not close, one line each; a NaN is a scenario without a solution, not a fault."""
        errors = {"power": self.power, "rack": self.rack, "heat": self.heat}
        return tuple(
            f"the {name} ledger misses {abs(errors[name]):.1e} of its total, more than {most:.0e}"
            for name, most in TOLERANCE.items()
            if abs(errors[name]) > most
        )


@dataclass(frozen=True)
class Basis:
    """How far the catalogue figures behind a run are to be trusted."""

    figures: int
    assumed: int
    calibrated: int
    product: str
    """Product behind the worst margin; empty when no single product is."""
    decisive: tuple[str, ...]
    """Its assumed and calibrated figures that the limit of the worst margin is read from."""


@dataclass(frozen=True)
class Summary:
    """One scenario of a state in the few numbers a person asks for."""

    name: str
    description: str
    racks: int
    gpus: int
    metrics: Mapping[str, Metric]
    binding: Mapping[str, int]
    """Kind of binding -> racks, the most frequent first; empty without a solution."""
    shaped: Mapping[str, int]
    """Compute bound -> racks, the most frequent first; empty without a solution."""
    modes: Mapping[str, int]
    """Cooling mode -> plants; empty without a solution."""
    dead: tuple[str, ...]
    """Devices out of service or without a live feed, whips apart."""
    unserved: Mapping[str, int]
    """Why racks draw power and give no tokens, a key of UNSERVED -> racks."""
    idle: Mapping[str, int]
    """Of them those that nothing holds but their demand, likewise."""
    evidence: tuple[Evidence, ...]
    """Of each rack product that serves or trains, the least known first."""
    boundaries: tuple[Yielded, ...]
    """From the GPUs to the utility."""
    findings: tuple[Finding, ...]
    prices: tuple[Price, ...]
    """What one more or less of each limit that holds a rack is worth; empty when nobody asked."""
    ledger: Ledger
    converged: bool
    reason: str
    residual: float
    passes: int
    basis: Basis
    notes: tuple[str, ...]
    """What else the numbers rest on, one line each."""
    waveform: Waveform | None = None
    """AC power of the racks of a training job over one step."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the run cannot be relied on, one line each; empty when it can."""
        unsolved = () if self.converged else (f"no solution: {WHY[self.reason]}",)
        return unsolved + self.ledger.faults

    @property
    def held(self) -> dict[str, int]:
        """What holds racks, in words -> racks, each once; those idle at their demand by why they give no tokens."""
        idle = sum(self.idle.values())
        counts = {kind: count - idle * (kind == "demand") for kind, count in self.binding.items()}
        held = {CAUSES[kind]: count for kind, count in counts.items() if count}
        return held | {UNSERVED[why]: count for why, count in self.idle.items()}

    @property
    def margins(self) -> tuple[Finding, ...]:
        """Margins of the design, the worst first; what can only be met or not stands last when it is met."""
        return _design(self.findings)

    @property
    def negative(self) -> tuple[Finding, ...]:
        """Margins outside their limits."""
        return tuple(finding for finding in self.margins if outside(finding))

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """Margins that are smaller than their uncertainty."""
        return tuple(finding for finding in self.margins if finding.undecided)


def summary(
    facility: Facility,
    state: xr.Dataset,
    findings: Sequence[Finding],
    prices: Sequence[Price] = (),
    notes: Sequence[str] = (),
) -> Summary:
    """The summary of a state of one scenario.

    state : of `solve(keep="racks")` or "all", one scenario. findings, prices : of the same state.
    Metrics of a scenario without a solution are NaN.
    """
    if state.sizes["scenario"] != 1:
        raise ValueError(f"a summary is of one scenario, the state has {state.sizes['scenario']}")
    one = state.isel(scenario=0)
    counts = dict(zip(one["binding_kind"].values.tolist(), one["bound_racks"].values, strict=True))
    solved = bool(one["converged"])
    bound = {name: int(count) for name, count in counts.items() if solved and count > 0}
    shaped = _counted(one["compute_bound"].values, COMPUTE_BOUNDS) if solved else {}
    unserved, idle = _unserved(facility, one)
    modes = one["cooling_mode"].values
    coded = [int(code) for code in modes[np.isfinite(modes)]]
    layout, drawn = facility.layout, wave(facility, one)
    return Summary(
        name=facility.name,
        description=layout.description,
        racks=len(facility.racks.name),
        gpus=round(float(facility.racks.gpus.sum())),
        metrics=_metrics(facility, one, drawn),
        binding=dict(sorted(bound.items(), key=lambda item: (-item[1], BINDINGS.index(item[0])))),
        shaped=dict(sorted(shaped.items(), key=lambda item: (-item[1], COMPUTE_BOUNDS.index(item[0])))),
        modes={
            name: coded.count(code)
            for code, name in enumerate(COOLING_MODES)
            if code in coded and name != "none"
        },
        dead=not_in_service(facility, one),
        unserved=unserved,
        idle=idle,
        evidence=_evidence(facility),
        boundaries=_boundaries(one),
        findings=tuple(findings),
        prices=tuple(prices),
        ledger=Ledger(
            into=_number(one, "utility_power"),
            out=_number(one, "heat_outdoors") + _number(one, "room_loss"),
            power=_number(one, "ledger_power"),
            rack=_number(one, "ledger_rack"),
            heat=_number(one, "ledger_heat"),
        ),
        converged=solved,
        reason=REASONS[int(one["reason"])],
        residual=_number(one, "residual"),
        passes=int(one["passes"]),
        basis=_basis(facility, findings),
        notes=tuple(notes),
        waveform=drawn,
    )


def _counted(codes: npt.NDArray[np.generic], names: Sequence[str]) -> dict[str, int]:
    """Name of a code -> how many have it, in the order of the names."""
    each = codes.astype(np.int64).tolist()
    return {name: each.count(code) for code, name in enumerate(names) if code in each}


def _unserved(facility: Facility, one: xr.Dataset) -> tuple[dict[str, int], dict[str, int]]:
    """Why racks draw power and give no tokens -> racks, and likewise those that nothing holds but their demand."""
    nothing = (one["power"].values > 0) & (one["tokens"].values == 0) & (facility.racks.gpus > 0)
    held = [BINDINGS[int(code)] for code in one["binding"].values[nothing]]
    shaped = [COMPUTE_BOUNDS[int(code)] for code in one["compute_bound"].values[nothing]]
    why = [
        "halted" if facility.job else "heat" if cause in HOT else "memory" if bound == "memory" else "latency"
        for cause, bound in zip(held, shaped, strict=True)
    ]
    idle = [reason for reason, cause in zip(why, held, strict=True) if cause == "demand"]
    every, free = ({name: some.count(name) for name in UNSERVED if name in some} for some in (why, idle))
    return every, free


def _evidence(facility: Facility) -> tuple[Evidence, ...]:
    """What the tokens of each rack product that serves or trains rest on, the least known first."""
    found = [
        Evidence(kind.name, kind.calibration.basis, kind.calibration.band)
        for kind in facility.racks.types
        if kind.calibration is not None and facility.job is None
    ] + [
        Evidence(
            kind.name, "trained" if not kind.efficiency.source else "trained_elsewhere", kind.efficiency.band
        )
        for kind in facility.racks.types
        if kind.efficiency is not None
    ]
    return tuple(sorted(found, key=lambda one: -one.band if math.isfinite(one.band) else -math.inf))


def _boundaries(one: xr.Dataset) -> tuple[Yielded, ...]:
    """Power and tokens over it, from the GPUs to the utility."""
    output = _number(one, "tokens_per_second")
    tokens = Tokens(_number(one, "total_tokens_per_second") - output, output)
    watts: dict[Boundary, float] = {
        "chip": _number(one, "chip_power"),
        "rack_dc": _number(one, "rack_dc_power"),
        "rack_ac": _number(one, "it_power"),
        "utility": _number(one, "utility_power"),
    }
    return tuple(
        Yielded(
            name,
            power,
            float(tokens_per_joule(tokens, "output", Power(power, name))),
            float(tokens_per_joule(tokens, "total", Power(power, name))),
        )
        for name, power in watts.items()
    )


def not_in_service(facility: Facility, one: xr.Dataset) -> tuple[str, ...]:
    """Devices that are out of service or have no live feed in a scenario, whips apart."""
    dead = np.flatnonzero(one["device_alive"].values <= 0)
    kinds = facility.devices.kind[dead]
    return tuple(
        facility.devices.name[index]
        for index, kind in zip(dead, kinds, strict=True)
        if DEVICE_KINDS[kind] != "whip"
    )


def few(names: Sequence[str], most: int = 5) -> str:
    """Names in a line, the first of them where there are many.

    >>> few(["a", "b", "c"], 2)
    'a and 2 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def _number(one: xr.Dataset, name: str) -> float:
    return float(one[name])


BASES = {
    "roofline": "roofline serving model on published benchmark results",
    "measured": "serving model scaled to published results of this GPU and model",
    "extrapolation": "an extrapolation: serving model fitted to published results of other GPUs, models or caches",
    "sol": "nominal bandwidths and peaks in full, which no system reaches",
}
"""What the tokens rest on, by `Calibration.basis`."""
TRAINED = {
    "trained": "MFU of published runs of such GPUs",
    "trained_elsewhere": "an extrapolation: MFU of published runs of other GPUs or precisions, at the peak of these",
}
"""Likewise those of a job."""
CAPPED = {"mixed": "", "uniform": ", all GPUs capped alike", "phases": ", decode capped before prefill"}
"""By `workload.capping`."""


def _served(facility: Facility) -> str:
    """How racks serve and what that rests on, of the GPUs least known."""
    asked = facility.layout.workload
    drafts = (
        f", {asked.accepted_tokens:.3g} tokens a step of {asked.draft_length + 1}"
        if asked.draft_length
        else ""
    )
    worst = next(iter(_evidence(facility)), None)
    rests = f"; {rested(worst)}" if worst else ""
    return f"{asked.serving}{CAPPED[asked.capping]}{drafts}{rests}"


def rested(known: Evidence) -> str:
    """What tokens rest on, with the error to be expected where one is known."""
    if known.basis in TRAINED:
        error = f"; error up to {100.0 * known.band:.0f} %" if math.isfinite(known.band) else ""
        return TRAINED[known.basis] + error
    if not math.isfinite(known.band):
        return BASES[known.basis]
    error = f"\N{PLUS-MINUS SIGN}{100.0 * known.band:.0f} %"
    return f"{BASES[known.basis]}; time per token {error} (median error)"


def _metrics(facility: Facility, one: xr.Dataset, drawn: Waveform | None) -> dict[str, Metric]:
    """The metrics in the order in which they are printed. drawn : by a training job in time."""
    layout, value = facility.layout, partial(_number, one)
    asked, economics = layout.workload, layout.economics
    pace = f"{asked.interactivity:.4g} token/s for each user"
    if asked.first_token is not None:
        pace += f", the first within {given(asked.first_token, 's')} (p99)"
    job = facility.job
    agents = bool(asked.session) and not job
    served = (
        _trained(facility)
        if job
        else f"{asked.model} in {asked.precision}, {_turns(asked)} at {pace}; {_served(facility)}"
    )
    cost = (
        f"capital at {given(economics.interest_rate, '%')} a year, maintenance, and electricity at "
        f"{given(layout.site.electricity_price, 'USD/J')}{' as if the job never stood' if job else ''}; "
        + f"{given(economics.utilisation, '%')} of the "
        + ("tokens kept paid for" if job else "output tokens sold")
    )
    costs = {words: value(f"cost_{part}") for part, words in PARTS.items()}
    parts = ", ".join(f"{words} {each:.3g}" for words, each in costs.items() if 0.0 < each < math.inf)
    most = "up to " if asked.first_token is not None else ""
    pools = (
        f"prefill pool at {most}{asked.prefill_utilisation:.0%} utilisation"
        if asked.serving == "disaggregated"
        else "prompts among the decode steps of their worker"
    )
    prefill = f"{pools}, worst running rack, slowed as its tokens are by what holds it; serving model"
    if agents:
        prefill = "of sessions the mean is told, as first token of a turn"
    decode = f"worst running rack, {pace} without what holds it; serving model"
    crowded = "batch of the 99th percentile, requests in flight fluctuate as Poisson; worst running rack, slowed alike"
    if agents:
        crowded = "of sessions the mean is told, as time per token, p50"
    tokens = "tokens trained" if job else "output tokens"
    reached = f"{tokens} over those of all racks without any limit of power or cooling"
    faults = (
        "GPUs at work: faults of them and their hosts at the rate of a published training run take their tray out"
        + (
            f", {layout.availability.spares} of each rack wait as spares"
            if layout.availability.spares
            else ""
        )
        + (", the job stands without all others" if job else "")
        + "; outages of power and cooling and of racks as a whole are not modelled in it, `twin uptime` has them"
    )
    joule = value("tokens_per_joule")
    latency = {
        "ttft_p50": Metric("Time to first token, p50", value("ttft_p50"), "s", prefill, 2),
        "ttft_p99": Metric("Time to first token, p99", value("ttft_p99"), "s", prefill, 2),
        "tpot_p50": Metric("Time per token, p50", value("tpot_p50"), "s", decode, 3),
        "tpot_p99": Metric("Time per token, p99", value("tpot_p99"), "s", crowded, 3),
    }
    total = {
        "cost_per_million_total_tokens": Metric(
            "Cost of tokens in and out",
            value("cost_per_million_total_tokens"),
            "USD/Mtoken",
            "the same cost over the tokens of input and output together"
            + (", the whole history of every turn among them, cached or not" if agents else ""),
            3,
        )
    }
    return {
        "tokens_per_second": Metric(tokens.capitalize(), value("tokens_per_second"), "token/s", served, 3),
        "tokens_per_second_per_megawatt": Metric(
            f"{'Trained' if job else 'Output'} per MW at utility",
            joule * 1e6,
            "token/s/MW",
            f"{tokens} over utility power",
            3,
        ),
        "tokens_per_joule": Metric(
            f"{tokens.capitalize()} per joule", joule, "token/J", f"{tokens} over utility energy", 3
        ),
        "cost_per_million_tokens": Metric(
            f"Cost of {tokens}",
            value("cost_per_million_tokens"),
            "USD/Mtoken",
            f"{cost}; {parts}" if parts else cost,
            3,
        ),
        **({} if job else total),
        "utility_power": Metric(
            "Utility power", value("utility_power"), "W", "active power at the point of connection"
        ),
        "it_power": Metric(
            "IT power", value("it_power"), "W", "input of the racks and the support load in the rows"
        ),
        "pue": Metric("PUE", value("pue"), "1", "utility over IT power at this point, not a year's mean"),
        "utilisation": Metric("Utilisation", value("utilisation"), "1", reached, 3, percent=True),
        **(_training(facility, value, drawn) if job else latency),
        "uptime": Metric("Uptime", value("uptime"), "1", faults, percent=True, partial=True),
        **(_agents(asked.session, asked.interactivity, one) if agents and asked.session else {}),
    }


def _turns(asked: Workload) -> str:
    """Lengths of what is served."""
    if asked.session is None:
        return f"{asked.input_length:,} tokens in and {asked.output_length:,} out"
    return f"{asked.session.context:,.0f} tokens of agents in and {asked.session.output:,.0f} out"


def _agents(session: Session, interactivity: float, one: xr.Dataset) -> dict[str, Metric]:
    """The metrics of sessions: their number, and of their turns the share that finds a prefix and the worst wait."""
    count = one["sessions"].values
    total = float(count.sum())
    share = np.nansum(count[:, None] * one["kv_hit"].values, axis=0) / (total or math.nan)
    tiers = [name.replace("_", " ") for name in one["tier"].values.tolist()]
    found = ", ".join(f"{each:.3g} in {tier}" for each, tier in zip(share, tiers, strict=True) if each > 0.0)
    full = int(((one["compute_bound"] == COMPUTE_BOUNDS.index("memory")).values & np.isfinite(count)).sum())
    told = (
        f"agents of {session.turns:,.0f} turns at {session.context:,.0f} tokens, {session.new_tokens:,.0f} new and "
        f"{session.output:,.0f} written in each, {given(session.tool_time, 's')} of tools; as many as see "
        f"{interactivity:.4g} token/s and wait {given(session.first_token, 's')}, both means; power and tokens are "
        f"theirs; memory limits {full:,} racks; closed loop"
    )
    kept = f"mean of the turns of all sessions; {found}" if found else "no sessions"
    waits = one["session_ttft"].values
    worst = float(waits[np.isfinite(waits)].max(initial=-math.inf))
    return {
        "sessions": Metric("Agent sessions", total, "1", told, 3),
        "kv_hit": Metric("Prefixes kept", float(share.sum()), "1", kept, 3, percent=True),
        "session_ttft": Metric(
            "First token of a turn",
            worst if math.isfinite(worst) else math.nan,
            "s",
            "mean after a tool call, worst running rack; closed loop",
            2,
        ),
    }


def _trained(facility: Facility) -> str:
    """What a job trains and what its speed rests on."""
    layout, told = facility.layout, facility.layout.workload.training
    assert facility.job is not None
    assert told is not None
    mixture = (
        f"; a mixture of experts at {facility.job.relative:g} of the MFU of a dense model (unverified)"
        if facility.job.relative < 1.0
        else ""
    )
    return (
        f"{layout.workload.model} in {layout.workload.precision}, one synchronous job on {facility.job.gpus:,.0f} "
        f"GPUs at the pace of its slowest rack, sequences of {told.sequence_length:,}, before checkpoints and "
        f"interruptions; MFU of published runs of 256 to 8,192 GPUs{_extrapolated(facility)}{mixture}"
    )


def _extrapolated(facility: Facility) -> str:
    """Whose runs stand for GPUs of which none is published."""
    told = [
        f" of {one.source}, at the peak of {kind.name} an extrapolation, error up to {one.band:.0%}"
        for kind in facility.racks.types
        if (one := kind.efficiency) and one.source
    ]
    return ",".join(told)


def _training(facility: Facility, value: Callable[[str], float], drawn: Waveform | None) -> dict[str, Metric]:
    """The metrics of a training job that serving has not."""
    told = facility.layout.workload.training
    assert told is not None
    step = (
        f"{told.global_batch:,} sequences of {told.sequence_length:,} tokens, at the pace of the slowest rack"
    )
    mfu = "model FLOPs, without recomputation, over the dense peak of all GPUs of the job"
    kept = (
        f"Young and Daly: a checkpoint of {given(told.checkpoint_pause, 's')} at the best interval, a restart of "
        f"{given(told.restart_time, 's')}, interruptions of each GPU at the rate of a published training run"
    )
    if any("failureRate" in kind.product.figures for kind in facility.racks.types):
        kept += ", of each rack as a whole at that of its product"
    return {
        "step_time": Metric("Time of a step", value("step_time"), "s", step, 3),
        "mfu": Metric("Model FLOP utilisation", value("mfu"), "1", mfu, 3, percent=True),
        "goodput": Metric("Goodput", value("goodput"), "1", kept, 3, percent=True),
        **_swing(told, drawn),
    }


def _swing(told: Training, drawn: Waveform | None) -> dict[str, Metric]:
    """How far and how fast the power of a job moves in each step."""
    high, low = (drawn.power.max(), drawn.power.min()) if drawn else (math.nan, math.nan)
    ramp = drawn.time[1] if drawn else math.nan
    fall = (
        f"AC input of all racks of the job, between {readable(high, 'W', 3)} while they compute and "
        f"{readable(low, 'W', 3)} while GPUs idle in the exchange of gradients, {given(told.exchange, '%')} of a step "
        "taken; the run takes the power of computing all the time; nothing smooths it"
    )
    rise = f"up and down in {given(ramp, 's')} each" if drawn else "the job stands"
    return {
        "power_swing": Metric("Swing of a step", high - low, "W", fall if drawn else "the job stands", 3),
        "power_ramp": Metric("Ramp of a step", (high - low) / ramp, "W/s", rise, 3),
    }


def _design(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings on the design, the worst first, those without a reserve to tell of last."""
    listed = [finding for finding in findings if finding.code not in SOLUTION]
    return tuple(sorted(listed, key=lambda finding: (met(finding), finding.relative)))


def met(finding: Finding) -> bool:
    """Whether a rule that has no reserve, only yes or no, says yes."""
    return not outside(finding) and _yes_or_no(finding)


def _yes_or_no(finding: Finding) -> bool:
    """A rule that stands half a unit either side of zero."""
    return finding.unit == "1" and finding.limit == 0.0 and abs(finding.value) == 0.5


def _basis(facility: Facility, findings: Sequence[Finding]) -> Basis:
    """Counts of figures by status, and what stands behind the worst margin."""
    status = [figure.status for made in facility.products for figure in made.figures.values()]
    worst = next(iter(_design(findings)), None)
    behind = worst and product_behind(facility, worst)
    soft = (
        [name for name, figure in behind.figures.items() if figure.status in ("assumed", "calibrated")]
        if behind
        else []
    )
    named = [name for name in soft if worst and name in worst.clause]
    return Basis(
        figures=len(status),
        assumed=status.count("assumed"),
        calibrated=status.count("calibrated"),
        product=behind.name if behind else "",
        decisive=tuple(named),
    )


def product_behind(facility: Facility, finding: Finding) -> Product | None:
    """The product whose figures set the limit of a finding; None where no single one does."""
    racks, devices = facility.racks, facility.devices
    made = {one.name: one for one in facility.products}
    if finding.element in racks.name:
        return racks.types[int(racks.type[racks.name.index(finding.element)])].product
    if finding.element in devices.name:
        return made.get(devices.product[devices.name.index(finding.element)])
    if finding.element in facility.blocks and finding.clause.startswith("rack product"):
        first = int(np.argmax(racks.block == facility.blocks.index(finding.element)))
        return racks.types[int(racks.type[first])].product
    return None


def outside(finding: Finding) -> bool:
    """Whether a margin is negative by more than the solver's residual, and its uncertainty."""
    return finding.relative < -NEGLIGIBLE and not finding.undecided


def doubt(found: Summary) -> str:
    """What to say of margins that are smaller than their uncertainty, empty where none is."""
    if not found.undecided:
        return ""
    named = ", ".join(finding.code for finding in found.undecided)
    other = any(math.isinf(finding.uncertainty) for finding in found.undecided)
    return (
        f"{named} undecided: the margin is smaller than the uncertainty of the air's field on its grid"
        f"{', or that is not known: of another flow, or of an interrupted run' if other else ''}"
    )


def readable(value: float, unit: str, digits: int = 4) -> str:
    """A value in SI as people read it, rounded to `digits` significant digits; temperatures to a tenth,
    times below a second in milliseconds.

    unit : as for `twin.units.shown`; `delta_degC` is a temperature difference.

    >>> readable(2_512_340.0, "W"), readable(318.15, "K"), readable(1_234_567.0, "token/s", 3)
    ('2,512 kW', '45.0 °C', '1,230,000 token/s')
    >>> readable(float("nan"), "W")
    'no value'
    """
    if not math.isfinite(value):
        return NO_VALUE
    number, name = (1e3 * value, "ms") if unit == "s" and abs(value) < 1.0 else shown(float(value), unit)
    if unit in ("K", "delta_degC"):
        return f"{number:,.1f} {name}".replace("-0.0 ", "0.0 ")
    rounded = float(f"{number:.{digits}g}")
    size = math.floor(math.log10(abs(rounded))) if rounded else digits
    return f"{rounded:,.{max(0, digits - 1 - size)}f} {name}".rstrip()


def given(value: float, unit: str) -> str:
    """A value of the input in SI as people read it, without digits that were not written.

    >>> given(0.08 / 3.6e6, "USD/J"), given(148e3, "W"), given(318.15, "K")
    ('0.08 USD/kWh', '148 kW', '45 °C')
    """
    number, name = shown(float(value), unit)
    return f"{number:,.6g} {name}".rstrip()


def terms(finding: Finding) -> tuple[str, str, str]:
    """Value, limit and margin of a finding as people read them.

    A rule that is met or not (half a unit either side of zero) reads yes or no; ratios read in per cent.
    """
    if _yes_or_no(finding):
        return "yes" if met(finding) else "no", "yes", "met" if met(finding) else "not met"
    unit = "%" if finding.unit == "1" else finding.unit
    part = "delta_degC" if unit == "K" else unit
    value, limit = (readable(number, unit, 3) for number in (finding.value, finding.limit))
    if finding.undecided:
        sure = readable(finding.uncertainty, part, 3) if math.isfinite(finding.uncertainty) else "?"
        return value, limit, f"{readable(finding.margin, part, 3)} ± {sure}, undecided"
    if abs(finding.relative) <= NEGLIGIBLE:
        return value, limit, "met" if met(finding) else "at the limit"
    return value, limit, readable(finding.margin, part, 3)


def worth(price: Price) -> tuple[str, str]:
    """What one more and one less of a limit change, as people read them: tokens per second for a kilowatt
    (kilovolt-ampere) or a kelvin.

    >>> worth(Price("utility", "utility", "W", 0.0284, 0.0284, 16))
    ('+28.4 token/s', '-28.4 token/s')
    """
    step = 1.0 if price.unit == "K" else 1e3
    return _change(price.up * step), _change(-price.down * step)


def _change(tokens: float) -> str:
    if not math.isfinite(tokens):
        return NO_VALUE
    if abs(tokens) < 0.05:
        return "nothing"
    return f"{'+' if tokens > 0 else '-'}{readable(abs(tokens), 'token/s', 3)}"


def record(found: Summary, files: Mapping[str, str]) -> dict[str, Any]:
    """The summary as the one object that `twin run --json` prints; what has no value is None.

    files : kind of file -> path.
    """
    ledger = found.ledger
    return {
        "facility": {"name": found.name, "racks": found.racks, "gpus": found.gpus},
        "metrics": {
            name: {
                "value": _finite(metric.value),
                "unit": metric.unit,
                "basis": metric.basis,
            }
            for name, metric in found.metrics.items()
        },
        "evidence": [
            {"rack": known.rack, "basis": known.basis, "band": _finite(known.band)}
            for known in found.evidence
        ],
        "tokens_per_watt": {
            each.boundary: {
                "power": _finite(each.watts),
                "output": _finite(each.output),
                "total": _finite(each.total),
                "unit": "token/s/W",
            }
            for each in found.boundaries
        },
        "binding": dict(found.binding),
        "compute_bound": dict(found.shaped),
        "unserved": dict(found.unserved),
        "not_in_service": list(found.dead),
        "worst_margins": [
            {
                "code": finding.code,
                "title": finding.title,
                "element": finding.element,
                "value": _finite(finding.value),
                "limit": _finite(finding.limit),
                "margin": _finite(finding.margin),
                "relative": _finite(finding.relative),
                "uncertainty": _finite(finding.uncertainty),
                "undecided": finding.undecided,
                "unit": finding.unit,
                "clause": finding.clause,
            }
            for finding in found.margins[:WORST]
        ],
        "prices": [
            {
                "limit": price.name,
                "kind": price.kind,
                "unit": f"token/s/{price.unit}",
                "up": _finite(price.up),
                "down": _finite(price.down),
                "racks": price.racks,
            }
            for price in found.prices
        ],
        "ledger": {"in": _finite(ledger.into), "out": _finite(ledger.out), "relative": _finite(ledger.heat)},
        "notes": list(found.notes),
        **({"waveform": _drawn(found.waveform)} if found.waveform else {}),
        "converged": found.converged,
        "residual": _finite(found.residual),
        "files": dict(files),
    }


def _drawn(wave: Waveform) -> dict[str, Any]:
    return {
        "boundary": "rack_ac",
        "time": {"value": wave.time.tolist(), "unit": "s"},
        "power": {"value": wave.power.tolist(), "unit": "W"},
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
