"""Order of weights, biases and losses along the flow (T10, T10c), also beyond diagonal starts."""

from __future__ import annotations

import numpy as np

from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import sample_losses, solve
from simulations.power_model_experiments.starts import initial_weights

__all__ = ["GROUPS", "VARIABLES", "measure"]

STARTS = ("diagonal", "positive", "near tie 1e-3", "near tie 1e-6")

GROUPS = {
    "quick": tuple(
        Group(k, r, (1e-1, 1e-2), (1e-4,), s) for k, r in ((2, 3), (4, 2), (4, 3), (4, 4)) for s in STARTS
    ),
    "full": tuple(
        Group(k, r, (3e-1, 1e-1, 1e-2, 1e-3), (1e-8,), s)
        for k in (2, 3, 4, 10)
        for r in (2, 3, 4, 5)
        for s in STARTS
    ),
}

VARIABLES = {
    "weight_order_worst": "least W_ii - W_jj over records after the start, "
    "i just before j by initial weight; < 0 is a violation",
    "bias_order_worst": "least b_j - b_i, likewise, in nats",
    "loss_order_worst": "least l_j - l_i, likewise, in nats",
    "logit_order_worst": "least (b_i + W_ii^r) - (b_j + W_jj^r), likewise, in nats",
    "bias_violations": "records after the start in which some b_j - b_i < 0",
    "loss_violations": "records after the start in which some l_j - l_i < 0",
    "records": "records after the start",
    "bias_order_final": "least b_j - b_i at the final loss, in nats",
    "loss_order_final": "least l_j - l_i at the final loss, in nats",
    "initial_separation": "least (W_ii - W_jj) / W_ii at the start",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale: by how much each order holds, at the worst record and at the end."""
    start = initial_weights(group, seed)
    flow = solve(start, group.degree, group.final_losses[0])
    rows: list[Values] = []
    for run, first in enumerate(start):
        order = np.argsort(-np.diag(first))
        last = int(flow["n_records"][run])
        weights, bias = (flow[name].to_numpy()[run, 1:last] for name in ("weights", "bias"))
        diagonal = np.diagonal(weights, axis1=1, axis2=2)
        losses = sample_losses(weights, bias, group.degree)

        def steps(values: np.ndarray, order: np.ndarray = order) -> np.ndarray:
            return np.asarray(np.diff(values[:, order], axis=1).min(axis=1))

        biases, loss = steps(bias), steps(losses)
        initial = np.diag(first)[order]
        rows.append(
            {
                "weight_order_worst": steps(-diagonal).min(),
                "bias_order_worst": biases.min(),
                "loss_order_worst": loss.min(),
                "logit_order_worst": steps(-(bias + diagonal**group.degree)).min(),
                "bias_violations": (biases < 0).sum(),
                "loss_violations": (loss < 0).sum(),
                "records": len(biases),
                "bias_order_final": biases[-1],
                "loss_order_final": loss[-1],
                "initial_separation": (-np.diff(initial) / initial[:-1]).min(),
            }
        )
    return rows
