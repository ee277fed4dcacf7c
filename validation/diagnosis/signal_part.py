"""What a diagnosis knows of a network's signal: roles, degree and gain law; or why it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from simulations.line.moved_network import NotFiniteError
from simulations.models.last_layer import Output
from simulations.models.roles import Roles
from simulations.prediction.gain_prediction import GainPrediction, endpoints_law
from simulations.prediction.signal_gain import SignalLine, UndefinedSignalError

__all__ = ["SignalPart", "signal_part"]

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class SignalPart:
    """What needs the split of the logits into signal and last bias.

    Attributes:
        roles: which parameters are biases, which layer is last.
        line: the signal along the line; None where there is none.
        law: the line predicted from its ends; None likewise.
        homogeneity: effective degree from a zero start; nan likewise.
        undefined: why there is none, "" where there is.
    """

    roles: Roles
    line: SignalLine | None
    law: GainPrediction | None
    homogeneity: float
    undefined: str = ""

    @property
    def degree(self) -> int:
        """The whole number next to the homogeneity, at least 1; 0 where that is undefined."""
        return 0 if self.line is None else max(1, round(self.homogeneity))


def signal_part(
    model: nn.Module,
    start: State,
    end: State,
    data: Any,
    *,
    alphas: int,
    n_probe: int,
    seed: int,
    buffers: str,
    biases: Sequence[str] | None,
    last_layer: str | None,
    output: Output,
) -> SignalPart:
    """Arguments as of `validation.diagnosis.diagnose`; buffers: "keep" or "refuse"."""
    try:
        line = SignalLine(
            model,
            start,
            end,
            data,
            n_probe=n_probe,
            seed=seed,
            buffers=buffers,
            biases=biases,
            last_layer=last_layer,
            output=output,
        )
    except UndefinedSignalError as error:
        return SignalPart(error.roles, None, None, float("nan"), str(error))
    undefined = "the gradient of the trained signal is not finite"
    try:
        law = endpoints_law(line, alphas)
        homogeneity = line.homogeneity()
    except NotFiniteError as error:
        undefined, homogeneity = str(error), float("nan")
    if not np.isfinite(homogeneity):
        return SignalPart(line.roles, None, None, float("nan"), undefined)
    return SignalPart(line.roles, line, law, homogeneity)
