"""The rule of judgement, one for all claims.

For a criterion the exact sign-flip test over seeds is run in both directions, each one-sided: the mean
lies beyond the threshold on the claimed side (p of support), or on the other side (p against).

A claim is supported where *every* criterion holds, so its p of support is the largest of its criteria's;
it is refuted where *some* criterion fails, so its p against is Bonferroni's: the smallest, times their
number, and no smaller than the p of support of a check of the set-up: without the set-up nothing is refuted.
A criterion that counts only with an experiment (`Criterion.only_with`) is left out of both where no seed
has its number; the verdict names it.
Under either truth at most one of the two conclusions is wrong, so p = 2 min(support, against), and
Holm over all nine claims (those without a test enter with p = 1) keeps the chance of *any* wrong verdict
at 5 % or less. What is neither is undecided: absence of evidence refutes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.specs.sweep_file import APART, CHEAP, REALISTIC
from validation.claims.claim import Claim, Criterion
from validation.claims.hypotheses import Check
from validation.claims.observations import Observations
from validation.statistics import bootstrap_mean_interval, holm, sign_flip_tests

__all__ = [
    "LEVEL",
    "CriterionPrediction",
    "CriterionResult",
    "Decision",
    "Verdict",
    "decide",
    "judge",
    "p_of_criterion",
]

LEVEL = 0.05


@dataclass(frozen=True)
class CriterionResult:
    """One criterion measured: every seed's number, their mean and interval, and the two p-values.

    `undefined_seeds` are seeds whose number is nan (a curve that does not fall has no plateau's end); they
    count neither way. mean, interval and p-values are None where no seed has a number.
    `judged` is False for a criterion left out because the experiment it needs was not run.
    `predicted` is what each law says of the same number, by the law's name.
    """

    criterion: Criterion
    by_seed: Mapping[int, float]
    undefined_seeds: tuple[int, ...]
    mean: float | None
    interval: tuple[float, float] | None
    p_support: float | None
    p_against: float | None
    judged: bool = True
    predicted: Mapping[str, CriterionPrediction] = field(default_factory=dict)


@dataclass(frozen=True)
class CriterionPrediction:
    """What a law says of a criterion's number, with its uncertainty over seeds.

    `interval` is the 95 % interval of the predicted mean; `difference` the mean over seeds of measured minus
    predicted, with its interval. Over the seeds that have both numbers; None where none does.
    """

    by_seed: Mapping[int, float]
    mean: float | None
    interval: tuple[float, float] | None
    difference: float | None
    difference_interval: tuple[float, float] | None


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
    checks: tuple[Check, ...] = ()

    @property
    def missing(self) -> str:
        """How many seeds a verdict needs and the commands that get them; "" where there are enough."""
        if _lack(self.claim, self.results) is None:
            return ""
        seeds, needed = _fewest(self.results), self.claim.n_seeds
        then = "`mli validate --profile full`"
        if set(self.claim.experiment.split()) & {*REALISTIC, *CHEAP, *APART}:
            then = "`mli runs record validation/recorded` in a checkout and `mli validate --profile recorded`"
        return (
            f"{seeds or 'no'} seed{'' if seeds == 1 else 's'} with a number, {needed} needed: `mli sweep "
            f"{self.claim.experiment} --seeds {needed}`, then {then}"
        )

    def left_out(self) -> tuple[Criterion, ...]:
        """The criteria that were not judged for want of their experiment."""
        return tuple(result.criterion for result in self.results if not result.judged)


def judge(claims: Sequence[Claim], observations: Observations) -> tuple[Verdict, ...]:
    """Measure and judge all claims together: Holm's correction needs every one of them."""
    measurements = [claim.measure(observations) for claim in claims]
    results = [
        tuple(_result(c, m.values.get(c.key, {}), m.predicted.get(c.key, {})) for c in claim.criteria)
        for claim, m in zip(claims, measurements, strict=True)
    ]
    return tuple(
        Verdict(
            claim,
            decision.verdict,
            decision.p_support,
            decision.p_against,
            decision.p_holm,
            found,
            measurement.evidence,
            claim.check(observations),
        )
        for claim, measurement, found, decision in zip(
            claims, measurements, results, decide(claims, results), strict=True
        )
    )


class Decision(NamedTuple):
    """A verdict in words and its p-values, None where it comes from a lack of data."""

    verdict: str
    p_support: float | None
    p_against: float | None
    p_holm: float | None


def decide(claims: Sequence[Claim], results: Sequence[Sequence[CriterionResult]]) -> list[Decision]:
    """The rule of judgement on what the criteria of all claims measured, in the order of the claims."""
    lacks = [_lack(claim, found) for claim, found in zip(claims, results, strict=True)]
    p_values = [
        _p_values(found) if lack is None else None for found, lack in zip(results, lacks, strict=True)
    ]
    adjusted = holm([min(1.0, 2 * min(p)) if p else 1.0 for p in p_values])
    return [
        Decision(str(lack), None, None, None) if p is None else Decision(_word(*p, float(q)), *p, float(q))
        for lack, p, q in zip(lacks, p_values, adjusted, strict=True)
    ]


def _result(
    criterion: Criterion, by_seed: Mapping[int, float], predicted: Mapping[str, Mapping[int, float]]
) -> CriterionResult:
    values = {seed: float(by_seed[seed]) for seed in sorted(by_seed)}
    finite = _finite(values)
    undefined = tuple(seed for seed, value in values.items() if not math.isfinite(value))
    judged = bool(values) or not criterion.only_with
    laws = {name: _prediction(law, values) for name, law in predicted.items()}
    if finite.size == 0:
        return CriterionResult(criterion, values, undefined, None, None, None, None, judged, laws)
    support, against = p_of_criterion(criterion, finite)
    return CriterionResult(
        criterion, values, undefined, float(finite.mean()), _interval(finite), support, against, judged, laws
    )


def p_of_criterion(criterion: Criterion, numbers: NDArray[np.float64]) -> tuple[float, float]:
    """(p of support, p against) of a criterion from its finite numbers (n,), one a seed."""
    beyond = numbers - criterion.threshold if criterion.side == "above" else criterion.threshold - numbers
    return sign_flip_tests(beyond)


def _prediction(law: Mapping[int, float], measured: Mapping[int, float]) -> CriterionPrediction:
    both = {seed: float(law[seed]) for seed in measured if seed in law}
    numbers = _finite(both)
    gaps = _finite({seed: measured[seed] - value for seed, value in both.items()})
    return CriterionPrediction(
        both,
        float(numbers.mean()) if numbers.size else None,
        _interval(numbers),
        float(gaps.mean()) if gaps.size else None,
        _interval(gaps),
    )


def _finite(values: Mapping[int, float]) -> NDArray[np.float64]:
    return np.array([value for value in values.values() if math.isfinite(value)])


def _interval(numbers: NDArray[np.float64]) -> tuple[float, float] | None:
    interval = bootstrap_mean_interval(numbers) if numbers.size else None
    return (interval.low, interval.high) if interval else None


def _lack(claim: Claim, results: Sequence[CriterionResult]) -> str | None:
    fewest = _fewest(results)
    if fewest == 0:
        return "undecided: no data"
    return "undecided: too few seeds" if fewest < claim.n_seeds else None


def _fewest(results: Sequence[CriterionResult]) -> int:
    """Seeds of the criterion that has the fewest."""
    return min(len(result.by_seed) - len(result.undefined_seeds) for result in results if result.judged)


def _p_values(results: Sequence[CriterionResult]) -> tuple[float, float]:
    """Of support and against; both only for results without a lack, so no p of a criterion is None."""
    judged = [r for r in results if r.judged]
    support = [r.p_support for r in judged if r.p_support is not None]
    against = [r.p_against for r in judged if r.p_against is not None and r.criterion.can_refute]
    checks = [r.p_support for r in judged if r.p_support is not None and not r.criterion.can_refute]
    return max(support), max(min(1.0, len(against) * min(against)), *checks, 0.0)


def _word(p_support: float, p_against: float, p_holm: float) -> str:
    if p_holm > LEVEL:
        return "undecided"
    return "supported" if p_support < p_against else "refuted"
