"""Compiled loops of `thermal.poisson`, which imports them when a grid is first made.

Arrays are split by colour, as the squares of a chess board: cell (I, J, K) of the box with a rim of one cell around
it is entry [(I + J + K) % 2, I, J, K // 2]. All neighbours of a cell are then of the other colour and, along a row,
side by side, so that half a sweep is a run of vector instructions. Cells of the rim, and solid ones, hold 0 and have
closed faces. Face coefficients stand once, at the cells of colour 0: [side, I, J, K // 2] for the sides low and high
of the first, second and third axis.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

# Sums may be taken in another order than written, or they would not become vector instructions.
FREE = {"reassoc", "contract", "nsz"}


def _kernel(function: Callable[..., Any]) -> Any:
    """Compiled when first called, kept for later processes where there is a folder that may be written."""
    try:
        return njit(cache=True, nogil=True, error_model="numpy", fastmath=FREE)(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy", fastmath=FREE)(function)


# What runs through a loop is a part of it, or the loop would not become vector instructions.
_line = njit(error_model="numpy", fastmath=FREE, forceinline=True)
_part = njit(error_model="numpy", fastmath=FREE)


@_line
def _inflow(face, value, width, colour, i, j, row):
    """What flows into the cells of a colour in a row of `width` cells, into `row`; their first entry and the end."""
    odd = (colour + i + j) & 1
    first, last = 1 - odd, (width - odd) // 2 + 1
    below, other = first - 1 + odd, 1 - colour
    above, end = below + 1, below + last - first
    if colour == 0:
        a, b = face[0, i, j, first:last], face[1, i, j, first:last]
        c, d = face[2, i, j, first:last], face[3, i, j, first:last]
        e, f = face[4, i, j, first:last], face[5, i, j, first:last]
    else:
        a, b = face[1, i - 1, j, first:last], face[0, i + 1, j, first:last]
        c, d = face[3, i, j - 1, first:last], face[2, i, j + 1, first:last]
        e, f = face[5, i, j, below:end], face[4, i, j, above : end + 1]
    p, q = value[other, i - 1, j, first:last], value[other, i + 1, j, first:last]
    r, s = value[other, i, j - 1, first:last], value[other, i, j + 1, first:last]
    t, u = value[other, i, j, below:end], value[other, i, j, above : end + 1]
    own = value[colour, i, j, first:last]
    for m in range(last - first):
        one = own[m]
        flow = a[m] * (p[m] - one) + b[m] * (q[m] - one) + c[m] * (r[m] - one)
        row[m] = flow + (d[m] * (s[m] - one) + e[m] * (t[m] - one) + f[m] * (u[m] - one))
    return first, last


@_kernel
def descend(face, inverse, potential, right, width, halved, coarse):
    """Two sweeps of Gauss and Seidel from nothing, colour 0 first, and the residual added up in the coarse cells.

    width : cells along the last axis. halved : 1 or 2 along each axis. After a sweep the residual of colour 1 is
    nothing. The half sweeps follow each other plane by plane, while what they share is in the cache.
    """
    planes = potential.shape[1] - 2
    row = np.empty(potential.shape[3], potential.dtype)
    coarse[:] = 0.0
    for ahead in range(1, planes + 5):
        if ahead <= planes:
            for j in range(1, potential.shape[2] - 1):
                own, source, share = potential[0, ahead, j], right[0, ahead, j], inverse[0, ahead, j]
                for m in range(len(own)):
                    own[m] = share[m] * source[m]
                potential[1, ahead, j] = 0.0
        for half in range(1, 5):
            i, colour = ahead - half, half & 1
            if i < 1 or i > planes:
                continue
            for j in range(1, potential.shape[2] - 1):
                first, last = _inflow(face, potential, width, colour, i, j, row)
                source = right[colour, i, j, first:last]
                if half < 4:
                    own, share = potential[colour, i, j, first:last], inverse[colour, i, j, first:last]
                    for m in range(last - first):
                        own[m] += share[m] * (source[m] + row[m])
                    continue
                ic, jc = (i - 1) // halved[0] + 1, (j - 1) // halved[1] + 1
                if halved[2] == 1:
                    into = coarse[(ic + jc + first + 1) & 1, ic, jc, first:last]
                    for m in range(last - first):
                        into[m] += source[m] + row[m]
                else:
                    odd, even = coarse[(ic + jc + 1) & 1, ic, jc], coarse[(ic + jc) & 1, ic, jc]
                    for m in range((last - first + 1) // 2):
                        odd[m] += source[2 * m] + row[2 * m]
                    for m in range((last - first) // 2):
                        even[m + 1] += source[2 * m + 1] + row[2 * m + 1]


@_kernel
def ascend(face, inverse, potential, right, width, halved, coarse):
    """The correction of the coarse cells and two sweeps, colour 1 first: the mirror image of `descend`.

    Colour 1 needs no correction, for its first sweep does not depend on what stood there.
    """
    planes = potential.shape[1] - 2
    row = np.empty(potential.shape[3], potential.dtype)
    for ahead in range(1, planes + 5):
        if ahead <= planes:
            for j in range(1, potential.shape[2] - 1):
                first = 1 - ((ahead + j) & 1)
                last = (width + first - 1) // 2 + 1
                own = potential[0, ahead, j, first:last]
                ic, jc = (ahead - 1) // halved[0] + 1, (j - 1) // halved[1] + 1
                if halved[2] == 1:
                    out = coarse[(ic + jc + first + 1) & 1, ic, jc, first:last]
                    for m in range(last - first):
                        own[m] += out[m]
                else:
                    odd, even = coarse[(ic + jc + 1) & 1, ic, jc], coarse[(ic + jc) & 1, ic, jc]
                    for m in range((last - first + 1) // 2):
                        own[2 * m] += odd[m]
                    for m in range((last - first) // 2):
                        own[2 * m + 1] += even[m + 1]
        for half in range(1, 5):
            i, colour = ahead - half, half & 1
            if i < 1 or i > planes:
                continue
            for j in range(1, potential.shape[2] - 1):
                first, last = _inflow(face, potential, width, colour, i, j, row)
                own, source = potential[colour, i, j, first:last], right[colour, i, j, first:last]
                share = inverse[colour, i, j, first:last]
                for m in range(last - first):
                    own[m] += share[m] * (source[m] + row[m])


@_kernel
def advance(face, width, fresh, share, direction, outflow):
    """The next direction, fresh + share of the last, and what flows out along it; their product."""
    planes = direction.shape[1] - 2
    row = np.empty(direction.shape[3], direction.dtype)
    total = 0.0
    for ahead in range(1, planes + 2):
        for colour in range(2):
            for j in range(1, direction.shape[2] - 1):
                if ahead <= planes:
                    along, new = direction[colour, ahead, j], fresh[colour, ahead, j]
                    for m in range(len(along)):
                        along[m] = new[m] + share * along[m]
        if ahead == 1:
            continue
        for colour in range(2):
            for j in range(1, direction.shape[2] - 1):
                first, last = _inflow(face, direction, width, colour, ahead - 1, j, row)
                own = direction[colour, ahead - 1, j, first:last]
                flow = outflow[colour, ahead - 1, j, first:last]
                for m in range(last - first):
                    flow[m] = -row[m]
                    total -= row[m] * own[m]
    return total


@_kernel
def remainder(face, width, potential, source, residual):
    """Source less what flows out; the square of its norm."""
    row = np.empty(potential.shape[3], potential.dtype)
    total = 0.0
    for i in range(1, potential.shape[1] - 1):
        for colour in range(2):
            for j in range(1, potential.shape[2] - 1):
                first, last = _inflow(face, potential, width, colour, i, j, row)
                left, given = residual[colour, i, j, first:last], source[colour, i, j, first:last]
                for m in range(last - first):
                    one = given[m] + row[m]
                    left[m] = one
                    total += one * one
    return total


@_kernel
def products(fresh, residual, outflow):
    """Of all entries: fresh times residual, and fresh times outflow."""
    one = other = 0.0
    for m in range(len(fresh)):
        one += fresh[m] * residual[m]
        other += fresh[m] * outflow[m]
    return one, other


@_kernel
def step(length, direction, outflow, potential, residual):
    """A step along the direction; the square of the norm of the residual behind it."""
    total = 0.0
    for m in range(len(potential)):
        potential[m] += length * direction[m]
        left = residual[m] - length * outflow[m]
        residual[m] = left
        total += left * left
    return total


@_part
def _root(parent, cell):
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@_kernel
def parts(face, parent):
    """Numbers from 1 the parts that open faces join and that no outlet drains; 0 at all other cells. How many.

    parent : of all entries, each its own number, and 0 for solid cells and the rim; becomes the number of the part.
    """
    planes, rows, entries = face.shape[1:]
    size = planes * rows * entries
    for i in range(planes):
        for j in range(rows):
            odd = (i + j) & 1
            for m in range(entries):
                cell = (i * rows + j) * entries + m
                for side in range(6):
                    if face[side, i, j, m] > 0.0:
                        away = 2 * (side & 1) - 1
                        if side < 2:
                            other = cell + away * rows * entries
                        elif side < 4:
                            other = cell + away * entries
                        else:
                            other = cell + odd - 1 + (side & 1)
                        one, two = _root(parent, cell), _root(parent, size + other)
                        parent[max(one, two)] = min(one, two)
    count = 0
    for cell in range(len(parent)):
        # What stands before has its number already, marked by a minus.
        above = parent[cell]
        if above > 0 and above < cell:
            parent[cell] = parent[above]
        elif above > 0:
            count += 1
            parent[cell] = -count
    for cell in range(len(parent)):
        parent[cell] = -parent[cell]
    return count


@_kernel
def sums(part, value, total, size):
    """Adds the values of every part, and their magnitudes."""
    for m in range(len(value)):
        total[part[m]] += value[m]
        size[part[m]] += abs(value[m])


@_kernel
def shift(part, value, by):
    """Takes a number of each part from its values."""
    for m in range(len(value)):
        value[m] -= by[part[m]]
