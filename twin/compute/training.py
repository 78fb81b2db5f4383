"""Synchronous training of a language model: tokens per second, what failures cost, and the power of a job in time.

Every GPU of a job waits for the slowest at each step, so a job goes at the clock of its slowest rack, and a rack
without power halts it. Model FLOP utilisation (MFU) falls with the size of the job,

    MFU(n) = MFU(512) (n / 512)^-decline,

with both constants from MLPerf Training of a dense model of 405 billion parameters, per GPU and precision. Against a
size left out of the fit it errs by at most 7 % (H100 in FP8, 512 GPUs). A mixture of experts reaches 0.6 to 0.8 of the
utilisation (unverified).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from twin.errors import UnknownName

Array = npt.NDArray[np.float64]

MEASURED = Path(__file__).parent / "measured" / "mlperf_training_405b.csv"
REFERENCE = 512
"""GPUs at which an efficiency is stated."""
DECLINE = 0.05
"""Of the utilisation in the size of the job where only one size was measured; fits of several give 0.02 to 0.065."""
MIXTURE = 0.7
"""Utilisation of a mixture of experts over that of a dense model: the middle of 0.6 to 0.8 (unverified)."""


@dataclass(frozen=True)
class Run:
    """A published training run."""

    round: str
    submitter: str
    system: str
    gpu: str
    precision: str
    peak: float
    """Dense peak of a GPU at the precision [1/s]."""
    gpus: int
    global_batch: int
    """Sequences of a step."""
    sequence_length: int
    """Tokens of a sequence."""
    step_time: float
    """Median [s]."""
    minutes: float
    """Time to the target quality [min], as published."""
    sequences: int
    """Trained on by then."""

    @property
    def tokens_per_second(self) -> float:
        """Of the whole job [1/s]."""
        return self.global_batch * self.sequence_length / self.step_time


@dataclass(frozen=True)
class Efficiency:
    """How much of its peak a GPU turns into training."""

    peak: float
    """Dense peak that the utilisation refers to [1/s]."""
    utilisation: float
    """MFU of a job of REFERENCE GPUs."""
    decline: float
    """Exponent with which it falls in the number of GPUs."""


@dataclass(frozen=True)
class Job:
    """One synchronous job on all GPUs of a facility."""

    flops: float
    """Model FLOPs of a token."""
    relative: float
    """Its utilisation over that of a dense model: 1 or MIXTURE."""
    step_tokens: float
    """Tokens of a step: sequences by their length."""
    gpus: float
    peak: float
    """Dense peak of all GPUs together [1/s]."""
    goodput: float
    """Share of the time in which the job makes progress that it keeps."""


@dataclass(frozen=True)
class Waveform:
    """Power of racks that move together, straight lines between knots, (knot,), over one cycle that repeats."""

    time: Array
    """From 0 to the length of the cycle [s], ascending."""
    power: Array
    """Rack AC [W]; the last equals the first."""


def flops_per_token(
    parameters: Array | float, layers: Array | float, hidden: Array | float, sequence_length: Array | float
) -> Array:
    """Model FLOPs of a token, forward and backward, (...,): 6 N + 6 layers hidden sequence_length.

    parameters : that take part in a token. hidden : heads times the mean width of key and value, the hidden size where
    heads fill it, as a mean over all layers. sequence_length : [token], causal attention. Recomputation of
    activations is work, not model FLOPs. Chowdhery et al., PaLM, 2022, appendix B, with the half of a causal mask.

    >>> float(flops_per_token(405.853e9, 126, 16384, 8192)).__round__(-9)
    2537000000000.0
    """
    attention = 6.0 * np.asarray(layers) * np.asarray(hidden) * np.asarray(sequence_length)
    return np.asarray(6.0 * np.asarray(parameters, dtype=np.float64) + attention)


LLAMA_405B = float(flops_per_token(405.853e9, 126, 16384, 8192))
"""Model FLOPs of a token of the measured runs: Llama 3.1 405B as its model card has it, sequences of 8,192."""


@cache
def measured() -> tuple[Run, ...]:
    """The published runs behind the calibration, 20 rows."""
    kinds = Run.__annotations__
    read = {"str": str, "int": int, "float": float}
    with MEASURED.open(encoding="utf-8") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return tuple(Run(**{key: read[kinds[key]](text) for key, text in row.items()}) for row in rows)


def fit(runs: tuple[Run, ...]) -> Efficiency:
    """Efficiency of runs of one GPU and precision by least squares of logarithms; repeated rows count once.

    Where all runs are of one size the decline is DECLINE.
    """
    found = np.array(sorted({(run.gpus, run.tokens_per_second / run.gpus) for run in runs}))
    size, log = np.log(found[:, 0] / REFERENCE), np.log(found[:, 1] * LLAMA_405B / runs[0].peak)
    apart = size - size.mean()
    spread = float(apart @ apart)
    decline = -float(apart @ log) / spread if spread > 0.0 else DECLINE
    return Efficiency(runs[0].peak, float(np.exp(log.mean() + decline * size.mean())), decline)


def calibrated(gpu: str, precision: str) -> Efficiency:
    """Efficiency of a GPU at a precision as measured; raises UnknownName for a pair without a published run.

    >>> found = calibrated("GB200", "nvfp4")
    >>> round(found.utilisation, 3), round(found.decline, 3)
    (0.271, 0.065)
    """
    runs = tuple(run for run in measured() if (run.gpu, run.precision) == (gpu, precision))
    if not runs:
        raise UnknownName(
            f"{gpu} {precision}",
            "measured training run",
            {f"{run.gpu} {run.precision}" for run in measured()},
        )
    return fit(runs)


def utilisation(efficiency: Efficiency, gpus: Array | float) -> Array:
    """MFU of a job of so many GPUs, (...,). Measured from 256 to 8,192; beyond that it is extrapolated."""
    return np.asarray(
        efficiency.utilisation
        * (np.asarray(gpus, dtype=np.float64) / REFERENCE) ** np.negative(efficiency.decline)
    )


def tokens_per_second(efficiency: Efficiency, gpus: Array | float, flops: Array | float) -> Array:
    """Tokens per second that a job of so many GPUs trains on at full clock [1/s], (...,).

    flops : model FLOPs of a token.

    >>> round(float(tokens_per_second(calibrated("H100", "fp8"), 8192, LLAMA_405B)) / 8192)
    302
    """
    return np.asarray(gpus * utilisation(efficiency, gpus) * efficiency.peak / np.asarray(flops))


def synchronous(clock: Array, exponent: Array | float = 1.0) -> Array:
    """Speed of a job over that at full clock, (...,), from the clock ratios of its racks, (..., rack).

    The slowest rack governs: the least of clock^exponent; 0 where a rack of the job stands still. Racks of other
    jobs have to be left out.

    >>> float(synchronous(np.array([1.0, 0.8, 0.9])))
    0.8
    """
    return np.asarray(np.min(np.asarray(clock, dtype=np.float64) ** exponent, axis=-1))


def checkpoint_interval(pause: Array | float, between: Array | float) -> Array:
    """Time of work between two checkpoints that loses least [s], (...,): sqrt(2 pause between).

    pause : time the job stands for a checkpoint [s]. between : mean time between interruptions of the job [s], far
    longer than the pause. Young, 1974; Daly, 2006.

    >>> float(checkpoint_interval(60.0, 30_000.0)).__round__()
    1897
    """
    return np.sqrt(2.0 * np.asarray(pause, dtype=np.float64) * between)


def goodput(
    pause: Array | float, restart: Array | float, between: Array | float, interval: Array | float
) -> Array:
    """Share of the time in which a job makes progress that it keeps, (...,).

    1 / ((1 + C/t) (1 + (t/2 + R)/M)) with C pause, R restart, M between and t interval, all [s]: each interruption
    costs a restart and half an interval, whatever its cause. Where no spare takes the place of what broke, the wait for
    its repair before that is not counted here but in `twin.study.uptime`. To first order in (t + C + R)/M: for
    exponential interruptions, also during restarts, it is 1 % high at M = 3 h and 11 % at half an hour (pause 1 min,
    restart 10 min).

    >>> round(float(goodput(60.0, 600.0, 11_125.0, checkpoint_interval(60.0, 11_125.0))), 3)
    0.86
    """
    lost = (np.asarray(interval) / 2.0 + restart) / np.asarray(between)
    return np.asarray(1.0 / ((1.0 + np.asarray(pause) / interval) * (1.0 + lost)))


def waveform(
    mean: float,
    step: float,
    exchange: float,
    depth: float,
    ramp: float,
    pause: float = 0.0,
    interval: float = np.inf,
) -> Waveform:
    """Power of racks whose GPUs compute, wait for the exchange of gradients, and pause for checkpoints.

    mean : rack AC power over a cycle [W]. step : time of a training step [s]. exchange : share of a step at low
    power, in (0, 1). depth : fall of the power in exchanges and checkpoints over that of computing, in [0, 1].
    ramp : time of each rise and fall [s], not longer than exchange or computing. pause : of a checkpoint [s], every
    `interval` of work [s], which is rounded to whole steps; none by default. Racks of a job move together.

    >>> wave = waveform(mean=100e3, step=5.0, exchange=0.2, depth=0.5, ramp=0.1)
    >>> round(float(wave.power.max())), round(float(wave.power.min()))
    (111111, 55556)
    """
    idle = exchange * step
    if not (0.0 < ramp <= min(idle, step - idle) and 0.0 <= depth <= 1.0 and pause >= 0.0):
        raise ValueError(f"no waveform: ramp {ramp}, exchange {exchange}, depth {depth}, pause {pause}")
    steps = max(1, round(interval / step)) if np.isfinite(interval) else 1
    pause = pause if np.isfinite(interval) else 0.0
    cycle = steps * step + pause
    # Ramps lie half in the exchange and half in the computing, so the mean does not depend on them.
    high = mean / (1.0 - depth * (steps * idle + pause) / cycle)
    low = high * (1.0 - depth)
    knots = np.array([0.0, ramp, step - idle, step - idle + ramp])
    time = (step * np.arange(steps)[:, None] + knots).ravel()
    return Waveform(np.append(time, cycle), np.append(np.tile([low, high, high, low], steps), low))


def power(wave: Waveform, time: Array | float) -> Array:
    """Rack AC power at a time [W], (...,). time : [s], of any sign."""
    return np.asarray(np.interp(np.mod(time, wave.time[-1]), wave.time, wave.power))


def energy(wave: Waveform, start: Array | float, end: Array | float) -> Array:
    """Rack AC energy from one time to another [J], (...,), the exact integral of `power`.

    >>> wave = waveform(mean=100e3, step=5.0, exchange=0.2, depth=0.5, ramp=0.1)
    >>> round(float(energy(wave, 0.0, 50.0)), 3)
    5000000.0
    """
    return _until(wave, np.asarray(end, dtype=np.float64)) - _until(wave, np.asarray(start, dtype=np.float64))


def _until(wave: Waveform, time: Array) -> Array:
    """Integral of the power from 0."""
    length = np.diff(wave.time)
    area = np.append(0.0, np.cumsum(0.5 * length * (wave.power[1:] + wave.power[:-1])))
    cycles, rest = np.divmod(time, wave.time[-1])
    at = np.clip(np.searchsorted(wave.time, rest, side="right") - 1, 0, len(length) - 1)
    past = rest - wave.time[at]
    slope = np.diff(wave.power) / np.where(length > 0.0, length, 1.0)
    return np.asarray(cycles * area[-1] + area[at] + past * (wave.power[at] + 0.5 * slope[at] * past))
