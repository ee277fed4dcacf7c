"""Images a second on one thread: decoding a data set, and a training step's forward and backward pass.

    OMP_NUM_THREADS=1 python -m benchmarks.images_per_second [--data FOLDER]

CPU seconds, contenders taken in turn, the best of each. FOLDER holds mnist/ and cifar10/ as parquet.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.datasets.parquet_images import parquet_images
from simulations.networks import build_network

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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    data = parser.parse_args().data
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
