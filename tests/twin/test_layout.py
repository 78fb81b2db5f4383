import contextlib
import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.catalogue import products
from twin.document import MAXIMUM_SIZE, Document, read
from twin.errors import InputError
from twin.layout import Layout, builtin_layouts, document, load_layout, new_layout
from twin.settings import Unsettable, plain, put, steps

REFERENCE = "gb300-su"


def reference():
    from importlib.resources import files

    return files("twin").joinpath("layouts", f"{REFERENCE}.yaml").read_text("utf-8")


def problems(path, sets=None):
    with pytest.raises(InputError) as caught:
        load_layout(path, sets)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return caught.value.problems


@pytest.fixture
def broken(tmp_path):
    """The problems of the reference layout after (old, new) replacements of its text, and its lines."""

    def spoil(*changes, sets=None):
        content = reference()
        for old, new in changes:
            assert old in content, old
            content = content.replace(old, new, 1)
        file = tmp_path / "hall.yaml"
        file.write_text(content, "utf-8")
        return problems(file, sets), content.splitlines()

    return spoil


def test_the_reference_pod_is_what_the_hand_calculation_describes():
    layout = load_layout()
    (block,) = layout.blocks
    unit = block.template
    assert (layout.name, layout.racks) == (REFERENCE, 16)
    assert (block.placements[0].prefix, block.placements[0].offset) == ("", (0.0, 0.0, 0.0))
    assert layout.site.dry_bulb == pytest.approx(308.15)
    assert layout.site.electricity_price == pytest.approx(0.08 / 3.6e6)
    assert layout.economics.facility_cost == 12.0
    assert layout.workload.interactivity == 50.0
    assert layout.utility.short_circuit_power == 500e6
    assert unit.loop.supply_temperature == pytest.approx(318.15)
    assert unit.air.support_rise == 16.0
    assert [row.count for row in unit.rows] == [8, 8]
    assert unit.rows[0].pitch == pytest.approx(0.6)
    assert unit.rows[0].support_load == 148e3
    assert (unit.loop.cdus.count, unit.loop.cdus.required) == (4, 3)
    assert len(unit.power.devices) == 18
    assert unit.loop.main.length is None
    assert unit.loop.branch.length == 3.0


def test_equipment_may_hang_on_the_utility_and_whips_may_have_no_length(tmp_path):
    file = tmp_path / "bench.yaml"
    content = (
        reference().replace("feeds: [T.M1, T.M2]", "feeds: [utility]").replace("length: 12 m", "length: 0 m")
    )
    file.write_text(content, "utf-8")
    unit = load_layout(file).blocks[0].template
    assert unit.plant.pumps.feeds == ("utility",)
    assert unit.rows[0].whip.length == 0.0


def test_a_layout_is_frozen_and_survives_a_worker_process():
    layout = load_layout()
    with pytest.raises(ValueError, match="frozen"):
        layout.site.dry_bulb = 300.0
    assert pickle.loads(pickle.dumps(layout)) == layout


@pytest.mark.parametrize("name", builtin_layouts())
def test_every_built_in_layout_loads(name):
    assert isinstance(load_layout(name), Layout)


