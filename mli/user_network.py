"""A user's own network, its start and data, named on the command line.

Python objects are named package.module:attribute and imported with the current folder at the *end* of
sys.path, so that a file there never takes the place of an installed package; only where its name is that of
one of our packages, the user's is meant. Files are never unpickled unless asked.
"""

from __future__ import annotations

import importlib
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mli.hub_models import HUB, HubModel
from mli.shadowed_packages import users_packages_first
from mli.user_checkpoints import State, load_end
from simulations.datasets.image_dataset import load
from simulations.line.line_setup import first_batch
from simulations.line.paths import zero_start
from simulations.line.walkable_module import has_lazy_layers, materialise, unwrapped
from simulations.models.checkpoints import load_checkpoint
from simulations.models.evaluation import evaluation_mode
from simulations.runtime.names_in_words import first_names

__all__ = ["find_object", "load_data", "load_start", "model_factory", "network_from_factory"]

MOST_BYTES = 64 * 2**30
"""Of an array in an .npz archive, unpacked."""

SEEDS = 2**64
"""torch's seeds are below it."""


def find_object(name: str) -> Any:
    """What package.module:attribute names.

    Raises:
        ValueError: another form, a module that cannot be found, or no such attribute in it.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ValueError(f"{name!r} must have the form package.module:name")
    if module_name.startswith(".") or not module_name.isprintable():
        raise ValueError(f"{name!r}: the module must be named in full, as in package.module:name")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        with users_packages_first(Path.cwd()):
            found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{name!r}: {error}; modules are looked for among the installed packages, then in {here}"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{name!r}: {module_name} has no {attribute!r}")
        found = getattr(found, part)
    return found


def network_from_factory(factory: Callable[[], nn.Module], seed: int = 0, data: Any = None) -> nn.Module:
    """What the factory makes after torch.manual_seed(seed); the global generators are left as they were.

    A wrapper (`DataParallel`, `torch.compile`) is taken off; lazy layers draw their weights under the same
    seed when they see the first batch.

    Args:
        factory: of the user.
        seed: 0 to 2^64 - 1.
        data: whose first batch lazy layers are shown; None leaves them lazy.

    Raises:
        ValueError: it is no callable, or makes no module; data that the module cannot take.
        RuntimeError: it raised a ValueError or OSError of its own; others pass.
    """
    if not callable(factory) or isinstance(factory, nn.Module):
        raise ValueError(
            f"the model must be named by a function without arguments that makes it, got "
            f"{type(factory).__name__}"
        )
    with evaluation_mode(nn.Identity()):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - the user's code may draw from it
        # What a folder does not give is the user's words; what the user's function raises is its own.
        network = factory() if isinstance(factory, HubModel) else _called(factory, "the model's factory")
        if not isinstance(network, nn.Module):
            raise ValueError(
                f"the model's factory must return a torch.nn.Module, got {type(network).__name__}"
            )
        network = unwrapped(network)
        if data is not None and has_lazy_layers(network):
            materialise(network, first_batch(data))
    return network


def model_factory(word: str) -> Callable[[], nn.Module]:
    """What makes the network that a word names: the user's own function, or a model of Hugging Face's.

    Args:
        word: package.module:factory, or hf:FOLDER or hf:NAME (`mli.hub_models.HubModel`).

    Raises:
        ValueError: as `find_object` and `HubModel`.
        ModuleNotFoundError: as `HubModel`.
    """
    factory: Callable[[], nn.Module] = HubModel(word) if word.startswith(HUB) else find_object(word)
    return factory


def load_start(
    spec: str,
    factory: Callable[[], nn.Module],
    network: nn.Module,
    end: State,
    *,
    allow_pickle: bool = False,
    data: Any = None,
) -> tuple[State, str]:
    """The start that a word names, and the line of the report that says what it is.

    Args:
        spec: "init:SEED", "zero", a file or a folder.
        factory: called again for "init:SEED".
        network: which a file must fit.
        end: zeroed for "zero"; running statistics stay.
        allow_pickle: see `load_end`.
        data: see `network_from_factory`.

    Raises:
        ValueError: a seed that is no integer from 0 to 2^64 - 1; as `load_end`.
        FileNotFoundError: as `load_end`.
    """
    if spec == "zero":
        names = [name for name, _ in network.named_parameters()]
        return end | zero_start({name: end[name] for name in names}), "The start is zero in every parameter."
    if spec.startswith("init:"):
        text = spec.removeprefix("init:")
        if not text.isdecimal() or len(text) > len(str(SEEDS)) or int(text) >= SEEDS:
            raise ValueError(f"the start {spec!r} must be init:SEED with an integer seed from 0 to 2^64 - 1")
        drawn = load_checkpoint("start", network_from_factory(factory, int(text), data), network)
        other = network_from_factory(factory, (int(text) + 1) % SEEDS, data).state_dict()
        line = (
            f"The start is re-drawn: the factory's weights under torch seed {text}, not the weights that "
            f"training "
            "began from. The line is another one; what it says about the initialisation holds for its "
            "scale, not its "
            "draw."
        )
        if all(torch.equal(tensor, other[name]) for name, tensor in drawn.items() if name in other):
            line += " The factory gives the same weights under every torch seed."
        return drawn, line
    # The line goes into files, and a path may hold bytes that are no text.
    words = os.fsencode(spec).decode("utf-8", "backslashreplace")
    start = load_end(spec, network, allow_pickle=allow_pickle, name="start", factory=factory)
    return start, f"The start is {words}."


def load_data(spec: str) -> Any:
    """The data that a word names: a data set, a folder, an .npz file, or a callable.

    Data sets and folders are those of `simulations.datasets.load`. An .npz file holds `inputs` (n, ...) and
    `labels` (n, ...), numbers of 64 bits or less or truth values; it is read with allow_pickle=False.
    package.module:callable is called without arguments and returns what
    `simulations.user_data.data_passes` takes.

    Raises:
        ValueError: none of these, or a file without these arrays.
        FileNotFoundError: no such .npz file.
    """
    if spec.endswith(".npz"):
        return _arrays(Path(spec))
    if ":" in spec and not Path(spec).exists():
        found = find_object(spec)
        if not callable(found):
            raise ValueError(f"{spec!r} must be a callable that returns the data, got {type(found).__name__}")
        return _called(found, f"the data {spec}")
    return load(spec)


class TooLargeError(ValueError):
    """An archive that holds more than is read."""


def _check_sizes(path: Path, names: tuple[str, ...]) -> None:
    """Refuse an archive of few bytes whose arrays would fill the memory, by what its directory says."""
    with zipfile.ZipFile(path) as archive:
        sizes = {one.filename: one.file_size for one in archive.infolist()}
    for name in names:
        if (size := sizes.get(f"{name}.npy", 0)) > MOST_BYTES:
            raise TooLargeError(
                f"data: {name} in {path} take {size / 2**30:.1f} GiB, and at most {MOST_BYTES // 2**30} GiB "
                "are read from an archive: pass them as package.module:callable"
            )


def _called(made_by_user: Callable[[], Any], name: str) -> Any:
    """Its result; an error in it keeps its traceback, unlike input that is refused here."""
    try:
        with users_packages_first(Path.cwd()):
            return made_by_user()
    except (ValueError, OSError) as error:
        raise RuntimeError(f"{name} failed: {error}") from error


def _arrays(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"data: there is no file {path}")
    wanted = ("inputs", "labels")  # others are not read
    try:
        _check_sizes(path, wanted)
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            held = list(file.files)
            arrays = {name: file[name] for name in wanted if name in held}
    except (TooLargeError, MemoryError):
        raise
    except Exception as error:  # a damaged archive raises what zipfile, numpy or zlib like
        raise ValueError(
            f"data: {path} is damaged, or holds Python objects, which are not read: {error}"
        ) from error
    if len(arrays) < len(wanted):
        raise ValueError(
            f"data: {path} must hold the arrays inputs and labels, it holds [{first_names(held)}]"
        )
    inputs, labels = arrays["inputs"], arrays["labels"]
    if inputs.ndim < 2:
        raise ValueError(
            f"data: inputs in {path} must have a first dimension of samples and at least one "
            f"more, got shape {inputs.shape}"
        )
    if labels.dtype.kind not in "iufb" or not labels.ndim or labels.dtype.itemsize > 8:
        raise ValueError(
            f"data: labels in {path} must be integers (n,), or numbers (n, ...) of another objective, got "
            f"{labels.dtype} of shape {labels.shape}"
        )
    if inputs.dtype.kind not in "fiu" or inputs.dtype.itemsize > 8:
        raise ValueError(f"data: inputs in {path} must be numbers of 64 bits or less, got {inputs.dtype}")
    if not np.isfinite(inputs).all():
        first = int(np.argwhere(~np.isfinite(inputs))[0][0])
        raise ValueError(f"data: inputs in {path} must be finite, but sample {first} is not")
    native = inputs.astype(inputs.dtype.newbyteorder("="), copy=False)  # torch has no other byte order
    kind = labels.dtype.newbyteorder("=") if labels.dtype.kind in "fb" else np.dtype(np.int64)
    return torch.from_numpy(native), torch.from_numpy(labels.astype(kind))
