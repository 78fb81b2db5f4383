"""A GPU, a model and the roofline between them: time of a decode step and of prefill.

A decode worker of `size` GPUs shares the experts of the model. Its GPUs form `size / shards` attention
groups; a group splits attention weights (and KV heads, where there are several) over `shards` GPUs and serves
`batch` requests. The step time is a sum of roofline terms without overlap. Calibration factors make the terms
real.

With multi-token prediction a step verifies the sure token of every request and its drafts together: they all pass the
experts, the exchanges and attention. Each draft before costs one more pass of one layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float
Mode = Literal["disaggregated", "aggregated"]
Basis = Literal["roofline", "measured", "extrapolation", "sol"]


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
    """Dense peak at bf16; attention runs at it, and at twice it where the cache is FP8 [1/s]."""
    link_bandwidth: float
    """Scale-up link of one GPU in one direction [B/s]."""
    domain: int
    """GPUs that the scale-up link joins."""
    flops_fp8: float = np.inf
    """Dense peak at FP8, which tells how much of a peak at fewer bits prefill can use [1/s]."""


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
    """Busy share of the prefill pool, in (0, 1); aggregated serving has no such pool."""
    draft_length: float = 0.0
    """Tokens that multi-token prediction drafts in a step beside the one that is sure."""
    accepted: float = 1.0
    """Tokens that a step yields to a user, a mean: 1 and the accepted drafts."""
    first_token: float = np.inf
    """Longest 99th percentile of the time to the first token [s]."""


@dataclass(frozen=True)
class Calibration:
    """What makes the roofline real, and what it rests on."""

    weights: float
    """Share of the memory bandwidth that reading weights reaches; likewise `kv` for the cache."""
    kv: float
    flops: float
    """Share of the peak that decode arithmetic but attention reaches."""
    link: float
    """Share of the link bandwidth that exchanges reach."""
    layer_latency: float
    """Fixed time of a layer [s]."""
    collective_latency: float
    """Fixed time of one of the two all-reduces of a layer of a group that splits attention [s]."""
    step_latency: float
    """Fixed time of a decode step [s]."""
    prefill: float
    """Share of the peak that prefill reaches: of `flops_low`, or of `fp4_gain` times `flops_fp8` where that is less."""
    prompt_latency: float = 0.0
    """Fixed time of a prompt before its first token, aggregated [s]."""
    attention: float = 1.0
    """Share that attention in decode reaches of its peak."""
    exchange_latency: float = 0.0
    """Fixed time to dispatch the tokens of a layer to their experts and combine what these return, before what grows
    with the worker [s]; counted where several attention groups share experts."""
    exchange_doubling: float = 0.0
    """What each doubling of the GPUs of a worker adds to it [s]."""
    fp4_gain: float = np.inf
    """Most that a peak in FP4 counts for in prefill, over that in FP8: B300 triples it, but nothing else of the GPU."""
    mode: Mode = "disaggregated"
    """Serving that the factors were fitted to: pools for prefill and decode, or both on the same GPUs."""
    basis: Basis = "roofline"
    """One fitted set; scaled to measurements of this GPU and model, or of others; or the speed of light."""
    band: float = np.nan
    """Median relative error of the time per token to be expected; NaN where none is known."""


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
        """Duration of the step [s]."""
        return self.weights + self.kv + self.flops + self.link + self.fixed


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
    group. All-reduces are counted for shards > 1, the exchange of expert parallelism for size > shards: a single group
    has every token on every GPU. Experts are alike busy on all GPUs: at small batch they are bound by their weights,
    whatever their share of the tokens.

    >>> gpu = Gpu(1000.0, 2e11, 8e12, 1e16, 2.5e15, 9e11, 8)
    >>> dense = Model(80, 8192, 70e9, 70e9, 0, 0, 0.0, 0, 80, 2048, 8, 64, 256, 256)
    >>> work, ideal = Workload(1024, 0, 50.0, 1.0, 1.0, 0.8), Calibration(1, 1, 1, 1, 0, 0, 0, 1)
    >>> float(step_time(gpu, dense, work, ideal, 1, 1, 1).weights)  # 70 GB at 8 TB/s
    0.00875
    """
    size, shards, batch = (np.asarray(a, dtype=np.float64) for a in (size, shards, batch))
    tokens = (1.0 + workload.draft_length) * batch  # of a group in a step
    context = workload.input_length + workload.output_length / 2
    passes = 1.0 + workload.draft_length / model.layers
    touched = 1.0 - (1.0 - model.experts_per_token / max(model.experts, 1)) ** (tokens * size / shards)
    read = (model.always_read / shards + touched * routed_parameters(model) / size) * workload.weight_bytes
    cache = batch * context * token_cache(model, workload) / np.minimum(shards, model.kv_heads)
    linear = 2.0 * model.active * tokens / shards
    attention = 2.0 * model.heads * model.decode_width * model.attention_layers * context * tokens / shards
    attention_peak = gpu.flops_high * min(max(2.0 / workload.kv_bytes, 1.0), 2.0)
    reduced = 4.0 * model.layers * model.hidden * tokens * (1.0 - 1.0 / shards)
    several = size > shards
    # Tokens go to experts at the precision of the weights and come back at bf16.
    copies = model.moe_layers * model.experts_per_token * model.hidden * tokens / shards
    dispatched = (workload.weight_bytes + 2.0) * copies * several
    exchange = calibration.exchange_latency + calibration.exchange_doubling * np.log2(size)
    reduction = 2.0 * calibration.collective_latency * (shards > 1)
    fixed = model.layers * (calibration.layer_latency + reduction) + model.moe_layers * exchange * several
    computed = linear / (calibration.flops * gpu.flops_low) + attention / (
        calibration.attention * attention_peak
    )
    return Step(
        weights=passes * read / (calibration.weights * gpu.bandwidth),
        kv=passes * cache / (calibration.kv * gpu.bandwidth),
        flops=passes * computed,
        link=passes * (reduced + dispatched) / (calibration.link * gpu.link_bandwidth),
        fixed=passes * fixed + calibration.step_latency,
        read=passes * (read + cache),
        operations=passes * (linear + attention),
    )


