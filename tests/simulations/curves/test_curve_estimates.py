"""The estimates' stated coverage, on a fixed list of 40 networks and curves, against the grid.

Constants are tuned on other seeds (700-703, 710-713). Once they were fixed, a fresh list (900, 901) gave
100 % for the loss and 97.5 % for the error rate, worst 1.5 times the estimate.

`make test` walks the twenty lines of the first seed, `make test-long` all forty.
"""

import numpy as np
import pytest
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.networks import fcn
from simulations.training.single import train
from tests.simulations.curves.helpers.estimated_lines import LINES, assert_bounds, errors_of

SEEDS = (200, 201)

# (depth, activation, bias, init_scale, learning rate); each with two seeds, each with two paths.
NETWORKS = [
    (2, nn.ReLU, "all", 1.0, 0.1),
    (3, nn.ReLU, "last", 0.7, 0.1),
    (4, nn.ReLU, "all", 0.7, 0.05),
    (6, nn.ReLU, "last", 0.7, 0.05),
    (8, nn.ReLU, "all", 1.0, 0.02),
    (4, nn.ReLU, "none", 1.0, 0.05),
    (4, nn.Tanh, "all", 1.0, 0.05),
    (6, nn.Tanh, "last", 1.0, 0.05),
    (3, nn.GELU, "all", 1.0, 0.1),
    (5, nn.GELU, "last", 1.2, 0.05),
]


def with_activation(network, activation):
    return nn.Sequential(*(activation() if isinstance(m, nn.ReLU) else m for m in network))


def cases(seeds):
    """Loss and error: estimate and worst true error at alphas off the nodes, of every case."""
    data = load("digits", limit=600)
    found = []
    for depth, activation, bias, scale, rate in NETWORKS:
        for seed in seeds:
            network = fcn(depth, 32, 64, 10, bias=bias, init_scale=scale, seed=seed)
            network = with_activation(network, activation)
            run = train(network, data, learning_rate=rate, target_loss=0.03, max_epochs=12, seed=seed)
            other = fcn(depth, 32, 64, 10, bias=bias, init_scale=scale, seed=seed + 50)
            other = {name: 0.5 * tensor for name, tensor in other.state_dict().items()}
            for start in (run.start, other):
                line = (run.model, start, run.end, data)
                found.append(errors_of(*line))
    assert len(found) == LINES * len(seeds) / len(SEEDS)
    return np.array(found).T, len(data)


ALL = pytest.param(SEEDS, marks=[pytest.mark.slow, pytest.mark.long], id="all forty")


@pytest.fixture(scope="module", params=[pytest.param(SEEDS[:1], id="the first seed"), ALL])
def lines(request):
    return cases(request.param)


def test_the_loss_estimate_is_a_bound_and_not_an_empty_one(lines):
    (estimate, truth, *_), _ = lines
    assert_bounds(estimate, truth, of=LINES)
    assert (estimate <= 1e-3).all()


def test_the_error_rates_estimate_is_a_bound_and_not_an_empty_one(lines):
    (_, _, estimate, truth, _), n = lines
    # Rates are counts over n: comparing them needs half a sample's room for the division's rounding.
    assert_bounds(estimate, truth, room=0.5 / n, least=1 / n, of=LINES)
    assert (estimate <= 1e-2 + 0.5 / n).all()


def test_it_costs_a_dozen_or_two_passes(lines):
    # The development lists' medians were 17.7 and 20.5: at 600 samples the 75 pilots alone cost one pass.
    (*_, passes), _ = lines
    assert np.median(passes) <= 24
    # What the bound needs the grid for costs it, after the levels that did not do: two lines in forty.
    assert sorted(passes)[-3] < 130
