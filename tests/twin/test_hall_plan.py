"""What the hall's air says of its racks: ASHRAE's classes, the plan and the course after a loss."""

import io
import json
import re

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

import twin
from twin.report import field, hall_plan
from twin.study.air_field import air_field
from twin.study.air_loss import CAUSES, reached
from twin.study.inlet_class import MEANINGS, inlet_class

INLETS = 273.15 + np.array([24.0] * 10 + [17.0, 30.0, 34.0, 38.0, 42.0, 47.0])


@pytest.fixture(scope="module")
def found():
    """The air of the first moment, with inlets that are given."""
    facility = twin.load("h100-air")

    def interrupt(now, end):
        raise KeyboardInterrupt

    made = air_field(facility, twin.solve(facility), progress=interrupt)
    made["air_inlet_temperature"] = ("rack", INLETS)
    made["air_inlet_class"] = ("rack", inlet_class(INLETS, float(facility.pressure[0])))
    return facility, made


@pytest.fixture(scope="module")
def course(found):
    racks = found[1].rack
    times = np.arange(0.0, 61.0)
    inlet = 297.15 + np.outer(times / 10.0, np.arange(16.0) / 15.0)
    limit = found[1].air_inlet_limit.values
    seconds, cause = reached(times, inlet, limit, inlet[0], np.zeros(16))
    series = {name: ("time", 0.0 * times) for name in ("supply_flow", "recirculated_flow")}
    return xr.Dataset(
        {
            "air_inlet_temperature": (("time", "rack"), inlet),
            "air_temperature": ("time", inlet.mean(axis=1)),
            "air_inlet_limit": ("rack", limit),
            "air_inlet_highest": ("rack", inlet.max(axis=0)),
            "air_inlet_mean": ("rack", inlet[0]),
            "air_inlet_swing": ("rack", np.zeros(16)),
            "seconds_to_limit": ("rack", seconds),
            "limit_cause": ("rack", cause),
            "interrupted": False,
            "asked": 60.0,
            **series,
        },
        {"time": times, "rack": racks},
        {"remarks": "racks store heat; assumed"},
    )


def test_a_margin_within_the_uncertainty_is_undecided(found):
    """Racks of 30 degC at most: of the air at 29.6 degC the margin is 0.4 K."""
    made = found[1].assign(air_inlet_temperature=("rack", np.where(np.arange(16) == 3, 302.75, 297.15)))
    for sure, told in ((0.3, ""), (0.5, ", undecided: its uncertainty is 0.5 K"),
                       (np.inf, ", undecided: its uncertainty is not known")):  # fmt: skip
        one = made.assign(air_inlet_uncertainty=("rack", np.full(16, sure)))
        rack = str(made.rack.values[3])
        assert hall_plan.verdict(one).endswith(f"{rack} is 0.4 K below its product's limit{told}")


def test_classes_of_the_guidelines():
    """Table 2.1 of 2021 at the sea, and 1 K less for each 300 m above 900 m of A1 and A2, 175 m of A3, 125 m of A4."""
    at = [10.0, 18.0, 27.0, 27.01, 32.0, 32.01, 35.01, 40.01, 45.01, 14.9, 9.9, 4.9]
    names = [MEANINGS[n] for n in inlet_class(np.array(at) + 273.15, 101325.0)]
    assert names == [
        "A2", "recommended", "recommended", "A1", "A1", "A2", "A3", "A4", "beyond A4", "A2", "A3", "beyond A4",
    ]  # fmt: skip
    # 1500 m: 84,556 Pa. A1 ends at 30, A2 at 33, A3 at 36.6, A4 at 40.2 degC.
    at = [29.9, 30.1, 32.9, 33.1, 36.5, 36.7, 40.1, 40.3]
    names = [MEANINGS[n] for n in inlet_class(np.array(at) + 273.15, 84556.0)]
    assert names == ["A1", "A2", "A2", "A3", "A3", "A4", "A4", "beyond A4"]


def test_the_page_and_the_record_tell_classes_and_times(found, course):
    facility, made = found
    assert hall_plan.counts(made) == {
        "recommended": 10, "A1": 2, "A2": 1, "A3": 1, "A4": 1, "beyond A4": 1,
    }  # fmt: skip
    # The product takes 30 degC: the last inlet is 17 K above it.
    assert "row2.08 is 17.0 K above its product's limit" in hall_plan.verdict(made)
    # 24 degC and 6 K in a minute: the warmest rack alone meets it, at the end.
    assert (
        hall_plan.after(course) == "1 of 16 racks reach their limit in 60 s, the first, row2.08, after 60 s"
    )
    page = hall_plan.page(facility, made, course, ["fan_wall_loss device=fanwall.1"])
    assert "A3, 5 to 40" in page
    told = field.record(made, {}, course)
    assert told["racks"]["row2.08"]["air_inlet_class"] == "beyond A4"
    assert told["loss"]["racks"]["row1.01"]["seconds_to_limit"] is None
    assert told["loss"]["racks"]["row2.08"]["seconds_to_limit"] == pytest.approx(60.0)
    assert told["loss"]["racks"]["row2.08"]["limit_cause"] == "loss"
    assert (told["loss"]["asked"], told["loss"]["interrupted"]) == (60.0, False)
    json.dumps(told, allow_nan=False)


