"""The command line: `twin run`, `twin view`, `twin contingency`, `twin air`, `twin claims`, `twin shell` and more.

Everything heavy is imported in the command that needs it, so that `twin --help` answers at once.
Exit status: 0 solved, 2 bad input, 3 no solution or balances that do not close, 4 nothing to draw with.
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
    from twin.operation import Operation
    from twin.verdict import Finding

BAD_INPUT = 2
NOT_SOLVED = 3
NO_GRAPHICS = 4
WIDE = 1000
"""Columns of a table that goes to a file or a pipe: as many as it asks for."""
PAGE = 100
"""Columns of a page of prose and tables that goes to a file or a pipe."""
MOST_SHELL = "100 GW"
"""Beyond any site, and few enough racks to try every number of them."""
MOST_PUE = 5.0
ROW_RACK = "rows.rack_type"
LEAST, MOST = 320, 8000
"""Pixels of a picture's side."""
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

Layout = Annotated[str, typer.Argument(help="Layout file, or the name of a built-in layout.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Replace a value of the layout: site.dry_bulb='38 degC'."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


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
    layout: Layout = "gb300-su",
    set_: Sets = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help="A device that is out of service, such as ups.A or cdu.1."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("results"),
    as_json: AsJson = False,
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
    variable: Annotated[
        str | None,
        typer.Option(
            help="What colours the racks of the report's hall at first.", show_default="temperature"
        ),
    ] = None,
) -> None:
    """Solve one scenario of a layout, check it, and write state, margins and report."""
    with _told():
        facility, sets, gone = _asked(layout, set_ or [], without or [], out, variable, _unlike(air, grid))
    fields: dict[str, xr.Dataset] = {}
    notes: tuple[str, ...] = ()
    if air == "field":
        with _told():
            facility, fields, notes = _in_three_dimensions(facility, gone, grid)
    from twin.equilibrium import solve
    from twin.report.page import page
    from twin.study.price import prices
    from twin.summary import record, summary
    from twin.verdict import findings

    state = solve(facility, gone)
    listed = findings(facility, state)
    found = summary(facility, state, listed, prices(facility, gone) if state.converged.all() else (), notes)
    with _told():
        files = _written(
            out, {"state.nc": state, **fields}, listed, page(facility, state, found, variable, sets)
        )
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
def view(
    source: Annotated[
        str, typer.Argument(metavar="LAYOUT|STATE.NC", help="Layout, or a state that `twin run` wrote.")
    ] = "gb300-su",
    set_: Sets = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help="A device that is out of service, such as ups.A or cdu.1."),
    ] = None,
    color: Annotated[
        str | None, typer.Option(help="What colours the racks.", show_default="temperature")
    ] = None,
    scenario: Annotated[int, typer.Option(help="Which scenario of the state, from 0.")] = 0,
    screenshot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Write a picture instead of opening a window.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Pixels.")] = "1600x900",
) -> None:
    """Show the hall with its racks coloured by a result, in a window or as a picture."""
    with _told():
        facility, state, pixels = _seen(source, set_ or [], without or [], color, scenario, screenshot, size)
    from twin.viewer import probe

    # A window needs its display and no probe; VTK chooses its own class for it.
    remedy = probe.ready() if screenshot else probe.installed()
    if remedy:
        typer.echo(f"twin: {remedy}", err=True)
        raise typer.Exit(NO_GRAPHICS)
    from twin.viewer import draw

    made = draw.picture(facility, state, color, pixels, scenario, off_screen=screenshot is not None)
    if screenshot is None:
        draw.show(made)
    else:
        with _told():
            _saved(made, screenshot)
        typer.echo(str(screenshot))
    if not bool(state.converged[scenario]):
        typer.echo("twin: no solution", err=True)
        raise typer.Exit(NOT_SOLVED)


