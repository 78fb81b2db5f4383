"""Sessions of agents in a layout: by hand on GB300 and GB200, under a cap, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq
from typer.testing import CliRunner

import twin
from twin import cards, cli
from twin.catalogue import product
from twin.compute.roofline import scaled
from twin.compute.session import Session, most_sessions, worker
from twin.demand import requests, served
from twin.errors import InputError
from twin.facility import COMPUTE_BOUNDS, KV_TIERS
from twin.layout import load_layout
from twin.operation import resolve
from twin.schema import Layout
from twin.summary import summary

AGENT = {
    "workload.session.turns": "100",
    "workload.session.context": "200000",
    "workload.session.new_tokens": "1700",
    "workload.session.output": "608",
    "workload.session.tool_time": "10 s",
}
SIZE = 200e3 * 576 * 61
"""KV cache of a session of DeepSeek-R1 between its turns [B]."""
DEEP = 200e3 + 1700 + 304
"""Tokens that those which a turn writes attend to, in the mean."""
EXPERTS, ALWAYS, ACTIVE = 256 * 44.04e6 * 58, 16.08e9, 37e9
"""Its parameters: of all experts, read in every step, at work on a token."""


def solved(layout: str = "gb300-su", **sets: str) -> xr.Dataset:
    given = {name.replace("__", "."): text for name, text in sets.items()}
    return twin.solve(twin.load(layout, AGENT | given))


def step(batch: float, peak: float = 15e15) -> float:
    """Time of a decode step of 72 GB300 at some 200,000 tokens by the factors of disaggregated serving [s]."""
    each = batch / 72
    weights = (ALWAYS + (1 - (1 - 8 / 256) ** batch) * EXPERTS / 72) * 0.5625 / (0.734 * 8e12)
    linear = 2 * ACTIVE * each / peak / 0.25
    attention = 2 * 128 * 1088 * 61 * DEEP * each / 5e15 / 0.805
    dispatched = 2.5625 * 58 * 8 * 7168 * each / (0.75 * 900e9)
    fixed = 61 * 27.8e-6 + 58 * (22.0e-6 + 6.3e-6 * np.log2(72)) + 3.71e-3
    return weights + each * DEEP * 576 * 61 / (0.646 * 8e12) + linear + attention + dispatched + fixed


def prefill(tokens: float, before: float, peak: float) -> float:
    """Time of new tokens behind others on 72 GPUs [s]: FP4 counts for at most 2.1 times the FP8 peak of 5 PFLOP/s."""
    attention = 2 * 128 * 320 * 61 * (before + tokens / 2)
    return tokens * (2 * ACTIVE + attention) / (0.20 * min(peak, 2.1 * 5e15) * 72)


def alone(peak: float = 15e15, context: float = 200e3) -> float:
    """Prefill of a turn that finds its history: new tokens behind it, and a hundredth of the opening, which is the mean
    history less 49.5 turns of 2308 tokens [s]."""
    return prefill(1700, context, peak) + prefill(context - 49.5 * 2308, 0, peak) / 100


def shared(sessions: float, ttft: float, speed: float = 1.0, peak: float = 15e15) -> float:
    """Sessions of a rack that would decode so many with all its GPUs: some of these prefill, at 0.8 of their time."""
    batch = brentq(
        lambda b: b / sessions - 1 / (1 + (10 + ttft) / (608 * step(b, peak) / speed)), 1e-3, sessions
    )
    cycle = 608 * step(batch, peak) / speed + 10 + ttft
    return sessions / (1 + sessions / cycle * alone(peak) / speed / 0.8)


def paced(ttft: float, speed: float = 1.0) -> float:
    """Sessions of which as many decode as have their tokens in 50 ms: for 30.4 s of 40.4 and the wait."""
    batch = brentq(lambda b: step(b) / speed - 0.05, 1.0, 1e4)
    return float(np.floor(batch * (608 * 0.05 + 10 + ttft) / (608 * 0.05)))


def test_sessions_of_a_rack_by_hand() -> None:
    state = solved(workload__interactivity="20 token/s")
    ttft, count = state.session_ttft.values[0, 0], state.sessions.values[0]
    assert np.all(count == count[0])
    assert count[0] == pytest.approx(shared(paced(ttft), ttft))
    # They fit the memory of the GPUs: only the first turn of a hundred finds nothing.
    assert state.kv_hit.values[0, 0] == pytest.approx([0.99, 0, 0, 0])
    assert state.tier.values.tolist() == list(KV_TIERS)
    # The queue before all 72 that prefill, of so many sessions, as of an open one: 1 over its idle share. But two GPUs
    # hold the weights and a prompt, so a turn has the work of 36 times as many to itself.
    busy = paced(ttft) / (608 * 0.05 + 10 + ttft) * alone()
    assert ttft == pytest.approx(alone() / (1.0 - busy) + 35.0 * alone(), rel=0.01)
    assert state.compute_bound.values[0, 0] == COMPUTE_BOUNDS.index("bandwidth")


def test_memory_holds_fewer_than_latency_would_allow() -> None:
    # At 1 token/s latency allows several times the sessions whose cache fits GB200. As many as fit are carried: with
    # more, whole histories have to be computed anew.
    state = solved("gb200-su", workload__interactivity="1 token/s")
    room = 72 * np.floor((0.88 * 186e9 - (EXPERTS / 72 + ALWAYS) * 0.5625) / SIZE)  # each whole on one GPU
    count, ttft = state.sessions.values[0, 0], state.session_ttft.values[0, 0]
    assert state.kv_hit.values[0, 0] == pytest.approx([0.99, 0, 0, 0])
    assert count == pytest.approx(shared(room, ttft, peak=10e15))
    assert state.compute_bound.values[0, 0] == COMPUTE_BOUNDS.index("memory")
    # What nobody waits for, latency limits again.
    quick = solved("gb200-su", workload__interactivity="50 token/s")
    assert quick.sessions.values[0, 0] < room
    assert quick.compute_bound.values[0, 0] != COMPUTE_BOUNDS.index("memory")


def test_further_tiers_carry_sessions_at_long_tool_calls() -> None:
    # Sessions that are at their tools most of the time need no slot: CPUs and drives keep their prefixes.
    state = solved(workload__session__tool_time="30 min", workload__interactivity="20 token/s")
    hits, count = state.kv_hit.values[0, 0], state.sessions.values[0, 0]
    room = (0.88 * 288e9 * 72 - (EXPERTS + 72 * ALWAYS) * 0.5625) / SIZE
    assert count > room
    assert np.all(hits[:2] > 0.0)
    assert hits[3] == 0.0  # no card has a store on the network
    assert hits.sum() <= 0.99 + 1e-9


def test_capped_racks_keep_their_pace_with_fewer_sessions() -> None:
    sets = AGENT | {"workload.interactivity": "20 token/s"}
    facility = twin.load(sets=sets)
    state = twin.solve(
        facility, twin.Operation(power_cap=np.array([[np.inf], [100e3], [70e3]]) * np.ones(16))
    )
    count = state.sessions.values[:, 0]
    assert count[0] > count[1] > count[2] > 0
    speed = state.clock.values[:, 0] ** 0.30
    stepped = np.floor(speed * 128 + 1e-9) / 128
    ttft = state.session_ttft.values[:, 0]
    # Fewer sessions write fewer tokens, those that they have the time for: more than the speed takes from the racks.
    cycle = 10 + ttft + 608 * 0.05
    assert state.tokens.values[:, 0] == pytest.approx(count * 608 / cycle, rel=0.01)
    assert (state.tokens.values[1:, 0] < speed[1:] * state.tokens.values[0, 0]).all()
    for number, quick, wait in zip(count[1:], stepped[1:], ttft[1:], strict=True):
        # A step at full speed that takes 50 ms times the speed takes 50 ms now.
        assert number == pytest.approx(shared(paced(wait, quick), wait, quick))
    # Each scenario alone gives the same.
    for index, cap in enumerate((np.inf, 100e3, 70e3)):
        alone = twin.solve(facility, twin.Operation(power_cap=np.full((1, 16), cap)))
        for name in ("sessions", "tokens", "kv_hit", "session_ttft", "compute_bound"):
            np.testing.assert_array_equal(alone[name].values[0], state[name].values[index])


def test_a_fast_pace_has_small_workers_and_a_cap_keeps_them() -> None:
    """At 85 token/s pairs of GPUs write half as much again as the eight that are best for single requests."""
    facility = twin.load(sets=AGENT | {"workload.interactivity": "85 token/s"})
    asked = resolve(None, facility.operation, facility.devices.name, facility.elements)
    (request,), _ = requests(facility, asked)
    found = served(facility, facility.racks.types[0], request)
    single = served(facility, facility.racks.types[0], request._replace(agents=None))
    assert (found.worker_size, found.shards) != (single.worker_size, single.shards)
    caps = np.append(np.inf, np.arange(110e3, 55e3, -5e3))
    state = twin.solve(facility, twin.Operation(power_cap=caps[:, None] * np.ones(16)))
    tokens, count = state.tokens.values[:, 0], state.sessions.values[:, 0]
    assert tokens[0] == pytest.approx(72 * found.output_tokens_per_second, rel=1e-9)
    assert np.all(np.diff(tokens) <= 0.0)
    assert np.all(np.diff(count) <= 1e-9)
    assert tokens[0] > tokens[-3] > 0.0
    # Between two steps of speed tokens go in proportion; sessions are those of the lower.
    near = twin.solve(facility, twin.Operation(power_cap=np.linspace(80e3, 80.2e3, 5)[:, None] * np.ones(16)))
    assert len(np.unique(near.sessions.values[:, 0])) == 1
    assert np.all(np.diff(near.tokens.values[:, 0]) > 0.0)


def little(state: xr.Dataset, tool_time: float) -> float:
    """Tokens of the first rack by Little's law: of each session 608 in a cycle of tools, wait and writing."""
    cycle = tool_time + state.session_ttft.values[0, 0] + 608 * state.tpot_p50.values[0]
    return float(state.sessions.values[0, 0] * 608 / cycle)


