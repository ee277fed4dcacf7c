"""The figures of docs/open_questions.md on the crossover law.

    python -m benchmarks.crossover_accuracy

Integrates the reduced flow (the tests' plain second route) over degrees, classes, scales, starts and losses
and prints the errors of beta of law (a), law (b) (both next order) and the crossover law; some minutes on one
core. Flows whose gap is above 0.8 of the escape gap are left out, as the docs say.
"""

from __future__ import annotations

import numpy as np

from mli_theory import crossover_law, plateau_law
from tests.mli_theory.second_routes.reduced_flow import reduced_flow

SCALES = {3: (1e-2, 1e-3, 1e-4), 4: (3e-2, 1e-2), 5: (6e-2, 3e-2)}


def main() -> None:
    worst: dict[tuple[float, bool], np.ndarray] = {}
    for degree, scales in SCALES.items():
        for k in (2, 3, 5, 10):
            for scale in scales:
                for seed in (0, 1):
                    start = np.random.default_rng(seed).uniform(0.5, 1, k) * scale
                    for eps in (1e-2, 1e-5, 1e-9):
                        law = crossover_law(start, degree, eps)
                        if law.bias_gap > 0.8 * law.escape_gap:
                            continue
                        true = reduced_flow(start, degree, eps).beta_min(degree)
                        a, b = (
                            plateau_law(k, degree, eps, regime, next_order=True).beta
                            for regime in ("small_scale", "small_loss")
                        )
                        errors = np.array([a, b, law.beta]) - true
                        print(
                            f"r {degree} k {k:2} scale {scale:g} seed {seed} eps {eps:g} beta {true:.4f}",
                            errors.round(5),
                        )
                        key = (eps, k > 5)
                        worst[key] = np.maximum(worst.get(key, np.zeros(3)), np.abs(errors))
    for (eps, many), errors in sorted(worst.items()):
        print(f"worst at eps {eps:g}, k {'= 10' if many else '<= 5'}: (a) (b) crossover", errors.round(5))


if __name__ == "__main__":
    main()
