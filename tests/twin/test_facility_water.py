"""Facility water along mains, streets and headers against sums by hand, against EPANET, and against the equilibrium."""

import numpy as np
import pytest

import twin
from thermal import pipe, pump
from thermal.fluid import WATER
from twin.study.facility_water import SHUT_OFF, STATIONS, facility_water

DN150, DN80, ROUGH, FITTED = 0.15408, 0.07792, 45.7e-6, 1.5
"""Bores of the carbon steel pipes by the standard, their roughness, and lengths with fittings over those without."""
GRAVITY = 32.2 * 0.3048
"""That EPANET has built in."""


@pytest.fixture(scope="module")
def pod():
    facility = twin.load()
    state = twin.solve(facility)
    return facility, state, facility_water(facility, state=state)


def properties(state):
    mean = float(state.facility_supply_temperature[0, 0] + state.facility_return_temperature[0, 0]) / 2.0
    return float(WATER.density(318.15)), float(WATER.viscosity(mean))


def drop(volume, bore, length, state):
    """Darcy-Weisbach with Churchill's factor, written out [Pa]."""
    density, viscosity = properties(state)
    speed = volume / (np.pi / 4.0 * bore**2)
    reynolds = density * speed * bore / viscosity
    rough = (2.457 * np.log(1.0 / ((7.0 / reynolds) ** 0.9 + 0.27 * ROUGH / bore))) ** 16
    factor = 8.0 * ((8.0 / reynolds) ** 12 + (rough + (37530.0 / reynolds) ** 16) ** -1.5) ** (1.0 / 12.0)
    return factor * FITTED * length / bore * density * speed**2 / 2.0


def drops(each, units, state):
    """Of every part of the way to the last of some CDUs with direct return, in the order of STATIONS [Pa].

    30 m of main, half the hall's 9 m of street, the header from (0, 4.5) m to cdu.4, whose middle at (11.62, 6.35) m is
    nearer than that of cdu.1, and on by 1.3 m, twice 3 m of connection, exchanger and valve of 84 kPa each at 20.6
    kg/s, and two coolers of 50 kPa at 2 MW over 11 K.
    """
    density, _ = properties(state)
    steps = [11.0 + 1.243 / 2 + (2.0 + 3 * 1.3 + 0.45 - 4.5), 1.3, 1.3, 1.3]
    header = sum(drop(each * (units - place), DN150, steps[place], state) for place in range(units))
    main, street = drop(units * each, DN150, 30.0, state), drop(units * each, DN150, 4.5, state)
    cooler = 2e6 / 11.0 / float(WATER.heat_capacity(318.15))
    return [
        main,
        street,
        header,
        drop(each, DN80, 6.0, state),
        84e3 * (each * density / 20.6) ** 1.8,
        84e3 * (each * density / 20.6) ** 2,
        header,
        street,
        main,
        50e3 * (units * each * density / 2.0 / cooler) ** 1.8,
    ]


def test_every_drop_on_the_way_of_the_last_cdu_by_hand(pod):
    _, state, found = pod
    expected = drops(float(found.asked[0]), 4, state)
    assert found.cdu.values[found.worst_cdu.sel(arrangement="direct").item()] == "cdu.1"
    pressure = found.pressure.sel(arrangement="direct", cdu="cdu.1")
    assert len(expected) == len(STATIONS) - 1
    np.testing.assert_allclose(-np.diff(pressure.values), expected, rtol=1e-6)
    head = found["head"].sel(arrangement="direct").item()
    assert head == pytest.approx(sum(expected), rel=1e-6)
    assert pressure.values[0] - pressure.values[-1] == pytest.approx(head, rel=1e-12)


def test_the_drop_of_one_run_is_that_of_the_library(pod):
    _, state, found = pod
    volume = float(found.flow_asked[0])
    expected = pipe.pressure_drop(volume, DN150, FITTED * 30.0, ROUGH, 0.0, *properties(state))
    assert drop(volume, DN150, 30.0, state) == pytest.approx(float(expected), rel=1e-9)


def test_the_flows_asked_for_add_up_to_the_water_of_the_equilibrium(pod):
    _, state, found = pod
    density, _ = properties(state)
    np.testing.assert_allclose(found.asked.sum() * density, state.facility_flow.item(), rtol=1e-9)
    np.testing.assert_allclose(found.held, np.broadcast_to(found.asked, (2, 4)), rtol=1e-9)
    assert found.flow_asked.item() == pytest.approx(float(found.asked.sum()), rel=1e-12)


