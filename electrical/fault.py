"""Short-circuit currents at every node at once, by IEC 60909-0:2016.

From the impedances behind the nodes, `impedance`; of the standard the formulas, no clause, are known (see there).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical.impedance import Mesh, mesh_impedance
from electrical.quantities import (
    Current,
    Currents,
    Frequency,
    Integer,
    Ratio,
    Ratios,
    Reactance,
    Resistance,
    Time,
    Voltage,
)
from electrical.tree import depth

_Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fault:
    """Short circuit at each node, with that node alone faulted, (..., node) each.

    three_phase    : initial symmetrical current Ik'' [A].
    two_phase      : the same between two phases, clear of earth [A].
    phase_to_earth : the same between one phase and earth [A]; NaN where no zero sequence was given.
    peak_ratio     : peak over the crest of Ik'', kappa [1]. peak : peak of the three-phase current ip [A].
    thermal        : steady current of the same heat in the duration, Ith [A].
    breaking       : symmetrical three-phase current when the contacts part, far from generators Ik'' [A].
    """

    three_phase: Currents
    two_phase: Currents
    phase_to_earth: Currents
    peak_ratio: Ratios
    peak: Currents
    thermal: Currents
    breaking: Currents


def peak_factor(resistance: Resistance, reactance: Reactance) -> Ratio:
    """Kappa, the peak of a fault current over the crest of Ik'', (...,): 1.02 + 0.98 exp(-3 R/X).

    resistance, reactance : behind the fault, all in series as in a radial network [ohm]; else the ratio
    is that of `mesh_peak_factor`.

    >>> round(float(peak_factor(0.1, 1.0)), 4)
    1.746
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.divide(resistance, reactance)
    # Nothing behind an open branch, nor of 0 over 0: no offset.
    factor: Ratio = 1.02 + 0.98 * np.exp(-3.0 * np.where(np.isnan(ratio), np.inf, ratio))
    return factor


def mesh_peak_factor(mesh: Mesh, equivalent_frequency_ratio: Ratio = 0.4) -> Ratios:
    """Kappa at each node of a network of any shape, (..., node), by its impedance at a low frequency.

    mesh : the network, its generators with the resistance of `generator_peak_resistance_ratio`.
    equivalent_frequency_ratio : of the equivalent over the rated frequency [1]: 20 Hz of 50, 24 of 60.
    R / X = (R_c / X_c) (f_c / f): the method (c) of the standard, for any network.

    >>> from electrical.impedance import mesh
    >>> network = mesh([0], [1], [0.0], [0.1], [0, 1], [0.0, 0.0], [0.1, 0.2], 2)
    >>> print(mesh_peak_factor(network))
    [2. 2.]
    """
    resistance, reactance = mesh_impedance(mesh, equivalent_frequency_ratio)
    return np.asarray(peak_factor(resistance, reactance / equivalent_frequency_ratio))


def direct_current_heat(peak_ratio: Ratio, duration: Time, frequency: Frequency) -> Ratio:
    """Heat of the decaying direct current over that of Ik'' in the duration, m, (...,).

    peak_ratio : kappa [1], 1.02 to 2. duration : of the fault T_k [s], above 0. frequency : of the grid [Hz].
    m = (exp(4 f T_k ln(kappa - 1)) - 1) / (2 f T_k ln(kappa - 1)), which is 2 at kappa 2.

    >>> round(float(direct_current_heat(1.8, 0.1, 50.0)), 4)
    0.443
    """
    decay = 2.0 * frequency * duration * np.log(np.maximum(peak_ratio - 1.0, 1e-300))
    steady = decay == 0.0
    heat: Ratio = np.where(steady, 2.0, np.expm1(2.0 * decay) / np.where(steady, 1.0, decay))
    return heat


