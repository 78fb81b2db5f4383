"""Watts of GPUs against their clock.

With c the watts over those at full clock and phi the clock ratio,

    c = Ps + (1 - Ps) phi max(phi, knee)^2:

above the knee the voltage falls with the clock and watts are saved by its cube; below it the voltage stands at its
minimum. Elementwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def drawn_share(ratio: Array | float, static_share: Array | float, knee: Array | float) -> Array:
    """GPU watts over those at full clock for a clock ratio, (...,).

    >>> float(drawn_share(0.75, 0.25, 0.75)), float(drawn_share(1.0, 0.25, 0.75))
    (0.56640625, 1.0)
    """
    return np.asarray(static_share + (1.0 - static_share) * ratio * np.square(np.maximum(ratio, knee)))


def clock_ratio(share: Array | float, static_share: Array | float, knee: Array | float) -> Array:
    """Clock ratio for GPU watts over those at full clock, (...,), the inverse of `drawn_share`; 0 without any."""
    dynamic = np.maximum(share - static_share, 0.0) / (1.0 - static_share)
    return np.asarray(np.where(dynamic >= knee**3, np.cbrt(dynamic), dynamic / np.square(knee)))
