"""The slow second route to the power model's line: Fractions, sympy for roots, mpmath for losses.

Shares no code with the package: the logits are written out again.
"""

import math
from fractions import Fraction
from itertools import combinations, pairwise

import mpmath
import numpy as np
import sympy

from mli.testing import power_model_lines

X = sympy.Symbol("x")


class Line:
    """One line of the power model: start and end weights and biases, degree."""

    def __init__(self, w0, b0, w1, b1, degree):
        self.w0, self.b0, self.w1, self.b1 = (np.asarray(a, dtype=float) for a in (w0, b0, w1, b1))
        self.degree = degree
        self.k = len(self.b0)

    @property
    def arguments(self):
        return self.w0, self.b0, self.w1, self.b1, self.degree

    def logits(self, alpha):
        """[sample][class], exact."""
        a = Fraction(alpha)

        def on_line(start, end):
            return (1 - a) * Fraction(float(start)) + a * Fraction(float(end))

        return [
            [
                on_line(self.w0[i, j], self.w1[i, j]) ** self.degree + on_line(self.b0[i], self.b1[i])
                for i in range(self.k)
            ]
            for j in range(self.k)
        ]

    def log_odds(self, alpha):
        """[sample][class] against the sample's label, exact."""
        return [[value - row[j] for value in row] for j, row in enumerate(self.logits(alpha))]

    def leaders(self, alpha):
        """The classes that share the largest logit, per sample."""
        return [tuple(i for i, value in enumerate(row) if value == max(row)) for row in self.logits(alpha)]

    def error(self, alpha):
        return Fraction(sum(c != (j,) for j, c in enumerate(self.leaders(alpha))), self.k)

    def loss(self, alpha):
        """Mean cross-entropy in mpmath's current precision."""
        return mean_cross_entropy(self.log_odds(alpha), mpmath.mp)

    def is_lower(self, alpha, other):
        """Whether loss(alpha) < loss(other), proved: enclosures of more and more bits, until they come apart.

        No fixed number of digits fits all floats: with all weights 0 the loss is log cosh, which moves by the
        square of its log odds, and a bias of 4e-227 makes it rise by 1e-894.
        """
        odds = [self.log_odds(alpha), self.log_odds(other)]
        # Equal losses must end the search. In a series of the loss in log odds, a term of order n is 0 or at
        # least about 1 over the n-th power of their denominators, and hardly more than 2 r + 2 orders cancel.
        denominators = max(value.denominator for rows in odds for row in rows for value in row)
        enough = 200 + (2 * self.degree + 3) * denominators.bit_length()
        bits = 200
        while True:
            loss, other_loss = (enclosed_cross_entropy(rows, bits) for rows in odds)
            lower = loss < other_loss  # None where the enclosures overlap
            if lower is not None or bits > enough:
                return lower is True
            bits *= 2

    def digits_to_compare(self, alphas, digits):
        """As many digits below the losses' smallest step from one alpha to the next as `digits` says.

        The smallest step of log odds counts twice: where the first order cancels, a loss moves by a square.
        """
        odds = [self.log_odds(alpha) for alpha in alphas]
        steps = [
            abs(there - here)
            for before, after in pairwise(odds)
            for here_row, there_row in zip(before, after, strict=True)
            for here, there in zip(here_row, there_row, strict=True)
            if there != here
        ]
        if not steps:
            return digits
        smallest = min(steps)
        zeros = (smallest.denominator.bit_length() - smallest.numerator.bit_length()) * math.log10(2)
        return digits + 2 * max(0, math.ceil(zeros))

    def differences(self, sample):
        """{(i, l): f_i - f_l as a sympy polynomial over the rationals} for one sample."""

        def exact(value):
            return sympy.Rational(*float(value).as_integer_ratio())

        def on_line(start, end):
            return sympy.Poly(exact(start) * (1 - X) + exact(end) * X, X, domain="QQ")

        f = [
            on_line(self.w0[i, sample], self.w1[i, sample]) ** self.degree + on_line(self.b0[i], self.b1[i])
            for i in range(self.k)
        ]
        return {(i, j): f[i] - f[j] for i, j in combinations(range(self.k), 2)}


def mean_cross_entropy(log_odds, context):
    """From exact log odds, in an mpmath context's current precision."""

    def number(value):
        return context.mpf(value.numerator) / context.mpf(value.denominator)

    return sum(context.log(sum(context.exp(number(v)) for v in row)) for row in log_odds) / len(log_odds)


def enclosed_cross_entropy(log_odds, bits):
    """An interval that holds the mean cross-entropy."""
    before = mpmath.iv.prec  # of the process, like every mpmath precision
    mpmath.iv.prec = bits
    try:
        return mean_cross_entropy(log_odds, mpmath.iv)
    finally:
        mpmath.iv.prec = before


def lines(**kinds):
    return power_model_lines(**kinds).map(lambda line: Line(*line))
