"""Compiled loop of porous faces, on the flat fields of `thermal.compiled.airflow`."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

from thermal.compiled.airflow import WALL, _kernel, _shear


@_kernel
def opened(
    axis, other, shape, width, gap, kind, u, viscosity, molecular, turbulent, listed, share, change
):  # fmt: skip
    """Of one component along porous faces across another axis, what friction through their holes has over a wall's.

    `edges` takes them for walls. kind : of the component. u : the component. listed : faces above those edges. share :
    open there.
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    sa, s, d = stride[axis], stride[other], width[other]
    for m in range(len(listed)):
        c = listed[m]
        low, p = c - s, (c // s) % shape[other]
        if kind[low] == WALL or kind[c] == WALL:
            continue
        mixed = 0.25 * (viscosity[c] + viscosity[c - sa] + viscosity[low] + viscosity[low - sa])
        friction = mixed * (u[c] - u[low]) / gap[other][p]
        wall = u[low] * _shear(abs(u[low]), 0.5 * d[p - 1], molecular, turbulent)
        change[low] += share[m] * (friction + wall) / d[p - 1]
        wall = u[c] * _shear(abs(u[c]), 0.5 * d[p], molecular, turbulent)
        change[c] += share[m] * (wall - friction) / d[p]
