"""Allocation against closed forms, scipy's SLSQP and HiGHS, its own optimality conditions, and invariants;
the policies that ask no law against loops that raise the level of one scenario by bisection.

Tolerances: the interior point stops at a mean complementarity of 1e-12 of the mean gain, so powers are
good to about 1e-6 of a rack's range, tokens to 1e-10, and marginal tokens meet prices within 1e-5 for
racks at least 0.1 % of their range away from floor, knee and ceiling.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from twin.allocate import Caps, allocate, shed
from twin.compute.law import Law, ac_power, given, joints, knee_power, lower, throughput, upper
from twin.compute.law import floor as law_floor
from twin.compute.law import slope as law_slope

RACK = 16
FILLING = ["proportional", "equal", "priority"]


def pattern(rng: np.random.Generator, rack: int = RACK) -> np.ndarray:
    """Eighteen rows: two sets of four RPPs, four UPS, utility, three CDUs, fan wall, a device that is out."""
    half = np.repeat(np.eye(2), rack // 2, axis=1)
    rpp = np.repeat(half, 4, axis=0) * 0.25 * 1.01
    ups = np.full((4, rack), 0.25 * 1.05)
    utility = np.full((1, rack), 1.08)
    cdu = np.stack([np.where(np.arange(rack) % 3 == k, 0.85, 0.0) for k in range(3)])
    wall = rng.uniform(0.1, 0.2, (1, rack))
    return np.concatenate([rpp, ups, utility, cdu, wall, np.zeros((1, rack))])[None]


def racks(rng: np.random.Generator, scenario: int, rack: int = RACK, exponent: float | None = None) -> Law:
    """Laws of unequal racks behind shelves that lose 0.5 % + 1 % u + 1.5 % u^2 of their rating."""
    gpu = rng.uniform(6e4, 1.1e5, (scenario, rack))
    law = Law(
        demand=np.full((1, rack), np.nan),
        tokens=rng.uniform(2e5, 8e5, (scenario, rack)),
        gpu_demand=gpu,
        fixed=np.full((1, rack), 3.5e4),
        rating=np.full((1, rack), 2e5),
        coefficients=np.broadcast_to([0.005, 0.01, 0.015], (1, rack, 3)),
        static_share=rng.uniform(0.15, 0.35, (scenario, rack)),
        knee=rng.uniform(0.6, 0.8, (scenario, rack)),
        exponent=rng.uniform(0.15, 1.0, (scenario, rack))
        if exponent is None
        else np.full((1, rack), exponent),
        minimum_clock=np.full((1, rack), 0.35),
    )
    return replace(law, demand=ac_power(law.fixed + gpu, law))


def pooled(law: Law, rng: np.random.Generator) -> Law:
    """The same racks, two in three of them with pools of which prefill follows the clock."""
    part = rng.uniform(0.2, 0.8, law.gpu_demand.shape) * (rng.random(law.gpu_demand.shape) < 2 / 3)
    return replace(law, prefill=part, prefill_exponent=np.ones((1, law.gpu_demand.shape[-1])))


def load(share: np.ndarray, power: np.ndarray) -> np.ndarray:
    return (share @ power[..., None])[..., 0]


def case(
    seed: int,
    scenario: int,
    span: tuple[float, float] = (0.3, 1.3),
    exponent: float | None = None,
    rack: int = RACK,
    pools: bool = False,
):
    """Arguments of `allocate`: a third of the ceilings below demand, a third of the limits infinite."""
    rng = np.random.default_rng(seed)
    law = racks(rng, scenario, rack, exponent)
    law = pooled(law, np.random.default_rng(seed)) if pools else law
    floor = np.broadcast_to(law_floor(law), (scenario, rack)).copy()
    cut = np.where(rng.random((scenario, rack)) < 0.3, rng.uniform(0.4, 1.0, (scenario, rack)), 1.0)
    ceiling = np.maximum(law.demand * cut, floor)
    share = pattern(rng, rack)
    least, most = load(share, floor), load(share, ceiling)
    capacity = least + (most - least) * rng.uniform(*span, least.shape)
    capacity[rng.random(capacity.shape) < 0.3] = np.inf
    return law, floor, ceiling, share, capacity


def single(law: Law, k: int) -> Law:
    return replace(law, **{name: value[k : k + 1] for name, value in given(law).items() if len(value) > 1})


def tokens(law: Law, caps: Caps) -> np.ndarray:
    return throughput(law, caps.power).sum(axis=-1)


def slope(law: Law, power: np.ndarray) -> np.ndarray:
    if law.prefill is not None:
        return law_slope(law, power)
    with np.errstate(all="ignore"):
        return np.where(power < knee_power(law), lower(law, power)[1], upper(law, power)[1])


def two(exponent: float = 0.3, tokens: tuple[float, float] = (1e5, 1e5)) -> Law:
    ones = np.ones((1, 2))
    return Law(
        demand=1e5 * ones,
        tokens=np.array([tokens]),
        gpu_demand=1e5 * ones,
        fixed=0.0 * ones,
        rating=2e5 * ones,
        coefficients=np.zeros((1, 2, 3)),
        static_share=0.25 * ones,
        knee=0.75 * ones,
        exponent=exponent * ones,
        minimum_clock=0.3 * ones,
    )


def test_two_racks_against_the_closed_form_of_the_cubic_branch():
    # Above the knee T = T0 r^(e/3) with r = (p/P - s)/(1 - s), so equal marginal tokens need
    # r1/r2 = (T1/T2)^(3/(3 - e)), and the sum of both powers is the capacity.
    law = two(exponent=0.9, tokens=(1.0e5, 1.2e5))
    ratio = (1.0 / 1.2) ** (3.0 / (3.0 - 0.9))
    both = (1.6 - 0.5) / 0.75
    wanted = 1e5 * (0.25 + 0.75 * both * np.array([ratio, 1.0]) / (1.0 + ratio))
    worth = 0.3 * 1.2e5 * (both / (1.0 + ratio)) ** (0.3 - 1.0) / 0.75 / 1e5
    ends = np.full((1, 2), 4e4), np.full((1, 2), 1e5)
    caps = allocate(law, *ends, np.ones((1, 1, 2)), np.array([[1.6e5]]), "max-throughput")
    np.testing.assert_allclose(caps.power[0], wanted, rtol=1e-7)
    np.testing.assert_allclose(caps.price[0, 0], worth, rtol=1e-7)
    assert (caps.binding == 0).all()


def test_objective_against_slsqp():
    # SLSQP sees the one-piece law, this solver the two segments; SLSQP itself stops at about 1e-9.
    for seed in range(10):
        law, floor, ceiling, share, capacity = case(seed, 1, (0.3, 0.9))
        caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
        unit, scale = tokens(law, caps)[0], ceiling.mean()
        rows = np.flatnonzero(np.isfinite(capacity[0]) & share[0].any(axis=-1))
        matrix, bound = share[0, rows] * scale / capacity[0, rows, None], np.ones(len(rows))
        start = allocate(law, floor, ceiling, share, capacity, "proportional").power[0] / scale
        found = minimize(
            lambda p, law=law, scale=scale, unit=unit: -throughput(law, p[None] * scale).sum() / unit,
            start,
            jac=lambda p, law=law, scale=scale, unit=unit: -slope(law, p[None] * scale)[0] * scale / unit,
            bounds=list(zip(floor[0] / scale, ceiling[0] / scale, strict=True)),
            constraints={
                "type": "ineq",
                "fun": lambda p, a=matrix, b=bound: b - a @ p,
                "jac": lambda p, a=matrix: -a,
            },
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 500},
        )
        over = max(float((matrix @ found.x - bound).max()), 0.0)
        assert -found.fun - 1.0 <= 1e-8 + 10.0 * over, seed
        assert abs(-found.fun - 1.0) <= 1e-5, seed


@pytest.mark.parametrize("pools", [False, True])
def test_objective_and_prices_against_a_linear_program_of_chords(pools):
    # 200 chords in each segment lie below the law by 2e-6 of its tokens; HiGHS has its own duals.
    law, floor, ceiling, share, capacity = case(3, 1, (0.3, 0.8), pools=pools)
    ceiling = np.maximum(ceiling, 1.01 * joints(law)[-1])
    ends = [floor, *(np.maximum(joint, floor) for joint in joints(law)), ceiling]
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    along = np.linspace(0.0, 1.0, 200, endpoint=False)[:, None]
    parts = [low + along * (high - low) for low, high in pairwise(ends)]
    edge = np.concatenate([*parts, ceiling])
    width, rise = np.diff(edge, axis=0), np.diff(throughput(law, edge), axis=0)
    rows = np.flatnonzero(np.isfinite(capacity[0]) & share[0].any(axis=-1))
    matrix, room = share[0, rows], (capacity - load(share, floor))[0, rows]
    scale, gain = width.mean(), rise / np.where(width > 0.0, width, 1.0)
    found = linprog(
        -(gain * scale).ravel() / rise.mean(),
        A_ub=np.tile(matrix, len(width)),
        b_ub=room / scale,
        bounds=np.stack([np.zeros(width.size), width.ravel() / scale], axis=1),
        method="highs",
    )
    base = throughput(law, floor).sum()
    assert tokens(law, caps)[0] == pytest.approx(base - found.fun * rise.mean(), rel=5e-6)
    worth = -found.ineqlin.marginals * rise.mean() / scale
    pull = (caps.price[:, rows] @ matrix)[0]
    held = caps.binding[0] >= 0
    np.testing.assert_allclose(pull[held], (worth @ matrix)[held], rtol=1e-2)


def test_two_racks_with_pools_against_halving_and_differences():
    # Equal racks share the room alike; the price is the slope of what both then yield, by central differences.
    law = replace(two(), prefill=np.full((1, 2), 0.4), prefill_exponent=np.ones((1, 2)))
    ends = law_floor(law), np.full((1, 2), 1e5)
    for room in (0.8e5, 1.0e5, 1.4e5, 1.8e5):
        caps = allocate(law, *ends, np.ones((1, 1, 2)), np.array([[room]]), "max-throughput")
        np.testing.assert_allclose(caps.power, room / 2, rtol=1e-6)
        near = room / 2 + np.array([[-5.0, -5.0], [5.0, 5.0]])
        worth = np.diff(throughput(law, near).sum(axis=-1))[0] / 20.0
        np.testing.assert_allclose(caps.price[0, 0], worth, rtol=1e-5)
        assert (caps.binding == 0).all()


def test_prices_with_pools_against_differences_of_the_allocation():
    # Two units to either side at each binding row; off at the few where another limit comes to bind within them.
    law, floor, ceiling, share, capacity = case(21, 60, (0.3, 0.9), pools=True)
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    errors = []
    for row in range(share.shape[1]):
        step = np.zeros_like(capacity)
        step[:, row] = 2.0
        more, less = (
            tokens(law, allocate(law, floor, ceiling, share, capacity + side * step, "max-throughput"))
            for side in (1.0, -1.0)
        )
        held = caps.price[:, row] > 1e-3 * caps.price.max(axis=-1)
        errors += list(np.abs((more - less)[held] / 4.0 / caps.price[held, row] - 1.0))
    assert len(errors) > 100
    assert np.median(errors) < 1e-4
    assert np.mean(np.array(errors) > 0.02) < 0.03


def optimality(law, floor, ceiling, share, capacity, caps):
    """Marginal against price of interior racks, unused room times price over tokens, relative overload."""
    pull = (caps.price[:, None] @ share)[:, 0]
    margin = 1e-3 * (ceiling - floor)
    away = np.minimum(caps.power - floor, ceiling - caps.power)
    away = np.minimum(away, np.min([np.abs(caps.power - joint) for joint in joints(law)], axis=0))
    interior = (away > margin) & (ceiling > floor)
    error = np.where(interior, slope(law, caps.power) / np.where(interior, pull, 1.0) - 1.0, 0.0)
    limited = np.isfinite(capacity) & share.any(axis=-1)
    room = np.where(limited, capacity - load(share, caps.power), 0.0)
    unused = caps.price * room / tokens(law, caps)[:, None]
    over = -room / np.where(limited & (capacity > 0.0), capacity, np.inf)
    return interior, np.abs(error).max(), np.abs(unused).max(), over.max()


@pytest.mark.parametrize(
    ("exponent", "pools"), [(None, False), (1.0, False), (0.05, False), (None, True), (0.3, True)]
)
def test_optimality_conditions(exponent, pools):
    arguments = case(11, 400, exponent=exponent, pools=pools)
    law, floor, ceiling, share, _ = arguments
    caps = allocate(*arguments, "max-throughput")
    assert caps.settled.all()
    interior, error, unused, over = optimality(*arguments, caps)
    assert interior.sum() > 1000
    assert error < 1e-5
    assert unused < 1e-9
    assert over < 1e-9
    # At its ceiling a rack would take more, at its floor it would give more, if the limits let it.
    pull = (caps.price[:, None] @ share)[:, 0]
    marginal = slope(law, caps.power)
    top, bottom = caps.power >= ceiling * (1 - 1e-9), caps.power <= floor * (1 + 1e-9)
    assert (marginal[top & (ceiling > floor)] >= pull[top & (ceiling > floor)] * (1 - 1e-4)).all()
    assert (marginal[bottom & (ceiling > floor)] <= pull[bottom & (ceiling > floor)] * (1 + 1e-4)).all()
    assert (caps.power >= floor - 1e-6).all()
    assert (caps.power <= ceiling + 1e-6).all()
    assert (caps.price >= 0.0).all()


@pytest.mark.parametrize("pools", [False, True])
def test_binding_names_the_dearest_limit_and_the_ceiling(pools):
    _, _, ceiling, share, _ = arguments = case(12, 200, pools=pools)
    caps = allocate(*arguments, "max-throughput")
    cost = share * caps.price[..., None]
    held = caps.binding >= 0
    assert held.any()
    assert (~held).any()
    assert (caps.power[~held] >= ceiling[~held] * (1 - 1e-6)).all()
    named = np.take_along_axis(cost, np.maximum(caps.binding, 0)[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(named[held], cost.max(axis=1)[held])
    # Where one more watt is worth more than all limits ask for it, only the ceiling holds the rack.
    wanted = slope(arguments[0], caps.power) > 1.001 * cost.sum(axis=1)
    away = np.min([np.abs(caps.power / joint - 1.0) for joint in joints(arguments[0])], axis=0) > 1e-4
    assert (caps.binding[wanted & away] == -1).all()


@pytest.mark.parametrize("pools", [False, True])
def test_a_batch_equals_a_loop_of_singles_and_an_infeasible_neighbour_changes_nothing(pools):
    law, floor, ceiling, share, capacity = case(13, 50, pools=pools)
    apart = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    capacity = capacity.copy()
    capacity[17, 12] = 0.99 * load(share, floor)[17, 12]
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    assert not caps.settled[17]
    assert np.isnan(caps.power[17]).all()
    others = np.arange(50) != 17
    assert caps.settled[others].all()
    np.testing.assert_array_equal(caps.power[others], apart.power[others])
    np.testing.assert_array_equal(caps.price[others], apart.price[others])
    for k in range(50):
        one = slice(k, k + 1)
        alone = allocate(single(law, k), floor[one], ceiling[one], share, capacity[one], "max-throughput")
        np.testing.assert_allclose(alone.power, caps.power[one], rtol=1e-12)
        np.testing.assert_allclose(alone.price, caps.price[one], rtol=1e-12, atol=1e-18)
        assert alone.settled[0] == caps.settled[k]
        np.testing.assert_array_equal(alone.binding, caps.binding[one])


def test_shares_by_scenario_equal_the_shares_in_common():
    law, floor, ceiling, share, capacity = case(14, 40)
    common = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    each = np.repeat(share, 40, axis=0)
    each[1::2] *= 2.0  # the same proportions, so only the price of a unit changes
    caps = allocate(law, floor, ceiling, each, capacity * each[:, :1, 0] / each[:1, :1, 0], "max-throughput")
    np.testing.assert_allclose(caps.power, common.power, rtol=1e-10)
    np.testing.assert_allclose(caps.price[1::2], common.price[1::2] / 2.0, rtol=1e-6, atol=1e-12)


def test_rows_of_the_same_racks_are_one_limit_priced_at_the_tightest():
    ends = np.full((1, 2), 4e4), np.full((1, 2), 1e5)
    one = allocate(two(), *ends, np.ones((1, 1, 2)), np.array([[1.6e5]]), "max-throughput")
    share = np.array([[[0.3, 0.3], [2.0, 2.0], [0.5, 0.5], [0.0, 0.0]]])
    caps = allocate(two(), *ends, share, np.array([[1e5, 3.2e5, 8.1e4, 0.0]]), "max-throughput")
    np.testing.assert_allclose(caps.power, one.power, rtol=1e-12)
    np.testing.assert_allclose(caps.price, [[0.0, one.price[0, 0] / 2.0, 0.0, 0.0]], rtol=1e-9)
    assert (caps.binding == 1).all()


def test_equal_racks_get_equal_power_and_the_order_of_racks_does_not_matter():
    law, floor, ceiling, share, capacity = case(15, 30)
    twin = np.arange(RACK)
    twin[3] = 0  # racks 0 and 3 are both in the first row and on the first CDU
    law = replace(law, **{name: value[:, twin] for name, value in given(law).items()})
    floor, ceiling, share = floor[:, twin], ceiling[:, twin], share[:, :, twin]
    capacity = np.maximum(capacity, load(share, floor) * 1.02)
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    assert caps.settled.all()
    np.testing.assert_allclose(caps.power[:, 3], caps.power[:, 0], rtol=1e-12)
    order = np.random.default_rng(0).permutation(RACK)
    mixed = replace(law, **{name: value[:, order] for name, value in given(law).items()})
    again = allocate(
        mixed, floor[:, order], ceiling[:, order], share[:, :, order], capacity, "max-throughput"
    )
    np.testing.assert_allclose(again.power, caps.power[:, order], rtol=1e-6)
    np.testing.assert_allclose(tokens(mixed, again), tokens(law, caps), rtol=1e-10)


@pytest.mark.parametrize("pools", [False, True])
def test_more_capacity_never_gives_fewer_tokens(pools):
    law, floor, ceiling, share, capacity = case(16, 100, pools=pools)
    before = tokens(law, allocate(law, floor, ceiling, share, capacity, "max-throughput"))
    for row in (0, 9, 12, 13, 16):
        more = capacity.copy()
        more[:, row] *= 1.01
        after = tokens(law, allocate(law, floor, ceiling, share, more, "max-throughput"))
        assert (after >= before * (1 - 1e-10)).all()


def test_price_is_the_difference_of_the_tokens():
    # One step up and down of 1e-5; where the price itself jumps (the next limit starts to bind, or another
    # of the family becomes the tightest) the dual still lies between the two one-sided differences.
    law, floor, ceiling, share, capacity = case(17, 150)
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    close = total = 0
    for row in range(share.shape[1] - 1):
        active = caps.price[:, row] * np.minimum(capacity[:, row], 1e9) > 1e-3 * tokens(law, caps)
        if not active.any():
            continue
        step = np.zeros(len(active))
        step[active] = 1e-5 * capacity[active, row]
        ends = []
        for sign in (1.0, -1.0):
            moved = capacity.copy()
            moved[:, row] += sign * step
            ends.append(tokens(law, allocate(law, floor, ceiling, share, moved, "max-throughput")))
        here = tokens(law, caps)[active]
        up, down = (ends[0][active] - here) / step[active], (here - ends[1][active]) / step[active]
        price = caps.price[active, row]
        assert (price >= up * (1 - 1e-3) - 1e-6 * price).all()
        assert (price <= down * (1 + 1e-3) + 1e-6 * price).all()
        close += int((np.abs((up + down) / 2.0 / price - 1.0) < 1e-3).sum())
        total += int(active.sum())
    assert total > 150
    assert close > 0.98 * total


def test_proportional_keeps_every_limit_and_never_beats_the_greatest():
    law, floor, ceiling, share, capacity = case(18, 300)
    plain = allocate(law, floor, ceiling, share, capacity, "proportional")
    best = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    limited = np.isfinite(capacity) & share.any(axis=-1)
    over = np.where(limited, load(share, plain.power) / np.where(limited, capacity, 1.0) - 1.0, -1.0)
    assert over.max() <= 1e-9
    gain = tokens(law, best) / tokens(law, plain) - 1.0
    assert gain.min() > -1e-9
    assert gain.mean() > 0.005
    # Max-min fairness: the limit named is full, and of the racks on it none has come further up.
    part = (plain.power - floor) / np.maximum(ceiling - floor, 1e-9)
    filled = np.where(limited, load(share, plain.power) / np.where(limited, capacity, 1.0), 0.0)
    scenario, rack = np.nonzero(plain.binding >= 0)
    holder = plain.binding[scenario, rack]
    np.testing.assert_allclose(filled[scenario, holder], 1.0, rtol=1e-9)
    on = np.broadcast_to(share, (len(floor), *share.shape[1:]))[scenario, holder] > 0.0
    furthest = np.where(on & (ceiling > floor)[scenario], part[scenario], 0.0).max(axis=-1)
    np.testing.assert_allclose(part[scenario, rack], furthest, rtol=1e-9)


def test_no_policy_and_no_tight_limit_leave_the_ceiling_exactly():
    law, floor, ceiling, share, capacity = case(19, 20)
    rooms = ("none", capacity), ("max-throughput", 1e9), ("equal", 1e9), *((p, np.inf) for p in FILLING)
    for policy, room in rooms:
        caps = allocate(law, floor, ceiling, share, np.zeros_like(capacity) + room, policy)
        np.testing.assert_array_equal(caps.power, ceiling)
        assert caps.settled.all()
        assert (caps.binding == -1).all()
        assert (caps.price == 0.0).all()
    with pytest.raises(ValueError, match="no policy"):
        allocate(law, floor, ceiling, share, capacity, "greedy")


@pytest.mark.parametrize("policy", ["max-throughput", *FILLING])
def test_dead_racks_stay_at_zero(policy):
    law, floor, ceiling, share, capacity = case(20, 60)
    dead = np.random.default_rng(1).random(floor.shape) < 0.4
    floor, ceiling = np.where(dead, 0.0, floor), np.where(dead, 0.0, ceiling)
    law = replace(law, rating=np.where(dead, 0.0, law.rating))
    least, most = load(share, floor), load(share, ceiling)
    capacity = np.maximum(capacity * 0.6, least + 0.1 * (most - least))
    caps = allocate(law, floor, ceiling, share, capacity, policy)
    assert caps.settled.all()
    assert (caps.power[dead] == 0.0).all()
    assert (caps.binding[dead] == -1).all()
    assert (caps.binding >= 0).any()


@pytest.mark.parametrize("where", ["knee", "floor"])
def test_segments_of_any_width(where):
    # Ceilings at, below and barely above knee or floor; one below the floor is the power of its rack.
    law, floor, _, share, _ = case(21, 400)
    rng = np.random.default_rng(2)
    foot = knee_power(law) if where == "knee" else floor
    above = rng.choice([0.0, 1e-14, -1e-14, 1e-11, 1e-9, 1e-7, 1e-4, -1e-4, 0.1, -0.3], floor.shape)
    ceiling = foot * (1.0 + above)
    base = np.minimum(floor, ceiling)
    least, most = load(share, base), load(share, ceiling)
    capacity = least + (most - least) * rng.uniform(0.0, 1.2, least.shape)
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    assert caps.settled.all()
    assert (caps.power >= base * (1 - 1e-12)).all()
    assert (caps.power <= ceiling * (1 + 1e-12)).all()
    np.testing.assert_array_equal(caps.power[ceiling <= floor], ceiling[ceiling <= floor])
    assert (load(share, caps.power)[:, :-1] <= capacity[:, :-1] * (1 + 1e-9)).all()
    plain = allocate(law, floor, ceiling, share, capacity, "proportional")
    assert (tokens(law, caps) >= tokens(law, plain) * (1 - 1e-9)).all()


def test_floors_that_fill_a_limit_exactly_are_feasible():
    law, floor, ceiling, share, _ = case(22, 20)
    for slack, settled in ((0.0, True), (-1e-6, False)):
        caps = allocate(law, floor, ceiling, share, load(share, floor) * (1.0 + slack), "max-throughput")
        assert (caps.settled == settled).all()
    full = allocate(law, floor, ceiling, share, load(share, floor), "max-throughput")
    np.testing.assert_allclose(full.power, floor, rtol=1e-9)
    # Nothing can move, and the limit is over by less than what counts.
    still = allocate(law, floor, floor, share, load(share, floor) * (1.0 - 1e-10), "max-throughput")
    assert still.settled.all()
    np.testing.assert_array_equal(still.power, floor)


def test_a_law_that_bends_upward_below_its_knee_is_taken_as_straight_there():
    # Prefill exponents reach 1.2, and 2 bends strongly; on the formula itself scenarios do not settle.
    for exponent in (1.2, 2.0):
        law, floor, ceiling, share, capacity = arguments = case(7, 2100, exponent=exponent)
        caps = allocate(*arguments, "max-throughput")
        assert caps.settled.all()
        limited = np.isfinite(capacity) & share.any(axis=-1)
        over = np.where(limited, load(share, caps.power) / np.where(limited, capacity, 1.0) - 1.0, -1.0)
        assert over.max() <= 2e-12
        # On straight pieces only as many racks stand between the ends as there are limits.
        knee = np.clip(knee_power(law), floor, ceiling)
        width = np.maximum(knee - floor, 1e-9)
        inside = (caps.power - floor > 1e-3 * width) & (knee - caps.power > 1e-3 * width)
        assert inside.sum(axis=-1).max() <= 7


def test_every_scenario_settles_where_plain_predictor_corrector_steps_circle():
    # A few of these 4,000 go round for ever between two power levels of one rack without the fallback.
    arguments = case(1000, 4000, (0.0, 1.3), rack=4)
    assert allocate(*arguments, "max-throughput").settled.all()


def test_a_site_of_many_limits_meets_its_optimality_conditions():
    rng = np.random.default_rng(24)
    rack = 768  # 337 rows after merging, above the size from which the rows are kept sparse
    law = racks(rng, 1, rack)
    floor, ceiling = np.broadcast_to(law_floor(law), (1, rack)).copy(), np.array(law.demand)
    block = [pattern(rng)[0, :-1] for _ in range(rack // RACK)]
    rows = [np.pad(b, ((0, 0), (k * RACK, rack - (k + 1) * RACK))) for k, b in enumerate(block)]
    share = np.concatenate([*rows, np.ones((1, rack))])[None]
    least, most = load(share, floor), load(share, ceiling)
    capacity = least + (most - least) * rng.uniform(0.6, 0.95, least.shape)
    caps = allocate(law, floor, ceiling, share, capacity, "max-throughput")
    assert caps.settled.all()
    _, error, unused, over = optimality(law, floor, ceiling, share, capacity, caps)
    assert error < 1e-5
    assert unused < 1e-9
    assert over < 1e-9


def fill(floor, ceiling, share, capacity, policy, priority=None) -> Caps:
    """`allocate` by a policy that asks no law, for lists of one scenario or arrays of many."""
    floor, ceiling, capacity = (np.atleast_2d(np.asarray(a, dtype=float)) for a in (floor, ceiling, capacity))
    share = np.asarray(share, dtype=float)
    share = share[None] if share.ndim == 2 else share
    return allocate(two(), floor, ceiling, share, capacity, policy, priority)


def test_two_racks_against_the_closed_forms_of_each_policy():
    # 20 to 50 kW and 50 to 110 kW on 120 kW: 50 kW for 90 kW of way; both at 60 kW but for the ceiling of one.
    ends = [20e3, 50e3], [50e3, 110e3]
    both = [[1.0, 1.0]]
    caps = fill(*ends, both, [120e3], "proportional")
    np.testing.assert_allclose(caps.power[0], [20e3 + 30e3 * 5 / 9, 50e3 + 60e3 * 5 / 9], rtol=1e-14)
    caps = fill(*ends, both, [120e3], "equal")
    np.testing.assert_array_equal(caps.power[0], [50e3, 70e3])
    np.testing.assert_array_equal(caps.binding[0], [-1, 0])
    caps = fill(*ends, both, [90e3], "equal")  # 45 kW each would be below the second one's floor
    np.testing.assert_allclose(caps.power[0], [40e3, 50e3], rtol=1e-14)
    np.testing.assert_array_equal(caps.binding[0], [0, 0])
    caps = fill(*ends, both, [120e3], "priority", [1, 2])
    np.testing.assert_allclose(caps.power[0], [50e3, 70e3], rtol=1e-14)
    caps = fill(*ends, both, [120e3], "priority", [7, -3])
    np.testing.assert_allclose(caps.power[0], [20e3, 100e3], rtol=1e-14)
    # Loads that weigh unequally: 2 p + p = 120 kW at one level.
    caps = fill([0.0, 0.0], [1e5, 1e5], [[2.0, 1.0]], [120e3], "equal")
    np.testing.assert_allclose(caps.power[0], [40e3, 40e3], rtol=1e-14)


def test_nested_limits_against_the_closed_form():
    # Racks 0 and 1 on 60 kW, all four on 200 kW: 30 kW each there, then 70 kW for each of the others.
    share = [[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]
    ends = np.full(4, 1e4), np.full(4, 1e5)
    caps = fill(*ends, share, [60e3, 200e3], "equal")
    np.testing.assert_allclose(caps.power[0], [30e3, 30e3, 70e3, 70e3], rtol=1e-14)
    np.testing.assert_array_equal(caps.binding[0], [0, 0, 1, 1])
    # Class 1 is racks 1 and 2: rack 1 has the 50 kW of the small limit, rack 2 its ceiling, rack 3 the rest.
    caps = fill(*ends, share, [60e3, 200e3], "priority", [2, 1, 1, 2])
    np.testing.assert_allclose(caps.power[0], [10e3, 50e3, 100e3, 40e3], rtol=1e-14)
    np.testing.assert_array_equal(caps.binding[0], [0, 0, -1, 1])


def test_three_classes_are_served_in_order():
    # Six racks, 10 to 40 kW: 60 kW of floors, then 60 kW for each class of two.
    priority = [3, 1, 2, 3, 2, 1]
    for capacity, first, second, third in (
        (60e3, 10e3, 10e3, 10e3),
        (90e3, 25e3, 10e3, 10e3),
        (120e3, 40e3, 10e3, 10e3),
        (140e3, 40e3, 20e3, 10e3),
        (190e3, 40e3, 40e3, 15e3),
        (240e3, 40e3, 40e3, 40e3),
    ):
        caps = fill(np.full(6, 1e4), np.full(6, 4e4), np.ones((1, 6)), [capacity], "priority", priority)
        wanted = np.array([first, second, third])[np.array(priority) - 1]
        np.testing.assert_allclose(caps.power[0], wanted, rtol=1e-14)
        np.testing.assert_array_equal(caps.binding[0] >= 0, wanted < 40e3)


def climb(power, rising, way, share, capacity):
    """Power with the racks `rising` at the highest common level that the limits allow, by bisection.

    way : power of every rack at a level; by 2e5 all are at their ceilings. Racks of a full limit stay.
    """
    power, rising = power.copy(), rising.copy()
    while rising.any():

        def at(level, power=power, rising=rising):
            return np.where(rising, way(level), power)

        low, high = 0.0, 2e5
        for _ in range(80):
            middle = (low + high) / 2.0
            fits = (share @ at(middle) <= capacity * (1 + 1e-15)).all()
            low, high = (middle, high) if fits else (low, middle)
        power = at(low)
        full = (share @ power >= capacity * (1 - 1e-12)) & share.any(axis=-1)
        stop = rising & (share[full] > 0.0).any(axis=0)
        rising = rising & ~stop if stop.any() else np.zeros_like(rising)
    return power


def slow(floor, ceiling, share, capacity, policy, priority):
    """The same policies for one scenario, class by class and event by event."""
    if policy == "equal":
        return climb(floor, ceiling > floor, lambda level: np.clip(level, floor, ceiling), share, capacity)
    power = floor.copy()
    for one in np.unique(priority) if policy == "priority" else [None]:
        mine = (ceiling > floor) & ((priority == one) | (one is None))
        power = climb(power, mine, lambda part: floor + min(part, 1.0) * (ceiling - floor), share, capacity)
    return power


@pytest.mark.parametrize("policy", FILLING)
def test_small_cases_against_a_loop_that_bisects_the_level(policy):
    rng = np.random.default_rng(30)
    for _ in range(200):
        rack, limit = rng.integers(1, 8), rng.integers(1, 6)
        floor = rng.uniform(1e4, 5e4, rack) * (rng.random(rack) < 0.8)
        ceiling = floor + rng.uniform(0.0, 8e4, rack) * (rng.random(rack) < 0.8)
        share = rng.uniform(0.1, 1.5, (limit, rack)) * (rng.random((limit, rack)) < 0.6)
        least, most = share @ floor, share @ ceiling
        capacity = least + (most - least) * rng.uniform(0.0, 1.2, limit)
        capacity[rng.random(limit) < 0.2] = np.inf
        priority = rng.integers(1, 4, rack)
        caps = fill(floor, ceiling, share, capacity, policy, priority)
        # Bisection ends at 1e-16 of the level; a limit counts as full from 1e-12 on.
        wanted = slow(floor, ceiling, share, capacity, policy, priority)
        np.testing.assert_allclose(caps.power[0], wanted, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("policy", FILLING)
def test_a_held_rack_stands_at_a_full_limit_on_which_no_other_rack_is_ahead_of_it(policy):
    # A max-min fair power is one at which every rack below its ceiling has such a limit.
    _, floor, ceiling, share, capacity = case(31, 500)
    priority = np.random.default_rng(1).integers(1, 4, RACK)
    caps = fill(floor, ceiling, share, capacity, policy, priority)
    assert caps.settled.all()
    limited = np.isfinite(capacity) & share.any(axis=-1)
    filled = np.where(limited, load(share, caps.power) / np.where(limited, capacity, 1.0), 0.0)
    assert filled.max() <= 1.0 + 1e-12
    assert (caps.power >= floor * (1 - 1e-15)).all()
    assert (caps.power <= ceiling).all()
    free = caps.binding < 0
    np.testing.assert_array_equal(caps.power[free], ceiling[free])
    scenario, rack = np.nonzero(~free)
    assert len(scenario) > 1000
    holder = caps.binding[scenario, rack]
    np.testing.assert_allclose(filled[scenario, holder], 1.0, rtol=1e-12)
    part = (caps.power - floor) / np.maximum(ceiling - floor, 1e-9)
    ahead = {"proportional": part, "equal": caps.power, "priority": part + priority}[policy]
    moved = (share[0, holder] > 0.0) & (caps.power > floor * (1 + 1e-12))[scenario]
    furthest = np.where(moved, ahead[scenario], -np.inf).max(axis=-1)
    own = ahead[scenario, rack]
    assert (furthest <= own + 1e-9 * np.abs(own)).all()


@pytest.mark.parametrize("policy", FILLING)
def test_filling_a_batch_equals_singles_to_the_bit(policy):
    _, floor, ceiling, share, capacity = case(32, 60)
    capacity[17, 12] = 0.99 * load(share, floor)[17, 12]
    priority = np.random.default_rng(2).integers(1, 4, RACK)
    caps = fill(floor, ceiling, share, capacity, policy, priority)
    np.testing.assert_array_equal(caps.settled, np.arange(60) != 17)
    each = fill(floor, ceiling, np.repeat(share, 60, axis=0), capacity, policy, priority)
    np.testing.assert_array_equal(each.power, caps.power)
    for k in range(60):
        alone = fill(floor[k], ceiling[k], share, capacity[k], policy, priority)
        np.testing.assert_array_equal(alone.power[0], caps.power[k])
        np.testing.assert_array_equal(alone.binding[0], caps.binding[k])
        assert alone.settled[0] == caps.settled[k]


def test_one_class_is_proportional():
    _, floor, ceiling, share, capacity = case(33, 100)
    plain = fill(floor, ceiling, share, capacity, "proportional")
    for priority in (None, np.full(RACK, 4)):
        caps = fill(floor, ceiling, share, capacity, "priority", priority)
        np.testing.assert_array_equal(caps.power, plain.power)
        np.testing.assert_array_equal(caps.binding, plain.binding)
    # The others do not ask.
    for policy in ("proportional", "equal"):
        caps = fill(floor, ceiling, share, capacity, policy, np.arange(RACK))
        np.testing.assert_array_equal(caps.power, fill(floor, ceiling, share, capacity, policy).power)


@pytest.mark.parametrize("policy", FILLING)
def test_rows_of_zeros_and_infinite_capacities_limit_nothing(policy):
    _, floor, ceiling, share, capacity = case(34, 50)
    priority = np.arange(RACK) % 3
    caps = fill(floor, ceiling, share, capacity, policy, priority)
    zeros, ones = np.zeros((1, 3, RACK)), np.ones((1, 2, RACK))
    more = np.concatenate([share, zeros, ones], axis=1)
    room = np.concatenate([capacity, np.tile([0.0, -1.0, 1e5, np.inf, np.inf], (50, 1))], axis=1)
    again = fill(floor, ceiling, more, room, policy, priority)
    np.testing.assert_array_equal(again.power, caps.power)
    np.testing.assert_array_equal(again.binding, caps.binding)
    assert again.settled.all()


@pytest.mark.parametrize("policy", FILLING)
def test_filling_leaves_the_floors_where_they_fill_a_limit_and_flags_them_where_they_do_not_fit(policy):
    _, floor, ceiling, share, _ = case(35, 20)
    for slack, settled in ((0.0, True), (-0.9e-9, True), (-1.1e-9, False), (-0.5, False)):
        capacity = load(share, floor) * (1.0 + slack)
        caps = fill(floor, ceiling, share, capacity, policy, np.arange(RACK))
        assert (caps.settled == settled).all()
        if settled:
            np.testing.assert_allclose(caps.power, floor, rtol=1e-12)
            assert (caps.binding >= 0)[ceiling > floor].all()
        else:
            assert np.isnan(caps.power).all()
            assert (caps.binding == -1).all()


@pytest.mark.parametrize("policy", FILLING)
def test_a_chain_of_limits_each_waiting_for_the_one_before(policy):
    # Limit k holds racks k and k + 1 and is the tighter the smaller k: racks 0 and 1 share the first, each
    # next rack has what the one before it leaves.
    rack, floor = 400, np.full(400, 1e3)
    share = np.eye(rack)[:-1] + np.eye(rack, k=1)[:-1]
    capacity = 2e4 + np.arange(rack - 1) * 10.0
    caps = fill(floor, np.full(rack, 1e5), share, capacity, policy)
    wanted = np.full(rack, 1e4)
    for k in range(1, rack):
        wanted[k] = capacity[k - 1] - wanted[k - 1]
    np.testing.assert_allclose(caps.power[0], wanted, rtol=1e-9)
    np.testing.assert_array_equal(caps.binding[0], np.maximum(np.arange(rack) - 1, 0))


def test_shed_takes_the_least_important_and_the_last_until_the_limit_holds():
    floor, share = np.full((1, 5), 2e4), np.ones((1, 1, 5))
    priority = [1, 2, 1, 2, 1]
    order = [3, 1, 4, 2, 0]
    for count, capacity in ((0, 1e5), (0, 1e5 * (1 - 1e-10)), (1, 9.9e4), (1, 8e4), (2, 7.9e4), (5, 1e4)):
        off, limit = shed(floor, share, np.array([[capacity]]), priority)
        assert sorted(np.flatnonzero(off[0])) == sorted(order[:count])
        np.testing.assert_array_equal(limit[0], np.where(off[0], 0, -1))
    off, _ = shed(floor, share, np.array([[0.0]]))
    assert off.all()
    off, _ = shed(floor, share, np.array([[7e4]]))  # one class: the last
    np.testing.assert_array_equal(off[0], [False, False, False, True, True])


def test_shed_leaves_alone_what_does_not_load_the_exceeded_limit():
    # Rack 4 has no share, rack 3 no floor, and the second limit has room.
    share = np.array([[[1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]]])
    floor = np.array([[2e4, 2e4, 2e4, 0.0, 2e4]])
    off, limit = shed(floor, share, np.array([[4e4, np.inf, -1.0]]), [1, 1, 1, 9, 9])
    np.testing.assert_array_equal(off[0], [False, False, True, False, False])
    np.testing.assert_array_equal(limit[0], [-1, -1, 0, -1, -1])


def test_shed_serves_the_most_exceeded_limit_first():
    # The second is over by half, and what it switches off is enough for the first, which is over by a quarter.
    share = np.array([[[1.0, 1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0, 0.0]]])
    floor = np.full((1, 5), 1e4)
    off, limit = shed(floor, share, np.array([[4e4, 2e4]]), [1, 1, 2, 1, 3])
    np.testing.assert_array_equal(off[0], [False, False, True, False, False])
    np.testing.assert_array_equal(limit[0], [-1, -1, 1, -1, -1])


def slow_shed(floor, share, capacity, priority):
    """One limit and one rack at a time."""
    holder = np.full(len(floor), -1)
    while True:
        weight = share * np.where(holder < 0, floor, 0.0)
        total = weight.sum(axis=-1)
        over = np.flatnonzero((total > capacity * (1 + 1e-9)) & share.any(axis=-1))
        if not len(over):
            return holder
        worst = max(over, key=lambda k: (total[k] / capacity[k], -k))
        for rack in sorted(np.flatnonzero(weight[worst]), key=lambda r: (-priority[r], -r)):
            holder[rack] = worst
            if (share[worst] * np.where(holder < 0, floor, 0.0)).sum() <= capacity[worst] * (1 + 1e-9):
                break


def small_shed(seed, scenario, rack=7, limit=5):
    rng = np.random.default_rng(seed)
    floor = rng.uniform(1e4, 5e4, (scenario, rack)) * (rng.random((scenario, rack)) < 0.9)
    share = rng.uniform(0.1, 1.5, (scenario, limit, rack)) * (rng.random((scenario, limit, rack)) < 0.6)
    capacity = load(share, floor) * rng.uniform(0.3, 1.3, (scenario, limit))
    capacity[:, 0] = np.inf
    return floor, share, capacity, rng.integers(1, 4, rack)


def test_shed_against_one_rack_at_a_time_alone_and_in_a_batch():
    floor, share, capacity, priority = small_shed(40, 300)
    off, limit = shed(floor, share, capacity, priority)
    assert (
        limit.max(axis=-1) != np.where(off, limit, 9).min(axis=-1)
    ).any()  # some have several limits at work
    for k in range(300):
        np.testing.assert_array_equal(limit[k], slow_shed(floor[k], share[k], capacity[k], priority))
        one = slice(k, k + 1)
        alone = shed(floor[one], share[one], capacity[one], priority)
        np.testing.assert_array_equal(alone[0][0], off[k])
        np.testing.assert_array_equal(alone[1][0], limit[k])
    rest = np.where(off, 0.0, floor)
    for policy in FILLING:
        assert fill(rest, np.where(off, 0.0, floor + 1e4), share, capacity, policy, priority).settled.all()


def test_no_smaller_choice_that_respects_the_order_would_do():
    # All 128 subsets of seven racks at one limit: those that hold it and switch off no rack while a less
    # important one (or a later one of its class) that loads the limit stays on. None is smaller.
    floor, share, capacity, priority = small_shed(41, 100, limit=2)
    off, _ = shed(floor, share, capacity, priority)
    subset = (np.arange(128)[:, None] >> np.arange(7)) & 1 == 1
    order = np.lexsort((-np.arange(7), -priority))
    for k in range(100):
        loads = order[(share[k, 1, order] * floor[k, order]) > 0.0]
        held = np.where(subset, 0.0, floor[k]) @ share[k, 1] <= capacity[k, 1] * (1 + 1e-9)
        prefix = (np.diff(subset[:, loads].astype(int), axis=-1) <= 0).all(axis=-1)
        allowed = held & prefix
        assert off[k].sum() == subset[allowed].sum(axis=-1).min()
        assert (allowed & (subset == off[k]).all(axis=-1)).any()


def test_a_site_of_many_limits_is_shed_so_that_its_floors_fit():
    rng = np.random.default_rng(42)
    rack = 768
    law = racks(rng, 1, rack)
    floor = np.broadcast_to(law_floor(law), (1, rack)).copy()
    rows = [np.pad(pattern(rng)[0], ((0, 0), (k, rack - k - RACK))) for k in range(0, rack, RACK)]
    share = np.concatenate([*rows, np.ones((1, rack))])[None]
    capacity = load(share, floor) * rng.uniform(0.4, 1.2, share.shape[:2])
    priority = rng.integers(1, 4, rack)
    off, limit = shed(floor, share, capacity, priority)
    np.testing.assert_array_equal(limit[0], slow_shed(floor[0], share[0], capacity[0], priority))
    assert (load(share, np.where(off, 0.0, floor)) <= capacity * (1 + 1e-9)).all()
