"""The end of the plateau as sympy expressions, to be differentiated, specialised or printed (T2)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import sympy

from mli_theory.domain import DomainError

__all__ = ["PlateauSymbols", "SymbolicPlateau", "symbolic_plateau"]


@dataclass(frozen=True)
class PlateauSymbols:
    """The letters of the expressions; class k - 1 is i*, the class of the largest bias.

    Attributes:
        signal: s_0 .. s_{k-1}, real: one sample's logits at alpha = 1 without the bias.
        bias: b_0 .. b_{k-1}, real; T2 needs b_{k-1} above all the others.
        degree: r, a positive integer; T2 needs r >= 2.
    """

    signal: tuple[sympy.Symbol, ...]
    bias: tuple[sympy.Symbol, ...]
    degree: sympy.Symbol


@dataclass(frozen=True)
class SymbolicPlateau:
    """One sample's exit from i* on the homogeneous path; over many samples take the minimum.

    Attributes:
        symbols: the letters.
        beta_end: beta at which the first other class reaches i*: the least (b_{i*} - b_i) / (s_i - s_{i*})
            over the classes with s_i > s_{i*}, oo if there is none.
        alpha_end: beta_end^(1/(r-1)); it lies on the line where it is at most 1.
        lower_bound: (gap / S)^(1/(r-1)) <= alpha_end, gap = b_{i*} - second largest bias,
            S = max (s_i - s_{i*}), oo where S <= 0.
    """

    symbols: PlateauSymbols
    beta_end: sympy.Expr
    alpha_end: sympy.Expr
    lower_bound: sympy.Expr


def symbolic_plateau(n_classes: int) -> SymbolicPlateau:
    """T2 for one sample of k >= 2 classes, the last of which has the largest bias.

    Example:
        >>> plateau = symbolic_plateau(2)
        >>> plateau.symbols.bias
        (b_0, b_1)
        >>> s, b, r = plateau.symbols.signal, plateau.symbols.bias, plateau.symbols.degree
        >>> plateau.alpha_end.subs({s[0]: 9, s[1]: 0, b[0]: -1, b[1]: 0, r: 3})
        1/3

    Raises:
        DomainError: naming T2, for n_classes that is not an integer >= 2.
    """
    if isinstance(n_classes, bool) or not isinstance(n_classes, Integral) or n_classes < 2:
        raise DomainError(f"T2 needs an integer n_classes >= 2, got {n_classes!r}")
    k = int(n_classes)
    signal = sympy.symbols(f"s_0:{k}", real=True)
    bias = sympy.symbols(f"b_0:{k}", real=True)
    degree = sympy.Symbol("r", integer=True, positive=True)
    leads = [s - signal[-1] for s in signal[:-1]]
    gaps = [bias[-1] - b for b in bias[:-1]]
    exits = [_where(lead, gap / lead) for lead, gap in zip(leads, gaps, strict=True)]
    beta_end = _of_all(sympy.Min, exits)
    steepest = _of_all(sympy.Max, leads)
    least = _where(steepest, _of_all(sympy.Min, gaps) / steepest)
    power = 1 / (degree - 1)
    return SymbolicPlateau(
        PlateauSymbols(tuple(signal), tuple(bias), degree), beta_end, beta_end**power, least**power
    )


def _of_all(least_or_largest: type[sympy.Expr], terms: list[sympy.Expr]) -> sympy.Expr:
    """Min or Max without sympy's search for terms that another one makes needless.

    It compares all pairs, which took 20 s for 50 classes, and finds none: the letters are free.
    """
    return terms[0] if len(terms) == 1 else least_or_largest(*terms, evaluate=False)


def _where(lead: sympy.Expr, value: sympy.Expr) -> sympy.Expr:
    return sympy.Piecewise((value, lead > 0), (sympy.oo, True))
