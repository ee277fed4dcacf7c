"""Random networks for the theorems: a shape that Hypothesis shrinks, numbers from a named stream.

Whole-number networks hold small integers. On alphas j/8 every product and sum of them is a float64 without
rounding (a layer adds at most 8 binary digits: 2 of a weight, 3 of alpha, 3 of a sum over 5 units; the bias 4
more), so a theorem about ties and strict inequalities can be asked of a network exactly.
"""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from simulations.networks import fcn
from simulations.runtime.random_streams import numpy_stream, torch_stream

EIGHTHS = np.arange(9) / 8


@dataclass(frozen=True)
class Shape:
    """What a network is drawn from."""

    depth: int
    width: int
    n_inputs: int
    n_classes: int
    n_samples: int
    seed: int

    def model(self, bias):
        return fcn(
            self.depth, self.width, self.n_inputs, self.n_classes, bias=bias, init_scale=1.0, seed=self.seed
        ).double()

    @property
    def last_bias(self):
        """Of the last layer, by name: Flatten, then a Linear and a ReLU a layer."""
        return f"{2 * self.depth - 1}.bias"

    def labels(self):
        stream = numpy_stream(self.seed, "labels")
        return torch.from_numpy(stream.integers(0, self.n_classes, self.n_samples))

    def inputs(self, purpose="inputs"):
        shape = (self.n_samples, self.n_inputs)
        return torch.randn(shape, generator=torch_stream(self.seed, purpose), dtype=torch.float64)


def shapes(depths=(2, 4), widths=(1, 5), samples=(1, 12)):
    return st.builds(
        Shape,
        depth=st.integers(*depths),
        width=st.integers(*widths),
        n_inputs=st.integers(1, 4),
        n_classes=st.integers(2, 4),
        n_samples=st.integers(*samples),
        seed=st.integers(0, 2**20),
    )


def whole_number_end(shape, bias, largest_bias=4):
    """A model, its end of small integers, and data of small integers."""
    stream = numpy_stream(shape.seed, "whole numbers")
    model, end = shape.model(bias), {}
    for name, tensor in model.state_dict().items():
        high = largest_bias if name == shape.last_bias else 2
        end[name] = torch.from_numpy(stream.integers(-high, high + 1, tuple(tensor.shape))).double()
    inputs = torch.from_numpy(stream.integers(-2, 3, (shape.n_samples, shape.n_inputs))).double()
    return model, end, inputs


def zero_of(end):
    return {name: torch.zeros_like(tensor) for name, tensor in end.items()}


def logits_at(model, state, inputs):
    with torch.no_grad():
        return torch.func.functional_call(model, state, (inputs,)).numpy()


def on_line(start, end, alpha):
    return {name: start[name] + alpha * (end[name] - start[name]) for name in end}


def gaussian_state(model, seed, purpose, scale=1.0):
    stream = torch_stream(seed, purpose)
    return {
        name: scale * torch.randn(t.shape, generator=stream, dtype=torch.float64)
        for name, t in model.state_dict().items()
    }


def trained_end(shape, bias, steps=30):
    """A float64 model, its start and its end after some steps of gradient descent, and Gaussian inputs."""
    model, inputs, labels = shape.model(bias), shape.inputs(), shape.labels()
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        descent.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        descent.step()
    return model, start, {name: tensor.clone() for name, tensor in model.state_dict().items()}, inputs
