"""The loop: power -> heat -> temperatures and currents -> limits -> allocation -> power, per scenario.

`solve` makes the scenario axis and cuts it into chunks; `equilibrium` is one chunk in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.allocate import Caps, allocate, shed
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import demand
from twin.facility import OWN_CAUSES, REASONS, Facility
from twin.operation import OPERATING, Operation, resolve
from twin.plant.chip import tangent
from twin.plant.cooling import Heat, heat
from twin.plant.limit import Limits, limits
from twin.plant.loop import Flow, flow, rack_heat
from twin.plant.outdoor import HOTTEST
from twin.plant.power import Feed, feed, judged
from twin.plant.supply import Supply, controlled, supplied
from twin.result import result
from twin.rules import RULES, worst
from twin.state import coded, dataset, kept

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-9
"""Relative change of rack power at which a scenario has settled; its temperatures then stand to a hundred times
that in K."""
PASSES = 60
TANGENTS = 3
"""Steps to the demand at the temperatures that it brings; each squares what is left of a few per cent."""
CHUNK = 16_000
"""Scenario x rack in one chunk: its work arrays then weigh little beside the libraries."""


@dataclass(frozen=True)
class _Pair:
    """Temperatures of coolant supply and rack fronts, (scenario, 2, block), and where they drive themselves."""

    present: Array
    ahead: Array


class _State(NamedTuple):
    """What given rack powers and temperatures make of the facility; `after` the outages that the caps survive."""

    flow: Flow
    heat: Heat
    mean: Feed
    peak: Feed
    after: tuple[Feed, ...]


Also = Callable[[Facility, Mapping[str, Any]], Mapping[str, tuple[tuple[str, ...], Array, Mapping[str, str]]]]
"""What else to take from the arrays of a chunk: name -> dims, values, attributes, such as `twin.rules.margins`."""


def solve(
    facility: Facility, operation: Operation | None = None, keep: str = "racks", also: Also | None = None
) -> xr.Dataset:
    """The settled state of the facility in every scenario of `operation`, as a labelled Dataset.

    keep : "summary", "racks" or "all", the variables returned (`twin.state.VARIABLES`).
    also : called on the arrays of each chunk before they are dropped; what it returns is stored under its names.
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
    joined: dict[str, Any] = {}
    extra: list[Mapping[str, Any]] = []
    for start in range(0, count, step):
        stop = min(start + step, count)
        arrays = equilibrium(facility, resolved.chunk(start, stop))
        arrays |= worst(facility, arrays)
        if also is not None:
            extra.append(also(facility, arrays))
        for name in names:
            part = coded(arrays[name])
            if name not in joined:
                joined[name] = np.empty((count, *part.shape[1:]), dtype=part.dtype)
            # A scenario without a solution makes floats of what were codes in the chunks before.
            joined[name] = joined[name].astype(np.result_type(joined[name], part), copy=False)
            joined[name][start:stop] = part
    found = dataset(facility, joined, keep, tuple(RULES), _coordinates(resolved, count))
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
    than TOLERANCE and its temperatures stand, before and after the pass; a settled scenario is dropped.
    """
    count = max(len(getattr(operation, item.name)) for item in fields(operation))
    operation = replace(operation, dry_bulb=np.broadcast_to(operation.dry_bulb, (count,)))
    operation = controlled(facility, operation)
    supply = supplied(facility, operation)
    law, service = demand(facility, operation, supply)
    racks = len(facility.racks.name)
    here = (operation, supply, law)
    power, at = _start(facility, *here, count)

    settled = np.zeros(count, dtype=bool)
    reason = np.full(count, REASONS.index("not_settled"))
    residual, passes = np.full(count, np.inf), np.zeros(count, dtype=np.int64)
    price = np.full((count, len(facility.shared.device)), np.nan)
    binding, held = np.zeros((count, racks), dtype=np.int64), np.full((count, racks), -1, dtype=np.int64)
    lost = np.zeros((count, racks), dtype=bool)
    shed_by = np.full((count, racks), -1)

    active = np.arange(count)
    state = _state(facility, *here, power, at)
    drift = _drift(state.heat, at)
    before: _Pair | None = None
    bound: Limits | None = None
    for step in range(1, PASSES + 1):
        now = tangent(facility, here[0], here[2], power[active], at[active, 0], state.flow.share)
        bound = limits(facility, *here[:2], now, power[active], at[active, 0], at[active, 1], *state, bound)
        on = shed_by[active] < 0
        ceiling = np.where(on, bound.ceiling, 0.0)
        # A rack that its own limits hold at nothing has no floor that weighs on shared ones.
        floor = np.minimum(laws.floor(now), ceiling)
        rows = bound.share, bound.capacity
        caps = allocate(now, floor, ceiling, *rows, facility.policy, facility.racks.priority)
        # A scenario whose floors do not fit has no power; its floor stands in until it is dropped below.
        moved = np.where(caps.settled[:, None], caps.power, floor)
        binding[active], held[active] = _binding(facility, here[1], bound, caps, shed_by[active])
        price[active], lost[active] = bound.by_limit(caps.price / bound.marginal), bound.lost
        change = np.abs(moved - power[active]).max(axis=-1) / np.maximum(np.abs(moved).max(axis=-1), 1.0)
        power[active] = moved
        present = at[active]
        state = _state(facility, *here, moved, present)
        ahead = _ahead(state.heat)
        # The limits judged the state before the pass: both have to stand.
        seen, drift = drift, _drift(state.heat, present)
        still = np.maximum(seen, drift) < TOLERANCE * 100
        residual[active], passes[active] = change, step
        # Floors that do not fit are judged at the floors themselves, and once the fans, pumps and chillers that
        # weigh on the same limits have come to rest there; not from a load further up.
        failed = ~caps.settled & (change < TOLERANCE) & still
        if facility.policy == "priority" and failed.any():
            off, row = shed(floor, *rows, facility.racks.priority)
            off &= failed[:, None]
            shed_by[active] = np.where(off, bound.limit[row], shed_by[active])
            failed &= ~off.any(axis=-1)
            change = np.where(off.any(axis=-1), np.inf, change)
        broken = ~(state.mean.converged & state.peak.converged)
        boiling = (np.minimum(present, ahead) >= HOTTEST).any(axis=(-2, -1))
        reason[active[failed]] = REASONS.index("floors_exceed_limit")
        if failed.any():
            full = _exceeded(floor, *rows)
            named = _binding(facility, here[1], bound, replace(caps, binding=full), shed_by[active])
            for store, found in zip((binding, held), named, strict=True):
                store[active[failed]] = found[failed]
        reason[active[broken]] = REASONS.index("no_voltage_solution")
        reason[active[boiling]] = REASONS.index("no_heat_sink")
        good = (change < TOLERANCE) & still & ~failed & ~broken & ~boiling
        settled[active[good]] = True
        reason[active[good]] = REASONS.index("none")
        go = ~(good | failed | broken | boiling)
        if not go.any():
            break
        active, pair = active[go], _Pair(present[go], ahead[go])
        here = _take((operation, supply, law), active, count)
        state, bound, before, drift = _take((state, bound, before, drift), np.flatnonzero(go), len(go))
        at[active] = np.minimum(_advance(pair, before), HOTTEST)
        before = pair
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
    final = _state(facility, operation, supply, law, power, at)
    law = tangent(facility, operation, law, power, at[:, 0], final.flow.share)
    return result(
        facility, operation, supply, law, service, power, at[:, 0],
        final.flow, final.heat, final.mean, final.peak, found,
    )  # fmt: skip


def _start(
    facility: Facility, operation: Operation, supply: Supply, law: Law, count: int
) -> tuple[Array, Array]:
    """Rack power and temperatures to begin with: demand at the set-points, the floors where the one-line has no
    voltage that carries the demand."""
    racks, blocks = len(facility.racks.name), len(facility.blocks)
    at = np.empty((count, 2, blocks))
    at[:, 0], at[:, 1] = operation.supply_temperature, operation.air_temperature
    now, whole = law, np.ones((count, blocks))
    for _ in range(TANGENTS):
        most = np.minimum(np.minimum(now.demand, laws.ac_power(law.rating, law)), operation.power_cap)
        now = tangent(facility, operation, law, most, at[:, 0], whole)
    most = np.minimum(np.minimum(now.demand, laws.ac_power(law.rating, law)), operation.power_cap)
    power = np.broadcast_to(np.where(supply.powered[:, :racks], most, 0.0), (count, racks)).copy()
    state = _state(facility, operation, supply, law, power, at)
    carried = (state.mean.converged & state.peak.converged)[:, None]
    return np.where(carried, power, np.minimum(power, laws.floor(now))), at


def _state(
    facility: Facility, operation: Operation, supply: Supply, law: Law, power: Array, at: Array
) -> _State:
    """Flows, heat and the one-line for given rack power and temperatures."""
    liquid, warm = rack_heat(facility, law, power)
    moving = flow(facility, operation, supply, liquid, at[:, 0])
    hot = heat(facility, operation, supply, moving, liquid, warm, at[:, 0], at[:, 1])
    mean = feed(facility, operation, supply, power, hot)
    peak, highest = mean, power
    if np.any(operation.edp_factor != 1.0):
        highest = power * operation.edp_factor[:, None]
        peak = judged(facility, mean, feed(facility, operation, supply, highest, hot))
    after = []
    for further in supply.after:
        found = feed(facility, operation, further, highest, hot)
        if np.any(facility.short_time > 1.0):
            found = judged(facility, feed(facility, operation, further, power, hot), found)
        after.append(found)
    return _State(moving, hot, mean, peak, tuple(after))


def _ahead(hot: Heat) -> Array:
    """Temperatures to which the present heat drives loop and hall, (scenario, 2, block) [K]."""
    return np.minimum(np.stack([hot.water.loop_next, hot.hall.inlet_next], axis=1), HOTTEST)


def _drift(hot: Heat, at: Array) -> Array:
    """Largest distance of the temperatures from where they drive themselves, (scenario,) [K]."""
    return np.asarray(np.abs(_ahead(hot) - at).max(axis=(-2, -1)))


def _advance(now: _Pair, before: _Pair | None) -> Array:
    """Next temperatures: a secant on `ahead(present) = present`, its slope kept where it contracts.

    The heat that a warmer supply drives falls, so the slope is negative; outside [-9, 0.5] the last two points
    tell of another regime and the bounded slope is a damped step.
    """
    if before is None:
        return now.ahead
    run = now.present - before.present
    moved = np.abs(run) > 1e-9
    slope = np.clip(np.where(moved, (now.ahead - before.ahead) / np.where(moved, run, 1.0), 0.0), -9.0, 0.5)
    return np.asarray(now.present + (now.ahead - now.present) / (1.0 - slope))


def _exceeded(floor: Array, share: Array, capacity: Array) -> npt.NDArray[np.int64]:
    """Row that the floors exceed most, at every rack that loads it, -1 at the others, (scenario, rack)."""
    load = (share @ floor[..., None])[..., 0]
    over = np.where(load > 0, load / np.maximum(capacity, 1e-3), 0.0)
    row = over.argmax(axis=-1)[:, None]
    at = np.take_along_axis(np.broadcast_to(share, (len(floor), *share.shape[1:])), row[..., None], axis=1)[
        :, 0
    ]
    return np.where(at > 0, row, -1)


def _binding(
    facility: Facility, supply: Supply, bound: Limits, caps: Caps, shed_by: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Code of what holds each rack, and the device that does (-1 for the rack's own limits).

    Of the equal units of a cooling limit the first one alive is named. A rack that is shed is held by the limit that
    its floor would exceed.
    """
    rows = facility.shared
    limit = np.where(shed_by >= 0, shed_by, bound.limit[np.maximum(caps.binding, 0)])
    shared = (caps.binding >= 0) | (shed_by >= 0)
    kind = len(OWN_CAUSES) + rows.kind[limit]
    device = rows.device[limit]
    for row in np.unique(limit[shared & rows.cooling[limit]]):
        first = rows.device[row]
        units = slice(first, first + rows.units[row])
        device = np.where(limit == row, first + supply.device[:, units].argmax(axis=-1)[:, None], device)
    return np.where(shared, kind, bound.cause), np.where(shared, device, -1)


def _take(value: Any, index: npt.NDArray[np.int64], count: int) -> Any:
    """The scenarios `index` of everything in a (nested) value whose leading axis spans `count` scenarios."""
    if isinstance(value, np.ndarray):
        return value[index] if value.ndim and value.shape[0] == count and count > 1 else value
    if isinstance(value, _State):
        return _State(*(_take(item, index, count) for item in value))
    if isinstance(value, tuple):
        return tuple(_take(item, index, count) for item in value)
    if isinstance(value, Mapping):
        return {key: _take(item, index, count) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _take(getattr(value, f.name), index, count) for f in fields(value)})
    return value
