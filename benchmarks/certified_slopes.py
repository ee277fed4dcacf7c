"""On which share of [0, 1] is the sign of the loss's slope proved, at which width of cells?

    OMP_NUM_THREADS=1 python -m benchmarks.certified_slopes [--digits]

`loss_slopes` (T15; mli_theory/certificates/relu_line/slope.py) on seeded fully connected ReLU networks, He x
1 with all biases, trained full batch by Adam (0.01, 400 steps) on 16 random samples of 4 numbers and 3
classes, on the line from the start and on the line from 0. `--digits` adds the first network of
`certified_networks`, of 8 layers of 64 units, trained on the digits, on about 100 of them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from benchmarks.certified_networks import NETWORKS, build, trained
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.relu_line.slope import loss_slopes
from simulations.certified_line.line_of_module import open_certified_line
from simulations.datasets.image_dataset import load
from simulations.networks import fcn
from simulations.runtime.random_streams import numpy_stream

SAMPLES, INPUTS, CLASSES = 16, 4, 3
FINEST = (5, 8, 10, 12)


def small_line(depth, width, seed, from_zero):
    """A `ReluLine`, its inputs and labels, and the loss at the end."""
    rng = numpy_stream(seed, "certified slopes")
    inputs = rng.normal(size=(SAMPLES, INPUTS)).astype(np.float32)
    labels = rng.integers(0, CLASSES, SAMPLES)
    network = fcn(depth, width, INPUTS, CLASSES, seed=seed)
    start = [p.detach().numpy().copy() for p in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    for _ in range(400):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
    end = [p.detach().numpy().copy() for p in network.parameters()]
    start = [0 * p for p in start] if from_zero else start
    steps = [
        (start[2 * i], end[2 * i], start[2 * i + 1], end[2 * i + 1], i < depth - 1) for i in range(depth)
    ]
    return ReluLine(steps), inputs, labels, float(loss.detach())


def report(name, line, inputs, labels, finest_levels):
    for finest in finest_levels:
        began = time.process_time()
        found = loss_slopes(line, inputs, labels, finest=finest)
        seconds = time.process_time() - began
        width = found.end - found.start
        print(
            f"{name}: cells to 2^-{finest}: falls on {width[found.falls].sum():.4f}, rises on "
            f"{width[found.rises].sum():.4f}, open {1 - found.decided_share:.4f}; {found.rows} rows, "
            f"{seconds:.2f} s CPU",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", action="store_true", help="add the digits' network of 8 layers")
    with_digits = parser.parse_args().digits
    torch.set_num_threads(1)
    report("(compiles)", *small_line(2, 8, 0, False)[:3], (5,))
    for depth, width in ((2, 8), (3, 8), (4, 16), (6, 16)):
        for from_zero in (False, True):
            for seed in (0, 1):
                line, inputs, labels, loss = small_line(depth, width, seed, from_zero)
                name = f"depth {depth} width {width} from {'0' if from_zero else 'start'} seed {seed}"
                print(f"{name}: loss {loss:.1e} at the end")
                report(name, line, inputs, labels, FINEST)
    if with_digits:
        data = load("digits")
        done = trained(NETWORKS[0], data)
        opened = open_certified_line(
            build(NETWORKS[0]), done.start, done.end, data, "linear", buffers="refuse"
        )
        report("digits", opened.line, opened.inputs[::18], opened.labels[::18], (8, 10))


if __name__ == "__main__":
    main()
