"""Load flow of radial three-phase networks in batches, by backward and forward sweeps.

Balanced sinusoidal state, constant-power loads. Inside, a voltage is per unit of its node's nominal
voltage and a current is power per unit of voltage (the base power is one watt), so transformers drop out.

`flow` gives everything about each scenario, `profile` the voltages, `worst` what stands out in a batch of any
length without holding it. All run the same compiled sweeps, for one scenario as for many, so that a result does
not depend on the size of the batch: the first call in a process takes some 0.3 s to load them, the first ever 2 to
3 s to compile them. `electrical.mesh` closes loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]

from electrical.quantities import (
    Angle,
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
_Index = npt.NDArray[np.intp]


class Reason(IntEnum):
    """Why a scenario has a state or none.

    COLLAPSED : on the way down from no load a voltage fell to nothing. Without reactance that proves that the
    load lies beyond the nose of the voltage curve; with it, that it lies beyond or within a few per cent of it.
    UNSETTLED : the sweeps allowed did not reach the tolerance; close to the nose they get slow.
    UNDEFINED : a load is not a finite number.
    """

    SETTLED = 0
    COLLAPSED = 1
    UNSETTLED = 2
    UNDEFINED = 3


class Table(NamedTuple):
    """A network in the order of the sweeps: each node after its parent and next to its kin, (row,) each.

    node : the node of the row. end, above : its own and its parent's row in an array of the sources followed by
    the nodes.
    resistance, reactance, conductance, susceptance : per unit on a base of one watt; shunted : where one of the
    latter two is not zero. nominal : voltage [V]; no_load : voltage of the source per unit. source : (root,) the
    same of each. tie_ends (2, tie) : rows where the ties start and end, as `above`; tie_resistance, tie_reactance
    (tie,) : their own, and loop_conductance, loop_susceptance (tie, tie) : inverse of that of the loops, per unit.
    """

    node: _Index
    end: _Index
    above: _Index
    resistance: _Float
    reactance: _Float
    conductance: _Float
    susceptance: _Float
    shunted: npt.NDArray[np.bool_]
    nominal: _Float
    no_load: _Float
    source: _Float
    tie_ends: _Index
    tie_resistance: _Float
    tie_reactance: _Float
    loop_conductance: _Float
    loop_susceptance: _Float


@dataclass(frozen=True, eq=False)
class Forest:
    """A network with its parameters: the trees made by `forest`, with what `mesh.closed` ties to them.

    parent, nominal_voltage : (node,), as given. source : (root,) voltage of the ideal sources per unit, in
    order of the roots; no_load : (node,) the same for every node of the tree. table : all of it for the sweeps.
    """

    parent: _Index
    nominal_voltage: Voltages
    source: Ratios
    no_load: Ratios
    table: Table


@dataclass(frozen=True, eq=False)
class Flow:
    """State of a forest, each (..., node) but for the ties (..., tie) and the last two (...,).

    voltage   : complex line-line voltage at each node [V], angle against the sources, vector groups apart.
    current   : line current of the branch into each node, at the node's level [A].
    entering  : complex power into each branch at its parent's end [W + j var]; of a root, the source's.
    leaving   : complex power each branch delivers at its node [W + j var]; the difference is its loss.
    tie_current, tie_entering, tie_leaving : the same of each tie, entering at its start.
    converged : false where no state was found; everything else is then NaN. reason : a `Reason`.
    """

    voltage: ComplexVoltage
    current: Current
    entering: ComplexPower
    leaving: ComplexPower
    tie_current: Current
    tie_entering: ComplexPower
    tie_leaving: ComplexPower
    converged: Boolean
    reason: Integer


@dataclass(frozen=True, eq=False)
class Profile:
    """Voltages of a forest, (..., node) and for the last two (...,).

    magnitude : line-line voltage at each node [V]. angle : against the sources, vector groups apart [rad].
    converged, reason : as in `Flow`; where not converged the others are NaN.
    """

    magnitude: Voltage
    angle: Angle
    converged: Boolean
    reason: Integer


@dataclass(frozen=True, eq=False)
class Worst:
    """What stands out in a batch; scenarios without a state have no part in it.

    voltage, current, loading, loss : (node,) lowest line-line voltage [V], and of the branch into the node the
    highest line current [A], that over its rating [1] and the highest series loss [W]; mean_loss : (node,) mean
    of the latter [W]. voltage_scenario, current_scenario : (node,) the first scenario with that voltage, and
    with that current, loading and loss, counted through the leading axes; -1, and NaN, where none has a state.
    tie_current, tie_scenario : (tie,) highest line current [A] and its scenario.
    voltage_rank, current_rank, tie_rank : what picks the scenario, the larger the worse: squares per unit of watts
    and nominal, that of the voltage with its sign turned. `merged` needs them, for of unequal squares the roots may
    be equal.
    lowest : (...,) lowest voltage of each scenario over nominal [1]. total_loss : (...,) its loss in all
    branches, shunts and ties [W]. converged, reason : (...,) as in `Flow`.
    """

    voltage: Voltage
    voltage_scenario: Integer
    voltage_rank: _Float
    current: Current
    current_scenario: Integer
    current_rank: _Float
    loading: Ratio
    loss: Power
    mean_loss: Power
    tie_current: Current
    tie_scenario: Integer
    tie_rank: _Float
    lowest: Ratio
    total_loss: Power
    converged: Boolean
    reason: Integer

    @classmethod
    def merged(cls, parts: Iterable[Worst]) -> Worst:
        """The worst of a batch from those of its chunks, so that a batch of any length need not be in memory.

        parts : of `worst` or of this, one at least, in the order of their scenarios; of a generator one at a time is
        held. Scenarios are counted on from chunk to chunk and (...,) comes back as (scenario,). The result is that
        of one call, to the bit and with the first of equals, but for `mean_loss`, which rounding may alter.

        >>> line = forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
        >>> chunks = np.array([[[0.0, 60e3], [0.0, 1e9]], [[0.0, 100e3], [0.0, 100e3]]])
        >>> found = Worst.merged(worst(line, chunk, np.zeros(2), rating=200.0) for chunk in chunks)
        >>> found.voltage[1].round(3), found.voltage_scenario[1], found.converged.tolist()
        (np.float64(412.576), np.int64(2), [True, False, True, True])
        """
        found: dict[str, Any] = {}
        single: dict[str, list[Any]] = {"lowest": [], "total_loss": [], "converged": [], "reason": []}
        first, settled = 0, 0
        mean: Array = 0.0
        for part in parts:
            _take(found, part, first, _RANKED)
            count = int(np.count_nonzero(part.converged))
            settled += count
            mean = mean + (np.nan_to_num(part.mean_loss) - mean) * (count / (settled or 1))
            for name, row in single.items():
                row.append(np.ravel(getattr(part, name)))
            first += np.size(part.converged)
        whole = {name: np.concatenate(row) for name, row in single.items()}
        return cls(mean_loss=mean if settled else mean + np.nan, **found, **whole)


# What goes with each rank from chunk to chunk.
_RANKED = {
    "voltage_rank": ("voltage", "voltage_scenario"),
    "current_rank": ("current", "current_scenario", "loading", "loss"),
    "tie_rank": ("tie_current", "tie_scenario"),
}


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
    >>> line.table.node.tolist()
    [0, 1]
    """
    above = np.asarray(parent, dtype=np.intp)
    level = depth(above)
    nominal = _per_node(nominal_voltage, above)
    root = np.flatnonzero(above < 0)
    source = np.array(np.broadcast_to(np.asarray(source_voltage_ratio, dtype=np.float64), root.shape))
    no_load, origin = np.empty(len(above)), np.empty(len(above), dtype=np.intp)
    no_load[root], origin[root] = source, np.arange(len(root))
    for step in range(1, int(level.max(initial=0)) + 1):
        nodes = np.flatnonzero(level == step)
        no_load[nodes] = no_load[above[nodes]]

    order = _walk(above)
    row = np.empty_like(order)
    row[order] = np.arange(len(order))
    base = np.square(nominal)
    series = [(_per_node(part, above) / base)[order] for part in (resistance, reactance)]
    shunt = [(_per_node(part, above) * base)[order] for part in (conductance, susceptance)]
    table = Table(
        node=order,
        end=len(root) + np.arange(len(order)),
        above=np.where(above < 0, origin, len(root) + row[above])[order],
        resistance=series[0],
        reactance=series[1],
        conductance=shunt[0],
        susceptance=shunt[1],
        shunted=(shunt[0] != 0.0) | (shunt[1] != 0.0),
        nominal=nominal[order],
        no_load=no_load[order],
        source=source,
        tie_ends=np.empty((2, 0), dtype=np.intp),
        tie_resistance=np.empty(0),
        tie_reactance=np.empty(0),
        loop_conductance=np.empty((0, 0)),
        loop_susceptance=np.empty((0, 0)),
    )
    return Forest(above, nominal, source, no_load, table)


