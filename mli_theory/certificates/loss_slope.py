"""The loss's derivative on the power model's line, enclosed by balls and cleared of its known zeros.

With d_ij = f_i - f_j the log odds of class i against sample j's label and p_ij the softmax over i,
k L' = sum_j sum_i p_ij d_ij'. Where all d_ij' share a factor, L' vanishes exactly. The part G >= 0 of
that factor (its zeros at 0 and 1 and its squares inside) is divided out: L' = G K / k, so L' and K have
one sign wherever G > 0, and K = sum_ij p_ij e_ij, e_ij = d_ij'/G, is what the search looks at. Where all
logits tie at an end, K's Taylor coefficients there are rational; how many vanish is found exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_poly, arb_series, ctx, fmpq, fmpq_poly, fmpq_series, fmpz_poly

__all__ = ["LossSlope"]

Pair = tuple[arb_poly, arb_poly]  # log odds d_ij and e_ij of one class for one sample


@dataclass(frozen=True, eq=False)
class Cell:
    """K(centre + t) <= sum_l coefficients[l] t^l + loose for |t| <= radius, and K(centre).

    Attributes:
        at_centre: K(centre).
        coefficients: Taylor coefficients at the centre, the last one over the whole cell.
        loose: what is known of the samples whose Taylor bound is of no use on so wide a cell; None of none.
    """

    at_centre: arb
    coefficients: list[arb]
    loose: arb | None

    def range_over(self, near: Fraction, far: Fraction, zeros: int = 0) -> arb:
        """The Taylor part over t^zeros for t in [near, far], `zeros` coefficients being known to vanish."""
        t = arb(_fmpq(near)).union(arb(_fmpq(far)))
        value = self.coefficients[-1]
        for c in reversed(self.coefficients[zeros:-1]):
            value = c + value * t
        return value


class LossSlope:
    """K = k L'/G for the logits of one line, given as polynomials [sample j][class i], label j.

    Attributes:
        is_constant: whether no log odds depend on alpha, so that the loss is constant.
        nonnegative_factor: G, a polynomial with G >= 0 on [0, 1] and finitely many zeros there.
    """

    def __init__(self, logits: Sequence[Sequence[fmpq_poly]]) -> None:
        odds = [[f - row[j] for f in row] for j, row in enumerate(logits)]
        shared = fmpz_poly([])
        for row in odds:
            for d in row:
                if shared.degree() != 0:
                    shared = shared.gcd(d.derivative().numer())
        self.is_constant = bool(shared.is_zero())
        self.nonnegative_factor = fmpq_poly([1]) if self.is_constant else _nonnegative_part(shared)
        self._odds = odds
        self._slopes = [[d.derivative() // self.nonnegative_factor for d in row] for row in odds]
        self._balls: dict[int, list[list[Pair]]] = {}

    def at(self, alpha: Fraction, precision: int) -> arb:
        """K at a rational number, enclosed."""
        with ctx.workprec(precision), _series_terms(1):
            rows = self._shifted(alpha, precision)
            return sum((_coefficients(_against_leader(row), 1)[0] for row in rows), arb(0))

    def rises_at(self, alpha: Fraction, precision: int) -> bool:
        """Whether L'(alpha) > 0 is certain, for a rational alpha in [0, 1]."""
        return bool(self.nonnegative_factor(_fmpq(alpha)) > 0) and bool(self.at(alpha, precision) > 0)

    def falls_simply(self, centre: Fraction, radius: Fraction, precision: int) -> bool:
        """Whether K <= 0 on the cell follows from ranges alone: cheap, and often enough."""
        with ctx.workprec(precision):
            ball = _around_zero(radius)
            rows = self._shifted(centre, precision)
            return bool(sum((_upper_bound(_against_leader(row), ball) for row in rows), arb(0)) <= 0)

    def expand(self, centre: Fraction, radius: Fraction, precision: int, terms: int) -> Cell:
        """K on a cell by Taylor's theorem: terms 0 .. terms - 1 at the centre, the last over the cell."""
        with ctx.workprec(precision), _series_terms(terms + 1):
            ball = _around_zero(radius)
            at_centre, loose = arb(0), None
            total = [arb(0)] * (terms + 1)
            for row in self._shifted(centre, precision):
                sample = _against_leader(row)
                coefficients = _coefficients(sample, terms)
                at_centre += coefficients[0]
                shift = arb_poly([ball, arb(1)])
                coefficients.append(
                    _coefficients([(d(shift), e(shift)) for d, e in sample], terms + 1)[terms]
                )
                bound = _upper_bound(sample, ball)
                if _is_useful(coefficients, ball, bound):
                    total = [a + b for a, b in zip(total, coefficients, strict=True)]
                else:
                    loose = bound if loose is None else loose + bound
            return Cell(at_centre, total, loose)

    def order_at_end(self, end: int) -> tuple[int, int]:
        """(n, sign): K's Taylor coefficients below n at alpha = end, 0 or 1, are exactly 0.

        `sign` is that of coefficient n where it is known exactly, else 0. Only where all logits tie is
        anything known: p_ij = 1/k there, and K's Taylor coefficients are rational.
        """
        if any(d(end) != 0 for row in self._odds for d in row):
            return 0, 0
        shift = fmpq_poly([end, 1])
        odds = [[d(shift) for d in row] for row in self._odds]
        slopes = [[e(shift) for e in row] for row in self._slopes]
        # V alpha^2/2 or M alpha^r may cancel, the variance of the signal at alpha^(2r) seldom does.
        last = 2 * max(d.degree() for row in self._odds for d in row) + 2
        terms = 2
        while True:
            for n, c in enumerate(_rational_coefficients(odds, slopes, min(terms, last))):
                if c != 0:
                    return n, 1 if c > 0 else -1
            if terms >= last:
                return last, 0
            terms *= 2

    def _shifted(self, centre: Fraction, precision: int) -> list[list[Pair]]:
        """The pairs as polynomials in t = alpha - centre."""
        if precision not in self._balls:
            self._balls[precision] = [
                [(arb_poly(d), arb_poly(e)) for d, e in zip(*rows, strict=True)]
                for rows in zip(self._odds, self._slopes, strict=True)
            ]
        shift = arb_poly([arb(_fmpq(centre)), arb(1)])
        return [[(d(shift), e(shift)) for d, e in row] for row in self._balls[precision]]


