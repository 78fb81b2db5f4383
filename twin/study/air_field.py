"""The air of a hall in three dimensions: from a solved state to a field of velocity, temperature and pressure.

The hall is that of `twin.study.hall_grid`. The run is a transient at constant flows until the inlets of the racks hold
still on average; see `air_field`. The state's own aisle is well mixed: the field does not go back into it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xarray as xr

from thermal import air
from thermal.room import Air, Room, room, step, still, time_step
from twin.facility import Facility
from twin.study.hall_grid import SMALL, Openings, Voxels, voxels

Array = npt.NDArray[np.float64]

LONGEST = 0.3
"""Step [s], so that buoyant air is followed."""
WARM = 4
"""Flushes of the hall before anything is averaged; a batch is one flush, or `BATCH` [s] where that is longer."""
BATCH = 10.0
GROUPS = 6
"""Groups of successive batches whose means are taken as independent; 2.571 is Student's t of 95 % for them."""
STUDENT = 2.571
LEAST_BATCHES = 2 * GROUPS
RECOMMENDED = (291.15, 300.15)
"""Inlet air that ASHRAE recommends, 18 to 27 degC [K]: Thermal Guidelines, 5th ed. (unverified)."""
LEAST_ALLOWABLE = 283.15
"""Coldest allowable inlet of its class A2, 10 degC [K] (unverified)."""


def air_field(
    facility: Facility,
    state: xr.Dataset,
    block: int = 0,
    grid: str = "coarse",
    within: float = 0.3,
    most: int = 60,
    progress: Callable[[float, float], None] | None = None,
) -> xr.Dataset:
    """The mean air of a block's hall with the flows and heat of a state's first scenario.

    within : uncertainty of every rack's inlet at which the run ends [K]. most : batches after which it ends anyhow.
    progress : is told how much time has passed in the hall and at what time the run may end [s].

    After `WARM` flushes of the hall, means are taken over batches of a flush each. Six groups of successive batches
    stand for independent samples: the uncertainty of a rack's inlet is the half width of the 95 % interval of Student
    about their mean. It is that of the mean flow on this grid alone, not of grid, turbulence or what the layout does
    not tell. The run ends when there are two batches to a group and the worst uncertainty is no more than `within`;
    a drift spreads the groups and so counts. `settled` tells whether it ended so; an interrupt from the keyboard ends
    it with what there is.
    """
    made = voxels(facility, state, block, grid)
    run = _Run(made)
    batch = max(made.volume / made.supply, BATCH)
    warm = WARM * made.volume / made.supply
    inlets: list[Array] = []
    half = np.full(len(made.racks), np.inf)

    def told(now: float) -> None:
        if progress:
            # Until the means hold still nobody knows the end; it is at least so far.
            batches = LEAST_BATCHES if len(inlets) < LEAST_BATCHES else min(len(inlets) + GROUPS, most)
            progress(now, warm + batches * batch)

    interrupted = False
    try:
        while run.time < warm:
            run.advance(min(LONGEST, warm - run.time + SMALL))
            told(run.time)
        run.clear()
        while len(inlets) < most and not (len(inlets) >= LEAST_BATCHES and half.max() <= within):
            end, begin, before = warm + (len(inlets) + 1) * batch, run.weight, run.inlet.copy()
            while run.time < end:
                run.advance(min(LONGEST, end - run.time + SMALL))
                told(run.time)
            inlets.append((run.inlet - before) / (run.weight - begin))
            half = _half_width(np.array(inlets))
    except KeyboardInterrupt:
        interrupted = True
    settled = not interrupted and bool(half.max() <= within)
    return _labelled(facility, block, grid, run, half, len(inlets), settled)


def _half_width(batches: Array) -> Array:
    """Half width of the 95 % interval of the mean of (batch, rack) [K], from the newest that make whole groups."""
    each = len(batches) // GROUPS
    if not each:
        return np.full(batches.shape[1], np.inf)
    groups = batches[-GROUPS * each :].reshape(GROUPS, each, -1).mean(axis=1)
    spread: Array = STUDENT * groups.std(axis=0, ddof=1) / np.sqrt(GROUPS)
    return spread


