"""One implicit stage, by both drivers' code, against the dense system in rational arithmetic."""

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulations.gradient_flow.solver.linear import Linearised
from tests.simulations.gradient_flow.helpers.kernel_stage import kernel_stage


def rational(number):
    return fmpq(*float(number).as_integer_ratio())


def dense_stage(mass, sensitivity, shares, step, kept):
    """X (k^2 + k) of (I - step J) x = kept + step * rate, J written out, the logits' masses as given."""
    k = len(shares)
    n = k * k + k
    pi, h = [rational(share) for share in shares], rational(step)
    mass = [[rational(number) for number in row] for row in mass]
    total = [sum((mass[i][j] for i in range(k)), fmpq(0)) for j in range(k)]
    p = [[mass[i][j] / total[j] for j in range(k)] for i in range(k)]
    matrix = [[fmpq(int(row == column)) for column in range(n)] for row in range(n)]
    rhs = [rational(number) for number in kept]
    for j in range(k):
        for i in range(k):
            rate = pi[j] * ((1 if i == j else 0) - p[i][j])
            for row in (i * k + j, k * k + i):  # dU_ij/dt is one of the terms of db_i/dt
                rhs[row] += h * rate
                for other in range(k):
                    slope = -pi[j] * p[i][j] * ((1 if i == other else 0) - p[other][j])
                    matrix[row][other * k + j] -= h * slope * rational(sensitivity[other, j])
                    matrix[row][k * k + other] -= h * slope
    flat = [entry for row in matrix for entry in row]
    solution = fmpq_mat(n, n, flat).solve(fmpq_mat(n, 1, rhs))
    return np.array([int(x.p) / int(x.q) for x in solution.entries()])


def stage(route, p, sensitivity, rate, shares, step, kept):
    moved = step * rate
    if route == "numpy":
        linear = Linearised.build(p[..., None], sensitivity[..., None], step * shares[:, None], True)
        return linear.solve(kept[:, None], moved[:, None])[:, 0]
    return kernel_stage(p, sensitivity, shares, step, True, kept, moved)


def check(route, mass, sensitivity, shares, step, kept):
    """The biases to 1e-12 of the largest (of 1 nat, if that is less), the U to 1e-12 of what moves them."""
    k = len(shares)
    pull = shares * (mass / mass.sum(axis=0))
    off = pull.copy()
    np.fill_diagonal(off, 0.0)
    rate = np.concatenate([-pull.ravel(), np.full(k, np.nan)])  # the biases' rates are not read
    rate[: k * k : k + 1] = off.sum(axis=0)
    exact = dense_stage(mass, sensitivity, shares, step, kept)
    got = stage(route, mass / mass.sum(axis=0), sensitivity, rate, shares, step, kept)
    bias = max(1.0, np.abs(exact[k * k :]).max())
    np.testing.assert_allclose(got[k * k :], exact[k * k :], atol=1e-12 * bias, rtol=0)
    moved = np.abs(kept[: k * k]).max() + step * bias
    np.testing.assert_allclose(got[: k * k], exact[: k * k], atol=1e-12 * moved, rtol=0)
    return exact[k * k :]


def groups_that_share(rng, sizes, link):
    """Masses and shares of groups of classes that share their samples' probability, in balance within each.

    The shares are the stationary distribution of the probabilities in a group, so that what the samples of a
    group move goes round in it, through three classes too; between groups every mass is `link` small.
    """
    k = sum(sizes)
    mass, shares, first = link * rng.uniform(0.5, 2.0, (k, k)), np.empty(k), 0
    for size in sizes:
        group = slice(first, first + size)
        inside = rng.integers(1, 10, (size, size)).astype(float)
        values, vectors = np.linalg.eig(inside / inside.sum(axis=0))
        stationary = np.real(vectors[:, np.argmax(np.real(values))])
        mass[group, group], shares[group] = inside, stationary / stationary.sum()
        first += size
    return mass, shares / shares.sum()


@pytest.mark.parametrize("route", ["compiled", "numpy"])
@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.sampled_from([(2, 2), (1, 3), (3, 2), (3, 3), (1, 1, 3), (2, 2, 2)]),
    log_link=st.floats(-30, -10),
)
@example(seed=0, sizes=(2, 2), log_link=-25.0)
@example(seed=1, sizes=(3, 3), log_link=-12.0)
@example(seed=1, sizes=(3, 3), log_link=-30.0)
def test_what_little_flows_between_groups_is_not_lost_beside_what_goes_round_in_them(
    route, seed, sizes, log_link
):
    # What goes round is 1/link, what moves the groups against each other O(1).
    link = 10.0**log_link
    mass, shares = groups_that_share(np.random.default_rng(seed), sizes, link)
    k = len(shares)
    bias = check(route, mass, np.zeros((k, k)), shares, 1.0 / link, np.zeros(k * k + k))
    assert 1e-6 < np.abs(bias).max() < 10.0


@pytest.mark.parametrize("route", ["compiled", "numpy"])
@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 4),
    decades=st.floats(0, 20),
    log_step=st.floats(-3, 32),
    stuck=st.booleans(),
)
@example(seed=0, k=4, decades=0.0, log_step=32.0, stuck=True)
@example(seed=0, k=4, decades=20.0, log_step=32.0, stuck=False)
@example(seed=0, k=2, decades=20.0, log_step=-3.0, stuck=False)
@example(seed=0, k=3, decades=19.0, log_step=8.0, stuck=False)
def test_a_stage_is_that_of_the_dense_system_to_rounding_of_its_largest_part(
    route, seed, k, decades, log_step, stuck
):
    rng = np.random.default_rng(seed)
    step = 10.0**log_step
    # Ties and probabilities of any size; the z of a stuck weight hardly moves with U.
    mass = 10.0 ** -(decades * rng.choice([0.0, 0.0, 0.5, 1.0], (k, k)) * rng.uniform(0, 1, (k, k)))
    sensitivity = 10.0 ** rng.uniform(-2, 2, (k, k)) * (1e-3 / step if stuck else min(1.0, 10.0 / step))
    kept = rng.normal(size=k * k + k)
    kept[: k * k] *= step
    kept[k * k :] -= kept[k * k :].mean()
    check(route, mass, sensitivity, rng.dirichlet(np.full(k, 5.0)), step, kept)
