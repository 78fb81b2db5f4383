"""The one-line of a layout: devices, buses and feeds, cut into islands at the converters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from electrical import conductor, converter, protection, transformer, tree
from twin.catalogue import Product, product
from twin.catalogue.kinds import SIDES
from twin.facility import DEVICE_KINDS, SHARED_KINDS, Chain, Devices, Protection, Racks, Shared, Stage
from twin.schema import Device, Placement, Whip, Wiring

Array = npt.NDArray[np.float64]

RESISTIVITY = 1.7241e-8 * (1.0 + 0.00393 * (75.0 - 20.0))
"""Of copper at 75 degC, to which the resistances of the catalogue belong [ohm m]; IEC 60028."""
AUXILIARY_POWER_FACTOR = 0.98
"""Of support racks and of drives with active front ends; assumed equal to the GB300 rack's."""
NOWHERE = np.full((2, 3), np.nan)
LIMIT_IN_FAULT = 423.15
"""Of thermoplastic insulation at the end of a fault [K]: 150 degC, ICEA P-32-382 (unverified); what bears more is on
the safe side of it."""
ECO = np.array([[0.25, 0.985], [0.5, 0.99], [0.75, 0.99], [1.0, 0.988]])
"""Efficiency of a UPS that lets the utility through, over its load, where its product tells none: makers name up to
99 % (unverified)."""


def _eco(made: Product) -> Array:
    return np.asarray(made.get("ecoEfficiency", ECO))


@dataclass(frozen=True)
class _Run:
    """The conductor that feeds a device: the node at its end, what it carries for good where it lies [A], the air
    around it and its own limit [K], NaN where its product tells none."""

    node: int
    ampacity: float
    ambient: float
    limit: float

    @classmethod
    def of(cls, made: Product, node: int, ampacity: float, ambient: float | None) -> _Run:
        """The run of a conductor or whip product in air of some temperature, None for that of its rating."""
        reference, limit = made.get("referenceAmbient", np.nan), made.get("temperatureLimit", np.nan)
        around = reference if ambient is None else ambient
        if ambient is not None and np.isfinite(limit):
            ampacity *= float(conductor.ambient_factor(ambient, limit, reference))
        return cls(node, ampacity, around, limit)


