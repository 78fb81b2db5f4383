"""Dry cooler and chiller against the hand calculation of the reference pod, heat balances and limits."""

import ht
import numpy as np
import pytest

from thermal.rejection import (
    chiller_cop,
    dry_cooler_conductance,
    dry_cooler_duty,
    dry_cooler_speed,
    free_cooling_share,
    rated_dry_cooler_conductance,
)

CELSIUS = 273.15
# The cooler of the reference pod: 2 MW, water 52 -> 41 degC, air at 35 degC, air side 200 kW/K
WATER, AIR = 2e6 / 11, 200e3
RATING = (2e6, CELSIUS + 52, CELSIUS + 41, CELSIUS + 35, AIR)
RATED = float(rated_dry_cooler_conductance(*RATING))


def test_rated_conductance_against_ht() -> None:
    effectiveness = 2e6 / (WATER * 17)
    units = ht.NTU_from_effectiveness(effectiveness=effectiveness, Cr=WATER / AIR, subtype="crossflow")
    # ht inverts its quadrature to about 1e-9.
    assert pytest.approx(units * WATER, rel=1e-8) == RATED


@pytest.mark.parametrize(("units", "by_hand"), [(1, 114e3), (2, 146e3)])
def test_duty_of_the_reference_pod(units: int, by_hand: float) -> None:
    """41 kg/s of facility water shared by one or two coolers at full speed."""
    got = dry_cooler_duty(171e3, units, 1.0, RATED, WATER, AIR)
    # The hand calculation states its free-cooling limits to 0.7 K, 5 % of the 13 K from air to water; one
    # cooler comes out 0.2 % above it, two 1.7 %.
    assert got == pytest.approx(by_hand, rel=0.02)


def test_duty_at_the_rating_point_and_without_units() -> None:
    # The rating is a root to 1e-13 in the transfer units.
    assert dry_cooler_duty(WATER, 1, 1.0, RATED, WATER, AIR) * 17 == pytest.approx(2e6, rel=1e-11)
    assert dry_cooler_duty(3 * WATER, 3, 1.0, RATED, WATER, AIR) * 17 == pytest.approx(6e6, rel=1e-11)
    assert dry_cooler_duty(WATER, 0, 1.0, RATED, WATER, AIR) == 0.0
    assert dry_cooler_duty(0.0, 2, 1.0, RATED, WATER, AIR) == 0.0


def test_conductance_is_films_in_series() -> None:
    """Air film 0.5 of the water film: 3 and 6 in series make 2; at 80 % water and half the air."""
    expected = 1 / (1 / (6 * 0.8**0.85) + 1 / (3 * 0.5**0.8))
    assert dry_cooler_conductance(2.0, 0.8, 0.5) == pytest.approx(expected, rel=1e-12)


def test_duty_grows_with_speed_and_stays_below_what_the_streams_carry() -> None:
    speed = np.linspace(0.05, 1.0, 60)
    duty = dry_cooler_duty(171e3, 2, speed, RATED, WATER, AIR)
    assert np.all(np.diff(duty) > 0)
    assert np.all(duty < np.minimum(171e3, 2 * speed * AIR))


def test_speed_rejects_the_duty() -> None:
    dry_bulb = CELSIUS + np.linspace(-10.0, 45.0, 56)
    cooler = (171e3, np.array([[1], [2]]), RATED, WATER, AIR)
    speed = dry_cooler_speed(1.887e6, CELSIUS + 53.36, dry_bulb, *cooler, 0.1)
    per_kelvin = dry_cooler_duty(171e3, cooler[1], speed, RATED, WATER, AIR)
    rejected = per_kelvin * (CELSIUS + 53.36 - dry_bulb)
    inside = (speed > 0.1) & (speed < 1)
    assert inside.sum() > 60
    np.testing.assert_allclose(rejected[inside], 1.887e6, rtol=1e-9)
    assert np.all(rejected[speed == 0.1] >= 1.887e6)
    assert np.all(rejected[speed == 1.0] <= 1.887e6)
    assert np.all(np.diff(speed, axis=-1) >= 0)
    # By hand free cooling ends at 36.8 degC with one and 40.4 with two, to 0.7 K; the grid steps by 1 K.
    full = [dry_bulb[row == 1.0].min() - CELSIUS - 0.5 for row in speed]
    np.testing.assert_allclose(full, [36.8, 40.4], rtol=0, atol=0.7)


def test_speed_at_its_ends() -> None:
    cooler = (171e3, 1, RATED, WATER, AIR, 0.15)
    assert dry_cooler_speed(0.0, 320.0, 300.0, *cooler) == 0.15
    assert dry_cooler_speed(0.0, 300.0, 310.0, *cooler) == 0.15
    assert dry_cooler_speed(1e6, 300.0, 310.0, *cooler) == 1.0
    assert dry_cooler_speed(1e3, 320.0, 300.0, *cooler) == 0.15
    assert dry_cooler_speed(1e6, 320.0, 300.0, 171e3, 0, RATED, WATER, AIR, 0.15) == 1.0


def test_speed_of_a_batch_equals_the_loop() -> None:
    duty = np.linspace(0.0, 3e6, 80)
    batch = dry_cooler_speed(duty, 326.0, 303.0, 171e3, 2, RATED, WATER, AIR, 0.1)
    single = [float(dry_cooler_speed(d, 326.0, 303.0, 171e3, 2, RATED, WATER, AIR, 0.1)) for d in duty]
    np.testing.assert_allclose(batch, single, rtol=1e-13)


def test_chiller_is_a_fraction_of_carnot_between_its_bounds() -> None:
    """18 degC water, 35 degC air, approaches 4 and 12 K: 287.15 K over a lift of 33 K."""
    cop = chiller_cop(CELSIUS + 18, CELSIUS + 35, 0.45, 4.0, 12.0, 2.0, 6.0)
    assert cop == pytest.approx(0.45 * 287.15 / 33, rel=1e-12)
    # A warm evaporator is clipped, also where the lift has gone; a very hot day likewise.
    air = CELSIUS + np.array([60.0, 20.0, -20.0])
    np.testing.assert_allclose(chiller_cop(CELSIUS + 39, air, 0.2, 0.0, 5.0, 2.5, 5.0), [2.5, 5.0, 5.0])


def test_free_cooling_share_by_heat_balance() -> None:
    """25 -> 18 degC with air at 20: a coil of 0.8 takes 4 of the 7 K."""
    back, supply = CELSIUS + 25, CELSIUS + 18
    assert free_cooling_share(0.8, back, supply, CELSIUS + 20) == pytest.approx(4 / 7)
    dry_bulb = CELSIUS + np.array([0.0, 30.0])
    np.testing.assert_array_equal(free_cooling_share(0.8, back, supply, dry_bulb), [1.0, 0.0])
    np.testing.assert_array_equal(free_cooling_share(0.8, back, back, dry_bulb), [1.0, 0.0])
