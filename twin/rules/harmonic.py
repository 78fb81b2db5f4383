"""Rules on harmonics and on the temperature of transformers."""

from __future__ import annotations

import numpy as np

from electrical import ageing, harmonics
from twin.facility import Facility
from twin.plant.harmonic import bus_voltage, demand_current, short_circuit_current
from twin.rules.registry import Array, Arrays, rule

HOT_SPOT = 393.15
"""Of the hot spot in normal cyclic loading, 120 degC."""

TABULATED = 69e3
"""Voltage up to which the limits of the demand current hold [V]; above it nothing is judged."""


@rule(
    "E18-voltage", "harmonics over the fundamental of the voltage at a device's bus", unit="1", axis="device",
    sense="most", scale=0.08,
    clause="IEEE 519-2022, table 1, made for the point of connection: 8 % up to 1 kV, 5 % up to 69 kV (unverified)",
)  # fmt: skip
def voltage(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    _, limit = harmonics.voltage_limits(np.nan_to_num(bus_voltage(facility)))
    return np.asarray(arrays["voltage_distortion"]), np.asarray(limit)[None]


@rule(
    "E18-demand", "harmonics of the utility's current over its demand current", unit="1", axis="device", sense="most",
    scale=0.05, clause="IEEE 519-2022, table 2, up to 69 kV, by short-circuit over demand current (unverified)",
)  # fmt: skip
def demand(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    found = np.asarray(arrays["current_distortion"], dtype=np.float64)
    judged = (np.arange(found.shape[1]) == 0) & (bus_voltage(facility)[0] <= TABULATED)
    ratio = short_circuit_current(facility) / demand_current(facility)
    return np.where(judged, found, np.nan), np.full((1, 1), harmonics.demand_limit(ratio))


@rule(
    "E11-harmonic", "transformer current at peak over what it may carry under distortion", unit="1", axis="device",
    sense="most", scale=1.0, clause="IEEE C57.110 (unverified); transformer product: rating, eddyLossRatio",
)  # fmt: skip
def permitted(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    windings = facility.windings
    mine = windings.device
    load, distortion, factor = (
        np.asarray(arrays[name], dtype=np.float64)[:, mine]
        for name in ("device_loading", "current_distortion", "harmonic_loss_factor")
    )
    value = np.full(np.shape(arrays["device_loading"]), np.nan)
    value[:, mine] = (
        load * np.hypot(1.0, distortion) / harmonics.permitted_current(windings.eddy, 0.0, factor, 1.0)
    )
    return value, np.ones((1, 1))


@rule(
    "E10-hot-spot", "steady hot spot of a transformer at mean power", unit="K", axis="device", sense="most", scale=20.0,
    clause="IEC 60076-7, table 2: 120 degC in normal cyclic loading, as a public program quotes it",
)  # fmt: skip
def hot_spot(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["hot_spot_temperature"]), np.full((1, 1), HOT_SPOT)


@rule(
    "E10-ageing", "ageing of a transformer at its steady hot spot over the normal rate", unit="1", axis="device",
    sense="most", scale=1.0, clause="IEC 60076-7: normal paper, rate 1 at 98 degC",
)  # fmt: skip
def rate(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(ageing.ageing_rate(np.asarray(arrays["hot_spot_temperature"]))), np.ones((1, 1))