def flow(
    forest: Forest,
    power: Power,
    reactive: ReactivePower,
    start: ComplexVoltage | None = None,
    tolerance: Tolerance = 1e-10,
    iterations: int = 60,
) -> Flow:
    """Voltages, currents and powers of a network under constant-power loads.

    forest : the network. power, reactive : (..., node) loads [W], [var]; leading axes are scenarios and
    broadcast. start : (..., node) line-line voltages to begin with [V], such as those of a flow nearby;
    where not finite, and without it, the no-load voltage of the source.
    tolerance : largest error left in a voltage [per unit], estimated from how fast its changes shrink; of the
    first sweep, the largest change. iterations : sweeps at most.

    A sweep takes the drops off from the roots down and adds the currents from the leaves up; with drops of
    a few per cent it settles in 5 to 8 sweeps. Each scenario stops by its own change, so its result is the same,
    to the bit, alone and in any batch. The currents belong to the voltages given: powers balance to rounding,
    the drops to the tolerance. A scenario without a solution is NaN and not converged, and so
    is one so close to the nose of its voltage curve that the sweeps do not get there (on a single line,
    above 97 % of the largest power). Shirmohammadi et al., IEEE Trans. Power Systems 3 (1988) 753.

    >>> line = forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
    >>> state = flow(line, np.array([0.0, 100e3]), np.zeros(2))
    >>> round(float(state.voltage[1].real), 3)
    412.576
    """
    from electrical.compiled import balanced

    shape, loads = _batch(forest, power, reactive, () if start is None else np.shape(start))
    begin = None
    if start is not None:
        given = np.asarray(start, dtype=np.complex128) / forest.nominal_voltage
        begin = np.broadcast_to(np.where(np.isfinite(given), given, forest.no_load), shape)
        begin = begin.reshape(-1, shape[-1])
    table, scenarios = forest.table, len(loads[0])
    start_rows, end_rows = table.tie_ends
    tied = table.nominal[start_rows - len(table.source)]
    branches, ties = _branches(scenarios, shape[-1]), _branches(scenarios, len(tied))
    reason = np.empty(scenarios, dtype=np.int8)
    with np.errstate(all="ignore"):
        for group in _groups(forest, loads, begin, tolerance, iterations, reason):
            found = group.reason, group.voltage
            balanced.store(
                table.node,
                table.end,
                table.above,
                table.nominal,
                *found,
                group.current,
                group.first,
                *branches,
            )
            if len(tied):
                place = np.arange(len(tied))
                balanced.store(place, end_rows, start_rows, tied, *found, group.tie, group.first, *ties)
    leading = shape[:-1]
    ended = leading + tied.shape
    return Flow(
        voltage=branches[0].reshape(shape),
        current=branches[1].reshape(shape),
        entering=branches[2].reshape(shape),
        leaving=branches[3].reshape(shape),
        tie_current=ties[1].reshape(ended),
        tie_entering=ties[2].reshape(ended),
        tie_leaving=ties[3].reshape(ended),
        converged=(reason == Reason.SETTLED).reshape(leading),
        reason=reason.reshape(leading),
    )


