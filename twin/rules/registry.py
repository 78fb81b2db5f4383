"""How a design rule is written down: one decorated function giving value and limit per element.

A rule is numpy: rule(facility, arrays) -> (value, limit), each (scenario, element). Its margin is positive inside
the limit and negative outside: an array to rank, to map on the hall, or to constrain an optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.facility import DEVICE_KINDS, Facility

Array = npt.NDArray[np.float64]
Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """code, title, unit of value and limit, element axis, sense ("most" or "least"), scale, clause, evaluate.

    scale : the margin that weighs as much as a whole rating, so that margins of all units can be ranked.
    clause : document and number; "(unverified)" where it was not read in its source.
    elements : names of the elements, when they are not the labels of the axis. unsure : variable that tells the half
    width of the value's interval, empty where it has none.
    """

    code: str
    title: str
    unit: str
    axis: str
    sense: str
    scale: float
    clause: str
    evaluate: Callable[[Facility, Arrays], tuple[Array, Array]]
    elements: Callable[[Facility], tuple[str, ...]]
    unsure: str = ""

    def margin(self, facility: Facility, arrays: Arrays) -> Array:
        """(scenario, element), positive inside the limit; NaN without a solution or where nothing is to judge."""
        value, limit = self.evaluate(facility, arrays)
        margin = np.asarray(limit - value if self.sense == "most" else value - limit, dtype=np.float64)
        return np.broadcast_to(margin, (len(arrays["converged"]), margin.shape[-1]))

    def uncertainty(self, arrays: Arrays) -> Array:
        """Half width of the interval of the margin, as it broadcasts to (scenario, element); 0 where it is exact."""
        if self.unsure not in arrays:
            return np.zeros((1, 1))
        half = np.asarray(arrays[self.unsure], dtype=np.float64)
        return np.where(np.isnan(half), 0.0, half)


def loading(facility: Facility, arrays: Arrays, kind: str) -> tuple[Array, Array]:
    """Load over rating of the devices of one kind and its limit of one; NaN for the other devices."""
    mine = facility.devices.kind == DEVICE_KINDS.index(kind)
    return np.where(mine, arrays["device_loading"], np.nan), np.ones((1, 1))


Labelled = tuple[tuple[str, str], Array, dict[str, str]]
"""Dims, values and attributes of a labelled variable."""


def margins(facility: Facility, arrays: Arrays) -> dict[str, Labelled]:
    """Margins of every rule on the arrays of a chunk or a state, by code, (scenario, element)."""
    found = {}
    for code, one in RULES.items():
        dim = f"{code}_element" if one.axis == "site" else one.axis
        attrs = {"units": one.unit, "long_name": one.title, "clause": one.clause}
        found[code] = (("scenario", dim), one.margin(facility, arrays), attrs)
    return found


def worst(facility: Facility, arrays: Arrays) -> dict[str, Array]:
    """Worst margin of every rule over its scale, and the index of the element that has it, (scenario, rule) each.

    NaN and -1 where a rule has nothing to judge.
    """
    margin, element = [], []
    for one in RULES.values():
        found = one.margin(facility, arrays) / one.scale
        judged = np.where(np.isnan(found), np.inf, found)
        place = judged.argmin(axis=-1) if found.shape[-1] else np.full(len(found), -1)
        least = judged.min(axis=-1, initial=np.inf)
        margin.append(np.where(np.isfinite(least), least, np.nan))
        element.append(np.where(np.isfinite(least), place, -1))
    return {"worst_margin": np.stack(margin, axis=-1), "worst_element": np.stack(element, axis=-1)}


RULES: dict[str, Rule] = {}


def rule(
    code: str, title: str, *, unit: str, axis: str, sense: str, scale: float, clause: str,
    elements: Callable[[Facility], tuple[str, ...]] | None = None, unsure: str = "",
) -> Callable[[Callable[[Facility, Arrays], tuple[Array, Array]]], Rule]:  # fmt: skip
    """Register a rule under its code."""

    def register(evaluate: Callable[[Facility, Arrays], tuple[Array, Array]]) -> Rule:
        made = Rule(
            code, title, unit, axis, sense, scale, clause, evaluate, elements or _LABELS[axis], unsure
        )
        if code in RULES:
            raise ValueError(f"two rules have the code {code}")
        RULES[code] = made
        return made

    return register


_LABELS: dict[str, Callable[[Facility], tuple[str, ...]]] = {
    "site": lambda facility: (facility.name,),
    "rack": lambda facility: facility.racks.name,
    "block": lambda facility: facility.blocks,
    "device": lambda facility: facility.devices.name,
}
