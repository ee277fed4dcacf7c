"""Why the line of one network looks as it does: what each cause accounts for, beside the theory.

An account is measured in alpha: by how much the plateau's end moves when one thing is changed and all else is
left (`validation.diagnosis.counterfactuals`). Causes interact, so accounts do not add up to the plateau's
length. n samples, k classes, degree r; alpha = 0 the start, alpha = 1 the trained network; losses in nats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import nn

from mli_theory.homogeneous_path.closed_form import PredictedCurves, correct_interval, predict_curves
from mli_theory.short_repr import short_repr
from simulations.curves.attributes import NOT_MEASURED
from simulations.line.line_setup import walkable_model
from simulations.models.buffers import buffer_plan, chosen_policy
from simulations.models.checkpoints import Checkpoint, known_checkpoint
from simulations.models.last_layer import Output
from simulations.models.roles import Roles
from simulations.prediction.gain_prediction import GainPrediction
from simulations.user_data.data_passes import digested_once
from validation.diagnosis.account_errors import DRAWS, SampleCurves, bootstrap_curves, moved, standard_error
from validation.diagnosis.counterfactuals import counterfactual_curves, variants
from validation.diagnosis.scope import outside_theory
from validation.diagnosis.signal_part import SignalPart, signal_part
from validation.diagnosis.thresholds import HOMOGENEOUS
from validation.metrics.curve_shape import plateau_end

__all__ = ["HOMOGENEOUS_BIAS", "Diagnosis", "LineEnds", "diagnose"]

Floats = NDArray[np.float64]

HOMOGENEOUS_BIAS = "last-layer bias at alpha^r"
# The accounts whose counterfactual has another end than the line, and what is walked for them.
_REMOVED = {"last-layer bias": "last bias removed", "other biases": "other biases removed"}


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
            plateau (negative: shorter). 0 for biases that are not there; nan for what is left out. The
            last-layer bias has two: against no such bias, and, with both ends as they are, against one that
            moves at alpha^r.
        account_errors: their standard errors over samples, by a paired bootstrap; nan where a plateau has no
            end.
        law: the line predicted from its ends by the gain law; None where the signal is undefined.
        homogeneity: effective degree from a zero start; r where the signal is homogeneous; nan likewise.
        degree: the whole number next to it; 0 likewise.
        theory: `mli_theory`'s curves for a zero start at that degree on `curves.alpha`; None for degree < 2,
            and for a network that the theory does not cover.
        theory_ends: of its plateaus.
        half_correct: by class, the alpha from which on at least half of its samples are correct (inf:
            never, nan: it has none).
        theory_half_correct: the same by T1's intervals; empty without a theory.
        has_last_bias: whether the last layer has a bias, be it zero.
        largest_bias: the class of the largest last-layer bias at the end, -1 without one.
        notes: what a reader must know about how this was made.
        roles: which parameters are biases, and which layer is last.
        left_out: the accounts that cannot be given, by name, each with the reason.
        outside: why the theory does not cover the network, in words; empty where it does.
        end_changes: by account whose counterfactual has another end, by how much its error at alpha = 1 is
            above the line's, and the standard error of that over samples, paired.
    """

    curves: xr.Dataset
    ends: dict[str, LineEnds]
    accounts: dict[str, LineEnds]
    account_errors: dict[str, LineEnds]
    law: GainPrediction | None
    homogeneity: float
    degree: int
    theory: PredictedCurves | None
    theory_ends: LineEnds | None
    half_correct: Floats
    theory_half_correct: Floats
    has_last_bias: bool
    largest_bias: int
    notes: tuple[str, ...]
    roles: Roles
    left_out: dict[str, str]
    outside: tuple[str, ...] = ()
    end_changes: dict[str, tuple[float, float]] = field(default_factory=dict)

    __repr__ = short_repr


