"""Hall air and its chillers against hand calculations and `ht`."""

import numpy as np
import pytest
from ht import effectiveness_from_NTU
from scipy.optimize import brentq

import twin
from thermal.fluid import WATER

ZERO = 273.15
# Dry air: heat capacity and gas constant.
AIR, GAS = 1006.0, 287.053
# Chilled water is taken at 45 degC like all facility water.
SPECIFIC, DENSITY = float(WATER.heat_capacity(45 + ZERO)), float(WATER.density(45 + ZERO))
WALLS = ["fanwall.1", "fanwall.2", "fanwall.3"]


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def one(state, name):
    """A per-block variable of a site of one block, (scenario,)."""
    return state[name].values[:, 0]


def names(state, variable):
    meanings = state[variable].attrs["flag_meanings"].split()
    return {meanings[code] for code in state[variable].values.ravel()}


def density(temperature, pressure=101325.0):
    return pressure / (GAS * temperature)


def test_chillers_pay_for_what_the_free_coil_leaves_and_for_their_pumps(pod):
    celsius = np.array([10.0, 20.0, 22.0, 35.0, 44.0, 55.0])
    state = twin.solve(
        pod,
        twin.Operation(
            dry_bulb=celsius + ZERO,
            rack_power=60e3,
            support_load=100e3,
            supply_temperature=60 + ZERO,
        ),
    )
    duty = one(state, "fan_wall_duty")
    # free-cooling-chiller-400: 0.45 of (24 degC return - air) over the 6 K to 18 degC, at 1/25 of what it carries.
    free = np.clip(0.45 * (24.0 - celsius) / 6.0, 0.0, 1.0)
    np.testing.assert_allclose(free, [1.0, 0.3, 0.15, 0.0, 0.0, 0.0], rtol=1e-12)
    # 0.379 of Carnot, 4 K below 18 degC water, 12 K above the air, 2.5 to 6.
    cop = np.clip(0.379 * (291.15 - 4.0) / (celsius + ZERO + 12.0 - 287.15), 2.5, 6.0)
    assert cop[1] == 6.0
    assert cop[3] == pytest.approx(3.3, abs=0.01)
    assert 2.5 < cop[4] < 3.0
    assert cop[5] == 2.5
    # 200 kPa over the water of a 6 K rise, 0.65 efficient.
    pumps = duty / (6.0 * SPECIFIC * DENSITY) * 200e3 / 0.65
    np.testing.assert_allclose(
        one(state, "chiller_power"), duty * ((1 - free) / cop + free / 25) + pumps, rtol=1e-12
    )
    # In the cold the fans at 1/25 and the pumps are all of it.
    cold = duty[0] / 25 + pumps[0]
    np.testing.assert_allclose(one(state, "chiller_power")[0], cold, rtol=1e-12)


def test_fan_walls_move_the_catalogue_flow_of_racks_and_support_and_take_all_their_heat(pod, whip_heat):
    state = twin.solve(pod, twin.Operation(rack_power=120e3, air_temperature=25 + ZERO))
    heat = state.air_heat.values.sum() + whip_heat(state.power.values[0])
    # gb300-nvl72: 0.8495 m3/s at 25 degC; support racks of 2 x 148 kW warm theirs by 16 K.
    rho = density(25 + ZERO)
    flow = 16 * 0.8495 + 296e3 / (AIR * 16.0 * rho)
    assert one(state, "air_flow")[0] == pytest.approx(flow, rel=1e-9)
    # cw375: 8.8 kW at 27.14 m3/s each, with the cube of the flow, from 0.3 on.
    fans = 3 * 8.8e3 * max(flow / 3 / 27.14, 0.3) ** 3
    assert flow / 3 / 27.14 > 0.3
    assert one(state, "fan_wall_power")[0] == pytest.approx(fans, rel=1e-9)
    assert one(state, "fan_wall_duty")[0] == pytest.approx(heat + 296e3 + fans, rel=1e-12)
    rise = (heat + 296e3) / (flow * rho * AIR)
    assert one(state, "hot_aisle_temperature")[0] == pytest.approx(25 + ZERO + rise, rel=1e-9)


