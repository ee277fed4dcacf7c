"""Why each hypothesis is there: for every theorem one input that breaks it once a hypothesis is dropped.

Each counterexample measures a number and the largest value that the theorem's conclusion would allow; without
the hypothesis the number is above it. Small enough to check by hand where no flow is integrated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mli_theory.certified_window import certified_window
from mli_theory.crossover_law import crossover_law
from mli_theory.expansion import loss_expansion
from mli_theory.homogeneous import predict_curves
from mli_theory.learning_schedule import escape_schedule
from mli_theory.plateau_start import plateau_start
from mli_theory.power_model import conserved_quantities, gradient, loss
from mli_theory.quadratic_law import quadratic_plateau_law

__all__ = ["COUNTEREXAMPLES", "Counterexample"]


@dataclass(frozen=True)
class Counterexample:
    """One dropped hypothesis.

    Attributes:
        theorem: as theory.md numbers it.
        dropped: the hypothesis that is not met.
        conclusion: what the theorem would then say, in terms of the measured number.
        example: the input, in words and numbers.
        measure: returns (found, allowed); the conclusion is found <= allowed, and it fails.
    """

    theorem: str
    dropped: str
    conclusion: str
    example: str
    measure: Callable[[], tuple[float, float]]


def _two_degrees() -> tuple[float, float]:
    beta = np.linspace(0.001, 1, 1000)
    correct = (beta - 0.25) * (beta - 0.75) > 0
    return float(correct[0] + (np.diff(correct.astype(int)) == 1).sum()), 1.0


def _tied_bias() -> tuple[float, float]:
    logits = 1e-9 * np.array([[1.0, 0, 0], [0, 1, 0]]) + 1e-3 * np.array([1.0, 1, 0])
    return float(len(set(logits.argmax(axis=1)))), 1.0


def _wrong_at_the_end() -> tuple[float, float]:
    error = predict_curves([[0.0, 2.0]], [1.0, 0.0], [0], 3, [0.1, 1.0]).error
    return float(error[1] - error[0]), 0.0


def _unbalanced() -> tuple[float, float]:
    fallen = (
        np.log(2)
        - predict_curves([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1.0, -1.0], [0, 0, 1], 3, [0.01]).loss[0]
    )
    return float(fallen), 0.0


def _quadratic_fall() -> tuple[float, float]:
    fallen = np.log(2) - predict_curves([[4.0, 0.0], [0.0, 4.0]], [0.1, -0.1], [0, 1], 2, [0.01]).loss[0]
    return float(fallen), 0.0


def _unbalanced_floor() -> tuple[float, float]:
    problem = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [3.0, -3.0], [0, 0, 1], 4
    margin = loss_expansion(*problem).margin
    return float(np.log(2) - 0.1**4 * margin - predict_curves(*problem, [0.1]).loss[0]), 0.0


def _confidently_wrong() -> tuple[float, float]:
    loss_at = predict_curves([[0.0, 3.0], [0.0, 3.0]], [0.0, 0.0], [0, 1], 3, [0.5, 1.0], "homogeneous").loss
    return float(loss_at[1] - loss_at[0]), 0.0


def _start_bias() -> tuple[float, float]:
    lo, hi = certified_window([0.1], [0.1], 1.0, 10.0)
    alpha = 0.05 if lo < 0.05 < hi else np.nan
    logits = np.array([0.0, 0.1]) + (1 - alpha) * np.array([5.0, 0.0]) + alpha * np.array([0.0, 10.0])
    return float(logits[0] - logits[1]), 0.0


def _kink() -> tuple[float, float]:
    logit = np.maximum(np.array([0.25, 0.5, 0.75]) - 0.5, 0)
    return float(abs(np.diff(logit, 2)[0])), 0.0


def _one_step_of_descent() -> tuple[float, float]:
    weights, bias = np.array([[0.5, 0.2], [0.3, 0.4]]), np.zeros(2)
    d_weights, d_bias = gradient(weights, bias, 3)
    before = conserved_quantities(weights, bias, 3)[0]
    after = conserved_quantities(weights - 0.1 * d_weights, bias - 0.1 * d_bias, 3)[0]
    return float(np.abs(after - before).max()), 1e-12


def _large_scale() -> tuple[float, float]:
    # At W = 1.1 the class counts as learned at once, but the schedule still waits.
    return float(escape_schedule([1.1, 0.5], 3)[0]), 0.0


def _unequal_classes() -> tuple[float, float]:
    d_bias = -gradient(np.diag([0.2, 0.1]), np.zeros(2), 3, [0.6, 0.4])[1]
    return float(d_bias[0] - d_bias[1]), 0.0


def _off_diagonal() -> tuple[float, float]:
    d_bias = -gradient([[0.3, 0.0], [0.2, 0.299]], np.zeros(2), 3)[1]
    return float(d_bias[0] - d_bias[1]), 0.0


def _small_class() -> tuple[float, float]:
    # Shares 0.9 and 0.1; all of the loss eps on the small class: its loss is 10 eps, more than k eps.
    eps = 0.05
    margin = -np.log(np.expm1(eps / 0.1))
    return float(-np.log(np.expm1(2 * eps)) - margin), 0.0


def _uneven_start() -> tuple[float, float]:
    bias = np.array([-3.0, 0.0])
    losses = [loss(np.diag([0.2, 0.1]), bias, 3, shares) for shares in ([1.0, 0.0], [0.0, 1.0])]
    return float(losses[0] - losses[1]), 0.0


def _degree_two() -> tuple[float, float]:
    early, late = (quadratic_plateau_law(2.0, eps).beta for eps in (1e-4, 1e-12))
    return float(early - late), 0.0


def _vanishing_scale() -> tuple[float, float]:
    ends = [
        crossover_law(np.array([2.0, 1.0]) * scale, 3, 10.0**-e).plateau_end
        for scale, e in ((0.1, 4), (1e-40, 128))
    ]
    return float(ends[1] - ends[0]), 0.0


def _even_degree() -> tuple[float, float]:
    d_weights = -gradient(np.diag([-0.2, 0.2]), np.zeros(2), 4)[0]
    return float(np.sign(-0.2) * d_weights[0, 0]), 0.0


def _hidden_bias() -> tuple[float, float]:
    # s = w2 (w1 + c) at x = 1, from (0.5, 0.5, 0.5) to (2, 2, 1); c is trained too.
    effective = (2 - 0.5) / 2 + ((2 - 0.5) + (1 - 0.5)) / (2 + 1)
    by_retention = 2 - 0.5 / 2 - 0.5 / (2 + 1)
    return abs(effective - by_retention), 1e-12


def _start_bias_late() -> tuple[float, float]:
    predicted = plateau_start([[1.0, 0.0]], [0.0, 1.0], 3, 0.01)
    alphas = np.linspace(0, 1, 1001)
    first, second = (1 - alphas) ** 3 * 1e-6 + (1 - alphas), alphas
    return float(alphas[np.argmax(second > first)]), 2 * predicted


COUNTEREXAMPLES: tuple[Counterexample, ...] = (
    Counterexample(
        "T1",
        "one degree for the whole signal",
        "the set of alpha on which a sample is correct is one interval",
        "a signal with terms alpha^r and alpha^(2r-1): margin / alpha = (beta - 1/4)(beta - 3/4)",
        _two_degrees,
    ),
    Counterexample(
        "T2",
        "a unique largest bias",
        "one class is predicted at small alpha",
        "b = (1, 1, 0), s = (1, 0, 0) and (0, 1, 0): two classes at every alpha > 0",
        _tied_bias,
    ),
    Counterexample(
        "T3",
        "all samples correct at the end",
        "the error does not rise",
        "b = (1, 0), s = (0, 2), y = 0: correct at first, wrong at the end",
        _wrong_at_the_end,
    ),
    Counterexample(
        "T4",
        "balanced classes",
        "the loss rises at once (log k - L(0.01) <= 0)",
        "two of three samples in class 0, b = (1, -1): the bias alone lowers the loss",
        _unbalanced,
    ),
    Counterexample(
        "T4",
        "degree at least 3",
        "the loss rises at once (log k - L(0.01) <= 0)",
        "r = 2, V = 0.01 < 2M = 4: L''(0) = V - 2M < 0",
        _quadratic_fall,
    ),
    Counterexample(
        "T4'",
        "balanced classes",
        "L >= log k - alpha^r M",
        "two of three samples in class 0, b = (3, -3), r = 4, alpha = 0.1",
        _unbalanced_floor,
    ),
    Counterexample(
        "T5",
        "dL/dt(1) <= 0, as when all samples are correct",
        "the loss falls on the homogeneous bias path",
        "s = (0, 3) twice, y = 0 and 1: one sample is confidently wrong",
        _confidently_wrong,
    ),
    Counterexample(
        "T6",
        "zero initial bias",
        "inside the window the other classes stay below i*",
        "initial bias (5, 0), trained bias (0, 10), one layer of norm 0.1, alpha = 0.05",
        _start_bias,
    ),
    Counterexample(
        "T7",
        "no ReLU changes sign",
        "one layer's logit is affine in alpha: second difference 0",
        "max(alpha - 1/2, 0) at 1/4, 1/2, 3/4",
        _kink,
    ),
    Counterexample(
        "T8",
        "gradient flow",
        "b_i - sum_j phi(W_ij) does not change",
        "one step of gradient descent of length 0.1 from W = ((0.5, 0.2), (0.3, 0.4))",
        _one_step_of_descent,
    ),
    Counterexample(
        "T9",
        "small initial scale",
        "a class learned at time 0 has time 0",
        "W(0) = diag(1.1, 0.5): W_11^r > 1 from the start",
        _large_scale,
    ),
    Counterexample(
        "T10",
        "equal classes",
        "b_1 < b_2 from the start (d(b_1 - b_2)/dt <= 0)",
        "W(0) = diag(0.2, 0.1), shares (0.6, 0.4)",
        _unequal_classes,
    ),
    Counterexample(
        "T10",
        "zero off-diagonal weights",
        "b_1 < b_2 from the start (d(b_1 - b_2)/dt <= 0)",
        "W(0) = ((0.3, 0), (0.2, 0.299)), r = 3",
        _off_diagonal,
    ),
    Counterexample(
        "T10b",
        "equal classes",
        "every margin is at least -log(e^(k eps) - 1)",
        "shares (0.9, 0.1), all of the loss 0.05 on the small class",
        _small_class,
    ),
    Counterexample(
        "T10c",
        "b(0) = 0",
        "l_1 < l_2 where W_11 > W_22",
        "W = diag(0.2, 0.1), b = (-3, 0): in the bias order of T10, not in its loss order",
        _uneven_start,
    ),
    Counterexample(
        "T11",
        "degree at least 3",
        "beta grows as the loss falls",
        "r = 2, k = 2, W_11(0) = 2 W_22(0), losses 1e-4 and 1e-12",
        _degree_two,
    ),
    Counterexample(
        "T11'",
        "a fixed initial scale",
        "the plateau gets shorter on the way to loss 0",
        "k = 2, r = 3: scale 0.1 at loss 1e-4, then scale 1e-40 at loss 1e-128",
        _vanishing_scale,
    ),
    Counterexample(
        "T12",
        "odd degree",
        "a negative diagonal weight decays in size",
        "r = 4, W = diag(-0.2, 0.2)",
        _even_degree,
    ),
    Counterexample(
        "T13",
        "no hidden bias (homogeneous of degree 1 in each layer)",
        "r_eff = r - sum of retentions",
        "s = w2 (w1 + c) from (1/2, 1/2, 1/2) to (2, 2, 1): 17/12 against 19/12",
        _hidden_bias,
    ),
    Counterexample(
        "T14",
        "b(0) = 0",
        "the plateau starts within twice the predicted alpha_1",
        "initial bias (1, 0), trained bias (0, 1), delta = 0.01: at 1/2, not at 1e-6",
        _start_bias_late,
    ),
)
