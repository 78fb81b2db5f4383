"""The hydraulic network solver against the EPANET engine, WNTR and pandapipes, in one process on one thread.

Technology-cooling networks of 16, 166 and 1,666 racks: a pump on an expansion vessel, supply and return trunk, a
supply and a return manifold per row of 16 racks, and every rack a hose and its plates between the two.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  the number of threads is read at import

from thermal import branch, hydraulics  # noqa: E402
from thermal.network import Network, network  # noqa: E402

DENSITY = 998.2
# Kinematic viscosity and gravity that EPANET has built in: 1.1e-5 ft^2/s and 32.2 ft/s^2.
VISCOSITY, GRAVITY = 1.1e-5 * 0.3048**2, 32.2 * 0.3048
RACK_FLOW, ROW = 1.6e-3, 16
ROUGHNESS = 45e-6
ACCURACY = 1e-3
"""Tolerance of the engine unless it is told another, of the flows' change over the flows; our own is 1e-10."""


@dataclass(frozen=True, eq=False)
class Loop:
    """Pipes (pipe,) in SI, the first node the vessel, the pump between it and node 1; racks are pipes too."""

    nodes: int
    start: np.ndarray
    end: np.ndarray
    diameter: np.ndarray
    length: np.ndarray
    loss: np.ndarray
    racks: np.ndarray
    shut_off: float
    bend: float


def cooling_loop(racks: int) -> Loop:
    """A technology-cooling network; its trunk is sized for 2 m/s, so that its pressure sags along the hall."""
    pipes: list[tuple[int, int, float, float, float]] = []
    plates: list[int] = []
    count = 2
    supply, back, behind = 1, 0, racks

    def node() -> int:
        nonlocal count
        count += 1
        return count - 1

    def bore(served: int) -> float:
        return float(np.sqrt(4 * served * RACK_FLOW / (np.pi * 2.0)))

    for first in range(0, racks, ROW):
        row = min(ROW, racks - first)
        fed, drained = node(), node()
        pipes += [(supply, fed, bore(behind), 3.0, 0.4), (drained, back, bore(behind), 3.0, 0.4)]
        supply, back, behind = fed, drained, behind - row
        tap, sink = fed, drained
        for rack in range(row):
            above, below, hose = node(), node(), node()
            pipes += [(tap, above, bore(row - rack), 0.8, 0.6), (below, sink, bore(row - rack), 0.8, 0.6)]
            pipes.append((above, hose, 0.04, 2.0, 4.0))
            plates.append(len(pipes))
            pipes.append((hose, below, 0.03, 4.0, 45.0))
            tap, sink = above, below
    start, end, diameter, length, loss = (np.array(column) for column in zip(*pipes, strict=True))
    total = racks * RACK_FLOW
    return Loop(count, start, end, diameter, length, loss, np.array(plates), 40.0, 10.0 / total**2)


def ours(loop: Loop, friction: branch.Friction = branch.Friction.SWAMEE_JAIN) -> Network:
    """The network in this project, pump last."""
    weight = DENSITY * GRAVITY
    pipes = branch.Pipe(
        loop.start, loop.end, loop.diameter, loop.length, ROUGHNESS, loop.loss, friction=friction
    )
    pump = branch.Pump(np.array([0]), np.array([1]), (weight * loop.shut_off, 0.0, -weight * loop.bend))
    return network([pipes, pump], fixed=np.array([0]), nodes=loop.nodes)


def epanet_text(loop: Loop) -> str:
    """The network as EPANET's input file, flows in L/s, Darcy-Weisbach."""
    lines = ["[TITLE]", "loop", "[RESERVOIRS]", "N0 20", "[JUNCTIONS]"]
    lines += [f"N{node} 0 0" for node in range(1, loop.nodes)]
    lines.append("[PIPES]")
    columns = zip(loop.start, loop.end, loop.length, loop.diameter, loop.loss, strict=True)
    lines += [
        f"P{pipe} N{start} N{end} {length:.17g} {1e3 * bore:.17g} {1e3 * ROUGHNESS:.17g} {loss:.17g} Open"
        for pipe, (start, end, length, bore, loss) in enumerate(columns)
    ]
    lines += ["[PUMPS]", "PU N0 N1 HEAD C", "[CURVES]"]
    # One point makes EPANET's parabola: 4/3 of its head without flow.
    lines.append(f"C {1e3 * np.sqrt(loop.shut_off / 4 / loop.bend):.17g} {0.75 * loop.shut_off:.17g}")
    lines += [
        "[TIMES]",
        "Duration 0",
        "[OPTIONS]",
        "Units LPS",
        "Headloss D-W",
        "Trials 200",
        "Accuracy 0.001",
    ]
    return "\n".join([*lines, "[END]", ""])


