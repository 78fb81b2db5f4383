"""The factors of disaggregated serving, fitted anew to the shipped points that draft nothing, and what a fit without a
GPU, an engine or a model says of it. Points with drafts are in no fit. By hand: python tests/benchmarks/fit.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  the number of threads is read at import
from scipy.optimize import least_squares  # noqa: E402

from twin import cards  # noqa: E402
from twin.catalogue import product  # noqa: E402
from twin.compute.measured import Point, drafts  # noqa: E402
from twin.compute.roofline import Calibration  # noqa: E402
from twin.evidence import FITS, MODELS, RACKS, comparable, modelled  # noqa: E402

FITTED = {
    "weights": 0.7,
    "kv": 0.7,
    "flops": 0.3,
    "attention": 0.7,
    "layer_latency": 3e-5,
    "step_latency": 4e-3,
}
"""Where the search starts; no factor may pass 1 or fall under a tenth, no time be negative."""
OUTLYING = 0.1
"""Logarithm of the ratio beyond which a point pulls in proportion, not in the square."""


def fit(points: list[Point], base: Calibration) -> Calibration:
    """The calibration with the fitted factors that suit the points best, by the logarithm of the time per token."""
    measured = np.log([one.token for one in points])
    start = np.array(list(FITTED.values()))

    def calibration(scale: np.ndarray) -> Calibration:
        return replace(base, **dict(zip(FITTED, (start * scale).tolist(), strict=True)))

    def residual(scale: np.ndarray) -> np.ndarray:
        made = calibration(scale)
        return np.log([modelled(one, made) for one in points]) - measured

    share = start > 1e-2
    bounds = (np.where(share, 0.1, 0.0) / start * share, np.where(share, 1.0 / start, 100.0))
    found = least_squares(residual, np.ones(start.size), bounds=bounds, loss="soft_l1", f_scale=OUTLYING)
    return calibration(found.x)


def error(points: list[Point], base: Calibration) -> np.ndarray:
    """Relative error of the time per token of every point."""
    return np.array([abs(modelled(one, base) / one.token - 1.0) for one in points])


def main() -> None:
    base = cards.calibration(product("disaggregated"), "disaggregated")
    known = FITS["disaggregated"]
    points = [
        one for one in comparable("disaggregated")
        if MODELS[one.model] in known.models and RACKS[one.gpu] in known.racks
    ]  # fmt: skip
    made = fit(points, base)
    for name in FITTED:
        print(f"{name:16s} {getattr(made, name):.4g}  shipped {getattr(base, name):.4g}")
    print(
        f"in-sample {np.median(error(points, made)):.3f}  drafts {np.median(error(list(drafts()), made)):.3f}"
    )
    keys: tuple[Callable[[Point], str], ...] = (
        lambda one: one.gpu,
        lambda one: one.engine,
        lambda one: MODELS[one.model],
    )
    for key in keys:
        left = []
        for group in sorted({key(one) for one in points}):
            out = [one for one in points if key(one) == group]
            missed = error(out, fit([one for one in points if key(one) != group], base))
            left.append(missed)
            print(f"without {group:12s} {np.median(missed):.3f} of {len(out)}")
        print(f"together             {np.median(np.concatenate(left)):.3f}")


if __name__ == "__main__":
    main()
