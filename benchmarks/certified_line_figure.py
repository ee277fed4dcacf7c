"""The data of figure F15: certified bands of two of the ten networks, around the curves that were measured.

    OMP_NUM_THREADS=1 python -m benchmarks.certified_line_figure --folder FOLDER [--output FILE.nc]

The README's network, which is proved to have no plateau, and one that is proved to have one. The folder keeps
checkpoints and certificates as benchmarks/certified_comparison.py's does, and an interrupted one is gone on
with. Loss and error are bounded; cells go to 2^-14.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from benchmarks.certified_comparison import checkpoints
from benchmarks.certified_networks import NETWORKS, build
from paper_figures.drawing.certified_bands import certified_bands
from simulations.certified_line import certify_line
from simulations.curves import interpolation_curves
from simulations.datasets.image_dataset import load
from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.progress import progress_bar

PLACES = (4, 0)
TOLERANCE = 2.0**-14


def bands_of(place, data, folder, bar):
    network = NETWORKS[place]
    start, end = checkpoints(place, data, folder)
    model = build(network).eval()
    task = bar.add_task(f"network {place}", total=None)
    found = certify_line(
        model,
        start,
        end,
        data,
        loss=True,
        tolerance=TOLERANCE,
        output=folder / f"{place}_figure.json",
        progress=lambda done, n: bar.update(task, completed=done, total=n),
    )
    curves = interpolation_curves(model, start, end, data, alphas=np.linspace(0, 1, 101))
    bands = certified_bands(found, curves)
    title = f"depth {network.depth}, He x {network.init_scale:g}, seed {network.seed}"
    return bands.assign_coords(network=title), found.n_samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("results", "certified-line.nc"))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    data = load("digits")
    with progress_bar() as bar:
        made = [bands_of(place, data, given.folder, bar) for place in PLACES]
    found = xr.concat([bands for bands, _ in made], "network").assign_attrs(
        experiment="certified-line",
        data=f"{made[0][1]} digits",
        tolerance=TOLERANCE,
        measured=datetime.now(UTC).date().isoformat(),
    )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    write_netcdf(given.output, found)
    print(given.output)


if __name__ == "__main__":
    main()
