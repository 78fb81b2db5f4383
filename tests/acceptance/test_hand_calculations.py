"""The built-in layouts against calculations made by hand.

The hand part is plain arithmetic on figures typed in from the files of catalogue and layouts, and calls nothing of
the project. Powers are in kW, flows in L/s (air in m3/s), pressures in kPa, temperatures in degC, resistances in ohm.
Every rack asks for its AC nameplate on the design day of 35 degC, so no number depends on the serving model.

The hand is coarser than the solver where that is what a hand does: straight lines between the points of a curve, one
heat capacity for the coolant, one friction factor for all pipes, films that follow the flow alone, 415 V at every
bus. Each costs less than 2 % of what it touches, hence the tolerance of 3 %. One of the helpers or losses may be 6 %
off (a straight line lies that much above the bent curve of a UPS at a third of its load) and dry-cooler fans 10 %,
the cube of a speed near which the duty hardly moves; the overhead of all of them, PUE less one, is held to 3 %.
"""

from itertools import pairwise
from math import pi, sqrt

import numpy as np
import pytest

import twin

ZERO = 273.15
CLOSE, PART, FANS = 0.03, 0.06, 0.10

OUTDOOR = 35.0
COOLANT = 4.00  # PG25: 1.01 kg/L x 3.96 kJ/kg/K [kJ/L/K]
WATER = 4.18  # [kJ/kg/K], 0.990 kg/L
# Ideal gas at 24 degC and sea level: 1.188 kg/m3 x 1.006 kJ/kg/K [kJ/m3/K]
AIR = 101.325 / (0.287 * 297.15) * 1.006
VOLTS, LOAD_FACTOR, UPS_FACTOR = 0.415, 0.98, 0.99  # [kV], power factor of racks and drives, of UPS inputs
FOOT = 0.3048

SHELF = [(0.1, 0.95), (0.5, 0.975), (1.0, 0.97)]  # share of rating, efficiency
TITANIUM = [(0.1, 0.90), (0.2, 0.94), (0.5, 0.96), (1.0, 0.91)]
UPS = [(0.25, 0.970), (0.5, 0.973), (0.75, 0.970), (1.0, 0.964)]


# The sheets: how each part is worked out. ------------------------------------------------------------------------


def between(points, place):
    """Straight line between the two points around `place`."""
    (left, low), (right, high) = next(pair for pair in pairwise(points) if place <= pair[1][0])
    return low + (high - low) * (place - left) / (right - left)


def lost(output, rating, curve):
    """Loss of a converter: its curve as loss over rating, x (1/efficiency - 1), a straight line between points.

    The loss and not the efficiency, because between a tenth and half of the load the efficiency is far from straight.
    """
    return rating * between([(x, x * (1 / efficiency - 1)) for x, efficiency in curve], output / rating)


def direct(drawn, rating, curve):
    """DC behind the shelves of a rack that draws `drawn` AC: output = input - loss, by trial."""
    output = drawn
    for _ in range(30):
        output = drawn - lost(output, rating, curve)
    return output


def copper(drawn, factor, runs, ohm_per_foot, metre):
    """Loss of `drawn` kW in equal parallel three-phase runs: runs x 3 I2 R, I = P / (sqrt(3) U pf runs)."""
    amps = drawn / (sqrt(3) * VOLTS * factor * runs)
    return runs * 3 * amps**2 * ohm_per_foot / FOOT * metre / 1e3


def winding(active, factor, rating, no_load, load):
    """Loss of a transformer: no-load loss + load loss x (apparent power / rating)^2."""
    return no_load + load * (active / factor / rating) ** 2


def friction(litres, metre, length):
    """Pressure lost in a pipe there and back, fittings as half its length: f L/D rho v2/2 with f = 0.02 [kPa]."""
    speed = litres / 1e3 / (pi / 4 * metre**2)
    return 0.02 * (2 * 1.5 * length) / metre * 1.01 * speed**2 / 2


def crossflow(units, ratio):
    """Effectiveness of a crossflow exchanger, both fluids unmixed: 20 x 20 cells, each with its own balance.

    The textbooks' fit (Incropera eq. 11.32) is 1 % off, which near a full approach is 18 % of the fans' power.
    """
    cells = 20
    step, cold, left = units / cells, [0.0] * cells, 0.0
    for _ in range(cells):
        hot = 1.0  # of the fluid with the smaller capacity rate
        for place in range(cells):
            difference = (hot - cold[place]) / (1 + step * (1 + ratio) / 2)  # of the means in the cell
            hot -= step * difference
            cold[place] += step * ratio * difference
        left += hot / cells
    return 1 - left


