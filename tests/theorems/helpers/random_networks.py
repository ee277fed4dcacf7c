"""What the theorems ask of a random network: its logits at a state, a state on a line, a state of zeros."""

import numpy as np
import torch

EIGHTHS = np.arange(9) / 8
"""Whole-number networks of `mli.testing` are exact there."""


def zero_of(end):
    return {name: torch.zeros_like(tensor) for name, tensor in end.items()}


def logits_at(model, state, inputs):
    with torch.no_grad():
        return torch.func.functional_call(model, state, (inputs,)).numpy()


def on_line(start, end, alpha):
    return {name: start[name] + alpha * (end[name] - start[name]) for name in end}
