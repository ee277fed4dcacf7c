import warnings

import numpy as np
import pytest

from mli_theory import DomainError, SlowCertificateWarning, certify
from mli_theory.certificates import power_model_certificate

EYE, ZERO = np.eye(2), np.zeros((2, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ZERO, [0, 0], EYE, [0, 1], 1), r"T8-T12.*degree >= 2, got 1"),
        ((ZERO, [0, 0], EYE, [0, 1], 2.0), r"integer degree >= 2, got 2.0"),
        ((ZERO, [0, 0], EYE, [0, 1], True), r"got True"),
        ((ZERO[:, :1], [0, 0], EYE, [0, 1], 2), r"square, got shape \(2, 1\)"),
        (([[1.0]], [0], [[1.0]], [0], 2), r"at least 2 classes.*got shape \(1, 1\)"),
        ((ZERO, [0, 0, 0], EYE, [0, 1], 2), r"start_bias must have shape \(2\), got \(3,\)"),
        ((ZERO, [0, 0], np.eye(3), [0, 1], 2), r"end_weights must have shape \(2, 2\), got \(3, 3\)"),
        ((ZERO, [0, 0], EYE, [0, np.inf], 2), r"end_bias\[1\] = inf"),
        (([[0, np.nan], [0, 0]], [0, 0], EYE, [0, 1], 2), r"start_weights\[0, 1\] = nan"),
        ((ZERO, [0, 0], EYE, ["a", "b"], 2), r"end_bias must be an array of real numbers"),
    ],
)
def test_bad_input_is_refused_with_its_value(arguments, message):
    with pytest.raises(DomainError, match=message):
        certify(*arguments)


@pytest.mark.parametrize("max_cells", [0, -1, 1.5, True])
def test_a_search_of_no_cells_is_refused(max_cells):
    with pytest.raises(DomainError, match="max_cells must be an integer >= 1"):
        certify(ZERO, [0, 0], EYE, [0, 1], 2, max_cells=max_cells)


def test_a_tied_largest_bias_is_welcome_and_has_no_plateau():
    assert certify(ZERO, [0, 0], EYE, [1, 1], 2).plateau is None


def test_the_user_is_told_before_slow_work(monkeypatch):
    def stop(*_):
        raise InterruptedError

    monkeypatch.setattr(power_model_certificate, "line_logits", stop)
    k = 200
    with pytest.warns(SlowCertificateWarning, match=r"200 classes at degree 5.*about \d+ s"):  # noqa: SIM117
        with pytest.raises(InterruptedError):
            certify(0.1 * np.eye(k), np.zeros(k), np.eye(k), np.zeros(k), 5)


def test_the_sizes_promised_to_be_fast_give_no_warning():
    k = 30  # pytest turns warnings into errors
    certify(np.zeros((k, k)), np.zeros(k), np.eye(k), np.zeros(k), 8)


@pytest.mark.parametrize(("slope", "slow"), [(-1.0, True), (1.0, False)])
def test_the_warning_looks_at_the_line_a_proof_takes_longer_than_a_rise(monkeypatch, slope, slow):
    # The bias of the classes at alpha = 1: equal ones give a proof of L' <= 0, unequal ones a rise.
    def stop(*_):
        raise InterruptedError

    monkeypatch.setattr(power_model_certificate, "line_logits", stop)
    k = 3
    bias = np.zeros(k) if slope < 0 else np.array([0.0, 1.0, 3.0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InterruptedError):
            certify(0.1 * np.eye(k), np.zeros(k), np.eye(k), bias, 200)
    assert [w.category for w in caught] == [SlowCertificateWarning] * slow


def test_a_zero_start_of_a_high_degree_is_proved_at_once_and_not_warned_of():
    assert certify(np.zeros((3, 3)), np.zeros(3), np.eye(3), np.zeros(3), 200).loss_monotone


@pytest.mark.parametrize(("size", "degree"), [(1.0, 10**5), (1e-308, 2000), (1.0, 2**52)])
def test_a_degree_with_too_many_digits_is_refused_before_any_work(size, degree):
    with pytest.raises(DomainError, match=rf"works to degree \d+ .* got {degree}"):
        certify(size * EYE, [0, 0], EYE, [0, 1], degree)
