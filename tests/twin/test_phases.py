"""Unequal phases from the layout to the verdict: hand figures, closed forms, and another program's load flow."""

from pathlib import Path

import numpy as np
import pytest

import twin
from twin.errors import InputError
from twin.facility import DEVICE_KINDS
from twin.plant.supply import supplied
from twin.study.contingency import contingencies

BUILT_IN = Path(twin.__file__).parent / "layouts" / "gb300-su.yaml"
TURN = np.exp(-2j * np.pi / 3 * np.arange(3))
VOLTS, SINE, AMPS = 415.0, 0.98, 48.0
TANGENT = np.tan(np.arccos(SINE))
FOOT = 0.3048
# Ohm per metre of whip-60a-415v and busway-1000a.
WHIP = complex(0.49e-3, 0.051e-3) / FOOT
BUSWAY = complex(0.0167e-3, 0.0095e-3) / FOOT
ZERO = 4.0
ONE = {
    "rows.count": "1", "rows.support_load": "0 kW", "power.redundancy": "N", "rows[row1].feeds": "[rpp.A1]",
    "rows[row2].feeds": "[rpp.B2]", "rows.phases": "rotating",
}  # fmt: skip


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def stiff(tmp_path_factory):
    """The built-in layout without any length of conductor: every bus of a UPS has its voltage."""
    text = (
        BUILT_IN.read_text().replace(", conductor: busway-1000a, length: 30 m", "").replace("12 m}", "0 m}")
    )
    assert "busway-1000a" not in text
    path = tmp_path_factory.mktemp("layout") / "stiff.yaml"
    path.write_text(text)
    return twin.load(str(path))


def lost(*racks, scenarios=1, count=16):
    """(scenario, rack) with pairs of rack and phase in the last scenario."""
    found = np.zeros((scenarios, count))
    for rack, phase in racks:
        found[-1, rack] = phase
    return found


def at(state, variable, device, scenario=-1):
    return state[variable].sel(device=device).values[scenario]


def cause(state, rack):
    return state.binding.attrs["flag_meanings"].split()[state.binding.sel(rack=rack).values[-1]]


def test_a_lost_phase_leaves_its_current_to_the_two_others(stiff):
    state = twin.solve(stiff, twin.Operation(rack_power=100e3, lost_phase=lost((0, 2), scenarios=2)))
    balanced = 100e3 / 4 / 2 / (np.sqrt(3) * VOLTS * SINE)
    for panel in "ABCD":
        loading = state.device_loading.sel(device=f"whip.row1.01.rpp.{panel}1").values * AMPS
        np.testing.assert_allclose(loading, [balanced, 1.5 * balanced], rtol=1e-12)
        other = at(state, "device_loading", f"whip.row1.02.rpp.{panel}1") * AMPS
        assert other == pytest.approx(balanced, rel=1e-12)
    np.testing.assert_array_equal(state.power.values[0], state.power.values[1])


def test_two_of_three_modules_of_each_shelf_stay(pod):
    from twin.operation import Operation, resolve

    asked = Operation(lost_phase=lost((3, 1), scenarios=2))
    supply = supplied(pod, resolve(asked, pod.operation, pod.devices.name, pod.elements))
    np.testing.assert_allclose(supply.shelves[1], np.where(np.arange(16) == 3, 8 * 2 / 3, 8.0), rtol=1e-15)
    assert supply.crest[1].tolist() == [1.0] * 3 + [1.5] + [1.0] * 12
    assert supply.phase[1, 3].tolist() == [0.0, 0.5, 0.5]
    assert (supply.whips == 8).all()


def test_the_modules_that_stay_hold_the_rack(tmp_path):
    """Four whips a feed carry it; of the four live shelves of 33 kW at 97 % two thirds are the limit."""
    site = twin.load("gb300-su", {"rows.whip.per_feed": "4"})
    cap = np.full((1, 16), np.inf)
    cap[0, 9:] = 0.0
    state = twin.solve(
        site,
        twin.Operation(
            rack_power=120e3,
            power_cap=cap,
            support_load=0.0,
            lost_phase=lost((8, 3)),
            out=[["rpp.A2", "rpp.B2"]],
        ),
    )
    assert cause(state, "row2.01") == "shelf"
    assert state.power.values[0, 8] == pytest.approx(4 * 2 / 3 * 33e3 / 0.97, rel=1e-9)


