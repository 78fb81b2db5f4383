"""Compiled loops of `thermal.room`, which imports them when a flow is first stepped.

Every field is flat over one box of cells with two rings of solid cells around it, the last axis fastest; a velocity
stands at the low face of its cell. So a step along an axis is one offset, and one loop serves all three components.
`shape` is the box with its rings, `width` per axis the cells, `gap` the distance of a cell's centre to the one before.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numba import njit

# What a face is, as in `thermal.room.Face`.
WALL, FREE, FIXED, OUTLET, WARM = range(5)
RING = 2
KAPPA, SMOOTH = 0.41, 9.0  # logarithmic law of a smooth wall: u+ = ln(9 y+) / 0.41
LAMINAR = 11.0  # y+ where it meets u+ = y+
FAINT = 1e-30


def _kernel(function: Callable[..., Any]) -> Any:
    """Compiled when first called, kept for later processes where there is a folder that may be written."""
    try:
        return njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function)


_line = njit(error_model="numpy", inline="always")


@_line
def _shear(speed, distance, viscosity, rough):
    """Kinematic stress of a wall over the speed along it: logarithmic where it is turbulent, else laminar [m/s]."""
    laminar = viscosity / distance
    if not rough:
        return laminar
    reynolds = speed * distance / viscosity
    if reynolds < LAMINAR * LAMINAR:
        return laminar
    # Power law of one seventh to begin with, then Newton on the logarithm.
    friction = speed * math.pow(reynolds, -1.0 / 8.0) * math.pow(8.3, -7.0 / 8.0)
    for _ in range(2):
        law = math.log(SMOOTH * friction * distance / viscosity) / KAPPA
        friction *= (speed / friction + 1.0 / KAPPA) / (law + 1.0 / KAPPA)
    return max(friction * friction / speed, laminar)


@_line
def _grade(step, slope, limited):
    """Slope at a value between two differences: their harmonic mean where they agree in sign, or their mean."""
    if limited:
        product = max(step * slope, 0.0)
        total = step + slope
        return 2.0 * product / (total if product > 0.0 else 1.0)
    return 0.5 * (step + slope)


@_line
def _edge(open_, stream, last, under, over, next_, near, here, far, low_half, high_half, friction, limited):
    """Flux from `under` to `over` by a stream and friction; near, here, far : inverse distances of the four values."""
    step = (over - under) * here
    up = stream > 0.0
    slope = (under - last) * near if up else (next_ - over) * far
    grade = _grade(step, slope, limited)
    carried = under + low_half * grade if up else over - high_half * grade
    return open_ * (stream * carried - friction * step)


@_kernel
def momentum(axis, shape, width, gap, open_, velocity, viscosity, limited, flux, change):
    """Acceleration of one component at its free faces by what flows and rubs, without pressure and lift [m/s2].

    open_ : of the three axes, 1 where the flux along the axis, or across it at the edge below a face, is that of free
    air, else 0; `edges` adds the others. viscosity : of the cells, molecular and turbulent together. flux : (row,) for
    work. Every flux is found once, and taken from one face and given to the other.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    sa = stride[axis]
    u = velocity[axis]
    da, ga = width[axis], gap[axis]
    count = shape[2] - 2 * RING + 1
    change[:] = 0.0
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            row = (i * shape[1] + j) * shape[2] + RING
            at = (i, j, RING)
            # Along the axis, at the centres of the cells.
            mine = open_[axis]
            pa = at[axis]
            if axis == 2:
                for k in range(count - 1):
                    c, p = row + k, RING + k
                    d = da[p]
                    flux[k] = _edge(
                        mine[c],
                        0.5 * (u[c] + u[c + 1]),
                        u[c - 1],
                        u[c],
                        u[c + 1],
                        u[c + 2],
                        1.0 / da[p - 1],
                        1.0 / d,
                        1.0 / da[p + 1],
                        0.5 * d,
                        0.5 * d,
                        viscosity[c],
                        limited,
                    )
                for k in range(count - 1):
                    change[row + k] -= flux[k] / ga[RING + k]
                for k in range(count - 1):
                    change[row + k + 1] += flux[k] / ga[RING + k + 1]
            elif pa < shape[axis] - RING:
                near, here, far, half = 1.0 / da[pa - 1], 1.0 / da[pa], 1.0 / da[pa + 1], 0.5 * da[pa]
                for k in range(count):
                    c = row + k
                    flux[k] = _edge(
                        mine[c],
                        0.5 * (u[c] + u[c + sa]),
                        u[c - sa],
                        u[c],
                        u[c + sa],
                        u[c + 2 * sa],
                        near,
                        here,
                        far,
                        half,
                        half,
                        viscosity[c],
                        limited,
                    )
                first, second = 1.0 / ga[pa], 1.0 / ga[pa + 1]
                for k in range(count):
                    change[row + k] -= flux[k] * first
                for k in range(count):
                    change[row + sa + k] += flux[k] * second
            # Across it, at the edges to the faces below.
            for side in range(1, 3):
                other = axis + side if axis + side < 3 else axis + side - 3
                s = stride[other]
                v, mine = velocity[other], open_[other]
                d, g = width[other], gap[other]
                p = at[other]
                if other == 2:
                    one, two = da[pa - 1] / (2.0 * ga[pa]), da[pa] / (2.0 * ga[pa])
                    for k in range(count):
                        c, q = row + k, RING + k
                        mixed = 0.25 * (
                            viscosity[c] + viscosity[c - sa] + viscosity[c - 1] + viscosity[c - 1 - sa]
                        )
                        flux[k] = _edge(
                            mine[c],
                            v[c - sa] * one + v[c] * two,
                            u[c - 2],
                            u[c - 1],
                            u[c],
                            u[c + 1],
                            1.0 / g[q - 1],
                            1.0 / g[q],
                            1.0 / g[q + 1],
                            0.5 * d[q - 1],
                            0.5 * d[q],
                            mixed,
                            limited,
                        )
                    for k in range(count):
                        change[row + k - 1] -= flux[k] / d[RING + k - 1]
                    for k in range(count):
                        change[row + k] += flux[k] / d[RING + k]
                    continue
                near, here, far = 1.0 / g[p - 1], 1.0 / g[p], 1.0 / g[p + 1]
                low_half, high_half = 0.5 * d[p - 1], 0.5 * d[p]
                if axis == 2:
                    for k in range(count):
                        c, q = row + k, RING + k
                        mixed = 0.25 * (
                            viscosity[c] + viscosity[c - 1] + viscosity[c - s] + viscosity[c - 1 - s]
                        )
                        stream = (v[c - 1] * da[q - 1] + v[c] * da[q]) / (2.0 * ga[q])
                        flux[k] = _edge(
                            mine[c],
                            stream,
                            u[c - 2 * s],
                            u[c - s],
                            u[c],
                            u[c + s],
                            near,
                            here,
                            far,
                            low_half,
                            high_half,
                            mixed,
                            limited,
                        )
                else:
                    one, two = da[pa - 1] / (2.0 * ga[pa]), da[pa] / (2.0 * ga[pa])
                    for k in range(count):
                        c = row + k
                        mixed = 0.25 * (
                            viscosity[c] + viscosity[c - sa] + viscosity[c - s] + viscosity[c - s - sa]
                        )
                        flux[k] = _edge(
                            mine[c],
                            v[c - sa] * one + v[c] * two,
                            u[c - 2 * s],
                            u[c - s],
                            u[c],
                            u[c + s],
                            near,
                            here,
                            far,
                            low_half,
                            high_half,
                            mixed,
                            limited,
                        )
                first, second = 1.0 / d[p - 1], 1.0 / d[p]
                for k in range(count):
                    change[row - s + k] -= flux[k] * first
                for k in range(count):
                    change[row + k] += flux[k] * second


