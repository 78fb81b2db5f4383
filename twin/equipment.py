"""Loops, plants and air systems of the blocks as arrays: rating points turned into conductances and curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from geometry.route import manhattan_length
from thermal import air, exchanger, pipe, rejection, tower
from thermal.chiller import Chiller
from thermal.fluid import FLUIDS, WATER, Fluid
from thermal.loop import PIPE_EXPONENT
from twin.catalogue import Product, product, products
from twin.facility import COOLING_KINDS, PLANT_KINDS, Cooling, OutdoorLoop, Racks
from twin.schema import Equipment, Loop, Pipe, Placement, Plant, Unit

Array = npt.NDArray[np.float64]
Figures = Product | Mapping[str, float]

VELOCITY = 2.7
"""Greatest coolant velocity in stainless pipe [m/s]: OCP Modular TCS (2025) 3.4."""
STAINLESS = "stainless-steel"
"""Material of pipes that name none."""
FACILITY_REFERENCE = 318.15
"""Temperature at which the facility water's heat capacity and density are taken [K]: within 0.1 % from 20 to 65
degC, and one value for both closes the heat balance exactly."""
RATING_AIR_DENSITY = 1.2
"""Of the air to which fan-wall ratings refer [kg/m3]: standard air, 20 degC at sea level."""
SEA_LEVEL = 101325.0
"""Pressure at which air-side equipment is rated [Pa]."""
AIR_FILM_EXPONENT = 0.8
"""Of the air film on its mass flow, as in `thermal.rejection.dry_cooler_conductance`."""


def of_unit(unit: Unit) -> dict[str, Equipment | None]:
    """The equipment of a unit by kind, None where it has none."""
    return {
        "cdu": unit.loop.cdus if unit.loop else None,
        "fan_wall": unit.air.fan_walls,
        "chiller": unit.air.chillers,
    }


def of_plant(plant: Plant | None) -> dict[str, Equipment | None]:
    """The equipment of a plant by kind, None where there is none."""
    return {
        "dry_cooler": plant.dry_coolers if plant else None,
        "tower": plant.towers if plant else None,
        "outdoor_pump": plant.outdoor.pumps if plant and plant.outdoor else None,
        "trim_chiller": plant.trim_chillers if plant else None,
        "pump": plant.pumps if plant else None,
    }


def rating(kind: str, made: Product) -> float:
    """What loading is measured against: heat [W], volume flow of a pump [m3/s]."""
    name = {
        "cdu": "nominalCoolingCapacity",
        "dry_cooler": "nominalCapacity",
        "tower": "nominalCapacity",
        "outdoor_pump": "ratedFlow",
        "trim_chiller": "nominalCapacity",
        "pump": "ratedFlow",
        "fan_wall": "nominalCoolingCapacity",
        "chiller": "nominalCapacity",
    }[kind]
    return float(made[name])


def plate_rating(made: Product, duty: float, fluid: Fluid) -> tuple[float, float]:
    """Conductance of one CDU or plate exchanger [W/K] and the warm side's share of its resistance, from its rating
    point with water at the cold side.

    duty : at that point [W]. The films scale as k (m/mu)^0.8 Pr^(1/3) at equal mass flow (plate exchanger of the
    Modelica Buildings library).
    """
    supply, approach = made["ratingSupplyTemperature"], made["ratingApproach"]
    flow = made["ratingMassFlow"]
    cold_inlet = supply - approach
    # Heat capacities at the mean of each side.
    warm = flow * fluid.heat_capacity(supply + duty / flow / fluid.heat_capacity(supply) / 2)
    cold = flow * WATER.heat_capacity(cold_inlet + duty / flow / WATER.heat_capacity(cold_inlet) / 2)
    conductance = exchanger.rated_conductance(duty, supply + duty / warm, cold_inlet, warm, cold)
    hot_film = _film(fluid, flow, supply + duty / warm / 2)
    cold_film = _film(WATER, flow, cold_inlet + duty / cold / 2)
    return float(conductance), cold_film / (hot_film + cold_film)


def _against(conductance: float, hot_share: float, made: Product, liquid: Fluid) -> tuple[float, float]:
    """Conductance of plates and the warm side's share of their resistance with another liquid than water at the cold
    side, whose film is as much weaker."""
    supply, flow = made["ratingSupplyTemperature"] - made["ratingApproach"], made["ratingMassFlow"]
    ratio = _film(liquid, flow, supply) / _film(WATER, flow, supply)
    hot, cold = hot_share / conductance, (1.0 - hot_share) / conductance / ratio
    return 1.0 / (hot + cold), hot / (hot + cold)


def _film(liquid: Fluid, flow: float, temperature: float) -> float:
    """Film of a plate exchanger up to a factor of its geometry: k (m/mu)^0.8 Pr^(1/3)."""
    viscosity, conductivity = liquid.viscosity(temperature), liquid.conductivity(temperature)
    prandtl = viscosity * liquid.heat_capacity(temperature) / conductivity
    return float(conductivity * (flow / viscosity) ** 0.8 * prandtl ** (1.0 / 3.0))


def pipe_arrays(made: Sequence[Figures], length: Sequence[float], prefix: str = "") -> dict[str, Array]:
    """Diameter, length there and back with the fittings' equivalent, roughness and volume of one pipe per element
    [SI]."""
    both = 2.0 * np.asarray(length, dtype=np.float64)
    bore = np.array([item["innerDiameter"] for item in made])
    return {
        f"{prefix}volume": np.pi / 4.0 * bore**2 * both,
        f"{prefix}diameter": np.array([item["innerDiameter"] for item in made]),
        f"{prefix}length": both * (1.0 + np.array([item["fittingLengthRatio"] for item in made])),
        f"{prefix}roughness": np.array([item["roughness"] for item in made]),
    }


def taper(count: int) -> float:
    """Mean over a header of its falling flow to the power 1.75: equal racks draw it down one by one.

    >>> round(taper(1), 3), round(taper(8), 3)
    (1.0, 0.428)
    """
    return float(np.mean((np.arange(1, count + 1) / count) ** PIPE_EXPONENT))


def cooling(
    blocks: Sequence[tuple[Unit, Placement]],
    plants: Sequence[Plant | None],
    racks: Racks,
    pressure: float,
    use: Callable[[str], Product],
) -> Cooling:
    """The cooling of all blocks and their plants: one plant for each block, or one for all.

    pressure : barometric [Pa]; thin air carries less heat through coolers and coils at the same fan speed, weakens
    their air film and lightens the fans. use : reads a catalogue product.
    """
    units = [unit for unit, _ in blocks]
    fluids = tuple(FLUIDS[unit.loop.fluid] if unit.loop else WATER for unit in units)
    owned = [*map(of_unit, units)], [*map(of_plant, plants)]
    made = {
        kind: [use(item.product) if (item := one[kind]) else None for one in owned[kind in PLANT_KINDS]]
        for kind in COOLING_KINDS
    }

    def figure(kind: str, name: str, default: float | None = None) -> Array:
        # Equipment that is not there has figures of one: its count of units is nothing.
        listed = [1.0 if item is None else item.get(name, default) for item in made[kind]]
        return np.array(listed, dtype=np.float64)

    specific = float(WATER.heat_capacity(FACILITY_REFERENCE))
    density = float(WATER.density(FACILITY_REFERENCE))
    cdus = [*zip(made["cdu"], fluids, strict=True)]
    rated = [
        plate_rating(item, item["nominalCoolingCapacity"], fluid) if item else (1.0, 0.5)
        for item, fluid in cdus
    ]
    at_rating = np.array(
        [fluid.density(item["ratingSupplyTemperature"]) if item else 1.0 for item, fluid in cdus]
    )
    mass = figure("cdu", "ratingMassFlow")
    curve = np.array([_head_curve(item) if item else (1.0, 0.0, 0.0) for item in made["cdu"]])
    coolers = figure("dry_cooler", "nominalCapacity")
    inlet, outlet = figure("dry_cooler", "ratingWaterInlet"), figure("dry_cooler", "ratingWaterOutlet")
    cooler_air, ratio = figure("dry_cooler", "airCapacityRate"), figure("dry_cooler", "conductanceRatio")
    thin = pressure / SEA_LEVEL
    wall_flow, wall_duty = (
        figure("fan_wall", "nominalAirVolume"),
        figure("fan_wall", "nominalCoolingCapacity"),
    )
    wall_air = wall_flow * RATING_AIR_DENSITY * air.HEAT_CAPACITY
    wall_inlet, wall_water = (
        figure("fan_wall", "ratingAirTemperature"),
        figure("fan_wall", "ratingWaterTemperature"),
    )
    coil_water = wall_duty / figure("fan_wall", "ratingWaterRise")
    required = np.array([max(plant.pumps.required, 1) if plant else 1 for plant in plants])
    shared = len(plants) < len(blocks)
    waters = tuple(FLUIDS[plant.fluid] if plant else WATER for plant in plants)
    pads = [plant.adiabatic if plant else None for plant in plants]
    resets = [unit.loop.reset if unit.loop else None for unit in units]
    for run in (run for plant in plants if plant for run in (plant.main, plant.header)):
        # Only `twin.study.facility_water` reads them; named ones count among the facility's products.
        if run.product is not None:
            use(run.product)
    of_plants = [0] * len(blocks) if shared else range(len(blocks))
    against = [waters[index] for index in of_plants]
    rated = [
        _against(*one, item, liquid) if item else one
        for one, item, liquid in zip(rated, made["cdu"], against, strict=True)
    ]
    return Cooling(
        fluid=fluids,
        reset_least=np.array([reset.least if reset else np.inf for reset in resets]),
        reset_above=np.array([reset.above if reset else 0.0 for reset in resets]),
        reset_wet=np.array([bool(reset) and reset.follows == "wet_bulb" for reset in resets]),
        plant_fluid=waters,
        plant_heat_capacity=np.array([float(one.heat_capacity(FACILITY_REFERENCE)) for one in waters]),
        plant_density=np.array([float(one.density(FACILITY_REFERENCE)) for one in waters]),
        minimum_supply=np.array([plant.minimum_supply if plant else 0.0 for plant in plants]),
        pad=np.array([pad.effectiveness if pad else 0.0 for pad in pads]),
        pad_above=np.array([pad.above if pad else np.inf for pad in pads]),
        cycles=np.array([_cycles(plant) for plant in plants]),
        outdoor=_outdoor(plants, waters, figure, thin, use),
        loop=np.array([unit.loop is not None for unit in units]),
        plant=np.zeros(len(blocks), dtype=np.int64) if shared else np.arange(len(blocks)),
        pipe=_pipes(blocks, racks, use),
        row_pipe=_row_pipes(blocks, racks, use),
        pump_curve=curve,
        cdu_flow=figure("cdu", "maximumFlow"),
        cdu_conductance=np.array([conductance for conductance, _ in rated]),
        cdu_mass_flow=mass,
        cdu_hot_share=np.array([share for _, share in rated]),
        cdu_pressure=figure("cdu", "secondaryPressureDrop"),
        cdu_filter=figure("cdu", "filterPressureDrop", 0.0),
        cdu_volume=figure("cdu", "secondaryCircuitVolume"),
        cdu_expansion=figure("cdu", "expansionVolume", np.nan),
        cdu_volume_flow=mass / at_rating,
        cdu_pump_efficiency=figure("cdu", "pumpEfficiency"),
        facility_heat_capacity=specific,
        facility_density=density,
        pump_flow=figure("pump", "ratedFlow"),
        pump_head=figure("pump", "ratedHead"),
        pump_design_flow=required * figure("pump", "ratedFlow"),
        pump_efficiency=figure("pump", "pumpEfficiency"),
        pump_drive=figure("pump", "motorEfficiency") * figure("pump", "driveEfficiency"),
        dry_cooler_conductance=rejection.dry_cooler_conductance(
            rejection.rated_dry_cooler_conductance(
                coolers, inlet, outlet, figure("dry_cooler", "ratingDryBulb"), cooler_air
            ),
            1.0,
            thin,
            ratio,
        ),
        dry_cooler_air=cooler_air * thin,
        dry_cooler_water=coolers / np.where(inlet > outlet, inlet - outlet, 1.0),
        dry_cooler_ratio=ratio * thin**AIR_FILM_EXPONENT,
        dry_cooler_fan=figure("dry_cooler", "fanPower") * thin,
        dry_cooler_minimum=figure("dry_cooler", "minimumFanSpeed"),
        trim_capacity=figure("trim_chiller", "nominalCapacity"),
        trim_leaving=figure("trim_chiller", "leavingTemperatureMaximum"),
        trim_cop=_cop(figure, "trim_chiller", thin),
        leakage=np.array([unit.air.leakage for unit in units]),
        excess=np.array([unit.air.excess for unit in units]),
        support_rise=np.array([unit.air.support_rise for unit in units]),
        fan_wall_flow=wall_flow,
        fan_wall_fan=figure("fan_wall", "fanMotorPowerMax") * thin,
        rating_air_density=np.full(len(units), RATING_AIR_DENSITY),
        fan_wall_minimum=figure("fan_wall", "minimumFlowRatio"),
        # The coil is a crossflow exchanger rated from the air's side.
        coil_conductance=rejection.rated_dry_cooler_conductance(
            wall_duty, wall_inlet, wall_inlet - wall_duty / wall_air, wall_water, coil_water
        ),
        coil_water=coil_water,
        chilled_water=np.array([unit.air.chilled_water_temperature for unit in units]),
        chiller_cop=_cop(figure, "chiller", thin),
        curved=np.array(["capacityCurve" in item.figures for item in made["chiller"]]),
        chiller_curve=_curves(made["chiller"]),
        chiller_free=figure("chiller", "freeCoolingEffectiveness"),
        chiller_free_cop=figure("chiller", "freeCoolingCop"),
        chiller_rise=figure("chiller", "chilledWaterRise"),
        chiller_pump=figure("chiller", "chilledWaterPumpHead")
        / density
        / figure("chiller", "chilledWaterPumpEfficiency"),
    )


def _cop(figure: Callable[[str, str, float | None], Array], kind: str, thin: float) -> tuple[Array, ...]:
    """Figures of `thermal.rejection.chiller_cop`; a condenser warms thin air more."""
    names = ("carnotFraction", "evaporatorApproach", "condenserApproach", "minimumCop", "maximumCop")
    fraction, evaporator, condenser, least, most = (figure(kind, name, 1.0) for name in names)
    return fraction, evaporator, condenser / thin, least, most


def _curves(made: Sequence[Product]) -> Chiller:
    """The curves of one chiller for each block, element by element; some of no meaning for those without."""

    def each(name: str, length: int) -> tuple[Array, ...]:
        return tuple(np.array([item.get(name, np.ones(length)) for item in made], dtype=np.float64).T)

    return Chiller(
        "",
        np.array([item["nominalCapacity"] for item in made]),
        np.array([item.get("ratedCop", 1.0) for item in made]),
        each("capacityCurve", 6),
        each("inputCurve", 6),
        each("loadCurve", 3),
        each("leavingRange", 2),
        each("enteringRange", 2),
        each("loadRange", 2),
    )


def _cycles(plant: Plant | None) -> float:
    """Concentration in the basin of a plant's towers or pads, of no meaning where there are none."""
    if plant is None or (plant.towers is None and plant.adiabatic is None):
        return 2.0
    return plant.towers.cycles if plant.towers else plant.adiabatic.cycles


