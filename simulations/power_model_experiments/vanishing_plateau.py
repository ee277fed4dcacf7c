"""The plateau at fixed initial weights as the loss goes to 0, beside T11's bounds (T11')."""

from __future__ import annotations

import numpy as np

from mli_theory import bias_gap_bounds
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import plateau_length, solve_in_turn
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

_LOSSES = (1e-2, 1e-4, 1e-8, 1e-12, 1e-16, 1e-32, 1e-64, 1e-128)

GROUPS = {
    "quick": tuple(Group(k, 3, (1e-1,), _LOSSES, s) for k in (2, 4) for s in ("diagonal", "positive")),
    "full": tuple(
        Group(k, r, scales, _LOSSES, s)
        for k in (2, 4, 10)
        for r, scales in ((3, (3e-1, 1e-1, 3e-2)), (4, (3e-1, 1e-1)))
        for s in ("diagonal", "positive")
    ),
}

VARIABLES = {
    "plateau_end": "alpha_2 at the final loss",
    "plateau_end_bound": "T11's upper bound of it, from the initial weights and the loss alone",
    "beta": "beta_min at the final loss",
    "largest_gap": "largest less least bias, nats",
    "gap_bound": "T11's upper bound of it, nats",
    "bias_room": "least Phi_ii(0) - b_i over classes, nats: > 0 by T11'",
    "margin_room": "least label margin less T10b's lower bound, nats: >= 0",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale and loss; alpha_2 is compared only where k eps < log 2."""
    r = group.degree
    start = initial_weights(group, seed)
    reached = solve_in_turn(start, r, group.final_losses)
    rows: list[Values] = []
    for run, first in enumerate(start):
        for loss, (weights, bias) in zip(group.final_losses, reached, strict=True):
            w, b = weights[run], bias[run]
            bounds = bias_gap_bounds(first, r, loss)
            beta, alpha = plateau_length(w, b, r)
            logits = w**r + b[:, None]
            margins = np.diag(logits)[None, :] - logits
            np.fill_diagonal(margins, np.inf)
            rows.append(
                {
                    "plateau_end": alpha,
                    "plateau_end_bound": bounds.plateau_end,
                    "beta": beta,
                    "largest_gap": np.ptp(b),
                    "gap_bound": bounds.gap,
                    "bias_room": (bounds.bias - b).min(),
                    "margin_room": margins.min() - bounds.margin,
                }
            )
    return rows
