"""Towers, outdoor loops, chillers by curves and set-points that follow the weather, against calculations by hand."""

import numpy as np
import pytest
from CoolProp.HumidAirProp import HAPropsSI
from ht import effectiveness_from_NTU
from scipy.integrate import quad

import twin
from thermal.fluid import PG25, WATER
from thermal.psychrometrics import saturated_enthalpy
from twin.event import events
from twin.simulate import simulate
from twin.study.facility_water import facility_water

ZERO = 273.15
SEA = 101325.0
PLATES = {
    "exchangers": {"product": "plates-2mw", "count": 2},
    "pumps": {"product": "facility-pump-50ls", "count": 3, "required": 2, "feeds": ["T.M1", "T.M2"]},
}
TOWERS = {
    "plant.dry_coolers": None,
    "plant.towers": {"product": "tower-2mw", "count": 2, "required": 1, "feeds": ["T.M1", "T.M2"]},
    "plant.outdoor": {"fluid": "water", **PLATES},
}
GLYCOL = {"plant.outdoor": {"fluid": "pg25", **PLATES}}


@pytest.fixture(scope="module")
def towers():
    return twin.load(None, TOWERS)


@pytest.fixture(scope="module")
def glycol():
    return twin.load(None, GLYCOL)


def one(state, name):
    return state[name].values[:, 0]


def merkel(water_in, water_out, bulb, water_to_air):
    """The Merkel integral by adaptive quadrature, at sea level."""
    capacity = float(WATER.heat_capacity((water_in + water_out) / 2))
    entering = saturated_enthalpy(bulb, SEA)

    def slice_(water):
        air = entering + water_to_air * capacity * (water - water_out)
        return capacity / float(saturated_enthalpy(water, SEA) - air)

    return float(quad(slice_, water_out, water_in, epsabs=0, epsrel=1e-10)[0])


def behind_plates(pod, state, i, fluid):
    """Outdoor water to the exchangers and its capacity rate, from duty and return of the facility water [K, W/K]."""
    at_reference = 318.15
    warm, cold = WATER.heat_capacity(at_reference), fluid.heat_capacity(at_reference)
    flow, outdoor = one(state, "facility_flow")[i], one(state, "outdoor_flow")[i]
    hot, cool = flow * warm, outdoor * cold
    # Two plates of 2 MW at 3 K approach, 95.7 kg/s on both sides: 10 K less 5 K in counterflow of equal rates.
    rated_rate = 95.7 * WATER.heat_capacity(42.0 + ZERO + 2.5)
    rated = 2.0 * rated_rate * (2e6 / rated_rate) / 3.0

    def film(liquid, temperature):
        prandtl = (
            liquid.viscosity(temperature)
            * liquid.heat_capacity(temperature)
            / liquid.conductivity(temperature)
        )
        return liquid.conductivity(temperature) * liquid.viscosity(temperature) ** -0.8 * prandtl ** (1 / 3)

    films = film(WATER, 44.5 + ZERO), film(WATER, 41.5 + ZERO)
    other = film(fluid, 39.0 + ZERO) / film(WATER, 39.0 + ZERO)
    resistance = np.array([1 / films[0], 1 / films[1]]) / (1 / films[0] + 1 / films[1]) / rated
    resistance *= [(flow / 191.4) ** -0.8, (outdoor / 191.4) ** -0.8 / other]
    units = 1 / resistance.sum() / min(hot, cool)
    passed = effectiveness_from_NTU(units, min(hot, cool) / max(hot, cool), subtype="counterflow") * min(
        hot, cool
    )
    duty = one(state, "cooler_duty")[i]
    # The heat of the facility pumps comes in on the way.
    entering = one(state, "facility_supply_temperature")[i] + (duty + one(state, "trim_duty")[i]) / hot
    return entering - duty / passed, cool


def pump_heat(flow, density):
    """Shaft power of outdoor pumps of 50 L/s and 245 kPa of which two carry the design flow."""
    volume = flow / density
    return 245e3 * (volume / 0.1) ** 2 * volume / 0.72


