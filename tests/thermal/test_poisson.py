"""The Poisson solver against cosine series, sparse direct solutions and its own equation."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.fft import dctn, idctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from thermal.poisson import Reason, _little, change, hierarchy, renew, solve

# Without compilation a large grid takes hours.
compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="large grids need compiled loops"
)


def box(dx, dy, dz):
    """Coefficients of a closed box without anything in it; widths of the cells along each axis."""
    dx, dy, dz = (np.asarray(width, dtype=np.float64) for width in (dx, dy, dz))

    def along(width, one, other):
        gap = (width[1:] + width[:-1]) / 2
        return np.concatenate([[0.0], 1 / gap, [0.0]])[:, None, None] * one[:, None] * other

    x = along(dx, dy, dz)
    y = along(dy, dx, dz).transpose(1, 0, 2)
    z = along(dz, dx, dy).transpose(1, 2, 0)
    return x, y, z


def outflow(x, y, z, potential):
    """What flows out of every cell, by definition."""
    wide = np.pad(potential, 1)
    own = wide[1:-1, 1:-1, 1:-1]
    return (
        x[:-1] * (own - wide[:-2, 1:-1, 1:-1])
        + x[1:] * (own - wide[2:, 1:-1, 1:-1])
        + y[:, :-1] * (own - wide[1:-1, :-2, 1:-1])
        + y[:, 1:] * (own - wide[1:-1, 2:, 1:-1])
        + z[:, :, :-1] * (own - wide[1:-1, 1:-1, :-2])
        + z[:, :, 1:] * (own - wide[1:-1, 1:-1, 2:])
    )


def conductance(x, y, z):
    return x[:-1] + x[1:] + y[:, :-1] + y[:, 1:] + z[:, :, :-1] + z[:, :, 1:]


def close(faces, solid):
    """Closes the faces around solid cells."""
    open_ = np.pad(~solid, 1, constant_values=True)
    x, y, z = faces
    x *= open_[1:, 1:-1, 1:-1] & open_[:-1, 1:-1, 1:-1]
    y *= open_[1:-1, 1:, 1:-1] & open_[1:-1, :-1, 1:-1]
    z *= open_[1:-1, 1:-1, 1:] & open_[1:-1, 1:-1, :-1]


def direct(x, y, z, source):
    """The potential by a sparse direct solver, parts without outlet at a mean of 0; which part each cell is in, and
    whether it has an outlet. Sources of such parts are made to add up to nothing first."""
    shape = source.shape
    number = np.arange(source.size).reshape(shape)
    rows, columns, values = [], [], []
    for axis, face in enumerate((x, y, z)):
        inner = np.moveaxis(face, axis, 0)[1:-1]
        cells = np.moveaxis(number, axis, 0)
        one, other, between = cells[:-1][inner > 0], cells[1:][inner > 0], inner[inner > 0]
        rows += [one, other]
        columns += [other, one]
        values += [-between, -between]
    off = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (source.size,) * 2
    )
    total = conductance(x, y, z).reshape(-1)
    drained = total + off.sum(axis=1) > 1e-9 * total.max()
    count, part = connected_components(off, directed=False)
    source = np.where(total > 0, source.reshape(-1), 0.0)
    closed = [
        cells
        for cells in (np.flatnonzero(part == one) for one in range(count))
        if not drained[cells].any() and total[cells[0]] > 0
    ]
    diagonal = np.where(total > 0, total, 1.0)
    for cells in closed:
        source[cells] -= source[cells].mean()
        # Joined to the outside at one cell: no flow passes there, so that it only fixes the level.
        diagonal[cells[0]] *= 2
    places = np.arange(source.size)
    matrix = off + coo_array((diagonal, (places, places)), off.shape)
    potential = spsolve(matrix.tocsc(), source)
    for cells in closed:
        potential[cells] -= potential[cells].mean()
    return potential.reshape(shape), source.reshape(shape), len(closed)


def random_geometry(seed):
    """Solids, panels, walls that part the box, outlets and graded cells, all by chance, and sources."""
    rng = np.random.default_rng(seed)
    shape = [int(rng.choice([1, 2, 3, 5, 7, 11, 13, 16, 17, 19])) for _ in range(3)]
    if seed % 3 == 0:
        shape[int(rng.integers(3))] = 1
    widths = [rng.choice([0.6, 0.3, 0.1]) * rng.uniform(1.0, 1.1) ** np.arange(cells) for cells in shape]
    faces = [np.array(face) for face in box(*widths)]
    x, y, z = faces
    for _ in range(int(rng.integers(5))):
        low = [int(rng.integers(cells)) for cells in shape]
        solid = np.zeros(shape, dtype=bool)
        solid[tuple(slice(one, one + int(rng.integers(1, 5))) for one in low)] = True
        close(faces, solid)
    for _ in range(int(rng.integers(4))):
        x[int(rng.integers(shape[0] + 1)), : int(rng.integers(1, shape[1] + 1))] = 0.0
        y[:, int(rng.integers(shape[1] + 1)), int(rng.integers(shape[2])) :] = 0.0
    if seed % 2:
        x[int(rng.integers(shape[0] + 1))] = 0.0
    if seed % 5 == 3:
        y[:, int(rng.integers(shape[1] + 1))] *= 1e-4
        z[:, :, int(rng.integers(shape[2] + 1))] *= 1e-2
    if seed % 4:
        fluid = conductance(*faces) > 0
        x[0, : shape[1] // 2 + 1, :2] = 0.7 * fluid[0, : shape[1] // 2 + 1, :2]
        if seed % 8 == 5:
            z[-1:, :, -1] = 0.05 * fluid[-1:, :, -1]
    return x, y, z, rng.standard_normal(shape)


@pytest.mark.parametrize("shape", [(12, 10, 9), (1, 11, 8), (7, 1, 1)])
def test_an_empty_closed_box_is_a_sum_of_cosines(shape):
    """The cosines of DCT-II are the eigenvectors of a closed box: exact but for rounding."""
    widths = (0.3, 0.25, 0.1)
    faces = box(*(np.full(cells, width) for cells, width in zip(shape, widths, strict=True)))
    rng = np.random.default_rng(3)
    source = rng.standard_normal(shape)
    source -= source.mean()
    area = np.prod(widths) / np.square(widths)
    value = sum(
        (area[axis] * (2 - 2 * np.cos(np.pi * np.arange(cells) / cells))).reshape(
            [-1 if one == axis else 1 for one in range(3)]
        )
        for axis, cells in enumerate(shape)
    )
    value[0, 0, 0] = np.inf
    exact = idctn(dctn(source, norm="ortho") / value, norm="ortho")
    found = solve(hierarchy(*faces), source, tolerance=1e-12)
    assert found.converged
    np.testing.assert_allclose(found.potential, exact, atol=1e-10 * np.abs(exact).max())


def test_flow_through_a_duct_of_unequal_cells_by_hand():
    """Flow 2 enters at one end and leaves at the other: each face drops 2 over its coefficient."""
    x = np.array([0.0, 1.0, 4.0, 0.5]).reshape(4, 1, 1)
    duct = hierarchy(x, np.zeros((3, 2, 1)), np.zeros((3, 1, 2)))
    found = solve(duct, np.array([2.0, 0.0, 0.0]).reshape(3, 1, 1), tolerance=1e-13)
    np.testing.assert_allclose(found.potential.ravel(), [6.5, 4.5, 4.0], rtol=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_random_geometries_as_a_direct_solver_has_them(seed):
    x, y, z, source = random_geometry(seed)
    exact, balanced, _ = direct(x, y, z, source)
    grid = hierarchy(x, y, z)
    # Walls at odd places, which the coarse grids see last, take up to 170.
    found = solve(grid, balanced, tolerance=1e-12, most=300)
    assert found.reason == Reason.SETTLED
    # An error is at most the condition of the matrix, below 1e5 here, times what is left.
    np.testing.assert_allclose(found.potential, exact, atol=1e-8 * max(np.abs(exact).max(), 1e-300))
    left = np.where(conductance(x, y, z) > 0, balanced - outflow(x, y, z, found.potential), 0.0)
    assert np.linalg.norm(left) <= 1.001e-12 * np.linalg.norm(balanced) + 1e-300
    assert np.all(found.potential[conductance(x, y, z) == 0] == 0.0)


def test_the_random_geometries_hold_what_they_should():
    """Several parts, some closed and some with outlets, and cells of one."""
    closed = [direct(*random_geometry(seed))[2] for seed in range(60)]
    assert closed.count(0) > 10
    assert sum(count > 1 for count in closed) > 5
    assert any(1 in random_geometry(seed)[3].shape for seed in range(60))


@pytest.mark.parametrize("shape", [(23, 17, 13), (64, 3, 5), (2, 2, 97), (41, 1, 43)])
def test_any_size_is_coarsened(shape):
    rng = np.random.default_rng(7)
    x, y, z = (np.array(face) for face in box(*(rng.uniform(0.1, 0.2, cells) for cells in shape)))
    x[-1] = 1.0
    source = rng.standard_normal(shape)
    exact = direct(x, y, z, source)[0]
    found = solve(hierarchy(x, y, z), source, tolerance=1e-12)
    assert found.converged
    assert found.iterations < 40
    np.testing.assert_allclose(found.potential, exact, atol=1e-9 * np.abs(exact).max())


def hall(nx, ny, nz, dx=0.3, dz=0.1):
    """Rows of racks with panels above and doors at the ends of every second aisle, one outlet high on a wall."""
    x, y, z = (np.array(face) for face in box(np.full(nx, dx), np.full(ny, dx), np.full(nz, dz)))
    solid = np.zeros((nx, ny, nz), dtype=bool)
    top = round(2.2 / dz)
    for row in range(4, ny - 12, 12):
        for start in range(5, nx - 5, 42):
            end = min(start + 36, nx - 5)
            solid[start:end, row : row + 4, :top] = True
            y[start:end, row + 4, top : top + 8] = 0.0
            x[[start, end], row + 4 : row + 8, :top] = 0.0
    close((x, y, z), solid)
    x[0, ny // 3 : ny // 3 + ny // 10, nz // 2 : nz // 2 + 8] = 2 * dz
    return x, y, z, solid


@compiled
@pytest.mark.parametrize("shape", [(100, 100, 40), (200, 200, 50)])
def test_iterations_do_not_grow_with_the_grid(shape):
    x, y, z, solid = hall(*shape)
    assert 0.1 < solid.mean() < 0.13
    source = np.random.default_rng(1).standard_normal(shape)
    found = solve(hierarchy(x, y, z), source, tolerance=1e-6)
    assert found.converged
    assert found.iterations <= 15
    left = np.where(solid, 0.0, source - outflow(x, y, z, found.potential))
    # What it reports is what is left, by the definition.
    np.testing.assert_allclose(
        np.linalg.norm(left) / np.linalg.norm(source[~solid]), found.residual, rtol=1e-9
    )
    assert found.residual <= 1e-6


def sealed_hall(leak):
    """Aisles between rows of racks, closed to the ceiling but for leaks, at places that suit no pairing of cells."""
    x, y, z = (np.array(face) for face in box(np.full(40, 0.3), np.full(56, 0.3), np.full(26, 0.1)))
    solid = np.zeros((40, 56, 26), dtype=bool)
    for row in (5, 22, 39):
        solid[7:33, row : row + 4, :20] = solid[7:33, row + 8 : row + 12, :20] = True
        y[7:33, [row + 4, row + 8], 20:] *= leak
        x[[7, 33], row + 4 : row + 8] *= leak
    close((x, y, z), solid)
    x[0, 20:24, 13:20] = 0.2
    turns = (np.linspace(0.0, turn, cells) for turn, cells in zip((3.0, 6.0, 1.0), solid.shape, strict=True))
    one, two, three = np.meshgrid(*turns, indexing="ij")
    return (x, y, z), outflow(x, y, z, np.cos(one) * np.cos(two) * np.cos(three))


@compiled
def test_leaks_of_sealed_aisles_do_not_cost_iterations():
    """Without the levels of the rooms it takes half as many again where aisles leak a little."""
    taken = []
    for leak in (0.0, 1e-9, 1e-6, 1e-4, 1e-2):
        faces, source = sealed_hall(leak)
        found = solve(hierarchy(*faces), source)
        assert found.converged
        taken.append(found.iterations)
    assert max(taken) <= taken[0] + 3
    assert max(taken) <= 30


def test_more_rooms_than_are_told_apart():
    cells = 1000
    x = np.ones((cells + 1, 1, 1))
    x[::3] = 1e-3
    source = np.random.default_rng(4).standard_normal((cells, 1, 1))
    faces = x, np.zeros((cells, 2, 1)), np.zeros((cells, 1, 2))
    found = solve(hierarchy(*faces), source, tolerance=1e-10, most=500)
    assert found.converged
    # In a row all flow passes all faces: known at one end from the drops, the rest follows.
    drops = np.concatenate([[0.0], np.cumsum(source)]) / x.ravel()
    inflow = np.sum(drops) / np.sum(1 / x)
    exact = np.cumsum(inflow / x.ravel() - drops)[:-1]
    np.testing.assert_allclose(found.potential.ravel(), exact, atol=1e-6 * np.abs(exact).max())


def small_hall():
    x, y, z, solid = hall(24, 30, 26)
    source = np.random.default_rng(2).standard_normal(solid.shape)
    return (x, y, z), source, solid


def test_calls_repeat_to_the_bit():
    faces, source, _ = small_hall()
    grid = hierarchy(*faces)
    one = solve(grid, source)
    solve(grid, source[::-1].copy(), tolerance=1e-3)
    solve(grid, np.full_like(source, np.nan))
    for again in (solve(grid, source), solve(hierarchy(*faces), source)):
        assert np.array_equal(one.potential, again.potential)
        assert (one.iterations, one.residual) == (again.iterations, again.residual)


def test_the_order_of_axes_does_not_matter():
    (x, y, z), source, _ = small_hall()
    one = solve(hierarchy(x, y, z), source, tolerance=1e-12).potential
    turn = (2, 0, 1)
    other = solve(
        hierarchy(z.transpose(turn), x.transpose(turn), y.transpose(turn)),
        source.transpose(turn),
        tolerance=1e-12,
    ).potential
    np.testing.assert_allclose(other, one.transpose(turn), atol=1e-9 * np.abs(one).max())


def test_a_guess_saves_iterations():
    faces, source, _ = small_hall()
    grid = hierarchy(*faces)
    cold = solve(grid, source, tolerance=1e-8)
    warm = solve(grid, source, cold.potential, tolerance=1e-8)
    assert warm.iterations == 0
    np.testing.assert_allclose(warm.potential, cold.potential, rtol=1e-12)
    near = solve(grid, 1.001 * source, cold.potential, tolerance=1e-6)
    assert near.converged
    assert 0 < near.iterations < cold.iterations / 2


def test_units_scale_what_comes_out():
    """Metre 2 and second 5: coefficients 2-fold, flows 8/5-fold, potentials 4/5-fold."""
    faces, source, _ = small_hall()
    one = solve(hierarchy(*faces), source, tolerance=1e-10)
    other = solve(hierarchy(*(2.0 * face for face in faces)), 1.6 * source, tolerance=1e-10)
    np.testing.assert_allclose(other.potential, 0.8 * one.potential, atol=1e-9 * np.abs(one.potential).max())


def test_closed_parts_take_their_level_from_no_guess():
    x, y, z = (np.array(face) for face in box(np.ones(6), np.ones(5), np.ones(4)))
    x[3] = 0.0
    rng = np.random.default_rng(5)
    source = rng.standard_normal((6, 5, 4))
    source[:3] -= source[:3].mean()
    source[3:] -= source[3:].mean()
    guess = np.concatenate([np.full((3, 5, 4), 40.0), np.full((3, 5, 4), -7.0)])
    found = solve(hierarchy(x, y, z), source, guess, tolerance=1e-12)
    np.testing.assert_allclose(found.potential, direct(x, y, z, source)[0], atol=1e-9)
    np.testing.assert_allclose([found.potential[:3].mean(), found.potential[3:].mean()], 0.0, atol=1e-14)


def test_a_closed_part_with_more_in_than_out_has_no_potential():
    x, y, z = (np.array(face) for face in box(np.ones(6), np.ones(5), np.ones(4)))
    x[3] = 0.0
    x[-1] = 1.0
    source = np.zeros((6, 5, 4))
    source[0, 0, 0], source[2, 4, 3] = 1.0, -0.999
    source[4, 0, 0] = 5.0
    found = solve(hierarchy(x, y, z), source)
    assert (found.reason, found.converged) == (Reason.UNBALANCED, False)
    assert np.isnan(found.potential).all()
    # Rounding is taken off evenly; the part with an outlet may be given what it likes.
    source[2, 4, 3] = -1.0 + 1e-9
    found = solve(hierarchy(x, y, z), source, tolerance=1e-10)
    assert found.converged
    np.testing.assert_allclose(found.potential[:3].mean(), 0.0, atol=1e-15)


def test_what_stands_in_solid_cells_is_not_read():
    faces, source, solid = small_hall()
    one = solve(hierarchy(*faces), source)
    other = solve(hierarchy(*faces), np.where(solid, np.nan, source), np.where(solid, np.nan, 0.0))
    assert np.array_equal(one.potential, other.potential)
    assert np.all(one.potential[solid] == 0.0)


def test_what_cannot_be_solved_says_why():
    faces, source, _ = small_hall()
    grid = hierarchy(*faces)
    few = solve(grid, source, tolerance=1e-10, most=3)
    assert (few.reason, few.converged, few.iterations) == (Reason.UNSETTLED, False, 3)
    assert 1e-10 < few.residual < 1.0
    fine = solve(grid, source, tolerance=1e-30)
    assert fine.reason == Reason.UNSETTLED
    assert fine.residual < 1e-12
    assert fine.iterations < 100
    assert solve(grid, np.full_like(source, np.inf)).reason == Reason.UNDEFINED
    assert solve(grid, source, np.full_like(source, np.nan)).reason == Reason.UNDEFINED
    still = solve(grid, np.zeros_like(source), source)
    assert still.converged
    assert np.all(still.potential == 0.0)
    solid = solve(hierarchy(*(np.zeros_like(face) for face in faces)), source)
    assert solid.converged
    assert np.all(solid.potential == 0.0)


def test_no_cell_keeps_more_than_its_bound():
    """What is left of each cell's balance, by its definition; where the bound is wide it changes nothing."""
    (x, y, z), source, solid = small_hall()
    grid = hierarchy(x, y, z)
    plain = solve(grid, source, tolerance=1e-2)

    def worst(found):
        return np.abs(np.where(solid, 0.0, source - outflow(x, y, z, found.potential))).max()

    assert np.array_equal(
        solve(grid, source, tolerance=1e-2, bound=2.0 * worst(plain)).potential, plain.potential
    )
    for bound in (0.5 * worst(plain), 1e-6):
        found = solve(grid, source, tolerance=1e-2, bound=bound)
        assert found.converged
        assert worst(found) <= bound * (1.0 + 1e-9)
        assert found.iterations > plain.iterations
    # A cell may gain as little as it may lose.
    for sign in (1.0, -1.0):
        grid.residual[...] = 0.0
        grid.residual.reshape(-1)[0] = sign * 2e-6
        assert not _little(grid, 2e-6, 1e-3, 1e-6)
        assert _little(grid, 2e-6, 1e-3, 2e-6)
    few = solve(grid, source, tolerance=1e-2, most=plain.iterations, bound=1e-6)
    assert (few.reason, few.converged) == (Reason.UNSETTLED, False)


