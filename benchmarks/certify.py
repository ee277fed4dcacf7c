"""Seconds `certify` takes.

    python -m benchmarks.certify

Promised: 10 classes, degree 5 in 5 s; 30 classes, degree 8 in 60 s.

Dense lines with small random starts, the costly kind: all k (k - 1)/2 pairs of logits differ in every sample.
"large" starts make logits of hundreds of nats that swing, the hardest for the loss; "equal" biases make the
loss a proof of L' <= 0.
"""

import time
import warnings

import numpy as np

from mli_theory import SlowCertificateWarning, certify


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


if __name__ == "__main__":
    main()
