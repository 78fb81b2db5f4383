"""Heat in a flow that stays as it is, against balances by hand and a direct solve."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from thermal import room as rooms
from thermal.frozen import stream, warmth
from thermal.room import Face

LINE = np.array([0.0, 0.3, 0.8, 1.0, 1.7])


def duct(flow=0.5):
    """A duct along x: an opening, four cells, an outlet."""
    one = np.array([0.0, 1.0])
    kinds = rooms.faces((4, 1, 1))
    kinds[0][0], kinds[0][-1] = Face.FIXED, Face.OUTLET
    still = np.zeros((4, 2, 1)), np.zeros((4, 1, 2))
    return (LINE, one, one), kinds, (np.full((5, 1, 1), flow), *still)


def found(given, room):
    air = stream(*room)
    solved = warmth(air, np.reshape(given, air.leaving.shape))
    assert solved.converged
    return solved.temperature.ravel()


@pytest.mark.parametrize("flow", [0.5, -0.5])
def test_air_keeps_its_temperature_along_a_duct(flow):
    brought = [0.5 * 7.0, 0.0, 0.0, 0.0]
    edges, kinds, velocity = duct(flow)
    if flow < 0.0:
        brought = brought[::-1]
        kinds[0][0], kinds[0][-1] = Face.OUTLET, Face.FIXED
    np.testing.assert_allclose(found(brought, (edges, kinds, velocity)), 7.0)


def test_porous_faces_pass_what_free_ones_and_outlets_do():
    edges, kinds, velocity = duct()
    free = stream(edges, kinds, velocity)
    kinds[0][2] = kinds[0][-1] = Face.POROUS
    porous = stream(edges, kinds, velocity)
    np.testing.assert_array_equal(porous.leaving, free.leaving)
    np.testing.assert_array_equal(porous.flow[0], free.flow[0])


def test_heat_on_the_way_is_on_the_air_from_there_on():
    """A kilowatt over the heat capacity of the flow, from the cell it is given to."""
    np.testing.assert_allclose(found([0.0, 0.4, 0.0, 0.1], duct()), [0.0, 0.8, 0.8, 1.0])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("backward", [False, True])
def test_two_streams_mix_by_their_flows(axis, backward):
    """A tee: 2 m3/s at 10 K and 1 m3/s at 4 K leave at 8 K, whichever way the axes run."""
    side = (axis + 1) % 3
    line = [np.array([0.0, 1.0])] * 3
    line[axis] = np.array([0.0, 1.0, 2.0])
    cells = [1, 1, 1]
    cells[axis] = 2
    kinds, way = rooms.faces(tuple(cells)), -1.0 if backward else 1.0
    velocity = tuple(np.zeros(one.shape) for one in kinds)
    along, fast = np.moveaxis(kinds[axis], axis, 0), np.moveaxis(velocity[axis], axis, 0)
    ends = (0, -1) if backward else (-1, 0)
    along[ends[0]], along[ends[1]] = Face.OUTLET, Face.FIXED
    fast[ends[0]] = fast[1] = way * 3.0
    fast[ends[1]] = way * 2.0
    first = 1 if backward else 0
    entry = [0, 0, 0]
    entry[axis] = first
    kinds[side][tuple(entry)], velocity[side][tuple(entry)] = Face.FIXED, 1.0
    brought = np.zeros(2)
    brought[first] = 2.0 * 10.0 + 1.0 * 4.0
    np.testing.assert_allclose(found(brought, (tuple(line), kinds, velocity)), 8.0)


def test_what_leaves_is_what_came_in():
    """A turning eddy beside a stream: the outlet carries the warmth given to a cell of the eddy, and no cell more."""
    edges, kinds, velocity = turning((9, 8, 7), 5)
    given = np.zeros((9, 8, 7))
    given[4, 3, 2] = 1.0
    air = stream(edges, kinds, velocity)
    warm = warmth(air, given, tolerance=1e-12).temperature
    area = np.outer(np.diff(edges[1]), np.diff(edges[2]))
    assert float((velocity[0][-1] * area * warm[-1]).sum()) == pytest.approx(1.0, rel=1e-11)
    assert warm.min() >= 0.0


def turning(cells, seed, through=0.2):
    """Eddies by chance, some of them far faster than the stream along x, around a solid; no cell makes air."""
    chance = np.random.default_rng(seed)
    edges = tuple(np.concatenate([[0.0], np.cumsum(chance.uniform(0.2, 0.5, n))]) for n in cells)
    solid = np.zeros(cells, dtype=bool)
    solid[2:4, 2:4, :3] = True
    kinds = rooms.faces(cells, solid)
    kinds[0][0], kinds[0][-1] = Face.FIXED, Face.OUTLET
    # The curl of what stands on the edges of cells, nothing on walls.
    shut = np.pad(solid, 1, constant_values=True)
    flow = [np.zeros(one.shape) for one in kinds]
    for axis in range(3):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        beside = [np.roll(shut, (a, b), (one, other)) for a in (0, 1) for b in (0, 1)]
        room = tuple(slice(1, n + 1 + (m != axis)) for m, n in enumerate(cells))
        turn = np.where(np.any(beside, axis=0)[room], 0.0, chance.normal(size=[n.stop - 1 for n in room]))
        flow[one] += np.diff(turn, axis=other)
        flow[other] -= np.diff(turn, axis=one)
    # Over the solid the stream is free.
    width = [np.diff(line) for line in edges]
    flow[0][:, :, 3:] += through
    velocity = tuple(
        np.moveaxis(np.moveaxis(flow[n], n, 0) / np.outer(*(width[m] for m in range(3) if m != n)), 0, n)
        for n in range(3)
    )
    return edges, kinds, velocity


@pytest.mark.parametrize("seed", [1, 2])
def test_sweeps_end_where_a_direct_solve_does(seed):
    """SuperLU on the assembled balances of all cells: every temperature within 1e-8 of the warmest."""
    cells = (14, 12, 10)
    edges, kinds, velocity = turning(cells, seed)
    air = stream(edges, kinds, velocity)
    number, live = np.arange(air.leaving.size).reshape(cells), air.leaving.ravel() > 0.0
    rows, columns, values = [number.ravel()], [number.ravel()], [np.where(live, air.leaving.ravel(), 1.0)]
    for axis in range(3):
        place = np.moveaxis(number, axis, 0)
        low, high = place[:-1].ravel(), place[1:].ravel()
        up = np.moveaxis(air.flow[axis], axis, 0)[1:-1].ravel()
        rows += [high, low]
        columns += [low, high]
        values += [-np.maximum(up, 0.0), -np.maximum(-up, 0.0)]
    whole = coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))))
    given = np.where(live, np.random.default_rng(seed).uniform(0.0, 1.0, air.leaving.size), 0.0)
    wanted = spsolve(whole.tocsc(), given).reshape(cells)
    # The flow makes no air, or both would agree on nothing of the kind.
    net = sum(np.diff(one, axis=n) for n, one in enumerate(air.flow))
    assert np.abs(net[1:-1]).max() < 1e-12
    solved = warmth(air, given.reshape(cells))
    assert solved.converged
    np.testing.assert_allclose(solved.temperature, wanted, atol=1e-8 * wanted.max())


def test_what_is_left_is_what_flows_out_are_short_of():
    edges, kinds, velocity = turning((9, 8, 7), 5)
    given = np.zeros((9, 8, 7))
    given[4, 3, 2] = 1.0
    air, area = stream(edges, kinds, velocity), np.outer(np.diff(edges[1]), np.diff(edges[2]))
    few = warmth(air, given, most=8)
    assert few.sweeps == 8
    assert not few.converged
    out = float((velocity[0][-1] * area * few.temperature[-1]).sum())
    assert out > 0.01
    assert 1.0 - out == pytest.approx(few.left, rel=1e-12)


def test_warmth_that_finds_no_way_out_is_told():
    """Two cells in the round, closed: what is given to them never leaves."""
    one, line = np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0])
    kinds = rooms.faces((2, 2, 1))
    velocity = [np.zeros(one.shape) for one in kinds]
    velocity[0][1, :, 0], velocity[1][:, 1, 0] = (1.0, -1.0), (-1.0, 1.0)
    solved = warmth(stream((line, line, one), kinds, tuple(velocity)), np.ones((2, 2, 1)), most=80)
    assert not solved.converged
    assert solved.left > 0.5


def test_nothing_given_is_nothing_found():
    solved = warmth(stream(*duct()), np.zeros((4, 1, 1)))
    assert solved.converged
    assert not solved.temperature.any()


def test_memory_is_a_few_fields():
    edges, kinds, velocity = turning((40, 40, 30), 3)
    given = np.zeros((40, 40, 30))
    given[20, 20, 20] = 1.0
    warmth(stream(*duct()), np.ones((4, 1, 1)))
    tracemalloc.start()
    warmth(stream(edges, kinds, velocity), given, most=8)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 100 * given.size
