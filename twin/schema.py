"""The form of a layout: exactly the keys of the YAML file, frozen, each quantity an SI float.

A key that is not listed here is not known; a key without a default has to be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from twin.availability import TRAY_REPAIR
from twin.errors import UnitError
from twin.operation import OPERATING
from twin.units import noun, pattern, si, text

STORED = "stored"
"""Context of a layout that was validated before: its quantities are SI numbers."""


@dataclass(frozen=True)
class Measure:
    """An SI number that is written with its unit, and the range it may lie in."""

    unit: str
    above: float | None = None
    least: float | None = None
    most: float | None = None
    below: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validated)

    def _validated(self, given: object, info: ValidationInfo) -> float:
        if info.context == STORED and isinstance(given, (int, float)):
            return float(given)
        return self.value(given)

    def __get_pydantic_json_schema__(
        self, source: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.form()

    def form(self) -> dict[str, Any]:
        """What an editor may know of it, as JSON Schema: the kind in words, its range, the form of the text.

        >>> Measure("m", above=0.0).form()["description"]
        'a length [m], more than 0.00 m'
        """
        bounds = [
            f"{words} {text(bound, self.unit)}"
            for words, bound in (
                ("more than", self.above), ("at least", self.least),
                ("at most", self.most), ("less than", self.below),
            ) if bound is not None
        ]  # fmt: skip
        told = ", ".join([noun(self.unit), *bounds])
        written = {
            "type": "string",
            "unit": self.unit,
            "pattern": pattern(self.unit, self.least, self.above),
            "patternErrorMessage": f"Expected {told}, as a number and its unit.",
        }
        if self.unit != "1":
            return {"description": told, **written}
        range_ = {
            "minimum": self.least, "exclusiveMinimum": self.above,
            "maximum": self.most, "exclusiveMaximum": self.below,
        }  # fmt: skip
        number = {"type": "number", **{key: bound for key, bound in range_.items() if bound is not None}}
        return {"description": told, "anyOf": [number, written]}

    def value(self, given: object) -> float:
        """The SI value of what a file says; raises UnitError."""
        value = si(given, self.unit)
        bounds = (
            (self.above, value > (self.above or 0.0), "more than"),
            (self.least, value >= (self.least or 0.0), "at least"),
            (self.most, value <= (self.most or 0.0), "at most"),
            (self.below, value < (self.below or 0.0), "less than"),
        )
        for bound, kept, words in bounds:
            if bound is not None and not kept:
                raise UnitError(f"is {given}, must be {words} {text(bound, self.unit)}")
        return value


def operating(path: str) -> Measure:
    """The unit and range of an operating field, as its table has them."""
    row = OPERATING[path]
    return Measure(row.unit, least=row.least, most=row.most if row.most < float("inf") else None)


UTILITY = "utility"
"""Name of the source, from which every chain of feeds starts."""

PRECISIONS = {"nvfp4": ("gpuFlopsFp4", 0.5625), "fp8": ("gpuFlopsFp8", 1.0), "bf16": ("gpuFlopsBf16", 2.0)}
"""Peak a precision computes at, and bytes of a weight with its block scales."""
KV_BYTES = {"fp8": 1.0, "bf16": 2.0}
"""Bytes of a number in the KV cache [B]."""

Length = Annotated[float, Measure("m", above=0.0)]
Coordinate = Annotated[float, Measure("m")]
Power = Annotated[float, Measure("W", least=0.0)]
Temperature = Annotated[float, Measure("K", above=0.0)]
Ratio = Annotated[float, Measure("1", least=0.0, most=1.0)]
Count = Annotated[int, Field(ge=1, le=100_000, strict=True)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$")]
Plane = tuple[Coordinate, Coordinate]
Feeds = Annotated[tuple[Name, ...], Field(min_length=1)]


class Model(BaseModel):
    """A frozen part of a layout that knows its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(Model):
    """Weather of the design day and what energy costs there."""

    dry_bulb: Annotated[float, operating("site.dry_bulb")]
    wet_bulb: Annotated[float, operating("site.wet_bulb")] | None = None
    altitude: Annotated[float, Measure("m", least=-500.0, most=9000.0)] = 0.0
    electricity_price: Annotated[float, operating("site.electricity_price")]
    carbon_intensity: Annotated[float, Measure("kg/J", least=0.0)]


