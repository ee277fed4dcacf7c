"""Relations between two expressions, kept as written: sympy would evaluate them away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp

__all__ = ["Relation", "at_least", "captured", "equal", "greater", "substitute"]

Substitution = dict[sp.Expr, sp.Expr]


@dataclass(frozen=True)
class Relation:
    """left = right, left >= right or left > right, for all values the symbols' assumptions allow."""

    left: sp.Expr
    sign: Literal["=", ">=", ">"]
    right: sp.Expr

    @property
    def difference(self) -> sp.Expr:
        """Left - right: the relation says that it is = 0, >= 0 or > 0."""
        return self.left - self.right

    @property
    def symbols(self) -> set[sp.Expr]:
        """Free symbols, indexed families under their base's name."""
        return set(self.left.free_symbols) | set(self.right.free_symbols)

    def substituted(self, values: Substitution) -> Relation:
        """The relation at other values of its symbols."""
        return Relation(substitute(self.left, values), self.sign, substitute(self.right, values))

    def __str__(self) -> str:
        return f"{sp.sstr(self.left)} {self.sign} {sp.sstr(self.right)}"

    def latex(self) -> str:
        """The relation in LaTeX, without delimiters."""
        sign = {"=": "=", ">=": r"\ge", ">": ">"}[self.sign]
        return f"{sp.latex(self.left)} {sign} {sp.latex(self.right)}"


def equal(left: Any, right: Any) -> Relation:
    """Left = right."""
    return Relation(sp.sympify(left), "=", sp.sympify(right))


def at_least(left: Any, right: Any) -> Relation:
    """Left >= right."""
    return Relation(sp.sympify(left), ">=", sp.sympify(right))


def greater(left: Any, right: Any) -> Relation:
    """Left > right."""
    return Relation(sp.sympify(left), ">", sp.sympify(right))


def substitute(expression: sp.Expr, values: Substitution) -> sp.Expr:
    """All the values put in at once, so that symbols may be swapped."""
    return expression.subs(values, simultaneous=True) if values else expression


def captured(values: Substitution, *expressions: sp.Expr) -> sp.Expr | None:
    """A symbol of the values that a sum, derivative or limit in the expressions would take for its own.

    None if there is none. x = b_i must not go into sum_i x g_i; g_i = R - f_i may, for it holds for each i.
    """
    bound: set[sp.Expr] = set()
    for expression in expressions:
        for part in sp.preorder_traversal(expression):
            bound |= set(getattr(part, "bound_symbols", ()))
            if isinstance(part, sp.Derivative):
                bound |= set(part.variables)
            elif isinstance(part, sp.Limit):
                bound.add(part.args[1])
    for old, new in values.items():
        for symbol in sorted(bound & (sp.sympify(new).free_symbols - sp.sympify(old).free_symbols), key=str):
            return symbol
    return None
