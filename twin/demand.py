"""What the workload asks of every rack: power, tokens, and the law that ties them under a cap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from electrical import converter
from twin.compute import agents, serving, training
from twin.compute import law as laws
from twin.compute.agents import Agents
from twin.compute.law import Law
from twin.compute.roofline import Calibration, Gpu, Model, Workload
from twin.compute.session import Session
from twin.facility import COMPUTE_BOUNDS, Facility, RackType
from twin.operation import SESSION, Operation
from twin.plant.supply import Supply

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

NO_GPUS = serving.Service(
    feasible=False, output_tokens_per_second=0.0, total_tokens_per_second=0.0, tpot=np.nan, tpot_p99=np.nan,
    ttft_p50=np.nan, ttft_p99=np.nan, batch=0.0, worker_size=0, shards=0, prefill_share=0.0,
    gpu_power=0.0, bound="no_gpus",
)  # fmt: skip
"""What a rack without GPUs serves."""


class Request(NamedTuple):
    """What users ask of every GPU."""

    interactivity: float
    first_token: float
    """Longest 99th percentile of the time to it [s]; of agents `agents` says more."""
    agents: Agents | None
    """None for single requests."""


@dataclass(frozen=True)
class Service:
    """(scenario or 1, rack): what a rack serves at full speed."""

    full_tokens: Array
    """Output tokens per second without any limit, trained on in a job."""
    ttft_p50: Array
    ttft_p99: Array
    tpot: Array
    tpot_p99: Array
    feasible: npt.NDArray[np.bool_]
    bound: npt.NDArray[np.int64]
    """Code in COMPUTE_BOUNDS."""


def demand(facility: Facility, operation: Operation, supply: Supply) -> tuple[Law, Service]:
    """The law of every rack and its latency, the serving model evaluated once per rack type and `Request`.

    Where `workload.rack_power` prescribes the AC power (a load bank), the tokens at full speed stay those of the
    serving model and the GPUs draw what is left of the prescribed power, up to their limit where the rack tells its
    `hostPower`. Racks without GPUs ask for their TDP.
    """
    racks = facility.racks
    several, place = requests(facility, operation)
    services = [[served(facility, kind, request) for kind in racks.types] for request in several]

    def gathered(name: str) -> Array:
        table = np.array([[getattr(service, name) for service in row] for row in services])
        return np.asarray(table[place][:, racks.type])

    rating = supply.shelves * racks.shelf_rating
    coefficients = racks.shelf_coefficients[None]
    chips = racks.gpus * gathered("gpu_power")
    asked = converter.input_power(racks.fixed + chips, rating, coefficients)
    prescribed = np.isfinite(operation.rack_power) & (racks.gpus > 0)
    wanted = np.where(prescribed, operation.rack_power, asked)
    direct = converter.output_power(wanted, rating, coefficients)
    fixed = np.where(prescribed, np.maximum(racks.fixed, direct - racks.gpu_most), racks.fixed)
    chips = np.where(prescribed, direct - fixed, chips)
    chips = np.maximum(chips, laws.LEAST)
    tokens = racks.gpus * gathered("output_tokens_per_second")
    wanted, tokens, chips, rating = np.broadcast_arrays(wanted, tokens, chips, rating)
    split = facility.layout.workload.capping == "phases" and facility.job is None
    drawn = np.maximum(gathered("gpu_power"), laws.LEAST)
    law = Law(
        demand=wanted,
        tokens=tokens,
        gpu_demand=chips,
        fixed=fixed,
        rating=rating,
        coefficients=coefficients,
        static_share=racks.static_share[None],
        knee=racks.knee[None],
        exponent=racks.exponent[None],
        minimum_clock=racks.minimum_clock[None],
        prefill=gathered("prefill_power") / drawn if split else None,
        prefill_exponent=racks.prefill_exponent[None] if split else None,
    )
    law = replace(law, demand=np.maximum(wanted, laws.floor(law)))
    codes = np.array([[COMPUTE_BOUNDS.index(service.bound) for service in row] for row in services])
    bound = codes[place][:, racks.type]
    latencies = (gathered(name) for name in ("ttft_p50", "ttft_p99", "tpot", "tpot_p99"))
    return law, Service(tokens, *latencies, gathered("feasible").astype(bool), bound)


def together(facility: Facility, tokens: Array) -> Array:
    """Tokens per second of each rack [1/s], (..., rack), when those of a job wait for the slowest of them.

    tokens : of each rack by itself. Every GPU of a job takes an equal part of each step, so all go at the least
    tokens of a GPU; the job stands when one rack does. Racks that serve are as they were.
    """
    gpus = facility.racks.gpus
    if facility.job is None:
        return tokens
    pace = training.synchronous(tokens[..., gpus > 0] / gpus[gpus > 0])
    return np.asarray(gpus * pace[..., None])


def requests(facility: Facility, operation: Operation) -> tuple[list[Request], Index]:
    """What the scenarios ask for, each once, and which of it each scenario does, (scenario or 1,)."""
    parts = [operation.interactivity, operation.first_token]
    if facility.layout.workload.session is not None and facility.job is None:
        parts += [getattr(operation, field) for field in SESSION]
    rows, place = np.unique(np.stack(np.broadcast_arrays(*parts), axis=-1), axis=0, return_inverse=True)
    found = [
        Request(pace, first, Agents(Session(*told[:-1]), told[-1]) if told else None)
        for pace, first, *told in rows.tolist()
    ]
    return found, place.reshape(-1)


def prompts(facility: Facility, operation: Operation) -> Array:
    """Tokens in for each token out, (scenario or 1,): none in training, the whole history in a turn of a session."""
    work = facility.workload
    if facility.job is not None:
        return np.zeros(1)
    if facility.layout.workload.session is None:
        return np.array([work.input_length / work.output_length])
    return np.asarray((operation.session_context + operation.session_new_tokens) / operation.session_output)


def served(facility: Facility, kind: RackType, request: Request) -> serving.Service:
    """What a GPU of a rack type serves of a request or trains; nothing where a rack has none."""
    if kind.gpu is None or kind.power_law is None or kind.calibration is None:
        return NO_GPUS
    if facility.job is not None and kind.efficiency is not None:
        return _trained(facility.job, kind.gpu, kind.power_law, kind.efficiency)
    asked = replace(facility.workload, interactivity=request.interactivity, first_token=request.first_token)
    given = kind.gpu, facility.model, asked, kind.calibration, kind.power_law
    if request.agents is None:
        return _once(*given)
    return agents.served(*given, kind.tiers, request.agents)


def _trained(
    job: training.Job, gpu: Gpu, law: serving.PowerLaw, efficiency: training.Efficiency
) -> serving.Service:
    """What a GPU trains as one of its job: at the ceiling of its power, as large matrix products are."""
    tokens = job.relative * float(training.tokens_per_second(efficiency, job.gpus, job.flops)) / job.gpus
    return replace(
        NO_GPUS,
        feasible=True,
        output_tokens_per_second=tokens,
        total_tokens_per_second=tokens,
        gpu_power=law.maximum * gpu.power,
        bound="flops",
    )


@lru_cache(maxsize=4096)
def _once(
    gpu: Gpu, model: Model, workload: Workload, calibration: Calibration, law: serving.PowerLaw
) -> serving.Service:
    """`serving.serve`, once for all chunks and passes that ask the same."""
    return serving.serve(gpu, model, workload, calibration, law)
