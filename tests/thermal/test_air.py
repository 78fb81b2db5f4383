"""Air against the fluids package, and the balance of the contained aisle."""

import numpy as np
import pytest
from fluids.atmosphere import ATMOSPHERE_1976

from thermal.air import (
    HEAT_CAPACITY,
    aisle,
    density,
    pressure,
    rack_cooling_index,
    return_heat_index,
    return_temperature_index,
    supply_heat_index,
)


@pytest.mark.parametrize("altitude", [0.0, 500.0, 1655.0, 3000.0, 8000.0])
def test_standard_atmosphere_against_fluids(altitude: float) -> None:
    standard = ATMOSPHERE_1976(altitude)
    # fluids takes the geometric height, the closed form the geopotential one; constants to six digits.
    assert pressure(altitude / (1 + altitude / 6356766)) == pytest.approx(standard.P, rel=1e-5)
    assert density(standard.T, standard.P) == pytest.approx(standard.rho, rel=1e-5)


def test_aisle_in_balance_and_short_of_supply_by_hand() -> None:
    """10 kg/s through racks of 100.6 kW rise by 10 K. With 8 kg/s supplied, 2 of 10 come back hot."""
    assert [float(t) for t in aisle(297.0, 10.0, 10.0, 100600.0, 0.0)] == pytest.approx([297.0, 307.0, 307.0])
    # inlet = 0.8 x 297 + 0.2 x hot, hot = inlet + 10
    assert [float(t) for t in aisle(297.0, 8.0, 10.0, 100600.0, 0.0)] == pytest.approx([299.5, 309.5, 309.5])


def test_aisle_with_too_much_supply_by_hand() -> None:
    """12.5 kg/s supplied: 2.5 bypass, the return is 0.8 x 307 + 0.2 x 297."""
    assert [float(t) for t in aisle(297.0, 12.5, 10.0, 100600.0, 0.0)] == pytest.approx([297.0, 307.0, 305.0])


def test_aisle_closes_energy_and_mixing() -> None:
    supply, rack = np.linspace(2.0, 20.0, 19)[:, None], 10.0
    leakage = np.array([0.0, 0.05, 0.3])
    inlet, hot, back = aisle(297.0, supply, rack, 2e5, leakage)
    # A rise of 10 K is the difference of two temperatures near 300: 30 times the rounding of a double.
    np.testing.assert_allclose(supply * HEAT_CAPACITY * (back - 297.0), np.full((19, 1), 2e5), rtol=1e-13)
    np.testing.assert_allclose(rack * HEAT_CAPACITY * (hot - inlet), np.full((19, 3), 2e5), rtol=1e-13)
    # What comes back is mixed from hot air and what bypasses the racks, in a flow that is never negative.
    recirculated = np.maximum(leakage * rack, rack - supply)
    bypass = supply - rack + recirculated
    assert np.all(bypass >= 0)
    mixed = ((rack - recirculated) * hot + bypass * inlet) / supply
    np.testing.assert_allclose(mixed, np.broadcast_to(back, mixed.shape), rtol=1e-13)
    cold = (supply * 297.0 + recirculated * hot) / (supply + recirculated)
    np.testing.assert_allclose(cold, inlet, rtol=1e-13)


def test_aisle_inlet_rises_with_leakage_and_falls_with_supply() -> None:
    assert np.all(np.diff(aisle(297.0, 12.0, 10.0, 1e5, np.linspace(0.0, 0.5, 9))[0]) > 0)
    assert np.all(np.diff(aisle(297.0, np.linspace(3.0, 15.0, 9), 10.0, 1e5, 0.1)[0]) < 0)


def test_aisle_without_heat_or_flow() -> None:
    assert [float(t) for t in aisle(297.0, 0.0, 0.0, 0.0, 0.0)] == [297.0, 297.0, 297.0]
    assert all(np.isfinite(t) for t in aisle(297.0, 0.0, 10.0, 1e5, 0.0))


def test_indices_by_hand() -> None:
    """Supply 20 degC; racks of 1, 2 and 1 kg/s at 20, 22 and 28 degC, each 10 K warmer behind.

    Taken up before the racks: 0 + 4 + 8 = 12 kg K/s, behind them 10 + 24 + 18 = 52. The cooling takes 40 kg K/s out
    of 5 kg/s: a rise of 8 K against 10 K over the racks.
    """
    inlet, flow = np.array([293.15, 295.15, 301.15]), np.array([1.0, 2.0, 1.0])
    racks = inlet, inlet + 10.0, flow
    assert supply_heat_index(293.15, *racks) == pytest.approx(12 / 52)
    assert return_heat_index(293.15, *racks) == pytest.approx(40 / 52)
    assert return_temperature_index(293.15, 301.15, *racks) == pytest.approx(0.8)
    # One of three is 1 K over 27 degC, of the 5 K to 32 degC; none is below 18 degC, one 2 K below 22 of 7 to 15.
    assert rack_cooling_index(inlet, 300.15, 305.15) == pytest.approx(1 - 1 / 15)
    assert rack_cooling_index(inlet, 291.15, 288.15) == 1.0
    assert rack_cooling_index(inlet, 295.15, 288.15) == pytest.approx(1 - 2 / 21)


def test_indices_of_a_batch_are_those_of_each() -> None:
    inlet = np.array([[293.15, 295.15], [300.15, 301.15]])
    both = supply_heat_index(np.array([293.15, 294.15]), inlet, inlet + 8.0, np.ones(2))
    for place, supply in enumerate((293.15, 294.15)):
        assert both[place] == supply_heat_index(supply, inlet[place], inlet[place] + 8.0, np.ones(2))
    assert np.isnan(supply_heat_index(293.15, *(np.full(2, 293.15),) * 2, np.ones(2)))
