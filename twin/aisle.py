"""Rows of racks as they stand, and the hot aisles between those that turn their rears to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geometry.row import REAR, hot_aisles
from twin.facility import Facility
from twin.schema import Placement, Row, Unit

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A row of racks: the axis it runs along, the way its rear looks across it, and its racks."""

    unit: Unit
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
            across, rear = REAR[row.facing]
            box = facility.racks.box[facility.racks.row == index]
            yield Line(block.template, row, place, number, index, 1 - across, rear, box)
            index += 1


def aisles_of(lines: list[Line]) -> Iterator[tuple[Array, int]]:
    """Space between two rows of a block that turn their rears to each other with nothing between, and its axis."""
    for block in sorted({line.block for line in lines}):
        mine = [line for line in lines if line.block == block]
        rows = np.array([[line.box[:, 0].min(axis=0), line.box[:, 1].max(axis=0)] for line in mine])
        across, rear = (np.array([getattr(line, name) for line in mine]) for name in ("across", "rear"))
        boxes, along = hot_aisles(rows, across, rear)
        yield from zip(boxes, along.tolist(), strict=True)
