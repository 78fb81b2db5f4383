"""The air of a hall after the loss of fan walls: the inlets of its racks over time, and when they reach their limits.

It begins with the last moment of the steady run, see `twin.study.air_field`. A lost unit runs down as `twin simulate`
has it, and up again when its loss is over; those that are left blow what is still asked for, up to their greatest flow.
Racks go on drawing and heating. What the cold side then lacks comes back from the hot aisles. The coils that are left
tend to the greater of the supply temperatures of the state and of the solution without the units. Units with a curve of
their fans are not asked for more: those that are left keep the speed of the steady run and blow more only as the
pressure against them falls, and the damper of one that stands is closed.

Racks and coils store heat: each is a stirred tank that the air leaves as warm as the tank is, so that what is behind it
follows with the heat capacity over that of the stream. That is assumed: of a change some passes at once, and some of
the mass follows late. Of a rack takes part so much of its weight as air takes of its heat; support equipment, which has
no place, stores none, and neither do walls and floor.
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
from twin.study.hall_grid import voxels
from twin.study.hall_voxels import SMALL, Voxels
from twin.study.moment import Moment

Array = npt.NDArray[np.float64]

KIND = "fan_wall_loss"
RACK_HEAT = 450.0
"""Heat capacity of a rack over its weight [J/kg/K]; assumed: of copper 385, steel 470 and aluminium 900, and 12 kJ/K of
a server of 2 units (Ibrahim et al., Thermal mass characterization of a server at different fan speeds, abstract) that
weighs some 27 kg."""
COIL_HEAT = 1.0
"""Heat capacity of a coil over its rated duty [J/K/W]; assumed: 0.2 L of water and 0.4 kg of tubes and fins a kW."""
LEAST = 1e-6
"""Heat capacity of what stores nothing, such as a rack whose product tells no weight [J/K]."""
SWING = 2.0
"""Over the farthest that an inlet was above its mean while the means were taken: what it has to be above it to be so by
a loss; assumed: as time goes on steady air may go farther than it went, but hardly twice as far."""
CAUSES = ("never", "loss", "mean", "swing")
"""How a rack comes to its limit: by the loss; before it by its mean; by no more than steady air swings."""
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
    turbulence: str = "eddy",
) -> xr.Dataset:
    """The inlet of each rack from the last moment that a file keeps of `air_field` on, (time, rack).

    events : losses of fan walls, as of `twin.event`. until : how long [s]. progress : is told how much time has passed,
    and how long it is. turbulence : of that run. InputError for other events, units that are not in service in the
    hall, and a file of another run. An interrupt from the keyboard ends it with what there is, and `interrupted` says
    so. When and by what each rack comes to its limit is as `reached` has it.
    """
    now = kept_air(facility, state, block, grid, turbulence, file)
    base = voxels(facility, state, block, grid, opened=True)
    if problems := not_lost(facility, base, events):
        raise InputError(problems)
    names = [facility.devices.name[unit] for unit in base.units]
    places = [[names.index(name) for name in event.targets] for event in events]
    run = StoringHall(base, now, rack_heat(facility, state, base), coil_heat(facility, base), turbulence)
    warmer = max(base.supply_temperature, _after(facility, state, events, block))
    greatest = float(facility.cooling.fan_wall_flow[block]) * (
        1.0 - float(facility.operation.failed_fans[0, block])
    )
    speed = np.ones(len(base.units))
    times, taken, interrupted = [0.0], [_seen(run)], False
    try:
        while times[-1] < until - SMALL:
            began, span = times[-1], min(EVERY, until - times[-1])
            lost = np.zeros(len(speed), dtype=bool)
            for event, mine in zip(events, places, strict=True):
                lost[mine] |= event.on(began, span)
            half = _speed(speed, lost, 0.5 * span)
            each = _blown(half, base, greatest)
            run.asked = warmer if lost.any() else base.supply_temperature
            if run.fans:
                run.speed = run.steady * half
            elif not np.allclose(each, run.made.supply * run.made.share, rtol=SMALL, atol=0.0):
                # At the time nothing the air is brought to move as its openings ask.
                run.made = base.blowing(each)
                run.now = replace(run.now, state=replace(run.now.state, time=0.0))
                run.blow()
            end = run.time + span
            while run.time < end - SMALL:
                run.advance(min(LONGEST, end - run.time))
                if progress:
                    progress(began + span - (end - run.time), until)
            run.bear(facility)
            speed = _speed(speed, lost, span)
            times.append(began + span)
            taken.append(_seen(run))
    except KeyboardInterrupt:
        interrupted = True
    found = _labelled(facility, block, grid, run, np.array(times), taken)
    found["interrupted"] = ((), interrupted, {"units": "1", "long_name": "ended by the keyboard"})
    found["asked"] = ((), until, {"units": "s", "long_name": "time that was asked for"})
    return found


class StoringHall(HallAir):
    """The hall from a moment on, with racks and coils that store heat, and the books of it.

    steady : speed over full of fans that have a curve, by the mean air of the steady run. racks, coils : heat
    capacities (rack,), (unit,) [J/K]. rack, coil : temperatures [K]. asked : what the coils tend to [K]. mean_inlet,
    swing : of the steady run (rack,), the mean before each rack and the farthest it was above it [K].
    """

    def __init__(
        self, made: Voxels, now: Moment, racks: Array, coils: Array, turbulence: str = "eddy"
    ) -> None:
        super().__init__(made, turbulence)
        self.now = now
        present = self.breathed(self.room.of_cells(now.state.temperature))
        self.mean_inlet = now.inlet / now.span if now.span > 0.0 else present
        self.swing = np.maximum(now.highest, present) - self.mean_inlet
        self.steady = self.common_speed(self.mean()) if self.fans else 1.0
        self._follow()
        self.now = replace(now, state=replace(now.state, time=0.0), span=0.0, out=0.0, carried=0.0)
        self.racks, self.coils = np.maximum(racks, LEAST), np.maximum(coils, LEAST)
        # Racks have followed the mean of what they breathe, not its last swing.
        self.rack = self.rack_before = self.mean_inlet + made.rise
        self.coil, self.asked = np.full(len(made.units), self.cold), self.cold
        self.warmth_before, self.given_out, self.to_water = self.warmth, 0.0, 0.0

    def _follow(self) -> None:
        """Bring what units blow to what their fans do."""
        if self.fans:
            self.made = self.made.blowing(self.flows(self.now.state))

    def advance(self, longest: float) -> None:
        super().advance(longest)
        self._follow()

    def leaving(self, inlet: Array, span: float) -> tuple[Array, Array]:
        made = self.made
        # Watts for each kelvin of a stream of 1 m3/s.
        through, blown = self.power(1.0) * made.flow, self.power(1.0) * made.supply * made.share
        self.rack, behind = transport.tank(self.rack, self.racks, through, inlet, through * made.rise, span)
        self.coil, supplied = transport.tank(self.coil, self.coils, blown, self.asked, 0.0, span)
        self.given_out += span * made.heat
        self.to_water -= span * float(blown.sum()) * (self.asked - self.cold)
        return behind, supplied

    def books(self) -> dict[str, float]:
        """Heat since the beginning [J]: given, to the water of the coils, and stored."""
        taken = self.power(self.now.carried - self.now.out * self.cold)
        return {
            "heat_given": self.given_out,
            "heat_to_water": taken + self.to_water,
            "heat_in_air": self.power(self.warmth - self.warmth_before),
            "heat_in_racks": float(self.racks @ (self.rack - self.rack_before)),
            "heat_in_coils": float(self.coils @ (self.coil - self.cold)),
        }


def rack_heat(facility: Facility, state: xr.Dataset, made: Voxels) -> Array:
    """Heat capacity of the racks of a hall that their air meets, (rack,) [J/K]."""
    racks = facility.racks
    weight = np.array([one.product.get("weight", 0.0) for one in racks.types])[racks.type[made.racks]]
    power, warm = (state[name].values[0, made.racks] for name in ("power", "air_heat"))
    return np.asarray(
        RACK_HEAT * weight * np.where(power > 0.0, warm / np.where(power > 0.0, power, 1.0), 1.0)
    )


def _remarks(facility: Facility, run: StoringHall) -> list[str]:
    """What the storage of heat and the air of units rest on."""
    told = [
        f"racks store {RACK_HEAT:g} J/kg/K of the weight of their products times the share of their heat that air "
        f"takes, coils {COIL_HEAT:g} kJ/K a kW; both assumed"
    ]
    if run.fans:
        told.append(
            f"the fans of the units that are left keep {run.steady:.0%} of full speed, and nothing asks them for more"
        )
    racks = facility.racks
    bare = sorted(
        {
            racks.types[n].name
            for n in racks.type[run.made.racks]
            if "weight" not in racks.types[n].product.figures
        }
    )
    if bare:
        told.append(f"the catalogue tells no weight of {', '.join(bare)}: such racks store no heat")
    return told


def coil_heat(facility: Facility, made: Voxels) -> Array:
    """Heat capacity of the coil of each unit, (unit,) [J/K]."""
    return np.asarray(COIL_HEAT * facility.devices.rating[made.units])


def other_kinds(events: Sequence[Event]) -> list[Problem]:
    """Events that the air of a hall does not know."""
    message = f"does nothing to the air of a hall here; give a {KIND}"
    return [Problem("--event", None, None, one.kind, message) for one in events if one.kind != KIND]


def not_lost(facility: Facility, made: Voxels, events: Sequence[Event]) -> list[Problem]:
    """Events that the air of a hall does not know, and units that do not blow into it."""
    names = [facility.devices.name[unit] for unit in made.units]
    problems = other_kinds(events)
    for event in (one for one in events if one.kind == KIND):
        if missing := sorted(set(event.targets) - set(names)):
            message = f"{', '.join(missing)}: not in service in this hall (there are: {', '.join(names)})"
            problems.append(Problem("--event", None, None, event.kind, message))
    return problems


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


def _seen(run: StoringHall) -> dict[str, Array | float]:
    """What the series hold of a moment."""
    warm = run.room.of_cells(run.now.state.temperature)
    moving = [run.room.of_faces(axis, one) for axis, one in enumerate(run.now.state.velocity)]
    return {
        "air_inlet_temperature": run.breathed(warm),
        "air_outlet_temperature": run.rack,
        "air_temperature": run.cold + run.warmth / float(run.volume.sum()),
        "return_temperature": run.now.back,
        "supply_temperature": float(run.coil @ run.made.share),
        "supply_flow": run.made.supply,
        "unit_flow": run.made.supply * run.made.share,
        "recirculated_flow": run.made.crossed(moving)[0],
        **run.books(),
    }


def _labelled(
    facility: Facility,
    block: int,
    grid: str,
    run: StoringHall,
    times: Array,
    taken: Sequence[dict[str, Array | float]],
) -> xr.Dataset:
    """The series with names and units, and when each rack's inlet reaches its limit."""
    made, series = run.made, {name: np.array([one[name] for one in taken]) for name in taken[0]}
    inlet, limit = series["air_inlet_temperature"], facility.racks.air_inlet_limit[made.racks]
    seconds, cause = reached(times, inlet, limit, run.mean_inlet, run.swing)
    time, rack = ("time",), ("rack",)
    found: dict[str, tuple[tuple[str, ...], object, str, str]] = {
        "air_inlet_temperature": (("time", "rack"), inlet, "K", "air before the rack"),
        "air_outlet_temperature": (
            ("time", "rack"), series["air_outlet_temperature"], "K", "air behind the rack, as warm as the rack"
        ),
        "air_temperature": (time, series["air_temperature"], "K", "mean of the hall's air"),
        "return_temperature": (time, series["return_temperature"], "K", "air in the plenum of the ceiling"),
        "supply_temperature": (time, series["supply_temperature"], "K", "air from the units that blow"),
        "supply_flow": (time, series["supply_flow"], "m3/s", "air of the fan walls"),
        "recirculated_flow": (
            time, series["recirculated_flow"], "m3/s", "air from the hot to the cold side over the racks"
        ),
        "heat_given": (time, series["heat_given"], "J", "heat of racks, support and whips since the beginning"),
        "heat_to_water": (time, series["heat_to_water"], "J", "of it to the water of the coils"),
        "heat_in_air": (time, series["heat_in_air"], "J", "of it stored in the hall's air"),
        "heat_in_racks": (time, series["heat_in_racks"], "J", "of it stored in racks"),
        "heat_in_coils": (time, series["heat_in_coils"], "J", "of it stored in coils"),
        "rack_heat_capacity": (rack, run.racks, "J/K", "of the part of the rack that air cools"),
        "air_inlet_limit": (rack, limit, "K", "greatest inlet of the product"),
        "air_inlet_highest": (rack, inlet.max(axis=0), "K", "highest inlet"),
        "air_inlet_mean": (rack, run.mean_inlet, "K", "mean inlet of the steady run before the loss"),
        "air_inlet_swing": (rack, run.swing, "K", "farthest it was above that while the means were taken"),
        "seconds_to_limit": (
            rack, seconds, "s", "from the beginning until the loss has the inlet at its limit; NaN: it does not"
        ),
        "heat": ((), made.heat, "W", "heat of racks, support and whips"),
        "air_volume": ((), float(run.volume.sum()), "m3", "air of the hall"),
        "air_density": ((), made.density, "kg/m3", "density of the air"),
    }  # fmt: skip
    coords: dict[str, object] = {
        "time": ("time", times, {"units": "s"}),
        "rack": [facility.racks.name[one] for one in made.racks],
    }
    if run.fans:
        told = "air of each unit, by the curve of its fans"
        found["unit_flow"] = (("time", "unit"), series["unit_flow"], "m3/s", told)
        coords["unit"] = [facility.devices.name[unit] for unit in made.units]
    flags = {"flag_values": list(range(len(CAUSES))), "flag_meanings": " ".join(CAUSES)}
    told = {"units": "1", "long_name": "by what the inlet comes to its limit", **flags}
    return xr.Dataset(
        {
            name: (dims, value, {"units": unit, "long_name": meaning})
            for name, (dims, value, unit, meaning) in found.items()
        }
        | {"limit_cause": (rack, cause, told)},
        coords,
        {
            "title": facility.name,
            "block": facility.blocks[block],
            "grid": grid,
            "turbulence": run.turbulence,
            "remarks": "\n".join(_remarks(facility, run)),
            "fingerprint": facility.fingerprint,
        },
    )


