"""The shared numbers against the state they come from, and their words."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import xarray as xr

from twin.build import load
from twin.compute.roofline import Basis
from twin.compute.serving import serve
from twin.equilibrium import solve
from twin.facility import BINDINGS, COMPUTE_BOUNDS, COOLING_MODES, REASONS, Facility
from twin.metrics import BASES, rested
from twin.operation import Operation
from twin.rules import RULES
from twin.state import VARIABLES
from twin.summary import (
    CAUSES,
    MODES,
    SHAPES,
    SOLUTION,
    UNSERVED,
    WHY,
    Ledger,
    Summary,
    met,
    outside,
    product_behind,
    record,
    summary,
    terms,
)
from twin.verdict import Finding, findings
from twin.wording import given, readable


@pytest.fixture(scope="module")
def facility() -> Facility:
    return load()


@pytest.fixture(scope="module")
def state(facility: Facility) -> xr.Dataset:
    return solve(facility)


def finding(**parts: object) -> Finding:
    """A finding on the first rack, 3 K inside its limit."""
    base = Finding(
        "X1", "something", "row1.01", 0, 300.0, 303.0, 3.0, 0.15, "K", "rack product: liquidReturnMaximum"
    )
    return replace(base, **parts)


def unsolved(state: xr.Dataset) -> xr.Dataset:
    """The state as it is without a solution: NaN but for what says so."""
    told = ("converged", "reason", "passes", "binding", "binding_device", "bound_racks", "device_alive")
    empty = state.copy(deep=True)
    for name in empty.data_vars:
        if name not in told:
            empty[name] = empty[name].astype(np.float64) * np.nan
    return empty.assign(converged=state.converged * 0, reason=state.reason * 0 + 2)


def test_metrics_are_the_ratios_of_the_state_by_hand(facility: Facility, state: xr.Dataset) -> None:
    found = summary(facility, state, findings(facility, state))
    value = {name: metric.value for name, metric in found.metrics.items()}
    tokens, megawatt = state.tokens_per_second.item(), state.utility_power.item() / 1e6
    assert found.racks == 16
    assert found.gpus == 16 * 72
    assert value["tokens_per_second_per_megawatt"] == pytest.approx(tokens / megawatt, rel=1e-12)
    assert value["tokens_per_joule"] == pytest.approx(tokens / megawatt / 1e6, rel=1e-12)
    assert value["pue"] == pytest.approx(state.utility_power.item() / state.it_power.item(), rel=1e-12)
    assert sum(found.binding.values()) == 16
    assert found.ledger.out == pytest.approx(found.ledger.into, rel=1e-6), "the balance of the solver"
    assert found.faults == ()


def solved(name: str, sets: dict[str, str], **operation: object) -> tuple[Summary, xr.Dataset]:
    """The summary of a built-in layout with settings, without its margins, and its state."""
    facility = load(name, sets)
    state = solve(facility, Operation(**operation))
    return summary(facility, state, []), state


def test_tokens_per_watt_at_each_boundary_by_hand(facility: Facility, state: xr.Dataset) -> None:
    # 16 racks of 72 GPUs; what else a rack draws behind its shelves is 136 kW less 72 of 1.4 kW.
    found = {each.boundary: each for each in summary(facility, state, []).boundaries}
    gpus = 16 * 72 * state.gpu_power.values[0, 0]
    watts = {"chip": gpus, "rack_dc": gpus + 16 * (136e3 - 72 * 1.4e3)}
    watts |= {"rack_ac": state.it_power.item(), "utility": state.utility_power.item()}
    assert list(found) == list(watts)
    for name, each in found.items():
        assert each.watts == pytest.approx(watts[name], rel=1e-9)
        assert each.output == pytest.approx(state.tokens_per_second.item() / watts[name], rel=1e-9)
        # 8,192 tokens in for 1,024 out.
        assert each.total == pytest.approx(9.0 * each.output, rel=1e-9)
    cost = state.cost_per_million_tokens.item()
    assert state.cost_per_million_total_tokens.item() == pytest.approx(cost / 9.0, rel=1e-9)
    assert record(summary(facility, state, []), {})["tokens_per_watt"]["chip"]["power"] == found["chip"].watts


def test_percentiles_of_latency_are_those_of_serving_and_follow_a_cap(facility: Facility) -> None:
    kind = facility.racks.types[0]
    served = serve(kind.gpu, facility.model, facility.workload, kind.calibration, kind.power_law)
    free, capped = solve(facility), solve(facility, Operation(power_cap=80e3))
    full = {"ttft_p50": served.ttft_p50, "ttft_p99": served.ttft_p99, "tpot_p50": served.tpot}
    full |= {"tpot_p99": served.tpot_p99}
    slower = capped.tokens_per_second.item() / free.tokens_per_second.item()
    assert 0.5 < slower < 0.95
    for name, seconds in full.items():
        assert free[name].item() == pytest.approx(seconds, rel=1e-9)
        assert capped[name].item() == pytest.approx(seconds / slower, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "sets", "basis", "words"),
    [
        ("gb300-su", {}, ("roofline", 0.07), "roofline serving model"),
        ("vr-su", {}, ("extrapolation", 0.21), "±21 %"),
        ("gb300-su", {"workload.model": "llama-3.1-405b"}, ("extrapolation", 0.50), "±50 %"),
        ("gb300-su", {"workload.calibration": "measured"}, ("measured", 0.06), "this GPU and model"),
        ("gb300-su", {"workload.calibration": "sol"}, ("sol", np.nan), "no system reaches"),
    ],
)
def test_what_the_tokens_rest_on(
    name: str, sets: dict[str, str], basis: tuple[str, float], words: str
) -> None:
    found, _ = solved(name, sets)
    (known,) = found.evidence
    assert (known.basis, known.band) == (basis[0], pytest.approx(basis[1], abs=0.005, nan_ok=True))
    assert words in rested(known)
    assert rested(known) in found.metrics["tokens_per_second"].basis
    assert set(BASES) == set(get_args(Basis))


def test_a_model_that_does_not_fit_is_not_a_missed_latency() -> None:
    found, _ = solved("h100-air", {"workload.model": "deepseek-r1"})
    assert (found.unserved, found.shaped) == ({"memory": 16}, {"memory": 16})
    assert list(found.held.items()) == [(UNSERVED["memory"], 16)]
    assert record(found, {})["unserved"] == {"memory": 16}
    assert " inf" not in found.metrics["cost_per_million_tokens"].basis
    late, _ = solved("gb300-su", {"workload.interactivity": "2000 token/s"})
    assert (late.unserved, late.shaped) == ({"latency": 16}, {"latency": 16})
    fine, _ = solved("gb300-su", {})
    assert (fine.unserved, fine.held) == ({}, {CAUSES["demand"]: 16})


def test_what_holds_racks_tells_each_once() -> None:
    # Hotter than GPUs bear at their least power; too slow a rack, half of them held at less than their idle draw.
    hot, _ = solved("gb300-su", {}, supply_temperature=343.0)
    assert hot.unserved == {"heat": 16}
    assert hot.held == {CAUSES["chip_temperature"]: 16}
    cap = np.full((1, 16), np.inf)
    cap[0, :8] = 50e3
    late, _ = solved("gb300-su", {"workload.interactivity": "2000 token/s"}, power_cap=cap)
    assert late.unserved == {"latency": 16}
    assert late.held == {CAUSES["power_cap"]: 8, UNSERVED["latency"]: 8}
    # A training job stands for want of one rack.
    job = {
        "workload.kind": "training",
        "workload.training.checkpoint_pause": "60 s",
        "workload.training.restart_time": "10 min",
    }
    cap = np.full((1, 16), np.inf)
    cap[0, 0] = 0.0
    halted, _ = solved("gb300-su", job, power_cap=cap)
    assert halted.unserved == {"halted": 15}
    assert halted.held == {CAUSES["power_cap"]: 1, UNSERVED["halted"]: 15}


def test_racks_that_serve_nothing_have_no_latency() -> None:
    # At 64 C a GB200 is too hot at its least power, and a GB300 beside it is not: users wait for what serves.
    mixed = {"rows[row2].rack_type": "gb200-nvl72"}
    _, state = solved("gb300-su", mixed, supply_temperature=337.0)
    _, cool = solved("gb300-su", mixed)
    assert np.all(state.tokens.values[0, 8:] == 0.0)
    assert np.all(state.power.values[0, 8:] > 0.0)
    slower = state.tokens.values[0, 0] / cool.tokens.values[0, 0]
    assert 0.5 < slower < 1.0
    for name in ("tpot_p50", "tpot_p99"):
        _, alone = solved("gb300-su", {})
        assert state[name].item() == pytest.approx(alone[name].item() / slower, rel=1e-6)
    _, none = solved("gb300-su", {}, supply_temperature=343.0)
    for name in ("ttft_p50", "ttft_p99", "tpot_p50", "tpot_p99"):
        assert np.isnan(none[name].item())


def test_a_load_bank_tells_no_tokens_per_watt_of_its_gpus() -> None:
    found, state = solved("gb300-su", {}, rack_power=30e3)
    assert found.shaped == {"prescribed": 16}
    assert np.isnan(state.chip_power.item())
    assert {each.boundary for each in found.boundaries if np.isnan(each.output)} == {"chip"}
    # Each scenario by itself; racks that could serve nothing anyway are told so.
    facility = load("gb300-su")
    both = solve(facility, Operation(rack_power=np.array([[np.nan], [30e3]])))
    assert np.isfinite(both.chip_power.values).tolist() == [True, False]
    none, _ = solved("h100-air", {"workload.model": "deepseek-r1"}, rack_power=30e3)
    assert none.shaped == {"memory": 16}


def test_the_least_known_evidence_comes_first() -> None:
    mixed = load("gb300-su", {"rows[row2].rack_type": "vr-nvl72"})
    found = summary(mixed, solve(mixed), []).evidence
    assert [known.rack for known in found] == ["vr-nvl72", "gb300-nvl72"]
    first, second = mixed.racks.types
    unknown = replace(first, calibration=replace(first.calibration, band=np.nan))
    for types in ((unknown, second), (second, unknown)):
        other = replace(mixed, racks=replace(mixed.racks, types=types))
        assert np.isnan(summary(other, solve(mixed), []).evidence[0].band)


def test_agents_tokens_in_are_the_whole_history() -> None:
    agents = {
        "workload.session.turns": "100", "workload.session.context": "200000",
        "workload.session.new_tokens": "1700", "workload.session.output": "608",
        "workload.session.tool_time": "10 s",
    }  # fmt: skip
    words = "the whole history of every turn among them, cached or not"
    for sets, told in ((agents, True), ({}, False)):
        found, _ = solved("gb300-su", sets)
        assert (words in found.metrics["cost_per_million_total_tokens"].basis) == told
    assert all(
        words in VARIABLES[name].meaning
        for name in ("total_tokens_per_second", "cost_per_million_total_tokens")
    )


def test_aggregated_serving_has_no_prefill_pool() -> None:
    together = {"workload.serving": "aggregated", "workload.interactivity": "20 token/s"}
    found, state = solved("gb300-su", together)
    assert "pool" not in found.metrics["ttft_p99"].basis
    _, other = solved("gb300-su", together | {"workload.prefill_utilisation": "0.4"})
    assert other.equals(state)
    apart, _ = solved("gb300-su", {})
    assert "prefill pool at 80%" in apart.metrics["ttft_p99"].basis


def test_every_metric_tells_its_unit_and_basis(facility: Facility, state: xr.Dataset) -> None:
    found = record(summary(facility, state, findings(facility, state)), {})
    for metric in found["metrics"].values():
        assert set(metric) == {"value", "unit", "basis"}
        assert metric["basis"]
        assert np.isfinite(metric["value"])
    assert "not modelled" in found["metrics"]["uptime"]["basis"]


def test_latency_of_an_unlimited_run_is_that_of_the_serving_model() -> None:
    facility = load("h100-air")
    kind, found = facility.racks.types[0], solve(facility).isel(scenario=0)
    alone = serve(kind.gpu, facility.model, facility.workload, kind.calibration, kind.power_law)
    assert float(found["utilisation"]) == pytest.approx(1.0)
    assert float(found["tpot_p99"]) == pytest.approx(alone.tpot_p99, rel=1e-6)
    assert float(found["tpot_p50"]) == pytest.approx(alone.tpot, rel=1e-6)
    assert alone.tpot_p99 > 1.05 * alone.tpot


def test_worst_margins_are_sorted_and_exclude_the_solution_itself(
    facility: Facility, state: xr.Dataset
) -> None:
    solution = finding(code="S2-ledger", relative=-1.0)
    tight, loose = finding(code="A", relative=0.01), finding(code="B", relative=0.5)
    held = finding(code="S3-serving", value=0.5, limit=0.0, relative=0.0, margin=0.5, unit="1")
    found = summary(facility, state, [solution, held, loose, tight])
    assert [one.code for one in found.margins] == ["A", "B", "S3-serving"]
    assert found.negative == ()
    lost = summary(facility, state, [replace(held, value=-0.5, relative=-0.1), tight])
    assert [one.code for one in lost.margins] == ["S3-serving", "A"]
    assert [one.code for one in lost.negative] == ["S3-serving"]


def test_a_margin_within_the_residual_is_not_outside() -> None:
    assert not outside(finding(relative=-1e-7))
    assert outside(finding(relative=-1e-5))


@pytest.mark.parametrize(
    ("element", "product"),
    [
        ("row1.01", "gb300-nvl72"),
        ("T.A", "transformer-1250"),
        ("T.M1", "transformer-1000"),
        ("ups.B", "ups-1000"),
        ("rpp.A2", "rpp-500"),
        ("whip.row1.01.rpp.A1", "whip-60a-415v"),
        ("cdu.2", "vertiv-xdu1350"),
        ("trimchiller.1", "trim-chiller-500"),
        ("chiller.1", "free-cooling-chiller-400"),
        ("utility", None),
        ("nothing", None),
    ],
)
def test_product_behind_a_finding(facility: Facility, element: str, product: str | None) -> None:
    made = product_behind(facility, finding(element=element))
    assert (made.name if made else None) == product


def test_product_behind_a_block_is_its_rack_where_the_rule_says_so(facility: Facility) -> None:
    block = facility.blocks[0]
    assert product_behind(facility, finding(element=block)).name == "gb300-nvl72"
    assert product_behind(facility, finding(element=block, clause="a code")) is None


def test_assumed_figure_in_the_clause_of_the_worst_margin_decides(
    facility: Facility, state: xr.Dataset
) -> None:
    assumed = summary(facility, state, [finding(clause="rack product: shelfEfficiency")]).basis
    assert assumed.decisive == ("shelfEfficiency",)
    published = summary(facility, state, [finding(clause="rack product: liquidReturnMaximum")]).basis
    assert published.decisive == ()
    assert published.product == "gb300-nvl72"
    figures = [figure for made in facility.products for figure in made.figures.values()]
    assert published.figures == len(figures)
    assert published.assumed == sum(figure.status == "assumed" for figure in figures)
    # Failure rates from standards that nobody read are among them.
    faults = [made.figures["failureRate"].status for made in facility.products if made.get("failureRate")]
    assert set(faults) == {"assumed"}


def test_ledger_faults_from_their_tolerances_on() -> None:
    closed = Ledger(1.0, 1.0, 0.9e-9, -0.9e-6, 0.9e-6)
    assert closed.faults == ()
    assert len(replace(closed, power=-1.1e-9).faults) == 1
    assert len(replace(closed, rack=1.1e-6, heat=-1.1e-6).faults) == 2


def test_scenario_without_a_solution_has_no_numbers_and_says_why(
    facility: Facility, state: xr.Dataset
) -> None:
    empty = unsolved(state)
    found = summary(facility, empty, findings(facility, empty))
    assert found.faults == (f"no solution: {WHY['floors_exceed_limit']}",)
    assert found.binding == {}
    assert found.modes == {}
    told = record(found, {})
    assert told["converged"] is False
    assert told["metrics"]["pue"]["value"] is None
    assert told["ledger"] == {"in": None, "out": None, "relative": None}
    assert found.metrics["pue"].text == "no value"


def test_more_than_one_scenario_is_refused(facility: Facility) -> None:
    with pytest.raises(ValueError, match="one scenario"):
        summary(facility, solve(facility, Operation(dry_bulb=[300.0, 301.0])), [])


def test_every_code_has_words() -> None:
    assert set(CAUSES) == set(BINDINGS) == set(VARIABLES["binding"].flags)
    assert set(SHAPES) == set(COMPUTE_BOUNDS) == set(VARIABLES["compute_bound"].flags)
    assert set(MODES) == set(COOLING_MODES)
    assert set(WHY) == set(REASONS)
    assert set(SOLUTION) <= set(RULES)


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (2_375_123.0, "W", 4, "2,375 kW"),
        (200.04e6, "W", 4, "200.0 MW"),
        (0.0, "W", 4, "0 kW"),
        (84_830.0, "W", 3, "84.8 kW"),
        (1_891_234.0, "token/s", 3, "1,890,000 token/s"),
        (0.5437, "USD/Mtoken", 3, "0.544 USD/Mtoken"),
        (1.1392, "1", 4, "1.139"),
        (0.99811, "%", 4, "99.81 %"),
        (0.02, "s", 3, "20.0 ms"),
        (2.14, "s", 2, "2.1 s"),
        (319.55, "K", 4, "46.4 °C"),
        (-0.83, "delta_degC", 3, "-0.8 K"),
        (-0.01, "delta_degC", 3, "0.0 K"),
        (160 / 60e3, "m3/s", 3, "160 L/min"),
        (float("inf"), "W", 4, "no value"),
    ],
)
def test_readable(value: float, unit: str, digits: int, text: str) -> None:
    assert readable(value, unit, digits) == text


def test_given_adds_no_digits() -> None:
    assert given(0.08 / 3.6e6, "USD/J") == "0.08 USD/kWh"
    assert given(308.15, "K") == "35 °C"


def test_terms_of_each_sort_of_rule() -> None:
    assert terms(finding()) == ("26.9 °C", "29.9 °C", "3.0 K")
    share = finding(value=0.932, limit=1.0, margin=0.068, relative=0.068, unit="1")
    assert terms(share) == ("93.2 %", "100 %", "6.80 %")
    assert terms(replace(share, value=1.0, margin=0.0, relative=0.0))[2] == "at the limit"
    solved = replace(share, value=0.5, limit=0.0, margin=0.5, relative=0.5)
    assert met(solved)
    assert terms(solved) == ("yes", "yes", "met")
    assert terms(replace(solved, value=-0.5, margin=-0.5, relative=-0.5)) == ("no", "yes", "not met")
