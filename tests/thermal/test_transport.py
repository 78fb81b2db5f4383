"""Plug flow against a pure delay and drops followed one by one, lumps against closed forms, loops by their energy."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from thermal.exchanger import counterflow
from thermal.transport import (
    coasted,
    exchanger,
    filled,
    mean_temperature,
    node,
    pipe,
    run_down_time,
    stroked,
    tank,
)

RANDOM = np.random.default_rng(20)
STEPS = 60
# Flow, length of the steps and inlet of a pipe of 10 kJ/K, with two steps at rest and one that flushes it
RATE = RANDOM.uniform(50.0, 900.0, STEPS)
RATE[[17, 18]] = 0.0
RATE[40] = 9e3
SPAN = RANDOM.uniform(1.0, 4.0, STEPS)
INLET = RANDOM.uniform(290.0, 330.0, STEPS)
HELD, START = 10e3, 300.0


def through(conductance=0.0, ambient=0.0):
    """The outlet's mean in each step, and the contents after."""
    state, out = filled(HELD, START), []
    around = np.broadcast_to(ambient, (STEPS,))
    for step in range(STEPS):
        state, leaving = pipe(state, INLET[step], RATE[step], SPAN[step], conductance, around[step])
        out.append(float(leaving))
    return np.array(out), state


def test_a_step_is_delayed_by_length_over_velocity() -> None:
    """20 m at 0.8 m/s are 25 s: nothing for 25 steps of 1 s, all in the next."""
    state, out = filled(25.0, 10.0), []
    for _ in range(40):
        state, leaving = pipe(state, 20.0, 1.0, 1.0)
        out.append(float(leaving))
    np.testing.assert_allclose(out, np.where(np.arange(40) < 25, 10.0, 20.0), rtol=1e-12)


def test_varying_flow_is_an_exact_delay() -> None:
    """What has left went in one content of the pipe before: by the running integral of the inlet."""
    out, state = through()
    passed = np.concatenate([[0.0], np.cumsum(RATE * SPAN)])
    heat = np.concatenate([[0.0], np.cumsum(RATE * SPAN * INLET)])
    went_in = np.interp(
        passed - HELD, np.concatenate([[-HELD], passed]), np.concatenate([[-HELD * START], heat])
    )
    flows = np.diff(passed) > 0
    expected = np.diff(went_in)[flows] / np.diff(passed)[flows]
    np.testing.assert_allclose(out[flows], expected, rtol=1e-12)
    # At rest the outlet shows what would leave next.
    assert out[17] == out[18]
    # The contents are as much as they were, and all heat that went in is in the pipe or out of it.
    assert state.capacity.sum() == pytest.approx(HELD, rel=1e-13)
    left = HELD * START + heat[-1] - (RATE * SPAN * out).sum()
    assert HELD * mean_temperature(state) == pytest.approx(left, rel=1e-12)


def test_steady_loss_is_the_exponential_of_the_transfer_units() -> None:
    conductance, rate = np.array([0.0, 30.0, 400.0, 5e3]), np.array([[100.0], [700.0]])
    state = filled(HELD, START)
    for _ in range(8):
        state, out = pipe(state, 330.0, rate, 50.0, conductance, 290.0)
    np.testing.assert_allclose(out, 290 + 40 * np.exp(-conductance / rate), rtol=1e-13)
    # The loss is that of the mean temperature.
    lost = conductance * (mean_temperature(state) - 290.0)
    np.testing.assert_allclose(lost, rate * (330.0 - out), rtol=1e-10, atol=1e-9)


def test_a_pipe_at_rest_cools_at_its_outlet_too() -> None:
    state = filled(HELD, START)
    for _ in range(3):
        state, running = pipe(state, 330.0, 700.0, 50.0, 400.0, 290.0)
    state, standing = pipe(state, 330.0, 0.0, 10.0, 400.0, 290.0)
    # The drop that would leave next, ten seconds older.
    assert standing == pytest.approx(290 + (running - 290) * np.exp(-400.0 * 10 / HELD), rel=1e-13)
    assert pipe(state, 330.0, 1e-6, 1e-3, 400.0, 290.0)[1] == pytest.approx(float(standing), rel=1e-6)


