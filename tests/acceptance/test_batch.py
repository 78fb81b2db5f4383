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


SITE = """
name: mixed
site: {dry_bulb: 35 degC, electricity_price: 0.08 USD/kWh, carbon_intensity: 0.35 kg/kWh}
workload: {model: deepseek-r1, precision: fp8, input_length: 8192, output_length: 1024, interactivity: 50 token/s}
economics: {interest_rate: 0.10, it_lifetime: 4 year, facility_lifetime: 15 year, facility_cost: 12 USD/W,
            maintenance: 0.04}
utility: {rating: 12 MW, voltage: 13.8 kV, short_circuit_power: 800 MVA, resistance_ratio: 0.1}
shared:
  voltage: 415 V
  devices:
    - {name: T.M1, product: transformer-2000, feed: utility}
    - {name: T.M2, product: transformer-2000, feed: utility}
  plant:
    fluid: water
    dry_coolers: {product: dry-cooler-2mw, count: 4, required: 2, feeds: [T.M1, T.M2]}
    trim_chillers: {product: trim-chiller-500, count: 2, required: 2, feeds: [T.M1, T.M2]}
    pumps: {product: facility-pump-25ls, count: 6, required: 4, feeds: [T.M1, T.M2]}
blocks:
  - {name: L1, use: gb300-su, replace: {T.M1: T.M1, T.M2: T.M2}}
  - {name: AIR, use: h100-air, origin: [0 m, 20 m, 0 m], replace: {T.M1: T.M1, T.M2: T.M2}}
  - {name: L2, use: gb300-su, origin: [0 m, 40 m, 0 m], replace: {T.M1: T.M1, T.M2: T.M2}}
"""


@pytest.mark.parametrize(("policy", "security"), [("priority", "n-1"), ("equal", "none")])
def test_a_mixed_site_on_one_plant_solves_a_batch_bit_for_bit_as_alone(policy, security, tmp_path):
    """Air-cooled and liquid-cooled units, degraded and with up to five devices out; ledgers close in every regime."""
    file = tmp_path / "mixed.yaml"
    file.write_text(SITE, "utf-8")
    site = twin.load(
        str(file), {"power.policy": policy, "power.security": security, "AIR.rows.priority": "2"}
    )
    count, blocks = 60, len(site.blocks)
    rng = np.random.default_rng(7)
    names = [name for name in site.devices.name if name != "utility" and not name.startswith("whip")]
    operation = Operation(
        dry_bulb=rng.uniform(-10.0, 52.0, count) + ZERO,
        supply_temperature=rng.uniform(25.0, 48.0, (count, blocks)) + ZERO,
        air_temperature=rng.uniform(16.0, 34.0, (count, blocks)) + ZERO,
        fouling=rng.choice([0.0, 0.3, 5.0], (count, blocks)),
        clogging=rng.choice([0.0, 1.0, 20.0], (count, blocks)),
        failed_fans=rng.choice([0.0, 0.2, 0.8], (count, blocks)),
        rack_power=rng.uniform(20e3, 142e3, (count, len(site.racks.name))),
        edp_factor=rng.choice([1.0, 1.3], count),
        utility_cap=rng.uniform(1e6, 8e6, count),
        out=[list(rng.choice(names, rng.integers(0, 6), replace=False)) for _ in range(count)],
    )
    batch = twin.solve(site, operation)
    good = batch.converged.values == 1
    assert good.sum() >= (count - 2 if policy == "priority" else count // 2)
    assert np.abs(batch.ledger_power.values[good]).max() < 1e-9
    assert np.abs(batch.ledger_heat.values[good]).max() < 1e-6
    for index in range(0, count, 4):
        single = twin.solve(site, alone(operation, index))
        for name in single.data_vars:
            one, other = (
                np.asarray(part, dtype=float) for part in (batch[name].values[index], single[name].values[0])
            )
            np.testing.assert_array_equal(one, other, err_msg=f"{name} of scenario {index}")