def test_units_that_blow_more_than_is_drawn_send_the_rest_past_the_racks():
    """As much again, while the walls can: racks breathe supply air, fans take the cube of the flow."""
    state = twin.solve(twin.load(sets={"air.excess": "1"}), twin.Operation(out=[[], WALLS[:1]]))
    asked, blown = one(state, "air_demand"), one(state, "air_flow")
    np.testing.assert_allclose(asked, asked[0])
    np.testing.assert_allclose(blown, [2.0 * asked[0], 2 * 27.14])
    assert blown[1] < blown[0]
    supply = one(state, "air_supply_temperature")
    np.testing.assert_allclose(state.air_inlet_temperature, np.broadcast_to(supply[:, None], (2, 16)))
    fans = np.array([3, 2]) * 8.8e3 * (blown / [3 * 27.14, 2 * 27.14]) ** 3
    np.testing.assert_allclose(one(state, "fan_wall_power"), fans)
    assert np.abs(state.ledger_heat.values).max() < 1e-9


def coil(mass):
    """Conductance of one fan-wall coil: cw375, 375 kW from 36 degC air on 18 degC water of a 6 K rise."""
    air = 27.14 * 1.2 * AIR
    small, large = min(air, 375e3 / 6.0), max(air, 375e3 / 6.0)
    wanted = 375e3 / (small * (36.0 - 18.0))
    units = brentq(lambda n: effectiveness_from_NTU(n, small / large, "crossflow") - wanted, 0.1, 19.0)
    # The air film, half of the resistance, with the mass flow to the power 0.8; water at its rated flow.
    return units * small / (0.5 / (mass / (27.14 * 1.2)) ** 0.8 + 0.5)


@pytest.mark.parametrize(("altitude", "out"), [(0, WALLS[:2]), (0, WALLS[:1]), (2000, WALLS[:2])])
def test_air_supply_floats_to_where_the_coils_carry_the_heat(tmp_path, altitude, out):
    free = twin.load(sets={"power.policy": "none", "site.altitude": f"{altitude} m"})
    # A set-point of 20 degC, and heat that the coils cannot take at it: 2 or 1 coils live.
    state = twin.solve(
        free,
        twin.Operation(
            rack_power=142e3,
            support_load=200e3 if len(out) == 2 else 320e3,
            air_temperature=20 + ZERO,
            dry_bulb=10 + ZERO,
            out=[out],
        ),
    )
    assert state.converged.all()
    pressure = 101325.0 * (1 - 0.0065 * altitude / 288.15) ** 5.25588
    front = state.air_inlet_temperature.values[0, 0]
    live = 3 - len(out)
    mass = one(state, "air_flow")[0] * density(front, pressure) / live
    duty = one(state, "fan_wall_duty")[0] / live
    small, large = min(mass * AIR, 375e3 / 6.0), max(mass * AIR, 375e3 / 6.0)
    reach = effectiveness_from_NTU(coil(mass) / small, small / large, "crossflow") * small
    # Air onto the coil, then off it.
    supply = 18.0 + duty / reach - duty / (mass * AIR)
    assert supply > 20.5
    # 1e-6 K-scale: quadrature of `ht`.
    assert one(state, "air_supply_temperature")[0] - ZERO == pytest.approx(supply, rel=1e-6)


@pytest.mark.parametrize("support", [0.0, 148e3])
def test_leaked_hot_air_warms_the_fronts_by_the_mixing_balance(support, whip_heat):
    leaky = twin.load(sets={"air.leakage": "0.2"})
    state = twin.solve(leaky, twin.Operation(rack_power=100e3, support_load=support, dry_bulb=10 + ZERO))
    front = state.air_inlet_temperature.values[0, 0]
    supply, hot = one(state, "air_supply_temperature")[0], one(state, "hot_aisle_temperature")[0]
    assert supply == pytest.approx(24 + ZERO, abs=1e-9)
    # Walls blow what racks and support draw, a fifth of it leaks in beside: one part cold, 0.2 parts hot.
    assert front == pytest.approx((1.0 * supply + 0.2 * hot) / 1.2, abs=1e-6)
    heat = state.air_heat.values.sum() + 2 * support + whip_heat(state.power.values[0])
    assert hot - front == pytest.approx(heat / (AIR * one(state, "air_flow")[0] * density(front)), rel=1e-6)
    assert front > supply + 1.0