def test_the_whips_hold_less_by_the_crest_and_tokens_fall():
    site = twin.load("gb300-su", {"rows.whip.per_feed": "1", "rows.support_load": "0 kW"})
    state = twin.solve(site, twin.Operation(lost_phase=lost((5, 1), scenarios=2)))
    assert state.converged.values.all()
    assert cause(state, "row1.06") == "whip"
    assert at(state, "device_loading", "whip.row1.06.rpp.A1") == pytest.approx(1.0, rel=1e-6)
    most = 4 * np.sqrt(3) * VOLTS * AMPS * SINE / 1.5
    volts = state.feed_voltage.values[1, 5]
    assert state.power.values[1, 5] == pytest.approx(most * volts, rel=1e-3)  # the feeds differ a little
    assert state.tokens.values[1, 5] < state.tokens.values[0, 5]
    assert state.tokens_per_second.values[1] < state.tokens_per_second.values[0]
    np.testing.assert_allclose(state.tokens.values[1, :5], state.tokens.values[0, :5], rtol=1e-9)


def test_a_single_phase_whip_carries_a_phase_to_neutral():
    site = twin.load("gb300-su", {"rows.phases": "rotating", "rows.support_load": "0 kW"})
    assert np.argmax(site.racks.phase_share, axis=1).tolist() == [0, 1, 2, 0, 1, 2, 0, 1] * 2
    state = twin.solve(site, twin.Operation(rack_power=142e3))
    assert cause(state, "row1.01") == "whip"
    most = 4 * 2 * VOLTS / np.sqrt(3) * AMPS * SINE
    assert state.power.values[0, 0] == pytest.approx(most * state.feed_voltage.values[0, 0], rel=1e-3)


def test_neutral_currents_are_the_phasor_sums(stiff):
    """At equal voltages of all buses: rack 1 without phase 1, rack 2 without phase 2, the others in balance."""
    power = np.array([[100e3, 120e3] + [90e3] * 14])
    operation = twin.Operation(rack_power=power, lost_phase=lost((0, 1), (1, 2)), edp_factor=1.1)
    state = twin.solve(stiff, operation)
    phase = VOLTS / np.sqrt(3) * TURN
    drawn = 1.1 * power[0] / 4 * (1 + 1j * TANGENT)
    one = np.conj(drawn[0] * np.array([0.0, 0.5, 0.5]) / phase)
    two = np.conj(drawn[1] * np.array([0.5, 0.0, 0.5]) / phase)
    found = [at(state, "neutral_current", name) for name in ("whip.row1.01.rpp.A1", "whip.row1.02.rpp.A1")]
    np.testing.assert_allclose(found, [abs(one.sum()), abs(two.sum())], rtol=1e-10)
    # In line with the phase that is lost, and as large as what each of the others carries.
    assert abs(one.sum()) == pytest.approx(1.5 * 1.1 * 25e3 / (np.sqrt(3) * VOLTS * SINE), rel=1e-12)
    panel = at(state, "neutral_current", "rpp.A1")
    assert panel == pytest.approx(abs((one + two).sum()), rel=1e-10)
    assert at(state, "neutral_current", "rpp.A2") == pytest.approx(0.0, abs=1e-9)
    # A UPS draws equal phases and gives equal voltages; so does all above it.
    for device in ("ups.A", "T.A", "T.M1", "utility"):
        assert at(state, "neutral_current", device) == 0.0
        assert at(state, "voltage_unbalance", device) == 0.0
    assert np.nanmax(state.voltage_unbalance.values) < 1e-15


