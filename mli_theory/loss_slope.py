"""The loss's derivative on the simple model's line, enclosed by balls and cleared of its known zeros.

With d_ij = f_i - f_j the log odds of class i against sample j's label,
k L' = sum_j [sum_{i != j} d_ij' e^(d_ij)] / (1 + sum_{i != j} e^(d_ij)): no 1 - p is ever formed.
Where all d_ij' share a factor, L' vanishes exactly. The part G >= 0 of that factor (its zeros at 0 and 1
and its squares inside) is divided out: L' = G K / k, so L' and K have one sign wherever G > 0, and K is
what the search looks at. Where all logits tie at an end, K's Taylor coefficients there are rational, and
how many of them vanish is found exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

from flint import arb, arb_poly, arb_series, ctx, fmpq, fmpq_poly, fmpq_series, fmpz_poly

__all__ = ["LossSlope"]

Pair = tuple[arb_poly, arb_poly]  # log odds d_ij and d_ij'/G


class LossSlope:
    """K = k L'/G for the logits of one line, given as polynomials [sample j][class i], label j.

    Attributes:
        is_constant: whether no log odds depend on alpha, so that the loss is constant.
        nonnegative_factor: G, a polynomial with G >= 0 on [0, 1] and finitely many zeros there.
    """

    def __init__(self, logits: Sequence[Sequence[fmpq_poly]]) -> None:
        odds = [
            [f - logit_row[j] for i, f in enumerate(logit_row) if i != j]
            for j, logit_row in enumerate(logits)
        ]
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
        return self.expand(alpha, Fraction(0), precision, 1)[0]

    def rises_at(self, alpha: Fraction, precision: int) -> bool:
        """Whether L'(alpha) > 0 is certain, for a rational alpha in [0, 1]."""
        return bool(self.nonnegative_factor(_fmpq(alpha)) > 0) and bool(self.at(alpha, precision) > 0)

    def expand(self, centre: Fraction, radius: Fraction, precision: int, terms: int) -> list[arb]:
        """Taylor coefficients 0 .. terms - 1 of K at `centre`, then coefficient `terms` on the whole ball.

        By Taylor's theorem K(centre + t) lies in sum_{l < terms} c_l t^l + c_terms t^terms for |t| <= radius.
        """
        with ctx.workprec(precision), _series_terms(terms + 1):
            pairs = self._pairs(precision)
            shift = arb_poly([arb(_fmpq(centre)), arb(1)])
            at_centre = [[(d(shift), e(shift)) for d, e in row] for row in pairs]
            coefficients = _coefficients(at_centre, terms)
            if radius > 0:
                shift = arb_poly([arb(0, arb(_fmpq(radius)).upper()), arb(1)])
                around = [[(d(shift), e(shift)) for d, e in row] for row in at_centre]
                coefficients.append(_coefficients(around, terms + 1)[terms])
            return coefficients

    def falls_termwise(self, centre: Fraction, radius: Fraction, precision: int) -> bool:
        """Whether every log odds' share of K is certainly <= 0 on the ball: enough for K <= 0, and cheap."""
        with ctx.workprec(precision):
            ball = arb(_fmpq(centre), arb(_fmpq(radius)).upper())
            return all(e(ball) <= 0 for row in self._pairs(precision) for _, e in row)

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

    def _pairs(self, precision: int) -> list[list[Pair]]:
        if precision not in self._balls:
            self._balls[precision] = [
                [(arb_poly(d), arb_poly(e)) for d, e in zip(*rows, strict=True)]
                for rows in zip(self._odds, self._slopes, strict=True)
            ]
        return self._balls[precision]


def _nonnegative_part(shared: fmpz_poly) -> fmpq_poly:
    """The largest divisor that is sure to be >= 0 on [0, 1]: powers of x and 1 - x, squares of the rest."""
    part = fmpq_poly([1])
    for end in (fmpz_poly([0, 1]), fmpz_poly([1, -1])):
        while (shared % end).is_zero():
            shared, part = shared // end, part * fmpq_poly(end)
    for factor, multiplicity in shared.factor_squarefree()[1]:
        part *= fmpq_poly(factor) ** (2 * (int(multiplicity) // 2))
    return part


def _coefficients(pairs: list[list[Pair]], terms: int) -> list[arb]:
    total = arb_series([0])
    for row in pairs:
        numerator, denominator = arb_series([0]), arb_series([1])
        for d, e in row:
            odds = arb_series(d.coeffs()[:terms]).exp()
            denominator += odds
            numerator += odds * arb_series(e.coeffs()[:terms])
        if not denominator[0] > 0:  # it is at least 1, but over this ball the exponentials cannot tell
            return [arb.nan()] * terms
        total += numerator / denominator
    return [total[index] for index in range(terms)]


def _rational_coefficients(
    odds: list[list[fmpq_poly]], slopes: list[list[fmpq_poly]], terms: int
) -> list[fmpq]:
    with _series_terms(terms):
        total = fmpq_series([0])
        for d_row, e_row in zip(odds, slopes, strict=True):
            numerator, denominator = fmpq_series([0]), fmpq_series([1])
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


def _fmpq(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)
