"""One check of shares, and every refusal names the theorem and shows the value."""

import numpy as np
import pytest

from mli_theory import (
    DomainError,
    bias_gap_bounds,
    certified_window,
    certify,
    correct_interval,
    crossover_law,
    escape_gap,
    escape_schedule,
    loss_bump,
    loss_expansion,
    loss_sandwich,
    majority_exit,
    plateau,
    plateau_law,
    plateau_start,
    predict_curves,
    quadratic_plateau_law,
)
from mli_theory.domain import check_class_shares
from mli_theory.power_model.flow_equations import conserved_quantities, gradient, loss

NAN, S, B, Y = float("nan"), [[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0], [0, 1]
BROKEN_S, BROKEN_B, BROKEN_W = [[1.0, NAN], [0.0, 1.0]], [0.0, NAN], [[1.0, 0.0], [0.0, NAN]]


@pytest.mark.parametrize(
    ("call", "arguments", "named"),
    [
        (correct_interval, (BROKEN_S, B, Y, 3), r"T1: signal.*signal\[0, 1\] = nan"),
        (predict_curves, (S, BROKEN_B, Y, 3, [0.5]), r"T1: bias.*bias\[1\] = nan"),
        (predict_curves, (S, B, Y, 3, [NAN]), r"T1: alphas.*alphas\[0\] = nan"),
        (majority_exit, (BROKEN_S, B, 3), r"T2: signal.*= nan"),
        (plateau, (S, BROKEN_B, Y, 3), r"T2: bias.*= nan"),
        (loss_expansion, (BROKEN_S, B, Y, 3), r"T4: signal.*= nan"),
        (loss_bump, (BROKEN_S, B, Y, 3), r"T4 \(the bump\): signal.*= nan"),
        (loss_sandwich, (S, B, Y, 3, [NAN]), r"T4': alphas.*= nan"),
        (certified_window, ([NAN], [1.0], 1.0, 1.0), r"T6: start_norms.*= nan"),
        (certified_window, ([1.0], [1.0], 1.0, NAN), r"T6: bias_gap must be finite, but bias_gap = nan"),
        (loss, (BROKEN_W, [0, 0], 3), r"T8: weights\b.*weights\[1, 1\] = nan"),
        (gradient, (S, BROKEN_B, 3), r"T8: bias.*= nan"),
        (conserved_quantities, (BROKEN_W, [0, 0], 3), r"T8: weights.*= nan"),
        (escape_schedule, ([0.1, NAN], 3), r"T9: diagonal.*= nan"),
        (escape_schedule, ([0.1, 0.2], 3, [NAN, 0.5]), r"T9: class_shares.*= nan"),
        (escape_gap, ([0.1, NAN], 3), r"T11: diagonal.*= nan"),
        (crossover_law, ([0.1, NAN], 3, 0.01), r"T11: diagonal.*= nan"),
        (crossover_law, ([0.1, 0.2], 3, NAN), r"T11: final_loss.*= nan"),
        (plateau_law, (2, 3, NAN), r"T11 .*nan"),
        (quadratic_plateau_law, (NAN, 0.01), r"T11 at degree 2: weight_ratio.*= nan"),
        (bias_gap_bounds, (BROKEN_W, 3, 0.01), r"T11': weights.*= nan"),
        (bias_gap_bounds, (np.eye(2), 3, NAN), r"T10b: final_loss.*= nan"),
        (plateau_start, (BROKEN_S, B, 3, 0.1), r"T14: signal.*= nan"),
        (certify, (BROKEN_W, [0, 0], S, B, 3), r"the power model \(T8-T12\): start_weights.*= nan"),
    ],
)
def test_what_is_not_finite_is_refused_by_theorem_and_value(call, arguments, named):
    with pytest.raises(DomainError, match=named):
        call(*arguments)


def test_shares_are_checked_alike_everywhere():
    typed = [0.3333333333, 0.3333333333, 0.3333333334 + 5e-10]
    start = np.diag([0.1, 0.2, 0.3])
    assert np.isfinite(loss(start, np.zeros(3), 3, typed))  # as escape_schedule takes them
    assert np.isfinite(escape_schedule(np.diag(start), 3, typed)).sum() == 2
    assert (check_class_shares(typed, 3, statement="T9") == typed).all()
    for call in (
        lambda shares: loss(start, np.zeros(3), 3, shares),
        lambda shares: escape_schedule(np.diag(start), 3, shares),
    ):
        with pytest.raises(DomainError, match=r"T[89] needs .*class_shares\[0\] = -0.1"):
            call([-0.1, 0.6, 0.5])
        with pytest.raises(DomainError, match=r"T[89] needs class shares of sum 1, got a sum of 1.0000"):
            call([0.2, 0.3, 0.500001])
    assert loss(start, np.zeros(3), 3, [0.0, 0.5, 0.5]) > 0  # a class without samples has a loss, ...
    with pytest.raises(DomainError, match=r"T9 needs positive .*class_shares\[0\] = 0.0"):  # no learning time
        escape_schedule(np.diag(start), 3, [0.0, 0.5, 0.5])