@app.command()
def contingency(
    layout: Layout = "gb300-su",
    order: Annotated[int, typer.Option(min=1, max=2, help="Devices out at once, at most.")] = 2,
    whips: Annotated[bool, typer.Option("--whips", help="Every whip can be out as well.")] = False,
    set_: Sets = None,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="File for every state.")] = None,
) -> None:
    """Take every device of the power chain out, alone and in pairs: racks lost, overloads, common causes."""
    with _told():
        facility = _listed(layout, set_ or [], out)
    import time

    from twin.equilibrium import solve
    from twin.report import outages
    from twin.study.contingency import contingencies, summary

    state = solve(facility)
    if not bool(state.converged[0]):
        typer.echo("twin: no solution without an outage", err=True)
        raise typer.Exit(NOT_SOLVED)
    start = time.perf_counter()
    with _told():
        try:
            every = contingencies(facility, order=order, whips=whips, state=state)
        except ValueError as error:
            raise _problem("--whips" if whips else "--order", str(error)) from None
    seconds = time.perf_counter() - start
    found = summary(facility, every)
    if out is not None:
        with _told():
            try:
                with out.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(outages.rows(every))
            except OSError as error:
                raise _problem("--out", f"cannot write {str(out)!r}: {error.strerror or error}") from None
    told = (facility.name, len(facility.racks.name), found, seconds, str(out or ""))
    if as_json:
        import json

        typer.echo(json.dumps(outages.record(*told), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        outages.show(_console(), *told)


@app.command("uptime")
def uptime_(layout: Layout = "gb300-su", set_: Sets = None, as_json: AsJson = False) -> None:
    """Expected tokens over the outages of single devices and of trays, and what each kind of them costs."""
    with _told():
        facility = _listed(layout, set_ or [], None)
    from twin.report import uptimes
    from twin.study.uptime import uptime

    try:
        found = uptime(facility)
    except ValueError as error:
        typer.echo(f"twin: {error}", err=True)
        raise typer.Exit(NOT_SOLVED) from None
    if as_json:
        import json

        typer.echo(json.dumps(uptimes.record(facility, found), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        uptimes.show(_console(), facility, found)


@app.command("shell")
def shell_(
    power: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POWER", help="What the utility gives; may be given again.", show_default="1 GW"
        ),
    ] = None,
    rack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRODUCT",
            help="Rack of the catalogue; may be given again.",
            show_default="gb300-nvl72, vr-nvl72",
        ),
    ] = None,
    pue: Annotated[float, typer.Option(help="Utility over IT power.")] = 1.10,
    support: Annotated[
        str, typer.Option(metavar="POWER", help="Network, storage and management beside each rack.")
    ] = "0 kW",
    served: Annotated[
        bool,
        typer.Option("--served", help="Racks ask for what the workload draws, not for their nameplate."),
    ] = False,
    set_: Sets = None,
    as_json: AsJson = False,
) -> None:
    """How many racks a power shell holds, by nameplate and capped: tokens per second and cost of each.

    Workload, economics and prices are those of the built-in layout of each rack; --set replaces them.
    """
    with _told():
        found = _shells(
            power or ["1 GW"], rack or ["gb300-nvl72", "vr-nvl72"], pue, support, served, set_ or []
        )
    from twin.report import shells

    if as_json:
        import json

        typer.echo(json.dumps(shells.record(found), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        shells.show(_console(), found)


def _shells(
    powers: Sequence[str], racks: Sequence[str], pue: float, support: str, served: bool, pairs: Sequence[str]
) -> list[Any]:
    """The shells of every power and rack; raises InputError with all that is wrong with any of the options."""
    from twin.build import load
    from twin.catalogue import products
    from twin.errors import InputError, Problem, suggestion
    from twin.study.shell import shell
    from twin.template import reference

    sets, problems = _settings(pairs)
    watts = [_watts("--power", one, "1 kW", problems) for one in powers]
    beside = _watts("--support", support, "0 kW", problems)
    if not 1.0 <= pue <= MOST_PUE:
        problems.append(Problem("--pue", None, None, "", f"is {pue:g}, must be 1 to {MOST_PUE:g}"))
    if ROW_RACK in sets:
        problems.append(Problem("--set", None, None, ROW_RACK, "is given by --rack"))
    known = products("rack")
    made = {}
    for name in racks:
        if name not in known:
            message = f"unknown rack {name!r}{suggestion(name, known)} (there are: {', '.join(known)})"
            problems.append(Problem("--rack", None, None, "", message))
        elif not problems:
            try:
                made[name] = load(reference(name), {**sets, ROW_RACK: name})
            except InputError as error:
                problems += error.problems
    found = []
    for name, facility in made.items():
        for one in watts:
            if problems:
                break
            try:
                found.append(shell(facility, one, pue, beside, served))
            except ValueError as error:
                problems.append(Problem("--rack", None, None, name, str(error)))
    if problems:
        raise InputError(problems)
    return found


def _watts(option: str, given: str, least: str, problems: list[Problem]) -> float:
    """A power from `least` to MOST_SHELL [W]; what is wrong with it goes to `problems`."""
    from twin.errors import Problem, UnitError
    from twin.units import si

    try:
        value = si(given, "W")
    except UnitError as error:
        problems.append(Problem(option, None, None, "", str(error)))
        return 0.0
    if not si(least, "W") <= value <= si(MOST_SHELL, "W"):
        problems.append(Problem(option, None, None, "", f"is {given}, must be {least} to {MOST_SHELL}"))
    return value


@app.command()
def simulate(
    layout: Layout = "gb300-su",
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENT", help="What happens: 'pump_trip cdu=cdu.1 at=10s'; may be given again."),
    ] = None,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 120s or 10min.")
    ] = "120 s",
    step: Annotated[str, typer.Option(metavar="TIME", help="Time step, 50 ms to 5 s.")] = "500 ms",
    set_: Sets = None,
    out: Annotated[Path, typer.Option(help="Folder for the three files.")] = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Let something happen to a layout: seconds until racks throttle or trip, with the time series and a plot.

    Events: pump_trip cdu=NAME or pump=NAME, cdu_loss cdu=NAME, loss_of_facility_water, chiller_restart,
    fan_wall_loss device=NAME, power_blip for=TIME, utility_loss, leak rack=NAME rate=FLOW. Each takes at=TIME and
    for=TIME; several names are separated by commas.
    """
    with _told():
        facility, found, until, width = _timed(layout, set_ or [], event or [], for_, step, out)
    from twin.report import course
    from twin.simulate import simulate as simulated

    series = simulated(facility, None, found, until, width)
    if not bool(series.power.notnull().any()):
        typer.echo("twin: no solution to start from", err=True)
        raise typer.Exit(NOT_SOLVED)
    texts = {
        "racks.csv": "".join(course.rows(facility, series)),
        "simulation.html": course.page(facility, series, event or []),
    }
    with _told():
        files = _moved(out, {"series.nc": series}, texts)
    if as_json:
        import json

        told = course.record(facility, series, found, files)
        typer.echo(json.dumps(told, indent=2, allow_nan=False, ensure_ascii=False))
    else:
        course.show(_console(), facility, series, event or [], files)


def _timed(
    layout: str, pairs: Sequence[str], written: Sequence[str], until: str, step: str, out: Path
) -> tuple[Any, list[Any], float, float]:
    """Facility, events, end and step of a simulation; raises InputError with all that is wrong with any of them."""
    from twin.build import load
    from twin.errors import InputError, Problem, UnitError
    from twin.event import events
    from twin.units import si

    sets, problems = _settings(pairs)
    if out.exists() and not out.is_dir():
        problems.append(Problem("--out", None, None, "", f"{str(out)!r} is a file, expected a folder"))
    seconds = {}
    for option, given, least, most in (("--for", until, 0.05, 86400.0), ("--step", step, 0.05, 5.0)):
        try:
            seconds[option] = si(given, "s")
            if not least <= seconds[option] <= most:
                message = f"is {given}, must be {least:g} s to {most:g} s"
                problems.append(Problem(option, None, None, "", message))
        except UnitError as error:
            problems.append(Problem(option, None, None, "", str(error)))
    if not problems and seconds["--step"] > seconds["--for"]:
        problems.append(Problem("--step", None, None, "", f"is {step}, longer than the {until} of --for"))
    found: list[Any] = []
    facility: Any = None
    try:
        facility = load(layout, sets)
        found = events(facility, written)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility, found, seconds["--for"], seconds["--step"]


@app.command()
def flows(
    layout: Layout = "gb300-su",
    set_: Sets = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help="A device that is out of service, such as ups.A or cdu.1."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the five files.")] = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Coolant along the headers and facility water along the mains, with direct and reverse return: who gets how much,
    what balances it, the pressures on the way."""
    with _told():
        facility, _, gone = _asked(layout, set_ or [], without or [], out, None)
    from rich.console import Console

    from twin.equilibrium import solve
    from twin.report import distribution
    from twin.study.facility_water import facility_water
    from twin.study.headers import headers

    state = solve(facility, gone)
    try:
        with Console(stderr=True).status("solving the network; the first time on a machine it is compiled"):
            found, water = headers(facility, state=state), facility_water(facility, state=state)
    except ValueError as error:
        typer.echo(f"twin: {error}", err=True)
        raise typer.Exit(NOT_SOLVED) from None
    texts = {
        "flows.csv": "".join(distribution.rows(found, "rack")),
        "water.csv": "".join(distribution.rows(water, "cdu")),
        "pressures.csv": "".join(distribution.pressures((found, "rack"), (water, "cdu"))),
        "pipes.csv": "".join(distribution.pipes(found, water)),
        "plot.html": distribution.page(facility, found, water),
    }
    with _told():
        files = _moved(out, {}, texts)
    if as_json:
        import json

        typer.echo(json.dumps(distribution.record(facility, found, water, files), indent=2, allow_nan=False))
    else:
        distribution.show(_console(), facility, found, water, files)


@app.command(name="air")
def air_(
    layout: Layout = "gb300-su",
    grid: Annotated[
        str,
        typer.Option(
            help="coarse, cells of about 0.6 m, fine, 0.3 m, or both, for what the grid makes of it.",
            metavar="coarse|fine|both",
        ),
    ] = "coarse",
    block: Annotated[
        str | None, typer.Option(help="Whose hall, by its name.", show_default="the first")
    ] = None,
    set_: Sets = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="DEVICE", help="A device that is out of service, such as fanwall.1."),
    ] = None,
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
    as_json: AsJson = False,
) -> None:
    """The air of a hall in three dimensions: rack inlets, their class and how sure they are, indices, balances, a plan.

    With --event the air then goes on after the loss of fan walls: when does each rack's inlet reach its limit? Ctrl-C
    ends the run with the averages it has; with --resume it goes on later, as if nothing had been between.
    """
    with _told():
        facility, index, gone, lost, until = _hall_asked(
            layout, set_ or [], without or [], out, grid, block, event or [], for_
        )
    from twin.equilibrium import solve
    from twin.report import field, hall_plan
    from twin.viewer import probe

    state = solve(facility, gone)
    if not bool(state.converged[0]):
        typer.echo("twin: no solution to take flows and heat from", err=True)
        raise typer.Exit(NOT_SOLVED)
    with _told(), _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        found, course = _aired(facility, state, index, grid, lost, until, out, resume)
    with _told():
        sets = {"air.nc": found} | ({} if course is None else {"air.transient.nc": course})
        files = _moved(out, sets, {"plan.html": hall_plan.page(facility, found, course, event or [])})
        if remedy := probe.installed():
            typer.echo(f"twin: no air.vti: {remedy}", err=True)
        else:
            from twin.viewer.voxels import write

            try:
                write(found, out / "air.vti")
            except OSError as error:
                raise _problem("--out", f"cannot write {str(out / 'air.vti')!r}: {error}") from None
            files["voxels"] = str(out / "air.vti")
    files["run"] = str(_kept(out, str(found.grid)))
    if as_json:
        import json

        told = field.record(found, files, course)
        typer.echo(json.dumps(told, indent=2, allow_nan=False, ensure_ascii=False))
    else:
        field.show(_console(), found, files, course)