class _Run:
    """The air as it is now, and sums over time of what is averaged."""

    def __init__(self, made: Voxels) -> None:
        self.made = made
        self.room: Room = room(made.edges, made.kinds, made.solid, made.loss, made.jet)
        cold = made.supply_temperature
        self.law = Air(reference=cold, expansion=1.0 / cold)
        self.state = still(self.room, cold)
        self.entering = tuple(np.full(len(self.room.length), cold) for _ in range(3))
        self.given = [self.room.of_faces(axis, self.entering[axis]) for axis in range(3)]
        x, y = (np.diff(line) for line in made.edges[:2])
        self.ceiling = (x[:, None] * y) * made.ceiling
        self.back = cold
        for openings, flow in made.blown():
            self._blow(openings, flow)
        self.clear()

    @property
    def time(self) -> float:
        return float(self.state.time)

    def _blow(self, openings: tuple[Openings, ...], flow: Array) -> None:
        """Let air through openings, so much of each owner [m3/s], at one speed."""
        area = sum((np.bincount(one.owner, one.area, len(flow)) for one in openings), np.zeros(len(flow)))
        for one in openings:
            speed = self.room.of_faces(one.axis, self.state.velocity[one.axis])
            speed[one.face] = one.sign * (flow / area)[one.owner]

    def clear(self) -> None:
        """Begin the averages anew."""
        size = len(self.room.length)
        self.fields = [np.zeros(size) for _ in range(5)]
        self.inlet = np.zeros(len(self.made.racks))
        self.weight = self.out = self.carried = 0.0

    def breathed(self, temperature: Array) -> Array:
        """Mean temperature before each rack [K]."""
        made, total, area = self.made, 0.0, 0.0
        for one in made.fronts:
            total = total + np.bincount(one.owner, one.area * temperature[one.upstream()], len(made.racks))
            area = area + np.bincount(one.owner, one.area, len(made.racks))
        return np.asarray(total / area)

    def advance(self, longest: float) -> None:
        """One step, with what it adds to the sums."""
        made, warm = self.made, self.room.of_cells(self.state.temperature)
        inlet = self.breathed(warm)
        for one in made.rears:
            self.given[one.axis][one.face] = (inlet + made.rise)[one.owner]
        for one in made.passing:
            self.given[one.axis][one.face] = warm[one.upstream()]
        self.given[2][:, :, -1] = self.back
        span = min(longest, time_step(self.room, self.law, self.state))
        self.state = step(self.room, self.law, self.state, self.entering, span)
        flow = self.room.of_faces(2, self.state.velocity[2])[:, :, -1] * self.ceiling
        top = self.room.of_cells(self.state.temperature)[:, :, -1]
        out = np.maximum(flow, 0.0)
        carried = float((out * top + np.minimum(flow, 0.0) * self.back).sum())
        # What comes down out of the plenum is what has gone up.
        self.back = float((out * top).sum() / out.sum()) if out.sum() > 0.0 else self.back
        after = self.room.of_cells(self.state.temperature)
        for one in made.intakes:
            drawn = one.area * np.abs(self.room.of_faces(one.axis, self.state.velocity[one.axis])[one.face])
            self.out += span * float(drawn.sum())
            carried += float((drawn * after[one.upstream()]).sum())
        self.weight += span
        self.inlet += span * inlet
        self.out += span * float(flow.sum())
        self.carried += span * carried
        for total, now in zip(
            self.fields,
            (self.state.temperature, self.state.pressure, *self.state.velocity),
            strict=True,
        ):
            total += span * now


def _stray(made: Voxels, box: Room, velocity: list[Array]) -> float:
    """Greatest net flow out of a cell of air [m3/s]."""
    net, width = np.zeros(made.solid.shape), [np.diff(line) for line in made.edges]
    for axis in range(3):
        one, other = (width[n] for n in range(3) if n != axis)
        speed = np.moveaxis(box.of_faces(axis, velocity[axis]), axis, 0)
        net += np.moveaxis(np.diff(speed, axis=0) * (one[:, None] * other), 0, axis)
    return float(np.abs(net[~made.solid]).max())


