"""The facility in time against closed forms, its own equilibrium and the reference pod's figures."""

from dataclasses import replace

import numpy as np
import pytest

import twin
from thermal import coldplate
from thermal.fluid import PG25
from twin import simulate as simulation
from twin.event import events
from twin.facility import DEVICE_KINDS
from twin.simulate import simulate

ZERO = 273.15
CELLS = ["cdu.1", "cdu.2", "cdu.3", "cdu.4"]


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def after(facility, *written, until=60.0, step=0.5, operation=None):
    return simulate(facility, operation, events(facility, written), until, step)


@pytest.mark.parametrize("name", ["gb300-su", "vr-su", "vr-800vdc", "h100-air", "gb300-hall"])
def test_a_simulation_at_rest_stays_where_the_solve_has_put_it(name):
    facility = twin.load(name)
    state, course = twin.solve(facility), after(facility, until=120.0, step=2.0)
    for variable in ("power", "tokens", "case_temperature", "coolant_flow", "return_temperature"):
        values, start = course[variable].values[0], state[variable].values[0]
        if variable in ("case_temperature", "coolant_flow"):
            start = np.where(facility.racks.liquid, start, np.nan)
        if variable != "return_temperature" or facility.racks.liquid.all():
            np.testing.assert_allclose(values, np.broadcast_to(start, values.shape), rtol=1e-9)
    drawn = course.utility_power.values[0]
    np.testing.assert_allclose(drawn, np.broadcast_to(state.utility_power.values[0], drawn.shape), rtol=1e-9)
    assert (course.generator_power.values == 0.0).all()
    for variable in ("supply_temperature", "facility_supply_temperature"):
        start = state[variable].values[0]
        known = np.isfinite(start)
        values = course[variable].values[0][:, known]
        np.testing.assert_allclose(values, np.broadcast_to(start[known], values.shape), atol=1e-6)
    assert np.isnan(course.seconds_to_throttle.values).all()
    assert (np.abs(course.tokens_lost.values) < 1e-6).all()


@pytest.mark.parametrize("celsius", [35.0, 43.0, 50.0])
def test_at_rest_too_where_trim_chillers_run_or_chips_throttle(pod, celsius):
    start = twin.Operation(dry_bulb=celsius + ZERO, rack_power=142e3)
    state, course = twin.solve(pod, start), after(pod, until=120.0, step=1.0, operation=start)
    np.testing.assert_allclose(course.utility_power.values[0], state.utility_power.values[0], rtol=2e-4)
    drift = course.supply_temperature.values[0] - state.supply_temperature.values[0]
    assert np.abs(drift).max() < 2e-3
    np.testing.assert_allclose(course.power.values[0], state.power.values[0][None].repeat(121, 0), rtol=2e-4)


def test_the_coolant_keeps_its_energy_through_any_event(pod):
    for text in (
        "loss_of_facility_water at=5s",
        "pump_trip cdu=cdu.1,cdu.2 at=5s for=20s",
        "utility_loss at=5s",
    ):
        course = after(pod, text, until=120.0)
        assert np.abs(course.ledger_coolant.values).max() < 1e-9


