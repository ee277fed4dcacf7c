"""The theory's letters as sympy symbols; their assumptions are the hypotheses common to all theorems."""

from __future__ import annotations

import sympy as sp

__all__ = ["alpha", "beta", "i", "j", "k", "n", "positive", "put", "q", "r", "real", "slope", "total"]


def positive(names: str) -> tuple[sp.Symbol, ...]:
    """Positive real symbols."""
    return tuple(sp.symbols(names, positive=True, seq=True))


def real(names: str) -> tuple[sp.Symbol, ...]:
    """Real symbols."""
    return tuple(sp.symbols(names, real=True, seq=True))


alpha, beta = positive("alpha beta")
"""Place on the line, and alpha^(r-1): positive, for alpha = 0 is treated apart."""

k, n = sp.symbols("k n", integer=True, positive=True)
"""Numbers of classes and of samples."""

i, j = sp.symbols("i j", integer=True, positive=True)
"""A class and a sample: a claim in which they are free holds for each."""

q = sp.Symbol("q", integer=True, positive=True)
"""q = r - 1: writing r = 1 + q says r >= 2."""

r = 1 + q
"""Degree of the signal in the weights."""


def slope(function: sp.Expr, variable: sp.Symbol, times: int = 1) -> sp.Expr:
    """A derivative left as written: it is for check() to evaluate."""
    return sp.Derivative(function, (variable, times))


def put(expression: sp.Expr, values: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Values put in for symbols, left as written: it is for check() to evaluate."""
    return sp.Subs(expression, tuple(values), tuple(values.values()))


def total(term: sp.Expr, index: sp.Symbol = i, last: sp.Expr = k) -> sp.Expr:
    """The sum of a term over index = 1 .. last."""
    return sp.Sum(term, (index, 1, last))
