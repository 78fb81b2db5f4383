"""Products: one YAML file each, every figure with its unit, its source and how far to trust it.

`KINDS` is the one table kind -> figure -> units. Names follow NVIDIA's SimReady AIF vocabulary where it has
one and its camelCase elsewhere. A new product is a new file `twin/catalogue/<kind>/<product>.yaml`, or
`<folder>/<kind>/<product>.yaml` in a folder that the environment variable TWIN_CATALOGUE lists. A file with
`base: other-product` says only what differs from that one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from twin.document import Document, read
from twin.errors import InputError, Problem, UnitError, UnknownName, suggestion
from twin.units import si

Value = float | str | npt.NDArray[np.float64]

STATUS = ("datasheet", "published", "reported", "assumed", "calibrated")
"""From the maker's sheet; from a paper, standard or code; quoted by a third party; our assumption; fitted."""
UNREAD = "(unverified)"
"""Mark of a source that is named from memory: what it gives counts as assumed until it was read there."""


class Slot(NamedTuple):
    """What a kind asks of one figure: no unit for a word, one for a number, two for a curve (x, y)."""

    units: tuple[str, ...]
    required: bool = True
    group: str = ""
    """A product has a group of GROUPS whole or not at all; required then means required in the group."""
    length: int = 1
    """Numbers of a list, in place of one."""


class Group(NamedTuple):
    """Figures that stand together: who has none of them, and the figure that is above zero just with them."""

    absent: str
    counted: str = ""


GROUPS = {
    "liquid": Group("an air-cooled rack has none of them"),
    "gpu": Group("a rack without GPUs has none of them", "numGPUs"),
    "carnot": Group("a chiller by curves has none of them"),
    "curves": Group("a chiller without curves has none of them"),
    "leakage": Group("a rack whose power does not move with temperature has none of them"),
    "cpu": Group("a rack whose CPUs have no plates has none of them"),
    "switch": Group("a rack whose switches have no plates has none of them"),
    "fan_curve": Group("a unit whose fans' curve is not known has none of them"),
    "faults": Group("a device, or a rack as a whole, whose faults are not known has none of them"),
    "cpu_memory": Group("a rack that keeps no KV cache in the memory of its CPUs has none of them"),
    "local_storage": Group("a rack that keeps no KV cache on drives has none of them"),
    "network_storage": Group("a rack that keeps no KV cache on its network has none of them"),
}


def _need(*units: str, group: str = "") -> Slot:
    return Slot(units, group=group)


def _may(*units: str, group: str = "") -> Slot:
    return Slot(units, required=False, group=group)


def _list(length: int, unit: str, group: str) -> Slot:
    return Slot((unit,), group=group, length=length)


def _plates(chip: str) -> dict[str, Slot]:
    """Figures of CPUs or switches on cold plates of their own."""
    units = {"Count": "1", "Power": "W", "FlowShare": "1", "PlateRatio": "1", "CaseMaximum": "K"}
    return {f"{chip}{part}": _need(unit, group=chip) for part, unit in units.items()} | {
        f"{chip}BehindGpus": _may("1", group=chip)
    }


SIDES = ("width", "depth", "height")
_BODY = {**{side: _need("m") for side in SIDES}, "weight": _may("kg")}
_FAULTS = {"failureRate": _need("1/s", group="faults"), "repairTime": _need("s", group="faults")}
"""Failures while in service, and the mean time until it is back: for `twin.study.uptime`."""

