"""T13's effective degree by finite differences, and T8's laws along discrete gradient descent."""

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mli.testing import NetworkShape, gaussian_state, network_shapes
from mli_theory import power_model
from simulations.gradient_flow import descend
from simulations.prediction.signal_gain import SignalLine
from simulations.runtime.random_streams import numpy_stream

WIDE = NetworkShape(depth=4, width=5, n_inputs=4, n_classes=4, n_samples=12, seed=3)


# -- T13


def signal_line(shape, bias, trained):
    if trained:
        model, start, end, inputs = shape.trained_end(bias)
    else:
        model, inputs = shape.model(bias), shape.inputs()
        start, end = (gaussian_state(model, shape.seed, f"T13 {name}") for name in ("start", "end"))
    try:
        return SignalLine(model, start, end, (inputs, shape.labels()), n_probe=8)
    except ValueError as error:
        assume("signal is 0 on every probe" not in str(error))  # all units dead: there is no gain
        raise


def patterns(line, alpha):
    """Signs of all pre-activations on the probes."""
    seen = []
    hooks = [
        module.register_forward_pre_hook(lambda _, x: seen.append((x[0] > 0).flatten()))
        for module in line.model
        if isinstance(module, torch.nn.ReLU)
    ]
    line.gain_at(alpha)
    for hook in hooks:
        hook.remove()
    return torch.cat(seen)


STEP = 1e-5


@settings(max_examples=20)
@given(
    shape=network_shapes(samples=(2, 12)),
    bias=st.sampled_from(["all", "last", "none"]),
    trained=st.booleans(),
)
@example(shape=WIDE, bias="all", trained=False)
@example(shape=WIDE, bias="last", trained=True)
def test_T13_the_effective_degree_is_the_gains_logarithmic_slope(shape, bias, trained):
    line = signal_line(shape, bias, trained)
    # The theorem's own condition: no pre-activation is 0 at the end, here nor within a step of it.
    assume(torch.equal(patterns(line, 1 - STEP), patterns(line, 1 + STEP)))
    effective = sum(line.degree_by_layer().values())
    slope = (np.log(line.gain_at(1 + STEP)) - np.log(line.gain_at(1 - STEP))) / (2 * STEP)
    # Central differences: the third derivative of log g is about the cube of the slopes of its factors, and
    # rounding 1e-15 of g a step.
    size = 1 + sum(abs(part) for part in line.degree_by_layer().values())
    assert slope == pytest.approx(effective, abs=STEP**2 * 10 * size**3 + 1e-9 * size)


@settings(max_examples=20)
@given(shape=network_shapes(samples=(2, 12)), bias=st.sampled_from(["last", "none"]), trained=st.booleans())
@example(shape=WIDE, bias="last", trained=True)
def test_T13_without_hidden_biases_it_is_the_degree_less_the_retentions(shape, bias, trained):
    line = signal_line(shape, bias, trained)
    by_layer, retained = line.degree_by_layer(), line.euler_retention()
    size = shape.depth + sum(map(abs, retained.values()))
    # Euler's identity: exact but for float64's rounding of a gradient of a few hundred terms.
    assert sum(by_layer.values()) == pytest.approx(shape.depth - sum(retained.values()), abs=1e-12 * size)
    for name, rho in retained.items():
        assert by_layer[name.removesuffix(".weight")] == pytest.approx(1 - rho, abs=1e-12 * size)


def test_T13_with_hidden_biases_the_general_form_holds_and_the_retentions_do_not():
    off = []
    for seed in range(8):
        shape = NetworkShape(depth=3, width=5, n_inputs=4, n_classes=4, n_samples=12, seed=seed)
        line = signal_line(shape, "all", trained=False)
        off.append(abs(sum(line.degree_by_layer().values()) - 3 + sum(line.euler_retention().values())))
    assert min(off) > 1e-3
    assert max(off) > 0.3


# -- T8


def start_of(k, seed, signs):
    stream = numpy_stream(seed, "T8")
    weights = stream.uniform(0.4, 0.9, (k, k))
    if signs:
        weights *= stream.choice([-1, 1], (k, k))
    shares = stream.uniform(0.5, 1.5, k)
    return weights, stream.uniform(-0.3, 0.3, k), shares / shares.sum()


def drift(k, degree, seed, signs, steps, time=0.5):
    """Largest change of T8's two laws after a time of gradient descent, and of the bias's sum; nats."""
    weights, bias, shares = start_of(k, seed, signs)
    before = np.concatenate(power_model.conserved_quantities(weights, bias, degree))
    total = bias.sum()
    for _ in range(steps):
        slope_w, slope_b = power_model.gradient(weights, bias, degree, shares)
        weights, bias = weights - time / steps * slope_w, bias - time / steps * slope_b
    after = np.concatenate(power_model.conserved_quantities(weights, bias, degree))
    return np.abs(after - before).max(), abs(bias.sum() - total)


@settings(max_examples=20)
@given(k=st.integers(2, 4), degree=st.integers(2, 5), seed=st.integers(0, 2**20), signs=st.booleans())
@example(k=2, degree=2, seed=0, signs=False)
@example(k=4, degree=5, seed=0, signs=True)
def test_T8_the_laws_drift_to_first_order_in_the_step(k, degree, seed, signs):
    drifts, sums = zip(*(drift(k, degree, seed, signs, steps) for steps in (40, 80, 160)), strict=True)
    # A step eta leaves eta a + eta^2 b: the ratio is 2 + O(eta), and twice as near to 2 at half the step.
    first, second = drifts[0] / drifts[1], drifts[1] / drifts[2]
    assert first == pytest.approx(2, abs=0.1)
    assert second == pytest.approx(2, abs=0.05)
    # Law (iii) is linear: Euler's method keeps it, to the rounding of 160 sums.
    assert max(sums) < 1e-13


def test_T8_is_not_kept_by_adam_whatever_its_step():
    weights, bias, _ = start_of(3, 0, signs=False)
    before = np.concatenate(power_model.conserved_quantities(weights, bias, 3))
    drifts = []
    for steps in (100, 200):
        end = descend(weights, 3, 0.2 / steps, 1e-9, bias, optimizer="adam", max_steps=steps).isel(record=-1)
        after = np.concatenate(power_model.conserved_quantities(end.weights.values, end.bias.values, 3))
        drifts.append(np.abs(after - before).max())
    assert min(drifts) > 0.01
    assert drifts[0] / drifts[1] == pytest.approx(1, abs=0.1)


def test_T8_needs_every_weight_to_differ_from_zero():
    with pytest.raises(ValueError, match=r"every weight non-zero, but weights\[0, 1\] = 0"):
        power_model.conserved_quantities(np.diag([0.5, 0.6]), np.zeros(2), 3)
