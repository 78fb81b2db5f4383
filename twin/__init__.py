"""Physics twin of an AI factory: a layout in; the coupled state, the verdict and the report out.

Five verbs on five values: `load` a layout to a Facility, `solve` it under an Operation to a State, `check` the
State to a Verdict of margins. Imported where used, so that the command line answers at once.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "load": "twin.build",
    "solve": "twin.equilibrium",
    "check": "twin.verdict",
    "findings": "twin.verdict",
    "prices": "twin.study.price",
    "contingencies": "twin.study.contingency",
    "fault_levels": "twin.plant.fault",
    "Operation": "twin.operation",
    "InputError": "twin.errors",
}
__all__ = [
    "InputError", "Operation", "check", "contingencies", "fault_levels", "findings", "load", "prices", "solve",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'twin' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
