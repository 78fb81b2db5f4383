"""Two workers against two: the load flows in two processes, the peer on two threads of its own.

Each process has one thread. Before the clock it makes its half of the loads from a seed, so that none is pickled, and
runs the kernels on a few of them, so that imports and machine code are there. The clock is of wall time, from the call
that sets both halves off until both are done. Of what is streamed it takes in the way back to this process and the
merging; states that are stored stay in the processes. The peer has all scenarios ready in this process, and its clock
is that of the calculation alone. Peer and kernels take turns, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

CONFTEST = Path(__file__).parents[1] / "conftest.py"
ROUNDS, SCENARIOS, SEEDS = 3, 10_000, (1, 2)
KERNELS = {"a": ("streaming", "storing"), "b": ("streaming", "storing"), "unbalanced": ("streamed", "stored")}
OUTPUTS = {"a": ["u", "u_angle"], "b": ["u", "u_angle"], "unbalanced": ["u_pu", "u_angle"]}

held: dict[str, Any] = {}
"""What a worker keeps from call to call: where it meets the other, and its kernels with their loads."""


def network(case: str) -> Any:
    """The network of a case; unbalanced flows are of network A."""
    place = importlib.util.spec_from_file_location("networks", CONFTEST)
    module = importlib.util.module_from_spec(place)  # type: ignore[arg-type]
    sys.modules["networks"] = module
    place.loader.exec_module(module)  # type: ignore[union-attr]
    return module.read_network("network-b" if case == "b" else "network-a")


def half(case: str, site: Any, seed: int) -> Any:
    """Active and reactive power of half of the scenarios, (scenario, node); by phase (scenario, node, 3).

    By phase a tenth of the racks has lost one phase and a tenth has its load on one alone.
    """
    rng = np.random.default_rng(seed)
    shape = SCENARIOS // 2, len(site.racks)
    if case != "unbalanced":
        return site.loads(rng.uniform(30e3, 120e3, shape), 0.98)
    racks, fate = rng.uniform(10e3, 40e3, (*shape, 3)), rng.random(shape)
    racks[..., 0] *= fate > 0.1
    racks[..., 1:] *= (fate < 0.9)[..., None]
    power = np.zeros((shape[0], len(site.parent), 3))
    power[:, site.racks] = racks
    return power, 0.2 * power


def begin(meeting: Any) -> None:
    """Each worker, first of all: the place where it meets the other."""
    held["meeting"] = meeting


def prepare(case: str, seed: int) -> None:
    """One worker: makes its half and runs the kernels on a few of it, then waits, so that each gets one half."""
    from electrical import tree, unbalanced

    held.pop("jobs", None)
    site = network(case)
    power, reactive = half(case, site, seed)
    if case == "unbalanced":
        made = site.by_phase()
        jobs = {
            "streamed": lambda few: unbalanced.extremes(made, power[few], reactive[few], 1e-8),
            "stored": lambda few: unbalanced.flow(made, power[few], reactive[few], 1e-8),
        }
    else:
        made, rating = site.forest, np.full(len(site.parent), 4000.0)
        jobs = {
            "streaming": lambda few: tree.worst(made, power[few], reactive[few], rating, 1e-8),
            "storing": lambda few: tree.profile(made, power[few], reactive[few], 1e-8),
        }
    for job in jobs.values():
        job(slice(8))
    held["jobs"] = jobs
    held["meeting"].wait()


def work(kernel: str) -> tuple[Any, float]:
    """One worker: its half by a kernel, if it is to be merged, and its processor time [s]."""
    held["meeting"].wait()
    start = time.process_time()
    found = held["jobs"][kernel](slice(None))
    return found if kernel.startswith("stream") else None, time.process_time() - start


def timed(job: Callable[[], float]) -> tuple[float, float]:
    """Wall time of a job in this process and its workers, and processor time [s], which it gives for the workers."""
    wall, here = time.perf_counter(), time.process_time()
    others = job()
    return time.perf_counter() - wall, time.process_time() - here + others


def alone(run: Callable[[], Any]) -> float:
    """All scenarios by the peer in this process; no processor time elsewhere."""
    run()
    return 0.0


def together(workers: ProcessPoolExecutor, kernel: str) -> float:
    """All scenarios by both workers, merged; their processor time [s]."""
    from electrical import tree, unbalanced

    parts, times = zip(*workers.map(work, [kernel] * 2), strict=True)
    if isinstance(parts[0], tree.Worst):
        assert tree.Worst.merged(parts).converged.sum() == SCENARIOS
    elif isinstance(parts[0], unbalanced.Extremes):
        assert unbalanced.Extremes.merged(parts).converged.sum() == SCENARIOS
    return sum(times)


def two_workers() -> dict[str, Any]:
    """Wall and processor microseconds a scenario of both with two workers each, and the ratios of wall time."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    found: dict[str, Any] = {"cores": os.cpu_count(), "scenarios": SCENARIOS}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, begin, (context.Barrier(2),)) as workers:
        for case, kernels in KERNELS.items():
            site = network(case)
            loads = [
                np.concatenate(part) for part in zip(*(half(case, site, seed) for seed in SEEDS), strict=True)
            ]
            run = site.elsewhere(
                *loads, "iterative_current", 1e-8, output_component_types={"node": OUTPUTS[case]}, threading=2
            )
            del loads
            list(workers.map(prepare, [case] * 2, SEEDS))
            jobs = {"peer": partial(alone, run)}
            jobs |= {kernel: partial(together, workers, kernel) for kernel in kernels}
            rounds = [{name: timed(job) for name, job in jobs.items()} for _ in range(ROUNDS)]
            for name in jobs:
                wall, cpu = (statistics.median(one[name][kind] for one in rounds) for kind in (0, 1))
                found[f"{case}_{name}_us"] = wall / SCENARIOS * 1e6
                found[f"{case}_{name}_cpu_us"] = cpu / SCENARIOS * 1e6
                if name in kernels:
                    ratio = statistics.median(one["peer"][0] / one[name][0] for one in rounds)
                    found[f"{case}_{name}_ratio"] = ratio
    return found
