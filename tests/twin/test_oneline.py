"""Who carries what, and what it loses on the way, by hand from name plates."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import twin
from twin.errors import InputError

ZERO = 273.15
BUILT_IN = Path(twin.__file__).parent / "layouts" / "gb300-su.yaml"
# transformer-1250 and transformer-1000: rating, no-load and load loss; 6 % impedance, 0.5 % no-load current.
PLATES = {name: (1250e3, 1.75e3, 9e3) for name in ("T.A", "T.B", "T.C", "T.D")}
PLATES |= {name: (1000e3, 1.4e3, 7.2e3) for name in ("T.M1", "T.M2")}
# Of rack and whip: power factor 0.98, three phases of 415 V.
SINE, VOLTS = 0.98, 415.0


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def edited(tmp_path, *changes):
    """The built-in layout with some of its text replaced."""
    text = BUILT_IN.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "edited.yaml"
    path.write_text(text)
    return str(path)


def at(state, variable, device):
    return state[variable].sel(device=device).values[0]


def receiving(source, resistance, reactance, active, reactive):
    """Square of the voltage behind an impedance that carries a load at its far end, all per unit."""
    middle = source**2 / 2 - resistance * active - reactance * reactive
    apparent = (resistance**2 + reactance**2) * (active**2 + reactive**2)
    return middle + np.sqrt(middle**2 - apparent)


@pytest.mark.parametrize(("out", "power"), [([], 60e3), ([], 142e3), (["ups.A", "T.M2"], 100e3)])
def test_transformers_lose_their_plate_losses_at_the_current_they_carry(pod, out, power):
    state = twin.solve(pod, twin.Operation(rack_power=power, dry_bulb=30 + ZERO, out=out))
    live = [name for name in PLATES if name not in out]
    # On the bases of rating and nominal voltage, behind the utility: 500 MVA, R/X 0.1.
    loads, standing, apparent = {}, 0.0, 0.0
    for name in live:
        rating, no_load, _ = PLATES[name]
        active = at(state, "device_power", name)
        reactive = np.sqrt(max((at(state, "device_loading", name) * rating) ** 2 - active**2, 0.0))
        loads[name] = active, reactive
        standing += no_load
        apparent += np.sqrt((0.005 * rating) ** 2 - no_load**2)
    # Voltage of the utility's bus and losses of the transformers, one from the other.
    bus, lost = 1.0, {}
    for _ in range(30):
        taken, vars_ = standing, apparent
        for name in live:
            rating, _, load_loss = PLATES[name]
            winding = load_loss / rating
            leakage = np.sqrt(0.06**2 - winding**2)
            active, reactive = (part / rating for part in loads[name])
            square = receiving(bus, winding, leakage, active, reactive)
            current = (active**2 + reactive**2) / square
            lost[name] = load_loss * current
            taken += rating * active + lost[name]
            vars_ += rating * (reactive + leakage * current)
        reactance = 1 / np.hypot(1.0, 0.1)
        bus = np.sqrt(receiving(1.0, 0.1 * reactance, reactance, taken / 500e6, vars_ / 500e6))
    # Less than 1e-7 of the losses is the load flow's own tolerance.
    assert state.transformer_loss.item() == pytest.approx(standing + sum(lost.values()), rel=1e-7)
    assert state.utility_power.item() == pytest.approx(taken, rel=1e-9)


def test_ups_lose_what_their_efficiency_curve_says(pod):
    state = twin.solve(pod, twin.Operation(rack_power=120e3))
    points, efficiency = np.array([0.25, 0.5, 0.75, 1.0]), np.array([0.970, 0.973, 0.970, 0.964])
    curve = np.polynomial.Polynomial.fit(points, points * (1 / efficiency - 1), 2)
    load = [at(state, "device_power", f"ups.{name}") / 1e6 for name in "ABCD"]
    assert state.ups_loss.item() == pytest.approx(1e6 * curve(np.array(load)).sum(), rel=1e-9)


# Rows on two panels each by four whips a panel.
PAIRED = (
    ("[rpp.A1, rpp.B1, rpp.C1, rpp.D1]", "[rpp.A1, rpp.B1]"),
    ("[rpp.A2, rpp.B2, rpp.C2, rpp.D2]", "[rpp.B2, rpp.C2]"),
    ("per_feed: 2", "per_feed: 4"),
)


def amperes(state, rack, panel):
    """Current of one whip: 60 A at a continuous factor of 0.8."""
    return at(state, "device_loading", f"whip.{rack}.{panel}") * 48.0


def whip_loss(current, whips):
    """Three conductors of each whip: 0.49 mohm/ft over 12 m."""
    return whips * 3 * 0.49e-3 / 0.3048 * 12.0 * current**2


def test_reserve_carries_nothing_until_the_normal_feed_is_out(tmp_path):
    site = twin.load(edited(tmp_path, ("redundancy: 4N3R", "redundancy: N+1"), *PAIRED))
    calm, hurt = (
        twin.solve(site, twin.Operation(rack_power=50e3, support_load=20e3, out=out))
        for out in ([], ["rpp.A1"])
    )
    assert at(calm, "device_power", "rpp.B1") == pytest.approx(0.0, abs=1e-9)
    assert at(calm, "device_power", "rpp.C2") == pytest.approx(0.0, abs=1e-9)
    assert amperes(calm, "row1.03", "rpp.B1") == 0.0
    for state, panel in ((calm, "rpp.A1"), (calm, "rpp.B2"), (hurt, "rpp.B1"), (hurt, "rpp.B2")):
        row = "row1" if panel.endswith("1") else "row2"
        current = amperes(state, f"{row}.03", panel)
        volts = state.feed_voltage.sel(rack=f"{row}.03").item() * VOLTS
        assert current == pytest.approx(50e3 / 4 / (np.sqrt(3) * volts * SINE), rel=1e-9)
        carried = 8 * (50e3 + whip_loss(current, 4)) + 20e3
        # 1e-7: the whips of a row differ in nothing, the load flow stops at this.
        assert at(state, "device_power", panel) == pytest.approx(carried, rel=1e-7)


@pytest.mark.parametrize("redundancy", ["2N", "3N/2"])
def test_live_feeds_share_equally_and_the_other_takes_all(tmp_path, redundancy):
    site = twin.load(edited(tmp_path, ("redundancy: 4N3R", f"redundancy: {redundancy}"), *PAIRED))
    calm, hurt = (
        twin.solve(site, twin.Operation(rack_power=50e3, support_load=20e3, out=out))
        for out in ([], ["ups.A"])
    )

    def carried(state, share, row):
        current = (
            share * 50e3 / 4 / (np.sqrt(3) * state.feed_voltage.sel(rack=f"{row}.01").item() * VOLTS * SINE)
        )
        return 8 * (share * 50e3 + whip_loss(current, 4)) + share * 20e3

    # 1e-6: the two feeds of a rack differ a little in voltage, the state gives the lower one.
    for panel in ("rpp.A1", "rpp.B1", "rpp.B2", "rpp.C2"):
        row = "row1" if panel.endswith("1") else "row2"
        assert at(calm, "device_power", panel) == pytest.approx(carried(calm, 0.5, row), rel=1e-6)
    assert at(hurt, "device_power", "rpp.A1") == 0.0
    assert at(hurt, "device_power", "rpp.B1") == pytest.approx(carried(hurt, 1.0, "row1"), rel=1e-6)
    assert at(hurt, "device_power", "rpp.B2") == pytest.approx(carried(hurt, 0.5, "row2"), rel=1e-6)
    assert at(hurt, "device_power", "rpp.C2") == pytest.approx(carried(hurt, 0.5, "row2"), rel=1e-6)


def test_four_make_three_shares_a_quarter_and_after_an_outage_a_third(pod):
    for out, share in (([], 1 / 4), (["ups.B"], 1 / 3), (["ups.B", "rpp.C1"], 1 / 2)):
        state = twin.solve(pod, twin.Operation(rack_power=60e3, out=[out], support_load=0.0))
        volts = state.feed_voltage.sel(rack="row1.01").item() * VOLTS
        # 1e-3: the feeds' voltages differ, the state gives the lowest.
        expected = share * 60e3 / 2 / (np.sqrt(3) * volts * SINE)
        assert amperes(state, "row1.01", "rpp.A1") == pytest.approx(expected, rel=1e-3)
        assert amperes(state, "row1.01", "rpp.B1") == (pytest.approx(expected, rel=1e-3) if not out else 0.0)


def test_currents_are_judged_at_the_peak_and_losses_at_the_mean(pod):
    mean, peaky = (
        twin.solve(pod, twin.Operation(rack_power=70e3, support_load=0.0, edp_factor=edp))
        for edp in (1.0, 1.5)
    )
    np.testing.assert_allclose(peaky.power, mean.power, rtol=1e-12)
    np.testing.assert_allclose(peaky.peak_power, 1.5 * mean.power, rtol=1e-12)
    for name in ("utility_power", "transformer_loss", "cable_loss", "ups_loss"):
        assert peaky[name].item() == pytest.approx(mean[name].item(), rel=1e-12)
    # The same current as racks of 105 kW; 1e-3 because those make pumps and fans draw more upstream.
    real = twin.solve(pod, twin.Operation(rack_power=105e3, support_load=0.0))
    for device in ("whip.row2.05.rpp.D2", "rpp.D2", "rpp.A1"):
        assert at(peaky, "device_loading", device) == pytest.approx(
            at(real, "device_loading", device), rel=1e-3
        )
    assert at(peaky, "device_loading", "utility") == at(mean, "device_loading", "utility")


def cause(state, rack):
    """What holds a rack, (scenario,)."""
    return np.array(state.binding.attrs["flag_meanings"].split())[state.binding.sel(rack=rack).values]


def floor(demand, shelves):
    """AC power of a load-bank rack at its least clock.

    gb300-nvl72: 72 GPUs of 1,400 W in 136 kW, eight shelves of 33 kW; cap-law: a quarter static, voltage
    falls down to 0.75 of the clock, 0.17 of which is the least.
    """
    points = np.array([0.1, 0.5, 1.0])
    loss = np.polynomial.Polynomial.fit(points, points * (1 / np.array([0.95, 0.975, 0.97]) - 1), 2)
    rating = shelves * 33e3

    def drawn(output):
        return output + rating * loss(output / rating)

    output = brentq(lambda output: drawn(output) - demand, 0.0, demand, xtol=1e-9)
    fixed = 136e3 - 72 * 1400.0
    return drawn(fixed + (output - fixed) * (0.25 + 0.75 * 0.17 * 0.75**2))


def test_whips_that_do_not_hold_the_peak_of_the_floor_switch_the_rack_off(tmp_path):
    site = twin.load(edited(tmp_path, ("per_feed: 2", "per_feed: 1")))
    out = ["rpp.A1", "rpp.B1", "rpp.C1", "rpp.A2", "rpp.B2"]
    # Two of four whips live in the second row, 48 A each.
    whips = 2 * np.sqrt(3) * VOLTS * 48.0 * SINE
    # Its shelves, four of 33 kW, are wide of it: the whips decide.
    threshold = whips / floor(110e3, 4)
    assert 1.1 < threshold < 1.9
    # Nearer than 1 % below it the voltage drop decides, which this does not judge.
    edp = np.append(np.linspace(1.0, 2.0, 20), threshold * np.array([0.99, 1 + 1e-6]))
    assert not ((edp > 0.991 * threshold) & (edp < threshold)).any()
    state = twin.solve(
        site,
        twin.Operation(rack_power=110e3, support_load=0.0, edp_factor=edp, out=[out] * len(edp)),
    )
    assert state.converged.values.all()
    on = edp < threshold
    np.testing.assert_array_equal(state.power.sel(rack="row2.01").values > 0, on)
    np.testing.assert_array_equal(state.tokens.sel(rack="row2.01").values > 0, on)
    assert (cause(state, "row2.01") == "whip").all()
    loading = state.device_loading.sel(device="whip.row2.01.rpp.C2").values
    np.testing.assert_allclose(loading, np.where(on, 1.0, 0.0), rtol=1e-7)


def test_shelves_hold_their_rating_at_the_peak(tmp_path):
    """Four whips a feed carry 135 kW, so that the two live shelves of 33 kW are the rack's limit."""
    site = twin.load(edited(tmp_path, ("per_feed: 2", "per_feed: 4")))
    # One rack of the second row alone, or its panel would be the limit.
    cap = np.full((1, 16), np.inf)
    cap[0, 9:] = 0.0
    # 97 % efficient at full load.
    whole = 2 * 33e3 / 0.97
    edp = np.append([1.0, 1.02], whole / floor(80e3, 2) * np.array([1 - 1e-6, 1 + 1e-6]))
    state = twin.solve(
        site,
        twin.Operation(
            rack_power=80e3,
            power_cap=cap,
            support_load=0.0,
            edp_factor=edp,
            out=[["rpp.A2", "rpp.B2", "rpp.C2"]] * 4,
        ),
    )
    assert state.converged.values.all()
    assert (cause(state, "row2.01") == "shelf").all()
    np.testing.assert_allclose(state.peak_power.values[:3, 8], whole, rtol=1e-9)
    assert state.power.values[3, 8] == 0.0


