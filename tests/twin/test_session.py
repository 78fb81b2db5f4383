from __future__ import annotations

import heapq
from dataclasses import replace
from math import comb

import numpy as np
import pytest

from twin import cards
from twin.catalogue import product
from twin.compute.agents import Agents, configuration, counted, served
from twin.compute.roofline import scaled
from twin.compute.serving import Calibration, Gpu, Model, Workload, configurations, prefill_time, serve
from twin.compute.session import (
    Session,
    Tier,
    Worker,
    carry,
    decode_step,
    fetch_seconds,
    hits,
    most_sessions,
    prefill_seconds,
    resident,
    response,
    worker,
)

GB300 = Gpu(1400.0, 288e9, 8e12, 15e15, 2.5e15, 900e9, 72)
GB200 = Gpu(1200.0, 186e9, 8e12, 10e15, 2.5e15, 900e9, 72)
DEEPSEEK = Model(
    61, 7168, 16.08e9, 16.08e9 + 8 * 44.04e6 * 58, 256, 8, 44.04e6, 58, 61, 576, 1, 128, 1088, 320
)
CALIBRATION = Calibration(0.72, 1.0, 0.576, 0.362, 11.0e-6, 11.1e-6, 4.0e-3, 0.20)
WORK = Workload(8192, 1024, 50.0, 0.5625, 1.0, 0.8)
# Coding agents of the AgentX traces: median prompt 200,000 tokens, 1,700 new and 608 written in a turn; a hundred
# turns and 10 s of tools are assumed.
AGENT = Session(turns=100, context=200e3, new=1700, output=608, tool_time=10.0)

# Of one GPU of a GB300 NVL72: 17 TB of LPDDR5X at 14 TB/s, a drive of 3.84 TB, a share of a store at 400 Gbit/s.
CPU_MEMORY, LOCAL_STORAGE, NETWORK_STORAGE = (
    Tier(17e12 / 72, 14e12 / 72),
    Tier(3.84e12, 7e9),
    Tier(50e12, 50e9),
)

# SemiAnalysis InferenceX run 29820102138 as tabulated in sskim-ai/InferenceX_analysis: GLM-5.2 FP8 on 16 H200 with
# prefill and decode apart. Sessions, median time to the first token [s], median inter-token latency [ms], requests/s.
H200 = [
    (1, 1.30, 30.2, 0.099), (2, 2.23, 32.0, 0.110), (3, 2.61, 31.1, 0.126), (4, 3.32, 34.0, 0.104),
    (5, 63.5, 31.7, 0.069), (6, 126.9, 31.8, 0.054), (7, 189.6, 31.2, 0.067), (8, 228.7, 30.7, 0.061),
]  # fmt: skip


def h200() -> tuple[Worker, Session]:
    """Inputs of that run. Published: about 40,000 tokens in and 430 out of a turn; computing anew at the 2,923 tokens/s
    that the run takes in at 8 sessions; 3,800 new tokens, which make its 1.3 s alone; 30 ms a token and up to 4 more.
    Assumed: 5 s of tools, 50 kB a token, and room for 4 sessions, as the run's own cliff says. So where the cliff lies
    and the rate behind it are given; that a fifth session costs all hits and not a fifth of them is the model's."""
    size = 40e3 * 50e3
    session = Session(turns=100, context=40e3, new=3800, output=430, tool_time=5.0)
    return Worker(
        (Tier(4.0 * size, np.inf),), 50e3, 1 / 2923, 0.0, lambda batch, _: 0.029 + 0.001 * batch
    ), session