def test_thin_air_at_two_thousand_metres_warms_more_over_the_racks(pod, whip_heat):
    high = twin.load(sets={"site.altitude": "2000 m"})
    low_state, high_state = (
        twin.solve(site, twin.Operation(rack_power=100e3, support_load=0.0, air_temperature=25 + ZERO))
        for site in (pod, high)
    )
    # ISO 2533: 79,495 Pa at 2,000 m; the racks draw 0.8495 m3/s each of whatever air there is.
    for state, pressure in ((low_state, 101325.0), (high_state, 79_495.2)):
        mass = 16 * 0.8495 * density(25 + ZERO, pressure)
        rise = (state.air_heat.values.sum() + whip_heat(state.power.values[0])) / (AIR * mass)
        # 1e-5: the pressure of the table is rounded in the sixth figure.
        assert one(state, "hot_aisle_temperature")[0] - 25 - ZERO == pytest.approx(rise, rel=1e-5)
    # Fans at their least flow move lighter air.
    ratio = high_state.fan_wall_power.item() / low_state.fan_wall_power.item()
    assert ratio == pytest.approx(79_495.2 / 101325.0, rel=1e-5)


@pytest.mark.parametrize("support", [0.0, 60e3])
def test_one_fan_wall_holds_the_racks_at_375_kw(pod, support):
    state = twin.solve(
        pod,
        twin.Operation(rack_power=142e3, support_load=support, dry_bulb=10 + ZERO, out=[WALLS[:2]]),
    )
    assert state.converged.all()
    assert names(state, "binding") == {"fan_wall"}
    held = {state.device.values[index] for index in state.binding_device.values.ravel()}
    assert held == {"fanwall.3"}
    assert one(state, "fan_wall_duty")[0] == pytest.approx(375e3, rel=1e-8)


def test_one_chiller_holds_the_racks_at_400_kw(pod):
    state = twin.solve(
        pod,
        twin.Operation(
            rack_power=142e3, support_load=60e3, dry_bulb=10 + ZERO, out=["chiller.1", "chiller.3"]
        ),
    )
    assert state.converged.all()
    assert names(state, "binding") == {"chiller"}
    assert one(state, "fan_wall_duty")[0] == pytest.approx(400e3, rel=1e-8)


def test_racks_that_draw_more_than_the_walls_blow_breathe_their_own_air(pod):
    """One wall for hot set-point and support: 27.14 m3/s against more asked, the rest recirculates."""
    free = twin.load(sets={"power.policy": "none"})
    state = twin.solve(
        free,
        twin.Operation(rack_power=100e3, support_load=170e3, dry_bulb=10 + ZERO, out=[WALLS[:2]]),
    )
    asked, blown = one(state, "air_demand")[0], one(state, "air_flow")[0]
    assert blown == pytest.approx(27.14, rel=1e-12)
    assert asked > blown
    front = state.air_inlet_temperature.values[0, 0]
    supply, hot = one(state, "air_supply_temperature")[0], one(state, "hot_aisle_temperature")[0]
    assert front == pytest.approx((blown * supply + (asked - blown) * hot) / asked, abs=1e-6)


@pytest.mark.parametrize("kind", ["chiller", "fanwall"])
def test_without_chillers_or_fan_walls_the_hall_goes_dark(pod, kind):
    out = [f"{kind}.{number}" for number in (1, 2, 3)]
    state = twin.solve(pod, twin.Operation(support_load=148e3, rack_power=142e3, out=out))
    assert state.converged.all()
    assert names(state, "binding") == {"inlet_air"}
    assert (state.power.values == 0).all()
    assert state.tokens_per_second.item() == 0
    assert state.support_power.item() == 0
    assert state.chiller_power.item() == 0
    assert abs(state.ledger_heat.item()) < 1e-9


def test_leaky_halls_in_thin_air_settle_at_every_set_point():
    site = twin.load(sets={"air.leakage": "0.3", "site.altitude": "2000 m"})
    celsius = np.arange(18.0, 40.01, 0.5)
    state = twin.solve(
        site,
        twin.Operation(
            air_temperature=celsius[:, None] + ZERO,
            rack_power=142e3,
            support_load=0.0,
            dry_bulb=20 + ZERO,
            supply_temperature=35 + ZERO,
        ),
    )
    assert state.converged.values.all()
    # The warmest fronts hold the racks below what the coolest let them draw.
    assert state.rack_power.values[-1] < state.rack_power.values[0]
