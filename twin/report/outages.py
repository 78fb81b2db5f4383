"""Contingencies of a power chain on a terminal, as one JSON object and as a table of every state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import xarray as xr
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from twin.study.contingency import CommonMode, Findings

FEW = 8
"""Names written out before the rest is counted."""


def record(name: str, racks: int, found: Findings, seconds: float, file: str) -> dict[str, Any]:
    """What the contingencies come to, as one JSON object."""
    return {
        "facility": {"name": name, "racks": racks},
        "seconds": seconds,
        **asdict(found),
        "file": file or None,
    }


def rows(found: xr.Dataset) -> Iterator[str]:
    """Every state as CSV with a header: devices out, racks lost, at risk and uncooled, worst loading and device.

    found : of `twin.study.contingency.contingencies`.
    """
    names = [_cell(name) for name in found.device.values.tolist()] + [""]
    out = found.out.values
    heads = [f"out_{place + 1}" for place in range(out.shape[1])]
    yield (
        ",".join([*heads, "lost_racks", "racks_at_risk", "uncooled_racks", "worst_device", "worst_loading"])
        + "\n"
    )
    counts = (found[name].values.tolist() for name in ("lost_racks", "racks_at_risk", "uncooled_racks"))
    worst, loading = found.worst_device.values.tolist(), found.worst_loading.values.tolist()
    for devices, lost, risk, uncooled, device, load in zip(
        out.tolist(), *counts, worst, loading, strict=True
    ):
        gone = ",".join([names[one] for one in devices])
        yield f"{gone},{lost},{risk},{uncooled},{names[device]},{load:.6g}\n"


def _cell(name: str) -> str:
    """A name as a cell of a CSV."""
    quoted = name.replace('"', '""')
    return f'"{quoted}"' if any(mark in name for mark in ',"\n') else name


def show(console: Console, name: str, racks: int, found: Findings, seconds: float, file: str) -> None:
    """Print what the contingencies come to."""
    states = sum(one.states for one in found.outages)
    head = Text.assemble(
        (name, "bold"), f": {racks:,} racks, {states:,} states of the power chain in {seconds:.2f} s"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("out", "states", "lose racks", "most lost", "no cooling", "overload", "worst loading"):
        table.add_column(title, justify="left" if title == "out" else "right", no_wrap=True)
    table.add_column("device, after", overflow="fold")
    for one in found.outages:
        worst = f"{one.worst_device}, {' + '.join(one.worst_with)}" if one.worst_device else ""
        cells = (f"{one.states:,}", f"{one.losing:,}", f"{one.most_lost:,}", f"{one.uncooling:,}")
        cells += (f"{one.overloading:,}", f"{one.worst_loading:.1%}")
        table.add_row(f"N-{one.order}", *cells, worst)
    single = [f"{device} ({count:,} racks)" for device, count in found.single_points.items()]
    warm = [f"{device} ({count:,} racks)" for device, count in found.uncooled.items()]
    over = [f"{device} {loading:.1%} after {out or 'none'}" for device, loading, out in found.failover]
    lines = [
        _line("Single points of failure", single),
        _line("Cooling lost by one outage", warm),
        _line("Overloaded after one outage", over),
        _line("Feeds that are not independent", [_common(one) for one in found.common]),
    ]
    lost = [
        Text(f"N-{one.order} loses {one.most_lost:,} racks with {' + '.join(one.lost_with)}", "dim")
        for one in found.outages
        if one.order > 1 and one.lost_with
    ]
    note = Text("Losing: more racks than any device of the state alone. Loads before any cap or trip.", "dim")
    console.print(Group(head, Text(""), table, *lost, note, Text(""), *lines))
    if file:
        console.print(Text.assemble(("states   ", "dim"), file), soft_wrap=True)


def _line(title: str, listed: Sequence[str]) -> Text:
    more = f", and {len(listed) - FEW:,} more" if len(listed) > FEW else ""
    return Text.assemble((f"{title}: ", "bold"), ", ".join(listed[:FEW]) + more if listed else "none")


def _common(one: CommonMode) -> str:
    racks = (
        one.racks[0]
        if len(one.racks) == 1
        else f"{one.racks[0]} to {one.racks[-1]} ({len(one.racks):,} racks)"
    )
    return f"{one.behind} of {one.feeds} feeds of {racks} behind {', '.join(one.devices)}"
