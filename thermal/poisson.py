"""The potential that drives given flows through the faces of a structured grid: a Poisson equation of any geometry.

Conjugate gradients, preconditioned by geometric multigrid (Briggs, Henson and McCormick, A Multigrid Tutorial, 2nd
ed., SIAM 2000; Braess, Computing 55, 1995, 379-393 on coarse cells that take the mean of their finer ones). A solid
cell, or a panel without thickness, is a matter of closed faces. The equation is solved in double precision; the
preconditioner, which only has to be near, is kept in single precision and so takes half the memory and time.

The loops are compiled: the first call in a process takes some 0.1 s to load them, the first ever some seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from thermal.quantities import Array, Boolean, Integer, Length, Potential, Ratio, Tolerance, VolumeFlow

_Array = npt.NDArray[Any]
_Faces = tuple[_Array, _Array, _Array]

# An axis is halved with the strongest one if its faces conduct at least this share as well. Cells three times as wide
# as high have a ninth: they are halved in height twice before. Of 0 to 0.7 the share that took least time in halls.
STRONG = 0.5
DIRECT = 128  # cells that are few enough for an inverse
# Of the magnitude of a part's sources, by which they may miss a sum of nothing: what remains of large flows that
# cancel holds their rounding (assumed).
EXCESS = 1e-6
# Of the strongest face near it on the same axis: what conducts less is a leak, and parts two rooms (assumed).
LEAK = 0.2
ROOMS = 256  # at most, the largest
ROUNDING = 1e-12  # of the largest eigenvalue of a matrix, below which one is none
FAINT = 1e-30  # of the largest coefficient: what conducts less stands as closed in the preconditioner


class Reason(IntEnum):
    """Why there is a potential or none.

    UNBALANCED : a part without outlet is given more flow than is taken from it. UNSETTLED : the iterations allowed,
    or the precision of numbers, did not reach the tolerance. UNDEFINED : a number is not finite.
    """

    SETTLED = 0
    UNBALANCED = 1
    UNSETTLED = 2
    UNDEFINED = 3


class Level(NamedTuple):
    """One grid of the preconditioner, split by colour as in `thermal.compiled.poisson`, in single precision.

    face : coefficients. inverse : of their sum at each cell, 0 at solid ones. potential, right : for work. width :
    cells along the last axis. halved : 1 or 2 along each axis, how the next grid is made from this.
    """

    face: _Array
    inverse: _Array
    potential: _Array
    right: _Array
    width: int
    halved: tuple[int, int, int]


@dataclass(eq=False)
class Hierarchy:
    """A geometry ready for `solve`, which also works in the arrays of it: one call at a time.

    `change` and `renew` write into it, nothing else does.

    shape : cells along x, y, z. axes : order of the axes inside. face : coefficients, split by colour. levels : grids
    of the preconditioner, finest first. cell, inverse : entries of the cells of the coarsest, and its inverse matrix,
    in double precision, for it is all but singular where rooms hardly leak. room, exchange : of every entry, the number
    of its room, and the inverse matrix of the leaks between rooms and to the outside; empty where nothing leaks.
    solid : entries of the solid cells. part : of every entry, the number of its part if that has no outlet, else 0;
    empty where each has one. size : (part + 1,) cells of each. source, residual, direction, outflow, potential : for
    work.
    """

    shape: tuple[int, int, int]
    axes: tuple[int, int, int]
    face: _Array
    levels: tuple[Level, ...]
    cell: _Array
    inverse: _Array
    room: _Array
    exchange: _Array
    solid: _Array
    part: _Array
    size: _Array
    source: _Array
    residual: _Array
    direction: _Array
    outflow: _Array
    potential: _Array

    @property
    def memory(self) -> int:
        """Bytes of all arrays, those for work with them."""
        held = [value for value in vars(self).values() if isinstance(value, np.ndarray)]
        held += [value for level in self.levels for value in level if isinstance(value, np.ndarray)]
        return sum(value.nbytes for value in held)


@dataclass(frozen=True, eq=False)
class Solution:
    """What `solve` found.

    potential : (nx, ny, nz) [m^2/s], 0 in solid cells, mean 0 over a part without outlet. NaN where there is none;
    where the iterations did not suffice, as far as they came. iterations : taken. residual : norm of what is left
    of the equation over that of the source, worked out anew from the potential. reason : a `Reason`.
    """

    potential: Potential
    iterations: Integer
    residual: Ratio
    converged: Boolean
    reason: Integer


def hierarchy(x: Length, y: Length, z: Length) -> Hierarchy:
    """A geometry ready for `solve`.

    x (nx + 1, ny, nz), y (nx, ny + 1, nz), z (nx, ny, nz + 1) : coefficients of the faces across each axis, area over
    distance of the cell centres [m], 0 where a face is closed. On the box itself a face that is not closed is an
    outlet, with no potential behind it. A cell without an open face is solid.

    A shape that does not fit, a coefficient that is negative or not finite is a ValueError.

    >>> line = hierarchy(np.ones((5, 1, 1)), np.zeros((4, 2, 1)), np.zeros((4, 1, 2)))
    >>> solve(line, np.array([1.0, 0.0, 0.0, 0.0]).reshape(4, 1, 1)).potential.ravel().round(6).tolist()
    [0.8, 0.6, 0.4, 0.2]
    """
    given = [np.asarray(value, dtype=np.float64) for value in (x, y, z)]
    if any(value.ndim != 3 for value in given):
        raise ValueError(f"x, y, z: must have three axes, have {[value.ndim for value in given]}")
    shape = (given[0].shape[0] - 1, given[0].shape[1], given[0].shape[2])
    problems = [] if min(shape) >= 1 else [f"x: no cells in {given[0].shape}"]
    for axis, (name, value) in enumerate(zip("xyz", given, strict=True)):
        wanted = tuple(cells + (one == axis) for one, cells in enumerate(shape))
        if value.shape != wanted:
            problems.append(f"{name}: must be {wanted} with cells {shape}, is {value.shape}")
        wrong = np.argwhere(~((value >= 0.0) & (value < np.inf)))
        if len(wrong):
            place = tuple(wrong[0].tolist())
            problems.append(f"{name}{list(place)}: must be 0 or above, and finite, is {value[place]:g}")
    if problems:
        raise ValueError("; ".join(problems))

    # Long rows for the vectors, and small planes, some of which stay in the cache together.
    short, middle, long = np.argsort(shape, kind="stable").tolist()
    axes = (middle, short, long)
    faces = _three(given[axis].transpose(axes) for axis in axes)
    face = _split_faces(faces, np.float64)
    total = _total(faces)
    solid = np.flatnonzero(_split(total == 0.0))
    levels, cell, matrix, room, exchange = _preconditioner(faces)
    part = _parts(face, total)
    size = np.bincount(part).astype(np.float64)
    return Hierarchy(
        shape, axes, face, levels, cell, matrix, room, exchange, solid, part, size,
        *(np.zeros(levels[0].potential.shape) for _ in range(5)),
    )  # fmt: skip


def change(hierarchy: Hierarchy, axis: int, place: Integer, coefficient: Length) -> Hierarchy:
    """Itself, with other coefficients of some faces across an axis, which were open, and the preconditioner it had.

    place : (face, 3) along x, y, z, as in `hierarchy`. coefficient : (face,), above 0 [m].

    >>> line = hierarchy(np.ones((3, 1, 1)), np.zeros((2, 2, 1)), np.zeros((2, 1, 2)))
    >>> line = change(line, 0, np.array([[1, 0, 0]]), np.array([0.5]))
    >>> solve(line, np.array([1.0, 0.0]).reshape(2, 1, 1)).potential.ravel().round(6).tolist()
    [0.75, 0.25]
    """
    grid, inside = hierarchy, hierarchy.axes.index(axis)
    box = np.asarray(place, dtype=np.int64)[:, grid.axes] + 1
    high = box.sum(axis=1) % 2
    box[:, inside] -= high
    grid.face[2 * inside + high, box[:, 0], box[:, 1], box[:, 2] // 2] = coefficient
    return grid


def renew(hierarchy: Hierarchy) -> Hierarchy:
    """Itself, with the preconditioner made anew from what the faces conduct after `change`.

    That takes as long as about eight iterations.

    >>> line = hierarchy(np.ones((3, 1, 1)), np.zeros((2, 2, 1)), np.zeros((2, 1, 2)))
    >>> renew(change(line, 0, np.array([[1, 0, 0]]), np.array([0.5]))).inverse.round(3).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    grid = hierarchy
    one, two, three = (grid.shape[axis] for axis in grid.axes)
    made = _preconditioner(_joined_faces(grid.face, (one, two, three)))
    grid.levels, grid.cell, grid.inverse, grid.room, grid.exchange = made
    return grid


