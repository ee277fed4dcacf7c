"""Paths between two checkpoints: how far along the line each tensor is at each alpha.

theta(alpha) = start + c(alpha) (end - start) tensor by tensor, alpha = 0 the start and alpha = 1 the end.
Every path here has c(alpha) = alpha^e with one exponent a tensor: e = 1 walks the line, e = 0 stays at the
end for every alpha (alpha^0 is 1 at 0 too).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

__all__ = ["PATHS", "point_on_path", "tensor_exponents"]

PATHS = ("linear", "homogeneous", "weights", "bias")


def tensor_exponents(model: nn.Module, path: str) -> dict[str, int]:
    """The exponent e of c(alpha) = alpha^e for every parameter of the model, by its name.

    "linear": 1 for every tensor. "homogeneous": 1 for weights, l for the bias of weight layer l, counted
    from 1 at the input (theory.md T5). "weights": weights walk, all biases are the end's.
    "bias": biases walk, all weights are the end's. A parameter is a bias when its name ends in "bias".

    Raises:
        ValueError: an unknown path; "bias" on a model without biases; "homogeneous" on a model whose
            layers' order cannot be read off: anything but `nn.Sequential` (nested too) of linear or
            convolution layers, each used once, and modules without parameters.
    """
    if path not in PATHS:
        raise ValueError(f"unknown path {path!r}: choose one of {', '.join(PATHS)}")
    names = [name for name, _ in model.named_parameters()]
    biases = {name for name in names if name.rpartition(".")[2].endswith("bias")}
    if path == "bias" and not biases:
        raise ValueError("path 'bias' moves the biases alone, but the model has none")
    if path == "homogeneous" and biases:
        depths = _bias_depths(model)
        return {name: depths.get(name, 1) for name in names}
    fixed = {"weights": biases, "bias": set(names) - biases}.get(path, set())
    return {name: 0 if name in fixed else 1 for name in names}


def point_on_path(
    start: Mapping[str, torch.Tensor],
    end: Mapping[str, torch.Tensor],
    exponents: Mapping[str, int],
    alpha: float,
) -> dict[str, torch.Tensor]:
    """The tensors named in `exponents` at one alpha, as new tensors.

    Where c is 0 or 1 the tensor is a copy of the checkpoint's, bit for bit: start + 1 (end - start) is not
    the end in floating point.
    """
    point = {}
    for name, exponent in exponents.items():
        c = alpha**exponent
        if c == 0:
            point[name] = start[name].detach().clone()
        elif c == 1:
            point[name] = end[name].detach().clone()
        else:
            point[name] = start[name].detach() + c * (end[name].detach() - start[name].detach())
    return point


def _bias_depths(model: nn.Module) -> dict[str, int]:
    """The weight layer of each bias, 1 the first."""
    depths: dict[str, int] = {}
    layer = 0
    seen: set[nn.Module] = set()
    for prefix, module in _in_order(model, ""):
        own = {name for name, _ in module.named_parameters()}
        if not own:
            continue
        if module in seen:
            raise ValueError(
                "path 'homogeneous' needs one depth for every bias, "
                f"but layer {prefix.rstrip('.')} is a layer used before"
            )
        seen.add(module)
        layer += 1
        if "bias" in own:
            depths[f"{prefix}bias"] = layer
    return depths


def _in_order(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    """The modules of nested Sequentials in the order they run, with the prefix of their parameters' names."""
    if type(module) is nn.Sequential:
        return [
            pair
            for name, child in module._modules.items()  # named_children() names a module used twice once
            if child is not None
            for pair in _in_order(child, f"{prefix}{name}.")
        ]
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    if isinstance(module, layers) or not any(True for _ in module.parameters()):
        return [(prefix, module)]
    raise ValueError(
        "path 'homogeneous' needs the depth of every bias, which is read off an nn.Sequential of linear or "
        f"convolution layers; {prefix.rstrip('.') or 'the model'} is a {type(module).__name__}"
    )