# What can be wrong: (old, new, where the problem stands, path, message).
BROKEN = {
    "unknown product": (
        "rack_type: gb300-nvl72",
        "rack_type: gb300-nvl27",
        "rows[0].rack_type",
        "unknown rack 'gb300-nvl27'; did you mean 'gb300-nvl72'?",
    ),
    "product of another kind": (
        "row: {product: steel-dn125}",
        "row: {product: ups-1000}",
        "loop.row.product",
        "'ups-1000' is a ups, expected a pipe",
    ),
    "product without a figure its place needs": (
        "chillers: {product: free-cooling-chiller-400",
        "chillers: {product: trim-chiller-500",
        "air.chillers.product",
        "has no figure 'freeCoolingEffectiveness'",
    ),
    "missing unit": (
        "pitch: 600 mm",
        "pitch: 600",
        "rows[0].pitch",
        "'600' has no unit; write it as '600 mm'",
    ),
    "wrong dimension": (
        "rating: 5 MW",
        "rating: 5 MV",
        "utility.rating",
        "'5 MV' is a voltage [MV], expected a power [kW] such as '5 MW'",
    ),
    "temperature for a difference": (
        "support_rise: 16 K",
        "support_rise: 16 degC",
        "air.support_rise",
        "expected a temperature difference [K]",
    ),
    "dangling feed of a row": (
        "feeds: [rpp.A1, rpp.B1",
        "feeds: [rpp.A9, rpp.B1",
        "rows[0].feeds[0]",
        "no device 'rpp.A9'; did you mean 'rpp.A",
    ),
    "row on the utility": ("feeds: [rpp.A1", "feeds: [utility", "rows[0].feeds[0]", "no device 'utility'"),
    "dangling feed of equipment": (
        "feeds: [T.M1, T.M2]",
        "feeds: [T.M1, T.M3]",
        "plant.dry_coolers.feeds[1]",
        "no device 'T.M3'",
    ),
    "dangling feed of a device": (
        "product: ups-1000, feed: T.A",
        "product: ups-1000, feed: T.X",
        "power.devices[6].feed",
        "no device 'T.X'",
    ),
    "feed listed twice": (
        "feeds: [T.M1, T.M2]",
        "feeds: [T.M1, T.M1]",
        "plant.dry_coolers.feeds[1]",
        "listed twice",
    ),
    "cycle": (
        "name: T.A, product: transformer-1250, feed: utility",
        "name: T.A, product: transformer-1250, feed: rpp.A1",
        "power.devices[0].feed",
        "feeds itself: T.A <- rpp.A1 <- ups.A <- T.A",
    ),
    "duplicate device": (
        "name: rpp.B1",
        "name: rpp.A1",
        "power.devices[11].name",
        "is there already, as power.devices[10]",
    ),
    "duplicate row": (
        "name: row2",
        "name: row1",
        "rows[1].name",
        "the row 'row1' is there already, as rows[0]",
    ),
    "device called utility": ("name: T.M2", "name: utility", "power.devices[5].name", "is the source itself"),
    "duplicate key": (
        "  wet_bulb: 24 degC",
        "  dry_bulb: 24 degC",
        "site.dry_bulb",
        "stands here a second time; the first is in line",
    ),
    "unknown key": (
        "leakage: 0.0",
        "leakge: 0.0",
        "air.leakge",
        "unknown key 'leakge'; did you mean 'leakage'?",
    ),
    "unknown part": ("hall:", "haul:", "haul", "unknown key 'haul'; did you mean 'hall'?"),
    "missing key": (
        "  maintenance: 0.04",
        "  # nothing",
        "economics.maintenance",
        "required key 'maintenance' is missing",
    ),
    "unknown word": (
        "precision: nvfp4",
        "precision: fp4",
        "workload.precision",
        "'fp4' is not known; expected 'nvfp4'",
    ),
    "feeds against the scheme": (
        "redundancy: 4N3R",
        "redundancy: 2N",
        "rows[0].feeds",
        "2N takes 2 feeds a row, not 4",
    ),
    "zero count": ("count: 8", "count: 0", "rows[0].count", "is 0, must be at least 1"),
    "count with a unit": (
        "count: 8",
        "count: 8 racks",
        "rows[0].count",
        "expected a whole number without a unit",
    ),
    "fractional count": ("count: 8", "count: 7.5", "rows[0].count", "expected a whole number"),
    "zero length": ("length: 3 m", "length: 0 m", "loop.branch.length", "is 0 m, must be more than 0.00 m"),
    "negative power": (
        "support_load: 148 kW",
        "support_load: -1 kW",
        "rows[0].support_load",
        "must be at least",
    ),
    "ratio out of range": (
        "prefill_utilisation: 0.8",
        "prefill_utilisation: 1.8",
        "workload.prefill_utilisation",
        "must be less than 1.00",
    ),
    "below absolute zero": (
        "dry_bulb: 35 degC",
        "dry_bulb: -300 degC",
        "site.dry_bulb",
        "must be at least -60",
    ),
    "not a number": ("leakage: 0.0", "leakage: .nan", "air.leakage", "not a finite number"),
    "more required than installed": (
        "count: 4, required: 3",
        "count: 2, required: 3",
        "loop.cdus.required",
        "is 3, more than the 2 installed",
    ),
    "conductor without length": (
        "conductor: busway-2000a, length: 10 m",
        "conductor: busway-2000a",
        "power.devices[6].conductor",
        "needs 'length'",
    ),
    "two values of three": (
        "size: [16 m, 9 m, 4.5 m]",
        "size: [16 m, 9 m]",
        "hall.size",
        "has 2 values, more are needed",
    ),
    "scalar for a part": (
        "main: {product: steel-dn150}",
        "main: steel-dn150",
        "loop.main",
        "expected a mapping of keys, not 'steel-dn150'",
    ),
    "racks of a row in the same place": (
        "pitch: 600 mm",
        "pitch: 500 mm",
        "rows[0].pitch",
        "rack 1 of row1 and rack 2 of row1 stand in the same place (7 such pairs); widen the pitch",
    ),
    "two rows in the same place": (
        "origin: [4.0 m, 5.03 m]",
        "origin: [4.0 m, 3.0 m]",
        "rows[1].origin",
        "rack 1 of row1 and rack 1 of row2 stand in the same place (8 such pairs); move one",
    ),
    "a CDU in a row": (
        "origin: [11.0 m, 2.0 m]",
        "origin: [8.0 m, 2.0 m]",
        "loop.cdus.origin",
        "of row1 and cdu 1 stand in the same place",
    ),
    "a panel in a row": (
        "origin: [8.9 m, 2.0 m]",
        "origin: [8.5 m, 2.0 m]",
        "power.devices[10].origin",
        "rack 8 of row1 and rpp.A1 stand in the same place; move one of them",
    ),
    "two panels in the same place": (
        "origin: [9.5 m, 2.0 m]",
        "origin: [9.2 m, 2.0 m]",
        "power.devices[11].origin",
        "rpp.A1 and rpp.B1 stand in the same place; move one of them",
    ),
    "a panel outside the hall": (
        "origin: [9.5 m, 2.6 m]",
        "origin: [15.5 m, 2.6 m]",
        "power.devices[13].origin",
        "rpp.D1 stands outside the hall of 16 x 9 x 4.5 m; move it or widen hall.size",
    ),
    "a tag": (
        "fluid: pg25",
        "fluid: !!python/name:os.system pg25",
        "loop.fluid",
        "the tag 'python/name:os.system'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_layout_names_line_and_remedy(case, broken):
    old, new, path, message = BROKEN[case]
    found, lines = broken((old, new))
    hits = [problem for problem in found if problem.path == path and message in problem.message]
    assert len(hits) == 1, [str(problem) for problem in found]
    assert hits[0].file.endswith("hall.yaml")
    if case not in ("missing key", "two values of three"):
        word = path.rpartition(".")[2].partition("[")[0]
        near = "\n".join(lines[hits[0].line - 2 : hits[0].line + 6])
        assert word in near
        assert hits[0].column <= len(lines[hits[0].line - 1])


def test_line_and_column_are_those_of_the_value(broken):
    (problem,), lines = broken(("feeds: [rpp.A1, rpp.B1", "feeds: [rpp.A1, rpp.B9"))
    assert lines[problem.line - 1][problem.column - 1 :].startswith("rpp.B9")
    place = f"hall.yaml:{problem.line}:{problem.column}"
    assert str(problem).endswith(f"{place} rows[0].feeds[1]: no device 'rpp.B9'; did you mean 'rpp.B2'?")


def test_all_that_is_wrong_is_said_at_once(broken):
    cases = [
        "unknown product",
        "missing unit",
        "wrong dimension",
        "dangling feed of a row",
        "duplicate key",
        "racks of a row in the same place",
        "unknown key",
        "missing key",
        "ratio out of range",
        "duplicate device",
    ]
    changes = [BROKEN[case][:2] for case in cases if case != "missing unit"]
    changes.append(("pitch: 600 mm\n    facing: north", "pitch: 600\n    facing: north"))
    # An unknown rack has no width, so the other row shows the overlap.
    second = "  - name: row2\n    rack_type: gb300-nvl"
    changes[0] = (f"{second}72", f"{second}27")
    found, _ = broken(*changes)
    paths = {problem.path for problem in found}
    assert paths >= {
        "rows[1].rack_type",
        "rows[1].pitch",
        "utility.rating",
        "rows[0].feeds[0]",
        "site.dry_bulb",
        "rows[0].pitch",
        "air.leakge",
        "economics.maintenance",
        "workload.prefill_utilisation",
        "power.devices[11].name",
    }
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a\n- b\n", "hall.yaml:1:1: is a list; expected a mapping"),
        ("just words\n", "is a single value; expected a mapping"),
        ("", "is empty; expected a mapping"),
        ("name: [1, 2\n", "not YAML"),
        ("name: 'x\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML: expected a single document"),
        ("a:\n\t- b\n", "hall.yaml:2:1: not YAML"),
        ("\x00", "not YAML"),
        ("[" * 5000, "nested too deep"),
        ("a: " + "[" * 5000, "nested too deep"),
    ],
)
def test_a_text_that_is_no_layout_is_one_clear_problem(content, message, tmp_path):
    file = tmp_path / "hall.yaml"
    file.write_text(content, "utf-8")
    (problem,) = problems(file)
    assert message in str(problem)


