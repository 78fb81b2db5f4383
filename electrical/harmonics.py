"""Harmonics of radial networks by linear penetration, what they cost a transformer, and their limits.

Loads are current sources at each order, sources of the network are short circuits, branches have R + j h X and
shunts G + j h B (capacitive) or G + j B / h (inductive). The tree is eliminated leaves first and solved roots
first, exactly, without a matrix. Balanced orders only: those that are a multiple of three are of zero sequence,
which a delta winding stops, and need a network of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from electrical.quantities import (
    ApparentPower,
    ComplexCurrent,
    ComplexImpedance,
    ComplexVoltage,
    Current,
    Power,
    Ratio,
    Ratios,
    ReactivePower,
    Voltage,
)
from electrical.tree import Forest, depth

_Float = npt.NDArray[np.float64]
_Complex = npt.NDArray[np.complex128]
_Index = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Harmonics:
    """Harmonics of a forest, (..., node, order) each.

    voltage : line-line [V]. current : of the branch into each node, at the node's level [A].
    """

    voltage: Voltage
    current: Current


def summation_exponent(order: Ratio) -> Ratios:
    """Exponent by which contributions of many sources add, (order,): (sum of U^a)^(1/a).

    order : [1]. 1 below the 5th, 1.4 from the 5th to the 10th, 2 above: IEC TR 61000-3-6 (unverified).

    >>> summation_exponent([3, 5, 7, 11]).tolist()
    [1.0, 1.4, 1.4, 2.0]
    """
    return np.select([np.less(order, 5), np.less_equal(order, 10)], [1.0, 1.4], 2.0)


def pulse_spectrum(order: Ratio, pulses: int = 6) -> Ratios:
    """Harmonic currents over the fundamental of an ideal line-commutated rectifier, (order,).

    1 / h at the orders k pulses + 1 and k pulses - 1, the fundamental among them, and 0 at all others.
    order : whole numbers [1]. pulses : in a period, 6 or 12. Smooth direct current, no overlap: an upper bound.

    >>> pulse_spectrum([1, 3, 5, 7, 11]).round(4).tolist()
    [1.0, 0.0, 0.2, 0.1429, 0.0909]
    """
    orders = np.asarray(order, dtype=np.float64)
    return np.where(np.isin(np.mod(orders, pulses), (1.0, pulses - 1.0)), 1.0 / orders, 0.0)


def impedance(forest: Forest, order: Ratio) -> ComplexImpedance:
    """Driving-point impedance at each node, (node, order), complex at the node's level [ohm].

    forest : the network. order : (order,) at least 1, not necessarily whole [1]; many in a row are a scan for
    resonances, and order 1 gives the short-circuit current U / (3^1/2 |Z|) of the shares of the network.

    >>> from electrical.tree import forest
    >>> bus = forest(np.array([-1, 0]), np.array([0.0, 1e-3]), np.array([0.0, 8e-3]), 415.0)
    >>> impedance(bus, [1.0, 5.0])[1].round(4).tolist()
    [(0.001+0.008j), (0.001+0.04j)]
    """
    driving = _passive(forest, np.asarray(order, dtype=np.float64)).driving
    return np.asarray(driving * np.square(forest.nominal_voltage)[:, None])


def penetration(
    forest: Forest, current: Current, spectrum: Ratio, order: Ratio, exponent: Ratio | None = None
) -> Harmonics:
    """Harmonic voltages and branch currents of loads of unknown phase, by the summation law.

    forest : the network. current : (..., node) fundamental current each node's load draws, at its level [A].
    spectrum : (order,) or (node, order) harmonic over fundamental current [1]. order : (order,) above 1 [1].
    exponent : (order,) of the law [1]; without it `summation_exponent`, and 1 everywhere is the worst case.

    At every node and branch the contribution of each load alone is raised to the exponent, added and rooted.
    On a tree a load's contribution at a node depends on where their paths meet, which makes one sweep of it:
    with Z the driving-point impedance, r the share of a voltage that a branch passes down, S the loads below
    to the exponent, W_n = |r|^a (W_p - |Z_p r|^a S_n) + |Z_n|^a S_n.

    >>> from electrical.tree import forest
    >>> bus = forest(np.array([-1, 0, 1]), np.zeros(3), np.array([0.0, 4e-3, 2e-3]), 415.0)
    >>> state = penetration(bus, np.array([0.0, 200.0, 100.0]), [0.2, 0.05], [5.0, 11.0])
    >>> state.voltage.round(3).tolist()
    [[0.0, 0.0], [1.743, 0.852], [1.997, 0.953]]
    """
    orders = np.asarray(order, dtype=np.float64)
    power = summation_exponent(orders) if exponent is None else np.broadcast_to(exponent, orders.shape)
    net = _passive(forest, orders)
    nominal = forest.nominal_voltage
    drawn = np.asarray(current, dtype=np.float64)
    lead = drawn.shape[:-1]
    shape = len(nominal), *(1 for _ in lead), len(orders)

    def magnitude(value: _Complex) -> _Float:
        return (np.abs(value) ** power).reshape(shape)

    # Nodes first, then scenarios, then orders; per unit, in volt-amperes per unit of voltage.
    based = np.sqrt(3.0) * nominal * drawn
    share = np.broadcast_to(np.asarray(spectrum, dtype=np.float64), (len(nominal), len(orders)))
    below = (np.abs(np.moveaxis(based, -1, 0)[..., None] * share.reshape(shape))) ** power
    passed, own = magnitude(net.passed), magnitude(net.driving)
    above = np.maximum(forest.parent, 0)
    root = forest.parent < 0
    driving = np.where(root[:, None], 0.0, net.driving[above])
    across = magnitude(driving * net.passed)
    admitted = net.admitted * net.passed
    drained, upward = magnitude(admitted), magnitude(net.passed * (1.0 - admitted * driving))

    for nodes in reversed(net.levels):
        np.add.at(below, forest.parent[nodes], passed[nodes] * below[nodes])
    voltage = own * below
    beside = np.zeros_like(below)
    for nodes in net.levels:
        # What the loads elsewhere contribute at the parent; a difference, so not below zero by rounding.
        beside[nodes] = np.maximum(voltage[forest.parent[nodes]] - across[nodes] * below[nodes], 0.0)
        voltage[nodes] += passed[nodes] * beside[nodes]
    through = upward * below + drained * beside
    level = nominal[:, None]
    return Harmonics(
        np.moveaxis(voltage ** (1.0 / power), 0, -2) * level,
        np.moveaxis(through ** (1.0 / power), 0, -2) / (np.sqrt(3.0) * level),
    )


def phasor_voltage(forest: Forest, current: ComplexCurrent, order: Ratio) -> ComplexVoltage:
    """Harmonic voltages of injected currents of known phase, (..., node, order), complex line-line [V].

    forest : the network; vector groups apart, as in `tree.flow`: turn the currents behind a phase-shifting
    transformer yourself. current : (..., node, order) or (..., node, 1) complex, injected at each node [A].
    order : (order,) [1].

    >>> from electrical.tree import forest
    >>> bus = forest(np.array([-1, 0]), np.zeros(2), np.array([0.0, 4e-3]), 415.0)
    >>> phasor_voltage(bus, np.array([[0.0], [40.0 + 0.0j]]), [5.0])[1].round(3).tolist()
    [1.386j]
    """
    orders = np.asarray(order, dtype=np.float64)
    net = _passive(forest, orders)
    level = forest.nominal_voltage[:, None]
    based = np.sqrt(3.0) * level * np.asarray(current, dtype=np.complex128) * np.ones(len(orders))
    below = np.moveaxis(based, -2, 0)
    shape = len(level), *(1 for _ in below.shape[1:-1]), below.shape[-1]
    passed, series = net.passed.reshape(shape), net.series.reshape(shape)
    for nodes in reversed(net.levels):
        np.add.at(below, forest.parent[nodes], passed[nodes] * below[nodes])
    voltage = passed * series * below
    for nodes in net.levels:
        voltage[nodes] += passed[nodes] * voltage[forest.parent[nodes]]
    return np.asarray(np.moveaxis(voltage, 0, -2) * level)


def voltage_distortion(harmonic: Voltage, fundamental: Voltage) -> Ratio:
    """Total harmonic distortion of a voltage [1], (...,): root of the sum of squares over the fundamental.

    harmonic : (..., order) without the fundamental [V]. fundamental : (...,) [V].

    >>> float(voltage_distortion([12.0, 9.0], 300.0))
    0.05
    """
    return np.asarray(np.linalg.norm(np.asarray(harmonic), axis=-1) / fundamental)


def demand_distortion(harmonic: Current, demand: Current) -> Ratio:
    """Total demand distortion of a current [1], (...,): root of the sum of squares over the demand.

    harmonic : (..., order) without the fundamental [A]. demand : (...,) largest fundamental current of the
    site [A], not the present one.

    >>> float(demand_distortion([30.0, 40.0], 1000.0))
    0.05
    """
    return np.asarray(np.linalg.norm(np.asarray(harmonic), axis=-1) / demand)


def demand_limit(short_circuit_ratio: Ratio) -> Ratio:
    """Largest total demand distortion at the point of common coupling [1], (...,).

    short_circuit_ratio : short-circuit over demand current there [1]. 5, 8, 12, 15 and 20 % from 0, 20, 50, 100
    and 1000 on: IEEE 519, table 2, 120 V to 69 kV (the values as a textbook prints the edition of 1992; that of
    2022 unverified).

    >>> demand_limit([10.0, 20.0, 999.0, 1000.0]).tolist()
    [0.05, 0.08, 0.15, 0.2]
    """
    return np.asarray(_LIMITS[_band(short_circuit_ratio), -1])


def current_limits(short_circuit_ratio: Ratio, order: Ratio) -> Ratio:
    """Largest harmonic current over the demand current at the point of common coupling [1], (..., order).

    short_circuit_ratio : (...,) as in `demand_limit`. order : (order,) whole, 2 to 50 [1]. IEEE 519, table 2;
    even orders up to the 6th have half the limit, as the edition of 2022 brought (unverified).

    >>> current_limits(30.0, [5, 6, 11, 17, 25, 49]).tolist()
    [0.07, 0.035, 0.035, 0.025, 0.01, 0.005]
    """
    orders = np.asarray(order)
    half = (np.mod(orders, 2) == 0) & (orders <= 6)
    columns = np.searchsorted([11, 17, 23, 35], orders, side="right")
    return _LIMITS[_band(short_circuit_ratio)[..., None], columns] * np.where(half, 0.5, 1.0)


def voltage_limits(nominal_voltage: Voltage) -> tuple[Ratio, Ratio]:
    """Largest single harmonic and total distortion of the voltage at the point of common coupling [1], (...,).

    nominal_voltage : line-line [V]. 5 and 8 % up to 1 kV, 3 and 5 % up to 69 kV, 1.5 and 2.5 % up to 161 kV, 1
    and 1.5 % above: IEEE 519-2022, table 1 (unverified).

    >>> [part.tolist() for part in voltage_limits([415.0, 34.5e3])]
    [[0.05, 0.03], [0.08, 0.05]]
    """
    band = np.searchsorted([1e3, 69e3, 161e3], np.asarray(nominal_voltage), side="left")
    return np.array([0.05, 0.03, 0.015, 0.01])[band], np.array([0.08, 0.05, 0.025, 0.015])[band]


def k_factor(current_ratio: Ratio, order: Ratio) -> Ratio:
    """K-factor of a current [1], (...,): the sum of (I_h / I_rated)^2 h^2, as UL 1561 rates transformers.

    current_ratio : (..., order) over the rated current, the fundamental among them [1]. order : (order,) [1].

    >>> round(float(k_factor(np.array([1.0, 0.3, 0.2, 0.1]) / np.sqrt(1.14), [1, 3, 5, 7])), 2)
    2.89
    """
    return np.asarray(np.sum(np.square(np.multiply(current_ratio, order)), axis=-1))


def loss_factor(current: Current, order: Ratio, exponent: Ratio = 2.0) -> Ratio:
    """Harmonic loss factor F_HL of a current [1], (...,): the sum of I_h^2 h^exponent over that of I_h^2.

    current : (..., order), the fundamental among them [A]. order : (order,) [1]. exponent : 2 for the eddy
    losses in the windings, 0.8 for other stray losses. IEEE C57.110 (unverified).

    >>> round(float(loss_factor([100.0, 30.0, 20.0, 10.0], [1, 3, 5, 7])), 3)
    2.895
    """
    square = np.square(current)
    return np.asarray(np.sum(square * np.power(order, exponent), axis=-1) / np.sum(square, axis=-1))


def load_loss(
    current_ratio: Ratio, ohmic: Power, eddy: Power, stray: Power, eddy_factor: Ratio, stray_factor: Ratio
) -> Power:
    """Load loss of a transformer under a distorted current, (...,): K^2 (ohmic + F_HL eddy + F_STR stray).

    current_ratio : rms over rated current [1]. ohmic, eddy, stray : parts of the load loss at the rated
    sinusoidal current [W]. eddy_factor, stray_factor : `loss_factor` with exponents 2 and 0.8 [1].

    >>> float(load_loss(0.5, 7e3, 1e3, 0.5e3, 4.0, 1.2))
    2900.0
    """
    return np.square(current_ratio) * (ohmic + eddy_factor * eddy + stray_factor * stray)


def permitted_current(eddy: Ratio, stray: Ratio, eddy_factor: Ratio, stray_factor: Ratio) -> Ratio:
    """Rms current over rated current at which a distorted current heats as the rated one does, (...,).

    ((1 + eddy + stray) / (1 + F_HL eddy + F_STR stray))^1/2.
    eddy, stray : these losses over the ohmic loss at the rated sinusoidal current [1]; no stray loss in the
    dry type. eddy_factor, stray_factor : `loss_factor` with exponents 2 and 0.8 [1]. IEEE C57.110 (unverified).

    >>> round(float(permitted_current(0.15, 0.0, 2.726, 1.0)), 4)
    0.9035
    """
    return np.sqrt(
        (1.0 + eddy + stray) / (1.0 + np.multiply(eddy_factor, eddy) + np.multiply(stray_factor, stray))
    )


def resonance_order(short_circuit_power: ApparentPower, capacitor_power: ReactivePower) -> Ratio:
    """Order at which a capacitor and the network it stands in resonate [1], (...,): (S_sc / Q_c)^1/2.

    short_circuit_power : at the capacitor, of the inductance alone [VA]. capacitor_power : at the fundamental
    [var], above 0.

    >>> float(resonance_order(100e6, 4e6))
    5.0
    """
    return np.sqrt(np.divide(short_circuit_power, capacitor_power))


# Rows: short-circuit ratio from 0, 20, 50, 100, 1000 on. Columns: orders below 11, 17, 23, 35, up to 50; total.
_LIMITS = np.array(
    [
        [0.04, 0.02, 0.015, 0.006, 0.003, 0.05],
        [0.07, 0.035, 0.025, 0.01, 0.005, 0.08],
        [0.10, 0.045, 0.04, 0.015, 0.007, 0.12],
        [0.12, 0.055, 0.05, 0.02, 0.01, 0.15],
        [0.15, 0.07, 0.06, 0.025, 0.014, 0.20],
    ]
)


def _band(short_circuit_ratio: Ratio) -> _Index:
    """Row of the table of limits."""
    return np.asarray(
        np.searchsorted([20.0, 50.0, 100.0, 1000.0], np.asarray(short_circuit_ratio), side="right")
    )


class _Passive(NamedTuple):
    """A forest without its currents, per unit on a base of one watt, complex (node, order).

    series : of the branch into each node. admitted : admittance of node and all below. passed : voltage of the
    node over that of its parent without currents below, and current into the parent over that at the node.
    driving : impedance seen at the node. levels : nodes by their number of branches to the root, without roots.
    """

    series: _Complex
    admitted: _Complex
    passed: _Complex
    driving: _Complex
    levels: list[_Index]


def _passive(forest: Forest, order: _Float) -> _Passive:
    """Eliminates the tree leaves first and sees it from each node, roots first."""
    parent, table = forest.parent, forest.table
    # From the rows of the sweeps back to the nodes.
    row = np.argsort(table.node)
    level = depth(parent)
    levels = [np.flatnonzero(level == step) for step in range(1, int(level.max(initial=0)) + 1)]
    roots = np.flatnonzero(level == 0)
    resistance, reactance, conductance, susceptance = (
        part[row, None] for part in (table.resistance, table.reactance, table.conductance, table.susceptance)
    )
    series = resistance + 1j * order * reactance
    admitted = conductance + 1j * np.where(susceptance > 0.0, susceptance * order, susceptance / order)
    passed = np.empty_like(series)
    for nodes in (*reversed(levels), roots):
        passed[nodes] = 1.0 / (1.0 + series[nodes] * admitted[nodes])
        if nodes is not roots:
            np.add.at(admitted, parent[nodes], admitted[nodes] * passed[nodes])
    driving = passed * series
    for nodes in levels:
        driving[nodes] += np.square(passed[nodes]) * driving[parent[nodes]]
    return _Passive(series, admitted, passed, driving, levels)