def prefill_time(gpu: Gpu, model: Model, workload: Workload, calibration: Calibration) -> float:
    """GPU seconds that one input token costs [s]; a worker of g GPUs takes a g-th of it."""
    peak = min(gpu.flops_low, calibration.fp4_gain * gpu.flops_fp8)
    return prefill_operations(model, workload) / (calibration.prefill * peak)


def prefill_operations(model: Model, workload: Workload) -> float:
    """Floating-point operations of one input token, attention at the mean context of a prompt."""
    attention = 2.0 * model.heads * model.prefill_width * model.attention_layers * workload.input_length / 2
    return 2.0 * model.active + attention


def scaled(calibration: Calibration, time: float) -> Calibration:
    """The calibration with which every time is `time` times as long.

    >>> slow = scaled(Calibration(0.8, 1.0, 0.5, 0.4, 1e-5, 1e-5, 4e-3, 0.2), 2.0)
    >>> slow.weights, slow.step_latency
    (0.4, 0.008)
    """
    shares = {
        name: getattr(calibration, name) / time
        for name in ("weights", "kv", "flops", "attention", "link", "prefill")
    }
    latencies = (
        "layer_latency", "collective_latency", "exchange_latency", "exchange_doubling", "step_latency",
        "prompt_latency",
    )  # fmt: skip
    return replace(calibration, **shares, **{name: getattr(calibration, name) * time for name in latencies})


def speed_of_light(calibration: Calibration) -> Calibration:
    """Nominal bandwidths and peaks in full, no fixed latencies: what no system passes."""
    return Calibration(1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, mode=calibration.mode, basis="sol")


def routed_parameters(model: Model) -> float:
    """Parameters of all routed experts."""
    return model.experts * model.expert_parameters * model.moe_layers


def stored_weights(model: Model, workload: Workload) -> float:
    """Weights of the whole model [B]."""
    return (model.always_read + routed_parameters(model)) * workload.weight_bytes


def token_cache(model: Model, workload: Workload) -> float:
    """KV cache of one token [B]."""
    return model.kv_elements * model.attention_layers * workload.kv_bytes