def test_one_rack_on_one_phase_is_the_closed_form_of_a_loop():
    """E = V + Z I, I = S* / V*, Z = (2 Z1 + Z0) / 3; negative sequence Z1 I / 3, positive E less as much."""
    site = twin.load("gb300-su", ONE)
    state = twin.solve(site, twin.Operation(rack_power=np.array([[60e3, 50e3]])))
    # 30 m of busway and two whips of 12 m.
    first = BUSWAY * 30.0 + WHIP * 12.0 / 2
    load = state.power.values[0, 0] * (1 + 1j * TANGENT)
    source, loop = VOLTS / np.sqrt(3), (2 + ZERO) / 3 * first
    drop = loop * np.conj(load)
    middle = source**2 / 2 - drop.real
    square = middle + np.sqrt(middle**2 - abs(drop) ** 2)
    current = np.sqrt(abs(load) ** 2 / square)
    # The voltage of the load on the real axis, and the source turned to it.
    voltage, amps = np.sqrt(square), np.conj(load) / np.sqrt(square)
    behind = voltage + loop * amps
    assert abs(behind) == pytest.approx(source, rel=1e-12)
    assert at(state, "neutral_current", "whip.row1.01.rpp.A1") == pytest.approx(current, rel=1e-9)
    assert at(state, "neutral_current", "rpp.A1") == pytest.approx(current, rel=1e-9)
    for device, impedance in (("whip.row1.01.rpp.A1", first), ("rpp.A1", BUSWAY * 30.0)):
        expected = abs(impedance * amps / 3) / abs(behind - impedance * amps / 3)
        assert at(state, "voltage_unbalance", device) == pytest.approx(expected, rel=1e-8)


def test_a_lost_phase_by_symmetrical_components():
    """Two phases of constant power behind Z1 and Z0, iterated on the sequences by hand."""
    site = twin.load("gb300-su", ONE | {"rows.phases": "three", "rows.lost_phase": "1"})
    state = twin.solve(site, twin.Operation(rack_power=np.array([[100e3, 50e3]])))
    first = BUSWAY * 30.0 + WHIP * 12.0 / 2
    load = state.power.values[0, 0] * (1 + 1j * TANGENT) * np.array([0.0, 0.5, 0.5])
    split = np.array([[1, 1, 1], np.conj(TURN), TURN]) / 3
    join = np.linalg.inv(split)
    voltage = VOLTS / np.sqrt(3) * TURN
    for _ in range(60):
        amps = split @ np.conj(load / voltage)
        sequence = np.array([0.0, VOLTS / np.sqrt(3), 0.0]) - first * np.array([ZERO, 1.0, 1.0]) * amps
        voltage = join @ sequence
    whip = "whip.row1.01.rpp.A1"
    assert at(state, "voltage_unbalance", whip) == pytest.approx(abs(sequence[2] / sequence[1]), rel=1e-8)
    assert at(state, "neutral_current", whip) == pytest.approx(abs(3 * amps[0]), rel=1e-8)


