from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from electrical import converter
from twin import cli
from twin.availability import INTERRUPTIONS
from twin.compute.training import calibrated, energy
from twin.economics import capital_recovery
from twin.errors import InputError
from twin.event import events
from twin.metrics import PARTS, rested
from twin.schema import Layout
from twin.simulate import simulate
from twin.study.shell import shell
from twin.study.wave import wave
from twin.summary import summary

TIMES = {"workload.training.checkpoint_pause": "60 s", "workload.training.restart_time": "10 min"}
TRAIN = {"workload.kind": "training", "workload.model": "llama-3.1-405b", "site.dry_bulb": "20 degC", **TIMES}
LLAMA = {"workload.training.parameters": "405.853e9"}
FLOPS = 6 * 405.853e9 + 6 * 126 * 16384 * 8192
"""Model FLOPs of a token of Llama 3.1 405B: PaLM, appendix B, half of it masked."""
GPUS = 16 * 72


@pytest.fixture(scope="module")
def job() -> twin.Facility:
    return twin.load("gb300-su", {**TRAIN, **LLAMA})


def test_gb300_by_hand(job: twin.Facility) -> None:
    # MLPerf Training v5.1: 512 GB300 take 13.1447 s for a step of 1,152 x 8,192 tokens; 0.05 is the fall with size
    # where one size was measured.
    one = 1152 * 8192 / 13.1447 / 512
    rate = GPUS * one * (GPUS / 512) ** -0.05
    state = twin.solve(job)
    assert float(state.tokens_per_second[0]) == pytest.approx(rate, rel=1e-9)
    assert float(state.step_time[0]) == pytest.approx(1152 * 8192 / rate, rel=1e-9)
    assert float(state.mfu[0]) == pytest.approx(rate * FLOPS / (GPUS * 15e15), rel=1e-9)
    assert float(state.mfu[0]) == pytest.approx(0.228, abs=5e-4)
    # A rack at full clock: 0.97 of 1,400 W for each GPU, with what they leak less than at their case limit, and the
    # watts of the rack that do not follow them, behind its shelves.
    racks = job.racks
    direct = racks.fixed[0] + 72 * 0.97 * 1400.0 + state.leakage_power.values[0] - racks.leakage[0]
    rating = racks.shelves[0] * racks.shelf_rating[0]
    asked = converter.input_power(direct, rating, racks.shelf_coefficients[0])
    assert state.demand.values[0] == pytest.approx(asked, rel=1e-6)
    assert state.power.values == pytest.approx(state.demand.values, rel=1e-9)
    assert float(state.utilisation[0]) == 1.0


def test_the_slower_gpus_set_the_pace() -> None:
    # A row of GB200 beside one of GB300: all GPUs take equal parts of a step, so each goes as fast as a GB200.
    mixed = twin.solve(twin.load("gb300-su", {**TRAIN, **LLAMA, "rows[row2].rack_type": "gb200-nvl72"}))
    known = calibrated("GB200", "nvfp4")
    rate = known.utilisation * (GPUS / 512) ** -known.decline * 10e15 / FLOPS
    assert float(mixed.tokens_per_second[0]) == pytest.approx(GPUS * rate, rel=1e-9)
    assert float(mixed.mfu[0]) == pytest.approx(rate * FLOPS / 12.5e15, rel=1e-9)
    assert float(mixed.utilisation[0]) == 1.0


def test_racks_without_gpus_are_not_in_the_job() -> None:
    storage = {"rows[row2].rack_type": "storage-rack", "rows.support_load": "0 kW"}
    facility = twin.load("gb300-su", {**TRAIN, **LLAMA, **storage})
    known, gpus = calibrated("GB300", "nvfp4"), 8 * 72
    rate = known.utilisation * (gpus / 512) ** -known.decline * gpus * 15e15 / FLOPS
    state = twin.solve(facility)
    assert float(state.tokens_per_second[0]) == pytest.approx(rate, rel=1e-9)
    assert np.all(state.tokens.values[0, 8:] == 0.0)


def test_a_rack_that_is_lost_halts_the_job_in_time(job: twin.Facility) -> None:
    run = simulate(
        job, None, events(job, ["leak rack=row1.03 rate=2L/min at=5s for=5s"]), until=60.0, step=1.0
    )
    dead = run.power.sel(rack="row1.03").values[0] == 0.0
    assert dead.any()
    assert not dead.all()
    assert np.all(run.tokens.values[0][dead] == 0.0)
    assert np.all(run.tokens.values[0][~dead] > 0.0)