def test_cliff_of_h200() -> None:
    sessions, _, latency, rate = np.array(H200).T
    load = carry(*h200(), sessions)
    assert np.all((load.ttft[:4] > 1.0) & (load.ttft[:4] < 3.6))
    assert np.all(load.ttft[4:] > 30.0)
    assert np.all(np.diff(load.ttft) > 0.0)
    assert load.tpot * 1e3 == pytest.approx(latency, rel=0.10)
    assert load.hits[:4, 0] == pytest.approx(np.full(4, 0.99))
    assert np.all(load.hits[4:, 0] < 0.2)
    assert load.turns_per_second[4:] == pytest.approx(rate[4:], rel=0.25)
    assert most_sessions(*h200(), ttft=5.0, tpot=0.05) == 4


def test_room_moves_the_cliff_and_speed_does_not() -> None:
    one, session = h200()
    double = replace(one, tiers=(Tier(2 * one.tiers[0].capacity, np.inf),))
    quick = replace(one, step=lambda *given: 0.5 * one.step(*given))
    assert [most_sessions(each, session, 5.0, 0.05) for each in (one, double, quick)] == [4, 8, 4]
    # A second tier keeps prefixes; only as many as the GPUs' memory holds decode at once.
    spilled = replace(one, tiers=(*one.tiers, Tier(1e15, 50e9)))
    load = carry(spilled, session, np.array([5.0, 12.0, 30.0]))
    assert load.ttft[0] < 5.0
    assert load.batch[1:] == pytest.approx(load.batch[1])
    assert load.batch[1] < 4.0
    assert load.hits.sum(axis=-1) == pytest.approx(np.full(3, 0.99))


class Replay:
    """The same loop event by event: one queue first come first served, least recently used sessions evicted."""

    def __init__(
        self,
        sessions: int,
        room: int,
        hit: float,
        miss: float,
        decode: float,
        tool: float,
        varied: bool = False,
    ) -> None:
        rng = np.random.default_rng(7)
        events = [(float(rng.exponential(tool)), session) for session in range(sessions)]
        heapq.heapify(events)
        cached = {session: None for session in range(min(room, sessions))}  # in order of use
        free, waits, found = 0.0, [], []
        while len(waits) < 20_000:
            time, session = heapq.heappop(events)
            start = max(time, free)
            found.append(session in cached)
            service = hit if session in cached else miss
            free = start + (float(rng.exponential(service)) if varied else service)
            cached.pop(session, None)
            cached[session] = None
            if len(cached) > room:
                del cached[next(iter(cached))]
            waits.append(free - time)
            heapq.heappush(events, (free + decode + float(rng.exponential(tool)), session))
        self.ttft, self.hits = np.mean(waits[2000:]), np.mean(found[2000:])


@pytest.mark.parametrize("sessions", [1, 2, 4, 5, 6, 8])
def test_loop_against_a_replay_event_by_event(sessions: int) -> None:
    one, session = h200()
    one = replace(
        one,
        tiers=(Tier(4.0 * session.context * one.token_bytes, np.inf),),
        step=lambda batch, _: 0.031 + 0 * batch,
    )
    session = replace(session, turns=1e9)
    load = carry(one, session, float(sessions))
    fresh = float(prefill_seconds(one, session.new, session.context))
    anew = float(prefill_seconds(one, session.context))
    replayed = Replay(sessions, 4, fresh, fresh + anew, 430 * 0.031, session.tool_time)
    # With one session too many the queue makes returns more regular than independent ones are: fewer hits.
    assert load.hits[0] == pytest.approx(replayed.hits, abs=0.1 if sessions == 5 else 0.02)
    # A fixed service queues less than the exponential one of the formula; those fewer hits cost 2 % the other way.
    assert replayed.ttft * 0.95 < load.ttft < replayed.ttft * 1.25


def test_many_sessions_against_replays_of_turns_that_vary_and_do_not() -> None:
    """40 sessions that all find their prefix and keep prefill busy for two thirds of the time."""
    one, session = h200()
    one = replace(one, tiers=(Tier(1e15, np.inf),), step=lambda batch, _: 0.031 + 0 * batch)
    session = replace(session, turns=1e9, tool_time=60.0)
    load = carry(one, session, 40.0)
    assert load.prefill == pytest.approx(0.68, abs=0.02)
    fresh = float(prefill_seconds(one, session.new, session.context))
    alike, varied = (Replay(40, 40, fresh, fresh, 430 * 0.031, 60.0, one).ttft for one in (False, True))
    assert varied < load.ttft < 1.25 * varied
    assert 1.4 * alike < load.ttft < 1.6 * alike


