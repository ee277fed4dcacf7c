"""What fields of a run that lean on other runs, on other states or on some classes may say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulations.specs.line_words import line_word

if TYPE_CHECKING:
    from simulations.specs.run_spec import RunSpec

__all__ = ["check_other_runs"]


def check_other_runs(spec: RunSpec) -> None:
    """Refuse what does not go together.

    Args:
        spec: whose fields are checked one by one.

    Raises:
        ValueError: naming the fields and their values.
    """
    if (spec.pretrained_layers is None) != (spec.pretrained_classes is None):
        raise ValueError(
            "pretrained_layers and pretrained_classes go together, got "
            f"{spec.pretrained_layers!r} and {spec.pretrained_classes!r}"
        )
    if spec.network == "fcn" and (spec.pretrained_layers or 0) > (spec.depth or 0):
        raise ValueError(
            f"pretrained_layers must be at most the depth {spec.depth}, got {spec.pretrained_layers}"
        )
    chosen = "classes" if spec.classes is not None else "pretrained_layers"
    if getattr(spec, chosen) is not None and (spec.label_noise > 0 or spec.imbalance != 1):
        raise ValueError(
            f"{chosen} = {getattr(spec, chosen)} goes with label_noise 0 and imbalance 1, got "
            f"{spec.label_noise!r} and {spec.imbalance!r}"
        )
    words = [line_word(text) for text in spec.lines or ()]
    if words and spec.imposed_bias_gap is not None:
        raise ValueError(f"lines do not go with imposed_bias_gap, got {spec.imposed_bias_gap!r}")
    for word in words:
        if word.kind in ("seed", "matched") and word.number == spec.seed:
            raise ValueError(f"line {word.kind}:{word.value} is from the run's own seed to itself")
        if word.kind in ("seed", "matched") and spec.label_noise > 0:
            raise ValueError(
                f"line {word.kind}:{word.value} needs label_noise 0, got {spec.label_noise!r}: each seed "
                "draws its own labels, so the other end was trained on others"
            )
        if word.kind == "matched" and spec.network != "fcn":
            raise ValueError(f"line matched:{word.value} is of network 'fcn', got {spec.network!r}")
        if word.kind == "epoch" and spec.evaluate_every is not None:
            raise ValueError(
                f"line epoch:{word.value} needs every epoch evaluated: leave out evaluate_every, got "
                f"{spec.evaluate_every}"
            )
        if word.kind == "epoch" and word.number >= spec.max_epochs:
            raise ValueError(
                f"line epoch:{word.value} must start before the last epoch, max_epochs is {spec.max_epochs}"
            )
