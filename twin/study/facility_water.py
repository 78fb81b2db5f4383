"""How the CDUs share the facility water along mains and headers, and what head their pumps need for it.

The equilibrium takes facility pumps whose head goes with the square of their flow through the catalogue's rating point,
and CDU valves that hold what each loop asks for. Here the network of a plant is solved as it is piped: pumps, main to
the halls, streets along them, a header along each hall's CDUs, exchangers and control valves, dry coolers.

The layout says where halls and CDUs stand. The main runs along the halls' fronts, from each column of halls, which are
those of one x, a street runs along y, and from the middle of a hall a header leads to its CDUs. What it does not say is
assumed: OUTDOOR metres from the plant to the first hall, CONNECTION metres from header to CDU, sizes of carbon steel
pipe by velocity. Trim chillers take a side stream of their own, and all pipes lie level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from geometry.route import manhattan_length
from thermal import hydraulics, pipe, pump
from thermal.branch import Branch, FixedFlow, Limiter, Pipe, Pump, Resistance, Valve
from thermal.loop import BRANCH_EXPONENT
from thermal.network import network
from twin.catalogue import Product, product
from twin.equilibrium import solve
from twin.equipment import design_flow, sized
from twin.facility import DEVICE_KINDS, Facility
from twin.operation import Operation
from twin.schema import Pipe as Run
from twin.schema import Plant
from twin.study.headers import ARRANGEMENTS, VESSEL, PipeRow, ladder, pipe_table

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

VELOCITY = 3.0
"""Greatest velocity of facility water [m/s]; assumed."""
OUTDOOR = 30.0
"""Length of the main from the plant to the first hall, where the layout gives none [m]; assumed."""
CONNECTION = 3.0
"""Length of pipe from the header to a CDU [m]; assumed."""
SHORTEST = 0.1
"""Length of pipe between taps that geometry has in one place, such as two blocks of one hall [m]."""
MATERIAL = "carbon-steel"
SHUT_OFF = 4.0 / 3.0
"""Head of a pump without flow over its rated one, from which the curve falls as the flow squared through the rating
point: the one-point curve of EPANET (2.2 user manual, 3.1: 133 %, and no head at twice the flow)."""
STATIONS = ("pumps", "main", "street", "header", "connection", "exchanger", "valve", "header back", "street back",
            "main back", "coolers")  # fmt: skip
"""Where the pressure of a CDU's way is told, each at the end of what it names; the coolers end at the pumps."""


@dataclass(frozen=True)
class _Piping:
    """The network of one plant: its nodes and pipes, and (cdu,) nodes of each CDU that runs."""

    suction: int
    discharge: int
    back: int
    """Where the main comes back to the coolers; the suction itself without any."""
    pipes: Pipe
    inlet: Index
    middle: Index
    """Between exchanger and valve."""
    there: Index
    home: Index
    way: Index
    """(4, cdu) nodes where the street and the header on its way begin, and where they end on the way back."""
    table: list[PipeRow]


