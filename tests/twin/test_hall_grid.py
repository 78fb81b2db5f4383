"""A hall from its layout to the grid: what stands, what is open, which way the air goes, and what is refused before."""

import importlib.util
from dataclasses import replace
from functools import reduce
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import twin
from thermal.room import Face, faces
from twin import catalogue
from twin.errors import InputError
from twin.layout import load_layout
from twin.study.air_field import air_field
from twin.study.hall_air import HallAir
from twin.study.hall_grid import GRIDS, voxels

H100 = files("twin").joinpath("layouts", "h100-air.yaml").read_text("utf-8")
SIZE = "size: [16 m, 11 m, 4.5 m]"
RISE = "support_rise: 16 K"
OPEN = f"{RISE}\n  containment: none"
CRAHS = f"{OPEN}\n  units: crah"
FLOOR = """
  raised_floor:
    height: 0.6 m
    tiles:
      - {origin: [4.0 m, 1.8 m], size: [0.6 m, 0.6 m], count: [8, 2], open_share: 0.56}
      - {origin: [4.0 m, 7.23 m], size: [0.6 m, 0.6 m], count: [4, 2], open_share: 0.56}
      - {origin: [6.4 m, 7.23 m], size: [0.6 m, 0.6 m], count: [4, 2], open_share: 0.25}"""
UNDER = {SIZE: f"{SIZE}\n  returns: []{FLOOR}", RISE: CRAHS}


@pytest.fixture
def changed(tmp_path):
    """h100-air with texts in the place of others, in a file."""

    def write(changes):
        text = H100
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file = tmp_path / "hall.yaml"
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.fixture
def made(changed):
    """Its hall on the coarse grid, the state and the facility."""

    def build(changes, sets=None, grid="coarse"):
        facility = twin.load(changed(changes), sets)
        state = twin.solve(facility)
        return voxels(facility, state, grid=grid), state, facility

    return build


def without_places():
    """The lines of the panels, and what they are without a place in the hall."""
    lines = [line for line in H100.splitlines() if "rpp-500" in line]
    return {line: line.replace(line[line.index(", origin") : -1], "") for line in lines}


def passed(openings):
    """Area of openings by owner [m2]."""
    return sum(
        np.bincount(one.owner, one.area, 1 + one.owner.max(initial=0)) for one in openings if len(one.owner)
    )


def test_open_aisles_have_no_panels_and_a_ceiling_opening_over_them(made):
    shut, *_ = made({})
    found, *_ = made({RISE: OPEN}, {"air.leakage": "0.1"})
    np.testing.assert_array_equal(found.ceiling, shut.ceiling)
    for axis in (0, 1):
        free = faces(found.solid.shape, found.solid)[axis] == Face.FREE
        walled = free & (found.kinds[axis] == Face.WALL)
        assert not walled.any()
        assert (free & (shut.kinds[axis] == Face.WALL)).any()
    assert (found.leaked, found.spilt) == (0.0, 0.0)
    assert found.remarks == (
        "the hot aisles are open: air.leakage, which is of their panels, is not in the field",
    )


def test_racks_in_the_open_that_draw_more_than_is_blown_are_told_and_run(made):
    found, state, _ = made({RISE: OPEN}, {"air.failed_fans": "0.8"})
    short = float(state.air_demand[0, 0] - state.air_flow[0, 0])
    assert short > 1.0
    assert f"{short:.1f} m3/s come back from the hot side" in found.remarks[0]
    assert found.supply == float(state.air_flow[0, 0])


def test_returns_stand_where_the_layout_says(made):
    """One of 2 x 3 m from (10, 4) m in a ceiling of 16 x 11 m; none over the aisle any more."""
    found, *_ = made({SIZE: f"{SIZE}\n  returns: [{{origin: [10 m, 4 m], size: [2 m, 3 m]}}]", RISE: OPEN})
    x, y = (0.5 * (line[1:] + line[:-1]) for line in found.edges[:2])
    inside = ((x > 10) & (x < 12))[:, None] & ((y > 4) & (y < 7))
    np.testing.assert_array_equal(found.ceiling, inside)
    np.testing.assert_array_equal(found.kinds[2][:, :, -1] == Face.OUTLET, inside)


