"""From a layout to a facility: products gathered per element, the one-line drawn, the workload's cards read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from electrical import conductor, converter, impedance, protection
from geometry.row import rack_boxes
from thermal import air, coldplate
from thermal.fluid import PG25
from twin import availability, cards
from twin.catalogue import Product
from twin.compute import training
from twin.compute.roofline import Calibration, Model, Workload
from twin.compute.session import Tier
from twin.compute.training import Efficiency
from twin.consistency import is_liquid
from twin.distortion import network, windings
from twin.economics import Economics
from twin.equipment import cooling, of_plant, of_unit, rating
from twin.evidence import calibrated
from twin.facility import (
    COOLING_KINDS,
    DEVICE_KINDS,
    KV_TIERS,
    PLANT_KINDS,
    Chain,
    Devices,
    Facility,
    Plates,
    Protection,
    Racks,
    RackType,
    Standby,
)
from twin.layout import load_layout
from twin.oneline import AUXILIARY_POWER_FACTOR, NOWHERE, Drawing
from twin.operation import Operation
from twin.schema import KV_BYTES, PRECISIONS, Equipment, Layout, Placement, Plant, Session, Standing, Unit
from twin.schema import Workload as Asked

Array = npt.NDArray[np.float64]
Blocks = list[tuple[Unit, Placement]]
Plants = list[tuple[Plant | None, Placement]]

SITE = Placement(prefix="", offset=(0.0, 0.0, 0.0))
"""Where shared devices belong."""

THIRDS = np.full(3, 1.0 / 3.0)
"""Load of three equal phases."""
STILL_LOOP = 298.15
"""Temperature that stands for the coolant of a block without a loop [K]."""
LASTING = 600.0
"""Time after which a peak is as one that lasts: breakers, cables and bars are warm by then [s]; assumed."""
DERATING = {
    "transformer": (1000.0, 3e-5),
    "ups": (1000.0, 5e-5),
    "rectifier": (1000.0, 5e-5),
    "panel": (2000.0, 1e-5),
    "generator": (1525.0, 4e-2 / 300.0),
}
"""Altitude above which a rating falls, and by how much of it each metre. Transformers: Eaton's support pages on dry
types, 0.3 % each 100 m. UPS and rectifiers: IEC 62040-3, forced air, 0.95 at 2000 m (unverified). Panels: Schneider
Electric's FAQ on breakers at altitude, 0.99 at 3000 m. Generators: Cummins as quoted by a builder, 4 % each 300 m."""
MAINS_WATER = 1000.0
"""Density at which a price of water by the volume is one by the mass [kg/m3]."""


def load(layout: str | Layout | None = None, sets: Mapping[str, str] | None = None) -> Facility:
    """A facility from a layout file, a built-in layout's name, or a `Layout`; the reference pod by default.

    sets : layout paths and texts with units, such as {"site.dry_bulb": "38 degC"}.
    Raises InputError with every problem of the file.

    >>> load().name
    'gb300-su'
    """
    return build(layout if isinstance(layout, Layout) else load_layout(layout or "gb300-su", sets or {}))


