"""Cross-entropy over classes, of a sample (n, k) or of every token (n, ..., k): classes come last.

The weighted, smoothed and soft forms are those of `torch.nn.functional.cross_entropy`, its mean over classes'
weights too. In one formula: with targets a (k,) of a row, loss = sum(a) lse(z) - a z, lse the log-sum-exp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from simulations.models.last_layer import Output
from simulations.models.one_logit import refuse_one_logit
from simulations.objectives.objective import Objective, Reading, Rows, first_bad, output_of, row_blocks
from simulations.user_data.batch import Batch

__all__ = ["IGNORED", "CrossEntropy"]

IGNORED = -100
"""The label that counts for nothing, unless another is given; torch's own."""

FEW_CLASSES = 32
"""Up to so many the logits are interpolated; of more a row keeps its loss and its margin."""

SUM_ROOM = 1e-3  # of a soft label's sum from 1: probabilities in half precision


class CrossEntropy(Objective):
    """Hard labels (n, ...) of integers, or soft labels (n, ..., k) of probabilities.

    A row is wrong where its class's logit is not strictly the largest; of a soft label the likeliest class
    counts, of equals the first.

    Args:
        class_weights: (k,), finite and >= 0, not all 0.
        label_smoothing: in [0, 1).
        ignore_index: the hard label that counts for nothing.

    Raises:
        ValueError: other weights or smoothing.
    """

    name = "cross_entropy"
    width = 8

    def __init__(
        self,
        class_weights: Sequence[float] | torch.Tensor | None = None,
        label_smoothing: float = 0.0,
        ignore_index: int = IGNORED,
    ) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1), got {label_smoothing!r}")
        self.class_weights = None if class_weights is None else _weights(class_weights)
        self.label_smoothing, self.ignore_index = float(label_smoothing), int(ignore_index)

    def is_plain(self) -> bool:
        """Without weights and smoothing."""
        return self.class_weights is None and not self.label_smoothing

    def check_labels(self, labels: torch.Tensor) -> None:
        """Refuse what is neither class indices nor probabilities."""
        if labels.dtype == torch.bool or labels.is_complex() or not labels.ndim:
            raise ValueError(
                "labels of objective 'cross_entropy' must be integers (n, ...) or probabilities "
                f"(n, ..., k), got {labels.dtype} {tuple(labels.shape)}"
            )
        if labels.is_floating_point():
            self._check_soft(labels)
            return
        labels = labels.long()  # of an unsigned type -100 would be 156
        below = (labels < 0) & (labels != self.ignore_index)
        if below.any():
            raise ValueError(
                f"labels must be >= 0 or the ignored {self.ignore_index}, but {first_bad(labels, below)}"
            )

    def check_fit(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """Refuse classes without a logit, and weights of other classes."""
        k, labels = shape[-1], batch.labels
        if self.class_weights is not None and len(self.class_weights) != k:
            raise ValueError(f"class_weights are {len(self.class_weights)}, the network returns {k} classes")
        if labels.is_floating_point():
            if labels.shape[-1] != k:
                raise ValueError(f"soft labels are of {labels.shape[-1]} classes, the network returns {k}")
            return
        beyond = (labels >= k) & (labels != self.ignore_index)
        if beyond.any():
            raise ValueError(f"{first_bad(labels, beyond)} has no logit: the network returns {k}")

    def rows(self, batch: Batch) -> Rows:
        """A row for every label that counts."""
        labels = batch.labels
        if labels.is_floating_point():
            soft = labels.double().reshape(-1, labels.shape[-1])
            return Rows(
                len(labels),
                _samples(len(labels), len(soft)),
                torch.ones(len(soft), dtype=torch.float64),
                {"label": soft.argmax(dim=1), "soft": soft},
            )
        flat = labels.reshape(-1)
        counted = flat != self.ignore_index
        sample, label = _samples(len(labels), len(flat))[counted], flat[counted]
        weights = torch.ones(len(label), dtype=torch.float64)
        if self.class_weights is not None:
            weights = self.class_weights[label.clamp(max=len(self.class_weights) - 1)]
        return Rows(len(labels), sample, weights, {"label": label})

    def read(self, output: Any, batch: Batch, pick: Output) -> Reading:
        """See `Objective.read`; a row's log-sum-exp is taken in float64, block by block."""
        logits, targets = self._rows_of(output, batch, pick), self.rows(batch).targets
        k = logits.shape[1]
        losses = torch.empty(len(logits), dtype=torch.float64)
        margins = torch.empty(len(logits), dtype=torch.float64)
        for rows in row_blocks(len(logits), k):
            piece = {name: values[rows].to(logits.device) for name, values in targets.items()}
            exact = logits[rows].to(torch.float64, copy=True)  # overwritten
            loss, margin = self._of_logits(exact, piece, dim=1)
            losses[rows], margins[rows] = loss.cpu(), margin.cpu()
        dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
        many = k > FEW_CLASSES
        values = torch.stack([losses, margins]) if many else logits.T.cpu()
        return Reading(values.to(dtype), losses, (margins <= 0).double(), direct=many)

    def _of_outputs(
        self, values: torch.Tensor, targets: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._of_logits(values, targets, dim=1)

    def tempered_losses(
        self, output: Any, batch: Batch, pick: Output, inverse_temperatures: torch.Tensor
    ) -> torch.Tensor:
        """See `Objective.tempered_losses`."""
        logits, targets = self._rows_of(output, batch, pick), self.rows(batch).targets
        sums = torch.zeros(len(inverse_temperatures), dtype=torch.float64)
        for rows in row_blocks(len(logits), logits.shape[1]):
            piece = {name: values[rows].to(logits.device) for name, values in targets.items()}
            exact = logits[rows].double()
            for i, beta in enumerate(inverse_temperatures.tolist()):
                sums[i] += float(self._of_logits(beta * exact, piece, dim=1)[0].sum())
        return sums

    def _of_logits(
        self, logits: torch.Tensor, targets: dict[str, torch.Tensor], dim: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses times their weights, and margins, of logits with the classes in `dim`; overwrites them.

        Of (R, k) they are (R,), of (g, k, R) they are (g, R).
        """
        by_row = logits.ndim == 2
        label = targets["label"]
        place = label[:, None] if by_row else label.expand(len(logits), 1, -1)
        # Shifted first: a large logit would swallow the loss.
        logits -= logits.amax(dim=dim, keepdim=True)
        own = logits.gather(dim, place).squeeze(dim)
        total = logits.exp().sum(dim=dim).log_()
        dotted, mass = self._dotted(logits, own, targets, dim)
        losses = mass * total - dotted
        logits.scatter_(dim, place, -torch.inf)
        return losses, own - logits.amax(dim=dim)

    def _dotted(
        self, logits: torch.Tensor, own: torch.Tensor, targets: dict[str, torch.Tensor], dim: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the targets a: a z and sum(a), by row."""
        k, kind, device = logits.shape[dim], logits.dtype, logits.device
        weights = self.class_weights
        smooth = self.label_smoothing
        if "soft" in targets:
            soft = (1 - smooth) * targets["soft"] + smooth / k
            soft = soft if weights is None else soft * weights.to(device)
            soft = soft.to(kind)
            # 0 times a logit of -inf is 0 here: a class that cannot be asks for nothing.
            found = torch.where(soft > 0, logits * soft, 0.0) if dim == logits.ndim - 1 else logits * soft.T
            return found.sum(dim=dim), soft.sum(dim=1)
        weight = torch.ones_like(own[..., :1]) if weights is None else weights.to(device)[targets["label"]]
        weight = weight.to(kind)
        if not smooth:
            return weight * own, weight
        spread = torch.ones(k, dtype=torch.float64) if weights is None else weights
        spread = (smooth / k * spread).to(device, kind)
        shape = (1, k) if dim == logits.ndim - 1 else (1, k, 1)
        dotted = (1 - smooth) * weight * own + (logits * spread.view(shape)).sum(dim=dim)
        return dotted, (1 - smooth) * weight + spread.sum()

    def _rows_of(self, output: Any, batch: Batch, pick: Output) -> torch.Tensor:
        """Logits (R, k) of the rows that count."""
        logits, labels = output_of(output, pick, self.name), batch.labels
        refuse_one_logit(logits, len(batch))
        soft = labels.is_floating_point()
        wanted = labels.shape[:-1] if soft else labels.shape
        if logits.shape[:-1] != wanted or (soft and logits.shape[-1] != labels.shape[-1]):
            raise ValueError(
                f"labels {tuple(labels.shape)} need logits "
                f"{tuple(labels.shape) if soft else (*wanted, 'k')} with the classes last, "
                f"the network returned {tuple(logits.shape)}"
            )
        if logits.shape[-1] < 2:
            raise ValueError("cross-entropy over one class is always 0: objective='binary' takes one logit")
        self.check_fit(batch, tuple(logits.shape[1:]))
        flat = logits.reshape(-1, logits.shape[-1])
        if soft:
            return flat
        counted = labels.reshape(-1) != self.ignore_index
        return flat if bool(counted.all()) else flat[counted.to(flat.device)]

    def _check_soft(self, labels: torch.Tensor) -> None:
        if labels.ndim < 2:
            raise ValueError(
                f"labels must be integers (n,), got {labels.dtype} {tuple(labels.shape)}: pass a batch_hook, "
                "or objective='squared_error' for regression"
            )
        bad = ~(labels >= 0)
        if bad.any():
            raise ValueError(f"soft labels must be probabilities, but {first_bad(labels, bad)}")
        off = (labels.double().sum(dim=-1) - 1).abs() > SUM_ROOM
        if off.any():
            raise ValueError(f"soft labels must sum to 1 over the classes, but {first_bad(labels, off)}")


def _samples(n: int, rows: int) -> torch.Tensor:
    return torch.arange(n).repeat_interleave(rows // n if n else 0)


def _weights(given: Sequence[float] | torch.Tensor) -> torch.Tensor:
    weights = torch.as_tensor(given).double().cpu()
    if weights.ndim != 1 or not len(weights):
        raise ValueError(f"class_weights must be (k,), got shape {tuple(weights.shape)}")
    bad = torch.nonzero(~((weights >= 0) & torch.isfinite(weights)))
    if len(bad):
        i = int(bad[0])
        raise ValueError(f"class_weights must be finite and >= 0, but class_weights[{i}] = {weights[i]:g}")
    if not weights.any():
        raise ValueError("class_weights must not all be 0: no label would count")
    return weights
