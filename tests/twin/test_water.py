"""Loop and facility water against hand calculations, `ht`, `fluids` and CoolProp."""

from pathlib import Path

import numpy as np
import pytest
from CoolProp.CoolProp import PropsSI
from fluids import friction_factor
from ht import NTU_from_effectiveness, effectiveness_from_NTU
from scipy.optimize import brentq

import twin
from thermal.fluid import PG25, WATER
from twin.facility import COOLING_MODES

ZERO = 273.15
BUILT_IN = Path(twin.__file__).parent / "layouts" / "gb300-su.yaml"
# Facility water at 45 degC, the one temperature at which it is taken.
SPECIFIC, DENSITY = float(WATER.heat_capacity(45 + ZERO)), float(WATER.density(45 + ZERO))
# dry-cooler-2mw: 2 MW from water of 52 to 41 degC at 35 degC air of 200 kW/K.
COOLER_WATER, COOLER_AIR = 2e6 / 11.0, 200e3
# facility-pump-25ls: motor 0.93 and drive 0.97, whose losses stay in the room.
DRIVE = 0.93 * 0.97


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def one(state, name):
    """A per-block variable of a site of one block, (scenario,)."""
    return state[name].values[:, 0]


def cooler(water, speed, thin=1.0):
    """Duty per kelvin of one dry cooler by `ht`: films m^0.85 and m^0.8, the air's half the water's at rating."""
    duty = 2e6 / (52.0 - 35.0)
    least = min(COOLER_WATER, COOLER_AIR)
    rated = least * brentq(
        lambda units: effectiveness_from_NTU(units, least / COOLER_AIR, "crossflow") - duty / least, 0.1, 19.0
    )
    # Resistances at rating: water 1, air 2, of 3.
    films = 1 / 3 / (water / COOLER_WATER) ** 0.85 + 2 / 3 / (speed * thin) ** 0.8
    air = COOLER_AIR * speed * thin
    small, large = min(water, air), max(water, air)
    return effectiveness_from_NTU(rated / films / small, small / large, "crossflow") * small


def to_coolers(state):
    """Heat for coolers and trim chillers, inlet temperature of the coolers and the water's capacity rate."""
    rate = one(state, "facility_flow") * SPECIFIC
    shaft = one(state, "pump_power") * DRIVE
    return one(state, "cdu_duty") + shaft, one(state, "facility_return_temperature") + shaft / rate, rate


@pytest.mark.parametrize(("out", "units"), [([], 2), (["drycooler.2"], 1)])
def test_dry_cooler_fans_draw_45_kw_times_the_cube_of_the_speed_that_ht_needs(pod, out, units):
    dry_bulb = np.array([28.0, 35.0]) + ZERO
    state = twin.solve(
        pod, twin.Operation(dry_bulb=dry_bulb, rack_power=142e3, support_load=0.0, out=[out] * 2)
    )
    duty, inlet, rate = to_coolers(state)
    for i, outdoor in enumerate(dry_bulb):
        wanted = duty[i] / (inlet[i] - outdoor) / units
        speed = brentq(lambda s, wanted, each: cooler(each, s) - wanted, 0.2, 1.0, (wanted, rate[i] / units))
        assert 0.21 < speed < 0.99
        # 1e-6: the quadrature of `ht` against the series of the program.
        assert one(state, "cooler_speed")[i] == pytest.approx(speed, rel=1e-6)
        assert one(state, "dry_cooler_power")[i] == pytest.approx(units * 45e3 * speed**3, rel=1e-6)


def test_fans_stay_at_a_fifth_in_the_cold_and_draw_720_watts(pod):
    state = twin.solve(pod, twin.Operation(dry_bulb=-20 + ZERO, rack_power=142e3))
    assert one(state, "dry_cooler_power")[0] == pytest.approx(2 * 45e3 * 0.2**3, rel=1e-12)


