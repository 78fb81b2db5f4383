"""Axis-aligned boxes and where they stand in each other's way."""

from __future__ import annotations

import numpy as np

from geometry.quantities import Box, Index, Length

CHUNK = 200_000
"""Pairs that are compared at a time, so that a crowd does not fill the memory."""


def overlaps(boxes: Box, tolerance: Length = 1e-6, most: int | None = None) -> Index:
    """Pairs of boxes that share space, (pair, 2), each with the lower index first, in order.

    boxes : lower and upper corners (box, 2, 3) [m]. tolerance : depth of a shared space that still counts
    as touching [m]. most : stop soon after so many pairs are found; n boxes in one place have n (n - 1) / 2.
    A sweep along the axis that separates the boxes best, so thousands of boxes cost little more than their
    sorting.

    >>> row = np.array([[[0, 0, 0], [1, 1, 1]], [[1, 0, 0], [2, 1, 1]], [[1.5, 0, 0], [3, 1, 1]]])
    >>> overlaps(row).tolist()
    [[1, 2]]
    """
    count, found, total = len(boxes), [np.zeros((0, 2), dtype=np.int64)], 0
    axes = [_reach(boxes[:, 0, axis], boxes[:, 1, axis] - tolerance) for axis in range(3)]
    order, ahead = min(axes, key=lambda found: int(found[1].sum()))
    behind = np.cumsum(ahead)
    begin = 0
    while begin < count and (most is None or total < most):
        done = int(behind[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(behind, done + CHUNK, side="right")))
        first = np.repeat(np.arange(begin, end), ahead[begin:end])
        start = behind[begin:end] - ahead[begin:end] - done
        second = first + 1 + np.arange(len(first)) - np.repeat(start, ahead[begin:end])
        one, other = order[first], order[second]
        depth = np.minimum(boxes[one, 1], boxes[other, 1]) - np.maximum(boxes[one, 0], boxes[other, 0])
        shared = np.all(depth > tolerance, axis=1)
        found.append(np.sort(np.stack([one[shared], other[shared]], axis=1), axis=1))
        total += len(found[-1])
        begin = end
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _reach(lower: Box, upper: Box) -> tuple[Index, Index]:
    """Order of the boxes along one axis, and how many of the next ones begin before each ends."""
    order = np.argsort(lower, kind="stable")
    end = np.searchsorted(lower[order], upper[order], side="left")
    return order, np.maximum(end - np.arange(len(lower)) - 1, 0)
