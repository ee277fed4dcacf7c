"""Arguments that all samples share, and those that are one row a sample: said, checked, never guessed."""

import re
from collections import UserDict
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from simulations.curves.one_path import interpolation_curves
from simulations.line.paths import zero_start
from simulations.line.step_batches import LineBatch
from simulations.runtime.random_streams import torch_stream
from simulations.user_data.data_passes import Batch, Batches
from tests.simulations.curves.helpers.networks import copy_of, moved

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
        look = 3 * 2 * 30  # before the work, a whole batch of several tensors at three alphas
        assert sum(seen) - look == round(found.attrs["forward_passes"] * 120)
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
            return iter(first if self.passes <= 3 else second)  # read twice, then passed over

    data = Batches(Loader())
    list(data)
    with pytest.raises(ValueError, match="second pass"):
        list(data)
    same = Batches(first)
    assert [b.labels.tolist() for b in same] == [b.labels.tolist() for b in same]


@pytest.mark.parametrize("start", ["moved", "zero"])
def test_from_a_start_of_zeros_too_an_argument_that_is_silently_cut_is_found_out(run, start):
    data = [Batch(b.args, {"weight": torch.linspace(1, 2, N)}, b.labels) for b in batches()]
    first = run[1] if start == "moved" else zero_start(run[2])
    with pytest.raises(ValueError, match="samples alone do not give"):
        interpolation_curves(Balanced(), first, run[2], data, alphas=201)


class Scaled(Masked):
    """Times numbers by sample that come as whatever the user has."""

    def forward(self, x, by=None):
        inner = getattr(by, "kept", by)
        return super().forward(x, weight=torch.as_tensor(inner, dtype=x.dtype)[: len(x)])


class Holder:
    def __init__(self, kept):
        self.kept = kept


NUMBERS = [1.0 + i / N for i in range(N)]


@pytest.mark.parametrize(
    ("by", "found"),
    [
        (NUMBERS, "a list of length 40"),
        (tuple(NUMBERS), "a tuple of length 40"),
        (np.array(NUMBERS), "a ndarray of length 40"),
        (SimpleNamespace(kept=NUMBERS), "a list of length 40"),
        (Holder(torch.tensor(NUMBERS)), "tensors in a Holder"),
    ],
    ids=["list", "tuple", "array", "list inside", "object"],
)
def test_numbers_by_sample_that_cannot_be_cut_are_refused_by_name_and_a_grid_takes_them(run, by, found):
    data = [Batch(b.args, {"by": by}, b.labels) for b in batches()]
    with pytest.raises(ValueError, match=f"argument 'by' holds {found}"):
        interpolation_curves(Scaled(), *run[1:], data, alphas=201)
    tensors = [Batch(b.args, {"by": torch.tensor(NUMBERS)}, b.labels) for b in batches()]
    whole, expected = (
        interpolation_curves(Scaled(), *run[1:], some, alphas=5, method="grid") for some in (data, tensors)
    )
    np.testing.assert_allclose(whole.loss, expected.loss, rtol=1e-6)


def test_a_list_beside_one_tensor_that_is_by_place_is_found_out(run):
    data = [Batch(b.args, {"by": [*NUMBERS, 1.0]}, b.labels) for b in batches()]
    with pytest.raises(ValueError, match="samples alone do not give"):
        interpolation_curves(Scaled(), *run[1:], data, alphas=201)


@dataclass(frozen=True)
class Parts:
    a: torch.Tensor
    b: object = "word"


@pytest.mark.parametrize(
    "make",
    [lambda t: SimpleNamespace(a=t), Parts, lambda t: UserDict(a=t), lambda t: MappingProxyType({"a": t})],
    ids=["namespace", "dataclass", "user dict", "proxy"],
)
def test_rows_inside_mappings_namespaces_and_dataclasses_follow_their_samples(make):
    rows = torch.arange(6).reshape(3, 2)
    batch = Batch((make(rows),), {}, torch.arange(3))
    (taken,) = batch.take(torch.tensor([0, 2])).args
    assert type(taken) is type(batch.args[0])
    inner = taken["a"] if hasattr(taken, "keys") else taken.a
    assert torch.equal(inner, rows[[0, 2]])
    with pytest.raises(ValueError, match=r"holds 3 inputs and 2 labels \(argument 0\)"):
        Batch((make(rows),), {}, torch.arange(2)).check()


def test_what_the_samples_share_by_name_may_be_anything():
    loop = Holder(None)
    loop.kept = loop
    values = {"names": ["a", "b", "c"], "array": np.ones(3), "holder": Holder(torch.ones(3))}
    batch = Batch((torch.ones(3),), values | {"loop": loop}, torch.arange(3), shared=tuple(values))
    assert batch.take(torch.tensor([1])).kwargs == values | {"loop": loop}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0, 1]}, r"labels must be a tensor \(n,\), got list"),
        ({"kwargs": None}, "kwargs must be a mapping, got None"),
        ({"args": torch.ones(2, 3)}, "args must be a tuple, got Tensor"),
        ({"shared": "mask"}, r"shared must be a tuple .* got 'mask': write \('mask',\)"),
    ],
)
def test_a_batch_that_is_none_says_so(arguments, message):
    with pytest.raises(ValueError, match=message):
        Batch(**{"args": (torch.ones(2, 3),), "kwargs": {}, "labels": torch.arange(2)} | arguments)
