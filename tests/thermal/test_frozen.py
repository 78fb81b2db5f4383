"""Heat in a flow that stays as it is, against balances by hand and the solver that steps in time."""

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from thermal import room as rooms
from thermal.frozen import carried
from thermal.room import Face

LINE = np.array([0.0, 0.3, 0.8, 1.0, 1.7])


def duct(flow=0.5):
    """A duct along x: an opening, four cells, an outlet."""
    one = np.array([0.0, 1.0])
    kinds = rooms.faces((4, 1, 1))
    kinds[0][0], kinds[0][-1] = Face.FIXED, Face.OUTLET
    still = np.zeros((4, 2, 1)), np.zeros((4, 1, 2))
    return (LINE, one, one), kinds, (np.full((5, 1, 1), flow), *still)


def test_air_keeps_its_temperature_along_a_duct():
    edges, kinds, velocity = duct()
    brought = np.array([0.5 * 7.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(spsolve(carried(edges, kinds, velocity).tocsc(), brought), 7.0)


def test_porous_faces_pass_what_free_ones_and_outlets_do():
    edges, kinds, velocity = duct()
    free = carried(edges, kinds, velocity).toarray()
    kinds[0][2] = kinds[0][-1] = Face.POROUS
    np.testing.assert_array_equal(carried(edges, kinds, velocity).toarray(), free)


def test_heat_on_the_way_is_on_the_air_from_there_on():
    """A kilowatt over the heat capacity of the flow, from the cell it is given to."""
    edges, kinds, velocity = duct()
    found = spsolve(carried(edges, kinds, velocity).tocsc(), np.array([0.0, 0.4, 0.0, 0.1]))
    np.testing.assert_allclose(found, [0.0, 0.8, 0.8, 1.0])


@pytest.mark.parametrize("backward", [False, True])
def test_two_streams_mix_by_their_flows(backward):
    """A tee: 2 m3/s at 10 K and 1 m3/s at 4 K leave at 8 K, whichever way the axes run."""
    line, one = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0])
    kinds = rooms.faces((2, 1, 1))
    velocity = [np.zeros((3, 1, 1)), np.zeros((2, 2, 1)), np.zeros((2, 1, 2))]
    way = -1.0 if backward else 1.0
    ends = (0, -1) if backward else (-1, 0)
    kinds[0][ends[0]], kinds[0][ends[1]] = Face.OUTLET, Face.FIXED
    velocity[0][ends[0]] = velocity[0][1] = way * 3.0
    velocity[0][ends[1]] = way * 2.0
    first = 1 if backward else 0
    kinds[1][first, 0], velocity[1][first, 0] = Face.FIXED, 1.0
    velocity[0][1] = way * 3.0
    brought = np.zeros(2)
    brought[first] = 2.0 * 10.0 + 1.0 * 4.0
    found = spsolve(carried((line, one, one), kinds, tuple(velocity)).tocsc(), brought)
    np.testing.assert_allclose(found, 8.0)


def test_what_leaves_is_what_came_in():
    """Columns of a closed flow add up to what leaves by the openings: no heat is made or lost inside."""
    edges, kinds, velocity = duct()
    np.testing.assert_allclose(carried(edges, kinds, velocity).toarray().sum(axis=0), [0.0, 0.0, 0.0, 0.5])
