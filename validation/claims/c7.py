"""C7: the same holds of practical networks (A6); no run of the star is one."""

from __future__ import annotations

from validation.claims.claim import Claim, Criterion, Measurement
from validation.claims.line_shape import plateau_end, summary
from validation.observations import Observations

__all__ = ["CLAIM"]

_NETWORKS = {"vgg16": "VGG-16", "resnet18": "ResNet-18"}


def _measure(observations: Observations) -> Measurement:
    def effect(name: str, quantity: str) -> dict[int, float]:
        return observations.paired(f"{name}-last", f"{name}-none", lambda run: plateau_end(run, quantity))

    return Measurement(
        {f"error_{name}": effect(name, "error") for name in _NETWORKS},
        {f"loss_{name}": summary(effect(name, "loss")) for name in _NETWORKS},
    )


CLAIM = Claim(
    id="C7",
    title="Practical networks",
    statement="Similar intuitions hold on practical networks and realistic data sets.",
    source="A6",
    hypotheses="Convolutions, skip connections and normalisation are outside T1 to T5.",
    prediction="The error plateau is longer with a last-layer bias than without.",
    criteria=tuple(
        Criterion(
            key=f"error_{name}",
            about="error",
            measures=f"the end of the error plateau of a {title} with a last-layer bias minus that "
            f"without any bias",
            side="above",
            threshold=0.05,
            effect_size=0.1,
            unit="in alpha",
            reason="a twentieth of the line, as in C3",
        )
        for name, title in _NETWORKS.items()
    ),
    measure=_measure,
    needs="runs of VGG-16 and ResNet-18 with and without a last-layer bias",
)
