"""Which rack warms which, against a direct solve of cells, racks and the plenum in one system."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

import twin
from thermal.frozen import stream
from thermal.room import Face
from twin.study import air_influence
from twin.study.air_influence import influence
from twin.study.hall_air import LONGEST, HallAir
from twin.study.hall_grid import voxels


def blown(sets, steps=40, layout="h100-air"):
    """A hall whose air has been moving for a while, and how."""
    facility = twin.load(layout, sets)
    made = voxels(facility, twin.solve(facility))
    run = HallAir(made)
    for _ in range(steps):
        run.advance(LONGEST)
    return made, tuple(run.room.of_faces(axis, run.now.state.velocity[axis]).copy() for axis in range(3))


def directly(made, velocity):
    """Every cell's balance, what each rack breathes and the plenum's, as rows of one matrix."""
    air = stream(made.edges, made.kinds, velocity)
    racks, size = len(made.racks), made.solid.size
    plenum = size + racks
    number = np.arange(size).reshape(made.solid.shape)
    entries = []

    def put(row, column, value):
        entries.append([np.ravel(one) for one in np.broadcast_arrays(row, column, value)])

    live = air.leaving > 0.0
    put(number, number, np.where(live, air.leaving, 1.0))
    for axis in range(3):
        place = np.moveaxis(number, axis, 0)
        up = np.moveaxis(air.flow[axis], axis, 0)[1:-1]
        put(place[1:], place[:-1], -np.maximum(up, 0.0))
        put(place[:-1], place[1:], -np.maximum(-up, 0.0))
    source = np.zeros((size + racks + 1, racks))
    put(size + np.arange(racks), size + np.arange(racks), 1.0)
    for rack in range(racks):
        front = [(one.area[mine], number[one.upstream()][mine])
                 for one in made.fronts if (mine := one.owner == rack).any()]  # fmt: skip
        rear = [(one.area[mine], number[one.downstream()][mine])
                for one in made.rears if (mine := one.owner == rack).any()]  # fmt: skip
        for area, cell in front:
            put(size + rack, cell, -area / sum(one.sum() for one, _ in front))
        for area, cell in rear:
            flow = made.flow[rack] * area / sum(one.sum() for one, _ in rear)
            put(cell, size + rack, -flow)
            np.add.at(source[:, rack], cell, flow)
    for one in made.passing:
        area = one.area * np.abs(velocity[one.axis][one.face])
        put(number[one.downstream()], number[one.upstream()], -area)
    through = velocity[2][:, :, -1] * np.outer(*(np.diff(line) for line in made.edges[:2]))
    up, down = np.maximum(through, 0.0)[made.ceiling], np.maximum(-through, 0.0)[made.ceiling]
    # A hall without ceiling returns has no plenum.
    put(plenum, plenum, up.sum() or 1.0)
    put(plenum, number[:, :, -1][made.ceiling], -up)
    put(number[:, :, -1][made.ceiling], plenum, -down)
    rows, columns, values = (np.concatenate(one) for one in zip(*entries, strict=True))
    whole = coo_array((values, (rows, columns))).tocsc()
    return spsolve(whole, source)[size:plenum], down.sum()


@pytest.mark.parametrize(
    ("layout", "sets"),
    [
        ("h100-air", {"air.containment": "none"}),
        ("h100-air", {"air.leakage": "0.1"}),
        ("h100-air", {"air.leakage_area": "0.3 m2"}),
        ("h100-raised-floor", {}),
    ],
    ids=["open", "leaking", "cracks", "tiles"],
)
def test_one_source_after_the_other_is_all_in_one_system(layout, sets):
    """SuperLU; each share within a millionth of the greatest."""
    made, velocity = blown(sets, layout=layout)
    wanted, _ = directly(made, velocity)
    assert wanted.max() > 1e-4
    np.testing.assert_allclose(influence(made, velocity), wanted, atol=1e-6 * wanted.max())


def test_what_comes_down_out_of_the_plenum_is_what_has_gone_up():
    """A stream down to the floor and up again beside it is added to the flow, out of the plenum and back."""
    made, velocity = blown({"air.containment": "none"})
    width = [np.diff(line) for line in made.edges]
    at, row = (int(one[0]) for one in np.nonzero(made.ceiling[1:] & made.ceiling[:-1]))
    assert not made.solid[at : at + 2, row].any()
    plain = influence(made, velocity)
    turned = 0.2 * made.supply
    velocity[2][at, row, 1:] -= turned / (width[0][at] * width[1][row])
    velocity[0][at + 1, row, 0] += turned / (width[1][row] * width[2][0])
    velocity[2][at + 1, row, 1:] += turned / (width[0][at + 1] * width[1][row])
    wanted, fallen = directly(made, velocity)
    assert fallen > 0.05 * made.supply
    share = influence(made, velocity)
    assert np.abs(share - plain).max() > 1e-3 * plain.max()
    np.testing.assert_allclose(share, wanted, atol=1e-6 * wanted.max())


def test_a_source_whose_warmth_does_not_come_out_is_not_told_as_known(monkeypatch):
    made, velocity = blown({"air.leakage": "0.1"}, steps=5)
    known, whole = influence(made, velocity), air_influence.warmth
    monkeypatch.setattr(air_influence, "warmth", lambda air, given: whole(air, given, most=8))
    assert np.isfinite(known).all()
    assert np.isnan(influence(made, velocity)).all()


def test_air_leaks_by_the_faces_that_the_air_is_told_to_pass():
    """What is set at the faces of leaks and spills is what they are said to leak."""
    made, velocity = blown({"air.leakage": "0.1"}, steps=2)
    passed = sum(float((one.area * np.abs(velocity[one.axis][one.face])).sum()) for one in made.passing)
    assert passed == pytest.approx(made.leaked + made.spilt, rel=1e-12)
    assert all((made.kinds[one.axis][one.face] == Face.FIXED).all() for one in made.passing)
