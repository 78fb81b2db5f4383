"""What a limit is worth: differences of the whole solve, one step up and one step down.

The allocator's own price only ranks: a chip that throttles on a shared loop warms its neighbours outside it, and of
equal devices in parallel only one carries a price. A difference of the solve sees all of that, so `up` and `down`
may differ: one more kilowatt at one of four equal panels brings nothing, one less costs what the family is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.equilibrium import solve
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility
from twin.operation import OPERATING, Operation, resolve

WATTS = 1e3
"""Step at a rating in watts or volt-amperes: far below any rating, far above the solver's residual."""
KELVINS = 0.1
"""Step of a temperature."""
TEMPERATURES = ("site.dry_bulb", "loop.supply_temperature", "air.supply_temperature")


@dataclass(frozen=True)
class Price:
    """Tokens per second that one unit more (`up`) brings and that one unit less (`down`) costs, both signed so
    that positive is worth having; `unit` is of the step (W, VA or K). racks : held by the limit."""

    name: str
    kind: str
    unit: str
    up: float
    down: float
    racks: int


def prices(facility: Facility, operation: Operation | None = None) -> list[Price]:
    """Worth of every shared limit that holds a rack, then of each temperature that moves the tokens.

    operation : one scenario. Dearest limit first; NaN where a step has no solution or leaves the range of the
    temperature, nothing where the scenario itself has none. Six to ten solves.

    >>> import twin
    >>> pod = twin.load()
    >>> [price.name for price in prices(pod, twin.Operation(utility_cap=2.0e6)) if price.unit == "W"]
    ['utility']
    """
    base = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    if max(len(getattr(base, item.name)) for item in fields(base)) != 1:
        raise ValueError("prices takes one scenario")
    state = solve(facility, base, keep="racks")
    tokens = float(state.tokens_per_second.values[0])
    holder = state.binding_device.values[0]
    found = []
    for device in np.unique(holder[holder >= 0]):
        alive = state.device_alive.values[0] == 1
        up, down = (_tokens(*_rated(facility, base, int(device), alive, step)) for step in (WATTS, -WATTS))
        kind = DEVICE_KINDS[facility.devices.kind[device]]
        unit = "VA" if kind == "transformer" else "W"
        number = int((holder == device).sum())
        name = facility.devices.name[device]
        found.append(Price(name, kind, unit, (up - tokens) / WATTS, (tokens - down) / WATTS, number))
    found.sort(key=lambda price: -max(price.up, price.down))
    for path in TEMPERATURES:
        up, down = (_warmer(facility, base, path, step) for step in (KELVINS, -KELVINS))
        if np.fmax(abs(up - tokens), abs(tokens - down)) > 1e-9 * tokens:
            found.append(
                Price(path, "temperature", "K", (up - tokens) / KELVINS, (tokens - down) / KELVINS, 0)
            )
    return found


def _tokens(facility: Facility, operation: Operation) -> float:
    return float(solve(facility, operation, keep="summary").tokens_per_second.values[0])


def _warmer(facility: Facility, operation: Operation, path: str, step: float) -> float:
    """Tokens per second with one temperature moved; NaN where that leaves its range."""
    row = OPERATING[path]
    moved = getattr(operation, row.field) + step
    if moved.min() < row.least or moved.max() > row.most:
        return np.nan
    return _tokens(facility, replace(operation, **{row.field: moved}))


def _rated(
    facility: Facility, operation: Operation, device: int, alive: npt.NDArray[np.bool_], step: float
) -> tuple[Facility, Operation]:
    """The facility with one rating moved; the utility's cap moves with its rating.

    Cooling units of one kind carry a limit together: the step is spread over those `alive`, equal as they are.
    """
    devices = facility.devices
    kind = DEVICE_KINDS[devices.kind[device]]
    rating = devices.rating.copy()
    if kind in COOLING_KINDS:
        fellows = (devices.kind == devices.kind[device]) & (devices.block == devices.block[device])
        rating[fellows] += step / (fellows & alive).sum()
    else:
        rating[device] += step
    moved: Any = replace(facility, devices=replace(devices, rating=rating))
    if kind == "utility":
        operation = replace(operation, utility_cap=operation.utility_cap + step)
    return moved, operation