@pytest.mark.parametrize("out", [[], ["pump.1"], ["pump.1", "pump.2"]])
def test_facility_pumps_by_the_square_of_the_flow(pod, out):
    state = twin.solve(pod, twin.Operation(rack_power=142e3, support_load=0.0, out=[out]))
    volume = one(state, "facility_flow")[0] / DENSITY
    head = 245e3 * (volume / (2 * 25e-3)) ** 2
    assert one(state, "pump_power")[0] == pytest.approx(volume * head / 0.72 / DRIVE, rel=1e-12)
    if len(out) < 2:
        # Capacity rate of the technology loop: duty over its rise.
        rise = one(state, "loop_return_temperature") - one(state, "supply_temperature")
        rate = one(state, "cdu_duty") / rise
        assert one(state, "facility_flow")[0] * SPECIFIC == pytest.approx(rate[0], rel=1e-12)
        assert one(state, "pump_power")[0] == pytest.approx(10_708.5, abs=0.05)
    else:
        assert volume == pytest.approx(25e-3, rel=1e-12)


def test_room_loss_holds_the_pump_drives_and_the_water_the_shaft_power(pod, whip_heat):
    state = twin.solve(pod, twin.Operation(rack_power=142e3, support_load=0.0))
    losses = state.cable_loss + state.transformer_loss + state.ups_loss
    drives = (1 - DRIVE) * one(state, "pump_power")
    # The whips lie in the hall and heat its air.
    wires = whip_heat(state.power.values[0])
    np.testing.assert_allclose(state.room_loss - losses, drives - wires, rtol=1e-9)
    duty, *_ = to_coolers(state)
    np.testing.assert_allclose(one(state, "cooler_duty"), duty, rtol=1e-12)


def test_trim_chiller_draws_its_duty_over_a_clipped_carnot_fraction(pod):
    celsius = np.array([24.0, 28.0, 31.0, 42.0])
    supply = np.array([[28.0], [32.0], [36.0], [47.0]])
    state = twin.solve(
        pod,
        twin.Operation(
            dry_bulb=celsius + ZERO,
            supply_temperature=supply + ZERO,
            rack_power=142e3,
            support_load=0.0,
            out=[["drycooler.2"]] * 4,
        ),
    )
    # trim-chiller-500: 0.379 of Carnot, 4 K below water of 20 degC, 12 K above the air, 3 to 5.
    bare = 0.379 * (293.15 - 4.0) / (celsius + ZERO + 12.0 - 289.15)
    assert bare[0] > 5.0 > bare[1] > bare[2] > 3.0 > bare[3]
    trim = one(state, "trim_duty")
    assert (trim > 10e3).all()
    np.testing.assert_allclose(one(state, "trim_chiller_power"), trim / np.clip(bare, 3.0, 5.0), rtol=1e-12)
    # And the duty is what one cooler at full speed leaves over.
    duty, inlet, rate = to_coolers(state)
    taken = np.array([cooler(each, 1.0) for each in rate]) * (inlet - celsius - ZERO)
    np.testing.assert_allclose(trim, duty - taken, rtol=2e-6)
    np.testing.assert_allclose(one(state, "dry_cooler_power"), 45e3, rtol=1e-12)


def test_trim_chiller_alone_takes_all_the_heat_of_a_small_load(pod):
    out = ["drycooler.1", "drycooler.2"]
    state = twin.solve(
        pod, twin.Operation(rack_power=38e3, dry_bulb=10 + ZERO, support_load=0.0, out=out), keep="all"
    )
    assert state.converged.all()
    duty, *_ = to_coolers(state)
    trim = one(state, "trim_duty")
    np.testing.assert_allclose(trim, duty, rtol=1e-12)
    np.testing.assert_allclose(one(state, "trim_chiller_power"), trim / 5.0, rtol=1e-12)
    assert one(state, "cooler_duty") == 0.0
    assert one(state, "dry_cooler_power") == 0.0
    for ledger in ("ledger_power", "ledger_rack", "ledger_heat"):
        assert abs(state[ledger].item()) < 1e-9


def test_dry_coolers_out_with_more_than_the_trim_chiller_takes_is_no_heat_sink(pod):
    state = twin.solve(pod, twin.Operation(rack_power=100e3, out=["drycooler.1", "drycooler.2"]))
    assert reasons(state) == ["no_heat_sink"]


def reasons(state):
    meanings = state.reason.attrs["flag_meanings"].split()
    return [meanings[code] for code in state.reason.values]


