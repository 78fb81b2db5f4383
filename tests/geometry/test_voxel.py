"""Cells that end where they have to."""

import numpy as np
import pytest

from geometry.voxel import cell_edges, covered, solid


def test_cells_by_hand():
    """0 to 1 in two of 0.5, 1 to 2.2 in two of 0.6, 2.2 to 4 in three of 0.6."""
    edges = cell_edges(0.0, 4.0, np.array([2.2, 1.0]), 0.6)
    np.testing.assert_allclose(edges, [0, 0.5, 1, 1.6, 2.2, 2.8, 3.4, 4])


@pytest.mark.parametrize("seed", range(5))
def test_cells_meet_what_they_have_to_and_none_is_a_sliver(seed):
    source = np.random.default_rng(seed)
    met = source.uniform(-1.0, 11.0, 12)
    edges = cell_edges(0.0, 10.0, met, 0.3)
    width = np.diff(edges)
    assert edges[0] == 0.0
    assert edges[-1] == 10.0
    assert width.min() >= 0.25 * 0.3 - 1e-9
    assert width.max() <= 1.5 * 0.3 + 1e-9
    inside = met[(met > 0) & (met < 10)]
    assert np.abs(inside[:, None] - edges).min(axis=1).max() <= 0.25 * 0.3 + 1e-9
    apart = inside[np.abs(inside[:, None] - np.concatenate([inside, [0, 10]])).__lt__(0.08).sum(axis=1) == 1]
    assert np.abs(apart[:, None] - edges).min(axis=1).max() < 1e-8


def test_a_box_covers_the_cells_between_the_nearest_ends():
    edges = np.array([0.0, 0.5, 1.0, 1.6, 2.2])
    assert covered(edges, np.array([-1.0, 0.26, 1.2]), np.array([0.3, 1.0, 1.25])).tolist() == [
        [0, 1], [1, 2], [2, 2],
    ]  # fmt: skip
    box = np.array([[[0.5, 0.0, 0.0], [1.6, 0.5, 2.2]]])
    assert np.argwhere(solid((edges,) * 3, box)).tolist() == [[x, 0, z] for x in (1, 2) for z in range(4)]


@pytest.mark.parametrize("shift", [0.0, 0.1, 12.0, 24.3, 1e3 / 3])
def test_half_a_cell_goes_the_same_way_wherever_the_hall_stands(shift):
    """Ends in the middle of cells of 0.3, 0.6 and 0.7 m are taken to the lower end."""
    edges = np.array([0.0, 0.3, 0.9, 1.6])
    ends = np.array([0.15, 0.6, 1.25])
    assert covered(edges + shift, ends + shift, ends + shift)[:, 0].tolist() == [0, 1, 2]
