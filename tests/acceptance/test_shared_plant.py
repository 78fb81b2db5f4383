"""Blocks on one plant: by symmetry like blocks with plants of their own, and the coldest loop decides the water."""

from importlib.resources import files

import numpy as np
import pytest

import twin
from twin.catalogue import product
from twin.errors import InputError

HEAD = """
name: two-units
site: {dry_bulb: 35 degC, electricity_price: 0.08 USD/kWh, carbon_intensity: 0.35 kg/kWh}
workload: {model: deepseek-r1, precision: nvfp4, input_length: 8192, output_length: 1024, interactivity: 50 token/s}
economics: {interest_rate: 0.10, it_lifetime: 4 year, facility_lifetime: 15 year, facility_cost: 12 USD/W,
            maintenance: 0.04}
utility: {rating: 10 MW, voltage: 13.8 kV, short_circuit_power: 500 MVA, resistance_ratio: 0.1}
"""
BLOCKS = """
blocks:
  - {name: SU, use: gb300-su, repeat: 2, pitch: [0 m, 12 m, 0 m], replace: {T.M1: T.M1, T.M2: T.M2}}
"""
SHARED = """
shared:
  voltage: 415 V
  devices:
    - {name: T.M1, product: transformer-2000, feed: utility}
    - {name: T.M2, product: transformer-2000, feed: utility}
"""
PLANT = """
  plant:
    fluid: water
    dry_coolers: {product: dry-cooler-2mw, count: 4, required: 2, feeds: [T.M1, T.M2]}
    trim_chillers: {product: trim-chiller-500, count: 2, required: 2, feeds: [T.M1, T.M2]}
    pumps: {product: facility-pump-25ls, count: 6, required: 4, feeds: [T.M1, T.M2]}
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """Two units with plants of their own, and the same two on one plant of twice the size."""
    folder = tmp_path_factory.mktemp("sites")
    own, one = folder / "own.yaml", folder / "one.yaml"
    own.write_text(HEAD + SHARED + BLOCKS, "utf-8")
    one.write_text(HEAD + SHARED + PLANT + BLOCKS, "utf-8")
    return twin.load(str(own)), twin.load(str(one))


@pytest.mark.parametrize("dry_bulb", [0.0, 20.0, 35.0, 41.5, 47.0])
def test_equal_blocks_on_one_plant_are_like_blocks_with_plants_of_their_own(sites, dry_bulb):
    own, one = (twin.solve(site, twin.Operation(dry_bulb=dry_bulb + 273.15)) for site in sites)
    assert own.converged.all()
    assert one.converged.all()
    for name in ("utility_power", "mechanical_power", "tokens_per_second", "supply_temperature", "power"):
        np.testing.assert_allclose(one[name].values, own[name].values, rtol=1e-9)
    for name in ("dry_cooler_power", "pump_power", "trim_chiller_power", "facility_flow"):
        np.testing.assert_allclose(one[name].values.sum(), own[name].values.sum(), rtol=1e-9, atol=1e-3)
    np.testing.assert_allclose(
        one.facility_supply_temperature.values[0, 0], own.facility_supply_temperature.values[0], rtol=1e-10
    )


def test_each_loop_stands_above_the_water_of_its_own_plant(sites):
    own, _ = sites
    setpoint = np.array([[308.15, 318.15]])
    state = twin.solve(own, twin.Operation(dry_bulb=293.15, supply_temperature=setpoint))
    water = state.facility_supply_temperature.values
    assert np.ptp(water) > 5.0
    np.testing.assert_allclose(state.approach.values, setpoint - water, rtol=1e-9)


def test_the_loop_that_needs_the_coldest_water_decides_and_the_other_keeps_its_set_point(sites):
    _, one = sites
    setpoint = np.array([[313.15, 318.15]])
    state = twin.solve(one, twin.Operation(dry_bulb=303.15, supply_temperature=setpoint))
    alone = twin.solve(one, twin.Operation(dry_bulb=303.15, supply_temperature=313.15))
    np.testing.assert_allclose(state.supply_temperature.values, setpoint, rtol=1e-12)
    water = float(state.facility_supply_temperature.item())
    assert water == pytest.approx(float(alone.facility_supply_temperature.item()), abs=1e-6)
    assert state.approach.values[0, 1] > state.approach.values[0, 0] + 4.5
    assert abs(state.ledger_heat.item()) < 1e-6


def test_on_a_hot_day_the_colder_loop_floats_first(sites):
    _, one = sites
    state = twin.solve(one, twin.Operation(dry_bulb=310.15, supply_temperature=np.array([[309.15, 318.15]])))
    assert state.supply_temperature.values[0, 0] > 309.25
    assert state.supply_temperature.values[0, 1] == pytest.approx(318.15, abs=1e-9)
    assert state.cooler_speed.item() == 1.0
    assert state.trim_duty.item() == pytest.approx(2 * product("trim-chiller-500")["nominalCapacity"])
    assert abs(state.ledger_heat.item()) < 1e-6


def test_pumps_of_one_plant_out_slow_all_its_loops(sites):
    _, one = sites
    out = [f"pump.{number}" for number in range(1, 6)]
    state = twin.solve(one, twin.Operation(out=[out], dry_bulb=313.15))
    rated = product("facility-pump-25ls")["ratedFlow"] * one.cooling.facility_density
    assert state.facility_flow.item() == pytest.approx(rated, rel=1e-12)
    assert np.ptp(state.supply_temperature.values) < 1e-9
    assert (state.supply_temperature.values > 318.16).all()


def test_a_shared_plant_that_is_dark_leaves_every_rack_dark(sites):
    _, one = sites
    state = twin.solve(one, twin.Operation(out=[["T.M1", "T.M2"]]))
    assert float(state.rack_power.item()) == 0.0
    assert set(state.binding.values.ravel().tolist()) == {
        state.binding_kind.values.tolist().index("coolant_temperature")
    }


def refused(tmp_path, text, sets=None):
    """The one problem of a layout: file, line, path and message."""
    file = tmp_path / "site.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        twin.load(str(file), sets)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_a_plant_of_a_unit_beside_the_shared_one_is_not_dropped_in_silence(tmp_path):
    """What a unit of another layout brings along is; what is written or set here is not."""
    text = HEAD + SHARED + PLANT + BLOCKS
    problem = refused(tmp_path, text, {"plant.pumps.count": "9"})
    assert (problem.file, problem.path) == ("set", "plant.pumps.count")
    assert "the site's shared plant takes its place" in problem.message
    unit = files("twin").joinpath("layouts", "gb300-su.yaml").read_text("utf-8")
    unit = unit[unit.index("hall:\n") :].replace("\n", "\n      ")
    written = f"\nblocks:\n  - name: SU\n    unit:\n      {unit}"
    problem = refused(tmp_path, HEAD + SHARED + PLANT + written)
    assert problem.line
    assert problem.path == "blocks[0].unit.plant"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SU001.ups.A", "begins like the names of the block 'SU'"),
        ("pump.1", "is what the twin calls equipment of its own"),
    ],
)
def test_a_shared_device_has_a_name_that_nothing_else_has(tmp_path, name, message):
    more = f"    - {{name: {name}, product: transformer-2000, feed: utility}}\n"
    problem = refused(tmp_path, HEAD + SHARED + more + BLOCKS)
    assert problem.line == 14
    assert message in problem.message


def test_two_blocks_have_names_of_their_own(tmp_path):
    blocks = BLOCKS + "  - {name: SU001, use: gb300-su, origin: [0 m, 40 m, 0 m]}\n"
    problem = refused(tmp_path, HEAD + SHARED + blocks)
    assert problem.path == "blocks[1].name"
    assert "'SU001.'" in problem.message


def test_a_set_point_of_loops_is_put_where_there_are_loops(tmp_path):
    text = HEAD.replace("nvfp4", "fp8") + BLOCKS.split("replace")[0].rstrip(" ,") + "}\n"
    text += "  - {name: AIR, use: h100-air, origin: [0 m, 40 m, 0 m]}\n"
    file = tmp_path / "both.yaml"
    file.write_text(text, "utf-8")
    site = twin.load(str(file), {"loop.supply_temperature": "40 degC"})
    np.testing.assert_array_equal(site.operation.supply_temperature, [[313.15, 313.15, 298.15]])
    problem = refused(tmp_path, text, {"AIR.loop.fouling": "1"})
    assert problem.message == "there is no 'loop' in AIR; write the whole of it in the layout"
    with pytest.raises(InputError, match="there is no 'loop' here"):
        twin.load("h100-air", {"loop.supply_temperature": "40 degC"})
