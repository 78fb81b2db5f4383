"""The whole loop: limits that bind stand exactly at their rating, and every scenario settles or says why."""

import warnings

import numpy as np
import pytest
from scipy.optimize import brentq

import twin

ZERO = 273.15
SHARED = ("panel", "ups", "transformer", "utility", "cdu", "fan_wall", "chiller")


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def outages(pod):
    """Two hundred random outages of up to three devices other than whips."""
    rng = np.random.default_rng(11)
    large = [name for name in pod.devices.name if not name.startswith("whip")]
    return [list(rng.choice(large, rng.integers(1, 4), replace=False)) for _ in range(200)]


def floor():
    """AC power of a rack of 142 kW at its least clock.

    gb300-nvl72: 72 GPUs of 1,400 W in 136 kW, eight shelves of 33 kW; cap-law: a quarter static, voltage falls
    down to 0.75 of the clock, the least is 0.17.
    """
    points, rating = np.array([0.1, 0.5, 1.0]), 8 * 33e3
    loss = np.polynomial.Polynomial.fit(points, points * (1 / np.array([0.95, 0.975, 0.97]) - 1), 2)

    def drawn(output):
        return output + rating * loss(output / rating)

    output = brentq(lambda output: drawn(output) - 142e3, 0.0, 142e3, xtol=1e-9)
    fixed = 136e3 - 72 * 1400.0
    return drawn(fixed + (output - fixed) * (0.25 + 0.75 * 0.17 * 0.75**2))


FLOOR = floor()


def names(state, variable):
    """A coded variable by its meanings, in its own shape."""
    return np.array(state[variable].attrs["flag_meanings"].split())[state[variable].values]


def test_more_tokens_a_second_than_any_batch_gives_are_none_and_no_warning(pod):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state = twin.solve(pod, twin.Operation(interactivity=np.array([50.0, 300.0])))
    assert state.converged.values.all()
    assert state.tokens_per_second.values[0] > 0
    assert state.tokens_per_second.values[1] == 0.0
    assert (state.tokens.values[1] == 0.0).all()
    assert (state.power.values[1] > 0).all()


def test_utility_cap_holds_the_mean_and_not_the_peak(pod):
    cap = np.array([1.4e6, 1.7e6, 2.0e6])
    state = twin.solve(
        pod, twin.Operation(utility_cap=cap, edp_factor=1.2, rack_power=142e3, support_load=0.0)
    )
    assert set(names(state, "binding").ravel()) == {"utility"}
    np.testing.assert_allclose(state.utility_power, cap, rtol=1e-8)
    np.testing.assert_allclose(state.device_loading.sel(device="utility"), 1.0, rtol=1e-8)
    np.testing.assert_allclose(state.peak_power, 1.2 * state.power, rtol=1e-12)


def test_panels_hold_the_peak_and_not_the_mean(pod):
    """Two of four panels of the first row: 1,000 kW at the peak, whips included, for eight racks."""
    state = twin.solve(
        pod,
        twin.Operation(
            rack_power=120e3, edp_factor=1.2, support_load=0.0, dry_bulb=20 + ZERO, out=["rpp.A1", "rpp.B1"]
        ),
    )
    assert set(names(state, "binding")[0, :8]) == {"panel"}
    panels = ["rpp.C1", "rpp.D1"]
    np.testing.assert_allclose(state.device_loading.sel(device=panels), 1.0, rtol=1e-8)
    # What leaves the panels at the mean is less than 500 kW by the factor, but for the whips' squared currents.
    np.testing.assert_allclose(state.device_power.sel(device=panels), 500e3 / 1.2, rtol=2e-3)
    # By hand at the peak: four whips of 48 A carry the rack; 0.49 mohm/ft over 12 m, three conductors each.
    whip = state.device_loading.sel(device="whip.row1.02.rpp.C1").values[0] * 48.0
    lost = 2 * 3 * 0.49e-3 / 0.3048 * 12.0 * whip**2
    peak = state.power.values[0, :8].sum() / 2 * 1.2
    assert peak + 8 * lost == pytest.approx(500e3, rel=1e-6)


def test_utility_cap_is_respected_with_and_without_lifted_loops():
    """Without a trim chiller: fans at full speed beside a supply above its set-point."""
    site = twin.load(sets={"plant.trim_chillers.count": "0", "plant.trim_chillers.required": "0"})
    cap, supply, dry_bulb = (
        value.ravel()
        for value in np.meshgrid(
            np.linspace(1.2e6, 3.0e6, 10), [30.0, 38.0, 45.0, 48.0], np.linspace(0.0, 48.0, 7)
        )
    )
    at = {"supply_temperature": supply[:, None] + ZERO, "dry_bulb": dry_bulb + ZERO, "rack_power": 142e3}
    state = twin.solve(site, twin.Operation(utility_cap=cap, **at))
    # A scenario is without a solution exactly where its floors, solved without the cap, draw more.
    least = twin.solve(site, twin.Operation(power_cap=FLOOR * (1 + 1e-9), **at))
    settled = state.converged.values.astype(bool)
    np.testing.assert_array_equal(settled, least.utility_power.values <= cap)
    assert set(names(state, "reason")[~settled]) == {"floors_exceed_limit"}
    assert 0.7 < settled.mean() < 1.0
    assert (state.utility_power.values[settled] <= cap[settled] * (1 + 1e-9)).all()
    bound = (names(state, "binding") == "utility").any(axis=1) & settled
    assert bound.sum() > 50
    np.testing.assert_allclose(state.utility_power.values[bound], cap[bound], rtol=1e-7)


