"""Harmonics of the reference pod against a hand calculation: Z_h I_h, the summation law, C57.110, IEC 60076-7."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import twin
from electrical.harmonics import demand_limit
from twin import distortion
from twin.catalogue import product, products
from twin.rules import RULES
from twin.state import VARIABLES

ZERO = 273.15
FOOT = 0.3048
VOLTS, MEDIUM = 415.0, 13.8e3
RACK = {3: 0.025, 5: 0.02, 7: 0.015, 9: 0.01, 11: 0.01, 13: 0.008}
UPS = {5: 0.02, 7: 0.015, 11: 0.01, 13: 0.008}
EXPONENT = {3: 1.0, 5: 1.4, 7: 1.4, 9: 1.4, 11: 2.0, 13: 2.0}
NAMES = (
    "voltage_distortion",
    "current_distortion",
    "harmonic_loss_factor",
    "heating_load",
    "hot_spot_temperature",
)


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture
def quiet(monkeypatch):
    """The pod whose support racks and drives draw sinusoidal currents."""
    monkeypatch.setattr(distortion, "SPECTRUM", np.array([[5.0, 0.0], [7.0, 0.0]]))
    return twin.load()


def at(state, variable, device):
    return state[variable].sel(device=device).values[0]


def run_current(pod, state, device):
    """Current in the conductor to a device at the peak, which is the mean here [A]."""
    return at(state, "run_loading", device) * pod.chain.run_rating[pod.devices.name.index(device)]


def whip_current(pod, state, panel):
    """Current of all racks at a panel [A]."""
    whips = [name for name in pod.devices.name if name.startswith("whip.") and name.endswith(panel)]
    return sum(at(state, "device_loading", name) * state.rating.sel(device=name).item()
               * pod.chain.device_whips[pod.devices.name.index(name)] for name in whips)  # fmt: skip


def root_sum(values):
    return float(np.sqrt(np.sum(np.square(list(values)))))


def test_voltage_at_a_panel_by_hand(quiet):
    """V_h = Z_h I_h of the racks there; beside them the racks of the other panel across the inverter alone."""
    state = twin.solve(
        quiet, twin.Operation(rack_power=np.where(quiet.racks.row == 0, 120e3, 40e3)[None], edp_factor=1.0)
    )
    own, other = (whip_current(quiet, state, panel) for panel in ("rpp.A1", "rpp.A2"))
    assert own == pytest.approx(3 * other, rel=1e-2)
    inverter = distortion.INVERTER_REACTANCE * VOLTS**2 / 1000e3
    run = complex(0.0167e-3, 0.0095e-3) / FOOT * 30
    harmonic = {}
    for order, share in RACK.items():
        times = 4.0 if order % 3 == 0 else 1.0
        source = 1j * order * inverter
        line = times * complex(run.real, order * run.imag)
        exponent = EXPONENT[order]
        parts = abs((source + line) * share * own) ** exponent + abs(source * share * other) ** exponent
        harmonic[order] = np.sqrt(3) * parts ** (1 / exponent)
    volts = VOLTS * (1.0 - at(state, "voltage_drop", "rpp.A1"))
    assert at(state, "voltage_distortion", "rpp.A1") == pytest.approx(
        root_sum(harmonic.values()) / volts, rel=1e-6
    )
    # What the panel carries is what its racks draw.
    whole = root_sum(share * own for share in RACK.values())
    assert at(state, "current_distortion", "rpp.A1") == pytest.approx(
        whole / run_current(quiet, state, "rpp.A1"), rel=1e-9
    )


def test_one_source_behind_a_transformer_by_hand(pod):
    """A UPS alone at T.A: its own spectrum, F_HL and C57.110, and the voltage across transformer and run."""
    state = twin.solve(pod)
    total = root_sum(UPS.values())
    factor = (1 + sum((order * share) ** 2 for order, share in UPS.items())) / (1 + total**2)
    amps = run_current(pod, state, "ups.A")
    for device in ("ups.A", "T.A"):
        assert at(state, "current_distortion", device) == pytest.approx(total, rel=1e-9)
    assert at(state, "harmonic_loss_factor", "T.A") == pytest.approx(factor, rel=1e-9)
    rated = 1250e3 / np.sqrt(3) / VOLTS
    load = amps * np.sqrt(1 + total**2) / rated * np.sqrt((1 + 0.05 * factor) / 1.05)
    assert at(state, "heating_load", "T.A") == pytest.approx(load, rel=1e-9)
    ratio = 9.0 / 1.75
    oil = 55.0 * ((1 + ratio * load**2) / (1 + ratio)) ** 0.8
    assert at(state, "hot_spot_temperature", "T.A") == pytest.approx(
        35 + ZERO + oil + 23.0 * load**1.6, rel=1e-9
    )


def test_the_voltage_at_the_input_of_a_ups_by_hand(quiet):
    """Its own current across grid, transformer and run; those of its three peers, equal to it, across the grid."""
    state = twin.solve(quiet)
    amps = run_current(quiet, state, "ups.A")
    grid = VOLTS**2 / 500e6 * complex(0.1, 1.0) / np.hypot(0.1, 1.0)
    base = VOLTS**2 / 1250e3
    winding = 9e3 / 1250e3
    unit = base * complex(winding, np.sqrt(0.06**2 - winding**2))
    run = complex(0.0076e-3, 0.0039e-3) / FOOT * 10
    squares, top = 0.0, 0.0
    for order, share in UPS.items():
        source, rest = (complex(z.real, order * z.imag) for z in (grid, unit + run))
        exponent = EXPONENT[order]
        parts = abs(source + rest) ** exponent + 3 * abs(source) ** exponent
        squares += (np.sqrt(3) * share * amps) ** 2 * parts ** (2 / exponent)
        top += (share * amps * VOLTS / MEDIUM * 4 ** (1 / exponent)) ** 2
    whole = twin.solve(quiet, keep="all")
    bus = quiet.chain.converter_input[0]
    assert quiet.devices.name[quiet.chain.converter_device[0]] == "ups.A"
    # Voltages of buses are no result; that of the UPS follows from power and current.
    drawn = at(whole, "device_power", "T.A") - 3 * run.real * amps**2
    volts = drawn / 0.99 / (np.sqrt(3) * amps)
    assert quiet.chain.voltage[bus] == VOLTS
    assert at(state, "voltage_distortion", "ups.A") == pytest.approx(np.sqrt(squares) / volts, rel=1e-6)
    demand = quiet.built_power / np.sqrt(3) / MEDIUM
    assert state.utility_power.item() < 0.95 * quiet.built_power  # else what it draws would be the demand
    assert at(state, "current_distortion", "utility") == pytest.approx(np.sqrt(top) / demand, rel=1e-6)


def test_hot_spot_at_rated_load_is_ambient_and_rises(pod):
    state = twin.solve(pod)
    windings = pod.windings
    own = state.heating_load.values[0, windings.device]
    rated = replace(pod, windings=replace(windings, current=windings.current * own))
    found = twin.solve(rated)
    assert found.heating_load.values[0, windings.device] == pytest.approx(1.0, rel=1e-12)
    assert found.hot_spot_temperature.values[0, windings.device] == pytest.approx(
        35 + ZERO + 55 + 23, abs=1e-9
    )
    margin = RULES["E10-hot-spot"].margin(rated, found)
    assert np.nanmin(margin) == pytest.approx(7.0, abs=1e-9)
    rate = RULES["E10-ageing"].margin(rated, found)
    assert np.nanmin(rate) == pytest.approx(1.0 - 2 ** (15 / 6), rel=1e-9)
    # Table 2 of IEC 60076-7: hotter than 120 degC is outside.
    hot = twin.solve(rated, twin.Operation(dry_bulb=45 + ZERO))
    assert np.nanmin(RULES["E10-hot-spot"].margin(rated, hot)) < 0


def test_rules_by_hand(pod):
    state = twin.solve(pod)
    grid = 500e6 / np.sqrt(3) / MEDIUM
    ratio = grid / (pod.built_power / np.sqrt(3) / MEDIUM)
    margin = RULES["E18-demand"].margin(pod, state)[0]
    assert margin[0] == pytest.approx(
        demand_limit(ratio) - at(state, "current_distortion", "utility"), rel=1e-12
    )
    assert demand_limit(ratio) == 0.15
    assert np.isnan(margin[1:]).all()
    voltage = dict(zip(pod.devices.name, RULES["E18-voltage"].margin(pod, state)[0], strict=True))
    assert voltage["T.A"] == pytest.approx(0.08 - at(state, "voltage_distortion", "T.A"), rel=1e-12)
    assert voltage["utility"] == pytest.approx(0.05 - at(state, "voltage_distortion", "utility"), rel=1e-12)
    factor = at(state, "harmonic_loss_factor", "T.A")
    load = at(state, "device_loading", "T.A") * np.hypot(1, at(state, "current_distortion", "T.A"))
    place = pod.devices.name.index("T.A")
    assert RULES["E11-harmonic"].margin(pod, state)[0, place] == pytest.approx(
        1 - load * np.sqrt((1 + 0.05 * factor) / 1.05), rel=1e-12
    )
    assert np.isnan(RULES["E11-harmonic"].margin(pod, state)[0, pod.devices.name.index("ups.A")])


def test_twenty_times_the_spectrum_breaks_the_rules(pod):
    net = pod.harmonic
    dirty = replace(pod, harmonic=replace(net, spectrum=20.0 * net.spectrum))
    state, clean = twin.solve(dirty), twin.solve(pod)
    for code in ("E18-voltage", "E18-demand"):
        assert np.nanmin(RULES[code].margin(dirty, state)) < 0 < np.nanmin(RULES[code].margin(pod, clean))
    assert at(state, "hot_spot_temperature", "T.A") > at(clean, "hot_spot_temperature", "T.A") + 5.0
    assert at(state, "device_loading", "T.A") == at(clean, "device_loading", "T.A")
    # 56 % of harmonics, F_HL 14: eddy losses of 0.05 become 0.71 of the ohmic, and the load counts 1.15 x 1.27 times.
    factor = at(state, "harmonic_loss_factor", "T.A")
    assert factor == pytest.approx(14.1, abs=0.1)
    margin = RULES["E11-harmonic"].margin(dirty, state)[0, pod.devices.name.index("T.A")]
    load = at(state, "device_loading", "T.A") * np.hypot(1.0, 20.0 * root_sum(UPS.values()))
    assert margin == pytest.approx(1 - load * np.sqrt((1 + 0.05 * factor) / 1.05), rel=1e-12)


def test_twice_the_load_distorts_twice(pod):
    """Contributions are of the first degree in the current at each order, whatever the exponent."""
    low, high = (
        twin.solve(pod, twin.Operation(rack_power=power, support_load=0.0)) for power in (60e3, 120e3)
    )
    drawn = [whip_current(pod, state, "rpp.A1") for state in (low, high)]
    volts = [1.0 - at(state, "voltage_drop", "rpp.A1") for state in (low, high)]
    # The CDU pumps at the UPS go with the coolant, not with the load: they are a hundredth of it.
    ratio = at(high, "voltage_distortion", "rpp.A1") / at(low, "voltage_distortion", "rpp.A1")
    assert ratio == pytest.approx(drawn[1] / drawn[0] * volts[0] / volts[1], rel=2e-3)
    assert ratio == pytest.approx(2.0, rel=1e-2)


def test_a_ups_hides_its_racks_and_eco_mode_shows_them(pod):
    net = pod.harmonic
    row, feed = net.feeds.nonzero()
    behind = net.node[np.unique(row[pod.chain.feed_load[feed] < len(pod.racks.name)])]
    strength, triplen = net.spectrum.copy(), net.triplen_spectrum.copy()
    strength[behind] *= 10.0
    triplen[behind] *= 10.0
    loud = replace(pod, harmonic=replace(net, spectrum=strength, triplen_spectrum=triplen))
    one, other = twin.solve(pod), twin.solve(loud)
    for name in ("utility", "T.A", "T.M1"):
        assert at(one, "current_distortion", name) == at(other, "current_distortion", name)
        assert at(one, "voltage_distortion", name) == at(other, "voltage_distortion", name)
    assert at(other, "voltage_distortion", "rpp.A1") > 5 * at(one, "voltage_distortion", "rpp.A1")
    eco = twin.load(None, {"power.ups_mode": "eco"})
    through = twin.solve(eco)
    # The third passes the star of the transformer and ends in its delta.
    assert at(through, "current_distortion", "T.A") > 1.1 * at(one, "current_distortion", "T.A")
    assert at(through, "voltage_distortion", "rpp.A1") > at(one, "voltage_distortion", "rpp.A1")
    assert eco.harmonic.triplen_spectrum.any()
    top = eco.harmonic.part[eco.chain.device_node[0]]
    assert eco.harmonic.zero.parent[eco.harmonic.part[eco.chain.transformer_node]].max() == -1
    assert eco.harmonic.zero.parent[top] >= 0


def test_what_is_out_is_zero_and_cools_to_ambient(pod):
    state = twin.solve(pod, twin.Operation(out=["T.A"]))
    for name in NAMES[:2]:
        for device in ("T.A", "ups.A", "rpp.A1"):
            assert at(state, name, device) == 0.0
    assert at(state, "hot_spot_temperature", "T.A") == 35 + ZERO
    before = twin.solve(pod)
    assert at(state, "hot_spot_temperature", "T.B") > at(before, "hot_spot_temperature", "T.B")
    assert at(state, "voltage_distortion", "ups.B") > at(before, "voltage_distortion", "ups.B")


def test_where_there_is_nothing_to_tell():
    chain = twin.load("vr-800vdc")
    state = twin.solve(chain)
    for name in NAMES:
        assert np.isnan(at(state, name, "rpp.A1"))
        assert np.isnan(state[name].values[0, state.device_kind.values == "whip"]).all()
        assert np.isnan(state[name].values[0, state.device_kind.values == "cdu"]).all()
    # A solid-state transformer is told at its input.
    total = root_sum(UPS.values())
    assert at(state, "current_distortion", "sst.A") == pytest.approx(total, rel=1e-9)
    assert 0 < at(state, "voltage_distortion", "sst.A") <= at(state, "voltage_distortion", "utility") * 1.01
    place = chain.devices.name.index("sst.A")
    limit = RULES["E18-voltage"].margin(chain, state)[0, place] + at(state, "voltage_distortion", "sst.A")
    assert limit == pytest.approx(0.05, rel=1e-12)
    assert {VARIABLES[name].dims for name in NAMES} == {("scenario", "device")}


def test_a_batch_is_its_scenarios(pod):
    count = 300  # three pieces of work arrays
    rng = np.random.default_rng(3)
    power = rng.uniform(30e3, 130e3, (count, len(pod.racks.name)))
    bulb = rng.uniform(0.0, 45.0, count) + ZERO
    whole = twin.solve(pod, twin.Operation(rack_power=power, dry_bulb=bulb))
    for place in (0, 127, 128, 299):
        single = twin.solve(
            pod, twin.Operation(rack_power=power[place : place + 1], dry_bulb=bulb[place : place + 1])
        )
        for name in NAMES:
            np.testing.assert_array_equal(whole[name].values[place], single[name].values[0], err_msg=name)


def test_every_product_tells_its_spectrum_and_rises():
    for kind in ("rack", "ups", "rectifier"):
        for name in products(kind):
            curve = product(name, kind)["inputSpectrum"]
            assert root_sum(curve[:, 1]) < 0.05, name
            assert kind == "rack" or not (curve[:, 0] % 3 == 0).any()
    for name in products("transformer"):
        made = product(name, "transformer")
        assert made["ratedTopOilRise"] + made["ratedHotSpotRise"] == 78.0
        assert 0 < made["eddyLossRatio"] < 0.2


def test_multiples_of_three_need_a_star_below_a_delta(tmp_path):
    """Drives at medium voltage have none to close through; the same drives behind a transformer have."""
    text = (Path(twin.__file__).parent / "layouts" / "gb300-su.yaml").read_text()
    path = tmp_path / "high.yaml"
    assert "feeds: [T.M1, T.M2]" in text
    path.write_text(
        text.replace("count: 2, required: 1, feeds: [T.M1, T.M2]", "count: 2, required: 1, feeds: [utility]")
    )
    high = twin.load(str(path))
    net, grid = high.harmonic, high.harmonic.part[high.chain.device_node[0]]
    loads = net.node[: net.feeds.shape[0]]
    assert grid in loads
    assert net.spectrum[grid].all()
    assert not net.triplen_spectrum[grid].any()
    assert net.triplen_spectrum[loads[loads != grid]].all()
    state = twin.solve(high)
    assert at(state, "voltage_distortion", "utility") > 0.0
