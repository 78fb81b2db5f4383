"""Contingencies against hand cases of the redundancy schemes and against the straight enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.contingency import (
    after,
    independent_feeds,
    only_source,
    overloads,
    paths,
    shared_devices,
    shortfall,
    states,
)
from electrical.redundancy import alive, feed_shares

NOTHING = np.zeros(0, dtype=np.int64)


def worst(path, load, power, capacity, order=2, reserve=None):
    """Worst loading by the devices that are out, of all devices; devices as numbers."""
    path = np.asarray(path)
    spare = np.zeros(len(path), dtype=bool) if reserve is None else np.asarray(reserve)
    candidates = np.arange(len(capacity))
    found = overloads(
        path, np.asarray(load), spare, np.asarray(power), np.asarray(capacity), candidates, order
    )
    listed = states(candidates, order).tolist()
    return {
        tuple(one for one in out if one >= 0): value for out, value in zip(listed, found.loading, strict=True)
    }


def lost(path, load, loads, order=2, fewer=1):
    needs, candidates = np.arange(loads)[:, None], np.unique(np.asarray(path)[np.asarray(path) >= 0])
    found = shortfall(
        np.asarray(path), np.asarray(load), needs, np.ones(loads), NOTHING, candidates, order, fewer
    )
    return dict(zip(map(tuple, states(candidates, order).tolist()), found, strict=True))


def test_2n_carries_twice_after_one_and_nothing_after_both():
    # Three racks of 100 W on sides 0 and 1 of 400 W.
    path, load = np.tile([[0], [1]], (3, 1)), np.repeat(np.arange(3), 2)
    assert worst(path, load, [100.0] * 3, [400.0, 400.0]) == {(0,): 0.75, (1,): 0.75, (0, 1): 0.0}
    assert lost(path, load, 3) == {(0, -1): 0, (1, -1): 0, (0, 1): 3}
    assert lost(path, load, 3, fewer=2) == {(0, -1): 3, (1, -1): 3, (0, 1): 3}


def test_four_make_three_carries_a_third_more_and_after_two_twice():
    path, load = np.tile(np.arange(4)[:, None], (2, 1)), np.repeat(np.arange(2), 4)
    found = worst(path, load, [300.0, 300.0], [200.0] * 4)
    for out, value in found.items():
        assert value == pytest.approx(600.0 / (4 - len(out)) / 200.0)
    assert set(lost(path, load, 2).values()) == {0.0}


def test_three_halves_loads_the_other_side_of_each_rack():
    # Racks 0, 1, 2 on the pairs (0, 1), (1, 2), (2, 0) of three systems: 100 W of 150 W each.
    path, load = np.array([[0], [1], [1], [2], [2], [0]]), np.repeat(np.arange(3), 2)
    found = worst(path, load, [100.0] * 3, [150.0] * 3)
    # One out: both others take the half of one rack more.
    assert [found[(one,)] for one in range(3)] == pytest.approx([1.0] * 3)
    # Two out: their common rack is lost, the last system carries the other two.
    assert [found[pair] for pair in ((0, 1), (0, 2), (1, 2))] == pytest.approx([200.0 / 150.0] * 3)
    assert [lost(path, load, 3)[pair] for pair in ((0, 1), (0, 2), (1, 2))] == [1.0] * 3


def test_the_catcher_carries_one_block_and_not_two():
    # Blocks 0 and 1 have a system each, system 2 catches.
    path, load = np.array([[0], [2], [1], [2]]), np.array([0, 0, 1, 1])
    reserve = np.array([False, True, False, True])
    found = worst(path, load, [90.0, 60.0], [100.0] * 3, reserve=reserve)
    expected = {(0,): 0.9, (1,): 0.9, (2,): 0.9, (0, 1): 1.5, (0, 2): 0.6, (1, 2): 0.9}
    assert found == pytest.approx(expected)


def test_two_feeds_behind_one_ups_are_found_as_common_and_as_a_single_point():
    # Panels 2 and 3 hang on UPS 1 behind utility 0, panel 5 on UPS 4.
    parent = np.array([-1, 0, 1, 1, 0, 4])
    way = paths(parent, np.arange(6), np.array([2, 3, 2, 5]))
    load = np.array([0, 0, 1, 1])
    source = only_source(parent, np.arange(6))
    assert source.tolist() == [0]
    assert independent_feeds(way, load, 2, source).tolist() == [1, 2]
    assert shared_devices(way, load, source).tolist() == [[0, 1, 2]]
    assert {one: count for one, count in lost(way, load, 2, 1).items() if count} == {(0,): 2.0, (1,): 1.0}


def test_a_device_that_both_sides_of_a_ups_stand_on_is_passed_once():
    way = paths(np.array([-1, 0, 1, 2]), np.array([-1, 3, 3, 1]), np.array([3]))
    assert way.tolist() == [[1, 3]]


@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_there_are_n_singles_and_n_choose_two_pairs(count):
    assert len(states(np.arange(count), 1)) == count
    found = states(np.arange(count), 2)
    assert len(found) == count + count * (count - 1) // 2
    assert len(np.unique(np.sort(found, axis=1), axis=0)) == len(found)
    with pytest.raises(ValueError, match="order 3"):
        states(np.arange(count), 3)


def chain(seed):
    """A random forest of devices with loads, feeds, reserves, powers and capacities, and who can be out."""
    random = np.random.default_rng(seed)
    devices, loads = random.integers(4, 16), random.integers(1, 9)
    lowest = -1 if seed % 3 == 0 else 0
    parent = np.array([-1, *(random.integers(lowest, one) for one in range(1, devices))])
    load = random.permutation(random.integers(0, loads, random.integers(loads, 4 * loads + 1)))
    node = random.integers(0, devices, len(load))
    reserve = random.random(len(load)) < 0.25
    power = random.uniform(0.0, 5.0, loads) * (random.random(loads) < 0.9)
    candidates = np.sort(random.permutation(devices)[: random.integers(1, devices + 1)])
    return parent, node, load, reserve, power, random.uniform(3.0, 9.0, devices), candidates


@pytest.mark.parametrize("seed", range(60))
def test_random_chains_agree_with_the_straight_enumeration(seed, monkeypatch):
    # Cut into chunks of a few rows as well.
    monkeypatch.setattr("electrical.contingency.CHUNK", 40 if seed % 2 else 2_000_000)
    parent, node, load, reserve, power, capacity, candidates = chain(seed)
    way = paths(parent, np.arange(len(parent)), node)
    listed, loads = states(candidates, 2), len(power)
    dead = np.zeros((len(listed), len(parent) + 1), dtype=bool)
    np.put_along_axis(dead, listed % (len(parent) + 1), True, axis=1)
    live = alive(parent, dead[:, :-1])[:, node]
    share = feed_shares(live, load, loads, reserve)
    # The oracle adds up by ancestors, without paths.
    loading = np.zeros((len(listed), len(parent)))
    at = node.copy()
    while (at >= 0).any():
        on = at >= 0
        np.add.at(loading, (slice(None), at[on]), (share * power[load])[:, on])
        at = np.where(on, parent[at], -1)
    loading /= capacity
    straight = after(way, load, reserve, power, capacity, listed)
    np.testing.assert_allclose(straight.loading, loading, atol=1e-12)

    found = overloads(way, load, reserve, power, capacity, candidates, 2)
    most = loading.max(axis=1)
    np.testing.assert_allclose(found.loading, most, atol=1e-11)
    named = found.device >= 0
    np.testing.assert_allclose(loading[np.flatnonzero(named), found.device[named]], most[named], atol=1e-11)
    assert (most[~named] < 1e-9).all()
    calm = after(way, load, reserve, power, capacity, np.full((1, 1), -1)).loading[0]
    single = loading[: len(candidates)]
    np.testing.assert_allclose(found.failover, np.maximum(single.max(axis=0), calm), atol=1e-11)
    caused = np.flatnonzero(found.behind >= 0)
    place = np.searchsorted(candidates, found.behind[caused])
    np.testing.assert_allclose(single[place, caused], found.failover[caused], atol=1e-11)

    serves = np.zeros((len(listed), loads), dtype=bool)
    np.logical_or.at(serves, (slice(None), load), live)
    np.testing.assert_array_equal(straight.served, serves)
    needs, weight = np.stack([np.arange(loads), np.roll(np.arange(loads), 1)], axis=1), np.arange(loads) + 1.0
    short = shortfall(way, load, needs, weight, NOTHING, candidates, 2, 1)
    np.testing.assert_allclose(short, (~serves[:, needs].all(axis=-1)) @ weight)
    heads = way[np.arange(len(way)), (way >= 0).sum(axis=1) - 1]
    on_one = [sum(len(set(heads[row & (load == one)].tolist())) < 2 for one in range(loads)) for row in live]
    last = shortfall(way, load, np.arange(loads)[:, None], np.ones(loads), NOTHING, candidates, 2, 2)
    np.testing.assert_allclose(last, on_one)
