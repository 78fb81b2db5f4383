"""What must not turn round on solved units: tokens in power and temperature, latency in load; the power of racks
within every limit; energy per token times tokens as the energy at each boundary."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import twin
from electrical import converter
from twin.compute.queueing import wait
from twin.economics import Power, Tokens, tokens_per_joule
from twin.facility import DEVICE_KINDS, Facility

UNITS = ("gb300-su", "vr-su", "h100-air")
LIQUID = UNITS[:2]
POLICIES = ("max-throughput", "proportional", "equal", "priority")
ZERO = 273.15
ROUNDING = 1e-9
"""Relative change of tokens that is none: the tolerance of the fixed point."""
SOLVED = 1e-8
"""Relative excess over a limit that the fixed point leaves."""


@cache
def unit(name: str, **sets: str) -> Facility:
    return twin.load(name, {path.replace("__", "."): value for path, value in sets.items()})


@cache
def full(name: str) -> float:
    """Utility power of a unit whose racks all ask for their nameplate [W]."""
    return float(solved(name).utility_power[0])


def nameplate(name: str) -> float:
    return float(unit(name).racks.nameplate[0])


def solved(name: str, served: bool = False, **operation: object) -> xr.Dataset:
    asked = {} if served else {"rack_power": nameplate(name)}
    return twin.solve(unit(name), twin.Operation(**asked, **operation))


def steps(state: xr.Dataset) -> np.ndarray:
    """Changes of the tokens from scenario to scenario over the most, of those with a solution."""
    tokens = state.tokens_per_second.values[state.converged.values.astype(bool)]
    return np.diff(tokens) / tokens.max()


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("name", UNITS)
def test_more_power_never_yields_less(name: str, served: bool) -> None:
    racks = solved(name, served, power_cap=np.linspace(0.2, 1.1, 46) * nameplate(name))
    assert racks.converged.values.all()
    assert steps(racks).min() >= -ROUNDING
    assert racks.tokens_per_second.values[0] == 0.0  # below the floor
    site = solved(name, served, utility_cap=np.linspace(0.4, 1.05, 53) * full(name))
    assert steps(site).min() >= -ROUNDING
    assert steps(site).max() > 0.01
    # Without a solution are the smallest caps, which the floors of the racks exceed.
    assert (np.diff(site.converged.values.astype(int)) >= 0).all()
    assert "utility" not in site.binding_kind.values[site.binding.values[-1]]


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("name", UNITS)
def test_warmer_never_yields_more(name: str, served: bool) -> None:
    outdoors = solved(name, served, dry_bulb=np.linspace(-20.0, 60.0, 41) + ZERO)
    supply = solved(name, served, air_temperature=np.linspace(16.0, 45.0, 30) + ZERO)
    for state in (outdoors, supply):
        assert state.converged.values.all()
        assert steps(state).max() <= ROUNDING
    assert steps(supply).min() < -1e-3
    if name in LIQUID:
        coolant = solved(name, served, supply_temperature=np.linspace(20.0, 65.0, 46) + ZERO)
        assert coolant.converged.values.all()
        assert steps(coolant).max() <= ROUNDING
        assert steps(coolant).min() < -1e-3
        assert steps(outdoors).min() < -1e-4


@pytest.mark.parametrize("name", UNITS)
def test_warmer_yields_more_under_a_utility_cap_only_by_what_the_plant_draws_less(name: str) -> None:
    # The racks get what the plant leaves: a warmer set-point spares chillers, and warm coolant a watt of its pumps.
    ranges = {"dry_bulb": np.linspace(-20.0, 60.0, 41)}
    if name in LIQUID:
        ranges["supply_temperature"] = np.linspace(20.0, 60.0, 41)
    for field, degrees in ranges.items():
        state = solved(name, utility_cap=0.8 * full(name), **{field: degrees + ZERO})
        assert state.converged.values.all()
        more = steps(state) > ROUNDING
        assert (np.diff(state.mechanical_power.values)[more] < 0.0).all()
        if field == "dry_bulb":
            assert steps(state).max() < 1e-6


@pytest.mark.parametrize("name", UNITS)
def test_busier_prefill_never_answers_sooner(name: str) -> None:
    states = [
        twin.solve(unit(name, workload__prefill_utilisation=f"{share:.2f}"))
        for share in np.arange(0.2, 0.96, 0.05)
    ]
    first = np.array([float(state.ttft_p99[0]) for state in states])
    assert (np.diff(first) >= -ROUNDING * first[0]).all()
    assert first[-1] > 3.0 * first[0]


@pytest.mark.parametrize(
    ("name", "capping"),
    [("gb300-su", "mixed"), ("gb300-su", "phases"), ("vr-su", "uniform"), ("h100-air", "mixed")],
)
def test_less_power_never_answers_sooner(name: str, capping: str) -> None:
    """Racks that are all alike: a user waits as much longer as fewer tokens leave the hall."""
    drawn = float(solved(name, served=True).utility_power[0])
    caps = drawn * np.linspace(1.0, 0.75, 11)
    state = twin.solve(unit(name, workload__capping=capping), twin.Operation(utility_cap=caps))
    assert state.converged.values.all()
    slower = state.tokens_per_second.values[0] / state.tokens_per_second.values
    assert slower[-1] > 1.05
    for times in (state.tpot_p50.values, state.tpot_p99.values, state.ttft_p99.values):
        np.testing.assert_allclose(times / times[0], slower, rtol=1e-9)


@pytest.mark.parametrize("name", UNITS)
def test_users_who_ask_for_more_leave_smaller_batches(name: str) -> None:
    asked = np.linspace(10.0, 120.0, 23)
    state = twin.solve(unit(name), twin.Operation(interactivity=asked))
    served = np.isfinite(state.tpot_p50.values)
    assert served[:5].all()
    assert (np.diff(state.tpot_p50.values[served]) <= 0.0).all()
    assert (state.tpot_p50.values[served] * asked[served] <= 1.0 + 1e-9).all()
    assert (np.diff(state.tokens_per_second.values) <= ROUNDING * state.tokens_per_second.values[0]).all()


@given(
    st.floats(0.01, 0.98), st.floats(1e-3, 0.5), st.floats(0.5, 0.999), st.floats(1.0, 200.0),
    st.floats(0.01, 10.0),
)  # fmt: skip
def test_a_busier_queue_never_waits_less(
    load: float, more: float, quantile: float, servers: float, service: float
) -> None:
    busier = load + more * (0.99 - load)
    assert wait(quantile, servers, busier, service, 0.55) >= wait(quantile, servers, load, service, 0.55)


def limits(name: str, state: xr.Dataset, cap: np.ndarray) -> np.ndarray:
    """Greatest load over its limit, (scenario,): of devices, of the site and of each rack's own cap."""
    loading = np.nanmax(np.where(state.device_alive.values == 1, state.device_loading.values, np.nan), axis=1)
    return np.maximum(loading, state.utility_power.values / cap)


