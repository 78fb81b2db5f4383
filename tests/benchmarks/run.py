"""Measured figures of the program, by subject: `python tests/benchmarks/run.py main-job [--json]`.

Times are wall seconds on this machine, medians of a few runs; ratios are against a peer in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  the number of threads is read at import

import twin  # noqa: E402

CASES = Path(__file__).parents[1] / "cases"
ZERO = 273.15


def median(job: Callable[[], Any], runs: int = 5) -> float:
    """Median wall time of a job [s]."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def process(*arguments: str) -> Callable[[], None]:
    """The command line as a process of its own."""
    command = [sys.executable, "-m", "twin.cli", *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)  # type: ignore[func-returns-value]


def random_operation(facility: Any, count: int) -> Any:
    """Scenarios that vary weather, set-point, load of every rack, peaks and the utility's cap."""
    rng = np.random.default_rng(1)
    return twin.Operation(
        dry_bulb=rng.uniform(0.0, 50.0, count) + ZERO,
        supply_temperature=rng.uniform(30.0, 46.0, (count, 1)) + ZERO,
        support_load=rng.choice([0.0, 148e3], (count, 1)),
        rack_power=rng.uniform(90e3, 142e3, (count, len(facility.racks.name))),
        edp_factor=rng.uniform(1.0, 1.2, count),
        utility_cap=rng.uniform(1.7e6, 3.2e6, count),
    )


def main_job() -> dict[str, Any]:
    """What the main job must show: figures of the reference pod and times."""
    with tempfile.TemporaryDirectory() as folder:
        run = median(process("run", "--out", folder), 3)
    help_ = median(process("--help"), 5)
    load = median(twin.load, 5)
    pod = twin.load()
    one = median(lambda: twin.solve(pod), 9)
    batch = random_operation(pod, 10_000)
    start = time.perf_counter()
    state = twin.solve(pod, batch, keep="summary")
    many = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    good = state.converged.values == 1
    site_load = median(lambda: twin.load(str(CASES / "gb300-96" / "layout.yaml")), 3)
    site = twin.load(str(CASES / "gb300-96" / "layout.yaml"))
    site_solve = median(lambda: twin.solve(site), 3)
    outdoor = np.arange(20.0, 50.01, 0.25)
    hot = twin.solve(pod, twin.Operation(dry_bulb=outdoor + ZERO, rack_power=142e3, support_load=0.0))
    mode = hot.cooling_mode.values[:, 0]
    pue = twin.solve(
        pod,
        twin.Operation(
            dry_bulb=np.array([10.0, 20.0, 35.0, 40.0]) + ZERO, rack_power=142e3, support_load=0.0
        ),
    )
    return {
        "twin_run_s": run,
        "twin_help_s": help_,
        "load_s": load,
        "solve_one_s": one,
        "solve_10000_s": many,
        "solve_10000_settled": float(good.mean()),
        "solve_10000_mean_passes": float(state.passes.values.mean()),
        "solve_10000_worst_passes": int(state.passes.values[good].max()),
        "peak_memory_mib": peak,
        "worst_ledger_power": float(np.nanmax(np.abs(state.ledger_power.values))),
        "worst_ledger_rack": float(np.nanmax(np.abs(state.ledger_rack.values))),
        "worst_ledger_heat": float(np.nanmax(np.abs(state.ledger_heat.values))),
        "site_1536_load_s": site_load,
        "site_1536_solve_s": site_solve,
        "trim_from_degc": float(outdoor[np.argmax(mode >= 1)]),
        "throttled_from_degc": float(outdoor[np.argmax(mode >= 2)]),
        "supply_at_50_degc": float(hot.supply_temperature.values[-1, 0] - ZERO),
        "tokens_at_50_degc": float(hot.tokens_per_second.values[-1] / hot.tokens_per_second.values[0]),
        "pue_10_20_35_40": [round(float(value), 4) for value in pue.pue.values],
    }


