"""The command line: what it prints and writes, and how it refuses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from twin import cli, equilibrium
from twin.build import load
from twin.catalogue import product, products
from twin.catalogue.kinds import KINDS
from twin.facility import BINDINGS
from twin.layout import load_layout
from twin.state import kept

METRICS = {
    "tokens_per_second", "tokens_per_second_per_megawatt", "tokens_per_joule", "cost_per_million_tokens", "pue",
    "cost_per_million_total_tokens", "utilisation", "uptime", "ttft_p50", "ttft_p99", "tpot_p50", "tpot_p99",
    "it_power", "utility_power",
}  # fmt: skip


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_run_prints_one_object_of_the_agreed_form(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "results"
    result = invoke("run", "--json", "--out", out)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == {
        "facility", "metrics", "evidence", "tokens_per_watt", "binding", "compute_bound", "unserved",
        "not_in_service", "prices", "worst_margins", "ledger", "notes", "converged", "residual", "files",
    }  # fmt: skip
    assert found["facility"] == {"name": "gb300-su", "racks": 16, "gpus": 1152}
    assert set(found["metrics"]) >= METRICS
    assert all(set(metric) == {"value", "unit", "basis"} for metric in found["metrics"].values())
    assert set(found["binding"]) <= set(BINDINGS)
    assert sum(found["binding"].values()) == 16
    relative = [margin["relative"] for margin in found["worst_margins"]]
    assert len(relative) == 5
    assert relative == sorted(relative)
    assert set(found["ledger"]) == {"in", "out", "relative"}
    assert abs(found["ledger"]["in"] - found["ledger"]["out"]) <= 1e-6 * found["ledger"]["in"]
    assert found["converged"] is True
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "state.nc", "verdict.csv"]
    assert set(found["files"].values()) == {str(path) for path in out.iterdir()}


def test_files_hold_the_state_and_the_margins(tmp_path: Path) -> None:
    invoke("run", "--out", tmp_path, "--set", "site.dry_bulb=20 degC", "--set", "rows.support_load=0 kW")
    state = equilibrium.solve(load(sets={"site.dry_bulb": "20 degC", "rows.support_load": "0 kW"}))
    with xr.open_dataset(tmp_path / "state.nc", engine="netcdf4", decode_times=False) as stored:
        assert set(stored.data_vars) == set(kept("racks"))
        assert all(
            "units" in variable.attrs and "long_name" in variable.attrs
            for variable in stored.data_vars.values()
        )
        np.testing.assert_array_equal(stored.power.values, state.power.values)
        assert stored.attrs["Conventions"].startswith("CF-")
        assert stored.binding.attrs["flag_meanings"].split() == list(BINDINGS)
    with (tmp_path / "verdict.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {"code", "element", "margin", "unit"} <= set(lines[0])


def test_summary_tells_the_main_numbers_and_the_files(tmp_path: Path) -> None:
    result = invoke("run", "--out", tmp_path)
    assert result.exit_code == 0
    for words in (
        "16 racks, 1,152 GPUs",
        "Utility power",
        "PUE",
        "token/s/MW",
        "Tightest margins",
        "assumed",
    ):
        assert words in result.stdout
    assert str(tmp_path / "report.html") in result.stdout
    assert result.stderr == ""


BROKEN = {
    "unknown file": (["no-such.yaml"], ["no-such.yaml"]),
    "no equals sign": (["--set", "site.dry_bulb"], ["--set", "PATH=VALUE"]),
    "unknown path": (["--set", "site.dry_blub=30 degC"], ["site.dry_blub", "dry_bulb"]),
    "no unit": (["--set", "site.dry_bulb=30"], ["site.dry_bulb", "30 degC"]),
    "unknown product": (["--set", "rows.rack_type=gb300"], ["rows", "gb300-nvl72"]),
    "set twice": (["--set", "site.altitude=1 m", "--set", "site.altitude=2 m"], ["site.altitude", "twice"]),
    "unknown variable": (
        ["--variable", "case_temprature"],
        ["--variable", "did you mean 'case_temperature'"],
    ),
    "row name with markup": (["--set", "rows[row1].name=<script>alert(1)</script>"], ["rows", "name"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_is_told_and_nothing_written(tmp_path: Path, case: str) -> None:
    arguments, words = BROKEN[case]
    out = tmp_path / "results"
    result = invoke("run", *arguments, "--json", "--out", out)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_all_problems_come_at_once_one_line_each(tmp_path: Path) -> None:
    result = invoke(
        "run", "--out", tmp_path / "r", "--variable", "heat", "--set", "nonsense", "--set", "site.dry_bulb=30",
        "--set", "loop.fluid=oil",
    )  # fmt: skip
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 4


def test_problems_of_a_file_name_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "hall.yaml"
    text = (
        invoke("new")
        .stdout.replace("dry_bulb: 35 degC", "dry_bulb: 35")
        .replace("rpp.A1, rpp.B1", "rpp.A9, rpp.B1")
    )
    file.write_text(text, "utf-8")
    result = invoke("run", file, "--out", tmp_path / "r")
    lines = text.splitlines()
    places = [
        next(index for index, line in enumerate(lines, 1) if part in line)
        for part in ("dry_bulb: 35", "rpp.A9")
    ]
    assert result.exit_code == 2
    assert [line.split(":")[1] for line in result.stderr.splitlines()] == [str(place) for place in places]
    assert not (tmp_path / "r").exists()


def test_out_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("kept")
    result = invoke("run", "--out", tmp_path / "r")
    assert result.exit_code == 2
    assert (tmp_path / "r").read_text() == "kept"


def test_no_solution_ends_with_3_and_an_object_without_numbers(tmp_path: Path) -> None:
    result = invoke("run", "--json", "--out", tmp_path, "--set", "utility.cap=100 kW")
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert found["converged"] is False
    assert found["metrics"]["pue"]["value"] is None
    assert "no solution" in result.stderr
    assert "No solution" in invoke("run", "--out", tmp_path, "--set", "utility.cap=100 kW").stdout


@pytest.mark.parametrize(("ledger", "error"), [("power", 2e-9), ("rack", -2e-6), ("heat", 2e-6)])
def test_a_ledger_that_does_not_close_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: str, error: float
) -> None:
    name = f"ledger_{ledger}"
    solved = equilibrium.solve
    monkeypatch.setattr(
        equilibrium, "solve", lambda *asked: solved(*asked).assign({name: ("scenario", [error])})
    )
    result = invoke("run", "--out", tmp_path)
    assert result.exit_code == 3
    assert f"the {ledger} ledger" in result.stderr


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    for dry_bulb in (20, 30):
        assert invoke("run", "--out", tmp_path, "--set", f"site.dry_bulb={dry_bulb} degC").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "state.nc", "verdict.csv"]
    assert "site.dry_bulb = 30 degC" in (tmp_path / "report.html").read_text("utf-8")


def test_new_layout_loads(tmp_path: Path) -> None:
    file = tmp_path / "my-hall.yaml"
    file.write_text(invoke("new", "--racks", 64, "--type", "gb300-nvl72").stdout, "utf-8")
    assert load_layout(str(file)).racks == 64
    refused = invoke("new", "--racks", 60)
    assert refused.exit_code == 2
    assert refused.stdout == ""


def test_catalogue_lists_every_product_whole() -> None:
    text = invoke("catalogue", "list").stdout
    for name in products():
        assert product(name).description in text
    assert "…" not in text
    racks = invoke("catalogue", "list", "rack").stdout
    assert "gb300-nvl72" in racks
    assert "vertiv-xdu1350" not in racks


@pytest.mark.parametrize("name", [products(kind)[0] for kind in KINDS])
def test_catalogue_shows_every_figure_whole(name: str) -> None:
    lines = {
        line.split()[0]: line
        for line in invoke("catalogue", "show", name).stdout.splitlines()
        if line.strip()
    }
    for key, figure in product(name).figures.items():
        assert figure.source in lines[key]
        assert figure.status in lines[key]


@pytest.mark.parametrize("arguments", [("list", "racks"), ("show", "gb300-nvl27")])
def test_unknown_name_in_the_catalogue_offers_the_nearest(arguments: tuple[str, str]) -> None:
    result = invoke("catalogue", *arguments)
    assert result.exit_code == 2
    assert "did you mean" in result.stderr


def test_version_is_one_line() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['twin', '--help']\n"
        "from twin.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = ('numpy', 'scipy', 'pint', 'xarray', 'pydantic', 'ruamel.yaml', 'plotly', 'jinja2', 'pyvista')\n"
        "print('heavy:', *[name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    root = Path(cli.__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root, timeout=60
    )
    assert "catalogue" in ran.stdout
    assert ran.stderr.strip() == "heavy:"


def test_a_latency_target_nobody_meets_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli.app, ["run", "--set", "workload.interactivity=400 token/s", "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0
    assert "16 racks" in done.stdout
    assert "no tokens" in done.stdout


def test_devices_out_of_service_are_told_everywhere(tmp_path: Path) -> None:
    done = invoke("run", "--without", "ups.A", "--without", "cdu.1", "--out", tmp_path)
    assert done.exit_code == 0
    assert "not in service: ups.A, rpp.A1, rpp.A2, cdu.1" in done.stdout
    assert "ups.A, rpp.A1, rpp.A2, cdu.1" in (tmp_path / "report.html").read_text("utf-8")
    found = json.loads(invoke("run", "--json", "--without", "cdu.1", "--out", tmp_path).stdout)
    assert found["not_in_service"] == ["cdu.1"]


def test_a_device_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    done = invoke("run", "--without", "ups.a1", "--out", tmp_path / "x")
    assert done.exit_code == 2
    assert "--without: no device 'ups.a1'; did you mean 'ups.A'?" in done.stderr
    assert not (tmp_path / "x").exists()


def test_claims_are_told_with_measurement_and_model_on_a_page() -> None:
    result = invoke("claims")
    assert result.exit_code == 0, result.output
    for words in (
        "35x cost per token",
        "hgx-h200",
        "extrapolation",
        "(unverified)",
        "cited",
        "preview",
        "rack_ac",
    ):
        assert words in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_claims_as_one_object_keep_input_output_and_total_apart() -> None:
    result = invoke("claims", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["boundary"] == "rack_ac"
    by_name = {one["claim"]["name"]: one for one in found["claims"]}
    assert set(by_name) == {"gb300-hopper", "gb200-realtime", "rubin-cost", "rubin-training"}
    rows = by_name["gb300-hopper"]["model"]
    assert {(row["rack"], row["interactivity"]) for row in rows} == {
        (rack, pace) for rack in ("gb300-nvl72", "hgx-h200") for pace in (30.0, 116.0)
    }
    for row in rows:
        parts = row["input_tokens_per_second"] + row["output_tokens_per_second"]
        assert parts == pytest.approx(row["total_tokens_per_second"])
        assert row["cost_per_million_output"] == pytest.approx(2.0 * row["cost_per_million_total"])
    assert {row["basis"] for row in by_name["gb300-hopper"]["measured_factors"]} == {"measured"}
    assert {row["interactivity"] for row in by_name["rubin-cost"]["measured_factors"]} == {None}
    rubin = [row for row in by_name["rubin-cost"]["model"] if row["rack"] == "vr-nvl72"]
    assert {row["basis"] for row in rubin} == {"extrapolation"}
    unmeasured = [row for row in by_name["rubin-cost"]["measured"] if row["rack"] == "vr-nvl72"]
    assert {row["output_tokens_per_second"] for row in unmeasured} == {None}


def test_shell_tells_what_fits_and_what_it_yields() -> None:
    result = invoke("shell", "--power", "250 MW", "--power", "1 GW", "--rack", "vr-nvl72", "--json")
    assert result.exit_code == 0, result.output
    small, large = json.loads(result.stdout)["shells"]
    assert (small["power"], large["power"]) == (250e6, 1e9)
    assert [fill["rule"] for fill in large["fills"]] == ["nameplate", "managed", "capped"]
    assert [fill["gpus"] for fill in large["fills"]][:2] == [276_120, 399_096]
    printed = invoke("shell", "--support", "18.5 kW", "--served")
    assert printed.exit_code == 0
    for words in (
        "1,000 MW of gb300-nvl72",
        "1,000 MW of vr-nvl72",
        "18.5 kW of support",
        "managed",
        "USD/M out",
    ):
        assert words in printed.stdout


def test_shell_tells_all_that_is_wrong_at_once() -> None:
    wrong = (
        "--power",
        "5",
        "--rack",
        "gb300",
        "--pue",
        "0.5",
        "--support",
        "-1 kW",
        "--set",
        "rows.rack_type=x",
    )
    result = invoke("shell", *wrong)
    assert result.exit_code == 2
    for words in ("'5 kW'", "gb300-nvl72", "must be 1 to 5", "0 kW to 100 GW", "is given by --rack"):
        assert words in result.stderr
    alone = invoke("shell", "--rack", "cpu-rack")
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "--rack cpu-rack" in alone.stderr
