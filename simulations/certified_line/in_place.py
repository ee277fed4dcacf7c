"""Operations that change their input in place: harmless in a chain, another network where it is read again.

A traced graph names values; a change in place changes a tensor, and with it every value that shares it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import fx, nn
from torch.nn import functional

__all__ = ["refuse_shared_changes"]

_ALWAYS = (torch.relu_, functional.relu_, operator.iadd)


def refuse_shared_changes(
    nodes: Sequence[fx.Node],
    modules: Mapping[str, nn.Module],
    named: Callable[[fx.Node], str],
    passes_on: Collection[fx.Node],
) -> None:
    """Refuse a change in place of a tensor that another operation reads too.

    Args:
        nodes: of the graph.
        modules: by name.
        named: a node as messages name it.
        passes_on: nodes whose result may be the very tensor that came in.

    Raises:
        ValueError: such a change, by its name.
    """
    for node in nodes:
        if not _changes(node, modules):
            continue
        changed = node.args[0]
        shared = {changed}
        while isinstance(changed, fx.Node) and changed in passes_on:
            changed = changed.args[0]
            shared.add(changed)
        readers = {user for value in shared if isinstance(value, fx.Node) for user in value.users}
        others = readers - {node} - shared
        if others:
            first = next(iter(sorted(map(named, others))))
            raise ValueError(f"{named(node)} changes in place what {first} reads too: use one that does not")


def _changes(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    if node.op == "call_module":
        return bool(getattr(modules[str(node.target)], "inplace", False))
    if node.op == "call_method":
        return str(node.target).endswith("_")
    return node.op == "call_function" and (node.target in _ALWAYS or bool(node.kwargs.get("inplace", False)))