def test_a_column_is_solid_from_floor_to_ceiling_and_a_thin_one_is_told(made):
    listed = "{origin: [10 m, 5 m], size: [0.5 m, 0.4 m]}", "{origin: [12 m, 5 m], size: [2 cm, 2 cm]}"
    columns = f"columns: [{', '.join(listed)}]"
    found, *_ = made({SIZE: f"{SIZE}\n  {columns}"})
    bare, *_ = made({})

    def volume(one):
        x, y, z = (np.diff(line) for line in one.edges)
        return float((x[:, None, None] * y[:, None] * z)[one.solid].sum())

    at = [
        int(np.searchsorted(line, place)) - 1 for line, place in zip(found.edges, (10.2, 5.2), strict=False)
    ]
    assert found.solid[at[0], at[1]].all()
    assert volume(found) - volume(bare) == pytest.approx(0.5 * 0.4 * 4.5, abs=2.0)
    assert found.remarks == ("column 2 is too thin for the grid and not in the field",)


def test_an_open_door_is_a_hole_in_the_panel_and_lets_through_what_would_spill(made):
    """0.9 m wide and 2.1 m high at the near end of the aisle, at x = 8.8 m from y = 4.2 to 6.03 m."""
    door = "doors: [{origin: [8.8 m, 4.6 m], width: 0.9 m, height: 2.1 m}]"
    shut, *_ = made({}, {"air.leakage": "0.1"})
    found, *_ = made({SIZE: f"{SIZE}\n  {door}"}, {"air.leakage": "0.1"})
    place = int(np.abs(found.edges[0] - 8.8).argmin())
    y, z = np.diff(found.edges[1]), np.diff(found.edges[2])
    middle = 0.5 * (found.edges[1][1:] + found.edges[1][:-1])
    aisle = (middle > 4.2) & (middle < 6.03)
    free = (found.kinds[0][place] == Face.FREE) & aisle[:, None]
    assert float((y[:, None] * z)[free].sum()) == pytest.approx(0.9 * 2.1)
    assert found.leaked == pytest.approx(shut.leaked)
    assert shut.spilt == pytest.approx(shut.leaked)
    assert found.spilt == 0.0
    assert not found.spills


@pytest.mark.parametrize(("area", "door"), [("0.4 m2", False), ("0.8 m2", False), ("0.4 m2", True)])
def test_pressure_drives_what_goes_through_cracks(made, area, door):
    """Q = 0.6 A (2 dp / rho)^1/2 of what is blown too much, at over 100 Pa, beside which streams are nothing."""
    changes = {RISE: f"{RISE}\n  leakage_area: {area}"}
    if door:
        changes[SIZE] = f"{SIZE}\n  doors: [{{origin: [8.8 m, 4.6 m], width: 0.9 m, height: 2.1 m}}]"
    found, *_ = made(changes, {"air.leakage": "0.1"})
    assert (found.leaked, found.spilt, found.leaks, found.spills) == (0.0, 0.0, (), ())
    drawn = float(found.flow.sum())
    # A fifth more than is drawn, and no heat, so that nothing floats.
    found = replace(found.blowing(1.2 * drawn * found.share), rise=0.0 * found.rise)
    assert found.supply == pytest.approx(1.2 * drawn, rel=1e-12)
    run = HallAir(found)
    for _ in range(40):
        run.advance(0.1)
    state = run.now.state
    velocity = [run.room.of_faces(axis, one) for axis, one in enumerate(state.velocity)]
    back, past = found.crossed(velocity)
    if door:
        assert past < 0.1 * drawn
        return
    assert past - back == pytest.approx(0.2 * drawn, rel=1e-5)
    pressure = run.room.of_cells(state.pressure)
    drop = [pressure[one.upstream()] - pressure[one.downstream()] for one in found.cracks]
    mean = np.average(-np.concatenate(drop), weights=np.concatenate([one.area for one in found.cracks]))
    assert past == pytest.approx(0.6 * float(area.split()[0]) * (2.0 * mean) ** 0.5, rel=0.02)


