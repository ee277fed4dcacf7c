"""What `mli diagnose` and `mli curve` share: a user's network, its two ends and data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["AllowPickle", "Alphas", "BatchNorm", "Data", "End", "Model", "Start", "user_network"]

Model = Annotated[
    str, typer.Option(help="package.module:factory, a function without arguments that makes the network.")
]
End = Annotated[Path, typer.Option(help="The trained network's state dict, a .safetensors file.")]
Data = Annotated[
    str,
    typer.Option(
        help="digits, a folder of parquet images, an .npz file (inputs, labels), or package.module:callable."
    ),
]
Start = Annotated[
    str,
    typer.Option(
        help="A .safetensors file, init:SEED (the factory called again under that torch seed) or zero."
    ),
]
BatchNorm = Annotated[
    str | None,
    typer.Option(help="Running statistics along the line: keep, interpolate or recalibrate."),
]
Alphas = Annotated[int, typer.Option(help="Points from 0 to 1.")]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Also read checkpoints that are pickles (.pt, .pth): tensors only, but only files you trust.",
    ),
]


def user_network(
    model: str, start: str, end: Path, data: str, allow_pickle: bool
) -> tuple[nn.Module, dict[str, Tensor], dict[str, Tensor], Any, str]:
    """The network, both checkpoints, the data, and what the start is in words."""
    from mli.user_network import find_object, load_data, load_end, load_start, network_from_factory
    from simulations.line.walkable_module import has_lazy_layers

    factory, samples = find_object(model), None
    network = network_from_factory(factory)
    if has_lazy_layers(network):  # else the data, which may take minutes, are read after the checkpoints
        samples = load_data(data)
        network = network_from_factory(factory, data=samples)
    last = load_end(end, network, allow_pickle=allow_pickle)
    first, note = load_start(start, factory, network, last, allow_pickle=allow_pickle, data=samples)
    return network, first, last, load_data(data) if samples is None else samples, note
