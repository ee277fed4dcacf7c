"""What each field of a run's spec may say."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from simulations.runtime.argument_checks import MOST_ALPHAS
from simulations.runtime.names_in_words import first_of, shortened
from simulations.specs.line_words import line_word

__all__ = ["CHOICES", "PYTHON_TOPICS", "RUN_PATHS", "TOKEN_NETWORKS", "check_value", "path_refusal", "typed"]

RUN_PATHS = ("linear", "homogeneous", "weights", "bias", "no_last_bias")

# What a field may say. The modules that act on them have lists of their own (a test compares them): torch is
# not imported to name a run.
CHOICES = {
    "network": ("fcn", "vgg16", "resnet18", "vit", "autoencoder", "transformer", "lstm"),
    "bias": ("all", "last", "none"),
    "init_scheme": ("he", "torch", "orthogonal"),
    "optimizer": ("sgd", "adam", "adamw"),
    "schedule": ("constant", "cosine", "step"),
    "precision": ("float32", "tf32", "bf16"),
    "method": ("adaptive", "grid"),
    "bn_policy": ("recalibrate", "keep", "interpolate"),
    "objective": ("squared_error",),
}
PYTHON_TOPICS = "pydoc_topics"
"""The data set of `simulations.runtime.python_topics`."""
TOKEN_NETWORKS = ("transformer", "lstm")
LEAST = {
    "limit": 1,
    "test_limit": 1,
    "depth": 1,
    "width": 1,
    "batch_size": 1,
    "max_epochs": 0,
    "evaluate_every": 1,
    "threads": 1,
    "alphas": 2,
    "seed": 0,
    "bottleneck": 1,
    "classes": 2,
    "pretrained_classes": 2,
    "pretrained_layers": 1,
}
MOST = {"alphas": MOST_ALPHAS}
_LARGEST = 2**63 - 1  # a file's integers have 64 bits
# (low, low itself allowed, high, high itself allowed)
RANGES = {
    "label_noise": (0.0, True, 1.0, True),
    "imbalance": (1.0, True, math.inf, False),
    "width_multiplier": (0.0, False, math.inf, False),
    "init_scale": (0.0, False, math.inf, False),
    "imposed_bias_gap": (-math.inf, False, math.inf, False),
    "learning_rate": (0.0, False, math.inf, False),
    "momentum": (0.0, True, 1.0, False),
    "weight_decay": (0.0, True, math.inf, False),
    "label_smoothing": (0.0, True, 1.0, False),
    "clip_norm": (0.0, False, math.inf, False),
    "target_loss": (0.0, False, math.inf, False),
}

_KINDS = {float: "a finite number", int: "an integer", bool: "true or false", str: "a word"}


def typed(name: str, value: Any, kind: type, optional: bool) -> Any:
    """The value in its field's type; equal numbers become one number.

    Raises:
        ValueError: it has another type, or is a number that is not finite.
    """
    if value is None and optional:
        return None
    if kind is tuple:
        if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise ValueError(f"{name} must be a list of words, got {shortened(value)}")
    if kind is str and isinstance(value, Path):
        return str(value)
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if kind is float and not isinstance(value, bool) and isinstance(value, (int, float)):
        # 1 and 1.0 are one number and must give one name; so must 0.0 and -0.0.
        try:
            value = float(value) + 0.0
        except OverflowError:
            raise ValueError(f"{name} must be a finite number, got one of more than 300 digits") from None
        fits = math.isfinite(value)
    if kind is int and fits and abs(value) > _LARGEST:
        raise ValueError(f"{name} must be an integer below 2^63, got {shortened(value)}")
    if not fits:
        raise ValueError(
            f"{name} must be {_KINDS[kind]}{' or absent' if optional else ''}, got {shortened(value)}"
        )
    return value


def check_value(name: str, value: Any) -> None:
    """Refuse a value of the right type that the field does not take.

    Raises:
        ValueError: naming field and value.
    """
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} must be one of {first_of(CHOICES[name])}, got {shortened(value)}")
    if name in LEAST and value < LEAST[name]:
        raise ValueError(f"{name} must be an integer >= {LEAST[name]}, got {shortened(value)}")
    if name in MOST and value > MOST[name]:
        raise ValueError(f"{name} must be at most {MOST[name]}, got {shortened(value)}")
    if name in RANGES:
        low, with_low, high, with_high = RANGES[name]
        if not (low < value < high or (with_low and value == low) or (with_high and value == high)):
            brackets = ("[" if with_low else "(", "]" if with_high else ")")
            raise ValueError(
                f"{name} must lie in {brackets[0]}{low:g}, {high:g}{brackets[1]}, got {shortened(value)}"
            )
    if name == "data" and not (value and value.isprintable()):
        raise ValueError(f"data must be the name or folder of a data set, got {shortened(value)}")
    if name == "paths" and (not value or len(set(value)) < len(value) or not set(value) <= set(RUN_PATHS)):
        raise ValueError(
            f"paths must be distinct names of {', '.join(RUN_PATHS)}, got [{first_of(map(repr, value))}]"
        )
    if name == "lines":
        if not value or len(set(value)) < len(value):
            raise ValueError(
                f"lines must be distinct words, one at least, got [{first_of(map(repr, value))}]"
            )
        for word in value:
            line_word(word)
    if name == "text_digest" and not re.fullmatch("[0-9a-f]{16}", value):
        raise ValueError(f"text_digest must be 16 hex digits, got {shortened(value)}")


def path_refusal(path: str, *, bias: str, network: str, batch_norm: bool) -> str:
    """Why a path is not walked on such a network, "" where it is."""
    if path != "linear" and network in ("autoencoder", *TOKEN_NETWORKS):
        return f"is not walked on network {network!r}: its last layer gives no logits of classes"
    if path == "homogeneous" and (batch_norm or network == "vit"):
        return "is not defined through normalisation layers"
    if bias == "none" and path in ("bias", "no_last_bias"):
        return "needs a bias, but bias is 'none'"
    if bias == "none" and path in ("homogeneous", "weights"):
        return "is the linear path where bias is 'none'"
    return ""
