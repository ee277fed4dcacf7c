"""`descend` beside the flow, and `line` between its ends."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mli_theory import DomainError
from simulations.gradient_flow import descend, integrate, line


def starts(runs=3, k=3, scale=0.4, seed=0):
    return scale * np.random.default_rng(seed).uniform(0.5, 1, (runs, k, k))


def test_gradient_descent_follows_the_flow_to_first_order():
    weights = starts(runs=1)[0]
    flow = integrate(weights, 3, 1e-2, rtol=1e-8)
    gaps = []
    for rate in (0.08, 0.04, 0.02):
        steps = round(float(flow.time[-1]) / rate)
        end = descend(weights, 3, rate, 1e-9, max_steps=steps).isel(record=-1)
        at = np.interp(float(end.time), flow.time, flow.bias.values[:, 0])
        gaps.append(abs(float(end.bias[0]) - at))
    gaps = np.array(gaps)
    order = np.log2(gaps[:-1] / gaps[1:])
    assert (abs(order - 1) < 0.35).all(), (gaps, order)


def test_one_step_is_the_closed_form():
    weights = starts(runs=2)
    got = descend(weights, 3, 0.5, 1e-6, max_steps=1).isel(record=-1)
    w = torch.tensor(weights, requires_grad=True)
    b = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    logits = (w**3 + b[:, :, None]).transpose(1, 2)
    loss = (
        torch.nn.functional.cross_entropy(logits.reshape(-1, 3), torch.arange(3).repeat(2), reduction="sum")
        / 3
    )
    loss.backward()
    np.testing.assert_allclose(got.weights, (w - 0.5 * w.grad).detach(), rtol=1e-13)
    np.testing.assert_allclose(got.bias, (b - 0.5 * b.grad).detach(), atol=1e-15)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"optimizer": "adam"}])
def test_a_batch_is_its_runs_and_reaches_the_loss(options):
    weights = starts()
    rate = 0.05 if options != {"momentum": 0.9} else 0.01
    batch = descend(weights, 3, rate, 1e-2, **options)
    assert (batch.status == "reached").all()
    assert (batch.loss[:, -1] <= 1e-2).all()
    single = descend(weights[1], 3, rate, 1e-2, **options)
    np.testing.assert_allclose(single.bias[-1], batch.bias[1, -1], rtol=1e-12)


def test_a_step_too_large_is_reported_and_keeps_finite_records():
    weights = np.stack([np.full((2, 2), 1.5), np.full((2, 2), 1e-3)])
    wild = descend(weights, 10, 1e40, 1e-3, max_steps=5)
    # The second start sits where r W^(r-1) is 1e-26: it too is thrown out, one step later or not at all.
    assert wild.status[0] == "diverged"
    assert np.isfinite(wild.weights).all()
    assert np.isfinite(wild.loss).all()


def test_a_run_cut_short_says_so():
    short = descend(starts(), 3, 1e-3, 1e-3, max_steps=10)
    assert (short.status == "running").all()
    assert short.step[-1] == 10


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"momentum": 1.0},
        {"optimizer": "lion"},
        {"optimizer": "adam", "momentum": 0.9},
        {"max_steps": 0},
    ],
)
def test_bad_options_are_refused(change):
    arguments = {"weights": starts()[0], "degree": 3, "learning_rate": 0.1, "final_loss": 1e-2} | change
    with pytest.raises(DomainError, match=str(next(iter(change.values())))):
        descend(**arguments)


@given(seed=st.integers(0, 10**6), alpha=st.floats(0, 1), sign=st.sampled_from([1.0, -1.0]))
@settings(max_examples=50)
def test_the_line_is_the_model_between_its_ends(seed, alpha, sign):
    rng = np.random.default_rng(seed)
    start, end = records(rng, sign), records(rng, sign)
    curve = line(start, end, [alpha])
    losses, wrong = [], 0
    w = (1 - alpha) * start.weights.values + alpha * end.weights.values
    b = (1 - alpha) * start.bias.values + alpha * end.bias.values
    for j in range(3):
        z = [float(w[i, j]) ** 3 + float(b[i]) for i in range(3)]
        losses.append(np.logaddexp.reduce(z) - z[j])
        wrong += any(z[i] >= z[j] for i in range(3) if i != j)
    assert curve.loss.values[0] == pytest.approx(np.mean(losses), rel=1e-9, abs=1e-13)
    assert curve.error.values[0] == pytest.approx(wrong / 3)


def records(rng, sign):
    import xarray as xr

    return xr.Dataset(
        {
            "weights": (("class_index", "sample"), sign * rng.normal(size=(3, 3))),
            "bias": ("class_index", rng.normal(size=3)),
        },
        attrs={"degree": 3, "class_shares": np.full(3, 1 / 3)},
    )


def test_the_line_of_a_batch_starts_and_ends_at_its_flow():
    flow = integrate(starts(), 3, 1e-3, class_shares=[0.5, 0.25, 0.25])
    curves = line(flow.isel(record=0), flow.isel(record=-1), np.linspace(0, 1, 11))
    assert curves.loss.dims == ("seed", "alpha")
    np.testing.assert_allclose(curves.loss[:, [0, -1]], flow.loss[:, [0, -1]], rtol=1e-9)
    assert (curves.error[:, -1] == 0).all()
    one = line(flow.isel(record=0, seed=1), flow.isel(record=-1, seed=1), np.linspace(0, 1, 11))
    np.testing.assert_array_equal(one.loss, curves.loss[1])


def test_bad_lines_are_refused():
    flow = integrate(starts(), 3, 1e-2)
    start, end = flow.isel(record=0), flow.isel(record=-1)
    with pytest.raises(DomainError, match=r"1\.5"):
        line(start, end, [0.0, 1.5])
    with pytest.raises(DomainError, match="one degree"):
        line(start, end.assign_attrs(degree=4), [0.5])
    with pytest.raises(DomainError, match="shape"):
        line(start, end.isel(seed=0), [0.5])
