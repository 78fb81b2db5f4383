"""Flows and pressures of liquid networks of any shape, in batches, by the global gradient method.

Unknown are the mass flow of every branch and the pressure of every node. Each Newton pass removes the flows, so
that a sparse symmetric system of the nodes alone is left (Todini and Pilati, in Computer Applications in Water
Supply 1, 1988, 1-20). Its order of elimination belongs to the `Network` and is found once; what may differ
between scenarios is an argument of `solve`. A flow counts positive from a branch's start to its end; it may
reverse, be nothing, or be held by a check valve or a limiter, and these are states like any other.

The passes are compiled: the first call in a process takes some 0.3 s to load them, the first ever some seconds.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from thermal.pump import HeadCurve
from thermal.quantities import (
    Acceleration,
    Area,
    Array,
    Boolean,
    Density,
    Integer,
    Length,
    MassFlow,
    Pressure,
    Ratio,
    Tolerance,
    Viscosity,
    VolumeFlow,
)

_Float = npt.NDArray[np.float64]
_Index = npt.NDArray[np.intp]
_Row = npt.NDArray[np.uint64]  # rows of the compiled loops: without a sign nothing has to look for one

# Flow area of a valve of Kv 1 and of Cv 1: 1 m^3/h at 1 bar and 1 US gal/min at 1 psi, both of 1,000 kg/m^3 [m^2].
KV_AREA = 1 / 3600 / np.sqrt(1e5 / 1e3)
CV_AREA = 231 * 0.0254**3 / 60 / np.sqrt(6894.757293168 / 1e3)
# Head lost per length, 4.727 C^-1.852 d^-4.871 Q^1.852 in feet and seconds, turned to metres.
HAZEN_WILLIAMS = 4.727 * 0.3048**-0.685
RUN = 32  # branches that go through a pass together
_NONE = np.empty((0, 1))  # in place of an argument that is a number
_INT8, _INT16, _BOOL = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.bool_)
LEAST_AUTHORITY = 0.1  # below it the opening of a valve hardly moves the flow


class Law(IntEnum):
    """What ties the drop of a branch to its flow."""

    CHURCHILL = 0
    SWAMEE_JAIN = 1
    HAZEN_WILLIAMS = 2
    PUMP = 3
    EQUAL_PERCENTAGE = 4
    LINEAR = 5
    LIMITER = 6
    POWER = 7
    FIXED = 8
    COUPLING = 9


CONTROL = (Law.EQUAL_PERCENTAGE, Law.LINEAR)


class Friction(IntEnum):
    """Formula of the friction factor of a `Pipe`.

    CHURCHILL : as `pipe.friction_factor`. SWAMEE_JAIN : as EPANET's Darcy-Weisbach, 64/Re to a Reynolds number of
    2,000, from 4,000 Swamee and Jain (J. Hydraulics Division ASCE 102, 1976, 657), between them the cubic of
    Dunlop (EPANET 2.2 user manual, appendix on hydraulics).
    """

    CHURCHILL = Law.CHURCHILL
    SWAMEE_JAIN = Law.SWAMEE_JAIN


class Trim(IntEnum):
    """How the flow area of a `Valve` goes with its opening y.

    EQUAL_PERCENTAGE : rangeability^(y - 1), and below an opening of 5 % straight down to none. LINEAR : y.
    """

    EQUAL_PERCENTAGE = Law.EQUAL_PERCENTAGE
    LINEAR = Law.LINEAR


class Mode(IntEnum):
    """What a branch does: OPEN passes what its law says, CHECKED stands at a check valve, LIMITED at a limit or
    a fixed flow, CLOSED is shut, switched off or stopped."""

    OPEN = 0
    CHECKED = 1
    LIMITED = 2
    CLOSED = 3


class Reason(IntEnum):
    """Why a scenario has a state or none.

    SEPARATED : some nodes are asked for, or given, flow that no branch can carry to or from a node of fixed
    pressure, since what leads there is closed, checked or limited. UNSETTLED : the passes allowed did not reach
    the tolerance. UNDEFINED : a number is not finite, or a density, viscosity, setting or number of units cannot
    be.
    """

    SETTLED = 0
    SEPARATED = 1
    UNSETTLED = 2
    UNDEFINED = 3


class Fault(IntEnum):
    """What `findings` finds.

    ALL_CLOSED : no branch passes flow. NO_SOURCE : nothing drives a flow: no pump that runs, no fixed flow or
    demand, no two fixed pressures apart. NO_AUTHORITY : a valve takes less than a tenth of the pressure that it
    holds when shut.
    """

    ALL_CLOSED = 0
    NO_SOURCE = 1
    NO_AUTHORITY = 2


class Finding(NamedTuple):
    """One suspicion about the input: what, in which scenario (counted through the leading axes), at which branch
    (-1: of the whole network), the number that led to it, and a sentence."""

    fault: Fault
    scenario: int
    branch: int
    value: float
    text: str


@dataclass(frozen=True, eq=False)
class Pipe:
    """Round pipes with fittings, each (pipe,) or (scenario, pipe): dp = (f L/D + K) rho v^2 / 2.

    start, end : (pipe,) nodes. diameter : inside [m]. length : [m]. roughness : of the wall [m].
    loss_coefficient : sum over the fittings. check : (pipe,) whether a check valve lets flow go from start to
    end only. friction : formula of the factor. Range as of the formula.
    """

    start: Integer
    end: Integer
    diameter: Length
    length: Length
    roughness: Length = 0.0
    loss_coefficient: Ratio = 0.0
    check: Boolean = False
    friction: Friction = Friction.CHURCHILL


@dataclass(frozen=True, eq=False)
class HazenWilliamsPipe:
    """Round pipes of cool water by Hazen and Williams, each (pipe,) or (scenario, pipe).

    start, end, diameter, length, loss_coefficient, check : as of `Pipe`. coefficient : C, 150 for smooth pipe.
    Head per length 10.67 C^-1.852 D^-4.871 Q^1.852 in metres and seconds, turbulent flow of water only.
    """

    start: Integer
    end: Integer
    diameter: Length
    length: Length
    coefficient: Ratio
    loss_coefficient: Ratio = 0.0
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class Pump:
    """Pumps that lift from start to end, each (pump,) or (scenario, pump). Their setting is the speed.

    curve : a, b, c of one unit's head at full speed as in `pump.head` [SI], falling. At speed N and with n units
    in parallel a N^2 + b N q + c q |q| with q = Q/n. check : (pump,) whether a check valve keeps flow from
    going back; with it a pump stands when it is outdone, without it a stopped one is a resistance.
    """

    start: Integer
    end: Integer
    curve: HeadCurve
    check: Boolean = True


@dataclass(frozen=True, eq=False)
class Valve:
    """Control valves, each (valve,) or (scenario, valve): Q = A sqrt(dp / rho). Their setting is the opening.

    flow_area : wide open [m^2], from `flow_area_kv` or `flow_area_cv`. rangeability : flow area open over that at
    no opening of the equal-percentage trim, above 1, 50 as a rule. trim : how the area goes with the opening.
    Below a Reynolds number of 1 in the area the drop turns linear. IEC 60534-2-1:2011, without expansion.
    """

    start: Integer
    end: Integer
    flow_area: Area
    rangeability: Ratio = 50.0
    trim: Trim = Trim.EQUAL_PERCENTAGE
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class Coupling:
    """Quick disconnects, strainers and orifices by flow area, each (coupling,) or (scenario, coupling).

    flow_area : [m^2], of the pair of halves, from `flow_area_kv` or `flow_area_cv`: Q = A sqrt(dp / rho).
    """

    start: Integer
    end: Integer
    flow_area: Area
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class Limiter:
    """Pressure-independent control valves, each (limiter,) or (scenario, limiter). Their setting y is the opening.

    maximum_flow : [m^3/s]. drop : least pressure at which the valve controls [Pa].
    Q = y Qmax while there is more pressure than that, else y Qmax sqrt(dp / drop): the lesser of the two.
    """

    start: Integer
    end: Integer
    maximum_flow: VolumeFlow
    drop: Pressure


@dataclass(frozen=True, eq=False)
class Resistance:
    """Filters, cold plates, exchangers and other data-sheet points, each (one,) or (scenario, one).

    drop : [Pa] at the mass_flow [kg/s]. exponent : of the flow, 1 to 2: 1.76 of a filter, 1.85 of a rack of cold
    plates. dp = setting drop (m / mass_flow)^exponent; the setting is the fouling, 1 when clean. Below 1e-5 of
    the mass_flow the drop turns linear.
    """

    start: Integer
    end: Integer
    drop: Pressure
    mass_flow: MassFlow
    exponent: Ratio = 1.8
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class FixedFlow:
    """Branches whose flow is given, whatever pressure it takes, each (one,) or (scenario, one).

    mass_flow : from start to end [kg/s]; the setting multiplies it.
    """

    start: Integer
    end: Integer
    mass_flow: MassFlow


Branch = Pipe | HazenWilliamsPipe | Pump | Valve | Coupling | Limiter | Resistance | FixedFlow


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


@dataclass(frozen=True, eq=False)
class Flow:
    """State of a network.

    mass_flow : (..., branch) from start to end [kg/s]. pressure : (..., node) [Pa]; NaN where a node hangs on no
    open branch and so has none. mode : (..., branch) a `Mode`. converged : (...,) false where no state was found;
    flows and pressures are then NaN. reason : (...,) a `Reason`. passes : (...,) Newton passes taken.
    """

    mass_flow: MassFlow
    pressure: Pressure
    mode: Integer
    converged: Boolean
    reason: Integer
    passes: Integer


def flow_area_kv(kv: Ratio) -> Area:
    """Flow area A of Q = A sqrt(dp / rho) from Kv, (...,) [m^2].

    kv : m^3/h of water at 1 bar, a bare number as on data sheets.

    >>> flow_area_kv(36.0)
    np.float64(0.001)
    """
    area: Array = kv * KV_AREA
    return area


def flow_area_cv(cv: Ratio) -> Area:
    """Flow area A of Q = A sqrt(dp / rho) from Cv, (...,) [m^2].

    cv : US gal/min of water at 1 psi, a bare number as on data sheets; Kv = 0.865 Cv (IEC 60534-1).

    >>> round(float(flow_area_cv(1.0) / flow_area_kv(1.0)), 3)
    0.865
    """
    area: Array = cv * CV_AREA
    return area


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


def solve(
    network: Network,
    density: Density,
    viscosity: Viscosity,
    pressure: Pressure = 0.0,
    demand: MassFlow = 0.0,
    setting: Ratio = 1.0,
    running: Ratio = 1.0,
    start: MassFlow | None = None,
    tolerance: Tolerance = 1e-10,
    passes: int = 100,
) -> Flow:
    """Flows and pressures of a network; leading axes are scenarios and broadcast.

    density, viscosity : (..., branch) of the liquid [kg/m^3], [Pa*s]. pressure : (..., fixed) of the fixed nodes
    [Pa]. demand : (..., node) taken from the nodes, negative when given [kg/s]; nothing at fixed ones.
    setting : (..., branch) speed of a pump, opening of a valve or limiter, fouling of a `Resistance`, share of a
    fixed flow; pipes have none. running : (..., branch) equal units in parallel that the branch stands for, 0
    closes it. start : (..., branch) flows to begin with, such as those of a state nearby; without it all begin
    turbulent. tolerance : of the largest flow, to which flows balance at every node and each branch's flow
    agrees with its law, and of the largest drop. passes : at most.

    Ends p + rho g z differ by what the law of the branch says, sum of flows into a node = demand. Newton's step is
    shortened where the energy that it is the minimum of would rise. A check valve or limiter is a complementarity,
    settled by an active set: exactly no flow, exactly the limit. Each scenario stops by its own residual, so its
    result is the same, to the bit, alone and in any batch. A scenario without a state is NaN, not converged, and
    has a reason.

    >>> siphon = network([Pipe([0, 1], [1, 2], 0.1, 50.0, 45e-6, 1.5)], fixed=[0, 2])
    >>> state = solve(siphon, density=1000.0, viscosity=[[1e-3], [2e-3]], pressure=[30e3, 0.0])
    >>> state.mass_flow.round(2).tolist()
    [[12.96, 12.96], [12.45, 12.45]]
    """
    compiled = _compiled()
    branches, nodes = len(network.start), network.nodes
    leading: tuple[int, ...] = network.raw.shape[:1] if len(network.raw) > 1 else ()
    # Numbers go as they are: to make arrays of them takes as long as a few passes through a small network.
    numbers: list[float] = []
    arrays: list[_Float] = []
    begin = np.nan if start is None else start
    for value in density, viscosity, setting, running, demand, pressure, begin:
        if isinstance(value, float):
            numbers.append(value)
            arrays.append(_NONE)
        else:
            array = np.asarray(value, np.float64)
            if array.ndim > 1 and array.shape[:-1] != leading:
                leading = np.broadcast_shapes(leading, array.shape[:-1])
            numbers.append(0.0)
            arrays.append(array)
    widths = branches, branches, branches, branches, nodes, len(network.fixed), branches
    for place, array in enumerate(arrays):
        if array is not _NONE:
            arrays[place] = _flat(array, leading, widths[place])
    count, raw = math.prod(leading), network.raw
    if len(raw) not in (1, count):
        raw = np.tile(raw, (count // len(raw), 1, 1))
    flow, potential = np.empty((*leading, branches)), np.empty((*leading, nodes))
    mode, converged = np.empty((*leading, branches), _INT8), np.empty(leading, _BOOL)
    reason, taken = np.empty(leading, _INT8), np.empty(leading, _INT16)
    compiled.settle(
        network.index, network.table.height, network.table.gravity, raw, *arrays, tuple(numbers), float(tolerance),
        int(passes), compiled.SINGLE if count < 4 else compiled.SEVERAL,
        flow.ravel(), potential.ravel(), mode.ravel(), converged.ravel(), reason.ravel(), taken.ravel(),
    )  # fmt: skip
    return Flow(flow, potential, mode, converged, reason, taken)


def pressure_drop(network: Network, state: Flow) -> Pressure:
    """Pressure at the start less that at the end of every branch, (..., branch) [Pa]; of a pump, minus its rise.

    state : from `solve`. Holds what the liquid weighs between ends of different elevation.
    """
    pressure = np.asarray(state.pressure)
    drop: Array = pressure[..., network.start] - pressure[..., network.end]
    return drop


def authority(
    network: Network,
    density: Density,
    viscosity: Viscosity,
    pressure: Pressure = 0.0,
    demand: MassFlow = 0.0,
    setting: Ratio = 1.0,
    running: Ratio = 1.0,
) -> Ratio:
    """Share that each control valve has in the pressure which moves its flow, (..., valve), 0 to 1.

    Arguments as of `solve`; the setting of control valves is not read. Valves in order of the branch axis.
    Drop of the valve when all are wide open, over the drop it holds when it alone is shut. NaN where one of the two
    has no state. Below 0.3 control gets poor, below 0.1 there is hardly any (VDI/VDE 2173; ASHRAE HVAC Systems and
    Equipment 2020, ch. 47).

    >>> line = network(
    ...     [Resistance([0], [1], 3e4, 1.0, 2.0), Valve([1], [2], flow_area_kv(3.6))], fixed=[0, 2]
    ... )
    >>> authority(line, density=1000.0, viscosity=1e-3, pressure=[1e5, 0.0]).round(3)
    array([0.769])
    """
    valves = np.flatnonzero(np.isin(network.law, CONTROL))
    leading = _leading(network, density, viscosity, pressure, demand, setting, running)
    # An axis in front of the scenarios for the valve that is shut, the first of them none.
    cases = (len(valves) + 1, *leading, len(network.start))
    wide = np.where(np.isin(network.law, CONTROL), 1.0, np.broadcast_to(setting, cases))
    alive = np.array(np.broadcast_to(running, cases), dtype=np.float64)
    alive[np.arange(len(valves)) + 1, ..., valves] = 0.0
    state = solve(network, density, viscosity, pressure, demand, wide, alive)
    drops = np.asarray(pressure_drop(network, state))[..., valves]
    open_, shut = drops[0], np.stack([drops[1 + one][..., one] for one in range(len(valves))], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Array = open_ / shut
    return share


def findings(
    network: Network,
    density: Density,
    viscosity: Viscosity,
    pressure: Pressure = 0.0,
    demand: MassFlow = 0.0,
    setting: Ratio = 1.0,
    running: Ratio = 1.0,
) -> tuple[Finding, ...]:
    """What is likely wrong with the input, before it is solved; arguments as of `solve`.

    Such an input has a state as a rule, one without flow or without control, and `solve` gives it.

    >>> still = network([Pipe([0, 1], [1, 0], 0.1, 50.0)], fixed=[0])
    >>> [finding.fault.name for finding in findings(still, 1000.0, 1e-3)]
    ['NO_SOURCE']
    """
    leading = _leading(network, density, viscosity, pressure, demand, setting, running)
    count = int(np.prod(leading))
    widths = len(network.fixed), network.nodes, len(network.start), len(network.start), len(network.start)
    held, taken, opening, units, weight = (
        np.broadcast_to(np.asarray(value, dtype=np.float64), (*leading, width)).reshape(count, width)
        for value, width in zip((pressure, demand, setting, running, density), widths, strict=True)
    )
    law, height = network.law, np.empty(network.nodes)
    height[network.table.node] = network.table.height
    settable = ~np.isin(law, (Law.CHURCHILL, Law.SWAMEE_JAIN, Law.HAZEN_WILLIAMS))
    passing = (units > 0.0) & (~settable | (opening != 0.0))
    found = [
        Finding(Fault.ALL_CLOSED, int(scenario), -1, 0.0, f"scenario {scenario}: every branch is closed")
        for scenario in np.flatnonzero(~passing.any(axis=1))
    ]
    given = (law == Law.FIXED) & (network.raw[..., 0] != 0.0)
    driven = (passing & ((law == Law.PUMP) | given)).any(axis=1) | (taken != 0.0).any(axis=1)
    potential = held + weight[:, :1] * network.table.gravity * height[network.fixed]
    driven |= np.ptp(potential, axis=1) > 1e-12 * np.abs(potential).max(axis=1)
    driven |= (np.ptp(weight, axis=1) > 0.0) & (np.ptp(height) > 0.0)
    found += [
        Finding(Fault.NO_SOURCE, int(scenario), -1, 0.0, f"scenario {scenario}: nothing drives a flow")
        for scenario in np.flatnonzero(~driven & passing.any(axis=1))
    ]
    valves = np.flatnonzero(np.isin(law, CONTROL))
    if len(valves):
        share = authority(network, density, viscosity, pressure, demand, setting, running)
        share = np.broadcast_to(share, (*leading, len(valves))).reshape(count, len(valves))
        for scenario, valve in np.argwhere(share < LEAST_AUTHORITY):
            branch, value = int(valves[valve]), float(share[scenario, valve])
            text = f"scenario {scenario}: valve at branch {branch} has no authority, {value:.3f} of the drop"
            found.append(Finding(Fault.NO_AUTHORITY, int(scenario), branch, value, text))
    return tuple(found)


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


def _leading(network: Network, *arguments: Array) -> tuple[int, ...]:
    """The axes of the scenarios."""
    shapes = [np.shape(value)[:-1] for value in arguments]
    return np.broadcast_shapes(*shapes, network.raw.shape[:1] if len(network.raw) > 1 else ())


@cache
def _compiled() -> ModuleType:
    """The compiled passes, which take long to import."""
    from thermal.compiled import hydraulics

    return hydraulics


def _flat(value: _Float, leading: tuple[int, ...], width: int) -> _Float:
    """An argument (scenario, element), either axis one long where all share the value."""
    if value.ndim == 0:
        value = value[None, None]
    else:
        last = value.shape[-1]
        if last not in (1, width):
            raise ValueError(f"an argument has {last} elements on its last axis where {width} belong")
        if value.size != last:
            value = np.broadcast_to(value, (*leading, last))
        value = value.reshape(-1, last)
    # One type of array, so that the passes are compiled once.
    return value if value.flags.carray else value.copy()