@pytest.mark.parametrize(("busy", "room"), [(0.0, 30), (0.3, 40), (0.3, 12), (0.6, 45), (0.8, 50)])
def test_hits_of_a_cache_by_recency(busy: float, room: int) -> None:
    # Sessions that return after a fixed time and an exponential one, against a list in order of use.
    sessions, rng = 60, np.random.default_rng(3)
    events = [(float(rng.uniform(0.0, 1.0)), session) for session in range(sessions)]
    heapq.heapify(events)
    order, found = list(range(sessions)), []
    for _ in range(30_000):
        time, session = heapq.heappop(events)
        found.append(order.index(session) < room)
        order.remove(session)
        order.insert(0, session)
        heapq.heappush(events, (time + busy + (1.0 - busy) * float(rng.exponential()), session))
    assert hits(np.array(float(room)), 60.0, busy) == pytest.approx(np.mean(found[3000:]), abs=0.02)


@pytest.mark.parametrize("busy", [0.0, 0.25, 0.5, 0.9])
def test_hits_are_the_mean_of_a_binomial(busy: float) -> None:
    # Fewer than 4 of 7 others have come back, at a chance uniform in [busy, 1], by quadrature.
    nodes, weights = np.polynomial.legendre.leggauss(20)
    chance = busy + (1.0 - busy) * (nodes + 1.0) / 2.0
    few = sum(comb(7, back) * chance**back * (1.0 - chance) ** (7 - back) for back in range(4))
    assert hits(np.array(4.0), 8.0, busy) == pytest.approx(0.5 * weights @ few)


def test_hits_at_the_ends() -> None:
    # Independent references: the room over the sessions. A scan: all or nothing. Never more than one.
    assert hits(np.array([3.0, 12.0]), 12.0, 0.0) == pytest.approx([0.25, 1.0])
    assert hits(np.array([11.9, 12.0, 20.0]), 12.0, 1.0) == pytest.approx([0.0, 1.0, 1.0])


def _repairman(service: float, elsewhere: float, customers: int) -> float:
    """Exact mean-value analysis of one exponential server in a closed loop."""
    queue = time = 0.0
    for number in range(1, customers + 1):
        time = service * (1.0 + queue)
        queue = number / (elsewhere + time) * time
    return time


@pytest.mark.parametrize("customers", [1, 2, 5, 20, 100, 3000])
def test_response_against_the_machine_repairman(customers: int) -> None:
    for load in (0.1, 0.3, 1.0, 3.0, 30.0):
        exact = _repairman(load / customers, 1.0, customers)
        found = float(response(load / customers, 1.0, customers))
        assert exact * (1 - 1e-9) <= found <= exact * np.sqrt(np.pi / 2)
        if customers == 1 or load in (0.1, 30.0):
            assert found == pytest.approx(exact, rel=0.02)


def test_reload_or_compute_of_the_design() -> None:
    # DeepSeek-R1: 200,000 tokens are 7.0 GB; a token computed in 38 us on one GB200 in NVFP4 (without attention), and
    # reloaded in 0.08 us from the CPU at 450 GB/s and 5 us from a drive at 7 GB/s.
    tiers = (Tier(1e12, 450e9), Tier(1e12, 7e9))
    one = worker(GB200, DEEPSEEK, WORK, CALIBRATION, 1, tiers)
    assert 200e3 * one.token_bytes == pytest.approx(7.0e9, rel=0.01)
    assert one.token_time == pytest.approx(38e-6, rel=0.05)
    from_gpu, from_cpu, from_drive, anew = fetch_seconds(one, 200e3) / 200e3
    assert from_gpu == 0.0
    assert from_cpu == pytest.approx(0.08e-6, rel=0.05)
    assert from_drive == pytest.approx(5.0e-6, rel=0.01)
    # Attention over 200,000 tokens is several times the rest, so computing anew costs more still.
    assert anew == pytest.approx(
        prefill_time(GB200, DEEPSEEK, replace(WORK, input_length=200_000), CALIBRATION)
    )
    assert anew > 5 * one.token_time


