"""Turbulence that the air carries, against closed forms of its model."""

import math
from dataclasses import replace

import numpy as np
import pytest

from thermal import airflow as air_of
from thermal.airflow import Air, KEpsilon, step, still, time_step
from thermal.compiled import eddies
from thermal.room import Face, faces, room

DECAY = 1.92 - 1.0


def duct(cells, slip=(1, 2), length=2.0, size=0.4):
    """A duct along x, open at both ends, whose sides across the `slip` axes do not rub."""
    lines = [np.linspace(0.0, length, cells + 1), np.linspace(0.0, size, 4), np.linspace(0.0, size, 4)]
    kinds = faces((cells, 3, 3))
    for axis in slip:
        kind = np.moveaxis(kinds[axis], axis, 0)
        kind[0] = kind[-1] = Face.FIXED
    kinds[0][0], kinds[0][-1] = Face.FIXED, Face.OUTLET
    return lines, kinds


def test_turbulence_behind_a_grid_decays_along_the_stream():
    """k = k0 (1 + (C2 - 1) x e0 / (U k0))^(-1 / (C2 - 1)), where it is carried faster than it is mixed: within 1 %."""
    lines, kinds = duct(40)
    made = room(lines, kinds)
    state = still(made, 297.15)
    made.of_faces(0, state.velocity[0])[0] = 1.0
    law = Air(carried=KEpsilon(intensity=0.05, scale=0.05))
    while state.time < 4.0:
        state = step(made, law, state, None, time_step(made, law, state))
    np.testing.assert_allclose(made.of_faces(0, state.velocity[0]), 1.0, rtol=1e-9)
    energy = 1.5 * 0.05**2
    pace = energy**0.5 / 0.05
    age = 1.0 + DECAY * pace * 0.5 * (lines[0][1:] + lines[0][:-1])
    found = made.of_cells(state.turbulence[0])
    np.testing.assert_allclose(found, found[:, :1, :1] * np.ones((1, 3, 3)), rtol=1e-9)
    np.testing.assert_allclose(found[:, 0, 0], energy * age ** (-1.0 / DECAY), rtol=0.01)
    np.testing.assert_allclose(
        made.of_cells(state.turbulence[1])[:, 0, 0], energy * pace * age ** (-1.92 / DECAY), rtol=0.02
    )


def test_turbulence_at_rest_decays():
    """The same in time, of first order in the step."""
    lines, kinds = duct(6)
    kinds[0][0] = kinds[0][-1] = Face.FIXED
    made = room(lines, kinds)
    law, errors = Air(carried=KEpsilon(intensity=0.05, scale=0.1)), []
    for steps in (20, 40, 80):
        begun = still(made, 297.15)
        air = made.length > 0.0
        state = replace(begun, turbulence=(np.where(air, 0.01, 0.0), np.where(air, 0.02, 1.0)))
        for _ in range(steps):
            state = step(made, law, state, None, 1.0 / steps)
        exact = 0.01 * (1.0 + DECAY * 2.0) ** (-1.0 / DECAY)
        energy = made.of_cells(state.turbulence[0])
        np.testing.assert_allclose(energy, energy[0, 0, 0], rtol=1e-9)
        errors.append(energy[0, 0, 0] / exact - 1.0)
    assert abs(errors[-1]) < 0.01
    np.testing.assert_allclose(np.diff(np.log2(np.abs(errors))), -1.0, atol=0.1)


def made_of(made, state, energy):
    """What strain and walls make in the cells of a room, and one over their distance to walls."""
    size = len(made.length)
    work, near = np.zeros(size), np.zeros(size)
    velocity = tuple(state.velocity[axis] for axis in made.order)
    eddies.strained(made.shape, made.width, made.gap, made.kind, velocity, made.length, np.zeros(size), work)
    cells = air_of._beside_walls(made, made.kind)
    eddies.rubbed(
        made.shape, made.width, made.kind, velocity, 1.5e-5, np.full(size, energy), cells, work, near
    )
    return made.of_cells(work), made.of_cells(near)


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (2, 0)])
def test_rate_of_strain_of_taylor_and_green(axes):
    """u = sin a cos b, v = -cos a sin b: 2 S:S = 4 (cos a cos b)^2, of second order in the cells between the sides."""
    errors = []
    for cells in (16, 32):
        count, lines = [2, 2, 2], [np.linspace(0.0, 1.0, 3)] * 3
        for axis in axes:
            count[axis], lines[axis] = cells, np.linspace(0.0, np.pi, cells + 1)
        kinds = faces(count)
        for axis in range(3):
            kind = np.moveaxis(kinds[axis], axis, 0)
            kind[0] = kind[-1] = Face.FIXED
        made = room(lines, kinds)
        state = still(made, 297.15)
        place = [0.5 * (line[1:] + line[:-1]) for line in lines]

        def spread(values, axis):
            return np.reshape(values, [-1 if n == axis else 1 for n in range(3)])

        one, two = axes
        made.of_faces(one, state.velocity[one])[:] = spread(np.sin(lines[one]), one) * spread(
            np.cos(place[two]), two
        )
        made.of_faces(two, state.velocity[two])[:] = -spread(np.cos(place[one]), one) * spread(
            np.sin(lines[two]), two
        )
        exact = 4.0 * (spread(np.cos(place[one]), one) * spread(np.cos(place[two]), two)) ** 2
        found, near = made_of(made, state, 1.0)
        assert (near == 0.0).all()
        errors.append(np.abs(found - exact).max())
    assert errors[1] < 0.3 * errors[0]