def alternating_current_heat(steady_ratio: Ratio, duration: Time) -> Ratio:
    """Heat of a decaying alternating current over that of Ik'' in the duration, n, (...,).

    steady_ratio : Ik'' over the steady current Ik [1], from 1, which is far from generators and gives 1.
    duration : of the fault T_k [s], above 0.

    The mean square of 1 + (b - 1) exp(-t/T') + (a - b) exp(-10 t/T') over a^2, with a = Ik''/Ik,
    b = a / (0.88 + 0.17 a) and T' = 3.1 s / b, the curves of IEC 60909-0 (both constants unverified). The
    curves begin at 1.25; between it and 1 the value goes straight to 1.

    >>> [round(float(alternating_current_heat(ratio, 0.5)), 3) for ratio in (1.0, 2.0, 4.0)]
    [1.0, 0.717, 0.446]
    """
    given = np.asarray(steady_ratio, dtype=np.float64)
    initial = np.maximum(given, 1.25)
    transient = initial / (0.88 + 0.17 * initial)
    constant = 3.1 / transient
    fast, slow = initial - transient, transient - 1.0
    elapsed = np.asarray(duration) / constant

    def mean(rate: float) -> _Float:
        """Mean of exp(-rate t / T') over the duration."""
        part: _Float = -np.expm1(-rate * elapsed) / (rate * elapsed)
        return part

    heat = 1.0 + fast**2 * mean(20.0) + slow**2 * mean(2.0)
    heat = heat + 2.0 * fast * mean(10.0) + 2.0 * slow * mean(1.0) + 2.0 * fast * slow * mean(11.0)
    heat = heat / initial**2
    share = np.clip((given - 1.0) / 0.25, 0.0, 1.0)
    ratio: Ratio = 1.0 + share * (heat - 1.0)
    return ratio


def direct_current(
    three_phase: Current, resistance: Resistance, reactance: Reactance, time: Time, frequency: Frequency
) -> Current:
    """Decaying direct current of a fault, at most, (...,): 2^1/2 Ik'' exp(-2 pi f t R/X).

    three_phase : Ik'' [A]. resistance, reactance : behind the fault [ohm]. time : since it began [s].
    frequency : of the grid [Hz]. A breaker that parts then must break (Ib^2 + i_dc^2)^1/2.

    >>> round(float(direct_current(100e3, 0.05, 1.0, 0.03, 50.0)))
    88279
    """
    decay = 2.0 * math.pi * frequency * time * resistance / reactance
    return math.sqrt(2.0) * three_phase * np.exp(-decay)


def breaking_ratio(current_ratio: Ratio, delay: Time) -> Ratio:
    """Symmetrical breaking current of a generator over its Ik'', mu, (...,).

    current_ratio : of the generator's own Ik'' over its rated current [1]; to 2 it is far and mu is 1.
    delay : from the fault to the parting of the first pole [s], 0.02 and above; from 0.25 on mu is that at
    0.25. mu = 0.84 + 0.26 exp(-0.26 r) at 0.02 s, 0.71 + 0.51 exp(-0.30 r) at 0.05 s,
    0.62 + 0.72 exp(-0.32 r) at 0.1 s and 0.56 + 0.94 exp(-0.38 r) at 0.25 s, straight in between; for
    machines of medium and low voltage with rotating exciters or static converters (unverified).

    >>> round(float(breaking_ratio(4.0, 0.1)), 4)
    0.8202
    """
    ratio, time = np.broadcast_arrays(
        np.asarray(current_ratio, dtype=np.float64), np.asarray(delay, dtype=np.float64)
    )
    delays = np.array([0.02, 0.05, 0.1, 0.25])
    floor, height, rate = np.array(
        [[0.84, 0.71, 0.62, 0.56], [0.26, 0.51, 0.72, 0.94], [0.26, 0.30, 0.32, 0.38]]
    )
    curves = np.minimum(floor + height * np.exp(-rate * ratio[..., None]), 1.0)
    upper = np.clip(np.searchsorted(delays, time, side="right"), 1, 3)
    share = np.clip((time - delays[upper - 1]) / (delays[upper] - delays[upper - 1]), 0.0, 1.0)
    before, after = (
        np.take_along_axis(curves, place[..., None], axis=-1)[..., 0] for place in (upper - 1, upper)
    )
    return np.where(ratio <= 2.0, 1.0, before + share * (after - before))


