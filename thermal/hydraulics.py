"""Flows and pressures of liquid networks of any shape, in batches, by the global gradient method.

Unknown are the mass flow of every branch and the pressure of every node. Each Newton pass removes the flows, so
that a sparse symmetric system of the nodes alone is left (Todini and Pilati, in Computer Applications in Water
Supply 1, 1988, 1-20). Its order of elimination belongs to the `Network` and is found once; what may differ
between scenarios is an argument of `solve`. A flow counts positive from a branch's start to its end; it may
reverse, be nothing, or be held by a check valve or a limiter, and these are states like any other.

The passes are compiled: the first call in a process takes some 0.3 s to load them, the first ever some 13 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from thermal.branch import CONTROL, Law
from thermal.network import Network
from thermal.quantities import (
    Array,
    Boolean,
    Density,
    Integer,
    MassFlow,
    Pressure,
    Ratio,
    Tolerance,
    Viscosity,
)

_Float = npt.NDArray[np.float64]

_NONE = np.empty((0, 1))  # in place of an argument that is a number
_INT8, _INT16, _BOOL = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.bool_)
LEAST_AUTHORITY = 0.1  # below it the opening of a valve hardly moves the flow


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

    >>> from thermal.branch import Pipe
    >>> from thermal.network import network
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

    >>> from thermal.branch import Resistance, Valve, flow_area_kv
    >>> from thermal.network import network
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

    >>> from thermal.branch import Pipe
    >>> from thermal.network import network
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


def _leading(network: Network, *arguments: Array) -> tuple[int, ...]:
    """The axes of the scenarios."""
    shapes = [np.shape(value)[:-1] for value in arguments]
    return np.broadcast_shapes(*shapes, network.raw.shape[:1] if len(network.raw) > 1 else ())


@cache
def _compiled() -> ModuleType:
    """The compiled passes, which take long to import."""
    from thermal.compiled import newton

    return newton


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
