"""One sample on one interval [a, b] of alpha, exactly: which classes lead where, in whole numbers.

Between kinks (a unit's z = 0 before its ReLU) every unit is a polynomial in alpha with integer coefficients
over one power of two. A kink is a root of odd multiplicity of such a polynomial, a tie of two logits a root
of their difference; both are isolated without rounding (`exact_roots`, `upper_envelope`). The interval is cut
at the kinks, layer after layer; on each piece the logits are polynomials, whose upper envelope is known.

Units whose sign floats have proved on all of [a, b] (`Enclosure.logits`, signs) need no root: that is what
makes it fast. Where z is 0 at a point of the interval alone, either branch of max(z, s z) gives 0 there, so
that a sign "z >= 0" is enough. Continuity joins the pieces: classes that lead just left or right of a kink
lead at it too, and no others do, for the polynomials of either piece have the logits' values there.

A polynomial with integer coefficients below 2^(B - 1) in size is held as one integer, its value at
alpha = 2^B (Kronecker's substitution): a layer is then two products of a matrix and a vector, the second one
moved by B bits, and the coefficients are read off, as digits between -2^(B - 1) and 2^(B - 1), only where
they are asked for. B is such that no coefficient of any layer reaches the limit: one layer's are at most
max_j sum_i |W0_ji| + |D_ji| times those before it.

Roots are held in x of alpha = a + (b - a) x, in (0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from itertools import pairwise

import numpy as np
from flint import fmpq, fmpq_poly, fmpz, fmpz_mat, fmpz_poly
from numpy.typing import NDArray

from mli_theory.certificates.exact_roots import ONE, ZERO, RealRoot, compare, separated, unit_roots
from mli_theory.certificates.relu_line.network import ReluLine
from mli_theory.certificates.upper_envelope import Envelope, EnvelopeEvent, upper_envelope

__all__ = ["ExactLine"]

Array = NDArray[np.float64]
Signs = NDArray[np.int8]
Rows = list[list[int]]
Classes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Step:
    """W0 and D = W1 - W0 with the biases as a last column, times 2^scale; slopes times 2^slope_scale.

    Attributes:
        growth: max_j sum_i |W0_ji| + |D_ji|, times 2^slope_scale too: what coefficients grow by at most.
    """

    start: fmpz_mat
    change: fmpz_mat
    scale: int
    slope: list[int]
    slope_scale: int
    growth: int


@dataclass(frozen=True, eq=False)
class _Piece:
    """Part of [a, b] without a kink so far: its ends, and the units there.

    Attributes:
        left: in x.
        right: in x, above left.
        units: (units + 1, 1) polynomials at 2^B, times 2^scale; the last is the constant 1.
        scale: of them.
    """

    left: RealRoot
    right: RealRoot
    units: fmpz_mat
    scale: int


class ExactLine:
    """A network in whole numbers.

    Args:
        line: its floats are taken as the rational numbers that they are.
    """

    def __init__(self, line: ReluLine) -> None:
        self._steps = []
        for step in line.steps:
            both = np.vstack(
                [
                    np.column_stack([step.start_weight, step.start_bias]),
                    np.column_stack([step.end_weight, step.end_bias]),
                ]
            )
            whole, scale = _whole(both)
            units = len(step.slope)
            start = whole[:units]
            change = [
                [w - v for v, w in zip(*rows, strict=True)] for rows in zip(start, whole[units:], strict=True)
            ]
            growth = max(sum(map(abs, v)) + sum(map(abs, w)) for v, w in zip(start, change, strict=True))
            slopes, slope_scale = _whole(step.slope[None])
            self._steps.append(
                _Step(fmpz_mat(start), fmpz_mat(change), scale, slopes[0], slope_scale, growth << slope_scale)
            )

    def leaders(
        self,
        sample: Array,
        lower: Fraction,
        upper: Fraction,
        signs: Sequence[Signs],
        candidates: Sequence[int],
    ) -> Envelope:
        """The leading classes on [lower, upper], as `upper_envelope` tells them, in x.

        Args:
            sample: one input, (fan-in,).
            lower: a, at least 0.
            upper: b, above a.
            signs: of each step's units on [a, b]: 1 for z >= 0, -1 for z <= 0, 0 for not known.
            candidates: classes of which it is proved that no others lead anywhere on [a, b].
        """
        whole, scale = _whole(sample[None])
        first = [*whole[0], 1 << scale]
        largest = max(map(abs, first))
        for step in self._steps:
            # The constant 1 grows by 2^(scale + slope_scale), which may be more than the layer's units do.
            largest *= max(step.growth, 1 << (step.scale + step.slope_scale))
        bits = largest.bit_length() + 2
        pieces = [_Piece(ZERO, ONE, fmpz_mat([[value] for value in first]), scale)]
        interval = fmpq_poly([_fmpq(lower), _fmpq(upper - lower)])
        for degree, (step, sign) in enumerate(zip(self._steps, signs, strict=True), start=1):
            packing = _Packing(bits, degree, interval)
            pieces = [found for piece in pieces for found in _through(step, piece, sign, packing)]
        return _joined(pieces, candidates, packing)


@dataclass(frozen=True, eq=False)
class _Packing:
    """How polynomials of one layer are read: B, their degree, and alpha as a polynomial in x."""

    bits: int
    degree: int
    interval: fmpq_poly

    def coefficients(self, value: fmpz) -> list[int]:
        """The digits of a polynomial at 2^B."""
        rest, half, one = int(value), 1 << (self.bits - 1), 1 << self.bits
        found = []
        for _ in range(self.degree + 1):
            digit = rest & (one - 1)
            digit = digit - one if digit >= half else digit
            rest = (rest - digit) >> self.bits
            found.append(digit)
        return found


def _through(step: _Step, piece: _Piece, signs: Signs, packing: _Packing) -> list[_Piece]:
    """One layer: the piece, cut at the kinks of its units."""
    values = step.start * piece.units + (step.change * piece.units) * (fmpz(1) << packing.bits)
    z = [row[0] for row in values.tolist()]
    one = 1 << step.slope_scale
    scale = step.scale + piece.scale
    open_ = [j for j, s in enumerate(step.slope) if s != one and signs[j] == 0 and z[j] != 0]
    polynomials = {j: fmpz_poly(packing.coefficients(z[j])) for j in open_}
    kinks: list[RealRoot] = []
    for p in polynomials.values():
        kinks += [
            root
            for root, multiplicity in unit_roots(fmpq_poly(p)(packing.interval).numer())
            if multiplicity % 2 and compare(root, piece.left) > 0 and compare(root, piece.right) < 0
        ]
    ends = [piece.left, *_different(kinks), piece.right]
    factors = [one if sign > 0 or s == one else s for s, sign in zip(step.slope, signs.tolist(), strict=True)]
    constant = fmpz(1) << (scale + step.slope_scale)
    found = []
    for left, right in pairwise(ends):
        for j, p in polynomials.items():
            factors[j] = one if _sign_between(p, left, right, packing.interval) > 0 else step.slope[j]
        units = fmpz_mat([*([value * f] for value, f in zip(z, factors, strict=True)), [constant]])
        found.append(_Piece(left, right, units, scale + step.slope_scale))
    return found


def _joined(pieces: list[_Piece], candidates: Sequence[int], packing: _Packing) -> Envelope:
    """The pieces' envelopes one after the other: events between a piece's ends, and at the kinks."""
    at_start: Classes = ()
    events: list[EnvelopeEvent] = []
    before: Classes | None = None
    at: Classes = ()
    for piece in pieces:
        envelope = upper_envelope(_logits(piece, candidates, packing))
        here = _named(envelope.at_start, candidates)
        if before is None:
            at_start = here
        inside: list[EnvelopeEvent] = []
        at_right: Classes | None = None
        for event in envelope.events:
            from_left = compare(event.alpha, piece.left)
            from_right = compare(event.alpha, piece.right)
            told = EnvelopeEvent(
                event.alpha,
                _named(event.before, candidates),
                _named(event.at, candidates),
                _named(event.after, candidates),
            )
            if from_left <= 0:
                here = told.after
            elif from_right < 0 or (from_right == 0 and piece.right is ONE):
                inside.append(told)
            elif from_right == 0:
                at_right = told.at
        if before is None:
            if at_start != here:
                events.append(EnvelopeEvent(ZERO, at_start, at_start, here))
        elif not before == at == here:
            events.append(EnvelopeEvent(piece.left, before, at, here))
        events += inside
        before = inside[-1].after if inside else here
        at = before if at_right is None else at_right
    return Envelope(at_start, tuple(events))


def _logits(piece: _Piece, candidates: Sequence[int], packing: _Packing) -> list[fmpq_poly]:
    return [fmpq_poly(packing.coefficients(piece.units[c, 0]))(packing.interval) for c in candidates]


def _named(classes: Classes, candidates: Sequence[int]) -> Classes:
    return tuple(candidates[i] for i in classes)


def _different(roots: list[RealRoot]) -> list[RealRoot]:
    """Ascending, equal ones once."""
    ordered = sorted(roots, key=cmp_to_key(compare))
    return [root for i, root in enumerate(ordered) if i == 0 or compare(ordered[i - 1], root) < 0]


def _sign_between(p: fmpz_poly, left: RealRoot, right: RealRoot, interval: fmpq_poly) -> int:
    """The sign of a polynomial other than 0 between two ends with no change of sign between them."""
    left, right = separated(left, right)
    low, high = left.upper, right.lower
    parts = 2
    while True:  # it is 0 at finitely many points
        for part in range(1, parts, 2):
            point = low + (high - low) * Fraction(part, parts)
            value = p(interval(_fmpq(point)))
            if value != 0:
                return 1 if value > 0 else -1
        parts *= 2


def _fmpq(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def _whole(values: Array) -> tuple[Rows, int]:
    """Integers and s >= 0 with values = integers / 2^s."""
    pairs = [[float(value).as_integer_ratio() for value in row] for row in values]
    scale = max((q.bit_length() - 1 for row in pairs for _, q in row), default=0)
    return [[p << (scale - q.bit_length() + 1) for p, q in row] for row in pairs], scale
