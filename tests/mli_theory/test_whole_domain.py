"""Every public function over the whole range of floats: numbers, a documented infinity, or DomainError.

Never nan (but where the docstring says nan), never another exception, no hang, no warning but that of a bump
that is a guess. What the numbers
are is tested elsewhere, from second routes.
"""

import math
from dataclasses import fields, is_dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mli_theory import (
    DomainError,
    bias_gap_bounds,
    certified_window,
    certify,
    correct_interval,
    crossover_law,
    escape_gap,
    escape_schedule,
    largest_admissible_loss,
    loss_bump,
    loss_expansion,
    loss_sandwich,
    majority_exit,
    plateau,
    plateau_law,
    plateau_start,
    predict_curves,
    quadratic_plateau_law,
)
from mli_theory.power_model import conserved_quantities, gradient, logits, loss

special = st.sampled_from(
    [0.0, 5e-324, -5e-324, 1e-308, 1e-160, -1e-30, 1.0, 1.0, -1.0, 0.5, 3.0, 1e30, -1e160, 1.7e308, -1.7e308]
)
numbers = special | st.floats(-1.7e308, 1.7e308) | st.floats(-3, 3)
positive = numbers.map(abs).filter(bool)
shares = st.lists(st.floats(1e-300, 1.0) | st.just(1.0), min_size=4, max_size=4)
degrees = st.integers(2, 9) | st.sampled_from([40, 1025, 10**6, 2**53 - 1, 2**53, 10**400])
losses = st.floats(5e-324, 1.0)
# A fifth of the profile's: 40 in the ordinary run, 200 where HYPOTHESIS_PROFILE=explore.
quick = settings(
    max_examples=settings.default.max_examples // 5,
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)


def rows(values, n, k):
    return st.lists(st.lists(values, min_size=k, max_size=k), min_size=n, max_size=n)


def vector(values, k):
    return st.lists(values, min_size=k, max_size=k)


def parts(result):
    """The numbers of a result, as arrays."""
    if is_dataclass(result):
        for field in fields(result):
            yield from parts(getattr(result, field.name))
    elif isinstance(result, tuple | list):
        for item in result:
            yield from parts(item)
    elif result is not None and not isinstance(result, bool | Fraction | str):
        yield np.asarray(result)


def hold(call, *arguments, nan=False, inf=False, **options):
    """The call's result, after a look at its numbers; None where it was refused in one line."""
    try:
        result = call(*arguments, **options)
    except DomainError:
        return None
    for part in parts(result):
        if part.dtype.kind == "f":
            assert nan or not np.isnan(part).any(), result
            assert inf or not np.isinf(part).any(), result
    return result


three = {
    "signal": rows(numbers, 3, 3),
    "bias": vector(numbers, 3),
    "labels": vector(st.integers(0, 2), 3),
    "degree": degrees,
}


