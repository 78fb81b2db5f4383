"""`twin run`: one scenario solved, checked and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin.cli import shared

if TYPE_CHECKING:
    import xarray as xr

    from twin.errors import Problem
    from twin.verdict import Finding


@shared.app.command()
def run(
    layout: shared.Layout = "gb300-su",
    set_: shared.Sets = None,
    without: shared.Without = None,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("results"),
    as_json: shared.AsJson = False,
    air: Annotated[
        str,
        typer.Option(
            metavar="mixed|field",
            help="Cold sides of halls well mixed, or the air in three dimensions, which takes a minute and more.",
        ),
    ] = "mixed",
    grid: Annotated[
        str, typer.Option(metavar="coarse|fine", help="Cells of the field, about 0.6 m or 0.3 m.")
    ] = "coarse",
    turbulence: shared.Turbulence = "eddy",
    variable: Annotated[
        str | None,
        typer.Option(
            help="What colours the racks of the report's hall at first.", show_default="temperature"
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from where the air of --air field stopped in the same folder, if it did."
        ),
    ] = False,
) -> None:
    """Solve one scenario of a layout, check it, and write state, margins and report.

    With --air field Ctrl-C ends the air with the averages it has; with --resume it goes on later, as if nothing had
    been between.
    """
    with shared.told():
        facility, sets, gone = shared.asked(
            layout, set_ or [], without or [], out, variable, _unlike(air, grid, turbulence, resume)
        )
    fields: dict[str, xr.Dataset] = {}
    notes: tuple[str, ...] = ()
    if air == "field":
        with shared.told(), shared.writing(out):
            facility, fields, notes = _in_three_dimensions(facility, gone, grid, turbulence, out, resume)
    from twin.equilibrium import solve
    from twin.report.page import page
    from twin.study.price import prices
    from twin.summary import record, summary
    from twin.verdict import findings

    state = solve(facility, gone)
    listed = findings(facility, state)
    found = summary(facility, state, listed, prices(facility, gone) if state.converged.all() else (), notes)
    with shared.told():
        files = _written(
            out, {"state.nc": state, **fields}, listed, page(facility, state, found, variable, sets)
        )
    if as_json:
        shared.printed(record(found, files))
    else:
        from rich.console import Console

        from twin.report.terminal import show

        show(Console(highlight=False), found, files)
    for fault in found.faults:
        typer.echo(f"twin: {fault}", err=True)
    if found.faults:
        raise typer.Exit(shared.NOT_SOLVED)


def _written(
    out: Path, sets: Mapping[str, xr.Dataset], listed: list[Finding], page: str
) -> Mapping[str, str]:
    """Write the results beside their places and move them there whole; kind of file -> path."""
    from twin.verdict import table

    return shared.moved(out, sets, {"verdict.csv": table(listed), "report.html": page})


def _in_three_dimensions(
    facility: Any, operation: Any, grid: str, turbulence: str, out: Path, resume: bool
) -> tuple[Any, dict[str, xr.Dataset], tuple[str, ...]]:
    """The facility with the air of its halls, their fields by the name of a file, and what to say of them."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from twin.study.air_coupling import air_coupling, told

    bar = Progress(
        TextColumn("air of {task.description}"), BarColumn(),
        TextColumn("{task.completed:.0f} of about {task.total:.0f} s"), TimeRemainingColumn(),
        console=shared.errors(), transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=1.0)
        coupled = air_coupling(
            facility, operation, grid,
            progress=lambda what, now, end: bar.update(task, description=what, completed=now, total=end),
            turbulence=turbulence, folder=out, resume=resume,
            remark=lambda line: typer.echo(f"twin: {line}", err=True),
        )  # fmt: skip
    found: dict[str, xr.Dataset] = {}
    for name, field in zip(facility.blocks, coupled.field, strict=True):
        if field is not None and not any(field is one for one in found.values()):
            found["air.nc" if not found else f"air.{name}.nc"] = field
    return coupled.facility, found, told(coupled)


def _unlike(air: str, grid: str, turbulence: str, resume: bool) -> list[Problem]:
    """What is wrong with the model of the air that is asked for."""
    from twin.errors import Problem
    from twin.study.hall_air import TURBULENCE
    from twin.study.hall_grid import GRIDS

    alone = [Problem("--resume", None, None, "", "is of the air in three dimensions; give --air field")]
    return (alone if resume and air == "mixed" else []) + shared.choices(
        ("--air", "model of the air", air, ("mixed", "field")),
        ("--grid", "grid", grid, tuple(GRIDS)),
        ("--turbulence", "model of turbulence", turbulence, tuple(TURBULENCE)),
    )
