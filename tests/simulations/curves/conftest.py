"""Digits, and a network trained on them, for every file of the engine's tests."""

import pytest

from simulations.datasets.image_dataset import load
from simulations.networks import fcn
from simulations.training.single import train


@pytest.fixture(scope="session")
def digits():
    return load("digits", limit=600)


@pytest.fixture(scope="session")
def trained(digits):
    network = fcn(6, 48, 64, 10, bias="all", init_scale=0.6, seed=3)
    return train(network, digits, learning_rate=0.05, target_loss=0.05, max_epochs=12, seed=3)
