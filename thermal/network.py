"""Networks of liquid branches, made ready once for any number of solutions by `thermal.hydraulics.solve`.

The nodes are put in an order of elimination, that of least degree, in which the factor of their matrix fills little.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from thermal.branch import (
    Branch,
    Coupling,
    FixedFlow,
    HazenWilliamsPipe,
    Law,
    Limiter,
    Pipe,
    Pump,
    Resistance,
    Valve,
)
from thermal.quantities import Acceleration, Array, Boolean, Integer, Length

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.intp]
_Row = npt.NDArray[np.uint64]  # rows of the compiled loops: without a sign nothing has to look for one

# Head lost per length, 4.727 C^-1.852 d^-4.871 Q^1.852 in feet and seconds, turned to metres.
HAZEN_WILLIAMS = 4.727 * 0.3048**-0.685
RUN = 32  # branches that go through a pass together


class Table(NamedTuple):
    """A network in the order of the passes; rows are nodes in the order of elimination, the fixed ones last.

    kind, segment : (segment,) law, and (segment + 1,) its first branch. run_kind, run : the same of runs of a few
    branches, which pass by together so that what they hold stays in the cache. law : (branch,) the same.
    start, end, place, check : (branch,) rows of its ends, entry of the matrix that joins them (the last one where an
    end is fixed), whether it has a check valve. limited : (one,) the branches whose flow has a limit.
    node : (row,) the node. fixed : (fixed,) nodes of fixed pressure. column : (row + 1,) first entry below the
    diagonal of each column of the factor. row : (entry,) its row. fill : for every pair of entries of a column, column
    by column, the entry that their product changes. height : (row,) of the nodes [m]. gravity : [m/s^2].
    """

    kind: _Index
    segment: _Index
    run_kind: _Index
    run: _Index
    law: _Index
    start: _Row
    end: _Row
    place: _Row
    check: npt.NDArray[np.bool_]
    limited: _Row
    node: _Index
    fixed: _Index
    column: _Row
    row: _Row
    fill: _Row
    height: _Float
    gravity: float


@dataclass(frozen=True, eq=False)
class Network:
    """A network with its parameters, made by `network`.

    start, end, law : (branch,) nodes and law. place : where the branches of each group stand on the branch axis.
    nodes : how many. fixed : (fixed,) nodes of fixed pressure. raw : (scenario, branch, 4) parameters as the passes
    take them, one long where none is by scenario. table : all the rest for the passes. index : its arrays of whole
    numbers as one, which is handed over sooner: where each begins and the last ends, then one after the other.
    """

    start: _Index
    end: _Index
    law: _Index
    place: tuple[slice, ...]
    nodes: int
    fixed: _Index
    raw: _Float
    table: Table
    index: _Index


def network(
    branches: Sequence[Branch],
    fixed: Integer,
    elevation: Length = 0.0,
    nodes: int | None = None,
    gravity: Acceleration = 9.80665,
) -> Network:
    """A network ready for `solve`.

    branches : groups of like branches; on the branch axis they stand one after the other. fixed : (fixed,) nodes
    whose pressure is given: reservoirs, the expansion vessel. elevation : of the nodes, (node,) [m]. nodes : how
    many, where the last ones have no branch. gravity : [m/s^2].

    What can never be solved is a ValueError that names every such branch or node: a head curve that rises or has
    no shut-off head, sizes that are not positive, a valve without rangeability, a branch from a node to itself,
    an island without a node of fixed pressure.

    >>> from thermal.hydraulics import solve
    >>> loop = network([Pump([0], [1], (2e5, 0.0, -2e8)), Resistance([1], [0], 1e5, 20.0, 2.0)], fixed=[0])
    >>> state = solve(loop, density=1000.0, viscosity=1e-3, pressure=150e3)
    >>> state.mass_flow.round(3), state.pressure.round()
    (array([21.082, 21.082]), array([150000., 261111.]))
    """
    groups = [_read(group) for group in branches]
    counts = [len(group.start) for group in groups]
    bounds = np.cumsum([0, *counts])
    start = np.concatenate([group.start for group in groups] or [np.empty(0, np.intp)])
    end = np.concatenate([group.end for group in groups] or [np.empty(0, np.intp)])
    held = np.atleast_1d(np.asarray(fixed, dtype=np.intp))
    count = int(nodes if nodes is not None else max([-1, *start, *end, *held]) + 1)
    problems = [
        f"branch {first + branch}: {text}"
        for first, group in zip(bounds, groups, strict=False)
        for branch, text in group.problems
    ]
    outside = (start < 0) | (end < 0) | (start >= count) | (end >= count)
    problems += [f"branch {branch}: ends at what is not a node" for branch in np.flatnonzero(outside)]
    problems += [f"branch {branch}: joins a node to itself" for branch in np.flatnonzero(start == end)]
    if len(held) == 0:
        problems.append("no node has a fixed pressure")
    if np.any((held < 0) | (held >= count)) or len(set(held.tolist())) < len(held):
        problems.append("fixed: not a node, or twice the same")
    if len(start) == 0:
        problems.append("there are no branches")
    if not problems:
        adrift = _unreached(start, end, held, count)
        if len(adrift):
            problems.append(f"no branches lead from nodes {adrift.tolist()} to one of fixed pressure")
    if problems:
        raise ValueError("; ".join(problems))

    scenarios = max(group.raw.shape[0] for group in groups)
    raw = np.concatenate(
        [np.broadcast_to(group.raw, (scenarios, *group.raw.shape[1:])) for group in groups], axis=1
    )
    law = np.repeat([group.law for group in groups], counts).astype(np.intp)
    check = np.concatenate([group.check for group in groups])
    order = np.setdiff1d(np.arange(count), held)
    neighbours: list[set[int]] = [set() for _ in range(count)]
    is_held = np.zeros(count, dtype=np.bool_)
    is_held[held] = True
    inner = ~is_held[start] & ~is_held[end]
    for one, other in zip(start[inner].tolist(), end[inner].tolist(), strict=True):
        neighbours[one].add(other)
        neighbours[other].add(one)
    order, column, row, fill, position = _eliminated(order, neighbours)
    rank = np.empty(count, dtype=np.intp)
    rank[np.concatenate([order, held])] = np.arange(count)
    place = np.full(len(start), len(row), dtype=np.intp)
    for branch in np.flatnonzero(inner):
        first, second = sorted((int(rank[start[branch]]), int(rank[end[branch]])))
        place[branch] = position[first, second]
    runs = np.unique(np.concatenate([[len(start)], *(np.arange(a, b, RUN) for a, b in pairwise(bounds))]))
    runs = runs.astype(np.intp)
    height = np.broadcast_to(np.asarray(elevation, dtype=np.float64), (count,))
    table = Table(
        kind=np.array([group.law for group in groups], dtype=np.intp),
        segment=bounds.astype(np.intp),
        run_kind=law[runs[:-1]],
        run=runs,
        law=law,
        start=rank[start].astype(np.uint64),
        end=rank[end].astype(np.uint64),
        place=place.astype(np.uint64),
        check=check,
        limited=np.flatnonzero(check | (law == Law.LIMITER)).astype(np.uint64),
        node=np.concatenate([order, held]),
        height=height[np.concatenate([order, held])],
        fixed=held,
        gravity=float(gravity),
        column=column.astype(np.uint64),
        row=row.astype(np.uint64),
        fill=fill.astype(np.uint64),
    )
    parts = tuple(slice(int(a), int(b)) for a, b in pairwise(bounds))
    return Network(start, end, law, parts, count, held, np.ascontiguousarray(raw), table, _packed(table))


class _Group(NamedTuple):
    """Branches as the passes take them: (branch,) but for raw (scenario, branch, 4) and what is wrong."""

    law: Law
    start: _Index
    end: _Index
    check: npt.NDArray[np.bool_]
    raw: _Float
    problems: list[tuple[int, str]]


def _read(group: Branch) -> _Group:
    """The parameters of a group, and its problems by place in the group."""
    start = np.atleast_1d(np.asarray(group.start, dtype=np.intp))
    end = np.broadcast_to(np.asarray(group.end, dtype=np.intp), start.shape)
    problems: list[tuple[int, str]] = []

    def parameter(
        value: Array,
        name: str,
        sound: Callable[[_Float], npt.NDArray[np.bool_]],
        limits: str = "must be above 0",
    ) -> _Float:
        numbers = np.atleast_2d(np.asarray(value, dtype=np.float64))
        numbers = np.broadcast_to(numbers, (len(numbers), len(start)))
        wrong = ~(np.asarray(sound(numbers), dtype=np.bool_) & np.isfinite(numbers))
        for branch in np.flatnonzero(wrong.any(axis=0)):
            amount = numbers[np.flatnonzero(wrong[:, branch])[0], branch]
            problems.append((int(branch), f"{name} {limits}, is {amount:g}"))
        return np.where(wrong, 1.0, numbers)

    def positive(value: Array, name: str) -> _Float:
        return parameter(value, name, lambda numbers: numbers > 0.0)

    def not_negative(value: Array, name: str) -> _Float:
        return parameter(value, name, lambda numbers: numbers >= 0.0, "must not be negative")

    check: Boolean = False if isinstance(group, (Limiter, FixedFlow)) else group.check
    raw: Sequence[Array]
    if isinstance(group, (Pipe, HazenWilliamsPipe)):
        diameter, length = positive(group.diameter, "diameter"), positive(group.length, "length")
        loss = not_negative(group.loss_coefficient, "loss coefficient")
        fittings, number = 8 * loss / (np.pi**2 * diameter**4), 4 / (np.pi * diameter)
        if isinstance(group, Pipe):
            law = Law(int(group.friction))
            rough = not_negative(group.roughness, "roughness") / diameter
            raw = 8 * length / (np.pi**2 * diameter**5), fittings, number, rough
        else:
            law = Law.HAZEN_WILLIAMS
            smooth = positive(group.coefficient, "coefficient")
            raw = HAZEN_WILLIAMS * length * smooth**-1.852 * diameter**-4.871, fittings, number, 0.0
    elif isinstance(group, Pump):
        law = Law.PUMP
        a, b, c = np.broadcast_arrays(*(np.atleast_2d(np.asarray(part, np.float64)) for part in group.curve))
        shut_off = positive(a, "head without flow")
        slope = parameter(b, "slope b of the head without flow", lambda n: n <= 0.0, "must not rise")
        bend = parameter(c, "bend c of the head", lambda n: n <= 0.0, "must not rise")
        for branch in np.flatnonzero(np.broadcast_to(((slope == 0) & (bend == 0)).any(axis=0), start.shape)):
            problems.append((int(branch), "head does not fall with the flow"))
        # The flow at half the head without flow, by the form of the root that holds for b or c of 0.
        root = np.sqrt(np.maximum(slope * slope - 2 * bend * shut_off, 0.0)) - slope
        raw = shut_off, slope, bend, shut_off / np.where(root > 0.0, root, 1.0)
    elif isinstance(group, Valve):
        law = Law(int(group.trim))
        above = parameter(group.rangeability, "rangeability", lambda n: n > 1.0, "must be above 1")
        raw = positive(group.flow_area, "flow area"), np.log(above), 0.0, 0.0
    elif isinstance(group, Coupling):
        law = Law.COUPLING
        raw = positive(group.flow_area, "flow area"), 0.0, 0.0, 0.0
    elif isinstance(group, Limiter):
        law = Law.LIMITER
        raw = positive(group.maximum_flow, "maximum flow"), positive(group.drop, "drop"), 0.0, 0.0
    elif isinstance(group, Resistance):
        law = Law.POWER
        rated = positive(group.mass_flow, "mass flow")
        power = parameter(group.exponent, "exponent", lambda n: (n >= 1) & (n <= 2.5), "must be 1 to 2.5")
        raw = positive(group.drop, "drop") * rated**-power, (power - 1) / 2, rated, 0.0
    else:
        law = Law.FIXED
        raw = parameter(group.mass_flow, "mass flow", np.isfinite, "must be finite"), 0.0, 0.0, 0.0
    parts = np.broadcast_arrays(*(np.atleast_2d(np.asarray(part, np.float64)) for part in raw))
    numbers = np.stack(parts, axis=-1)
    numbers = np.broadcast_to(numbers, (len(numbers), len(start), 4))
    return _Group(law, start, end, np.broadcast_to(np.asarray(check), start.shape), numbers, problems)


def _unreached(start: _Index, end: _Index, held: _Index, count: int) -> _Index:
    """The nodes that no branches join to a node of fixed pressure."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for one, other in zip(start.tolist(), end.tolist(), strict=True):
        neighbours[one].append(other)
        neighbours[other].append(one)
    seen, ahead = set(held.tolist()), held.tolist()
    while ahead:
        for node in neighbours[ahead.pop()]:
            if node not in seen:
                seen.add(node)
                ahead.append(node)
    return np.array([node for node in range(count) if node not in seen], dtype=np.intp)


