"""How the coolant spreads along headers, on a terminal, as one JSON object, as a table and as a page."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from twin.facility import Facility
from twin.report.sheet import sheet
from twin.units import text

MOST = 48
"""Racks that are listed on a terminal."""
BLOCKS = 6
"""Blocks whose loops are listed there."""
COLOURS = {"direct": "#2f6690", "reverse": "#c77d2e"}


def record(facility: Facility, found: xr.Dataset, files: dict[str, str]) -> dict[str, Any]:
    """The distribution as one JSON object in SI; null where there is nothing."""

    def plain(values: Any) -> Any:
        if np.ndim(values):
            return [plain(value) for value in values]
        return float(values) if np.isfinite(values) else None

    return {
        "facility": {"name": facility.name, "racks": len(facility.racks.name)},
        "racks": list(facility.racks.name),
        "blocks": list(facility.blocks),
        "asked": plain(found.asked.values),
        **{
            way: {
                str(name): plain(found[name].sel(arrangement=way).values)
                for name in ("flow", "balance", "head", "spread", "main_velocity", "lowest_pressure")
            }
            for way in found.arrangement.values.tolist()
        },
        "files": files,
    }


def rows(found: xr.Dataset) -> Iterator[str]:
    """Every rack as CSV with a header, in SI; empty where there is nothing."""
    names = [name for name in found if found[name].dims == ("arrangement", "rack")]
    ways = found.arrangement.values.tolist()
    heads = [f"{way} {name} [{found[name].attrs['units']}]" for way in ways for name in names]
    yield ",".join(["rack", "asked [m3/s]", *heads]) + "\n"
    for place, rack in enumerate(found.rack.values.tolist()):
        values = [
            found.asked.values[place],
            *(found[name].sel(arrangement=way).values[place] for way in ways for name in names),
        ]
        yield ",".join([rack, *(f"{value:.6g}" if np.isfinite(value) else "" for value in values)]) + "\n"


def show(console: Console, facility: Facility, found: xr.Dataset, files: dict[str, str]) -> None:
    """Print what each rack gets, and what the loop comes to."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("rack", no_wrap=True)
    for title in ("asks for", "direct", "", "balanced by", "reverse", "", "balanced by"):
        table.add_column(title, justify="right", no_wrap=True)
    racks = found.rack.values.tolist()
    wet = [place for place in range(len(racks)) if np.isfinite(found.flow.values[0, place])]
    for place in wet[:MOST]:
        cells = [text(float(found.asked.values[place]), "m3/s", 4)]
        for way in range(2):
            cells += [
                text(float(found.flow.values[way, place]), "m3/s", 4),
                f"{found.deviation.values[way, place]:+.2%}",
                text(float(found.balance.values[way, place]), "Pa", 2),
            ]
        table.add_row(racks[place], *cells)
    more = [Text(f"and {len(wet) - MOST:,} more racks", "dim")] if len(wet) > MOST else []
    lines = []
    loops = np.flatnonzero(np.isfinite(found["head"].values[0]))
    for block in loops[:BLOCKS]:
        name = found.block.values[block]
        for way, arrangement in enumerate(found.arrangement.values.tolist()):
            worst = racks[int(found.worst_rack.values[way, block])]
            lines.append(
                Text.assemble(
                    (f"{name}, {arrangement} return: ", "bold"),
                    f"head {text(float(found['head'].values[way, block]), 'Pa')}, spread "
                    f"{found.spread.values[way, block]:.2%}, least at {worst}, main "
                    f"{text(float(found.main_velocity.values[way, block]), 'm/s')}, header "
                    f"{text(float(np.nanmax(found.header_velocity.values[way])), 'm/s')}, rack valve "
                    f"{float(np.nanmin(found.authority.values[way])):.0%} of the head, lowest pressure "
                    f"{text(float(found.lowest_pressure.values[way, block]), 'Pa')} absolute",
                )
            )
    if len(loops) > BLOCKS:
        lines.append(Text(f"and {len(loops) - BLOCKS:,} more blocks", "dim"))
    note = Text(
        "Flows with all valves wide open; balanced: what a valve has to take for the flow asked for.", "dim"
    )
    console.print(Group(Text(facility.name, "bold"), Text(""), table, *more, note, Text(""), *lines))
    for kind, file in files.items():
        console.print(Text.assemble((f"{kind:6} ", "dim"), file), soft_wrap=True)


def page(facility: Facility, found: xr.Dataset) -> str:
    """One self-contained HTML page: flow and balancing of every rack under both arrangements."""
    from plotly.graph_objects import Bar, Scatter
    from plotly.subplots import make_subplots

    titles = ("Flow over what the rack asks for [%]", "What a valve has to take [kPa]")
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.08)
    names = [html.escape(name) for name in found.rack.values.tolist()]
    for way in found.arrangement.values.tolist():
        one = found.sel(arrangement=way)
        told = {"name": f"{way} return", "marker": {"color": COLOURS[way]}, "legendgroup": way}
        figure.add_trace(
            Scatter(x=names, y=100.0 * one.deviation.values, mode="markers+lines", **told), row=1, col=1
        )
        figure.add_trace(Bar(x=names, y=one.balance.values / 1e3, showlegend=False, **told), row=2, col=1)
    figure.update_layout(height=640, barmode="group")
    return sheet(
        facility.name, "Coolant along the headers with all valves open, and what balances it", figure
    )
