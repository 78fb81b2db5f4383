"""The errors of the door: what was wrong with an input, where it stands and how to mend it.

A design that does not work is never an error: it is a negative margin of a rule.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

MOST_NAMES = 500
"""Names that are compared for a suggestion: comparing takes time, and a hundred problems may ask for one."""


def suggestion(name: object, names: Iterable[str]) -> str:
    """The tail of a message that offers the nearest of the known names, or nothing when none is near.

    >>> suggestion("rpp.A9", ["rpp.A1", "ups.A"])
    "; did you mean 'rpp.A1'?"
    """
    plain: dict[str, str] = {}
    for known in islice(names, MOST_NAMES):
        plain.setdefault(known.lower(), known)
    near = difflib.get_close_matches(str(name).lower(), plain, 1)
    return f"; did you mean {plain[near[0]]!r}?" if near else ""


class UnitError(ValueError):
    """A text or quantity that is not of the kind asked for."""


class UnknownName(KeyError):
    """A name that the catalogue does not hold; carries the name and the names it could have been."""

    def __init__(self, name: str, what: str, names: Iterable[str]) -> None:
        self.name = name
        self.what = what
        self.names = tuple(names)
        super().__init__(name, what, self.names)

    def __str__(self) -> str:
        return f"no {self.what} {self.name!r}{suggestion(self.name, self.names)}"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input. line and column count from one; None where a file has no place for it.

    >>> print(Problem("hall.yaml", 41, 12, "rows[3].feeds", "no device 'rpp.A9'"))
    hall.yaml:41:12 rows[3].feeds: no device 'rpp.A9'
    """

    file: str
    line: int | None
    column: int | None
    path: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return f"{place} {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class InputError(Exception):
    """Everything wrong with an input, at once: `problems` is a tuple of `Problem`, the text one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))
