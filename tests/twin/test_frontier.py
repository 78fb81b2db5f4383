"""The frontier against a solve that nothing holds, and how `twin pareto` tells and refuses it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from twin import cli
from twin.build import load
from twin.compute.serving import serve
from twin.equilibrium import solve
from twin.study.frontier import Frontier, frontiers, other


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["pareto", *(str(argument) for argument in arguments)])


def at_pace(one: Frontier) -> int:
    return one.curve.interactivity.tolist().index(one.pace)


@pytest.mark.parametrize("serving", ["disaggregated", "aggregated"])
def test_at_the_pace_of_the_layout_it_is_what_an_unlimited_run_yields(serving: str) -> None:
    facility = load("gb300-su", {"workload.serving": serving, "workload.interactivity": "33 token/s"})
    state = solve(facility).isel(scenario=0)
    (one,) = frontiers(facility)
    assert one.pace == 33.0
    place, gpus = at_pace(one), 16 * 72
    curve = one.curve
    assert float(state.utilisation) == pytest.approx(1.0)
    tokens = float(state.tokens_per_second)
    assert curve.output_tokens_per_second[place] * gpus == pytest.approx(tokens, rel=1e-6)
    assert curve.total_tokens_per_second[place] == pytest.approx(9.0 * tokens / gpus, rel=1e-6)
    kind = facility.racks.types[0]
    alone = serve(kind.gpu, facility.model, facility.workload, kind.calibration, kind.power_law)
    assert one.tokens_per_joule[place] == pytest.approx(tokens / gpus / alone.gpu_power, rel=1e-6)
    # The GPUs of the run are cooler than the reference of the law and leak less.
    assert 0.95 < float(state.chip_power) / gpus / alone.gpu_power < 1.0
    for name in ("tpot_p50", "tpot_p99", "ttft_p50", "ttft_p99"):
        assert getattr(curve, name)[place] == pytest.approx(float(state[name]), rel=1e-6)
    within = curve.output_tokens_per_second[one.reached]
    assert (np.diff(within) <= 0.0).all()
    assert 0 < len(within) < len(curve.interactivity)


def test_another_rack_is_what_its_own_layout_has() -> None:
    alone, same = other(load("gb300-su"), "vr-nvl72"), frontiers(load("vr-su"))[0]
    assert (alone.basis, alone.band) == ("extrapolation", 0.21)
    np.testing.assert_array_equal(alone.curve.gpu_power, same.curve.gpu_power)
    np.testing.assert_array_equal(alone.tokens_per_joule, same.tokens_per_joule)


def test_pareto_tells_each_rack_and_marks_the_layout(tmp_path: Path) -> None:
    done = invoke("--rack", "vr-nvl72", "--rack", "gb300-nvl72", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    for words in ("gb300-nvl72: roofline", "±7 %", "vr-nvl72: an extrapolation", "±21 %", "token p99"):
        assert words in done.stdout
    marked = [line for line in done.stdout.splitlines() if "<- layout" in line]
    assert [line.split()[:2] for line in marked] == [["50", "1,340"], ["50", "3,901"]]
    page = (tmp_path / "pareto.html").read_text("utf-8")
    assert "gb300-nvl72 at the pace of the layout" in page
    assert "Plotly" in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page), "it asks nothing of a network"


def test_pareto_as_one_object() -> None:
    found = json.loads(invoke("--json", "--set", "workload.interactivity=1000 token/s").stdout)
    assert found["workload"]["interactivity"] == 1000.0
    (rack,) = found["racks"]
    *points, out = rack["points"]
    assert (rack["rack"], rack["basis"], rack["band"]) == ("gb300-nvl72", "roofline", 0.07)
    assert out["asked"] is True
    assert out["output_tokens_per_second"] is None
    for point in points:
        assert point["asked"] is False
        served = point["output_tokens_per_second"] / point["gpu_power"]
        assert point["tokens_per_joule"] == pytest.approx(served)
        assert point["tpot_p50"] * point["interactivity"] <= 1.0 + 1e-9


def test_a_model_that_fits_no_worker_is_told_by_why(tmp_path: Path) -> None:
    asked = ("h100-air", "--set", "workload.model=deepseek-r1")
    assert "does not fit the memory" in invoke(*asked).stdout
    found = json.loads(invoke(*asked, "--json", "--out", tmp_path).stdout)
    assert found["racks"][0]["unserved"] == "memory"
    assert [point["asked"] for point in found["racks"][0]["points"]] == [True]
    assert "does not fit the memory" in (tmp_path / "pareto.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rack", "vr", "--set", "a"), ("unknown rack 'vr'", "vr-nvl72", "not PATH=VALUE")),
        (("--rack", "hgx-h100", "--rack", "cpu-rack"), ("fp8 or bf16", "--rack cpu-rack: has no GPUs")),
        (("--set", "rows.rack_type=cpu-rack"), ("gb300-su rows.rack_type: no rack has GPUs",)),
        (("nowhere",), ("built-in layouts",)),
    ],
)
def test_what_has_no_frontier_is_refused(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    done = invoke(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    for word in words:
        assert word in done.stderr


def test_layouts_that_train_or_serve_agents_are_refused() -> None:
    train = (
        "workload.kind=training",
        "workload.training.checkpoint_pause=30 s",
        "workload.training.restart_time=5 min",
    )
    agents = ("turns=10", "context=60000", "new_tokens=400", "output=200", "tool_time=5 s")
    for pairs, words in (
        (train, "trains"),
        (tuple(f"workload.session.{one}" for one in agents), "sessions of agents"),
    ):
        done = invoke(*(part for pair in pairs for part in ("--set", pair)))
        assert done.exit_code == 2
        assert words in done.stderr
