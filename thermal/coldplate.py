"""Cold plate of an accelerator: coolant at the inlet to case of the chip."""

from __future__ import annotations

import numpy as np

from thermal.quantities import Array, Power, Temperature, ThermalResistance, VolumeFlow

# OCP 1 kW OAM cold plate with PG25 (OAI liquid-cooling guidelines 2023, figure 7): flow, in L/min before the
# division, and resistance [K/W]
_FLOW = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4]) / 60e3
_RESISTANCE = np.array(
    [
        0.0389,
        0.0325,
        0.0300,
        0.0280,
        0.0265,
        0.0255,
        0.0245,
        0.0230,
        0.0220,
        0.0214,
        0.0209,
        0.0204,
        0.0200,
        0.0197,
    ]
)


def resistance(flow: VolumeFlow) -> ThermalResistance:
    """Resistance from coolant inlet to case of one plate, (...,) [K/W].

    flow : through the plate [m^3/s]; range 0.4 to 2.4 L/min, constant beyond.
    OCP 1 kW OAM plate with 25 % propylene glycol, interpolated between the published points.

    >>> round(float(resistance(1.7 / 60e3)), 5)
    0.02115
    """
    value: Array = np.interp(flow, _FLOW, _RESISTANCE)
    return value


def case_temperature(inlet: Temperature, power: Power, flow: VolumeFlow) -> Temperature:
    """Case temperature of a chip on its plate, (...,) [K].

    inlet : coolant at the plate [K]. power : of the chip [W]. flow : through the plate [m^3/s].

    >>> round(float(case_temperature(318.15, 1400.0, 0.75 * 160 / 72 / 60e3)) - 273.15, 1)
    74.7
    """
    return inlet + power * resistance(flow)


def power_limit(inlet: Temperature, case_limit: Temperature, flow: VolumeFlow) -> Power:
    """Largest power of a chip whose case stays at its limit, (...,) [W], never negative.

    inlet : coolant at the plate [K]. case_limit : highest case temperature [K]. flow : through the plate
    [m^3/s].

    >>> round(float(power_limit(318.15, 318.15 + 21.0, 2.0 / 60e3)), 1)
    1029.4
    """
    limit: Array = np.maximum(np.asarray(case_limit) - inlet, 0.0) / resistance(flow)
    return limit