def solve(
    hierarchy: Hierarchy,
    source: VolumeFlow,
    guess: Potential | None = None,
    tolerance: Tolerance = 1e-6,
    most: int = 100,
    bound: VolumeFlow = np.inf,
) -> Solution:
    """Potential of every cell: its flows out through the six faces, coefficient x difference, add up to its source.

    source : (nx, ny, nz) flow that enters in each cell [m^3/s]; that of solid cells is not read. guess : a potential
    to begin with [m^2/s], such as that of the last step. tolerance : norm of what is left over that of the source.
    most : iterations allowed. bound : of what is left in any one cell [m^3/s].

    Velocities become free of divergence by the potential of what they lack, and the potential is pressure x time
    step over density; any other units that agree do as well. The sources of a part without outlet have to add up to
    nothing: rounding is taken off evenly, more is UNBALANCED.

    >>> room = hierarchy(np.pad(np.ones((1, 1, 1)), ((1, 1), (0, 0), (0, 0))), np.zeros((2, 2, 1)), np.zeros((2, 1, 2)))
    >>> solve(room, np.array([[[3.0]], [[-3.0]]])).potential.ravel().round(6).tolist()
    [1.5, -1.5]
    >>> solve(room, np.array([[[3.0]], [[-2.0]]])).reason.name
    'UNBALANCED'
    """
    from thermal.compiled import poisson

    grid, width = hierarchy, hierarchy.levels[0].width
    _fill(grid, grid.source, source, "source")
    if guess is not None:
        _fill(grid, grid.potential, guess, "guess")
    if _centre(grid, grid.source) > EXCESS:
        return _none(grid, Reason.UNBALANCED)
    norm = float(np.linalg.norm(grid.source))
    if guess is None or norm == 0.0:
        grid.potential[:] = 0.0

    def left() -> float:
        square: float = poisson.remainder(grid.face, width, grid.potential, grid.source, grid.residual)
        return float(np.sqrt(square))

    # What the iterations believe to be left drifts from what is left, by rounding: they begin anew from that, until
    # it is small or they gain nothing.
    rest, best, taken = left(), np.inf, 0
    while not (settled := _little(grid, rest, tolerance * norm, bound)) and rest < best / 2 and taken < most:
        best = rest
        taken += _iterate(grid, rest, tolerance * norm, bound, most - taken)
        rest = left()
    if not rest < np.inf:
        return _none(grid, Reason.UNDEFINED)
    _centre(grid, grid.potential)
    grid.potential.reshape(-1)[grid.solid] = 0.0
    return Solution(
        _plain(grid, grid.potential), taken, rest / norm if norm > 0.0 else 0.0, settled,
        Reason.SETTLED if settled else Reason.UNSETTLED,
    )  # fmt: skip


