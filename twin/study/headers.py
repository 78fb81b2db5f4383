"""How the racks of a loop share its coolant along mains, headers and branches, with direct and with reverse return.

The equilibrium takes rack valves that hold their set-points, pumps that hold the head of the worst branch, and one
share for all racks where the pumps do not suffice. Here the network is solved as it is piped: what every rack gets
with all valves wide open, and what valves have to take so that each gets what it asks for.

With direct return the first rack of a row has the shortest way there and back; with reverse return the header of the
return goes on to the far end and comes back as a pipe of its own, so that all ways are about equally long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from thermal import hydraulics, pipe
from thermal.branch import FixedFlow, Pipe, Resistance
from thermal.loop import BRANCH_EXPONENT
from thermal.network import network
from twin.equilibrium import solve
from twin.equipment import VELOCITY
from twin.facility import DEVICE_KINDS, Facility
from twin.operation import Operation

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

ARRANGEMENTS = ("direct", "reverse")
VESSEL = 250e3
"""Absolute pressure at the return of the CDUs, where the expansion vessel holds it [Pa]; assumed, 1.5 bar on gauge."""
BRANCH_VELOCITY = 1.5
"""Greatest coolant velocity in the branch to a rack [m/s]: of copper; assumed."""
STATIONS = ("pumps", "main", "header", "hose", "plates", "valve", "row", "return", "exchanger")
"""Where the pressure of a rack's way is told, each at the end of what it names: the CDU's outlet, the main, the row's
header as far as the rack, its hose, its plates and couplings, its valve with what balances it, the header back, the
main back, and filter and exchanger of the CDU, after which the pumps draw."""
RETURN, SUPPLY, TEE, BACK = range(4)
"""Nodes: manifolds of the CDUs, and where the main meets the rows there and back."""


class PipeRow(NamedTuple):
    """One pipe as `pipe_table` takes it."""

    name: str
    kind: str
    diameter: float
    """Bore [m]."""
    length: float
    """One way [m]."""
    velocity: float
    limit: float
    product: str = ""


@dataclass(frozen=True)
class _Piping:
    """One loop: racks in the order of its rows from the main on, nodes of their headers and hoses, and its pipes."""

    racks: Index
    supply: Index
    back: Index
    middle: Index
    mains: Pipe
    headers: Pipe
    hoses: Pipe


def headers(
    facility: Facility, operation: Operation | None = None, state: xr.Dataset | None = None
) -> xr.Dataset:
    """Coolant of every rack under both arrangements, (arrangement, rack), and the pressures that go with it.

    operation : one scenario. state : of `solve(facility, operation)`, solved here if it is not given. ValueError if it
    has no solution or no loop.
    `flow` with all valves wide open and as much coolant in all as is asked for; `deviation` from what the rack asks;
    `balance` what a valve in its branch has to take so that it gets that, and `balance_kv` its Kv; `supply_pressure`
    and `return_pressure` of its header then, `differential_pressure` between them, and `pressure` by station along its
    way, all absolute; `header_velocity` at the row's first rack; `authority` share of the rack valve in the head of the
    pumps. By (arrangement, block): `head` of the pumps when balanced, `worst_branch` that sets it, `spread` of the flow
    of the worst rack from what it asks for, `worst_rack`, `main_velocity`, `lowest_pressure`, absolute. By pipe its
    `pipe_kind`, bore, length one way, velocity at the flow asked for and the limit of that.

    >>> import twin
    >>> found = headers(twin.load())
    >>> bool(found.spread.sel(arrangement="reverse")[0] < found.spread.sel(arrangement="direct")[0])
    True
    """
    state = solve(facility, operation) if state is None else state
    if not bool(state.converged[0]):
        raise ValueError("no solution")
    loops = np.flatnonzero(facility.cooling.loop)
    if not len(loops):
        raise ValueError("no loop of coolant")
    racks, blocks = len(facility.racks.name), len(facility.blocks)
    of_rack = {
        name: np.full((2, racks), np.nan)
        for name in ("flow", "deviation", "balance", "balance_kv", "supply_pressure", "return_pressure",
                     "differential_pressure", "header_velocity", "authority")
    }  # fmt: skip
    pressure = np.full((2, racks, len(STATIONS)), np.nan)
    pipes: list[PipeRow] = []
    of_block = {
        name: np.full((2, blocks), np.nan) for name in ("head", "spread", "main_velocity", "lowest_pressure")
    }
    worst, sets = np.full((2, blocks), -1), np.full((2, blocks), -1)
    for block in loops.tolist():
        for place, arrangement in enumerate(ARRANGEMENTS):
            found = _loop(facility, state, block, arrangement)
            for name, values in of_rack.items():
                values[place, found["racks"]] = found[name]
            pressure[place, found["racks"]] = found["pressure"]
            for name, values in of_block.items():
                values[place, block] = found[name]
            worst[place, block] = found["racks"][int(np.argmin(found["deviation"]))]
            sets[place, block] = found["racks"][int(np.argmin(found["balance"]))]
        pipes += _pipes(facility, state, block)
    units = {
        "flow": "m3/s", "deviation": "1", "balance": "Pa", "balance_kv": "m3/h", "supply_pressure": "Pa",
        "return_pressure": "Pa", "differential_pressure": "Pa", "header_velocity": "m/s", "authority": "1",
        "head": "Pa", "spread": "1", "main_velocity": "m/s", "lowest_pressure": "Pa",
    }  # fmt: skip
    variables: dict[str, Any] = {
        name: (("arrangement", "rack"), values, {"units": units[name]}) for name, values in of_rack.items()
    }
    variables |= {
        name: (("arrangement", "block"), values, {"units": units[name]}) for name, values in of_block.items()
    }
    for name, values in (("worst_rack", worst), ("worst_branch", sets)):
        told = {"long_name": "index along rack, -1 without a loop"}
        variables[name] = (("arrangement", "block"), values, told)
    variables["pressure"] = (("arrangement", "rack", "station"), pressure, {"units": "Pa"})
    variables |= pipe_table(pipes)
    variables["rack_block"] = (("rack",), facility.racks.block, {"long_name": "index along block"})
    variables["asked"] = (("rack",), state.coolant_demand.values[0], {"units": "m3/s"})
    labels = {
        "arrangement": list(ARRANGEMENTS), "rack": list(facility.racks.name), "block": list(facility.blocks),
        "station": list(STATIONS), "pipe": [row.name for row in pipes],
    }  # fmt: skip
    return xr.Dataset(variables, labels)


def _loop(facility: Facility, state: xr.Dataset, block: int, arrangement: str) -> dict[str, Array]:
    """Both networks of one loop: valves wide open, and every rack at what it asks for."""
    racks, cooling = facility.racks, facility.cooling
    made = _piping(facility, block, arrangement)
    mine = made.racks
    temperature = float(state.supply_temperature.values[0, block])
    fluid = cooling.fluid[block]
    density, viscosity = float(fluid.density(temperature)), float(fluid.viscosity(temperature))
    asked = state.coolant_demand.values[0, mine]
    mass = asked * density
    needs = Resistance(
        made.middle,
        made.back,
        racks.branch_pressure[mine],
        racks.reference_flow[mine] * density,
        BRANCH_EXPONENT,
    )
    pumps = FixedFlow([RETURN], [SUPPLY], [mass.sum()])
    open_ = network([made.mains, made.headers, made.hoses, needs, pumps], fixed=[RETURN])
    free = hydraulics.solve(open_, density, viscosity, [VESSEL])
    got = free.mass_flow[open_.place[3]] / density

    # Each rack at what it asks for: what is lost on its way there and back, and what it needs between.
    held = FixedFlow(made.middle, made.back, mass)
    closed = network([made.mains, made.headers, made.hoses, held], fixed=[RETURN, SUPPLY])
    full = hydraulics.solve(closed, density, viscosity, [VESSEL, VESSEL])
    pressure = full.pressure
    own = racks.branch_pressure[mine] * (asked / racks.reference_flow[mine]) ** BRANCH_EXPONENT
    needed = own - (pressure[made.middle] - pressure[made.back])
    head = float(needed.max())
    balance = np.where(head - needed > 1e-9 * head, head - needed, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        kv = asked * 3600.0 / np.sqrt(balance / 1e5 * 1000.0 / density)
    valve = np.array(
        [
            kind.product["valvePressureDrop"] if kind.product.get("liquidCooling") else 0.0
            for kind in racks.types
        ]
    )
    taken = valve[racks.type[mine]] * (asked / racks.reference_flow[mine]) ** BRANCH_EXPONENT
    velocity = pipe.velocity(
        _first(facility, made, asked), np.unique(cooling.row_pipe["diameter"][racks.row[mine]])[0]
    )
    inside = cooling.cdu_pressure[block] * (
        float(state.loop_flow.values[0, block]) / max(float(_units(facility, state, block)), 1.0)
        / cooling.cdu_volume_flow[block]
    ) ** BRANCH_EXPONENT  # fmt: skip
    there, home = pressure + head, pressure
    along = [there[SUPPLY], there[TEE], there[made.supply], there[made.middle],
             there[made.middle] - (own - taken), home[made.back], home[BACK], home[RETURN],
             VESSEL - inside]  # fmt: skip
    solved = bool(free.converged) and bool(full.converged)
    # Where nothing is asked for, nothing is shared out.
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation, authority = got / asked - 1.0, taken / head
    return {
        "racks": mine,
        "flow": got if solved else np.full(len(mine), np.nan),
        "deviation": deviation,
        "balance": balance,
        "balance_kv": kv,
        "supply_pressure": there[made.supply],
        "return_pressure": home[made.back],
        "differential_pressure": there[made.supply] - home[made.back],
        "pressure": np.stack(np.broadcast_arrays(*along), axis=-1),
        "header_velocity": velocity,
        "authority": authority,
        "head": np.array(head),
        "spread": np.array(np.abs(deviation).max()),
        "main_velocity": pipe.velocity(asked.sum(), cooling.pipe["main_diameter"][block]),
        # The water comes back at the vessel's pressure and passes filter and exchanger before the pumps.
        "lowest_pressure": np.array(VESSEL - inside),
    }


def ladder(
    ends: tuple[int, int],
    there: Sequence[int],
    home: Sequence[int],
    steps: Sequence[float],
    arrangement: str,
) -> tuple[list[int], list[int], list[float]]:
    """Start, end and length of a header's pipes, there first, in the order of its taps.

    ends : nodes where it begins and where its return ends. there, home : nodes of its taps. steps : from the beginning
    to the first tap, from that to the second and so on [m]. The reverse return comes back from the last tap as a pipe
    of its own.

    >>> ladder((0, 1), [2, 3], [4, 5], [6.0, 2.0], "direct")
    ([0, 2, 4, 5], [2, 3, 1, 4], [6.0, 2.0, 6.0, 2.0])
    >>> ladder((0, 1), [2, 3], [4, 5], [6.0, 2.0], "reverse")
    ([0, 2, 4, 5], [2, 3, 5, 1], [6.0, 2.0, 2.0, 8.0])
    """
    start = [ends[0], *there[:-1], *home]
    if arrangement == "direct":
        return start, [*there, ends[1], *home[:-1]], [*steps, *steps]
    return start, [*there, *home[1:], ends[1]], [*steps, *steps[1:], sum(steps)]


def pipe_table(pipes: Sequence[PipeRow]) -> dict[str, Any]:
    """Variables along the pipes."""
    units = {"kind": "", "diameter": "m", "length": "m", "velocity": "m/s", "limit": "m/s", "product": ""}
    return {
        f"pipe_{name}": (("pipe",), [getattr(row, name) for row in pipes], {"units": unit} if unit else {})
        for name, unit in units.items()
    }


def _pipes(facility: Facility, state: xr.Dataset, block: int) -> list[PipeRow]:
    """The pipes of a loop; of the hoses the one with the most flow."""
    cooling, racks = facility.cooling, facility.racks
    asked = state.coolant_demand.values[0]
    mine = racks.block == block
    most = int(np.argmax(np.where(mine, asked, -1.0)))
    rows = np.flatnonzero(facility.row_block == block)
    found = []
    for name, kind, flow, part, index, limit in (
        (f"{facility.blocks[block]} main", "main", asked[mine].sum(), "main_", block, VELOCITY),
        *((f"{facility.rows[row]} header", "header", asked[racks.row == row].sum(), "", row, VELOCITY) for row in rows),
        (f"{racks.name[most]} hose", "hose", asked[most], "branch_", block, BRANCH_VELOCITY),
    ):  # fmt: skip
        kept = cooling.pipe if part else cooling.row_pipe
        bore, volume = float(kept[f"{part}diameter"][index]), float(kept[f"{part}volume"][index])
        # The volume is that of both ways without fittings.
        length = volume / (np.pi / 2.0 * bore**2)
        found.append(PipeRow(name, kind, bore, length, float(pipe.velocity(flow, bore)), limit))
    return found


def _units(facility: Facility, state: xr.Dataset, block: int) -> float:
    """CDUs of a block that run."""
    mine = (state.device_kind.values == "cdu") & (facility.devices.block == block)
    return float(state.device_alive.values[0, mine].sum())


def _first(facility: Facility, made: _Piping, asked: Array) -> Array:
    """Flow at the first rack of each rack's row [m3/s]."""
    row = facility.racks.row[made.racks]
    return np.asarray(np.bincount(row, asked)[row])


