"""What is measured, not proved, of T9b, T11b and T16: a search for counterexamples on flows.

    python -m benchmarks.open_inequalities [--flows 100]

Every flow is the package's own (`simulations.gradient_flow.integrate`), from seeded starts. The searches:
last bias      diagonal starts of k = 3-6 unequal classes: db_k/dt >= 0 of the class with the smallest weight,
               and v_i <= 2 g_i + log(k (k-1) e^eta (c_i + 2)/2) + v_i(0) for every other class i, eta the
               largest v_k so far, while it is below 1/2; every second start has v_k = 0
half normal    half-normal diagonals, k = 2 and 3, r = 3, Gaussian weights of 0, 0.1, 0.3 and 1 times the
               scale beside them, to a loss of 1e-4: whether alpha_2 is below T16's 2^(-1/(r-1)), and whether
               the class of the smallest weight is last
learning times T_m of class m beside the wide bracket of docs/open_questions.md, to a loss of 1e-3
The numbers stand in docs/open_questions.md; about a minute on one core.
"""

from __future__ import annotations

import argparse

import numpy as np

from mli_theory import DomainError
from simulations.gradient_flow import FlowError, integrate

LARGEST_ETA = 0.5
SEED = 20_260


def start(rng, form, k, off=0.0):
    """(k, k) weights, the diagonal descending."""
    scale = 10 ** rng.uniform(-1.7, -0.3)
    spread = {
        "half normal": np.abs(rng.standard_normal(k)),
        "close": rng.uniform(0.9, 1, k),
        "wide": rng.uniform(0.2, 1, k),
    }[form]
    weights = np.diag(np.sort(spread)[::-1])
    others = off * rng.standard_normal((k, k))
    return scale * np.where(np.eye(k, dtype=bool), weights, others)


def probabilities(weights, bias, degree):
    """p[i, j] of class i on sample j, and 1 - p_jj summed over the others."""
    logits = weights**degree + bias[:, None]
    p = np.exp(logits - logits.max(axis=0))
    p /= p.sum(axis=0)
    missing = np.where(np.eye(len(p), dtype=bool), 0.0, p).sum(axis=0)
    return p, missing


def last_bias(flows):
    """The rate of the last bias and the lower bound of the gap, on diagonal starts of unequal classes."""
    rng = np.random.default_rng([SEED, 1])
    asked = violated = 0
    tightest, slowest, over, done = np.inf, np.inf, -np.inf, 0
    for n in range(flows):
        k, degree = int(rng.integers(3, 7)), int(rng.integers(3, 6))
        weights = start(rng, ("half normal", "close", "wide")[n % 3], k)
        if n % 2:
            weights[-1, -1] = 0.0
        try:
            flow = integrate(weights, degree, 1e-6, rtol=1e-11, record=2000)
        except FlowError as error:
            print(f"  no flow of k {k} r {degree}: {error}")
            continue
        done += 1
        v_start, eta = np.diag(weights)[:-1] ** degree, 0.0
        for matrix, bias in zip(flow.weights.values, flow.bias.values, strict=True):
            p, missing = probabilities(matrix, bias, degree)
            rate = missing[-1] - p[-1, :-1].sum()
            slowest = min(slowest, rate / missing[-1])
            v = np.diag(matrix) ** degree
            eta = max(eta, v[-1])
            if eta > LARGEST_ETA:
                break
            gap, c = bias[-1] - bias[:-1], degree**2 * v[:-1] ** (2 - 2 / degree)
            room = 2 * gap + np.log(k * (k - 1) * np.exp(eta) * (c + 2) / 2) + v_start - v[:-1]
            asked += len(room)
            violated += int((room < 0).sum())
            tightest = min(tightest, room.min())
            over = max(over, (gap - v[:-1] / 2).max())
    print(
        f"last bias: {done} flows, {asked} inequalities, {violated} violated, "
        f"the tightest by {tightest:.2f} nats"
    )
    print(f"  least (db_k/dt)/(1 - p_kk) {slowest:.1e}; largest g_i - v_i/2 {over:.2f} nats")


def half_normal(flows):
    """The plateau's end from half-normal diagonals, with and without off-diagonals."""
    for k in (2, 3):
        for off in (0.0, 0.1, 0.3, 1.0):
            rng = np.random.default_rng([SEED, 2, k, int(10 * off)])
            ends, ranks, gone = [], [], 0
            for _ in range(flows):
                weights = start(rng, "half normal", k, off)
                try:
                    flow = integrate(weights, 3, 1e-4, record=2)
                except (DomainError, FlowError):
                    gone += 1  # no flow to that loss: a negative weight may keep it above
                    continue
                bias, signal = flow.bias.values[-1], flow.weights.values[-1] ** 3
                last = int(bias.argmax())
                own = np.diag(signal)
                # Class i takes its own sample from `last` at alpha^(r-1) (own - other's signal) = gap.
                lead = [(bias[last] - bias[i]) / (own[i] - signal[last, i]) for i in range(k) if i != last]
                ends.append(min(lead) ** 0.5 if min(lead) > 0 else 0.0)
                ranks.append(last == int(np.diag(weights).argmin()))
            ends = np.array(ends)
            print(
                f"half normal: k {k} off-diagonals {off:g}: {len(ends)} flows, {gone} without; "
                f"the smallest weight is last in {np.sum(ranks)}; alpha_2 at 10, 50, 90 % "
                f"{np.quantile(ends, [0.1, 0.5, 0.9]).round(3)}, "
                f"at or above {0.5**0.5:.4f} in {np.sum(ends >= 0.5**0.5)}"
            )


def learning_times(flows):
    """T_m beside the wide bracket."""
    rng = np.random.default_rng([SEED, 3])
    ratios: dict[tuple[int, int], list[float]] = {}
    outside = asked = 0
    for _ in range(flows):
        k, degree = int(rng.integers(3, 6)), int(rng.integers(3, 6))
        weights = start(rng, "wide", k) * 0.5
        flow = integrate(weights, degree, 1e-3, record=2)
        w = np.diag(weights)
        phi = (w ** (2.0 - degree) - 1) / (degree * (degree - 2))
        times = flow.signal_time.values
        for m in range(k - 1):
            if not np.isfinite(times[m]):
                continue
            lower, upper = k * k / (k - 1) * phi[m], k * (k - m) / (k - m - 1) * phi[m]
            constant = (np.e - 1) * k * (k - m) / (2 * degree * (k - m - 1))
            asked += 1
            outside += not lower * (1 - 1e-6) <= times[m] <= (upper + constant) * (1 + 1e-6)
            ratios.setdefault((k, m), []).append((times[m] - lower) / (upper - lower) if m else 0.0)
    print(f"learning times: {asked} times, {outside} outside the wide bracket")
    for (k, m), values in sorted(ratios.items()):
        if m:
            print(
                f"  k {k} m {m}: {len(values)} flows, at {np.min(values):.2f} to {np.max(values):.2f} "
                "of the way from its lower to its upper end"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flows", type=int, default=100, help="flows of each search (default 100)")
    flows = parser.parse_args().flows
    last_bias(flows)
    half_normal(flows)
    learning_times(flows)


if __name__ == "__main__":
    main()