def test_tokens_are_those_of_the_sessions() -> None:
    for layout, tools, pace in (
        ("gb300-su", 10.0, "20"), ("gb300-su", 1800.0, "20"), ("gb200-su", 10.0, "1"), ("h100-air", 60.0, "30"),
    ):  # fmt: skip
        state = solved(
            layout,
            workload__interactivity=f"{pace} token/s",
            workload__session__tool_time=f"{tools:g} s",
            **({"workload__session__context": "120000"} if layout == "h100-air" else {}),
        )
        assert state.tokens.values[0, 0] > 0.0
        assert state.tokens.values[0, 0] == pytest.approx(little(state, tools), rel=1e-6)


def drawn(bandwidth: float, flops: float) -> float:
    """Watts of a GB300 by its law, for shares of nominal bandwidth and peak."""
    return 1400.0 * min(0.97, 0.263 + 0.766 * bandwidth**0.943 + 1.181 * flops**0.541)


def test_watts_of_sessions_by_hand() -> None:
    state = solved(workload__interactivity="20 token/s")
    wait, count = state.session_ttft.values[0, 0], state.sessions.values[0, 0]
    token = state.tpot_p50.values[0]
    cycle = 10 + wait + 608 * token
    each = paced(wait)
    batch, ratio = each * 608 * token / cycle, each / cycle * alone() / 0.8
    assert count == pytest.approx(each / (1 + ratio))
    weights = (ALWAYS + (1 - (1 - 8 / 256) ** batch) * EXPERTS / 72) * 0.5625
    fetched = (weights + batch / 72 * DEEP * 576 * 61) / (step(batch) * 8e12)
    worked = batch / 72 * (2 * ACTIVE + 2 * 128 * 1088 * 61 * DEEP) / (step(batch) * 15e15)
    # Prefill reads all weights once for 8192 tokens, each of which attends to 200,850 others, at 2.1 times FP8.
    token = (2 * ACTIVE + 2 * 128 * 320 * 61 * 200_850) / (0.2 * 2.1 * 5e15)
    reading = (ALWAYS + EXPERTS) * 0.5625 / (8192 * token * 8e12)
    prefill = 0.8 * drawn(reading, 0.2 * 2.1 * 5 / 15) + 0.2 * drawn(0.0, 0.0)
    wanted = (drawn(fetched, worked) + ratio * prefill) / (1 + ratio)
    # At the case temperature of the law's reference; the state draws 2 % less for its cooler chips.
    facility = twin.load(sets=AGENT | {"workload.interactivity": "20 token/s"})
    asked = resolve(None, facility.operation, facility.devices.name, facility.elements)
    (request,), _ = requests(facility, asked)
    assert served(facility, facility.racks.types[0], request).gpu_power == pytest.approx(wanted, rel=1e-6)
    assert state.gpu_power.values[0, 0] == pytest.approx(wanted, rel=0.03)


