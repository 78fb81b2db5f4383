"""The facility in time: events, and what coolant, chips, batteries and racks make of them.

The same functions of the plant as in the steady solve are stepped with what stores heat or momentum between them: the
plug flow of the technology lines, the coolant in the racks, the mass of the cold plates, facility water and hall air,
the run-down and run-up of pumps and fans, the stroke of the rack valves, the batteries. A simulation at rest stays
where the solve has put it.

Not in it: the inertia and pressure waves of the liquid, the allocation of power anew (the caps stay those of the solve,
chips throttle by themselves), and what a leak does to the pressure of its loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from electrical import converter
from thermal import air, line, rejection, transport
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import demand
from twin.equilibrium import equilibrium
from twin.event import Event
from twin.facility import BINDINGS, COOLING_KINDS, DEVICE_KINDS, Facility
from twin.operation import Operation, resolve
from twin.plant.chip import gpu_resistance, leaking, plate_flow
from twin.plant.cooling import whip_loss
from twin.plant.hall import hall
from twin.plant.limit import air_limit
from twin.plant.loop import Flow, Return, by_block, flow, of_fluid, over
from twin.plant.power import batteries, feed_power
from twin.plant.supply import Supply, supplied
from twin.plant.water import circulation, coolers, exchange, outdoors

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

PLATE_CAPACITY = 460.0
"""Heat capacity of a GPU's plate, lid and the coolant in it: 0.55 kg of copper and 60 mL [J/K]; assumed."""
TRIP = 8.0
"""Kelvin above the case limit at which a rack is switched off: the step from slowdown to shutdown of an H100's own
readings is 6 to 8 K; assumed for the others."""
RUN_DOWN = {"cdu": 2.0, "pump": 4.0, "fan_wall": 5.0, "dry_cooler": 5.0, "trim_chiller": 2.0, "chiller": 2.0}
"""Time in which a machine without power loses half of its speed [s]; assumed."""
STALL = 0.1
"""Speed below which a machine that runs down stands, and its check valve is shut; assumed."""
RUN_UP = {
    "cdu": 10.0,
    "pump": 15.0,
    "fan_wall": 20.0,
    "dry_cooler": 20.0,
    "trim_chiller": 90.0,
    "chiller": 90.0,
}
"""Time from rest to full speed, or to the full duty of a chiller [s]; assumed."""
RESTART = {
    "cdu": 0.0,
    "pump": 5.0,
    "fan_wall": 0.0,
    "dry_cooler": 10.0,
    "trim_chiller": 60.0,
    "chiller": 60.0,
}
"""Wait of the staged restart after power is back [s]; chillers have to equalise first; assumed."""
STROKE = 60.0
"""Time of a rack valve from shut to its flow at TDP [s]; assumed."""
RESIDENCE = 60.0
"""Facility water in the pipes over what the pumps move at their rating [s]: a hundred metres at 1.5 m/s; assumed."""
HALL_MASS = 2.0
"""Heat capacity of a hall's air, racks' surfaces and walls that follow it over that of the air alone; assumed."""


@dataclass(frozen=True)
class _Moving:
    """What is stored, (scenario, ...)."""

    supply_line: line.Line
    return_line: line.Line
    inlet: Array
    """(scenario, block) coolant at the racks [K]."""
    rack: Array
    """(scenario, rack) enthalpy of the coolant in each rack [J/kg]."""
    case: Array
    facility: Array
    """(scenario, plant) facility water to the CDUs [K]."""
    chilled: Array
    """(scenario, block) chilled water to the fan walls [K]."""
    front: Array
    """(scenario, block) air at the rack fronts [K]."""
    valve: Array
    """(scenario, rack) heat for which the valve stands [W]."""
    speed: Array
    """(scenario, device) of cooling devices over full."""
    waiting: Array
    """(scenario, device) time since the device has power again [s]."""
    battery: Array
    """(scenario, device) energy left in the UPS [J], NaN for other devices and those without a figure."""
    tripped: npt.NDArray[np.bool_]


