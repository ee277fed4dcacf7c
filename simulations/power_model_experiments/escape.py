"""When the last class's weight escapes from the bias after all: found beside T11's gap and its flag."""

from __future__ import annotations

import numpy as np

from mli_theory import DomainError, escape_gap, plateau_law
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import ends, plateau_length, signal_one, solve
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

GROUPS = {
    "quick": tuple(Group(k, 3, (1e-1, 3e-2, 1e-2), (1e-12,)) for k in (2, 4, 10)),
    "full": (
        *(Group(k, 3, (1e-1, 3e-2, 1e-2, 3e-3), (1e-12,)) for k in (2, 3, 4, 6, 10)),
        *(Group(k, 4, (3e-1, 2e-1, 1e-1), (1e-12,)) for k in (2, 4, 10)),
    ),
}

VARIABLES = {
    "escaped": "1 where W^r of the class smallest at the start passes 1 before the final loss",
    "gap_at_escape": "largest bias less the second largest at that moment, nats (nan: no escape)",
    "loss_at_escape": "training loss at that moment",
    "gap_predicted": "T11's escape gap from the initial weights, nats",
    "law_gap": "gap of T11's law (a) at the final loss, nats",
    "escape_predicted": "1 where the law's gap is beyond the predicted escape gap",
    "final_gap": "largest bias less the second largest at the final loss, nats",
    "final_beta": "beta_min at the final loss",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale."""
    k, r = group.n_classes, group.degree
    start = initial_weights(group, seed)
    final_loss = group.final_losses[0]
    flow = solve(start, r, final_loss)
    weights, bias, loss = (flow[name].to_numpy() for name in ("weights", "bias", "loss"))
    last_weights, last_bias = ends(flow)
    try:
        law_gap = float(plateau_law(k, r, final_loss).bias_gap)
    except DomainError:
        law_gap = np.nan
    rows: list[Values] = []
    for run, first in enumerate(start):
        last = int(np.argmin(np.diag(first)))
        gaps = _leads(bias[run])
        log_loss, gap = signal_one(
            weights[run, :, last, last], r, np.stack([np.log(loss[run]), gaps], axis=1)
        )
        predicted = escape_gap(np.diag(first), r)
        rows.append(
            {
                "escaped": bool(np.isfinite(gap)),
                "gap_at_escape": gap,
                "loss_at_escape": np.exp(log_loss),
                "gap_predicted": predicted,
                "law_gap": law_gap,
                "escape_predicted": law_gap > predicted,
                "final_gap": gaps[-1],
                "final_beta": plateau_length(last_weights[run], last_bias[run], r)[0],
            }
        )
    return rows


def _leads(bias: np.ndarray) -> np.ndarray:
    """Largest less second largest bias of each record."""
    top = np.sort(bias, axis=-1)
    return np.asarray(top[..., -1] - top[..., -2])
