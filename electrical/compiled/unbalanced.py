"""Sweeps of an unbalanced radial network, sixteen scenarios side by side.

A work array is (row, 6 * LANES): real parts of the phases a, b, c, then imaginary parts, each of LANES scenarios
which the compiler puts into one vector. The arithmetic of a lane is the same whatever stands in the others, so a
scenario alone, in sixteen copies, gives the bits of the scenario in a batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from electrical.compiled.kernel import kernel

LANES = 16
A, B, C, D, E, F = range(0, 6 * LANES, LANES)
IMAGINARY = D
WIDTH = 6 * LANES
HALF_ROOT = np.sqrt(3.0) / 2

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.intp]


class Plan(NamedTuple):
    """A network in rows of which parents come first, per unit on a base of one watt a phase.

    parent, source : (row,) row above, -1 for a root, and no-load voltage of its tree.
    series : (row, 4) self resistance and reactance, then mutual ones, of the branch into the row.
    between : (row,) whether loads stand between phases. shunt, turn, block : (row,) place in the table that
    follows, -1 for none. shunts : (place, 4) as `series`, conductance and susceptance. turns : (place, 3, 3)
    voltages of a transformer's secondary from those of its primary.
    blocks : (place, 2, 3, 3) impedance of unlike phases, resistance and reactance.
    """

    parent: _Index
    source: _Float
    series: _Float
    between: npt.NDArray[np.bool_]
    shunt: _Index
    shunts: _Float
    turn: _Index
    turns: _Float
    block: _Index
    blocks: _Float


class Results(NamedTuple):
    """Where `solve` puts states, (scenario, node, ...), as `electrical.unbalanced.Flow`."""

    voltage: npt.NDArray[np.complex128]
    current: npt.NDArray[np.complex128]
    neutral: _Float
    unbalance: _Float
    loss: _Float
    converged: npt.NDArray[np.bool_]


class Worst(NamedTuple):
    """Largest of a kind met so far in each lane, (kind, row, LANES), and its scenario.

    Kinds: phase voltage, the lowest, with its sign turned, phase current, neutral current, unbalance; squares.
    """

    value: _Float
    scenario: _Index


@kernel()
def solve(
    plan: Plan,
    order: _Index,
    unit: _Float,
    power: _Float,
    reactive: _Float,
    tolerance: float,
    iterations: int,
    results: Results,
) -> None:
    """States of all scenarios, into the results.

    order : (row,) node of each row. unit : (node,) volts of one per unit. power, reactive : (scenario, node, 3)
    [W], [var].
    """
    rows = len(order)
    voltage, current, demand = np.empty((rows, WIDTH)), np.empty((rows, WIDTH)), np.empty((rows, WIDTH))
    loaded, settled = np.empty(rows, dtype=np.bool_), np.empty(LANES, dtype=np.bool_)
    for first in range(0, len(power), LANES):
        lanes = min(LANES, len(power) - first)
        _gather(order, power, reactive, first, demand, loaded)
        _settle(plan, demand, loaded, tolerance, iterations, voltage, current, settled)
        _store(plan, order, unit, first, lanes, voltage, current, settled, results)


@kernel()
def watch(
    plan: Plan,
    order: _Index,
    power: _Float,
    reactive: _Float,
    tolerance: float,
    iterations: int,
    worst: Worst,
    losses: _Float,
) -> None:
    """As `solve`, but keeps only the worst, and what each scenario loses, (scenario,), NaN if not converged."""
    rows = len(order)
    voltage, current, demand = np.empty((rows, WIDTH)), np.empty((rows, WIDTH)), np.empty((rows, WIDTH))
    loaded, settled = np.empty(rows, dtype=np.bool_), np.empty(LANES, dtype=np.bool_)
    for first in range(0, len(power), LANES):
        lanes = min(LANES, len(power) - first)
        _gather(order, power, reactive, first, demand, loaded)
        _settle(plan, demand, loaded, tolerance, iterations, voltage, current, settled)
        _watch(plan, first, settled, lanes, voltage, current, worst, losses)


@kernel()
def _gather(
    order: _Index,
    power: _Float,
    reactive: _Float,
    first: int,
    demand: _Float,
    loaded: npt.NDArray[np.bool_],
) -> None:
    """Loads of the scenarios from the first on, the last one again where there are fewer; which rows have any."""
    loaded[:] = False
    last = len(power) - 1
    for row in range(len(order)):
        node = order[row]
        for lane in range(LANES):
            scenario = min(first + lane, last)
            for phase in range(3):
                active, idle = power[scenario, node, phase], reactive[scenario, node, phase]
                demand[row, phase * LANES + lane] = active
                demand[row, IMAGINARY + phase * LANES + lane] = idle
                if active != 0.0 or idle != 0.0:
                    loaded[row] = True


@kernel()
def _settle(
    plan: Plan,
    demand: _Float,
    loaded: npt.NDArray[np.bool_],
    tolerance: float,
    iterations: int,
    voltage: _Float,
    current: _Float,
    settled: npt.NDArray[np.bool_],
) -> None:
    """Sweeps the scenarios of all lanes until each has settled, (LANES,), or will not.

    demand : (row, 6 * LANES) [W], then [var], of the loaded rows, (row,). voltage, current : (row, 6 * LANES),
    written; a lane's voltages stay as they were when it settled, and the currents are those that belong to them.
    """
    work = np.empty((2, WIDTH))
    active, change = np.ones(LANES), np.empty(LANES)
    settled[:] = False
    _no_load(plan, voltage)
    for _ in range(iterations):
        _backward(plan, demand, loaded, voltage, current)
        _forward(plan, current, work, active, voltage, change)
        # A voltage that is not a number leaves no trace in `change` but reaches the current of its root.
        for row in range(len(plan.parent)):
            if plan.parent[row] < 0:
                for part in range(WIDTH):
                    if not np.isfinite(current[row, part]):
                        active[part % LANES] = 0.0
        pending = 0
        for lane in range(LANES):
            if active[lane] > 0.0 and change[lane] <= tolerance:
                settled[lane] = True
                active[lane] = 0.0
            if active[lane] > 0.0:
                pending += 1
        if pending == 0:
            break
    _backward(plan, demand, loaded, voltage, current)


@kernel()
def _no_load(plan: Plan, voltage: _Float) -> None:
    """Voltages of the idle network without its shunts."""
    for row in range(len(plan.parent)):
        above, turn = plan.parent[row], plan.turn[row]
        if above < 0:
            _balanced(plan.source[row], voltage, row)
        elif turn < 0:
            for part in range(WIDTH):
                voltage[row, part] = voltage[above, part]
        else:
            _turned(plan.turns, turn, voltage, above, voltage, row)


@kernel()
def _balanced(ratio: float, voltage: _Float, row: int) -> None:
    """Voltages of an ideal source."""
    for k in range(LANES):
        voltage[row, A + k] = ratio
        voltage[row, B + k] = -0.5 * ratio
        voltage[row, C + k] = -0.5 * ratio
        voltage[row, D + k] = 0.0
        voltage[row, E + k] = -HALF_ROOT * ratio
        voltage[row, F + k] = HALF_ROOT * ratio


@kernel()
def _turned(turns: _Float, turn: int, voltage: _Float, above: int, secondary: _Float, row: int) -> None:
    """Voltages of the ideal secondary of a transformer."""
    for part in range(0, WIDTH, IMAGINARY):
        for k in range(part, part + LANES):
            a, b, c = voltage[above, A + k], voltage[above, B + k], voltage[above, C + k]
            for phase in range(3):
                secondary[row, phase * LANES + k] = (
                    turns[turn, phase, 0] * a + turns[turn, phase, 1] * b + turns[turn, phase, 2] * c
                )


@kernel()
def _backward(
    plan: Plan, demand: _Float, loaded: npt.NDArray[np.bool_], voltage: _Float, current: _Float
) -> None:
    """Branch currents from the voltages, leaves first."""
    current[:] = 0.0
    for row in range(len(plan.parent) - 1, -1, -1):
        above, shunt, turn = plan.parent[row], plan.shunt[row], plan.turn[row]
        if loaded[row]:
            if plan.between[row]:
                _drawn_between(demand, voltage, current, row)
            else:
                _drawn(demand, voltage, current, row)
        if shunt >= 0:
            _leaked(plan.shunts, shunt, voltage, current, row)
        if above >= 0:
            if turn < 0:
                for part in range(WIDTH):
                    current[above, part] += current[row, part]
            else:
                _returned(plan.turns, turn, current, row, above)


@kernel()
def _drawn(demand: _Float, voltage: _Float, current: _Float, row: int) -> None:
    """Adds the currents of loads from phase to neutral: conjugate of power over voltage."""
    for part in range(IMAGINARY):
        real, imaginary = voltage[row, part], voltage[row, IMAGINARY + part]
        power, reactive = demand[row, part], demand[row, IMAGINARY + part]
        inverse = 1.0 / (real * real + imaginary * imaginary)
        current[row, part] += (power * real + reactive * imaginary) * inverse
        current[row, IMAGINARY + part] += (power * imaginary - reactive * real) * inverse


@kernel()
def _drawn_between(demand: _Float, voltage: _Float, current: _Float, row: int) -> None:
    """Adds the currents of loads between phases ab, bc, ca."""
    for phase in range(3):
        of, to = phase * LANES, (phase + 1) % 3 * LANES
        for k in range(LANES):
            real = voltage[row, of + k] - voltage[row, to + k]
            imaginary = voltage[row, IMAGINARY + of + k] - voltage[row, IMAGINARY + to + k]
            power, reactive = demand[row, of + k], demand[row, IMAGINARY + of + k]
            inverse = 1.0 / (real * real + imaginary * imaginary)
            along = (power * real + reactive * imaginary) * inverse
            across = (power * imaginary - reactive * real) * inverse
            current[row, of + k] += along
            current[row, to + k] -= along
            current[row, IMAGINARY + of + k] += across
            current[row, IMAGINARY + to + k] -= across


@kernel()
def _leaked(shunts: _Float, shunt: int, voltage: _Float, current: _Float, row: int) -> None:
    """Adds the currents of a shunt alike in all phases."""
    g, b, mutual_g, mutual_b = shunts[shunt, 0], shunts[shunt, 1], shunts[shunt, 2], shunts[shunt, 3]
    for k in range(LANES):
        real = voltage[row, A + k] + voltage[row, B + k] + voltage[row, C + k]
        imaginary = voltage[row, D + k] + voltage[row, E + k] + voltage[row, F + k]
        common = mutual_g * real - mutual_b * imaginary
        common_imaginary = mutual_g * imaginary + mutual_b * real
        for part in range(k, IMAGINARY + k, LANES):
            real, imaginary = voltage[row, part], voltage[row, IMAGINARY + part]
            current[row, part] += g * real - b * imaginary + common
            current[row, IMAGINARY + part] += g * imaginary + b * real + common_imaginary


@kernel()
def _returned(turns: _Float, turn: int, current: _Float, row: int, above: int) -> None:
    """Adds the primary currents of a transformer: what conserves the power, the transpose of the turn."""
    for part in range(0, WIDTH, IMAGINARY):
        for k in range(part, part + LANES):
            a, b, c = current[row, A + k], current[row, B + k], current[row, C + k]
            for phase in range(3):
                current[above, phase * LANES + k] += (
                    turns[turn, 0, phase] * a + turns[turn, 1, phase] * b + turns[turn, 2, phase] * c
                )


@kernel()
def _forward(
    plan: Plan, current: _Float, work: _Float, active: _Float, voltage: _Float, change: _Float
) -> None:
    """Voltages from the branch currents, roots first, of the active lanes, and the largest change of a part.

    work : (2, 6 * LANES).
    """
    change[:] = 0.0
    for row in range(len(plan.parent)):
        above, turn, block = plan.parent[row], plan.turn[row], plan.block[row]
        upper, place = voltage, above
        if above < 0 or turn >= 0:
            upper, place = work, 0
            if above < 0:
                _balanced(plan.source[row], work, 0)
            else:
                _turned(plan.turns, turn, voltage, above, work, 0)
        if block < 0:
            _descend(plan.series, current, upper, place, active, voltage, row, change)
        else:
            _coupled_drop(plan.blocks, block, current, row, work, 1)
            _coupled_descend(work, 1, upper, place, active, voltage, row, change)


@kernel()
def _descend(
    series: _Float,
    current: _Float,
    upper: _Float,
    place: int,
    active: _Float,
    voltage: _Float,
    row: int,
    change: _Float,
) -> None:
    """Takes the drops of a branch alike in all phases off; lanes that are not active stay.

    Written out phase by phase, which the compiler turns into a single loop of vectors.
    """
    r, x, mutual_r, mutual_x = series[row, 0], series[row, 1], series[row, 2], series[row, 3]
    for k in range(LANES):
        a, b, c = current[row, A + k], current[row, B + k], current[row, C + k]
        d, e, f = current[row, D + k], current[row, E + k], current[row, F + k]
        real, imaginary = a + b + c, d + e + f
        common = mutual_r * real - mutual_x * imaginary
        common_imaginary = mutual_r * imaginary + mutual_x * real
        new_a = upper[place, A + k] - (r * a - x * d + common)
        new_b = upper[place, B + k] - (r * b - x * e + common)
        new_c = upper[place, C + k] - (r * c - x * f + common)
        new_d = upper[place, D + k] - (r * d + x * a + common_imaginary)
        new_e = upper[place, E + k] - (r * e + x * b + common_imaginary)
        new_f = upper[place, F + k] - (r * f + x * c + common_imaginary)
        old_a, old_b, old_c = voltage[row, A + k], voltage[row, B + k], voltage[row, C + k]
        old_d, old_e, old_f = voltage[row, D + k], voltage[row, E + k], voltage[row, F + k]
        on = active[k] > 0.0
        new_a, new_b, new_c = new_a if on else old_a, new_b if on else old_b, new_c if on else old_c
        new_d, new_e, new_f = new_d if on else old_d, new_e if on else old_e, new_f if on else old_f
        moved = _larger(
            _larger(_larger(abs(new_a - old_a), abs(new_b - old_b)), abs(new_c - old_c)),
            _larger(_larger(abs(new_d - old_d), abs(new_e - old_e)), abs(new_f - old_f)),
        )
        change[k] = _larger(moved, change[k])
        voltage[row, A + k], voltage[row, B + k], voltage[row, C + k] = new_a, new_b, new_c
        voltage[row, D + k], voltage[row, E + k], voltage[row, F + k] = new_d, new_e, new_f


@kernel()
def _larger(one: float, other: float) -> float:
    """A maximum that is a single instruction, for it does not care about what is not a number."""
    return one if one > other else other


@kernel()
def _coupled_drop(blocks: _Float, block: int, current: _Float, row: int, drop: _Float, place: int) -> None:
    """Voltage drops of a branch whose phases differ."""
    for part in range(WIDTH):
        drop[place, part] = 0.0
    for into in range(0, IMAGINARY, LANES):
        for of in range(0, IMAGINARY, LANES):
            r, x = blocks[block, 0, into // LANES, of // LANES], blocks[block, 1, into // LANES, of // LANES]
            for k in range(LANES):
                real, imaginary = current[row, of + k], current[row, IMAGINARY + of + k]
                drop[place, into + k] += r * real - x * imaginary
                drop[place, IMAGINARY + into + k] += r * imaginary + x * real


@kernel()
def _coupled_descend(
    drop: _Float,
    of: int,
    upper: _Float,
    place: int,
    active: _Float,
    voltage: _Float,
    row: int,
    change: _Float,
) -> None:
    """Takes drops off; lanes that are not active stay."""
    for part in range(0, WIDTH, LANES):
        for k in range(LANES):
            before = voltage[row, part + k]
            after = upper[place, part + k] - drop[of, part + k]
            after = after if active[k] > 0.0 else before
            change[k] = _larger(abs(after - before), change[k])
            voltage[row, part + k] = after


@kernel()
def _ratio_of_sequences(voltage: _Float, row: int, ratio: _Float) -> None:
    """Square of negative over positive sequence, (LANES,)."""
    for k in range(LANES):
        b, c = voltage[row, B + k], voltage[row, C + k]
        b_imaginary, c_imaginary = voltage[row, E + k], voltage[row, F + k]
        real = voltage[row, A + k] - 0.5 * (b + c)
        imaginary = voltage[row, D + k] - 0.5 * (b_imaginary + c_imaginary)
        across, along = HALF_ROOT * (b_imaginary - c_imaginary), HALF_ROOT * (b - c)
        negative = (real + across) ** 2 + (imaginary - along) ** 2
        positive = (real - across) ** 2 + (imaginary + along) ** 2
        ratio[k] = negative / positive


@kernel()
def _lost(plan: Plan, row: int, current: _Float, work: _Float, loss: _Float) -> None:
    """Active power lost in the branch into a row, (LANES,)."""
    block = plan.block[row]
    if block >= 0:
        _coupled_drop(plan.blocks, block, current, row, work, 0)
        loss[:] = 0.0
        for part in range(0, WIDTH, LANES):
            for k in range(LANES):
                loss[k] += work[0, part + k] * current[row, part + k]
        return
    resistance, mutual = plan.series[row, 0], plan.series[row, 2]
    for k in range(LANES):
        a, b, c = current[row, A + k], current[row, B + k], current[row, C + k]
        d, e, f = current[row, D + k], current[row, E + k], current[row, F + k]
        square = a * a + b * b + c * c + d * d + e * e + f * f
        loss[k] = resistance * square + mutual * ((a + b + c) ** 2 + (d + e + f) ** 2)


@kernel()
def _store(
    plan: Plan,
    order: _Index,
    unit: _Float,
    first: int,
    lanes: int,
    voltage: _Float,
    current: _Float,
    settled: npt.NDArray[np.bool_],
    results: Results,
) -> None:
    """Writes the first lanes, which are consecutive scenarios, in the order of the nodes and in SI."""
    ratio, loss, work = np.empty(LANES), np.empty(LANES), np.empty((1, WIDTH))
    mask = np.empty(LANES)
    for lane in range(lanes):
        results.converged[first + lane] = settled[lane]
        mask[lane] = 1.0 if settled[lane] else np.nan
    for row in range(len(plan.parent)):
        node = order[row]
        _ratio_of_sequences(voltage, row, ratio)
        _lost(plan, row, current, work, loss)
        for lane in range(lanes):
            scenario = first + lane
            volt, ampere = mask[lane] * unit[node], mask[lane] / unit[node]
            real, imaginary = 0.0, 0.0
            for phase in range(3):
                part, other = phase * LANES + lane, IMAGINARY + phase * LANES + lane
                results.voltage[scenario, node, phase] = complex(
                    volt * voltage[row, part], volt * voltage[row, other]
                )
                results.current[scenario, node, phase] = complex(
                    ampere * current[row, part], ampere * current[row, other]
                )
                real += current[row, part]
                imaginary += current[row, other]
            results.neutral[scenario, node] = ampere * np.sqrt(real * real + imaginary * imaginary)
            results.unbalance[scenario, node] = mask[lane] * np.sqrt(ratio[lane])
            results.loss[scenario, node] = mask[lane] * loss[lane]


@kernel()
def _watch(
    plan: Plan,
    first: int,
    settled: npt.NDArray[np.bool_],
    lanes: int,
    voltage: _Float,
    current: _Float,
    worst: Worst,
    losses: _Float,
) -> None:
    """Keeps the worst of each row and lane, and the loss of the whole network of each scenario, (scenario,)."""
    ratio, loss, work, total = np.empty(LANES), np.empty(LANES), np.empty((1, WIDTH)), np.zeros(LANES)
    valid = np.zeros(LANES)
    for lane in range(lanes):
        valid[lane] = 1.0 if settled[lane] else 0.0
    lowest, highest, neutral = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for row in range(len(plan.parent)):
        _ratio_of_sequences(voltage, row, ratio)
        _lost(plan, row, current, work, loss)
        _squares(voltage, current, row, lowest, highest, neutral)
        for k in range(LANES):
            total[k] += loss[k]
        _keep(lowest, valid, first, worst, 0, row)
        _keep(highest, valid, first, worst, 1, row)
        _keep(neutral, valid, first, worst, 2, row)
        _keep(ratio, valid, first, worst, 3, row)
    for lane in range(lanes):
        losses[first + lane] = total[lane] if settled[lane] else np.nan


@kernel()
def _squares(
    voltage: _Float, current: _Float, row: int, lowest: _Float, highest: _Float, neutral: _Float
) -> None:
    """Squares of the lowest voltage, sign turned, of the highest current and of that of the neutral, (LANES,)."""
    for k in range(LANES):
        lowest[k], highest[k] = -np.inf, 0.0
    for part in range(0, IMAGINARY, LANES):
        for k in range(LANES):
            square = voltage[row, part + k] ** 2 + voltage[row, IMAGINARY + part + k] ** 2
            lowest[k] = max(lowest[k], -square)
            square = current[row, part + k] ** 2 + current[row, IMAGINARY + part + k] ** 2
            highest[k] = max(highest[k], square)
    for k in range(LANES):
        real = current[row, A + k] + current[row, B + k] + current[row, C + k]
        imaginary = current[row, D + k] + current[row, E + k] + current[row, F + k]
        neutral[k] = real * real + imaginary * imaginary


@kernel()
def _keep(value: _Float, valid: _Float, first: int, worst: Worst, kind: int, row: int) -> None:
    """Takes what is worse than the worst so far, (LANES,)."""
    for k in range(LANES):
        best = worst.value[kind, row, k]
        worse = valid[k] > 0.0 and value[k] > best
        worst.value[kind, row, k] = value[k] if worse else best
        worst.scenario[kind, row, k] = first + k if worse else worst.scenario[kind, row, k]


def fresh(rows: int) -> Worst:
    """Nothing met yet."""
    return Worst(np.full((4, rows, LANES), -np.inf), np.full((4, rows, LANES), -1))
