"""Rules on technology loop, plant and hall air."""

from __future__ import annotations

import numpy as np

from twin.equipment import VELOCITY
from twin.facility import COOLING_KINDS, DEVICE_KINDS, Facility
from twin.rules.registry import Array, Arrays, loading, rule

DEW_MARGIN = 2.0
"""Kelvin that wetted surfaces keep above the dew point."""
FREEZING_MARGIN = 3.0
"""Kelvin that outdoor air keeps above the freezing of what is in the coolers."""
RECOMMENDED_INLET = 300.15
"""Upper end of the recommended inlet air, 27 degC: ASHRAE thermal guidelines, classes A1 to A4."""


def _running(arrays: Arrays, name: str) -> Array:
    """A rack variable where the rack draws power, NaN elsewhere."""
    power = np.asarray(arrays["power"], dtype=np.float64)
    return np.where(power > 0, np.asarray(arrays[name], dtype=np.float64), np.nan)


@rule(
    "L1-inlet", "coolant at the rack inlet", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: liquidInletMaximum",
)  # fmt: skip
def inlet(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "inlet_temperature"), facility.racks.inlet_limit[None]


@rule(
    "L2-return", "coolant leaving the rack", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: liquidReturnMaximum",
)  # fmt: skip
def return_(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "return_temperature"), facility.racks.return_limit[None]


@rule(
    "L3-case", "GPU case temperature", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: throttle law calibrated at plateReferenceInlet, plateReferencePower and the flow there",
)  # fmt: skip
def case(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "case_temperature"), facility.racks.case_limit[None]


@rule(
    "L7-plate", "GPU case temperature on the worst plate of the rack", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: platesInSeries, plateFlowSpread, plateResistanceTolerance; limit as for the mean plate",
)  # fmt: skip
def plate(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "worst_case_temperature"), facility.racks.case_limit[None]


@rule(
    "L9-cpu", "CPU case temperature", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: cpuCaseMaximum",
)  # fmt: skip
def cpu(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "cpu_case_temperature"), facility.racks.cpu.limit[None]


@rule(
    "L10-switch", "switch chip case temperature", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: switchCaseMaximum",
)  # fmt: skip
def switch(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "switch_case_temperature"), facility.racks.switch.limit[None]


@rule(
    "L4-flow", "coolant the pumps can deliver over what the racks ask for", unit="1", axis="block", sense="least",
    scale=1.0, clause="rack product: requiredLiquidFlowRate; CDU product: pumpFlowCurve and maximumFlow",
)  # fmt: skip
def flow(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["flow_reserve"]), np.ones((1, 1))


@rule(
    "L5-velocity", "coolant velocity in the main", unit="m/s", axis="block", sense="most", scale=VELOCITY,
    clause="OCP Modular TCS (2025) 3.4: 2.7 m/s in stainless steel",
)  # fmt: skip
def velocity(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["main_velocity"]), np.full((1, 1), VELOCITY)


@rule(
    "L6-cdu", "CDU duty over its nominal capacity", unit="1", axis="device", sense="most", scale=1.0,
    clause="CDU product: nominalCoolingCapacity at its own rating approach",
)  # fmt: skip
def cdu(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "cdu")


