"""Seconds `certify` takes.

    python -m benchmarks.certify
    python -m benchmarks.certify --ratios    # seconds of the processor over those that its warning foretells

Promised: 10 classes, degree 5 in 5 s; 30 classes, degree 8 in 60 s.

Dense lines with small random starts, the costly kind: all k (k - 1)/2 pairs of logits differ in every sample.
"large" starts make logits of hundreds of nats that swing, the hardest for the loss; "equal" biases make the
loss a proof of L' <= 0.
"""

import sys
import time
import warnings

import numpy as np

from mli_theory import SlowCertificateWarning, certify
from mli_theory.certificates.expected_cost import expected_seconds
from mli_theory.certificates.power_model_certificate import MAX_CELLS

# (classes, degree) of the ratios: what is expected to take up to a minute or so.
GRID = ((2, 2), (2, 20), (2, 200), (3, 3), (3, 20), (3, 50), (3, 100), (5, 5), (5, 20), (5, 50), (10, 3))
GRID += ((10, 10), (10, 30), (20, 3), (20, 10), (40, 2), (40, 5), (3, 200), (100, 2), (10, 100), (5, 200))


def line(kind, n_classes, degree, seed):
    rng = np.random.default_rng(seed)
    scale = {"small": 0.1, "large": 0.8, "equal": 0.3}[kind]
    start = rng.normal(size=(n_classes, n_classes)) * scale
    end = 1.5 * np.eye(n_classes) + rng.normal(size=(n_classes, n_classes)) * scale / 2
    bias = np.zeros(n_classes) if kind == "equal" else rng.normal(size=n_classes)
    return start, np.zeros(n_classes), end, bias, degree


def main():
    warnings.simplefilter("ignore", SlowCertificateWarning)
    print("classes degree kind   seconds  changes  loss_monotone")
    for n_classes, degree in ((4, 3), (10, 5), (20, 5), (30, 8), (60, 8)):
        for kind in ("small", "large", "equal"):
            arguments = line(kind, n_classes, degree, seed=0)
            begun = time.perf_counter()
            certificate = certify(*arguments)
            seconds = time.perf_counter() - begun
            print(
                f"{n_classes:7d} {degree:6d} {kind:6s} {seconds:8.2f} {len(certificate.changes):8d}  "
                f"{certificate.loss_monotone}",
                flush=True,
            )


def ratios():
    warnings.simplefilter("ignore", SlowCertificateWarning)
    print("classes degree kind   seconds expected  ratio")
    for n_classes, degree in GRID:
        for kind in ("small", "large", "equal"):
            arguments = line(kind, n_classes, degree, seed=0)
            foretold = expected_seconds(*arguments, MAX_CELLS)
            begun = time.process_time()
            certify(*arguments)
            seconds = time.process_time() - begun
            numbers = f"{seconds:8.3f} {foretold:8.3f} {seconds / foretold:6.2f}"
            print(f"{n_classes:7d} {degree:6d} {kind:6s} {numbers}", flush=True)


if __name__ == "__main__":
    ratios() if "--ratios" in sys.argv[1:] else main()
