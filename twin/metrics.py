"""The metrics of a run, each with its unit, its digits and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from twin.compute.training import Waveform
from twin.facility import COMPUTE_BOUNDS, Facility
from twin.schema import Session, Training, Workload
from twin.wording import given, readable

if TYPE_CHECKING:
    import xarray as xr

PARTS = {
    "it": "IT capital",
    "facility": "building, power and cooling",
    "electricity": "electricity",
    "maintenance": "maintenance",
    "water": "water",
}
"""Of the cost of a token, by its variables, in words."""
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


def metrics(facility: Facility, one: xr.Dataset, drawn: Waveform | None) -> dict[str, Metric]:
    """The metrics in the order in which they are printed. drawn : by a training job in time."""
    layout, value = facility.layout, partial(number, one)
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


def evidence(facility: Facility) -> tuple[Evidence, ...]:
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


def rested(known: Evidence) -> str:
    """What tokens rest on, with the error to be expected where one is known."""
    if known.basis in TRAINED:
        error = f"; error up to {100.0 * known.band:.0f} %" if math.isfinite(known.band) else ""
        return TRAINED[known.basis] + error
    if not math.isfinite(known.band):
        return BASES[known.basis]
    error = f"\N{PLUS-MINUS SIGN}{100.0 * known.band:.0f} %"
    return f"{BASES[known.basis]}; time per token {error} (median error)"


def number(one: xr.Dataset, name: str) -> float:
    return float(one[name])


def _served(facility: Facility) -> str:
    """How racks serve and what that rests on, of the GPUs least known."""
    asked = facility.layout.workload
    worst = next(iter(evidence(facility)), None)
    rests = f"; {rested(worst)}" if worst else ""
    return f"{asked.serving}{CAPPED[asked.capping]}{drafted(asked)}{rests}"


def drafted(asked: Workload) -> str:
    """What drafts bring, where a workload has any."""
    if not asked.draft_length:
        return ""
    return f", {asked.accepted_tokens:.3g} tokens a step of {asked.draft_length + 1}"


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
