"""Grid of boxes in a hall: where the cells of an axis end, and which of them a box covers. Each axis by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from geometry.quantities import Index, Length, Lengths

NEAR = 0.25
"""Coordinates nearer to each other than this share of a cell are met by one: a sliver of a cell stops all others."""
TIE = 1e-6
"""Length that is no difference between two ends of cells [m]."""


def cell_edges(low: Length, high: Length, met: Lengths, width: Length) -> Lengths:
    """Ends of the cells from `low` to `high`, (edge,) rising [m].

    met : coordinates that cells have to end at [m], the first first: what lies outside is left out, and what is nearer
    to an earlier one than a quarter of `width`. width : of a cell, about [m]. Between two coordinates all are equal.

    >>> cell_edges(0.0, 4.0, np.array([1.0, 2.2, 2.25]), 0.6).tolist()
    [0.0, 0.5, 1.0, 1.6, 2.2, 2.8, 3.4, 4.0]
    """
    kept = [float(low), float(high)]
    for place in np.asarray(met, dtype=np.float64):
        if low < place < high and min(abs(place - one) for one in kept) >= NEAR * width:
            kept.append(float(place))
    kept.sort()
    parts = []
    for begin, end in pairwise(kept):
        parts.append(np.linspace(begin, end, max(1, round((end - begin) / float(width))) + 1)[:-1])
    # The rounding keeps differences of equal cells from telling them apart.
    return np.round(np.concatenate([*parts, [kept[-1]]]), 9)


def covered(edges: Lengths, low: Length, high: Length) -> Index:
    """First cell and the one after the last that a box from `low` to `high` covers, (..., 2).

    Ends of cells nearest to those of the box; both are the same where it covers less than half a cell.

    >>> covered(np.array([0.0, 0.5, 1.0, 1.6, 2.2]), 0.6, 2.0).tolist()
    [1, 4]
    """
    ends = np.stack(np.broadcast_arrays(np.asarray(low), np.asarray(high)), axis=-1)
    after = np.clip(np.searchsorted(edges, ends), 1, len(edges) - 1)
    # Half way is down, wherever the hall stands: there rounding would tell.
    nearer = ends - edges[after - 1] <= edges[after] - ends + TIE
    found: Index = np.where(nearer, after - 1, after).astype(np.int64)
    return found


def solid(edges: Sequence[Lengths], boxes: Lengths) -> npt.NDArray[np.bool_]:
    """Cells that boxes cover, (nx, ny, nz).

    edges : along x, y and z [m]. boxes : lower and upper corners, (box, 2, 3) [m].

    >>> line = np.linspace(0.0, 2.0, 5)
    >>> int(solid((line, line, line), np.array([[[0.5, 0.5, 0.0], [1.5, 1.0, 2.0]]])).sum())
    8
    """
    found = np.zeros([len(line) - 1 for line in edges], dtype=bool)
    spans = [covered(edges[axis], boxes[:, 0, axis], boxes[:, 1, axis]) for axis in range(3)]
    for (x0, x1), (y0, y1), (z0, z1) in zip(*spans, strict=True):
        found[x0:x1, y0:y1, z0:z1] = True
    return found
