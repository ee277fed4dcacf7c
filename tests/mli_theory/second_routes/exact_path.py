"""The homogeneous path in rational numbers: no roots, no intervals, nothing shared with the package.

A float is a rational number, so the logits at a float alpha are too, and comparing them is exact.
"""

from fractions import Fraction

import numpy as np


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
