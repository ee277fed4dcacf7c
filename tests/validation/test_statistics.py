"""Tests and intervals against brute force and against scipy's own, slower or more general, ones."""

import itertools
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from validation.statistics import (
    FEWEST_SEEDS_OF_AN_INTERVAL,
    bootstrap_mean_interval,
    holm,
    sign_flip_test,
    sign_flip_tests,
    wilson_interval,
)

DIFFERENCES = st.lists(
    st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6) | st.sampled_from([0.1, -0.1, 0.3, 1e-300]),
    min_size=1,
    max_size=8,
)


@given(DIFFERENCES)
@example([0.1, 0.2, -0.3])  # in floats 0.1 + 0.2 - 0.3 > 0, as rationals too: no rounding may decide
@example([0.0])
@example([5e-324, -1e6])
def test_sign_flip_counts_all_flips_exactly(differences):
    exact = [Fraction(value) for value in differences]
    flips = list(itertools.product([1, -1], repeat=len(exact)))
    at_least = sum(sum(s * d for s, d in zip(flip, exact, strict=True)) >= sum(exact) for flip in flips)
    assert sign_flip_test(differences) == at_least / len(flips)
    at_most = sum(sum(s * d for s, d in zip(flip, exact, strict=True)) <= sum(exact) for flip in flips)
    assert sign_flip_tests(differences) == (at_least / len(flips), at_most / len(flips))


def test_sign_flip_agrees_with_scipy_where_scipy_enumerates():
    values = np.random.default_rng(0).normal(0.5, 1, 9)
    reference = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert sign_flip_test(values) == pytest.approx(reference.pvalue, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 12, 20, 40])
def test_all_positive_has_the_smallest_p_there_is(n):
    assert sign_flip_test(np.arange(1, n + 1)) == 2.0**-n


def test_sign_flip_false_alarms_stay_at_the_level_under_symmetry():
    # Exact: under the null every sign pattern of given sizes is equally likely, so look at all of them.
    sizes = np.random.default_rng(1).exponential(size=8)
    p = np.array([sign_flip_test(sizes * signs) for signs in itertools.product([1, -1], repeat=8)])
    for level in (0.004, 0.05, 0.5):
        assert np.mean(p <= level) <= level
    assert np.mean(p <= 0.05) > 0.04  # and is not idle


P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=7)


@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.2]))
@example([0.05 / 3, 0.025, 0.05], 0.05)
def test_holm_rejects_what_the_step_down_words_reject(p_values, level):
    adjusted = holm(p_values)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = set()
    for step, i in enumerate(order):
        if p_values[i] * (len(p_values) - step) > level:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(adjusted) if p <= level} == rejected
    assert (adjusted >= p_values).all()
    assert (adjusted <= 1).all()


@given(st.integers(1, 300), st.data())
@example(12, None)
def test_wilson_solves_its_own_quadratic(trials, data):
    successes = trials if data is None else data.draw(st.integers(0, trials))
    z = stats.norm.ppf(0.975)
    share = successes / trials
    low, high = wilson_interval(successes, trials)
    for end in (low, high):  # ends p solve (share - p)^2 = z^2 p (1 - p)/n
        assert (share - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / trials, abs=1e-12)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1


def test_bootstrap_repeats_itself_and_covers():
    sample = np.random.default_rng(3).normal(2, 1, 12)
    first = bootstrap_mean_interval(sample)
    assert first == bootstrap_mean_interval(sample)
    assert first.low < sample.mean() < first.high
    # Near the t interval on normal data (BCa on 12 values is known to be some 10 % narrower).
    t_interval = stats.t.interval(0.95, 11, sample.mean(), stats.sem(sample))
    assert np.ptp(first) == pytest.approx(np.ptp(t_interval), rel=0.25)


def test_bootstrap_edges():
    assert bootstrap_mean_interval(range(FEWEST_SEEDS_OF_AN_INTERVAL - 1)) is None
    assert bootstrap_mean_interval([2.0] * FEWEST_SEEDS_OF_AN_INTERVAL) == (2.0, 2.0)
    assert bootstrap_mean_interval([0.0] * 12) == (0.0, 0.0)
    nearly = np.nextafter(5, 6)
    assert bootstrap_mean_interval([5.0] * 11 + [nearly]) == (5.0, nearly)
    low, high = bootstrap_mean_interval([0.0] * 11 + [1.0])  # one seed apart: an interval, no warning
    assert 0 <= low < 1 / 12 < high < 1


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: sign_flip_test([]), "[]"),
        (lambda: sign_flip_test([1, np.nan]), "nan"),
        (lambda: sign_flip_test([1.0] * 41), "41"),
        (lambda: holm([0.5, 1.5]), "1.5"),
        (lambda: holm([np.nan]), "nan"),
        (lambda: wilson_interval(3, 2), "3 of 2"),
        (lambda: wilson_interval(0, 0), "0 of 0"),
        (lambda: bootstrap_mean_interval([np.inf] * 6), "inf"),
    ],
)
def test_bad_input_is_refused_with_its_value(call, shown):
    with pytest.raises(ValueError, match=re.escape(shown)):
        call()


def test_whole_numbers_beyond_an_int64_are_flipped_as_exactly_as_small_ones():
    """The same sample on a scale at which the sums no longer fit, and one that spans both."""
    sample = np.array([3.0, -1.0, 2.0, 5.0, -2.0, 1.0, 4.0])
    by_hand = np.mean([sum(signs * sample) >= sample.sum() for signs in itertools.product([1, -1], repeat=7)])
    assert sign_flip_test(sample) == by_hand
    assert sign_flip_test(sample * 2.0**61) == by_hand
    assert sign_flip_tests(sample * 2.0**61) == sign_flip_tests(sample)
    beside = np.append(sample * 2.0**70, 2.0**-5)  # 75 bits apart
    assert sign_flip_test(beside) == sign_flip_test(np.append(sample * 2.0**20, 0.01))