def _eliminated(
    nodes: _Index, neighbours: list[set[int]]
) -> tuple[_Index, _Index, _Index, _Index, dict[tuple[int, int], int]]:
    """Order of least degree, and the factor's column, row and fill as of `Table`; entry of every pair of rows.

    neighbours : of every node, used up.
    """
    queue = [(len(neighbours[node]), int(node)) for node in nodes]
    heapq.heapify(queue)
    order: list[int] = []
    below: list[set[int]] = []
    gone: set[int] = set()
    while queue:
        degree, node = heapq.heappop(queue)
        if node in gone or degree != len(neighbours[node]):
            continue
        gone.add(node)
        order.append(node)
        around = neighbours[node]
        below.append(around)
        for one in around:
            neighbours[one] |= around
            neighbours[one] -= {one, node}
        for one in around:
            heapq.heappush(queue, (len(neighbours[one]), one))
    rank = {node: row for row, node in enumerate(order)}
    columns = [sorted(rank[node] for node in around) for around in below]
    column = np.cumsum([0, *(len(rows) for rows in columns)]).astype(np.intp)
    position = {
        (row, other): int(column[row]) + place
        for row, rows in enumerate(columns)
        for place, other in enumerate(rows)
    }
    fill = [
        position[one, other]
        for rows in columns
        for place, one in enumerate(rows)
        for other in rows[place + 1 :]
    ]
    flat = np.array([other for rows in columns for other in rows], dtype=np.intp)
    return np.array(order, dtype=np.intp), column, flat, np.array(fill, dtype=np.intp), position


def _packed(table: Table) -> _Index:
    """The `index` of a `Network`."""
    *fields, _height, _gravity = table
    bounds = np.cumsum([len(fields) + 1, *(len(field) for field in fields)])
    return np.concatenate([bounds, *fields], dtype=np.int64, casting="unsafe")
