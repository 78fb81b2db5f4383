"""Short-circuit levels of a facility against a hand calculation by IEC 60909-0."""

import math

import pytest

import twin
from twin.plant.fault import fault_levels


def levels(*arguments):
    return {level.device: level for level in fault_levels(twin.load(*arguments))}


def test_the_reference_pod_by_hand():
    """Ik'' = c U / (3^1/2 |Z|) with Z of the grid, K_T times the transformer, and the runs at 20 degC."""
    found = levels()
    assert found["utility"].greatest == pytest.approx(500e6 / (math.sqrt(3) * 13.8e3), rel=1e-12)
    volts, cold = 415.0, 1.0 / (1.0 + 0.00393 * 55.0)
    whole = 1.1 * volts**2 / 500e6  # the grid seen from 415 V, R/X 0.1
    grid = complex(0.1, 1.0) * whole / math.hypot(0.1, 1.0)
    base = volts**2 / 1250e3
    ratio = math.sqrt(0.06**2 - (9e3 / 1250e3) ** 2)
    corrected = 0.95 * 1.05 / (1 + 0.6 * ratio)
    low = grid + corrected * base * complex(9e3 / 1250e3, ratio)
    assert found["T.A"].greatest == pytest.approx(1.05 * volts / math.sqrt(3) / abs(low), rel=1e-9)
    foot = 0.3048
    ups = low + complex(0.0076e-3 * cold, 0.0039e-3) / foot * 10
    panel = ups + complex(0.0167e-3 * cold, 0.0095e-3) / foot * 30
    whip = panel + complex(0.49e-3 * cold, 0.051e-3) / foot * 12 / 2
    for device, impedance in (("ups.A", ups), ("rpp.A1", panel), ("whip.row1.01.rpp.A1", whip)):
        current = 1.05 * volts / math.sqrt(3) / abs(impedance)
        kappa = 1.02 + 0.98 * math.exp(-3 * impedance.real / impedance.imag)
        assert found[device].greatest == pytest.approx(current, rel=1e-9)
        assert found[device].peak == pytest.approx(kappa * math.sqrt(2) * current, rel=1e-9)
    inverter = 2.5 * 1000e3 / (math.sqrt(3) * volts)
    assert found["whip.row1.01.rpp.A1"].least == pytest.approx(inverter, rel=1e-9)


def test_direct_current_is_left_out():
    found = levels("vr-800vdc")
    assert "sst.A" not in found
    assert "rpp.A1" not in found
    assert {"utility", "T.M1", "ups.M1"} <= set(found)


def test_levels_fall_on_the_way_to_the_racks():
    found = levels("gb300-hall")
    way = [found[name].greatest for name in ("T.1A", "ups.1A", "P1-001.rpp.A1")]
    assert way == sorted(way, reverse=True)
    assert found["T.M1"].least > 20e3


def test_the_report_tells_the_levels(tmp_path):
    from twin.report.page import page
    from twin.summary import summary

    pod = twin.load()
    state = twin.solve(pod)
    text = page(pod, state, summary(pod, state, twin.findings(pod, state)))
    assert "<h2>Short circuit</h2>" in text
    assert "30.2 kA" in text
