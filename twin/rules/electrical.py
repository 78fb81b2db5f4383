"""Rules on the one-line."""

from __future__ import annotations

import numpy as np

from twin.facility import DEVICE_KINDS, Facility
from twin.rules.registry import Array, Arrays, rule


def _of_kind(facility: Facility, arrays: Arrays, kind: str) -> tuple[Array, Array]:
    """Loading of the devices of one kind, the others NaN."""
    mine = facility.devices.kind == DEVICE_KINDS.index(kind)
    return np.where(mine, arrays["device_loading"], np.nan), np.ones((1, 1))


@rule(
    "E1-whip", "whip current at peak power over 80 % of its rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="NEC 210.20(A): continuous load at most 80 % of the overcurrent device (unverified)",
)  # fmt: skip
def whip(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _of_kind(facility, arrays, "whip")


@rule(
    "E1-panel", "panel load at peak power over its rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="NEC 215.3 (unverified); the product's rating is taken as continuous",
)  # fmt: skip
def panel(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _of_kind(facility, arrays, "panel")


@rule(
    "E12-ups", "UPS output at peak power over its rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="the product's continuous rating",
)  # fmt: skip
def ups(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _of_kind(facility, arrays, "ups")


@rule(
    "E10-transformer", "transformer apparent power at peak over its rating", unit="1", axis="device", sense="most",
    scale=1.0, clause="IEC 60076-7: continuous loading at most rated (unverified)",
)  # fmt: skip
def transformer(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _of_kind(facility, arrays, "transformer")


@rule(
    "E20-utility", "mean utility power over the connection's rating", unit="1", axis="device", sense="most", scale=1.0,
    clause="the layout's utility.rating",
)  # fmt: skip
def utility(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _of_kind(facility, arrays, "utility")


@rule(
    "E4-voltage", "lowest voltage at a rack's live feeds over nominal", unit="1", axis="rack", sense="least", scale=1.0,
    clause="IEC 60364-5-52 annex G: total drop at most 5 % (unverified)",
)  # fmt: skip
def voltage(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    volts = np.asarray(arrays["feed_voltage"], dtype=np.float64)
    return np.where(volts > 0, volts, np.nan), np.full((1, 1), 0.95)
