"""Porous faces of a room against closed forms: pressure lost, flows that share it, momentum of jets."""

from dataclasses import replace

import numpy as np
import pytest

from thermal.airflow import EDDY, Air, ready, step, still, time_step
from thermal.room import Face, faces, room
from thermal.tile import loss_coefficient

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


def test_a_run_goes_on_to_the_last_digit_in_a_room_made_ready():
    """Two plates side by side share a flow that quickens: their preconditioner was made for another share."""

    def made():
        lines = tuple(np.linspace(0.0, 0.1 * n, n + 1) for n in (12, 6, 5))
        solid = np.zeros((12, 6, 5), dtype=bool)
        kinds = faces(solid.shape, solid)
        kinds[0][0], kinds[0][-1], kinds[0][6] = Face.FIXED, Face.OUTLET, Face.POROUS
        loss = [np.zeros(kind.shape) for kind in kinds]
        loss[0][6] = np.linspace(5.0, 400.0, 30).reshape(6, 5)
        return room(lines, kinds, solid, tuple(loss))

    def on(box, state, steps):
        for _ in range(steps):
            quicker = tuple(one.copy() for one in state.velocity)
            box.of_faces(0, quicker[0])[0] = 0.2 + 3.0 * (state.time + 0.02)
            state = step(box, STILL, state, None, 0.02, tolerance=1e-3, fixed=quicker)
        return state

    one = made()
    half = on(one, blown(one, 0.2), 30)
    eased = tuple(share.copy() for share in one.porous.share)
    whole = on(one, half, 10)
    cold, warm = (on(box, half, 10) for box in (made(), ready(made(), eased)))
    np.testing.assert_array_equal(warm.pressure, whole.pressure)
    assert (cold.pressure != whole.pressure).any()


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


def test_a_plenum_feeds_its_tiles_as_a_manifold():
    """A long low plenum, its roof all tiles: V = V_end cos((L - x) / (h K^1/2)), by Bernoulli and continuity."""
    cells, height, loss = (80, 1, 2), 0.2, 900.0
    kinds = faces(cells)
    for axis in range(3):
        kind = np.moveaxis(kinds[axis], axis, 0)
        kind[0] = kind[-1] = Face.FIXED
    kinds[2][:, :, -1] = Face.POROUS
    length = height * loss**0.5
    lines = (np.linspace(0.0, length, 81), [0.0, 0.1], [0.0, 0.1, 0.2])
    made = room(lines, kinds, None, tuple(np.full(kind.shape, loss) for kind in kinds))
    state = still(made, 297.15)
    made.of_faces(0, state.velocity[0])[0] = 0.5
    for _ in range(600):
        state = step(made, STILL, state, None, 0.1, tolerance=1e-6)
    found = made.of_faces(2, state.velocity[2])[:, 0, -1]
    x = 0.5 * (lines[0][1:] + lines[0][:-1])
    exact = 0.5 / loss**0.5 / np.sin(1.0) * np.cos((length - x) / length)
    # Air that comes in by a fixed face has no speed along it, which the first cell shows.
    np.testing.assert_allclose(found[1:], exact[1:], rtol=0.01)
    assert found.sum() * length / 80 == pytest.approx(0.5 * height, rel=1e-6)


def test_a_leak_panel_takes_its_share_of_the_supply():
    """A box with an outlet that has a loss and a panel that leaks into a room behind: Q as A K^-1/2."""
    cells = (12, 4, 4)
    kinds = faces(cells)
    loss = tuple(np.zeros(kind.shape) for kind in kinds)
    kinds[0][0] = Face.FIXED
    kinds[0][7] = Face.POROUS
    loss[0][7] = 1e5
    kinds[1][2:5, 0, 1:3] = Face.POROUS
    loss[1][2:5, 0, 1:3] = 2e3
    kinds[0][-1, 1:3, 1:3] = Face.OUTLET
    made = room(tuple(np.linspace(0.0, 0.3 * n, n + 1) for n in cells), kinds, None, loss)
    state = blown(made, 0.01)
    for _ in range(60):
        state = step(made, Air(expansion=0.0), state, None, 0.2, tolerance=1e-6)
    leak = made.of_faces(0, state.velocity[0])[7].sum()
    out = -made.of_faces(1, state.velocity[1])[2:5, 0, 1:3].sum()
    assert leak / out == pytest.approx(16 / 6 * (2e3 / 1e5) ** 0.5, rel=2e-3)
    assert leak + out == pytest.approx(0.16, rel=1e-6)


