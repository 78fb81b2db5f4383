"""Contingencies of whole facilities: against the full solve, against what is alive, and planted faults."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from electrical import redundancy
from twin import cli
from twin.facility import DEVICE_KINDS
from twin.operation import resolve
from twin.plant.supply import supplied
from twin.study.contingency import contingencies, independence, summary

TWICE = {
    "rows[row1].feeds": "[rpp.A1, rpp.B1]",
    "rows[row2].feeds": "[rpp.A2, rpp.B2]",
    "power.redundancy": "2N",
}


@pytest.fixture(scope="module")
def pod():
    return twin.load("gb300-su", {"power.policy": "none"})


def names(found, state):
    return [found.device.values[one] for one in found.out.values[state] if one >= 0]


def test_states_are_counted_and_all_different():
    hall = twin.load("gb300-hall")
    state = twin.solve(hall)
    found = contingencies(hall, state=state)
    # 12 UPS, 12 transformers, 48 panels, two of the mechanical board, and the utility.
    assert found.sizes["state"] == 75 + 75 * 74 // 2
    every = contingencies(hall, whips=True, state=state)
    count = 75 + 96 * 8
    assert every.sizes["state"] == count + count * (count - 1) // 2
    # The states of the block devices are among them, and a whip loads no block device more.
    place = {tuple(sorted(names(every, one))): one for one in range(count)}
    for one in range(75):
        same = place[tuple(names(found, one))]
        assert every.worst_loading[same].item() == pytest.approx(found.worst_loading[one].item(), rel=1e-9)
        assert every.lost_racks[same].item() == found.lost_racks[one].item()


@pytest.mark.parametrize("peak", [1.0, 1.2])
def test_every_device_after_every_single_outage_within_one_per_cent_of_the_full_solve(pod, peak):
    # Losses grow with the square of the load, the ratios of the calm state do not: 0.8 % at the utility.
    operation = twin.Operation(rack_power=142e3, edp_factor=peak)
    found = contingencies(pod, operation, order=1)
    full = twin.solve(
        pod,
        twin.Operation(
            rack_power=142e3, edp_factor=peak, out=[names(found, one) for one in range(found.sizes["state"])]
        ),
    )
    loading = full.device_loading.sel(device=found.device.values).values
    assert full.converged.all()
    np.testing.assert_allclose(found.worst_loading, loading.max(axis=1), rtol=0.01)
    ours = loading[np.arange(len(loading)), found.worst_device.values]
    live = found.worst_device.values >= 0
    np.testing.assert_allclose(found.worst_loading[live], ours[live], rtol=0.01)
    np.testing.assert_allclose(found.failover_loading, loading.max(axis=0), rtol=0.01)


def test_after_two_outages_the_worst_loading_is_low_by_three_per_cent_at_most(pod):
    found = contingencies(pod, twin.Operation(rack_power=142e3))
    some = [one for one in range(19, found.sizes["state"]) if found.uncooled_racks[one].item() == 0][::3]
    full = twin.solve(pod, twin.Operation(rack_power=142e3, out=[names(found, one) for one in some]))
    worst = full.device_loading.sel(device=found.device.values).values.max(axis=1)
    ratio = found.worst_loading.values[some] / worst
    assert full.converged.all()
    assert ratio.min() > 0.97
    assert ratio.max() < 1.001


def test_racks_lost_are_those_that_supply_says(pod):
    found = contingencies(pod)
    random = np.random.default_rng(5)
    some = random.choice(found.sizes["state"], 80, replace=False)
    operation = resolve(
        twin.Operation(out=[names(found, one) for one in some]), pod.operation, pod.devices.name, pod.elements
    )
    supply = supplied(pod, operation)
    racks = len(pod.racks.name)
    np.testing.assert_array_equal(found.lost_racks[some], (~supply.powered[:, :racks]).sum(axis=1))
    dead = np.array([np.isin(np.arange(len(pod.devices.name)), row) for row in operation.out])
    node = redundancy.alive(pod.chain.parent, dead[:, pod.chain.node_device])
    np.testing.assert_array_equal(node, supply.node)
    units = [supply.units[kind][:, 0] == 0 for kind in ("cdu", "pump", "dry_cooler", "fan_wall", "chiller")]
    np.testing.assert_array_equal(found.uncooled_racks[some], 16 * np.any(units, axis=0))


def test_all_whips_of_a_feed_are_the_whip_device_where_there_is_one():
    one = twin.load("gb300-su", {"rows.whip.per_feed": "1"})
    operation = twin.Operation(rack_power=60e3)
    found = contingencies(one, operation, whips=True)
    assert found.sizes["state"] == 83 + 83 * 82 // 2
    random = np.random.default_rng(6)
    some = random.choice(found.sizes["state"], 60, replace=False)
    free = twin.load("gb300-su", {"rows.whip.per_feed": "1", "power.policy": "none"})
    full = twin.solve(free, twin.Operation(rack_power=60e3, out=[names(found, item) for item in some]))
    good = (full.converged.values == 1) & (found.uncooled_racks.values[some] == 0)
    loading = full.device_loading.sel(device=found.device.values).values.max(axis=1)
    np.testing.assert_allclose(found.worst_loading.values[some][good], loading[good], rtol=0.02)
    assert good.sum() > 50


def test_one_whip_of_two_leaves_seven_of_eight(pod):
    found = contingencies(pod, twin.Operation(rack_power=100e3), order=1, whips=True)
    place = found.device.values.tolist().index("whip.row1.03.rpp.B1.2")
    state = int(np.flatnonzero(found.out.values[:, 0] == place)[0])
    assert found.lost_racks[state].item() == 0
    whip = found.device.values.tolist().index("whip.row1.03.rpp.B1.1")
    calm = twin.solve(pod, twin.Operation(rack_power=100e3))
    before = calm.device_loading.sel(device="whip.row1.03.rpp.B1").item()
    # A UPS that is out takes two whips of eight: the worst single outage of a whip.
    assert found.failover_loading[whip].item() == pytest.approx(before * 8 / 6, rel=1e-9)


def test_two_feeds_of_a_row_behind_one_ups_are_found():
    planted = twin.load("gb300-su", {**TWICE, "power.devices[rpp.B1].feed": "ups.A"})
    (common,) = independence(planted)
    assert common.devices == ("ups.A", "T.A")
    assert (common.racks[0], len(common.racks), common.behind, common.feeds) == ("row1.01", 8, 2, 2)
    found = summary(planted, contingencies(planted, twin.Operation(rack_power=50e3)))
    assert found.single_points == {"utility": 16, "T.A": 8, "ups.A": 8}
    sound = twin.load("gb300-su", TWICE)
    assert independence(sound) == []
    calm = contingencies(sound, twin.Operation(rack_power=50e3))
    assert summary(sound, calm).single_points == {"utility": 16}
    # Each rack stands on its other feed once one side is out.
    side = [state for state in range(calm.sizes["state"]) if names(calm, state) == ["T.A"]]
    assert calm.racks_at_risk[side].item() == 16


def test_an_idle_catcher_has_the_capacity_it_shows_when_it_shares():
    feeds = {"rows[row1].feeds": "[rpp.A1, rpp.B1]", "rows[row2].feeds": "[rpp.C2, rpp.B2]"}
    sets = {**feeds, "power.redundancy": "N+1", "rows.whip.per_feed": "4", "power.policy": "none"}
    site = twin.load("gb300-su", sets)
    asked = {"rack_power": 50e3, "support_load": 20e3}
    found = contingencies(site, twin.Operation(**asked))
    outs = [names(found, one) for one in range(found.sizes["state"])]
    full = twin.solve(site, twin.Operation(**asked, out=outs))
    loading = full.device_loading.sel(device=found.device.values).values
    single = np.array([len(out) == 1 for out in outs])
    np.testing.assert_allclose(found.worst_loading[single], loading[single].max(axis=1), rtol=0.01)
    # What was nearly idle carries a row after one outage: its losses are those of carrying.
    for device in ("rpp.B1", "rpp.B2", "ups.B", "T.B", "whip.row1.01.rpp.B1"):
        place = found.device.values.tolist().index(device)
        worst = loading[single, place].max()
        assert found.failover_loading[place].item() == pytest.approx(worst, rel=0.02), device
        calm = twin.solve(site, twin.Operation(**asked)).device_loading.sel(device=device).item()
        assert worst > 3 * calm
    (both,) = [one for one, out in enumerate(outs) if out == ["ups.A", "ups.C"]]
    assert found.device.values[found.worst_device.values[both]] == "ups.B"
    assert found.worst_loading[both].item() == pytest.approx(loading[both].max(), rel=0.02)


def test_what_is_out_stays_out(pod):
    found = contingencies(pod, twin.Operation(rack_power=100e3, out=["ups.B"]), order=1)
    assert "ups.B" not in {name for one in range(found.sizes["state"]) for name in names(found, one)}
    full = twin.solve(pod, twin.Operation(rack_power=100e3, out=[["ups.B", "T.A"]]))
    (state,) = [one for one in range(found.sizes["state"]) if names(found, one) == ["T.A"]]
    expected = np.nanmax(full.device_loading.sel(device=found.device.values).values)
    # Two of four feeds are left, so losses weigh more than in the state they are scaled from.
    assert found.worst_loading[state].item() == pytest.approx(expected, rel=0.02)


def test_several_scenarios_and_no_solution_are_refused(pod):
    with pytest.raises(ValueError, match="one scenario"):
        contingencies(pod, twin.Operation(dry_bulb=[290.0, 300.0]))
    with pytest.raises(ValueError, match="no solution without an outage: floors_exceed_limit"):
        contingencies(twin.load(), twin.Operation(utility_cap=0.3e6))
    with pytest.raises(ValueError, match="order 3"):
        contingencies(pod, order=3)


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["contingency", *map(str, arguments)])


def test_the_command_prints_a_table_or_an_object_and_writes_every_state(tmp_path):
    file = tmp_path / "states.csv"
    result = invoke("--out", file)
    assert result.exit_code == 0, result.output
    for word in ("190 states", "N-1", "N-2", "Single points of failure: utility (16 racks)", str(file)):
        assert word in result.output
    with file.open(newline="") as lines:
        listed = list(csv.DictReader(lines))
    assert len(listed) == 190
    assert (listed[0]["out_1"], listed[0]["out_2"], listed[0]["lost_racks"]) == ("utility", "", "16")
    sets = "--set", "power.devices[rpp.B1].feed=ups.A", "--set", "workload.edp_factor=1.05"
    result = invoke("--json", "--order", 1, *sets)
    found = json.loads(result.stdout)
    assert found["facility"] == {"name": "gb300-su", "racks": 16}
    assert [one["order"] for one in found["outages"]] == [1]
    assert found["single_points"] == {"utility": 16}
    assert found["common"][0]["devices"] == ["ups.A", "T.A"]
    assert found["failover"][0][1] > 1.0


def test_the_command_refuses_in_one_line_for_each_problem(tmp_path):
    result = invoke("--out", tmp_path / "no" / "x.csv", "--set", "nonsense")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    result = invoke("site-250mw", "--whips")
    site = twin.load("site-250mw")
    whips = int(site.chain.device_whips[site.devices.kind == DEVICE_KINDS.index("whip")].sum())
    count = (
        whips
        + int((site.chain.device_node >= 0).sum())
        - (site.devices.kind == DEVICE_KINDS.index("whip")).sum()
    )
    states = count * (count + 1) // 2
    assert (result.exit_code, result.stderr.count(f"--whips: {states:,} states")) == (2, 1)
    result = invoke("--set", "utility.cap=0.3 MW")
    assert (result.exit_code, result.stderr) == (3, "twin: no solution without an outage\n")