def _none(grid: Hierarchy, reason: Reason) -> Solution:
    """No potential, and why."""
    return Solution(np.full(grid.shape, np.nan), 0, np.nan, False, reason)


def _centre(grid: Hierarchy, values: _Array) -> float:
    """Takes the mean off the values of each part without outlet; the largest such sum over that of magnitudes."""
    from thermal.compiled import poisson

    if len(grid.part) == 0:
        return 0.0
    total, size = np.zeros((2, len(grid.size)))
    poisson.sums(grid.part, values.reshape(-1), total, size)
    total[0] = 0.0
    poisson.shift(grid.part, values.reshape(-1), total / grid.size)
    return float(np.max(np.abs(total) / np.maximum(size, np.finfo(np.float64).tiny)))


def _little(grid: Hierarchy, rest: float, goal: float, bound: VolumeFlow) -> bool:
    """Whether so little is left as is asked for, of which the norm is `rest`."""
    if not rest <= goal:
        return False
    # No entry is above the norm.
    return bool(rest <= bound or max(grid.residual.max(), -grid.residual.min()) <= bound)


def _iterate(grid: Hierarchy, rest: float, goal: float, bound: VolumeFlow, most: int) -> int:
    """Conjugate gradients from a residual of the norm `rest` to goal and bound; iterations taken.

    A direction is made to conduct nothing along the last one by their product itself: in single precision the
    preconditioner is not quite the same symmetric matrix each time, and the usual quotient relies on that (Notay, SIAM
    J. Sci. Comput. 22, 2000, 1444-1460).
    """
    from thermal.compiled import poisson

    finest = grid.levels[0]
    right, fresh = finest.right, finest.potential.reshape(-1)
    residual, direction, outflow, potential = (
        array.reshape(-1) for array in (grid.residual, grid.direction, grid.outflow, grid.potential)
    )
    direction[:] = outflow[:] = 0.0
    along = 1.0
    for taken in range(most):
        np.multiply(grid.residual, 1.0 / rest, out=right, casting="same_kind")
        _precondition(grid)
        descent, overlap = poisson.products(fresh, residual, outflow)
        along = poisson.advance(
            grid.face, finest.width, finest.potential, -overlap / along, grid.direction, grid.outflow
        )
        if not (0.0 < along < np.inf and 0.0 < descent < np.inf):
            return taken
        rest = float(np.sqrt(poisson.step(descent / along, direction, outflow, potential, residual)))
        if _little(grid, rest, goal, bound):
            return taken + 1
    return most


