"""The experiments by name, with what each shows. Imports nothing heavy: the command line's help reads it."""

from __future__ import annotations

__all__ = ["CATALOGUE", "SIZES", "module_name"]

SIZES = ("quick", "full")

CATALOGUE = {
    "learning-order": "order of biases and losses while classes are learned (T10, T10c)",
    "schedule": "learning times beside T9's, over degree and initial scale",
    "plateau-laws": "the plateau beside T11's laws (a) and (b), from one to the other",
    "crossover": "the initial scale half way between T11's laws, found and by the crossover law",
    "vanishing-plateau": "the plateau at fixed scale as the loss goes to 0, beside T11's bound (T11')",
    "plateau-start": "where the plateau starts on the line from the true initial weights (T14)",
    "escape": "when the last class's weight escapes after all, beside T11's gap",
    "gaussian-starts": "starts of both signs: which can reach the loss, and what is learned first (T12)",
    "unequal-classes": "which class takes the largest bias when class sizes differ (T9)",
    "gradient-descent": "where gradient descent, momentum and Adam follow the flow, and where not (T8, T9)",
    "degree-two": "learning times at r = 2, where differences do not grow with 1/scale (T12)",
}


def module_name(experiment: str) -> str:
    """The module of an experiment, to be imported.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if experiment not in CATALOGUE:
        raise ValueError(f"no experiment is named {experiment!r}: choose from {', '.join(CATALOGUE)}, or all")
    return f"simulations.power_model_experiments.{experiment.replace('-', '_')}"
