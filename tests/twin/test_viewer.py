"""The viewer: what is in the scene, that its colours are the bar's, and how it refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import twin
from twin import cli
from twin.colour import scale
from twin.viewer import probe
from twin.viewer.camera import corners, fitted, flags
from twin.viewer.scene import scene

ROOT = Path(cli.__file__).parents[2]
SITE = ROOT / "tests" / "cases" / "gb300-96" / "layout.yaml"
ONE_ROW = ROOT / "tests" / "cases" / "dsx-pod" / "layout.yaml"


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def drawn(pod):
    return scene(pod)


@pytest.fixture(scope="module")
def spread(pod):
    """A state in which every rack has a power of its own."""
    return twin.solve(pod, twin.Operation(power_cap=np.linspace(75e3, 110e3, 16)[None]))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["view", *map(str, arguments)])


# The scene


def test_the_reference_pod_has_all_its_things_inside_the_hall(drawn):
    assert drawn.racks.shape == (16, 2, 3)
    assert {solid.title: len(solid.box) for solid in drawn.solids} == {
        "CDU": 4,
        "Power panel": 8,
        "Fan wall": 3,
    }
    # A drop for each rack, a header and a main for each row, a riser for each CDU and the main they share.
    assert len(drawn.supply.line) == len(drawn.return_.line) == 16 + 2 * 2 + 4 + 1
    assert len(np.unique(drawn.busway_panel)) == 8
    points = [*drawn.supply.line, *drawn.return_.line, corners(drawn.busway), corners(drawn.aisles)]
    for low, high in drawn.halls:
        for point in points:
            assert ((point >= low) & (point <= high)).all()


@pytest.mark.parametrize("side", ["supply", "return_"])
def test_pipes_lead_from_every_cdu_to_every_rack(pod, drawn, side):
    pipes = getattr(drawn, side)
    groups: list[set[int]] = []
    for index, line in enumerate(pipes.line):
        joined = {index}
        for group in list(groups):
            if any(_touch(line, pipes.line[other]) for other in group):
                groups.remove(group)
                joined |= group
        groups.append(joined)
    assert len(groups) == 1
    ends = np.concatenate(pipes.line)
    cdus = next(solid.box for solid in drawn.solids if solid.title == "CDU")
    for box in (*drawn.racks, *cdus):
        on_top = (ends >= box[0]).all(axis=1) & (ends <= box[1]).all(axis=1) & (ends[:, 2] == box[1, 2])
        assert on_top.sum() == 1
    sizes = {float(pod.cooling.pipe[f"{name}_diameter"][0]) for name in ("main", "branch")}
    assert set(pipes.diameter) == sizes | set(pod.cooling.row_pipe["diameter"])


def _touch(one, other):
    """Whether two runs along the axes meet."""
    low = np.maximum(one.min(axis=0), other.min(axis=0))
    high = np.minimum(one.max(axis=0), other.max(axis=0))
    return bool((low <= high + 1e-9).all())


def test_supply_and_return_do_not_run_through_each_other_or_through_a_busway(drawn):
    def boxes(pipes):
        return [
            (line.min(axis=0) - wide / 2, line.max(axis=0) + wide / 2)
            for line, wide in zip(pipes.line, pipes.diameter, strict=True)
        ]

    sides = [boxes(drawn.supply), boxes(drawn.return_), list(drawn.busway)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        for low, high in sides[first]:
            for below, above in sides[second]:
                assert not ((low < above) & (below < high)).all()


def test_a_hot_aisle_lies_between_rows_that_turn_their_rears_to_each_other(pod, drawn):
    np.testing.assert_allclose(drawn.aisles, [[[4.0, 3.2, 0.0], [8.8, 5.03, 2.3]]])
    turned = twin.load(sets={"rows[row1].facing": "north", "rows[row2].facing": "south"})
    assert len(scene(turned).aisles) == 0
    assert len(scene(twin.load(sets={"rows[row2].facing": "south"})).aisles) == 0


def test_what_has_no_place_is_not_drawn():
    lone = scene(twin.load(str(ONE_ROW)))
    assert {solid.title for solid in lone.solids} == {"CDU", "Fan wall"}
    assert len(lone.busway) == len(lone.aisles) == 0


OPEN = """size: [16 m, 11 m, 4.5 m]
  columns: [{origin: [9.6 m, 1.0 m], size: [0.5 m, 0.4 m]}]
  doors: [{origin: [4.0 m, 4.8 m], width: 1.0 m, height: 2.1 m}]
  returns: [{origin: [4.6 m, 4.3 m], size: [1.2 m, 1.2 m]}, {origin: [7.2 m, 4.3 m], size: [1.2 m, 1.2 m]}]"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """h100-air with a column, a door and two returns."""
    text = (ROOT / "twin" / "layouts" / "h100-air.yaml").read_text("utf-8")
    assert text.count("size: [16 m, 11 m, 4.5 m]") == 1
    file = tmp_path_factory.mktemp("opened") / "hall.yaml"
    file.write_text(text.replace("size: [16 m, 11 m, 4.5 m]", OPEN), "utf-8")
    return twin.load(str(file))


def test_columns_doors_and_returns_stand_where_the_layout_says(opened):
    shown = scene(opened)
    assert {title: len(boxes) for title, boxes in shown.fabric.items()} == {
        "Column": 1, "Raised floor": 0, "Perforated tile": 0, "Open door": 1, "Ceiling return": 2,
    }  # fmt: skip
    np.testing.assert_allclose(shown.fabric["Column"], [[[9.6, 1.0, 0.0], [10.1, 1.4, 4.5]]])
    np.testing.assert_allclose(shown.fabric["Open door"], [[[4.0, 4.8, 0.0], [4.0, 5.8, 2.1]]])
    np.testing.assert_allclose(shown.fabric["Ceiling return"][1], [[7.2, 4.3, 4.5], [8.4, 5.5, 4.5]])
    assert shown.aisle_top.tolist() == [4.5]


def test_a_raised_floor_has_its_plenum_and_each_tile():
    shown = scene(twin.load("h100-raised-floor"))
    np.testing.assert_allclose(shown.fabric["Raised floor"], [[[0.0, 0.0, -0.75], [14.0, 11.0, 0.0]]])
    tiles = shown.fabric["Perforated tile"]
    assert len(tiles) == 16
    np.testing.assert_allclose(tiles[:, 1, :2] - tiles[:, 0, :2], 0.6)
    assert len(np.unique(tiles[:, 0, :2].round(6), axis=0)) == 16
    np.testing.assert_allclose(
        [tiles.min(axis=(0, 1))[:2], tiles.max(axis=(0, 1))[:2]], [[5.0, 4.9], [9.8, 6.1]]
    )
    # Open aisles and a closed ceiling.
    assert len(shown.aisles) == len(shown.fabric["Ceiling return"]) == 0


def test_ceilings_without_returns_of_their_own_open_over_every_contained_aisle():
    shown = scene(twin.load(str(SITE)))
    assert len(shown.fabric["Ceiling return"]) == len(shown.aisles) == 96
    np.testing.assert_allclose(shown.fabric["Ceiling return"][:, :, :2], shown.aisles[:, :, :2])
    np.testing.assert_allclose(shown.fabric["Ceiling return"][:, 0, 2], shown.aisle_top)


def test_rows_along_y_are_piped_as_well():
    sets = {
        "hall.size": "[20 m, 12 m, 4.5 m]", "rows[row1].facing": "west", "rows[row2].facing": "east",
        "rows[row2].origin": "[7.0 m, 2.0 m]", "rows[row1].origin": "[4.0 m, 2.0 m]",
    }  # fmt: skip
    turned = scene(twin.load(sets=sets))
    test_pipes_lead_from_every_cdu_to_every_rack(twin.load(), turned, "supply")
    np.testing.assert_allclose(turned.aisles, [[[5.2, 2.0, 0.0], [7.0, 6.8, 2.3]]])
    assert turned.front == (1.0, 0.0)


def test_a_site_has_every_rack_and_a_block_only_its_own(pod, drawn):
    site = twin.load(str(SITE))
    whole = scene(site)
    assert len(whole.racks) == 1536
    assert len(whole.supply.line) == 96 * len(drawn.supply.line)
    seventh = scene(site, 6)
    assert seventh.rack.tolist() == list(range(96, 112))
    np.testing.assert_allclose(seventh.busway, drawn.busway + [0.0, 72.0, 0.0])
    np.testing.assert_allclose(seventh.supply.line[0], drawn.supply.line[0] + [0.0, 72.0, 0.0])


# The camera


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (28.0, 34.0), (-80.0, 90.0), (180.0, 20.0)])
def test_a_camera_shows_all_points_and_fills_its_room(drawn, azimuth, elevation):
    points, size, room = corners(drawn.racks), (1600, 900), (0.1, 0.2, 0.9, 0.95)
    pixels = fitted(points, drawn.front, azimuth, elevation, size, room).pixels(points)
    share = pixels / np.array(size)
    assert (share >= np.array(room[:2]) - 1e-9).all()
    assert (share <= np.array(room[2:]) + 1e-9).all()
    filled = np.ptp(share, axis=0) / (np.array(room[2:]) - room[:2])
    assert filled.max() == pytest.approx(1.0)


def test_flags_stand_above_their_racks_and_clear_of_each_other(drawn):
    feet = drawn.racks[:6].mean(axis=1)
    camera = fitted(corners(drawn.racks), drawn.front, 28.0, 34.0, (1600, 900))
    tips = flags(camera, feet, [150.0] * 6, 24.0, 50.0)
    np.testing.assert_array_equal(tips[:, :2], feet[:, :2])
    at = camera.pixels(tips)
    assert (at[:, 1] - camera.pixels(feet)[:, 1] >= 50.0 - 1e-6).all()
    for one in range(6):
        for other in range(one):
            apart = np.abs(at[one] - at[other])
            assert apart[0] >= 150.0 or apart[1] >= 24.0


# The drawing


def test_a_rack_without_a_value_is_grey(graphics, pod, spread, tmp_path):
    from PIL import Image

    from twin.viewer import draw

    holed = spread.copy(deep=True)
    holed["power"][0, 3] = np.nan
    made = draw.picture(pod, holed, "power", (1600, 900), eye=(0.0, 12.0))
    draw.write(made, tmp_path / "hall.png")
    face = pod.racks.box[3].mean(axis=0)
    face[1] = pod.racks.box[3, 0, 1]
    x, y = made.cameras[0].pixels(face)
    grey = Image.open(tmp_path / "hall.png").convert("RGB").getpixel((round(x), 900 - round(y)))
    assert "#{:02x}{:02x}{:02x}".format(*grey) == draw.UNKNOWN


def test_a_site_is_two_parts_and_few_actors(graphics, tmp_path):
    from twin.viewer import draw

    site = twin.load(str(SITE))
    made = draw.picture(site, twin.solve(site), "case_temperature", (1600, 900))
    assert len(made.cameras) == 2
    assert sum(len(renderer.actors) for renderer in made.plotter.renderers) < 60
    draw.write(made, tmp_path / "site.png")
    assert (tmp_path / "site.png").stat().st_size > 20_000


def test_what_is_open_is_drawn_and_in_the_legend(graphics, opened, tmp_path):
    from PIL import Image

    from twin.viewer import draw

    for facility, titles in (
        (opened, ("Column", "Open door", "Ceiling return")),
        (twin.load("h100-raised-floor"), ("Raised floor", "Perforated tile")),
    ):
        draw.write(draw.picture(facility, twin.solve(facility), "power", (1600, 900)), tmp_path / "hall.png")
        picture = np.asarray(Image.open(tmp_path / "hall.png").convert("RGB"))
        for title in titles:
            # Its patch; in the hall itself it is lit, or seen through.
            tint = [int(draw.TINTS[title][n : n + 2], 16) for n in (1, 3, 5)]
            assert (picture == tint).all(axis=-1).sum() > 50, title
    tiles = scene(facility).fabric["Perforated tile"]
    made = draw.picture(facility, twin.solve(facility), "power", (1600, 900), eye=(0.0, 89.0))
    draw.write(made, tmp_path / "hall.png")
    x, y = made.cameras[0].pixels(tiles[0].mean(axis=0) * [1.0, 1.0, 0.0])
    red, _, blue = Image.open(tmp_path / "hall.png").convert("RGB").getpixel((round(x), 900 - round(y)))
    assert blue > red + 20


def test_inlets_have_no_more_digits_than_their_uncertainty_carries(graphics, pod):
    """Spread over 0.8 K two digits would tell them from the ends of the bar; 0.2 K carry one."""
    from twin.viewer import draw

    inlets = np.linspace(295.0, 295.79, 16)
    one = twin.solve(pod).isel(scenario=0)
    for sure, told in ((None, "22.64 °C"), (0.03, "22.64 °C"), (0.2, "22.6 °C"), (np.inf, "23 °C")):
        half = None if sure is None else np.full(16, sure)
        second = draw.titles(pod, one, scale("air_inlet_temperature", inlets, half), 1)[1]
        assert f"highest {told}" in second


def test_titles_say_what_is_out_and_which_scenario(graphics, pod):
    from twin.viewer import draw

    lost = twin.solve(pod, twin.Operation(out=[[], ["ups.A"]], rack_power=142e3))
    one = lost.isel(scenario=1)
    head, second = draw.titles(pod, one, scale("power", one.power.values), 2)
    assert "16 racks" in head
    assert "scenario 1" in second
    assert "not in service: ups.A, rpp.A1, rpp.A2" in second
    dark = twin.solve(twin.load(sets={"utility.cap": "100 kW"})).isel(scenario=0)
    assert "No solution" in draw.titles(pod, dark, scale("power", dark.power.values), 1)[1]


def test_a_value_that_all_racks_have_is_told_with_three_digits(graphics, pod):
    from twin.viewer import draw

    one = twin.solve(pod).isel(scenario=0)
    second = draw.titles(pod, one, scale("coolant_flow", np.full(16, 2.13717e-3)), 1)[1]
    assert "128 L/min" in second


# The command


def test_view_writes_a_picture_of_a_layout_and_of_its_state(graphics, tmp_path):
    sets = ("--set", "rows[row2].power_cap=90 kW")
    assert CliRunner().invoke(cli.app, ["run", *sets, "--out", str(tmp_path)]).exit_code == 0
    size = ("--size", "640x360")
    for name, source in (("layout.png", ("gb300-su", *sets)), ("state.png", (tmp_path / "state.nc",))):
        result = invoke(*source, "--color", "power", "--screenshot", tmp_path / name, *size)
        assert result.exit_code == 0, result.output
        assert result.stdout == f"{tmp_path / name}\n"
        assert result.stderr == ""
    first, second = ((tmp_path / name).read_bytes() for name in ("layout.png", "state.png"))
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_no_solution_is_drawn_in_grey_and_ends_with_3(graphics, tmp_path):
    result = invoke("--set", "utility.cap=100 kW", "--screenshot", tmp_path / "hall.png", "--size", "640x360")
    assert result.exit_code == 3
    assert (tmp_path / "hall.png").exists()


BROKEN = {
    "no file": (["no-such.nc"], ["no-such.nc", "no such file"]),
    "no layout": (["no-such.yaml"], ["no-such.yaml", "no such file"]),
    "unknown variable": (["--color", "case_temprature"], ["--color", "did you mean 'case_temperature'"]),
    "no size": (["--size", "1600"], ["--size", "1600x900"]),
    "a size too large": (["--size", "1600x90000"], ["--size", "8000"]),
    "no such scenario": (["--scenario", "3"], ["--scenario", "there is only 0"]),
    "a setting that is none": (["--set", "site.dry_blub=3 degC"], ["site.dry_blub"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, case):
    arguments, words = BROKEN[case]
    result = invoke(*arguments, "--screenshot", tmp_path / "hall.png")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "word"),
    [("none/hall.png", "a folder that does not exist"), ("hall.jpg", ".png"), ("d.png", "folder")],
)
def test_a_picture_that_cannot_be_written_is_bad_input(tmp_path, file, word):
    (tmp_path / "d.png").mkdir()
    result = invoke("--screenshot", tmp_path / file)
    assert result.exit_code == 2
    assert word in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["d.png"]


def test_settings_do_not_change_a_solved_state(pod, tmp_path):
    twin.solve(pod).to_netcdf(tmp_path / "state.nc", engine="netcdf4")
    result = invoke(
        tmp_path / "state.nc", "--set", "site.dry_bulb=3 degC", "--screenshot", tmp_path / "h.png"
    )
    assert result.exit_code == 2
    assert result.stderr.startswith("--set: ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there always is a display")
def test_without_a_display_a_window_is_not_tried(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = invoke()
    assert result.exit_code == 2
    assert "--screenshot FILE.png" in result.stderr


# A machine that cannot draw


def test_a_missing_pyvista_gets_one_line_and_status_4(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "find_spec", lambda name: None)
    result = invoke("--screenshot", tmp_path / "hall.png")
    assert result.exit_code == 4
    assert result.stderr == f"twin: {probe.NO_LIBRARY}\n"


def test_the_users_own_class_of_window_is_the_only_one_tried(monkeypatch):
    tried = []
    monkeypatch.setenv(probe.WINDOW, "vtkMine")
    monkeypatch.setattr(probe, "usable", lambda window: bool(tried.append(window)))
    assert probe.ready() == probe.NO_GRAPHICS
    assert tried == ["vtkMine"]


def test_the_second_way_to_draw_is_taken_when_the_first_fails(monkeypatch):
    monkeypatch.delenv(probe.WINDOW, raising=False)
    monkeypatch.setattr(probe, "windows", lambda: probe.HEADLESS)
    monkeypatch.setattr(probe, "usable", lambda window: window == probe.HEADLESS[1])
    monkeypatch.setenv(probe.WINDOW, "")
    assert probe.ready() == ""
    assert os.environ[probe.WINDOW] == probe.HEADLESS[1]