def profile(
    forest: Forest,
    power: Power,
    reactive: ReactivePower,
    tolerance: Tolerance = 1e-10,
    iterations: int = 60,
) -> Profile:
    """Magnitude and angle of every voltage and nothing else: a third of the memory of `flow`.

    Arguments and method as in `flow`.

    >>> line = forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
    >>> profile(line, np.array([0.0, 100e3]), np.zeros(2)).magnitude.round(3).tolist()
    [415.0, 412.576]
    """
    from electrical.compiled import balanced

    shape, loads = _batch(forest, power, reactive)
    magnitude, angle = np.empty(loads[0].shape), np.empty(loads[0].shape)
    reason = np.empty(len(loads[0]), dtype=np.int8)
    with np.errstate(all="ignore"):
        for group in _groups(forest, loads, None, tolerance, iterations, reason):
            balanced.polar(forest.table, group.reason, group.voltage, group.first, magnitude, angle)
    reason = reason.reshape(shape[:-1])
    return Profile(magnitude.reshape(shape), angle.reshape(shape), reason == Reason.SETTLED, reason)


def worst(
    forest: Forest,
    power: Power,
    reactive: ReactivePower,
    rating: Current | None = None,
    tolerance: Tolerance = 1e-10,
    iterations: int = 60,
) -> Worst:
    """The worst of a batch at every node and the sums of every scenario, without storing scenario by node.

    rating : (node,) line current that the branch into each node may carry, at the node's level [A]; without it
    the loading is NaN. The other arguments and the method as in `flow`.

    >>> line = forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
    >>> found = worst(line, np.array([[0.0, 60e3], [0.0, 100e3], [0.0, 1e9]]), np.zeros(2), rating=200.0)
    >>> found.voltage[1].round(3), found.voltage_scenario[1], found.loading[1].round(3)
    (np.float64(412.576), np.int64(1), np.float64(0.7))
    >>> [Reason(reason).name for reason in found.reason]
    ['SETTLED', 'SETTLED', 'COLLAPSED']
    """
    from electrical.compiled import balanced

    shape, loads = _batch(forest, power, reactive)
    table, scenarios = forest.table, len(loads[0])
    rows, ties = (len(table.node), balanced.LANES), (table.tie_ends.shape[1], balanced.LANES)
    lowest, highest, tied = np.zeros((2, *rows)), np.zeros((2, *rows)), np.zeros((2, *ties))
    lowest[0], highest[0], tied[0], squares = np.inf, -1.0, -1.0, np.zeros(rows)
    low, loss, reason = np.empty(scenarios), np.empty(scenarios), np.empty(scenarios, dtype=np.int8)
    with np.errstate(all="ignore"):
        for group in _groups(forest, loads, None, tolerance, iterations, reason):
            balanced.reduce(
                table, group.reason, group.voltage, group.current, group.tie, group.first,
                lowest, highest, squares, tied, low, loss,
            )  # fmt: skip
    settled = reason == Reason.SETTLED
    count = int(settled.sum())
    least, least_scenario = _first(-lowest[0], lowest[1], count)
    most, most_scenario = _first(highest[0], highest[1], count)
    tie_most, tie_scenario = _first(tied[0], tied[1], count)
    mean = squares.sum(axis=1) / (count or np.nan)
    row = np.empty_like(table.node)
    row[table.node] = np.arange(len(row))
    current = (np.sqrt(most / 3.0) / table.nominal)[row]
    leading = shape[:-1]
    return Worst(
        voltage=(np.sqrt(-least) * table.nominal)[row],
        voltage_scenario=least_scenario[row],
        voltage_rank=least[row],
        current=current,
        current_scenario=most_scenario[row],
        current_rank=most[row],
        loading=current / _per_node(np.nan if rating is None else rating, table.node),
        loss=(table.resistance * most)[row],
        mean_loss=(table.resistance * mean)[row],
        tie_current=np.sqrt(tie_most / 3.0) / table.nominal[table.tie_ends[0] - len(table.source)],
        tie_scenario=tie_scenario,
        tie_rank=tie_most,
        lowest=np.sqrt(low).reshape(leading),
        total_loss=loss.reshape(leading),
        converged=settled.reshape(leading),
        reason=reason.reshape(leading),
    )