def test_a_shell_is_not_filled_with_a_job(job: twin.Facility) -> None:
    with pytest.raises(ValueError, match="this layout trains"):
        shell(job, 50e6)


def test_stored_and_read_again(job: twin.Facility) -> None:
    assert Layout.restored(job.layout.stored()) == job.layout


def test_goodput_and_cost_by_hand(job: twin.Facility) -> None:
    # Young and Daly by hand: 419 interruptions in 54 days on 16,384 GPUs are one in 44 h on 1,152, and each of the 16
    # racks stops as a whole once in ten years.
    between = 54 * 86400 * 16_384 / 419 / GPUS
    assert between == pytest.approx(1 / (INTERRUPTIONS * GPUS))
    between = 1 / (1 / between + 16 * 0.1 / (365.25 * 86400))
    interval = np.sqrt(2 * 60 * between)
    kept = 1 / ((1 + 60 / interval) * (1 + (interval / 2 + 600) / between))
    state = twin.solve(job)
    assert float(state.goodput[0]) == pytest.approx(kept, rel=1e-12)
    assert kept == pytest.approx(0.969, abs=1e-3)
    sold = float(state.tokens_per_second[0]) * kept * job.uptime
    year = 365.25 * 86400
    assert float(state.cost_it[0]) == pytest.approx(
        1e6 * 65e3 * GPUS * float(capital_recovery(0.10, 4 * year)) / year / sold, rel=1e-9
    )
    parts = sum(float(state[f"cost_{part}"][0]) for part in PARTS)
    assert parts == pytest.approx(float(state.cost_per_million_tokens[0]))


def test_one_rack_holds_all(job: twin.Facility) -> None:
    # 100 kW AC for one rack, then none. What its GPUs get, less what they leak beyond their case limit's, is the law's
    # 0.25 + 0.75 x clock^3 of 72 x 0.97 x 1,400 W, and tokens follow the clock.
    caps = np.full((3, 16), np.inf)
    caps[1:, 3] = 100e3, 0.0
    state = twin.solve(job, twin.Operation(power_cap=caps))
    racks = job.racks
    rating = racks.shelves[3] * racks.shelf_rating[3]
    chips = converter.output_power(100e3, rating, racks.shelf_coefficients[3]) - racks.fixed[3]
    chips -= state.leakage_power.values[1, 3] - racks.leakage[3]
    clock = np.cbrt((chips / (72 * 0.97 * 1400.0) - 0.25) / 0.75)
    assert 0.8 < clock < 0.83
    pace = state.tokens_per_second.values / state.tokens_per_second.values[0]
    assert pace == pytest.approx([1.0, clock, 0.0], rel=1e-6)
    assert state.step_time.values[1] == pytest.approx(state.step_time.values[0] / pace[1])
    assert np.isnan(state.step_time.values[2])
    assert state.cost_per_million_tokens.values[2] == np.inf
    # The others draw what they drew, and each has its equal part of the step.
    assert state.power.values[1, 4] == pytest.approx(state.power.values[0, 4], rel=1e-6)
    assert np.ptp(state.tokens.values, axis=1) == pytest.approx(np.zeros(3))
    assert state.tokens.sum("rack").values == pytest.approx(state.tokens_per_second.values)
    # A scenario is as it is alone.
    alone = twin.solve(job, twin.Operation(power_cap=caps[1:2]))
    assert float(alone.tokens_per_second[0]) == float(state.tokens_per_second[1])


def test_clock_of_the_slowest_rack_times_the_sum(job: twin.Facility) -> None:
    # Racks held at different clocks: the job has the least of them, tokens following the clock itself.
    caps = np.full((1, 16), np.inf)
    caps[0, :3] = [110e3, 95e3, 100e3]
    each = [np.full((1, 16), np.inf) for _ in range(3)]
    for place, one in enumerate(each):
        one[0, place] = caps[0, place]
    found = [float(twin.solve(job, twin.Operation(power_cap=one)).utilisation[0]) for one in each]
    together = float(twin.solve(job, twin.Operation(power_cap=caps)).utilisation[0])
    assert found[1] < found[2] < found[0] < 1.0
    assert together == pytest.approx(found[1], rel=1e-3)


