"""Plug flow: what goes into a line of pipe comes out after the mass in it has been pushed through."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermal.quantities import Enthalpies, Enthalpy, Mass, Masses


class Line(NamedTuple):
    """Parcels of coolant in a line, the last to enter first; they do not mix.

    mass [kg], enthalpy [J/kg] : (parcel, ...).
    """

    mass: Masses
    enthalpy: Enthalpies


def filled(mass: Mass, enthalpy: Enthalpy) -> Line:
    """A line full of one parcel, (...,).

    mass : of its contents [kg], at least 0. enthalpy : [J/kg].

    >>> filled(10.0, 5e4).mass.tolist()
    [10.0]
    """
    one = np.broadcast_arrays(np.asarray(mass, dtype=np.float64), np.asarray(enthalpy, dtype=np.float64))
    return Line(one[0][None].copy(), one[1][None].copy())


def pushed(line: Line, mass: Mass, enthalpy: Enthalpy) -> tuple[Line, Enthalpies]:
    """The line after some coolant went in, and the mean enthalpy of what came out [J/kg], (...,).

    mass : that goes in and comes out [kg], at least 0, (...,). enthalpy : of it [J/kg]. What is in the line stays as
    much as it was, so a step at the inlet is at the outlet once that mass has passed: an exact delay, whatever the
    flow. Where nothing goes in, the enthalpy of the parcel at the outlet stands. Enthalpy is kept to rounding.

    >>> line = filled(10.0, 0.0)
    >>> for _ in range(3):
    ...     line, out = pushed(line, 4.0, 1.0)
    >>> out.item()
    0.5
    """
    entering = np.broadcast_to(np.asarray(mass, dtype=np.float64), line.mass.shape[1:])
    held = _total(line.mass)
    masses = np.concatenate([entering[None], line.mass])
    carried = np.concatenate([np.broadcast_to(enthalpy, entering.shape)[None], line.enthalpy])
    before = np.concatenate([np.zeros((1, *entering.shape)), np.cumsum(masses, axis=0)[:-1]])
    kept = np.clip(held - before, 0.0, masses)
    leaving = masses - kept
    passed = _total(leaving)
    # Of a line at rest, or without contents, the parcel that would leave next.
    last = np.take_along_axis(
        carried, (masses.shape[0] - 1 - np.argmax(masses[::-1] > 0, axis=0))[None], axis=0
    )[0]
    out: Masses = np.where(
        passed > 0.0, _total(leaving * carried) / np.where(passed > 0.0, passed, 1.0), last
    )
    used = (kept > 0.0).reshape(len(kept), -1).any(axis=-1)
    used[0] = True
    return Line(kept[used], carried[used]), out


def _total(parcels: Masses) -> Masses:
    """Sum over the parcels one after the other, so that a line sums alike alone and among others."""
    total: Masses = np.cumsum(parcels, axis=0)[-1]
    return total