@pytest.mark.parametrize(("celsius", "bulb", "what"), [(36.0, 24.0, "held"), (26.0, 24.0, "plant")])
def test_towers_behind_plates_by_hand(towers, celsius, bulb, what):
    """The water's way through plates by ht, and in the tower a Merkel number by quadrature at the fans' speed."""
    weather = {"dry_bulb": 32 + ZERO, "wet_bulb": bulb + ZERO, "rack_power": 112e3}
    state = twin.solve(towers, twin.Operation(supply_temperature=celsius + ZERO, **weather))
    assert bool(state.converged[0])
    assert state.actuator.attrs["flag_meanings"].split()[int(state.actuator[0, 0])] == what
    cold, rate = behind_plates(towers, state, 0, WATER)
    assert one(state, "outdoor_supply_temperature")[0] == pytest.approx(cold, abs=2e-3)
    outdoor = one(state, "outdoor_flow")[0]
    shaft = pump_heat(outdoor, WATER.density(318.15))
    hot = cold + (one(state, "cooler_duty")[0] + shaft) / rate
    speed = one(state, "cooler_speed")[0]
    assert (speed == 1.0) == (what == "plant")
    # One tower: 2 MW over 5.56 K; two of them share the water.
    rated = 2e6 / 5.56 / WATER.heat_capacity(305.37)
    share = outdoor / 2 / rated
    number = merkel(35 + ZERO, 29.44 + ZERO, 25.56 + ZERO, 1.2) * (share / speed) ** -0.6
    approach = cold - bulb - ZERO
    within = 2e-3 if approach > 3.0 else 2e-2
    assert merkel(hot, cold, bulb + ZERO, 1.2 * share / speed) == pytest.approx(number, rel=within)
    assert one(state, "tower_power")[0] == pytest.approx(2 * 25e3 * speed**3, rel=1e-9)
    assert one(state, "outdoor_pump_power")[0] == pytest.approx(shaft / 0.93 / 0.97, rel=1e-6)
    assert abs(state.ledger_heat.item()) < 1e-6
    assert abs(state.ledger_power.item()) < 1e-9


def test_trim_chillers_take_what_towers_at_full_speed_do_not(towers):
    state = twin.solve(
        towers, twin.Operation(supply_temperature=33 + ZERO, dry_bulb=32 + ZERO, wet_bulb=24 + ZERO)
    )
    assert one(state, "cooling_mode")[0] == 1
    assert one(state, "trim_duty")[0] > 20e3
    assert one(state, "cooler_speed")[0] == pytest.approx(1.0, abs=1e-6)
    assert one(state, "supply_temperature")[0] == pytest.approx(33 + ZERO, abs=1e-6)
    duty = one(state, "cdu_duty")[0] + one(state, "pump_power")[0] * 0.93 * 0.97
    assert one(state, "cooler_duty")[0] + one(state, "trim_duty")[0] == pytest.approx(duty, rel=1e-9)


def test_water_of_the_towers_by_balance(towers):
    """Air by CoolProp takes up the heat and leaves saturated; salt four times as strong lets off a third more, and the
    eliminators let 0.005 % of what circulates pass."""
    state = twin.solve(
        towers, twin.Operation(supply_temperature=36 + ZERO, dry_bulb=32 + ZERO, wet_bulb=24 + ZERO)
    )
    outdoor = one(state, "outdoor_flow")[0]
    heat = one(state, "cooler_duty")[0] + pump_heat(outdoor, WATER.density(318.15))
    blown = 2 * one(state, "cooler_speed")[0] * 2e6 / 5.56 / WATER.heat_capacity(305.37) / 1.2
    weather = ("T", 32 + ZERO, "B", 24 + ZERO, "P", SEA)
    leaving = HAPropsSI("H", *weather) + heat / blown
    evaporated = blown * (HAPropsSI("W", "H", leaving, "R", 1.0, "P", SEA) - HAPropsSI("W", *weather))
    assert 5e-5 * outdoor < evaporated / 3
    assert one(state, "water_use")[0] == pytest.approx(evaporated * 4 / 3, rel=0.01)
    dry = twin.solve(twin.load(), twin.Operation(dry_bulb=32 + ZERO))
    assert one(dry, "water_use")[0] == 0.0


