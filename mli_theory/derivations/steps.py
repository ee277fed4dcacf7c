"""The kinds of step a derivation is made of; each proves its claim or raises `CannotDecideError`.

Identity, Deduction, Monotone, Secant, Tangent and Induction, and those about functions of time in
comparison.py, are checked by sympy. Words are not: they are marked and counted. Every claim has a right side
other than 0, so that a wrong right side can be told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sympy as sp

from mli_theory.derivations.decisions import has_kink, identical, nonnegative, positive, undefined_part
from mli_theory.derivations.relations import Relation, Substitution, captured, equal, substitute

__all__ = [
    "By",
    "CannotDecideError",
    "CheckedStep",
    "Deduction",
    "Identity",
    "Induction",
    "Monotone",
    "Secant",
    "Tangent",
    "Words",
    "require_defined",
    "require_identical",
    "require_in_domain",
    "require_interval",
    "require_not_captured",
]


class CannotDecideError(ValueError):
    """A claim that sympy could not prove; the message shows what was left."""


@dataclass(frozen=True)
class By:
    """Premise `name` (an earlier step, a hypothesis or a `given`), at `values`, times `weight`.

    The weight of an inequality must be provably >= 0; an equation may have any weight.
    """

    name: str
    weight: sp.Expr = field(default_factory=lambda: sp.Integer(1))
    values: Substitution = field(default_factory=dict)


@dataclass(frozen=True)
class Words:
    """A step that sympy does not check: marked and counted."""

    name: str
    text: str


@dataclass(frozen=True)
class CheckedStep:
    """A claim, the local conditions `given` it holds under, and a sentence for the reader.

    `where` defines symbols whose sign is assumed (g_i >= 0 where g_i = R - f_i): signs are read off the
    symbols, identities are checked with the definitions put in. They are conditions like `given`.
    """

    name: str
    claim: Relation
    text: str = ""
    given: dict[str, Relation] = field(default_factory=dict)
    where: Substitution = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.claim.right == 0:
            raise ValueError(f"step {self.name!r}: move a term to the right side, which must not be 0")

    @property
    def conditions(self) -> list[Relation]:
        """What the claim is stated under: `given`, and the definitions of `where`."""
        return [*self.given.values(), *(equal(name, value) for name, value in self.where.items())]

    @property
    def premises(self) -> Sequence[By]:
        """The earlier relations this step rests on."""
        return ()

    def prove(self, premises: dict[str, Relation]) -> None:
        """Prove the claim from the premises, already substituted, keyed by their place in `premises`.

        Raises:
            CannotDecideError: no proof was found.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Identity(CheckedStep):
    """Both sides are the same: derivatives, limits and sums are evaluated, then the difference is 0."""

    def prove(self, premises: dict[str, Relation]) -> None:  # noqa: ARG002 - the rule has none
        """By rewriting alone."""
        require_defined(self.claim)
        require_identical(self.claim.left, self.claim.right)


@dataclass(frozen=True)
class Deduction(CheckedStep):
    """left - right = sum of weight * (left - right of a premise) + remainder, each term of a proved sign.

    `split` = pairs (a, b) of real symbols: the two cases a = b + t, b = a + t with t >= 0, which are all
    there are, are proved one after the other (that is how a maximum or an absolute value is opened).
    """

    by: tuple[By, ...] = ()
    remainder: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    split: tuple[tuple[sp.Symbol, sp.Symbol], ...] = ()

    @property
    def premises(self) -> Sequence[By]:
        """The premises of the weighted sum."""
        return self.by

    def prove(self, premises: dict[str, Relation]) -> None:
        """Check the identity, then every sign."""
        require_defined(self.claim, self.remainder, *(by.weight for by in self.by), *self.where.values())
        require_not_captured(self.where, self.claim.left, self.claim.right, self.remainder)
        for premise in premises.values():
            require_not_captured(self.where, premise.left, premise.right)
        weighted = [(by.weight, premises[str(place)]) for place, by in enumerate(self.by)]
        for case in _cases(self.split):
            self._prove_case(case, weighted)

    def _prove_case(self, case: list[Substitution], weighted: list[tuple[sp.Expr, Relation]]) -> None:
        def at(expression: sp.Expr) -> sp.Expr:
            for values in case:
                expression = substitute(expression, values)
            return expression

        total, strict = at(self.remainder), False
        for weight, premise in weighted:
            weight = at(weight)
            total += weight * at(premise.difference)
            if premise.sign != "=" and not nonnegative(weight):
                raise CannotDecideError(f"the sign of the weight {weight} of {premise}")
            strict = strict or (premise.sign == ">" and positive(weight))
            if self.claim.sign == "=" and premise.sign != "=":
                raise CannotDecideError(f"an equation from the inequality {premise}")
        require_identical(at(self.claim.difference).xreplace(self.where), total.xreplace(self.where))
        remainder = at(self.remainder)
        if self.claim.sign == "=":
            if remainder != 0:
                raise CannotDecideError(f"an equation with the remainder {remainder}")
        elif self.claim.sign == ">=" or strict:
            if not nonnegative(remainder):
                raise CannotDecideError(f"{remainder} >= 0")
        elif not positive(remainder):
            raise CannotDecideError(f"{remainder} > 0")


