"""The homogeneous path in rational numbers: no roots, no intervals, nothing shared with the package.

A float is a rational number, so the logits at a float alpha are too, and comparing them is exact.
"""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st


def exact(values):
    return [Fraction(float(value)) for value in values]


def logits_at(signal_row, bias, degree, alpha, bias_degree=1):
    a = Fraction(float(alpha))
    return [a**degree * s + a**bias_degree * b for s, b in zip(exact(signal_row), exact(bias), strict=True)]


def is_strictly_largest(logits, label):
    return all(logits[label] > z for i, z in enumerate(logits) if i != label)


def correct_at(signal_row, bias, label, degree, alpha):
    return is_strictly_largest(logits_at(signal_row, bias, degree, alpha), label)


def error_at(signal, bias, labels, degree, alpha, bias_degree=1):
    wrong = sum(
        not is_strictly_largest(logits_at(row, bias, degree, alpha, bias_degree), label)
        for row, label in zip(signal, labels, strict=True)
    )
    return wrong / len(labels)


def telling_alphas(*ends):
    """The given ends inside (0, 1], both neighbouring floats of each, and a coarse grid."""
    alphas = {2.0**-60, 0.125, 0.5, 0.75, np.nextafter(1.0, 0.0), 1.0}
    for end in np.concatenate([np.atleast_1d(e) for e in ends]):
        if np.isfinite(end):
            alphas |= {float(end), float(np.nextafter(end, -1)), float(np.nextafter(end, 2))}
    return sorted(a for a in alphas if 0 < a <= 1)


any_float = st.floats(-1e308, 1e308) | st.sampled_from(
    [0.0, 5e-324, -5e-324, 1e-310, 1e300, -1e308, 1e308, 2.0**-400]
)
small_integer = st.integers(-4, 4).map(float)  # many exact ties
plain_float = st.floats(-50, 50).map(lambda value: float(np.float32(value)))
values = st.sampled_from([any_float, small_integer, plain_float])


@st.composite
def problems(draw, max_samples=4, max_classes=6, max_degree=64, kinds=values):
    """(signal, bias, labels, degree): floats of every size, or small integers for ties."""
    k = draw(st.integers(2, max_classes))
    n = draw(st.integers(1, max_samples))
    signals, biases = draw(kinds), draw(kinds)
    signal = draw(st.lists(st.lists(signals, min_size=k, max_size=k), min_size=n, max_size=n))
    bias = draw(st.lists(biases, min_size=k, max_size=k))
    labels = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    degree = draw(st.sampled_from([2, 3, max_degree]) | st.integers(2, max_degree))
    return np.array(signal), np.array(bias), np.array(labels), degree
