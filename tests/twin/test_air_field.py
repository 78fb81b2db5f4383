"""The air of a hall against balances by hand and its own mirror image."""

import numpy as np
import pytest
import xarray as xr

import twin
from thermal import airflow
from thermal.room import Face
from twin.errors import InputError
from twin.event import events
from twin.study import air_field as fields
from twin.study import air_loss as air_loss_
from twin.study import hall_air
from twin.study.air_field import air_field, kept_air
from twin.study.air_loss import StoringHall, air_loss, coil_heat, rack_heat
from twin.study.hall_grid import voxels

# Rows, panels and fan walls lie about the middle of the hall, so that the left half mirrors the right. The heat is
# given: what racks draw is not what these tests are about.
MIRROR = {
    "workload.rack_power": "31.44 kW",
    "hall.size": "[16 m, 10.23 m, 4.5 m]",
    "air.fan_walls.origin": "[1.0 m, 0.415 m]",
    "air.leakage": "0.1",
}


@pytest.fixture(scope="module")
def mirror():
    facility = twin.load("h100-air", MIRROR)
    state = twin.solve(facility)
    return facility, state, air_field(facility, state)


@pytest.fixture(scope="module")
def short(mirror, tmp_path_factory):
    """The same hall over two batches after four flushes, 120 s in all, and the file of its run."""
    facility, state, _ = mirror
    file = tmp_path_factory.mktemp("run") / "air.npz"
    return facility, state, air_field(facility, state, most=2, file=file), file


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


def test_heat_given_is_carried_out_or_stored(mirror):
    found = mirror[2]
    books = float(found.heat_carried + found.heat_stored) / float(found.heat)
    assert books == pytest.approx(1.0, abs=1e-3)
    # The mean is of a hall that has warmed up: less is stored than what the gate lets pass.
    assert abs(float(found.heat_stored)) < 0.005 * float(found.heat)


def test_no_cell_gains_or_loses_air(mirror):
    assert float(mirror[2].stray) < 1e-6 * float(mirror[2].supply_flow)
    assert 0.0 < float(mirror[2].mass_residual) < 1e-6


@pytest.mark.parametrize(
    ("name", "sets"),
    [
        ("h100-raised-floor", {}),
        ("h100-air", {"air.containment": "none"}),
        ("h100-air", {"air.leakage_area": "0.3 m2"}),
    ],
    ids=["raised floor", "open", "cracks"],
)
def test_no_cell_gains_or_loses_air_in_any_step_from_rest(name, sets):
    """The first twenty steps, in which the flow changes most: less than 1e-6 of the supply from any cell."""
    facility = twin.load(name, sets)
    run = hall_air.HallAir(voxels(facility, twin.solve(facility)))
    worst = 0.0
    for _ in range(20):
        run.advance(hall_air.LONGEST)
        assert run.now.state.converged
        net = sum(np.moveaxis(np.diff(flow, axis=0), 0, axis) for axis, flow in enumerate(moved(run)))
        worst = max(worst, float(np.abs(net[~run.made.solid]).max()))
    assert worst < 1e-6 * run.made.supply
    assert run.now.stray == pytest.approx(worst, rel=1e-6)


def moved(run):
    """Flow through the faces across each axis, that first [m3/s]."""
    for axis in range(3):
        one, other = (np.diff(run.made.edges[n]) for n in range(3) if n != axis)
        speed = run.room.of_faces(axis, run.now.state.velocity[axis])
        yield np.moveaxis(speed, axis, 0) * np.outer(one, other)


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


