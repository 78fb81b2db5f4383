"""Rows from a CSV file: the same layout as rows written out, and each thing wrong with it at its line and column."""

import re
import time
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import InputError
from twin.layout import load_layout
from twin.racks import MAXIMUM_LINES, MAXIMUM_SIZE, columns, racks, table

GOOD = files("twin").joinpath("layouts", "gb300-su.yaml").read_text("utf-8")
START, STOP = GOOD.index("rows:\n"), GOOD.index("\nloop:")
LAYOUT = f"{GOOD[:START]}racks_file: racks.csv\n{GOOD[STOP:]}"
HEAD = (
    "name,rack_type,count,x [m],y [m],pitch [mm],facing,support_load [kW],power_cap [kW],feeds,"
    "whip.product,whip.per_feed,whip.length [m]\n"
)
ROWS = (
    HEAD + "row1,gb300-nvl72,8,4.0,2.0,600,south,148,,rpp.A1 rpp.B1 rpp.C1 rpp.D1,whip-60a-415v,2,12\n"
    "row2,gb300-nvl72,8,4.0,5.03,600,north,148,,rpp.A2 rpp.B2 rpp.C2 rpp.D2,whip-60a-415v,2,12\n"
)


@pytest.fixture
def hall(tmp_path):
    """A layout file with its racks in a CSV file beside it."""

    def made(content=ROWS, layout=LAYOUT, name="racks.csv"):
        (tmp_path / "hall.yaml").write_text(layout, "utf-8")
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "hall.yaml"

    return made


def problems(path, sets=None):
    with pytest.raises(InputError) as caught:
        load_layout(path, sets)
    return caught.value.problems


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        "\ufeff" + ROWS,
        ROWS.replace("\n", "\r\n"),
        ROWS.replace("\n", "\r"),
        ROWS.replace("\n", "\n\n") + " \n,,,,,,,,,,,,\n",
        ROWS.replace("rpp.A1 rpp.B1 rpp.C1 rpp.D1", '" rpp.A1  rpp.B1 rpp.C1 rpp.D1"').replace("row1", '"row1"'),
        ROWS.replace(",", " , "),
        ROWS.replace("x [m]", "x [mm]").replace(",4.0,", ",4000,"),
        ROWS.replace("pitch [mm]", "pitch[ m ]").replace(",600,", ",.6,"),
        ROWS.replace("support_load [kW]", "support_load [MW]").replace(",148,", ",1.48e-1,"),
    ],
)  # fmt: skip
def test_rows_of_a_file_are_the_rows_written_out(hall, content):
    found, written = load_layout(hall(content)), load_layout()
    for one, other in zip(found.blocks[0].template.rows, written.blocks[0].template.rows, strict=True):
        assert one.origin == pytest.approx(other.origin)
        assert (one.pitch, one.support_load) == pytest.approx((other.pitch, other.support_load))
        assert {**dict(one), "pitch": 1, "support_load": 1} == {**dict(other), "pitch": 1, "support_load": 1}


def test_a_ratio_may_have_a_unit_and_an_empty_cell_is_a_key_left_out(hall):
    content = ROWS.replace("power_cap [kW]", "power_factor [%]").replace("148,,", "148,95,", 1)
    rows = load_layout(hall(content)).blocks[0].template.rows
    assert [row.power_factor for row in rows] == [pytest.approx(0.95), None]


def test_rows_of_a_file_stand_behind_the_rows_of_the_layout(hall):
    more = HEAD + ROWS.splitlines()[1].replace("row1", "row3").replace("4.0,2.0", "10.9,0.5").replace(
        ",8,", ",2,"
    )
    beside = GOOD.replace("\nloop:", "\nracks_file: racks.csv\nloop:", 1)
    layout = load_layout(hall(more, beside))
    assert [row.name for row in layout.blocks[0].template.rows] == ["row1", "row2", "row3"]
    (found,) = problems(hall(more.replace("row3", "row2"), beside))
    assert str(found).endswith("racks.csv:2:1 rows[2].name: the row 'row2' is there already, as rows[1]")


