"""`twin air`: the air of a hall in three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin.cli import shared

if TYPE_CHECKING:
    import xarray as xr

    from twin.errors import Problem
    from twin.operation import Operation


@shared.app.command(name="air")
def air_(
    layout: shared.Layout = "gb300-su",
    grid: Annotated[
        str,
        typer.Option(
            help="coarse, cells of about 0.6 m, fine, 0.3 m, or both, for what the grid makes of it.",
            metavar="coarse|fine|both",
        ),
    ] = "coarse",
    turbulence: shared.Turbulence = "eddy",
    block: Annotated[
        str | None, typer.Option(help="Whose hall, by its name.", show_default="the first")
    ] = None,
    set_: shared.Sets = None,
    without: shared.Without = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EVENT", help="Then lose a unit: 'fan_wall_loss device=fanwall.1 at=10s for=60s'."
        ),
    ] = None,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long after the mean air, with --event.")
    ] = "120 s",
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from where the run into the same folder stopped, if one did."),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("results"),
    as_json: shared.AsJson = False,
) -> None:
    """The air of a hall in three dimensions: rack inlets, their class and how sure they are, indices, balances, a plan.

    With --event the air then goes on after the loss of fan walls: when does each rack's inlet reach its limit? Ctrl-C
    ends the run with the averages it has; with --resume it goes on later, as if nothing had been between.
    """
    with shared.told():
        facility, index, gone, lost, until = _hall_asked(
            layout, set_ or [], without or [], out, grid, turbulence, block, event or [], for_
        )
    from twin.equilibrium import solve
    from twin.errors import InputError
    from twin.report import field, hall_plan
    from twin.study.air_loss import not_lost
    from twin.study.hall_grid import voxels
    from twin.viewer import probe

    state = solve(facility, gone)
    if not bool(state.converged[0]):
        typer.echo("twin: no solution to take flows and heat from", err=True)
        raise typer.Exit(shared.NOT_SOLVED)
    with shared.told():
        made = voxels(facility, state, index, "coarse" if grid == "both" else grid)
        if problems := not_lost(facility, made, lost):
            raise InputError(problems)
    # Who reads them may not want to wait for the air.
    for one in made.remarks:
        typer.echo(f"twin: {one}", err=True)
    with shared.told(), shared.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        found, course = _aired(facility, state, index, grid, turbulence, lost, until, out, resume)
    with shared.told():
        sets = {"air.nc": found} | ({} if course is None else {"air.transient.nc": course})
        files = shared.moved(out, sets, {"plan.html": hall_plan.page(facility, found, course, event or [])})
        if remedy := probe.installed():
            typer.echo(f"twin: no air.vti: {remedy}", err=True)
        else:
            from twin.viewer.voxels import write

            with shared.writing(out / "air.vti"):
                write(found, out / "air.vti")
            files["voxels"] = str(out / "air.vti")
    files["run"] = str(_kept(out, str(found.grid)))
    if as_json:
        shared.printed(field.record(found, files, course))
    else:
        field.show(shared.console(), found, files, course)


def _kept(out: Path, grid: str) -> Path:
    """Where a run of the hall's air is kept."""
    return out / f"air.{grid}.npz"


def _aired(
    facility: Any,
    state: xr.Dataset,
    block: int,
    grid: str,
    turbulence: str,
    lost: Sequence[Any],
    until: float,
    out: Path,
    resume: bool,
) -> tuple[xr.Dataset, xr.Dataset | None]:
    """The mean air, on the fine grid of both, and its course after a loss; an interrupt leaves out what comes after."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from twin.report.field import DIFFERENCE
    from twin.study.air_field import air_field
    from twin.study.air_loss import air_loss

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} of about {task.total:.0f} s"),
        TimeRemainingColumn(), console=shared.errors(), transient=True,
    )  # fmt: skip

    def mean(grid: str) -> xr.Dataset:
        task = bar.add_task(f"air of the hall, {grid}", total=1.0)
        file = _kept(out, grid)
        return air_field(
            facility, state, block, grid, file=file, resume=resume and file.exists(),
            progress=lambda now, end: bar.update(task, completed=now, total=end), turbulence=turbulence,
        )  # fmt: skip

    with bar:
        found = mean("coarse" if grid == "both" else grid)
        if grid == "both" and not found.interrupted:
            coarse, found = found, mean("fine")
            apart = found.air_inlet_temperature - coarse.air_inlet_temperature
            apart.attrs = {
                "units": "K",
                "long_name": "mean air before the rack, less that on the coarse grid",
            }
            found[DIFFERENCE] = apart
        if not lost or found.interrupted:
            return found, None
        task = bar.add_task("after the loss", total=until)
        course = air_loss(
            facility, state, lost, until, _kept(out, str(found.grid)), block, str(found.grid),
            progress=lambda now, end: bar.update(task, completed=now), turbulence=turbulence,
        )  # fmt: skip
    return found, course


def _lost(facility: Any, written: Sequence[str], until: str) -> tuple[list[Any], float]:
    """Losses of fan walls, and how long [s]; raises InputError with all that is wrong with them."""
    from twin.errors import InputError, Problem, UnitError
    from twin.event import events, late
    from twin.study.air_loss import other_kinds
    from twin.units import si

    found: list[Any] = []
    problems: list[Problem] = []
    seconds = float("inf")
    try:
        seconds = float(si(until, "s"))
        if not 1.0 <= seconds <= 3600.0:
            problems.append(Problem("--for", None, None, "", f"is {until}, must be 1 s to 1 h"))
    except UnitError as error:
        problems.append(Problem("--for", None, None, "", str(error)))
    try:
        found = events(facility, written)
        problems += late(found, written, seconds, until) + other_kinds(found)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return found, seconds


def _hall_asked(
    layout: str,
    pairs: Sequence[str],
    without: Sequence[str],
    out: Path,
    grid: str,
    turbulence: str,
    block: str | None,
    written: Sequence[str],
    until: str,
) -> tuple[Any, int, Operation, list[Any], float]:
    """Facility, index of the block, what is out of service, what is lost and how long [s]; InputError with all that
    is wrong."""
    from twin.errors import InputError, Problem, suggestion
    from twin.study.hall_air import TURBULENCE
    from twin.study.hall_grid import GRIDS

    problems = shared.choices(
        ("--grid", "grid", grid, (*GRIDS, "both")),
        ("--turbulence", "model of turbulence", turbulence, tuple(TURBULENCE)),
    )
    facility: Any = None
    gone: Any = None
    try:
        facility, _, gone = shared.asked(layout, pairs, without, out, None)
    except InputError as error:
        problems += error.problems
    if facility is not None and block is not None and block not in facility.blocks:
        near = suggestion(block, facility.blocks)
        problems.append(Problem("--block", None, None, "", f"no block {block!r}{near}"))
    lost: list[Any] = []
    seconds = 0.0
    if facility is not None:
        try:
            lost, seconds = _lost(facility, written, until)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return facility, 0 if block is None else facility.blocks.index(block), gone, lost, seconds
