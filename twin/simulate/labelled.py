"""The series of a simulation with their names and units, and what each rack comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.event import Event
from twin.facility import Facility
from twin.plant.loop import by_block
from twin.simulate.machine import leaked

Array = npt.NDArray[np.float64]

STEP_TIME = 1.0
"""Time within which what comes on counts as one step of the generators' load [s]; assumed."""
R, B, P, D = "rack", "block", "plant", "device"
SERIES: dict[str, tuple[str, str, str]] = {
    "power": (R, "W", "AC input of the rack"),
    "tokens": (R, "1/s", "output tokens per second"),
    "case_temperature": (R, "K", "GPU case, mean plate of the rack"),
    "coolant_flow": (R, "m3/s", "coolant through the rack"),
    "inlet_temperature": (R, "K", "coolant at the rack's inlet"),
    "return_temperature": (R, "K", "coolant in the rack, as it leaves"),
    "supply_temperature": (B, "K", "technology coolant at the racks"),
    "cdu_duty": (B, "W", "heat through the CDUs"),
    "facility_supply_temperature": (P, "K", "facility water to the CDUs"),
    "chilled_temperature": (B, "K", "chilled water to the fan walls"),
    "air_inlet_temperature": (B, "K", "air at the rack fronts"),
    "battery": (D, "1", "energy left in the battery over its whole"),
    "device_speed": (D, "1", "speed of cooling equipment over full"),
    "utility_power": ("", "W", "power of the site from the utility"),
    "generator_power": ("", "W", "power of the site from its generators"),
}
"""Variables along time: element axis, unit, meaning."""


def labelled(
    facility: Facility,
    times: Array,
    taken: Sequence[Mapping[str, Array]],
    settled: Mapping[str, Any],
    solved: npt.NDArray[np.bool_],
    events: Sequence[Event],
) -> xr.Dataset:
    """The series with their names and units, and what each rack comes to."""
    count = len(solved)

    def series(name: str) -> Array:
        return np.stack(np.broadcast_arrays(*(seen[name] for seen in taken)), axis=1)

    found: dict[str, Any] = {}
    for name, (axis, unit, meaning) in SERIES.items():
        values = series(name)
        known = solved.reshape(-1, *(1,) * (values.ndim - 1))
        axes = ("scenario", "time", axis) if axis else ("scenario", "time")
        found[name] = (axes, np.where(known, values, np.nan), {"units": unit, "long_name": meaning})
    step = times[1] - times[0]
    throttled, off = series("throttled"), series("off")
    lost = (settled["tokens"][:, None] - series("tokens")).clip(0.0).sum(axis=1) * step

    begun = min((event.start for event in events), default=0.0)

    def first(flags: Array) -> Array:
        flags = flags & (times >= begun)[:, None]
        return np.where(flags.any(axis=1), times[flags.argmax(axis=1)] - begun, np.nan)

    for name, value, unit, meaning in (
        (
            "seconds_to_throttle",
            first(throttled),
            "s",
            "from the first event until the rack gives less; NaN: never",
        ),
        ("seconds_to_trip", first(off), "s", "from the first event until the rack is off; NaN: never"),
        ("lowest_flow", series("coolant_flow").min(axis=1), "m3/s", "least coolant through the rack"),
        ("peak_temperature", series("case_temperature").max(axis=1), "K", "highest GPU case, mean plate"),
        ("tokens_lost", lost, "1", "output tokens less than without the events"),
    ):
        found[name] = (
            ("scenario", R),
            np.where(solved[:, None], value, np.nan),
            {"units": unit, "long_name": meaning},
        )
    # Between the first and the last moment: what went in and out, and what is stored more.
    gained = (by_block(facility, series("liquid")) + series("pumped") - series("cdu_duty"))[:, :-1].sum(
        axis=1
    ) * step
    stored = series("stored")
    through = np.maximum(by_block(facility, series("liquid"))[:, :-1].sum(axis=1) * step, 1.0)
    found["ledger_coolant"] = (
        ("scenario", B), (gained - (stored[:, -1] - stored[:, 0])) / through,
        {"units": "1", "long_name": "(heat in - heat out - heat stored) of the coolant over heat in"},
    )  # fmt: skip
    lost = leaked(facility, events, float(times[-1]))
    for name, value, unit, meaning in (
        ("leaked_volume", lost, "m3", "coolant lost by leaks until they are isolated"),
        (
            "seconds_to_pressure_loss", first(series("without_pressure")), "s",
            "from the first event until the loop's expansion vessels are empty and its pumps trip; NaN: never",
        ),
    ):  # fmt: skip
        found[name] = (
            ("scenario", B), np.where(solved[:, None], value, np.nan), {"units": unit, "long_name": meaning},
        )  # fmt: skip
    generators = series("generator_power")
    for name, value, meaning in (
        ("generator_peak", generators.max(axis=1), "most that the generators are asked for"),
        ("generator_step", largest_step(generators, float(step)), "most that they are asked for at once"),
    ):
        found[name] = ("scenario", np.where(solved, value, np.nan), {"units": "W", "long_name": meaning})
    labels = {
        "scenario": np.arange(count), "time": ("time", times, {"units": "s"}), R: list(facility.racks.name),
        B: list(facility.blocks), P: list(facility.plants), D: list(facility.devices.name),
    }  # fmt: skip
    attrs = {
        "Conventions": "CF-1.11",
        "title": facility.name,
        "source": "ai-factory-twin",
        "fingerprint": facility.fingerprint,
    }
    return xr.Dataset(found, labels, attrs)


def largest_step(power: Array, step: float) -> Array:
    """Largest rise of a series within STEP_TIME, (scenario,), from its means over steps of `step` seconds, (scenario,
    time). These stand half a step from its ends, so one step more is looked back over: rather too much than too little.

    >>> largest_step(np.array([[0.0, 3.0, 4.0, 4.5, 5.0, 2.0]]), 0.5).tolist()
    [4.5]
    """
    back = max(round(STEP_TIME / step), 1) + 1
    before = np.pad(power, ((0, 0), (back, 0)))[:, : power.shape[1]]
    return np.asarray((power - before).max(axis=1))
