"""The JSON Schema for editors: every layout that loads validates, and what an editor can see is refused."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from twin import cli
from twin.editor import DIALECT, layout_schema
from twin.errors import InputError, UnitError
from twin.layout import builtin_layouts, document, load_layout, new_layout
from twin.settings import put, steps
from twin.units import KINDS, pattern, si

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/layout.yaml"))


@pytest.fixture(scope="module")
def validator():
    schema = layout_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("source", [*builtin_layouts(), *map(str, CASES)])
def test_every_layout_that_comes_with_the_project_validates(validator, source):
    assert [error.message for error in validator.iter_errors(document(source).value)] == []


@pytest.mark.parametrize("racks", [8, 16, 24, 1536])
def test_a_new_layout_validates_whether_unit_or_site(validator, racks, tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(new_layout(racks), "utf-8")
    assert list(validator.iter_errors(document(file).value)) == []


@pytest.mark.parametrize("path", ["loop.main.length", "rows.whip.per_feed", "workload.rack_power"])
def test_optional_keys_may_be_written(validator, path):
    value = {"loop.main.length": "20 m", "rows.whip.per_feed": 3, "workload.rack_power": "142 kW"}[path]
    whole = copy.deepcopy(document().value)
    put(whole, steps(path), value)
    assert list(validator.iter_errors(whole)) == []


# A value put into the reference layout, and the key at which an editor underlines it.
REFUSED = {
    "missing unit": ("rows[row1].pitch", 600, "pitch"),
    "missing unit in a text": ("rows[row1].pitch", "600", "pitch"),
    "another kind": ("utility.rating", "5 MV", "rating"),
    "a level for a difference": ("air.support_rise", "16 degC", "support_rise"),
    "negative length": ("loop.branch.length", "-3 m", "length"),
    "zero pitch": ("rows[row1].pitch", "0 mm", "pitch"),
    "not a number": ("utility.rating", "nan kW", "rating"),
    "ratio out of range": ("economics.maintenance", 4, "maintenance"),
    "unknown product": ("rows[row1].rack_type", "gb300-nvl27", "rack_type"),
    "product of another kind": ("loop.main.product", "ups-1000", "product"),
    "unknown word": ("power.redundancy", "5N", "redundancy"),
    "zero count": ("rows[row1].count", 0, "count"),
    "huge count": ("rows[row1].count", 10**9, "count"),
    "count in words": ("rows[row1].count", "eight", "count"),
    "unknown key": ("site.dry_blub", "35 degC", "site"),
    "unknown part": ("haul", {}, None),
    "no rows": ("rows", [], "rows"),
    "two values of three": ("hall.size", ["16 m", "9 m"], "size"),
    "a name with markup": ("rows[row1].name", "<b>row</b>", "name"),
    "scalar for a part": ("loop.main", "steel-dn150", "main"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_editor_can_see_is_refused_at_its_key(validator, case):
    path, value, key = REFUSED[case]
    whole = copy.deepcopy(document().value)
    put(whole, steps(path), value)
    errors = list(validator.iter_errors(whole))
    assert {error.path[-1] if error.path else None for error in errors} == {key}
    with pytest.raises(InputError):
        load_layout(sets={path: value})


def test_rows_may_come_from_a_file_in_the_folder(validator):
    whole = {key: value for key, value in document().value.items() if key != "rows"}
    assert list(validator.iter_errors({**whole, "racks_file": "tables/racks.csv"})) == []
    for name in ("/etc/passwd", "../racks.csv", "sub/../../racks.csv", "", 3):
        assert list(validator.iter_errors({**whole, "racks_file": name}))


@pytest.mark.parametrize("key", ["site", "rows", "power"])
def test_a_required_part_left_out_is_refused(validator, key):
    whole = {name: value for name, value in document().value.items() if name != key}
    assert any(key in str(error) for error in validator.iter_errors(whole))


def test_a_site_has_blocks_and_no_keys_of_a_unit(validator):
    unit = document().value
    head = {key: unit[key] for key in ("name", "site", "workload", "economics", "utility")}
    good = {
        **head,
        "blocks": [{"name": "SU", "use": "gb300-su", "repeat": 4, "pitch": ["0 m", "12 m", "0 m"]}],
    }
    assert list(validator.iter_errors(good)) == []
    shared = {"voltage": "415 V", "devices": [{"name": "ups.P", "product": "ups-1000", "feed": "utility"}]}
    assert list(validator.iter_errors({**good, "shared": shared})) == []
    assert list(validator.iter_errors({**unit, "shared": shared}))
    inside = {key: unit[key] for key in ("hall", "rows", "loop", "plant", "air", "power")}
    assert list(validator.iter_errors({**head, "blocks": [{"name": "SU", "unit": inside}]})) == []
    for bad in (
        {**good, "hall": unit["hall"]},
        {**head, "blocks": []},
        {**head, "blocks": [{"name": "SU"}]},
        {**head, "blocks": [{"name": "SU", "use": "gb300-su", "unit": inside}]},
        {**head, "blocks": [{"name": "SU", "unit": {**inside, "haul": {}}}]},
        {**head, "blocks": [{"name": "SU", "unit": {**inside, "rows": [{"name": "row1"}]}}]},
        {**head, "blocks": [{"name": "SU", "use": "gb300-su", "pitch": ["0 m", "12", "0 m"]}]},
    ):
        assert list(validator.iter_errors(bad))


def test_keys_are_explained_with_unit_range_and_the_reference_value():
    pitch = layout_schema()["$defs"]["Unit"]["properties"]["rows"]["items"]["properties"]["pitch"]
    assert pitch["description"].startswith("a length [m], more than 0.00 m")
    assert pitch["examples"] == ["600 mm"]
    assert "Expected a length" in pitch["patternErrorMessage"]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.unit not in ("1", "C")], ids=lambda kind: kind.noun
)
def test_the_pattern_of_a_kind_holds_the_units_people_read(kind):
    for _, unit in kind.read:
        assert re.search(pattern(kind.unit), f"12.5 {unit}")
        assert re.search(pattern(kind.unit), f"1e3{unit}")


@given(
    st.sampled_from(["W", "m", "K", "delta_degC", "VA", "s", "USD/W", "1/s", "1", "kg/J"]),
    st.sampled_from(["5", "-3", "0", "-0", "+2.5", ".5", "1e3", "-0.0e2", "7.", "1e999", "nan", ""]),
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from(
        ["kW", "W", "watts", "MV", "m", "mm", "feet", "degC", "°F", "K", "delta_degC", "kVA", "years", "%", "1/s",
         "Hz", "USD/W", "kUSD / MW", "kg/kWh", "g/(kW*h)", "m³/m²", "kW·h/h", "", "parsec", "k W", "1"]
    ),
    st.sampled_from([{}, {"least": 0.0}, {"above": 0.0}]),
)  # fmt: skip
def test_no_text_that_loads_is_underlined(unit, number, gap, word, bound):
    written = f"{number}{gap}{word}"
    try:
        value = si(written, unit)
    except UnitError:
        return
    if (bound.get("least") is not None and value < 0.0) or (bound.get("above") is not None and value <= 0.0):
        return
    assert re.search(pattern(unit, **bound), written)


def test_the_command_prints_or_writes_it(tmp_path):
    file = tmp_path / "layout.schema.json"
    shown = CliRunner().invoke(cli.app, ["schema"])
    written = CliRunner().invoke(cli.app, ["schema", "--out", str(file)])
    assert (shown.exit_code, written.exit_code, written.stdout) == (0, 0, "")
    assert json.loads(shown.stdout)["$schema"] == DIALECT
    assert shown.stdout == file.read_text("utf-8")
    refused = CliRunner().invoke(cli.app, ["schema", "--out", str(tmp_path)])
    assert refused.exit_code == 2
    assert "--out: cannot write" in refused.stderr