def test_a_run_goes_on_from_interrupts_to_the_last_digit(short, tmp_path):
    """Stopped while the hall warms up, within its first batch, and within its second."""
    facility, state, whole, _ = short
    file = tmp_path / "air.npz"
    for at in (3.0, 85.0, 105.0):

        def interrupt(now, end, at=at):
            if now > at:
                raise KeyboardInterrupt

        part = air_field(facility, state, most=2, progress=interrupt, file=file, resume=file.exists())
        assert not bool(part.settled)
        assert at < float(part.elapsed) < at + 1.0
        assert [one.name for one in tmp_path.iterdir()] == ["air.npz"]
    xr.testing.assert_identical(air_field(facility, state, most=2, file=file, resume=True), whole)
    # A run that has ended is still there, and ends at once.
    again = air_field(facility, state, most=2, file=file, resume=True)
    xr.testing.assert_identical(again, whole)


def test_an_interrupt_within_a_step_leaves_the_step_out(short, tmp_path, monkeypatch):
    facility, state, whole, _ = short
    file, stopped = tmp_path / "air.npz", []

    def step(box, law, now, *given, **named):
        if now.time > 90.0 and not stopped:
            stopped.append(now.time)
            raise KeyboardInterrupt
        return airflow.step(box, law, now, *given, **named)

    monkeypatch.setattr(hall_air, "step", step)
    part = air_field(facility, state, most=2, file=file)
    assert [float(part.elapsed)] == stopped
    xr.testing.assert_identical(air_field(facility, state, most=2, file=file, resume=True), whole)


def test_a_run_does_not_go_on_from_another(short, tmp_path):
    facility, state, *_ = short
    file = tmp_path / "air.npz"

    def interrupt(now, end):
        raise KeyboardInterrupt

    air_field(facility, state, progress=interrupt, file=file)
    other = twin.load("h100-air", MIRROR | {"air.leakage": "0.05"})
    asked = {"file": file, "resume": True}
    with pytest.raises(InputError, match="is of another layout, or one with other settings; begin anew"):
        air_field(other, twin.solve(other), **asked)
    with pytest.raises(InputError, match="is of another grid"):
        air_field(facility, state, grid="fine", **asked)
    out = twin.solve(facility, twin.Operation(out=[["fanwall.1"]]))
    with pytest.raises(InputError, match="is of other flows: other devices are out of service"):
        air_field(facility, out, **asked)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(InputError, match="is no air of a hall that this version kept"):
        air_field(facility, state, **asked)
    with pytest.raises(InputError, match="no such file: nothing to go on from"):
        air_field(facility, state, file=tmp_path / "none.npz", resume=True)


def test_turbulence_that_is_carried_goes_on_from_an_interrupt_and_after_a_loss(mirror, tmp_path, monkeypatch):
    """To the last digit, of which the file keeps energy and dissipation; another model does not go on from it."""
    facility, state, eddy = mirror
    monkeypatch.setattr(fields, "WARM", 1)
    monkeypatch.setattr(fields, "DRIFT", 1.0)
    asked = {"most": 1, "turbulence": "k-epsilon"}
    whole = air_field(facility, state, **asked)
    assert whole.turbulence == "k-epsilon"
    assert "fluctuations of 5%" in whole.remarks
    assert eddy.turbulence == "eddy"
    assert float(whole.stray) < 1e-6 * float(whole.supply_flow)
    file = tmp_path / "air.npz"

    def interrupt(now, end):
        if now > 25.0:
            raise KeyboardInterrupt

    assert float(air_field(facility, state, progress=interrupt, file=file, **asked).elapsed) < 26.0
    xr.testing.assert_identical(air_field(facility, state, file=file, resume=True, **asked), whole)
    with pytest.raises(InputError, match="is of another model of turbulence"):
        air_field(facility, state, file=file, resume=True, most=1)
    lost = events(facility, ["fan_wall_loss device=fanwall.1 at=0s"])
    with pytest.raises(InputError, match="is of another model of turbulence"):
        air_loss(facility, state, lost, 1.0, file)
    after = air_loss(facility, state, lost, 2.0, file, turbulence="k-epsilon")
    assert after.turbulence == "k-epsilon"
    assert np.isfinite(after.air_inlet_temperature).all()


