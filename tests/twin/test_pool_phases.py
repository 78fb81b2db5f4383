"""Prefill and decode under one cap against closed forms, a published demo, and a search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.compute.phases import Pools, aware, uniform

TOTAL = 24 * 1250.0 + 48 * 800.0


def demo(decode: float = 0.3) -> Pools:
    """24 GPUs of 1250 W that prefill and 48 of 800 W that decode, in balance."""
    return Pools(np.array([24 * 1250.0, 48 * 800.0]), np.ones(2), np.array([1.0, decode]))


def test_figures_of_the_demo() -> None:
    cap = TOTAL * np.array([0.9, 0.8, 0.7])
    assert uniform(demo(), cap).rate == pytest.approx([0.953, 0.902, 0.843], abs=5.1e-4)
    found = aware(demo(), cap)
    assert found.rate == pytest.approx([0.979, 0.954, 0.924], abs=5.1e-4)
    share = found.power / demo().demand
    assert share[:, 1] == pytest.approx([0.86, 0.72, 0.59], abs=5.1e-3)
    assert share[:, 0] == pytest.approx([0.95, 0.90, 0.84], abs=1e-2)
    assert found.power.sum(axis=-1) == pytest.approx(cap, rel=1e-12)


def test_uniform_is_the_cube_root_above_the_knee() -> None:
    cap = np.linspace(0.6, 1.0, 9)
    expected = ((cap - 0.25) / 0.75) ** (1 / 3)
    assert uniform(demo(), TOTAL * cap).rate == pytest.approx(expected, rel=1e-12)


def test_equal_exponents_in_balance_are_capped_alike() -> None:
    pools, cap = demo(decode=1.0), TOTAL * np.linspace(0.4, 1.0, 7)
    assert aware(pools, cap).rate == pytest.approx(uniform(pools, cap).rate, rel=1e-12)


def test_below_the_knee_by_hand() -> None:
    # One pool: share 0.4 lies below the knee, phi = 0.15 / 0.75 / 0.75^2.
    pools = Pools(np.array([1000.0]), np.array([7.0]), np.array([0.5]))
    found = aware(pools, 400.0)
    assert found.clock == pytest.approx([0.2 / 0.5625], rel=1e-12)
    assert found.rate == pytest.approx(7.0 * (0.2 / 0.5625) ** 0.5, rel=1e-12)


def test_no_pool_runs_below_its_minimum_clock_and_none_without_its_watts() -> None:
    least = 0.25 + 0.75 * 0.17 * 0.75**2
    found = aware(demo(), TOTAL * np.array([least, least * 0.999]))
    assert found.clock == pytest.approx(np.array([[0.17, 0.17], [0.0, 0.0]]), abs=1e-9)
    assert found.rate == pytest.approx([0.17, 0.0], abs=1e-9)
    assert found.power.sum(axis=-1) == pytest.approx([TOTAL * least, 0.0])
    assert uniform(demo(), TOTAL * least).rate == pytest.approx(0.17)


def test_a_pool_that_could_do_more_gives_its_watts_away() -> None:
    # Decode passes twice what prefill does: slowed to phi = 0.5 it costs nothing.
    pools = Pools(np.array([1000.0, 1000.0]), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    needed = 1000.0 * (1.0 + 0.25 + 0.75 * 0.5 * 0.75**2)
    found = aware(pools, [needed, 1e9])
    assert found.rate == pytest.approx([1.0, 1.0], rel=1e-12)
    assert found.clock == pytest.approx(np.array([[1.0, 0.5], [1.0, 0.5]]), rel=1e-12)
    assert uniform(pools, needed).rate < 0.9


@given(
    st.floats(0.35, 1.2), st.floats(0.1, 10.0), st.floats(0.2, 1.2), st.floats(0.2, 1.2), st.floats(0.5, 2.0)
)
def test_no_split_of_the_watts_does_better(
    cap: float, size: float, first: float, second: float, rate: float
) -> None:
    pools = Pools(np.array([1.0, size]), np.array([1.0, rate]), np.array([first, second]))
    watts = cap * (1.0 + size)
    found = aware(pools, watts)
    assert float(found.power.sum()) <= watts * (1 + 1e-12)
    assert float(found.rate) >= float(uniform(pools, watts).rate) * (1 - 1e-12)
    # A search over the first pool's clock, the second taking what is left.
    clock = np.linspace(0.17, 1.0, 400)
    left = (watts - (0.25 + 0.75 * clock * np.maximum(clock, 0.75) ** 2)) / size
    other = (left - 0.25) / 0.75
    other = np.where(other >= 0.75**3, np.cbrt(other), other / 0.75**2)
    passed = np.minimum(clock**first, rate * np.minimum(np.maximum(other, 0.0), 1.0) ** second)
    best = np.max(np.where(other >= 0.17, passed, 0.0))
    assert float(found.rate) >= best - 1e-9


@given(st.lists(st.floats(0.1, 1.3), min_size=2, max_size=6))
def test_more_watts_never_pass_less(caps: list[float]) -> None:
    watts = TOTAL * np.sort(caps)
    for policy in (uniform, aware):
        assert (np.diff(policy(demo(), watts).rate) >= -1e-12).all()
