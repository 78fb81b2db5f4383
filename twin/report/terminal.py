"""The summary of a run on a terminal, from 80 columns up."""

from __future__ import annotations

from collections.abc import Container, Mapping

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from twin.metrics import Metric, rested
from twin.summary import MODES, SHAPES, WHY, WORST, Summary, doubt, outside, terms, worth
from twin.verdict import Finding
from twin.wording import few

GRID = (
    ("tokens_per_second", "utility_power"),
    ("tokens_per_second_per_megawatt", "it_power"),
    ("cost_per_million_tokens", "pue"),
    ("ttft_p99", "utilisation"),
    ("tpot_p50", "uptime"),
    ("tpot_p99",),
    ("step_time", "utilisation"),
    ("mfu", "uptime"),
    ("goodput", "power_swing"),
    ("power_ramp",),
)
"""Metrics side by side; rows whose first one a run does not have are left out."""
AGENTS = (("sessions", "kv_hit"), ("session_ttft",))
"""Those of sessions, where a workload tells one."""
SLOPES = "slopes of the whole solve, from a step of 1 kW or 0.1 K each way; they may change with distance"


def show(console: Console, found: Summary, files: Mapping[str, str]) -> None:
    """Print the summary and where its files are."""
    console.print(Group(*_parts(found)))
    console.print()
    wide = max(8, *map(len, files)) + 1
    for kind, path in files.items():
        console.print(Text.assemble((f"{kind:<{wide}}", "dim"), path), soft_wrap=True)


def _parts(found: Summary) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(found.name, "bold")]
    if found.description:
        parts.append(Text(found.description, "dim"))
    if found.dead:
        parts.append(Text(f"not in service: {few(found.dead)}", "yellow"))
    starred = _starred(found)
    parts += [Text(""), _verdict(found), Text(""), _metrics(found.metrics, starred)]
    parts += [Text(f"* {found.metrics[name].title.lower()}: {line}", "dim") for name, line in starred.items()]
    if found.converged:
        parts += [_heading("Held by"), _binding(found)]
        if found.prices:
            parts += [_heading("What it is worth"), _prices(found), Text(SLOPES, "dim")]
        parts += [_heading("Tightest margins"), _margins(found.margins[:WORST])]
        parts += [_heading("Balances"), _balances(found)]
    return [*parts, _heading("What it rests on"), _basis(found), *map(Text, found.notes)]


def _heading(title: str) -> Group:
    return Group(Text(""), Rule(Text(title, "bold"), align="left", style="dim"))


def _verdict(found: Summary) -> Text:
    """Solved or not, and how many margins are outside."""
    racks = f"{found.racks:,} racks, {found.gpus:,} GPUs. "
    if not found.converged:
        return Text.assemble(racks, (f"No solution: {WHY[found.reason]}.", "bold red"))
    solved = f"Solved in {found.passes} {'pass' if found.passes == 1 else 'passes'}. "
    if found.ledger.faults:
        return Text.assemble(racks, solved, ("Its balances do not close.", "bold red"))
    rules = len(found.margins)
    told, open_ = (f"All {rules} rules inside their limits.", "bold green"), doubt(found)
    if open_:
        inside = rules - len(found.undecided) - len(found.negative)
        told = (f"{inside} of {rules} rules inside their limits.", "bold green")
    if found.negative:
        told = (f"{len(found.negative)} of {rules} rules outside their limits.", "bold red")
    return Text.assemble(racks, solved, told, (f" {open_}." if open_ else "", "bold yellow"))


def _starred(found: Summary) -> dict[str, str]:
    """What is said below the numbers of some of them, by metric: what the tokens rest on, and what is told in part."""
    tokens = {"tokens_per_second": rested(found.evidence[0])} if found.evidence else {}
    return tokens | {name: metric.basis for name, metric in found.metrics.items() if metric.partial}


def _metrics(metrics: Mapping[str, Metric], starred: Container[str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for _ in ("left", "right"):
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(style="bold", justify="right", no_wrap=True)
    for names in (*GRID, *AGENTS):
        if names[0] in metrics:
            grid.add_row(*(cell for name in names for cell in _metric(metrics[name], name in starred)))
    return grid


def _metric(metric: Metric, starred: bool) -> tuple[str, str]:
    return metric.title, metric.text + (" *" if starred else "")


def _binding(found: Summary) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold")
    grid.add_column()
    shaped = {f"demand shaped by {SHAPES[bound]}": count for bound, count in found.shaped.items()}
    for what, count in (*found.held.items(), *shaped.items()):
        grid.add_row(f"{count:,} racks" if count != 1 else "1 rack", what)
    for mode, count in found.modes.items():
        grid.add_row(f"{count:,} plants" if count != 1 else "1 plant", f"cooling mode: {MODES[mode]}")
    return grid


def _prices(found: Summary) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("limit", "one more", "one less", "of"):
        grid.add_column(name, justify="right" if name.startswith("one") else "left", no_wrap=name != "limit")
    for price in found.prices:
        grid.add_row(Text(price.name), *worth(price), "K" if price.unit == "K" else f"k{price.unit}")
    return grid


def _margins(findings: tuple[Finding, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("rule", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=3)
    table.add_column("where", overflow="fold", ratio=2)
    for name in ("value", "limit", "margin"):
        table.add_column(name, justify="right", no_wrap=True)
    for finding in findings:
        value, limit, margin = terms(finding)
        style = "bold red" if outside(finding) else "yellow" if finding.undecided else ""
        table.add_row(finding.code, finding.title, Text(finding.element), value, limit, margin, style=style)
    return table


def _balances(found: Summary) -> Text:
    ledger = found.ledger
    line = Text()
    for name, error in (("power", ledger.power), ("rack heat", ledger.rack), ("heat outdoors", ledger.heat)):
        line.append(f"{name} ", "dim").append(f"{error:.1e}   ")
    line.append("of their totals", "dim")
    for fault in ledger.faults:
        line.append(f"\n{fault}", "bold red")
    return line


def _basis(found: Summary) -> Text:
    basis = found.basis
    line = Text(
        f"{basis.figures} catalogue figures, of which {basis.assumed} assumed and {basis.calibrated} calibrated."
    )
    if basis.decisive:
        names = f"{', '.join(basis.decisive)} of {basis.product}"
        line.append(
            f"\nA figure that is assumed or calibrated decides the tightest margin: {names}.", "yellow"
        )
    return line
