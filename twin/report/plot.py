"""What the page's script draws: the hall, racks and devices, as plain values for JSON."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.colour import COLOURED, UNSURE, scale_of
from twin.facility import DEVICE_KINDS, Facility
from twin.interior import standing
from twin.units import shown

Array = npt.NDArray[np.float64]

DRAWN = ("cdu", "fan_wall")
"""Devices that stand in the hall."""
MANY = 6
"""Blocks up to which the hall shows them all at first."""
MOST = 60
"""Devices beyond which only the most loaded FEW of each kind are drawn; of the whips it is always one."""
FEW = 5


def plots(facility: Facility, one: xr.Dataset, variable: str) -> dict[str, Any]:
    """All that the script needs; texts are escaped, for plotly reads a little HTML in them.

    one : one scenario of a state. variable : what colours the racks at first, one of `rack_variables`.
    Of many blocks the hall shows one at first, that of the rack with the greatest value.
    """
    names = list(COLOURED) if variable in COLOURED else [variable, *COLOURED]
    racks, worst = facility.racks, np.nan_to_num(one[variable].values, nan=-np.inf)
    return {
        "blocks": _escaped(facility.blocks),
        "start": int(racks.block[np.argmax(worst)]) if len(facility.blocks) > MANY else -1,
        "racks": {
            "name": _escaped(racks.name),
            "type": _escaped(kind.name for kind in racks.types),
            "of": racks.type.tolist(),
            "block": racks.block.tolist(),
            "box": _rounded(racks.box.reshape(-1, 6), 6),
            "variables": [_variable(one, name) for name in names],
            "first": names.index(variable),
            "demand": _rounded(shown(one["demand"].values, "W")[0], 5),
            "limit": _limits(facility),
        },
        "solids": [_solids(facility, title, mine) for title, mine in standing(facility, DRAWN)],
        "halls": _rounded(facility.hall.reshape(-1, 6), 6),
        "devices": _devices(facility, one),
    }


def _escaped(texts: Any) -> list[str]:
    return [html.escape(str(text)) for text in texts]


def _rounded(values: Array, digits: int) -> Any:
    """Nested lists with so many significant digits, None for what is not finite."""
    if np.ndim(values) > 0:
        return [_rounded(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if math.isfinite(values) else None


def _variable(one: xr.Dataset, name: str) -> dict[str, Any]:
    """Values in the unit people read, and the ends of the colour bar."""
    made = scale_of(name, one)
    told = made.values if name not in UNSURE else made.values.round(made.decimals)
    return {
        "name": name,
        "title": made.title,
        "unit": made.unit,
        "values": _rounded(told, 5),
        "range": [made.least, made.most],
    }


def _limits(facility: Facility) -> list[float | None]:
    """Greatest case temperature of each rack in degC."""
    found: list[float | None] = _rounded(shown(facility.racks.case_limit, "K")[0], 5)
    return found


def _solids(facility: Facility, title: str, mine: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Boxes of some devices."""
    devices = facility.devices
    return {
        "title": title,
        "block": devices.block[mine].tolist(),
        "name": _escaped(devices.name[index] for index in mine),
        "box": _rounded(devices.box[mine].reshape(-1, 6), 6),
    }


def _devices(facility: Facility, one: xr.Dataset) -> dict[str, Any]:
    """The devices to draw, the most loaded last, for plotly draws upwards."""
    devices = facility.devices
    loading, alive = one["device_loading"].values, one["device_alive"].values
    kinds = np.array(DEVICE_KINDS)[devices.kind]
    order = np.argsort(np.where(np.isfinite(loading), -loading, np.inf), kind="stable")
    room = {kind: len(kinds) for kind in DEVICE_KINDS}
    if np.count_nonzero(kinds != "whip") > MOST:
        room = dict.fromkeys(DEVICE_KINDS, FEW)
    room["whip"] = 1
    drawn = []
    for index in order:
        if room[kinds[index]] > 0:
            room[kinds[index]] -= 1
            drawn.append(index)
    drawn.reverse()
    return {
        "name": _escaped(devices.name[index] for index in drawn),
        "kind": [str(kinds[index]).replace("_", " ") for index in drawn],
        "loading": _rounded(100.0 * loading[drawn], 4),
        "out": [bool(alive[index] <= 0) for index in drawn],
        "left": len(kinds) - len(drawn),
    }