def _kept(out: Path, grid: str) -> Path:
    """Where a run of the hall's air is kept."""
    return out / f"air.{grid}.npz"


def _aired(
    facility: Any,
    state: xr.Dataset,
    block: int,
    grid: str,
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
        TimeRemainingColumn(), console=_errors(), transient=True,
    )  # fmt: skip

    def mean(grid: str) -> xr.Dataset:
        task = bar.add_task(f"air of the hall, {grid}", total=1.0)
        file = _kept(out, grid)
        return air_field(
            facility, state, block, grid, file=file, resume=resume and file.exists(),
            progress=lambda now, end: bar.update(task, completed=now, total=end),
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
            progress=lambda now, end: bar.update(task, completed=now),
        )  # fmt: skip
    return found, course


def _lost(facility: Any, written: Sequence[str], until: str) -> tuple[list[Any], float]:
    """Losses of fan walls, and how long [s]; raises InputError with all that is wrong with them."""
    from twin.errors import InputError, Problem, UnitError
    from twin.event import events
    from twin.units import si

    found: list[Any] = []
    problems: list[Problem] = []
    seconds = 0.0
    try:
        seconds = float(si(until, "s"))
        if not 1.0 <= seconds <= 3600.0:
            problems.append(Problem("--for", None, None, "", f"is {until}, must be 1 s to 1 h"))
    except UnitError as error:
        problems.append(Problem("--for", None, None, "", str(error)))
    try:
        found = events(facility, written)
    except InputError as error:
        problems += error.problems
    message = "does nothing to the air of a hall here; give a fan_wall_loss"
    problems += [
        Problem("--event", None, None, one.kind, message) for one in found if one.kind != "fan_wall_loss"
    ]
    if problems:
        raise InputError(problems)
    return found, seconds


