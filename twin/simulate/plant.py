"""The plant a step further: coolant, plates, facility water, chilled water, air and batteries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from electrical import converter
from thermal import air, line, rejection, transport
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import demand, together
from twin.event import Event
from twin.facility import BINDINGS, COOLER_KINDS, DEVICE_KINDS, Facility
from twin.operation import Operation
from twin.plant.chip import gpu_resistance, leaking, plate_flow
from twin.plant.cooling import whip_loss
from twin.plant.hall import Hall, hall
from twin.plant.limit import air_limit
from twin.plant.loop import Flow, Return, by_block, flow, of_fluid, over
from twin.plant.outdoor import outdoor, rejection_at, taken
from twin.plant.supply import Supply, supplied
from twin.plant.water import circulation, exchange
from twin.simulate import backup, machine
from twin.simulate.backup import Backup
from twin.simulate.moving import Moving

Array = npt.NDArray[np.float64]

PLATE_CAPACITY = 460.0
"""Heat capacity of a GPU's plate, lid and the coolant in it: 0.55 kg of copper and 60 mL [J/K]; assumed."""
TRIP = 8.0
"""Kelvin above the case limit at which a rack is switched off: the step from slowdown to shutdown of an H100's own
readings is 6 to 8 K; assumed for the others."""
STROKE = 60.0
"""Time of a rack valve from shut to its flow at TDP [s]; assumed."""
RESIDENCE = 60.0
"""Facility water in the pipes over what the pumps move at their rating [s]: a hundred metres at 1.5 m/s; assumed."""
HALL_MASS = 2.0
"""Heat capacity of a hall's air, racks' surfaces and walls that follow it over that of the air alone; assumed."""