def facility_water(
    facility: Facility, operation: Operation | None = None, state: xr.Dataset | None = None
) -> xr.Dataset:
    """Facility water of every CDU under both arrangements, (arrangement, cdu), and the pressures that go with it.

    operation : one scenario. state : of `solve(facility, operation)`, solved here if it is not given. ValueError if it
    has no solution, or no loop. CDUs out of service are NaN.
    `asked` what the equilibrium has each CDU draw. `flow` and `deviation` from that with all control valves wide open
    and the pumps at `pump_speed`; `held` with valves that hold what is asked for, as far as it goes with the pumps at
    full speed. `balance` and `balance_kv` of a valve that makes up for the shorter way; `authority` share of the wide
    open control valve in the head of the pumps; `differential_pressure` between the headers and `pressure` by station
    when balanced, absolute. By (arrangement, plant): `head` the network needs, `pump_speed` at which `pumps_running`
    have it, above 1 where they cannot; `available_head` at full speed and `pump_margin`, what that has over; `spread`,
    `worst_cdu`, `lowest_pressure` and `highest_pressure`. By plant `pump_flow` of each pump, and what the equilibrium
    takes: no more flow than its `pump_rating`, and `assumed_head`. Pipes as in `headers`, with their product.

    >>> import twin
    >>> found = facility_water(twin.load())
    >>> bool((found["head"] < found.available_head).all())
    True
    """
    state = solve(facility, operation) if state is None else state
    if not bool(state.converged[0]):
        raise ValueError("no solution")
    if not facility.cooling.loop.any():
        raise ValueError("no loop of coolant")
    cdus = np.flatnonzero(facility.devices.kind == DEVICE_KINDS.index("cdu"))
    names = [facility.devices.name[index] for index in cdus]
    plants = len(facility.plants)
    of_cdu = {
        "flow": "m3/s", "deviation": "1", "held": "m3/s", "balance": "Pa", "balance_kv": "m3/h", "authority": "1",
        "differential_pressure": "Pa",
    }  # fmt: skip
    of_plant = {
        "head": "Pa", "spread": "1", "pump_speed": "1", "available_head": "Pa", "pump_margin": "1",
        "lowest_pressure": "Pa", "highest_pressure": "Pa",
    }  # fmt: skip
    values = {name: np.full((2, len(cdus)), np.nan) for name in of_cdu}
    values |= {name: np.full((2, plants), np.nan) for name in of_plant}
    pressure = np.full((2, len(cdus), len(STATIONS)), np.nan)
    worst = np.full((2, plants), -1)
    of_flow = {
        "assumed_head": "Pa", "pumps_running": "1", "pump_flow": "m3/s", "pump_rating": "m3/s", "flow_asked": "m3/s",
    }  # fmt: skip
    single = {name: np.full(plants, np.nan) for name in of_flow}
    asked = np.full(len(cdus), np.nan)
    pipes: list[PipeRow] = []
    for plant in range(plants):
        mine, drawn = _asked(facility, state, plant)
        cooled = _rejecting(facility, state, plant) is not None
        if not len(mine):
            continue
        place = np.searchsorted(cdus, mine)
        asked[place] = drawn
        for way, arrangement in enumerate(ARRANGEMENTS):
            made = _piping(facility, plant, mine, drawn, cooled, arrangement)
            found = _solved(facility, state, plant, made, mine, drawn)
            for name in of_cdu:
                values[name][way, place] = found[name]
            for name in of_plant:
                values[name][way, plant] = found[name]
            for name in single:
                single[name][plant] = found[name]
            pressure[way, place] = found["pressure"]
            worst[way, plant] = place[int(np.argmin(found["balance"]))]
        pipes += made.table
    variables: dict[str, Any] = {
        name: (("arrangement", axis), values[name], {"units": unit})
        for axis, listed in (("cdu", of_cdu), ("plant", of_plant))
        for name, unit in listed.items()
    }
    variables["asked"] = (("cdu",), asked, {"units": "m3/s"})
    of_plants = facility.cooling.plant[facility.devices.block[cdus]]
    variables["cdu_plant"] = (("cdu",), of_plants, {"long_name": "index along plant"})
    variables["pressure"] = (("arrangement", "cdu", "station"), pressure, {"units": "Pa"})
    told = {"long_name": "index along cdu of the one that sets the head, -1 without any"}
    variables["worst_cdu"] = (("arrangement", "plant"), worst, told)
    for name, unit in of_flow.items():
        variables[name] = (("plant",), single[name], {"units": unit})
    labels = {
        "arrangement": list(ARRANGEMENTS), "cdu": names, "plant": list(facility.plants),
        "station": list(STATIONS), "pipe": [row.name for row in pipes],
    }  # fmt: skip
    return xr.Dataset(variables | pipe_table(pipes), labels)


