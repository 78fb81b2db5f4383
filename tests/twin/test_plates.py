"""Plates and leakage of a rack in the coupled solve, by hand: series and fouling, CPUs and switches, warm GPUs."""

import numpy as np
import pytest
from scipy.optimize import brentq

import twin
from thermal import coldplate
from thermal.fluid import PG25
from twin.catalogue import product, products
from twin.compute.serving import serve
from twin.event import events
from twin.rules import RULES
from twin.simulate import simulate

ZERO = 273.15
GPU, SHARE, LIMIT = 1400.0, 0.12, 45.0 + 1400.0 * np.interp(5 / 3, [1.6, 1.8], [0.0214, 0.0209])
"""gb300-nvl72: power limit [W], what of it leaks at 60 degC, case at 1400 W, 45 degC and 160 L/min [degC]."""

PAIR = """kind: rack
name: pair
base: gb300-nvl72
description: GB300 NVL72 with its GPU plates in pairs
figures:
  platesInSeries: {value: 2, source: "made up", status: assumed}
"""


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    (tmp_path / "rack").mkdir()
    (tmp_path / "rack" / "pair.yaml").write_text(PAIR, "utf-8")
    monkeypatch.setenv("TWIN_CATALOGUE", str(tmp_path))
    return twin.load(sets={"rows.rack_type": "pair"})


def named(state, name="binding"):
    return np.array(state[name].attrs["flag_meanings"].split())[state[name].values]


def leaked(celsius):
    """What a GPU of gb300-nvl72 leaks [W]: 0.12 x 1400 W at 60 degC, a factor e in 70 K."""
    return SHARE * GPU * np.exp(0.0143 * (celsius - 60.0))


def plate(flow):
    """OCP 1 kW OAM plate with PG25 at 160 L/min and less through the rack, (L/min) -> K/W."""
    return coldplate.resistance(0.75 * flow / 72 / 60e3)


def test_the_last_plate_of_two_in_series_gets_the_heat_of_the_first(pairs):
    state = twin.solve(pairs, twin.Operation(rack_power=139.4e3, supply_temperature=40 + ZERO))
    inlet, chip, flow = 40 + ZERO, state.gpu_power.values[0], state.coolant_flow.values[0]
    pair = 2 * 0.75 * flow / 72
    rate = pair * PG25.density(inlet) * PG25.heat_capacity(inlet)
    mean = inlet + chip * (coldplate.resistance(pair) + 0.5 / rate)
    np.testing.assert_allclose(state.case_temperature.values[0], mean, rtol=1e-12)
    # The worst of both stands last on the branch of least flow, as the kernel for unequal chips has it.
    worst = coldplate.worst_case_temperature(inlet, chip[:, None] * np.ones(2), pair, rate, 0.05, 0.05)
    np.testing.assert_allclose(state.worst_case_temperature.values[0], worst, rtol=1e-12)
    assert (worst - mean > 6.0).all()


def test_the_case_limit_of_plates_in_series_is_that_of_their_mean(pairs):
    """At 1400 W, 45 degC and 160 L/min: 3.33 L/min through each pair, beyond the table, and half a chip ahead."""
    rate = 2 * 0.75 * 160 / 60e3 / 72 * PG25.density(45 + ZERO) * PG25.heat_capacity(45 + ZERO)
    np.testing.assert_allclose(pairs.racks.case_limit, 45 + ZERO + 1400 * (0.0197 + 0.5 / rate), rtol=1e-12)
    state = twin.solve(pairs, twin.Operation(rack_power=142e3, supply_temperature=50 + ZERO))
    np.testing.assert_allclose(state.case_temperature.values, pairs.racks.case_limit[0], atol=1e-6)
    assert set(named(state).ravel()) == {"chip_temperature"}