def test_an_alias_bomb_is_refused_before_it_grows(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join(lines), "utf-8")
    start = time.process_time()
    found = problems(file)
    assert time.process_time() - start < 1.0
    assert "bomb.yaml:1:5 a0: anchors and aliases are not allowed (here '&a0'); write the value out" in str(
        found[0]
    )
    assert all("anchor" in problem.message for problem in found)


def test_a_file_that_holds_itself_is_refused(tmp_path):
    file = tmp_path / "loop.yaml"
    file.write_text("site: &x {a: *x}\n", "utf-8")
    (problem,) = problems(file)
    assert "(here '&x')" in problem.message


def test_a_file_too_large_is_refused_unread(tmp_path):
    file = tmp_path / "large.yaml"
    with file.open("wb") as handle:
        handle.truncate(5 * MAXIMUM_SIZE)
    assert "too large" in problems(file)[0].message
    with pytest.raises(InputError, match="is larger than"):
        read("a" * (MAXIMUM_SIZE + 1), "x.yaml")


def test_a_file_that_is_not_there_names_the_layouts_that_are(tmp_path):
    (problem,) = problems("gb300-us")
    assert "no such file; did you mean 'gb300-su'? (built-in layouts: " in problem.message
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Köln".encode("latin-1"))
    assert "not text in UTF-8" in problems(latin)[0].message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: NO", "NO"),
        ("a: on", "on"),
        ("a: 012", 12),
        ("a: 1e3", 1000.0),
        ("a: 12:30:00", "12:30:00"),
        ("a: true", True),
    ],
)
def test_words_mean_what_yaml_1_2_says(text, value):
    assert read(text, "x.yaml").value == {"a": value}


