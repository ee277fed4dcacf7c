"""T1-T3 and T5 on random networks with a zero start: what the network does is what the closed forms say."""

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st

from mli.testing import NetworkShape, gaussian_state, network_shapes
from mli_theory.homogeneous_path.closed_form import correct_interval, plateau, predict_curves
from simulations.curves.one_path import interpolation_curves
from tests.theorems.helpers.random_networks import EIGHTHS, logits_at, zero_of

ONE = NetworkShape(depth=2, width=1, n_inputs=1, n_classes=2, n_samples=1, seed=0)
DEEP = NetworkShape(depth=4, width=5, n_inputs=4, n_classes=4, n_samples=12, seed=4)


def ends(shape, bias="last"):
    """Model, end, inputs, and the end's signal and bias."""
    model, end, inputs = shape.whole_number_end(bias)
    unbiased = {n: t * 0 if n == shape.last_bias else t for n, t in end.items()}
    bias_1 = end[shape.last_bias].numpy() if shape.last_bias in end else np.zeros(shape.n_classes)
    return model, end, inputs, logits_at(model, unbiased, inputs), bias_1


def walked(model, end, inputs, labels, path="linear", alphas=EIGHTHS):
    if not any(tensor.any() for tensor in end.values()):
        reject()  # there is no line
    return interpolation_curves(
        model, zero_of(end), end, (inputs, labels), alphas=alphas, path=path, method="grid", samples=True
    )


@settings(max_examples=25)
@given(
    shape=network_shapes(),
    bias=st.sampled_from(["last", "none"]),
    path=st.sampled_from(["linear", "homogeneous"]),
)
@example(shape=ONE, bias="last", path="linear")
@example(shape=DEEP, bias="last", path="linear")
def test_T1_the_network_errs_where_the_closed_form_says(shape, bias, path):
    model, end, inputs, signal, bias_1 = ends(shape, bias)
    labels = shape.labels()
    curves = walked(model, end, inputs, labels, path)
    theory = predict_curves(
        signal, bias_1, labels.numpy(), shape.depth, EIGHTHS, bias_path="none" if bias == "none" else path
    )
    # No rounding anywhere: counts are equal, ties included, and the loss is right to log-sum-exp's rounding.
    assert (curves.error.values == theory.error).all()
    np.testing.assert_allclose(curves.loss, theory.loss, rtol=1e-12)
    if path == "linear":
        lo, hi = correct_interval(signal, bias_1, labels.numpy(), shape.depth)
        inside = (lo < EIGHTHS[1:, None]) & (EIGHTHS[1:, None] < hi)
        assert (curves.sample_correct.values[1:] == inside).all()


@settings(max_examples=25)
@given(shape=network_shapes())
@example(shape=DEEP)
def test_T2_the_class_of_the_largest_bias_holds_every_sample_until_the_plateaus_end(shape):
    model, end, inputs, signal, bias_1 = ends(shape)
    assume((bias_1 == bias_1.max()).sum() == 1)
    labels = shape.labels()
    found = plateau(signal, bias_1, labels.numpy(), shape.depth)
    z = np.array([logits_at(model, {n: a * t for n, t in end.items()}, inputs) for a in EIGHTHS])
    held = z[:, :, found.majority_class]
    others = np.delete(z, found.majority_class, axis=2).max(axis=2)
    strictly = (held > others).all(axis=1)
    assert (strictly[1:] == (EIGHTHS[1:] < found.end)).all()  # true, and not a grid point too short
    curves = walked(model, end, inputs, labels)
    assert (curves.error.values[1:][strictly[1:]] == found.error).all()


@settings(max_examples=25)
@given(shape=network_shapes(), all_correct=st.booleans())
@example(shape=DEEP, all_correct=True)
@example(shape=DEEP, all_correct=False)
def test_T3_the_error_rises_by_no_more_than_what_is_wrong_at_the_end(shape, all_correct):
    model, end, inputs, signal, bias_1 = ends(shape)
    labels = shape.labels()
    if all_correct:
        z = signal + bias_1
        labels = torch.from_numpy(z.argmax(axis=1))
        assume(((z == z.max(axis=1, keepdims=True)).sum(axis=1) == 1).all())
    error = walked(model, end, inputs, labels).error.values[1:]
    # Shares of up to 12 samples are rounded once each.
    assert np.max(error - np.minimum.accumulate(error)) <= error[-1] + 1e-15
    if all_correct:
        assert (np.diff(error) <= 0).all()


