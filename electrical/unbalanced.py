"""Load flow of radial three-phase networks whose phases are loaded unequally, in batches.

Sinusoidal state, constant-power loads of each phase. Backward and forward sweeps in phase coordinates, where a
branch alike in all phases is a self and a mutual impedance: (2 Z1 + Z0) / 3 and (Z0 - Z1) / 3. That is the
diagonal of the symmetrical components without turning every load into them and back. A voltage is from phase to
neutral; a neutral of its own, of impedance Zn, is part of Z0 = Z1 + 3 Zn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from electrical.quantities import (
    Array,
    Boolean,
    ComplexCurrent,
    ComplexVoltage,
    Conductance,
    Currents,
    Integer,
    Power,
    Powers,
    Ratio,
    Ratios,
    Reactance,
    ReactivePower,
    Resistance,
    Susceptance,
    Tolerance,
    Voltage,
    Voltages,
)
from electrical.tree import _take, depth

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Network:
    """A radial three-phase network with its parameters, made by `network`.

    parent, nominal_voltage : (node,), as given. source : (node,) voltage of the ideal source of each node's
    tree per unit. between : (node,) whether its loads stand between phases.
    The rest is laid out for the sweep. order : the node of each row, parents before children; above : (row,)
    row of the parent. series (row, 4) : self resistance and reactance, then mutual ones; shunts (place, 4)
    likewise, conductance and susceptance, turns (place, 3, 3), blocks (place, 2, 3, 3) with the place of each
    row, -1 for none: all per unit on a base of one watt a phase.
    """

    parent: _Index
    nominal_voltage: Voltages
    source: Ratios
    between: Boolean
    order: _Index
    above: _Index
    series: _Float
    shunt: _Index
    shunts: _Float
    turn: _Index
    turns: _Float
    block: _Index
    blocks: _Float


@dataclass(frozen=True, eq=False)
class Flow:
    """State of a network, scenarios leading.

    voltage         : (..., node, 3) complex voltage from phase to neutral [V], vector groups included.
    current         : (..., node, 3) complex current of the branch into each node, at its level [A].
    neutral_current : (..., node) of that branch, the magnitude of the sum of its phases [A].
    unbalance       : (..., node) negative over positive sequence voltage, |V2| / |V1| [1].
    loss            : (..., node) active power that the branch loses [W], without the shunts.
    converged       : (...,) false where no state was found; everything else is then NaN.
    """

    voltage: ComplexVoltage
    current: ComplexCurrent
    neutral_current: Currents
    unbalance: Ratios
    loss: Powers
    converged: Boolean


@dataclass(frozen=True, eq=False)
class Extremes:
    """The worst of many scenarios, (node,) each with the scenario it is from, and what each scenario lost.

    voltage         : lowest voltage of a phase [V]. current : highest of a phase [A].
    neutral_current : highest [A]. unbalance : highest |V2| / |V1| [1].
    *_scenario      : the first scenario it is from, counted over all leading axes; -1 if none converged, the
    value is then NaN.
    *_rank          : what picks it, the larger the worse: squares per unit of a watt a phase and nominal, that of
    the voltage with its sign turned. `merged` needs them, for of unequal squares the roots may be equal.
    loss            : (...,) of all branches of a scenario [W]. converged : (...,).
    """

    voltage: Voltages
    voltage_scenario: _Index
    voltage_rank: _Float
    current: Currents
    current_scenario: _Index
    current_rank: _Float
    neutral_current: Currents
    neutral_current_scenario: _Index
    neutral_current_rank: _Float
    unbalance: Ratios
    unbalance_scenario: _Index
    unbalance_rank: _Float
    loss: Powers
    converged: Boolean

    @classmethod
    def merged(cls, parts: Iterable[Extremes]) -> Extremes:
        """The worst of a batch from those of its chunks, so that a batch of any length need not be in memory.

        parts : of `extremes` or of this, one at least, in the order of their scenarios; of a generator one at a
        time is held. Scenarios are counted on from chunk to chunk and (...,) comes back as (scenario,). The result
        is that of one call, to the bit and with the first of equals.

        >>> line = network(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], 415.0, zero_resistance=[0.0, 0.04])
        >>> load = np.array([[0, 0, 0], [20e3, 0, 0]])
        >>> found = Extremes.merged(extremes(line, size * load, 0 * load) for size in (1, 2, 1e6, 2))
        >>> found.voltage_scenario.tolist(), found.converged.tolist()
        ([0, 1], [True, True, False, True])
        """
        found: dict[str, Any] = {}
        single: dict[str, list[Any]] = {"loss": [], "converged": []}
        first = 0
        for part in parts:
            _take(found, part, first, _RANKED)
            for name, row in single.items():
                row.append(np.ravel(getattr(part, name)))
            first += np.size(part.converged)
        return cls(**found, **{name: np.concatenate(row) for name, row in single.items()})


# What goes with each rank from chunk to chunk.
_RANKED = {
    f"{name}_rank": (name, f"{name}_scenario")
    for name in ("voltage", "current", "neutral_current", "unbalance")
}


def network(
    parent: Integer,
    resistance: Resistance,
    reactance: Reactance,
    nominal_voltage: Voltage,
    zero_resistance: Resistance | None = None,
    zero_reactance: Reactance | None = None,
    conductance: Conductance | None = None,
    susceptance: Susceptance | None = None,
    zero_conductance: Conductance | None = None,
    zero_susceptance: Susceptance | None = None,
    source_voltage_ratio: Ratio = 1.0,
    clock: Integer | None = None,
    cut: Boolean | None = None,
    between: Boolean | None = None,
    coupled: Integer | None = None,
    phase_resistance: Resistance | None = None,
    phase_reactance: Reactance | None = None,
) -> Network:
    """A radial three-phase network ready for `flow` and `extremes`.

    parent : (node,) index of each node's parent, -1 for a root; several roots make several trees.
    resistance, reactance : (node,) positive sequence of the branch between parent and node, referred to the
    node's own voltage level [ohm]; of a root, between its ideal source and the root. zero_resistance,
    zero_reactance : (node,) zero sequence [ohm]; without them as the positive one.
    nominal_voltage : (node,) line-line voltage of each node's level [V]; a branch whose ends differ is a
    transformer of that ratio. conductance, susceptance : (node,) shunt at each node [S], capacitive positive;
    zero_conductance, zero_susceptance : (node,) in the zero sequence [S], without them none.
    source_voltage_ratio : of the ideal sources, balanced, per unit of nominal [1]; one number, or (root,) in
    the order in which the roots stand in `parent`.
    clock : (node,) hours by which the node lags its parent, of the vector group of a transformer; 0 for a
    line. cut : (node,) whether the zero sequence stops at the branch, whose lower side is then grounded behind
    the zero-sequence impedance (Dyn); without it, where the clock is odd. An even clock that is not cut passes
    the zero sequence (YNyn), turned over at 2, 6 and 10 hours.
    between : (node,) whether the loads of a node stand between phases ab, bc and ca instead of from a, b and
    c to neutral; a node with both kinds has a child behind no impedance.
    coupled : (block,) nodes whose branch is an untransposed line. phase_resistance, phase_reactance :
    (block, 3, 3) its impedance between phases, instead of the sequences [ohm].
    Transformers have the same impedance in all phases. A circle, an unknown parent or an odd clock that
    passes the zero sequence is a ValueError. Kersting, Distribution System Modeling and Analysis (2002), ch. 6
    and 8.

    >>> line = network(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], 415.0, zero_resistance=[0.0, 0.04])
    >>> line.series[1].tolist() == [3 * 0.01 / 415**2, 0.0, 3 * 0.01 / 415**2, 0.0]
    True
    """
    given = np.asarray(parent, dtype=np.intp)
    order, above = _layout(given)
    nominal = _per_node(nominal_voltage, given)
    base = np.square(nominal) / 3.0
    series = _self_and_mutual(
        [_per_node(part, given) / base for part in (resistance, reactance)],
        [
            _per_node(positive if zero is None else zero, given) / base
            for zero, positive in ((zero_resistance, resistance), (zero_reactance, reactance))
        ],
    )
    shunts = _self_and_mutual(
        [_per_node(part, given) * base for part in (conductance, susceptance)],
        [_per_node(part, given) * base for part in (zero_conductance, zero_susceptance)],
    )
    shunted = np.flatnonzero(shunts.any(axis=1))
    hours = np.broadcast_to(np.asarray(0 if clock is None else clock), given.shape) % 12
    stopped = hours % 2 == 1 if cut is None else np.broadcast_to(np.asarray(cut, dtype=np.bool_), given.shape)
    if np.any((hours % 2 == 1) & ~stopped):
        raise ValueError("a vector group of odd clock number cannot pass the zero sequence")
    turning = np.flatnonzero((given >= 0) & ((hours > 0) | stopped))
    unlike = np.asarray([] if coupled is None else coupled, dtype=np.intp)
    blocks = np.zeros((len(unlike), 2, 3, 3))
    for part, value in enumerate((phase_resistance, phase_reactance)):
        if value is not None:
            blocks[:, part] = np.asarray(value, dtype=np.float64) / base[unlike, None, None]
    return Network(
        given,
        nominal,
        _sources(given, order, source_voltage_ratio),
        np.array(np.broadcast_to(np.asarray(False if between is None else between, np.bool_), given.shape)),
        order,
        above,
        np.ascontiguousarray(series[order]),
        _places(shunted, order),
        np.ascontiguousarray(shunts[shunted]),
        _places(turning, order),
        _turns(hours[turning], stopped[turning]),
        _places(unlike, order),
        blocks,
    )


def flow(
    network: Network,
    power: Power,
    reactive: ReactivePower,
    tolerance: Tolerance = 1e-10,
    iterations: int = 60,
) -> Flow:
    """Voltages, currents and losses of the three phases under constant-power loads.

    network : from `network`. power, reactive : (..., node, 3) loads of the phases [W], [var]; leading axes
    are scenarios and broadcast. tolerance : largest change of a voltage in the last sweep [per unit].
    iterations : sweeps at most.

    Each scenario stops by its own change and does not depend on what stands beside it, to the last bit. The
    currents belong to the voltages of the last sweep: they meet the loads and Kirchhoff's first law exactly,
    and Ohm's law to about the tolerance. A scenario without a solution is NaN and not converged, as in
    `electrical.tree.flow`. The loops are compiled at the first call on a machine, which takes some seconds,
    and kept. Shirmohammadi et al., IEEE Trans. Power Systems 3 (1988) 753, in three phases.

    >>> line = network(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], 415.0, zero_resistance=[0.0, 0.04])
    >>> state = flow(line, np.array([[0, 0, 0], [20e3, 0, 0]]), np.zeros((2, 3)))
    >>> abs(state.voltage[1]).round(3).tolist(), round(float(state.neutral_current[1]), 3)
    ([237.919, 240.022, 240.022], 84.062)
    """
    from electrical.compiled import unbalanced as compiled

    active, idle, shape = _loads(network, power, reactive)
    scenarios, nodes = active.shape[:2]
    state = compiled.Results(
        np.empty((scenarios, nodes, 3), dtype=np.complex128),
        np.empty((scenarios, nodes, 3), dtype=np.complex128),
        np.empty((scenarios, nodes)),
        np.empty((scenarios, nodes)),
        np.empty((scenarios, nodes)),
        np.empty(scenarios, dtype=np.bool_),
    )
    plan, unit = compiled.Plan(*_plan(network)), network.nominal_voltage / np.sqrt(3.0)
    with np.errstate(all="ignore"):
        compiled.solve(plan, network.order, unit, active, idle, float(tolerance), int(iterations), state)
    return Flow(
        state.voltage.reshape(shape),
        state.current.reshape(shape),
        state.neutral.reshape(shape[:-1]),
        state.unbalance.reshape(shape[:-1]),
        state.loss.reshape(shape[:-1]),
        state.converged.reshape(shape[:-2]),
    )


def extremes(
    network: Network,
    power: Power,
    reactive: ReactivePower,
    tolerance: Tolerance = 1e-10,
    iterations: int = 60,
) -> Extremes:
    """The worst voltages, currents and unbalance of many scenarios, without keeping their states.

    Arguments, stopping and compilation as in `flow`. What is kept grows with nodes and scenarios, not with
    their product; scenarios that do not converge are left out.

    >>> line = network(np.array([-1, 0]), [0.0, 0.01], [0.0, 0.0], 415.0, zero_resistance=[0.0, 0.04])
    >>> loads = np.zeros((3, 2, 3))
    >>> loads[1, 1, 0], loads[2, 1] = 20e3, 20e3
    >>> worst = extremes(line, loads, np.zeros((2, 3)))
    >>> worst.voltage.round(3).tolist(), worst.voltage_scenario.tolist()
    ([239.6, 237.919], [0, 1])
    """
    from electrical.compiled import unbalanced as compiled

    active, idle, shape = _loads(network, power, reactive)
    worst, loss = compiled.fresh(len(network.order)), np.empty(len(active))
    plan, unit = compiled.Plan(*_plan(network)), network.nominal_voltage / np.sqrt(3.0)
    with np.errstate(all="ignore"):
        compiled.watch(plan, network.order, active, idle, float(tolerance), int(iterations), worst, loss)
    (low, high, neutral, unbalance), scenario = _of_lanes(worst.value, worst.scenario, network.order)
    return Extremes(
        voltage=unit * np.sqrt(-low),
        voltage_scenario=scenario[0],
        voltage_rank=low,
        current=np.sqrt(high) / unit,
        current_scenario=scenario[1],
        current_rank=high,
        neutral_current=np.sqrt(neutral) / unit,
        neutral_current_scenario=scenario[2],
        neutral_current_rank=neutral,
        unbalance=np.sqrt(unbalance),
        unbalance_scenario=scenario[3],
        unbalance_rank=unbalance,
        loss=loss.reshape(shape[:-2]),
        converged=np.isfinite(loss).reshape(shape[:-2]),
    )


def _loads(network: Network, power: Power, reactive: ReactivePower) -> tuple[_Float, _Float, tuple[int, ...]]:
    """Loads with all scenarios in one axis, (scenario, node, 3), and the shape they had."""
    given = [np.asarray(part, dtype=np.float64) for part in (power, reactive)]
    shape = np.broadcast_shapes(given[0].shape, given[1].shape, (len(network.parent), 3))
    active, idle = (
        np.ascontiguousarray(np.broadcast_to(part, shape).reshape(-1, *shape[-2:])) for part in given
    )
    return active, idle, shape


def _plan(network: Network) -> tuple[npt.NDArray[Any], ...]:
    """The fields of `electrical.compiled.unbalanced.Plan`."""
    return (
        network.above,
        network.source[network.order],
        network.series,
        network.between[network.order],
        network.shunt,
        network.shunts,
        network.turn,
        network.turns,
        network.block,
        network.blocks,
    )


def _of_lanes(value: _Float, scenario: _Index, order: _Index) -> tuple[_Float, _Index]:
    """The largest of the lanes, (kind, node), of the first scenario that has it; NaN and -1 where none has."""
    largest = value.max(axis=-1)
    candidate = np.where(value == largest[..., None], scenario, np.iinfo(scenario.dtype).max)
    row = np.argsort(order)
    missing = largest == -np.inf
    return (
        np.where(missing, np.nan, largest)[:, row],
        np.where(missing, -1, candidate.min(axis=-1))[:, row],
    )


def _layout(parent: _Index) -> tuple[_Index, _Index]:
    """Nodes in an order in which each stands soon after its parent, and the row of each one's parent."""
    depth(parent)
    children: list[list[int]] = [[] for _ in parent]
    for child in np.flatnonzero(parent >= 0):
        children[parent[child]].append(int(child))
    order: list[int] = []
    waiting = [int(node) for node in np.flatnonzero(parent < 0)[::-1]]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting += children[node][::-1]
    row = np.empty(len(order), dtype=np.intp)
    row[order] = np.arange(len(order))
    above = np.where(parent >= 0, row[parent], -1)[order]
    return np.array(order, dtype=np.intp), above


