"""Serving of a language model: what a GPU yields at a latency target, and what it draws.

Disaggregated, a decode pool holds the batch and a prefill pool of the same GPUs is sized to keep it busy. Aggregated,
every worker does both: each of its steps carries a share of a new prompt, so that

    time per output token = step / accepted + batch x input length x prefill time of a token / output length.

`accepted` is 1 without multi-token prediction. The calibration says which of the two it was fitted to, and how well:
191 published disaggregated decode points (GB200, GB300, B200, H200; DeepSeek-R1, Kimi-K2.5) with a median error of
7 % (95 % within 30 %), 1940 aggregated ones (H100, H200, B200, B300; five models, three engines) with 15 % (80 %).
Of 150 disaggregated points with drafts, in no fit, the median error is 5 %. Tokens at a pace move more than time per
token, the nearer the pace is to what one request sees: a tenth in time is a third of the tokens at 116 tokens/s per
user of DeepSeek on GB300. `twin/compute/measured` holds the points that may be shipped, and
`tests/acceptance/test_compute.py` recomputes the errors. Expect +-50 % for a model family the calibration has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from twin.compute.queueing import paused, wait
from twin.compute.roofline import (
    Array,
    Basis,
    Calibration,
    Gpu,
    Model,
    Step,
    Workload,
    prefill_operations,
    prefill_time,
    routed_parameters,
    step_time,
    stored_weights,
    token_cache,
)

Bound = Literal["bandwidth", "flops", "memory", "latency", "no_gpus"]

WORKER_SIZES = (1, 2, 4, 8, 16, 32, 64, 72)
SHARDS = (1, 2, 4, 8)
USABLE_MEMORY = 0.88
"""Share of the memory that weights and KV cache may fill; the rest is activations and runtime."""
CEILING = 0.97
"""Largest mean draw over the power limit seen in service."""
HALVINGS = 50
THINNED = 2.0 ** (-np.arange(41) / 4.0)
"""Of the largest batch within latency: what is tried for a limit on the first token, each with a larger prefill pool.
Four times as many find up to 2 % more tokens, 6 % where hardly any keeps the limit."""
LEAST = 1e-9
"""Of the load of a configuration that is tried for a limit on the first token."""
NODE = 8
"""Largest worker of aggregated serving: the points it was fitted to are of single nodes."""
CHUNK = 8192
"""Input tokens that prefill computes in one pass over the weights, and an aggregated step takes at most; more where it
would not keep up."""
ROOM = 0.8
"""Most of a chunk that prompts fill in a mean aggregated step, where 8,192 tokens would not keep up; assumed."""
VARIABILITY = 0.5 * (1.0 + 0.1)
"""Mean of the squared coefficients of variation of arrivals (Poisson, 1) and prefill (equal inputs, 0.1)."""
TAIL = 2.326
"""Standard deviations from the median to the 99th percentile of a normal distribution."""


@dataclass(frozen=True)
class PowerLaw:
    """Draw over the power limit: idle + bandwidth u^bandwidth_exponent + flops v^flops_exponent, at most
    maximum; u and v are the shares of nominal bandwidth and peak in use."""

    idle: float
    bandwidth: float
    bandwidth_exponent: float
    flops: float
    flops_exponent: float
    maximum: float = CEILING


@dataclass(frozen=True)
class Service:
    """What a GPU yields and draws, averaged over all GPUs that serve."""

    feasible: bool
    """False where no configuration meets the latency target: no tokens, idle draw, latencies NaN."""
    output_tokens_per_second: float
    """Output tokens per second over all GPUs, prefill included [1/s]."""
    total_tokens_per_second: float
    """Input and output tokens per second over all GPUs [1/s]."""
    tpot: float
    """Time per output token at the mean batch, its median [s]."""
    tpot_p99: float
    """The same at the 99th percentile of the batch [s]: in flight fluctuates as Poisson, whatever outputs last."""
    ttft_p50: float
    """Median time to the first token [s]; ttft_p99 its 99th percentile."""
    ttft_p99: float
    batch: float
    """Requests in flight in one worker that decodes, a mean."""
    worker_size: int
    """GPUs of one such worker."""
    shards: int
    """GPUs of one attention group."""
    prefill_share: float
    """Share of the GPUs that prefill; aggregated, share of their time."""
    gpu_power: float
    """Mean draw of a GPU that nothing holds back [W]."""
    bound: Bound
    """Largest part of the step time, or memory where the cache filled it before the latency target."""
    basis: Basis = "roofline"
    """What the calibration rests on; `band` is the median relative error to be expected, NaN where unknown."""
    band: float = np.nan
    prefill_power: float = 0.0
    """Part of `gpu_power` that GPUs draw which only prefill [W]: 0 aggregated."""


@dataclass(frozen=True)
class Pareto:
    """Yield of a GPU against what a user sees, (interactivity,), ascending in interactivity."""

    interactivity: npt.NDArray[np.float64]
    """Tokens per second that each user sees at least [1/s]."""
    output_tokens_per_second: npt.NDArray[np.float64]
    """Of a GPU [1/s], the most that this interactivity or a higher one yields; likewise `total_tokens_per_second`."""
    total_tokens_per_second: npt.NDArray[np.float64]
    tpot_p50: npt.NDArray[np.float64]
    """Where those are yielded [s]; NaN beyond reach. Likewise those below."""
    tpot_p99: npt.NDArray[np.float64]
    ttft_p50: npt.NDArray[np.float64]
    ttft_p99: npt.NDArray[np.float64]
    gpu_power: npt.NDArray[np.float64]
    """[W]."""


def prompt_time(
    gpu: Gpu, model: Model, workload: Workload, calibration: Calibration, pool: float, quantile: float
) -> float:
    """Quantile of the time from a request to its KV cache standing at the decode worker [s].

    pool : prefill GPUs that share a queue. Wait, prefill on the smallest worker that holds the model, and the
    transfer of the cache over one GPU's link.
    """
    worker = prefill_size(gpu, model, workload)
    service = workload.input_length * prefill_time(gpu, model, workload, calibration) / worker
    transfer = workload.input_length * token_cache(model, workload) / (calibration.link * gpu.link_bandwidth)
    queue = wait(quantile, pool / worker, workload.prefill_utilisation, service, VARIABILITY)
    return queue + service + transfer


def demand_power(law: PowerLaw, bandwidth: Array, flops: Array) -> Array:
    """Draw of a GPU over its power limit, (...,), for the shares of nominal bandwidth and peak in use.

    >>> blackwell = PowerLaw(0.263, 0.766, 0.943, 1.181, 0.541)
    >>> float(demand_power(blackwell, 0.0, 0.0)), float(demand_power(blackwell, 1.0, 0.5))
    (0.263, 0.97)
    """
    memory = law.bandwidth * np.asarray(bandwidth) ** law.bandwidth_exponent
    return np.minimum(law.maximum, law.idle + memory + law.flops * np.asarray(flops) ** law.flops_exponent)


def cache_room(gpu: Gpu, model: Model, workload: Workload, size: Array, shards: Array) -> Array:
    """KV cache that an attention group holds beside its weights [B], (...,); negative where these do not fit.

    size, shards : as for `step_time`. What every shard keeps whole counts once.
    """
    weights = (model.always_read / shards + routed_parameters(model) / size) * workload.weight_bytes
    return np.asarray((USABLE_MEMORY * gpu.memory - weights) * np.minimum(shards, model.kv_heads))


def token_time(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: Array,
    shards: Array,
    batch: Array,
) -> Array:
    """Time per output token of a user [s], (...,): a step over what it yields, and aggregated the prompts in it.

    size, shards, batch : as for `step_time`. Aggregated, a mean batch below 1 leaves a worker idle at times, and its
    steps are those of one request. Against an engine replayed step by step it is within 13 % where a worker has one or
    two in flight, but few whose prompts are a thousand times their answers (100,000 in, 100 out) decode just when
    prompts queue, and take up to four times as long.
    """
    together = calibration.mode == "aggregated"
    full = np.maximum(batch, 1.0) if together else batch
    step = step_time(gpu, model, workload, calibration, size, shards, full).time / workload.accepted
    if not together:
        return step
    prompts = np.asarray(batch) / shards / workload.output_length  # requests that begin, per GPU and token
    return step + prompts * workload.input_length * prefill_time(gpu, model, workload, calibration)


def serve(
    gpu: Gpu, model: Model, workload: Workload, calibration: Calibration, power_law: PowerLaw
) -> Service:
    """The configuration with the most tokens per second and GPU whose users see the interactivity asked for.

    Of every worker size and number of shards that the domain holds, the largest batch that latency and memory
    allow. Batches are means and need not be whole. A worker lies in one domain; the pools span many, so
    workers need not fill one and may prefill for a neighbour. The queue is that of one domain's prefill, aggregated
    that of one worker.

    Where the first token comes later than the workload allows, a configuration is loaded less: the prefill pool is
    larger than `prefill_utilisation` asks, its decode batch smaller where that leaves more time for the queue;
    aggregated the batch is smaller, below 1 a worker that idles at times.
    """
    size, shards = configurations(gpu, model, calibration)
    target = 1.0 / workload.interactivity
    request = (workload.input_length + workload.output_length) * token_cache(model, workload)
    room = cache_room(gpu, model, workload, size, shards) / request

    def pace(batch: Array) -> Array:
        return token_time(gpu, model, workload, calibration, size, shards, batch)

    # Tokens per GPU grow with the batch, and so does their time: the largest batch in time is the best.
    low, high = np.ones(size.shape), np.maximum(room, 1.0)
    possible = (room >= 1.0) & (pace(low) <= target)
    full = np.asarray(pace(high) <= target)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        meets = pace(middle) <= target
        low, high = np.where(meets, middle, low), np.where(meets, high, middle)
    batch = whole = np.where(full, high, low)
    if np.isfinite(workload.first_token) and calibration.mode == "disaggregated":
        # A smaller batch writes sooner, and leaves the queue of prefill more of the time that the limit gives.
        thin = THINNED[:, None]
        batch = np.maximum(thin * whole, 1.0).ravel()
        size, shards, room, possible, full, whole = (
            np.tile(one, len(THINNED)) for one in (size, shards, room, possible, full, whole)
        )
        quiet = replace(workload, prefill_utilisation=LEAST)
        prompt = prompt_time(gpu, model, quiet, calibration, gpu.domain, 0.99)
        possible &= prompt + pace(batch) * workload.accepted <= workload.first_token
    most, _ = _yield(gpu, model, workload, calibration, shards, batch, pace(batch))
    most = np.where(possible, most, 0.0)

    def at(place: int, load: float) -> _Choice:
        return _choice(
            gpu,
            model,
            workload,
            calibration,
            float(size[place]),
            float(shards[place]),
            float(batch[place]),
            load,
        )

    best, chosen = -1, None
    for place in np.argsort(-most, kind="stable").tolist():
        # No limit on the first token makes a configuration yield more.
        known = chosen.output if chosen else 0.0
        if most[place] <= known:
            break
        found = _in_time(partial(at, place), workload.first_token, known)
        if found is not None:
            best, chosen = place, found
    if chosen is None:
        bound: Bound = "latency" if np.any(room >= 1.0) else "memory"
        idle = power_law.idle * gpu.power
        return Service(
            False, 0.0, 0.0, np.nan, np.nan, np.nan, np.nan, 0.0, 0, 0, 0.0, idle, bound,
            calibration.basis, calibration.band,
        )  # fmt: skip

    draw, prefill, largest = used(
        gpu, model, chosen.workload, calibration, power_law, chosen.step, chosen.prefill_share,
        min(chosen.batch, 1.0),
    )  # fmt: skip
    late = chosen.load < 1.0 or batch[best] < whole[best]
    groups = size[best] / shards[best]
    flight = chosen.batch * groups
    crowded = min(flight + TAIL * np.sqrt(flight), room[best] * groups) / groups
    return Service(
        feasible=True,
        output_tokens_per_second=chosen.output,
        total_tokens_per_second=chosen.output * (1.0 + workload.input_length / workload.output_length),
        tpot=chosen.tpot,
        tpot_p99=float(token_time(gpu, model, workload, calibration, size[best], shards[best], crowded)),
        ttft_p50=chosen.first[0],
        ttft_p99=chosen.first[1],
        batch=float(flight),
        worker_size=int(size[best]),
        shards=int(shards[best]),
        prefill_share=chosen.prefill_share,
        gpu_power=draw,
        bound="latency" if late else "memory" if full[best] else largest,
        basis=calibration.basis,
        band=calibration.band,
        prefill_power=prefill,
    )


class _Choice(NamedTuple):
    """A configuration at a load, see `_choice`."""

    load: float
    workload: Workload
    """With the utilisation that its prefill pool then has."""
    batch: float
    """Of an attention group."""
    output: float
    """Tokens per second and GPU."""
    tpot: float
    prefill_share: float
    step: Step
    first: tuple[float, float]
    """Median and 99th percentile of the time to the first token [s]."""


def _choice(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: float,
    shards: float,
    batch: float,
    load: float,
) -> _Choice:
    """A configuration at a load over that of `batch` and `prefill_utilisation`, in (0, 1]: a part of the utilisation,
    aggregated of the batch."""
    if calibration.mode == "disaggregated":
        workload = replace(workload, prefill_utilisation=load * workload.prefill_utilisation)
    else:
        batch = load * batch
    given = gpu, model, workload, calibration
    pace = token_time(*given, size, shards, batch)
    output, share = _yield(*given, shards, batch, pace)
    step = step_time(*given, size, shards, max(batch, 1.0))
    first = first_token(*given, size, float(share), float(step.time))
    return _Choice(load, workload, batch, float(output), float(pace), float(share), step, first)


def _in_time(at: Callable[[float], _Choice], limit: float, known: float) -> _Choice | None:
    """What the largest load gives whose 99th percentile of the first token keeps a limit [s]; None where none does, or
    where it gives no more tokens than are known."""
    found = at(1.0)
    if found.first[1] > limit:
        low, high, found = LEAST, 1.0, at(LEAST)
        if found.first[1] > limit:
            return None
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            one = at(middle)
            if one.first[1] <= limit:
                low, found = middle, one
            elif one.output > known:
                high = middle
            else:
                return None
    return found if found.output > known else None


def _yield(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    shards: Array | float,
    batch: Array | float,
    pace: Array,
) -> tuple[Array, Array]:
    """Output tokens per second over all GPUs [1/s], and the share of them that prefills, aggregated of their time,
    (...,), of a batch of an attention group at its time per output token."""
    rate = batch / shards / (pace * workload.output_length)  # requests per second and GPU that decodes
    token = prefill_time(gpu, model, workload, calibration)
    work = rate * workload.input_length * token  # prefill GPU seconds per second of such a GPU
    if calibration.mode == "aggregated":
        return rate * workload.output_length, work
    ratio = work / workload.prefill_utilisation
    return rate * workload.output_length / (1.0 + ratio), ratio / (1.0 + ratio)


def configurations(
    gpu: Gpu, model: Model, calibration: Calibration
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sizes of a worker and GPUs of its attention groups that fit the domain, (configuration,)."""
    largest = gpu.domain if calibration.mode == "disaggregated" else min(gpu.domain, NODE)
    pairs = [
        (size, shards)
        for size in WORKER_SIZES
        for shards in SHARDS
        if size <= largest and shards <= model.heads and size % shards == 0
    ]
    size, shards = np.array(pairs, dtype=np.float64).T
    return size, shards


