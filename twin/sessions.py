"""Sessions of agents in a rack: how many it carries at the pace and the wait asked for, and where their prefixes are.

Those that make its demand (`twin.compute.agents`), in the configuration that is best at full speed: workers of as many
GPUs and shards, and where serving is disaggregated other GPUs that prefill for them, as many as their utilisation asks.
A cap slows all times of the GPUs alike, by the speed that the law leaves, so a rack keeps its latency with fewer
sessions; reloading from beyond the GPUs stays as it is. Its tokens are those that the sessions write, no more than the
law gives, by which power is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from twin.compute import law as laws
from twin.compute.agents import Counted, counted
from twin.compute.law import Law
from twin.compute.roofline import scaled
from twin.demand import Request, requests, served
from twin.facility import KV_TIERS, Facility, RackType
from twin.operation import Operation

Array = npt.NDArray[np.float64]

SPEEDS = 128
"""Steps of speed that sessions are found at; speeds are rounded down, so at most one step is lost."""
ROUNDING = 1e-9
"""Of a step of speed."""
NONE = Counted(0.0, 0.0, (np.nan,) * len(KV_TIERS), np.nan, np.nan, 0.0, 0.0, False)


@dataclass(frozen=True)
class Carried:
    """(scenario or 1, rack); NaN where the workload tells no session."""

    sessions: Array
    """0 for a rack that serves nothing."""
    hits: Array
    """(..., tier) share of the turns that find their prefix there; NaN without sessions."""
    ttft: Array
    """Of turns, a mean, and `tpot` of tokens [s]; NaN without sessions."""
    tpot: Array
    tokens: Array
    """That the sessions write [1/s], between two steps of speed in proportion."""
    memory: npt.NDArray[np.bool_]
    """With KV cache without end it would carry more."""


def carried(
    facility: Facility, operation: Operation, law: Law, power: Array, lost: npt.NDArray[np.bool_]
) -> Carried:
    """What every rack carries at its AC power, found once for each rack type, interactivity and step of speed.

    lost : (scenario, rack) racks that serve nothing, whatever they draw.
    """
    racks = facility.racks
    several, place = requests(facility, operation)
    nothing = np.full(power.shape, np.nan)
    if several[0].agents is None:
        hits = np.full((*power.shape, len(KV_TIERS)), np.nan)
        return Carried(nothing, hits, nothing, nothing, nothing, np.zeros(power.shape, dtype=bool))
    speed = np.where(lost | (power <= 0.0), 0.0, laws.speed(law, power))
    step = np.floor(speed * SPEEDS + ROUNDING)
    kinds, asked = (np.broadcast_to(one, power.shape) for one in (racks.type, place[:, None]))
    keys = np.stack([[kinds, asked, one] for one in (step, np.minimum(step + 1.0, SPEEDS))])
    keys = np.moveaxis(keys, 1, -1)
    cases, case = np.unique(keys.reshape(-1, 3).astype(np.int64), axis=0, return_inverse=True)
    found = [
        _counted(facility, racks.types[kind], several[request], steps / SPEEDS)
        for kind, request, steps in cases.tolist()
    ]
    case, above = case.reshape(2, *power.shape)
    tokens = np.array([one.tokens for one in found])
    part = np.clip(speed * SPEEDS - step, 0.0, 1.0)
    return Carried(
        sessions=np.array([one.sessions for one in found])[case],
        hits=np.array([one.hits for one in found])[case],
        ttft=np.array([one.ttft for one in found])[case],
        tpot=np.array([one.tpot for one in found])[case],
        tokens=(1.0 - part) * tokens[case] + part * tokens[above],
        memory=np.array([one.memory for one in found])[case],
    )


def _counted(facility: Facility, kind: RackType, request: Request, speed: float) -> Counted:
    """What a rack of a type carries of a request at a speed."""
    service = served(facility, kind, request)
    if kind.gpu is None or kind.calibration is None or request.agents is None:
        return NONE
    if not service.feasible or not speed > 0.0:
        return NONE
    asked = replace(facility.workload, interactivity=request.interactivity)
    slowed = scaled(kind.calibration, 1.0 / speed)
    size, shards = service.worker_size, service.shards
    each = counted(kind.gpu, facility.model, asked, slowed, size, shards, kind.tiers, request.agents)
    workers = kind.product["numGPUs"] / size
    return each._replace(sessions=workers * each.sessions, tokens=workers * each.tokens)