def bisect(rising, low, high):
    """Where a rising function is nothing."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


def cooler_2mw():
    """UA of the 2 MW dry cooler from its rating point: 52 to 41 degC water, 35 degC air at 200 kW/K."""
    water = 2000 / (52 - 41)  # 181.8 kW/K, the smaller of the two rates
    effectiveness = 2000 / (water * (52 - OUTDOOR))
    units = bisect(lambda trial: crossflow(trial, water / 200) - effectiveness, 0.1, 20)
    return units * water


def fan_speed(duty, inlet, water, coolers):
    """Speed of the dry coolers' fans: the least at which they carry duty / (water inlet - dry bulb) kW/K.

    Films at rating: air half of water; they go with flow^0.8 and flow^0.85. 1/UA = 1/3 / water + 2/3 / air.
    """
    needed, each, rated = duty / (inlet - OUTDOOR) / coolers, water / coolers, cooler_2mw()

    def surplus(speed):
        conductance = rated / (1 / 3 / (each / 181.8) ** 0.85 + 2 / 3 / speed**0.8)
        least, most = sorted((each, 200 * speed))
        return crossflow(conductance / least, least / most) * least - needed

    assert surplus(1.0) > 0, "the dry coolers do not carry it alone and this sheet has no trim chiller"
    return bisect(surplus, 0.2, 1.0)


def liquid(*, heat, flow, supply, cdus, coolers, design_flow, reference, main, row, hose):
    """Coolant and facility water of sixteen racks with XDU1350 CDUs and 2 MW dry coolers.

    heat, flow : of one rack [kW], [L/s]. design_flow : of the facility pumps. reference : flow of the rack to which
    its 125 kPa refer. main, row, hose : (inside diameter, length).
    """
    total = 16 * flow
    # Heads: rack (40 + 15 + 70 kPa) with flow^1.8, hose, mean of the header 0.43 of full flow, main.
    head = (
        125 * (flow / reference) ** 1.8
        + friction(flow, *hose)
        + 0.43 * friction(8 * flow, *row)
        + friction(total, *main)
    )
    ratio = total * 1.01 / cdus / 20.6  # mass flow of one CDU over its rating
    # CDU pumps: hydraulic power, the CDU's own 149 kPa included, over efficiency; all of it heats the coolant.
    pump = total * (head + 149 * ratio**1.8) / 0.60 / 1e3
    duty, rate = 16 * heat + pump, COOLANT * total
    # CDU at its rating: coolant 32 -> 48.5, water 28 -> 43.7 degC, 20.6 kg/s each: UA = 1350 / log mean difference.
    cold, warm = 4.0, (32 + 1350 / (20.6 / 1.01 * COOLANT)) - (28 + 1350 / (20.6 * WATER))
    conductance = 1350 / ((cold + warm) / 2) * cdus * ratio**0.8
    # Water at the coolant's capacity rate: one temperature difference all along, duty / UA.
    facility_supply = supply - duty / conductance
    mass = rate / WATER
    # Facility pumps: 245 kPa at design flow on a square curve, 0.72 pump (its shaft heats the water), motor, drive.
    shaft = mass / 0.990 * 245 * (mass / 0.990 / design_flow) ** 2 / 0.72 / 1e3
    inlet = facility_supply + (duty + shaft) / rate  # at the dry coolers
    speed = fan_speed(duty + shaft, inlet, rate, coolers)
    return {
        "rack flow": flow,
        "unit flow": total,
        "coolant rise": heat / (COOLANT * flow),  # Q = rho cp V dT at the rack
        # Above the air that cools it: the absolute would hide an error.
        "facility supply": facility_supply - OUTDOOR,
        "facility return": facility_supply + duty / rate - OUTDOOR,  # supply + heat / (m cp)
        "cdu pumps": pump,
        "facility pumps": shaft / 0.93 / 0.97,
        "dry-cooler fans": coolers * 45 * speed**3,
    }


def chilled_air(*, drawn, warm, support, walls, chilled):
    """Air of sixteen racks and the support load with CW375 fan walls, and its chillers at 35 degC.

    drawn, warm : air flow [m3/s] and heat to air of one rack. chilled : leaving water [degC].
    """
    flow = 16 * drawn + support / (AIR * 16)  # support at a rise of 16 K
    heat = 16 * warm + support
    fans = walls * 8.8 * max(flow / walls / 27.14, 0.3) ** 3  # cube of flow, at least 30 %
    duty = heat + fans
    evaporating, condensing = chilled - 4, OUTDOOR + 12
    cop = 0.379 * (evaporating + ZERO) / (condensing - evaporating)  # share of Carnot; between 2.5 and 6
    pumps = duty / (6 * WATER) / 0.990 * 200 / 0.65 / 1e3  # 6 K rise, 200 kPa, 0.65
    return {
        "air flow": flow,
        "air rise": heat / (AIR * flow),  # Q = rho cp V dT
        "fan walls": fans,
        "chillers": duty / cop + pumps,
    }


def chain(*, rack, support, sides, whip, panel_run, feeder, ups, transformer, on_ups, boards):
    """The one-line from racks to utility; `sides` feeds share every row equally, each with a panel a row and a UPS.

    rack : AC of one. support : of one row. whip, panel_run, feeder : (ohm/ft, length), two whips a feed. ups :
    rating. transformer : (kVA, no-load, load loss). on_ups : pumps and walls. boards : (kW, transformers, kVA, ...).
    """
    whips = copper(rack, LOAD_FACTOR, 2 * sides, *whip)
    row = 8 * (rack + whips) + support
    runs = 2 * copper(row, LOAD_FACTOR, sides, *panel_run)
    out = (2 * row + runs + on_ups) / sides
    into = out + lost(out, ups, UPS)
    low = into + copper(into, UPS_FACTOR, 1, *feeder)
    windings = sides * winding(low, UPS_FACTOR, *transformer)
    for load, count, *plate in boards:
        windings += count * winding(load / count, LOAD_FACTOR, *plate)
    used = sides * low + sum(load for load, *_ in boards) + windings
    return {
        "panel": row / sides,
        "utility": used,
        "pue": used / (16 * rack + 2 * support),
        "cable loss": 16 * whips + runs + sides * (low - into),
        "ups loss": sides * (into - out),
        "transformer loss": windings,
    }


def sheet(rack, one_out, line, cold, water=None):
    """What the tests look at; one_out : load of a panel when the first of its row is out."""
    return {"rack": rack, "panel with one out": one_out} | line | cold | (water or {})


# The layouts. ----------------------------------------------------------------------------------------------------


def vera_rubin(support, *, asked, most, captured, flow, drawn):
    """vr-su with either profile of its racks. most : DC that the chips bear. captured, flow : liquid at that DC.

    vr-nvl72, xdu1350, dry-cooler-2mw, facility-pump-50ls, steel-dn250, steel-dn200, hose-3in, cw375,
    free-cooling-chiller-400, whip-100a, busway-1600a and -2500a, ups-1500, transformer-2000 and -1000.
    """
    # 4 shelves of 110 kW. At 45 degC the case limit is that of the TDP, so a nameplate above it is not reached.
    behind = min(direct(asked, 440, SHELF), most)
    rack = behind + lost(behind, 440, SHELF)
    # With one of four panels out the rack runs on three shelves.
    behind_three = min(direct(asked, 330, SHELF), most)
    rack_three = min(behind_three + lost(behind_three, 330, SHELF), asked)
    heat = captured * behind / most
    water = liquid(
        heat=heat,
        flow=flow / 60 * behind / most,  # the valve follows the heat
        supply=45,
        cdus=6,
        coolers=3,
        design_flow=2 * 50,
        reference=307.7 / 60,
        main=(0.2630, (11.0 - 6.4) + (4.12 - 0.9)),  # CDUs to the middle of the racks, at right angles
        row=(0.2101, 8 * 0.6),
        hose=(0.0762, 3.0),
    )
    cold = chilled_air(drawn=drawn, warm=rack - heat, support=2 * support, walls=3, chilled=18)
    line = chain(
        rack=rack,
        support=support,
        sides=4,
        whip=(0.15e-3, 12),
        panel_run=(0.0094e-3, 30),
        feeder=(0.0055e-3, 10),
        ups=1500,
        transformer=(2000, 2.8, 14.4),
        on_ups=water["cdu pumps"] + cold["fan walls"],
        boards=[(water["dry-cooler fans"] + water["facility pumps"] + cold["chillers"], 2, 1000, 1.4, 7.2)],
    )
    return sheet(rack, (8 * rack_three + support) / 3, line, cold, water)


def vr_su_at_max_p(support):
    # requiredAirFlowRate at 24 degC: straight between 20 and 25 degC.
    drawn = between([(20, 0.399), (25, 0.463)], 24)
    return vera_rubin(support, asked=237, most=230, captured=223.1, flow=307.7, drawn=drawn)


def vr_su_at_max_q(support):
    # The chips bear 2300 W as at Max-P and draw 1744 W: the nameplate of 196 kW is reached.
    drawn = between([(20, 0.330), (25, 0.383)], 24)
    behind = direct(196, 440, SHELF)
    return vera_rubin(
        support,
        asked=196,
        most=behind,
        captured=184.3 / 190 * behind,
        flow=254.2 / 190 * behind,
        drawn=drawn,
    )


def gb200_su(support):
    """gb200-nvl72, xdu1350, dry-cooler-2mw, facility-pump-25ls, steel-dn150, steel-dn125, hose-2in, cw375,
    free-cooling-chiller-400, whip-60a, busway-1000a and -2000a, ups-1000, transformer-1250 and -1000."""
    rack = 125.0
    behind = direct(rack, 8 * 33, SHELF)
    heat = 104.5 / 120 * behind
    water = liquid(
        heat=heat,
        flow=105.9 / 60 * behind / 120,  # at 40 degC, following the heat
        supply=40,
        cdus=3,
        coolers=3,
        design_flow=2 * 25,
        reference=160 / 60,
        main=(0.1603, (11.0 - 6.4) + (4.12 - 2.0)),
        row=(0.1325, 8 * 0.6),
        hose=(0.0508, 3.0),
    )
    drawn = between([(20, 0.578), (25, 0.672)], 24)
    cold = chilled_air(drawn=drawn, warm=rack - heat, support=2 * support, walls=3, chilled=18)
    line = chain(
        rack=rack,
        support=support,
        sides=4,
        whip=(0.49e-3, 12),
        panel_run=(0.0167e-3, 30),
        feeder=(0.0076e-3, 10),
        ups=1000,
        transformer=(1250, 1.75, 9.0),
        on_ups=water["cdu pumps"] + cold["fan walls"],
        boards=[(water["dry-cooler fans"] + water["facility pumps"] + cold["chillers"], 2, 1000, 1.4, 7.2)],
    )
    return sheet(rack, (8 * rack + support) / 3, line, cold, water)


def h100_air(support):
    """hgx-h100, cw375, free-cooling-chiller-800, whip-60a, busway-1000a and -2000a, ups-1000, transformer-1250 and
    -750."""
    rack = 40.8  # four nodes of 10.2 kW, all of it to air
    # One of two sides out leaves half of the 4 x 19.8 kW of supplies: 39.6 kW DC at full load.
    rack_half = min(rack, 39.6 + lost(39.6, 39.6, TITANIUM))
    cold = chilled_air(drawn=2.086, warm=rack, support=2 * support, walls=4, chilled=18)
    line = chain(
        rack=rack,
        support=support,
        sides=2,
        whip=(0.49e-3, 12),
        panel_run=(0.0167e-3, 30),
        feeder=(0.0076e-3, 10),
        ups=1000,
        transformer=(1250, 1.75, 9.0),
        on_ups=cold["fan walls"],
        boards=[(cold["chillers"], 2, 750, 1.05, 5.4)],
    )
    return sheet(rack, 8 * rack_half + support, line, cold)


def gb300_hall():
    """One pair of units at 142 kW a rack without support load; UPS of 1,875 kW behind 2,500 kVA."""
    pair = 2 * 16 * 142.0  # 4,544 kW on four UPS
    output = pair / 4
    into = output + lost(output, 1875, UPS)
    after = pair / 3
    return {
        "panel": 8 * 142 / 4,  # 284 kW
        "panel with one out": 8 * 142 / 3,  # 378.7 kW
        "ups": output / 1875,  # 61 %
        "ups with one out": after / 1875,  # 81 %
        "transformer": into / UPS_FACTOR / 2500,  # 47 %
        "transformer with one out": (after + lost(after, 1875, UPS)) / UPS_FACTOR / 2500,  # 63 %
    }


def site(rack, support):
    """Utility power of site-250mw in MW at `rack` kW: 96 units of gb300-su on 106 coolers and 40 pumps in common.

    gb300-nvl72 on the chain of gb200_su with four CDUs, facility-pump-100ls, eight transformer-3000 for the plant.
    """
    behind = direct(rack, 8 * 33, SHELF)
    heat = 116 / 136 * behind
    water = liquid(
        heat=heat,
        flow=160 / 60 * behind / 136,
        supply=45,
        cdus=4,
        coolers=106 / 96,
        design_flow=40 * 100 / 96,
        reference=160 / 60,
        main=(0.1603, (11.0 - 6.4) + (4.12 - 2.0)),
        row=(0.1325, 8 * 0.6),
        hose=(0.0508, 3.0),
    )
    drawn = between([(20, 0.7315), (25, 0.8495)], 24)
    cold = chilled_air(drawn=drawn, warm=rack - heat, support=2 * support, walls=3, chilled=18)
    line = chain(
        rack=rack,
        support=support,
        sides=4,
        whip=(0.49e-3, 12),
        panel_run=(0.0167e-3, 30),
        feeder=(0.0076e-3, 10),
        ups=1000,
        transformer=(1250, 1.75, 9.0),
        on_ups=water["cdu pumps"] + cold["fan walls"],
        boards=[
            (cold["chillers"], 2, 1000, 1.4, 7.2),
            (water["dry-cooler fans"] + water["facility pumps"], 9 / 96, 3000, 4.2, 21.6),
        ],
    )
    return 96 * line["utility"] / 1e3


def site_250mw(support):
    """Rack power at which the site's connection of 250 MW is full, unless the chips at 45 degC hold first."""
    chips = 136 + lost(136, 8 * 33, SHELF)
    fits = bisect(lambda rack: site(rack, support) - 250, 80, 160)
    rack = min(chips, fits)
    return {
        "asked": 1536 * 142 / 1e3,  # 218 MW
        "support": 192 * support / 1e3,
        "rack": rack,
        "utility": site(rack, support),
        "binds": fits < chips,
    }