def test_coefficients_of_very_different_size():
    """Dampers that are all but shut: coefficients over nine decades."""
    rng = np.random.default_rng(9)
    x, y, z = (np.array(face) for face in box(np.ones(14), np.ones(13), np.ones(12)))
    x[7] *= 1e-6
    y[:, 6] *= 1e-3
    z[-1, :, -1] = 1e3
    source = rng.standard_normal((14, 13, 12))
    found = solve(hierarchy(x, y, z), source, tolerance=1e-9)
    assert found.converged
    exact = direct(x, y, z, source)[0]
    np.testing.assert_allclose(found.potential, exact, atol=1e-6 * np.abs(exact).max())


def test_bad_input_is_one_error_that_names_it():
    x, y, z = box(np.ones(3), np.ones(4), np.ones(5))
    with pytest.raises(ValueError, match=r"y: must be \(3, 5, 5\) with cells \(3, 4, 5\), is \(3, 4, 5\)"):
        hierarchy(x, y[:, 1:], z)
    x[1, 2, 3], z[0, 0, 1] = -1.0, np.nan
    with pytest.raises(
        ValueError, match=r"x\[1, 2, 3\]: must be 0 or above, and finite, is -1; z\[0, 0, 1\]"
    ):
        hierarchy(x, y, z)
    with pytest.raises(ValueError, match="three axes"):
        hierarchy(x[0], y, z)
    x, y, z = box(np.ones(3), np.ones(4), np.ones(5))
    with pytest.raises(ValueError, match=r"source: must be \(3, 4, 5\), is \(4, 5\)"):
        solve(hierarchy(x, y, z), np.zeros((4, 5)))
    with pytest.raises(ValueError, match=r"guess: must be \(3, 4, 5\)"):
        solve(hierarchy(x, y, z), np.eye(4, 5) - np.ones((3, 4, 5)), np.zeros(3))


