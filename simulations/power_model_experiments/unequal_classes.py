"""Classes of unequal size: which one takes the largest bias, and T9's schedule for them."""

from __future__ import annotations

import numpy as np

from mli_theory import escape_schedule
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import ends, learning_times, schedule_errors, solve
from simulations.power_model_experiments.starts import initial_weights
from simulations.runtime.random_streams import numpy_stream

__all__ = ["GROUPS", "VARIABLES", "measure"]

GROUPS = {
    "quick": tuple(Group(k, 3, (1e-2, 1e-3), (1e-4,)) for k in (2, 3, 4)),
    "full": (
        *(Group(k, 3, (1e-1, 1e-2, 1e-3), (1e-4,)) for k in (2, 3, 4, 6, 10)),
        *(Group(k, 4, (1e-1, 1e-2), (1e-4,)) for k in (2, 4)),
    ),
}

VARIABLES = {
    "class_share": "share of each class, by class: uniform on (1/2, 2), then normalised",
    "final_bias": "bias at the final loss, nats, by class",
    "largest_bias_class": "the class of the largest bias at the final loss",
    "predicted_last": "the class T9 has the bias fit",
    "smallest_class": "the class of the smallest share",
    "smallest_weight_class": "the class of the smallest initial diagonal weight",
    "largest_bias_is_predicted": "1 where the largest bias is that of predicted_last",
    "largest_bias_is_smallest_class": "1 where it is that of smallest_class",
    "escaped": "1 where W^r of predicted_last has passed 1 before the final loss",
    "worst_error": "largest |found / predicted - 1| of the learning times T9 gives",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale; one draw of shares a seed."""
    k, r = group.n_classes, group.degree
    shares = numpy_stream(seed, f"shares of {k} classes").uniform(0.5, 2.0, k)
    shares /= shares.sum()
    start = initial_weights(group, seed)
    flow = solve(start, r, group.final_losses[0], class_shares=shares)
    time, weights = flow["time"].to_numpy(), flow["weights"].to_numpy()
    _, biases = ends(flow)
    rows: list[Values] = []
    for run, first in enumerate(start):
        predicted = escape_schedule(np.diag(first), r, shares)
        found = learning_times(weights[run], r, time[run])
        last, held = int(np.argmax(predicted)), int(np.argmax(biases[run]))
        rows.append(
            {
                "class_share": shares,
                "final_bias": biases[run],
                "largest_bias_class": held,
                "predicted_last": last,
                "smallest_class": np.argmin(shares),
                "smallest_weight_class": np.argmin(np.diag(first)),
                "largest_bias_is_predicted": held == last,
                "largest_bias_is_smallest_class": held == int(np.argmin(shares)),
                "escaped": bool(np.isfinite(found[last])),
                "worst_error": np.nanmax(np.abs(schedule_errors(found, predicted))),
            }
        )
    return rows