def test_turbulence_of_tiles_is_not_carried():
    facility = twin.load("h100-raised-floor")
    with pytest.raises(
        InputError, match="k-epsilon knows nothing of what tiles and their jets make of turbulence"
    ):
        air_field(facility, twin.solve(facility), turbulence="k-epsilon")


def test_a_model_of_turbulence_that_there_is_not_is_refused(tmp_path):
    from typer.testing import CliRunner

    from twin.cli import app

    for command in (("air",), ("run", "--air", "field")):
        asked = [*command, "h100-air", "--turbulence", "les", "--out", str(tmp_path / "out")]
        shown = CliRunner().invoke(app, asked)
        assert shown.exit_code == 2
        assert "no model of turbulence 'les' (there are: eddy, k-epsilon)" in shown.output
    assert not (tmp_path / "out").exists()


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
    """The half widths are of 95 % with five degrees of freedom each; that of a difference is their quadratic sum with
    ten, so 2.228 in the place of 2.571. Of eight true pairs two lie outside in 6 % of runs."""
    found = mirror[2]
    assert bool(found.settled)
    inlet, half = found.air_inlet_temperature.values, found.air_inlet_uncertainty.values
    apart, sure = np.abs(inlet[:8] - inlet[8:]), np.hypot(half[:8], half[8:]) * 2.228 / 2.571
    assert (apart <= sure).sum() >= 7
    assert apart.max() <= 2.0 * sure.max()


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


def test_without_any_fan_wall_the_hall_warms_by_all_its_heat(short, monkeypatch):
    """The fans stand after 45 s: 5 s to half of their speed, and none below a tenth. From then on racks breathe what
    they give off, nothing leaves, and the air warms by the heat over that of its mass, where racks store none."""
    facility, state, _, file = short
    monkeypatch.setattr(air_loss_, "RACK_HEAT", 0.0)
    monkeypatch.setattr(air_loss_, "COIL_HEAT", 0.0)
    every = ",".join(f"fanwall.{n}" for n in range(1, 5))
    lost = events(facility, [f"fan_wall_loss device={every} at=1s"])
    found = air_loss(facility, state, lost, 54.0, file)
    assert found.time.values.tolist() == pytest.approx(np.arange(55.0))
    assert found.supply_flow.values[[0, 1, 54]] == pytest.approx([37.578, 37.578, 0.0], abs=1e-3)
    each = float(facility.cooling.fan_wall_flow[0])
    assert each > 37.578 / 4
    mass = 101325.0 / (287.053 * float(state.air_inlet_temperature[0, 0])) * float(found.air_volume)
    warm = found.air_temperature.values
    assert (warm[54] - warm[48]) / 6.0 == pytest.approx(float(found.heat) / (mass * 1006.0), rel=0.01)
    # Each rack's limit is met where its series passes it.
    inlet, limit = found.air_inlet_temperature.values, float(found.air_inlet_limit[0])
    for n, seconds in enumerate(found.seconds_to_limit.values):
        after = np.flatnonzero(inlet[:, n] >= limit)
        assert np.isnan(seconds) if not len(after) else after[0] - 1 <= seconds <= after[0]
    assert np.isfinite(found.seconds_to_limit.values).any()