KINDS: dict[str, dict[str, Slot]] = {
    "rack": {
        **_BODY,
        "numGPUs": _need("1"),
        "linkDomain": _may("1", group="gpu"),
        "capital": _may("USD"),
        "maxPowerDcTdp": _need("W"),
        "maxPowerAcEdpp1": _need("W"),
        "maxPowerDcEdpp2": _may("W"),
        "idlePowerDefault30Pct": _need("W"),
        "gpuPower": _need("W", group="gpu"),
        "liquidCooling": _need("W", group="liquid"),
        "airCooling": _need("W"),
        "heatCaptureRatio": _need("1", group="liquid"),
        "requiredLiquidFlowRate": _need("K", "m3/s", group="liquid"),
        "requiredAirFlowRate": _need("K", "m3/s"),
        "liquidReferenceFlow": _need("m3/s", group="liquid"),
        "liquidPressureDrop": _need("Pa", group="liquid"),
        "couplingPressureDrop": _need("Pa", group="liquid"),
        "valvePressureDrop": _need("Pa", group="liquid"),
        "liquidInletMaximum": _need("K", group="liquid"),
        "liquidReturnMaximum": _need("K", group="liquid"),
        "airInletMaximum": _need("K"),
        "rackCoolantVolume": _need("m3", group="liquid"),
        "powerFactor": _need("1"),
        "directInputVoltage": _may("V"),
        "numShelves": _need("1"),
        "shelfRating": _need("W"),
        "shelfEfficiency": _need("1", "1"),
        "shelfPulse": _may("s", "1"),
        "shelfHoldUp": _may("s"),
        "coldPlateFlowShare": _need("1", group="liquid"),
        "plateReferenceInlet": _need("K", group="liquid"),
        "plateReferencePower": _need("W", group="liquid"),
        "plateFlowSpread": _need("1", group="liquid"),
        "plateResistanceTolerance": _need("1", group="liquid"),
        "platesInSeries": _may("1", group="liquid"),
        "leakageShare": _need("1", group="leakage"),
        "leakageReference": _need("K", group="leakage"),
        "leakageGrowth": _need("1/K", group="leakage"),
        **_plates("cpu"),
        **_plates("switch"),
        "inputSpectrum": _may("1", "1"),
        "minimumClockRatio": _need("1", group="gpu"),
        "powerLaw": _need(group="gpu"),
        "gpuMemory": _need("byte", group="gpu"),
        "gpuMemoryUsable": _may("byte", group="gpu"),
        "gpuMemoryBandwidth": _need("byte/s", group="gpu"),
        "gpuFlopsFp4": _may("flop/s", group="gpu"),
        "gpuFlopsFp8": _need("flop/s", group="gpu"),
        "gpuFlopsBf16": _need("flop/s", group="gpu"),
        "gpuLinkBandwidth": _need("byte/s", group="gpu"),
        "gpuCapital": _need("USD", group="gpu"),
        "cpuMemory": _need("byte", group="cpu_memory"),
        "cpuMemoryBandwidth": _need("byte/s", group="cpu_memory"),
        "localStorage": _need("byte", group="local_storage"),
        "localStorageBandwidth": _need("byte/s", group="local_storage"),
        "networkStorage": _need("byte", group="network_storage"),
        "networkStorageBandwidth": _need("byte/s", group="network_storage"),
        **_FAULTS,
    },
    "cdu": {
        **_BODY,
        "nominalCoolingCapacity": _need("W"),
        "ratingApproach": _need("delta_degC"),
        "ratingSupplyTemperature": _need("K"),
        "ratingMassFlow": _need("kg/s"),
        "maximumFlow": _need("m3/s"),
        "pumpFlowCurve": _need("m3/s", "Pa"),
        "primaryPressureDrop": _need("Pa"),
        "primaryValvePressureDrop": _need("Pa"),
        "secondaryPressureDrop": _need("Pa"),
        "filterPressureDrop": _may("Pa"),
        "pumpEfficiency": _need("1"),
        "numberOfPumps": _may("1"),
        "maximumPowerConsumption2XPumps": _need("W"),
        "maximumPowerConsumption3XPumps": _may("W"),
        "secondaryCircuitVolume": _need("m3"),
        "expansionVolume": _may("m3"),
        **_FAULTS,
    },
    "dry_cooler": {
        **_BODY,
        "nominalCapacity": _need("W"),
        "ratingDryBulb": _need("K"),
        "ratingWaterInlet": _need("K"),
        "ratingWaterOutlet": _need("K"),
        "airCapacityRate": _need("W/K"),
        "conductanceRatio": _need("1"),
        "fanPower": _need("W"),
        "minimumFanSpeed": _need("1"),
        "waterPressureDrop": _need("Pa"),
        **_FAULTS,
    },
    "tower": {
        **_BODY,
        "nominalCapacity": _need("W"),
        "ratingWaterInlet": _need("K"),
        "ratingWaterOutlet": _need("K"),
        "ratingWetBulb": _need("K"),
        "ratingWaterToAir": _need("1"),
        "fillExponent": _need("1"),
        "fanPower": _need("W"),
        "minimumFanSpeed": _need("1"),
        "driftShare": _need("1"),
        **_FAULTS,
    },
    "exchanger": {
        "nominalCapacity": _need("W"),
        "ratingApproach": _need("delta_degC"),
        "ratingSupplyTemperature": _need("K"),
        "ratingMassFlow": _need("kg/s"),
        "pressureDrop": _need("Pa"),
    },
    "chiller": {
        "nominalCapacity": _need("W"),
        "leavingTemperatureMaximum": _may("K"),
        "carnotFraction": _need("1", group="carnot"),
        "evaporatorApproach": _need("delta_degC", group="carnot"),
        "condenserApproach": _need("delta_degC", group="carnot"),
        "minimumCop": _need("1", group="carnot"),
        "maximumCop": _need("1", group="carnot"),
        "ratedCop": _need("1", group="curves"),
        "capacityCurve": _list(6, "1", "curves"),
        "inputCurve": _list(6, "1", "curves"),
        "loadCurve": _list(3, "1", "curves"),
        "leavingRange": _list(2, "K", "curves"),
        "enteringRange": _list(2, "K", "curves"),
        "loadRange": _list(2, "1", "curves"),
        "freeCoolingEffectiveness": _may("1"),
        "freeCoolingCop": _may("1"),
        "chilledWaterRise": _may("delta_degC"),
        "chilledWaterPumpHead": _may("Pa"),
        "chilledWaterPumpEfficiency": _may("1"),
        **_FAULTS,
    },
    "fan_wall": {
        **_BODY,
        "nominalCoolingCapacity": _need("W"),
        "nominalAirVolume": _need("m3/s"),
        "outletBottom": _may("m"),
        "shutOffPressure": _need("Pa", group="fan_curve"),
        "freeAirVolume": _need("m3/s", group="fan_curve"),
        "fanMotorPowerMax": _need("W"),
        "minimumFlowRatio": _need("1"),
        "ratingAirTemperature": _need("K"),
        "ratingWaterTemperature": _need("K"),
        "ratingWaterRise": _need("delta_degC"),
        **_FAULTS,
    },
    "pump": {
        "ratedFlow": _need("m3/s"),
        "ratedHead": _need("Pa"),
        "pumpEfficiency": _need("1"),
        "motorEfficiency": _need("1"),
        "driveEfficiency": _need("1"),
        **_FAULTS,
    },
    "transformer": {
        "rating": _need("VA"),
        "noLoadLoss": _need("W"),
        "loadLoss": _need("W"),
        "impedance": _need("1"),
        "shortTime": _may("s", "1"),
        "noLoadCurrent": _need("1"),
        "ratedTopOilRise": _may("delta_degC"),
        "ratedHotSpotRise": _may("delta_degC"),
        "eddyLossRatio": _may("1"),
        "breaker": _may(),
        **_FAULTS,
    },
    "ups": {
        "rating": _need("W"),
        "upsRating": _may("VA"),
        "efficiency": _need("1", "1"),
        "powerFactor": _need("1"),
        "overloadAtNominalVoltage": _may("1"),
        "overloadTime": _may("s"),
        "ecoEfficiency": _may("1", "1"),
        "inputSpectrum": _may("1", "1"),
        "transferTime": _may("s"),
        "numberOfModules": _may("1"),
        "batteryEnergy": _may("J"),
        "walkInTime": _may("s"),
        "rechargeShare": _may("1"),
        "breaker": _may(),
        **_FAULTS,
    },
    "rectifier": {
        "rating": _need("W"),
        "efficiency": _need("1", "1"),
        "powerFactor": _need("1"),
        "inputSpectrum": _may("1", "1"),
        "nominalVoltage": _need("V"),
        **_FAULTS,
    },
    "panel": {
        "shortTime": _may("s", "1"),
        **{side: _may("m") for side in SIDES},
        "rating": _need("W"),
        "nominalVoltage": _need("V"),
        "breaker": _may(),
        **_FAULTS,
    },
    "whip": {
        "ampacity": _may("A"),
        "referenceAmbient": _may("K"),
        "temperatureLimit": _may("K"),
        "breaker": _may(),
        "ratedCurrent": _need("A"),
        "continuousFactor": _need("1"),
        "shortTime": _may("s", "1"),
        "nominalVoltage": _need("V"),
        "resistancePerLength": _need("ohm/m"),
        "reactancePerLength": _need("ohm/m"),
    },
    "conductor": {
        "ratedCurrent": _need("A"),
        "referenceAmbient": _may("K"),
        "temperatureLimit": _may("K"),
        "resistancePerLength": _need("ohm/m"),
        "reactancePerLength": _need("ohm/m"),
    },
    "breaker": {
        "ratedCurrent": _need("A"),
        "longEarly": _need("s"),
        "longLate": _need("s"),
        "shortPickup": _may("1"),
        "shortEarly": _may("s"),
        "shortLate": _may("s"),
        "instantaneousPickup": _may("1"),
        "instantaneousLate": _may("s"),
        "pickupTolerance": _need("1"),
        "breakingCapacity": _need("A"),
        "letThrough": _may("A^2*s"),
    },
    "relay": {
        "pickup": _need("1"),
        "dial": _need("1"),
        "curve": _need(),
        "breakingTime": _need("s"),
        "breakingCapacity": _need("A"),
    },
    "generator": {
        "rating": _need("W"),
        "apparentRating": _need("VA"),
        "subtransientReactance": _need("1"),
        "resistanceRatio": _need("1"),
        "startTime": _need("s"),
        "leastLoad": _need("1"),
        "loadStep": _may("1"),
        **_FAULTS,
    },
    "pipe": {
        "innerDiameter": _need("m"),
        "roughness": _need("m"),
        "fittingLengthRatio": _need("1"),
        "flexible": _may(),
        "material": _may(),
    },
    "model": {
        "layers": _need("1"),
        "hidden": _need("1"),
        "alwaysReadParameters": _need("1"),
        "activeParameters": _need("1"),
        "totalParameters": _need("1"),
        "experts": _need("1"),
        "expertsPerToken": _need("1"),
        "expertParameters": _need("1"),
        "moeLayers": _need("1"),
        "kvElements": _need("1"),
        "kvHeads": _need("1"),
        "attentionLayers": _may("1"),
        "heads": _need("1"),
        "decodeWidth": _need("1"),
        "prefillWidth": _need("1"),
        "attentionKind": _need(),
    },
    "serving": {
        "etaWeights": _need("1"),
        "etaKv": _need("1"),
        "etaFlops": _need("1"),
        "etaAttention": _need("1"),
        "etaLink": _need("1"),
        "layerLatency": _need("s"),
        "collectiveLatency": _need("s"),
        "exchangeLatency": _need("s"),
        "exchangeDoubling": _need("s"),
        "stepLatency": _need("s"),
        "prefillEfficiency": _need("1"),
        "fp4Gain": _need("1"),
        "promptLatency": _may("s"),
        "kvBytes": _need("byte"),
    },
    "power_law": {
        "idleShare": _need("1"),
        "bandwidthCoefficient": _need("1"),
        "bandwidthExponent": _need("1"),
        "flopsCoefficient": _need("1"),
        "flopsExponent": _need("1"),
        "ceiling": _need("1"),
    },
    "cap_law": {
        "staticShare": _need("1"),
        "kneeClock": _need("1"),
        "exponentMixed": _need("1"),
        "exponentTraining": _need("1"),
        "exponentDecode": _need("1"),
    },
}


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure of a product: its value in SI, as written, its unit(s) in SI, its source and status."""

    value: Value
    text: str
    unit: str
    source: str
    status: str


@dataclass(frozen=True, eq=False)
class Product:
    """One entry of the catalogue; `product["maxPowerDcTdp"]` is the SI value of a figure.

    A number is a float, a curve an array (point, 2) with x ascending, a word a string.
    """

    name: str
    kind: str
    description: str
    figures: dict[str, Figure] = field(repr=False)

    def __getitem__(self, figure: str) -> Any:
        if figure not in self.figures:
            raise UnknownName(figure, f"figure of {self.name}", self.figures)
        return self.figures[figure].value

    def get(self, figure: str, default: Any = None) -> Any:
        """The SI value of a figure that the product may lack."""
        return self.figures[figure].value if figure in self.figures else default


def _folders() -> tuple[str, ...]:
    """The folder of the package, then those that TWIN_CATALOGUE lists."""
    extra = os.environ.get("TWIN_CATALOGUE", "").split(os.pathsep)
    return (os.path.dirname(__file__), *(os.path.abspath(folder) for folder in extra if folder))


@cache
def _files(folders: tuple[str, ...]) -> dict[str, Path]:
    """The file of every product in some folders; raises InputError for folders or names that clash."""
    found: dict[str, Path] = {}
    problems = []
    for folder in dict.fromkeys(folders):
        if not os.path.isdir(folder):
            problems.append(Problem("TWIN_CATALOGUE", None, None, "", f"there is no folder {folder!r}"))
        for file in sorted(Path(folder).glob("*/*.yaml")):
            kind = file.parent.name
            if kind not in KINDS:
                message = f"there is no kind of product {kind!r}{suggestion(kind, KINDS)}"
                problems.append(Problem(str(file), None, None, "", message))
            elif file.stem in found:
                message = (
                    f"{file.stem!r} is the name of a product in {str(found[file.stem])!r}; rename this one"
                )
                problems.append(Problem(str(file), None, None, "", message))
            else:
                found[file.stem] = file
    if problems:
        raise InputError(problems)
    return found


def products(kind: str | None = None) -> list[str]:
    """Names of the products of a kind, or of all.

    >>> "gb300-nvl72" in products("rack")
    True
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName(kind, "kind of product", KINDS)
    return list(_names(kind, _folders()))


