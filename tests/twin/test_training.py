from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.availability import INTERRUPTIONS
from twin.compute.training import (
    LLAMA_405B,
    REFERENCE,
    Efficiency,
    Run,
    calibrated,
    checkpoint_interval,
    energy,
    extrapolated,
    fit,
    flops_per_token,
    goodput,
    measured,
    nearest,
    power,
    synchronous,
    tokens_per_second,
    utilisation,
    waveform,
)
from twin.errors import UnknownName

# GPU, precision, GPUs of the job, tokens per second and GPU, MFU of the native peak in per cent: the published
# results (MLPerf Training v5.0 and v5.1) as the design quotes them.
PUBLISHED = [
    ("H100", "fp8", 512, 334, 42.8), ("H100", "fp8", 2048, 324, 41.5), ("H100", "fp8", 8192, 296, 38.0),
    ("H200", "fp8", 512, 369, 47), ("H200", "fp8", 1024, 363, 47),
    ("GB200", "fp8", 512, 738, 37), ("GB200", "fp8", 2496, 703, 36),
    ("GB200", "nvfp4", 512, 1068, 27), ("GB200", "nvfp4", 2560, 963, 24), ("GB200", "nvfp4", 5120, 919, 23),
    ("GB300", "nvfp4", 512, 1402, 23.7),
]  # fmt: skip


def _rate(found: Efficiency, gpus: int) -> float:
    return float(tokens_per_second(found, gpus, LLAMA_405B)) / gpus


def _named(run: Run) -> str:
    return f"{run.round}-{run.gpu}-{run.precision}-{run.gpus}-{run.submitter}"


@pytest.mark.parametrize(("gpu", "precision", "gpus", "rate", "mfu"), PUBLISHED)
def test_table_of_the_design(gpu: str, precision: str, gpus: int, rate: float, mfu: float) -> None:
    runs = [r for r in measured() if (r.gpu, r.precision, r.gpus) == (gpu, precision, gpus)]
    each = [run.tokens_per_second / run.gpus for run in runs]
    assert min(abs(np.array(each) - rate)) < 0.6
    assert min(abs(np.array(each) * LLAMA_405B / runs[0].peak - mfu / 100)) < 0.006
    assert _rate(calibrated(gpu, precision), gpus) == pytest.approx(rate, rel=0.03)


@pytest.mark.parametrize("run", measured(), ids=_named)
def test_time_to_quality_is_steps_of_the_measured_length(run: Run) -> None:
    # The published minutes hold the steps, and besides them evaluations and start-up only.
    steps = run.sequences / run.global_batch
    assert 1.0 < run.minutes * 60 / (steps * run.step_time) < 1.15


def test_flops_of_a_token_by_hand() -> None:
    # A layer computes 2 FLOPs per parameter, and 4 width length for attention, of which a causal mask keeps half;
    # backward twice forward.
    forward = 2 * 1000.0 + 3 * (4 * 8 * 10) / 2
    assert flops_per_token(1000.0, 3, 8, 10) == pytest.approx(3 * forward)
    assert pytest.approx(2.54e12, rel=2e-3) == LLAMA_405B


def test_fit_returns_what_made_the_runs() -> None:
    law = Efficiency(1e15, 0.4, 0.03)
    runs = tuple(
        Run("", "", "", "X", "fp8", 1e15, n, n, 1, n / float(tokens_per_second(law, n, LLAMA_405B)), 0.0, 0)
        for n in (256, 1024, 8192)
    )
    found = fit(runs)
    assert (found.utilisation, found.decline) == pytest.approx((0.4, 0.03))
    assert fit((*runs, *runs[1:], runs[2])) == found
    alone = fit(runs[1:2])
    assert utilisation(alone, 1024) == pytest.approx(utilisation(law, 1024))
    assert alone.decline == 0.05


def test_unknown_run_is_named() -> None:
    with pytest.raises(UnknownName, match="no measured training run 'GB200 fp4'; did you mean 'GB200 nvfp4'"):
        calibrated("GB200", "fp4")


