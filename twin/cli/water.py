"""`twin flows`: coolant and facility water as piped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twin.cli import shared


@shared.app.command()
def flows(
    layout: shared.Layout = "gb300-su",
    set_: shared.Sets = None,
    without: shared.Without = None,
    out: Annotated[Path, typer.Option(help="Folder for the five files.")] = Path("results"),
    as_json: shared.AsJson = False,
) -> None:
    """Coolant along the headers and facility water along the mains, with direct and reverse return: who gets how much,
    what balances it, the pressures on the way."""
    with shared.told():
        facility, _, gone = shared.asked(layout, set_ or [], without or [], out, None)
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
        raise typer.Exit(shared.NOT_SOLVED) from None
    if not all(bool(one.balance.notnull().any()) for one in (found, water)):
        typer.echo("twin: nothing flows", err=True)
        raise typer.Exit(shared.NOT_SOLVED)
    texts = {
        "flows.csv": "".join(distribution.rows(found, "rack")),
        "water.csv": "".join(distribution.rows(water, "cdu")),
        "pressures.csv": "".join(distribution.pressures((found, "rack"), (water, "cdu"))),
        "pipes.csv": "".join(distribution.pipes(found, water)),
        "plot.html": distribution.page(facility, found, water),
    }
    with shared.told():
        files = shared.moved(out, {}, texts)
    if as_json:
        shared.printed(distribution.record(facility, found, water, files))
    else:
        distribution.show(shared.console(), facility, found, water, files)
