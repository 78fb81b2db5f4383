"""Short-circuit levels of the one-line by IEC 60909-0: what its devices have to withstand and to clear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import conductor, fault, impedance
from twin.facility import DEVICE_KINDS, ZERO_SEQUENCE, Facility

Array = npt.NDArray[np.float64]

TOLERANCE = 0.06
"""By which a low voltage may differ from nominal."""
FREQUENCY = 60.0
"""Of the grid [Hz]; it enters the thermal equivalent alone."""
DURATION = 1.0
"""For which the thermal equivalent is given [s]."""
INVERTER = 2.5
"""Current of a UPS inverter into a fault over its rated one, until the static bypass takes over; assumed."""
COLD, HOT = 293.15, 348.15
"""Conductors for the largest currents, and at which the catalogue gives their resistance [K]."""


@dataclass(frozen=True)
class Currents:
    """(node,) short-circuit currents at the buses of the one-line, alternating current alone [A].

    greatest : largest initial symmetrical current Ik'' over the sources, behind a UPS through its static bypass.
    peak, thermal : its peak ip, and the steady current of the same heat in DURATION. earth : largest current of one
    phase to earth; NaN where no winding earths the neutral. least : smallest three-phase current through the bypass;
    least_earth : smallest of one phase to earth. inverter : what the UPS above gives from its inverter, infinite where
    none stands above. resistance, reactance : behind the bus for the largest current [ohm].
    """

    greatest: Array
    peak: Array
    thermal: Array
    earth: Array
    least: Array
    least_earth: Array
    inverter: Array
    resistance: Array
    reactance: Array


@dataclass(frozen=True)
class Level:
    """Short circuit at the bus of a device."""

    device: str
    kind: str
    voltage: float
    """Nominal, line-line [V]."""
    greatest: float
    """Largest initial symmetrical current Ik'' of three phases [A]; behind a UPS through its static bypass."""
    peak: float
    """Its peak ip [A]."""
    thermal: float
    """Steady current of the same heat in DURATION [A]."""
    earth: float
    """Largest current of one phase to earth [A]; NaN at medium voltage, whose earthing the layout does not tell."""
    least: float
    """Smallest three-phase current [A]; behind a UPS that of its inverter, with which a breaker has to trip too."""
    least_earth: float
    """Smallest of one phase to earth, through the static bypass [A]."""


def fault_levels(facility: Facility) -> list[Level]:
    """The level at every device of the alternating-current chain with all devices in service, in their order.

    The sources are the utility and, apart from it, the standby generators, all of them for the largest currents and
    the required ones for the smallest. Racks and drives feed nothing back. Voltage factors for low voltage within 6 %,
    transformers corrected by K_T, generators by K_G, conductors cold for the largest and at 75 degC for the smallest.
    Direct current is left out: there the rectifiers' own limits decide.

    >>> import twin
    >>> levels = {level.device: level for level in fault_levels(twin.load())}
    >>> levels["rpp.A1"].greatest < levels["T.A"].greatest < 40e3
    True
    """
    chain, devices = facility.chain, facility.devices
    found = currents(facility)
    smallest = np.minimum(found.least, found.inverter)
    metered = np.flatnonzero(chain.device_node >= 0)
    metered = metered[~chain.direct[chain.device_node[metered]]]
    return [
        Level(
            device=devices.name[index],
            kind=DEVICE_KINDS[devices.kind[index]],
            voltage=float(chain.voltage[node]),
            greatest=float(found.greatest[node]),
            peak=float(found.peak[node]),
            thermal=float(found.thermal[node]),
            earth=float(found.earth[node]),
            least=float(smallest[node]),
            least_earth=float(found.least_earth[node]),
        )
        for index, node in zip(metered.tolist(), chain.device_node[metered].tolist(), strict=True)
    ]


def currents(facility: Facility) -> Currents:
    """Largest and smallest currents at every bus over the sources there are."""
    chain = facility.chain
    most = impedance.maximum_voltage_factor(chain.voltage, TOLERANCE)
    few = impedance.minimum_voltage_factor(chain.voltage, TOLERANCE)
    cold = chain.resistance * _from_hot(COLD)
    largest = [
        _behind(facility, cold, *source)
        for source in _sources(facility, float(most[_grid(facility)]), "count")
    ]
    smallest = [
        _behind(facility, chain.resistance, *source)
        for source in _sources(facility, float(few[_grid(facility)]), "required")
    ]
    high = [
        fault.fault(chain.voltage, *behind[:2], most, *behind[2:], duration=DURATION, frequency=FREQUENCY)
        for behind in largest
    ]
    low = [fault.fault(chain.voltage, *behind[:2], few, *behind[2:]) for behind in smallest]
    # One source carries the largest current at all buses or at none: they differ by what lies above the first bus.
    top = max(range(len(high)), key=lambda place: float(high[place].three_phase[_grid(facility)]))
    return Currents(
        greatest=high[top].three_phase,
        peak=np.maximum.reduce([one.peak for one in high]),
        thermal=np.maximum.reduce([one.thermal for one in high]),
        earth=np.maximum.reduce([one.phase_to_earth for one in high]),
        least=np.minimum.reduce([one.three_phase for one in low]),
        least_earth=np.minimum.reduce([one.phase_to_earth for one in low]),
        inverter=_inverter(facility),
        resistance=largest[top][0],
        reactance=largest[top][1],
    )


def _grid(facility: Facility) -> int:
    """The bus at the point of connection."""
    return int(facility.chain.device_node[0])


def _sources(facility: Facility, factor: float, running: str) -> list[tuple[float, float]]:
    """Resistance and reactance of each source at the point of connection [ohm]: the utility, then the generators.

    factor : voltage factor there. running : the field of the standby plant that says how many generators run.
    """
    chain, grid, standby = facility.chain, _grid(facility), facility.standby
    # The utility's own node stands behind its power of short circuit at nominal voltage.
    found = [(chain.resistance[grid] * factor, chain.reactance[grid] * factor)]
    if standby is not None:
        units = getattr(standby, running)
        found.append((standby.resistance / units, standby.reactance / units))
    return found


def _from_hot(temperature: float) -> float:
    """Resistance of copper at a temperature over that of the catalogue."""
    return float(conductor.resistance(1.0, temperature) / conductor.resistance(1.0, HOT))


def _behind(
    facility: Facility, resistance: Array, source_resistance: float, source_reactance: float
) -> tuple[Array, Array, Array, Array]:
    """Impedance behind each node [ohm] for conductors of some resistance and a source: resistance and reactance of the
    positive sequence, then of the zero sequence, NaN where no winding earths the neutral."""
    chain = facility.chain
    resistance, reactance = resistance.copy(), chain.reactance.copy()
    low = chain.transformer_node
    base = np.square(chain.voltage[low]) / chain.transformer_rating
    corrected = impedance.transformer_correction(
        chain.transformer_reactance / base, impedance.maximum_voltage_factor(chain.voltage[low], TOLERANCE)
    )
    # A winding is corrected and stays as warm as it is; what is left of the branch is its run.
    run = resistance[low] * (1.0 - chain.transformer_share)
    winding = chain.transformer_resistance * corrected
    leakage = chain.transformer_reactance * corrected
    beside = reactance[low] - chain.transformer_reactance
    resistance[low], reactance[low] = run + winding, beside + leakage
    grid = _grid(facility)
    resistance[grid], reactance[grid] = source_resistance, source_reactance
    positive = impedance.path_impedance(chain.parent, resistance, reactance, chain.voltage)
    zero_resistance, zero_reactance = ZERO_SEQUENCE * resistance, ZERO_SEQUENCE * reactance
    zero_resistance[low] = ZERO_SEQUENCE * run + winding
    zero_reactance[low] = ZERO_SEQUENCE * beside + leakage
    # The current closes through the delta; above it nothing tells how the neutral is earthed.
    above = chain.parent.copy()
    above[low] = -1
    roots = np.flatnonzero(above < 0)
    unknown = np.setdiff1d(roots, low)
    zero_resistance[unknown] = zero_reactance[unknown] = np.nan
    return *positive, *impedance.path_impedance(above, zero_resistance, zero_reactance, chain.voltage)


def _inverter(facility: Facility) -> Array:
    """Current that the inverter above each node feeds into a fault there [A], infinite where none stands above."""
    chain, devices = facility.chain, facility.devices
    limit = np.full(len(chain.parent), np.inf)
    kinds = devices.kind[chain.converter_device] == DEVICE_KINDS.index("ups")
    bus = chain.converter_output[kinds]
    rated = devices.rating[chain.converter_device[kinds]]
    limit[bus] = INVERTER * conductor.three_phase_current(rated, chain.voltage[bus], 1.0)
    for node in range(1, len(limit)):
        limit[node] = min(limit[node], limit[chain.parent[node]])
    return limit
