"""Every design rule as a margin on a state, and the worst of each as a finding."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.facility import Facility
from twin.rules import RULES, margins

Array = npt.NDArray[np.float64]

NEGLIGIBLE = 1e-6
"""Relative margin that the solver's residual cannot tell from none."""
UNKNOWN = 1e6
"""Stands for an uncertainty that is not known, so that of such margins the least still is the worst."""


@dataclass(frozen=True)
class Finding:
    """The worst element and scenario of one rule; `relative` is the margin over the rule's scale.

    uncertainty : half width of the margin's 95 % interval, 0 where it is exact, infinite where not known.
    """

    code: str
    title: str
    element: str
    scenario: int
    value: float
    limit: float
    margin: float
    relative: float
    unit: str
    clause: str
    uncertainty: float = 0.0

    @property
    def undecided(self) -> bool:
        """Whether the limit lies within the interval of the value."""
        return abs(self.margin) < self.uncertainty


def check(facility: Facility, state: xr.Dataset) -> xr.Dataset:
    """Margins of every rule, one variable per code, (scenario, element); positive = inside the limit.

    state : from `solve(keep="racks")` or "all".

    >>> import twin
    >>> facility = twin.load()
    >>> verdict = twin.check(facility, twin.solve(facility))
    >>> bool((verdict["E1-panel"].min() > 0).item())
    True
    """
    found = margins(facility, _arrays(state))
    labels: dict[str, Any] = {
        "scenario": state.scenario.values,
        "rack": list(facility.racks.name),
        "block": list(facility.blocks),
        "plant": list(facility.plants),
        "device": list(facility.devices.name),
    }
    labels |= {
        f"{code}_element": list(rule.elements(facility))
        for code, rule in RULES.items()
        if rule.axis == "site"
    }
    return xr.Dataset(found, labels, {"title": f"{facility.name}: margins, positive inside the limit"})


def _arrays(state: xr.Dataset) -> Mapping[str, Array]:
    if "power" not in state:
        raise ValueError('rules judge racks and devices: solve with keep="racks" or "all"')
    return {str(name): variable.values for name, variable in state.data_vars.items()}


def findings(facility: Facility, state: xr.Dataset) -> list[Finding]:
    """The worst element of every rule over all scenarios, smallest relative margin first.

    A rule that has nothing to judge (no such element, or no scenario with a solution) has no finding. Where values have
    an uncertainty the worst is the worst of those that are surely outside, else the one that may be furthest outside.
    """
    arrays = _arrays(state)
    listed = []
    for code, rule in RULES.items():
        margin = rule.margin(facility, arrays)
        if margin.size == 0 or np.isnan(margin).all():
            continue
        value, limit = (np.broadcast_to(part, margin.shape) for part in rule.evaluate(facility, arrays))
        unsure = np.broadcast_to(rule.uncertainty(arrays), margin.shape)
        surely = np.where(margin < -np.maximum(unsure, NEGLIGIBLE * rule.scale), margin, np.nan)
        worst = margin - np.minimum(unsure, UNKNOWN) if np.isnan(surely).all() else surely
        scenario, element = np.unravel_index(np.nanargmin(worst), margin.shape)
        at = (scenario, element)
        listed.append(
            Finding(
                code, rule.title, rule.elements(facility)[element], int(scenario), float(value[at]), float(limit[at]),
                float(margin[at]), float(margin[at] / rule.scale), rule.unit, rule.clause,
                float(unsure[at]),
            )
        )  # fmt: skip
    return sorted(listed, key=lambda finding: finding.relative)


def table(listed: list[Finding]) -> str:
    """Findings as CSV with a header, values in SI units named by the column `unit`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("code", "title", "element", "scenario", "value", "limit", "margin", "relative", "unit", "clause",
             "uncertainty", "undecided")  # fmt: skip
    writer.writerow(names)
    for finding in listed:
        writer.writerow(
            [f"{item:.6g}" if isinstance(item := getattr(finding, name), float) else item for name in names]
        )
    return out.getvalue()
