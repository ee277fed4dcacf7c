"""R = 2: learning times differ by amounts that do not depend on the initial scale (T12)."""

from __future__ import annotations

import numpy as np

from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import ends, learning_times, plateau_length, solve
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

_SCALES = (1e-1, 1e-2, 1e-3, 1e-4)

GROUPS = {
    "quick": tuple(Group(k, 2, _SCALES, (1e-4,)) for k in (2, 4, 10)),
    "full": tuple(Group(k, 2, (*_SCALES, 1e-6, 1e-8), (1e-8,)) for k in (2, 3, 4, 10, 20)),
}

VARIABLES = {
    "time_found": "time at which W_jj^2 passes 1, by class (nan: never)",
    "first_time": "the first of these",
    "first_time_predicted": "k^2 log(1/W) / (2 (k-1)) for the largest initial diagonal weight W",
    "differences": "learning times less the first one, ascending, by class",
    "learned_by_weight": "number of classes whose W_jj^2 has passed 1 at the final loss",
    "gap": "largest bias less the second largest at the final loss, nats",
    "plateau_end": "alpha_2 at the final loss",
    "last_has_largest_bias": "1 where the class learned last has the largest bias",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale."""
    k = group.n_classes
    start = initial_weights(group, seed)
    flow = solve(start, 2, group.final_losses[0])
    time, weights = flow["time"].to_numpy(), flow["weights"].to_numpy()
    end_weights, end_bias = ends(flow)
    rows: list[Values] = []
    for run, first in enumerate(start):
        found = learning_times(weights[run], 2, time[run])
        held, last = np.argmax(end_bias[run]), np.argmax(np.nan_to_num(found, nan=np.inf))
        bias = np.sort(end_bias[run])
        rows.append(
            {
                "time_found": found,
                "first_time": np.nanmin(found),
                "first_time_predicted": k**2 * np.log(1 / np.diag(first).max()) / (2 * (k - 1)),
                "differences": np.sort(found) - np.nanmin(found),
                "learned_by_weight": np.isfinite(found).sum(),
                "gap": bias[-1] - bias[-2],
                "plateau_end": plateau_length(end_weights[run], end_bias[run], 2)[1],
                "last_has_largest_bias": held == last,
            }
        )
    return rows
