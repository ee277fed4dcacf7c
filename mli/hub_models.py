"""Models of Hugging Face's libraries, by a folder or a name on the hub: the network, its weights, adapters.

A folder's config.json says which class of transformers is built; code that a folder brings is never run, and
only safetensors are read.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import nn

from simulations.models.checkpoint_files import INDEX, floating_types_in, read_safetensors, shards_in
from simulations.runtime.names_in_words import first_names, shortened

__all__ = ["HUB", "HubModel", "is_adapter", "merged_adapter", "model_folder"]

HUB = "hf:"
KINDS = {
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForTokenClassification": "AutoModelForTokenClassification",
    "ForImageClassification": "AutoModelForImageClassification",
    "ForCausalLM": "AutoModelForCausalLM",
    "LMHeadModel": "AutoModelForCausalLM",
}
"""The ends of the architectures' names that are built, each with the class that builds them."""

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json"]


def model_folder(word: str) -> Path:
    """The folder that "hf:FOLDER" or "hf:NAME" means; a name's files are fetched where they are not yet.

    Raises:
        ValueError: neither a folder nor a name, or the hub does not give it.
        ModuleNotFoundError: huggingface_hub is not installed.
    """
    named = word.removeprefix(HUB)
    if Path(named).is_dir():
        return Path(named)
    if not _NAME.fullmatch(named) or named.startswith("."):
        raise ValueError(f"{word}: there is no folder {named}, and it is no name on the hub (owner/name)")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise _wanting("huggingface_hub", word) from error
    try:
        return Path(snapshot_download(named, allow_patterns=_WANTED))
    except Exception as error:  # offline, no such name, not allowed: each has an error of its own
        raise ValueError(
            f"{word}: there is no folder {named}, and the hub did not give it: {_line(error)}"
        ) from error


MOST = {"num_labels": 1_000_000} | dict.fromkeys(
    ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers"), 10_000
)
"""Entries of a config.json above these are refused before anything is built."""


