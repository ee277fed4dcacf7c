"""Strategies for small ReLU networks and their lines: a shape that Hypothesis shrinks, numbers from a stream.

Whole-number ends hold small integers. On alphas j/8 every product and sum of them is a float64 without
rounding (a layer adds at most 8 binary digits: 2 of a weight, 3 of alpha, 3 of a sum over 5 units; the bias 4
more), so a theorem about ties and strict inequalities can be asked of a network exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from simulations.networks import fcn
from simulations.runtime.names_in_words import first_of
from simulations.runtime.random_streams import numpy_stream, torch_stream

__all__ = ["NetworkLine", "NetworkShape", "gaussian_state", "network_lines", "network_shapes"]

State = dict[str, torch.Tensor]
Bias = Literal["none", "last", "all"]
Start = Literal["zero", "gaussian", "initial"]
End = Literal["whole", "gaussian", "trained"]


@dataclass(frozen=True)
class NetworkShape:
    """What a network, its states and its data are drawn from.

    Attributes:
        depth: weight layers.
        width: units of a hidden layer.
        n_inputs: length of an input.
        n_classes: number of classes.
        n_samples: number of samples.
        seed: of every stream.
    """

    depth: int
    width: int
    n_inputs: int
    n_classes: int
    n_samples: int
    seed: int

    def model(self, bias: Bias) -> torch.nn.Module:
        """A float64 fully connected ReLU network with He initialisation; `bias` as of `mli.fcn`."""
        return fcn(
            self.depth, self.width, self.n_inputs, self.n_classes, bias=bias, init_scale=1.0, seed=self.seed
        ).double()

    @property
    def last_bias(self) -> str:
        """The name of the last layer's bias: Flatten, then a Linear and a ReLU a layer."""
        return f"{2 * self.depth - 1}.bias"

    def labels(self) -> torch.Tensor:
        """Labels (n_samples,), int64."""
        stream = numpy_stream(self.seed, "labels")
        return torch.from_numpy(stream.integers(0, self.n_classes, self.n_samples))

    def inputs(self, purpose: str = "inputs") -> torch.Tensor:
        """Standard normal inputs (n_samples, n_inputs), float64, from the stream of that name."""
        shape = (self.n_samples, self.n_inputs)
        return torch.randn(shape, generator=torch_stream(self.seed, purpose), dtype=torch.float64)

    def whole_number_end(
        self, bias: Bias, largest_bias: int = 4
    ) -> tuple[torch.nn.Module, State, torch.Tensor]:
        """A model, its end of small integers, and inputs of small integers.

        Args:
            bias: as of `model`.
            largest_bias: largest size of an entry of the last bias; other entries are at most 2.
        """
        stream = numpy_stream(self.seed, "whole numbers")
        model, end = self.model(bias), {}
        for name, tensor in model.state_dict().items():
            high = largest_bias if name == self.last_bias else 2
            end[name] = torch.from_numpy(stream.integers(-high, high + 1, tuple(tensor.shape))).double()
        inputs = torch.from_numpy(stream.integers(-2, 3, (self.n_samples, self.n_inputs))).double()
        return model, end, inputs

    def trained_end(self, bias: Bias, steps: int = 30) -> tuple[torch.nn.Module, State, State, torch.Tensor]:
        """A model, its start, its end after some steps of gradient descent, and normal inputs.

        Args:
            bias: as of `model`.
            steps: of full-batch gradient descent at learning rate 0.1, on `labels`.
        """
        model, inputs, labels = self.model(bias), self.inputs(), self.labels()
        start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        descent = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            descent.zero_grad()
            loss: Any = torch.nn.functional.cross_entropy(model(inputs), labels)
            loss.backward()
            descent.step()
        return model, start, {name: tensor.clone() for name, tensor in model.state_dict().items()}, inputs


