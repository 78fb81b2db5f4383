"""Peaks of the EDP factor against short-time ratings: the mean is held for good, a peak for as long as it lasts."""

import numpy as np
import pytest

import twin
from electrical import converter
from twin.catalogue import product
from twin.facility import DEVICE_KINDS

PEAK = {"rack_power": 130e3, "edp_factor": 1.7}
PANEL = 800.0 * 3**0.5 * 415.0 / 500e3
"""Rated current of a panel's breaker over the panel's own."""
KINDS = ("ups", "panel", "whip", "transformer")


def loading(state, kind):
    return state.device_loading.values[0, state.device_kind.values == kind]


def hall(duration=None, **sets):
    if duration:
        sets["workload.edp_duration"] = duration
    return twin.load("gb300-hall", sets)


@pytest.mark.parametrize(
    ("duration", "borne"),
    [
        ("20 s", {"ups": 1.4, "panel": 3.6 * PANEL, "whip": 6 * (4 / 20) ** 0.5 / 0.8, "transformer": 1.8}),
        ("500 ms", {"ups": 1.4, "panel": 3.6 * PANEL, "whip": 8 / 0.8, "transformer": 1.8}),
        (
            "45 s",
            {
                "ups": 1.0,
                "panel": 6 * (12 / 45) ** 0.5 * PANEL,
                "whip": 6 * (4 / 45) ** 0.5 / 0.8,
                "transformer": 1.8,
            },
        ),
        ("2 h", {"ups": 1.0, "panel": 1.0, "whip": 1.0, "transformer": 1.0}),
    ],
)
def test_a_device_is_loaded_by_the_mean_or_by_the_peak_over_what_it_bears(duration, borne):
    free = {"power.policy": "none"}
    mean = twin.solve(hall(**free), twin.Operation(**PEAK | {"edp_factor": 1.0}))
    peak = twin.solve(hall(**free), twin.Operation(**PEAK))
    state = twin.solve(hall(duration, **free), twin.Operation(**PEAK))
    for kind in KINDS:
        expected = np.maximum(loading(mean, kind), loading(peak, kind) / borne[kind])
        np.testing.assert_allclose(loading(state, kind), expected, rtol=1e-12)
    # The utility and all heat limits hold the mean in any case.
    assert state.device_loading.values[0, 0] == pytest.approx(mean.device_loading.values[0, 0], rel=1e-12)


def test_short_peaks_free_the_racks_that_lasting_ones_hold():
    lasting, short = (
        twin.solve(hall(each), twin.Operation(rack_power=142e3, edp_factor=1.7)) for each in (None, "20 s")
    )
    assert set(lasting.binding_kind.values[lasting.binding.values[0]]) == {"ups"}
    assert "ups" not in set(short.binding_kind.values[short.binding.values[0]])
    assert short.tokens_per_second.item() > lasting.tokens_per_second.item()


def test_a_limit_of_short_peaks_is_full_where_it_binds():
    state = twin.solve(hall("10 ms"), twin.Operation(rack_power=142e3, edp_factor=1.75, out=[["ups.1A"]]))
    names = state.binding_kind.values
    assert set(names[state.binding.values[0, :32]]) == {"ups"}
    assert np.nanmax(loading(state, "ups")) == pytest.approx(1.0, abs=1e-6)
    # Three units bear 1.4 of 1,875 kW each at the peak.
    assert state.device_power.sel(device="ups.1B").item() < 1875e3


def test_shelves_bear_a_pulse_within_their_hold_up():
    """Two of four panels out leave half of the shelves, 132 kW: for a lasting peak of 1.4 times the mean 97 kW."""
    wide = {"rows.whip.product": "whip-100a-415v"}
    for side in "CD":
        wide |= {
            f"power.devices[rpp.{side}1].product": "rpp-800",
            f"power.devices[ups.{side}].product": "ups-1500",
        }
    out = {"rack_power": 105e3, "edp_factor": 1.4, "out": [["rpp.A1", "rpp.B1"]]}
    lasting, pulse = (
        twin.solve(twin.load("gb300-su", wide | sets), twin.Operation(**out))
        for sets in ({}, {"workload.edp_duration": "10 ms"})
    )
    names = lasting.binding_kind.values
    assert set(names[lasting.binding.values[0, :8]]) == {"shelf"}
    made = product("gb300-nvl72")["shelfEfficiency"].T
    full = converter.input_power(132e3, 132e3, converter.loss_coefficients(*made))
    np.testing.assert_allclose(lasting.power.values[0, :8], full / 1.4, rtol=1e-9)
    assert set(names[pulse.binding.values[0, :8]]) == {"demand"}


def test_secure_caps_hold_the_mean_and_the_peak_after_any_outage():
    sets = {"workload.edp_duration": "20 s", "power.security": "n-1"}
    operation = {"rack_power": 142e3, "edp_factor": 2.0}
    caps = twin.solve(twin.load("gb300-su", sets), twin.Operation(**operation))
    assert caps.converged.all()
    watched = twin.load("gb300-su", {"workload.edp_duration": "20 s", "power.policy": "none"})
    outs = [
        [name]
        for name, kind in zip(watched.devices.name, watched.devices.kind, strict=True)
        if DEVICE_KINDS[kind] in ("panel", "ups", "transformer")
    ]
    after = twin.solve(watched, twin.Operation(rack_power=caps.power.values, edp_factor=2.0, out=outs))
    of_chain = np.isin(after.device_kind.values, KINDS)
    worst = np.nanmax(after.device_loading.values[:, of_chain])
    # Outages of parts that share only the source are looked at together: its impedance couples them that little.
    assert worst <= 1.0 + 1e-5
    assert worst == pytest.approx(1.0, abs=1e-3)