def test_memory_holds_tokens_and_watts() -> None:
    """As many sessions as fit the memory of each of the GPUs that decode: 21, and 10 at twice the context."""
    tokens, watts = [], []
    room = 0.88 * 186e9 - (EXPERTS / 72 + ALWAYS) * 0.5625
    for context in (200e3, 400e3):
        state = solved(
            "gb200-su", workload__interactivity="1 token/s", workload__session__context=f"{context:.0f}"
        )
        assert state.compute_bound.values[0, 0] == COMPUTE_BOUNDS.index("memory")
        count, turns = state.sessions.values[0, 0], state.tokens.values[0, 0] / 608
        decoding = count / (1 - turns * alone(10e15, context) / 0.8)
        assert decoding == pytest.approx(72 * np.floor(room / (context * 576 * 61)), rel=1e-6)
        tokens.append(turns)
        watts.append(state.power.values[0, 0])
    assert tokens[1] < 0.6 * tokens[0]
    assert watts[1] < watts[0]
    # Without room for one history nothing is served.
    none = solved(
        "h100-air",
        workload__interactivity="1 token/s",
        workload__session__context="5000000",
        workload__session__turns="2000",
        workload__session__first_token="1 h",
    )
    assert np.all(none.tokens.values == 0.0)
    assert np.all(none.compute_bound.values == COMPUTE_BOUNDS.index("memory"))
    assert none.gpu_power.values[0, 0] == pytest.approx(0.100 * 700.0, rel=1e-6)


