"""The only two questions put to sympy: are these expressions identical, and what sign has this one.

Each answer is a proof or None ("could not decide"), never a numerical sample. Identity: the difference is
brought to 0 by rewriting (expansion, a common denominator, combination of powers, linearity of sums).
Sign: read off the structure, factor by factor and term by term, from the assumptions on the symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import sympy as sp

__all__ = ["has_kink", "identical", "nonnegative", "positive", "undefined_part"]


@lru_cache(maxsize=4096)
def identical(left: sp.Expr, right: sp.Expr) -> bool:
    """Whether left = right is proved for all values that the symbols' assumptions allow."""
    difference = sp.sympify(left - right)
    if difference == 0:
        return True
    difference = sp.sympify(difference.doit())
    return not _refuted(difference) and any(form == 0 for form in _forms(difference))


def _refuted(difference: sp.Expr) -> bool:
    """Whether the difference is plainly not 0 at one point of the domain: no proof need be looked for.

    Never the other way round: a difference that vanishes there proves nothing.
    """
    sizes = {limit for total in difference.atoms(sp.Sum) for _, *ends in total.limits for limit in ends}
    at = {symbol: sp.Integer(2) for size in sizes for symbol in size.free_symbols}
    try:
        numbers = sp.sympify(difference.subs(at).doit())
        unknown = sorted(numbers.atoms(sp.Indexed) | numbers.free_symbols, key=str)
        numbers = numbers.xreplace({x: _sample(x, place) for place, x in enumerate(unknown)})
        value = complex(numbers.evalf(30))
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return False
    return abs(value) > 1e-6  # against 30 digits: far above any rounding


def _sample(symbol: sp.Expr, place: int) -> sp.Expr:
    if symbol.is_integer:
        return sp.Integer(2 + place % 3)
    size = sp.Rational(5 + place * 7 % 11, 11)
    return -size if symbol.is_negative or symbol.is_nonpositive else size


def _forms(difference: sp.Expr) -> Iterator[sp.Expr]:
    """Equal expressions for the difference, cheapest first; each rewriting is valid on the whole domain."""
    difference = _linear_sums(sp.expand(difference))
    yield difference
    logs = _linear_sums(sp.expand(sp.expand_log(difference)))
    yield logs
    yield sp.expand(sp.powsimp(difference))
    numerator, _ = sp.fraction(sp.together(logs))
    numerator = _linear_sums(sp.expand(numerator))
    yield numerator
    numerator, _ = sp.fraction(sp.together(sp.powsimp(numerator)))
    yield sp.expand(sp.powsimp(sp.expand(numerator)))
    yield sp.expand(sp.powsimp(sp.expand(sp.powdenest(numerator))))


def _linear_sums(expression: sp.Expr) -> sp.Expr:
    """Every sum split over the terms of its summand, with the factors free of its index pulled out."""
    if not expression.has(sp.Sum):
        return expression
    return sp.expand(expression.replace(lambda part: isinstance(part, sp.Sum), _split_sum))


def _split_sum(total: sp.Sum) -> sp.Expr:
    if len(total.limits) > 1:
        inner = _split_sum(sp.Sum(total.function, total.limits[0]))
        return _linear_sums(sp.Sum(inner, *total.limits[1:]))
    ((index, first, last),) = total.limits
    result = sp.Integer(0)
    for term in sp.Add.make_args(_linear_sums(sp.expand(total.function))):
        outside, inside = term.as_independent(index, as_Add=False)
        inside = sp.powsimp(inside)
        result += outside * ((last - first + 1) if inside == 1 else sp.Sum(inside, (index, first, last)))
    return sp.expand(result)


@lru_cache(maxsize=4096)
def positive(expression: sp.Expr) -> bool:
    """Whether expression > 0 is proved."""
    expression = sp.sympify(expression)
    if expression.is_positive:
        return True
    if expression.is_Add:
        if len(expression.args) == 2 and expression.args[0] == -1 and isinstance(expression.args[1], sp.exp):
            return positive(expression.args[1].args[0])
        return all(map(nonnegative, expression.args)) and any(map(positive, expression.args))
    if expression.is_Mul:
        return _sign_of_product(expression, strict=True)
    if expression.is_Pow:
        base, exponent = expression.args
        return bool(exponent.is_real and positive(base)) or bool(exponent.is_even and _nonzero(base))
    if isinstance(expression, sp.Sum):
        return _nonempty(expression) and positive(expression.function)
    if isinstance(expression, sp.Max):
        return any(map(positive, expression.args))
    if isinstance(expression, sp.Min):
        return all(map(positive, expression.args))
    return False