def _precondition(grid: Hierarchy) -> None:
    """The potential of the finest level from its right-hand side, about: a V-cycle, and the levels of the rooms."""
    from thermal.compiled import poisson

    levels = grid.levels
    for fine, coarse in pairwise(levels):
        poisson.descend(*fine, coarse.right)
    coarsest = levels[-1]
    coarsest.potential.reshape(-1)[grid.cell] = grid.inverse @ coarsest.right.reshape(-1)[grid.cell]
    for coarse, fine in pairwise(levels[::-1]):
        poisson.ascend(*fine, coarse.potential)
    if len(grid.room):
        total, size = np.zeros((2, len(grid.exchange) + 1))
        poisson.sums(grid.room, levels[0].right.reshape(-1), total, size)
        total[1:] = -grid.exchange @ total[1:]
        total[0] = 0.0
        poisson.shift(grid.room, levels[0].potential.reshape(-1), total)


def _preconditioner(faces: _Faces) -> tuple[tuple[Level, ...], _Array, _Array, _Array, _Array]:
    """Levels, cell, inverse, room and exchange of a hierarchy."""
    # Single precision has room for coefficients from FAINT to 1.
    largest = float(np.max([value.max() for value in faces])) or 1.0
    scaled = _three(value / largest for value in faces)
    for value in scaled:
        value[value < FAINT] = 0.0
    return (*_levels(scaled), *_rooms(scaled, _total(scaled)))


def _levels(faces: _Faces) -> tuple[tuple[Level, ...], _Array, _Array]:
    """The grids of the preconditioner; entries of the cells of the coarsest, and its inverse matrix."""
    levels = []
    while True:
        total = _total(faces)
        halved = (1, 1, 1) if total.size <= DIRECT else _halved(faces)
        with np.errstate(divide="ignore"):
            inverse = _split(np.where(total > 0.0, 1.0 / total, 0.0), np.float32)
        work = np.zeros((2, *inverse.shape), np.float32)
        levels.append(
            Level(_split_faces(faces, np.float32), inverse, work[0], work[1], total.shape[2], halved)
        )
        if total.size <= DIRECT:
            cell = _joined(np.arange(inverse.size).reshape(inverse.shape), total.shape).reshape(-1)
            return tuple(levels), cell, _inverse(_matrix(faces, total))
        faces = _coarsened(faces, halved)


def _halved(faces: _Faces) -> tuple[int, int, int]:
    """How an axis is coarsened, 1 or 2: in the directions that conduct strongly a sweep leaves smooth errors."""
    strength = []
    for axis, face in enumerate(faces):
        inner = np.moveaxis(face, axis, 0)[1:-1]
        strength.append(float(inner.sum() / max(int(np.count_nonzero(inner)), 1)) if inner.size else -1.0)
    one, two, three = (2 if own >= max(0.0, STRONG * max(strength)) else 1 for own in strength)
    return one, two, three