def _asked(facility: Facility, state: xr.Dataset, plant: int) -> tuple[Index, Array]:
    """CDUs of a plant that run, and what each asks for [m3/s]: facility water at the capacity rate of its loop, in
    equal parts."""
    cooling, devices = facility.cooling, facility.devices
    running = (devices.kind == DEVICE_KINDS.index("cdu")) & (state.device_alive.values[0] > 0)
    duty = state.cdu_duty.values[0]
    rise = state.loop_return_temperature.values[0] - state.supply_temperature.values[0]
    mine = np.flatnonzero(running & (cooling.plant[devices.block] == plant) & (duty[devices.block] > 0.0))
    block = devices.block[mine]
    units = np.bincount(block, minlength=len(facility.blocks))[block]
    carried = cooling.plant_heat_capacity[plant] * cooling.plant_density[plant]
    return mine, duty[block] / rise[block] / carried / units


def _rejecting(facility: Facility, state: xr.Dataset, plant: int) -> tuple[float, float, float] | None:
    """What the facility water passes outdoors, if anything: drop [Pa] and mass flow [kg/s] of one at its rating, and
    how many there are. Dry coolers, or the plates of an outdoor loop."""
    given, cooling = _plant(facility, plant), facility.cooling
    if given.outdoor is not None:
        plates = product(given.outdoor.exchangers.product)
        return plates["pressureDrop"], plates["ratingMassFlow"], float(given.outdoor.exchangers.count)
    units = _running(facility, state, "dry_cooler", plant)
    if not units or given.dry_coolers is None:
        return None
    through = float(cooling.dry_cooler_water[plant] / cooling.plant_heat_capacity[plant])
    return product(given.dry_coolers.product)["waterPressureDrop"], through, units


def _solved(
    facility: Facility, state: xr.Dataset, plant: int, made: _Piping, mine: Index, asked: Array
) -> dict[str, Any]:
    """The networks of one plant: every CDU at what it asks for, valves wide open, and valves that hold it."""
    cooling, devices, given = facility.cooling, facility.devices, _plant(facility, plant)
    density = float(cooling.plant_density[plant])
    ends = state.facility_supply_temperature, state.facility_return_temperature
    mean = float(np.mean([one.values[0, plant] for one in ends]))
    viscosity = float(cooling.plant_fluid[plant].viscosity(mean))
    mass, total = asked * density, float(asked.sum())
    figures = [product(devices.product[index]) for index in mine]
    rated, exchanger, valve = (
        np.array([one[name] for one in figures])
        for name in ("ratingMassFlow", "primaryPressureDrop", "primaryValvePressureDrop")
    )
    branches: list[Branch] = [
        made.pipes,
        Resistance(made.inlet, made.middle, exchanger, rated, BRANCH_EXPONENT),
    ]
    rejecting = _rejecting(facility, state, plant)
    if rejecting:
        drop, through, coolers = rejecting
        branches.append(Resistance([made.back], [made.suction], drop, through, BRANCH_EXPONENT))
    running = min(_running(facility, state, "pump", plant), float(given.pumps.required))
    rated_head, rated_flow = float(cooling.pump_head[plant]), float(cooling.pump_flow[plant])
    curve = (SHUT_OFF * rated_head, 0.0, (1.0 - SHUT_OFF) * rated_head / rated_flow**2)
    pumps = Pump([made.suction], [made.discharge], curve)

    def solved(last: Branch, fixed: list[int], speed: float | None = None) -> tuple[Array, Array]:
        """Flows through a kind of valve [m3/s] and the pressures; with the pumps where they have a speed."""
        net = network([*branches, last, *([] if speed is None else [pumps])], fixed=fixed)
        setting, units = np.ones((2, len(net.start)))
        if rejecting:
            units[net.place[2]] = coolers
        if speed is not None:
            setting[-1], units[-1] = speed, running
        held = [VESSEL] * len(fixed)
        found = hydraulics.solve(net, density, viscosity, held, setting=setting, running=units)
        return np.asarray(found.mass_flow)[net.place[len(branches)]] / density, np.asarray(found.pressure)

    # Each CDU at what it asks for: what is lost on the way there and back, and what it needs between.
    _, home = solved(FixedFlow(made.middle, made.home, mass), [made.suction, made.discharge])
    taken = valve * (mass / rated) ** 2
    needed = taken - (home[made.middle] - home[made.home])
    head = float(needed.max())
    there = home + head
    balance = np.where(head - needed > 1e-9 * head, head - needed, 0.0)
    with np.errstate(divide="ignore"):
        kv = asked * 3600.0 / np.sqrt(balance / 1e5 * 1000.0 / density)
    each = total / running if running else np.inf
    speed = float(np.sqrt((head - curve[2] * each**2) / curve[0]))
    available = float(pump.head(each, curve)) if running else 0.0

    area = rated / density / np.sqrt(valve / density)
    open_, _ = solved(Valve(made.middle, made.home, area), [made.suction], min(speed, 1.0))
    held, _ = solved(Limiter(made.middle, made.home, asked, taken), [made.suction], 1.0)
    street, tee, tee_back, street_back = made.way
    along = [there[made.discharge], there[street], there[tee], there[made.there], there[made.inlet],
             there[made.middle], home[made.home], home[tee_back], home[street_back], home[made.back],
             VESSEL]  # fmt: skip
    stations = np.stack(np.broadcast_arrays(*along), axis=-1)
    return {
        "flow": open_,
        "deviation": open_ / asked - 1.0,
        "held": held,
        "balance": balance,
        "balance_kv": kv,
        "authority": taken / head,
        "differential_pressure": there[made.there] - home[made.home],
        "pressure": stations,
        "head": head,
        "spread": float(np.abs(open_ / asked - 1.0).max()),
        "pump_speed": speed,
        "available_head": available,
        "pump_margin": available / head - 1.0,
        "lowest_pressure": float(stations.min()),
        "highest_pressure": float(stations.max()),
        "assumed_head": rated_head * (total / float(cooling.pump_design_flow[plant])) ** 2,
        "pumps_running": running,
        "pump_flow": each,
        "pump_rating": rated_flow,
        "flow_asked": total,
    }


