"""The parts that the estimates and the class changes are made of, each against an independent route."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import poisson

from simulations.interpolation.adaptive import follow_batch
from simulations.interpolation.chebyshev import chebyshev_nodes, interpolation_matrix
from simulations.interpolation.class_changes import class_states, find_changes
from simulations.interpolation.error_estimate import ErrorEstimate, pooled
from simulations.interpolation.interpolant import Interpolant, sample_losses
from simulations.runtime.random_streams import numpy_stream, torch_stream


def drift(flips, net=0.0, n=1000):
    zero, none = np.zeros(33), np.zeros(65)
    return ErrorEstimate(zero, zero, none + flips, none + net, none + flips, none + net, zero, zero, 0.0, n)


def test_the_error_rates_estimate_holds_for_counts_that_follow_its_law():
    # Flips of Poisson number and random sign, 0.6 times as many to come: missed at any of 65 points at most
    # as often as stated (5 %, with a standard error of 1.1 % over 400 draws).
    rng = numpy_stream(0, "skellam")
    for rate in (0.2, 2.0, 30.0):
        seen = rng.poisson(rate, (400, 65))
        to_come = rng.poisson(0.3 * rate, (400, 65)) - rng.poisson(0.3 * rate, (400, 65))
        estimates = np.array([drift(row).class_error(1000) for row in seen]) * 1000
        missed = np.mean(np.abs(to_come).max(axis=1) > estimates)
        # Every point here is a draw of its own; in a curve two neighbours share one, as the law says.
        assert missed <= 2 * 0.05 + 3 * 0.015
        # Not empty: nowhere near all flips going one way.
        if rate > 20:
            assert np.median(estimates) < poisson.isf(0.05 / 65, 0.6 * rate) / 1.3


@given(flips=st.floats(0, 1e4), net=st.floats(0, 1e3), n=st.integers(1, 10**6), batches=st.integers(1, 50))
@example(flips=0.0, net=0.0, n=1, batches=1)
@example(flips=0.0, net=0.0, n=5000, batches=1)
def test_the_error_rates_estimate_is_whole_samples_between_one_and_all(flips, net, n, batches):
    total = n * batches
    net = min(net, flips)
    found = drift(flips, net, n).class_error(total) * total
    assert 1 <= round(found) <= total
    assert found == pytest.approx(round(found))
    if flips == net == 0:
        assert round(found) == 1  # where no sample changed sides, a tolerance of 1/n is met
    if net == 0:
        assert drift(flips + 5, 0.0, n).class_error(total) * total >= found - 1e-6


def test_batches_add_up_to_what_one_would_have_said():
    whole = drift(8.0, 3.0, 2000)
    assert (drift(4.0, 1.5) + drift(4.0, 1.5)).class_error(2000) == whole.class_error(2000)
    assert drift(4.0, 1.5).class_error(2000) == pytest.approx(whole.class_error(2000), abs=2 / 2000)


def test_pooling_keeps_the_worst_near_each_point():
    fine = np.zeros(129)
    fine[3], fine[62] = -4.0, 5.0  # between the points of 65
    coarse = pooled(fine, 65)
    assert coarse[[1, 2]].tolist() == [-4.0, -4.0]
    assert coarse[31] == 5.0
    assert np.count_nonzero(coarse) == 3
    assert pooled(coarse, 65) is coarse


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), steep=st.floats(0.1, 200))
def test_changes_lie_where_the_interpolant_crosses(seed, steep):
    nodes = chebyshev_nodes(9)
    logits = steep * torch.randn(9, 2, 4, generator=torch_stream(seed, "changes"), dtype=torch.float64)
    labels, grid = torch.zeros(4, dtype=torch.int64), chebyshev_nodes(65)

    def gap(x, sample):
        return float(interpolation_matrix(nodes, [x])[0] @ (logits[:, 0] - logits[:, 1]).numpy()[:, sample])

    fine = torch.from_numpy(interpolation_matrix(nodes, grid)) @ logits.reshape(9, -1)
    states = class_states(fine.view(65, 2, 4), labels)
    changes = find_changes(logits, nodes, labels, grid, states)
    assert len(changes.sample) == int((states[1:] != states[:-1]).sum())
    for sample, alpha in zip(changes.sample, changes.alpha, strict=True):
        right = int(np.searchsorted(grid, alpha))
        low, high = grid[right - 1], grid[right]
        exact = brentq(gap, low, high, args=(int(sample),), xtol=1e-14)
        # Below any tolerance: so few crossings of a million samples lie in so short a piece of the line.
        assert abs(alpha - exact) < 1e-5


def test_a_level_told_what_changed_is_the_level_computed_whole():
    stream = torch_stream(0, "level")
    logits, labels = torch.randn(9, 10, 40, generator=stream), torch.arange(40) % 10
    before = Interpolant(chebyshev_nodes(9), logits, labels)
    nodes = chebyshev_nodes(17)
    finer = torch.empty(17, 10, 40)
    finer[::2], finer[1::2] = logits, before.at(nodes[1::2])
    changed = torch.tensor([0, 7, 39])
    finer[1::2, :, changed] += torch.randn(8, 10, 3, generator=stream)
    told = Interpolant(nodes, finer, labels, before=before, changed=changed)
    whole = Interpolant(nodes, finer, labels)
    # Elsewhere the polynomial is the same and only its rounding differs.
    torch.testing.assert_close(told.losses, whole.losses, atol=1e-4, rtol=1e-4)
    assert int((told.correct != whole.correct).sum()) == 0
    at_grid = whole.at(whole.loss_grid)
    torch.testing.assert_close(whole.losses, sample_losses(at_grid, labels), atol=1e-5, rtol=1e-5)
    assert torch.equal(whole.correct, whole.states() == labels)


@pytest.mark.parametrize("n", [1, 2, 15, 17, 40])
def test_few_samples_are_all_pilots_and_still_a_line(n):
    labels = torch.arange(n) % 3
    slope = torch.randn(3, n, generator=torch_stream(n, "few"))

    def answered(steps, requests=None):
        logits = [alpha * (slope if chosen is None else slope[:, chosen]) for alpha, chosen in requests]
        return steps.send(logits)

    steps = follow_batch(
        labels, np.linspace(0, 1, 101), loss_tolerance=1e-3, class_tolerance=1e-9, total=n, most_nodes=17
    )
    requests = next(steps)
    line = None
    while line is None:
        try:
            requests = answered(steps, requests)
        except StopIteration as stop:
            line = stop.value
    assert line.settled
    assert line.evaluations == 17 * n or n > 16
    torch.testing.assert_close(line.logits[-1], slope)