def test_a_slow_tier_is_not_read() -> None:
    one = Worker((Tier(1e9, np.inf), Tier(1e12, 1e6)), 1e3, 1e-5, 0.0, lambda batch, _: 0.02 + 0 * batch)
    assert fetch_seconds(one, 1000.0) == pytest.approx([0.0, 0.01, 0.01])


def test_prefill_in_pieces_is_prefill_in_one() -> None:
    one = worker(GB300, DEEPSEEK, WORK, CALIBRATION, 8)
    parts = prefill_seconds(one, 150e3) + prefill_seconds(one, 50e3, 150e3)
    assert parts == pytest.approx(prefill_seconds(one, 200e3))


def test_one_session_by_hand() -> None:
    # No queue and no miss but the opening: 2 turns of 1000 + 100 tokens, history 1000 - 550 = 450 at the first.
    one = Worker((Tier(1e12, np.inf),), 1e3, 1e-3, 0.0, lambda batch, _: 0.02 + 0 * batch)
    load = carry(one, Session(2, 1000, 1000, 100, 7.0), 1.0)
    ttft = 1.0 + 0.45 / 2
    assert load.ttft == pytest.approx(ttft)
    assert load.turns_per_second == pytest.approx(1 / (ttft + 2.0 + 7.0))
    assert load.busy == pytest.approx((ttft + 2.0) / (ttft + 9.0))
    assert load.batch == pytest.approx(2.0 / (ttft + 9.0))
    # Aggregated it waits for no prompt of another.
    shared = carry(replace(one, shared=True), Session(2, 1000, 1000, 100, 7.0), 1.0)
    assert (shared.ttft, shared.tpot) == pytest.approx((ttft, 0.02))


def test_rack_of_gb300_by_its_tiers() -> None:
    every = (CPU_MEMORY, LOCAL_STORAGE, NETWORK_STORAGE)
    racks = [worker(GB300, DEEPSEEK, WORK, CALIBRATION, 72, every[:count]) for count in range(4)]
    # 0.88 of 20.7 TB less 368 GB of experts and 9.0 GB of attention weights on each of 72 GPUs, in sessions of 7.03 GB;
    # 17 TB of the CPUs more.
    assert resident(racks[1], AGENT) == pytest.approx([2450, 2450 + 2420], rel=0.002)
    carried = [most_sessions(rack, AGENT, ttft=10.0, tpot=0.03) for rack in racks]
    assert carried == sorted(carried)
    assert 0 < carried[0] < resident(racks[0], AGENT)[0] * 1.1
    longer = [
        most_sessions(racks[0], replace(AGENT, context=tokens), 10.0, 0.03) for tokens in (50e3, 100e3, 400e3)
    ]
    assert longer == sorted(longer, reverse=True)


def test_invariants_and_batch() -> None:
    one = worker(GB300, DEEPSEEK, WORK, CALIBRATION, 8, (CPU_MEMORY,))
    counts = np.array([1.0, 10.0, 60.0, 150.0, 400.0, 900.0])
    load = carry(one, AGENT, counts)
    assert np.all(load.prefill <= 1.0 + 1e-9)
    assert np.all(load.batch <= resident(one, AGENT)[0] + 1e-9)
    # Little: every session is at its tools, in its first token or decoding.
    cycle = load.ttft + AGENT.tool_time + AGENT.output * load.tpot
    assert load.turns_per_second * cycle == pytest.approx(counts)
    assert np.all(load.hits.sum(axis=-1) <= 0.99 + 1e-9)
    for index, count in enumerate(counts):
        assert carry(one, AGENT, count).ttft == pytest.approx(load.ttft[index], rel=1e-6)