def test_cracks_as_large_as_the_panels_or_of_none_are_refused(made):
    with pytest.raises(InputError, match=r"100 m2 of cracks in panels of .* must be less than the panels"):
        made({RISE: f"{RISE}\n  leakage_area: 100 m2"})
    with pytest.raises(InputError, match=r"air\.leakage_area: is of the panels of hot aisles"):
        made({RISE: f"{OPEN}\n  leakage_area: 1 m2"})


def test_crahs_blow_from_their_fronts_and_draw_at_their_tops(made):
    """Four of 2.2 x 1.0 x 3.0 m; three where one is out."""
    found, state, _ = made({SIZE: f"{SIZE}\n  returns: []", RISE: CRAHS})
    np.testing.assert_allclose(passed(found.walls), 2.2 * 3.0)
    np.testing.assert_allclose(passed(found.intakes), 2.2 * 1.0)
    assert not found.ceiling.any()
    assert not (found.kinds[2][:, :, -1] == Face.OUTLET).any()
    assert {int(one.axis) for one in found.walls if len(one.owner)} == {0}
    given = {id(openings): flow for openings, flow in found.blown()}
    np.testing.assert_allclose(given[id(found.intakes)], float(state.air_flow[0, 0]) / 4)


def test_crahs_draw_through_the_ceiling_where_it_has_returns(made):
    found, *_ = made({RISE: CRAHS})
    assert found.ceiling.any()
    assert not found.intakes


def test_a_raised_floor_is_cells_below_and_tiles_are_holes_in_it(made):
    """Lines of 16, 8 and 8 squares of 0.6 m; what they lose is that of perforated plates."""
    found, *_ = made(UNDER)
    floor = int(np.flatnonzero(found.edges[2] == 0.0)[0])
    assert found.edges[2][0] == pytest.approx(-0.6)
    assert floor == 2
    np.testing.assert_allclose(passed(found.tiles), 0.36 * np.array([16, 8, 8]))
    (tiles,) = found.tiles
    lost = [found.loss[2][tiles.face][tiles.owner == n] for n in range(3)]
    np.testing.assert_allclose(np.concatenate(lost[:2]), 7.36, rtol=2e-3)
    np.testing.assert_allclose(lost[2], 42.76, rtol=2e-3)
    np.testing.assert_allclose(found.jet[2][tiles.face][tiles.owner == 2], 1 / 0.25 - 1)
    # Air crosses the floor by tiles and below CRAHs, downwards there, and nowhere else.
    crossed = found.kinds[2][:, :, floor] != Face.WALL
    x, y = (np.diff(line) for line in found.edges[:2])
    below = passed(found.walls)
    np.testing.assert_allclose(below, 2.2 * 1.0, rtol=0.02)
    assert float((x[:, None] * y)[crossed].sum()) == pytest.approx(32 * 0.36 + below.sum())
    assert all((one.sign == -1).all() for one in found.walls)
    assert not found.solid[:, :, :floor].any()


def test_tiles_off_the_grid_keep_their_loss_and_momentum(made):
    """A line 20 mm nearer to the rack's front than cells allow: its faces are as much larger, its air slower."""
    near = FLOOR.replace(
        "origin: [4.0 m, 1.8 m], size: [0.6 m, 0.6 m]", "origin: [4.0 m, 1.8 m], size: [0.6 m, 0.59 m]"
    )
    found, *_ = made({SIZE: f"{SIZE}\n  returns: []{near}", RISE: CRAHS})
    (tiles,) = found.tiles
    first = tiles.owner == 0
    assert float(tiles.area[first].sum()) == pytest.approx(16 * 0.36)
    wider = 0.6 / 0.59
    np.testing.assert_allclose(found.loss[2][tiles.face][first], 7.36 * wider**2, rtol=2e-3)
    np.testing.assert_allclose(1.0 + found.jet[2][tiles.face][first], wider / 0.56)


