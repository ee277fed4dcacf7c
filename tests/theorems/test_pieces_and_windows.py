"""T6's certified window and T7's polynomial pieces on random networks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn

from mli.testing import NetworkShape, gaussian_state, network_shapes
from mli_theory import certified_window
from tests.theorems.helpers.random_networks import logits_at, on_line

DEEP = NetworkShape(depth=4, width=5, n_inputs=3, n_classes=3, n_samples=4, seed=1)


# -- T6


def gap_network(shape, start_scale, end_scale, gap):
    """Bias-free trunk, zero bias at the start, at the end a gap for class 0 over all others."""
    model = shape.model("last")
    start = gaussian_state(model, shape.seed, "T6 start", start_scale)
    end = gaussian_state(model, shape.seed, "T6 end", end_scale)
    start[shape.last_bias] = torch.zeros(shape.n_classes, dtype=torch.float64)
    others = torch.rand(
        shape.n_classes, generator=torch.Generator().manual_seed(shape.seed), dtype=torch.float64
    )
    end[shape.last_bias] = -gap - others
    end[shape.last_bias][0] = 0.0
    return model, start, end


def window(shape, start, end, inputs):
    # A singular value of a 5 x 5 matrix is right to a few units in the last place: rounded up by more.
    norms = [
        [np.linalg.norm(t.numpy(), 2) * (1 + 1e-13) for n, t in state.items() if n.endswith("weight")]
        for state in (start, end)
    ]
    bias = np.sort(end[shape.last_bias].numpy())
    return certified_window(*norms, float(inputs.norm(dim=1).max()) * (1 + 1e-13), bias[-1] - bias[-2])


@settings(max_examples=40)
@given(
    shape=network_shapes(samples=(1, 6)),
    start_scale=st.floats(0, 0.5),
    end_scale=st.floats(0.05, 1),
    gap=st.floats(0.1, 20),
)
@example(shape=DEEP, start_scale=0.0, end_scale=0.5, gap=1.0)
@example(shape=DEEP, start_scale=0.2, end_scale=0.3, gap=1e-3)
def test_T6_inside_its_window_every_prediction_is_the_class_of_the_largest_bias(
    shape, start_scale, end_scale, gap
):
    model, start, end = gap_network(shape, start_scale, end_scale, gap)
    inputs = shape.inputs("T6")
    lo, hi = window(shape, start, end, inputs)
    if math.isnan(lo):
        return
    for alpha in np.linspace(lo, hi, 7)[1:-1]:
        z = logits_at(model, on_line(start, end, alpha), inputs)
        assert (z[:, 0] > z[:, 1:].max(axis=1)).all()


def test_T6_is_not_asked_of_empty_windows_alone():
    found = [
        window(shape, *gap_network(shape, 0.1, 0.3, 2.0)[1:], shape.inputs("T6"))
        for shape in (NetworkShape(3, 4, 2, 3, 4, seed) for seed in range(20))
    ]
    assert sum(hi - lo > 0.3 for lo, hi in found) >= 10


@pytest.mark.parametrize("broken", ["bias at the start", "hidden bias"])
def test_T6_fails_without_its_hypotheses(broken):
    violated = 0
    for seed in range(10):
        shape = NetworkShape(depth=3, width=4, n_inputs=2, n_classes=3, n_samples=6, seed=seed)
        model, start, end = gap_network(shape, 0.05, 0.2, 2.0)
        inputs = shape.inputs("T6")
        lo, hi = window(shape, start, end, inputs)
        if broken == "bias at the start":
            start[shape.last_bias][1] = 3.0
        else:
            model = shape.model("all")
            hidden = {name: torch.full((4,), 50.0, dtype=torch.float64) for name in ("1.bias", "3.bias")}
            start, end = start | hidden, end | hidden
        alphas = np.linspace(lo, hi, 9)[1:-1]
        predicted = [logits_at(model, on_line(start, end, a), inputs).argmax(axis=1) for a in alphas]
        violated += bool(np.any(predicted))
    assert violated >= 3


# -- T7


def normalised(shape):
    """The same network with a normalisation after its first layer."""
    first, *rest = list(shape.model("all"))[1:]
    return nn.Sequential(nn.Flatten(), first, nn.LayerNorm(shape.width).double(), *rest)


def pieces(model, start, end, inputs, alphas):
    """Logits (alphas, n, k), and the longest run of alphas over which no ReLU changes sign, as a slice."""
    patterns, z, seen = [], [], []
    hooks = [
        module.register_forward_pre_hook(lambda _, x: seen.append((x[0] > 0).flatten()))
        for module in model
        if isinstance(module, nn.ReLU)
    ]
    for alpha in alphas:
        seen.clear()
        z.append(logits_at(model, on_line(start, end, alpha), inputs))
        patterns.append(torch.cat(seen))
    for hook in hooks:
        hook.remove()
    same = [bool(torch.equal(a, b)) for a, b in zip(patterns[1:], patterns[:-1], strict=True)]
    best, first = slice(0, 1), 0
    for i in range(1, len(alphas) + 1):
        if i == len(alphas) or not same[i - 1]:
            if i - first > best.stop - best.start:
                best = slice(first, i)
            first = i
    return np.array(z), best


def top_difference(z, order):
    """The finite difference of this order of equally spaced z (order + 1, ...), and its rounding."""
    weights = np.array([(-1.0) ** (order - j) * math.comb(order, j) for j in range(order + 1)])
    # Each logit is right to about 1e-14 of the largest (4 layers of sums of up to 5); the weights sum to
    # 2^order.
    return np.abs(np.tensordot(weights, z, axes=1)).max(), 2.0**order * 1e-14 * np.abs(z).max()


@settings(max_examples=20)
@given(shape=network_shapes(samples=(1, 2)), bias=st.sampled_from(["all", "last", "none"]))
@example(shape=DEEP, bias="all")
@example(shape=NetworkShape(2, 1, 1, 2, 1, 0), bias="all")
def test_T7_between_kinks_logits_are_polynomials_of_the_degree_of_the_layers(shape, bias):
    model = shape.model(bias)
    start, end = (gaussian_state(model, shape.seed, f"T7 {name}") for name in ("start", "end"))
    alphas, inputs = np.linspace(0, 1, 65), shape.inputs("T7")
    z, run = pieces(model, start, end, inputs, alphas)
    step = (run.stop - 1 - run.start) // (shape.depth + 1)
    assume(step >= 1)
    points = z[run.start :: step][: shape.depth + 2]
    difference, rounding = top_difference(points, shape.depth + 1)
    assert difference <= rounding


def between_kinks(model, order):
    shape = DEEP
    start, end = (gaussian_state(model, shape.seed, f"T7 {name}") for name in ("start", "end"))
    z, run = pieces(model, start, end, shape.inputs("T7"), np.linspace(0, 1, 257))
    step = (run.stop - 1 - run.start) // order
    return top_difference(z[run.start :: step][: order + 1], order)


def test_T7_is_sharp_and_fails_with_a_normalisation_or_across_a_kink():
    model = DEEP.model("all")
    difference, rounding = between_kinks(model, DEEP.depth + 1)
    assert difference <= rounding
    difference, rounding = between_kinks(model, DEEP.depth)  # of the degree itself
    assert difference > 100 * rounding
    difference, rounding = between_kinks(normalised(DEEP), DEEP.depth + 1)
    assert difference > 100 * rounding
    start, end = (gaussian_state(model, DEEP.seed, f"T7 {name}") for name in ("start", "end"))
    alphas = np.linspace(0, 1, DEEP.depth + 2)
    z, run = pieces(model, start, end, DEEP.inputs("T7"), alphas)
    assert run.stop - run.start < len(alphas)  # a ReLU changes its sign on the way
    difference, rounding = top_difference(z, DEEP.depth + 1)
    assert difference > 1e6 * rounding
