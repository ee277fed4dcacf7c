"""Strategies for the power model: states, starts, sign patterns and lines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from mli.testing.logit_arrays import degrees
from simulations.gradient_flow.solver.reachability import sign_cycle
from simulations.runtime.random_streams import numpy_stream

__all__ = [
    "PowerModelLine",
    "PowerModelState",
    "diagonal_starts",
    "gaussian_starts",
    "power_model_lines",
    "power_model_states",
    "sign_patterns",
]

Floats = NDArray[np.float64]

_FEW = st.sampled_from([-1.5, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0])
_GENERAL = st.floats(-2, 2, allow_subnormal=False)


class PowerModelState(NamedTuple):
    """A point of the power model, in the order in which its functions take it.

    Attributes:
        weights: W (k, k), row i the class's logit, column j the sample's class.
        bias: b (k,), in nats.
        degree: r >= 2.
        class_shares: shares pi of the classes (k,), positive, of sum 1.
    """

    weights: Floats
    bias: Floats
    degree: int
    class_shares: Floats


class PowerModelLine(NamedTuple):
    """A line of the power model: `certify(*line)` takes it as it is.

    Attributes:
        start_weights: W (k, k) at alpha = 0.
        start_bias: b (k,) at alpha = 0, in nats.
        end_weights: W (k, k) at alpha = 1.
        end_bias: b (k,) at alpha = 1, in nats.
        degree: r >= 2.
    """

    start_weights: Floats
    start_bias: Floats
    end_weights: Floats
    end_bias: Floats
    degree: int


@st.composite
def power_model_states(
    draw: DrawFn, *, smallest: float = 0.0, max_classes: int = 5, max_degree: int = 8
) -> PowerModelState:
    """States of any signs, |w| from `smallest` to 1.6, |b| up to 3 nats, and unequal class shares.

    Args:
        draw: given by Hypothesis; leave it out.
        smallest: the smallest size of a weight.
        max_classes: most classes; 2 is the least.
        max_degree: the largest degree; 2 is the least.
    """
    k = draw(st.integers(2, max_classes))
    sizes = st.floats(smallest, 1.6)
    weights = [[draw(sizes) * draw(st.sampled_from([-1, 1])) for _ in range(k)] for _ in range(k)]
    bias = draw(st.lists(st.floats(-3, 3), min_size=k, max_size=k))
    shares = np.array(draw(st.lists(st.integers(1, 9), min_size=k, max_size=k)), dtype=float)
    return PowerModelState(
        np.array(weights), np.array(bias), draw(st.integers(2, max_degree)), shares / shares.sum()
    )


@st.composite
def diagonal_starts(
    draw: DrawFn,
    *,
    max_classes: int = 8,
    sizes: tuple[float, float] = (0.02, 0.3),
    separation: float = 0.02,
    zero_last: bool = False,
) -> Floats:
    """Diagonals (k,) of initial weights, positive and in falling order: `np.diag(w)` is a start of T10.

    Args:
        draw: given by Hypothesis; leave it out.
        max_classes: most classes; 2 is the least.
        sizes: least and largest value of the largest weight.
        separation: how much smaller than the one before each weight is, at the least, as a share of it.
        zero_last: whether the last weight may be 0.
    """
    k = draw(st.integers(2, max_classes))
    ratio = st.floats(0.5, 1 - separation)
    ratios = draw(st.lists(ratio, min_size=k - 1, max_size=k - 1))
    weights = np.cumprod([draw(st.floats(*sizes)), *ratios], dtype=np.float64)
    if zero_last and draw(st.booleans()):
        weights[-1] = 0.0
    return weights


@st.composite
def gaussian_starts(
    draw: DrawFn, *, max_classes: int = 5, scales: tuple[float, float] = (0.01, 0.3), diagonal: bool = False
) -> Floats:
    """Weights (k, k), standard normal times a scale, from a named stream; a start without a 0.

    Args:
        draw: given by Hypothesis; leave it out.
        max_classes: most classes; 2 is the least.
        scales: least and largest scale.
        diagonal: whether the weights off the diagonal are 0.
    """
    k, seed = draw(st.integers(2, max_classes)), draw(st.integers(0, 2**20))
    weights: Floats = draw(st.floats(*scales)) * numpy_stream(seed, "gaussian starts").standard_normal((k, k))
    return np.diag(np.diag(weights)) if diagonal else weights


def sign_patterns(
    max_classes: int = 5, *, zeros: bool = True, cycle: bool | None = None
) -> SearchStrategy[Floats]:
    """Signs (k, k) of W^r: -1, 1 and, with `zeros`, 0.

    Args:
        max_classes: most classes; 2 is the least.
        zeros: whether a weight may be 0.
        cycle: whether the graph of T12 has a cycle, which keeps the loss above 0; None, either.
    """
    sign = st.sampled_from([-1.0, 0.0, 1.0] if zeros else [-1.0, 1.0])
    patterns = st.integers(2, max_classes).flatmap(
        lambda k: st.lists(sign, min_size=k * k, max_size=k * k).map(lambda s: np.array(s).reshape(k, k))
    )
    if cycle is None:
        return patterns
    return patterns.filter(lambda signs: (sign_cycle(signs) is not None) == cycle)


@st.composite
def power_model_lines(
    draw: DrawFn,
    *,
    max_classes: int = 4,
    max_degree: int = 5,
    zero_start: bool = False,
    ties: bool | None = None,
) -> PowerModelLine:
    """Lines with weights and biases from -2 to 2.

    Args:
        draw: given by Hypothesis; leave it out.
        max_classes: most classes; 2 is the least.
        max_degree: the largest degree; 2 is the least.
        zero_start: whether the line starts at 0.
        ties: True, a few values, so that ties, touching roots and equal polynomials are common; False, any
            floats; None, either.
    """
    k = draw(st.integers(2, max_classes))
    values = draw(st.sampled_from([_FEW, _GENERAL])) if ties is None else _FEW if ties else _GENERAL
    matrix = st.lists(st.lists(values, min_size=k, max_size=k), min_size=k, max_size=k).map(np.array)
    vector = st.lists(values, min_size=k, max_size=k).map(np.array)
    start_weights, start_bias = np.zeros((k, k)), np.zeros(k)
    if not zero_start:
        start_weights, start_bias = draw(matrix), draw(vector)
    degree = draw(degrees(max_degree))
    return PowerModelLine(start_weights, start_bias, draw(matrix), draw(vector), degree)
