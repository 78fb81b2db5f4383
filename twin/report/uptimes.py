"""Expected tokens over the outages of a facility, on a terminal and as one JSON object."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from twin.economics import YEAR
from twin.facility import Facility
from twin.study.uptime import Uptime

HEADS = ("out alone", "token/s lost", "share", "worst", "device")
AT_ANY_TIME = ("rack", "tray")
"""Causes whose faults come whatever else is out."""
HOUR = 3600.0


def record(facility: Facility, found: Uptime) -> dict[str, Any]:
    """The expected tokens as one JSON object; `share` of a cause is its part of all the tokens lost."""
    return {
        "facility": {"name": facility.name, "racks": len(facility.racks.name)},
        "availability": facility.layout.availability.model_dump(),
        **asdict(found),
        "causes": [{**asdict(one), "share": found.share(one.lost)} for one in found.causes],
    }


def show(console: Console, facility: Facility, found: Uptime) -> None:
    """Print the expected tokens and what they lose to each cause."""
    terms = facility.layout.availability
    spare = f", {terms.spares} spare in each rack" if terms.spares else ""
    needs = "; the job stands without all others" if facility.job is not None else ""
    console.print(
        Text.assemble(
            (facility.name, "bold"),
            f": {found.expected:,.0f} of {found.planned:,.0f} token/s expected, uptime ",
            (f"{found.uptime:.4%}", "bold"),
            f"\nAt most {found.most:,.0f} token/s ({_share(found.most, found)}); {found.added:,.0f} "
            f"({_share(found.added, found)}) if the losses of several devices add up."
            f"\nTrays are back after {terms.tray_repair / HOUR:g} h{spare}{needs}.\n",
        )
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("cause", no_wrap=True)
    for head in HEADS:
        table.add_column(head, justify="left" if head == "device" else "right", overflow="fold")
    for one in found.causes:
        worst = f"-{one.worst / found.planned:.1%}" if one.worst > 0 and found.planned > 0 else "none"
        out = "" if one.kind in AT_ANY_TIME else _hours(one.probability)
        kind = f"{one.devices:,} {one.kind.replace('_', ' ')}"
        device = one.worst_device if one.worst > 0 else ""
        table.add_row(kind, out, _number(one.lost), f"{found.share(one.lost):.1%}", worst, device)
    several = found.lost_several
    table.add_row(
        "two or more at once",
        _hours(found.several),
        _number(several),
        f"{found.share(several):.1%}",
        "-100%",
        "",
    )
    console.print(table)
    notes = [
        f"No device of power and cooling is out {found.sound:.3%} of the time, one alone {found.single:.3%}, more "
        f"{found.several:.3%}: these count as no tokens here, and as no loss in the most.",
        "Share: of all the tokens lost. Worst: of the planned tokens, while that outage lasts. Utility: out, and its "
        "generators do not come.",
        "Not in it: planned work, mistakes of operators, switches and cables between racks, "
        f"{_racks_left_out(facility, found)}.",
    ]
    rates = [made.figures["failureRate"] for made in facility.products if "failureRate" in made.figures]
    assumed = sum(rate.status == "assumed" for rate in rates)
    notes.append(f"Failure rates of the utility and of {assumed} of {len(rates)} products are assumed.")
    if found.uncounted:
        listed = ", ".join(f"{many:,} {kind.replace('_', ' ')}" for kind, many in found.uncounted.items())
        notes.append(f"Without figures of their faults, so never out: {listed}.")
    if found.unsolved:
        notes.append(f"No solution, counted as no tokens, without {', '.join(found.unsolved)}.")
    for note in notes:
        console.print(Text(note, "dim"))


def _racks_left_out(facility: Facility, found: Uptime) -> str:
    """What is not counted of leaks and of faults of racks as a whole."""
    counted = sum(one.devices for one in found.causes if one.kind == "rack")
    left = int((facility.racks.gpus > 0).sum()) - counted
    if not counted:
        return "leaks, faults of a whole rack such as its NVLink spine"
    return "leaks beyond one rack" + (f", faults of {left:,} racks as a whole" if left else "")


def _hours(probability: float) -> str:
    """Probability as time in a year."""
    return f"{_number(probability * YEAR / HOUR)} h/year"


def _number(value: float) -> str:
    """Two digits, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.2g}"


def _share(tokens: float, found: Uptime) -> str:
    """Tokens over those planned."""
    return f"{tokens / found.planned:.4%}" if found.planned > 0 else "of none"
