"""Caps under `security: n-1` survive every single outage of the power chain and of the cooling units."""

from importlib.resources import files

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


def edited(tmp_path, *changes):
    """h100-air with texts of it replaced."""
    text = (files("twin") / "layouts" / "h100-air.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "edited.yaml"
    file.write_text(text, "utf-8")
    return str(file)


def highest_after(layout, sets, caps, outs, kinds):
    """Greatest loading of devices of some kinds when racks keep drawing their caps after each outage."""
    watched = twin.load(layout, {**sets, "power.policy": "none"})
    after = twin.solve(watched, twin.Operation(rack_power=caps.power.values, edp_factor=1.4, out=outs))
    assert after.converged.all()
    return np.nanmax(after.device_loading.values[:, np.isin(after.device_kind.values, kinds)])


def test_of_two_ups_on_one_transformer_each_carries_the_other(tmp_path):
    """The transformer takes both down, so its outage does not stand for that of one UPS."""
    both = "    - {name: T.B, product: transformer-1250, feed: utility}\n"
    layout = edited(
        tmp_path,
        (both, ""),
        ("transformer-1250", "transformer-2500"),
        ("feed: T.B", "feed: T.A"),
        ("ups-1000", "ups-750"),
    )
    sets = {"power.security": "n-1"}
    caps = twin.solve(twin.load(layout, sets), twin.Operation(rack_power=31.44e3, edp_factor=1.4))
    assert set(caps.binding_kind.values[caps.binding.values[0]]) == {"ups"}
    loading = highest_after(layout, {}, caps, [["ups.A"], ["ups.B"], ["rpp.A1"]], CHAIN)
    assert loading == pytest.approx(1.0, abs=1e-5)


def test_what_an_outage_adds_without_racks_counts(tmp_path):
    """UPS A feeds fan walls only; its outage puts their power on B, beside the racks that B and C feed all along."""
    layout = edited(
        tmp_path,
        ("    - {name: rpp.A1, product: rpp-500, feed: ups.A", "    - {name: rpp.A1, product: rpp-500, feed: ups.C"),
        ("    - {name: rpp.A2, product: rpp-500, feed: ups.A", "    - {name: rpp.A2, product: rpp-500, feed: ups.C"),
        ("    - {name: ups.B", "    - {name: ups.C, product: ups-1000, feed: T.B}\n    - {name: ups.B"),
        ("ups.B, product: ups-1000", "ups.B, product: ups-750"),
        ("redundancy: 2N ", "redundancy: N+1 "),
        ("feeds: [rpp.A1, rpp.B1]", "feeds: [rpp.B1, rpp.A1]"),
        ("feeds: [rpp.A2, rpp.B2]", "feeds: [rpp.B2, rpp.A2]"),
    )  # fmt: skip
    asked = twin.Operation(rack_power=31.44e3, edp_factor=1.4)
    caps = twin.solve(twin.load(layout, {"power.security": "n-1"}), asked)
    assert "ups" in caps.binding_kind.values[caps.binding.values[0]]
    loading = highest_after(layout, {}, caps, [["ups.A"]], ("ups",))
    assert loading == pytest.approx(1.0, abs=1e-5)


def test_whips_hold_what_is_left_of_them_after_an_outage():
    sets = {"rows.whip.per_feed": "1", "rows.support_load": "0 kW"}
    caps = twin.solve(
        twin.load("gb300-su", {**sets, "power.security": "n-1"}),
        twin.Operation(rack_power=110e3, edp_factor=1.4),
    )
    assert set(caps.binding_kind.values[caps.binding.values[0]]) == {"whip"}
    loading = highest_after("gb300-su", sets, caps, [["rpp.A1"], ["ups.B"]], ("whip",))
    assert loading == pytest.approx(1.0, abs=1e-5)


def test_an_outage_that_leaves_no_voltage_solution_is_not_survived(tmp_path):
    """Two lines of 4 km carry the racks, one of them alone not even their floors: no caps, and no warning."""
    layout = edited(tmp_path, ("length: 30 m", "length: 4000 m"))
    assert twin.solve(twin.load(layout)).converged.all()
    secure = twin.solve(twin.load(layout, {"power.security": "n-1"}))
    assert secure.reason.attrs["flag_meanings"].split()[int(secure.reason.item())] == "floors_exceed_limit"


def test_the_only_unit_is_not_secured_against_its_own_outage():
    """Its racks go dark with it, as those of a lost only feed do: nothing is left to overload."""
    only = {"out": [["cdu.1", "cdu.2", "cdu.3"]], "rack_power": 142e3, "support_load": 0.0}
    plain = twin.solve(twin.load(), twin.Operation(**only))
    secure = twin.solve(twin.load("gb300-su", {"power.security": "n-1"}), twin.Operation(**only))
    assert set(plain.binding_kind.values[plain.binding.values[0]]) == {"cdu"}
    np.testing.assert_allclose(secure.power.values, plain.power.values, rtol=1e-9)


def test_of_two_panels_on_one_ups_each_carries_the_other(tmp_path):
    """Both feeds of a row hang on one UPS: its outage takes the row down, that of one panel loads the other."""
    layout = edited(
        tmp_path,
        ("feed: ups.B, conductor: busway-1000a", "feed: ups.A, conductor: busway-1000a"),
        ("rpp-500", "rpp-300"),
    )
    caps = twin.solve(twin.load(layout, {"power.security": "n-1"}), twin.Operation(edp_factor=1.4))
    assert set(caps.binding_kind.values[caps.binding.values[0]]) == {"panel"}
    assert highest_after(layout, {}, caps, [["rpp.A1"], ["rpp.B2"]], CHAIN) == pytest.approx(1.0, abs=1e-5)