@dataclass(frozen=True)
class Monotone(CheckedStep):
    """A function of `variable` with positive derivative, applied to both sides of a premise.

    On a domain with the end 0 the derivative may vanish there: a function that is continuous at 0 and rises
    on all positive numbers rises from 0 on.
    """

    of: By = field(default_factory=lambda: By(""))
    function: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    variable: sp.Symbol = field(default_factory=lambda: sp.Symbol("x", positive=True))

    @property
    def premises(self) -> Sequence[By]:
        """The relation the function is applied to."""
        return (self.of,)

    def prove(self, premises: dict[str, Relation]) -> None:
        """The derivative is positive on the variable's domain, an interval that holds both sides."""
        premise = premises["0"]
        require_defined(self.claim, self.function)
        require_interval(self.variable)
        if self.claim.sign != premise.sign:
            raise CannotDecideError(f"{self.claim} from {premise}: not the same relation")
        _require_smooth(self.function)
        for side in (premise.left, premise.right):
            require_in_domain(self.variable, side)
            require_not_captured({self.variable: side}, self.function)
        inside = self.variable
        if inside.is_nonnegative and not inside.is_positive:
            inside = sp.Symbol(self.variable.name, positive=True)
        slope = sp.diff(self.function.subs(self.variable, inside), inside)
        slope = sp.factor_terms(sp.powsimp(slope))
        if not positive(slope):
            raise CannotDecideError(f"{slope} > 0")
        require_identical(self.claim.left, self.function.subs(self.variable, premise.left))
        require_identical(self.claim.right, self.function.subs(self.variable, premise.right))


@dataclass(frozen=True)
class Secant(CheckedStep):
    """f(x) - f(y) = s (x - y), s a new symbol: the mean of f' between y and x, continuous where they are.

    It is >= 0 or > 0 as the symbol says where f' is.
    """

    slope: sp.Symbol = field(default_factory=lambda: sp.Symbol("s", real=True))
    function: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    variable: sp.Symbol = field(default_factory=lambda: sp.Symbol("x", real=True))
    ends: tuple[sp.Expr, sp.Expr] = (sp.Integer(0), sp.Integer(0))

    def prove(self, premises: dict[str, Relation]) -> None:  # noqa: ARG002 - the rule has none
        """The derivative is defined on an interval that holds both ends, and has the symbol's sign."""
        x, (left, right) = self.variable, self.ends
        require_interval(x)
        _require_smooth(self.function)
        derivative = sp.powsimp(sp.diff(self.function, x))
        require_defined(self.claim, self.function, derivative)
        for end in self.ends:
            require_in_domain(x, end)
            require_not_captured({x: end}, self.function)
        if self.slope in self.function.free_symbols | left.free_symbols | right.free_symbols:
            raise CannotDecideError(f"the mean slope {self.slope}, which is a symbol of the function")
        if self.slope.assumptions0 not in (_JUST_REAL, _NONNEGATIVE, _POSITIVE):
            raise CannotDecideError(f"that the mean slope {self.slope} is more than real, >= 0 or > 0")
        shown = sp.factor_terms(derivative)
        if self.slope.is_positive and not positive(shown):
            raise CannotDecideError(f"{shown} > 0")
        if self.slope.is_nonnegative and not nonnegative(shown):
            raise CannotDecideError(f"{shown} >= 0")
        if self.claim.sign != "=":
            raise CannotDecideError(f"{self.claim} from a mean slope, which gives an equation")
        require_identical(self.claim.left, self.function.subs(x, left) - self.function.subs(x, right))
        require_identical(self.claim.right, self.slope * (left - right))


