"""The plane through three checkpoints: forward passes against every point of a 51 x 51 grid, and how wrong.

    OMP_NUM_THREADS=1 python -m benchmarks.plane_passes

A fully connected and a convolutional network on 400 digits; a is the start, b its end, c the end of another
seed. A grid is what loss-landscapes' `planar_interpolation(steps=51)` evaluates, one pass a point; so would
51 lines of nngeom's `linear_interpolation(steps=51)` be. Printed: passes, their ratio, the estimated and the
worst true errors over the whole grid, CPU seconds.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from simulations.curves import plane
from simulations.datasets.image_dataset import load
from simulations.training.single import train


def fully_connected():
    hidden = [layer for _ in range(3) for layer in (nn.Linear(48, 48), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), *hidden, nn.Linear(48, 10))


def convolutional():
    first = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()
    return nn.Sequential(*first, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(128, 10))


def main():
    torch.set_num_threads(1)
    data = load("digits", limit=400)
    for make in (fully_connected, convolutional):
        corners = []
        for seed in (1900, 1901):
            torch.manual_seed(seed)
            model = make()
            run = train(model, data, learning_rate=0.1, target_loss=0.02, max_epochs=30, seed=seed)
            corners += [run.start, run.end]
        three, seconds, found = (corners[0], corners[1], corners[3]), {}, {}
        for method in ("adaptive", "grid"):
            began = time.process_time()
            found[method] = plane(model, *three, data, method=method)
            seconds[method] = time.process_time() - began
        fast, exact = found["adaptive"], found["grid"]
        passes = [curve.attrs["forward_passes"] for curve in (fast, exact)]
        fewer = passes[1] / passes[0]
        print(f"{make.__name__}: {passes[0]:.0f} passes for {passes[1]:.0f}, {fewer:.1f} times fewer")
        for name in ("loss", "error"):
            off, told = float(np.abs(fast[name] - exact[name]).max()), fast.attrs[f"estimated_{name}_error"]
            values = float(exact[name].min()), float(exact[name].max())
            print(f"  {name} {values[0]:.2g} to {values[1]:.2g}, off by {off:.1e}, estimate {told:.1e}")
        print(f"  CPU s {seconds['adaptive']:.1f}, grid {seconds['grid']:.1f}", flush=True)


if __name__ == "__main__":
    main()
