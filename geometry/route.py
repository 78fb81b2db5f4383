"""Lengths of pipe and cable routes."""

from __future__ import annotations

import numpy as np

from geometry.quantities import Length, Position


def manhattan_length(start: Position, end: Position) -> Length:
    """Length of a route that runs along the axes of the hall, as trays and pipe racks do, (...,).

    start, end : points (..., 3) or (..., 2) [m].

    >>> float(manhattan_length(np.array([0.0, 0.0, 0.0]), np.array([3.0, -4.0, 1.0])))
    8.0
    """
    length: Length = np.sum(np.abs(np.asarray(end) - np.asarray(start)), axis=-1)
    return length