def test_a_rack_follows_what_it_breathes_with_its_time_constant(short):
    """One rack, constant flow, air that is 10 K warmer at once: what leaves it comes nearer by exp(-t / tau), tau the
    heat capacity over that of the stream, 700 kg x 450 J/kg/K over 2 kW/K and more; so does a coil."""
    facility, state, _, file = short
    base = voxels(facility, state, 0, "coarse", opened=True)
    racks, coils = rack_heat(facility, state, base), coil_heat(facility, base)
    np.testing.assert_allclose(racks, 700.0 * 450.0)
    np.testing.assert_allclose(coils, 375e3)
    # Of a rack cooled by liquid, the part of its weight that is air's of its heat.
    part = state.assign(air_heat=0.2 * state.air_heat)
    np.testing.assert_allclose(rack_heat(facility, part, base), 0.2 * 700.0 * 450.0)
    run = StoringHall(base, kept_air(facility, state, 0, "coarse", "eddy", file), racks, coils)
    assert run.books() == dict.fromkeys(run.books(), 0.0)
    before, breathed = run.rack.copy(), run.rack - base.rise
    run.asked = run.cold + 4.0
    carrying = base.density * 1006.0
    for span in (0.3, 7.0, 0.01, 52.69):
        run.leaving(breathed + 10.0, span)
    np.testing.assert_allclose(run.rack - before, 10.0 * (1.0 - np.exp(-60.0 * carrying * base.flow / racks)))
    blown = base.supply / len(coils)
    np.testing.assert_allclose(run.coil - run.cold, 4.0 * (1.0 - np.exp(-60.0 * carrying * blown / coils)))


def test_after_a_loss_heat_given_is_stored_or_goes_to_the_water(short):
    """All units lost and back: while none blows nothing goes to the water, and the books close at every moment."""
    facility, state, _, file = short
    every = ",".join(f"fanwall.{n}" for n in range(1, 5))
    lost = events(facility, [f"fan_wall_loss device={every} at=1s for=48s"])
    found = air_loss(facility, state, lost, 60.0, file)
    given = found.heat_given.values
    np.testing.assert_allclose(given, float(found.heat) * found.time, rtol=1e-9)
    parts = [found[f"heat_{name}"].values for name in ("to_water", "in_air", "in_racks", "in_coils")]
    np.testing.assert_allclose(sum(parts)[1:] / given[1:], 1.0, atol=5e-3)
    # What comes down from the plenum is what went up a step before.
    assert found.supply_flow[47:50].values == pytest.approx(0.0)
    np.testing.assert_allclose(parts[0][46:50], parts[0][46], atol=1e-4 * given[-1])
    # Racks hold more than the air does, so that it warms by far less than by all the heat.
    assert parts[2][49] > parts[1][49] > 0.0


def test_what_warmer_coils_do_not_take_is_in_the_books(short):
    """Coils that tend to 4 K more give the water less: the books close, and the water has less than without."""
    facility, state, _, file = short
    base = voxels(facility, state, 0, "coarse", opened=True)
    capacities = rack_heat(facility, state, base), coil_heat(facility, base)
    water = []
    for warmer in (0.0, 4.0):
        run = StoringHall(base, kept_air(facility, state, 0, "coarse", "eddy", file), *capacities)
        run.asked = run.cold + warmer
        end = run.time + 20.0
        while run.time < end - 1e-6:
            run.advance(end - run.time)
        told = run.books()
        given = told.pop("heat_given")
        assert sum(told.values()) == pytest.approx(given, rel=5e-3)
        water.append(told["heat_to_water"])
    # The coils fill by exp(-t / tau), the air that they warm carries the rest into the hall.
    carried = base.density * 1006.0 * base.supply
    assert water[0] - water[1] == pytest.approx(carried * 4.0 * 20.0, rel=0.05)


def test_the_others_take_over_what_a_lost_fan_wall_does_not_blow(short):
    """Of four, three are enough; the hall is as well off as before."""
    facility, state, _, file = short
    lost = events(facility, ["fan_wall_loss device=fanwall.1 at=0s"])
    found = air_loss(facility, state, lost, 4.0, file)
    np.testing.assert_allclose(found.supply_flow, float(found.supply_flow[0]), rtol=1e-9)
    assert np.isnan(found.seconds_to_limit).all()


def test_losses_that_the_air_does_not_know_are_refused(short):
    facility, state, _, file = short
    trip = events(facility, ["chiller_restart"])
    with pytest.raises(InputError, match="does nothing to the air of a hall here; give a fan_wall_loss"):
        air_loss(facility, state, trip, 1.0, file)
