"""The curve engine against loss-landscapes 3.0.6's `linear_interpolation` (501 steps), one thread.

    pip install --target BENCH_SITE --no-deps loss-landscapes==3.0.6
    PYTHONPATH=BENCH_SITE OMP_NUM_THREADS=1 python -m benchmarks.curve_engine --mnist FOLDER [CASE ...]

The contender is no dependency of the package. It walks loss alone (no error rate, no start) under
`torch.no_grad`. Times are CPU seconds of the one thread (`time.process_time`), so a shared machine's other
work does not count. Errors are against a grid of 101 alphas off the nodes. The work beside the forward passes
is measured inside the engine's own runs, and the engine against bare passes in turn; medians of ratios.
Memory: `line_memory.py`.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.line_networks import CASES, build
from simulations.curves.one_path import interpolation_curves
from simulations.interpolation.chebyshev import chebyshev_nodes, interpolation_matrix

REPEATS = 3


def seconds(function, repeats=REPEATS):
    """The least CPU time of some repeats, and the last result."""
    best = np.inf
    for _ in range(repeats):
        begun = time.process_time()
        result = function()
        best = min(best, time.process_time() - begun)
    return best, result


def contender(model, start, end, data, steps=501):
    import loss_landscapes
    from loss_landscapes.metrics import Loss

    first, last = copy.deepcopy(model), copy.deepcopy(model)
    first.load_state_dict(start)
    last.load_state_dict(end)
    metric = Loss(nn.functional.cross_entropy, data.inputs, data.labels)
    with torch.no_grad():
        return loss_landscapes.linear_interpolation(first.eval(), last.eval(), metric, steps=steps)


def beside_forwards(function, model, repeats=9):
    """The median of (time of a run less its forward passes) over its forward passes: both of the same run."""
    begun, inside, shares = [0.0], [0.0], []

    def enter(*_):
        begun[0] = time.process_time()

    def leave(*_):
        inside[0] += time.process_time() - begun[0]

    hooks = [model.register_forward_pre_hook(enter), model.register_forward_hook(leave)]
    for _ in range(repeats):
        inside[0] = 0.0
        total = time.process_time()
        function()
        shares.append((time.process_time() - total - inside[0]) / inside[0])
    for hook in hooks:
        hook.remove()
    return float(np.median(shares))


def against_bare_passes(function, model, repeats=5):
    """The median ratio of a run to bare passes of the same batches, timed in turn."""
    batches = []
    hook = model.register_forward_pre_hook(lambda _, arguments: batches.append(arguments[0]))
    function()
    hook.remove()

    def bare():
        with torch.inference_mode():
            for inputs in batches:
                model(inputs)

    ratios = [seconds(function, 1)[0] / seconds(bare, 1)[0] for _ in range(repeats)]
    return float(np.median(ratios))


def measure(case, mnist):
    model, start, end, data = build(case, mnist)
    model.eval()
    tolerance = 2e-3 if case == "a2" else 5e-3
    options = {"error_tolerance": tolerance, "buffers": "interpolate" if case == "b" else "refuse"}

    def engine(alphas):
        return interpolation_curves(model, start, end, data, alphas=alphas, **options)

    engine(501)  # first calls load libraries
    ours, curves = seconds(lambda: engine(501))
    many, _ = seconds(lambda: engine(10_000))

    theirs, _ = seconds(lambda: contender(model, start, end, data), 1)

    off = (np.arange(101) + 0.37) / 101.5
    exact = interpolation_curves(model, start, end, data, alphas=off, method="grid", **options)
    adaptive = interpolation_curves(
        model, start, end, data, alphas=np.union1d(off, np.linspace(0, 1, 501)), **options
    ).sel(alpha=off)
    nodes = chebyshev_nodes(17)
    loss = interpolation_curves(model, start, end, data, alphas=nodes, method="grid", **options).loss.values
    polynomial = interpolation_matrix(nodes, off) @ loss
    return {
        "case": CASES[case],
        "times faster": theirs / ours,
        "seconds": ours,
        "contender's seconds": theirs,
        "forward passes": curves.attrs["forward_passes"],
        "time over the bare passes": against_bare_passes(lambda: engine(501), model),
        "work beside the forward passes, share of their time": beside_forwards(lambda: engine(501), model),
        "10,000 alphas over 501": many / ours,
        "worst loss error": float(np.abs(adaptive.loss - exact.loss).max()),
        "estimated": curves.attrs["estimated_loss_error"],
        "worst error-rate error": float(np.abs(adaptive.error - exact.error).max()),
        "its estimate": curves.attrs["estimated_error_error"],
        "loss error of a polynomial through the loss, 17 passes": float(
            np.abs(polynomial - exact.loss).max()
        ),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--mnist", type=Path, default=Path("../shared/data/mnist"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("default")
    for case in arguments.cases:
        if case.startswith("a") and not arguments.mnist.is_dir():
            print(f"{case}: skipped, there is no {arguments.mnist}")
            continue
        print(json.dumps(measure(case, arguments.mnist), indent=1), flush=True)


if __name__ == "__main__":
    main()
