"""The report: one self-contained HTML page of a solved scenario, readable without a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import xarray as xr

from twin.colour import at_first
from twin.facility import ACTUATORS, COOLING_MODES, DEVICE_KINDS, Facility
from twin.plant.fault import fault_levels
from twin.plant.protection import protected
from twin.report.figure import as_written, by_doubt
from twin.report.plot import plots
from twin.schema import Workload
from twin.summary import (
    CAUSES,
    CONTROL,
    MODES,
    SHAPES,
    SOLUTION,
    UNSERVED,
    Summary,
    doubt,
    outside,
    terms,
    worth,
)
from twin.wording import few, given, readable

MECHANICAL = (
    ("cdu_power", "CDU pumps"),
    ("pump_power", "facility-water pumps"),
    ("dry_cooler_power", "dry-cooler fans"),
    ("tower_power", "tower fans"),
    ("outdoor_pump_power", "pumps of the outdoor loop"),
    ("trim_chiller_power", "trim chillers"),
    ("fan_wall_power", "fan walls"),
    ("chiller_power", "chillers of the air system"),
)
ALWAYS = ("cdu_power", "pump_power", "fan_wall_power", "chiller_power")
"""Those that are told even where they draw nothing."""
LOSSES = (
    ("transformer", "transformer"),
    ("ups", "UPS"),
    ("rectifier", "rectifier"),
    ("cable", "busway and whip"),
)
COOLING = {
    "Technology loop": (
        ("actuator", "control of the supply", ""),
        ("supply_setpoint", "supply set-point", "K"),
        ("supply_temperature", "supply", "K"),
        ("loop_return_temperature", "return, pump heat included", "K"),
        ("loop_flow", "flow", "m3/s"),
        ("flow_share", "flow delivered over asked", "%"),
        ("main_velocity", "velocity in the main", "m/s"),
        ("loop_head", "external head of the CDU pumps", "Pa"),
        ("cdu_duty", "heat through the CDUs", "W"),
        ("approach", "supply above the facility water", "delta_degC"),
    ),
    "Facility water and plant": (
        ("cooling_mode", "mode", ""),
        ("facility_supply_temperature", "water to the CDUs", "K"),
        ("facility_return_temperature", "water from the CDUs", "K"),
        ("facility_flow", "flow", "kg/s"),
        ("outdoor_supply_temperature", "outdoor water to the exchangers", "K"),
        ("outdoor_flow", "flow of the outdoor loop", "kg/s"),
        ("cooler_duty", "heat of dry coolers or towers", "W"),
        ("cooler_speed", "their fan speed", "%"),
        ("water_use", "make-up water", "kg/s"),
        ("trim_duty", "heat of the trim chillers", "W"),
    ),
    "Air": (
        ("air_supply_temperature", "supply of the fan walls", "K"),
        ("hot_aisle_temperature", "behind the racks", "K"),
        ("air_flow", "flow of the fan walls", "m3/s"),
        ("air_demand", "drawn by racks and support", "m3/s"),
        ("fan_wall_duty", "heat of the fan walls", "W"),
    ),
}
"""State variables of the cooling tables: name, label, unit."""
RACK = (
    ("power", "power", "W", 4),
    ("demand", "demand", "W", 4),
    ("tokens", "tokens", "token/s", 3),
    ("inlet_temperature", "coolant in", "K", 3),
    ("return_temperature", "coolant out", "K", 3),
    ("coolant_flow", "flow", "m3/s", 3),
    ("case_temperature", "GPU case", "K", 3),
    ("air_inlet_temperature", "air in", "K", 3),
    ("feed_voltage", "voltage", "%", 4),
)
"""Columns of the rack table: variable, heading, unit, digits."""
MANY = 6
"""Blocks beyond which a block is a line of the cooling tables, not a column."""


def page(
    facility: Facility,
    state: xr.Dataset,
    found: Summary,
    variable: str | None = None,
    sets: Mapping[str, str] | None = None,
) -> str:
    """The page of a state of one scenario.

    state : of `solve(keep="racks")` or "all". found : its summary. variable : what colours the racks of the hall
    at first; a temperature unless it is given. sets : what was set by hand beside the layout. Every name and text
    of a layout is escaped.
    """
    one = state.isel(scenario=0)
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("twin.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    ).get_template("page.html.j2")
    here = files("twin.report")
    return template.render(
        found=found,
        verdict=_verdict(found),
        sets=dict(sets or {}),
        blocks=len(facility.blocks),
        plants=len(facility.plants),
        modes=[(MODES[mode], count) for mode, count in found.modes.items()],
        conditions=_conditions(facility, found),
        power=_power(one) if found.converged else [],
        cooling=_cooling(facility, one) if found.converged else [],
        bound=[(what, count, count / found.racks) for what, count in found.held.items()],
        shaped=[(SHAPES[kind], count, count / found.racks) for kind, count in found.shaped.items()],
        boundaries=_boundaries(found) if found.converged else [],
        prices=[(price, *worth(price)) for price in found.prices],
        margins=_margins(found),
        levels=_levels(facility),
        standby=facility.standby,
        guards=_guards(facility),
        rack_columns=[heading for _, heading, *_ in RACK],
        racks=_racks(facility, one) if found.converged else [],
        assumptions=facility.layout.assumptions,
        figures=[
            (made.name, name, as_written(figure), figure)
            for made, name, figure in by_doubt(facility.products)
        ],
        plots=plots(facility, one, variable or at_first(one)),
        style=here.joinpath("page.css").read_text("utf-8"),
        script=here.joinpath("page.js").read_text("utf-8"),
        plotly=_plotly(),
    )


def _plotly() -> str:
    """plotly.js, whole, so that the page asks nothing of a network."""
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text("utf-8")


def _verdict(found: Summary) -> dict[str, Any]:
    """Class, headline and sentences of the banner."""
    lines = []
    if found.converged and found.margins:
        worst = found.margins[0]
        _, _, margin = terms(worst)
        lines.append(f"Tightest margin: {worst.title} at {worst.element}, {margin} ({worst.code}).")
    held = {kind: count for kind, count in found.binding.items() if kind != "demand"}
    if found.converged and not held and not found.unserved:
        lines.append(f"All {found.racks:,} racks run at the power their workload asks for.")
    lines += [
        f"{count:,} of {found.racks:,} racks are held by {CAUSES[kind]}." for kind, count in held.items()
    ]
    if found.undecided:
        lines.append(f"{doubt(found)}.")
    lines += [
        f"{count:,} of {found.racks:,} racks give {UNSERVED[why]}." for why, count in found.unserved.items()
    ]
    if found.faults:
        return {"kind": "bad", "headline": f"Not solved: {'; '.join(found.faults)}", "lines": lines}
    if found.negative:
        verb = "is outside its limit" if len(found.negative) == 1 else "are outside their limits"
        headline = f"Solved: {len(found.negative)} of {len(found.margins)} rules {verb}"
        return {"kind": "bad", "headline": headline, "lines": lines}
    if found.undecided:
        inside = len(found.margins) - len(found.undecided)
        headline = (
            f"Solved: {inside} of {len(found.margins)} rules are inside their limits, the others undecided"
        )
        return {"kind": "doubt", "headline": headline, "lines": lines}
    return {
        "kind": "good",
        "headline": f"Solved: all {len(found.margins)} rules are inside their limits",
        "lines": lines,
    }


def _conditions(facility: Facility, found: Summary) -> list[tuple[str, str]]:
    """What the run was asked for."""
    layout = facility.layout
    units = [block.template for block in layout.blocks]
    asked = layout.workload

    def each(values: list[str]) -> str:
        return ", ".join(dict.fromkeys(values))

    listed = [
        ("Dry bulb", given(layout.site.dry_bulb, "K")),
        (
            "Coolant set-point",
            each([given(unit.loop.supply_temperature, "K") if unit.loop else "no coolant" for unit in units]),
        ),
        ("Air set-point", each([given(unit.air.supply_temperature, "K") for unit in units])),
        ("Redundancy", each([unit.power.redundancy for unit in units])),
        ("Power policy", each([unit.power.policy for unit in units])),
        ("Security", each([unit.power.security for unit in units])),
        ("Support load", given(_support(facility), "W")),
        ("Model", f"{asked.model}, {asked.precision}"),
        *_work(asked),
        (
            "Peak over mean power",
            given(asked.edp_factor, "1")
            + (f" for {given(asked.edp_duration, 's')}" if asked.edp_duration else ""),
        ),
        ("Electricity", given(layout.site.electricity_price, "USD/J")),
        ("Altitude", given(layout.site.altitude, "m")),
    ]
    if layout.utility.cap is not None:
        listed.append(("Utility cap", given(layout.utility.cap, "W")))
    if found.dead:
        listed.append(("Not in service", few(found.dead)))
    return listed


def _work(asked: Workload) -> list[tuple[str, str]]:
    """What is served, or trained."""
    if asked.kind == "training" and asked.training:
        return [
            (
                "Training step",
                f"{asked.training.global_batch:,} by {asked.training.sequence_length:,} tokens",
            ),
            ("Checkpoint", given(asked.training.checkpoint_pause, "s")),
            ("Restart", given(asked.training.restart_time, "s")),
            ("Exchange of a step", given(asked.training.exchange, "%")),
            ("Ramp of its power", given(asked.training.ramp, "s")),
        ]
    return [
        ("Tokens of a request", f"{asked.input_length:,} in, {asked.output_length:,} out"),
        ("Each user sees", given(asked.interactivity, "token/s")),
        *([("First token, p99", given(asked.first_token, "s"))] if asked.first_token is not None else []),
    ]


def _support(facility: Facility) -> float:
    load = np.asarray(facility.operation.support_load, dtype=np.float64)
    return float(np.broadcast_to(load, (1, len(facility.rows))).sum())


BOUNDARIES = {
    "chip": "GPUs",
    "rack_dc": "racks, behind their power shelves",
    "rack_ac": "racks and support load, before the shelves",
    "utility": "point of connection",
}


def _boundaries(found: Summary) -> list[tuple[str, ...]]:
    """Tokens over power at each boundary."""
    return [
        (
            BOUNDARIES[each.boundary], readable(each.watts, "W"), readable(each.output, "token/J", 3),
            readable(each.total, "token/J", 3),
        )
        for each in found.boundaries
    ]  # fmt: skip


def _power(one: xr.Dataset) -> list[tuple[str, str, float, str]]:
    """Where the utility's power goes: what, how much, share of the whole, class of the line."""
    total = float(one["utility_power"])
    losses = [(f"{name} losses", float(one[f"{key}_loss"]), "part") for key, name in LOSSES]
    losses = [line for line in losses if line[1] > 0.0]
    lines = [
        ("Utility", total, "whole"),
        ("Conversion and conductors", sum(watts for _, watts, _ in losses), "sum"),
        *losses,
        ("Mechanical", float(one["mechanical_power"]), "sum"),
        *(
            (name, watts, "part")
            for key, name in MECHANICAL
            if (watts := float(one[key].sum())) or key in ALWAYS
        ),
        ("IT", float(one["it_power"]), "sum"),
        ("racks", float(one["rack_power"]), "part"),
        ("network and management in the rows", float(one["support_power"]), "part"),
    ]
    whole = total or math.inf  # nothing flows when the utility itself is out
    return [(name, readable(watts, "W"), watts / whole, kind) for name, watts, kind in lines]