def test_loss_of_facility_water_warms_the_loop_by_its_heat_over_its_content(pod, monkeypatch):
    """dT/dt = Q / (M c) once the pumps stand: all racks' heat to the coolant, lines, racks and CDUs."""
    # Below 25 degC the flow asked for stands still; pumps that stand at once leave nothing else to follow.
    monkeypatch.setitem(simulation.RUN_DOWN, "pump", 0.01)
    start = twin.Operation(rack_power=100e3, supply_temperature=275.15, dry_bulb=258.15)
    course = after(pod, "loss_of_facility_water at=0s", until=200.0, operation=start)
    cooling, racks = pod.cooling, pod.racks
    pipes = (
        cooling.pipe["main_volume"][0]
        + cooling.row_pipe["volume"].sum()
        + 16 * cooling.pipe["branch_volume"][0]
    )
    volume = float(pipes + 4 * cooling.cdu_volume[0] + racks.coolant_volume.sum())
    temperature = float(course.supply_temperature.sel(time=100.0).values[0, 0])
    # The plates warm with the coolant.
    content = (
        volume * PG25.density(318.15) * PG25.heat_capacity(temperature) + 16 * 72 * simulation.PLATE_CAPACITY
    )
    state = twin.solve(pod, start)
    heat = float(state.liquid_heat.sum()) + float(state.cdu_power.sum())
    times = course.time.values
    # Over one turn of the loop, which evens its fronts out.
    turn = volume / float(state.loop_flow.values[0, 0])
    late = (times >= 60.0) & (times <= 60.0 + turn)
    assert np.ptp(course.power.values[0, late]) == 0.0
    slope = (
        course.supply_temperature.values[0, late, 0][-1] - course.supply_temperature.values[0, late, 0][0]
    ) / turn
    assert slope == pytest.approx(heat / content, rel=0.04)


def test_a_plate_without_flow_warms_by_its_power_over_its_capacity(pod):
    """3 K/s at 1,400 W without flow, as the reference pod has it; here at a prescribed one, without leakage."""
    load = twin.Operation(rack_power=112e3)
    course = after(pod, *(f"cdu_loss cdu={cdu} at=0s" for cdu in CELLS), until=3.0, step=0.1, operation=load)
    case, power = course.case_temperature.values[0, :, 0], course.power.values[0, 0, 0]
    state = twin.solve(pod, load)
    chip = float(state.gpu_power.values[0, 0])
    slope = (case[10] - case[1]) / 0.9
    assert power > 0
    assert slope == pytest.approx(chip / simulation.PLATE_CAPACITY, rel=1e-6)


def test_a_plate_follows_its_exponential(pod):
    """R C with the flow standing: after a step of the power the case goes to its end as exp(-t / R C)."""
    state = twin.solve(pod)
    flow = float(state.coolant_flow.values[0, 0]) * 0.75 / 72
    resistance = float(coldplate.resistance(flow))
    constant = resistance * simulation.PLATE_CAPACITY
    start = float(state.case_temperature.values[0, 0])
    inlet = float(state.inlet_temperature.values[0, 0])
    # Without air the racks are off at once; the coolant still flows.
    course = after(pod, "utility_loss at=0s", until=10.0, step=0.25)
    assert course.power.values[0, -1, 0] > 0
    empty = twin.load(None, {"standby.count": "3"})
    plant = simulation._Plant.of(
        empty, twin.operation.resolve(None, empty.operation, empty.devices.name, empty.elements), [],
        {"power": np.zeros((1, 16)), "binding": np.ones((1, 16), int), "converged": np.ones(1, bool)},
    )  # fmt: skip
    moving = plant.start(
        {
            "converged": np.ones(1, bool), "power": np.zeros((1, 16)), "supply_temperature": np.full((1, 1), inlet),
            "return_temperature": np.full((1, 16), inlet), "coolant_flow": np.full((1, 16), flow * 72 / 0.75),
            "case_temperature": np.full((1, 16), start), "facility_supply_temperature": np.full((1, 1), inlet),
            "air_inlet_temperature": np.full((1, 16), 297.15), "device_alive": np.ones((1, len(empty.devices.name))),
        }
    )  # fmt: skip
    standing = type("Flow", (), {"rack": np.full((1, 16), flow * 72 / 0.75)})
    film = plant._film(moving.inlet, standing, 4.0)
    case, liquid, _ = plant._plates(plant.law, moving.case, moving.inlet, np.zeros((1, 16)), film, 4.0)
    np.testing.assert_allclose(case - inlet, (start - inlet) * np.exp(-4.0 / constant), rtol=1e-9)
    # What the plates gave off is what the coolant took.
    np.testing.assert_allclose(liquid, 72 * simulation.PLATE_CAPACITY * (start - case) / 4.0, rtol=1e-9)