def test_reverse_return_treats_both_ends_alike_and_spreads_less(pod):
    found = pod[2]
    reverse = found.flow.sel(arrangement="reverse").values
    np.testing.assert_allclose(reverse, reverse[::-1], rtol=1e-9)
    assert found.spread.sel(arrangement="reverse") < found.spread.sel(arrangement="direct") / 2
    direct = found.flow.sel(arrangement="direct").values
    assert (np.diff(direct) > 0).all()
    assert found.balance.min().item() == 0.0


def test_the_reverse_return_of_a_cdu_by_hand(pod):
    """Of cdu.2, third on the header: its water goes on to cdu.1's tap and comes back from there with all the rest."""
    _, state, found = pod
    each = float(found.asked[0])
    steps = [11.0 + 1.243 / 2 + (2.0 + 3 * 1.3 + 0.45 - 4.5), 1.3, 1.3, 1.3]
    there = sum(drop(each * (4 - place), DN150, steps[place], state) for place in range(3))
    back = drop(each * 3, DN150, 1.3, state) + drop(each * 4, DN150, sum(steps), state)
    pressure = found.pressure.sel(arrangement="reverse", cdu="cdu.2")
    expected = drops(each, 4, state)
    expected[2], expected[6] = there, back
    np.testing.assert_allclose(-np.diff(pressure.values), expected, rtol=1e-6)
    assert found["head"].sel(arrangement="reverse").item() == pytest.approx(sum(expected), rel=1e-6)


def test_a_valve_that_balances_brings_the_nearest_to_the_worst(pod):
    """Between the taps of cdu.4 and cdu.1 lie three steps there and back; Kv is of 1 bar and 1,000 kg/m3."""
    _, state, found = pod
    each = float(found.asked[0])
    expected = 2.0 * sum(drop(each * units, DN150, 1.3, state) for units in (1, 2, 3))
    balance = found.balance.sel(arrangement="direct", cdu="cdu.4").item()
    assert balance == pytest.approx(expected, rel=1e-4)
    kv = each * 3600.0 / np.sqrt(balance / 1e5 * 1000.0 / properties(state)[0])
    assert found.balance_kv.sel(arrangement="direct", cdu="cdu.4").item() == pytest.approx(kv, rel=1e-9)


def test_the_pumps_meet_the_head_at_their_speed(pod):
    """245 kPa at 25 L/s, 4/3 of that without flow and none at 50 L/s: two of three, the third stands by."""
    found = pod[2].sel(arrangement="direct")
    curve = (SHUT_OFF * 245e3, 0.0, -(SHUT_OFF - 1.0) * 245e3 / 0.025**2)
    each, speed = found.flow_asked.item() / 2.0, found.pump_speed.item()
    assert found.pumps_running.item() == 2
    assert (found.pump_flow.item(), found.pump_rating.item()) == pytest.approx((each, 0.025))
    assert float(pump.head(each, curve, speed)) == pytest.approx(found["head"].item(), rel=1e-9)
    assert found.available_head.item() == pytest.approx(float(pump.head(each, curve)), rel=1e-9)
    assert float(pump.head(0.05, curve)) == pytest.approx(0.0, abs=1e-6)
    # The equilibrium: 245 kPa at 50 L/s, as the flow squared.
    assert found.assumed_head.item() == pytest.approx(245e3 * (found.flow_asked.item() / 0.05) ** 2, rel=1e-9)


EPANET = """[TITLE]
Facility water of the reference pod, direct return
[JUNCTIONS]
{junctions}
[RESERVOIRS]
S 0
[PIPES]
{pipes}
[PUMPS]
PU S D HEAD P SPEED {speed:.12g}
[VALVES]
{valves}
[CURVES]
P {flow} {head}
{curves}
[TIMES]
Duration 0
[OPTIONS]
Units LPS
Headloss D-W
Viscosity {viscosity:.12g}
Accuracy 1e-8
Trials 500
[END]
"""


