"""The compute model: its errors against the published points that the package ships, and its time in a sweep.

Nothing is timed but demand and the cap law: 10,000 scenarios of power on the 1,536 racks of a site, the workload of
each rack evaluated once for each rack type and pace, as `twin.solve` does it chunk by chunk.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  the number of threads is read at import

import twin  # noqa: E402
from twin import cards  # noqa: E402
from twin.catalogue import product  # noqa: E402
from twin.compute import law as laws  # noqa: E402
from twin.compute.measured import drafts  # noqa: E402
from twin.compute.roofline import Workload  # noqa: E402
from twin.compute.serving import pareto, serve  # noqa: E402
from twin.demand import demand  # noqa: E402
from twin.evidence import FITS, MODELS, RACKS, calibrated, comparable, modelled  # noqa: E402
from twin.operation import resolve  # noqa: E402
from twin.plant.supply import supplied  # noqa: E402

SCENARIOS, CHUNK = 10_000, 65
"""Scenarios in all and at once: about 100,000 racks a chunk."""


def errors(mode: str) -> dict[str, float]:
    """Errors of the time per output token in a mode: as fitted, on all models with a card, and scaled to cells."""
    base = cards.calibration(product(mode), mode)  # type: ignore[arg-type]
    chosen = comparable(mode)  # type: ignore[arg-type]
    fit = FITS[mode]  # type: ignore[index]
    own = np.array([MODELS[one.model] in fit.models and RACKS[one.gpu] in fit.racks for one in chosen])
    plain = np.array([abs(modelled(one, base) / one.token - 1.0) for one in chosen])
    precision = [{"fp4": "nvfp4"}.get(one.precision, one.precision) for one in chosen]
    moved = np.array(
        [
            abs(
                modelled(one, calibrated("measured", base, MODELS[one.model], RACKS[one.gpu], kind))
                / one.token
                - 1
            )
            for one, kind in zip(chosen, precision, strict=True)
        ]
    )
    return {
        f"{mode}_points": float(own.sum()),
        f"{mode}_median_error": float(np.median(plain[own])),
        f"{mode}_within_30_percent": float(np.mean(plain[own] <= 0.30)),
        f"{mode}_measured_median_error": float(np.median(moved[own])),
        f"{mode}_measured_within_30_percent": float(np.mean(moved[own] <= 0.30)),
    }


def regions() -> dict[str, float]:
    """Modelled over measured time per token, the median, by GPUs of a worker and requests of a GPU in decode.

    Points with drafts are in no fit.
    """
    base = cards.calibration(product("disaggregated"), "disaggregated")
    fit = FITS["disaggregated"]
    plain = [
        one for one in comparable("disaggregated")
        if MODELS[one.model] in fit.models and RACKS[one.gpu] in fit.racks
    ]  # fmt: skip
    error = np.array([abs(modelled(one, base) / one.token - 1.0) for one in drafts()])
    found = {
        "drafts_points": float(error.size),
        "drafts_median_error": float(np.median(error)),
        "drafts_within_30_percent": float(np.mean(error <= 0.30)),
    }
    for name, points in (("plain", plain), ("drafts", drafts())):
        ratio = np.array([modelled(one, base) / one.token for one in points])
        size = np.array([one.size for one in points])
        each = np.array([one.batch / one.shards for one in points])
        for kind, wide in (("narrow", size <= 8), ("wide", size > 8)):
            for low, high in ((0, 16), (16, 64), (64, np.inf)):
                inside = wide & (each > low) & (each <= high)
                found[f"{name}_{kind}_{low}_to_{high:g}"] = float(np.median(ratio[inside]))
    return found


def checks() -> dict[str, float]:
    """The other rows of the check table, modelled over published."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "acceptance"))
    import test_compute as table  # type: ignore[import-not-found, unused-ignore]

    found = {f"lmsys_{name}": table.lmsys(name) for name in table.PUBLISHED_DECODE}
    found |= {f"prefill_{name}": ratio for name, ratio in table.prefill_of_runs().items()}
    found |= {f"mlperf_{name}_left_out": ratio for name, ratio in table.mlperf().items()}
    found |= {
        f"cap_{cap:.3f}_published_{published:.3f}": table.speed(cap, exponent, fixed)
        for cap, published, exponent, fixed in table.PUBLISHED_CAPS
    }
    for gpu in ("v100", "rtx6000", "a40"):
        exponent, error = table.zeus(gpu)
        found |= {f"zeus_{gpu}_exponent": exponent, f"zeus_{gpu}_mean_error": error}
    found |= {f"draw_{name}": ratio for name, ratio in table.shares().items()}
    found |= {f"energy_{name}": ratio for name, ratio in table.energies().items()}
    found |= {f"node_{name}": ratio for name, ratio in table.nodes().items()}
    found |= {
        f"kernel_power_{one}_bound_mean_error": table.kernel_power(one) for one in ("compute", "memory")
    }
    off = [abs(ratio - 1.0) for ratio in table.training_left_out().values()]
    return found | {"training_worst_left_out": max(off)}