def test_settings_reach_the_rows_of_a_file_and_the_file_itself(hall):
    path = hall()
    (path.parent / "one.csv").write_text("".join(ROWS.splitlines(keepends=True)[:2]))
    assert load_layout(path, {"rows[row2].count": "4"}).racks == 12
    assert load_layout(path, {"rows[row1].count": "4", "racks_file": "one.csv"}).racks == 4
    (found,) = problems(path, {"rows[row1].pitch": "300 mm"})
    assert str(found).startswith("set rows[row1].pitch: rack 1 of row1 and rack 2")
    (found,) = problems(path, {"racks_file": "/etc/passwd"})
    assert str(found).startswith("set racks_file: '/etc/passwd' is outside the folder")


def test_a_unit_of_a_site_has_its_file_whether_written_inside_or_used(hall):
    path = hall()
    head = GOOD[: GOOD.index("hall:\n")]
    inside = "".join(f"      {line}\n" for line in LAYOUT[LAYOUT.index("hall:\n") :].splitlines())
    site = path.parent / "site.yaml"
    for block in (f"\n    unit:\n{inside}", "\n    use: hall.yaml\n"):
        site.write_text(
            f"{head}blocks:\n  - name: SU\n    repeat: 2\n    pitch: [0 m, 12 m, 0 m]{block}", "utf-8"
        )
        assert load_layout(site).racks == 32
        assert load_layout(site, {"SU002.rows[row1].count": "5"}).racks == 29
        (path.parent / "one.csv").write_text("".join(ROWS.splitlines(keepends=True)[:2]))
        assert load_layout(site, {"SU002.racks_file": "one.csv"}).racks == 24
    (path.parent / "racks.csv").write_text(ROWS.replace("rpp.C2", "rpp.X2"))
    (found,) = problems(site)
    assert re.search(r"racks\.csv:3:\d+ rows\[1\]\.feeds\[2\]: no device 'rpp.X2'", str(found))


