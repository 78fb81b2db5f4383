"""The command line: `twin run`, `twin new`, `twin catalogue`.

Everything heavy is imported in the command that needs it, so that `twin --help` answers at once.
Exit status: 0 solved, 2 bad input, 3 no solution or balances that do not close.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import xarray as xr
    from rich.console import Console

    from twin.errors import Problem
    from twin.verdict import Finding

BAD_INPUT = 2
NOT_SOLVED = 3
WIDE = 1000
"""Columns of a table that goes to a file or a pipe: as many as it asks for."""
NARROW = 120
"""Columns of a terminal below which a source stands under its value, not beside it."""

app = typer.Typer(
    help="Physics twin of an AI factory: a layout in; the coupled state, the verdict and the report out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
catalogue = typer.Typer(
    help="Products of the catalogue: every figure with its unit, source and status.", no_args_is_help=True
)
app.add_typer(catalogue, name="catalogue")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("ai-factory-twin"))
        except PackageNotFoundError:
            typer.echo("unknown: run from a source tree that is not installed")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Physics twin of an AI factory: a layout in; the coupled state, the verdict and the report out."""


@app.command()
def run(
    layout: Annotated[
        str, typer.Argument(help="Layout file, or the name of a built-in layout.")
    ] = "gb300-su",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="Replace a value of the layout: site.dry_bulb='38 degC'."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the three files.")] = Path("results"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the summary.")
    ] = False,
    variable: Annotated[
        str, typer.Option(help="What colours the racks of the report's hall at first.")
    ] = "case_temperature",
) -> None:
    """Solve one scenario of a layout, check it, and write state, margins and report."""
    with _told():
        facility, sets = _asked(layout, set_ or [], out, variable)
    from twin.equilibrium import solve
    from twin.report.page import page
    from twin.study.price import prices
    from twin.summary import record, summary
    from twin.verdict import findings

    state = solve(facility)
    listed = findings(facility, state)
    found = summary(facility, state, listed, prices(facility) if state.converged.all() else ())
    with _told():
        files = _written(out, state, listed, page(facility, state, found, variable, sets))
    if as_json:
        import json

        typer.echo(json.dumps(record(found, files), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        from rich.console import Console

        from twin.report.terminal import show

        show(Console(highlight=False), found, files)
    for fault in found.faults:
        typer.echo(f"twin: {fault}", err=True)
    if found.faults:
        raise typer.Exit(NOT_SOLVED)


@app.command()
def new(
    racks: Annotated[int, typer.Option(help="Number of racks.")] = 16,
    type_: Annotated[str, typer.Option("--type", help="Rack product of the catalogue.")] = "gb300-nvl72",
) -> None:
    """Print a complete, commented layout to start from."""
    with _told():
        from twin.layout import new_layout

        typer.echo(new_layout(racks, type_), nl=False)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write it to, instead of printing it.")] = None,
) -> None:
    """Print the JSON Schema of a layout, for editors that check and complete it while you type."""
    import json

    from twin.editor import layout_schema
    from twin.errors import InputError, Problem

    content = json.dumps(layout_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(content, nl=False)
        return
    with _told():
        try:
            out.write_text(content, "utf-8")
        except OSError as error:
            reason = error.strerror or error
            message = f"cannot write {str(out)!r}: {reason}"
            raise InputError([Problem("--out", None, None, "", message)]) from None


@catalogue.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="Kind of product, such as rack or cdu.")] = None,
) -> None:
    """List the products, of one kind or of all."""
    with _told():
        from twin.catalogue import KINDS, product, products

        listed = [product(name, one) for one in ([kind] if kind else KINDS) for name in products(one)]
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name, fold in (("kind", False), ("product", False), ("description", True)):
        table.add_column(name, no_wrap=not fold, overflow="fold")
    for name in ("figures", "assumed"):
        table.add_column(name, justify="right", no_wrap=True)
    for made in listed:
        assumed = sum(figure.status == "assumed" for figure in made.figures.values())
        table.add_row(made.kind, made.name, Text(made.description), str(len(made.figures)), str(assumed))
    _console().print(table)


@catalogue.command()
def show(name: Annotated[str, typer.Argument(help="Name of a product.")]) -> None:
    """Show every figure of a product: value, unit, status and source."""
    with _told():
        from twin.catalogue import product

        made = product(name)
    from rich.table import Table
    from rich.text import Text

    from twin.report.figure import as_written

    console = _console()
    narrow = console.width < NARROW
    heads = ("figure", "value as written", "SI unit", "status", *(() if narrow else ("source",)))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, no_wrap=head not in (heads[1], "source"), overflow="fold")
    for key, figure in made.figures.items():
        value, source = Text(as_written(figure)), Text(figure.source, "dim")
        status = Text(figure.status, "yellow" if figure.status in ("assumed", "calibrated") else "")
        cells = (key, Text.assemble(value, "\n", source) if narrow else value, figure.unit or "word", status)
        table.add_row(*cells, *(() if narrow else (source,)))
    console.print(Text.assemble((made.name, "bold"), f" ({made.kind}): {made.description}"), soft_wrap=True)
    console.print(table)


def _console() -> Console:
    """A console as wide as the terminal, or as its tables ask for when it is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


@contextmanager
def _told() -> Iterator[None]:
    """Bad input as one line for each problem on standard error, and its exit status."""
    from twin.errors import InputError, UnknownName

    try:
        yield
    except (InputError, UnknownName) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from None


def _asked(layout: str, pairs: Sequence[str], out: Path, variable: str) -> tuple[Any, dict[str, str]]:
    """The facility and the settings; raises InputError with all that is wrong with any of the arguments."""
    from twin.build import load
    from twin.errors import InputError, Problem, suggestion
    from twin.report.plot import rack_variables

    problems: list[Problem] = []
    sets: dict[str, str] = {}
    for pair in pairs:
        path, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not path:
            message = f"{pair!r} is not PATH=VALUE; write for example site.dry_bulb='38 degC'"
            problems.append(Problem("--set", None, None, "", message))
        elif path in sets:
            problems.append(Problem("--set", None, None, path, "is set twice"))
        else:
            sets[path] = value
    if variable not in rack_variables():
        known = rack_variables()
        message = (
            f"no rack variable {variable!r}{suggestion(variable, known)} (there are: {', '.join(known)})"
        )
        problems.append(Problem("--variable", None, None, "", message))
    if out.exists() and not out.is_dir():
        problems.append(Problem("--out", None, None, "", f"{str(out)!r} is a file, expected a folder"))
    try:
        facility = load(layout, sets)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility, sets


def _written(out: Path, state: xr.Dataset, listed: list[Finding], page: str) -> Mapping[str, str]:
    """Write the results beside their places and move them there whole; kind of file -> path."""
    import os
    import tempfile

    from twin.errors import InputError, Problem
    from twin.verdict import table

    names = {"state": "state.nc", "verdict": "verdict.csv", "report": "report.html"}
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".twin-", dir=out) as folder:
            here = Path(folder)
            state.to_netcdf(here / names["state"], engine="netcdf4")
            (here / names["verdict"]).write_text(table(listed), "utf-8")
            (here / names["report"]).write_text(page, "utf-8")
            for name in names.values():
                os.replace(here / name, out / name)
    except OSError as error:
        reason = error.strerror or error
        raise InputError([Problem("--out", None, None, "", f"cannot write {str(out)!r}: {reason}")]) from None
    return {kind: str(out / name) for kind, name in names.items()}


if __name__ == "__main__":
    app()