def test_an_island_of_a_ups_agrees_with_power_grid_model(pod):
    import power_grid_model as pgm

    random = np.random.default_rng(5)
    power = random.uniform(70e3, 140e3, (1, 16))
    operation = twin.Operation(rack_power=power, lost_phase=random.integers(0, 4, (1, 16)), edp_factor=1.2)
    state = twin.solve(pod, operation)
    chain = pod.chain
    root = chain.device_node[pod.devices.name.index("ups.A")]
    member = np.zeros(len(chain.parent), dtype=bool)
    member[root] = True
    for node in range(root + 1, len(member)):
        member[node] = member[chain.parent[node]] and node not in chain.converter_output
    nodes = np.flatnonzero(member)
    local = np.full(len(member), -1)
    local[nodes] = np.arange(len(nodes))
    active, factor = np.zeros((len(nodes), 3)), np.zeros((len(nodes), 3))
    for feed, (load, node) in enumerate(zip(chain.feed_load, chain.feed_node, strict=True)):
        if not member[node]:
            continue
        share = np.full(3, 1 / 3)
        if load < 16:
            whole = state.peak_power.values[0, load]
            gone = int(operation.lost_phase[0, load])
            if gone:
                share = np.where(np.arange(1, 4) == gone, 0.0, 0.5)
        else:
            name = chain.load_name[load]
            whole = 148e3 if name.startswith("support") else state[f"{name}_power"].values[0, 0]
        active[local[node]] += whole / 4 * share
        factor[local[node]] += whole / 4 * share * chain.load_tangent[load]
        assert chain.feed_load[feed] == load
    lines = nodes[nodes != root]

    def table(component, start, count, **columns):
        rows = pgm.initialize_array("input", component, count)
        rows["id"] = start + np.arange(count)
        for name, values in columns.items():
            rows[name] = values
        return rows

    count, first = len(nodes), len(nodes) + len(lines)
    model = pgm.PowerGridModel({
        "node": table("node", 0, count, u_rated=VOLTS),
        "line": table(
            "line", count, len(lines), from_node=local[chain.parent[lines]], to_node=local[lines], from_status=1,
            to_status=1, r1=chain.resistance[lines], x1=chain.reactance[lines], c1=0.0, tan1=0.0, c0=0.0, tan0=0.0,
            r0=ZERO * chain.resistance[lines], x0=ZERO * chain.reactance[lines], i_n=1000.0,
        ),
        "source": table("source", first, 1, node=local[root], status=1, u_ref=1.0, sk=1e17),
        "asym_load": table(
            "asym_load", first + 1, count, node=np.arange(count), status=1, type=0, p_specified=active,
            q_specified=factor,
        ),
    })  # fmt: skip
    truth = model.calculate_power_flow(symmetric=False, error_tolerance=1e-12)
    volts = truth["node"]["u_pu"] * np.exp(1j * truth["node"]["u_angle"])
    expected = abs(volts @ TURN) / abs(volts @ np.conj(TURN))
    apparent = -(truth["line"]["p_to"] + 1j * truth["line"]["q_to"])
    amps = np.conj(apparent / (volts[local[lines]] * VOLTS / np.sqrt(3)))
    neutral = np.zeros(count)
    neutral[local[lines]] = abs(amps.sum(axis=-1))
    inside = [
        index
        for index, node in enumerate(chain.device_node)
        if node >= 0 and member[node] and DEVICE_KINDS[pod.devices.kind[index]] in ("panel", "whip")
    ]
    assert len(inside) == 18
    place = local[chain.device_node[inside]]
    np.testing.assert_allclose(state.voltage_unbalance.values[0, inside], expected[place], atol=1e-6)
    np.testing.assert_allclose(state.neutral_current.values[0, inside], neutral[place], atol=1e-3)
    assert expected[place].max() > 5e-4
    assert neutral[place].max() > 30.0


def test_equal_phases_are_exactly_zero_and_nothing_where_there_are_none(pod):
    state = twin.solve(pod, twin.Operation(rack_power=np.linspace(60e3, 140e3, 16)[None]))
    electrical = pod.chain.device_node >= 0
    for name in ("voltage_unbalance", "neutral_current"):
        assert (state[name].values[0, electrical] == 0.0).all()
        assert np.isnan(state[name].values[0, ~electrical]).all()
    verdict = twin.check(pod, state)
    assert np.nanmin(verdict["E19-unbalance"].values) == 0.02
    assert np.nanmin(verdict["E19-neutral"].values) == 1.0
    assert np.isfinite(verdict["E19-neutral"].sel(device=["rpp.A1", "ups.A"]).values).all()


