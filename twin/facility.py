"""The facility as frozen arrays in SI: what `load` makes of a layout and every solver reads.

A block is one scalable unit: one technology cooling loop, one air system, and rows of racks. A plant cools the
facility water of one block, or of all where they share it.
Axes: rack, row, block, plant, device (all that has a rating or can be out), node (buses of the one-line),
load (what draws power), feed (which bus a load may draw from).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from electrical.protection import TripUnit
from electrical.tree import Forest
from thermal.chiller import Chiller
from thermal.fluid import Fluid
from twin.catalogue import Product
from twin.compute.roofline import Calibration, Gpu, Model, Workload
from twin.compute.serving import PowerLaw
from twin.compute.session import Tier
from twin.compute.training import Efficiency, Job
from twin.economics import Economics
from twin.operation import Operation
from twin.schema import Layout

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

DEVICE_KINDS = (
    "utility", "transformer", "ups", "rectifier", "panel", "whip",
    "cdu", "dry_cooler", "tower", "outdoor_pump", "trim_chiller", "pump", "fan_wall", "chiller",
)  # fmt: skip
COOLING_KINDS = DEVICE_KINDS[6:]
PLANT_KINDS = ("dry_cooler", "tower", "outdoor_pump", "trim_chiller", "pump")
"""Cooling kinds that belong to a plant, the others to a block."""
COOLER_KINDS = ("dry_cooler", "tower")
"""Those that give heat to the air outside without a compressor; a plant has one of them."""
OWN_CAUSES = (
    "demand", "no_feed", "shelf", "whip", "power_cap", "chip_temperature", "coolant_temperature",
    "coolant_flow", "inlet_air",
)  # fmt: skip
SHARED_KINDS = ("panel", "ups", "rectifier", "transformer", "utility", "cdu", "fan_wall", "chiller")
BINDINGS = OWN_CAUSES + SHARED_KINDS
"""What can hold a rack below its demand: its own limits, then the shared ones by kind of device."""
COMPUTE_BOUNDS = ("bandwidth", "flops", "memory", "latency", "no_gpus", "prescribed")
"""What shapes the demand of a rack, as `binding` names what holds it below that."""
KV_TIERS = ("gpu_memory", "cpu_memory", "local_storage", "network_storage")
"""Where a rack keeps the KV cache of its sessions, the nearest first."""
ZERO_SEQUENCE = 4.0
"""Zero over positive sequence impedance of runs and whips: the neutral has the section of a phase, Z0 = Z1 + 3 Zn, and
nothing flows back beside it; assumed. A transformer's star winding has Z0 = Z1, its delta keeps the rest apart."""
ACTUATORS = ("none", "held", "bypass", "fans", "facility_pumps", "plant", "loop_pumps")
"""What the control of a loop's supply has run into: fans at their minimum with a bypass open, fans at full speed and
trim chillers on, facility pumps at full flow, all the plant has, its own pumps at full speed; "held" is none of them,
"none" a loop without heat."""
COOLING_MODES = ("free", "trim", "throttled", "none")
REASONS = ("none", "not_settled", "floors_exceed_limit", "no_voltage_solution", "no_heat_sink")


@dataclass(frozen=True)
class RackType:
    """Curves and parameters shared by all racks of one product."""

    name: str
    product: Product
    gpu: Gpu | None
    """None for racks without GPUs."""
    power_law: PowerLaw | None
    calibration: Calibration | None
    """Of the workload on this GPU."""
    efficiency: Efficiency | None
    """Of a training job on this GPU; None where none runs."""
    tiers: tuple[Tier, ...]
    """Places for KV cache of one GPU beyond its own memory, as KV_TIERS has them; none for racks without GPUs."""
    liquid_flow: Callable[[Array], Array]
    """Coolant flow at TDP heat against inlet temperature [m3/s]; held at its end values outside the table; 0 for
    air-cooled racks."""
    air_flow: Callable[[Array], Array]


