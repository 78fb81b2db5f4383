"""Broken layouts at the command line: one clear error each with file, line and remedy, exit 2, nothing written."""

import copy
import re
import time
from functools import reduce
from importlib.resources import files
from operator import getitem

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from twin.build import load
from twin.cli import app
from twin.document import Document, read
from twin.errors import InputError
from twin.layout import document, load_layout

GOOD = files("twin").joinpath("layouts", "gb300-su.yaml").read_text("utf-8")
HEAD, UNIT = GOOD[: GOOD.index("hall:\n")], GOOD[GOOD.index("hall:\n") :]
ROWS = GOOD[GOOD.index("rows:\n") : GOOD.index("loop:")]
SITE = HEAD + "blocks:\n  - {name: SU, use: gb300-su, repeat: %s, pitch: [0 m, 12 m, 0 m]}\n"
CROWD = SITE.replace("gb300-su", "NAME.yaml") % 10_000
PUMPS = "count: 3, required: 2, feeds: [T.M1"
ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, 30))

# What is broken: text put in the place of another, the line on which the error stands, words it must hold.
BROKEN = {
    "unknown product": ("rack_type: gb300-nvl72", "rack_type: gb300-nvl27", ["rack_type", "gb300-nvl72"]),
    "missing unit": ("dry_bulb: 35 degC", "dry_bulb: 35", ["dry_bulb", "unit", "35 degC"]),
    "wrong dimension": ("rating: 5 MW", "rating: 5 MV", ["rating", "voltage", "power"]),
    "dangling feed": ("feeds: [rpp.A1, rpp.B1", "feeds: [rpp.A9, rpp.B1", ["rpp.A9", "did you mean 'rpp.A"]),
    "duplicate key": ("altitude: 0 m", "altitude: 0 m\n  altitude: 5 m", ["altitude"]),
    "outside the hall": ("origin: [4.0 m, 5.03 m]", "origin: [14.0 m, 5.03 m]", ["row2", "hall", "move"]),
    "set-point out of range": ("supply_temperature: 45 degC", "supply_temperature: 40 K", ["at least"]),
    "two racks in the same place": ("origin: [4.0 m, 5.03 m]", "origin: [4.0 m, 2.5 m]", ["row1", "row2"]),
    "negative length": ("length: 3 m", "length: -3 m", ["loop.branch.length", "more than 0.00 m"]),
    "negative whip": ("per_feed: 2, length: 12 m", "per_feed: 2, length: -12 m", ["whip.length", "at least 0"]),
    "zero pitch": ("pitch: 600 mm", "pitch: 0 mm", ["rows[0].pitch", "more than 0.00 m"]),
    "cyclic feed": (
        "name: T.M1, product: transformer-1000, feed: utility",
        "name: T.M1, product: transformer-1000, feed: T.M1",
        ["feeds itself: T.M1 <- T.M1"],
    ),
    "cycle of three": (
        "name: T.A, product: transformer-1250, feed: utility",
        "name: T.A, product: transformer-1250, feed: rpp.A1",
        ["feeds itself: T.A <- rpp.A1 <- ups.A <- T.A"],
    ),
    "empty row": ("count: 8", "count: 0", ["rows[0].count", "at least 1"]),
    "no rows": (ROWS, "rows: []\n", ["rows: is empty"]),
    "huge count": ("count: 8", "count: 1000000000", ["rows[0].count", "at most 1000"]),
    "huge count in powers": ("count: 8", "count: 1e9", ["rows[0].count", "whole number"]),
    "huge equipment": ("count: 3, required: 2, feeds: [T.M1", "count: 100000000, required: 2, feeds: [T.M1",
                       ["plant.pumps.count", "at most 100000"]),
    "whole number without end": ("count: 8", f"count: 0x{'f' * 5000}", ["rows[0].count: is not a number that"]),
    "digits without end": ("count: 8", f"count: {'9' * 5000}", ["rows[0].count: is not a number that can be read"]),
    "a word tagged as a number": ("count: 8", "count: !!int many", ["rows[0].count: is not a number that"]),
    "a word tagged as a truth": ("count: 8", "count: !!bool many", ["rows[0].count: is not a number that"]),
    "nan": ("dry_bulb: 35 degC", "dry_bulb: .nan", ["site.dry_bulb", "'nan' is not a finite number"]),
    "nan with a unit": ("rating: 5 MW", "rating: nan kW", ["utility.rating", "'nan kW' is not a number with a unit"]),
    "infinite": ("pitch: 600 mm", "pitch: .inf", ["rows[0].pitch", "'inf' is not a finite number"]),
    "infinite with a unit": ("support_rise: 16 K", "support_rise: -inf K", ["air.support_rise", "is not a number"]),
    "too large a number": ("rating: 5 MW", "rating: 1e999 kW", ["utility.rating", "'1e999 kW' is not a finite number"]),
    "ratio that is no number": ("leakage: 0.0", "leakage: .nan", ["air.leakage", "not a finite number"]),
    "name with markup": ("name: row1", "name: <script>alert(1)</script>", ["rows[0].name", "is not a name"]),
    "name with a break": ("name: row1", 'name: "row1\\n"', ["rows[0].name", "is not a name"]),
    "a tag that runs code": ("fluid: pg25", "fluid: !!python/object/apply:os.system [ls]", ["the tag"]),
    "racks outside the folder": (ROWS, "racks_file: ../racks.csv\n", ["racks_file", "outside the folder"]),
    "racks from anywhere": (ROWS, "racks_file: /etc/passwd\n", ["racks_file", "outside the folder of the layout"]),
    "racks that are not there": (ROWS, "racks_file: racks.csv\n", ["racks_file", "no file 'racks.csv' beside"]),
}  # fmt: skip