def _running(facility: Facility, state: xr.Dataset, kind: str, plant: int) -> float:
    """Devices of a kind of plant equipment that are in service and fed."""
    devices = facility.devices
    mine = (devices.kind == DEVICE_KINDS.index(kind)) & (devices.block == plant)
    return float(state.device_alive.values[0, mine].sum())


def _plant(facility: Facility, plant: int) -> Plant:
    """The plant as the layout has it."""
    shared = facility.layout.shared
    units = [block.template for block in facility.layout.blocks for _ in block.placements]
    found = shared.plant if shared and shared.plant else units[plant].plant
    assert found is not None, "a loop has a plant"
    return found


def _design(facility: Facility, plant: int) -> Array:
    """Facility water of each block at TDP and the set-point of its loop, for which pipes are sized, (block,) [m3/s]: as
    much as carries the heat of the technology coolant at the same rise."""
    cooling, racks = facility.cooling, facility.racks
    units = [block.template for block in facility.layout.blocks for _ in block.placements]
    carried = float(cooling.plant_heat_capacity[plant] * cooling.plant_density[plant])
    found = np.zeros(len(units))
    for index, unit in enumerate(units):
        if unit.loop is not None:
            fluid, supply = cooling.fluid[index], unit.loop.supply_temperature
            flow = design_flow(unit.loop, racks, racks.block == index)
            found[index] = flow * float(fluid.density(supply) * fluid.heat_capacity(supply)) / carried
    return found


