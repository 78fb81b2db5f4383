"""Serving of agents: what a GPU yields and draws where sessions keep their KV cache with it.

A worker carries as many sessions as latency and its tiers of KV cache allow (`twin.compute.session`), in the
configuration in which it would serve single requests. Those that are not at their tools decode. What is new of their
prompts, and what was lost of their prefixes, is prefilled by the same GPUs or, disaggregated, by others, as many as
their utilisation asks. GPUs that wait for tools draw what idle ones do.

Under a cap a rack yields no more than its law gives and than its sessions write (`twin.sessions`). The law is hard
where sessions that fill the memory are at their tools: at 10 min of them a GB200 a tenth slower writes 0.6 % less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from twin.compute.roofline import Calibration, Gpu, Model, Workload, step_time
from twin.compute.serving import PowerLaw, Service, prefill_size, used
from twin.compute.session import Session, Tier, Worker, carry, most_sessions, resident, worker

ROUNDING = 1e-9
"""Of sessions."""


@dataclass(frozen=True)
class Agents:
    session: Session
    first_token: float
    """Longest mean wait from the end of a tool call to the first token [s]."""


class Counted(NamedTuple):
    """What a worker carries, and where it is not apart what prefills for it; nothing of no sessions."""

    sessions: float
    """For as many GPUs as the worker has, those among them that prefill elsewhere: so it need not be whole."""
    tokens: float
    """Written a second by the same GPUs [1/s]."""
    hits: tuple[float, ...]
    """Share of the turns that find their prefix in each tier."""
    ttft: float
    tpot: float
    batch: float
    """Sessions that decode in the worker, a mean."""
    prefill: float
    """Busy share of its prefill."""
    memory: bool
    """With KV cache without end it would carry more."""


@lru_cache(maxsize=4096)
def counted(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: int,
    shards: int,
    tiers: tuple[Tier, ...],
    agents: Agents,
) -> Counted:
    """The load within latency at which a worker and its prefill carry most a GPU: the largest, or one that just fits
    a tier, for beyond it what is lost has to be prefilled.

    size : GPUs of the worker, `shards` in an attention group. tiers : beyond the memory of the GPUs, of one GPU. Of
    the workload its lengths do not count. Kept for all chunks that ask the same.
    """
    made = worker(gpu, model, workload, calibration, size, tiers, shards)
    if calibration.mode == "disaggregated":
        deepest = replace(workload, input_length=agents.session.context + agents.session.new)
        made = replace(made, pieces=size / prefill_size(gpu, model, deepest))
    endless = _most(replace(made, tiers=(Tier(np.inf, np.inf),)), workload, calibration, agents)
    found = _most(made, workload, calibration, agents)
    return found._replace(memory=found.sessions < endless.sessions * (1.0 - ROUNDING))


def _most(made: Worker, workload: Workload, calibration: Calibration, agents: Agents) -> Counted:
    """What a worker carries; it cannot tell whether for want of memory."""
    session = agents.session
    most = most_sessions(made, session, agents.first_token, 1.0 / workload.interactivity)
    if not most:
        return Counted(0.0, 0.0, (np.nan,) * len(made.tiers), np.nan, np.nan, 0.0, 0.0, False)
    fits = np.floor(resident(made, session))
    counts = np.append(fits[(fits >= 1.0) & (fits < most)], float(most))
    load = carry(made, session, counts)
    part = np.ones_like(counts)
    if calibration.mode == "disaggregated":
        part = 1.0 / (1.0 + load.prefill / workload.prefill_utilisation)
    best = int(np.nanargmax(counts * part))
    return Counted(
        sessions=float((counts * part)[best]),
        tokens=float((load.output_tokens_per_second * part)[best]),
        hits=tuple(load.hits[best].tolist()),
        ttft=float(load.ttft[best]),
        tpot=float(load.tpot[best]),
        batch=float(load.batch[best]),
        prefill=float(load.prefill[best]),
        memory=False,
    )


def served(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    power_law: PowerLaw,
    tiers: tuple[Tier, ...],
    agents: Agents,
    single: Service,
) -> Service:
    """What a GPU yields and draws under as many sessions as it carries, averaged over all GPUs that serve.

    single : its service of single requests, whose configuration counts. Latencies are means; percentiles are not
    known. `bound` is memory where KV cache without end would carry more sessions.
    """
    if not single.feasible:
        return single
    size, shards, session = single.worker_size, single.shards, agents.session
    found = counted(gpu, model, workload, calibration, size, shards, tiers, agents)
    unknown = replace(single, tpot_p99=np.nan, ttft_p50=np.nan, ttft_p99=np.nan, batch=found.batch)
    if not found.sessions:
        return replace(
            unknown,
            feasible=False,
            output_tokens_per_second=0.0,
            total_tokens_per_second=0.0,
            tpot=np.nan,
            prefill_share=0.0,
            gpu_power=power_law.idle * gpu.power,
            prefill_power=0.0,
            bound="memory" if found.memory else "latency",
        )
    apart = calibration.mode == "disaggregated"
    ratio = found.prefill / workload.prefill_utilisation if apart else 0.0
    share = ratio / (1.0 + ratio) if apart else min(found.prefill, 1.0)
    held = replace(workload, input_length=session.context + session.new, output_length=session.output)
    step = step_time(gpu, model, held, calibration, size, shards, max(found.batch, 1.0) * shards / size)
    # A worker whose sessions are all at their tools reads and computes nothing.
    at_work = min(found.batch, 1.0)
    step = replace(step, read=at_work * step.read, operations=at_work * step.operations)
    # New tokens attend to all before them: as those of a prompt of twice their distance do in the mean.
    deep = replace(workload, input_length=2.0 * session.context + session.new, output_length=0.0)
    power, prefill, bound = used(gpu, model, deep, calibration, power_law, step, share)
    output = found.tokens / size
    return replace(
        unknown,
        output_tokens_per_second=output,
        total_tokens_per_second=output * (1.0 + (session.context + session.new) / session.output),
        tpot=found.tpot,
        prefill_share=share,
        gpu_power=power,
        prefill_power=prefill,
        bound="memory" if found.memory else bound,
    )