def _cooling(facility: Facility, one: xr.Dataset) -> list[dict[str, Any]]:
    """The cooling tables: blocks or plants as columns, or as lines where there are many; those with values."""
    tables = []
    for title, rows in COOLING.items():
        axis = str(one[rows[0][0]].dims[0])
        owners = facility.plants if axis == "plant" else facility.blocks
        if not any(np.isfinite(one[name].values).any() for name, _, unit in rows if unit):
            continue
        many = len(owners) > MANY
        table = [[axis if many else "", *owners]]
        table += [
            [label, *(_block(name, value, unit) for value in one[name].values)]
            for name, label, unit in rows
            if not unit or np.isfinite(one[name].values).any()
        ]
        lines = list(zip(*table, strict=True)) if many else table
        tables.append({"title": title, "head": lines[0], "body": lines[1:], "many": many})
    return tables


def _block(name: str, value: float, unit: str) -> str:
    if unit:
        return readable(float(value), unit, 3)
    return MODES[COOLING_MODES[int(value)]] if name == "cooling_mode" else CONTROL[ACTUATORS[int(value)]]


def _margins(found: Summary) -> list[dict[str, Any]]:
    """Every finding: the design's, the worst first, then those on the solution."""
    listed = []
    for finding in (*found.margins, *(finding for finding in found.findings if finding.code in SOLUTION)):
        value, limit, margin = terms(finding)
        listed.append(
            {
                "finding": finding,
                "value": value,
                "limit": limit,
                "margin": margin,
                "outside": outside(finding),
            }
        )
    return listed


