"""Products: one YAML file each, every figure with its unit, its source and how far to trust it.

`KINDS` is the one table kind -> figure -> units. Names follow NVIDIA's SimReady AIF vocabulary where it has
one and its camelCase elsewhere. A new product is a new file `twin/catalogue/<kind>/<product>.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from twin.document import Document, read
from twin.errors import InputError, UnitError, UnknownName, suggestion
from twin.units import si

Value = float | str | npt.NDArray[np.float64]

STATUS = ("datasheet", "published", "reported", "assumed", "calibrated")
"""From the maker's sheet; from a paper, standard or code; quoted by a third party; our assumption; fitted."""


class Slot(NamedTuple):
    """What a kind asks of one figure: no unit for a word, one for a number, two for a curve (x, y)."""

    units: tuple[str, ...]
    required: bool = True


def _need(*units: str) -> Slot:
    return Slot(units)


def _may(*units: str) -> Slot:
    return Slot(units, required=False)


SIDES = ("width", "depth", "height")
_BODY = {**{side: _need("m") for side in SIDES}, "weight": _may("kg")}

KINDS: dict[str, dict[str, Slot]] = {
    "rack": {
        **_BODY,
        "numGPUs": _need("1"),
        "maxPowerDcTdp": _need("W"),
        "maxPowerAcEdpp1": _need("W"),
        "maxPowerDcEdpp2": _may("W"),
        "idlePowerDefault30Pct": _need("W"),
        "gpuPower": _need("W"),
        "liquidCooling": _need("W"),
        "airCooling": _need("W"),
        "heatCaptureRatio": _need("1"),
        "requiredLiquidFlowRate": _need("K", "m3/s"),
        "requiredAirFlowRate": _need("K", "m3/s"),
        "liquidReferenceFlow": _need("m3/s"),
        "liquidPressureDrop": _need("Pa"),
        "couplingPressureDrop": _need("Pa"),
        "valvePressureDrop": _need("Pa"),
        "liquidInletMaximum": _need("K"),
        "liquidReturnMaximum": _need("K"),
        "airInletMaximum": _need("K"),
        "rackCoolantVolume": _need("m3"),
        "powerFactor": _need("1"),
        "numShelves": _need("1"),
        "shelfRating": _need("W"),
        "shelfEfficiency": _need("1", "1"),
        "coldPlateFlowShare": _need("1"),
        "plateReferenceInlet": _need("K"),
        "plateReferencePower": _need("W"),
        "minimumClockRatio": _need("1"),
        "powerLaw": _need(),
        "gpuMemory": _need("byte"),
        "gpuMemoryUsable": _may("byte"),
        "gpuMemoryBandwidth": _need("byte/s"),
        "gpuFlopsFp4": _may("flop/s"),
        "gpuFlopsFp8": _need("flop/s"),
        "gpuFlopsBf16": _need("flop/s"),
        "gpuLinkBandwidth": _need("byte/s"),
        "gpuCapital": _need("USD"),
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
        "secondaryPressureDrop": _need("Pa"),
        "pumpEfficiency": _need("1"),
        "numberOfPumps": _may("1"),
        "maximumPowerConsumption2XPumps": _need("W"),
        "maximumPowerConsumption3XPumps": _may("W"),
        "secondaryCircuitVolume": _need("m3"),
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
    },
    "chiller": {
        "nominalCapacity": _need("W"),
        "leavingTemperatureMaximum": _may("K"),
        "carnotFraction": _need("1"),
        "evaporatorApproach": _need("delta_degC"),
        "condenserApproach": _need("delta_degC"),
        "minimumCop": _need("1"),
        "maximumCop": _need("1"),
        "freeCoolingEffectiveness": _may("1"),
        "freeCoolingCop": _may("1"),
        "chilledWaterRise": _may("delta_degC"),
        "chilledWaterPumpHead": _may("Pa"),
        "chilledWaterPumpEfficiency": _may("1"),
    },
    "fan_wall": {
        **_BODY,
        "nominalCoolingCapacity": _need("W"),
        "nominalAirVolume": _need("m3/s"),
        "fanMotorPowerMax": _need("W"),
        "minimumFlowRatio": _need("1"),
        "ratingAirTemperature": _need("K"),
        "ratingWaterTemperature": _need("K"),
        "ratingWaterRise": _need("delta_degC"),
    },
    "pump": {
        "ratedFlow": _need("m3/s"),
        "ratedHead": _need("Pa"),
        "pumpEfficiency": _need("1"),
        "motorEfficiency": _need("1"),
        "driveEfficiency": _need("1"),
    },
    "transformer": {
        "rating": _need("VA"),
        "noLoadLoss": _need("W"),
        "loadLoss": _need("W"),
        "impedance": _need("1"),
        "noLoadCurrent": _need("1"),
    },
    "ups": {
        "rating": _need("W"),
        "upsRating": _may("VA"),
        "efficiency": _need("1", "1"),
        "powerFactor": _need("1"),
        "overloadAtNominalVoltage": _may("1"),
        "overloadTime": _may("s"),
    },
    "panel": {
        **{side: _may("m") for side in SIDES},
        "rating": _need("W"),
        "nominalVoltage": _need("V"),
    },
    "whip": {
        "ratedCurrent": _need("A"),
        "continuousFactor": _need("1"),
        "nominalVoltage": _need("V"),
        "resistancePerLength": _need("ohm/m"),
        "reactancePerLength": _need("ohm/m"),
    },
    "conductor": {
        "ratedCurrent": _need("A"),
        "resistancePerLength": _need("ohm/m"),
        "reactancePerLength": _need("ohm/m"),
    },
    "pipe": {"innerDiameter": _need("m"), "roughness": _need("m"), "fittingLengthRatio": _need("1")},
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
        "heads": _need("1"),
        "decodeWidth": _need("1"),
        "prefillWidth": _need("1"),
        "attentionKind": _need(),
    },
    "serving": {
        "etaWeights": _need("1"),
        "etaKv": _need("1"),
        "etaFlops": _need("1"),
        "etaLink": _need("1"),
        "layerLatency": _need("s"),
        "collectiveLatency": _need("s"),
        "stepLatency": _need("s"),
        "prefillEfficiency": _need("1"),
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


def _folder(kind: str) -> Traversable:
    return files("twin").joinpath("catalogue", kind)


@lru_cache(maxsize=len(KINDS) + 1)
def _names(kind: str | None) -> tuple[str, ...]:
    kinds = [kind] if kind else list(KINDS)
    found = (item.name for name in kinds for item in _folder(name).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


def products(kind: str | None = None) -> list[str]:
    """Names of the products of a kind, or of all.

    >>> "gb300-nvl72" in products("rack")
    True
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName(kind, "kind of product", KINDS)
    return list(_names(kind))


def kind_of(name: str) -> str | None:
    """The kind of a product, or None when the catalogue does not hold it."""
    return next((kind for kind in KINDS if name in _names(kind)), None)


@cache
def product(name: str, kind: str | None = None) -> Product:
    """A product of the catalogue by its name; only its own file is read, once.

    Raises UnknownName, with the nearest name there is, when no product (of that kind) is called so.

    >>> product("gb300-nvl72")["maxPowerDcTdp"]
    136000.0
    """
    if name not in products(kind):
        raise UnknownName(name, f"{kind or 'product'} in the catalogue", products(kind))
    found = kind or kind_of(name)
    assert found is not None
    source = _folder(found).joinpath(f"{name}.yaml")
    return _product(read(source.read_text("utf-8"), f"{found}/{name}.yaml"), name, found)


def _product(document: Document, name: str, kind: str) -> Product:
    """A product from its document; raises InputError with everything wrong in it."""
    value, problems = document.value, list(document.problems)
    for key in sorted({"kind", "name", "description", "figures"} ^ set(value)):
        problems.append(
            document.problem((key,), "is missing" if key not in value else "is not known", key=True)
        )
    for key, expected in (("kind", kind), ("name", name)):
        if value.get(key) != expected:
            problems.append(document.problem((key,), f"is {value.get(key)!r}, expected {expected!r}"))
    slots, written = KINDS[kind], value.get("figures") or {}
    for figure, slot in slots.items():
        if slot.required and figure not in written:
            problems.append(document.problem(("figures",), f"the figure {figure!r} is missing", key=True))
    figures = {}
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
    if problems:
        raise InputError(problems)
    return Product(name, kind, value["description"], figures)


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


def _figure(entry: dict[str, Any], slot: Slot) -> Figure:
    """A figure in SI from what the file says; raises UnitError."""
    value, units = entry["value"], slot.units
    found: Value
    if not units:
        if not isinstance(value, str):
            raise UnitError(f"{value!r} is not a word")
        found = value
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
