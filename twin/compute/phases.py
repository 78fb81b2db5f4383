"""Two pools of GPUs that serve the phases of a request, kept at one rate by a clock for each.

What passes prefill has to pass decode, so watts that let one pool pass more than the other are lost. Prefill follows
the clock and decode hardly does: the same watts taken from decode cost fewer tokens. With s the rate over that at full
clock and e the exponent of a pool, its clock is s^(1 / e), not below the minimum, and the watts that follow it are

    q(s) = sum over pools of part * phi max(phi, knee)^2,    phi = max(s^(1 / e), minimum clock),

those at full clock being 1. q is convex for exponents up to 1, so that s is concave in the watts: its pieces join where
a pool comes to its knee or to its minimum clock, and in each piece the watts of a pool are factor s^power + fixed.
Pools are in balance at full clock, as `twin.compute.serving` sizes them. Elementwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.compute.clock import drawn_share

Array = npt.NDArray[np.float64]

STEPS = 6
"""Of Newton, each of which doubles the digits: the logarithm of the watts is nearly straight in that of the rate."""
LEAST = 1e-300
"""Watts that stand for none, so that they have a logarithm."""


@dataclass(frozen=True)
class Pools:
    """Prefill and decode of one service; arrays broadcast together."""

    prefill: Array
    """Part of the watts that follow the clock which prefill draws at full clock, 0 to below 1."""
    prefill_exponent: Array
    """Of the rate in the clock ratio, in (0, 1]."""
    decode_exponent: Array
    knee: Array
    """Clock ratio below which the voltage no longer falls."""
    minimum_clock: Array


def joints(pools: Pools) -> tuple[Array, ...]:
    """Watts that follow the clock where both pools stand at the minimum clock, and where pieces join, ascending.

    >>> demo = Pools(np.array(30 / 68.4), np.array(1.0), np.array(0.3), np.array(0.75), np.array(0.17))
    >>> [round(float(joint), 4) for joint in joints(demo)]
    [0.0956, 0.1987, 0.3061, 0.5754]
    """
    corners = [corner for pair in _corners(pools) for corner in pair]
    return tuple(np.sort(np.stack(np.broadcast_arrays(*corners)), axis=0))


def rate(pools: Pools, watts: Array, at: Array) -> Array:
    """Rate over that at full clock for watts that follow the clock over those at full clock, (...,).

    at : watts inside the piece whose formula is taken, as it stands, also at its lower end.

    >>> demo = Pools(np.array(30 / 68.4), np.array(1.0), np.array(0.3), np.array(0.75), np.array(0.17))
    >>> watts = (np.array([0.9, 0.8, 0.7]) - 0.25) / 0.75
    >>> rate(demo, watts, watts).round(3).tolist()
    [0.979, 0.954, 0.924]
    """
    (first, steep), (second, steeper), fixed = _terms(pools, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        goal = np.log(np.maximum(watts - fixed, LEAST))
        first, second = np.log(first), np.log(second)
        # Where one pool alone draws the watts: not below the solution, from where Newton descends on a convex function.
        found = np.fmin((goal - first) / steep, (goal - second) / steeper)
        for _ in range(STEPS):
            one, other = np.exp(first + steep * found), np.exp(second + steeper * found)
            total = one + other
            found = found - (np.log(total) - goal) * total / (steep * one + steeper * other)
    return np.asarray(np.exp(found))


def bends(pools: Pools, rate: Array, at: Array) -> tuple[Array, Array]:
    """First and second derivative of the rate in the watts that follow the clock, each (...,), at a rate."""
    (first, steep), (second, steeper), _ = _terms(pools, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = first * rate**steep, second * rate**steeper
        slope = (steep * one + steeper * other) / rate
        curvature = (steep * (steep - 1.0) * one + steeper * (steeper - 1.0) * other) / np.square(rate)
        return 1.0 / slope, -curvature / slope**3


def _corners(pools: Pools) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Watts of both pools where prefill, and where decode, stands at its minimum clock and at its knee."""
    least = pools.minimum_clock
    own = pools.prefill, pools.prefill_exponent
    other = 1.0 - pools.prefill, pools.decode_exponent

    def corner(clock: Array, own: tuple[Array, Array], other: tuple[Array, Array]) -> Array:
        far = np.clip(clock ** (own[1] / other[1]), least, 1.0)
        return own[0] * drawn_share(clock, 0.0, pools.knee) + other[0] * drawn_share(far, 0.0, pools.knee)

    knee = np.maximum(pools.knee, least)
    return (
        (corner(least, own, other), corner(knee, own, other)),
        (corner(least, other, own), corner(knee, other, own)),
    )


def _terms(pools: Pools, at: Array) -> tuple[tuple[Array, Array], tuple[Array, Array], Array]:
    """Factor and power of prefill and of decode in the rate, and the watts of pools at their minimum clock."""
    corners, square = _corners(pools), np.square(pools.knee)
    least = drawn_share(pools.minimum_clock, 0.0, pools.knee)
    parts = (pools.prefill, pools.prefill_exponent), (1.0 - pools.prefill, pools.decode_exponent)
    terms, fixed = [], np.zeros(())
    for (part, exponent), (slow, bend) in zip(parts, corners, strict=True):
        held, fast = at < slow, at >= bend
        terms.append(
            (np.where(held, 0.0, np.where(fast, part, part * square)), np.where(fast, 3.0, 1.0) / exponent)
        )
        fixed = fixed + np.where(held, part * least, 0.0)
    return terms[0], terms[1], fixed