def build(layout: Layout) -> Facility:
    """The facility of a validated layout."""
    blocks: Blocks = [(block.template, placed) for block in layout.blocks for placed in block.placements]
    shared = layout.shared
    plants: Plants = [(unit.plant, placed) for unit, placed in blocks]
    if shared and shared.plant:
        plants = [(shared.plant, SITE)]
    drawing = Drawing()
    utility = layout.utility
    drawing.utility(utility.rating, utility.voltage, utility.short_circuit_power, utility.resistance_ratio)
    if shared:
        drawing.chain(shared.devices, shared.voltage, shared, SITE, -1)
    for index, (unit, placed) in enumerate(blocks):
        drawing.chain(unit.power.devices, unit.power.voltage, unit.power, placed, index)
    racks, rows, row_block = _racks(blocks, drawing, layout.workload)
    _support(blocks, drawing)
    required = _equipment(blocks, plants, drawing)
    chain, devices = drawing.finished()
    devices = _derated(devices, layout.site.altitude)
    pressure = float(air.pressure(layout.site.altitude))
    plant = cooling(blocks, [one for one, _ in plants], racks, pressure, drawing.product)
    names = tuple(placed.prefix.rstrip(".") or layout.name for _, placed in blocks)
    whips = np.flatnonzero(chain.feed_device >= 0)
    whip_power = np.zeros(len(racks.name))
    amps, volts = devices.rating[chain.feed_device[whips]], chain.voltage[chain.feed_node[whips]]
    alternating = conductor.three_phase_power(amps, volts, racks.power_factor[chain.feed_load[whips]])
    whip_power[chain.feed_load[whips]] = np.where(
        chain.direct[chain.feed_node[whips]], amps * volts, alternating
    )
    borne = np.array(
        [_device_borne(drawing.used.get(name), layout.workload.edp_duration) for name in devices.product]
    )
    guarded = drawing.protection(chain)
    if layout.workload.edp_duration is not None:
        _guarded(borne, guarded, chain, devices, layout.workload.edp_duration)
    whip_pulse = np.full(len(racks.name), np.inf)
    np.minimum.at(whip_pulse, chain.feed_load[whips], borne[chain.feed_device[whips]])
    return Facility(
        name=layout.name,
        layout=layout,
        fingerprint=_fingerprint(layout, drawing),
        racks=racks,
        rows=rows,
        row_block=row_block,
        blocks=names,
        plants=names if len(plants) == len(blocks) else (layout.name,),
        hall=np.array([_hall(unit, placed) for unit, placed in blocks]),
        chain=chain,
        devices=devices,
        cooling=plant,
        recirculation=(None,) * len(blocks),
        shared=drawing.shared(devices, racks, len(blocks)),
        protection=guarded,
        harmonic=network(chain, devices, racks, drawing.used),
        windings=windings(chain, devices, drawing.used),
        standby=_standby(layout, drawing),
        copper=drawing.copper,
        policy=blocks[0][0].power.policy,
        outages=drawing.single_outages()
        if blocks[0][0].power.security == "n-1"
        else np.zeros((0, 1), dtype=np.int64),
        short_time=borne,
        shelf_pulse=np.array(
            [_borne(kind.product.get("shelfPulse"), layout.workload.edp_duration) for kind in racks.types]
        )[racks.type],
        whip_pulse=whip_pulse,
        whip_power=whip_power,
        required=required,
        elements={"rack": len(racks.name), "row": len(rows), "block": len(blocks), "plant": len(plants)},
        pressure=np.full(len(blocks), pressure),
        model=cards.model(drawing.product(layout.workload.model)),
        workload=_workload(layout, drawing.product(layout.workload.serving)["kvBytes"]),
        job=_job(layout.workload, cards.model(drawing.product(layout.workload.model)), racks),
        economics=_economics(layout, racks),
        carbon_intensity=layout.site.carbon_intensity,
        built_power=float(racks.nameplate.sum())
        + sum(row.support_load for unit, _ in blocks for row in unit.rows),
        uptime=_uptime(layout, racks),
        operation=_operation(layout, blocks, plants),
        products=tuple(drawing.used.values()),
    )


def derating(kind: str, altitude: float) -> float:
    """What is left of the rating of a kind of equipment at an altitude [m].

    >>> round(derating("transformer", 2000.0), 3), derating("whip", 2000.0)
    (0.97, 1.0)
    """
    start, slope = DERATING.get(kind, (0.0, 0.0))
    return 1.0 - slope * max(altitude - start, 0.0)


def _derated(devices: Devices, altitude: float) -> Devices:
    """The devices with the ratings that thin air leaves them."""
    left = np.array([derating(kind, altitude) for kind in DEVICE_KINDS])
    return replace(devices, rating=devices.rating * left[devices.kind])


def _standby(layout: Layout, drawing: Drawing) -> Standby | None:
    """The standby generators as seen from the point of connection, through step-up transformers that are theirs."""
    if layout.standby is None:
        return None
    made, volts = drawing.product(layout.standby.product), layout.utility.voltage
    direct = made["subtransientReactance"]
    factor = impedance.generator_correction(
        volts,
        volts,
        direct,
        made["rating"] / made["apparentRating"],
        float(impedance.maximum_voltage_factor(volts)),
    )
    reactance = float(factor * impedance.generator_reactance(made["apparentRating"], volts, direct))
    return Standby(
        count=layout.standby.count,
        required=layout.standby.required,
        rating=made["rating"] * derating("generator", layout.site.altitude),
        resistance=made["resistanceRatio"] * reactance,
        reactance=reactance,
        start_time=made["startTime"],
        least_load=made["leastLoad"],
        load_step=made.get("loadStep", np.nan),
    )


