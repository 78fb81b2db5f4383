"""Branches of liquid networks: pipes, pumps, valves and whatever else loses or lifts pressure by its flow.

A group stands for like branches between nodes, which are numbers from 0 on. `thermal.network.network` makes a network
of groups, and `thermal.hydraulics.solve` finds its flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from thermal.pump import HeadCurve
from thermal.quantities import Area, Array, Boolean, Integer, Length, MassFlow, Pressure, Ratio, VolumeFlow

# Flow area of a valve of Kv 1 and of Cv 1: 1 m^3/h at 1 bar and 1 US gal/min at 1 psi, both of 1,000 kg/m^3 [m^2].
KV_AREA = 1 / 3600 / np.sqrt(1e5 / 1e3)
CV_AREA = 231 * 0.0254**3 / 60 / np.sqrt(6894.757293168 / 1e3)


class Law(IntEnum):
    """What ties the drop of a branch to its flow."""

    CHURCHILL = 0
    SWAMEE_JAIN = 1
    HAZEN_WILLIAMS = 2
    PUMP = 3
    EQUAL_PERCENTAGE = 4
    LINEAR = 5
    LIMITER = 6
    POWER = 7
    FIXED = 8
    COUPLING = 9


CONTROL = (Law.EQUAL_PERCENTAGE, Law.LINEAR)


class Friction(IntEnum):
    """Formula of the friction factor of a `Pipe`.

    CHURCHILL : as `pipe.friction_factor`. SWAMEE_JAIN : as EPANET's Darcy-Weisbach, 64/Re to a Reynolds number of
    2,000, from 4,000 Swamee and Jain (J. Hydraulics Division ASCE 102, 1976, 657), between them the cubic of
    Dunlop (EPANET 2.2 user manual, appendix on hydraulics).
    """

    CHURCHILL = Law.CHURCHILL
    SWAMEE_JAIN = Law.SWAMEE_JAIN


class Trim(IntEnum):
    """How the flow area of a `Valve` goes with its opening y.

    EQUAL_PERCENTAGE : rangeability^(y - 1), and below an opening of 5 % straight down to none. LINEAR : y.
    """

    EQUAL_PERCENTAGE = Law.EQUAL_PERCENTAGE
    LINEAR = Law.LINEAR


@dataclass(frozen=True, eq=False)
class Pipe:
    """Round pipes with fittings, each (pipe,) or (scenario, pipe): dp = (f L/D + K) rho v^2 / 2.

    start, end : (pipe,) nodes. diameter : inside [m]. length : [m]. roughness : of the wall [m].
    loss_coefficient : sum over the fittings. check : (pipe,) whether a check valve lets flow go from start to
    end only. friction : formula of the factor. Range as of the formula.
    """

    start: Integer
    end: Integer
    diameter: Length
    length: Length
    roughness: Length = 0.0
    loss_coefficient: Ratio = 0.0
    check: Boolean = False
    friction: Friction = Friction.CHURCHILL


@dataclass(frozen=True, eq=False)
class HazenWilliamsPipe:
    """Round pipes of cool water by Hazen and Williams, each (pipe,) or (scenario, pipe).

    start, end, diameter, length, loss_coefficient, check : as of `Pipe`. coefficient : C, 150 for smooth pipe.
    Head per length 10.67 C^-1.852 D^-4.871 Q^1.852 in metres and seconds, turbulent flow of water only.
    """

    start: Integer
    end: Integer
    diameter: Length
    length: Length
    coefficient: Ratio
    loss_coefficient: Ratio = 0.0
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class Pump:
    """Pumps that lift from start to end, each (pump,) or (scenario, pump). Their setting is the speed.

    curve : a, b, c of one unit's head at full speed as in `pump.head` [SI], falling. At speed N and with n units
    in parallel a N^2 + b N q + c q |q| with q = Q/n. check : (pump,) whether a check valve keeps flow from
    going back; with it a pump stands when it is outdone, without it a stopped one is a resistance.
    """

    start: Integer
    end: Integer
    curve: HeadCurve
    check: Boolean = True


@dataclass(frozen=True, eq=False)
class Valve:
    """Control valves, each (valve,) or (scenario, valve): Q = A sqrt(dp / rho). Their setting is the opening.

    flow_area : wide open [m^2], from `flow_area_kv` or `flow_area_cv`. rangeability : flow area open over that at
    no opening of the equal-percentage trim, above 1, 50 as a rule. trim : how the area goes with the opening.
    Below a Reynolds number of 1 in the area the drop turns linear. IEC 60534-2-1:2011, without expansion.
    """

    start: Integer
    end: Integer
    flow_area: Area
    rangeability: Ratio = 50.0
    trim: Trim = Trim.EQUAL_PERCENTAGE
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class Coupling:
    """Quick disconnects, strainers and orifices by flow area, each (coupling,) or (scenario, coupling).

    flow_area : [m^2], of the pair of halves, from `flow_area_kv` or `flow_area_cv`: Q = A sqrt(dp / rho).
    """

    start: Integer
    end: Integer
    flow_area: Area
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class Limiter:
    """Pressure-independent control valves, each (limiter,) or (scenario, limiter). Their setting y is the opening.

    maximum_flow : [m^3/s]. drop : least pressure at which the valve controls [Pa].
    Q = y Qmax while there is more pressure than that, else y Qmax sqrt(dp / drop): the lesser of the two.
    """

    start: Integer
    end: Integer
    maximum_flow: VolumeFlow
    drop: Pressure


@dataclass(frozen=True, eq=False)
class Resistance:
    """Filters, cold plates, exchangers and other data-sheet points, each (one,) or (scenario, one).

    drop : [Pa] at the mass_flow [kg/s]. exponent : of the flow, 1 to 2: 1.76 of a filter, 1.85 of a rack of cold
    plates. dp = setting drop (m / mass_flow)^exponent; the setting is the fouling, 1 when clean. Below 1e-5 of
    the mass_flow the drop turns linear.
    """

    start: Integer
    end: Integer
    drop: Pressure
    mass_flow: MassFlow
    exponent: Ratio = 1.8
    check: Boolean = False


@dataclass(frozen=True, eq=False)
class FixedFlow:
    """Branches whose flow is given, whatever pressure it takes, each (one,) or (scenario, one).

    mass_flow : from start to end [kg/s]; the setting multiplies it.
    """

    start: Integer
    end: Integer
    mass_flow: MassFlow


Branch = Pipe | HazenWilliamsPipe | Pump | Valve | Coupling | Limiter | Resistance | FixedFlow


def flow_area_kv(kv: Ratio) -> Area:
    """Flow area A of Q = A sqrt(dp / rho) from Kv, (...,) [m^2].

    kv : m^3/h of water at 1 bar, a bare number as on data sheets.

    >>> flow_area_kv(36.0)
    np.float64(0.001)
    """
    area: Array = kv * KV_AREA
    return area


def flow_area_cv(cv: Ratio) -> Area:
    """Flow area A of Q = A sqrt(dp / rho) from Cv, (...,) [m^2].

    cv : US gal/min of water at 1 psi, a bare number as on data sheets; Kv = 0.865 Cv (IEC 60534-1).

    >>> round(float(flow_area_cv(1.0) / flow_area_kv(1.0)), 3)
    0.865
    """
    area: Array = cv * CV_AREA
    return area
