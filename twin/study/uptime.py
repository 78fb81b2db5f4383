"""Expected tokens over the outages of a facility: every device out alone, solved, and weighted by its probability.

The outages are of devices and racks whose product knows its failure rate and repair time, of the utility where the
standby generators do not come in its place, and of compute trays. Faults are independent: those of devices leave the
state that a solve finds; those of trays take their share off every rack, whatever state it is in. Two and more devices
out at once count as no tokens, so that the expectation is a lower bound; `Uptime.most` is the upper one.

A training job stands while any of its racks is lost or has fewer whole trays than are planned. Only the time of these
repairs is counted here; the steps that every interruption throws away and the restart after it, also that on a spare
tray, are in `twin.compute.training.goodput`, which the tokens here are not multiplied with.

A rack that is lost as a whole (NVLink switches, busbar or shelves, a leak that shuts its manifold) stands without feed
until it is back. Alone it is solved, for what the others gain under a shared limit; with other racks or a device out
at most its own tokens are lost, since the others can go on as they do.

Devices that stand in the same place of equal blocks lose the same, so one of each such class is solved (`alike`), and
of the racks one of each row that equals others (`alike_racks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from twin.availability import (
    at_least,
    availability,
    effective,
    rack_shares,
    single_outages,
    tray_availability,
)
from twin.economics import YEAR
from twin.equilibrium import solve
from twin.facility import COOLING_KINDS, DEVICE_KINDS, PLANT_KINDS, Facility
from twin.operation import OPERATING, Operation, resolve

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

UTILITY_RATE = 1.956 / YEAR
"""Outages of a single-circuit utility supply [1/s]: IEEE 493-2007, standard network (unverified)."""
UTILITY_REPAIR = 79 * 60.0
"""Their mean duration [s]; same source (unverified)."""
START_FAILURE = 0.0135
"""Chance that a standby generator does not start when called: IEEE 493-1997, table 3-2 (unverified)."""


@dataclass(frozen=True)
class Cause:
    """What the outages of one kind of device cost, while nothing else is out; racks and trays, whatever else is.

    probability : that one of its `devices` is out; of racks or trays, that any is. lost : mean tokens per second that
    this takes [1/s]; of racks, those of the trays in them that are whole. worst : those of the outage that takes most,
    while it lasts [1/s], and its device; empty for trays, of which one takes nothing while its rack has a spare.
    """

    kind: str
    devices: int
    probability: float
    lost: float
    worst: float
    worst_device: str


@dataclass(frozen=True)
class Uptime:
    """Tokens per second of one operating point, planned and expected [1/s].

    planned : of all devices, racks, and trays but the spares. expected : with two devices and more at once as nothing;
    most : with those as if they cost nothing, and as if racks did not while a device is out. added : as if the losses
    of several at once added up, as those of devices of different blocks do, while those of devices that stand in for
    each other are more, and those of racks that leave each other their share of a limit. uptime : expected over
    planned. sound, single, several : probability of no device of power and cooling out, of one, and of more; together
    1. causes : the dearest first; with `lost_several` they make up the difference from planned to expected.
    uncounted : number of devices without figures of their faults, by kind. unsolved : devices and racks without which
    no solution was found; they count as no tokens.
    """

    planned: float
    expected: float
    most: float
    added: float
    uptime: float
    sound: float
    single: float
    several: float
    lost_several: float
    causes: tuple[Cause, ...]
    uncounted: Mapping[str, int]
    unsolved: tuple[str, ...]

    def share(self, lost: float) -> float:
        """Part that a loss is of all the tokens lost; 0 where none are."""
        whole = self.planned - self.expected
        return lost / whole if whole > 0 else 0.0


def uptime(facility: Facility, operation: Operation | None = None) -> Uptime:
    """Expected tokens per second over every outage of one device, of racks and of trays. One solve for each class of
    `alike` and `alike_racks`, in one batch: a second for a hall, half a minute for a site of a hundred equal blocks.

    operation : one scenario without outages. ValueError if it has several, or no solution.

    >>> import twin
    >>> found = uptime(twin.load())
    >>> found.expected < found.most < found.planned, round(found.sound + found.single + found.several, 12)
    (True, 1.0)
    """
    base = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    if max(len(getattr(base, item.name)) for item in fields(base)) != 1 or (base.out >= 0).any():
        raise ValueError("uptime takes one scenario without outages")
    devices = facility.devices
    up = device_availability(facility)
    counted = np.flatnonzero(np.isfinite(up))
    terms, number = facility.layout.availability, facility.racks.gpus / facility.racks.tray
    whole = tray_availability(terms.tray_repair, facility.racks.tray)
    planned_share, working_share = rack_shares(
        facility.racks.gpus, facility.racks.tray, terms.tray_repair, terms.spares, facility.job is not None
    )
    # The tokens of one tray of each rack, which its spares stand in for.
    share_of_one = np.where(number > 0, 1.0 / np.maximum(number, 1.0), 0.0) * (terms.spares == 0)
    there = rack_availability(facility)
    all_there, alone = (np.asarray(part) for part in single_outages(there))
    mortal = np.flatnonzero(there < 1.0)
    # A job stands without any of its racks: there is nothing to solve.
    racks = mortal if facility.job is None else mortal[:0]
    shares = {
        "planned": planned_share,
        "working": working_share,
        "standing": working_share * (there if facility.job is None else all_there),
        "own": working_share * alone,
    }

    def shared(_: Facility, arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        tokens = np.where(arrays["converged"][:, None], arrays["tokens"], 0.0)
        found = {name: (tokens * share).sum(axis=-1) for name, share in shares.items()}
        found["tray"] = (tokens * share_of_one).max(axis=-1)
        return {name: (("scenario",), value, {"units": "1/s"}) for name, value in found.items()}

    solved, member = np.unique(alike(facility, base)[counted], return_inverse=True)
    solved_racks, member_rack = np.unique(alike_racks(facility, base)[racks], return_inverse=True)
    state = solve(
        facility, replace(base, out=_out(facility, solved, solved_racks)), keep="summary", also=shared
    )
    if not bool(state.converged.values[0]):
        raise ValueError("no solution without an outage")
    each, gone = np.concatenate([[0], 1 + member]), 1 + len(solved) + member_rack
    planned, working, standing = (state[name].values[each] for name in ("planned", "working", "standing"))
    apart = standing[0]
    taken = np.full(len(mortal), planned[0])
    if len(racks):
        # One rack alone by its solve; several, or beside a device, by their own tokens, which is the most they take.
        taken, lost = (state[name].values[0] - state[name].values[gone] for name in ("planned", "working"))
        standing[0] += state.own.values[0] - (alone[racks] * lost).sum()
        apart = working[0] - ((1.0 - there[racks]) * lost).sum()
    sound, single = (np.asarray(part) for part in single_outages(up[counted]))
    mean, several = (float(part) for part in effective(standing[0], standing[1:], up[counted]))
    best = float(effective(apart, working[1:], up[counted])[0])
    kinds = devices.kind[counted]
    causes = [
        _cause(
            facility,
            kind,
            counted[kinds == kind],
            single[kinds == kind],
            planned[0] - planned[1:][kinds == kind],
        )
        for kind in np.unique(kinds)
    ]
    # Trays fail in every state, each rack's share of it.
    worst_tray = float(state.tray.values[0])
    causes.append(
        Cause(
            "tray",
            int(number.sum()),
            float(1.0 - np.prod(whole**number)),
            float(sound * (planned[0] - working[0]) + (single * (planned[1:] - working[1:])).sum()),
            float(planned[0]) if worst_tray > 0.0 and facility.job is not None else worst_tray,
            "",
        )
    )
    if len(mortal):
        worst = int(np.argmax(taken))
        causes.append(
            Cause(
                "rack",
                len(mortal),
                float(1.0 - all_there),
                float(sound * (working[0] - standing[0]) + (single * (working[1:] - standing[1:])).sum()),
                float(taken[worst]),
                facility.racks.name[mortal[worst]],
            )
        )
    outages = [devices.name[one] for one in counted] + [facility.racks.name[one] for one in racks]
    found = state.converged.values[np.concatenate([each[1:], gone])]
    without = np.setdiff1d(np.arange(len(devices.name)), counted)
    names, numbers = np.unique(devices.kind[without], return_counts=True)
    return Uptime(
        planned=float(planned[0]),
        expected=mean,
        most=best + several * float(working[0]),
        added=float(apart - ((1.0 - up[counted]) * (working[0] - working[1:])).sum()),
        uptime=float(mean / planned[0]) if planned[0] > 0 else 0.0,
        sound=float(sound),
        single=float(single.sum()),
        several=several,
        lost_several=several * float(planned[0]),
        causes=tuple(sorted(causes, key=lambda cause: -cause.lost)),
        uncounted={DEVICE_KINDS[kind]: int(many) for kind, many in zip(names, numbers, strict=True)},
        unsolved=tuple(name for name, one in zip(outages, found, strict=True) if not one),
    )


def alike(facility: Facility, operation: Operation) -> Index:
    """For each device the first one whose outage leaves the same facility but for names, (device,).

    operation : resolved, of one scenario.

    Two exchanges of names change no equation of a solve. Units of cooling equipment of one group: all that is known
    of them is how many run, and the group is fed as one. Blocks of one unit whose devices are replaced by the same
    shared ones: they stand in the same way to all that is shared, where they lie is only drawn, and their operating
    values and the air that comes back in them are compared here. So the outage of a device of one block is that of
    the device of the same name in the other, and sums over racks agree to rounding. `priority` sheds by the order of
    racks among equals, so there every block is its own.

    >>> import twin
    >>> pod = twin.load()
    >>> first = alike(pod, pod.operation)
    >>> [pod.devices.name[first[pod.devices.name.index(name)]] for name in ("cdu.4", "ups.B")]
    ['cdu.1', 'ups.B']
    """
    devices, group = facility.devices, _equal_blocks(facility, operation)
    prefixes = [one.prefix for block in facility.layout.blocks for one in block.placements]
    plant_of_all = len(facility.plants) < len(facility.blocks)
    first: dict[tuple[int, int, str], int] = {}
    found = np.empty(len(devices.name), dtype=np.int64)
    for place, (name, code, block) in enumerate(zip(devices.name, devices.kind, devices.block, strict=True)):
        kind = DEVICE_KINDS[code]
        common = block < 0 or (plant_of_all and kind in PLANT_KINDS)
        own = "" if kind in COOLING_KINDS else name if common else name.removeprefix(prefixes[block])
        found[place] = first.setdefault((int(code), -1 if common else int(group[block]), own), place)
    return found


def alike_racks(facility: Facility, operation: Operation) -> Index:
    """For each rack the first one whose loss leaves the same facility but for names, (rack,).

    operation : resolved, of one scenario.

    Racks of one row share product, feeds, pipes and priority; they differ in what is operated for each, in the phase
    they take where it rotates, and in the air they draw where the hall's is known, so there each is its own. Rows are
    alike across the blocks that `alike` takes as equal. `priority` sheds by the order of racks among equals, so there
    every rack is its own.

    >>> import twin
    >>> pod = twin.load()
    >>> first = alike_racks(pod, pod.operation)
    >>> sorted({pod.racks.name[place] for place in first})
    ['row1.01', 'row2.01']
    """
    racks, group = facility.racks, _equal_blocks(facility, operation)
    every = np.arange(len(racks.name))
    if facility.policy == "priority":
        return every
    values = [
        np.broadcast_to(getattr(operation, row.field), (1, len(every)))[0]
        for row in OPERATING.values()
        if row.element == "rack"
    ]
    place = every - np.searchsorted(racks.block, racks.block)
    row = racks.row - np.searchsorted(facility.row_block, racks.block)
    first: dict[tuple[Any, ...], int] = {}
    found = np.empty(len(every), dtype=np.int64)
    for rack, block in enumerate(racks.block):
        operated = tuple(float(value[rack]).hex() for value in values)
        own = int(place[rack]) if facility.recirculation[block] else -1
        told = int(group[block]), int(row[rack]), own, racks.phase_share[rack].tobytes(), operated
        found[rack] = first.setdefault(told, rack)
    return found


def rack_availability(facility: Facility) -> Array:
    """Share of the time that each rack of GPUs as a whole is in service, (rack,); 1 where its product does not tell."""
    racks = facility.racks
    made = [kind.product for kind in racks.types]
    up = np.array([availability(one.get("failureRate", 0.0), one.get("repairTime", 0.0)) for one in made])
    return np.where(racks.gpus > 0, up[racks.type], 1.0)


def _out(facility: Facility, devices: Index, racks: Index) -> Index:
    """Outages (scenario, order): none, each of the devices, and the whips of each of the racks; padded with -1."""
    chain = facility.chain
    whips = [chain.feed_device[(chain.feed_load == rack) & (chain.feed_device >= 0)] for rack in racks]
    found = np.full((1 + len(devices) + len(racks), max([1, *map(len, whips)])), -1)
    found[1 : 1 + len(devices), 0] = devices
    for row, gone in zip(found[1 + len(devices) :], whips, strict=True):
        row[: len(gone)] = gone
    return found


def _equal_blocks(facility: Facility, operation: Operation) -> Index:
    """For each block the first one that may exchange names with it, (block,)."""
    placed = [(block.template, one) for block in facility.layout.blocks for one in block.placements]
    every = np.arange(len(placed))
    if facility.policy == "priority":
        return every
    axes = {"rack": facility.racks.block, "row": facility.row_block, "block": every}
    if len(facility.plants) == len(placed):
        axes["plant"] = every
    values = [
        (
            np.broadcast_to(getattr(operation, row.field), (1, facility.elements[row.element])),
            axes[row.element],
        )
        for row in OPERATING.values()
        if row.element in axes
    ]
    known: dict[int, tuple[Any, ...]] = {}
    first = every.copy()
    for block, (unit, one) in enumerate(placed):
        air = facility.recirculation[block]
        returned = (air.share.tobytes(), air.returned) if air else None
        operated = [value[:, mine == block].tobytes() for value, mine in values]
        told = unit, one.replace, returned, operated
        first[block] = next((other for other, same in known.items() if same == told), block)
        known.setdefault(int(first[block]), told)
    return first


def device_availability(facility: Facility) -> Array:
    """Share of the time that each device is in service, (device,); NaN where its product does not tell.

    The utility counts as out while it is and fewer generators than required are whole and have started; the UPS carry
    until then.
    """
    devices, made = facility.devices, {one.name: one for one in facility.products}
    found = np.full(len(devices.name), np.nan)
    for place, name in enumerate(devices.product):
        figures = made[name].figures if name in made else {}
        if "failureRate" in figures:
            found[place] = availability(made[name]["failureRate"], made[name]["repairTime"])
    grid = devices.kind == DEVICE_KINDS.index("utility")
    found[grid] = 1.0 - (1.0 - availability(UTILITY_RATE, UTILITY_REPAIR)) * (1.0 - _standby(facility))
    return found


def _standby(facility: Facility) -> float:
    """Probability that enough generators carry the site; one of unknown faults is taken as none."""
    asked, standby = facility.layout.standby, facility.standby
    if asked is None or standby is None:
        return 0.0
    (made,) = [one for one in facility.products if one.name == asked.product]
    if "failureRate" not in made.figures:
        return 0.0
    one = availability(made["failureRate"], made["repairTime"]) * (1.0 - START_FAILURE)
    return float(at_least(standby.required, standby.count, one))


def _cause(
    facility: Facility, kind: int, devices: npt.NDArray[np.int64], chance: Array, lost: Array
) -> Cause:
    """The outages of one kind: of each device its probability and the tokens it takes."""
    worst = int(np.argmax(lost))
    return Cause(
        kind=DEVICE_KINDS[kind],
        devices=len(devices),
        probability=float(chance.sum()),
        lost=float((chance * lost).sum()),
        worst=float(lost[worst]),
        worst_device=facility.devices.name[devices[worst]],
    )
