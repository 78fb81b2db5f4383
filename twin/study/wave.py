"""The power of a training job in time, from a run: what the racks draw while they compute and exchange gradients.

The run gives the power of computing, which it takes all the time, and the time of a step. GPUs that wait for gradients
draw what idle ones do, so the depth is that of idle GPUs behind all shelves of their racks, without fans that slow down
or capacitors that smooth it. How long a step is in the exchange and how fast power moves is told by the layout.
Checkpoints and interruptions are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from electrical import converter
from twin.compute.training import Waveform, waveform
from twin.facility import Facility

if TYPE_CHECKING:
    import xarray as xr


def wave(facility: Facility, one: xr.Dataset) -> Waveform | None:
    """AC power of all racks of a training job over one step; None where nothing trains.

    one : a scenario of a state of `solve(keep="racks")` or "all". A rise or fall takes the layout's `ramp`, or all of
    the exchange or of the computing where that is shorter.

    >>> import twin
    >>> times = {"workload.training.checkpoint_pause": "60 s", "workload.training.restart_time": "10 min"}
    >>> job = twin.load("gb300-su", {"workload.kind": "training", "workload.model": "llama-3.1-405b", **times})
    >>> found = wave(job, twin.solve(job, keep="racks").isel(scenario=0))
    >>> [round(float(watts / 1e6), 2) for watts in (found.power.max(), found.power.min())]
    [2.18, 1.02]
    """
    told, step = facility.layout.workload.training, float(one["step_time"])
    if facility.job is None or told is None or not np.isfinite(step):
        return None
    racks, drawn = facility.racks, one["power"].values
    waiting = np.array([kind.gpu.power * kind.power_law.idle if kind.gpu and kind.power_law else 0.0
                        for kind in racks.types])  # fmt: skip
    shelves = racks.shelves * racks.shelf_rating, racks.shelf_coefficients
    less = racks.gpus * (one["gpu_power"].values - waiting[racks.type])
    low = np.minimum(converter.input_power(converter.output_power(drawn, *shelves) - less, *shelves), drawn)
    trains = racks.gpus > 0
    high, least = float(drawn[trains].sum()), float(low[trains].sum())
    return waveform(
        mean=high - told.exchange * (high - least),
        step=step,
        exchange=told.exchange,
        depth=1.0 - least / high,
        # To the last digit as the waveform has them.
        ramp=min(told.ramp, told.exchange * step, step - told.exchange * step),
    )
