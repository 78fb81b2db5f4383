"""The air of a hall in three dimensions: from a solved state to a field of velocity, temperature and pressure.

The hall is that of `twin.study.hall_grid`. The run is a transient at constant flows until the inlets of the racks hold
still on average; see `air_field`. `twin.study.air_coupling` brings what it finds back into the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from thermal import air
from thermal.room import Room
from twin.errors import InputError, Problem
from twin.facility import Facility
from twin.study.air_influence import fitted, influence
from twin.study.hall_air import LONGEST, TURBULENCE, HallAir, digest
from twin.study.hall_grid import voxels
from twin.study.hall_voxels import SMALL, Voxels
from twin.study.inlet_class import CLASSES, MEANINGS, RECOMMENDED, inlet_class
from twin.study.moment import Moment, kept, resumed

Array = npt.NDArray[np.float64]

WARM = 4
"""Flushes of the hall before anything is averaged, at least; a batch is one flush, or `BATCH` [s] if that is longer."""
DRIFT = 0.005
"""Of the heat given, what the air may still store when averages begin, over a flush, and when they end."""
BATCH = 10.0
GROUPS = 6
"""Groups of successive batches whose means are taken as independent; 2.571 is Student's t of 95 % for them."""
STUDENT = 2.571
LEAST = 1e-3
"""Half width that is told at least [K]: what steps in single precision and to a tolerance leave. Where the air hardly
swings, racks that mirror each other were 0.4 mK apart at half widths of 0.1 mK by their batches."""
LEAST_BATCHES = 2 * GROUPS
ALLOWABLE = CLASSES["A2"][:2]
"""Least and greatest inlet at which RCI-LO and RCI-HI are 0, of class A2 at the sea [K]; no product tells its class."""
DIFFERS = {
    "layout": "another layout, or one with other settings",
    "block": "another block's hall",
    "grid": "another grid",
    "turbulence": "another model of turbulence",
    "flows": "other flows: other devices are out of service, or it is of another version",
}
"""What a kept run is of that cannot be gone on from."""


def air_field(
    facility: Facility,
    state: xr.Dataset,
    block: int = 0,
    grid: str = "coarse",
    within: float = 0.3,
    most: int = 60,
    progress: Callable[[float, float], None] | None = None,
    file: Path | None = None,
    resume: bool = False,
    turbulence: str = "eddy",
) -> xr.Dataset:
    """The mean air of a block's hall with the flows and heat of a state's first scenario.

    within : uncertainty of every rack's inlet at which the run ends [K]. most : flushes after which it is taken to be
    warm, and batches after which it ends, anyhow. progress : is told how much time has passed in the hall and at what
    time the run may end [s]. file : keeps the run after every flush and at its end. resume : go on from what it keeps,
    to the last digit as if nothing had been between; InputError where that is another run. turbulence : one of
    `twin.study.hall_air.TURBULENCE`; InputError for what the model does not carry.

    The hall warms up for `WARM` flushes, and until the heat its air stores in one is no more than `DRIFT` of the heat
    given. Then means are taken over batches of a flush each. Six groups of successive batches stand for independent
    samples: the uncertainty of a rack's inlet is the half width of the 95 % interval of Student about their mean. It is
    that of the mean flow on this grid alone, not of grid, turbulence or what the layout does not tell. The run ends
    when there are two batches to a group, the worst uncertainty is no more than `within` and what was stored since
    averages began no more than `DRIFT` of the heat; a slower drift spreads the groups and so counts. No step may have
    been without a solution for its pressure. `settled` tells whether it ended so; an interrupt from the keyboard ends
    it with what there is.
    """
    made = voxels(facility, state, block, grid)
    if problems := uncarried(facility, made, turbulence):
        raise InputError(problems)
    run = HallAir(made, turbulence)
    identity = _identity(facility, block, grid, turbulence, made)
    if resume and file is not None:
        run.go_on(resumed(file, identity, DIFFERS))
    batch = max(run.made.volume / run.made.supply, BATCH)
    settled, interrupted = _settled(run, within), False

    def told() -> None:
        if progress:
            # Until the hall is warm and the means hold still nobody knows the end; it is at least so far.
            done = len(run.now.ends)
            count = LEAST_BATCHES if done < LEAST_BATCHES else min(done + GROUPS, most)
            begin = max(run.now.flushes, WARM) * batch if np.isnan(run.now.since) else run.now.since
            progress(run.time, begin + count * batch)

    try:
        while not settled and len(run.now.ends) < most:
            end = _end(run.now, batch)
            while run.time < end:
                run.advance(min(LONGEST, end - run.time + SMALL))
                told()
            run.bear(facility)
            _close(run, batch, most)
            settled = _settled(run, within)
            if file is not None:
                kept(run.now, identity, file)
    except KeyboardInterrupt:
        interrupted = True
        if file is not None:
            kept(run.now, identity, file)
    found = _labelled(facility, block, grid, run, settled)
    found["interrupted"] = ((), interrupted, {"units": "1", "long_name": "ended by the keyboard"})
    return found