class Training(Model):
    """One synchronous training job on all GPUs of the layout, which goes at the pace of the slowest rack.

    `parameters`, that take part in a token, `layers` and `hidden` are those of the model's card where they are left
    out; a card leaves the input embedding out of its parameters. Sequences are as long and steps as large as in the
    MLPerf Training runs of 512 GPUs behind the utilisation. The job stands for `checkpoint_pause` at each checkpoint
    and for `restart_time` after each interruption.

    GPUs wait for gradients for the share `exchange` of a step, and their power takes `ramp` to fall or to rise; both
    are assumed where a layout does not say. They shape the power of the job within a step, not its speed.
    """

    parameters: Annotated[float, Measure("1", above=0.0)] | None = None
    layers: Count | None = None
    hidden: Count | None = None
    sequence_length: Annotated[int, Field(ge=1, le=10_000_000, strict=True)] = 8192
    global_batch: Count = 1152
    checkpoint_pause: Annotated[float, Measure("s", above=0.0)]
    restart_time: Annotated[float, Measure("s", least=0.0)]
    exchange: Annotated[float, Measure("1", above=0.0, below=1.0)] = 0.15
    ramp: Annotated[float, Measure("s", above=0.0)] = 0.2


class Session(Model):
    """A session of an agent: turns with a tool call after each, and a history that is kept or lost.

    `context` is prompt and history before a turn, mean over the turns; each turn adds `new_tokens`, which no cache can
    know, and the `output` written. `tool_time` is the mean from an answer to the next turn. Racks carry as many
    sessions as see `workload.interactivity` and wait for `first_token` at most, both means, and as their KV cache has
    room for; the wait is assumed where a layout does not say. All are means and need not be whole.
    """

    turns: Annotated[float, operating("workload.session.turns")]
    context: Annotated[float, operating("workload.session.context")]
    new_tokens: Annotated[float, operating("workload.session.new_tokens")]
    output: Annotated[float, operating("workload.session.output")]
    tool_time: Annotated[float, operating("workload.session.tool_time")]
    first_token: Annotated[float, operating("workload.session.first_token")] = 10.0


class Workload(Model):
    """What the racks serve, and how fast; `rack_power` prescribes their AC power instead.

    Of `kind` training they train `model` in `precision` as `training` says, and what is said of serving is not read.
    GPUs then draw the highest sustained share of their limit, 0.97 (0.9 to 0.97 in matrix products), also while they
    wait for a slower rack. Policies share power as if the tokens of racks summed up; `equal` suits a job.

    `precision` is that of the weights, `kv_precision` that of the KV cache: unless it is said FP8, as of the points
    that serving is fitted to.

    `serving` puts prefill and decode in pools of their own or both on every GPU. `calibration` scales the model to
    what was measured of this GPU and model, or takes all limits of the hardware in full (`sol`, speed of light). With
    multi-token prediction `draft_length` tokens are drafted in a step, of which it yields `accepted_tokens` with the
    one that is sure.

    `capping` says how speed follows the watts that hold a rack below its demand, whatever holds it. `mixed`: all GPUs
    slow alike, tokens as published of whole systems. The other two follow the prefill and the decode pool of
    disaggregated serving, of which the slower sets the rate: `uniform` holds every GPU at the same share of what it
    asks for, `phases` slows each pool to the one rate that the watts can pay, which costs decode most of its clock.

    The peaks of `edp_factor` last `edp_duration`: devices then bear them by their short-time ratings and the mean by
    their continuous ones. Without it the peak is held as if it lasted.

    Racks serve users who see `interactivity`, a median, and with `first_token` wait no longer for it in 99 of 100
    requests: `prefill_utilisation` is then the most that it may be, and aggregated GPUs are loaded less. Both hold of
    racks that nothing holds below their demand.

    With `session` the racks serve agents: tokens and power are those of as many sessions as they carry, in the
    configuration in which these write most; `input_length` and `output_length` do not count, and the first token is
    that of a turn.
    """

    model: Name
    precision: Literal["nvfp4", "fp8", "bf16"]
    kv_precision: Literal["fp8", "bf16"] | None = None
    kind: Literal["serving", "training"] = "serving"
    training: Training | None = None
    input_length: Count
    output_length: Count
    interactivity: Annotated[float, operating("workload.interactivity")]
    first_token: Annotated[float, operating("workload.first_token")] | None = None
    prefill_utilisation: Annotated[float, Measure("1", above=0.0, below=1.0)] = 0.8
    serving: Literal["disaggregated", "aggregated"] = "disaggregated"
    capping: Literal["mixed", "uniform", "phases"] = "mixed"
    calibration: Literal["roofline", "measured", "sol"] = "roofline"
    draft_length: Annotated[int, Field(ge=0, le=16, strict=True)] = 0
    accepted_tokens: Annotated[float, Measure("1", least=1.0, most=17.0)] = 1.0
    edp_factor: Annotated[float, operating("workload.edp_factor")] = 1.0
    edp_duration: Annotated[float, Measure("s", above=0.0)] | None = None
    rack_power: Annotated[float, operating("workload.rack_power")] | None = None
    session: Session | None = None


