"""The slow second route to the simple model's line: Fractions, sympy for roots, mpmath for losses.

Shares no code with the package: the logits are written out again.
"""

from fractions import Fraction
from itertools import combinations

import mpmath
import numpy as np
import sympy
from hypothesis import strategies as st

X = sympy.Symbol("x")


class Line:
    """One line of the simple model: start and end weights and biases, degree."""

    def __init__(self, w0, b0, w1, b1, degree):
        self.w0, self.b0, self.w1, self.b1 = (np.asarray(a, dtype=float) for a in (w0, b0, w1, b1))
        self.degree = degree
        self.k = len(self.b0)

    @property
    def arguments(self):
        return self.w0, self.b0, self.w1, self.b1, self.degree

    def logits(self, alpha, number=Fraction):
        """[sample][class], in Fractions or in mpmath numbers."""
        a = number(alpha)

        def on_line(start, end):
            return (1 - a) * number(float(start)) + a * number(float(end))

        return [
            [
                on_line(self.w0[i, j], self.w1[i, j]) ** self.degree + on_line(self.b0[i], self.b1[i])
                for i in range(self.k)
            ]
            for j in range(self.k)
        ]

    def leaders(self, alpha):
        """The classes that share the largest logit, per sample."""
        return [tuple(i for i, value in enumerate(row) if value == max(row)) for row in self.logits(alpha)]

    def error(self, alpha):
        return Fraction(sum(c != (j,) for j, c in enumerate(self.leaders(alpha))), self.k)

    def loss(self, alpha):
        """Mean cross-entropy in mpmath's current precision."""
        total = mpmath.mpf(0)
        for j, row in enumerate(self.logits(alpha, mpmath_number)):
            total += mpmath.log(mpmath.fsum(mpmath.exp(value - row[j]) for value in row))
        return total / self.k

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


def mpmath_number(value):
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    return mpmath.mpf(value)


# Few small values make ties, touching roots and equal polynomials common; general floats make none.
small = st.sampled_from([-1.5, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0])
general = st.floats(-2, 2, allow_subnormal=False)


@st.composite
def lines(draw, *, max_classes=4, max_degree=5, zero_start=False, entries=None):
    k = draw(st.integers(2, max_classes))
    values = draw(st.sampled_from([small, general])) if entries is None else entries
    weights = st.lists(st.lists(values, min_size=k, max_size=k), min_size=k, max_size=k)
    biases = st.lists(values, min_size=k, max_size=k)
    start = (np.zeros((k, k)), np.zeros(k)) if zero_start else (draw(weights), draw(biases))
    return Line(*start, draw(weights), draw(biases), draw(st.integers(2, max_degree)))