NO_RUN = _Run(-1, np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class _Device:
    name: str
    product: str
    kind: str
    block: int
    rating: float
    box: Array
    node: int = -1
    whips: float = 1.0
    run: _Run | None = None


@dataclass(frozen=True)
class _Node:
    parent: int
    device: int
    voltage: float
    resistance: float
    reactance: float
    source: bool = False
    winding: float = 0.0
    """Part of the resistance that is a transformer's winding."""
    direct: bool = False


@dataclass(frozen=True)
class _Guard:
    """A breaker or relay at the head of a device's branch, and the conductor that it protects."""

    device: int
    node: int
    product: Product
    section: float
    run: _Run
    rated: float
    """Current that a relay's pickup is a multiple of [A]."""


@dataclass(frozen=True)
class _Feed:
    load: int
    node: int
    reserve: bool
    device: int = -1
    whips: float = 0.0


def _box(item: Device, made: Product, placed: Placement) -> Array:
    """Place of a device on the floor, its width along x; NaN where layout or product give none."""
    if item.origin is None or any(side not in made.figures for side in SIDES):
        return NOWHERE
    corner = np.asarray(placed.offset, dtype=np.float64) + [*item.origin, 0.0]
    return np.stack([corner, corner + [made[side] for side in SIDES]])


@dataclass
class Drawing:
    """The one-line while it is drawn, in the order utility, blocks, racks, support, cooling equipment."""

    devices: list[_Device] = field(default_factory=list)
    nodes: list[_Node] = field(default_factory=list)
    feeds: list[_Feed] = field(default_factory=list)
    loads: list[tuple[str, float]] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    """Bus to which what a device feeds is connected, by the device's name."""
    converters: list[tuple[int, int, int, Product]] = field(default_factory=list)
    """UPS and rectifiers: device, input bus, output bus, product."""
    transformers: list[tuple[int, Product]] = field(default_factory=list)
    bypassed: list[tuple[int, int, Product]] = field(default_factory=list)
    """UPS in eco mode: device, output bus, product."""
    shedding: set[int] = field(default_factory=set)
    """UPS that keep on only the modules they need."""
    guards: list[_Guard] = field(default_factory=list)
    copper: float = 0.0
    """Mass of the conductors drawn so far [kg]."""
    used: dict[str, Product] = field(default_factory=dict)

    def product(self, name: str) -> Product:
        """A catalogue product, remembered for the report."""
        self.used.setdefault(name, product(name))
        return self.used[name]

    def device(
        self,
        name: str,
        product: str,
        kind: str,
        block: int,
        rating: float,
        box: Array = NOWHERE,
        node: int = -1,
        whips: float = 1.0,
        run: _Run | None = None,
    ) -> int:
        """A device of a catalogue product, "" for the utility; its index."""
        self.devices.append(_Device(name, product, kind, block, rating, box, node, whips, run))
        return len(self.devices) - 1

    def node(self, node: _Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def utility(
        self, rating: float, voltage: float, short_circuit_power: float, resistance_ratio: float
    ) -> None:
        """The source behind its impedance; the point of connection is the bus behind it."""
        root = self.node(_Node(-1, -1, voltage, 0.0, 0.0, source=True))
        reactance = voltage**2 / short_circuit_power / float(np.hypot(1.0, resistance_ratio))
        bus = self.node(_Node(root, 0, voltage, reactance * resistance_ratio, reactance))
        self.device("utility", "", "utility", 0, rating, node=bus)
        self.outputs["utility"] = bus

    def chain(
        self, devices: Sequence[Device], voltage: float, wiring: Wiring, placed: Placement, block: int
    ) -> None:
        """Transformers, UPS and panels of a unit or of the site, each after the device that feeds it.

        Those that shared devices replace are left out.
        """
        waiting = [item for item in devices if item.name not in placed.replace]
        while waiting:
            ready = [item for item in waiting if placed.device(item.feed) in self.outputs]
            for item in ready:
                self._place(item, voltage, wiring, placed, block)
            waiting = [item for item in waiting if item not in ready]

    def _place(self, item: Device, voltage: float, wiring: Wiring, placed: Placement, block: int) -> None:
        made = self.product(item.product)
        parent = self.outputs[placed.device(item.feed)]
        direct = self.nodes[parent].direct
        voltage = item.voltage or voltage
        resistance = reactance = 0.0
        made_run = self.product(item.conductor) if item.conductor else None
        if made_run:
            resistance, reactance = self._run(made_run, item.length or 0.0, direct)
        name, number = placed.device(item.name), len(self.devices)
        if made.kind == "transformer":
            winding, leakage = transformer.series_impedance(
                made["rating"], voltage, made["impedance"], made["loadLoss"]
            )
            total = resistance + winding
            bus = self.node(
                _Node(
                    parent,
                    number,
                    voltage,
                    total,
                    reactance + leakage,
                    winding=winding / total if total else 0.0,
                )
            )
            self.transformers.append((bus, made))
        else:
            level = self.nodes[parent].voltage
            bus = self.node(_Node(parent, number, level, resistance, reactance, direct=direct))
            voltage = voltage if made.kind == "rectifier" else level
        run = _Run.of(made_run, bus, made_run["ratedCurrent"], wiring.ambient) if made_run else None
        guard = item.breaker or made.get("breaker")
        if guard and not direct:
            rated = conductor.three_phase_current(made["rating"], self.nodes[parent].voltage, 1.0)
            self._guard(number, bus, guard, made_run, run, float(rated))
        if made.kind == "ups" and wiring.ups_mode == "eco":
            bus = self.node(_Node(bus, number, voltage, 0.0, 0.0))
            self.bypassed.append((number, bus, made))
        elif made.kind in ("ups", "rectifier"):
            direct = made.kind == "rectifier"
            entry, bus = bus, self.node(_Node(bus, number, voltage, 0.0, 0.0, source=True, direct=direct))
            self.converters.append((number, entry, bus, made))
            if made.kind == "ups" and wiring.module_shedding:
                self.shedding.add(number)
        self.device(name, made.name, made.kind, block, made["rating"], _box(item, made, placed), bus, run=run)
        self.outputs[name] = bus

    def _guard(
        self, device: int, node: int, name: str, made: Product | None, run: _Run | None, rated: float
    ) -> None:
        """A breaker or relay at the head of the branch into a node, with the conductor that it protects."""
        section = RESISTIVITY / made["resistancePerLength"] if made else np.nan
        self.guards.append(_Guard(device, node, self.product(name), section, run or NO_RUN, rated))

    def _run(self, made: Product, length: float, direct: bool, parallel: float = 1.0) -> tuple[float, float]:
        """Resistance and reactance of a run of conductor [ohm], whose copper is added: three phases, or the loop of two
        poles, which has no reactance."""
        if length > 0.0:
            section = RESISTIVITY / made["resistancePerLength"]
            self.copper += parallel * conductor.conductor_mass(section, length, 2 if direct else 3)
        resistance = made["resistancePerLength"] * length / parallel
        return (
            (2.0 * resistance, 0.0)
            if direct
            else (resistance, made["reactancePerLength"] * length / parallel)
        )

    def direct(self, feed: str) -> bool:
        """Whether a device feeds direct current."""
        return self.nodes[self.outputs[feed]].direct

    def load(self, name: str, power_factor: float) -> int:
        self.loads.append((name, float(np.tan(np.arccos(power_factor)))))
        return len(self.loads) - 1

    def whip(
        self, load: int, rack: str, block: int, feed: str, reserve: bool, run: Whip, ambient: float | None
    ) -> None:
        """A rack's whips to one panel, `per_feed` in parallel, as one branch, in air of some temperature."""
        made, length, count = self.product(run.product), run.length, float(run.per_feed)
        parent = self.outputs[feed]
        above = self.nodes[parent]
        number = len(self.devices)
        resistance, reactance = self._run(made, length, above.direct, count)
        bus = self.node(_Node(parent, number, above.voltage, resistance, reactance, direct=above.direct))
        rating = made["ratedCurrent"] * made["continuousFactor"]
        grouped = float(conductor.grouping_factor(run.circuits, run.arrangement))
        cable = (
            _Run.of(made, bus, made["ampacity"] * grouped, ambient) if "ampacity" in made.figures else None
        )
        self.device(f"whip.{rack}.{feed}", made.name, "whip", block, rating, node=bus, whips=count, run=cable)
        guard = run.breaker or made.get("breaker")
        if guard and not above.direct:
            self._guard(number, bus, guard, made, cable, made["ratedCurrent"])
        self.feeds.append(_Feed(load, bus, reserve, number, count))

    def tap(self, load: int, feeds: Sequence[str], catcher: bool = False) -> None:
        """A load connected at the buses of its feeds, the last in reserve for a catcher scheme."""
        for place, name in enumerate(feeds):
            self.feeds.append(_Feed(load, self.outputs[name], catcher and place == len(feeds) - 1))

    def finished(self) -> tuple[Chain, Devices]:
        """The drawing as arrays."""
        nodes, feeds = self.nodes, self.feeds
        parent = np.array([node.parent for node in nodes])
        source = np.array([node.source for node in nodes])
        stages = self._stages(parent, source)
        tangent = np.array([tangent for _, tangent in self.loads])
        curves = [converter.loss_coefficients(*made["efficiency"].T) for _, _, _, made in self.converters]
        factor = np.array([made["powerFactor"] for *_, made in self.converters])
        own = np.array(
            [
                transformer.series_impedance(
                    made["rating"], nodes[bus].voltage, made["impedance"], made["loadLoss"]
                )
                for bus, made in self.transformers
            ]
        ).reshape(-1, 2)
        standing = np.array([made["noLoadLoss"] for _, made in self.transformers])
        apparent = np.array([made["noLoadCurrent"] * made["rating"] for _, made in self.transformers])
        buses = np.array([bus for bus, _ in self.transformers], dtype=np.int64)
        feed_node, feed_load = (
            np.array([getattr(feed, name) for feed in feeds]) for name in ("node", "load")
        )
        direct = np.array([node.direct for node in nodes])
        ones = np.ones(len(feeds))
        runs = [device.run or NO_RUN for device in self.devices]
        eco = [converter.loss_coefficients(*_eco(made).T) for *_, made in self.bypassed]
        chain = Chain(
            parent=parent,
            node_device=np.array([node.device for node in nodes]),
            stages=stages,
            device_node=np.array([device.node for device in self.devices]),
            run_node=np.array([run.node for run in runs]),
            run_rating=np.array([run.ampacity for run in runs])
            * np.array([device.whips for device in self.devices]),
            run_ambient=np.array([run.ambient for run in runs]),
            run_limit=np.array([run.limit for run in runs]),
            device_whips=np.array([device.whips for device in self.devices]),
            direct=direct,
            converter_input=np.array([entry for _, entry, _, _ in self.converters], dtype=np.int64),
            converter_output=np.array([bus for _, _, bus, _ in self.converters], dtype=np.int64),
            converter_device=np.array([number for number, *_ in self.converters], dtype=np.int64),
            converter_coefficients=np.array(curves).reshape(-1, 3),
            converter_tangent=np.tan(np.arccos(factor)),
            converter_modules=np.array(
                [
                    made["numberOfModules"] if number in self.shedding else 0.0
                    for number, _, _, made in self.converters
                ]
            ),
            bypass_output=np.array([bus for _, bus, _ in self.bypassed], dtype=np.int64),
            bypass_device=np.array([number for number, *_ in self.bypassed], dtype=np.int64),
            bypass_coefficients=np.array(eco).reshape(-1, 3),
            resistance=np.array([node.resistance for node in nodes]),
            reactance=np.array([node.reactance for node in nodes]),
            transformer_node=buses,
            transformer_resistance=own[:, 0],
            transformer_reactance=own[:, 1],
            transformer_rating=np.array([made["rating"] for _, made in self.transformers]),
            transformer_share=np.array([nodes[bus].winding for bus in buses]),
            standing_at=parent[buses],
            standing_power=standing,
            standing_reactive=np.sqrt(np.maximum(apparent**2 - standing**2, 0.0)),
            inside=~source & (np.arange(len(nodes)) != self.outputs["utility"]),
            load_name=tuple(name for name, _ in self.loads),
            load_tangent=tangent,
            feed_load=feed_load,
            feed_node=feed_node,
            feed_tangent=tangent[feed_load] * ~direct[feed_node],
            feed_reserve=np.array([feed.reserve for feed in feeds]),
            feed_device=np.array([feed.device for feed in feeds]),
            feed_whips=np.array([feed.whips for feed in feeds]),
            injection=csr_array((ones, (feed_node, np.arange(len(feeds)))), shape=(len(nodes), len(feeds))),
            voltage=np.array([node.voltage for node in nodes]),
        )
        devices = Devices(
            name=tuple(device.name for device in self.devices),
            product=tuple(device.product for device in self.devices),
            kind=np.array([DEVICE_KINDS.index(device.kind) for device in self.devices]),
            block=np.array([device.block for device in self.devices]),
            rating=np.array([device.rating for device in self.devices]),
            box=np.array([device.box for device in self.devices]),
        )
        return chain, devices

    def _stages(self, parent: npt.NDArray[np.int64], source: npt.NDArray[np.bool_]) -> tuple[Stage, ...]:
        """Islands by the number of converters above them, the lowest first."""
        above = np.zeros(len(parent), dtype=np.int64)
        for index in range(1, len(parent)):
            above[index] = above[parent[index]] + source[index]
        stages = []
        for level in range(int(above.max()), -1, -1):
            mine = np.flatnonzero(above == level)
            local = np.full(len(parent), -1)
            local[mine] = np.arange(len(mine))
            up = np.where(source[mine], -1, local[parent[mine]])
            nodes = [self.nodes[index] for index in mine]
            forest = tree.forest(
                up,
                np.array([node.resistance for node in nodes]),
                np.array([node.reactance for node in nodes]),
                np.array([node.voltage for node in nodes]),
            )
            stages.append(Stage(mine, forest))
        return tuple(stages)

    def protection(self, chain: Chain) -> Protection:
        """Breakers and relays, each with the next one on the way to the utility."""
        guards = self.guards
        at = {guard.node: place for place, guard in enumerate(guards)}
        upstream = []
        for guard in guards:
            node = int(chain.parent[guard.node])
            while node >= 0 and node not in at:
                node = int(chain.parent[node])
            upstream.append(at.get(node, -1))
        names = sorted({guard.product.name for guard in guards})

        def gathered(figure: str, default: float = np.nan) -> Array:
            return np.array([guard.product.get(figure, default) for guard in guards])

        rated = gathered("ratedCurrent")
        pickup = gathered("pickup", np.inf) * np.array([guard.rated for guard in guards])
        unit = protection.trip_unit(
            np.where(np.isnan(rated), np.inf, rated)[:, None],
            gathered("longEarly", 1.0)[:, None],
            gathered("longLate", 1.0)[:, None],
            short_pickup=(gathered("shortPickup", np.inf) * np.nan_to_num(rated, nan=1.0))[:, None],
            short_early=gathered("shortEarly", 0.0)[:, None],
            short_late=gathered("shortLate", 0.0)[:, None],
            instantaneous_pickup=(gathered("instantaneousPickup", np.inf) * np.nan_to_num(rated, nan=1.0))[
                :, None
            ],
            instantaneous_late=gathered("instantaneousLate", 0.05)[:, None],
            pickup_tolerance=gathered("pickupTolerance", 0.0)[:, None],
        )
        limits = np.array([guard.run.limit for guard in guards])
        return Protection(
            device=np.array([guard.device for guard in guards], dtype=np.int64),
            node=np.array([guard.node for guard in guards], dtype=np.int64),
            upstream=np.array(upstream, dtype=np.int64),
            name=tuple(guard.product.name for guard in guards),
            curve=np.array([names.index(guard.product.name) for guard in guards], dtype=np.int64),
            rated=rated,
            breaking=gathered("breakingCapacity"),
            let_through=gathered("letThrough", np.inf),
            unit=unit,
            relay=tuple(guard.product.get("curve", "") for guard in guards),
            pickup=pickup,
            dial=gathered("dial", 0.0),
            breaking_time=gathered("breakingTime", 0.0),
            section=np.array([guard.section for guard in guards]),
            withstand=np.asarray(protection.withstand_density(limits, LIMIT_IN_FAULT)),
            ampacity=np.array([guard.run.ampacity for guard in guards]),
        )

    def path(self, node: int) -> list[int]:
        """Devices on the way from a bus to the utility."""
        found = []
        while node >= 0:
            device = self.nodes[node].device
            if device >= 0 and device not in found:
                found.append(device)
            node = self.nodes[node].parent
        return found

    def single_outages(self) -> npt.NDArray[np.int64]:
        """Patterns of devices to be out for N-1, (pattern, order), padded with -1.

        The source is not among them, nor what another one's outage takes down with it together with every other
        feed there of the same loads, for that is the worse one: of two UPS on one transformer each is out too.
        Devices whose racks have none but the source in common are out in one pattern, each in its own part.
        """
        behind: dict[int, Counter[int]] = {}
        for feed in self.feeds:
            for device in self.path(feed.node):
                if self.devices[device].kind in ("panel", "ups", "rectifier", "transformer"):
                    behind.setdefault(device, Counter())[feed.load] += 1
        loads = len(self.loads)

        def taken_down(device: int, above: int) -> bool:
            return above in behind and all(
                behind[above][load] == count for load, count in behind[device].items()
            )

        heads = [
            device
            for device in behind
            if not any(taken_down(device, above) for above in self.path(self.devices[device].node)[1:])
        ]
        links = [(load, first) for found in behind.values() for first in [min(found)] for load in found]
        row, column = np.array(links, dtype=np.int64).reshape(-1, 2).T
        graph = csr_array((np.ones(len(row)), (row, column)), shape=(loads, loads))
        _, part = connected_components(graph, directed=False)
        listed: dict[int, list[int]] = {}
        for device in heads:
            listed.setdefault(int(part[min(behind[device])]), []).append(device)
        order = max(map(len, listed.values()), default=0)
        patterns = [[one[place] for one in listed.values() if place < len(one)] for place in range(order)]
        width = max(map(len, patterns), default=1)
        return np.array([found + [-1] * (width - len(found)) for found in patterns], dtype=np.int64).reshape(
            -1, width
        )

    def shared(self, devices: Devices, racks: Racks, blocks: int) -> Shared:
        """The rows of the allocator: electrical devices above the whips, cooling equipment by block."""
        electrical = [
            number
            for number, device in enumerate(self.devices)
            if device.kind in ("panel", "ups", "rectifier", "transformer", "utility")
        ]
        rows = [
            (SHARED_KINDS.index(self.devices[number].kind), number, 1, self.devices[number].block, False)
            for number in electrical
        ]
        slot = {number: row for row, number in enumerate(electrical)}
        passes = [
            (slot[device], feed.load, place)
            for place, feed in enumerate(self.feeds)
            if feed.load < len(racks.name)
            for device in self.path(feed.node)
            if device in slot
        ]
        constants = []
        for block in range(blocks):
            inside = racks.block == block
            for kind in ("cdu", "fan_wall", "chiller"):
                mine = (devices.kind == DEVICE_KINDS.index(kind)) & (devices.block == block)
                if mine.any():
                    rows.append(
                        (SHARED_KINDS.index(kind), int(np.argmax(mine)), int(mine.sum()), block, True)
                    )
                    share = racks.heat_capture if kind == "cdu" else 1.0 - 0.97 * racks.heat_capture
                    constants.append(np.where(inside, share, 0.0))
        constant = np.zeros((len(rows), len(racks.name)))
        constant[len(electrical) :] = constants
        limit, rack, feed = np.array(passes, dtype=np.int64).reshape(-1, 3).T
        code, device, units, block_of, cooling = (np.array(column) for column in zip(*rows, strict=True))
        return Shared(code, device, units, block_of, cooling.astype(bool), limit, rack, feed, constant)