def run(path, out):
    return CliRunner().invoke(app, ["run", str(path), "--out", str(out)])


@pytest.mark.parametrize("name", BROKEN)
def test_one_clear_error_with_its_line_and_remedy(tmp_path, name):
    old, new, words = BROKEN[name]
    assert old in GOOD
    path, out = tmp_path / "hall.yaml", tmp_path / "results"
    path.write_text(GOOD.replace(old, new, 1))
    start = time.process_time()
    done = run(path, out)
    assert time.process_time() - start < 2.0
    assert done.exit_code == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    line = (
        path.read_text()
        .splitlines()
        .index(next(text for text in path.read_text().splitlines() if new.splitlines()[-1].strip() in text))
        + 1
    )
    found = re.match(r".*hall\.yaml:(\d+):\d+ ", lines[0])
    assert found, lines[0]
    assert abs(int(found.group(1)) - line) <= 1
    for word in words:
        assert word in lines[0], lines[0]
    assert not out.exists()


# What is no layout at all: its bytes, words of the one error, and whether it has a line.
NO_LAYOUT = {
    "a list": ("- a\n- b\n", "mapping", True),
    "an alias bomb": (ALIASES + GOOD, "alias", True),
    "an empty file": ("", "is empty", True),
    "comments alone": ("# nothing\n", "is empty", True),
    "a tab": (GOOD.replace("  dry_bulb", "\tdry_bulb"), "not YAML", True),
    "brackets without end": (GOOD + "x: " + "[" * 100_000, "nested too deep", True),
    "braces without end": ("{a: " * 100_000, "nested too deep", True),
    "a deep value": (GOOD.replace("name: gb", f"name: {'[' * 99}{']' * 99} #", 1), "nested too deep", True),
    "deep indents": ("".join(" " * depth + "a:\n" for depth in range(1000)), "nested too deep", True),
    "an open quote": (GOOD.replace("name: gb300-su", "name: 'gb300-su"), "not YAML", True),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is not text in UTF-8", False),
    "nothing but zeros": (bytes(1000), "not YAML", False),
    "UTF-16": (GOOD.encode("utf-16"), "is not text in UTF-8", False),
    "a very large file": (b"a" * 4_000_001, "is too large to be a layout", False),
    "a large file": (b"# a\n" * 300_000, "is larger than 1,000,000 characters", False),
    "too many copies": (SITE % 10**9, "must be at most 10000", True),
    "too many racks": (CROWD.replace("NAME", "rows"), "has 8,000,000 racks, at most 200,000", True),
    "too many pumps": (CROWD.replace("NAME", "pumps"), "pieces of equipment, at most 500,000", True),
    "too many blocks": (HEAD + "blocks:\n" + "  - {name: SU, use: gb300-su}\n" * 1001, "has 1,001 lines", True),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_LAYOUT)
