"""Catalogue figures as people read them: the value as its file has it, its unit, source and status."""

from __future__ import annotations

from collections.abc import Iterable

from twin.catalogue import Figure, Product

DOUBT = ("assumed", "calibrated", "reported", "published", "datasheet")
"""Status of a figure, the least certain first."""


def as_written(figure: Figure) -> str:
    """The value as its file has it; the points of a curve without quotes.

    >>> as_written(Figure(0.0, "[['25 degC', '65.1 L/min'], [0.1, 0.95]]", "K, m3/s", "", "assumed"))
    '(25 degC, 65.1 L/min), (0.1, 0.95)'
    """
    if not figure.text.startswith("["):
        return figure.text
    return figure.text[1:-1].replace("'", "").replace("[", "(").replace("]", ")")


def by_doubt(products: Iterable[Product]) -> list[tuple[Product, str, Figure]]:
    """Every figure of some products, the least certain first, else in the order of the files."""
    listed = [(made, name, figure) for made in products for name, figure in made.figures.items()]
    return sorted(listed, key=lambda item: DOUBT.index(item[2].status))
