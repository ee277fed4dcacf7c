"""The power model from a diagonal start, integrated plainly: the slow second route of T9 to T11'.

State: log W_jj and b_j (off-diagonals stay 0). Shares no code with the package. LSODA; 1 - p_jj is summed
over the other classes, so late phases keep their relative accuracy.
"""

from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp


class Flow(NamedTuple):
    weights: np.ndarray  # (t, k) diagonal weights
    bias: np.ndarray  # (t, k)
    learned: np.ndarray  # (k,) first time W^r passes 1, inf if not before the end
    losses: np.ndarray  # (t, k) per-sample losses

    def gaps(self) -> np.ndarray:
        return self.bias[-1].max() - self.bias[-1]

    def beta_min(self, degree) -> float:
        """Least gap / signal over the classes that the bias does not hold (T2 on this model)."""
        others = np.arange(self.bias.shape[1]) != self.bias[-1].argmax()
        return float((self.gaps()[others] / self.weights[-1][others] ** degree).min())


def reduced_flow(diagonal, degree, final_loss, class_shares=None, rtol=1e-9) -> Flow:
    """Integrate from b = 0 until the loss is final_loss."""
    start = np.asarray(diagonal, float)
    k = len(start)
    shares = np.full(k, 1 / k) if class_shares is None else np.asarray(class_shares, float)
    other = ~np.eye(k, dtype=bool)

    def sample_losses(state):
        v, b = np.exp(degree * state[:k]), state[k:]
        return np.log1p(np.where(other, np.exp(b[:, None] - (b + v)[None, :]), 0.0).sum(axis=0))

    def slope(_, state):
        v, b = np.exp(degree * state[:k]), state[k:]
        logits = b[:, None] + np.diag(v)
        p = np.exp(logits - logits.max(axis=0))
        wrong = np.where(other, p / p.sum(axis=0), 0.0)
        missing = wrong.sum(axis=0)
        d_log_w = degree * np.exp((degree - 2) * state[:k]) * shares * missing
        return np.concatenate([d_log_w, shares * missing - wrong @ shares])

    def excess(_, state):
        return np.log(sample_losses(state) @ shares) - np.log(final_loss)

    excess.terminal = True
    events = [excess, *(lambda _, state, j=j: state[j] for j in range(k))]
    state = np.concatenate([np.log(start), np.zeros(k)])
    done = solve_ivp(slope, (0, 1e200), state, method="LSODA", rtol=rtol, atol=1e-11, events=events)
    assert done.status == 1, done.message
    learned = np.array([t[0] if len(t) else np.inf for t in done.t_events[1:]])
    losses = np.array([sample_losses(y) for y in done.y.T])
    return Flow(np.exp(done.y[:k].T), done.y[k:].T, learned, losses)
