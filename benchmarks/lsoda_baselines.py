"""The flow by scipy's LSODA, in the formulations `integrate` was chosen from.

plain W, with and without the analytic Jacobian; log W; and the mirror coordinates U = phi(W), the
last two with their dense analytic Jacobians. Tolerances give an end-state error near 1e-6 on the cases of
the benchmark.
"""

from __future__ import annotations

import numpy as np
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
