"""A state from its file, with the facility it was solved for.

A state carries its layout, so geometry, limits and names are rebuilt and not stored a second time; the fingerprint
tells whether the catalogue still says what it said then.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from twin.build import build
from twin.errors import InputError, Problem
from twin.facility import Facility
from twin.schema import Layout
from twin.state import VARIABLES

SUFFIX = ".nc"


def stored(file: str | Path) -> tuple[Facility, xr.Dataset]:
    """The facility and the state of a file that `twin run` wrote; raises InputError."""
    path = Path(file)
    if not path.is_file():
        raise _refused(file, "no such file")
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_times=False) as opened:
            state = opened.load()
    except (OSError, RuntimeError, ValueError):
        raise _refused(file, "cannot be read as netCDF") from None
    return restored(state, str(file)), state


def restored(state: xr.Dataset, name: str = "state") -> Facility:
    """The facility a state was solved for; name : of its file, for messages. Raises InputError.

    >>> import twin
    >>> facility = twin.load()
    >>> restored(twin.solve(facility)).fingerprint == facility.fingerprint
    True
    """
    if "turbulence" in state.attrs:
        message = (
            "is the air of a hall, not a state: give state.nc, or open air.vti in ParaView or plan.html, which "
            "`twin air` writes beside it"
        )
        raise _refused(name, message)
    kept, made = state.attrs.get("layout"), state.attrs.get("fingerprint")
    if not isinstance(kept, str) or not isinstance(made, str) or "scenario" not in state.dims:
        raise _refused(
            name, "is not a state of this version: it does not carry its layout; run `twin run` again"
        )
    if "rack" not in state.dims or not any(
        "rack" in VARIABLES[str(one)].dims for one in state if one in VARIABLES
    ):
        raise _refused(name, 'holds totals only; solve with keep="racks" to see racks')
    try:
        facility = build(Layout.restored(kept))
    except (ValueError, LookupError):  # a form or a product that this version does not know
        facility = None
    if facility is None or facility.fingerprint != made:
        message = "was solved with a catalogue or version that has changed since; run `twin run` again"
        raise _refused(name, message)
    if state.rack.values.tolist() != list(facility.racks.name):
        raise _refused(name, "does not hold every rack of its layout")
    return facility


def _refused(name: object, message: str) -> InputError:
    return InputError([Problem(str(name), None, None, "", message)])
