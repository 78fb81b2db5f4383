"""The quantities of geometry, each an array or number in SI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | float

Length = Annotated[Array, "m"]
Lengths = Annotated[npt.NDArray[np.float64], "m"]
Position = Annotated[npt.NDArray[np.float64] | Sequence[float], "m"]
Size = Annotated[npt.NDArray[np.float64] | Sequence[float], "m"]
Box = Annotated[npt.NDArray[np.float64], "m"]
"""Lower and upper corner along the axes of the hall, (..., 2, 3)."""
Index = Annotated[npt.NDArray[np.int64], "1"]
