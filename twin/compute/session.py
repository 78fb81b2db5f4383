"""Sessions of agents: turns with tool calls between them, a long prefix that is kept or lost, and where it is kept.

A worker takes turns of `sessions` in a closed loop: a session computes what is new of its prompt and reloads or
recomputes what was lost of its prefix (one queue), writes its answer (a batch), and waits for its tool. Its KV cache
stays until room is needed, least recently used first: in the memory of the GPUs, then in slower tiers, then nowhere.
With d the share of its cycle that a session does not spend at its tools and k the room over the sessions, a pool of
many finds

    hit = (k - d) / (1 - d), in [0, 1],

of the prefixes: for d = 0 the k of independent references (Che's approximation for equal popularity), for d = 1 the
all or nothing of a cyclic scan. As misses lengthen turns and so raise d, a worker tips over when its sessions outgrow
the cache. Against a replay event by event the time to the first token is within 15 % for up to eight sessions, near the
tip within a factor of 2. Prefill is taken to vary as exponential times do: 40 sessions that keep it busy for two thirds
of the time then wait up to a quarter too long, half as long again as if all turns were alike. Everything broadcasts
over (...,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from twin.compute.roofline import (
    Calibration,
    Gpu,
    Model,
    Step,
    Workload,
    prefill_time,
    step_time,
    token_cache,
)
from twin.compute.serving import cache_room

Array = npt.NDArray[np.float64]

PASSES = 2000
SETTLED = 1e-9
"""Change of the busy share, and of the batch over the sessions, at which a steady state is reached."""
MOST_SESSIONS = 2**40
ROUNDING = 1e-9
"""Of sessions."""


@dataclass(frozen=True)
class Tier:
    """A place for KV cache, of one worker; like its other numbers (...,) of several."""

    capacity: Array | float
    """[B]."""
    bandwidth: Array | float
    """To the GPUs [B/s]; infinite for their own memory."""


@dataclass(frozen=True)
class Session:
    turns: float
    """Requests of a session."""
    context: float
    """Tokens of prompt and history, mean over its turns; it grows by `new` + `output` each turn."""
    new: float
    """Tokens of a turn that no cache can know."""
    output: float
    """Tokens written in a turn."""
    tool_time: float
    """Mean time between an answer and the next turn [s]."""


@dataclass(frozen=True)
class Worker:
    """GPUs that prefill one turn at a time and decode all that are ready; several workers, each by itself, (...,)."""

    tiers: tuple[Tier, ...]
    """Places for KV cache beside the weights, the memory of the GPUs first, where decoding sessions have to be."""
    token_bytes: float
    """KV cache of a token [B]."""
    token_time: Array | float
    """Prefill of a token without attention [s]."""
    pair_time: Array | float
    """Attention of a token to one before it [s]."""
    step: Callable[[Array, float], Array]
    """Time per output token of a batch of so many sessions at a context of so many tokens [s]."""
    shared: bool = False
    """Prefill takes its time from the GPUs that decode, as in aggregated serving."""
    pieces: Array | float = 1.0
    """Prefill workers that these GPUs make: a turn is prefilled by one of them, so many times slower than by all."""
    longest: Array | float = np.inf
    """What one attention group holds of the first tier [B], which parts it: sessions lie whole in one of them."""


@dataclass(frozen=True)
class Load:
    """A worker under its sessions in the steady state, (...,); means."""

    turns_per_second: Array
    output_tokens_per_second: Array
    ttft: Array
    """From the end of the tool call to the first token [s]."""
    tpot: Array
    """Time per output token [s]."""
    batch: Array
    """Sessions that decode."""
    busy: Array
    """Share of its cycle that a session is not at its tools."""
    hits: Array
    """Share of the turns that find their prefix in each tier, (..., tier); what is left of 1 is computed anew."""
    prefill: Array
    """Busy share of the prefill."""


def prefill_seconds(worker: Worker, tokens: Array | float, before: Array | float = 0.0) -> Array:
    """Time to compute `tokens` of a prompt behind `before` others that are cached [s], (...,)."""
    tokens = np.asarray(tokens, dtype=np.float64)
    return np.asarray(tokens * (worker.token_time + worker.pair_time * (before + tokens / 2.0)))


def fetch_seconds(worker: Worker, tokens: Array | float) -> Array:
    """Time until a prefix stands in the memory of the GPUs [s], (..., tier + 1): from each tier, and from nothing.

    The quicker of reloading and computing anew, in every tier; the last is computing anew.
    """
    tokens = np.asarray(tokens, dtype=np.float64)
    anew = prefill_seconds(worker, tokens)
    reload = (tokens * worker.token_bytes / tier.bandwidth for tier in worker.tiers)
    return np.stack(np.broadcast_arrays(*(np.minimum(each, anew) for each in reload), anew), axis=-1)


def resident(worker: Worker, session: Session) -> Array:
    """Sessions whose KV cache the tiers hold, each tier with those before it, (tier, ...).

    An attention group holds whole ones, all of the mean length. Where lengths lie evenly within 29 % of it, a group
    with room for 1.87 of them has 1.3 in the mean, not 1, and with room for 6.3 it has 5.8, not 6.
    """
    each = session.context * worker.token_bytes
    group = np.asarray(worker.longest) / each
    parted = np.isfinite(group) & (group > 0.0)
    group = np.where(parted, group, 1.0)
    first, *others = (np.asarray(tier.capacity) / each for tier in worker.tiers)
    whole = np.where(parted, np.rint(first / group) * np.floor(group + ROUNDING), first)
    return np.asarray(np.cumsum(np.stack(np.broadcast_arrays(whole, *others)), axis=0))


def hits(room: Array, sessions: Array | float, busy: Array | float) -> Array:
    """Share of the returns that find their prefix within `room` sessions, least recently used lost first, (...,).

    room : sessions the cache holds. sessions : from 1. busy : share d of its cycle a session is not at its tools, in
    [0, 1]. Of a session away for d + (1 - d) x, x exponential with mean 1, each other one has come back with a chance
    that is uniform in [d, 1]; it finds its prefix where fewer than `room` of them have. In closed form by incomplete
    beta functions; for many sessions (k - d) / (1 - d), in [0, 1].

    >>> hits(np.array(4.0), 8.0, np.array([0.0, 0.25, 0.5, 1.0])).round(3).tolist()
    [0.5, 0.339, 0.137, 0.0]
    """
    room, count, busy = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (room, sessions, busy))
    )
    some = (room > 0.0) & (room < count)
    inside, most = np.where(some, room, 0.5), np.where(some, count, 1.0)
    part, away = inside / most, np.where(busy < 1.0, 1.0 - busy, 1.0)
    late = busy * betainc(inside, most - inside, busy) - part * betainc(inside + 1.0, most - inside, busy)
    found = np.where(busy < 1.0, np.clip((part - busy + late) / away, 0.0, 1.0), 0.0)
    return np.where(some, found, np.where(room >= count, 1.0, 0.0))


def response(service: Array, elsewhere: Array, sessions: Array | float) -> Array:
    """Mean time of a customer at one server, its own service with it [s], (...,): wait and service in a closed loop.

    service : mean [s]. elsewhere : mean time of a cycle away from the server [s]. sessions : in the loop, from 1.
    Schweitzer's approximation of mean-value analysis, R^2 + R (Z - N S) - S Z = 0. Against the machine-repairman
    model it is exact for one customer and under light and heavy load, and too high between: most at N S = Z, by 7 %
    for 5 customers, 22 % for 100 and sqrt(pi / 2) = 1.25 times for ever more.

    >>> float(response(1.0, 9.0, 1.0)), float(response(1.0, 9.0, 1000.0).round(2))
    (1.0, 991.01)
    """
    excess = np.asarray(service) * sessions - elsewhere
    return np.asarray((excess + np.sqrt(np.square(excess) + 4.0 * np.asarray(service) * elsewhere)) / 2.0)


def carry(worker: Worker, session: Session, sessions: Array | float) -> Load:
    """What a worker does under so many sessions in a closed loop, (...,).

    Of several steady states the one that a worker with a warm cache reaches: the busy share rises from below until it
    agrees with itself; NaN where it does not within PASSES. Sessions that do not fit the memory of the GPUs while
    they decode wait. A reload keeps the prefill as long as it takes, which is on the safe side.
    """
    count = np.asarray(sessions, dtype=np.float64)
    within = resident(worker, session)
    fetch = fetch_seconds(worker, session.context)
    fresh = prefill_seconds(worker, session.new, session.context)
    opening = np.maximum(session.context - (session.turns - 1.0) / 2.0 * (session.new + session.output), 0.0)
    opened = prefill_seconds(worker, opening) / session.turns
    again = 1.0 - 1.0 / session.turns
    slots = np.minimum(within[0], count)
    written = session.context + session.new + session.output / 2.0

    def turn(busy: Array, batch: Array) -> tuple[Array, Array, Array, Array]:
        """Turns per second, decode time and prefill time of a turn, shares of tiers."""
        found = hits(np.moveaxis(within, 0, -1), count[..., None], busy[..., None])
        tier = np.diff(found, axis=-1, prepend=0.0)
        share = np.concatenate([tier, 1.0 - found[..., -1:]], axis=-1)
        service = fresh + opened + again * (share * fetch).sum(axis=-1)
        decode = session.output * worker.step(np.maximum(batch, 1.0), written)
        if worker.shared:
            # Each of the others that decode begins a turn in this time.
            decode = decode + batch * (1.0 - 1.0 / count) * service
        # As if the pieces were one for what waits; its own work a turn has to itself.
        first = response(service, session.tool_time + decode, count) + (worker.pieces - 1.0) * service
        rate = np.minimum(count / (first + session.tool_time + decode), slots / (service + decode))
        return rate, decode, service, again * tier

    busy, batch = np.zeros_like(count), np.ones_like(count)
    for _ in range(PASSES):
        rate, decode, service, tier = turn(busy, batch)
        now = 1.0 - rate * session.tool_time / count
        ready = rate * decode
        moved = np.abs(now - busy) + np.abs(ready - batch) / count
        busy, batch = now, ready
        if np.all(moved < SETTLED):
            break
    rate = np.where(moved < SETTLED, rate, np.nan)
    tpot = decode / session.output
    cycle = count / np.where(rate == 0.0, np.nan, rate)
    return Load(
        turns_per_second=rate,
        output_tokens_per_second=rate * session.output,
        ttft=np.where(rate == 0.0, np.inf, cycle - session.tool_time - decode),
        tpot=tpot,
        batch=rate * decode,
        busy=busy,
        hits=tier,
        prefill=rate * service,
    )


def most_sessions(worker: Worker, session: Session, ttft: float, tpot: float) -> Array:
    """Sessions that a worker carries with means of time to the first token and per token in their limits [s], (...,).

    0 where one session alone misses them, or an attention group does not hold it in its last turn.
    """

    def kept(sessions: Array) -> npt.NDArray[np.bool_]:
        load = carry(worker, session, sessions)
        return np.asarray((load.ttft <= ttft) & (load.tpot <= tpot))

    last = session.context + (session.turns + 1.0) / 2.0 * (session.new + session.output)
    fits = (resident(worker, session)[0] >= 1.0) & (last * worker.token_bytes <= worker.longest)
    more = fits & kept(np.ones(np.shape(fits)))
    low = more.astype(np.float64)
    high = low + 1.0
    while more.any():
        more = more & (high < MOST_SESSIONS) & kept(np.where(more, high, 1.0))
        low, high = np.where(more, high, low), np.where(more, 2.0 * high, high)
    while (between := high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        meets = kept(np.where(between, middle, 1.0))
        low = np.where(between & meets, middle, low)
        high = np.where(between & ~meets, middle, high)
    return low


def decode_step(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    size: Array | float,
    shards: Array | float,
    batch: Array | float,
) -> Step:
    """One decode step of `batch` sessions in a worker, (...,); other arguments as for `step_time`.

    A session lies whole in one attention group, so one group has at least one however few there are, and all wait for
    it. More are taken as spread evenly: of 1.1 a group some have two, with which a step of 72 GB300 at 400,000 tokens
    takes 20.2 ms, not 16.2 ms; of 20.1 it takes 4 % longer. Experts are spread over the worker: what they read goes by
    the mean.
    """
    each = np.asarray(batch) * shards / size
    mean, fullest = (
        step_time(gpu, model, workload, calibration, size, shards, one)
        for one in (each, np.maximum(each, 1.0))
    )
    return replace(fullest, weights=mean.weights, read=mean.read, operations=mean.operations)


def worker(
    gpu: Gpu,
    model: Model,
    workload: Workload,
    calibration: Calibration,
    gpus: Array | float,
    tiers: tuple[Tier, ...] = (),
    shards: Array | float = 1,
) -> Worker:
    """The worker that `gpus` of a kind make: times and room from the serving model, (...,).

    Of the workload only bytes and drafts count: lengths are those of a session. tiers : beyond the memory of the GPUs,
    of one GPU. shards : GPUs of an attention group. Prefill and decoding share the GPUs and their memory; aggregated
    also their time, else each is as quick as if it had them alone.
    """
    gpus, shards = np.asarray(gpus, dtype=np.float64), np.asarray(shards, dtype=np.float64)
    room = np.maximum(cache_room(gpu, model, workload, gpus, shards), 0.0)
    length = 1e5
    alone, whole = (
        prefill_time(gpu, model, replace(workload, input_length=tokens), calibration)
        for tokens in (0.0, length)
    )

    def step(batch: Array, context: float) -> Array:
        asked = replace(workload, input_length=context, output_length=0.0)
        time = decode_step(gpu, model, asked, calibration, gpus, shards, batch).time
        return np.asarray(time / workload.accepted)

    return Worker(
        tiers=(
            Tier(gpus / shards * room, np.inf),
            *(Tier(tier.capacity * gpus, tier.bandwidth * gpus) for tier in tiers),
        ),
        token_bytes=token_cache(model, workload),
        token_time=alone / gpus,
        pair_time=(whole - alone) / (length / 2.0) / gpus,
        step=step,
        shared=calibration.mode == "aggregated",
        longest=room,
    )
