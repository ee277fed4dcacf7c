"""A network at any alpha of a path: one set of interpolated tensors, moved in place.

The model itself is never touched: `torch.func.functional_call` runs it on the interpolated tensors. Besides
the two checkpoints the line holds one copy of the parameters and the buffers (and one of the running
statistics for every alpha where they are measured).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import nn
from torch.func import functional_call

from simulations.line.paths import Coefficients
from simulations.models.checkpoints import further_names
from simulations.models.devices import checked_device, matmul_precision
from simulations.models.one_logit import refuse_one_logit
from simulations.models.running_statistics import (
    POLICIES,
    has_running_statistics,
    measured_statistics,
    statistics_names,
)
from simulations.user_data.data_passes import Batch, Batches
from simulations.user_data.joined_batches import without_lone_samples

__all__ = ["LINE_PRECISIONS", "Line", "NotFiniteError", "move_to"]

LINE_PRECISIONS = ("native", "tf32", "bf16")


class NotFiniteError(ValueError):
    """Logits that are nan or infinite."""


class Line:
    """The model on a path.

    Args:
        model: in evaluation mode.
        start, end: checked state dicts.
        coefficients: of `simulations.line.paths`.
        batch_norm: a policy of `simulations.models.running_statistics`, None where the model has no running
            statistics.
        calibration: the data for "recalibrate".
        device: where to evaluate, None: where the model is.
        precision: "native" (the weights' own), "tf32" (CUDA alone) or "bf16" (autocast).
        channels_last: order of images and convolution weights.
    """

    def __init__(
        self,
        model: nn.Module,
        start: Mapping[str, torch.Tensor],
        end: Mapping[str, torch.Tensor],
        coefficients: Coefficients,
        *,
        batch_norm: str | None = None,
        calibration: Batches | None = None,
        device: torch.device | str | None = None,
        precision: str = "native",
        channels_last: bool = False,
    ) -> None:
        if precision not in LINE_PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(LINE_PRECISIONS)}, got {precision!r}")
        self.model, self.coefficients, self.precision = model, coefficients, precision
        self.batch_norm = _policy(model, batch_norm)
        self.calibration, self.channels_last = calibration, channels_last
        own = next(model.parameters(), torch.empty(0)).device
        self.device = own if device is None else checked_device(device, model, "float32")
        self._start = {name: tensor.to(self.device) for name, tensor in start.items()}
        self._end = {name: tensor.to(self.device) for name, tensor in end.items()}
        self._point = {
            n: self._ordered(torch.empty_like(p, device=self.device)) for n, p in model.named_parameters()
        }
        # Once for all passes: on small networks a walk through the modules costs as much as a layer.
        self._own_buffers = dict(model.named_buffers())
        self._further_names = further_names(model)
        self._statistics = set(statistics_names(model))
        self._at: float | None = None
        # Statistics by alpha: small beside the parameters.
        self._measured: dict[float, dict[str, torch.Tensor]] = {}

    def logits(self, alpha: float, batch: Batch) -> torch.Tensor:
        """Logits (n, k) on the CPU, float32 or float64.

        Raises:
            ValueError: not finite (alpha is named), no (n, k) tensor, a label that no logit is for.
        """
        self._calibrate(alpha)
        self._move(alpha)
        batch = batch.to(self.device, channels_last=self.channels_last)
        outputs = self._call(self._point | self._buffers(alpha), batch)
        return self.checked(outputs, alpha, batch)

    def outputs_at_end(self, batch: Batch) -> torch.Tensor:
        """What the network returns at alpha = 1 with the end's buffers: nothing is measured or checked."""
        self._move(1.0)
        batch = batch.to(self.device, channels_last=self.channels_last)
        return self._call(self._point | self._buffers(1.0), batch)

    def parameter(self, name: str) -> torch.Tensor:
        """A parameter at the alpha of the last pass; overwritten when the line moves on."""
        return self._point[self._further_names.get(name, name)]

    def logits_together(self, alphas: Sequence[float], batch: Batch) -> list[torch.Tensor]:
        """The same at several alphas in one vectorised pass, for small networks on a GPU; costs copies."""
        points = []
        for alpha in alphas:
            self._calibrate(alpha)
            self._move(alpha)
            points.append({n: t.clone() for n, t in (self._point | self._buffers(alpha)).items()})
        stacked = {name: torch.stack([point[name] for point in points]) for name in points[0]}
        batch = batch.to(self.device, channels_last=self.channels_last)
        # Models look at their data (finite? which length?) in ways vmap cannot trace: the caller then hears
        # torch's own error.
        outputs = torch.func.vmap(lambda point: self._call(point, batch), randomness="error")(stacked)
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
        if self.batch_norm != "recalibrate" or alpha in self._measured:
            return
        self._move(alpha)
        point = self._point | self._buffers(alpha)

        def passes() -> None:
            for batch in without_lone_samples(self.calibration or ()):
                self._call(point, batch.to(self.device, channels_last=self.channels_last))

        self._measured[alpha] = measured_statistics(self.model, passes)

    def _call(self, point: dict[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        point = point | {further: point[first] for further, first in self._further_names.items()}
        # Every name is given, so torch need not look for tied ones again.
        outputs = functional_call(self.model, point, batch.args, dict(batch.kwargs), tie_weights=False)
        if isinstance(outputs, torch.Tensor):
            return outputs
        found = outputs.get("logits") if isinstance(outputs, Mapping) else getattr(outputs, "logits", None)
        if not isinstance(found, torch.Tensor):
            raise ValueError(
                f"the network must return logits or an object with .logits, not {type(outputs).__name__}"
            )
        return found

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
            move_to(self._start[name], self._end[name], c, self._point[name])
        self._at = alpha

    def _buffers(self, alpha: float) -> dict[str, torch.Tensor]:
        """Copies: a forward pass may write to its buffers."""
        buffers = {}
        for name, own in self._own_buffers.items():
            end = self._end.get(name, own).to(self.device)  # a non-persistent buffer is in no checkpoint
            if name in self._statistics and self.batch_norm == "interpolate" and alpha != 1:
                start = self._start[name]
                buffers[name] = start.clone() if alpha == 0 else start + alpha * (end - start)
            else:
                buffers[name] = end.clone()
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
    else:  # half precision: the difference would lose digits
        point.copy_(start.float() + c * (end.float() - start.float()))


def _policy(model: nn.Module, batch_norm: str | None) -> str | None:
    if batch_norm is not None and batch_norm not in POLICIES:
        raise ValueError(f"batch_norm must be one of {', '.join(POLICIES)} or None, got {batch_norm!r}")
    if not has_running_statistics(model):
        return None
    if batch_norm is None or batch_norm == "refuse":
        name = statistics_names(model)[0]
        raise ValueError(
            f"the model keeps running statistics ({name}, ...), not defined between two checkpoints: "
            f"choose batch_norm={', '.join(map(repr, POLICIES))}" + (" (refused)" if batch_norm else "")
        )
    return batch_norm
