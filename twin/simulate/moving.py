"""What is stored from one step to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thermal import line

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moving:
    """What is stored, (scenario, ...)."""

    supply_line: line.Line
    return_line: line.Line
    inlet: Array
    """(scenario, block) coolant at the racks [K]."""
    rack: Array
    """(scenario, rack) enthalpy of the coolant in each rack [J/kg]."""
    case: Array
    facility: Array
    """(scenario, plant) facility water to the CDUs [K]."""
    chilled: Array
    """(scenario, block) chilled water to the fan walls [K]."""
    front: Array
    """(scenario, block) air at the rack fronts [K]."""
    valve: Array
    """(scenario, rack) heat for which the valve stands [W]."""
    speed: Array
    """(scenario, device) of cooling devices over full."""
    waiting: Array
    """(scenario, device) time since the device has power again [s]."""
    battery: Array
    """(scenario, device) energy left in the UPS [J], NaN for other devices and those without a figure."""
    walked: Array
    """(scenario, device) of its rating that the rectifier of a UPS may draw since power is back; 1 in service."""
    tripped: npt.NDArray[np.bool_]
