"""Published measurements in the package, as tables of text and as points of serving; README.md says whose they are."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

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
    """Requests of one group."""
    first_token: float
    """Time to the first token [s]."""
    token: float
    """Time per output token [s]."""


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table by its file name, text by column.

    >>> table("mlperf_training.csv")[0]["gpus"]
    '256'
    """
    data = files("twin.compute.measured").joinpath(name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    return tuple(csv.DictReader(text.splitlines()))


@cache
def points(mode: Mode) -> tuple[Point, ...]:
    """The points of InferenceX that state all that a prediction needs, in one mode.

    >>> len(points("disaggregated")), points("disaggregated")[0].gpu
    (200, 'gb200')
    """
    rows = (row for row in table("inferencex.csv.gz") if MODES[row["mode"]] == mode)
    return tuple(_point(row, mode) for row in rows if _complete(row, mode))


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
    return Point(
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
