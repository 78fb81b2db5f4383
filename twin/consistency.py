"""What a layout must be beyond the form of its values: names that exist, feeds that reach the utility,
equipment that does not stand in the same place.

The checks read the plain document, so that a missing unit in one line does not hide a dangling feed in
another. Each gives (path, message); where the document is malformed they pass over it: the form reports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geometry.box import overlaps
from twin.catalogue import Product, kind_of, product, products
from twin.document import Path, written
from twin.errors import UnitError, suggestion
from twin.schema import UTILITY
from twin.units import si

Finding = tuple[Path, str]

POWER_KINDS = ("transformer", "ups", "rectifier", "panel")

PRODUCTS: dict[Path, tuple[str, ...]] = {
    ("workload", "model"): ("model",),
    ("rows", "*", "rack_type"): ("rack",),
    ("standby", "product"): ("generator",),
    ("rows", "*", "whip", "product"): ("whip",),
    ("rows", "*", "whip", "breaker"): ("breaker",),
    ("loop", "cdus", "product"): ("cdu",),
    ("loop", "main", "product"): ("pipe",),
    ("loop", "row", "product"): ("pipe",),
    ("loop", "branch", "product"): ("pipe",),
    **{(*place, "plant", *path): kinds for place in ((), ("shared",)) for path, kinds in {
        ("dry_coolers", "product"): ("dry_cooler",),
        ("towers", "product"): ("tower",),
        ("outdoor", "exchangers", "product"): ("exchanger",),
        ("outdoor", "pumps", "product"): ("pump",),
        ("trim_chillers", "product"): ("chiller",),
        ("pumps", "product"): ("pump",),
        ("main", "product"): ("pipe",),
        ("header", "product"): ("pipe",),
    }.items()},
    ("air", "fan_walls", "product"): ("fan_wall",),
    ("air", "chillers", "product"): ("chiller",),
    ("power", "devices", "*", "product"): POWER_KINDS,
    ("power", "devices", "*", "conductor"): ("conductor",),
    ("power", "devices", "*", "breaker"): ("breaker", "relay"),
    ("shared", "devices", "*", "product"): POWER_KINDS,
    ("shared", "devices", "*", "conductor"): ("conductor",),
    ("shared", "devices", "*", "breaker"): ("breaker", "relay"),
}  # fmt: skip
"""Where a layout names a product, and the kinds it may be of."""

NEEDED: dict[Path, tuple[str, ...]] = {
    ("plant", "trim_chillers", "product"): ("leavingTemperatureMaximum", "carnotFraction"),
    ("shared", "plant", "trim_chillers", "product"): ("leavingTemperatureMaximum", "carnotFraction"),
    ("air", "chillers", "product"): (
        "freeCoolingEffectiveness",
        "freeCoolingCop",
        "chilledWaterRise",
        "chilledWaterPumpHead",
        "chilledWaterPumpEfficiency",
    ),
}
"""Figures a product needs in this place beyond what its kind asks for."""

HUMP = 1.05
"""Greatest head of a pump over that at rest."""
MOST_PAIRS = 20_000
"""Pairs of things in the same place that are looked for."""
TAKEN = re.compile(r"(cdu|drycooler|tower|outdoorpump|trimchiller|pump|fanwall|chiller)\.\d+$|whip\.")
"""Names that the build gives to cooling equipment and whips."""
LONG = 20
"""Names of a circle that are written out."""
NEAR = 1e-6
"""Lengths that are rounding [m]."""
PLANT: tuple[Path, ...] = (
    ("plant", "dry_coolers"), ("plant", "towers"), ("plant", "outdoor", "pumps"), ("plant", "trim_chillers"),
    ("plant", "pumps"),
)  # fmt: skip
EQUIPMENT: tuple[Path, ...] = (("loop", "cdus"), *PLANT, ("air", "fan_walls"), ("air", "chillers"))

FEEDS: dict[str, tuple[int, ...]] = {"N": (1,), "N+1": (2,), "2N": (2,), "3N/2": (2,), "4N3R": (2, 4)}
"""Feeds of a row under each redundancy scheme; under N+1 the last one is the reserve."""


def matches(raw: Any, pattern: Path, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every (path, value) of a document that a pattern meets; `*` stands for every item of a list.

    >>> list(matches({"rows": [{"count": 8}, {}]}, ("rows", "*", "count")))
    [(('rows', 0, 'count'), 8)]
    """
    if not pattern:
        yield at, raw
    elif pattern[0] == "*" and isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from matches(item, pattern[1:], (*at, index))
    elif isinstance(raw, dict) and pattern[0] in raw:
        yield from matches(raw[pattern[0]], pattern[1:], (*at, pattern[0]))


