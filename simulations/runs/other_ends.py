"""The ends of other runs that a run takes: lines from them, layers that start from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset
from simulations.models.weight_layers import weight_layers
from simulations.runs.spec_to_training import run_network
from simulations.runs.store import NotFinishedError, Store
from simulations.runtime.names_in_words import first_of
from simulations.specs.line_words import line_word
from simulations.specs.run_spec import RunSpec

__all__ = ["check_other_ends", "make_needed_runs", "other_end", "started_network"]


def make_needed_runs(spec: RunSpec, store: Store, make: Callable[[RunSpec], object]) -> None:
    """Have the runs that a run leans on in the store.

    Raises:
        ValueError: a run that a line names is not there.
    """
    for text in spec.lines or ():
        word = line_word(text)
        if word.kind == "run" and not store.is_finished(word.value):
            raise ValueError(f"line {text}: there is no finished run {word.value} in {store.folder}")
    for other in spec.needed_runs():
        make(other)


def other_end(spec: RunSpec, store: Store, text: str) -> dict[str, torch.Tensor]:
    """The end of the run that a line's word `seed:K`, `matched:K` or `run:NAME` means.

    Raises:
        ValueError: the run is not in the store: another process has removed it.
        DamagedRunError: its end is not what was written.
    """
    word = line_word(text)
    run = word.value if word.kind == "run" else spec.from_other_seed(word.number)
    try:
        return store.state(run, "end")
    except NotFinishedError as error:
        raise ValueError(f"line {text}: {error}: the same command makes it again") from error


def check_other_ends(spec: RunSpec, store: Store, network: nn.Module) -> None:
    """Refuse, before training, what does not fit the network.

    That is an end of other tensors, a pattern that nothing matches, more pretrained layers than it has.

    Raises:
        ValueError: naming the line.
    """
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    parameters = [name for name, _ in network.named_parameters()]
    for text in spec.lines or ():
        word = line_word(text)
        if word.kind == "only" and not any(fnmatchcase(name, word.value) for name in parameters):
            raise ValueError(f"line {text}: no parameter matches; they are {first_of(parameters)}")
        if word.kind == "run":
            found = {name: tuple(tensor.shape) for name, tensor in other_end(spec, store, text).items()}
            different = sorted(name for name in own.keys() | found.keys() if own.get(name) != found.get(name))
            if different:
                name = different[0]
                raise ValueError(
                    f"line {text}: that run is of another network: {name} is "
                    f"{found.get(name, 'missing')} there and {own.get(name, 'missing')} here"
                )
    layers = len(weight_layers(network))
    if (spec.pretrained_layers or 0) > layers:
        raise ValueError(
            f"pretrained_layers must be at most the network's {layers}, got {spec.pretrained_layers}"
        )


def started_network(spec: RunSpec, store: Store, data: ImageDataset) -> nn.Module:
    """The network before training, its first `pretrained_layers` from the end of the run on fewer classes.

    Running statistics of normalisation between these layers are that run's, too.
    """
    network = run_network(spec, data)
    if spec.pretrained_layers is None:
        return network
    pretrained = store.state(spec.needed_runs()[0], "end")
    for names in list(weight_layers(network, buffers=True).values())[: spec.pretrained_layers]:
        _copy(network, {name: pretrained[name] for name in names})
    return network


def _copy(network: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    state = network.state_dict()
    with torch.no_grad():
        for name, tensor in tensors.items():
            state[name].copy_(tensor)
