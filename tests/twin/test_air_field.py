"""The air of a hall against balances by hand and its own mirror image."""

import numpy as np
import pytest

import twin
from thermal.room import Face
from twin.errors import InputError
from twin.study.air_field import air_field
from twin.study.hall_grid import voxels

# Rows, panels and fan walls lie about the middle of the hall, so that the left half mirrors the right.
MIRROR = {
    "hall.size": "[16 m, 10.23 m, 4.5 m]",
    "air.fan_walls.origin": "[1.0 m, 0.415 m]",
    "air.leakage": "0.1",
}


@pytest.fixture(scope="module")
def mirror():
    facility = twin.load("h100-air", MIRROR)
    state = twin.solve(facility)
    return facility, state, air_field(facility, state, most=6)


def test_return_air_by_the_heat_balance(mirror):
    """Supply plus heat over the heat capacity of the air blown, 1006 J/kg/K and p / (R T) at the racks' inlet."""
    _, state, found = mirror
    inlet, flow = float(state.air_inlet_temperature[0, 0]), float(state.air_flow[0, 0])
    heat = float(state.fan_wall_duty[0, 0] - state.fan_wall_power[0, 0])
    rise = heat / (101325.0 / (287.053 * inlet) * flow * 1006.0)
    assert float(found.return_temperature) == pytest.approx(297.15 + rise, abs=0.3)
    assert float(found.heat) == pytest.approx(heat, rel=1e-9)
    # A tenth of the rack air leaks, and as much goes by at the ends.
    drawn = float(found.air_flow.sum())
    assert float(found.recirculated_flow) == pytest.approx(0.1 * drawn)
    assert float(found.bypass_flow) == pytest.approx(0.1 * drawn + flow - drawn)


def test_no_cell_gains_or_loses_air(mirror):
    assert float(mirror[2].stray) < 1e-6 * float(mirror[2].supply_flow)


def test_what_leaks_comes_back_through_the_racks(mirror):
    """Mixed evenly, the cold side would be as warm as the well-mixed aisle of the state; the field varies about it."""
    _, state, found = mirror
    mixed = float(state.air_inlet_temperature[0, 0]) - 297.15
    inlet = found.air_inlet_temperature.values
    assert inlet.min() > 297.15 - 0.01
    assert (found.air_inlet_warmest.values >= inlet - 1e-9).all()
    assert np.average(inlet, weights=found.air_flow.values) - 297.15 == pytest.approx(mixed, rel=0.6)


def test_an_interrupt_leaves_what_there_is_and_says_so(mirror):
    """At the first moment, before anything is averaged: the air as it is then, and no uncertainty."""
    facility, state, _ = mirror

    def interrupt(now, end):
        raise KeyboardInterrupt

    found = air_field(facility, state, progress=interrupt)
    assert not bool(found.settled)
    assert np.isinf(found.air_inlet_uncertainty.values).all()
    np.testing.assert_allclose(found.air_inlet_temperature.values, 297.15, atol=0.5)


def test_the_image_holds_the_field_at_its_places(mirror, tmp_path):
    pyvista = pytest.importorskip("pyvista")
    from twin.viewer.voxels import write

    found, file = mirror[2], tmp_path / "air.vti"
    write(found, file)
    assert [one.name for one in tmp_path.iterdir()] == ["air.vti"]
    image = pyvista.read(file)
    assert image.bounds == pytest.approx((0.0, 16.0, 0.0, 10.23, 0.0, 4.5))
    point = (0.5 * (found.x_edge[3] + found.x_edge[4]), found.y.values[5], found.z.values[4])
    cell = image.find_containing_cell([float(one) for one in point])
    assert image.cell_data["temperature"][cell] == pytest.approx(float(found.temperature[3, 5, 4]))
    assert image.cell_data["velocity"][cell][0] == pytest.approx(float(found.velocity_x[3, 5, 4]))


def test_two_rows_mirror_each_other_within_the_uncertainty(mirror):
    found = mirror[2]
    inlet, half = found.air_inlet_temperature.values, found.air_inlet_uncertainty.values
    apart = np.abs(inlet[:8] - inlet[8:])
    # Six batches are few, and 95 % of eight pairs is not all of them.
    assert (apart <= 2.0 * np.hypot(half[:8], half[8:]) + 0.1).mean() >= 0.75


def test_the_grid_meets_racks_and_the_hot_aisle():
    """gb300-su: racks from y 2.0 to 3.2 and 5.03 to 6.23 m, 2.3 m high; 28.7 m3/s by the state."""
    facility = twin.load()
    made = voxels(facility, twin.solve(facility))
    for axis, places in ((0, (4.0, 4.6, 8.8)), (1, (2.0, 3.2, 5.03, 6.23)), (2, (2.3,))):
        assert np.abs(np.subtract.outer(places, made.edges[axis])).min(axis=1).max() < 1e-6
    area = [sum(float(one.area[one.owner == n].sum()) for one in made.fronts) for n in range(16)]
    np.testing.assert_allclose(area, 0.6 * 2.3)
    x, y = (np.diff(line) for line in made.edges[:2])
    assert float((x[:, None] * y)[made.ceiling].sum()) == pytest.approx(4.8 * 1.83)
    assert (made.kinds[2][:, :, -1] == Face.OUTLET).sum() == made.ceiling.sum()
    assert made.supply == pytest.approx(float(made.flow.sum()))


def test_racks_that_draw_more_than_is_blown_are_told():
    facility = twin.load(None, {"air.failed_fans": "0.7"})
    state = twin.solve(facility)
    made = voxels(facility, state)
    short = float(state.air_demand[0, 0] - state.air_flow[0, 0])
    assert made.leaked == pytest.approx(short, rel=1e-6)
    assert "come back from the hot aisle" in made.remarks[0]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"rows[row2].facing": "south"}, "no contained hot aisle behind it and so no return"),
        (
            {"rows[row2].origin": "[4.0 m, 4.0 m]", "power.devices[rpp.A2].origin": "[9.5 m, 9 m]"},
            "hot aisle: 0.80 m is less than 2 cells of the grid 'coarse'",
        ),
    ],
)
def test_halls_that_cannot_be_modelled_are_refused(sets, message):
    facility = twin.load("h100-air", {"rows[row1].origin": "[4.0 m, 2.0 m]", **sets})
    with pytest.raises(InputError, match=message):
        voxels(facility, twin.solve(facility))