class Economics(Model):
    """What capital costs a year, and make-up water, and how much is sold for it.

    `utilisation` is the share of the tokens that the racks could yield which someone pays for, a mean over the year. It
    divides the cost of a token and nothing else: power, energy and latency stay those of full load, for demand at
    partial load is not modelled.
    """

    interest_rate: Annotated[float, Measure("1", above=0.0, most=1.0)]
    it_lifetime: Annotated[float, Measure("s", above=0.0)]
    facility_lifetime: Annotated[float, Measure("s", above=0.0)]
    facility_cost: Annotated[float, Measure("USD/W", least=0.0)]
    maintenance: Ratio
    utilisation: Annotated[float, Measure("1", above=0.0, most=1.0)] = 1.0
    water_price: Annotated[float, Measure("USD/m3", least=0.0)] = 0.0


class Availability(Model):
    """How long a compute tray is away after a fault of one of its GPUs, and how many trays of every rack of GPUs wait
    idle to take the place of those that are: they add nothing to what `twin uptime` plans nor to the uptime of a run.
    """

    tray_repair: Annotated[float, Measure("s", least=0.0)] = TRAY_REPAIR
    spares: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0


class Utility(Model):
    """The grid at the point of connection; `cap` is what it lets the site draw."""

    rating: Annotated[float, Measure("W", above=0.0)]
    voltage: Annotated[float, Measure("V", above=0.0)]
    short_circuit_power: Annotated[float, Measure("VA", above=0.0)]
    resistance_ratio: Annotated[float, Measure("1", least=0.0)]
    cap: Annotated[float, operating("utility.cap")] | None = None


class Generators(Model):
    """Standby generators at the point of connection; `required` of them carry the site without the utility."""

    product: Name
    count: Count
    required: Count


class Rectangle(Model):
    """A rectangle in the plan of a unit's hall: its lower left corner and its sides."""

    origin: Plane
    size: tuple[Length, Length]


class Door(Model):
    """A door that stands open in the panel at an end of a contained hot aisle, from the floor up.

    `origin` is its lower left corner in plan; it is as wide across the aisle.
    """

    origin: Plane
    width: Length
    height: Length


class Tiles(Rectangle):
    """Perforated tiles side by side, each of a `size`, so many along x and y; `open_share` of them is holes."""

    count: tuple[Count, Count] = (1, 1)
    open_share: Annotated[float, Measure("1", above=0.0, most=1.0)]


class RaisedFloor(Model):
    """The plenum under the floor of a hall, and the tiles that air rises from."""

    height: Length
    tiles: Annotated[tuple[Tiles, ...], Field(min_length=1)]


class Hall(Model):
    """The room of one unit, from the origin of its coordinates; what says more of it tells its air field.

    `columns` are solid from the floor to the ceiling. `returns` are the openings of the ceiling through which air goes
    back: over the hot aisles where they are left out, none where the list is empty.
    """

    size: tuple[Length, Length, Length]
    columns: tuple[Rectangle, ...] = ()
    doors: tuple[Door, ...] = ()
    returns: tuple[Rectangle, ...] | None = None
    raised_floor: RaisedFloor | None = None


class Whip(Model):
    """The cables from each feed of a row to each of its racks; no length means no losses.

    `circuits` lie beside each other in their `arrangement`; `breaker` stands in the place of the product's.
    """

    product: Name
    breaker: Name | None = None
    circuits: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    arrangement: Literal["bunched", "wall", "ceiling", "tray", "ladder"] = "tray"
    per_feed: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    length: Annotated[float, Measure("m", least=0.0)]


class Row(Model):
    """Racks of one type side by side, with what feeds them; `priority` 1 is served first and shed last.

    `phases`: whips of three phases, or of one, the next rack on the next phase. `lost_phase` is the one, 1 to 3, that
    all whips of the row have lost.
    """

    name: Name
    rack_type: Name
    priority: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    count: Annotated[int, Field(ge=1, le=1000, strict=True)]
    origin: Plane
    pitch: Length
    facing: Literal["north", "south", "east", "west"]
    support_load: Annotated[float, operating("rows.support_load")] = 0.0
    power_factor: Annotated[float, Measure("1", above=0.0, most=1.0)] | None = None
    power_cap: Annotated[float, operating("rows.power_cap")] | None = None
    phases: Literal["three", "rotating"] = "three"
    lost_phase: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    feeds: Feeds
    whip: Whip


