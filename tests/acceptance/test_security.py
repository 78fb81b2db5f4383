"""Caps under `security: n-1` survive every single outage of the power chain and of the cooling units."""

import numpy as np
import pytest

import twin
from twin.facility import DEVICE_KINDS

CHAIN = ("panel", "ups", "transformer")
CASES = {
    "gb300-su at EDP 1.5": ("gb300-su", {}, {"edp_factor": 1.5}, "ups"),
    "with one panel out already": ("gb300-su", {}, {"out": [["rpp.A1"]]}, "panel"),
    "vr-su at EDP 1.2": ("vr-su", {}, {"edp_factor": 1.2}, "ups"),
    "small panels": ("vr-su", {"power.devices[rpp.A1].product": "rpp-500"}, {}, "panel"),
}


def single(facility, already):
    """Outages of every electrical device but the source, beside what is out anyway."""
    kinds = [DEVICE_KINDS[code] for code in facility.devices.kind]
    pairs = zip(facility.devices.name, kinds, strict=True)
    return [[*already, name] for name, kind in pairs if kind in (*CHAIN, "whip") and name not in already]


@pytest.mark.parametrize("case", CASES)
def test_caps_are_carried_after_any_single_outage_and_the_worst_one_is_full(case):
    layout, sets, fields, holder = CASES[case]
    operation = twin.Operation(rack_power=240e3 if layout == "vr-su" else 142e3, **fields)
    secure = twin.load(layout, {**sets, "power.security": "n-1"})
    caps = twin.solve(secure, operation)
    assert caps.converged.all()
    held = caps.binding_kind.values[caps.binding.values[0]]
    assert holder in held

    watched = twin.load(layout, {**sets, "power.policy": "none"})
    outs = single(watched, (fields.get("out") or [[]])[0])
    asked = {name: value for name, value in fields.items() if name != "out"}
    after = twin.solve(watched, twin.Operation(rack_power=caps.power.values, **asked, out=outs))
    of_chain = np.isin(after.device_kind.values, [*CHAIN, "whip"])
    loading = after.device_loading.values[:, of_chain]
    assert np.nanmax(loading) <= 1.0 + 1e-6
    assert np.nanmax(loading) == pytest.approx(1.0, abs=1e-4)


def test_without_it_an_outage_overloads():
    plain = twin.load()
    caps = twin.solve(plain, twin.Operation(rack_power=142e3, edp_factor=1.5))
    watched = twin.load("gb300-su", {"power.policy": "none"})
    after = twin.solve(watched, twin.Operation(rack_power=caps.power.values, edp_factor=1.5, out=[["ups.A"]]))
    assert after.device_loading.sel(device="ups.B").item() > 1.05


def test_caps_are_no_lower_than_the_worst_outage_asks():
    """A secure cap stands at the power that a plain solve allows with the worst device already out."""
    operation = {"rack_power": 142e3, "edp_factor": 1.5}
    secure = twin.solve(twin.load("gb300-su", {"power.security": "n-1"}), twin.Operation(**operation))
    outage = twin.solve(twin.load(), twin.Operation(**operation, out=[["T.A"]]))
    np.testing.assert_allclose(secure.power.values, outage.power.values, rtol=1e-6)


def test_cooling_units_count_with_one_less():
    """Three of three CDUs carry their duty; secure, two of three have to."""
    sets = {"loop.cdus.count": "2", "loop.cdus.required": "2", "loop.supply_temperature": "30 degC"}
    operation = twin.Operation(rack_power=142e3, dry_bulb=283.15)
    plain = twin.solve(twin.load("gb300-su", sets), operation)
    secure = twin.solve(twin.load("gb300-su", {**sets, "power.security": "n-1"}), operation)
    assert plain.cdu_duty.item() > 1.8e6
    assert secure.cdu_duty.item() == pytest.approx(1350e3, rel=1e-6)
    assert set(secure.binding_kind.values[secure.binding.values[0]]) == {"cdu"}


def test_units_of_a_site_are_secured_each_by_itself():
    """The outages of units that share only the source are looked at together, which changes nothing in each."""
    one = twin.solve(
        twin.load("gb300-su", {"power.security": "n-1"}), twin.Operation(rack_power=142e3, edp_factor=1.5)
    )
    hall = twin.load("gb300-hall", {"power.security": "n-1"})
    assert len(hall.outages) == 4
    # A pair's four UPS of 1,875 kW have 7 % less for a unit than its own four of 1,000 kW.
    state = twin.solve(hall, twin.Operation(rack_power=142e3, edp_factor=1.5))
    assert state.converged.all()
    ratio = state.rack_power.item() / 6 / one.rack_power.item()
    assert 0.92 < ratio < 0.95
