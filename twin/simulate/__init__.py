"""The facility in time: events, and what coolant, chips, batteries and racks make of them.

The same functions of the plant as in the steady solve are stepped with what stores heat or momentum between them: the
plug flow of the technology lines, the coolant in the racks, the mass of the cold plates, facility water and hall air,
the run-down and run-up of pumps and fans, the stroke of the rack valves, the batteries and the ramp of the rectifiers
that take over from them. A simulation at rest stays where the solve has put it.

A leak takes what the expansion vessels of its loop hold; then the pumps' suction has no pressure and their interlock
stops them. Until then the lines stay full, and what leaks is put back at its own temperature: vessels hold a tenth of a
loop's coolant at most. Pumps do not start anew, and make-up water is not in it.

Not in it: the inertia and pressure waves of the liquid, the allocation of power anew (the caps stay those of the solve,
chips throttle by themselves), and the frequency and voltage of the generators, whose load is told against what they
take. Voltages and losses with them are those with the utility.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from twin.equilibrium import equilibrium
from twin.event import Event
from twin.facility import Facility
from twin.operation import Operation, resolve
from twin.plant.supply import controlled
from twin.simulate.labelled import labelled
from twin.simulate.machine import RUN_DOWN
from twin.simulate.plant import PLATE_CAPACITY
from twin.simulate.plant import Plant as _Plant

Array = npt.NDArray[np.float64]

__all__ = ["PLATE_CAPACITY", "RUN_DOWN", "simulate"]


def simulate(
    facility: Facility,
    operation: Operation | None = None,
    events: Sequence[Event] = (),
    until: float = 120.0,
    step: float = 0.5,
) -> xr.Dataset:
    """The facility from its settled state through some events.

    operation : the scenarios it starts from. until : end [s]. step : [s], 0.05 to 5. What comes back has the axis
    `time` and, per rack, the seconds to throttle and to trip (NaN where it does neither), its lowest flow, highest case
    temperature and the tokens it lost; per loop the seconds until a leak has taken its pressure; of the generators the
    most that they are asked for, in all and at once. A scenario that does not settle at the start has NaN throughout.
    The hall's air is well mixed, whatever `Facility.recirculation` says: its flow changes with what fails. ValueError
    for a step or an end out of range.

    >>> import twin
    >>> from twin.event import events
    >>> pod = twin.load()
    >>> run = simulate(pod, None, events(pod, ["loss_of_facility_water at=5s"]), until=60.0, step=1.0)
    >>> bool(run.supply_temperature[0, -1, 0] > run.supply_temperature[0, 0, 0])
    True
    """
    if not 0.05 <= step <= 5.0:
        raise ValueError(f"step is {step:g} s, must be 0.05 to 5 s")
    if not step <= until <= 86400.0:
        raise ValueError(f"until is {until:g} s, must be one step to a day")
    facility = replace(facility, recirculation=(None,) * len(facility.blocks))
    resolved = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    count = max(len(getattr(resolved, item.name)) for item in fields(resolved))
    resolved = replace(resolved, dry_bulb=np.broadcast_to(resolved.dry_bulb, (count,)))
    resolved = controlled(facility, resolved)
    settled = equilibrium(facility, resolved)
    plant = _Plant.of(facility, resolved, events, settled)
    state = plant.start(settled)
    taken: list[dict[str, Array]] = []
    times = np.arange(round(until / step) + 1) * step
    for time in times.tolist():
        state, seen = plant.stepped(state, time, step)
        taken.append(seen)
    return labelled(facility, times, taken, settled, plant.solved, events)
