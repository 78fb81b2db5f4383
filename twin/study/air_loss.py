"""The air of a hall after the loss of fan walls: the inlets of its racks over time, and when they reach their limits.

It begins with the last moment of the steady run, see `twin.study.air_field`. A lost unit runs down as `twin simulate`
has it, and up again when its loss is over; those that are left blow what is still asked for, up to their greatest flow.
Racks go on drawing and heating. What the cold side then lacks comes back from the hot aisles. The coils that are left
blow at the greater of the supply temperatures of the state and of the solution without the units: they store no heat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from thermal import transport
from twin.equilibrium import solve
from twin.errors import InputError, Problem
from twin.event import Event
from twin.facility import Facility
from twin.operation import Operation
from twin.simulate.machine import RUN_DOWN, RUN_UP, STALL
from twin.study.air_field import kept_air
from twin.study.hall_air import LONGEST, HallAir
from twin.study.hall_grid import SMALL, Voxels, voxels

Array = npt.NDArray[np.float64]

KIND = "fan_wall_loss"
EVERY = 1.0
"""Time between the values of the series [s]; what units blow is held between them."""


def air_loss(
    facility: Facility,
    state: xr.Dataset,
    events: Sequence[Event],
    until: float,
    file: Path,
    block: int = 0,
    grid: str = "coarse",
    progress: Callable[[float, float], None] | None = None,
) -> xr.Dataset:
    """The inlet of each rack from the last moment that a file keeps of `air_field` on, (time, rack).

    events : losses of fan walls, as of `twin.event`. until : how long [s]. progress : is told how much time has passed,
    and how long it is. InputError for other events, units that are not in service in the hall, and a file of another
    run. An interrupt from the keyboard ends it with what there is.
    """
    now = kept_air(facility, state, block, grid, file)
    base = voxels(facility, state, block, grid, opened=True)
    places = [_places(facility, base, event) for event in events]
    run = HallAir(base)
    run.now = replace(now, state=replace(now.state, time=0.0))
    warmer = max(base.supply_temperature, _after(facility, state, events, block))
    greatest = float(facility.cooling.fan_wall_flow[block]) * (
        1.0 - float(facility.operation.failed_fans[0, block])
    )
    speed = np.ones(len(base.units))
    times, taken = [0.0], [_seen(run)]
    try:
        while times[-1] < until - SMALL:
            began, span = times[-1], min(EVERY, until - times[-1])
            lost = np.zeros(len(speed), dtype=bool)
            for event, mine in zip(events, places, strict=True):
                lost[mine] |= event.on(began, span)
            half = _speed(speed, lost, 0.5 * span)
            each = _blown(half, base, greatest)
            run.supplied = warmer if lost.any() else base.supply_temperature
            if not np.allclose(each, run.made.supply * run.made.share, rtol=SMALL, atol=0.0):
                # At the time nothing the air is brought to move as its openings ask.
                run.made = base.blowing(each)
                run.now = replace(run.now, state=replace(run.now.state, time=0.0))
                run.blow()
            end = run.time + span
            while run.time < end - SMALL:
                run.advance(min(LONGEST, end - run.time))
                if progress:
                    progress(began + span - (end - run.time), until)
            speed = _speed(speed, lost, span)
            times.append(began + span)
            taken.append(_seen(run))
    except KeyboardInterrupt:
        pass
    return _labelled(facility, block, grid, run, np.array(times), taken)


def _places(facility: Facility, made: Voxels, event: Event) -> list[int]:
    """Of the units of an event among those that blow into the hall."""
    names = [facility.devices.name[unit] for unit in made.units]
    wrong = None
    if event.kind != KIND:
        wrong = f"{event.kind} does nothing to the air of a hall here; give a {KIND}"
    elif missing := sorted(set(event.targets) - set(names)):
        wrong = f"{', '.join(missing)}: not in service in this hall (there are: {', '.join(names)})"
    if wrong:
        raise InputError([Problem("--event", None, None, event.kind, wrong)])
    return [names.index(name) for name in event.targets]


def _after(facility: Facility, state: xr.Dataset, events: Sequence[Event], block: int) -> float:
    """Supply temperature without the units and what is out already [K]; 0 where there is no solution."""
    dead = np.array(facility.devices.name)[state.device_alive.values[0] == 0]
    names = sorted({*dead.tolist(), *(name for event in events for name in event.targets)})
    after = solve(facility, Operation(out=[names]))
    if not bool(after.converged[0]) or not float(after.air_flow[0, block]) > 0.0:
        return 0.0
    return float(after.air_supply_temperature[0, block])


def _speed(speed: Array, lost: npt.NDArray[np.bool_], span: float) -> Array:
    """Speeds of units over full, a time later."""
    down = transport.coasted(speed, RUN_DOWN["fan_wall"], span)
    found = np.where(lost, down, transport.stroked(speed, 1.0, RUN_UP["fan_wall"], span))
    return np.where(lost & (found < STALL), 0.0, found)


def _blown(speed: Array, base: Voxels, greatest: float) -> Array:
    """What each unit blows [m3/s]: those that run down or up so much of what they blew as of their speed; the others
    what is still asked for, up to the most they can."""
    each = speed * base.supply * base.share
    full = speed >= 1.0
    if full.any():
        asked = max(float(base.flow.sum()), base.supply)
        each[full] = min(greatest, (asked - float(each[~full].sum())) / int(full.sum()))
    return np.asarray(each)


def _seen(run: HallAir) -> dict[str, Array | float]:
    """What the series hold of a moment."""
    warm = run.room.of_cells(run.now.state.temperature)
    moving = [run.room.of_faces(axis, one) for axis, one in enumerate(run.now.state.velocity)]
    return {
        "air_inlet_temperature": run.breathed(warm),
        "air_temperature": run.cold + run.warmth / float(run.volume.sum()),
        "return_temperature": run.now.back,
        "supply_temperature": run.supplied,
        "supply_flow": run.made.supply,
        "recirculated_flow": run.made.crossed(moving)[0],
    }


def _labelled(
    facility: Facility,
    block: int,
    grid: str,
    run: HallAir,
    times: Array,
    taken: Sequence[dict[str, Array | float]],
) -> xr.Dataset:
    """The series with names and units, and when each rack's inlet reaches its limit."""
    made, series = run.made, {name: np.array([one[name] for one in taken]) for name in taken[0]}
    inlet, limit = series["air_inlet_temperature"], facility.racks.air_inlet_limit[made.racks]
    time, rack = ("time",), ("rack",)
    found: dict[str, tuple[tuple[str, ...], object, str, str]] = {
        "air_inlet_temperature": (("time", "rack"), inlet, "K", "air before the rack"),
        "air_temperature": (time, series["air_temperature"], "K", "mean of the hall's air"),
        "return_temperature": (time, series["return_temperature"], "K", "air in the plenum of the ceiling"),
        "supply_temperature": (time, series["supply_temperature"], "K", "air from the units that blow"),
        "supply_flow": (time, series["supply_flow"], "m3/s", "air of the fan walls"),
        "recirculated_flow": (
            time, series["recirculated_flow"], "m3/s", "air from the hot to the cold side over the racks"
        ),
        "air_inlet_limit": (rack, limit, "K", "greatest inlet of the product"),
        "air_inlet_highest": (rack, inlet.max(axis=0), "K", "highest inlet"),
        "seconds_to_limit": (
            rack, reached(times, inlet, limit), "s", "from the beginning until the inlet is at its limit; NaN: never"
        ),
        "heat": ((), made.heat, "W", "heat of racks, support and whips"),
        "air_volume": ((), float(run.volume.sum()), "m3", "air of the hall"),
        "air_density": ((), made.density, "kg/m3", "density of the air"),
    }  # fmt: skip
    return xr.Dataset(
        {
            name: (dims, value, {"units": unit, "long_name": meaning})
            for name, (dims, value, unit, meaning) in found.items()
        },
        {
            "time": ("time", times, {"units": "s"}),
            "rack": [facility.racks.name[one] for one in made.racks],
        },
        {
            "title": facility.name,
            "block": facility.blocks[block],
            "grid": grid,
            "fingerprint": facility.fingerprint,
        },
    )


def reached(times: Array, values: Array, limit: Array) -> Array:
    """When each of some series (time, one) first reaches its limit (one,), linear between times; NaN for never.

    >>> reached(np.array([0.0, 1.0]), np.array([[1.0, 5.0, 0.0], [3.0, 5.0, 1.0]]), np.array([1.5, 4.0, 2.0])).tolist()
    [0.25, 0.0, nan]
    """
    over = values >= limit
    at = over.argmax(axis=0)
    before, one = np.maximum(at - 1, 0), np.arange(values.shape[1])
    low, high = values[before, one], values[at, one]
    share = np.where(at > 0, (limit - low) / np.where(high > low, high - low, 1.0), 0.0)
    return np.where(over.any(axis=0), times[before] + share * (times[at] - times[before]), np.nan)
