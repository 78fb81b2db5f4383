"""A module of a data centre against its measurements: the air solver `thermal.airflow` in a room of racks and coolers.

As a program it prints the figures.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from thermal.airflow import Air, KEpsilon, step, still, time_step
from thermal.room import Face, faces, room

# A script finds its neighbours by itself, one that is collected with the tests does not.
sys.path.append(str(Path(__file__).parent))
from rooms import fitted, middles, nothing  # type: ignore[import-not-found, unused-ignore]

# Module of a data centre, Wibron, Ljung and Lundstrom, Energies 11(3) 644, 2018. Speed of what coolers blow [m/s] and
# its temperature [degC], speed and heat of racks [W]: tables 1 and 2. Temperatures at rack fronts and speeds over
# heights on lines in the hot aisle and before a cooler: figures 6 and 7, read by others from the vector graphics to
# 0.03 K and 0.007 m/s; racks 5 and 6 have no reading.
MODULE = 5.084, 6.484, 3.150  # along the rows, across, height
COOLED = ((0.61, 19.7), (0.62, 20.0), (0.59, 19.8), (0.62, 19.9))
HEATED = ((0.40, 5180.0), (0.46, 5194.0), (0.47, 5161.0), (0.45, 5152.0), (0.26, 0.0), (0.41, 1762.0), (0.38, 5194.0),
          (0.43, 5266.0), (0.42, 5326.0), (0.39, 5198.0))  # fmt: skip
FRONTS = {1: 20.15, 2: 20.22, 3: 20.13, 4: 20.08, 7: 20.25, 8: 20.10, 9: 20.07, 10: 20.12}
LINES = {
    "L1": ((0.506, 0.480), (0.998, 0.703), (1.504, 0.911)),
    "L2": ((0.506, 0.501), (0.998, 0.668), (1.504, 0.960)),
    "L3": ((0.506, 0.487), (0.998, 0.570), (1.504, 0.668)),
    "L4": ((0.506, 0.252), (0.998, 0.266), (1.504, 0.140), (1.996, 0.182)),
    "L5": ((0.506, 0.466), (0.998, 0.522), (1.504, 0.550), (1.996, 0.146)),
}
SENSOR = 1.09  # of temperatures, over the lower edge of the doors, which is taken for the floor [m]
# Width, depth and height of a cabinet, and of its servers the width and lower edge; depth, width and height of a
# cooler, and of its mouth the width, lower and upper edge [m].
CABINET, SERVERS = (0.6, 1.08, 2.22), (0.45, 0.1)
COOLER, MOUTH = (0.51, 1.225, 2.55), (1.0, 0.1, 1.875)
UNITS = (36, 36, 36, 36, 2, 12, 36, 36, 36, 36)  # of height, of what blows in a rack
UNIT = 0.04445  # [m]
MODULE_AIR = 1.204, 1004.4  # at 20 degC [kg/m3], and as in the source [J/kg/K]


def wibron(
    until: float = 240.0,
    start: float = 60.0,
    width: float = 0.15,
    aisle: float = 1.2,
    coolers: float = 0.6,
    moved: float = 0.15,
    carried: KEpsilon | None = None,
    mouth_width: float = MOUTH[0],
) -> dict[str, Any]:
    """A module of ten racks and four coolers against its measurements; means from `start` to `until` [s].

    The source gives the room, names, flows and heats, and says that racks 5 and 6 stand at the wall, coolers 1 and 3 at
    the ends of the rows, and lines 1 to 3 behind racks in the hot aisle; where things stand is in a perspective picture
    alone. As in the source, openings blow evenly and nothing inside of racks and coolers is modelled. Deduced:
    - Servers fill 0.45 x 1.60 m of a cabinet, 18 of 2 units: the area that the published rises of temperature give,
      0.72 m2, is just that; rack 6 blows through 12 units. They begin 0.1 m over the floor: there the published
      computed profile behind a rack sets in, and it ends at 1.7 m.
    - The rows stand along the shorter side: across the other the coolers would leave aisles of 0.6 m.
    Sizes of coolers, their mouths and the cabinets, 0.6 m from the wall to the first cooler and 0.45 m between two are
    those of a public model of the neighbouring module (jsjolund/rafsine). Assumed: the hot aisle is `aisle` wide and
    in the middle, both rows face two coolers `coolers` from the wall, that blow through the whole mouth and draw at
    the whole top. The opening of the empty rack 5 has 2 units. The door has the height of the racks. Lines: L1 and L2
    0.2 m behind racks 9 and 2, whose speeds fit the published profiles there, L3 in the middle of the hot aisle and
    of the rows, L4 0.3 m before the door, L5 in front of cooler 1 in the middle of the cold aisle. The switchgear and
    the UPS, whose places and sizes are not known, are left out.

    carried : turbulence in place of that of speed and distance. mouth_width : of coolers; near 40 % of return
    temperature index, as the same authors print for that module and coolers of this kind (Energies 12(8) 1473, 2019),
    ask for 2.2 m2 of mouth, which the whole front of 1.225 m has, and not the 1.8 m2 here. Cells are about `width`
    wide; openings are whole cells, with the flow of the true ones. A speed is the mean of its amount, as the probe in
    all directions takes it. `moved` : lines are moved by it along and across [m].
    Gates: 1 K at the fronts, 0.1 m/s on L3 and L5; the other lines the source itself calls sensitive to their place.
    """
    density, capacity = MODULE_AIR
    row = 5 * CABINET[0]
    backs = 0.5 * (MODULE[1] - aisle), 0.5 * (MODULE[1] + aisle)
    fronts = backs[0] - CABINET[1], backs[1] + CABINET[1]
    standing = [coolers + n * (COOLER[1] + 0.45) for n in (1, 0, 1, 0)]
    blades = [CABINET[0] * (n + 0.5) + half * SERVERS[0] for n in range(5) for half in (-0.5, 0.5)]
    edges = (
        fitted(width, 0.0, *blades, row, MODULE[0]),
        fitted(width, 0.0, COOLER[0], fronts[0], *backs, fronts[1], MODULE[1] - COOLER[0], MODULE[1]),
        fitted(width, 0.0, SERVERS[1], 1.7, MOUTH[2], CABINET[2], COOLER[2], MODULE[2]),
    )
    x, y, z = (middles(line) for line in edges)
    widths = [np.diff(line) for line in edges]

    def cells(axis: int, low: float, high: float) -> slice:
        """Those between the edges nearest to two places."""
        return slice(*(int(np.abs(edges[axis] - at).argmin()) for at in (low, high)))

    solid = np.zeros((len(x), len(y), len(z)), dtype=bool)
    low, tall = cells(2, 0.0, CABINET[2]), cells(2, 0.0, COOLER[2])
    for back, front in zip(backs, fronts, strict=True):
        solid[cells(0, 0.0, row), cells(1, *sorted((back, front))), low] = True
    sides = (0.0, COOLER[0]), (MODULE[1] - COOLER[0], MODULE[1])
    for n, at in enumerate(standing):
        solid[cells(0, at, at + COOLER[1]), cells(1, *sides[n // 2]), tall] = True
    kinds = faces(solid.shape, solid)
    kinds[0][cells(0, row, row).start, cells(1, *backs), low] = Face.WALL

    def opening(axis: int, *span: Any) -> tuple[int, tuple[Any, ...]]:
        """Axis and index of the faces of an opening, from its spans along x, y and z; across the axis a place."""
        place = [
            cells(n, *one) if isinstance(one, tuple) else cells(n, one, one).start
            for n, one in enumerate(span)
        ]
        return axis, tuple(place)

    # Two openings, way of the air, flow [m3/s], and what racks add or coolers blow [K], [degC].
    racks, blown = [], []
    for n, ((speed, heat), units) in enumerate(zip(HEATED, UNITS, strict=True)):
        side = n // 5
        middle = CABINET[0] * (4.5 - n if side == 0 else n - 4.5)
        across = middle - 0.5 * SERVERS[0], middle + 0.5 * SERVERS[0]
        upright = SERVERS[1], SERVERS[1] + max(units * UNIT, 0.1)
        flow = speed * SERVERS[0] * units * UNIT
        taken, given = (opening(1, across, at, upright) for at in (fronts[side], backs[side]))
        racks.append((taken, given, 1.0 - 2.0 * side, flow, heat / (density * capacity * flow)))
    for n, (speed, warm) in enumerate(COOLED):
        side, at = n // 2, standing[n] + 0.5 * (COOLER[1] - mouth_width)
        inner = COOLER[0] if side == 0 else MODULE[1] - COOLER[0]
        mouth = opening(1, (at, at + mouth_width), inner, MOUTH[1:])
        top = opening(2, (standing[n], standing[n] + COOLER[1]), sides[side], COOLER[2])
        blown.append((mouth, top, 1.0 - 2.0 * side, speed * mouth_width * (MOUTH[2] - MOUTH[1]), warm))
    for one, other, *_ in racks + blown:
        for axis, place in (one, other):
            kinds[axis][place] = Face.FIXED

    made, law = room(edges, kinds, solid), Air(reference=20.0, carried=carried)
    state, entering = still(made, 20.0), nothing(made)

    def through(axis: int, place: tuple[Any, ...], flow: float) -> None:
        spans = [widths[n][one] for n, one in enumerate(place) if isinstance(one, slice)]
        made.of_faces(axis, state.velocity[axis])[place] = flow / float(np.outer(*spans).sum())

    for taken, given, way, flow, _ in racks:
        through(*taken, way * flow)
        through(*given, way * flow)
    for mouth, top, way, flow, warm in blown:
        through(*mouth, way * flow)
        through(*top, -flow)
        made.of_faces(1, entering[1])[mouth[1]] = warm
    rear = made.of_faces(1, entering[1])
    inside = [(*taken[1][:1], taken[1][1] - (way > 0), taken[1][2]) for taken, _, way, *_ in racks]
    above = [(*top[1][:2], top[1][2]) for _, top, *_ in blown]

    speeds, warmth = np.zeros(solid.shape), np.zeros(solid.shape)
    returned, lengths = np.zeros(len(blown)), 0.0
    state, steps, begun = step(made, law, state, entering, 1e-3), 0, time.process_time()
    while state.time < until:
        air = made.of_cells(state.temperature)
        for (_, given, *_, rise), one in zip(racks, inside, strict=True):
            rear[given[1]] = air[one].mean() + rise
        length = time_step(made, law, state)
        if state.time >= start:
            square = np.zeros(solid.shape)
            for axis in range(3):
                face = np.moveaxis(made.of_faces(axis, state.velocity[axis]), axis, 0)
                square += np.moveaxis(0.5 * (face[1:] + face[:-1]), 0, axis) ** 2
            speeds += length * np.sqrt(square)
            warmth += length * air
            returned += length * np.array([air[one].mean() for one in above])
            lengths += length
        state = step(made, law, state, entering, length)
        steps += 1
    seconds = time.process_time() - begun
    seen = RegularGridInterpolator((x, y, z), speeds / lengths)
    warmth, returned = warmth / lengths, returned / lengths

    def line(name: str, at: float, across: float) -> np.ndarray:
        heights, measured = np.array(LINES[name]).T
        return np.asarray(seen([(at, across, height) for height in heights])) - measured

    halfway = 0.5 * (COOLER[0] + fronts[0])
    places = {
        "L1": (3.5 * CABINET[0], backs[1] - 0.2),
        "L2": (3.5 * CABINET[0], backs[0] + 0.2),
        "L3": (0.5 * row, 0.5 * MODULE[1]),
        "L4": (row + 0.3, 0.5 * MODULE[1]),
        "L5": (standing[0] + 0.5 * COOLER[1], halfway),
    }
    off = {name: line(name, *place) for name, place in places.items()}
    shifts = [(i * moved, j * moved) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    around = {
        name: [float(np.abs(line(name, at + i, across + j)).max()) for i, j in shifts]
        for name, (at, across) in places.items()
    }
    hot = [
        (i, j)
        for i in np.arange(0.1, row - 0.05, 0.1)
        for j in np.arange(backs[0] + 0.1, backs[1] - 0.05, 0.1)
    ]
    height = int(np.abs(z - SENSOR).argmin())
    front = {
        n + 1: float(warmth[(place[0].start + place[0].stop) // 2, place[1], height])
        for n, place in enumerate(inside)
    }
    worst = max(abs(front[n] - value) for n, value in FRONTS.items())
    gained = (
        sum(one[3] * (warm - one[4]) for one, warm in zip(blown, returned, strict=True)) * density * capacity
    )
    ahead = [
        (i, j)
        for i in np.arange(standing[0] + 0.1, standing[0] + COOLER[1] - 0.05, 0.1)
        for j in np.arange(COOLER[0] + 0.1, fronts[0] - 0.05, 0.1)
    ]

    def fit(name: str, places: list[tuple[float, float]]) -> float:
        return float(np.mean([np.abs(line(name, *place)).max() <= 0.1 for place in places]))

    return {
        "cells": solid.size,
        "worst_front_k": worst,
        "fronts_k": {n: round(front[n] - value, 2) for n, value in FRONTS.items()},
        "off_m_s": {name: [round(float(one), 3) for one in values] for name, values in off.items()},
        "worst_l3_m_s": float(np.abs(off["L3"]).max()),
        "worst_l5_m_s": float(np.abs(off["L5"]).max()),
        "worst_of_moved_lines_m_s": {name: [round(min(one), 3), round(max(one), 3)] for name, one in around.items()},
        "share_of_hot_aisle_that_fits_l3": fit("L3", hot),
        "share_before_cooler_1_that_fits_l5": fit("L5", ahead),
        "heat_found_in_return": gained / sum(heat for _, heat in HEATED),
        "cpu_s_per_simulated_s": seconds / until,
        "steps": steps,
        "inside": bool(worst <= 1.0 and max(np.abs(off["L3"]).max(), np.abs(off["L5"]).max()) <= 0.1),
    }  # fmt: skip


def measure() -> dict[str, Any]:
    """The module; processor seconds of this process on one thread."""
    begun = time.process_time()
    found = {f"wibron_{key}": value for key, value in wibron().items()}
    return found | {"wibron_cpu_s": time.process_time() - begun}


if __name__ == "__main__":
    for key, value in measure().items():
        print(key, value)
