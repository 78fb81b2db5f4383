"""Load flow of radial three-phase networks in batches, by backward and forward sweeps.

Balanced sinusoidal state, constant-power loads. Inside, a voltage is per unit of its node's nominal
voltage and a current is power per unit of voltage (the base power is one watt), so transformers drop out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]

from electrical.quantities import (
    Array,
    Boolean,
    ComplexPower,
    ComplexVoltage,
    Conductance,
    Current,
    Integer,
    Power,
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

_Float = npt.NDArray[np.float64]
_Complex = npt.NDArray[np.complex128]
_Rows = slice | npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of equally many siblings each: `children` runs sibling by sibling, then parent by parent."""

    children: slice
    parents: _Rows
    count: int


@dataclass(frozen=True, eq=False)
class Forest:
    """A radial network with its parameters, made by `forest`.

    parent, nominal_voltage : (node,), as given. source : (root,) voltage of the ideal sources per unit, in
    order of the roots; no_load : (node,) the same for every node of the tree.
    The rest is laid out for the sweep. order : the node of each row, roots first, then level by level, the
    leaves last; inner : number of rows before the leaves; blocks : what joins the rows, from the roots down.
    series (2, row, 1) : resistance and reactance, shunt (2, shunted row, 1) : conductance and susceptance,
    both per unit on a base of one watt.
    """

    parent: npt.NDArray[np.intp]
    nominal_voltage: Voltages
    source: Ratios
    no_load: Ratios
    order: npt.NDArray[np.intp]
    series: _Float
    shunted: _Rows
    shunt: _Float
    blocks: tuple[Block, ...]
    inner: int


@dataclass(frozen=True, eq=False)
class Flow:
    """State of a forest, each (..., node) but for `converged` (...,).

    voltage   : complex line-line voltage at each node [V], angle against the sources, vector groups apart.
    current   : line current of the branch into each node, at the node's level [A].
    entering  : complex power into each branch at its parent's end [W + j var]; of a root, the source's.
    leaving   : complex power each branch delivers at its node [W + j var]; the difference is its loss.
    converged : false where no state was found; everything else is then NaN.
    """

    voltage: ComplexVoltage
    current: Current
    entering: ComplexPower
    leaving: ComplexPower
    converged: Boolean


def depth(parent: Integer) -> npt.NDArray[np.intp]:
    """Number of branches between each node and its root, (node,); a ValueError if there is a circle.

    parent : (node,) index of each node's parent, -1 for a root.

    >>> depth(np.array([-1, 0, 1, 1])).tolist()
    [0, 1, 2, 2]
    """
    above = np.asarray(parent, dtype=np.intp)
    if np.any((above < -1) | (above >= len(above))):
        raise ValueError("a parent is not a node of the network")
    level = np.zeros(len(above), dtype=np.intp)
    ancestor = above
    while np.any(ancestor >= 0):
        level += ancestor >= 0
        if level.max() >= len(above):
            raise ValueError("the network has a circle: some node is its own ancestor")
        ancestor = np.where(ancestor >= 0, above[ancestor], -1)
    return level


def incidence(parent: Integer) -> sparse.csr_array:
    """Which branches carry which nodes, sparse bool (node, node).

    parent : (node,) index of each node's parent, -1 for a root. Element [i, j] is true when i lies on the
    path from j to its root, j itself included: a row holds the descendants, a column the path.

    >>> incidence(np.array([-1, 0, 0])).toarray().astype(int).tolist()
    [[1, 1, 1], [0, 1, 0], [0, 0, 1]]
    """
    above = np.asarray(parent, dtype=np.intp)
    steps = int(depth(above).max(initial=0)) + 1
    carried = np.arange(len(above))
    carrier = carried
    rows, columns = [], []
    for _ in range(steps):
        rows.append(carrier)
        columns.append(carried)
        carried = carried[above[carrier] >= 0]
        carrier = above[carrier][above[carrier] >= 0]
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.csr_array((np.ones(len(row), dtype=np.bool_), (row, column)), shape=(len(above),) * 2)


