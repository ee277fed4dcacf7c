"""How often the judgement errs, and how often it finds what is there: synthetic data sets with planted truth.

A data set is one number a seed for every criterion of every claim, drawn around a planted mean, and judged
by the rule itself (`judging.decide`). Numbers are normal, with the spread the rules are planned for
(PLANNED_SPREAD of the distance from threshold to effect size), but where a criterion's number is a share:
0 or 1 for the power model's starts and for "1 if ..." of a seed, sevenths for the arms of the star. Criteria
are drawn independently, which is the hardest case for a claim that needs all of its criteria.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from validation.claims.claim import Claim, Criterion
from validation.claims.rule_text import claims_in_words
from validation.judgement.judging import CriterionResult, decide, p_of_criterion

__all__ = [
    "PLANNED_SPREAD",
    "Operating",
    "PowerBySeeds",
    "Rate",
    "operating_characteristics",
    "power_by_seeds",
    "power_text",
]

Floats = NDArray[np.float64]

PLANNED_SPREAD = 0.6
_SEEDS = 12
_ARMS_OF_THE_STAR = 7
_STARTS = 24


class Rate(NamedTuple):
    """So many of so many data sets, with the exact (Clopper-Pearson) 95 % limits, each one-sided."""

    hits: int
    trials: int

    @property
    def share(self) -> float:
        """Of the data sets."""
        return self.hits / self.trials

    @property
    def upper(self) -> float:
        """The true share is below this, at 95 %."""
        return float(stats.beta.ppf(0.95, self.hits + 1, self.trials - self.hits)) if self.misses else 1.0

    @property
    def lower(self) -> float:
        """The true share is above this, at 95 %."""
        return float(stats.beta.ppf(0.05, self.hits, self.misses + 1)) if self.hits else 0.0

    @property
    def misses(self) -> int:
        """The other data sets."""
        return self.trials - self.hits


@dataclass(frozen=True)
class Operating:
    """What the rule does, by scenario.

    Attributes:
        false_alarms: any wrong verdict among the claims, by what is planted.
        support: by claim id, the claim found where every criterion is at its effect size.
        refutation: by claim id, the claim refuted where one criterion lies as far on the wrong side.
    """

    false_alarms: dict[str, Rate]
    support: dict[str, Rate]
    refutation: dict[str, Rate]


def operating_characteristics(
    claims: Sequence[Claim], n_sets: int = 400, seed: int = 0, seeds: int | None = _SEEDS
) -> Operating:
    """Judge `n_sets` data sets for each scenario; the same seed gives the same answer.

    Args:
        claims: judged together.
        n_sets: data sets of a scenario.
        seed: of the draws.
        seeds: numbers of a criterion; None: as many as its claim needs at the least.

    Raises:
        ValueError: fewer than one data set.
    """
    if n_sets < 1:
        raise ValueError(f"n_sets must be at least 1, got {n_sets}")
    rng = np.random.default_rng(seed)
    counts = [seeds or claim.n_seeds for claim in claims]
    numbers = [_Numbers(count) for count in counts]
    skew = [_Numbers(count, skewed=True) for count in counts]
    drawn = list(zip(claims, numbers, strict=True))
    null = [[_draw(claim, _threshold, rng, one) for claim, one in drawn] for _ in range(n_sets)]
    true = [[_draw(claim, _effect, rng, one) for claim, one in drawn] for _ in range(n_sets)]
    edge = [[_one_at(claim, _threshold, rng, one) for claim, one in drawn] for _ in range(n_sets)]
    against = [[_one_at(claim, _mirrored, rng, one) for claim, one in drawn] for _ in range(n_sets)]
    skewed = [
        [_draw(claim, _threshold, rng, one) for claim, one in zip(claims, skew, strict=True)]
        for _ in range(n_sets)
    ]

    def mixed(row: int, nulls: set[int]) -> list[tuple[CriterionResult, ...]]:
        return [(edge if i in nulls else true)[row][i] for i in range(len(claims))]

    rows, places = range(n_sets), range(len(claims))
    return Operating(
        {
            "every criterion at its threshold": _alarms(claims, null, set(places)),
            "in each claim one criterion at its threshold, the others at their effect": _alarms(
                claims, edge, set(places)
            ),
            f"one claim so, by turns, and {claims_in_words(len(claims) - 1)} true": Rate(
                sum(_alarm(claims, mixed(row, {row % len(claims)}), {row % len(claims)}) for row in rows),
                n_sets,
            ),
            "every other claim so": Rate(
                sum(_alarm(claims, mixed(row, set(places[::2])), set(places[::2])) for row in rows), n_sets
            ),
            "every criterion at its threshold, skewed numbers (outside the test's assumption)": _alarms(
                claims, skewed, set(places)
            ),
        },
        {c.id: _found(claims, i, true, null, "supported") for i, c in enumerate(claims)},
        {c.id: _found(claims, i, against, null, "refuted") for i, c in enumerate(claims)},
    )


class PowerBySeeds(NamedTuple):
    """How often a claim is decided rightly with so many seeds that spread so far.

    `spread` is over seeds, in units of the distance from threshold to effect size.
    """

    seeds: int
    spread: float
    support: Rate
    refutation: Rate


def power_by_seeds(
    claim: Claim,
    together: int,
    seeds: Sequence[int],
    spreads: Sequence[float],
    n_sets: int = 100,
    seed: int = 0,
) -> list[PowerBySeeds]:
    """How many seeds a claim needs: supported where true, refuted where one criterion is as far off.

    Args:
        claim: judged by its criteria, whatever number of seeds it asks for.
        together: claims of its family; the others have no test, which is Holm's hardest step.
        seeds: numbers of a criterion, to be tried.
        spreads: over seeds, in units of the distance from threshold to effect size.
        n_sets: data sets for each.
        seed: of the draws.

    Raises:
        ValueError: fewer than one data set.
    """
    if n_sets < 1:
        raise ValueError(f"n_sets must be at least 1, got {n_sets}")
    found = []
    for count in seeds:
        for spread in spreads:
            rng, numbers = np.random.default_rng(seed), _Numbers(count, spread)
            judged = replace(claim, n_seeds=count)
            true = [_draw(judged, _effect, rng, numbers) for _ in range(n_sets)]
            against = [_one_at(judged, _mirrored, rng, numbers) for _ in range(n_sets)]
            found.append(
                PowerBySeeds(
                    count,
                    spread,
                    _decided(judged, together, true, "supported"),
                    _decided(judged, together, against, "refuted"),
                )
            )
    return found


def _decided(claim: Claim, together: int, sets: Sequence[Sequence[CriterionResult]], word: str) -> Rate:
    silent = [CriterionResult(claim.criteria[0], {}, (), None, None, None, None)]
    others = [silent] * (together - 1)
    hits = sum(decide([claim] * together, [one, *others])[0].verdict == word for one in sets)
    return Rate(hits, len(sets))


def power_text(operating: Operating) -> str:
    """The rates as a table in plain text."""
    count = len(operating.support)
    lines = [f"False alarms (any wrong verdict among the {claims_in_words(count)} claims), upper 95 % limit"]
    lines += [
        f"  {rate.share:6.1%}  below {rate.upper:5.1%}  {rate.hits:3d} of {rate.trials}  {name}"
        for name, rate in operating.false_alarms.items()
    ]
    lines += [
        "Power, lower 95 % limit: that claim alone true (or false), the other "
        f"{claims_in_words(count - 1)} at their thresholds",
        "        supported at the effect size     refuted as far on the wrong side in one criterion",
    ]
    for name, rate in operating.support.items():
        other = operating.refutation[name]
        lines.append(
            f"  {name}    {rate.share:6.1%}  above {rate.lower:5.1%}            "
            f"{other.share:6.1%}  above {other.lower:5.1%}"
        )
    return "\n".join(lines) + "\n"


def _threshold(criterion: Criterion) -> float:
    return criterion.threshold


def _effect(criterion: Criterion) -> float:
    return criterion.effect_size


def _mirrored(criterion: Criterion) -> float:
    return 2 * criterion.threshold - criterion.effect_size


class _Numbers(NamedTuple):
    """How a criterion's numbers are drawn: how many, how far they spread, and whether they are skewed."""

    seeds: int
    spread: float | None = None
    skewed: bool = False

    def __call__(self, criterion: Criterion, mean: float, rng: np.random.Generator) -> Floats:
        """One number a seed, around the mean; multiples of 2^-40, which the exact test adds up faster."""
        width = PLANNED_SPREAD if self.spread is None else self.spread
        width *= abs(criterion.effect_size - criterion.threshold)
        if self.skewed:
            return _rounded(mean + width * (rng.exponential(size=self.seeds) - 1))
        share = float(np.clip(mean, 0.0, 1.0))
        if criterion.key == "power_model_order":
            return rng.binomial(1, share, _STARTS).astype(float)
        if criterion.unit == "of the arms":
            return rng.binomial(_ARMS_OF_THE_STAR, share, self.seeds) / _ARMS_OF_THE_STAR
        if criterion.unit == "of the seeds":
            return rng.binomial(1, share, self.seeds).astype(float)
        return _rounded(mean + width * rng.normal(size=self.seeds))


