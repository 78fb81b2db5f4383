"""Transformers over a profile of load and weather: temperatures that lag, and the life they use up."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr

from electrical import ageing as paper
from twin.equilibrium import solve
from twin.facility import Facility
from twin.operation import Operation, resolve
from twin.plant.harmonic import OIL_EXPONENT, WINDING_EXPONENT

OIL_TIME, WINDING_TIME = 180 * 60.0, 4 * 60.0
"""Time constants of distribution transformers whose oil and air move by themselves [s], and K11, K21, K22 the factors
of their model: IEC 60076-7 as two public programs quote it."""
K11, K21, K22 = 1.0, 1.0, 2.0
NORMAL_LIFE = 180_000 * 3600.0
"""Of transformer insulation [s]: 180,000 h by IEEE C57.91 (unverified)."""


def ageing(facility: Facility, operation: Operation, step: float) -> xr.Dataset:
    """Temperatures and ageing of the transformers over scenarios that follow each other.

    operation : its scenarios are the profile, in the order of time. step : length of each [s]. Before the first the
    transformers have settled at it; one that is out cools down to ambient. Normal paper. NaN from a scenario without
    a solution on, and where a product tells no temperature rises.

    >>> import twin
    >>> day = ageing(twin.load(), twin.Operation(dry_bulb=[303.15, 313.15, 303.15]), 3600.0)
    >>> day.hot_spot_temperature.dims, bool((day.equivalent_ageing < 1.0).all())
    (('scenario', 'device'), True)
    """
    windings = facility.windings
    resolved = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    count = max(len(getattr(resolved, item.name)) for item in fields(resolved))
    state = solve(facility, resolved).isel(device=windings.device)
    load, alive = state.heating_load.values.T, state.device_alive.values.T == 1
    # An open transformer lacks its no-load loss too: as if the air were colder by the rise that it makes.
    idle = np.asarray(
        paper.top_oil_rise(np.zeros(len(load)), windings.oil_rise, windings.loss_ratio, OIL_EXPONENT)
    )
    around = np.broadcast_to(resolved.dry_bulb, (count,)) - np.where(alive, 0.0, idle[:, None])
    found = paper.temperatures(
        load, around, step, windings.oil_rise, windings.hot_spot_rise, windings.loss_ratio,
        OIL_TIME, WINDING_TIME, OIL_EXPONENT, WINDING_EXPONENT, K11, K21, K22,
    )  # fmt: skip
    rate = paper.ageing_rate(found.hot_spot)

    def along(values: Any, unit: str, meaning: str) -> tuple[tuple[str, str], Any, dict[str, str]]:
        return ("scenario", "device"), values.T, {"units": unit, "long_name": meaning}

    def over(values: Any, meaning: str) -> tuple[str, Any, dict[str, str]]:
        return "device", values, {"units": "1", "long_name": meaning}

    return xr.Dataset(
        {
            "top_oil_temperature": along(found.top_oil, "K", "top oil at the end of the step"),
            "hot_spot_temperature": along(found.hot_spot, "K", "hot spot at the end of the step"),
            "ageing_rate": along(rate, "1", "ageing at that hot spot over the normal rate"),
            "equivalent_ageing": over(
                paper.equivalent_ageing(rate, step), "mean ageing rate over the profile"
            ),
            "life_lost": over(
                paper.loss_of_life(rate, step) / NORMAL_LIFE, "share of the normal life used up"
            ),
        },
        coords={
            "device": state.device.values,
            "elapsed": ("scenario", step * np.arange(1.0, count + 1.0), {"units": "s"}),
        },
        attrs={"title": facility.name, "fingerprint": facility.fingerprint},
    )
