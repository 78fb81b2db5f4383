"""The pressure solver of the hall air against pyamg, in one process on one thread.

A hall of 30 x 30 x 4 m and one of 60 x 60 x 5 m, cells of 0.3 x 0.3 x 0.1 m: rows of racks as solid blocks, panels
without thickness above them and doors at the ends of the aisles, one outlet, sources by chance.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  the number of threads is read at import
from scipy.sparse import coo_array, csr_matrix  # noqa: E402

from thermal.poisson import hierarchy, solve  # noqa: E402

TOLERANCE = 1e-6
HALLS = {"352k": (100, 100, 40), "1766k": (200, 200, 50)}
WIDTH, HEIGHT, TOP, PANEL = 0.3, 0.1, 22, 8


def hall(nx: int, ny: int, nz: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Coefficients of the faces across x, y, z, and which cells are solid."""
    across, upright = HEIGHT, WIDTH * WIDTH / HEIGHT
    x, y, z = (
        np.full((nx + 1, ny, nz), across),
        np.full((nx, ny + 1, nz), across),
        np.full((nx, ny, nz + 1), upright),
    )
    for axis, face in enumerate((x, y, z)):
        np.moveaxis(face, axis, 0)[[0, -1]] = 0.0
    solid = np.zeros((nx, ny, nz), dtype=bool)
    for row in range(5, ny - 12, 12):
        for start in range(5, nx - 5, 42):
            end = min(start + 36, nx - 5)
            solid[start:end, row : row + 4, :TOP] = True
            y[start:end, row + 4, TOP : TOP + PANEL] = 0.0
            x[[start, end], row + 4 : row + 8, :TOP] = 0.0
    for axis, face in enumerate((x, y, z)):
        cells = np.moveaxis(solid, axis, 0)
        np.moveaxis(face, axis, 0)[1:-1][cells[1:] | cells[:-1]] = 0.0
    x[0, ny // 3 : ny // 3 + ny // 10, nz // 2 : nz // 2 + PANEL] = 2 * across
    return [x, y, z], solid


def total(faces: list[np.ndarray]) -> np.ndarray:
    """Sum over the six faces of every cell."""
    x, y, z = faces
    return x[:-1] + x[1:] + y[:, :-1] + y[:, 1:] + z[:, :, :-1] + z[:, :, 1:]


def matrix(faces: list[np.ndarray], fluid: np.ndarray) -> csr_matrix:
    """The same equation as a sparse matrix of the fluid cells."""
    number = np.full(fluid.shape, -1)
    number[fluid] = np.arange(fluid.sum())
    rows, columns, values = [number[fluid]], [number[fluid]], [total(faces)[fluid]]
    for axis, face in enumerate(faces):
        inner, cells = np.moveaxis(face, axis, 0)[1:-1], np.moveaxis(number, axis, 0)
        open_ = inner > 0.0
        one, other = cells[:-1][open_], cells[1:][open_]
        rows += [one, other]
        columns += [other, one]
        values += [-inner[open_], -inner[open_]]
    places = np.concatenate(rows), np.concatenate(columns)
    return csr_matrix(coo_array((np.concatenate(values), places)))


def timed(job: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor time of a job [s], and what it gives."""
    wall, processor = time.perf_counter(), time.process_time()
    given = job()
    return time.perf_counter() - wall, time.process_time() - processor, given


def megabytes(level: Any) -> float:
    """Arrays of the matrices of a level of pyamg."""
    matrices = [getattr(level, name) for name in ("A", "P", "R") if hasattr(level, name)]
    return sum(one.data.nbytes + one.indices.nbytes + one.indptr.nbytes for one in matrices) / 1e6


FIRST = """
import time
start = time.process_time()
import numpy as np
from thermal.poisson import hierarchy, solve
x, y, z = (np.zeros(shape) for shape in ((13, 12, 12), (12, 13, 12), (12, 12, 13)))
x[1:], y[:, 1:-1], z[:, :, 1:-1] = 1.0, 1.0, 1.0
imported = time.process_time()
solve(hierarchy(x, y, z), np.ones((12, 12, 12)))
print(time.process_time() - imported)
"""


def first_calls() -> tuple[float, float]:
    """Processor time of the first solution in a process [s]: one that compiles, and one that finds the machine code."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        cold, warm = (
            subprocess.run(
                [sys.executable, "-c", FIRST], check=True, capture_output=True, text=True, env=environment
            ).stdout
            for _ in range(2)
        )
    return float(cold), float(warm)


def measure(rounds: int = 3) -> dict[str, Any]:
    """Set-up and solution from nothing, to a residual of 1e-6 of the source, in rounds where both take turns.

    Seconds are medians of wall and of processor time, the ratio the median of those of the rounds, by processor time
    and by wall. Our memory is all arrays that a `Hierarchy` holds, work arrays with them; the peer's all matrices of
    its levels, without the work arrays of its solution. The residuals are worked out from the matrix for both.
    """
    found: dict[str, Any] = {}
    found["first_compiled_s"], found["first_cached_s"] = first_calls()
    peer = importlib.util.find_spec("pyamg") is not None
    if not peer:
        found["peer"] = "pyamg is missing: pip install 'ai-factory-twin[bench]'"
    for name, shape in HALLS.items():
        faces, solid = hall(*shape)
        source = np.random.default_rng(1).standard_normal(shape)
        fluid = ~solid
        system, right = matrix(faces, fluid), source[fluid]

        def ours(faces: Any = faces, source: Any = source) -> Any:
            first = timed(lambda: hierarchy(*faces))
            return first, timed(lambda: solve(first[2], source, tolerance=TOLERANCE))

        def theirs(system: Any = system, right: Any = right) -> Any:
            import pyamg

            first = timed(lambda: pyamg.ruge_stuben_solver(system))
            norms: list[float] = []
            return first, timed(
                lambda: first[2].solve(right, tol=TOLERANCE, accel="cg", residuals=norms)
            ), len(norms) - 1  # fmt: skip

        runs, peers = [], []
        for _ in range(rounds):
            runs.append(ours())
            if peer:
                peers.append(theirs())
        grid, solution = runs[-1][0][2], runs[-1][1][2]
        found |= {
            f"{name}_fluid_cells": int(fluid.sum()),
            f"{name}_solid_share": float(solid.mean()),
            f"{name}_setup_s": statistics.median(one[0][0] for one in runs),
            f"{name}_solve_s": statistics.median(one[1][0] for one in runs),
            f"{name}_setup_cpu_s": statistics.median(one[0][1] for one in runs),
            f"{name}_solve_cpu_s": statistics.median(one[1][1] for one in runs),
            f"{name}_iterations": solution.iterations,
            f"{name}_residual": float(
                np.linalg.norm(right - system @ solution.potential[fluid]) / np.linalg.norm(right)
            ),
            f"{name}_memory_mb": grid.memory / 1e6,
            f"{name}_bytes_per_fluid_cell": grid.memory / int(fluid.sum()),
        }
        again = timed(lambda: solve(grid, 1.001 * source, solution.potential, 1e-3))  # noqa: B023
        near = timed(lambda: solve(grid, source + 0.01 * np.roll(source, 1), solution.potential, 1e-3))  # noqa: B023
        found[f"{name}_warm_cpu_s"], found[f"{name}_warm_iterations"] = near[1], near[2].iterations
        found[f"{name}_no_change_cpu_s"], found[f"{name}_no_change_iterations"] = (
            again[1],
            again[2].iterations,
        )
        if peer:
            levels = peers[-1][0][2]
            answer = peers[-1][1][2]
            found |= {
                f"{name}_pyamg_setup_s": statistics.median(one[0][0] for one in peers),
                f"{name}_pyamg_solve_s": statistics.median(one[1][0] for one in peers),
                f"{name}_pyamg_setup_cpu_s": statistics.median(one[0][1] for one in peers),
                f"{name}_pyamg_solve_cpu_s": statistics.median(one[1][1] for one in peers),
                f"{name}_pyamg_iterations": peers[-1][2],
                f"{name}_pyamg_residual": float(
                    np.linalg.norm(right - system @ answer) / np.linalg.norm(right)
                ),
                f"{name}_pyamg_memory_mb": sum(megabytes(level) for level in levels.levels),
                f"{name}_times_faster": statistics.median(
                    (two[0][1] + two[1][1]) / (one[0][1] + one[1][1])
                    for one, two in zip(runs, peers, strict=True)
                ),
                f"{name}_times_faster_by_wall": statistics.median(
                    (two[0][0] + two[1][0]) / (one[0][0] + one[1][0])
                    for one, two in zip(runs, peers, strict=True)
                ),
            }
    return found
