"""The rule of judgement, one for all claims.

For a criterion the exact sign-flip test over seeds is run in both directions, each one-sided: the mean
lies beyond the threshold on the claimed side (p of support), or on the other side (p against).

A claim is supported where *every* criterion holds, so its p of support is the largest of its criteria's;
it is refuted where *some* criterion fails, so its p against is Bonferroni's: the smallest, times their
number, and no smaller than the p of support of a check of the set-up: without the set-up nothing is refuted.
Under either truth at most one of the two conclusions is wrong, so p = 2 min(support, against), and
Holm over all nine claims (those without a test enter with p = 1) keeps the chance of *any* wrong verdict
at 5 % or less. What is neither is undecided: absence of evidence refutes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from validation.claims.claim import Claim, Criterion
from validation.observations import Observations
from validation.statistics import bootstrap_mean_interval, holm, sign_flip_test

__all__ = ["LEVEL", "CriterionResult", "Verdict", "judge"]

LEVEL = 0.05


@dataclass(frozen=True)
class CriterionResult:
    """One criterion measured: every seed's number, their mean and interval, and the two p-values.

    `undefined_seeds` are seeds whose number is nan (a curve that does not fall has no plateau's end); they
    count neither way. mean, interval and p-values are None where no seed has a number.
    """

    criterion: Criterion
    by_seed: Mapping[int, float]
    undefined_seeds: tuple[int, ...]
    mean: float | None
    interval: tuple[float, float] | None
    p_support: float | None
    p_against: float | None


@dataclass(frozen=True)
class Verdict:
    """A claim judged: `verdict` is "supported", "refuted", "undecided" or "undecided: <what is missing>"."""

    claim: Claim
    verdict: str
    p_support: float | None
    p_against: float | None
    p_holm: float | None
    results: tuple[CriterionResult, ...]
    evidence: Mapping[str, Any]


def judge(claims: Sequence[Claim], observations: Observations) -> tuple[Verdict, ...]:
    """Measure and judge all claims together: Holm's correction needs every one of them."""
    measured = []
    for claim in claims:
        measurement = claim.measure(observations)
        results = tuple(_result(c, measurement.values.get(c.key, {})) for c in claim.criteria)
        measured.append((claim, results, measurement.evidence, _lack(claim, results)))
    p_values = [_p_values(results) if lack is None else None for _, results, _, lack in measured]
    adjusted = holm([min(1.0, 2 * min(p)) if p else 1.0 for p in p_values])
    verdicts = []
    for (claim, results, evidence, lack), p, corrected in zip(measured, p_values, adjusted, strict=True):
        if p is None:
            verdicts.append(Verdict(claim, str(lack), None, None, None, results, evidence))
        else:
            word = _word(*p, float(corrected))
            verdicts.append(Verdict(claim, word, *p, float(corrected), results, evidence))
    return tuple(verdicts)


def _result(criterion: Criterion, by_seed: Mapping[int, float]) -> CriterionResult:
    values = {seed: float(by_seed[seed]) for seed in sorted(by_seed)}
    finite = np.array([value for value in values.values() if math.isfinite(value)])
    undefined = tuple(seed for seed, value in values.items() if not math.isfinite(value))
    if finite.size == 0:
        return CriterionResult(criterion, values, undefined, None, None, None, None)
    beyond = finite - criterion.threshold if criterion.side == "above" else criterion.threshold - finite
    interval = bootstrap_mean_interval(finite)
    return CriterionResult(
        criterion,
        values,
        undefined,
        float(finite.mean()),
        (interval.low, interval.high) if interval else None,
        sign_flip_test(beyond),
        sign_flip_test(-beyond),
    )


def _lack(claim: Claim, results: Sequence[CriterionResult]) -> str | None:
    counts = [len(result.by_seed) - len(result.undefined_seeds) for result in results]
    if min(counts) == 0:
        return "undecided: no data"
    return "undecided: too few seeds" if min(counts) < claim.n_seeds else None


def _p_values(results: Sequence[CriterionResult]) -> tuple[float, float]:
    """Of support and against; both only for results without a lack, so no p of a criterion is None."""
    support = [r.p_support for r in results if r.p_support is not None]
    against = [r.p_against for r in results if r.p_against is not None and r.criterion.can_refute]
    checks = [r.p_support for r in results if r.p_support is not None and not r.criterion.can_refute]
    return max(support), max(min(1.0, len(against) * min(against)), *checks, 0.0)


def _word(p_support: float, p_against: float, p_holm: float) -> str:
    if p_holm > LEVEL:
        return "undecided"
    return "supported" if p_support < p_against else "refuted"
