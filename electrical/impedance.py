"""Impedances of a network as a short circuit sees them, and what stands behind each of its nodes.

Equivalent voltage source of IEC 60909-0:2016: one source of the voltage factor times the nominal voltage at the
fault, and the impedances of utilities, generators, motors, transformers and conductors, some times a factor for
the voltage before the fault; loads, capacitances and no-load currents are left out. The standard's text was not at
hand: the formulas are those that reproduce the published results of IEC TR 60909-4, so no clause is named.

For the smallest currents the conductors are hot: their resistance is `conductor.resistance` at the end of the
fault, with the coefficient 0.004 1/K that the standard uses for copper and aluminium alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped, unused-ignore]
from scipy.sparse.linalg import splu  # type: ignore[import-untyped, unused-ignore]

from electrical.quantities import (
    ApparentPower,
    Array,
    Integer,
    Ratio,
    Ratios,
    Reactance,
    Reactances,
    Resistance,
    Resistances,
    Voltage,
)
from electrical.tree import depth

_Float = npt.NDArray[np.float64]
_Complex = npt.NDArray[np.complex128]

# Columns of the inverse admittance solved at a time: of ten thousand nodes, 20 MB.
_COLUMNS = 128


@dataclass(frozen=True, eq=False)
class Mesh:
    """A network of any shape with any number of sources, made by `mesh`.

    start, end : (branch,). resistance, reactance : (..., branch) at the end's level; ratio : (branch,).
    source : (source,) nodes. source_resistance, source_reactance : (..., source). count : number of nodes.
    """

    start: npt.NDArray[np.intp]
    end: npt.NDArray[np.intp]
    resistance: Resistances
    reactance: Reactances
    ratio: Ratios
    source: npt.NDArray[np.intp]
    source_resistance: Resistances
    source_reactance: Reactances
    count: int


def maximum_voltage_factor(nominal_voltage: Voltage, tolerance: Ratio = 0.1) -> Ratio:
    """Voltage factor c for the largest currents, (...,): 1.05 or 1.10 to 1 kV, 1.10 above.

    nominal_voltage : line-line [V]. tolerance : how far a low voltage may rise above nominal [1]: to 0.06
    the factor is 1.05, above that 1.10. IEC 60909-0:2016, table 1 (unverified).

    >>> maximum_voltage_factor(np.array([400.0, 34.5e3]), 0.06).tolist()
    [1.05, 1.1]
    """
    low = np.where(np.asarray(tolerance) <= 0.06, 1.05, 1.1)
    return np.where(np.asarray(nominal_voltage) <= 1000.0, low, 1.1)


def minimum_voltage_factor(nominal_voltage: Voltage, tolerance: Ratio = 0.1) -> Ratio:
    """Voltage factor c for the smallest currents, (...,): 0.95 or 0.90 to 1 kV, 1.00 above.

    nominal_voltage : line-line [V]. tolerance : how far a low voltage may fall below nominal [1]: to 0.06
    the factor is 0.95, above that 0.90. IEC 60909-0:2016, table 1 (unverified); the edition of 2001 and
    programs that follow it keep 0.95 for both.

    >>> minimum_voltage_factor(np.array([400.0, 34.5e3]), 0.1).tolist()
    [0.9, 1.0]
    """
    low = np.where(np.asarray(tolerance) <= 0.06, 0.95, 0.9)
    return np.where(np.asarray(nominal_voltage) <= 1000.0, low, 1.0)


def grid_impedance(
    short_circuit_power: ApparentPower, voltage: Voltage, resistance_ratio: Ratio, factor: Ratio
) -> tuple[Resistance, Reactance]:
    """Resistance and reactance of a utility behind its point of connection, (...,) each.

    short_circuit_power : Sk'' there [VA], above 0. voltage : nominal line-line voltage there [V].
    resistance_ratio : R over X [1]; 0.1 where nothing is known. factor : voltage factor c there [1].
    Z = c U^2 / Sk'', X = Z / (1 + (R/X)^2)^1/2.

    >>> resistance, reactance = grid_impedance(1.5e9, 34.5e3, 0.1, 1.1)
    >>> print(f"{resistance:.4f} {reactance:.4f} ohm")
    0.0869 0.8685 ohm
    """
    reactance = factor * np.square(voltage) / short_circuit_power / np.sqrt(1.0 + np.square(resistance_ratio))
    return resistance_ratio * reactance, reactance


def transformer_correction(reactance_ratio: Ratio, factor: Ratio) -> Ratio:
    """Factor K_T on the impedance of a network transformer, (...,): 0.95 c / (1 + 0.6 x_T).

    reactance_ratio : reactance over U^2/S of the transformer, x_T [1]. factor : largest voltage factor of
    the network at its low-voltage side [1]. It stands for the voltage before the fault, which a loaded
    transformer needs above nominal. The zero-sequence impedance takes it too, one in the neutral not.

    >>> round(transformer_correction(0.0798, 1.1), 5)
    0.99725
    """
    return 0.95 * factor / (1.0 + 0.6 * reactance_ratio)


def generator_reactance(rating: ApparentPower, voltage: Voltage, subtransient_ratio: Ratio) -> Reactance:
    """Subtransient reactance of a synchronous machine, (...,): x_d'' U^2 / S.

    rating : [VA], above 0. voltage : rated line-line [V]. subtransient_ratio : saturated x_d'' [1].

    >>> round(float(generator_reactance(2.5e6, 415.0, 0.12)), 6)
    0.008267
    """
    return subtransient_ratio * np.square(voltage) / rating


def generator_peak_resistance_ratio(rating: ApparentPower, voltage: Voltage) -> Ratio:
    """Fictitious resistance over subtransient reactance with which a peak is found, (...,).

    rating : of the machine [VA]. voltage : rated line-line [V].
    0.15 to 1 kV; above it 0.07, and 0.05 from 100 MVA on. It stands for the decay of the alternating
    current in the first half cycle and holds for the peak alone.

    >>> generator_peak_resistance_ratio(np.array([2.5e6, 10e6]), np.array([415.0, 11e3])).tolist()
    [0.15, 0.07]
    """
    high = np.where(np.asarray(rating) >= 100e6, 0.05, 0.07)
    return np.where(np.asarray(voltage) <= 1000.0, 0.15, high)


def generator_correction(
    nominal_voltage: Voltage,
    rated_voltage: Voltage,
    subtransient_ratio: Ratio,
    power_factor: Ratio,
    factor: Ratio,
    excess_voltage: Ratio = 0.0,
) -> Ratio:
    """Factor K_G on the impedance of a generator that feeds its network without a transformer, (...,).

    nominal_voltage : of the network, rated_voltage : of the generator, line-line [V].
    subtransient_ratio : x_d'' [1]. power_factor : rated, overexcited [1]. factor : largest voltage factor
    [1]. excess_voltage : by which it always runs above its rated voltage, p_G [1].
    K_G = U_n / (U_rG (1 + p_G)) c / (1 + x_d'' sin phi).

    >>> round(float(generator_correction(415.0, 415.0, 0.12, 0.8, 1.1)), 4)
    1.0261
    """
    voltage = nominal_voltage / (rated_voltage * (1.0 + excess_voltage))
    return voltage * factor / (1.0 + subtransient_ratio * _sine(power_factor))


def unit_correction(
    nominal_voltage: Voltage,
    rated_voltage: Voltage,
    transformer_ratio: Ratio,
    subtransient_ratio: Ratio,
    power_factor: Ratio,
    factor: Ratio,
    excess_voltage: Ratio = 0.0,
    tap_range: Ratio = 0.0,
) -> Ratio:
    """Factor K_SO on generator and unit transformer together, seen from the network, (...,).

    For a unit transformer without on-load taps. nominal_voltage : of the network at the high-voltage side,
    rated_voltage : of the generator, line-line [V]. transformer_ratio : rated high over low voltage [1].
    subtransient_ratio, power_factor, factor, excess_voltage : as in `generator_correction`.
    tap_range : p_T of off-load taps that are in use for good [1].
    K_SO = U_n / (U_rG (1 + p_G)) / t_r (1 - p_T) c / (1 + x_d'' sin phi); the unit is
    K_SO (t_r^2 Z_G + Z_T). For a fault at the generator's terminals the generator takes K_G alone, with its
    rated voltage in place of the nominal, and the transformer nothing.

    >>> round(float(unit_correction(110e3, 10.5e3, 120 / 10.5, 0.16, 0.9, 1.1, 0.075)), 4)
    0.8768
    """
    machine = generator_correction(
        nominal_voltage, rated_voltage, subtransient_ratio, power_factor, factor, excess_voltage
    )
    return machine / transformer_ratio * (1.0 - tap_range)


def regulated_unit_correction(
    nominal_voltage: Voltage,
    rated_voltage: Voltage,
    transformer_ratio: Ratio,
    subtransient_ratio: Ratio,
    transformer_reactance_ratio: Ratio,
    power_factor: Ratio,
    factor: Ratio,
) -> Ratio:
    """Factor K_S on generator and unit transformer together, one with on-load taps, (...,).

    nominal_voltage, rated_voltage, transformer_ratio, subtransient_ratio, power_factor, factor : as in
    `unit_correction`. transformer_reactance_ratio : x_T of the transformer on its own rating [1].
    K_S = (U_n / U_rG / t_r)^2 c / (1 + |x_d'' - x_T| sin phi).

    >>> round(float(regulated_unit_correction(110e3, 21e3, 115 / 21, 0.14, 0.16, 0.85, 1.1)), 4)
    0.9959
    """
    voltage = np.square(nominal_voltage / rated_voltage / transformer_ratio)
    difference = np.abs(subtransient_ratio - transformer_reactance_ratio)
    return voltage * factor / (1.0 + difference * _sine(power_factor))


def motor_impedance(
    rating: ApparentPower, voltage: Voltage, starting_ratio: Ratio, resistance_ratio: Ratio
) -> tuple[Resistance, Reactance]:
    """Resistance and reactance of an asynchronous motor that feeds a fault, (...,) each.

    rating : apparent power at rated load, shaft power over efficiency and power factor [VA], above 0.
    voltage : rated line-line [V]. starting_ratio : locked-rotor over rated current [1].
    resistance_ratio : R over X [1]: 0.42 of a group at low voltage, 0.15 and 0.10 at medium voltage below
    and from 1 MW a pole pair (unverified). Motors behind a frequency converter feed nothing.

    >>> resistance, reactance = motor_impedance(100e3, 400.0, 5.0, 0.42)
    >>> print(f"{resistance:.4f} {reactance:.4f} ohm")
    0.1239 0.2950 ohm
    """
    magnitude = np.square(voltage) / (starting_ratio * rating)
    reactance = magnitude / np.sqrt(1.0 + np.square(resistance_ratio))
    return resistance_ratio * reactance, reactance


def _sine(power_factor: Ratio) -> Array:
    """Sine of the angle whose cosine is the power factor."""
    sine: Array = np.sqrt(np.maximum(1.0 - np.square(power_factor), 0.0))
    return sine


def path_impedance(
    parent: Integer, resistance: Resistance, reactance: Reactance, nominal_voltage: Voltage
) -> tuple[Resistances, Reactances]:
    """Impedance behind each node of a radial network with one source a tree, (..., node) each.

    parent : (node,) index of each node's parent, -1 for a root. resistance, reactance : (..., node) of the
    branch into the node at the node's own level [ohm]; of a root, of its source; infinite if it is open.
    nominal_voltage : (node,) line-line [V]; a branch whose ends differ is a transformer of that ratio.

    Zero sequence: give the nodes behind a delta-star transformer with earthed neutral the parent -1 and the
    transformer's zero-sequence impedance, three times that of its neutral included, because the current
    closes through its delta; behind any other winding give infinity where the current finds no way to earth.

    >>> resistance, _ = path_impedance(np.array([-1, 0]), [1.0, 0.01], [0.0, 0.0], [4150.0, 415.0])
    >>> print(resistance)
    [1.   0.02]
    """
    above = np.asarray(parent, dtype=np.intp)
    level = depth(above)
    base = np.square(np.broadcast_to(np.asarray(nominal_voltage, dtype=np.float64), above.shape))
    totals = []
    for part in resistance, reactance:
        given = np.asarray(part, dtype=np.float64)
        total = np.array(np.broadcast_to(given / base, np.broadcast_shapes(given.shape, above.shape)))
        for step in range(1, int(level.max(initial=0)) + 1):
            nodes = np.flatnonzero(level == step)
            total[..., nodes] += total[..., above[nodes]]
        totals.append(total * base)
    return totals[0], totals[1]


def mesh(
    start: Integer,
    end: Integer,
    resistance: Resistance,
    reactance: Reactance,
    source: Integer,
    source_resistance: Resistance,
    source_reactance: Reactance,
    count: int,
    ratio: Ratio = 1.0,
) -> Mesh:
    """A network of any shape and number of sources ready for `mesh_impedance`.

    start, end : (branch,) nodes, below `count`. resistance, reactance : (..., branch) at the level of the
    end [ohm]; infinite if it is open. source : (source,) nodes of utilities, generators and motors, a node
    as often as it has sources. source_resistance, source_reactance : (..., source) [ohm]; infinite if it is
    off. count : number of nodes. ratio : (branch,) voltage of the start over that of the end, as rated [1].
    Leading axes are states of the network, such as what is switched off, and broadcast.

    >>> mesh([0], [1], [0.0], [0.1], [0, 1], [0.0, 0.0], [0.1, 0.2], 2).count
    2
    """
    first, last, feeding = (np.asarray(nodes, dtype=np.intp) for nodes in (start, end, source))
    for nodes in first, last, feeding:
        if np.any((nodes < 0) | (nodes >= count)):
            raise ValueError("a branch or source is at no node of the network")
    parts = [np.asarray(part, dtype=np.float64) for part in (resistance, reactance)]
    sources = [np.asarray(part, dtype=np.float64) for part in (source_resistance, source_reactance)]
    lead = np.broadcast_shapes(
        *(np.broadcast_shapes(part.shape, (len(first),))[:-1] for part in parts),
        *(np.broadcast_shapes(part.shape, (len(feeding),))[:-1] for part in sources),
    )
    branches = [np.broadcast_to(part, (*lead, len(first))) for part in parts]
    supplies = [np.broadcast_to(part, (*lead, len(feeding))) for part in sources]
    ratios = np.broadcast_to(np.asarray(ratio, dtype=np.float64), first.shape)
    return Mesh(first, last, branches[0], branches[1], ratios, feeding, supplies[0], supplies[1], int(count))


def mesh_impedance(mesh: Mesh, frequency_ratio: Ratio = 1.0) -> tuple[Resistances, Reactances]:
    """Impedance behind each node of a network of any shape, (..., node) each.

    mesh : the network. frequency_ratio : of the frequency at which it is wanted over the rated one, to
    which its reactances belong [1]; one number.
    It is the diagonal of the inverse of the admittance matrix, by sparse factors, 128 columns at a time; a
    node that no source reaches has an infinite impedance.

    >>> network = mesh([0], [1], [0.0], [0.1], [0, 1], [0.0, 0.0], [0.1, 0.2], 2)
    >>> print(mesh_impedance(network)[1])
    [0.075 0.1  ]
    """
    lead = mesh.resistance.shape[:-1]
    branch = _admittance(mesh.resistance, mesh.reactance * frequency_ratio).reshape(-1, len(mesh.start))
    supply = _admittance(mesh.source_resistance, mesh.source_reactance * frequency_ratio)
    supply = supply.reshape(-1, len(mesh.source))
    found = np.full((len(branch), mesh.count), complex(np.inf, np.inf))
    for state in range(len(branch)):
        fed, matrix = _matrix(mesh, branch[state], supply[state])
        if len(fed):
            found[state, fed] = _diagonal_of_inverse(matrix)
    found = found.reshape(*lead, mesh.count)
    return found.real, found.imag


def _admittance(resistance: _Float, reactance: _Float) -> _Complex:
    """One over the impedance, 0 where that is infinite."""
    closed = np.isfinite(resistance) & np.isfinite(reactance)
    impedance = np.where(closed, resistance, 1.0) + 1j * np.where(closed, reactance, 0.0)
    if np.any(impedance == 0.0):
        raise ValueError("a branch or source without impedance; join its nodes")
    return np.where(closed, 1.0 / impedance, 0.0)


def _matrix(mesh: Mesh, branch: _Complex, supply: _Complex) -> tuple[npt.NDArray[np.intp], sparse.csc_array]:
    """The nodes that a source reaches, and the admittance matrix of these."""
    start, end, ratio, closed = mesh.start, mesh.end, mesh.ratio, branch != 0.0
    shape = mesh.count, mesh.count
    links = sparse.coo_array((closed[closed], (start[closed], end[closed])), shape=shape)
    _, island = connected_components(links, directed=False)
    fed = np.flatnonzero(np.isin(island, island[mesh.source[supply != 0.0]]))
    # A current in the end of a branch is the current in its start times the ratio.
    values = [branch / ratio**2, branch, -branch / ratio, -branch / ratio, supply]
    rows = [start, end, start, end, mesh.source]
    columns = [start, end, end, start, mesh.source]
    whole = sparse.coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    ).tocsr()
    return fed, whole[fed][:, fed].tocsc()


def _diagonal_of_inverse(matrix: sparse.csc_array) -> _Complex:
    """Diagonal of the inverse of a sparse matrix."""
    count = matrix.shape[0]
    solver = splu(matrix)
    diagonal = np.empty(count, dtype=np.complex128)
    for first in range(0, count, _COLUMNS):
        nodes = np.arange(first, min(first + _COLUMNS, count))
        unit = np.zeros((count, len(nodes)), dtype=np.complex128)
        unit[nodes, np.arange(len(nodes))] = 1.0
        diagonal[nodes] = solver.solve(unit)[nodes, np.arange(len(nodes))]
    return diagonal
