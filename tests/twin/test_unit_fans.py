"""Units whose product tells the curve of its fans share the air of a hall by the pressure against each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import twin
from thermal import tile
from twin.errors import InputError
from twin.event import events
from twin.report.field import record
from twin.study import air_field as fields
from twin.study.air_field import air_field
from twin.study.air_loss import air_loss
from twin.study.hall_air import LONGEST, HallAir
from twin.study.hall_grid import voxels

PRODUCT = """kind: fan_wall
name: {name}
base: {base}
description: with a curve of its fans
figures:
  shutOffPressure: {{value: {shut} Pa, source: chosen for the test, status: assumed}}
  freeAirVolume: {{value: {free} m3/s, source: chosen for the test, status: assumed}}
"""
CLOSE = "[{origin: [5.0 m, 4.9 m], size: [600 mm, 600 mm], count: [8, 2], open_share: 0.05}]"
"""Tiles that resist far more than all else that the air meets."""
ASIDE = "[{origin: [1.5 m, 8.5 m], size: [600 mm, 600 mm], count: [8, 2], open_share: 0.56}]"
"""Tiles before the third of three units, the more so over a low floor."""


@pytest.fixture
def hall(tmp_path, monkeypatch):
    """A layout whose air units have a curve, with its state."""
    folder = tmp_path / "catalogue"
    (folder / "fan_wall").mkdir(parents=True)
    monkeypatch.setenv("TWIN_CATALOGUE", str(folder))

    def build(layout, base, shut, free, sets):
        name = f"{base}-{shut}-{free}"
        text = PRODUCT.format(name=name, base=base, shut=shut, free=free)
        (folder / "fan_wall" / f"{name}.yaml").write_text(text, "utf-8")
        facility = twin.load(layout, {"air.fan_walls.product": name, **sets})
        return facility, twin.solve(facility)

    return build


@pytest.fixture
def hasty(monkeypatch):
    """Means from the second flush on."""
    monkeypatch.setattr(fields, "WARM", 1)
    monkeypatch.setattr(fields, "DRIFT", 1.0)


def blown(run, span):
    end = run.time + span
    while run.time < end:
        run.advance(LONGEST)
    return run.flows(run.now.state)


def until(end):
    """Interrupts a run."""

    def interrupt(now, _):
        if now > end:
            raise KeyboardInterrupt

    return interrupt


def resistance(made):
    """Of all tiles together [Pa s2/m6]."""
    return 0.5 * made.density * float(tile.loss_coefficient(0.05)) / (16 * 0.6**2) ** 2


def test_a_unit_blows_where_its_curve_crosses_what_the_tiles_take(hall):
    """a N^2 + c Q^2 = rho K (Q / A)^2 / 2: the speed of a flow, and the flow at a speed."""
    sets = {"air.fan_walls.count": "1", "air.fan_walls.required": "1", "hall.raised_floor.tiles": CLOSE}
    facility, state = hall("h100-raised-floor", "cw181", 3000.0, 10.0, sets)
    made = voxels(facility, state)
    a, _, c = made.curve
    # A curve at 1.2 kg/m3 gives a thinner air as much less.
    np.testing.assert_allclose(made.curve, np.array([3000.0, 0.0, -30.0]) * made.density / 1.2)
    asked, system = float(state.air_flow[0, 0]), resistance(made)
    run = HallAir(made)
    assert blown(run, 8.0) == pytest.approx([asked], rel=1e-12)
    # The head of the air below the unit is 0.4 % of what the tiles take.
    assert run.common_speed(run.now.state) == pytest.approx(((system - c) * asked**2 / a) ** 0.5, rel=0.01)
    for speed in (0.3, 0.6):
        run.speed = np.array([speed])
        assert blown(run, 8.0) == pytest.approx([speed * (a / (system - c)) ** 0.5], rel=0.01)


def test_after_a_loss_the_others_move_along_their_curves(hall, tmp_path):
    """n units at one speed: a N^2 + c q^2 = R (n q)^2, and the lost one's damper is closed."""
    facility, state = hall("h100-raised-floor", "cw181", 3000.0, 10.0, {"hall.raised_floor.tiles": CLOSE})
    file = tmp_path / "air.npz"
    found = air_field(facility, state, file=file, progress=until(12.0))
    made = voxels(facility, state)
    _, _, c = made.curve
    system = resistance(made)
    np.testing.assert_allclose(found.unit_flow, float(state.air_flow[0, 0]) / 3.0, rtol=0.01)
    lost = str(found.unit.values[0])
    after = air_loss(facility, state, events(facility, [f"fan_wall_loss device={lost} at=2s"]), 40.0, file)
    each = after.unit_flow.values
    np.testing.assert_allclose(each[2], found.unit_flow, rtol=0.01)
    assert 0.0 <= each[-1, 0] < 1e-4
    more = ((9.0 * system - c) / (4.0 * system - c)) ** 0.5
    np.testing.assert_allclose(each[-1, 1:], found.unit_flow[1:] * more, rtol=0.01)
    assert float(after.supply_flow[-1]) < float(after.supply_flow[0])
    assert "and nothing asks them for more" in after.remarks
    given = float(after.heat_given[-1])
    parts = ("heat_to_water", "heat_in_air", "heat_in_racks", "heat_in_coils")
    assert sum(float(after[part][-1]) for part in parts) == pytest.approx(given, rel=0.02)


