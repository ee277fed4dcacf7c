"""A few samples seen before any work: refused is what no curve could be made of, told what a batch shares."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch

from simulations.line.forward_pass import ForwardError
from simulations.line.moved_network import Line
from simulations.models.one_logit import refuse_one_logit
from simulations.models.repeated_passes import LOOKED_AT, refuse_random
from simulations.objectives.all_labels import check_all_labels
from simulations.objectives.objective import Objective
from simulations.user_data.data_passes import Batch, Batches
from simulations.user_data.joined_batches import joined

__all__ = ["SHARED_IN_BATCH", "first_samples", "look_along", "look_at_end", "rows_depend_on_batch"]

SHARED_IN_BATCH = "a sample's logits depend on the other samples of its batch"

_SAME, _SAME_IN_HALF = 1e-3, 0.05  # of the largest logit, what a sample alone may differ by: rounding

Run = Callable[[Batch], torch.Tensor]


def look_at_end(
    line: Line, splits: Mapping[str, Batches], objective: Objective | None = None
) -> dict[str, tuple[float, int]]:
    """Refuse data that are drawn anew in each pass, one logit, and a network that draws; see what rows share.

    The first few samples of every split are read; of the first split they pass twice, and once
    more in halves (of several tensors a batch passes twice). Sets `Line.depends_on_batch`. Of an
    objective the labels of all splits are then read.

    Args:
        line: at its end.
        splits: the data, by split.
        objective: None means cross-entropy of (n, k).

    Returns:
        The totals of the objective's rows, by split; empty without an objective.

    Raises:
        ValueError: naming which; as the objective, for labels that do not fit the network's outputs.

    Warns:
        UserWarning: samples depend on their batch, though no layer of torch's says so.
    """
    first, *others = splits.values()
    samples = first.few()
    for batches in others:
        batches.few()
    if line.buffers.measured and line.calibration is not None:
        line.calibration.few()
    _look(line, objective, samples, 1.0)
    with line.in_precision():
        if not line.depends_on_batch:  # by its layers
            _look_at_rows(line, objective, first_samples(first))
        if objective is None:
            return {}
        output, _ = line.returned_at_end(samples)
        return check_all_labels(objective, output, line.output, splits)


def look_along(line: Line, splits: Mapping[str, Batches], objective: Objective | None = None) -> None:
    """The same samples at the other alphas of `LOOKED_AT`, on the line's path: a network that draws there.

    Args:
        line: on its path.
        splits: the data, by split.
        objective: None means cross-entropy of (n, k).

    Raises:
        ValueError: naming the alpha.
    """
    samples = next(iter(splits.values())).few()
    for alpha in LOOKED_AT:
        if alpha != 1:
            _look(line, objective, samples, alpha)


def first_samples(batches: Batches) -> Batch:
    """As `Batches.few`; where the first batch is one sample, with that of the next where there is one."""
    few = batches.few()
    if len(few) > 1 or not few.is_one_tensor():
        return few
    found: list[Batch] = []
    for batch in batches:
        found.append(batch.take(torch.arange(1)))
        if len(found) == 2:
            return joined(found) or few
    return few


def rows_depend_on_batch(run: Run, batch: Batch, *, exact: bool = True) -> bool:
    """Whether either half of a batch's samples has other logits alone than among all of them.

    Args:
        run: logits (m, k) of a batch; called three times.
        batch: whose only argument is one tensor; of one sample nothing can be told.
        exact: in the network's own precision.
    """
    n = len(batch)
    if n < 2:
        return False
    among = run(batch)
    try:
        # Both: one sample's doing (the largest value) stays with that sample's half.
        alone = torch.cat([run(batch.take(rows)) for rows in torch.arange(n).tensor_split(2)])
    except ForwardError:  # of shapes that no longer fit
        return True
    if alone.shape != among.shape:
        return True
    if not among.numel():  # of an objective none of whose rows count
        return False
    full = exact and among.dtype in (torch.float32, torch.float64)
    room = (_SAME if full else _SAME_IN_HALF) * float(
        among.double().nan_to_num(posinf=0, neginf=0).abs().max()
    )
    return not torch.allclose(alone.double(), among.double(), rtol=0.0, atol=room, equal_nan=True)


def _look(line: Line, objective: Objective | None, samples: Batch, alpha: float) -> None:
    with line.in_precision():
        refuse_random(lambda: _outputs(line, objective, samples, alpha), alpha, line.precision)


def _look_at_rows(line: Line, objective: Objective | None, samples: Batch) -> None:
    if not samples.is_one_tensor():
        return
    if rows_depend_on_batch(
        lambda batch: _outputs(line, objective, batch, 1.0), samples, exact=line.precision == "native"
    ):
        line.depends_on_batch = True
        warnings.warn(
            f"{SHARED_IN_BATCH}: whole batches are evaluated, as given, and the curve is theirs; "
            "let the network normalise each sample alone, or by running statistics, if that is not meant",
            UserWarning,
            stacklevel=7,
        )


def _outputs(line: Line, objective: Objective | None, samples: Batch, alpha: float) -> torch.Tensor:
    """Logits (m, k), or of an objective the smooth numbers (R, f) of the samples' rows."""
    if objective is None:
        found = line.end_with({}, samples) if alpha == 1 else line.unchecked(alpha, samples)
        refuse_one_logit(found, len(samples))
        return found
    if alpha == 1:
        output, placed = line.returned_at_end(samples)
    else:
        output, placed = line.returned_unchecked(alpha, samples)
    return objective.read(output, placed, line.output).values.T
