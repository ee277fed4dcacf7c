"""The real roots of an integer polynomial in (0, 1), each alone in an interval: Descartes' rule, in integers.

For q of degree n write (1 + t)^n q(1/(1 + t)) = sum_i c_i t^i. Its positive roots t are the roots
x = 1/(1 + t) of q in (0, 1). So by Descartes' rule of signs the number v of sign changes in c_0 .. c_n is
the number of roots of q in (0, 1), counted with multiplicity, plus an even number >= 0. Hence v = 0: no root;
v = 1: exactly one, a simple one. Otherwise the interval is halved (Vincent, Collins and Akritas).

Why it ends: for a squarefree q, v <= 1 on every interval that is short enough against the distance of the
complex roots (the theorem of the two circles, Obreshkoff). So only squarefree polynomials are given to it.

The leap: c_i / binomial(n, i) are the Bernstein coefficients of q. Those of two neighbouring subintervals are
made from them by repeated means of neighbours (de Casteljau), which create no sign changes, and stand side by
side with the value at the common end between them. So v(left) + v(right) <= v. If a subinterval J has as many
sign changes as the whole, the parts left and right of J have none, hence no root, and J may take the place
of the whole at once; the two ends of J are looked at by themselves. Where halving does not part the sign
changes, Newton's step for a root of multiplicity v proposes J, shorter by 2^g; g doubles while that goes
well. So roots 2^-700 apart, or 2^-1000 from 0, take tens of steps instead of a thousand.

Every step is a handful of short calls into flint, so Ctrl-C works between any two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from flint import fmpz, fmpz_poly

__all__ = ["isolate", "sign_changes"]

_LEAP = 2  # g of a first leap: a quarter is the least that halving twice would not do as well


@dataclass(frozen=True)
class _Piece:
    """The open interval (lower, lower + width) and the polynomial on it, moved to (0, 1).

    Attributes:
        local: c p(lower + width x) as a polynomial in x, c > 0.
        changes: its sign changes, by Descartes' rule.
        leap: g of the next leap; 0 where halving has only now parted the sign changes.
    """

    lower: Fraction
    width: Fraction
    local: fmpz_poly
    changes: int
    leap: int


def isolate(p: fmpz_poly) -> list[tuple[Fraction, Fraction]]:
    """(lower, upper) for each root in (0, 1), ascending: both are the root, or it lies strictly between them.

    The open intervals are disjoint. An end may be another root, 0 or 1.

    Args:
        p: squarefree, not 0.
    """
    found = []
    todo = [_Piece(Fraction(0), Fraction(1), p, sign_changes(p), 0)]
    while todo:
        piece = todo.pop()
        if piece.changes == 0:
            continue
        if piece.changes == 1:
            found.append((piece.lower, piece.lower + piece.width))
            continue
        cuts, pieces = _leap(piece) or _halve(piece)
        found += [(cut, cut) for cut in cuts]
        todo += pieces
    return sorted(found)


def sign_changes(p: fmpz_poly) -> int:
    """Descartes' bound of the number of roots in (0, 1): 0 and 1 are exact."""
    reversed_ = fmpz_poly(p.coeffs()[::-1])
    signs = [c > 0 for c in reversed_(fmpz_poly([1, 1])).coeffs() if c != 0]
    return sum(a != b for a, b in pairwise(signs))


def _halve(piece: _Piece) -> tuple[list[Fraction], list[_Piece]]:
    """The middle, if it is a root, and the two halves."""
    left, right = _part(piece, 0, 1, 1, 0), _part(piece, 1, 1, 1, 0)
    middle = [right.lower] if right.local[0] == 0 else []
    if max(left.changes, right.changes) == piece.changes:  # nothing was parted: a leap may pay
        g = max(piece.leap // 2, _LEAP)
        left, right = _with_leap(left, g), _with_leap(right, g)
    return middle, [left, right]


def _leap(piece: _Piece) -> tuple[list[Fraction], list[_Piece]] | None:
    """A subinterval 2^-g as long with all sign changes, after its ends that are roots; None if not found."""
    g = piece.leap
    if g == 0:
        return None
    for start in _proposals(piece, g):
        part = _part(piece, start, g + 1, g, 2 * g)
        if part.changes == piece.changes:
            ends = (part.lower, part.local[0]), (part.lower + part.width, part.local(1))
            inside = (piece.lower, piece.lower + piece.width)
            return [end for end, value in ends if value == 0 and end not in inside], [part]
    return None


def _proposals(piece: _Piece, g: int) -> list[int]:
    """Starts, in units of 2^-(g + 1), of intervals about the Newton steps from both ends."""
    q, v, unit = piece.local, piece.changes, 2 ** (g + 1)
    steps = (0, q[0], q.derivative()[0]), (1, q(1), q.derivative()(1))
    starts: list[int] = []
    for end, value, slope in steps:
        if slope != 0:
            guess = end * unit - int(fmpz(v * unit * value) // slope)
            start = min(max(guess - 1, 0), unit - 2)
            if -1 <= guess <= unit + 1 and start not in starts:
                starts.append(start)
    return starts


def _part(piece: _Piece, start: int, grid: int, shrink: int, leap: int) -> _Piece:
    """The part of 2^-shrink the length that starts at start 2^-grid, grid >= shrink."""
    n = piece.local.degree()
    # 2^(n grid) q((start + y) / 2^grid) with y = 2^(grid - shrink) x: integers throughout.
    fine = fmpz_poly([c << (grid * (n - i)) for i, c in enumerate(map(int, piece.local.coeffs()))])
    moved = fine(fmpz_poly([start, 1])) if start else fine
    coefficients = [c << ((grid - shrink) * i) for i, c in enumerate(map(int, moved.coeffs()))]
    local = _without_twos(coefficients)
    lower = piece.lower + piece.width * Fraction(start, 2**grid)
    return _Piece(lower, piece.width / 2**shrink, local, sign_changes(local), leap)


def _without_twos(coefficients: list[int]) -> fmpz_poly:
    """Over the largest power of 2 that divides all: else coefficients would grow at each step."""
    every = 0
    for c in coefficients:
        every |= c
    twos = (every & -every).bit_length() - 1
    return fmpz_poly([c >> twos for c in coefficients])


def _with_leap(piece: _Piece, g: int) -> _Piece:
    return _Piece(piece.lower, piece.width, piece.local, piece.changes, g)
