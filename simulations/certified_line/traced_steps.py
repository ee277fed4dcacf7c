"""A torch module read as affine steps and ReLUs, by torch.fx; anything else is refused by its name."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

__all__ = ["TracedStep", "traced_steps"]

_LAYERS = "Linear, ReLU, Flatten, Identity, and Dropout in evaluation mode"
_RELUS = (torch.relu, torch.relu_, functional.relu, functional.relu_)


@dataclass(frozen=True)
class TracedStep:
    """One linear layer.

    Attributes:
        weight: its weight's name in the state dict.
        bias: its bias's, or None.
        rectified: whether a ReLU follows.
    """

    weight: str
    bias: str | None
    rectified: bool


def traced_steps(model: nn.Module, sample_shape: tuple[int, ...]) -> tuple[list[TracedStep], bool]:
    """The steps in their order, and whether a ReLU is applied to the input itself.

    Args:
        model: a chain of layers.
        sample_shape: of one sample.

    Raises:
        ValueError: a layer or operation that cannot be certified, by its name; hooks; dropout in training
            mode; shapes that a plain chain does not have.
    """
    _refuse_hooks(model)
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception as error:  # fx raises what the user's forward raises
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"torch.fx cannot trace {type(model).__name__}: {first}") from error
    modules = dict(model.named_modules())
    steps: list[TracedStep] = []
    shape, first_relu, before = tuple(sample_shape), False, None
    for node in graph.nodes:
        if node.op == "placeholder":
            if before is not None:
                raise ValueError(f"the model takes {node.target!r} too; a certified line needs one input")
            before = node
            continue
        if node.op == "output":
            if node.args[0] is not before:
                raise ValueError("the model must return its last layer's output, one tensor of logits")
            break
        if node.all_input_nodes != [before]:
            raise ValueError(
                f"{_name(node, modules)} joins branches; a certified line needs a chain of layers"
            )
        kind = _kind(node, modules)
        if kind == "linear":
            layer = modules[node.target]
            if len(shape) != 1 or shape[0] != layer.in_features:
                raise ValueError(
                    f"{node.target} takes ({layer.in_features},) a sample and gets {shape}: flatten before it"
                )
            bias = None if layer.bias is None else f"{node.target}.bias"
            steps.append(TracedStep(f"{node.target}.weight", bias, False))
            shape = (layer.out_features,)
        elif kind == "relu" and steps:
            steps[-1] = TracedStep(steps[-1].weight, steps[-1].bias, True)
        elif kind == "relu":
            first_relu = True
        elif kind == "flatten":
            shape = (prod(shape),)
        before = node
    if not steps:
        raise ValueError(f"{type(model).__name__} has no Linear layer to certify")
    return steps, first_relu


def _kind(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """What a node does: linear, relu, flatten or nothing."""
    if node.op == "call_module":
        module = modules[str(node.target)]
        if type(module) is nn.Linear:
            return "linear"
        if type(module) is nn.ReLU:
            return "relu"
        if type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            return "flatten"
        if type(module) is nn.Identity:
            return "nothing"
        if type(module) in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d):
            if module.training:
                raise ValueError(
                    f"{node.target} is a {type(module).__name__} in training mode: call model.eval() first"
                )
            return "nothing"
    if node.op == "call_function" and node.target in _RELUS:
        return "relu"
    if node.op == "call_method" and node.target in ("relu", "relu_"):
        return "relu"
    flattens = (node.op == "call_function" and node.target is torch.flatten) or (
        node.op == "call_method" and node.target == "flatten"
    )
    if flattens and _flattened_dimensions(node) == (1, -1):
        return "flatten"
    raise ValueError(f"{_name(node, modules)} cannot be certified; layers that can: {_LAYERS}")


def _flattened_dimensions(node: fx.Node) -> tuple[Any, Any]:
    given = dict(zip(("start_dim", "end_dim"), node.args[1:], strict=False)) | dict(node.kwargs)
    return given.get("start_dim", 0), given.get("end_dim", -1)


def _name(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    if node.op == "call_module":
        return f"{node.target} ({type(modules[str(node.target)]).__name__})"
    if node.op == "get_attr":
        return f"the tensor {node.target}, used outside a layer,"
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    module = getattr(node.target, "__module__", None)
    shown = f"{module}.{name}" if module not in (None, operator.__name__, "_operator") else name
    return f"the operation {shown}"


def _refuse_hooks(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if module._forward_hooks or module._forward_pre_hooks:
            raise ValueError(
                f"{name or type(model).__name__} has forward hooks, which may change its output: remove them"
            )