def _unlike(air: str, grid: str) -> list[Problem]:
    """What is wrong with the model of the air that is asked for."""
    from twin.errors import Problem
    from twin.study.hall_grid import GRIDS

    asked = (
        ("--air", "model of the air", air, ("mixed", "field")),
        ("--grid", "grid", grid, tuple(GRIDS)),
    )
    return [
        Problem(option, None, None, "", f"no {what} {value!r} (there are: {', '.join(known)})")
        for option, what, value, known in asked
        if value not in known
    ]


def _in_three_dimensions(
    facility: Any, operation: Any, grid: str
) -> tuple[Any, dict[str, xr.Dataset], tuple[str, ...]]:
    """The facility with the air of its halls, their fields by the name of a file, and what to say of them."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from twin.study.air_coupling import air_coupling, told

    bar = Progress(
        TextColumn("air of {task.description}"), BarColumn(),
        TextColumn("{task.completed:.0f} of about {task.total:.0f} s"), TimeRemainingColumn(),
        console=_errors(), transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=1.0)
        coupled = air_coupling(
            facility, operation, grid,
            progress=lambda what, now, end: bar.update(task, description=what, completed=now, total=end),
        )  # fmt: skip
    found: dict[str, xr.Dataset] = {}
    for name, field in zip(facility.blocks, coupled.field, strict=True):
        if not any(field is one for one in found.values()):
            found["air.nc" if not found else f"air.{name}.nc"] = field
    return coupled.facility, found, told(coupled)


def _hall_asked(
    layout: str,
    pairs: Sequence[str],
    without: Sequence[str],
    out: Path,
    grid: str,
    block: str | None,
    written: Sequence[str],
    until: str,
) -> tuple[Any, int, Operation, list[Any], float]:
    """Facility, index of the block, what is out of service, what is lost and how long [s]; InputError with all that
    is wrong."""
    from twin.errors import InputError, Problem, suggestion
    from twin.study.hall_grid import GRIDS

    problems: list[Problem] = []
    if grid not in (*GRIDS, "both"):
        problems.append(
            Problem("--grid", None, None, "", f"no grid {grid!r} (there are: {', '.join(GRIDS)}, both)")
        )
    facility: Any = None
    gone: Any = None
    try:
        facility, _, gone = _asked(layout, pairs, without, out, None)
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


@app.command()
def claims(as_json: AsJson = False) -> None:
    """What the industry claims of its systems, with operating point, against measurements and the model."""
    from twin.report import claims as told
    from twin.study.claims import claims as examined

    found = examined()
    if as_json:
        import json

        typer.echo(json.dumps(told.record(found), indent=2, allow_nan=False, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(highlight=False)
    # Prose beside tables: wrapped in a pipe as well.
    told.show(console if console.is_terminal else Console(highlight=False, width=PAGE), found)


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


def _errors() -> Console:
    """Standard error, for progress."""
    from rich.console import Console

    return Console(stderr=True)


def _console() -> Console:
    """A console as wide as the terminal, or as its tables ask for when it is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """A folder that cannot be written to as bad input."""
    try:
        yield
    except OSError as error:
        raise _problem("--out", f"cannot write {str(out)!r}: {error.strerror or error}") from None


