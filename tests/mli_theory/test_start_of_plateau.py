"""T14 against a bisection on a network that is homogeneous of degree r, built layer by layer."""

import numpy as np
import pytest

from mli_theory import DomainError, plateau_start, plateau_start_bounds


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

    def numbers(self, radius):
        """Norms of both ends, and a Lipschitz constant of every s_i - s_j on the ball about the start."""
        norm = np.linalg.norm(self.inputs, axis=1).max()
        sizes = [np.linalg.norm(w) + radius for w in self.first]
        others = [np.prod(sizes[:layer] + sizes[layer + 1 :]) for layer in range(len(sizes))]
        first, last = (np.sqrt(sum((w**2).sum() for w in end)) for end in (self.first, self.last))
        return {
            "lipschitz": np.sqrt(2) * norm * np.linalg.norm(others),
            "radius": radius,
            "start_norm": first,
            "end_norm": last,
        }


@pytest.mark.parametrize(("degree", "delta"), [(2, 1e-5), (3, 2e-3), (3, 5e-4), (4, 5e-3)])
def test_T14b_the_start_of_the_plateau_lies_in_its_bracket(degree, delta):
    for seed in range(3):
        network = Network(degree, seed)
        low, high = plateau_start_bounds(
            network.signal(1.0, 0.0), network.bias, degree, delta, **network.numbers(0.3)
        )
        assert low <= network.start(delta) <= high
        assert low < plateau_start(network.signal(1.0, 0.0), network.bias, degree, delta) < high


class HiddenBias:
    """s_1 - s_0 = w_1 w_2 + c of one sample, theta0 = (1, 1), theta1 = (-1, -1); at c = 0 of degree 2."""

    def __init__(self, hidden):
        self.hidden = hidden

    def start(self, delta):
        """The first alpha at which class 0, of bias alpha, leads: a root of (delta (1-a) - a)^2 + c = a."""
        roots = np.roots([(1 + delta) ** 2, -2 * delta * (1 + delta) - 1, delta**2 + self.hidden])
        return min(root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 0)

    def bounds(self, delta):
        # The gradient of w_1 w_2 is at most |theta0| + R long on the ball; the hidden bias has none.
        size = {"radius": 1.0, "start_norm": np.sqrt(2), "end_norm": np.sqrt(2)}
        return plateau_start_bounds(
            [[0.0, 1.0 + self.hidden]], [1.0, 0.0], 2, delta, lipschitz=np.sqrt(2) + 1, **size
        )


@pytest.mark.parametrize("delta", [1e-2, 1e-3])
def test_T14b_a_hidden_bias_breaks_the_bracket(delta):
    """c = 0.1 gives class 1 a lead that delta does not shrink: the start is near 0.1, the bracket near 0."""
    low, high = HiddenBias(0.0).bounds(delta)
    assert low <= HiddenBias(0.0).start(delta) <= high
    low, high = HiddenBias(0.1).bounds(delta)
    assert HiddenBias(0.1).start(delta) > high


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


NUMBERS = {"lipschitz": 2.0, "radius": 1.0, "start_norm": 1.0, "end_norm": 1.0}


@pytest.mark.parametrize(
    ("delta", "changed", "shown"),
    [
        (0.01, {"lipschitz": 0.0}, "T14b needs lipschitz > 0, got 0.0"),
        (0.01, {"end_norm": -1.0}, "T14b needs end_norm >= 0, got -1.0"),
        (1.0, {}, r"= 4 below the smallest gap 1"),
        (0.2, {"lipschitz": 1.0, "radius": 1e-3}, "proved up to .* only"),
        (0.0, {}, "init_scale > 0"),
    ],
)
def test_T14b_outside_its_bracket_the_value_is_named(delta, changed, shown):
    with pytest.raises(DomainError, match=shown):
        plateau_start_bounds([[0.0, 1.0]], [1.0, 0.0], 2, delta, **{**NUMBERS, **changed})


def test_T14b_the_bracket_is_0_where_no_class_leads():
    assert plateau_start_bounds([[1.0, 0.0]], [1.0, 0.0], 2, 0.01, **NUMBERS) == (0.0, 0.0)
