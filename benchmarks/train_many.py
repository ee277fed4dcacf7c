"""What training costs: an ensemble against one by one, loading the data, and what surrounds the gradients.

    OMP_NUM_THREADS=1 python -m benchmarks.train_many [--device cuda] [CASE ...]

On the CPU times are CPU seconds of the one thread (`time.process_time`), so that other work on a shared
machine counts little; on a CUDA device seconds between synchronisations. Contenders take turns, and the least
of three counts. Images are random numbers of CIFAR's shape: no time depends on what is on them.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset, load
from simulations.networks import build_network
from simulations.runtime.random_streams import torch_stream
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.ensemble import train_many
from simulations.training.epoch import evaluate, run_epoch
from simulations.training.optimizers import make_optimizer
from simulations.training.samples_on_device import samples_on
from simulations.training.single import train

CASES = ("members", "sizes", "fcn", "resnet")
REPEATS = 3


def now(device):
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def least_seconds(device, *contenders):
    """Of each contender, taking turns; after one turn that does not count (first calls load libraries)."""
    best = [float("inf")] * len(contenders)
    for turn in range(REPEATS + 1):
        for place, contender in enumerate(contenders):
            begun = now(device)
            contender()
            if turn:
                best[place] = min(best[place], now(device) - begun)
    return best


def network(kind, seed, depth=8):
    if kind == "resnet":
        return build_network(
            "resnet18",
            input_shape=(3, 32, 32),
            n_classes=10,
            width_multiplier=0.25,
            batch_norm=True,
            seed=seed,
        )
    return build_network(
        "fcn",
        input_shape=(1, 8, 8),
        n_classes=10,
        depth=depth,
        width=64,
        bias="last",
        init_scale=0.5,
        seed=seed,
    )


def data_of(kind):
    if kind == "fcn":
        return load("digits")
    stream = torch_stream(0, "benchmark")
    images = torch.randn(640, 3, 32, 32, generator=stream)
    return ImageDataset(images, torch.randint(10, (640,), generator=stream), 10)


def members(device, n_members=32, max_epochs=3):
    """Seconds of an ensemble over seconds of its members one by one."""
    data = data_of("fcn")
    arguments = {"learning_rate": 0.02, "max_epochs": max_epochs, "device": device}

    def models():
        return [network("fcn", seed) for seed in range(n_members)]

    def one_by_one():
        return [train(model, data, seed=seed, **arguments) for seed, model in enumerate(models())]

    def together():
        return train_many(models(), data, seeds=range(n_members), **arguments)

    alone, many = least_seconds(device, one_by_one, together)
    pairs = list(zip(one_by_one(), together(), strict=True))
    furthest = max(float((a.end[k] - b.end[k]).abs().max()) for a, b in pairs for k in a.end)
    return {
        "case": f"{n_members} FCNs 8 x 64, {len(data)} digits, {max_epochs} epochs in batches of 64",
        "one by one, s": alone,
        "together, s": many,
        "times faster": alone / many,
        "furthest weights after it": furthest,
    }


def sizes(device, max_epochs=2):
    """How many times faster ensembles of some sizes are than their members one by one: depths 4 and 12."""
    data = data_of("fcn")
    found = {"case": f"FCNs of width 64, {len(data)} digits, {max_epochs} epochs"}
    arguments = {"learning_rate": 0.02, "max_epochs": max_epochs, "device": device}
    for depth in (4, 12):

        def one(depth=depth):
            train(network("fcn", 0, depth), data, seed=0, **arguments)

        def many(size, depth=depth):
            train_many(
                [network("fcn", seed, depth) for seed in range(size)], data, seeds=range(size), **arguments
            )

        counts = (3, 6, 18, 30)
        alone, *times = least_seconds(device, one, *(partial(many, size) for size in counts))
        found |= {
            f"depth {depth}, {size} members, times faster": size * alone / seconds
            for size, seconds in zip(counts, times, strict=True)
        }
        found[f"depth {depth}, one alone, s an epoch"] = alone / max_epochs
    return found


def epoch(kind, device):
    """What an epoch costs beside its forward and backward passes, and what of it is loading the data."""
    data, model = data_of(kind), network(kind, 0).to(device).train()
    samples, size = samples_on(data, device), 64
    arguments = TrainingArguments(learning_rate=1e-3, max_epochs=1, batch_size=size)
    parameters = list(model.parameters())
    stepper, order = make_optimizer(parameters, arguments), torch_stream(0, "order")
    batches = list(zip(samples.inputs.split(size), samples.labels.split(size), strict=True))

    def bare():
        for inputs, labels in batches:
            for parameter in parameters:
                parameter.grad = None
            nn.functional.cross_entropy(model(inputs), labels).backward()

    def steps():
        run_epoch(model, samples, stepper, order, arguments)

    def evaluation():
        evaluate(model, samples, data.labels)

    def loading():
        shuffled = torch.randperm(len(samples), generator=order).to(device)
        for first in range(0, len(samples), size):
            batch = shuffled[first : first + size]
            samples.inputs[batch], samples.labels[batch]

    bare_s, steps_s, evaluation_s, loading_s = least_seconds(device, bare, steps, evaluation, loading)
    return {
        "case": "ResNet-18 of a quarter width, 640 images 3 x 32 x 32"
        if kind == "resnet"
        else "FCN 8 x 64, digits",
        "images/s, bare forward and backward": len(data) / bare_s,
        "images/s, an epoch's steps": len(data) / steps_s,
        "images/s, with the evaluation after an epoch": len(data) / (steps_s + evaluation_s),
        "an epoch's steps over bare": steps_s / bare_s,
        "loading's share of an epoch's steps": loading_s / steps_s,
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=CASES, metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.device != "cpu" and not torch.cuda.is_available():
        print("no CUDA device")
        return
    torch.set_num_threads(1)
    device = torch.device(options.device)
    print(torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread", flush=True)
    for case in options.cases:
        found = {"members": members, "sizes": sizes}.get(case, partial(epoch, case))(device)
        print(json.dumps(found, indent=1), flush=True)


if __name__ == "__main__":
    main()
