"""Rules on the one-line."""

from __future__ import annotations

import numpy as np

from electrical import contingency
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
    "E2-ampacity", "current at peak in the conductor to a device over what it carries where it lies", unit="1",
    axis="device", sense="most", scale=1.0,
    clause="conductor product: ratedCurrent at its ambient; whips NEC 310.16 and IEC 60364-5-52 (unverified)",
)  # fmt: skip
def ampacity(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["run_loading"]), np.ones((1, 1))


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
    "E4-voltage", "lowest voltage at a rack's live feeds over nominal", unit="1", axis="rack", sense="least",
    scale=0.05, clause="IEC 60364-5-52 annex G: total drop at most 5 % (unverified)",
)  # fmt: skip
def voltage(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    volts = np.asarray(arrays["feed_voltage"], dtype=np.float64)
    return np.where(volts > 0, volts, np.nan), np.full((1, 1), 0.95)


@rule(
    "E13-independence", "every feed of a rack reaches the utility on a way of its own", unit="1", axis="rack",
    sense="least", scale=1.0, clause="the layout's feeds: no device but the only utility in common",
)  # fmt: skip
def independence(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    """Half a unit above zero where all feeds are independent, and a unit lower for each one that is not."""
    chain, count = facility.chain, len(facility.racks.name)
    mine = np.flatnonzero(chain.feed_load < count)
    load = chain.feed_load[mine]
    way = contingency.paths(chain.parent, chain.node_device, chain.feed_node[mine])
    own = contingency.independent_feeds(
        way, load, count, contingency.only_source(chain.parent, chain.node_device)
    )
    value = own - np.bincount(load, minlength=count) + 0.5
    return np.broadcast_to(value, (len(arrays["converged"]), count)), np.zeros((1, 1))


@rule(
    "E4-feeder", "voltage that one conductor loses at peak over nominal", unit="1", axis="device", sense="most",
    scale=0.03, clause="NEC 215.2, informational note: 3 % in a feeder (unverified)",
)  # fmt: skip
def feeder(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["voltage_drop"]), np.full((1, 1), 0.03)
