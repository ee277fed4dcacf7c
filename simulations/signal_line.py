"""The signal along the line between two networks: its gain, and each layer's part in it (theory.md T13, M2).

The signal s(alpha) is the logits without the last-layer bias, centred over classes; its gain is
g(alpha) = <s(alpha), s(1)>/<s(1), s(1)>, the sum running over probe samples and classes. n samples, k
classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import nn
from torch.func import functional_call

from simulations.curves import check_checkpoint
from simulations.datasets import ImageDataset
from simulations.evaluation import BATCH, evaluation_mode
from simulations.last_layer import find_last_layer
from simulations.paths import point_on_path, tensor_exponents
from simulations.random_streams import numpy_stream

__all__ = ["SignalLine"]

State = Mapping[str, torch.Tensor]


class SignalLine:
    """The two ends of a line, and two sets of samples: those that make a law and those that check it.

    They are `probe` and `held_out`, indices into the data. Buffers are the end's at every alpha. Everything
    after the network's own outputs is float64; a network all of float64 is given its inputs in float64.

    Args:
        model: inputs (n, ...) to logits (n, k); left as it was.
        start: state dict at alpha = 0.
        end: state dict at alpha = 1.
        data: the samples.
        n_probe: of each kind; fewer where data is short, >= 1.
        seed: of the stream "probe" that draws them.
        batch_norm: "keep" the end's running statistics, or None, which refuses a model that has them.

    Raises:
        ValueError: a checkpoint that does not fit the model; fewer than 2 samples; an n_probe that is no
            integer >= 1; running statistics without a policy; a network whose output is not its last layer's,
            or whose trained signal is 0 on the probes: the gain is then undefined; logits that are no (n, k)
            tensor, are not finite, or are too few for the labels.
    """

    def __init__(
        self,
        model: nn.Module,
        start: State,
        end: State,
        data: ImageDataset,
        *,
        n_probe: int = 256,
        seed: int = 0,
        batch_norm: str | None = None,
    ) -> None:
        if isinstance(n_probe, bool) or not isinstance(n_probe, int) or n_probe < 1:
            raise ValueError(f"n_probe must be an integer >= 1, got {n_probe!r}")
        if len(data) < 2:
            raise ValueError(f"one sample makes the law and another checks it: got {len(data)} sample")
        _check_batch_norm(model, batch_norm)
        check_checkpoint("start", start, model)
        check_checkpoint("end", end, model)
        self.model, self.start, self.end = model, start, end
        self.labels = data.labels
        floats = [p for p in model.parameters() if p.is_floating_point()]
        in_double = bool(floats) and all(p.dtype == torch.float64 for p in floats)
        self.inputs = data.inputs.double() if in_double else data.inputs
        chosen = numpy_stream(seed, "probe").permutation(len(data))[: 2 * n_probe]
        half = (len(chosen) + 1) // 2
        self.probe, self.held_out = torch.from_numpy(chosen[:half]), torch.from_numpy(chosen[half:])
        self.bias_name = find_last_layer(model, self.inputs[:1]).bias_name
        self.parameters = {name: end[name].detach() for name, _ in model.named_parameters()}
        self.buffers = {name: end.get(name, own).detach() for name, own in model.named_buffers()}
        self.exponents = tensor_exponents(model, "linear")
        outputs = self.logits(self.parameters, self.probe)
        if outputs.ndim != 2 or int(self.labels.max()) >= outputs.shape[1]:
            raise ValueError(
                f"the network returns outputs of shape {tuple(outputs.shape)} for {len(self.probe)} samples "
                f"whose labels "
                f"go up to {int(self.labels.max())}: one logit a class is needed"
            )
        self.trained = self.signal(self.parameters, self.probe)
        self.size = float(self.trained.square().sum())
        if self.size == 0:
            raise ValueError("the trained network's signal is 0 on every probe sample: its gain is undefined")

    def at(self, alpha: float) -> dict[str, torch.Tensor]:
        """The parameters at one alpha of the linear path."""
        return point_on_path(self.start, self.end, self.exponents, float(alpha))

    def logits(self, point: State, samples: torch.Tensor | None = None) -> torch.Tensor:
        """float64 logits (m, k) of some samples, all without `samples`, at a point of parameter space."""
        inputs = self.inputs if samples is None else self.inputs[samples]
        with evaluation_mode(self.model), torch.no_grad():
            batches = [self._call(point, inputs[i : i + BATCH]) for i in range(0, len(inputs), BATCH)]
        outputs = torch.cat(batches).double()
        if not torch.isfinite(outputs).all():
            raise ValueError("the logits are not finite at a point of the line")
        return outputs

    def bias(self, point: State, n_classes: int) -> torch.Tensor:
        """The last layer's bias (k,) in float64; zeros where it has none."""
        if self.bias_name is None:
            return torch.zeros(n_classes, dtype=torch.float64)
        return point[self.bias_name].detach().double()

    def signal(self, point: State, samples: torch.Tensor | None = None) -> torch.Tensor:
        """Logits without the last bias, centred over classes (m, k)."""
        # The bias is set to 0, not subtracted: near alpha = 0 the signal is far smaller than it.
        unbiased = dict(point)
        if self.bias_name is not None:
            unbiased[self.bias_name] = torch.zeros_like(point[self.bias_name])
        outputs = self.logits(unbiased, samples)
        return outputs - outputs.mean(dim=1, keepdim=True)

    def gain_of(self, signal: torch.Tensor) -> float:
        """<signal, s(1)>/<s(1), s(1)> for a centred signal on the probes (n_probe, k)."""
        return float((signal * self.trained).sum()) / self.size

    def gain_at(self, alpha: float) -> float:
        """g(alpha) on the probes; at alpha = 1 it is 1."""
        return self.gain_of(self.signal(self.at(alpha), self.probe))

    def retention(self) -> dict[str, float]:
        """Retention rho by replacement: the gain left when a weight's initial values are put back at the end.

        By name of each weight of two dimensions or more: matrices and kernels, not the scales of a norm.
        Source: M2.
        """
        return {
            name: self.gain_of(self.signal(self.parameters | {name: self.start[name].detach()}, self.probe))
            for name in self._weights()
        }

    def euler_retention(self) -> dict[str, float]:
        """Retention rho_l = <ds/dW_l [W0_l], s>/<s, s> at the trained end, by name of each weight.

        For a signal homogeneous of degree 1 in each of r weights the effective degree is r minus their sum.
        Source: T13.
        """
        return {name: self._response(name, self.start[name]) for name in self._weights()}

    def degree_by_layer(self) -> dict[str, float]:
        """Each layer's part of d log g / d log alpha at alpha = 1: their sum is the effective degree.

        By name of the module: the part <ds/dtheta_l (theta1_l - theta0_l), s>/<s, s> of all its own
        parameters but the last-layer bias. Source: T13, general form.
        """
        layers: dict[str, float] = {}
        for name in self._gradient:
            layer = name.rpartition(".")[0]
            moved = self._response(name, self.parameters[name]) - self._response(name, self.start[name])
            layers[layer] = layers.get(layer, 0.0) + moved
        return layers

    def homogeneity(self) -> float:
        """The effective degree there would be from a zero start, <ds/dtheta [theta1], s>/<s, s>.

        theta is all parameters but the last bias; r for a signal homogeneous of degree r in them (Euler's
        identity).
        """
        return sum(self._response(name, self.parameters[name]) for name in self._gradient)

    def _weights(self) -> list[str]:
        return [name for name, t in self.parameters.items() if t.ndim >= 2 and t.is_floating_point()]

    @cached_property
    def _gradient(self) -> dict[str, torch.Tensor]:
        """The gradient of <s(theta), s(1)>/<s(1), s(1)> at the end, without the last bias.

        Its products with directions are the Jacobian-vector products of T13, all from one backward pass.
        """
        names = [n for n, t in self.parameters.items() if n != self.bias_name and t.is_floating_point()]
        here = {name: self.parameters[name].clone().requires_grad_() for name in names}
        with evaluation_mode(self.model), torch.enable_grad():
            outputs = self._call(self.parameters | here, self.inputs[self.probe])
            # s(1) is centred: centring the outputs as well would change nothing.
            gain = (outputs.double() * self.trained).sum() / self.size
            found = torch.autograd.grad(gain, list(here.values()), allow_unused=True)
        return {
            name: torch.zeros_like(here[name]) if gradient is None else gradient
            for name, gradient in zip(names, found, strict=True)
        }

    def _response(self, name: str, direction: torch.Tensor) -> float:
        """The gain of the signal's derivative at the trained end along a direction of one parameter."""
        return float((self._gradient[name].double() * direction.detach().double()).sum())

    def _call(self, point: State, inputs: torch.Tensor) -> torch.Tensor:
        # Copies of the buffers: a forward pass may write to them.
        buffers = {name: buffer.clone() for name, buffer in self.buffers.items()}
        output = functional_call(self.model, dict(point) | buffers, (inputs,))
        found: torch.Tensor = getattr(output, "logits", output)
        return found


def _check_batch_norm(model: nn.Module, batch_norm: str | None) -> None:
    if batch_norm not in (None, "keep"):
        raise ValueError(
            f"the laws are for fixed running statistics: batch_norm must be 'keep' or None, got "
            f"{batch_norm!r}"
        )
    if batch_norm == "keep":
        return
    for name, module in model.named_modules():
        batch_statistics = isinstance(module, nn.modules.batchnorm._BatchNorm)
        if batch_statistics or getattr(module, "running_mean", None) is not None:
            raise ValueError(
                f"module {name!r} is a {type(module).__name__}, whose running statistics two checkpoints do "
                f"not define "
                "between them: choose batch_norm='keep', the trained network's at every alpha"
            )