def test_tools_leave_racks_idle() -> None:
    """The longer the tools of sessions that fill the memory, the fewer decode at once and the less is drawn."""
    facility = twin.load("gb200-su", AGENT | {"workload.interactivity": "1 token/s"})
    tools = np.array([10.0, 60.0, 600.0])
    state = twin.solve(facility, twin.Operation(session_tool_time=tools))
    assert np.all(state.compute_bound.values == COMPUTE_BOUNDS.index("memory"))
    assert np.all(np.diff(state.tokens.values[:, 0]) < 0.0)
    assert np.all(np.diff(state.utility_power.values) < 0.0)
    assert state["workload.session.tool_time"].values.tolist() == tools.tolist()


def test_scenarios_are_layouts_of_those_numbers() -> None:
    given = {
        "turns": [50.0, 100.0], "context": [120e3, 150e3], "new_tokens": [1000.0, 1700.0], "output": [500.0, 608.0],
        "tool_time": [30.0, 600.0], "first_token": [5.0, 2.0],
    }  # fmt: skip
    batch = twin.Operation(
        interactivity=np.array([20.0, 30.0]),
        **{f"session_{name}": np.array(values) for name, values in given.items()},
    )
    state = twin.solve(twin.load(sets=AGENT), batch)
    for index, pace in enumerate((20, 30)):
        sets = {
            f"workload.session.{name}": f"{values[index]:g}{' s' if name in ('tool_time', 'first_token') else ''}"
            for name, values in given.items()
        }
        alone = twin.solve(twin.load(sets=sets | {"workload.interactivity": f"{pace} token/s"}))
        for name in (
            "tokens",
            "power",
            "sessions",
            "kv_hit",
            "session_ttft",
            "compute_bound",
            "utility_power",
        ):
            np.testing.assert_array_equal(alone[name].values[0], state[name].values[index])
    with pytest.raises(ValueError, match="session_context: the workload of the layout has no session"):
        twin.solve(twin.load(), twin.Operation(session_context=1e5))
    for bad in (np.nan, 0.0):
        with pytest.raises(ValueError, match="session_context"):
            twin.solve(twin.load(sets=AGENT), twin.Operation(session_context=bad))