class Equipment(Model):
    """Units of one product that share a duty; `required` of them carry it."""

    product: Name
    count: Count
    required: Count
    feeds: Feeds


class OptionalEquipment(Equipment):
    """Equipment that a design may do without: a count of 0."""

    count: Annotated[int, Field(ge=0, le=100_000, strict=True)]
    required: Annotated[int, Field(ge=0, le=100_000, strict=True)]


class Standing(Equipment):
    """Equipment in the hall, side by side along y."""

    origin: Plane
    pitch: Length


class Pipe(Model):
    """A run of pipe; its length comes from geometry unless it is given, its size from the flow at TDP."""

    product: Name | None = None
    length: Length | None = None


class Branch(Pipe):
    """The hose from the header to a rack."""

    product: Name
    length: Length


class Reset(Model):
    """The set-point of a loop follows the weather at a distance, between `least` and `loop.supply_temperature`."""

    follows: Literal["dry_bulb", "wet_bulb"] = "dry_bulb"
    above: Annotated[float, Measure("delta_degC", least=0.0)]
    least: Temperature


class Loop(Model):
    """The technology cooling system: what flows through the racks."""

    fluid: Literal["pg25", "water"]
    supply_temperature: Annotated[float, operating("loop.supply_temperature")]
    reset: Reset | None = None
    fouling: Annotated[float, operating("loop.fouling")] = 0.0
    clogging: Annotated[float, operating("loop.clogging")] = 0.0
    plate_fouling: Annotated[float, operating("loop.plate_fouling")] = 0.0
    cdus: Standing
    main: Pipe
    row: Pipe
    branch: Branch


class Adiabatic(Model):
    """Wetted pads before the dry coolers, on above a temperature of the air; they need `site.wet_bulb`."""

    effectiveness: Annotated[float, Measure("1", above=0.0, most=0.95)]
    above: Temperature
    cycles: Annotated[float, Measure("1", above=1.0, most=20.0)] = 4.0


class Towers(Equipment):
    """Open cooling towers; `cycles` is the concentration of salt in their basins over that of the make-up water."""

    cycles: Annotated[float, Measure("1", above=1.0, most=20.0)] = 4.0


class Plates(Model):
    """Plate exchangers side by side; they have nothing that runs."""

    product: Name
    count: Count


class OutdoorLoop(Model):
    """The loop of the dry coolers or towers where plate exchangers part it from the facility water."""

    fluid: Literal["water", "pg25"]
    exchangers: Plates
    pumps: Equipment


class Plant(Model):
    """Facility water, or glycol, and what cools it: dry coolers, or towers behind an outdoor loop.

    `minimum_supply` is the coldest water it sends: in cold weather fans slow down and a bypass opens. `main` leads from
    the plant to the first hall, `header` from there along a hall's CDUs; a length is one way.
    """

    fluid: Literal["water", "pg25"]
    minimum_supply: Temperature = 273.15
    recirculation: Annotated[float, operating("plant.recirculation")] = 0.0
    adiabatic: Adiabatic | None = None
    dry_coolers: Equipment | None = None
    towers: Towers | None = None
    outdoor: OutdoorLoop | None = None
    trim_chillers: OptionalEquipment
    pumps: Equipment
    main: Pipe = Pipe()
    header: Pipe = Pipe()


class Air(Model):
    """The air of the hall and its own chilled water.

    `containment` walls the hot aisles in up to the ceiling, or leaves them open; `units` says what the fan walls are.
    A fan wall blows from its front and draws through the ceiling. A CRAH does too where the ceiling has returns, draws
    at its top where it has none, and blows down where the hall has a raised floor. `leakage` is air from the hot to the
    cold side, over what racks draw. With the area of the cracks in the panels of all hot aisles, `leakage_area`, the
    pressure in the field of the hall drives instead what goes through them, either way; the well-mixed aisle keeps to
    `leakage`. The units blow what racks and support draw, and `excess` more, as far as they can: what the racks do not
    take goes past them into the return.
    """

    supply_temperature: Annotated[float, operating("air.supply_temperature")]
    leakage: Annotated[float, Measure("1", least=0.0, below=1.0)] = 0.0
    leakage_area: Annotated[float, Measure("m2", above=0.0)] | None = None
    excess: Annotated[float, Measure("1", least=0.0, most=1.0)] = 0.0
    support_rise: Annotated[float, Measure("delta_degC", above=0.0)]
    failed_fans: Annotated[float, operating("air.failed_fans")] = 0.0
    dew_point: Annotated[float, operating("air.dew_point")] | None = None
    containment: Literal["hot", "none"] = "hot"
    units: Literal["fan_wall", "crah"] = "fan_wall"
    fan_walls: Standing
    chilled_water_temperature: Annotated[float, Measure("K", least=273.15, most=333.15)]
    chillers: Equipment