# What is wrong: (old, new, line, what stands in that place, words of the message).
BROKEN = {
    "unit in a cell": (",600,south", ",600 mm,south", 2, "600 mm", "a unit, which belongs in the header; write 600"),
    "no unit": ("pitch [mm]", "pitch", 1, "pitch", "the column 'pitch' has no unit; write it as 'pitch [mm]'"),
    "empty unit": ("x [m]", "x []", 1, "x []", "the column 'x' has no unit; write it as 'x [m]'"),
    "unknown unit": ("x [m]", "x [mtr]", 1, "x [mtr]", "unknown unit 'mtr'"),
    "wrong kind": ("pitch [mm]", "pitch [kW]", 1, "pitch", "is a power [kW], expected a length [m]"),
    "unit for a count": ("count", "count [1]", 1, "count", "the column 'count' takes no unit"),
    "unknown column": ("facing", "facig", 1, "facig", "unknown column 'facig'; did you mean 'facing'?"),
    "column twice": ("power_cap [kW]", "count", 1, "count,feeds", "the column 'count' stands here a second time"),
    "column without name": ("power_cap [kW]", "", 1, ",feeds", "a column has no name"),
    "missing column": ("whip.length [m]", "power_factor", 1, "name", "required column 'whip.length' is missing"),
    "too few cells": (",2,12\n", ",2\n", 2, "row1", "has 12 cells, the header has 13"),
    "too many cells": (",2,12\n", ",2,12,\n", 2, "row1", "has 14 cells, the header has 13"),
    "open quote": ("row2", '"row2', 3, '"row2', "a quote is not closed on its line"),
    "text behind a quote": ("row2", '"row2"x', 3, '"row2"x', "is not CSV"),
    "nan": (",600,north", ",nan,north", 3, "nan", "'nan' is not a finite number"),
    "infinite": (",600,north", ",-Inf,north", 3, "-Inf", "'-Inf' is not a finite number"),
    "too large a number": (",600,north", ",1e999,north", 3, "1e999", "'1e999 mm' is not a finite number"),
    "decimal comma": (",600,north", ',"600,5",north', 3, '"600,5"', "'600,5' is not a number"),
    "word for a number": (",600,north", ",wide,north", 3, "wide", "'wide' is not a number"),
    "empty cell": (",4.0,5.03", ",,5.03", 3, ",5.03", "the cell is empty"),
    "negative pitch": (",600,north", ",-600,north", 3, "-600", "is -600 mm, must be more than 0.00 m"),
    "zero count": ("8,4.0,5.03", "0,4.0,5.03", 3, "0,4.0", "is 0, must be at least 1"),
    "fractional count": ("8,4.0,5.03", "8.0,4.0,5.03", 3, "8.0", "expected a whole number"),
    "huge count": ("8,4.0,5.03", "1000000000,4.0,5.03", 3, "1000000000", "must be at most 1000"),
    "endless count": ("8,4.0,5.03", "9" * 5000 + ",4.0,5.03", 3, "999", "expected a whole number"),
    "formula for a name": ("row2", "=cmd()|x", 3, "=cmd", "is not a name"),
    "markup for a name": ("row2", "<b>", 3, "<b>", "is not a name"),
    "nothing in a name": ("row2", "ro\0w2", 3, "ro", "is not a name"),
    "unknown rack": ("gb300-nvl72,8,4.0,5", "gb300-nvl27,8,4.0,5", 3, "gb300-nvl27", "did you mean 'gb300-nvl72'?"),
    "unknown word": ("north", "up", 3, "up", "'up' is not known; expected 'north', 'south'"),
    "dangling feed": ("rpp.C2", "rpp.X2", 3, "rpp.A2 rpp.B2", "no device 'rpp.X2'"),
    "feeds against the scheme": (" rpp.C2", "", 3, "rpp.A2", "4N3R takes 2 or 4 feeds a row, not 3"),
    "overlap": ("5.03", "2.5", 3, "4.0,2.5", "rack 1 of row1 and rack 1 of row2 stand in the same place"),
    "outside the hall": ("4.0,5.03", "14.0,5.03", 3, "14.0", "stands outside the hall"),
    "whip of another kind": ("whip-60a-415v,2", "ups-1000,2", 2, "ups-1000", "'ups-1000' is a ups, expected a whip"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_names_line_column_and_remedy(hall, case):
    old, new, line, near, message = BROKEN[case]
    content = ROWS.replace(old, new, 1)
    assert content != ROWS
    (found,) = problems(hall(content))
    assert message in found.message
    assert found.file.endswith("racks.csv")
    assert found.line == line
    assert content.splitlines()[line - 1][found.column - 1 :].startswith(near)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "racks.csv:1:1: is empty; expected a header such as name,rack_type"),
        (b"\n \n", "is empty"),
        (HEAD.encode(), "has a header and no rows"),
        (ROWS.replace(",", ";").encode(), "not separated by commas"),
        (ROWS.replace(",", "\t").encode(), "not separated by commas"),
        (ROWS.encode("utf-16"), "is not text in UTF-8"),
        ("name\nKöln".encode("latin-1"), "is not text in UTF-8"),
        (b"x" * (MAXIMUM_SIZE + 1), "is larger than 4,000,000 bytes"),
        (b"\n" * (MAXIMUM_LINES + 1), "lines, at most 100,000 are read"),
        (b"name," + b"x" * 200_000, "is not CSV: field larger than field limit"),
        (b"PK\x03\x04\x14\x00\x06\x00", "unknown column"),
    ],
)
def test_a_file_that_is_no_table_is_one_clear_problem(hall, content, message):
    (found,) = problems(hall(content))
    assert message in str(found)


