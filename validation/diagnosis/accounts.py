"""Why the line of one network looks as it does: what each cause accounts for, beside the theory.

An account is measured in alpha: by how much the plateau's end moves when one thing is changed and all else is
left (`validation.diagnosis.counterfactuals`). Causes interact, so accounts do not add up to the plateau's
length. n samples, k classes, degree r; alpha = 0 the start, alpha = 1 the trained network; losses in nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import nn

from mli_theory.homogeneous_path.closed_form import PredictedCurves, correct_interval, predict_curves
from mli_theory.short_repr import short_repr
from simulations.line.line_setup import walkable_model
from simulations.models.checkpoints import Checkpoint
from simulations.models.running_statistics import POLICIES, has_running_statistics
from simulations.prediction.gain_prediction import GainPrediction, predict_from_endpoints
from simulations.prediction.signal_gain import SignalLine
from validation.diagnosis.account_errors import DRAWS, SampleCurves, bootstrap_curves, standard_error
from validation.diagnosis.counterfactuals import counterfactual_curves, variants
from validation.metrics.curve_shape import plateau_end

__all__ = ["Diagnosis", "LineEnds", "diagnose"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LineEnds:
    """Where two plateaus end, in alpha: the first at which a tenth of the fall is spent; nan for no fall."""

    error: float
    loss: float


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found.

    Attributes:
        curves: `loss`, `error`, `class_share`, `class_error` along `counterfactual` and `alpha`.
        ends: of the plateaus, by counterfactual; "depth one" is the same trained logits and biases had the
            signal grown like alpha, computed, not walked.
        accounts: by cause, the line's ends less the counterfactual's: how much longer the cause makes each
            plateau (negative: shorter). 0 for biases that are not there.
        account_errors: their standard errors over samples, by a paired bootstrap; nan where a plateau has no
            end.
        law: the line predicted from its ends by the gain law.
        homogeneity: effective degree from a zero start; r where the signal is homogeneous.
        degree: the whole number next to it.
        theory: `mli_theory`'s curves for a zero start at that degree on `curves.alpha`; None for degree < 2.
        theory_ends: of its plateaus.
        half_correct: by class, the alpha from which on at least half of its samples are correct (inf:
            never, nan: it has none).
        theory_half_correct: the same by T1's intervals; empty without a theory.
        has_last_bias: whether the last layer has a bias, be it zero.
        largest_bias: the class of the largest last-layer bias at the end, -1 without one.
        notes: what a reader must know about how this was made.
    """

    curves: xr.Dataset
    ends: dict[str, LineEnds]
    accounts: dict[str, LineEnds]
    account_errors: dict[str, LineEnds]
    law: GainPrediction
    homogeneity: float
    degree: int
    theory: PredictedCurves | None
    theory_ends: LineEnds | None
    half_correct: Floats
    theory_half_correct: Floats
    has_last_bias: bool
    largest_bias: int
    notes: tuple[str, ...]

    __repr__ = short_repr


def diagnose(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    alphas: int = 101,
    batch_norm: str | None = None,
    n_probe: int = 256,
    seed: int = 0,
    notes: tuple[str, ...] = (),
) -> Diagnosis:
    """Walk the line and its counterfactuals, and compare them.

    Args:
        model: returns logits (n, k), or an object with `.logits`, as its last weight layer made them.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: the samples, as `simulations.user_data.data_passes` takes them.
        alphas: equally spaced points from 0 to 1, >= 11; an account is no finer than their step.
        batch_norm: a policy of `simulations.models.running_statistics`; must be given for a model with
            running statistics.
        n_probe: samples that make the gain law, and as many others that check it.
        seed: of their choice.
        notes: of the caller, before those found here.

    Raises:
        ValueError: as `simulations.curves.interpolation_curves` and
            `simulations.prediction.signal_gain.SignalLine`; alphas below 11.
    """
    if isinstance(alphas, bool) or not isinstance(alphas, int) or alphas < 11:
        raise ValueError(f"alphas must be an integer >= 11, got {alphas!r}: accounts are told to their step")
    model = walkable_model(model, data)
    fixed = None
    if has_running_statistics(model):
        if batch_norm not in POLICIES or batch_norm == "refuse":
            raise ValueError(
                f"the model keeps running statistics, got batch_norm={batch_norm!r}: choose keep, "
                f"interpolate or "
                "recalibrate"
            )
        fixed = "keep"
        if batch_norm != "keep":
            notes += (f"The curves are for batch_norm={batch_norm}, degrees and retentions for keep.",)
    line = SignalLine(model, start, end, data, n_probe=n_probe, seed=seed, batch_norm=fixed)
    homogeneity = line.homogeneity()
    degree = max(1, round(homogeneity))
    if abs(homogeneity - degree) > 0.25:
        notes += (
            f"The signal is not homogeneous: degree {homogeneity:.2f}, taken as {degree} in the prediction.",
        )
    lines = variants(model, line.start, line.end, line.bias_name, degree)
    curves, samples = counterfactual_curves(model, lines, data, alphas=alphas, batch_norm=batch_norm)
    law = predict_from_endpoints(
        model, line.start, line.end, data, alphas=alphas, n_probe=n_probe, seed=seed, batch_norm=fixed
    )
    n_classes = line.trained_logits.shape[1]
    bias0, bias1 = (line.bias(point, n_classes).numpy() for point in (line.start, line.end))
    signal, labels = line.trained_logits.numpy() - bias1, line.labels.numpy()
    grid = curves["alpha"].to_numpy()

    ends = {
        name: _walked_ends(curves.sel(counterfactual=name), from_zero=name == "zero start") for name in lines
    }
    samples["depth one"] = _depth_one(signal, bias0, bias1, labels, grid)
    straight = (samples["depth one"].error.mean(axis=1), samples["depth one"].loss.mean(axis=1))
    tied_starts = {"zero start": True, "depth one": not np.ptp(bias0)}
    ends["depth one"] = _ends(grid, *straight, tied_start=tied_starts["depth one"])
    theory = theory_ends = None
    expected = np.array([])
    if degree >= 2:
        theory = predict_curves(signal, bias1, labels, degree, grid)
        theory_ends = _ends(grid, theory.error, theory.loss, tied_start=True)
        lo, hi = correct_interval(signal, bias1, labels, degree)
        expected = _half_correct_in_theory(np.where(np.isinf(hi), lo, np.inf), labels, n_classes)
    found = curves["class_error"].sel(counterfactual="linear").to_numpy()
    largest = np.flatnonzero(bias1 == bias1.max())
    return Diagnosis(
        curves=curves,
        ends=ends,
        accounts=_accounts(ends),
        account_errors=_account_errors(grid, samples, tied_starts, seed),
        law=law,
        homogeneity=homogeneity,
        degree=degree,
        theory=theory,
        theory_ends=theory_ends,
        half_correct=np.array([_half_correct(grid, found[:, c]) for c in range(n_classes)]),
        theory_half_correct=expected,
        has_last_bias=line.bias_name is not None,
        largest_bias=int(largest[0]) if len(largest) == 1 else -1,
        notes=notes,
    )


