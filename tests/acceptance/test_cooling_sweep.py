"""Dry-bulb and utility sweeps of the reference pod against the hand calculation."""

import numpy as np
import pytest

import twin

ZERO = 273.15
FULL = {"rack_power": 142e3, "support_load": 0.0}


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def first(values, mode, modes):
    return values[np.argmax(mode >= modes)]


@pytest.mark.parametrize(
    ("out", "trim", "throttled"),
    [([], 40.4, 43.9), (["drycooler.1"], 36.8, 41.2)],
    ids=["two coolers", "one cooler"],
)
def test_cooling_modes_follow_each_other_at_the_hand_temperatures(pod, out, trim, throttled):
    outdoor = np.arange(20.0, 50.01, 0.25)
    state = twin.solve(pod, twin.Operation(dry_bulb=outdoor + ZERO, out=out, **FULL))
    assert state.converged.all()
    mode = state.cooling_mode.values[:, 0]
    assert (np.diff(mode) >= 0).all()
    assert set(mode) == {0, 1, 2}
    assert first(outdoor, mode, 1) == pytest.approx(trim, abs=0.7)
    assert first(outdoor, mode, 2) == pytest.approx(throttled, abs=0.7)
    tokens = state.tokens_per_second.values
    assert (np.diff(tokens) <= 1e-6 * tokens[:-1]).all()
    assert held(state, -1) == {"coolant_temperature"}
    for name, bound in (("ledger_power", 1e-9), ("ledger_rack", 1e-6), ("ledger_heat", 1e-6)):
        assert np.abs(state[name].values).max() < bound


def test_hot_day_lands_near_the_hand_point(pod):
    """50 degC: supply 50.3 degC and tokens x 0.96 by hand, with a plate flow held at 160 L/min."""
    state = twin.solve(pod, twin.Operation(dry_bulb=np.array([35.0, 50.0]) + ZERO, **FULL))
    assert state.supply_temperature.values[1, 0] - ZERO == pytest.approx(50.3, abs=0.7)
    tokens = state.tokens_per_second.values
    assert tokens[1] / tokens[0] == pytest.approx(0.96, abs=0.015)


def test_pue_at_20_and_35_degrees(pod):
    state = twin.solve(pod, twin.Operation(dry_bulb=np.array([20.0, 35.0]) + ZERO, **FULL))
    np.testing.assert_allclose(state.pue, [1.09, 1.115], atol=0.02)
    loaded = twin.solve(pod, twin.Operation(dry_bulb=np.array([20.0, 35.0]) + ZERO, rack_power=142e3))
    np.testing.assert_allclose(loaded.pue, [1.11, 1.14], atol=0.02)


@pytest.mark.parametrize("support", [0.0, 148e3])
def test_utility_cap_costs_tokens_smoothly_and_concavely(pod, support):
    """Racks at TDP, the state for which the bounds were set."""
    free = twin.solve(pod, twin.Operation(rack_power=142e3, support_load=support))
    cap = np.arange(1.0, 0.599, -0.01) * free.utility_power.values[0]
    state = twin.solve(pod, twin.Operation(utility_cap=cap, rack_power=142e3, support_load=support))
    assert state.converged.all()
    assert (state.utility_power.values <= cap * (1 + 1e-9)).all()
    tokens = state.tokens_per_second.values / free.tokens_per_second.values
    fall = -np.diff(tokens)
    assert (fall >= -1e-12).all()
    assert fall.max() < 0.03
    # Concave in the cap: the marginal loss never shrinks as the cap falls.
    assert (np.diff(fall) >= -1e-4).all()
    assert held(state, -1) == {"utility"}


def held(state, scenario):
    kinds = state.binding.attrs["flag_meanings"].split()
    return {kinds[code] for code in state.binding.values[scenario]}


def test_utility_cap_on_the_served_workload_is_concave_until_the_floors_are_reached(pod):
    """The workload draws 73 % of TGP, so fixed and static power weigh more: the floors end the sweep at 60 %.

    Of GPUs that leak as much as at their case limit it would be 62 %."""
    free = twin.solve(pod, twin.Operation())
    share = np.arange(1.0, 0.549, -0.01)
    state = twin.solve(pod, twin.Operation(utility_cap=share * free.utility_power.values[0]))
    good = state.converged.values == 1
    assert (np.diff(good.astype(int)) <= 0).all()
    assert 0.58 < share[good].min() < 0.62
    fall = -np.diff(state.tokens_per_second.values[good] / free.tokens_per_second.values)
    assert (fall >= -1e-12).all()
    assert (np.diff(fall) >= -1e-4).all()