def kept_air(
    facility: Facility, state: xr.Dataset, block: int, grid: str, turbulence: str, file: Path
) -> Moment:
    """The last moment of a run of `air_field` that a file keeps; InputError where it is that of another run."""
    made = voxels(facility, state, block, grid)
    return resumed(file, _identity(facility, block, grid, turbulence, made), DIFFERS)


def uncarried(facility: Facility, made: Voxels, turbulence: str) -> list[Problem]:
    """What of a hall a model of turbulence does not carry."""
    if TURBULENCE[turbulence] is None or not made.tiles:
        return []
    message = (
        "k-epsilon knows nothing of what tiles and their jets make of turbulence; take --turbulence eddy"
    )
    return [Problem(facility.name, None, None, "hall.raised_floor", message)]


def _identity(facility: Facility, block: int, grid: str, turbulence: str, made: Voxels) -> dict[str, str]:
    return {
        "layout": facility.fingerprint,
        "block": facility.blocks[block],
        "grid": grid,
        "turbulence": turbulence,
        "flows": digest(made),
    }


def _end(now: Moment, batch: float) -> float:
    """When the flush or the batch ends that is under way [s]."""
    if np.isnan(now.since):
        return (now.flushes + 1) * batch
    return now.since + (len(now.ends) + 1) * batch


def _close(run: HallAir, batch: float, most: int) -> None:
    """End a batch; or a flush of the warming hall, and with the last of them its warming up."""
    now = run.now
    if not np.isnan(now.since):
        run.now = replace(now, ends=np.vstack([now.ends, np.concatenate([[now.span], now.inlet])]))
        return
    flushes, warmth = now.flushes + 1, run.warmth
    steady = abs(run.power(warmth - now.heat)) <= DRIFT * run.made.heat * batch
    run.now = replace(now, flushes=flushes, heat=warmth)
    if flushes >= WARM and (steady or flushes >= most):
        run.sum_anew()


def _settled(run: HallAir, within: float) -> bool:
    """Whether the means are as sure as asked for, and the air stores next to nothing."""
    ends = run.now.ends
    if len(ends) < LEAST_BATCHES or ends[-1, 0] != run.now.span:
        return False
    sure = bool(half_width(ends).max(initial=0.0) <= within)
    return sure and not run.now.unsolved and abs(_stored(run)) <= DRIFT * run.made.heat


def _stored(run: HallAir) -> float:
    """Heat that the air has stored since sums began, over their time [W]."""
    return run.power((run.warmth - run.now.heat) / run.now.span)


def half_width(ends: Array) -> Array:
    """Half width of the 95 % interval of the mean inlet (rack,) [K], from the newest batches that make whole groups.

    ends : (batch, 1 + rack) span [s] and sum of the inlet [K s] at the end of each batch. At least LEAST.

    >>> half_width(np.cumsum(np.tile([[1.0, 300.0], [1.0, 302.0]], (6, 1)), axis=0)).tolist()
    [0.001]
    """
    batches = np.diff(ends, axis=0, prepend=0.0)
    means = batches[:, 1:] / batches[:, :1]
    each = len(means) // GROUPS
    if not each:
        return np.full(means.shape[1], np.inf)
    groups = means[-GROUPS * each :].reshape(GROUPS, each, -1).mean(axis=1)
    return np.maximum(STUDENT * groups.std(axis=0, ddof=1) / np.sqrt(GROUPS), LEAST)


def _assumed(turbulence: str) -> list[str]:
    """What of a model of turbulence no layout tells."""
    carried = TURBULENCE[turbulence]
    if carried is None:
        return []
    return [
        f"turbulence is carried by {turbulence}; assumed of what comes in: fluctuations of {carried.intensity:.0%} of "
        f"its speed in eddies of {carried.scale:g} m; buoyancy makes none"
    ]


def _stray(made: Voxels, box: Room, velocity: list[Array]) -> float:
    """Greatest net flow out of a cell of air [m3/s]."""
    net, width = np.zeros(made.solid.shape), [np.diff(line) for line in made.edges]
    for axis in range(3):
        one, other = (width[n] for n in range(3) if n != axis)
        speed = np.moveaxis(box.of_faces(axis, velocity[axis]), axis, 0)
        net += np.moveaxis(np.diff(speed, axis=0) * (one[:, None] * other), 0, axis)
    return float(np.abs(net[~made.solid]).max())


