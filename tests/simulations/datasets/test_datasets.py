"""Digits and parquet folders: what is kept, how it is scaled, what is refused."""

import pickle
import socket
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from simulations.datasets.image_dataset import ImageDataset, load
from tests.helpers.paths import SHARED

SHARED_DATA = SHARED / "data"


def test_balanced_digits_are_the_first_174_of_each_class_in_the_original_order():
    data, bunch = load("digits"), load_digits()
    assert len(data) == 1740
    assert data.n_classes == 10
    assert torch.bincount(data.labels).tolist() == [174] * 10
    seen, kept = [0] * 10, []
    for index, label in enumerate(bunch.target):
        if seen[label] < 174:
            kept.append(index)
        seen[label] += 1
    assert data.labels.tolist() == bunch.target[kept].tolist()
    pixels = bunch.images
    expected = ((pixels[kept] - pixels.mean()) / pixels.std()).astype(np.float32)
    assert data.inputs.dtype == torch.float32
    np.testing.assert_array_equal(data.inputs[:, 0].numpy(), expected)


def test_unbalanced_digits_are_all_of_them_standardised():
    data = load("digits", balanced=False)
    assert len(data) == 1797
    assert abs(float(data.inputs.double().mean())) < 1e-7  # float32 rounding, averaged
    assert float(data.inputs.double().std(unbiased=False)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("limit", "n_kept"), [(10, 10), (19, 10), (100, 100), (999, 990), (10**6, 1740), (None, 1740)]
)
def test_a_limit_keeps_the_classes_equal(limit, n_kept):
    data = load("digits", limit=limit)
    assert torch.bincount(data.labels).tolist() == [n_kept // 10] * 10


def test_without_balance_a_limit_is_the_first_samples():
    data = load("digits", limit=25, balanced=False)
    assert data.labels.tolist() == load_digits().target[:25].tolist()


def test_the_hash_is_that_of_the_content():
    data = load("digits", limit=50)
    assert data.content_hash == load("digits", limit=50).content_hash
    for tensor, index in ((data.inputs, (7, 0, 3, 3)), (data.labels, (7,))):
        changed = {"inputs": data.inputs.clone(), "labels": data.labels.clone()}
        name = "inputs" if tensor is data.inputs else "labels"
        changed[name][index] = (changed[name][index] + 1) % 10
        assert ImageDataset(**changed, n_classes=10).content_hash != data.content_hash
    assert ImageDataset(data.inputs, data.labels, 11).content_hash != data.content_hash


def test_a_data_set_travels_by_pickle_as_values():
    data = load("digits", limit=20)
    copy = pickle.loads(pickle.dumps(data))
    assert torch.equal(copy.inputs, data.inputs)
    assert torch.equal(copy.labels, data.labels)
    assert copy.content_hash == data.content_hash


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name_or_folder": "digitz"}, "digitz"),
        ({"name_or_folder": "digits", "split": "train"}, "train"),
        ({"name_or_folder": "digits", "limit": 0}, "got 0"),
        ({"name_or_folder": "digits", "limit": 9}, "limit = 9"),
        ({"name_or_folder": "digits", "limit": 2.5}, r"got 2\.5"),
    ],
)
def test_load_refuses_by_naming_the_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**arguments)


@pytest.mark.parametrize(
    ("inputs", "labels", "n_classes", "message"),
    [
        (torch.zeros(3, 2), torch.tensor([0, 1, 2]), 2, r"labels\[2\] = 2"),
        (torch.zeros(3, 2), torch.tensor([0, -1, 1]), 2, r"labels\[1\] = -1"),
        (torch.zeros(3, 2), torch.tensor([0, 1]), 2, r"\(2,\)"),
        (torch.zeros(3, 2), torch.tensor([0.0, 1, 1]), 2, "float32"),
        (torch.zeros(3, 2).double(), torch.tensor([0, 1, 1]), 2, "float64"),
        (torch.zeros(3, 2), torch.tensor([0, 0, 0]), 1, "got 1"),
        (torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), 2, "none"),
        (torch.tensor([[0.0], [float("nan")]]), torch.tensor([0, 1]), 2, r"inputs\[1\]"),
    ],
)
def test_a_data_set_refuses_by_naming_the_value(inputs, labels, n_classes, message):
    with pytest.raises(ValueError, match=message):
        ImageDataset(inputs, labels, n_classes)


@pytest.fixture
def colour_folder(tmp_path):
    """Six colour images of two unequal classes, four to train and two to test, as the hub stores them."""
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    folder = tmp_path / "colours"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    labels = [0, 0, 1, 0, 1, 1]
    features = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    for split, part in (("train", slice(0, 4)), ("test", slice(4, 6))):
        rows = {"img": [Image.fromarray(p) for p in pixels[part]], "label": labels[part]}
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder, pixels, labels


def test_a_colour_folder_is_scaled_by_channel_with_the_train_splits_numbers(colour_folder, monkeypatch):
    folder, pixels, labels = colour_folder

    def refuse(*_, **__):
        raise AssertionError("a local folder must not reach for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = sorted(folder.rglob("*"))
    data = load(folder, balanced=False)
    assert sorted(folder.rglob("*")) == before
    mean, std = pixels[:4].mean(axis=(0, 1, 2)), pixels[:4].std(axis=(0, 1, 2))
    expected = ((pixels - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(data.inputs.numpy(), expected, rtol=1e-6, atol=1e-6)
    assert data.labels.tolist() == labels
    test = load(str(folder), split="test", balanced=False)
    assert torch.equal(test.inputs, data.inputs[4:])


def test_a_folder_is_balanced_across_its_splits(colour_folder):
    folder, _, _ = colour_folder
    assert load(folder, limit=5).labels.tolist() == [0, 0, 1, 1]
    assert load(folder, split="train").labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match="class 0 has no sample"):
        load(folder, split="test")


def test_a_folder_of_another_kind_is_refused(colour_folder, tmp_path):
    folder, _, _ = colour_folder
    with pytest.raises(ValueError, match="validation"):
        load(folder, split="validation")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"no \.parquet"):
        load(empty)
    import datasets

    other = tmp_path / "other"
    other.mkdir()
    datasets.Dataset.from_dict({"text": ["a"], "label": [0]}).to_parquet(other / "train-0.parquet")
    with pytest.raises(ValueError, match="text"):
        load(other)


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"mli-plateau\[hub\]"):
        load(tmp_path)


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_the_shared_folders_load(name, shape, monkeypatch):
    if not (SHARED_DATA / name).is_dir():
        pytest.skip(f"{SHARED_DATA / name} is absent")
    pytest.importorskip("datasets")
    data = load(SHARED_DATA / name, split="test", limit=105)
    monkeypatch.setenv("MLI_DATA", str(SHARED_DATA))
    assert load(name, split="test", limit=105).content_hash == data.content_hash
    assert torch.bincount(data.labels).tolist() == [10] * 10
    assert data.inputs.shape == (100, *shape)
    assert 0.8 < float(data.inputs.std()) < 1.2


@pytest.mark.parametrize(("labels", "shown"), [([0, -1], "-1"), ([0.0, 0.5], r"0\.0"), ([1, None], "None")])
def test_labels_of_a_folder_that_are_no_classes_are_refused_by_value(tmp_path, labels, shown):
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    datasets.disable_progress_bars()
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
    datasets.Dataset.from_dict({"image": [image] * 2, "label": labels}).to_parquet(
        tmp_path / "train-0.parquet"
    )
    for balanced in (True, False):
        with pytest.raises(ValueError, match=rf"label \d of split 'train' is {shown}"):
            load(tmp_path, balanced=balanced)