def test_bands_of_what_is_extrapolated_by_hand() -> None:
    # Published utilisations at 512 GPUs in per cent: FP8 37.5, 43.5, 47.2 (GB200, H100, H200), NVFP4 27.1, 23.7 (GB200,
    # GB300). Another GPU: 47.2 / 37.5; another precision: 37.5 / 27.1; both: 47.2 / 23.7.
    own, peaks = {"nvfp4": 10e15, "fp8": 5e15, "bf16": 2.5e15}, {"nvfp4": 35e15, "fp8": 17.5e15, "bf16": 4e15}
    assert nearest("VR", "nvfp4", peaks).band == pytest.approx(0.472 / 0.375 - 1, abs=0.003)
    assert nearest("GB200", "bf16", own).band == pytest.approx(0.375 / 0.271 - 1, abs=0.003)
    assert nearest("VR", "bf16", peaks).band == pytest.approx(0.472 / 0.237 - 1, abs=0.005)
    assert nearest("VR", "bf16", peaks).source == "GB200 in fp8"
    assert nearest("GB200", "nvfp4", own) == calibrated("GB200", "nvfp4")
    assert np.isnan(calibrated("GB200", "nvfp4").band)


@pytest.mark.parametrize(("left", "precision"), [("GB200", "fp8"), ("GB200", "nvfp4"), ("GB300", "nvfp4")])
def test_a_gpu_left_out_is_found_within_the_band(left: str, precision: str) -> None:
    known = calibrated(left, precision)
    others = [run for run in measured() if run.gpu != left and run.precision == precision]
    near = min(others, key=lambda run: abs(np.log(run.peak / known.peak)))
    found = extrapolated(near.gpu, precision, known.peak, left, precision)
    assert found.utilisation == pytest.approx(known.utilisation, rel=found.band)


@pytest.mark.parametrize(("gpus", "share"), [(8192, 0.43), (16_384, 0.41)])
def test_llama_3_in_bf16_by_the_runs_in_fp8(gpus: int, share: float) -> None:
    # The Llama 3 Herd of Models, table 4: MFU of 405B on H100 in BF16, sequences of 8,192, 430 and 400 TFLOP/s a GPU.
    found = nearest("H100", "bf16", {"fp8": 1.979e15, "bf16": 0.989e15})
    assert found.peak == 0.989e15
    assert utilisation(found, gpus) == pytest.approx(share, rel=0.12)


