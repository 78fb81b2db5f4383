"""What harmonics need of a drawn one-line: their sources, the network they meet, and the windings they heat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from electrical import conductor, tree
from twin.catalogue import Product
from twin.facility import ZERO_SEQUENCE, Chain, Devices, Harmonic, Racks, Windings

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

SPECTRUM = np.array([[3.0, 0.025], [5.0, 0.02], [7.0, 0.015], [9.0, 0.01], [11.0, 0.01], [13.0, 0.008]])
"""Harmonic over fundamental current of support racks and drives, and of all whose product tells none: that of the power
supplies of the catalogue's racks, 3.9 % in all; assumed. Drives with active front ends have no third, which is on the
safe side of them."""
INVERTER_REACTANCE = 0.015
"""Of a UPS output on its rating, what its control leaves of its filter: a load of capacitor-input supplies, 75, 50 and
25 % of the third, fifth and seventh, then distorts it by the 5 to 6 % that makers admit for such loads; assumed."""


def network(chain: Chain, devices: Devices, racks: Racks, used: Mapping[str, Product]) -> Harmonic:
    """The network of harmonics of a one-line, and its sources by the spectra of their products.

    used : products by name. Loads of one product at one bus are one source: they draw in phase. A UPS in double
    conversion and a rectifier hide what is behind them: their input is a source of its own, with no neutral and hence
    no multiples of three, and the output of a UPS is an ideal source behind INVERTER_REACTANCE.
    """
    whips = chain.feed_node[chain.feed_device >= 0]
    kept = np.flatnonzero(~chain.direct & ~np.isin(np.arange(len(chain.parent)), whips))
    part = np.full(len(chain.parent), -1)
    part[kept] = np.arange(len(kept))
    part[whips] = part[chain.parent[whips]]

    above = chain.parent.copy()
    above[chain.converter_output] = -1
    parent = np.where(above[kept] >= 0, part[above[kept]], -1)
    resistance, reactance = chain.resistance[kept].copy(), chain.reactance[kept].copy()
    inverter = np.flatnonzero(~chain.direct[chain.converter_output])
    bus = part[chain.converter_output[inverter]]
    voltage = chain.voltage[kept]
    reactance[bus] = INVERTER_REACTANCE * voltage[bus] ** 2 / devices.rating[chain.converter_device[inverter]]

    star = part[chain.transformer_node]
    winding, leakage = np.zeros(len(kept)), np.zeros(len(kept))
    winding[star], leakage[star] = chain.transformer_resistance, chain.transformer_reactance
    leakage[bus] = reactance[bus]
    earthed = _below(parent, np.concatenate([star, bus]))

    spectra, node, feeds, converter = _sources(chain, devices, racks, used, part)
    # A bus has one source of its own and a leaf without impedance for each further one.
    first = np.zeros(len(node), dtype=bool)
    first[np.unique(node, return_index=True)[1]] = True
    leaf = node[~first]
    node = node.copy()
    node[~first] = len(kept) + np.arange(len(leaf))
    earthed, voltage = np.append(earthed, earthed[leaf]), np.append(voltage, voltage[leaf])
    none = np.zeros(len(leaf))
    parent = np.append(parent, leaf)
    starred = parent.copy()
    starred[star] = -1

    orders = np.unique(np.concatenate([np.zeros(0), *(curve[:, 0] for curve in spectra)]))
    orders = orders[orders > 1.0]
    triple = np.mod(orders, 3.0) == 0.0
    strength = np.zeros((len(parent), len(orders)))
    for place, curve in zip(node, spectra, strict=True):
        strength[place] = [dict(curve.tolist()).get(order, 0.0) for order in orders.tolist()]
    behind = node[len(node) - len(converter) :]
    strength[np.ix_(behind, triple)] = 0.0
    return Harmonic(
        order=orders[~triple],
        triplen=orders[triple],
        forest=tree.forest(parent, np.append(resistance, none), np.append(reactance, none), voltage),
        zero=tree.forest(
            starred,
            np.append(ZERO_SEQUENCE * (resistance - winding) + winding, none),
            np.append(ZERO_SEQUENCE * (reactance - leakage) + leakage, none),
            voltage,
        ),
        part=part,
        node=node,
        feeds=feeds,
        converter=converter,
        spectrum=strength[:, ~triple],
        triplen_spectrum=strength[:, triple] * earthed[:, None],
    )


def windings(chain: Chain, devices: Devices, used: Mapping[str, Product]) -> Windings:
    """Rated currents, losses and temperature rises of the transformers from their products."""
    device = chain.node_device[chain.transformer_node]
    made = [used[devices.product[one]] for one in device]

    def gathered(figure: str) -> Array:
        return np.array([one.get(figure, np.nan) for one in made])

    return Windings(
        device=device,
        current=np.asarray(
            conductor.three_phase_current(
                chain.transformer_rating, chain.voltage[chain.transformer_node], 1.0
            )
        ),
        eddy=gathered("eddyLossRatio"),
        loss_ratio=gathered("loadLoss") / gathered("noLoadLoss"),
        oil_rise=gathered("ratedTopOilRise"),
        hot_spot_rise=gathered("ratedHotSpotRise"),
    )


def _sources(
    chain: Chain, devices: Devices, racks: Racks, used: Mapping[str, Product], part: Index
) -> tuple[list[Array], Index, csr_array, Index]:
    """Spectrum and node of every source, loads before converters; feeds of the former, converters of the latter."""
    count = len(racks.name)
    own = np.where(chain.feed_load < count, racks.type[np.minimum(chain.feed_load, count - 1)], -1)
    at = part[chain.feed_node]
    drawing = np.flatnonzero(at >= 0)
    pairs, row = np.unique(np.stack([at[drawing], own[drawing]], axis=1), axis=0, return_inverse=True)
    feeds = csr_array(
        (np.ones(len(drawing)), (row.ravel(), drawing)), shape=(len(pairs), len(chain.feed_node))
    )
    converter = np.flatnonzero(part[chain.converter_input] >= 0)
    inputs = [used[devices.product[one]] for one in chain.converter_device[converter]]
    spectra = [racks.types[kind].product.get("inputSpectrum", SPECTRUM) if kind >= 0 else SPECTRUM
               for kind in pairs[:, 1]]  # fmt: skip
    spectra += [made.get("inputSpectrum", SPECTRUM) for made in inputs]
    node = np.concatenate([pairs[:, 0], part[chain.converter_input[converter]]])
    return spectra, node, feeds, converter


def _below(parent: Index, top: Index) -> npt.NDArray[np.bool_]:
    """(node,) whether it is one of some nodes or lies below one."""
    found = np.isin(np.arange(len(parent)), top)
    for node in range(len(parent)):
        found[node] |= parent[node] >= 0 and found[parent[node]]
    return found