@pytest.mark.parametrize("policy", [*POLICIES, "none"])
@pytest.mark.parametrize("name", UNITS)
def test_racks_stay_within_every_limit(name: str, policy: str) -> None:
    devices = unit(name).devices
    panel = devices.name[int(np.argmax(devices.kind == DEVICE_KINDS.index("panel")))]
    cap = np.array([0.7, 0.85, 1.0, 0.85, 1.0]) * full(name)
    state = twin.solve(
        unit(name, power__policy=policy),
        twin.Operation(rack_power=nameplate(name), utility_cap=cap, out=[[], [], [], [panel], [panel]]),
    )
    assert state.converged.values.all()
    if policy == "none":
        assert limits(name, state, cap).max() > 1.1
        return
    assert (limits(name, state, cap) <= 1.0 + SOLVED).all()
    np.testing.assert_allclose(limits(name, state, cap)[:2], 1.0, rtol=1e-6)
    assert (state.power.values <= nameplate(name) * (1.0 + SOLVED)).all()


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(UNITS), st.floats(0.72, 1.05), st.floats(-10.0, 45.0), st.floats(0.65, 1.0),
    st.sampled_from(POLICIES),
)  # fmt: skip
def test_energy_of_a_token_times_tokens_is_the_energy_at_each_boundary(
    name: str, cap: float, degrees: float, own: float, policy: str
) -> None:
    made = unit(name, power__policy=policy)
    state = twin.solve(
        made,
        twin.Operation(
            rack_power=nameplate(name), utility_cap=cap * full(name), dry_bulb=degrees + ZERO,
            power_cap=own * nameplate(name),
        ),
    )  # fmt: skip
    assert state.converged.values.all()
    racks, output = made.racks, float(state.tokens_per_second[0])
    chips = state.gpu_power.values[0] * racks.gpus
    direct = converter.output_power(
        state.power.values[0], racks.shelves * racks.shelf_rating, racks.shelf_coefficients
    )
    watts = {
        "chip": chips.sum(),
        "rack_dc": direct.sum(),
        "rack_ac": state.it_power.values[0],
        "utility": state.utility_power.values[0],
    }
    # From one boundary to the next: what the racks hold besides GPUs, their shelves with the support load, the rest.
    on = state.power.values[0] > 0.0
    asked = converter.output_power(
        nameplate(name), racks.shelves * racks.shelf_rating, racks.shelf_coefficients
    )
    beside = np.maximum(racks.fixed, asked - racks.gpu_most)  # at its nameplate fans run at full
    assert watts["rack_dc"] == pytest.approx(watts["chip"] + beside[on].sum(), rel=1e-9)
    loss = (state.power.values[0] - direct).sum()
    assert watts["rack_ac"] == pytest.approx(
        watts["rack_dc"] + loss + float(state.support_power[0]), rel=1e-9
    )
    losses = ("cable_loss", "transformer_loss", "ups_loss", "rectifier_loss", "mechanical_power")
    rest = sum(float(state[part][0]) for part in losses)
    assert watts["utility"] == pytest.approx(watts["rack_ac"] + rest, rel=1e-9)
    work = made.workload
    tokens = Tokens(output * work.input_length / work.output_length, output)
    for boundary, power in watts.items():
        for kind in ("input", "output", "total"):
            joules = 1.0 / tokens_per_joule(tokens, kind, Power(power, boundary))
            assert joules * tokens.of(kind) == pytest.approx(power, rel=1e-9)
    assert output / float(state.tokens_per_joule[0]) == pytest.approx(watts["utility"], rel=1e-9)
