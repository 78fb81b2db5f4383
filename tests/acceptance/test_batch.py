"""A scenario's result never depends on its neighbours, and every ledger closes."""

from dataclasses import fields

import numpy as np
import pytest

import twin
from twin.operation import Operation
from twin.state import VARIABLES

ZERO = 273.15


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def random_operation(pod, count, seed):
    rng = np.random.default_rng(seed)
    names = [
        name for name in pod.devices.name if name.split(".")[0] in ("rpp", "ups", "T", "cdu", "drycooler")
    ]
    outs = [list(rng.choice(names, rng.integers(0, 3), replace=False)) for _ in range(count)]
    cap = rng.uniform(1.7e6, 3.2e6, count)
    cap[7] = 0.4e6
    return Operation(
        dry_bulb=rng.uniform(0.0, 50.0, count) + ZERO,
        supply_temperature=rng.uniform(30.0, 46.0, (count, 1)) + ZERO,
        support_load=rng.choice([0.0, 148e3], (count, 1)),
        rack_power=rng.uniform(90e3, 142e3, (count, len(pod.racks.name))),
        edp_factor=rng.uniform(1.0, 1.2, count),
        interactivity=rng.choice([30.0, 50.0, 80.0], count),
        utility_cap=cap,
        out=outs,
    )


def alone(operation, index):
    cut = {}
    for item in fields(operation):
        value = getattr(operation, item.name)
        cut[item.name] = (
            value if value is None else [value[index]] if item.name == "out" else value[index : index + 1]
        )
    return Operation(**cut)


def test_a_batch_of_fifty_equals_a_loop_of_singles_one_without_a_solution(pod):
    operation = random_operation(pod, 50, 20)
    batch = twin.solve(pod, operation)
    assert batch.converged.values[7] == 0
    assert batch.converged.values.sum() >= 45
    for index in range(50):
        single = twin.solve(pod, alone(operation, index))
        for name in single.data_vars:
            if VARIABLES[name].keep != "all":
                np.testing.assert_allclose(
                    batch[name].values[index], single[name].values[0], rtol=1e-12, atol=1e-12 * scale(batch[name]),
                    err_msg=f"{name} of scenario {index}",
                )  # fmt: skip


def scale(variable):
    values = np.abs(np.asarray(variable.values, dtype=float))
    return max(1.0, np.nanmax(values) if np.isfinite(values).any() else 1.0)


def test_every_ledger_closes_and_no_shared_rating_is_exceeded(pod):
    state = twin.solve(pod, random_operation(pod, 50, 3))
    good = state.converged.values == 1
    assert good.sum() >= 45
    assert np.abs(state.ledger_power.values[good]).max() < 1e-9
    assert np.abs(state.ledger_rack.values[good]).max() < 1e-6
    assert np.abs(state.ledger_heat.values[good]).max() < 1e-6
    held = state.device_kind.isin(["panel", "ups", "transformer", "utility", "cdu", "whip"]).values
    loading = state.device_loading.values[good][:, held]
    assert np.nanmax(loading) <= 1.0 + 1e-6


def test_order_of_racks_does_not_matter(pod):
    rng = np.random.default_rng(5)
    asked = rng.uniform(100e3, 140e3, (1, 16))
    swapped = asked.copy()
    swapped[:, :8] = asked[:, 7::-1]
    one, two = (twin.solve(pod, Operation(rack_power=power, out="rpp.A1")) for power in (asked, swapped))
    np.testing.assert_allclose(one.power.values[:, 7::-1], two.power.values[:, :8], rtol=1e-9)
    np.testing.assert_allclose(one.utility_power, two.utility_power, rtol=1e-12)
