"""What `twin air` and `twin run --air field` tell, when, and what they leave to go on from."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import twin
from twin.cli import app
from twin.errors import InputError
from twin.event import events
from twin.stored import stored
from twin.study import air_coupling as coupling
from twin.study import air_field as fields
from twin.study import hall_air
from twin.study.air_coupling import air_coupling, told
from twin.study.air_field import air_field
from twin.study.air_loss import air_loss
from twin.study.hall_grid import voxels

SHORT = {"air.failed_fans": "0.7", "air.leakage": "0.1"}
"""Racks draw more than the fan walls blow."""
DRAW = "racks and support draw"


@pytest.fixture
def hasty(monkeypatch):
    """Fields of a flush and a batch."""
    monkeypatch.setattr(coupling, "air_field", partial(air_field, most=1))
    monkeypatch.setattr(fields, "WARM", 1)


def asked(*words, sets=SHORT):
    return CliRunner().invoke(app, [*words, *(f"--set={path}={value}" for path, value in sets.items())])


@pytest.mark.parametrize("command", [("air",), ("run", "--air", "field")])
def test_what_is_likely_not_meant_is_told_before_the_first_step(command, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise RuntimeError("the first step")

    monkeypatch.setattr(hall_air, "step", stop)
    shown = asked(command[0], "h100-air", *command[1:], "--out", str(tmp_path))
    assert str(shown.exception) == "the first step"
    assert shown.stdout == ""
    assert shown.stderr.count(DRAW) == 1


def test_it_is_told_once_of_halls_that_are_alike(monkeypatch):
    def stop(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(coupling, "air_field", stop)
    facility, heard = twin.load("gb300-hall", {"air.failed_fans": "0.7"}), []
    with pytest.raises(RuntimeError):
        air_coupling(facility, remark=heard.append)
    assert len(heard) == 1
    assert heard[0].startswith(f"{facility.blocks[0]} and 5 like it: {DRAW}")


def interrupted(at, number):
    """An interrupt in a round of the coupling."""

    def told(what, now, end):
        if now > at and what.endswith(f"round {number}"):
            raise KeyboardInterrupt

    return told


def test_the_coupling_goes_on_from_an_interrupt_in_any_round(hasty, tmp_path, monkeypatch):
    """Flows are found anew until the last round, so that there is more than one."""
    monkeypatch.setattr(coupling, "MOVED", -1.0)
    monkeypatch.setattr(coupling, "ROUNDS", 2)
    facility = twin.load("h100-air", {"air.leakage": "0.1"})
    whole = air_coupling(facility)
    assert whole.rounds == 2
    folder = tmp_path / "kept"
    for number, resume in ((1, False), (2, True)):
        part = air_coupling(facility, progress=interrupted(2.0, number), folder=folder, resume=resume)
        assert bool(part.field[0].interrupted)
        assert part.rounds == number
        assert "--resume goes on" in " ".join(told(part))
        assert "how sure is not known" in " ".join(told(part))
    again = air_coupling(facility, folder=folder, resume=True)
    assert again.rounds == 2
    xr.testing.assert_identical(again.field[0], whole.field[0])
    assert np.array_equal(*(one.facility.recirculation[0].share for one in (again, whole)))
    # Anew, nothing is left of the rounds of before.
    air_coupling(facility, progress=interrupted(2.0, 1), folder=folder)
    assert [one.name for one in folder.iterdir()] == [f"air.{facility.blocks[0]}.coarse.1.npz"]


def test_run_goes_on_from_an_interrupt(hasty, tmp_path, monkeypatch):
    """By the command: the state and the field are those of a run without one."""
    step, left = hall_air.step, []

    def stopping(*given, **named):
        if left and not left.pop():
            raise KeyboardInterrupt
        return step(*given, **named)

    monkeypatch.setattr(hall_air, "step", stopping)
    command, sets = ("run", "h100-air", "--air", "field", "--out"), {"air.leakage": "0.1"}
    assert asked(*command, str(tmp_path / "whole"), sets=sets).exit_code == 0
    left += [False] + [True] * 20
    cut = asked(*command, str(tmp_path / "cut"), sets=sets)
    assert cut.exit_code == 0
    assert "interrupted" in cut.stdout
    assert "--resume goes on" in (tmp_path / "cut" / "report.html").read_text("utf-8")
    assert not left
    assert asked(*command, str(tmp_path / "cut"), "--resume", sets=sets).exit_code == 0
    for name in ("air.nc", "state.nc"):
        one, other = (xr.load_dataset(tmp_path / each / name) for each in ("whole", "cut"))
        xr.testing.assert_equal(one, other)


def test_resume_is_of_the_air_alone(tmp_path):
    shown = asked("run", "h100-air", "--resume", "--out", str(tmp_path / "out"))
    assert shown.exit_code == 2
    assert "--resume: is of the air in three dimensions; give --air field" in shown.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--without", "fanwall.2", "--event", "fan_wall_loss device=fanwall.2"), "fanwall.2: not in service in this"),
        (("--event", "fan_wall_loss device=fanwall.1 at=200s", "--for", "20s"),
         "at=200s: begins at 200 s and never happens in the 20s of --for"),
        (("--event", "chiller_restart"), "does nothing to the air of a hall here; give a fan_wall_loss"),
    ],
)  # fmt: skip
def test_losses_that_cannot_be_are_refused_before_the_mean_run(words, message, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise AssertionError("a step")

    monkeypatch.setattr(hall_air, "step", stop)
    shown = asked("air", "h100-air", "--out", str(tmp_path / "out"), *words, sets={})
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert not (tmp_path / "out").exists()


def test_a_unit_of_another_hall_is_refused_before_the_mean_run(tmp_path, monkeypatch):
    monkeypatch.setattr(hall_air, "step", None)
    names = twin.load("gb300-hall").devices.name
    other = [name for name in names if "fanwall" in name][-1]
    shown = asked(
        "air", "gb300-hall", "--event", f"fan_wall_loss device={other}", "--out", str(tmp_path), sets={}
    )
    assert shown.exit_code == 2
    assert f"{other}: not in service in this hall" in shown.stderr


def test_a_simulation_refuses_what_never_happens(tmp_path):
    written = "pump_trip cdu=cdu.1 at=200s"
    shown = asked("simulate", "--event", written, "--for", "20s", "--out", str(tmp_path / "out"), sets={})
    assert shown.exit_code == 2
    assert f"--event {written}: begins at 200 s and never happens in the 20s of --for" in shown.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Air of which means are being taken, and the file of its run."""
    facility = twin.load("h100-air", {"air.leakage": "0.1"})
    state, file = twin.solve(facility), tmp_path_factory.mktemp("run") / "air.npz"

    def interrupt(now, end):
        if now > 120.0:
            raise KeyboardInterrupt

    return facility, state, air_field(facility, state, file=file, progress=interrupt), file


