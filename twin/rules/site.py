"""Rules on the facility as a whole."""

from __future__ import annotations

import numpy as np

from twin.facility import Facility
from twin.rules.registry import Array, Arrays, rule

TOLERANCE = {"power": 1e-9, "rack": 1e-6, "heat": 1e-6}
"""What a ledger may miss of its total: power is a sum of the same terms, heat carries the solver's residual."""


@rule(
    "S1-solved", "the scenario has a steady state", unit="1", axis="site", sense="least", scale=1.0,
    clause="converged, with no floor above a limit",
)  # fmt: skip
def solved(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["converged"], dtype=np.float64)[:, None] - 0.5, np.zeros((1, 1))


@rule(
    "S2-ledger", "error of the power, rack and heat ledgers over its tolerance", unit="1", axis="site", sense="most",
    scale=1.0, clause="conservation of energy: 1e-9 of the utility's power, 1e-6 for the heat of racks and site",
    elements=lambda facility: tuple(TOLERANCE),
)  # fmt: skip
def ledger(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    terms = [np.abs(arrays[f"ledger_{name}"]) / most for name, most in TOLERANCE.items()]
    return np.stack(terms, axis=-1), np.ones((1, 1))


@rule(
    "S3-serving", "the rack gives tokens: it has power, cooling and a service that meets the target", unit="1",
    axis="rack", sense="least", scale=1.0, clause="every installed rack with GPUs serves",
)  # fmt: skip
def serving(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    tokens = np.asarray(arrays["tokens"], dtype=np.float64)
    idle = np.isnan(tokens) | (facility.racks.gpus == 0)
    return np.where(idle, np.nan, (tokens > 0) - 0.5), np.zeros((1, 1))
