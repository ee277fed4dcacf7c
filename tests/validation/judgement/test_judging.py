"""The rule of judgement on claims made for the test: its false alarms, its power, its words."""

import dataclasses
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from validation.claims import CLAIMS
from validation.claims.claim import Criterion, Measurement
from validation.claims.observations import Observations
from validation.judgement.judging import judge

SEEDS = range(100, 112)


def claims_measuring(values):
    """The nine claims, each with one criterion whose numbers are given."""
    criterion = Criterion("x", "loss", "a number", "above", 0.05, 0.1, "nats", "made for the test")
    return [
        dataclasses.replace(
            claim,
            criteria=(criterion,),
            check=lambda _: (),
            measure=lambda _, row=row: Measurement({"x": dict(zip(SEEDS, row, strict=True))}),
        )
        for claim, row in zip(CLAIMS, values, strict=True)
    ]


def share_of_data_sets(draw, verdicts, trials=100):
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(trials):
        found = judge(claims_measuring(draw(rng)), Observations())
        hits += any(v.verdict in verdicts for v in found)
    return hits, trials


def test_false_alarms_of_nine_null_claims_together_stay_at_5_percent():
    # On the threshold itself, the hardest null there is; any verdict at all is a false alarm.
    hits, trials = share_of_data_sets(lambda rng: rng.normal(0.05, 0.04, (9, 12)), {"supported", "refuted"})
    # Fails by chance in at most one of 1,000 draws at a true rate of 5 %; the draws are seeded.
    assert stats.binomtest(hits, trials, 0.05, alternative="greater").pvalue > 1e-3


@pytest.mark.parametrize(("mean", "word"), [(0.1, "supported"), (0.0, "refuted")])
def test_power_at_the_effect_size_with_a_spread_of_003(mean, word):
    def one_effect_among_nulls(rng):
        values = rng.normal(0.05, 0.03, (9, 12))
        values[0] = rng.normal(mean, 0.03, 12)
        return values

    rng = np.random.default_rng(1)
    hits = sum(
        judge(claims_measuring(one_effect_among_nulls(rng)), Observations())[0].verdict == word
        for _ in range(100)
    )
    assert hits >= 80


def test_holm_is_over_all_nine_claims():
    # 11 of 12 equal: p = 13 / 4096 one-sided, enough alone (x 2 = 0.006), not among nine (x 18 = 0.057).
    nearly = np.full(12, 1.0)
    nearly[0] = -1.0
    values = np.tile(nearly + 0.05, (9, 1))
    alone = judge(claims_measuring(values), Observations())
    assert {v.verdict for v in alone} == {"undecided"}
    assert alone[0].p_support == 13 / 4096
    assert alone[0].p_holm == pytest.approx(18 * 13 / 4096)


def test_a_criterion_with_its_effect_on_the_wrong_side_is_refused():
    with pytest.raises(ValueError, match=r"0\.04 is not above 0\.05"):
        Criterion("x", "loss", "a number", "above", 0.05, 0.04, "nats", "made for the test")


def test_the_interval_is_of_the_mean_over_seeds():
    values = np.random.default_rng(2).normal(0.2, 0.1, (9, 12))
    (result,) = judge(claims_measuring(values), Observations())[0].results
    low, high = result.interval
    assert low < result.mean < high
    assert result.mean == pytest.approx(values[0].mean())
    assert (high - low) < 4 * 0.1 / sqrt(12) * 1.3
