"""What one run of the map says: measured on its line, known before its training, and predicted."""

from __future__ import annotations

import numpy as np
import xarray as xr

from mli_theory.start_of_plateau import plateau_start
from validation import metrics
from validation.regimes.predicted_ends import degree_law_ends, gain_law_ends

__all__ = ["NUMBERS", "run_numbers"]

NUMBERS = {
    "reached": "whether the run reached its target loss; nan: there is no run",
    "epochs": "passes over the data",
    "loss_end": "end of the loss plateau on the linear path, in alpha: a tenth of the fall is spent",
    "error_end": "end of the error plateau on the linear path, in alpha",
    "loss_end_homogeneous": "end of the loss plateau on the homogeneous path, in alpha",
    "error_end_homogeneous": "end of the error plateau on the homogeneous path, in alpha",
    "held_length": "length in alpha of the interval on which one class has 99 % of the predictions",
    "held_by_largest": "whether that class is the one of the largest bias; nan: none holds",
    "loss_rise": "largest rise of the loss over its fall, both between alpha 0 and 1",
    "retention": "mean over layers of what is left of the signal with the layer's initial weights (M2)",
    "effective_degree": "d log gain / d log alpha at the trained end (T13)",
    "start_signal": "standard deviation over classes of the start's signal, root mean square over samples",
    "bias_gap": "largest less second largest trained bias, logits",
    "t14_start": "the alpha from which the class of the largest bias holds all samples, by T14",
    "m2_loss_end": "end of the loss plateau by M2, in alpha",
    "m2_error_end": "end of the error plateau by M2, in alpha; 0: it has none",
    "t13_loss_end": "end of the loss plateau by T13, in alpha",
    "t13_error_end": "end of the error plateau by T13, in alpha; 0: it has none",
}
"""The numbers of a run, and what each is."""


def run_numbers(run: xr.Dataset) -> dict[str, float]:
    """The `NUMBERS` of a merged run; those that it has none of are left out.

    A run that did not reach its target has no line: only what is known of its start and its epochs.
    """
    found = {"reached": float(run.attrs["status"] == "reached"), "epochs": float(run["epochs"])}
    if "start_signal" in run:
        centred = run["start_signal"].to_numpy()
        centred = centred - centred.mean(axis=1, keepdims=True)
        found["start_signal"] = float(np.sqrt(np.mean(centred**2)))
    if not found["reached"]:
        return found
    found |= _measured(run) | _from_biases(run)
    by_gain, by_degree = gain_law_ends(run), degree_law_ends(run)
    found |= {"m2_loss_end": by_gain.loss, "m2_error_end": by_gain.error}
    found |= {"t13_loss_end": by_degree.loss, "t13_error_end": by_degree.error}
    if "retention" in run:
        found["retention"] = float(np.nanmean(run["retention"].to_numpy()))
    if "effective_degree" in run:
        found["effective_degree"] = float(run["effective_degree"])
    return found


def _measured(run: xr.Dataset) -> dict[str, float]:
    alphas, paths = run["alpha"].to_numpy(), run["path"].to_numpy().tolist()
    found = {}
    for path, suffix in (("linear", ""), ("homogeneous", "_homogeneous")):
        if path in paths:
            for quantity in ("loss", "error"):
                values = run[quantity].to_numpy()[paths.index(path)]
                found[f"{quantity}_end{suffix}"] = metrics.plateau_end(alphas, values)
    linear = paths.index("linear")
    loss = run["loss"].to_numpy()[linear]
    found["loss_rise"] = metrics.max_rise(loss) / float(loss[0] - loss[-1])
    held = metrics.held_interval(alphas, run["class_share"].to_numpy()[linear])
    found["held_length"] = held.end - held.start if held.class_index >= 0 else 0.0
    if held.class_index >= 0 and np.ptp(run["bias"].to_numpy()) > 0:
        found["held_by_largest"] = float(held.class_index == int(np.argmax(run["bias"].to_numpy())))
    return found


def _from_biases(run: xr.Dataset) -> dict[str, float]:
    bias = run["bias"].to_numpy()
    second, largest = np.sort(bias)[-2:]
    if largest == second:  # no bias: nothing to hold by
        return {"bias_gap": float(largest - second)}
    # The start's signal is measured at its own scale: T14's factor delta^r is in it.
    start = plateau_start(run["start_signal"].to_numpy(), bias, int(run.attrs["depth"]), 1.0)
    return {"bias_gap": float(largest - second), "t14_start": start}
