"""Rows of racks as they stand, and the contained hot aisles between those that turn their rears to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.facility import Facility
from twin.schema import Placement, Row

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A row of racks: the axis it runs along, the way its rear looks across it, and its racks."""

    row: Row
    placed: Placement
    block: int
    index: int
    along: int
    rear: int
    box: Array

    @property
    def across(self) -> int:
        return 1 - self.along

    @property
    def back(self) -> float:
        """Where the rear of the racks is, across the row."""
        return float(self.box[:, 1 if self.rear > 0 else 0, self.across].mean())

    @property
    def top(self) -> float:
        return float(self.box[:, 1, 2].max())

    def behind(self, depth: float) -> float:
        """So far inside the rear of the racks."""
        return self.back - self.rear * depth


def lines_of(facility: Facility) -> Iterator[Line]:
    """The rows in the order of the facility's."""
    placed = [(block, place) for block in facility.layout.blocks for place in block.placements]
    index = 0
    for number, (block, place) in enumerate(placed):
        for row in block.template.rows:
            along = 0 if row.facing in ("north", "south") else 1
            rear = 1 if row.facing in ("south", "west") else -1
            box = facility.racks.box[facility.racks.row == index]
            yield Line(row, place, number, index, along, rear, box)
            index += 1


def aisles_of(lines: list[Line]) -> Iterator[tuple[Array, int]]:
    """Space between two rows of a block that turn their rears to each other with nothing between, and its axis."""
    for line in lines:
        if line.rear < 0:
            continue
        facing = [
            other
            for other in lines
            if (other.block, other.along) == (line.block, line.along)
            and other is not line
            and other.box[:, :, line.across].mean() > line.box[:, :, line.across].mean()
            and _shared(line, other) is not None
        ]
        other = min(facing, key=lambda found: float(found.box[:, :, line.across].mean()), default=None)
        if other is None or other.rear > 0 or other.back <= line.back:
            continue
        span = _shared(line, other)
        assert span is not None
        box = np.empty((2, 3))
        box[:, line.along] = span
        box[:, line.across] = line.back, other.back
        box[:, 2] = line.box[:, 0, 2].min(), max(line.top, other.top)
        yield box, line.along


def _shared(line: Line, other: Line) -> tuple[float, float] | None:
    """Extent of two rows that stand side by side, the longer of them whole; None where they do not meet."""
    low = [float(one.box[:, 0, line.along].min()) for one in (line, other)]
    high = [float(one.box[:, 1, line.along].max()) for one in (line, other)]
    return (min(low), max(high)) if max(low) < min(high) else None