def test_a_wall_makes_what_decays_beside_it_in_equilibrium():
    """Air along a wall at the speed of the logarithmic law: f^3 / (kappa y) with energy f^2 / 0.3."""
    lines, kinds = duct(4, slip=(1,), size=0.6)
    made = room(lines, kinds)
    state = still(made, 297.15)
    friction, distance = 0.05, 0.1
    made.of_faces(0, state.velocity[0])[:] = friction / 0.41 * math.log(9.0 * friction * distance / 1.5e-5)
    work, near = made_of(made, state, friction**2 / 0.3)
    np.testing.assert_allclose(near[:, :, [0, 2]], 1.0 / distance)
    np.testing.assert_allclose(work[:, :, [0, 2]], friction**3 / (0.41 * distance), rtol=1e-4)
    assert (near[:, :, 1] == 0.0).all()


def test_the_order_of_axes_does_not_matter():
    """A jet along x, y or z into a room that is turned with it leaves the same turbulence."""
    law, found = Air(expansion=0.0, carried=KEpsilon(intensity=0.1, scale=0.1)), []
    for turn in range(3):
        # What stands along x, y, z at first stands along the axes of `order` after the turn.
        order = np.roll(range(3), turn)
        sizes = np.array([9, 6, 5])[order]
        lines = [np.linspace(0.0, 0.5 * n, n + 1) for n in sizes]
        kinds = faces(sizes)
        along, back = list(order).index(0), np.argsort(order)
        jet = kinds[along].transpose(back)
        jet[0, 2:4, 1:3], jet[-1, 1:5, 3] = Face.FIXED, Face.OUTLET
        made = room(lines, kinds)
        state = still(made, 297.15)
        made.of_faces(along, state.velocity[along]).transpose(back)[0, 2:4, 1:3] = 0.6
        for _ in range(15):
            state = step(made, law, state, None, 0.1, tolerance=1e-11)
        found.append(made.of_cells(state.turbulence[0]).transpose(back))
    assert found[0].max() > 1.5 * found[0].min() > 0.0
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-6)


def test_a_panel_that_leaks_next_to_nothing_is_a_wall_to_turbulence():
    """Two channels beside each other, of different speeds: a porous panel between them does as a closed one."""
    found = []
    for kind in (Face.WALL, Face.POROUS):
        cells = (16, 1, 8)
        kinds = faces(cells)
        kinds[1][:] = Face.FIXED
        kinds[0][0] = Face.FIXED
        kinds[0][-1] = Face.OUTLET
        kinds[2][:, :, 4] = kind
        loss = tuple(np.full(one.shape, 1e12) for one in kinds)
        made = room(tuple(np.linspace(0.0, 0.2 * n, n + 1) for n in cells), kinds, None, loss)
        state = still(made, 297.15)
        made.of_faces(0, state.velocity[0])[0, 0] = [1.0] * 4 + [0.3] * 4
        law = Air(expansion=0.0, carried=KEpsilon(intensity=0.1, scale=0.1))
        # The two begin differently, until the slower air has passed the channel twice.
        for _ in range(450):
            state = step(made, law, state, None, 0.05, tolerance=1e-8)
        found.append([made.of_cells(one) for one in (state.velocity[0], *state.turbulence)])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("middle", [Face.POROUS, Face.FIXED])
def test_what_passes_a_shut_or_given_face_does_not_depend_on_the_way_of_the_axis(middle):
    """Through a plate that is nearly solid, and a face at a given speed, comes what stood before it."""
    found = []
    for sign, low, high in ((1.0, 0, -1), (-1.0, -1, 0)):
        kinds = faces((12, 4, 4))
        loss = tuple(np.zeros(kind.shape) for kind in kinds)
        kinds[0][low], kinds[0][high], kinds[0][6] = Face.FIXED, Face.OUTLET, middle
        loss[0][6] = 2777.0 if middle == Face.POROUS else 0.0
        edges = [np.linspace(0.0, 2.4, 13), np.linspace(0.0, 0.8, 5), np.linspace(0.0, 0.8, 5)]
        made = room(edges, kinds, loss=loss)
        law = Air(gravity=0.0, carried=KEpsilon(0.05, 0.1))
        state = still(made, 297.15)
        for at in (low, 6) if middle == Face.FIXED else (low,):
            made.of_faces(0, state.velocity[0])[at] = sign * 0.5
        for _ in range(300):
            state = step(made, law, state, None, min(0.2, time_step(made, law, state)))
        # Steady and cut in two by the face, it stays defined where rounding alone is left to be moved.
        assert np.isfinite(state.pressure).all()
        energy = made.of_cells(state.turbulence[0]).mean(axis=(1, 2))
        found.append(energy if sign > 0.0 else energy[::-1])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
