"""The initial scale at which the plateau is half way between T11's laws, found and predicted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from mli_theory import DomainError, crossover_law, plateau_law
from simulations.gradient_flow import integrate
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import ends, plateau_length
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

_SMALLEST, _LARGEST = 1e-6, 0.3
_FREE = 0.8  # of the escape gap: beyond, the last class's own signal is felt and the law is not meant

# The scale is what is sought: a group's own is 1.
GROUPS = {
    "quick": tuple(
        Group(k, r, (1.0,), (1e-4, 1e-6, 1e-8), start)
        for k, r in ((4, 3), (10, 3), (4, 4), (4, 5))
        for start in ("diagonal", "positive")
    ),
    "full": tuple(
        Group(k, r, (1.0,), (1e-3, 1e-4, 1e-6, 1e-8, 1e-10), start)
        for r in (3, 4, 5)
        for k in (3, 4, 6, 10)
        for start in ("diagonal", "positive")
    ),
}

VARIABLES = {
    "scale_found": "initial scale at which beta is the mean of laws (a) and (b), next order (nan: none "
    "between 1e-6 and 0.3 before the gap is 0.8 of the escape gap by the crossover law)",
    "scale_predicted": "that of the crossover law",
    "beta_half": "the mean of the two laws",
    "beta_error": "the flow's beta at scale_predicted less beta_half",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a loss."""
    return [_half_way(group, seed, loss) for loss in group.final_losses]


def _half_way(group: Group, seed: int, final_loss: float) -> dict[str, object]:
    k, r = group.n_classes, group.degree
    unit = initial_weights(group, seed)[0]
    laws = [
        plateau_law(k, r, final_loss, regime, next_order=True) for regime in ("small_scale", "small_loss")
    ]
    half = float(np.mean([law.beta for law in laws]))

    def flow(log_scale: float) -> float:
        end = integrate(np.exp(log_scale) * unit[None], r, final_loss, record=2)
        (weights,), (bias,) = ends(end)
        return plateau_length(weights, bias, r)[0] - half

    predicted = _root(lambda s: crossover_law(np.exp(s) * np.diag(unit), r, final_loss).beta - half)
    if predicted is None:
        return {"beta_half": half}
    law = crossover_law(np.exp(predicted) * np.diag(unit), r, final_loss)
    if law.bias_gap > _FREE * law.escape_gap:
        return {"beta_half": half}
    error = flow(predicted)
    # On one side alone: a larger scale may have escaped.
    low, high = (predicted - np.log(3.0), predicted) if error > 0 else (predicted, predicted + np.log(3.0))
    found = _root(flow, low, high)
    return {
        "scale_found": np.nan if found is None else np.exp(found),
        "scale_predicted": np.exp(predicted),
        "beta_half": half,
        "beta_error": error,
    }


def _root(
    excess: Callable[[float], float], low: float = np.log(_SMALLEST), high: float = np.log(_LARGEST)
) -> float | None:
    """The log scale at which the excess is 0, None where it is of one sign or the law has no gap yet."""
    try:
        if not excess(low) < 0 < excess(high):
            return None
    except DomainError:
        return None
    return float(brentq(excess, low, high, xtol=1e-4))