def _piping(
    facility: Facility, plant: int, mine: Index, asked: Array, cooled: bool, arrangement: str
) -> _Piping:
    """Nodes and pipes of a plant from where its halls and their CDUs stand.

    mine : CDUs that run; the others have a tap without a connection. asked : of each [m3/s]. cooled : whether dry
    coolers run.
    """
    devices, given = facility.devices, _plant(facility, plant)
    block_of = devices.block[mine]
    blocks, running = np.unique(block_of), set(mine.tolist())
    every = devices.kind == DEVICE_KINDS.index("cdu")
    wanted, drawn = _design(facility, plant), np.bincount(block_of, asked, len(facility.blocks))
    node = count()
    suction, discharge = next(node), next(node)
    back = next(node) if cooled else suction
    laid: list[tuple[int, int, float, Product]] = []
    table: list[PipeRow] = []
    nodes: dict[int, tuple[int, ...]] = {}
    low = facility.hall[:, 0]
    # Where a hall's header leaves the street, and where its street leaves the main.
    door = np.column_stack([low[:, 0], facility.hall.mean(axis=1)[:, 1], low[:, 2]])

    def lay(
        name: str, kind: str, run: Run, ends: tuple[int, int], steps: Sequence[float], of: Index
    ) -> list[tuple[int, int]]:
        """Lay a header that the blocks `of` draw on, and return the nodes of its taps there and back."""
        steps = [max(step, SHORTEST) for step in steps]
        taps = [(next(node), next(node)) for _ in steps]
        made = sized(run, float(wanted[of].sum()), product, VELOCITY, MATERIAL)
        there, home = [one for one, _ in taps], [other for _, other in taps]
        laid.extend((*one, made) for one in zip(*ladder(ends, there, home, steps, arrangement), strict=True))
        speed = pipe.velocity(float(drawn[of].sum()), made["innerDiameter"])
        table.append(
            PipeRow(name, kind, made["innerDiameter"], sum(steps), float(speed), VELOCITY, made.name)
        )
        return taps

    streets = [blocks[low[blocks, 0] == x] for x in np.unique(low[blocks, 0])]
    streets = [street[np.argsort(low[street, 1], kind="stable")] for street in streets]
    feet = [low[street[0]] for street in streets]
    steps = [given.main.length or OUTDOOR, *(float(manhattan_length(a, b)) for a, b in pairwise(feet))]
    title = facility.plants[plant]
    taps = lay(f"{title} water main", "water main", given.main, (discharge, back), steps, blocks)
    for number, (street, foot, ends) in enumerate(zip(streets, feet, taps, strict=True), 1):
        steps = [float(manhattan_length(a, b)) for a, b in pairwise([foot, *door[street]])]
        name = f"{title} {number} water street" if len(streets) > 1 else f"{title} water street"
        tees = lay(name, "water street", Run(), ends, steps, street)
        for block, tee in zip(street.tolist(), tees, strict=True):
            cdus = np.flatnonzero(every & (devices.block == block))
            spots = devices.box[cdus].mean(axis=1)[:, :2]
            if manhattan_length(door[block, :2], spots[-1]) < manhattan_length(door[block, :2], spots[0]):
                cdus, spots = cdus[::-1], spots[::-1]
            steps = [float(manhattan_length(a, b)) for a, b in pairwise([door[block, :2], *spots])]
            if given.header.length is not None:
                steps = [step * given.header.length / sum(steps) for step in steps]
            name = facility.blocks[block]
            rungs = lay(f"{name} water header", "water header", given.header, tee, steps, np.array([block]))
            required = max(float(facility.required["cdu"][block]), 1.0)
            link = sized(Run(), float(wanted[block]) / required, product, VELOCITY, MATERIAL)
            speed = pipe.velocity(
                float(drawn[block]) / np.count_nonzero(block_of == block), link["innerDiameter"]
            )
            told = (link["innerDiameter"], CONNECTION, float(speed), VELOCITY, link.name)
            table.append(PipeRow(f"{name} CDU connection", "CDU connection", *told))
            for cdu, (there, home) in zip(cdus.tolist(), rungs, strict=True):
                if cdu not in running:
                    continue
                nodes[cdu] = (there, home, next(node), next(node), ends[0], tee[0], tee[1], ends[1])
                laid.append((there, nodes[cdu][2], 2.0 * CONNECTION, link))
    there, home, inlet, between, *way = np.array([nodes[cdu] for cdu in mine.tolist()]).T
    start, end, length, made = zip(*laid, strict=True)
    pipes = Pipe(
        np.array(start),
        np.array(end),
        np.array([one["innerDiameter"] for one in made]),
        np.array(length) * (1.0 + np.array([one["fittingLengthRatio"] for one in made])),
        np.array([one["roughness"] for one in made]),
    )
    return _Piping(suction, discharge, back, pipes, inlet, between, there, home, np.array(way), table)
