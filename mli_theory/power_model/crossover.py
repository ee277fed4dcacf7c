"""The plateau law between its two limits: from the initial weights, through (a), to (b) (beyond T11).

Derived, not proved. Reduced dynamics of the power model, diagonal start, k equal classes, degree r >= 3,
tau = t / k. With u classes unlearned, a learned class i has its bias g_i below theirs:

    dg_i/dtau = f_i + (1/u) sum_j f_j,   f_i = e^(-g_i),   sums over the learned classes.

Its solution is explicit. With h = (1/u) int sum_j f_j dtau, s = int e^(-h) dtau, A_i = e^(g_i) at s = 0:

    e^(g_i) = (A_i + s) e^h,   e^h = prod_j ((A_j + s) / A_j)^(1/u),   dtau = e^h ds.

1. From each arrival of `escape_schedule` (T9) to the next the waiting time fixes s, hence the A_i; the class
   just learned starts at A = 1.
2. After the last arrival u = 1 and s runs until the loss is eps. The signals follow as in T11: e_i = p_ki
   (the error of sample i) solves de_i/dtau = -e_i (c_i e_i - D_i), c = r^2 v^(2-2/r), D_i the rate at which
   log f_i falls, so e_i / f_i = 1 / (1 + c_i / m_i) with

       m_i = (A_i + s)^2 e^(2h) / int_0^s e^(2h) (A_i + s') ds'.

   One active class gives m = 4, all equal m = 2k: laws (a) and (b). v_i = 2 g_i - log(e_i / f_i), with T11's
   next order at m_i; k eps = log(1 + sum f_i) + sum log(1 + e_i).
3. The last class escapes (its W^r passes 1) where h has used up Phi_last - Phi_before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from mli_theory.domain import DomainError, finite_array
from mli_theory.power_model.learning_schedule import escape_schedule, potential
from mli_theory.short_repr import short_repr

__all__ = ["CrossoverLaw", "crossover_law"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CrossoverLaw:
    """The power model at the final loss, from its initial diagonal.

    Attributes:
        bias_gap: gap between the largest bias and that of the class learned just before, nats.
        signal: v = W_jj^r of that class, nats.
        beta: bias_gap / signal.
        plateau_end: alpha_2 = beta^(1/(r-1)).
        bias_gaps: (k,) gaps below the largest bias in the order of the input, 0 for the class it fits.
        escape_gap: bias_gap at which the last class's W^r passes 1; `escape_gap` of T11 is its lower end.
        escaped: whether bias_gap has passed it; the other numbers then describe nothing.
    """

    bias_gap: float
    signal: float
    beta: float
    plateau_end: float
    bias_gaps: Array
    escape_gap: float
    escaped: bool

    __repr__ = short_repr


def crossover_law(diagonal: ArrayLike, degree: int, final_loss: float) -> CrossoverLaw:
    """T11 between its limits: (a) as the scale goes to 0, (b) as the loss does, the crossover in between.

    Measured on 144 flows with k 2-10, r 3-5, scale 1e-4 to 0.06 whose gap stays below 0.8 `escape_gap`: beta
    is within 5e-4 at eps 1e-5 and 1e-9, where laws (a) and (b) at next order are up to 0.012 and 0.039 off;
    within 5e-3 at eps = 1e-2 (2e-3 for k <= 5). Half way between the laws it is less exact: up to 8e-4 at
    eps = 1e-6, 2.2e-3 at 1e-4 (both k = 10), 3.2e-4 at 1e-8.
    Not for k eps near 1, nor close to the escape, where the last class's own signal is felt.

    Args:
        diagonal: (k,) initial W_jj > 0, k >= 2, the smallest one unique; off-diagonals negligible.
        degree: r >= 3.
        final_loss: eps > 0 in nats per sample, below the loss at which the last gap opens.

    Raises:
        DomainError: naming T11 and the value, for the inputs above; a final loss too large is shown with
            the largest admissible one.
    """
    spent = potential(diagonal, degree, statement="T11")
    order = np.argsort(spent, kind="stable")
    held_by_bias = float(spent[order[-1]] - spent[order[-2]])
    if held_by_bias == 0:
        raise DomainError(
            f"T11 needs one smallest weight, but {np.asarray(diagonal)[order[-1]]} is tied: "
            "the bias holds no class"
        )
    eps = float(finite_array("final_loss", final_loss, (), statement="T11"))
    if eps <= 0:
        raise DomainError(f"T11 needs a final loss > 0, got {eps}")
    start = _gaps_at_last_arrival(np.sort(escape_schedule(diagonal, degree))[:-1], len(spent))

    def excess(log_s: float) -> float:
        return _late_state(start, log_s, degree)[2] - float(np.log(eps))

    # The loss is at most 2 e^(-g) and the last gap at least 2 log(1 + s): s = e^5 / eps is far enough.
    low, high = -20.0, float(max(-np.log(eps), 0) + 5)
    k = len(spent)
    largest = min(float(np.exp(_late_state(start, low, degree)[2])), (k - 1) / k)
    if eps >= largest:
        raise DomainError(f"T11 has no gap yet at final_loss = {eps}: it must be below {largest:.6g}")
    log_s = brentq(excess, low, high, xtol=1e-13)
    gaps, signals, _ = _late_state(start, log_s, degree)
    bias_gaps = np.zeros(len(spent))
    bias_gaps[order[:-1]] = gaps
    gap, signal = float(gaps[-1]), float(signals[-1])
    escape = _escape_gap(start, held_by_bias)
    beta = gap / signal
    return CrossoverLaw(gap, signal, beta, beta ** (1 / (degree - 1)), bias_gaps, escape, bool(gap >= escape))


def _gaps_at_last_arrival(arrivals: Array, k: int) -> Array:
    """Log A_i = g_i of the k - 1 learned classes, in order of learning, when the last of them is learned."""
    gaps = np.zeros(1)
    for m in range(1, k - 1):
        wait = float(arrivals[m] - arrivals[m - 1]) / k
        if wait > 0:
            gaps = _after_waiting(gaps, np.log(wait), unlearned=k - m)
        gaps = np.append(gaps, 0.0)
    return gaps


_PANEL, _WEIGHT = np.polynomial.legendre.leggauss(8)
# log s from 40 below its end: what is left out is e^-40 of the integral.
_DEPTHS = (np.arange(-40, 0)[:, None] + (_PANEL + 1) / 2).ravel()
_LOG_WEIGHTS = np.log(np.tile(_WEIGHT / 2, 40))


def _after_waiting(gaps: Array, log_wait: float, unlearned: int) -> Array:
    """The gaps after the time e^log_wait: int_0^s e^h ds' = wait, solved for log s."""

    def log_rise(log_s: Array) -> Array:
        return np.asarray(_log1p_exp(log_s[:, None] - gaps).sum(axis=1) / unlearned)

    def excess(log_s: float) -> float:
        at = log_s + _DEPTHS
        return float(logsumexp(log_rise(at) + at + _LOG_WEIGHTS)) - log_wait

    # s <= wait <= s e^h(s), and h(s) <= h(wait).
    low = log_wait - float(log_rise(np.array([log_wait]))[0])
    log_s = brentq(excess, low - 1e-6, log_wait + 1e-6, xtol=1e-12)
    return np.asarray(np.logaddexp(gaps, log_s) + log_rise(np.array([log_s])))


