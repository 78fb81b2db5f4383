"""Broken layouts at the command line: one clear error each with file, line and remedy, exit 2, nothing written."""

import re
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from twin.cli import app

GOOD = files("twin").joinpath("layouts", "gb300-su.yaml").read_text("utf-8")
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
}


def run(path, out):
    return CliRunner().invoke(app, ["run", str(path), "--out", str(out)])


@pytest.mark.parametrize("name", BROKEN)
def test_one_clear_error_with_its_line_and_remedy(tmp_path, name):
    old, new, words = BROKEN[name]
    assert old in GOOD
    path, out = tmp_path / "hall.yaml", tmp_path / "results"
    path.write_text(GOOD.replace(old, new, 1))
    done = run(path, out)
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


@pytest.mark.parametrize(("text", "word"), [("- a\n- b\n", "mapping"), (ALIASES + GOOD, "alias")])
def test_not_a_mapping_and_an_alias_bomb(tmp_path, text, word):
    path, out = tmp_path / "hall.yaml", tmp_path / "results"
    path.write_text(text)
    done = run(path, out)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert re.search(r"hall\.yaml:\d+", done.stderr)
    assert word in done.stderr
    assert not out.exists()


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