@dataclass(frozen=True)
class Tangent(CheckedStep):
    """A convex function lies above its tangent: f(x) >= f(a) + f'(a) (x - a), with f'' = `curvature` >= 0."""

    variable: sp.Symbol = field(default_factory=lambda: sp.Symbol("x", real=True))
    point: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    curvature: sp.Expr = field(default_factory=lambda: sp.Integer(0))

    def prove(self, premises: dict[str, Relation]) -> None:  # noqa: ARG002 - the rule has none
        """The second derivative is the curvature, whose sign is proved; the right side is the tangent."""
        require_defined(self.claim, self.curvature, *self.where.values())
        function, x = self.claim.left, self.variable
        require_interval(x)
        if self.claim.sign != ">=":
            raise CannotDecideError(f"{self.claim} from a tangent, which gives >=")
        require_in_domain(x, self.point)
        _require_smooth(function)
        require_not_captured({x: self.point}, function)
        require_not_captured(self.where, function, self.curvature)
        require_identical(sp.diff(function, x, 2).xreplace(self.where), self.curvature.xreplace(self.where))
        if not nonnegative(self.curvature):
            raise CannotDecideError(f"{self.curvature} >= 0")
        slope = sp.diff(function, x).subs(x, self.point)
        require_identical(self.claim.right, function.subs(x, self.point) + slope * (x - self.point))


@dataclass(frozen=True)
class Induction(CheckedStep):
    """claim(m) for every integer m >= 1, where both sides are built from sequences defined by recursion.

    `first` gives the sequences at m = 1, `following` at m + 1 from those at m. The left side is one term of
    such a sequence: at m it is replaced by the right side, the induction hypothesis. `split` as in Deduction,
    on the values at m named by `values_at_m` (a sequence's term -> a real symbol of its own).
    The recursion is a condition of the claim, shown and to be met wherever the claim is used.

    An inequality left >= right is proved by left - right = `base` at m = 1, and at m + 1 `weight` times the
    difference at m, plus `remainder`, all three >= 0.
    """

    variable: sp.Symbol = field(default_factory=lambda: sp.Symbol("m", integer=True, positive=True))
    first: Substitution = field(default_factory=dict)
    following: Substitution = field(default_factory=dict)
    values_at_m: Substitution = field(default_factory=dict)
    split: tuple[tuple[sp.Symbol, sp.Symbol], ...] = ()
    base: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    weight: sp.Expr = field(default_factory=lambda: sp.Integer(1))
    remainder: sp.Expr = field(default_factory=lambda: sp.Integer(0))

    @property
    def conditions(self) -> list[Relation]:
        """The recursion, beside what every claim is stated under."""
        recursion = {**self.first, **self.following}
        return [*super().conditions, *(equal(term, value) for term, value in recursion.items())]

    def _require_recursion(self) -> None:
        m = self.variable
        for terms, place in ((self.first, sp.Integer(1)), (self.following, m + 1)):
            for term, value in terms.items():
                if not isinstance(term, sp.core.function.AppliedUndef) or term.args != (place,):
                    raise CannotDecideError(f"a sequence defined by its term {term}, not at {place}")
                if any(sp.sympify(value).has(other) for other in terms):
                    raise CannotDecideError(f"{term} = {value}: a term defined by one at the same place")
        names = list(self.values_at_m.values())
        known = self.claim.symbols.union(*(c.symbols for c in self.conditions))
        if len(set(names)) < len(names) or known & set(names):
            raise CannotDecideError(f"values at {m} under the names {names}: not names of their own")
        for term, name in self.values_at_m.items():
            if not (term.is_real and isinstance(name, sp.Symbol) and name.assumptions0 == _JUST_REAL):
                raise CannotDecideError(f"{name} for any value of {term}: both must be just real")

    def prove(self, premises: dict[str, Relation]) -> None:  # noqa: ARG002 - the rule has none
        """Base, then step."""
        require_defined(self.claim)
        self._require_recursion()
        if self.claim.sign == ">=":
            self._prove_inequality()
            return
        if self.claim.sign != "=" or not isinstance(self.claim.left, sp.core.function.AppliedUndef):
            raise CannotDecideError(f"an induction on {self.claim}")
        m, left, right = self.variable, self.claim.left, self.claim.right
        base = [substitute(side.subs(m, 1), self.first) for side in (left, right)]
        step = [substitute(side.subs(m, m + 1), self.following) for side in (left, right)]
        step[0] = step[0].subs(left, right)
        for case in _cases(self.split):
            for pair in (base, step):
                named = [substitute(side, self.values_at_m) for side in pair]
                for values in case:
                    named = [substitute(side, values) for side in named]
                require_identical(named[0], named[1])

    def _prove_inequality(self) -> None:
        m, difference = self.variable, self.claim.difference
        require_defined(self.claim, self.base, self.weight, self.remainder)
        require_identical(substitute(difference.subs(m, 1), self.first), self.base)
        following = substitute(difference.subs(m, m + 1), self.following)
        require_identical(following, self.weight * difference + self.remainder)
        for part in (self.base, self.weight, self.remainder):
            if not nonnegative(part):
                raise CannotDecideError(f"{part} >= 0")


