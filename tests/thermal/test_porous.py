"""Porous faces of a room against closed forms: pressure lost, flows that share it, momentum of jets."""

import numpy as np
import pytest

from thermal.room import Air, Face, faces, room, step, still

STILL = Air(viscosity=1e-9, eddy=0.0, expansion=0.0)
LOSSES = [0.1, 10.0, 1e3, 1e5]


def duct(cells, losses, *, axis=0, jets=None, low=Face.FIXED, high=Face.OUTLET, size=0.1):
    """A duct along an axis whose sides do not rub, with porous faces {place: K} across it."""
    kinds = faces(cells)
    loss = [np.zeros(kind.shape) for kind in kinds]
    jet = [np.zeros(kind.shape) for kind in kinds]
    for other in range(3):
        kind = np.moveaxis(kinds[other], other, 0)
        kind[0], kind[-1] = (low, high) if other == axis else (Face.FIXED, Face.FIXED)
    for place, value in losses.items():
        np.moveaxis(kinds[axis], axis, 0)[place] = Face.POROUS
        np.moveaxis(loss[axis], axis, 0)[place] = value
    for place, value in (jets or {}).items():
        np.moveaxis(jet[axis], axis, 0)[place] = value
    lines = tuple(np.linspace(0.0, size * n, n + 1) for n in cells)
    return room(lines, kinds, None, tuple(loss), tuple(jet))


def blown(made, speed, axis=0):
    """Air at rest with the first faces across an axis at a speed."""
    state = still(made, 297.15)
    np.moveaxis(made.of_faces(axis, state.velocity[axis]), axis, 0)[0] = speed
    return state


def run(made, state, steps, time, law=STILL, tolerance=1e-11):
    for _ in range(steps):
        state = step(made, law, state, None, time, tolerance=tolerance)
        assert state.converged
    return state


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plate_in_a_duct_takes_its_loss(loss, axis):
    """K V^2 / 2, and no more: on either side the pressure is even. From the first step, and whatever K."""
    cells = tuple(np.roll((8, 2, 3), axis))
    made = duct(cells, {4: loss}, axis=axis)
    for steps in (1, 20):
        state = run(made, blown(made, 0.7, axis), steps, 0.05)
        along = np.moveaxis(made.of_cells(state.pressure), axis, 0)
        np.testing.assert_allclose(along[:4], 0.5 * loss * 0.49, rtol=1e-6)
        np.testing.assert_allclose(along[4:], 0.0, atol=0.5e-6 * loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_outlet_with_a_loss(loss):
    made = duct((6, 2, 2), {6: loss})
    state = run(made, blown(made, 0.7), 5, 0.05)
    np.testing.assert_allclose(made.of_cells(state.pressure), 0.5 * loss * 0.49, rtol=1e-6)


def test_losses_in_a_row_add_and_the_flow_may_turn_round():
    made = duct((9, 2, 2), {3: 20.0, 4: 5.0, 7: 300.0})
    state = blown(made, -0.4)
    state = run(made, state, 5, 0.05)
    np.testing.assert_allclose(made.of_cells(state.pressure)[0], -0.5 * 325.0 * 0.16, rtol=1e-6)
    # The flow turns at once; the pressure of that step is of its inertia, and settles at that of the loss.
    made.of_faces(0, state.velocity[0])[0] = 0.8
    state = run(made, state, 12, 0.05)
    np.testing.assert_allclose(made.of_cells(state.pressure)[0], 0.5 * 325.0 * 0.64, rtol=1e-6)


@pytest.mark.parametrize("losses", [(4e4, 1e4), (1e5, 1e4)])
def test_parallel_plates_share_the_flow_as_the_root_of_their_loss(losses):
    """Two ducts between a wide room and an outlet each: their flows stand as K^-1/2."""
    cells = (8, 1, 4)
    kinds = faces(cells)
    loss = tuple(np.zeros(kind.shape) for kind in kinds)
    for other in (1, 2):
        kind = np.moveaxis(kinds[other], other, 0)
        kind[0] = kind[-1] = Face.FIXED
    kinds[2][2:, :, 2] = Face.FIXED
    kinds[0][0] = Face.FIXED
    kinds[0][-1] = Face.OUTLET
    kinds[0][5] = Face.POROUS
    loss[0][5, :, :2], loss[0][5, :, 2:] = losses
    made = room(tuple(np.linspace(0.0, 0.2 * n, n + 1) for n in cells), kinds, None, loss)
    state = run(made, blown(made, 0.02), 400, 0.2, tolerance=1e-9)
    flow = made.of_faces(0, state.velocity[0])[-1]
    one, two = flow[:, :2].sum(), flow[:, 2:].sum()
    # What is lost in entering the ducts counts too, at most about one of their own velocity heads.
    assert one / two == pytest.approx((losses[1] / losses[0]) ** 0.5, rel=1e-3)
    assert one + two == pytest.approx(0.08, rel=1e-9)