@contextmanager
def _told() -> Iterator[None]:
    """Bad input as one line for each problem on standard error, and its exit status."""
    from twin.errors import InputError, UnknownName

    try:
        yield
    except (InputError, UnknownName) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from None


def _asked(
    layout: str,
    pairs: Sequence[str],
    without: Sequence[str],
    out: Path,
    variable: str | None,
    others: Sequence[Problem] = (),
) -> tuple[Any, dict[str, str], Operation]:
    """The facility, the settings and what is out of service; raises InputError with all that is wrong with any of the
    arguments, `others` with them."""
    from twin.build import load
    from twin.errors import InputError, Problem

    sets, problems = _settings(pairs)
    problems += [*_unknown(variable, "--variable"), *others]
    if out.exists() and not out.is_dir():
        problems.append(Problem("--out", None, None, "", f"{str(out)!r} is a file, expected a folder"))
    try:
        facility = load(layout, sets)
        gone = _out_of_service(facility, without)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility, sets, gone


def _out_of_service(facility: Any, without: Sequence[str]) -> Operation:
    """The operation with some devices out of service; raises InputError for names that there are not."""
    from twin.errors import InputError, Problem, suggestion
    from twin.operation import Operation

    names = facility.devices.name
    unknown = [name for name in without if name not in names]
    if unknown:
        raise InputError(
            Problem("--without", None, None, "", f"no device {name!r}{suggestion(name, names)}")
            for name in unknown
        )
    return Operation(out=[list(without)])


