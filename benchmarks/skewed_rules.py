"""Would another p-value of a criterion stand skewed numbers, and what would it cost in power?

    python -m benchmarks.skewed_rules [--sets 400]

The synthetic data sets of `mli validate --power`, judged with the sign-flip test and with corrections for
skewness: Johnson's t (J. Am. Stat. Assoc. 73, 1978) and Hall's monotone transformation (J. R. Stat. Soc. B
54, 1992). The table in docs/false_alarms_and_power.md is from 400 data sets, two minutes of CPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from validation.claims import CLAIMS
from validation.claims.claim import Criterion
from validation.judgement import power
from validation.judgement.power import operating_characteristics
from validation.statistics import sign_flip_test

Floats = NDArray[np.float64]
Rule = Callable[[Floats], float]


def of_t(adjusted: Callable[[float, float, int], float]) -> Rule:
    """One-sided p of "the mean is positive" from t / sqrt(n) and the skewness, put together by `adjusted`."""

    def p(x: Floats) -> float:
        n, spread = len(x), float(x.std(ddof=1))
        if spread == 0:
            return 0.0 if x.mean() > 0 else 1.0
        skewness = n / ((n - 1) * (n - 2)) * float(((x - x.mean()) ** 3).sum()) / spread**3
        return float(stats.t.sf(np.sqrt(n) * adjusted(float(x.mean()) / spread, skewness, n), n - 1))

    return p


student = of_t(lambda u, _, __: u)
johnson = of_t(lambda u, g, n: u + g / (6 * n) + g * u**2 / 3)
hall = of_t(lambda u, g, n: u + g * u**2 / 3 + g**2 * u**3 / 27 + g / (6 * n))
RULES: dict[str, Rule] = {
    "sign flips (the rule)": sign_flip_test,
    "and Student's t": lambda x: max(sign_flip_test(x), student(x)),
    "and Johnson's t, adjusted for skewness": lambda x: max(sign_flip_test(x), johnson(x)),
    "and Hall's monotone transformation of t": lambda x: max(sign_flip_test(x), hall(x)),
    "Hall's alone, at least 2^-12": lambda x: max(2.0 ** -len(x), hall(x)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=400)
    sets = parser.parse_args().sets
    print(
        "| p of a criterion | symmetric, worst of four | skewed | power to support |\n"
        "| --- | --- | --- | --- |"
    )
    for name, rule in RULES.items():

        def p_of_criterion(criterion: Criterion, numbers: Floats, rule: Rule = rule) -> tuple[float, float]:
            beyond = numbers - criterion.threshold
            beyond = beyond if criterion.side == "above" else -beyond
            return rule(beyond), rule(-beyond)

        power.p_of_criterion = p_of_criterion
        found = operating_characteristics(CLAIMS, sets)
        *symmetric, skewed = (rate.share for rate in found.false_alarms.values())
        support = [rate.share for rate in found.support.values()]
        print(f"| {name} | {max(symmetric):.1%} | {skewed:.1%} | {min(support):.0%} to {max(support):.0%} |")


if __name__ == "__main__":
    main()