def _rounded(numbers: Floats) -> Floats:
    return np.round(numbers * 2.0**40) / 2.0**40


def _draw(
    claim: Claim, mean: Callable[[Criterion], float], rng: np.random.Generator, numbers: _Numbers
) -> tuple[CriterionResult, ...]:
    return tuple(_judged(c, numbers(c, mean(c), rng)) for c in claim.criteria)


def _one_at(
    claim: Claim, mean: Callable[[Criterion], float], rng: np.random.Generator, numbers: _Numbers
) -> tuple[CriterionResult, ...]:
    """One criterion that can refute, drawn at random, at `mean`; the others at their effect size."""
    refuting = [c.key for c in claim.criteria if c.can_refute]
    chosen = refuting[rng.integers(len(refuting))]
    return tuple(
        _judged(c, numbers(c, mean(c) if c.key == chosen else c.effect_size, rng)) for c in claim.criteria
    )


def _judged(criterion: Criterion, numbers: Floats) -> CriterionResult:
    by_seed = dict(enumerate(map(float, numbers)))
    support, against = p_of_criterion(criterion, numbers)
    return CriterionResult(criterion, by_seed, (), float(numbers.mean()), None, support, against)


_DataSet = Sequence[Sequence[CriterionResult]]


def _alarms(claims: Sequence[Claim], sets: Sequence[_DataSet], nulls: set[int]) -> Rate:
    return Rate(sum(_alarm(claims, data, nulls) for data in sets), len(sets))


def _alarm(claims: Sequence[Claim], data: _DataSet, nulls: set[int]) -> bool:
    """Whether a claim at its threshold has a verdict, or a true one is refuted."""
    decisions = decide(claims, data)
    return any(
        d.verdict in ({"supported", "refuted"} if i in nulls else {"refuted"})
        for i, d in enumerate(decisions)
    )


def _found(
    claims: Sequence[Claim], place: int, sets: Sequence[_DataSet], others: Sequence[_DataSet], word: str
) -> Rate:
    hits = 0
    for one, rest in zip(sets, others, strict=True):
        data = [*rest[:place], one[place], *rest[place + 1 :]]
        hits += decide(claims, data)[place].verdict == word
    return Rate(hits, len(sets))