class Device(Model):
    """A transformer, UPS or panel, the run of conductor from what feeds it, and where it stands in the hall.

    `breaker` heads its branch, a breaker or a relay, in the place of the one its product has.
    """

    name: Name
    product: Name
    feed: Name
    conductor: Name | None = None
    length: Length | None = None
    breaker: Name | None = None
    voltage: Annotated[float, Measure("V", above=0.0)] | None = None
    origin: Plane | None = None
    """Lower left corner on the floor of the unit's hall; it counts where the product says how large it is."""


class Wiring(Model):
    """How the devices of a part of the one-line run.

    `ambient` is the air around its conductors; without it each has that of its own rating. A UPS in `eco` mode lets
    the utility through; with `module_shedding` it keeps on only as many modules as lose least.
    """

    ambient: Annotated[float, Measure("K", least=233.15, most=353.15)] | None = None
    ups_mode: Literal["double-conversion", "eco"] = "double-conversion"
    module_shedding: bool = False


class PowerChain(Wiring):
    """The one-line of a unit, and who gets the power when a shared limit binds."""

    redundancy: Literal["N", "N+1", "2N", "3N/2", "4N3R"]
    voltage: Annotated[float, Measure("V", above=0.0)]
    policy: Literal["max-throughput", "proportional", "equal", "priority", "none"]
    security: Literal["none", "n-1"] = "none"
    devices: Annotated[tuple[Device, ...], Field(min_length=1)]


class Unit(Model):
    """One scalable unit: a hall, its rows, and the plant and power chain that carry them.

    A unit of air-cooled racks has no loop; one that the site's shared plant serves needs no plant of its own.
    """

    hall: Hall
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]
    loop: Loop | None = None
    plant: Plant | None = None
    air: Air
    power: PowerChain


class Shared(Wiring):
    """What the blocks of a site have in common: electrical devices, and a plant in the place of their own."""

    voltage: Annotated[float, Measure("V", above=0.0)]
    devices: tuple[Device, ...] = ()
    plant: Plant | None = None


class Head(Model):
    """What a site has once."""

    name: Name
    description: str = ""
    assumptions: tuple[str, ...] = ()
    site: Site
    workload: Workload
    economics: Economics
    availability: Availability = Availability()
    utility: Utility
    standby: Generators | None = None
    shared: Shared | None = None


class Entry(Model):
    """One line of `blocks`: a unit of its own or another layout's, so many times, so far apart.

    `replace` names devices of the unit that are not built, each with the shared device that feeds in its place.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
    use: str | None = None
    repeat: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    pitch: tuple[Coordinate, Coordinate, Coordinate] | None = None
    origin: tuple[Coordinate, Coordinate, Coordinate] = (0.0, 0.0, 0.0)
    replace: dict[Name, Name] = {}
    unit: Any = None


class Placement(Model):
    """A copy of a unit: what its names begin with, where its hall lies [m], and what shared devices replace."""

    prefix: str
    offset: tuple[float, float, float]
    replace: dict[str, str] = {}

    def device(self, name: str) -> str:
        """Full name of the device that the unit calls so.

        >>> placed = Placement(prefix="SU1.", offset=(0, 0, 0), replace={"ups.A": "ups.P1A"})
        >>> placed.device("rpp.A1"), placed.device("ups.A"), placed.device("utility")
        ('SU1.rpp.A1', 'ups.P1A', 'utility')
        """
        return name if name == UTILITY else self.replace.get(name, f"{self.prefix}{name}")


class Block(Model):
    """A unit and the places where it stands; its names are without the prefix."""

    template: Unit
    placements: tuple[Placement, ...]


class Layout(Head):
    """A whole layout. A file that describes one unit has one block with one placement and no prefix."""

    blocks: tuple[Block, ...]

    def stored(self) -> str:
        """The layout as JSON in SI, from which `restored` makes an equal one."""
        return self.model_dump_json()

    @classmethod
    def restored(cls, text: str) -> Layout:
        """The layout of `stored`; raises ValueError when it is not of this form."""
        return cls.model_validate_json(text, context=STORED)

    @property
    def racks(self) -> int:
        """Number of racks in all blocks."""
        return sum(
            len(block.placements) * sum(row.count for row in block.template.rows) for block in self.blocks
        )


HEAD_KEYS = tuple(Head.model_fields)
UNIT_KEYS = tuple(Unit.model_fields)