# Settings


def test_settings_replace_what_the_file_says():
    layout = load_layout(
        REFERENCE,
        {
            "site.dry_bulb": "20 degC",
            "rows.count": "6",
            "rows[row2].count": "4",
            "rows[0].support_load": "0 kW",
            "workload.rack_power": "142 kW",
            "utility.cap": "2 MW",
            "rows.power_cap": "120 kW",
            "rows[row1].power_factor": "0.97",
            "power.devices[rpp.A1].product": "ups-1000",
            "rows[row1].feeds[3]": "rpp.D2",
            "loop.cdus.origin": "[12 m, 2 m]",
        },
    )
    unit = layout.blocks[0].template
    assert layout.site.dry_bulb == pytest.approx(293.15)
    assert [row.count for row in unit.rows] == [6, 4]
    assert [row.support_load for row in unit.rows] == [0.0, 148e3]
    assert layout.workload.rack_power == 142e3
    assert layout.utility.cap == 2e6
    assert [row.power_cap for row in unit.rows] == [120e3, 120e3]
    assert [row.power_factor for row in unit.rows] == [0.97, None]
    assert unit.power.devices[10].product == "ups-1000"
    assert unit.rows[0].feeds[3] == "rpp.D2"
    assert unit.loop.cdus.origin == (12.0, 2.0)
    assert load_layout().blocks[0].template.rows[0].count == 8


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("site.dry_blub", "3 degC", "set site.dry_blub: unknown key 'dry_blub'; did you mean 'dry_bulb'?"),
        ("sit.dry_bulb", "3 degC", "set sit.dry_bulb: unknown key 'sit'; did you mean 'site'?"),
        ("rows.cuont", "3", "set rows.cuont: unknown key 'cuont'; did you mean 'count'?"),
        ("rows[row9].count", "3", "set rows[row9].count: rows has no item 'row9'; did you mean 'row2'?"),
        ("rows[7].count", "3", "rows has no item '7' (it holds row1, row2)"),
        ("site.dry_bulb", "35", "set site.dry_bulb: '35' has no unit; write it as '35 degC'"),
        ("site.dry_bulb", "35 kW", "set site.dry_bulb: '35 kW' is a power [kW], expected a temperature"),
        ("rows.rack_type", "gb300-nvl27", "set rows.rack_type: unknown rack 'gb300-nvl27'"),
        ("rows[row1].feeds[0]", "rpp.Z9", "set rows[row1].feeds[0]: no device 'rpp.Z9'"),
        (
            "rows[row1].pitch",
            "300 mm",
            "set rows[row1].pitch: rack 1 of row1 and rack 2 of row1 stand in the same",
        ),
        ("site", "3", "set site: expected a mapping of keys, not '3'"),
        ("site.dry_bulb.x", "3", "set site.dry_bulb.x: site.dry_bulb has no keys of its own"),
        ("site[0].dry_bulb", "3", "set site[0].dry_bulb: site is not a list"),
        ("site..dry_bulb", "3", "is not a layout path; write for example rows[row1].count"),
        ("", "3", "is not a layout path"),
        ("site.dry_bulb", "[1", "cannot be read: not YAML"),
        ("site.dry_bulb", "&a 1", "cannot be read: anchors and aliases"),
        ("SU001.rows.count", "3", "set SU001.rows.count: unknown key 'SU001'"),
    ],
)
def test_a_setting_that_leads_nowhere_says_what_was_near(path, value, message):
    (found,) = problems(REFERENCE, {path: value})
    assert message in str(found)
    assert found.line is None