@pytest.mark.parametrize("loss", [10.0, 1e5])
def test_air_that_nothing_drives_slows_down_through_a_plate(loss):
    """L du/dt = -K u^2 / 2 in a duct open at both ends; the error of the step is of the first order."""
    made = duct((8, 2, 2), {4: loss}, low=Face.OUTLET)
    until = 20.0 / loss
    exact = 0.5 / (1.0 + 0.25 * loss * until / 0.8)
    errors = []
    for steps in (16, 32, 64):
        # Not at time 0, when the pressure alone would drive it.
        state = replace(still(made, 297.15), time=1.0)
        made.of_faces(0, state.velocity[0])[:] = 0.5
        state = run(made, state, steps, until / steps)
        errors.append(made.of_faces(0, state.velocity[0])[4, 0, 0] / exact - 1.0)
    assert errors[2] < 0.03
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.02)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("speed", [0.6, -0.6])
def test_jets_give_their_momentum_to_the_air_behind(speed):
    """Of open share F they bring V^2 / F where the mean velocity brings V^2: the pressure behind rises by the rest."""
    made = duct((10, 2, 2), {5: 42.8}, jets={5: 3.0})
    state = run(made, blown(made, speed), 60, 0.02)
    pressure = made.of_cells(state.pressure)[:, 0, 0]
    across = pressure[4] - pressure[5]
    assert across * np.sign(speed) == pytest.approx(0.5 * 42.8 * 0.36, rel=1e-6)
    assert (pressure[3] - pressure[6]) * np.sign(speed) == pytest.approx((0.5 * 42.8 - 3.0) * 0.36, rel=1e-6)