def _outdoor(
    plants: Sequence[Plant | None],
    waters: Sequence[Fluid],
    figure: Callable[[str, str], Array],
    thin: float,
    use: Callable[[str], Product],
) -> OutdoorLoop:
    """Outdoor loops and towers of the plants; figures of one where there is none."""
    loops = [plant.outdoor if plant else None for plant in plants]
    fluids = [FLUIDS[loop.fluid] if loop else water for loop, water in zip(loops, waters, strict=True)]
    conductance, mass_flow, share = [], [], []
    for loop, warm, cold in zip(loops, waters, fluids, strict=True):
        made = use(loop.exchangers.product) if loop else None
        rated = (1.0, 0.5)
        if made:
            rated = _against(*plate_rating(made, made["nominalCapacity"], warm), made, cold)
        count = loop.exchangers.count if loop else 1
        conductance.append(count * rated[0])
        share.append(rated[1])
        mass_flow.append(count * made["ratingMassFlow"] if made else 1.0)
    required = np.array([max(loop.pumps.required, 1) if loop else 1 for loop in loops])
    capacity, hot, cold_ = (
        figure("tower", name) for name in ("nominalCapacity", "ratingWaterInlet", "ratingWaterOutlet")
    )
    wet = hot > cold_
    ratio, exponent = figure("tower", "ratingWaterToAir"), figure("tower", "fillExponent")
    number = np.ones(len(plants))
    if wet.any():
        number[wet] = tower.merkel_number(
            hot[wet], cold_[wet], figure("tower", "ratingWetBulb")[wet], ratio[wet], SEA_LEVEL
        )
    specific = WATER.heat_capacity((hot + cold_) / 2.0)
    return OutdoorLoop(
        parted=np.array([loop is not None for loop in loops]),
        fluid=tuple(fluids),
        heat_capacity=np.array([float(one.heat_capacity(FACILITY_REFERENCE)) for one in fluids]),
        density=np.array([float(one.density(FACILITY_REFERENCE)) for one in fluids]),
        conductance=np.array(conductance),
        mass_flow=np.array(mass_flow),
        hot_share=np.array(share),
        pump_flow=figure("outdoor_pump", "ratedFlow"),
        pump_head=figure("outdoor_pump", "ratedHead"),
        pump_design_flow=required * figure("outdoor_pump", "ratedFlow"),
        pump_efficiency=figure("outdoor_pump", "pumpEfficiency"),
        pump_drive=figure("outdoor_pump", "motorEfficiency") * figure("outdoor_pump", "driveEfficiency"),
        tower=wet,
        # At the same speed the fans move less of thin air.
        number=tower.scaled_merkel_number(number, 1.0, thin, exponent),
        water_to_air=ratio / thin,
        water=capacity / np.where(wet, hot - cold_, 1.0) / specific,
        exponent=exponent,
        fan=figure("tower", "fanPower") * thin,
        minimum=figure("tower", "minimumFanSpeed"),
        drift=figure("tower", "driftShare"),
    )