def test_slowest_rack_governs() -> None:
    clocks = np.array([[1.0, 0.9, 0.7], [1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    assert synchronous(clocks) == pytest.approx([0.7, 1.0, 0.0])
    assert synchronous(clocks, 2.0) == pytest.approx([0.49, 1.0, 0.0])


# GPUs, goodput with a pause of 60 s and a restart of 10 min, and with 15 s and 5 min: the table of the design.
DALY = [
    (72, 0.993, 0.996), (1024, 0.971, 0.986), (4608, 0.933, 0.966), (9216, 0.900, 0.948), (16_384, 0.860, 0.926),
    (36_864, 0.774, 0.875), (100_000, 0.608, 0.765),
]  # fmt: skip


@pytest.mark.parametrize(("gpus", "slow", "fast"), DALY)
def test_goodput_of_the_design(gpus: int, slow: float, fast: float) -> None:
    between = 1.0 / (gpus * INTERRUPTIONS)
    for pause, restart, expected in ((60.0, 600.0, slow), (15.0, 300.0, fast)):
        found = goodput(pause, restart, between, checkpoint_interval(pause, between))
        assert found == pytest.approx(expected, abs=6e-4)


def test_goodput_of_llama_3() -> None:
    # Over 90 % effective training time on 16,384 H100 (Llama Team, 2024); checkpointing is not published.
    between = 1.0 / (16_384 * INTERRUPTIONS)
    pause, restart = np.array([60.0, 15.0]), np.array([600.0, 300.0])
    found = goodput(pause, restart, between, checkpoint_interval(pause, between))
    assert np.all((found > 0.85) & (found < 0.93))
    assert found[0] < 0.90 < found[1]


def _exact(pause: float, restart: float, between: float, interval: float) -> float:
    """Daly, 2006, equation 20: expected progress over time, interruptions exponential also during restarts."""
    return interval / (between * np.exp(restart / between) * np.expm1((interval + pause) / between))


def test_goodput_against_the_exact_solution_of_daly() -> None:
    gpus = np.array([1024, 16_384, 100_000])
    between = 1.0 / (gpus * INTERRUPTIONS)
    best = checkpoint_interval(60.0, between)
    excess = goodput(60.0, 600.0, between, best) / _exact(60.0, 600.0, between, best) - 1.0
    second_order = np.square((best + 60.0 + 600.0) / between)
    assert np.all((excess > 0.0) & (excess < second_order))
    assert excess[1:] == pytest.approx([0.01, 0.11], abs=0.005)  # as the docstring tells


def test_checkpoint_interval_is_the_best() -> None:
    # Against the exact solution on a grid; the first order is a few per cent short of the best interval.
    between = 11_125.0
    grid = np.linspace(200.0, 4000.0, 2000)
    best = grid[np.argmax(_exact(60.0, 600.0, between, grid))]
    assert checkpoint_interval(60.0, between) == pytest.approx(best, rel=0.05)


WAVE = {"mean": 120e3, "step": 5.18, "exchange": 0.15, "depth": 0.45, "ramp": 0.2}


def test_waveform_by_hand() -> None:
    wave = waveform(100.0, 10.0, 0.4, 0.5, 1.0)
    # High for 5 s, low for 3 s, two ramps of 1 s at their middle: 5 h + 3 h/2 + 2 (3 h/4) = 8 h = 1000 J.
    assert power(wave, [3.0, 8.5, 0.5, 6.5]) == pytest.approx([125.0, 62.5, 93.75, 93.75])
    assert energy(wave, 1.0, 6.0) == pytest.approx(625.0)
    assert energy(wave, 7.0, 10.0) == pytest.approx(187.5)


@settings(deadline=None, max_examples=60)
@given(
    step=st.floats(0.5, 60.0),
    exchange=st.floats(0.02, 0.98),
    depth=st.floats(0.0, 1.0),
    short=st.floats(0.01, 1.0),
    pause=st.floats(0.0, 100.0),
    steps=st.integers(1, 400),
    cycles=st.integers(1, 10_000),
)
def test_energy_is_mean_power_times_time(
    step: float, exchange: float, depth: float, short: float, pause: float, steps: int, cycles: int
) -> None:
    ramp = short * step * min(exchange, 1.0 - exchange)
    wave = waveform(1e5, step, exchange, depth, ramp, pause, steps * step)
    time = cycles * wave.time[-1]
    assert energy(wave, 0.0, time) == pytest.approx(1e5 * time, rel=1e-9)
    shift = 0.37 * step
    assert energy(wave, shift, time + shift) == pytest.approx(1e5 * time, rel=1e-9)
    assert wave.power.min() == pytest.approx((1.0 - depth) * wave.power.max(), abs=1e-6)


def test_energy_is_the_integral_of_power() -> None:
    wave = waveform(**WAVE, pause=40.0, interval=60.0)
    time = np.linspace(-30.0, 290.0, 320_001)
    watts = power(wave, time)
    summed = np.sum(0.5 * (watts[1:] + watts[:-1])) * (time[1] - time[0])
    assert energy(wave, -30.0, 290.0) == pytest.approx(summed, rel=1e-7)
    apart = energy(wave, -30.0, [0.0, 51.8, 100.0]) + energy(wave, [0.0, 51.8, 100.0], 290.0)
    assert apart == pytest.approx(np.full(3, summed), rel=1e-7)


def test_checkpoints_lie_after_whole_steps() -> None:
    wave = waveform(**WAVE, pause=40.0, interval=61.0)
    assert wave.time[-1] == pytest.approx(12 * 5.18 + 40.0)
    assert power(wave, 12 * 5.18 + np.array([0.0, 20.0, 39.9])) == pytest.approx(np.full(3, wave.power.min()))


def test_line_spectrum_of_a_trapezoid() -> None:
    # Fourier: the n-th line is swing sin(pi n d)/(pi n) sinc(n ramp/step), d the share of computing.
    wave = waveform(**WAVE)
    swing = wave.power.max() - wave.power.min()
    time = np.arange(65_536) / 65_536 * 5.18
    lines = np.abs(np.fft.rfft(power(wave, time))) / 65_536
    order = np.array([1, 2, 3, 7])
    expected = swing * np.abs(np.sin(np.pi * order * 0.85)) / (np.pi * order) * np.sinc(order * 0.2 / 5.18)
    assert lines[order] == pytest.approx(expected, rel=1e-3)


def test_ramps_longer_than_the_exchange_are_refused() -> None:
    with pytest.raises(ValueError, match="ramp"):
        waveform(1e5, 5.0, 0.1, 0.5, 0.6)


def test_calibration_counts_the_published_rows() -> None:
    assert len(measured()) == 20
    assert utilisation(calibrated("GB200", "fp8"), REFERENCE) == pytest.approx(0.375, abs=0.003)
