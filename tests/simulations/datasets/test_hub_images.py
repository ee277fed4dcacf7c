"""Data sets by hub name: from MLI_DATA, else through `datasets`, and what is said when neither works."""

import re
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simulations.datasets.hub_images import SHORT_NAMES, is_hub_name
from simulations.datasets.image_dataset import load
from simulations.datasets.label_noise import redrawn_labels

datasets = pytest.importorskip("datasets")
from PIL import Image  # noqa: E402 - comes with the extra

FULL_NAMES = [
    ("mnist", "ylecun/mnist"),
    ("fashion-mnist", "zalando-datasets/fashion_mnist"),
    ("cifar10", "uoft-cs/cifar10"),
    ("cifar100", "uoft-cs/cifar100"),
]


@pytest.fixture(autouse=True)
def no_network_and_no_bars(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("this test must not reach for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("MLI_DATA", raising=False)
    datasets.disable_progress_bars()


def grey(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 5, 4), dtype=np.uint8)


def tables(image="image", label="label", n=6, classes=("cat", "dog", "eel"), **more):
    """A train and a test split of n and 3 grey images, labels 0, 1, 2, 0, ..."""
    features = datasets.Features(
        {image: datasets.Image(), label: datasets.ClassLabel(names=list(classes))}
        | {name: datasets.Value("int64") for name in more}
    )
    splits = {}
    for seed, (split, size) in enumerate((("train", n), ("test", 3))):
        rows = {
            image: [Image.fromarray(pixels) for pixels in grey(size, seed)],
            label: [i % len(classes) for i in range(size)],
        }
        splits[split] = datasets.Dataset.from_dict(
            rows | {name: [value] * size for name, value in more.items()}, features=features
        )
    return datasets.DatasetDict(splits)


@pytest.fixture
def hub(monkeypatch):
    """The names asked of the hub, which gives `tables` or raises what is put into `hub.answer`."""

    hub = SimpleNamespace(asked=[], answer=tables())
    original = datasets.load_dataset

    def load_dataset(name, **arguments):
        if name == "parquet":  # a local folder
            return original(name, **arguments)
        hub.asked.append(name)
        if isinstance(hub.answer, BaseException):
            raise hub.answer
        return hub.answer

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return hub


@pytest.mark.parametrize(("short", "full"), [*FULL_NAMES, ("somebody/some_images", "somebody/some_images")])
def test_a_name_is_asked_of_the_hub_and_read_as_a_folder_would_be(hub, short, full):
    data = load(short, balanced=False)
    assert hub.asked == [full]
    expected = np.concatenate([grey(6, 0), grey(3, 1)])
    scaled = (expected - grey(6, 0).mean()) / grey(6, 0).std()
    np.testing.assert_array_equal(data.inputs[:, 0].numpy(), scaled.astype(np.float32))
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert load(short, split="test").labels.tolist() == [0, 1, 2]


def test_the_fine_labels_are_the_classes_of_cifar100(hub):
    hub.answer = tables(image="img", label="fine_label", coarse_label=7)
    data = load("cifar100")
    assert data.n_classes == 3
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("folder", ["mnist", "ylecun/mnist"])
@pytest.mark.parametrize("asked", ["mnist", "ylecun/mnist"])
def test_a_local_copy_is_preferred_and_equals_the_hubs_data(monkeypatch, tmp_path, hub, folder, asked):
    from_hub = load(asked)
    copy = tmp_path / folder
    copy.mkdir(parents=True)
    for split, table in tables().items():
        table.to_parquet(copy / f"{split}-00000-of-00001.parquet")
    monkeypatch.setenv("MLI_DATA", str(tmp_path))
    assert load(asked).content_hash == from_hub.content_hash
    assert hub.asked == ["ylecun/mnist"]


def test_what_mli_data_has_no_copy_of_is_asked_of_the_hub(monkeypatch, tmp_path, hub):
    monkeypatch.setenv("MLI_DATA", str(tmp_path))
    load("cifar10")
    assert hub.asked == ["uoft-cs/cifar10"]
    monkeypatch.setenv("MLI_DATA", str(tmp_path / "absent"))
    with pytest.raises(ValueError, match=r"MLI_DATA .*absent"):
        load("cifar10")
    assert load("digits", limit=10).n_classes == 10  # has no copy to look for


def test_a_folder_of_the_current_directory_hides_an_owner_but_never_a_short_name(monkeypatch, tmp_path, hub):
    monkeypatch.chdir(tmp_path)
    for name in ("mnist", "owner/name"):
        Path(name).mkdir(parents=True)
    load("mnist")
    assert hub.asked == ["ylecun/mnist"]
    for folder in ("./mnist", Path("mnist"), "owner/name"):
        with pytest.raises(ValueError, match=r"holds no \.parquet"):
            load(folder)


UNREACHABLE = ConnectionError(
    "Couldn't reach 'ylecun/mnist' on the Hub (LocalEntryNotFoundError)\nmore lines"
)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (
            UNREACHABLE,
            ConnectionError,
            r"'mnist' could not be fetched .*Couldn't reach.*MLI_DATA=FOLDER .*FOLDER/mnist",
        ),
        (RuntimeError("Dataset scripts are no longer supported"), ConnectionError, "scripts"),
        (datasets.exceptions.DatasetNotFoundError("no such thing"), ValueError, "'mnist'.*no such thing"),
        (ValueError("Config name is missing."), ValueError, "'mnist'.*Config name"),
        (datasets.DatasetDict(), ValueError, "mnist has no split"),
        (tables(image="picture"), ValueError, r"mnist must have the columns image .*\['label', 'picture'\]"),
        (tables(label="species"), ValueError, r"columns .*\['image', 'species'\]"),
    ],
)
def test_what_the_hub_does_not_give_is_said_in_one_line(hub, answer, error, message):
    hub.answer = answer
    with pytest.raises(error, match=message) as raised:
        load("mnist")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["mnits", "owner/", "/absolute/path", "a/b/c", "../mnist", "", "cifar-10"])
