"""Short-circuit levels of the one-line by IEC 60909-0: what its devices have to withstand and to clear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrical import conductor, fault, impedance
from twin.facility import DEVICE_KINDS, Facility

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
class Level:
    """Three-phase short circuit at the bus of a device."""

    device: str
    kind: str
    voltage: float
    """Nominal, line-line [V]."""
    greatest: float
    """Largest initial symmetrical current Ik'' [A]; behind a UPS through its static bypass."""
    peak: float
    """Its peak ip [A]."""
    thermal: float
    """Steady current of the same heat in DURATION [A]."""
    least: float
    """Smallest current [A]; behind a UPS that of its inverter, with which a breaker has to trip too."""


def fault_levels(facility: Facility) -> list[Level]:
    """The level at every device of the alternating-current chain with all devices in service, in their order.

    One source, the utility; generators are not drawn, and racks and drives feed nothing back. Voltage factors for
    low voltage within 6 %, transformers corrected by K_T, conductors cold for the largest and at 75 degC for the
    smallest. Direct current is left out: there the rectifiers' own limits decide.

    >>> import twin
    >>> levels = {level.device: level for level in fault_levels(twin.load())}
    >>> levels["rpp.A1"].greatest < levels["T.A"].greatest < 40e3
    True
    """
    chain, devices = facility.chain, facility.devices
    cold = chain.resistance * _from_hot(COLD)
    factor = impedance.maximum_voltage_factor(chain.voltage, TOLERANCE)
    most = fault.fault(
        chain.voltage, *_behind(facility, cold, factor), factor, duration=DURATION, frequency=FREQUENCY
    )
    factor = impedance.minimum_voltage_factor(chain.voltage, TOLERANCE)
    least = fault.fault(chain.voltage, *_behind(facility, chain.resistance, factor), factor)
    smallest = np.minimum(least.three_phase, _inverter(facility))
    metered = np.flatnonzero(chain.device_node >= 0)
    metered = metered[~chain.direct[chain.device_node[metered]]]
    return [
        Level(
            device=devices.name[index],
            kind=DEVICE_KINDS[devices.kind[index]],
            voltage=float(chain.voltage[node]),
            greatest=float(most.three_phase[node]),
            peak=float(most.peak[node]),
            thermal=float(most.thermal[node]),
            least=float(smallest[node]),
        )
        for index, node in zip(metered.tolist(), chain.device_node[metered].tolist(), strict=True)
    ]


def _from_hot(temperature: float) -> float:
    """Resistance of copper at a temperature over that of the catalogue."""
    return float(conductor.resistance(1.0, temperature) / conductor.resistance(1.0, HOT))


def _behind(facility: Facility, resistance: Array, factor: Array) -> tuple[Array, Array]:
    """Impedance behind each node [ohm], for conductors of some resistance and voltage factors."""
    chain = facility.chain
    resistance, reactance = resistance.copy(), chain.reactance.copy()
    low = chain.transformer_node
    base = np.square(chain.voltage[low]) / chain.transformer_rating
    corrected = impedance.transformer_correction(
        chain.transformer_reactance / base, impedance.maximum_voltage_factor(chain.voltage[low], TOLERANCE)
    )
    # A winding is corrected and stays as warm as it is; what is left of the branch is its run.
    run = resistance[low] * (1.0 - chain.transformer_share)
    resistance[low] = run + chain.transformer_resistance * corrected
    reactance[low] += chain.transformer_reactance * (corrected - 1.0)
    # The utility's own node stands behind its power of short circuit at nominal voltage.
    grid = chain.device_node[0]
    resistance[grid] = chain.resistance[grid] * factor[grid]
    reactance[grid] = chain.reactance[grid] * factor[grid]
    return impedance.path_impedance(chain.parent, resistance, reactance, chain.voltage)


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
