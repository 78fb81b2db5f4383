"""Pressure along the coolant's way and over the plan of hall and site, as plotly draws them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.facility import DEVICE_KINDS, Facility

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

COLOURS = {"direct": "#2f6690", "reverse": "#c77d2e"}
LEGEND = {"orientation": "h", "x": 0.0, "y": -0.15, "yanchor": "top"}
BETWEEN, LOST = "Viridis", "YlOrRd"
"""Colours of the pressure between the headers, and of what a header has lost."""
ASIDE = 0.35
"""From a row of racks to its headers as drawn [m]."""
INK, GREY, PALE = "#5b6673", "#c9d1d9", "#f4f6f8"
TITLES = {"rack": "Technology coolant", "cdu": "Facility water"}


def ways(found: xr.Dataset, water: xr.Dataset) -> Any:
    """Absolute pressure from the pumps' suction along the way of the worst and the best rack and CDU, valves balanced.

    Of many loops and plants the one is shown whose branches differ most with direct return.
    """
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    drawn = [(data, axis, *differing(data, axis)) for data, axis in ((found, "rack"), (water, "cdu"))]
    titles = [
        f"{TITLES[axis]} of {html.escape(name)}: absolute pressure at the end of each part [kPa]"
        for _, axis, name, _ in drawn
    ]
    figure = make_subplots(rows=2, cols=1, subplot_titles=titles, vertical_spacing=0.14)
    for row, (data, axis, _, mine) in enumerate(drawn, 1):
        stations = ["suction", *data.station.values.tolist()]
        for way, arrangement in enumerate(data.arrangement.values.tolist()):
            balance = data.balance.values[way, mine]
            for end, place, dash in (
                ("worst", mine[np.argmin(balance)], "solid"), ("best", mine[np.argmax(balance)], "dot"),
            ):  # fmt: skip
                along = data.pressure.values[way, place] / 1e3
                figure.add_trace(
                    Scatter(
                        x=stations, y=[along[-1], *along], mode="lines+markers", marker={"size": 6},
                        name=f"{arrangement} return, {end}: {html.escape(str(data[axis].values[place]))}",
                        line={"color": COLOURS[arrangement], "dash": dash, "width": 2},
                        legend="legend" if row == 1 else "legend2", hovertemplate="%{x}: %{y:.2f} kPa",
                    ),
                    row=row, col=1,
                )  # fmt: skip
    place = {"x": 1.0, "xanchor": "right", "yanchor": "top", "bgcolor": "rgba(255,255,255,0.8)"}
    figure.update_layout(height=820, legend={"y": 1.0, **place}, legend2={"y": 0.43, **place})
    return figure


def hall(facility: Facility, found: xr.Dataset, water: xr.Dataset) -> Any:
    """Plan of one hall, for both arrangements: what the headers have lost since the CDUs, and what is left between them
    at each rack, valves balanced."""
    from plotly.graph_objects import Scatter

    name, mine = differing(found, "rack")
    block = facility.racks.block[mine[0]]
    boxes, rows = facility.racks.box[mine, :, :2], facility.racks.row[mine]
    cdus = _cdus(facility)
    at = {
        station: found.pressure.sel(station=station).values[:, mine] / 1e3 for station in found.station.values
    }
    lost = {"supply": at["pumps"] - at["header"], "return": at["valve"] - at["return"]}
    between = found.differential_pressure.values[:, mine] / 1e3
    title = f"{html.escape(name)}, balanced, supply header {_side(boxes, rows)} each row"
    bars = "between headers<br>at the rack [kPa]", "header has lost<br>since the CDUs [kPa]"
    figure = _plan(title, facility.hall[block, :, :2], *bars)
    figure.update_layout(coloraxis2={"cmin": 0.0, "cmax": max(float(one.max()) for one in lost.values())})
    for way in range(2):
        place = {"row": 1 + way, "col": 1}
        rectangle(figure, facility.hall[block, :, :2], PALE, place)
        stand = cdus[facility.devices.block[cdus] == block]
        figure.add_trace(_named(facility, stand, water), **place)
        for cdu in stand:
            rectangle(figure, facility.devices.box[cdu, :, :2], GREY, place)
        for box, colour in zip(boxes, _colours(between[way], between), strict=True):
            rectangle(figure, box, colour, place)
        labels = [html.escape(str(one)) for one in found.rack.values[mine]]
        figure.add_trace(
            Scatter(
                x=boxes[:, :, 0].mean(axis=1), y=boxes[:, :, 1].mean(axis=1), mode="markers", text=labels,
                marker={"color": between[way], "coloraxis": "coloraxis", "size": 6, "symbol": "square"},
                showlegend=False, hovertemplate="%{text}<br>%{marker.color:.2f} kPa between headers<extra></extra>",
            ),
            **place,
        )  # fmt: skip
        figure.add_trace(_worst(boxes[int(np.argmin(between[way]))].mean(axis=0)), **place)
        for row in np.unique(rows):
            of_row = np.flatnonzero(rows == row)
            for side, title in enumerate(("supply", "return")):
                spots = _beside(boxes[of_row], side)
                figure.add_trace(
                    Scatter(
                        x=spots[:, 0], y=spots[:, 1], mode="lines+markers", line={"color": INK, "width": 1},
                        marker={"color": lost[title][way, of_row], "coloraxis": "coloraxis2", "size": 9,
                                "line": {"color": INK, "width": 1}},
                        text=[f"{title} header at {labels[one]}" for one in of_row], showlegend=False,
                        hovertemplate="%{text}<br>%{marker.color:.3f} kPa lost<extra></extra>",
                    ),
                    **place,
                )  # fmt: skip
    return figure


def site(facility: Facility, water: xr.Dataset) -> Any:
    """Plan of all halls, for both arrangements: main, streets and headers as they are taken to run, and the facility
    water's pressure between the headers at each CDU, valves balanced."""
    from plotly.graph_objects import Scatter

    cdus = _cdus(facility)
    spots = facility.devices.box[cdus].mean(axis=1)[:, :2]
    between = water.differential_pressure.values / 1e3
    low, high = facility.hall[:, 0, :2].min(axis=0), facility.hall[:, 1, :2].max(axis=0)
    figure = _plan("Facility water, balanced", np.stack([low, high]), "between headers<br>at the CDU [kPa]")
    for way in range(2):
        place = {"row": 1 + way, "col": 1}
        walls = _walls(facility.hall[:, :, :2])
        figure.add_trace(
            Scatter(x=walls[:, 0], y=walls[:, 1], mode="lines", line={"color": GREY, "width": 1}, fill="toself",
                    fillcolor=PALE, hoverinfo="skip", showlegend=False),
            **place,
        )  # fmt: skip
        runs = _routes(facility, cdus, spots)
        figure.add_trace(
            Scatter(x=runs[:, 0], y=runs[:, 1], mode="lines", line={"color": INK, "width": 1}, hoverinfo="skip",
                    showlegend=False),
            **place,
        )  # fmt: skip
        figure.add_trace(
            Scatter(
                x=spots[:, 0], y=spots[:, 1], mode="markers", showlegend=False,
                text=[html.escape(str(one)) for one in water.cdu.values],
                marker={"color": between[way], "coloraxis": "coloraxis", "size": 9, "symbol": "square"},
                hovertemplate="%{text}<br>%{marker.color:.2f} kPa between headers<extra></extra>",
            ),
            **place,
        )  # fmt: skip
        for worst in water.worst_cdu.values[way]:
            if worst >= 0:
                figure.add_trace(_worst(spots[worst]), **place)
    return figure


