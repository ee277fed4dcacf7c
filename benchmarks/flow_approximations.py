"""Cheaper ways through the flow that are approximations or serve some starts alone, for the comparison.

Each returns (b, W^r) at the final loss from positive weights (k, k). Benchmark-only: equal classes, b(0) = 0.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from mli_theory import crossover_law
from simulations.gradient_flow import integrate


def ends(flow, degree):
    return flow.bias.values[-1], flow.weights.values[-1] ** degree


def reduced(weights, degree, final_loss, rtol=1e-8):
    """The 2k equations of a diagonal start, by LSODA in (log W_jj, b): off-diagonals dropped."""
    k, r = len(weights), degree
    off = ~np.eye(k, dtype=bool)

    def probabilities(y):
        """(p, 1 - p_jj by summing), (k, k) and (k,)."""
        z = y[k:, None] + np.diag(np.exp(r * y[:k]))
        p = np.exp(z - z.max(axis=0))
        p /= p.sum(axis=0)
        return p, np.where(off, p, 0.0).sum(axis=0)

    def rate(_, y):
        p, missing = probabilities(y)
        d_bias = missing - np.where(off, p, 0.0).sum(axis=1)
        return np.concatenate([r * np.exp((r - 2) * y[:k]) * missing, d_bias]) / k

    def jacobian(_, y):
        p, missing = probabilities(y)
        own, speed, slope = np.diag(p), r * np.exp((r - 2) * y[:k]), r * np.exp(r * y[:k])
        by_logit = np.where(off, p * own, 0.0) - np.diag(own * missing)  # of 1 - p_jj by z_ij: [i, j]
        falls = p[:, None, :] * (np.eye(k)[:, :, None] - p[None, :, :])  # of p_ij by z_lj: [i, l, j]
        dense = np.empty((2 * k, 2 * k))
        dense[:k, :k] = np.diag(speed * ((r - 2) * missing + np.diag(by_logit) * slope))
        dense[:k, k:] = speed[:, None] * by_logit.T
        dense[k:, :k] = -np.einsum("ill->il", falls) * slope
        dense[k:, k:] = -falls.sum(axis=2)
        return dense / k

    def event(_, y):
        v, b = np.exp(r * y[:k]), y[k:]
        rivals = np.where(off, np.exp(b[:, None] - (b + v)), 0.0).sum(axis=0)
        return np.log(np.log1p(rivals).mean() / final_loss)

    event.terminal = True
    start = np.concatenate([np.log(np.diag(weights)), np.zeros(k)])
    done = solve_ivp(
        rate, (0, 1e100), start, method="LSODA", rtol=rtol, atol=1e-11, events=event, jac=jacobian
    )
    y = done.y_events[0][0]
    return (y[k:], np.diag(np.exp(r * y[:k]))), int(done.nfev)


def first_wait_in_closed_form(weights, degree, final_loss, threshold):
    """U = U(0) + G(0) t at b = 0 and p = 1/k until the first W_jj^r is the threshold, then `integrate`."""
    k, r = len(weights), degree
    potential = weights ** (2.0 - r) / (r * (r - 2.0))
    first = max(np.diag(potential).min() - threshold ** ((2.0 - r) / r) / (r * (r - 2.0)), 0.0)
    time = first * k**2 / (k - 1)
    pull = np.where(np.eye(k, dtype=bool), (k - 1) / k**2, -1 / k**2)
    waited = (r * (r - 2.0) * (potential - pull * time)) ** (-1.0 / (r - 2.0))
    flow = integrate(waited, r, final_loss, record=2)
    return ends(flow, r), int(flow.n_steps)


def quasi_steady(weights, degree, final_loss, from_loss):
    """`integrate` to from_loss, then the ratios of the samples' losses are those of a steady state.

    Late, dphi(W_jj)/dt = l_j / k and db/dt = B l / k with B = I - Q, Q_ij = p_ij / (1 - p_jj); margins
    -log l_j grow by M l / k, M = diag(r^2 W_jj^(2r-2)) + B^T B, at one rate where l is along s = M^-1 1. To
    next order l follows the drift of s, as in T11: along M^-1 g, g = 1 less the change of log s in a unit of
    -log loss. No stiffness is left; off-diagonals are held.
    """
    k, r = len(weights), degree
    flow = integrate(weights, r, from_loss, record=2)
    bias, held = flow.bias.values[-1], flow.weights.values[-1]
    off = ~np.eye(k, dtype=bool)
    signal = np.where(off, held**r, 0.0)

    def steady(y):
        w, b = (r * (r - 2.0) * -y[:k]) ** (-1.0 / (r - 2.0)), y[k:]
        mass = np.where(off, np.exp(signal + (b - b.max())[:, None]), 0.0)
        lean = np.eye(k) - mass / mass.sum(axis=0)
        matrix = np.diag(r * r * w ** (2 * r - 2)) + lean.T @ lean
        return matrix, lean, np.linalg.solve(matrix, np.ones(k))

    def rate(_, y):
        matrix, lean, share = steady(y)
        h = 1e-4
        drift = np.log(steady(y + h * np.concatenate([share, lean @ share]))[2] / share) / h
        share = np.linalg.solve(matrix, 1.0 - drift + share @ drift / share.sum())
        return np.concatenate([share, lean @ share])

    start = np.concatenate([np.diag(held) ** (2.0 - r) / (r * (2.0 - r)), bias])
    done = solve_ivp(rate, (0, np.log(from_loss / final_loss)), start, rtol=1e-7, atol=1e-9)
    y = done.y[:, -1]
    own = (r * (r - 2.0) * -y[:k]) ** (-r / (r - 2.0))
    return (y[k:], signal + np.diag(own)), int(flow.n_steps)


def closed_forms(weights, degree, final_loss):
    """B alone, from `crossover_law`: closed form between arrivals, quasi-steady late phase, no solver."""
    gaps = crossover_law(np.diag(weights), degree, final_loss).bias_gaps
    return gaps.mean() - gaps
