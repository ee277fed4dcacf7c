"""Every objective's loss and error by a plain loop over rows in float64; shares no code with the package."""

import math

import numpy as np


def softmax_row(logits):
    highest = max(logits)
    powers = [math.exp(z - highest) for z in logits]
    return highest, sum(powers)


def cross_entropy(outputs, labels, *, weights=None, smoothing=0.0, ignored=-100):
    """Mean loss and share wrong of outputs (..., k): a loop over rows and classes."""
    k = outputs.shape[-1]
    rows = np.asarray(outputs, dtype=float).reshape(-1, k).tolist()
    soft = np.asarray(labels).dtype.kind == "f"
    targets = np.asarray(labels).reshape(-1, k).tolist() if soft else np.asarray(labels).reshape(-1).tolist()
    weights = [1.0] * k if weights is None else list(weights)
    total = mass = wrong = counted = 0
    for logits, target in zip(rows, targets, strict=True):
        if not soft and target == ignored:
            continue
        highest, powers = softmax_row(logits)
        shares = list(target) if soft else [float(c == target) for c in range(k)]
        if smoothing:
            shares = [(1 - smoothing) * q + smoothing / k for q in shares]
        for c in range(k):
            if shares[c] and weights[c]:
                total += weights[c] * shares[c] * (math.log(powers) + (highest - logits[c]))
        label = max(range(k), key=lambda c: target[c]) if soft else target
        mass += 1.0 if soft else weights[label]
        others = [z for c, z in enumerate(logits) if c != label]
        wrong += logits[label] <= max(others)
        counted += 1
    return total / mass, wrong / counted


def binary(outputs, labels, *, ignored=-100):
    total = wrong = counted = 0
    for z, y in zip(np.ravel(outputs).tolist(), np.ravel(labels).tolist(), strict=True):
        if y == ignored:
            continue
        y = float(y)
        log_of_one = -math.log1p(math.exp(-abs(z))) + min(z, 0.0)
        log_of_none = -math.log1p(math.exp(-abs(z))) - max(z, 0.0)
        total -= (y * log_of_one if y else 0.0) + ((1 - y) * log_of_none if y != 1 else 0.0)
        wrong += z <= 0 if y >= 0.5 else z >= 0
        counted += 1
    return total / counted, wrong / counted


def squared_error(outputs, targets):
    differences = np.ravel(outputs).astype(float) - np.ravel(targets).astype(float)
    return math.fsum(d * d for d in differences.tolist()) / len(differences)
