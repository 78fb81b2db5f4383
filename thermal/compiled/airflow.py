"""Compiled loops of `thermal.airflow`, which imports them when a flow is first stepped.

Every field is flat over one box of cells with two rings of solid cells around it, the last axis fastest; a velocity
stands at the low face of its cell. So a step along an axis is one offset, and one loop serves all three components.
`shape` is the box with its rings, `width` per axis the cells, `gap` the distance of a cell's centre to the one before.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

# What a face is, as in `thermal.room.Face`.
WALL, FREE, FIXED, OUTLET, WARM, POROUS = range(6)
RING = 2
KAPPA, SMOOTH = 0.41, 9.0  # logarithmic law of a smooth wall: u+ = ln(9 y+) / 0.41
LAMINAR = 11.0  # y+ where it meets u+ = y+
SEVENTH = 8.3 ** (-7.0 / 8.0)  # power law of one seventh: u+ = 8.3 y+^(1/7)
VECTOR = 4  # entries of a row are a multiple of; no more than fit into the rings of both ends


def _kernel(function: Callable[..., Any]) -> Any:
    """Compiled when first called, kept for later processes where there is a folder that may be written."""
    try:
        return njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function)


# What runs through a row is a part of the loop, or it would not become vector instructions.
_line = njit(error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)


_part = njit(error_model="numpy", fastmath={"contract", "nsz"})


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
    friction = speed * SEVENTH / math.sqrt(math.sqrt(math.sqrt(reynolds)))
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
def _edge(stream, last, under, over, next_, near, here, far, low_half, high_half, friction, limited):
    """Flux from `under` to `over` by a stream and friction; near, here, far : inverse distances of the four values."""
    step = (over - under) * here
    up = stream > 0.0
    slope = (under - last) * near if up else (next_ - over) * far
    grade = _grade(step, slope, limited)
    carried = (under if up else over) + (low_half if up else -high_half) * grade
    return stream * carried - friction * step


@_line
def _across(flux, open_, stream, friction, value, c, s, near, here, far, low, high, limited):
    """Fluxes of a row from the entries before c, by s, to those from c on; nothing where not open.

    near, here, far : inverse distances of the four values. low, high : how far the flux is from the middle two.
    """
    n = len(stream)
    open_, last, under = open_[c : c + n], value[c - 2 * s : c - 2 * s + n], value[c - s : c - s + n]
    over, next_ = value[c : c + n], value[c + s : c + s + n]
    for m in range(n):
        one = _edge(
            stream[m], last[m], under[m], over[m], next_[m], near, here, far, low, high, friction[m], limited
        )
        flux[m] = one if open_[m] else 0.0


@_line
def _within(flux, open_, stream, friction, value, c, inverse, q, half, p, limited):
    """As `_across`, along the row itself. inverse, half : of all places, from the places q - 1 and p on."""
    n = len(stream)
    open_, last, under = open_[c : c + n], value[c - 2 : c - 2 + n], value[c - 1 : c - 1 + n]
    over, next_ = value[c : c + n], value[c + 1 : c + 1 + n]
    near, here, far = inverse[q - 1 : q - 1 + n], inverse[q : q + n], inverse[q + 1 : q + 1 + n]
    low, high = half[p : p + n], half[q : q + n]
    for m in range(n):
        one = _edge(
            stream[m], last[m], under[m], over[m], next_[m], near[m], here[m], far[m], low[m], high[m],
            friction[m], limited,
        )  # fmt: skip
        flux[m] = one if open_[m] else 0.0


@_line
def _passed(flux, change, c, s, first, second):
    """Takes the fluxes of a row from the entries before c, by s, and gives them to those from c on."""
    n = len(flux) - 1
    low, high = change[c - s : c - s + n], change[c : c + n]
    for m in range(n):
        low[m] -= flux[m] * first
    for m in range(n):
        high[m] += flux[m] * second


@_line
def _kept(flux, change, c, share, p):
    """What the entries of a row from c on keep of the fluxes along it, of which the last is nothing."""
    n = len(flux) - 1
    out, after, share = change[c : c + n], flux[1:], share[p : p + n]
    for m in range(n):
        out[m] = (flux[m] - after[m]) * share[m]


@_part
def _inverse(values):
    """One over each, and nothing in the places behind that a row of whole vectors reaches."""
    out = np.zeros(len(values) + VECTOR)
    for p in range(len(values)):
        out[p] = 1.0 / values[p]
    return out


@_part
def _scaled(values, by):
    """Each times a number, with the places behind as of `_inverse`."""
    out = np.zeros(len(values) + VECTOR)
    for p in range(len(values)):
        out[p] = by * values[p]
    return out


@_part
def _length(shape):
    """Entries of a row from its first to its last face, and as many of the rings as fill the last vector."""
    count = shape[2] - 2 * RING + 1
    return (count + VECTOR - 1) // VECTOR * VECTOR


@_kernel
def momentum(shape, width, gap, open_, velocity, carried, viscosity, limited, change):
    """Acceleration of each component at its free faces by what flows and rubs, without pressure and lift [m/s2].

    velocity : that carries, without divergence. carried : what changes.
    open_ : of each component, across each axis, 1 where the flux from the face before is that of free air, else 0;
    `edges` adds the others. viscosity : of the cells, molecular and turbulent together. Every flux is found once, and
    taken from one face and given to the other.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    n = _length(shape)
    flux, stream, mixed = np.zeros(n + 1), np.empty(n), np.empty((3, n))
    breadth = (_inverse(width[0]), _inverse(width[1]), _inverse(width[2]))
    distance = (_inverse(gap[0]), _inverse(gap[1]), _inverse(gap[2]))
    half = (_scaled(width[0], 0.5), _scaled(width[1], 0.5), _scaled(width[2], 0.5))
    one, two = np.zeros(n), np.zeros(n)
    for m in range(shape[2] - 2 * RING + 1):
        one[m] = half[2][RING + m - 1] * distance[2][RING + m]
        two[m] = half[2][RING + m] * distance[2][RING + m]
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            c = (i * shape[1] + j) * shape[2] + RING
            at = (i, j, RING)
            for pair in range(3):
                # At the edges between the first and second axis, the first and third, the second and third.
                sa, s = stride[pair // 2], stride[1 + (pair + 1) // 2]
                here, back = viscosity[c : c + n], viscosity[c - sa : c - sa + n]
                low, far = viscosity[c - s : c - s + n], viscosity[c - s - sa : c - s - sa + n]
                out = mixed[pair]
                for m in range(n):
                    out[m] = 0.25 * (here[m] + back[m] + low[m] + far[m])
            for axis in range(3):
                if shape[axis] == 1 + 2 * RING:
                    continue
                u, sa, pa = carried[axis], stride[axis], at[axis]
                # The row itself first, for it writes where the others add.
                for other in range(2, -1, -1):
                    s, p, v = stride[other], at[other], velocity[other]
                    below, above = v[c - sa : c - sa + n], v[c : c + n]
                    if other == axis:
                        for m in range(n):
                            stream[m] = 0.5 * (below[m] + above[m])
                    elif axis == 2:
                        for m in range(n):
                            stream[m] = below[m] * one[m] + above[m] * two[m]
                    else:
                        left, right = (
                            half[axis][pa - 1] * distance[axis][pa],
                            half[axis][pa] * distance[axis][pa],
                        )
                        for m in range(n):
                            stream[m] = below[m] * left + above[m] * right
                    # Along its axis a flux is at the centre of a cell, which is a place lower, and as far from both.
                    own = other == axis
                    q, r = (p - 1, p - 1) if own else (p, p - 1)
                    inverse, share = (
                        (breadth[axis], distance[axis]) if own else (distance[other], breadth[other])
                    )
                    friction = viscosity[c - s : c - s + n] if own else mixed[axis + other - 1]
                    if other == 2:
                        _within(flux, open_[axis][2], stream, friction, u, c, inverse, q, half[2], r, limited)
                        _kept(flux, change[axis], c, share, p)
                    else:
                        _across(
                            flux, open_[axis][other], stream, friction, u, c, s, inverse[q - 1], inverse[q],
                            inverse[q + 1], half[other][r], half[other][q], limited,
                        )  # fmt: skip
                        _passed(flux, change[axis], c, s, share[p - 1], share[p])


@_line
def _beyond(wall, here, inverse, close, one, two, first, second):
    """What stands past a face where its neighbour lies in a solid, and the inverse distance to it.

    A wall half a cell away at its own speed; an opening there without speed along it; where nothing comes in by the
    opening, as at a wall that does not rub, the same speed; past an open edge the end of a solid, a cell away.
    inverse, close : inverse distances of a cell and of half a cell.
    """
    if one in (WALL, WARM, POROUS) or two in (WALL, WARM, POROUS):
        return wall, close
    if one == FREE and two == FREE:
        return wall, inverse
    # Next to nothing is the rounding of what was to be nothing.
    return (here if abs(first) + abs(second) <= 1e-9 * abs(here) else 0.0), close


@_kernel
def shears(velocity, air, beyond, half, molecular, turbulent, rate):
    """Rate at which a wall holds the air that lies along it [1/s].

    air, beyond : faces of a component, and their neighbours in the wall, where its own speed stands. half : distance.
    """
    for m in range(len(air)):
        past = abs(velocity[beyond[m]] - velocity[air[m]])
        rate[m] = 0.5 * _shear(past, half[m], molecular, turbulent) / half[m]


@_kernel
def rub(velocity, air, beyond, rate, change):
    """Acceleration of one component by walls, as of `shears`."""
    for m in range(len(air)):
        change[air[m]] += rate[m] * (velocity[beyond[m]] - velocity[air[m]])


@_kernel
def edges(
    axis,
    other,
    shape,
    width,
    gap,
    kind,
    faces,
    velocity,
    u,
    viscosity,
    molecular,
    turbulent,
    limited,
    listed,
    change,
):
    """What `momentum` and `rub` leave out: edges of one component across another axis near walls and openings.

    faces : of the other axis, as what rubs there. u : the component carried. listed : (edge, 3) faces above those
    edges, and their places along the axis and the other.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    sa, s = stride[axis], stride[other]
    v, mine = velocity[other], kind[axis]
    da, across, d = width[axis], _scaled(_inverse(gap[axis]), 0.5), width[other]
    breadth, distance = _inverse(width[other]), _inverse(gap[other])
    for m in range(len(listed)):
        c, pa, p = listed[m]
        low = c - s
        one, two = faces[c - sa], faces[c]
        shut = 0.5 * ((one in (WALL, WARM, POROUS)) + (two in (WALL, WARM, POROUS)))
        under, over = u[low], u[c]
        stream = (v[c - sa] * da[pa - 1] + v[c] * da[pa]) * across[pa]
        flux = 0.0
        if mine[low] == WALL or mine[c] == WALL:
            # One of the two lies in a solid: a wall, or an opening that brings air without speed along it.
            through = one in (FIXED, OUTLET) or two in (FIXED, OUTLET)
            shut = shut if through else 1.0
            solid = mine[low] == WALL
            if (stream > 0.0) != solid:
                flux = stream * (over if solid else under)
        else:
            last, near = u[low - s], distance[p - 1]
            if mine[low - s] == WALL:
                last, near = _beyond(
                    last, under, near, 2.0 * breadth[p - 1], faces[low - sa], faces[low], v[low - sa], v[low]
                )
            next_, far = u[c + s], distance[p + 1]
            if mine[c + s] == WALL:
                high = c + s
                next_, far = _beyond(
                    next_, over, far, 2.0 * breadth[p], faces[high - sa], faces[high], v[high - sa], v[high]
                )
            mixed = 0.25 * (viscosity[c] + viscosity[c - sa] + viscosity[low] + viscosity[low - sa])
            flux = _edge(
                stream,
                last,
                under,
                over,
                next_,
                near,
                distance[p],
                far,
                0.5 * d[p - 1],
                0.5 * d[p],
                (1.0 - shut) * mixed,
                limited,
            )
        if mine[low] == FREE:
            change[low] -= flux * breadth[p - 1]
            if shut > 0.0:
                past = (over if mine[c] == WALL else 0.0) - under
                change[low] += (
                    shut * past * _shear(abs(past), 0.5 * d[p - 1], molecular, turbulent) / d[p - 1]
                )
        if mine[c] == FREE:
            change[c] += flux * breadth[p]
            if shut > 0.0:
                past = (under if mine[low] == WALL else 0.0) - over
                change[c] += shut * past * _shear(abs(past), 0.5 * d[p], molecular, turbulent) / d[p]


@_part
def _drawn(pressure, c, s, count, width):
    """Acceleration of an outlet's face by the pressure inside; outside it is nothing. count : cells along the axis."""
    p = (c // s) % count
    inside = 0.5 * (width[p] if p == RING else width[p - 1])
    return (pressure[c - s] - pressure[c]) / inside


@_kernel
def accelerate(
    axis,
    shape,
    width,
    gap,
    kind,
    pressure,
    warm,
    after,
    late,
    lift,
    reference,
    base,
    rate,
    step,
    outlet,
    out,
):
    """One component after a stage: base + rate x step with pressure and lift.

    lift : gravity along the axis times expansion, which acts on the temperature above `reference`, a share `late` of
    the way from `warm` to `after`. outlet : faces.
    """
    s = (shape[1] * shape[2], shape[2], 1)[axis]
    n = _length(shape)
    # The temperature at a face is nearer to that of the narrower cell.
    inverse, up = _inverse(gap), _scaled(width, 0.5 * lift)
    reach, low, high, force = np.zeros(n), np.zeros(n), np.zeros(n), np.empty(n)
    if axis == 2:
        for m in range(shape[2] - 2 * RING + 1):
            p = RING + m
            reach[m], low[m], high[m] = inverse[p], up[p] * inverse[p], up[p - 1] * inverse[p]
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            c = (i * shape[1] + j) * shape[2] + RING
            if axis < 2:
                p = i if axis == 0 else j
                reach[:], low[:], high[:] = inverse[p], up[p] * inverse[p], up[p - 1] * inverse[p]
            _pushed(reach, pressure, c, s, force)
            if lift != 0.0:
                _lifted(low, high, warm, 1.0 - late, lift * reference, c, s, force)
                _lifted(low, high, after, late, lift * reference, c, s, force)
            _driven(kind, force, base, rate, step, c, out)
    for c in outlet:
        # Friction is left to what lies inside.
        out[c] = base[c] + step * _drawn(pressure, c, s, shape[axis], width)


@_line
def _pushed(reach, pressure, c, s, out):
    """Acceleration of a row by the pressure. reach : inverse distance."""
    n = len(reach)
    here, back = pressure[c : c + n], pressure[c - s : c - s + n]
    for m in range(n):
        out[m] = (back[m] - here[m]) * reach[m]


@_line
def _lifted(low, high, temperature, share, still, c, s, out):
    """Adds the acceleration by a share of a temperature. low, high : lift of that on either side."""
    n = len(low)
    above, below = temperature[c : c + n], temperature[c - s : c - s + n]
    for m in range(n):
        out[m] += share * (below[m] * low[m] + above[m] * high[m] - still)


@_line
def _driven(kind, force, base, rate, step, c, out):
    """A row of `accelerate` under a force."""
    n = len(force)
    kind, rate, base, out = kind[c : c + n], rate[c : c + n], base[c : c + n], out[c : c + n]
    for m in range(n):
        moved = base[m] + step * (rate[m] + force[m])
        out[m] = moved if kind[m] == FREE else out[m]


@_kernel
def scalar(shape, width, gap, open_, velocity, diffusivity, temperature, limited, change):
    """Rate of the temperature of each cell [K/s] by what passes free faces between free faces.

    open_ : of the three axes, 1 at those faces, else 0; `faces` adds the others.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    n = _length(shape)
    flux, mixed = np.zeros(n + 1), np.empty(n)
    breadth = (_inverse(width[0]), _inverse(width[1]), _inverse(width[2]))
    distance = (_inverse(gap[0]), _inverse(gap[1]), _inverse(gap[2]))
    half = (_scaled(width[0], 0.5), _scaled(width[1], 0.5), _scaled(width[2], 0.5))
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            c = (i * shape[1] + j) * shape[2] + RING
            at = (i, j, RING)
            for axis in range(2, -1, -1):
                s, p, inverse = stride[axis], at[axis], distance[axis]
                stream = velocity[axis][c : c + n]
                below, above = diffusivity[c - s : c - s + n], diffusivity[c : c + n]
                for m in range(n):
                    mixed[m] = 0.5 * (below[m] + above[m])
                if axis == 2:
                    _within(
                        flux, open_[2], stream, mixed, temperature, c, inverse, p, half[2], p - 1, limited
                    )
                    _kept(flux, change, c, breadth[2], p)
                else:
                    _across(
                        flux, open_[axis], stream, mixed, temperature, c, s, inverse[p - 1], inverse[p],
                        inverse[p + 1], half[axis][p - 1], half[axis][p], limited,
                    )  # fmt: skip
                    _passed(flux, change, c, s, breadth[axis][p - 1], breadth[axis][p])


@_kernel
def faces(
    axis, shape, width, gap, kind, velocity, diffusivity, entering, temperature, limited, listed, change
):
    """What `scalar` leaves out along an axis: faces beside walls and openings, porous ones and warm walls, `listed`.

    entering : temperature of what comes in by a fixed face or an outlet, and of warm walls. listed : (face, 2) with
    the place along the axis.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    s = stride[axis]
    mine, v, d, g = kind[axis], velocity[axis], width[axis], gap[axis]
    t, given = temperature, entering[axis]
    for m in range(len(listed)):
        c, p = listed[m]
        low = c - s
        what, under, over, speed = mine[c], t[low], t[c], v[c]
        if what == WARM:
            # One side of it is solid, where the rate means nothing.
            change[low] += 2.0 * diffusivity[low] * (given[c] - under) / (d[p - 1] * d[p - 1])
            change[c] += 2.0 * diffusivity[c] * (given[c] - over) / (d[p] * d[p])
            continue
        if what not in (FREE, POROUS):
            inside = diffusivity[c] > 0.0
            carried = (over if inside else under) if (speed < 0.0) == inside else given[c]
            flux = speed * carried
        else:
            last, near = t[low - s], 1.0 / g[p - 1]
            if mine[low] == WALL:
                last = under
            elif mine[low] not in (FREE, POROUS):
                last, near = given[low], 2.0 / d[p - 1]
            next_, far = t[c + s], 1.0 / g[p + 1]
            if mine[c + s] == WALL:
                next_ = over
            elif mine[c + s] not in (FREE, POROUS):
                next_, far = given[c + s], 2.0 / d[p]
            flux = _edge(
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
                0.5 * (diffusivity[low] + diffusivity[c]) if what == FREE else 0.0,
                limited,
            )
        change[low] -= flux / d[p - 1]
        change[c] += flux / d[p]


@_kernel
def diverging(shape, width, length, velocity, step, source):
    """Source of the pressure's equation in each cell of the box: what flows out of it over the step, negative.

    The greatest flow out of a cell of air; what racks take in and give out is lost and made in their solid cells.
    """
    across, along = shape[1] * shape[2], shape[2]
    n = shape[2] - 2 * RING
    most = np.zeros(n)
    share = -1.0 / step
    dz = width[2][RING : RING + n]
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            c = (i * shape[1] + j) * shape[2] + RING
            u, u_ = velocity[0][c : c + n], velocity[0][c + across : c + across + n]
            v, v_ = velocity[1][c : c + n], velocity[1][c + along : c + along + n]
            w, w_ = velocity[2][c : c + n], velocity[2][c + 1 : c + 1 + n]
            dx, dy = width[0][i], width[1][j]
            into, air = source[i - RING, j - RING], length[c : c + n]
            for m in range(n):
                out = ((u_[m] - u[m]) * dy + (v_[m] - v[m]) * dx) * dz[m] + (w_[m] - w[m]) * (dx * dy)
                into[m] = share * out
            for m in range(n):
                most[m] = max(most[m], abs(into[m]) if air[m] > 0.0 else 0.0)
    return most.max() * step


@_kernel
def project(axis, shape, width, gap, kind, correction, step, outlet, velocity):
    """One component without divergence by the correction of the pressure, which is nothing outside. outlet : faces."""
    s = (shape[1] * shape[2], shape[2], 1)[axis]
    n = _length(shape)
    inverse = _inverse(gap)
    reach = np.zeros(n)
    if axis == 2:
        for m in range(shape[2] - 2 * RING + 1):
            reach[m] = step * inverse[RING + m]
    for i in range(RING, shape[0] - RING + 1):
        for j in range(RING, shape[1] - RING + 1):
            c = (i * shape[1] + j) * shape[2] + RING
            if axis < 2:
                reach[:] = step * inverse[i if axis == 0 else j]
            here, back = correction[c : c + n], correction[c - s : c - s + n]
            what, u = kind[c : c + n], velocity[c : c + n]
            for m in range(n):
                moved = u[m] - (here[m] - back[m]) * reach[m]
                u[m] = moved if what[m] == FREE else u[m]
    for c in outlet:
        velocity[c] += step * _drawn(correction, c, s, shape[axis], width)


@_line
def _eddy(velocity, length, factor, given, c, across, along, out):
    """Eddy viscosity of a row of cells: as given, or where nothing is, factor x speed x length."""
    n = len(out)
    if len(given) > 0:
        out[:] = given[c : c + n]
        return
    u, u_ = velocity[0][c : c + n], velocity[0][c + across : c + across + n]
    v, v_ = velocity[1][c : c + n], velocity[1][c + along : c + along + n]
    w, w_ = velocity[2][c : c + n], velocity[2][c + 1 : c + 1 + n]
    reach = length[c : c + n]
    for m in range(n):
        one, two, three = u[m] + u_[m], v[m] + v_[m], w[m] + w_[m]
        out[m] = 0.5 * factor * math.sqrt(one * one + two * two + three * three) * reach[m]


@_kernel
def hastening(shape, width, velocity, length, molecular, factor, given, prandtl, turbulent_prandtl):
    """Greatest sum of speed over width of any cell, and of that and twice viscosity over width squared [1/s].

    Speeds are means of both faces: as much as leaves the cell where nothing is gained. In place of the viscosity the
    diffusivity, where that is greater.
    """
    still, share = molecular * max(1.0, 1.0 / prandtl), max(1.0, 1.0 / turbulent_prandtl)
    across, along = shape[1] * shape[2], shape[2]
    n = shape[2] - 2 * RING
    stream, rub, eddy, fast = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    inverse = 1.0 / width[2][RING : RING + n]
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            c = (i * shape[1] + j) * shape[2] + RING
            u, u_ = velocity[0][c : c + n], velocity[0][c + across : c + across + n]
            v, v_ = velocity[1][c : c + n], velocity[1][c + along : c + along + n]
            w, w_ = velocity[2][c : c + n], velocity[2][c + 1 : c + 1 + n]
            one, two = 1.0 / width[0][i], 1.0 / width[1][j]
            for m in range(n):
                fast[m] = 0.5 * (
                    (abs(u[m]) + abs(u_[m])) * one
                    + (abs(v[m]) + abs(v_[m])) * two
                    + (abs(w[m]) + abs(w_[m])) * inverse[m]
                )
            for m in range(n):
                stream[m] = max(stream[m], fast[m])
            if factor > 0.0:
                _eddy(velocity, length, factor, given, c, across, along, eddy)
            for m in range(n):
                leading = (still + share * eddy[m]) * (one * one + two * two + inverse[m] * inverse[m])
                rub[m] = max(rub[m], fast[m] + 2.0 * leading)
    return stream.max(), rub.max()


@_kernel
def mixing(
    shape, velocity, length, molecular, factor, given, prandtl, turbulent_prandtl, viscosity, diffusivity
):
    """Viscosity and diffusivity of each fluid cell: molecular, and of eddies as `_eddy`.

    length : distance to the nearest wall [m], 0 in solids, whose diffusivity stays nothing.
    """
    across, along = shape[1] * shape[2], shape[2]
    n = shape[2] - 2 * RING
    eddy = np.zeros(n)
    still, share = molecular / prandtl, 1.0 / turbulent_prandtl
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            c = (i * shape[1] + j) * shape[2] + RING
            if factor > 0.0:
                _eddy(velocity, length, factor, given, c, across, along, eddy)
            reach, rubbing, leading = length[c : c + n], viscosity[c : c + n], diffusivity[c : c + n]
            for m in range(n):
                rubbing[m] = molecular + eddy[m]
                leading[m] = still + share * eddy[m] if reach[m] > 0.0 else 0.0


@_kernel
def advanced(length, base, warm, rate, step, share, out):
    """Temperature of the cells of air after a stage, as in `accelerate`, and of solids as it was."""
    for c in range(len(out)):
        moved = base[c] * (1.0 - share) + (warm[c] + step * rate[c]) * share
        out[c] = moved if length[c] > 0.0 else base[c]


@_kernel
def ahead(now, before, share, out):
    """Values a share of the step before further on."""
    for c in range(len(out)):
        out[c] = now[c] + share * (now[c] - before[c])