def test_a_design_point_is_validated_from_the_document_in_20_milliseconds():
    source = document(REFERENCE)
    load_layout(source)
    start = time.process_time()
    for number in range(5):
        load_layout(source, {"site.dry_bulb": f"{number} degC"})
    assert (time.process_time() - start) / 5 < 0.020


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_setting_breaks_the_door(path, value):
    try:
        put({"a": [{"b": 1}]}, steps(path), plain(value))
    except Unsettable:
        return


# Blocks

HEAD = reference().partition("hall:")[0].replace("name: gb300-su", "name: gb300-96")


@pytest.fixture
def site(tmp_path):
    """A site file with the given lines under `blocks`."""

    def made(*lines):
        file = tmp_path / "site.yaml"
        file.write_text(HEAD + "blocks:\n" + "".join(f"  - {line}\n" for line in lines), "utf-8")
        return file

    return made


def test_a_site_of_96_units_loads_in_less_than_a_second(site):
    file = site("{name: SU, use: gb300-su, repeat: 96, pitch: [0 m, 12 m, 0 m]}")
    start = time.process_time()
    layout = load_layout(file)
    assert time.process_time() - start < 1.0
    (block,) = layout.blocks
    assert layout.racks == 1536
    assert [placed.prefix for placed in block.placements[::95]] == ["SU001.", "SU096."]
    assert block.placements[6].offset == (0.0, 72.0, 0.0)
    assert block.template == load_layout().blocks[0].template
    assert layout.assumptions == load_layout().assumptions


