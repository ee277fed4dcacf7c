"""The shape of a curve: where its plateau ends, how far it rises, which interval one class holds.

Comes in: alphas and values. Goes out: a number each.
curve_shape.py     plateau end, largest rise, bumps, barrier, held interval
gauss_lengths.py   how much a path of logits turns
May import numpy and scipy.
"""

from validation.metrics.curve_shape import (
    HeldInterval,
    MeasuredBump,
    barrier,
    bumps,
    held_interval,
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
    "held_interval",
    "max_rise",
    "plateau_end",
]
