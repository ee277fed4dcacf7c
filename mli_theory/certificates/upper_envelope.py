"""Which classes share the largest logit, at every alpha of [0, 1]: the upper envelope of polynomials.

The walk goes from alpha = 0 to 1 with the current leader and isolates only the roots of leader minus
other: k - 1 polynomials for each leader instead of all k (k - 1)/2 pairs. Ties, roots of even
multiplicity (touching), equal polynomials and several classes at one point are all told apart exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key

from flint import fmpq, fmpq_poly

from mli_theory.certificates.exact_roots import ONE, ZERO, RealRoot, compare, separated, unit_roots

__all__ = ["Envelope", "EnvelopeEvent", "upper_envelope"]

Classes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class EnvelopeEvent:
    """A point where the set of leading classes is not the same before, at and after it."""

    alpha: RealRoot
    before: Classes
    at: Classes
    after: Classes


@dataclass(frozen=True, eq=False)
class Envelope:
    """The leading classes at alpha = 0, and every event in order; between events nothing changes."""

    at_start: Classes
    events: tuple[EnvelopeEvent, ...]


def upper_envelope(logits: Sequence[fmpq_poly]) -> Envelope:
    """The leading classes of one sample on [0, 1]; before = at in an event at 0, after = at in one at 1."""
    degree = max(max(p.degree() for p in logits), 0)
    # Just right of 0 polynomials are ordered as their coefficients are, lowest first.
    keys = [[p[index] for index in range(degree + 1)] for p in logits]
    top = max(keys)
    at_start = tuple(i for i, key in enumerate(keys) if key[0] == top[0])
    leaders = tuple(i for i, key in enumerate(keys) if key == top)
    events = [EnvelopeEvent(ZERO, at_start, at_start, leaders)] if at_start != leaders else []

    pairs = _Pairs(logits)
    here = ZERO
    while here is not ONE:
        meetings = [
            (root, multiplicity, i)
            for i in range(len(logits))
            if i not in leaders
            for root, multiplicity in pairs.roots(leaders[0], i)
            if compare(root, here) > 0
        ]
        if not meetings:
            break
        here = min((root for root, _, _ in meetings), key=cmp_to_key(compare))
        met = [(multiplicity, i) for root, multiplicity, i in meetings if compare(root, here) == 0]
        at = tuple(sorted((*leaders, *(i for _, i in met))))
        if here is ONE:
            after = at
        else:
            # An odd multiplicity changes the sign of leader minus other, an even one does not.
            overtaking = [i for multiplicity, i in met if multiplicity % 2]
            after = pairs.leaders_after(here, overtaking) if overtaking else leaders
        events.append(EnvelopeEvent(here, leaders, at, after))
        leaders = after
    return Envelope(at_start, tuple(events))


class _Pairs:
    """Roots of differences of logits, each found once."""

    def __init__(self, logits: Sequence[fmpq_poly]) -> None:
        self._logits = logits
        self._found: dict[tuple[int, int], list[tuple[RealRoot, int]]] = {}

    def roots(self, i: int, j: int) -> list[tuple[RealRoot, int]]:
        """Roots in (0, 1] of the difference of two different polynomials."""
        key = (min(i, j), max(i, j))
        if key not in self._found:
            self._found[key] = unit_roots((self._logits[i] - self._logits[j]).numer())
        return self._found[key]

    def leaders_after(self, here: RealRoot, tied: list[int]) -> Classes:
        """Of the classes tied at `here` < 1 those that lead just after it: several only if equal."""
        best = tied[0]
        for i in tied[1:]:
            if self._is_above_after(here, i, best):
                best = i
        return tuple(i for i in tied if self._logits[i] == self._logits[best])

    def _is_above_after(self, here: RealRoot, i: int, j: int) -> bool:
        difference = self._logits[i] - self._logits[j]
        if difference.is_zero():
            return False
        beyond = Fraction(1)  # a point with no root of the difference between it and `here`
        left, right = here, None
        for root, _ in self.roots(i, j):
            if compare(root, here) > 0 and (right is None or compare(root, right) < 0):
                right = root
        if right is not None:
            left, right = separated(left, right)
            beyond = right.lower
        point = (left.upper + beyond) / 2
        return bool(difference(fmpq(point.numerator, point.denominator)) > 0)
