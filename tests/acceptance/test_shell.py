"""Racks in a power shell against NVIDIA's published DSX MaxLPS figures, and the best cap against its closed form.

MaxLPS, as quoted by the trade press (orply, 2026-06): GPUs of Vera Rubin NVL72 in a shell, static and managed, and
worth of the tokens on 1 GW, 201 and 267 billion USD a year. 26,322 is no multiple of 72 (26,352 is meant, perhaps).
No PUE is published with them; the nameplate of the catalogue meets the static ones at 1.10.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import twin
from twin.compute import law as laws
from twin.report.shells import record
from twin.study.shell import MANAGED, Shell, shell
from twin.template import reference

MAXLPS = {1e9: (274_968, 399_096), 250e6: (68_688, 99_720), 96e6: (26_322, 38_304)}
WORTH = 267 / 201


@cache
def filled(rack: str, power: float, **options: float) -> Shell:
    return shell(twin.load(reference(rack), {"rows.rack_type": rack}), power, **options)


@pytest.mark.parametrize("power", MAXLPS)
def test_full_power_holds_the_published_number_of_gpus(power: float) -> None:
    # 3.64 kW of the shell for a GPU are 238 kW of AC input for a rack at a PUE of 1.10; the catalogue has 237 kW.
    found = filled("vr-nvl72", power).fill("nameplate")
    # Target 3 %; it is 0.4 % on 1 GW and 250 MW and 0.7 % on 96 MW.
    assert found.gpus == pytest.approx(MAXLPS[power][0], rel=0.03)
    assert found.rack_power == 237e3


@pytest.mark.parametrize("power", [250e6, 96e6])
def test_managed_power_of_one_shell_gives_the_others(power: float) -> None:
    # Taken from the figure on 1 GW: 2.51 kW of the shell for a GPU, 180.4 kW for a rack.
    assert MANAGED["vr-nvl72"] == pytest.approx(180.4e3, rel=1e-3)
    assert filled("vr-nvl72", power).fill("managed").gpus == MAXLPS[power][1]


@pytest.mark.parametrize("power", MAXLPS)
@pytest.mark.parametrize(("pue", "support"), [(1.10, 0.0), (1.10, 18.5e3), (1.25, 0.0), (1.05, 5e3)])
def test_a_managed_shell_holds_as_many_at_any_pue_and_support(
    power: float, pue: float, support: float
) -> None:
    # 399,096 GPUs are 5,543 racks: each has a 5,543th of 1 GW, which pays its losses, its cooling and its support.
    found = filled("vr-nvl72", power, pue=pue, support=support).fill("managed")
    assert found.gpus == MAXLPS[power][1]
    assert found.rack_power == pytest.approx(1e9 / 5543 / pue - support, rel=1e-12)
    assert found.utility_power == pytest.approx(found.racks * 1e9 / 5543, rel=1e-12)


def test_a_managed_rack_keeps_its_floor() -> None:
    # 180.4 kW at a PUE of 1.6 are 112.8 kW, less than the 121.4 kW that a rack runs from.
    found = filled("vr-nvl72", 1e9, pue=1.6)
    managed = found.fill("managed")
    assert found.floor == pytest.approx(121.4e3, rel=1e-3)
    assert managed.rack_power == found.floor
    assert managed.racks == int(1e9 / 1.6 / found.floor) < 5543


@pytest.mark.parametrize("served", [False, True])
def test_the_operators_cap_holds_in_a_shell(served: bool) -> None:
    # By hand: where no rack has more than 150 kW, one that could have more yields what 150 kW yield.
    free = shell(twin.load("vr-su"), 1e9, served=served)
    held = shell(twin.load("vr-su", {"rows.power_cap": "150 kW"}), 1e9, served=served)
    for rule in ("nameplate", "managed"):
        assert held.fill(rule).racks == free.fill(rule).racks
        assert held.fill(rule).rack_power == 150e3
        assert held.fill(rule).output_tokens_per_second < free.fill(rule).output_tokens_per_second
    assert held.fill("capped").rack_power == pytest.approx(
        min(free.fill("capped").rack_power, 150e3), rel=2e-4
    )
    for more, told in (
        ({"rows.power_cap": "100 kW"}, "leaves it 100 kW"),
        ({"rows[row2].power_cap": "150 kW"}, "differs between"),
    ):
        with pytest.raises(ValueError, match=told):
            shell(twin.load("vr-su", more), 1e9, served=served)


def test_no_rack_draws_more_than_its_nameplate() -> None:
    found = shell(twin.load("vr-su", {"workload.rack_power": "300 kW"}), 1e9, served=True)
    assert found.demand == 237e3
    assert all(one.rack_power <= 237e3 for one in found.fills)
    with pytest.raises(ValueError, match="leaves it 237 kW"):
        shell(twin.load("vr-su", {"workload.rack_power": "2 MW"}), 1e9, served=True)


SESSION = {
    "workload.session.turns": "30",
    "workload.session.context": "60000",
    "workload.session.new_tokens": "2000",
    "workload.session.output": "600",
    "workload.session.tool_time": "20 s",
}


@pytest.mark.parametrize(
    ("unit", "rule"), [("vr-su", "managed"), ("gb200-su", "capped"), ("h100-air", "capped")]
)
def test_a_rack_of_sessions_yields_what_a_run_says(unit: str, rule: str) -> None:
    # The same rack, asked for its nameplate and held at the power of the shell, solved with its hall.
    facility = twin.load(unit, SESSION)
    found = shell(facility, 96e6)
    one = found.fill(rule)
    asked = twin.Operation(rack_power=found.nameplate, power_cap=one.rack_power)
    state = twin.solve(facility, asked, keep="all")
    assert state.power.values[0, 0] == pytest.approx(one.rack_power, rel=1e-9)
    assert one.output_tokens_per_second == pytest.approx(one.racks * state.tokens.values[0, 0], rel=1e-9)
    assert one.interactivity == pytest.approx(1.0 / state.tpot_p50.values[0], rel=1e-9)
    # 60,000 tokens of history and 2,000 new ones for 600 written.
    assert one.total_tokens_per_second == pytest.approx(
        one.output_tokens_per_second * (1 + 62_000 / 600), rel=1e-12
    )


def test_racks_too_slow_for_their_sessions_yield_nothing() -> None:
    # 61.8 ms to the first token at full clock: at a hundredth less speed none is soon enough.
    found = shell(twin.load("vr-su", {**SESSION, "workload.session.first_token": "62.5 ms"}), 1e9)
    assert found.fill("nameplate").output_tokens_per_second > 0.0
    assert found.fill("managed").output_tokens_per_second == 0.0
    assert found.fill("managed").interactivity == 0.0
    assert found.fill("capped").clock ** 0.3 >= 61.8 / 62.5
    written = record([found])["shells"][0]["fills"]
    assert [one["cost_per_million_output_tokens"] is None for one in written] == [False, True, False]


def test_speed_and_worth_of_the_managed_shell() -> None:
    found = filled("vr-nvl72", 1e9)
    full, managed = found.fill("nameplate"), found.fill("managed")
    gain = managed.output_tokens_per_second / full.output_tokens_per_second
    assert gain == pytest.approx(WORTH, rel=0.01)
    published = WORTH / (399_096 / 274_968)
    assert gain * full.gpus / managed.gpus == pytest.approx(published, rel=0.01)


def test_our_own_best_cap_lies_beyond_the_managed_one_on_a_flat_top() -> None:
    # 5.2 % more GPUs than the published 399,096, beyond the 3 % aimed at, for 0.7 % more tokens: the top is flat, and
    # by cost per token the managed shell is the better one.
    found = filled("vr-nvl72", 1e9)
    managed, best = found.fill("managed"), found.fill("capped")
    assert 1.03 < best.gpus / 399_096 < 1.06
    assert 1.0 < best.output_tokens_per_second / managed.output_tokens_per_second < 1.01
    assert managed.cost_per_million_output_tokens < best.cost_per_million_output_tokens


def test_the_max_q_profile_is_not_what_a_managed_shell_runs_at() -> None:
    # 196 kW of AC input against 164 kW: 2.99 kW of the shell for a GPU against 2.51 kW, a sixth fewer GPUs.
    found = filled("vr-nvl72-maxq", 1e9).fill("nameplate")
    assert 1e9 / found.gpus == pytest.approx(2995.0, rel=1e-3)
    assert found.gpus / 399_096 == pytest.approx(0.837, abs=1e-3)


@pytest.mark.parametrize("power", MAXLPS)
@pytest.mark.parametrize("rack", ["gb300-nvl72", "vr-nvl72"])
def test_the_best_cap_is_the_one_of_the_closed_form(rack: str, power: float) -> None:
    # Below the knee tokens go with (c - Ps)^b and watts with f + c, f the fixed watts over those of the GPUs: most
    # tokens per watt at c = (Ps + b f) / (1 - b). The shelves' efficiency, left out here, moves it by half a per cent.
    found, product = filled(rack, power), twin.load(reference(rack)).racks
    demand = found.gpus * found.fill("nameplate").gpu_power
    share = (0.25 + 0.30 * product.fixed[0] / demand) / 0.70
    assert share < 0.25 + 0.75 * 0.75**3
    best = found.fill("capped")
    assert best.gpu_power * found.gpus / demand == pytest.approx(share, rel=0.01)
    assert best.rack_power > found.floor


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("support", [0.0, 18.5e3])
@pytest.mark.parametrize("power", MAXLPS)
@pytest.mark.parametrize("rack", ["gb300-nvl72", "vr-nvl72"])
def test_what_a_shell_holds_adds_up(rack: str, power: float, support: float, served: bool) -> None:
    found = filled(rack, power, support=support, served=served)
    for one in found.fills:
        assert one.gpus == one.racks * 72
        assert one.utility_power == pytest.approx(one.racks * (one.rack_power + support) * 1.10, rel=1e-12)
        assert one.utility_power <= power * (1 + 1e-12)
        assert found.floor <= one.rack_power <= found.demand
        assert one.total_tokens_per_second == pytest.approx(9.0 * one.output_tokens_per_second)
        cost = one.cost_per_million_output_tokens, one.cost_per_million_total_tokens
        assert cost[0] == pytest.approx(9.0 * cost[1])
        assert one.interactivity <= 50.0
    full = found.fill("nameplate")
    assert (
        (full.racks + 1) * (found.nameplate + support)
        > found.it_power
        >= full.racks * (found.nameplate + support)
    )
    assert found.fill("capped").output_tokens_per_second == max(
        one.output_tokens_per_second for one in found.fills
    )


def test_a_million_tokens_by_hand() -> None:
    # 3,835 racks of 72 x 100 kUSD over 4 years and 909 MW of facility at 12 USD/W over 15, both at 10 % a year, 4 % of
    # maintenance, 999.8 MW at 0.08 USD/kWh.
    found = filled("vr-nvl72", 1e9)
    full = found.fill("nameplate")
    capital = full.gpus * 100e3
    year = capital * (0.1 / (1 - 1.1**-4) + 0.04) + 12 * 1e9 / 1.1 * 0.1 / (1 - 1.1**-15)
    year += 3835 * 237e3 * 1.1 / 1e3 * 8766 * 0.08
    uptime = twin.load("vr-su").uptime
    made = full.output_tokens_per_second * 8766 * 3600 * uptime
    assert full.cost_per_million_output_tokens == pytest.approx(1e6 * year / made, rel=1e-9)


def test_no_other_number_of_racks_yields_more() -> None:
    # The law by hand, through the loss of the shelves and back, over every number of racks.
    found, racks = filled("vr-nvl72", 96e6), twin.load("vr-su").racks
    law = laws.Law(
        demand=237e3, tokens=1.0, gpu_demand=found.fill("nameplate").gpu_power * 72, fixed=racks.fixed[0],
        rating=440e3, coefficients=racks.shelf_coefficients[0], static_share=0.25, knee=0.75, exponent=0.30,
        minimum_clock=0.17,
    )  # fmt: skip
    numbers = np.arange(300, 720)
    tokens = numbers * laws.throughput(law, 96e6 / 1.1 / numbers)
    assert numbers[np.argmax(tokens)] == found.fill("capped").racks


def test_what_cannot_be_filled_is_refused() -> None:
    with pytest.raises(ValueError, match="one product that has GPUs"):
        shell(twin.load("vr-su", {"rows[row1].rack_type": "vr-nvl72-maxq"}), 1e9)
    with pytest.raises(ValueError, match="one rack of 237 kW"):
        shell(twin.load("vr-su"), 100e3)
    with pytest.raises(ValueError, match="faster"):
        shell(twin.load("vr-su", {"workload.interactivity": "5000 token/s"}), 1e9)
    with pytest.raises(ValueError, match="PUE of at least 1"):
        shell(twin.load("vr-su"), 1e9, pue=0.9)