def _listed(layout: str, pairs: Sequence[str], out: Path | None) -> Any:
    """The facility of contingencies; raises InputError with all that is wrong with any of the arguments."""
    from twin.build import load
    from twin.errors import InputError, Problem

    sets, problems = _settings(pairs)
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        wrong = "is a folder" if out.is_dir() else "is in a folder that does not exist"
        problems.append(Problem("--out", None, None, "", f"{str(out)!r} {wrong}"))
    facility: Any = None
    try:
        facility = load(layout, sets)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility


def _problem(option: str, message: str) -> Exception:
    """The error of one option."""
    from twin.errors import InputError, Problem

    return InputError([Problem(option, None, None, "", message)])


def _settings(pairs: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
    """The --set options as layout paths and texts, and what is wrong with them."""
    from twin.errors import Problem

    sets: dict[str, str] = {}
    problems: list[Problem] = []
    for pair in pairs:
        path, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not path:
            message = f"{pair!r} is not PATH=VALUE; write for example site.dry_bulb='38 degC'"
            problems.append(Problem("--set", None, None, "", message))
        elif path in sets:
            problems.append(Problem("--set", None, None, path, "is set twice"))
        else:
            sets[path] = value
    return sets, problems


def _unknown(variable: str | None, option: str) -> list[Problem]:
    """The problem of a variable that cannot colour racks."""
    from twin.colour import rack_variables
    from twin.errors import Problem, suggestion

    known = rack_variables()
    if variable is None or variable in known:
        return []
    message = f"no rack variable {variable!r}{suggestion(variable, known)} (there are: {', '.join(known)})"
    return [Problem(option, None, None, "", message)]


def _seen(
    source: str,
    pairs: Sequence[str],
    without: Sequence[str],
    variable: str | None,
    scenario: int,
    screenshot: Path | None,
    size: str,
) -> tuple[Any, xr.Dataset, tuple[int, int]]:
    """Facility, state and pixels of a view; raises InputError with all that is wrong with any of the arguments."""
    from twin.build import load
    from twin.errors import InputError, Problem

    sets, problems = _settings(pairs)
    problems += _unknown(variable, "--color")

    def wrong(option: str, message: str) -> None:
        problems.append(Problem(option, None, None, "", message))

    pixels = _pixels(size)
    if pixels is None:
        wrong("--size", f"{size!r} is not WIDTHxHEIGHT from {LEAST} to {MOST} pixels, such as 1600x900")
    if screenshot is None:
        from twin.viewer.probe import display

        if not display():
            wrong(
                "--screenshot", "there is no display for a window; write a picture with --screenshot FILE.png"
            )
    elif screenshot.suffix.lower() != ".png":
        wrong("--screenshot", f"{str(screenshot)!r} does not end in .png")
    elif screenshot.is_dir() or not screenshot.parent.is_dir():
        missing = "is a folder" if screenshot.is_dir() else "is in a folder that does not exist"
        wrong("--screenshot", f"{str(screenshot)!r} {missing}")
    solved = Path(source).suffix == ".nc"
    facility: Any = None
    state: xr.Dataset | None = None
    for option, given in (("--set", pairs), ("--without", without)):
        if solved and given:
            wrong(option, "changes what is solved, not a state that is; give the layout instead")
    try:
        if solved:
            from twin.stored import stored

            facility, state = stored(source)
        else:
            facility = load(source, sets)
            gone = _out_of_service(facility, without)
    except InputError as error:
        problems += error.problems
    count = state.sizes["scenario"] if state is not None else 1
    if not 0 <= scenario < count:
        wrong("--scenario", f"is {scenario}; there {'is only 0' if count == 1 else f'are 0 to {count - 1}'}")
    if state is not None and variable and variable not in state and not _unknown(variable, "--color"):
        wrong("--color", f"{source!r} does not hold {variable!r}")
    if problems:
        raise InputError(problems)
    if state is None:
        from twin.equilibrium import solve

        state = solve(facility, gone)
    assert pixels is not None
    return facility, state, pixels


def _pixels(size: str) -> tuple[int, int] | None:
    """Width and height of a text such as 1600x900."""
    width, cross, height = size.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and len(width + height) < 12):
        return None
    found = int(width), int(height)
    return found if all(LEAST <= side <= MOST for side in found) else None


