"""When protection trips, whether the nearer device trips first, and what conductors and devices withstand.

A trip curve is a time over the current, infinite where the device does not trip. Selectivity compares curves,
whatever they come from: the earliest trip of the upstream device with the latest of the downstream one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical.quantities import (
    Area,
    Boolean,
    Current,
    Currents,
    JouleIntegral,
    Ratio,
    Temperature,
    Time,
    Times,
    WithstandDensity,
)

_Float = npt.NDArray[np.float64]

# Numerator [s], offset [s] and exponent of t = dial (numerator / (M^exponent - 1) + offset). IEC 60255-151 and
# IEEE C37.112, as public implementations of both agree on them.
_CURVES = {
    "IEC standard inverse": (0.14, 0.0, 0.02),
    "IEC very inverse": (13.5, 0.0, 1.0),
    "IEC extremely inverse": (80.0, 0.0, 2.0),
    "IEEE moderately inverse": (0.0515, 0.1140, 0.02),
    "IEEE very inverse": (19.61, 0.491, 2.0),
    "IEEE extremely inverse": (28.2, 0.1217, 2.0),
}

# Joule integral over the square of the section to melt a rise of ln(1 + ...) = 1 [A^2 s/m^4], and the temperature
# at which the resistance would vanish, below 0 degC [K]: IEC 60364-5-54 and IEC 60949 as design guides quote them.
_METALS = {"copper": (226e6**2, 234.5), "aluminium": (148e6**2, 228.0)}


@dataclass(frozen=True, eq=False)
class TripUnit:
    """Bands of electronic low-voltage trip units, made by `trip_unit`; each setting (...,).

    long_pickup, short_pickup, short_knee, instantaneous_pickup [A]; long, short, instantaneous times
    early and late [s]; pickup_tolerance [1]: see `trip_unit`.
    """

    long_pickup: Currents
    long_early: Times
    long_late: Times
    short_pickup: Currents
    short_knee: Currents
    short_early: Times
    short_late: Times
    instantaneous_pickup: Currents
    instantaneous_early: Times
    instantaneous_late: Times
    pickup_tolerance: _Float


@dataclass(frozen=True, eq=False)
class Selectivity:
    """How a pair of devices in series shares its faults, (...,) each.

    margin : least time between the latest trip downstream and the earliest upstream, up to the fault [s];
    negative where the upstream device may be first. limit : current up to which the pair is selective [A],
    on the grid of currents, the fault itself where it holds all the way. full : whether it does.
    """

    margin: Times
    limit: Currents
    full: Boolean


def inverse_time(
    current: Current, pickup: Current, dial: Ratio, curve: str, largest_ratio: Ratio = 20.0
) -> Time:
    """Operating time of an inverse-time relay, (...,), infinite at and below its pickup.

    current : [A]. pickup : setting [A], above 0. dial : time multiplier of IEC, time dial of IEEE [1].
    curve : "IEC standard inverse", "IEC very inverse", "IEC extremely inverse", "IEEE moderately inverse",
    "IEEE very inverse" or "IEEE extremely inverse". largest_ratio : of current over pickup from which the
    time stays as it is [1]; 20 of many relays, infinite if it never does.
    t = dial (A / ((I/I_s)^p - 1) + B), IEC 60255-151 and IEEE C37.112 (both unverified). The breaker's time is
    not in it.

    >>> round(float(inverse_time(1000.0, 100.0, 1.0, "IEC standard inverse")), 3)
    2.971
    """
    if curve not in _CURVES:
        raise ValueError(f"{curve!r} is not one of {', '.join(_CURVES)}")
    numerator, offset, exponent = _CURVES[curve]
    ratio = np.minimum(np.asarray(current, dtype=np.float64) / pickup, largest_ratio)
    trips = ratio > 1.0
    excess = np.where(trips, ratio, 2.0) ** exponent - 1.0
    return np.where(trips, dial * (numerator / excess + offset), np.inf)


def trip_unit(
    long_pickup: Current,
    long_early: Time,
    long_late: Time,
    short_pickup: Current = math.inf,
    short_early: Time = 0.0,
    short_late: Time = 0.0,
    short_knee: Current = 0.0,
    instantaneous_pickup: Current = math.inf,
    instantaneous_early: Time = 0.0,
    instantaneous_late: Time = 0.05,
    pickup_tolerance: Ratio = 0.1,
) -> TripUnit:
    """A low-voltage trip unit with long-time, short-time and instantaneous bands, for `earliest_trip`.

    long_pickup : I_r [A]; above it the time falls with the square of the current, long_early to long_late
    being that at six times I_r [s]. short_pickup : I_sd [A], short_early its longest time without a trip and
    short_late its longest clearing time [s]; short_knee : current below which both grow with the inverse
    square [A], 0 for a constant time. instantaneous_pickup : I_i [A] and its times [s], of which the late
    one holds the arc. Infinite pickups are bands that are off. pickup_tolerance : by which the short and
    instantaneous pickups may lie lower or higher, and the long one higher [1]; it lies no lower, a device must
    not trip at its rating. All settings broadcast; give them an axis of 1 for the currents, (pair, 1).

    >>> unit = trip_unit(1000.0, 12.0, 15.0, 8e3, 0.14, 0.2)
    >>> unit.short_late.tolist()
    0.2
    """
    parts = np.broadcast_arrays(
        *(
            np.asarray(part, dtype=np.float64)
            for part in (
                long_pickup, long_early, long_late, short_pickup, short_knee, short_early, short_late,
                instantaneous_pickup, instantaneous_early, instantaneous_late, pickup_tolerance,
            )
        )
    )  # fmt: skip
    return TripUnit(*parts)


def earliest_trip(unit: TripUnit, current: Current) -> Times:
    """Shortest time after which a trip unit may trip, (...,), infinite where it does not.

    unit : its bands. current : [A], broadcast against the settings.

    >>> unit = trip_unit(1000.0, 12.0, 15.0, 8e3, 0.14, 0.2)
    >>> earliest_trip(unit, np.array([900.0, 3e3, 10e3])).round(2).tolist()
    [inf, 48.0, 0.14]
    """
    low = 1.0 - unit.pickup_tolerance
    return _band(
        unit, current, unit.long_pickup, low, unit.long_early, unit.short_early, unit.instantaneous_early
    )


def latest_trip(unit: TripUnit, current: Current) -> Times:
    """Longest time within which a trip unit has cleared the current, (...,), infinite where it may not.

    unit : its bands. current : [A], broadcast against the settings.

    >>> unit = trip_unit(1000.0, 12.0, 15.0, 8e3, 0.14, 0.2)
    >>> latest_trip(unit, np.array([1050.0, 3e3, 10e3])).round(2).tolist()
    [inf, 60.0, 0.2]
    """
    high = 1.0 + unit.pickup_tolerance
    pickup = high * unit.long_pickup
    return _band(unit, current, pickup, high, unit.long_late, unit.short_late, unit.instantaneous_late)


def borne_current(unit: TripUnit, duration: Time) -> Currents:
    """Largest current that a trip unit bears for a while without a trip, (...,): the inverse of `earliest_trip`.

    unit : its bands. duration : for which the current stands [s], broadcast against the settings.
    The long-time band 6 I_r (t_early / t)^1/2, not below I_r, held below the lower edges of the other bands where they
    trip within the duration. Pulses that repeat are judged also by their mean square, `heating_ratio`.

    >>> unit = trip_unit(1000.0, 12.0, 15.0, 8e3, 0.14, 0.2)
    >>> borne_current(unit, np.array([0.1, 3.0, 48.0, 3600.0])).round().tolist()
    [65727.0, 7200.0, 3000.0, 1000.0]
    """
    time = np.asarray(duration, dtype=np.float64)
    low = 1.0 - unit.pickup_tolerance
    long = np.maximum(6.0 * unit.long_pickup * np.sqrt(unit.long_early / time), unit.long_pickup)
    ramp = unit.short_knee * np.sqrt(unit.short_early / time)
    short = np.where(time < unit.short_early, np.inf, np.maximum(low * unit.short_pickup, ramp))
    fast = np.where(time < unit.instantaneous_early, np.inf, low * unit.instantaneous_pickup)
    borne: Currents = np.minimum(np.minimum(long, short), fast)
    return borne


def _band(
    unit: TripUnit,
    current: Current,
    long_pickup: _Float,
    tolerance: _Float,
    long_time: _Float,
    short_time: _Float,
    instantaneous_time: _Float,
) -> _Float:
    """The fastest of the three bands at one edge of its tolerance, (...,)."""
    amperes = np.asarray(current, dtype=np.float64)
    square = np.square(np.where(amperes > 0.0, amperes, 1.0))
    long = np.where(amperes > long_pickup, long_time * np.square(6.0 * unit.long_pickup) / square, np.inf)
    ramp = np.maximum(np.square(unit.short_knee) / square, 1.0)
    short = np.where(amperes > tolerance * unit.short_pickup, short_time * ramp, np.inf)
    above = amperes > tolerance * unit.instantaneous_pickup
    instantaneous = np.where(above, instantaneous_time, np.inf)
    fastest: _Float = np.minimum(np.minimum(long, short), instantaneous)
    return fastest


def tabulated_time(current: Current, curve_current: Currents, curve_time: Times) -> Times:
    """Time on a published curve, straight between its points on logarithmic axes, (..., current).

    current : [A]. curve_current : (point,) rising [A]; curve_time : (..., point) falling [s], such as the
    melting and the clearing time of fuses. Infinite below the first point, and the last time beyond the last.

    >>> curve = np.array([100.0, 400.0]), np.array([100.0, 1.0])
    >>> tabulated_time(np.array([50.0, 200.0, 1e4]), *curve).round(9).tolist()
    [inf, 10.0, 1.0]
    """
    at, points = np.asarray(current, dtype=np.float64), np.asarray(curve_current, dtype=np.float64)
    place = np.interp(np.log(np.maximum(at, points[0])), np.log(points), np.arange(len(points)))
    below = np.minimum(place.astype(np.intp), len(points) - 2)
    times = np.log(np.asarray(curve_time, dtype=np.float64))
    share = place - below
    found = np.exp((1.0 - share) * times[..., below] + share * times[..., below + 1])
    return np.where(at < points[0], np.inf, found)


def clearing_time(trip_time: Time, breaking_time: Time) -> Times:
    """Time until the first of several devices in series has cleared a fault, (...,).

    trip_time : (..., device) latest trip of each at the fault's current [s], infinite if it stays shut.
    breaking_time : (..., device) from the trip to the end of the arc [s]; 0 where the trip time holds it, as
    that of a trip unit does.

    >>> float(clearing_time(np.array([0.4, 0.1, np.inf]), np.array([0.06, 0.06, 0.06])).round(3))
    0.16
    """
    cleared: Times = np.min(np.asarray(trip_time) + np.asarray(breaking_time), axis=-1)
    return cleared


def selectivity(
    current: Currents, upstream: Times, downstream: Times, fault: Current, required: Time = 0.0
) -> Selectivity:
    """Whether a downstream device clears its faults before the upstream one trips.

    current : (current,) rising grid [A]. upstream : (..., current) earliest trip of the upstream device [s];
    downstream : (..., current) latest clearing of the downstream one [s]. fault : (...,) largest current
    behind the downstream device [A]. required : (...,) time wanted between them [s]: 0 of trip units with
    bands, 0.2 to 0.3 s of relays whose times hold no tolerance.
    Where neither trips nothing is asked. Judged up to the first current of the grid that is not below the
    fault; a fault beyond the grid is not judged in full. Current-limiting devices may be selective for longer,
    which only the maker's tables know.

    >>> grid = np.array([1e3, 2e3, 4e3, 8e3])
    >>> pair = selectivity(grid, np.array([9.0, 2.0, 0.1, 0.1]), np.array([1.0, 0.5, 0.2, 0.05]), 8e3)
    >>> float(pair.limit), bool(pair.full), float(pair.margin.round(3))
    (2000.0, False, -0.1)
    """
    grid = np.asarray(current, dtype=np.float64)
    early, late = np.broadcast_arrays(
        np.asarray(upstream, dtype=np.float64), np.asarray(downstream, dtype=np.float64)
    )
    largest = np.asarray(fault, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        gap = np.where(np.isinf(early), np.inf, early - late)
    before = np.concatenate([[0.0], grid[:-1]])
    judged = before < largest[..., None]
    gap = np.where(judged, gap, np.inf)
    held = gap >= np.asarray(required)[..., None]
    broken = ~held.all(axis=-1)
    first = np.argmin(held, axis=-1)
    reached = np.where(broken, before[first], np.minimum(largest, grid[-1]))
    full = ~broken & (largest <= grid[-1])
    return Selectivity(gap.min(axis=-1), reached, full)


def let_through(thermal_current: Current, duration: Time) -> JouleIntegral:
    """Joule integral that a fault lets through, (...,): Ith^2 T_k.

    thermal_current : `Fault.thermal` of that duration [A]. duration : until it is cleared [s].

    >>> float(let_through(10e3, 0.1))
    10000000.0
    """
    return np.square(thermal_current) * duration


def withstand_density(
    initial: Temperature, final: Temperature, conductor: str = "copper"
) -> WithstandDensity:
    """Joule integral that a conductor withstands over the square of its section, k^2, (...,).

    initial, final : temperature before the fault and the most its insulation bears [K]: PVC 70 and 160 degC
    (140 above 300 mm2), XLPE and EPR 90 and 250 degC. conductor : "copper" or "aluminium".
    k = 226 A s^1/2/mm2 (ln(1 + (T_f - T_i) / (234.5 K + T_i)))^1/2 of copper, T in degC; 148 and 228 K of
    aluminium: IEC 60949 (unverified), adiabatic, to 5 s. It gives the tables of IEC 60364-4-43: 115 and 143.

    >>> round(float(withstand_density(363.15, 523.15)) ** 0.5 / 1e6)
    143
    """
    if conductor not in _METALS:
        raise ValueError(f"{conductor!r} is not one of {', '.join(_METALS)}")
    density, offset = _METALS[conductor]
    rise = (np.asarray(final) - initial) / (np.asarray(initial) - 273.15 + offset)
    return density * np.log1p(rise)


def withstand(density: WithstandDensity, section: Area) -> JouleIntegral:
    """Joule integral that a conductor withstands, (...,): k^2 S^2.

    density : k^2 by `withstand_density` [A^2 s/m^4]. section : of the metal [m^2].

    >>> round(float(withstand(143e6**2, 95e-6)) / 1e6)
    185
    """
    return density * np.square(section)


def short_time_margin(
    load_ratio: Ratio,
    duration: Time,
    rating_duration: Times,
    rating_ratio: Ratio,
    continuous_ratio: Ratio = 1.0,
    between: str = "steps",
) -> Ratio:
    """What a device bears for a while over its rating, less the load, (...,) [1]; positive is inside.

    load_ratio : load over the continuous rating [1], duration : for which it stands [s]. rating_duration,
    rating_ratio : (point,) what the device bears and how long, durations rising [s], [1]: a UPS 1.4 for 30 s,
    a shelf 1.6 for some milliseconds. continuous_ratio : what it bears beyond the last duration [1].
    between : "steps", the next longer rating, as makers guarantee; "curve", straight on logarithmic axes, as
    the I^2 t of a breaker is between any two of its points. Below the first duration the first rating holds.
    Pulses that repeat are judged also by `heating_ratio`.

    >>> points = np.array([30.0, 600.0]), np.array([1.4, 1.1])
    >>> short_time_margin(1.25, np.array([10.0, 60.0, 900.0]), *points).round(2).tolist()
    [0.15, -0.15, -0.25]
    """
    time = np.asarray(duration, dtype=np.float64)
    times, ratios = np.asarray(rating_duration, dtype=np.float64), np.asarray(rating_ratio, dtype=np.float64)
    if between == "steps":
        borne = np.append(ratios, continuous_ratio)[np.searchsorted(times, time)]
    elif between == "curve":
        inside = np.clip(time, times[0], times[-1])
        borne = np.exp(np.interp(np.log(inside), np.log(times), np.log(ratios)))
        borne = np.where(time > times[-1], continuous_ratio, borne)
    else:
        raise ValueError(f"{between!r} is not 'steps' or 'curve'")
    return borne - load_ratio


def heating_ratio(peak_ratio: Ratio, base_ratio: Ratio, duration: Time, period: Time) -> Ratio:
    """Steady load of the same heat as pulses that repeat, over the rating, (...,).

    peak_ratio, base_ratio : load over the rating in a pulse and between [1]. duration : of a pulse, period :
    from one to the next [s], not below the duration. Root mean square; it holds for whatever warms slowly
    against the period, conductors and breakers, and is at most 1 of what bears its rating continuously.

    >>> round(float(heating_ratio(1.5, 0.8, 0.2, 1.0)), 3)
    0.981
    """
    share = np.asarray(duration) / period
    ratio: Ratio = np.sqrt(share * np.square(peak_ratio) + (1.0 - share) * np.square(base_ratio))
    return ratio
