"""What the reference layout becomes: catalogue figures in the arrays, names, places, feeds."""

from pathlib import Path

import numpy as np
import pytest

import twin
from twin.catalogue import product

ZERO = 273.15
SITE = Path(__file__).parents[1] / "cases" / "gb300-96" / "layout.yaml"


@pytest.fixture(scope="module")
def pod():
    return twin.load()


def test_five_catalogue_flow_points_are_exact_and_the_curve_is_monotone_between(pod):
    curve = pod.racks.types[0].liquid_flow
    supply = np.array([25.0, 30.0, 35.0, 40.0, 45.0]) + ZERO
    np.testing.assert_allclose(curve(supply) * 60e3, [65.1, 76.5, 92.6, 117.5, 160.0], rtol=1e-12)
    dense = curve(np.linspace(25.0, 45.0, 2001) + ZERO)
    assert (np.diff(dense) > 0).all()
    # The published fit (2062 / (59.08 - T))^1.018 L/min lies within 0.2 L/min of the points.
    fit = (2062.0 / (59.08 - np.linspace(25, 45, 2001))) ** 1.018
    assert np.abs(dense * 60e3 - fit).max() < 1.0


def test_rack_composition_of_the_reference(pod):
    racks = pod.racks
    assert racks.fixed[0] == pytest.approx(136e3 - 72 * 1400.0)
    assert racks.heat_capture[0] * 136e3 == pytest.approx(116e3)
    assert racks.case_limit[0] - ZERO == pytest.approx(74.7, abs=0.05)


def test_the_pod_has_sixteen_racks_eight_whips_each_and_a_hundred_devices(pod):
    assert len(pod.racks.name) == 16
    whips = pod.chain.feed_whips[pod.chain.feed_load == 3]
    assert whips.tolist() == [2.0, 2.0, 2.0, 2.0]
    assert len(set(pod.devices.name)) == len(pod.devices.name)
    assert np.isfinite(pod.devices.rating).all()


def test_every_electrical_device_hangs_on_the_utility(pod):
    chain = pod.chain
    for node in range(len(chain.parent)):
        steps = 0
        while chain.parent[node] >= 0:
            node = chain.parent[node]
            steps += 1
            assert steps < len(chain.parent)
        assert node == 0


def test_blocks_repeat_the_unit_with_their_own_names_and_places():
    site = twin.load("tests/cases/gb300-96/layout.yaml")
    assert len(site.racks.name) == 1536
    assert site.racks.name[16].startswith("SU002.")
    moved = site.racks.box[16] - site.racks.box[0]
    np.testing.assert_allclose(moved, [[0.0, 12.0, 0.0]] * 2)


def test_ninety_six_units_solve_like_one(pod):
    """Each unit has its own plant and chain, so per rack the site is the pod, less the stiffer source."""
    site = twin.load("tests/cases/gb300-96/layout.yaml")
    one, many = twin.solve(pod), twin.solve(site)
    np.testing.assert_allclose(many.power.values[0], np.tile(one.power.values[0], 96), rtol=1e-9)
    np.testing.assert_allclose(many.supply_temperature.values[0], one.supply_temperature.values[0, 0])
    np.testing.assert_allclose(many.utility_power, 96 * one.utility_power, rtol=1e-3)


def test_an_outage_in_one_block_leaves_the_others_alone():
    site = twin.load("tests/cases/gb300-96/layout.yaml")
    calm, hurt = (
        twin.solve(site, twin.Operation(out=out, rack_power=142e3))
        for out in (None, ["SU003.ups.A", "SU003.ups.B"])
    )
    other = np.array([not name.startswith("SU003.") for name in site.racks.name])
    np.testing.assert_allclose(hurt.power.values[0, other], calm.power.values[0, other], rtol=1e-9)
    assert (hurt.power.values[0, ~other] < calm.power.values[0, ~other]).all()