@rule(
    "P1-supply", "lowest coolant supply the plant can hold, against its set-point", unit="K", axis="block",
    sense="most", scale=20.0, clause="the layout's loop.supply_temperature",
)  # fmt: skip
def supply(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    reachable = np.asarray(arrays["supply_reachable"])
    return reachable, np.broadcast_to(np.asarray(arrays["supply_setpoint"]), reachable.shape)


@rule(
    "P2-pump", "flow of a facility-water or outdoor pump over its rating", unit="1", axis="device", sense="most",
    scale=1.0, clause="pump product: ratedFlow",
)  # fmt: skip
def pump(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    indoors, limit = loading(facility, arrays, "pump")
    return np.fmax(indoors, loading(facility, arrays, "outdoor_pump")[0]), limit


@rule(
    "P3-chiller", "air-system chiller duty over its capacity", unit="1", axis="device", sense="most", scale=1.0,
    clause="chiller product: nominalCapacity, by its capacityCurve at the temperatures of water and air",
)  # fmt: skip
def chiller(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "chiller")


@rule(
    "P5-chiller-range", "water and air of a chiller within the range of its curves", unit="K", axis="block",
    sense="least", scale=5.0,
    clause="chiller product: leavingRange, enteringRange; air below it is no fault, heads are held up",
)  # fmt: skip
def chiller_range(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    cooling = facility.cooling
    low, high = cooling.chiller_curve.leaving
    hottest = cooling.chiller_curve.entering[1] - np.asarray(arrays["dry_bulb"])[:, None]
    least = np.minimum(np.minimum(cooling.chilled_water - low, high - cooling.chilled_water), hottest)
    return np.where(cooling.curved, least, np.nan), np.zeros((1, 1))


def _groups(facility: Facility) -> tuple[str, ...]:
    return tuple(
        f"{owner} {kind.replace('_', ' ')}s" for kind in COOLING_KINDS for owner in facility.groups(kind)
    )


@rule(
    "R1-units", "cooling units in service over those required", unit="1", axis="site", sense="least", scale=1.0,
    clause="the layout's required units of each kind", elements=_groups,
)  # fmt: skip
def units(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    alive = np.asarray(arrays["device_alive"], dtype=np.float64)
    found = []
    for kind in COOLING_KINDS:
        of_kind = facility.devices.kind == DEVICE_KINDS.index(kind)
        for owner, needed in enumerate(facility.required[kind]):
            mine = of_kind & (facility.devices.block == owner)
            found.append(alive[:, mine].sum(axis=-1) / needed if needed > 0 else np.full(len(alive), np.nan))
    return np.stack(found, axis=-1), np.ones((1, 1))


@rule(
    "A1-inlet", "air at the rack inlet", unit="K", axis="rack", sense="most", scale=20.0,
    clause="rack product: airInletMaximum", unsure="air_inlet_uncertainty",
)  # fmt: skip
def air_inlet(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "air_inlet_temperature"), facility.racks.air_inlet_limit[None]


@rule(
    "A2-recommended", "air at the rack inlet against the recommended range", unit="K", axis="rack", sense="most",
    scale=20.0, clause="ASHRAE thermal guidelines: at most 27 degC recommended (unverified)",
    unsure="air_inlet_uncertainty",
)  # fmt: skip
def recommended(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return _running(arrays, "air_inlet_temperature"), np.full((1, 1), RECOMMENDED_INLET)


@rule(
    "A3-fan-wall", "fan-wall duty over its nominal capacity", unit="1", axis="device", sense="most", scale=1.0,
    clause="fan-wall product: nominalCoolingCapacity",
)  # fmt: skip
def fan_wall(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return loading(facility, arrays, "fan_wall")


@rule(
    "A4-air-flow", "air the fan walls can move over what racks and support draw", unit="1", axis="block",
    sense="least", scale=1.0, clause="rack product: requiredAirFlowRate; fan-wall product: nominalAirVolume",
)  # fmt: skip
def air_flow(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    asked = np.asarray(arrays["air_demand"])
    return np.asarray(arrays["air_capacity"]) / np.where(asked > 0, asked, np.nan), np.ones((1, 1))


@rule(
    "L8-condensation", "technology coolant above the dew point of the hall", unit="K", axis="block", sense="least",
    scale=5.0, clause="2 K above the dew point, as checklists of commissioning ask; the layout's air.dew_point",
)  # fmt: skip
def condensation(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.asarray(arrays["supply_temperature"]), np.asarray(arrays["dew_point"]) + DEW_MARGIN


@rule(
    "A5-condensation", "chilled water above the dew point of the hall", unit="K", axis="block", sense="least",
    scale=5.0, clause="a coil below it would dry the hall and drip; the layout's air.dew_point",
)  # fmt: skip
def coil_condensation(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    return np.broadcast_to(facility.cooling.chilled_water, np.shape(arrays["dew_point"])), np.asarray(
        arrays["dew_point"]
    )


@rule(
    "P4-freezing", "outdoor air above the freezing point of what is in the dry coolers", unit="K", axis="site",
    sense="least", scale=5.0, clause="freezing of water and of 25 % propylene glycol, CoolProp; 3 K to spare",
    elements=lambda facility: facility.plants,
)  # fmt: skip
def freezing(facility: Facility, arrays: Arrays) -> tuple[Array, Array]:
    cooling, devices = facility.cooling, facility.devices
    exposed = np.zeros(len(facility.plants), dtype=bool)
    exposed[devices.block[devices.kind == DEVICE_KINDS.index("dry_cooler")]] = True
    point = np.array([fluid.freezing for fluid in cooling.outdoor.fluid]) + FREEZING_MARGIN
    return np.where(exposed, np.asarray(arrays["dry_bulb"])[:, None], np.nan), point[None]