@settings(max_examples=25)
@given(shape=network_shapes())
@example(shape=DEEP)
def test_T5_on_the_homogeneous_path_the_error_is_constant_with_a_bias_in_every_layer(shape):
    model, end, inputs = shape.whole_number_end("all")
    curves = walked(model, end, inputs, shape.labels(), "homogeneous")
    assert np.unique(curves.error.values[1:]).size == 1
    own = logits_at(model, end, inputs)
    for alpha in (0.25, 0.5):
        state = {
            n: t * alpha ** ((int(n.split(".")[0]) + 1) // 2 if n.endswith("bias") else 1)
            for n, t in end.items()
        }
        assert (logits_at(model, state, inputs) == alpha**shape.depth * own).all()


@settings(max_examples=8)
@given(shape=network_shapes(samples=(4, 12)), bias=st.sampled_from(["last", "none"]))
def test_trained_ends_obey_the_closed_forms_to_rounding(shape, bias):
    model, _, end, inputs = shape.trained_end(bias)
    unbiased = {n: t * 0 if n == shape.last_bias else t for n, t in end.items()}
    bias_1 = end[shape.last_bias].numpy() if bias == "last" else np.zeros(shape.n_classes)
    signal, labels = logits_at(model, unbiased, inputs), shape.labels()
    alphas = np.linspace(0, 1, 21)
    curves = walked(model, end, inputs, labels, alphas=alphas)
    theory = predict_curves(signal, bias_1, labels.numpy(), shape.depth, alphas)
    np.testing.assert_allclose(curves.loss, theory.loss, rtol=1e-10)
    # Products of up to 4 layers in float64 round to 1e-14 of the logits: only a margin as small may flip, and
    # a dead unit's logits are all the bias's, where a tie is one on both sides.
    z = np.array([a**shape.depth * signal + a * bias_1 for a in alphas])
    own = np.take_along_axis(z, labels.numpy()[None, :, None], axis=2)
    others = z.copy()
    np.put_along_axis(others, labels.numpy()[None, :, None], -np.inf, axis=2)
    close = np.abs(own[:, :, 0] - others.max(axis=2)) < 1e-12 * np.abs(z).max()
    off = np.abs(curves.error.values - theory.error) * shape.n_samples
    assert (np.round(off) <= close.sum(axis=1)).all()


def test_a_start_that_is_not_zero_breaks_T1_and_T3():
    broken = 0
    for seed in range(20):
        shape = NetworkShape(depth=3, width=5, n_inputs=4, n_classes=4, n_samples=12, seed=seed)
        model, end, inputs, signal, bias_1 = ends(shape)
        z = signal + bias_1
        if ((z == z.max(axis=1, keepdims=True)).sum(axis=1) != 1).any():
            continue
        labels, start = torch.from_numpy(z.argmax(axis=1)), gaussian_state(model, seed, "start")
        curves = interpolation_curves(model, start, end, (inputs, labels), alphas=EIGHTHS, method="grid")
        assert curves.error[-1] == 0
        theory = predict_curves(signal, bias_1, labels.numpy(), shape.depth, EIGHTHS)
        broken += bool((np.diff(curves.error) > 0).any() and (curves.error != theory.error).any())
    assert broken >= 3


def test_hidden_biases_break_T1_and_T5_on_the_linear_path():
    wrong = varied = 0
    for seed in range(20):
        shape = NetworkShape(depth=3, width=5, n_inputs=4, n_classes=4, n_samples=12, seed=seed)
        model, end, inputs, signal, bias_1 = ends(shape, "all")
        curves = walked(model, end, inputs, shape.labels())
        theory = predict_curves(signal, bias_1, shape.labels().numpy(), shape.depth, EIGHTHS)
        wrong += bool((curves.error != theory.error).any())
        varied += np.unique(curves.error.values[1:]).size > 1
    assert wrong >= 10
    assert varied >= 10


def test_the_pinned_networks_are_no_empty_cases():
    model, end, inputs, signal, bias_1 = ends(DEEP)
    assert np.unique(bias_1).size > 1
    assert 0 < plateau(signal, bias_1, DEEP.labels().numpy(), DEEP.depth).end < 1
    assert np.unique(walked(model, end, inputs, DEEP.labels()).error.values[1:]).size > 2
    with pytest.raises(ValueError, match="same checkpoint"):
        interpolation_curves(model, end, end, (inputs, DEEP.labels()))