def test_whole_rows_of_rotating_phases_balance_out_up_the_chain():
    site = twin.load(
        "gb300-su",
        {"rows.phases": "rotating", "rows.count": "9", "rows[row1].origin": "[3.4 m, 2 m]",
         "rows[row2].origin": "[3.4 m, 5.03 m]"},
    )  # fmt: skip
    state = twin.solve(site, twin.Operation(rack_power=60e3))
    whip, panel = "whip.row1.01.rpp.A1", "rpp.A1"
    amps = at(state, "device_loading", whip) * AMPS * 2
    # The load flow's mean voltage is a little above that of the one loaded phase.
    assert at(state, "neutral_current", whip) == pytest.approx(amps, rel=0.02)
    assert at(state, "neutral_current", panel) < 1e-6 * amps
    assert at(state, "voltage_unbalance", panel) < 1e-9
    # Two whips in parallel carry a third of the current as negative sequence.
    assert at(state, "voltage_unbalance", whip) == pytest.approx(
        abs(WHIP) * 12.0 / 2 * amps / 3 / (VOLTS / np.sqrt(3)), rel=0.05
    )
    uneven = twin.solve(
        site, twin.Operation(rack_power=60e3, out=[[f"whip.row1.01.rpp.{name}1" for name in "ABCD"]])
    )
    assert at(uneven, "neutral_current", panel) == pytest.approx(amps, rel=0.02)


@pytest.mark.parametrize("security", ["none", "n-1"])
def test_a_batch_is_its_scenarios_one_by_one(security, monkeypatch):
    pod = twin.load("gb300-su", {"rows[row1].phases": "rotating", "power.security": security})
    random = np.random.default_rng(11)
    phases = random.integers(0, 4, (9, 16)) * (random.random((9, 16)) < 0.4)
    phases[::4] = 0
    given = {
        "lost_phase": phases,
        "rack_power": random.uniform(50e3, 140e3, (9, 16)),
        "edp_factor": random.uniform(1.0, 1.3, 9),
        "out": [[], ["ups.A"], ["rpp.B1"]] * 3,
    }
    monkeypatch.setattr("twin.equilibrium.CHUNK", 16 * 4)
    whole = twin.solve(pod, twin.Operation(**given))
    assert whole.converged.values.any()
    for one in range(9):
        alone = twin.solve(
            pod, twin.Operation(**{name: value[one : one + 1] for name, value in given.items()})
        )
        for name in whole.data_vars:
            np.testing.assert_array_equal(whole[name].values[one], alone[name].values[0], err_msg=name)


def test_ledgers_close_with_unequal_phases(pod):
    random = np.random.default_rng(3)
    state = twin.solve(pod, twin.Operation(lost_phase=random.integers(0, 4, (20, 16)), dry_bulb=300.0))
    assert state.converged.values.all()
    assert np.abs(state.ledger_power).max() < 1e-9
    assert np.abs(state.ledger_heat).max() < 1e-6
    assert np.abs(state.ledger_rack).max() < 1e-6


def test_a_rack_on_one_phase_that_is_lost_is_as_one_without_whips():
    site = twin.load("gb300-su", {"rows.phases": "rotating"})
    # Rack 2 of a row is on phase 2; the loss of another is nothing to it.
    phases = np.zeros((3, 16))
    phases[:, 1] = 2, 0, 3
    out = [[], [f"whip.row1.02.rpp.{name}1" for name in "ABCD"], []]
    state = twin.solve(site, twin.Operation(lost_phase=phases, out=out, rack_power=60e3))
    for name in state.data_vars:
        np.testing.assert_array_equal(state[name].values[0], state[name].values[1], err_msg=name)
    assert state.power.values[:, 1].tolist() == [0.0, 0.0, 60e3]
    assert cause(state.isel(scenario=[0]), "row1.02") == "no_feed"
    found = contingencies(site, twin.Operation(lost_phase=phases[:1], rack_power=60e3), order=1)
    assert int(found.lost_racks_before) == 1


def test_direct_current_has_no_phases():
    unit = twin.load("vr-800vdc")
    state = twin.solve(unit, twin.Operation(lost_phase=np.array([[0.0], [2.0]])))
    for name in state.data_vars:
        np.testing.assert_array_equal(state[name].values[0], state[name].values[1], err_msg=name)
    for device, nothing in (("rpp.A1", True), ("sst.A", True), ("utility", False), ("ups.M1", False)):
        assert np.isnan(at(state, "voltage_unbalance", device)) == nothing
        assert np.isnan(at(state, "neutral_current", device)) == nothing
    assert (unit.racks.phase_share == 1 / 3).all()