@cache
def _names(kind: str | None, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the products of a kind, or of all, in some folders."""
    found = _files(folders)
    return tuple(sorted(name for name, file in found.items() if kind in (None, file.parent.name)))


def kind_of(name: str) -> str | None:
    """The kind of a product, or None when the catalogue does not hold it."""
    file = _files(_folders()).get(name)
    return file.parent.name if file else None


def product(name: str, kind: str | None = None) -> Product:
    """A product of the catalogue by its name; only its own file and those it builds on are read, once.

    Raises UnknownName, with the nearest name there is, when no product (of that kind) is called so.

    >>> product("gb300-nvl72")["maxPowerDcTdp"]
    136000.0
    """
    folders = _folders()
    file = _files(folders).get(name)
    if file is None or kind not in (None, file.parent.name):
        raise UnknownName(name, f"{kind or 'product'} in the catalogue", products(kind))
    return _read(name, folders)


@cache
def _read(name: str, folders: tuple[str, ...], heirs: tuple[str, ...] = ()) -> Product:
    """A product from its file. heirs : the products that build on it, the first of all at the front."""
    file = _files(folders)[name]
    shown = f"{file.parent.name}/{file.name}" if str(file.parent.parent) == folders[0] else str(file)
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError([Problem(shown, None, None, "", "is not text in UTF-8")]) from None
    except OSError as error:
        raise InputError([Problem(shown, None, None, "", f"cannot be read: {error.strerror}")]) from None
    return _product(read(text, shown), name, file.parent.name, folders, heirs)


def _product(
    document: Document, name: str, kind: str, folders: tuple[str, ...] = (), heirs: tuple[str, ...] = ()
) -> Product:
    """A product from its document; raises InputError with everything wrong in it."""
    value, problems = document.value, list(document.problems)
    for key in sorted({"kind", "name", "description", "figures"} ^ set(value) - {"base"}):
        problems.append(
            document.problem((key,), "is missing" if key not in value else "is not known", key=True)
        )
    for key, expected in (("kind", kind), ("name", name)):
        if value.get(key) != expected:
            problems.append(document.problem((key,), f"is {value.get(key)!r}, expected {expected!r}"))
    if not isinstance(value.get("description", ""), str):
        problems.append(document.problem(("description",), "is not text"))
    written = value.get("figures")
    if not isinstance(written, dict | None):
        problems.append(document.problem(("figures",), "expected figures by their names"))
        written = None
    written = written or {}
    figures: dict[str, Figure] = {}
    if "base" in value:
        try:
            figures |= _base(document, kind, folders, (*heirs, name)).figures
        except InputError as error:
            raise InputError([*problems, *error.problems]) from None
    slots = KINDS[kind]
    problems += [
        document.problem(("figures",), message, key=True)
        for message in _lacking(slots, dict.fromkeys((*figures, *written)))
    ]
    for figure, entry in written.items():
        path = ("figures", figure)
        if figure not in slots:
            message = f"a {kind} has no figure {figure!r}{suggestion(figure, slots)}"
            problems.append(document.problem(path, message, key=True))
            continue
        faults = list(_faults(entry))
        try:
            if not faults:
                figures[figure] = _figure(entry, slots[figure])
        except UnitError as error:
            faults.append(("value", str(error)))
        problems += [document.problem((*path, part), message) for part, message in faults]
    problems += [document.problem(("figures", part), message) for part, message in _uncounted(slots, figures)]
    if problems:
        raise InputError(problems)
    return Product(name, kind, value["description"], figures)


def _base(document: Document, kind: str, folders: tuple[str, ...], heirs: tuple[str, ...]) -> Product:
    """The product that a document builds on; raises InputError when it cannot."""
    base = document.value["base"]
    known = _files(folders) if folders else {}
    same = [name for name, file in known.items() if file.parent.name == kind]
    if not isinstance(base, str) or base not in known:
        message = f"there is no {kind} {base!r}{suggestion(base, same)}"
    elif base not in same:
        message = f"{base!r} is a {known[base].parent.name}, expected a {kind}"
    elif base in heirs:
        message = f"runs in a circle: {' builds on '.join((*heirs, base))}"
    else:
        return _read(base, folders, heirs)
    raise InputError([document.problem(("base",), message)])


def _lacking(slots: dict[str, Slot], given: Iterable[str]) -> Iterator[str]:
    """What the figures of a product lack, one message for each figure and one for each group."""
    given = set(given)
    begun = {slots[figure].group for figure in given & set(slots)}
    apart: dict[str, list[str]] = {}
    for figure, slot in slots.items():
        if not slot.required or figure in given:
            continue
        if not slot.group:
            yield f"the figure {figure!r} is missing"
        elif slot.group in begun:
            apart.setdefault(slot.group, []).append(figure)
    for group, missing in apart.items():
        first = next(figure for figure, slot in slots.items() if slot.group == group and figure in given)
        yield f"beside {first!r} are missing {', '.join(missing)} ({GROUPS[group].absent})"


def _uncounted(slots: dict[str, Slot], figures: dict[str, Figure]) -> Iterator[tuple[str, str]]:
    """Groups that stand beside a count of none of their things, or do not beside a count of some."""
    for name, group in GROUPS.items():
        members = [figure for figure, slot in slots.items() if slot.group == name]
        if group.counted not in figures or not members:
            continue
        some, there = bool(figures[group.counted].value), any(figure in figures for figure in members)
        if some != there:
            asked = f"asks for {', '.join(figure for figure in members if slots[figure].required)}"
            yield group.counted, f"is {figures[group.counted].text}: {asked if some else group.absent}"


def _faults(entry: Any) -> Iterator[tuple[str, str]]:
    """What a figure lacks beside its value: (part, message)."""
    if not isinstance(entry, dict):
        yield "", "expected {value: ..., source: ..., status: ...}"
        return
    for part in sorted({"value", "source", "status"} ^ set(entry)):
        yield part, "is missing" if part not in entry else "is not known"
    if not isinstance(entry.get("source"), str) or not entry["source"].strip():
        yield "source", "a figure needs the document it was read in"
    if entry.get("status") not in STATUS:
        yield "status", f"is {entry.get('status')!r}, expected one of {', '.join(STATUS)}"
    elif UNREAD in str(entry.get("source")) and entry["status"] != "assumed":
        yield "status", f"is {entry['status']!r}, expected 'assumed' beside a source that is {UNREAD}"


def _figure(entry: dict[str, Any], slot: Slot) -> Figure:
    """A figure in SI from what the file says; raises UnitError."""
    value, units = entry["value"], slot.units
    found: Value
    if not units:
        if not isinstance(value, str):
            raise UnitError(f"{value!r} is not a word")
        found = value
    elif slot.length > 1:
        if not isinstance(value, list) or len(value) != slot.length:
            raise UnitError(f"expected a list of {slot.length} numbers")
        found = np.array([si(part, units[0]) for part in value])
        found.setflags(write=False)
    elif len(units) == 1:
        found = si(value, units[0])
    else:
        if not isinstance(value, list) or len(value) < 2 or any(len(_pair(point)) != 2 for point in value):
            raise UnitError(f"expected at least two points [{units[0]}, {units[1]}]")
        found = np.array(
            [[si(part, unit) for part, unit in zip(point, units, strict=True)] for point in value]
        )
        if np.any(np.diff(found[:, 0]) <= 0):
            raise UnitError("the points of a curve must ascend in their first column")
        found.setflags(write=False)
    return Figure(found, str(value), ", ".join(units), entry["source"], entry["status"])


def _pair(point: Any) -> list[Any]:
    return point if isinstance(point, list) else []
