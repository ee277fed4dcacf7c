"""The shape of a curve, as a number each.

Comes in: alphas and values. Goes out: where the plateau ends, how far the curve rises, what one class holds.
curve_shape.py     plateau end, largest rise, bumps, barrier, held interval, convexity
gauss_lengths.py   how much a path of logits turns
May import: simulations.
"""

from validation.metrics.curve_shape import (
    HeldInterval,
    MeasuredBump,
    barrier,
    bumps,
    global_convexity,
    held_interval,
    local_convexity,
    max_rise,
    plateau_end,
)
from validation.metrics.gauss_lengths import gauss_length

__all__ = [
    "HeldInterval",
    "MeasuredBump",
    "barrier",
    "bumps",
    "gauss_length",
    "global_convexity",
    "held_interval",
    "local_convexity",
    "max_rise",
    "plateau_end",
]
