"""A ReLU network whose weights walk a straight line: z(alpha) = W(alpha) h + b(alpha), step after step.

After a step each unit is max(z, s z) with its own slope s: 0 for a ReLU, 1 for none, else a leaky one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mli_theory.certificates.relu_line.rounding import LARGEST_FAN_IN, LARGEST_NUMBER
from mli_theory.domain import DomainError, finite_array
from mli_theory.names_in_words import first_of
from mli_theory.short_repr import short_repr

__all__ = ["AffineStep", "ReluLine", "inputs_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AffineStep:
    """One affine layer, W(alpha) = (1 - alpha) W0 + alpha W1 and b(alpha) likewise, then max(z, s z).

    Attributes:
        start_weight: W0, (units, fan-in).
        end_weight: W1, likewise.
        start_bias: b0, (units,); zeros for none.
        end_bias: b1, likewise.
        slope: s of each unit where z < 0, (units,), 0 to 1: 0 is a ReLU, 1 leaves the unit as it is.
    """

    start_weight: Array
    end_weight: Array
    start_bias: Array
    end_bias: Array
    slope: Array

    __repr__ = short_repr

    @property
    def rectified(self) -> bool:
        """Whether any unit is not left as it is."""
        return bool((self.slope < 1.0).any())

    @property
    def has_bias(self) -> bool:
        """Whether any bias is not 0: a bias of zeros rounds nothing."""
        return bool(self.start_bias.any() or self.end_bias.any())


class ReluLine:
    """Affine steps in their order, as float64 arrays that fit one another.

    Attributes:
        steps: the `AffineStep`s.
        n_inputs: numbers in a sample.
        n_classes: logits.

    Raises:
        DomainError: no step; arrays that are not finite, do not fit or hold a number beyond 1e15; a slope
            outside [0, 1].

    A step is given as W0, W1, b0, b1 and the slopes, (units,), or True for ReLUs, False for none.
    """

    def __init__(
        self,
        steps: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None, ArrayLike | bool]],
    ) -> None:
        if not steps:
            raise DomainError("a certified line needs a network of at least one affine layer")
        self.steps: list[AffineStep] = []
        for place, (start, end, start_bias, end_bias, slope) in enumerate(steps):
            fan_in = self.steps[-1].start_weight.shape[0] if self.steps else None
            first = _bounded(f"start weight {place}", start, (None, fan_in))
            units = len(first)
            if first.shape[1] > LARGEST_FAN_IN:
                raise DomainError(f"layer {place} has a fan-in of {first.shape[1]}, above {LARGEST_FAN_IN}")
            none = np.zeros(units)
            self.steps.append(
                AffineStep(
                    first,
                    _bounded(f"end weight {place}", end, (units, first.shape[1])),
                    none if start_bias is None else _bounded(f"start bias {place}", start_bias, (units,)),
                    none if end_bias is None else _bounded(f"end bias {place}", end_bias, (units,)),
                    _slopes(place, slope, units),
                )
            )
        self.n_inputs = self.steps[0].start_weight.shape[1]
        self.n_classes = self.steps[-1].start_weight.shape[0]

    def __repr__(self) -> str:
        widths = [self.n_inputs, *(len(step.start_weight) for step in self.steps)]
        return f"ReluLine({' - '.join(map(str, widths))})"


def inputs_of(line: ReluLine, inputs: ArrayLike) -> Array:
    """The inputs as (n, fan-in) float64, exact.

    Raises:
        DomainError: another shape, not finite, beyond 1e15, or integers of 2^53 or more.
    """
    return _bounded("inputs", inputs, (None, line.n_inputs))


def _slopes(place: int, given: ArrayLike | bool, units: int) -> Array:
    if isinstance(given, (bool, np.bool_)):
        return np.full(units, 0.0 if given else 1.0)
    slopes = finite_array(f"slope {place}", given, (units,), statement="T15")
    outside = (slopes < 0.0) | (slopes > 1.0)
    if outside.any():
        raise DomainError(f"T15: slopes must lie in [0, 1], but slope {place} holds {slopes[outside][0]}")
    return np.ascontiguousarray(slopes)


def _bounded(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    array = finite_array(name, values, shape, statement="T15")
    largest = np.abs(array)
    if largest.max() > LARGEST_NUMBER:
        where = tuple(int(i) for i in np.argwhere(largest > LARGEST_NUMBER)[0])
        raise DomainError(
            f"T15: {name} must be at most {LARGEST_NUMBER:g} in size (the bounds on underflow need it), "
            f"but {name}[{first_of(where)}] = {array[where]}"
        )
    return np.ascontiguousarray(array)
