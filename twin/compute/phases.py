"""Pools of GPUs that serve the phases of a request under one cap: which of them to slow down first.

What passes prefill has to pass decode, so the slower pool sets the rate. Prefill follows the clock and decode hardly
does: the same watts taken from decode cost fewer tokens. `uniform` caps every GPU at the same share of what it asks
for; `aware` gives each pool the lowest clock at which all keep one rate, the highest that the cap can pay.

Watts are those of GPUs, by the law of `twin.compute.law`: share of the watts = Ps + (1 - Ps) phi max(phi, knee)^2,
rate = rate at full clock * phi^exponent. The exponent is 1 for prefill and 0.2 to 0.3 for batched decode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.compute.law import clock_ratio, drawn_share

Array = npt.NDArray[np.float64]

HALVINGS = 60
"""Of the interval of rates: to the last digits of a double."""
ROUNDING = 1e-12
"""Relative watts below those of the minimum clock that are rounding of themselves."""


@dataclass(frozen=True)
class Pools:
    """Pools of one service, (..., pool); a number stands for all of them."""

    demand: Array
    """Watts of all GPUs of the pool at full clock [W], above 0."""
    rate: Array
    """Of requests that the pool passes at full clock, in any unit that the pools share, above 0."""
    exponent: Array
    """Of the rate in the clock ratio, above 0."""
    static_share: Array | float = 0.25
    """Of the watts at full clock, below 1: see `twin.compute.law`, likewise the knee."""
    knee: Array | float = 0.75
    minimum_clock: Array | float = 0.17
    """Clock ratio under which the GPUs do not run, above 0."""


@dataclass(frozen=True)
class Shared:
    """What a cap leaves of a service."""

    rate: Array
    """That all pools pass, (...,): 0 where the cap is below the watts at the minimum clock."""
    clock: Array
    """Clock ratio, (..., pool)."""
    power: Array
    """Watts of each pool [W], (..., pool)."""


def uniform(pools: Pools, cap: Array | float) -> Shared:
    """Every GPU capped at the same share of the watts it asks for. cap : of all pools together [W], (...,).

    >>> pools = Pools(np.array([30e3, 38.4e3]), np.ones(2), np.array([1.0, 0.3]))
    >>> uniform(pools, 68.4e3 * np.array([0.9, 0.8, 0.7])).rate.round(3).tolist()
    [0.953, 0.902, 0.843]
    """
    share = np.minimum(np.asarray(cap) / pools.demand.sum(axis=-1), 1.0)[..., None]
    clock = np.minimum(clock_ratio(share, pools.static_share, pools.knee), 1.0)
    running = (share >= _share(pools, pools.minimum_clock) * (1.0 - ROUNDING)).all(axis=-1)
    return _shared(pools, np.maximum(clock, pools.minimum_clock), running)


def aware(pools: Pools, cap: Array | float) -> Shared:
    """The greatest rate that all pools pass, by halving. cap : of all pools together [W], (...,).

    A pool that could pass more than the others runs slower also where the cap takes nothing.

    >>> pools = Pools(np.array([30e3, 38.4e3]), np.ones(2), np.array([1.0, 0.3]))
    >>> aware(pools, 68.4e3 * np.array([0.9, 0.8, 0.7])).rate.round(3).tolist()
    [0.979, 0.954, 0.924]
    """
    cap = np.asarray(cap, dtype=np.float64)

    def clock(rate: Array) -> Array:
        ratio = (rate[..., None] / pools.rate) ** (1.0 / pools.exponent)
        return np.asarray(np.clip(ratio, pools.minimum_clock, 1.0))

    def drawn(rate: Array) -> Array:
        return np.asarray((pools.demand * _share(pools, clock(rate))).sum(axis=-1))

    most = np.min(np.asarray(pools.rate), axis=-1)
    low, high = np.zeros(np.broadcast_shapes(cap.shape, most.shape)), most + np.zeros(cap.shape)
    running = drawn(low) * (1.0 - ROUNDING) <= cap
    full = drawn(high) <= cap
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        meets = drawn(middle) <= cap
        low, high = np.where(meets, middle, low), np.where(meets, high, middle)
    return _shared(pools, clock(np.where(full, most, low)), running)


def _share(pools: Pools, clock: Array | float) -> Array:
    return drawn_share(clock, pools.static_share, pools.knee)


def _shared(pools: Pools, clock: Array, running: npt.NDArray[np.bool_]) -> Shared:
    """Rate and watts at clock ratios, nothing where the cap does not let the pools run."""
    clock = np.where(running[..., None], clock, 0.0)
    rate = (pools.rate * clock**pools.exponent).min(axis=-1)
    power = np.where(running[..., None], pools.demand * _share(pools, clock), 0.0)
    return Shared(rate=rate, clock=clock, power=power)
