"""Redundancy schemes against what their names promise."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.redundancy import alive, feed_shares


def outages(devices, *indices):
    """A mask of devices with those at the indices out."""
    mask = np.zeros(devices, dtype=bool)
    mask[list(indices)] = True
    return mask


def test_four_make_three_loses_a_quarter_at_a_time():
    # Four panels feed three racks each once; with k panels out each of the others carries 1 / (4 - k).
    load, panel = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    for count in range(5):
        live = alive(np.full(4, -1), outages(4, *range(count)))[panel]
        shares = feed_shares(live, load, 3)
        np.testing.assert_allclose(shares[live], 1.0 / max(4 - count, 1), rtol=1e-15)
        assert (shares[~live] == 0.0).all()


def test_2n_moves_everything_to_the_other_side():
    load, side = np.repeat(np.arange(5), 2), np.tile([0, 1], 5)
    live = np.array([[True, True], [False, True], [True, False], [False, False]])
    shares = feed_shares(live[:, side], load, 5)
    expected = np.array([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(shares, np.tile(expected, 5))


def test_the_catcher_carries_only_the_block_that_failed():
    # Blocks 0 and 1 have their own system each, and system 2 catches.
    system, load = np.array([0, 2, 1, 2]), np.array([0, 0, 1, 1])
    reserve = system == 2
    live = alive(np.full(3, -1), np.stack([outages(3), outages(3, 0), outages(3, 2), outages(3, 1, 2)]))
    shares = feed_shares(live[:, system], load, 2, reserve)
    expected = [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_array_equal(shares, expected)


def test_shares_of_a_load_sum_to_one_or_nothing():
    random = np.random.default_rng(3)
    load = random.integers(0, 40, 200)
    live, reserve = random.random((6, 5, 200)) < 0.4, random.random(200) < 0.3
    shares = feed_shares(live, load, 41, reserve)
    total, living = np.zeros((2, 6, 5, 41))
    np.add.at(total, (slice(None), slice(None), load), shares)
    np.add.at(living, (slice(None), slice(None), load), live)
    np.testing.assert_allclose(total, living > 0, atol=1e-12)
    assert (shares[~live] == 0.0).all()
    # A spare never carries beside a normal feed that lives.
    helped = np.zeros((6, 5, 41), dtype=bool)
    np.logical_or.at(helped, (slice(None), slice(None), load), live & ~reserve)
    assert (shares[helped[..., load] & reserve] == 0.0).all()


def test_an_outage_takes_everything_below_it():
    parent = np.array([-1, 0, 1, 2, 0, -1])
    out = np.stack([outages(6), outages(6, 1), outages(6, 0), outages(6, 3, 5)])
    expected = [[1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1], [1, 1, 1, 0, 1, 0]]
    np.testing.assert_array_equal(alive(parent, out), np.array(expected, dtype=bool))
    assert out[1].sum() == 1


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_leading_axes_are_kept(shape):
    assert feed_shares(np.ones((*shape, 4), dtype=bool), np.array([0, 0, 1, 1]), 2).shape == (*shape, 4)
