"""Two-winding transformers: equivalent circuit and losses from the name plate."""

from __future__ import annotations

import numpy as np

from electrical.quantities import (
    ApparentPower,
    Conductance,
    Power,
    Ratio,
    Reactance,
    Resistance,
    Susceptance,
    Voltage,
)


def series_impedance(
    rating: ApparentPower, voltage: Voltage, impedance_ratio: Ratio, load_loss: Power
) -> tuple[Resistance, Reactance]:
    """Series resistance and reactance per phase seen from one side, (...,) each.

    rating : rated apparent power [VA], above 0. voltage : rated line-line voltage of that side [V].
    impedance_ratio : short-circuit voltage over rated voltage, uk [1]. load_loss : short-circuit loss of
    the three phases at rated current [W].
    Z = uk U^2 / S, R = P_k U^2 / S^2, X^2 = Z^2 - R^2 (IEC 60909-0, 6.3.1); X is 0 where the loss alone
    makes up the impedance.

    >>> resistance, reactance = series_impedance(10e6, 415.0, 0.08, 60e3)
    >>> print(f"{1e3 * resistance:.4f} {1e3 * reactance:.4f} mohm")
    0.1033 1.3739 mohm
    """
    base = np.square(voltage) / rating
    resistance = base * load_loss / rating
    return resistance, np.sqrt(np.maximum(np.square(impedance_ratio * base) - np.square(resistance), 0.0))


def no_load_admittance(
    rating: ApparentPower, voltage: Voltage, no_load_loss: Power, no_load_current_ratio: Ratio
) -> tuple[Conductance, Susceptance]:
    """Shunt conductance and susceptance per phase of the core seen from one side, (...,) each.

    rating : rated apparent power [VA], above 0. voltage : rated line-line voltage of that side [V].
    no_load_loss : core loss of the three phases at rated voltage [W]. no_load_current_ratio : no-load
    current over rated current, i0 [1].
    |Y| = i0 S / U^2, G = P_0 / U^2, B = -(|Y|^2 - G^2)^1/2, negative because the core is inductive; B is
    0 where the loss alone makes up the current.

    >>> conductance, susceptance = no_load_admittance(10e6, 415.0, 9e3, 0.002)
    >>> print(f"{1e3 * conductance:.3f} {1e3 * susceptance:.3f} mS")
    52.257 -103.705 mS
    """
    conductance = no_load_loss / np.square(voltage)
    admittance = no_load_current_ratio * rating / np.square(voltage)
    return conductance, -np.sqrt(np.maximum(np.square(admittance) - np.square(conductance), 0.0))


def loss(
    apparent_power: ApparentPower, rating: ApparentPower, no_load_loss: Power, load_loss: Power
) -> Power:
    """Loss at rated voltage, (...,): core loss plus load loss by the square of the loading.

    apparent_power : what passes through [VA]. rating : rated apparent power [VA], above 0.
    no_load_loss : core loss [W]. load_loss : short-circuit loss at rated current [W].
    Sinusoidal currents, winding at its reference temperature.

    >>> float(loss(500e3, 1000e3, 1000.0, 8000.0))
    3000.0
    """
    return no_load_loss + load_loss * np.square(apparent_power / rating)
