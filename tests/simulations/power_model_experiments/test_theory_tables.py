"""Entries of docs/theory/theory.md, T9 to T12, by the experiments' own code; each literal is theory.md's."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mli_theory import escape_gap, escape_schedule
from simulations.power_model_experiments.flows import (
    ends,
    learning_times,
    plateau_length,
    schedule_errors,
    solve,
    solve_in_turn,
)
from simulations.power_model_experiments.gaussian_starts import can_reach_zero, first_arrival


def starts(k, scale, *seeds):
    return np.stack([np.random.default_rng(seed).uniform(0.5, 1, (k, k)) * scale for seed in seeds])


def betas(weights, degree, losses):
    reached = solve_in_turn(weights, degree, losses)
    return np.array([[plateau_length(w, b, degree)[0] for w, b in zip(*end, strict=True)] for end in reached])


@pytest.mark.parametrize(
    ("k", "bands", "growth"),
    [
        (2, [(0.0004, 0.001), (0.004, 0.01), (0.04, 0.1)], 10.0),
        # For k > 2 later classes also wait for the biases to settle: scale log(1/scale) fits, scale does not.
        (4, [(0.002, 0.005), (0.015, 0.035), (0.06, 0.14)], 10.0 * np.log(1e2) / np.log(1e3)),
    ],
)
def test_T9_the_error_at_r_3(k, bands, growth):
    """The bands hold theory.md's numbers for the worst class of a start: up to 3.1 % and 13 % at k = 4.

    Its first version said 0.1 to 0.5 %, 1 to 2 % and 8 % at 1e-3, 1e-2 and 0.1, start and class not stated.
    """
    worst = []
    for scale in (1e-3, 1e-2, 1e-1):
        weights = starts(k, scale, 0, 1)
        flow = solve(weights, 3, 1e-2)
        errors = [
            schedule_errors(
                learning_times(flow["weights"].to_numpy()[run], 3, flow["time"].to_numpy()[run]),
                escape_schedule(np.diag(w), 3),
            )
            for run, w in enumerate(weights)
        ]
        worst.append(np.nanmax(np.abs(errors)))
    for error, (low, high) in zip(worst, bands, strict=True):
        assert low < error < high
    assert worst[1] / worst[0] == pytest.approx(growth, rel=0.15)


@pytest.mark.parametrize("degree", [2, 3])
def test_T10_the_order_holds_at_every_record_of_a_diagonal_start(degree):
    flow = solve(np.diag([0.08, 0.1, 0.05])[None], degree, 1e-4)
    bias = flow["bias"].to_numpy()[0, 1:]
    assert (np.diff(bias[:, [1, 0, 2]]) > 0).all()


def test_T10_fails_at_a_near_tie_with_off_diagonals():
    """Theory.md: by up to 8.4e-4 nats (first said: 2e-3). The off-diagonals decide, not the tie."""
    weights = starts(4, 0.1, *range(6))
    violations = []
    for w in weights:
        second, smallest = np.argsort(-np.diag(w))[-2:]
        w[smallest, smallest] = w[second, second] * (1 - 1e-6)
    biases = solve(weights, 3, 1e-4)["bias"].to_numpy()[:, -1]
    for w, bias in zip(weights, biases, strict=True):
        violations.append(-np.diff(bias[np.argsort(-np.diag(w))]).min())
    assert 0 < np.sum(np.array(violations) > 1e-6) < 6
    assert max(violations) < 2e-3


def test_T11_two_classes_have_one_law_and_no_scale():
    found = betas(starts(2, 1e-3, 0, 1), 3, (1e-2, 1e-4, 1e-8, 1e-12))
    assert np.ptp(found, axis=1).max() < 1e-4
    assert found[:, 0] == pytest.approx([0.3302, 0.3889, 0.4304, 0.4480], abs=5e-5)


def test_T11_ten_classes_at_small_scale():
    """Theory.md does not state its start: between starts the last digits move, more so at larger scales."""
    weights = np.concatenate([starts(10, scale, 0) for scale in (1e-5, 1e-4)])
    found = betas(weights, 3, (1e-2, 1e-4, 1e-8))
    table = [[0.2802, 0.2805], [0.3747, 0.3755], [0.4282, 0.4329]]
    assert found == pytest.approx(np.array(table), abs=5e-4)


def test_T11_two_of_six_starts_escape():
    """Theory.md: k = 4, r = 3, scale 1e-3, default_rng(0 .. 5).uniform(.5, 1): seeds 1 and 4 break."""
    weights = starts(4, 1e-3, *range(6))
    end, _ = ends(solve(weights, 3, 1e-12))
    escaped = [(np.diag(w) >= 1).all() for w in end]
    assert np.flatnonzero(escaped).tolist() == [1, 4]
    gaps = [escape_gap(np.diag(w), 3) for w in weights]
    assert np.argsort(gaps)[:2].tolist() == [4, 1]


def test_T11_the_plateau_vanishes_at_fixed_scale():
    weights, losses = np.diag([0.1, 0.05])[None], (1e-4, 1e-8, 1e-16, 1e-128)
    found = np.sqrt(betas(weights, 3, losses)[:, 0])
    assert found == pytest.approx([0.592, 0.506, 0.390, 0.149], abs=6e-4)


@pytest.mark.parametrize(("k", "share"), [(2, 0.47), (4, 0.26), (10, 0.007)])
def test_T12_how_often_a_negative_off_diagonal_escapes_first(k, share):
    draws = 1500
    weights = np.random.default_rng(0).standard_normal((draws, k, k))
    found = np.mean([i != j for i, j in (first_arrival(w, 3) for w in weights)])
    # Five standard errors of the count, and the rounding of theory.md's figure.
    assert abs(found - share) < 5 * np.sqrt(share * (1 - share) / draws) + 0.005


def test_T12_of_the_16_sign_patterns_of_two_classes_one_meets_a_floor():
    """By plain LSODA, which knows nothing of signs: 15 come below any loss asked, one stays above log 2."""

    def slope(_, state):
        weights, bias = state[:4].reshape(2, 2), state[4:]
        p = np.exp(weights**3 + bias[:, None])
        pull = (np.eye(2) - p / p.sum(axis=0)) / 2
        return np.concatenate([(3 * weights**2 * pull).ravel(), pull.sum(axis=1)])

    for pattern in range(16):
        signs = np.array([1 if pattern >> n & 1 else -1 for n in range(4)]).reshape(2, 2)
        start = signs * np.array([[0.5, 0.4], [0.45, 0.35]])
        run = solve_ivp(slope, (0, 1e4), np.r_[start.ravel(), 0, 0], "LSODA", rtol=1e-8, atol=1e-10)
        z = run.y[:4, -1].reshape(2, 2) ** 3 + run.y[4:, -1][:, None]
        loss = np.mean(np.log(np.exp(z).sum(axis=0)) - np.diag(z))
        assert can_reach_zero(start, 3) == (loss < 1e-2)
        assert can_reach_zero(start, 3) or loss > np.log(2) * (1 - 1e-9)
