"""Products of the catalogue as the parameters of serving: GPU, model, calibration, power law."""

from __future__ import annotations

import numpy as np

from twin.catalogue import Product
from twin.compute import training
from twin.compute.roofline import Calibration, Gpu, Mode, Model
from twin.compute.serving import PowerLaw
from twin.compute.session import Tier
from twin.schema import PRECISIONS

TRAINED = {
    "gb200-nvl72": "GB200",
    "gb300-nvl72": "GB300",
    "hgx-h100": "H100",
    "hgx-h100-8": "H100",
    "hgx-h200": "H200",
}
"""The GPU of a rack product as published training runs name it."""


def efficiency(made: Product, precision: str) -> training.Efficiency:
    """How a rack product trains at a precision; an extrapolation where no such run of its GPU is published."""
    peaks = {one: made[peak] for one, (peak, _) in PRECISIONS.items() if peak in made.figures}
    return training.nearest(TRAINED.get(made.name, made.name), precision, peaks)


def gpu(made: Product, precision: str) -> Gpu:
    """The GPU of a rack product at the precision of its weights."""
    return Gpu(
        power=made["gpuPower"],
        memory=made["gpuMemory"],
        bandwidth=made["gpuMemoryBandwidth"],
        flops_low=made[PRECISIONS[precision][0]],
        flops_high=made["gpuFlopsBf16"],
        link_bandwidth=made["gpuLinkBandwidth"],
        domain=int(made.get("linkDomain", made["numGPUs"])),
        flops_fp8=made["gpuFlopsFp8"],
    )


def tiers(made: Product) -> tuple[Tier, ...]:
    """Places for KV cache beyond the memory of the GPUs, of one GPU, as `KV_TIERS` has them; empty where none is."""
    return tuple(
        Tier(made.get(name, 0.0) / made["numGPUs"], made.get(f"{name}Bandwidth", np.inf) / made["numGPUs"])
        for name in ("cpuMemory", "localStorage", "networkStorage")
    )


def power_law(card: Product) -> PowerLaw:
    """The power law of a generation of GPUs."""
    return PowerLaw(
        idle=card["idleShare"],
        bandwidth=card["bandwidthCoefficient"],
        bandwidth_exponent=card["bandwidthExponent"],
        flops=card["flopsCoefficient"],
        flops_exponent=card["flopsExponent"],
        maximum=card["ceiling"],
    )


def model(card: Product) -> Model:
    """A language model from its card."""
    return Model(
        layers=int(card["layers"]),
        hidden=int(card["hidden"]),
        always_read=card["alwaysReadParameters"],
        active=card["activeParameters"],
        experts=int(card["experts"]),
        experts_per_token=int(card["expertsPerToken"]),
        expert_parameters=card["expertParameters"],
        moe_layers=int(card["moeLayers"]),
        attention_layers=int(card.get("attentionLayers", card["layers"])),
        kv_elements=int(card["kvElements"]),
        kv_heads=int(card["kvHeads"]),
        heads=int(card["heads"]),
        decode_width=int(card["decodeWidth"]),
        prefill_width=int(card["prefillWidth"]),
    )


def calibration(card: Product, mode: Mode) -> Calibration:
    """The fitted factors of a mode of serving."""
    return Calibration(
        weights=card["etaWeights"],
        kv=card["etaKv"],
        flops=card["etaFlops"],
        link=card["etaLink"],
        layer_latency=card["layerLatency"],
        collective_latency=card["collectiveLatency"],
        step_latency=card["stepLatency"],
        prefill=card["prefillEfficiency"],
        prompt_latency=card.get("promptLatency", 0.0),
        attention=card["etaAttention"],
        exchange_latency=card["exchangeLatency"],
        exchange_doubling=card["exchangeDoubling"],
        fp4_gain=card["fp4Gain"],
        mode=mode,
    )