# The comparison. -------------------------------------------------------------------------------------------------

UNITS = {
    "vr-su at Max-P": ("vr-su", {}, 237e3, 148e3, vr_su_at_max_p),
    "vr-su at Max-Q": ("vr-su", {"rows.rack_type": "vr-nvl72-maxq"}, 196e3, 148e3, vr_su_at_max_q),
    "gb200-su": ("gb200-su", {}, 125e3, 148e3, gb200_su),
    "h100-air": ("h100-air", {}, 40.8e3, 40e3, h100_air),
}


def solved(name, loaded):
    """What `twin` says of a unit: normal and with the first panel of its first row out, in the units of the hand."""
    layout, sets, power, support, _ = UNITS[name]
    asked = {"rack_power": power, "dry_bulb": OUTDOOR + ZERO, "support_load": support if loaded else 0.0}
    state = twin.solve(twin.load(layout, sets), twin.Operation(out=[[], ["rpp.A1"]], **asked))
    assert state.converged.all()

    def of(variable):
        return float(state[variable].values[0].flat[0])

    panel = state.device_power.sel(device="rpp.B1").values / 1e3
    found = {
        "rack": of("power") / 1e3,
        "panel": panel[0],
        "panel with one out": panel[1],
        "air flow": of("air_flow"),
        "air rise": of("hot_aisle_temperature") - of("air_supply_temperature"),
        "fan walls": of("fan_wall_power") / 1e3,
        "chillers": of("chiller_power") / 1e3,
        "cable loss": of("cable_loss") / 1e3,
        "ups loss": of("ups_loss") / 1e3,
        "transformer loss": of("transformer_loss") / 1e3,
        "utility": of("utility_power") / 1e3,
        "pue": of("pue"),
    }
    if np.isnan(of("loop_flow")):
        return found
    return found | {
        "rack flow": of("coolant_flow") * 1e3,
        "unit flow": of("loop_flow") * 1e3,
        "coolant rise": of("return_temperature") - of("inlet_temperature"),
        "facility supply": of("facility_supply_temperature") - ZERO - OUTDOOR,
        "facility return": of("facility_return_temperature") - ZERO - OUTDOOR,
        "cdu pumps": of("cdu_power") / 1e3,
        "facility pumps": of("pump_power") / 1e3,
        "dry-cooler fans": of("dry_cooler_power") / 1e3,
    }


