import numpy as np

from geometry.route import manhattan_length


def test_a_route_is_the_sum_of_the_edges_of_its_box():
    start = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    end = np.array([[3.0, -4.0, 1.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(manhattan_length(start, end), [8.0, 0.0])


def test_a_route_is_as_long_back_as_there_and_broadcasts():
    start = np.zeros((5, 1, 2))
    end = np.ones((3, 2))
    assert manhattan_length(start, end).shape == (5, 3)
    np.testing.assert_array_equal(manhattan_length(start, end), manhattan_length(end, start))
