"""Rows of shared limits on many scenarios: what loads them, which of them are full, and what one scenario has of them.

Every product is one small product per scenario, so that none sees another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from twin.compute.law import Law, given

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROUNDING = 1e-12  # relative excess over a capacity that is rounding, not load
OVERLOAD = 1e-9  # relative excess of the floors over a capacity that still counts as feasible
MEMORY = 2_000_000  # numbers in a (scenario, limit, rack) array


@dataclass(frozen=True)
class Caps:
    """What each rack may draw.

    power : AC watts of each rack [W], (scenario, rack); NaN where not settled.
    price : tokens/s that one more unit of capacity would bring [1/s per unit], (scenario, limit). Only
        `max-throughput` has prices; of limits that serve the same racks in the same proportions the
        tightest carries it. It ranks and names; a price for a reader is a difference of the whole solve.
    settled : False where the floors alone exceed a limit, or no optimum was found, (scenario,).
    binding : index of the limit that holds the rack, -1 where it stands at its ceiling, (scenario, rack).
    """

    power: Array
    price: Array
    settled: Mask
    binding: Index


def in_pieces(scenario: int, numbers: int) -> list[Index]:
    """Runs of scenarios of which each needs an array of so many numbers."""
    size = max(1, MEMORY // max(numbers, 1))
    return [np.arange(k, min(k + size, scenario)) for k in range(0, scenario, size)]


def exceeded_by(share: Array, least: Array, capacity: Array) -> Mask:
    """Limits that the floors exceed, (scenario, limit); one that holds no rack never is."""
    return share.any(axis=-1) & ~(least <= capacity + OVERLOAD * np.abs(capacity))


def pressing_at(floor: Array, ceiling: Array, share: Array, capacity: Array) -> tuple[Array, Mask, Mask]:
    """Load of the floors, whether they fit, (scenario,), and which limits then bind at the ceilings."""
    least, most = row_load(share, floor), row_load(share, ceiling)
    settled = ~exceeded_by(share, least, capacity).any(axis=-1)
    return least, settled, settled[:, None] & (most > capacity * (1.0 + ROUNDING)) & (most > least)


def row_load(share: Array, power: Array) -> Array:
    """Units at each limit, (scenario, limit); one product per scenario, so that none sees another."""
    return (share @ power[..., None])[..., 0]


def shares_of(share: Array, scenario: Index) -> Array:
    """Shares of some scenarios; a pattern common to all stays one."""
    return share if len(share) == 1 else share[scenario]


def law_of(law: Law, scenario: Index, count: int) -> Law:
    """The law of some of `count` scenarios; what is common to all stays broadcastable."""

    def part(name: str, value: Array) -> Array:
        lead = value.ndim - (name == "coefficients")
        return value[scenario] if lead == 2 and len(value) == count > 1 else value

    return replace(law, **{name: part(name, value) for name, value in given(law).items()})