def test_one_cdu_out_of_four_costs_nothing(pod):
    """The reference pod: 640 to 853 L/min each, nothing lost."""
    course = after(pod, "cdu_loss cdu=cdu.1 at=5s", until=90.0)
    assert np.isnan(course.seconds_to_throttle.values).all()
    assert float(course.tokens_lost.sum()) == 0.0
    np.testing.assert_allclose(course.lowest_flow.values, course.coolant_flow.values[:, 0], rtol=1e-9)


def test_all_pumps_out_throttle_and_trip_in_less_than_a_minute(pod):
    course = after(pod, f"pump_trip cdu={','.join(CELLS)} at=10s", until=90.0)
    throttle, trip = course.seconds_to_throttle.values[0], course.seconds_to_trip.values[0]
    assert (throttle > 2.0).all()
    assert (throttle < 30.0).all()
    assert (trip > throttle).all()
    assert (trip < 60.0).all()
    assert (course.power.values[0, -1] == 0.0).all()


def test_a_standby_pump_that_starts_saves_the_racks(pod):
    saved = after(pod, f"pump_trip cdu={','.join(CELLS)} at=10s for=8s", until=90.0)
    assert np.isnan(saved.seconds_to_trip.values).all()
    assert saved.coolant_flow.values[0, -1] == pytest.approx(saved.coolant_flow.values[0, 0], rel=1e-3)


def test_pumps_run_down_by_their_hyperbola(pod):
    """n = 1 / (1 + t / T): half of the speed after T."""
    course = after(pod, "pump_trip cdu=cdu.2 at=0s", until=10.0, step=0.1)
    speed = course.device_speed.sel(device="cdu.2").values[0]
    times = course.time.values + 0.1  # the speed a step later is what is seen
    np.testing.assert_allclose(speed, 1.0 / (1.0 + times / simulation.RUN_DOWN["cdu"]), rtol=1e-9)


@pytest.mark.parametrize("mode", ["double-conversion", "eco"])
def test_batteries_carry_what_hangs_on_the_ups_until_the_generators(mode):
    """Through the inverter, whatever the UPS did while the utility was there."""
    pod = twin.load(None, {"power.ups_mode": mode})
    course = after(pod, "utility_loss at=5s", until=15.0)
    state = twin.solve(pod)
    left = course.battery.sel(device="ups.A").values[0]
    assert left[0] == 1.0
    # Ten seconds of the output and the inverter's loss out of 300 MJ; warmer air makes the fans turn faster.
    output = float(state.device_power.sel(device="ups.A")[0])
    points = np.array([0.25, 0.5, 0.75, 1.0])
    fit = np.polyfit(points, points * (1 / np.array([0.970, 0.973, 0.970, 0.964]) - 1), 2)
    drawn = 10.0 * (output + 1e6 * np.polyval(fit, output / 1e6))
    assert 1.0 - left[-1] == pytest.approx(drawn / 300e6, rel=0.01)
    # At first nothing has changed; a bus of eco mode stands a percent higher on its inverter than behind the utility.
    assert 1.0 - left[11] == pytest.approx(
        drawn / 20.0 / 300e6, rel=1e-9 if mode == "double-conversion" else 2e-4
    )
    assert np.isnan(course.seconds_to_trip.values).all()


def test_a_battery_carries_the_plant_that_its_ups_feeds():
    """Chillers and dry coolers on UPS A and B run on without the utility, out of their batteries."""
    feeds = "[ups.A, ups.B]"
    pod = twin.load(None, {"plant.dry_coolers.feeds": feeds, "air.chillers.feeds": feeds})
    course, state = after(pod, "utility_loss at=0s", until=2.0, step=0.1), twin.solve(pod)
    output = state.device_power.sel(device=["ups.A", "ups.C"]).values[0]
    assert output[0] > output[1] + 20e3
    points = np.array([0.25, 0.5, 0.75, 1.0])
    fit = np.polyfit(points, points * (1 / np.array([0.970, 0.973, 0.970, 0.964]) - 1), 2)
    given = 300e6 * (1.0 - course.battery.sel(device=["ups.A", "ups.C"]).values[0, 1]) / 0.1
    np.testing.assert_allclose(given, output + 1e6 * np.polyval(fit, output / 1e6), rtol=1e-6)


