"""The radial networks of tests/cases as arrays, as a forest of this project, and as a power-grid-model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from electrical.transformer import no_load_admittance, series_impedance
from electrical.tree import Forest, forest
from electrical.unbalanced import Network, network

CASES = Path(__file__).parent / "cases"

# Zero over positive sequence of every line, made up: of the impedance and of the capacitance.
ZERO_SEQUENCE = 2.0, 0.5


@dataclass(frozen=True, eq=False)
class RadialNetwork:
    """A network of a case, (node,) each.

    parent : -1 for the utility's node, which is the first. nominal : line-line voltage [V]. transformer :
    whether the branch into the node is one. resistance, reactance, susceptance : of the line into the node,
    0 where there is none [ohm], [S]. racks : the nodes that carry load. document : the file.
    """

    parent: np.ndarray
    nominal: np.ndarray
    transformer: np.ndarray
    resistance: np.ndarray
    reactance: np.ndarray
    susceptance: np.ndarray
    racks: np.ndarray
    document: dict[str, Any]

    @property
    def lines(self) -> np.ndarray:
        """The nodes that a line leads to."""
        return np.flatnonzero((self.parent >= 0) & ~self.transformer)

    @cached_property
    def forest(self) -> Forest:
        """The network for `electrical.tree`."""
        ratio = self.document["source"]["voltage_ratio"]
        resistance, reactance, conductance, susceptance = self._circuit
        return forest(self.parent, resistance, reactance, self.nominal, conductance, susceptance, ratio)

    def by_phase(self, clock: int = 11) -> Network:
        """The network for `electrical.unbalanced`, transformers Dyn or, of an even clock number, YNyn.

        The zero sequence of lines is by ZERO_SEQUENCE, that of transformers as power-grid-model has it: the
        series impedance of the positive one, and the core half at each side, or whole at the wye of a Dyn.
        """
        resistance, reactance, conductance, susceptance = self._circuit
        times, share = ZERO_SEQUENCE
        impedance = np.where(np.isin(np.arange(len(self.parent)), self.lines), times, 1.0)
        zero_conductance, zero_susceptance = np.zeros((2, len(self.parent)))
        for end in self.lines, self.parent[self.lines]:
            np.add.at(zero_susceptance, end, share * self.susceptance[self.lines] / 2)
        ends = [(np.flatnonzero(self.transformer), 1.0)]
        if clock % 2 == 0:
            ends = [(end, 0.5) for end in (ends[0][0], self.parent[self.transformer])]
        for end, part in ends:
            core = self._core(end)
            np.add.at(zero_conductance, end, part * core[0])
            np.add.at(zero_susceptance, end, part * core[1])
        return network(
            self.parent, resistance, reactance, self.nominal,
            zero_resistance=impedance * resistance, zero_reactance=impedance * reactance,
            conductance=conductance, susceptance=susceptance,
            zero_conductance=zero_conductance, zero_susceptance=zero_susceptance,
            source_voltage_ratio=self.document["source"]["voltage_ratio"],
            clock=np.where(self.transformer, clock, 0),
        )  # fmt: skip

    @cached_property
    def _circuit(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Resistance, reactance, conductance and susceptance of `forest`."""
        plate, source = self.document["transformer"], self.document["source"]
        resistance, reactance = self.resistance.copy(), self.reactance.copy()
        conductance, susceptance = np.zeros((2, len(self.parent)))
        impedance = self.nominal[0] ** 2 / source["short_circuit_power"]
        reactance[0] = impedance / np.hypot(1.0, source["resistance_ratio"])
        resistance[0] = reactance[0] * source["resistance_ratio"]
        resistance[self.transformer], reactance[self.transformer] = series_impedance(
            plate["rating"], self.nominal[self.transformer], plate["impedance_ratio"], plate["load_loss"]
        )
        # Half of a line's capacitance and half of a core stand at each end.
        for end in self.lines, self.parent[self.lines]:
            np.add.at(susceptance, end, self.susceptance[self.lines] / 2)
        for end in np.flatnonzero(self.transformer), self.parent[self.transformer]:
            core = self._core(end)
            np.add.at(conductance, end, core[0] / 2)
            np.add.at(susceptance, end, core[1] / 2)
        return resistance, reactance, conductance, susceptance

    def _core(self, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Admittance of a transformer's core seen from some nodes."""
        plate = self.document["transformer"]
        return no_load_admittance(
            plate["rating"], self.nominal[end], plate["no_load_loss"], plate["no_load_current_ratio"]
        )

    def loads(self, power: np.ndarray, power_factor: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Active and reactive power of every node, (scenario, node), from those of the racks, lagging."""
        active, reactive = np.zeros((2, len(power), len(self.parent)))
        active[:, self.racks] = power
        reactive[:, self.racks] = power * np.tan(np.arccos(power_factor))
        return active, reactive

    def solved_elsewhere(
        self,
        power: np.ndarray,
        reactive: np.ndarray,
        method: str = "newton_raphson",
        tolerance: float = 1e-12,
        clock: int = 11,
        **options: Any,
    ) -> dict[str, np.ndarray]:
        """The result of power-grid-model, (scenario, component); by phase for loads (scenario, node, 3)."""
        return self.elsewhere(power, reactive, method, tolerance, clock, **options)()

    def elsewhere(
        self,
        power: np.ndarray,
        reactive: np.ndarray,
        method: str,
        tolerance: float,
        clock: int = 11,
        **options: Any,
    ) -> Callable[[], dict[str, np.ndarray]]:
        """The batch calculation of power-grid-model, ready to be called."""
        by_phase = power.ndim == 3
        component = "asym_load" if by_phase else "sym_load"
        model, load = self._model(component, clock)
        import power_grid_model as pgm

        update = pgm.initialize_array("update", component, (len(power), len(self.racks)))
        update["id"] = load
        update["p_specified"], update["q_specified"] = power[:, self.racks], reactive[:, self.racks]
        return lambda: model.calculate_power_flow(
            update_data={component: update},
            calculation_method=method,
            error_tolerance=tolerance,
            symmetric=not by_phase,
            **options,
        )

    def _model(self, component: str, clock: int) -> tuple[Any, np.ndarray]:
        """The network in power-grid-model with loads of a kind, and their ids; transformers as `by_phase`."""
        import power_grid_model as pgm

        plate, source = self.document["transformer"], self.document["source"]
        turn = 2 * np.pi * self.document["frequency"]
        lines, transformers = self.lines, np.flatnonzero(self.transformer)
        first = np.cumsum([0, len(self.parent), len(lines), len(transformers), 1])

        def table(component, start, count, **columns):
            rows = pgm.initialize_array("input", component, count)
            rows["id"] = start + np.arange(count)
            for name, values in columns.items():
                rows[name] = values
            return rows

        model = pgm.PowerGridModel(
            {
                "node": table("node", first[0], len(self.parent), u_rated=self.nominal),
                "line": table(
                    "line", first[1], len(lines),
                    from_node=self.parent[lines], to_node=lines, from_status=1, to_status=1,
                    r1=self.resistance[lines], x1=self.reactance[lines], c1=self.susceptance[lines] / turn,
                    tan1=0.0, i_n=1000.0, tan0=0.0, c0=ZERO_SEQUENCE[1] * self.susceptance[lines] / turn,
                    r0=ZERO_SEQUENCE[0] * self.resistance[lines], x0=ZERO_SEQUENCE[0] * self.reactance[lines],
                ),
                "transformer": table(
                    "transformer", first[2], len(transformers),
                    from_node=self.parent[transformers], to_node=transformers, from_status=1, to_status=1,
                    u1=self.nominal[self.parent[transformers]], u2=self.nominal[transformers],
                    sn=plate["rating"], uk=plate["impedance_ratio"], pk=plate["load_loss"],
                    i0=plate["no_load_current_ratio"], p0=plate["no_load_loss"],
                    winding_from=2 if clock % 2 else 1, winding_to=1, clock=clock,
                    tap_side=0, tap_pos=0, tap_min=0, tap_max=0, tap_nom=0, tap_size=0.0,
                ),
                "source": table(
                    "source", first[3], 1, node=0, status=1, u_ref=source["voltage_ratio"],
                    sk=source["short_circuit_power"], rx_ratio=source["resistance_ratio"],
                ),
                component: table(
                    component, first[4], len(self.racks),
                    node=self.racks, status=1, type=0, p_specified=0.0, q_specified=0.0,
                ),
            },
            system_frequency=self.document["frequency"],
        )  # fmt: skip
        return model, first[4] + np.arange(len(self.racks))

    def deviation(self, voltage: np.ndarray, truth: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Magnitudes [per unit] and angles [rad] of voltages less those of power-grid-model, (scenario, node).

        It turns the low-voltage side by the vector group: Dyn11 leads by 30 degrees.
        """
        ratio = voltage / self.nominal
        clock = np.where(self.nominal == self.nominal.min(), np.pi / 6, 0.0)
        angle = np.angle(ratio * np.exp(-1j * (truth["node"]["u_angle"] - clock)))
        return np.abs(ratio) - truth["node"]["u_pu"], angle


@cache
def read_network(name: str) -> RadialNetwork:
    """The network of tests/cases/<name>, its branches written out."""
    document = json.loads((CASES / name / "network.json").read_text())
    high, low = document["nominal_voltage"]["high"], document["nominal_voltage"]["low"]
    lines, feeders = document["lines"], document["feeders"]
    none = {"resistance": 0.0, "reactance": 0.0, "susceptance": 0.0}
    parent, nominal, transformer, line, racks = [-1], [high], [False], [none], []

    def node(above, voltage, cable):
        parent.append(above)
        nominal.append(voltage)
        transformer.append(cable is None)
        line.append(cable or none)
        return len(parent) - 1

    bus = node(0, high, lines["trunk"])
    for feeder in range(len(feeders["resistance"])):
        primary = node(bus, high, {key: feeders[key][feeder] for key in none})
        board = node(primary, low, None)
        for _ in range(document["busways"]):
            place = node(board, low, lines["head"])
            for _ in range(document["taps"]):
                place = node(place, low, lines["section"])
                racks.append(node(place, low, lines["whip"]))
    values = [np.array([cable[key] for cable in line]) for key in none]
    return RadialNetwork(
        np.array(parent), np.array(nominal), np.array(transformer), *values, np.array(racks), document
    )


@pytest.fixture(scope="session")
def radial_network():
    """`radial_network(name)` is the network of a case."""
    return read_network


@pytest.fixture(scope="session")
def whip_heat():
    """`whip_heat(power, feeds=4)`: losses of all racks' whips by hand, power (rack,) over so many feeds each.

    Two whips of 12 m of 6 AWG a feed, 0.49 mohm/ft: feeds R (P / feeds / 0.98)^2 / 415^2.
    """

    def total(power, feeds: int = 4) -> float:
        resistance = 0.49e-3 / 0.3048 * 12.0 / 2
        return float(np.sum(feeds * resistance * (np.asarray(power) / feeds / 0.98) ** 2 / 415.0**2))

    return total


@pytest.fixture(scope="session")
def graphics():
    """Drawing works here, or the test is left out with the reason."""
    from twin.viewer import probe

    before = os.environ.get(probe.WINDOW)
    remedy = probe.ready()
    if remedy:
        pytest.skip(remedy)
    yield
    if before is None:
        os.environ.pop(probe.WINDOW, None)
