"""Forward passes against accuracy of the curves on the line: the data of figure F10.

    OMP_NUM_THREADS=1 python -m benchmarks.line_accuracy [--output results/line-accuracy.nc]

Three ways to a curve from few passes over the data: the engine (adaptive, at several tolerances), a Chebyshev
polynomial through the curve itself (at several numbers of points), a grid with linear interpolation. Each is
compared with direct evaluation at alphas that none of them evaluates. No clock: passes are counted.
"""

from __future__ import annotations

import argparse
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from benchmarks.line_networks import CASES, build
from simulations.curves.one_path import interpolation_curves
from simulations.interpolation.chebyshev import chebyshev_nodes, interpolation_matrix
from simulations.runtime.atomic_files import writable_folder
from simulations.runtime.netcdf import write_netcdf

NETWORKS = ("c-fcn", "c-attention", "b")
# Of the loss (nats) and of the error rate, from loose to tight.
TOLERANCES = ((1e-2, 2e-2), (3e-3, 1e-2), (1e-3, 5e-3), (3e-4, 2e-3), (1e-4, 1e-3))
POINTS = (5, 9, 17, 33, 65)
WAYS = ("adaptive", "chebyshev", "grid")
QUANTITIES = ("loss", "error")
OFF = (np.arange(201) + 0.37) / 201.5  # no node of any method


def measure(case: str) -> xr.Dataset:
    """passes, loss_error and error_error, (way, setting) each."""
    model, start, end, data = build(case, Path())
    options = {"buffers": "interpolate" if case == "b" else "refuse"}

    def line(alphas, **more):
        return interpolation_curves(model, start, end, data, alphas=alphas, **options, **more)

    nodes, even = chebyshev_nodes(max(POINTS)), np.linspace(0, 1, max(POINTS))
    exact = line(np.unique(np.concatenate([OFF, nodes, even])), method="grid")
    truth = {q: exact[q].sel(alpha=OFF).to_numpy() for q in QUANTITIES}
    passes = np.full((len(WAYS), len(POINTS)), np.nan)
    worst = {q: passes.copy() for q in QUANTITIES}
    for place, (loss_tolerance, error_tolerance) in enumerate(TOLERANCES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a fall back to the grid shows in its passes
            found = line(OFF, loss_tolerance=loss_tolerance, error_tolerance=error_tolerance)
        passes[0, place] = found.attrs["forward_passes"]
        for q in QUANTITIES:
            worst[q][0, place] = np.abs(found[q].to_numpy() - truth[q]).max()
    for place, m in enumerate(POINTS):
        few, step = chebyshev_nodes(m), (max(POINTS) - 1) // (m - 1)
        passes[1:, place] = m
        for q in QUANTITIES:
            polynomial = interpolation_matrix(few, OFF) @ exact[q].sel(alpha=few).to_numpy()
            straight = np.interp(OFF, even[::step], exact[q].sel(alpha=even[::step]).to_numpy())
            worst[q][1, place] = np.abs(polynomial - truth[q]).max()
            worst[q][2, place] = np.abs(straight - truth[q]).max()
    dims = ("way", "setting")
    return xr.Dataset(
        {"passes": (dims, passes), **{f"{q}_error": (dims, worst[q]) for q in QUANTITIES}},
        coords={"way": list(WAYS)},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("results", "line-accuracy.nc"))
    output = parser.parse_args().output
    writable_folder(output.parent)
    torch.set_num_threads(1)
    names = xr.DataArray([CASES[case] for case in NETWORKS], dims="network", name="network")
    found = xr.concat([measure(case) for case in NETWORKS], dim=names)
    found["loss_tolerance"] = ("setting", [loss for loss, _ in TOLERANCES])
    found["error_tolerance"] = ("setting", [error for _, error in TOLERANCES])
    found.attrs = {
        "measured": datetime.now(UTC).date().isoformat(),
        "package_version": version("mli-plateau"),
        "torch_version": str(torch.__version__),
        "threads": 1,
        "alphas": f"{len(OFF)} alphas, none of them a node",
    }
    write_netcdf(output, found)
    print(found.to_dataframe().to_string())
    print(output)


if __name__ == "__main__":
    main()
