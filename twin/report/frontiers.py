"""Frontiers of tokens of a GPU against tokens of a user: on a terminal, as one JSON object and as a page of plots."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from twin.facility import Facility
from twin.metrics import Evidence, drafted, rested
from twin.report.claims import plain
from twin.report.sheet import sheet
from twin.study.frontier import Frontier
from twin.summary import UNSERVED
from twin.wording import given, readable

COLUMNS = {
    "output_tokens_per_second": ("out/GPU", "1", 4),
    "total_tokens_per_second": ("in+out/GPU", "1", 4),
    "tpot_p50": ("token p50", "s", 3),
    "tpot_p99": ("token p99", "s", 3),
    "ttft_p50": ("first p50", "s", 3),
    "ttft_p99": ("first p99", "s", 3),
    "gpu_power": ("W/GPU", "1", 4),
}
"""Of `Pareto`: heading, unit and digits of a column."""
NOTES = (
    "Tokens per second that each user sees at least, and of a GPU: a mean over all that serve, prefill included.",
    "Token, first: time per output token, and to the first one. token/J: output tokens over the power of the GPUs.",
    "No limit of power or cooling holds the GPUs here: `twin run` has what those leave.",
)
COLOURS = ("#2f6690", "#b3261e", "#3a7d44", "#8f5aa8", "#b07d12", "#1b8a8a")


def record(facility: Facility, found: Sequence[Frontier], files: Mapping[str, str]) -> dict[str, Any]:
    """The frontiers as one JSON object: the paces in reach, and that of the layout with null where it is not."""
    asked = facility.layout.workload
    return {
        "workload": {
            "model": asked.model,
            "precision": asked.precision,
            "serving": asked.serving,
            "input_length": asked.input_length,
            "output_length": asked.output_length,
            "draft_length": asked.draft_length,
            "interactivity": float(found[0].pace),
            "first_token": asked.first_token,
        },
        "racks": [plain(_record(one)) for one in found],
        "files": dict(files),
    }


def _record(one: Frontier) -> dict[str, Any]:
    curve = one.curve
    values = {name: getattr(curve, name) for name in COLUMNS} | {"tokens_per_joule": one.tokens_per_joule}
    return {
        "rack": one.rack,
        "basis": one.basis,
        "band": one.band,
        "unserved": one.unserved or None,
        "points": [
            {
                "interactivity": float(pace),
                "asked": bool(pace == one.pace),
                **{name: float(of[place]) if one.reached[place] else None for name, of in values.items()},
            }
            for place, pace in enumerate(curve.interactivity)
            if one.reached[place] or pace == one.pace
        ],
    }


def lead(facility: Facility) -> str:
    """What is served, in a sentence."""
    asked = facility.layout.workload
    first = f", first token within {given(asked.first_token, 's')} (p99)" if asked.first_token else ""
    return (
        f"{asked.model} in {asked.precision}, {asked.input_length:,} tokens in and {asked.output_length:,} out{first}, "
        f"{asked.serving}{drafted(asked)}"
    )


def show(console: Console, facility: Facility, found: Sequence[Frontier], files: Mapping[str, str]) -> None:
    """Print a table for each rack product."""
    console.print(Text.assemble((facility.name, "bold"), f": {lead(facility)}"))
    for one in found:
        console.print()
        console.print(Text.assemble((one.rack, "bold"), f": {_basis(one)}"))
        console.print(Text(UNSERVED[one.unserved], "yellow") if one.unserved else _table(one))
    console.print()
    for note in NOTES:
        console.print(Text(note, "dim"))
    for kind, path in files.items():
        console.print(Text.assemble((f"{kind}  ", "dim"), path), soft_wrap=True)


def _basis(one: Frontier) -> str:
    return rested(Evidence(one.rack, one.basis, one.band))


def _table(one: Frontier) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for head in ("per user", *(head for head, *_ in COLUMNS.values()), "token/J"):
        table.add_column(head, justify="right", overflow="fold")
    table.add_column("", no_wrap=True)
    for place, pace in enumerate(one.curve.interactivity):
        mine = pace == one.pace
        if one.reached[place]:
            values = {name: float(getattr(one.curve, name)[place]) for name in COLUMNS}
            cells = [readable(values[name], unit, digits) for name, (_, unit, digits) in COLUMNS.items()]
            cells.append(f"{one.tokens_per_joule[place]:.3g}")
        elif mine:
            cells = ["-"] * (len(COLUMNS) + 1)
        else:
            continue
        mark = "<- layout" if one.reached[place] else "<- layout, out of reach"
        table.add_row(f"{pace:g}", *cells, mark if mine else "", style="bold" if mine else "")
    return table


def page(facility: Facility, found: Sequence[Frontier]) -> str:
    """One self-contained HTML page: tokens of a GPU, and over its energy, against tokens of a user."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    panels = ("Output tokens per second of a GPU", "Output tokens per joule at the GPU")
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, subplot_titles=panels, vertical_spacing=0.08)
    for order, one in enumerate(found):
        colour, name = COLOURS[order % len(COLOURS)], html.escape(one.rack)
        here = one.reached & (one.curve.interactivity == one.pace)
        for row, values in enumerate((one.curve.output_tokens_per_second, one.tokens_per_joule), start=1):
            for chosen, style in (
                (one.reached, {"mode": "lines+markers", "line": {"color": colour}, "name": name}),
                (
                    here,
                    {
                        "mode": "markers",
                        "marker": {"color": colour, "symbol": "star", "size": 15},
                        "name": f"{name} at the pace of the layout",
                    },
                ),
            ):
                figure.add_trace(
                    Scatter(
                        x=one.curve.interactivity[chosen], y=values[chosen], legendgroup=name, showlegend=row == 1,
                        hovertemplate="%{x:.4g} token/s per user: %{y:.4g}<extra>%{fullData.name}</extra>", **style,
                    ),
                    row=row, col=1,
                )  # fmt: skip
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(title_text="Tokens per second that each user sees", rangemode="tozero", row=2, col=1)
    figure.update_layout(height=760, legend={"orientation": "h", "yanchor": "bottom", "y": 1.05})
    told = tuple(f"{one.rack}: {UNSERVED[one.unserved] if one.unserved else _basis(one)}" for one in found)
    return sheet(facility.name, lead(facility), figure, told)