def fault(
    nominal_voltage: Voltage,
    resistance: Resistance,
    reactance: Reactance,
    factor: Ratio,
    zero_resistance: Resistance = math.nan,
    zero_reactance: Reactance = math.nan,
    peak_ratio: Ratio | None = None,
    duration: Time = 1.0,
    frequency: Frequency = 50.0,
    steady_ratio: Ratio = 1.0,
) -> Fault:
    """Every short-circuit current at every node, from the impedances behind them.

    nominal_voltage : (node,) line-line [V]. resistance, reactance : (..., node) behind each node in the
    positive sequence [ohm], by `path_impedance` or `mesh_impedance`; the negative is taken as equal.
    factor : (node,) voltage factor c [1]. zero_resistance, zero_reactance : (..., node) the same in the zero
    sequence [ohm], infinite where earth carries no current. peak_ratio : (..., node) kappa [1]; None, as of a
    radial network, takes `peak_factor`. duration : until the fault is cleared [s]. frequency : of the grid
    [Hz]. steady_ratio : Ik'' over Ik [1], 1 far from generators.
    Ik'' = c U / (3^1/2 Z), between two phases 3^1/2 / 2 of it, to earth 3^1/2 c U / |2 Z + Z0|;
    ip = kappa 2^1/2 Ik''; Ith = Ik'' (m + n)^1/2. The largest currents come with the largest factor and cold
    conductors, the smallest with the smallest and hot ones.

    >>> one = fault(415.0, 0.0001, 0.0014, 1.1)
    >>> print(f"{one.three_phase / 1e3:.1f} kA, peak {one.peak / 1e3:.1f} kA")
    187.8 kA, peak 480.9 kA
    """
    driving = np.asarray(factor) * np.asarray(nominal_voltage)
    resistance, reactance = np.asarray(resistance), np.asarray(reactance)
    with np.errstate(divide="ignore"):
        three_phase = driving / (math.sqrt(3.0) * np.hypot(resistance, reactance))
        loop = np.hypot(2.0 * resistance + zero_resistance, 2.0 * reactance + zero_reactance)
        phase_to_earth = math.sqrt(3.0) * driving / loop
    kappa = np.asarray(peak_factor(resistance, reactance) if peak_ratio is None else peak_ratio)
    heat = direct_current_heat(kappa, duration, frequency) + alternating_current_heat(steady_ratio, duration)
    return Fault(
        three_phase,
        math.sqrt(3.0) / 2.0 * three_phase,
        phase_to_earth,
        kappa,
        kappa * math.sqrt(2.0) * three_phase,
        three_phase * np.sqrt(heat),
        three_phase,
    )


def ups_current(
    rated_current: Current,
    bypass_current: Current,
    time: Time,
    limit_ratio: Ratio = 2.5,
    hold: Time = 0.1,
) -> Current:
    """Current that a double-conversion UPS feeds into a fault behind it, (...,).

    rated_current : of its output [A]. bypass_current : that the network would feed through the static
    bypass [A], by `fault` of the nodes behind it; 0 if the bypass is not available, as on battery.
    time : since the fault began [s]. limit_ratio : at which the inverter limits its current over the rated
    [1], 2 to 3 as makers state it. hold : until it gives over to the bypass, or off without one [s].
    A trip in time is judged at the smaller current, a withstand at the larger.

    >>> ups_current(1000.0, 25e3, np.array([0.05, 0.2])).tolist()
    [2500.0, 25000.0]
    """
    limited = np.asarray(limit_ratio) * rated_current
    return np.where(np.asarray(time) < hold, limited, bypass_current)


def converter_current(
    parent: Integer,
    resistance: Resistance,
    reactance: Reactance,
    nominal_voltage: Voltage,
    injected: Current,
) -> Currents:
    """What converters add to the fault current of each node of a radial network, (..., node).

    parent, resistance, reactance, nominal_voltage : as in `path_impedance`. injected : (..., node) current
    that the converters of each node hold during a fault, at the node's level [A], all in phase.
    |Sum_j Z_ij I_j| / |Z_ii|: all of it for a fault at the node or behind it, the share that the network
    does not take for others. It is added to Ik'' in magnitude, so that a sum is on the safe side, and to the
    peak without kappa.

    >>> add = converter_current(np.array([-1, 0, 0]), [0.0] * 3, [0.01, 0.01, 0.01], [400.0] * 3, [0, 500.0, 0])
    >>> print(add)
    [500. 500. 250.]
    """
    above = np.asarray(parent, dtype=np.intp)
    nominal = np.broadcast_to(np.asarray(nominal_voltage, dtype=np.float64), above.shape)
    level = depth(above)
    impedance = (np.asarray(resistance) + 1j * np.asarray(reactance)) / np.square(nominal)
    carried = np.asarray(injected, dtype=np.float64) * nominal
    shape = np.broadcast_shapes(impedance.shape, carried.shape, above.shape)
    carried, behind = np.array(np.broadcast_to(carried, shape)), np.array(np.broadcast_to(impedance, shape))
    steps = range(1, int(level.max(initial=0)) + 1)
    for step in reversed(steps):
        nodes = np.flatnonzero(level == step)
        np.add.at(carried.T, above[nodes], carried[..., nodes].T)
    raised = behind * carried
    for step in steps:
        nodes = np.flatnonzero(level == step)
        behind[..., nodes] += behind[..., above[nodes]]
        raised[..., nodes] += raised[..., above[nodes]]
    added: Currents = np.abs(raised / behind) / nominal
    return added