def _labelled(
    facility: Facility, block: int, grid: str, run: _Run, half: Array, batches: int, settled: bool
) -> xr.Dataset:
    """The averages with names and units; a run that has averaged nothing gives what is there now."""
    made = run.made
    if run.weight == 0.0:
        run.advance(LONGEST)
    temperature, pressure, *velocity = (one / run.weight for one in run.fields)
    free = ~made.solid
    warm = run.room.of_cells(temperature)
    inlet = run.inlet / run.weight
    outlet, flow = inlet + made.rise, made.density * made.flow
    back, cold = run.carried / run.out, made.supply_temperature
    warmest = np.full(len(inlet), -np.inf)
    for one in made.fronts:
        np.maximum.at(warmest, one.owner, warm[one.upstream()])
    limit = facility.racks.air_inlet_limit[made.racks]
    cells, racks = ("x", "y", "z"), ("rack",)

    def inside(values: Array) -> Array:
        return np.where(free, values, np.nan)

    def middle(axis: int) -> Array:
        speed = np.moveaxis(run.room.of_faces(axis, velocity[axis]), axis, 0)
        return inside(np.moveaxis(0.5 * (speed[1:] + speed[:-1]), 0, axis))

    rate = made.density * air.HEAT_CAPACITY
    found: dict[str, tuple[tuple[str, ...], object, str, str]] = {
        "temperature": (cells, inside(warm), "K", "mean air temperature, NaN in solids"),
        "velocity_x": (cells, middle(0), "m/s", "mean velocity along x"),
        "velocity_y": (cells, middle(1), "m/s", "mean velocity along y"),
        "velocity_z": (cells, middle(2), "m/s", "mean velocity upwards"),
        "pressure": (
            cells, made.density * inside(run.room.of_cells(pressure)), "Pa",
            "mean pressure over that of resting supply air; of mean nothing in each part without an outlet",
        ),
        "air_inlet_temperature": (racks, inlet, "K", "mean air before the rack"),
        "air_inlet_uncertainty": (racks, half, "K", "half width of its 95 % interval; infinite where not known"),
        "air_inlet_warmest": (racks, warmest, "K", "mean air in the warmest cell before the rack"),
        "air_inlet_limit": (racks, limit, "K", "greatest inlet of the product"),
        "air_outlet_temperature": (racks, outlet, "K", "mean air behind the rack"),
        "air_flow": (racks, made.flow, "m3/s", "air through its faces, that of support equipment with it"),
        "supply_temperature": ((), cold, "K", "air from the fan walls"),
        "return_temperature": ((), back, "K", "mean air that goes back to the fan walls"),
        "supply_flow": ((), made.supply, "m3/s", "air of the fan walls"),
        "recirculated_flow": ((), made.leaked, "m3/s", "air from the hot to the cold side over the racks"),
        "bypass_flow": ((), made.spilt, "m3/s", "air from the cold to the hot side at the aisles' ends"),
        "heat": ((), made.heat, "W", "heat of racks, support and whips"),
        "heat_carried": (
            (), rate * (run.carried / run.weight - made.supply * cold), "W", "heat the mean air takes out"
        ),
        "supply_heat_index": ((), air.supply_heat_index(cold, inlet, outlet, flow), "1", "SHI"),
        "return_heat_index": ((), air.return_heat_index(cold, inlet, outlet, flow), "1", "RHI"),
        "return_temperature_index": (
            (), air.return_temperature_index(cold, back, inlet, outlet, flow), "1", "RTI"
        ),
        "rack_cooling_index_high": (
            (), air.rack_cooling_index(inlet, RECOMMENDED[1], limit), "1",
            "RCI-HI, from 27 degC to the greatest inlet of each product",
        ),
        "rack_cooling_index_low": (
            (), air.rack_cooling_index(inlet, RECOMMENDED[0], LEAST_ALLOWABLE), "1", "RCI-LO, from 18 to 10 degC"
        ),
        "elapsed": ((), run.time, "s", "time that passed in the hall"),
        "averaged": ((), run.weight, "s", "time of the means"),
        "batches": ((), batches, "1", "batches of the means"),
        "settled": ((), settled, "1", "the uncertainties are within what was asked for"),
        "stray": ((), _stray(made, run.room, velocity), "m3/s", "greatest mean flow that a cell gains or loses"),
    }  # fmt: skip
    for one in made.tiles:
        risen = one.area * run.room.of_faces(one.axis, velocity[one.axis])[one.face]
        told = "mean air through each line of tiles"
        found["tile_flow"] = (("tiles",), np.bincount(one.owner, risen), "m3/s", told)
    coords: dict[str, object] = {
        name: (
            name,
            0.5 * (line[1:] + line[:-1]),
            {"units": "m", "long_name": f"centres of the cells along {name}"},
        )
        for name, line in zip("xyz", made.edges, strict=True)
    }
    coords |= {
        f"{name}_edge": (f"{name}_edge", line, {"units": "m"})
        for name, line in zip("xyz", made.edges, strict=True)
    }
    coords["rack"] = [facility.racks.name[rack] for rack in made.racks]
    return xr.Dataset(
        {
            name: (dims, value, {"units": unit, "long_name": meaning})
            for name, (dims, value, unit, meaning) in found.items()
        },
        coords,
        {
            "title": facility.name,
            "block": facility.blocks[block],
            "grid": grid,
            "fingerprint": facility.fingerprint,
            "remarks": "\n".join(made.remarks),
        },
    )