def _coarsened(faces: _Faces, halved: tuple[int, int, int]) -> _Faces:
    """Coefficients of the cells that are pairs of cells: those of the faces between, added; over twice the distance."""
    coarse = []
    for axis, face in enumerate(faces):
        for other in range(3):
            if halved[other] == 1:
                continue
            face = np.moveaxis(face, other, 0)
            if other == axis:
                last = face[-1:]
                face = 0.5 * (face[::2] if len(face) % 2 else np.concatenate([face[::2], last]))
            else:
                pairs = face[::2].copy()
                pairs[: len(face) // 2] += face[1::2]
                face = pairs
            face = np.moveaxis(face, 0, other)
        coarse.append(face)
    return _three(coarse)


def _matrix(faces: _Faces, total: _Array) -> _Array:
    """The matrix of a grid, (cell, cell)."""
    matrix = np.diag(total.reshape(-1))
    number = np.arange(total.size).reshape(total.shape)
    for axis, face in enumerate(faces):
        between = np.moveaxis(face, axis, 0)[1:-1].reshape(-1)
        cells = np.moveaxis(number, axis, 0)
        one, other = cells[:-1].reshape(-1), cells[1:].reshape(-1)
        matrix[one, other] = matrix[other, one] = -between
    return matrix


def _inverse(matrix: _Array) -> _Array:
    """Inverse of a symmetric matrix, but for the potentials that drive no flow."""
    value, vector = np.linalg.eigh(matrix)
    kept = value > ROUNDING * value[-1]
    inverse: _Array = (vector[:, kept] / value[kept]) @ vector[:, kept].T
    return inverse


def _parts(face: _Array, total: _Array) -> _Array:
    """Of every entry the number of its part without outlet, or 0. Empty where there is no such part."""
    from thermal.compiled import poisson

    fluid = _split(total > 0.0).reshape(-1)
    part = np.where(fluid, np.arange(fluid.size, dtype=np.int32), np.int32(0))
    return part if poisson.parts(face, part) else np.empty(0, np.int32)


def _rooms(faces: _Faces, total: _Array) -> tuple[_Array, _Array]:
    """Of every entry the number of its room, and the inverse of what the rooms exchange, for faces up to 1.

    A sweep cannot tell a room that hardly leaks from its surroundings, and coarse cells that lie in both even less:
    the level of each room is found apart (deflation by subdomains, Nicolaides, SIAM J. Numer. Anal. 24, 1987, 355-365).
    """
    leaks = [_leaks(np.moveaxis(face, axis, 0)) for axis, face in enumerate(faces)]
    if not any(np.any(leak) for leak in leaks):
        return np.empty(0, np.int32), np.empty((0, 0))
    strong = _three(face.copy() for face in faces)
    for axis, (face, leak) in enumerate(zip(strong, leaks, strict=True)):
        across = np.moveaxis(face, axis, 0)
        across[1:-1][leak] = across[[0, -1]] = 0.0
    room = _parts(_split_faces(strong, np.float64), total)
    size = np.bincount(room)
    size[0] = 0
    kept = np.argsort(-size, kind="stable")[: min(ROOMS, np.count_nonzero(size))]
    number = np.zeros(len(size), np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    room = number[room]
    cells = np.pad(_joined(room.reshape(2, *_room(total.shape)), total.shape), 1)
    matrix = np.zeros((len(kept) + 1, len(kept) + 1))
    for axis, face in enumerate(faces):
        across, numbers = np.moveaxis(face, axis, 0), np.moveaxis(cells, axis, 0)[:, 1:-1, 1:-1]
        between = (across > 0.0) & (numbers[1:] != numbers[:-1])
        one, other, conducts = numbers[:-1][between], numbers[1:][between], across[between]
        for row, column, sign in ((one, one, 1), (other, other, 1), (one, other, -1), (other, one, -1)):
            np.add.at(matrix, (row, column), sign * conducts)
    return room, _inverse(matrix[1:, 1:])


def _leaks(across: _Array) -> _Array:
    """Which of the inner faces across the first axis are open, and conduct far less than one beside them."""
    near = np.maximum(across[:-1], across[1:])
    limit = np.maximum(near[:-1], near[1:])
    limit *= LEAK
    inner = across[1:-1]
    leak: _Array = (inner < limit) & (inner > 0.0)
    return leak


def _total(faces: _Faces) -> _Array:
    """Sum over the six faces of every cell."""
    x, y, z = faces
    total: _Array = x[:-1] + x[1:]
    for part in (y[:, :-1], y[:, 1:], z[:, :, :-1], z[:, :, 1:]):
        total += part
    return total


def _three(parts: Iterable[_Array]) -> _Faces:
    one, two, three = parts
    return one, two, three


def _places(shape: tuple[int, ...], offset: Sequence[int]) -> Iterator[tuple[int, Any, Any]]:
    """Colour, entries, and places in an array of the shape, of the cells at even and odd places of each axis.

    offset : what is added to the place to give the place in the box with its rim.
    """
    for parity in product((0, 1), repeat=3):
        first = [one + by for one, by in zip(parity, offset, strict=True)]
        count = max(0, (shape[2] - parity[2] + 1) // 2)
        entries = (
            slice(first[0], shape[0] + offset[0], 2),
            slice(first[1], shape[1] + offset[1], 2),
            slice(first[2] // 2, first[2] // 2 + count),
        )
        yield sum(first) % 2, entries, tuple(slice(one, None, 2) for one in parity)


def _room(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Size of an array of one colour of the box with its rim."""
    return shape[0] + 2, shape[1] + 2, (shape[2] + 3) // 2


def _split(values: _Array, kind: Any = None) -> _Array:
    """Values of cells by colour."""
    split = np.zeros((2, *_room(values.shape)), kind or values.dtype)
    for colour, entries, places in _places(values.shape, (1, 1, 1)):
        split[colour][entries] = values[places]
    return split


def _split_faces(faces: _Faces, kind: Any) -> _Array:
    """Coefficients on the low and high side of the cells of colour 0, along each axis."""
    x, y, _ = faces
    split = np.zeros((6, *_room((len(y), *x.shape[1:]))), kind)
    for side, entries, places in _sides(faces):
        split[side][entries] = faces[side // 2][places]
    return split


def _joined_faces(split: _Array, shape: tuple[int, int, int]) -> _Faces:
    """Coefficients of the faces as `_split_faces` takes them. shape : of the cells."""
    faces = _three(
        np.empty([cells + (one == axis) for one, cells in enumerate(shape)], split.dtype) for axis in range(3)
    )
    for side, entries, places in _sides(faces):
        faces[side // 2][places] = split[side][entries]
    return faces


def _sides(faces: _Faces) -> Iterator[tuple[int, Any, Any]]:
    """Side of the cells of colour 0, their entries, and places of the faces that lie there."""
    for side in range(6):
        # The face at the place of a cell is the one on its low side.
        offset = [1, 1, 1]
        offset[side // 2] -= side % 2
        for colour, entries, places in _places(faces[side // 2].shape, offset):
            if colour == 0:
                yield side, entries, places


def _joined(split: _Array, shape: tuple[int, ...]) -> _Array:
    """Values of cells from those by colour."""
    values = np.empty(shape, split.dtype)
    for colour, entries, places in _places(shape, (1, 1, 1)):
        values[places] = split[colour][entries]
    return values


def _fill(grid: Hierarchy, split: _Array, values: Array, name: str) -> None:
    """Values of cells as they come, by colour; nothing in solid cells."""
    given = np.asarray(values, dtype=np.float64)
    if given.shape != grid.shape:
        raise ValueError(f"{name}: must be {grid.shape}, is {given.shape}")
    given = given.transpose(grid.axes)
    for colour, entries, places in _places(given.shape, (1, 1, 1)):
        split[colour][entries] = given[places]
    split.reshape(-1)[grid.solid] = 0.0


def _plain(grid: Hierarchy, split: _Array) -> _Array:
    """Values of cells as `_fill` takes them."""
    one, two, three = (grid.shape[axis] for axis in grid.axes)
    return _joined(split, (one, two, three)).transpose(np.argsort(grid.axes))