def product_findings(raw: Any) -> Iterator[Finding]:
    """Products that the catalogue does not hold, that are of another kind, or that lack a figure."""
    for pattern, kinds in PRODUCTS.items():
        known = [name for kind in kinds for name in products(kind)]
        noun = " or ".join(kinds)
        for path, name in matches(raw, pattern):
            if not isinstance(name, str):
                continue
            if name in known:
                yield from _lacking(pattern, path, name)
                continue
            other = kind_of(name)
            if other:
                yield path, f"{name!r} is a {other}, expected a {noun}{suggestion(name, known)}"
            else:
                yield (
                    path,
                    f"unknown {noun} {name!r}{suggestion(name, known)} (there are: {', '.join(known)})",
                )


def _lacking(pattern: Path, path: Path, name: str) -> Iterator[Finding]:
    """Figures that a product of the right kind lacks for its place in the layout."""
    for figure in NEEDED.get(pattern, ()):
        if figure not in product(name).figures:
            yield path, f"{name!r} has no figure {figure!r}, which is needed here"


def pump_findings(raw: Any) -> Iterator[Finding]:
    """CDUs whose pumps gain head with flow, or have none at rest: no operating point is stable there."""
    for path, name in matches(raw, ("loop", "cdus", "product")):
        if not isinstance(name, str) or name not in products("cdu"):
            continue
        head = product(name, "cdu")["pumpFlowCurve"][:, 1]
        # A hump of a few per cent before the fall is what data sheets have.
        if head[0] <= 0.0 or head[-1] >= head[0] or head.max() > HUMP * head[0]:
            yield path, f"the head of {name!r} rises with its flow in pumpFlowCurve; a pump's falls"


def plant_findings(raw: Any) -> Iterator[Finding]:
    """Plants whose parts do not go together, chillers without figures of their power, set-points out of order."""
    for place in (("plant",), ("shared", "plant")):
        for path, plant in matches(raw, place):
            if isinstance(plant, dict):
                for key, message in _plant(plant):
                    yield (*path, key) if key else path, message
    for path, name in matches(raw, ("air", "chillers", "product")):
        if isinstance(name, str) and name in products("chiller"):
            figures = product(name, "chiller").figures
            if "carnotFraction" not in figures and "capacityCurve" not in figures:
                yield (
                    path,
                    f"{name!r} has neither 'carnotFraction' nor 'capacityCurve', one of which is needed",
                )
    for path, loop in matches(raw, ("loop",)):
        reset = loop.get("reset") if isinstance(loop, dict) else None
        try:
            least, most = si((reset or {}).get("least"), "K"), si(loop.get("supply_temperature"), "K")
        except (UnitError, AttributeError):
            continue
        if least > most:
            yield (*path, "reset", "least"), "is above loop.supply_temperature, the highest the reset allows"