def test_a_supply_above_its_set_point_floats_to_where_cooler_and_trim_chiller_carry_all(pod):
    celsius = np.array([30.0, 36.0, 44.0, 48.0])
    state = twin.solve(
        pod,
        twin.Operation(
            dry_bulb=celsius + ZERO,
            supply_temperature=40 + ZERO,
            rack_power=142e3,
            support_load=0.0,
            out=[["drycooler.2"]] * 4,
        ),
    )
    meanings = state.cooling_mode.attrs["flag_meanings"].split()
    assert [meanings[code] for code in one(state, "cooling_mode")] == [
        "free",
        "trim",
        "throttled",
        "throttled",
    ]
    supply = one(state, "supply_temperature") - ZERO
    np.testing.assert_allclose(supply[:2], 40.0, rtol=1e-12)
    assert (supply[2:] > 45.0).all()
    np.testing.assert_allclose(one(state, "trim_duty")[2:], 500e3, rtol=1e-12)
    duty, inlet, rate = to_coolers(state)
    taken = np.array([cooler(each, 1.0) for each in rate]) * (inlet - celsius - ZERO)
    # 1e-6: the supply stands to 1e-7 K in a difference of 17 K to the air, and `ht` integrates.
    np.testing.assert_allclose(taken[2:] + 500e3, duty[2:], rtol=1e-6)
    np.testing.assert_allclose(one(state, "supply_reachable")[2:] - ZERO, supply[2:], atol=1e-6)
    # At its set-point the loop could go lower by what cooler and chiller have left.
    left = (taken[:2] + 500e3 - duty[:2]) / np.array([cooler(each, 1.0) for each in rate[:2]])
    np.testing.assert_allclose(40.0 - left, one(state, "supply_reachable")[:2] - ZERO, atol=1e-5)


def test_supply_just_below_what_the_coolers_reach_is_trimmed_and_just_above_is_free(pod):
    warm = {"dry_bulb": 30 + ZERO, "rack_power": 120e3, "support_load": 0.0}
    # The lowest supply without the trim chiller, by a solve without it that floats there.
    calm = twin.solve(pod, twin.Operation(supply_temperature=25 + ZERO, out=["trimchiller.1"], **warm))
    lowest = one(calm, "supply_temperature")[0]
    state = twin.solve(pod, twin.Operation(supply_temperature=lowest + np.array([[-0.01], [0.01]]), **warm))
    meanings = state.cooling_mode.attrs["flag_meanings"].split()
    assert [meanings[code] for code in one(state, "cooling_mode")] == ["trim", "free"]
    assert (one(state, "trim_duty") > 0).tolist() == [True, False]


def test_thin_air_carries_less_heat_through_the_dry_coolers_and_the_trim_starts_earlier(pod):
    high = twin.load(sets={"site.altitude": "2000 m"})
    # ISO 2533: 79,495 Pa at 2,000 m.
    thin = (1 - 0.0065 * 2000 / 288.15) ** (9.80665 / (0.0065 * 287.053)) * 101325.0
    assert thin == pytest.approx(79_495, abs=5)
    thin /= 101325.0
    warm = np.array([33.0, 36.0]) + ZERO
    state = twin.solve(high, twin.Operation(dry_bulb=warm, rack_power=142e3, support_load=0.0))
    duty, inlet, rate = to_coolers(state)
    for i, outdoor in enumerate(warm):
        speed = one(state, "cooler_speed")[i]
        assert 0.21 < speed < 0.99
        per_kelvin = duty[i] / (inlet[i] - outdoor)
        # 1e-6: the exponent of the standard atmosphere is rounded in the sixth figure.
        assert per_kelvin == pytest.approx(2 * cooler(rate[i] / 2, speed, thin), rel=1e-6)
        assert one(state, "dry_cooler_power")[i] == pytest.approx(2 * 45e3 * thin * speed**3, rel=1e-6)
    sweep = np.arange(36.0, 48.0, 0.5) + ZERO
    starts = []
    for site in (pod, high):
        found = twin.solve(site, twin.Operation(dry_bulb=sweep, rack_power=142e3, support_load=0.0))
        starts.append(sweep[np.argmax(one(found, "trim_duty") > 0)])
    assert sweep[0] < starts[1] <= starts[0] - 0.5


