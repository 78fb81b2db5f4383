"""Radial load flow of 2,560 racks against power-grid-model: every voltage to 1e-8 per unit."""

import numpy as np
import pytest

from electrical.tree import flow

RACK = 100e3
FULL = 1.2


def block(network):
    """Which of the forty transformers feeds each rack, (rack,)."""
    return np.arange(len(network.racks)) // (network.document["busways"] * network.document["taps"])


def random_loads(random, network):
    """Each rack on its own between 0.3 and 1.2 of 100 kW, at a power factor of 0.98."""
    return random.uniform(0.3, FULL, (8, len(network.racks))), 0.98


def random_power_factors(random, network):
    """Power factors between 0.85 and 1, a third of the racks switched off."""
    shape = 4, len(network.racks)
    return random.uniform(0.3, FULL, shape) * (random.random(shape) < 0.67), random.uniform(0.85, 1.0, shape)


def full_load(random, network):
    """Every rack at 120 kW."""
    return np.full((1, len(network.racks)), FULL), 0.98


def no_load(random, network):
    """Nothing but cores and cables."""
    return np.zeros((1, len(network.racks))), 1.0


def one_block(random, network):
    """The nearest, then the farthest transformer at full load, the others idle."""
    return np.where(block(network) == [[0], [39]], FULL, 0.0), 0.98


def swings(random, network):
    """All racks of a block together between idle and full, as training steps do."""
    return random.uniform(0.0, FULL, (4, 40))[:, block(network)], 0.98


SCENARIOS = [random_loads, random_power_factors, full_load, no_load, one_block, swings]


@pytest.fixture(scope="module")
def network(radial_network):
    return radial_network("network-b")


def test_the_network_is_the_one_its_readme_describes(network):
    assert len(network.parent) == 5362
    assert len(network.racks) == 2560
    assert network.transformer.sum() == 40


@pytest.mark.parametrize("scenarios", SCENARIOS, ids=lambda made: made.__name__)
def test_network_b_agrees_with_power_grid_model(network, scenarios):
    share, power_factor = scenarios(np.random.default_rng(7), network)
    loads = network.loads(share * RACK, power_factor)
    state = flow(network.forest, *loads)
    assert state.converged.all()
    magnitude, angle = network.deviation(state.voltage, network.solved_elsewhere(*loads))
    assert np.abs(magnitude).max() <= 1e-8
    assert np.abs(angle).max() <= 1e-8
