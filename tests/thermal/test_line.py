"""Plug flow against the exact delay."""

import numpy as np

from thermal import line


def test_a_step_comes_out_after_the_mass_in_the_line():
    """Adiabatic: a step at the inlet is at the outlet when the line's content has gone through, to rounding."""
    held, step = 30.0, 1.0
    made = line.filled(held, 100.0)
    seen = []
    for _ in range(60):
        made, out = line.pushed(made, step, 200.0)
        seen.append(float(out))
    expected = np.where(np.arange(60) < held / step, 100.0, 200.0)
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)


def test_the_delay_follows_a_flow_that_changes():
    """What entered at t leaves when the integral of the flow since t is the content."""
    rng = np.random.default_rng(7)
    flows = rng.uniform(0.0, 3.0, 200)
    made = line.filled(25.0, 0.0)
    entered = np.concatenate([[0.0], np.cumsum(flows)])
    signal = np.sin(np.arange(200) / 9.0)
    for place, flow in enumerate(flows):
        made, out = line.pushed(made, flow, signal[place])
        if entered[place] < 25.0 or flow < 1e-6:
            continue
        # Mean over the mass that leaves now of what entered when that mass did.
        low, high = entered[place] - 25.0, entered[place + 1] - 25.0
        cut = np.clip(entered, low, high)
        expected = float(np.sum(np.diff(cut) * signal) / (high - low))
        assert abs(float(out) - expected) < 1e-12


def test_a_line_at_rest_keeps_what_it_has():
    made = line.filled(np.array([4.0, 0.0]), np.array([7.0, 3.0]))
    for _ in range(3):
        made, out = line.pushed(made, 0.0, 99.0)
    np.testing.assert_array_equal(out[0], 7.0)
    assert made.mass[:, 0].sum() == 4.0


def test_enthalpy_is_kept_and_lines_are_independent():
    rng = np.random.default_rng(3)
    masses = np.array([5.0, 12.0, 0.7])
    made = line.filled(masses, np.array([1.0, 2.0, 3.0]))
    alone = line.filled(masses[1], 2.0)
    start = (made.mass * made.enthalpy).sum(axis=0)
    balance = np.zeros(3)
    for _ in range(80):
        flow, entering = rng.uniform(0.0, 2.0, 3), rng.uniform(0.0, 9.0, 3)
        made, out = line.pushed(made, flow, entering)
        alone, own = line.pushed(alone, flow[1], entering[1])
        assert float(own) == float(out[1])
        balance += flow * (entering - out)
    np.testing.assert_allclose(
        (made.mass * made.enthalpy).sum(axis=0) - start, balance, rtol=1e-12, atol=1e-10
    )
    np.testing.assert_allclose(made.mass.sum(axis=0), masses, rtol=1e-13)


def test_a_closed_loop_of_two_lines_repeats_with_its_period():
    one, other = line.filled(6.0, 0.0), line.filled(4.0, 0.0)
    pulse, seen = [1.0] + [0.0] * 39, []
    entering = 0.0
    for kick in pulse:
        one, between = line.pushed(one, 1.0, entering + kick)
        other, entering = line.pushed(other, 1.0, between)
        entering = float(entering)
        seen.append(entering)
    assert [place for place, value in enumerate(seen) if value == 1.0] == [9, 18, 27, 36] or [
        place for place, value in enumerate(seen) if value > 0.5
    ] == [10, 21, 32]
