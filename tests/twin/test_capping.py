"""`workload.capping` from the layout to tokens, prices and what holds a rack."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from twin import cli
from twin.compute import law as laws
from twin.compute.clock import drawn_share
from twin.compute.roofline import prefill_time, stored_weights
from twin.demand import Request, demand, served
from twin.errors import InputError
from twin.operation import resolve
from twin.plant.supply import supplied
from twin.state import BINDINGS
from twin.study.price import prices
from twin.study.shell import shell

CAPS = np.array([2.2e6, 2.1e6, 1.9e6, 1.7e6, 1.5e6])


def pod(capping: str, **change: str) -> twin.Facility:
    return twin.load("gb300-su", {"workload.capping": capping, **change})


def law_of(facility: twin.Facility, **change: object) -> laws.Law:
    asked = resolve(twin.Operation(**change), facility.operation, facility.devices.name, facility.elements)
    return demand(facility, asked, supplied(facility, asked))[0]


@pytest.fixture(scope="module")
def states():
    return {
        capping: twin.solve(pod(capping), twin.Operation(utility_cap=CAPS), keep="all")
        for capping in ("mixed", "uniform", "phases")
    }


def test_left_out_is_mixed_to_the_last_bit(states):
    state = twin.solve(twin.load("gb300-su"), twin.Operation(utility_cap=CAPS), keep="all")
    for name in state.data_vars:
        np.testing.assert_array_equal(state[name].values, states["mixed"][name].values, err_msg=name)


def test_pools_are_those_of_the_serving_model():
    # Sixteen like racks. A GPU that prefills is busy four fifths of the time, at a fifth of 2.1 times its FP8 peak, and
    # reads its weights once for 8,192 tokens; in between it idles.
    facility = pod("phases")
    law, kind = law_of(facility), facility.racks.types[0]
    gpu, model, calibration = kind.gpu, facility.model, kind.calibration
    found = served(facility, kind, Request(50.0, np.inf, None))
    token = prefill_time(gpu, model, facility.workload, calibration)
    reading = stored_weights(model, facility.workload) / (8192 * token * gpu.bandwidth)
    busy = 0.263 + 0.766 * reading**0.943 + 1.181 * (calibration.prefill * 2.1 * 5 / 15) ** 0.541
    drawn = (0.8 * min(busy, 0.97) + 0.2 * 0.263) * gpu.power
    np.testing.assert_allclose(law.prefill, found.prefill_share * drawn / found.gpu_power, rtol=1e-12)
    assert (law.exponent.item(0), law.prefill_exponent.item(0)) == (0.20, 1.0)
    alike = law_of(pod("uniform"))
    assert (alike.exponent == 1.0).all()
    assert alike.prefill is None
    np.testing.assert_array_equal(alike.demand, law.demand)


def test_watts_are_the_same_and_tokens_ordered(states):
    mixed, uniform, phases = (
        states[capping].tokens_per_second.values for capping in ("mixed", "uniform", "phases")
    )
    full = float(twin.solve(pod("phases")).tokens_per_second[0])
    assert full == float(twin.solve(pod("mixed")).tokens_per_second[0])
    for state in states.values():
        assert bool(state.converged.all())
        assert (state.binding.values == BINDINGS.index("utility")).all()
        np.testing.assert_allclose(state.utility_power, CAPS, rtol=1e-8)
        np.testing.assert_allclose(state.rack_power, states["mixed"].rack_power, rtol=1e-6)
    assert (np.diff(phases) < 0.0).all()
    assert (phases > uniform).all()
    assert (phases < full).all()
    # Prefill follows the clock: with an exponent of its own it loses more than the whole of the mixed law.
    assert (phases < mixed).all()


def test_tokens_of_a_rack_by_halving(states):
    facility, state = pod("phases"), states["phases"]
    law = law_of(facility)
    prefill, demand_ = law.prefill.item(0), law.gpu_demand.item(0)
    asked = Request(50.0, np.inf, None)
    full = 72 * served(facility, facility.racks.types[0], asked).output_tokens_per_second
    for scenario in range(len(CAPS)):
        # GPUs that are cooler than the limit draw less than the law says, by what they leak less.
        less = facility.racks.leakage[0] - state.leakage_power.values[scenario, 0]
        share = (72 * state.gpu_power.values[scenario, 0] + less) / demand_
        low, high = 0.0, 1.0
        for _ in range(60):
            rate = 0.5 * (low + high)
            drawn = 0.25
            for part, exponent in ((prefill, 1.0), (1.0 - prefill, 0.2)):
                clock = max(rate ** (1.0 / exponent), 0.17)
                drawn += 0.75 * part * clock * max(clock, 0.75) ** 2
            low, high = (rate, high) if drawn <= share else (low, rate)
        assert state.tokens.values[scenario, 0] == pytest.approx(full * low, rel=1e-6)


def test_clocks_keep_one_rate(states):
    full = float(twin.solve(pod("phases")).tokens_per_second[0])
    speed = states["phases"].tokens_per_second.values[:, None] / full
    np.testing.assert_allclose(states["phases"].prefill_clock, speed + np.zeros(16), rtol=1e-9)
    np.testing.assert_allclose(states["phases"].clock, np.maximum(speed ** (1 / 0.2), 0.17) + np.zeros(16))
    for capping, exponent in (("mixed", 0.3), ("uniform", 1.0)):
        state = states[capping]
        np.testing.assert_array_equal(state.clock, state.prefill_clock)
        speed = state.tokens_per_second.values[:, None] / full
        np.testing.assert_allclose(state.clock, speed ** (1 / exponent) + np.zeros(16), rtol=1e-9)


@pytest.mark.parametrize("capping", ["mixed", "uniform", "phases"])
def test_price_of_the_utility_is_the_slope_of_tokens_over_its_cap(capping):
    facility, cap = pod(capping), 2.0e6
    state = twin.solve(facility, twin.Operation(utility_cap=cap + np.array([0.0, -2e3, 2e3])), keep="all")
    slope = np.diff(state.tokens_per_second.values[1:])[0] / 4e3
    found = next(one for one in prices(facility, twin.Operation(utility_cap=cap)) if one.kind == "utility")
    assert found.racks == 16
    assert found.up == pytest.approx(slope, rel=2e-3)
    assert found.down == pytest.approx(slope, rel=2e-3)
    # The allocator's own price sees each rack's tangent and not what pumps and fans follow.
    assert state.price.sel(limit="utility").values[0] == pytest.approx(slope, rel=0.01)


def test_a_scenario_is_what_it_is_alone():
    # Every second pace is beyond reach: such racks idle and have no pools.
    facility = pod("phases")
    asked = {"utility_cap": np.repeat(CAPS[1:4], 2), "interactivity": np.tile([50.0, 5000.0], 3)}
    every = twin.solve(facility, twin.Operation(**asked))
    for scenario in range(6):
        one = twin.solve(facility, twin.Operation(**{k: v[scenario] for k, v in asked.items()}))
        for name in ("power", "tokens", "binding", "utility_power"):
            np.testing.assert_array_equal(one[name].values[0], every[name].values[scenario], err_msg=name)


def test_racks_without_gpus_beside_them():
    facility = pod("phases", **{"rows[row1].rack_type": "storage-rack"})
    law = law_of(facility)
    assert set(law.prefill[0] > 0.0) == {True, False}
    full = float(twin.solve(facility).utility_power[0])
    state = twin.solve(facility, twin.Operation(utility_cap=full * np.array([0.9, 0.8])))
    assert bool(state.converged.all())
    none = facility.racks.gpus == 0
    np.testing.assert_array_equal(state.power.values[:, none], state.demand.values[:, none])
    assert (np.diff(state.tokens_per_second) < 0.0).all()


def test_a_job_reads_nothing_of_capping():
    training = {"workload.kind": "training", "workload.training.checkpoint_pause": "60 s",
                "workload.training.restart_time": "10 min"}  # fmt: skip
    asked = twin.Operation(utility_cap=2.0e6)
    mixed, phases = (twin.solve(pod(capping, **training), asked) for capping in ("mixed", "phases"))
    np.testing.assert_array_equal(mixed.tokens.values, phases.tokens.values)


def test_a_shell_of_pools():
    # At what MaxLPS gives a rack, 164 kW, against what DeepSeek-R1 at 50 token/s makes of it.
    speeds, asked = {}, {}
    for capping in ("mixed", "uniform", "phases"):
        found = shell(twin.load("vr-su", {"workload.capping": capping}), 1e9, served=True)
        managed, full = found.fill("managed"), found.fill("nameplate")
        speeds[capping] = managed.interactivity / full.interactivity
        asked[capping] = managed.gpu_power / full.gpu_power
        exponent = {"mixed": 0.3, "uniform": 1.0, "phases": 0.2}[capping]
        assert managed.clock == pytest.approx(speeds[capping] ** (1 / exponent), rel=1e-9)
    assert speeds["uniform"] < speeds["phases"] < speeds["mixed"]
    # GPU watts by the clock that all GPUs then have; published is 0.915.
    assert drawn_share(speeds["uniform"], 0.25, 0.75) == pytest.approx(asked["uniform"], rel=1e-9)
    assert speeds["uniform"] == pytest.approx(0.915, rel=0.01)


@pytest.mark.parametrize("capping", ["uniform", "phases"])
def test_aggregated_serving_has_no_pools_to_cap(capping):
    with pytest.raises(InputError, match=rf"workload.capping.*is {capping}.*aggregated has none"):
        pod(capping, **{"workload.serving": "aggregated"})
    twin.load("gb300-su", {"workload.serving": "aggregated", "workload.capping": "mixed"})


def test_an_unknown_word_tells_the_known_ones():
    with pytest.raises(InputError, match=r"capping.*mixed.*uniform.*phases"):
        pod("decode")


def test_run_from_the_command_line(tmp_path: Path):
    tokens = {}
    for capping in ("uniform", "phases"):
        done = CliRunner().invoke(
            cli.app,
            ["run", "gb300-su", "--json", "--out", str(tmp_path / capping), "--set", "utility.cap=1.9 MW",
             "--set", f"workload.capping={capping}"],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert found["converged"] is True
        assert found["binding"] == {"utility": 16}
        tokens[capping] = found["metrics"]["tokens_per_second"]
        price = next(one for one in found["prices"] if one["limit"] == "utility")
        assert price["up"] == pytest.approx(price["down"], rel=0.01)
    assert "decode capped before prefill" in tokens["phases"]["basis"]
    assert tokens["phases"]["value"] > 1.05 * tokens["uniform"]["value"]