def peak(code: str) -> float:
    """Peak memory of a process that runs some code [MiB]; its own high water, which starts anew with the program."""
    tail = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    command = [sys.executable, "-c", f"{code}\n{tail}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent)
    return float(done.stdout.split()[-1]) / 1024.0


def breadth() -> dict[str, Any]:
    """Every built-in layout, the site under its utility, memory of streamed summaries, pictures."""
    from twin.layout import builtin_layouts

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in builtin_layouts():
            load = median(lambda name=name: twin.load(name), 3)
            facility = twin.load(name)
            solve = median(lambda facility=facility: twin.solve(facility), 3)
            state = twin.solve(facility)
            picture = str(Path(folder) / f"{name}.png")
            drawn = subprocess.run(
                [sys.executable, "-m", "twin.cli", "view", name, "--screenshot", picture], capture_output=True
            )
            found[name] = {
                "racks": len(facility.racks.name),
                "load_s": load,
                "solve_s": solve,
                "passes": int(state.passes.max()),
                "converged": bool(state.converged.all()),
                "pue": float(state.pue.item()),
                "utility_mw": float(state.utility_power.item()) / 1e6,
                "ledger_heat": float(state.ledger_heat.item()),
                "screenshot": "drawn" if drawn.returncode == 0 else f"status {drawn.returncode}",
            }
    site = twin.load("site-250mw")
    state = twin.solve(site)
    bound = dict(zip(state.binding_kind.values.tolist(), state.bound_racks.values[0].tolist(), strict=True))
    price = next(price for price in twin.prices(site) if price.name == "utility")
    found["site_bound_racks"] = {kind: count for kind, count in bound.items() if count}
    found["site_utility_tokens_per_second_per_kw"] = [price.up * 1e3, price.down * 1e3]
    found["site_peak_memory_mib"] = peak("import twin; twin.solve(twin.load('site-250mw'))")
    sweep = (
        "import run, twin; pod = twin.load(); twin.solve(pod, run.random_operation(pod, {}), keep='summary')"
    )
    small, large = (
        statistics.median(peak(sweep.format(count)) for _ in range(3)) for count in (1_000, 10_000)
    )
    found["peak_memory_1000_mib"], found["peak_memory_10000_mib"] = small, large
    found["peak_memory_ratio"] = large / small
    return found


def contingency_figures() -> dict[str, Any]:
    """All single and double outages of the power chain: CPU seconds beside the base solve, and what they come to."""
    from twin.study.contingency import contingencies

    def seconds(job: Callable[[], Any]) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            job()
            times.append(time.process_time() - start)
        return statistics.median(times)

    found: dict[str, Any] = {}
    for key, name, whips in (
        ("hall", "gb300-hall", False),
        ("hall_whips", "gb300-hall", True),
        ("site_1536", "site-250mw", False),
    ):
        facility = twin.load(name)
        state = twin.solve(facility)

        def job(facility: Any = facility, whips: bool = whips, state: Any = state) -> Any:
            return contingencies(facility, whips=whips, state=state)

        every = job()
        found[f"contingency_{key}_states"] = every.sizes["state"]
        found[f"contingency_{key}_cpu_s"] = seconds(job)
        found[f"contingency_{key}_worst_loading"] = float(every.worst_loading.max())
    return found


def cpu(job: Callable[[], Any]) -> float:
    """Processor time of a job in this process [s]."""
    start = time.process_time()
    job()
    return time.process_time() - start


FIRST_FLOW = """
import time
import numpy as np
from electrical import tree
line = tree.forest(np.array([-1, 0]), np.array([0.0, 0.01]), np.zeros(2), np.full(2, 415.0))
start = time.process_time()
tree.{}(line, np.ones(2), np.ones(2))
print(time.process_time() - start)
"""


def first_calls(kernel: str) -> tuple[float, float]:
    """Processor time of the first call in a process [s]: one that compiles, and one that finds the machine code."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", FIRST_FLOW.format(kernel)]
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        cold, warm = (
            subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
            for _ in range(2)
        )
    return float(cold), float(warm)


def load_flow_figures() -> dict[str, Any]:
    """The radial load flow against power-grid-model: processor time a scenario, one thread each, to 1e-8.

    Every rack draws 30 to 120 kW of its own. The peer iterates currents and gives magnitude and angle of the
    voltages alone, its least, as `profile` does; `flow` gives currents and powers as well. `worst` has the same
    peer: it cannot reduce without storing, and reductions of its results are not counted. Ratios are medians of
    rounds in which all take turns, so that what else the machine does falls on all alike. Compilation, and
    loading of machine code, come before and are not counted.
    """
    import importlib.util

    from electrical import tree

    found: dict[str, Any] = {}
    for kernel in "flow", "profile", "worst":
        found[f"first_{kernel}_compiled_s"], found[f"first_{kernel}_cached_s"] = first_calls(kernel)
    place = importlib.util.spec_from_file_location("networks", CASES.parent / "conftest.py")
    networks = importlib.util.module_from_spec(place)  # type: ignore[arg-type]
    sys.modules["networks"] = networks
    place.loader.exec_module(networks)  # type: ignore[union-attr]
    count, few, rounds = 10_000, 1_000, 3
    for letter in "a", "b":
        network = networks.read_network(f"network-{letter}")
        rng = np.random.default_rng(1)
        loads = network.loads(rng.uniform(30e3, 120e3, (count, len(network.racks))), 0.98)
        part = [load[:few] for load in loads]
        rating = np.full(len(network.parent), 4000.0)
        peer = network.elsewhere(
            *loads, "iterative_current", 1e-8, output_component_types={"node": ["u", "u_angle"]}, threading=-1
        )
        jobs = {
            "peer": (count, peer),
            "streaming": (count, partial(tree.worst, network.forest, *loads, rating, 1e-8)),
            "storing": (count, partial(tree.profile, network.forest, *loads, 1e-8)),
            "flow": (few, partial(tree.flow, network.forest, *part, None, 1e-8)),
        }
        for _, job in list(jobs.values())[1:]:
            partial(job.func, network.forest, *(load[:1] for load in part))()
        times = [{name: cpu(job) / size for name, (size, job) in jobs.items()} for _ in range(rounds)]
        for name in jobs:
            found[f"{letter}_{name}_us"] = statistics.median(one[name] for one in times) * 1e6
        for name in list(jobs)[1:]:
            found[f"{letter}_{name}_ratio"] = statistics.median(one["peer"] / one[name] for one in times)
        state = tree.profile(network.forest, *part, 1e-8)
        voltage = state.magnitude * np.exp(1j * state.angle)
        magnitude, angle = network.deviation(voltage, network.solved_elsewhere(*part))
        found[f"{letter}_worst_difference_pu"] = float(np.abs(magnitude).max())
        found[f"{letter}_worst_difference_rad"] = float(np.abs(angle).max())
    return found


def electrical() -> dict[str, Any]:
    """The electrical kernels against their peers."""
    sys.path.insert(0, str(Path(__file__).parent))
    from workers import two_workers  # type: ignore[import-not-found, unused-ignore]

    unbalanced = {f"unbalanced_{name}": value for name, value in unbalanced_figures().items()}
    pairs = {f"two_workers_{name}": value for name, value in two_workers().items()}
    return load_flow_figures() | unbalanced | pairs | contingency_figures()


def liquid() -> dict[str, Any]:
    """The hydraulic network against its peers, and what the reference pod does along its headers and in time."""
    sys.path.insert(0, str(Path(__file__).parent))
    from hydraulics import measure  # type: ignore[import-not-found, unused-ignore]

    import twin
    from twin.event import events
    from twin.simulate import simulate
    from twin.study.headers import headers

    found: dict[str, Any] = dict(measure())
    pod = twin.load()
    spread = headers(pod)
    for way in ("direct", "reverse"):
        one = spread.sel(arrangement=way)
        found[f"pod_{way}_spread"] = float(one.spread[0])
        found[f"pod_{way}_head_kpa"] = float(one["head"][0]) / 1e3
    every = ",".join(name for name in pod.devices.name if name.startswith("cdu."))
    for name, text in (
        ("one_cdu_out", "cdu_loss cdu=cdu.1 at=10s"),
        ("all_pumps_out", f"pump_trip cdu={every} at=10s"),
        ("facility_water_lost", "loss_of_facility_water at=10s"),
        ("utility_lost", "utility_loss at=10s"),
    ):
        start = time.perf_counter()
        course = simulate(pod, None, events(pod, [text]), 120.0, 0.5)
        found[f"pod_{name}_simulated_s"] = time.perf_counter() - start
        for what in ("throttle", "trip"):
            seconds = course[f"seconds_to_{what}"].values
            found[f"pod_{name}_seconds_to_{what}"] = (
                float(seconds.min()) if np.isfinite(seconds).all() else None
            )
        found[f"pod_{name}_peak_case_degc"] = float(course.peak_temperature.max()) - 273.15
        found[f"pod_{name}_ledger"] = float(np.abs(course.ledger_coolant).max())
    return found


def hall_air() -> dict[str, Any]:
    """The air solver in published cases and against OpenFOAM, and its pressure solver against a peer."""
    sys.path.insert(0, str(Path(__file__).parent))
    import air  # type: ignore[import-not-found, unused-ignore]
    import openfoam  # type: ignore[import-not-found, unused-ignore]
    import rooms  # type: ignore[import-not-found, unused-ignore]
    import wibron  # type: ignore[import-not-found, unused-ignore]

    found = dict(rooms.measure()) | dict(wibron.measure())
    ours = found["hall_fine_cpu_s_per_simulated_s_in_stretch"]
    return found | dict(openfoam.measure(ours)) | dict(air.measure())


def compute() -> dict[str, Any]:
    """The compute model against published points, and its time in a sweep of a site."""
    sys.path.insert(0, str(Path(__file__).parent))
    from compute import measure  # type: ignore[import-not-found, unused-ignore]

    return dict(measure())


SUBJECTS = {
    "main-job": main_job,
    "breadth": breadth,
    "electrical": electrical,
    "liquid": liquid,
    "hall-air": hall_air,
    "compute": compute,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    found = SUBJECTS[asked.subject]()
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:28s} {value:.4g}" if isinstance(value, float) else f"{name:28s} {value}")


def unbalanced_figures(scenarios: int = 10_000, peer_scenarios: int = 1_000) -> dict[str, Any]:
    """Unbalanced load flow of network A against power-grid-model, both to 1e-8 per unit on one thread.

    Times are CPU microseconds a scenario, medians of rounds in which each has its turn, of the peer those of the
    batch calculation alone. Streamed and stored are held against the peer that writes voltages and angles alone,
    though stored writes currents and losses too. Compilation is stated apart.
    """
    sys.path.insert(0, str(CASES.parent))
    from conftest import read_network  # type: ignore[import-not-found, unused-ignore]

    from electrical.unbalanced import extremes, flow

    site = read_network("network-a")
    network = site.by_phase()
    rng = np.random.default_rng(5)
    power = np.zeros((scenarios, len(site.parent), 3))
    power[:, site.racks] = rng.uniform(10e3, 40e3, (scenarios, len(site.racks), 3))
    # A failed shelf phase on a tenth of the racks, and a tenth with all of its load on one phase.
    fate = rng.random((scenarios, len(site.racks)))
    power[:, site.racks, 0] *= fate > 0.1
    power[:, site.racks, 1:] *= (fate < 0.9)[..., None]
    reactive = 0.2 * power

    def cpu(job: Callable[[], Any], count: int) -> float:
        start = time.process_time()
        job()
        return (time.process_time() - start) / count * 1e6

    compilation = cpu(
        lambda: (flow(network, power[:1], reactive[:1]), extremes(network, power[:1], reactive[:1])), 1
    )
    few = slice(0, peer_scenarios)
    voltages = {"node": ["u_pu", "u_angle"]}
    branches = {"line": ["i_to", "p_from", "p_to"], "transformer": ["i_to", "p_from", "p_to"]}
    peer = {
        name: site.elsewhere(
            power[few], reactive[few], method, 1e-8, threading=-1, output_component_types=outputs
        )
        for name, method, outputs in (
            ("iterative_current", "iterative_current", voltages),
            ("iterative_current_with_branches", "iterative_current", voltages | branches),
            ("newton_raphson", "newton_raphson", voltages),
        )
    }
    times: dict[str, list[float]] = {name: [] for name in ("streamed", "stored", *peer)}
    for _ in range(3):
        times["streamed"].append(cpu(lambda: extremes(network, power, reactive, tolerance=1e-8), scenarios))
        times["stored"].append(
            cpu(lambda: flow(network, power[few], reactive[few], tolerance=1e-8), peer_scenarios)
        )
        for name, job in peer.items():
            times[name].append(cpu(job, peer_scenarios))
    found: dict[str, Any] = {f"{name}_us": statistics.median(values) for name, values in times.items()}
    best = found["iterative_current_us"]
    truth = site.solved_elsewhere(power[:20], reactive[:20])["node"]
    state = flow(network, power[:20], reactive[:20], tolerance=1e-8)
    ratio = state.voltage / (site.nominal[:, None] / np.sqrt(3.0))
    return {
        "scenarios": scenarios,
        "peer_scenarios": peer_scenarios,
        "compilation_or_loading_s": compilation / 1e6,
        **found,
        "streamed_times_faster": best / found["streamed_us"],
        "stored_times_faster": best / found["stored_us"],
        "worst_difference_pu": float(np.abs(ratio - truth["u_pu"] * np.exp(1j * truth["u_angle"])).max()),
        "worst_unbalance": float(state.unbalance.max()),
        "converged": float(extremes(network, power, reactive).converged.mean()),
    }


if __name__ == "__main__":
    main()
