"""The air of a hall on a terminal and as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from twin.study.air_field import RECOMMENDED

ZERO = 273.15
INDICES = (
    ("SHI", "supply_heat_index", "heat taken up before the racks; 0 is best"),
    ("RHI", "return_heat_index", "1 less SHI; 1 is best"),
    ("RTI", "return_temperature_index", "below 1 air goes past the racks, above 1 it comes back"),
    ("RCI-HI", "rack_cooling_index_high", "no inlet over 27 °C is 1; all at the product's limit is 0"),
    ("RCI-LO", "rack_cooling_index_low", "no inlet under 18 °C is 1"),
)


def record(found: xr.Dataset, files: Mapping[str, str]) -> dict[str, Any]:
    """What the field comes to, as one JSON object in SI; null stands for what is not known."""

    def plain(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    racks = ("air_inlet_temperature", "air_inlet_uncertainty", "air_inlet_warmest", "air_inlet_limit",
             "air_outlet_temperature", "air_flow")  # fmt: skip
    whole = {name: plain(value.item()) for name, value in found.data_vars.items() if not value.dims}
    return {
        "facility": {"name": found.title, "block": found.block},
        "grid": {"name": found.grid, "cells": [found.sizes[name] for name in "xyz"]},
        **whole,
        "settled": bool(found.settled),
        "batches": int(found.batches),
        "racks": {
            str(rack): {name: plain(found[name].values[n]) for name in racks}
            for n, rack in enumerate(found.rack.values)
        },
        "remarks": found.remarks.splitlines(),
        "files": dict(files),
    }


def show(console: Console, found: xr.Dataset, files: Mapping[str, str]) -> None:
    """Print rack inlets, indices and balances, and where the files are."""
    cells = [found.sizes[name] for name in "xyz"]
    head = Text.assemble(
        (found.title if found.title == found.block else f"{found.title}, {found.block}", "bold"),
        f": {len(found.rack)} racks, {np.prod(cells):,} cells ({' x '.join(map(str, cells))}, {found.grid}), "
        f"means over {float(found.averaged):.0f} s after {float(found.elapsed - found.averaged):.0f} s",
    )
    parts: list[Any] = [head]
    if not bool(found.settled):
        told = (
            "Not settled: the means are not as sure as was asked for, or the run was interrupted; "
            "--resume goes on from here."
        )
        parts.append(Text(told, "bold yellow"))
    parts += [Text(f"{one}.", "yellow") for one in found.remarks.splitlines()]
    parts += [Text(""), _racks(found), _inlets(found), Text(""), _indices(found), Text(""), _balances(found)]
    console.print(Group(*parts))
    for kind, path in files.items():
        console.print(Text.assemble((f"{kind:<9}", "dim"), path), soft_wrap=True)


def _racks(found: xr.Dataset) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("rack")
    for title in ("inlet °C", "± K", "warmest °C", "limit °C", "behind °C", "air m³/s"):
        table.add_column(title, justify="right", no_wrap=True)
    for n, name in enumerate(found.rack.values):
        inlet, limit = float(found.air_inlet_temperature[n]), float(found.air_inlet_limit[n])
        style = "bold red" if inlet > limit else "yellow" if inlet > RECOMMENDED[1] else ""
        sure = float(found.air_inlet_uncertainty[n])
        table.add_row(
            str(name),
            Text(f"{inlet - ZERO:.1f}", style),
            f"{sure:.2f}" if np.isfinite(sure) else "?",
            f"{float(found.air_inlet_warmest[n]) - ZERO:.1f}",
            f"{limit - ZERO:.1f}",
            f"{float(found.air_outlet_temperature[n]) - ZERO:.1f}",
            f"{float(found.air_flow[n]):.2f}",
        )
    return table


def _inlets(found: xr.Dataset) -> Text:
    inlet = found.air_inlet_temperature.values
    over, beyond = int((inlet > RECOMMENDED[1]).sum()), int((inlet > found.air_inlet_limit.values).sum())
    told = (
        f"{over} of {len(inlet)} inlets over the 27 °C ASHRAE recommends, {beyond} over their product's limit"
    )
    return Text(told, "dim")


def _indices(found: xr.Dataset) -> Table:
    table = Table.grid(padding=(0, 2))
    for title, name, meaning in INDICES:
        table.add_row(Text(title, "bold"), f"{float(found[name]):z.3f}", Text(meaning, "dim"))
    return table


def _balances(found: xr.Dataset) -> Table:
    table = Table.grid(padding=(0, 2))
    heat, carried = float(found.heat), float(found.heat_carried)
    moved = f"{float(found.supply_flow):.2f} m³/s at {float(found.supply_temperature) - ZERO:.2f} °C"
    table.add_row("supply", moved, "")
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
