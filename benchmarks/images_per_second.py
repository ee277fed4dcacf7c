"""Images a second on one thread: decoding a data set, a step's forward and backward pass, and `train`.

    OMP_NUM_THREADS=1 python -m benchmarks.images_per_second [--data FOLDER] [--train]

With --train only: what `train` makes of the passes, evaluating all samples after each epoch and every 5.

CPU seconds, contenders taken in turn, the best of each. FOLDER holds mnist/ and cifar10/ as parquet.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset, load
from simulations.datasets.parquet_images import parquet_images
from simulations.networks import build_network
from simulations.training.single import train

BATCH, ROUNDS, STEPS = 64, 5, 2
QUARTER = {"width_multiplier": 0.25}
NETWORKS = {
    "resnet18, 1/4 width, batch norm": {"network": "resnet18", "batch_norm": True, **QUARTER},
    "resnet18, 1/4 width": {"network": "resnet18", **QUARTER},
    "vgg16, 1/4 width, batch norm": {"network": "vgg16", "batch_norm": True, **QUARTER},
    "vgg16, 1/4 width": {"network": "vgg16", **QUARTER},
    "resnet18, batch norm": {"network": "resnet18", "batch_norm": True},
    "vgg16": {"network": "vgg16"},
    "vit, 6 blocks of 64": {"network": "vit", "depth": 6, "width": 64},
}

IMAGES, EPOCHS, TRAIN_ROUNDS = 256, 5, 2
TRAINED = {
    "resnet18, 1/4 width, batch norm": NETWORKS["resnet18, 1/4 width, batch norm"],
    "vgg16, 1/4 width": NETWORKS["vgg16, 1/4 width"],
    "fcn, 10 layers of 512": {"network": "fcn", "depth": 10, "width": 512},
}


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def step(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    for _ in range(STEPS):
        network.zero_grad(set_to_none=True)
        torch.autograd.backward(nn.functional.cross_entropy(network(inputs), labels))


def decode(folder: Path, n: int = 10_000) -> None:
    """The first n images decoded alone: from their bytes, and as `datasets` gives them."""
    import datasets

    datasets.disable_progress_bars()
    with parquet_images(folder) as images, TemporaryDirectory() as cache:
        table = datasets.load_dataset("parquet", data_dir=str(folder.resolve()), cache_dir=cache)["train"]
        column = next(name for name in ("image", "img") if name in table.features)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(cpu_seconds(lambda: images.pixels("train", np.arange(n))))
            theirs.append(
                cpu_seconds(lambda: np.stack([np.asarray(i) for i in table.select(range(n))[column]]))
            )
        print(f"  decoded alone: {n / min(ours):.0f} images/s, by the datasets library {n / min(theirs):.0f}")


def training() -> None:
    """Bare passes beside `train`, which clips the gradient, steps SGD with momentum, and evaluates."""
    for name, how in TRAINED.items():
        shape = (1, 28, 28) if how["network"] == "fcn" else (3, 32, 32)
        data = ImageDataset(torch.randn(IMAGES, *shape), torch.arange(IMAGES) % 10, 10)
        format_ = torch.contiguous_format if how["network"] == "fcn" else torch.channels_last  # as a run's
        networks = [
            build_network(**how, input_shape=shape, n_classes=10, seed=0).to(memory_format=format_)
            for _ in range(3)
        ]
        contenders = {
            "forward and backward": partial(bare_epochs, networks[0], data),
            "evaluated after each epoch": partial(trained, networks[1], data, None),
            f"every {EPOCHS} epochs": partial(trained, networks[2], data, EPOCHS),
        }
        best = dict.fromkeys(contenders, float("inf"))
        for _ in range(TRAIN_ROUNDS):
            for what, work in contenders.items():
                best[what] = min(best[what], cpu_seconds(work))
        found = ", ".join(f"{what} {EPOCHS * IMAGES / seconds:.0f}" for what, seconds in best.items())
        print(f"{name}, images/s: {found}", flush=True)


def trained(network: nn.Module, data: ImageDataset, every: int | None) -> None:
    train(
        network,
        data,
        learning_rate=1e-3,
        clip_norm=1.0,
        batch_size=BATCH,
        max_epochs=EPOCHS,
        target_loss=1e-9,  # never reached
        evaluate_every=every,
        seed=0,
    )


def bare_epochs(network: nn.Module, data: ImageDataset) -> None:
    for _ in range(EPOCHS):
        for first in range(0, IMAGES, BATCH):
            network.zero_grad(set_to_none=True)
            outputs = network(data.inputs[first : first + BATCH])
            torch.autograd.backward(nn.functional.cross_entropy(outputs, data.labels[first : first + BATCH]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--train", action="store_true")
    arguments = parser.parse_args()
    if arguments.train:
        training()
        return
    data = arguments.data
    if data is not None:
        for name in ("mnist", "cifar10"):
            load(data / name, limit=10)  # imports
            whole = load(data / name, split="train", balanced=False)
            ours = min(
                cpu_seconds(lambda name=name: load(data / name, split="train", balanced=False))
                for _ in range(2)
            )
            few = min(
                cpu_seconds(lambda name=name: load(data / name, split="train", limit=1000)) for _ in range(3)
            )
            print(
                f"{name}: all {len(whole)} loaded in {ours:.1f} s, {len(whole) / ours:.0f} images/s; "
                f"1,000 of them in {few:.2f} s"
            )
            decode(data / name)
    inputs = torch.randn(BATCH, 3, 32, 32)
    labels = torch.arange(BATCH) % 10
    networks = {
        name: build_network(**how, input_shape=(3, 32, 32), n_classes=10, seed=0)
        for name, how in NETWORKS.items()
    }
    best = dict.fromkeys(networks, float("inf"))
    for _ in range(ROUNDS):
        for name, network in networks.items():
            best[name] = min(best[name], cpu_seconds(lambda network=network: step(network, inputs, labels)))
    for name, seconds in best.items():
        print(f"{name}: {BATCH * STEPS / seconds:.0f} images/s forward and backward")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
