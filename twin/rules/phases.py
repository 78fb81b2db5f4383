"""Rules on unequal phases."""

from __future__ import annotations

import numpy as np

from twin.facility import Facility
from twin.rules.registry import Array, Arrays, rule

UNBALANCE = 0.02
"""Negative over positive sequence voltage."""


@rule(
    "E19-unbalance", "voltage unbalance at peak at a device's bus", unit="1", axis="device", sense="most",
    scale=UNBALANCE, clause="NEMA MG1 and IEC 61000-2-4: at most 2 % (unverified)",
)  # fmt: skip
def unbalance(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["voltage_unbalance"]), np.full((1, 1), UNBALANCE)


@rule(
    "E19-neutral", "neutral current at peak in the run to a device over its rated current", unit="1", axis="device",
    sense="most", scale=1.0, clause="conductor product: ratedCurrent; the neutral has the section of a phase (assumed)",
)  # fmt: skip
def neutral(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["neutral_current"]) / facility.chain.run_rating, np.ones((1, 1))
