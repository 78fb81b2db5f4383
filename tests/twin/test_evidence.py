"""What published points make of a calibration, and what a layout asks of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import twin
from twin import cards
from twin.catalogue import product
from twin.compute.measured import points, table
from twin.compute.roofline import scaled
from twin.errors import InputError
from twin.evidence import FARTHEST, FITS, MODELS, RACKS, calibrated, comparable, modelled

APART = cards.calibration(product("disaggregated"), "disaggregated")
TOGETHER = cards.calibration(product("aggregated"), "aggregated")


def test_tables_have_the_rows_their_readme_states():
    counts = {"inferencex.csv.gz": 3751, "mlperf_inference.csv": 461}
    counts |= {"zeus_power_caps.csv": 460, "kernel_power.csv": 104}
    assert {name: len(table(name)) for name in counts} == counts


def test_no_aggregated_worker_is_larger_than_a_node_and_gpus_are_counted_once():
    chosen = points("aggregated")
    assert max(point.size for point in chosen) == 8
    assert all(point.size % point.shards == 0 for point in chosen)
    # A row with tp 64, moe_tp 8 and moe_ep 8 is one node, its attention split over all eight.
    row = next(row for row in table("inferencex.csv.gz") if row["tp"] == "64" and row["model"] in MODELS)
    same = [
        point for point in chosen
        if point.token == pytest.approx(float(row["tpot_ms"]) * 1e-3, rel=1e-12) and point.gpu == row["gpu"]
    ]  # fmt: skip
    assert [(point.size, point.shards) for point in same] == [(8.0, 8.0)]


def test_batches_and_workers_make_up_the_concurrency_of_disaggregated_rows():
    rows = [row for row in table("inferencex.csv.gz") if row["workers"] and row["concurrency"]]
    asked = np.array([float(row["concurrency"]) for row in rows])
    held = np.array([float(row["batch"]) * float(row["dp"]) * float(row["workers"]) for row in rows])
    assert np.median(held / asked) == 1.0
    assert np.mean(np.abs(held / asked - 1.0) < 0.25) > 0.9


def test_measured_moves_the_roofline_to_the_median_of_its_cell():
    found = calibrated("measured", APART, "deepseek-r1", "gb300-nvl72", "nvfp4")
    cell = [
        point for point in comparable("disaggregated") if point.gpu == "gb300" and point.precision == "fp4"
    ]
    ratio = np.array([modelled(point, found) / point.token for point in cell])
    assert found.basis == "measured"
    assert np.median(ratio) == pytest.approx(1.0, rel=0.01)
    assert found.band == pytest.approx(np.median(np.abs(ratio - 1.0)), rel=0.05)
    before = np.array([modelled(point, APART) / point.token for point in cell])
    assert np.median(np.abs(ratio - 1.0)) < np.median(np.abs(before - 1.0))


def test_a_gpu_or_a_model_without_measurements_is_an_extrapolation():
    rubin = calibrated("measured", APART, "deepseek-r1", "vr-nvl72", "nvfp4")
    assert (rubin.basis, rubin.band) == ("extrapolation", 0.21)
    assert rubin.flops != APART.flops
    large = calibrated("measured", APART, "llama-3.1-405b", "gb300-nvl72", "nvfp4")
    assert (large.basis, large.band) == ("extrapolation", 0.50)
    assert replace(large, basis="roofline", band=APART.band) == APART


def test_a_far_cell_moves_the_roofline_no_further_than_the_clip():
    # GPT-OSS in FP8 on H100: five points of one engine at 1.75 times the modelled time.
    found = calibrated("measured", TOGETHER, "gpt-oss-120b", "hgx-h100", "fp8")
    assert found.weights == pytest.approx(scaled(TOGETHER, FARTHEST).weights)


@pytest.mark.parametrize("mode", ["disaggregated", "aggregated"])
def test_the_roofline_states_the_error_of_its_fit_where_it_was_fitted(mode):
    base = {"disaggregated": APART, "aggregated": TOGETHER}[mode]
    model, rack = "deepseek-r1", "hgx-b200"

    def known(model: str, rack: str) -> tuple[str, float]:
        found = calibrated("roofline", base, model, rack, "fp8")
        return found.basis, found.band

    assert known(model, rack) == ("roofline", FITS[mode].error)
    assert known(model, "vr-nvl72") == ("extrapolation", 0.21)
    assert known("llama-3.1-405b", rack) == ("extrapolation", 0.50)
    assert FITS[mode].racks <= set(RACKS.values())
    assert FITS[mode].models <= set(MODELS.values())


def test_one_gpu_left_out_of_its_cell_is_within_the_band_stated():
    # The factor of the other GPUs' cells serves a GPU as an extrapolation would.
    chosen = [point for point in comparable("aggregated") if MODELS[point.model] == "minimax-m2.5"]
    ratio = np.array([modelled(point, TOGETHER) / point.token for point in chosen])
    gpu = np.array([point.gpu for point in chosen])
    for left_out in ("h200", "b200", "b300"):
        factor = 1.0 / np.median(ratio[gpu != left_out])
        assert np.median(np.abs(factor * ratio[gpu == left_out] - 1.0)) < 0.21


def test_a_layout_chooses_mode_calibration_and_drafts():
    pod = twin.load("gb300-su", {"workload.calibration": "measured"})
    kind = pod.racks.types[0]
    assert (kind.calibration.basis, kind.calibration.mode) == ("measured", "disaggregated")
    both = twin.load("gb300-su", {"workload.serving": "aggregated", "workload.calibration": "sol"})
    assert (both.racks.types[0].calibration.mode, both.racks.types[0].calibration.basis) == (
        "aggregated",
        "sol",
    )
    drafting = twin.load("gb300-su", {"workload.draft_length": "1", "workload.accepted_tokens": "1.7"})
    assert (drafting.workload.draft_length, drafting.workload.accepted) == (1, 1.7)
    with pytest.raises(InputError, match=r"accepted_tokens.*at most 1"):
        twin.load("gb300-su", {"workload.accepted_tokens": "1.7"})


def test_modes_of_serving_solve():
    tokens = {}
    for mode in ("disaggregated", "aggregated"):
        state = twin.solve(
            twin.load("gb300-su", {"workload.serving": mode, "workload.interactivity": "20 token/s"})
        )
        assert bool(state.converged.all())
        tokens[mode] = float(state.tokens_per_second[0])
    assert 0.0 < tokens["aggregated"] < tokens["disaggregated"]


def test_another_rack_of_a_measured_gpu_is_that_gpu():
    base = cards.calibration(product("aggregated", "serving"), "aggregated")
    for choice in ("roofline", "measured"):
        one, other = (
            calibrated(choice, base, "llama-3.3-70b", rack, "fp8") for rack in ("hgx-h100", "hgx-h100-8")
        )
        assert one == other