def test_rectifiers_take_over_along_their_ramp_and_charge_what_was_given(pod):
    """The battery gives ten seconds and the triangle P^2 T / 2 C; a tenth of the rating, at 0.95, puts it back."""
    course = after(pod, "utility_loss at=5s", until=300.0)
    times, battery = course.time.values, course.battery.sel(device="ups.A").values[0]
    utility, generators = course.utility_power.values[0], course.generator_power.values[0]
    dark = (times >= 5.0) & (times < 15.0)
    assert (utility[times < 5.0] > 2e6).all()
    assert (utility[times >= 5.0] == 0.0).all()
    assert (generators[times < 15.0] == 0.0).all()
    assert (generators[times >= 15.0] > 0.0).all()
    carried = 300e6 * (battery[dark][0] - battery[times == 15.0][0]) / 10.0
    most = 1e6 / 0.964 + 0.1e6
    crossing = carried * 15.0 / most
    triangle = carried * crossing / 2.0
    assert 300e6 * (battery[times == 15.0][0] - battery.min()) == pytest.approx(triangle, rel=0.02)
    # At the corner of the ramp the fit of the curve and the fans count; the charge itself is to the step.
    missing = 300e6 * (1.0 - battery.min())
    begun, filled = times[battery.argmin()], times[(times > 30.0) & (battery == 1.0)][0]
    assert filled - begun == pytest.approx(missing / (0.95 * 0.1e6), abs=2.0)
    assert (battery <= 1.0).all()
    np.testing.assert_allclose(
        np.diff(battery[(times > 40.0) & (times < 80.0)]) * 300e6, 0.95 * 0.1e6 / 2, rtol=1e-6
    )
    # In the end the generators carry what the utility did.
    assert generators[-1] == pytest.approx(utility[0], rel=1e-3)


def test_generators_are_held_against_their_rating_and_their_step(pod):
    from twin.report.course import notes, record, verdict

    course = after(pod, "utility_loss at=5s", until=120.0)
    assert "2,500 kW that these take at once" in notes(pod, course)[0]
    assert verdict(pod, course) == "all 16 racks run through it"
    power = course.generator_power.values[0]
    assert float(course.generator_peak[0]) == power.max()
    # A second is two steps, and half of one more at each end.
    assert float(course.generator_step[0]) == (power[3:] - power[:-3]).max()
    small = replace(pod, standby=replace(pod.standby, required=1))
    assert verdict(small, course).endswith("; the generators are overloaded")
    weak = replace(pod, standby=replace(pod.standby, load_step=0.05))
    assert verdict(weak, course).endswith("; the generators do not take their largest step")
    asked = record(weak, course, [], {})["generators"]
    assert (asked["rating"], asked["step_limit"]) == (5e6, 0.05 * 5e6)
    silent = replace(pod, standby=replace(pod.standby, load_step=np.nan))
    assert record(silent, course, [], {})["generators"]["step_limit"] is None
    assert record(pod, after(pod, until=2.0), [], {})["generators"] is None


def test_when_the_utility_is_back_the_generators_are_relieved(pod):
    course = after(pod, "utility_loss at=5s for=60s", until=80.0, step=1.0)
    late = course.time.values >= 65.0
    assert (course.generator_power.values[0, late] == 0.0).all()
    assert (course.utility_power.values[0, late] > 2e6).all()


def test_no_blip_is_too_short_for_the_step(pod):
    course = after(pod, "power_blip at=5.2s for=100ms", until=10.0)
    assert float(course.battery.sel(device="ups.A").min()) < 1.0


