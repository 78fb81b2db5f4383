"""Serving of agents: what a GPU yields and draws where sessions keep their KV cache with it.

A worker carries as many sessions as latency and its tiers of KV cache allow (`twin.compute.session`), in the
configuration in which these write most. Those that are not at their tools decode. What is new of their prompts, and
what was lost of their prefixes, is prefilled by the same GPUs or, disaggregated, by others, as many as their
utilisation asks. GPUs that wait for tools draw what idle ones do.

Under a cap a rack yields no more than its law gives and than its sessions write (`twin.sessions`). The law is hard
where sessions that fill the memory are at their tools: at 10 min of them a GB200 a tenth slower writes 0.6 % less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from twin.compute.roofline import Calibration, Gpu, Model, Workload
from twin.compute.serving import PowerLaw, Service, configurations, prefill_size, used
from twin.compute.session import (
    Load,
    Session,
    Tier,
    Worker,
    carry,
    decode_step,
    most_sessions,
    resident,
    worker,
)

Array = npt.NDArray[np.float64]

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
def configuration(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    tiers: tuple[Tier, ...],
    agents: Agents,
) -> tuple[int, int]:
    """GPUs of a worker, and of an attention group in it, of all that serving knows: those whose sessions write most.

    Arguments as for `counted`. Where none carries a session, those that would write most with KV cache without end.
    """
    size, shards = configurations(gpu, model, calibration)
    made = _worker(gpu, model, workload, calibration, size, shards, tiers, agents)
    _, tokens, _ = _loads(made, workload, calibration, agents)
    if not tokens.any():
        _, tokens, _ = _loads(_endless(made), workload, calibration, agents)
    best = int(np.argmax(tokens.max(axis=0) / size))
    return int(size[best]), int(shards[best])


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
    """The load within latency at which a worker and its prefill write most a GPU: the largest, or one that just fits
    a tier, for beyond it what is lost has to be prefilled.

    size : GPUs of the worker, `shards` in an attention group. tiers : beyond the memory of the GPUs, of one GPU. Of
    the workload its lengths do not count. Kept for all chunks that ask the same.
    """
    made = _worker(gpu, model, workload, calibration, size, shards, tiers, agents)
    sessions, tokens, load = _loads(made, workload, calibration, agents)
    best = int(np.argmax(tokens))
    endless, _, _ = _loads(_endless(made), workload, calibration, agents)
    memory = bool(sessions[best] < endless.max() * (1.0 - ROUNDING))
    if not sessions[best]:
        return Counted(0.0, 0.0, (np.nan,) * len(made.tiers), np.nan, np.nan, 0.0, 0.0, memory)
    return Counted(
        sessions=float(sessions[best]),
        tokens=float(tokens[best]),
        hits=tuple(load.hits[best].tolist()),
        ttft=float(load.ttft[best]),
        tpot=float(load.tpot[best]),
        batch=float(load.batch[best]),
        prefill=float(load.prefill[best]),
        memory=memory,
    )


def served(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    power_law: PowerLaw,
    tiers: tuple[Tier, ...],
    agents: Agents,
) -> Service:
    """What a GPU yields and draws under as many sessions as it carries, averaged over all GPUs that serve.

    Latencies are means: their percentiles rest on how turns vary, which a session does not tell. `bound` is memory
    where KV cache without end would carry more sessions.
    """
    size, shards = configuration(gpu, model, workload, calibration, tiers, agents)
    found = counted(gpu, model, workload, calibration, size, shards, tiers, agents)
    if not found.sessions:
        return Service(
            False, 0.0, 0.0, np.nan, np.nan, np.nan, np.nan, 0.0, 0, 0, 0.0, power_law.idle * gpu.power,
            "memory" if found.memory else "latency", calibration.basis, calibration.band,
        )  # fmt: skip
    session = agents.session
    apart = calibration.mode == "disaggregated"
    ratio = found.prefill / workload.prefill_utilisation if apart else 0.0
    share = ratio / (1.0 + ratio) if apart else min(found.prefill, 1.0)
    held = replace(workload, input_length=session.context + session.new, output_length=session.output)
    step = decode_step(gpu, model, held, calibration, size, shards, max(found.batch, 1.0))
    # New tokens attend to all before them: as those of a prompt of twice their distance do in the mean.
    deep = replace(workload, input_length=2.0 * session.context + session.new, output_length=0.0)
    power, prefill, bound = used(gpu, model, deep, calibration, power_law, step, share, min(found.batch, 1.0))
    output = found.tokens / size
    return Service(
        feasible=True,
        output_tokens_per_second=output,
        total_tokens_per_second=output * (1.0 + (session.context + session.new) / session.output),
        tpot=found.tpot,
        tpot_p99=np.nan,
        ttft_p50=np.nan,
        ttft_p99=np.nan,
        batch=found.batch,
        worker_size=size,
        shards=shards,
        prefill_share=share,
        gpu_power=power,
        bound="memory" if found.memory else bound,
        basis=calibration.basis,
        band=calibration.band,
        prefill_power=prefill,
    )


def _worker(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: Array | int,
    shards: Array | int,
    tiers: tuple[Tier, ...],
    agents: Agents,
) -> Worker:
    """The workers of some sizes and attention groups, (...,), and disaggregated what of as many GPUs prefills."""
    made = worker(gpu, model, workload, calibration, size, tiers, shards)
    if calibration.mode == "aggregated":
        return made
    deepest = replace(workload, input_length=agents.session.context + agents.session.new)
    return replace(made, pieces=np.asarray(size) / prefill_size(gpu, model, deepest))


def _endless(made: Worker) -> Worker:
    """The same with KV cache without end."""
    return replace(made, tiers=(Tier(np.full(np.shape(made.longest), np.inf), np.inf),), longest=np.inf)


def _loads(
    made: Worker, workload: Workload, calibration: Calibration, agents: Agents
) -> tuple[Array, Array, Load]:
    """Sessions and tokens a second of as many GPUs as a worker has, and its load, (candidate, ...): at the most
    sessions within latency, and at those that just fit a tier where these are fewer; 0 where it carries none."""
    session = agents.session
    most = most_sessions(made, session, agents.first_token, 1.0 / workload.interactivity)
    fits = np.floor(resident(made, session))
    counts = np.concatenate([np.where(fits < most, fits, most), most[None]])
    load = carry(made, session, np.maximum(counts, 1.0))
    part = np.where(counts > 0.0, 1.0, 0.0)
    if calibration.mode == "disaggregated":
        part = part / (1.0 + load.prefill / workload.prefill_utilisation)
    tokens = np.nan_to_num(load.output_tokens_per_second * part)  # NaN where the load has no steady state
    return counts * part, tokens, load
