"""Racks without coolant and racks without GPUs."""

import json
from importlib.resources import files

import numpy as np
import pytest

import twin
from electrical import converter
from thermal import air
from twin.catalogue import product
from twin.errors import InputError


@pytest.fixture(scope="module")
def hall():
    return twin.load("h100-air")


def test_an_air_cooled_rack_has_no_coolant_and_gives_all_its_heat_to_the_air(hall, whip_heat):
    state = twin.solve(hall)
    for name in ("coolant_flow", "return_temperature", "case_temperature", "worst_case_temperature"):
        assert np.isnan(state[name].values).all()
    np.testing.assert_array_equal(state.liquid_heat.values, 0.0)
    np.testing.assert_allclose(state.air_heat.values, state.power.values, rtol=1e-12)
    duty = state.rack_power.item() + state.support_power.item() + state.fan_wall_power.item()
    duty += whip_heat(state.power.values[0], feeds=2)
    assert state.fan_wall_duty.item() == pytest.approx(duty, rel=1e-9)
    for name in ("cdu_power", "pump_power", "dry_cooler_power", "trim_chiller_power"):
        assert state[name].values.sum() == 0.0
    assert abs(state.ledger_heat.item()) < 1e-9


def test_rules_on_coolant_judge_nothing_in_a_hall_without_coolant(hall):
    verdict = twin.check(hall, twin.solve(hall))
    for code in ("L1-inlet", "L2-return", "L3-case", "L4-flow", "L6-cdu", "L7-plate", "P1-supply", "P2-pump"):
        assert np.isnan(verdict[code].values).all(), code


def test_the_parts_of_an_air_cooled_rack_throttle_above_their_inlet_limit(hall):
    """Heat to the air is at most what the catalogue flow carries from the inlet to the exhaust at TDP and 30 degC."""
    state = twin.solve(hall, twin.Operation(air_temperature=np.array([[306.15]]), rack_power=40.7e3))
    made = product("hgx-h100")
    flow = float(made["requiredAirFlowRate"][0, 1])
    inlet = state.air_inlet_temperature.values[0, 0]
    drawn = state.power.values[0, 0]
    assert set(state.binding_kind.values[state.binding.values[0]]) == {"inlet_air"}
    rise = drawn / (flow * air.density(inlet, air.pressure(0.0)) * air.HEAT_CAPACITY)
    assert inlet + rise == pytest.approx(hall.racks.exhaust_limit[0], abs=1e-6)
    assert drawn < 40e3


def test_all_fan_walls_out_leave_the_hall_dark(hall):
    state = twin.solve(hall, twin.Operation(out=[[f"fanwall.{number}" for number in (1, 2, 3, 4)]]))
    assert state.rack_power.item() == 0.0
    assert state.support_power.item() == 0.0


def test_hopper_is_refused_a_precision_it_does_not_have():
    with pytest.raises(InputError, match=r"'hgx-h100' does not compute in nvfp4; it can fp8 or bf16"):
        twin.load("h100-air", {"workload.precision": "nvfp4"})


def test_a_liquid_cooled_rack_needs_a_loop():
    with pytest.raises(InputError, match=r"'gb300-nvl72' is cooled by liquid; the unit needs a 'loop'"):
        twin.load("h100-air", {"rows.rack_type": "gb300-nvl72"})


def mixed(**sets):
    """A unit with a row of storage racks beside a row of GB300."""
    return twin.load(
        "gb300-su", {"rows[row2].rack_type": "storage-rack", "rows.support_load": "0 kW", **sets}
    )


def test_racks_without_gpus_draw_their_power_and_give_no_tokens():
    pod = mixed()
    state = twin.solve(pod)
    made = product("storage-rack")
    assert state.tokens.values[0, 8:].sum() == 0.0
    assert (state.tokens.values[0, :8] > 0).all()
    direct = made["maxPowerDcTdp"]
    drawn = state.power.values[0, 8:]
    assert (drawn > direct).all()
    assert (drawn < direct / 0.9).all()
    assert np.ptp(drawn) < 1e-3
    assert state.utilisation.item() == pytest.approx(1.0)
    assert state.ttft_p99.item() == pytest.approx(twin.solve(twin.load()).ttft_p99.item())
    assert np.nanmin(twin.check(pod, state)["S3-serving"].values) > 0
    assert np.isnan(twin.check(pod, state)["S3-serving"].values[0, 8:]).all()
    assert abs(state.ledger_heat.item()) < 1e-9