def simulate(
    facility: Facility,
    operation: Operation | None = None,
    events: Sequence[Event] = (),
    until: float = 120.0,
    step: float = 0.5,
) -> xr.Dataset:
    """The facility from its settled state through some events.

    operation : the scenarios it starts from. until : end [s]. step : [s], 0.05 to 5. What comes back has the axis
    `time` and, per rack, the seconds to throttle and to trip (NaN where it does neither), its lowest flow, highest case
    temperature and the tokens it lost. A scenario that does not settle at the start has NaN throughout. ValueError
    for a step or an end out of range.

    >>> import twin
    >>> from twin.event import events
    >>> pod = twin.load()
    >>> run = simulate(pod, None, events(pod, ["loss_of_facility_water at=5s"]), until=60.0, step=1.0)
    >>> bool(run.supply_temperature[0, -1, 0] > run.supply_temperature[0, 0, 0])
    True
    """
    if not 0.05 <= step <= 5.0:
        raise ValueError(f"step is {step:g} s, must be 0.05 to 5 s")
    if not step <= until <= 86400.0:
        raise ValueError(f"until is {until:g} s, must be one step to a day")
    resolved = resolve(operation, facility.operation, facility.devices.name, facility.elements)
    count = max(len(getattr(resolved, item.name)) for item in fields(resolved))
    resolved = replace(resolved, dry_bulb=np.broadcast_to(resolved.dry_bulb, (count,)))
    settled = equilibrium(facility, resolved)
    plant = _Plant.of(facility, resolved, events, settled)
    state = plant.start(settled)
    taken: list[dict[str, Array]] = []
    times = np.arange(round(until / step) + 1) * step
    for time in times.tolist():
        state, seen = plant.stepped(state, time, step)
        taken.append(seen)
    return _labelled(facility, times, taken, settled, plant)