def _head_curve(made: Product) -> Array:
    """Quadratic through the points of a CDU's pump curve: a, b, c of head against flow [SI]."""
    return np.asarray(np.polynomial.polynomial.polyfit(*made["pumpFlowCurve"].T, 2))


NO_PIPE = {"innerDiameter": 1.0, "roughness": 0.0, "fittingLengthRatio": 0.0}
"""Pipe of a unit without a loop: nothing flows in it."""


def _pipes(
    blocks: Sequence[tuple[Unit, Placement]], racks: Racks, use: Callable[[str], Product]
) -> dict[str, Array]:
    """Main (CDUs to the racks) and branch (header to rack) of each block."""
    mains, branches, main_length, branch_length = [], [], [], []
    for index, (unit, placed) in enumerate(blocks):
        loop = unit.loop
        mains.append(
            sized(loop.main, design_flow(loop, racks, racks.block == index), use) if loop else NO_PIPE
        )
        branches.append(sized(loop.branch, 0.0, use) if loop else NO_PIPE)
        main_length.append((loop.main.length or _to_rows(loop, placed, racks, index)) if loop else 0.0)
        branch_length.append(loop.branch.length if loop else 0.0)
    return pipe_arrays(mains, main_length, "main_") | pipe_arrays(branches, branch_length, "branch_")


