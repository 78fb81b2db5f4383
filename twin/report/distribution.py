"""How the coolant spreads along headers and facility water along mains, on a terminal, as one JSON object, as tables
and as a page."""

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
from twin.report.pressure_map import COLOURS, LEGEND, differing, hall, site, ways
from twin.report.sheet import sheet
from twin.units import shown, text

MOST = 48
"""Racks, or CDUs, that are listed on a terminal."""
MANY = 500
"""Racks, or CDUs, that a plot shows."""
BLOCKS = 6
"""Blocks, or plants, whose loops are listed there."""
NOUNS = {"rack": "racks", "cdu": "CDUs"}


def record(facility: Facility, found: xr.Dataset, water: xr.Dataset, files: dict[str, str]) -> dict[str, Any]:
    """Both networks as one JSON object in SI; null where there is nothing."""

    def plain(values: Any) -> Any:
        if np.ndim(values):
            return [plain(value) for value in values]
        return values.item() if values.dtype.kind in "Uib" else float(values) if np.isfinite(values) else None

    def told(data: xr.Dataset) -> dict[str, Any]:
        ways = data.arrangement.values.tolist()
        return {
            str(name): {way: plain(data[name].sel(arrangement=way).values) for way in ways}
            if "arrangement" in data[name].dims
            else plain(data[name].values)
            for name in data
        } | {str(axis): plain(data[axis].values) for axis in data.dims if axis != "arrangement"}

    return {
        "facility": {"name": facility.name, "racks": len(facility.racks.name)},
        "technology": told(found),
        "facility_water": told(water),
        "files": files,
    }


def rows(found: xr.Dataset, axis: str) -> Iterator[str]:
    """Every rack or CDU as CSV with a header, in SI; empty where there is nothing."""
    names = [name for name in found if found[name].dims == ("arrangement", axis)]
    ways = found.arrangement.values.tolist()
    heads = [f"{way} {name} [{found[name].attrs['units']}]" for way in ways for name in names]
    yield ",".join([axis, "asked [m3/s]", *heads]) + "\n"
    columns = [found.asked.values, *(found[name].values[way] for way in range(len(ways)) for name in names)]
    for element, values in zip(found[axis].values.tolist(), np.stack(columns, axis=-1).tolist(), strict=True):
        yield ",".join([element, *map(_number, values)]) + "\n"


def pressures(*data: tuple[xr.Dataset, str]) -> Iterator[str]:
    """Absolute pressure at every station on the way of every rack and CDU as CSV with a header, in Pa.

    data : datasets that hold `pressure`, each with the axis of its elements.
    """
    yield "arrangement,element,station,pressure [Pa]\n"
    for found, axis in data:
        names, stations = found[axis].values.tolist(), found.station.values.tolist()
        for way, arrangement in enumerate(found.arrangement.values.tolist()):
            values = found.pressure.values[way]
            for place in np.flatnonzero(np.isfinite(values[:, 0])):
                for station, value in zip(stations, values[place].tolist(), strict=True):
                    yield f"{arrangement},{names[place]},{station},{_number(value)}\n"


def pipes(*data: xr.Dataset) -> Iterator[str]:
    """Every pipe as CSV with a header, in SI; of the hoses of a loop the one with the most flow."""
    yield "pipe,kind,product,diameter [m],length [m],velocity [m/s],limit [m/s]\n"
    for found in data:
        for place, name in enumerate(found["pipe"].values.tolist()):
            numbers = [
                _number(found[f"pipe_{part}"].values[place])
                for part in ("diameter", "length", "velocity", "limit")
            ]
            words = [name, *(str(found[f"pipe_{part}"].values[place]) for part in ("kind", "product"))]
            yield ",".join([*words, *numbers]) + "\n"


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""