def _device_borne(made: Product | None, duration: float | None) -> float:
    """Load that a device bears for a while over its continuous rating."""
    if made is None or duration is None:
        return 1.0
    if made.kind == "ups" and made.get("overloadTime") is not None:
        return float(made["overloadAtNominalVoltage"]) if duration <= made["overloadTime"] else 1.0
    return _borne(made.get("shortTime"), duration)


def _guarded(borne: Array, guarded: Protection, chain: Chain, devices: Devices, duration: float) -> None:
    """Hold what devices bear for a while at what their breakers let pass; that is all that panels and whips bear whose
    product tells nothing else, and a peak of more than LASTING lasts."""
    amps = protection.borne_current(guarded.unit, duration)[:, 0]
    volts = chain.voltage[chain.parent[guarded.node]]
    rating = devices.rating[guarded.device]
    whips = devices.kind[guarded.device] == DEVICE_KINDS.index("whip")
    # A UPS draws more than it gives.
    drawn = np.ones(len(devices.name))
    drawn[chain.converter_device] = converter.input_power(1.0, 1.0, chain.converter_coefficients) * np.hypot(
        1.0, chain.converter_tangent
    )
    own = np.where(whips, rating, drawn[guarded.device] * conductor.three_phase_current(rating, volts, 1.0))
    passed = amps / own if duration <= LASTING else np.ones(len(own))
    silent = np.isin(devices.kind[guarded.device], [DEVICE_KINDS.index(kind) for kind in ("panel", "whip")])
    silent &= borne[guarded.device] == 1.0
    borne[guarded.device] = np.maximum(
        np.where(silent, passed, np.minimum(borne[guarded.device], passed)), 1.0
    )


def _borne(points: Array | None, duration: float | None) -> float:
    """What short-time ratings (point, 2) of time and ratio allow for a duration; 1 without them."""
    if points is None or duration is None:
        return 1.0
    return float(protection.short_time_margin(0.0, duration, points[:, 0], points[:, 1]))


def _fingerprint(layout: Layout, drawing: Drawing) -> str:
    figures = sorted(
        (made.name, name, one.text) for made in drawing.used.values() for name, one in made.figures.items()
    )
    return hashlib.sha256(f"{layout.stored()}{figures}".encode()).hexdigest()


def _hall(unit: Unit, placed: Placement) -> Array:
    corner = np.asarray(placed.offset, dtype=np.float64)
    return np.stack([corner, corner + np.asarray(unit.hall.size)])


def flow_curve(table: Array) -> Callable[[Array], Array]:
    """Flow against temperature through the points of a table (point, 2), monotone between them, held beyond.

    >>> curve = flow_curve(np.array([[300.0, 1.0], [310.0, 2.0], [320.0, 4.0]]))
    >>> curve(np.array([290.0, 310.0, 330.0])).tolist()
    [1.0, 2.0, 4.0]
    """
    inside = PchipInterpolator(table[:, 0], table[:, 1])
    least, most = table[0, 0], table[-1, 0]
    return lambda temperature: np.asarray(inside(np.clip(temperature, least, most)))


def rack_type(
    made: Product,
    law: Product | None,
    precision: str,
    calibration: Calibration | None = None,
    efficiency: Efficiency | None = None,
) -> RackType:
    """Curves and GPU of a rack product at the precision of its weights, with the power law of its generation.

    law : None for a rack without GPUs. calibration : of what it serves; without one it serves nothing.
    efficiency : of a training job, where one runs.
    """
    warm = flow_curve(made["requiredAirFlowRate"])
    liquid = flow_curve(made["requiredLiquidFlowRate"]) if is_liquid(made) else _nothing
    if law is None:
        return RackType(made.name, made, None, None, None, None, (), liquid, warm)
    gpu, demand = cards.gpu(made, precision), cards.power_law(law)
    return RackType(made.name, made, gpu, demand, calibration, efficiency, cards.tiers(made), liquid, warm)


def _nothing(temperature: Array) -> Array:
    """Coolant of an air-cooled rack."""
    return np.zeros(np.shape(temperature))


