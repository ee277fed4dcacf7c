"""The page docs/false_alarms_and_power.md: how often the rules err and find, and what they miss."""

from __future__ import annotations

from pathlib import Path

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.judgement.power import PLANNED_SPREAD, Operating, Rate

__all__ = ["LEAST_POWER", "MOST_FALSE_ALARMS", "PAGE", "power_markdown", "write_power_page"]

MOST_FALSE_ALARMS, LEAST_POWER = 0.05, 0.8
PAGE = "false_alarms_and_power.md"

_SKEW = """\
## Why the rule was not changed for skewed numbers

From `python -m benchmarks.skewed_rules`. The sign-flip test takes a seed to be as likely above its mean
as below it by any amount. The last scenario breaks that on purpose (exponential numbers, skewness 2). No
test of a mean of 12 numbers is right for every distribution; what a correction would buy and cost was
measured on the same data sets, the larger of the two p-values counting:

| p of a criterion | symmetric, worst of four | skewed | power to support, smallest and largest of nine |
| --- | --- | --- | --- |
| sign flips (the rule) | 2.8 % | 19.2 % | 82 to 94 % |
| and Student's t | 2.0 % | 19.2 % | 82 to 94 % |
| and Johnson's t, adjusted for skewness | 2.2 % | 8.5 % | 7 to 80 % |
| and Hall's monotone transformation of t | 2.2 % | 9.8 % | 28 to 85 % |
| Hall's alone, at least 2^-12 | 5.8 % | 10.8 % | 28 to 86 % |

At the levels that nine claims leave (0.3 % and below) an estimate of skewness from 12 seeds is too rough:
each correction still errs in more than 5 % and loses the power. So the rule stands as it was fixed before
the results, and its scope is numbers that are not strongly skewed; the page of each claim shows every
seed's number.
"""


def power_markdown(operating: Operating) -> str:
    """The page, with both exact limits and a list of what is missed."""
    alarms = [f"| {name} | {_rate(rate)} |" for name, rate in operating.false_alarms.items()]
    power = [
        f"| {name} | {_rate(rate)} | {_rate(operating.refutation[name])} |"
        for name, rate in operating.support.items()
    ]
    (trials,) = {rate.trials for rate in operating.false_alarms.values()}
    return "\n".join(
        [
            "# False alarms and power of the rules\n",
            f"{trials} synthetic data sets for each scenario, drawn from a fixed seed and judged by the "
            "rule of `mli validate --rules`. A number is normal (a share is binomial) with a spread over "
            f"seeds of {PLANNED_SPREAD:g} of the distance from threshold to effect size, 12 seeds. Shares "
            "in per cent, in brackets their exact (Clopper-Pearson) one-sided 95 % limits, lower and "
            "upper. Made by `mli validate --power --output docs`; do not edit.\n",
            "## Any wrong verdict among the nine claims\n",
            "| planted | data sets with a wrong verdict |",
            "| --- | --- |",
            *alarms,
            "\n## Power\n",
            "That claim alone true (every criterion at its effect size), or false (one criterion as far on "
            "the wrong side, drawn at random); the other eight at their thresholds.\n",
            "| claim | supported where true | refuted where false |",
            "| --- | --- | --- |",
            *power,
            f"\n## What is missed of at most {MOST_FALSE_ALARMS:.0%} false alarms and at least "
            f"{LEAST_POWER:.0%} power\n",
            *(_misses(operating) or ["Nothing."]),
            "",
            _SKEW,
        ]
    )


def write_power_page(folder: Path | str, operating: Operating) -> Path:
    """Write `folder/false_alarms_and_power.md`.

    Raises:
        OSError: the folder cannot be written.
    """
    path = writable_folder(folder) / PAGE
    with atomic_path(path) as temporary:
        temporary.write_text(power_markdown(operating), encoding="utf-8")
    return path


def _misses(operating: Operating) -> list[str]:
    """Shares beyond what was asked, and those that cannot be shown to be within it: their limit is beyond."""
    found = []
    for name, rate in operating.false_alarms.items():
        if rate.upper > MOST_FALSE_ALARMS:
            found.append(f"- False alarms, {name}: {_rate(rate)}.")
    for what, rates in (("support", operating.support), ("refutation", operating.refutation)):
        for name, rate in rates.items():
            if rate.lower < LEAST_POWER:
                word = "missed" if rate.share < LEAST_POWER else "not shown: the lower limit is below"
                found.append(f"- Power, {what} of {name}: {_rate(rate)}, {word}.")
    return found


def _rate(rate: Rate) -> str:
    return f"{100 * rate.share:.1f} ({100 * rate.lower:.1f} to {100 * rate.upper:.1f})"
