"""The air of a hall at a moment, with what has been summed over time, and its file: what a run goes on from."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from thermal.airflow import State
from twin.errors import InputError, Problem

Array = npt.NDArray[np.float64]

VECTORS = ("velocity", "before")
"""Fields of the air's state that have three components."""
CARRIED = "turbulence"
"""Field that has two parts, or is not there where the air carries no turbulence."""


@dataclass(frozen=True, eq=False)
class Moment:
    """Never changed: the next one takes its place, so that an interrupt finds all of it or nothing of a step.

    back : temperature of the plenum [K]. since : time from which is summed [s], NaN while the hall warms up. flushes :
    of the hall that has warmed up. heat : of the air over that of supply air, at `since`, or while it warms up at the
    end of the last flush [K m3]. span : of the sums [s]. unsolved : steps of it whose pressure was not found. stray :
    greatest net flow out of a cell in any step [m3/s]. out, carried : through the ceiling [m3], [K m3]. inlet : (rack,)
    [K s]. highest : of the inlets that are summed (rack,), -inf where none is [K]. sums : (field, cells with rings) of
    temperature, pressure and the components of velocity. ends : (batch, 1 + rack) span and inlet at the end of each
    batch. eased : of the porous faces of each axis, as `thermal.airflow.ready` takes them.
    """

    state: State
    back: float
    since: float
    flushes: int
    heat: float
    span: float
    unsolved: int
    stray: float
    out: float
    carried: float
    inlet: Array
    highest: Array
    sums: tuple[Array, ...]
    ends: Array
    eased: tuple[Array, ...]


def kept(moment: Moment, identity: Mapping[str, str], file: Path) -> None:
    """Write a moment, whole or not at all.

    identity : what a run has to have in common with that of the moment to go on from it. OSError.
    """
    held: dict[str, object] = {"identity": json.dumps(dict(identity))}
    for name in (one.name for one in fields(Moment) if one.name not in ("state", "sums", "eased")):
        held[name] = getattr(moment, name)
    held |= {f"sum.{n}": one for n, one in enumerate(moment.sums)}
    held |= {f"eased.{n}": one for n, one in enumerate(moment.eased)}
    for name in (one.name for one in fields(State)):
        value = getattr(moment.state, name)
        held |= (
            {f"state.{name}.{n}": one for n, one in enumerate(value or ())}
            if name in (*VECTORS, CARRIED)
            else {f"state.{name}": value}
        )
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as opened:
            np.savez(opened, **held)  # type: ignore[arg-type]
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def resumed(file: Path, identity: Mapping[str, str], told: Mapping[str, str]) -> Moment:
    """The moment of a file; InputError where there is none, or that of a run which is another one.

    told : for each entry of `identity` what to say where it differs.
    """
    if not file.is_file():
        raise _refused(file, "no such file: nothing to go on from")
    try:
        # Opened here, for a file that is cut short is else left open.
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as opened:
            held = {name: opened[name] for name in opened.files}
        found = json.loads(str(held["identity"]))
        state = {
            one.name: tuple(held[f"state.{one.name}.{n}"] for n in range(3))
            if one.name in VECTORS
            else held[f"state.{one.name}"].item()
            if held[f"state.{one.name}"].ndim == 0
            else held[f"state.{one.name}"]
            for one in fields(State)
            if one.name != CARRIED
        }
        if f"state.{CARRIED}.0" in held:
            state[CARRIED] = tuple(held[f"state.{CARRIED}.{n}"] for n in range(2))
        rest = {
            one.name: held[one.name].item() if held[one.name].ndim == 0 else held[one.name]
            for one in fields(Moment)
            if one.name not in ("state", "sums", "eased")
        }
        sums = tuple(held[f"sum.{n}"] for n in range(5))
        eased = tuple(one for name, one in held.items() if name.startswith("eased."))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise _refused(
            file, "is no air of a hall that this version kept; begin anew without --resume"
        ) from None
    for name, wanted in identity.items():
        if found.get(name) != wanted:
            raise _refused(file, f"is of {told[name]}; begin anew without --resume, or in another folder")
    return Moment(state=State(**state), sums=sums, eased=eased, **rest)


def _refused(file: Path, message: str) -> InputError:
    return InputError([Problem(str(file), None, None, "", message)])
