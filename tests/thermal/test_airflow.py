"""Room air against exact solutions, published cavities and balances."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from thermal import airflow as air_of
from thermal.airflow import Air, step, still, time_step
from thermal.room import RING, Face, faces, room

# Vertical centre line of the lid cavity: Ghia, Ghia and Shin, J. Comput. Phys. 48, 1982, 387-411, table I.
HEIGHT = [1, 0.9766, 0.9688, 0.9609, 0.9531, 0.8516, 0.7344, 0.6172, 0.5, 0.4531, 0.2813, 0.1719, 0.1016, 0.0703,
          0.0625, 0.0547, 0]  # fmt: skip
GHIA = {
    100: [1, 0.84123, 0.78871, 0.73722, 0.68717, 0.23151, 0.00332, -0.13641, -0.20581, -0.21090, -0.15662, -0.10150,
          -0.06434, -0.04775, -0.04192, -0.03717, 0],
    400: [1, 0.75837, 0.68439, 0.61756, 0.55892, 0.29093, 0.16256, 0.02135, -0.11477, -0.17119, -0.32726, -0.24299,
          -0.14612, -0.10338, -0.09266, -0.08186, 0],
}  # fmt: skip


def slice_(edges_x, edges_z, slip=()):
    """A room one cell deep whose long sides do not rub, and neither do those along `slip` axes."""
    cells = (len(edges_x) - 1, 1, len(edges_z) - 1)
    kinds = faces(cells)
    for axis in (1, *slip):
        kind = np.moveaxis(kinds[axis], axis, 0)
        kind[0] = kind[-1] = Face.FIXED
    depth = edges_x[1] - edges_x[0]
    return (edges_x, [0.0, depth], edges_z), kinds


def vortex(cells):
    """The vortex of Taylor and Green in a box whose walls do not rub, with its pressure."""
    edges = np.linspace(0.0, np.pi, cells + 1)
    made = room(*slice_(edges, edges, slip=(0, 2)))
    middle = 0.5 * (edges[1:] + edges[:-1])
    state = still(made, 0.0)
    made.of_faces(0, state.velocity[0])[:, 0, :] = np.outer(np.sin(edges), np.cos(middle))
    made.of_faces(2, state.velocity[2])[:, 0, :] = -np.outer(np.cos(middle), np.sin(edges))
    made.of_cells(state.pressure)[:, 0, :] = 0.25 * np.add.outer(np.cos(2 * middle), np.cos(2 * middle))
    made.of_cells(state.temperature)[:, 0, :] = np.outer(np.sin(middle), np.sin(middle)) ** 2
    return made, state, edges, middle


@pytest.mark.parametrize(("limited", "order"), [(False, 1.95), (True, 1.8)])
def test_taylor_green_vortex(limited, order):
    """exp(-2 nu t) times itself; and what follows its stream lines without diffusion stays where it is."""
    law = Air(viscosity=0.01, prandtl=1e12, expansion=0.0, eddy=0.0, limited=limited)
    errors, strays = [], []
    for cells in (16, 32, 64):
        made, state, edges, middle = vortex(cells)
        entering = tuple(np.zeros(len(made.length)) for _ in range(3))
        exact = np.outer(np.sin(middle), np.sin(middle)) ** 2
        steps = 4 * cells
        for _ in range(steps):
            state = step(made, law, state, entering, 1.0 / steps, tolerance=1e-8)
        u = made.of_faces(0, state.velocity[0])[:, 0, :]
        decayed = np.exp(-2 * 0.01 * state.time) * np.outer(np.sin(edges), np.cos(middle))
        errors.append(np.sqrt(np.mean((u - decayed) ** 2)))
        strays.append(np.sqrt(np.mean((made.of_cells(state.temperature)[:, 0, :] - exact) ** 2)))
    # The vortex that decays is slower in the end; by 2 nu t = 0.02 all but the heat's advection is scaled.
    for found in (errors, strays):
        assert np.all(np.diff(np.log2(found)) < -order)


@pytest.mark.parametrize(("limited", "order"), [(False, 1.95), (True, 1.8)])
def test_internal_wave_in_stratified_air(limited, order):
    """A wave that stands in a box between a cold floor and a warm ceiling: lift and heat drive each other.

    Stream function a(t) sin x sin z and temperature z + c(t) cos x sin z, an oscillator of frequency N / sqrt(2) that
    decays as exp(-2 nu t), with diffusivity = viscosity. What the wave carries of itself, -a c sin(2 z) / 2, is a
    function of height alone; taken out by half before each step and by half after it, the wave is exact.
    """
    viscosity, buoyancy, size, until = 0.01, 2.0, 0.5, 2.0
    pace = buoyancy / np.sqrt(2.0)
    law = Air(
        viscosity=viscosity,
        prandtl=1.0,
        expansion=buoyancy**2 / 9.80665,
        reference=0.0,
        eddy=0.0,
        limited=limited,
    )

    def amplitudes(time):
        left = size * np.exp(-2.0 * viscosity * time)
        return left * np.cos(pace * time), left * np.sin(pace * time) / pace

    errors = []
    for cells in (16, 32, 64):
        edges = np.linspace(0.0, np.pi, cells + 1)
        middle = 0.5 * (edges[1:] + edges[:-1])
        line, kinds = slice_(edges, edges)
        kinds[2][:, :, 0] = kinds[2][:, :, -1] = Face.WARM
        made = room(line, kinds)
        entering = tuple(np.zeros(len(made.length)) for _ in range(3))
        made.of_faces(2, entering[2])[:, :, -1] = np.pi
        stream, wave = np.outer(np.sin(edges), np.cos(middle)), np.outer(np.cos(middle), np.sin(middle))
        state = still(made, 0.0)
        made.of_faces(0, state.velocity[0])[:, 0, :] = size * stream
        made.of_faces(2, state.velocity[2])[:, 0, :] = -size * stream.T
        made.of_cells(state.temperature)[:] = middle
        length = 0.5 / cells
        for n in range(round(until / length)):
            # Walls, in the ring, as fast as the air beside them in the middle of the step, so that they do not rub.
            speed = amplitudes((n + 0.5) * length)[0] * np.cos(middle[0]) * np.sin(edges)
            for axis, other, sign in ((0, 2, 1.0), (2, 0, -1.0)):
                whole = state.velocity[axis].reshape(made.shape)
                ring, order_ = RING, [made.order.index(one) for one in (1, axis, other)]
                wall = whole.transpose(order_)[ring, ring : -ring + 1]
                wall[:, ring - 1], wall[:, -ring] = sign * speed, -sign * speed
            for time in (n * length, (n + 1) * length):
                carried = -0.5 * np.prod(amplitudes(time)) * np.sin(2.0 * middle)
                warm = state.temperature.copy()
                made.of_cells(warm)[:] += 0.5 * length * carried
                state = replace(state, temperature=warm)
                if time == n * length:
                    state = step(made, law, state, entering, length, tolerance=1e-8)
        a, c = amplitudes(until)
        off = (
            made.of_faces(0, state.velocity[0])[:, 0, :] - a * stream,
            made.of_cells(state.temperature)[:, 0, :] - middle - c * wave,
        )
        errors.append([np.sqrt(np.mean(one**2)) for one in off])
    assert np.all(np.diff(np.log2(errors), axis=0) < -order)


@pytest.mark.parametrize("reynolds", [100, 400])
def test_lid_cavity_of_ghia(reynolds):
    """Within 0.02 of the lid's speed on 48 x 48 cells, from the table's own 129 x 129."""
    edges = np.linspace(0.0, 1.0, 49)
    made = room(*slice_(edges, edges))
    law = Air(viscosity=1.0 / reynolds, expansion=0.0, eddy=0.0)
    state = still(made, 0.0)
    # What stands in the solid ring above the box is the speed of the lid.
    lid(made, state.velocity[0])
    before = 0.0
    while True:
        for _ in range(200):
            state = step(made, law, state, None, time_step(made, law, state))
        now = made.of_faces(0, state.velocity[0])[24, 0, :].copy()
        if np.abs(now - before).max() < 1e-4:
            break
        before = now
    line = np.concatenate([[0.0], now, [1.0]])
    at = np.concatenate([[0.0], 0.5 * (edges[1:] + edges[:-1]), [1.0]])
    np.testing.assert_allclose(np.interp(HEIGHT, at, line), GHIA[reynolds], atol=0.02)


def lid(made, velocity):
    """Ring above z of the box at the lid's speed along x."""
    z = made.order.index(2)
    whole = np.moveaxis(velocity.reshape(made.shape), z, 0)
    whole[-RING] = 1.0


