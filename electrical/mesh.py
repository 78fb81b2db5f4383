"""Weakly meshed networks: a few ties that close loops in the trees of `electrical.tree`.

A closed medium-voltage ring, a bus bar fed by two transformers or by paralleled UPS, a network of two
utilities: cut open, each is a forest. The current of a tie is drawn at its start and returned at its end, and
is found together with the voltages.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from electrical.quantities import Integer, Reactance, Resistance
from electrical.tree import Forest, incidence


def closed(
    forest: Forest, start: Integer, end: Integer, resistance: Resistance, reactance: Reactance
) -> Forest:
    """The forest with ties between its nodes, for `tree.flow`, `tree.profile` and `tree.worst`.

    start, end : (tie,) nodes that each tie joins, of one nominal voltage and, where transformers turn the
    phases, of one vector group; they may belong to trees of different sources. resistance, reactance : (tie,)
    of the tie [ohm], which may be 0 where something else in its loop is not. Ties are added to those there are.

    After each sweep the currents of the ties change by the gaps between the voltages that they should join,
    through the inverse of the impedance of the loops. Ideal sources of unequal voltage drive a current between
    them, as they would. Meant for a few ties: the inverse is (tie, tie) and full.
    Compensation method of Shirmohammadi et al., IEEE Trans. Power Systems 3 (1988) 753.
    A tie between nodes of different voltage, or a loop without impedance, is a ValueError.

    >>> from electrical import tree
    >>> fan = tree.forest(np.array([-1, 0, 0]), [0.0, 0.1, 0.3], np.zeros(3), 415.0)
    >>> ring = closed(fan, np.array([1]), np.array([2]), np.array([0.2]), np.zeros(1))
    >>> state = tree.flow(ring, np.array([0.0, 30e3, 0.0]), np.zeros(3))
    >>> (state.current[1] / state.current[2]).round(3), (state.tie_current / state.current[2]).round(3)
    (np.float64(5.0), array([1.]))
    """
    table, nominal = forest.table, forest.nominal_voltage
    ends = np.stack([np.asarray(start, dtype=np.intp), np.asarray(end, dtype=np.intp)], axis=1)
    if np.any((ends < 0) | (ends >= len(nominal))):
        raise ValueError("a tie ends at what is not a node of the network")
    if np.any(nominal[ends[:, 0]] != nominal[ends[:, 1]]):
        raise ValueError("a tie joins nodes of different nominal voltage")
    base = np.square(nominal[ends[:, 0]])
    row = np.empty_like(table.node)
    row[table.node] = table.end
    rows = np.concatenate([table.tie_ends.T, row[ends]])
    own_resistance = np.concatenate([table.tie_resistance, np.asarray(resistance) / base])
    own_reactance = np.concatenate([table.tie_reactance, np.asarray(reactance) / base])

    # What a current around a loop passes: the path from a source to the tie's start, and back from its end.
    node = table.node[rows - len(table.source)]
    carries = incidence(forest.parent).astype(np.float64)
    passes = (carries[:, node[:, 0]] - carries[:, node[:, 1]]).tocsr()[table.node]
    series = table.resistance + 1j * table.reactance
    loops = (passes.T * series) @ passes.toarray() + np.diag(own_resistance + 1j * own_reactance)
    if len(rows) and not np.linalg.cond(loops) < 1e12:
        raise ValueError("a loop has no impedance: the currents of its ties are not determined")
    inverse = np.linalg.inv(loops)
    return replace(
        forest,
        table=table._replace(
            tie_ends=np.ascontiguousarray(rows.T),
            tie_resistance=own_resistance,
            tie_reactance=own_reactance,
            loop_conductance=np.ascontiguousarray(inverse.real),
            loop_susceptance=np.ascontiguousarray(inverse.imag),
        ),
    )