def pareto(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    power_law: PowerLaw,
    interactivity: npt.NDArray[np.float64],
) -> Pareto:
    """Tokens of a GPU against tokens of a user, (interactivity,); none beyond reach.

    interactivity : tokens per second that each user must see [1/s], in any order.
    """
    asked = np.sort(np.asarray(interactivity, dtype=np.float64))
    served = [
        serve(gpu, model, replace(workload, interactivity=float(one)), calibration, power_law)
        for one in asked
    ]
    # A pace that is kept where more is yielded is served so as well.
    for place in range(len(served) - 2, -1, -1):
        if served[place].output_tokens_per_second < served[place + 1].output_tokens_per_second:
            served[place] = served[place + 1]

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.array([getattr(one, name) for one in served], dtype=np.float64)

    return Pareto(
        interactivity=asked,
        output_tokens_per_second=column("output_tokens_per_second"),
        total_tokens_per_second=column("total_tokens_per_second"),
        tpot_p50=column("tpot"),
        tpot_p99=column("tpot_p99"),
        ttft_p50=column("ttft_p50"),
        ttft_p99=column("ttft_p99"),
        gpu_power=column("gpu_power"),
    )


def first_token(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: float,
    share: float,
    step: float,
) -> tuple[float, float]:
    """Median and 99th percentile of the time to the first token [s].

    size : GPUs of a worker. share : prefill share of `Service`. step : time of a decode step [s]. Aggregated, a step
    takes what waits of the prompts, in order, up to a chunk: to a prompt that comes the step under way is a pause,
    those that share its own step lengthen both, and those that fill steps before it are a queue. Against an engine
    replayed step by step both are within 20 % while no more than 0.7 of its time is in use, the decode steps that
    prompts sit through with it, and within 30 % up to 0.9. Inputs are of one length: where they vary by a third about
    one chunk, the median comes a third later.
    """
    if calibration.mode == "disaggregated":
        pool = gpu.domain * share
        median, late = (
            prompt_time(gpu, model, workload, calibration, pool, quantile) for quantile in (0.5, 0.99)
        )
        return median + step, late + step
    token = prefill_time(gpu, model, workload, calibration) / size
    taken = share / (1.0 - share) * step / token  # tokens that begin in a step, a mean
    chunk = max(CHUNK, taken / ROOM)
    chunks = workload.input_length / chunk
    load = share + (1.0 - share) * taken / chunk
    together = share * (1.0 - min(chunks, 1.0))
    pause = step / (1.0 - together)
    work = workload.input_length * token
    median, late = (
        paused(quantile, load, work + chunks * step, VARIABILITY, pause) for quantile in (0.5, 0.99)
    )
    fixed = work + math.ceil(chunks) * step + together * pause + calibration.prompt_latency
    return median + fixed, late + fixed