def _accounts(ends: dict[str, LineEnds]) -> dict[str, LineEnds]:
    line = ends["linear"]

    def account(name: str) -> LineEnds:
        other = ends.get(name, line)  # a counterfactual that is the line itself is not walked
        return LineEnds(line.error - other.error, line.loss - other.loss)

    return {
        "last-layer bias": account("last bias removed"),
        "other biases": account("other biases removed"),
        "depth": account("depth one"),
        "initialisation": account("zero start"),
    }


def _account_errors(
    grid: Floats, samples: dict[str, SampleCurves], tied_starts: dict[str, bool], seed: int
) -> dict[str, LineEnds]:
    drawn = bootstrap_curves(samples, seed=seed)
    accounts = [
        _accounts(
            {
                name: _ends(
                    grid, curves["error"][i], curves["loss"][i], tied_start=tied_starts.get(name, False)
                )
                for name, curves in drawn.items()
            }
        )
        for i in range(DRAWS)
    ]
    return {
        name: LineEnds(
            standard_error(np.array([account[name].error for account in accounts])),
            standard_error(np.array([account[name].loss for account in accounts])),
        )
        for name in accounts[0]
    }


def _walked_ends(curve: xr.Dataset, *, from_zero: bool) -> LineEnds:
    arrays = (curve[name].to_numpy() for name in ("alpha", "error", "loss"))
    return _ends(*arrays, tied_start=from_zero)


def _ends(alphas: Floats, error: Floats, loss: Floats, *, tied_start: bool) -> LineEnds:
    """Ends of the plateaus; from zero parameters all logits tie at alpha = 0, so the error starts at 0+."""
    first = 1 if tied_start else 0
    end = plateau_end(alphas[first:], error[first:])
    if tied_start and np.isnan(end) and error[-1] < error[0]:
        end = 0.0  # at 0+ all of the fall is spent (T5)
    return LineEnds(error=end, loss=plateau_end(alphas, loss))


def _depth_one(
    signal: Floats, bias0: Floats, bias1: Floats, labels: NDArray[np.int64], alphas: Floats
) -> SampleCurves:
    """Of logits that move straight from b0 to the trained ones."""
    straight = signal + bias1 - bias0
    own = np.arange(len(labels)), labels
    errors = np.empty((len(alphas), len(labels)), dtype=bool)
    losses = np.empty((len(alphas), len(labels)))
    for i, alpha in enumerate(alphas):
        odds = alpha * straight + bias0
        odds = odds - odds[own][:, None]
        losses[i] = logsumexp(odds, axis=1)
        odds[own] = -np.inf
        errors[i] = odds.max(axis=1) >= 0
    return SampleCurves(losses, errors)


def _half_correct(alphas: Floats, class_error: Floats) -> float:
    """The first alpha from which on at most half are wrong, to the end; inf: never; nan: no sample."""
    if np.isnan(class_error).all():
        return float("nan")
    fails = np.flatnonzero(class_error > 0.5)
    if not fails.size:
        return float(alphas[0])
    return float(alphas[fails[-1] + 1]) if fails[-1] + 1 < len(alphas) else float("inf")


def _half_correct_in_theory(starts: Floats, labels: NDArray[np.int64], n_classes: int) -> Floats:
    """By class, the alpha at which half of its samples are correct: the ceil(n/2)-th start (T3: for good)."""
    found = np.full(n_classes, np.nan)
    for c in range(n_classes):
        own = np.sort(starts[labels == c])
        if own.size:
            found[c] = own[(own.size + 1) // 2 - 1]
    return found
