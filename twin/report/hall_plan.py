"""A page of the inlets of a hall's racks: by class and by what is left to their limits, and over time after a loss."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.facility import DEVICE_KINDS, Facility
from twin.report.pressure_map import GREY, INK, PALE, rectangle
from twin.report.sheet import sheet
from twin.study.air_loss import CAUSES
from twin.study.inlet_class import CLASSES, MEANINGS
from twin.units import text

Array = npt.NDArray[np.float64]

ZERO = 273.15
COLOURS = ("#4c9f70", "#b7cf6a", "#f2d36b", "#ee9b4b", "#d65a45", "#7a1f2b")
"""Of MEANINGS."""
SCALE = [[0.0, "#d65a45"], [0.25, "#f2d36b"], [0.5, "#8cc49f"], [1.0, "#8fb4d4"]]
"""Of what is left to the limit, from none."""
MOST = 60
"""Racks up to which their inlets are written on them."""
FEW = 12
"""Racks up to which each has a line of its own over time; of more the hottest FEW have."""
NAMED = 4
"""Racks that a sentence names before it counts the others."""
WIDTH = 960
"""Of the plan on the page [pixels]."""


def page(
    facility: Facility, found: xr.Dataset, course: xr.Dataset | None = None, written: Sequence[str] = ()
) -> str:
    """One self-contained HTML page. course : of `twin.study.air_loss`, after the events `written`."""
    lead = f"{verdict(found)}." + (f" {after(course)}." if course is not None else "")
    notes = [*doubts(found), *found.remarks.splitlines()]
    notes += [] if course is None else course.remarks.splitlines()
    more = (over_time(course),) if course is not None else ()
    title = found.title if found.title == found.block else f"{found.title}, {found.block}"
    return sheet(title, lead, plan(facility, found), tuple(written), more, tuple(f"{one}." for one in notes))


def counts(found: xr.Dataset) -> dict[str, int]:
    """Racks of each class that there is, the narrowest first."""
    number = np.bincount(found.air_inlet_class.values, minlength=len(MEANINGS))
    return {name: int(n) for name, n in zip(MEANINGS, number, strict=True) if n}


def verdict(found: xr.Dataset) -> str:
    """Classes of the inlets and the least that is left to a limit, in one sentence."""
    inlet, limit = found.air_inlet_temperature.values, found.air_inlet_limit.values
    each = ", ".join(f"{n} {name}" for name, n in counts(found).items())
    tight = int(np.argmin(limit - inlet))
    left = float(limit[tight] - inlet[tight])
    rack = str(found.rack.values[tight])
    told = f"{left:.1f} K below" if left >= 0.0 else f"{-left:.1f} K above"
    sure = float(found.air_inlet_uncertainty.values[tight])
    doubt = ""
    if abs(left) < sure:
        doubt = f", undecided: its uncertainty is {f'{sure:.1f} K' if np.isfinite(sure) else 'not known'}"
    return (
        f"Inlets of {len(inlet)} racks by ASHRAE class: {each}; {rack} is {told} its product's limit{doubt}"
    )


def doubts(found: xr.Dataset) -> tuple[str, ...]:
    """What keeps the means from being as sure as was asked for, in one sentence or none."""
    if bool(found.interrupted):
        return ("Interrupted: the means are of what there was by then; --resume goes on from here",)
    if not bool(found.settled):
        return (
            f"Not settled: after {int(found.batches)} batches the means are not as sure as was asked for",
        )
    return ()


def after(course: xr.Dataset) -> str:
    """What a loss comes to, in one sentence; racks at their limit by something else are told apart."""
    seconds, until = course.seconds_to_limit.values, float(course.time.values[-1])
    over = int(np.isfinite(seconds).sum())
    if over:
        first = str(course.rack.values[int(np.nanargmin(seconds))])
        told = (
            f"{over} of {len(seconds)} racks reach their limit in {until:.0f} s, "
            f"the first, {first}, after {float(np.nanmin(seconds)):.0f} s"
        )
    else:
        highest = float(course.air_inlet_highest.max())
        told = f"no rack reaches its limit by the loss in {until:.0f} s; the highest inlet is {text(highest, 'K', 3)}"
    for cause, one, several in (
        (
            "mean",
            "is already over it before the loss by its mean",
            "are already over it before the loss by their means",
        ),
        (
            "swing",
            "reaches it by swings alone, hardly wider than before the loss",
            "reach it by swings alone, hardly wider than before the loss",
        ),
    ):
        names = course.rack.values[course.limit_cause.values == CAUSES.index(cause)]
        if len(names):
            some = ", ".join(map(str, names[:NAMED])) + (
                f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            )
            told += f"; {some} {one if len(names) == 1 else several}"
    if bool(course.interrupted):
        return f"Interrupted after {until:.0f} s of the {float(course.asked):.0f} s asked for: {told}"
    return told[0].upper() + told[1:]


def plan(facility: Facility, found: xr.Dataset) -> Any:
    """Two plans of the hall: racks by class of their inlets, and by what is left to the limit of each product."""
    from plotly.colors import sample_colorscale
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    block = facility.blocks.index(found.block)
    floor = facility.hall[block, :, :2]
    place = {str(name): n for n, name in enumerate(facility.racks.name)}
    boxes = facility.racks.box[[place[str(name)] for name in found.rack.values], :, :2]
    inlet = found.air_inlet_temperature.values
    left = found.air_inlet_limit.values - inlet
    code, most = found.air_inlet_class.values, max(10.0, float(np.ceil(left.max())))
    figure = make_subplots(
        rows=2, cols=1, vertical_spacing=0.08,
        subplot_titles=["ASHRAE class of the inlet air [°C]", "Left to the product's limit [K]"],
    )  # fmt: skip
    filled = (
        [COLOURS[n] for n in code],
        sample_colorscale(SCALE, np.clip(left / most, 0.0, 1.0).tolist()),
    )
    for row, (colours, values) in enumerate(zip(filled, (inlet - ZERO, left), strict=True), 1):
        written = [f"{value:z.1f}".replace("-", "\u2212") for value in values]
        at = {"row": row, "col": 1}
        rectangle(figure, floor, PALE, at)
        _devices(figure, facility, block, at)
        for box, colour in zip(boxes, colours, strict=True):
            rectangle(figure, box, colour, at)
        spots = boxes.mean(axis=1)
        hover = [
            f"{html.escape(str(name))}<br>{inlet[n] - ZERO:.1f} °C, {MEANINGS[code[n]]}<br>{left[n]:.1f} K left"
            for n, name in enumerate(found.rack.values)
        ]
        figure.add_trace(
            Scatter(
                x=spots[:, 0], y=spots[:, 1], mode="text" if len(boxes) <= MOST else "markers",
                text=written, textfont={"size": 10, "color": "#1b2430"},
                marker={"size": 4, "opacity": 0.0}, hovertext=hover, hoverinfo="text", showlegend=False,
            ),
            **at,
        )  # fmt: skip
        (x0, y0), (x1, y1) = floor.tolist()
        edge = 0.02 * (x1 - x0)
        plain = {**at, "showgrid": False, "zeroline": False, "constrain": "domain"}
        figure.update_xaxes(range=[x0 - edge, x1 + edge], title="m" if row == 2 else None, **plain)
        anchor = "x" if row == 1 else "x2"
        figure.update_yaxes(range=[y0 - edge, y1 + edge], title="m", scaleanchor=anchor, **plain)
    for name, n in counts(found).items():
        span = CLASSES.get(name)
        told = f"{name}, {span[0] - ZERO:.0f} to {span[1] - ZERO:.0f} °C" if span else name
        figure.add_trace(
            Scatter(
                x=[None], y=[None], mode="markers", name=f"{told}: {n}",
                marker={"symbol": "square", "size": 14, "color": COLOURS[MEANINGS.index(name)]},
            ),
            row=1, col=1,
        )  # fmt: skip
    bar = {"len": 0.42, "y": 0.0, "yanchor": "bottom", "thickness": 14, "title": "K"}
    figure.add_trace(
        Scatter(
            x=[None], y=[None], mode="markers", showlegend=False,
            marker={"color": [0.0], "colorscale": SCALE, "cmin": 0.0, "cmax": most, "colorbar": bar},
        ),
        row=2, col=1,
    )  # fmt: skip
    wide, deep = (floor[1] - floor[0]).tolist()
    figure.update_layout(height=int(np.clip(2.0 * WIDTH * 0.85 * deep / wide + 200.0, 500.0, 2400.0)))
    return figure


def _devices(figure: Any, facility: Facility, block: int, at: dict[str, int]) -> None:
    """What else stands in the hall, with its name."""
    from plotly.graph_objects import Scatter

    devices = facility.devices
    stand = np.flatnonzero(np.isfinite(devices.box).all(axis=(1, 2)) & (devices.block == block))
    for one in stand:
        rectangle(figure, devices.box[one, :, :2], GREY, at)
    spots = devices.box[stand].mean(axis=1)
    names = [html.escape(devices.name[one].removeprefix(f"{facility.blocks[block]}.")) for one in stand]
    blows = devices.kind[stand] == DEVICE_KINDS.index("fan_wall")
    figure.add_trace(
        Scatter(
            x=spots[:, 0], y=spots[:, 1], mode="markers+text", marker={"size": 4, "opacity": 0.0}, showlegend=False,
            text=[name if one else "" for name, one in zip(names, blows, strict=True)], textfont={"size": 9},
            textposition="middle center", hovertext=names, hoverinfo="text",
        ),
        **at,
    )  # fmt: skip


def over_time(course: xr.Dataset) -> Any:
    """Inlets and the air of the fan walls over time."""
    from plotly.colors import qualitative
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    time, inlet = course.time.values, course.air_inlet_temperature.values - ZERO
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.7, 0.3],
        subplot_titles=["Air before the racks [°C]", "Air [m³/s]"],
    )  # fmt: skip
    shown = np.sort(np.argsort(-inlet.max(axis=0), kind="stable")[:FEW])
    for n in shown:
        name = html.escape(str(course.rack.values[n]))
        figure.add_trace(
            Scatter(x=time, y=inlet[:, n], name=name, mode="lines", line={"width": 1.5}), row=1, col=1
        )
    dark = {"color": INK, "width": 2}
    mean = course.air_temperature.values - ZERO
    figure.add_trace(Scatter(x=time, y=mean, name="mean of the hall", mode="lines", line=dark), row=1, col=1)
    for limit in np.unique(course.air_inlet_limit.values) - ZERO:
        told = f"limit {limit:.0f} °C"
        line = {"color": "#b3261e", "dash": "dash"}
        figure.add_trace(
            Scatter(x=time[[0, -1]], y=[limit, limit], name=told, mode="lines", line=line), row=1, col=1
        )
    for name, label, colour in (
        ("supply_flow", "from the fan walls", "#2f6690"),
        ("recirculated_flow", "back from the hot aisles", "#c77d2e"),
    ):
        figure.add_trace(
            Scatter(x=time, y=course[name].values, name=label, mode="lines", line={"color": colour}), row=2, col=1
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero", row=2, col=1)
    figure.update_xaxes(title_text="Time [s]", row=2, col=1)
    figure.update_layout(height=620, hovermode="closest", colorway=qualitative.Dark24)
    return figure
