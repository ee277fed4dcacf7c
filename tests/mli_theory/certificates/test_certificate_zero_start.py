"""On a zero start the certificate and the closed forms of T1 and T2 say the same, at every float."""

import math

import numpy as np
from hypothesis import assume, given, settings

from mli_theory import certify, plateau, predict_curves
from tests.mli_theory.second_routes.power_model_by_fractions import lines


def is_exact_power(line):
    """Whether floats hold W^r exactly, which is the closed forms' signal: quarters up to 2 do."""
    return np.all(line.w1 * 4 == np.round(line.w1 * 4))


@given(lines(zero_start=True))
@settings(max_examples=80)  # two routes over a grid of 65 alphas
def test_t1_error_and_t2_plateau_are_those_of_the_closed_forms(line):
    assume(is_exact_power(line))
    certificate = certify(*line.arguments, max_cells=1)
    signal, labels = (line.w1**line.degree).T, np.arange(line.k)
    alphas = np.linspace(0, 1, 65)
    errors = predict_curves(signal, line.b1, labels, line.degree, alphas).error
    assert [float(certificate.error_at(a)) for a in alphas] == errors.tolist()

    if np.count_nonzero(line.b1 == line.b1.max()) == 1:
        end = plateau(signal, line.b1, labels, line.degree).end
        first = certificate.plateaus[0]
        if math.isinf(end):
            assert first.includes_end
        else:  # `end` is the root rounded up: no float lies between them
            assert first.end.compare(end) <= 0
            assert first.end.compare(float(np.nextafter(end, 0))) == 1