def _labelled(facility: Facility, block: int, grid: str, run: HallAir, settled: bool) -> xr.Dataset:
    """The averages with names and units; a run that has averaged nothing gives what is there now."""
    made, half = run.made, half_width(run.now.ends)
    if run.now.span == 0.0 or np.isnan(run.now.since):
        run.sum_anew()
        run.advance(LONGEST)
    now = run.now
    temperature, pressure, *velocity = (one / now.span for one in now.sums)
    free = ~made.solid
    warm = run.room.of_cells(temperature)
    inlet = now.inlet / now.span
    outlet, flow = inlet + made.rise, made.density * made.flow
    back, cold = now.carried / now.out, made.supply_temperature
    warmest = np.full(len(inlet), -np.inf)
    for one in made.fronts:
        np.maximum.at(warmest, one.owner, warm[one.upstream()])
    limit = facility.racks.air_inlet_limit[made.racks]
    cells, racks = ("x", "y", "z"), ("rack",)
    along, across, upwards = (run.room.of_faces(axis, velocity[axis]) for axis in range(3))
    share = fitted(influence(made, (along, across, upwards)), made.rise, inlet - cold)
    recirculated, bypassed = made.crossed((along, across, upwards))

    def inside(values: Array) -> Array:
        return np.where(free, values, np.nan)

    def middle(axis: int) -> Array:
        speed = np.moveaxis(run.room.of_faces(axis, velocity[axis]), axis, 0)
        return inside(np.moveaxis(0.5 * (speed[1:] + speed[:-1]), 0, axis))

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
        "influence": (
            ("rack", "source"), share, "1", "kelvin of the rack's inlet over the supply per kelvin over the source"
        ),
        "supply_temperature": ((), cold, "K", "air from the fan walls"),
        "return_temperature": ((), back, "K", "mean air that goes back to the fan walls"),
        "supply_flow": ((), made.supply, "m3/s", "air of the fan walls"),
        "recirculated_flow": ((), recirculated, "m3/s", "air from the hot to the cold side over the racks"),
        "bypass_flow": ((), bypassed, "m3/s", "air from the cold to the hot side at the aisles' ends"),
        "heat": ((), made.heat, "W", "heat of racks, support and whips"),
        "heat_carried": (
            (), run.power(now.carried / now.span - made.supply * cold), "W", "heat the air takes out"
        ),
        "heat_stored": ((), _stored(run), "W", "heat by which the air warms"),
        "supply_heat_index": ((), air.supply_heat_index(cold, inlet, outlet, flow), "1", "SHI"),
        "return_heat_index": ((), air.return_heat_index(cold, inlet, outlet, flow), "1", "RHI"),
        "return_temperature_index": (
            (), air.return_temperature_index(cold, back, inlet, outlet, flow), "1", "RTI"
        ),
        "rack_cooling_index_high": (
            (), air.rack_cooling_index(inlet, RECOMMENDED[1], ALLOWABLE[1]), "1", "RCI-HI, from 27 to 35 degC"
        ),
        "rack_cooling_index_low": (
            (), air.rack_cooling_index(inlet, RECOMMENDED[0], ALLOWABLE[0]), "1", "RCI-LO, from 18 to 10 degC"
        ),
        "elapsed": ((), run.time, "s", "time that passed in the hall"),
        "averaged": ((), now.span, "s", "time of the means"),
        "batches": ((), len(now.ends), "1", "batches of the means"),
        "settled": ((), settled, "1", "the uncertainties are within what was asked for"),
        "unsolved": ((), now.unsolved, "1", "steps of the means whose pressure was not found"),
        "mass_residual": (
            (), now.stray / made.supply, "1", "greatest flow that a cell gained or lost in a step, over the supply"
        ),
        "stray": ((), _stray(made, run.room, velocity), "m3/s", "greatest mean flow that a cell gains or loses"),
    }  # fmt: skip
    remarks = [*made.remarks, *_assumed(run.turbulence)]
    if not np.isfinite(share).all():
        remarks.append("how racks warm inlets is not known: warmth in the air finds no way out")
    if run.fans:
        mean = run.mean()
        speed = run.common_speed(mean)
        if speed > 1.0:
            remarks.append(f"the fans of the units would have to turn at {speed:.2f} of their full speed")
        found["unit_flow"] = (
            ("unit",),
            run.flows(mean),
            "m3/s",
            "mean air of each unit, by the curve of its fans",
        )
        told = "mean pressure where the unit blows over that where it draws"
        found["unit_pressure"] = (("unit",), run.rises(mean), "Pa", told)
        found["fan_speed"] = ((), speed, "1", "of the fans of all units, over full")
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
    coords["rack"] = coords["source"] = [facility.racks.name[rack] for rack in made.racks]
    if run.fans:
        coords["unit"] = [facility.devices.name[unit] for unit in made.units]
    flags = {
        "flag_values": list(range(len(MEANINGS))),
        "flag_meanings": " ".join(one.replace(" ", "_") for one in MEANINGS),
    }
    told = {
        "units": "1",
        "long_name": "narrowest envelope of ASHRAE TC 9.9 (2021) that the inlet lies in",
        **flags,
    }
    return xr.Dataset(
        {
            name: (dims, value, {"units": unit, "long_name": meaning})
            for name, (dims, value, unit, meaning) in found.items()
        }
        | {"air_inlet_class": (racks, inlet_class(inlet, float(facility.pressure[block])), told)},
        coords,
        {
            "title": facility.name,
            "block": facility.blocks[block],
            "grid": grid,
            "turbulence": run.turbulence,
            "fingerprint": facility.fingerprint,
            "remarks": "\n".join(remarks),
        },
    )
