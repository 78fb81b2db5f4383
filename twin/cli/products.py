"""`twin catalogue`: products with every figure's source."""

from __future__ import annotations

from typing import Annotated

import typer

from twin.cli import shared

NARROW = 120
"""Columns of a terminal below which a source stands under its value, not beside it."""


@shared.catalogue.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="Kind of product, such as rack or cdu.")] = None,
) -> None:
    """List the products, of one kind or of all."""
    with shared.told():
        from twin.catalogue import product, products
        from twin.catalogue.kinds import KINDS

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
    shared.console().print(table)


@shared.catalogue.command()
def show(name: Annotated[str, typer.Argument(help="Name of a product.")]) -> None:
    """Show every figure of a product: value, unit, status and source."""
    with shared.told():
        from twin.catalogue import product

        made = product(name)
    from rich.table import Table
    from rich.text import Text

    from twin.report.figure import as_written

    console = shared.console()
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
