"""The flow by scipy's LSODA, in the formulations `integrate` was chosen from.

plain W, with and without the analytic Jacobian; log W; and the mirror coordinates U = phi(W), the
last two with their dense analytic Jacobians. Tolerances give an end-state error near 1e-6 on the cases of
the benchmark. `lsoda_compiled` is (b) with right-hand side and Jacobian compiled like `integrate`'s own
loops, to tell what compiling gives from what the formulation gives.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.integrate import solve_ivp

RTOL, ATOL = 1e-8, 1e-11


def _pull(signal, bias):
    """G and its Jacobian by column: dG_ij/dz_lj (j, i, l), equal classes."""
    k = len(bias)
    z = signal + bias[:, None]
    e = np.exp(z - z.max(axis=0))
    own = np.diag(e).copy()
    np.fill_diagonal(e, 0.0)
    others = e.sum(axis=0)
    p = e / (others + own)
    pull = -p / k
    np.fill_diagonal(pull, others / (others + own) / k)
    np.fill_diagonal(p, own / (others + own))
    return pull, p


def _column_jacobian(p):
    q = p.T
    return (q[:, :, None] * q[:, None, :] - np.eye(len(p)) * q[:, :, None]) / len(p)


class _Coordinates:
    """W = W(y): forward, dV/dy, and the speed s(y) with dy/dt = s G and ds/dy."""

    def __init__(self, name, degree):
        self.name, self.r = name, degree

    def start(self, w):
        if self.name == "plain":
            return w
        if self.name == "log":
            return np.log(w)
        return w ** (2.0 - self.r) / (self.r * (2.0 - self.r))

    def weights(self, y):
        if self.name == "plain":
            return y
        if self.name == "log":
            return np.exp(y)
        return np.maximum(-y * (self.r * (self.r - 2.0)), 1e-12) ** (-1.0 / (self.r - 2.0))

    def terms(self, w):
        """(dV/dy, s, ds/dy)."""
        r = self.r
        if self.name == "plain":
            return r * w ** (r - 1), r * w ** (r - 1), r * (r - 1) * w ** (r - 2)
        if self.name == "log":
            return r * w**r, r * w ** (r - 2), r * (r - 2) * w ** (r - 2)
        return r * r * w ** (2 * r - 2), np.ones_like(w), np.zeros_like(w)


FORMULATIONS = {
    "LSODA (a)": ("plain", False),
    "LSODA (b), Jacobian": ("plain", True),
    "LSODA log W, Jacobian": ("log", True),
    "LSODA mirror, Jacobian": ("mirror", True),
}


def lsoda(name, weights, degree, final_loss):
    """(right-hand sides, (b, W^r) at the end)."""
    k = len(weights)
    coordinates = _Coordinates(FORMULATIONS[name][0], degree)
    index = np.arange(k)
    cells = index[None, :] * k + index[:, None]  # (sample j, class i): position of W_ij

    def unpack(y):
        return coordinates.weights(y[: k * k].reshape(k, k)), y[k * k :]

    def rate(_, y):
        w, b = unpack(y)
        pull, _ = _pull(w**degree, b)
        return np.concatenate([(coordinates.terms(w)[1] * pull).ravel(), pull.sum(axis=1)])

    def jacobian(_, y):
        w, b = unpack(y)
        pull, p = _pull(w**degree, b)
        slope, speed, bend = coordinates.terms(w)
        columns = _column_jacobian(p)
        dense = np.zeros((k * k + k, k * k + k))
        by_weight = columns * slope.T[:, None, :]
        dense[cells[:, :, None], cells[:, None, :]] = by_weight * speed.T[:, :, None]
        dense[np.arange(k * k), np.arange(k * k)] += (bend * pull).ravel()
        dense[cells[:, :, None], k * k + index[None, None, :]] = columns * speed.T[:, :, None]
        dense[k * k + index[None, :, None], cells[:, None, :]] = by_weight
        dense[k * k :, k * k :] = columns.sum(axis=0)
        return dense

    def event(_, y):
        w, b = unpack(y)
        z = w**degree + b[:, None]
        margin = z - np.diag(z)
        rival = np.exp(margin)
        np.fill_diagonal(rival, 0.0)
        return np.log(np.log1p(rival.sum(axis=0)).mean() / final_loss)

    event.terminal = True
    start = np.concatenate([coordinates.start(weights).ravel(), np.zeros(k)])
    solution = solve_ivp(
        rate, (0, 1e20), start, method="LSODA", rtol=RTOL, atol=ATOL, events=event,
        jac=jacobian if FORMULATIONS[name][1] else None,
    )  # fmt: skip
    if not len(solution.y_events[0]):
        return solution.nfev, (np.full(k, np.nan), np.full((k, k), np.nan))
    w, b = unpack(solution.y_events[0][0])
    return solution.nfev, (b, w**degree)


@njit(cache=True)
def _plain_rate(y, k, r):
    out = np.zeros(k * k + k)
    for j in range(k):
        z = np.empty(k)
        for i in range(k):
            z[i] = y[i * k + j] ** r + y[k * k + i]
        e = np.exp(z - z.max())
        others = e[:j].sum() + e[j + 1 :].sum()
        for i in range(k):
            pull = (others if i == j else -e[i]) / (others + e[j]) / k
            out[i * k + j] = r * y[i * k + j] ** (r - 1) * pull
            out[k * k + i] += pull
    return out


@njit(cache=True)
def _plain_jacobian(y, k, r):
    n = k * k
    out = np.zeros((n + k, n + k))
    for j in range(k):
        z = np.empty(k)
        for i in range(k):
            z[i] = y[i * k + j] ** r + y[n + i]
        p = np.exp(z - z.max())
        p /= p.sum()
        for i in range(k):
            w = y[i * k + j]
            speed = r * w ** (r - 1)
            pull = ((p.sum() - p[i]) if i == j else -p[i]) / k
            out[i * k + j, i * k + j] += r * (r - 1) * w ** (r - 2) * pull
            for other in range(k):
                by_logit = (p[i] * p[other] - (p[i] if i == other else 0.0)) / k
                by_weight = by_logit * r * y[other * k + j] ** (r - 1)
                out[i * k + j, other * k + j] += by_weight * speed
                out[i * k + j, n + other] += by_logit * speed
                out[n + i, other * k + j] += by_weight
                out[n + i, n + other] += by_logit
    return out


def lsoda_compiled(weights, degree, final_loss):
    """(right-hand sides, (b, W^r) at the end)."""
    k = len(weights)

    def event(_, y):
        z = y[: k * k].reshape(k, k) ** degree + y[k * k :, None]
        rival = np.exp(z - np.diag(z))
        np.fill_diagonal(rival, 0.0)
        return np.log(np.log1p(rival.sum(axis=0)).mean() / final_loss)

    event.terminal = True
    solution = solve_ivp(
        lambda _, y: _plain_rate(y, k, degree), (0, 1e20), np.concatenate([weights.ravel(), np.zeros(k)]),
        method="LSODA", rtol=RTOL, atol=ATOL, events=event, jac=lambda _, y: _plain_jacobian(y, k, degree),
    )  # fmt: skip
    end = solution.y_events[0][0]
    return solution.nfev, (end[k * k :], end[: k * k].reshape(k, k) ** degree)