def test_power_of_a_step_by_hand(job: twin.Facility) -> None:
    # GPUs that wait for gradients idle at 0.263 of 1,400 W beside 136 kW less 72 x 1,400 W of the rest, behind the same
    # shelves: three points of their curve, a parabola. While they compute they draw the power of the run.
    state = twin.solve(job)
    found = wave(job, state.isel(scenario=0))
    assert found is not None
    points = np.array([0.1, 0.5, 1.0])
    curve = np.polyfit(points, points / np.array([0.95, 0.975, 0.97]) - points, 2)
    load = (136e3 - 72 * 1400.0 + 72 * 0.263 * 1400.0) / 264e3
    low = 264e3 * (load + np.polyval(curve, load))
    high, step = float(state.power.values[0].sum()), float(state.step_time[0])
    assert found.power.max() == pytest.approx(high, rel=1e-9)
    assert found.power.min() == pytest.approx(16 * low, rel=1e-9)
    assert found.time[-1] == pytest.approx(step)
    assert energy(found, 0.0, step) == pytest.approx((high - 0.15 * (high - 16 * low)) * step, rel=1e-9)
    # 85 % of a step in computing, rises and falls of 0.2 s at their middle.
    assert found.time == pytest.approx([0.0, 0.2, 0.85 * step, 0.85 * step + 0.2, step])


@pytest.mark.parametrize("exchange", [0.3, 0.71])
def test_power_of_a_step_is_that_of_the_racks_that_train(exchange: float) -> None:
    storage = {"rows[row2].rack_type": "storage-rack", "rows.support_load": "0 kW"}
    told = {"workload.training.exchange": str(exchange), "workload.training.ramp": "1 h"}
    facility = twin.load("gb300-su", {**TRAIN, **LLAMA, **storage, **told})
    one = twin.solve(facility).isel(scenario=0)
    found = wave(facility, one)
    assert found is not None
    step = float(one.step_time)
    assert found.power.max() == pytest.approx(float(one.power.values[:8].sum()), rel=1e-9)
    # A ramp longer than the exchange, or than the computing, fills it.
    assert found.time[1] == pytest.approx(min(exchange, 1.0 - exchange) * step)


def test_no_power_of_a_step_without_steps(job: twin.Facility) -> None:
    caps = np.full((1, 16), np.inf)
    caps[0, 3] = 0.0
    halted = twin.solve(job, twin.Operation(power_cap=caps))
    assert wave(job, halted.isel(scenario=0)) is None
    serving = twin.load("gb300-su")
    assert wave(serving, twin.solve(serving).isel(scenario=0)) is None


def test_card_and_mixture_of_experts() -> None:
    # DeepSeek-R1 by its card, at 0.7 of the utilisation of a dense model: 128 heads with keys of 192 and values of 128.
    facility = twin.load(
        "gb300-su", {**TRAIN, "workload.model": "deepseek-r1", "workload.training.sequence_length": "4096"}
    )
    flops = 6 * facility.model.active + 6 * 61 * 128 * 160 * 4096
    known = calibrated("GB300", "nvfp4")
    rate = 0.7 * known.utilisation * (GPUS / 512) ** -0.05 * GPUS * 15e15 / flops
    assert float(twin.solve(facility).tokens_per_second[0]) == pytest.approx(rate, rel=1e-9)


def test_serving_knows_nothing_of_it() -> None:
    # The block of a training job changes nothing while the racks serve.
    plain, written = twin.load("gb300-su"), twin.load("gb300-su", TIMES)
    assert plain.job is None
    assert written.job is None
    one, other = twin.solve(plain), twin.solve(written)
    assert float(one.tokens_per_second[0]) == float(other.tokens_per_second[0])
    assert float(one.cost_per_million_tokens[0]) == float(other.cost_per_million_tokens[0])
    for name in ("mfu", "goodput", "step_time"):
        assert np.isnan(float(one[name][0]))