def _plant(plant: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, message) of what the parts of one plant have against each other."""
    dry, wet = plant.get("dry_coolers"), plant.get("towers")
    outdoor = plant.get("outdoor")
    if (dry is None) == (wet is None):
        yield "towers" if wet else "", "needs either 'dry_coolers' or 'towers'"
    if wet is None:
        return
    if outdoor is None:
        yield "towers", "are open to the air; the plant needs an 'outdoor' loop with exchangers between"
    elif isinstance(outdoor, dict) and outdoor.get("fluid") not in (None, "water"):
        yield "outdoor", f"is of {outdoor['fluid']!r}; open towers take water"
    if plant.get("adiabatic") is not None:
        yield "adiabatic", "pads stand before dry coolers, not before towers; leave it out"


def named_devices(raw: Any, *keys: str) -> dict[str, tuple[Path, Any]]:
    """Devices listed at some keys of a document: name -> (path, what feeds it)."""
    return {
        name: (path, item.get("feed"))
        for path, item in matches(raw, (*keys, "*"))
        if isinstance(item, dict) and isinstance(name := item.get("name"), str)
    }


def feed_findings(raw: Any) -> Iterator[Finding]:
    """Feeds of devices, rows and equipment that dangle, repeat, run in a circle or miss the scheme."""
    devices = named_devices(raw, "power", "devices")
    for path, feed in devices.values():
        if isinstance(feed, str) and feed not in devices and feed != UTILITY:
            yield (*path, "feed"), f"no device {feed!r}{suggestion(feed, [*devices, UTILITY])}"
    yield from _circles(devices)
    for path, feeds in matches(raw, ("rows", "*", "feeds")):
        yield from _listed(path, feeds, devices)
    for place in EQUIPMENT:
        for path, feeds in matches(raw, (*place, "feeds")):
            yield from _listed(path, feeds, {**devices, UTILITY: None})
    yield from _scheme(raw)


def _listed(path: Path, feeds: Any, known: Mapping[str, Any]) -> Iterator[Finding]:
    """Feeds of one list that dangle or repeat."""
    before: set[str] = set()
    for index, feed in enumerate(feeds if isinstance(feeds, list) else ()):
        if not isinstance(feed, str):
            continue
        if feed not in known:
            yield (*path, index), f"no device {feed!r}{suggestion(feed, known)}"
        elif feed in before:
            yield (*path, index), f"{feed!r} is listed twice"
        before.add(feed)


def shared_findings(raw: Any) -> Iterator[Finding]:
    """What the shared devices and the shared plant of a site have against them."""
    devices = named_devices(raw, "shared", "devices")
    for path, feed in devices.values():
        if isinstance(feed, str) and feed not in devices and feed != UTILITY:
            yield (*path, "feed"), f"no shared device {feed!r}{suggestion(feed, [*devices, UTILITY])}"
    yield from _circles(devices)
    for place in PLANT:
        for path, feeds in matches(raw, ("shared", *place, "feeds")):
            yield from _listed(path, feeds, {**devices, UTILITY: None})


def replace_findings(entry: Any, own: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Finding]:
    """Devices that a block of the site replaces and does not have, or by shared ones that there are not.

    entry : a line of `blocks`. own, shared : devices of its unit and of the site, by name.
    """
    for path, listed in matches(entry, ("replace",)):
        for name, by in listed.items() if isinstance(listed, dict) else ():
            if name not in own:
                yield (*path, name), f"the unit has no device {name!r}{suggestion(name, own)}"
            elif isinstance(by, str) and by not in shared:
                known = f" (there are: {', '.join(shared)})" if shared else "; list it in shared.devices"
                yield (*path, name), f"no shared device {by!r}{suggestion(by, shared)}{known}"


def _circles(devices: dict[str, tuple[Path, Any]]) -> Iterator[Finding]:
    """Chains of feeds that come back to where they began, each told once, at its first member by name.

    Every device is passed once, so a chain of any length costs its length.
    """
    passed: set[str] = set()
    for start in devices:
        chain: dict[str, int] = {}
        name: Any = start
        while isinstance(name, str) and name in devices and name not in passed and name not in chain:
            chain[name] = len(chain)
            name = devices[name][1]
        if isinstance(name, str) and name in chain:
            circle = list(chain)[chain[name] :]
            first = circle.index(min(circle))
            circle = [*circle[first:], *circle[:first], circle[first]]
            if len(circle) > LONG:
                circle[LONG // 2 : -LONG // 2] = ["..."]
            yield (*devices[circle[0]][0], "feed"), f"feeds itself: {' <- '.join(circle)}"
        passed |= chain.keys()


def _scheme(raw: Any) -> Iterator[Finding]:
    """Rows whose number of feeds is not that of the redundancy scheme."""
    scheme = next((value for _, value in matches(raw, ("power", "redundancy"))), None)
    if not isinstance(scheme, str) or scheme not in FEEDS:
        return
    for path, feeds in matches(raw, ("rows", "*", "feeds")):
        if isinstance(feeds, list) and len(feeds) not in FEEDS[scheme]:
            allowed = " or ".join(map(str, FEEDS[scheme]))
            yield path, f"{scheme} takes {allowed} feeds a row, not {len(feeds)}"


def name_findings(raw: Any) -> Iterator[Finding]:
    """Rows, devices and blocks that share a name with an earlier one."""
    places = (("rows",), "row"), (("power", "devices"), "device"), (("blocks",), "block")
    for place, noun in (*places, (("shared", "devices"), "device")):
        first: dict[str, Path] = {}
        for path, name in matches(raw, (*place, "*", "name")):
            if name == UTILITY and noun == "device":
                yield path, f"{UTILITY!r} is the source itself; give the device another name"
            elif noun == "device" and isinstance(name, str) and TAKEN.match(name):
                yield (
                    path,
                    f"{name!r} is what the twin calls equipment of its own; give the device another name",
                )
            elif isinstance(name, str) and name in first:
                yield path, f"the {noun} {name!r} is there already, as {written(first[name][:-1])}"
            elif isinstance(name, str):
                first[name] = path


def count_findings(raw: Any) -> Iterator[Finding]:
    """Equipment of which more is required than installed, and runs of conductor without a length."""
    for place in (*EQUIPMENT, *(("shared", *place) for place in PLANT), ("standby",)):
        for path, item in matches(raw, place):
            if not isinstance(item, dict):
                continue
            count, required = item.get("count"), item.get("required")
            if isinstance(count, int) and isinstance(required, int) and required > count:
                yield (
                    (*path, "required"),
                    f"is {required}, more than the {count} installed; lower it or raise count",
                )
    listed = (*matches(raw, ("power", "devices", "*")), *matches(raw, ("shared", "devices", "*")))
    for path, item in listed:
        if isinstance(item, dict) and ("conductor" in item) != ("length" in item):
            given, missing = ("conductor", "length") if "conductor" in item else ("length", "conductor")
            yield (*path, given), f"{given!r} needs {missing!r} beside it"


def voltage_findings(raw: Any) -> Iterator[Finding]:
    """Panels and whips made for another voltage than the chain's."""
    yield from _made_for(raw, "power", ("rows", "*", "whip", "product"))
    yield from _current_kind(raw)
    yield from _made_for(raw, "shared")


