"""What is still alive when devices are out, and how the loads share what is left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from electrical.quantities import Boolean, Integer, Ratio
from electrical.tree import depth


def alive(parent: Integer, out: Boolean) -> Boolean:
    """Whether each device still has voltage, (..., node): neither it nor any ancestor is out.

    parent : (node,) index of the device that feeds each one, -1 for a source. out : (..., node).

    >>> alive(np.array([-1, 0, 1, 0]), np.array([False, True, False, False])).tolist()
    [True, False, False, True]
    """
    parent = np.asarray(parent)
    level = depth(parent)
    live = ~np.asarray(out, dtype=np.bool_)
    for step in range(1, int(level.max(initial=0)) + 1):
        nodes = np.flatnonzero(level == step)
        live[..., nodes] &= live[..., parent[nodes]]
    return live


def feed_shares(alive: Boolean, load: Integer, count: int, reserve: Boolean | None = None) -> Ratio:
    """Share of its load that each feed carries [1], (..., feed).

    alive : (..., feed). load : (feed,) index of the load each feed serves, below `count`.
    reserve : (feed,) true for a feed that carries only when every other feed of its load is dead, as the
    catcher of a block-redundant system does; without it every feed carries.
    The feeds that carry share equally: the shares of a load sum to 1, or are all 0 if none is alive.

    >>> feed_shares(np.array([True, True, False, True]), np.array([0, 0, 0, 1]), 2).tolist()
    [0.5, 0.5, 0.0, 1.0]
    """
    live = np.asarray(alive, dtype=np.bool_)
    load = np.asarray(load)
    spare = np.zeros(load.shape, dtype=np.bool_) if reserve is None else np.asarray(reserve, dtype=np.bool_)
    normal = live & ~spare
    carries = normal | (live & (_carrying(normal, load, count) == 0))
    shares: npt.NDArray[np.float64] = carries / np.maximum(_carrying(carries, load, count), 1)
    return shares


def _carrying(feeds: Boolean, load: Integer, count: int) -> npt.NDArray[np.intp]:
    """For each feed, how many of its load's feeds are marked, (..., feed)."""
    flat = feeds.reshape(-1, len(load))
    place = load + count * np.arange(len(flat))[:, None]
    marked = np.bincount(place[flat], minlength=count * len(flat))
    fellows: npt.NDArray[np.intp] = marked[place].reshape(feeds.shape)
    return fellows
