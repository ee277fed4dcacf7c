"""Certified statements about the power model on the line: no grid, no rounding (theory.md section 3).

k classes, sample j is e_j with label j, logits W_ij^r + b_i, weights and biases on the straight line from
start (alpha = 0) to end (alpha = 1). Every float is taken as the rational number it is; a tie is an error.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.certificates.certified_error import (
    CertifiedPlateau,
    ClassChange,
    ErrorStep,
    longest,
    timeline,
)
from mli_theory.certificates.exact_roots import RealRoot
from mli_theory.certificates.expected_cost import (
    expected_seconds,
    most_expected_seconds,
    refuse_what_is_too_large,
)
from mli_theory.certificates.loss_monotone import loss_monotone
from mli_theory.certificates.power_model_line import line_logits
from mli_theory.certificates.upper_envelope import upper_envelope
from mli_theory.domain import DomainError, check_degree, finite_array
from mli_theory.short_repr import short_repr

__all__ = [
    "Certificate",
    "CertifiedPlateau",
    "ClassChange",
    "ErrorStep",
    "RealRoot",
    "SlowCertificateWarning",
    "certify",
]

Floats = NDArray[np.float64]

MAX_CELLS = 1000
_STATEMENT = "the power model (T8-T12)"
_SLOW = 10.0  # seconds


class SlowCertificateWarning(UserWarning):
    """A certificate that is expected to take more than ten seconds; the message has the estimate."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is proved about one line of the power model.

    Attributes:
        changes: every alpha in [0, 1] at which some sample's leading classes change or others join them,
            ascending, then by sample. Enclosures of different alphas are disjoint; equal ones are one root.
        error_steps: every alpha at which the error (share of samples whose label does not lead alone) is
            not the same before, at and after; between them it is constant.
        plateau: the longest of `plateaus` (the earliest where lengths agree to 2^-1024), None of none.
        error_monotone: whether the error is non-increasing on [0, 1], its values at single points included.
        loss_monotone: whether the loss is non-increasing on [0, 1]; None where neither is proved.
        plateaus: all maximal intervals on which every sample is predicted as the class of the largest end
            bias, alone, in order; none where the largest end bias is shared.
        start_error: the error at alpha = 0.
        loss_rises_at: an alpha at which the loss's derivative is proved to be > 0, if loss_monotone is False.
    """

    changes: tuple[ClassChange, ...]
    error_steps: tuple[ErrorStep, ...]
    plateau: CertifiedPlateau | None
    error_monotone: bool
    loss_monotone: bool | None
    plateaus: tuple[CertifiedPlateau, ...]
    start_error: Fraction
    loss_rises_at: Fraction | None

    __repr__ = short_repr

    def error_at(self, alpha: Fraction | float) -> Fraction:
        """The exact error at an alpha in [0, 1]; a float is taken as the rational number it is.

        Raises:
            DomainError: alpha outside [0, 1].
        """
        if not 0 <= alpha <= 1:
            raise DomainError(f"alpha must lie in [0, 1], the line of the certificate, got {alpha}")
        index = bisect_left(self.error_steps, 0, key=lambda step: step.alpha.compare(alpha))
        if index < len(self.error_steps) and self.error_steps[index].alpha.compare(alpha) == 0:
            return self.error_steps[index].at
        return self.error_steps[index - 1].after if index else self.start_error


def certify(
    start_weights: ArrayLike,
    start_bias: ArrayLike,
    end_weights: ArrayLike,
    end_bias: ArrayLike,
    degree: int,
    *,
    max_cells: int = MAX_CELLS,
) -> Certificate:
    """Class changes, error, plateau and monotonicity on a line of the power model, proved.

    Args:
        start_weights: W0 (k, k), k >= 2, entry [i, j] for class i and sample j; finite.
        start_bias: b0 (k,), finite.
        end_weights: W1 (k, k), finite.
        end_bias: b1 (k,), finite.
        degree: r >= 2.
        max_cells: cells of [0, 1] on which the sign of the loss's derivative is looked for before
            `loss_monotone` becomes None.

    Returns:
        Certificate. Everything but `loss_monotone` is decided exactly for every finite input: roots of
        rational polynomials, isolated by Descartes' rule, compared by exact signs. `loss_monotone` is proved
        by ball arithmetic on a subdivision; zeros of the derivative at the ends (zero starts, T4) and those
        that all log odds share are treated exactly. It stays None where the derivative touches 0 inside
        [0, 1] without a common cause, or logits are so large that `max_cells` do not suffice.

    Raises:
        DomainError: shapes that disagree, fewer than 2 classes, non-finite values, degree < 2, max_cells < 1;
            a degree above some 4,000 (less for entries far from 1), where logits have too many digits.

    Warns:
        SlowCertificateWarning: before the work, where it is expected to take over 10 s.

    Source: theory.md section 3; on a zero start the results are those of T1, T2 and T3.
    Cost on one core: k = 30, r = 8 takes a few seconds; k = 3, r = 200 a fraction of one where the loss rises
    and half a minute where it does not (expected_cost.py). Ctrl-C stops it at any time.
    """
    w0 = finite_array("start_weights", start_weights, (None, None), statement=_STATEMENT)
    k = w0.shape[0]
    if k < 2 or w0.shape[1] != k:
        raise DomainError(
            f"{_STATEMENT} has one sample a class and at least 2 classes: start_weights must be square, "
            f"got shape {w0.shape}"
        )
    w1 = finite_array("end_weights", end_weights, (k, k), statement=_STATEMENT)
    b0, b1 = (
        finite_array("start_bias", start_bias, (k,), statement=_STATEMENT),
        finite_array("end_bias", end_bias, (k,), statement=_STATEMENT),
    )
    degree = check_degree(degree, statement=_STATEMENT)
    if isinstance(max_cells, bool) or not isinstance(max_cells, int) or max_cells < 1:
        raise DomainError(f"max_cells must be an integer >= 1, got {max_cells!r}")
    refuse_what_is_too_large([w0, b0, w1, b1], degree)
    _warn_if_slow(w0, b0, w1, b1, degree, max_cells)

    logits = line_logits(w0, b0, w1, b1, degree)
    line = timeline([upper_envelope(row) for row in logits])
    majority = _majority_class(b1)
    plateaus = () if majority is None else line.plateaus(majority)
    errors = list(line.values())
    verdict, rise = loss_monotone(logits, max_cells)
    return Certificate(
        changes=line.changes,
        error_steps=line.error_steps(),
        plateau=longest(plateaus),
        error_monotone=all(a >= b for a, b in pairwise(errors)),
        loss_monotone=verdict,
        plateaus=plateaus,
        start_error=errors[0],
        loss_rises_at=rise,
    )


def _majority_class(bias: NDArray[np.float64]) -> int | None:
    largest = np.flatnonzero(bias == bias.max())
    return int(largest[0]) if largest.size == 1 else None


def _warn_if_slow(w0: Floats, b0: Floats, w1: Floats, b1: Floats, degree: int, max_cells: int) -> None:
    if most_expected_seconds(len(b0), degree, max_cells) <= _SLOW:
        return
    seconds = expected_seconds(w0, b0, w1, b1, degree, max_cells)
    if seconds > _SLOW:
        warnings.warn(
            f"certifying {len(b0)} classes at degree {degree} is expected to take about {seconds:.0f} s",
            SlowCertificateWarning,
            stacklevel=3,
        )
