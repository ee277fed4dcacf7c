"""T14 against a bisection on a network that is homogeneous of degree r, built layer by layer."""

import numpy as np
import pytest

from mli_theory import DomainError, plateau_start


class Network:
    """A bias-free ReLU network of `degree` layers with a bias on the last, on its line from scale delta."""

    def __init__(self, degree, seed):
        rng = np.random.default_rng(seed)
        self.inputs = rng.normal(size=(12, 6))
        self.first = [rng.normal(size=(6, 6)) / 2 for _ in range(degree - 1)] + [rng.normal(size=(6, 4)) / 2]
        self.last = [w + rng.normal(size=w.shape) / 2 for w in self.first]
        self.bias = np.array([0.4, -0.7, 1.5, 0.1])

    def signal(self, delta, alpha):
        hidden = self.inputs
        for layer, (w0, w1) in enumerate(zip(self.first, self.last, strict=True)):
            hidden = (hidden if layer == 0 else np.maximum(hidden, 0)) @ (
                (1 - alpha) * delta * w0 + alpha * w1
            )
        return hidden

    def start(self, delta):
        """The first alpha from which class 2 holds every sample, by bisection in log alpha."""

        def holds(alpha):
            return (np.argmax(self.signal(delta, alpha) + alpha * self.bias, axis=1) == 2).all()

        low, high = (
            np.log(1e-14),
            np.log(3 * plateau_start(self.signal(1.0, 0.0), self.bias, len(self.first), delta)),
        )
        assert not holds(np.exp(low))
        assert holds(np.exp(high))
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if holds(np.exp(middle)) else (middle, high)
        return np.exp(high)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_T14_is_the_start_of_the_plateau_up_to_delta_to_the_r_minus_one(degree):
    for seed in range(3):
        network = Network(degree, seed)
        errors = []
        for delta in (0.02, 0.01):
            predicted = plateau_start(network.signal(1.0, 0.0), network.bias, degree, delta)
            errors.append(abs(network.start(delta) / predicted - 1))
        assert errors[0] < 20 * 0.02 ** (degree - 1)
        assert abs(np.log2(errors[0] / errors[1]) - (degree - 1)) < 0.2


def test_T14_nothing_to_wait_for_where_the_start_already_prefers_the_class():
    assert plateau_start([[0.0, 1.0], [0.0, 2.0]], [0.0, 1.0], 3, 0.1) == 0


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (([[1, 0]], [1, 1], 3, 0.1), r"T14 .* classes \[0, 1\] tie at 1"),
        (([[1, 0]], [0, 1], 1, 0.1), "T14 .* degree >= 2, got 1"),
        (([[1, 0]], [0, 1], 3, 0.0), "T14 needs init_scale > 0, got 0"),
        (([[1, np.nan]], [0, 1], 3, 0.1), r"signal\[0, 1\] = nan"),
        (([[1, 0]], [0, 1, 2], 3, 0.1), "bias must have shape"),
    ],
)
def test_bad_input_is_refused_with_its_value(arguments, shown):
    with pytest.raises(DomainError, match=shown):
        plateau_start(*arguments)
