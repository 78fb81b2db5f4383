"""What each kind of product tells: the one table kind -> figure -> units, and the figures that stand together.

Names follow NVIDIA's SimReady AIF vocabulary where it has one and its camelCase elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple


class Slot(NamedTuple):
    """What a kind asks of one figure: no unit for a word, one for a number, two for a curve (x, y)."""

    units: tuple[str, ...]
    required: bool = True
    group: str = ""
    """A product has a group of GROUPS whole or not at all; required then means required in the group."""
    length: int = 1
    """Numbers of a list, in place of one."""
    divides: str = ""
    """Figure that this one, a count, is a whole part of."""


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
        "trayGPUs": Slot(("1",), group="gpu", divides="numGPUs"),
        "linkDomain": Slot(("1",), required=False, group="gpu", divides="numGPUs"),
        "capital": _may("USD"),
        "maxPowerDcTdp": _need("W"),
        "maxPowerAcEdpp1": _need("W"),
        "maxPowerDcEdpp2": _may("W"),
        "idlePowerDefault30Pct": _need("W"),
        "gpuPower": _need("W", group="gpu"),
        "hostPower": _may("W", group="gpu"),
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
