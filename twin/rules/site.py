"""Rules on the facility as a whole."""

from __future__ import annotations

import numpy as np

from twin.facility import Facility
from twin.rules.registry import Array, Arrays, rule


@rule(
    "S1-solved", "the scenario has a steady state", unit="1", axis="site", sense="least", scale=1.0,
    clause="converged, with no floor above a limit",
)  # fmt: skip
def solved(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["converged"], dtype=np.float64)[:, None] - 0.5, np.zeros((1, 1))


@rule(
    "S2-ledger", "power, rack and heat ledgers close to a millionth", unit="1", axis="site", sense="most", scale=1e-6,
    clause="conservation of energy: 1e-9 for power, 1e-6 for heat",
    elements=lambda facility: ("power", "rack", "heat"),
)  # fmt: skip
def ledger(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    terms = np.stack([np.abs(arrays[f"ledger_{name}"]) for name in ("power", "rack", "heat")], axis=-1)
    return terms, np.array([[1e-9, 1e-6, 1e-6]])


@rule(
    "S3-serving", "racks that give no tokens for want of power, cooling or a service that meets the target", unit="1",
    axis="rack", sense="least", scale=1.0, clause="every installed rack serves",
)  # fmt: skip
def serving(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    tokens = np.asarray(arrays["tokens"], dtype=np.float64)
    return np.where(np.isnan(tokens), np.nan, (tokens > 0) - 0.5), np.zeros((1, 1))