def rack_figures(kind: RackType, cap: Product, capping: str = "mixed") -> dict[str, float]:
    """The derived parameters of one rack product under a cap law, by their names in `Racks`.

    The law's exponent is that of training where the rack does. Where it serves it is that of mixed serving, of the
    pool that loses most at a clock common to both (`uniform`), or of decode, prefill having a clock of its own.

    Beside its GPUs a rack draws its `hostPower`, one figure whatever the load, fans included, or else what its TDP
    leaves beside those of the GPUs. Limits of design stay those of the TDP, at which fans run at full.
    """
    made = kind.product
    prefill, decode = cap["exponentTraining"], cap["exponentDecode"]
    exponents = {"mixed": cap["exponentMixed"], "uniform": max(prefill, decode), "phases": decode}
    direct, gpus = made["maxPowerDcTdp"], made["numGPUs"]
    chips = gpus * made.get("gpuPower", 0.0)
    coefficients = converter.loss_coefficients(*made["shelfEfficiency"].T)
    drawn = converter.input_power(direct, made["numShelves"] * made["shelfRating"], coefficients)
    inlet = made["airInletMaximum"]
    density = air.density(inlet, air.pressure(0.0))
    liquid = made.get("liquidCooling", 0.0)
    rise = (drawn - liquid) / (float(kind.air_flow(inlet)) * density * air.HEAT_CAPACITY)
    return _liquid_figures(kind) | {
        "gpus": gpus,
        "tray": made.get("trayGPUs", 1.0),
        "fixed": made.get("hostPower", direct - chips),
        "gpu_most": chips if "hostPower" in made.figures else np.inf,
        "power_factor": made["powerFactor"],
        "shelves": made["numShelves"],
        "shelf_rating": made["shelfRating"],
        "heat_capture": liquid / direct,
        "air_inlet_limit": inlet,
        "exhaust_limit": inlet + float(rise),
        "nameplate": made["maxPowerAcEdpp1"],
        # Without GPUs there is no clock to lower: the floor is the demand.
        "minimum_clock": made["minimumClockRatio"] if gpus else 1.0,
        "static_share": cap["staticShare"],
        "knee": cap["kneeClock"],
        "exponent": cap["exponentTraining"] if kind.efficiency else exponents[capping],
        "prefill_exponent": prefill,
        "capital": made["gpuCapital"] * gpus if gpus else made.get("capital", 0.0),
    }


def _liquid_figures(kind: RackType) -> dict[str, float]:
    """What the coolant of a rack product asks and allows; for an air-cooled one figures that never bind."""
    made = kind.product
    if not is_liquid(made):
        return {
            "liquid": False, "liquid_heat": 1.0, "branch_pressure": 0.0, "reference_flow": 1.0, "plate_share": 0.0,
            "coolant_volume": 0.0,
            "plate_spread": 0.0, "plate_tolerance": 0.0, "plate_series": 1.0,
            "leakage": 0.0, "leakage_growth": 0.0, **_plates("cpu", None), **_plates("switch", None),
            "case_limit": np.inf, "return_limit": np.inf, "inlet_limit": np.inf,
        }  # fmt: skip
    inlet, share = made["plateReferenceInlet"], made["coldPlateFlowShare"]
    series = made.get("platesInSeries", 1.0)
    plate = share * series * float(kind.liquid_flow(inlet)) / made["numGPUs"]
    rate = plate * float(PG25.density(inlet) * PG25.heat_capacity(inlet))
    limit = inlet + made["plateReferencePower"] * float(coldplate.mean_resistance(plate, rate, series))
    leaking = made.get("leakageShare", 0.0) * made.get("gpuPower", 0.0) * made["numGPUs"]
    growth = made.get("leakageGrowth", 0.0)
    return {
        "liquid": True,
        "liquid_heat": made["liquidCooling"],
        "branch_pressure": made["liquidPressureDrop"]
        + made["couplingPressureDrop"]
        + made["valvePressureDrop"],
        "reference_flow": made["liquidReferenceFlow"],
        "coolant_volume": made["rackCoolantVolume"],
        "plate_share": share,
        "plate_spread": made["plateFlowSpread"],
        "plate_tolerance": made["plateResistanceTolerance"],
        "plate_series": series,
        "case_limit": limit,
        "return_limit": made["liquidReturnMaximum"],
        "inlet_limit": made["liquidInletMaximum"],
        "leakage": float(coldplate.leaked_power(limit, leaking, made.get("leakageReference", limit), growth)),
        "leakage_growth": growth,
        **_plates("cpu", made),
        **_plates("switch", made),
    }


