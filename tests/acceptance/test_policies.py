"""The policies through the whole solve: equal watts, priority with shedding, and what they give up in tokens."""

import numpy as np
import pytest

import twin
from twin.compute import law as laws
from twin.demand import demand
from twin.operation import resolve
from twin.plant.supply import supplied

ROW1, ROW2 = slice(0, 8), slice(8, 16)
CAPPED = {"utility_cap": 1.9e6, "rack_power": 142e3}


def solved(policy, operation=None, **sets):
    pod = twin.load("gb300-su", {"power.policy": policy, **sets})
    return twin.solve(pod, operation or twin.Operation(**CAPPED))


@pytest.fixture(scope="module")
def floor():
    """Least AC power of a running rack at 142 kW of demand [W]."""
    pod = twin.load()
    operation = resolve(twin.Operation(**CAPPED), pod.operation, pod.devices.name, pod.elements)
    law, _ = demand(pod, operation, supplied(pod, operation))
    return float(laws.floor(law)[0, 0])


def uneven():
    """Racks that ask for different powers, under a utility that cannot give them all."""
    return twin.Operation(rack_power=np.linspace(80e3, 139e3, 16)[None], utility_cap=1.9e6)


def test_equal_gives_every_rack_the_same_watts_or_all_it_asks_for():
    state = solved("equal", uneven())
    power, demand = state.power.values[0], state.demand.values[0]
    level = power.max()
    np.testing.assert_allclose(power, np.minimum(demand, level), rtol=1e-9)
    assert (power < demand * 0.999).any()
    assert state.utility_power.item() == pytest.approx(1.9e6, rel=1e-8)


@pytest.mark.parametrize("policy", ["proportional", "equal", "priority"])
def test_every_policy_fills_the_utility_and_none_beats_the_greatest_throughput(policy):
    best, other = solved("max-throughput", uneven()), solved(policy, uneven())
    assert other.converged.all()
    assert other.utility_power.item() == pytest.approx(1.9e6, rel=1e-8)
    assert other.tokens_per_second.item() <= best.tokens_per_second.item() * (1 + 1e-9)
    assert other.tokens_per_second.item() > 0.9 * best.tokens_per_second.item()


def test_the_first_row_is_served_before_the_second(floor):
    state = solved("priority", **{"rows[row2].priority": "2"})
    first, second = state.power.values[0, ROW1], state.power.values[0, ROW2]
    assert np.ptp(first) < 1e-3
    assert np.ptp(second) < 1e-3
    assert second[0] == pytest.approx(floor, rel=1e-9)
    assert first[0] > 1.3 * second[0]


@pytest.mark.parametrize("cap", [1.4e6, 1.0e6, 0.8e6])
def test_where_the_floors_do_not_fit_the_least_important_racks_go_dark(cap, floor):
    state = solved(
        "priority", twin.Operation(rack_power=142e3, utility_cap=cap), **{"rows[row2].priority": "2"}
    )
    assert state.converged.all()
    power = state.power.values[0]
    on = power > 0
    count = int(on.sum())
    assert 0 < count < 16
    np.testing.assert_array_equal(on, np.arange(16) < count)
    assert state.utility_power.item() <= cap * (1 + 1e-9)
    # One more rack would not have fitted: its floor is more than what is left above the others' floors.
    assert (power[on] - floor).sum() < floor
    names = state.binding_kind.values[state.binding.values[0]]
    assert set(names[~on]) == {"utility"}


def test_priority_of_one_row_over_the_other_decides_who_goes():
    state = solved(
        "priority", twin.Operation(rack_power=142e3, utility_cap=1.0e6), **{"rows[row1].priority": "2"}
    )
    power = state.power.values[0]
    assert (power[ROW1] == 0).all()
    assert (power[ROW2] > 0).sum() == 7


def test_other_policies_flag_what_priority_sheds():
    state = solved("max-throughput", twin.Operation(rack_power=142e3, utility_cap=1.0e6))
    assert not state.converged.any()
    assert state.reason.attrs["flag_meanings"].split()[state.reason.item()] == "floors_exceed_limit"
    # Every rack loads the limit that the floors exceed, and it is named.
    assert set(state.binding_kind.values[state.binding.values[0]]) == {"utility"}


def test_a_batch_sheds_as_its_scenarios_alone_do():
    pod = twin.load("gb300-su", {"power.policy": "priority", "rows[row2].priority": "3"})
    caps = np.array([2.6e6, 0.9e6, 1.4e6, 0.5e6, 1.9e6])
    batch = twin.solve(pod, twin.Operation(rack_power=142e3, utility_cap=caps))
    for index, cap in enumerate(caps):
        alone = twin.solve(pod, twin.Operation(rack_power=142e3, utility_cap=cap))
        np.testing.assert_array_equal(batch.power.values[index], alone.power.values[0])
        np.testing.assert_array_equal(batch.binding.values[index], alone.binding.values[0])


def test_racks_are_shed_once_the_coolers_have_come_to_rest():
    """On a hot day fans and chillers start at the load of the demand; what they draw then sheds no rack.

    Nine racks fit, as a solve with the other seven off shows, which draw nothing and do not count.
    """
    asked = {"rack_power": 142e3, "dry_bulb": 323.15, "utility_cap": 0.95e6 + 1.45e6 * 30 / 99}
    nine = np.where(np.arange(16) < 9, np.inf, 0.0)[None]
    fits = solved("max-throughput", twin.Operation(**asked, power_cap=nine))
    assert fits.converged.all()
    state = solved("priority", twin.Operation(**asked))
    assert (state.power.values > 0).sum() >= 9
