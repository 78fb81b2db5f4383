from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from scipy.stats import binom

from twin.availability import (
    INTERRUPTIONS,
    TRAY_FAULTS,
    at_least,
    effective,
    expected,
    number_up,
    pooled,
    tray_availability,
    tray_shares,
)

HOUR = 3600.0
TABLE_5 = {
    "faulty GPU": 148, "GPU HBM3 memory": 72, "software bug": 54, "network switch or cable": 35,
    "unplanned host maintenance": 32, "GPU SRAM memory": 19, "GPU system processor": 17, "NIC": 7,
    "NCCL watchdog timeouts": 7, "silent data corruption": 6, "GPU thermal interface and sensor": 6, "SSD": 3,
    "power supply": 3, "server chassis": 2, "I/O expansion board": 2, "dependency": 2, "CPU": 2, "system memory": 2,
}  # fmt: skip
"""Unexpected interruptions of Llama 3 by their cause."""
WHOLE = (
    "software bug", "network switch or cable", "unplanned host maintenance", "NCCL watchdog timeouts", "dependency",
)  # fmt: skip
"""Causes for which no tray is taken out and repaired."""


def test_interruptions_of_llama_3() -> None:
    # 419 in 54 days on 16,384 H100: one every 3.1 hours on the cluster, one in 5.8 years on a GPU.
    between = 1 / INTERRUPTIONS
    assert 24 * HOUR / between == pytest.approx(4.74e-4, rel=1e-3)
    assert between / 16_384 == pytest.approx(3.1 * HOUR, rel=0.01)
    assert between == pytest.approx(5.8 * 365.25 * 24 * HOUR, rel=0.01)


def test_what_a_tray_is_repaired_for_by_table_5_of_llama_3() -> None:
    assert sum(TABLE_5.values()) == 419
    broken = sum(number for cause, number in TABLE_5.items() if cause not in WHOLE)
    assert pytest.approx(broken / (16_384 * 54 * 24 * HOUR), rel=1e-12) == TRAY_FAULTS
    assert pytest.approx(3.27e-4, abs=5e-7) == 24 * HOUR * TRAY_FAULTS


@pytest.mark.parametrize(
    ("repair", "whole", "short"), [(4, 0.994, 1.0000), (24, 0.967, 0.99999), (72, 0.903, 0.99986)]
)
def test_eighteen_trays_of_a_rack(repair: float, whole: float, short: float) -> None:
    # All trays, and at least 16 of 18 (64 of 72 GPUs), in the digits of the design table, which charges every
    # interruption to a tray.
    tray = tray_availability(repair * HOUR, 4, INTERRUPTIONS)
    assert at_least(18, 18, tray) == pytest.approx(whole, abs=5e-4)
    assert at_least(16, 18, tray) == pytest.approx(short, abs=5e-6)


def test_tray_is_a_two_state_chain() -> None:
    # Down for the mean repair after every mean time to failure of four GPUs.
    up, down = 1 / (4 * 1e-6), 5e4
    assert tray_availability(down, 4, 1e-6) == pytest.approx(up / (up + down))


def test_at_least_by_hand() -> None:
    assert at_least(2, 3, 0.9) == pytest.approx(3 * 0.81 * 0.1 + 0.729)
    assert at_least(1, 2, np.array([0.5, 0.9])) == pytest.approx([0.75, 0.99])
    assert at_least(0, 7, 0.3) == pytest.approx(1.0)


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
    trays = number_up(18, tray_availability(np.array([4.0, 24.0, 72.0]) * HOUR, 4, INTERRUPTIONS))
    job = np.where(np.arange(19) >= 16, 16.0, 0.0)
    assert expected(trays, job) / 18 == pytest.approx(16 / 18 * np.array([1.0, 0.99999, 0.99986]), abs=1e-5)
    # Without spares the whole rack waits for its worst tray; a pool that serves loses the tray only.
    assert expected(trays, np.where(np.arange(19) == 18, 18.0, 0.0))[1] / 18 == pytest.approx(0.967, abs=5e-4)
    assert expected(trays, np.arange(19.0))[1] / 18 == pytest.approx(
        tray_availability(24 * HOUR, 4, INTERRUPTIONS)
    )


def test_batch_equals_singles() -> None:
    repair = np.array([4.0, 24.0, 72.0]) * HOUR

    def mean(repair: np.ndarray) -> np.ndarray:
        return expected(pooled(number_up(18, tray_availability(repair, 4)), 3), np.sqrt(np.arange(55.0)))

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


