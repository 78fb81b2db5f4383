"""What a liquid loop delivers when its pumps or their number do not suffice."""

from __future__ import annotations

import numpy as np

from thermal.pump import HeadCurve, head
from thermal.quantities import Array, Pressure, Ratio, VolumeFlow

BRANCH_EXPONENT = (
    1.8  # pressure over flow of a rack and its hoses: between 1.76 of a filter and 1.85 of cold plates
)
PIPE_EXPONENT = 1.75  # of turbulent flow in pipe (Blasius)
STILL = 1e-12  # smallest flow asked of a loop [m^3/s]


def delivered_share(
    demand: VolumeFlow,
    branch_head: Pressure,
    pipe_head: Pressure,
    units: Ratio,
    coefficients: HeadCurve,
    maximum_flow: VolumeFlow,
    branch_exponent: Ratio = BRANCH_EXPONENT,
    pipe_exponent: Ratio = PIPE_EXPONENT,
) -> Ratio:
    """Largest share of the flow asked of a loop that its pumps deliver, (...,), 0 to 1.

    demand : flow asked for by all branches [m^3/s]. branch_head : which the worst branch needs at full demand
    with its valve open [Pa]. pipe_head : which header and mains need then [Pa]. units : pumps running, in
    parallel. coefficients : head curve a, b, c of one unit at full speed as in `pump.head`, a > 0 and
    c <= 0 [SI]. maximum_flow : of one unit [m^3/s]. branch_exponent : of the rack and its hoses, 1.8 (between
    the 1.76 of a filter and the 1.85 of cold plates). pipe_exponent : of turbulent pipe, 1.75 (Blasius).
    At a share s the loop needs branch_head s^1.8 + pipe_head s^1.75; no static head. Nothing asked is
    delivered in full, with or without units.

    >>> round(float(delivered_share(2.0, 6.0, 0.0, 1, (4.0, 0.0, 0.0), 9.0)), 4)
    0.7983
    """
    shutoff, slope, bend = coefficients
    each = np.asarray(demand) / np.maximum(units, 1)

    # Head left over is concave in the share and positive at none, so it has one zero, and Newton started at
    # or beyond it walks down to it without stepping over. Each share rests once its head is not short.
    share: Array = np.ones(np.broadcast(each, branch_head, pipe_head, shutoff, slope, bend).shape)
    for _ in range(50):
        surplus = (
            head(share * each, coefficients)
            - branch_head * share**branch_exponent
            - pipe_head * share**pipe_exponent
        )
        incline = (
            each * (slope + 2 * bend * share * each)
            - branch_exponent * branch_head * share ** (branch_exponent - 1)
            - pipe_exponent * pipe_head * share ** (pipe_exponent - 1)
        )
        short = (surplus < 0) & (incline < 0)
        step = np.divide(surplus, incline, out=np.zeros_like(share), where=short)
        lower = np.maximum(share - step, 0.0)
        if np.array_equal(lower, share):
            break
        share = lower
    able = np.minimum(share, units * maximum_flow / np.maximum(demand, STILL))
    answer: Array = np.where(demand > 0, able, 1.0)
    return answer
