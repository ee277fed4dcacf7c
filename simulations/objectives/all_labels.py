"""All labels of the data, read before any work: those that fit nothing, or count for nothing, are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulations.models.last_layer import Output, logits_of
from simulations.objectives.objective import Objective
from simulations.objectives.own_loss import OwnLoss
from simulations.user_data.data_passes import Batches

__all__ = ["check_all_labels"]


def check_all_labels(
    objective: Objective, output: Any, pick: Output, splits: Mapping[str, Batches]
) -> dict[str, tuple[float, int]]:
    """Read the labels of every split once.

    Args:
        objective: they are checked by.
        output: the network's on a few samples, whose shape they must fit.
        pick: of the output.
        splits: by name.

    Returns:
        The sum of the rows' weights, and the number of rows, of every split.

    Raises:
        ValueError: a label that does not fit; a split of which no row counts.
    """
    shape = () if isinstance(objective, OwnLoss) else tuple(logits_of(output, pick).shape[1:])
    found = {}
    for name, batches in splits.items():
        weight, rows = 0.0, 0
        for batch in batches:
            objective.check_fit(batch, shape)
            of_batch = objective.rows(batch)
            weight, rows = weight + float(of_batch.weight.sum()), rows + len(of_batch)
        if not weight > 0:
            of = f" of the split {name!r}" if name else ""
            why = "every label is the ignored one" if not rows else "the classes of all labels have weight 0"
            raise ValueError(f"no label{of} counts: {why}")
        found[name] = weight, rows
    return found
