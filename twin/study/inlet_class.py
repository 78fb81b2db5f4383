"""Classes of ASHRAE for the air at the inlet of equipment: the narrowest envelope that a temperature lies in.

ASHRAE TC 9.9, Thermal Guidelines for Data Processing Environments, 5th ed. 2021, table 2.1, read in a copy of its
reference card; what is lost with altitude, from its notes, cited from memory (unverified). Class H1 (5 to 25 degC) is
left out: it is for machines that are made for it, and the limit of the product says more. Humidity is not looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from thermal import air

Array = npt.NDArray[np.float64]

ICE = 273.15
CLASSES = {
    "recommended": (ICE + 18.0, ICE + 27.0, np.inf),
    "A1": (ICE + 15.0, ICE + 32.0, 300.0),
    "A2": (ICE + 10.0, ICE + 35.0, 300.0),
    "A3": (ICE + 5.0, ICE + 40.0, 175.0),
    "A4": (ICE + 5.0, ICE + 45.0, 125.0),
}
"""Least and greatest dry bulb [K], and the height above DERATED in which the greatest sinks by 1 K [m]."""
DERATED = 900.0
"""Altitude from which on allowable temperatures are less [m]."""
BEYOND = "beyond A4"
MEANINGS = (*CLASSES, BEYOND)
"""Of the codes, from 0."""
RECOMMENDED = CLASSES["recommended"][:2]


def inlet_class(inlet: Array, pressure: float) -> npt.NDArray[np.int8]:
    """Code in MEANINGS of inlets [K] at a barometric pressure [Pa], in their shape.

    >>> [MEANINGS[n] for n in inlet_class(np.array([18.0, 27.1, 9.0, 44.0, 46.0]) + 273.15, 101325.0)]
    ['recommended', 'A1', 'A3', 'A4', 'beyond A4']
    >>> MEANINGS[inlet_class(np.array([304.0]), 82000.0)[0]]  # 30.85 degC at 1,750 m, where A1 ends at 29.2 degC
    'A2'
    """
    heights = np.linspace(0.0, 5000.0, 5001)
    above = max(float(np.interp(-pressure, -air.pressure(heights), heights)) - DERATED, 0.0)
    inside = [(inlet >= least) & (inlet <= most - above / metres) for least, most, metres in CLASSES.values()]
    return np.argmax([*inside, np.ones_like(inlet, dtype=bool)], axis=0).astype(np.int8)