def test_fouled_plates_warm_every_chip_and_throttle_the_mean(pod):
    dirt = np.array([[0.0], [0.001], [0.01]])
    load = dict(rack_power=130e3, supply_temperature=40 + ZERO)
    state = twin.solve(pod, twin.Operation(plate_fouling=dirt, **load))
    clean, dirty = (state.isel(scenario=index) for index in (0, 1))
    np.testing.assert_array_equal(dirty.power.values, clean.power.values)
    for name, chip in (
        ("case_temperature", clean.gpu_power.values), ("worst_case_temperature", clean.gpu_power.values),
        ("cpu_case_temperature", 300.0), ("switch_case_temperature", 240.0),
    ):  # fmt: skip
        np.testing.assert_allclose(dirty[name].values - clean[name].values, 0.001 * chip, rtol=1e-9)
    # 10 K/kW leave less than 130 kW: the mean case stands at its limit, by hand with that fouling.
    np.testing.assert_array_equal(named(state)[2], "chip_temperature")
    flow = state.coolant_flow.values[2] * 60e3
    case = 40.0 + state.gpu_power.values[2] * (plate(flow) + 0.01)
    np.testing.assert_allclose(case, LIMIT, atol=1e-6)


def test_cpus_and_switches_of_gb300_by_hand(pod):
    """45 degC and TDP: 160 x 0.15 / 36 and 160 x 0.07 / 18 L/min, half more resistance than the OAM plate."""
    state = twin.solve(pod, twin.Operation(rack_power=139.4e3, supply_temperature=45 + ZERO, dry_bulb=283.15))
    flow = state.coolant_flow.values[0] * 60e3
    for name, share, count, power in (("cpu", 0.15, 36, 300.0), ("switch", 0.07, 18, 240.0)):
        resistance = 1.5 * coldplate.resistance(flow * share / count / 60e3)
        case = 45.0 + ZERO + power * resistance
        np.testing.assert_allclose(state[f"{name}_case_temperature"].values[0], case, rtol=1e-9)
        assert 9.0 < power * resistance[0] < 14.0
    margins = {code: RULES[code].margin(pod, state) for code in ("L9-cpu", "L10-switch")}
    for code, name in (("L9-cpu", "cpu"), ("L10-switch", "switch")):
        expected = 85.0 + ZERO - state[f"{name}_case_temperature"].values
        np.testing.assert_allclose(margins[code], expected, rtol=1e-9)


def test_a_plate_hardly_fed_is_as_warm_as_what_its_coolant_carries(pod):
    state = twin.solve(pod, twin.Operation(rack_power=70e3, supply_temperature=25 + ZERO, dry_bulb=283.15))
    flow = state.coolant_flow.values[0] * 0.15 / 36
    assert (flow * 60e3 < 0.2).all()
    rate = flow * PG25.density(25 + ZERO) * PG25.heat_capacity(25 + ZERO)
    expected = 25 + ZERO + 300.0 / rate
    np.testing.assert_allclose(state.cpu_case_temperature.values[0], expected, rtol=1e-9)


def test_cpus_of_gb200_stand_behind_two_gpus():
    site = twin.load(sets={"rows.rack_type": "gb200-nvl72"})
    state = twin.solve(site, twin.Operation(supply_temperature=45 + ZERO, dry_bulb=283.15))
    flow = state.coolant_flow.values[0] * 0.75 / 36
    rate = flow * PG25.density(45 + ZERO) * PG25.heat_capacity(45 + ZERO)
    case = 45 + ZERO + 2 * state.gpu_power.values[0] / rate + 300.0 * 1.5 * coldplate.resistance(flow)
    np.testing.assert_allclose(state.cpu_case_temperature.values[0], case, rtol=1e-9)


def test_cpus_and_switches_draw_less_than_the_rack_beside_its_gpus():
    """And, with the GPUs, no more than the coolant is said to take."""
    told = [made for made in map(product, products("rack")) if "cpuCount" in made.figures]
    assert {made.name for made in told} >= {"gb200-nvl72", "gb300-nvl72", "vr-nvl72", "vr-nvl72-maxq"}
    for made in told:
        others = made["cpuCount"] * made["cpuPower"] + made["switchCount"] * made["switchPower"]
        gpus = made["numGPUs"] * made["gpuPower"]
        assert 0.0 < others < made["maxPowerDcTdp"] - gpus
        assert gpus + others <= made["liquidCooling"]
        shares = made["coldPlateFlowShare"] + made["switchFlowShare"]
        shares += 0.0 if made.get("cpuBehindGpus") else made["cpuFlowShare"]
        assert shares <= 1.0


def test_air_cooled_racks_have_no_plates_and_no_leakage():
    state = twin.solve(twin.load("h100-air"))
    for name in ("cpu_case_temperature", "switch_case_temperature", "leakage_power"):
        assert np.isnan(state[name].values).all()


