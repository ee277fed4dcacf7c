"""Every objective on a grid: loss and error are those of a plain loop, at the ends bit for bit the same."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.simulations.objectives.helpers import plain_objectives as plain
from tests.simulations.objectives.helpers.small_lines import line, outputs_at

ALPHAS = [0.0, 0.3, 1.0]
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # no test times


def tables(seed, shape, size):
    rng = np.random.default_rng([19, seed])
    return size * rng.standard_normal(shape), size * rng.standard_normal(shape)


def assert_is(curve, start, end, expected):
    """Loss and error at every alpha are (loss, error), or loss alone, of the outputs there."""
    for i, alpha in enumerate(ALPHAS):
        found = expected(outputs_at(start, end, alpha))
        loss, error = found if isinstance(found, tuple) else (found, None)
        assert curve.loss[i] == pytest.approx(loss, rel=1e-9, abs=1e-12)
        if error is not None:
            assert curve.error[i] == pytest.approx(error, abs=1e-12)
        assert ("error" in curve) == (error is not None)


@QUICK
@given(
    seed=st.integers(0, 99),
    n=st.integers(1, 4),
    t=st.integers(1, 5),
    k=st.sampled_from([2, 3, 7, 40]),
    size=st.sampled_from([1e-8, 1.0, 1e6, 1e30]),
    kept=st.integers(1, 20),
    weighted=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 0.9]),
)
@example(seed=0, n=3, t=4, k=3, size=1.0, kept=1, weighted=False, smoothing=0.0)  # all tokens but one ignored
@example(seed=1, n=2, t=2, k=2, size=1e30, kept=4, weighted=True, smoothing=0.1)  # a weight of 0, huge logits
@example(seed=2, n=1, t=1, k=40, size=1e6, kept=1, weighted=True, smoothing=0.9)
def test_cross_entropy_of_tokens(seed, n, t, k, size, kept, weighted, smoothing):
    start, end = tables(seed, (n, t, k), size)
    rng = np.random.default_rng([20, seed])
    labels = rng.integers(1, k, (n, t))
    labels.reshape(-1)[rng.permutation(n * t)[kept:]] = -100
    weights = np.concatenate([[0.0], rng.uniform(0.1, 3, k - 1)]) if weighted else None
    curve = line(start, end, labels, alphas=ALPHAS, class_weights=weights, label_smoothing=smoothing)
    assert_is(
        curve, start, end, lambda z: plain.cross_entropy(z, labels, weights=weights, smoothing=smoothing)
    )


@QUICK
@given(
    seed=st.integers(0, 99),
    n=st.integers(1, 5),
    k=st.sampled_from([2, 5, 33]),
    tokens=st.booleans(),
    weighted=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.2]),
)
def test_cross_entropy_of_soft_labels(seed, n, k, tokens, weighted, smoothing):
    shape = (n, 3, k) if tokens else (n, k)
    start, end = tables(seed, shape, 3.0)
    rng = np.random.default_rng([21, seed])
    labels = rng.dirichlet(np.full(k, 0.5), shape[:-1])
    weights = rng.uniform(0.1, 3, k) if weighted else None
    curve = line(start, end, labels, alphas=ALPHAS, class_weights=weights, label_smoothing=smoothing)
    assert_is(
        curve, start, end, lambda z: plain.cross_entropy(z, labels, weights=weights, smoothing=smoothing)
    )


@QUICK
@given(
    seed=st.integers(0, 99),
    shape=st.sampled_from([(1,), (4,), (3, 1), (3, 4), (2, 3, 2)]),
    size=st.sampled_from([1e-8, 1.0, 1e6]),
    kind=st.sampled_from(["integers", "booleans", "soft"]),
    ignored=st.booleans(),
)
@example(seed=0, shape=(3, 4), size=1e6, kind="soft", ignored=False)
def test_binary(seed, shape, size, kind, ignored):
    start, end = tables(seed, shape, size)
    rng = np.random.default_rng([22, seed])
    labels = rng.uniform(0, 1, shape)
    labels = labels if kind == "soft" else (labels > 0.5)
    if kind == "integers":
        labels = labels.astype(int)
        if ignored:
            labels.reshape(-1)[1:] = -100
    curve = line(start, end, labels, alphas=ALPHAS, objective="binary")
    assert_is(curve, start, end, lambda z: plain.binary(z, labels))


@QUICK
@given(
    seed=st.integers(0, 99),
    shape=st.sampled_from([(1,), (5,), (4, 3), (2, 3, 4)]),
    size=st.sampled_from([1e-8, 1.0, 1e8]),
)
def test_squared_error(seed, shape, size):
    start, end = tables(seed, shape, size)
    target = np.random.default_rng([23, seed]).standard_normal(shape)
    curve = line(start, end, target, alphas=ALPHAS, objective="squared_error")
    assert_is(curve, start, end, lambda z: plain.squared_error(z, target))


def test_a_callable_with_and_without_an_error():
    start, end = tables(0, (6, 3), 1.0)
    labels = np.arange(6.0)

    def loss(output, batch):
        return (output.sum(dim=1) - batch.labels).abs()

    def both(output, batch):
        return loss(output, batch), (output[:, 0] > 0).double()

    expected = [np.abs(outputs_at(start, end, a).sum(axis=1) - labels) for a in ALPHAS]
    for objective in (loss, both):
        curve = line(start, end, labels, alphas=ALPHAS, objective=objective, samples=True)
        np.testing.assert_allclose(curve.loss, np.mean(expected, axis=1), rtol=1e-12)
        np.testing.assert_allclose(curve.sample_loss, expected, rtol=1e-6)
        spread = np.std(expected, axis=1) / np.sqrt(6)
        np.testing.assert_allclose(curve.loss_standard_error, spread, rtol=1e-9)
    shares = [np.mean(outputs_at(start, end, a)[:, 0] > 0) for a in ALPHAS]
    np.testing.assert_allclose(curve.error, shares)


def test_rows_of_one_sample_count_together_in_the_standard_error():
    """Doubling every token leaves the sampling error of the mean as it was."""
    start, end = tables(3, (5, 2, 4), 1.0)
    labels = np.random.default_rng(3).integers(0, 4, (5, 2))
    once = line(start, end, labels, alphas=ALPHAS)
    twice = line(*(np.tile(t, (1, 2, 1)) for t in (start, end)), np.tile(labels, (1, 2)), alphas=ALPHAS)
    np.testing.assert_allclose(once.loss, twice.loss, rtol=1e-12)
    np.testing.assert_allclose(once.loss_standard_error, twice.loss_standard_error, rtol=1e-9)
    np.testing.assert_allclose(once.error_standard_error, twice.error_standard_error, rtol=1e-9, atol=1e-12)


def test_an_ignored_label_of_a_sample_is_as_if_the_sample_were_not_there():
    start, end = tables(4, (7, 3), 1.0)
    labels = np.array([0, 1, -100, 2, 1, -100, 0])
    kept = labels != -100
    found = line(start, end, labels, alphas=ALPHAS)
    expected = line(start[kept], end[kept], labels[kept], alphas=ALPHAS)
    assert (found.loss == expected.loss).all()
    assert (found.class_share == expected.class_share).all()
    assert found.attrs["n_samples"] == 5
    unsigned = np.array(
        [0, 1, 156, 2, 1, 156, 0], dtype=np.uint8
    )  # -100 in eight bits: a class like any other
    with pytest.raises(ValueError, match="label 156 has no logit"):
        line(start, end, unsigned, alphas=ALPHAS)
    with pytest.raises(ValueError, match=r"labels\[2\] = 156"):
        line(start[:, 0], end[:, 0], unsigned, alphas=ALPHAS, objective="binary")
    with pytest.raises(ValueError, match="every label of the data is the ignored -100"):
        line(start, end, np.full(7, -100), alphas=ALPHAS)


def test_metrics_and_the_best_temperature_beside_the_loss_that_stays_the_same():
    start, end = tables(5, (60, 4), 2.0)
    labels = np.random.default_rng(5).integers(0, 4, 60)
    plain_curve = line(start, end, labels, alphas=ALPHAS, method="grid")
    metrics = {"entropy": lambda z, _: torch.distributions.Categorical(logits=z).entropy()}
    for options in ({}, {"class_weights": [1.0, 1.0, 1.0, 1.0]}):
        curve = line(start, end, labels, alphas=ALPHAS, metrics=metrics, calibrated=True, **options)
        np.testing.assert_allclose(curve.loss, plain_curve.loss, rtol=1e-14)
        for i, alpha in enumerate(ALPHAS):
            z = outputs_at(start, end, alpha)
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            assert float(curve.entropy[i]) == pytest.approx(-(p * np.log(p)).sum(axis=1).mean(), rel=1e-10)
            betas = np.concatenate([[0.0], np.geomspace(2**-10, 2**10, 4001)])
            losses = [plain.cross_entropy(b * z, labels)[0] for b in betas[::40]]
            assert float(curve.calibrated_loss[i]) <= min(losses) + 1e-9
            at_best = plain.cross_entropy(z / float(curve.temperature[i]), labels)[0]
            assert float(curve.calibrated_loss[i]) == pytest.approx(at_best, abs=1e-6)
    assert (line(start, end, labels, alphas=ALPHAS, metrics=metrics).loss == plain_curve.loss).all()


def test_several_splits_and_the_input_as_target():
    inputs = torch.arange(6)
    start, end = tables(6, (6,), 1.0)
    from simulations.curves.one_path import interpolation_curves
    from tests.simulations.objectives.helpers.small_lines import Rows

    model = Rows(torch.as_tensor(end))
    states = ({"table": torch.as_tensor(table)} for table in (start, end))
    data = {"a": (inputs[:4], inputs[:4]), "b": (inputs[4:], inputs[4:])}
    options = {"objective": "squared_error", "target": "input", "alphas": ALPHAS}
    curves = interpolation_curves(model, *states, data, **options)
    for name, rows in (("a", slice(0, 4)), ("b", slice(4, 6))):
        z = outputs_at(start, end, 0.3)[rows]
        expected = plain.squared_error(z, np.arange(6)[rows])
        assert float(curves.loss.sel(split=name, alpha=0.3)) == pytest.approx(expected, rel=1e-12)
