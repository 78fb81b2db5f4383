"""Fans with a curve in the air of a room, and what perforated tiles take, against closed forms."""

import numpy as np
import pytest

from thermal.airflow import Air, step, still
from thermal.fan import fan, flow, rise, turn
from thermal.pump import head
from thermal.room import Face, faces, room
from thermal.tile import leak_coefficient, loss_coefficient

STILL = Air(viscosity=1e-9, eddy=0.0, expansion=0.0)
DENSITY = 1.2


def duct(loss, cells=(8, 2, 2), racks=()):
    """A duct of 0.2 m squared whose first face is a fan's, with a plate of a loss and solids that fans blow through."""
    solid = np.zeros(cells, dtype=bool)
    for rack in racks:
        solid[rack] = True
    kinds = faces(cells, solid)
    for axis in range(3):
        kind = np.moveaxis(kinds[axis], axis, 0)
        kind[0] = kind[-1] = Face.FIXED
    kinds[0][-1] = Face.OUTLET
    for rack in racks:
        kinds[0][rack] = kinds[0][rack + 1] = Face.FIXED
    if loss:
        kinds[0][3] = Face.POROUS
    lines = tuple(np.linspace(0.0, 0.1 * n, n + 1) for n in cells)
    return room(lines, kinds, solid, [np.full(kind.shape, loss) for kind in kinds])


def across(place):
    return [(place, j, k) for j in range(2) for k in range(2)]


def blown(made, blower, steps, time, state=None):
    fixed = tuple(np.zeros(len(made.length)) for _ in range(3))
    state = still(made, 297.15) if state is None else state
    flows = []
    for _ in range(steps):
        flows.append(turn(blower, state, DENSITY, time, fixed))
        state = step(made, STILL, state, None, time, tolerance=1e-11, fixed=fixed)
        assert flow(blower, state) == pytest.approx(flows[-1], rel=1e-12)
    return state, np.array(flows)


@pytest.mark.parametrize("loss", [5.0, 500.0, 1e5])
@pytest.mark.parametrize("speed", [1.0, 0.5])
def test_a_fan_meets_a_plate_where_their_curves_cross(loss, speed):
    """a N^2 + b N Q + c Q^2 = rho K (Q / A)^2 / 2."""
    made = duct(loss)
    curve = (40.0, -20.0, -3000.0)
    blower = fan(made, 0, across(0), across(0), curve, 0.2, speed)
    state, _ = blown(made, blower, 200, 0.02)
    a, b, c = 40.0 * speed**2, -20.0 * speed, -3000.0 - 0.5 * DENSITY * loss / 0.04**2
    exact = (-b - np.sqrt(b * b - 4.0 * a * c)) / (2.0 * c)
    assert flow(blower, state) == pytest.approx(exact, rel=1e-5)
    assert rise(blower, state, DENSITY) == pytest.approx(float(head(exact, curve, speed)), rel=1e-5)


def test_the_fan_of_a_rack_in_a_loop_meets_the_plate_in_it():
    """A rack blows against the axis into a plenum; air comes back through a plate beside it: nothing else is open."""
    cells = (8, 1, 8)
    solid = np.zeros(cells, dtype=bool)
    solid[3:5, :, 4:] = True
    kinds = faces(cells, solid)
    kinds[0][3, :, 4:] = kinds[0][5, :, 4:] = Face.FIXED
    kinds[0][4, :, :4] = Face.POROUS
    kinds[1][:, 0], kinds[1][:, -1] = Face.FIXED, Face.FIXED
    loss = 4e4
    made = room((np.linspace(0.0, 0.8, 9), [0.0, 0.1], np.linspace(0.0, 0.8, 9)), kinds, solid,
                [np.full(kind.shape, loss) for kind in kinds])  # fmt: skip
    curve = (30.0, 0.0, -4e5)
    front, rear = ([(place, 0, k) for k in range(4, 8)] for place in (5, 3))
    blower = fan(made, 0, front, rear, curve, 0.2, forward=False)
    state, _ = blown(made, blower, 300, 0.05)
    exact = (30.0 / (4e5 + 0.5 * DENSITY * loss / 0.04**2)) ** 0.5
    # The heads of the velocities about the plate are next to nothing of its loss.
    assert flow(blower, state) == pytest.approx(exact, rel=1e-3)
    assert made.of_faces(0, state.velocity[0])[3, 0, 4:].max() < 0.0


@pytest.mark.parametrize(
    ("times", "steepness", "steady"), [(1.3, 1e3, True), (0.7, 1e3, False), (2.1, 1e5, True)]
)
def test_a_fan_is_steady_while_it_follows_slower_than_the_air_answers(times, steepness, steady):
    """Settling over G I: above 1 in short steps and above 2 in long ones what is off dies away, below it grows."""
    made = duct(0.0)
    free = 0.1
    curve = (steepness * free**2, 0.0, -steepness)
    gain = 1.0 / (2.0 * steepness * free)
    # From the centre of the first cell, where the pressure is read, to the outlet.
    inertance = DENSITY * 0.75 / 0.04
    blower = fan(made, 0, across(0), across(0), curve, times * gain * inertance)
    state = still(made, 297.15)
    made.of_faces(0, state.velocity[0])[0] = free / 0.04 * (1.0 + 1e-4)
    _, flows = blown(made, blower, 120, 0.01, state)
    off = np.abs(flows - free)
    assert (off[-10:].max() < 0.1 * off[:10].max()) == steady


def test_a_fan_that_stands_lets_nothing_through():
    made = duct(5.0)
    state, flows = blown(made, fan(made, 0, across(0), across(0), (40.0, 0.0, -3000.0), 0.2), 50, 0.02)
    standing = fan(made, 0, across(0), across(0), (40.0, 0.0, -3000.0), 0.2, 0.0)
    # A pressure that helps drives it no more than one that does not.
    for helped in (0.0, 5.0):
        state.pressure[standing.before] = helped
        fixed = tuple(np.zeros(len(made.length)) for _ in range(3))
        assert turn(standing, state, DENSITY, 0.1, fixed) == pytest.approx(flows[-1] * np.exp(-0.5))


def test_fans_that_cannot_be_are_refused():
    made = duct(0.0)
    for inlet, settling, message in (
        (across(2), 0.1, "inlet must be one or more fixed faces"),
        ([], 0.1, "inlet must be one or more fixed faces"),
        (across(0), 0.0, "settling must be above 0 s"),
    ):
        with pytest.raises(ValueError, match=message):
            fan(made, 0, inlet, across(0), (10.0, 0.0, -1000.0), settling)


def test_tiles_take_what_is_published():
    """42.8, 15.7 and 7.36 at open shares of 25, 40 and 56 %; a fully open one the head of its own jet."""
    found = loss_coefficient(np.array([0.25, 0.4, 0.56, 1.0]))
    np.testing.assert_allclose(found, [42.8, 15.7, 7.36, 1.0], rtol=2e-3)
    share = np.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(
        loss_coefficient(share), ((1.0 + 0.5**0.5 * (1.0 - share) ** 0.375) / share) ** 2, rtol=1e-3
    )


def test_a_leak_lets_through_what_its_orifice_does():
    """Q = 0.6 A (2 p / rho)^1/2 of a gap that is 1 % of a panel."""
    pressure, area = 5.0, 2.0
    through = area * (2.0 * pressure / (DENSITY * leak_coefficient(0.01))) ** 0.5
    assert through == pytest.approx(0.6 * 0.01 * area * (2.0 * pressure / DENSITY) ** 0.5)
