"""Direct-current networks under constant-power loads: 800 V lines and trees, 54 V busbars, two-pole lines.

The resistance of a branch is that of its loop, there and back. Trees are the sweeps of `electrical.tree`: per
unit its equations hold for direct current as they stand once the reactances are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import tree
from electrical.quantities import Boolean, Current, Integer, Power, Ratio, Resistance, Tolerance, Voltage

_Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flow:
    """State of a direct-current tree, each (..., node) but for `converged` (...,).

    voltage : at each node [V]. current : of the branch into each node, at the node's level [A]. loss : of that
    branch [W]. converged : false where no state was found; everything else is then NaN.
    """

    voltage: Voltage
    current: Current
    loss: Power
    converged: Boolean


@dataclass(frozen=True, eq=False)
class Busbar:
    """State of a busbar. voltage : at each node [V], and source_current : what each source gives [A],
    (..., node); loss : in the bar [W], and converged : (...,). NaN where there is no state.
    """

    voltage: Voltage
    source_current: Current
    loss: Power
    converged: Boolean


@dataclass(frozen=True, eq=False)
class Bipolar:
    """State of a line of two poles and a neutral. voltage : from each pole to the neutral at the load [V],
    and current : of each pole [A], (..., pole), the positive pole first; loss : in the three conductors [W],
    and converged : (...,). NaN where there is no state. The neutral carries the difference of the currents.
    """

    voltage: Voltage
    current: Current
    loss: Power
    converged: Boolean


def line_voltage(source: Voltage, resistance: Resistance, power: Power) -> Voltage:
    """Voltage at a constant-power load at the end of a line, (...,).

    (Vs + (Vs^2 - 4 R P)^1/2) / 2, the upper and stable root; NaN where P exceeds `power_limit`.
    source : voltage at the beginning [V]. resistance : of the loop [ohm]. power : of the load [W].

    >>> line_voltage(800.0, 2e-3, np.array([132e3, 1e6])).round(2).tolist()
    [799.67, 797.49]
    """
    square = np.square(source) - 4.0 * np.multiply(resistance, power)
    return 0.5 * (source + np.sqrt(np.where(square >= 0.0, square, np.nan)))


def power_limit(source: Voltage, resistance: Resistance) -> Power:
    """Largest power a line can deliver, (...,): Vs^2 / (4 R), at half the voltage.

    source : voltage at the beginning [V]. resistance : of the loop [ohm], above 0.

    >>> float(power_limit(800.0, 2e-3))
    80000000.0
    """
    return np.square(source) / (4.0 * np.asarray(resistance))


def network(
    parent: Integer, resistance: Resistance, nominal_voltage: Voltage, source_voltage_ratio: Ratio = 1.0
) -> tree.Forest:
    """A direct-current tree ready for `flow`: `tree.forest` without reactance.

    parent : (node,) index of each node's parent, -1 for a root. resistance : (node,) of the loop between parent
    and node [ohm]. nominal_voltage : (node,) of each node's level [V]; of +-400 V, 800 V between the poles.
    source_voltage_ratio : of the sources, per unit of nominal [1].

    >>> network(np.array([-1, 0]), np.array([0.0, 2e-3]), 800.0).nominal_voltage.tolist()
    [800.0, 800.0]
    """
    return tree.forest(parent, resistance, 0.0, nominal_voltage, source_voltage_ratio=source_voltage_ratio)


def flow(forest: tree.Forest, power: Power, tolerance: Tolerance = 1e-13, iterations: int = 500) -> Flow:
    """Voltages, currents and losses of a direct-current tree under constant-power loads.

    forest : of `network`; one with reactance or susceptance is a ValueError. power : (..., node) loads [W].
    tolerance : largest change of a voltage in the last sweep [per unit]. iterations : sweeps at most; 500 settle
    a line up to 99 % of its largest power and somewhat beyond. Further up, and where there is no solution, the
    scenario is NaN and not converged.

    >>> line = network(np.array([-1, 0]), np.array([0.0, 2e-3]), 800.0)
    >>> state = flow(line, np.array([0.0, 1e6]))
    >>> state.voltage.round(2).tolist(), state.loss.round().tolist()
    ([800.0, 797.49], [0.0, 3145.0])
    """
    if np.any(forest.table.reactance) or np.any(forest.table.susceptance):
        raise ValueError("a direct-current network has no reactance and no susceptance")
    state = tree.flow(forest, power, 0.0, tolerance=tolerance, iterations=iterations)
    # Three phases carry a power with a current of 3^1/2 volt-amperes a volt, two conductors with one.
    return Flow(
        state.voltage.real,
        np.sqrt(3.0) * state.current,
        (state.entering - state.leaving).real,
        state.converged,
    )


def busbar(
    resistance: Resistance,
    source_voltage: Voltage,
    source_resistance: Resistance,
    power: Power,
    tolerance: Tolerance = 1e-12,
    iterations: int = 50,
) -> Busbar:
    """A bar with taps one after the other, each with a load, a source, both or none.

    resistance : (..., node - 1) of the loop between neighbours [ohm], above 0. source_voltage : (..., node) of
    the sources at no load [V]. source_resistance : (..., node) droop of each source, volts less for an ampere
    more [ohm], above 0; infinite where there is no source or it is dead. power : (..., node) loads [W], at
    least 0. tolerance : largest last change of a voltage over the highest source [1]. iterations : at most.

    Newton's method on G V = G_s V_s - P / V from the no-load voltages. Where there is no stable solution, or no
    source, the state is NaN and not converged.
    Droop is a setting of the source and no loss.

    >>> bar = busbar(1e-4, np.full(3, 54.5), np.array([1e-3, np.inf, 1e-3]), np.array([0.0, 60e3, 0.0]))
    >>> bar.voltage.round(3).tolist(), bar.source_current.round(1).tolist()
    ([53.943, 53.888, 53.943], [556.7, 0.0, 556.7])
    """
    power = np.asarray(power, dtype=np.float64)
    nodes = np.broadcast_shapes(power.shape, np.shape(source_voltage), np.shape(source_resistance))[-1:]
    between = np.asarray(resistance, dtype=np.float64)
    between = np.broadcast_to(between, (*between.shape[:-1], nodes[0] - 1))
    shape = np.broadcast_shapes(
        power.shape, np.shape(source_voltage), np.shape(source_resistance), (*between.shape[:-1], 1)
    )
    link = np.broadcast_to(1.0 / between, (*shape[:-1], nodes[0] - 1))
    supply = np.broadcast_to(1.0 / np.asarray(source_resistance, dtype=np.float64), shape)
    voltage = np.broadcast_to(np.asarray(source_voltage, dtype=np.float64), shape)
    here = np.arange(nodes[0])

    matrix = np.zeros((*shape, nodes[0]))
    matrix[..., here, here] = supply
    for near, far in (here[:-1], here[1:]), (here[1:], here[:-1]):
        matrix[..., near, near] += link
        matrix[..., near, far] = -link
    state, converged = _settled(
        matrix, supply * voltage, np.broadcast_to(power, shape), tolerance, iterations
    )
    return Busbar(
        state,
        supply * (voltage - state),
        np.asarray(np.sum(link * np.square(np.diff(state)), axis=-1)),
        converged,
    )


def bipolar(
    source: Voltage,
    pole_resistance: Resistance,
    neutral_resistance: Resistance,
    power: Power,
    tolerance: Tolerance = 1e-12,
    iterations: int = 50,
) -> Bipolar:
    """A line of two poles and a neutral, +-400 V, with a load from each pole to the neutral.

    source : voltage of each pole to the neutral at the beginning [V]. pole_resistance, above 0, and
    neutral_resistance : of one conductor [ohm]. power : (..., pole) loads [W], the positive pole first.
    tolerance, iterations : as in `busbar`. With equal loads the neutral is idle and each pole a line of its
    own; with unequal ones the drop in the neutral raises the pole with less load.

    >>> line = bipolar(400.0, 1e-3, 1e-3, np.array([80e3, 60e3]))
    >>> line.voltage.round(3).tolist(), line.current.round(1).tolist()
    ([399.75, 399.9], [200.1, 150.0])
    """
    power = np.asarray(power, dtype=np.float64)
    head, pole, neutral = (
        np.asarray(value, dtype=np.float64)[..., None]
        for value in (source, pole_resistance, neutral_resistance)
    )
    shape = np.broadcast_shapes(power.shape, head.shape, pole.shape, neutral.shape)
    # The conductances are the inverse of [[R + N, -N], [-N, R + N]].
    scale = 1.0 / (pole * (pole + 2.0 * neutral))
    own, mutual = (pole + neutral) * scale, neutral * scale
    matrix = np.empty((*shape, 2))
    matrix[..., [0, 1], [0, 1]], matrix[..., [0, 1], [1, 0]] = own, mutual
    matrix, power = matrix.copy(), np.broadcast_to(power, shape)
    state, converged = _settled(
        matrix, np.broadcast_to((own + mutual) * head, shape), power, tolerance, iterations
    )
    current = power / state
    loss = np.sum(pole * np.square(current), axis=-1) + neutral[..., 0] * np.square(
        current[..., 0] - current[..., 1]
    )
    return Bipolar(state, current, loss, converged)


def _settled(
    matrix: _Float, injected: _Float, power: _Float, tolerance: float, iterations: int
) -> tuple[_Float, npt.NDArray[np.bool_]]:
    """Voltages (..., node) of matrix V = injected - power / V by Newton's method, and whether they settled.

    matrix is symmetric and positive definite. The state is the one where matrix - diag(power / V^2) is so too:
    there the energy V' matrix V / 2 - injected' V + power' ln V has a minimum, the domain is convex, so there
    is one at most, and it is the one that begins at no load. Each scenario stops by its own change.
    """
    nodes = power.shape[-1]
    matrix, injected, load = (
        matrix.reshape(-1, nodes, nodes), injected.reshape(-1, nodes, 1), power.reshape(-1, nodes, 1)
    )  # fmt: skip
    fed = np.any(injected > 0.0, axis=(1, 2)) & np.all(np.isfinite(load), axis=(1, 2))
    voltage = np.full_like(injected, np.nan)
    voltage[fed] = np.linalg.solve(matrix[fed], injected[fed])
    highest = np.max(voltage, axis=(1, 2))
    converged = np.zeros(len(fed), dtype=np.bool_)
    pending = np.flatnonzero(fed)
    here = np.arange(nodes)
    for _ in range(iterations):
        if not len(pending):
            break
        now, drawn = voltage[pending], load[pending]
        slope = matrix[pending]
        slope[:, here, here] -= (drawn / np.square(now))[..., 0]
        change = np.linalg.solve(slope, matrix[pending] @ now - injected[pending] + drawn / now)
        voltage[pending] = now - change
        good = np.all(voltage[pending] > 0.0, axis=(1, 2))
        done = good & (np.max(np.abs(change), axis=(1, 2)) <= tolerance * highest[pending])
        converged[pending[done]] = True
        pending = pending[good & ~done]
    slope = matrix[converged]
    slope[:, here, here] -= (load / np.square(voltage))[converged, :, 0]
    converged[converged] = np.linalg.eigvalsh(slope)[:, 0] > 0.0
    voltage[~converged] = np.nan
    return voltage.reshape(power.shape), converged.reshape(power.shape[:-1])