def approach(state, share):
    """Technology over facility supply by hand, with `share` of the rated resistance on the technology side."""
    # vertiv-xdu1350: 1,350 kW at 20.6 kg/s on both sides, 4 K and 32 degC supply.
    warm_rate = 20.6 * PropsSI("C", "T", 40 + ZERO, "P", 2e5, "INCOMP::MPG[0.257]")
    cold_rate = 20.6 * PropsSI("C", "T", 36 + ZERO, "P", 2e5, "Water")
    small, large = min(warm_rate, cold_rate), max(warm_rate, cold_rate)
    effectiveness = 1350e3 / (small * (4.0 + 1350e3 / warm_rate))
    rated = small * NTU_from_effectiveness(effectiveness, small / large, "counterflow")
    mass = one(state, "loop_flow")[0] * PropsSI("D", "T", 45 + ZERO, "P", 2e5, "INCOMP::MPG[0.257]")
    cold = one(state, "facility_flow")[0]
    # Four live CDUs.
    conductance = 4 * rated / (share / (mass / 4 / 20.6) ** 0.8 + (1 - share) / (cold / 4 / 20.6) ** 0.8)
    duty = one(state, "cdu_duty")[0]
    warm = duty / (one(state, "loop_return_temperature") - one(state, "supply_temperature"))[0]
    rates = sorted((warm, cold * PropsSI("C", "T", 45 + ZERO, "P", 2e5, "Water")))
    # ht divides by one less the ratio, so equal rates are taken as equal.
    ratio = min(rates[0] / rates[1], 1.0)
    ratio = 1.0 if ratio > 0.999 else ratio
    reached = effectiveness_from_NTU(conductance / rates[0], ratio, "counterflow")
    return duty / (reached * rates[0]) - duty / warm


def films():
    """Technology side's share of a CDU's rated resistance: films as k (m/mu)^0.8 Pr^(1/3) at the mean temperatures."""
    film = {}
    for fluid, celsius in (("INCOMP::MPG[0.257]", 40.25), ("Water", 35.84)):
        at = ("T", celsius + ZERO, "P", 2e5, fluid)
        conductivity, viscosity = PropsSI("L", *at), PropsSI("V", *at)
        prandtl = PropsSI("C", *at) * viscosity / conductivity
        film[fluid] = conductivity * viscosity**-0.8 * prandtl ** (1 / 3)
    return film["Water"] / sum(film.values())


def test_water_film_is_the_better_one_by_coolprop(pod):
    # 2e-4: the program's properties are within 1.1e-4 of CoolProp.
    assert pod.cooling.cdu_hot_share[0] == pytest.approx(films(), rel=2e-4)
    assert films() > 0.55


@pytest.mark.parametrize("out", [[], ["pump.1", "pump.2"]])
def test_cdu_approach_by_hand_from_its_rating_point_and_two_films(pod, out):
    state = twin.solve(pod, twin.Operation(rack_power=142e3, support_load=0.0, dry_bulb=20 + ZERO, out=[out]))
    found = one(state, "approach")[0]
    # 2e-3: CoolProp against fitted properties (1e-4) and rates taken as equal, in a difference of a few kelvin.
    assert found == pytest.approx(approach(state, films()), rel=2e-3)
    if out:
        assert abs(approach(state, 0.5) / found - 1) > 0.01


def test_fewer_cdus_raise_the_approach_by_hand(pod):
    """At balanced rates the approach is duty / UA, and UA falls with n (m / n)^0.8 = n^0.2."""
    calm, hurt = (
        twin.solve(pod, twin.Operation(rack_power=120e3, support_load=0.0, dry_bulb=10 + ZERO, out=[out]))
        for out in ([], ["cdu.1"])
    )
    per_watt = [one(state, "approach")[0] / one(state, "cdu_duty")[0] for state in (calm, hurt)]
    # 1e-3: the pumps' heat moves the return by a little.
    assert per_watt[1] / per_watt[0] == pytest.approx((4 / 3) ** 0.2, rel=1e-3)


def pipe(volume, diameter, length, celsius):
    """Darcy's pressure drop of steel or hose of 15 um by `fluids`, half the length again for fittings, twice."""
    density, viscosity = float(PG25.density(celsius + ZERO)), float(PG25.viscosity(celsius + ZERO))
    speed = volume / (np.pi / 4 * diameter**2)
    factor = friction_factor(
        density * speed * diameter / viscosity, eD=15e-6 / diameter, Method="Churchill_1977"
    )
    return factor * 2 * 1.5 * length / diameter * density * speed**2 / 2


