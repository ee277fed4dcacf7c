"""What is told of single samples: exit alphas, own curves, their order."""

import numpy as np
import pytest
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves
from simulations.interpolation.adaptive import follow_batch
from simulations.runtime.random_streams import torch_stream
from tests.simulations.curves.helpers.networks import copy_of, logit_of, moved


def test_exit_alphas_agree_with_bisection(trained, digits):
    fast = interpolation_curves(
        trained.model, trained.start, trained.end, digits, alphas=501, exits=True, error_tolerance=4e-3
    )
    held = int(trained.end["11.bias"].argmax())
    fine = np.linspace(0, 1, 401)
    logits = np.stack([logit_of(trained, digits, alpha).numpy() for alpha in fine])
    predicted, labels = logits.argmax(axis=2), digits.labels.numpy()
    exits = np.full(len(labels), np.nan)
    for i, path in enumerate(predicted.T):
        leaves = np.flatnonzero((path[:-1] == held) & (path[1:] != held))
        exits[i] = fine[leaves[0] + 1] if len(leaves) else np.inf if (path == held).any() else np.nan
    first = np.where((predicted == labels).any(axis=0), fine[(predicted == labels).argmax(axis=0)], np.inf)
    for mine, reference in ((fast.bias_exit.values, exits), (fast.correct_from.values, first)):
        both = np.isfinite(mine) & np.isfinite(reference)
        close = (mine == reference) | (np.isnan(mine) & np.isnan(reference))
        close[both] = np.abs(mine[both] - reference[both]) <= 0.01
        # Few samples graze a boundary, where a tiny change of the logits moves the exit far.
        assert close.mean() > 0.95
        assert np.median(np.abs(mine[both] - reference[both])) < 0.003


@pytest.mark.parametrize("method", ["adaptive", "grid"])
def test_every_samples_curve_is_its_own(trained, digits, method):
    run = trained.model, trained.start, trained.end
    data = [(digits.inputs[i : i + 100], digits.labels[i : i + 100]) for i in range(0, 600, 100)]
    curves = interpolation_curves(*run, data, alphas=41, method=method, samples=True, error_tolerance=0.02)
    exact = np.stack([logit_of(trained, digits, float(a)).numpy() for a in curves.alpha])
    labels = digits.labels.numpy()
    own = exact[:, np.arange(600), labels]
    loss = np.log(np.exp(exact - own[:, :, None]).sum(axis=2))
    assert curves.sample_loss.dims == curves.sample_correct.dims == ("alpha", "sample")
    np.testing.assert_allclose(curves.sample_loss.mean("sample"), curves.loss, rtol=1e-5)
    np.testing.assert_allclose(1 - curves.sample_correct.mean("sample"), curves.error, atol=1e-12)
    # A sample's own curve has no tolerance but its neighbours' 600 in the mean: most are far below.
    off = np.abs(curves.sample_loss - loss)
    assert float(np.quantile(off, 0.9)) < (1e-5 if method == "grid" else 1e-2)
    exact[:, np.arange(600), labels] = -np.inf
    agree = (curves.sample_correct == (own > exact.max(axis=2))).mean()
    assert agree == 1 if method == "grid" else agree > 0.99


def test_samples_keep_their_order_when_steps_mix_settled_and_unsettled(monkeypatch):
    monkeypatch.setattr("simulations.curves.engine.BATCH", 50)
    inputs = torch.randn(200, 3, generator=torch_stream(0, "order"))
    labels = torch.arange(200) % 3
    model = nn.Linear(3, 3)
    start, end = moved(copy_of(model), 1, 2.0), moved(copy_of(model), 2, 2.0)
    data = [(inputs[i : i + 50], labels[i : i + 50]) for i in range(0, 200, 50)]
    options = {"alphas": 41, "exits": True, "samples": True}
    exact = interpolation_curves(model, start, end, data, method="grid", **options)

    def follow(labels, **arguments):
        steps = follow_batch(labels, **arguments)
        requests = next(steps)
        while True:
            try:
                requests = steps.send((yield requests))
            except StopIteration as stop:
                line = stop.value
                break
        follow.calls += 1
        line.settled = follow.calls != 2  # the second batch goes to the grid, after the others
        return line

    follow.calls = 0
    monkeypatch.setattr("simulations.curves.engine.follow_batch", follow)
    with pytest.warns(UserWarning, match="50 of 200 samples"):
        mixed = interpolation_curves(model, start, end, data, error_tolerance=0.05, **options)
    np.testing.assert_allclose(mixed.sample_loss, exact.sample_loss, atol=1e-3)
    assert (mixed.sample_correct == exact.sample_correct).mean() > 0.99
    both = np.isfinite(mixed.correct_from) & np.isfinite(exact.correct_from)
    assert np.abs(mixed.correct_from - exact.correct_from)[both].max() <= 1 / 40
    assert mixed.loss[0] == exact.loss[0]
    assert mixed.loss[-1] == exact.loss[-1]
