"""What keeps the air of a hall from being modelled, told before the run, and what of it is likely not meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.voxel import covered, solid
from thermal.room import Face
from twin.aisle import Line
from twin.errors import Problem
from twin.facility import Facility
from twin.interior import Interior
from twin.study.hall_voxels import SMALL, Array, Edges, Index, Openings, Solid, Voxels, plan

Aisles = list[tuple[Array, int]]

LEAST_CELLS = 2
"""Across an aisle; through one cell air passes at one speed."""
UNBALANCED = 1e-6
"""Of the air drawn, what a part of the hall without an outlet may gain or lose; more than rounding."""


def problem(facility: Facility, path: str, message: str) -> Problem:
    return Problem(facility.name, None, None, path, message)


def rows_alone(facility: Facility, lines: list[Line], aisles: Aisles) -> Iterator[Problem]:
    """Rows with no contained hot aisle behind them, through which their air would go back to the fan walls."""
    for line in lines:
        side = 0 if line.rear > 0 else 1
        backs = [box[side, line.across] for box, along in aisles if along == line.along]
        if not np.isclose(backs, line.back).any():
            message = (
                "no contained hot aisle behind it and so no return for its air; the field needs rows that turn "
                "their rears to each other"
            )
            yield problem(facility, f"rows[{line.row.name}]", message)


def narrow(
    facility: Facility,
    grid: str,
    lines: list[Line],
    aisles: Aisles,
    edges: Edges,
    boxes: Array,
    floor: int,
) -> Iterator[Problem]:
    """Aisles of less than LEAST_CELLS cells."""

    def told(name: str, width: float) -> Problem:
        finer = "; take the grid 'fine'" if grid == "coarse" else ""
        message = f"{width:.2f} m is less than {LEAST_CELLS} cells of the grid '{grid}'{finer}"
        return problem(facility, name, message)

    for box, along in aisles:
        first, last = covered(edges[1 - along], *box[:, 1 - along])
        if last - first < LEAST_CELLS:
            yield told("hot aisle", float(np.diff(box[:, 1 - along])[0]))
    racks = solid(edges, boxes)
    for line in lines:
        middle = [int(covered(edges[n], value, value)[0]) for n, value in enumerate(line.box[0].mean(axis=0))]
        across = racks.take(middle[line.along], axis=line.along).take(floor, axis=-1)
        first, last = covered(edges[line.across], *line.box[0, :, line.across])
        place = edges[line.across]
        for side, low in (("before", line.rear > 0), ("behind", line.rear < 0)):
            ahead = across[:first][::-1] if low else across[last:]
            free = int(np.argmax(ahead)) if ahead.any() else len(ahead)
            if side == "behind" and ahead.any():
                continue  # a hot aisle, which has been looked at, or the cold aisle of the next row
            if free < LEAST_CELLS:
                ends = (first - free, first) if low else (last, last + free)
                yield told(f"aisle {side} rows[{line.row.name}]", float(place[ends[1]] - place[ends[0]]))


def shut(facility: Facility, names: list[str], side: tuple[Openings, ...], what: str) -> Iterator[Problem]:
    """Racks and units that air can neither leave nor enter by a side."""
    free = {int(n) for one in side for n in one.owner}
    for n in sorted(set(range(len(names))) - free):
        yield problem(facility, names[n], f"a solid stands before the whole of its {what}")


def misplaced(
    facility: Facility, edges: Edges, hall: Interior, aisles: Aisles, tiles: tuple[Openings, ...]
) -> Iterator[Problem]:
    """Tiles and doors that are nothing on the grid, and returns outside of contained aisles."""
    owned = {int(n) for one in tiles for n in one.owner}
    for n in sorted(set(range(len(hall.tiles))) - owned):
        yield problem(facility, f"hall.raised_floor.tiles[{n}]", "is too small for a cell of the grid")
    for n, (box, along) in enumerate(hall.doors):
        spans = [covered(edges[axis], *box[:, axis]) for axis in (1 - along, 2)]
        if any(first == last for first, last in spans):
            yield problem(facility, f"hall.doors[{n}]", "is too small for a cell of the grid")
    if hall.contained:
        inside = np.zeros([len(line) - 1 for line in edges[:2]], dtype=bool)
        for box, _ in aisles:
            inside[plan(edges, box)] = True
        for n, box in enumerate(hall.returns):
            if not inside[plan(edges, box)].all():
                message = (
                    "is not over a contained hot aisle and would draw cold air; set air.containment: none"
                )
                yield problem(facility, f"hall.returns[{n}]", message)


def sealed(facility: Facility, made: Voxels, lines: list[Line]) -> Iterator[Problem]:
    """Parts of the hall without an outlet into which more or less air is blown than is drawn from them."""
    index = np.arange(made.solid.size).reshape(made.solid.shape)
    pairs = []
    for axis, kind in enumerate(made.kinds):
        cells, through = np.moveaxis(index, axis, 0), np.moveaxis(kind, axis, 0)[1:-1]
        through = (through == Face.FREE) | (through == Face.POROUS)
        pairs.append(np.stack([cells[:-1][through], cells[1:][through]]))
    one, other = np.concatenate(pairs, axis=1)
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(index.size, index.size))
    part = connected_components(links, directed=False)[1].reshape(index.shape)
    gained = np.zeros(part.max() + 1)

    def parts(place: tuple[Index, ...]) -> tuple[Index, Solid]:
        """Part of each cell, and which of them are air in the hall."""
        inside = np.all([(n >= 0) & (n < most) for n, most in zip(place, part.shape, strict=True)], axis=0)
        at = tuple(np.where(inside, n, 0) for n in place)
        return part[at], inside & ~made.solid[at]

    for openings, flow in made.blown():
        area = sum((np.bincount(one.owner, one.area, len(flow)) for one in openings), np.zeros(len(flow)))
        for one in openings:
            passed = one.area * (flow / np.where(area > 0.0, area, 1.0))[one.owner]
            for place, sign in ((one.downstream(), 1.0), (one.upstream(), -1.0)):
                found, real = parts(place)
                np.add.at(gained, found[real], sign * passed[real])
    gained[part[:, :, -1][made.ceiling]] = 0.0
    row = facility.racks.row[made.racks]
    named = {line.index: line.row.name for line in lines}

    def rows(openings: tuple[Openings, ...], number: int, place: str) -> str:
        """Names of the rows with a side in a part."""
        met = {
            int(row[n])
            for one in openings
            for n in np.unique(one.owner[parts(getattr(one, place)())[0] == number])
        }
        return ", ".join(named[one] for one in sorted(met))

    for number in np.flatnonzero(np.abs(gained) > UNBALANCED * made.flow.sum()):
        behind = rows(made.rears, number, "downstream")
        before = rows(made.fronts, number, "upstream")
        if gained[number] > 0.0:
            message = (
                f"the hall is sealed: the air {f'behind {behind}' if behind else 'of the fan walls'} has no way out, "
                "neither an opening of the ceiling nor an open door nor a CRAH that draws it"
            )
            yield problem(facility, "hall.returns", message)
        else:
            message = (
                f"less air comes to {f'the fronts of {before}' if before else 'CRAHs'} than is drawn there"
            )
            yield problem(facility, "air.fan_walls", message)


def remarks(
    facility: Facility,
    block: int,
    hall: Interior,
    edges: Edges,
    supply: float,
    drawn: float,
    leaked: float,
    parted: bool,
) -> Iterator[str]:
    """What is modelled but is likely not meant."""
    units = "CRAHs" if hall.crah else "fan walls"
    if supply < (1.0 - SMALL) * drawn:
        back = (
            f"{leaked:.1f} m3/s come back from the hot aisle over the racks"
            if parted
            else f"{drawn - supply:.1f} m3/s come back from the hot side"
        )
        yield f"racks and support draw {drawn:.1f} m3/s and the {units} blow {supply:.1f} m3/s: {back}"
    if facility.cooling.leakage[block] > 0.0 and not hall.contained:
        yield "the hot aisles are open: air.leakage, which is of their panels, is not in the field"
    if parted and hall.fan is not None:
        yield (
            f"each of the {units} blows the same, whatever the curve of its fans: the cold side has no outlet, so that "
            "no pressure is known there; air.leakage_area gives it one"
        )
    for number, box in enumerate(hall.columns):
        if any(np.ptp(covered(edges[axis], *box[:, axis])) == 0 for axis in range(3)):
            yield f"column {number + 1} is too thin for the grid and not in the field"