def _saved(made: Any, file: Path) -> None:
    """Write a drawing; raises InputError when its place cannot be written."""
    from twin.errors import InputError, Problem
    from twin.viewer.draw import write

    try:
        write(made, file)
    except OSError as error:
        message = f"cannot write {str(file)!r}: {error.strerror or error}"
        raise InputError([Problem("--screenshot", None, None, "", message)]) from None


def _written(
    out: Path, sets: Mapping[str, xr.Dataset], listed: list[Finding], page: str
) -> Mapping[str, str]:
    """Write the results beside their places and move them there whole; kind of file -> path."""
    from twin.verdict import table

    return _moved(out, sets, {"verdict.csv": table(listed), "report.html": page})


def _moved(out: Path, sets: Mapping[str, xr.Dataset], texts: Mapping[str, str]) -> dict[str, str]:
    """Write files beside their places and move them there whole; name without its ending -> path."""
    import os
    import tempfile

    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".twin-", dir=out) as folder:
            here = Path(folder)
            for name, data in sets.items():
                data.to_netcdf(here / name, engine="netcdf4")
            for name, content in texts.items():
                (here / name).write_text(content, "utf-8")
            for name in (*sets, *texts):
                os.replace(here / name, out / name)
    return {Path(name).stem: str(out / name) for name in (*sets, *texts)}


if __name__ == "__main__":
    app()
