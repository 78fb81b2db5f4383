"""Prefill and decode under one cap against closed forms, a published demo, halving, and a search."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrical import converter
from twin.compute import law as laws
from twin.compute.law import Law
from twin.compute.phases import Pools, bends, joints, rate

TOTAL = 24 * 1250.0 + 48 * 800.0
PREFILL = 24 * 1250.0 / TOTAL
SHELF = converter.loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97])
LEAST = 0.25 + 0.75 * 0.17 * 0.75**2
"""Share of the watts of a pool at its minimum clock."""

exponents = st.floats(0.1, 1.0)
parts = st.one_of(st.just(0.0), st.floats(0.01, 0.95))


def demo(**change: object) -> Law:
    """24 GPUs of 1250 W that prefill and 48 of 800 W that decode, in balance, and nothing else."""
    law = Law(
        demand=TOTAL,
        tokens=1.0,
        gpu_demand=TOTAL,
        fixed=0.0,
        rating=2 * TOTAL,
        coefficients=np.zeros(3),
        static_share=0.25,
        knee=0.75,
        exponent=np.array(0.3),
        minimum_clock=np.array(0.17),
        prefill=np.array(PREFILL),
        prefill_exponent=np.array(1.0),
    )
    return replace(law, **change)


def uniform(**change: object) -> Law:
    """The same GPUs at one clock, of which the slower pool sets the rate."""
    return demo(exponent=1.0, prefill=None, prefill_exponent=None, **change)


def behind_shelves(**change: object) -> Law:
    """The same GPUs with 35 kW beside them, behind shelves that lose."""
    law = demo(fixed=35e3, rating=264e3, coefficients=SHELF, tokens=120e3, **change)
    return replace(law, demand=laws.ac_power(law.fixed + law.gpu_demand, law))


def share(clock: np.ndarray) -> np.ndarray:
    return 0.25 + 0.75 * clock * np.maximum(clock, 0.75) ** 2


def halved(cap: float, prefill: float, first: float, second: float) -> float:
    """The greatest rate whose watts a cap pays, by halving; both as shares of those at full clock."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        clocks = np.maximum(middle ** (1.0 / np.array([first, second])), 0.17)
        drawn = prefill * share(clocks[0]) + (1.0 - prefill) * share(clocks[1])
        low, high = (middle, high) if drawn <= cap else (low, middle)
    return low


def test_figures_of_the_demo() -> None:
    cap = TOTAL * np.array([0.9, 0.8, 0.7])
    assert laws.throughput(uniform(), cap) == pytest.approx([0.953, 0.902, 0.843], abs=5.1e-4)
    assert laws.throughput(demo(), cap) == pytest.approx([0.979, 0.954, 0.924], abs=5.1e-4)
    assert share(laws.clock(demo(), cap)) == pytest.approx([0.86, 0.72, 0.59], abs=5.1e-3)
    assert share(laws.prefill_clock(demo(), cap)) == pytest.approx([0.95, 0.90, 0.84], abs=1e-2)


def test_uniform_is_the_cube_root_above_the_knee() -> None:
    cap = np.linspace(0.6, 1.0, 9)
    assert laws.throughput(uniform(), TOTAL * cap) == pytest.approx(((cap - 0.25) / 0.75) ** (1 / 3))


def test_one_prefill_and_decode_of_a_third_are_a_quadratic_in_the_cube() -> None:
    # Exponents 1 and 1/2 above both knees: w y + (1 - w) y^2 = q with y = s^3.
    q = np.linspace(0.7, 1.0, 7)
    y = (-PREFILL + np.sqrt(PREFILL**2 + 4 * (1 - PREFILL) * q)) / (2 * (1 - PREFILL))
    law = demo(exponent=np.array(0.5))
    assert laws.throughput(law, TOTAL * (0.25 + 0.75 * q)) == pytest.approx(y ** (1 / 3), rel=1e-13)


def test_decode_at_its_minimum_clock_by_hand() -> None:
    # Below 0.17^0.3 = 0.588 decode draws its least; prefill, below its knee, what is left, straight in its clock.
    clock = np.array([0.2, 0.4, 0.58])
    power = TOTAL * (PREFILL * share(clock) + (1 - PREFILL) * LEAST)
    assert laws.throughput(demo(), power) == pytest.approx(clock, rel=1e-13)
    assert laws.prefill_clock(demo(), power) == pytest.approx(clock, rel=1e-13)
    assert laws.clock(demo(), power) == pytest.approx(0.17, rel=1e-13)


