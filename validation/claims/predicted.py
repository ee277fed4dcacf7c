"""What the laws say of one run's line: curves on the run's own alphas, plateaus, degrees.

Three laws, each knowing less than the line itself:

- HOMOGENEOUS (T1 to T5, exact for zero initial weights): logits alpha^r s + alpha b, from the trained
  network and its depth.
- ENDPOINTS (M2): logits g s + alpha b, the gain g from the two checkpoints alone.
- PROBE (M1): the same with g measured on a few hundred samples along the line.

The last two are made with the run (`simulations.prediction.gain_prediction`) and absent where the store has
none.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp

from mli_theory.homogeneous_path.closed_form import plateau
from validation import metrics
from validation.claims.observations import curve
from validation.claims.zero_start import meets_the_form

__all__ = [
    "ENDPOINTS",
    "HOMOGENEOUS",
    "LAWS",
    "PROBE",
    "constant_prediction_end",
    "falling_curve",
    "gain_degree",
    "predicted_curve",
    "predicted_plateau_end",
    "weights_or_bias_alone",
]

Floats = NDArray[np.float64]

HOMOGENEOUS = "zero initial weights (T1 to T5)"
ENDPOINTS = "from the end points (M2)"
PROBE = "from probes (M1)"
LAWS = (HOMOGENEOUS, ENDPOINTS, PROBE)

_VARIABLES = {HOMOGENEOUS: "zero_start", ENDPOINTS: "endpoint", PROBE: "probe"}


def predicted_curve(run: xr.Dataset, quantity: str, law: str) -> Floats | None:
    """The law's loss or error on the linear path at the run's alphas; None where it says nothing."""
    name = f"{_VARIABLES[law]}_{quantity}"
    return run[name].to_numpy() if name in run else None


def falling_curve(run: xr.Dataset, quantity: str, law: str) -> Floats | None:
    """`predicted_curve` where its shape means something: where it falls at least half as far as measured.

    M1 and M2 put a small multiple of the trained signal at alpha = 0, which classifies every sample as the
    trained network does: their error need not fall at all, and a share of no fall is no number.
    """
    values = predicted_curve(run, quantity, law)
    if values is None:
        return None
    _, measured = curve(run, quantity)
    return values if values[0] - values[-1] >= 0.5 * (measured[0] - measured[-1]) > 0 else None


def predicted_plateau_end(run: xr.Dataset, quantity: str, law: str) -> float:
    """`line_shape.end_of_plateau` of the law's curve on the linear path; nan where it says nothing.

    0 for the error where all biases are equal: the prediction then never changes on (0, 1], by any of the
    laws (T5), and the whole fall is spent at the start.
    """
    if predicted_curve(run, quantity, law) is None:
        return float("nan")
    if quantity == "error" and np.ptp(run["bias"].to_numpy()) == 0:
        return 0.0
    values = falling_curve(run, quantity, law)
    if values is None:
        return float("nan")
    return metrics.plateau_end(run["alpha"].to_numpy(), values)


def constant_prediction_end(run: xr.Dataset, law: str) -> float:
    """The alpha up to which the law predicts every sample as the class of the largest bias (T2).

    With beta the smallest ratio of a bias gap to a signal gap, the first alpha at which gain(alpha) / alpha
    passes beta; alpha^(r-1) under HOMOGENEOUS. 1 where it never does; nan where the largest bias is tied or
    the law says nothing.
    """
    bias = run["bias"].to_numpy()
    if np.count_nonzero(bias == bias.max()) != 1 or not meets_the_form(run):
        return float("nan")
    # At degree 2 T2's alpha is the ratio beta itself.
    beta = plateau(run["signal"].to_numpy(), bias, run["labels"].to_numpy(), 2).end
    if law == HOMOGENEOUS:
        return float(min(beta ** (1 / (int(run.attrs["depth"]) - 1)), 1.0))
    name = "gain_predicted" if law == ENDPOINTS else "gain"
    if name not in run:
        return float("nan")
    alphas, gain = run["alpha"].to_numpy()[1:], run[name].to_numpy()[1:]
    passed = gain >= beta * alphas
    return float(alphas[np.argmax(passed)]) if passed.any() else 1.0


def gain_degree(run: xr.Dataset, low: float) -> float:
    """The slope of log gain in log alpha between `low` and 1; nan without a gain, or where it is <= 0."""
    if "gain" not in run:
        return float("nan")
    gain = float(np.interp(low, run["alpha"].to_numpy(), run["gain"].to_numpy()))
    return float(np.log(gain) / np.log(low)) if gain > 0 else float("nan")


def weights_or_bias_alone(run: xr.Dataset, moving: Literal["weights", "bias"]) -> dict[str, Floats]:
    """T1's curves with only the weights moving from zero (alpha^r s + b) or the bias (s + alpha b)."""
    signal, bias, labels = (run[name].to_numpy() for name in ("signal", "bias", "labels"))
    alphas = run["alpha"].to_numpy()[:, None, None]
    factor = alphas ** int(run.attrs["depth"])
    logits = factor * signal + bias if moving == "weights" else signal + alphas * bias
    rows = np.arange(len(labels))
    own = logits[:, rows, labels]
    loss = np.mean(logsumexp(logits, axis=2) - own, axis=1)
    logits[:, rows, labels] = -np.inf
    return {"loss": loss, "error": np.mean(own <= logits.max(axis=2), axis=1)}
