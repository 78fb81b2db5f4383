"""Share of the time that equipment is in service, and the tokens that are left when it is not.

A group of equal, independent units (trays of a rack) is the probability of each number of them in service,
(..., units + 1); `expected` turns numbers into tokens. Where an outage does not simply leave room for a number of
units, `effective` takes the tokens that a solve finds with each device out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float

INTERRUPTIONS = 419 / (16_384 * 54 * 86400.0)
"""Unexpected interruptions of one GPU in service [1/s], 4.74e-4 a day: 419 in 54 days on 16,384 H100
(Llama Team, The Llama 3 Herd of Models, 2024, section 3.3.4), by whatever cause. New generations may fail more often:
early GB200 racks 2 to 4 times, settled ones 1 to 1.5 times (unverified)."""
TRAY_FAULTS = INTERRUPTIONS * 289 / 419
"""Those of them that a tray is repaired for, of one GPU in service [1/s], 3.27e-4 a day: by the causes in table 5 there
289 of the 419, as we take them. Of GPUs 268 (faulty GPU 148, HBM3 72, SRAM 19, system processor 17, silent data
corruption 6, thermal interface and sensor 6), of their hosts 21 (NIC 7, SSD and power supply 3 each, chassis, board,
CPU and memory 2 each). The other 130 leave the tray whole: software 54, NCCL watchdog 7 and dependencies 2 are over
with the restart; a network switch or cable (35) is replaced outside of it; what the unplanned maintenance of hosts (32)
did and how long it took is not told. How long trays wait for their network or for such maintenance is not in it."""
TRAY_REPAIR = 24 * 3600.0
"""Repair time of a compute tray [s]; assumed."""


def availability(rate: Array, repair_time: Array) -> Array:
    """Share of the time that a unit is in service, (...,): 1 / (1 + rate repair_time).

    rate : failures while in service [1/s]. repair_time : mean, until it is back [s].
    """
    return 1.0 / (1.0 + np.asarray(rate) * repair_time)


def tray_availability(repair_time: Array, gpus: Array, rate: Array = TRAY_FAULTS) -> Array:
    """Share of the time that a tray is whole, (...,), when the fault of one GPU takes all of it out.

    repair_time : mean [s]. gpus : of a tray. rate : faults of one GPU [1/s].

    >>> round(float(tray_availability(24 * 3600.0, 4)), 4)
    0.9987
    """
    return availability(np.asarray(gpus) * rate, repair_time)


def tray_shares(
    trays: npt.NDArray[np.float64], whole: Array, spares: int = 0, job: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Tokens of each rack over those of all its trays, planned and mean over the faults of trays, (rack,) each.

    trays : of each rack, more than `spares`; 0 without GPUs, planned whole. whole : availability of one, that of a
    rack or of all. spares : trays of every rack that wait for one of the others to fail. Racks that serve yield by
    the tray. A synchronous `job` on all racks stands while any has less than `trays - spares` whole ones; that it
    then waits for a repair is counted here, what it loses and restarts at each interruption in
    `twin.compute.training.goodput`. None of its trays breaks while it stands, which is exact without spares and near
    with them: all of 288 trays are whole 73 % of the time.

    >>> planned, mean = tray_shares(np.array([18.0, 18.0]), 0.998, spares=1)
    >>> planned.round(4).tolist(), mean.round(4).tolist()
    ([0.9444, 0.9444], [0.9444, 0.9444])
    >>> [tray_shares(np.full(16, 18.0), 0.998, spares, job=True)[1][0].round(3).item() for spares in (0, 1)]
    [0.634, 0.936]
    """
    number = np.maximum(trays, 1.0)
    planned = np.where(trays > 0.0, (number - spares) / number, 1.0)
    kinds, kind = np.unique(np.stack(np.broadcast_arrays(trays, whole), axis=-1), axis=0, return_inverse=True)
    kept, stood = np.ones(len(kinds)), np.zeros(len(kinds))
    for place, (each, up) in enumerate(kinds):
        if each > 0:
            group, least = number_up(int(each), up), int(each) - spares
            kept[place] = expected(group, np.minimum(np.arange(each + 1.0) / least, 1.0))
            # Time that a job stands for a rack over the time it runs.
            stood[place] = group[least - 1] / group[least:].sum()
    of_rack = kind.reshape(-1)
    return planned, planned * (1.0 / (1.0 + stood[of_rack].sum()) if job else kept[of_rack])


