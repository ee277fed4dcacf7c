"""Learning times beside T9's, over degree and initial scale: where its regime ends."""

from __future__ import annotations

import numpy as np

from mli_theory import escape_schedule
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import learning_times, schedule_errors, solve
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

# One loss: every class but the last is learned well before it.
_LOSS = (1e-2,)
_SCALES = (0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01)

GROUPS = {
    "quick": (
        *(Group(k, 3, (*_SCALES, 5e-3, 3e-3, 1e-3), _LOSS) for k in (2, 4, 10)),
        *(Group(4, r, _SCALES, _LOSS) for r in (4, 5, 6)),
        Group(4, 3, (1e-1, 1e-2, 1e-3), _LOSS, "diagonal"),
    ),
    "full": (
        *(Group(k, 3, (*_SCALES, 5e-3, 3e-3, 2e-3, 1e-3, 1e-4), _LOSS) for k in (2, 3, 4, 6, 10, 20)),
        *(Group(k, r, (*_SCALES, 1e-3), _LOSS) for k in (2, 4, 10) for r in (4, 5, 6, 8)),
        *(Group(4, r, _SCALES, _LOSS, "diagonal") for r in (3, 4, 5)),
    ),
}

VARIABLES = {
    "time_found": "time at which W_jj^r passes 1 (nan where it never does), by class",
    "time_predicted": "T9's time (nan for the class fitted by the bias), by class",
    "relative_error": "found / predicted - 1, by class",
    "worst_error": "largest |found / predicted - 1| over the classes T9 gives a time",
    "first_error": "found / predicted - 1 of the class learned first",
    "order_kept": "1 where the classes are learned in the order predicted, else 0",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale; a class not learned by its weight although T9 says so counts as an infinite error."""
    start = initial_weights(group, seed)
    flow = solve(start, group.degree, group.final_losses[0])
    time, weights = flow["time"].to_numpy(), flow["weights"].to_numpy()
    rows: list[Values] = []
    for run, first in enumerate(start):
        predicted = escape_schedule(np.diag(first), group.degree)
        found = learning_times(weights[run], group.degree, time[run])
        timed = np.isfinite(predicted)
        error = schedule_errors(found, predicted)
        rows.append(
            {
                "time_found": found,
                "time_predicted": np.where(timed, predicted, np.nan),
                "relative_error": error,
                "worst_error": np.abs(error[timed]).max(),
                "first_error": error[np.argmin(predicted)],
                "order_kept": bool((np.diff(found[np.argsort(predicted)][:-1]) > 0).all()),
            }
        )
    return rows
