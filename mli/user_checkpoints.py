"""The checkpoints that a user names: safetensors, pickles, torch.distributed's folders, adapters.

Nothing is unpickled unless asked (`allow_pickle`), and then tensors alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import torch
from torch import nn

from mli.hub_models import HUB, HubModel, is_adapter, merged_adapter, model_folder
from simulations.models.checkpoints import check_checkpoint_names, load_checkpoint
from simulations.models.distributed_checkpoint import (
    is_distributed_checkpoint,
    names_in,
    read_distributed,
)
from simulations.runtime.names_in_words import first_of

__all__ = ["State", "load_end"]

State = dict[str, torch.Tensor]
STATE_ENTRIES = ("state_dict", "model_state_dict", "model")
"""Of a training's checkpoint: under which a state dict is looked for."""


def load_end(
    path: str | Path,
    network: nn.Module,
    *,
    allow_pickle: bool = False,
    name: str = "end",
    factory: Callable[[], nn.Module] | None = None,
) -> State:
    """The state dict in a file or folder, fitting the network.

    A .safetensors file holds numbers and nothing else; so do an index of several and a folder with one of
    these (`simulations.models.checkpoint_files`). A folder with an `adapter_config.json` holds an adapter of
    PEFT, which is merged into the weights of the folder that `factory` is of. "hf:NAME" is a folder, or a
    name on the Hugging Face hub.

    With `allow_pickle`, torch.load also reads a .pt, .pth or .ckpt file, with weights_only=True, which
    refuses all but tensors and plain containers; a folder of torch.distributed.checkpoint is read as narrowly
    (`simulations.models.distributed_checkpoint`); a bug there could still run the file's code. Such a
    checkpoint may hold the state dict in an entry (`STATE_ENTRIES`), as training code and Lightning write it.

    Args:
        path: of the file or folder.
        network: which it must fit.
        allow_pickle: see above.
        name: "start" or "end", for messages.
        factory: what made the network.

    Raises:
        ValueError: a file that does not fit, is damaged, or is a pickle.
        FileNotFoundError: no such file.

    Warns:
        UserWarning: a pickle was read; an entry of it was taken.
    """
    if str(path).startswith(HUB):
        path = model_folder(str(path))
    path = Path(path)
    if path.is_dir() and is_adapter(path):
        if not isinstance(factory, HubModel):
            raise ValueError(
                f"{name}: {path} is an adapter, which is merged into the weights of the model that it "
                "changes: name that one, --model hf:FOLDER"
            )
        return load_checkpoint(name, merged_adapter(name, path, factory), network)
    if isinstance(factory, HubModel) and (path / "config.json").is_file() and any(path.glob("*.safetensors")):
        return load_checkpoint(name, factory.weights_in(name, path), network)
    distributed = path.is_dir() and is_distributed_checkpoint(path)
    plain = path.suffix == ".safetensors" or path.name.endswith(".safetensors.index.json") or path.is_dir()
    if not allow_pickle or (plain and not distributed):
        if not plain and path.is_file():
            raise ValueError(
                f"{name}: {path} is not a .safetensors file. Save one with safetensors.torch.save_file("
                "model.state_dict(), ...); a .pt file of your own is read with --allow-pickle"
            )
        return load_checkpoint(name, path, network)
    if not path.exists():
        raise FileNotFoundError(f"{name}: there is no file {path}")
    warnings.warn(f"{name}: {path} is read as a pickle: only files you trust", UserWarning, stacklevel=2)
    if distributed:
        return load_checkpoint(name, _distributed(name, path, network), network)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, about unusual pickles: read or refused below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises whatever it likes
        raise ValueError(
            f"{name}: {path} holds no plain state dict or is damaged ({type(error).__name__}). If it holds "
            "more than tensors and plain containers, such as a whole network, save its state dict alone: "
            "torch.save(network.state_dict(), ...)"
        ) from error
    if not isinstance(state, Mapping):
        raise ValueError(f"{name}: {path} holds a {type(state).__name__}, not a state dict")
    entry = _entry(name, path, [key for key in STATE_ENTRIES if isinstance(state.get(key), Mapping)])
    return load_checkpoint(name, state if entry is None else state[entry], network)


def _entry(name: str, path: Path, entries: Collection[str]) -> str | None:
    """Which entry of what a training saved is the state dict; None where it is one itself."""
    if len(entries) > 1:
        raise ValueError(
            f"{name}: {path} holds {first_of(map(repr, entries), between=' and ')}: "
            "save the one that is meant alone"
        )
    for entry in entries:
        warnings.warn(f"{name}: the weights are the entry {entry!r} of {path}", UserWarning, stacklevel=3)
        return entry
    return None


def _distributed(name: str, path: Path, network: nn.Module) -> State:
    places = names_in(name, path)
    entry = _entry(
        name, path, [e for e in STATE_ENTRIES if any(p[0] == e and len(p) > 1 for p in places.values())]
    )
    kept = {
        key: ".".join(place if entry is None else place[1:])
        for key, place in places.items()
        if entry is None or (place[0] == entry and len(place) > 1)
    }
    return read_distributed(name, path, kept, lambda names: check_checkpoint_names(name, names, network))
