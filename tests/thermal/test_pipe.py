"""Pipe friction against the fluids package, laminar flow and the Colebrook equation."""

import fluids
import numpy as np
import pytest

from thermal.pipe import friction_factor, pressure_drop, velocity

REYNOLDS = np.geomspace(1.0, 1e8, 81)


@pytest.mark.parametrize("roughness", [0.0, 1e-5, 1e-3, 0.05])
def test_friction_factor_against_fluids_churchill(roughness: float) -> None:
    expected = [fluids.friction.Churchill_1977(Re=re, eD=roughness) for re in REYNOLDS]
    # The same formula; powers of 16 magnify rounding.
    np.testing.assert_allclose(friction_factor(REYNOLDS, roughness), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("reynolds", "roughness", "colebrook"),
    [(1e5, 1e-4, 0.018514), (1e6, 1e-3, 0.019943), (1e4, 0.0, 0.030883)],
)
def test_friction_factor_against_colebrook(reynolds: float, roughness: float, colebrook: float) -> None:
    # Churchill departs from Colebrook by up to 0.7 % at these points.
    assert friction_factor(reynolds, roughness) == pytest.approx(colebrook, rel=7e-3)


def test_laminar_pressure_drop_is_hagen_poiseuille() -> None:
    flow, diameter, length, viscosity = 1e-6 * np.array([1.0, 2.0, 5.0]), 0.02, 3.0, 1.2e-3
    poiseuille = 128 * viscosity * length * flow / (np.pi * diameter**4)
    # Below a Reynolds number of 300 the turbulent branch adds less than 1e-9.
    np.testing.assert_allclose(
        pressure_drop(flow, diameter, length, 15e-6, 0.0, 1000.0, viscosity), poiseuille, rtol=1e-9
    )


def test_pressure_drop_against_fluids() -> None:
    speed = velocity(0.0427, 0.1603)
    assert speed == pytest.approx(0.0427 / (np.pi * 0.08015**2), rel=1e-14)
    factor = fluids.friction.Churchill_1977(Re=1007.7 * speed * 0.1603 / 1.22e-3, eD=45.7e-6 / 0.1603)
    expected = fluids.core.dP_from_K(fluids.core.K_from_f(factor, 40.0, 0.1603) + 3.5, rho=1007.7, V=speed)
    got = pressure_drop(0.0427, 0.1603, 40.0, 45.7e-6, 3.5, 1007.7, 1.22e-3)
    assert got == pytest.approx(expected, rel=1e-9)


def test_no_flow_no_drop_and_monotone() -> None:
    flow = np.concatenate([[0.0], np.geomspace(1e-12, 0.1, 400)])
    drop = pressure_drop(flow, 0.1, 20.0, 45e-6, 2.0, 1000.0, 1e-3)
    assert drop[0] == 0.0
    assert np.all(np.diff(drop) > 0)
    assert np.isfinite(friction_factor(0.0, 0.0))


def test_batch_equals_loop() -> None:
    flow, diameter = np.array([[0.01], [0.02]]), np.array([0.08, 0.1, 0.15])
    batch = pressure_drop(flow, diameter, 10.0, 45e-6, 1.0, 1000.0, 1e-3)
    single = [[pressure_drop(q, d, 10.0, 45e-6, 1.0, 1000.0, 1e-3) for d in diameter] for q in flow[:, 0]]
    np.testing.assert_allclose(batch, single, rtol=1e-14)
