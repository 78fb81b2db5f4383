"""`twin contingency` and `twin uptime`: what outages take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from twin.cli import shared


@shared.app.command()
def contingency(
    layout: shared.Layout = "gb300-su",
    order: Annotated[int, typer.Option(min=1, max=2, help="Devices out at once, at most.")] = 2,
    whips: Annotated[bool, typer.Option("--whips", help="Every whip can be out as well.")] = False,
    set_: shared.Sets = None,
    as_json: shared.AsJson = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="File for every state.")] = None,
) -> None:
    """Take every device of the power chain out, alone and in pairs: racks lost, overloads, common causes."""
    with shared.told():
        facility = _listed(layout, set_ or [], out)
    import time

    from twin.equilibrium import solve
    from twin.report import outages
    from twin.study.contingency import contingencies, summary

    state = solve(facility)
    if not bool(state.converged[0]):
        typer.echo("twin: no solution without an outage", err=True)
        raise typer.Exit(shared.NOT_SOLVED)
    start = time.perf_counter()
    with shared.told():
        try:
            every = contingencies(facility, order=order, whips=whips, state=state)
        except ValueError as error:
            raise shared.problem("--whips" if whips else "--order", str(error)) from None
    seconds = time.perf_counter() - start
    found = summary(facility, every)
    if out is not None:
        with shared.told(), shared.writing(out), out.open("w", encoding="utf-8", newline="") as file:
            file.writelines(outages.rows(every))
    told = (facility.name, len(facility.racks.name), found, seconds, str(out or ""))
    if as_json:
        shared.printed(outages.record(*told))
    else:
        outages.show(shared.console(), *told)


def _listed(layout: str, pairs: Sequence[str], out: Path | None) -> Any:
    """The facility of contingencies; raises InputError with all that is wrong with any of the arguments."""
    from twin.errors import Problem

    sets, problems = shared.settings(pairs)
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        wrong = "is a folder" if out.is_dir() else "is in a folder that does not exist"
        problems.append(Problem("--out", None, None, "", f"{str(out)!r} {wrong}"))
    return shared.loaded(layout, sets, problems)


@shared.app.command("uptime")
def uptime_(
    layout: shared.Layout = "gb300-su", set_: shared.Sets = None, as_json: shared.AsJson = False
) -> None:
    """Expected tokens over the outages of single devices and of trays, and what each kind of them costs."""
    with shared.told():
        facility = _listed(layout, set_ or [], None)
    from twin.report import uptimes
    from twin.study.uptime import uptime

    try:
        found = uptime(facility)
    except ValueError as error:
        typer.echo(f"twin: {error}", err=True)
        raise typer.Exit(shared.NOT_SOLVED) from None
    if as_json:
        shared.printed(uptimes.record(facility, found))
    else:
        uptimes.show(shared.console(), facility, found)