def test_blocks_of_different_policies_are_refused_with_one_message(tmp_path):
    other = edited(tmp_path, ("policy: max-throughput", "policy: none"))
    site = tmp_path / "site.yaml"
    site.write_text(
        f"""name: mixed
site: {{dry_bulb: 35 degC, electricity_price: 0.08 USD/kWh, carbon_intensity: 0.35 kg/kWh}}
workload:
  model: deepseek-r1
  precision: nvfp4
  input_length: 8192
  output_length: 1024
  interactivity: 50 token/s
economics: {{interest_rate: 0.10, it_lifetime: 4 year, facility_lifetime: 15 year, facility_cost: 12 USD/W,
  maintenance: 0.04}}
utility: {{rating: 300 MW, voltage: 13.8 kV, short_circuit_power: 20 GVA, resistance_ratio: 0.1}}
blocks:
  - {{name: A, use: {other}, repeat: 1, pitch: [0 m, 12 m, 0 m]}}
  - {{name: B, use: gb300-su, repeat: 1, pitch: [0 m, 12 m, 0 m], origin: [0 m, 30 m, 0 m]}}
"""
    )
    with pytest.raises(InputError) as caught:
        twin.load(str(site))
    assert len(caught.value.problems) == 1
    problem = caught.value.problems[0]
    assert (problem.file, problem.path) == ("gb300-su.yaml", "power.policy")
    assert problem.line
    assert "is max-throughput, A has none; the blocks of a site share one policy" in problem.message