@dataclass(frozen=True)
class Plates:
    """(rack,) CPUs or switch chips on plates of their own; NaN where the product does not tell."""

    count: Array
    power: Array
    """Of one, part of the `fixed` watts of the rack [W]."""
    share: Array
    """Part of the rack flow that passes their plates."""
    ratio: Array
    """Resistance of a plate over that of a GPU's at the same flow."""
    limit: Array
    behind: Array
    """GPUs whose heat the coolant of one has taken before."""


@dataclass(frozen=True)
class Racks:
    """(rack,) arrays; `types` and `type` give the product of each rack."""

    name: tuple[str, ...]
    types: tuple[RackType, ...]
    type: Index
    row: Index
    block: Index
    priority: Index
    """1 is served first and shed last."""
    box: Array
    """Lower and upper corner of each rack, (rack, 2, 3) [m]."""
    liquid: npt.NDArray[np.bool_]
    """Cooled by liquid; figures about coolant mean nothing elsewhere."""
    gpus: Array
    tray: Array
    """GPUs of a compute tray, which leave service together; 1 without GPUs."""
    fixed: Array
    """DC watts that do not follow the GPUs: CPUs, switches, network, fans [W]."""
    gpu_most: Array
    """DC watts of all GPUs at their limit [W], inf where `fixed` is what these leave of the TDP. Of a prescribed power
    the GPUs take no more, fans and the rest what is over."""
    power_factor: Array
    phase_share: Array
    """(rack, 3) part of its load on each phase as laid out; a third each from direct current."""
    shelves: Array
    shelf_rating: Array
    shelf_coefficients: Array
    liquid_heat: Array
    """Heat to the coolant at TDP [W]."""
    heat_capture: Array
    """Share of the rack's DC power that goes to the coolant."""
    branch_pressure: Array
    """Pressure the rack branch needs at its reference flow, valve open [Pa]."""
    reference_flow: Array
    coolant_volume: Array
    """Coolant inside the rack [m3]."""
    plate_share: Array
    """Share of the rack flow that reaches the GPU plates."""
    plate_spread: Array
    """Flow that the worst plate lacks of the mean."""
    plate_tolerance: Array
    """Resistance of the worst plate over the mean one's, less one."""
    plate_series: Array
    """GPU plates that one branch of the coolant passes one after the other."""
    cpu: Plates
    switch: Plates
    leakage: Array
    """What all GPUs leak with their cases at the limit [W]; 0 where no product tells."""
    leakage_growth: Array
    """Of it with the case temperature [1/K]."""
    case_limit: Array
    return_limit: Array
    inlet_limit: Array
    air_inlet_limit: Array
    exhaust_limit: Array
    """Hot-side temperature at TDP with the air inlet at its limit [K]."""
    nameplate: Array
    """AC nameplate power [W]."""
    minimum_clock: Array
    static_share: Array
    knee: Array
    exponent: Array
    prefill_exponent: Array
    """Of GPUs that only prefill, where these have a clock of their own."""
    capital: Array


@dataclass(frozen=True)
class Stage:
    """The radial islands between two rows of converters, solved in one pass; nodes index into the chain."""

    nodes: Index
    forest: Forest