def _plates(chip: str, made: Product | None) -> dict[str, float]:
    """What a rack product tells of the plates of its CPUs or switches, NaN where it tells nothing."""
    if made is None or f"{chip}Count" not in made.figures:
        return {f"{chip}_{part.name}": np.nan for part in fields(Plates)}
    return {
        f"{chip}_count": made[f"{chip}Count"],
        f"{chip}_power": made[f"{chip}Power"],
        f"{chip}_share": made[f"{chip}FlowShare"],
        f"{chip}_ratio": made[f"{chip}PlateRatio"],
        f"{chip}_limit": made[f"{chip}CaseMaximum"],
        f"{chip}_behind": made.get(f"{chip}BehindGpus", 0.0),
    }


def _racks(blocks: Blocks, drawing: Drawing, asked: Asked) -> tuple[Racks, tuple[str, ...], Array]:
    """Racks row by row with their whips; names of the rows and their blocks."""
    types: dict[str, RackType] = {}
    figures: dict[str, dict[str, float]] = {}
    names, boxes, type_of, row_of, block_of, factors, priority, phases = [], [], [], [], [], [], [], []
    rows, row_block = [], []
    for index, (unit, placed) in enumerate(blocks):
        catcher = unit.power.redundancy == "N+1"
        for row in unit.rows:
            made = drawing.product(row.rack_type)
            if made.name not in types:
                demand = drawing.product(made["powerLaw"]) if made["numGPUs"] else None
                trains = asked.kind == "training" and made["numGPUs"] > 0
                types[made.name] = rack_type(
                    made,
                    demand,
                    asked.precision,
                    _calibration(asked, made, drawing),
                    cards.efficiency(made, asked.precision) if trains else None,
                )
                figures[made.name] = rack_figures(types[made.name], drawing.product("cap-law"), asked.capping)
            size = (made["width"], made["depth"], made["height"])
            origin = np.asarray(placed.offset, dtype=np.float64) + [*row.origin, 0.0]
            boxes.append(rack_boxes(origin, row.pitch, row.count, size, row.facing))
            factor = row.power_factor or made["powerFactor"]
            for place in range(row.count):
                name = f"{placed.prefix}{row.name}.{place + 1:02d}"
                load = drawing.load(name, factor)
                for order, feed in enumerate(row.feeds):
                    reserve = catcher and order == len(row.feeds) - 1
                    drawing.whip(
                        load, name, index, placed.device(feed), reserve, row.whip, unit.power.ambient
                    )
                names.append(name)
                type_of.append(list(types).index(made.name))
                row_of.append(len(rows))
                block_of.append(index)
                factors.append(factor)
                priority.append(row.priority)
                direct = any(drawing.direct(placed.device(feed)) for feed in row.feeds)
                phases.append(np.eye(3)[place % 3] if row.phases == "rotating" and not direct else THIRDS)
            rows.append(f"{placed.prefix}{row.name}")
            row_block.append(index)
    kinds = _with_stores(tuple(types.values()), np.bincount(type_of, minlength=len(types)))
    gathered = {
        name: np.array([figures[kind.name][name] for kind in kinds])[type_of]
        for name in figures[kinds[0].name]
    }
    gathered["power_factor"] = np.array(factors)
    gathered["phase_share"] = np.array(phases)
    gathered["liquid"] = gathered["liquid"].astype(bool)
    for chip in ("cpu", "switch"):
        gathered[chip] = Plates(**{part.name: gathered.pop(f"{chip}_{part.name}") for part in fields(Plates)})
    curves = np.array([converter.loss_coefficients(*kind.product["shelfEfficiency"].T) for kind in kinds])
    racks = Racks(
        name=tuple(names),
        types=kinds,
        type=np.array(type_of),
        row=np.array(row_of),
        block=np.array(block_of),
        priority=np.array(priority),
        box=np.concatenate(boxes),
        shelf_coefficients=curves[type_of],
        **gathered,
    )
    return racks, tuple(rows), np.array(row_block)


