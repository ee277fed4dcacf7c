"""C3: biases decide what one sees (A3); about the error, the loss shown beside it.

In the pilot homogeneous interpolation shortened the *error* plateau at the centre and, with a bias in
every layer, lengthened the *loss* plateau: so the claim is tested where the pilot pointed, on new
seeds, and the loss is reported apart.
"""

from __future__ import annotations

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import plateau_end, summary
from validation.observations import Observations

__all__ = ["CLAIM"]

_REASON = (
    "a twentieth of the line: five steps of the grid of 101 alphas, and the smallest change a reader of "
    "a figure would call a different plateau"
)


def _measure(observations: Observations) -> Measurement:
    return Measurement(
        {
            "error_linear_minus_homogeneous": _path_effect(observations, "centre", "error"),
            "error_last_minus_none": _bias_effect(observations, "bias-none", "error"),
        },
        {
            "loss_linear_minus_homogeneous": summary(_path_effect(observations, "centre", "loss")),
            "loss_last_minus_none": summary(_bias_effect(observations, "bias-none", "loss")),
            "error_linear_minus_homogeneous_bias_in_all_layers": summary(
                _path_effect(observations, "bias-all", "error")
            ),
            "loss_linear_minus_homogeneous_bias_in_all_layers": summary(
                _path_effect(observations, "bias-all", "loss")
            ),
            "error_last_minus_all": summary(_bias_effect(observations, "bias-all", "error")),
            "loss_last_minus_all": summary(_bias_effect(observations, "bias-all", "loss")),
        },
    )


def _path_effect(observations: Observations, arm: str, quantity: str) -> dict[int, float]:
    return observations.by_seed(
        arm, lambda run: plateau_end(run, quantity) - plateau_end(run, quantity, "homogeneous")
    )


def _bias_effect(observations: Observations, other: str, quantity: str) -> dict[int, float]:
    return observations.paired("centre", other, lambda run: plateau_end(run, quantity))


CLAIM = Claim(
    id="C3",
    title="Biases decide what one sees",
    statement="What interpolation shows of a deep network depends heavily on its biases: on whether "
    "there are any, and on how they are interpolated.",
    source="A3; T5 for the homogeneous path",
    hypotheses="T5 assumes zero initial weights; the networks start at half of He's scale.",
    prediction="The error plateau of the same trained network is shorter when biases are interpolated as "
    "alpha^l, and shorter in a network trained without biases.",
    criteria=(
        Criterion(
            key="error_linear_minus_homogeneous",
            about="error",
            measures="the end of the error plateau on the linear path minus that on the homogeneous path "
            "of the same trained network (centre)",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason=_REASON,
        ),
        Criterion(
            key="error_last_minus_none",
            about="error",
            measures="the end of the error plateau with a last-layer bias (centre) minus that without "
            "any bias",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason=_REASON,
        ),
    ),
    measure=_measure,
)
