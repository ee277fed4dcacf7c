"""One line's estimated and true errors, and whether many such estimates are the bounds that they claim."""

import warnings

import numpy as np

from simulations.curves.one_path import interpolation_curves

LINES = 40
ALPHAS = np.linspace(0, 1, 501)
CHECKED = np.arange(3, 501, 11)  # none of them a node but, at most, by chance of rounding


def errors_of(model, start, end, data, **options):
    """Of the loss, then of the error rate: estimate and worst error at alphas off the nodes; passes."""
    line = (model, start, end, data)
    with warnings.catch_warnings():
        # Whatever it took, what it tells must be right: on the grid the estimate is 0.
        warnings.filterwarnings("ignore", ".*where many samples nearly tie")
        warnings.filterwarnings("ignore", ".*did not reach the tolerances by interpolation")
        fast = interpolation_curves(*line, alphas=ALPHAS, error_tolerance=1e-2, **options)
    exact = interpolation_curves(*line, alphas=ALPHAS[CHECKED], method="grid", **options)
    there = fast.isel(alpha=CHECKED)
    return [
        fast.attrs["estimated_loss_error"],
        float(np.abs(there.loss - exact.loss).max()),
        fast.attrs["estimated_error_error"],
        float(np.abs(there.error - exact.error).max()),
        fast.attrs["forward_passes"],
    ]


def assert_bounds(estimate, truth, *, room=0.0, least=0.0, of=None):
    """Covered in 95 % of the cases, by thrice the estimate in all; and no empty bound.

    Args:
        room: of the comparison's own rounding.
        least: a smaller truth counts as this.
        of: the length of the whole list where these are a part of it: no more of a part may be outside.
    """
    assert np.sum(truth > estimate + room) <= 0.05 * (of or len(truth))
    assert (truth <= 3 * estimate + room).all()
    told = np.maximum(truth, least) > 0  # a line that was evaluated on the grid has no error, and says so
    assert np.median(estimate[told] / np.maximum(truth, least)[told]) <= 30
