"""Power shells and the racks they hold, on a terminal and as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from twin.report.claims import plain
from twin.study.shell import Fill, Shell
from twin.units import text

HEADS = (
    "racks", "GPUs", "kW/rack", "W/GPU", "clock", "token/s per user", "Mtoken/s out", "gain", "USD/M out", "USD/M all",
)  # fmt: skip
NOTES = (
    "Power of a rack: AC input, support apart; a shell over its PUE is the AC input of racks and support.",
    "Managed: the racks that its maker publishes for the shell at any PUE and support, as far as the rest runs them.",
    "Capped: the number of racks that yields most tokens, each at its equal share by the cap law on GPU watts.",
    "Costs carry all racks and a facility built for the whole shell, on output tokens or on input and output alike.",
)


def record(found: Sequence[Shell]) -> dict[str, Any]:
    """The shells as one JSON object; what no number stands for is None."""
    return {"shells": [plain(asdict(one)) for one in found]}


def show(console: Console, found: Sequence[Shell]) -> None:
    """Print what the shells hold."""
    for one in found:
        support = f", {text(one.support, 'W')} of support each" if one.support else ""
        console.print(
            Text.assemble(
                (f"{text(one.power, 'W')} of {one.rack}", "bold"),
                f": PUE {one.pue:g}; a rack asks for {text(one.demand, 'W', 4)} and runs from "
                f"{text(one.floor, 'W')} on{support}",
            )
        )
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("filled by", no_wrap=True)
        for head in HEADS:
            table.add_column(head, justify="right", overflow="fold")
        for fill in one.fills:
            table.add_row(fill.rule, *_cells(fill, one.fills[0]))
        console.print(table)
        console.print()
    for note in NOTES:
        console.print(Text(note, "dim"))


def _cells(fill: Fill, first: Fill) -> tuple[str, ...]:
    gain = fill.output_tokens_per_second / first.output_tokens_per_second - 1.0
    return (
        f"{fill.racks:,}", f"{fill.gpus:,}", f"{fill.rack_power / 1e3:.1f}", f"{fill.gpu_power:,.0f}",
        f"{fill.clock:.2f}", f"{fill.interactivity:.1f}", f"{fill.output_tokens_per_second / 1e6:,.2f}",
        f"{gain:+.1%}" if fill is not first else "",
        f"{fill.cost_per_million_output_tokens:.3f}", f"{fill.cost_per_million_total_tokens:.4f}",
    )  # fmt: skip