def test_rectifiers_store_nothing():
    """The 800 V chain has no battery in front of its racks: they go off with the utility, in the first step."""
    course = after(twin.load("vr-800vdc"), "utility_loss at=2s", until=10.0)
    np.testing.assert_allclose(course.seconds_to_trip.values, 0.0, atol=0.5)
    assert (course.power.values[0, -1] == 0.0).all()


def test_without_generators_the_racks_go_off_when_the_batteries_are_empty():
    lone = twin.load("gb300-su", {"power.devices[ups.A].product": "ups-750"})
    site = twin.load("site-250mw")
    assert site.standby is None
    course = after(
        lone, "power_blip at=1s for=600s", until=620.0, step=2.0, operation=twin.Operation(rack_power=90e3)
    )
    # Chillers and facility pumps have no power: the heat wins before the batteries are empty.
    assert (
        np.isfinite(course.seconds_to_throttle.values).all()
        or np.isfinite(course.seconds_to_trip.values).all()
    )


@pytest.mark.parametrize("text", ["loss_of_facility_water at=5s", "utility_loss at=5s"])
def test_a_batch_equals_its_singles(pod, text):
    each = np.array([285.0, 308.15, 320.0])
    listed = events(pod, [text])
    batch = simulate(pod, twin.Operation(dry_bulb=each), listed, 40.0, 1.0)
    for place, dry in enumerate(each):
        alone = simulate(pod, twin.Operation(dry_bulb=dry), listed, 40.0, 1.0)
        for name in ("supply_temperature", "case_temperature", "power", "battery", "generator_power"):
            np.testing.assert_array_equal(batch[name].values[place], alone[name].values[0])


def test_a_leak_is_isolated_and_takes_its_rack_with_it(pod):
    course = after(pod, "leak rack=row1.03 rate=2L/min at=5s for=5s", until=60.0)
    gone = list(pod.racks.name).index("row1.03")
    trip = course.seconds_to_trip.values[0]
    assert np.isfinite(trip[gone])
    assert np.isnan(np.delete(trip, gone)).all()
    # Two litres a minute for five seconds; the valve of the second leak is not shut before the end.
    assert course.leaked_volume.values == pytest.approx(2e-3 / 60.0 * 5.0)
    two = after(pod, "leak rack=row1.03,row1.04 rate=2L/min at=40s", until=60.0)
    assert two.leaked_volume.values == pytest.approx(2.0 * 2e-3 / 60.0 * 20.0)


def test_a_leak_beyond_the_expansion_vessels_stops_the_pumps(pod):
    """Four vessels of 24 L at 60 L/min: 96 seconds. Isolated before, the loop keeps its pressure."""
    course = after(pod, "leak rack=row1.03 rate=60L/min at=5s", until=150.0)
    assert course.seconds_to_pressure_loss.item() == pytest.approx(96.0, abs=0.5001)
    times, speed = course.time.values, course.device_speed.sel(device=CELLS).values[0]
    assert (speed[times <= 101.0] == 1.0).all()
    assert (speed[times >= 125.0] == 0.0).all()
    throttle = course.seconds_to_throttle.values[0]
    assert (throttle > 96.0).all()
    assert np.isfinite(course.seconds_to_trip.values).all()
    assert np.abs(course.ledger_coolant.values).max() < 1e-9
    held = after(pod, "leak rack=row1.03 rate=60L/min at=5s for=95s", until=150.0)
    assert np.isnan(held.seconds_to_pressure_loss.values).all()
    assert (held.device_speed.sel(device=CELLS).values == 1.0).all()


def test_a_leak_in_one_block_leaves_the_others_alone():
    site = twin.load("gb300-hall")
    names, blocks = site.racks.name, list(site.blocks)
    count = int((site.devices.kind == DEVICE_KINDS.index("cdu")).sum()) // len(blocks)
    course = after(site, f"leak rack={names[0]} rate={count * 24 * 6}L/min at=0s", until=30.0)
    lost = course.seconds_to_pressure_loss.values[0]
    assert lost[0] == pytest.approx(10.0, abs=0.5001)
    assert np.isnan(lost[1:]).all()
    assert np.isnan(course.seconds_to_trip.values[0, site.racks.block > 0]).all()