def _late_state(start: Array, log_s: float, degree: int) -> tuple[Array, Array, float]:
    """The (gaps, signals, log loss) of the learned classes at s after the last arrival."""
    k = len(start) + 1
    nodes, weights = np.polynomial.legendre.leggauss(k + 1)  # exact: the integrand has degree 2k - 1
    log_nodes = log_s + np.log((nodes + 1) / 2)
    ends = np.logaddexp(start, log_s)
    rise = (ends - start).sum()
    gaps = ends + rise
    inside = np.logaddexp(start, log_nodes[:, None])
    integrand = 2 * (inside - start).sum(axis=1)[:, None] + inside
    log_integral = logsumexp(integrand + np.log(weights / 2)[:, None], axis=0) + log_s
    m = np.exp(2 * (ends + rise) - log_integral)
    signals, ratios = _signals(gaps, m, degree)
    by_last = logsumexp(-gaps)  # the last class's sample; log(1 + x) is x below e^-40
    by_learned = np.log(ratios) - gaps
    logs = [_log_log1p(by_last), *_log_log1p(by_learned)]
    return gaps, signals, float(logsumexp(logs) - np.log(k))


def _signals(gaps: Array, m: Array, degree: int) -> tuple[Array, Array]:
    """V = 2 g + log(1 + x) - next order, from above, and e/f = 1 / (1 + x), x = r^2 v^q / m."""
    q = 2 - 2 / degree
    v = 2 * gaps + 2 * np.log1p(degree**2 / m) + 8
    for _ in range(500):
        x = degree**2 * v**q / m
        new = 2 * gaps + np.log1p(x) - np.log1p(q * (x / (1 + x)) ** 2 / v)
        done = np.abs(new - v) <= 1e-14 * v
        v = np.maximum(new, 1e-300)
        if done.all():
            break
    return v, 1 / (1 + degree**2 * v**q / m)


def _escape_gap(start: Array, budget: float) -> float:
    """The last learned class's gap where h = budget."""
    high = budget + float(start.max()) + 1
    log_s = brentq(lambda at: float(_log1p_exp(at - start).sum()) - budget, -60.0, high, xtol=1e-12)
    return float(np.logaddexp(start[-1], log_s) + budget)


def _log1p_exp(values: Array) -> Array:
    return np.asarray(np.logaddexp(0.0, values))


def _log_log1p(log_x: Array) -> Array:
    """Log of log(1 + x), also where x is below the smallest float."""
    return np.where(log_x < -40, log_x, np.log(_log1p_exp(np.maximum(log_x, -40))))
