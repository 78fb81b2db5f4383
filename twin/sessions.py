"""Sessions of agents in a rack: how many it carries at the pace and the wait asked for, and where their prefixes are.

Beside the rack's demand, which stays that of the serving workload, and at its configuration: workers of as many GPUs
and shards, and where serving is disaggregated other GPUs that prefill for them, as many as their utilisation asks. A
cap slows all times of the GPUs alike, by the speed that the law leaves, so a rack keeps its latency with fewer
sessions; reloading from beyond the GPUs stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from twin.compute import law as laws
from twin.compute import session as kernel
from twin.compute.law import Law
from twin.compute.roofline import Calibration, Gpu, Model, Workload, scaled
from twin.compute.session import Tier, Worker, carry, most_sessions, resident, worker
from twin.demand import served
from twin.facility import KV_TIERS, Facility, RackType
from twin.operation import Operation
from twin.schema import Session

Array = npt.NDArray[np.float64]

SPEEDS = 128
"""Steps of speed that sessions are found at; speeds are rounded down, so at most one step is lost."""
ROUNDING = 1e-9
"""Of a step of speed, and of sessions."""


class Counted(NamedTuple):
    """What a rack carries at a speed."""

    sessions: float
    hits: tuple[float, ...]
    """By tier."""
    ttft: float
    memory: bool


NONE = Counted(0.0, (np.nan,) * len(KV_TIERS), np.nan, False)


@dataclass(frozen=True)
class Carried:
    """(scenario or 1, rack); NaN where the workload tells no session."""

    sessions: Array
    """0 for a rack that serves nothing."""
    hits: Array
    """(..., tier) share of the turns that find their prefix there; NaN without sessions. `ttft` [s] likewise."""
    ttft: Array
    memory: npt.NDArray[np.bool_]
    """With KV cache without end it would carry more."""


def carried(
    facility: Facility, operation: Operation, law: Law, power: Array, lost: npt.NDArray[np.bool_]
) -> Carried:
    """What every rack carries at its AC power, found once for each rack type, interactivity and step of speed.

    lost : (scenario, rack) racks that serve nothing, whatever they draw.
    """
    racks, asked = facility.racks, facility.layout.workload.session
    nothing = np.full(power.shape, np.nan)
    if asked is None:
        hits = np.full((*power.shape, len(KV_TIERS)), np.nan)
        return Carried(nothing, hits, nothing, np.zeros(power.shape, dtype=bool))
    speed = np.where(lost | (power <= 0.0), 0.0, laws.speed(law, power))
    keys = np.stack(
        [
            np.broadcast_to(racks.type, power.shape),
            np.broadcast_to(np.reshape(operation.interactivity, (-1, 1)), power.shape),
            np.floor(speed * SPEEDS + ROUNDING),
        ],
        axis=-1,
    )
    several, place = np.unique(keys.reshape(-1, 3), axis=0, return_inverse=True)
    found = [
        _counted(facility, racks.types[int(kind)], asked, float(target), step / SPEEDS)
        for kind, target, step in several
    ]
    place = place.reshape(power.shape)
    return Carried(
        sessions=np.array([one.sessions for one in found])[place],
        hits=np.array([one.hits for one in found])[place],
        ttft=np.array([one.ttft for one in found])[place],
        memory=np.array([one.memory for one in found])[place],
    )


def _counted(facility: Facility, kind: RackType, asked: Session, target: float, speed: float) -> Counted:
    """What a rack of a type carries at an interactivity and a speed."""
    service = served(facility, kind, target)
    if kind.gpu is None or kind.calibration is None or not service.feasible or not speed > 0.0:
        return NONE
    slowed = scaled(kind.calibration, 1.0 / speed)
    each = _worker(
        kind.gpu, facility.model, facility.workload, slowed,
        service.worker_size, kind.tiers, service.shards, asked, 1.0 / target,
    )  # fmt: skip
    return each._replace(sessions=kind.product["numGPUs"] / service.worker_size * each.sessions)


@lru_cache(maxsize=4096)
def _worker(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: int,
    tiers: tuple[Tier, ...],
    shards: int,
    asked: Session,
    tpot: float,
) -> Counted:
    """What one worker carries, less what prefills for it elsewhere; once for all chunks that ask the same."""
    made = worker(gpu, model, workload, calibration, size, tiers, shards)
    endless = _most(replace(made, tiers=(Tier(np.inf, np.inf),)), workload, calibration, asked, tpot)
    found = _most(made, workload, calibration, asked, tpot)
    return found._replace(memory=found.sessions < endless.sessions * (1.0 - ROUNDING))


def _most(made: Worker, workload: Workload, calibration: Calibration, asked: Session, tpot: float) -> Counted:
    """The load within latency at which a worker and its prefill carry most a GPU: the largest, or one that just fits
    a tier, for beyond it what is lost has to be prefilled."""
    session = kernel.Session(asked.turns, asked.context, asked.new_tokens, asked.output, asked.tool_time)
    most = most_sessions(made, session, asked.first_token, tpot)
    if not most:
        return NONE
    fits = np.floor(resident(made, session))
    counts = np.append(fits[(fits >= 1.0) & (fits < most)], float(most))
    load = carry(made, session, counts)
    apart = calibration.mode == "disaggregated"
    each = counts / (1.0 + load.prefill / workload.prefill_utilisation) if apart else counts
    best = int(np.nanargmax(each))
    return Counted(float(each[best]), tuple(load.hits[best].tolist()), float(load.ttft[best]), False)
