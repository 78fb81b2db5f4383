"""Disaggregated serving of a language model: what a GPU yields at a latency target, and what it draws.

A decode worker of `size` GPUs shares the experts of the model. Its GPUs form `size / shards` attention
groups; a group splits attention weights (and KV heads, where there are several) over `shards` GPUs and serves
`batch` requests. The step time is a sum of roofline terms without overlap; a prefill pool of the same GPUs is
sized to keep the decode pool busy. Calibration factors make the terms real; those of decode were fitted to
264 published disaggregated points (GB200, GB300, B200, H200; DeepSeek-R1, Kimi-K2.5) with a median error of
9 % (91 % within 30 %). Expect +-50 % for a model family the calibration has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float
Bound = Literal["bandwidth", "flops", "memory", "latency", "no_gpus"]

WORKER_SIZES = (1, 2, 4, 8, 16, 32, 64, 72)
SHARDS = (1, 2, 4, 8)
USABLE_MEMORY = 0.88
"""Share of the memory that weights and KV cache may fill; the rest is activations and runtime."""
CEILING = 0.97
"""Largest mean draw over the power limit seen in service."""
HALVINGS = 50
CHUNK = 8192
"""Input tokens that prefill computes in one pass over the weights."""
VARIABILITY = 0.5 * (1.0 + 0.1)
"""Mean of the squared coefficients of variation of arrivals (Poisson, 1) and prefill (equal inputs, 0.1)."""


@dataclass(frozen=True)
class Gpu:
    power: float
    """Board power limit [W]."""
    memory: float
    """High-bandwidth memory [B]."""
    bandwidth: float
    """Of that memory [B/s]."""
    flops_low: float
    """Dense peak at the precision of the weights [1/s]."""
    flops_high: float
    """Dense peak at bf16, at which attention runs [1/s]."""
    link_bandwidth: float
    """Scale-up link of one GPU in one direction [B/s]."""
    domain: int
    """GPUs that the scale-up link joins."""


@dataclass(frozen=True)
class Model:
    layers: int
    hidden: int
    """Width of the residual stream."""
    always_read: float
    """Parameters every decode step reads: attention, shared and dense layers, output head."""
    active: float
    """Parameters that take part in one token, `always_read` and routed experts together."""
    experts: int
    """Routed experts of a layer; 0 for a dense model."""
    experts_per_token: int
    expert_parameters: float
    """Parameters of one expert of one layer."""
    moe_layers: int
    attention_layers: int
    """Layers whose attention spans the whole context."""
    kv_elements: int
    """KV cache numbers that one such layer keeps of a token: 2 x KV heads x head width, or the MLA latent."""
    kv_heads: int
    """KV heads, over which the cache can be split; 1 for MLA, whose latent every shard keeps whole."""
    heads: int
    decode_width: int
    """Key plus value width of a head when decoding: 576 + 512 for absorbed MLA, 2 x head width else."""
    prefill_width: int
    """Key plus value width of a head in prefill: 192 + 128 for MLA, 2 x head width else."""


@dataclass(frozen=True)
class Workload:
    input_length: float
    """Tokens of a request in."""
    output_length: float
    """Tokens of a request out."""
    interactivity: float
    """Tokens per second each user must see [1/s]."""
    weight_bytes: float
    """Bytes of a weight, scales included: 0.5625 NVFP4, 1 FP8, 2 bf16."""
    kv_bytes: float
    """Bytes of a number in the KV cache."""
    prefill_utilisation: float
    """Busy share of the prefill pool, in (0, 1)."""


@dataclass(frozen=True)
class Calibration:
    weights: float
    """Share of the memory bandwidth that reading weights reaches; likewise `kv` for the cache."""
    kv: float
    flops: float
    """Share of the peak that decode arithmetic reaches."""
    link: float
    """Share of the link bandwidth that exchanges reach."""
    layer_latency: float
    """Fixed time of a layer [s]."""
    collective_latency: float
    """Fixed time of one of the two exchanges of a layer [s]."""
    step_latency: float
    """Fixed time of a decode step [s]."""
    prefill: float
    """Share of the `flops_low` peak that prefill reaches."""


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
class Step:
    """One decode step of a worker, (...,): its terms [s], and what one GPU reads and computes in it."""

    weights: Array
    kv: Array
    flops: Array
    link: Array
    fixed: Array
    read: Array
    """Weights and KV cache read [B]."""
    operations: Array
    """Floating-point operations, attention included."""

    @property
    def time(self) -> Array:
        """Duration of the step, the time per output token [s]."""
        return self.weights + self.kv + self.flops + self.link + self.fixed


@dataclass(frozen=True)
class Service:
    """What a GPU yields and draws, averaged over decode and prefill pools."""

    feasible: bool
    """False where no configuration meets the latency target: no tokens, idle draw, latencies NaN."""
    output_tokens_per_second: float
    """Output tokens per second over all GPUs, prefill included [1/s]."""
    total_tokens_per_second: float
    """Input and output tokens per second over all GPUs [1/s]."""
    tpot: float
    """Time per output token [s]."""
    ttft_p50: float
    """Median time to the first token [s]; ttft_p99 its 99th percentile."""
    ttft_p99: float
    batch: float
    """Requests in flight in one decode worker, a mean."""
    worker_size: int
    """GPUs of one decode worker."""
    shards: int
    """GPUs of one attention group."""
    prefill_share: float
    """Share of the GPUs that prefill."""
    gpu_power: float
    """Mean draw of a GPU that nothing holds back [W]."""
    bound: Bound
    """Largest part of the step time, or memory where the cache filled it before the latency target."""


def step_time(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: Array,
    shards: Array,
    batch: Array,
) -> Step:
    """Terms of one decode step of a worker at the mean context of a request, (...,).

    size : GPUs of the worker. shards : GPUs of an attention group, a divisor of size. batch : requests of a
    group. Expert traffic is counted for size > 1, all-reduces for shards > 1.

    >>> gpu = Gpu(1000.0, 2e11, 8e12, 1e16, 2.5e15, 9e11, 8)
    >>> dense = Model(80, 8192, 70e9, 70e9, 0, 0, 0.0, 0, 80, 2048, 8, 64, 256, 256)
    >>> work, ideal = Workload(1024, 0, 50.0, 1.0, 1.0, 0.8), Calibration(1, 1, 1, 1, 0, 0, 0, 1)
    >>> float(step_time(gpu, dense, work, ideal, 1, 1, 1).weights)  # 70 GB at 8 TB/s
    0.00875
    """
    size, shards, batch = (np.asarray(a, dtype=np.float64) for a in (size, shards, batch))
    requests = batch * size / shards
    context = workload.input_length + workload.output_length / 2
    touched = 1.0 - (1.0 - model.experts_per_token / max(model.experts, 1)) ** requests
    read = (model.always_read / shards + touched * _routed(model) / size) * workload.weight_bytes
    cache = batch * context * _cache(model, workload) / np.minimum(shards, model.kv_heads)
    linear = 2.0 * model.active * batch / shards
    attention = 2.0 * model.heads * model.decode_width * model.attention_layers * context * batch / shards
    reduced = 4.0 * model.layers * model.hidden * batch * (1.0 - 1.0 / shards)
    dispatched = 2.0 * model.moe_layers * model.experts_per_token * model.hidden * batch / shards * (size > 1)
    fixed = model.layers * (calibration.layer_latency + 2.0 * calibration.collective_latency * (size > 1))
    return Step(
        weights=read / (calibration.weights * gpu.bandwidth),
        kv=cache / (calibration.kv * gpu.bandwidth),
        flops=(linear / gpu.flops_low + attention / gpu.flops_high) / calibration.flops,
        link=(reduced + dispatched) / (calibration.link * gpu.link_bandwidth),
        fixed=fixed + calibration.step_latency,
        read=read + cache,
        operations=linear + attention,
    )


def prefill_time(gpu: Gpu, model: Model, workload: Workload, calibration: Calibration) -> float:
    """GPU seconds that one input token costs [s]; a worker of g GPUs takes a g-th of it."""
    attention = 2.0 * model.heads * model.prefill_width * model.attention_layers * workload.input_length / 2
    return (2.0 * model.active + attention) / (calibration.prefill * gpu.flops_low)


def erlang_c(servers: int, utilisation: float) -> float:
    """Probability that a request waits before `servers` equal servers, Poisson arrivals, exponential service.

    utilisation : load over servers, in [0, 1). By the recursion of the blocking probability (Erlang B).

    >>> erlang_c(1, 0.8), round(erlang_c(2, 0.5), 6)
    (0.8, 0.333333)
    """
    load, blocked = servers * utilisation, 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1.0 - utilisation * (1.0 - blocked))


def wait(quantile: float, servers: float, utilisation: float, service: float, variability: float) -> float:
    """Quantile of the queueing time before a pool of servers [s], Allen-Cunneen.

    quantile : in [0, 1). service : time of one request [s]. variability : mean of the squared coefficients of
    variation of arrivals and service, 1 for M/M/c. A request waits with the Erlang C probability; the wait is
    then exponential. `servers` between two integers takes the probability between theirs.
    """
    below = max(1, int(np.floor(servers)))
    part = max(servers - below, 0.0)
    waits = (1.0 - part) * erlang_c(below, utilisation) + part * erlang_c(below + 1, utilisation)
    rate = max(servers, 1.0) * (1.0 - utilisation) / service
    return variability / rate * max(0.0, float(np.log(max(waits, 1e-300) / (1.0 - quantile))))


def prompt_time(
    gpu: Gpu, model: Model, workload: Workload, calibration: Calibration, pool: float, quantile: float
) -> float:
    """Quantile of the time from a request to its KV cache standing at the decode worker [s].

    pool : prefill GPUs that share a queue. Wait, prefill on the smallest worker that holds the model, and the
    transfer of the cache over one GPU's link.
    """
    worker = _prefill_size(gpu, model, workload)
    service = workload.input_length * prefill_time(gpu, model, workload, calibration) / worker
    transfer = workload.input_length * _cache(model, workload) / (calibration.link * gpu.link_bandwidth)
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


def serve(
    gpu: Gpu, model: Model, workload: Workload, calibration: Calibration, power_law: PowerLaw
) -> Service:
    """The configuration with the most tokens per second and GPU whose users see the interactivity asked for.

    Of every worker size and number of shards that the domain holds, the largest batch that latency and memory
    allow. Batches are means and need not be whole. A worker lies in one domain; the pools span many, so
    workers need not fill one and may prefill for a neighbour. The queue is that of one domain's prefill.
    """
    size, shards = _configurations(gpu, model)
    target = 1.0 / workload.interactivity
    weights = (model.always_read / shards + _routed(model) / size) * workload.weight_bytes
    request = (workload.input_length + workload.output_length) * _cache(model, workload)
    room = (USABLE_MEMORY * gpu.memory - weights) * np.minimum(shards, model.kv_heads) / request

    def steps(batch: Array) -> Step:
        return step_time(gpu, model, workload, calibration, size, shards, batch)

    # Tokens per GPU grow with the batch, and so does the step: the largest batch in time is the best.
    low, high = np.ones(size.shape), np.maximum(room, 1.0)
    possible = (room >= 1.0) & (steps(low).time <= target)
    full = np.asarray(steps(high).time <= target)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        meets = steps(middle).time <= target
        low, high = np.where(meets, middle, low), np.where(meets, high, middle)
    batch = np.where(full, high, low)

    step, token = steps(batch), prefill_time(gpu, model, workload, calibration)
    rate = batch / shards / (step.time * workload.output_length)  # requests per second and decode GPU
    ratio = rate * workload.input_length * token / workload.prefill_utilisation  # prefill GPUs per decode GPU
    output = np.where(possible, rate * workload.output_length / (1.0 + ratio), 0.0)
    best = int(np.argmax(output))
    if not possible[best]:
        bound: Bound = "latency" if np.any(room >= 1.0) else "memory"
        idle = power_law.idle * gpu.power
        return Service(False, 0.0, 0.0, np.nan, np.nan, np.nan, 0.0, 0, 0, 0.0, idle, bound)

    step = step_time(gpu, model, workload, calibration, size[best], shards[best], batch[best])
    share = float(ratio[best] / (1.0 + ratio[best]))
    pool = gpu.domain * share
    median = prompt_time(gpu, model, workload, calibration, pool, 0.5)
    late = prompt_time(gpu, model, workload, calibration, pool, 0.99)
    decode = demand_power(
        power_law, step.read / (step.time * gpu.bandwidth), step.operations / (step.time * gpu.flops_low)
    )
    reading = _stored(model, workload) / (CHUNK * token * gpu.bandwidth)
    busy = workload.prefill_utilisation
    prefill = busy * demand_power(power_law, reading, calibration.prefill) + (1.0 - busy) * power_law.idle
    return Service(
        feasible=True,
        output_tokens_per_second=float(output[best]),
        total_tokens_per_second=float(output[best] * (1.0 + workload.input_length / workload.output_length)),
        tpot=float(step.time),
        ttft_p50=median + float(step.time),
        ttft_p99=late + float(step.time),
        batch=float(batch[best] * size[best] / shards[best]),
        worker_size=int(size[best]),
        shards=int(shards[best]),
        prefill_share=share,
        gpu_power=float(((1.0 - share) * decode + share * prefill) * gpu.power),
        bound="memory" if full[best] else _largest(step),
    )


def _largest(step: Step) -> Bound:
    """The resource that takes most of a decode step."""
    terms: dict[Bound, float] = {
        "bandwidth": float(step.weights + step.kv),
        "flops": float(step.flops),
        "latency": float(step.link + step.fixed),
    }
    return max(terms, key=terms.__getitem__)


def _routed(model: Model) -> float:
    """Parameters of all routed experts."""
    return model.experts * model.expert_parameters * model.moe_layers


def _stored(model: Model, workload: Workload) -> float:
    """Weights of the whole model [B]."""
    return (model.always_read + _routed(model)) * workload.weight_bytes


def _cache(model: Model, workload: Workload) -> float:
    """KV cache of one token [B]."""
    return model.kv_elements * model.attention_layers * workload.kv_bytes


def _configurations(gpu: Gpu, model: Model) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sizes of a worker and GPUs of its attention groups that fit the domain, (configuration,)."""
    pairs = [
        (size, shards)
        for size in WORKER_SIZES
        for shards in SHARDS
        if size <= gpu.domain and shards <= model.heads and size % shards == 0
    ]
    size, shards = np.array(pairs, dtype=np.float64).T
    return size, shards


def _prefill_size(gpu: Gpu, model: Model, workload: Workload) -> int:
    """Smallest worker that holds the weights and the cache of one prompt; the domain where none does."""
    needed = _stored(model, workload) + workload.input_length * _cache(model, workload)
    usable = USABLE_MEMORY * gpu.memory
    return min((size for size in WORKER_SIZES if needed / usable <= size <= gpu.domain), default=gpu.domain)
