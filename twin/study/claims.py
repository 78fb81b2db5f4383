"""What the industry claims of a generation, against shipped measurements and against the model.

A factor between two systems means nothing without its operating point: how fast each user is served, what goes in and
comes out, who drafts tokens ahead and at which precision. Every claim is therefore evaluated at several interactivities
and, where the model can draft (multi-token prediction), with drafts on both sides, on none, and on the newer alone.
Power is `rack_ac`, before the power shelves; capital is the catalogue's, the terms those of the layout `gb300-su`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from electrical import converter
from twin import build, cards, evidence
from twin.catalogue import product
from twin.compute import training
from twin.compute.measured import Output, outputs, table
from twin.compute.roofline import Mode, Workload, stored_weights
from twin.compute.serving import Service, serve
from twin.economics import Cost, Economics, Power, Tokens, cost, running_cost, tokens_per_joule
from twin.schema import PRECISIONS

Drafting = Literal["both", "neither", "newer only"]
Kind = Literal["no drafts", "drafts", "drafts not stated", "at most"]
DRAFTING: dict[Drafting, tuple[bool, bool]] = {
    "both": (True, True), "neither": (False, False), "newer only": (True, False),
}  # fmt: skip
"""Whether the newer and the older system draft."""
MODES: tuple[Mode, ...] = ("disaggregated", "aggregated")
INTERACTIVITY = (30.0, 116.0)
"""Tokens per second of a user: reading and reasoning pace; 116 is where the 50-fold claim of GB300 is met [1/s]."""
DRAFTS = {drafted: accepted for drafted, accepted in evidence.ACCEPTED.items() if drafted}
"""Tokens drafted in a step and tokens it then yields: a system that drafts takes the length that suits its pace."""
UTILISATION = 0.8
"""Busy share of prefill pools, as in the reference layouts."""
OVERHEAD = 1.2
"""Power at utility over rack_ac, assumed and alike for all systems: it only moves the electricity in a cost."""
REFERENCE = "gb300-su"
"""The layout whose interest, lifetimes, facility cost, maintenance and price of electricity are taken."""
MEASURED_PRECISION = {"nvfp4": "fp4", "fp8": "fp8"}
MLPERF = {
    "gb200-nvl72": "NVIDIA GB200",
    "gb300-nvl72": "NVIDIA GB300",
    "vr-nvl72": "NVIDIA Vera Rubin",
}
RACK_SCALE = 64
"""GPUs from which an MLPerf entry is of a rack."""


class System(NamedTuple):
    """A rack product and the precision of its weights."""

    rack: str
    precision: str


@dataclass(frozen=True)
class Claim:
    name: str
    statement: str
    factors: dict[str, float]
    """What is claimed: tokens_per_gpu, tokens_per_megawatt, cost_per_token or gpus, newer over older [1]."""
    point: str
    """The operating point that the vendor states."""
    source: str
    systems: tuple[System, ...]
    """The newer one first; it is compared with each of the others. None for training."""
    model: str = ""
    """Card of the language model that is computed."""
    input_length: float = 0.0
    output_length: float = 0.0
    interactivity: tuple[float, ...] = INTERACTIVITY
    drafts: bool = False
    """The language model has a head to draft with."""
    measured: str = ""
    """Card of the language model whose measured points are shown; `lengths` their tokens in and out."""
    lengths: tuple[float, float] = (0.0, 0.0)
    caution: str = ""
    """How what is computed or measured differs from what is claimed."""
    cited: tuple[str, ...] = ()
    """What can be neither shipped nor computed here."""


@dataclass(frozen=True)
class Yield:
    """What the model gives of one GPU of a system at a pace; no tokens and infinite cost where it cannot."""

    rack: str
    precision: str
    interactivity: float
    """Tokens per second each user sees at least [1/s]."""
    drafts: bool
    serving: str
    """The better mode of serving, or why there is none: memory or latency."""
    input_tokens_per_second: float
    """[1/s], likewise output and total, which is their sum."""
    output_tokens_per_second: float
    total_tokens_per_second: float
    watts: float
    """Of a GPU with its share of the rack, at rack_ac [W]."""
    output_tokens_per_megawatt: float
    """Tokens per second and megawatt at rack_ac; likewise total."""
    total_tokens_per_megawatt: float
    cost_per_million_output: float
    """All cost on the output tokens [USD]; of total, on input and output alike."""
    cost_per_million_total: float
    basis: str
    band: float
    """Median relative error to be expected of the time per token, NaN where none is known, as with drafts; tokens at a
    pace move more, the faster the more."""


@dataclass(frozen=True)
class Factor:
    """The newer system over an older one; NaN where one of the two cannot serve."""

    against: str
    interactivity: float
    """[1/s], NaN where the pace is not stated."""
    drafting: Drafting | Literal["not stated"]
    basis: str
    """The model, or what was measured: runs at this pace or faster, or a scenario of MLPerf."""
    tokens_per_gpu: float
    tokens_per_megawatt: float
    """At rack_ac, output tokens; of total tokens it is the same. As measured it is over the nameplate, as no run states
    its power; likewise the cost."""
    cost_per_token: float
    """Older over newer."""


@dataclass(frozen=True)
class Point:
    """The best measured output tokens per GPU at a pace or a higher one; NaN where no run was so fast."""

    rack: str
    asked: float
    """[1/s]"""
    kind: Kind
    """`at most`: neither drafts nor the number of workers are stated, one decode and one prefill worker taken."""
    output_tokens_per_second: float
    """Of one GPU [1/s]."""
    interactivity: float
    """Of that run [1/s]."""
    gpus: float
    engine: str


@dataclass(frozen=True)
class Submission:
    """The best MLPerf result of racks of a generation, DeepSeek-R1, output tokens."""

    rack: str
    scenario: str
    tokens_per_gpu: float
    """Per second [1/s]."""
    round: str
    availability: str


@dataclass(frozen=True)
class Trained:
    """Training tokens of one GPU, Llama 3.1 405B at 512 GPUs in NVFP4."""

    gpu: str
    tokens_per_second: float
    """[1/s]"""
    basis: str


@dataclass(frozen=True)
class Finding:
    """A claim with what there is to hold against it."""

    claim: Claim
    model: tuple[Yield, ...]
    factors: tuple[Factor, ...]
    """By the model."""
    measured_factors: tuple[Factor, ...]
    """As far as both systems were measured in the same way."""
    measured: tuple[Point, ...]
    mlperf: tuple[Submission, ...]
    training: tuple[Trained, ...]


CLAIMS = (
    Claim(
        name="gb300-hopper",
        statement="GB300 NVL72: 50x the tokens per megawatt and 1/35 of the cost per token of Hopper",
        factors={"tokens_per_megawatt": 50.0, "cost_per_token": 35.0},
        point="DeepSeek-R1; GB300 in FP4 with multi-token prediction, 6,000 tokens/s per GPU at 2.65 USD/h, against "
        "HGX H200, 90 tokens/s at 1.41 USD/h: 0.12 and 4.20 USD per million. Pace and lengths are not stated; 1,024 "
        "tokens in and out at 116 tokens/s per user yield these figures",
        source="NVIDIA blog on cost per token as reported by theblockbeats.news, flash 343757, 2026",
        systems=(System("gb300-nvl72", "nvfp4"), System("hgx-h200", "fp8")),
        model="deepseek-r1", input_length=1024.0, output_length=1024.0, drafts=True,
        measured="deepseek-r1", lengths=(1024.0, 1024.0),
        caution="The vendor's tokens are in and out together if they are those of InferenceX, whose best runs have "
        "6,048 and 94 so counted. No measured run with drafts is wider than 32 GPUs or of more requests than its "
        "recipe sets; the model takes all 72 and the batch that the pace allows. At 116 a tenth of the time per token "
        "is a third of the tokens",
        cited=(
            "Frontier of InferenceX, 2026-07-20, best run of each side: 64x tokens per GPU, 53x per megawatt and 1/34 "
            "of the cost at 116 tokens/s per user, 6.6x, 5.4x and 1/3.5 at 30; from a public dump with recovered "
            "labels, unofficial",
            "The same GB300 without multi-token prediction: about 2.35 USD per million in place of 0.11 (InferenceX "
            "v2 as reported by theblockbeats.news)",
            "GB200 4,130 and B200 941 tokens/s per GPU at 125 tokens/s per user, DeepSeek-R1 FP4, 1,024 in and out, "
            "both with multi-token prediction (inferencex.semianalysis.com/blog, gb200-nvl72-vs-b200-disagg)",
        ),
    ),
    Claim(
        name="gb200-realtime",
        statement="GB200 NVL72: 30x the real-time inference of HGX H100",
        factors={"tokens_per_gpu": 30.0},
        point="GPT-MoE of 1.8 trillion parameters, 50 ms per token (20 tokens/s per user), first token in 5 s, 32,768 "
        "tokens in and 1,024 out, per GPU; a projection (unverified)",
        source="NVIDIA GB200 NVL72 product page and developer blog on real-time trillion-parameter inference, 2024",
        systems=(System("gb200-nvl72", "nvfp4"), System("hgx-h100", "fp8")),
        model="qwen3-235b-a22b", input_length=32768.0, output_length=1024.0, interactivity=(20.0, *INTERACTIVITY),
        measured="deepseek-r1", lengths=(8192.0, 1024.0),
        caution="No card of GPT-MoE is public. Qwen3-235B stands in, the largest of the catalogue that eight H100 "
        "hold: DeepSeek-R1 in FP8 they do not, and one worker over several nodes is not modelled. GPT-MoE needs them, "
        "so its factor is higher. Measured is DeepSeek-R1, on H100 over two nodes and more",
        cited=(
            "GB200 98x and GB300 100x the tokens per GPU of disaggregated H100 at 116 tokens/s per user, DeepSeek-R1 "
            "(SemiAnalysis, InferenceX v2)",
        ),
    ),
    Claim(
        name="rubin-cost",
        statement="Vera Rubin NVL72: 1/10 of the cost per token of Blackwell",
        factors={"cost_per_token": 10.0},
        point="Kimi-K2-Thinking in FP4, long context, whole racks; 32k tokens in and 8k out (unverified), pace not "
        "stated; a projection",
        source="NVIDIA newsroom and developer blog, January 2026, as reported by wpnews.pro",
        systems=(System("vr-nvl72", "nvfp4"), System("gb200-nvl72", "nvfp4"), System("gb300-nvl72", "nvfp4")),
        model="kimi-k2.5", input_length=32768.0, output_length=8192.0,
        measured="kimi-k2.5", lengths=(8192.0, 1024.0),
        caution="Kimi-K2.5 has the architecture of Kimi-K2-Thinking. No price of Vera Rubin is public: 100 kUSD per "
        "GPU is a guess between 90 and 110. InferenceX has no run of Vera Rubin; MLPerf has, a preview of DeepSeek-R1",
        cited=(
            "One Vera Rubin is 2.18 GB300 over 50 to 400 tokens/s per user (AISimulate, inference-performance-index)",
        ),
    ),
    Claim(
        name="rubin-training",
        statement="Vera Rubin NVL72: a quarter of the GPUs of Blackwell to train a mixture of experts",
        factors={"gpus": 4.0},
        point="10 trillion parameters, 100 trillion tokens, one month (unverified); a projection",
        source="NVIDIA newsroom, January 2026, as reported by wpnews.pro",
        systems=(),
        caution="No training run of Vera Rubin is public, nor one of a mixture of experts among those shipped. Vera "
        "Rubin is taken at its dense peak with the utilisation of GB200 or of GB300 on a dense model; pace does not "
        "apply, and power and cost of training are not computed",
    ),
)  # fmt: skip


def claims() -> tuple[Finding, ...]:
    """Every claim with what was measured and what the model gives.

    >>> [round(one.tokens_per_second) for one in claims()[-1].training]  # GB200, GB300, Vera Rubin twice
    [1068, 1402, 3738, 3272]
    """
    terms = build.load(REFERENCE)
    price = float(np.ravel(terms.operation.electricity_price)[0])
    return tuple(_finding(claim, terms.economics, price) for claim in CLAIMS)


def _finding(claim: Claim, terms: Economics, price: float) -> Finding:
    if not claim.systems:
        return Finding(claim, (), (), (), (), (), _training())
    drafting = (False, True) if claim.drafts else (False,)
    served = {
        (system.rack, pace, drafts): _yield(claim, system, pace, drafts, terms, price)
        for pace in claim.interactivity
        for system in claim.systems
        for drafts in drafting
    }
    newer, *older = claim.systems
    pairs = DRAFTING.items() if claim.drafts else [("neither", DRAFTING["neither"])]
    factors = tuple(
        _factor(served[newer.rack, pace, new], served[system.rack, pace, old], drafts)
        for pace in claim.interactivity
        for system in older
        for drafts, (new, old) in pairs
    )
    measured = tuple(
        point
        for pace in claim.interactivity
        for system in claim.systems
        for point in _points(claim, system, pace)
    )
    mlperf = _submissions() if any(system.rack == "vr-nvl72" for system in claim.systems) else ()
    over = (*_compared(claim, measured, terms, price), *_submitted(claim, mlperf, terms, price))
    return Finding(claim, tuple(served.values()), factors, over, measured, mlperf, ())


def _yield(claim: Claim, system: System, pace: float, drafts: bool, terms: Economics, price: float) -> Yield:
    made = product(system.rack, "rack")
    mode, best = max(
        ((mode, _served(claim, system, mode, pace, drafts)) for mode in MODES),
        key=lambda pair: pair[1].output_tokens_per_second,
    )
    figures = _figures(system)
    drawn = converter.input_power(
        figures["fixed"] + figures["gpus"] * best.gpu_power,
        figures["shelves"] * figures["shelf_rating"],
        converter.loss_coefficients(*made["shelfEfficiency"].T),
    )
    watts = float(drawn) / figures["gpus"]
    output = best.output_tokens_per_second
    tokens = Tokens(best.total_tokens_per_second - output, output)
    spent = _spent(figures, watts, terms, price)

    def per_megawatt(kind: Literal["output", "total"]) -> float:
        return 1e6 * float(tokens_per_joule(tokens, kind, Power(watts, "rack_ac")))

    return Yield(
        rack=system.rack,
        precision=system.precision,
        interactivity=pace,
        drafts=drafts,
        serving=mode if best.feasible else best.bound,
        input_tokens_per_second=float(tokens.input),
        output_tokens_per_second=output,
        total_tokens_per_second=best.total_tokens_per_second,
        watts=watts,
        output_tokens_per_megawatt=per_megawatt("output"),
        total_tokens_per_megawatt=per_megawatt("total"),
        cost_per_million_output=float(cost(spent, tokens, "output").total),
        cost_per_million_total=float(cost(spent, tokens, "total").total),
        basis=best.basis,
        band=best.band,
    )


def _figures(system: System) -> dict[str, float]:
    """The figures of a rack product, by their names in `Racks`."""
    made = product(system.rack, "rack")
    law = product(made["powerLaw"], "power_law")
    return build.rack_figures(build.rack_type(made, law, system.precision), product("cap-law"))


def _spent(figures: dict[str, float], watts: float, terms: Economics, price: float) -> Cost:
    """Cost of a second of one GPU with its share of the rack, which draws so much at rack_ac [USD/s]."""
    return running_cost(
        replace(terms, capital=figures["capital"] / figures["gpus"]),
        Power(figures["nameplate"] / figures["gpus"], "rack_ac"),
        Power(watts * OVERHEAD, "utility"),
        price,
    )


def _served(claim: Claim, system: System, mode: Mode, pace: float, drafts: bool) -> Service:
    made, card = product(system.rack, "rack"), product(mode, "serving")
    calibration = evidence.calibrated(
        "measured", cards.calibration(card, mode), claim.model, system.rack, system.precision, drafts
    )
    work = Workload(
        input_length=claim.input_length,
        output_length=claim.output_length,
        interactivity=pace,
        weight_bytes=PRECISIONS[system.precision][1],
        kv_bytes=card["kvBytes"],
        prefill_utilisation=UTILISATION,
    )
    gpu, law = cards.gpu(made, system.precision), cards.power_law(product(made["powerLaw"], "power_law"))
    model = cards.model(product(claim.model, "model"))
    lengths = DRAFTS if drafts else {0: 1.0}
    return max(
        (
            serve(gpu, model, replace(work, draft_length=drafted, accepted=accepted), calibration, law)
            for drafted, accepted in lengths.items()
        ),
        key=lambda one: one.output_tokens_per_second,
    )


def _factor(newer: Yield, older: Yield, drafting: Drafting) -> Factor:
    both = newer.output_tokens_per_second > 0.0 and older.output_tokens_per_second > 0.0

    def over(new: float, old: float) -> float:
        return new / old if both else np.nan

    return Factor(
        older.rack,
        newer.interactivity,
        drafting,
        "model",
        over(newer.output_tokens_per_second, older.output_tokens_per_second),
        over(newer.output_tokens_per_megawatt, older.output_tokens_per_megawatt),
        over(older.cost_per_million_output, newer.cost_per_million_output),
    )


def _compared(claim: Claim, points: tuple[Point, ...], terms: Economics, price: float) -> list[Factor]:
    """The newer system over the older ones by their best runs at each pace, of those that say whether they draft."""
    best = {(one.rack, one.asked, one.kind): one.output_tokens_per_second for one in points}
    words: dict[bool, Kind] = {False: "no drafts", True: "drafts"}
    newer, *older = claim.systems
    found = []
    for pace in claim.interactivity:
        for system in older:
            for drafting, (new, old) in DRAFTING.items():
                tokens = tuple(
                    best.get((one.rack, pace, words[drafts]), np.nan)
                    for one, drafts in ((newer, new), (system, old))
                )
                if np.isfinite(tokens).all():
                    over = _at_nameplate((newer, system), tokens, terms, price)
                    found.append(Factor(system.rack, pace, drafting, "measured", *over))
    return found


def _submitted(claim: Claim, rows: tuple[Submission, ...], terms: Economics, price: float) -> list[Factor]:
    """The newer system over the older ones by their best results in MLPerf."""
    best = {(row.rack, row.scenario): row.tokens_per_gpu for row in rows}
    newer, *older = claim.systems
    return [
        Factor(
            system.rack, np.nan, "not stated", f"MLPerf {scenario}",
            *_at_nameplate(
                (newer, system), (best[newer.rack, scenario], best[system.rack, scenario]), terms, price
            ),
        )
        for system in older
        for scenario in dict.fromkeys(row.scenario for row in rows)
    ]  # fmt: skip


def _at_nameplate(
    systems: tuple[System, System], tokens: tuple[float, ...], terms: Economics, price: float
) -> tuple[float, float, float]:
    """First over second: tokens per GPU and per megawatt of nameplate, and cost per token the other way round."""
    figures = [_figures(system) for system in systems]
    watts = [one["nameplate"] / one["gpus"] for one in figures]
    spent = [float(_spent(one, each, terms, price).total) for one, each in zip(figures, watts, strict=True)]
    ratio = tokens[0] / tokens[1]
    return ratio, ratio * watts[1] / watts[0], ratio * spent[1] / spent[0]


def _points(claim: Claim, system: System, pace: float) -> list[Point]:
    """The best runs of a system at a pace, one of each kind.

    Where pools are not stated, both workers have to hold the weights: some of those runs state too few GPUs.
    """
    if not claim.measured:
        return []
    made = product(system.rack, "rack")
    work = Workload(*claim.lengths, pace, PRECISIONS[system.precision][1], 1.0, UTILISATION)
    fewest = 2.0 * stored_weights(cards.model(product(claim.measured, "model")), work) / made["gpuMemory"]
    runs = [
        run for run in outputs()
        if evidence.MODELS.get(run.model) == claim.measured
        and evidence.RACKS[run.gpu] == system.rack
        and run.precision == MEASURED_PRECISION[system.precision]
        and (run.input_length, run.output_length) == claim.lengths
        and run.interactivity >= pace
    ]  # fmt: skip
    kinds: dict[Kind, list[Output]] = {
        "no drafts": [run for run in runs if run.pools and run.drafts is False],
        "drafts": [run for run in runs if run.pools and run.drafts],
        "drafts not stated": [run for run in runs if run.pools and run.drafts is None],
        "at most": [run for run in runs if not run.pools and run.gpus >= fewest],
    }
    found = []
    for kind, fast in kinds.items():
        best = max(fast, key=lambda run: run.output_tokens_per_second, default=None)
        found.append(
            Point(system.rack, pace, kind, np.nan, np.nan, 0.0, "")
            if best is None
            else Point(
                system.rack,
                pace,
                kind,
                best.output_tokens_per_second,
                best.interactivity,
                best.gpus,
                best.engine,
            )
        )
    return found


def _submissions() -> tuple[Submission, ...]:
    found = []
    for rack, accelerator in MLPERF.items():
        for scenario in ("Offline", "Server"):
            rows = [
                row for row in table("mlperf_inference.csv")
                if (row["accelerator"], row["model"], row["scenario"]) == (accelerator, "deepseek-r1", scenario)
                and float(row["gpus"]) >= RACK_SCALE
            ]  # fmt: skip
            best = max(rows, key=lambda row: float(row["result"]) / float(row["gpus"]))
            tokens = float(best["result"]) / float(best["gpus"])
            found.append(Submission(rack, scenario, tokens, best["round"], best["availability"]))
    return tuple(found)


def _training() -> tuple[Trained, ...]:
    """GB200 and GB300 as measured, Vera Rubin at its own peak with the utilisation of either."""
    peak = product("vr-nvl72", "rack")["gpuFlopsFp4"]
    known = {gpu: training.calibrated(gpu, "nvfp4") for gpu in ("GB200", "GB300")}

    def one(efficiency: training.Efficiency) -> float:
        size = training.REFERENCE
        return float(training.tokens_per_second(efficiency, size, training.LLAMA_405B)) / size

    return (
        *(Trained(gpu, one(found), "measured") for gpu, found in known.items()),
        *(
            Trained("Vera Rubin", one(replace(found, peak=peak)), f"extrapolation: peak at the MFU of {gpu}")
            for gpu, found in known.items()
        ),
    )