def test_no_room_for_one_session() -> None:
    one, session = h200()
    small = replace(one, tiers=(Tier(0.0, np.inf),))
    assert most_sessions(small, session, 5.0, 0.05) == 0
    assert carry(small, session, 1.0).ttft == np.inf
    half = replace(one, tiers=(Tier(one.tiers[0].capacity / 8.0, np.inf),))
    assert most_sessions(half, session, 1e3, 0.05) == 0


@pytest.mark.parametrize(("rack", "lengths"), [("hgx-h200", (8192, 1024)), ("hgx-b300", (8192, 256))])
def test_aggregated_sessions_of_one_turn_are_single_requests(rack: str, lengths: tuple[int, int]) -> None:
    """GPUs that prefill and decode have their time once: as many tokens as of requests without a session."""
    precision, weight = ("fp8", 1.0) if rack == "hgx-h200" else ("nvfp4", 0.5625)
    law = "hopper" if rack == "hgx-h200" else "blackwell"
    gpu, model = cards.gpu(product(rack), precision), cards.model(product("deepseek-r1"))
    base = cards.calibration(product("aggregated", "serving"), "aggregated")
    power = cards.power_law(product(law))
    work = Workload(*lengths, 20.0, weight, 1.0, 0.8)
    single = serve(gpu, model, work, base, power)
    agents = Agents(Session(1.0, 1.0, float(lengths[0]), float(lengths[1]), 0.0), 100.0)
    several = served(gpu, model, work, base, power, (), agents)
    assert several.output_tokens_per_second == pytest.approx(single.output_tokens_per_second, rel=0.06)


def test_a_session_lies_whole_in_one_attention_group() -> None:
    """The only one of 72 groups that has a session reads all of its cache, while experts lie on all GPUs."""
    deep = replace(WORK, input_length=200e3, output_length=0.0)
    one, several = (decode_step(GB300, DEEPSEEK, deep, CALIBRATION, 72, 1, count) for count in (1.0, 144.0))
    assert one.kv == pytest.approx(200e3 * 576 * 61 / 8e12)
    assert one.flops == pytest.approx(
        2 * DEEPSEEK.active / (0.576 * 15e15) + 2 * 128 * 1088 * 61 * 200e3 / 5e15
    )
    assert one.weights == pytest.approx((16.08e9 + 8 * 44.04e6 * 58 / 72) * 0.5625 / (0.72 * 8e12))
    # A 72nd of the cache for each of the GPUs, of which power goes by the mean.
    assert one.read == pytest.approx(0.72 * 8e12 * float(one.weights) + 200e3 * 576 * 61 / 72)
    assert several.kv == pytest.approx(2.0 * float(one.kv))
    # One group of all eight: as many as there are.
    alone, pair = (decode_step(GB300, DEEPSEEK, deep, CALIBRATION, 8, 8, count).kv for count in (1.0, 2.0))
    assert pair == pytest.approx(2.0 * float(alone))


def test_groups_hold_whole_sessions() -> None:
    """Eight groups with room for so many sessions each; the drive beside them is one."""
    each = AGENT.context * 1e3
    room = np.array([0.99, 1.0, 1.87, 5.75]) * each
    tiers = Tier(8.0 * room, np.inf), Tier(4.5 * each, 1e9)
    made = Worker(tiers, 1e3, 1e-5, 0.0, lambda batch, _: 0.02 + 0 * batch, longest=room)
    assert resident(made, AGENT)[0].tolist() == [0.0, 8.0, 8.0, 40.0]
    assert resident(made, AGENT)[1].tolist() == [4.5, 12.5, 12.5, 44.5]