@pytest.mark.parametrize(("rayleigh", "nusselt"), [(1e3, 1.118), (1e4, 2.243)])
def test_heated_cavity_of_de_vahl_davis(rayleigh, nusselt):
    """Nusselt number of the warm wall within 1 %: de Vahl Davis, Int. J. Numer. Meth. Fluids 3, 1983, 249-264."""
    share = np.linspace(0.0, 1.0, 33)
    edges = 0.5 * share + 0.25 * (1.0 - np.cos(np.pi * share))
    line, kinds = slice_(edges, edges)
    kinds[0][0] = kinds[0][-1] = Face.WARM
    made = room(line, kinds)
    law = Air(viscosity=0.71, expansion=rayleigh * 0.71 / 9.80665, reference=0.0, eddy=0.0)
    entering = tuple(np.zeros(len(made.length)) for _ in range(3))
    wall = made.of_faces(0, entering[0])
    wall[0], wall[-1] = 0.5, -0.5
    state = still(made, 0.0)
    while state.time < 0.3:
        state = step(made, law, state, entering, time_step(made, law, state))
    first = made.of_cells(state.temperature)[0, 0, :]
    now = float(np.sum((0.5 - first) / (0.5 * edges[1]) * np.diff(edges)))
    assert now == pytest.approx(nusselt, rel=0.01)
    # What comes in at one wall leaves at the other.
    last = made.of_cells(state.temperature)[-1, 0, :]
    assert float(np.sum((last + 0.5) / (0.5 * edges[1]) * np.diff(edges))) == pytest.approx(now, rel=1e-3)


