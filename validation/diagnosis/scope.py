"""Whether the theory is about a network at all: what of it is no stack of weight layers.

The theory's signal is that of a stack: r weight layers, each used once, with activations for which twice the
input is twice the output (ReLU) and no normalisation between. It then has degree r in the weights, where the
bias of layer l counts l times (T5, Euler's identity). That is measured on the trained network. What is known
by its type is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from torch import nn

from simulations.line.paths import tensor_exponents
from simulations.prediction.signal_gain import SignalLine
from validation.diagnosis.thresholds import HOMOGENEOUS

__all__ = ["outside_theory"]

_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_NORM = re.compile(r"Norm(?!al)|LRN")  # of a class: BatchNorm2d, RMSNorm, _SpectralNorm; not NormalNoise
_ATTENTION = re.compile(r"Attention")


def outside_theory(model: nn.Module, line: SignalLine | None) -> tuple[str, ...]:
    """Why the theory does not cover a network, in words; empty where it does.

    Args:
        model: looked at for the types of its modules.
        line: between its two ends; None: the signal is undefined, and no degree can be measured.
    """
    found = [
        f"{words} ({_named(names)})"
        for words, names in (
            ("it normalises inside", _of_class(model, _NORM, leaves=True)),
            ("it uses the same weights at every step", _recurrent(model)),
            ("it multiplies its weights with one another", _of_class(model, _ATTENTION)),
        )
        if names
    ]
    if line is not None and (words := _no_stack(model, line)):
        found.append(words)
    return tuple(found)


def _no_stack(model: nn.Module, line: SignalLine) -> str:
    """Why the measured degree is no number of layers; "" where it is."""
    parts = line.degree_by_parameter()
    biases = set(line.roles.biases)
    weights = [name for name, part in parts.items() if part and name not in biases and _is_matrix(line, name)]
    try:
        exponents = tensor_exponents(model, "homogeneous", roles=line.roles)
    except ValueError:  # the layers of its biases cannot be read off: each counts once
        exponents = dict.fromkeys(parts, 1)
    degree = sum(exponents.get(name, 1) * part for name, part in parts.items())
    if abs(degree - len(weights)) <= HOMOGENEOUS:
        return ""
    return (
        f"its signal has degree {degree:.2f} in {len(weights)} weight tensors, which is no depth: they are "
        "no stack of layers to count"
    )


def _is_matrix(line: SignalLine, name: str) -> bool:
    return line.parameters[name].ndim >= 2


def _of_class(model: nn.Module, pattern: re.Pattern[str], *, leaves: bool = False) -> list[str]:
    """Names of the modules (or only those with none inside) whose class is called so, the outermost alone."""
    names: list[str] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in names if outer)
        if leaves and next(module.children(), None) is not None:
            continue
        if name and not inside and pattern.search(type(module).__name__):
            names.append(name)
    return names


def _recurrent(model: nn.Module) -> list[str]:
    return [name or "the model" for name, module in model.named_modules() if isinstance(module, _RECURRENT)]


def _named(names: Iterable[str]) -> str:
    first, *others = names
    return first if not others else f"{first} and {len(others)} more"