@pytest.mark.parametrize("celsius", [35.0, 45.0])
def test_loop_head_is_branch_hose_header_and_main_by_hand(pod, celsius):
    power = np.array([[90e3] * 8 + [120e3] * 8])
    state = twin.solve(
        pod,
        twin.Operation(
            rack_power=power, supply_temperature=celsius + ZERO, dry_bulb=10 + ZERO, support_load=0.0
        ),
    )
    flow = state.coolant_flow.values[0]
    # gb300-nvl72: 92.6 and 160 L/min at 116 kW to the coolant.
    catalogue = {35.0: 92.6, 45.0: 160.0}[celsius] / 60e3
    np.testing.assert_allclose(flow, catalogue * state.liquid_heat.values[0] / 116e3, rtol=1e-12)
    # The second row asks for more: its racks (40 + 15 + 70 kPa at 160 L/min), hoses (3 m) and header
    # (8 racks at 0.6 m, each section at the flow still in it) are the worst.
    rack = (40e3 + 15e3 + 70e3) * (flow[8] * 60e3 / 160.0) ** 1.8
    header = pipe(flow[8:].sum(), 0.1325, 8 * 0.6, celsius) * np.mean([(k / 8) ** 1.75 for k in range(1, 9)])
    # Main from the CDUs at (11, 2) m to the middle of the racks at (6.4, 4.115) m, along the walls.
    main = pipe(flow.sum(), 0.1603, (11.0 - 6.4) + (4.115 - 2.0), celsius)
    head = rack + pipe(flow[8], 0.0508, 3.0, celsius) + header + main
    assert one(state, "loop_head")[0] == pytest.approx(head, rel=1e-9)
    # vertiv-xdu1350: 149 kPa inside at 20.6 kg/s of coolant at 32 degC, 0.60 wire to water, four units.
    inside = 149e3 * (flow.sum() / 4 * PG25.density(32 + ZERO) / 20.6) ** 1.8
    assert one(state, "cdu_power")[0] == pytest.approx(flow.sum() * (head + inside) / 0.60, rel=1e-9)
    assert one(state, "main_velocity")[0] == pytest.approx(flow.sum() / (np.pi / 4 * 0.1603**2), rel=1e-12)


def test_too_few_cdus_deliver_their_greatest_flow(pod):
    state = twin.solve(
        pod, twin.Operation(rack_power=142e3, support_load=0.0, dry_bulb=10 + ZERO, out=["cdu.1", "cdu.2"])
    )
    # vertiv-xdu1350: 1,212 L/min each.
    assert one(state, "loop_flow")[0] / 2 * 60e3 == pytest.approx(1212.0, rel=1e-12)
    share = one(state, "flow_share")[0]
    np.testing.assert_allclose(state.coolant_flow, share * state.coolant_demand, rtol=1e-12)
    assert share < 1.0


def test_a_narrow_main_lets_pass_what_the_pump_curve_lifts_through_it(tmp_path):
    layout = tmp_path / "narrow.yaml"
    text = BUILT_IN.read_text()
    layout.write_text(text.replace("{product: steel-dn150}", "{product: hose-2in, length: 10 m}"))
    state = twin.solve(
        twin.load(str(layout)), twin.Operation(rack_power=142e3, support_load=0.0, dry_bulb=10 + ZERO)
    )
    assert one(state, "flow_share")[0] < 0.9
    each = one(state, "loop_flow")[0] / 4 * 60e3
    # 476.5 + 0.0921 Q - 0.000234 Q2 kPa; 1e-4 because the table of it is rounded to five figures.
    head = 476.5e3 + 92.1 * each - 0.234 * each**2
    assert one(state, "loop_head")[0] == pytest.approx(head, rel=1e-4)


def test_a_plant_without_heat_draws_nothing_and_has_no_cooling_mode():
    pod = twin.load()
    state = twin.solve(pod, twin.Operation(power_cap=0.0, support_load=0.0))
    assert state.converged.all()
    for name in ("dry_cooler_power", "trim_chiller_power", "pump_power", "cdu_power", "cooler_speed"):
        assert state[name].item() == 0.0
    assert COOLING_MODES[state.cooling_mode.item()] == "none"
    assert abs(state.ledger_heat.item()) < 1e-9