LLAMA = Model(80, 8192, 70e9, 70e9, 0, 0, 0.0, 0, 80, 2 * 8 * 128, 8, 64, 256, 256)


def test_a_group_holds_its_longest_session() -> None:
    """Turns from no history to one of 1 M and 1.6 M tokens in the last of two: 164 kB each, beside 39 GB of weights."""
    each = 2 * 8 * 128 * 80
    for size, shards, held in (
        (1, 1, 0.88 * 288e9 - 70e9 * 0.5625),
        (8, 2, 2 * (0.88 * 288e9 - 70e9 * 0.28125)),
    ):
        tokens = held / each
        for share, carried in ((0.999, True), (1.001, False)):
            # Two turns of as much: half of it before the second, whose end is the longest there is.
            part = share * tokens / 2.0
            session = Session(2, part / 2.0, part - 100.0, 100.0, 1.0)
            one = worker(GB300, LLAMA, WORK, CALIBRATION, size, shards=shards)
            assert bool(most_sessions(one, session, 1e9, 10.0)) == carried
    # Where no group of one GPU holds a session, agents take one of more.
    agents = Agents(Session(1, 1.0, 2e6, 100.0, 1.0), 1e9)
    slow = replace(WORK, interactivity=1.0)
    assert configuration(GB300, LLAMA, slow, CALIBRATION, (), agents)[1] > 1


@pytest.mark.parametrize("tools", [10.0, 600.0])
@pytest.mark.parametrize(("rack", "mode"), [("gb300-nvl72", "disaggregated"), ("hgx-h200", "aggregated")])
def test_agents_have_the_configuration_in_which_they_write_most(rack: str, mode: str, tools: float) -> None:
    """One by one, at every pace; the more of it the fewer tokens. A cap slows GPUs, which keep the configuration."""
    precision, weight = ("fp8", 1.0) if rack == "hgx-h200" else ("nvfp4", 0.5625)
    gpu, model, tiers = (
        cards.gpu(product(rack), precision),
        cards.model(product("deepseek-r1")),
        cards.tiers(product(rack)),
    )
    base = cards.calibration(product(mode, "serving"), mode)
    power = cards.power_law(product("blackwell"))
    agents = Agents(replace(AGENT, context=130e3, tool_time=tools), 10.0)
    before = np.inf
    for pace in (20.0, 70.0, 85.0, 5000.0):
        work = replace(WORK, weight_bytes=weight, interactivity=pace)
        given = gpu, model, work, base
        every = {
            (int(size), int(shards)): counted(*given, int(size), int(shards), tiers, agents).tokens / size
            for size, shards in zip(*configurations(gpu, model, base), strict=True)
        }
        found = served(*given, power, tiers, agents)
        assert found.output_tokens_per_second == pytest.approx(max(every.values()), rel=1e-9)
        assert found.output_tokens_per_second <= before * (1.0 + 1e-9)
        before = found.output_tokens_per_second
        if found.feasible:
            chosen = found.worker_size, found.shards
            assert every[chosen] == found.output_tokens_per_second
            slowed = [
                counted(gpu, model, work, scaled(base, 1.0 / speed), *chosen, tiers, agents).tokens
                for speed in (1.0, 0.95, 0.85, 0.7)
            ]
            assert slowed == sorted(slowed, reverse=True)
    assert (found.feasible, found.bound, found.worker_size) == (False, "latency", 0)


def test_patience_costs_no_tokens() -> None:
    """Those who wait 50 min let GPUs carry many more sessions than their memory keeps, which then write a tenth."""
    slow, together = replace(WORK, interactivity=0.05), replace(CALIBRATION, mode="aggregated")
    session = replace(AGENT, context=130e3, output=100.0, tool_time=5.0)
    made = worker(GB200, DEEPSEEK, slow, together, 8, shards=8)
    crowded = carry(made, session, most_sessions(made, session, 3000.0, 20.0))
    found = [
        counted(GB200, DEEPSEEK, slow, together, 8, 8, (), Agents(session, wait)) for wait in (1.0, 3000.0)
    ]
    assert found[1].tokens == pytest.approx(found[0].tokens, rel=1e-9)
    assert found[1].tokens > 10.0 * crowded.output_tokens_per_second
    assert found[1].sessions == np.floor(resident(made, session)[0])