def test_air_rises_through_the_tiles_by_their_holes_and_none_is_lost(changed):
    """Soon after rest at 24 degC: below the floor is supply air, and the flow of each line is as its area over the root
    of its loss. In a plenum of 1.2 m the air runs at 3 to 4 m/s; half the square of that is 2 % of the tiles' loss."""
    tight = {"height: 0.6 m": "height: 1.2 m", "open_share: 0.25": "open_share: 0.125", "0.56": "0.25"}
    floor = reduce(lambda text, one: text.replace(*one), tight.items(), FLOOR)
    facility = twin.load(changed({SIZE: f"{SIZE}\n  returns: []{floor}", RISE: CRAHS}))
    state = twin.solve(facility)

    def interrupt(now, end):
        if now > 2.0:
            raise KeyboardInterrupt

    found = air_field(facility, state, progress=interrupt)
    supply = float(found.supply_flow)
    assert float(found.stray) < 1e-5 * supply
    below = found.temperature.values[:, :, found.z.values < 0.0]
    # Where it stands still, what cells gain or lose in single steps adds up.
    np.testing.assert_allclose(below, 297.15, atol=0.02)
    assert found.air_inlet_temperature.values.min() > 297.15 - 0.02
    assert float(found.tile_flow.sum()) == pytest.approx(supply, rel=1e-5)
    shares = np.array([16, 8, 8]) / np.sqrt([42.76, 42.76, 179.0])
    np.testing.assert_allclose(found.tile_flow / supply, shares / shares.sum(), rtol=0.03)


def test_the_row_of_a_hall_without_a_hot_aisle_may_stand_alone(made):
    one = H100[H100.index("  - name: row2") : H100.index("air: ")]
    panels = H100[H100.index("    - {name: rpp.A2") :]
    back = "returns: [{origin: [4 m, 5 m], size: [4.8 m, 2 m]}]"
    found, *_ = made({one: "\n", panels: "", SIZE: f"{SIZE}\n  {back}", RISE: OPEN})
    assert len(found.racks) == 8
    assert found.ceiling.any()


def test_every_block_of_a_site_has_its_own_floor_and_openings(changed, tmp_path):
    """Halls 20 m apart along x and 5 m above each other: the same grid, moved."""
    door = "doors: [{origin: [8.8 m, 4.6 m], width: 0.9 m, height: 2.1 m}]"
    panels = "columns: [{origin: [10 m, 5 m], size: [0.5 m, 0.4 m]}]"
    changed({SIZE: f"{SIZE}\n  {door}\n  {panels}{FLOOR}", RISE: f"{RISE}\n  units: crah"})
    head = H100[: H100.index("hall:")]
    site = tmp_path / "site.yaml"
    site.write_text(
        f"{head}blocks:\n  - {{name: U, use: hall.yaml, repeat: 2, pitch: [20 m, 0 m, 5 m]}}\n", "utf-8"
    )
    facility = twin.load(site)
    state = twin.solve(facility)
    one, two = (voxels(facility, state, block) for block in (0, 1))
    for axis, away in enumerate((20.0, 0.0, 5.0)):
        np.testing.assert_allclose(two.edges[axis], one.edges[axis] + away, atol=1e-8)
        np.testing.assert_array_equal(two.kinds[axis], one.kinds[axis])
        np.testing.assert_allclose(two.loss[axis], one.loss[axis])
    np.testing.assert_array_equal(two.solid, one.solid)
    np.testing.assert_array_equal(two.ceiling, one.ceiling)


