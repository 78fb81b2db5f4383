"""Breakers, relays and standby generators of a layout against calculations by hand."""

import math

import numpy as np
import pytest

import twin
from electrical import protection as curves
from twin.plant.fault import fault_levels
from twin.plant.protection import protected

FOOT = 0.3048
VOLTS = 415.0
COPPER = 1.7241e-8 * (1 + 0.00393 * 55)


def of(facility, name, what):
    return float(getattr(protected(facility), what)[facility.devices.name.index(name)])


def transformer(rating=1250e3, loss=9e3, uk=0.06):
    """Impedance of a transformer at 415 V, corrected by K_T for voltages within 6 %."""
    base = VOLTS**2 / rating
    ratio = math.sqrt(uk**2 - (loss / rating) ** 2)
    return 0.95 * 1.05 / (1 + 0.6 * ratio) * base * complex(loss / rating, ratio)


def generators(running):
    """Impedance of generators of 3,125 kVA with x'' 0.19 seen from 415 V: K_G = c / (1 + x'' sin phi)."""
    factor = 1.1 / (1 + 0.19 * 0.6)
    reactance = factor * 0.19 * VOLTS**2 / 3125e3 / running
    return complex(0.07 * reactance, reactance)


def grid(factor):
    size = factor * VOLTS**2 / 500e6
    return complex(0.1, 1.0) * size / math.hypot(0.1, 1.0)


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def test_the_smallest_current_is_that_of_the_required_generators(pod):
    found = {level.device: level for level in fault_levels(pod)}
    behind = generators(2) + transformer()
    assert found["T.A"].least == pytest.approx(0.95 * VOLTS / math.sqrt(3) / abs(behind), rel=1e-9)
    # The source carries no zero sequence to the star side of the transformer.
    loop = 2 * behind + transformer()
    assert found["T.A"].least_earth == pytest.approx(math.sqrt(3) * 0.95 * VOLTS / abs(loop), rel=1e-9)


def test_a_phase_to_earth_by_hand(pod):
    """3^1/2 c U / |2 Z + Z0|, with four times the impedance of the runs in the zero sequence."""
    cold = 1.0 / (1.0 + 0.00393 * 55.0)
    runs = [
        complex(0.0076e-3 * cold, 0.0039e-3) / FOOT * 10,
        complex(0.0167e-3 * cold, 0.0095e-3) / FOOT * 30,
    ]
    behind = grid(1.1) + transformer() + sum(runs)
    zero = transformer() + 4 * sum(runs)
    found = {level.device: level for level in fault_levels(pod)}
    expected = math.sqrt(3) * 1.05 * VOLTS / abs(2 * behind + zero)
    assert found["rpp.A1"].earth == pytest.approx(expected, rel=1e-9)
    assert math.isnan(found["utility"].earth)


def test_the_largest_current_over_the_breaking_capacity(pod):
    """The breaker of a panel stands at the output of its UPS, that of a transformer at the utility's bus."""
    found = {level.device: level.greatest for level in fault_levels(pod)}
    assert of(pod, "rpp.A1", "breaking") == pytest.approx(found["ups.A"] / 65e3, rel=1e-12)
    assert of(pod, "whip.row1.01.rpp.A1", "breaking") == pytest.approx(found["rpp.A1"] / 50e3, rel=1e-12)
    assert of(pod, "T.A", "breaking") == pytest.approx(500e6 / (math.sqrt(3) * 13.8e3) / 50e3, rel=1e-12)


def test_a_relay_clears_a_fault_to_earth_behind_its_delta(pod):
    """I / 3^1/2 on the lines above the delta; 0.56 x 80 / (M^2 - 1) at twice the rated current, and three cycles."""
    behind = generators(2) + transformer()
    low = math.sqrt(3) * 0.95 * VOLTS / abs(2 * behind + transformer())
    line = low / math.sqrt(3) * VOLTS / 13.8e3
    multiple = line / (2 * 1250e3 / (math.sqrt(3) * 13.8e3))
    time = 0.56 * 80 / (multiple**2 - 1) + 0.06
    assert of(pod, "T.A", "clearing") == pytest.approx(time, rel=1e-9)


def test_the_heat_in_a_whip_is_what_its_breaker_lets_through(pod):
    """k = 226 (ln(1 + 75 / 309.5))^1/2 A s^1/2/mm2 from 75 to 150 degC, section by the resistance of the table."""
    section = COPPER * FOOT / 0.49e-3
    square = 226e6**2 * math.log(1 + 75.0 / (234.5 + 75.0))
    assert of(pod, "whip.row1.01.rpp.A1", "withstand") == pytest.approx(
        0.6e6 / (square * section**2), rel=1e-6
    )


def test_the_heat_in_a_busway_is_that_of_its_short_time_band(pod):
    """Ith^2 t of the fault at the head of the panel's busway, cleared in 0.14 s; the busway bears 95 to 150 degC."""
    level = {one.device: one for one in fault_levels(pod)}["ups.A"]
    kappa = level.peak / (math.sqrt(2) * level.greatest)
    decay = 2 * 60.0 * 0.14 * math.log(kappa - 1)
    heat = level.greatest**2 * 0.14 * (1 + (math.exp(2 * decay) - 1) / decay)
    section = COPPER * FOOT / 0.0167e-3
    square = 226e6**2 * math.log(1 + 55.0 / (234.5 + 95.0))
    assert of(pod, "rpp.A1", "withstand") == pytest.approx(heat / (square * section**2), rel=2e-3)


