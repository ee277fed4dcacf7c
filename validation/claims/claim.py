"""What a claim is: words, criteria with thresholds fixed beforehand, and a way to measure them.

A claim is judged on *criteria*. Each criterion is one number a seed, and a threshold that the mean
over seeds must pass. The rule of judgement, the same for all claims, is in `validation.judgement.judging`.
Beside it stand the checks of the claim's hypotheses on the data and what the theory predicts for each
criterion; they are shown, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from validation.claims.hypotheses import Check
from validation.claims.observations import Observations

__all__ = ["N_SEEDS", "Claim", "Criterion", "Measurement"]

# With n seeds the smallest exact p-value is 2^-n. Both directions of nine claims at 5 % (Holm's first step)
# need 2 * 9 * 2^-n <= 0.05, so n >= 9; four or five criteria that may refute (Bonferroni) need n >= 11.
N_SEEDS = 11
_MOST_CRITERIA = 5  # a sixth could not be refuted with 11 seeds: 2 * 9 * 6 * 2^-11 = 0.053


@dataclass(frozen=True)
class Criterion:
    """One number a seed that must lie above (or below) a threshold on the mean over seeds.

    Attributes:
        key: names the number in report.json.
        about: which curve it is about: "loss", "error", or another quantity in words.
        measures: the number, in words that complete "for each seed, ...".
        side: on which side of the threshold the claim puts the mean.
        threshold: in `unit`; zero effect is on the wrong side of it, unless the criterion is half of an
            equivalence ("not longer than").
        effect_size: the mean for which the test is planned, beyond the threshold.
        unit: of the number.
        reason: why this threshold and not another.
        can_refute: False for a check of the set-up, whose failure leaves the claim undecided.
        only_with: the experiment (or the quantity) without which this criterion does not count: where no run
            has it, the claim is judged on its other criteria, and the report says so. Empty: always counts.
    """

    key: str
    about: str
    measures: str
    side: Literal["above", "below"]
    threshold: float
    effect_size: float
    unit: str
    reason: str
    can_refute: bool = True
    only_with: str = ""

    def __post_init__(self) -> None:
        beyond = self.effect_size - self.threshold
        if (beyond if self.side == "above" else -beyond) <= 0:
            raise ValueError(
                f"criterion {self.key}: effect_size {self.effect_size} is not {self.side} {self.threshold}"
            )


@dataclass(frozen=True)
class Measurement:
    """What was measured: for each criterion its number for each seed, and further evidence.

    `evidence` is shown and decides nothing: nested dicts and lists of numbers and words, keys in words.
    `predicted` has, for a criterion, under a law's name what the law says of the same number, for each seed.
    """

    values: Mapping[str, Mapping[int, float]]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    predicted: Mapping[str, Mapping[str, Mapping[int, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, or of our theory, with its rule.

    Attributes:
        id: C1 to C15, for good.
        title: in a few words.
        statement: what is claimed.
        source: sentences A1 to A6 of the abstract, or a theorem of theory.md.
        hypotheses: what the source assumes, and how far the runs meet it.
        prediction: what the source says the criteria will show.
        criteria: all must hold for "supported"; evidence against one that can refute is "refuted".
        measure: observations in, numbers out.
        check: observations in, a table out of how far the runs meet the hypotheses.
        n_seeds: fewer, for any criterion, is "undecided: too few seeds".
        needs: the data it needs, said where there is none.
        experiment: whose runs these are, for the command that makes them; several are parted by a space.
        arms: the arms that its criteria are measured on, the one it is about first.
        power_model: whether a criterion is about the power model, too.
    """

    id: str
    title: str
    statement: str
    source: str
    hypotheses: str
    prediction: str
    criteria: tuple[Criterion, ...]
    measure: Callable[[Observations], Measurement]
    check: Callable[[Observations], tuple[Check, ...]]
    n_seeds: int = N_SEEDS
    needs: str = "runs of the star"
    experiment: str = "star"
    arms: tuple[str, ...] = ("centre",)
    power_model: bool = False

    def __post_init__(self) -> None:
        refuting = sum(c.can_refute for c in self.criteria)
        most = max(_MOST_CRITERIA, int(0.05 * 2**self.n_seeds / 18))
        if refuting > most:
            raise ValueError(
                f"claim {self.id} has {refuting} criteria that can refute: with {self.n_seeds} seeds at most "
                f"{most} can, make the others evidence"
            )

    @property
    def rule(self) -> str:
        """The rule in words, loss or error named for each criterion."""
        parts = [
            f"({number}) [{c.about}] for each seed, {c.measures}: the mean is {c.side} {c.threshold:g} "
            f"{c.unit}"
            + ("" if c.can_refute else " (a check of the set-up: it cannot refute)")
            + (f" (counts only with {c.only_with})" if c.only_with else "")
            for number, c in enumerate(self.criteria, 1)
        ]
        return "; ".join(parts)