def test_no_cell_gains_or_loses_air_in_a_hall_of_tiles_meshes_and_leaks():
    """In the longest steps, with losses from 0.1 to 1e5: 1e-6 of the supply in each, of any cell and of the whole."""
    cells = (20, 12, 10)
    solid = np.zeros(cells, dtype=bool)
    solid[6:14, 6:8, 3:8] = True
    kinds = faces(cells, solid)
    loss = tuple(np.zeros(kind.shape) for kind in kinds)
    jet = tuple(np.zeros(kind.shape) for kind in kinds)
    kinds[2][:, :, 3] = Face.WALL
    kinds[2][6:14, 6:8, 3] = Face.WALL
    kinds[2][6:14, 3:6, 3], loss[2][6:14, 3:6, 3], jet[2][6:14, 3:6, 3] = Face.POROUS, 42.8, 3.0
    kinds[2][6:14, 3:6, 8], loss[2][6:14, 3:6, 8] = Face.POROUS, 1e5
    for x, value in ((6, 0.1), (14, 1e3)):
        kinds[0][x, 3:6, 3:8], loss[0][x, 3:6, 3:8] = Face.POROUS, value
    kinds[1][6:14, 6, 3:8] = kinds[1][6:14, 8, 3:8] = Face.FIXED
    kinds[0][0, 2:10, 1] = Face.FIXED
    kinds[0][-1, 2:10, 7:9] = Face.OUTLET
    lines = (np.linspace(0.0, 6.0, 21), np.linspace(0.0, 3.6, 13), np.linspace(0.0, 2.0, 11))
    made = room(lines, kinds, solid, loss, jet)
    state = still(made, 297.15)
    made.of_faces(1, state.velocity[1])[6:14, 6, 3:8] = made.of_faces(1, state.velocity[1])[6:14, 8, 3:8] = (
        0.5
    )
    made.of_faces(0, state.velocity[0])[0, 2:10, 1] = 3.0
    entering = tuple(np.full(len(made.length), 291.15) for _ in range(3))
    made.of_faces(1, entering[1])[6:14, 8, 3:8] = 305.15
    supply = 3.0 * 8 * 0.3 * 0.2
    for _ in range(150):
        state = step(made, Air(), state, entering, time_step(made, Air(), state), tolerance=1e-6)
        assert state.converged
        assert state.residual < 1e-6 * supply
        out = made.of_faces(0, state.velocity[0])[-1].sum() * 0.3 * 0.2
        assert out == pytest.approx(supply, rel=1e-6)
    inside = made.of_cells(state.temperature)[~solid]
    assert inside.min() > 291.15 - 1e-3
    assert inside.max() < 305.15 + 1e-3


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_heat_goes_through_the_holes_of_a_porous_face_and_with_the_air(share):
    """Still air on either side exchanges that share of what it would without the face; a stream takes all with it."""
    law = Air(viscosity=1e-2, prandtl=1.0, eddy=0.0, expansion=0.0)
    gained = []
    for losses in ({4: loss_coefficient(share)}, {}):
        made = duct((8, 2, 2), losses)
        state = blown(made, 0.0)
        made.of_cells(state.temperature)[:4] = 300.0
        made.of_cells(state.temperature)[4:] = 290.0
        entering = tuple(np.full(len(made.length), 310.0) for _ in range(3))
        after = step(made, law, state, entering, 1e-6, tolerance=1e-9)
        gained.append(made.of_cells(after.temperature)[4, 0, 0] - 290.0)
    assert gained[0] / gained[1] == pytest.approx(share, rel=1e-4)
    made = duct((8, 2, 2), {4: loss_coefficient(share)})
    state = blown(made, 0.5)
    for _ in range(100):
        state = step(made, law, state, entering, 0.05, tolerance=1e-9)
    np.testing.assert_allclose(made.of_cells(state.temperature), 310.0, atol=1e-2)


def test_air_along_a_porous_face_rubs_as_on_a_wall():
    """A porous sheet amid a channel whose sides do not rub: on either side half of a Poiseuille flow, 3 nu U / h^2."""
    cells = (16, 1, 32)
    kinds = faces(cells)
    for axis in range(3):
        kind = np.moveaxis(kinds[axis], axis, 0)
        kind[0] = kind[-1] = Face.FIXED
    kinds[0][-1] = Face.OUTLET
    kinds[2][:, :, 16] = Face.POROUS
    loss = tuple(np.full(kind.shape, 1e5) for kind in kinds)
    made = room((np.linspace(0.0, 8.0, 17), [0.0, 1.0], np.linspace(-1.0, 1.0, 33)), kinds, None, loss)
    law = Air(viscosity=1.0, eddy=0.0, expansion=0.0)
    state = blown(made, 1.0)
    for _ in range(1500):
        state = step(made, law, state, None, time_step(made, law, state), tolerance=1e-6)
    pressure = made.of_cells(state.pressure)[:, 0, 4]
    assert (pressure[8] - pressure[12]) / 2.0 == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("eddy", [0.0, EDDY])
