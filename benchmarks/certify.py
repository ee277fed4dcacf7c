"""Seconds `certify` takes.

    python -m benchmarks.certify
    python -m benchmarks.certify --ratios    # seconds of the processor, and those that its warning foretells

Promised: 10 classes, degree 5 in 5 s; 30 classes, degree 8 in 60 s.

Dense lines with small random starts, the costly kind: all k (k - 1)/2 pairs of logits differ in every sample.
"large" starts make logits of hundreds of nats that swing, the hardest for the loss; "equal" biases make the
loss a proof of L' <= 0.

For `--ratios` k runs from 2 to 100 and r from 2 to 200, and there are two kinds more: starts at zero, whose
end biases differ ("zero") or not ("tied"). A line that is expected to take over 4 s gets so few cells that
4 s are expected; one that needs over 8 s for its roots and one cell is left out, but for those in CORNERS.
The table, certify_cost.csv, was made in three goes on a machine with fourteen times its cores' load. It lacks
the costliest lines of this plan, which take some 3 to 9 s each.
"""

import csv
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from mli_theory import SlowCertificateWarning, certify
from mli_theory.certificates.expected_cost import expected_seconds
from mli_theory.certificates.power_model_certificate import MAX_CELLS

TABLE = Path(__file__).with_name("certify_cost.csv")
CLASSES, DEGREES = (2, 3, 5, 10, 30, 100), (2, 3, 5, 10, 30, 100, 200)
KINDS = ("small", "large", "equal", "zero", "tied")
CORNERS = ((100, 50),)  # classes and degree, of small starts


def line(kind, n_classes, degree, seed):
    rng = np.random.default_rng(seed)
    scale = {"small": 0.1, "large": 0.8, "equal": 0.3, "zero": 0, "tied": 0}[kind]
    start = rng.normal(size=(n_classes, n_classes)) * scale
    end = 1.5 * np.eye(n_classes) + rng.normal(size=(n_classes, n_classes)) * (scale or 0.4) / 2
    bias = np.zeros(n_classes) if kind in ("equal", "tied") else rng.normal(size=n_classes)
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


def cells_for(arguments, seconds):
    """The most cells, of 1, 3, 10, ..., with which the line is expected to take so long; None of none."""
    choices = (MAX_CELLS, 300, 100, 30, 10, 3, 1)
    return next((c for c in choices if expected_seconds(*arguments, c) <= seconds), None)


def planned():
    """(classes, degree, kind, most cells), cheapest first."""
    found = []
    for n_classes in CLASSES:
        for degree in DEGREES:
            for kind in KINDS:
                arguments = line(kind, n_classes, degree, seed=0)
                cells = cells_for(arguments, 4) or (1 if cells_for(arguments, 8) else None)
                if cells is not None:
                    found.append((n_classes, degree, kind, cells))
    found += [(*corner, "small", MAX_CELLS) for corner in CORNERS]
    return sorted(found, key=lambda row: expected_seconds(*line(*row[2:3], *row[:2], seed=0), row[3]))


def ratios():
    warnings.simplefilter("ignore", SlowCertificateWarning)
    certify(*line("small", 2, 2, seed=0))  # what is loaded once
    with TABLE.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["classes", "degree", "kind", "most_cells", "loss_monotone", "seconds"])
        for n_classes, degree, kind, cells in planned():
            arguments = line(kind, n_classes, degree, seed=0)
            begun = time.process_time()
            certificate = certify(*arguments, max_cells=cells)
            seconds = time.process_time() - begun
            row = [n_classes, degree, kind, cells, certificate.loss_monotone, f"{seconds:.4g}"]
            table.writerow(row)
            file.flush()
            print(*row, f"{seconds / expected_seconds(*arguments, cells):.2f}", flush=True)


if __name__ == "__main__":
    ratios() if "--ratios" in sys.argv[1:] else main()
