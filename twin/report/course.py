"""A simulation on a terminal, as one JSON object, as a table of its racks and as a page of plots."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from twin.event import Event
from twin.facility import DEVICE_KINDS, Facility
from twin.report.sheet import sheet
from twin.units import shown, text

Array = npt.NDArray[np.float64]

COLUMNS = (
    ("seconds_to_throttle", "throttles after", "s"),
    ("seconds_to_trip", "off after", "s"),
    ("lowest_flow", "lowest flow", "m3/s"),
    ("peak_temperature", "highest case", "K"),
    ("tokens_lost", "tokens lost", "1"),
)
"""What each rack comes to: variable, heading, unit."""
MOST = 40
"""Racks that are listed on a terminal."""
WORST, MEAN = "#b3261e", "#2f6690"


def record(
    facility: Facility, course: xr.Dataset, events: Sequence[Event], files: dict[str, str]
) -> dict[str, Any]:
    """What the simulation comes to, as one JSON object; null is never, or no such thing."""
    one = course.isel(scenario=0)

    def plain(name: str) -> list[float | None]:
        return [float(value) if np.isfinite(value) else None for value in one[name].values]

    asked = _generators(facility, one)
    generators = {name: value if np.isfinite(value) else None for name, value in (asked or {}).items()}

    return {
        "facility": {"name": facility.name, "racks": len(facility.racks.name)},
        "events": [
            {"kind": event.kind, "targets": list(event.targets), "at": event.start} for event in events
        ],
        "until": float(one.time.values[-1]),
        "racks": {name: plain(name) for name, *_ in COLUMNS} | {"name": list(facility.racks.name)},
        "leaked_volume": plain("leaked_volume"),
        "seconds_to_pressure_loss": plain("seconds_to_pressure_loss"),
        "generators": generators or None,
        "ledger": {"coolant": plain("ledger_coolant")},
        "files": files,
    }


def rows(facility: Facility, course: xr.Dataset) -> Iterator[str]:
    """The racks as CSV with a header, in SI; empty is never, or no such thing."""
    one = course.isel(scenario=0)
    yield ",".join(["rack", *(f"{name} [{unit}]" for name, _, unit in COLUMNS)]) + "\n"
    for place, rack in enumerate(facility.racks.name):
        values = [float(one[name].values[place]) for name, *_ in COLUMNS]
        yield ",".join([rack, *("" if np.isnan(value) else f"{value:.6g}" for value in values)]) + "\n"


def verdict(facility: Facility, course: xr.Dataset) -> str:
    """The outcome in one sentence."""
    one, count = course.isel(scenario=0), len(facility.racks.name)
    throttle, trip = one.seconds_to_throttle.values, one.seconds_to_trip.values
    off, held = int(np.isfinite(trip).sum()), int(np.isfinite(throttle).sum())
    if off:
        told = [f"{off:,} of {count:,} racks go off, the first after {text(float(np.nanmin(trip)), 's', 3)}"]
    elif held:
        first = text(float(np.nanmin(throttle)), "s", 3)
        told = [f"{held:,} of {count:,} racks throttle, the first after {first}"]
    else:
        told = [f"all {count:,} racks run through it"]
    asked = _generators(facility, one)
    if asked and asked["peak"] > asked["rating"]:
        told.append("the generators are overloaded")
    if asked and asked["step"] > asked["step_limit"]:
        told.append("the generators do not take their largest step")
    return "; ".join(told)


def _generators(facility: Facility, one: xr.Dataset) -> dict[str, float] | None:
    """What the generators were asked for, and what those that have to carry the site take; None where none ran.
    NaN where no product tells."""
    standby, peak = facility.standby, float(one.generator_peak)
    if standby is None or not peak > 0.0:
        return None
    rating = standby.required * standby.rating
    step, limit = float(one.generator_step), rating * standby.load_step
    return {"peak": peak, "rating": rating, "step": step, "step_limit": limit}


def notes(facility: Facility, course: xr.Dataset) -> list[str]:
    """What generators were asked for and which loops lost their pressure, a sentence each."""
    one, told = course.isel(scenario=0), []
    standby, found = facility.standby, _generators(facility, one)
    if standby is not None and found is not None:
        peak, rating, step, limit = (
            text(value, "W", 3) if np.isfinite(value) else "unknown load" for value in found.values()
        )
        told.append(
            f"Generators: at most {peak} of the {rating} that {standby.required} of {standby.count} carry, "
            f"largest step {step} of the {limit} that these take at once"
        )
    for block, seconds in zip(facility.blocks, one.seconds_to_pressure_loss.values, strict=True):
        if np.isfinite(seconds):
            loop = f"The loop of {block}" if len(facility.blocks) > 1 else "The loop"
            told.append(f"{loop} loses its pressure after {text(float(seconds), 's', 3)}, and its pumps trip")
    return told


def show(
    console: Console, facility: Facility, course: xr.Dataset, written: Sequence[str], files: dict[str, str]
) -> None:
    """Print what happens to each rack; racks of a row that fare alike stand in one line."""
    one = course.isel(scenario=0)
    until = text(float(one.time.values[-1]), "s", 3)
    head = Text.assemble((facility.name, "bold"), f": {until}, {verdict(facility, course)}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("racks", no_wrap=True)
    for _, title, _ in COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    lines = _alike(facility, one)
    for line in lines[:MOST]:
        table.add_row(*line)
    more = [Text(f"and {len(lines) - MOST:,} more lines", "dim")] if len(lines) > MOST else []
    listed = [Text(f"event    {each}", "dim") for each in written]
    wet = bool(facility.racks.liquid.any())
    warm = [
        f"{label} {text(float(np.nanmax(one[name].values)), 'K')}"
        for label, name, told in (
            ("coolant", "supply_temperature", wet), ("facility water", "facility_supply_temperature", wet),
            ("chilled water", "chilled_temperature", True), ("air at the racks", "air_inlet_temperature", True),
        ) if told
    ]  # fmt: skip
    left = one.battery.values
    if np.isfinite(left).any() and np.nanmin(left) < 1.0:
        warm.append(f"batteries down to {np.nanmin(left):.0%}")
    lost = float(one.leaked_volume.sum())
    if lost > 0.0:
        warm.append(f"{text(lost, 'm3', 3)} of coolant lost by leaks")
    note = [Text("At most: " + ", ".join(warm))]
    note += [Text(each) for each in notes(facility, course)]
    console.print(Group(head, *listed, Text(""), table, *more, Text(""), *note))
    for kind, file in files.items():
        console.print(Text.assemble((f"{kind:10} ", "dim"), file), soft_wrap=True)


def _alike(facility: Facility, one: xr.Dataset) -> list[tuple[str, ...]]:
    """Lines of the table: racks next to each other with the same texts are one."""
    found: list[tuple[list[str], tuple[str, ...]]] = []
    for place, rack in enumerate(facility.racks.name):
        cells = tuple(_cell(float(one[name].values[place]), name, unit) for name, _, unit in COLUMNS)
        if found and found[-1][1] == cells:
            found[-1][0].append(rack)
        else:
            found.append(([rack], cells))
    return [(names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}", *cells) for names, cells in found]


def _cell(value: float, name: str, unit: str) -> str:
    if np.isnan(value):
        return "never" if name.startswith("seconds") else "none"
    return f"{value:,.0f}" if name == "tokens_lost" else text(value, unit, 3)


def page(facility: Facility, course: xr.Dataset, written: Sequence[str]) -> str:
    """One self-contained HTML page: temperatures, flows, tokens and batteries over time."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    one = course.isel(scenario=0)
    time = one.time.values
    panels = [
        "Coolant, facility water and air [°C]",
        "GPU case [°C]",
        "Coolant of a rack [L/min]",
        "Tokens per second",
    ]
    battery, wet = one.battery.values, bool(facility.racks.liquid.any())
    charged = np.isfinite(battery).any() and np.nanmin(battery) < 1.0
    panels += ["Energy left in the batteries [%]"] if charged else []
    utility, generated = one.utility_power.values, one.generator_power.values
    lost = bool((utility <= 0.0).any())
    panels += ["Power of the site [MW]"] if lost else []
    figure = make_subplots(
        rows=len(panels), cols=1, shared_xaxes=True, subplot_titles=panels, vertical_spacing=0.06
    )

    def draw(row: int, name: str, values: Array, colour: str | None = None, dash: str | None = None) -> None:
        line = {key: value for key, value in (("color", colour), ("dash", dash)) if value}
        figure.add_trace(
            Scatter(x=time, y=values, name=html.escape(name), line=line, mode="lines"), row=row, col=1
        )

    for name, dim, label, dash in (
        ("supply_temperature", "block", "coolant", None),
        ("facility_supply_temperature", "plant", "facility water", "dash"),
        ("chilled_temperature", "block", "chilled water", "dashdot"),
        ("air_inlet_temperature", "block", "air", "dot"),
    ):
        owners = [str(owner) for owner in one[dim].values]
        for place in (
            _extremes(one[name].values)
            if name.endswith(("air_inlet_temperature", "chilled_temperature")) or wet
            else ()
        ):
            told = f"{label} {owners[place]}" if len(owners) > 1 else label
            draw(1, told, _celsius(one[name].values[:, place]), dash=dash)
    case, flow = _celsius(one.case_temperature.values), one.coolant_flow.values * 60e3
    draw(2, "hottest case", _worst(case, np.nanmax), WORST)
    draw(2, "mean case", _worst(case, np.nanmean), MEAN)
    limit = facility.racks.case_limit[facility.racks.liquid]
    if len(limit):
        draw(2, "limit", np.full(len(time), float(limit.min()) - 273.15), "#1b2430", "dash")
    draw(3, "least flow", _worst(flow, np.nanmin), WORST)
    draw(3, "mean flow", _worst(flow, np.nanmean), MEAN)
    draw(4, "tokens/s", one.tokens.values.sum(axis=-1), MEAN)
    if charged:
        kinds = np.array(DEVICE_KINDS)[facility.devices.kind] == "ups"
        draw(5, "least charged UPS", 100.0 * _worst(battery[:, kinds], np.nanmin), WORST)
    if lost:
        draw(len(panels), "utility", utility / 1e6, MEAN)
        if facility.standby is not None:
            draw(len(panels), "generators", generated / 1e6, WORST)
            carried = facility.standby.required * facility.standby.rating / 1e6
            draw(len(panels), "what the required carry", np.full(len(time), carried), "#1b2430", "dash")
    for row in range(3, len(panels) + 1):
        figure.update_yaxes(rangemode="tozero", row=row, col=1)
    figure.update_xaxes(title_text="Time [s]", row=len(panels), col=1)
    figure.update_layout(height=250 * len(panels), hovermode="x unified")
    lead = ". ".join([verdict(facility, course), *notes(facility, course)])
    return sheet(facility.name, lead, figure, tuple(written))


def _extremes(values: Array) -> list[int]:
    """The element that gets warmest; all of them where there are few."""
    known = np.flatnonzero(np.isfinite(values).any(axis=0))
    if len(known) <= 4:
        return [int(place) for place in known]
    return [int(np.nanargmax(np.nanmax(np.where(np.isfinite(values), values, -np.inf), axis=0)))]


def _worst(values: Array, of: Any) -> Array:
    """One number of all racks at each moment; NaN where there is none."""
    known = np.isfinite(values).any(axis=-1)
    found = np.full(len(values), np.nan)
    found[known] = of(values[known], axis=-1)
    return found


def _celsius(values: Array) -> Array:
    return np.asarray(shown(values, "K")[0])