def _current_kind(raw: Any) -> Iterator[Finding]:
    """Racks for direct current in a chain of alternating current, the other way round, and phases of direct current."""
    named = [name for _, name in matches(raw, ("power", "devices", "*", "product"))]
    direct = any(isinstance(name, str) and name in products("rectifier") for name in named)
    for path, name in matches(raw, ("rows", "*", "rack_type")):
        if not isinstance(name, str) or name not in products("rack"):
            continue
        volts = product(name, "rack").get("directInputVoltage")
        if volts and not direct:
            yield path, f"{name!r} takes direct current of {volts:g} V; the chain has no rectifier for it"
        elif direct and not volts:
            yield path, f"{name!r} takes alternating current; the chain gives direct current"
    for path, phases in matches(raw, ("rows", "*", "phases")):
        if direct and phases == "rotating":
            yield path, "'rotating' phases need alternating current; the chain gives direct current"


def _made_for(raw: Any, key: str, *more: Path) -> Iterator[Finding]:
    """Panels and whips that are not for the voltage of the chain written at a key."""
    chain = next((value for _, value in matches(raw, (key, "voltage"))), None)
    try:
        volts = si(chain, "V")
    except UnitError:
        return
    for place in ((key, "devices", "*", "product"), *more):
        for path, name in matches(raw, place):
            if not isinstance(name, str) or name not in (*products("panel"), *products("whip")):
                continue
            made = product(name)["nominalVoltage"]
            if abs(made - volts) > 1e-3 * volts:
                yield (
                    path,
                    f"{name!r} is for {made:g} V, the chain is at {volts:g} V; choose another product or voltage",
                )


