"""How many weight layers lie between the input and each bias, read off the module graph."""

from __future__ import annotations

from typing import Any

from torch import fx, nn

__all__ = ["bias_depths"]

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def bias_depths(model: nn.Module) -> dict[str, int]:
    """The weight layer of each bias, 1 the first, by the bias's name.

    Sequential models are read directly, others (residual) by `torch.fx`: a layer's depth is one more than the
    largest of
    what flows into it. A residual sum of branches of unequal depth is homogeneous in no scaling; there
    the longest branch counts.

    Raises:
        ValueError: parameters outside linear and convolution layers (normalisation, embeddings), a layer used
            at
            several depths, or a model that fx cannot trace: give the depths yourself (`bias_depth`).
    """
    for name, module in model.named_modules():
        if not isinstance(module, LAYERS) and next(module.parameters(recurse=False), None) is not None:
            raise _unreadable(
                f"{name or 'the model'} is a {type(module).__name__} with parameters of its own"
            )
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception as error:
        raise _unreadable(f"torch.fx cannot trace {type(model).__name__}: {error}") from error
    depth: dict[Any, int] = {}
    depths: dict[str, int] = {}
    modules = dict(model.named_modules())
    for node in graph.nodes:
        depth[node] = max((depth[source] for source in node.all_input_nodes), default=0)
        module = modules.get(node.target) if node.op == "call_module" else None
        if not isinstance(module, LAYERS):
            continue
        depth[node] += 1
        if module.bias is not None:
            name = f"{node.target}.bias"
            if depths.setdefault(name, depth[node]) != depth[node]:
                raise _unreadable(f"{node.target} is used at depths {depths[name]} and {depth[node]}")
    return depths


def _unreadable(reason: str) -> ValueError:
    return ValueError(
        "path 'homogeneous' needs the depth of every bias, which is read off linear and convolution layers; "
        f"{reason}: give bias_depth={{name: layer}}"
    )
