"""The parts that parameters of a network play: which are biases, which layer is last. Found here alone.

The last layer is found by running the network: the module whose output it returns. Where something is done
to that output (a scale, an adapter beside the layer, a log-softmax), the last bias is still the parameter
that shifts the logits of all samples alike; that is tried. What was found can be corrected by the user.
m samples, k classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from simulations.models.bias_names import bias_names, bias_of_module, chosen_biases, owner_and_part
from simulations.models.last_layer import LastLayer, last_layer_that_ran, takes_hooks
from simulations.runtime.names_in_words import first_of

__all__ = ["Roles", "effective_bias", "find_roles", "roles_in_words", "roles_with", "roles_without_running"]

SAMPLES = 16  # that the last bias is tried on
# Of the change, by which it may differ between samples: rounding through a deep network.
ALIKE, ALIKE_IN_HALF = 1e-3, 0.05

Run = Callable[[Mapping[str, torch.Tensor]], torch.Tensor]
"""Logits (m, k) of a few samples with some of the parameters replaced."""


@dataclass(frozen=True)
class Roles:
    """Who does what.

    Attributes:
        biases: names of the parameters that are biases.
        unsure: of those that may be, by their names, and are taken as weights.
        last_layer: the name of the module that makes the logits; None: not found, or not looked for.
        last_bias: the name of the parameter that makes the last bias; None: there is none.
        how: how the last layer was found, in words.
        no_split: why logits do not split into signal and last bias; "" where they do.
        plain: whether the last bias is added as it is, by the last layer itself.
    """

    biases: tuple[str, ...]
    unsure: tuple[str, ...] = ()
    last_layer: str | None = None
    last_bias: str | None = None
    how: str = "not looked for"
    no_split: str = ""
    plain: bool = False

    @property
    def hidden_biases(self) -> list[str]:
        """All biases but the last layer's."""
        return [name for name in self.biases if name != self.last_bias]


def roles_without_running(model: nn.Module, biases: Iterable[str] | None = None) -> Roles:
    """The biases alone.

    Args:
        model: of which the parameters are.
        biases: the user's list in place of what is found, names or patterns.

    Raises:
        ValueError: a name that no parameter has.
    """
    if biases is not None:
        return Roles(tuple(chosen_biases(model, biases)))
    sure, unsure = bias_names(model)
    return Roles(tuple(sure), tuple(unsure))


def find_roles(
    model: nn.Module,
    run: Run,
    parameters: Mapping[str, torch.Tensor],
    *,
    biases: Iterable[str] | None = None,
    last_layer: str | None = None,
) -> Roles:
    """The roles of a network's parameters, by running it.

    Args:
        model: in evaluation mode.
        run: runs it on a few samples, at most `SAMPLES` and better two than one.
        parameters: by name, what `run({})` runs it with.
        biases: the user's biases, as in `roles_without_running`.
        last_layer: the user's last layer, by the module's name.

    Raises:
        ValueError: a name that no parameter or module has.
    """
    known = roles_without_running(model, biases)
    if last_layer is not None:
        return _given(model, run, parameters, known, last_layer)
    try:
        found = last_layer_that_ran(model, lambda: run({}))
    except ValueError:
        return _by_shifting(model, run, parameters, known)
    roles = roles_with(known, found)
    bias = roles.last_bias
    if bias is None:
        return roles
    if roles.plain:
        return _tried(roles, run, parameters, bias)
    if not _shifts_alike(run, parameters, bias):
        return _with(known, found.name, None, roles.how, _no_shift([bias]))
    if not _is_zero_with(
        dict(model.named_modules(remove_duplicate=False))[found.name], run, parameters, bias
    ):
        words = f"the last bias is not 0 where {bias} is, so it cannot be taken out of the logits"
        return _with(known, found.name, None, roles.how, words)
    return roles


def _tried(roles: Roles, run: Run, parameters: Mapping[str, torch.Tensor], bias: str) -> Roles:
    """The roles, if the layer's own bias is what is added to the logits; else what it is found to do.

    A layer may scale what it adds, or something may change its output in place, behind its back.
    """
    logits = run({}).double()
    alike = parameters[bias].numel() == logits.shape[-1]
    scale = _shift(run, parameters, bias, logits) if alike else None
    if scale is None:
        return _with(roles, roles.last_layer, None, roles.how, _no_shift([bias]))
    return _with(roles, roles.last_layer, bias, roles.how, plain=scale == 1.0)


def _is_zero_with(layer: nn.Module, run: Run, parameters: Mapping[str, torch.Tensor], name: str) -> bool:
    """Whether a layer's computed bias is 0 where the parameter that makes it is."""
    seen: list[Any] = []
    handle = layer.register_forward_hook(lambda module, *_: seen.append(getattr(module, "bias", None)))
    try:
        run({name: torch.zeros_like(parameters[name])})
    finally:
        handle.remove()
    return not any(isinstance(bias, torch.Tensor) and bool(bias.any()) for bias in seen)


def roles_with(known: Roles, last: LastLayer) -> Roles:
    """Roles whose last layer was found by `simulations.models.last_layer`."""
    plain = last.bias_name in (None, f"{last.name}.bias".removeprefix("."))
    return _with(known, last.name, last.bias_name, "found by running", plain=plain)


def effective_bias(run: Run, parameters: Mapping[str, torch.Tensor], roles: Roles) -> torch.Tensor | None:
    """What the last bias adds to the logits (k,), float64 on the CPU; None where there is none.

    Up to a number that all classes share where the network normalises its logits (log-softmax).
    """
    if roles.last_bias is None:
        return None
    own = parameters[roles.last_bias].detach()
    if roles.plain:
        return own.cpu().double()
    added = run({}).double() - run({roles.last_bias: torch.zeros_like(own)}).double()
    return added.mean(dim=0).cpu()