class _Group(NamedTuple):
    """A few scenarios from `first` on, side by side: (row, 2, lane) but for the reason (lane,)."""

    first: int
    voltage: _Float
    current: _Float
    tie: _Float
    reason: npt.NDArray[np.int8]


def _groups(
    forest: Forest,
    loads: list[_Float],
    start: _Complex | None,
    tolerance: float,
    iterations: int,
    reason: npt.NDArray[np.int8],
) -> Iterator[_Group]:
    """The state of the batch, group after group in the same work arrays; `reason` (scenario,) is filled.

    loads (scenario, node) each, start (scenario, node) per unit.
    """
    from electrical.compiled import balanced

    table, lanes = forest.table, balanced.LANES
    roots, rows = len(table.source), len(table.node)
    voltage, current = np.zeros((roots + rows, 2, lanes)), np.empty((roots + rows, 2, lanes))
    voltage[:roots, 0] = table.source[:, None]
    tie, demand = np.empty((table.tie_ends.shape[1], 2, lanes)), np.empty((rows, 2, lanes))
    group = _Group(0, voltage, current, tie, np.empty(lanes, dtype=np.int8))
    for first in range(0, len(reason), lanes):
        current.fill(0.0)
        tie.fill(0.0)
        voltage[roots:, 0] = table.no_load[:, None]
        voltage[roots:, 1] = 0.0
        if start is not None:
            given = start[first : first + lanes, table.node].T
            voltage[roots:, 0, : given.shape[1]] = given.real
            voltage[roots:, 1, : given.shape[1]] = given.imag
        balanced.settle(
            table, loads[0], loads[1], first, float(tolerance), int(iterations),
            demand, voltage, current, tie, group.reason,
        )  # fmt: skip
        used = reason[first : first + lanes]
        used[:] = group.reason[: len(used)]
        yield group._replace(first=first)