def differing(data: xr.Dataset, axis: str) -> tuple[str, Index]:
    """Name of the loop or plant whose branches differ most with direct return, and its racks or CDUs that run."""
    over = {"rack": "block", "cdu": "plant"}[axis]
    group, names = data[f"{axis}_{over}"].values, data[over].values
    balance = data.balance.values[0]
    index = int(group[int(np.nanargmax(balance))])
    return str(names[index]), np.flatnonzero((group == index) & np.isfinite(balance))


def _cdus(facility: Facility) -> Index:
    return np.flatnonzero(facility.devices.kind == DEVICE_KINDS.index("cdu"))


def _named(facility: Facility, cdus: Index, water: xr.Dataset) -> Any:
    """Names of the CDUs of a hall where they stand, and which are out."""
    from plotly.graph_objects import Scatter

    spots, devices = facility.devices.box[cdus].mean(axis=1), facility.devices
    names = [devices.name[cdu].removeprefix(f"{facility.blocks[devices.block[cdu]]}.") for cdu in cdus]
    asked = water.asked.values[np.searchsorted(_cdus(facility), cdus)]
    names = [name if flow > 0.0 else f"{name} out" for name, flow in zip(names, asked, strict=True)]
    return Scatter(
        x=spots[:, 0], y=spots[:, 1], text=[html.escape(name) for name in names], mode="text",
        textfont={"size": 10}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _worst(spot: Array) -> Any:
    """Ring around the branch that sets the head."""
    from plotly.graph_objects import Scatter

    return Scatter(
        x=spot[:1], y=spot[1:2], mode="markers", showlegend=False, hoverinfo="skip",
        marker={"size": 18, "symbol": "circle-open", "color": "#d1242f", "line": {"width": 2}},
    )  # fmt: skip


def _plan(title: str, bounds: Array, first: str, second: str = "") -> Any:
    """Two plans of equal scale, direct return above reverse, with their colour bars on the right.

    bounds : lower and upper corner of what they show, (2, 2) [m].
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=2,
        cols=1,
        subplot_titles=[f"{title}, {way} return; worst branch ringed" for way in COLOURS],
        vertical_spacing=0.09,
    )
    bar = {"len": 0.45, "yanchor": "top", "thickness": 14}
    figure.update_layout(
        height=860, coloraxis={"colorscale": BETWEEN, "colorbar": {"title": first, "y": 1.0, **bar}}
    )
    if second:
        figure.update_layout(coloraxis2={"colorscale": LOST, "colorbar": {"title": second, "y": 0.48, **bar}})
    for number, anchor in ((1, "x"), (2, "x2")):
        (x0, y0), (x1, y1) = bounds.tolist()
        edge = 0.03 * max(x1 - x0, y1 - y0)
        plain = {"row": number, "col": 1, "showgrid": False, "zeroline": False, "constrain": "domain"}
        figure.update_xaxes(range=[x0 - edge, x1 + edge], title="m" if number == 2 else None, **plain)
        figure.update_yaxes(range=[y0 - edge, y1 + edge], title="m", scaleanchor=anchor, **plain)
    return figure


def rectangle(figure: Any, box: Array, colour: str, place: dict[str, int]) -> None:
    """A rectangle from its lower to its upper corner, (2, 2) [m]."""
    (x0, y0), (x1, y1) = box.tolist()
    line = {"color": INK, "width": 0.5}
    figure.add_shape(
        type="rect", x0=x0, y0=y0, x1=x1, y1=y1, fillcolor=colour, line=line, layer="below", **place
    )


def _colours(values: Array, among: Array) -> Sequence[str]:
    """Colours of BETWEEN from the least to the greatest of some values."""
    from plotly.colors import sample_colorscale

    least, most = float(among.min()), float(among.max())
    found: Sequence[str] = sample_colorscale(BETWEEN, ((values - least) / (most - least or 1.0)).tolist())
    return found


def _side(boxes: Array, rows: Index) -> str:
    """Where the supply headers are drawn."""
    return "below" if _across(boxes[rows == rows[0]]) == 1 else "left of"


def _across(boxes: Array) -> int:
    """The axis, 0 or 1, across a row of racks."""
    return int(np.argmin(np.ptp(boxes.mean(axis=1), axis=0))) if len(boxes) > 1 else 1


def _beside(boxes: Array, side: int) -> Array:
    """Points of a header before (0) or behind (1) the racks of a row, (rack, 2) [m]."""
    across, spots = _across(boxes), boxes.mean(axis=1)
    spots[:, across] = boxes[:, side, across] + (ASIDE if side else -ASIDE)
    return spots


def _walls(boxes: Array) -> Array:
    """Outlines of rectangles (one, 2, 2) as points, NaN between two, (point, 2): one trace for all is quick."""
    low, high, gap = boxes[:, 0], boxes[:, 1], np.full((len(boxes), 2), np.nan)
    right, left = np.column_stack([high[:, 0], low[:, 1]]), np.column_stack([low[:, 0], high[:, 1]])
    return np.stack([low, right, high, left, low, gap], axis=1).reshape(-1, 2)


def _routes(facility: Facility, cdus: Index, spots: Array) -> Array:
    """Points of the pipes as `twin.study.facility_water` lays them, NaN between two lines, (point, 2) [m]."""
    low, middle = facility.hall[:, 0, :2], facility.hall.mean(axis=1)[:, :2]
    block_of = facility.devices.block[cdus]
    gap = [np.nan, np.nan]
    points: list[Any] = []
    for plant in np.unique(facility.cooling.plant[block_of]):
        blocks = np.unique(block_of[facility.cooling.plant[block_of] == plant])
        feet = []
        for x in np.unique(low[blocks, 0]):
            street = blocks[low[blocks, 0] == x]
            feet.append([x, low[street, 1].min()])
            points += [feet[-1], [x, middle[street, 1].max()], gap]
        points += [*feet, gap]
        for block in blocks:
            mine = spots[block_of == block]
            entry = np.array([low[block, 0], middle[block, 1]])
            points += [entry, [mine[0, 0], entry[1]], *mine, gap]
    return np.array(points, dtype=np.float64)
