"""`twin view`: the hall in three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin.cli import shared

if TYPE_CHECKING:
    import xarray as xr


LEAST, MOST = 320, 8000
"""Pixels of a picture's side."""


@shared.app.command()
def view(
    source: Annotated[
        str, typer.Argument(metavar="LAYOUT|STATE.NC", help="Layout, or a state that `twin run` wrote.")
    ] = "gb300-su",
    set_: shared.Sets = None,
    without: shared.Without = None,
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
    with shared.told():
        facility, state, pixels = _seen(source, set_ or [], without or [], color, scenario, screenshot, size)
    from twin.viewer import probe

    # A window needs its display and no probe; VTK chooses its own class for it.
    remedy = probe.ready() if screenshot else probe.installed()
    if remedy:
        typer.echo(f"twin: {remedy}", err=True)
        raise typer.Exit(shared.NO_GRAPHICS)
    from twin.viewer import draw

    made = draw.picture(facility, state, color, pixels, scenario, off_screen=screenshot is not None)
    if screenshot is None:
        draw.show(made)
    else:
        with shared.told(), shared.writing(screenshot, "--screenshot"):
            draw.write(made, screenshot)
        typer.echo(str(screenshot))
    if not bool(state.converged[scenario]):
        typer.echo("twin: no solution", err=True)
        raise typer.Exit(shared.NOT_SOLVED)


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

    sets, problems = shared.settings(pairs)
    problems += shared.unknown(variable, "--color")

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
            gone = shared.out_of_service(facility, without)
    except InputError as error:
        problems += error.problems
    count = state.sizes["scenario"] if state is not None else 1
    if not 0 <= scenario < count:
        wrong("--scenario", f"is {scenario}; there {'is only 0' if count == 1 else f'are 0 to {count - 1}'}")
    if state is not None and variable and variable not in state and not shared.unknown(variable, "--color"):
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