def test_the_closed_share_of_a_porous_face_rubs(eddy):
    """Air that begins to slide along a sheet is slowed by the share of a wall that is closed, and by it alone."""
    slowed = []
    for kind, share in ((Face.WALL, 0.0), (Face.POROUS, 0.25), (Face.POROUS, 0.6)):
        cells = (6, 1, 8)
        kinds = faces(cells)
        for axis in range(3):
            side = np.moveaxis(kinds[axis], axis, 0)
            side[0] = side[-1] = Face.FIXED
        kinds[0][-1] = Face.OUTLET
        kinds[2][:, :, 4] = kind
        loss = tuple(np.full(one.shape, loss_coefficient(share or 0.01)) for one in kinds)
        lines = (np.linspace(0.0, 3.0, 7), [0.0, 1.0], np.linspace(0.0, 1.6, 9))
        made = room(lines, kinds, None, loss)
        # Not at time 0, when the pressure would be sought.
        state = replace(blown(made, 1.0), time=1.0)
        made.of_faces(0, state.velocity[0])[:] = 1.0
        after = step(made, Air(eddy=eddy, expansion=0.0), state, None, 1e-4, tolerance=1e-12)
        # What the pressure gives back in so short a step is the same for the whole height.
        found = made.of_faces(0, after.velocity[0])[3, 0]
        slowed.append(found[1] - found[3])
    assert slowed[1] / slowed[0] == pytest.approx(0.75, rel=1e-3)
    assert slowed[2] / slowed[0] == pytest.approx(0.4, rel=1e-3)


def hall(loss):
    """A hall with a solid, a mesh of a loss across it and one along it, or none; warm air blown in, and what it is."""
    cells = (12, 6, 6)
    solid = np.zeros(cells, dtype=bool)
    solid[3:5, 2:4, :3] = True
    kinds = faces(cells, solid)
    losses = tuple(np.full(kind.shape, loss) for kind in kinds)
    kinds[0][0, 1:4, 1:3] = Face.FIXED
    kinds[0][-1, 1:5, 3:5] = Face.OUTLET
    if loss is not None:
        kinds[0][8] = kinds[2][2:8, 1:5, 4] = Face.POROUS
    made = room(tuple(np.linspace(0.0, 0.4 * n, n + 1) for n in cells), kinds, solid, losses)
    return made, tuple(np.full(len(made.length), 303.15) for _ in range(3))


@pytest.mark.parametrize("loss", [1e-2, 1e-5, 0.0])
def test_a_mesh_that_takes_nothing_leaves_the_free_hall(loss):
    """K to 0: it neither rubs nor is near nor holds heat, so that what it changes is of the order of K."""
    free, entering = hall(None)
    made, _ = hall(loss)
    np.testing.assert_array_equal(made.length, free.length)
    begun = still(free, 293.15)
    free.of_faces(0, begun.velocity[0])[0, 1:4, 1:3] = 0.8
    law, ends = Air(reference=293.15), []
    begun = step(free, law, begun, entering, 0.1, tolerance=1e-10)
    for one in (free, made):
        state = begun
        for _ in range(40):
            state = step(one, law, state, entering, 0.1, tolerance=1e-10)
        ends.append(state)
    for one, two in zip(*(state.velocity for state in ends), strict=True):
        np.testing.assert_allclose(one, two, atol=loss + 1e-8)
    np.testing.assert_allclose(ends[0].temperature, ends[1].temperature, atol=10.0 * loss + 1e-7)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (None, "loss across x must be given"),
        (lambda kinds: [np.full(kind.shape, -1.0) for kind in kinds], "0 or above"),
        (lambda kinds: [np.full(kind.shape, np.nan) for kind in kinds], "0 or above"),
        (lambda kinds: [np.ones(3) for _ in kinds], "loss across x has the shape"),
    ],
)
def test_losses_that_cannot_be_are_refused(loss, message):
    kinds = faces((4, 2, 2))
    kinds[0][2] = Face.POROUS
    lines = ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=message):
        room(lines, kinds, None, loss and loss(kinds))


def test_porous_faces_that_cannot_be_are_refused():
    lines = ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0], [0.0, 1.0])
    solid = np.zeros((4, 2, 1), dtype=bool)
    solid[2] = True
    for axis, message in ((0, "is porous, and a solid behind it"), (2, "one cell")):
        kinds = faces((4, 2, 1), solid)
        kinds[axis][2] = Face.POROUS
        with pytest.raises(ValueError, match=message):
            room(lines, kinds, solid, [np.ones(kind.shape) for kind in kinds])