def test_loss_at_varying_flow_and_surroundings_drop_by_drop() -> None:
    """Drops followed one by one through all steps, at the points of Gauss in each piece of what leaves."""
    conductance, ambient = 35.0, np.linspace(280.0, 310.0, STEPS)
    out, state = through(conductance, ambient)
    clock = np.concatenate([[0.0], np.cumsum(SPAN)])
    passed = np.concatenate([[0.0], np.cumsum(RATE * SPAN)])

    def drop(amount: float) -> float:
        """Temperature of the drop that leaves when so much has passed."""
        leaves = np.interp(amount, passed, clock)
        inside = amount < HELD
        source = amount - HELD
        step = 0 if inside else min(int(np.searchsorted(passed, source, side="right")) - 1, STEPS - 1)
        temperature = START if inside else INLET[step]
        now = 0.0 if inside else clock[step] + (source - passed[step]) / RATE[step]
        while now < leaves - 1e-12:
            until = min(clock[step + 1], leaves)
            temperature = ambient[step] + (temperature - ambient[step]) * np.exp(
                -conductance / HELD * (until - now)
            )
            now, step = until, step + 1
        return float(temperature)

    points, weights = np.polynomial.legendre.leggauss(8)
    for step in np.flatnonzero(RATE > 0):
        low, high = passed[step], passed[step + 1]
        # Where a parcel ends the outlet jumps.
        cuts = np.unique(np.clip(np.concatenate([[low, high], passed + HELD]), low, high))
        pieces = [
            (b - a)
            / 2
            * sum(w * drop((a + b) / 2 + (b - a) / 2 * p) for p, w in zip(points, weights, strict=True))
            for a, b in pairwise(cuts)
        ]
        assert out[step] == pytest.approx(sum(pieces) / (high - low), rel=1e-12)
    assert 280 < mean_temperature(state) < 330


def test_two_halves_are_one_step() -> None:
    """The state is exact, so the length of the step does not matter, with loss and at a flow that flushes the pipe."""
    state = filled(HELD, START)
    state, _ = pipe(state, 320.0, 700.0, 6.0, 300.0, 285.0)
    for rate in (0.0, 400.0, 4e3):
        once, out = pipe(state, 310.0, rate, 5.0, 300.0, 285.0)
        half, first = pipe(state, 310.0, rate, 2.0, 300.0, 285.0)
        half, second = pipe(half, 310.0, rate, 3.0, 300.0, 285.0)
        assert mean_temperature(half) == pytest.approx(float(mean_temperature(once)), rel=1e-13)
        if rate:
            assert out == pytest.approx((2 * first + 3 * second) / 5, rel=1e-13)
        else:
            assert out == pytest.approx(float(second), rel=1e-13)


def test_a_pipe_of_nothing_passes_all_on() -> None:
    state, out = pipe(filled(0.0, 300.0), 320.0, 5.0, 1.0, 10.0, 280.0)
    assert out == 320.0
    assert state.capacity.sum() == 0.0


def test_a_loop_without_loss_has_the_period_of_its_delays() -> None:
    """Three pipes in a ring of 3, 5 and 4 s: after 12 s each holds what it held."""
    rings = [filled(3.0, 300.0), filled(5.0, 310.0), filled(4.0, 290.0)]
    before = [float(mean_temperature(one)) for one in rings]
    for _ in range(12 * 4):
        # A quarter second is shorter than any pipe, so what leaves does not hang on what enters.
        leaving = [pipe(one, 0.0, 1.0, 0.25)[1] for one in rings]
        rings = [pipe(one, leaving[index - 1], 1.0, 0.25)[0] for index, one in enumerate(rings)]
    np.testing.assert_allclose([mean_temperature(one) for one in rings], before, rtol=1e-13)