@pytest.mark.parametrize("celsius", [45.0, 42.0])
def test_dry_coolers_behind_glycol_by_hand(glycol, celsius):
    """Plates by ht, and the coolers by their own law in an unparted plant of the same hot water."""
    weather = twin.Operation(supply_temperature=celsius + ZERO, dry_bulb=30 + ZERO, rack_power=112e3)
    state = twin.solve(glycol, weather)
    assert bool(state.converged[0])
    cold, rate = behind_plates(glycol, state, 0, PG25)
    assert one(state, "outdoor_supply_temperature")[0] == pytest.approx(cold, abs=2e-3)
    shaft = pump_heat(one(state, "outdoor_flow")[0], PG25.density(318.15))
    heat = one(state, "cooler_duty")[0] + shaft
    hot = cold + heat / rate
    speed = one(state, "cooler_speed")[0]
    assert 0.2 < speed < 1.0
    # Crossflow of 389 kW/K at 2 MW / 11 K of water and 200 kW/K of air, films with flow to 0.85 and 0.8.
    each = rate / 2
    film = (each / (2e6 / 11)) ** 0.85, 0.5 * speed**0.8
    conductance = 388.76e3 * (1 / 1 + 1 / 0.5) / (1 / film[0] + 1 / film[1])
    low, high = sorted((each, 200e3 * speed))
    carried = 2 * low * effectiveness_from_NTU(conductance / low, low / high, subtype="crossflow")
    assert heat == pytest.approx(carried * (hot - 30 - ZERO), rel=2e-3)
    assert abs(state.ledger_heat.item()) < 1e-6
    straight = twin.solve(twin.load(), weather)
    assert speed > one(straight, "cooler_speed")[0]


def test_facility_water_as_piped_passes_the_plates(towers):
    """Two plates of 60 kPa at 95.7 kg/s stand where dry coolers would, by the power of 1.8."""
    state = twin.solve(towers)
    found = facility_water(towers, None, state)
    flow = one(state, "facility_flow")[0]
    back = found.pressure.sel(arrangement="direct", cdu="cdu.1").values
    assert back[-2] - back[-1] == pytest.approx(60e3 * (flow / 2 / 95.7) ** 1.8, rel=1e-6)


def test_alone_as_in_a_batch(towers):
    bulb = np.array([10.0, 24.0, 29.0]) + ZERO
    celsius = np.array([[22.0], [30.0], [26.0]]) + ZERO
    batch = twin.solve(towers, twin.Operation(supply_temperature=celsius, dry_bulb=35 + ZERO, wet_bulb=bulb))
    for i in range(3):
        alone = twin.solve(
            towers,
            twin.Operation(supply_temperature=celsius[i : i + 1], dry_bulb=35 + ZERO, wet_bulb=bulb[i]),
        )
        for name in ("tokens", "supply_temperature", "cooler_speed", "water_use", "utility_power"):
            np.testing.assert_array_equal(batch[name].values[i], alone[name].values[0])


def test_without_outdoor_pumps_the_towers_are_no_sink(towers):
    names = [name for name in towers.devices.name if name.startswith("outdoorpump.")]
    assert len(names) == 3
    lost = twin.solve(towers, twin.Operation(out=[names], rack_power=142e3))
    none = twin.solve(towers, twin.Operation(out=[["tower.1", "tower.2"]], rack_power=142e3))
    for state in (lost, none):
        # The trim chiller alone carries a quarter of it.
        assert not bool(state.converged[0])
        assert state.reason.attrs["flag_meanings"].split()[int(state.reason[0])] == "no_heat_sink"
    two = twin.solve(towers, twin.Operation(out=[names[:1]]))
    np.testing.assert_allclose(two.tokens.values, twin.solve(towers).tokens.values, rtol=1e-9)


@pytest.mark.parametrize("sets", [TOWERS, GLYCOL])
def test_a_simulation_at_rest_stays_where_the_solve_has_put_it(sets):
    pod = twin.load(None, {**sets, "loop.supply_temperature": "36 degC"})
    course = simulate(pod, None, events(pod, []), 30.0, 1.0)
    for name in ("supply_temperature", "facility_supply_temperature"):
        value = course[name].values[0]
        np.testing.assert_allclose(value[-1], value[0], rtol=0, atol=1e-6)


def test_towers_that_lose_their_pumps_warm_the_loop(towers):
    names = ",".join(name for name in towers.devices.name if name.startswith("outdoorpump."))
    run = simulate(towers, None, events(towers, [f"pump_trip pump={names} at=5s"]), 90.0, 1.0)
    assert (
        run.facility_supply_temperature.values[0, -1, 0]
        > run.facility_supply_temperature.values[0, 0, 0] + 2.0
    )