def test_a_block_may_come_from_a_file_beside_the_site(site, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one.yaml").write_text(reference().replace("count: 8", "count: 4", 1), "utf-8")
    layout = load_layout(
        site("{name: A, use: parts/one.yaml}", "{name: B, use: gb300-su, origin: [20 m, 0 m, 0 m]}")
    )
    assert [(block.placements[0].prefix, block.template.rows[0].count) for block in layout.blocks] == [
        ("A.", 4),
        ("B.", 8),
    ]


def test_problems_of_a_used_file_stand_in_that_file(site, tmp_path):
    (tmp_path / "one.yaml").write_text(reference().replace("pitch: 600 mm", "pitch: 600", 1), "utf-8")
    (found,) = problems(site("{name: A, use: one.yaml}"))
    assert found.file.endswith("one.yaml")
    assert found.path == "rows[0].pitch"
    (tmp_path / "one.yaml").write_text(reference().replace("  wet_bulb:", "  dry_bulb:", 1), "utf-8")
    (found,) = problems(site("{name: A, use: one.yaml}"))
    assert "stands here a second time" in found.message
    (tmp_path / "one.yaml").write_text("hall: &a {size: [1 m, 1 m, 1 m]}", "utf-8")
    (found,) = problems(site("{name: A, use: one.yaml}"))
    assert "(here '&a')" in found.message


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("SU002.rows[row1].count", [("SU001.", 1, 8), ("SU002.", 1, 5), ("SU003.", 2, 8)]),
        ("SU001.rows[row1].count", [("SU001.", 1, 5), ("SU002.", 3, 8)]),
        ("SU004.rows[row1].count", [("SU001.", 3, 8), ("SU004.", 1, 5)]),
        ("SU.rows[row1].count", [("SU001.", 4, 5)]),
        ("rows[row1].count", [("SU001.", 4, 5)]),
    ],
)
def test_a_setting_reaches_every_copy_or_one(site, path, counts):
    layout = load_layout(site("{name: SU, use: gb300-su, repeat: 4, pitch: [0 m, 12 m, 0 m]}"), {path: "5"})
    found = [(b.placements[0].prefix, len(b.placements), b.template.rows[0].count) for b in layout.blocks]
    assert found == counts


@pytest.mark.parametrize(
    ("line", "sets", "path", "message"),
    [
        ("{name: SU}", {}, "blocks[0]", "needs either 'use'"),
        ("{name: SU, use: gb300-su, unit: {}}", {}, "blocks[0]", "needs either 'use'"),
        ("{name: SU, use: gb300-us}", {}, "blocks[0].use", "did you mean 'gb300-su'?"),
        ("{name: SU, use: ../site.yaml}", {}, "blocks[0].use", "no layout '../site.yaml' beside this file"),
        ("{name: SU, use: /etc/passwd}", {}, "blocks[0].use", "no layout '/etc/passwd'"),
        ("{name: SU, use: site.yaml}", {}, "blocks[0].use", "has blocks itself"),
        ("{name: SU, unit: 3}", {}, "blocks[0].unit", "expected the keys of a unit: hall, rows"),
        ("{name: SU, use: gb300-su, repeat: 0}", {}, "blocks[0].repeat", "must be at least 1"),
        (
            "{name: SU, use: gb300-su, repeat: 3}",
            {},
            "blocks[0].pitch",
            "the hall of SU001 and the hall of SU002",
        ),
        ("{name: SU, use: gb300-su, reapet: 3}", {}, "blocks[0].reapet", "did you mean 'repeat'?"),
        ("SU", {}, "blocks[0]", "expected a mapping of keys"),
        (
            "{name: SU, use: gb300-su}",
            {"SUB.rows.count": "4"},
            "SUB.rows.count",
            "unknown key or block 'SUB'; did",
        ),
        ("{name: SU, use: gb300-su}", {"SU": "4"}, "SU", "names a block; go on"),
        ("{name: SU, use: gb300-su}", {"SU.rosw.count": "4"}, "SU.rosw.count", "did you mean 'rows'?"),
        ("{name: SU, use: gb300-su}", {"rows.pitch": "4"}, "rows.pitch", "has no unit"),
    ],
)
def test_a_broken_block_names_its_place(site, line, sets, path, message):
    found = [problem for problem in problems(site(line), sets) if message in problem.message]
    assert [problem.path for problem in found] == [path]


