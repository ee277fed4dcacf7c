"""The end-state error of `integrate` over its whole range: a fixed grid, each case solved twice.

    python -m benchmarks.gradient_flow_accuracy [--limit SECONDS] [--missing]
    python -m benchmarks.gradient_flow_accuracy --random STARTS

The error of a case is the largest change of b and of W^r at the end, in nats, under a 100 times tighter
tolerance, as `integrate(..., max_end_error=...)` measures it. Every case is printed and goes to
benchmarks/gradient_flow_accuracy.csv as it ends; the last lines say how many are above 1e-6 nats. --random
draws starts over the range instead, prints those above 3e-7 and all that are refused, and writes nothing.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from mli_theory import DomainError
from simulations.gradient_flow import FlowError, integrate
from tests.simulations.gradient_flow.helpers.flow_starts import signs_without_a_cycle

TABLE = Path(__file__).with_suffix(".csv")
WANTED = 1e-6
COLUMNS = ("signs", "k", "r", "scale", "final_loss", "end_error", "steps", "cpu_s", "drift_rows", "rounding")
# k: degrees, scales, final losses.
GRID = {
    2: ((2, 3, 4, 6, 10), (1e-4, 1e-3, 1e-2, 0.1, 0.3), (1e-2, 1e-6, 1e-12)),
    4: ((2, 3, 4, 6, 10), (1e-4, 1e-3, 1e-2, 0.1, 0.3), (1e-2, 1e-6, 1e-12)),
    10: ((2, 3, 4, 6, 10), (1e-4, 1e-2, 0.3), (1e-2, 1e-6, 1e-12)),
    30: ((2, 3, 5, 10), (1e-4, 1e-2, 0.3), (1e-12,)),
}
# k = 100 takes 5 s to 5 min a case, and its tighter twin twice that: chosen ones.
LARGE = [
    (100, 2, 1e-4, 1e-12), (100, 2, 0.3, 1e-12), (100, 3, 0.3, 1e-12), (100, 3, 1e-2, 1e-2),
    (100, 3, 1e-2, 1e-12), (100, 3, 1e-4, 1e-12), (100, 5, 1e-2, 1e-8), (100, 10, 0.3, 1e-2),
]  # fmt: skip


def cases():
    """(signs, k, degree, scale, final loss): all weights positive; odd degrees with mixed and any signs too.

    Even degrees square the signs away: there a start with mixed signs is the positive one.
    """
    for k, axes in GRID.items():
        for degree, scale, final_loss in product(*axes):
            yield "positive", k, degree, scale, final_loss
            if degree % 2:
                yield "mixed", k, degree, scale, final_loss
                if k > 2:
                    yield "any", k, degree, scale, final_loss
    for case in LARGE:
        yield "positive", *case
    yield "mixed", *LARGE[4]


def start(signs, k, scale):
    """Seed 0; mixed: positive diagonals, the others of either sign; any: diagonals too, but for cycles.

    A cycle of signs (T12) may put the loss out of reach; classes without a signal of their own can share
    their samples' probability through waits of any length.
    """
    rng = np.random.default_rng(0)
    weights = scale * rng.uniform(0.5, 1, (k, k))
    if signs == "mixed":
        flips = rng.choice([-1.0, 1.0], (k, k))
        np.fill_diagonal(flips, 1.0)
        weights *= flips
    if signs == "any":
        weights *= signs_without_a_cycle(rng, k, 1)
    return weights


def measure(signs, k, degree, scale, final_loss):
    before = time.process_time()
    flow = integrate(start(signs, k, scale), degree, final_loss, record=2, max_end_error=np.inf)
    seconds = time.process_time() - before
    return (
        float(flow.end_error),
        int(flow.n_steps),
        seconds,
        float(flow.drift_rows),
        float(flow.drift_rounding),
    )


def random_start(seed):
    """Keyword arguments of `integrate` over the range, k 2 to 14."""
    rng = np.random.default_rng([2026, seed])
    k, degree = int(rng.integers(2, 15)), int(rng.integers(2, 11))
    weights = 10 ** rng.uniform(-4, np.log10(0.3)) * rng.uniform(0.5, 1, (k, k))
    if rng.random() < 0.7:
        weights *= signs_without_a_cycle(rng, k, degree)
    shares = rng.uniform(0.3, 1, k) if rng.random() < 0.7 else np.ones(k)
    bias = 10 ** rng.uniform(-2, 1) * rng.normal(size=k) if rng.random() < 0.3 else np.zeros(k)
    return {
        "weights": weights,
        "degree": degree,
        "final_loss": 10 ** rng.uniform(-12, -1.5),
        "bias": bias,
        "class_shares": shares / shares.sum(),
    }


def random_starts(number):
    errors, refused = [], 0
    for seed in range(number):
        given = random_start(seed)
        try:
            flow = integrate(**given, record=2, max_end_error=np.inf)
        except (DomainError, FlowError) as error:
            refused += 1
            print(seed, f"{type(error).__name__}: {error}", flush=True)
            continue
        errors.append(float(flow.end_error))
        if errors[-1] > 3e-7:
            print(seed, given["weights"].shape[0], given["degree"], f"{errors[-1]:.3g}", flush=True)
    print(f"{number} random starts, {refused} refused;", end=" ")
    print(f"median {np.median(errors):.2e}, largest {max(errors):.2e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=3600, help="CPU seconds after which no case is begun")
    parser.add_argument("--missing", action="store_true", help="keep the table, run the cases it lacks")
    parser.add_argument("--random", type=int, help="so many random starts in place of the grid")
    chosen = parser.parse_args()
    if chosen.random:
        random_starts(chosen.random)
        return
    limit = chosen.limit
    rows, failed, left = [], [], 0
    if chosen.missing:
        with TABLE.open() as file:
            rows = list(csv.reader(file))[1:]
    known = {tuple(row[:5]) for row in rows}
    with TABLE.open("a" if chosen.missing else "w") as file:
        table = csv.writer(file, lineterminator="\n")
        if not chosen.missing:
            table.writerow(COLUMNS)
        for case in cases():
            if tuple(map(str, case)) in known:
                continue
            if time.process_time() > limit:
                left += 1
                continue
            try:
                found = measure(*case)
            except (DomainError, FlowError) as error:
                failed.append(case)
                print(*case, f"{type(error).__name__}: {error}", flush=True)
                continue
            rows.append((*case, *(f"{value:.3g}" for value in found)))
            table.writerow(rows[-1])
            file.flush()
            print(*rows[-1], flush=True)
    errors = np.array([float(row[5]) for row in rows])
    print(f"{len(rows)} cases solved, {len(failed)} refused, {left} left; largest error {errors.max():.2e},")
    print(f"above {WANTED:g}: {(errors > WANTED).sum()}; CPU s {sum(float(row[7]) for row in rows):.0f}")


if __name__ == "__main__":
    main()
