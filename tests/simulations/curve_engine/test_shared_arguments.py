"""Arguments that all samples share, and those that are one row a sample: said, checked, never guessed."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from simulations.batches import Batch, Batches
from simulations.curves import interpolation_curves
from simulations.line_batches import LineBatch
from simulations.random_streams import torch_stream
from tests.simulations.curve_engine.networks import copy_of, moved

N = 40


class Masked(nn.Module):
    """A sample's 40 numbers through one (40, 40) mask that all samples share, and a weight a sample."""

    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(N, 16), nn.Linear(16, 3)

    def forward(self, x, mask=None, weight=None):
        x = x if mask is None else x @ mask
        logits = self.head(torch.tanh(self.hidden(x)))
        return logits if weight is None else logits * weight[:, None]


@pytest.fixture(scope="module")
def run():
    torch.manual_seed(0)
    model = Masked()
    return model, moved(copy_of(model), 1, 0.3), moved(copy_of(model), 2, 0.3)


def batches(sizes=(N,), shared=("mask",), **more):
    stream = torch_stream(0, "masked")
    mask = torch.rand(N, N, generator=stream).round()
    found = []
    for size in sizes:
        x = torch.randn(size, N, generator=stream)
        found.append(Batch((x,), {"mask": mask} | more, torch.arange(size) % 3, shared))
    return found


@pytest.mark.parametrize("sizes", [(N,), (N, N, N, N), (30, 7, N)], ids=["one", "alike", "different"])
def test_a_shared_mask_as_long_as_the_batch_is_not_cut(run, sizes):
    plain = [Batch((b.args[0] @ b.kwargs["mask"],), {}, b.labels) for b in batches(sizes)]
    options = {"alphas": 501, "loss_tolerance": 1e-2, "error_tolerance": 0.2}
    expected = interpolation_curves(*run, plain, **options)
    found = interpolation_curves(*run, batches(sizes), **options)
    assert found.attrs["method"] == "adaptive"
    np.testing.assert_allclose(found.loss, expected.loss, atol=2e-2)  # each within its tolerance
    exact = interpolation_curves(*run, plain, alphas=501, method="grid")
    np.testing.assert_allclose(found.loss, exact.loss, atol=1e-2)


@pytest.mark.parametrize("sizes", [(N,), (N, N, N)], ids=["one", "several"])
def test_a_shared_mask_that_is_not_named_is_found_out(run, sizes):
    # A product with a cut mask has a shape that does not fit; a cut weight would silently be another's.
    with pytest.raises(ValueError, match=r"samples alone do not give .* Batch\(\.\.\., shared="):
        interpolation_curves(*run, batches(sizes, shared=()), alphas=201)
    assert (
        interpolation_curves(*run, batches(sizes, shared=()), alphas=201, method="grid").loss.notnull().all()
    )


class Balanced(Masked):
    """The weights lie beside the samples, yet belong to their places in the batch."""

    def forward(self, x, weight):
        return super().forward(x) * weight.flip(0)[: len(x), None]


def test_an_argument_that_is_silently_cut_is_found_out(run):
    model = Balanced()
    weight = torch.linspace(1, 2, N)
    data = [Batch(b.args, {"weight": weight}, b.labels) for b in batches()]
    with pytest.raises(ValueError, match="samples alone do not give"):
        interpolation_curves(model, *run[1:], data, alphas=201)


def test_a_row_a_sample_follows_its_samples_and_what_the_check_costs_is_counted(run):
    seen = []
    handle = run[0].register_forward_hook(lambda _, __, output: seen.append(len(output)))
    weight = torch.linspace(1, 2, 120)
    x = torch.randn(120, N, generator=torch_stream(1, "masked"))
    try:
        data = DataLoader(TensorDataset(x, weight, torch.arange(120) % 3), batch_size=30)

        def hook(item):
            return Batch((item[0],), {"weight": item[1]}, item[2])

        found = interpolation_curves(*run, data, alphas=201, error_tolerance=0.05, batch_hook=hook)
        assert sum(seen) == round(found.attrs["forward_passes"] * 120)
    finally:
        handle.remove()
    exact = interpolation_curves(*run, data, alphas=201, batch_hook=hook, method="grid")
    np.testing.assert_allclose(found.loss, exact.loss, atol=2e-3)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            Batch((torch.ones(4, N),), {"mask": torch.eye(N)}, torch.zeros(4).long()),
            r"holds 40 .*\(argument 'mask'\)",
        ),
        (Batch((torch.ones(4, N), torch.ones(3)), {}, torch.zeros(4).long()), r"holds 3 .*\(argument 1\)"),
        (
            Batch(({"x": torch.ones(4), "y": [torch.ones(5)]},), {}, torch.zeros(4).long()),
            r"holds 5 .*\(argument 0\)",
        ),
        (
            Batch((torch.ones(4, N),), {}, torch.zeros(4).long(), shared=("mask",)),
            re.escape("['mask'], which are none of"),
        ),
    ],
)
def test_lengths_that_do_not_fit_are_refused_by_name(run, batch, message):
    with pytest.raises(ValueError, match=message):
        interpolation_curves(*run, [batch])


def test_taken_samples_take_their_rows_wherever_they_lie():
    rows = torch.arange(6).reshape(3, 2)
    batch = Batch(
        (rows, {"a": [rows, (rows, "word")]}, torch.tensor(7)),
        {"shared": rows, "own": rows, "number": 2},
        torch.tensor([0, 1, 2]),
        shared=("shared",),
    )
    taken = batch.take(torch.tensor([0, 2]))
    own = rows[[0, 2]]
    assert torch.equal(taken.args[0], own)
    assert torch.equal(taken.args[1]["a"][0], own)
    assert torch.equal(taken.args[1]["a"][1][0], own)
    assert taken.args[1]["a"][1][1] == "word"
    assert taken.args[2] == 7
    assert torch.equal(taken.kwargs["shared"], rows)
    assert torch.equal(taken.kwargs["own"], own)
    assert taken.labels.tolist() == [0, 2]
    assert taken.shared == ("shared",)


def test_batches_that_share_different_things_are_not_joined():
    one, other = batches((3, 4))
    assert LineBatch([one, other])._all.kwargs["mask"] is one.kwargs["mask"]
    changed = Batch(other.args, {"mask": other.kwargs["mask"] + 1}, other.labels, other.shared)
    assert LineBatch([one, changed])._all is None
    assert LineBatch([one, Batch(other.args, {}, other.labels)])._all is None


@pytest.mark.parametrize(
    "change", [{"times": 3.0}, {"words": ("b",)}, {"mask": torch.zeros(N, N)}, {"new": None}]
)
def test_a_second_pass_whose_other_arguments_differ_is_refused(change):
    first = batches(times=2.0, words=("a",))
    second = [Batch(b.args, dict(b.kwargs) | change, b.labels, b.shared) for b in first]

    class Loader:
        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter(first if self.passes == 1 else second)

    data = Batches(Loader())
    list(data)
    with pytest.raises(ValueError, match="second pass"):
        list(data)
    same = Batches(first)
    assert [b.labels.tolist() for b in same] == [b.labels.tolist() for b in same]
