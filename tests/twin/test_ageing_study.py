"""Transformers over a profile: settled ones by IEC 60076-7's end values, lags by its exponentials."""

from dataclasses import replace

import numpy as np
import pytest

import twin
from twin.study.ageing import ageing

ZERO = 273.15
HOUR = 3600.0


@pytest.fixture(scope="module")
def pod():
    return twin.load()


@pytest.fixture(scope="module")
def rated(pod):
    """The pod whose transformers carry their rated current at 20 degC and 100 kW a rack."""
    state = twin.solve(pod, twin.Operation(rack_power=100e3, dry_bulb=20 + ZERO))
    windings = pod.windings
    own = state.heating_load.values[0, windings.device]
    return replace(pod, windings=replace(windings, current=windings.current * own))


def test_a_day_of_rated_load_at_20_degrees_ages_by_a_day(rated):
    """55 K and 23 K above 20 degC are 98 degC, at which normal paper ages at its normal rate."""
    found = ageing(rated, twin.Operation(rack_power=np.full((24, 1), 100e3), dry_bulb=20 + ZERO), HOUR)
    assert found.hot_spot_temperature.values == pytest.approx(98 + ZERO, abs=1e-9)
    assert found.top_oil_temperature.values == pytest.approx(75 + ZERO, abs=1e-9)
    assert found.ageing_rate.values == pytest.approx(1.0, rel=1e-9)
    assert found.equivalent_ageing.values == pytest.approx(1.0, rel=1e-9)
    assert found.life_lost.values == pytest.approx(24 / 180e3, rel=1e-9)
    assert found.elapsed.values[-1] == 24 * HOUR


def test_a_constant_day_is_the_steady_state(pod):
    state = twin.solve(pod)
    found = ageing(pod, twin.Operation(dry_bulb=np.full(24, 35 + ZERO)), HOUR)
    assert list(found.device.values) == ["T.A", "T.B", "T.C", "T.D", "T.M1", "T.M2"]
    for device in found.device.values:
        steady = state.hot_spot_temperature.sel(device=device).item()
        assert found.hot_spot_temperature.sel(device=device).values == pytest.approx(steady, abs=1e-9)
        rate = 2 ** ((steady - 98 - ZERO) / 6)
        assert found.equivalent_ageing.sel(device=device).item() == pytest.approx(rate, rel=1e-9)


def test_a_step_of_load_by_hand(pod):
    """Oil with 180 min; the winding with 2 x 4 min at once, for with K21 of one there is no overshoot."""
    power = np.array([[40e3], [120e3], [120e3]])
    found = ageing(pod, twin.Operation(rack_power=power, dry_bulb=25 + ZERO), HOUR).sel(device="T.A")
    load = [
        twin.solve(pod, twin.Operation(rack_power=one, dry_bulb=25 + ZERO))
        .heating_load.sel(device="T.A")
        .item()
        for one in (40e3, 120e3)
    ]
    ratio = 9.0 / 1.75
    oil = [25 + ZERO + 55 * ((1 + ratio * one**2) / (1 + ratio)) ** 0.8 for one in load]
    gradient = [23 * one**1.6 for one in load]
    for place, hours in enumerate((0.0, 1.0, 2.0)):
        slow, fast = np.exp(-hours * 60 / 180), np.exp(-hours * 60 / 8)
        top = oil[1] + (oil[0] - oil[1]) * slow
        rise = gradient[1] + (gradient[0] - gradient[1]) * fast
        assert found.top_oil_temperature.values[place] == pytest.approx(top, abs=1e-9)
        assert found.hot_spot_temperature.values[place] == pytest.approx(top + rise, abs=1e-9)
    rates = 2 ** ((found.hot_spot_temperature.values - 98 - ZERO) / 6)
    assert found.equivalent_ageing.item() == pytest.approx(rates.mean(), rel=1e-12)


def test_one_that_is_out_cools_to_ambient(pod):
    out = [[], *([["T.A"]] * 40)]
    found = ageing(pod, twin.Operation(dry_bulb=np.full(41, 30 + ZERO), out=out), HOUR)
    assert found.hot_spot_temperature.sel(device="T.A").values[-1] == pytest.approx(30 + ZERO, abs=1e-3)
    assert np.all(np.diff(found.hot_spot_temperature.sel(device="T.A").values) < 0)
    assert (
        found.hot_spot_temperature.sel(device="T.B").values[-1]
        > found.hot_spot_temperature.sel(device="T.B").values[0]
    )


def test_all_transformers_at_once_as_one_by_one(pod):
    rng = np.random.default_rng(5)
    operation = twin.Operation(
        dry_bulb=rng.uniform(5, 40, 30) + ZERO, rack_power=rng.uniform(40e3, 130e3, (30, 1))
    )
    whole = ageing(pod, operation, 900.0)
    windings = pod.windings
    for place in range(len(windings.device)):
        one = {
            name: getattr(windings, name)[place : place + 1]
            for name in ("device", "current", "eddy", "loss_ratio", "oil_rise", "hot_spot_rise")
        }
        single = ageing(replace(pod, windings=replace(windings, **one)), operation, 900.0)
        for name in single.data_vars:
            np.testing.assert_array_equal(single[name].values[..., 0], whole[name].values[..., place])


def test_hotter_weather_ages_faster(pod):
    mild, hot = (ageing(pod, twin.Operation(dry_bulb=np.full(6, bulb + ZERO)), HOUR) for bulb in (20.0, 35.0))
    assert (hot.equivalent_ageing > mild.equivalent_ageing).all()
    assert (hot.life_lost > mild.life_lost).all()
