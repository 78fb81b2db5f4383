from __future__ import annotations

import numpy as np
import pytest

import twin
from twin.economics import (
    YEAR,
    Cost,
    Economics,
    Power,
    Sold,
    Tokens,
    capital_recovery,
    cost,
    running_cost,
    tokens_per_joule,
)
from twin.errors import InputError
from twin.metrics import PARTS
from twin.study.shell import shell
from twin.summary import summary

NONE = Power(0.0, "rack_ac"), Power(0.0, "utility")


# Product, all-in watts of a GPU, USD per GPU-hour: SemiAnalysis InferenceX (2026-04); IT capital of a GPU fitted to
# that, and the share of power in the cost (facility and electricity, in per cent) that the design finds with it.
NEOCLOUD = [
    ("H100", 1.73e3, 1.69, 31.5e3, None), ("H200", 1.73e3, 1.74, 34e3, None), ("B200", 2.17e3, 2.34, 47e3, None),
    ("GB200", 2.10e3, 2.75, 54e3, None), ("GB300", 2.10e3, 3.30, 65e3, None),
]  # fmt: skip
HYPERSCALER = [
    ("H100", 1.73e3, 1.30, 21.6e3, 32), ("H200", 1.73e3, 1.41, 24.3e3, 30), ("B200", 2.17e3, 1.95, 35.0e3, 27),
    ("GB200", 2.10e3, 2.21, 41.8e3, 23), ("GB300", 2.10e3, 2.652, 52.7e3, 19),
]  # fmt: skip