def test_floor_demand_and_beyond() -> None:
    law = behind_shelves()
    floor = float(laws.floor(law))
    assert laws.ac_power(35e3 + TOTAL * LEAST, law) == pytest.approx(floor, rel=1e-12)
    assert laws.throughput(law, floor) == pytest.approx(120e3 * 0.17, rel=1e-9)
    assert laws.throughput(law, floor * 0.999) == 0.0
    assert laws.clock(law, floor * 0.999) == laws.prefill_clock(law, floor * 0.999) == 0.0
    beyond = law.demand * np.array([1.0, 1.2, 3.0])
    assert (laws.throughput(law, beyond) == 120e3).all()
    assert laws.slope(law, beyond[1:]).tolist() == [0.0, 0.0]


def test_a_dead_rack_yields_nothing() -> None:
    # Warnings are errors, so this also says that none is raised.
    law = behind_shelves()
    law = replace(law, rating=np.array([264e3, 0.0]))
    for power in (0.0, 6e4, 2e5):
        assert laws.throughput(law, power)[1] == 0.0
        assert laws.slope(law, power)[1] == laws.curvature(law, power)[1] == 0.0


def test_segments_join_where_a_pool_comes_to_its_knee_or_its_minimum() -> None:
    law = behind_shelves()
    found = laws.joints(law)
    assert laws.clock(law, found[0]) == pytest.approx(0.17)
    assert laws.prefill_clock(law, found[1]) == pytest.approx(0.75)
    assert laws.clock(law, found[2]) == pytest.approx(0.75)
    for order, joint in enumerate(found):
        below, above = laws.segment(law, joint, order), laws.segment(law, joint, order + 1)
        assert below[0] == pytest.approx(above[0], rel=1e-12)
        assert below[1] > above[1] * 1.01


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("part", [0.05, 0.4, 0.95])
def test_derivatives_against_differences(order: int, part: float) -> None:
    law = behind_shelves()
    ends = float(laws.floor(law)), *(float(joint) for joint in laws.joints(law)), float(law.demand)
    power = ends[order] + part * (ends[order + 1] - ends[order])
    value, slope, curvature = laws.segment(law, power, order)
    above, below = laws.segment(law, power + 2.0, order), laws.segment(law, power - 2.0, order)
    assert value == pytest.approx(float(laws.throughput(law, power)), rel=1e-12)
    assert slope == pytest.approx((above[0] - below[0]) / 4.0, rel=1e-6)
    assert curvature == pytest.approx((above[1] - below[1]) / 4.0, rel=2e-5)
    assert laws.slope(law, power) == pytest.approx(slope, rel=1e-12)
    assert laws.curvature(law, power) == pytest.approx(curvature, rel=1e-12)


@given(st.floats(LEAST + 1e-6, 1.0), parts, exponents, exponents)
def test_rate_and_watts_against_halving_and_the_sum_of_the_pools(
    cap: float, prefill: float, first: float, second: float
) -> None:
    law = demo(prefill=np.array(prefill), prefill_exponent=np.array(first), exponent=np.array(second))
    if prefill > 0.0:
        assert laws.throughput(law, TOTAL * cap) == pytest.approx(
            halved(cap, prefill, first, second), rel=1e-9
        )
    drawn = prefill * share(laws.prefill_clock(law, TOTAL * cap))
    drawn = drawn + (1.0 - prefill) * share(laws.clock(law, TOTAL * cap))
    assert drawn == pytest.approx(cap, rel=1e-11)