def test_a_finer_step_tells_the_same(pod):
    coarse, fine = (after(pod, "loss_of_facility_water at=5s", until=60.0, step=step) for step in (1.0, 0.25))
    at = [20.0, 40.0, 60.0]
    np.testing.assert_allclose(
        coarse.supply_temperature.sel(time=at).values, fine.supply_temperature.sel(time=at).values, atol=0.25
    )
    # Fans run up in the step before or after the rectifiers' corner: 30 kJ at most.
    coarse, fine = (after(pod, "utility_loss at=5s", until=60.0, step=step) for step in (1.0, 0.25))
    np.testing.assert_allclose(
        coarse.battery.sel(time=at).values, fine.battery.sel(time=at).values, atol=1e-4
    )
    # A coarser step sees the ramp for half a second longer: 1.14 MW of four rectifiers in 15 s.
    longer = float(coarse.generator_step[0]) - float(fine.generator_step[0])
    assert 0.0 < longer < 0.5 * 4.0 * (1e6 / 0.964 + 0.1e6) / 15.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pump_trp cdu=cdu.1", "did you mean 'pump_trip'"),
        ("pump_trip cdu=cdu.9 at=1s", "no cdu 'cdu.9'"),
        ("pump_trip at=1s", "needs one of cdu=, pump= or device="),
        ("pump_trip cdu=cdu.1 at=5", "has no unit"),
        ("power_blip at=1s", "needs how long"),
        ("leak rack=row1.01 at=1s", "needs what it loses"),
        ("utility_loss cdu=cdu.1", "takes no cdu="),
        ("pump_trip cdu=cdu.1 rate=2L/min", "takes no rate="),
        ("leak rack=row1.01 rate=-2L/min", "must not be negative"),
        ("cdu_loss cdu=cdu.1 at=1s at=2s", "given twice"),
        ("", "no event ''"),
        ("leak rack=row1.99 rate=1L/min", "no rack 'row1.99'"),
    ],
)
def test_bad_events_are_told(pod, text, told):
    with pytest.raises(twin.InputError, match=told):
        events(pod, [text])


def test_a_rack_cooled_by_air_does_not_leak():
    with pytest.raises(twin.InputError, match="no rack here is cooled by liquid"):
        events(twin.load("h100-air"), ["leak rack=row1.01 rate=1L/min"])


def test_the_help_names_every_event():
    from twin.cli.course import simulate as command
    from twin.event import EVENTS

    assert all(name in command.__doc__ for name in EVENTS)


def test_the_command_writes_and_tells(tmp_path):
    from typer.testing import CliRunner

    from twin.cli import app

    told = CliRunner().invoke(
        app, ["simulate", "--event", "cdu_loss cdu=cdu.1 at=5s", "--for", "20s", "--out", str(tmp_path)]
    )
    assert told.exit_code == 0
    assert "all 16 racks run through it" in told.output
    assert {file.name for file in tmp_path.iterdir()} == {"series.nc", "racks.csv", "simulation.html"}
    lines = (tmp_path / "racks.csv").read_text().splitlines()
    assert lines[0].startswith("rack,seconds_to_throttle [s]")
    assert len(lines) == 17
    dark = CliRunner().invoke(
        app, ["simulate", "--event", "utility_loss at=5s", "--for", "20s", "--out", str(tmp_path)]
    )
    assert "Generators: at most" in dark.output
    assert "Power of the site [MW]" in (tmp_path / "simulation.html").read_text()
    wrong = CliRunner().invoke(app, ["simulate", "--event", "x", "--for", "5", "--out", str(tmp_path)])
    assert wrong.exit_code == 2
    assert "has no unit" in wrong.output
    assert "no event 'x'" in wrong.output
