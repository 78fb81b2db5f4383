"""Perforated tiles, grilles and gaps: what pressure they take."""

from __future__ import annotations

import numpy as np

from thermal.quantities import Ratio

DISCHARGE = 0.6
"""Flow through a sharp-edged opening over its area times the speed of the pressure; assumed, the usual 0.6 to 0.65."""


def loss_coefficient(open_share: Ratio) -> Ratio:
    """K of a thin perforated plate that blows into a room, (...,): pressure lost over rho V^2 / 2 of the mean velocity.

    open_share : F, above 0 to 1. K = F^-2 (1 + 0.5 (1 - F)^0.75 + 1.414 (1 - F)^0.375), Fried and Idelchik, Flow
    Resistance, 1989 (unverified), as Karki, Radmehr and Patankar, HVAC&R Research 9, 2003, 153-166, take it for tiles
    (unverified). It is the square of (1 + 0.707 (1 - F)^0.375) / F: the sharp-edged orifice in a duct (Idelchik 1994,
    diagram 4-14, as the Modelica Standard Library prints it) with 1 for its 1 - F, as all of the head of the jets is
    lost. Holes at Reynolds numbers of 1e5 and more.

    >>> [round(float(loss_coefficient(share)), 2) for share in (0.25, 0.4, 0.56, 1.0)]
    [42.76, 15.68, 7.36, 1.0]
    """
    shut = 1.0 - open_share
    return (1.0 + 0.5 * shut**0.75 + 1.414 * shut**0.375) / (open_share * open_share)


def open_share(loss: Ratio) -> Ratio:
    """Share of a plate that is holes, (...,), of what it loses: `loss_coefficient` the other way round.

    loss : K, 0 or above. A plate that is all open loses 1, and one that loses less is taken for that.

    >>> [round(float(open_share(loss)), 3) for loss in (0.0, 7.36, 42.76, 27778.0)]
    [1.0, 0.56, 0.25, 0.01]
    """
    low, high = np.zeros(np.shape(loss)), np.ones(np.shape(loss))
    for _ in range(60):
        middle = 0.5 * (low + high)
        tight = loss_coefficient(middle) >= loss
        low, high = np.where(tight, middle, low), np.where(tight, high, middle)
    return high


def leak_coefficient(open_share: Ratio, discharge: Ratio = DISCHARGE) -> Ratio:
    """K of a panel that leaks, (...,): 1 / (discharge x open share)^2, the law of the orifice on the panel's velocity.

    open_share : area of the gaps over that of the panel, above 0, far below 1. discharge : of the gaps.

    >>> round(leak_coefficient(0.01))
    27778
    """
    return 1.0 / (discharge * open_share) ** 2
