"""Compiled sweeps of `electrical.tree`, which imports them when a flow is first asked for.

Scenarios stand side by side in lanes, rows one after the other in the order of a walk through the trees, so
that one row is a few vector instructions and the row above is still in the cache. A lane is arithmetic of
its own and stops by its own change: what its neighbours hold does not alter a bit of it.

A work array is (row, 2, lane), real part first, and begins with a row for the source of each tree; the rows
of the `Table` follow. Voltages are per unit of nominal and currents are watts per unit of voltage. What is
(lane,) of a kernel's arguments is of one group of scenarios, from `first` on.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import numpy as np
from numba import config, njit

from electrical.compiled.kernel import kernel

# Interpreted, as for coverage, each lane costs as much as a scenario.
LANES = 2 if config.DISABLE_JIT else 32  # type: ignore[attr-defined]

# Why a scenario has no state, as in `electrical.tree.Reason`.
SETTLED, COLLAPSED, UNSETTLED, UNDEFINED = range(4)


_kernel = kernel(nogil=True, error_model="numpy")
# Parts are compiled inside their kernel alone: a function of its own would be compiled there once more.
_part = njit(inline="always", error_model="numpy")


@_kernel
def settle(table, power, reactive, first, tolerance, iterations, demand, voltage, current, tie, reason):
    """Sweeps until each scenario of a group has settled or failed; `reason` (lane,) says which.

    power, reactive : (scenario, node) loads; the last scenario stands again in lanes left over. voltage, current,
    tie (tie, 2, lane) : what to begin with and what is found. demand : (row, 2, lane) to work with.
    The error left is estimated as that of a series in which the changes go on to shrink as they did, by the
    slower of the last two rates.
    """
    loaded = np.empty(len(table.node), dtype=np.bool_)
    still, change, low = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    before, rate, gap = np.empty(LANES), np.empty(LANES), np.empty_like(tie)
    for lane in range(LANES):
        before[lane] = np.inf
        rate[lane] = 0.0
        reason[lane] = UNSETTLED
    _gather(table, power, reactive, first, demand, loaded, reason)
    # Sweep 0 leaves all voltages still: it only draws the currents that belong to the first ones.
    for lane in range(LANES):
        still[lane] = 1.0
    for sweep in range(iterations + 1):
        for lane in range(LANES):
            change[lane] = 0.0
            low[lane] = np.inf
        _down(table, demand, loaded, still, voltage, current, change, low)
        _close(table, still, voltage, current, tie, gap, change)
        _up(table, current)
        moving = 0
        for lane in range(LANES):
            if sweep == 0:
                still[lane] = 1.0 if reason[lane] == UNDEFINED else 0.0
                moving += 1
            elif still[lane] == 0.0:
                drawn = 0.0
                for root in range(len(table.source)):
                    drawn += abs(current[root, 0, lane]) + abs(current[root, 1, lane])
                latest = change[lane] / before[lane]
                slower = max(latest, rate[lane])
                before[lane] = change[lane]
                rate[lane] = latest
                error = change[lane]
                if sweep > 1 and error > 0.0:
                    error = error * slower / (1.0 - slower) if slower < 1.0 else np.inf
                if not (low[lane] > 0.0 and drawn < np.inf):
                    reason[lane] = COLLAPSED
                    still[lane] = 1.0
                elif error <= tolerance:
                    reason[lane] = SETTLED
                    still[lane] = 1.0
                else:
                    moving += 1
        if moving == 0:
            break


@_part
def _gather(table, power, reactive, first, demand, loaded, reason):
    """Loads of the group into lanes; loaded (row,) is set where any of the lanes draws."""
    last = len(power) - 1
    for row in range(len(table.node)):
        node = table.node[row]
        drawing = False
        for lane in range(LANES):
            scenario = min(first + lane, last)
            active = power[scenario, node]
            idle = reactive[scenario, node]
            demand[row, 0, lane] = active
            demand[row, 1, lane] = idle
            if active != 0.0 or idle != 0.0:
                drawing = True
                if not (abs(active) + abs(idle) < np.inf):
                    reason[lane] = UNDEFINED
        loaded[row] = drawing


@_part
def _down(table, demand, loaded, still, voltage, current, change, low):
    """From the sources to the leaves: voltages from the branch currents, then each row's own current.

    still (lane,) : not zero where the voltages stay. change, low (lane,) : largest change of a part of a
    voltage and lowest real part, taken on.
    """
    roots = len(table.source)
    for row in range(len(table.node)):
        here = roots + row
        above = table.above[row]
        resistance = table.resistance[row]
        reactance = table.reactance[row]
        for lane in range(LANES):
            inphase = current[here, 0, lane]
            crossed = current[here, 1, lane]
            real = voltage[above, 0, lane] - (resistance * inphase - reactance * crossed)
            imaginary = voltage[above, 1, lane] - (resistance * crossed + reactance * inphase)
            real_before = voltage[here, 0, lane]
            imaginary_before = voltage[here, 1, lane]
            moved = max(abs(real - real_before), abs(imaginary - imaginary_before))
            change[lane] = moved if moved > change[lane] else change[lane]
            low[lane] = real if real < low[lane] else low[lane]
            voltage[here, 0, lane] = real_before if still[lane] != 0.0 else real
            voltage[here, 1, lane] = imaginary_before if still[lane] != 0.0 else imaginary
        if loaded[row]:
            for lane in range(LANES):
                real = voltage[here, 0, lane]
                imaginary = voltage[here, 1, lane]
                scale = 1.0 / (real * real + imaginary * imaginary)
                active = demand[row, 0, lane] * scale
                idle = demand[row, 1, lane] * scale
                current[here, 0, lane] = active * real + idle * imaginary
                current[here, 1, lane] = active * imaginary - idle * real
        else:
            for lane in range(LANES):
                current[here, 0, lane] = 0.0
                current[here, 1, lane] = 0.0
        if table.shunted[row]:
            conductance = table.conductance[row]
            susceptance = table.susceptance[row]
            for lane in range(LANES):
                real = voltage[here, 0, lane]
                imaginary = voltage[here, 1, lane]
                current[here, 0, lane] += conductance * real - susceptance * imaginary
                current[here, 1, lane] += conductance * imaginary + susceptance * real


@_part
def _close(table, still, voltage, current, tie, gap, change):
    """Currents of the ties from the gap that their drops leave between the voltages of their ends."""
    for one in range(len(tie)):
        start = table.tie_ends[0, one]
        end = table.tie_ends[1, one]
        resistance = table.tie_resistance[one]
        reactance = table.tie_reactance[one]
        for lane in range(LANES):
            inphase = tie[one, 0, lane]
            crossed = tie[one, 1, lane]
            real = voltage[start, 0, lane] - voltage[end, 0, lane]
            imaginary = voltage[start, 1, lane] - voltage[end, 1, lane]
            real -= resistance * inphase - reactance * crossed
            imaginary -= resistance * crossed + reactance * inphase
            moved = max(abs(real), abs(imaginary))
            change[lane] = moved if moved > change[lane] else change[lane]
            gap[one, 0, lane] = 0.0 if still[lane] != 0.0 else real
            gap[one, 1, lane] = 0.0 if still[lane] != 0.0 else imaginary
    for one in range(len(tie)):
        for other in range(len(tie)):
            conductance = table.loop_conductance[one, other]
            susceptance = table.loop_susceptance[one, other]
            for lane in range(LANES):
                real = gap[other, 0, lane]
                imaginary = gap[other, 1, lane]
                tie[one, 0, lane] += conductance * real - susceptance * imaginary
                tie[one, 1, lane] += conductance * imaginary + susceptance * real
        start = table.tie_ends[0, one]
        end = table.tie_ends[1, one]
        for part in range(2):
            for lane in range(LANES):
                current[start, part, lane] += tie[one, part, lane]
                current[end, part, lane] -= tie[one, part, lane]


@_part
def _up(table, current):
    """From the leaves to the sources: the current of each branch is that of its row and of the rows below."""
    roots = len(table.source)
    for root in range(roots):
        for lane in range(LANES):
            current[root, 0, lane] = 0.0
            current[root, 1, lane] = 0.0
    for row in range(len(table.node) - 1, -1, -1):
        above = table.above[row]
        for lane in range(LANES):
            current[above, 0, lane] += current[roots + row, 0, lane]
            current[above, 1, lane] += current[roots + row, 1, lane]


@_kernel
def store(
    column, end, above, nominal, reason, voltage, current, first, voltages, currents, entering, leaving
):
    """Branches or ties of a settled group, (scenario, column) each.

    column, end, above, nominal : of each branch in `current`, counted from its end, the place in the results,
    the rows of its two ends in `voltage`, and the nominal voltage there.
    """
    skipped = len(current) - len(column)
    for branch in range(len(column)):
        place = column[branch]
        for lane in range(min(LANES, len(voltages) - first)):
            settled = reason[lane] == SETTLED
            inphase = current[skipped + branch, 0, lane] if settled else np.nan
            crossed = current[skipped + branch, 1, lane] if settled else np.nan
            conjugate = complex(inphase, -crossed)
            here = complex(voltage[end[branch], 0, lane], voltage[end[branch], 1, lane])
            there = complex(voltage[above[branch], 0, lane], voltage[above[branch], 1, lane])
            size = np.sqrt((inphase * inphase + crossed * crossed) / 3.0)
            voltages[first + lane, place] = here * nominal[branch] if settled else complex(np.nan, np.nan)
            currents[first + lane, place] = size / nominal[branch]
            entering[first + lane, place] = there * conjugate
            leaving[first + lane, place] = here * conjugate


@_kernel
def polar(table, reason, voltage, first, magnitudes, angles):
    """Magnitude and angle of every voltage of a settled group, (scenario, node) each."""
    roots = len(table.source)
    magnitude, angle, hole = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for lane in range(LANES):
        hole[lane] = 0.0 if reason[lane] == SETTLED else np.nan
    for row in range(len(table.node)):
        for lane in range(LANES):
            real = voltage[roots + row, 0, lane]
            imaginary = voltage[roots + row, 1, lane]
            square = real * real + imaginary * imaginary
            magnitude[lane] = np.sqrt(square) * table.nominal[row] + hole[lane]
            angle[lane] = _angle(real, imaginary) + hole[lane]
        for lane in range(min(LANES, len(magnitudes) - first)):
            magnitudes[first + lane, table.node[row]] = magnitude[lane]
            angles[first + lane, table.node[row]] = angle[lane]


@_part
def _angle(real, imaginary):
    """Angle of a number with a positive real part [rad], without a branch so that lanes stay vectors.

    Turned back by a quarter or an eighth of a circle where steep; the arc tangent of the rest by the rational
    approximation of S. L. Moshier, Cephes, atan.c, good to 2 units in the last place.
    """
    size = abs(imaginary)
    steep = size > 2.414213562373095 * real
    middle = size > 0.66 * real
    top = -real if steep else (size - real if middle else size)
    bottom = size if steep else (size + real if middle else real)
    turned = 1.5707963267948966 if steep else (0.7853981633974483 if middle else 0.0)
    tangent = top / bottom
    square = tangent * tangent
    over = -8.750608600031904122785e-1 * square - 1.615753718733365076637e1
    over = (over * square - 7.500855792314704667340e1) * square - 1.228866684490136173410e2
    over = over * square - 6.485021904942025371773e1
    under = (square + 2.485846490142306297962e1) * square + 1.650270098316988542046e2
    under = (under * square + 4.328810604912902668951e2) * square + 4.853903996359136964868e2
    under = under * square + 1.945506571482613964425e2
    angle = turned + (tangent + tangent * square * over / under)
    return -angle if imaginary < 0.0 else angle


@_kernel
def reduce(table, reason, voltage, current, tie, first, lowest, highest, squares, tie_highest, low, loss):
    """Takes a settled group on in the reductions, lane by lane.

    lowest, highest, tie_highest (2, row or tie, lane) : least square of the voltage, greatest square of the
    current, each followed by its scenario; squares (row, lane) : sum of the squares of the current.
    low, loss (scenario,) : least square of a voltage; power lost in branches, shunts and ties.
    """
    roots = len(table.source)
    used = min(LANES, len(low) - first)
    hole, least, lost = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for lane in range(LANES):
        hole[lane] = 0.0 if lane < used and reason[lane] == SETTLED else 1.0
        least[lane] = np.inf
        lost[lane] = 0.0
    for row in range(len(table.node)):
        conductance = table.conductance[row]
        resistance = table.resistance[row]
        for lane in range(LANES):
            real = voltage[roots + row, 0, lane]
            imaginary = voltage[roots + row, 1, lane]
            square = real * real + imaginary * imaginary
            least[lane] = square if square < least[lane] else least[lane]
            lost[lane] += conductance * square
            better = hole[lane] == 0.0 and square < lowest[0, row, lane]
            lowest[0, row, lane] = square if better else lowest[0, row, lane]
            lowest[1, row, lane] = first + lane if better else lowest[1, row, lane]
        for lane in range(LANES):
            real = current[roots + row, 0, lane]
            imaginary = current[roots + row, 1, lane]
            square = real * real + imaginary * imaginary
            lost[lane] += resistance * square
            squares[row, lane] += square if hole[lane] == 0.0 else 0.0
            better = hole[lane] == 0.0 and square > highest[0, row, lane]
            highest[0, row, lane] = square if better else highest[0, row, lane]
            highest[1, row, lane] = first + lane if better else highest[1, row, lane]
    for one in range(len(tie)):
        for lane in range(LANES):
            square = tie[one, 0, lane] * tie[one, 0, lane] + tie[one, 1, lane] * tie[one, 1, lane]
            lost[lane] += table.tie_resistance[one] * square
            better = hole[lane] == 0.0 and square > tie_highest[0, one, lane]
            tie_highest[0, one, lane] = square if better else tie_highest[0, one, lane]
            tie_highest[1, one, lane] = first + lane if better else tie_highest[1, one, lane]
    for lane in range(used):
        low[first + lane] = least[lane] if hole[lane] == 0.0 else np.nan
        loss[first + lane] = lost[lane] if hole[lane] == 0.0 else np.nan
