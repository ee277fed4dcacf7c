"""Times the closed forms.

    python -m benchmarks.closed_forms

predict_curves on 60,000 x 10 x 501 with its loss from fewer alphas beside the loss from all, plateau_law on
1e5 inputs, crossover_law at k = 10 and 100, certify at k = 10, r = 5 and k = 30, r = 8
(benchmarks/certify.py has more lines), and beside plateau_law what it replaces: a scalar root finder called
once per input (timed on 1,000 of them).
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from scipy.optimize import brentq

from mli_theory import certify, crossover_law, plateau_law, predict_curves
from mli_theory.homogeneous_path.path_loss import mean_loss, mean_loss_on_grid


def best(call: Callable[[], object], repeats: int = 3, clock: Callable[[], float] = perf_counter) -> float:
    times = []
    for _ in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)


def one_by_one(k: int, r: int, eps: float) -> float:
    q = 2 - 2 / r

    def residual(v: float) -> float:
        x = r**2 * v**q / 4
        return v - 2 * np.log((2 + x) / ((1 + x) * k * eps)) - np.log1p(x)

    return brentq(residual, q, 1e4, xtol=1e-13)


def main() -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(60_000, 10))
    bias, labels, alphas = rng.normal(size=10), rng.integers(0, 10, 60_000), np.linspace(0, 1, 501)
    seconds = best(lambda: predict_curves(signal, bias, labels, 8, alphas), 2, process_time)
    print(f"predict_curves, 60,000 x 10 x 501 alphas   {seconds:8.2f} s of CPU")
    factors = {"signal_factors": alphas**8, "bias_factors": alphas}
    fewer = best(lambda: mean_loss_on_grid(signal, bias, labels, alphas, 8, 1), 2, process_time)
    every = best(lambda: mean_loss(signal, bias, labels, **factors), 2, process_time)
    print(
        f"its loss from fewer alphas, from all       {fewer:8.2f}, {every:.2f} s of CPU ({every / fewer:.1f})"
    )
    k, r = rng.integers(2, 101, 100_000), rng.integers(3, 11, 100_000)
    eps = 10 ** rng.uniform(-12, -3, 100_000)
    for next_order in (False, True):
        seconds = best(lambda order=next_order: plateau_law(k, r, eps, next_order=order))
        print(f"plateau_law, 1e5 inputs, next_order={next_order!s:5}  {seconds:8.2f} s")
    each = list(zip(k[:1000].tolist(), r[:1000].tolist(), eps[:1000].tolist(), strict=True))
    seconds = best(lambda: [one_by_one(*case) for case in each]) * 100
    print(f"the same, one brentq an input (scaled)     {seconds:8.2f} s")
    for n_classes in (10, 100):
        start = rng.uniform(0.5e-3, 1e-3, n_classes)
        seconds = best(lambda w=start: crossover_law(w, 3, 1e-8))
        print(f"crossover_law, k = {n_classes:3}                     {seconds:8.3f} s")
    for n_classes, degree in ((10, 5), (30, 8)):
        start, end = (rng.normal(size=(n_classes, n_classes)) * size for size in (0.1, 0.05))
        line = start, np.zeros(n_classes), 1.5 * np.eye(n_classes) + end, rng.normal(size=n_classes), degree
        seconds = best(lambda line=line: certify(*line), 1)
        print(f"certify, k = {n_classes}, r = {degree}                     {seconds:8.2f} s")


if __name__ == "__main__":
    main()