@dataclass(frozen=True)
class Chain:
    """The one-line: a forest of radial islands cut at converters, and who may draw from where."""

    parent: Index
    """(node,) upstream node, -1 for the utility source."""
    node_device: Index
    """(node,) device whose outage kills the node, -1 for none."""
    stages: tuple[Stage, ...]
    """Downstream stage first."""
    device_node: Index
    """(device,) node at which an electrical device's load is metered, -1 for cooling equipment."""
    direct: npt.NDArray[np.bool_]
    """(node,) direct current; its branches are loops of two conductors."""
    converter_input: Index
    converter_output: Index
    converter_device: Index
    converter_coefficients: Array
    converter_tangent: Array
    """(converter,) reactive over active power at the input; converters are UPS and rectifiers."""
    converter_modules: Array
    """(converter,) modules of a UPS that keeps on only those it needs, 0 where all stay on."""
    bypass_output: Index
    """(bypass,) output bus of each UPS in eco mode, which belongs to the island above it."""
    bypass_device: Index
    bypass_coefficients: Array
    resistance: Array
    """(node,) of the branch into each node, at its own voltage [ohm]: a conductor at 75 degC, the loop of two poles, a
    transformer with its run; `reactance` likewise."""
    reactance: Array
    transformer_node: Index
    """Secondary bus of each transformer."""
    transformer_resistance: Array
    """Of its winding alone [ohm]; `transformer_reactance` likewise, and its rating [VA]."""
    transformer_reactance: Array
    transformer_rating: Array
    transformer_share: Array
    """Part of that branch's resistance that is winding; the rest is conductor."""
    standing_at: Index
    """Primary bus of each transformer, where its no-load loss is drawn."""
    standing_power: Array
    standing_reactive: Array
    inside: npt.NDArray[np.bool_]
    """(node,) branches on the site's side of the point of connection."""
    run_node: Index
    """(device,) node whose branch has the run of conductor to the device, -1 without one."""
    run_rating: Array
    """(device,) current that run may carry for good where it lies [A]; NaN without one. The whips of a rack to one
    panel are one run."""
    run_ambient: Array
    """(device,) air around it, and `run_limit` its temperature at that current [K]; NaN where nothing tells."""
    run_limit: Array
    device_whips: Array
    """(device,) whips in parallel, 1 for all that is no whip."""
    load_name: tuple[str, ...]
    load_tangent: Array
    """(load,) reactive over active power."""
    feed_load: Index
    feed_node: Index
    feed_tangent: Array
    """(feed,) reactive over active power of what it draws, 0 from direct current."""
    feed_reserve: npt.NDArray[np.bool_]
    feed_device: Index
    """(feed,) whip of the feed, -1 where the load is tapped at the device itself."""
    feed_whips: Array
    """(feed,) whips in parallel."""
    injection: csr_array
    """(node, feed) incidence: adds what the feeds draw at their buses."""
    voltage: Array
    """(node,) nominal line-line voltage [V]."""


@dataclass(frozen=True)
class Devices:
    """(device,) everything that has a rating or can be out."""

    name: tuple[str, ...]
    kind: Index
    block: Index
    """Index of its block; of its plant for dry coolers, trim chillers and pumps; -1 for what blocks share."""
    product: tuple[str, ...]
    """Name of its catalogue product, empty for the utility."""
    rating: Array
    """Continuous rating: W; VA for transformers, A for whips."""
    box: Array
    """Lower and upper corner (device, 2, 3) [m]; NaN where the layout gives no place."""


@dataclass(frozen=True)
class Shared:
    """(limit,) what many racks draw on: one row for each electrical device above the whips, and one each for the
    CDUs, fan walls and chillers of a block."""

    kind: Index
    """Code in SHARED_KINDS."""
    device: Index
    """The device; the first unit for cooling equipment."""
    units: Index
    """Devices that carry the limit together, in sequence from `device`."""
    block: Index
    cooling: npt.NDArray[np.bool_]
    pass_limit: Index
    """Triples (limit, rack, feed): the feed of the rack passes the limit."""
    pass_rack: Index
    pass_feed: Index
    constant: Array
    """(limit, rack) heat at a cooling limit per watt at the rack; 0 for electrical limits."""


@dataclass(frozen=True)
class OutdoorLoop:
    """(plant,) the loop between plate exchangers and dry coolers or towers, and the towers."""

    parted: npt.NDArray[np.bool_]
    """There is such a loop; without it facility water itself goes to the dry coolers."""
    fluid: tuple[Fluid, ...]
    """What is in the coolers, with the loop or without it."""
    heat_capacity: Array
    density: Array
    conductance: Array
    """Of all exchangers at their rated flows [W/K]; `mass_flow` of each side then [kg/s], `hot_share` the facility
    side's part of their resistance."""
    mass_flow: Array
    hot_share: Array
    pump_flow: Array
    pump_head: Array
    pump_design_flow: Array
    pump_efficiency: Array
    pump_drive: Array
    tower: npt.NDArray[np.bool_]
    """Towers stand there, not dry coolers; the figures are of one at its rated flows and full speed."""
    number: Array
    """Merkel number; `water_to_air` by mass of dry air, `water` [kg/s]."""
    water_to_air: Array
    water: Array
    exponent: Array
    """Of the Merkel number on water over air."""
    fan: Array
    minimum: Array
    drift: Array