def test_what_is_no_layout_is_refused_in_two_seconds(tmp_path, name):
    content, words, placed = NO_LAYOUT[name]
    path, out = tmp_path / "hall.yaml", tmp_path / "results"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "rows.yaml").write_text(GOOD.replace("count: 8", "count: 400"))
    few = GOOD.replace("count: 8", "count: 1")
    (tmp_path / "pumps.yaml").write_text(few.replace(PUMPS, PUMPS.replace("3", "99000", 1)))
    start = time.process_time()
    done = run(path, out)
    assert time.process_time() - start < 2.0
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert words in line
    assert bool(re.search(r"hall\.yaml:\d+:\d+", line)) == placed
    assert not out.exists()


def test_a_folder_and_a_name_too_long_for_a_file(tmp_path):
    for path, words in ((tmp_path, "is a folder, expected a layout file"), ("x" * 5000, "cannot be read")):
        done = run(path, tmp_path / "results")
        assert done.exit_code == 2
        assert len(done.stderr.strip().splitlines()) == 1
        assert words in done.stderr


def test_a_chain_of_devices_as_long_as_a_file_is_passed_once(tmp_path):
    path = tmp_path / "hall.yaml"
    chain = "".join(
        f"    - {{name: c{n}, product: ups-1000, feed: c{(n + 1) % 3000}}}\n" for n in range(3000)
    )
    path.write_text(GOOD.replace("  devices:", "  devices:\n" + chain + "  #"))
    start = time.process_time()
    done = run(path, tmp_path / "results")
    assert time.process_time() - start < 3.0  # two of them YAML
    assert re.search(
        r"hall\.yaml:\d+:\d+ power.devices\[0\]\.feed: feeds itself: c0 <- c1 <-.* <- c2999 <- c0",
        done.stderr,
    )


def test_a_crowd_in_one_place_is_told_without_counting_it(tmp_path):
    path = tmp_path / "hall.yaml"
    path.write_text(GOOD.replace("count: 8", "count: 1000").replace("pitch: 600 mm", "pitch: 0.001 mm"))
    start = time.process_time()
    done = run(path, tmp_path / "results")
    assert time.process_time() - start < 2.0
    assert "rack 1 of row1 and rack 2 of row1 stand in the same place (at least" in done.stderr


def test_all_errors_of_a_file_come_at_once(tmp_path):
    text = GOOD
    for old, new, _ in list(BROKEN.values())[:4]:
        text = text.replace(old, new, 1)
    path = tmp_path / "hall.yaml"
    path.write_text(text)
    done = run(path, tmp_path / "results")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 4
    assert not (tmp_path / "results").exists()


def test_products_for_another_voltage_are_named(tmp_path):
    path = tmp_path / "hall.yaml"
    path.write_text(GOOD.replace("voltage: 415 V", "voltage: 480 V"))
    done = run(path, tmp_path / "results")
    assert done.exit_code == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 10  # eight panels and the whips of two rows
    assert all("is for 415 V, the chain is at 480 V" in line for line in lines)