@lru_cache(maxsize=4096)
def nonnegative(expression: sp.Expr) -> bool:
    """Whether expression >= 0 is proved."""
    expression = sp.sympify(expression)
    if expression.is_nonnegative or positive(expression):
        return True
    if expression.is_Add:
        if len(expression.args) == 2 and expression.args[0] == -1 and isinstance(expression.args[1], sp.exp):
            return nonnegative(expression.args[1].args[0])
        return all(map(nonnegative, expression.args))
    if expression.is_Mul:
        return _sign_of_product(expression, strict=False)
    if expression.is_Pow:
        base, exponent = expression.args
        return bool(exponent.is_even and base.is_real) or bool(exponent.is_nonnegative and nonnegative(base))
    if isinstance(expression, sp.Sum):
        counts = all((last - first + 1).is_nonnegative for _, first, last in expression.limits)
        return counts and nonnegative(expression.function)
    if isinstance(expression, sp.Max):
        return any(map(nonnegative, expression.args))
    if isinstance(expression, sp.Min):
        return all(map(nonnegative, expression.args))
    return False


def _sign_of_product(product: sp.Expr, *, strict: bool) -> bool:
    decide = positive if strict else nonnegative
    flips = 0
    for factor in product.args:
        if decide(factor):
            continue
        if factor.is_Add:
            opposite = decide(-factor)
        else:
            opposite = bool(factor.is_negative if strict else factor.is_nonpositive)
        if not opposite:
            return False
        flips += 1
    return flips % 2 == 0


def _nonzero(expression: sp.Expr) -> bool:
    opposite = positive(-expression) if expression.is_Add else bool(expression.is_negative)
    return bool(expression.is_nonzero) or positive(expression) or opposite


def _nonempty(total: sp.Sum) -> bool:
    return all((last - first).is_nonnegative for _, first, last in total.limits)


_EVERYWHERE = (
    *(sp.exp, sp.log, sp.sin, sp.cos, sp.Max, sp.Min, sp.Abs, sp.KroneckerDelta),
    sp.core.function.AppliedUndef,
)


def has_kink(expression: sp.Expr) -> bool:
    """Whether calculus would need care: a maximum, a minimum or an absolute value is in the expression."""
    return bool(expression.has(sp.Max, sp.Min, sp.Abs, sp.KroneckerDelta))


@lru_cache(maxsize=4096)
def undefined_part(expression: sp.Expr) -> sp.Expr | None:
    """A part of the expression that is not proved to be defined; None if all are.

    That is a quotient, power or logarithm, the derivative of a function with a kink, or a function not
    known here to be defined for all real numbers (tan has poles).
    """
    walk = sp.preorder_traversal(expression)
    for part in walk:
        if isinstance(part, sp.Function | sp.Max | sp.Min) and not isinstance(part, _EVERYWHERE):
            return part
        if isinstance(part, sp.Subs | sp.Derivative):
            bent = next((d for d in part.atoms(sp.Derivative) if has_kink(d.expr)), None)
            if bent is not None:
                return bent
        if isinstance(part, sp.Limit):  # what it is defined on, next to its point, is for the limit to find
            walk.skip()
        elif isinstance(part, sp.Subs | sp.Derivative) and part.doit() != part:  # defined if its value is
            walk.skip()
            inner = undefined_part(part.doit())
            if inner is not None:
                return inner
        elif isinstance(part, sp.log) and not positive(part.args[0]):
            return part
        elif isinstance(part, sp.Pow):
            base, exponent = part.args
            if base.is_commutative is False or positive(base):
                continue
            if exponent.is_nonnegative and (exponent.is_integer or nonnegative(base)):
                continue
            if not (exponent.is_integer and _nonzero(base)):
                return part
    return None