@dataclass(frozen=True)
class _Plant:
    """What does not move."""

    facility: Facility
    islanded: Facility
    """The same with the outputs of its UPS as sources."""
    operation: Operation
    events: Sequence[Event]
    law: Law
    cap: Array
    """(scenario, rack) power of the solve, which its caps allow [W]."""
    most: Array
    """(scenario, rack) the same, or the operator's cap for a rack at its demand, which moves with its temperature."""
    solved: npt.NDArray[np.bool_]
    line_mass: Array
    """(scenario, block) coolant in the supply line, and in the return line [kg]."""
    rack_mass: Array
    full: Array
    """(device,) energy of charged batteries [J], NaN where there is none or no product tells it."""

    @classmethod
    def of(
        cls, facility: Facility, operation: Operation, events: Sequence[Event], settled: Mapping[str, Any]
    ) -> _Plant:
        chain, cooling, racks = facility.chain, facility.cooling, facility.racks
        cut = chain.parent.copy()
        stored = facility.devices.kind[chain.converter_device] == DEVICE_KINDS.index("ups")
        cut[chain.converter_output[stored]] = -1
        # A UPS in eco mode becomes a source too once the utility is away.
        cut[chain.bypass_output] = -1
        islanded = replace(facility, chain=replace(chain, parent=cut))
        supply = supplied(facility, operation)
        law, _ = demand(facility, operation, supply)
        cap = np.nan_to_num(settled["power"])
        density = of_fluid(
            facility, "density", np.broadcast_to(operation.supply_temperature, (1, len(facility.blocks)))
        )
        rows = np.bincount(facility.row_block, cooling.row_pipe["volume"], minlength=len(facility.blocks))
        branches = cooling.pipe["branch_volume"] * np.bincount(racks.block, minlength=len(facility.blocks))
        units = np.bincount(
            facility.devices.block[facility.devices.kind == DEVICE_KINDS.index("cdu")],
            minlength=len(facility.blocks),
        )
        pipes = cooling.pipe["main_volume"] + rows + branches + units * cooling.cdu_volume * cooling.loop
        return cls(
            facility, islanded, operation, events, law, cap,
            np.where(settled["binding"] == BINDINGS.index("demand"), operation.power_cap, cap), settled["converged"],
            density * pipes / 2.0, np.where(racks.liquid, density[:, racks.block] * racks.coolant_volume, 1.0),
            batteries(facility, np.zeros(len(facility.devices.name)))[0],
        )  # fmt: skip

    def start(self, settled: Mapping[str, Any]) -> _Moving:
        """The stores of the settled state; where it is none they stand at the set-points."""
        facility, racks = self.facility, self.facility.racks
        count = len(settled["converged"])
        devices, blocks = facility.devices, len(facility.blocks)
        setpoint = np.broadcast_to(self.operation.supply_temperature, (count, blocks))

        def known(values: Array, otherwise: Array | float) -> Array:
            return np.where(np.isfinite(values), values, otherwise)

        inlet = known(settled["supply_temperature"], setpoint)
        power = self.cap
        entering = of_fluid(facility, "enthalpy", inlet)
        back = known(settled["return_temperature"], inlet[:, racks.block])
        rack = np.empty_like(back)
        for index, fluid in enumerate(facility.cooling.fluid):
            mine = racks.block == index
            rack[:, mine] = fluid.enthalpy(back[:, mine])
        mass = known(settled["coolant_flow"], 0.0)
        total = by_block(facility, mass)
        mixed = np.where(
            total > 0, by_block(facility, mass * rack) / np.where(total > 0, total, 1.0), entering
        )
        masses = np.broadcast_to(self.line_mass, (count, blocks))
        fronts = np.array([racks.block.tolist().index(index) for index in range(blocks)])
        direct = converter.output_power(power, self.law.rating, self.law.coefficients)
        return _Moving(
            supply_line=line.filled(masses, entering),
            return_line=line.filled(masses, mixed),
            inlet=inlet,
            rack=rack,
            case=known(settled["case_temperature"], inlet[:, racks.block]),
            facility=known(settled["facility_supply_temperature"], 293.15),
            chilled=np.broadcast_to(facility.cooling.chilled_water, (count, blocks)),
            front=settled["air_inlet_temperature"][:, fronts],
            valve=racks.heat_capture * direct,
            speed=np.where(settled["device_alive"], 1.0, 0.0),
            waiting=np.full((count, len(devices.name)), np.inf),
            battery=np.broadcast_to(self.full, (count, len(devices.name))).copy(),
            tripped=np.zeros(power.shape, dtype=bool),
        )

    def stepped(self, state: _Moving, time: float, step: float) -> tuple[_Moving, dict[str, Array]]:
        """The stores a step later, and what was seen at the time."""
        facility, racks, cooling = self.facility, self.facility.racks, self.facility.cooling
        block = racks.block
        dark = self._dark(time)
        site = self.islanded if dark else facility
        supply = self._fed(supplied(site, self._out(state, dark)))
        speed, waiting = self._speed(state, supply, time, step)
        compressors = self._units(speed)
        # The pumps of the chilled water turn as soon as they have power, compressors and their free cooling do not.
        supply = replace(supply, units=compressors | {"chiller": supply.units["chiller"]})
        live = supply.powered[:, : len(racks.name)] & ~state.tripped

        # What enters the racks leaves the supply line now; what the CDUs make of it goes in at its other end below.
        moving = self._isolated(flow(facility, self.operation, supply, state.valve, state.inlet), time)
        circulated = by_block(facility, moving.mass)
        last = state.supply_line.enthalpy[0]
        supply_line, entering = line.pushed(state.supply_line, circulated * step, last)
        inlet = np.where(circulated > 0, self._temperature(entering), state.inlet)
        # Chips: demand within the caps of the solve, and no more than takes their case to its limit within the step.
        law = leaking(facility, self.operation, self.law, state.case)
        allowed = np.minimum(law.demand, self.most)
        film = self._film(inlet, moving, step)
        held = self._held(state.case, inlet, film)
        floor = laws.floor(law)
        power = np.minimum(
            allowed, np.maximum(np.minimum(held, air_limit(facility, law, state.front)), floor)
        )
        power = np.where(live & (allowed > 0.0), power, 0.0)
        tokens = np.where(live, laws.throughput(law, power), 0.0)
        case, liquid, warm = self._plates(law, state.case, inlet, power, film, step)
        enthalpy = np.where(circulated > 0, entering, self._enthalpy(state.inlet))
        # The coolant in a rack is stirred; enthalpy and mass stand for temperature and heat capacity.
        rack, leaving = transport.tank(
            state.rack, self.rack_mass, moving.mass, enthalpy[:, block], liquid, step
        )
        mixed = np.where(
            circulated > 0,
            by_block(facility, moving.mass * leaving) / np.where(circulated > 0, circulated, 1.0),
            0.0,
        )
        mixed = np.where(circulated > 0, mixed, enthalpy)
        return_line, arriving = line.pushed(state.return_line, circulated * step, mixed)
        supplied_, water, duty, aux = self._cdu(state, supply, moving, inlet, circulated, arriving, step)
        supply_line = supply_line._replace(
            enthalpy=np.concatenate([supplied_[None], supply_line.enthalpy[1:]])
        )

        wires = whip_loss(facility, supply, power)
        site = replace(facility, cooling=replace(cooling, chilled_water=state.chilled))
        aisle = hall(site, self.operation, supply, warm, wires, state.front)
        front = self._fronts(state.front, aisle, step)
        chilled = self._chilled(state.chilled, supply, compressors["chiller"], aisle, step)
        battery = self._batteries(
            state.battery, supply, power, aux | {"fan_wall": aisle.fan_power}, dark, step
        )
        target = racks.heat_capture * converter.output_power(power, self.law.rating, self.law.coefficients)
        full = racks.liquid_heat
        valve = full * transport.stroked(state.valve / full, target / full, STROKE, step)
        # Shelves hold some tens of milliseconds, less than a step: a rack that loses its feeds is off and stays so.
        unfed = ~supply.powered[:, : len(racks.name)] & (self.cap > 0.0)
        tripped = state.tripped | unfed | (case > racks.case_limit + TRIP)
        seen = {
            "power": power, "tokens": tokens, "case_temperature": np.where(racks.liquid, state.case, np.nan),
            "coolant_flow": np.where(racks.liquid, moving.rack, np.nan), "chilled_temperature": state.chilled,
            "inlet_temperature": inlet[:, block], "return_temperature": self._of_racks(state.rack),
            "supply_temperature": inlet, "cdu_duty": duty, "facility_supply_temperature": state.facility,
            "air_inlet_temperature": state.front, "battery": state.battery / np.maximum(self.full, 1.0),
            "device_speed": speed, "throttled": (power < allowed * (1.0 - 1e-9)) & live,
            "off": ~live & (self.cap > 0.0),
            "stored": self._stored(state), "liquid": liquid, "pumped": moving.pump_power,
        }  # fmt: skip
        after = _Moving(
            supply_line,
            return_line,
            inlet,
            rack,
            case,
            water,
            chilled,
            front,
            valve,
            speed,
            waiting,
            battery,
            tripped,
        )
        return after, seen

    def _dark(self, time: float) -> bool:
        """Whether the site has neither utility nor generators."""
        for event in self.events:
            if event.kind not in ("power_blip", "utility_loss"):
                continue
            end = event.start + event.duration
            if event.kind == "utility_loss" and self.facility.standby is not None:
                end = min(end, event.start + self.facility.standby.start_time)
            if event.start <= time < end:
                return True
        return False

    def _out(self, state: _Moving, dark: bool) -> Operation:
        """The operation with what events and empty batteries take out: without any source, the UPS without energy."""
        if not dark:
            return self.operation
        names = self.facility.devices
        empty = (names.kind == DEVICE_KINDS.index("ups")) & ~(state.battery > 0.0)
        most = int(empty.sum(axis=-1).max(initial=0))
        gone = np.full((len(empty), most + 1), -1)
        for row, dead in enumerate(empty):
            gone[row, : dead.sum()] = np.flatnonzero(dead)
        gone[:, -1] = 0  # the utility itself
        out = np.broadcast_to(self.operation.out, (len(empty), self.operation.out.shape[1]))
        return replace(self.operation, out=np.hstack([out, gone]))

    def _fed(self, supply: Supply) -> Supply:
        """Loads run as long as they are fed: a hall that is not cooled gets warm before it goes dark."""
        chain = self.facility.chain
        fed = np.zeros((len(supply.share), len(chain.load_name)))
        np.add.at(fed, (slice(None), chain.feed_load), supply.share)
        return replace(supply, powered=fed > 0.0)

    def _speed(self, state: _Moving, supply: Supply, time: float, step: float) -> tuple[Array, Array]:
        """Speeds a step later, and how long each device has had power."""
        devices = self.facility.devices
        runs = supply.device.copy()
        for event in self.events:
            on = event.start <= time < event.start + event.duration
            if on and event.kind in (
                "pump_trip",
                "cdu_loss",
                "loss_of_facility_water",
                "chiller_restart",
                "fan_wall_loss",
            ):
                runs[:, [devices.name.index(name) for name in event.targets]] = False
        waiting = np.where(runs, state.waiting + step, 0.0)
        speed = state.speed.copy()
        for kind in COOLING_KINDS:
            mine = devices.kind == DEVICE_KINDS.index(kind)
            now, ready = speed[:, mine], runs[:, mine] & (waiting[:, mine] > RESTART[kind])
            up, down = (
                transport.stroked(now, 1.0, RUN_UP[kind], step),
                transport.coasted(now, RUN_DOWN[kind], step),
            )
            speed[:, mine] = np.where(ready, up, down)
        # What is isolated carries nothing from the first moment.
        for event in self.events:
            if event.kind == "cdu_loss" and event.start <= time < event.start + event.duration:
                speed[:, [devices.name.index(name) for name in event.targets]] = 0.0
        speed[(speed < STALL) & (speed < state.speed)] = 0.0
        return speed, waiting

    def _units(self, speed: Array) -> dict[str, Array]:
        """Live units of each kind of cooling equipment, each counting by its speed."""
        devices, found = self.facility.devices, {}
        for kind in COOLING_KINDS:
            mine = np.flatnonzero(devices.kind == DEVICE_KINDS.index(kind))
            total = np.zeros((len(speed), len(self.facility.groups(kind))))
            np.add.at(total, (slice(None), devices.block[mine]), speed[:, mine])
            found[kind] = total
        return found

    def _isolated(self, moving: Flow, time: float) -> Flow:
        """No flow through the branch of a rack whose leak has been isolated."""
        names = self.facility.racks.name
        shut = [
            names.index(name)
            for event in self.events
            if event.kind == "leak" and time >= event.start + event.duration
            for name in event.targets
        ]
        if not shut:
            return moving
        open_ = np.ones(len(names))
        open_[shut] = 0.0
        return replace(moving, rack=moving.rack * open_, mass=moving.mass * open_)

    def _film(self, inlet: Array, moving: Flow, step: float) -> tuple[Array, Array]:
        """Conductance from case to coolant of each plate [W/K], and kelvins that a watt more adds within the step."""
        facility, racks = self.facility, self.facility.racks
        plates = plate_flow(facility, moving.rack)
        resistance = gpu_resistance(facility, self.operation, inlet, moving.rack)
        # A plate hardly fed is limited by what its coolant carries.
        density = of_fluid(facility, "density", inlet)[:, racks.block]
        specific = of_fluid(facility, "heat_capacity", inlet)[:, racks.block]
        conductance = np.minimum(1.0 / resistance, plates * density * specific)
        gain, _ = transport.node(0.0, PLATE_CAPACITY, conductance, 0.0, 1.0, step)
        return conductance, gain

    def _held(self, case: Array, inlet: Array, film: tuple[Array, Array]) -> Array:
        """AC power that takes the cases just to their limit within the step [W]; infinite for air-cooled racks."""
        racks = self.facility.racks
        conductance, gain = film
        room = np.where(racks.liquid, racks.case_limit - case, 0.0)
        chips = np.maximum(conductance * (case - inlet[:, racks.block]) + room / gain, 0.0)
        most = np.minimum(self.law.fixed + racks.gpus * chips, self.law.rating)
        return np.where(racks.liquid & (racks.gpus > 0), laws.ac_power(most, self.law), np.inf)

    def _plates(
        self, law: Law, case: Array, supplied_: Array, power: Array, film: tuple[Array, Array], step: float
    ) -> tuple[Array, Array, Array]:
        """Cases a step later [K], heat to the coolant and to the air [W]: what the plates store is not given off."""
        racks, (conductance, gain) = self.facility.racks, film
        direct = converter.output_power(power, self.law.rating, self.law.coefficients)
        gpus = np.maximum(racks.gpus, 1.0)
        chips = np.where(racks.gpus > 0, laws.gpu_power(law, power) / gpus, 0.0)
        rise = (chips - conductance * (case - supplied_[:, racks.block])) * gain
        rise = np.where(racks.liquid, rise, 0.0)
        liquid = racks.heat_capture * direct - racks.gpus * PLATE_CAPACITY * rise / step
        return case + rise, liquid, power - racks.heat_capture * direct

    def _cdu(
        self,
        state: _Moving,
        supply: Supply,
        moving: Flow,
        inlet: Array,
        circulated: Array,
        arriving: Array,
        step: float,
    ) -> tuple[Array, Array, Array, dict[str, Array]]:
        """Coolant that leaves the CDUs [J/kg], facility water a step later [K], duty [W], power of the plant [W]."""
        facility, cooling = self.facility, self.facility.cooling
        running = circulated > 0
        mass = np.where(running, circulated, 1.0)
        hot = arriving + np.where(running, moving.pump_power / mass, 0.0)
        mixed = self._temperature(hot)
        setpoint = np.broadcast_to(self.operation.supply_temperature, mixed.shape)
        wanted = np.where(running, np.maximum(mass * (hot - self._enthalpy(setpoint)), 0.0), 0.0)
        # The rate is that between what comes and what leaves: the set-point, or the coolant as it is above it.
        cold = np.maximum(setpoint, inlet)
        rise = mixed - cold
        specific = of_fluid(facility, "heat_capacity", mixed)
        given = mass * (hot - self._enthalpy(cold))
        rate = np.where(rise > 1e-6, given / np.where(rise > 1e-6, rise, 1.0), circulated * specific)
        back = Return(np.zeros(0), mixed, wanted, np.where(running, rate, 0.0), np.zeros(0))
        moved = circulation(facility, supply, back)
        carried = exchange(facility, self.operation, supply, moving, back, moved.rate)
        alive = (supply.units["cdu"] > 0) & (moved.rate > 0)
        water = state.facility[:, cooling.plant]
        possible = np.where(alive, np.maximum(carried * (mixed - water), 0.0), 0.0)
        duty = np.minimum(wanted, possible)
        leaving = hot - np.where(running, duty / mass, 0.0)

        # Facility water: back through the coolers, as cold as the loop that needs it coldest asks for.
        total = np.zeros((len(duty), len(facility.plants)))
        np.add.at(total, (slice(None), cooling.plant), duty)
        pumped = moved.pumped
        returned = state.facility + over(total + moved.shaft, pumped)
        asked = np.where(running & (wanted > 0), mixed - over(wanted, carried), np.inf)
        needed = np.full(total.shape, np.inf)
        np.minimum.at(needed, (slice(None), cooling.plant), asked)
        outdoor, _ = outdoors(facility, self.operation)
        full = rejection.dry_cooler_duty(pumped, np.ceil(supply.units["dry_cooler"]), 1.0, *coolers(facility))
        share = np.where(
            supply.units["dry_cooler"] > 0,
            supply.units["dry_cooler"] / np.maximum(np.ceil(supply.units["dry_cooler"]), 1.0),
            0.0,
        )
        needed = np.where(np.isfinite(needed), needed, returned)
        removed = np.maximum(pumped * (returned - needed), 0.0)
        by_air = np.minimum(removed, np.maximum(share * full * (returned - outdoor), 0.0))
        trim = np.minimum(removed - by_air, supply.units["trim_chiller"] * cooling.trim_capacity)
        leaves = returned - over(by_air + trim, pumped)
        store = RESIDENCE * cooling.pump_design_flow * cooling.plant_density * cooling.plant_heat_capacity
        mixing = -np.expm1(-pumped * step / store)
        after = state.facility + (leaves - state.facility) * mixing
        aux = {"cdu": moving.pump_power, "pump": moved.power}
        return leaving, after, duty, aux

    def _chilled(self, chilled: Array, supply: Supply, compressors: Array, aisle: Any, step: float) -> Array:
        """Chilled water a step later: what the compressors do not take of the fan walls' heat warms it."""
        facility, cooling = self.facility, self.facility.cooling
        devices = facility.devices
        mine = devices.kind == DEVICE_KINDS.index("chiller")
        rating = np.zeros(len(facility.blocks))
        np.maximum.at(rating, devices.block[mine], devices.rating[mine])
        store = (
            RESIDENCE
            * np.bincount(
                devices.block[devices.kind == DEVICE_KINDS.index("fan_wall")], minlength=len(facility.blocks)
            )
            * cooling.coil_water
        )
        taken = np.where((supply.units["fan_wall"] > 0) & (supply.units["chiller"] > 0), aisle.duty, 0.0)
        # At full speed they hold what they held in the solve, which knows no capacity but in its limits.
        full = compressors >= supply.units["chiller"]
        most = np.maximum(compressors * rating, np.where(full, taken, 0.0))
        wanted = taken + (chilled - cooling.chilled_water) * store / step
        removed = np.minimum(wanted, most)
        return np.asarray(chilled + (taken - removed) * step / np.maximum(store, 1.0))

    def _fronts(self, front: Array, aisle: Any, step: float) -> Array:
        """Air at the rack fronts a step later: the hall's air follows what walls and racks make of it."""
        facility = self.facility
        volume = np.prod(facility.hall[:, 1] - facility.hall[:, 0], axis=-1)
        density = air.density(front, facility.pressure)
        store = HALL_MASS * volume * density * air.HEAT_CAPACITY
        rate = aisle.flow * density * air.HEAT_CAPACITY
        moved = (aisle.inlet_next - front) * -np.expm1(-np.maximum(rate, 0.0) * step / store)
        # Without a sink the heat itself sets the pace.
        most = aisle.duty * step / store
        free = np.where(rate > 0.0, moved, np.where(aisle.inlet_next > front, most, 0.0))
        return np.asarray(front + np.minimum(free, np.maximum(most, 0.0)))

    def _batteries(
        self,
        battery: Array,
        supply: Supply,
        power: Array,
        aux: Mapping[str, Array],
        dark: bool,
        step: float,
    ) -> Array:
        """Energy left in the UPS; it is drawn while there is no source, and not charged again.

        Without the losses between UPS and loads, some half a percent, and without dry coolers and chillers.
        """
        if not dark:
            return battery
        facility, chain = self.facility, self.facility.chain
        loads = {kind: np.zeros((1, len(facility.groups(kind)))) for kind in COOLING_KINDS} | aux
        carried = feed_power(facility, self.operation, supply, power, loads)
        below = np.zeros((len(power), len(chain.parent)))
        np.add.at(below, (slice(None), chain.feed_node), carried)
        for node in range(len(chain.parent) - 1, 0, -1):
            if chain.parent[node] >= 0:
                below[:, chain.parent[node]] += below[:, node]
        drawn = np.zeros(battery.shape)
        outputs = np.concatenate([chain.converter_output, chain.bypass_output])
        drawn[:, np.concatenate([chain.converter_device, chain.bypass_device])] = below[:, outputs]
        _, taken = batteries(facility, drawn)
        return np.maximum(battery - taken * step, 0.0)

    def _enthalpy(self, temperature: Array) -> Array:
        return of_fluid(self.facility, "enthalpy", temperature)

    def _temperature(self, enthalpy: Array) -> Array:
        return of_fluid(self.facility, "temperature", enthalpy)

    def _of_racks(self, enthalpy: Array) -> Array:
        """Temperature of the coolant in each rack [K]."""
        found = np.empty_like(enthalpy)
        for index, fluid in enumerate(self.facility.cooling.fluid):
            mine = self.facility.racks.block == index
            found[:, mine] = fluid.temperature(enthalpy[:, mine])
        return found

    def _stored(self, state: _Moving) -> Array:
        """Enthalpy of the coolant in lines and racks, (scenario, block) [J]."""
        lines = sum(
            np.cumsum(one.mass * one.enthalpy, axis=0)[-1] for one in (state.supply_line, state.return_line)
        )
        return np.asarray(lines + by_block(self.facility, self.rack_mass * state.rack))