def reached(
    times: Array, inlet: Array, limit: Array, mean: Array, swing: Array
) -> tuple[Array, npt.NDArray[np.int8]]:
    """When the loss has each inlet (time, rack) at its limit (rack,) [s], NaN for never, and a code of `CAUSES`.

    mean, swing : of the steady run (rack,), see `StoringHall` [K]. An inlet whose mean is at the limit is so before the
    loss, and no time is told. One is at it by the loss where it is also above its mean by `SWING` times the farthest it
    was before, or on average over the second half of the series is beyond both the limit and that farthest; one that is
    at it with less than that, or was, only swings. Times are linear between the moments.

    >>> inlet = np.array([[1.0, 5.0, 3.0], [3.0, 5.0, 4.1], [3.0, 5.0, 3.0]])
    >>> seconds, cause = reached(np.arange(3.0), inlet, np.array([1.5, 4.0, 4.0]), inlet[0], np.full(3, 0.6))
    >>> seconds.round(9).tolist(), [CAUSES[n] for n in cause]
    ([0.25, nan, nan], ['loss', 'mean', 'swing'])
    """
    held = inlet[len(inlet) // 2 :].mean(axis=0) >= np.maximum(limit, mean + swing)
    beyond = np.where(held, limit, np.maximum(limit, mean + SWING * swing))
    beyond = np.where(mean >= limit, np.inf, beyond)
    over = inlet >= beyond
    at = over.argmax(axis=0)
    before, one = np.maximum(at - 1, 0), np.arange(inlet.shape[1])
    low, high = inlet[before, one], inlet[at, one]
    share = np.where(at > 0, (beyond - low) / np.where(high > low, high - low, 1.0), 0.0)
    lost = over.any(axis=0)
    seconds = np.where(lost, times[before] + share * (times[at] - times[before]), np.nan)
    swings = np.maximum(mean + swing, inlet.max(axis=0)) >= limit
    found = [CAUSES.index(name) for name in ("loss", "mean", "swing", "never")]
    return seconds, np.select([lost, mean >= limit, swings], found[:3], found[3]).astype(np.int8)