@dataclass(frozen=True)
class Cooling:
    """(block,) parameters of loop and air system, (plant,) of the plants; equipment of a kind is of one product in
    each. A block without a loop, or a plant without equipment, has units that count nothing."""

    fluid: tuple[Fluid, ...]
    loop: npt.NDArray[np.bool_]
    """The block has a technology loop."""
    plant: Index
    """(block,) plant that cools its facility water."""
    pump_curve: Array
    """(block, 3) external head of one CDU against its flow: a + b Q + c Q2 [Pa]."""
    cdu_flow: Array
    cdu_conductance: Array
    cdu_mass_flow: Array
    cdu_hot_share: Array
    cdu_pressure: Array
    """Pressure drop inside the CDU at its rated flow, technology side [Pa]."""
    cdu_filter: Array
    """That of its clean filter, a part of it [Pa]."""
    cdu_volume: Array
    """Coolant inside one CDU [m3]."""
    cdu_expansion: Array
    """What the expansion vessel of one CDU gives before the loop loses its pressure [m3]; NaN where nothing tells."""
    cdu_volume_flow: Array
    cdu_pump_efficiency: Array
    pipe: Mapping[str, Array]
    """(block,) main and branch: diameter, length (both ways), roughness, volume (both ways) [SI]."""
    row_pipe: Mapping[str, Array]
    """(row,) the same for the row headers, with `taper`: mean of the falling flow to the power 1.75."""
    facility_heat_capacity: float
    facility_density: float
    pump_flow: Array
    pump_head: Array
    pump_design_flow: Array
    pump_efficiency: Array
    pump_drive: Array
    reset_least: Array
    """(block,) lowest set-point of a reset [K], infinite without one; it is `reset_above` K over the dry bulb, or over
    the wet bulb where `reset_wet`."""
    reset_above: Array
    reset_wet: npt.NDArray[np.bool_]
    plant_fluid: tuple[Fluid, ...]
    """(plant,) facility water or glycol; its heat capacity [J/kg/K] and density [kg/m3] are taken as constant."""
    plant_heat_capacity: Array
    plant_density: Array
    minimum_supply: Array
    """(plant,) coldest facility water that the plant sends [K]."""
    pad: Array
    """(plant,) effectiveness of wetted pads before the dry coolers, 0 without; they are on from `pad_above` [K] on."""
    pad_above: Array
    cycles: Array
    """Concentration of salt in the basin of pads or towers over that in the make-up."""
    outdoor: OutdoorLoop
    dry_cooler_conductance: Array
    dry_cooler_air: Array
    dry_cooler_water: Array
    dry_cooler_ratio: Array
    dry_cooler_fan: Array
    dry_cooler_minimum: Array
    trim_capacity: Array
    trim_leaving: Array
    trim_cop: tuple[Array, ...]
    """Carnot fraction, evaporator and condenser approach, least and greatest COP."""
    leakage: Array
    excess: Array
    """Air of the fan walls over what is drawn, less 1, while they can."""
    support_rise: Array
    fan_wall_flow: Array
    fan_wall_fan: Array
    rating_air_density: Array
    fan_wall_minimum: Array
    coil_conductance: Array
    coil_water: Array
    chilled_water: Array
    chiller_cop: tuple[Array, ...]
    curved: npt.NDArray[np.bool_]
    """(block,) the air system's chillers go by `chiller_curve`, whose every figure is (block,) of one machine, and not
    by `chiller_cop`."""
    chiller_curve: Chiller
    chiller_free: Array
    chiller_free_cop: Array
    """Heat over fan power while the free-cooling coil carries it."""
    chiller_rise: Array
    chiller_pump: Array
    """Chilled-water pump watts per (kg/s)."""


