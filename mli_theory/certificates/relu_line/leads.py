"""Which class leads on a cell, from both ends inwards, in closed form.

q = P_i - P_j with er = e_i + e_j: class i beats j at t where q(t) > er. From the end t = -1, in x = t + 1,
p(x) = a_0 + a_1 x + a_2 x^2 - er with a_0 = q_0 - q_1 + q_2, a_1 = q_1 - 2 q_2, a_2 = q_2; from t = 1 the
same with -q_1. A proposed length X is a float from the quadratic formula; the proof: the three Bernstein
coefficients of p on [0, X] are positive: p(0), p(0) + a_1 X/2, p(X).

Rounding of the larger two: q_k is off by u|q_k|, a_1 by 2u(|q_1| + 2|q_2|), times X <= 2 and its product
6u(|q_1| + 2|q_2|); a_2 X^2 by 12u|q_2|; a_0 - tol by 4u mag + u tol, mag = |q_0| + |q_1| + |q_2|; the sums
by 2u(mag + tol) + u(4|q_1| + 12|q_2|). All in all below 50u (mag + tol) + O(u^2), and tol = er + 64u(mag' +
er), computed, is at least er + 63u(mag' + er) for mag' >= mag. `LEAD` is 64u.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mli_theory.certificates.relu_line.compiled import compiled
from mli_theory.certificates.relu_line.rounding import LEAD

__all__ = ["LeadingEnds", "beaten", "lead_pass", "reach"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


class LeadingEnds(NamedTuple):
    """`lead_pass`' answer, (rows,) each: lengths from the left and the right end, and the classes there."""

    left: Array
    right: Array
    left_class: Whole
    right_class: Whole

    @classmethod
    def room(cls, rows: int) -> LeadingEnds:
        """To be filled."""
        return cls(*np.empty((2, rows)), *np.empty((2, rows), np.int64))


@compiled
def reach(q_0: float, q_1: float, q_2: float, tol: float) -> float:
    """A length X in [0, 2] with q_0 + q_1 t + q_2 t^2 > tol on [-1, -1 + X]; 0 where none is found.

    Args:
        q_0: the constant.
        q_1: of t; its sign turned for the other end, [1 - X, 1].
        q_2: of t^2.
        tol: with the rounding of what is done here.
    """
    p = q_0 - q_1 + q_2 - tol
    if not p > 0.0:
        return 0.0
    a_1 = q_1 - 2.0 * q_2
    length = 2.0
    for attempt in range(3):
        rise = a_1 * length
        if p + 0.5 * rise > 0.0 and p + rise + q_2 * length * length > 0.0:
            return length
        if attempt == 0:
            # The first root of p + a_1 x + a_2 x^2, in the form that does not cancel; any float will do.
            root = math.sqrt(max(a_1 * a_1 - 4.0 * q_2 * p, 0.0)) - a_1
            first = 2.0 * p / root if root > 0.0 else 1.0
            length = min(length, first * (1.0 - 1e-9))
        else:
            length *= 0.5
        if not length > 0.0:
            return 0.0
    return 0.0


@compiled
def lead_pass(
    model: Array,
    radius: Array,
    between: Array,
    left: Array,
    right: Array,
    left_class: Whole,
    right_class: Whole,
) -> None:
    """For each row, how far from each end of the cell the class that leads there is proved to lead alone.

    Args:
        model: (3, rows, classes).
        radius: (rows, classes).
        between: (2, rows, classes): another bound of the radius of the difference between the class that
            leads at the left end, or the right, and each other; inf for none. The smaller one counts.
        left: out, (rows,): length in t from t = -1, 0 to 2; 2 is the whole cell.
        right: out, likewise from t = 1.
        left_class: out, (rows,): the class.
        right_class: out, likewise.
    """
    rows, classes = radius.shape
    for r in range(rows):
        for side in range(2):
            sign = -1.0 if side == 0 else 1.0
            best = -math.inf
            i = 0
            for j in range(classes):
                value = model[0, r, j] + sign * model[1, r, j] + model[2, r, j]
                if value > best:
                    best = value
                    i = j
            length = 2.0
            # One class leads alone, where its logit is known.
            if not radius[r, i] < math.inf:
                length = 0.0
            for j in range(classes):
                if j == i or length == 0.0:
                    continue
                size = abs(model[0, r, i]) + abs(model[0, r, j]) + abs(model[1, r, i]) + abs(model[1, r, j])
                size += abs(model[2, r, i]) + abs(model[2, r, j])
                er = radius[r, i] + radius[r, j]
                if between[side, r, j] < er:
                    er = between[side, r, j]
                found = reach(
                    model[0, r, i] - model[0, r, j],
                    -sign * (model[1, r, i] - model[1, r, j]),
                    model[2, r, i] - model[2, r, j],
                    er + LEAD * (size + er),
                )
                length = min(length, found)
            if side == 0:
                left[r] = length
                left_class[r] = i
            else:
                right[r] = length
                right_class[r] = i


def beaten(model: Array, radius: Array) -> NDArray[np.bool_]:
    """Classes that are proved to lead nowhere on the cell, (rows, classes): one other beats them on it.

    The rivals tried are those that lead at the middle and at both ends: q_0 - |q_1| + min(q_2, 0) > tol.

    Args:
        model: (3, rows, classes).
        radius: (rows, classes).
    """
    rows = np.arange(len(radius))
    found = np.zeros(radius.shape, bool)
    with np.errstate(invalid="ignore", over="ignore"):
        for ends in (model[0], model[0] - model[1] + model[2], model[0] + model[1] + model[2]):
            i = np.argmax(ends, axis=1)
            q = model[:, rows, i][:, :, None] - model
            size = np.abs(model).sum(0)
            er = radius[rows, i][:, None] + radius
            tol = er + LEAD * (size + size[rows, i][:, None] + er)
            found |= q[0] - np.abs(q[1]) + np.minimum(q[2], 0.0) > tol
    return found
