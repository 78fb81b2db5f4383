"""Air of a room in three dimensions: incompressible flow with buoyancy and heat, stepped in time on a grid of boxes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

_Float = npt.NDArray[np.float64]
_Kind = npt.NDArray[np.uint8]

RING = 2
GRAVITY = 9.80665


class Face(IntEnum):
    """What a face between two cells is."""

    WALL = 0
    FREE = 1
    FIXED = 2
    OUTLET = 3
    WARM = 4


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of a box with two rings around them; all fields are flat over `shape`, the last axis fastest."""

    shape: tuple[int, int, int]
    cells: tuple[int, int, int]
    width: tuple[_Float, _Float, _Float]
    gap: tuple[_Float, _Float, _Float]
    kind: tuple[_Kind, _Kind, _Kind]
    entering: tuple[_Float, _Float, _Float]
    fluid: npt.NDArray[np.bool_]
    length: _Float

    def inner(self, field: np.ndarray) -> np.ndarray:
        return field.reshape(self.shape)[RING:-RING, RING:-RING, RING:-RING]

    def low(self, axis: int, field: np.ndarray) -> np.ndarray:
        """The faces of the box along an axis, (cells + 1 along it)."""
        cut = [slice(RING, -RING)] * 3
        cut[axis] = slice(RING, -RING + 1)
        return field.reshape(self.shape)[tuple(cut)]


def grid(x, y, z, solid=None):
    """Grid from the edges of its cells along each axis, all inner faces free, all outer ones walls."""
    edges = [np.asarray(one, dtype=np.float64) for one in (x, y, z)]
    cells = tuple(len(one) - 1 for one in edges)
    shape = tuple(n + 2 * RING for n in cells)
    width, gap = [], []
    for one in edges:
        d = np.diff(one)
        d = np.concatenate([[d[0]] * RING, d, [d[-1]] * RING])
        g = np.empty_like(d)
        g[0] = d[0]
        g[1:] = 0.5 * (d[1:] + d[:-1])
        width.append(d)
        gap.append(g)
    fluid = np.zeros(shape, dtype=bool)
    fluid[RING:-RING, RING:-RING, RING:-RING] = True if solid is None else ~np.asarray(solid, dtype=bool)
    kind = []
    for axis in range(3):
        before = np.roll(fluid, 1, axis=axis)
        kind.append((fluid & before).astype(np.uint8).ravel())
    entering = tuple(np.zeros(fluid.size) for _ in range(3))
    return Grid(shape, cells, tuple(width), tuple(gap), tuple(kind), entering, fluid.ravel(), np.zeros(fluid.size))


def regular(room):
    """Per component and axis: 1.0 where fluxes are those of free air, and the faces above the other edges."""
    wall, free = int(Face.WALL), int(Face.FREE)
    kinds = [k.reshape(room.shape) for k in room.kind]
    open_, listed = [], []
    for axis in range(3):
        mine = kinds[axis]
        row, others = [None] * 3, [None] * 3
        row[axis] = ((mine == free) | (np.roll(mine, -1, axis) == free)).astype(np.float64).ravel()
        for other in range(3):
            if other == axis:
                continue
            low, lower, high = np.roll(mine, 1, other), np.roll(mine, 2, other), np.roll(mine, -1, other)
            faces = kinds[other]
            behind = np.roll(faces, 1, axis)
            plain = (mine == free) & (low == free) & (lower != wall) & (high != wall) & (faces == free) & (behind == free)
            some = ((mine == free) | (low == free)) & ~plain
            row[other] = plain.astype(np.float64).ravel()
            others[other] = np.flatnonzero(some.ravel())
        open_.append(tuple(row))
        listed.append(others)
    passing = []
    for axis in range(3):
        mine = kinds[axis]
        plain = (mine == free) & (np.roll(mine, 1, axis) == free) & (np.roll(mine, -1, axis) == free)
        passing.append((plain.astype(np.float64).ravel(), np.flatnonzero(((mine != wall) & ~plain).ravel())))
    return open_, listed, tuple(one for one, _ in passing), [two for _, two in passing]


def coefficients(room: Grid) -> tuple[_Float, _Float, _Float]:
    """Area over distance of every face through which pressure acts, as `poisson.hierarchy` takes them."""
    found = []
    for axis in range(3):
        one, two = (n for n in range(3) if n != axis)
        d = [w[RING:-RING] for w in room.width]
        shape = [1, 1, 1]
        area = np.ones((1, 1, 1))
        for n in (one, two):
            s = list(shape)
            s[n] = -1
            area = area * d[n].reshape(s)
        g = room.gap[axis][RING : len(room.gap[axis]) - RING + 1].copy()
        s = list(shape)
        s[axis] = -1
        kind = room.low(axis, room.kind[axis])
        free = (kind == Face.FREE) * area / g.reshape(s)
        half = g.copy()
        half[0], half[-1] = 0.5 * d[axis][0], 0.5 * d[axis][-1]
        found.append(np.where(kind == Face.OUTLET, area / half.reshape(s), free))
    return tuple(found)


@dataclass(eq=False)
class Air:
    """Fields of a room at a time."""

    velocity: tuple[_Float, _Float, _Float]
    temperature: _Float
    pressure: _Float
    time: float = 0.0


