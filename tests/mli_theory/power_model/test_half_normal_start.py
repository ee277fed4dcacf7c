"""T16: the probability by simulation, the length on flows, each condition of the event dropped."""

import mpmath
import numpy as np
import pytest

from mli_theory import DomainError, half_normal_start_plateau, plateau_law
from simulations.gradient_flow import integrate
from simulations.runtime.random_streams import numpy_stream


def starts(n, purpose):
    return np.sort(np.abs(numpy_stream(0, purpose).standard_normal((n, 2))), axis=1)[:, ::-1]


@pytest.mark.parametrize(("tau", "a", "width"), [(0.1, 2.0, 4.0), (0.5, 1.0, 3.0), (0.02, 3.0, 2.0)])
def test_the_probability_is_a_lower_bound_of_the_events_and_near_it(tau, a, width):
    xi = starts(200_000, "T16")
    event = (xi[:, 0] > (1 + tau) * xi[:, 1]) & (xi[:, 1] <= a) & (xi[:, 0] <= width)
    said = half_normal_start_plateau(3, 1e-5, 1e-3, separation=tau, smallest=a, largest=width).probability
    assert said <= event.mean() + 4e-3  # four standard deviations of the simulation
    with mpmath.workdps(30):
        parts = (
            4 / mpmath.pi * mpmath.atan(mpmath.mpf(tau) / (2 + tau)),
            mpmath.erfc(a / mpmath.sqrt(2)) ** 2,
            1 - mpmath.erf(width / mpmath.sqrt(2)) ** 2,
        )
        assert said == pytest.approx(float(1 - sum(parts)), rel=1e-13)


@pytest.mark.parametrize(("degree", "scale", "eps"), [(3, 1e-3, 1e-4), (3, 1e-2, 0.1), (5, 0.02, 1e-6)])
def test_starts_of_the_event_have_a_plateau_of_the_length_that_is_said(degree, scale, eps):
    found = half_normal_start_plateau(degree, scale, eps)
    xi = starts(40, "T16 flows")
    good = xi[(xi[:, 0] > 1.1 * xi[:, 1]) & (xi[:, 1] <= 2) & (xi[:, 0] <= 4)][:4]
    for first, last in good:
        flow = integrate(scale * np.diag([first, last]), degree, eps, record=2)
        gap = float(flow.bias[-1, 1] - flow.bias[-1, 0])
        beta = gap / float(flow.weights[-1, 0, 0]) ** degree
        assert gap >= found.bias_gap
        assert found.plateau_end[0] <= beta ** (1 / (degree - 1)) < found.plateau_end[1]


def test_the_lower_bound_solves_its_equation():
    found = half_normal_start_plateau(3, 1e-3, 1e-4)
    with mpmath.workdps(30):
        spent = mpmath.mpf("2e-3") ** -1 * (1 - 1 / mpmath.mpf("1.1")) / 3
        kappa = 1 - mpmath.log(10**4) / (2 * spent)
        eta = (3 * kappa * spent) ** -3
        gap = -mpmath.log(mpmath.expm1(mpmath.mpf("2e-4"))) - eta
        room = mpmath.mpf("4e-3") ** 3

        def excess(v):
            c = 9 * v ** (mpmath.mpf(4) / 3)
            return v - 2 * gap - mpmath.log(mpmath.exp(eta) + (1 + mpmath.exp(eta)) * c / 4) - room

        v = mpmath.findroot(excess, 25)
        assert found.kappa == pytest.approx(float(kappa), rel=1e-12)
        assert found.plateau_end[0] == pytest.approx(float(mpmath.sqrt(gap / v)), rel=1e-11)
    assert found.plateau_end[0] < plateau_law(2, 3, 1e-4).plateau_end


@pytest.mark.parametrize(("first", "last"), [(1.0, 0.999), (1.0, 0.98)])
def test_without_the_separation_the_length_is_not_kept(first, last):
    found = half_normal_start_plateau(3, 0.01, 1e-5, separation=1.0)
    flow = integrate(0.01 * np.diag([first, last]), 3, 1e-5, record=2)
    beta = float(flow.bias[-1, 1] - flow.bias[-1, 0]) / float(flow.weights[-1, 0, 0]) ** 3
    assert beta**0.5 < found.plateau_end[0]


@pytest.mark.parametrize(
    ("arguments", "more", "shown"),
    [
        ((2, 0.01, 0.01), {}, "T16 needs an integer degree >= 3, got 2"),
        ((3, 0.0, 0.01), {}, "init_scale > 0, got 0.0"),
        ((3, 0.01, 0.01), {"separation": -1.0}, "separation > 0, got -1.0"),
        ((3, 0.1, 1e-9), {}, "log.1/eps. < 2 D = .* final_loss = 1e-09"),
        ((3, 1e-3, 1.5), {}, r"got -0\.405465"),
        ((3, 1e-3, 0.3), {}, "needs g_min >= 1/2"),
    ],
)
def test_outside_the_theorem_it_and_the_value_are_named(arguments, more, shown):
    with pytest.raises(DomainError, match=shown):
        half_normal_start_plateau(*arguments, **more)


def test_a_union_bound_that_is_empty_says_0():
    assert half_normal_start_plateau(3, 1e-6, 0.01, separation=20.0, smallest=0.1).probability == 0.0