def forest(
    parent: Integer,
    resistance: Resistance,
    reactance: Reactance,
    nominal_voltage: Voltage,
    conductance: Conductance | None = None,
    susceptance: Susceptance | None = None,
    source_voltage_ratio: Ratio = 1.0,
) -> Forest:
    """A radial network ready for `flow`.

    parent : (node,) index of each node's parent, -1 for a root; several roots make several trees.
    resistance, reactance : (node,) of the branch between parent and node, referred to the node's own
    voltage level [ohm]; of a root, between its ideal source and the root (0 if the root is the source).
    nominal_voltage : (node,) line-line voltage of each node's level [V]; a branch whose ends differ is a
    transformer of that ratio. conductance, susceptance : (node,) shunt at each node [S], capacitive
    positive. source_voltage_ratio : of the ideal sources, per unit of nominal [1]; one number, or (root,)
    in the order in which the roots stand in `parent`.
    A circle or an unknown parent is a ValueError.

    >>> line = forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
    >>> len(line.blocks)
    1
    """
    above = np.asarray(parent, dtype=np.intp)
    level = depth(above)
    nominal = _per_node(nominal_voltage, above)
    order, blocks, inner = _layout(above)
    base = np.square(nominal)
    series = np.stack([_per_node(resistance, above) / base, _per_node(reactance, above) / base])[
        :, order, None
    ]
    shunt = np.stack([_per_node(part, above) * base for part in (conductance, susceptance)])[:, order, None]
    shunted = np.flatnonzero(shunt.any(axis=(0, 2)))
    root = np.flatnonzero(above < 0)
    source = np.broadcast_to(np.asarray(source_voltage_ratio, dtype=np.float64), root.shape)
    no_load = np.empty(len(above))
    no_load[root] = source
    for step in range(1, int(level.max(initial=0)) + 1):
        nodes = np.flatnonzero(level == step)
        no_load[nodes] = no_load[above[nodes]]
    return Forest(
        above, nominal, source, no_load, order, series, _rows(shunted), shunt[:, shunted], blocks, inner
    )