def diagnose(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    alphas: int = 101,
    buffers: str = "refuse",
    biases: Sequence[str] | None = None,
    last_layer: str | None = None,
    output: Output = None,
    n_probe: int = 256,
    seed: int = 0,
    notes: tuple[str, ...] = (),
    batch_norm: str | None = None,
) -> Diagnosis:
    """Walk the line and its counterfactuals, and compare them.

    Args:
        model: returns logits (n, k), or what `output` picks them out of. Where they do not split into signal
            and last bias, the accounts that need it are left out.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: the samples, as `simulations.user_data.data_passes` takes them.
        alphas: equally spaced points from 0 to 1, >= 11; an account is no finer than their step.
        buffers: a policy of `simulations.models.buffers`; must be given for a model with running statistics,
            or other buffers that differ between the ends.
        biases: the parameters that are biases, names or patterns, in place of those that are found.
        last_layer: the module with the last bias, in place of the one that is found by running.
        output: as of `simulations.curves.interpolation_curves`.
        n_probe: samples that make the gain law, and as many others that check it.
        seed: of their choice.
        notes: of the caller, before those found here.
        batch_norm: the old name of `buffers`.

    Raises:
        ValueError: as `simulations.curves.interpolation_curves` and
            `simulations.prediction.signal_gain.SignalLine`; alphas below 11.
    """
    if isinstance(alphas, bool) or not isinstance(alphas, int) or alphas < 11:
        raise ValueError(f"alphas must be an integer >= 11, got {alphas!r}: accounts are told to their step")
    model = walkable_model(model, data)
    buffers = chosen_policy(buffers, batch_norm)
    first, last = known_checkpoint("start", start, model), known_checkpoint("end", end, model)
    data = digested_once(data)
    policy = buffer_plan(model, first, last, buffers).policy
    part = signal_part(
        model,
        first,
        last,
        data,
        alphas=alphas,
        n_probe=n_probe,
        seed=seed,
        buffers="refuse" if policy == "none" else "keep",
        biases=biases,
        last_layer=last_layer,
        output=output,
    )
    lines = variants(model, first, last, part.roles, part.degree)
    curves, samples, not_walked = counterfactual_curves(
        model, lines, data, alphas=alphas, buffers=buffers, output=output
    )
    outside = outside_theory(model, part.line)
    grid = curves["alpha"].to_numpy()
    ends = {
        name: _walked_ends(curves.sel(counterfactual=name), from_zero=name == "zero start")
        for name in samples
    }
    tied_starts = {"zero start": True}
    theory = _Theory(np.array([]))
    largest = -1
    if part.line is not None:
        line, k = part.line, part.line.trained_logits.shape[1]
        bias0, bias1 = (line.bias(point, k).numpy() for point in (line.start, line.end))
        signal, labels = line.trained_logits.numpy() - bias1, line.labels.numpy()
        samples["depth one"] = _depth_one(signal, bias0, bias1, labels, grid)
        straight = (samples["depth one"].error.mean(axis=1), samples["depth one"].loss.mean(axis=1))
        tied_starts["depth one"] = not np.ptp(bias0)
        ends["depth one"] = _ends(grid, *straight, tied_start=tied_starts["depth one"])
        theory = _theory(signal, bias1, labels, 0 if outside else part.degree, grid)
        leading = np.flatnonzero(bias1 == bias1.max())
        largest = int(leading[0]) if len(leading) == 1 else -1
    left_out = _left_out(part, not_walked)
    found = curves["class_error"].sel(counterfactual="linear").to_numpy()
    return Diagnosis(
        curves=curves,
        ends=ends,
        accounts=_accounts(ends, left_out),
        account_errors=_account_errors(grid, samples, tied_starts, left_out, seed),
        law=part.law,
        homogeneity=part.homogeneity,
        degree=part.degree,
        theory=theory.curves,
        theory_ends=theory.ends,
        half_correct=np.array([_half_correct(grid, of_class) for of_class in found.T]),
        theory_half_correct=theory.half_correct,
        has_last_bias=part.roles.last_bias is not None,
        largest_bias=largest,
        notes=(*notes, *_notes(part, policy, curves)),
        roles=part.roles,
        left_out=left_out,
        outside=outside,
        end_changes={
            account: moved(samples[walked], samples["linear"])
            for account, walked in _REMOVED.items()
            if walked in samples
        },
    )


class _Theory(NamedTuple):
    """What the theory for a zero start says; `half_correct` by class, empty without a theory."""

    half_correct: Floats
    curves: PredictedCurves | None = None
    ends: LineEnds | None = None


def _theory(signal: Floats, bias1: Floats, labels: NDArray[np.int64], degree: int, grid: Floats) -> _Theory:
    if degree < 2:
        return _Theory(np.array([]))
    curves = predict_curves(signal, bias1, labels, degree, grid)
    lo, hi = correct_interval(signal, bias1, labels, degree)
    half = _half_correct_in_theory(np.where(np.isinf(hi), lo, np.inf), labels, signal.shape[1])
    return _Theory(half, curves, _ends(grid, curves.error, curves.loss, tied_start=True))


def _notes(part: SignalPart, policy: str, curves: xr.Dataset) -> list[str]:
    notes = []
    if policy not in ("none", "keep"):
        notes.append(f"The curves are for buffers={policy}, degrees and retentions for keep.")
    if "buffers_not_measured" in curves.attrs:
        notes.append(f"Nothing is measured in {curves.attrs['buffers_not_measured']}, which {NOT_MEASURED}.")
    if part.line is not None and abs(part.homogeneity - part.degree) > HOMOGENEOUS:
        notes.append(
            f"The signal is not homogeneous: degree {part.homogeneity:.2f}, taken as {part.degree} where a "
            "whole number is needed."
        )
    return notes


def _left_out(part: SignalPart, not_walked: Mapping[str, str]) -> dict[str, str]:
    """By account, why it cannot be given."""
    walked = _REMOVED | {"initialisation": "zero start"}
    reasons = {
        account: f"on the line {name!r} {not_walked[name]}"
        for account, name in walked.items()
        if name in not_walked
    }
    if part.line is None:
        reasons["depth"] = part.undefined
    if part.roles.no_split:
        reasons["last-layer bias"] = part.roles.no_split
    return reasons


def _accounts(ends: dict[str, LineEnds], left_out: Mapping[str, str]) -> dict[str, LineEnds]:
    line = ends["linear"]
    others = {
        "last-layer bias": _REMOVED["last-layer bias"],
        HOMOGENEOUS_BIAS: "last bias homogeneous",
        "other biases": _REMOVED["other biases"],
        "depth": "depth one",
        "initialisation": "zero start",
    }
    # Without a signal there is no r, without a split no last bias.
    unknown = {HOMOGENEOUS_BIAS} if {"depth", "last-layer bias"} & set(left_out) else set()

    def account(cause: str) -> LineEnds:
        if cause in left_out or cause in unknown:
            return LineEnds(float("nan"), float("nan"))
        other = ends.get(others[cause], line)  # a counterfactual that is the line itself is not walked
        return LineEnds(line.error - other.error, line.loss - other.loss)

    return {cause: account(cause) for cause in others}


def _account_errors(
    grid: Floats,
    samples: dict[str, SampleCurves],
    tied_starts: dict[str, bool],
    left_out: Mapping[str, str],
    seed: int,
) -> dict[str, LineEnds]:
    drawn = bootstrap_curves(samples, seed=seed)
    accounts = [
        _accounts(
            {
                name: _ends(
                    grid, curves["error"][i], curves["loss"][i], tied_start=tied_starts.get(name, False)
                )
                for name, curves in drawn.items()
            },
            left_out,
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