def test_racks_of_storage_keep_prefixes_and_draw_power() -> None:
    sets = {
        "rows[row2].rack_type": "storage-rack", "rows.support_load": "0 kW",
        "workload.session.tool_time": "30 min", "workload.interactivity": "20 token/s",
    }  # fmt: skip
    facility = twin.load(sets=AGENT | sets)
    state = twin.solve(facility)
    assert np.all(state.power.values[0, 8:] == pytest.approx(12e3, rel=0.01))
    assert np.all(state.sessions.values[0, 8:] == 0.0)
    assert state.kv_hit.values[0, 0, 3] > 0.0
    alone = solved(**{name.replace(".", "__"): text for name, text in sets.items() if "rows" not in name})
    assert state.sessions.values[0, 0] > alone.sessions.values[0, 0]
    assert state.tokens.values[0, 0] > alone.tokens.values[0, 0]
    # Eight racks of 1.8 PB and 1 TB/s for eight of 72 GPUs.
    (kind,) = [kind for kind in facility.racks.types if kind.gpu]
    assert (kind.tiers[2].capacity, kind.tiers[2].bandwidth) == pytest.approx((1.8e15 / 72, 1e12 / 72))


def test_pools_of_sessions_have_clocks_of_their_own() -> None:
    asked = AGENT | {"workload.interactivity": "20 token/s", "workload.session.new_tokens": "20000"}
    asked |= {"workload.session.turns": "10"}
    states = {
        capping: twin.solve(
            twin.load(sets=asked | {"workload.capping": capping}),
            twin.Operation(power_cap=np.array([[np.inf], [90e3]]) * np.ones(16)),
        )
        for capping in ("uniform", "phases")
    }
    uniform, phases = (states[capping].tokens.values[:, 0] for capping in ("uniform", "phases"))
    assert uniform[0] == phases[0]
    assert uniform[1] < phases[1] < phases[0]
    clock, prefill = (states["phases"][name].values[1, 0] for name in ("clock", "prefill_clock"))
    assert clock < prefill < 1.0


def test_a_training_job_has_no_sessions() -> None:
    job = {
        "workload.kind": "training",
        "workload.training": {"checkpoint_pause": "30 s", "restart_time": "5 min"},
    }
    plain, agents = (twin.load("gb300-su", sets) for sets in (job, job | AGENT))
    states = [twin.solve(facility) for facility in (plain, agents)]
    np.testing.assert_array_equal(*(state.tokens.values for state in states))
    assert np.all(np.isnan(states[1].sessions))
    assert "sessions" not in summary(agents, states[1], []).metrics


def test_without_a_session_nothing_is_told_of_one() -> None:
    plain = twin.solve(twin.load())
    assert np.all(np.isnan(plain.sessions))
    assert np.all(np.isnan(plain.kv_hit))
    assert not {"sessions", "kv_hit", "session_ttft"} & set(summary(twin.load(), plain, []).metrics)


def test_racks_that_serve_nothing_carry_nothing() -> None:
    state = solved(workload__interactivity="2000 token/s")
    assert np.all(state.sessions == 0.0)
    assert np.all(np.isnan(state.session_ttft))
    found = summary(twin.load(sets=AGENT), state, []).metrics
    assert found["sessions"].value == 0.0
    assert found["kv_hit"].text == "no value"
    facility = twin.load(sets=AGENT)
    feeds = [name for name in facility.devices.name if name.startswith("whip.row1.01.")]
    dead = twin.solve(facility, twin.Operation(out=feeds))
    assert dead.sessions.values[0, 0] == 0.0
    assert dead.sessions.values[0, 1] > 0.0


def test_worker_of_shards_and_drafts() -> None:
    # Llama in groups of eight H100: an eighth of the weights read, eight KV heads apart, and no other room.
    made = product("hgx-h100", "rack")
    gpu, model = cards.gpu(made, "fp8"), cards.model(product("llama-3.3-70b", "model"))
    facility = twin.load()
    work = replace(facility.workload, weight_bytes=1.0)
    base = facility.racks.types[0].calibration
    assert base is not None
    whole, apart = (worker(gpu, model, work, base, 8, shards=count) for count in (1, 8))
    assert apart.tiers[0].capacity == pytest.approx(0.88 * 8 * gpu.memory - model.always_read)
    assert whole.tiers[0].capacity == pytest.approx(0.88 * 8 * gpu.memory - 8 * model.always_read)
    assert apart.step(np.array(1.0), 1e4) < whole.step(np.array(1.0), 1e4)
    drafting = worker(gpu, model, replace(work, draft_length=1, accepted=1.7), base, 8, shards=8)
    light = worker(gpu, model, replace(work, draft_length=1), base, 8, shards=8)
    assert light.step(np.array(4.0), 1e4) == pytest.approx(1.7 * drafting.step(np.array(4.0), 1e4))
    slow = worker(gpu, model, work, scaled(base, 2.0), 8, shards=8)
    assert slow.step(np.array(4.0), 1e4) == pytest.approx(2.0 * apart.step(np.array(4.0), 1e4))
    session = Session(10, 20e3, 1000, 300, 5.0)
    assert most_sessions(slow, session, 10.0, 0.04) < most_sessions(apart, session, 10.0, 0.04)


