"""The power table of the reference pod, made by hand before the code: 142 kW AC at every rack, 415 V, pf 0.98."""

from pathlib import Path

import numpy as np
import pytest

import twin

CASES = Path(__file__).parents[1] / "cases"
ZERO = 273.15
NAMEPLATE = 142e3
SUPPORT = 148e3
# At 40 degC supply no chip stands between the racks and their nameplate.
COOL = {"rack_power": NAMEPLATE, "supply_temperature": 40 + ZERO, "dry_bulb": 20 + ZERO}


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def dsx():
    return twin.load(str(CASES / "dsx-pod" / "layout.yaml"))


def device(state, name, variable="device_power"):
    return state[variable].sel(device=name).values


# RPP kW and whip kW of the DSX power-failure test, for 0 to 3 RPPs out; a whip carries 33 kW.
DSX = {
    146e3: ([329.0, 438.7, 658.0, 1316.0], [18.25, 24.3, 36.5, 73.0]),
    173e3: ([382.8, 510.3, 765.5, 1531.0], [21.6, 28.8, 43.25, 86.5]),
}


@pytest.mark.parametrize("peak", DSX)
def test_dsx_pod_matches_the_blueprints_constants_within_half_a_per_cent(dsx, peak):
    outs = [["rpp.A", "rpp.B", "rpp.C"][:count] for count in range(4)]
    state = twin.solve(dsx, twin.Operation(edp_factor=peak / 128e3, out=outs))
    assert state.converged.all()
    panel = device(state, "rpp.D", "device_loading") * 500.0
    whip = device(state, "whip.row1.01.rpp.D", "device_loading") * 48.0 * 415.0 * np.sqrt(3.0) / 1e3
    np.testing.assert_allclose(panel, DSX[peak][0], rtol=5e-3)
    np.testing.assert_allclose(whip, DSX[peak][1], rtol=5e-3)
    margin = twin.check(dsx, state)["E1-panel"].sel(device="rpp.D").values
    np.testing.assert_array_equal(margin < 0, np.array(DSX[peak][0]) > 500.0)


def test_losses_and_power_factor_add_what_the_formulas_say(dsx):
    real = twin.load(
        str(CASES / "dsx-pod" / "layout.yaml"), {"rows.whip.length": "12 m", "rows.power_factor": "0.98"}
    )
    plain, lossy = (twin.solve(facility, twin.Operation(edp_factor=146 / 128)) for facility in (dsx, real))
    name = "whip.row1.01.rpp.A"
    current = device(plain, name, "device_loading") * 48.0
    # 1/pf on the current, and two whips of 3 I2 R each between panel and rack.
    product = next(item for item in real.products if item.kind == "whip")
    drop = 3.0 * (current / 0.98) ** 2 * product["resistancePerLength"] * 12.0
    np.testing.assert_allclose(device(lossy, name, "device_loading") * 48.0, current / 0.98, rtol=3e-3)
    added = device(lossy, "rpp.A", "device_loading") - device(plain, "rpp.A", "device_loading")
    np.testing.assert_allclose(added * 500e3, 8 * 2 * drop, rtol=0.02)


@pytest.mark.parametrize("support", [0.0, SUPPORT])
def test_reference_pod_power_table_within_one_per_cent(pod, support):
    outs = [[], ["rpp.A1"], ["ups.A"]]
    state = twin.solve(pod, twin.Operation(out=outs, support_load=support, **COOL))
    assert state.converged.all()
    row = 8 * NAMEPLATE + support
    np.testing.assert_allclose(device(state, "rpp.B1"), [row / 4, row / 3, row / 3], rtol=1e-2)
    np.testing.assert_allclose(device(state, "rpp.B2"), [row / 4, row / 4, row / 3], rtol=1e-2)
    whip = device(state, "whip.row1.01.rpp.B1")
    np.testing.assert_allclose(whip, [NAMEPLATE / 4, NAMEPLATE / 3, NAMEPLATE / 3], rtol=1e-2)
    amps = device(state, "whip.row1.01.rpp.B1", "device_loading") * 48.0
    expected = np.array([1 / 8, 1 / 6, 1 / 6]) * NAMEPLATE / (np.sqrt(3) * 415 * 0.98)
    np.testing.assert_allclose(amps, expected, rtol=1e-2)
    # The hand table has racks and support on the UPS; the CDU pumps and fan walls they also carry are added to it.
    helpers = (state.cdu_power + state.fan_wall_power).values[:, 0]
    alive = np.array([4, 4, 3])
    ups = np.array([2 * row / 4, row / 3 + row / 4, 2 * row / 3]) + helpers / alive
    np.testing.assert_allclose(device(state, "ups.B"), ups, rtol=1e-2)
    assert device(state, "ups.A")[2] == 0.0


def test_hand_values_of_the_table_itself(pod):
    """The printed figures, not the formulas: RPP 284 and 378.7 kW, whip 17.8 and 23.7 kW, UPS 662.7 and 757 kW."""
    state = twin.solve(pod, twin.Operation(out=[[], ["rpp.A1"], ["ups.A"]], support_load=0.0, **COOL))
    np.testing.assert_allclose(device(state, "rpp.B1")[:2] / 1e3, [284.0, 378.7], rtol=1e-2)
    np.testing.assert_allclose(device(state, "whip.row1.01.rpp.B1")[:2] / 2e3, [17.8, 23.7], rtol=1e-2)
    np.testing.assert_allclose(device(state, "ups.B")[1:] / 1e3, [662.7, 757.0], rtol=1.5e-2)
    # 47 and 63 % of 1,250 kVA; UPS loss 16.3 kW and transformer loss 3.8 kW each, with pumps and fans on the UPS.
    np.testing.assert_allclose(device(state, "T.B", "device_loading")[[0, 2]], [0.47, 0.63], atol=0.015)
    assert state.ups_loss[0] / 4 == pytest.approx(16.3e3, rel=0.05)


@pytest.mark.parametrize(("support", "stands"), [(0.0, 125e3), (SUPPORT, 106.5e3)])
def test_two_rpps_of_a_row_out_hold_every_rack_of_the_row_at_the_hand_value(pod, support, stands):
    state = twin.solve(pod, twin.Operation(out=["rpp.A1", "rpp.B1"], support_load=support, **COOL))
    power = state.power.values[0]
    np.testing.assert_allclose(power[:8], stands, rtol=5e-3)
    np.testing.assert_allclose(power[8:], NAMEPLATE, rtol=1e-6)
    kinds = state.binding.attrs["flag_meanings"].split()
    assert {kinds[code] for code in state.binding.values[0, :8]} == {"panel"}
    np.testing.assert_allclose(device(state, "rpp.C1", "device_loading"), 1.0, rtol=1e-6)
    tokens = twin.solve(pod, twin.Operation(support_load=support, **COOL)).tokens.values[0]
    if support == 0.0:
        assert state.tokens.values[0, 0] / tokens[0] == pytest.approx(0.975, abs=0.003)