def first_tokens() -> dict[str, float]:
    """Median time to the first token over that measured, medians by tokens in and requests of a worker."""
    import test_compute as table  # type: ignore[import-not-found, unused-ignore]

    tokens, requests, measured, modelled_ = table.first_tokens().T
    ratio = (modelled_ + table.fitted("aggregated").prompt_latency) / measured
    bands = ((0, 4), (4, 16), (16, 63), (63, 256))
    return {
        f"first_token_{length:.0f}_in_{low}_to_{high}": float(
            np.median(ratio[(tokens == length) & (requests > low) & (requests <= high)])
        )
        for length in (1024.0, 8192.0)
        for low, high in bands
    }


def sweep(capping: str) -> float:
    """Processor time of 10,000 scenarios on 1,536 racks."""
    site = twin.load("site-250mw", {"workload.capping": capping})
    rng = np.random.default_rng(1)
    racks = len(site.racks.name)
    pace = rng.choice(np.array([20.0, 30.0, 50.0, 75.0, 100.0]), SCENARIOS)
    power = rng.uniform(60e3, 150e3, (CHUNK, racks))
    resolved = resolve(twin.Operation(interactivity=pace), site.operation, site.devices.name, site.elements)
    alive = supplied(site, resolve(None, site.operation, site.devices.name, site.elements))
    start = time.process_time()
    total = 0.0
    for first in range(0, SCENARIOS, CHUNK):
        last = min(first + CHUNK, SCENARIOS)
        law, _ = demand(site, resolved.chunk(first, last), alive)
        total += float(laws.throughput(law, np.minimum(power[: last - first], law.demand)).sum())
    assert total > 0.0
    return time.process_time() - start


def times() -> dict[str, float]:
    """Processor time of sweeps, of one service and of one frontier."""
    gpu, law = cards.gpu(product("gb300-nvl72"), "nvfp4"), cards.power_law(product("blackwell"))
    model, base = (
        cards.model(product("deepseek-r1")),
        cards.calibration(product("disaggregated"), "disaggregated"),
    )
    work = Workload(8192, 1024, 50.0, 0.5625, 1.0, 0.8)
    start = time.process_time()
    for _ in range(20):
        serve(gpu, model, work, base, law)
    one = (time.process_time() - start) / 20
    start = time.process_time()
    pareto(gpu, model, work, base, law, np.linspace(10.0, 120.0, 23))
    frontier = time.process_time() - start
    return {
        "sweep_10000_by_1536_cpu_s": sweep("mixed"),
        "sweep_10000_by_1536_phases_cpu_s": sweep("phases"),
        "serve_ms": one * 1e3,
        "pareto_of_23_ms": frontier * 1e3,
    }


def measure() -> dict[str, Any]:
    """Errors by mode and times."""
    return errors("disaggregated") | errors("aggregated") | regions() | checks() | first_tokens() | times()


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:44s} {value:.4g}")
