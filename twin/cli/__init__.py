"""The command line; one file for each command or a few that belong together.

Everything heavy is imported in the command that needs it, so that `twin --help` answers at once.
Exit status: 0 solved, 2 bad input, 3 no solution or balances that do not close, 4 nothing to draw with.
"""

from __future__ import annotations

from typing import Annotated

import typer

from twin.cli import shared
from twin.cli.shared import NO_GRAPHICS, app

__all__ = ["NO_GRAPHICS", "app"]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("ai-factory-twin"))
        except PackageNotFoundError:
            typer.echo("unknown: run from a source tree that is not installed")
        raise typer.Exit


@shared.app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Physics twin of an AI factory: a layout in; the coupled state, the verdict and the report out."""


# The order of the imports is that of the help.
from twin.cli import run  # noqa: E402, F401, I001
from twin.cli import view  # noqa: E402, F401
from twin.cli import outages  # noqa: E402, F401
from twin.cli import compute  # noqa: E402, F401
from twin.cli import course  # noqa: E402, F401
from twin.cli import water  # noqa: E402, F401
from twin.cli import air  # noqa: E402, F401
from twin.cli import layouts  # noqa: E402, F401
from twin.cli import products  # noqa: E402, F401
