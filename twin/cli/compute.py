"""`twin pareto`, `twin shell` and `twin claims`: tokens against pace, racks in a power shell, what vendors promise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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


@shared.app.command()
def pareto(
    layout: shared.Layout = "gb300-su",
    rack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRODUCT",
            help="Another rack of the catalogue beside those of the layout; may be given again.",
        ),
    ] = None,
    set_: shared.Sets = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for a page of plots.", show_default="no page"),
    ] = None,
    as_json: shared.AsJson = False,
) -> None:
    """Tokens of a GPU against tokens of a user: latencies, power and tokens per joule along the frontier."""
    with shared.told():
        facility, found = _frontiers(layout, rack or [], set_ or [], out)
    from twin.report import frontiers

    files: dict[str, str] = {}
    if out is not None:
        with shared.told():
            files = shared.moved(out, {}, {"pareto.html": frontiers.page(facility, found)})
    if as_json:
        shared.printed(frontiers.record(facility, found, files))
    else:
        frontiers.show(shared.console(), facility, found, files)


def _frontiers(
    layout: str, racks: Sequence[str], pairs: Sequence[str], out: Path | None
) -> tuple[Any, tuple[Any, ...]]:
    """The facility and its frontiers; raises InputError with all that is wrong with any of the arguments."""
    from twin.errors import InputError, Problem
    from twin.study.frontier import frontiers, other

    sets, problems = shared.settings(pairs)
    problems += [*shared.no_folder(out), *_unknown(racks)] if out is not None else _unknown(racks)
    facility = shared.loaded(layout, sets, problems)
    try:
        found = {one.rack: one for one in frontiers(facility)}
    except ValueError as error:
        raise InputError([Problem(layout, None, None, "workload", str(error))]) from None
    for name in racks:
        try:
            found.setdefault(name, other(facility, name))
        except ValueError as error:
            problems.append(Problem("--rack", None, None, name, str(error)))
    if not found and not problems:
        problems.append(
            Problem(layout, None, None, ROW_RACK, "no rack has GPUs; name one that has by --rack")
        )
    if problems:
        raise InputError(problems)
    return facility, tuple(found.values())


def _unknown(racks: Sequence[str]) -> list[Problem]:
    """The problems of racks that the catalogue does not have."""
    from twin.catalogue import products
    from twin.errors import Problem, suggestion

    known = products("rack")
    return [
        Problem(
            "--rack",
            None,
            None,
            "",
            f"unknown rack {name!r}{suggestion(name, known)} (there are: {', '.join(known)})",
        )
        for name in racks
        if name not in known
    ]


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
    from twin.errors import InputError, Problem
    from twin.study.shell import shell
    from twin.template import reference

    sets, problems = shared.settings(pairs)
    watts = [_watts("--power", one, "1 kW", problems) for one in powers]
    beside = _watts("--support", support, "0 kW", problems)
    if not 1.0 <= pue <= MOST_PUE:
        problems.append(Problem("--pue", None, None, "", f"is {pue:g}, must be 1 to {MOST_PUE:g}"))
    if ROW_RACK in sets:
        problems.append(Problem("--set", None, None, ROW_RACK, "is given by --rack"))
    problems += _unknown(racks)
    made = {}
    for name in racks:
        if not problems:
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
