"""Users' data: which kinds are read alike, and which are refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, Sampler, TensorDataset

from simulations.curves.one_path import interpolation_curves
from simulations.networks import fcn
from simulations.user_data.data_passes import Batch, Batches
from tests.simulations.curves.helpers.networks import normalised


def test_a_loader_of_small_batches_a_dataset_and_tensors_agree(trained, digits):
    run = trained.model, trained.start, trained.end
    dataset = TensorDataset(digits.inputs, digits.labels)
    loader = DataLoader(dataset, batch_size=50)
    whole = interpolation_curves(*run, digits)
    for data in (loader, dataset, (digits.inputs, digits.labels), list(loader)):
        found = interpolation_curves(*run, data)
        assert np.abs(found.loss - whole.loss).max() < 1e-4
        assert np.abs(found.error - whole.error).max() <= 2 / len(digits)


def test_dict_batches_hooks_and_splits(trained, digits):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = fcn(6, 48, 64, 10, bias="all", seed=0)

        def forward(self, pixels):
            return SimpleNamespace(logits=self.net(pixels))

    states = [{f"net.{n}": t for n, t in s.items()} for s in (trained.start, trained.end)]
    batches = [{"pixels": digits.inputs, "labels": digits.labels}]
    plain = interpolation_curves(trained.model, trained.start, trained.end, digits)
    np.testing.assert_array_equal(interpolation_curves(Wrapped(), *states, batches).loss, plain.loss)

    def hook(item):
        return Batch((), {"pixels": item["x"]}, item["y"])

    odd = {"x": digits.inputs, "y": digits.labels}
    np.testing.assert_array_equal(
        interpolation_curves(Wrapped(), *states, [odd], batch_hook=hook).loss, plain.loss
    )
    with pytest.raises(ValueError, match=r"keys \['x', 'y'\] has no tensor"):
        interpolation_curves(Wrapped(), *states, [odd])
    both = interpolation_curves(
        trained.model, trained.start, trained.end, {"train": digits, "test": digits}, alphas=5
    )
    assert list(both.split.values) == ["train", "test"]
    assert (both.loss[0] == both.loss[1]).all()


def test_a_second_pass_that_differs_is_refused(digits):
    model, start, end = normalised()
    x = torch.arange(40.0)[:, None]
    loader = DataLoader(TensorDataset(x, torch.arange(40) % 2), batch_size=4, shuffle=True)
    with pytest.raises(ValueError, match="turn shuffling"):
        interpolation_curves(model, start, end, loader, alphas=5, buffers="recalibrate")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no sample"),
        ((torch.ones(3, 64), torch.tensor([0, 1])), "3 and 2"),
        ((torch.ones(2, 64), torch.tensor([0, 10])), "label 10 has no logit"),
        ((torch.ones(2, 64), torch.tensor([0, -1])), "one is -1"),
        ((torch.ones(2, 64), torch.tensor([0.0, 1.0])), "labels must be integers"),
        ([torch.ones(2, 64)], "batch of type Tensor is not known"),
        (iter([]), "can be read once"),
        ("digits", "data of type str"),
    ],
)
def test_data_that_cannot_be_read_is_refused(trained, data, message):
    with pytest.raises(ValueError, match=message):
        interpolation_curves(trained.model, trained.start, trained.end, data)


class Stream(IterableDataset):
    """Samples or batches one by one, with a length as users give theirs."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return 7  # a guess, and wrong


class EveryOther(Sampler):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(0, self.n, 2))


class HalfBatches:
    """A batch sampler of the user's: twenty samples in all."""

    def __iter__(self):
        return iter([list(range(10)), list(range(10, 20))])

    def __len__(self):
        return 2


def pairs(data):
    return list(zip(data.inputs, data.labels, strict=True))