def test_patience_costs_no_configuration() -> None:
    """Where those who wait 50 min would fill every worker beyond its memory, the one that writes most holds fewer."""
    agents = Agents(replace(AGENT, context=130e3, output=100.0, tool_time=5.0), 3000.0)
    given = GB200, DEEPSEEK, replace(WORK, interactivity=0.05), CALIBRATION
    best = max(
        counted(*given, int(size), int(shards), (), agents).tokens / size
        for size, shards in zip(*configurations(GB200, DEEPSEEK, CALIBRATION), strict=True)
    )
    size, shards = configuration(*given, (), agents)
    assert counted(*given, size, shards, (), agents).tokens / size == pytest.approx(best, rel=1e-9)


def test_a_turn_is_prefilled_by_the_fewest_gpus_that_hold_it() -> None:
    # Beside 377 GB of DeepSeek 140 GB of 4 M tokens: on four of the 72 GB300, 34.5 s where nobody waits for another.
    session, slow = replace(AGENT, context=4e6, tool_time=1e7), replace(WORK, interactivity=1.0)
    one = worker(GB300, DEEPSEEK, WORK, CALIBRATION, 4)
    opening = prefill_seconds(one, 4e6 - 49.5 * 2308)
    alone = float(prefill_seconds(one, 1700.0, 4e6) + opening / 100)
    below, above = (
        counted(GB300, DEEPSEEK, slow, CALIBRATION, 72, 1, (), Agents(session, wait)).sessions
        for wait in (0.999 * alone, 1.001 * alone)
    )
    assert above > below == 0.0


def test_agents_without_room_are_told_so() -> None:
    # At 8 token/s a single H200 is too slow for 5 M tokens; eight would do, but none has the memory for 176 GB.
    gpu, model = cards.gpu(product("hgx-h200"), "fp8"), cards.model(product("deepseek-r1"))
    base = cards.calibration(product("aggregated", "serving"), "aggregated")
    power, work = cards.power_law(product("hopper")), replace(WORK, weight_bytes=1.0, interactivity=8.0)
    long = Agents(Session(1, 1.0, 5e6, 100.0, 10.0), 1e5)
    found = served(gpu, model, work, base, power, (), long)
    assert (found.feasible, found.bound) == (False, "memory")
    assert found.gpu_power == pytest.approx(0.100 * 700.0)
    # With room for some of them memory is what holds more; all of their prompts count as tokens in.
    some = served(gpu, model, replace(work, interactivity=1.0), base, power, (), Agents(AGENT, 10.0))
    assert (some.feasible, some.bound) == (True, "memory")
    assert some.total_tokens_per_second == pytest.approx(some.output_tokens_per_second * (1 + 201.7e3 / 608))


def test_agents_do_not_need_what_single_requests_have() -> None:
    # Requests of a million tokens fit no GPU; lengths of agents are those of their sessions.
    gpu, model = cards.gpu(product("hgx-h200"), "fp8"), cards.model(product("deepseek-r1"))
    base = cards.calibration(product("aggregated", "serving"), "aggregated")
    power, agents = cards.power_law(product("hopper")), Agents(replace(AGENT, context=130e3), 10.0)
    work = replace(WORK, weight_bytes=1.0, interactivity=20.0)
    long = replace(work, input_length=4e7)
    assert not serve(gpu, model, long, base, power).feasible
    assert served(gpu, model, long, base, power, (), agents) == served(
        gpu, model, work, base, power, (), agents
    )
