"""Whether the loss is non-increasing on the power model's line: True, False or not decided.

`False` comes with an alpha at which L' > 0 is proved; `True` with a proof that L' <= 0 on every cell of a
subdivision of [0, 1]. Every step is ball arithmetic or rational, no grid and no float enters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction

from flint import ctx, fmpq_poly

from mli_theory.certificates.loss_slope import LossSlope

__all__ = ["TERMS", "loss_monotone"]

TERMS = 6  # Taylor terms a cell: fewer need more cells, more cost more each
_DEPTH = 40  # a cell this narrow, 2^-40, that is still open sits on a zero of L': no use going on
_PRECISION = 96  # bits, for terms of L' that do not cancel


def loss_monotone(
    logits: Sequence[Sequence[fmpq_poly]], max_cells: int
) -> tuple[bool | None, Fraction | None]:
    """(verdict, alpha at which the loss is proved to rise or None).

    Args:
        logits: polynomials in alpha, [sample j][class i]; sample j's label is class j.
        max_cells: how many cells of the subdivision may be looked at before the answer is None.
    """
    slope = LossSlope(logits)
    if slope.is_constant:
        return True, None
    orders = {}
    for end in (0, 1):
        orders[end], sign = slope.order_at_end(end)
        if sign * (-1) ** (end * orders[end]) > 0:  # K = c (alpha - end)^n (1 + ...)
            return False, _rise_near(slope, end, orders[end])
    return _subdivide(slope, orders, max_cells)


def _subdivide(
    slope: LossSlope, orders: dict[int, int], max_cells: int
) -> tuple[bool | None, Fraction | None]:
    """Breadth first, so that a rise anywhere is met before the cells at one zero of L' get very small."""
    cells = deque([(Fraction(0), 0)])  # [lo, lo + 2^-depth]
    growth = 2 + max(orders.values())
    seen = 0
    while cells:
        lo, depth = cells.popleft()
        seen += 1
        if seen > max_cells or depth > _DEPTH:
            return None, None
        width = Fraction(1, 2**depth)
        centre, radius = lo + width / 2, width / 2
        precision = _PRECISION + growth * depth
        if slope.falls_simply(centre, radius, precision):
            continue
        end = 0 if lo == 0 else 1
        if orders[end] > 0 and (lo == 0 or lo + width == 1):
            # K = t^n (c_n + c_(n+1) t + ...), t = alpha - end: the exact zeros are left out.
            n = orders[end]
            cell = slope.expand(Fraction(end), width, precision, n + TERMS)
            sign, settled = (-1) ** (end * n), cell.loose is None
            near, far = Fraction(0), width if end == 0 else -width
        else:
            cell = slope.expand(centre, radius, precision, TERMS)
            n, sign, settled = 0, 1, True
            near, far = -radius, radius
            if cell.at_centre > 0 and slope.rises_at(centre, precision):
                return False, centre
        with ctx.workprec(precision):
            value = sign * cell.range_over(near, far, n) + (0 if cell.loose is None else cell.loose)
            settled = settled and bool(value <= 0)
        if not settled:
            cells += [(lo, depth + 1), (centre, depth + 1)]
    return True, None


def _rise_near(slope: LossSlope, end: int, order: int) -> Fraction:
    """A witness of the rise proved at an end: K has the sign of its leading term near enough."""
    exponent = 2
    while True:
        step = Fraction(1, 2**exponent)
        alpha = step if end == 0 else 1 - step
        if slope.rises_at(alpha, _PRECISION + (order + 1) * exponent):
            return alpha
        exponent += max(1, exponent // 2)