def test_racks_at_their_limit_without_the_loss_are_told_apart(course):
    """Of 30 degC at most. The means of two are above it; one of 29.5 degC swings by 0.5 K, and one by 0.3 K, so that
    0.5 K over its mean is no loss's doing, but 0.9 K are; one that swings as much, but is far below, comes to it."""
    celsius = 273.15
    inlet = celsius + np.array(
        [[30.2, 30.2, 30.0, 29.5, 29.6, 29.5, 29.3, 24.0], [29.0, 32.0, 29.5, 30.0, 30.0, 30.4, 29.0, 30.1]]
    )
    # What comes and goes swings; one that stays at its limit by less does not, as row1.05.
    inlet = np.concatenate([inlet, inlet[1:], inlet[:1], inlet[:1]])
    inlet[3:, 4], times = celsius + 30.0, np.arange(5.0)
    mean = celsius + np.array([30.1, 30.1, 29.5, 29.5, 29.6, 29.5, 29.3, 24.0])
    swing = np.array([0.3, 0.3, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3])
    seconds, cause = reached(times, inlet, np.full(8, celsius + 30.0), mean, swing)
    told = [CAUSES[n] for n in cause]
    assert told == ["mean", "mean", "swing", "swing", "loss", "loss", "never", "loss"]
    # To the limit, to 30.1 degC, and to the limit: all, 0.6 / 0.9 and 6 / 6.1 of the first second.
    np.testing.assert_allclose(seconds, [*[np.nan] * 4, 1.0, 2.0 / 3.0, np.nan, 6.0 / 6.1], rtol=1e-9)
    some = course.isel(rack=slice(8)).assign(
        seconds_to_limit=("rack", seconds), limit_cause=("rack", cause), time=course.time[:61]
    )
    assert hall_plan.after(some) == (
        "3 of 8 racks reach their limit in 60 s, the first, row1.06, after 1 s; row1.01, row1.02 are already over it "
        "before the loss by their means; row1.03, row1.04 reach it by swings alone, hardly wider than before the loss"
    )
    out = io.StringIO()
    Console(file=out, width=200).print(field._losses(some))
    assert [line.split()[1] for line in out.getvalue().splitlines()[1:]] == [
        "before", "before", "swings", "swings", "1.0", "0.7", "never", "1.0",
    ]  # fmt: skip
    none = some.isel(rack=[2])
    assert hall_plan.after(none).startswith(
        "No rack reaches its limit by the loss in 60 s; the highest inlet is "
    )
    assert hall_plan.after(none).endswith(
        "; row1.03 reaches it by swings alone, hardly wider than before the loss"
    )


def test_an_interrupted_course_says_so(course):
    stopped = course.assign(interrupted=True, asked=120.0)
    assert hall_plan.after(stopped).startswith("Interrupted after 60 s of the 120 s asked for: 1 of 16 racks")


def test_the_page_tells_what_the_terminal_does(found, course):
    facility, made = found
    made = made.assign_attrs(remarks="racks <draw> more & more\nthe hot aisles are open")
    page = hall_plan.page(facility, made, course)
    assert "<p>Interrupted: the means are of what there was by then; --resume goes on from here.</p>" in page
    assert "<p>racks &lt;draw&gt; more &amp; more.</p><p>the hot aisles are open.</p>" in page
    assert "<p>racks store heat; assumed.</p>" in page
    page = hall_plan.page(facility, made.assign(interrupted=False, batches=60))
    assert "<p>Not settled: after 60 batches the means are not as sure as was asked for.</p>" in page
    assert (
        "settled"
        not in hall_plan.page(facility, made.assign(interrupted=False, settled=True)).split("<ul>")[0]
    )


def test_an_index_that_is_not_known_is_no_number(found):
    made = found[1].assign(supply_heat_index=np.nan)
    out = io.StringIO()
    Console(file=out, width=200).print(field._indices(made))
    assert out.getvalue().splitlines()[0].split()[:2] == ["SHI", "undefined"]


@pytest.mark.parametrize(("sure", "red"), [(0.3, True), (0.5, False), (np.inf, False)])
def test_an_inlet_that_may_be_within_its_limit_is_not_red(found, sure, red):
    """Racks of 30 degC at most: 30.4 degC is outside where its half width is less than 0.4 K, and undecided where
    it is not known."""
    made = found[1].assign(
        air_inlet_temperature=("rack", np.where(np.arange(16) == 3, 303.55, 297.15)),
        air_inlet_uncertainty=("rack", np.full(16, sure)),
    )
    out = io.StringIO()
    field.show(Console(file=out, width=200, force_terminal=True, color_system="standard"), made, {})
    assert bool(re.search(r"\x1b\[1;31m *30\.4", out.getvalue())) is red


def test_the_terminal_tells_that_the_grid_is_not_in_the_uncertainty(found, course):
    made = found[1]

    def printed(data):
        out = io.StringIO()
        field.show(Console(file=out, width=200), data, {}, course)
        return out.getvalue()

    alone = printed(made)
    assert "what the grid makes of it is not in it" in alone
    assert "--resume goes on from here" in alone
    assert "never" in alone
    both = made.assign({field.DIFFERENCE: ("rack", np.linspace(-0.5, 1.7, 16))})
    assert "at most 1.70 K" in printed(both)
    assert field.record(both, {})["racks"]["row1.01"][field.DIFFERENCE] == -0.5