def test_a_busway_is_loaded_with_the_current_of_what_it_feeds():
    """Panel A1 draws what its row draws; its busway of 1000 A carries P / (3^1/2 U cos phi) of the panel's bus."""
    pod = twin.load()
    state = twin.solve(pod, twin.Operation(rack_power=130e3, edp_factor=1.2, support_load=0.0))
    index = pod.devices.name.index("rpp.A1")
    volts = 415.0 * state.feed_voltage.values[0, 0]
    power = state.device_loading.values[0, index] * 500e3
    amps = power / (np.sqrt(3.0) * volts * 0.98)
    assert state.run_loading.values[0, index] == pytest.approx(amps / 1000.0, rel=3e-3)
    assert np.isnan(state.run_loading.sel(device="T.A").item())
    margin = twin.check(pod, state)["E2-ampacity"].sel(device="rpp.A1").item()
    assert margin == pytest.approx(1.0 - state.run_loading.values[0, index], rel=1e-12)


def test_a_busway_too_small_for_its_panel_is_outside():
    pod = twin.load("gb300-su", {"power.devices[ups.A].conductor": "busway-800a"})
    state = twin.solve(pod, twin.Operation(rack_power=142e3, out=[["ups.B"]]))
    assert twin.check(pod, state)["E2-ampacity"].sel(device="ups.A").item() < -0.1


def test_a_busway_of_direct_current_carries_the_power_over_the_voltage():
    unit = twin.load("vr-800vdc")
    state = twin.solve(unit, twin.Operation(rack_power=200e3, support_load=0.0))
    power = state.device_power.sel(device="rpp.A1").item()
    amps = state.run_loading.sel(device="rpp.A1").item() * 1000.0
    assert amps == pytest.approx(power / 800.0, rel=3e-3)
    assert amps > power / 800.0