R, B, P, D = "rack", "block", "plant", "device"
SERIES: dict[str, tuple[str, str, str]] = {
    "power": (R, "W", "AC input of the rack"),
    "tokens": (R, "1/s", "output tokens per second"),
    "case_temperature": (R, "K", "GPU case, mean plate of the rack"),
    "coolant_flow": (R, "m3/s", "coolant through the rack"),
    "inlet_temperature": (R, "K", "coolant at the rack's inlet"),
    "return_temperature": (R, "K", "coolant in the rack, as it leaves"),
    "supply_temperature": (B, "K", "technology coolant at the racks"),
    "cdu_duty": (B, "W", "heat through the CDUs"),
    "facility_supply_temperature": (P, "K", "facility water to the CDUs"),
    "chilled_temperature": (B, "K", "chilled water to the fan walls"),
    "air_inlet_temperature": (B, "K", "air at the rack fronts"),
    "battery": (D, "1", "energy left in the battery over its whole"),
    "device_speed": (D, "1", "speed of cooling equipment over full"),
}
"""Variables along time: element axis, unit, meaning."""


def _labelled(
    facility: Facility,
    times: Array,
    taken: Sequence[Mapping[str, Array]],
    settled: Mapping[str, Any],
    plant: _Plant,
) -> xr.Dataset:
    """The series with their names and units, and what each rack comes to."""
    count, solved = len(plant.solved), plant.solved[:, None, None]

    def series(name: str) -> Array:
        return np.stack(np.broadcast_arrays(*(seen[name] for seen in taken)), axis=1)

    found: dict[str, Any] = {}
    for name, (axis, unit, meaning) in SERIES.items():
        values = np.where(solved, series(name), np.nan)
        found[name] = (("scenario", "time", axis), values, {"units": unit, "long_name": meaning})
    step = times[1] - times[0]
    throttled, off = series("throttled"), series("off")
    lost = (settled["tokens"][:, None] - series("tokens")).clip(0.0).sum(axis=1) * step

    begun = min((event.start for event in plant.events), default=0.0)

    def first(flags: Array) -> Array:
        flags = flags & (times >= begun)[:, None]
        return np.where(flags.any(axis=1), times[flags.argmax(axis=1)] - begun, np.nan)

    for name, value, unit, meaning in (
        (
            "seconds_to_throttle",
            first(throttled),
            "s",
            "from the first event until the rack gives less; NaN: never",
        ),
        ("seconds_to_trip", first(off), "s", "from the first event until the rack is off; NaN: never"),
        ("lowest_flow", series("coolant_flow").min(axis=1), "m3/s", "least coolant through the rack"),
        ("peak_temperature", series("case_temperature").max(axis=1), "K", "highest GPU case, mean plate"),
        ("tokens_lost", lost, "1", "output tokens less than without the events"),
    ):
        found[name] = (
            ("scenario", R),
            np.where(plant.solved[:, None], value, np.nan),
            {"units": unit, "long_name": meaning},
        )
    # Between the first and the last moment: what went in and out, and what is stored more.
    gained = (by_block(facility, series("liquid")) + series("pumped") - series("cdu_duty"))[:, :-1].sum(
        axis=1
    ) * step
    stored = series("stored")
    through = np.maximum(by_block(facility, series("liquid"))[:, :-1].sum(axis=1) * step, 1.0)
    found["ledger_coolant"] = (
        ("scenario", B), (gained - (stored[:, -1] - stored[:, 0])) / through,
        {"units": "1", "long_name": "(heat in - heat out - heat stored) of the coolant over heat in"},
    )  # fmt: skip
    leaked = np.zeros(len(facility.blocks))
    for event in plant.events:
        if event.kind == "leak":
            open_for = min(event.duration, max(times[-1] - event.start, 0.0))
            for name in event.targets:
                leaked[facility.racks.block[facility.racks.name.index(name)]] += event.rate * open_for
    found["leaked_volume"] = (
        ("scenario", B), np.where(plant.solved[:, None], leaked, np.nan),
        {"units": "m3", "long_name": "coolant lost by leaks until they are isolated"},
    )  # fmt: skip
    labels = {
        "scenario": np.arange(count), "time": ("time", times, {"units": "s"}), R: list(facility.racks.name),
        B: list(facility.blocks), P: list(facility.plants), D: list(facility.devices.name),
    }  # fmt: skip
    attrs = {
        "Conventions": "CF-1.11",
        "title": facility.name,
        "source": "ai-factory-twin",
        "fingerprint": facility.fingerprint,
    }
    return xr.Dataset(found, labels, attrs)
