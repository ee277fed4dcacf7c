"""Strategies for trained ends of the homogeneous path, z(alpha) = alpha^r s + alpha b."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray

from mli.testing.logit_arrays import Kind, biases, degrees, labels, signals

__all__ = ["HomogeneousProblem", "homogeneous_problems"]


class HomogeneousProblem(NamedTuple):
    """A trained end: `plateau(*problem)` and `correct_interval(*problem)` take it as it is.

    Attributes:
        signal: trained logits without the last-layer bias (n, k), in nats.
        bias: last-layer bias (k,), in nats.
        labels: classes (n,), integers in 0 .. k - 1.
        degree: r >= 2.
    """

    signal: NDArray[np.float64]
    bias: NDArray[np.float64]
    labels: NDArray[np.int64]
    degree: int


@st.composite
def homogeneous_problems(
    draw: DrawFn,
    *,
    max_samples: int = 4,
    max_classes: int = 6,
    max_degree: int = 64,
    kind: Kind | None = None,
    ties: bool | None = None,
    correct_at_end: bool | None = None,
) -> HomogeneousProblem:
    """Trained ends with 1 to `max_samples` samples and 2 to `max_classes` classes.

    Args:
        draw: given by Hypothesis; leave it out.
        max_samples: most samples.
        max_classes: most classes.
        max_degree: the largest degree; 2, 3 and it are drawn often.
        kind: the numbers, as of `logits`; None draws one for the signal and one for the bias.
        ties: True, two classes have the same bias, or some sample's two largest trained logits are equal, in
            whole numbers; False, the biases are pairwise different, and so are the trained logits s + b of
            every sample, compared as the rational numbers that they are; None, either.
        correct_at_end: True, every sample is correct at alpha = 1, its label's logit strictly the largest;
            False, some sample is wrong there (a tie is an error); None, either. With both `ties` and
            `correct_at_end` True the tie is one of the biases.

    Returns:
        A strategy of `HomogeneousProblem`.

    Raises:
        ValueError: `ties` with a kind other than "whole", which alone can be made to tie exactly.
    """
    if ties and kind not in (None, "whole"):
        raise ValueError(f"ties=True is made of whole numbers: leave kind={kind!r} out")
    k, n = draw(st.integers(2, max_classes)), draw(st.integers(1, max_samples))
    kind = "whole" if ties else kind
    signal, bias = draw(signals(n, k, kind)), draw(biases(k, kind))
    if ties:
        one, two = draw(st.permutations(range(k)))[:2]
        if correct_at_end or draw(st.booleans()):
            bias[two] = bias[one]
        else:
            row = draw(st.integers(0, n - 1))
            signal[row, one] += 1 + (signal[row] + bias).max() - (signal[row] + bias)[one]
            signal[row, two] = signal[row, one] + bias[one] - bias[two]
    ends = [
        [Fraction(s) + Fraction(b) for s, b in zip(row, bias.tolist(), strict=True)]
        for row in signal.tolist()
    ]
    if ties is False:
        assume(len(set(bias.tolist())) == k and all(len(set(end)) == k for end in ends))
    if correct_at_end:
        assume(all(end.count(max(end)) == 1 for end in ends))
        y = np.array([end.index(max(end)) for end in ends], dtype=np.int64)
    else:
        y = draw(labels(n, k))
    if correct_at_end is False:
        assume(not all(_is_correct(end, int(label)) for end, label in zip(ends, y, strict=True)))
    return HomogeneousProblem(signal, bias, y, draw(degrees(max_degree)))


def _is_correct(end: list[Fraction], label: int) -> bool:
    return all(end[label] > other for i, other in enumerate(end) if i != label)
