"""Arms of the experiments in words: a TOML file's `adam-0.01` is "Adam (rate 0.01)" in a figure."""

from __future__ import annotations

import re

__all__ = ["in_words"]

_BIAS = {"all": "a bias in all layers", "last": "a bias in the last layer", "none": "no bias"}
_TRAINED = re.compile(r"(?:(fast|transformer|lstm)-)?(sgd|adam)(?:-([0-9.e-]+))?")
_OPTIMISERS = {"sgd": "SGD", "adam": "Adam"}
_BEFORE = {None: "", "fast": "fast ", "transformer": "transformer, ", "lstm": "LSTM, "}
_SETTING = re.compile(r"([a-z_]+)=([0-9.e-]+)")


def in_words(name: str) -> str:
    """The words for an arm's name; a name that is in words already stays as it is.

    Args:
        name: of an arm or a line, one setting or several with commas between.
    """
    return ", ".join(_part(part) for part in name.split(", "))


def _part(name: str) -> str:
    if name.startswith("bias="):
        return _BIAS.get(name.removeprefix("bias="), name)
    if found := _SETTING.fullmatch(name):
        return f"{found[1].replace('_', ' ')} {found[2]}"
    if found := _TRAINED.fullmatch(name):
        rate = "" if found[3] is None else f" (rate {found[3]})"
        return f"{_BEFORE[found[1]]}{_OPTIMISERS[found[2]]}{rate}"
    return name
