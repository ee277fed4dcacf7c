"""From each sample's class changes to the exact error on the line, and to the plateau.

All alphas of all samples are put in one order; equal ones become one root, different ones get disjoint
enclosures. Between them, and at each of them, every sample's leading classes are known exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key

from mli_theory.certificates.exact_roots import ONE, ZERO, RealRoot, compare, disjoint
from mli_theory.certificates.upper_envelope import Classes, Envelope, EnvelopeEvent
from mli_theory.short_repr import short_repr

__all__ = ["CertifiedPlateau", "ClassChange", "ErrorStep", "Timeline", "longest", "timeline"]


@dataclass(frozen=True, eq=False)
class ClassChange:
    """One sample's leading classes change at one alpha, or tie there only.

    Attributes:
        sample: j, whose label is class j.
        alpha: the root, with a rigorous enclosure; 0 and 1 are exact.
        before: the classes that share the largest logit just left of alpha; at alpha = 0 the same as `at`.
        at: those at alpha itself.
        after: those just right of alpha; at alpha = 1 the same as `at`.
    """

    sample: int
    alpha: RealRoot
    before: Classes
    at: Classes
    after: Classes

    __repr__ = short_repr

    @property
    def is_touching(self) -> bool:
        """Whether the classes on both sides agree, and others join them at alpha only."""
        return self.before == self.after


@dataclass(frozen=True, eq=False)
class ErrorStep:
    """The error just left of alpha, at it and just right of it, as exact rationals.

    At alpha = 0 `before` is the value at 0, at alpha = 1 `after` is the value at 1.
    """

    alpha: RealRoot
    before: Fraction
    at: Fraction
    after: Fraction

    __repr__ = short_repr

    @property
    def change(self) -> Fraction:
        """By how much the error rises from left to right; negative where it falls."""
        return self.after - self.before


@dataclass(frozen=True, eq=False)
class CertifiedPlateau:
    """A maximal interval on which every sample is predicted, without ties, as class `majority_class`.

    Attributes:
        start: its lower end, not in it unless `includes_start`, which only alpha = 0 can be.
        end: its upper end, not in it unless `includes_end`, which only alpha = 1 can be.
        majority_class: the class of the largest end bias.
    """

    start: RealRoot
    end: RealRoot
    includes_start: bool
    includes_end: bool
    majority_class: int

    __repr__ = short_repr

    def __contains__(self, alpha: Fraction | float) -> bool:
        """Whether a rational number or float lies in the interval, exactly."""
        left, right = self.start.compare(alpha), self.end.compare(alpha)
        return (left < 0 or (left == 0 and self.includes_start)) and (
            right > 0 or (right == 0 and self.includes_end)
        )


@dataclass(frozen=True, eq=False)
class Timeline:
    """The leading classes of all samples on [0, 1], piece by piece.

    Attributes:
        changes: by alpha, then by sample.
        alphas: 0, every alpha of a change, 1: exact or in disjoint enclosures, ascending.
        at: the leading classes of every sample at each of `alphas`.
        right_of: the same just right of each, so on the open interval up to the next; at 1 as at 1.
    """

    changes: tuple[ClassChange, ...]
    alphas: tuple[RealRoot, ...]
    at: tuple[tuple[Classes, ...], ...]
    right_of: tuple[tuple[Classes, ...], ...]

    def values(self) -> Iterator[Fraction]:
        """The error at 0, right of 0, at the next alpha, right of it, ..., at 1."""
        for at, right in zip(self.at, self.right_of, strict=True):
            yield _error(at)
            yield _error(right)

    def error_steps(self) -> tuple[ErrorStep, ...]:
        """The alphas at which the error is not the same before, at and after."""
        steps, before = [], _error(self.at[0])
        for alpha, at, right in zip(self.alphas, self.at, self.right_of, strict=True):
            step = ErrorStep(alpha, before, _error(at), _error(right))
            if not step.before == step.at == step.after:
                steps.append(step)
            before = step.after
        return tuple(steps)

    def plateaus(self, majority_class: int) -> tuple[CertifiedPlateau, ...]:
        """The maximal intervals on which every sample is predicted as one class, in order."""
        found: list[CertifiedPlateau] = []
        start: tuple[RealRoot, bool] | None = None
        for alpha, at, right in zip(self.alphas, self.at, self.right_of, strict=True):
            here, beyond = _all_are(at, majority_class), _all_are(right, majority_class)
            if start is not None and not here:
                found.append(CertifiedPlateau(start[0], alpha, start[1], False, majority_class))
                start = None
            if start is None and beyond and alpha is not ONE:
                start = (alpha, here)
        if start is not None:
            found.append(CertifiedPlateau(start[0], ONE, start[1], True, majority_class))
        return tuple(found)


def timeline(envelopes: Sequence[Envelope]) -> Timeline:
    """All samples' events in one order, equal alphas merged, different ones in disjoint enclosures."""
    labelled = [(j, event) for j, envelope in enumerate(envelopes) for event in envelope.events]
    labelled.sort(key=cmp_to_key(_order))
    groups: list[list[tuple[int, EnvelopeEvent]]] = []
    for j, event in labelled:
        if groups and compare(groups[-1][0][1].alpha, event.alpha) == 0:
            groups[-1].append((j, event))
        else:
            groups.append([(j, event)])
    roots = disjoint([_best(event.alpha for _, event in group) for group in groups])

    now = tuple(envelope.at_start for envelope in envelopes)
    alphas, at, right_of = [ZERO], [now], [now]
    changes = []
    for alpha, group in zip(roots, groups, strict=True):
        here, beyond = list(right_of[-1]), list(right_of[-1])
        for j, event in sorted(group, key=lambda member: member[0]):
            changes.append(ClassChange(j, alpha, event.before, event.at, event.after))
            here[j], beyond[j] = event.at, event.after
        if alpha is ZERO:
            right_of[0] = tuple(beyond)
            continue
        alphas.append(alpha)
        at.append(tuple(here))
        right_of.append(tuple(beyond))
    if alphas[-1] is not ONE:
        alphas.append(ONE)
        at.append(right_of[-1])
        right_of.append(right_of[-1])
    return Timeline(tuple(changes), tuple(alphas), tuple(at), tuple(right_of))


