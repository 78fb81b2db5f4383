"""What happens in a simulation: `pump_trip cdu=cdu.1 at=10s for=30s` as text, checked against the facility.

`EVENTS` is the one table kind of event -> what it may name, whether it has to, and what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twin.errors import InputError, Problem, UnitError, suggestion
from twin.facility import DEVICE_KINDS, Facility
from twin.units import si


@dataclass(frozen=True)
class Kind:
    """target : word of what the event names, "" for none. kinds : of device it may be. needed : whether it must be
    named; without a name the event is on all of them."""

    target: str
    kinds: tuple[str, ...]
    needed: bool
    meaning: str


EVENTS: dict[str, Kind] = {
    "pump_trip": Kind(
        "device",
        ("cdu", "pump", "outdoor_pump"),
        True,
        "pumps run down; with `for`, a standby takes over after it",
    ),
    "cdu_loss": Kind(
        "device", ("cdu",), True, "a CDU is isolated at once; the others on its header take its share"
    ),
    "loss_of_facility_water": Kind("", ("pump",), False, "all facility pumps run down"),
    "chiller_restart": Kind("", ("trim_chiller", "chiller"), False, "all chillers trip and start anew"),
    "fan_wall_loss": Kind("device", ("fan_wall",), True, "a fan wall runs down"),
    "power_blip": Kind(
        "", (), False, "the utility is away for a moment; what no UPS backs restarts after it"
    ),
    "utility_loss": Kind(
        "",
        (),
        False,
        "the utility is lost: batteries, then the standby generators, which recharge them",
    ),
    "leak": Kind("rack", (), True, "a branch leaks until it is isolated, after `for`"),
}
ROUNDING = 1e-6
"""Of the times of steps [s]."""
WORDS = ("at", "for", "cdu", "pump", "device", "rack", "rate")


@dataclass(frozen=True)
class Event:
    """kind in EVENTS; targets : names of devices, or of racks for a leak; start, duration [s], infinite without `for`;
    rate : volume that a leak loses [m3/s]."""

    kind: str
    targets: tuple[str, ...]
    start: float
    duration: float
    rate: float = 0.0

    def on(self, time: float, step: float) -> bool:
        """Whether it lasts in any part of a step that begins at a time; none is too short to be seen."""
        return self.start < time + step - ROUNDING and time < self.start + self.duration - ROUNDING

    def over(self, time: float) -> bool:
        """Whether it has ended by a time."""
        return time >= self.start + self.duration - ROUNDING


def events(facility: Facility, written: Iterable[str]) -> list[Event]:
    """Events of texts such as 'pump_trip cdu=cdu.1 at=10s'; raises InputError with all that is wrong with any.

    >>> import twin
    >>> [event] = events(twin.load(), ["pump_trip cdu=cdu.1 at=10s for=5s"])
    >>> event.targets, event.start, event.duration
    (('cdu.1',), 10.0, 5.0)
    """
    found: list[Event] = []
    problems: list[Problem] = []
    for text in written:
        try:
            found.append(_event(facility, text))
        except ValueError as error:
            problems.append(Problem("--event", None, None, text, str(error)))
    if problems:
        raise InputError(problems)
    return found


def late(found: Sequence[Event], written: Sequence[str], until: float, told: str) -> list[Problem]:
    """Of events those that never happen, for they begin when a time is over.

    written : their texts. until : how long it is [s]; told : as it was asked for.

    >>> [str(one) for one in late([Event("utility_loss", (), 200.0, 1.0)], ["utility_loss at=200s"], 20.0, "20s")]
    ['--event utility_loss at=200s: begins at 200 s and never happens in the 20s of --for']
    """
    return [
        Problem(
            "--event", None, None, text, f"begins at {one.start:g} s and never happens in the {told} of --for"
        )
        for one, text in zip(found, written, strict=True)
        if one.start >= until - ROUNDING
    ]


def _event(facility: Facility, text: str) -> Event:
    """One event; a ValueError says what is wrong with it."""
    name, *parts = text.split()[:20] or [""]
    if name not in EVENTS:
        raise ValueError(f"no event {name!r}{suggestion(name, EVENTS)} (there are: {', '.join(EVENTS)})")
    kind = EVENTS[name]
    given: dict[str, str] = {}
    joined: list[str] = []
    for part in parts:
        # A unit may stand apart from its number.
        if "=" not in part and joined:
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    for part in joined:
        word, equals, value = part.partition("=")
        if not equals or word not in WORDS:
            raise ValueError(f"{part!r} is not one of {', '.join(f'{each}=' for each in WORDS)}")
        if word in given:
            raise ValueError(f"{word!r} is given twice")
        given[word] = value
    start = _seconds(given.pop("at", "0 s"), "at")
    duration = _seconds(given.pop("for"), "for") if "for" in given else float("inf")
    if name == "power_blip" and duration == float("inf"):
        raise ValueError("needs how long, such as for=500ms")
    rate = 0.0
    if "rate" in given:
        if name != "leak":
            raise ValueError("takes no rate=")
        rate = _measure(given.pop("rate"), "m3/s", "rate")
        if rate < 0.0:
            raise ValueError("a leak's rate= must not be negative")
    elif name == "leak":
        raise ValueError("needs what it loses, such as rate=2L/min")
    targets = _targets(facility, kind, given)
    return Event(name, targets, start, duration, rate)


def _targets(facility: Facility, kind: Kind, given: dict[str, str]) -> tuple[str, ...]:
    """Names of what an event is on."""
    words = [word for word in given if word in ("cdu", "pump", "device", "rack")]
    if (kind.needed and len(words) != 1) or (not kind.needed and words):
        wanted = "one of cdu=, pump= or device=" if kind.target == "device" else f"{kind.target}="
        raise ValueError(f"needs {wanted}" if kind.needed else f"takes no {words[0]}=")
    devices = facility.devices
    if not kind.needed:
        codes = [DEVICE_KINDS.index(one) for one in kind.kinds]
        return tuple(name for name, code in zip(devices.name, devices.kind, strict=True) if code in codes)
    known: Sequence[str] = facility.racks.name
    if kind.target == "device":
        codes = [DEVICE_KINDS.index(one) for one in kind.kinds]
        known = [name for name, code in zip(devices.name, devices.kind, strict=True) if code in codes]
    elif words != ["rack"]:
        raise ValueError("needs rack=")
    else:
        known = [name for name, wet in zip(known, facility.racks.liquid, strict=True) if wet]
        if not known:
            raise ValueError("no rack here is cooled by liquid")
    names = given[words[0]].split(",")
    for name in names:
        if name not in known:
            some = f" (there are: {', '.join(known[:8])}{', ...' if len(known) > 8 else ''})"
            raise ValueError(f"no {words[0]} {name!r}{suggestion(name, known)}{some}")
    return tuple(names)


def _seconds(text: str, word: str) -> float:
    value = _measure(text, "s", word)
    if value < 0.0:
        raise ValueError(f"{word}={text} lies before the start")
    return value


def _measure(text: str, unit: str, word: str) -> float:
    try:
        return float(si(text, unit))
    except UnitError as error:
        raise ValueError(f"{word}: {error}") from None
