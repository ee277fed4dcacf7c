"""What a run's lines and files cost: paths walked together against one by one, NetCDF by two libraries.

    OMP_NUM_THREADS=1 python -m benchmarks.run_lines

Untrained networks on random images: passes cost what they cost on trained ones. CPU seconds, least of three
turns, each turn both ways.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import xarray as xr
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.curves.several_paths import PathBetweenStates, curves_together
from simulations.models.last_layer import find_last_layer
from simulations.networks import resnet18, vgg16
from simulations.runtime.netcdf import write_netcdf
from simulations.runtime.random_streams import torch_stream

TURNS, ALPHAS, IMAGES = 3, 9, 256


def seconds(*ways: Callable[[], object]) -> list[float]:
    """CPU seconds of each way, the least of its turns; the ways take turns."""
    spent: list[list[float]] = [[] for _ in ways]
    for _ in range(TURNS):
        for way, times in zip(ways, spent, strict=True):
            begun = time.process_time()
            way()
            times.append(time.process_time() - begun)
    return [min(times) for times in spent]


def lines(make: Callable[..., nn.Module], *, batch_norm: bool) -> tuple[float, float]:
    """The linear path, "weights" and no last bias: one by one, and together."""
    stream = torch_stream(0, "benchmark")
    data = torch.randn(IMAGES, 3, 32, 32, generator=stream), torch.arange(IMAGES) % 10
    options = {"width_multiplier": 0.25, "batch_norm": batch_norm, "bias": "last"}
    model = make((3, 32, 32), 10, seed=0, **options).to(memory_format=torch.channels_last)
    start, end = model.state_dict(), make((3, 32, 32), 10, seed=1, **options).state_dict()
    last = find_last_layer(model, data[0][:1])
    for state in (start, end):
        state[last.bias_name] = torch.randn(10, generator=stream)
    zero = [state | {last.bias_name: torch.zeros(10)} for state in (start, end)]
    walks = {
        "linear": PathBetweenStates(start, end),
        "weights": PathBetweenStates(start, end, "weights"),
        "no_last_bias": PathBetweenStates(*zero),
    }
    how = {"alphas": ALPHAS, "buffers": "recalibrate" if batch_norm else "refuse", "channels_last": True}

    def one_by_one() -> dict[str, xr.Dataset]:
        return {
            name: interpolation_curves(
                model, walk.start, walk.end, data, path=walk.path, method="grid", **how
            )
            for name, walk in walks.items()
        }

    def together() -> dict[str, xr.Dataset]:
        return curves_together(model, walks, data, last, **how)

    alone, joint = one_by_one(), together()
    assert all(alone[name].identical(joint[name]) for name in walks)
    return tuple(seconds(one_by_one, together))


def files() -> tuple[float, float]:
    """A line's curve of 101 alphas: xarray's `to_netcdf` by h5netcdf, and `write_netcdf`."""
    model, other = (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(2))
    data = torch.randn(100, 1, 8, 8), torch.arange(100) % 10
    curve = interpolation_curves(
        model, model.state_dict(), other.state_dict(), data, method="grid", exits=True
    )
    with TemporaryDirectory() as folder:
        paths = Path(folder) / "h5netcdf.nc", Path(folder) / "netcdf4.nc"

        def by_h5netcdf() -> None:
            for _ in range(20):
                curve.to_netcdf(paths[0], engine="h5netcdf")

        def ours() -> None:
            for _ in range(20):
                write_netcdf(paths[1], curve)

        spent = seconds(by_h5netcdf, ours)
        both = [xr.load_dataset(path, engine="h5netcdf") for path in paths]
        assert both[0].identical(both[1])
    return spent[0] / 20, spent[1] / 20


def main() -> None:
    torch.set_num_threads(1)
    for name, make in (("resnet18", resnet18), ("vgg16", vgg16)):
        for batch_norm in (True, False):
            alone, joint = lines(make, batch_norm=batch_norm)
            norm = "batch norm, recalibrated" if batch_norm else "no batch norm"
            print(f"{name}, {norm}: {alone:.2f} s, together {joint:.2f} s: {alone / joint:.2f} times")
    slow, fast = files()
    print(
        f"a curve's file: h5netcdf {1e3 * slow:.1f} ms, netCDF4 {1e3 * fast:.1f} ms: {slow / fast:.1f} times"
    )


if __name__ == "__main__":
    main()
