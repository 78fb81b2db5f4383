"""Friction in straight pipe and fittings."""

from __future__ import annotations

import numpy as np

from thermal.quantities import Array, Density, Length, Pressure, Ratio, Velocity, Viscosity, VolumeFlow

# Below this Reynolds number the friction factor is held: the pressure drop there is nothing.
CREEPING = 1e-6


def velocity(volume_flow: VolumeFlow, diameter: Length) -> Velocity:
    """Mean velocity in a round pipe, (...,) [m/s].

    volume_flow : [m^3/s]. diameter : inside [m].

    >>> round(float(velocity(0.0427, 0.1603)), 2)
    2.12
    """
    return volume_flow / (np.pi / 4 * np.square(diameter))


def friction_factor(reynolds: Ratio, relative_roughness: Ratio) -> Ratio:
    """Darcy friction factor of laminar, transitional and turbulent flow, (...,).

    reynolds : not negative (held below 1e-6). relative_roughness : of the wall over inside diameter, to 0.05.
    Churchill, Chemical Engineering 84 (24), 1977, 91-92. Within 2.2 % of Colebrook from a Reynolds number of
    1e4 to 1e8, and 64/Re in laminar flow.

    >>> round(float(friction_factor(1e3, 0.0)), 4)
    0.064
    """
    number = np.maximum(reynolds, CREEPING)
    rough = -2.457 * np.log((7 / number) ** 0.9 + 0.27 * relative_roughness)
    turbulent = rough**16 + (37530 / number) ** 16
    factor: Array = 8 * ((8 / number) ** 12 + turbulent**-1.5) ** (1 / 12)
    return factor


def pressure_drop(
    volume_flow: VolumeFlow,
    diameter: Length,
    length: Length,
    roughness: Length,
    loss_coefficient: Ratio,
    density: Density,
    viscosity: Viscosity,
) -> Pressure:
    """Pressure lost in a pipe and its fittings, (...,) [Pa], never negative.

    volume_flow : not negative [m^3/s]. diameter : inside [m]. length : [m]. roughness : of the wall [m].
    loss_coefficient : sum over the fittings, of the velocity head. density : [kg/m^3]. viscosity : [Pa*s].
    Darcy-Weisbach with `friction_factor`.

    >>> round(float(pressure_drop(0.02, 0.1, 10.0, 0.0, 1.0, 1000.0, 1e-3)))
    8052
    """
    speed = velocity(volume_flow, diameter)
    factor = friction_factor(density * speed * diameter / viscosity, roughness / diameter)
    return (factor * length / diameter + loss_coefficient) * density * np.square(speed) / 2
