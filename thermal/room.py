"""Geometry of a room for its air: a grid of boxes, of which each face is open, shut, a wall, an opening or porous.

The grid is staggered (Harlow and Welch, Physics of Fluids 8, 1965, 2182; from memory, unverified): velocities stand at
the faces of cells, pressure and temperature in the cells. A solid, a panel without thickness or an opening is a matter
of faces. `thermal.airflow` moves the air.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree  # type: ignore[import-untyped]

from thermal import poisson, tile
from thermal.quantities import Lengths, Ratios

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.int64]
_Places = npt.NDArray[np.int32]
_Kind = npt.NDArray[np.uint8]
_Kinds = tuple[_Kind, ...]
_Solid = npt.NDArray[np.bool_]

RING = 2
"""Rings of solid cells around the box, so that the cell after the next one is always there."""


class Face(IntEnum):
    """What a face between two cells, or on the box, is.

    WALL : closed, adiabatic, air beside it stands still. FREE : air passes. FIXED : air passes at a given speed, at a
    given temperature where it comes in; at no speed it is a wall that does not rub. OUTLET, on the box alone : the
    pressure outside is nothing, and air that comes in has a given temperature. WARM : a wall of a given temperature.
    POROUS : air passes and loses pressure, as at a perforated tile, a mesh or a leak. What is solid of it, as its loss
    tells (`tile.open_share`), rubs as a wall and stops eddies, the holes do neither. On the box it is an outlet with a
    loss.
    """

    WALL = 0
    FREE = 1
    FIXED = 2
    OUTLET = 3
    WARM = 4
    POROUS = 5


@dataclass(frozen=True, eq=False)
class Porous:
    """Porous faces of a room, of the axes in the order inside.

    face : entries in a field. place : (face, 3) along x, y, z. loss : coefficient K. jet : momentum that enters behind
    the face, over that of its mean velocity. open : share of it that is holes, on the box none. reach : length of the
    air that the loss acts on [m]. coefficient : in the pressure's equation if nothing were lost [m]. share : of it, for
    which the preconditioner of that was last made. along : of velocities (component, axis), faces above edges along
    porous faces, and the share of those that is open.
    """

    face: tuple[_Index, ...]
    place: tuple[_Index, ...]
    loss: tuple[Ratios, ...]
    jet: tuple[Ratios, ...]
    open: tuple[Ratios, ...]
    reach: tuple[Lengths, ...]
    coefficient: tuple[Lengths, ...]
    share: tuple[Ratios, ...]
    along: tuple[tuple[_Index, Ratios], ...]


@dataclass(frozen=True, eq=False)
class Room:
    """Geometry of a room, made by `room`. Fields inside are flat over cells and rings, the longest axis fastest.

    cells : along x, y, z. order : of the axes inside. shape : with rings, inside order, as all that follows. width,
    gap : of cells, and between their centres [m]. kind : `Face` of the low face of every cell, per axis, for what moves
    through it: a porous one is free, or an outlet. surface : for what rubs and conducts there, where a porous one
    between cells is that. length : distance to the nearest wall, or to a porous face over its solid share, 0 in solids
    [m]. ordinary, beside : where the fluxes of free air hold, and faces where not with their places along both, of
    velocities (component, axis); rubbed : faces along closed walls, of every component, with the neighbours in the wall
    and the distance to it; passing, listed : as ordinary and beside, of temperature. outlet : faces that are. porous :
    such faces, None without. pressure : its equation. work : fields in which a step works, so that a room takes one
    step at a time.
    """

    cells: tuple[int, int, int]
    order: tuple[int, int, int]
    shape: tuple[int, int, int]
    width: tuple[Lengths, ...]
    gap: tuple[Lengths, ...]
    kind: tuple[npt.NDArray[np.uint8], ...]
    surface: tuple[npt.NDArray[np.uint8], ...]
    length: Lengths
    ordinary: tuple[_Kinds, ...]
    beside: tuple[_Places, ...]
    rubbed: tuple[tuple[_Index, _Index, Lengths], ...]
    passing: _Kinds
    listed: tuple[_Places, ...]
    outlet: tuple[_Index, ...]
    porous: Porous | None
    pressure: poisson.Hierarchy
    work: _Float

    def of_cells(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view (nx, ny, nz) of a field of cells."""
        inner = values.reshape(self.shape)[RING:-RING, RING:-RING, RING:-RING]
        return inner.transpose(np.argsort(self.order))

    def of_faces(self, axis: int, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of a field of the faces across an axis, one more along it than there are cells."""
        cut = [slice(RING, -RING)] * 3
        cut[self.order.index(axis)] = slice(RING, -RING + 1)
        return values.reshape(self.shape)[tuple(cut)].transpose(np.argsort(self.order))


def faces(
    cells: Sequence[int], solid: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.uint8], ...]:
    """What the faces across x, y and z are in a closed room: FREE between two cells of air, else WALL.

    cells : along x, y, z. solid : (nx, ny, nz) cells that are no air. Openings are written into the result.

    >>> [int(one.sum()) for one in faces((2, 1, 1))]
    [1, 0, 0]
    """
    air = np.ones(tuple(cells), dtype=bool) if solid is None else ~np.asarray(solid, dtype=bool)
    found = []
    for axis in range(3):
        edge = [(0, 0)] * 3
        edge[axis] = (1, 1)
        padded = np.moveaxis(np.pad(air, edge), axis, 0)
        found.append(np.moveaxis((padded[1:] & padded[:-1]).astype(np.uint8), 0, axis))
    return tuple(found)


def room(
    edges: tuple[Lengths, ...],
    kinds: Sequence[_Kind],
    solid: _Solid | None = None,
    loss: Sequence[Ratios] | None = None,
    jet: Sequence[Ratios] | None = None,
) -> Room:
    """A room from the edges of its cells along x, y and z [m], its faces and its solids.

    kinds : `Face` of the faces across x, y and z, as of `faces`. solid : (nx, ny, nz). loss : of porous faces K, the
    pressure they take being K rho V|V| / 2 with their mean velocity V, 0 or above; fields of the faces across x, y, z,
    read where porous. jet : as loss, momentum that the jets of a perforated face bring over that of V, 1/F - 1 of open
    share F: the air at the next face behind is pushed by it, so that in a duct the pressure lost becomes
    (K / 2 - jet) V^2; None, or where the next face is not free, nothing.

    ValueError for shapes that do not fit, edges that do not rise, faces that are open into a solid, outlets that are
    not on the box, and porous faces without a loss or across an axis of one cell.
    """
    lines = [np.asarray(one, dtype=np.float64) for one in edges]
    cells = (len(lines[0]) - 1, len(lines[1]) - 1, len(lines[2]) - 1)
    air = np.ones(cells, dtype=bool) if solid is None else ~np.asarray(solid, dtype=bool)
    kinds_ = [np.asarray(kind, dtype=np.uint8) for kind in kinds]
    _checked(lines, cells, kinds_, air)
    porous = [kind == Face.POROUS for kind in kinds_]
    conducts = _conductances(lines, kinds_)
    lost = _of_porous("loss", loss, porous)
    driven = _of_porous("jet", jet, porous) if jet is not None else [np.zeros(len(one)) for one in lost]
    first, second, third = np.argsort(cells, kind="stable").tolist()
    order = (first, second, third)
    shape = (cells[first] + 2 * RING, cells[second] + 2 * RING, cells[third] + 2 * RING)
    width, gap = zip(*(_spacing(lines[axis]) for axis in order), strict=True)
    kind, surface = [], []
    for place, axis in enumerate(order):
        ring = [(RING, RING)] * 3
        ring[place] = (RING, RING - 1)
        seen = kinds_[axis].copy()
        box = np.moveaxis(seen, axis, 0)[:: cells[axis]]
        box[box == Face.POROUS] = Face.OUTLET
        surface.append(np.pad(seen.transpose(order), ring).ravel())
        kind.append(np.where(surface[-1] == Face.POROUS, np.uint8(Face.FREE), surface[-1]))
    inside = np.pad(air.transpose(order), RING)
    length = np.zeros(shape)
    holes = [np.asarray(tile.open_share(one)) for one in lost]
    length[inside] = _distance(lines, kinds_, air, holes).transpose(order)[air.transpose(order)]
    plain, beside, rubbed = _velocities(shape, width, kind, surface)
    passing, listed = _temperatures(shape, surface)
    resists = None
    if any(one.any() for one in porous):
        passed = [np.argwhere(porous[axis]) for axis in order]
        entries = tuple(np.ravel_multi_index(tuple((one[:, order] + RING).T), shape) for one in passed)
        between = tuple(
            np.where(one[face] == Face.POROUS, holes[axis], 0.0)
            for axis, one, face in zip(order, surface, entries, strict=True)
        )
        resists = Porous(
            entries, tuple(passed), tuple(lost[axis] for axis in order), tuple(driven[axis] for axis in order), between,
            tuple(_reach(lines[axis])[one[:, axis]] for axis, one in zip(order, passed, strict=True)),
            tuple(conducts[axis][porous[axis]] for axis in order), tuple(np.ones(len(one)) for one in passed),
            _along(shape, entries, between),
        )  # fmt: skip
    return Room(
        cells, order, shape, width, gap, tuple(kind), tuple(surface), length.ravel(), plain, beside, rubbed,
        passing, listed, tuple(np.flatnonzero(one == Face.OUTLET) for one in kind), resists,
        poisson.hierarchy(*conducts), np.zeros((8, length.size)),
    )  # fmt: skip


def _checked(
    lines: list[_Float],
    cells: tuple[int, ...],
    kinds: Sequence[_Kind],
    air: npt.NDArray[np.bool_],
) -> None:
    """Raises ValueError for a room that cannot be."""
    for name, line in zip("xyz", lines, strict=True):
        if line.ndim != 1 or len(line) < 2 or not (np.diff(line) > 0).all():
            raise ValueError(f"the edges along {name} must be two or more that rise")
    if air.shape != cells:
        raise ValueError(f"solid has the shape {air.shape}, the cells are {cells}")
    open_ = faces(cells, ~air)
    for axis, (name, kind) in enumerate(zip("xyz", kinds, strict=True)):
        wanted = tuple(n + (one == axis) for one, n in enumerate(cells))
        if np.shape(kind) != wanted:
            raise ValueError(f"faces across {name} have the shape {np.shape(kind)}, must be {wanted}")
        if (kind == Face.POROUS).any() and cells[axis] == 1:
            raise ValueError(f"faces across {name} are porous, where one cell leaves no room to move")
        place = np.argwhere((kind == Face.FREE) & (open_[axis] != Face.FREE))
        if len(place):
            raise ValueError(
                f"the face {place[0].tolist()} across {name} is free, and a solid or nothing behind it"
            )
        inner = np.moveaxis(np.asarray(kind), axis, 0)[1:-1]
        if (inner == Face.OUTLET).any():
            raise ValueError(f"an outlet across {name} is not on the box")
        shut = np.moveaxis(open_[axis], axis, 0)[1:-1] != Face.FREE
        if ((inner == Face.POROUS) & shut).any():
            raise ValueError(f"a face across {name} is porous, and a solid behind it")


def _of_porous(name: str, given: Sequence[Ratios] | None, porous: Sequence[_Solid]) -> list[_Float]:
    """Values of the porous faces across x, y, z out of fields, in the order of `numpy.argwhere`."""
    found = []
    for axis, (letter, where) in enumerate(zip("xyz", porous, strict=True)):
        field = np.full(where.shape, np.nan) if given is None else np.asarray(given[axis], dtype=np.float64)
        if field.shape != where.shape:
            raise ValueError(f"{name} across {letter} has the shape {field.shape}, must be {where.shape}")
        values = field[where]
        if not ((values >= 0.0) & (values < np.inf)).all():
            raise ValueError(f"{name} across {letter} must be given, 0 or above, for every porous face")
        found.append(values)
    return found


def _spacing(line: _Float) -> tuple[_Float, _Float]:
    """Widths of the cells with those of the rings, and distances of their centres."""
    inside = np.diff(line)
    width = np.concatenate([[inside[0]] * RING, inside, [inside[-1]] * RING])
    gap = width.copy()
    gap[1:] = 0.5 * (width[1:] + width[:-1])
    return width, gap


def _distance(
    lines: list[_Float], kinds: Sequence[_Kind], air: npt.NDArray[np.bool_], holes: Sequence[_Float]
) -> _Float:
    """From the centre of every cell to the middle of the nearest face that is a wall beside air [m].

    A porous face is as far as a wall at its distance over the share that is solid, in hundredths.
    """
    middles = [0.5 * (line[1:] + line[:-1]) for line in lines]
    points, solid = [], []
    for axis in range(3):
        edge = [(0, 0)] * 3
        edge[axis] = (1, 1)
        padded = np.moveaxis(np.pad(air, edge), axis, 0)
        beside = np.moveaxis(padded[1:] | padded[:-1], 0, axis)
        kind = np.asarray(kinds[axis])
        share = np.where(np.isin(kind, (Face.WALL, Face.WARM)), 1.0, 0.0)
        share[kind == Face.POROUS] = np.round(1.0 - holes[axis], 2)
        place = np.argwhere((share > 0.0) & beside)
        solid.append(share[tuple(place.T)])
        points.append(
            np.stack([(lines if n == axis else middles)[n][place[:, n]] for n in range(3)], axis=-1)
        )
    walls, shares = np.concatenate(points), np.concatenate(solid)
    centre = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, 3)
    found = np.full(len(centre), max(line[-1] - line[0] for line in lines))
    for share in np.unique(shares):
        found = np.minimum(found, KDTree(walls[shares == share]).query(centre)[0] / share)
    return found.reshape(air.shape)


def _along(
    shape: tuple[int, ...], faces: Sequence[_Index], holes: Sequence[_Float]
) -> tuple[tuple[_Index, _Float], ...]:
    """Of each component across each axis, the faces above edges along porous faces, and the open share of those."""
    found: list[tuple[_Index, _Float]] = []
    for axis, stride in enumerate((shape[1] * shape[2], shape[2], 1)):
        for other in range(3):
            if other == axis:
                found.append((np.zeros(0, dtype=np.int64), np.zeros(0)))
                continue
            # A face of the component lies half along one porous face and half along the next.
            both = np.concatenate([faces[other], faces[other] + stride])
            listed, share = np.unique(both), np.tile(0.5 * holes[other], 2)
            found.append(
                (listed, np.bincount(np.searchsorted(listed, both), share, len(listed)).astype(np.float64))
            )
    return tuple(found)


def _conductances(lines: list[_Float], kinds: Sequence[_Kind]) -> list[_Float]:
    """Area over distance of every face through which the pressure acts, as `poisson.hierarchy` takes them [m]."""
    width = [np.diff(line) for line in lines]
    found = []
    for axis in range(3):
        reach = _reach(lines[axis])
        area = np.ones((1, 1, 1))
        for other in range(3):
            along = [1, 1, 1]
            along[other] = -1
            area = area / reach.reshape(along) if other == axis else area * width[other].reshape(along)
        open_ = np.isin(kinds[axis], (Face.FREE, Face.OUTLET, Face.POROUS))
        found.append(np.where(open_, area, 0.0))
    return found


def _reach(line: _Float) -> _Float:
    """Distance over which the pressure acts at every face across an axis: of two centres, or of one to the box [m]."""
    width = np.diff(line)
    return np.concatenate([[0.5 * width[0]], 0.5 * (width[1:] + width[:-1]), [0.5 * width[-1]]])


def _velocities(
    shape: tuple[int, ...], width: Sequence[_Float], kinds: Sequence[_Kind], surfaces: Sequence[_Kind]
) -> tuple[tuple[_Kinds, ...], tuple[_Places, ...], tuple[tuple[_Index, _Index, _Float], ...]]:
    """For each component along and across each axis, 1 where the fluxes of free air hold, and the other edges.

    Of these what lies along closed walls apart: face, neighbour in the wall, and distance to it.
    """
    kind, surface = ([one.reshape(shape) for one in values] for values in (kinds, surfaces))
    stride = (shape[1] * shape[2], shape[2], 1)
    plain, beside, rubbed = [], [], []
    for axis in range(3):
        mine = kind[axis]
        free = mine == Face.FREE
        row, along = [], []
        for other in range(3):
            if other == axis:
                row.append((free | np.roll(free, 1, axis)).astype(np.uint8).ravel())
                beside.append(np.zeros((0, 3), dtype=np.int32))
                continue
            below = np.roll(free, 1, other)
            walls = (np.roll(mine, 2, other) == Face.WALL) | (np.roll(mine, -1, other) == Face.WALL)
            through = (surface[other] == Face.FREE) & (np.roll(surface[other], 1, axis) == Face.FREE)
            good = free & below & through & ~walls
            row.append(good.astype(np.uint8).ravel())
            wall = (surface[other] == Face.WALL) | (surface[other] == Face.WARM)
            closed = wall & np.roll(wall, 1, axis)
            above = closed & free & (np.roll(mine, 1, other) == Face.WALL)
            under = closed & below & (mine == Face.WALL)
            edge = np.flatnonzero(((free | below) & ~good & ~above & ~under).ravel())
            places = [edge // stride[one] % shape[one] for one in (axis, other)]
            beside.append(np.stack([edge, *places], axis=-1).astype(np.int32))
            one, two = np.flatnonzero(above.ravel()), np.flatnonzero(under.ravel())
            face = np.concatenate([one, two - stride[other]])
            place = (face // stride[other]) % shape[other]
            along.append((face, np.concatenate([one - stride[other], two]), 0.5 * width[other][place]))
        plain.append(tuple(row))
        face, wall_, half = (np.concatenate(both) for both in zip(*along, strict=True))
        rubbed.append((face, wall_, half))
    return tuple(plain), tuple(beside), tuple(rubbed)


def _temperatures(shape: tuple[int, ...], kinds: Sequence[_Kind]) -> tuple[_Kinds, tuple[_Places, ...]]:
    """1 at free faces between free faces, and all others that heat passes with their places, per axis."""
    stride = (shape[1] * shape[2], shape[2], 1)
    passing, listed = [], []
    for axis, one in enumerate(kinds):
        kind = one.reshape(shape)
        free = kind == Face.FREE
        plain = free & np.roll(free, 1, axis) & np.roll(free, -1, axis)
        passing.append(plain.astype(np.uint8).ravel())
        face = np.flatnonzero(((kind != Face.WALL) & ~plain).ravel())
        listed.append(np.stack([face, face // stride[axis] % shape[axis]], axis=-1).astype(np.int32))
    return tuple(passing), tuple(listed)