def show(
    console: Console, facility: Facility, found: xr.Dataset, water: xr.Dataset, files: dict[str, str]
) -> None:
    """Print what each rack and CDU gets, what loops and plants come to, and the pipes."""
    note = Text(
        "Flows with all valves wide open; balanced: what a valve has to take for the flow asked for.", "dim"
    )
    assumed = Text(
        "Facility water: sizes without a product, the run from the plant to the first hall, valves and coolers are "
        "assumed; `twin catalogue show` has the sources.",
        "dim",
    )
    parts = [
        Text(facility.name, "bold"), Text(""), *_listed(found, "rack"), note, Text(""), *_loops(found), Text(""),
        *_listed(water, "cdu"), Text(""), *_plants(water), Text(""), _pipes(found, water), assumed,
    ]  # fmt: skip
    console.print(Group(*parts))
    for kind, file in files.items():
        console.print(Text.assemble((f"{kind:9} ", "dim"), file), soft_wrap=True)


def _table(heads: tuple[str, ...], left: int = 1) -> Table:
    """A table without lines whose first columns are texts."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, title in enumerate(heads):
        table.add_column(title, justify="left" if place < left else "right", no_wrap=True)
    return table


def _listed(found: xr.Dataset, axis: str) -> list[Any]:
    """Table of racks or CDUs, and how many more there are."""
    table = _table((axis, "asks for", "direct", "", "balanced by", "reverse", "", "balanced by"))
    names = found[axis].values.tolist()
    wet = [place for place in range(len(names)) if np.isfinite(found.flow.values[0, place])]
    for place in wet[:MOST]:
        cells = [text(float(found.asked.values[place]), "m3/s", 4)]
        for way in range(2):
            cells += [
                text(float(found.flow.values[way, place]), "m3/s", 4),
                f"{found.deviation.values[way, place]:+.2%}",
                text(float(found.balance.values[way, place]), "Pa", 2),
            ]
        table.add_row(names[place], *cells)
    left = len(wet) - MOST
    return [table, *([Text(f"and {left:,} more {NOUNS[axis]}", "dim")] if left > 0 else [])]


def _loops(found: xr.Dataset) -> list[Text]:
    """A line for each technology loop and arrangement."""
    lines, racks = [], found.rack.values.tolist()
    loops = np.flatnonzero(np.isfinite(found["head"].values[0]))
    for block in loops[:BLOCKS]:
        name = found.block.values[block]
        for way, arrangement in enumerate(found.arrangement.values.tolist()):
            branch = racks[int(found.worst_branch.values[way, block])]
            least = racks[int(found.worst_rack.values[way, block])]
            authority = float(np.nanmin(found.authority.values[way, found.rack_block.values == block]))
            lines.append(
                Text.assemble(
                    (f"{name}, {arrangement} return: ", "bold"),
                    f"head {text(float(found['head'].values[way, block]), 'Pa')}, worst branch {branch}, spread "
                    f"{found.spread.values[way, block]:.2%}, least at {least}, rack valve "
                    f"{authority:.0%} of the head, lowest pressure "
                    f"{text(float(found.lowest_pressure.values[way, block]), 'Pa')} absolute",
                )
            )
    left = len(loops) - BLOCKS
    return [*lines, *([Text(f"and {left:,} more blocks", "dim")] if left > 0 else [])]


def _plants(water: xr.Dataset) -> list[Text]:
    """Lines for each plant: both arrangements, and the head that the equilibrium takes."""
    lines = []
    plants = np.flatnonzero(np.isfinite(water["head"].values[0]))
    for plant in plants[:BLOCKS]:
        name = f"{water.plant.values[plant]}, facility water"
        for way, arrangement in enumerate(water.arrangement.values.tolist()):
            one = water.sel(arrangement=arrangement).isel(plant=plant)
            worst = water.cdu.values[int(water.worst_cdu.values[way, plant])]
            head, most = float(one["head"]), float(one.available_head)
            speed = f"at {float(one.pump_speed):.0%} speed" if one.pump_speed <= 1.0 else "cannot have it"
            noun = "pump" if one.pumps_running == 1 else "pumps"
            mine = water.cdu_plant.values == plant
            authority = float(np.nanmin(one.authority.values[mine]))
            carried = float(np.nansum(one.held.values[mine]) / np.nansum(one.asked.values[mine]))
            less = "" if carried > 0.999 else f"valves that hold what is asked get {carried:.0%} of it; "
            lines.append(
                Text.assemble(
                    (f"{name}, {arrangement} return: ", "bold"),
                    f"head {text(head, 'Pa')} at {text(float(one.flow_asked), 'm3/s', 4)}, worst branch {worst}, "
                    f"spread {float(one.spread):.2%}, control valve {authority:.0%} of the head; "
                    f"{int(one.pumps_running)} {noun} {speed}, each {text(float(one.pump_flow), 'm3/s')} of a rated "
                    f"{text(float(one.pump_rating), 'm3/s')}, at full speed {text(most, 'Pa')}, margin "
                    f"{text(most - head, 'Pa')}; {less}{text(float(one.lowest_pressure), 'Pa')} to "
                    f"{text(float(one.highest_pressure), 'Pa')} absolute",
                )
            )
        head, taken = float(water["head"].values[0, plant]), float(water.assumed_head.values[plant])
        more = "more" if taken >= head else "less"
        lines.append(
            Text(
                f"The equilibrium takes {text(taken, 'Pa')} for its pump power, {abs(taken / head - 1.0):.0%} {more} "
                "than the direct return needs: the rated head as the flow squared, whatever the pipes.",
                "dim",
            )
        )
    left = len(plants) - BLOCKS
    return [*lines, *([Text(f"and {left:,} more plants", "dim")] if left > 0 else [])]


def _pipes(*data: xr.Dataset) -> Table:
    """The fastest pipe of each kind."""
    table = _table(("pipe", "product", "bore", "fastest at", "velocity", "limit", "over it"), 2)
    for found in data:
        kinds = found.pipe_kind.values
        for kind in dict.fromkeys(kinds.tolist()):
            of_kind = np.flatnonzero(kinds == kind)
            speed, limit = found.pipe_velocity.values[of_kind], found.pipe_limit.values[of_kind]
            place = of_kind[int(np.argmax(speed / limit))]
            over = int(np.count_nonzero(speed > limit))
            table.add_row(
                kind,
                str(found.pipe_product.values[place]),
                f"{1e3 * float(found.pipe_diameter.values[place]):.1f} mm",
                str(found["pipe"].values[place]).removesuffix(f" {kind}"),
                text(float(found.pipe_velocity.values[place]), "m/s"),
                text(float(found.pipe_limit.values[place]), "m/s"),
                f"{over:,} of {len(of_kind):,}" if over else "none",
                style="yellow" if over else "",
            )
    return table


def page(facility: Facility, found: xr.Dataset, water: xr.Dataset) -> str:
    """One self-contained HTML page: flow, balancing and pressures of both networks under both arrangements."""
    figures = [ways(found, water), hall(facility, found, water), _spread(found, "rack")]
    figures += [site(facility, water), _spread(water, "cdu")]
    lead = "Coolant along the headers and facility water along the mains, with direct and with reverse return"
    return sheet(facility.name, lead, figures[0], more=tuple(figures[1:]))


def _spread(found: xr.Dataset, axis: str) -> Any:
    """Figure of the flow of every rack or CDU with valves open, and of what balances it; of more than MANY those of the
    loop or plant that differ most."""
    from plotly.graph_objects import Bar, Scatter
    from plotly.subplots import make_subplots

    noun = {"rack": "Rack", "cdu": "CDU"}[axis]
    name, mine = differing(found, axis)
    many = found.sizes[axis] > MANY
    mine = mine if many else np.arange(found.sizes[axis])
    balance, unit = shown(found.balance.values[:, mine], "Pa")
    noun += f"s of {html.escape(name)}" if many else "s"
    titles = (
        f"{noun}, all valves open: flow over what each asks for [%]",
        f"{noun}, balanced: what a valve has to take [{unit}]",
    )
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.1)
    names = [html.escape(str(name)) for name in found[axis].values[mine]]
    for way, arrangement in enumerate(found.arrangement.values.tolist()):
        told = {
            "name": f"{arrangement} return",
            "marker": {"color": COLOURS[arrangement]},
            "legendgroup": arrangement,
        }
        figure.add_trace(
            Scatter(x=names, y=100.0 * found.deviation.values[way, mine], mode="markers+lines", **told),
            row=1,
            col=1,
        )
        figure.add_trace(Bar(x=names, y=balance[way], showlegend=False, **told), row=2, col=1)
    figure.update_traces(marker_line_width=0, selector={"type": "bar"})
    figure.update_layout(height=560, barmode="group", bargap=0.1, legend=LEGEND)
    return figure