MIXED = np.array([18.0, 18.0, 4.0, 4.0, 0.0])
"""Trays of NVL72 racks, of racks of four HGX nodes, and of one without GPUs."""
UP = tray_availability(24 * HOUR, np.array([4.0, 4.0, 8.0, 8.0, 1.0]))


@pytest.mark.parametrize("spares", [0, 1, 3])
def test_trays_of_mixed_racks_that_serve_by_the_binomial(spares: int) -> None:
    planned, mean = tray_shares(MIXED, UP, spares)
    assert planned == pytest.approx([*(1 - spares / MIXED[:4]), 1.0])
    for rack, (trays, up) in enumerate(zip(MIXED[:4].astype(int), UP, strict=False)):
        there = np.arange(trays + 1)
        served = np.minimum(there, trays - spares) / trays
        assert mean[rack] == pytest.approx((binom.pmf(there, trays, up) * served).sum(), rel=1e-12)
    assert mean[4] == 1.0
    if not spares:
        assert mean[:4] == pytest.approx(UP[:4], rel=1e-12)


@pytest.mark.parametrize("spares", [0, 1, 3])
def test_a_job_needs_its_trays_in_every_rack_at_once(spares: int) -> None:
    planned, mean = tray_shares(MIXED, UP, spares, job=True)
    # A rack that runs falls from its last enough trays to one less as often as it comes back: of its cycle it stands
    # P(one less) against P(enough), and the job for the one or the other rack, never for two.
    stood = sum(
        2 * binom.pmf(n - spares - 1, n, up) / binom.sf(n - spares - 1, n, up)
        for n, up in ((18, UP[0]), (4, UP[2]))
    )
    assert mean / planned == pytest.approx(np.full(5, 1 / (1 + stood)), rel=1e-12)


@pytest.mark.parametrize(("racks", "trays", "spares", "up"), [(16, 18, 0, 0.9981), (5, 4, 1, 1 / 1.05)])
def test_a_job_against_a_replay_of_its_faults(racks: int, trays: int, spares: int, up: float) -> None:
    """Trays break while the job runs alone, each is repaired in an exponential time with mean 1, at any time."""
    rng, rate = np.random.default_rng(5), 1.0 / up - 1.0
    there, ran, whole = np.full(racks, trays), 0.0, 0.0
    for _ in range(200_000):
        runs = bool((there >= trays - spares).all())
        breaking, mending = there * rate * runs, (trays - there) * 1.0
        each = np.concatenate([breaking, mending])
        span = rng.exponential(1.0 / each.sum())
        ran, whole = ran + span * runs, whole + span
        event = int(np.searchsorted(each.cumsum(), rng.random() * each.sum()))
        there[event % racks] += -1 if event < racks else 1
    planned, mean = tray_shares(np.full(racks, float(trays)), up, spares, job=True)
    assert float(mean[0] / planned[0]) == pytest.approx(ran / whole, abs=5e-3)


def test_trays_of_a_job_of_sixteen_racks() -> None:
    # Without spares the job runs 1 / (1 + 288 x rate x repair time), at the rate of every interruption 65 %.
    racks = np.full(16, 18.0)
    up = tray_availability(24 * HOUR, 4, INTERRUPTIONS)
    for spares, share in (
        (0, 1 / (1 + 288 * 4 * 4.737e-4)),
        (1, 1 / (1 + 16 * binom.pmf(16, 18, up) / binom.sf(16, 18, up))),
    ):
        planned, mean = tray_shares(racks, up, spares, job=True)
        assert mean / planned == pytest.approx(np.full(16, share), abs=5e-4)


def test_shares_of_two_racks_against_every_state() -> None:
    # Racks of two and three trays, one of each spare.
    trays, up = np.array([2.0, 3.0]), np.array([0.9, 0.8])
    served = np.zeros(2)
    for state in product((0, 1), repeat=5):
        odds = np.prod(np.where(state, [0.9, 0.9, 0.8, 0.8, 0.8], [0.1, 0.1, 0.2, 0.2, 0.2]))
        there = np.array([sum(state[:2]), sum(state[2:])])
        served += odds * np.minimum(there, trays - 1) / trays
    assert tray_shares(trays, up, 1)[1] == pytest.approx(served)