PARTS = ("fan walls", "chillers", "cable loss", "ups loss", "transformer loss", "cdu pumps", "facility pumps")
TOLERANCE = dict.fromkeys(PARTS, PART) | {"dry-cooler fans": FANS}


@pytest.mark.parametrize("loaded", [True, False], ids=["with support load", "without"])
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_lands_on_the_hand_calculation(name, loaded):
    *_, support, by_hand = UNITS[name]
    expected, found = by_hand(support / 1e3 if loaded else 0.0), solved(name, loaded)
    assert set(found) == set(expected)
    for values in (expected, found):
        values["overhead"] = values["pue"] - 1  # a tenth of the PUE, which alone would hide it
    off = {
        key: (expected[key], found[key])
        for key in expected
        if found[key] != pytest.approx(expected[key], rel=TOLERANCE.get(key, CLOSE))
    }
    assert not off, "by hand and by the solver"


def test_hall_of_gb300_loads_its_ups_and_transformers_as_by_hand():
    """40 degC supply, at which no chip stands between the racks and 142 kW."""
    facility, expected = twin.load("gb300-hall"), gb300_hall()
    state = twin.solve(
        facility,
        twin.Operation(
            rack_power=142e3,
            support_load=0.0,
            supply_temperature=40 + ZERO,
            dry_bulb=OUTDOOR + ZERO,
            out=[[], ["ups.1A"], ["P1-001.rpp.A1"]],
        ),
    )
    assert state.converged.all()
    np.testing.assert_allclose(state.power, 142e3, rtol=1e-9)
    loading = {name: state.device_loading.sel(device=name).values for name in ("ups.1B", "T.1B", "ups.2B")}
    panel = state.device_power.sel(device="P1-001.rpp.B1").values / 1e3
    found = {
        "panel": panel[0],
        "panel with one out": panel[2],
        "ups": loading["ups.1B"][0],
        "ups with one out": loading["ups.1B"][1],
        "transformer": loading["T.1B"][0],
        "transformer with one out": loading["T.1B"][1],
    }
    # Pumps of the CDUs and fan walls are left out by hand; they are 1 % of what the UPS carry.
    assert found == pytest.approx(expected, rel=CLOSE)
    # The other pairs do not feel it.
    np.testing.assert_allclose(loading["ups.2B"], loading["ups.2B"][0], rtol=1e-6)
    # Printed, not computed: 61 and 81 % of 1,875 kW, 47 and 63 % of 2,500 kVA.
    assert [*expected.values()][2:] == pytest.approx([0.61, 0.81, 0.47, 0.63], abs=0.01)