def _levels(facility: Facility) -> list[tuple[str, ...]]:
    """Short-circuit levels by kind of device: the greatest and the least among its devices."""
    levels = fault_levels(facility)
    lines = []
    for kind in dict.fromkeys(level.kind for level in levels):
        mine = [level for level in levels if level.kind == kind]
        most, least = max(mine, key=lambda level: level.greatest), min(mine, key=lambda level: level.least)
        lines.append(
            (
                kind, readable(most.voltage, "V"), most.device, readable(most.greatest, "A", 3),
                readable(most.peak, "A", 3), _known(max(level.earth for level in mine), "A"),
                readable(least.least, "A", 3), _known(min(level.least_earth for level in mine), "A"),
            )
        )  # fmt: skip
    return lines


def _known(value: float, unit: str) -> str:
    """A value, or a dash where there is none."""
    return readable(value, unit, 3) if math.isfinite(value) else "\N{EN DASH}"


def _guards(facility: Facility) -> list[tuple[str, ...]]:
    """Breakers and relays by what they stand ahead of and by product, each at its worst."""
    found, made = protected(facility), facility.protection
    groups: dict[tuple[int, str], list[int]] = {}
    for device, name in zip(made.device.tolist(), made.name, strict=True):
        groups.setdefault((int(facility.devices.kind[device]), name), []).append(device)
    lines = []
    for (kind, name), mine in groups.items():
        worst = mine[int(np.argmax(found.breaking[mine]))]
        lines.append(
            (
                DEVICE_KINDS[kind], name, facility.devices.name[worst], _known(found.breaking[worst], "%"),
                _known(found.clearing[mine].max(), "s"), _known(found.gap[mine].min(), "s"),
                _known(found.selective[mine].min(), "%"),
            )
        )  # fmt: skip
    return lines


def _racks(facility: Facility, one: xr.Dataset) -> list[dict[str, Any]]:
    """One line for each rack."""
    racks = facility.racks
    names = [*facility.devices.name, ""]
    columns = [
        [readable(float(value), unit, digits) for value in one[name].values] for name, _, unit, digits in RACK
    ]
    codes, held = one["binding"].values, one["binding_device"].values
    kinds = one["binding_kind"].values
    return [
        {
            "name": name,
            "type": racks.types[racks.type[index]].name,
            "cells": [column[index] for column in columns],
            "binding": str(kinds[int(codes[index])]).replace("_", " "),
            "device": names[int(held[index])] if names[int(held[index])] not in kinds else "",
        }
        for index, name in enumerate(racks.name)
    ]