class Engine:
    """The EPANET engine with a file opened once."""

    def __init__(self, text: str, folder: str) -> None:
        from epanet import toolkit

        self.toolkit = toolkit
        place = Path(folder) / "network.inp"
        place.write_text(text)
        self.project = toolkit.createproject()
        toolkit.open(self.project, str(place), str(place.with_suffix(".rpt")), "")
        toolkit.setreport(self.project, "MESSAGES NO")
        toolkit.openH(self.project)
        self.heads = toolkit.doubleArray(toolkit.getcount(self.project, toolkit.NODECOUNT))
        self.links = toolkit.getcount(self.project, toolkit.LINKCOUNT)
        self.nodes = toolkit.getcount(self.project, toolkit.NODECOUNT)
        self.flows = toolkit.doubleArray(self.links)

    def solve(self, cold: bool = True) -> None:
        """One hydraulic solution, from its own first guess or from the last flows, results fetched."""
        kit = self.toolkit
        kit.initH(self.project, kit.INITFLOW if cold else kit.NOSAVE)
        kit.runH(self.project)
        kit.getnodevalues(self.project, kit.HEAD, self.heads)
        kit.getlinkvalues(self.project, kit.FLOW, self.flows)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Heads and flows in the units and the order of the file."""
        heads = np.array([self.heads[node] for node in range(self.nodes)])
        return heads, np.array([self.flows[link] for link in range(self.links)])

    def accuracy(self, value: float) -> None:
        self.toolkit.setoption(self.project, self.toolkit.ACCURACY, value)

    def close(self) -> None:
        self.toolkit.closeH(self.project)
        self.toolkit.close(self.project)
        self.toolkit.deleteproject(self.project)


def pandapipes_net(loop: Loop) -> Any:
    """The network in pandapipes, its pump's curve in bar over m^3/h."""
    import pandapipes

    liquid = pandapipes.create_constant_fluid(
        "liquid", "liquid", density=DENSITY, viscosity=VISCOSITY * DENSITY, heat_capacity=4180.0
    )
    net = pandapipes.create_empty_network(fluid=liquid)
    pandapipes.create_junctions(net, loop.nodes, pn_bar=3.0, tfluid_k=293.15)
    pandapipes.create_ext_grid(net, 0, p_bar=2.0, t_k=293.15)
    bar = DENSITY * GRAVITY / 1e5
    pandapipes.create_pump_from_parameters(
        net, 0, 1, "curve", poly_coefficents=[-bar * loop.bend / 3600.0**2, 0.0, bar * loop.shut_off]
    )
    pandapipes.create_pipes_from_parameters(
        net, loop.start, loop.end, loop.length / 1e3, 1e3 * loop.diameter, k_mm=1e3 * ROUGHNESS,
        loss_coefficient=loop.loss,
    )  # fmt: skip
    return net


def cpu(job: Callable[[], Any], runs: int, repeats: int = 5) -> float:
    """Median processor time of a job in this process [s], each time of `runs` in a row."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(runs):
            job()
        times.append((time.process_time() - start) / runs)
    return statistics.median(times)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest relative difference."""
    return float(np.abs(np.asarray(ours) / np.asarray(theirs) - 1.0).max())


def with_pandapipes() -> bool:
    """Whether pandapipes is here and can write its results, which pandas from 3 on does not let it."""
    if importlib.util.find_spec("pandapipes") is None:
        return False
    import pandas

    return int(pandas.__version__.split(".")[0]) < 3