def test_tank_is_an_exponential() -> None:
    time = np.array([0.0, 1.0, 30.0, 500.0])
    after, mean = tank(300.0, 4e4, 2e3, 320.0, 0.0, time)
    decay = np.exp(-2e3 * time / 4e4)
    np.testing.assert_allclose(after, 320 - 20 * decay, rtol=1e-14)
    expected = [320 - 20 * quad(lambda t: np.exp(-t / 20), 0, t)[0] / t if t else 300.0 for t in time]
    np.testing.assert_allclose(mean, expected, rtol=1e-12)


def test_tank_with_heat_and_loss_against_an_integrator() -> None:
    def slope(_, y):
        return (2e3 * (320 - y) + 150 * (285 - y) + 9e3) / 4e4

    known = solve_ivp(slope, (0, 25), [300.0], rtol=1e-12, atol=1e-12).y[0, -1]
    after, _ = tank(300.0, 4e4, 2e3, 320.0, 9e3, 25.0, 150.0, 285.0)
    assert after == pytest.approx(known, rel=1e-11)


def test_node_keeps_energy_from_no_turns_to_many() -> None:
    turns = np.concatenate([[0.0], np.geomspace(1e-12, 1e3, 200), [0.01, np.nextafter(0.01, 1)]])
    conductance = turns * 460.0 / 5.0
    after, mean = node(310.0, 460.0, conductance, 300.0, 1200.0, 5.0)
    taken = 1200.0 * 5.0 + conductance * 5.0 * (300.0 - mean)
    # Heat of some 6 kJ against a capacity times temperature of 140 kJ.
    np.testing.assert_allclose(460.0 * (after - 310.0), taken, rtol=1e-9, atol=1e-8)
    # Without flow the plate warms in a straight line: 2.6 K/s at 1.2 kW.
    assert after[0] == pytest.approx(310 + 1200 / 460 * 5, rel=1e-14)
    assert after[-3] == pytest.approx(300 + 1200.0 / conductance[-3], rel=1e-12)


def test_plate_settles_at_its_case_temperature() -> None:
    after, _ = node(318.15, 460.0, 1 / 0.0209, 318.15, 1000.0, 1e3)
    assert after == pytest.approx(318.15 + 20.9, rel=1e-12)


def test_exchanger_settles_at_its_effectiveness_and_keeps_energy() -> None:
    effectiveness = counterflow(300e3, 82e3, 86e3)
    hot, cold = np.array([310.0, 320.0]), np.array([300.0, 305.0])
    stored = [1.5e6 * hot + 1.3e6 * cold]
    exchange = 0.0
    for _ in range(200):
        hot, cold, hot_mean, cold_mean = exchanger(
            hot, cold, 1.5e6, 1.3e6, 82e3, 86e3, 320.0, 300.0, effectiveness, 1.0
        )
        exchange = exchange + 82e3 * (320.0 - hot_mean) + 86e3 * (300.0 - cold_mean)
    gained = 1.5e6 * hot + 1.3e6 * cold - stored[0]
    np.testing.assert_allclose(gained, exchange, rtol=0, atol=1e-9 * 200 * 82e3 * 20)
    # 200 s are eleven time constants.
    np.testing.assert_allclose(hot, 320 - effectiveness * 20, rtol=0, atol=1e-3)
    np.testing.assert_allclose(82e3 * (320 - hot), 86e3 * (cold - 300), rtol=1e-4)


