"""Tokens of a GPU against tokens of a user, of the racks of a layout and of others that serve its workload.

Nothing holds the GPUs: no limit of power or cooling, no cap. What they serve and draw at a pace is
`twin.compute.serving.pareto`; what they leak with temperature is that of the law's own reference, so a run in cool
coolant draws a few per cent less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from twin import build, cards
from twin.catalogue import product
from twin.compute.roofline import Basis, Calibration, Gpu
from twin.compute.serving import Pareto, PowerLaw, pareto, serve
from twin.economics import Power, Tokens, tokens_per_joule
from twin.facility import Facility
from twin.schema import PRECISIONS

PACES = (
    5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 120, 140, 160, 180, 200, 225, 250, 300, 350, 400, 500, 600, 800,
    1000, 1500, 2000,
)  # fmt: skip
"""Tokens per second of a user at which a frontier is worked out, with that of the layout [1/s]."""


@dataclass(frozen=True)
class Frontier:
    """What a GPU of a rack product yields at each pace, (interactivity,)."""

    rack: str
    basis: Basis
    band: float
    """Median relative error to be expected of the time per token, NaN where none is known."""
    pace: float
    """Of the layout, one of the interactivities [1/s]."""
    curve: Pareto
    tokens_per_joule: npt.NDArray[np.float64]
    """Output tokens over the energy of the GPUs [1/J]; NaN beyond reach."""
    unserved: str
    """Why no pace is in reach, memory or latency; empty where one is."""

    @property
    def reached(self) -> npt.NDArray[np.bool_]:
        """Whether a pace is in reach."""
        return np.isfinite(self.curve.tpot_p50)


def frontiers(facility: Facility) -> tuple[Frontier, ...]:
    """The frontiers of every rack type of a facility that has GPUs.

    Raises ValueError for a facility that trains or serves sessions of agents.

    >>> import twin
    >>> found, = frontiers(twin.load("gb300-su"))
    >>> place = found.curve.interactivity.tolist().index(found.pace)
    >>> round(found.pace), round(float(found.curve.output_tokens_per_second[place]))
    (50, 1340)
    """
    if facility.job is not None:
        raise ValueError("the layout trains, a frontier is of serving")
    if facility.layout.workload.session is not None:
        raise ValueError("the layout serves sessions of agents, a frontier is of single requests")
    return tuple(
        _frontier(facility, kind.name, kind.gpu, kind.calibration, kind.power_law)
        for kind in facility.racks.types
        if kind.gpu is not None and kind.calibration is not None and kind.power_law is not None
    )


def other(facility: Facility, rack: str) -> Frontier:
    """The frontier of another rack of the catalogue that serves the workload of a facility.

    Raises ValueError for a rack without GPUs, or whose GPUs do not compute at the precision of the workload.
    """
    asked, made = facility.layout.workload, product(rack, "rack")
    if not made["numGPUs"]:
        raise ValueError("has no GPUs")
    if PRECISIONS[asked.precision][0] not in made.figures:
        can = " or ".join(one for one, (peak, _) in PRECISIONS.items() if peak in made.figures)
        raise ValueError(f"does not compute in {asked.precision}, the workload.precision; it can {can}")
    calibration = build.calibration(asked, made, product(asked.serving, "serving"))
    law = cards.power_law(product(made["powerLaw"], "power_law"))
    return _frontier(facility, rack, cards.gpu(made, asked.precision), calibration, law)


def _frontier(facility: Facility, rack: str, gpu: Gpu, calibration: Calibration, law: PowerLaw) -> Frontier:
    asked, pace = facility.workload, float(np.ravel(facility.operation.interactivity)[0])
    paces = np.union1d(PACES, pace)
    curve = pareto(gpu, facility.model, asked, calibration, law, paces)
    output = np.where(np.isfinite(curve.tpot_p50), curve.output_tokens_per_second, np.nan)
    tokens = Tokens(curve.total_tokens_per_second - output, output)
    joule = np.asarray(tokens_per_joule(tokens, "output", Power(curve.gpu_power, "chip")))
    once = serve(gpu, facility.model, replace(asked, interactivity=float(paces[0])), calibration, law)
    why = "" if once.feasible else once.bound
    return Frontier(rack, calibration.basis, calibration.band, pace, curve, joule, why)
