"""The signal along the line between two networks: its gain, and each layer's part in it (theory.md T13, M2).

The signal s(alpha) is the logits without the last-layer bias, centred over classes; its gain is
g(alpha) = <s(alpha), s(1)>/<s(1), s(1)>, the sum running over probe samples and classes. n samples, k
classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from simulations.line.moved_network import NotFiniteError
from simulations.line.paths import point_on_path, tensor_exponents
from simulations.models.checkpoints import Checkpoint, load_checkpoint
from simulations.models.evaluation import evaluation_mode
from simulations.models.last_layer import find_last_layer, logits_of
from simulations.models.one_logit import refuse_one_logit
from simulations.models.repeated_passes import refuse_random
from simulations.models.running_statistics import has_running_statistics, uses_batch_statistics
from simulations.runtime.argument_checks import check_at_least_one
from simulations.user_data.data_passes import Batch, Batches
from simulations.user_data.probe_samples import draw_probes, samples_at

__all__ = ["SignalLine"]

State = Mapping[str, torch.Tensor]


class SignalLine:
    """The two ends of a line, and two sets of samples: those that make a law and those that check it.

    Buffers are the end's at every alpha. Everything after the network's own outputs is float64 on the CPU; a
    network all of float64 is given floating inputs in float64.

    Args:
        model: returns logits (n, k), or an object with `.logits`; left as it was.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: the samples, as `simulations.user_data.data_passes` takes them; two passes.
        n_probe: samples in each of the two sets; fewer where data is short, >= 1.
        seed: of the stream "probe" that draws them.
        batch_norm: "keep" the end's running statistics, or None, which refuses a model that has them.

    Attributes:
        start, end: the checkpoints.
        labels: of all samples (n,).
        trained_logits: of all samples at alpha = 1 (n, k).
        probe, held_out: the two sets, as batches.
        held_out_index: where in the data the held-out samples are, ascending.
        bias_name: of the last layer's bias, None where it has none.
        parameters: the end's.

    Raises:
        ValueError: a checkpoint that does not fit the model; fewer than 2 samples; an n_probe that is no
            integer >= 1; running statistics without a policy; a network whose output is not its last layer's,
            or whose trained signal is 0 on the probes: the gain is then undefined; logits that are no (n, k)
            tensor, are not finite, or are too few for the labels.
    """

    def __init__(
        self,
        model: nn.Module,
        start: Checkpoint,
        end: Checkpoint,
        data: Any,
        *,
        n_probe: int = 256,
        seed: int = 0,
        batch_norm: str | None = None,
    ) -> None:
        check_at_least_one("n_probe", n_probe)
        _check_batch_norm(model, batch_norm)
        parameters = list(model.parameters())
        self.model = model
        self._device = parameters[0].device if parameters else torch.device("cpu")
        self.start, self.end = (
            {n: t.to(self._device) for n, t in load_checkpoint(name, state, model).items()}
            for name, state in (("start", start), ("end", end))
        )
        floats = {p.dtype for p in parameters if p.is_floating_point()}
        self._in_double = floats == {torch.float64}
        self.parameters = {name: self.end[name] for name, _ in model.named_parameters()}
        self._buffers = {name: self.end.get(name, own).detach() for name, own in model.named_buffers()}
        self._exponents = tensor_exponents(model, "linear")
        batches = Batches(data)
        self.bias_name, self.labels, self.trained_logits = self._first_pass(batches)
        made, self.held_out_index = draw_probes(len(self.labels), n_probe, seed)
        self.probe, self.held_out = samples_at(batches, made, self.held_out_index)
        self._trained = self.signal(self.parameters, self.probe)
        self._size = float(self._trained.square().sum())
        if self._size == 0:
            raise ValueError("the trained network's signal is 0 on every probe sample: its gain is undefined")

    def at(self, alpha: float) -> dict[str, torch.Tensor]:
        """The parameters at one alpha of the linear path."""
        return point_on_path(self.start, self.end, self._exponents, float(alpha))

    def logits(self, point: State, samples: Sequence[Batch]) -> torch.Tensor:
        """float64 logits (m, k) of some samples at a point of parameter space."""
        with evaluation_mode(self.model), torch.no_grad():
            return self._checked(torch.cat([self._call(point, batch) for batch in samples]))

    def bias(self, point: State, n_classes: int) -> torch.Tensor:
        """The last layer's bias (k,) in float64; zeros where it has none."""
        if self.bias_name is None:
            return torch.zeros(n_classes, dtype=torch.float64)
        return point[self.bias_name].detach().cpu().double()

    def signal(self, point: State, samples: Sequence[Batch]) -> torch.Tensor:
        """Logits without the last bias, centred over classes (m, k)."""
        # The bias is set to 0, not subtracted: near alpha = 0 the signal is far smaller than it.
        unbiased = dict(point)
        if self.bias_name is not None:
            unbiased[self.bias_name] = torch.zeros_like(point[self.bias_name])
        outputs = self.logits(unbiased, samples)
        return outputs - outputs.mean(dim=1, keepdim=True)

    def gain_of(self, signal: torch.Tensor) -> float:
        """<signal, s(1)>/<s(1), s(1)> for a centred signal on the probes (n_probe, k)."""
        return float((signal * self._trained).sum()) / self._size

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
            outputs = torch.cat([self._call(self.parameters | here, batch) for batch in self.probe])
            # s(1) is centred: centring the outputs as well would change nothing.
            gain = (outputs.cpu().double() * self._trained).sum() / self._size
            found = torch.autograd.grad(gain, list(here.values()), allow_unused=True)
        return {
            name: torch.zeros_like(here[name]) if gradient is None else gradient
            for name, gradient in zip(names, found, strict=True)
        }

    def _response(self, name: str, direction: torch.Tensor) -> float:
        """The gain of the signal's derivative at the trained end along a direction of one parameter."""
        return float((self._gradient[name].double() * direction.detach().double()).sum())

    def _first_pass(self, batches: Batches) -> tuple[str | None, torch.Tensor, torch.Tensor]:
        """The last bias's name, and the labels and trained logits of all samples."""
        labels: list[torch.Tensor] = []
        outputs: list[torch.Tensor] = []
        bias_name = None
        with evaluation_mode(self.model), torch.no_grad():
            few = batches.few()
            refuse_one_logit(self._call(self.parameters, few), len(few))
            refuse_random(lambda: self._call(self.parameters, few))
            for batch in batches:
                if not outputs:
                    first = self._fitting(batch.take(torch.tensor([0])))
                    bias_name = find_last_layer(self.model, *first.args, **first.kwargs).bias_name
                labels.append(batch.labels.cpu().long())
                outputs.append(self._call(self.parameters, batch))
        targets, logits = torch.cat(labels), torch.cat(outputs)
        if logits.ndim != 2 or len(logits) != len(targets) or int(targets.max()) >= logits.shape[1]:
            raise ValueError(
                f"the network returns outputs of shape {tuple(logits.shape)} for {len(targets)} samples "
                f"whose labels go up to {int(targets.max())}: one logit a class is needed"
            )
        try:
            return bias_name, targets, self._checked(logits)
        except NotFiniteError as error:
            words = batches.where_not_finite()
            raise ValueError(f"{error}: {words}" if words else str(error)) from error

    def _call(self, point: State, batch: Batch) -> torch.Tensor:
        # Copies of the buffers: a forward pass may write to them.
        buffers = {name: buffer.clone() for name, buffer in self._buffers.items()}
        batch = self._fitting(batch)
        return logits_of(functional_call(self.model, dict(point) | buffers, batch.args, dict(batch.kwargs)))

    def _fitting(self, batch: Batch) -> Batch:
        """A batch on the model's device; its floating inputs in float64 where the whole model is."""
        batch = batch.to(self._device)

        if not self._in_double:
            return batch
        return batch.with_tensors(lambda _, value: value.double() if value.is_floating_point() else value)

    @staticmethod
    def _checked(logits: torch.Tensor) -> torch.Tensor:
        if not torch.isfinite(logits).all():
            raise NotFiniteError("the logits are not finite at a point of the line")
        return logits.detach().cpu().double()


def _check_batch_norm(model: nn.Module, batch_norm: str | None) -> None:
    if batch_norm not in (None, "keep"):
        raise ValueError(
            f"the laws are for fixed running statistics: batch_norm must be 'keep' or None, got "
            f"{batch_norm!r}"
        )
    if uses_batch_statistics(model):
        raise ValueError("a sample's logits depend on its batch: the laws are for one sample at a time")
    if batch_norm is None and has_running_statistics(model):
        raise ValueError(
            "the model keeps running statistics, which two checkpoints do not define between them: choose "
            "batch_norm='keep', the trained network's at every alpha"
        )