def _sources(parent: _Index, order: _Index, ratio: Ratio) -> _Float:
    """Voltage of the ideal source of each node's tree, (node,)."""
    source = np.empty(len(parent))
    source[parent < 0] = ratio
    for node in order:
        if parent[node] >= 0:
            source[node] = source[parent[node]]
    return source


def _self_and_mutual(positive: list[_Float], zero: list[_Float]) -> _Float:
    """Self less mutual, which is the positive sequence, and mutual, (node, 4); real parts first each."""
    return np.stack([*positive, *((no - one) / 3.0 for no, one in zip(zero, positive, strict=True))], axis=-1)


def _turns(clock: npt.NDArray[np.integer[Any]], cut: npt.NDArray[np.bool_]) -> _Float:
    """Secondary voltages of ideal transformers from primary ones, (transformer, 3, 3).

    Positive sequence turned back by 30 degrees an hour, negative forward, zero stopped, or turned over where
    the windings of an even clock are.
    """
    lag = np.arange(3)[:, None] - np.arange(3)
    turned = 2.0 / 3.0 * np.cos(np.pi / 6 * (4 * lag + clock[:, None, None]))
    through = np.where(cut, 0.0, np.where(clock % 4 == 2, -1.0, 1.0)) / 3.0
    return turned + through[:, None, None]


def _places(members: _Index, order: _Index) -> _Index:
    """Place of each row's node among the members, -1 for none, (row,)."""
    place = np.full(len(order), -1, dtype=np.intp)
    place[members] = np.arange(len(members))
    return place[order]


def _per_node(value: Array | None, parent: _Index) -> _Float:
    """The value of each node, (node,); none is zero."""
    return np.broadcast_to(np.asarray(0.0 if value is None else value, dtype=np.float64), parent.shape)
