"""`twin shell` and `twin claims`: racks in a power shell, and what vendors promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin.cli import shared

if TYPE_CHECKING:
    from twin.errors import Problem

PAGE = 100
"""Columns of a page of prose and tables that goes to a file or a pipe."""
MOST_SHELL = "100 GW"
"""Beyond any site, and few enough racks to try every number of them."""
MOST_PUE = 5.0
ROW_RACK = "rows.rack_type"


@shared.app.command("shell")
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
    set_: shared.Sets = None,
    as_json: shared.AsJson = False,
) -> None:
    """How many racks a power shell holds, by nameplate and capped: tokens per second and cost of each.

    Workload, economics and prices are those of the built-in layout of each rack; --set replaces them.
    """
    with shared.told():
        found = _shells(
            power or ["1 GW"], rack or ["gb300-nvl72", "vr-nvl72"], pue, support, served, set_ or []
        )
    from twin.report import shells

    if as_json:
        shared.printed(shells.record(found))
    else:
        shells.show(shared.console(), found)


def _shells(
    powers: Sequence[str], racks: Sequence[str], pue: float, support: str, served: bool, pairs: Sequence[str]
) -> list[Any]:
    """The shells of every power and rack; raises InputError with all that is wrong with any of the options."""
    from twin.build import load
    from twin.catalogue import products
    from twin.errors import InputError, Problem, suggestion
    from twin.study.shell import shell
    from twin.template import reference

    sets, problems = shared.settings(pairs)
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


@shared.app.command()
def claims(as_json: shared.AsJson = False) -> None:
    """What the industry claims of its systems, with operating point, against measurements and the model."""
    from twin.report import claims as told
    from twin.study.claims import claims as examined

    found = examined()
    if as_json:
        shared.printed(told.record(found))
        return
    from rich.console import Console

    console = Console(highlight=False)
    # Prose beside tables: wrapped in a pipe as well.
    told.show(console if console.is_terminal else Console(highlight=False, width=PAGE), found)
