"""What `mli diagnose` and `mli curve` share: a user's network, its two ends and data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mli.dry_run import DryRun

__all__ = [
    "AllowPickle",
    "Alphas",
    "BatchNorm",
    "Bias",
    "Buffers",
    "Data",
    "DryRunFlag",
    "End",
    "Last",
    "Logits",
    "Model",
    "Start",
    "file_to_write",
    "folder_to_write",
    "how_to_read",
    "say_dry_run",
    "user_network",
]

Model = Annotated[
    str,
    typer.Option(
        help="package.module:factory, a function without arguments that makes the network, or hf:FOLDER."
    ),
]
End = Annotated[
    Path,
    typer.Option(
        help="The trained network's state dict: a .safetensors file, the index.json of several, a folder "
        "(also of an adapter), or hf:NAME."
    ),
]
Data = Annotated[
    str,
    typer.Option(
        help="digits, a folder of parquet images, an .npz file (inputs, labels), or package.module:callable."
    ),
]
Start = Annotated[
    str,
    typer.Option(help="As --end, init:SEED (the factory called again under that torch seed) or zero."),
]
Buffers = Annotated[
    str,
    typer.Option(
        help="Running statistics and other buffers that differ: refuse, keep, interpolate or recalibrate."
    ),
]
BatchNorm = Annotated[str | None, typer.Option(help="The old name of --buffers.", hidden=True)]
Bias = Annotated[
    list[str] | None,
    typer.Option(
        "--bias", help="A parameter that is a bias, name or pattern; repeat it to name them all. Else found."
    ),
]
Last = Annotated[
    str | None, typer.Option("--last-layer", help="The module with the last bias. Else found by running.")
]
Logits = Annotated[
    str | None,
    typer.Option(help="Where the logits are in what the model returns: a name, or a place from 0."),
]
Alphas = Annotated[int, typer.Option(help="Points from 0 to 1.")]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Also read checkpoints that are pickles (.pt, .pth, folders of torch.distributed.checkpoint): "
        "tensors only, but only files you trust.",
    ),
]


DryRunFlag = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only say what it takes and what was found; exit code 2 with a line for what would be refused.",
    ),
]


def file_to_write(path: Path) -> None:
    """Refuse an output file that cannot become one, before any work; nothing is written.

    Raises:
        ValueError: a folder, or another suffix than .nc or .csv.
    """
    if path.suffix not in (".nc", ".csv"):
        raise ValueError(f"--output must end in .nc or .csv, got {path}")
    if path.is_dir():
        raise ValueError(f"--output {path} is a folder: name a file in it, such as {path / 'line.nc'}")


def folder_to_write(path: Path) -> None:
    """Refuse an output folder whose name is a file's, before any work; nothing is written.

    Raises:
        ValueError: it, or a folder above it, is a file.
    """
    above = next((one for one in (path, *path.parents) if one.exists()), None)
    if above is not None and not above.is_dir():
        raise ValueError(f"--output {path} must be a folder, and {above} is a file: choose another")


def say_dry_run(found: DryRun) -> NoReturn:
    """Print what was found and end, with 2 where something would be refused."""
    for line in found.lines:
        typer.echo(line)
    for refusal in found.refusals:
        typer.echo(f"would be refused: {refusal}")
    if not found.refusals:
        typer.echo("nothing would be refused, as far as the first samples show")
    raise typer.Exit(2 if found.refusals else 0)


def user_network(
    model: str, start: str, end: Path, data: str, allow_pickle: bool
) -> tuple[nn.Module, dict[str, Tensor], dict[str, Tensor], Any, str]:
    """The network, both checkpoints, the data, and what the start is in words."""
    from mli.user_checkpoints import load_end
    from mli.user_network import load_data, load_start, model_factory, network_from_factory
    from simulations.line.walkable_module import has_lazy_layers

    factory, samples = model_factory(model), None
    network = network_from_factory(factory)
    if has_lazy_layers(network):  # else the data, which may take minutes, are read after the checkpoints
        samples = load_data(data)
        network = network_from_factory(factory, data=samples)
    last = load_end(end, network, allow_pickle=allow_pickle, factory=factory)
    first, note = load_start(start, factory, network, last, allow_pickle=allow_pickle, data=samples)
    return network, first, last, load_data(data) if samples is None else samples, note


def how_to_read(
    buffers: str,
    batch_norm: str | None,
    bias: list[str] | None,
    last_layer: str | None,
    logits: str | None,
) -> dict[str, Any]:
    """The options about the network as arguments of the engine."""
    if batch_norm is not None and buffers not in ("refuse", batch_norm):
        raise ValueError(f"--batch-norm {batch_norm} is an old name of --buffers {buffers}: give one of them")
    place = int(logits) if logits is not None and logits.lstrip("-").isdecimal() else logits
    return {
        "buffers": buffers if batch_norm is None else batch_norm,
        "biases": bias or None,
        "last_layer": last_layer,
        "output": place,
    }
