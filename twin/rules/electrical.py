"""Rules on the one-line."""

from __future__ import annotations

import numpy as np

from twin.facility import Facility
from twin.rules.registry import Array, Arrays, loading, rule


@rule(
    "E1-whip", "whip current at peak power over its continuous rating", unit="1", axis="device", sense="most",
    scale=1.0,
    clause="whip product: ratedCurrent and continuousFactor; NEC 210.20(A), continuous load at most 80 % (unverified)",
)  # fmt: skip
def whip(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "whip")


@rule(
    "E1-panel", "panel load at peak power over its rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="panel product: rating, taken as continuous",
)  # fmt: skip
def panel(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "panel")


@rule(
    "E12-ups", "UPS output at peak power over its rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="UPS product: rating",
)  # fmt: skip
def ups(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "ups")


@rule(
    "E12-rectifier", "rectifier output at peak power over its rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="rectifier product: rating",
)  # fmt: skip
def rectifier(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "rectifier")


@rule(
    "E10-transformer", "transformer apparent power at peak over its rating", unit="1", axis="device", sense="most",
    scale=1.0, clause="transformer product: rating",
)  # fmt: skip
def transformer(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "transformer")


@rule(
    "E20-utility", "mean utility power over the connection's rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="the layout's utility.rating and utility.cap",
)  # fmt: skip
def utility(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "utility")


@rule(
    "E4-voltage", "lowest voltage at a rack's live feeds over nominal", unit="1", axis="rack", sense="least", scale=1.0,
    clause="IEC 60364-5-52 annex G: total drop at most 5 % (unverified)",
)  # fmt: skip
def voltage(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    volts = np.asarray(arrays["feed_voltage"], dtype=np.float64)
    return np.where(volts > 0, volts, np.nan), np.full((1, 1), 0.95)
