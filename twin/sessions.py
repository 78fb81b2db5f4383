"""Sessions of agents in a rack: how many it carries at the pace and the wait asked for, and where their prefixes are.

Those that make its demand (`twin.compute.agents`), in the configuration of serving: workers of as many GPUs
and shards, and where serving is disaggregated other GPUs that prefill for them, as many as their utilisation asks. A
cap slows all times of the GPUs alike, by the speed that the law leaves, so a rack keeps its latency with fewer
sessions; reloading from beyond the GPUs stays as it is.
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
        return Carried(nothing, hits, nothing, nothing, np.zeros(power.shape, dtype=bool))
    speed = np.where(lost | (power <= 0.0), 0.0, laws.speed(law, power))
    keys = np.stack(
        [
            np.broadcast_to(racks.type, power.shape),
            np.broadcast_to(place[:, None], power.shape),
            np.floor(speed * SPEEDS + ROUNDING),
        ],
        axis=-1,
    )
    cases, case = np.unique(keys.reshape(-1, 3).astype(np.int64), axis=0, return_inverse=True)
    found = [
        _counted(facility, racks.types[kind], several[request], step / SPEEDS)
        for kind, request, step in cases.tolist()
    ]
    case = case.reshape(power.shape)
    return Carried(
        sessions=np.array([one.sessions for one in found])[case],
        hits=np.array([one.hits for one in found])[case],
        ttft=np.array([one.ttft for one in found])[case],
        tpot=np.array([one.tpot for one in found])[case],
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
    return each._replace(sessions=kind.product["numGPUs"] / size * each.sessions)
