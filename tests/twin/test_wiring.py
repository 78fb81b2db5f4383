"""Ambient and grouping of conductors, UPS modes and modules, against calculations by hand."""

import math

import numpy as np
import pytest

import twin
from electrical import converter

FOOT = 0.3048


def test_a_busway_in_warm_air_carries_less():
    """((95 - 50) / (95 - 40))^1/2 of its 2,000 A."""
    cool, warm = twin.load(), twin.load(None, {"power.ambient": "50 degC"})
    ups = cool.devices.name.index("ups.A")
    assert cool.chain.run_rating[ups] == 2000.0
    assert warm.chain.run_rating[ups] == pytest.approx(2000.0 * math.sqrt(45 / 55), rel=1e-12)


def test_whips_beside_each_other_carry_less():
    """65 A of 6 AWG in 30 degC; 40 degC and six circuits on a tray: (35 / 45)^1/2 and 0.73."""
    asked = {"power.ambient": "40 degC", "rows.whip.circuits": "6"}
    pod = twin.load(None, asked)
    whip = pod.devices.name.index("whip.row1.01.rpp.A1")
    assert pod.chain.run_rating[whip] == pytest.approx(2 * 65.0 * math.sqrt(35 / 45) * 0.73, rel=1e-12)
    verdict = twin.check(pod, twin.solve(pod))
    # The breaker of 60 A no longer protects them.
    assert verdict["E3-coordination"].sel(device="whip.row1.01.rpp.A1").item() < 0.0
    assert verdict["E2-ampacity"].sel(device="whip.row1.01.rpp.A1").item() > 0.0


def test_drop_and_temperature_of_a_run_by_hand():
    """3^1/2 I (R cos + X sin) over 415 V; 40 degC + 55 K (I / I_z)^2."""
    pod = twin.load()
    state = twin.solve(pod, keep="all")
    at = {
        name: state[name].sel(device="rpp.A1").item()
        for name in ("device_power", "run_loading", "voltage_drop")
    }
    amps = at["run_loading"] * 1000.0
    resistance, reactance = 0.0167e-3 / FOOT * 30, 0.0095e-3 / FOOT * 30
    expected = math.sqrt(3) * amps * (resistance * 0.98 + reactance * math.sin(math.acos(0.98))) / 415.0
    assert at["voltage_drop"] == pytest.approx(expected, rel=2e-3)
    found = state.conductor_temperature.sel(device="rpp.A1").item()
    assert found == pytest.approx(313.15 + 55.0 * at["run_loading"] ** 2, rel=1e-9)
    assert np.isnan(state.voltage_drop.sel(device="T.A").item())


def test_eco_mode_loses_less_and_lets_the_utility_through():
    double, eco = twin.load(), twin.load(None, {"power.ups_mode": "eco"})
    one, other = (twin.solve(pod, keep="all") for pod in (double, eco))
    assert other.converged.all()
    assert abs(float(other.ledger_power[0])) < 1e-9
    # The eco curve of the catalogue at the load of each UPS, by its own polynomial.
    load = float(other.device_power.sel(device="ups.A")[0]) / 1e6
    points = np.array([0.25, 0.5, 0.75, 1.0])
    fit = np.polyfit(points, points * (1 / np.array([0.985, 0.99, 0.99, 0.988]) - 1), 2)
    assert float(other.ups_loss[0]) == pytest.approx(4 * 1e6 * np.polyval(fit, load), rel=1e-4)
    assert float(other.ups_loss[0]) < 0.5 * float(one.ups_loss[0])
    # Voltage at a panel: what source, transformer and runs lose adds up, where an inverter starts anew.
    panel = (
        twin.check(eco, other)["E4-voltage"].values.min(),
        twin.check(double, one)["E4-voltage"].values.min(),
    )
    assert panel[0] < panel[1] - 0.005
    # The racks' reactive power reaches the transformer: 0.98, not the 0.99 of the UPS input.
    apparent = float(other.device_loading.sel(device="T.A")[0]) * 1250e3
    assert float(other.device_power.sel(device="T.A")[0]) / apparent == pytest.approx(0.98, abs=0.003)


def test_the_voltage_behind_a_ups_in_eco_mode_by_hand():
    """One panel's way in complex numbers from the utility's source down, with the powers of the solve."""
    pod = twin.load(None, {"power.ups_mode": "eco"})
    state = twin.solve(pod, keep="all")

    def power(name):
        return float(state.device_power.sel(device=name)[0])

    def turned(name, angle):
        return complex(power(name), power(name) * math.tan(angle))

    volts, angle = 415.0, math.acos(0.98)
    grid = complex(0.1, 1.0) / math.hypot(0.1, 1.0) * volts**2 / 500e6
    ratio = math.sqrt(0.06**2 - (9e3 / 1250e3) ** 2)
    winding = volts**2 / 1250e3 * complex(9e3 / 1250e3, ratio)
    runs = complex(0.0076e-3, 0.0039e-3) / FOOT * 10, complex(0.0167e-3, 0.0095e-3) / FOOT * 30
    whip = complex(0.49e-3, 0.051e-3) / FOOT * 12 / 2
    total = float(state.utility_power[0])
    # The six transformers take reactive power too: their leakage, and half a per cent of their rating standing.
    leaking = 4 * winding.imag * abs(turned("T.A", angle)) ** 2 / volts**2 + 0.005 * (4 * 1250e3 + 2 * 1000e3)
    steps = [
        (grid, complex(total, total * math.tan(angle) + leaking)),
        (winding + runs[0], turned("T.A", angle)),
        (runs[1], turned("rpp.A1", angle)),
        (whip, complex(1.0, math.tan(angle)) * float(state.power[0, 0]) / 4),
    ]
    at = complex(volts)
    for impedance, carried in steps:
        before = at
        for _ in range(20):
            at = before - impedance * (carried / at).conjugate()
    assert float(state.feed_voltage[0, 0]) == pytest.approx(abs(at) / volts, abs=1e-4)


def test_an_outage_behind_a_ups_in_eco_mode():
    pod = twin.load(None, {"power.ups_mode": "eco"})
    state = twin.solve(pod, twin.Operation(out=[["ups.A"], ["T.B"], []]))
    assert state.converged.all()
    assert (np.abs(state.ledger_power.values) < 1e-9).all()
    assert float(state.device_power.sel(device="ups.A")[0]) == 0.0
    alone = twin.solve(pod, twin.Operation(out=[["T.B"]]))
    assert float(alone.utility_power[0]) == float(state.utility_power[1])


def test_modules_that_lose_least_stay_on():
    """Brute force over one to four modules of 250 kW."""
    light = twin.Operation(rack_power=70e3)
    pod = twin.load(None, {"power.module_shedding": "true"})
    state = twin.solve(pod, light)
    output = float(state.device_power.sel(device="ups.A")[0])
    curve = pod.chain.converter_coefficients[0]
    lost = min(
        float(converter.loss(output, count * 250e3, curve))
        for count in range(1, 5)
        if count * 250e3 >= output
    )
    assert float(state.ups_loss[0]) == pytest.approx(4 * lost, rel=1e-3)
    assert float(state.ups_loss[0]) < 0.99 * float(twin.solve(twin.load(), light).ups_loss[0])
    assert abs(float(state.ledger_power[0])) < 1e-9