SEALED = {
    "open aisles under a closed ceiling": (
        {SIZE: f"{SIZE}\n  returns: []", RISE: OPEN},
        r"hall\.returns: the hall is sealed: the air behind row1, row2 has no way out",
    ),
    "a contained aisle under a closed ceiling": (
        {SIZE: f"{SIZE}\n  returns: []"},
        r"hall\.returns: the hall is sealed: the air behind row1, row2 has no way out",
    ),
    "a return over the cold side of contained aisles": (
        {SIZE: f"{SIZE}\n  returns: [{{origin: [10 m, 4 m], size: [2 m, 3 m]}}]"},
        r"hall\.returns\[0\]: is not over a contained hot aisle",
    ),
    "a door thinner than the grid": (
        {SIZE: f"{SIZE}\n  doors: [{{origin: [8.8 m, 4.6 m], width: 5 cm, height: 2.1 m}}]"},
        r"hall\.doors\[0\]: is too small for a cell of the grid",
    ),
    "a tile smaller than the grid": (
        {SIZE: f"{SIZE}\n  returns: []{FLOOR.replace('size: [0.6 m, 0.6 m], count: [8, 2]', 'size: [5 cm, 5 cm]')}",
         RISE: CRAHS},
        r"hall\.raised_floor\.tiles\[0\]: is too small for a cell of the grid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SEALED)
def test_what_has_no_field_is_told_before_the_run(made, case):
    changes, message = SEALED[case]
    with pytest.raises(InputError, match=message):
        made(changes)


def test_a_row_alone_has_no_contained_aisle(made):
    with pytest.raises(InputError, match="no contained hot aisle behind it"):
        made({}, {"rows[row2].facing": "south"})


def test_a_wall_of_racks_that_cuts_the_cold_side_is_told(made):
    """Racks and aisle as long as the hall is wide: the fan walls blow on one side of it only."""
    rows = {
        "origin: [4.0 m, 3.0 m]": "origin: [5.0 m, 0.0 m]",
        "facing: south": "facing: west",
        "origin: [4.0 m, 6.03 m]": "origin: [8.0 m, 0.0 m]",
        "facing: north": "facing: east",
        SIZE: "size: [16 m, 4.8 m, 4.5 m]",
        "count: 4, required: 3, origin: [1.0 m, 0.8 m]": "count: 2, required: 2, origin: [1.0 m, 0.1 m]",
    }
    with pytest.raises(InputError, match="less air comes to the fronts of row2 than is drawn there"):
        made(rows | without_places())


# Texts put into the hall, into its air, the path of the error and its words.
BROKEN = {
    "tiles under a rack": (
        "raised_floor: {height: 0.6 m, tiles: [{origin: [4.0 m, 3.6 m], size: [0.6 m, 0.6 m], open_share: 0.25}]}",
        CRAHS, "hall.raised_floor.tiles[0].origin", "rack 1 of row1 and tiles 1 stand in the same place",
    ),
    "tiles over tiles": (
        "raised_floor: {height: 0.6 m, tiles: [{origin: [4 m, 2 m], size: [0.6 m, 0.6 m], count: [3, 1],"
        " open_share: 0.25}, {origin: [5 m, 2 m], size: [0.6 m, 0.6 m], open_share: 0.25}]}",
        CRAHS, "hall.raised_floor.tiles[1].origin", "tiles 1 and tiles 2 stand in the same place",
    ),
    "tiles outside": (
        "raised_floor: {height: 0.6 m, tiles: [{origin: [15.5 m, 2 m], size: [0.6 m, 0.6 m], open_share: 0.25}]}",
        CRAHS, "hall.raised_floor.tiles[0].origin", "tiles 1 stands outside the hall of 16 x 11 x 4.5 m",
    ),
    "tiles of nothing but holes and more": (
        "raised_floor: {height: 0.6 m, tiles: [{origin: [4 m, 2 m], size: [0.6 m, 0.6 m], open_share: 1.25}]}",
        CRAHS, "hall.raised_floor.tiles[0].open_share", "must be at most 1.00",
    ),
    "a floor without tiles": (
        "raised_floor: {height: 0.6 m, tiles: []}", CRAHS, "hall.raised_floor.tiles", "is empty",
    ),
    "fan walls over a floor": (
        "raised_floor: {height: 0.6 m, tiles: [{origin: [4 m, 2 m], size: [0.6 m, 0.6 m], open_share: 0.25}]}",
        OPEN, "hall.raised_floor", "needs air.units: crah",
    ),
    "a column in a rack": (
        "columns: [{origin: [4.3 m, 4.0 m], size: [0.5 m, 0.5 m]}]",
        RISE, "hall.columns[0].origin", "of row1 and column 1 stand in the same place",
    ),
    "a column outside": (
        "columns: [{origin: [15.9 m, 4.0 m], size: [0.5 m, 0.5 m]}]",
        RISE, "hall.columns[0].origin", "column 1 stands outside the hall",
    ),
    "a column without a unit": (
        "columns: [{origin: [15 m, 4 m], size: [0.5, 0.5 m]}]", RISE, "hall.columns[0].size[0]", "has no unit",
    ),
    "a return outside": (
        "returns: [{origin: [4 m, 10 m], size: [2 m, 2 m]}]", OPEN, "hall.returns[0].origin",
        "return 1 stands outside the hall",
    ),
    "a door in a row": (
        "doors: [{origin: [6.0 m, 4.2 m], width: 0.9 m, height: 2.1 m}]", RISE, "hall.doors[0].origin",
        "the door is not at an end of a hot aisle: x is 4 or 8.8 m, y from 4.2 to 6.03 m",
    ),
    "a door wider than the aisle": (
        "doors: [{origin: [8.8 m, 4.2 m], width: 1.9 m, height: 2.1 m}]", RISE, "hall.doors[0].origin",
        "the door is not at an end of a hot aisle",
    ),
    "a door higher than the hall": (
        "doors: [{origin: [8.8 m, 4.2 m], width: 0.9 m, height: 5 m}]", RISE, "hall.doors[0].height",
        "is more than that of the hall, 4.5 m",
    ),
    "a door of an open aisle": (
        "doors: [{origin: [8.8 m, 4.2 m], width: 0.9 m, height: 2.1 m}]", OPEN, "hall.doors",
        "stand in the panels of contained hot aisles",
    ),
    "unknown units": ("", f"{RISE}\n  units: crac", "air.units", "'crac' is not known; expected 'fan_wall' or 'crah'"),
    "unknown containment": ("", f"{RISE}\n  containment: cold", "air.containment", "expected 'hot' or 'none'"),
    "unknown key": ("column: []", RISE, "hall.column", "did you mean 'columns'?"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_hall_is_told_with_its_line(changed, case):
    text, air, path, message = BROKEN[case]
    file = changed({SIZE: f"{SIZE}\n  {text}", RISE: air})
    with pytest.raises(InputError) as caught:
        load_layout(file)
    (found,) = caught.value.problems
    assert (found.path, message in found.message) == (path, True), str(found)
    lines = file.read_text("utf-8").splitlines()
    assert path.replace("[", ".").split(".")[1] in lines[found.line - 1]


# The hall of the benchmark.


@pytest.fixture(scope="module")
def rooms():
    place = Path(__file__).parents[1] / "benchmarks" / "rooms.py"
    given = importlib.util.spec_from_file_location("rooms", place)
    found = importlib.util.module_from_spec(given)
    given.loader.exec_module(found)
    return found


FIGURE = '{{value: {}, source: "hall of the benchmark", status: assumed}}'
RACK = {"height": "2.2 m", "requiredAirFlowRate": "[[5 degC, {0} m3/s], [30 degC, {0} m3/s]]"}
WALL = {"width": "10 m", "depth": "5 cm", "height": "3 m", "outletBottom": "0.4 m"}


@pytest.fixture
def reference(rooms, changed, tmp_path, monkeypatch):
    """The benchmark's hall as a layout: racks and a supply set in the wall as products, the return in the ceiling."""
    flow = rooms.RACK_FLOW / rooms.DENSITY
    products = ("rack", "hall-rack", "hgx-h100", RACK), ("fan_wall", "hall-wall", "cw375", WALL)
    for kind, name, base, figures in products:
        (tmp_path / kind).mkdir()
        head = f"kind: {kind}\nname: {name}\nbase: {base}\ndescription: of the benchmark\nfigures:\n"
        lines = [f"  {key}: {FIGURE.format(value.format(flow))}\n" for key, value in figures.items()]
        (tmp_path / kind / f"{name}.yaml").write_text(head + "".join(lines), "utf-8")
    monkeypatch.setenv("TWIN_CATALOGUE", str(tmp_path))
    catalogue._files.cache_clear()
    file = changed(without_places() | {
        SIZE: "size: [18 m, 12 m, 4.2 m]", RISE: CRAHS,
        "origin: [4.0 m, 3.0 m]         # lower left corner of the first rack": "origin: [6.0 m, 3.6 m]",
        "origin: [4.0 m, 6.03 m]": "origin: [6.0 m, 7.2 m]",
        "product: cw375, count: 4, required: 3, origin: [1.0 m, 0.8 m], pitch: 2.4 m":
            "product: hall-wall, count: 1, required: 1, origin: [0 m, 1 m], pitch: 10 m",
    })  # fmt: skip
    sets = {"rows.rack_type": "hall-rack", "rows.support_load": "0 kW", "rows.whip.length": "0 m"}
    sets |= {"workload.rack_power": f"{rooms.RACK_POWER} W", "air.excess": f"{rooms.EXCESS - 1.0}"}
    facility = twin.load(file, sets)
    yield facility, twin.solve(facility)
    catalogue._files.cache_clear()


def test_the_hall_of_the_benchmark_is_a_layout(rooms, reference):
    """Edges, solids and what every face is, on cells of 0.3 x 0.3 x 0.2 m."""
    facility, state = reference
    found = voxels(facility, state, grid="fine")
    assert rooms.GRIDS["fine"] == GRIDS["fine"]
    stops = (
        (0.0, *rooms.ALONG, rooms.SIZE[0]),
        {0.0, *rooms.SUPPLY[0], *rooms.ROWS[0], *rooms.ROWS[1], rooms.SIZE[1]},
    )
    stops = *stops, {0.0, *rooms.SUPPLY[1], rooms.TOP, rooms.SIZE[2]}
    edges = [rooms.fitted(width, *sorted(one)) for width, one in zip(GRIDS["fine"], stops, strict=True)]
    for mine, theirs in zip(found.edges, edges, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-9)
    x, y, z = (rooms.middles(line) for line in edges)
    columns, low = rooms.within(x, rooms.ALONG), z < rooms.TOP
    rows = [rooms.within(y, row) for row in rooms.ROWS]
    solid = columns[:, None, None] & (rows[0] | rows[1])[:, None] & low
    np.testing.assert_array_equal(found.solid, solid)
    kinds = faces(solid.shape, solid)
    kinds[0][0][np.ix_(rooms.within(y, rooms.SUPPLY[0]), rooms.within(z, rooms.SUPPLY[1]))] = Face.FIXED
    kinds[2][:, :, -1][np.ix_(columns, rooms.within(y, (rooms.ROWS[0][1], rooms.ROWS[1][1])))] = Face.OUTLET
    for place in (place for row in rooms.ROWS for place in row):
        kinds[1][np.ix_(columns, np.abs(edges[1] - place) < 1e-9, low)] = Face.FIXED
    for mine, theirs in zip(found.kinds, kinds, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_allclose(found.flow, rooms.RACK_FLOW / rooms.DENSITY, rtol=1e-9)
    assert found.supply == pytest.approx(16 * rooms.EXCESS * rooms.RACK_FLOW / rooms.DENSITY)
    assert found.heat == pytest.approx(16 * rooms.RACK_POWER, rel=1e-9)
    assert found.supply_temperature == pytest.approx(rooms.ZERO + rooms.SUPPLY_TEMPERATURE)


@pytest.mark.parametrize("turbulence", ["eddy", "k-epsilon"])
def test_the_inlets_of_the_benchmark_from_the_layout(rooms, reference, turbulence):
    """Within its gates of OpenFOAM's: 0.5 K in the mean of the mirror pairs, 0.8 K root mean square, 0.3 K in the
    return of the heat balance; on cells of 0.6 x 0.6 x 0.3 m. OpenFOAM's turbulence is k-epsilon's."""
    found = air_field(*reference, most=2, turbulence=turbulence)
    inlet = found.air_inlet_temperature.values.reshape(2, -1).mean(axis=0) - rooms.ZERO
    away = inlet - np.mean(rooms.INLETS, axis=0)
    assert abs(away.mean()) <= 0.5
    assert np.sqrt(np.mean(away**2)) <= 0.8
    assert abs(float(found.return_temperature) - rooms.ZERO - rooms.BALANCE) <= 0.3