def test_what_is_wrong_in_every_line_is_told_a_hundred_times_at_most(hall):
    line = ROWS.splitlines(keepends=True)[1]
    start = time.process_time()
    assert len(problems(hall(HEAD + line.replace(",600,", ",600 mm,") * 5000))) == 100
    found = problems(hall(HEAD + line.replace("rpp.A1", "rpp.Z9") * 5000))
    assert time.process_time() - start < 4.0
    assert len(found) == 100
    assert re.search(r"\(and [\d,]+ more problems\)$", found[-1].message)


def test_five_thousand_lines_load_in_two_seconds(hall):
    line = "r{},gb300-nvl72,8,{},{},600,south,0,,rpp.A1 rpp.B1 rpp.C1 rpp.D1,whip-60a-415v,2,12\n"
    content = HEAD + "".join(line.format(n, 20 + 6 * (n % 100), 10 + 3 * (n // 100)) for n in range(5000))
    path = hall(content, LAYOUT.replace("size: [16 m, 9 m,", "size: [900 m, 200 m,"))
    start = time.process_time()
    assert load_layout(path).racks == 40_000
    assert time.process_time() - start < 2.0


# Where the file may lie


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/etc/passwd", "'/etc/passwd' is outside the folder of the layout"),
        ("../racks.csv", "is outside the folder"),
        ("sub/../../racks.csv", "is outside the folder"),
        ("link.csv", "'link.csv' is outside the folder"),
        ("circle.csv", "cannot be read: its links run in a circle"),
        ("rakcs.csv", "no file 'rakcs.csv' beside this layout; did you mean 'racks.csv'?"),
        ("sub", "no file 'sub'"),
        ("x" * 5000, "cannot be read: File name too long"),
        ("[racks.csv]", "expected the name of a CSV file"),
        ("3", "expected the name of a CSV file"),
        ("''", "expected the name of a CSV file"),
        ('"a\\0b"', "expected the name of a CSV file"),
    ],
)
def test_a_file_outside_the_folder_is_refused_unread(hall, name, message, monkeypatch):
    path = hall(layout=LAYOUT.replace("racks.csv", name))
    folder = path.parent
    (folder / "sub").mkdir()
    (folder / "link.csv").symlink_to("/etc/passwd")
    (folder / "circle.csv").symlink_to("circle.csv")
    opened = []
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *rest, **more: opened.append(self.name) or real(self, *rest, **more)
    )
    (found,) = problems(path)
    assert message in found.message
    assert found.path == "racks_file"
    assert path.read_text("utf-8").splitlines()[found.line - 1].startswith("racks_file")
    assert set(opened) <= {"hall.yaml"}


@pytest.mark.parametrize("name", ["sub/racks.csv", "sub/../sub/racks.csv", "link.csv"])
def test_a_file_inside_the_folder_may_lie_deeper_or_be_linked(hall, name):
    path = hall(layout=LAYOUT.replace("racks.csv", name))
    (path.parent / "sub").mkdir()
    (path.parent / "racks.csv").rename(path.parent / "sub" / "racks.csv")
    (path.parent / "link.csv").symlink_to("sub/racks.csv")
    assert load_layout(path).racks == 16


def test_the_columns_are_the_keys_of_a_row():
    known = columns()
    assert {"name", "x", "y", "pitch", "feeds", "whip.per_feed"} <= set(known)
    assert {column.form for column in known.values()} <= {"number", "whole", "truth", "words", "word"}


def test_the_example_of_the_readme_is_a_row():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```csv\n(.*?)```", readme, re.S)
    made = table(example.encode(), "racks.csv")
    assert (made.problems, len(made.rows)) == ([], 1)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content):
    assert table(content, "racks.csv").problems


@given(st.text(max_size=80), st.sampled_from(range(13)))
def test_no_cell_breaks_the_reader(cell, place):
    cells = ROWS.splitlines()[1].split(",")
    cells[place] = cell
    made = table((HEAD + ",".join(cells)).encode("utf-8", "replace"), "racks.csv")
    assert made.rows or made.problems


def test_a_name_that_is_no_text_is_refused(tmp_path):
    assert "expected the name" in racks(tmp_path, None)
