from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

from twin.availability import (
    INTERRUPTIONS,
    at_least,
    effective,
    expected,
    number_up,
    pooled,
    tray_availability,
    uptime,
)

HOUR = 3600.0


def test_interruptions_of_llama_3() -> None:
    # 419 in 54 days on 16,384 H100: one every 3.1 hours on the cluster, one in 5.8 years on a GPU.
    between = 1 / INTERRUPTIONS
    assert 24 * HOUR / between == pytest.approx(4.74e-4, rel=1e-3)
    assert between / 16_384 == pytest.approx(3.1 * HOUR, rel=0.01)
    assert between == pytest.approx(5.8 * 365.25 * 24 * HOUR, rel=0.01)


@pytest.mark.parametrize(
    ("repair", "whole", "short"), [(4, 0.994, 1.0000), (24, 0.967, 0.99999), (72, 0.903, 0.99986)]
)
def test_eighteen_trays_of_a_rack(repair: float, whole: float, short: float) -> None:
    # All trays, and at least 16 of 18 (64 of 72 GPUs), in the digits of the design table.
    tray = tray_availability(repair * HOUR)
    assert at_least(18, 18, tray) == pytest.approx(whole, abs=5e-4)
    assert at_least(16, 18, tray) == pytest.approx(short, abs=5e-6)


def test_tray_is_a_two_state_chain() -> None:
    # Down for the mean repair after every mean time to failure of four GPUs.
    up, down = 1 / (4 * 1e-6), 5e4
    assert tray_availability(down, 1e-6, 4) == pytest.approx(up / (up + down))


def test_at_least_by_hand() -> None:
    assert at_least(2, 3, 0.9) == pytest.approx(3 * 0.81 * 0.1 + 0.729)
    assert at_least(1, 2, np.array([0.5, 0.9])) == pytest.approx([0.75, 0.99])
    assert at_least(0, 7, 0.3) == pytest.approx(1.0)


def test_uptime_weighs_by_capacity() -> None:
    repair = np.array([[24.0, 72.0], [4.0, 4.0]]) * HOUR
    trays = tray_availability(repair)
    expected = (trays * [3.0, 1.0]).sum(axis=-1) / 4.0
    assert uptime(repair, [3.0, 1.0]) == pytest.approx(expected)
    assert uptime(24 * HOUR) == pytest.approx(tray_availability(24 * HOUR))


@pytest.mark.parametrize("units", [1, 2, 18, 1000])
def test_number_up_is_binomial(units: int) -> None:
    up = np.array([0.0, 0.3, 0.998, 1.0])
    numbers = number_up(units, up)
    assert numbers.shape == (4, units + 1)
    assert numbers.sum(axis=-1) == pytest.approx(np.ones(4))
    assert numbers @ np.arange(units + 1) == pytest.approx(units * up)
    for number in range(max(0, units - 3), units + 1):
        term = comb(units, number) * 0.998**number * 0.002 ** (units - number)
        assert numbers[2, number] == pytest.approx(term, rel=1e-9)


def test_spares_of_64_of_72() -> None:
    # 64 of 72 GPUs are 16 of 18 trays: planning so costs 11 % of the capacity and takes tray faults out of uptime.
    trays = number_up(18, tray_availability(np.array([4.0, 24.0, 72.0]) * HOUR))
    job = np.where(np.arange(19) >= 16, 16.0, 0.0)
    assert expected(trays, job) / 18 == pytest.approx(16 / 18 * np.array([1.0, 0.99999, 0.99986]), abs=1e-5)
    # Without spares the whole rack waits for its worst tray; a pool that serves loses the tray only.
    assert expected(trays, np.where(np.arange(19) == 18, 18.0, 0.0))[1] / 18 == pytest.approx(0.967, abs=5e-4)
    assert expected(trays, np.arange(19.0))[1] / 18 == pytest.approx(tray_availability(24 * HOUR))


def test_batch_equals_singles() -> None:
    repair = np.array([4.0, 24.0, 72.0]) * HOUR

    def mean(repair: np.ndarray) -> np.ndarray:
        return expected(pooled(number_up(18, tray_availability(repair)), 3), np.sqrt(np.arange(55.0)))

    together = mean(repair)
    assert together.shape == (3,)
    assert together == pytest.approx([float(mean(one)) for one in repair])


def test_pools_against_every_state() -> None:
    # Two racks of two trays: tokens are not linear in the trays that are there.
    tokens = np.array([0.0, 10.0, 17.0, 22.0, 25.0])
    odds = np.zeros(5)
    for state in product((0, 1), repeat=4):
        odds[sum(state)] += np.prod([0.9 if there else 0.1 for there in state])
    group = pooled(number_up(2, 0.9), 2)
    assert group == pytest.approx(odds)
    assert expected(group, tokens) == pytest.approx((odds * tokens).sum())


def test_outages_of_a_solve_against_every_state() -> None:
    # Four devices, each of which takes its part of the tokens; two out take both parts. The mean of all 16 states
    # lies between the one with two and more counted as nothing and that plus their probability at full tokens.
    up, part = np.array([0.99, 0.95, 0.999, 0.9]), np.array([0.2, 0.1, 0.5, 0.0])
    whole = 1000.0
    true, several = 0.0, 0.0
    for state in product((0, 1), repeat=4):
        there = np.array(state)
        chance = float(np.prod(np.where(there, up, 1 - up)))
        true += chance * whole * (1.0 - ((1 - there) * part).sum())
        several += chance * ((1 - there).sum() > 1)
    mean, rest = effective(whole, whole * (1.0 - part), up)
    assert rest == pytest.approx(several)
    assert mean <= true <= mean + whole * rest
    assert effective(whole, np.full(4, whole), np.ones(4)) == (pytest.approx(whole), 0.0)