@pytest.mark.parametrize("policy", ["max-throughput", "proportional"])
def test_random_outages_settle_with_every_rating_kept_and_what_binds_at_its_rating(policy, outages):
    site = twin.load(sets={"power.policy": policy})
    rng = np.random.default_rng(5)
    state = twin.solve(
        site,
        twin.Operation(
            out=outages,
            rack_power=142e3,
            edp_factor=rng.uniform(1.0, 1.5, len(outages)),
            dry_bulb=rng.uniform(-10.0, 40.0, len(outages)) + ZERO,
        ),
    )
    reasons = names(state, "reason")
    assert "not_settled" not in reasons
    settled = state.converged.values.astype(bool)
    assert settled.mean() > 0.7
    device, cause = state.binding_device.values[settled], names(state, "binding")[settled]
    shared = np.isin(cause, SHARED)
    assert shared.any()
    np.testing.assert_array_equal(device >= 0, shared)
    scenario, rack = np.nonzero(shared)
    named = device[scenario, rack]
    # What is named is alive and stands at its rating.
    assert state.device_alive.values[settled][scenario, named].all()
    loading = state.device_loading.values[settled]
    np.testing.assert_allclose(loading[scenario, named], 1.0, rtol=1e-6)
    # And nothing is overloaded but by support alone: pumps and coolers are no limits of power.
    kinds = state.device_kind.values
    electrical = np.isin(
        kinds, ["panel", "ups", "transformer", "whip", "utility", "cdu", "fan_wall", "chiller"]
    )
    assert np.nanmax(loading[:, electrical]) < 1 + 1e-6
    for ledger in ("ledger_power", "ledger_rack", "ledger_heat"):
        assert np.abs(state[ledger].values[settled]).max() < 1e-7


def test_a_power_cap_below_the_floor_switches_the_rack_off(pod):
    cap = np.full((1, 16), np.inf)
    cap[0, 3], cap[0, 4], cap[0, 12] = FLOOR * (1 - 1e-6), FLOOR * (1 + 1e-6), 80e3
    state = twin.solve(
        pod, twin.Operation(power_cap=cap, rack_power=142e3, support_load=0.0, supply_temperature=40 + ZERO)
    )
    power, cause = state.power.values[0], names(state, "binding")[0]
    assert power[3] == 0.0
    assert state.tokens.values[0, 3] == 0.0
    np.testing.assert_allclose(power[[4, 12]], cap[0, [4, 12]], rtol=1e-12)
    assert (state.tokens.values[0, [4, 12]] > 0.0).all()
    assert cause[3] == cause[4] == cause[12] == "power_cap"
    np.testing.assert_allclose(np.delete(power, [3, 4, 12]), 142e3, rtol=1e-12)


def test_a_weak_grid_is_no_overload_of_the_floors():
    site = twin.load(sets={"utility.short_circuit_power": "12 MVA"})
    state = twin.solve(site, twin.Operation(edp_factor=np.array([1.0, 1.3, 1.6, 2.0]), rack_power=110e3))
    # At twice the mean the source has no voltage that carries the peak, which is what it says.
    assert names(state, "reason").tolist() == ["none", "none", "none", "no_voltage_solution"]
    settled = state.converged.values.astype(bool)
    kinds = state.device_kind.values
    electrical = np.isin(kinds, ["panel", "ups", "transformer", "whip", "utility"])
    assert np.nanmax(state.device_loading.values[settled][:, electrical]) < 1 + 1e-6


def test_a_scenario_without_a_solution_leaves_its_neighbours_as_they_are(pod):
    """500 kW of trim chillers without dry coolers have none; alone or beside it the others are the same numbers."""
    out = [[], ["drycooler.1", "drycooler.2"], ["ups.A"]]
    batch = twin.solve(pod, twin.Operation(out=out))
    assert names(batch, "reason").tolist() == ["none", "no_heat_sink", "none"]
    assert np.isnan(batch.power.values[1]).all()
    for index in (0, 2):
        alone = twin.solve(pod, twin.Operation(out=[out[index]]))
        np.testing.assert_array_equal(alone.power.values[0], batch.power.values[index])
        np.testing.assert_array_equal(alone.device_loading.values[0], batch.device_loading.values[index])


def test_a_block_without_a_heat_sink_goes_dark_and_the_others_run():
    site = twin.load("tests/cases/gb300-96/layout.yaml")
    lost = ["SU050.drycooler.1", "SU050.drycooler.2", "SU050.trimchiller.1"]
    state = twin.solve(
        site, twin.Operation(out=[lost, ["SU051.chiller.1", "SU051.chiller.2", "SU051.chiller.3"]])
    )
    assert state.converged.all()
    dark = (state.power.values == 0).reshape(2, 96, 16)
    assert dark[0, 49].all()
    assert dark[1, 50].all()
    assert dark.sum() == 32
    assert names(state, "binding")[0, 49 * 16] == "coolant_temperature"


def test_a_rack_at_the_edge_of_its_whips_runs_at_its_floor_or_is_off(pod):
    """Between the edges by nominal and by real voltage a rack once drew less than its floor."""
    peaks = np.array([1.13, 1.135, 1.14])
    out = ["rpp.A2", "rpp.B2", "rpp.C2"]
    state = twin.solve(pod, twin.Operation(out=out, rack_power=110e3, support_load=0.0, edp_factor=peaks))
    power, tokens = state.power.values[:, 8], state.tokens.values[:, 8]
    np.testing.assert_array_equal(power > 0, tokens > 0)
