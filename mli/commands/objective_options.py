"""Which loss a line is of, on the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = [
    "Calibrated",
    "ClassWeights",
    "Ignored",
    "ObjectiveOption",
    "Smoothing",
    "Target",
    "what_to_measure",
]

ObjectiveOption = Annotated[
    str,
    typer.Option(
        help="cross_entropy (a label a sample or token), binary, squared_error, or package.module:function."
    ),
]
ClassWeights = Annotated[
    str | None, typer.Option(help="Of cross_entropy: a weight for each class, such as 1,1,2.5.")
]
Smoothing = Annotated[float, typer.Option("--label-smoothing", help="Of cross_entropy, in [0, 1).")]
Ignored = Annotated[
    int | None,
    typer.Option("--ignore-index", help="The label that counts for nothing. Else the one torch ignores."),
]
Target = Annotated[str, typer.Option(help="Of squared_error: labels, or input (an autoencoder).")]
Calibrated = Annotated[
    bool, typer.Option("--calibrated", help="Also the loss at the best temperature of each alpha.")
]


def what_to_measure(
    objective: str,
    class_weights: str | None,
    label_smoothing: float,
    ignore_index: int | None,
    target: str,
    calibrated: bool,
) -> dict[str, Any]:
    """The options as arguments of the engine.

    Raises:
        ValueError: weights that are no numbers; as `mli.user_network.find_object`.
    """
    found: Any = objective
    if ":" in objective:
        from mli.user_network import find_object

        found = find_object(objective)
        if not callable(found):
            raise ValueError(f"--objective {objective} must name a function (output, batch) -> losses (n,)")
    weights = None
    if class_weights is not None:
        try:
            weights = [float(word) for word in class_weights.split(",")]
        except ValueError as error:
            raise ValueError(
                f"--class-weights must be numbers with commas between, got {class_weights!r}"
            ) from error
    read = {
        "objective": found,
        "class_weights": weights,
        "label_smoothing": label_smoothing,
        "target": target,
        "calibrated": calibrated,
    }
    return read if ignore_index is None else read | {"ignore_index": ignore_index}