def test_two_blocks_may_not_share_a_name_or_a_place(site):
    found = problems(site("{name: SU, use: gb300-su}", "{name: SU, use: gb300-su}"))
    messages = [problem.message for problem in found]
    assert any("the block 'SU' is there already, as blocks[0]" in message for message in messages)
    assert any("the hall of SU and the hall of SU stand in the same place" in message for message in messages)


def test_a_unit_key_beside_blocks_is_unknown(tmp_path):
    file = tmp_path / "both.yaml"
    file.write_text(reference() + "\nblocks:\n  - {name: SU, use: gb300-su}\n", "utf-8")
    found = problems(file)
    assert any(problem.path == "rows" and "beside 'blocks'" in problem.message for problem in found)


# A new layout


@pytest.mark.parametrize("racks", [8, 16, 24, 64, 1536])
def test_a_new_layout_loads_with_as_many_racks_and_keeps_its_comments(racks, tmp_path):
    file = tmp_path / "new.yaml"
    content = new_layout(racks, "gb300-nvl72")
    file.write_text(content, "utf-8")
    layout = load_layout(file)
    assert layout.racks == racks
    assert layout.utility.rating == pytest.approx(5e6 * -(-racks // 16))
    assert "# where the cold air enters" in content
    for block in layout.blocks:
        assert all(row.count == 8 for row in block.template.rows)
        assert {device.name for device in block.template.power.devices} >= set(block.template.rows[0].feeds)


def test_a_new_layout_of_sixteen_is_the_reference_unit(tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(new_layout(16, "gb300-nvl72"), "utf-8")
    assert load_layout(file).blocks == load_layout().blocks


@pytest.mark.parametrize("rack_type", products("rack"))
@pytest.mark.parametrize("racks", [8, 16, 40])
def test_a_new_layout_of_any_rack_loads(rack_type, racks, tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(new_layout(racks, rack_type), "utf-8")
    layout = load_layout(file)
    assert layout.racks == racks
    assert {row.rack_type for block in layout.blocks for row in block.template.rows} == {rack_type}


def test_a_new_layout_of_vera_rubin_has_the_panels_that_carry_it(tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(new_layout(16, "vr-nvl72-maxq"), "utf-8")
    assert load_layout(file).blocks == load_layout("vr-su", {"rows.rack_type": "vr-nvl72-maxq"}).blocks


def test_a_new_layout_of_eight_has_one_row_and_the_equipment_for_it(tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(new_layout(8, "gb300-nvl72"), "utf-8")
    unit = load_layout(file).blocks[0].template
    assert [row.name for row in unit.rows] == ["row1"]
    # 1,280 L/min at 45 degC need two CDUs of 1,212 L/min; a third is spare.
    assert (unit.loop.cdus.count, unit.loop.cdus.required) == (3, 2)
    assert (unit.air.fan_walls.count, unit.air.fan_walls.required) == (2, 1)
    assert not [
        device.name for device in unit.power.devices if device.name.endswith("2") and "rpp" in device.name
    ]


@pytest.mark.parametrize(
    ("racks", "allowed"), [(12, "take 8 or 16"), (100, "take 96 or 104"), (0, "take 8"), (-8, "take 8")]
)
def test_a_rack_count_that_fills_no_row_names_the_allowed(racks, allowed):
    with pytest.raises(InputError) as caught:
        new_layout(racks, "gb300-nvl27")
    assert allowed in str(caught.value)
    assert "unknown rack 'gb300-nvl27'; did you mean 'gb300-nvl72'?" in str(caught.value)


@pytest.mark.parametrize("value", [None, [["x"]], {"a": 1}])
def test_whatever_stands_in_whatever_place_is_a_problem_and_never_a_crash(value):
    source = document(REFERENCE)
    for path in source.values:
        whole = copy.deepcopy(source.value)
        node = whole
        for step in path[:-1]:
            node = node[step]
        if path and node[path[-1]] != value:
            node[path[-1]] = value
            with contextlib.suppress(InputError):
                load_layout(Document(source.file, whole, source.keys, source.values))