def _with_stores(kinds: tuple[RackType, ...], count: npt.NDArray[np.int64]) -> tuple[RackType, ...]:
    """The rack types whose GPUs share what racks without GPUs keep for them over the network, so many of each."""
    made = [kind.product for kind in kinds]
    gpus = sum(number * one["numGPUs"] for one, number in zip(made, count, strict=True))
    stores = [(one, number) for one, number in zip(made, count, strict=True) if not one["numGPUs"]]
    room, speed = (
        sum(number * one.get(name, 0.0) for one, number in stores)
        for name in ("networkStorage", "networkStorageBandwidth")
    )
    if not gpus or not room:
        return kinds
    place = KV_TIERS.index("network_storage") - 1
    found = []
    for kind in kinds:
        if kind.tiers:
            own = kind.tiers[place]
            more = (own.bandwidth if own.capacity else 0.0) + speed / gpus
            both = Tier(own.capacity + room / gpus, more)
            kind = replace(kind, tiers=(*kind.tiers[:place], both, *kind.tiers[place + 1 :]))
        found.append(kind)
    return tuple(found)


def _calibration(asked: Asked, made: Product, drawing: Drawing) -> Calibration | None:
    """The calibration of a rack product; None where it has no GPUs."""
    return calibration(asked, made, drawing.product(asked.serving)) if made["numGPUs"] else None


def calibration(asked: Asked, made: Product, card: Product) -> Calibration:
    """The calibration that a workload asks for on the GPUs of a rack product. card : of its mode of serving."""
    base = cards.calibration(card, asked.serving)
    drafting = asked.draft_length > 0
    cache = KV_BYTES[asked.kv_precision] if asked.kv_precision else card["kvBytes"]
    return calibrated(asked.calibration, base, asked.model, made.name, asked.precision, drafting, cache)


def _support(blocks: Blocks, drawing: Drawing) -> None:
    """The support load of each row, tapped at the row's panels."""
    for unit, placed in blocks:
        for row in unit.rows:
            load = drawing.load(f"support.{placed.prefix}{row.name}", AUXILIARY_POWER_FACTOR)
            drawing.tap(load, [placed.device(feed) for feed in row.feeds], unit.power.redundancy == "N+1")


def _equipment(blocks: Blocks, plants: Plants, drawing: Drawing) -> dict[str, Array]:
    """Cooling equipment as devices, and one load for each kind in each block or plant; units required by kind."""
    own = [(of_unit(unit), placed) for unit, placed in blocks]
    common = [(of_plant(plant), placed) for plant, placed in plants]
    required = {}
    for kind in COOLING_KINDS:
        listed = [(owned[kind], placed) for owned, placed in (common if kind in PLANT_KINDS else own)]
        required[kind] = np.array([float(item.required) if item else 0.0 for item, _ in listed])
        for index, (item, placed) in enumerate(listed):
            load = drawing.load(f"{placed.prefix}{kind}", AUXILIARY_POWER_FACTOR)
            if item is None:
                continue
            made = drawing.product(item.product)
            drawing.tap(load, [placed.device(feed) for feed in item.feeds])
            for place in range(item.count):
                box = _box(item, made, placed, place)
                name = f"{placed.prefix}{kind.replace('_', '')}.{place + 1}"
                drawing.device(name, made.name, kind, index, rating(kind, made), box)
    return required


def _box(item: Equipment, made: Product, placed: Placement, place: int) -> Array:
    """Place of the n-th unit in a group, NaN where the layout gives none; units stand side by side along y."""
    if not isinstance(item, Standing):
        return NOWHERE
    corner = np.asarray(placed.offset, dtype=np.float64) + [*item.origin, 0.0]
    corner[1] += place * item.pitch
    return np.stack([corner, corner + [made["depth"], made["width"], made["height"]]])


def _workload(layout: Layout, kv_bytes: float) -> Workload:
    asked = layout.workload
    return Workload(
        input_length=asked.input_length,
        output_length=asked.output_length,
        interactivity=asked.interactivity,
        weight_bytes=PRECISIONS[asked.precision][1],
        kv_bytes=KV_BYTES[asked.kv_precision] if asked.kv_precision else kv_bytes,
        prefill_utilisation=asked.prefill_utilisation,
        draft_length=asked.draft_length,
        accepted=asked.accepted_tokens,
        first_token=np.inf if asked.first_token is None else asked.first_token,
    )


