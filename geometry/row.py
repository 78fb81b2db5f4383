"""Rack positions from rows, and the hot aisles between rows that turn their rears to each other."""

from __future__ import annotations

from typing import Literal

import numpy as np

from geometry.quantities import Box, Index, Length, Position, Size

Facing = Literal["north", "south", "east", "west"]

REAR: dict[Facing, tuple[int, int]] = {"south": (1, 1), "north": (1, -1), "west": (0, 1), "east": (0, -1)}
"""Axis across a row by where its cold side looks, and the way along it that its rear looks."""


def rack_boxes(
    origin: Position,
    pitch: Length,
    count: int,
    size: Size,
    facing: Facing,
) -> Box:
    """Lower and upper corners of the racks of a row, (rack, 2, 3).

    origin : lower left corner of the first rack, two or three coordinates [m], on the floor if two.
    pitch : distance from one rack to the next [m]. size : width, depth and height of a rack [m].
    facing : where the cold side looks. A row that faces north or south runs along x, one that faces east
    or west along y; the width lies along the row. Any count >= 0.

    >>> rack_boxes([1.0, 2.0], 0.6, 2, [0.6, 1.2, 2.3], "east")[1].tolist()
    [[1.0, 2.6, 0.0], [2.2, 3.2, 2.3]]
    """
    along = 1 - REAR[facing][0]
    width, depth, height = size
    corner = np.zeros(3)
    corner[: len(origin)] = origin
    lower = np.repeat(corner[None, :], count, axis=0)
    lower[:, along] += np.arange(count) * pitch
    extent = np.array([width, depth, height] if along == 0 else [depth, width, height])
    return np.stack([lower, lower + extent], axis=1)


def hot_aisles(rows: Box, across: Index, rear: Index) -> tuple[Box, Index]:
    """Space between two rows that turn their rears to each other with no row between, (aisle, 2, 3) [m], and the
    axis each runs along, (aisle,).

    rows : corners of the racks of each row as a whole, (row, 2, 3) [m]. across, rear : of each row as in `REAR`,
    (row,). An aisle is as long as both rows together and as high as the taller one.

    >>> rows = np.array([[[0, 0, 0], [4.8, 1.2, 2.3]], [[0, 3.0, 0], [4.8, 4.2, 2.3]]])
    >>> [one.tolist() for one in hot_aisles(rows, np.array([1, 1]), np.array([1, -1]))]
    [[[[0.0, 1.2, 0.0], [4.8, 3.0, 2.3]]], [0]]
    """
    found, axes = [], []
    for one in range(len(rows)):
        axis, along = int(across[one]), 1 - int(across[one])
        span = rows[:, :, along]
        middle = rows[:, :, axis].mean(axis=1)
        beside = np.minimum(span[:, 1], span[one, 1]) > np.maximum(span[:, 0], span[one, 0])
        after = np.flatnonzero(beside & (across == axis) & (middle > middle[one]))
        if rear[one] < 0 or not len(after):
            continue
        other = int(after[np.argmin(middle[after])])
        if rear[other] > 0 or rows[other, 0, axis] <= rows[one, 1, axis]:
            continue
        both = rows[[one, other]]
        box = np.stack([both[:, 0].min(axis=0), both[:, 1].max(axis=0)])
        box[:, axis] = rows[one, 1, axis], rows[other, 0, axis]
        found.append(box)
        axes.append(along)
    return np.array(found).reshape(-1, 2, 3), np.array(axes, dtype=np.int64)
