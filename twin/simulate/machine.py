"""What events leave alive, open and under pressure, and how fast machines turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from thermal import transport
from twin.event import Event
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility
from twin.operation import Operation
from twin.plant.loop import Flow
from twin.plant.supply import Supply
from twin.simulate.moving import Moving

Array = npt.NDArray[np.float64]

RUN_DOWN = {
    "cdu": 2.0,
    "pump": 4.0,
    "outdoor_pump": 4.0,
    "fan_wall": 5.0,
    "dry_cooler": 5.0,
    "tower": 5.0,
    "trim_chiller": 2.0,
    "chiller": 2.0,
}
"""Time in which a machine without power loses half of its speed [s]; assumed."""
STALL = 0.1
"""Speed below which a machine that runs down stands, and its check valve is shut; assumed."""
RUN_UP = {
    "cdu": 10.0,
    "pump": 15.0,
    "outdoor_pump": 15.0,
    "tower": 20.0,
    "fan_wall": 20.0,
    "dry_cooler": 20.0,
    "trim_chiller": 90.0,
    "chiller": 90.0,
}
"""Time from rest to full speed, or to the full duty of a chiller [s]; assumed."""
RESTART = {
    "cdu": 0.0,
    "pump": 5.0,
    "outdoor_pump": 5.0,
    "tower": 10.0,
    "fan_wall": 0.0,
    "dry_cooler": 10.0,
    "trim_chiller": 60.0,
    "chiller": 60.0,
}
"""Wait of the staged restart after power is back [s]; chillers have to equalise first; assumed."""


def without(facility: Facility, operation: Operation, battery: Array, dark: bool) -> Operation:
    """The operation with what events and empty batteries take out: without any source, the UPS without energy."""
    if not dark:
        return operation
    names = facility.devices
    empty = (names.kind == DEVICE_KINDS.index("ups")) & ~(battery > 0.0)
    most = int(empty.sum(axis=-1).max(initial=0))
    gone = np.full((len(empty), most + 1), -1)
    for row, dead in enumerate(empty):
        gone[row, : dead.sum()] = np.flatnonzero(dead)
    gone[:, -1] = 0  # the utility itself
    out = np.broadcast_to(operation.out, (len(empty), operation.out.shape[1]))
    return replace(operation, out=np.hstack([out, gone]))


def fed(facility: Facility, supply: Supply) -> Supply:
    """Loads run as long as they are fed: a hall that is not cooled gets warm before it goes dark."""
    chain = facility.chain
    fed = np.zeros((len(supply.share), len(chain.load_name)))
    np.add.at(fed, (slice(None), chain.feed_load), supply.share)
    return replace(supply, powered=fed > 0.0)


def speeds(
    facility: Facility,
    events: Sequence[Event],
    supply: Supply,
    state: Moving,
    without_pressure: npt.NDArray[np.bool_],
    time: float,
    step: float,
) -> tuple[Array, Array]:
    """Speeds a step later, and how long each device has had power.

    without_pressure : (block,) loops whose pumps their interlock holds.
    """
    devices = facility.devices
    runs = supply.device.copy()
    for event in events:
        if event.on(time, step) and event.kind in (
            "pump_trip",
            "cdu_loss",
            "loss_of_facility_water",
            "chiller_restart",
            "fan_wall_loss",
        ):
            runs[:, [devices.name.index(name) for name in event.targets]] = False
    mine = np.flatnonzero(devices.kind == DEVICE_KINDS.index("cdu"))
    runs[:, mine] &= ~without_pressure[devices.block[mine]]
    waiting = np.where(runs, state.waiting + step, 0.0)
    speed = state.speed.copy()
    for kind in COOLING_KINDS:
        mine = devices.kind == DEVICE_KINDS.index(kind)
        now, ready = speed[:, mine], runs[:, mine] & (waiting[:, mine] > RESTART[kind])
        up, down = (
            transport.stroked(now, 1.0, RUN_UP[kind], step),
            transport.coasted(now, RUN_DOWN[kind], step),
        )
        speed[:, mine] = np.where(ready, up, down)
    # What is isolated carries nothing from the first moment.
    for event in events:
        if event.kind == "cdu_loss" and event.on(time, step):
            speed[:, [devices.name.index(name) for name in event.targets]] = 0.0
    speed[(speed < STALL) & (speed < state.speed)] = 0.0
    return speed, waiting


def units(facility: Facility, speed: Array) -> dict[str, Array]:
    """Live units of each kind of cooling equipment, each counting by its speed."""
    devices, found = facility.devices, {}
    for kind in COOLING_KINDS:
        mine = np.flatnonzero(devices.kind == DEVICE_KINDS.index(kind))
        total = np.zeros((len(speed), len(facility.groups(kind))))
        np.add.at(total, (slice(None), devices.block[mine]), speed[:, mine])
        found[kind] = total
    return found


def leaked(facility: Facility, events: Sequence[Event], time: float) -> Array:
    """Coolant that leaks have taken from the loop of each block by a time, (block,) [m3]."""
    lost = np.zeros(len(facility.blocks))
    for event in events:
        if event.kind == "leak":
            open_for = min(event.duration, max(time - event.start, 0.0))
            for name in event.targets:
                lost[facility.racks.block[facility.racks.name.index(name)]] += event.rate * open_for
    return lost


def reserve(facility: Facility) -> Array:
    """What the expansion vessels of each loop give before its pressure is lost, (block,) [m3]; NaN where no loop is or
    no product tells. All of a vessel counts: what of it is gas no sheet says."""
    mine = facility.devices.kind == DEVICE_KINDS.index("cdu")
    count = np.bincount(facility.devices.block[mine], minlength=len(facility.blocks))
    return np.where(facility.cooling.loop, count * facility.cooling.cdu_expansion, np.nan)


def isolated(facility: Facility, events: Sequence[Event], moving: Flow, time: float) -> Flow:
    """No flow through the branch of a rack whose leak has been isolated."""
    names = facility.racks.name
    shut = [
        names.index(name)
        for event in events
        if event.kind == "leak" and event.over(time)
        for name in event.targets
    ]
    if not shut:
        return moving
    open_ = np.ones(len(names))
    open_[shut] = 0.0
    return replace(moving, rack=moving.rack * open_, mass=moving.mass * open_)