def _branches(scenarios: int, count: int) -> tuple[_Complex, _Float, _Complex, _Complex]:
    """Room for voltage, current, entering and leaving power of branches, (scenario, branch)."""
    shape = scenarios, count
    return (
        np.empty(shape, dtype=np.complex128),
        np.empty(shape),
        np.empty(shape, dtype=np.complex128),
        np.empty(shape, dtype=np.complex128),
    )


def _batch(
    forest: Forest, power: Array, reactive: Array, other: tuple[int, ...] = ()
) -> tuple[tuple[int, ...], list[_Float]]:
    """Shape (..., node) of the batch, and both loads (scenario, node) as the one type of array that the sweeps
    are compiled for, not copied if they are so already."""
    given = [np.asarray(part, dtype=np.float64) for part in (power, reactive)]
    shape = np.broadcast_shapes(*(part.shape for part in given), forest.parent.shape, other)
    full = (part if part.shape == shape else np.broadcast_to(part, shape) for part in given)
    return shape, [np.require(part.reshape(-1, shape[-1]), requirements=["C", "W"]) for part in full]


def _first(values: _Float, scenario: _Float, count: int) -> tuple[_Float, npt.NDArray[np.int64]]:
    """Greatest over the lanes and the first scenario that has it; NaN and -1 if `count` scenarios are none."""
    if count == 0:
        return np.full(len(values), np.nan), np.full(len(values), -1)
    greatest = values.max(axis=1)
    first = np.where(values == greatest[:, None], scenario, np.inf).min(axis=1)
    return greatest, first.astype(np.int64)


def _take(found: dict[str, Any], part: Any, first: int, ranked: Mapping[str, tuple[str, ...]]) -> None:
    """Takes a chunk, whose scenarios are counted from `first`, on in the worst so far, where it is worse.

    ranked : fields that rank, NaN where none has a state, each with those that go with it.
    """
    for rank, names in ranked.items():
        before = found.get(rank, np.nan)
        worse = (getattr(part, rank) > before) | np.isnan(before)
        for name in (rank, *names):
            value = getattr(part, name)
            if name.endswith("_scenario"):
                value = np.where(value < 0, value, value + first)
            found[name] = np.where(worse, value, found.get(name, value))


def _walk(parent: _Index) -> _Index:
    """The nodes, each tree from its root, each node followed by the tree below it."""
    below: list[list[int]] = [[] for _ in parent]
    for node in np.flatnonzero(parent >= 0)[::-1]:
        below[parent[node]].append(int(node))
    ahead = np.flatnonzero(parent < 0)[::-1].tolist()
    order = []
    while ahead:
        order.append(ahead.pop())
        ahead += below[order[-1]]
    return np.array(order, dtype=np.intp)


def _per_node(value: Array | None, parent: npt.NDArray[np.intp]) -> _Float:
    """The value of each node, (node,); none is zero."""
    return np.broadcast_to(np.asarray(0.0 if value is None else value, dtype=np.float64), parent.shape)