def test_the_highest_inlet_is_of_the_time_averaged():
    facility = twin.load("h100-air")
    run = hall_air.HallAir(voxels(facility, twin.solve(facility)))
    run.now = replace(run.now, highest=np.full(16, 400.0))
    run.sum_anew()
    assert (run.now.highest == -np.inf).all()
    run.advance(0.1)
    np.testing.assert_allclose(run.now.highest, run.now.inlet / run.now.span)


def test_a_swing_of_the_steady_air_is_no_loss(run):
    """Nothing is lost within the time, and the limit of one rack lies within its swings: its highest inlet."""
    facility, state, _, file = run
    never = events(facility, ["fan_wall_loss device=fanwall.1 at=100s"])
    steady = air_loss(facility, state, never, 4.0, file)
    rack = int(steady.air_inlet_swing.values.argmax())
    assert float(steady.air_inlet_swing[rack]) > 0.01
    limit = facility.racks.air_inlet_limit.copy()
    for share, cause in ((0.5, "swing"), (-0.01, "mean")):
        limit[rack] = float(steady.air_inlet_mean[rack] + share * steady.air_inlet_swing[rack])
        tight = replace(facility, racks=replace(facility.racks, air_inlet_limit=limit))
        found = air_loss(tight, state, never, 4.0, file)
        names = found.limit_cause.attrs["flag_meanings"].split()
        told = [names[n] for n in found.limit_cause.values]
        assert told == [cause if n == rack else "never" for n in range(16)]
        assert np.isnan(found.seconds_to_limit).all()


def test_a_course_that_is_interrupted_says_so(run):
    facility, state, found, file = run

    def interrupt(now, end):
        if now > 2.5:
            raise KeyboardInterrupt

    lost = events(facility, ["fan_wall_loss device=fanwall.1"])
    course = air_loss(facility, state, lost, 20.0, file, progress=interrupt)
    assert bool(course.interrupted)
    assert float(course.asked) == 20.0
    assert float(course.time[-1]) == 2.0
    from twin.report.field import record
    from twin.report.hall_plan import after

    assert after(course).startswith("Interrupted after 2 s of the 20 s asked for: ")
    loss = record(found, {}, course)["loss"]
    assert (loss["interrupted"], loss["until"], loss["asked"]) == (True, 2.0, 20.0)
    json.dumps(loss, allow_nan=False)
    assert not bool(air_loss(facility, state, lost, 1.0, file).interrupted)


def test_an_air_file_is_said_to_be_one(run, tmp_path):
    facility, state, found, file = run
    lost = events(facility, ["fan_wall_loss device=fanwall.1"])
    for name, data in (("air.nc", found), ("air.transient.nc", air_loss(facility, state, lost, 1.0, file))):
        data.to_netcdf(tmp_path / name)
        with pytest.raises(
            InputError, match=r"is the air of a hall, not a state: give state.nc, or open air.vti"
        ):
            stored(tmp_path / name)
    shown = CliRunner().invoke(
        app, ["view", str(tmp_path / "air.nc"), "--screenshot", str(tmp_path / "a.png")]
    )
    assert shown.exit_code == 2
    assert "open air.vti in ParaView or plan.html" in shown.stderr


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("most", [25.0, 27.0, 30.0])
def test_the_high_index_is_of_class_a2_whatever_the_product_takes(run, most, tmp_path):
    """By Herrlin: inlets over 27 degC, of the 8 K to the 35 degC of class A2, over all racks."""
    facility, state, _, file = run
    limit = np.full(len(facility.racks.name), most + 273.15)
    tight = replace(facility, racks=replace(facility.racks, air_inlet_limit=limit))

    def interrupt(now, end):
        raise KeyboardInterrupt

    got = air_field(tight, state, file=Path(shutil.copy(file, tmp_path)), resume=True, progress=interrupt)
    over = np.maximum(got.air_inlet_temperature.values - 300.15, 0.0)
    assert over.max() > 0.1
    assert float(got.rack_cooling_index_high) == pytest.approx(1.0 - over.mean() / 8.0)
