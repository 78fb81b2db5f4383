from __future__ import annotations

import numpy as np
import pytest

from twin.availability import INTERRUPTIONS, at_least, tray_availability, uptime

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