def test_what_is_no_name_of_the_hub_is_refused_with_those_that_are(hub, name):
    assert not is_hub_name(name)
    with pytest.raises(ValueError, match=re.escape(repr(name)) + ".*mnist, fashion-mnist, cifar10, cifar100"):
        load(name)
    with pytest.raises(ValueError, match="unknown data set"):
        load(Path("owner") / "absent")  # a path is never a name
    assert hub.asked == []


def test_a_missing_extra_is_named_for_a_hub_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"mnist needs .*mli-plateau\[hub\]"):
        load("mnist")


def test_the_short_names_are_exactly_these():
    assert list(SHORT_NAMES.items()) == FULL_NAMES


def test_a_limit_decodes_its_images_and_the_thousand_that_scale_and_no_others(monkeypatch, hub):
    hub.answer = tables(n=3000)
    opened = []
    original = Image.open
    monkeypatch.setattr(Image, "open", lambda *given, **named: opened.append(1) or original(*given, **named))
    data = load("mnist", limit=30)
    assert len(data) == 30
    assert len(opened) == 1030


def test_images_in_files_beside_the_table_are_read(hub, tmp_path):
    pixels = grey(4)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    rows = {"image": [str(tmp_path / f"{i}.png") for i in range(4)], "label": [0, 1, 0, 1]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    hub.answer = datasets.DatasetDict(train=datasets.Dataset.from_dict(rows, features=features))
    scaled = (pixels - pixels.mean()) / pixels.std()
    np.testing.assert_array_equal(load("owner/files").inputs[:, 0].numpy(), scaled.astype(np.float32))


def test_a_photograph_that_lies_on_its_side_is_turned_as_the_library_does(hub, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by a quarter to see it upright
    for i, image in enumerate(grey(2)):
        Image.fromarray(image).save(tmp_path / f"{i}.jpg", exif=exif)
    rows = {
        "image": [{"bytes": (tmp_path / f"{i}.jpg").read_bytes(), "path": None} for i in range(2)],
        "label": [0, 1],
    }
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    hub.answer = datasets.DatasetDict(train=datasets.Dataset.from_dict(rows, features=features))
    assert load("owner/photographs").inputs.shape == (2, 1, 4, 5)


def test_images_of_two_shapes_are_refused(hub):
    images = [Image.fromarray(grey(1)[0]), Image.fromarray(grey(1)[0].T.copy())]
    hub.answer = datasets.DatasetDict(train=datasets.Dataset.from_dict({"image": images, "label": [0, 1]}))
    with pytest.raises(ValueError, match=r"differ in shape: \(5, 4\) and \(4, 5\)"):
        load("owner/two-shapes")


def test_label_noise_redraws_the_labels_of_what_is_kept(hub):
    hub.answer = tables(n=60)
    clean, noisy = load("mnist", limit=30), load("mnist", limit=30, label_noise=0.5, seed=2)
    assert torch.equal(clean.inputs, noisy.inputs)
    assert noisy.labels.tolist() == redrawn_labels(clean.labels.numpy(), 3, 0.5, seed=2).tolist()
    assert noisy.content_hash != clean.content_hash


def test_an_imposed_imbalance_keeps_the_first_of_each_class(hub):
    hub.answer = tables(n=30)
    data = load("mnist", split="train", imbalance=4.0)
    assert torch.bincount(data.labels).tolist() == [10, 5, 2]  # 10/4 = 2.5, halves to even
    whole = load("mnist", split="train", balanced=False)
    kept = [i for i, label in enumerate(whole.labels.tolist()) if i // 3 < (10, 5, 2)[label]]
    assert torch.equal(data.inputs, whole.inputs[kept])
    with pytest.raises(ValueError, match=r"imbalance = 4\.0 .*balanced=False"):
        load("mnist", imbalance=4.0, balanced=False)
