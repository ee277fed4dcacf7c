"""What every network's builder refuses, with the value."""

from __future__ import annotations

from collections.abc import Sequence

from simulations.networks.bias_modes import BIAS_MODES
from simulations.networks.initialisation import INIT_SCHEMES

__all__ = ["check_choices", "check_image_shape", "check_integers", "scaled_width"]


def check_integers(**named: tuple[int, int]) -> None:
    """Refuse any value, given as name=(value, least), that is not an integer >= least.

    Raises:
        ValueError: the first such.
    """
    for name, (value, least) in named.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")


def check_choices(bias: str, init_scheme: str, init_scale: float) -> None:
    """Refuse a bias mode or initialisation that there is not.

    Raises:
        ValueError: an unknown name, or a scale that is not a finite number > 0.
    """
    if bias not in BIAS_MODES:
        raise ValueError(f"bias must be one of {', '.join(BIAS_MODES)}, got {bias!r}")
    if init_scheme not in INIT_SCHEMES:
        raise ValueError(f"init_scheme must be one of {', '.join(INIT_SCHEMES)}, got {init_scheme!r}")
    if not 0 < init_scale < float("inf"):
        raise ValueError(f"init_scale must be a finite number > 0, got {init_scale!r}")


def check_image_shape(input_shape: Sequence[int]) -> tuple[int, int, int]:
    """(channels, height, width).

    Raises:
        ValueError: not three integers >= 1.
    """
    shape = tuple(input_shape)
    if len(shape) != 3 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(f"input_shape must be (channels, height, width), integers >= 1, got {shape}")
    return shape[0], shape[1], shape[2]


def scaled_width(published: int, width_multiplier: float) -> int:
    """Channels of a layer: the published number times the multiplier, rounded (halves to even), at least 1.

    Raises:
        ValueError: a multiplier that is not a finite number > 0.
    """
    if not 0 < width_multiplier < float("inf"):
        raise ValueError(f"width_multiplier must be a finite number > 0, got {width_multiplier!r}")
    return max(1, round(published * width_multiplier))