def curved(**sets):
    return twin.load(
        None,
        {
            "air.chillers": {
                "product": "curve-chiller-400",
                "count": 3,
                "required": 2,
                "feeds": ["T.M1", "T.M2"],
            },
            "air.chilled_water_temperature": "7 degC",
            **sets,
        },
    )


def test_chillers_by_the_curves_of_their_record():
    """York YCAL0033EE at 7 degC water and 35 degC air, three of four times its size."""
    pod = curved()
    state = twin.solve(pod, twin.Operation(dry_bulb=35 + ZERO))
    x, y = 7.0, 35.0
    cap = -0.2660645697 + 0.0998714035 * x - 0.0023814154 * x * x + 0.0628316481 * y - 0.0009644649 * y * y
    cap -= 0.0011249224 * x * y
    eir = 0.1807017787 + 0.0271530312 * x - 0.0004553574 * x * x + 0.0188175079 * y + 0.0002623276 * y * y
    eir -= 0.0012881189 * x * y
    duty = one(state, "fan_wall_duty")[0]
    # Its load curve is a straight line through nothing.
    pumped = duty / (6.0 * WATER.heat_capacity(318.15)) * 200e3 / WATER.density(318.15) / 0.65
    assert one(state, "chiller_power")[0] == pytest.approx(duty / 3.1 * eir + pumped, rel=1e-6)
    loading = state.device_loading.values[0, list(pod.devices.name).index("chiller.1")]
    assert loading == pytest.approx(duty / 3 / (400e3 * cap), rel=1e-6)
    rules = twin.check(pod, state)
    assert rules["P5-chiller-range"].item() == pytest.approx(7.0 - 4.44, abs=1e-9)
    warm = twin.check(pod, twin.solve(pod, twin.Operation(dry_bulb=53 + ZERO)))
    assert warm["P5-chiller-range"].item() == pytest.approx(51.67 - 53.0, abs=1e-9)
    warmer = curved(**{"air.chilled_water_temperature": "18 degC"})
    assert twin.check(warmer, twin.solve(warmer))["P5-chiller-range"].item() == pytest.approx(-8.0)
    assert np.isnan(twin.check(twin.load(), twin.solve(twin.load()))["P5-chiller-range"].item())


def test_a_set_point_follows_the_weather():
    """12 K above the dry bulb, between 30 and 45 degC."""
    pod = twin.load(None, {"loop.reset": {"above": "12 K", "least": "30 degC"}})
    state = twin.solve(pod, twin.Operation(dry_bulb=np.array([5.0, 22.0, 40.0]) + ZERO))
    np.testing.assert_allclose(one(state, "supply_setpoint") - ZERO, [30.0, 34.0, 45.0], atol=1e-9)
    np.testing.assert_allclose(one(state, "supply_temperature")[:2] - ZERO, [30.0, 34.0], atol=1e-6)
    # Colder coolant needs less of it.
    assert one(state, "loop_flow")[0] < one(state, "loop_flow")[2]
    bulb = twin.load(None, {"loop.reset": {"follows": "wet_bulb", "above": "12 K", "least": "30 degC"}})
    state = twin.solve(bulb, twin.Operation(dry_bulb=30 + ZERO, wet_bulb=np.array([20.0, 25.0]) + ZERO))
    np.testing.assert_allclose(one(state, "supply_setpoint") - ZERO, [32.0, 37.0], atol=1e-9)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"plant.dry_coolers": None}, "needs either 'dry_coolers' or 'towers'"),
        ({"plant.towers": TOWERS["plant.towers"]}, "needs either 'dry_coolers' or 'towers'"),
        ({**TOWERS, "plant.outdoor": None}, "needs an 'outdoor' loop"),
        ({**TOWERS, "plant.outdoor": {"fluid": "pg25", **PLATES}}, "open towers take water"),
        ({**TOWERS, "plant.adiabatic": {"effectiveness": 0.8, "above": "25 degC"}}, "pads stand before dry"),
        ({**TOWERS, "site.wet_bulb": None}, "needs site.wet_bulb"),
        ({"loop.reset": {"above": "12 K", "least": "50 degC"}}, "above loop.supply_temperature"),
        ({"loop.reset": {"above": "12 degC", "least": "30 degC"}}, "difference"),
        ({"plant.trim_chillers.product": "york-ycal-101"}, "no figure 'leavingTemperatureMaximum'"),
    ],
)
def test_what_does_not_go_together_is_named(sets, message):
    with pytest.raises(twin.InputError, match=message):
        twin.load(None, sets)
