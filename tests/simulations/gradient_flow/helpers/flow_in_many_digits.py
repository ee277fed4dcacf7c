"""The gradient flow in 120 digits with a dense Jacobian: a slow route where 16 digits lose what moves.

It shares with the solver the coefficients of Rodas5P and T8's coordinates U.
"""

import numpy as np
from flint import arb, arb_mat, ctx

from simulations.gradient_flow.solver.rosenbrock import GAMMA, MEMORIES, SHIFTS

DIGITS = 120


def end_bias(weights, degree, final_loss, shares, rtol):
    """B (k,) and the time where the loss is final_loss, from zero biases; degree >= 3."""
    before, ctx.dps = ctx.dps, DIGITS
    try:
        return _end_bias(weights, degree, final_loss, shares, rtol)
    finally:
        ctx.dps = before


def _end_bias(weights, degree, final_loss, shares, rtol):
    flow = _Flow(weights, degree, shares)
    time, step, log_final = arb(0), arb(0), arb(final_loss).log()
    at = flow.start
    here = flow.look(at)
    while True:
        hit = max(-rate / u for rate, u in zip(here.rate[: flow.kk], at, strict=False))
        if hit > 0:
            step = min(step, arb(0.9) / hit) if step > 0 else arb(1e-3) / hit
        step = step.mid()
        new, error = _rodas5p(flow, at, here, step)
        there = new and flow.look(new)
        ratio = flow.error_ratio(at, new, here, there, error) / rtol if there else arb(1e10)
        if ratio > 1:
            step *= max(arb(0.2), arb(0.9) * ratio ** arb(-0.2))
        elif there.loss.log() < log_final - 1e-12:  # past the end: nearer by a chord
            part = (here.loss.log() - log_final) / (here.loss.log() - there.loss.log())
            step *= min(max(part, arb(0.02)), arb(0.98))
        else:
            time, at, here = (time + step).mid(), new, there
            if here.loss.log() < log_final + 1e-11:
                return np.array([float(b) for b in at[flow.kk :]]), float(time)
            step *= min(arb(4), arb(0.9) * max(ratio, arb(1e-8)) ** arb(-0.2))


class _Point:
    def __init__(self, rate, loss, jacobian, sensitivity):
        self.rate, self.loss, self.jacobian, self.sensitivity = rate, loss, jacobian, sensitivity


class _Flow:
    def __init__(self, weights, degree, shares):
        self.k, self.degree = len(weights), degree
        self.kk = self.k**2
        self.shares = [arb(float(share)) for share in shares]
        odd = degree % 2
        self.sign = [-1 if odd and w < 0 else 1 for w in np.ravel(weights)]
        power = [abs(arb(float(w))) ** (2 - degree) / (degree * (2 - degree)) for w in np.ravel(weights)]
        self.start = [sign * u for sign, u in zip(self.sign, power, strict=True)] + [arb(0)] * self.k

    def look(self, state):
        """The point at a state, or None beyond U's range."""
        k, r = self.k, self.degree
        rate, jacobian = [arb(0)] * len(state), [[arb(0)] * len(state) for _ in state]
        sensitivity, loss = [arb(0)] * self.kk, arb(0)
        for j in range(k):
            logits = []
            for i in range(k):
                n = i * k + j
                inverse = self.sign[n] / (-r * (r - 2) * state[n])  # |W|^(r-2)
                if not inverse > 0:
                    return None
                size = inverse ** (arb(r) / (r - 2))
                sensitivity[n] = r * r * inverse * size
                logits.append(self.sign[n] * size + state[self.kk + i])
            masses = [(z - logits[j]).exp() for z in logits]
            total = sum(masses, arb(0))
            loss += self.shares[j] * total.log()
            for i in range(k):
                mass = masses[i] / total
                pull = self.shares[j] * (int(i == j) - mass)
                for row in (i * k + j, self.kk + i):
                    rate[row] += pull
                    for other in range(k):
                        slope = -self.shares[j] * mass * (int(i == other) - masses[other] / total)
                        jacobian[row][other * k + j] += slope * sensitivity[other * k + j]
                        jacobian[row][self.kk + other] += slope
        return _Point(rate, loss, jacobian, sensitivity)

    def error_ratio(self, old, new, here, there, error):
        """The largest error, in W^r, r log W and nats of b, as the solver measures it."""
        by_log = arb(self.degree) / (self.degree - 2)
        worst = max(abs(e) for e in error[self.kk :])
        for n in range(self.kk):
            scale = by_log / min(abs(old[n]), abs(new[n]))
            worst = max(worst, max(here.sensitivity[n], there.sensitivity[n], scale) * abs(error[n]))
        return worst


def _rodas5p(flow, state, here, step):
    """The state after a step and its error estimate; (None, None) beyond U's range."""
    n = len(state)
    matrix = arb_mat(n, n, [-GAMMA * step * value for row in here.jacobian for value in row]) + arb_mat(
        n, n, [int(a == b) for a in range(n) for b in range(n)]
    )
    # Of arb's balls the midpoints: their radii would grow without end from step to step.
    inverse = matrix.inv().mid()
    column = arb_mat(n, 1, here.rate) * (GAMMA * step)
    stages = [(inverse * column).mid()]
    for shifts, memories in zip(SHIFTS, MEMORIES, strict=True):
        at, kept = arb_mat(n, 1, state), arb_mat(n, 1)
        for shift, memory, stage in zip(shifts, memories, stages, strict=False):
            at, kept = at + stage * arb(shift), kept + stage * arb(memory)
        there = flow.look(at.mid().entries())
        if there is None:
            return None, None
        stages.append((inverse * ((kept + arb_mat(n, 1, there.rate) * step) * arb(GAMMA))).mid())
    return (at + stages[-1]).mid().entries(), stages[-1].entries()