@pytest.mark.parametrize(("product", "power", "published", "capital", "share"), NEOCLOUD + HYPERSCALER)
def test_gpu_hour_of_inferencex(
    product: str, power: float, published: float, capital: float, share: float | None
) -> None:
    # 10 %, 4 and 15 years, 12 USD/W, 0.08 USD/kWh at a load of 0.8, 4 % maintenance. The capital is fitted to within
    # 5 %, so this holds the formula to its own fit; one capital fits each column of the published prices.
    gpu = Economics(capital, 0.10, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    spent = running_cost(gpu, Power(power, "rack_ac"), Power(0.8 * power, "utility"), 0.08 / 3.6e6)
    assert spent.total * 3600 == pytest.approx(published, rel=0.05)
    if share:
        assert (spent.facility + spent.electricity) / spent.total == pytest.approx(share / 100, abs=0.012)


@pytest.mark.parametrize(
    ("interest", "years", "table"), [(0.10, 4, 0.31547), (0.10, 15, 0.13147), (0.05, 20, 0.08024)]
)
def test_capital_recovery_of_interest_tables(interest: float, years: int, table: float) -> None:
    # (A/P, i, n) of any engineering-economics table, five digits.
    assert capital_recovery(interest, years * YEAR) == pytest.approx(table, abs=5e-6)


def test_capital_recovery_pays_the_capital_back() -> None:
    # The present value of the payments is the capital.
    payment = capital_recovery(0.07, 9 * YEAR)
    assert sum(payment / 1.07**year for year in range(1, 10)) == pytest.approx(1.0)


def test_capital_recovery_without_interest() -> None:
    assert capital_recovery(np.array([0.0, 1e-9]), 5 * YEAR) == pytest.approx([0.2, 0.2], rel=1e-6)


def test_each_part_by_hand() -> None:
    # No interest, whole years: 8.766 MUSD over 1 year is 1000 USD/h, and a million tokens an hour. 2 USD/m3.
    farm = Economics(8.766e6, 0.0, YEAR, 2 * YEAR, 10.0, 0.5, 0.002)
    spent = running_cost(farm, Power(1.7532e6, "rack_ac"), Power(1e6, "utility"), 0.1 / 3.6e6, 25e3 / 3600)
    parts = cost(spent, Tokens(0.0, 1e6 / 3600), "output")
    assert parts.it == pytest.approx(1000.0)
    assert parts.facility == pytest.approx(1000.0)
    assert parts.electricity == pytest.approx(100.0)
    assert parts.maintenance == pytest.approx(500.0)
    assert parts.water == pytest.approx(50.0)
    assert parts.total == pytest.approx(2650.0)


def test_kinds_of_tokens_share_one_sum() -> None:
    spent = Cost(1.0, 0.2, 0.1, 0.1, 0.1)
    tokens = Tokens(np.array([8000.0, 1000.0]), np.array([1000.0, 1000.0]))
    sold = Sold(0.8, 0.99, 0.9)
    each = {kind: cost(spent, tokens, kind, sold).total for kind in ("input", "output", "total")}
    assert each["output"] == pytest.approx(1e6 * 1.5 / (1000 * 0.8 * 0.99 * 0.9) * np.ones(2))
    # Money in a second is the same whichever kind it is read from.
    for kind, price in each.items():
        assert price * tokens.of(kind) * sold.share / 1e6 == pytest.approx(np.full(2, 1.5))
    assert 1 / each["total"] == pytest.approx(1 / each["input"] + 1 / each["output"])


def test_power_at_another_boundary_is_refused() -> None:
    farm = Economics(1e6, 0.1, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    for built, drawn in (("rack_dc", "utility"), ("rack_ac", "rack_ac"), ("utility", "rack_ac")):
        with pytest.raises(ValueError, match="boundary"):
            running_cost(farm, Power(1.0, built), Power(1.0, drawn), 2e-8)


def test_tokens_per_joule_of_a_boundary() -> None:
    # 1 kW at the chips behind 1.3 kW at the utility: fewer tokens for a joule the farther out it is counted.
    tokens = Tokens(8000.0, 1000.0)
    chip, utility = (
        tokens_per_joule(tokens, "output", Power(w, at)) for w, at in ((1e3, "chip"), (1.3e3, "utility"))
    )
    assert (chip, utility) == pytest.approx((1.0, 1.0 / 1.3))
    assert tokens_per_joule(tokens, "total", Power(1e3, "chip")) == pytest.approx(9.0)
    assert np.isnan(tokens_per_joule(tokens, "total", Power(np.zeros(2), "chip"))).all()


def test_scenarios_and_no_tokens() -> None:
    # Warnings are errors, so dividing by the rack without tokens must stay silent.
    farm = Economics(1e6, 0.1, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    spent = running_cost(farm, Power(1e6, "rack_ac"), Power(np.array([5e5, 5e5, 0.0]), "utility"), 2e-8)
    every = cost(spent, Tokens(0.0, np.array([1e4, 2e4, 0.0])), "output").total
    assert every[0] == pytest.approx(2 * every[1])
    assert every[2] == np.inf


def test_seed_comparison_of_gb300_with_h200() -> None:
    # NVIDIA's arithmetic: 1.41 USD/h and 90 tokens/s make 4.20 USD a million, 2.65 and 6,000 make 0.12.
    old, new = (Economics(price * YEAR / 3600, 0.0, YEAR, YEAR, 0.0, 0.0) for price in (1.41, 2.65))
    for gpu, tokens, dollars in ((old, 90.0, 4.20), (new, 6000.0, 0.12)):
        total = cost(running_cost(gpu, *NONE, 0.0), Tokens(0.0, tokens), "output").total
        assert total == pytest.approx(dollars, rel=0.05)


def test_half_the_tokens_sold_cost_twice_as_much() -> None:
    full, half = (
        twin.load(None, {"economics.utilisation": share, "economics.water_price": "2 USD/m3"})
        for share in ("1", "0.5")
    )
    whole, sold = twin.solve(full), twin.solve(half)
    for part in ("cost_per_million_tokens", *(f"cost_{part}" for part in PARTS)):
        assert float(sold[part][0]) == 2 * float(whole[part][0])
    # Demand at partial load is not modelled.
    for same in ("tokens_per_second", "utility_power", "ttft_p99", "utilisation"):
        assert float(sold[same][0]) == float(whole[same][0])
    assert (
        "100 % of the output tokens sold" in summary(full, whole, ()).metrics["cost_per_million_tokens"].basis
    )
    assert (
        "50 % of the output tokens sold" in summary(half, sold, ()).metrics["cost_per_million_tokens"].basis
    )
    assert [shell(one, 10e6).sold for one in (full, half)] == [1.0, 0.5]
    fills = [shell(one, 10e6).fills[0] for one in (full, half)]
    for name in ("cost_per_million_output_tokens", "cost_per_million_total_tokens"):
        assert getattr(fills[1], name) == 2 * getattr(fills[0], name)
    for wrong in ("0", "1.1"):
        with pytest.raises(InputError, match=r"economics\.utilisation"):
            twin.load(None, {"economics.utilisation": wrong})


def test_water_of_wetted_pads_enters_the_cost() -> None:
    # By hand from the state: kilograms of water a second at 2 USD a tonne, over the tokens that are in service.
    pads = {"plant.adiabatic": {"effectiveness": 0.85, "above": "25 degC", "cycles": 4}}
    facility = twin.load(None, {**pads, "economics.water_price": "2 USD/m3"})
    state = twin.solve(facility, twin.Operation(dry_bulb=308.15, wet_bulb=295.15))
    water = float(state.water_use.sum())
    assert water > 0.0
    sold = float(state.tokens_per_second[0]) * facility.uptime
    assert float(state.cost_water[0]) == pytest.approx(1e6 * 0.002 * water / sold)
    parts = sum(float(state[f"cost_{part}"][0]) for part in PARTS)
    assert parts == pytest.approx(float(state.cost_per_million_tokens[0]))
