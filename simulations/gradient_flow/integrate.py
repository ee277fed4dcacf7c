"""`integrate`: the gradient flow of the r-homogeneous-weight network (theory.md section 3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from mli_theory.domain import DomainError, check_degree, finite_array
from simulations.gradient_flow.dataset import flow_dataset
from simulations.gradient_flow.mirror import MirrorFlow
from simulations.gradient_flow.stepper import integrate_batch

__all__ = ["integrate"]

Array = NDArray[np.float64]

# Far above what the range of the tests needs (about 4,000): a run that needs more is not being solved.
_MAX_STEPS = 200_000


class _Problem(NamedTuple):
    weights: Array  # (m, k, k)
    bias: Array  # (m, k)
    degree: int
    shares: Array  # (k,)
    batched: bool


def integrate(
    weights: ArrayLike,
    degree: int,
    final_loss: float,
    bias: ArrayLike | None = None,
    *,
    class_shares: ArrayLike | None = None,
    train_bias: bool = True,
    rtol: float = 1e-7,
    record: int = 200,
) -> xr.Dataset:
    """Gradient flow from W(0) = weights, b(0) = bias (zeros) until the training loss is final_loss.

    weights (k, k), [class, sample], or a batch (m, k, k), which adds a leading `seed` dimension; bias
    (k,) or (m, k). Loss in nats, the mean over samples weighted by class_shares (k,), equal by default.
    Returns time(record) = arrival + local_time, weights(record, class_index, sample),
    bias(record, class_index), loss(record): `record` records spaced by progress, always the
    start, every learning time (p_jj = 1/2) and the end, where loss = final_loss to 1e-11 relative.

    Raises:
        DomainError: a degree below 2 or not an integer, zero or non-finite weights (exact zeros
            off the diagonal of an otherwise diagonal start stay zero and are accepted), shapes
            that disagree, a final_loss outside (0, loss at the start).
        FlowError: the run was not solved to final_loss.
    """
    problem = _checked(weights, degree, bias, class_shares)
    if not 0 < rtol <= 1e-3:
        raise DomainError(f"rtol must lie in (0, 1e-3], got {rtol}")
    if record < 2:
        raise DomainError(f"record must be at least 2 (start and end), got {record}")
    flow, state = MirrorFlow.from_weights(
        problem.weights, problem.bias, problem.degree, problem.shares, train_bias
    )
    _check_final_loss(flow, state, final_loss)
    runs = integrate_batch(flow, state, float(final_loss), rtol, record, _MAX_STEPS)
    dataset = flow_dataset(flow, runs)
    dataset.attrs.update(
        degree=problem.degree, final_loss=float(final_loss), rtol=rtol, train_bias=int(train_bias),
        class_shares=problem.shares,
    )  # fmt: skip
    return dataset if problem.batched else dataset.isel(seed=0, drop=True)


def _checked(
    weights: ArrayLike, degree: int, bias: ArrayLike | None, class_shares: ArrayLike | None
) -> _Problem:
    degree = check_degree(degree, statement="the r-homogeneous-weight network")
    ndim = np.ndim(weights)
    batched = ndim == 3
    array = finite_array("weights", weights, (None,) * (3 if batched else 2))
    if not batched:
        array = array[None]
    m, k, columns = array.shape
    if k != columns or k < 2:
        raise DomainError(f"weights must be square, (k, k) with k >= 2, got {np.shape(weights)}")
    off = ~np.eye(k, dtype=bool)
    diagonal_start = (array[:, off] == 0).all(axis=1)
    bad = (array == 0) & ~(off & diagonal_start[:, None, None])
    if bad.any():
        run, i, j = (int(n) for n in np.argwhere(bad)[0])
        place = f"weights[{run}, {i}, {j}]" if batched else f"weights[{i}, {j}]"
        raise DomainError(
            f"{place} = 0: a zero weight never moves (T8). Give it a value, or set every off-diagonal "
            "weight to 0 for a diagonal start"
        )
    if bias is None:
        biases = np.zeros((m, k))
    elif np.ndim(bias) == 1:
        biases = np.tile(finite_array("bias", bias, (k,)), (m, 1))
    else:
        biases = finite_array("bias", bias, (m, k))
    if class_shares is None:
        shares = np.full(k, 1.0 / k)
    else:
        shares = finite_array("class_shares", class_shares, (k,))
        if (shares <= 0).any() or abs(shares.sum() - 1.0) > 1e-9:
            raise DomainError(f"class_shares must be positive and sum to 1, got {shares}")
    return _Problem(array, biases, degree, shares, batched)


def _check_final_loss(flow: MirrorFlow, state: Array, final_loss: float) -> None:
    start = flow.losses(flow.slope(state).margin)
    # log k is the loss of a zero start; a start with a large bias may begin above it.
    if not 0 < final_loss < start.min():
        run = int(start.argmin())
        raise DomainError(
            f"final_loss must lie in (0, {start[run]:.6g}), the loss at the start of run {run}, "
            f"got {final_loss}"
        )
