"""The line by a plain loop, to compare the engine with: it shares no code with it.

At every alpha a deep copy of the model is loaded with tensors interpolated by hand, run once on all samples
in evaluation mode, and scored in float64 with numpy. Slow and short on purpose.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["PlainLine", "copied", "cross_entropy", "plain_line", "plain_logits", "plain_point"]


@dataclass
class PlainLine:
    """Along alphas (A,), n samples, k classes, all float64."""

    alphas: np.ndarray
    loss: np.ndarray  # (A,) nats
    error: np.ndarray  # (A,) a tie is an error
    class_share: np.ndarray  # (A, k); of tied classes the first
    logits: np.ndarray  # (A, n, k)


def plain_line(
    model, start, end, inputs, labels, alphas, *, buffers="interpolate", coefficient=None, pick=None
) -> PlainLine:
    """The curves of `model` between two state dicts.

    Args:
        model: left as it is.
        start: state dict at alpha = 0.
        end: at alpha = 1.
        inputs: a tensor, or a tuple of positional arguments, or a dict of keyword arguments; one batch.
        labels: (n,) integers.
        alphas: where.
        buffers: "keep" (the end's) or "interpolate" (integers: the start's at 0, else the end's).
        coefficient: (parameter name, alpha) -> c in place of alpha, for parameters.
        pick: takes the logits out of what the model returns; None: it is the logits, or has `.logits`.
    """
    alphas = np.asarray(alphas, dtype=float)
    names = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    network = copied(model)
    logits = []
    for alpha in alphas:
        point = plain_point(
            start, end, float(alpha), parameters=names, buffers=buffers, coefficient=coefficient
        )
        logits.append(plain_logits(network, point, inputs, pick))
    return scored(alphas, np.stack(logits), np.asarray(labels))


def plain_point(start, end, alpha, *, parameters, buffers="interpolate", coefficient=None):
    """The state dict at one alpha."""
    point = {}
    for name, first in start.items():
        last, c = end[name], alpha
        if name in parameters and coefficient is not None:
            c = float(coefficient(name, alpha))
        if name not in parameters and buffers == "keep":
            c = 1.0
        point[name] = _between(first, last, c)
    return point


def plain_logits(network, point, inputs, pick=None):
    """float64 (n, k) of a network that may be overwritten."""
    network.load_state_dict(point)
    network.eval()
    with torch.no_grad():
        if isinstance(inputs, dict):
            output = network(**inputs)
        else:
            output = network(*inputs) if isinstance(inputs, tuple) else network(inputs)
    output = getattr(output, "logits", output) if pick is None else pick(output)
    return output.detach().double().cpu().numpy()


def scored(alphas, logits, labels) -> PlainLine:
    losses, errors, shares = [], [], []
    for z in logits:
        losses.append(cross_entropy(z, labels))
        own = z[np.arange(len(labels)), labels]
        others = z.copy()
        others[np.arange(len(labels)), labels] = -np.inf
        errors.append(np.mean(own <= others.max(axis=1)))
        shares.append(np.bincount(z.argmax(axis=1), minlength=z.shape[1]) / len(labels))
    return PlainLine(alphas, np.array(losses), np.array(errors), np.array(shares), logits)


def cross_entropy(logits, labels) -> float:
    """Mean over samples, nats."""
    highest = logits.max(axis=1, keepdims=True)
    totals = np.log(np.exp(logits - highest).sum(axis=1)) + highest[:, 0]
    return float(np.mean(totals - logits[np.arange(len(labels)), labels]))


def copied(model):
    """A deep copy, also of a module that holds tensors computed by a hook, which refuse to be copied."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)


def _between(first, last, c):
    if c in (0.0, 1.0):
        return (last if c else first).detach().clone()
    if first.is_complex():
        first64, last64 = first.to(torch.complex128), last.to(torch.complex128)
    elif first.is_floating_point():
        first64, last64 = first.double(), last.double()
    else:
        return last.detach().clone()
    return ((1 - c) * first64 + c * last64).to(first.dtype)