@given(st.floats(0.0, 1.0), parts, st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.floats(0.4, 0.95))
def test_the_steps_of_newton_suffice(
    place: float, prefill: float, first: float, second: float, knee: float
) -> None:
    pools = Pools(*(np.array(value) for value in (prefill, first, second, knee, 0.17)))
    ends = *joints(pools), np.ones(())
    assert (np.diff(np.array(ends)) >= 0.0).all()
    watts = ends[0] + place * (1.0 - ends[0])
    found = rate(pools, watts, watts)
    clocks = np.clip(found ** (1.0 / np.array([first, second])), 0.17, 1.0)
    drawn = clocks * np.maximum(clocks, knee) ** 2
    assert prefill * drawn[0] + (1.0 - prefill) * drawn[1] == pytest.approx(float(watts), rel=1e-10)
    # Concave: each segment bends down and is steeper than the next.
    slopes = []
    for low, high in pairwise(ends):
        at = 0.5 * (low + high)
        if high - low > 1e-6:
            for end in (low, high):
                slope, curvature = bends(pools, rate(pools, end, at), at)
                slopes.append(float(slope))
                assert curvature <= 1e-9 * slope
    assert (np.diff(slopes) <= 1e-9 * np.abs(slopes[1:])).all()


@given(st.floats(0.25, 1.2), exponents, parts)
def test_equal_exponents_or_no_prefill_are_one_clock(cap: float, exponent: float, prefill: float) -> None:
    one = laws.throughput(
        uniform() if exponent == 1.0 else replace(uniform(), exponent=exponent), TOTAL * cap
    )
    both = demo(prefill=np.array(prefill), prefill_exponent=np.array(exponent), exponent=np.array(exponent))
    none = demo(prefill=np.array(0.0), exponent=np.array(exponent))
    assert laws.throughput(both, TOTAL * cap) == pytest.approx(float(one), rel=1e-12)
    assert laws.throughput(none, TOTAL * cap) == pytest.approx(float(one), rel=1e-12)


@given(st.floats(0.2, 1.2), parts, exponents, exponents)
def test_never_below_one_cap_for_all_gpus(cap: float, prefill: float, first: float, second: float) -> None:
    law = demo(prefill=np.array(prefill), prefill_exponent=np.array(first), exponent=np.array(second))
    alike = replace(uniform(), exponent=max(first, second))
    assert laws.throughput(law, TOTAL * cap) >= laws.throughput(alike, TOTAL * cap) * (1 - 1e-12)


@given(st.floats(LEAST, 1.0), st.floats(0.05, 0.95), exponents, exponents)
def test_no_split_of_the_watts_does_better(cap: float, prefill: float, first: float, second: float) -> None:
    law = demo(prefill=np.array(prefill), prefill_exponent=np.array(first), exponent=np.array(second))
    # A search over the clock of prefill, decode taking what is left.
    clock = np.linspace(0.17, 1.0, 400)
    left = (cap - prefill * share(clock)) / (1.0 - prefill)
    other = (left - 0.25) / 0.75
    other = np.where(other >= 0.75**3, np.cbrt(other), other / 0.75**2)
    passed = np.minimum(clock**first, np.clip(other, 0.0, 1.0) ** second)
    best = np.max(np.where(other >= 0.17, passed, 0.0), initial=0.0)
    assert float(laws.throughput(law, TOTAL * cap)) >= best - 1e-9


@given(st.lists(st.floats(0.1, 1.3), min_size=2, max_size=6))
def test_more_watts_never_pass_less(caps: list[float]) -> None:
    law = behind_shelves()
    assert (np.diff(laws.throughput(law, law.demand * np.sort(caps))) >= -1e-9).all()


def test_leaking_gpus_keep_clock_and_tokens() -> None:
    law = behind_shelves()
    cool = laws.shifted(law, np.array(-2e3), 0.0, 0.0, np.array(True))
    power = laws.ac_power(35e3 + TOTAL * np.array([0.5, 0.7, 0.9]), law)
    less = laws.ac_power(35e3 + TOTAL * np.array([0.5, 0.7, 0.9]) - 2e3, law)
    assert laws.throughput(cool, less) == pytest.approx(laws.throughput(law, power), rel=1e-11)


def test_racks_of_both_kinds_in_a_batch_equal_singles() -> None:
    power = np.linspace(4e4, 1.1e5, 8).reshape(4, 2)
    law = behind_shelves(prefill=np.array([[PREFILL, 0.0]]), exponent=np.array([[0.3, 0.5]]))
    every = laws.throughput(law, power)
    for place in range(2):
        one = behind_shelves(prefill=law.prefill[0, place], exponent=law.exponent[0, place])  # type: ignore[index]
        for scenario in range(4):
            assert every[scenario, place] == laws.throughput(one, power[scenario, place])
