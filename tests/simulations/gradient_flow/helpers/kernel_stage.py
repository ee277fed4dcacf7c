"""One implicit stage by the compiled kernel, called as its driver calls it."""

import numpy as np

from simulations.gradient_flow.solver import kernel


def room(k):
    """The kernel's scratch."""
    return tuple(np.empty(shape) for shape in ((k, k), (k, k), k, k))


def kernel_stage(p, sensitivity, shares, step, train_bias, kept, moved):
    """X (k^2 + k) of (I - step J) x = kept + moved at probabilities p and sensitivities, both (k, k)."""
    k = len(shares)
    point = np.empty(k * k + k), p, sensitivity, np.empty(k)
    matrix = np.empty((k, k)), np.empty((k, k)), np.empty((k, k)), np.empty(k)
    hub, x = np.zeros(k, dtype=np.int64), np.empty(k * k + k)
    kernel.factorise(point, shares, step, train_bias, matrix, hub, room(k))
    kernel.solve(sensitivity, train_bias, matrix, hub, kept, moved, x, room(k))
    return x
