"""Routes of pipes and cables along the axes of the hall: their corners, lengths and the boxes around them."""

from __future__ import annotations

import numpy as np

from geometry.quantities import Box, Length, Position


def manhattan_length(start: Position, end: Position) -> Length:
    """Length of a route that runs along the axes of the hall, as trays and pipe racks do, (...,).

    start, end : points (..., 3) or (..., 2) [m].

    >>> float(manhattan_length(np.array([0.0, 0.0, 0.0]), np.array([3.0, -4.0, 1.0])))
    8.0
    """
    length: Length = np.sum(np.abs(np.asarray(end) - np.asarray(start)), axis=-1)
    return length


def along_axes(start: Position, end: Position, order: str = "zyx") -> Position:
    """Corners of a route from start to end that runs along one axis after the other, (..., 4, 3) [m].

    start, end : points (..., 3) [m]. order : the axes in sequence. Where the points agree on an axis two corners
    are the same.

    >>> along_axes(np.array([0.0, 0.0, 0.0]), np.array([3.0, 4.0, 2.0]), "zxy").tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0], [3.0, 0.0, 2.0], [3.0, 4.0, 2.0]]
    """
    begin, finish = np.broadcast_arrays(np.asarray(start, np.float64), np.asarray(end, np.float64))
    corners = [begin]
    for axis in order:
        nearer = corners[-1].copy()
        nearer[..., "xyz".index(axis)] = finish[..., "xyz".index(axis)]
        corners.append(nearer)
    return np.stack(corners, axis=-2)


def route_length(corners: Position) -> Length:
    """Length of routes from corner to corner, (...,); corners : (..., corner, 3) [m].

    >>> float(route_length(along_axes(np.zeros(3), np.array([3.0, -4.0, 1.0]))))
    8.0
    """
    length: Length = np.sum(np.linalg.norm(np.diff(corners, axis=-2), axis=-1), axis=-1)
    return length


def tray_boxes(corners: Position, width: Length, height: Length) -> Box:
    """Boxes around the straight runs of a route along the axes, (run, 2, 3) [m]; runs of no length are left out.

    corners : (corner, 3) [m]. width : across a level run, and both ways across an upright one. height : of a level
    run. Each run reaches half a width beyond its corners, so that runs meet.

    >>> tray_boxes(np.array([[0.0, 0.0, 3.0], [2.0, 0.0, 3.0]]), 0.2, 0.1).round(3).tolist()
    [[[-0.1, -0.1, 2.95], [2.1, 0.1, 3.05]]]
    """
    ends = np.stack([corners[:-1], corners[1:]], axis=1)
    ends = ends[np.abs(ends[:, 1] - ends[:, 0]).sum(axis=1) > 0]
    upright = np.abs(ends[:, 1, 2] - ends[:, 0, 2]) > 0
    half = np.empty((len(ends), 3))
    half[:, :2] = width / 2.0
    half[:, 2] = np.where(upright, 0.0, height / 2.0)
    return np.stack([ends.min(axis=1) - half, ends.max(axis=1) + half], axis=1)
