from __future__ import annotations

import numpy as np
import pytest

from twin.economics import YEAR, Economics, capital_recovery, cost, running_cost


@pytest.mark.parametrize(
    ("product", "capital", "power", "published"),
    [
        ("H100", 31.5e3, 1.73e3, 1.69),
        ("H200", 34e3, 1.73e3, 1.74),
        ("B200", 47e3, 2.17e3, 2.34),
        ("GB200", 54e3, 2.10e3, 2.75),
        ("GB300", 65e3, 2.10e3, 3.30),
    ],
)
def test_neocloud_cost_of_inferencex(product: str, capital: float, power: float, published: float) -> None:
    # USD per GPU-hour of a neocloud in SemiAnalysis InferenceX (2026-04), all-in watts of a GPU from the same
    # source. The capital is fitted to within 5 %, so this holds the formula to its own fit.
    gpu = Economics(capital, 0.10, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    hour = running_cost(gpu, power, 0.8 * power, 0.08 / 3.6e6).total * 3600
    assert hour == pytest.approx(published, rel=0.05)


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
    # No interest, whole years: 8.766 MUSD over 1 year is 1000 USD/h, and a million tokens an hour.
    farm = Economics(8.766e6, 0.0, YEAR, 2 * YEAR, 10.0, 0.5)
    parts = cost(farm, 1e6 / 3600, 1.7532e6, 1e6, 0.1 / 3.6e6)
    assert parts.it == pytest.approx(1000.0)
    assert parts.facility == pytest.approx(1000.0)
    assert parts.electricity == pytest.approx(100.0)
    assert parts.maintenance == pytest.approx(500.0)
    assert parts.total == pytest.approx(2600.0)


def test_scenarios_and_no_tokens() -> None:
    # Warnings are errors, so dividing by the rack without tokens must stay silent.
    farm = Economics(1e6, 0.1, 4 * YEAR, 15 * YEAR, 12.0, 0.04)
    every = cost(farm, np.array([1e4, 2e4, 0.0]), 1e6, np.array([5e5, 5e5, 0.0]), 2e-8).total
    assert every[0] == pytest.approx(2 * every[1])
    assert every[2] == np.inf


def test_seed_comparison_of_gb300_with_h200() -> None:
    # NVIDIA's arithmetic: 1.41 USD/h and 90 tokens/s make 4.20 USD a million, 2.65 and 6,000 make 0.12.
    old, new = (Economics(price * YEAR / 3600, 0.0, YEAR, YEAR, 0.0, 0.0) for price in (1.41, 2.65))
    assert cost(old, 90.0, 0.0, 0.0, 0.0).total == pytest.approx(4.20, rel=0.05)
    assert cost(new, 6000.0, 0.0, 0.0, 0.0).total == pytest.approx(0.12, rel=0.05)
