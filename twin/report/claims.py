"""Claims against measurement and model, on a terminal from 100 columns up and as one JSON object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from twin.study.claims import OVERHEAD, REFERENCE, Finding, Point, Yield

WORDS = {
    "tokens_per_gpu": "tokens/s per GPU",
    "tokens_per_megawatt": "tokens/s per MW",
    "cost_per_token": "cost per token",
    "gpus": "GPUs",
}
NOTES = (
    "Output tokens leave out the prompt; in+out counts both. MW: of rack AC power, before the shelves (rack_ac).",
    "Cost: gpuCapital of the catalogue, terms of the layout "
    f"{REFERENCE}, utility power {OVERHEAD:g} x rack AC (assumed). All cost lies on the tokens named.",
    "Beside their GPUs air-cooled racks draw what measured nodes do, NVL72 all that its TDP leaves, as none is "
    "measured: with the TDP for both, NVL72 has a fifth to a third more tokens per MW against Hopper.",
    "±: median error to be expected of the time per token, ? where unknown; tokens at a pace move more than that.",
    "Measured: InferenceX, best run at the pace or faster, tokens from the requests in flight; '-': no such run. Its "
    "factors per MW and of cost are at the nameplate of the racks, as no run states its power; likewise MLPerf.",
)


def record(found: Sequence[Finding]) -> dict[str, Any]:
    """All findings as one JSON object; null for what does not exist."""
    return {
        "boundary": "rack_ac",
        "utility_over_rack_ac": OVERHEAD,
        "economics": REFERENCE,
        "claims": [plain(asdict(one)) for one in found],
    }


def show(console: Console, found: Sequence[Finding]) -> None:
    """Print each claim, what was measured, what the model gives and what can only be cited."""
    for one in found:
        _claim(console, one)
    console.print(Rule(style="dim"))
    for note in NOTES:
        console.print(Text(note, "dim"))


def _claim(console: Console, one: Finding) -> None:
    claim = one.claim
    console.print(Rule(Text(claim.statement, "bold"), align="left", style="dim"))
    claimed = ", ".join(f"{value:g}x {WORDS[key]}" for key, value in claim.factors.items())
    for title, text in (("claimed", claimed), ("at", claim.point), ("source", claim.source)):
        _line(console, title, text)
    if claim.caution:
        _line(console, "caution", claim.caution, "yellow")
    if one.measured:
        lengths = f"{claim.measured}, {claim.lengths[0]:,.0f} in, {claim.lengths[1]:,.0f} out"
        _heading(console, f"Measured, output tokens/s per GPU at tokens/s per user ({lengths})")
        console.print(_measured(one.measured))
    if one.mlperf:
        _heading(console, "MLPerf Inference, deepseek-r1, racks, output tokens/s per GPU")
        console.print(_mlperf(one))
    if one.model:
        lengths = f"{claim.model}, {claim.input_length:,.0f} in, {claim.output_length:,.0f} out"
        _heading(console, f"Model ({lengths})")
        console.print(_model(one.model))
        _heading(console, f"{one.model[0].rack} over the older system; cost the other way round")
        console.print(_factors(one))
    if one.training:
        _heading(console, "Training tokens/s per GPU, Llama 3.1 405B, 512 GPUs, NVFP4")
        console.print(_training(one))
    for text in claim.cited:
        _line(console, "cited", text)
    console.print()


def _line(console: Console, title: str, text: str, style: str = "") -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=8, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row(title, Text(text, style))
    console.print(grid)


def _heading(console: Console, text: str) -> None:
    console.print(Padding(Text(text, "bold"), (1, 0, 0, 0)))


def _table(*columns: str, left: Sequence[str] = ()) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, justify="left" if name in left else "right", overflow="fold")
    return table


def _measured(points: Sequence[Point]) -> Table:
    table = _table(
        "user", "system", "no drafts", "drafts", "drafts not stated", "pools not stated, at most",
        left=("system",),
    )  # fmt: skip
    for (pace, rack), kinds in groupby(points, key=lambda point: (point.asked, point.rack)):
        cells = [
            "-" if math.isnan(one.interactivity)
            else f"{one.output_tokens_per_second:,.0f} at {one.interactivity:.0f}"
            for one in kinds
        ]  # fmt: skip
        table.add_row(f"{pace:g}", rack, *cells)
    return table


def _mlperf(one: Finding) -> Table:
    table = _table(
        "system", "scenario", "tokens/s", "newest over it", "round", left=("system", "scenario", "round")
    )
    best = {row.scenario: row.tokens_per_gpu for row in one.mlperf}  # the last rack is the newest
    for row in one.mlperf:
        factor = best[row.scenario] / row.tokens_per_gpu
        told = f"{row.round} {row.availability}"
        table.add_row(row.rack, row.scenario, f"{row.tokens_per_gpu:,.0f}", f"{factor:.2f}x", told)
    return table


def _model(yields: Sequence[Yield]) -> Table:
    heads = ("user", "system", "drafts", "out/GPU", "in+out/GPU", "out/MW", "$/M out", "$/M in+out", "basis")
    table = _table(*heads, left=("system", "drafts", "basis"))
    for one in yields:
        kind = f"{one.rack.removesuffix('-nvl72')} {one.precision}"
        drafts = "yes" if one.drafts else "no"
        if one.output_tokens_per_second == 0.0:
            table.add_row(
                f"{one.interactivity:g}", kind, drafts, "0", "0", "0", "-", "-", f"out of {one.serving}"
            )
            continue
        band = "±?" if math.isnan(one.band) else f"±{one.band:.0%}"
        table.add_row(
            f"{one.interactivity:g}", kind, drafts, f"{one.output_tokens_per_second:,.0f}",
            f"{one.total_tokens_per_second:,.0f}", f"{one.output_tokens_per_megawatt:,.0f}",
            f"{one.cost_per_million_output:,.3f}", f"{one.cost_per_million_total:,.3f}", f"{one.basis} {band}",
        )  # fmt: skip
    return table


def _factors(one: Finding) -> Table:
    keys = ("tokens_per_gpu", "tokens_per_megawatt", "cost_per_token")
    heads = (WORDS[key] for key in keys)
    table = _table("user", "against", "drafts", "by", *heads, left=("against", "drafts", "by"))
    for row in (*one.factors, *one.measured_factors):
        values = [getattr(row, key) for key in keys]
        cells = ["-" if math.isnan(value) else f"{value:,.3g}x" for value in values]
        pace = "-" if math.isnan(row.interactivity) else f"{row.interactivity:g}"
        table.add_row(pace, row.against, row.drafting, row.basis, *cells)
    claimed = [f"{one.claim.factors[key]:g}x" if key in one.claim.factors else "" for key in keys]
    table.add_row("", "claimed", "", "", *claimed, style="dim")
    return table


def _training(one: Finding) -> Table:
    known = [row for row in one.training if row.basis == "measured"]
    table = _table("GPU", "tokens/s", *(f"over {row.gpu}" for row in known), "basis", left=("GPU", "basis"))
    for row in one.training:
        ratios = [f"{row.tokens_per_second / other.tokens_per_second:.2f}x" for other in known]
        table.add_row(row.gpu, f"{row.tokens_per_second:,.0f}", *ratios, row.basis)
    return table


def plain(value: Any) -> Any:
    """Without the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