def used(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    power_law: PowerLaw,
    step: Step,
    share: float,
    stepping: float,
) -> tuple[float, float, Bound]:
    """Mean draw of a GPU and the part of it that the prefill pool draws [W], and the largest part of its time, for a
    decode step and a prefill share of `Service`. stepping : share of the time without prompts in which steps follow one
    another, 1 but where a batch is none at times: then a GPU draws as an idle one."""
    prompts = share / (1.0 - share) if calibration.mode == "aggregated" and share < 1.0 else 0.0
    drawn = _drawn(gpu, model, workload, calibration, power_law, step, share, stepping)
    return *drawn, _largest(step, prompts)


def _drawn(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    law: PowerLaw,
    step: Step,
    share: float,
    stepping: float,
) -> tuple[float, float]:
    """Mean draw of a GPU [W]: of both pools by their shares, or of one that does both by its mean use; and the part of
    it that the prefill pool draws."""
    token = prefill_time(gpu, model, workload, calibration)
    reading = stored_weights(model, workload) / (CHUNK * token * gpu.bandwidth)
    fetching = step.read / (step.time * gpu.bandwidth)
    computing = step.operations / (step.time * gpu.flops_low)
    arithmetic = prefill_operations(model, workload) / (token * gpu.flops_low)
    if calibration.mode == "aggregated":
        works = share + (1.0 - share) * stepping
        part = share / works if works > 0.0 else 0.0
        busy = demand_power(
            law,
            (1.0 - part) * fetching + part * reading,
            (1.0 - part) * computing + part * arithmetic,
        )
        return float((works * busy + (1.0 - works) * law.idle) * gpu.power), 0.0
    decode = stepping * demand_power(law, fetching, computing) + (1.0 - stepping) * law.idle
    filled = workload.prefill_utilisation
    prefill = filled * demand_power(law, reading, arithmetic) + (1.0 - filled) * law.idle
    return float(((1.0 - share) * decode + share * prefill) * gpu.power), float(share * prefill * gpu.power)


def _largest(step: Step, prompts: float) -> Bound:
    """The resource that takes most of a decode step and of the prompts in it, `prompts` times the step [1]."""
    terms: dict[Bound, float] = {
        "bandwidth": float(step.weights + step.kv),
        "flops": float(step.flops) + prompts * float(step.time),
        "latency": float(step.link + step.fixed),
    }
    return max(terms, key=terms.__getitem__)


def prefill_size(gpu: Gpu, model: Model, workload: Workload) -> int:
    """Smallest worker that holds the weights and the cache of one prompt; the domain where none does."""
    needed = stored_weights(model, workload) + workload.input_length * token_cache(model, workload)
    usable = USABLE_MEMORY * gpu.memory
    return min((size for size in WORKER_SIZES if needed / usable <= size <= gpu.domain), default=gpu.domain)
