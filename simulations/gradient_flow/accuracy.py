"""What a finished flow says about itself: drift of T8's laws, T11's escape predicted and found."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mli_theory import escape_gap, plateau_law
from mli_theory.domain import DomainError
from mli_theory.power_model.flow_equations import conserved_quantities
from simulations.gradient_flow.problem import Problem

__all__ = ["end_difference", "with_drift", "with_escape"]

Array = NDArray[np.float64]


def with_drift(flow: xr.Dataset, train_bias: bool) -> xr.Dataset:
    """The flow with the largest drift of each law over records and classes, in nats, per seed.

    drift_rows: b_i - sum_j phi(W_ij), nan where the biases are held or a weight is 0; drift_columns:
    sum_i phi(W_ij), nan where a weight is 0; drift_bias_sum: sum_i b_i. drift_rounding is 2^-52 times
    the largest sum of |phi|: a drift of a few of it is not to be told from 0. The solver integrates phi, so
    rows and columns check its linear algebra and the conversion to weights; accuracy is `end_error`.
    """
    weights, bias = flow["weights"].to_numpy(), flow["bias"].to_numpy()
    degree = int(flow.attrs["degree"])
    total = bias.sum(axis=-1)
    rows, columns, rounding = (np.full(len(weights), np.nan) for _ in range(3))
    for seed, (w, b) in enumerate(zip(weights, bias, strict=True)):
        if (w == 0).any():
            continue
        row, column = conserved_quantities(w, b, degree)
        size = np.abs(0.5 * np.log(np.abs(w)) if degree == 2 else np.abs(w) ** (2.0 - degree))
        scale = 1.0 if degree == 2 else degree * (degree - 2.0)
        rows[seed] = np.abs(row - row[0]).max() if train_bias else np.nan
        columns[seed] = np.abs(column - column[0]).max()
        rounding[seed] = 2.0**-52 * max(size.sum(axis=-1).max(), size.sum(axis=-2).max()) / scale
    return flow.assign(
        drift_rows=("seed", rows),
        drift_columns=("seed", columns),
        drift_bias_sum=("seed", np.abs(total - total[:, :1]).max(axis=1)),
        drift_rounding=("seed", rounding),
    )


def with_escape(flow: xr.Dataset, problem: Problem, final_loss: float, train_bias: bool) -> xr.Dataset:
    """The flow with T11's escape per seed.

    escaped: at the end every class has W_jj^r >= 1, none is held by its bias. escape_gap: the gap near
    which T11 expects that (nan outside its hypotheses: r >= 3, positive diagonal, equal shares, zero
    initial biases, trained). escape_predicted: the gap of T11's law (a) at final_loss is beyond it.
    """
    k, m = problem.weights.shape[-1], len(problem.weights)
    diagonal = np.einsum("mjj->mj", problem.weights)
    signal = np.einsum("mjj->mj", flow["weights"].to_numpy()[:, -1]) ** problem.degree
    gaps, predicted = np.full(m, np.nan), np.zeros(m, dtype=bool)
    applies = problem.degree >= 3 and train_bias and np.ptp(problem.shares) == 0 and not problem.bias.any()
    if applies:
        for seed in np.flatnonzero((diagonal > 0).all(axis=1)):
            gaps[seed] = escape_gap(diagonal[seed], problem.degree)
        try:
            law_gap = float(plateau_law(k, problem.degree, final_loss).bias_gap)
        except DomainError:  # a loss too large for the law's regime is too large for an escape
            law_gap = 0.0
        predicted = law_gap > gaps
    return flow.assign(
        escaped=("seed", (signal >= 1.0).all(axis=1)),
        escape_gap=("seed", gaps),
        escape_predicted=("seed", predicted),
    )


def end_difference(one: xr.Dataset, other: xr.Dataset) -> Array:
    """Largest difference of b and of W^r at the end, nats, per seed."""
    degree = int(one.attrs["degree"])
    bias = np.abs(one["bias"].to_numpy()[:, -1] - other["bias"].to_numpy()[:, -1]).max(axis=-1)
    signals = [d["weights"].to_numpy()[:, -1] ** degree for d in (one, other)]
    worst: Array = np.maximum(bias, np.abs(signals[0] - signals[1]).max(axis=(-2, -1)))
    return worst