def roles_in_words(roles: Roles) -> str:
    """As `mli diagnose` tells them: one line."""
    words = [f"biases: {first_of(roles.biases, 8) or 'none'}"]
    if roles.unsure:
        words.append(f"perhaps biases, taken as weights: {first_of(roles.unsure, 8)}")
    last = "the model itself" if roles.last_layer == "" else roles.last_layer
    words.append(f"last layer: {'none' if last is None else last}, {roles.how}")
    if roles.last_layer is not None:
        words.append(f"last bias: {roles.last_bias or 'none'}")
    if roles.no_split:
        words.append(roles.no_split)
    return "; ".join(words)


def _given(
    model: nn.Module, run: Run, parameters: Mapping[str, torch.Tensor], known: Roles, name: str
) -> Roles:
    modules = [n for n, module in model.named_modules() if next(module.parameters(), None) is not None]
    if name not in modules:
        raise ValueError(f"last_layer: no module with parameters is named {name!r}; they are {modules}")
    bias = bias_of_module(model, name)
    own = [n for n in known.biases if n.rpartition(".")[0] == name]
    bias = bias if bias in parameters else next(iter(own), None)
    if bias is None:
        return _with(known, name, None, "given")
    if not _shifts_alike(run, parameters, bias):
        return _with(known, name, None, "given", _no_shift([bias]))
    return _with(known, name, bias, "given")


def _by_shifting(model: nn.Module, run: Run, parameters: Mapping[str, torch.Tensor], known: Roles) -> Roles:
    """The parameter of k numbers that shifts all logits alike, if there is one."""
    order: list[str] = []  # of modules, as they finish
    handles = [
        module.register_forward_hook(lambda *_, name=name: order.append(name))
        for name, module in model.named_modules()
        if takes_hooks(module)
    ]
    try:
        logits = run({}).double()
    finally:
        for handle in handles:
            handle.remove()
    # Any of as many numbers as classes: what it does tells more than its name.
    tried = [
        name
        for name, tensor in parameters.items()
        if tensor.is_floating_point() and tensor.numel() == logits.shape[-1]
    ]
    entangled = [name for name in tried if name in (*known.biases, *known.unsure)]
    ran = {name: place for place, name in enumerate(order)}
    latest = sorted(tried, key=lambda name: ran.get(owner_and_part(model, name)[0], -1), reverse=True)
    scales = {name: _shift(run, parameters, name, logits) for name in latest}
    shifting = [name for name in latest if scales[name] is not None]
    if not shifting and entangled:
        return _with(known, None, None, "not found by running", _no_shift(entangled))
    if not shifting:
        why = "found by running to be no single layer, without a bias of as many numbers as classes"
        return _with(known, None, None, why)
    best = next((name for name in shifting if scales[name] == 1.0), shifting[0])
    found = _with(
        known, owner_and_part(model, best)[0], best, "found by running: its bias shifts all logits alike"
    )
    return found if best in known.biases else Roles(**vars(found) | _now_sure(found, best))


def _now_sure(found: Roles, name: str) -> dict[str, Any]:
    return {"biases": (*found.biases, name), "unsure": tuple(n for n in found.unsure if n != name)}


def _with(
    known: Roles, layer: str | None, bias: str | None, how: str, no_split: str = "", *, plain: bool = False
) -> Roles:
    return Roles(known.biases, known.unsure, layer, bias, how, no_split, plain)


def _no_shift(names: Sequence[str]) -> str:
    return (
        "the logits do not split into a signal and a last bias: no bias shifts those of all samples alike "
        f"(tried {first_of(names, 8)})"
    )


def _shifts_alike(run: Run, parameters: Mapping[str, torch.Tensor], name: str) -> bool:
    """Whether a parameter's change changes the logits of all samples alike, in whatever way."""
    own, before = parameters[name].detach(), run({}).double()
    if own.numel() != before.shape[-1]:
        return False
    change = _centred(run({name: own + _step(own, before)}).double() - before)
    size = float(change.abs().max())
    return size > 0 and float((change - change[:1]).abs().max()) <= _alike(own) * size


def _shift(run: Run, parameters: Mapping[str, torch.Tensor], name: str, before: torch.Tensor) -> float | None:
    """By which factor a parameter's change appears in all logits, 1.0 where it is 1; None: in another way.

    Up to a number that a sample's logits share, which changes no prediction and no loss.
    """
    own = parameters[name].detach()
    step = _step(own, before)
    change = _centred(run({name: own + step}).double() - before)
    expected = _centred((own + step - own).double().reshape(1, -1))
    scale = float((change * expected).sum(dim=-1).mean() / expected.square().sum())
    off = float((change - scale * expected).abs().max())
    if not abs(scale) > 1e-6 or not off <= _alike(own) * abs(scale) * float(expected.abs().max()):
        return None
    return 1.0 if abs(scale - 1) <= _alike(own) else scale


def _step(own: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """No two differences alike, and of the size of the logits: else rounding hides what it does."""
    step = torch.sin(1.0 + torch.arange(own.numel(), dtype=torch.float64) ** 1.5)
    return (step * max(1.0, float(before.abs().max()))).reshape(own.shape).to(own)


def _centred(logits: torch.Tensor) -> torch.Tensor:
    return logits - logits.mean(dim=-1, keepdim=True)


def _alike(own: torch.Tensor) -> float:
    return ALIKE if own.dtype in (torch.float32, torch.float64) else ALIKE_IN_HALF
