from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrical import converter
from twin.compute import law as laws
from twin.compute.law import Law

SHELF = converter.loss_coefficients([0.1, 0.5, 1.0], [0.95, 0.975, 0.97])
LOSSLESS = np.zeros(3)


def rack(**change: object) -> Law:
    """A GB300 rack: 72 GPUs of 1400 W, 35.2 kW beside them, eight shelves of 33 kW."""
    law = Law(
        demand=converter.input_power(136e3, 264e3, SHELF),
        tokens=120e3,
        gpu_demand=72 * 1400.0,
        fixed=35.2e3,
        rating=264e3,
        coefficients=SHELF,
        static_share=0.25,
        knee=0.75,
        exponent=0.30,
        minimum_clock=0.17,
    )
    return replace(law, **change)


def plain(fixed: float, exponent: float) -> Law:
    """A rack of 1 W without losses, of which `fixed` does not follow the cap."""
    return rack(
        demand=1.0,
        tokens=1.0,
        gpu_demand=1.0 - fixed,
        fixed=fixed,
        rating=2.0,
        coefficients=LOSSLESS,
        exponent=exponent,
    )


@pytest.mark.parametrize(
    ("cap", "fixed", "exponent", "speed"),
    [
        (1100 / 1400, 0.0, 1.0, 0.900),  # MLPerf v6.0 Offline, B300 at 1100 W over GB300 at 1400 W
        (0.85, 0.28, 0.30, 0.970),  # NVIDIA Max-Q profile
        (0.689, 0.28, 0.30, 0.915),  # NVIDIA MaxLPS, 399,096 against 274,968 GPUs on 1 GW
        (125 / 142, 0.28, 0.30, 0.975),  # two of four panels out
    ],
)
def test_published_speeds_under_a_cap(cap: float, fixed: float, exponent: float, speed: float) -> None:
    # The law gives 0.894, 0.968, 0.918 and 0.975; 4 % is the spread of the published figures.
    assert laws.throughput(plain(fixed, exponent), cap) == pytest.approx(speed, rel=0.04)


def test_figures_of_the_published_table() -> None:
    # The same cases to the three digits that the design table states for this law.
    assert laws.throughput(plain(0.28, 0.30), [0.689, 0.85]) == pytest.approx([0.918, 0.968], abs=5e-4)
    assert laws.throughput(plain(0.0, 1.0), 0.786) == pytest.approx(0.894, abs=5e-4)


def test_closed_form_at_clock_ratios() -> None:
    # P = Ps + (1 - Ps) phi max(0.75, phi)^2 of the GPU watts, through the shelf loss and back.
    law = rack()
    for ratio in (0.17, 0.4, 0.75, 0.9, 1.0):
        watts = 72 * 1400.0 * (0.25 + 0.75 * ratio * max(0.75, ratio) ** 2)
        power = converter.input_power(35.2e3 + watts, 264e3, SHELF)
        assert laws.gpu_power(law, power) == pytest.approx(watts, rel=1e-12)
        assert laws.clock(law, power) == pytest.approx(ratio, rel=1e-12)
        assert laws.throughput(law, power) == pytest.approx(120e3 * ratio**0.30, rel=1e-12)


def test_floor_and_knee() -> None:
    law = rack()
    assert laws.clock(law, laws.floor(law)) == pytest.approx(0.17)
    assert laws.clock(law, laws.knee_power(law)) == pytest.approx(0.75)
    assert laws.ac_power(136e3, law) == pytest.approx(law.demand)
    assert laws.throughput(law, laws.floor(law) * 0.999) == 0.0
    fast = rack(minimum_clock=0.9)
    assert laws.clock(fast, laws.floor(fast)) == pytest.approx(0.9)


def test_nothing_gained_above_demand() -> None:
    law = rack()
    power = law.demand * np.array([1.0, 1.2, 3.0])
    assert np.all(laws.throughput(law, power) == law.tokens)
    assert laws.slope(law, power[1:]) == pytest.approx(0.0)
    assert laws.gpu_power(law, power) == pytest.approx(72 * 1400.0)