def test_tiers_of_a_card_are_of_one_gpu() -> None:
    cpu, local, network = cards.tiers(product("gb300-nvl72", "rack"))
    assert (cpu.capacity, cpu.bandwidth) == pytest.approx((17e12 / 72, 14e12 / 72))
    assert (local.capacity, local.bandwidth) == pytest.approx((3.84e12, 7e9), rel=2e-3)
    assert (network.capacity, network.bandwidth) == (0.0, np.inf)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("context", "context: 20000", ("context", "is 20,000, at least 114,246", "100 turns")),
        ("tool_time", "tool_time: 10", ("tool_time", "unit")),
        ("first_token", "first_token: 0 s", ("first_token", "at least")),
        ("turn", "turn: 3", ("turn", "turns")),
    ],
)
def test_what_is_refused_with_its_line(tmp_path: Path, key: str, text: str, words: tuple[str, ...]) -> None:
    lines = {
        "turns": "turns: 100", "context": "context: 200000", "new_tokens": "new_tokens: 1700",
        "output": "output: 608", "tool_time": "tool_time: 10 s",
    } | {key: text}  # fmt: skip
    given = "\n  session:\n" + "".join(f"    {line}\n" for line in lines.values())
    plain = (Path(twin.__file__).parent / "layouts" / "gb300-su.yaml").read_text()
    start, rest = plain.split("\neconomics:")
    file = tmp_path / "own.yaml"
    file.write_text(f"{start.rstrip()}{given}\neconomics:{rest}")
    at = file.read_text().splitlines().index(f"    {text}") + 1
    with pytest.raises(InputError) as refused:
        load_layout(str(file))
    assert f"own.yaml:{at}:" in str(refused.value)
    for word in words:
        assert word in str(refused.value)


def test_cli_tells_sessions(tmp_path: Path) -> None:
    sets = [part for name, text in AGENT.items() for part in ("--set", f"{name}={text}")]
    arguments = ["run", *sets, "--out", str(tmp_path)]
    told = CliRunner().invoke(cli.app, [*arguments, "--json"])
    assert told.exit_code == 0, told.output
    metrics = json.loads(told.stdout)["metrics"]
    state = solved()
    assert metrics["sessions"]["value"] == pytest.approx(float(state.sessions.sum()))
    assert metrics["kv_hit"]["value"] == pytest.approx(0.99)
    assert "0.99 in gpu memory" in metrics["kv_hit"]["basis"]
    assert "memory limits 0 racks" in metrics["sessions"]["basis"]
    assert metrics["session_ttft"]["value"] == pytest.approx(float(state.session_ttft.max()))
    shown = CliRunner().invoke(cli.app, arguments)
    for words in ("Agent sessions", "Prefixes kept", "First token of a turn"):
        assert words in shown.stdout
    layout = Layout.restored(load_layout("gb300-su", AGENT).stored())
    assert layout == load_layout("gb300-su", AGENT)


def test_a_worker_whose_sessions_are_all_at_their_tools_idles() -> None:
    facility = twin.load(
        sets=AGENT
        | {"workload.interactivity": "1 token/s", "workload.session.context": "4000000",
           "workload.session.tool_time": "600000 s", "workload.session.first_token": "3600 s"}
    )  # fmt: skip
    asked = resolve(None, facility.operation, facility.devices.name, facility.elements)
    (request,), _ = requests(facility, asked)
    # A week of tools a turn: what is left over the idle draw is the few that work, and their prefill.
    assert served(facility, facility.racks.types[0], request).gpu_power == pytest.approx(
        drawn(0.0, 0.0), rel=0.10
    )
