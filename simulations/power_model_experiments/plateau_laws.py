"""The plateau at the final loss beside T11's two laws, and the way from one to the other."""

from __future__ import annotations

import numpy as np

from mli_theory import DomainError, escape_gap, plateau_law
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import plateau_length, solve_in_turn
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

_LOSSES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-12)

GROUPS = {
    "quick": tuple(
        Group(k, r, scales, _LOSSES)
        for k, r, scales in (
            (2, 3, (1e-2, 1e-3)),
            (4, 3, (1e-2, 1e-3, 1e-4)),
            (10, 3, (1e-2, 1e-3, 1e-4, 1e-5)),
            (4, 4, (1e-1, 1e-2)),
            (4, 5, (1e-1, 1e-2)),
        )
    ),
    "full": tuple(
        Group(k, r, scales, (*_LOSSES[:3], 1e-7, 1e-8, 1e-10, 1e-12))
        for r, scales in (
            (3, (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)),
            (4, (1e-1, 3e-2, 1e-2, 1e-3)),
            (5, (1e-1, 3e-2, 1e-2)),
        )
        for k in (2, 3, 4, 6, 10)
    ),
}

VARIABLES = {
    "beta": "beta_min at the final loss, from the trained weights and biases",
    "plateau_end": "alpha_2 = beta_min^(1/(r-1)) (1 where the prediction never changes)",
    "law_a": "beta of law (a), scale -> 0 first",
    "law_a_next": "the same, next order",
    "law_b": "beta of law (b), loss -> 0 first",
    "law_b_next": "the same, next order",
    "gap": "largest bias less the second largest, nats",
    "gap_spread": "largest less least of the gaps of the other classes below the largest bias, nats",
    "last_signal": "W_ii^r of the class of the largest bias",
    "escaped": "1 where that signal has passed 1: the laws do not hold any more",
    "escape_gap": "gap near which T11 expects that, nats",
    "between": "1 where beta lies between the laws, leading order (for k = 2 they are one)",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale and loss."""
    k, r = group.n_classes, group.degree
    start = initial_weights(group, seed)
    reached = solve_in_turn(start, r, group.final_losses)
    laws = [_laws(k, r, loss) for loss in group.final_losses]
    rows: list[Values] = []
    for run, first in enumerate(start):
        for (weights, bias), law in zip(reached, laws, strict=True):
            w, b = weights[run], bias[run]
            beta, alpha = plateau_length(w, b, r)
            held = int(np.argmax(b))
            gaps = np.delete(b[held] - b, held)
            low, high = (law.get("law_a", np.nan), law.get("law_b", np.nan))
            rows.append(
                {
                    "beta": beta,
                    "plateau_end": alpha,
                    "gap": gaps.min(),
                    "gap_spread": np.ptp(gaps),
                    "last_signal": w[held, held] ** r,
                    "escaped": w[held, held] >= 1.0,
                    "escape_gap": escape_gap(np.diag(first), r),
                    "between": low <= beta <= high,
                    **law,
                }
            )
    return rows


def _laws(k: int, r: int, final_loss: float) -> dict[str, float]:
    """The laws' betas; none where the loss is too large for them."""
    laws = {}
    for letter, regime in (("a", "small_scale"), ("b", "small_loss")):
        for name, next_order in (("", False), ("_next", True)):
            try:
                law = plateau_law(k, r, final_loss, regime, next_order=next_order)
            except DomainError:
                continue
            laws[f"law_{letter}{name}"] = float(law.beta)
    return laws
