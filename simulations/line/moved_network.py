"""A network at any alpha of a path: one set of interpolated tensors, moved in place.

The model itself is never touched: `torch.func.functional_call` runs it on the interpolated tensors. Besides
the two checkpoints the line holds one copy of the parameters and the buffers (and one of the running
statistics for every alpha where they are measured).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn

from simulations.line.forward_pass import run_network
from simulations.line.paths import Coefficients
from simulations.models.buffers import between, buffer_plan, is_continuous
from simulations.models.checkpoints import further_names
from simulations.models.devices import checked_device, matmul_precision
from simulations.models.input_types import floating_types, in_network_type
from simulations.models.last_layer import Output, logits_of
from simulations.models.one_logit import refuse_one_logit
from simulations.models.running_statistics import measurable_layers, measured_statistics
from simulations.user_data.data_passes import Batch, Batches
from simulations.user_data.joined_batches import without_lone_samples

__all__ = ["LINE_PRECISIONS", "Line", "NotFiniteError", "move_to"]

LINE_PRECISIONS = ("native", "tf32", "bf16")


class NotFiniteError(ValueError):
    """Logits that are not finite at a point of a line."""


class Line:
    """The model on a path.

    Args:
        model: in evaluation mode.
        start, end: checked state dicts.
        coefficients: of `simulations.line.paths`.
        buffers: a policy of `simulations.models.buffers`.
        calibration: the data for "recalibrate".
        device: where to evaluate, None: where the model is.
        precision: "native" (the weights' own), "tf32" (CUDA alone) or "bf16" (autocast).
        channels_last: order of images and convolution weights.
        output: what picks the logits out of what the model returns (`simulations.models.last_layer`).
    """

    def __init__(
        self,
        model: nn.Module,
        start: Mapping[str, torch.Tensor],
        end: Mapping[str, torch.Tensor],
        coefficients: Coefficients,
        *,
        buffers: str = "refuse",
        calibration: Batches | None = None,
        device: torch.device | str | None = None,
        precision: str = "native",
        channels_last: bool = False,
        output: Output = None,
    ) -> None:
        if precision not in LINE_PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(LINE_PRECISIONS)}, got {precision!r}")
        # The tensors of a scripted module are written over: a copy's.
        scripted = isinstance(model, torch.jit.ScriptModule)
        self.model = copy.deepcopy(model) if scripted else model
        self.coefficients, self.precision = coefficients, precision
        self._input_types = floating_types(model)
        self.buffers = buffer_plan(model, start, end, buffers)
        self.calibration, self.channels_last, self.output = calibration, channels_last, output
        own = next(model.parameters(), torch.empty(0)).device
        self.device = own if device is None else checked_device(device, model, "float32")
        if scripted:
            self.model.to(self.device)
        self._start = {name: tensor.to(self.device) for name, tensor in start.items()}
        self._end = {name: tensor.to(self.device) for name, tensor in end.items()}
        self._point = {
            n: self._ordered(torch.empty_like(p, device=self.device)) for n, p in model.named_parameters()
        }
        # Once for all passes: on small networks a walk through the modules costs as much as a layer.
        self._own_buffers = dict(model.named_buffers())
        self._further_names = further_names(model)
        self._at: float | None = None
        self._layers: list[str] | None = None  # those that are measured, once it is known
        self.not_measured: list[str] = []
        # Statistics by alpha: small beside the parameters.
        self._measured: dict[float, dict[str, torch.Tensor]] = {}

    def logits(self, alpha: float, batch: Batch) -> torch.Tensor:
        """Logits (n, k) on the CPU, float32 or float64.

        Raises:
            ValueError: not finite (alpha is named), no (n, k) tensor, a label that no logit is for.
        """
        outputs, batch = self.returned(alpha, batch)
        return self.checked(logits_of(outputs, self.output), alpha, batch)

    def returned(self, alpha: float, batch: Batch) -> tuple[Any, Batch]:
        """What the network returns, as it is, and the batch as it was given; both on the line's device."""
        self._calibrate(alpha)
        self._move(alpha)
        batch = self._placed(batch)
        return self._run(self._point | self._buffers(alpha), batch), batch

    def returned_at_end(self, batch: Batch) -> tuple[Any, Batch]:
        """The same at the end, before any statistics are measured."""
        self._at = None
        for name, tensor in self._point.items():
            tensor.copy_(self._end[name])
        batch = self._placed(batch)
        return self._run(self._point | self._buffers(1.0), batch), batch

    def end_with(self, changes: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        """What the network returns as logits at the end with some parameters replaced, unchecked."""
        self._at = None
        for name, tensor in self._point.items():
            tensor.copy_(self._end[name])
        return self._call(self._point | self._buffers(1.0) | dict(changes), self._placed(batch))

    def end_parameters(self) -> dict[str, torch.Tensor]:
        """The parameters at the end."""
        return {name: self._end[name] for name in self._point}

    def parameter(self, name: str) -> torch.Tensor:
        """A parameter at the alpha of the last pass; overwritten when the line moves on."""
        return self._point[self._further_names.get(name, name)]

    def logits_together(self, alphas: Sequence[float], batch: Batch) -> list[torch.Tensor]:
        """The same at several alphas in one vectorised pass, for small networks on a GPU; costs copies."""
        if isinstance(self.model, torch.jit.ScriptModule):  # its tensors cannot be stacked
            return [self.logits(alpha, batch) for alpha in alphas]
        points = []
        for alpha in alphas:
            self._calibrate(alpha)
            self._move(alpha)
            points.append({n: t.clone() for n, t in (self._point | self._buffers(alpha)).items()})
        stacked = {name: torch.stack([point[name] for point in points]) for name in points[0]}
        batch = self._placed(batch)
        # Models look at their data (finite? which length?) in ways vmap cannot trace: the caller then hears
        # torch's own error.
        call = partial(self._call, batch=batch, told=False)
        outputs = torch.func.vmap(call, randomness="error")(stacked)
        return [self.checked(output, alpha, batch) for output, alpha in zip(outputs, alphas, strict=True)]

    @contextmanager
    def in_precision(self) -> Iterator[None]:
        """The chosen precision inside, torch's settings as before after it.

        On CUDA torch's own default would be TF32 in convolutions: "native" is true float32 there too.
        """
        bf16 = self.precision == "bf16"
        with (
            matmul_precision(self.precision, self.device),
            torch.autocast(self.device.type, torch.bfloat16) if bf16 else nullcontext(),
        ):
            yield

    @property
    def calibration_passes(self) -> int:
        """Passes over the calibration data so far, one for each alpha."""
        return len(self._measured)

    def _calibrate(self, alpha: float) -> None:
        """Measure the running statistics at an alpha where they are not yet."""
        if not self.buffers.measured or alpha in self._measured or self.calibration is None:
            return
        self._move(alpha)
        point, calibration = self._point | self._buffers(alpha), self.calibration

        def run(batches: Iterable[Batch]) -> None:
            for batch in without_lone_samples(batches):
                self._call(point, self._placed(batch))

        if self._layers is None:
            first = next(iter(without_lone_samples(calibration)))
            self._layers, self.not_measured = measurable_layers(self.model, lambda: run([first]))
        self._measured[alpha] = measured_statistics(self.model, lambda: run(calibration), self._layers)

    def _placed(self, batch: Batch) -> Batch:
        """On the line's device, floating inputs in the network's type."""
        batch = batch.with_tensors(lambda _, value: in_network_type(value, self._input_types))
        return batch.to(self.device, channels_last=self.channels_last)

    def _call(self, point: dict[str, torch.Tensor], batch: Batch, *, told: bool = True) -> torch.Tensor:
        return logits_of(self._run(point, batch, told=told), self.output)

    def _run(self, point: dict[str, torch.Tensor], batch: Batch, *, told: bool = True) -> Any:
        point = point | {further: point[first] for further, first in self._further_names.items()}
        return run_network(self.model, point, batch, told=told)

    def checked(self, outputs: torch.Tensor, alpha: float, batch: Batch) -> torch.Tensor:
        """What the network returned for a batch, as `logits` gives it; raises as it does."""
        refuse_one_logit(outputs, len(batch))
        if outputs.ndim != 2 or len(outputs) != len(batch):
            raise ValueError(
                f"the network must return logits ({len(batch)}, k), it returned {tuple(outputs.shape)}"
            )
        highest = int(batch.labels.max())
        if highest >= outputs.shape[1]:
            raise ValueError(f"label {highest} has no logit: the network returns {outputs.shape[1]}")
        outputs = outputs.to("cpu", torch.float64 if outputs.dtype == torch.float64 else torch.float32)
        if not torch.isfinite(outputs).all():
            raise NotFiniteError(f"the logits are not finite at alpha = {alpha}")
        return outputs

    def _move(self, alpha: float) -> None:
        if alpha == self._at:
            return
        for name, c in self.coefficients(alpha).items():
            if not is_continuous(self._point[name]):  # an integer: as a buffer
                c = 0.0 if alpha == 0 and name in self.buffers.stepped else 1.0
            move_to(self._start[name], self._end[name], c, self._point[name])
        self._at = alpha

    def _buffers(self, alpha: float) -> dict[str, torch.Tensor]:
        """Copies: a forward pass may write to its buffers."""
        buffers = {}
        for name, own in self._own_buffers.items():
            end = self._end.get(name, own).to(self.device)  # a non-persistent buffer is in no checkpoint
            buffers[name] = self.buffers.at(name, alpha, self._start.get(name), end)
        return buffers | self._measured.get(alpha, {})

    def _ordered(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.channels_last and tensor.ndim == 4:
            return tensor.to(memory_format=torch.channels_last)
        return tensor


def move_to(start: torch.Tensor, end: torch.Tensor, c: float, point: torch.Tensor) -> None:
    """Write start + c (end - start) into `point`."""
    # A copy at both ends: start + 1 (end - start) is not the end in floating point.
    if c == 0 or c == 1:
        point.copy_(end if c else start)
    elif point.dtype in (torch.float32, torch.float64):
        torch.sub(end, start, out=point).mul_(c).add_(start)
    else:
        point.copy_(between(start, end, c))
