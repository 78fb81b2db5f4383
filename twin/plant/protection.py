"""Breakers and relays of the one-line against its short circuits: what they break, clear, bear and leave to others.

Each stands at the head of a device's branch, and so carries what a fault right behind it or at the device draws. All
of it is a property of the design: it holds in every scenario with all devices in service.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from electrical import fault, protection
from twin.facility import Facility, Protection
from twin.plant.fault import FREQUENCY, currents

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

MARGIN = 0.3
"""Time that a relay leaves the device behind it: tolerance of both, overshoot and the breaker's own time [s]; the usual
0.2 to 0.4 s of inverse-time relays (unverified). Bands of trip units hold their tolerance themselves."""
LONGEST = 5.0
"""For which the adiabatic withstand of a conductor holds [s]."""
GRID = np.geomspace(10.0, 1e6, 1000)
"""Currents at which curves are compared [A]."""


@dataclass(frozen=True)
class Protected:
    """(device,) NaN without protection of its own.

    breaking : largest current right behind it over what it breaks [1]. clearing : longest time to clear the smallest
    fault at its device, one phase to earth or three, through the bypass of UPS [s]; infinite where it stays shut.
    withstand : Joule integral of faults over what the conductor to its device bears [1]. gap : least time between its
    latest trip and the earliest of the next one above, for every current behind it [s], and required : what that has to
    be; NaN without one above. selective : current up to which they keep it over the largest behind it [1].
    coordination : its rated current over what the conductor may carry for good [1].
    """

    breaking: Array
    clearing: Array
    withstand: Array
    gap: Array
    required: Array
    selective: Array
    coordination: Array


@lru_cache(maxsize=4)
def protected(facility: Facility) -> Protected:
    """What the protection of the alternating-current chain comes to.

    >>> import twin
    >>> pod = twin.load()
    >>> whip = pod.devices.name.index("whip.row1.01.rpp.A1")
    >>> bool(protected(pod).selective[whip] == 1.0)
    True
    """
    chain, made = facility.chain, facility.protection
    level = currents(facility)
    head = chain.parent[made.node]
    largest = level.greatest[head]
    ratio = chain.voltage[made.node] / chain.voltage[head]
    earth = np.where(np.isnan(level.least_earth[made.node]), np.inf, level.least_earth[made.node])
    # A delta turns the current of one phase to earth into one between two lines, 3^1/2 smaller.
    earth = np.where(np.isin(made.node, chain.transformer_node), earth / np.sqrt(3.0), earth)
    smallest = np.minimum(level.least[made.node], earth) * ratio
    # Equal pairs are judged once: a site has thousands of whips and a handful of kinds of them.
    above = np.maximum(made.upstream, 0)
    factor = np.where(made.upstream >= 0, chain.voltage[head] / chain.voltage[head[above]], 0.0)
    rows = np.stack(
        [
            made.curve, np.where(made.upstream >= 0, made.curve[above], -1), made.pickup, made.pickup[above], factor,
            *(np.round(value, 3) for value in (largest, smallest)),
            np.nan_to_num(made.section, nan=-1.0), made.withstand,
            level.resistance[head] / level.reactance[head],
        ],
        axis=1,
    )  # fmt: skip
    _, first, back = np.unique(np.round(rows, 12), axis=0, return_index=True, return_inverse=True)
    one = made.taken(first)
    clearing = _latest(one, smallest[first, None])[:, 0]
    heat = _heat(one, largest[first], smallest[first], clearing, rows[first, -1])
    pairs, required = _pairs(one, made.taken(above[first]), factor[first], largest[first])
    paired = np.where(made.upstream >= 0, 1.0, np.nan)

    def placed(values: Array) -> Array:
        found = np.full(len(facility.devices.name), np.nan)
        found[made.device] = values
        return found

    with np.errstate(divide="ignore", invalid="ignore"):
        return Protected(
            breaking=placed(largest / made.breaking),
            clearing=placed(clearing[back.ravel()]),
            withstand=placed(heat[back.ravel()]),
            gap=placed(pairs.margin[back.ravel()] * paired),
            required=placed(required[back.ravel()] * paired),
            selective=placed((pairs.limit / largest[first])[back.ravel()] * paired),
            coordination=placed(made.rated / made.ampacity),
        )


def _latest(made: Protection, current: Array) -> Array:
    """Time within which each has cleared a current, (protection, current) [s]."""
    return np.asarray(
        np.minimum(protection.latest_trip(made.unit, current), _relay(made, current, made.breaking_time))
    )


def _relay(made: Protection, current: Array, breaking_time: Array) -> Array:
    """Time of the inverse-time relays with that of their breakers, (protection, current) [s]; infinite for others."""
    found = np.full(np.broadcast_shapes(current.shape, (len(made.curve), 1)), np.inf)
    amps = np.broadcast_to(current, found.shape)
    for curve in sorted(set(made.relay) - {""}):
        mine = np.array([name == curve for name in made.relay])
        time = protection.inverse_time(amps[mine], made.pickup[mine, None], made.dial[mine, None], curve)
        found[mine] = time + breaking_time[mine, None]
    return found


def _heat(made: Protection, largest: Array, smallest: Array, clearing: Array, ratio: Array) -> Array:
    """Joule integral over what the conductor bears, of the largest fault at its head and the smallest at its end."""
    time = np.minimum(_latest(made, largest[:, None])[:, 0], 1e9)
    factor = fault.peak_factor(ratio, 1.0)
    direct = fault.direct_current_heat(factor, time, FREQUENCY)
    passed = np.minimum(protection.let_through(largest * np.sqrt(1.0 + direct), time), made.let_through)
    ended = np.minimum(protection.let_through(smallest, np.minimum(clearing, 1e9)), made.let_through)
    return np.asarray(np.maximum(passed, ended) / protection.withstand(made.withstand, made.section))


def _pairs(
    made: Protection, above: Protection, factor: Array, largest: Array
) -> tuple[protection.Selectivity, Array]:
    """How each and the one above it share the faults behind it, and the time wanted between them [s], (protection,)."""
    early = np.minimum(
        protection.earliest_trip(above.unit, GRID * factor[:, None]),
        _relay(above, GRID * factor[:, None], np.zeros(len(factor))),
    )
    required = np.where([bool(name) for name in above.relay], MARGIN, 0.0)
    return protection.selectivity(GRID, early, _latest(made, GRID), largest, required), required
