"""On which networks a claim is judged, in words: read off the sweeps' files, so that it cannot go stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import read_sweep
from validation.claims.claim import Claim
from validation.claims.power_model_runs import PowerModelRuns

__all__ = ["scope_text", "spec_of"]

_KINDS = {"fcn": "fully connected", "vgg16": "VGG-16", "resnet18": "ResNet-18", "vit": "vision transformer"}
_OPTIMISERS = {"adam": "Adam", "adamw": "AdamW"}


def scope_text(claim: Claim) -> str:
    """Networks, data and optimiser of the arms that the claim's criteria compare (their quick form).

    Where the arms differ, the first one's value stands before "beside" and the others behind it. An initial
    scale of 1 is that of the initialisation scheme, He's where none is named.
    """
    specs = [spec_of(arm) for arm in claim.arms]
    parts = [
        _told(specs, _network),
        _told(specs, lambda spec: "" if spec.depth is None else f"depth {spec.depth}"),
        _told(specs, lambda spec: "" if spec.width is None else f"width {spec.width}"),
        _told(specs, _bias),
        _told(specs, lambda spec: f"initial scale {spec.init_scale:g}"),
        _told(specs, _data),
        _told(specs, _optimiser),
    ]
    if any(spec.label_noise for spec in specs):
        parts.append(_told(specs, _labels))
    words = ", ".join(part for part in parts if part)
    if claim.power_model:
        model = PowerModelRuns()
        words += (
            f"; the power model with {model.n_classes} classes, degree {model.degree}, "
            f"initial scale {model.scale:g}"
        )
    return words


def _network(spec: RunSpec) -> str:
    kind = _KINDS[spec.network]
    if spec.network not in ("vgg16", "resnet18"):
        return kind
    width = "" if spec.width_multiplier == 1 else f" at {spec.width_multiplier:g} of its width"
    return f"{kind}{width} with{'' if spec.batch_norm else 'out'} batch norm"


def _bias(spec: RunSpec) -> str:
    if spec.imposed_bias_gap is not None:
        return f"last-layer bias imposed with gap {spec.imposed_bias_gap:g}"
    return {"all": "bias in all layers", "last": "bias in the last layer", "none": "no bias"}[spec.bias]


def _data(spec: RunSpec) -> str:
    return spec.data if spec.limit is None else f"{spec.limit} images of {spec.data}"


def _optimiser(spec: RunSpec) -> str:
    if spec.optimizer == "sgd":
        return f"SGD with momentum {spec.momentum:g}"
    return _OPTIMISERS[spec.optimizer]


def _labels(spec: RunSpec) -> str:
    if spec.label_noise in (0, 1):
        return "random labels" if spec.label_noise else "true labels"
    return f"a share of {spec.label_noise:g} of the labels redrawn"


def _told(specs: Iterable[RunSpec], words: Callable[[RunSpec], str]) -> str:
    first, *others = dict.fromkeys(words(spec) for spec in specs)
    if not others:
        return first
    head = first.rpartition(" ")[0]  # "depth 8 beside 2": what they share is said once
    shared = head and all(other.startswith(f"{head} ") for other in others)
    return f"{first} beside {' and '.join(other[len(head) + 1 :] if shared else other for other in others)}"


@cache
def spec_of(arm: str) -> RunSpec:
    """The spec of an arm's first run; the words of a label may be in another order in the sweep's file.

    Raises:
        ValueError: no sweep has such an arm.
    """
    experiment, _, label = arm.rpartition("/")
    words = set(label.split(","))
    for run in read_sweep(experiment or "star").runs:
        if set(run.label.split(",")) == words:
            return run.spec
    raise ValueError(f"the experiment {experiment or 'star'} has no arm {label!r}")
