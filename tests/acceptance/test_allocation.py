"""The allocator on the reference pod's own limits: optimality conditions, and another optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize

import twin
from twin.allocate import allocate
from twin.compute import law as laws
from twin.demand import demand
from twin.equilibrium import _start, _state
from twin.operation import resolve
from twin.plant.limit import limits
from twin.plant.supply import supplied


@pytest.fixture(scope="module")
def cases():
    """Ten states of the pod with crossing limits: unequal racks, RPPs, UPS and CDUs out, a capped utility."""
    pod = twin.load()
    rng = np.random.default_rng(11)
    outs = [
        ["rpp.A1", "rpp.B1"],
        ["ups.A", "rpp.B1"],
        ["ups.A", "ups.B"],
        ["rpp.A1", "rpp.B2"],
        ["cdu.1", "cdu.2", "cdu.3"],
    ]
    operation = twin.Operation(
        rack_power=rng.uniform(110e3, 142e3, (10, 16)),
        supply_temperature=313.15,
        out=outs * 2,
        utility_cap=np.repeat([2.35e6, 2.1e6], 5),
        edp_factor=np.repeat([1.0, 1.15], 5),
    )
    settled = resolve(operation, pod.operation, pod.devices.name, pod.elements)
    supply = supplied(pod, settled)
    law, _ = demand(pod, settled, supply)
    power, at = _start(pod, settled, supply, law, 10)
    state = _state(pod, settled, supply, law, power, at)
    bound = limits(pod, settled, supply, law, power, at[:, 0], at[:, 1], *state, None)
    floor = laws.floor(law)
    caps = allocate(law, floor, bound.ceiling, bound.share, bound.capacity, "max-throughput")
    assert caps.settled.all()
    assert (caps.binding >= 0).any(axis=-1).all()
    return law, floor, bound, caps


def test_marginal_tokens_of_a_held_rack_equal_the_prices_it_pays(cases):
    law, floor, bound, caps = cases
    paid = (np.swapaxes(bound.share, 1, 2) @ caps.price[..., None])[..., 0]
    inside = (caps.power > floor * 1.001) & (caps.power < bound.ceiling * 0.999)
    knee = np.abs(caps.power / laws.knee_power(law) - 1.0) < 1e-3
    free = inside & ~knee
    assert free.sum() > 40
    np.testing.assert_allclose(paid[free], laws.slope(law, caps.power)[free], rtol=1e-5)


def test_no_limit_is_exceeded_and_a_limit_with_room_has_no_price(cases):
    _, _, bound, caps = cases
    load = (bound.share @ caps.power[..., None])[..., 0]
    finite = np.isfinite(bound.capacity)
    assert (load[finite] <= bound.capacity[finite] * (1 + 1e-9)).all()
    slack = finite & (load < bound.capacity * (1 - 1e-6))
    assert np.abs(caps.price[slack]).max() < 1e-9 * caps.price.max()


@pytest.mark.parametrize("case", range(10))
def test_slsqp_finds_the_same_tokens_to_a_hundred_thousandth(cases, case):
    law, floor, bound, caps = cases
    one = type(law)(**{name: value[case if len(value) > 1 else 0] for name, value in laws.given(law).items()})
    share, capacity = bound.share[case if len(bound.share) > 1 else 0], bound.capacity[case]
    rows = np.isfinite(capacity) & share.any(axis=-1)
    share, capacity = share[rows], capacity[rows]
    low, high = np.broadcast_to(floor, bound.ceiling.shape)[case], bound.ceiling[case]
    scale, tokens = 1e5, float(np.sum(one.tokens))

    def lost(x):
        return -float(np.sum(laws.throughput(one, x * scale))) / tokens

    def slope(x):
        return -laws.slope(one, x * scale) * scale / tokens

    found = minimize(
        lost, 0.5 * (low + np.minimum(high, caps.power[case])) / scale, jac=slope, method="SLSQP",
        bounds=list(zip(low / scale, high / scale, strict=True)),
        constraints={"type": "ineq", "fun": lambda x: (capacity - share @ (x * scale)) / capacity,
                     "jac": lambda x: -share * scale / capacity[:, None]},
        options={"maxiter": 500, "ftol": 1e-12},
    )  # fmt: skip
    ours = -lost(caps.power[case] / scale)
    assert ours == pytest.approx(-found.fun, rel=1e-5)
    assert ours >= -found.fun - 1e-7
