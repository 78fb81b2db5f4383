"""Pumps and fans: head curve, affinity laws and power."""

from __future__ import annotations

import numpy as np

from thermal.quantities import (
    Array,
    Power,
    Pressure,
    PressurePerFlow,
    PressurePerSquaredFlow,
    Ratio,
    VolumeFlow,
)

# a, b, c of the head at full speed, a + b Q + c Q^2
HeadCurve = tuple[Pressure, PressurePerFlow, PressurePerSquaredFlow]


def head(volume_flow: VolumeFlow, coefficients: HeadCurve, speed: Ratio = 1.0) -> Pressure:
    """Pressure rise of one pump, (...,) [Pa].

    volume_flow : of the one pump [m^3/s]. coefficients : a, b, c of a + b Q + c Q^2 at full speed [SI].
    speed : over full speed. Affinity: flow goes with the speed, head with its square, hence
    a N^2 + b N Q + c Q^2.

    >>> float(head(2.0, (10.0, 1.0, -2.0))), float(head(1.0, (10.0, 1.0, -2.0), 0.5))
    (4.0, 1.0)
    """
    a, b, c = coefficients
    return a * speed * speed + b * speed * volume_flow + c * volume_flow * volume_flow


def flow(pressure_rise: Pressure, coefficients: HeadCurve, speed: Ratio = 1.0) -> VolumeFlow:
    """Flow of one pump against a pressure, (...,) [m^3/s]: the inverse of `head`, where that falls.

    pressure_rise : [Pa]. Above the greatest head nothing flows. coefficients : a, b, c [SI], c below 0.
    speed : over full speed.

    >>> float(flow(4.0, (10.0, 1.0, -2.0))), float(flow(11.0, (10.0, 1.0, -2.0)))
    (2.0, 0.0)
    """
    a, b, c = coefficients
    slope = b * speed
    square = slope * slope - 4.0 * c * (a * speed * speed - pressure_rise)
    root: Array = np.where(square < 0.0, 0.0, (slope + np.sqrt(np.maximum(square, 0.0))) / (-2.0 * c))
    return np.maximum(root, 0.0)


def hydraulic_power(volume_flow: VolumeFlow, pressure_rise: Pressure) -> Power:
    """Power that reaches the liquid, (...,) [W].

    volume_flow : [m^3/s]. pressure_rise : [Pa].

    >>> float(hydraulic_power(0.04, 100e3))
    4000.0
    """
    return volume_flow * pressure_rise


def electrical_power(volume_flow: VolumeFlow, pressure_rise: Pressure, efficiency: Ratio) -> Power:
    """Power a pump draws, (...,) [W].

    volume_flow : [m^3/s]. pressure_rise : [Pa]. efficiency : wire to water, above 0 to 1.

    >>> float(electrical_power(0.04, 100e3, 0.5))
    8000.0
    """
    return hydraulic_power(volume_flow, pressure_rise) / efficiency


def fan_power(rated_power: Power, flow_ratio: Ratio, minimum_ratio: Ratio) -> Power:
    """Power of a speed-controlled fan, (...,) [W]: the cube of its flow.

    rated_power : at rated flow [W]. flow_ratio : flow over rated flow. minimum_ratio : at which the fan stays
    when less is asked.

    >>> float(fan_power(8000.0, 0.5, 0.3))
    1000.0
    """
    ratio: Array = np.maximum(flow_ratio, minimum_ratio)
    return rated_power * ratio**3