def example_figures(folder: str) -> dict[str, Any]:
    """EPANET's example network 1 at its first hour, by Hazen and Williams, against the engine and WNTR's own solver."""
    import wntr

    library = Path(wntr.__file__).parent / "library" / "networks" / "Net1.inp"
    model = wntr.network.WaterNetworkModel(str(library))
    model.options.time.duration = 0
    place = Path(folder) / "net1.inp"
    wntr.network.write_inpfile(model, str(place), units="LPS")
    engine = Engine(place.read_text(), folder)
    engine.accuracy(1e-8)
    engine.solve()
    their_heads, their_flows = engine.result()
    engine.accuracy(1e-3)

    name = {node: i for i, node in enumerate(model.node_name_list)}
    pipes = [pipe for _, pipe in model.pipes()]
    (pump,) = (one for _, one in model.pumps())
    column = {
        key: np.array([getattr(pipe, key) for pipe in pipes])
        for key in ("diameter", "length", "roughness", "minor_loss")
    }
    weight = 1000.0 * 9.80665
    ((flow, lift),) = pump.get_pump_curve().points
    site = network(
        [
            branch.HazenWilliamsPipe(
                np.array([name[pipe.start_node_name] for pipe in pipes]),
                np.array([name[pipe.end_node_name] for pipe in pipes]),
                column["diameter"],
                column["length"],
                column["roughness"],
                column["minor_loss"],
            ),
            branch.Pump(
                np.array([name[pump.start_node_name]]),
                np.array([name[pump.end_node_name]]),
                (4 / 3 * lift * weight, 0.0, -lift / 3 / flow**2 * weight),
            ),
        ],
        fixed=np.array([name[node] for node in [*model.reservoir_name_list, *model.tank_name_list]]),
    )
    # What the engine has read from its file before the time is taken, stands in arrays here as well.
    held = [model.get_node(node).base_head for node in model.reservoir_name_list]
    held += [
        model.get_node(node).elevation + model.get_node(node).init_level for node in model.tank_name_list
    ]
    pressure = weight * np.array(held)
    demand = np.zeros(len(name))
    for node, junction in model.junctions():
        demand[name[node]] = junction.base_demand * 1000.0

    def single() -> hydraulics.Flow:
        return hydraulics.solve(site, 1000.0, 1e-3, pressure, demand)

    state = single()
    many = np.random.default_rng(1).uniform(0.3, 1.0, (1_000, 1)) * demand

    def batch() -> hydraulics.Flow:
        return hydraulics.solve(site, 1000.0, 1e-3, pressure, many)

    def own_solver() -> Any:
        return wntr.sim.WNTRSimulator(model).run_sim()

    batch()
    # All take turns, so that what else the machine does falls on all alike.
    rounds = [
        (cpu(single, 200), cpu(engine.solve, 200), cpu(batch, 1) / len(many), cpu(own_solver, 1, 1))
        for _ in range(9)
    ]
    engine.close()
    names = "single_ms", "engine_cold_ms", "batch_ms", "wntr_simulator_ms"
    times = {
        key: statistics.median(each) * 1e3 for key, each in zip(names, zip(*rounds, strict=True), strict=True)
    }
    return times | {
        "single_over_engine_cold": statistics.median(own / cold for own, cold, _, _ in rounds),
        "batch_faster_than_engine_cold": statistics.median(cold / each for _, cold, each, _ in rounds),
        "batch_faster_than_wntr": statistics.median(slow / each for _, _, each, slow in rounds),
        "heads_from_engine": apart(np.asarray(state.pressure) / weight, their_heads),
        "flows_from_engine": apart(state.mass_flow, their_flows),
    }


