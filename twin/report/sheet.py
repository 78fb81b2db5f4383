"""A plain self-contained page around plots that plotly draws."""

from __future__ import annotations

import html
from typing import Any

FONT = 'system-ui, "Segoe UI", Roboto, Arial, sans-serif'
STYLE = f"body {{ font: 15px/1.5 {FONT}; max-width: 1100px; margin: 0 auto; padding: 24px; color: #1b2430; }}"


def sheet(
    title: str,
    lead: str,
    figure: Any,
    listed: tuple[str, ...] = (),
    more: tuple[Any, ...] = (),
    notes: tuple[str, ...] = (),
) -> str:
    """The page of a figure; every text is escaped, and it asks nothing of a network.

    figure : of plotly. lead : sentence under the title. notes : lines below it. listed : lines below them, as code.
    more : figures below it.
    """
    plots = ""
    for one in (figure, *more):
        one.update_layout(
            template="plotly_white", margin={"t": 60, "l": 60, "r": 20}, font={"family": FONT, "size": 13}
        )
        plots += one.to_html(full_html=False, include_plotlyjs=not plots, config={"displaylogo": False})
    head, lines = html.escape(title), "".join(f"<li><code>{html.escape(line)}</code></li>" for line in listed)
    told = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{head}</title><style>{STYLE}</style></head>'
        f"<body><h1>{head}</h1><p><strong>{html.escape(lead)}</strong></p>{told}<ul>{lines}</ul>{plots}</body></html>"
    )