def test_units_farther_from_the_tiles_blow_less(hall, hasty):
    sets = {"hall.raised_floor.tiles": ASIDE, "hall.raised_floor.height": "0.3 m"}
    facility, state = hall("h100-raised-floor", "cw181", 60.0, 10.0, sets)
    found = air_field(facility, state, most=1)
    each = found.unit_flow.values
    assert each.sum() == pytest.approx(float(state.air_flow[0, 0]), rel=1e-9)
    assert float(found.tile_flow.sum()) == pytest.approx(each.sum(), rel=1e-6)
    assert record(found, {})["tile_flow"] == found.tile_flow.values.tolist()
    assert each[0] < each[1] < 0.8 * each[2]
    a, _, c = voxels(facility, state).curve
    # Of means, whose curve is not quite that of the swings about them.
    np.testing.assert_allclose(a * float(found.fan_speed) ** 2 + c * each**2, found.unit_pressure, rtol=0.01)


def test_fan_walls_draw_from_a_plenum_without_pressure_and_blow_against_what_cracks_take(hall):
    """Cold sides of contained aisles have one pressure, so that units alike share alike."""
    sets = {"air.containment": "hot", "air.leakage_area": "0.5 m2"}
    facility, state = hall("h100-air", "cw375", 300.0, 40.0, sets)
    made = voxels(facility, state)
    assert made.curve is not None
    run = HallAir(made)
    each = blown(run, 10.0)
    assert each.sum() == pytest.approx(float(state.air_flow[0, 0]), rel=1e-12)
    # The head of the air that a unit blows is 4 % of 2 |c| Q^2, by which a pressure over it moves the flow.
    np.testing.assert_allclose(each, each.mean(), rtol=0.04)
    cells = run.room.of_cells(run.now.state.pressure) * made.density
    for n, rise in enumerate(run.rises(run.now.state)):
        places = [cells[one.downstream()][one.owner == n] for one in made.walls if (one.owner == n).any()]
        assert rise == pytest.approx(float(np.mean(places[0])), rel=0.05)