def gaussian_state(model: torch.nn.Module, seed: int, purpose: str, scale: float = 1.0) -> State:
    """A standard normal state of the model, times `scale`, from the stream `purpose` of the seed."""
    stream = torch_stream(seed, purpose)
    return {
        name: scale * torch.randn(t.shape, generator=stream, dtype=torch.float64)
        for name, t in model.state_dict().items()
    }


@dataclass(frozen=True)
class NetworkLine:
    """A line and its data: `interpolation_curves(line.model, line.start, line.end, line.data)`.

    Attributes:
        shape: what it was drawn from.
        model: the network, float64, in evaluation mode; its own weights are not the line's.
        start: state at alpha = 0.
        end: state at alpha = 1.
        inputs: (n, n_inputs), float64.
        labels: (n,), int64.
    """

    shape: NetworkShape
    model: torch.nn.Module
    start: Mapping[str, torch.Tensor]
    end: Mapping[str, torch.Tensor]
    inputs: torch.Tensor
    labels: torch.Tensor

    @property
    def data(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and labels, as the curve engine takes them."""
        return self.inputs, self.labels

    def logits(self, alpha: float) -> torch.Tensor:
        """Logits (n, k) at one alpha, by one plain forward pass."""
        state = {name: self.start[name] + alpha * (self.end[name] - self.start[name]) for name in self.end}
        with torch.no_grad():
            logits: torch.Tensor = torch.func.functional_call(self.model, state, (self.inputs,))
        return logits


def network_shapes(
    depths: tuple[int, int] = (2, 4), widths: tuple[int, int] = (1, 5), samples: tuple[int, int] = (1, 12)
) -> SearchStrategy[NetworkShape]:
    """Shapes of small networks: 1 to 4 inputs, 2 to 4 classes.

    Args:
        depths: least and largest number of weight layers.
        widths: least and largest number of units of a hidden layer.
        samples: least and largest number of samples.
    """
    return st.builds(
        NetworkShape,
        depth=st.integers(*depths),
        width=st.integers(*widths),
        n_inputs=st.integers(1, 4),
        n_classes=st.integers(2, 4),
        n_samples=st.integers(*samples),
        seed=st.integers(0, 2**20),
    )


@st.composite
def network_lines(
    draw: DrawFn,
    *,
    depths: tuple[int, int] = (2, 4),
    widths: tuple[int, int] = (1, 5),
    samples: tuple[int, int] = (1, 12),
    bias: Bias | None = "last",
    start: Start = "zero",
    end: End = "whole",
) -> NetworkLine:
    """Lines of small fully connected ReLU networks.

    Args:
        draw: given by Hypothesis; leave it out.
        depths: as of `network_shapes`.
        widths: as of `network_shapes`.
        samples: as of `network_shapes`.
        bias: "none", "last" or "all", which layers have one; None, any of these.
        start: "zero", the homogeneous path of T1 to T5; "gaussian", standard normal; "initial", the network's
            own He initialisation.
        end: "whole", small integers, exact on alphas j/8 from a zero start; "gaussian", standard normal;
            "trained", 30 steps of gradient descent from the initialisation.

    Raises:
        ValueError: an unknown start or end.
    """
    for name, value, kinds in (("start", start, get_args(Start)), ("end", end, get_args(End))):
        if value not in kinds:
            raise ValueError(f"{name} must be one of {first_of(kinds)}, got {value!r}")
    shape = draw(network_shapes(depths, widths, samples))
    biased: Bias = draw(st.sampled_from(get_args(Bias))) if bias is None else bias
    if end == "trained":
        model, initial, last, inputs = shape.trained_end(biased)
    else:
        model, last, inputs = shape.whole_number_end(biased)
        initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if end == "gaussian":
            last = gaussian_state(model, shape.seed, "end")
    first = initial
    if start == "zero":
        first = {name: torch.zeros_like(tensor) for name, tensor in last.items()}
    elif start == "gaussian":
        first = gaussian_state(model, shape.seed, "start")
    return NetworkLine(shape, model.eval(), first, last, inputs, shape.labels())
