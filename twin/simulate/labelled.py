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

Array = npt.NDArray[np.float64]

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
    count, known = len(solved), solved[:, None, None]

    def series(name: str) -> Array:
        return np.stack(np.broadcast_arrays(*(seen[name] for seen in taken)), axis=1)

    found: dict[str, Any] = {}
    for name, (axis, unit, meaning) in SERIES.items():
        values = np.where(known, series(name), np.nan)
        found[name] = (("scenario", "time", axis), values, {"units": unit, "long_name": meaning})
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
    leaked = np.zeros(len(facility.blocks))
    for event in events:
        if event.kind == "leak":
            open_for = min(event.duration, max(times[-1] - event.start, 0.0))
            for name in event.targets:
                leaked[facility.racks.block[facility.racks.name.index(name)]] += event.rate * open_for
    found["leaked_volume"] = (
        ("scenario", B), np.where(solved[:, None], leaked, np.nan),
        {"units": "m3", "long_name": "coolant lost by leaks until they are isolated"},
    )  # fmt: skip
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