def _nonnegative_part(shared: fmpz_poly) -> fmpq_poly:
    """The largest divisor that is sure to be >= 0 on [0, 1]: powers of x and 1 - x, squares of the rest."""
    part = fmpq_poly([1])
    for end in (fmpz_poly([0, 1]), fmpz_poly([1, -1])):
        while (shared % end).is_zero():
            shared, part = shared // end, part * fmpq_poly(end)
    for factor, multiplicity in shared.factor_squarefree()[1]:
        part *= fmpq_poly(factor) ** (2 * (int(multiplicity) // 2))
    return part


def _against_leader(row: list[Pair]) -> list[Pair]:
    """One sample's pairs relative to the class m that leads at the centre, which comes first with its own e.

    sum_i p_i e_i = e_m + sum_{i != m} p_i (e_i - e_m), and no exponential of i against m is large at the
    centre. Where the label leads, e_m = 0, and a small loss keeps its relative accuracy: no 1 - p is formed.
    """
    m = 0
    for i in range(1, len(row)):
        if row[i][0][0].mid() > row[m][0][0].mid():
            m = i
    d_m, e_m = row[m]
    return [row[m], *((d - d_m, e - e_m) for i, (d, e) in enumerate(row) if i != m)]


def _upper_bound(sample: list[Pair], ball: arb) -> arb:
    """An upper bound of sum_i p_i e_i for |t| <= radius, from p_i <= min(1, e^(d_i - d_m)) and ranges."""
    (_, leader), *others = sample
    first = leader(ball)
    bound = first
    largest = arb(0)  # of the excess over e_m, a weighted mean lies below the largest
    for d, e in others:
        excess = e(ball)
        if not excess <= 0:
            largest = largest.max(excess.upper())
            share = d(ball).upper()
            bound += excess.upper() * (share.exp() if share < 0 else arb(1))
    return bound.upper().min((first + largest).upper())


def _is_useful(coefficients: list[arb], ball: arb, bound: arb) -> bool:
    """Whether one sample's Taylor bound is finite and either mostly its exact terms or below `bound`."""
    if not all(c.is_finite() for c in coefficients):
        return False
    radius = ball.upper()
    *_, rest = sizes = [abs(c).upper() * radius**power for power, c in enumerate(coefficients)]
    return bool(rest <= sum(sizes[1:-1], arb(0))) or bool(coefficients[0] + sum(sizes[1:], arb(0)) <= bound)


def _coefficients(sample: list[Pair], terms: int) -> list[arb]:
    """Taylor coefficients of sum_i p_i e_i for one sample; not finite where the ball is too wide."""
    (_, leader), *others = sample
    numerator, denominator = arb_series([0]), arb_series([1])
    for d, e in others:
        odds = arb_series(d.coeffs()[:terms]).exp()
        denominator += odds
        numerator += odds * arb_series(e.coeffs()[:terms])
    if not denominator[0] > 0:  # it is at least 1, but over this ball the exponentials cannot tell
        return [arb.nan()] * terms
    value = numerator / denominator + arb_series(leader.coeffs()[:terms])
    return [value[index] for index in range(terms)]


def _rational_coefficients(
    odds: list[list[fmpq_poly]], slopes: list[list[fmpq_poly]], terms: int
) -> list[fmpq]:
    with _series_terms(terms):
        total = fmpq_series([0])
        for d_row, e_row in zip(odds, slopes, strict=True):
            numerator, denominator = fmpq_series([0]), fmpq_series([0])
            for d, e in zip(d_row, e_row, strict=True):
                power = fmpq_series(d.coeffs()[:terms]).exp()
                denominator += power
                numerator += power * fmpq_series(e.coeffs()[:terms])
            total += numerator / denominator
        return [total[index] for index in range(terms)]


@contextmanager
def _series_terms(terms: int) -> Iterator[None]:
    """Flint keeps this many terms of every series; the setting is the process's, so it is put back."""
    before = ctx.cap
    ctx.cap = terms
    try:
        yield
    finally:
        ctx.cap = before


def _around_zero(radius: Fraction) -> arb:
    return arb(0, arb(_fmpq(radius)).upper())


def _fmpq(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)