@_kernel
def edges(
    axis, other, shape, width, gap, kind, velocity, viscosity, molecular, turbulent, limited, listed, change
):
    """What `momentum` leaves out: edges of one component across another axis where a wall or an opening is near.

    listed : faces above those edges.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    sa, s = stride[axis], stride[other]
    u, v, mine, faces = velocity[axis], velocity[other], kind[axis], kind[other]
    da, ga, d, g = width[axis], gap[axis], width[other], gap[other]
    for c in listed:
        place = (c // (shape[1] * shape[2]), (c // shape[2]) % shape[1], c % shape[2])
        pa, p = place[axis], place[other]
        low = c - s
        one, two = faces[c - sa], faces[c]
        shut = 0.5 * ((one in (WALL, WARM)) + (two in (WALL, WARM)))
        under, over = u[low], u[c]
        stream = (v[c - sa] * da[pa - 1] + v[c] * da[pa]) / (2.0 * ga[pa])
        flux = 0.0
        if mine[low] == WALL or mine[c] == WALL:
            # One of the two lies in a solid: a wall, or an opening that brings air without speed along it.
            through = one in (FIXED, OUTLET) or two in (FIXED, OUTLET)
            shut = shut if through else 1.0
            solid = mine[low] == WALL
            if (stream > 0.0) != solid:
                flux = stream * (over if solid else under)
        else:
            last, near = u[low - s], 1.0 / g[p - 1]
            if mine[low - s] == WALL:
                # Half as far as a face, and where the wall is an opening or does not rub, the same speed.
                near = 2.0 / d[p - 1]
                last = last if faces[low - sa] == WALL or faces[low] == WALL else under
            next_, far = u[c + s], 1.0 / g[p + 1]
            if mine[c + s] == WALL:
                far = 2.0 / d[p]
                next_ = next_ if faces[c + s - sa] == WALL or faces[c + s] == WALL else over
            mixed = 0.25 * (viscosity[c] + viscosity[c - sa] + viscosity[low] + viscosity[low - sa])
            flux = _edge(
                1.0,
                stream,
                last,
                under,
                over,
                next_,
                near,
                1.0 / g[p],
                far,
                0.5 * d[p - 1],
                0.5 * d[p],
                (1.0 - shut) * mixed,
                limited,
            )
        if mine[low] == FREE:
            change[low] -= flux / d[p - 1]
            if shut > 0.0:
                past = (over if mine[c] == WALL else 0.0) - under
                change[low] += (
                    shut * past * _shear(abs(past), 0.5 * d[p - 1], molecular, turbulent) / d[p - 1]
                )
        if mine[c] == FREE:
            change[c] += flux / d[p]
            if shut > 0.0:
                past = (under if mine[low] == WALL else 0.0) - over
                change[c] += shut * past * _shear(abs(past), 0.5 * d[p], molecular, turbulent) / d[p]


@_kernel
def accelerate(
    axis, shape, width, gap, kind, pressure, temperature, lift, reference, base, share, rate, step, out
):
    """One component after a stage: base x (1 - share) + (out + rate step) x share with pressure and lift.

    lift : gravity along the axis times expansion, which acts on the temperature above `reference`.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    s = stride[axis]
    d, g = width, gap
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            row = (i * shape[1] + j) * shape[2]
            for k in range(RING, shape[2] - RING + 1):
                c = row + k
                what = kind[c]
                if what == FREE:
                    p = i if axis == 0 else (j if axis == 1 else k)
                    force = -(pressure[c] - pressure[c - s]) / g[p]
                    if lift != 0.0:
                        warm = (temperature[c] * d[p - 1] + temperature[c - s] * d[p]) / (d[p - 1] + d[p])
                        force += lift * (warm - reference)
                    out[c] = base[c] * (1.0 - share) + (out[c] + step * (rate[c] + force)) * share
                elif what == OUTLET:
                    p = i if axis == 0 else (j if axis == 1 else k)
                    # Outside the pressure is nothing; friction is left to what lies inside.
                    inside = 0.5 * (d[p] if p == RING else d[p - 1])
                    force = -(pressure[c] - pressure[c - s]) / inside
                    out[c] = base[c] * (1.0 - share) + (out[c] + step * force) * share