def rack_shares(
    gpus: npt.NDArray[np.float64], tray: npt.NDArray[np.float64], repair_time: float, spares: int, job: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """`tray_shares` of racks of so many GPUs in trays of so many, (rack,) each. repair_time : of a tray [s]."""
    return tray_shares(gpus / tray, tray_availability(repair_time, tray), spares, job)


def number_up(installed: int, up: Array) -> npt.NDArray[np.float64]:
    """Probability of each number of equal, independent units in service, (..., installed + 1).

    up : availability of one, (...,).

    >>> number_up(2, 0.9).round(2).tolist()
    [0.01, 0.18, 0.81]
    """
    one = np.asarray(up, dtype=np.float64)
    return pooled(np.stack([1.0 - one, one], axis=-1), installed)


def pooled(group: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Probability of each number of units in service in `count` equal groups that fail independently.

    group : (..., units + 1). Returns (..., count units + 1).

    >>> pooled(np.array([0.1, 0.0, 0.9]), 2).round(2).tolist()
    [0.01, 0.0, 0.18, 0.0, 0.81]
    """
    group = np.asarray(group, dtype=np.float64)
    whole = np.ones((*group.shape[:-1], 1))
    while count > 0:
        if count % 2:
            whole = _joined(whole, group)
        count //= 2
        group = _joined(group, group) if count else group
    return whole


def at_least(needed: int, installed: int, availability: Array) -> Array:
    """Probability that at least `needed` of `installed` equal, independent units are in service, (...,).

    >>> round(float(at_least(16, 18, 0.9981)), 5)
    0.99999
    """
    return np.asarray(number_up(installed, availability)[..., needed:].sum(axis=-1))


def expected(group: npt.NDArray[np.float64], tokens: Array) -> npt.NDArray[np.float64]:
    """Mean tokens per second [1/s], (...,). tokens : with each number of units in service, (..., units + 1).

    A pool that serves yields by the unit. A job that needs 16 of 18 trays yields all or nothing:

    >>> trays = number_up(18, tray_availability(24 * 3600.0, 4))
    >>> float(expected(trays, np.where(np.arange(19) >= 16, 16.0, 0.0)).round(4))
    16.0
    """
    return np.asarray((group * np.asarray(tokens)).sum(axis=-1))


def single_outages(up: Array) -> tuple[Array, Array]:
    """Probability that none of some independent devices is out, (...,), and that each is out alone, (..., device).

    up : availability of each device, (..., device), above 0. What is left to 1 has two and more out at once.

    >>> none, alone = single_outages(np.array([0.9, 0.8]))
    >>> float(none.round(6)), alone.round(6).tolist()
    (0.72, [0.08, 0.18])
    """
    share = np.asarray(up, dtype=np.float64)
    none = share.prod(axis=-1)
    return np.asarray(none), np.asarray(none[..., None] * (1.0 - share) / share)


def effective(whole: Array, alone: Array, up: Array) -> tuple[Array, Array]:
    """Mean tokens per second over the outages of independent devices, one at a time, (...,) each.

    whole : tokens with all in service [1/s], (...,). alone : with each device out alone, (..., device), as solved.
    up : availability of each device, (..., device), above 0.

    Returns the mean, in which two and more devices out at once count as no tokens, and the probability of that: the
    true mean is at most `whole` times that probability higher. What takes several devices at once is a device.

    >>> mean, rest = effective(100.0, np.array([50.0, 100.0]), np.array([0.9, 0.9]))
    >>> float(mean.round(6)), float(rest.round(6))
    (94.5, 0.01)
    """
    sound, single = (np.asarray(part) for part in single_outages(up))
    mean = sound * whole + (single * np.asarray(alone)).sum(axis=-1)
    return np.asarray(mean), np.asarray(np.maximum(1.0 - sound - single.sum(axis=-1), 0.0))


def _joined(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convolution over the last axis; sums of positive terms, so that small probabilities keep their digits."""
    units = other.shape[-1]
    whole = np.zeros((*np.broadcast_shapes(one.shape[:-1], other.shape[:-1]), one.shape[-1] + units - 1))
    for number in range(one.shape[-1]):
        whole[..., number : number + units] += one[..., number, None] * other
    return whole
