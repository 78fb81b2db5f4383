"""Compiled loops of `thermal.eddies`, on the flat fields of `thermal.compiled.room`."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import math

from thermal.compiled.room import FREE, KAPPA, RING, WALL, WARM, _kernel, _part, _shear

# Launder and Spalding (1974): of the eddy viscosity, of production and decay in the equation of dissipation.
SHARE, GAIN, DECAY = 0.09, 1.44, 1.92
# Greatest eddy viscosity over molecular, and least energy [m^2/s^2]: bounds of what is nearly at rest, assumed.
MOST, LEAST = 1e5, 1e-10


@_part
def _slope(kind, value, c, sa, sb, back, ahead):
    """Change along sb of a component, which stands at faces across sa, at the centre of a cell."""
    here = value[c] + value[c + sa]
    low, high, reach = here, here, 0.0
    if kind[c] == FREE:
        low, reach = value[c - sb] + value[c - sb + sa], back
    if kind[c + sb] == FREE:
        high, reach = value[c + sb] + value[c + sb + sa], reach + ahead
    return 0.5 * (high - low) / reach if reach > 0.0 else 0.0


@_kernel
def strained(shape, width, gap, kind, velocity, length, molecular, energy, viscosity, made, near):
    """Squared rate of strain of each cell [1/s2], in cells at walls what they make of energy [m2/s3], into `made`.

    near : over the distance to walls, mean of those of a cell, in other cells 0 [1/m]. The greatest share of its
    content that a cell loses to its neighbours, with slopes that are limited, is returned [1/s].
    """
    stride = (shape[1] * shape[2], shape[2], 1)
    fastest = 0.0
    root = math.sqrt(math.sqrt(SHARE))
    for i in range(RING, shape[0] - RING):
        for j in range(RING, shape[1] - RING):
            for k in range(RING, shape[2] - RING):
                c = (i * shape[1] + j) * shape[2] + k
                near[c] = made[c] = 0.0
                if length[c] <= 0.0:
                    continue
                at = (i, j, k)
                walls, over, work, away = 0, 0.0, 0.0, 0.0
                friction = root * math.sqrt(energy[c])
                for a in range(3):
                    s, d = stride[a], width[a][at[a]]
                    away += max(abs(velocity[a][c]), abs(velocity[a][c + s])) / d + viscosity[c] / (d * d)
                    for face in (c, c + s):
                        if kind[a][face] == WALL or kind[a][face] == WARM:
                            one, two = (a + 1) % 3, (a + 2) % 3
                            u = 0.5 * (velocity[one][c] + velocity[one][c + stride[one]])
                            v = 0.5 * (velocity[two][c] + velocity[two][c + stride[two]])
                            speed = math.sqrt(u * u + v * v)
                            walls += 1
                            over += 2.0 / d
                            work += (
                                speed * _shear(speed, 0.5 * d, molecular, True) * friction * 2.0 / (KAPPA * d)
                            )
                fastest = max(fastest, 2.0 * away)
                if walls > 0:
                    near[c], made[c] = over / walls, work / walls
                    continue
                for a in range(3):
                    s, d = stride[a], width[a][at[a]]
                    along = (velocity[a][c + s] - velocity[a][c]) / d
                    made[c] += 2.0 * along * along
                    for b in range(a):
                        sb, p, q = stride[b], at[a], at[b]
                        across = _slope(kind[b], velocity[a], c, s, sb, gap[b][q], gap[b][q + 1]) + _slope(
                            kind[a], velocity[b], c, sb, s, gap[a][p], gap[a][p + 1]
                        )
                        made[c] += across * across
    return fastest


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