def test_selectivity_by_the_bands(pod):
    """0.18 s at the earliest over 0.14 s at the latest; whip against panel 0.08 s over 0.02 s."""
    assert of(pod, "rpp.A1", "gap") == pytest.approx(0.04, abs=1e-9)
    assert of(pod, "whip.row1.01.rpp.A1", "gap") == pytest.approx(0.06, abs=1e-9)
    assert of(pod, "rpp.A1", "selective") == 1.0
    assert math.isnan(of(pod, "T.A", "gap"))
    assert of(pod, "ups.A", "required") == 0.3


def test_a_panel_breaker_as_slow_as_the_one_above_is_not_selective():
    pod = twin.load(None, {"power.devices[rpp.A1].breaker": "breaker-1600a"})
    assert of(pod, "rpp.A1", "gap") < 0.0
    assert of(pod, "rpp.A1", "selective") < 0.5
    assert of(pod, "rpp.A2", "gap") > 0.0
    verdict = twin.check(pod, twin.solve(pod))
    assert verdict["E8-selectivity"].sel(device="rpp.A1").item() < 0.0
    # 1,600 A do not protect a busway of 1,000 A either.
    assert verdict["E3-coordination"].sel(device="rpp.A1").item() == pytest.approx(1 - 1.6)


def test_a_stiff_utility_is_more_than_the_switchgear_breaks():
    pod = twin.load(None, {"utility.short_circuit_power": "1.4 GVA"})
    margin = twin.check(pod, twin.solve(pod))["E5-breaking"].sel(device="T.A").item()
    assert margin == pytest.approx(1 - 1.4e9 / (math.sqrt(3) * 13.8e3) / 50e3, rel=1e-9)
    assert margin < 0.0


def test_direct_current_has_no_protection_of_its_own():
    unit = twin.load("vr-800vdc")
    guarded = {unit.devices.name[index] for index in unit.protection.device}
    assert guarded == {"T.M1", "T.M2", "ups.M1", "ups.M2"}


def test_peaks_are_held_by_what_the_breaker_bears():
    """6 I_r (t_early / t)^1/2, not above the lower edge of the short-time band; over the continuous current."""
    pod = twin.load(None, {"workload.edp_factor": "1.2", "workload.edp_duration": "100 s"})
    whip, panel, ups = (pod.devices.name.index(name) for name in ("whip.row1.01.rpp.A1", "rpp.A1", "ups.A"))
    assert pod.short_time[whip] == pytest.approx(6 * math.sqrt(4.0 / 100.0) / 0.8, rel=1e-9)
    own = 500e3 / (math.sqrt(3) * VOLTS)
    assert pod.short_time[panel] == pytest.approx(800 * 6 * math.sqrt(12 / 100) / own, rel=1e-9)
    # An inverter bears nothing beyond its rating that its sheet does not tell, whatever its breaker lets pass.
    assert pod.short_time[ups] == 1.0
    lasting = twin.load(None, {"workload.edp_factor": "1.2", "workload.edp_duration": "700 s"})
    assert (lasting.short_time[[whip, panel, ups]] == 1.0).all()


def test_borne_current_is_the_inverse_of_the_earliest_trip():
    unit = curves.trip_unit(1000.0, 12.0, 15.0, 8e3, 0.14, 0.2, instantaneous_pickup=15e3)
    for time in (0.05, 0.2, 1.0, 30.0, 300.0):
        borne = float(curves.borne_current(unit, time))
        assert float(curves.earliest_trip(unit, borne * (1 - 1e-9))) >= time
        assert float(curves.earliest_trip(unit, borne * (1 + 1e-9))) <= time


def test_generators_carry_the_site(pod):
    state = twin.solve(pod)
    verdict = twin.check(pod, state)
    power = float(state.utility_power[0])
    assert verdict["E17-generators"].values.item() == pytest.approx(1 - power / 5e6, rel=1e-12)
    assert verdict["E17-least-load"].values.item() == pytest.approx(power / 5e6 - 0.3, rel=1e-12)
    assert np.isnan(
        twin.check(site := twin.load("site-250mw"), twin.solve(site))["E17-generators"].values
    ).all()


def test_a_battery_lasts_for_its_energy_over_what_is_drawn(pod):
    """300 MJ of a 1,000 kW UPS; its loss from the battery as in double conversion."""
    state = twin.solve(pod)
    power = float(state.device_power.sel(device="ups.A")[0])
    x = power / 1e6
    # Least squares through the four points of the sheet, as the curve is fitted.
    points = np.array([0.25, 0.5, 0.75, 1.0])
    lost = points * (1 / np.array([0.970, 0.973, 0.970, 0.964]) - 1)
    fit = np.polyfit(points, lost, 2)
    seconds = 300e6 / (power + 1e6 * np.polyval(fit, x))
    margin = twin.check(pod, state)["E16-battery"].sel(device="ups.A").item()
    assert margin == pytest.approx(seconds - 70.0, rel=1e-9)


def test_shelves_hold_by_their_load(pod):
    """Eight shelves of 33 kW that hold 20 ms at full load hold 20 ms x 264 kW / P."""
    state = twin.solve(pod)
    drawn = float(state.power[0, 0])
    points = pod.racks.types[0].product["shelfEfficiency"]
    lost = points[:, 0] * (1 / points[:, 1] - 1)
    a2, a1, a0 = np.polyfit(points[:, 0], lost, 2)
    output = np.roots([a2 / 264e3, 1 + a1, a0 * 264e3 - drawn]).max()
    margin = twin.check(pod, state)["E15-hold-up"].values[0, 0]
    assert margin == pytest.approx(0.02 * 264e3 / output - 0.02, rel=1e-6)


def test_bad_names_are_told():
    with pytest.raises(twin.InputError, match="did you mean 'breaker-800a'"):
        twin.load(None, {"power.devices[rpp.A1].breaker": "breaker-80a"})
    with pytest.raises(twin.InputError, match="required"):
        twin.load(None, {"standby.count": "1"})
