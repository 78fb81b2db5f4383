"""The serving model against published points, and the calibration that these make of it.

A cell is what was measured of one model on one GPU in one precision and mode of serving, with drafts or without.
`measured` multiplies every time of the roofline by the cell's median of measured over modelled. Where there is no cell,
but the model was measured on other GPUs, it takes their median, and where it was not measured at all, the roofline as
it is. All but a cell of its own kind is labelled an extrapolation with the error of the fit's hold-outs, and so is the
roofline of a model or a GPU that it was not fitted to. The band of a cell is that of the points its factor is from.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from twin import cards
from twin.catalogue import product
from twin.compute.measured import Point, drafts, outputs, points
from twin.compute.roofline import (
    Calibration,
    Gpu,
    Mode,
    Model,
    Workload,
    prefill_time,
    scaled,
    speed_of_light,
)
from twin.compute.serving import token_time
from twin.schema import PRECISIONS

Choice = Literal["roofline", "measured", "sol"]

MODELS = {
    "DeepSeek-R1": "deepseek-r1",
    "DeepSeek-V3": "deepseek-r1",
    "DeepSeek-R1-NVFP4": "deepseek-r1",
    "DeepSeek-V3.1-NVFP4": "deepseek-r1",
    "Kimi-K2.5": "kimi-k2.5",
    "MiniMax-M2.5": "minimax-m2.5",
    "gpt-oss-120b": "gpt-oss-120b",
    "Llama-3.1-70B": "llama-3.3-70b",
    "Qwen3-235B-A22B-FP8": "qwen3-235b-a22b",
}
"""The card that stands for a measured model: the same architecture, whatever its weights were trained to."""
DRAFTING = frozenset({"DeepSeek-R1"})
"""Models of aggregated rows that do not say whether they draft, and of which some do: `measured/README.md`."""
RACKS = {
    "h100": "hgx-h100",
    "h200": "hgx-h200",
    "b200": "hgx-b200",
    "b300": "hgx-b300",
    "gb200": "gb200-nvl72",
    "gb300": "gb300-nvl72",
}
"""The rack product whose GPU was measured."""
SAME = {"hgx-h100-8": "hgx-h100"}
"""Other rack products of such a GPU."""
NAMES = {"fp4": "nvfp4", "int4": "nvfp4"}
"""Precisions by the names of the cards: four bits, whatever they are."""


ACCEPTED = {0: 1.0, 1: 1.8, 2: 2.18, 3: 2.44}
"""Tokens that a step of DeepSeek yields by how many it drafts: one, DeepSeek-V3 technical report, arXiv 2412.19437,
5.4.3; two and three, LMSYS, Accelerating SGLang with Multiple Token Prediction, 2025-07-17 (windows of 3 and 4)."""


class Fit(NamedTuple):
    """What a set of factors was fitted to, and its median error there."""

    error: float
    models: frozenset[str]
    racks: frozenset[str]


FITS: dict[Mode, Fit] = {
    "disaggregated": Fit(
        0.07,
        frozenset({"deepseek-r1", "kimi-k2.5"}),
        frozenset({"gb200-nvl72", "gb300-nvl72", "hgx-b200", "hgx-h200"}),
    ),
    "aggregated": Fit(
        0.15,
        frozenset({"deepseek-r1", "kimi-k2.5", "minimax-m2.5", "gpt-oss-120b", "llama-3.3-70b"}),
        frozenset({"hgx-h100", "hgx-h200", "hgx-b200", "hgx-b300"}),
    ),
}
ENOUGH = 5
"""Points that make a cell; fewer are one run."""
FARTHEST = 1.5
"""Most by which measurements move the roofline, either way: the error expected of a family it has not seen."""
OTHER_GPU, OTHER_MODEL = 0.21, 0.50
"""Median errors with one GPU or one model left out of the fit: 9 to 21 %, and 15 to 48 % taken as 50."""


def calibrated(
    choice: Choice,
    base: Calibration,
    model: str,
    rack: str,
    precision: str,
    drafting: bool = False,
    cache_bytes: float = 1.0,
) -> Calibration:
    """The calibration of a choice for a model and a rack product by their names, with its basis and band.

    base : the fitted set of a mode. precision : of the weights, a key of PRECISIONS. drafting : whether tokens are
    drafted, which makes cells of their own where runs are known to draft; elsewhere those without stand for it.
    cache_bytes : of an element of the KV cache [B]; runs of the fits have 1, the one published point of 2 is 20 % off.
    """
    if cache_bytes != 1.0 and choice != "sol":
        found = calibrated(choice, base, model, rack, precision, drafting)
        return replace(found, basis="extrapolation", band=max(found.band, OTHER_GPU))
    rack = SAME.get(rack, rack)
    if choice == "sol":
        return speed_of_light(base)
    if choice == "roofline":
        fit = FITS[base.mode]
        if model not in fit.models:
            return replace(base, basis="extrapolation", band=OTHER_MODEL)
        if rack not in fit.racks:
            return replace(base, basis="extrapolation", band=OTHER_GPU)
        return replace(base, band=fit.error)
    plain = _cells(base, model, False)
    alike = _cells(base, model, True) if drafting else plain
    known = plain | alike
    if not known:
        return replace(base, basis="extrapolation", band=OTHER_MODEL)
    own = known.get((rack, precision))
    ratio = own if own is not None else np.concatenate(list((alike or plain).values()))
    factor = float(np.clip(1.0 / np.median(ratio), 1.0 / FARTHEST, FARTHEST))
    if own is None or (rack, precision) not in alike:
        return replace(scaled(base, factor), basis="extrapolation", band=OTHER_GPU)
    return replace(scaled(base, factor), basis="measured", band=float(np.median(np.abs(factor * own - 1.0))))


def modelled(point: Point, base: Calibration) -> float:
    """Time per output token of the model where a point was measured [s]."""
    return float(token_time(*ran(point), base, point.size, point.shards, point.batch))


def prefills(model: str) -> dict[tuple[str, str, float], float]:
    """Input tokens per second that one prefill GPU took in the quickest run of a model by its card [1/s], by rack
    product, precision and tokens of a prompt. No fit knows of them.

    >>> round(prefills("deepseek-r1")["gb300-nvl72", "nvfp4", 1024.0])
    27876
    """
    found: dict[tuple[str, str, float], float] = {}
    for run in outputs():
        if MODELS.get(run.model) == model and np.isfinite(run.input_tokens_per_second):
            key = RACKS[run.gpu], NAMES.get(run.precision, run.precision), run.input_length
            found[key] = max(found.get(key, 0.0), run.input_tokens_per_second)
    return found


def prefilled(rack: str, precision: str, model: str, input_length: float, base: Calibration) -> float:
    """Input tokens per second of one prefill GPU by the model [1/s]."""
    work = Workload(input_length, 1.0, 1.0, PRECISIONS[precision][1], 1.0, 0.8)
    gpu, card = cards.gpu(product(rack, "rack"), precision), cards.model(product(model, "model"))
    return 1.0 / prefill_time(gpu, card, work, base)


def comparable(mode: Mode) -> list[Point]:
    """The measured points of a mode whose model has a card, and which are known to draft no tokens ahead."""
    unlike = DRAFTING if mode == "aggregated" else frozenset()
    return [point for point in points(mode) if point.model in MODELS and point.model not in unlike]


def ran(point: Point) -> tuple[Gpu, Model, Workload]:
    """What a point was measured of."""
    gpu, weight = _gpu(point.gpu, point.precision)
    drafted = point.draft_length
    work = Workload(
        point.input_length, point.output_length, 1.0, weight, 1.0, 0.8, drafted, ACCEPTED[drafted]
    )
    return gpu, cards.model(product(MODELS[point.model], "model")), work


@cache
def _cells(base: Calibration, model: str, drafting: bool) -> dict[tuple[str, str], npt.NDArray[np.float64]]:
    """Modelled over measured time per token of a model by (rack product, precision), of cells with enough points."""
    found: dict[tuple[str, str], list[float]] = {}
    apart = base.mode == "disaggregated"
    for point in (drafts() if apart else ()) if drafting else comparable(base.mode):
        if MODELS[point.model] == model:
            precision = {"fp4": "nvfp4"}.get(point.precision, point.precision)
            ratio = modelled(point, base) / point.token
            found.setdefault((RACKS[point.gpu], precision), []).append(ratio)
    return {key: np.array(ratios) for key, ratios in found.items() if len(ratios) >= ENOUGH}


@cache
def _gpu(name: str, precision: str) -> tuple[Gpu, float]:
    """A measured GPU at the precision of its weights, and the bytes of one.

    Four-bit weights are computed at bf16 where a GPU has no units for them.
    """
    made = product(RACKS[name], "rack")
    kind = NAMES.get(precision, precision)
    peak, weight = PRECISIONS[kind]
    computed = "bf16" if precision == "int4" or made.get(peak) is None else kind
    return cards.gpu(made, computed), weight
