"""The air of a hall on a terminal and as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from twin.report.hall_plan import after, doubts, verdict
from twin.study.air_loss import CAUSES
from twin.study.inlet_class import MEANINGS, RECOMMENDED

ZERO = 273.15
INDICES = (
    ("SHI", "supply_heat_index", "heat taken up before the racks; 0 is best"),
    ("RHI", "return_heat_index", "1 less SHI; 1 is best"),
    ("RTI", "return_temperature_index", "below 1 air goes past the racks, above 1 it comes back"),
    ("RCI-HI", "rack_cooling_index_high", "no inlet over 27 °C is 1; all at the 35 °C of class A2 is 0"),
    ("RCI-LO", "rack_cooling_index_low", "no inlet under 18 °C is 1; all at the 10 °C of class A2 is 0"),
)
UNLOST = ("never", "", "before", "swings")
"""Of CAUSES where the loss is none."""
DIFFERENCE = "air_inlet_grid_difference"
"""Inlet on the fine less that on the coarse grid, where both were run."""


def record(found: xr.Dataset, files: Mapping[str, str], course: xr.Dataset | None = None) -> dict[str, Any]:
    """What the field, and its course after a loss, come to, as one JSON object in SI; null is not known, or never."""

    def plain(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    racks = ("air_inlet_temperature", "air_inlet_uncertainty", "air_inlet_warmest", "air_inlet_limit",
             "air_outlet_temperature", "air_flow", *((DIFFERENCE,) if DIFFERENCE in found else ()))  # fmt: skip
    lost = None
    if course is not None:
        columns = ("seconds_to_limit", "air_inlet_highest", "air_inlet_mean", "air_inlet_swing")
        lost = {
            "until": float(course.time.values[-1]),
            "asked": float(course.asked),
            "interrupted": bool(course.interrupted),
            "remarks": course.remarks.splitlines(),
            "racks": {
                str(rack): {name: plain(course[name].values[n]) for name in columns}
                | {"limit_cause": CAUSES[int(course.limit_cause.values[n])]}
                for n, rack in enumerate(course.rack.values)
            },
        }
    whole = {name: plain(value.item()) for name, value in found.data_vars.items() if not value.dims}
    return {
        "facility": {"name": found.title, "block": found.block},
        "grid": {"name": found.grid, "cells": [found.sizes[name] for name in "xyz"]},
        "turbulence": found.turbulence,
        **whole,
        "settled": bool(found.settled),
        "interrupted": bool(found.interrupted),
        "batches": int(found.batches),
        "racks": {
            str(rack): {name: plain(found[name].values[n]) for name in racks}
            | {"air_inlet_class": MEANINGS[int(found.air_inlet_class.values[n])]}
            for n, rack in enumerate(found.rack.values)
        },
        "units": {
            str(unit): {name: plain(found[name].values[n]) for name in ("unit_flow", "unit_pressure")}
            for n, unit in enumerate(found.unit.values if "unit" in found.coords else ())
        },
        "tile_flow": [plain(one) for one in found.tile_flow.values] if "tile_flow" in found else [],
        "loss": lost,
        "remarks": found.remarks.splitlines(),
        "files": dict(files),
    }


def show(
    console: Console, found: xr.Dataset, files: Mapping[str, str], course: xr.Dataset | None = None
) -> None:
    """Print rack inlets, indices and balances, what a loss comes to, and where the files are."""
    cells = [found.sizes[name] for name in "xyz"]
    head = Text.assemble(
        (found.title if found.title == found.block else f"{found.title}, {found.block}", "bold"),
        f": {len(found.rack)} racks, {np.prod(cells):,} cells ({' x '.join(map(str, cells))}, {found.grid}), "
        f"means over {float(found.averaged):.0f} s after {float(found.elapsed - found.averaged):.0f} s",
    )
    parts: list[Any] = [head]
    parts += [Text(f"{one}.", "bold yellow") for one in doubts(found)]
    parts += [Text(f"{one}.", "yellow") for one in found.remarks.splitlines()]
    parts += [Text(""), _racks(found), _inlets(found), Text(""), _indices(found), Text(""), _balances(found)]
    if course is not None:
        parts += [Text(""), Text(f"{after(course)}.", "bold"), _losses(course)]
        parts += [Text(f"{one}.", "dim") for one in course.remarks.splitlines()]
    console.print(Group(*parts))
    for kind, path in files.items():
        console.print(Text.assemble((f"{kind:<14}", "dim"), path), soft_wrap=True)


def _racks(found: xr.Dataset) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("rack")
    both = DIFFERENCE in found
    for title in (
        "inlet °C", "± K", *(("grid K",) if both else ()), "class", "warmest °C", "limit °C", "behind °C", "air m³/s",
    ):  # fmt: skip
        table.add_column(title, justify="left" if title == "class" else "right", no_wrap=True)
    for n, name in enumerate(found.rack.values):
        inlet, limit = float(found.air_inlet_temperature[n]), float(found.air_inlet_limit[n])
        sure = float(found.air_inlet_uncertainty[n])
        warm = inlet > min(limit, RECOMMENDED[1])
        style = "bold red" if inlet - limit > sure else "yellow" if warm else ""
        table.add_row(
            str(name),
            Text(f"{inlet - ZERO:.1f}", style),
            f"{sure:.2f}" if np.isfinite(sure) else "?",
            *((f"{float(found[DIFFERENCE][n]):+z.2f}",) if both else ()),
            MEANINGS[int(found.air_inlet_class[n])],
            f"{float(found.air_inlet_warmest[n]) - ZERO:.1f}",
            f"{limit - ZERO:.1f}",
            f"{float(found.air_outlet_temperature[n]) - ZERO:.1f}",
            f"{float(found.air_flow[n]):.2f}",
        )
    return table


def _inlets(found: xr.Dataset) -> Group:
    sure = "± is of the mean on this grid alone; "
    if DIFFERENCE in found:
        apart = float(np.abs(found[DIFFERENCE]).max())
        sure += f"'grid' is the fine less the coarse, at most {apart:.2f} K, and what a finer one adds is not known"
    else:
        sure += "what the grid makes of it is not in it and may be more (--grid both tells)"
    return Group(Text(f"{verdict(found)}.", "dim"), Text(f"{sure}.", "dim"))


def _losses(course: xr.Dataset) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("rack")
    for title in ("at its limit after s", "highest inlet °C", "limit °C"):
        table.add_column(title, justify="right", no_wrap=True)
    for n, name in enumerate(course.rack.values):
        seconds = float(course.seconds_to_limit[n])
        table.add_row(
            str(name),
            f"{seconds:.1f}" if np.isfinite(seconds) else UNLOST[int(course.limit_cause[n])],
            f"{float(course.air_inlet_highest[n]) - ZERO:.1f}",
            f"{float(course.air_inlet_limit[n]) - ZERO:.1f}",
        )
    return table


def _indices(found: xr.Dataset) -> Table:
    table = Table.grid(padding=(0, 2))
    for title, name, meaning in INDICES:
        value = float(found[name])
        table.add_row(
            Text(title, "bold"), f"{value:z.3f}" if np.isfinite(value) else "undefined", Text(meaning, "dim")
        )
    return table


def _balances(found: xr.Dataset) -> Table:
    table = Table.grid(padding=(0, 2))
    heat, carried = float(found.heat), float(found.heat_carried)
    moved = f"{float(found.supply_flow):.2f} m³/s at {float(found.supply_temperature) - ZERO:.2f} °C"
    table.add_row("supply", moved, "")
    if "unit_flow" in found:
        each = " / ".join(f"{one:.2f}" for one in found.unit_flow.values)
        table.add_row("of units", f"{each} m³/s, fans at {float(found.fan_speed):.0%} of full speed", "")
    table.add_row("return", f"{float(found.return_temperature) - ZERO:.2f} °C", "")
    stored = float(found.heat_stored)
    share = f"{(carried + stored) / heat - 1.0:+z.2%}" if heat else ""
    told = (
        f"{heat / 1e3:.1f} kW given, {carried / 1e3:.1f} kW carried out, {stored / 1e3:z.1f} kW still stored"
    )
    table.add_row("heat", told, share)
    for name, title in (("recirculated_flow", "comes back"), ("bypass_flow", "passes by")):
        if float(found[name]):
            table.add_row(title, f"{float(found[name]):.2f} m³/s", "")
    return table