@dataclass(frozen=True)
class Protection:
    """(protection,) breakers and relays of the alternating-current chain, each at the head of a device's branch."""

    device: Index
    node: Index
    """Bus at the far end of the branch."""
    upstream: Index
    """The next one on the way to the utility, -1 without one."""
    name: tuple[str, ...]
    """Of its product; `curve` is equal for those of one."""
    curve: Index
    rated: Array
    breaking: Array
    """Current that it breaks [A]."""
    let_through: Array
    """Joule integral it lets through at most [A2 s]; infinite without current limiting."""
    unit: TripUnit
    """(protection, 1) bands of trip units; infinite pickups where a relay stands."""
    relay: tuple[str, ...]
    """Name of the curve of a relay, "" for a trip unit."""
    pickup: Array
    """Of a relay [A]; infinite for a trip unit. `dial` [1] and the `breaking_time` of its breaker [s] likewise."""
    dial: Array
    breaking_time: Array
    section: Array
    """Of a phase of the conductor behind it [m2]; NaN without one. `withstand` its Joule integral over the square of
    the section [A2 s/m4], `ampacity` what it carries for good where it lies [A]."""
    withstand: Array
    ampacity: Array

    def taken(self, index: Index) -> Protection:
        """Some of them, in another order."""
        parts: dict[str, Any] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if part.name == "unit":
                value = TripUnit(**{one.name: getattr(value, one.name)[index] for one in fields(value)})
            parts[part.name] = tuple(value[i] for i in index) if isinstance(value, tuple) else value
            if isinstance(value, np.ndarray):
                parts[part.name] = value[index]
        return Protection(**parts)


@dataclass(frozen=True)
class Harmonic:
    """The alternating-current islands as harmonics see them: whips folded onto what feeds them, and a node of its own
    for every source, which is all loads of one spectrum at one bus, or the input of a UPS or rectifier."""

    order: Array
    """(order,) orders of positive and negative sequence."""
    triplen: Array
    """(triplen,) orders that are multiples of three: zero sequence, which a delta stops."""
    forest: Forest
    zero: Forest
    """The same nodes in zero sequence, each transformer's star a source."""
    part: Index
    """(node of the one-line,) its node here, -1 for direct current."""
    node: Index
    """(source,) node of each; those of converters stand behind those of loads."""
    feeds: csr_array
    """(source of loads, feed) incidence."""
    converter: Index
    """(source of converters,) converter of the chain."""
    spectrum: Array
    """(node, order) harmonic over fundamental current, and `triplen_spectrum` (node, triplen)."""
    triplen_spectrum: Array


@dataclass(frozen=True)
class Windings:
    """(transformer,) as in the chain: what heats them and how much. NaN where the product does not tell."""

    device: Index
    current: Array
    """Rated, of the secondary [A]."""
    eddy: Array
    """Eddy over ohmic loss at the rated current."""
    loss_ratio: Array
    """Load loss over no-load loss."""
    oil_rise: Array
    """Top oil above ambient at rated losses [K]."""
    hot_spot_rise: Array
    """Hot spot above the top oil at the rated current [K]."""


@dataclass(frozen=True)
class Standby:
    """Generators that carry the site at its point of connection when the utility is lost, equal to each other."""

    count: int
    required: int
    rating: float
    """Of one [W]."""
    resistance: float
    """Of one, as a fault sees it at the point of connection [ohm]; `reactance` the subtransient one."""
    reactance: float
    start_time: float
    """Until it takes load [s]."""
    least_load: float
    """Share of its rating below which it must not run for long."""
    load_step: float
    """Share of its rating that it takes at once; NaN where its product does not tell."""


MOVED = 0.02
"""Change of a rack's air over the mean of its hall, or of the supply, at which the field of a hall is another."""


