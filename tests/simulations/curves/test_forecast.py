"""What is foretold of a curve's cost holds for the curves that are made."""

import pytest
import torch
from torch import nn

from simulations.curves.forecast import memory_bytes, pass_bounds, seconds_a_sample, small_batch
from simulations.curves.one_path import interpolation_curves
from simulations.user_data.batch import Batch
from tests.simulations.curves.helpers.networks import copy_of


@pytest.mark.parametrize(
    ("alphas", "fewest", "most"),
    [(2, 2, 2), (13, 13, 13), (14, 9, 31), (33, 9, 66), (101, 9, 166), (501, 9, 758), (10_000, 9, 10_513)],
)
def test_passes_are_those_of_the_levels_of_nodes(alphas, fewest, most):
    assert pass_bounds(alphas) == (fewest, most)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-12])
@pytest.mark.parametrize("alphas", [5, 21, 101])
@pytest.mark.filterwarnings("ignore:.*did not reach the tolerances:UserWarning")
def test_a_curve_takes_no_more_passes_than_foretold_and_no_fewer(trained, digits, alphas, tolerance):
    run = trained.model, trained.start, trained.end, digits
    found = interpolation_curves(*run, alphas=alphas, loss_tolerance=tolerance)
    fewest, most = pass_bounds(alphas)
    assert fewest <= found.attrs["forward_passes"] <= most


def test_memory_counts_network_steps_and_samples():
    state = {"weight": torch.zeros(1000, 1000)}
    workspace = memory_bytes({}, 0, 10, 101)
    assert memory_bytes(state, 0, 10, 101) - workspace == 4 * 4_000_000
    # 65 nodes of a step of 100 samples and ten classes, eight bytes, four times.
    assert memory_bytes({}, 100, 10, 101) - workspace == 4 * 8 * 100 * 65 * 10
    assert memory_bytes({}, 10**6, 10, 101) == memory_bytes({}, None, 10, 101)
    kept = memory_bytes({}, 100, 10, 101, samples_of=5) - memory_bytes({}, 100, 10, 101)
    assert kept == 5 * 5 * 101 * 100


def test_a_small_batch_is_cut_where_nothing_is_shared():
    one = Batch((torch.zeros(100, 3),), {}, torch.zeros(100, dtype=torch.int64))
    two = Batch((torch.zeros(100, 3), torch.zeros(100, 2)), {}, one.labels)
    assert [len(small_batch(one)), len(small_batch(two))] == [64, 100]


def test_the_timed_pass_runs_twice_on_these_weights_and_leaves_the_model(digits):
    class Seen(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.weights = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10)), []

        def forward(self, x):
            self.weights.append(float(self.net[2].bias.sum()))
            assert not self.training
            return self.net(x)

    model = Seen()
    before = copy_of(model)
    state = before | {"net.2.bias": torch.ones(10)}
    batch = Batch((digits.inputs.double(),), {}, digits.labels)
    assert seconds_a_sample(model, state, batch) > 0
    assert model.weights == [10.0, 10.0]
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