def flow(
    forest: Forest,
    power: Power,
    reactive: ReactivePower,
    start: ComplexVoltage | None = None,
    tolerance: Tolerance = 1e-10,
    iterations: int = 60,
) -> Flow:
    """Voltages, currents and powers of a radial network under constant-power loads.

    forest : the network. power, reactive : (..., node) loads [W], [var]; leading axes are scenarios and
    broadcast. start : (..., node) line-line voltages to begin with [V], such as those of a flow nearby;
    where not finite, and without it, the no-load voltage of the source.
    tolerance : largest change of a voltage in the last sweep [per unit]. iterations : sweeps at most.

    A sweep adds the currents from the leaves up and takes the drops off from the roots down; with drops of
    a few per cent it settles in 5 to 8 sweeps. Each scenario stops by its own change, so what stands beside
    it in a batch does not alter its result. A scenario without a solution is NaN and not converged, and so
    is one so close to the nose of its voltage curve that the sweeps do not get there (on a single line,
    above 97 % of the largest power). Shirmohammadi et al., IEEE Trans. Power Systems 3 (1988) 753.

    >>> line = forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
    >>> state = flow(line, np.array([0.0, 100e3]), np.zeros(2))
    >>> round(float(state.voltage[1].real), 3)
    412.576
    """
    nodes = len(forest.parent)
    active, idle = np.asarray(power, dtype=np.float64), np.asarray(reactive, dtype=np.float64)
    begin = None if start is None else np.asarray(start, dtype=np.complex128)
    shape = np.broadcast_shapes(active.shape, idle.shape, (nodes,), () if begin is None else begin.shape)
    loads = [np.broadcast_to(part, shape).reshape(-1, nodes) for part in (active, idle)]
    starts = None if begin is None else np.broadcast_to(begin, shape).reshape(-1, nodes)
    scenarios = len(loads[0])
    drawing = np.any(loads[0], axis=0) | np.any(loads[1], axis=0)
    loaded = _rows(np.flatnonzero(drawing[forest.order]))

    # A work array of a chunk should fill about half of a second-level cache: 0.1 million numbers.
    width = int(np.clip(100_000 // nodes, 24, 128))
    state = _State(
        np.empty((scenarios, nodes), dtype=np.complex128),
        np.empty((scenarios, nodes)),
        np.empty((scenarios, nodes), dtype=np.complex128),
        np.empty((scenarios, nodes), dtype=np.complex128),
        np.zeros(scenarios, dtype=np.bool_),
    )
    with np.errstate(all="ignore"):
        for first in range(0, scenarios, width):
            chunk = _paired(np.arange(first, min(first + width, scenarios)))
            demand = np.array([part[chunk[:, None], forest.order[loaded]].T for part in loads], order="C")
            voltage = _initial(forest, None if starts is None else starts[chunk], len(chunk))
            _solve(forest, state, chunk, loaded, demand, voltage, tolerance, iterations)
    failed = ~state.converged
    state.current[failed] = np.nan
    for part in state.voltage, state.entering, state.leaving:
        part[failed] = complex(np.nan, np.nan)
    return Flow(
        state.voltage.reshape(shape),
        state.current.reshape(shape),
        state.entering.reshape(shape),
        state.leaving.reshape(shape),
        state.converged.reshape(shape[:-1]),
    )


class _State(NamedTuple):
    """The fields of `Flow` with scenarios in one axis."""

    voltage: _Complex
    current: _Float
    entering: _Complex
    leaving: _Complex
    converged: npt.NDArray[np.bool_]


def _solve(
    forest: Forest,
    state: _State,
    scenario: npt.NDArray[np.intp],
    loaded: _Rows,
    demand: _Float,
    voltage: _Float,
    tolerance: float,
    iterations: int,
) -> None:
    """Sweeps a chunk until each scenario has settled and writes each into `state` when it has.

    Work arrays are (2, row, scenario), real parts first, and C-contiguous because blocks are views of them.
    demand : (2, loaded row, scenario) [W], [var].
    """
    pending = np.ones(len(scenario), dtype=np.bool_)
    current, following = np.zeros_like(voltage), np.empty_like(voltage)
    for _ in range(iterations):
        _backward(forest, loaded, demand, voltage, current)
        _forward(forest, current, following)
        change = np.maximum(_change(voltage, following, loaded), _change(voltage, following, forest.shunted))
        voltage, following = following, voltage
        finished = pending & (change <= tolerance)
        if finished.any():
            columns = slice(None) if finished.all() else np.flatnonzero(finished)
            _store(forest, state, scenario[columns], voltage[..., columns], current[..., columns])
        pending &= ~finished & np.isfinite(change)
        remaining = np.flatnonzero(pending)
        if not len(remaining):
            return
        # What is finished rides along, its result written, until dropping it pays for the copies.
        if 2 * len(remaining) <= len(scenario) > 2:
            columns = _paired(remaining)
            scenario, pending = scenario[columns], pending[columns]
            demand, voltage = (np.take(work, columns, axis=-1) for work in (demand, voltage))
            current, following = np.zeros_like(voltage), np.empty_like(voltage)


def _backward(forest: Forest, loaded: _Rows, demand: _Float, voltage: _Float, current: _Float) -> None:
    """Branch currents from the voltages, leaves first; idle leaves are zero and stay so."""
    real, imaginary = voltage[:, loaded]
    square = real * real
    square += imaginary * imaginary
    real, imaginary = real / square, imaginary / square
    power, reactive = demand
    drawn = np.empty_like(demand)
    np.multiply(power, real, out=drawn[0])
    drawn[0] += np.multiply(reactive, imaginary, out=square)
    np.multiply(power, imaginary, out=drawn[1])
    drawn[1] -= np.multiply(reactive, real, out=square)
    current[:, : forest.inner] = 0.0
    current[:, forest.shunted] = 0.0
    current[:, loaded] = drawn

    real, imaginary = voltage[:, forest.shunted]
    conductance, susceptance = forest.shunt
    current[0, forest.shunted] += conductance * real - susceptance * imaginary
    current[1, forest.shunted] += conductance * imaginary + susceptance * real

    for block in reversed(forest.blocks):
        current[:, block.parents] += np.add.reduce(_siblings(current, block), axis=1)


def _forward(forest: Forest, current: _Float, voltage: _Float) -> None:
    """Voltages from the branch currents, roots first: the drops, then taken off from the parent's voltage."""
    resistance, reactance = forest.series
    work = np.multiply(reactance, current[1])
    np.multiply(resistance, current[0], out=voltage[0])
    voltage[0] -= work
    np.multiply(reactance, current[0], out=work)
    np.multiply(resistance, current[1], out=voltage[1])
    voltage[1] += work

    roots = voltage[:, : len(forest.source)]
    np.negative(roots, out=roots)
    roots[0] += forest.source[:, None]
    for block in forest.blocks:
        siblings = _siblings(voltage, block)
        np.subtract(voltage[:, None, block.parents], siblings, out=siblings)


def _siblings(work: _Float, block: Block) -> _Float:
    """View of the children of a block, (2, sibling, parent, scenario)."""
    return work[:, block.children].reshape(2, block.count, -1, work.shape[-1])


def _change(before: _Float, after: _Float, rows: _Rows) -> _Float:
    """Largest change of a part of a voltage in the rows, (scenario,)."""
    change = after[:, rows] - before[:, rows]
    np.abs(change, out=change)
    largest: _Float = change.reshape(-1, change.shape[-1]).max(axis=0, initial=0.0)
    return largest


def _store(
    forest: Forest, state: _State, scenario: npt.NDArray[np.intp], voltage: _Float, current: _Float
) -> None:
    """Writes settled scenarios into the result, rows back in the order of the nodes and in SI."""
    row = np.argsort(forest.order)
    voltages, currents = _complex(voltage[:, row]), _complex(current[:, row])
    upstream = voltages[:, forest.parent]
    upstream[:, forest.parent < 0] = forest.source
    state.voltage[scenario] = voltages * forest.nominal_voltage
    state.current[scenario] = np.abs(currents) / (np.sqrt(3.0) * forest.nominal_voltage)
    np.conjugate(currents, out=currents)
    state.entering[scenario] = upstream * currents
    state.leaving[scenario] = voltages * currents
    state.converged[scenario] = True


def _complex(work: _Float) -> _Complex:
    """Work array (2, node, scenario) as complex (scenario, node)."""
    number = np.empty(work.shape[:0:-1], dtype=np.complex128)
    number.real, number.imag = work[0].T, work[1].T
    return number


def _initial(forest: Forest, start: _Complex | None, width: int) -> _Float:
    """Voltages to begin with per unit, (2, row, scenario): the source's where no finite start is given."""
    voltage = np.zeros((2, len(forest.order), width))
    voltage[0] = forest.no_load[forest.order, None]
    if start is not None:
        given = (start / forest.nominal_voltage).T[forest.order]
        np.copyto(voltage, np.stack([given.real, given.imag]), where=np.isfinite(given))
    return voltage


def _paired(index: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The index, twice if it is alone: numpy sums a single column in another order than several."""
    return index if len(index) > 1 else np.repeat(index, 2)


def _layout(parent: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], tuple[Block, ...], int]:
    """Order of the rows, blocks from the roots down, and number of rows that are not leaves.

    Rows are sorted so that the children of a level are one slice per number of siblings, sibling by
    sibling: their currents add, and their voltages follow, in a few calls on whole slices.
    """
    children: list[list[int]] = [[] for _ in parent]
    for node in np.flatnonzero(parent >= 0):
        children[parent[node]].append(int(node))
    branches = [[node for node in below if children[node]] for below in children]
    leaves = [[node for node in below if not children[node]] for below in children]
    # The busiest sibling first, so that nodes of equal number of children tend to stand together.
    branches = [sorted(below, key=lambda node: -len(branches[node])) for below in branches]

    order = [int(node) for node in np.flatnonzero(parent < 0)]
    blocks: list[Block] = []
    first = 0
    while first < len(order):
        level, start = order[first:], first
        first = len(order)
        blocks += _blocks(level, start, branches, order)
    inner = len(order)
    blocks += _blocks(order[:], 0, leaves, order)
    return np.array(order, dtype=np.intp), tuple(blocks), inner


def _blocks(
    level: Sequence[int], start: int, children: Sequence[Sequence[int]], order: list[int]
) -> list[Block]:
    """Blocks of the children of a level that begins at row `start`; puts the children into `order`."""
    blocks = []
    for count in sorted({len(children[node]) for node in level} - {0}, reverse=True):
        places = [place for place, node in enumerate(level) if len(children[node]) == count]
        first = len(order)
        order += [children[level[place]][sibling] for sibling in range(count) for place in places]
        blocks.append(Block(slice(first, len(order)), _rows(start + np.array(places)), count))
    return blocks


def _rows(index: npt.NDArray[np.intp]) -> _Rows:
    """The rows as a slice where they are consecutive, for numpy copies what an index picks."""
    if len(index) and index[-1] - index[0] == len(index) - 1:
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _per_node(value: Array | None, parent: npt.NDArray[np.intp]) -> _Float:
    """The value of each node, (node,); none is zero."""
    return np.broadcast_to(np.asarray(0.0 if value is None else value, dtype=np.float64), parent.shape)
