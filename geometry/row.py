"""Rack positions from rows."""

from __future__ import annotations

from typing import Literal

import numpy as np

from geometry.quantities import Box, Length, Position, Size

Facing = Literal["north", "south", "east", "west"]


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
    along = 0 if facing in ("north", "south") else 1
    width, depth, height = size
    corner = np.zeros(3)
    corner[: len(origin)] = origin
    lower = np.repeat(corner[None, :], count, axis=0)
    lower[:, along] += np.arange(count) * pitch
    extent = np.array([width, depth, height] if along == 0 else [depth, width, height])
    return np.stack([lower, lower + extent], axis=1)
