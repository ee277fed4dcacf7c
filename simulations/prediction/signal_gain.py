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

from simulations.line.first_look import SHARED_IN_BATCH, first_samples, rows_depend_on_batch
from simulations.line.forward_pass import check_columns, forward_errors
from simulations.line.line_setup import walkable_model
from simulations.line.moved_network import NotFiniteError
from simulations.line.paths import point_on_path, tensor_exponents
from simulations.models.buffers import buffer_plan, is_continuous
from simulations.models.checkpoints import Checkpoint, load_checkpoint
from simulations.models.evaluation import evaluation_mode
from simulations.models.input_types import floating_types, in_network_type
from simulations.models.last_layer import Output, logits_of
from simulations.models.one_logit import refuse_one_logit
from simulations.models.repeated_passes import LOOKED_AT, refuse_random
from simulations.models.roles import Roles, effective_bias, find_roles
from simulations.models.running_statistics import uses_batch_statistics
from simulations.runtime.argument_checks import check_at_least_one
from simulations.user_data.data_passes import Batch, Batches
from simulations.user_data.probe_samples import draw_probes, samples_at

__all__ = ["SignalLine", "UndefinedSignalError"]

State = Mapping[str, torch.Tensor]


class SignalLine:
    """The two ends of a line, and two sets of samples: those that make a law and those that check it.

    Buffers are the end's at every alpha. Everything after the network's own outputs is float64 on the CPU;
    floating inputs are given in the network's type (`simulations.models.input_types`).

    Args:
        model: returns logits (n, k), or what `output` picks them out of; left as it was.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: the samples, as `simulations.user_data.data_passes` takes them; two passes.
        n_probe: samples in each of the two sets; fewer where data is short, >= 1.
        seed: of the stream "probe" that draws them.
        buffers: "keep" the end's, or "refuse" a model with running statistics or others that differ.
        biases: the user's biases (`simulations.models.roles.find_roles`), None: those that are found.
        last_layer: the user's last layer, likewise.
        output: as of `simulations.models.last_layer.logits_of`.

    Attributes:
        start, end: the checkpoints.
        labels: of all samples (n,).
        trained_logits: of all samples at alpha = 1 (n, k).
        probe, held_out: the two sets, as batches.
        held_out_index: where in the data the held-out samples are, ascending.
        roles: which parameters are biases, and which layer is last.
        parameters: the end's.

    Raises:
        ValueError: a checkpoint that does not fit the model; fewer than 2 samples; an n_probe that is no
            integer >= 1; buffers without a policy; logits that are no (n, k) tensor, are not finite, or are
            too few for the labels.
        UndefinedSignalError: a network whose logits do not split into signal and last bias, or depend on the
            batch, or whose trained signal is 0 on the probes: the gain is then undefined.
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
        buffers: str = "refuse",
        biases: Sequence[str] | None = None,
        last_layer: str | None = None,
        output: Output = None,
    ) -> None:
        check_at_least_one("n_probe", n_probe)
        _check_buffers(buffers)
        if isinstance(model, torch.jit.ScriptModule):
            raise ValueError(
                "the layers of a scripted module cannot be seen or differentiated: pass the module that it "
                "was scripted from, with the same checkpoints"
            )
        model = walkable_model(model, data)
        parameters = list(model.parameters())
        self.model, self._output = model, output
        self._device = parameters[0].device if parameters else torch.device("cpu")
        self.start, self.end = (
            {n: t.to(self._device) for n, t in load_checkpoint(name, state, model).items()}
            for name, state in (("start", start), ("end", end))
        )
        buffer_plan(model, self.start, self.end, buffers)
        self._input_types = floating_types(model)
        self.parameters = {name: self.end[name] for name, _ in model.named_parameters()}
        self._buffers = {name: self.end.get(name, own).detach() for name, own in model.named_buffers()}
        self._exponents = tensor_exponents(model, "linear")
        batches = Batches(data)
        self.roles, self.labels, self.trained_logits = self._first_pass(batches, biases, last_layer)
        self._refuse_what_has_no_signal()
        made, self.held_out_index = draw_probes(len(self.labels), n_probe, seed)
        self.probe, self.held_out = samples_at(batches, made, self.held_out_index)
        try:
            self._trained = self.signal(self.parameters, self.probe)
        except NotFiniteError as error:
            words = f"without {self.bias_name} the trained logits are not finite"
            raise UndefinedSignalError(words, self.roles) from error
        self._size = float(self._trained.square().sum())
        if self._size == 0:
            words = "the trained network's signal is 0 on every probe sample: its gain is undefined"
            raise UndefinedSignalError(words, self.roles)

    def _refuse_what_has_no_signal(self) -> None:
        if self._depends_on_batch:
            words = f"{SHARED_IN_BATCH}: the laws are for one sample at a time"
            raise UndefinedSignalError(words, self.roles)
        if self.roles.no_split:
            raise UndefinedSignalError(self.roles.no_split, self.roles)

    @property
    def bias_name(self) -> str | None:
        """The parameter that makes the last bias, None where there is none."""
        return self.roles.last_bias

    def at(self, alpha: float) -> dict[str, torch.Tensor]:
        """The parameters at one alpha of the linear path."""
        return point_on_path(self.start, self.end, self._exponents, float(alpha))

    def logits(self, point: State, samples: Sequence[Batch]) -> torch.Tensor:
        """float64 logits (m, k) of some samples at a point of parameter space."""
        with evaluation_mode(self.model), torch.no_grad():
            return self._checked(torch.cat([self._call(point, batch) for batch in samples]))

    def bias(self, point: State, n_classes: int) -> torch.Tensor:
        """What the last bias adds to the logits (k,), in float64; zeros where there is none."""
        with evaluation_mode(self.model), torch.no_grad():
            found = effective_bias(
                lambda changes: self._call(dict(point) | dict(changes), self._few), point, self.roles
            )
        return torch.zeros(n_classes, dtype=torch.float64) if found is None else found

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

    def degree_by_parameter(self) -> dict[str, float]:
        """Each parameter's part <ds/dtheta [theta1], s>/<s, s> in the homogeneity, by its name.

        1 for each weight of a stack of layers; all parameters but the last bias.
        """
        return {name: self._response(name, self.parameters[name]) for name in self._gradient}

    def homogeneity(self) -> float:
        """The effective degree there would be from a zero start, <ds/dtheta [theta1], s>/<s, s>.

        theta is all parameters but the last bias; r for a signal homogeneous of degree r in them (Euler's
        identity).
        """
        return sum(self.degree_by_parameter().values())

    def _weights(self) -> list[str]:
        return [name for name, t in self.parameters.items() if t.ndim >= 2 and is_continuous(t)]

    @cached_property
    def _gradient(self) -> dict[str, torch.Tensor]:
        """The gradient of <s(theta), s(1)>/<s(1), s(1)> at the end, without the last bias.

        Its products with directions are the Jacobian-vector products of T13, all from one backward pass.
        """
        names = [n for n, t in self.parameters.items() if n != self.bias_name and is_continuous(t)]
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
        return float((_reals(self._gradient[name]) * _reals(direction.detach())).sum())

    def _first_pass(
        self, batches: Batches, biases: Sequence[str] | None, last_layer: str | None
    ) -> tuple[Roles, torch.Tensor, torch.Tensor]:
        """The roles, and the labels and trained logits of all samples."""
        labels: list[torch.Tensor] = []
        outputs: list[torch.Tensor] = []
        roles = None
        with evaluation_mode(self.model), torch.no_grad():
            few = batches.few()
            refuse_one_logit(self._call(self.parameters, few), len(few))
            for alpha in LOOKED_AT:
                point = self.at(alpha)
                refuse_random(lambda point=point: self._call(point, few), alpha)  # type: ignore[misc]
            for batch in batches:
                if roles is None:
                    check_columns(self.model, batch)  # before some of them cannot be cut
                    self._few = few
                    self._depends_on_batch = self._rows_depend_on_batch(batches)
                    roles = find_roles(
                        self.model,
                        lambda changes: self._call(self.parameters | dict(changes), self._few),
                        self.parameters,
                        biases=biases,
                        last_layer=last_layer,
                    )
                labels.append(batch.labels.cpu().long())
                outputs.append(self._call(self.parameters, batch))
        targets, logits = torch.cat(labels), torch.cat(outputs)
        if logits.ndim != 2 or len(logits) != len(targets) or int(targets.max()) >= logits.shape[1]:
            raise ValueError(
                f"the network returns outputs of shape {tuple(logits.shape)} for {len(targets)} samples "
                f"whose labels go up to {int(targets.max())}: one logit a class is needed"
            )
        assert roles is not None  # data without a sample are refused before
        try:
            return roles, targets, self._checked(logits)
        except NotFiniteError as error:
            words = batches.where_not_finite()
            raise NotFiniteError(f"{error}: {words}" if words else str(error)) from error

    def _rows_depend_on_batch(self, batches: Batches) -> bool:
        if uses_batch_statistics(self.model):
            return True
        several = first_samples(batches)
        found = rows_depend_on_batch(lambda batch: self._call(self.parameters, batch), several)
        if found and not several.is_one_tensor():
            raise ValueError(
                f"{SHARED_IN_BATCH}, or an argument that all samples share is cut as if it were theirs: let "
                "the data yield mli.Batch objects that name it in Batch(..., shared=...)"
            )
        return found

    def _call(self, point: State, batch: Batch) -> torch.Tensor:
        # Copies of the buffers: a forward pass may write to them.
        buffers = {name: buffer.clone() for name, buffer in self._buffers.items()}
        batch = self._fitting(batch)
        with forward_errors(self.model, batch):
            outputs = functional_call(self.model, dict(point) | buffers, batch.args, dict(batch.kwargs))
        return logits_of(outputs, self._output)

    def _fitting(self, batch: Batch) -> Batch:
        """A batch on the model's device, its floating inputs in the model's type."""
        batch = batch.to(self._device)
        return batch.with_tensors(lambda _, value: in_network_type(value, self._input_types))

    @staticmethod
    def _checked(logits: torch.Tensor) -> torch.Tensor:
        if not torch.isfinite(logits).all():
            raise NotFiniteError("the logits are not finite at a point of the line")
        return logits.detach().cpu().double()


class UndefinedSignalError(ValueError):
    """A network without a signal that has a gain: its logits do not split off a last bias, or it is 0.

    Args:
        reason: in words.
        roles: what was found.
    """

    def __init__(self, reason: str, roles: Roles) -> None:
        super().__init__(reason)
        self.roles = roles


def _reals(tensor: torch.Tensor) -> torch.Tensor:
    """float64; of complex numbers real and imaginary parts apart, as their gradients count."""
    return torch.view_as_real(tensor.to(torch.complex128)) if tensor.is_complex() else tensor.double()


def _check_buffers(buffers: str) -> None:
    if buffers not in ("refuse", "keep"):
        raise ValueError(
            f"the laws are for fixed running statistics and buffers: buffers must be 'keep' or 'refuse', got "
            f"{buffers!r}"
        )