def _to_rows(loop: Loop, placed: Placement, racks: Racks, block: int) -> float:
    """Length of the main: from the first CDU to the middle of the block's racks, at right angles."""
    centre = racks.box[racks.block == block].mean(axis=(0, 1))
    origin = np.asarray(placed.offset, dtype=np.float64) + [*loop.cdus.origin, 0.0]
    return float(manhattan_length(origin[:2], centre[:2]))


def design_flow(loop: Loop, racks: Racks, mine: npt.NDArray[np.bool_]) -> float:
    """Coolant that some racks ask for at TDP and the loop's set-point [m3/s]."""
    each = np.array([float(kind.liquid_flow(np.asarray(loop.supply_temperature))) for kind in racks.types])
    return float(each[racks.type[mine]].sum())


def sized(
    asked: Pipe,
    flow: float,
    use: Callable[[str], Product],
    velocity: float = VELOCITY,
    material: str = STAINLESS,
) -> Product:
    """The product of a pipe, or where the layout names none the smallest rigid one of a material that keeps to a
    velocity; the largest there is where none does."""
    if asked.product is not None:
        return use(asked.product)
    rigid = sorted(
        (
            made
            for made in map(product, products("pipe"))
            if "flexible" not in made.figures and made.get("material", STAINLESS) == material
        ),
        key=lambda made: float(made["innerDiameter"]),
    )
    wide = [made for made in rigid if pipe.velocity(flow, made["innerDiameter"]) <= velocity]
    return use((wide or rigid[-1:])[0].name)


def _row_pipes(
    blocks: Sequence[tuple[Unit, Placement]], racks: Racks, use: Callable[[str], Product]
) -> dict[str, Array]:
    """Headers along the rows, with how the racks draw them down."""
    rows = [(unit.loop, row) for unit, _ in blocks for row in unit.rows]
    made = [
        sized(loop.row, design_flow(loop, racks, racks.row == index), use) if loop else NO_PIPE
        for index, (loop, _) in enumerate(rows)
    ]
    length = [((loop.row.length if loop else None) or row.count * row.pitch) for loop, row in rows]
    return pipe_arrays(made, length) | {"taper": np.array([taper(row.count) for _, row in rows])}
