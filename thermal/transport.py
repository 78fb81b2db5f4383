"""Heat on its way and in store, stepped exactly in time: pipes, tanks, plates, exchangers, pumps and valves.

Every function takes a state and a length of time over which flow and boundaries stand, and returns the new state: the
exact solution, so that steps may be of any length. What leaves is the mean over the step, so that rate x time x
temperature is the heat that left, and balances close to rounding. Streams are capacity rates (mass flow times heat
capacity, W/K) of a constant heat capacity; `line` is the same plug flow without loss for coolants whose heat capacity
changes. A pipe wall that stores heat is a `tank` of the wall's capacity after the pipe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermal.quantities import (
    AngularVelocity,
    Array,
    CapacityRate,
    Conductance,
    HeatCapacities,
    HeatCapacity,
    Inertia,
    Power,
    Ratio,
    Ratios,
    Temperature,
    TemperatureDifferences,
    Temperatures,
    Time,
)


def _settling(turns: Array) -> Array:
    """Mean of exp(-x) for x from 0 to `turns`: (1 - exp(-turns)) / turns, and 1 at none."""
    x = np.asarray(turns, dtype=np.float64)
    value: Array = np.divide(-np.expm1(-x), x, out=np.ones_like(x), where=x != 0)
    return value


def _lagging(turns: Array) -> Array:
    """Mean of 1 - exp(-x) for x from 0 to `turns`, over `turns`: (1 - `_settling`) / turns, and 1/2 at none."""
    x = np.asarray(turns, dtype=np.float64)
    small = np.minimum(x, 0.01)
    # The difference loses all digits at small turns; there the series, to 2e-14.
    series = 1 / 2 + small * (-1 / 6 + small * (1 / 24 + small * (-1 / 120 + small / 720)))
    value: Array = np.where(x > 0.01, (1 - _settling(x)) / np.maximum(x, 0.01), series)
    return value


def _mean_decay(one: Array, other: Array) -> Array:
    """Mean of exp(-x) for x between two values."""
    value: Array = np.exp(-np.minimum(one, other)) * _settling(np.abs(np.asarray(one) - other))
    return value


@dataclass(frozen=True, eq=False)
class Contents:
    """What is in a pipe: parcels that do not mix, the last to enter first.

    All (parcel, ...). capacity : heat capacity of each parcel [J/K]. base, swing : [K]. The temperature in a parcel is
    base + swing exp(-x), with x going in a straight line from `rear` at the end nearest the inlet to `front`: what
    entered first has lost heat for longest.
    """

    capacity: HeatCapacities
    base: Temperatures
    swing: TemperatureDifferences
    rear: Ratios
    front: Ratios


def filled(capacity: HeatCapacity, temperature: Temperature) -> Contents:
    """A pipe at one temperature, (...,).

    capacity : heat capacity of its contents, at least 0 [J/K]. temperature : [K].

    >>> filled(42e3, 300.0).capacity.tolist()
    [42000.0]
    """
    one = np.broadcast_arrays(np.asarray(capacity, np.float64), np.asarray(temperature, np.float64))
    none = np.zeros((1, *one[0].shape))
    return Contents(one[0][None].copy(), one[1][None].copy(), none, none, none)


def mean_temperature(contents: Contents) -> Temperature:
    """Mean temperature of what is in a pipe, (...,) [K]; times its heat capacity, what is stored.

    contents : of the pipe, not empty.

    >>> float(mean_temperature(filled(42e3, 300.0)))
    300.0
    """
    parcels = contents.base + contents.swing * _mean_decay(contents.rear, contents.front)
    mean: Array = (contents.capacity * parcels).sum(axis=0) / contents.capacity.sum(axis=0)
    return mean


def pipe(
    contents: Contents,
    inlet: Temperature,
    rate: CapacityRate,
    time: Time,
    conductance: Conductance = 0.0,
    ambient: Temperature = 0.0,
) -> tuple[Contents, Temperature]:
    """A pipe after a time, and the mean temperature at its outlet over that time, (...,) [K].

    contents : of the pipe, from `filled` or the step before. inlet : [K]. rate : at least 0 [W/K]. time : above 0 [s].
    conductance : from the coolant to the surroundings over the whole pipe [W/K]. ambient : of the surroundings [K].
    Plug flow: what enters comes out once the contents have been pushed through, at whatever flow, and has by then
    come nearer to the surroundings by exp(-conductance x its time in the pipe / capacity), in steady flow
    exp(-UA / rate). Without conductance an exact delay. Where nothing flows the temperature at the outlet's end.

    >>> state = filled(10.0, 20.0)
    >>> for _ in range(3):
    ...     state, out = pipe(state, 30.0, 4.0, 1.0)
    >>> float(out)
    25.0
    """
    shape = np.broadcast_shapes(
        contents.capacity.shape[1:], *(np.shape(value) for value in (inlet, rate, time, conductance, ambient))
    )
    warm, entering, span, lossy, around = (
        np.broadcast_to(np.asarray(value, dtype=np.float64), shape)
        for value in (inlet, np.asarray(rate) * time, time, conductance, ambient)
    )
    capacity, base, swing, rear, front = (
        np.concatenate([first[None], np.broadcast_to(parcels, (len(parcels), *shape))])
        for first, parcels in (
            (entering, contents.capacity),
            (around, contents.base),
            (warm - around, contents.swing),
            (np.zeros(shape), contents.rear),
            (np.zeros(shape), contents.front),
        )
    )
    held = capacity[1:].sum(axis=0)
    turns = np.divide(lossy * span, held, out=np.zeros(shape), where=held > 0)
    # Up to where it entered the newest parcel has stood the whole step, its last drop not at all.
    front[0] = turns
    before = np.cumsum(capacity, axis=0) - capacity
    kept = np.clip(held - before, 0.0, capacity)
    leaving = capacity - kept
    share = np.divide(kept, capacity, out=np.ones_like(capacity), where=capacity > 0)
    split = rear + (front - rear) * share

    # A drop leaves once those ahead of it have; until then it goes on losing heat.
    ahead = np.cumsum(leaving[::-1], axis=0)[::-1] - leaving
    pace = np.divide(turns, entering, out=np.zeros(shape), where=entering > 0)
    first, last = ahead * pace, (ahead + leaving) * pace
    # Of the newest parcel all drops cross the pipe in the same time.
    first[0] = last[0] = 0.0
    ends = split + last, front + first
    ends[1][0] = split[0]
    drops = around + (base - around) * _mean_decay(first, last) + swing * _mean_decay(*ends)
    passed = leaving.sum(axis=0)

    decay = np.ones_like(capacity)
    decay[1:] = np.exp(-turns)
    after = Contents(kept, around + (base - around) * decay, swing * decay, rear, split)
    oldest = len(capacity) - 1 - np.argmax(capacity[::-1] > 0, axis=0)
    ends_at = np.take_along_axis(after.base + after.swing * np.exp(-front), oldest[None], axis=0)[0]
    mean = (leaving * drops).sum(axis=0) / np.where(passed > 0, passed, 1.0)
    outlet: Array = np.where(passed > 0, mean, ends_at)
    used = (kept > 0).reshape(len(kept), -1).any(axis=-1)
    used[0] |= not used.any()
    return (
        Contents(
            after.capacity[used], after.base[used], after.swing[used], after.rear[used], after.front[used]
        ),
        outlet,
    )


def node(
    temperature: Temperature,
    capacity: HeatCapacity,
    conductance: Conductance,
    reference: Temperature,
    power: Power,
    time: Time,
) -> tuple[Temperature, Temperature]:
    """Temperature of a lump after a time, and its mean over that time, two of (...,) [K].

    temperature : at the start [K]. capacity : above 0 [J/K]. conductance : to the reference, at least 0 [W/K].
    reference : [K]. power : taken up besides [W]. time : [s]. C dT/dt = power + conductance (reference - T), solved
    exactly. A cold plate is such a lump: capacity of plate, lid and the coolant in it, reference the coolant at its
    inlet, conductance the inverse of `coldplate.resistance` but not above the capacity rate of its coolant.

    >>> [round(float(t), 3) for t in node(318.15, 460.0, 47.0, 318.15, 1000.0, 9.8)]
    [331.61, 325.985]
    """
    drive = power + np.asarray(conductance) * (np.asarray(reference) - temperature)
    turns = np.asarray(conductance) * time / capacity
    reach = drive * time / capacity
    return temperature + reach * _settling(turns), temperature + reach * _lagging(turns)


def tank(
    temperature: Temperature,
    capacity: HeatCapacity,
    rate: CapacityRate,
    inlet: Temperature,
    power: Power,
    time: Time,
    conductance: Conductance = 0.0,
    ambient: Temperature = 0.0,
) -> tuple[Temperature, Temperature]:
    """Temperature of a well-stirred tank after a time, and its mean over that time, two of (...,) [K].

    temperature : at the start [K]. capacity : of the contents, above 0 [J/K]. rate : through it [W/K]. inlet : [K].
    power : heat put in [W]. time : [s]. conductance : to the surroundings [W/K]. ambient : of the surroundings [K].
    What leaves has the tank's temperature; without loss it is inlet + (start - inlet) exp(-rate time / capacity). A
    rack's coolant, a buffer, the wall of a pipe and the liquid in an exchanger are such tanks.

    >>> [round(float(t), 4) for t in tank(300.0, 4.0, 2.0, 310.0, 0.0, 2.0)]
    [306.3212, 303.6788]
    """
    both = np.asarray(rate) + conductance
    pull = rate * (np.asarray(inlet) - temperature) + conductance * (np.asarray(ambient) - temperature)
    # The two together as one reference, written as its distance so that neither need be there.
    distance = np.divide(pull, both, out=np.zeros(np.broadcast(pull, both).shape), where=both > 0)
    return node(temperature, capacity, both, temperature + distance, power, time)


def exchanger(
    hot: Temperature,
    cold: Temperature,
    hot_capacity: HeatCapacity,
    cold_capacity: HeatCapacity,
    hot_rate: CapacityRate,
    cold_rate: CapacityRate,
    hot_inlet: Temperature,
    cold_inlet: Temperature,
    effectiveness: Ratio,
    time: Time,
) -> tuple[Temperature, Temperature, Temperature, Temperature]:
    """Outlets of a heat exchanger after a time, hot and cold, and their means over that time, four of (...,) [K].

    hot, cold : outlets at the start [K]. hot_capacity, cold_capacity : of the liquid and half of the metal on each
    side, above 0 [J/K]. hot_rate, cold_rate : [W/K]. hot_inlet, cold_inlet : [K]. effectiveness : at these rates, as of
    `exchanger.counterflow`. time : [s]. The heat of the steady state passes at once and each side mixes: a first-order
    lag that ends in the steady state and keeps energy.

    >>> [round(float(t), 2) for t in exchanger(330.0, 320.0, 1e5, 1e5, 1e4, 1e4, 330.0, 310.0, 0.8, 1e4)[:2]]
    [314.0, 326.0]
    """
    duty = effectiveness * np.minimum(hot_rate, cold_rate) * (np.asarray(hot_inlet) - cold_inlet)
    hot_after, hot_mean = tank(hot, hot_capacity, hot_rate, hot_inlet, -duty, time)
    cold_after, cold_mean = tank(cold, cold_capacity, cold_rate, cold_inlet, duty, time)
    return hot_after, cold_after, hot_mean, cold_mean


def run_down_time(inertia: Inertia, speed: AngularVelocity, power: Power) -> Time:
    """Time in which a pump or fan without drive loses half of its speed, (...,) [s].

    inertia : of all that turns, liquid included [kg m^2]. speed : before [rad/s]. power : at the shaft then [W].
    J w^2 / P: the torque of a pump goes with the square of its speed.

    >>> round(float(run_down_time(0.5, 300.0, 30e3)), 3)
    1.5
    """
    seconds: Array = inertia * np.square(speed) / power
    return seconds


def coasted(speed: Ratio, run_down: Time, time: Time) -> Ratio:
    """Speed of a pump or fan without drive after a time, (...,), over full speed.

    speed : before, over full speed. run_down : from full to half speed, as `run_down_time` [s]. time : [s].
    J dw/dt = -k w^2 gives 1 / (1 / speed + time / run_down): a hyperbola, long in its tail, where bearings and the head
    of the check valve end it sooner.

    >>> float(coasted(1.0, 2.0, 2.0)), float(coasted(0.5, 2.0, 4.0))
    (0.5, 0.25)
    """
    return speed / (1 + np.asarray(speed) * time / run_down)


def stroked(position: Ratio, target: Ratio, stroke: Time, time: Time) -> Ratio:
    """Position of a valve, or speed of a ramped pump, after a time, (...,).

    position : before, 0 to 1. target : where it is sent. stroke : time from end to end, above 0 [s]. time : [s].
    It moves at one speed until it is there; 120 s of a valve and 30 s of a pump are the defaults of the Modelica
    Buildings library.

    >>> float(stroked(0.2, 1.0, 120.0, 30.0)), float(stroked(0.9, 1.0, 120.0, 30.0))
    (0.45, 1.0)
    """
    way = np.asarray(time) / stroke
    return position + np.clip(np.asarray(target) - position, -way, way)