def through(cells=(12, 6, 5)):
    """A room with an inlet on one side, an outlet on the other, a box and a panel in it."""
    lines = [np.linspace(0.0, size, n + 1) for size, n in zip((6.0, 3.0, 2.5), cells, strict=True)]
    solid = np.zeros(cells, dtype=bool)
    solid[4:6, 2:4, :3] = True
    kinds = faces(cells, solid)
    kinds[0][8, :, 1:] = Face.WALL
    kinds[0][0, 2:4, 1:3] = Face.FIXED
    kinds[0][-1, 1:5, 3] = Face.OUTLET
    made = room(lines, kinds, solid)
    state = still(made, 297.15)
    made.of_faces(0, state.velocity[0])[0, 2:4, 1:3] = 0.8
    entering = tuple(np.full(len(made.length), 290.15) for _ in range(3))
    return made, state, entering


def test_no_cell_gains_or_loses_air_and_heat_is_kept():
    made, state, entering = through()
    law = Air()
    inflow = 0.8 * 4 * 0.25
    for _ in range(60):
        state = step(made, law, state, entering, time_step(made, law, state), tolerance=1e-9)
        assert state.converged
        assert state.residual < 1e-6 * inflow
        out = made.of_faces(0, state.velocity[0])[-1]
        assert out.sum() * 0.25 == pytest.approx(inflow, rel=1e-6)
    inside = made.of_cells(state.temperature)[made.of_cells(made.length) > 0]
    # The limiter makes no air colder than what comes in, nor warmer than what was there.
    assert inside.min() > 290.15 - 1e-6
    assert inside.max() < 297.15 + 1e-6


