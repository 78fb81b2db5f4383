"""Published measurements in the package, as tables of text and as points of serving; README.md says whose they are."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np

from twin.compute.roofline import Mode

MODES: dict[str, Mode] = {"agg": "aggregated", "disagg": "disaggregated"}


@dataclass(frozen=True)
class Point:
    """One measured operating point of a worker that decodes."""

    model: str
    gpu: str
    precision: str
    engine: str
    mode: Mode
    input_length: float
    output_length: float
    size: float
    """GPUs of the worker."""
    shards: float
    """GPUs of one attention group."""
    batch: float
    """Requests of one group in decode, a mean."""
    first_token: float
    """Time to the first token [s]."""
    token: float
    """Time per output token [s]."""
    draft_length: int = 0
    """Tokens drafted in a step."""
    limit: float = np.inf
    """Most requests of a group that the run was set up for, where known."""


@dataclass(frozen=True)
class Output:
    """What one run of serving yielded of a GPU, by Little's law from its requests in flight."""

    model: str
    gpu: str
    precision: str
    engine: str
    mode: Mode
    input_length: float
    output_length: float
    interactivity: float
    """Tokens per second that a user saw, one over the time per output token [1/s]."""
    output_tokens_per_second: float
    """Of one GPU, prefill included [1/s]; where `pools` is false at most so many."""
    gpus: float
    """GPUs of all pools; where `pools` is false of one decode and one prefill worker, the fewest there can be."""
    pools: bool
    """The run states how many workers it has."""
    drafts: bool | None
    """None where the run does not say whether tokens were drafted."""
    input_tokens_per_second: float
    """Of one GPU that only prefills [1/s], what it was given: what it can do at least. NaN aggregated and where `pools`
    is false."""


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table by its file name, text by column.

    >>> table("zeus_power_caps.csv")[0]["gpu"]
    'v100'
    """
    data = files("twin.compute.measured").joinpath(name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    return tuple(csv.DictReader(text.splitlines()))


@cache
def points(mode: Mode) -> tuple[Point, ...]:
    """The points of InferenceX that state all that a prediction needs, in one mode; none that is known to draft.

    >>> len(points("disaggregated")), points("disaggregated")[0].gpu
    (200, 'gb200')
    """
    rows = (row for row in table("inferencex.csv.gz") if MODES[row["mode"]] == mode)
    return tuple(_point(row, mode) for row in rows if _complete(row, mode))


@cache
def drafts() -> tuple[Point, ...]:
    """Disaggregated points with multi-token prediction, of runs whose set-up is published.

    >>> fast = [point for point in drafts() if point.gpu == "gb300" and point.size == 32 and point.limit == 32]
    >>> [(point.draft_length, round(point.batch, 1), point.token) for point in fast]
    [(3, 31.4, 0.008201)]
    """
    return tuple(
        _decoding(
            Point(
                model=row["model"],
                gpu=row["gpu"],
                precision=row["precision"],
                engine=row["engine"],
                mode="disaggregated",
                input_length=float(row["input_length"]),
                output_length=float(row["output_length"]),
                size=float(row["size"]),
                shards=float(row["shards"]),
                batch=float(row["concurrency"])
                * float(row["shards"])
                / float(row["size"])
                / float(row["workers"]),
                first_token=float(row["ttft_ms"]) * 1e-3,
                token=float(row["tpot_ms"]) * 1e-3,
                draft_length=int(row["draft_length"]),
                limit=float(row["batch_limit"]),
            )
        )
        for row in table("inferencex_drafts.csv")
    )


def _decoding(point: Point) -> Point:
    """The point with the part of its requests that decode, by Little's law: the others wait for their first token."""
    decode = point.output_length * point.token
    return replace(point, batch=point.batch * decode / (point.first_token + decode))


