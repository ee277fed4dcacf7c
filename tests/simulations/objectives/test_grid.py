"""Every objective on a grid: loss and error are those of a plain loop, at the ends bit for bit the same."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import nn

from simulations.curves.one_path import interpolation_curves
from tests.simulations.objectives.helpers import plain_objectives as plain
from tests.simulations.objectives.helpers.small_lines import Rows, line, outputs_at

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
    shape=st.sampled_from([(1,), (4,), (1, 5), (2, 3)]),
    k=st.sampled_from([2, 3, 7, 40]),
    size=st.sampled_from([1e-8, 1.0, 1e6, 1e30]),
    kind=st.sampled_from(["classes", "some ignored", "soft"]),
    weighted=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 0.9]),
)
@example(seed=0, shape=(3, 4), k=3, size=1.0, kind="one left", weighted=False, smoothing=0.0)
@example(seed=1, shape=(2, 2), k=2, size=1e30, kind="classes", weighted=True, smoothing=0.1)  # a weight of 0
@example(seed=2, shape=(1, 1), k=40, size=1e6, kind="one left", weighted=True, smoothing=0.9)
@example(seed=3, shape=(4, 3), k=33, size=3.0, kind="soft", weighted=True, smoothing=0.2)
def test_cross_entropy_of_samples_and_tokens(seed, shape, k, size, kind, weighted, smoothing):
    start, end = tables(seed, (*shape, k), size)
    rng = np.random.default_rng([20, seed])
    if kind == "soft":
        labels = rng.dirichlet(np.full(k, 0.5), shape)
    else:
        labels = rng.integers(1, k, shape)
        kept = {"classes": labels.size, "one left": 1}.get(kind) or int(rng.integers(1, labels.size + 1))
        labels.reshape(-1)[rng.permutation(labels.size)[kept:]] = -100
    weights = np.concatenate([[0.0], rng.uniform(0.1, 3, k - 1)]) if weighted else None
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


class Tokens(nn.Module):
    """Batch-normalised features of every token, then a head with a bias: logits (n, t, k)."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)

    def forward(self, x):
        normed = self.norm(self.first(x).transpose(1, 2)).transpose(1, 2)
        return self.head(torch.tanh(normed))


def two_states():
    found = []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Tokens().double()
            network.norm.running_mean.normal_()
            network.norm.running_var.uniform_(0.5, 2)
            found.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
    return found


def plain_tokens(state, x, mean=None, variance=None):
    """Logits by numpy; the running statistics, or those given."""
    of = {name: tensor.numpy() for name, tensor in state.items()}
    features = x @ of["first.weight"].T + of["first.bias"]
    mean = of["norm.running_mean"] if mean is None else mean(features)
    variance = of["norm.running_var"] if variance is None else variance(features)
    normed = (features - mean) / np.sqrt(variance + 1e-5) * of["norm.weight"] + of["norm.bias"]
    return np.tanh(normed) @ of["head.weight"].T + of["head.bias"]


@pytest.mark.parametrize("method", ["grid", "adaptive"])
@pytest.mark.parametrize("way", ["last_bias", "recalibrate"])
def test_the_last_bias_alone_and_statistics_measured_anew(way, method):
    """The path that needs the roles, the policy that needs a pass at every alpha; a label a token."""
    start, end = two_states()
    rng = np.random.default_rng([19, 40])
    x, labels = rng.standard_normal((30, 5, 4)), rng.integers(0, 3, (30, 5))
    labels[::4, 1] = -100
    options = {"path": "last_bias", "buffers": "keep"} if way == "last_bias" else {"buffers": way}
    alphas = np.linspace(0, 1, 101)
    # One batch is one measurement: torch's unbiased variance of it is the running one.
    data = torch.as_tensor(x), torch.as_tensor(labels)
    options |= {"method": method, "loss_tolerance": 1e-2, "error_tolerance": 3e-2}
    curve = interpolation_curves(Tokens().double(), start, end, data, alphas=alphas, **options)
    assert curve.attrs["method"] == method
    assert curve.attrs["calibration_passes"] == (curve.attrs["forward_passes"] if way == "recalibrate" else 0)
    for i in (0, 13, 37, 62, 100):
        here = dict(end)
        moving = ["head.bias"] if way == "last_bias" else [n for n, t in end.items() if t.is_floating_point()]
        here |= {name: start[name] + alphas[i] * (end[name] - start[name]) for name in moving}
        measured = {}
        if way == "recalibrate":
            measured["mean"] = lambda features: features.mean(axis=(0, 1))
            measured["variance"] = lambda features: features.reshape(-1, 6).var(axis=0, ddof=1)
        loss, error = plain.cross_entropy(plain_tokens(here, x, **measured), labels)
        room = 1e-9 if method == "grid" else curve.attrs["estimated_loss_error"] + 1e-9
        assert float(curve.loss[i]) == pytest.approx(loss, abs=room)
        room = 1e-12 if method == "grid" else curve.attrs["estimated_error_error"] + 0.5 / 142
        assert float(curve.error[i]) == pytest.approx(error, abs=room)


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
    model = Rows(torch.as_tensor(end))
    states = ({"table": torch.as_tensor(table)} for table in (start, end))
    data = {"a": (inputs[:4], inputs[:4]), "b": (inputs[4:], inputs[4:])}
    options = {"objective": "squared_error", "target": "input", "alphas": ALPHAS}
    curves = interpolation_curves(model, *states, data, **options)
    for name, rows in (("a", slice(0, 4)), ("b", slice(4, 6))):
        z = outputs_at(start, end, 0.3)[rows]
        expected = plain.squared_error(z, np.arange(6)[rows])
        assert float(curves.loss.sel(split=name, alpha=0.3)) == pytest.approx(expected, rel=1e-12)
