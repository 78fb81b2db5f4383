"""`twin simulate`: the facility in time, through events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from twin.cli import shared


@shared.app.command()
def simulate(
    layout: shared.Layout = "gb300-su",
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENT", help="What happens: 'pump_trip cdu=cdu.1 at=10s'; may be given again."),
    ] = None,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 120s or 10min.")
    ] = "120 s",
    step: Annotated[str, typer.Option(metavar="TIME", help="Time step, 50 ms to 5 s.")] = "500 ms",
    set_: shared.Sets = None,
    out: Annotated[Path, typer.Option(help="Folder for the three files.")] = Path("results"),
    as_json: shared.AsJson = False,
) -> None:
    """Let something happen to a layout: seconds until racks throttle or trip, with the time series and a plot.

    Events: pump_trip cdu=NAME or pump=NAME, cdu_loss cdu=NAME, loss_of_facility_water, chiller_restart,
    fan_wall_loss device=NAME, power_blip for=TIME, utility_loss, leak rack=NAME rate=FLOW. Each takes at=TIME and
    for=TIME; several names are separated by commas.
    """
    with shared.told():
        facility, found, until, width = _timed(layout, set_ or [], event or [], for_, step, out)
    from twin.report import course
    from twin.simulate import simulate as simulated

    series = simulated(facility, None, found, until, width)
    if not bool(series.power.notnull().any()):
        typer.echo("twin: no solution to start from", err=True)
        raise typer.Exit(shared.NOT_SOLVED)
    texts = {
        "racks.csv": "".join(course.rows(facility, series)),
        "simulation.html": course.page(facility, series, event or []),
    }
    with shared.told():
        files = shared.moved(out, {"series.nc": series}, texts)
    if as_json:
        told = course.record(facility, series, found, files)
        shared.printed(told)
    else:
        course.show(shared.console(), facility, series, event or [], files)


def _timed(
    layout: str, pairs: Sequence[str], written: Sequence[str], until: str, step: str, out: Path
) -> tuple[Any, list[Any], float, float]:
    """Facility, events, end and step of a simulation; raises InputError with all that is wrong with any of them."""
    from twin.build import load
    from twin.errors import InputError, Problem, UnitError
    from twin.event import events, late
    from twin.units import si

    sets, problems = shared.settings(pairs)
    problems += shared.no_folder(out)
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
        problems += late(found, written, seconds.get("--for", float("inf")), until)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility, found, seconds["--for"], seconds["--step"]
