"""Two workers against two: the load flows in two processes, the peer on two threads of its own, wall time.

Each process has one thread, makes its half of the loads from a seed and runs the kernel once before the clock starts,
so that imports, machine code and the loads are not timed; the clock runs from when both are ready until both are done.
The peer's batch of all scenarios stands ready in its process, and its clock is that of the calculation alone.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CONFTEST = Path(__file__).parents[1] / "conftest.py"
ROUNDS = 3
SCENARIOS, UNBALANCED, STORED = 10_000, 10_000, 1_000
"""Scenarios of the balanced flows and of the streamed unbalanced one, and of the stored one and its peer."""
JOBS = ("a_streaming", "a_storing", "b_streaming", "b_storing", "unbalanced_streamed", "unbalanced_stored")


def networks() -> Any:
    """The module that reads the networks of the tests."""
    place = importlib.util.spec_from_file_location("networks", CONFTEST)
    module = importlib.util.module_from_spec(place)  # type: ignore[arg-type]
    sys.modules["networks"] = module
    place.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def balanced_loads(network: Any, seed: int, count: int) -> Any:
    """Active and reactive power of some scenarios, (scenario, node)."""
    rng = np.random.default_rng(seed)
    return network.loads(rng.uniform(30e3, 120e3, (count, len(network.racks))), 0.98)


def phase_loads(site: Any, seed: int, count: int) -> Any:
    """The same by phase, with lost phases and racks on one alone."""
    rng = np.random.default_rng(seed)
    power = np.zeros((count, len(site.parent), 3))
    power[:, site.racks] = rng.uniform(10e3, 40e3, (count, len(site.racks), 3))
    fate = rng.random((count, len(site.racks)))
    power[:, site.racks, 0] *= fate > 0.1
    power[:, site.racks, 1:] *= (fate < 0.9)[..., None]
    return power, 0.2 * power


def prepared(job: str, seed: int, count: int) -> Any:
    """The work of one worker, run once on a little of it."""
    from electrical import tree, unbalanced

    module = networks()
    if job.startswith("unbalanced"):
        site = module.read_network("network-a")
        network, loads = site.by_phase(), phase_loads(site, seed, count)
        kernel = unbalanced.extremes if job.endswith("streamed") else unbalanced.flow

        def run(some: slice) -> None:
            kernel(network, *(load[some] for load in loads), tolerance=1e-8)
    else:
        network = module.read_network(f"network-{job[0]}")
        loads, rating = balanced_loads(network, seed, count), np.full(len(network.parent), 4000.0)

        def run(some: slice) -> None:
            part = [load[some] for load in loads]
            if job.endswith("streaming"):
                tree.worst(network.forest, *part, rating, 1e-8)
            else:
                tree.profile(network.forest, *part, 1e-8)

    run(slice(0, 8))
    return run


def work(job: str, seed: int, count: int, ready: Any, done: Any) -> None:
    """One worker: gets ready, then runs its half in each round."""
    run = prepared(job, seed, count)
    for _ in range(ROUNDS):
        ready.wait()
        run(slice(None))
        done.wait()


def ours(job: str, count: int) -> float:
    """Median wall time of two processes over some scenarios [s]."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Barrier(3), context.Barrier(3)
    workers = [
        context.Process(target=work, args=(job, seed, count // 2, ready, done), daemon=True)
        for seed in (1, 2)
    ]
    for worker in workers:
        worker.start()
    times = []
    for _ in range(ROUNDS):
        ready.wait()
        start = time.perf_counter()
        done.wait()
        times.append(time.perf_counter() - start)
    for worker in workers:
        worker.join()
    return statistics.median(times)


def peer(job: str, count: int) -> float:
    """Median wall time of the peer on two threads over as many scenarios [s]."""
    module = networks()
    if job.startswith("unbalanced"):
        site = module.read_network("network-a")
        loads, outputs = phase_loads(site, 1, count), {"node": ["u_pu", "u_angle"]}
    else:
        site = module.read_network(f"network-{job[0]}")
        loads, outputs = balanced_loads(site, 1, count), {"node": ["u", "u_angle"]}
    run = site.elsewhere(*loads, "iterative_current", 1e-8, output_component_types=outputs, threading=2)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def two_workers() -> dict[str, Any]:
    """Wall microseconds a scenario of both with two workers each, and the ratios."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    found: dict[str, Any] = {"cores": os.cpu_count()}
    peers: dict[str, float] = {}
    for job in JOBS:
        count = STORED if job == "unbalanced_stored" else UNBALANCED if job.startswith("unb") else SCENARIOS
        network = job.split("_")[0]
        if network not in peers:
            some = STORED if network == "unbalanced" else SCENARIOS
            peers[network] = peer(job, some) / some
            found[f"{network}_peer_us"] = peers[network] * 1e6
        each = ours(job, count) / count
        found[f"{job}_us"] = each * 1e6
        found[f"{job}_ratio"] = peers[network] / each
    return found
