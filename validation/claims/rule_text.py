"""Every rule in words, as `mli validate --rules` prints it and report.md repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from validation.claims.claim import Claim
from validation.claims.scope_text import scope_text

__all__ = [
    "JUDGEMENT",
    "P_OF_A_CLAIM",
    "claims_in_words",
    "judgement",
    "p_of_a_claim",
    "rules_data",
    "rules_text",
]

_P_OF_A_CLAIM = """\
p is two-sided: twice the smaller of two one-sided p-values, of which one is small where the means lie on
the claimed side of all thresholds ("supported"), the other where one lies on the other side ("refuted"),
corrected over the {claims} claims by Holm's method. It says how surely a verdict stands, not which it is."""

_JUDGEMENT = """\
Every criterion is one number for each seed and a threshold for its mean. An exact sign-flip test over
the seeds is made in both directions ("p for", "p against", uncorrected); it takes a seed to be as likely
above as below its mean by any amount (with exponential numbers, which are strongly skewed, 19 % of data
sets have a wrong verdict, not the 5 % promised below: docs/false_alarms_and_power.md). A claim is
supported if all its criteria lie on the claimed side of their thresholds, refuted if one (Bonferroni)
lies on the other side, undecided otherwise. So refuted means evidence that an effect is smaller than its
threshold, or opposite; not that no effect was found. Holm's correction over the {claims} claims, each p
doubled for its two directions, keeps the chance of any wrong verdict, of either kind, at 5 % or less
(for wrong directions at Holm's later steps this is known for independent tests; the claims share runs).
Too few seeds, or no data, is undecided and says so. A criterion that "counts only with" an experiment is
left out where no run has it: the claim is then judged on its others, and the report says so. Runs that
did not reach their target loss, and the pilots' seeds (0 to 7, 20 to 39), count nowhere. The effect size is
the mean a criterion is planned for: with 12 seeds that spread by 0.6 of the distance from threshold to effect
size it finds it at least 4 times in 5. `mli validate --power` measures false alarms and power on
synthetic data sets. The 95 % interval of a mean is a bootstrap's over the seeds; with so few it covers
somewhat less (about 92 % of normal samples with 12 seeds, 85 % with 5), so under 10 seeds none is given and
the range of the seeds stands in its place. No verdict uses it. The profiles quick and standard judge the
planned seeds alone; `--profile full` judges all that is in the store, seeds beyond the planned ones
(`mli sweep --seeds N`) among them. The 5 % hold for a claim judged once: one that was tested, then given
more seeds and tested again, can err more often. A claim that had too few seeds was not tested, so the
seeds that it lacks cost nothing. Checks of hypotheses, predictions and further numbers are shown beside a
verdict and decide nothing."""

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def claims_in_words(count: int) -> str:
    """How many claims were judged together."""
    return _WORDS[count] if count < len(_WORDS) else str(count)


def p_of_a_claim(count: int) -> str:
    """What p means where so many claims are judged together."""
    return _P_OF_A_CLAIM.format(claims=claims_in_words(count))


def judgement(count: int) -> str:
    """The rule of judgement in words, for so many claims."""
    return _JUDGEMENT.format(claims=claims_in_words(count))


P_OF_A_CLAIM, JUDGEMENT = p_of_a_claim(9), judgement(9)


def rules_text(claims: Sequence[Claim]) -> str:
    """The rule of judgement, then each claim's criteria, thresholds, effect sizes, and their reasons."""
    parts = ["How a claim is judged\n\n" + judgement(len(claims))]
    for claim in claims:
        lines = [
            f"{claim.id}  {claim.title}  ({claim.source})",
            f"  Statement:  {claim.statement}",
            f"  Hypotheses: {claim.hypotheses}",
            f"  Prediction: {claim.prediction}",
            f"  Judged on:  {scope_text(claim)}",
            f"  Needs:      {claim.needs}; at least {claim.n_seeds} seeds for each criterion",
        ]
        for number, c in enumerate(claim.criteria, 1):
            lines += [
                f"  Criterion {number} [{c.about}]: for each seed, {c.measures};",
                f"      the mean over seeds is {c.side} {c.threshold:g} {c.unit} (effect size "
                f"{c.effect_size:g})",
                f"      because {c.reason}",
            ]
            if c.only_with:
                lines.append(f"      Counts only with {c.only_with}: else the claim is judged without it.")
            if not c.can_refute:
                lines.append(
                    "      A check of the set-up: where it fails, the claim is undecided, not refuted."
                )
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def rules_data(claims: Sequence[Claim]) -> dict[str, Any]:
    """What `rules_text` says, as nested dicts and lists of words and numbers."""
    return {
        "judgement": judgement(len(claims)),
        "claims": [
            {
                "id": claim.id,
                "title": claim.title,
                "source": claim.source,
                "statement": claim.statement,
                "hypotheses": claim.hypotheses,
                "prediction": claim.prediction,
                "judged_on": scope_text(claim),
                "needs": claim.needs,
                "n_seeds": claim.n_seeds,
                "criteria": [asdict(criterion) for criterion in claim.criteria],
            }
            for claim in claims
        ],
    }
