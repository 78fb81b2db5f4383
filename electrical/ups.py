"""Uninterruptible power supplies by mode, stored energy, and shelves that lose modules."""

from __future__ import annotations

import numpy as np

from electrical.converter import input_power
from electrical.quantities import Energy, Integer, Power, Ratio, Ratios, Time

DOUBLE_CONVERSION, ECO, ON_BATTERY = 0, 1, 2


def mode_coefficients(mode: Integer, double_conversion: Ratio, eco: Ratio) -> Ratios:
    """Loss coefficients of a UPS in the mode it is in, (..., 3), for the functions of `converter`.

    mode : (...,) 0 double conversion, 1 eco (the utility passes through), 2 on battery, as double conversion.
    double_conversion, eco : (..., 3) of `converter.loss_coefficients` in these modes [1].

    >>> mode_coefficients(np.array([0, 1]), [0.004, 0.008, 0.016], [0.002, 0.006, 0.002]).tolist()
    [[0.004, 0.008, 0.016], [0.002, 0.006, 0.002]]
    """
    return np.where((np.asarray(mode) == ECO)[..., None], eco, double_conversion)


def utility_power(output: Power, rating: Power, mode: Integer, double_conversion: Ratio, eco: Ratio) -> Power:
    """Power a UPS draws from the utility, (...,); none on battery.

    output : power delivered [W]. rating : rated output [W]; 0 is a dead UPS. mode, double_conversion, eco : as
    in `mode_coefficients`. Without recharge of the battery.

    >>> double, eco = [0.004, 0.008, 0.016], [0.002, 0.006, 0.002]
    >>> utility_power(500e3, 1e6, np.array([0, 1, 2]), double, eco).round().tolist()
    [512000.0, 505500.0, 0.0]
    """
    drawn = input_power(output, rating, mode_coefficients(mode, double_conversion, eco))
    return np.where(np.asarray(mode) == ON_BATTERY, 0.0, drawn)


def battery_power(output: Power, rating: Power, mode: Integer, inverter: Ratio) -> Power:
    """Power a UPS draws from its battery, (...,); none unless on battery.

    output : power delivered [W]. rating : rated output [W]; 0 is a dead UPS. mode : (...,) as in
    `mode_coefficients`. inverter : (..., 3) of `converter.loss_coefficients` from battery to output [1].

    >>> battery_power(500e3, 1e6, np.array([0, 2]), [0.002, 0.004, 0.008]).round().tolist()
    [0.0, 506000.0]
    """
    return np.where(np.asarray(mode) == ON_BATTERY, input_power(output, rating, inverter), 0.0)


def carried(
    needed: Power,
    available: Power,
    recharge: Power,
    energy: Energy,
    full: Energy,
    efficiency: Ratio,
    time: Time,
) -> tuple[Power, Energy]:
    """What a UPS draws from its source over a time, and the energy in its battery after it, two of (...,).

    needed : what its output takes, losses included [W]. available : most that its rectifier draws, infinite once it
    has walked in, 0 without a source [W]. recharge : most of that which its battery takes [W]. energy : in the battery,
    full : of a charged one [J]. efficiency : energy that comes out of the battery over what is drawn for it [1].
    time : above 0 [s]. The battery gives what the rectifier lacks, as far as it goes; what neither has passes by the
    bypass and counts as drawn. What the rectifier has left charges the battery until it is full.

    >>> drawn, left = carried(600e3, np.array([0.0, 200e3, np.inf]), 100e3, 290e6, 300e6, 0.95, 10.0)
    >>> drawn.round(6).tolist(), left.tolist()
    ([0.0, 200000.0, 700000.0], [284000000.0, 286000000.0, 290950000.0])
    """
    given = np.minimum(np.maximum(np.subtract(needed, available), 0.0) * time, energy)
    spare = np.minimum(recharge, np.maximum(np.subtract(available, needed), 0.0))
    stored = np.minimum(spare * efficiency * time, np.subtract(full, energy))
    drawn = needed + (stored / efficiency - given) / time
    return drawn, np.minimum(energy - given + stored, full)


def hold_up(energy: Energy, power: Power) -> Time:
    """Time that stored energy carries a power, (...,): energy over power; endless at no power.

    energy : usable, down to the end voltage and after ageing [J]. power : drawn from the store, with the losses
    behind it [W].

    >>> float(hold_up(150e3 * 300.0, 506e3).round(2))
    88.93
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.greater(power, 0.0), np.divide(energy, power), np.inf)


def discharge_time(power: Power, rated_power: Power, rated_time: Time, exponent: Ratio = 1.0) -> Time:
    """Time that a battery carries a power, from one point of its discharge table, (...,).

    rated_time (rated_power / power)^exponent; endless at no power.
    power : drawn from the battery [W]. rated_power [W] is carried for rated_time [s]. exponent : 1 is a fixed
    energy; lead-acid gives less of it the faster, 1.1 to 1.3 (Peukert, unverified).

    >>> float(discharge_time(250e3, 500e3, 300.0, 1.2).round(1))
    689.2
    """
    with np.errstate(divide="ignore"):
        return rated_time * np.power(np.divide(rated_power, power), exponent)


def shelf_hold_up(output: Power, rating: Power, modules: Integer, rated_time: Time = 0.02) -> Time:
    """Time that the capacitors in a shelf's modules carry its load when the input fails, (...,).

    modules rating rated_time / output: each module stores what carries its rated output for rated_time.
    output : power delivered by all [W]. rating : rated output of one module [W]. modules : how many are
    alive. rated_time : hold-up at full load [s]; 20 ms in the ORv3 HPR shelf. Endless at no power.

    >>> float(shelf_hold_up(132e3, 5.5e3, 48).round(4))
    0.04
    """
    return hold_up(np.multiply(rating, rated_time) * modules, output)


def spare_modules(output: Power, rating: Power, modules: Integer) -> Integer:
    """How many modules may still fail before the rest cannot carry the load, (...,); negative if too few.

    output : power delivered by all [W]. rating : rated output of one module [W], above 0. modules : how many
    are alive. N+1 is 1, N+N as many as the load needs.

    >>> spare_modules(np.array([132e3, 140e3]), 5.5e3, 48).tolist()
    [24, 22]
    """
    # A load of a whole number of modules may come out a rounding above it.
    needed = np.ceil(np.divide(output, rating) * (1.0 - 1e-12))
    return np.asarray(modules - needed, dtype=np.intp)