def _piping(facility: Facility, block: int, arrangement: str) -> _Piping:
    """Nodes and pipes of a loop from where its racks stand."""
    racks, cooling = facility.racks, facility.cooling
    size = {part: cooling.pipe[f"main_{part}"][block] for part in ("diameter", "length", "roughness")}
    mains = Pipe(
        [SUPPLY, BACK],
        [TEE, RETURN],
        [size["diameter"]] * 2,
        [size["length"] / 2.0] * 2,
        [size["roughness"]] * 2,
    )
    start, end, length, row_of, order = [], [], [], [], []
    supply, back = [], []
    node = BACK + 1
    devices = facility.devices
    cdus = np.flatnonzero((devices.kind == DEVICE_KINDS.index("cdu")) & (devices.block == block))
    origin = (
        devices.box[cdus[0]].mean(axis=0) if len(cdus) and np.isfinite(devices.box[cdus[0]]).all() else None
    )
    for row in np.flatnonzero(facility.row_block == block).tolist():
        mine = np.flatnonzero(racks.row == row)
        if origin is not None:
            ends = [np.abs(racks.box[rack].mean(axis=0) - origin).sum() for rack in (mine[0], mine[-1])]
            mine = mine[::-1] if ends[1] < ends[0] else mine
        step = cooling.row_pipe["length"][row] / 2.0 / len(mine)
        there, home = np.arange(node, node + len(mine)), np.arange(node + len(mine), node + 2 * len(mine))
        node += 2 * len(mine)
        rungs = ladder((TEE, BACK), there.tolist(), home.tolist(), [step] * len(mine), arrangement)
        for listed, part in zip((start, end, length), rungs, strict=True):
            listed += part
        row_of += [row] * (2 * len(mine))
        order += mine.tolist()
        supply += there.tolist()
        back += home.tolist()
    rows = np.array(row_of)
    headers_ = Pipe(
        np.array(start), np.array(end), cooling.row_pipe["diameter"][rows], np.array(length),
        cooling.row_pipe["roughness"][rows],
    )  # fmt: skip
    middle = np.arange(node, node + len(order))
    count = len(order)
    hoses = Pipe(
        np.array(supply), middle, np.full(count, cooling.pipe["branch_diameter"][block]),
        np.full(count, cooling.pipe["branch_length"][block]), np.full(count, cooling.pipe["branch_roughness"][block]),
    )  # fmt: skip
    return _Piping(np.array(order), np.array(supply), np.array(back), middle, mains, headers_, hoses)