@pytest.mark.filterwarnings("error")
@quick
@given(**three, alphas=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_the_homogeneous_path(signal, bias, labels, degree, alphas):
    problem = signal, bias, labels, degree
    hold(correct_interval, *problem, nan=True, inf=True)
    hold(majority_exit, signal, bias, degree, inf=True)
    hold(plateau, *problem, inf=True)
    for path in ("linear", "homogeneous", "none"):
        curves = hold(predict_curves, *problem, alphas, path, inf=True)
        assert curves is None or (curves.loss >= 0).all()


small = st.sampled_from([0.0, 5e-324, 1e-300, 1e-30, -1e-8, 1.0, -1.0, 2.5, 40.0, -1e10, 1e50]) | st.floats(
    -1e50, 1e50
)


@pytest.mark.filterwarnings("error", r"ignore:T4 \(the bump\) is good where:UserWarning")
@quick
@example(signal=[[1e8] * 3] * 3, bias=[1e8 + 0.1, 1e8, 1e8], labels=[0, 1, 2], degree=3, alphas=[1.0])
@given(
    signal=rows(small, 3, 3),
    bias=vector(small, 3),
    labels=st.permutations([0, 1, 2]) | vector(st.integers(0, 2), 3),
    degree=degrees,
    alphas=st.lists(st.floats(0, 1), min_size=1, max_size=3),
)
def test_the_loss_near_the_start(signal, bias, labels, degree, alphas):
    problem = signal, bias, labels, degree
    expansion = hold(loss_expansion, *problem, inf=True)  # coefficients beyond float64
    if expansion is not None:
        hold(expansion.evaluate, alphas)
        assert 0 <= expansion.valid_to <= 1
    bounds = hold(loss_sandwich, *problem, alphas)
    assert bounds is None or (bounds[0] <= bounds[1]).all()
    for order in (False, True):
        bump = hold(loss_bump, *problem, next_order=order)
        assert bump is None or (0 <= bump.alpha <= 1 and bump.height >= 0)


@pytest.mark.filterwarnings("error")
@quick
@given(
    start=vector(numbers.map(abs), 3),
    end=vector(numbers.map(abs), 3),
    size=numbers.map(abs),
    gap=positive,
    signal=rows(numbers, 2, 3),
    bias=vector(numbers, 3),
    degree=degrees,
    scale=positive,
)
def test_real_starts(start, end, size, gap, signal, bias, degree, scale):
    lo, hi = certified_window(start, end, size, gap)
    assert (math.isnan(lo) and math.isnan(hi)) or 0 <= lo < hi <= 1
    hold(plateau_start, signal, bias, degree, scale, inf=True)


@pytest.mark.filterwarnings("error")
@quick
@example(diagonal=[1e-154] * 4, sizes=[1.0] * 4, degree=4, eps=1e-5)
@given(diagonal=vector(positive | st.floats(1e-3, 1), 4), sizes=shares, degree=degrees, eps=losses)
def test_the_laws_from_a_start(diagonal, sizes, degree, eps):
    share = np.array(sizes) / sum(sizes)
    hold(escape_gap, diagonal, degree, inf=True)
    times = hold(escape_schedule, diagonal, degree, share, inf=True)
    assert times is None or (times >= 0).all()
    hold(escape_schedule, diagonal, degree, inf=True)
    bounds = hold(bias_gap_bounds, np.diag(diagonal), degree, eps, inf=True)
    assert bounds is None or 0 < bounds.plateau_end <= 1
    law = hold(crossover_law, diagonal, degree, eps)
    assert law is None or (law.beta > 0 and law.bias_gap > 0)


@pytest.mark.filterwarnings("error")
@quick
@given(
    ratio=st.floats(1, 1.7e308) | st.floats(1, 2),
    eps=losses,
    scale=st.none() | positive,
    k=st.integers(2, 2**62),
    degree=st.integers(2, 2**62) | st.integers(2, 9),
)
def test_the_laws_without_a_start(ratio, eps, scale, k, degree):
    hold(quadratic_plateau_law, ratio, eps, init_scale=scale)
    for regime in ("small_scale", "small_loss"):
        for order in (False, True):
            hold(largest_admissible_loss, k, degree, regime, next_order=order)
            law = hold(plateau_law, k, degree, eps, regime, next_order=order)
            assert law is None or (0 < law.beta < 1 and 0 < law.plateau_end <= 1)


@pytest.mark.filterwarnings("error")
@quick
@given(weights=rows(numbers, 3, 3), bias=vector(numbers, 3), degree=degrees, sizes=shares)
def test_the_power_model(weights, bias, degree, sizes):
    share = np.array(sizes[:3]) / sum(sizes[:3])
    hold(logits, weights, bias, degree)
    hold(loss, weights, bias, degree, share, inf=True)
    hold(gradient, weights, bias, degree, share)
    hold(conserved_quantities, weights, bias, degree)


@pytest.mark.filterwarnings("error")
@settings(quick, max_examples=quick.max_examples // 2)
@given(
    start=rows(numbers, 2, 2),
    end=rows(numbers, 2, 2),
    biases=rows(numbers, 2, 2),
    degree=st.integers(2, 4) | st.sampled_from([10**6, 10**400]),
)
def test_certificates(start, end, biases, degree):
    certificate = hold(certify, start, biases[0], end, biases[1], degree, max_cells=60)
    if certificate is not None:
        assert 0 <= certificate.error_at(0.5) <= 1
        assert all(0 <= change.alpha.lower <= change.alpha.upper <= 1 for change in certificate.changes)