_JUST_REAL = sp.Symbol("x", real=True).assumptions0
_NONNEGATIVE = sp.Symbol("x", nonnegative=True).assumptions0
_POSITIVE = sp.Symbol("x", positive=True).assumptions0


def _cases(pairs: tuple[tuple[sp.Symbol, sp.Symbol], ...]) -> list[list[Substitution]]:
    cases: list[list[Substitution]] = [[]]
    for a, b in pairs:
        for symbol in (a, b):
            if symbol.assumptions0 != _JUST_REAL:
                raise CannotDecideError(f"cases over {symbol}, which is not just real")
        t = sp.Dummy("t", nonnegative=True)
        cases = [[*case, values] for case in cases for values in ({a: b + t}, {b: a + t})]
    return cases


def require_identical(left: sp.Expr, right: sp.Expr) -> None:
    """Left = right is proved."""
    if not identical(left, right):
        raise CannotDecideError(f"{left} = {right}")


def require_defined(claim: Relation, *others: sp.Expr) -> None:
    """No side, weight or certificate divides by what may be 0 or has a logarithm of what may not be > 0."""
    for expression in (claim.left, claim.right, *others):
        part = undefined_part(expression)
        if part is not None:
            raise CannotDecideError(f"that {part} is defined")
    if claim.sign != "=":
        for symbol in sorted(claim.symbols, key=str):
            if symbol.is_real is not True:
                raise CannotDecideError(f"that {symbol} is real, in an inequality")


def require_not_captured(values: Substitution, *expressions: sp.Expr) -> None:
    """No value has a symbol that a sum, derivative or limit in the expressions binds."""
    symbol = captured(values, *expressions)
    if symbol is not None:
        raise CannotDecideError(f"which {symbol} is meant: it is bound where {values} goes in")


def _require_smooth(function: sp.Expr) -> None:
    if has_kink(function):
        raise CannotDecideError(f"that {function} has a derivative")


def require_interval(variable: sp.Symbol) -> None:
    """Calculus needs a variable that ranges over an interval: all reals, or those of one sign."""
    one_sign = variable.is_positive or variable.is_negative
    if not variable.is_real or variable.is_integer is not None or (variable.is_nonzero and not one_sign):
        raise CannotDecideError(f"that {variable} ranges over an interval")


def require_in_domain(symbol: sp.Expr, value: sp.Expr) -> None:
    """The value has every assumption the symbol was made with."""
    for name, wanted in symbol.assumptions0.items():
        if name == "positive" and wanted and positive(value):
            continue
        if name == "nonnegative" and wanted and nonnegative(value):
            continue
        if name in _CARRIED and getattr(value, f"is_{name}") is not wanted:
            signed = symbol.is_nonnegative and nonnegative(value)
            if not (name in {"real", "nonzero", "zero"} and signed):
                raise CannotDecideError(f"that {value} is {'' if wanted else 'not '}{name}, as {symbol} is")


# The others in assumptions0 follow from these.
_CARRIED = ("integer", "even", "odd", "positive", "negative", "nonnegative", "nonpositive", "nonzero", "real")
