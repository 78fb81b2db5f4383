"""What the commands have in common: the application, its options, what is wrong with them, and files written whole."""

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

BAD_INPUT = 2
NOT_SOLVED = 3
NO_GRAPHICS = 4
WIDE = 1000
"""Columns of a table that goes to a file or a pipe: as many as it asks for."""

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
Without = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DEVICE", help="A device that is out of service, such as ups.A, cdu.1 or fanwall.1."
    ),
]
Turbulence = Annotated[
    str,
    typer.Option(
        metavar="eddy|k-epsilon",
        help="Turbulence of the field: of speed and distance to walls, or carried along, which takes longer.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def errors() -> Console:
    """Standard error, for progress."""
    from rich.console import Console

    return Console(stderr=True)


def console() -> Console:
    """A console as wide as the terminal, or as its tables ask for when it is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


def printed(record: Mapping[str, Any]) -> None:
    """Print one JSON object; what has no value is null in it already."""
    import json

    typer.echo(json.dumps(record, indent=2, allow_nan=False, ensure_ascii=False))


@contextmanager
def writing(out: Path, option: str = "--out") -> Iterator[None]:
    """A file or folder that cannot be written to as bad input."""
    try:
        yield
    except OSError as error:
        raise problem(option, f"cannot write {str(out)!r}: {error.strerror or error}") from None


@contextmanager
def told() -> Iterator[None]:
    """Bad input as one line for each problem on standard error, and its exit status."""
    from twin.errors import InputError, UnknownName

    try:
        yield
    except (InputError, UnknownName) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from None


def asked(
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
    from twin.errors import InputError

    sets, problems = settings(pairs)
    problems += [*unknown(variable, "--variable"), *others]
    problems += no_folder(out)
    try:
        facility = load(layout, sets)
        gone = out_of_service(facility, without)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility, sets, gone


def loaded(layout: str, sets: Mapping[str, str], problems: list[Problem]) -> Any:
    """The facility of a layout; raises InputError with what is wrong with it, and the problems found before."""
    from twin.build import load
    from twin.errors import InputError

    try:
        facility = load(layout, sets)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return facility


def no_folder(out: Path) -> list[Problem]:
    """The problem of a folder for results that is a file."""
    from twin.errors import Problem

    if not out.exists() or out.is_dir():
        return []
    return [Problem("--out", None, None, "", f"{str(out)!r} is a file, expected a folder")]


def choices(*asked: tuple[str, str, str, Sequence[str]]) -> list[Problem]:
    """What is wrong with options of a few words each: option, what it names, its value, and the words."""
    from twin.errors import Problem

    return [
        Problem(option, None, None, "", f"no {what} {value!r} (there are: {', '.join(known)})")
        for option, what, value, known in asked
        if value not in known
    ]


def out_of_service(facility: Any, without: Sequence[str]) -> Operation:
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


def problem(option: str, message: str) -> Exception:
    """The error of one option."""
    from twin.errors import InputError, Problem

    return InputError([Problem(option, None, None, "", message)])


def settings(pairs: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
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


def unknown(variable: str | None, option: str) -> list[Problem]:
    """The problem of a variable that cannot colour racks."""
    from twin.colour import rack_variables
    from twin.errors import Problem, suggestion

    known = rack_variables()
    if variable is None or variable in known:
        return []
    message = f"no rack variable {variable!r}{suggestion(variable, known)} (there are: {', '.join(known)})"
    return [Problem(option, None, None, "", message)]


def moved(out: Path, sets: Mapping[str, xr.Dataset], texts: Mapping[str, str]) -> dict[str, str]:
    """Write files beside their places and move them there whole; name without its ending -> path."""
    import os
    import tempfile

    with writing(out):
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
