"""Compiled loops of the carried turbulence of `thermal.airflow`, on the flat fields of `thermal.compiled.airflow`."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import math

import numpy as np

from thermal.compiled.airflow import FREE, KAPPA, RING, WALL, WARM, _kernel, _line, _shear

# Launder and Spalding (1974): of the eddy viscosity, of production and decay in the equation of dissipation.
SHARE, GAIN, DECAY = 0.09, 1.44, 1.92
# Greatest eddy viscosity over molecular, and least energy [m^2/s^2]: bounds of what is nearly at rest, assumed.
MOST, LEAST = 1e5, 1e-10


@_line
def _slopes(out, kind, value, c, sa, sb, back, ahead):
    """Change along sb of a component, which stands at faces across sa, at the centres of a row of cells.

    back, ahead : distance to the cells before and after along sb, which count where free faces lead to them.
    """
    n = len(out)
    first, second = kind[c : c + n], kind[c + sb : c + sb + n]
    one, two = value[c : c + n], value[c + sa : c + sa + n]
    low, low_ = value[c - sb : c - sb + n], value[c - sb + sa : c - sb + sa + n]
    high, high_ = value[c + sb : c + sb + n], value[c + sb + sa : c + sb + sa + n]
    for m in range(n):
        here = one[m] + two[m]
        over = high[m] + high_[m] if second[m] == FREE else here
        under = low[m] + low_[m] if first[m] == FREE else here
        reach = (ahead[m] if second[m] == FREE else 0.0) + (back[m] if first[m] == FREE else 0.0)
        out[m] = 0.5 * (over - under) / (reach if reach > 0.0 else 1.0)


@_kernel
def strained(shape, width, gap, kind, velocity, length, viscosity, made):
    """Squared rate of strain of each cell of air, twice the sum of that of all pairs of axes [1/s2], into `made`.

    The greatest share of its content that a cell may lose to its neighbours, by slopes that are limited, is returned
    [1/s].
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    n = shape[2] - 2 * RING
    most, away = np.zeros(n), np.zeros(n)
    one, two = np.zeros(n), np.zeros(n)
    size = np.empty((3, n))
    back, ahead = np.empty((3, n)), np.empty((3, n))
    size[2] = width[2][RING : RING + n]
    back[2], ahead[2] = gap[2][RING : RING + n], gap[2][RING + 1 : RING + 1 + n]
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            c = (i * shape[1] + j) * shape[2] + RING
            at = (i, j)
            for a in range(2):
                size[a] = width[a][at[a]]
                back[a], ahead[a] = gap[a][at[a]], gap[a][at[a] + 1]
            air, rub, out = length[c : c + n], viscosity[c : c + n], made[c : c + n]
            out[:] = 0.0
            away[:] = 0.0
            for a in range(3):
                s, d = stride[a], size[a]
                low, high = velocity[a][c : c + n], velocity[a][c + s : c + s + n]
                for m in range(n):
                    along = (high[m] - low[m]) / d[m]
                    out[m] += 2.0 * along * along
                    away[m] += max(abs(low[m]), abs(high[m])) / d[m] + rub[m] / (d[m] * d[m])
                for b in range(a):
                    _slopes(one, kind[b], velocity[a], c, s, stride[b], back[b], ahead[b])
                    _slopes(two, kind[a], velocity[b], c, stride[b], s, back[a], ahead[a])
                    for m in range(n):
                        across = one[m] + two[m]
                        out[m] += across * across
            for m in range(n):
                out[m] = out[m] if air[m] > 0.0 else 0.0
                most[m] = max(most[m], 2.0 * away[m] if air[m] > 0.0 else 0.0)
    return most.max()


@_kernel
def rubbed(shape, width, kind, velocity, molecular, energy, cells, made, near):
    """What walls make of energy in the cells beside them, mean of their walls [m2/s3], into `made`.

    near : one over the distance to walls, likewise [1/m].
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    root = math.sqrt(math.sqrt(SHARE))
    for c in cells:
        at = (c // stride[0], (c // stride[1]) % shape[1], c % shape[2])
        walls, over, work = 0, 0.0, 0.0
        friction = root * math.sqrt(energy[c])
        for a in range(3):
            s, half = stride[a], 0.5 * width[a][at[a]]
            b, d = (a + 1) % 3, (a + 2) % 3
            u = 0.5 * (velocity[b][c] + velocity[b][c + stride[b]])
            v = 0.5 * (velocity[d][c] + velocity[d][c + stride[d]])
            speed = math.sqrt(u * u + v * v)
            for face in (c, c + s):
                if kind[a][face] == WALL or kind[a][face] == WARM:
                    walls += 1
                    over += 1.0 / half
                    work += speed * _shear(speed, half, molecular, True) * friction / (KAPPA * half)
        near[c], made[c] = over / walls, work / walls


@_kernel
def turned(length, made, near, molecular, step, carried, lost, energy, dissipation):
    """Energy and dissipation of cells of air a step later, in place. carried, lost : rates by what passes faces.

    What decays is taken at the end of the step, so that nothing falls below zero.
    """
    wall = SHARE**0.75 / KAPPA
    for c in range(len(length)):
        if length[c] <= 0.0:
            continue
        k, e = energy[c], dissipation[c]
        pace = e / k
        work = made[c] if near[c] > 0.0 else SHARE * k / pace * made[c]
        k = max((k + step * (carried[c] + work)) / (1.0 + step * pace), LEAST)
        if near[c] > 0.0:
            e = wall * k * math.sqrt(k) * near[c]
        else:
            e = (e + step * (lost[c] + GAIN * pace * work)) / (1.0 + step * DECAY * pace)
        energy[c], dissipation[c] = k, max(e, SHARE * k * k / (MOST * molecular))