def test_half_the_step_leaves_a_quarter_of_the_error():
    """The stages are of second order in time; steps of Euler, or stages of the same velocity, are of the first."""
    made, state, _ = through()
    law = Air(viscosity=0.02, eddy=0.0, limited=False)
    for _ in range(5):
        state = step(made, law, state, None, 0.05, tolerance=1e-12)
    found = []
    for steps in (8, 16, 32):
        after = state
        for _ in range(steps):
            after = step(made, law, after, None, 0.8 / steps, tolerance=1e-12)
        found.append(after.velocity[0])
    coarse, fine = (np.sqrt(np.mean((one - two) ** 2)) for one, two in pairwise(found))
    assert coarse / fine == pytest.approx(4.0, rel=0.15)


def test_the_stages_are_stable_up_to_the_bound():
    """No wave grows: of streams along three axes, of second order without limiter or of first, and of friction."""
    wave = np.exp(1j * np.linspace(0.0, np.pi, 46))
    first, friction = 1.0 / wave - 1.0, wave + 1.0 / wave - 2.0
    slopes = first * (1.0 + 0.25 * (wave - 1.0 / wave))

    def growth(rate):
        after = np.ones_like(rate)
        for reached in air_of.REACHED:
            after = 1.0 + reached * rate * after
        return np.abs(after).max()

    def mixed(values):
        """Means of any two of them in any parts: of streams along more axes none lies further out."""
        part = np.linspace(0.0, 1.0, 11)[:, None, None]
        return (part * values + (1.0 - part) * values[:, None]).ravel()

    for stream in np.linspace(0.0, air_of.STREAMED, 16):
        rub = 0.5 * (air_of.HURRIED - stream)
        for rate in (stream * mixed(first), stream * mixed(slopes)):
            for part in (0.0, 0.5, 1.0):
                assert growth(np.add.outer(rate[::5], part * rub * friction[::3])) <= 1.0 + 1e-9
    assert growth(1.02 * air_of.STREAMED * mixed(slopes)) > 1.0 + 1e-3
    assert growth(np.array([-2.0 * 1.02 * air_of.HURRIED])) > 1.0 + 1e-3


def test_no_stage_of_the_temperature_leaves_what_surrounds_it():
    """Euler steps leave a mean of a cell and its neighbours while speeds count twice, by the limiter, and friction."""
    assert air_of.STREAMED + air_of.HURRIED <= air_of.WARMED - 1


def test_air_that_solids_take_in_and_give_out_is_no_residual():
    """Fixed faces of a solid, as a rack's, draw air into cells that are none."""
    solid = np.zeros((8, 4, 4), dtype=bool)
    solid[3:5, 1:3, :2] = True
    kinds = faces(solid.shape, solid)
    for at in (3, 5):
        kinds[0][at, 1:3, :2] = Face.FIXED
    made = room([np.linspace(0.0, 0.5 * n, n + 1) for n in solid.shape], kinds, solid)
    state = still(made, 297.15)
    for at in (3, 5):
        made.of_faces(0, state.velocity[0])[at, 1:3, :2] = 0.5
    for _ in range(3):
        state = step(made, Air(), state, None, 0.1, tolerance=1e-9)
    assert 0.0 < state.residual < 1e-6


def test_heat_that_comes_in_stays_or_goes_out():
    """A box whose walls give heat: what they give, less what leaves by the outlet, is what the air has gained."""
    made, state, entering = through()
    law, volume, area = Air(), 0.125, 0.25
    fluid = made.of_cells(made.length) > 0
    state = step(made, law, state, entering, 0.05, tolerance=1e-10)
    for _ in range(30):
        before = state
        state = step(made, law, state, entering, 0.05, tolerance=1e-10)
        gained = (made.of_cells(state.temperature) - made.of_cells(before.temperature))[fluid].sum() * volume
        mean = 1.5 * made.of_faces(0, before.velocity[0])[-1] - 0.5 * made.of_faces(0, before.before[0])[-1]
        # About the mean of what leaves at the stages: from the cells at the outlet before and after.
        first = made.of_cells(before.temperature)[-1]
        second = made.of_cells(state.temperature)[-1]
        lost = 0.05 * area * (mean * 0.5 * (first + second)).sum()
        brought = 0.05 * 0.8 * 4 * area * 290.15
        assert gained == pytest.approx(brought - lost, abs=2e-4 * brought)


