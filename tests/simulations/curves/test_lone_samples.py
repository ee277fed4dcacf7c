"""Running statistics measured on data whose batches hold one sample: those of all samples, by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from simulations.curves.one_path import interpolation_curves
from simulations.user_data.batch import Batch
from simulations.user_data.joined_batches import joined, without_lone_samples
from tests.simulations.curves.helpers.networks import normalised


def by_hand(x, labels, alpha):
    """The loss of the network of `normalised` with its statistics those of all inputs."""
    _, start, end = normalised()
    weight = start["0.weight"] + alpha * (end["0.weight"] - start["0.weight"])
    hidden = (x @ weight.T).double()
    z = (hidden - hidden.mean(dim=0)) / hidden.var(dim=0, correction=1).sqrt()
    return float(nn.functional.cross_entropy(z, labels))


@pytest.mark.parametrize(("n", "size"), [(5, 4), (5, 2), (4, 1), (7, 1), (3, 2)])
def test_the_last_batch_of_one_sample_counts_as_the_others(n, size):
    x, labels = torch.arange(1.0, n + 1)[:, None].square(), torch.arange(n) % 2
    loader = DataLoader(TensorDataset(x, labels), batch_size=size)
    found = interpolation_curves(*normalised(), loader, alphas=[0.25], buffers="recalibrate")
    assert found.loss.item() == pytest.approx(by_hand(x, labels, 0.25), rel=1e-5)


def test_2049_samples_in_two_tensors():
    x = torch.linspace(-3, 5, 2049)[:, None]
    labels = (x[:, 0] > 0).long()
    found = interpolation_curves(*normalised(), (x, labels), alphas=[0.5], buffers="recalibrate")
    assert found.loss.item() == pytest.approx(by_hand(x, labels, 0.5), rel=1e-5)


def test_one_sample_in_all_has_no_statistics():
    data = torch.ones(1, 1), torch.tensor([0])
    with pytest.raises(ValueError, match=r"recalibrate.*one value a channel") as error:
        interpolation_curves(*normalised(), data, alphas=[0.5], buffers="recalibrate")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("buffers='recalibrate' measures variances")  # not told within another


@settings(max_examples=60)
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_no_sample_is_lost_moved_or_left_alone(sizes):
    n = sum(sizes)
    rows = torch.split(torch.arange(n), sizes)
    batches = [Batch((r[:, None].double(),), {"twice": 2 * r}, r) for r in rows]
    found = list(without_lone_samples(batches))
    for part in (torch.cat([b.labels for b in found]), torch.cat([b.args[0][:, 0].long() for b in found])):
        assert part.tolist() == list(range(n))
    assert all(len(b) > 1 for b in found) or n == 1
    assert max(map(len, found)) <= max(max(sizes) + 1, 3)
    if min(sizes) > 1:
        assert [len(b) for b in found] == sizes


def test_what_cannot_be_one_batch_comes_as_it_is():
    batches = [Batch((torch.ones(n, width),), {}, torch.zeros(n).long()) for n, width in ((3, 5), (1, 6))]
    assert joined(batches) is None
    assert [len(b) for b in without_lone_samples(batches)] == [3, 1]
    np.testing.assert_array_equal([b.args[0].shape[1] for b in without_lone_samples(batches)], [5, 6])