def test_a_cap_below_the_floors_is_flagged_and_not_extrapolated(pod):
    free = twin.solve(pod, twin.Operation()).utility_power.values[0]
    state = twin.solve(pod, twin.Operation(utility_cap=np.array([1.0, 0.4]) * free))
    assert state.converged.values.tolist() == [1, 0]
    assert state.reason.attrs["flag_meanings"].split()[state.reason.values[1]] == "floors_exceed_limit"
    assert np.isnan(state.tokens_per_second.values[1])


@pytest.mark.parametrize("kind", ["rpp", "ups", "cdu"])
def test_one_device_out_shifts_its_load_to_its_peers(pod, kind):
    names = [name for name in pod.devices.name if name.startswith(f"{kind}.")]
    state = twin.solve(pod, twin.Operation(out=[[], *([name] for name in names)]))
    assert state.converged.all()
    power = state.device_power.sel(device=names).values
    for index, name in enumerate(names, 1):
        peers = [
            k for k, other in enumerate(names) if other != name and (kind != "rpp" or other[-1] == name[-1])
        ]
        lost = power[0, index - 1]
        moved = power[index, peers] - power[0, peers]
        np.testing.assert_allclose(moved.sum(), lost, rtol=1e-2)
        assert power[index, index - 1] == 0.0


def test_feed_shares_sum_to_one(pod):
    from twin.operation import resolve
    from twin.plant.supply import supplied

    outs = [[], ["rpp.A1"], ["rpp.A1", "rpp.C1"], ["ups.B"], ["T.D"]]
    operation = resolve(twin.Operation(out=outs), pod.operation, pod.devices.name, pod.elements)
    supply = supplied(pod, operation)
    total = np.zeros((len(outs), len(pod.chain.load_name)))
    np.add.at(total, (slice(None), pod.chain.feed_load), supply.share)
    # Kinds of equipment that the layout has none of have a load that nothing feeds.
    drawn = np.isin(np.arange(len(pod.chain.load_name)), pod.chain.feed_load)
    assert drawn.sum() == len(pod.chain.load_name) - 2
    np.testing.assert_allclose(total, np.broadcast_to(drawn, total.shape), atol=1e-12)


def test_delivered_flow_meets_demand_at_45_degrees_with_four_and_three_cdus_and_not_with_one(pod):
    outs = [[], ["cdu.1"], ["cdu.1", "cdu.2", "cdu.3"]]
    state = twin.solve(pod, twin.Operation(out=outs, **FULL))
    np.testing.assert_allclose(state.flow_share.values[:2, 0], 1.0, atol=0)
    assert state.flow_share.values[2, 0] < 0.9
    assert state.converged.all()


def test_liquid_table_of_the_hand_calculation(pod):
    """Unit flow and return temperature at 116 kW a rack, from the loop's own energy balance."""
    supply = np.array([25.0, 30.0, 35.0, 40.0, 45.0])
    state = twin.solve(
        pod,
        twin.Operation(
            supply_temperature=supply + ZERO, dry_bulb=15 + ZERO, support_load=0.0, rack_power=139.49e3
        ),
    )
    flow = state.loop_flow.values[:, 0] * 60e3
    np.testing.assert_allclose(flow, [1042, 1224, 1482, 1880, 2560], rtol=1e-3)
    back = state.return_temperature.values[:, 0] - ZERO
    np.testing.assert_allclose(back, [51.55, 52.60, 53.68, 54.73, 55.83], atol=0.2)
    case = state.case_temperature.values[:, 0] - ZERO
    np.testing.assert_allclose(case, [64.8, 67.2, 69.8, 72.0, 74.7], atol=0.2)
    assert 2.5 <= state.approach.values[4, 0] <= 2.9
    # 13 to 15 kW by hand.
    assert state.cdu_power.values[4, 0] == pytest.approx(14e3, rel=0.1)
    assert state.loop_head.values[4, 0] == pytest.approx(135e3, rel=0.05)
    assert state.main_velocity.values[4, 0] == pytest.approx(2.1, abs=0.05)
