"""Compiled loops of `thermal.frozen`, on fields of the cells (nx, ny, nz) and flows of the faces across each axis."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import numpy as np

from thermal.compiled.airflow import _kernel, _line


@_line
def _brought(x, y, given, warm, i, j, row):
    """What is given to the cells of a row and comes from beside it, into `row`; through the box itself passes none."""
    one, two, three = warm.shape
    low, high = warm[max(i - 1, 0), j], warm[min(i + 1, one - 1), j]
    front, back = warm[i, max(j - 1, 0)], warm[i, min(j + 1, two - 1)]
    a, b, c, d, own = x[i, j], x[i + 1, j], y[i, j], y[i, j + 1], given[i, j]
    for k in range(three):
        across = max(a[k], 0.0) * low[k] + max(-b[k], 0.0) * high[k]
        row[k] = own[k] + across + (max(c[k], 0.0) * front[k] + max(-d[k], 0.0) * back[k])


@_kernel
def sweep(x, y, z, leaving, given, warm, back):
    """Every cell as warm as what comes into it makes it, one after the other, in place.

    back : whether the way along x, y and z is backward. Of a row only what comes from the cell before waits for it.
    """
    one, two, three = warm.shape
    rest, share = np.empty(three), np.empty(three)
    for m in range(one):
        i = one - 1 - m if back[0] else m
        for n in range(two):
            j = two - 1 - n if back[1] else n
            _brought(x, y, given, warm, i, j, rest)
            flow, out, own = z[i, j], leaving[i, j], warm[i, j]
            if back[2]:
                for k in range(1, three):
                    rest[k] += max(flow[k], 0.0) * own[k - 1]
                for k in range(three):
                    per = 1.0 / out[k] if out[k] > 0.0 else 0.0
                    rest[k] *= per
                    share[k] = max(-flow[k + 1], 0.0) * per
                last = 0.0
                for k in range(three - 1, -1, -1):
                    last = rest[k] + share[k] * last
                    own[k] = last
            else:
                for k in range(three - 1):
                    rest[k] += max(-flow[k + 1], 0.0) * own[k + 1]
                for k in range(three):
                    per = 1.0 / out[k] if out[k] > 0.0 else 0.0
                    rest[k] *= per
                    share[k] = max(flow[k], 0.0) * per
                last = 0.0
                for k in range(three):
                    last = rest[k] + share[k] * last
                    own[k] = last


@_kernel
def left(x, y, z, leaving, given, warm):
    """Of what comes into the cells, all that they do not give off, or give off too much."""
    one, two, three = warm.shape
    row, total = np.empty(three), 0.0
    for i in range(one):
        for j in range(two):
            _brought(x, y, given, warm, i, j, row)
            flow, out, own = z[i, j], leaving[i, j], warm[i, j]
            for k in range(three):
                below, above = max(k - 1, 0), min(k + 1, three - 1)
                come = row[k] + max(flow[k], 0.0) * own[below] + max(-flow[k + 1], 0.0) * own[above]
                if out[k] > 0.0:
                    total += abs(come - out[k] * own[k])
    return total