def test_a_load_bank_is_for_racks_with_gpus():
    pod = mixed()
    natural, banked = twin.solve(pod), twin.solve(pod, twin.Operation(rack_power=142e3))
    np.testing.assert_allclose(banked.power.values[0, 8:], natural.power.values[0, 8:], rtol=1e-9)
    np.testing.assert_allclose(banked.power.values[0, :8], banked.power.values[0, 0], rtol=1e-9)
    assert banked.power.values[0, 0] > natural.power.values[0, 0]


@pytest.mark.parametrize(("rack", "host"), [("hgx-h100", 10.64e3), ("hgx-b200", 8.8e3)])
def test_gpus_of_a_load_bank_draw_no_more_than_their_limit(rack, host):
    """By the rest of the rack when it draws little, fans and all beyond what the GPUs can at its nameplate."""
    made = product(rack)
    hall = twin.load("h100-air", {"rows.rack_type": rack})
    nameplate = made["maxPowerAcEdpp1"]
    state = twin.solve(hall, twin.Operation(rack_power=np.array([0.5, 1.0]) * nameplate), keep="all")
    rating = made["numShelves"] * made["shelfRating"]
    direct = converter.output_power(
        0.5 * nameplate, rating, converter.loss_coefficients(*made["shelfEfficiency"].T)
    )
    drawn = made["numGPUs"] * state.gpu_power.values[:, 0]
    assert drawn == pytest.approx([direct - host, made["numGPUs"] * made["gpuPower"]], rel=1e-6)
    np.testing.assert_allclose(state.power.values[:, 0], [0.5 * nameplate, nameplate], rtol=1e-9)


@pytest.mark.parametrize("policy", ["max-throughput", "proportional", "equal", "priority"])
def test_a_capped_utility_takes_from_the_gpus_alone(policy):
    pod = mixed(**{"power.policy": policy})
    free = twin.solve(pod)
    capped = twin.solve(pod, twin.Operation(utility_cap=0.9 * free.utility_power.item()))
    assert capped.converged.all()
    np.testing.assert_allclose(capped.power.values[0, 8:], free.power.values[0, 8:], rtol=1e-4)
    assert (capped.power.values[0, :8] < 0.97 * free.power.values[0, :8]).all()


def test_its_page_says_what_has_no_value(hall, tmp_path):
    from twin.report.page import page
    from twin.summary import record, summary

    state = twin.solve(hall)
    found = summary(hall, state, twin.findings(hall, state))
    text = page(hall, state, found)
    assert "no coolant" in text
    assert "Technology loop" not in text
    assert ">Air<" in text
    json.dumps(record(found, {}), allow_nan=False)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("loop", "'gb300-nvl72' is cooled by liquid; the unit needs a 'loop'"),
        ("plant", "needs a 'plant' that cools it"),
    ],
)
def test_a_part_that_is_written_and_left_empty_is_a_part_that_is_not_there(tmp_path, key, message):
    text = (files("twin") / "layouts" / "gb300-su.yaml").read_text("utf-8")
    start = text.index(f"\n{key}:") + 1
    file = tmp_path / "empty.yaml"
    file.write_text(text[:start] + f"{key}:\n\n" + text[text.index("\n\n", start) + 2 :], "utf-8")
    with pytest.raises(InputError) as caught:
        twin.load(str(file))
    assert {problem.message for problem in caught.value.problems} == {message}
    assert all(problem.line for problem in caught.value.problems)


def test_links_of_an_air_cooled_rack_reach_one_node(hall):
    assert hall.racks.types[0].gpu.domain == 8
    assert hall.racks.gpus[0] == 32
