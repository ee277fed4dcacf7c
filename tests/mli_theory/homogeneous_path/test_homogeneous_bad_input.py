"""Every function of the homogeneous path refuses the same bad inputs, and shows them."""

import numpy as np
import pytest

from mli_theory import DomainError, correct_interval, majority_exit, plateau, predict_curves

GOOD = {
    "signal": [[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]],
    "bias": [0.0, 1.0, 0.5],
    "labels": [0, 2],
    "degree": 3,
    "alphas": [0.0, 0.5, 1.0],
}
CALLS = {
    correct_interval: ("signal", "bias", "labels", "degree"),
    majority_exit: ("signal", "bias", "degree"),
    plateau: ("signal", "bias", "labels", "degree"),
    predict_curves: ("signal", "bias", "labels", "degree", "alphas"),
}
BAD = [
    ("signal", [[1.0, 0.0, np.nan], [0.0, 1.0, 2.0]], r"signal\[0, 2\] = nan"),
    ("signal", [[1.0, 0.0, 2.0], [-np.inf, 1.0, 2.0]], r"signal\[1, 0\] = -inf"),
    ("signal", [1.0, 0.0, 2.0], r"signal must have shape \(any, any\), got \(3,\)"),
    ("signal", np.empty((0, 3)), r"signal must not be empty"),
    ("signal", [[1.0], [2.0]], r"at least 2 classes, got shape \(2, 1\)"),
    ("bias", [0.0, 1.0], r"bias must have shape \(3\), got \(2,\)"),
    ("bias", [0.0, np.inf, 0.5], r"bias\[1\] = inf"),
    ("labels", [0, 3], r"labels\[1\] = 3"),
    ("labels", [-1, 2], r"labels\[0\] = -1"),
    ("labels", [0], r"labels must have shape \(2,\), got \(1,\)"),
    ("labels", [0.0, 1.0], "labels must be integers"),
    ("labels", [[0], [1, 2]], r"labels must be an array of integers, got \[\[0\], \[1, 2\]\]"),
    ("signal", [[1, 0], [2]], r"signal must be an array of real numbers, got \[\[1, 0\], \[2\]\]"),
    ("signal", [[1, 0, 2**53 + 1], [0, 1, 2]], r"signal\[0, 2\] = 9007199254740993"),
    ("bias", [0.0, np.longdouble("1e400"), 0.5], r"bias\[1\] = inf"),
    ("degree", True, "degree >= 2, got True"),
    ("degree", 2.5, r"degree >= 2, got 2\.5"),
    ("degree", 1, "degree >= 2, got 1"),
    ("degree", 2.0, "degree >= 2, got 2.0"),
]


@pytest.mark.parametrize(
    ("function", "name", "value", "message"),
    [(function, *bad) for function, arguments in CALLS.items() for bad in BAD if bad[0] in arguments],
)
def test_bad_input_is_refused_by_name_and_value(function, name, value, message):
    function(*(GOOD[argument] for argument in CALLS[function]))
    with pytest.raises(DomainError, match=message):
        function(*({**GOOD, name: value}[argument] for argument in CALLS[function]))


def test_a_tie_for_the_largest_bias_is_refused_only_where_T2_needs_it():
    tied = {**GOOD, "bias": [1.0, 0.0, 1.0]}
    for function in (majority_exit, plateau):
        with pytest.raises(DomainError, match=r"T2 needs a unique largest bias, but classes 0, 2 share 1\.0"):
            function(*(tied[argument] for argument in CALLS[function]))
    for bias in ([1.0, 0.0, 1.0], [0.0, 0.0, 0.0]):
        accepted = {**GOOD, "bias": bias}
        for function in (correct_interval, predict_curves):
            function(*(accepted[argument] for argument in CALLS[function]))