def test_all_tokens_at_demand_whatever_the_curve_says() -> None:
    # A prescribed rack power may lie under the GPUs' own demand; it is all that is asked for.
    law = rack()
    assert laws.throughput(rack(demand=0.9 * law.demand), 0.9 * law.demand) == law.tokens


def test_dead_rack_yields_nothing() -> None:
    # Warnings are errors, so this also says that none is raised.
    law = rack(rating=np.array([264e3, 0.0]))
    for power in (0.0, 1e5, 2e5):
        assert laws.throughput(law, power)[1] == 0.0
        assert laws.gpu_power(law, power)[1] == 0.0
        assert laws.slope(law, power)[1] == 0.0
        assert laws.curvature(law, power)[1] == 0.0


@pytest.mark.parametrize("segment", [laws.lower, laws.upper])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.95])
def test_derivatives_against_differences(segment: object, share: float) -> None:
    # Central differences of value and slope; 2 W on dynamic watts of 8 kW and more leave 2e-7 of truncation.
    law = rack()
    ends = (
        (laws.floor(law), laws.knee_power(law))
        if segment is laws.lower
        else (laws.knee_power(law), law.demand)
    )
    power = ends[0] + share * (ends[1] - ends[0])
    value, slope, curvature = segment(law, power)  # type: ignore[operator]
    above, below = segment(law, power + 2.0), segment(law, power - 2.0)  # type: ignore[operator]
    assert value == pytest.approx(float(laws.throughput(law, power)), rel=1e-12)
    assert slope == pytest.approx((above[0] - below[0]) / 4.0, rel=1e-6)
    assert curvature == pytest.approx((above[1] - below[1]) / 4.0, rel=1e-6)
    assert laws.slope(law, power) == pytest.approx(slope)
    assert laws.curvature(law, power) == pytest.approx(curvature)


def test_kink_at_the_knee() -> None:
    # Watts go with the clock below and with its cube above: the slope falls to a third.
    law = rack()
    below, above = laws.lower(law, laws.knee_power(law)), laws.upper(law, laws.knee_power(law))
    assert below[0] == pytest.approx(above[0], rel=1e-12)
    assert below[1] == pytest.approx(3 * above[1], rel=1e-12)


@given(
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.floats(0.01, 1.0),
    st.floats(0.05, 0.6),
    st.floats(0.4, 0.95),
    st.floats(0.05, 0.9),
    st.floats(1.0, 8.0),
)
def test_concave_and_rising(
    place: tuple[float, float], exponent: float, static: float, knee: float, minimum: float, shelves: float
) -> None:
    # The value between two powers lies on or above the chord, whichever side of the knee they stand.
    law = rack(
        exponent=exponent, static_share=static, knee=knee, minimum_clock=minimum, rating=shelves * 33e3
    )
    law = replace(law, demand=laws.ac_power(136e3, law))
    least = laws.floor(law)
    low, high = (least + part * (law.demand - least) for part in sorted(place))
    ends = laws.throughput(law, np.array([low, high]))
    middle = laws.throughput(law, 0.5 * (low + high))
    assert ends[0] <= ends[1] * (1 + 1e-12)
    assert middle >= ends.mean() * (1 - 1e-9)
    assert laws.slope(law, low) >= laws.slope(law, high) * (1 - 1e-9) or high >= law.demand * (1 - 1e-12)


def test_batch_equals_singles() -> None:
    power = np.linspace(5e4, 1.5e5, 6).reshape(3, 2)
    law = rack(rating=np.array([264e3, 132e3]), tokens=np.array([[1e5], [2e5], [3e5]]))
    every = laws.throughput(law, power)
    for scenario in range(3):
        for place in range(2):
            one = rack(rating=law.rating[place], tokens=law.tokens[scenario, 0])
            assert every[scenario, place] == laws.throughput(one, power[scenario, place])