@pytest.fixture(scope="module")
def full_site():
    """site-250mw without and with its support load, every rack asking for 142 kW."""
    facility = twin.load("site-250mw")
    asked = {"rack_power": 142e3, "dry_bulb": OUTDOOR + ZERO, "support_load": np.array([0.0, 148e3])}
    return facility, twin.solve(facility, twin.Operation(**asked), keep="all")


@pytest.mark.parametrize(
    ("scenario", "support"), [(0, 0.0), (1, 148.0)], ids=["without", "with support load"]
)
def test_site_of_250_mw_lands_on_the_hand_calculation(full_site, scenario, support):
    _, state = full_site
    expected = site_250mw(support)
    assert state.converged.all()
    assert state.demand.values[scenario].sum() / 1e6 == pytest.approx(expected["asked"], rel=1e-9)
    assert expected["asked"] == pytest.approx(218, rel=1e-3)
    np.testing.assert_allclose(state.power.values[scenario] / 1e3, expected["rack"], rtol=CLOSE)
    assert state.utility_power.values[scenario] / 1e6 == pytest.approx(expected["utility"], rel=CLOSE)
    # 247 MW of racks and support load alone all but fill the connection; 214 MW and their overhead do not.
    assert expected["binds"] == (support > 0)


def test_the_utility_and_only_the_utility_has_a_price_when_the_site_is_full(full_site):
    facility, state = full_site
    kinds = state.binding.attrs["flag_meanings"].split()
    held = [{kinds[code] for code in codes} for codes in state.binding.values]
    assert "utility" not in held[0]
    assert held[1] == {"utility"}
    devices = {facility.devices.name[index] for index in np.unique(state.binding_device.values[1])}
    assert devices == {"utility"}
    assert state.utility_power.values[0] < 250e6
    assert state.utility_power.values[1] == pytest.approx(250e6, rel=1e-9)
    price = state.price.sel(limit="utility").values
    assert price[0] == pytest.approx(0.0, abs=1e-6 * price[1])
    assert price[1] > 0
    others = state.price.values[1][state.limit.values != "utility"]
    assert np.abs(others).max() < 1e-6 * price[1]
