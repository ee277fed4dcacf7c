"""The formulations `integrate` was chosen from, beside it: CPU seconds and end-state error of one run.

    python -m benchmarks.gradient_flow_formulations [--starts 5]

Prints the rows of the table in benchmarks/gradient_flow.md. Positive starts with off-diagonals; methods
interleaved start by start; CPU seconds of one thread (median), error: the largest change of b and W^r at the
end, in nats (median, largest), against `integrate` at rtol 1e-11. Exact formulations solve the whole flow, in
plain weights, log weights and mirror coordinates by scipy's LSODA with their dense analytic Jacobian at one
tolerance; approximations are those of benchmarks/flow_approximations.py.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks import flow_approximations as approximations
from benchmarks.lsoda_baselines import FORMULATIONS, lsoda
from simulations.gradient_flow import integrate

CASES = [(4, 5, 2e-2, 1e-8), (10, 4, 1e-2, 1e-8), (4, 3, 1e-2, 1e-6), (4, 3, 0.3, 1e-6)]
BASE = "LSODA (b), Jacobian"


def start(seed, scale, k):
    return scale * np.random.default_rng(seed).uniform(0.5, 1, (k, k))


def methods(w, r, loss):
    """Name and call of every method; a call returns ((b, W^r), a count) or such a pair with None."""

    def ours(rtol=5e-7, driver="compiled", weights=w):
        flow = integrate(weights, r, loss, rtol=rtol, driver=driver, record=2)
        return approximations.ends(flow, r), int(flow.n_steps)

    yield "integrate (structured, compiled)", ours
    yield "integrate, numpy driver", lambda: ours(driver="numpy")
    for name in FORMULATIONS:
        if name != "LSODA (a)":
            yield name, lambda name=name: lsoda(name, w, r, loss)[::-1]
    yield "reduced diagonal system, LSODA", lambda: approximations.reduced(w, r, loss)
    yield "reduced diagonal system, integrate", lambda: ours(weights=np.diag(np.diag(w)))
    for threshold in (1e-2, 1e-4):
        yield (
            f"first wait in closed form to W^r = {threshold:g}, then integrate",
            lambda threshold=threshold: approximations.first_wait_in_closed_form(w, r, loss, threshold),
        )
    for at in (1e-2, 1e-5):
        yield (
            f"integrate to {at:g}, then quasi-steady",
            lambda at=at: approximations.quasi_steady(w, r, loss, at),
        )
    yield (
        "closed forms throughout (crossover law), b alone",
        lambda: (
            (approximations.closed_forms(w, r, loss),),
            None,
        ),
    )


def phases(w, r, loss):
    """Shares of the steps: before the last arrival while no W_jj^r is between 1e-2 and 1, and after it."""
    flow = integrate(w, r, loss, record=10**5)
    signal = np.einsum("tjj->tj", flow.weights.values) ** r
    last = int(np.nanargmax(np.where(signal.max(axis=0) > 1, (signal > 1).argmax(axis=0), -1)))
    arrived = int((signal[:, last] > 1).argmax())
    moving = ((signal > 1e-2) & (signal < 1)).any(axis=1)
    steps = len(signal) - 1
    waiting = int((~moving[1 : arrived + 1] & ~moving[:arrived]).sum())
    return waiting / steps, (steps - arrived) / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=5)
    starts = parser.parse_args().starts
    for _, call in methods(start(0, 0.1, 3), 3, 1e-3):  # compiled and imported before anything is timed
        call()
    print("| k, r, scale, loss | method | CPU s | steps | end error | time of (b) = 1 |")
    for k, r, scale, loss in CASES:
        rows = {}
        for seed in range(starts):
            w = start(seed, scale, k)
            reference = approximations.ends(integrate(w, r, loss, rtol=1e-11, record=2), r)
            for name, call in methods(w, r, loss):
                before = time.process_time()
                end, count = call()
                seconds = time.process_time() - before
                pairs = zip(end, reference, strict=False)
                rows.setdefault(name, []).append(
                    (seconds, count or 0, max(float(np.abs(a - b).max()) for a, b in pairs))
                )
        base = median(row[0] for row in rows[BASE])
        for name, row in rows.items():
            seconds, counts, errors = zip(*row, strict=True)
            print(
                f"| {k}, {r}, {scale:.0e}, {loss:.0e} | {name} | {median(seconds):.4f} | "
                f"{median(counts):,.0f} | {median(errors):.1e} ({max(errors):.1e}) | "
                f"{median(seconds) / base:.3f} |",
                flush=True,
            )
        shares = [phases(start(seed, scale, k), r, loss) for seed in range(starts)]
        print(f"  steps while all wait or rest: {median(s[0] for s in shares):.0%}, "
              f"after the last arrival: {median(s[1] for s in shares):.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
