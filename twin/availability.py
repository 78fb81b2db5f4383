"""Share of the time that GPUs, and groups of them with spares, are in service."""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float

INTERRUPTIONS = 419 / (16_384 * 54 * 86400.0)
"""Unexpected interruptions of one GPU in service [1/s], 4.74e-4 a day: 419 in 54 days on 16,384 H100
(Llama Team, The Llama 3 Herd of Models, 2024, section 3.3.4). New generations may fail more often."""
TRAY = 4
"""GPUs of a compute tray, which leaves service as one."""


def tray_availability(repair_time: Array, rate: Array = INTERRUPTIONS, gpus: Array = TRAY) -> Array:
    """Share of the time that a tray is whole, (...,), when the failure of one GPU takes all of it out.

    1 / (1 + gpus rate repair_time). repair_time : mean [s]. rate : failures of one GPU [1/s].

    >>> round(float(tray_availability(24 * 3600.0)), 5)
    0.99811
    """
    return 1.0 / (1.0 + np.asarray(gpus) * rate * repair_time)


def at_least(needed: int, installed: int, availability: Array) -> Array:
    """Probability that at least `needed` of `installed` equal, independent units are in service, (...,).

    >>> round(float(at_least(16, 18, 0.9981)), 5)
    0.99999
    """
    up = np.asarray(availability, dtype=np.float64)
    terms = [
        comb(installed, out) * up ** (installed - out) * (1.0 - up) ** out
        for out in range(installed - needed + 1)
    ]
    return np.asarray(np.sum(terms, axis=0))


def uptime(
    repair_time: Array, capacity: Array = 1.0, rate: Array = INTERRUPTIONS, gpus: Array = TRAY
) -> Array:
    """Mean share of the capacity in service, (...,): tray availability by capacity over the last axis.

    capacity : of each group of trays, in any one unit. The others as for `tray_availability`.

    >>> float(uptime(repair_time=np.array([0.0, 1e6]), capacity=np.array([3.0, 1.0]), rate=1e-6, gpus=1))
    0.875
    """
    share, weight = np.broadcast_arrays(tray_availability(repair_time, rate, gpus), capacity)
    share, weight = np.atleast_1d(share), np.atleast_1d(weight)
    return np.asarray((share * weight).sum(axis=-1) / weight.sum(axis=-1))