@cache
def outputs() -> tuple[Output, ...]:
    """Every run of InferenceX whose requests in flight and size of a worker are known.

    Runs named DeepSeek-V3 are labelled, without drafts; those named DeepSeek-R1 are of tables that do not say, and of
    equal configurations some take half the time per token of others. Those of `drafts` are there once more, as such.

    >>> best = max(outputs(), key=lambda run: run.output_tokens_per_second if run.pools else 0.0)
    >>> best.gpu, best.model, round(best.interactivity)
    ('b200', 'gpt-oss-120b', 57)
    """
    rows = (row for row in table("inferencex.csv.gz") if float(row["concurrency"] or 0.0) > 0.0)
    unlabelled = tuple(
        _output(row) for row in rows if row["mode"] == "disagg" or _complete(row, "aggregated")
    )
    return unlabelled + tuple(map(_drafted, table("inferencex_drafts.csv"), drafts()))


def _drafted(row: dict[str, str], point: Point) -> Output:
    spent = point.first_token + point.output_length * point.token
    prefill = float(row["prefill_workers"]) * float(row["prefill_size"])
    gpus = float(row["workers"]) * point.size + prefill
    return Output(
        model=point.model,
        gpu=point.gpu,
        precision=point.precision,
        engine=point.engine,
        mode=point.mode,
        input_length=point.input_length,
        output_length=point.output_length,
        interactivity=1.0 / point.token,
        output_tokens_per_second=float(row["concurrency"]) * point.output_length / spent / gpus,
        gpus=gpus,
        pools=True,
        drafts=True,
        input_tokens_per_second=float(row["concurrency"]) * point.input_length / spent / prefill,
    )


def _output(row: dict[str, str]) -> Output:
    mode, requests = MODES[row["mode"]], float(row["concurrency"])
    point = _point(row, "aggregated")  # whose batch is of the requests, not stated for every pool
    pools = mode == "aggregated" or bool(row["workers"] and row["prefill_workers"])
    gpus, prefill = point.size, np.nan
    if mode == "disaggregated":
        decode, prefill = (float(row[name] or 1.0) for name in ("workers", "prefill_workers"))
        prefill *= float(row["prefill_size"])
        gpus = decode * float(row["tp"]) * max(float(row["dp"] or 1.0), 1.0) + prefill
    spent = point.first_token + point.output_length * point.token
    return Output(
        model=row["model"],
        gpu=row["gpu"],
        precision=row["precision"],
        engine=row["engine"],
        mode=mode,
        input_length=point.input_length,
        output_length=point.output_length,
        interactivity=1.0 / point.token,
        output_tokens_per_second=requests * point.output_length / spent / gpus,
        gpus=gpus,
        pools=pools,
        drafts=False if row["model"] == "DeepSeek-V3" else None,
        input_tokens_per_second=requests * point.input_length / spent / prefill if pools else np.nan,
    )


def _complete(row: dict[str, str], mode: Mode) -> bool:
    if mode == "disaggregated":
        return bool(row["batch"])
    # A pool of up to 72 GPUs as one worker: how many workers it has is not said.
    pooled = row["gpu"] == "gb200"
    return bool(row["precision"]) and float(row["concurrency"] or 0.0) > 0.0 and not pooled


def _point(row: dict[str, str], mode: Mode) -> Point:
    tp, dp = float(row["tp"]), max(float(row["dp"] or 1.0), 1.0)
    size, shards = tp * dp, tp
    if mode == "aggregated" and row["dp"]:
        experts = float(row["moe_tp"]), float(row["moe_ep"])
        once = round(size**0.5)
        if once > 1 and once * once == size and (experts == (once, once) or tp == dp):
            size, shards = float(once), float(once) if dp == 1.0 else 1.0
    batch = float(row["batch"]) if mode == "disaggregated" else float(row["concurrency"]) * shards / size
    point = Point(
        model=row["model"],
        gpu=row["gpu"],
        precision=row["precision"],
        engine=row["engine"],
        mode=mode,
        input_length=float(row["input_length"]),
        output_length=float(row["output_length"]),
        size=size,
        shards=shards,
        batch=batch,
        first_token=float(row["ttft_ms"]) * 1e-3,
        token=float(row["tpot_ms"]) * 1e-3,
    )
    return _decoding(point) if mode == "disaggregated" else point