def loop_figures(racks: int, folder: str, scenarios: int = 1_000) -> dict[str, Any]:
    """One network against all three peers; times in milliseconds a solution."""
    import wntr

    loop = cooling_loop(racks)
    text = epanet_text(loop)
    start = time.process_time()
    site = ours(loop)
    build = time.process_time() - start
    liquid = {"density": DENSITY, "viscosity": VISCOSITY * DENSITY}
    random = np.random.default_rng(1)
    speed = random.uniform(0.6, 1.0, scenarios)
    setting = np.ones((scenarios, len(site.start)))
    setting[:, -1] = speed

    def single() -> hydraulics.Flow:
        return hydraulics.solve(site, **liquid)

    def batch() -> hydraulics.Flow:
        return hydraulics.solve(site, **liquid, setting=setting)

    def loose() -> hydraulics.Flow:
        return hydraulics.solve(site, **liquid, setting=setting, tolerance=ACCURACY)

    state = single()
    hydraulics.solve(site, **liquid, setting=setting[:8])
    heads = 20.0 + np.asarray(state.pressure) / (DENSITY * GRAVITY)
    flows = np.asarray(state.mass_flow) / DENSITY * 1e3

    engine = Engine(text, folder)
    engine.accuracy(1e-8)
    engine.solve()
    their_heads, their_flows = engine.result()
    engine.accuracy(ACCURACY)
    pump = engine.links

    def sweep() -> None:
        kit = engine.toolkit
        for one in speed[: min(scenarios, 200)]:
            kit.setlinkvalue(engine.project, pump, kit.INITSETTING, float(one))
            engine.solve(cold=False)

    model = wntr.network.WaterNetworkModel(str(Path(folder) / "network.inp"))

    def with_file() -> Any:
        return wntr.sim.EpanetSimulator(model).run_sim(file_prefix=str(Path(folder) / "wntr"))

    file_result = with_file()
    jobs: dict[str, tuple[Callable[[], Any], int, int]] = {}
    theirs: dict[str, Any] = {"pandapipes": "is not here, or pandas is 3 or later"}
    if with_pandapipes():
        import pandapipes

        net = pandapipes_net(loop)

        def pipeflow() -> None:
            # Its default tolerances; Swamee and Jain is its formula by that name.
            pandapipes.pipeflow(net, mode="hydraulics", friction_model="swamee-jain", max_iter_hyd=100)

        pipeflow()
        jobs["pandapipes"] = pipeflow, 1, 1
        rise = 1e5 * (net.res_junction.p_bar.to_numpy()[1:] - net.res_junction.p_bar.to_numpy()[0])
        theirs = {
            "rises_from_pandapipes": apart(np.asarray(state.pressure)[1:], rise),
            "flows_from_pandapipes": apart(np.asarray(state.mass_flow)[:-1], net.res_pipe.mdot_from_kg_per_s),
        }
    few = max(1, 2000 // racks)
    swept = min(scenarios, 200)
    jobs |= {
        "single": (single, few, 1),
        "engine_cold": (engine.solve, few, 1),
        "batch": (batch, 1, scenarios),
        "batch_loose": (loose, 1, scenarios),
        "engine_sweep": (sweep, 1, swept),
        "wntr": (with_file, 1, 1),
    }
    # All take turns, so that what else the machine does falls on all alike.
    times: dict[str, list[float]] = {}
    for _ in range(3):
        for name, (job, runs, share) in jobs.items():
            times.setdefault(name, []).append(cpu(job, runs, 3) / share * 1e3)
    found: dict[str, Any] = {f"{name}_ms": statistics.median(values) for name, values in times.items()}

    def ratio(peer: str, own: str) -> float:
        return statistics.median(one / other for one, other in zip(times[peer], times[own], strict=True))

    many = batch()
    table = file_result.node["head"].iloc[0]
    file_heads = np.array([table[f"N{node}"] for node in range(loop.nodes)])
    engine.close()
    return found | {
        "nodes": loop.nodes,
        "branches": len(site.start),
        "build_ms": build * 1e3,
        "single_over_engine_cold": 1 / ratio("engine_cold", "single"),
        **{
            f"batch_faster_than_{peer}": ratio(peer, "batch")
            for peer in jobs
            if peer not in ("single", "batch", "batch_loose")
        },
        "batch_faster_than_engine_cold_at_its_tolerance": ratio("engine_cold", "batch_loose"),
        "flows_at_its_tolerance_from_converged": float(
            np.max(np.abs(np.asarray(loose().mass_flow) / np.asarray(batch().mass_flow) - 1.0))
        ),
        "converged": float(np.mean(many.converged)),
        "mean_passes": float(np.mean(many.passes)),
        "heads_from_engine": apart(heads, np.concatenate([their_heads[-1:], their_heads[:-1]])),
        "flows_from_engine": apart(flows, their_flows),
        "heads_from_wntr": apart(heads, file_heads),
        **theirs,
    }


def measure() -> dict[str, Any]:
    """All networks against all peers: milliseconds of processor time a solution, medians, one thread each.

    The engine runs in this process with its file opened once and fetches heads and flows in two calls: cold from
    its own first guess, or in a sweep of pump speeds from the flows of the last. WNTR and pandapipes run as users
    call them, on a model made once. The peers stop at their default tolerances (EPANET at 1e-3, of flows), this
    project at 1e-10. Compilation, or loading of machine code, comes before and is stated apart.
    """
    warnings.filterwarnings("ignore", module="wntr|pandapipes|pandapower")
    start = time.process_time()
    small = ours(cooling_loop(2))
    for scenarios in 1, 8:
        hydraulics.solve(small, DENSITY, VISCOSITY * DENSITY, setting=np.ones((scenarios, len(small.start))))
    found: dict[str, Any] = {"compilation_or_loading_s": time.process_time() - start}
    with tempfile.TemporaryDirectory() as folder:
        found |= {f"net1_{name}": value for name, value in example_figures(folder).items()}
        for racks in 16, 166, 1_666:
            figures = loop_figures(racks, folder)
            found |= {f"racks{racks}_{name}": value for name, value in figures.items()}
    return found


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:44s} {value:.4g}" if isinstance(value, float) else f"{key:44s} {value}")