@dataclass(frozen=True)
class Plant:
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
    reserve: Array
    """(block,) coolant that may leak before a loop loses its pressure [m3]."""
    backup: Backup

    @classmethod
    def of(
        cls, facility: Facility, operation: Operation, events: Sequence[Event], settled: Mapping[str, Any]
    ) -> Plant:
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
            machine.reserve(facility), Backup.of(facility),
        )  # fmt: skip

    def start(self, settled: Mapping[str, Any]) -> Moving:
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
        return Moving(
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
            battery=np.broadcast_to(self.backup.full, (count, len(devices.name))).copy(),
            walked=np.ones((count, len(devices.name))),
            tripped=np.zeros(power.shape, dtype=bool),
        )

    def stepped(self, state: Moving, time: float, step: float) -> tuple[Moving, dict[str, Array]]:
        """The stores a step later, and what was seen at the time."""
        facility, racks, cooling = self.facility, self.facility.racks, self.facility.cooling
        block = racks.block
        fed = backup.source(facility, self.events, time, step)
        dark = fed == "none"
        site = self.islanded if dark else facility
        operation = machine.without(facility, self.operation, state.battery, dark)
        supply = machine.fed(facility, supplied(site, operation))
        dry = machine.leaked(facility, self.events, time) > self.reserve
        speed, waiting = machine.speeds(facility, self.events, supply, state, dry, time, step)
        compressors = machine.units(facility, speed)
        # The pumps of the chilled water turn as soon as they have power, compressors and their free cooling do not.
        supply = replace(supply, units=compressors | {"chiller": supply.units["chiller"]})
        live = supply.powered[:, : len(racks.name)] & ~state.tripped

        # What enters the racks leaves the supply line now; what the CDUs make of it goes in at its other end below.
        moving = machine.isolated(
            facility, self.events, flow(facility, self.operation, supply, state.valve, state.inlet), time
        )
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
            allowed,
            np.maximum(np.minimum(held, air_limit(facility, law, state.front, state.front[:, block])), floor),
        )
        power = np.where(live & (allowed > 0.0), power, 0.0)
        tokens = together(facility, np.where(live, laws.throughput(law, power), 0.0))
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
        chilled, compressed = self._chilled(state.chilled, supply, compressors["chiller"], aisle, step)
        aux |= {"fan_wall": aisle.fan_power, "chiller": compressed}
        battery, walked, given = self.backup.carried(self.operation, supply, power, aux, state, fed, step)
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
            "air_inlet_temperature": state.front, "battery": state.battery / np.maximum(self.backup.full, 1.0),
            "device_speed": speed, "throttled": (power < allowed * (1.0 - 1e-9)) & live,
            "off": ~live & (self.cap > 0.0),
            "stored": self._stored(state), "liquid": liquid, "pumped": moving.pump_power,
            "utility_power": np.where(fed == "utility", given, 0.0), "without_pressure": dry[None],
            "generator_power": np.where(fed == "generators", given, 0.0),
        }  # fmt: skip
        after = Moving(
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
            walked,
            tripped,
        )
        return after, seen

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
        state: Moving,
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
        # Coolers that run up or down count by their speed: whole ones, and the share of them that turns.
        whole = {kind: np.ceil(supply.units[kind]) for kind in COOLER_KINDS}
        at = outdoor(facility, self.operation, replace(supply, units={**supply.units, **whole}), pumped)
        turning = sum(supply.units[kind] for kind in COOLER_KINDS)
        share = np.where(at.units > 0, turning / np.maximum(at.units, 1.0), 0.0)
        needed = np.where(np.isfinite(needed), np.maximum(needed, cooling.minimum_supply), returned)
        removed = np.maximum(pumped * (returned - needed), 0.0)
        by_air = np.minimum(removed, share * taken(facility, at, returned))
        trim = np.minimum(removed - by_air, supply.units["trim_chiller"] * cooling.trim_capacity)
        leaves = returned - over(by_air + trim, pumped)
        store = RESIDENCE * cooling.pump_design_flow * cooling.plant_density * cooling.plant_heat_capacity
        mixing = -np.expm1(-pumped * step / store)
        after = state.facility + (leaves - state.facility) * mixing
        # The fans of coolers that run up turn as if all of them were there.
        moves = total > 0
        fans = (
            share
            * rejection_at(
                facility, at, by_air / np.where(share > 0, share, 1.0), returned, ~moves, moves
            ).fan_power
        )
        warm = self.operation.dry_bulb[:, None] + self.operation.recirculation
        trimming = trim / rejection.chiller_cop(cooling.trim_leaving, warm, *cooling.trim_cop)
        wet = cooling.outdoor.tower
        aux = {
            "cdu": moving.pump_power, "pump": moved.power, "outdoor_pump": at.power, "trim_chiller": trimming,
            "dry_cooler": np.where(wet, 0.0, fans), "tower": np.where(wet, fans, 0.0),
        }  # fmt: skip
        return leaving, after, duty, aux

    def _chilled(
        self, chilled: Array, supply: Supply, compressors: Array, aisle: Hall, step: float
    ) -> tuple[Array, Array]:
        """Chilled water a step later [K]: what the compressors do not take of the fan walls' heat warms it; and the
        power of compressors and pumps [W], the compressors' following what they take."""
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
        most = np.maximum(compressors * rating * aisle.chiller_share, np.where(full, taken, 0.0))
        wanted = taken + (chilled - cooling.chilled_water) * store / step
        removed = np.minimum(wanted, most)
        pumping = np.where(
            supply.units["chiller"] > 0,
            aisle.duty / (cooling.chiller_rise * cooling.facility_heat_capacity) * cooling.chiller_pump,
            0.0,
        )
        each = (aisle.chiller_power - pumping) / np.where(aisle.duty > 0.0, aisle.duty, 1.0)
        return chilled + (taken - removed) * step / np.maximum(store, 1.0), pumping + each * removed

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

    def _stored(self, state: Moving) -> Array:
        """Enthalpy of the coolant in lines and racks, (scenario, block) [J]."""
        lines = sum(
            np.cumsum(one.mass * one.enthalpy, axis=0)[-1] for one in (state.supply_line, state.return_line)
        )
        return np.asarray(lines + by_block(self.facility, self.rack_mass * state.rack))