THREADS = """
import hashlib
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from test_poisson import small_hall
from thermal.poisson import hierarchy, solve
faces, source, _ = small_hall()
print(hashlib.sha256(solve(hierarchy(*faces), source).potential.tobytes()).hexdigest())
"""


def test_the_number_of_threads_does_not_matter():
    found = {
        subprocess.run(
            [sys.executable, "-c", THREADS.format(folder=os.path.dirname(__file__))],
            env=os.environ | dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count),
            capture_output=True, text=True, check=True,
        ).stdout
        for count in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


@pytest.mark.parametrize("renewed", [False, True])
def test_changed_faces_are_as_those_of_a_hierarchy_made_with_them(renewed):
    """Faces on either colour and every axis, from a thousandth to all they conducted; the preconditioner old or new."""
    random = np.random.default_rng(3)
    shape = (9, 7, 12)
    faces = [
        random.uniform(0.5, 2.0, [n + (axis == one) for one, n in enumerate(shape)]) for axis in range(3)
    ]
    faces[1][:, [0, -1]] = faces[2][:, :, [0, -1]] = faces[0][:1] = 0.0
    changed = hierarchy(*faces)
    for axis in range(3):
        place = np.argwhere(faces[axis] > 0.0)
        place = place[random.permutation(len(place))[:40]]
        part = faces[axis][tuple(place.T)] * 10.0 ** random.uniform(-3.0, 0.0, len(place))
        faces[axis][tuple(place.T)] = part
        change(changed, axis, place, part)
    if renewed:
        renew(changed)
    source = random.normal(size=shape)
    exact = solve(hierarchy(*faces), source, None, 1e-12, 300)
    found = solve(changed, source, None, 1e-12, 300)
    assert found.converged
    np.testing.assert_allclose(found.potential, exact.potential, rtol=1e-9, atol=1e-9)
    assert not renewed or found.iterations == exact.iterations