# Whatever stands in whatever place: a facility or an InputError, in bounded time.

REFERENCE = document("gb300-su")
NUMBERS = ["0", "-1", "1e9", "1e999", "nan", "inf", "-0.0", ".5", "1e-300", "1e300", "1,5", "0x10", "7" * 400]
UNITS = ["", "mm", "m", "km", "W", "kW", "degC", "K", "MV", "USD/kWh", "token/s", "%", "parsec", "m" * 500]
WORDS = [
    "", "utility", "rpp.A1", "row1", "north", "2N", "none", "<b>", "=1+1", "\0", "a b", "é", "ups-1000", "x" * 5000,
]  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 1000, 1001, 99_999, 100_000, 10**9, 10**18, -(10**18)]),
    st.floats(),
    st.builds("{} {}".format, st.sampled_from(NUMBERS), st.sampled_from(UNITS)),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.lists(st.sampled_from(["rpp.A1", "1 m", 3, None, {}]), max_size=4),
    st.dictionaries(
        st.sampled_from(["name", "product", "count", "length"]), st.sampled_from(["a", 1, "1 m"]), max_size=2
    ),
)
PLACES = [path for path in REFERENCE.values if path]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3)


def has(node, step):
    """Whether a mapping or a list of plain values has a place for this key or number."""
    return isinstance(node, dict) if isinstance(step, str) else isinstance(node, list) and len(node) > step


def changed(changes):
    """The reference layout with values put in places of it, where those still are."""
    whole = copy.deepcopy(REFERENCE.value)
    for path, value in changes:
        node = whole
        for step in path[:-1]:
            node = node[step] if has(node, step) and (isinstance(node, list) or step in node) else None
        if has(node, path[-1]):
            node[path[-1]] = value
    return Document(REFERENCE.file, whole, REFERENCE.keys, REFERENCE.values)


def told(error):
    """Whether an error says something, and no more than one can read."""
    return error.problems and all(0 < len(problem.message) < 1100 for problem in error.problems)


@settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(CHANGES)
def test_whatever_a_layout_says_it_is_a_facility_or_an_input_error(changes):
    refused = None
    try:
        layout = load_layout(changed(changes))
        if layout.racks + sum(item.count for item in groups(layout)) < 3000:
            assert load(layout).racks.name
    except InputError as error:
        refused = error
    assert refused is None or told(refused)


QUANTITIES = [
    (path, found[1], found[2])
    for path in PLACES
    if (found := re.fullmatch(r"(-?[\d.]+) (.+)", str(reduce(getitem, path, REFERENCE.value))))
]


@settings(max_examples=60, deadline=2000)
@given(st.lists(st.tuples(st.sampled_from(QUANTITIES), st.floats(-9, 9)), min_size=1, max_size=2))
def test_a_quantity_of_any_size_is_a_facility_or_an_input_error(scales):
    changes = [(path, f"{float(value) * 10**power:.6g} {unit}") for (path, value, unit), power in scales]
    refused = None
    try:
        assert load(load_layout(changed(changes))).racks.name
    except InputError as error:
        refused = error
    assert refused is None or told(refused)


def groups(layout):
    """The groups of equipment of a layout of one unit."""
    unit = layout.blocks[0].template
    plant = (unit.plant.dry_coolers, unit.plant.trim_chillers, unit.plant.pumps) if unit.plant else ()
    return (*((unit.loop.cdus,) if unit.loop else ()), *plant, unit.air.fan_walls, unit.air.chillers)


@settings(max_examples=60, deadline=2000)
@given(st.integers(0, len(GOOD)), st.text(max_size=5), st.integers(0, 20))
def test_no_edit_of_the_text_breaks_the_door(place, text, cut):
    refused = None
    try:
        load_layout(read(GOOD[:place] + text + GOOD[place + cut :], "hall.yaml"))
    except InputError as error:
        refused = error
    assert refused is None or told(refused)