def test_the_epanet_engine_agrees_on_the_flows_with_open_valves(pod, tmp_path):
    """Its one-point pump curve is the same; it has Swamee and Jain for Churchill, and tables for exchangers."""
    from epanet import toolkit

    _, state, found = pod
    density, viscosity = properties(state)
    weight = density * GRAVITY
    rows, junctions = [], ["D", "T", "TB", "H", "HB", "C"]

    def run(start, end, bore, length):
        rows.append(
            f"P{len(rows)} {start} {end} {FITTED * length:.12g} {1e3 * bore:.12g} {1e3 * ROUGH:.12g} 0 Open"
        )

    for start, end, length in (("D", "T", 30.0), ("T", "H", 4.5), ("HB", "TB", 4.5), ("TB", "C", 30.0)):
        run(start, end, DN150, length)
    before = "H", "HB"
    valves = ["K C S 100 GPV K"]
    steps = [11.0 + 1.243 / 2 + 1.85, 1.3, 1.3, 1.3]
    for unit, step in zip((4, 3, 2, 1), steps, strict=True):
        run(before[0], f"A{unit}", DN150, step)
        run(f"B{unit}", before[1], DN150, step)
        run(f"A{unit}", f"I{unit}", DN80, 6.0)
        valves.append(f"U{unit} I{unit} B{unit} 100 GPV U")
        junctions += [f"A{unit}", f"B{unit}", f"I{unit}"]
        before = f"A{unit}", f"B{unit}"
    litres = np.linspace(0.0, 50.0, 2001)
    mass = litres / 1e3 * density
    cooler = 50e3 * (mass / 2.0 / (2e6 / 11.0 / float(WATER.heat_capacity(318.15)))) ** 1.8 / weight
    unit = (84e3 * (mass / 20.6) ** 1.8 + 84e3 * (mass / 20.6) ** 2) / weight
    text = EPANET.format(
        junctions="\n".join(f"{name} 0 0" for name in junctions),
        pipes="\n".join(rows),
        valves="\n".join(valves),
        speed=found.pump_speed.sel(arrangement="direct").item(),
        flow=50.0,
        head=f"{245e3 / weight:.12g}",
        curves="\n".join(
            f"{name} {x:.12g} {y:.12g}"
            for name, table in (("K", cooler), ("U", unit))
            for x, y in zip(litres, table, strict=True)
        ),
        viscosity=viscosity / density / (1.1e-5 * 0.3048**2),
    )
    (tmp_path / "net.inp").write_text(text)
    project = toolkit.createproject()
    toolkit.open(project, str(tmp_path / "net.inp"), str(tmp_path / "net.rpt"), "")
    toolkit.solveH(project)
    theirs = [
        toolkit.getlinkvalue(project, toolkit.getlinkindex(project, f"U{unit}"), toolkit.FLOW)
        for unit in (1, 2, 3, 4)
    ]
    toolkit.close(project)
    toolkit.deleteproject(project)
    ours = found.flow.sel(arrangement="direct").values * 1e3
    np.testing.assert_allclose(ours, theirs, rtol=3e-3)
    # What is between them, against the friction factors that are some per cent apart.
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=0.04, atol=1e-4)


def test_pipes_are_the_smallest_that_keep_to_three_metres_a_second():
    """2,560 L/min of PG25 at 45 degC carry as much as 2,465 L/min of water: DN125 is 3.2 m/s, DN150 is 2.2."""
    found = facility_water(twin.load(), twin.Operation(rack_power=142e3, support_load=0.0))
    main = found.sel(pipe="gb300-su water main")
    assert main.pipe_product.item() == "carbon-dn150"
    assert main.pipe_velocity.item() == pytest.approx(2465 / 60e3 / (np.pi / 4 * DN150**2), rel=0.03)
    assert 2465 / 60e3 / (np.pi / 4 * 0.1282**2) > 3.0
    assert (found.pipe_velocity <= found.pipe_limit).all()


def test_named_pipes_and_lengths_rule():
    wide = {"plant.main.product": "steel-dn250", "plant.main.length": "100 m", "plant.header.length": "40 m"}
    facility = twin.load(None, wide)
    found = facility_water(facility)
    main = found.sel(pipe="gb300-su water main")
    assert main.pipe_product.item() == "steel-dn250"
    assert main.pipe_length.item() == 100.0
    assert found.sel(pipe="gb300-su water header").pipe_length.item() == pytest.approx(40.0)
    assert "steel-dn250" in [made.name for made in facility.products]
    with pytest.raises(twin.InputError, match=r"plant\.main\.product.*unknown pipe 'steel-dn260'"):
        twin.load(None, {"plant.main.product": "steel-dn260"})