def test_closed_loop_keeps_energy_over_a_transient() -> None:
    """Racks, two lines with loss, the wall of one, and a CDU: ten minutes of a pump trip and a load step."""
    dt, run_down = 0.5, np.array([2.0, 4.0, 8.0])  # three scenarios
    supply, back = filled(np.full(3, 3e6), 318.0), filled(np.full(3, 3e6), 328.0)
    rack, wall, hot, cold = (np.full(3, value) for value in (328.0, 328.0, 318.0, 320.0))
    speed, valve, flows = np.ones(3), 0.3, 0.0

    def stored():
        pipes = 3e6 * (mean_temperature(supply) + mean_temperature(back))
        return pipes + 4e5 * rack + 2e5 * wall + 8e5 * (hot + cold)

    start = stored()
    for step in range(1200):
        time = step * dt
        speed = coasted(speed, run_down, dt) if 100 <= time < 130 else stroked(speed, 1.0, 30.0, dt)
        valve = stroked(valve, 1.0, 60.0, dt)
        rate, power = 80e3 * speed * valve, 8e5 if time < 300 else 2e5
        _, inlet = pipe(supply, 0.0, rate, dt, 500.0, 298.0)
        rack, returned = tank(rack, 4e5, rate, inlet, power, dt)
        before = 3e6 * mean_temperature(back)
        back, arriving = pipe(back, returned, rate, dt, 500.0, 298.0)
        lost = before + rate * dt * (returned - arriving) - 3e6 * mean_temperature(back)
        wall, entering = tank(wall, 2e5, rate, arriving, 0.0, dt)
        effectiveness = counterflow(300e3, rate, 86e3)
        hot, cold, leaving, warm = exchanger(
            hot, cold, 8e5, 8e5, rate, 86e3, entering, 310.0, effectiveness, dt
        )
        before = 3e6 * mean_temperature(supply)
        supply, again = pipe(supply, leaving, rate, dt, 500.0, 298.0)
        lost = lost + before + rate * dt * (leaving - again) - 3e6 * mean_temperature(supply)
        # Shorter than the pipe is long, so the outlet did not hang on the inlet it was asked with.
        np.testing.assert_array_equal(again, inlet)
        assert np.all(lost > 0)
        flows = flows + power * dt + 86e3 * dt * (310.0 - warm) - lost
    moved = 8e5 * 300 + 2e5 * 300
    assert np.abs(stored() - start - flows).max() < 1e-9 * moved
    # It is a transient: much else is stored now.
    assert np.all(np.abs(stored() - start) > 1e-2 * moved)


def test_coasting_against_an_integrator() -> None:
    """0.5 kg m2 at 300 rad/s and 30 kW: torque with the square of the speed."""
    run_down = run_down_time(0.5, 300.0, 30e3)
    assert run_down == 1.5
    torque = 30e3 / 300.0
    known = solve_ivp(lambda _, w: -torque * (w / 300) ** 2 / 0.5, (0, 4), [300.0], rtol=1e-11, atol=1e-10)
    assert coasted(1.0, run_down, 4.0) == pytest.approx(known.y[0, -1] / 300, rel=1e-8)
    # A hyperbola goes on from where it is.
    assert coasted(coasted(0.8, 2.0, 1.0), 2.0, 3.0) == pytest.approx(
        float(coasted(0.8, 2.0, 4.0)), rel=1e-14
    )
    assert coasted(0.0, 2.0, 1.0) == 0.0


def test_valve_moves_at_its_stroke_and_stops_at_its_target() -> None:
    position, seen = np.array([0.0, 1.0, 0.5]), []
    for _ in range(13):
        position = stroked(position, np.array([1.0, 0.4, 0.52]), 120.0, 10.0)
        seen.append(position)
    seen = np.array(seen)
    np.testing.assert_allclose(seen[:, 0], np.minimum(np.arange(1, 14) / 12, 1.0), rtol=1e-13)
    np.testing.assert_allclose(seen[:, 1], np.maximum(1 - np.arange(1, 14) / 12, 0.4), rtol=1e-13)
    np.testing.assert_allclose(seen[:, 2], 0.52, rtol=1e-15)


def test_batch_equals_loop() -> None:
    rates = np.array([[0.0, 200.0], [900.0, 9e3]])
    state = filled(np.full((2, 2), HELD), START)
    singles = [[filled(HELD, START) for _ in row] for row in rates]
    for inlet in (320.0, 310.0, 330.0):
        state, out = pipe(state, inlet, rates, 4.0, 200.0, 290.0)
        for i, j in np.ndindex(2, 2):
            singles[i][j], one = pipe(singles[i][j], inlet, rates[i, j], 4.0, 200.0, 290.0)
            assert out[i, j] == pytest.approx(float(one), rel=1e-14)