def test_racks_behind_a_transformer_alone_unbalance_what_is_above_it_without_a_neutral(tmp_path):
    text = BUILT_IN.read_text()
    for name in "ABCD":
        text = text.replace(
            f"- {{name: ups.{name}, product: ups-1000,",
            f"- {{name: ups.{name}, product: rpp-800, voltage: 415 V,",
        )
    path = tmp_path / "raw.yaml"
    path.write_text(text)
    raw = twin.load(str(path), {"power.policy": "none"})
    # Lightly loaded: what the tilted voltage makes of the racks' currents grows with the load, 2 % at 100 kW.
    state = twin.solve(raw, twin.Operation(rack_power=45e3, lost_phase=1.0, support_load=0.0))
    assert state.converged.all()
    assert at(state, "neutral_current", "utility") == pytest.approx(0.0, abs=1e-6)
    assert at(state, "neutral_current", "T.A") > 135.0
    assert 0.0 < at(state, "voltage_unbalance", "utility") < at(state, "voltage_unbalance", "T.A")
    # Two equal phases have a third of their sum, which the neutral takes, as negative sequence; it drops at the 500 MVA
    # of the source.
    neutral = sum(at(state, "neutral_current", f"T.{name}") for name in "ABCD")
    expected = neutral / 3 * np.sqrt(3) * VOLTS / 500e6
    assert at(state, "voltage_unbalance", "utility") == pytest.approx(expected, rel=0.01)


def test_what_goes_beyond_is_outside(pod):
    free = twin.load("gb300-su", {"power.policy": "none"})
    state = twin.solve(
        free, twin.Operation(rack_power=142e3, lost_phase=1.0, out=[["ups.A", "ups.B"]], support_load=0.0)
    )
    verdict = twin.check(free, state)
    margin = verdict["E19-neutral"].sel(device="rpp.C1").item()
    # Half of eight racks, each with 1.5 times the balanced current in its neutral, in a busway of 1000 A.
    neutral = 8 * 142e3 / 2 * 1.5 / (np.sqrt(3) * VOLTS * SINE)
    assert margin == pytest.approx(1 - neutral / 1000.0, abs=0.05)
    assert margin < 0
    assert verdict["E19-unbalance"].sel(device="rpp.C1").item() > 0
    far = twin.load(
        "gb300-su", {"power.policy": "none", "rows.phases": "rotating", "rows.whip.length": "150 m"}
    )
    worst = twin.check(far, twin.solve(far, twin.Operation(rack_power=120e3)))["E19-unbalance"]
    assert np.nanmin(worst.values) < 0


@pytest.mark.parametrize(
    ("value", "words"), [(1.5, "whole number"), (4, "outside"), (-1, "outside"), (np.nan, "outside")]
)
def test_a_phase_is_a_whole_number_up_to_three(pod, value, words):
    with pytest.raises(ValueError, match=rf"lost_phase.*{words}"):
        twin.solve(pod, twin.Operation(lost_phase=value))


@pytest.mark.parametrize(
    ("layout", "key", "value", "words"),
    [
        ("gb300-su", "lost_phase", "4", "must be at most 3"),
        ("gb300-su", "lost_phase", "1.5", "whole number"),
        ("gb300-su", "phases", "two", "rotating"),
        ("vr-800vdc", "phases", "rotating", "need alternating current; the chain gives direct current"),
    ],
)
def test_what_a_row_cannot_have_is_told_at_the_row(layout, key, value, words):
    with pytest.raises(InputError) as caught:
        twin.load(layout, {f"rows[row2].{key}": value})
    (problem,) = caught.value.problems
    assert f"row2].{key}" in str(problem) or f"rows[1].{key}" in str(problem)
    assert words in problem.message


def test_the_layout_may_say_so_itself(pod):
    site = twin.load("gb300-su", {"rows[row2].lost_phase": "3"})
    given = twin.solve(pod, twin.Operation(lost_phase=np.repeat([[0.0, 3.0]], 8, axis=1)))
    state = twin.solve(site)
    for name in state.data_vars:
        np.testing.assert_array_equal(state[name].values, given[name].values, err_msg=name)