def test_what_the_pipes_are_like_does_not_move_the_equilibrium(pod):
    _, state, _ = pod
    other = twin.solve(twin.load(None, {"plant.main.product": "steel-dn100", "plant.main.length": "300 m"}))
    for name in ("pump_power", "facility_flow", "utility_power"):
        np.testing.assert_array_equal(other[name].values, state[name].values)


def test_pumps_that_cannot_have_a_negative_margin_and_starve_the_far_end():
    """300 m of DN100 at 4.0 m/s: the valves hold what they get, and the last CDU gets less than the first."""
    thin = {
        "plant.main.product": "carbon-dn100",
        "plant.main.length": "300 m",
        "plant.header.product": "carbon-dn80",
    }
    found = facility_water(twin.load(None, thin)).sel(arrangement="direct")
    assert found.pump_margin.item() < 0.0
    assert found.pump_speed.item() > 1.0
    held = found.held.values
    assert held[0] < held[3] <= found.asked.values[3] * (1.0 + 1e-9)
    assert held.sum() < 0.99 * float(found.asked.sum())


def test_a_cdu_out_leaves_its_tap_and_its_water_to_the_others(pod):
    """The last on the header is cdu.2 then; the equilibrium's water is the same within the pumps' heat."""
    facility, _, whole = pod
    out = twin.Operation(out=[["cdu.1"]])
    state = twin.solve(facility, out)
    found = facility_water(facility, out, state)
    assert np.isnan(found.asked.values[0])
    np.testing.assert_allclose(found.asked.values[1:], whole.asked.values[1:] * 4 / 3, rtol=2e-3)
    direct = found.sel(arrangement="direct")
    assert found.cdu.values[direct.worst_cdu.item()] == "cdu.2"
    assert direct["head"].item() == pytest.approx(sum(drops(float(found.asked[1]), 3, state)), rel=1e-6)


@pytest.fixture(scope="module")
def site():
    return facility_water(twin.load("site-250mw"))


def test_a_site_branches_into_streets_of_twelve_halls(site):
    """Eight columns: the main runs 7 x 20 m past them, each street 11 x 12 m and half a hall."""
    kinds, length = site.pipe_kind.values, site.pipe_length.values
    assert {kind: int((kinds == kind).sum()) for kind in dict.fromkeys(kinds.tolist())} == {
        "water main": 1, "water street": 8, "water header": 96, "CDU connection": 96,
    }  # fmt: skip
    assert length[kinds == "water main"].item() == pytest.approx(30.0 + 7 * 20.0)
    np.testing.assert_allclose(length[kinds == "water street"], 11 * 12.0 + 4.5)
    each = float(site.asked[0])
    speed = site.pipe_velocity.values
    assert speed[kinds == "water main"].item() == pytest.approx(
        384 * each / (np.pi / 4 * 1.40294**2), rel=1e-3
    )
    np.testing.assert_allclose(
        speed[kinds == "water street"], 48 * each / (np.pi / 4 * 0.48894**2), rtol=1e-3
    )
    assert (speed <= site.pipe_limit.values).all()


def test_the_worst_of_a_site_is_the_far_corner_with_direct_return_and_its_middle_with_reverse(site):
    worst = [site.cdu.values[index] for index in site.worst_cdu.values[:, 0]]
    assert worst[0].startswith("H8-012.")
    assert worst[1].startswith(("H4-006.", "H4-007.", "H5-006.", "H5-007."))
    assert site.spread.sel(arrangement="reverse").item() < 0.5 * site.spread.sel(arrangement="direct").item()
    np.testing.assert_allclose(site.held, np.broadcast_to(site.asked, (2, 384)), rtol=1e-8)


def test_halls_with_plants_of_their_own_are_networks_of_their_own(pod):
    found = facility_water(twin.load("gb300-hall"))
    assert found.sizes["plant"] == 6
    np.testing.assert_allclose(found["head"].values, found["head"].values[:, :1].repeat(6, axis=1), rtol=1e-9)
    np.testing.assert_allclose(found["head"].values[:, 0], pod[2]["head"].values[:, 0], rtol=1e-6)


def test_a_hall_without_a_loop_and_one_without_a_solution_are_told():
    with pytest.raises(ValueError, match="no loop"):
        facility_water(twin.load("h100-air"))
    with pytest.raises(ValueError, match="no solution"):
        facility_water(twin.load(), twin.Operation(utility_cap=0.3e6))
