"""The page: whole, offline, escaped, and true to the state."""

from __future__ import annotations

import html
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from twin.build import load
from twin.colour import COLOURED, rack_variables
from twin.equilibrium import solve
from twin.facility import Facility
from twin.operation import Operation
from twin.report.page import page
from twin.report.plot import plots
from twin.report.terminal import GRID, show
from twin.summary import summary
from twin.verdict import findings
from twin.wording import readable

EVIL = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'{{7*7}}"
SITE = Path(__file__).parents[1] / "cases" / "gb300-96" / "layout.yaml"


class Reader(HTMLParser):
    """Tags and their attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.blocks: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") or tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.blocks[self._inside] = self.blocks.get(self._inside, "") + data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def facility() -> Facility:
    return load(sets={"utility.cap": "2.2 MW"})


@pytest.fixture(scope="module")
def state(facility: Facility) -> xr.Dataset:
    return solve(facility)


@pytest.fixture(scope="module")
def written(facility: Facility, state: xr.Dataset) -> str:
    return page(facility, state, summary(facility, state, findings(facility, state)))


def test_page_says_what_the_state_says(facility: Facility, state: xr.Dataset, written: str) -> None:
    text = Reader(written).text
    for name in (
        "utility_power",
        "rack_power",
        "ups_loss",
        "chiller_power",
        "cooler_duty",
        "facility_flow",
    ):
        unit = state[name].attrs["units"]
        digits = 3 if name in ("cooler_duty", "facility_flow") else 4
        assert readable(float(state[name].sum()), unit, digits) in text, name
    assert f"{16} of {16} racks are held by the utility connection" in text
    for finding in findings(facility, state):
        assert finding.code in text
    for name in facility.racks.name:
        assert f" {name} " in text


def test_every_assumption_stands_with_its_source(facility: Facility, written: str) -> None:
    text = Reader(written).text
    for line in facility.layout.assumptions:
        assert line in text
    for made in facility.products:
        for name, figure in made.figures.items():
            assert f"{made.name} {name} " in text
            assert " ".join(figure.source.split()) in text


def test_page_loads_nothing(written: str) -> None:
    reader = Reader(written)
    loaded = [
        (tag, name, value)
        for tag, attrs in reader.tags
        for name, value in attrs.items()
        if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href", "background")
    ]
    assert loaded == []
    assert {tag for tag, _ in reader.tags}.isdisjoint({"link", "iframe", "object", "embed", "base"})
    assert not re.search(r"url\(|@import", reader.blocks["style"])
    assert "Plotly" in reader.blocks["script"]


def test_texts_of_a_layout_are_escaped(facility: Facility, state: xr.Dataset) -> None:
    named = tuple(f"{EVIL}{index}" for index in range(len(facility.racks.name)))
    devices = tuple(f"{EVIL}{name}" for name in facility.devices.name)
    layout = facility.layout.model_copy(update={"description": EVIL, "assumptions": (EVIL,)})
    evil = replace(
        facility,
        name=EVIL,
        layout=layout,
        racks=replace(facility.racks, name=named),
        devices=replace(facility.devices, name=devices),
        blocks=(EVIL,),
    )
    found = summary(evil, state, [replace(one, element=EVIL) for one in findings(facility, state)])
    reader = Reader(page(evil, state, found, sets={EVIL: EVIL}))
    assert all("onerror" not in attrs for _, attrs in reader.tags)
    assert [attrs.get("src") for tag, attrs in reader.tags if tag == "img"] == [None], (
        "only the picture for print"
    )
    assert sum(tag == "script" for tag, _ in reader.tags) == 3
    assert "{{7*7}}" in reader.text, "a template inside a name is not run"
    drawn = json.loads(reader.blocks["plots"])
    assert drawn["racks"]["name"][3] == html.escape(named[3])
    assert all("<" not in name for name in [*drawn["devices"]["name"], *drawn["solids"][0]["name"]])


def test_hall_has_every_box_and_value(facility: Facility, state: xr.Dataset) -> None:
    one = state.isel(scenario=0)
    drawn = plots(facility, one, "tokens")
    np.testing.assert_allclose(drawn["racks"]["box"], facility.racks.box.reshape(-1, 6), atol=1e-4)
    assert [len(solid["box"]) for solid in drawn["solids"]] == [4, 3], (
        "CDUs and fan walls of the reference pod"
    )
    variables = {variable["name"]: variable for variable in drawn["racks"]["variables"]}
    assert set(variables) == set(COLOURED)
    assert drawn["racks"]["variables"][drawn["racks"]["first"]]["name"] == "tokens"
    warm = variables["case_temperature"]
    assert warm["unit"] == "°C"
    # Five significant digits are kept: half a hundredth of a degree below 100 degC.
    np.testing.assert_allclose(warm["values"], one.case_temperature.values - 273.15, atol=0.005)
    for variable in variables.values():
        least, most = variable["range"]
        assert least < most
        assert all(
            least - 1e-3 * abs(least) <= value <= most + 1e-3 * abs(most) for value in variable["values"]
        )


def test_script_reads_only_what_it_is_given(facility: Facility, state: xr.Dataset) -> None:
    script = files("twin.report").joinpath("page.js").read_text("utf-8")
    drawn = plots(facility, state.isel(scenario=0), "power")
    given = {
        "plots": drawn,
        "racks": drawn["racks"],
        "devices": drawn["devices"],
        "solid": drawn["solids"][0],
        "one": drawn["racks"]["variables"][0],
    }
    for name, held in given.items():
        read = set(re.findall(rf"\b{name}\.(\w+)", script))
        assert read
        assert read <= set(held), name


def test_any_number_of_a_rack_can_colour_the_hall(facility: Facility, state: xr.Dataset) -> None:
    for name in rack_variables():
        drawn = plots(facility, state.isel(scenario=0), name)["racks"]
        assert drawn["variables"][drawn["first"]]["name"] == name


def test_device_chart_names_the_most_loaded_last(facility: Facility, state: xr.Dataset) -> None:
    drawn = plots(facility, state.isel(scenario=0), "power")["devices"]
    worst = state.device_loading.isel(scenario=0)
    others = worst.where(worst.device_kind != "whip", drop=True)
    assert drawn["loading"] == sorted(drawn["loading"])
    assert drawn["loading"][-1] == pytest.approx(100 * float(others.max()), rel=1e-3)
    assert drawn["kind"].count("whip") == 1
    assert len(drawn["name"]) + drawn["left"] == worst.size


def test_scenario_without_a_solution_still_has_a_page(facility: Facility) -> None:
    starved = load(sets={"utility.cap": "100 kW"})
    state = solve(starved)
    assert not state.converged.item()
    text = Reader(page(starved, state, summary(starved, state, findings(starved, state)))).text
    assert "Not solved: no solution" in text
    assert "nan" not in text.lower().split()


def test_facility_without_its_utility_still_has_a_page(facility: Facility) -> None:
    state = solve(facility, Operation(out=[["utility"]]))
    text = Reader(page(facility, state, summary(facility, state, findings(facility, state)))).text
    assert "no live feed" in text
    assert "nan" not in text.lower().split()


def test_site_of_1536_racks_stays_a_page() -> None:
    site = load(str(SITE))
    state = solve(site)
    text = page(site, state, summary(site, state, findings(site, state)))
    assert len(site.racks.name) == 1536
    assert len(text.encode()) < 8e6, "eight megabytes open at once in any browser"


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_fits_its_width_and_cuts_nothing(facility: Facility, state: xr.Dataset, width: int) -> None:
    found = summary(facility, state, findings(facility, state))
    console = Console(width=width, file=io.StringIO(), highlight=False)
    show(console, found, {"report": "r" * 200})
    lines = console.file.getvalue().splitlines()
    shown = "".join(lines)
    assert "…" not in shown
    assert all(len(line) <= width for line in lines if "rrr" not in line)
    assert "r" * 200 in shown, "a path is not broken"
    for name in {name for row in GRID for name in row} & set(found.metrics):
        assert found.metrics[name].text in shown
    assert "±7 %" in shown
    assert "16 racks  demand shaped by latency" in shown
    for finding in found.margins[:5]:
        assert finding.code in shown