@pytest.mark.parametrize("celsius", [25.0, 35.0, 45.0])
def test_gpus_draw_what_they_leak_at_the_temperature_that_this_brings(pod, celsius):
    """The workload's power holds at the case limit; the plate is fed with the flow of its own heat."""
    kind = pod.racks.types[0]
    asked = serve(kind.gpu, pod.model, pod.workload, kind.calibration, kind.power_law).gpu_power
    state = twin.solve(pod, twin.Operation(supply_temperature=celsius + ZERO, dry_bulb=283.15))
    full = dict(kind.product["requiredLiquidFlowRate"])[celsius + ZERO] * 60e3

    def case(gpu):
        return celsius + gpu * plate(full * (72 * gpu + 35.2e3) / 136e3)

    gpu = brentq(lambda gpu: gpu - asked - leaked(case(gpu)) + leaked(LIMIT), 500.0, 1400.0, xtol=1e-9)
    np.testing.assert_allclose(state.gpu_power.values, gpu, rtol=1e-8)
    np.testing.assert_allclose(state.case_temperature.values - ZERO, case(gpu), rtol=1e-8)
    np.testing.assert_allclose(state.leakage_power.values, 72 * leaked(case(gpu)), rtol=1e-8)
    np.testing.assert_allclose(state.demand.values, state.power.values, rtol=1e-9)
    assert gpu < asked - 15.0


def test_at_one_power_cooler_gpus_run_faster(pod):
    """Tokens by the cap law on the watts that do not leak, and the slope that the design states for them."""
    supply = np.array([[25.0], [26.0], [45.0]]) + ZERO
    state = twin.solve(pod, twin.Operation(supply_temperature=supply, power_cap=95e3, dry_bulb=283.15))
    np.testing.assert_array_equal(named(state), "power_cap")
    np.testing.assert_array_equal(state.power.values, 95e3)
    kind = pod.racks.types[0]
    served = serve(kind.gpu, pod.model, pod.workload, kind.calibration, kind.power_law)
    extra = leaked(state.case_temperature.values - ZERO) - leaked(LIMIT)
    works = state.gpu_power.values - extra - 0.25 * served.gpu_power
    clock = np.cbrt(works / (0.75 * served.gpu_power))
    assert (clock > 0.75).all()
    full = 72 * served.output_tokens_per_second
    np.testing.assert_allclose(state.tokens.values, full * clock**0.3, rtol=1e-9)
    assert (state.tokens.values[0] > state.tokens.values[2] * 1.002).all()
    # d phi = -d leakage / (3 (1 - Ps) phi2 P)
    step = -(extra[1] - extra[0]) / (3 * 0.75 * clock[0] ** 2 * served.gpu_power)
    np.testing.assert_allclose(clock[1] - clock[0], step, rtol=0.01)


def test_prescribed_power_is_drawn_at_any_temperature(pod):
    supply = np.array([[25.0], [45.0]]) + ZERO
    state = twin.solve(pod, twin.Operation(supply_temperature=supply, rack_power=120e3, dry_bulb=283.15))
    np.testing.assert_array_equal(state.power.values, 120e3)
    np.testing.assert_array_equal(state.tokens.values[0], state.tokens.values[1])
    # Of it the GPUs leak what their temperature says.
    expected = 72 * leaked(state.case_temperature.values - ZERO)
    np.testing.assert_allclose(state.leakage_power.values, expected, rtol=1e-9)


def test_throttled_gpus_stand_at_their_limit_and_leak_what_they_do_there(pod):
    """There the law is the one without leakage: its watts hold at the case limit."""
    supply = np.array([[54.0], [60.0]]) + ZERO
    state = twin.solve(pod, twin.Operation(supply_temperature=supply))
    assert state.converged.all()
    np.testing.assert_array_equal(named(state), "chip_temperature")
    np.testing.assert_allclose(state.case_temperature.values - ZERO, LIMIT, atol=1e-6)
    np.testing.assert_allclose(state.leakage_power.values, 72 * leaked(LIMIT), rtol=1e-7)
    kind = pod.racks.types[0]
    served = serve(kind.gpu, pod.model, pod.workload, kind.calibration, kind.power_law)
    works = (state.gpu_power.values - 0.25 * served.gpu_power) / (0.75 * served.gpu_power)
    clock = np.where(works > 0.75**3, np.cbrt(works), works / 0.75**2)
    np.testing.assert_allclose(
        state.tokens.values, 72 * served.output_tokens_per_second * clock**0.3, rtol=1e-7
    )


