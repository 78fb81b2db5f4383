import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geometry import box
from geometry.box import overlaps


def cubes(corners, size=1.0):
    lower = np.asarray(corners, dtype=np.float64)
    return np.stack([lower, lower + size], axis=1)


def test_a_cube_meets_exactly_the_neighbours_that_reach_into_it():
    # Unit cubes: by hand, 0 meets 1 (half a cube) and 3 (a corner); 2 only touches 0.
    boxes = cubes([[0, 0, 0], [0.5, 0, 0], [-1, 0, 0], [0.9, 0.9, 0.9], [5, 5, 5]])
    assert overlaps(boxes).tolist() == [[0, 1], [0, 3], [1, 3]]


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3, *[st.integers(1, 3)] * 3), max_size=25))
def test_the_sweep_finds_what_comparing_every_pair_finds(items):
    data = np.array(items, dtype=np.float64).reshape(-1, 6)
    boxes = np.stack([data[:, :3], data[:, :3] + data[:, 3:]], axis=1)
    every = [
        [i, j]
        for i in range(len(boxes))
        for j in range(i + 1, len(boxes))
        if np.all(np.minimum(boxes[i, 1], boxes[j, 1]) > np.maximum(boxes[i, 0], boxes[j, 0]))
    ]
    assert overlaps(boxes).tolist() == every


def test_touching_within_the_tolerance_is_not_an_overlap():
    boxes = cubes([[0, 0, 0], [1.0 - 5e-7, 0, 0]])
    assert len(overlaps(boxes)) == 0
    assert len(overlaps(boxes, tolerance=1e-9)) == 1


def test_the_order_of_boxes_does_not_matter():
    generator = np.random.default_rng(7)
    boxes = cubes(generator.uniform(0, 6, (200, 3)))
    shuffled = generator.permutation(len(boxes))
    found = {frozenset(shuffled[pair].tolist()) for pair in overlaps(boxes[shuffled])}
    assert found == {frozenset(pair.tolist()) for pair in overlaps(boxes)}


def test_ten_thousand_boxes_take_less_than_a_second():
    grid = np.stack(np.meshgrid(np.arange(100), np.arange(100), [0.0]), axis=-1).reshape(-1, 3)
    start = time.perf_counter()
    assert len(overlaps(cubes(grid))) == 0
    assert time.perf_counter() - start < 1.0


def test_a_crowd_in_one_place_is_found_without_counting_every_pair():
    boxes = np.tile([[0.0, 0, 0], [1, 1, 1]], (20_000, 1, 1))
    assert 1000 <= len(overlaps(boxes, most=1000)) < 3_000_000


def test_chunks_of_pairs_find_what_one_pass_finds(monkeypatch):
    rng = np.random.default_rng(1)
    lower = rng.uniform(0, 10, (200, 3))
    boxes = np.stack([lower, lower + rng.uniform(0.1, 2, (200, 3))], axis=1)
    whole = overlaps(boxes)
    for chunk in (1, 7, 1000):
        monkeypatch.setattr(box, "CHUNK", chunk)
        assert overlaps(boxes).tolist() == whole.tolist()