def flows_alike(old_supply: float, old: Array, supply: Array | float, flow: Array) -> npt.NDArray[np.bool_]:
    """Whether the air of a hall and of its racks (...,), (..., rack) is the old one (rack,), but for MOVED [m3/s]."""
    apart = np.abs(flow - old).max(axis=-1)
    return np.asarray((apart <= MOVED * old.mean()) & (np.abs(supply - old_supply) <= MOVED * old_supply))


@dataclass(frozen=True, eq=False)
class Recirculation:
    """What comes back to the racks of a block with their air, for one flow of air; `twin.study.air_coupling` finds it.

    share : (rack, rack) of the block, kelvin of each inlet over the supply for each kelvin that air takes up through
    the faces of each rack. returned : air from the hot side over that of the fan walls at which it was found.
    uncertainty : (rack,) half width of the 95 % interval of each inlet there, infinite where not known [K].
    supply, flow, units, rise : air of the fan walls and through the faces of each rack (rack,) there [m3/s], the
    devices that blew it, and what it took up (rack,) [K].
    """

    share: Array
    returned: float
    uncertainty: Array
    supply: float
    flow: Array
    units: tuple[int, ...]
    rise: Array

    def risen(self, rise: Array) -> Array:
        """What each inlet is over the supply (scenario, rack) [K], for what air takes up through the racks' faces."""
        # In memory order and by numpy's own loop a scenario sums alike alone and in a batch.
        return np.einsum("sj,ij->si", np.ascontiguousarray(rise), self.share)

    def holds(self, supply: Array, flow: Array) -> npt.NDArray[np.bool_]:
        """Whether other flows (scenario,), (scenario, rack) [m3/s] are those of the field, but for MOVED."""
        return flows_alike(self.supply, self.flow, supply, flow)


@dataclass(frozen=True, eq=False)
class Facility:
    """A validated layout as arrays, its catalogue products for provenance, and its own operation."""

    name: str
    layout: Layout
    fingerprint: str
    """Hash of the layout and of every catalogue figure it uses."""
    racks: Racks
    rows: tuple[str, ...]
    row_block: Index
    blocks: tuple[str, ...]
    plants: tuple[str, ...]
    hall: Array
    """Lower and upper corner of each block's hall, (block, 2, 3) [m]."""
    chain: Chain
    devices: Devices
    cooling: Cooling
    recirculation: tuple[Recirculation | None, ...]
    """Of each block; None where its cold side is taken as well mixed."""
    shared: Shared
    protection: Protection
    harmonic: Harmonic
    windings: Windings
    standby: Standby | None
    copper: float
    """Mass of the copper of all conductors and whips, phases or poles alone [kg]."""
    policy: str
    outages: Index
    """(pattern, order) devices to be out one after the other for `security: n-1`, padded with -1; no pattern
    without it."""
    short_time: Array
    """(device,) load that the device bears for the duration of the workload's peaks over its continuous rating."""
    shelf_pulse: Array
    """(rack,) the same of the power shelves, and `whip_pulse` of the whips."""
    whip_pulse: Array
    whip_power: Array
    """(rack,) power one whip carries at nominal voltage and its continuous current [W]."""
    required: Mapping[str, Array]
    """(block or plant,) units of each kind of cooling equipment that are meant to carry it."""
    elements: Mapping[str, int]
    """Lengths of the element axes an operating field may have."""
    pressure: Array
    """Barometric pressure at the site [Pa]."""
    model: Model
    workload: Workload
    job: Job | None
    """The training job that all GPUs do; None where they serve."""
    economics: Economics
    carbon_intensity: float
    """Carbon dioxide of the utility's energy [kg/J]."""
    built_power: float
    """IT power the facility is built for: nameplates and support load [W]."""
    uptime: float
    """Share of the GPUs at work as a mean over the faults of trays, `twin.availability.tray_shares`; spares are not."""
    operation: Operation
    products: tuple[Product, ...]

    def groups(self, kind: str) -> tuple[str, ...]:
        """Names of the plants or blocks that have cooling equipment of a kind."""
        return self.plants if kind in PLANT_KINDS else self.blocks