def test_a_batch_of_leaking_racks_is_as_each_alone_and_settles_as_soon(pod):
    rng = np.random.default_rng(4)
    count = 60
    prescribed = np.where(rng.random((count, 16)) < 0.3, rng.uniform(90e3, 142e3, (count, 16)), np.nan)
    caps = np.where(rng.random((count, 16)) < 0.3, rng.uniform(48e3, 100e3, (count, 16)), np.inf)
    given = {
        "dry_bulb": rng.uniform(-10.0, 48.0, count) + ZERO,
        "supply_temperature": rng.uniform(22.0, 58.0, (count, 1)) + ZERO,
        "utility_cap": rng.uniform(1.6e6, 3.2e6, count), "rack_power": prescribed, "power_cap": caps,
        "plate_fouling": rng.choice([0.0, 0.004], (count, 1)),
    }  # fmt: skip
    state = twin.solve(pod, twin.Operation(**given))
    assert not (named(state, "reason") == "not_settled").any()
    assert state.passes.values.mean() < 4.5
    good = state.converged.values == 1
    for ledger in ("ledger_power", "ledger_rack", "ledger_heat"):
        assert np.abs(state[ledger].values[good]).max() < 1e-8
    for index in range(0, count, 7):
        alone = twin.solve(
            pod, twin.Operation(**{key: value[index : index + 1] for key, value in given.items()})
        )
        for name in (
            "power",
            "tokens",
            "leakage_power",
            "case_temperature",
            "cpu_case_temperature",
            "demand",
        ):
            np.testing.assert_array_equal(alone[name].values[0], state[name].values[index], err_msg=name)


def test_the_allocator_knows_that_a_watt_more_leaks_more(pod):
    """Racks of prescribed power beside leaking ones on a capped utility: one more watt yields as much at either.

    A watt more leaks some 0.04 of it, which the prescribed racks do not: with a law that stands still between two
    temperatures the yields would differ by that.
    """
    prescribed = np.where(np.arange(16) < 8, 110e3, np.nan)[None]
    given = dict(dry_bulb=283.15, supply_temperature=45 + ZERO, rack_power=prescribed)
    free = twin.solve(pod, twin.Operation(**given))
    best = twin.solve(pod, twin.Operation(utility_cap=0.85 * free.utility_power.values, **given))
    np.testing.assert_array_equal(named(best), "utility")
    power, step = best.power.values, 100.0
    caps = np.concatenate([power + np.where(np.arange(16) == one, step, 0.0) for one in (2, 12)])
    near = twin.solve(pod, twin.Operation(power_cap=np.concatenate([2 * power - caps, caps]), **given))
    tokens = near.tokens_per_second.values
    fixed, leaking = (tokens[2:] - tokens[:2]) / (2 * step)
    assert leaking == pytest.approx(fixed, rel=0.01)


@pytest.mark.parametrize("celsius", [25.0, 55.0])
def test_a_simulation_of_fouled_plates_at_rest_stays_where_the_solve_has_put_it(pod, celsius):
    start = twin.Operation(plate_fouling=0.003, supply_temperature=celsius + ZERO, dry_bulb=283.15)
    state, course = twin.solve(pod, start), simulate(pod, start, events(pod, []), until=60.0, step=1.0)
    for variable in ("power", "tokens", "case_temperature"):
        values = course[variable].values[0]
        np.testing.assert_allclose(
            values, np.broadcast_to(state[variable].values[0], values.shape), rtol=1e-7
        )


def test_gpus_that_warm_in_time_ask_for_more(pod):
    """Without facility water: what they leak more is what they draw more, at the same tokens."""
    course = simulate(pod, None, events(pod, ["loss_of_facility_water at=5s"]), until=45.0, step=0.5)
    case, power = course.case_temperature.values[0, :, 0] - ZERO, course.power.values[0, :, 0]
    assert case[-1] - case[0] > 1.0
    assert case[-1] < LIMIT
    more = 72 * (leaked(case[-1]) - leaked(case[0]))
    # 97.5 % efficient shelves near half load, whose marginal loss is less than 4 %.
    assert more < power[-1] - power[0] < 1.05 * more
    np.testing.assert_allclose(course.tokens.values[0, -1], course.tokens.values[0, 0], rtol=1e-12)
