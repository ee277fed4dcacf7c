"""Where the plateau starts on the line from the true initial weights, beside T14."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from mli_theory import plateau_start
from simulations.power_model_experiments.cases import Group, Values
from simulations.power_model_experiments.flows import solve_in_turn
from simulations.power_model_experiments.starts import initial_weights, unit_weights

__all__ = ["GROUPS", "VARIABLES", "first_held", "measure"]

_SCALES = (0.2, 0.1, 0.05, 0.02, 0.01)

GROUPS = {
    "quick": tuple(Group(4, r, _SCALES, (1e-4,)) for r in (2, 3, 4)),
    "full": tuple(Group(k, r, (0.3, *_SCALES), (1e-4,)) for k in (2, 4, 10) for r in (2, 3, 4, 5)),
}

VARIABLES = {
    "start_fixed_end": "first alpha at which the class of the largest bias holds every sample; "
    "trained end of the smallest scale (nan: never)",
    "predicted_fixed_end": "T14's prediction of it",
    "start_own_end": "the same with the end trained from this very start",
    "predicted_own_end": "T14's prediction of it",
}


def measure(group: Group, seed: int) -> list[Values]:
    """One row a scale. T14 keeps the trained end fixed as the scale shrinks; own ends are beside it."""
    r = group.degree
    unit = unit_weights(group.start, group.n_classes, seed)
    starts = initial_weights(group, seed)
    ((weights, bias),) = solve_in_turn(starts, r, group.final_losses[:1])
    fixed = int(np.argmin(group.init_scales))
    rows: list[Values] = []
    for run, scale in enumerate(group.init_scales):
        row: dict[str, object] = {}
        for name, end in (("fixed", fixed), ("own", run)):
            row[f"start_{name}_end"] = first_held(starts[run], weights[end], bias[end], r)
            row[f"predicted_{name}_end"] = plateau_start((unit**r).T, bias[end], r, scale)
        rows.append(row)
    return rows


def first_held(
    start: NDArray[np.float64], end: NDArray[np.float64], bias: NDArray[np.float64], degree: int
) -> float:
    """The first alpha in [0, 1] from which on i* = argmax b holds every sample, for a while; nan if never.

    W_ij(alpha)^r is a polynomial of degree r: the lead of i* over class i on sample j is positive between
    the roots of a polynomial, and all leads together on the intersection.
    """
    held = int(np.argmax(bias))
    lead = [
        [_power(start[i, j], end[i, j], degree) + Polynomial([0.0, bias[i]]) for j in range(len(bias))]
        for i in range(len(bias))
    ]
    leads = [lead[held][j] - lead[i][j] for i in range(len(bias)) if i != held for j in range(len(bias))]
    roots = np.concatenate([_roots(p) for p in leads])
    # A complex pair of roots is no change of sign; rounding can make two close real ones of it.
    real = roots.real[np.abs(roots.imag) <= 1e-9 * np.abs(roots)]
    edges = np.unique(np.concatenate([[0.0], real[(real > 0) & (real < 1)], [1.0]]))
    for left, right in pairwise(edges):
        middle = 0.5 * (left + right)
        if all(p(middle) > 0 for p in leads):
            return float(left)
    return float("nan")


def _power(start: float, end: float, degree: int) -> Polynomial:
    return Polynomial([start, end - start]) ** degree


def _roots(lead: Polynomial) -> NDArray[np.complex128]:
    """All roots, polished: the companion matrix leaves an error of 1e-16 of the largest, not of each."""
    roots = lead.roots().astype(np.complex128)
    slope = lead.deriv()
    for _ in range(3):
        steepness = slope(roots)
        step = lead(roots) / np.where(steepness == 0, 1.0, steepness)
        # A double root has no Newton step worth taking.
        roots = np.where(np.abs(step) < 0.1 * np.abs(roots), roots - step, roots)
    return roots