def _job(asked: Asked, card: Model, racks: Racks) -> training.Job | None:
    """The training job that a workload asks for, on all GPUs there are."""
    told, gpus = asked.training, float(racks.gpus.sum())
    if asked.kind != "training" or told is None or gpus == 0.0:
        return None
    peaks = np.array([kind.efficiency.peak if kind.efficiency else 0.0 for kind in racks.types])
    between = 1.0 / (availability.INTERRUPTIONS * gpus + _stops(racks))
    interval = training.checkpoint_interval(told.checkpoint_pause, between)
    return training.Job(
        flops=float(
            training.flops_per_token(
                told.parameters or card.active,
                told.layers or card.layers,
                told.hidden or card.attention_layers * card.heads * card.prefill_width / (2.0 * card.layers),
                told.sequence_length,
            )
        ),
        relative=training.MIXTURE if card.experts else 1.0,
        step_tokens=float(told.global_batch * told.sequence_length),
        gpus=gpus,
        peak=float((racks.gpus * peaks[racks.type]).sum()),
        goodput=float(training.goodput(told.checkpoint_pause, told.restart_time, between, interval)),
    )


def _stops(racks: Racks) -> float:
    """Failures of whole racks of GPUs, of all of them together [1/s]; none where a product does not tell."""
    rates = np.array([kind.product.get("failureRate", 0.0) for kind in racks.types])
    return float(rates[racks.type[racks.gpus > 0]].sum())


def _uptime(layout: Layout, racks: Racks) -> float:
    """Mean share of the GPUs at work over the faults of trays, spares not counted; 1 without GPUs."""
    terms, gpus = layout.availability, racks.gpus
    if not gpus.any():
        return 1.0
    job = layout.workload.kind == "training"
    _, working = availability.rack_shares(gpus, racks.tray, terms.tray_repair, terms.spares, job)
    return float((working * gpus).sum() / gpus.sum())


def _economics(layout: Layout, racks: Racks) -> Economics:
    terms = layout.economics
    return Economics(
        capital=float(racks.capital.sum()),
        interest_rate=terms.interest_rate,
        it_lifetime=terms.it_lifetime,
        facility_lifetime=terms.facility_lifetime,
        facility_cost=terms.facility_cost,
        maintenance=terms.maintenance,
        water_price=terms.water_price / MAINS_WATER,
        utilisation=terms.utilisation,
    )


def _operation(layout: Layout, blocks: Blocks, plants: Plants) -> Operation:
    """The operating fields as the layout states them."""
    own = [row for unit, _ in blocks for row in unit.rows]

    def of_loop(name: str, without: float) -> Array:
        return np.array([[getattr(unit.loop, name) if unit.loop else without for unit, _ in blocks]])

    session = layout.workload.session
    agents = {
        f"session_{name}": getattr(session, name) if session else np.nan for name in Session.model_fields
    }
    caps = [np.inf if row.power_cap is None else row.power_cap for row in own for _ in range(row.count)]
    return Operation(
        dry_bulb=layout.site.dry_bulb,
        wet_bulb=np.nan if layout.site.wet_bulb is None else layout.site.wet_bulb,
        electricity_price=layout.site.electricity_price,
        interactivity=layout.workload.interactivity,
        first_token=np.inf if layout.workload.first_token is None else layout.workload.first_token,
        edp_factor=layout.workload.edp_factor,
        rack_power=np.nan if layout.workload.rack_power is None else layout.workload.rack_power,
        **agents,
        power_cap=np.array([caps]),
        lost_phase=np.array([[float(row.lost_phase) for row in own for _ in range(row.count)]]),
        support_load=np.array([[row.support_load for row in own]]),
        supply_temperature=of_loop("supply_temperature", STILL_LOOP),
        fouling=of_loop("fouling", 0.0),
        clogging=of_loop("clogging", 0.0),
        plate_fouling=of_loop("plate_fouling", 0.0),
        recirculation=np.array([[plant.recirculation if plant else 0.0 for plant, _ in plants]]),
        dew_point=np.array(
            [[np.nan if unit.air.dew_point is None else unit.air.dew_point for unit, _ in blocks]]
        ),
        air_temperature=np.array([[unit.air.supply_temperature for unit, _ in blocks]]),
        failed_fans=np.array([[unit.air.failed_fans for unit, _ in blocks]]),
        utility_cap=np.inf if layout.utility.cap is None else layout.utility.cap,
    )