def test_warm_air_over_cold_air_stays_at_rest():
    """A hydrostatic pressure balances it, and a hundredth of a kelvin does not move it; upside down it does."""
    edges = [np.linspace(0.0, 2.0, 9)] * 3
    made = room(edges, faces((8, 8, 8)))
    law = Air(reference=295.0)
    for sign, moves in ((1.0, False), (-1.0, True)):
        state = still(made, 295.0)
        made.of_cells(state.temperature)[:] += sign * np.linspace(-2.0, 2.0, 8)
        made.of_cells(state.temperature)[3, 4, 4] += 1e-2
        entering = tuple(np.zeros(len(made.length)) for _ in range(3))
        for _ in range(200):
            state = step(made, law, state, entering, 0.1, tolerance=1e-10)
        fastest = max(np.abs(one).max() for one in state.velocity)
        assert (fastest > 1e-2) == moves


def test_a_mirror_of_the_room_gives_the_mirror_of_the_flow():
    made, state, entering = through()
    law = Air()
    for _ in range(20):
        state = step(made, law, state, entering, 0.1, tolerance=1e-10)
    u = made.of_faces(0, state.velocity[0])
    np.testing.assert_allclose(u, u[:, ::-1, :], atol=1e-9)
    v = made.of_faces(1, state.velocity[1])
    np.testing.assert_allclose(v, -v[:, ::-1, :], atol=1e-9)


def test_the_order_of_axes_does_not_matter():
    """A room twice as deep as long is the other one turned: cells run along its longest axis inside."""
    found = []
    for cells in ((9, 6, 5), (6, 9, 5)):
        turned = cells[1] > cells[0]
        lines = [np.linspace(0.0, 0.5 * n, n + 1) for n in cells]
        kinds = faces(cells)
        across = 1 if turned else 0
        first = np.moveaxis(kinds[across], across, 0)
        first[0, 2:4, 1:3] = Face.FIXED
        first[-1, 1:5, 3] = Face.OUTLET
        made = room(lines, kinds)
        state = still(made, 297.15)
        np.moveaxis(made.of_faces(across, state.velocity[across]), across, 0)[0, 2:4, 1:3] = 0.6
        entering = tuple(np.full(len(made.length), 290.15) for _ in range(3))
        for _ in range(15):
            state = step(made, Air(), state, entering, 0.1, tolerance=1e-11)
        field = made.of_cells(state.temperature)
        found.append(field.swapaxes(0, 1) if turned else field)
    np.testing.assert_allclose(found[0], found[1], atol=1e-8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines, kinds: lines.__setitem__(0, [0.0, 2.0, 1.0]), "edges along x"),
        (lambda lines, kinds: kinds[0].__setitem__((0, 0, 0), Face.FREE), "is free, and a solid or nothing"),
        (lambda lines, kinds: kinds[1].__setitem__((0, 1, 0), Face.OUTLET), "not on the box"),
        (lambda lines, kinds: kinds.__setitem__(2, kinds[2][1:]), "faces across z have the shape"),
    ],
)
def test_rooms_that_cannot_be_are_refused(change, message):
    lines, kinds = [[0.0, 1.0, 2.0]] * 3, list(faces((2, 2, 2)))
    change(lines, kinds)
    with pytest.raises(ValueError, match=message):
        room(lines, kinds)


def test_the_step_is_bound_by_heat_where_it_spreads_faster():
    """Air at rest that leads heat ten times as well as it rubs takes a tenth of the step; of its eddies likewise."""
    made = room([np.linspace(0.0, 1.0, 9)] * 3, faces((8, 8, 8)))
    at_rest = still(made, 297.15)
    plain, leading = (time_step(made, Air(prandtl=one, eddy=0.0), at_rest) for one in (1.0, 0.1))
    assert leading == pytest.approx(0.1 * plain)
    moving = replace(at_rest, velocity=tuple(np.full(len(made.length), 0.1) for _ in range(3)))
    one, other = (time_step(made, Air(turbulent_prandtl=share), moving) for share in (1.0, 0.2))
    assert other < 0.9 * one