@pytest.mark.parametrize(
    ("layout", "sets", "told"),
    [
        ("gb300-su", {"workload.kind": "training"}, "needs workload.training with its checkpoint_pause"),
        ("h100-air", {**TRAIN, "workload.precision": "nvfp4"}, "does not compute in nvfp4"),
        ("gb300-su", {**TRAIN, "workload.training.checkpoint_pause": "0 s"}, "more than 0"),
        ("gb300-su", {"workload.training.checkpoint_pause": "60 s"}, "restart_time"),
        ("gb300-su", {**TRAIN, "workload.training.exchange": "1"}, "less than 1"),
        ("gb300-su", {**TRAIN, "workload.kind": "learning"}, "'serving' or 'training'"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(layout: str, sets: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        twin.load(layout, sets)


@pytest.mark.parametrize(
    ("layout", "rack", "precision", "source", "decline", "peak", "band"),
    [
        ("vr-su", None, "nvfp4", ("GB300", "nvfp4"), 0.05, 35e15, "26%"),
        ("vr-su", "vr-nvl72-maxq", "nvfp4", ("GB300", "nvfp4"), 0.05, 33.8e15, "26%"),
        ("vr-800vdc", None, "nvfp4", ("GB300", "nvfp4"), 0.05, 35e15, "26%"),
        ("gb300-su", None, "fp8", ("GB200", "fp8"), None, 5e15, "26%"),
        ("gb200-su", None, "bf16", ("GB200", "fp8"), None, 2.5e15, "38%"),
        ("h100-air", None, "bf16", ("H100", "fp8"), None, 0.989e15, "38%"),
        ("h100-air", "hgx-h200", "bf16", ("H200", "fp8"), None, 0.989e15, "38%"),
    ],
)  # fmt: skip
def test_the_nearest_published_run_stands_for_what_is_not(
    layout: str,
    rack: str | None,
    precision: str,
    source: tuple[str, str],
    decline: float | None,
    peak: float,
    band: str,
) -> None:
    sets = {**TRAIN, **LLAMA, "workload.precision": precision}
    if rack:
        sets["rows.rack_type"] = rack
    facility = twin.load(layout, sets)
    gpus = float(facility.racks.gpus.sum())
    known = calibrated(*source)
    fall = known.decline if decline is None else decline
    rate = gpus * known.utilisation * (gpus / 512) ** -fall * peak / FLOPS
    state = twin.solve(facility)
    assert float(state.tokens_per_second[0]) == pytest.approx(rate, rel=1e-9)
    shown = summary(facility, state, ())
    told = shown.metrics["tokens_per_second"].basis
    name = rack or facility.racks.types[0].name
    assert (shown.evidence[0].rack, shown.evidence[0].basis) == (name, "trained_elsewhere")
    assert rested(shown.evidence[0]).endswith(f"error up to {band[:-1]} %")
    assert f"{source[0]} in {source[1]}, at the peak of {name} an extrapolation, error up to {band}" in told


def test_what_was_measured_is_no_extrapolation(job: twin.Facility) -> None:
    shown = summary(job, twin.solve(job), ())
    told = shown.metrics["tokens_per_second"].basis
    assert rested(shown.evidence[0]) == "MFU of published runs of such GPUs"
    assert "MFU of published runs" in told
    assert "extrapolation" not in told


def test_run_by_the_command_line(tmp_path: Path) -> None:
    asked = [word for path, value in {**TRAIN, **LLAMA}.items() for word in ("--set", f"{path}={value}")]
    done = CliRunner().invoke(cli.app, ["run", *asked, "--json", "--out", str(tmp_path)])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    metrics, power = told["metrics"], told["waveform"]["power"]["value"]
    assert metrics["power_swing"]["value"] == pytest.approx(max(power) - min(power), rel=1e-12)
    assert metrics["power_ramp"]["value"] == pytest.approx((max(power) - min(power)) / 0.2, rel=1e-12)
    assert told["waveform"]["time"]["value"][-1] == metrics["step_time"]["value"]
    assert metrics["tokens_per_second"]["value"] == pytest.approx(
        GPUS * 1401.9 * (GPUS / 512) ** -0.05, rel=1e-3
    )
    assert "synchronous job on 1,152 GPUs" in metrics["tokens_per_second"]["basis"]
    assert "tokens trained over utility power" in metrics["tokens_per_second_per_megawatt"]["basis"]
    assert metrics["goodput"]["value"] == pytest.approx(0.969, abs=1e-3)
    assert "ttft_p99" not in metrics
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Training step" in page
    done = CliRunner().invoke(
        cli.app, ["run", *asked, "--set", "rows[row1].power_cap=10 kW", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0
    assert "Tokens trained" in done.stdout
    assert "the training job stands" in " ".join(done.stdout.split())