class HubModel:
    """Makes the network of a folder's config.json, its weights drawn anew at each call.

    Attention is the plain one of transformers ("eager"), and nothing is kept for generating.

    Args:
        word: "hf:FOLDER" or "hf:NAME".

    Attributes:
        folder: where its files are.

    Raises:
        ValueError: as `model_folder`; no config.json, one that is damaged, that needs code of the folder's
            own, or whose architecture is none of `KINDS`.
        ModuleNotFoundError: transformers is not installed.
    """

    def __init__(self, word: str) -> None:
        self.word = word
        self.folder = model_folder(word)
        _refuse_sizes(word, self.folder / "config.json")
        try:
            import transformers
        except ModuleNotFoundError as error:
            raise _wanting("transformers", word) from error
        if is_adapter(self.folder):
            raise ValueError(f"{word}: {self.folder} is an adapter: name the model that it changes")
        if not (self.folder / "config.json").is_file():
            raise ValueError(f"{word}: {self.folder} has no config.json, which says what network it is")
        try:
            self._config = transformers.AutoConfig.from_pretrained(self.folder, trust_remote_code=False)
        except Exception as error:  # the file may hold anything
            raise ValueError(f"{word}: its config.json is not understood: {_line(error)}") from error
        found = getattr(self._config, "architectures", None)
        names = found if isinstance(found, list) else []
        self.architecture = names[0] if len(names) == 1 and isinstance(names[0], str) else ""
        auto = next((kind for end, kind in KINDS.items() if self.architecture.endswith(end)), None)
        if auto is None:
            raise ValueError(
                f"{word}: its config.json must name one architecture that ends in {', '.join(KINDS)}, it "
                f"names [{first_names(map(str, names))}]"
            )
        self._auto = getattr(transformers, auto)
        if hasattr(self._config, "use_cache"):
            self._config.use_cache = False

    def __call__(self) -> nn.Module:
        """The network in evaluation mode.

        Raises:
            ValueError: no network is made by the configuration, or one of another architecture.
        """
        try:
            network = self._auto.from_config(
                self._config, trust_remote_code=False, attn_implementation="eager"
            )
        except MemoryError:
            raise
        except Exception as error:  # the configuration may hold anything
            raise ValueError(f"{self.word}: its config.json makes no network: {_line(error)}") from error
        if type(network).__name__ != self.architecture:
            raise ValueError(
                f"{self.word}: its config.json names {shortened(self.architecture)}, and transformers makes "
                f"a {type(network).__name__} of it"
            )
        return network.eval()  # type: ignore[no-any-return]

    def weights_in(self, name: str, folder: Path) -> dict[str, torch.Tensor]:
        """The state dict in a folder that transformers wrote, by the network's names.

        The library reads it: files have names of older versions, which it knows to translate.

        Args:
            name: "start" or "end", for messages.
            folder: with config.json and safetensors.

        Raises:
            ValueError: files that are damaged or no safetensors, weights of another network or type.
        """
        self._refuse_other_files(name, folder)
        with torch.random.fork_rng(devices=[]):
            own = self()
        stored = {kind for file in folder.glob("*.safetensors") for kind in floating_types_in(name, file)}
        types = {tensor.dtype for tensor in own.state_dict().values() if tensor.is_floating_point()}
        if not stored <= types:
            raise ValueError(
                f"{name}: {folder} holds numbers of {_words(stored)}, and by its config.json the network "
                f"is of {_words(types)}: set dtype there to the stored one"
            )
        try:
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                network, info = type(own).from_pretrained(  # type: ignore[attr-defined]
                    folder,
                    config=self._config,
                    use_safetensors=True,
                    local_files_only=True,
                    attn_implementation="eager",
                    output_loading_info=True,
                )
        except MemoryError:
            raise
        except Exception as error:  # the files may hold anything
            raise ValueError(f"{name}: {folder} does not fit {self.word}: {_line(error)}") from error
        for kind, words in (("missing", "lacks"), ("unexpected", "also has"), ("mismatched", "differs in")):
            if odd := info.get(f"{kind}_keys"):
                names = sorted(str(one[0] if isinstance(one, tuple) else one) for one in odd)
                raise ValueError(
                    f"{name}: {folder} does not fit {self.word}: it {words} [{first_names(names)}]"
                )
        return {key: tensor.detach() for key, tensor in network.state_dict().items()}

    def _refuse_other_files(self, name: str, folder: Path) -> None:
        """Refuse weights that are no safetensors: transformers unpickles those that a file here names."""
        named = getattr(self._config, "transformers_weights", None)
        if named is not None and not (
            isinstance(named, str)
            and Path(named).name == named
            and named.endswith((".safetensors", f".safetensors{INDEX}"))
        ):
            raise ValueError(
                f"{self.word}: its config.json names the weights {shortened(named)}, which must be a "
                f".safetensors file, or an index of several, in the folder itself"
            )
        for index in sorted(folder.glob(f"*.safetensors{INDEX}")):
            shards_in(name, index)


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter of PEFT."""
    return (folder / "adapter_config.json").is_file()


def merged_adapter(name: str, folder: Path, base: HubModel) -> dict[str, torch.Tensor]:
    """The base's weights with the adapter's in them, as PEFT merges them.

    Args:
        name: "start" or "end", for messages.
        folder: of the adapter.
        base: the model whose folder holds the weights that the adapter was trained on.

    Raises:
        ValueError: no adapter_model.safetensors; an adapter that changes no weights (a prompt), or is not of
            this network; a configuration that names modules to import.
        ModuleNotFoundError: peft is not installed.
    """
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise ValueError(f"{name}: {folder} has no {weights.name}: save the adapter as safetensors")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import peft
    except ModuleNotFoundError as error:
        raise _wanting("peft", f"{name}: {folder}") from error
    try:
        named = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        if named.get("megatron_config"):  # its megatron_core is a module that peft would import
            raise ValueError("it is of Megatron, which is not merged")
        config = peft.PeftConfig.from_pretrained(str(folder))
    except Exception as error:  # the file may hold anything
        raise ValueError(f"{name}: {folder}/adapter_config.json is not understood: {_line(error)}") from error
    # Before anything is built: these kinds read further files that the configuration names, pickles too.
    if config.is_prompt_learning or config.peft_type == peft.PeftType.XLORA:
        raise _no_end(name, folder, config)
    with torch.random.fork_rng(devices=[]):
        network = base()
    network.load_state_dict(base.weights_in(f"{name}'s base", base.folder))
    config.inference_mode = True

    def refuse_other_names(names: Collection[str]) -> None:
        if odd := sorted(own ^ {*names}):
            raise ValueError(
                f"{name}: {folder} is no adapter of {base.word}: it differs in [{first_names(odd)}]"
            )

    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = peft.get_peft_model(network, config)
            own = {*peft.get_peft_model_state_dict(adapted)}
    except Exception as error:  # it may be of another network
        raise ValueError(f"{name}: {folder} is no adapter of {base.word}: {_line(error)}") from error
    state = read_safetensors(name, weights, refuse_other_names)  # by its header, before a tensor is read
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = peft.set_peft_model_state_dict(adapted, state)
    except Exception as error:  # it may be of another network
        raise ValueError(f"{name}: {folder} is no adapter of {base.word}: {_line(error)}") from error
    if not hasattr(adapted.base_model, "merge_and_unload"):
        raise _no_end(name, folder, config)
    refuse_other_names({*own, *found.unexpected_keys})
    try:
        merged = adapted.merge_and_unload(safe_merge=True)
    except Exception as error:  # each kind has its own reasons
        raise ValueError(f"{name}: {folder} is not merged by peft: {_line(error)}") from error
    return {key: tensor.detach() for key, tensor in merged.state_dict().items()}


def _refuse_sizes(word: str, path: Path) -> None:
    """Refuse what a library would build for hours: a name for each class, a module for each layer."""
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, RecursionError):
        return  # said by the library's reader
    for name, most in MOST.items() if isinstance(told, dict) else ():
        value = told.get(name)
        if isinstance(value, int) and value > most:
            raise ValueError(f"{word}: its config.json asks for {name} = {value:.3g}, more than {most:,}")


def _no_end(name: str, folder: Path, config: Any) -> ValueError:
    return ValueError(
        f"{name}: {folder} is an adapter of kind {config.peft_type.value}, which changes no weights: it "
        "has no end on a line of weights"
    )


def _wanting(library: str, word: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"{word} needs {library}: pip install 'mli-plateau[hf]'")


def _words(types: Collection[torch.dtype]) -> str:
    return " and ".join(sorted(str(kind).removeprefix("torch.") for kind in types)) or "no type"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