def test_streams_of_samples_or_batches_with_a_length_are_read(trained, digits):
    run = trained.model, trained.start, trained.end
    whole = interpolation_curves(*run, (digits.inputs, digits.labels), alphas=5)
    batches = Stream([(digits.inputs[i : i + 200], digits.labels[i : i + 200]) for i in (0, 200, 400)])
    labelled = Stream([(x, int(y)) for x, y in pairs(digits)])
    for data in (Stream(pairs(digits)), labelled, batches):
        found = interpolation_curves(*run, data, alphas=5)
        assert found.attrs["n_samples"] == 600
        np.testing.assert_allclose(found.loss, whole.loss, atol=1e-5)
    loader = DataLoader(Stream(pairs(digits)), batch_size=600)
    assert Batches(loader).n_samples is None
    np.testing.assert_array_equal(interpolation_curves(*run, loader, alphas=5).loss, whole.loss)
    with pytest.raises(ValueError, match="no sample"):
        interpolation_curves(*run, Stream([]))
    once = Stream([])
    once.items = iter(pairs(digits))
    with pytest.raises(ValueError, match="no sample on a second pass: pass data that can be read more than"):
        list(Batches(once))  # the beginning is read twice, before any work


def test_the_length_of_a_loader_is_known_or_left_open_never_guessed(trained, digits):
    run = trained.model, trained.start, trained.end
    dataset = TensorDataset(digits.inputs, digits.labels)
    every_other = DataLoader(dataset, batch_size=100, sampler=EveryOther(600))
    halves = DataLoader(dataset, batch_sampler=HalfBatches())
    assert Batches(every_other).n_samples is None
    assert Batches(halves).n_samples is None
    assert Batches(DataLoader(dataset, batch_size=7)).n_samples == 600
    assert Batches(DataLoader(dataset, batch_size=7, drop_last=True)).n_samples is None
    found = interpolation_curves(*run, every_other, alphas=5)
    wanted = interpolation_curves(*run, (digits.inputs[::2], digits.labels[::2]), alphas=5)
    assert found.attrs["n_samples"] == 300
    np.testing.assert_allclose(found.loss, wanted.loss, atol=1e-5)
    assert interpolation_curves(*run, halves, alphas=5).attrs["n_samples"] == 20


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.uint32, torch.uint64]
)
def test_labels_of_any_integer_type_are_the_same_classes(trained, digits, dtype):
    run = trained.model, trained.start, trained.end
    wanted = interpolation_curves(*run, (digits.inputs, digits.labels), exits=True)
    found = interpolation_curves(*run, (digits.inputs, digits.labels.to(dtype)), exits=True)
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])


def test_single_samples_are_refused_with_what_to_do(trained, digits):
    dataset = TensorDataset(digits.inputs, digits.labels)
    mapping = [{"x": x, "label": y} for x, y in pairs(digits)]
    plain_labels = [(x, int(y)) for x, y in pairs(digits)]
    for data in (pairs(digits), mapping, plain_labels, DataLoader(dataset, batch_size=None)):
        with pytest.raises(ValueError, match=r"single samples, not batches: pass them through torch\.utils"):
            interpolation_curves(trained.model, trained.start, trained.end, data)


def test_data_sets_of_the_hub_are_read_through_a_loader(trained, digits):
    datasets = pytest.importorskip("datasets")
    rows = {"input": digits.inputs.flatten(1).tolist(), "label": digits.labels.tolist()}
    table = datasets.Dataset.from_dict(rows).with_format("torch")
    run = trained.model, trained.start, trained.end
    for data in (table, datasets.DatasetDict(train=table), table.with_format(None)):
        with pytest.raises(ValueError, match="single samples, not batches"):
            interpolation_curves(*run, data)
    wanted = interpolation_curves(*run, (digits.inputs, digits.labels), alphas=5)
    for data in (DataLoader(table, batch_size=600), table.to_iterable_dataset()):  # the latter one of torch's
        np.testing.assert_allclose(interpolation_curves(*run, data, alphas=5).loss, wanted.loss, atol=1e-5)


def test_samples_that_make_no_batch_are_told(trained, digits):
    odd = [(x if i else x[:, 1:], y) for i, (x, y) in enumerate(pairs(digits))]
    for data in (Stream(odd), Stream([(object(), 1)] * 3)):
        with pytest.raises(ValueError, match=r"cannot be put into a batch .*collate_fn") as raised:
            interpolation_curves(trained.model, trained.start, trained.end, data)
        assert "\n" not in str(raised.value)
