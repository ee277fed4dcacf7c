"""The objective that the user's words mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from simulations.objectives.binary import Binary
from simulations.objectives.cross_entropy import IGNORED, CrossEntropy
from simulations.objectives.objective import Objective
from simulations.objectives.own_loss import OwnLoss
from simulations.objectives.squared_error import SquaredError
from simulations.runtime.names_in_words import first_of
from simulations.user_data.batch import Batch

__all__ = ["OBJECTIVES", "ObjectiveName", "chosen_objective"]

OBJECTIVES = ("cross_entropy", "binary", "squared_error")
ObjectiveName = str | Callable[[Any, Batch], Any]


def chosen_objective(
    objective: ObjectiveName,
    *,
    class_weights: Sequence[float] | torch.Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = IGNORED,
    target: str = "labels",
) -> Objective:
    """Arguments as of `simulations.curves.interpolation_curves`.

    Raises:
        ValueError: an unknown name; an option of another objective; a value out of its range.
    """
    name = "a callable" if callable(objective) else repr(objective)
    if not callable(objective) and objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, or a callable, got {name}")
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int):
        raise ValueError(f"ignore_index must be an integer, got {ignore_index!r}")
    for option, given, owners in (
        ("class_weights", class_weights is not None, OBJECTIVES[:1]),
        ("label_smoothing", label_smoothing != 0, OBJECTIVES[:1]),
        ("ignore_index", ignore_index != IGNORED, OBJECTIVES[:2]),
        ("target", target != "labels", OBJECTIVES[2:]),
    ):
        if given and objective not in owners:
            raise ValueError(
                f"{option} is of objective {first_of(owners, between=' and ')}, not of {name}: leave it out"
            )
    if callable(objective):
        return OwnLoss(objective)
    if objective == "cross_entropy":
        return CrossEntropy(class_weights, label_smoothing, ignore_index)
    return Binary(ignore_index) if objective == "binary" else SquaredError(target)
