import numpy as np

from geometry.route import along_axes, manhattan_length, route_length, tray_boxes


def test_a_route_is_the_sum_of_the_edges_of_its_box():
    start = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    end = np.array([[3.0, -4.0, 1.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(manhattan_length(start, end), [8.0, 0.0])


def test_a_route_is_as_long_back_as_there_and_broadcasts():
    start = np.zeros((5, 1, 2))
    end = np.ones((3, 2))
    assert manhattan_length(start, end).shape == (5, 3)
    np.testing.assert_array_equal(manhattan_length(start, end), manhattan_length(end, start))


def test_a_route_along_the_axes_is_as_long_as_its_manhattan_length_in_any_order():
    rng = np.random.default_rng(3)
    start, end = rng.uniform(-5.0, 5.0, (2, 20, 3))
    for order in ("xyz", "zyx", "yxz"):
        corners = along_axes(start, end, order)
        assert corners.shape == (20, 4, 3)
        np.testing.assert_array_equal(corners[:, 0], start)
        np.testing.assert_array_equal(corners[:, -1], end)
        assert (np.count_nonzero(np.diff(corners, axis=1), axis=-1) <= 1).all()
        np.testing.assert_allclose(route_length(corners), manhattan_length(start, end), rtol=1e-14)


def test_tray_boxes_hold_their_route_and_leave_out_runs_of_no_length():
    corners = along_axes(np.array([1.0, 1.0, 2.0]), np.array([4.0, 1.0, 3.0]))
    boxes = tray_boxes(corners, 0.2, 0.1)
    np.testing.assert_allclose(
        boxes, [[[0.9, 0.9, 2.0], [1.1, 1.1, 3.0]], [[0.9, 0.9, 2.95], [4.1, 1.1, 3.05]]], rtol=1e-14
    )
