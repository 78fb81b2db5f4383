"""The loop: power -> heat -> temperatures and currents -> limits -> allocation -> power, per scenario.

`solve` makes the scenario axis and cuts it into chunks; `equilibrium` is one chunk in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.allocate import Caps, allocate
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import demand
from twin.facility import OWN_CAUSES, REASONS, Facility
from twin.operation import OPERATING, Operation, resolve
from twin.plant.cooling import Heat, heat
from twin.plant.limit import Limits, limits
from twin.plant.loop import Flow, flow, rack_heat
from twin.plant.power import Feed, feed
from twin.plant.supply import Supply, supplied
from twin.plant.water import HOTTEST
from twin.result import result
from twin.state import dataset, kept

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-9
"""Relative change of rack power, and kelvin of supply temperature times ten, at which a scenario has settled."""
PASSES = 60
CHUNK = 100_000
"""Scenario x rack in one chunk."""


@dataclass(frozen=True)
class _Pair:
    """Supply temperatures of loop and air, (scenario, 2, block), and where they drive themselves."""

    present: Array
    ahead: Array


Also = Callable[[Facility, Mapping[str, Any]], Mapping[str, Array]]


def solve(
    facility: Facility, operation: Operation | None = None, keep: str = "racks", also: Also | None = None
) -> xr.Dataset:
    """The settled state of the facility in every scenario of `operation`, as a labelled Dataset.

    keep : "summary", "racks" or "all", the variables returned (`twin.state.VARIABLES`).
    also : called on the arrays of each chunk; what it returns is stored under its names.
    A scenario without a solution has converged = 0, a reason, and NaN results; no other scenario feels it.

    >>> import twin
    >>> state = twin.solve(twin.load(), twin.Operation(dry_bulb=[293.15, 308.15]), keep="summary")
    >>> bool(state.converged.all()), bool((state.pue[0] < state.pue[1]).item())
    (True, True)
    """
    names = kept(keep)
    resolved = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    count = max(len(getattr(resolved, item.name)) for item in fields(resolved))
    step = max(1, CHUNK // len(facility.racks.name))
    parts: list[dict[str, Any]] = []
    extra: list[Mapping[str, Any]] = []
    for start in range(0, count, step):
        arrays = equilibrium(facility, resolved.chunk(start, min(start + step, count)))
        if also is not None:
            extra.append(also(facility, arrays))
        parts.append({name: arrays[name] for name in names})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in names}
    found = dataset(facility, joined, keep, _coordinates(resolved, count))
    for name in extra[0] if extra else ():
        values = [part[name] for part in extra]
        found[name] = (values[0][0], np.concatenate([value[1] for value in values]), values[0][2])
    return found


def _coordinates(operation: Operation, count: int) -> dict[str, tuple[Array, str]]:
    """The operating fields that vary by scenario alone, as coordinates named by their layout path."""
    found = {}
    for path, row in OPERATING.items():
        values = getattr(operation, row.field)
        values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        if count > 1 and len(values) == count and values.ndim == 1:
            found[path] = (values, row.unit)
    return found


def equilibrium(facility: Facility, operation: Operation) -> dict[str, Any]:
    """One chunk: every variable of the table as an array, (scenario, ...).

    operation : resolved, every field (scenario or 1, ...). Iterates until each scenario's rack power moves less
    than TOLERANCE and its supply temperatures stand; a settled scenario is dropped from the iteration.
    """
    count = max(len(getattr(operation, item.name)) for item in fields(operation))
    operation = replace(operation, dry_bulb=np.broadcast_to(operation.dry_bulb, (count,)))
    supply = supplied(facility, operation)
    law, service = demand(facility, operation, supply)
    racks, blocks = len(facility.racks.name), len(facility.blocks)
    temperature = np.broadcast_to(operation.supply_temperature, (count, blocks)).copy()
    air = np.broadcast_to(operation.air_temperature, (count, blocks)).copy()
    powered = np.broadcast_to(supply.powered[:, :racks], (count, racks))
    shelf = laws.ac_power(law.rating, law)
    power = np.where(powered, np.minimum(np.minimum(law.demand, shelf), operation.power_cap), 0.0)
    power = np.broadcast_to(power, (count, racks)).copy()

    settled = np.zeros(count, dtype=bool)
    reason = np.full(count, REASONS.index("not_settled"))
    residual = np.full(count, np.inf)
    passes = np.zeros(count, dtype=np.int64)
    price = np.full((count, len(facility.shared.device)), np.nan)
    binding = np.zeros((count, racks), dtype=np.int64)
    lost = np.zeros((count, racks), dtype=bool)
    held = np.full((count, racks), -1, dtype=np.int64)

    active = np.arange(count)
    here = (operation, supply, law)
    state = _state(facility, *here, power, temperature, air)
    before: _Pair | None = None
    bound: Limits | None = None
    for step in range(1, PASSES + 1):
        moving, warm, mean, peak = state
        now, air_now = temperature[active], air[active]
        bound = limits(facility, *here, power[active], now, moving, warm, peak, mean, bound)
        caps = allocate(
            here[2], laws.floor(here[2]), bound.ceiling, bound.share, bound.capacity, facility.policy
        )
        # A scenario whose floors do not fit has no power; its floor stands in until it is dropped below.
        moved = np.where(caps.settled[:, None], caps.power, laws.floor(here[2]))
        binding[active], held[active] = _binding(facility, here[2], bound, caps)
        price[active], lost[active] = caps.price, bound.lost
        change = np.abs(moved - power[active]).max(axis=-1) / np.maximum(np.abs(moved).max(axis=-1), 1.0)
        power[active] = moved
        state = _state(facility, *here, moved, now, air_now)
        warm = state[1]
        ahead = np.minimum(np.stack([warm.water.loop_next, warm.hall.air_next], axis=1), HOTTEST)
        present = np.stack([now, air_now], axis=1)
        drift = np.abs(ahead - present).max(axis=(-2, -1))
        residual[active], passes[active] = change, step
        done = (change < TOLERANCE) & (drift < TOLERANCE * 100)
        # Floors that do not fit are judged at the floors themselves, not from a load further up.
        failed = ~caps.settled & (change < TOLERANCE)
        broken = ~(state[2].converged & state[3].converged) & caps.settled
        boiling = (np.minimum(present, ahead) >= HOTTEST).any(axis=(-2, -1))
        reason[active[failed]] = REASONS.index("floors_exceed_limit")
        reason[active[broken]] = REASONS.index("no_voltage_solution")
        reason[active[boiling]] = REASONS.index("no_heat_sink")
        good = done & ~failed & ~broken & ~boiling
        settled[active[good]] = True
        reason[active[good]] = REASONS.index("none")
        go = ~(done | failed | broken | boiling)
        if not go.any():
            break
        present, ahead = present[go], ahead[go]
        active = active[go]
        here = _take((operation, supply, law), active, count)
        state, bound, before = _take((state, bound, before), np.flatnonzero(go), len(go))
        following = np.minimum(_advance(present, ahead, before), HOTTEST)
        temperature[active], air[active] = following[:, 0], following[:, 1]
        before = _Pair(present, ahead)
    final = _state(facility, operation, supply, law, power, temperature, air)
    found = {
        "converged": settled,
        "reason": reason,
        "residual": residual,
        "passes": passes,
        "price": price,
        "binding": binding,
        "binding_device": held,
        "lost": lost,
    }
    return result(facility, operation, supply, law, service, power, temperature, air, *final, found)


def _state(
    facility: Facility,
    operation: Operation,
    supply: Supply,
    law: Law,
    power: Array,
    temperature: Array,
    air: Array,
) -> tuple[Flow, Heat, Feed, Feed]:
    """Flows, heat and the one-line (at mean and at peak power) for given rack power and supply temperatures."""
    liquid, warm = rack_heat(facility, law, power)
    moving = flow(facility, supply, liquid, temperature)
    hot = heat(facility, operation, supply, moving, liquid, warm, temperature, air)
    mean = feed(facility, operation, supply, power, hot)
    if np.all(operation.edp_factor == 1.0):
        return moving, hot, mean, mean
    return moving, hot, mean, feed(facility, operation, supply, power * operation.edp_factor[:, None], hot)


def _advance(present: Array, ahead: Array, before: _Pair | None) -> Array:
    """Next supply temperatures: a secant on `ahead(present) = present`, its slope kept where it contracts.

    The heat that a warmer supply drives falls, so the slope is negative; outside [-9, 0.5] the last two points
    tell of another regime and the bounded slope is a damped step.
    """
    if before is None:
        return ahead
    run = present - before.present
    moved = np.abs(run) > 1e-9
    slope = np.clip(np.where(moved, (ahead - before.ahead) / np.where(moved, run, 1.0), 0.0), -9.0, 0.5)
    return np.asarray(present + (ahead - present) / (1.0 - slope))


def _binding(facility: Facility, law: Law, bound: Limits, caps: Caps) -> tuple[npt.NDArray[np.int64], ...]:
    """Code of what holds each rack, and the device that does (-1 for the rack's own limits)."""
    limit = np.maximum(caps.binding, 0)
    shared = caps.binding >= 0
    kind = len(OWN_CAUSES) + facility.shared.kind[limit]
    return np.where(shared, kind, bound.cause), np.where(shared, facility.shared.device[limit], -1)


def _take(value: Any, index: npt.NDArray[np.int64], count: int) -> Any:
    """The scenarios `index` of everything in a (nested) value whose leading axis spans `count` scenarios."""
    if isinstance(value, np.ndarray):
        return value[index] if value.ndim and value.shape[0] == count and count > 1 else value
    if isinstance(value, tuple):
        return tuple(_take(item, index, count) for item in value)
    if isinstance(value, Mapping):
        return {key: _take(item, index, count) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _take(getattr(value, f.name), index, count) for f in fields(value)})
    return value
