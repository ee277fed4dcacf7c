"""Steps about functions of time: a linear comparison by the integrating factor, and a first crossing.

Both speak of functions that have a derivative, such as the coordinates of a gradient flow: applied functions
`z(t)` of one variable. What their rates are is a condition of the claim, shown and to be met wherever the
claim is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from mli_theory.derivations.decisions import has_kink, nonnegative, positive
from mli_theory.derivations.relations import Relation, Substitution, equal
from mli_theory.derivations.steps import (
    By,
    CannotDecideError,
    CheckedStep,
    require_defined,
    require_identical,
    require_interval,
)

__all__ = ["Comparison", "Coordinate", "FirstCrossing"]


@dataclass(frozen=True)
class Coordinate:
    """Another z_m = left - right of a system: z_m' = -decay z_m + forcing + sum of weight * the others.

    `weights` are those of the step's own z and then of the other coordinates, in their order; `equations` are
    the premises that the identity of its rate needs.
    """

    claim: Relation
    decay: sp.Expr
    weights: tuple[sp.Expr, ...]
    start: By
    forcing: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    equations: tuple[By, ...] = ()


@dataclass(frozen=True)
class Comparison(CheckedStep):
    """z = left - right stays >= 0 (> 0), where z' = -decay z + forcing + sum of weight * z_m, from z(0) >= 0.

    For z alone: (z e^A)' = e^A (forcing + ...) with A the integral of the decay, so z e^A does not fall. The
    z_m are either proved >= 0 at all times by an earlier step (`supported`), or coordinates of one linear
    system, proved together (`companions`): couplings >= 0 keep the positive cone, since the solution is the
    sum of the Volterra series, whose every term is >= 0.

    The variable is the time, t >= 0, at which the claim holds; the premise `start` is the claim at 0. A
    strict claim needs a strict start (then it holds at t = 0 too), or a push > 0: the forcing, or a z_m > 0
    with a weight > 0 (then it holds for t > 0, and the variable must be positive). An equation needs z' =
    -decay z and an equation at the start. Decay and weights are continuous where they are defined, as
    everything here is that has no step in it.

    Attributes:
        variable: the time.
        rates: derivative of each function of time in the claims.
        decay: any expression that is defined.
        forcing: >= 0, or > 0.
        start: the premise at time 0.
        supported: premises z_m >= 0 at all times, with their weights >= 0.
        companions: the other coordinates of the system.
        weights: of the companions in this claim's rate, in their order, >= 0.
        equations: premises that are equations, with their weights, that the identity needs.
    """

    variable: sp.Symbol = field(default_factory=lambda: sp.Symbol("t", nonnegative=True))
    rates: Substitution = field(default_factory=dict)
    decay: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    forcing: sp.Expr = field(default_factory=lambda: sp.Integer(0))
    start: By = field(default_factory=lambda: By(""))
    supported: tuple[By, ...] = ()
    companions: tuple[Coordinate, ...] = ()
    weights: tuple[sp.Expr, ...] = ()
    equations: tuple[By, ...] = ()

    @property
    def premises(self) -> tuple[By, ...]:
        """The starts, what supports, and equations."""
        starts = (self.start, *(one.start for one in self.companions))
        of_others = (by for one in self.companions for by in one.equations)
        return (*starts, *self.supported, *self.equations, *of_others)

    @property
    def conditions(self) -> list[Relation]:
        """The rates, beside what every claim is stated under."""
        return [*super().conditions, *_as_equations(self.rates, self.variable)]

    def prove(self, premises: dict[str, Relation]) -> None:
        """For each coordinate the differential identity, the signs, then the start."""
        _require_time(self.variable)
        own = Coordinate(self.claim, self.decay, self.weights, self.start, self.forcing)
        system = (own, *self.companions)
        require_defined(self.claim, *self.rates.values(), *self.where.values())
        if any(len(one.weights) != len(system) - 1 for one in system):
            raise CannotDecideError(f"a system of {len(system)} without a weight for each other coordinate")
        rest = iter(range(len(system), len(premises)))
        supports = [(by.weight, premises[str(next(rest))]) for by in self.supported]
        wanted = (self.equations, *(one.equations for one in self.companions))
        equations = [[(by.weight, premises[str(next(rest))]) for by in each] for each in wanted]
        for weight, premise in supports:
            if premise.sign == "=" or not nonnegative(weight):
                raise CannotDecideError(f"{premise} with the weight {weight} >= 0")
        for _, premise in (pair for pairs in equations for pair in pairs):
            if premise.sign != "=":
                raise CannotDecideError(f"the equation {premise}")
        pushed = any(premise.sign == ">" and positive(weight) for weight, premise in supports)
        for place, one in enumerate(system):
            others = [other.claim for at, other in enumerate(system) if at != place]
            more = supports if place == 0 else []
            self._require_rate(one, others, [*more, *equations[place]])
            starts = [premises[str(at)] for at in range(len(system)) if at != place]
            strict = pushed and place == 0
            for weight, other, start in zip(one.weights, others, starts, strict=True):
                strict = strict or (other.sign == start.sign == ">" and positive(weight))
            self._require_start(one, premises[str(place)], strict)

    def _require_rate(
        self, one: Coordinate, others: list[Relation], more: list[tuple[sp.Expr, Relation]]
    ) -> None:
        z = one.claim.difference
        weights = [*one.weights, *(weight for weight, _ in more)]
        require_defined(one.claim, one.decay, one.forcing, *weights)
        _require_smooth(one.claim, one.decay, one.forcing, *weights)
        alone = not one.weights and one.forcing == 0 and all(other.sign == "=" for _, other in more)
        if one.claim.sign == "=" and not alone:
            raise CannotDecideError(f"the equation {one.claim} where z' is more than -decay z")
        right = -one.decay * z + one.forcing
        for weight, other in [*zip(one.weights, others, strict=True), *more]:
            right += weight * other.difference
        rate = _rate(z, self.rates, self.variable)
        require_identical(rate.xreplace(self.where), sp.sympify(right).xreplace(self.where))
        for sign in (*one.weights, one.forcing):
            if not nonnegative(sign):
                raise CannotDecideError(f"{sign} >= 0")

    def _require_start(self, one: Coordinate, start: Relation, pushed: bool) -> None:
        if (start.sign == "=") != (one.claim.sign == "="):
            raise CannotDecideError(f"{one.claim} from {start} at time 0: not the same kind of relation")
        for side, at_0 in ((one.claim.left, start.left), (one.claim.right, start.right)):
            require_identical(_at_0(side, self.variable), _at_0(at_0, self.variable))
        if one.claim.sign != ">" or start.sign == ">":
            return
        if not (pushed or positive(one.forcing)):
            raise CannotDecideError(f"{one.claim} from {start}: neither the start nor the push is > 0")
        if not self.variable.is_positive:
            raise CannotDecideError(f"{one.claim} at {self.variable} = 0")


@dataclass(frozen=True)
class FirstCrossing(CheckedStep):
    """z > 0 at all times, z one of finitely many functions that start > 0 and rise where they are first 0.

    Were there a first time at which one of them is 0, that one, z, would have come down to 0 and z' <= 0
    there; but all the others are still >= 0, and the premise `inward` says that then z' > 0.

    Attributes:
        variable: the time.
        start: the premise at time 0, strict.
        inward: the premise rate of left > rate of right, an earlier step's claim under conditions that
            hold at a first crossing: z = 0, the others >= 0.
        rates: derivative of both sides' functions.
    """

    variable: sp.Symbol = field(default_factory=lambda: sp.Symbol("t", nonnegative=True))
    start: By = field(default_factory=lambda: By(""))
    inward: By = field(default_factory=lambda: By(""))
    rates: Substitution = field(default_factory=dict)

    @property
    def premises(self) -> tuple[By, ...]:
        """The start, and the rates at a crossing."""
        return (self.start, self.inward)

    @property
    def conditions(self) -> list[Relation]:
        """The rates, beside what every claim is stated under."""
        return [*super().conditions, *_as_equations(self.rates, self.variable)]

    def prove(self, premises: dict[str, Relation]) -> None:
        """Both premises are strict and are what they must be."""
        t, start, inward = self.variable, premises["0"], premises["1"]
        require_defined(self.claim, *self.rates.values())
        _require_time(t)
        _require_smooth(self.claim)
        if not self.claim.sign == start.sign == inward.sign == ">":
            raise CannotDecideError(f"{self.claim} from {start} and {inward}: all three must be strict")
        for side, at_0 in ((self.claim.left, start.left), (self.claim.right, start.right)):
            require_identical(_at_0(side, t), _at_0(at_0, t))
        require_identical(_rate(self.claim.difference, self.rates, t), inward.difference)


def _rate(z: sp.Expr, rates: Substitution, t: sp.Symbol) -> sp.Expr:
    """dz/dt with the rates put in; every function of time must have one."""
    slope = sp.diff(z, t)
    found = slope.xreplace({sp.Derivative(function, t): rate for function, rate in rates.items()})
    left = [part for part in found.atoms(sp.Derivative) if t in part.variables]
    if left:
        raise CannotDecideError(f"the rate {left[0]}")
    return sp.sympify(found)


def _at_0(expression: sp.Expr, t: sp.Symbol) -> sp.Expr:
    return sp.sympify(expression).subs(t, 0)


def _as_equations(rates: Substitution, t: sp.Symbol) -> list[Relation]:
    return [equal(sp.Derivative(function, t), rate) for function, rate in rates.items()]


def _require_time(t: sp.Symbol) -> None:
    require_interval(t)
    if not t.is_nonnegative:
        raise CannotDecideError(f"that {t} is a time >= 0")


def _require_smooth(claim: Relation, *others: sp.Expr) -> None:
    """The claim has a derivative and the others are continuous: no step, no kink."""
    for expression in (claim.left, claim.right):
        if has_kink(expression):
            raise CannotDecideError(f"that {expression} has a derivative")
    for expression in others:
        if sp.sympify(expression).has(sp.KroneckerDelta, sp.Heaviside, sp.Piecewise, sp.sign, sp.floor):
            raise CannotDecideError(f"that {expression} is continuous")
