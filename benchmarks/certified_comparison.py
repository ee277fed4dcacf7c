"""Certificate, measured grid and T6 on the ten networks of `certified_networks.NETWORKS`, one row each.

    OMP_NUM_THREADS=1 python -m benchmarks.certified_comparison --folder FOLDER [--networks 0 7] [--exact]

The folder keeps checkpoints, certificates and rows: what is there is not done again, and an interrupted
certificate is gone on with. Certificates go to `--tolerance`; `--exact` settles the rest and counts the class
changes. The grid is 201 alphas in float32: the longest run on which every sample is predicted as the class of
the largest bias.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks.certified_networks import NETWORKS, build, trained
from mli_theory.operator_norm_window import certified_window
from simulations.certified_line import certify_line
from simulations.datasets.image_dataset import load

GRID = 201


def checkpoints(place, data, folder):
    files = [folder / f"{place}_{which}.safetensors" for which in ("start", "end")]
    if not all(file.exists() for file in files):
        run = trained(NETWORKS[place], data)
        for file, state in zip(files, (run.start, run.end), strict=True):
            save_file({key: value.contiguous() for key, value in state.items()}, file)
    return [load_file(file) for file in files]


def measured(model, start, end, inputs, label):
    """The longest run of grid points on which all samples are on the class; None of none."""
    alphas = np.arange(GRID) / (GRID - 1)
    held = np.zeros(GRID, bool)
    for i, alpha in enumerate(alphas):
        state = {key: (1 - alpha) * start[key] + alpha * end[key] for key in start}
        with torch.no_grad():
            held[i] = bool((torch.func.functional_call(model, state, (inputs,)).argmax(1) == label).all())
    edges = np.flatnonzero(np.diff(np.r_[False, held, False]))
    runs = list(zip(edges[::2], edges[1::2] - 1, strict=True))
    if not runs:
        return None
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return [float(alphas[first]), float(alphas[last])]


def by_norms(network, start, end, inputs):
    """T6's window; None where it is empty, words where T6 does not speak of such a network."""
    if network.bias != "last" or not network.depth:
        return "hidden biases" if network.depth else "convolutions"
    norms = [[float(torch.linalg.matrix_norm(s[k].double(), 2)) for k in s if k.endswith("weight")]
             for s in (start, end)]  # fmt: skip
    bias = next(end[k] for k in end if k.endswith("bias")).double().sort().values
    size = float(inputs.double().flatten(1).norm(dim=1).max())
    low, high = certified_window(*norms, size, float(bias[-1] - bias[-2]))
    return None if np.isnan(low) else [low, high]


def row(place, data, given):
    folder, kind = given.folder, f"{'exact' if given.exact else 'cells'}_{given.tolerance:g}"
    kept = folder / f"{place}_{kind}_row.json"
    if kept.exists():
        return json.loads(kept.read_text())
    network = NETWORKS[place]
    start, end = checkpoints(place, data, folder)
    model = build(network).eval()
    begun = time.process_time()
    found = certify_line(
        model,
        start,
        end,
        data,
        exact=given.exact,
        tolerance=given.tolerance,
        output=folder / f"{place}_{kind}.json",
    )
    plateau = found.plateau
    told = {
        "network": f"depth {network.depth or 'conv'}, He x {network.init_scale:g}, bias {network.bias}, "
        f"seed {network.seed}",
        "cpu": time.process_time() - begun,
        "plateau": [plateau.start, plateau.end] if plateau else None,
        "none": found.no_plateau,
        "longest": found.longest_possible_plateau,
        "changes": None if found.class_changes is None else int(found.class_changes.sum()),
        "undecided": float(found.undecided.mean()),
        "monotone": found.error_monotone,
        "grid": measured(model, start, end, data.inputs, found.label),
        "t6": by_norms(network, start, end, data.inputs),
    }
    kept.write_text(json.dumps(told))
    return told


def shown(interval):
    return f"[{interval[0]:.6g}, {interval[1]:.6g}]" if isinstance(interval, list) else (interval or "empty")


def table_line(told):
    certified = shown(told["plateau"])
    if told["plateau"] is None:
        certified = "proved: none" if told["none"] else f"open, at most {told['longest']:.2g}"
    rises = {False: "rises", True: "never rises", None: "open"}[told["monotone"]]
    changes = "-" if told["changes"] is None else str(told["changes"])
    cells = [told["network"], certified, shown(told["grid"]), shown(told["t6"]), changes, rises]
    cells += [f"{told['undecided']:.1e}", f"{told['cpu']:.0f} s"]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--networks", type=int, nargs="+", default=list(range(len(NETWORKS))))
    parser.add_argument("--exact", action="store_true", help="settle the undecided rest")
    parser.add_argument("--tolerance", type=float, default=2.0**-14, help="width of alpha")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    data = load("digits")
    for place in given.networks:
        print(table_line(row(place, data, given)), flush=True)


if __name__ == "__main__":
    main()