def test_shelf_curve_gives_139_5_kw_at_tdp():
    made = product("gb300-nvl72")
    from electrical import converter

    curve = converter.loss_coefficients(*made["shelfEfficiency"].T)
    drawn = converter.input_power(136e3, made["numShelves"] * made["shelfRating"], curve)
    assert drawn == pytest.approx(139.5e3, rel=1e-3)


def test_panels_stand_where_the_layout_puts_them_in_every_block(pod):
    devices = pod.devices
    panel = devices.box[devices.name.index("rpp.C2")]
    np.testing.assert_allclose(panel, [[8.9, 5.03, 0.0], [9.5, 5.63, 2.0]])
    assert np.isnan(devices.box[devices.name.index("ups.A")]).all()
    site = twin.load(str(SITE)).devices
    moved = site.box[site.name.index("SU003.rpp.C2")]
    np.testing.assert_allclose(moved, panel + [0.0, 24.0, 0.0])
    # A product without a size has no place, so a sweep over products needs no other layout.
    other = twin.load(sets={"power.devices[rpp.C2].product": "ups-1000"}).devices
    assert np.isnan(other.box[other.name.index("rpp.C2")]).all()


def test_the_fingerprint_tells_two_layouts_apart_and_one_from_itself_not(pod):
    assert twin.load().fingerprint == pod.fingerprint
    assert twin.load("gb300-su", {"site.dry_bulb": "36 degC"}).fingerprint != pod.fingerprint


def test_carbon_is_the_utility_times_the_grids_intensity(pod):
    state = twin.solve(pod, keep="summary")
    np.testing.assert_allclose(state.carbon, state.utility_power * 0.35 / 3.6e6, rtol=1e-12)


def test_precision_sets_the_peak_and_the_bytes_of_a_weight():
    fast, slow = (twin.load("gb300-su", {"workload.precision": name}) for name in ("nvfp4", "fp8"))
    assert (fast.racks.types[0].gpu.flops_low, slow.racks.types[0].gpu.flops_low) == (15e15, 5e15)
    assert (fast.workload.weight_bytes, slow.workload.weight_bytes) == (0.5625, 1.0)
    assert twin.solve(slow).tokens_per_second < twin.solve(fast).tokens_per_second


def test_precision_of_the_cache_sets_its_bytes_and_that_of_the_weights_does_not(pod):
    bf16, fp8 = (twin.load("gb300-su", {"workload.kv_precision": name}) for name in ("bf16", "fp8"))
    # No run of the fit has such a cache.
    assert (bf16.racks.types[0].calibration.basis, bf16.racks.types[0].calibration.band) == (
        "extrapolation",
        0.21,
    )
    assert fp8.racks.types[0].calibration == twin.load("gb300-su").racks.types[0].calibration
    heavy = twin.load("gb300-su", {"workload.precision": "bf16"})
    assert [one.workload.kv_bytes for one in (bf16, fp8, heavy)] == [2.0, 1.0, 1.0]
    assert bf16.workload.weight_bytes == pod.workload.weight_bytes
    assert fp8.workload == pod.workload
    assert twin.solve(bf16).tokens_per_second < twin.solve(fp8).tokens_per_second


def test_tokens_of_an_unlimited_rack_are_those_of_its_seventy_two_gpus(pod):
    from twin.compute.serving import serve

    kind = pod.racks.types[0]
    service = serve(kind.gpu, pod.model, pod.workload, kind.calibration, kind.power_law)
    state = twin.solve(pod)
    np.testing.assert_allclose(state.tokens.values, 72 * service.output_tokens_per_second, rtol=1e-12)
    # What it asks for holds at the case limit; cooler cases leak less of 0.12 x 1400 W at 60 degC.
    cases = np.stack(
        [np.broadcast_to(pod.racks.case_limit, state.power.shape), state.case_temperature.values]
    )
    most, now = 0.12 * 1400 * np.exp(0.0143 * (cases - 333.15))
    np.testing.assert_allclose(state.gpu_power.values, service.gpu_power - (most - now), rtol=1e-9)
