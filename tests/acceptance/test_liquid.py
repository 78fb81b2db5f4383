"""The reference pod's liquid: figures of its hand calculation, along the headers and in time."""

import numpy as np
import pytest

import twin
from thermal import hydraulics
from thermal.branch import FixedFlow, Pipe, Pump, Resistance
from thermal.network import network
from twin.event import events
from twin.simulate import simulate
from twin.study.headers import headers

NAMEPLATE = twin.Operation(rack_power=142e3, support_load=0.0)
LITRES = 60e3


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def test_one_cdu_of_four_out_by_hand(pod):
    """640 to 853 L/min each and nothing lost; the head that is held stays, for all racks ask as before."""
    out = twin.Operation(rack_power=142e3, support_load=0.0, out=[["cdu.1"]])
    whole, left = twin.solve(pod, NAMEPLATE), twin.solve(pod, out)
    assert whole.loop_flow.item() * LITRES == pytest.approx(2560, rel=0.01)
    assert whole.loop_flow.item() * LITRES / 4 == pytest.approx(640, rel=0.01)
    assert left.loop_flow.item() * LITRES / 3 == pytest.approx(853, rel=0.01)
    assert left.loop_head.item() == pytest.approx(whole.loop_head.item(), rel=1e-9)
    assert whole.loop_head.item() == pytest.approx(135e3, rel=0.03)
    np.testing.assert_allclose(left.tokens.values, whole.tokens.values, rtol=1e-9)


def test_at_its_limit_the_pump_curve_rules(pod):
    """Two of four give 1,212 L/min each, less than the 1,280 asked for: every rack gets its share of that."""
    state = twin.solve(pod, twin.Operation(rack_power=142e3, support_load=0.0, out=[["cdu.1", "cdu.2"]]))
    assert state.flow_share.item() == pytest.approx(2 * 1212 / 2560, rel=0.02)
    assert state.loop_flow.item() * LITRES == pytest.approx(2 * 1212, rel=0.01)


def test_direct_and_reverse_return_side_by_side(pod):
    found = headers(pod, NAMEPLATE)
    spread = {way: found.spread.sel(arrangement=way).item() for way in ("direct", "reverse")}
    assert spread["reverse"] < 0.5 * spread["direct"] < 0.02
    main = found.main_velocity.values[:, 0]
    # The hand calculation has 2.1 m/s at the nameplate's 2,560 L/min in the DN150 main and 1.6 in the DN125 rows.
    np.testing.assert_allclose(main, 2.1, rtol=0.1)
    assert found.header_velocity.max().item() == pytest.approx(1.6, rel=0.1)
    assert found.lowest_pressure.min().item() > 100e3


def test_loss_of_facility_water_by_hand(pod):
    """Margin of the cases over the rise of the loop, its heat over what lines, CDUs, racks and plates hold; by hand
    0.24 K/s at 1.9 m3. Half a minute more, for the facility pumps run down and the fronts of the loop come in steps.
    """
    cooling, racks = pod.cooling, pod.racks
    volume = float(
        cooling.pipe["main_volume"][0] + cooling.row_pipe["volume"].sum() + 16 * cooling.pipe["branch_volume"][0]
        + 4 * cooling.cdu_volume[0] + racks.coolant_volume.sum()
    )  # fmt: skip
    assert volume == pytest.approx(1.9, rel=0.35)
    state = twin.solve(pod)
    slope = float(state.liquid_heat.sum()) / (volume * 1007.0 * 3980.0 + 16 * 72 * 460.0)
    margin = 74.7 + 273.15 - float(state.case_temperature.max())
    course = simulate(pod, None, events(pod, ["loss_of_facility_water at=0s"]), 90.0, 0.5)
    seconds = course.seconds_to_throttle.values
    assert (seconds > margin / slope).all()
    assert (seconds < margin / slope + 30.0).all()
    assert np.abs(course.ledger_coolant.values).max() < 1e-9


def test_without_flow_a_gpu_warms_by_three_kelvins_a_second(pod):
    every = ",".join(name for name in pod.devices.name if name.startswith("cdu."))
    course = simulate(pod, NAMEPLATE, events(pod, [f"cdu_loss cdu={every} at=0s"]), 2.0, 0.1)
    case = course.case_temperature.values[0, :, 0]
    # At 142 kW the plates begin at the limit that is calibrated there: chips throttle at once, to their floor.
    rise = np.diff(case)[:3] / 0.1
    assert (rise > 0.0).all()
    warm = simulate(
        pod, twin.Operation(rack_power=130e3), events(pod, [f"cdu_loss cdu={every} at=0s"]), 2.0, 0.1
    )
    first = np.diff(warm.case_temperature.values[0, :, 0])[0] / 0.1
    assert first == pytest.approx(3.0, rel=0.2)


def test_bad_physics_is_named_before_it_is_solved(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"branch 0: .*must not rise"):
        network(
            [Pump([0], [1], (2e5, 1e6, 1e9)), Resistance([1], [0], 1e5, 20.0)],
            fixed=[0],
        )
    still = network([Pipe([0, 1], [1, 0], 0.1, 50.0)], fixed=[0])
    assert [one.fault.name for one in hydraulics.findings(still, 1000.0, 1e-3)] == ["NO_SOURCE"]
    shut = network([Pump([0], [1], (2e5, 0.0, -2e8)), Resistance([1], [0], 1e5, 20.0)], fixed=[0])
    found = hydraulics.findings(shut, 1000.0, 1e-3, running=[0.0, 0.0])
    assert found[0].fault.name == "ALL_CLOSED"
    # A product whose pump gains head with flow is refused where the layout names it.
    folder = tmp_path / "cdu"
    folder.mkdir()
    text = (
        "kind: cdu\nname: rising\nbase: vertiv-xdu1350\ndescription: a pump that cannot be\nfigures:\n"
        "  pumpFlowCurve: {value: [[0 L/min, 200 kPa], [600 L/min, 260 kPa], [1200 L/min, 300 kPa]], "
        'source: "made up for a test", status: assumed}\n'
    )
    (folder / "rising.yaml").write_text(text)
    monkeypatch.setenv("TWIN_CATALOGUE", str(tmp_path))
    with pytest.raises(twin.InputError, match="head of 'rising' rises"):
        twin.load(None, {"loop.cdus.product": "rising"})


def test_a_network_without_a_solution_is_flagged_alone():
    net = network([Pump([0], [1], (2e5, 0.0, -2e8)), FixedFlow([1], [0], 5.0)], fixed=[0])
    alone = hydraulics.solve(net, 1000.0, 1e-3, [1e5])
    batch = hydraulics.solve(net, 1000.0, 1e-3, [[1e5]] * 3, running=[[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    assert batch.converged.tolist() == [True, False, True]
    assert hydraulics.Reason(int(batch.reason[1])).name == "SEPARATED"
    assert np.isnan(batch.mass_flow[1]).all()
    np.testing.assert_array_equal(batch.mass_flow[0], alone.mass_flow)