@_kernel
def scalar(shape, width, gap, open_, velocity, diffusivity, temperature, limited, flux, change):
    """Rate of the temperature of each cell [K/s] by what passes free faces between free faces.

    open_ : of the three axes, 1 at those faces, else 0; `faces` adds the others. flux : (row,) for work.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    count = shape[2] - 2 * RING + 1
    t = temperature
    change[:] = 0.0
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            row = (i * shape[1] + j) * shape[2] + RING
            at = (i, j, RING)
            for axis in range(2):
                s, p = stride[axis], at[axis]
                d, g, mine, v = width[axis], gap[axis], open_[axis], velocity[axis]
                near, here, far = 1.0 / g[p - 1], 1.0 / g[p], 1.0 / g[p + 1]
                low_half, high_half = 0.5 * d[p - 1], 0.5 * d[p]
                for k in range(count):
                    c = row + k
                    flux[k] = _edge(
                        mine[c],
                        v[c],
                        t[c - 2 * s],
                        t[c - s],
                        t[c],
                        t[c + s],
                        near,
                        here,
                        far,
                        low_half,
                        high_half,
                        0.5 * (diffusivity[c - s] + diffusivity[c]),
                        limited,
                    )
                first, second = 1.0 / d[p - 1], 1.0 / d[p]
                for k in range(count):
                    change[row - s + k] -= flux[k] * first
                for k in range(count):
                    change[row + k] += flux[k] * second
            d, g, mine, v = width[2], gap[2], open_[2], velocity[2]
            for k in range(count):
                c, q = row + k, RING + k
                flux[k] = _edge(
                    mine[c],
                    v[c],
                    t[c - 2],
                    t[c - 1],
                    t[c],
                    t[c + 1],
                    1.0 / g[q - 1],
                    1.0 / g[q],
                    1.0 / g[q + 1],
                    0.5 * d[q - 1],
                    0.5 * d[q],
                    0.5 * (diffusivity[c - 1] + diffusivity[c]),
                    limited,
                )
            for k in range(count):
                change[row + k - 1] -= flux[k] / d[RING + k - 1]
            for k in range(count):
                change[row + k] += flux[k] / d[RING + k]


@_kernel
def faces(
    axis, shape, width, gap, kind, velocity, diffusivity, entering, temperature, limited, listed, change
):
    """What `scalar` leaves out along an axis: faces beside walls, openings and warm walls, `listed`.

    entering : temperature of what comes in by a fixed face or an outlet, and of warm walls.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    s = stride[axis]
    mine, v, d, g = kind[axis], velocity[axis], width[axis], gap[axis]
    t, given = temperature, entering[axis]
    for c in listed:
        place = (c // (shape[1] * shape[2]), (c // shape[2]) % shape[1], c % shape[2])
        p, low = place[axis], c - s
        what, under, over, speed = mine[c], t[low], t[c], v[c]
        if what == WARM:
            # One side of it is solid, where the rate means nothing.
            change[low] += 2.0 * diffusivity[low] * (given[c] - under) / (d[p - 1] * d[p - 1])
            change[c] += 2.0 * diffusivity[c] * (given[c] - over) / (d[p] * d[p])
            continue
        if what != FREE:
            inside = diffusivity[c] > 0.0
            carried = (over if inside else under) if (speed < 0.0) == inside else given[c]
            flux = speed * carried
        else:
            last, near = t[low - s], 1.0 / g[p - 1]
            if mine[low] == WALL:
                last = under
            elif mine[low] != FREE:
                last, near = given[low], 2.0 / d[p - 1]
            next_, far = t[c + s], 1.0 / g[p + 1]
            if mine[c + s] == WALL:
                next_ = over
            elif mine[c + s] != FREE:
                next_, far = given[c + s], 2.0 / d[p]
            flux = _edge(
                1.0,
                speed,
                last,
                under,
                over,
                next_,
                near,
                1.0 / g[p],
                far,
                0.5 * d[p - 1],
                0.5 * d[p],
                0.5 * (diffusivity[low] + diffusivity[c]),
                limited,
            )
        change[low] -= flux / d[p - 1]
        change[c] += flux / d[p]


@_kernel
def diverging(shape, width, length, velocity, step, source):
    """Source of the pressure's equation in each cell of the box: what flows out of it over the step, negative.

    length : 0 in solids, which may take air at one face and give it back at another; the greatest is of the others.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    dx, dy, dz = width[0], width[1], width[2]
    most = 0.0
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            row = (i * shape[1] + j) * shape[2]
            for k in range(RING, shape[2] - RING):
                c = row + k
                out = (
                    (velocity[0][c + stride[0]] - velocity[0][c]) * dy[j] * dz[k]
                    + (velocity[1][c + stride[1]] - velocity[1][c]) * dx[i] * dz[k]
                    + (velocity[2][c + stride[2]] - velocity[2][c]) * dx[i] * dy[j]
                )
                source[i - RING, j - RING, k - RING] = -out / step
                if length[c] > 0.0:
                    most = max(most, abs(out))
    return most


@_kernel
def project(shape, width, gap, kind, correction, step, velocity, pressure):
    """Velocity without divergence, and the pressure with its correction (of the cells of the box) added."""
    size = correction.shape
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            row = (i * shape[1] + j) * shape[2]
            for k in range(RING, shape[2] - RING + 1):
                c = row + k
                x, y, z = i - RING, j - RING, k - RING
                inside = x < size[0] and y < size[1] and z < size[2]
                here = correction[x, y, z] if inside else 0.0
                for axis in range(3):
                    what = kind[axis][c]
                    if what != FREE and what != OUTLET:
                        continue
                    if axis == 0:
                        p = i
                        behind = correction[x - 1, y, z] if x > 0 else 0.0
                    elif axis == 1:
                        p = j
                        behind = correction[x, y - 1, z] if y > 0 else 0.0
                    else:
                        p = k
                        behind = correction[x, y, z - 1] if z > 0 else 0.0
                    reach = gap[axis][p]
                    if what == OUTLET:
                        first = p == RING
                        reach = 0.5 * (width[axis][p] if first else width[axis][p - 1])
                    velocity[axis][c] -= step * (here - behind) / reach
                if inside:
                    pressure[c] += here


@_kernel
def hastening(shape, width, velocity, viscosity):
    """Greatest sum of speed over width, and of viscosity over width squared, of any cell [1/s]."""
    stride = (shape[1] * shape[2], shape[2], 1)
    stream, rub = 0.0, 0.0
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            row = (i * shape[1] + j) * shape[2]
            for k in range(RING, shape[2] - RING):
                c = row + k
                fast = 0.0
                for axis in range(3):
                    p = i if axis == 0 else (j if axis == 1 else k)
                    u = velocity[axis]
                    fast += max(abs(u[c]), abs(u[c + stride[axis]])) / width[axis][p]
                stream = max(stream, fast)
                rub = max(
                    rub,
                    viscosity[c] * (1.0 / width[0][i] ** 2 + 1.0 / width[1][j] ** 2 + 1.0 / width[2][k] ** 2),
                )
    return stream, rub


@_kernel
def mixing(shape, velocity, length, molecular, factor, prandtl, turbulent_prandtl, viscosity, diffusivity):
    """Viscosity and diffusivity of each fluid cell: molecular, and factor x speed x length of what is turbulent.

    length : distance to the nearest wall [m], 0 in solids, whose diffusivity stays nothing.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            row = (i * shape[1] + j) * shape[2]
            for k in range(RING, shape[2] - RING):
                c = row + k
                if length[c] <= 0.0:
                    continue
                square = 0.0
                for axis in range(3):
                    middle = 0.5 * (velocity[axis][c] + velocity[axis][c + stride[axis]])
                    square += middle * middle
                eddy = factor * math.sqrt(square) * length[c]
                viscosity[c] = molecular + eddy
                diffusivity[c] = molecular / prandtl + eddy / turbulent_prandtl