class Stepper:
    """Prototype driver."""

    def __init__(self, room, viscosity, prandtl, expansion=0.0, reference=0.0, eddy=0.0, turbulent=False,
                 limited=True, solver=None, gravity_axis=2, turbulent_prandtl=0.9, heat=True):
        from thermal.compiled import room as compiled

        self.c, self.room = compiled, room
        self.nu, self.pr, self.prt = viscosity, prandtl, turbulent_prandtl
        self.lift = [0.0, 0.0, 0.0]
        self.lift[gravity_axis] = GRAVITY * expansion
        self.reference, self.eddy, self.turbulent, self.limited = reference, eddy, turbulent, limited
        n = room.fluid.size
        self.viscosity = np.where(room.fluid, viscosity, 0.0)
        self.diffusivity = np.where(room.fluid, viscosity / prandtl, 0.0)
        # edge averages near solids: give solids the molecular value
        self.viscosity[~room.fluid] = viscosity
        self.rate = [np.zeros(n) for _ in range(3)]
        self.first = [np.zeros(n) for _ in range(3)]
        self.warm_rate, self.warm_first = np.zeros(n), np.zeros(n)
        self.source = np.zeros(room.cells)
        self.correction = np.zeros(room.cells)
        self.solver = solver
        self.heat = heat
        self.iterations = 0
        self.previous = None
        self.open, self.listed, self.through, self.beside = regular(room)
        self.flux = np.zeros(room.shape[2])

    def accelerate(self, axis, velocity, rate):
        c, room = self.c, self.room
        c.momentum(axis, room.shape, room.width, room.gap, self.open[axis], velocity, self.viscosity, self.limited, self.flux, rate)
        for other in range(3):
            if other != axis:
                c.edges(axis, other, room.shape, room.width, room.gap, room.kind, velocity, self.viscosity, self.nu, self.turbulent, self.limited, self.listed[axis][other], rate)

    def warm(self, velocity, temperature, rate):
        c, room = self.c, self.room
        c.scalar(room.shape, room.width, room.gap, self.through, velocity, self.diffusivity, temperature, self.limited, self.flux, rate)
        for axis in range(3):
            c.faces(axis, room.shape, room.width, room.gap, room.kind, velocity, self.diffusivity, room.entering, temperature, self.limited, self.beside[axis], rate)

    def hasten(self, air):
        return self.c.hastening(self.room.shape, self.room.width, self.room.kind, air.velocity, self.viscosity)

    def step(self, air, dt):
        c, room = self.c, self.room
        if self.eddy > 0:
            c.mixing(room.shape, air.velocity, room.length, self.nu, self.eddy, self.pr, self.prt, self.viscosity, self.diffusivity)
        base = air.velocity
        star = tuple(one.copy() for one in base)
        warm = air.temperature
        # advecting velocity of the heat: extrapolated, without divergence
        if self.heat:
            if self.previous is None:
                mean = base
            else:
                mean = tuple(1.5 * a - 0.5 * b for a, b in zip(base, self.previous))
            self.previous = tuple(one.copy() for one in base)
            self.warm(mean, warm, self.warm_rate)
            stage = warm + dt * self.warm_rate * room.fluid
        else:
            stage = warm
        for axis in range(3):
            if room.cells[axis] == 1:
                continue
            self.accelerate(axis, base, self.rate[axis])
            c.accelerate(axis, room.shape, room.width[axis], room.gap[axis], room.kind[axis], air.pressure, warm, self.lift[axis], self.reference, base[axis], 1.0, self.rate[axis], dt, star[axis])
        if self.heat:
            self.warm(mean, stage, self.warm_first)
            after = warm + 0.5 * dt * (self.warm_rate + self.warm_first) * room.fluid
        else:
            after = warm
        new = tuple(one.copy() for one in star)
        for axis in range(3):
            if room.cells[axis] == 1:
                continue
            self.accelerate(axis, star, self.rate[axis])
            c.accelerate(axis, room.shape, room.width[axis], room.gap[axis], room.kind[axis], air.pressure, stage, self.lift[axis], self.reference, base[axis], 0.5, self.rate[axis], dt, new[axis])
        c.diverging(room.shape, room.width, room.kind, new, dt, self.source)
        self.correction = self.solver(self.source, self.correction)
        pressure = air.pressure.copy()
        c.project(room.shape, room.width, room.gap, room.kind, self.correction, dt, new, pressure)
        return Air(new, after, pressure, air.time + dt)


def direct_solver(room):
    """Sparse LU of the pressure's equation, for small rooms."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    a = coefficients(room)
    n = np.arange(np.prod(room.cells)).reshape(room.cells)
    rows, cols, vals = [], [], []
    diag = np.zeros(room.cells)
    for axis in range(3):
        lo = [slice(None)] * 3
        hi = [slice(None)] * 3
        lo[axis], hi[axis] = slice(None, -1), slice(1, None)
        mid = [slice(None)] * 3
        mid[axis] = slice(1, -1)
        f = a[axis][tuple(mid)]
        rows += [n[tuple(lo)].ravel(), n[tuple(hi)].ravel()]
        cols += [n[tuple(hi)].ravel(), n[tuple(lo)].ravel()]
        vals += [-f.ravel(), -f.ravel()]
        first = [slice(None)] * 3
        first[axis] = slice(None, -1)
        last = [slice(None)] * 3
        last[axis] = slice(1, None)
        diag += a[axis][tuple(first)] + a[axis][tuple(last)]
    diag = diag.ravel()
    dead = diag == 0
    diag[dead] = 1.0
    closed = not any((room.low(axis, room.kind[axis]) == Face.OUTLET).any() for axis in range(3))
    if closed:
        pin = int(np.flatnonzero(~dead)[0])
        diag[pin] *= 2.0
    rows.append(n.ravel()); cols.append(n.ravel()); vals.append(diag)
    lu = splu(coo_array((np.concatenate(vals), (np.concatenate(rows), np.concatenate(cols)))).tocsc())

    def solve(source, guess):
        b = source.ravel().copy()
        b[dead] = 0.0
        p = lu.solve(b)
        if closed:
            p[~dead] -= p[~dead].mean()
        p[dead] = 0.0
        return p.reshape(room.cells)

    return solve