def test_pressures_that_no_fan_gives_end_the_run(hall, tmp_path, hasty):
    """Racks draw what they draw: with all units lost through 0.5 m2 of cracks, with which the fans do not settle."""
    sets = {"air.containment": "hot", "air.leakage_area": "0.5 m2"}
    facility, state = hall("h100-air", "cw375", 300.0, 40.0, sets)
    file = tmp_path / "air.npz"
    air_field(facility, state, most=1, file=file)
    lost = events(facility, ["fan_wall_loss device=fanwall.1,fanwall.2,fanwall.3,fanwall.4 at=1s"])
    with pytest.raises(InputError, match="Pa, beyond what its fans can give"):
        air_loss(facility, state, lost, 45.0, file)


def test_where_the_cold_side_has_no_outlet_the_curve_is_not_used(hall):
    facility, state = hall("h100-air", "cw375", 300.0, 40.0, {"air.containment": "hot"})
    made = voxels(facility, state)
    assert made.curve is None
    assert not HallAir(made).fans
    assert any("each of the fan walls blows the same" in one for one in made.remarks)


def test_a_run_with_fans_goes_on_from_an_interrupt_to_the_last_digit(hall, hasty, tmp_path):
    facility, state = hall("h100-air", "cw375", 60.0, 40.0, {"air.containment": "none"})
    file = tmp_path / "air.npz"
    air_field(facility, state, most=1, file=file, progress=until(25.0))
    whole = air_field(facility, state, most=1)
    assert np.ptp(whole.unit_flow.values) > 0.0
    told = record(whole, {})
    assert [one["unit_flow"] for one in told["units"].values()] == whole.unit_flow.values.tolist()
    assert all(np.isfinite(one["unit_pressure"]) for one in told["units"].values())
    assert list(told["units"]) == [f"fanwall.{n}" for n in range(1, 5)]
    assert told["tile_flow"] == []
    xr.testing.assert_identical(air_field(facility, state, most=1, file=file, resume=True), whole)


def test_fans_that_would_have_to_turn_faster_than_they_can_are_told(hall):
    facility, state = hall("h100-raised-floor", "cw181", 20.0, 4.0, {})
    found = air_field(facility, state, progress=until(8.0))
    assert float(found.fan_speed) > 1.0
    assert "the fans of the units would have to turn at" in found.remarks
    assert float(found.unit_flow.sum()) == pytest.approx(float(state.air_flow[0, 0]), rel=1e-9)


def test_a_curve_of_nothing_is_refused(hall):
    facility, state = hall("h100-raised-floor", "cw181", 0.0, 10.0, {})
    with pytest.raises(InputError, match=r"air\.fan_walls\.product: the product's shutOffPressure"):
        voxels(facility, state)


def test_where_the_room_draws_more_through_the_units_than_they_are_to_blow_they_stand():
    facility = twin.load("h100-raised-floor")
    made = replace(voxels(facility, twin.solve(facility)), curve=(400.0, 0.0, -4.0))
    run = HallAir(made)
    for one in run.fans:
        run.now.state.pressure[one.behind] = -300.0
    assert run.common_speed(run.now.state) == pytest.approx(0.0, abs=1e-9)


def test_failed_fans_of_a_unit_are_not_in_its_curve(hall):
    curves = [
        voxels(*hall("h100-raised-floor", "cw181", 400.0, 10.0, {"air.failed_fans": failed})).curve
        for failed in ("0.0", "0.4")
    ]
    (shut, _, bend), (other, _, steeper) = curves
    assert other == pytest.approx(shut)
    assert steeper == pytest.approx(bend / 0.6**2)


def test_a_unit_from_its_top_to_its_front_has_no_curve(hall, tmp_path):
    built_in = Path(twin.__file__).parent / "layouts" / "h100-raised-floor.yaml"
    lines = built_in.read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip() == "raised_floor:")
    (tmp_path / "front.yaml").write_text("\n".join(lines[:at] + lines[at + 4 :]), "utf-8")
    facility, state = hall(str(tmp_path / "front.yaml"), "cw181", 400.0, 10.0, {})
    with pytest.raises(InputError, match="draws at its top and blows from its front has no curve"):
        voxels(facility, state)
