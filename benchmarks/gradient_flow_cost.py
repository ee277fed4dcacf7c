"""How the cost of one run of `integrate` grows with k, 1/scale and 1/loss, beside LSODA with the Jacobian.

    python -m benchmarks.gradient_flow_cost

Median of three starts, CPU seconds of one thread and steps; the numbers go to
benchmarks/gradient_flow_cost.csv and the figure to benchmarks/gradient_flow_cost.svg. LSODA (b) is run where
its dense Jacobian and its range allow. Exponents are least-squares slopes of log cost from k = 16 on
(where the cost of the dataset is gone), and over all values of the others.
"""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from matplotlib.figure import Figure

from benchmarks.lsoda_baselines import lsoda
from simulations.gradient_flow import integrate

TABLE = Path(__file__).with_suffix(".csv")
LSODA = "LSODA (b), Jacobian"
# name: (its values, the case (k, degree, scale, final loss) at a value, values LSODA is run on, fitted from)
SWEEPS = {
    "classes k": ((4, 8, 16, 32, 64, 128), lambda k: (k, 3, 1e-2, 1e-6), (4, 8, 16), 16),
    "1/scale": ((3, 10, 100, 1e3, 1e4), lambda s: (4, 4, 1 / s, 1e-6), (3, 10, 100), 3),
    "1/loss": ((1e2, 1e4, 1e6, 1e8, 1e10, 1e12), lambda e: (4, 3, 1e-2, 1 / e), (1e2, 1e4, 1e6, 1e8), 1e2),
}
FIXED = {
    "classes k": "r 3, scale 1e-2, loss 1e-6",
    "1/scale": "k 4, r 4, loss 1e-6",
    "1/loss": "k 4, r 3, scale 1e-2",
}


def cost(method, case, starts):
    """Median CPU seconds and steps (LSODA: right-hand sides) of a case."""
    k, degree, scale, final_loss = case
    rows = []
    for seed in range(starts):
        weights = scale * np.random.default_rng(seed).uniform(0.5, 1, (k, k))
        before = time.process_time()
        if method == LSODA:
            count, _ = lsoda(LSODA, weights, degree, final_loss)
        else:
            count = int(integrate(weights, degree, final_loss, record=20).n_steps)
        rows.append((time.process_time() - before, count))
    return tuple(median(column) for column in zip(*rows, strict=True))


def measured():
    """(sweep, method, value, CPU seconds, steps) of every point."""
    integrate(np.full((2, 2), 0.1) + 0.05 * np.eye(2), 3, 1e-2)  # compiled before anything is timed
    for sweep, (values, case, lsoda_values, _) in SWEEPS.items():
        for value in values:
            starts = 1 if value == 128 else 3
            yield sweep, "integrate", value, *cost("integrate", case(value), starts)
            if value in lsoda_values:
                yield sweep, LSODA, value, *cost(LSODA, case(value), starts)


def exponent(rows, sweep, column):
    """Slope of log cost (column 3: seconds, 4: steps) of `integrate` over log value, and costs a decade."""
    points = [row for row in rows if row[:2] == (sweep, "integrate") and row[2] >= SWEEPS[sweep][3]]
    x, y = np.log10([row[2] for row in points]), np.array([row[column] for row in points])
    return np.polyfit(x, np.log10(y), 1)[0], np.polyfit(x, y, 1)[0]


def draw(rows):
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, sweep in zip(figure.subplots(1, 3, sharey=True), SWEEPS, strict=True):
        for method, style in (("integrate", "o-"), (LSODA, "s--")):
            points = [row for row in rows if row[:2] == (sweep, method)]
            axes.loglog([row[2] for row in points], [row[3] for row in points], style, label=method, ms=4)
        slope, _ = exponent(rows, sweep, 3)
        axes.set(xlabel=sweep, title=f"{FIXED[sweep]}\nexponent {slope:.2f}")
        axes.title.set_fontsize(9)
        axes.grid(alpha=0.3)
        if sweep == "classes k":
            axes.set_ylabel("CPU seconds, one run")
            axes.legend(fontsize=8)
    figure.savefig(TABLE.with_suffix(".svg"), metadata={"Date": None})


def main():
    rows = []
    for row in measured():
        rows.append(row)
        print(*row, flush=True)
    with TABLE.open("w") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [("sweep", "method", "value", "cpu_s", "steps"), *rows]
        )
    for sweep in SWEEPS:
        seconds, steps = (exponent(rows, sweep, column) for column in (3, 4))
        print(f"{sweep}: exponent {seconds[0]:.2f} (CPU s), {steps[0]:.2f} (steps); {steps[1]:.0f} a decade")
    draw(rows)


if __name__ == "__main__":
    main()
