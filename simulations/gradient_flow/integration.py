"""`integrate`: the gradient flow of the power model (theory.md section 3)."""

from __future__ import annotations

from typing import Literal

import xarray as xr
from numpy.typing import ArrayLike

from mli_theory.domain import DomainError
from simulations.gradient_flow.accuracy import end_difference, with_drift, with_escape
from simulations.gradient_flow.dataset import flow_dataset
from simulations.gradient_flow.exchangeable import check_exchangeable
from simulations.gradient_flow.problem import Problem
from simulations.gradient_flow.solver.compiled import integrate_compiled
from simulations.gradient_flow.solver.mirror import MirrorFlow
from simulations.gradient_flow.solver.run import FlowError
from simulations.gradient_flow.solver.stepper import integrate_batch

__all__ = ["integrate"]

_RTOL = 5e-7
# Over benchmarks/gradient_flow_accuracy.csv a run at the default tolerance takes at most about 900 steps a
# class (8,100 at k = 10, 26,600 at k = 30): one that needs more than this is not being solved. The method is
# of order 5, so steps grow as rtol^(-1/5) (measured: 12 times as many at 1e-12).
_STEPS, _STEPS_A_CLASS = 20_000, 4_000


def integrate(
    weights: ArrayLike,
    degree: int,
    final_loss: float,
    bias: ArrayLike | None = None,
    *,
    class_shares: ArrayLike | None = None,
    train_bias: bool = True,
    rtol: float = _RTOL,
    record: int = 200,
    max_end_error: float | None = None,
    driver: Literal["compiled", "numpy"] = "compiled",
) -> xr.Dataset:
    """Gradient flow from W(0) = weights, b(0) = bias (zeros) until the training loss is final_loss.

    Args:
        weights: (k, k) [class, sample], or a batch (m, k, k), which adds a leading `seed` dimension. Any
            signs; exact zeros only in a diagonal start, where they stay 0.
        degree: r >= 2.
        final_loss: nats, the mean over samples weighted by class_shares; in (0, log k) and below the start's.
        bias: b(0), (k,) or (m, k).
        class_shares: pi (k,), equal by default.
        train_bias: False holds b at b(0).
        rtol: local error of a step, in r log|W_ij| and in nats of b. The default keeps b and W^r at the end
            within 1e-6 nats over the grid of benchmarks/gradient_flow_accuracy.py.
        record: how many records, if the run has as many steps.
        max_end_error: if given, solve again at rtol / 100 (not below 1e-13) and refuse a larger change of b
            or W^r at the end; the change is `end_error`, in nats. The records stay the first solution's.
        driver: "compiled" takes the runs one after the other in loops compiled by numba; "numpy" takes
            them all at once in arrays, slower: the tests' second route. The same steps to rounding.

    Returns:
        time(record) = arrival + local_time, where arrival is the nearest learning or signal time (or the
        start) and local_time the signed time from it: records O(1) apart stay apart where time is 1e32.
        weights(record, class_index, sample), bias(record, class_index), loss(record): records evenly
        spaced by progress (path length of log loss, b and log|W_jj|), always the start, every learning
        time and the end, where loss is final_loss to 1e-11 relative. In a batch shorter runs repeat
        their last record; n_records counts the real ones.
        learning_time(class_index), learning_record: first time p_jj >= 1/2 (nan, -1 where never; the last
        two classes share their probability, so that theirs hangs on rounding); signal_time: W_jj^r passes
        1, as T9 counts (nan where never); fitted_by_bias: learned, but W_jj^r < 1 to the end.
        n_steps, n_evaluations (of the right-hand side); drift_rows, drift_columns, drift_bias_sum,
        drift_rounding: T8's laws, nats; escaped, escape_gap, escape_predicted: T11.

    Raises:
        DomainError: a degree below 2 or not an integer, zero, non-finite or too small weights, shapes
            that disagree, a final_loss outside its range or below a floor proved from the signs (T12).
        DomainError: an unknown driver.
        FlowError: the run was not solved to final_loss (where the signs have a cycle, T12, that is named: the
            loss may be out of reach although no floor above it is proved), or misses max_end_error, or tells
            apart two classes that its start does not (exchangeable.py).

    Rounding: `end_error` sees what the tolerance does, not what both runs round alike. Weights that are equal
    to within rounding are not told apart reliably after a wait of 1e16 and longer, and shares below 1e-4
    have been seen to cost 1e-6 to 5e-6 nats.
    """
    if driver not in ("compiled", "numpy"):
        raise DomainError(f'driver must be "compiled" or "numpy", got {driver!r}')
    problem = Problem.checked(weights, degree, bias, class_shares)
    if not 1e-12 <= rtol <= 1e-3:
        raise DomainError(f"rtol must lie in [1e-12, 1e-3], got {rtol}")
    if record < 2:
        raise DomainError(f"record must be at least 2 (start and end), got {record}")
    problem.check_final_loss(final_loss, train_bias)
    dataset = _solve(problem, final_loss, train_bias, rtol, record, driver)
    check_exchangeable(dataset, problem)
    if max_end_error is not None:
        tighter = _solve(problem, final_loss, train_bias, max(rtol / 100, 1e-13), 2, driver)
        error = end_difference(dataset, tighter)
        if not (error <= max_end_error).all():
            seed = int(error.argmax())
            raise FlowError(
                f"run {seed}: b or W^r at the end changes by {error[seed]:.3g} nats at rtol / 100, more than "
                f"max_end_error {max_end_error}: use a smaller rtol than {rtol}"
            )
        dataset = dataset.assign(end_error=("seed", error))
    dataset = with_escape(with_drift(dataset, train_bias), problem, final_loss, train_bias)
    return dataset if problem.batched else dataset.isel(seed=0, drop=True)


def _solve(
    problem: Problem, final_loss: float, train_bias: bool, rtol: float, record: int, driver: str
) -> xr.Dataset:
    flow, state = MirrorFlow.from_weights(
        problem.weights, problem.bias, problem.degree, problem.shares, train_bias
    )
    max_steps = int((_STEPS + _STEPS_A_CLASS * flow.n_classes) * max(1.0, _RTOL / rtol) ** 0.2)
    drive = integrate_compiled if driver == "compiled" else integrate_batch
    runs = drive(flow, state, float(final_loss), rtol, record, max_steps)
    return flow_dataset(flow, runs).assign_attrs(
        degree=problem.degree,
        final_loss=float(final_loss),
        rtol=rtol,
        train_bias=int(train_bias),
        driver=driver,
        class_shares=problem.shares,
    )
