"""A limit on the time to the first token in a layout and in scenarios."""

from __future__ import annotations

import numpy as np
import pytest

import twin
from twin.errors import InputError
from twin.facility import COMPUTE_BOUNDS
from twin.study.frontier import frontiers
from twin.summary import summary

TOGETHER = {
    "workload.serving": "aggregated", "workload.input_length": "100000", "workload.output_length": "100",
    "workload.interactivity": "5 token/s",
}  # fmt: skip
AGENT = {
    "workload.session.turns": "20", "workload.session.context": "60000", "workload.session.new_tokens": "2000",
    "workload.session.output": "500", "workload.session.tool_time": "30 s",
}  # fmt: skip


def test_limits_as_scenarios_are_those_of_layouts() -> None:
    facility = twin.load("h100-air", TOGETHER)
    state = twin.solve(facility, twin.Operation(first_token=np.array([np.inf, 60.0, 10.0, 1.0])))
    assert float(twin.solve(facility).tokens_per_second[0]) == float(state.tokens_per_second[0])
    for place, limit in ((1, "60 s"), (2, "10 s"), (3, "1 s")):
        alone = twin.solve(twin.load("h100-air", {**TOGETHER, "workload.first_token": limit}))
        for name in ("tokens_per_second", "ttft_p99", "utility_power", "cost_per_million_tokens"):
            assert float(alone[name][0]) == pytest.approx(float(state[name][place]), nan_ok=True)
    assert float(state.ttft_p99[0]) > 100.0
    assert state.ttft_p99.values[1:3] == pytest.approx([60.0, 10.0])
    assert np.all(np.diff(state.tokens_per_second) < 0.0)
    assert np.all(np.diff(state.utility_power) < 0.0)
    assert np.all(state.compute_bound[1:] == COMPUTE_BOUNDS.index("latency"))


def test_sooner_than_a_prompt_takes_is_not_served() -> None:
    facility = twin.load("h100-air", {**TOGETHER, "workload.first_token": "1 s"})
    state = twin.solve(facility)
    assert np.all(state.tokens == 0.0)
    assert np.all(twin.check(facility, state)["S3-serving"] < 0.0)


def test_a_session_has_a_limit_of_its_own() -> None:
    with pytest.raises(InputError, match=r"workload\.first_token: is that of single requests"):
        twin.load(None, {**AGENT, "workload.first_token": "2 s"})
    with pytest.raises(ValueError, match=r"Operation\.first_token"):
        twin.solve(twin.load(None, AGENT), twin.Operation(first_token=2.0))


def test_a_frontier_keeps_the_limit() -> None:
    (free,) = frontiers(twin.load("h100-air", TOGETHER))
    (found,) = frontiers(twin.load("h100-air", {**TOGETHER, "workload.first_token": "30 s"}))
    reached = np.isfinite(found.curve.ttft_p99)
    assert reached.any()
    assert np.all(found.curve.ttft_p99[reached] <= 30.0)
    assert np.all(found.curve.output_tokens_per_second <= free.curve.output_tokens_per_second)
    assert found.curve.output_tokens_per_second[0] < 0.8 * free.curve.output_tokens_per_second[0]


def test_the_limit_is_told() -> None:
    facility = twin.load(None, {"workload.first_token": "2 s"})
    metrics = summary(facility, twin.solve(facility), ()).metrics
    assert "50 token/s for each user, the first within 2 s (p99)" in metrics["tokens_per_second"].basis
    assert "prefill pool at up to 80%" in metrics["ttft_p99"].basis
