"""`integrate` against the flow in 120 digits, on random starts of either sign whose waits last 1e10 to 1e32.

    python -m benchmarks.gradient_flow_digits [--starts N]

The other side (tests/simulations/gradient_flow/helpers/flow_in_many_digits.py) shares T8's coordinates and
Rodas5P's coefficients.

What 16 digits lose in such a wait both runs of `max_end_error` lose alike, so that their difference does not
show it. Every start is printed: its largest difference of b at the end, in nats. The other side's own
error at its tolerance of 1e-6 is some 1e-8 nats.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from simulations.gradient_flow import integrate
from tests.simulations.gradient_flow.helpers.flow_in_many_digits import end_bias
from tests.simulations.gradient_flow.helpers.flow_starts import signs_without_a_cycle

FINAL_LOSS = 1e-3
# With these signs classes 0 and 1, and 2 and 3, may share their samples' probability through a wait.
TWO_PAIRS = np.array([[1, 1, -1, -1], [1, -1, -1, -1], [-1, -1, -1, 1], [1, -1, 1, 1]])
# Of the first 1000 starts those whose b was off by more than 1e-6 nats (by 2e-6 to 12) while the solver
# summed the samples' pulls on a bias.
ONCE_WRONG = (101, 155, 319, 371, 503, 519, 647, 715, 739, 801)


def start(seed):
    """Weights, degree and unequal shares.

    An odd seed has four classes with the signs of TWO_PAIRS and degree 7 or 9, an even one 2 to 4 classes,
    degree 5 to 10 and any signs without a cycle (T12).
    """
    rng = np.random.default_rng([2026, seed])
    if seed % 2:
        k, degree, signs = 4, int(rng.choice([7, 9])), TWO_PAIRS
    else:
        k, degree = int(rng.integers(2, 5)), int(rng.integers(5, 11))
        signs = signs_without_a_cycle(rng, k, degree)
    weights = 10 ** rng.uniform(-4, -2) * signs * rng.uniform(0.5, 1, (k, k))
    shares = rng.uniform(0.3, 1, k)
    return weights, degree, shares / shares.sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=40, help="the first so many, and those once wrong")
    starts = parser.parse_args().starts
    print("start | k | r | |W| | end time | largest |b| | difference, nats | CPU s, 120 digits | integrate")
    differences = []
    seeds = sorted({*range(starts), *ONCE_WRONG})
    for seed in seeds:
        weights, degree, shares = start(seed)
        before = time.process_time()
        flow = integrate(weights, degree, FINAL_LOSS, class_shares=shares)
        between = time.process_time()
        bias, _ = end_bias(weights, degree, FINAL_LOSS, shares, rtol=1e-6)
        seconds = time.process_time() - between
        differences.append(float(np.abs(flow.bias.values[-1] - bias).max()))
        print(
            f"{seed} | {len(weights)} | {degree} | {np.abs(weights).max():.1e} | "
            f"{float(flow.time[-1]):.1e} | {np.abs(bias).max():.1f} | "
            f"{differences[-1]:.1e} | {seconds:.1f} | {between - before:.3f}",
            flush=True,
        )
    print(f"{len(seeds)} starts: median {np.median(differences):.1e}, largest {max(differences):.1e} nats")


if __name__ == "__main__":
    main()
