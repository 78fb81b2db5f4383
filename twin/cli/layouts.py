"""`twin new` and `twin schema`: layouts to begin with, and what an editor knows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twin.cli import shared


@shared.app.command()
def new(
    racks: Annotated[int, typer.Option(help="Number of racks.")] = 16,
    type_: Annotated[str, typer.Option("--type", help="Rack product of the catalogue.")] = "gb300-nvl72",
) -> None:
    """Print a complete, commented layout to start from."""
    with shared.told():
        from twin.layout import new_layout

        typer.echo(new_layout(racks, type_), nl=False)


@shared.app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write it to, instead of printing it.")] = None,
) -> None:
    """Print the JSON Schema of a layout, for editors that check and complete it while you type."""
    import json

    from twin.editor import layout_schema

    content = json.dumps(layout_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(content, nl=False)
        return
    with shared.told(), shared.writing(out):
        out.write_text(content, "utf-8")
