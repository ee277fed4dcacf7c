"""The end-state error of `integrate` over its whole range: a fixed grid, each case solved twice.

    PYTHONPATH=. python -m benchmarks.gradient_flow_accuracy [--limit SECONDS]

The error of a case is the largest change of b and of W^r at the end, in nats, under a 100 times tighter
tolerance, as `integrate(..., max_end_error=...)` measures it. Every case is printed and goes to
benchmarks/gradient_flow_accuracy.csv as it ends; the last lines say how many are above 1e-6 nats.
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
from tests.simulations.flow_starts import signs_without_a_cycle

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=3600, help="CPU seconds after which no case is begun")
    parser.add_argument("--missing", action="store_true", help="keep the table, run the cases it lacks")
    chosen = parser.parse_args()
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