def longest(plateaus: Sequence[CertifiedPlateau]) -> CertifiedPlateau | None:
    """The longest interval, None of none; of lengths that agree to 2^-1024 the earliest."""
    best = None
    for plateau in plateaus:
        if best is None or _is_longer(plateau, best):
            best = plateau
    return best


def _order(a: tuple[int, EnvelopeEvent], b: tuple[int, EnvelopeEvent]) -> int:
    return compare(a[1].alpha, b[1].alpha)


def _is_longer(a: CertifiedPlateau, b: CertifiedPlateau) -> bool:
    for bits in (64, 256, 1024):
        width = Fraction(1, 2**bits)
        (a0, a1), (b0, b1) = ((p.start.narrowed(width), p.end.narrowed(width)) for p in (a, b))
        if a1.lower - a0.upper > b1.upper - b0.lower:
            return True
        if a1.upper - a0.lower <= b1.lower - b0.upper:
            return False
    return False


def _best(alphas: Iterable[RealRoot]) -> RealRoot:
    """Of one number's descriptions an exact one, else the one of least degree, made exact if it is simple."""
    root = min(alphas, key=lambda root: (not root.is_exact, root.polynomial.degree()))
    return root if root.is_exact else root.rationalised()


def _error(classes: Sequence[Classes]) -> Fraction:
    """The share of samples whose label does not lead alone."""
    return Fraction(sum(c != (j,) for j, c in enumerate(classes)), len(classes))


def _all_are(classes: Sequence[Classes], majority_class: int) -> bool:
    return all(c == (majority_class,) for c in classes)