def liquid_findings(raw: Any) -> Iterator[Finding]:
    """Liquid-cooled racks in a unit without a loop."""
    if not isinstance(raw, dict) or raw.get("loop") is not None:
        return
    for path, name in matches(raw, ("rows", "*", "rack_type")):
        if isinstance(name, str) and name in products("rack") and is_liquid(product(name, "rack")):
            yield path, f"{name!r} is cooled by liquid; the unit needs a 'loop'"


def is_liquid(made: Product) -> bool:
    """Whether a rack product is cooled by liquid."""
    return "liquidCooling" in made.figures


def findings(raw: Any) -> Iterator[Finding]:
    """Everything that names and feeds of a document have against them."""
    yield from product_findings(raw)
    yield from name_findings(raw)
    yield from feed_findings(raw)
    yield from shared_findings(raw)
    yield from liquid_findings(raw)
    yield from count_findings(raw)
    yield from voltage_findings(raw)
    yield from pump_findings(raw)
    yield from plant_findings(raw)


@dataclass(frozen=True, eq=False)
class Solid:
    """Things of one line of a layout that take up space: where they are written, what to call them."""

    path: Path
    names: Sequence[str]
    boxes: npt.NDArray[np.float64]
    """(item, 2, 3) [m]."""
    remedy: str


def outside_findings(solids: Sequence[Solid], size: Sequence[float]) -> Iterator[Finding]:
    """Solids of a unit that do not stand in its hall, one finding for each line."""
    for solid in solids:
        outside = (solid.boxes[:, 0] < -NEAR).any(axis=-1) | (
            solid.boxes[:, 1] > np.asarray(size) + NEAR
        ).any(axis=-1)
        if outside.any():
            name = solid.names[int(np.argmax(outside))]
            more = f" ({int(outside.sum())} such)" if outside.sum() > 1 else ""
            room = " x ".join(f"{side:g}" for side in size)
            yield (
                (*solid.path, "origin"),
                f"{name} stands outside the hall of {room} m{more}; move it or widen hall.size",
            )


def overlap_findings(solids: Sequence[Solid]) -> Iterator[Finding]:
    """Solids with items in the same place, one finding for each pair of lines, at the later of the two."""
    if not solids:
        return
    owner = np.concatenate([np.full(len(solid.boxes), index) for index, solid in enumerate(solids)])
    names = [name for solid in solids for name in solid.names]
    met: dict[tuple[int, int], list[tuple[int, int]]] = {}
    found = overlaps(np.concatenate([solid.boxes for solid in solids]), most=MOST_PAIRS)
    least = "at least " if len(found) >= MOST_PAIRS else ""
    for one, other in found[:MOST_PAIRS].tolist():
        met.setdefault((int(owner[one]), int(owner[other])), []).append((one, other))
    for (line, other), pairs in met.items():
        first, second = (names[item] for item in pairs[0])
        more = f" ({least}{len(pairs)} such pairs)" if len(pairs) > 1 else ""
        message = f"{first} and {second} stand in the same place{more}; "
        if line == other:
            yield (*solids[line].path, "pitch"), message + solids[line].remedy
        else:
            yield (*solids[other].path, "origin"), message + "move one of them"
