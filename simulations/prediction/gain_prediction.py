"""The loss along the line predicted without walking it (theory.md T13, M1, M2).

With s(alpha) the signal (logits without the last-layer bias, centred over classes) and
g(alpha) = <s(alpha), s(1)>/<s(1), s(1)> its gain, a network whose signal stays nearly parallel to its end has
logits g(alpha) s(1) + b(alpha), the last-layer bias moving linearly. `predict_from_endpoints` takes g from
the two checkpoints alone (M2's product of affine factors); `predict_from_probe` measures g on probe samples
(M1). Both are measured laws, not theorems: each result carries its own error, found on samples that did not
make it. n samples, k classes; losses in nats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from torch import nn

from mli_theory.short_repr import short_repr
from simulations.models.buffers import chosen_policy
from simulations.models.checkpoints import Checkpoint
from simulations.models.evaluation import Scores
from simulations.models.last_layer import Output
from simulations.prediction.gain_plateau import held_by_one_class
from simulations.prediction.signal_gain import SignalLine

__all__ = [
    "HELD_OUT_ALPHAS",
    "TRUSTED_LOSS_ERROR",
    "GainPrediction",
    "endpoints_law",
    "predict_both",
    "predict_from_endpoints",
    "predict_from_probe",
]

Floats = NDArray[np.float64]

TRUSTED_LOSS_ERROR = 0.2
"""Nats. A prediction whose held-out error is above it is said not to apply: about a twelfth of log 10, twice
the typical error of the laws on networks they were found on (M1, M2: 0.006 to 0.16), a sixth of their
failures (1.2 to 1.5)."""

# g is measured here, ends included: logits are near a polynomial in alpha (T7), and so is g.
_NODES = (1 - np.cos(np.pi * np.arange(17) / 16)) / 2
# The line is looked at here, on held-out samples only, to find a prediction's error. Chebyshev's other
# points: of the nodes above only 0.5 is among them, so a measured gain is not asked where it was told.
HELD_OUT_ALPHAS = (1 - np.cos(np.pi * (2 * np.arange(11) + 1) / 22)) / 2


@dataclass(frozen=True, eq=False)
class GainPrediction:
    """A predicted line, with its error.

    Attributes:
        alphas: the grid (m,).
        gain: g at each alpha (m,); 1 at alpha = 1.
        loss: predicted mean cross-entropy (m,), nats, over all samples.
        error: predicted share of samples whose label's logit is not strictly the largest (m,). Expect the
            tail of the error curve to be wrong (M1, M2): the held-out error says by how much.
        plateau: (start, end), the longest interval of alpha on which the law predicts every sample as the
            class of the end's largest last-layer bias; (nan, nan) where there is none.
        majority_class: that class, -1 where the largest bias is tied or there is none.
        effective_degree: d log g / d log alpha at alpha = 1 (T13), the sum of `degree_by_layer`.
        degree_by_layer: each layer's part, by module name.
        retention: rho of each weight layer, by name of the weight: the gain left when its initial values are
            put back into the trained network (M2). 0 is the homogeneous path, 1 a layer that training did not
            move.
        held_out_loss_error: worst |predicted - walked| over 11 alphas on held-out probe samples, nats.
        held_out_error_rate_error: likewise for the error rate.
        alignment: (11,) cosine of s(alpha) and s(1) on those samples and alphas: the laws need it near 1
            wherever the signal is not small.
        applies: held_out_loss_error <= TRUSTED_LOSS_ERROR.
        reason: why it applies or not, in words.
    """

    alphas: Floats
    gain: Floats
    loss: Floats
    error: Floats
    plateau: tuple[float, float]
    majority_class: int
    effective_degree: float
    degree_by_layer: dict[str, float]
    retention: dict[str, float]
    held_out_loss_error: float
    held_out_error_rate_error: float
    alignment: Floats
    applies: bool
    reason: str

    __repr__ = short_repr


def predict_from_endpoints(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    alphas: int = 101,
    n_probe: int = 256,
    seed: int = 0,
    buffers: str = "refuse",
    last_layer: str | None = None,
    output: Output = None,
    batch_norm: str | None = None,
) -> GainPrediction:
    """The line from the two checkpoints: gain prod_l ((1 - alpha) rho_l + alpha), one full pass for s(1).

    Args:
        model: returns logits (n, k), or an object with `.logits`; left as it was.
        start: at alpha = 0, a module, a state dict or a safetensors path.
        end: at alpha = 1, likewise.
        data: the samples, as `simulations.user_data.data_passes` takes them.
        alphas: equally spaced points from 0 to 1, >= 2.
        n_probe: samples that make the law, and as many others that check it; fewer where data is short, >= 1.
        seed: of the stream "probe" that draws them.
        buffers: "keep", the end's at every alpha; "refuse" a model with running statistics, or with others
            that differ between the ends.
        last_layer: as of `simulations.curves.interpolation_curves`.
        output: likewise.
        batch_norm: the old name of `buffers`.

    Raises:
        ValueError: a checkpoint that does not fit the model; fewer than 2 samples; n_probe or alphas out of
            range; buffers without a policy; a network whose logits do not split off a last bias, or whose
            trained signal is 0 on the probes: the gain is then undefined.

    Source: M2 (measured); T13 for effective_degree (proved). The law is for networks whose initial weights
    are small; at He's scale its error is above a nat, and `applies` says so.
    """
    _check_count(alphas)
    line = SignalLine(
        model,
        start,
        end,
        data,
        n_probe=n_probe,
        seed=seed,
        buffers=chosen_policy(buffers, batch_norm),
        last_layer=last_layer,
        output=output,
    )
    return endpoints_law(line, alphas)


def endpoints_law(line: SignalLine, alphas: int = 101) -> GainPrediction:
    """The law of `predict_from_endpoints` for a signal line that is there already.

    Args:
        line: the signal between the two checkpoints, with its probes.
        alphas: equally spaced points from 0 to 1, >= 2.

    Raises:
        ValueError: alphas out of range.
        simulations.line.moved_network.NotFiniteError: logits on the line that are not finite.
    """
    _check_count(alphas)
    retention = line.retention()
    return _prediction(line, _product_gain(retention), retention, alphas, _walk_held_out(line))


def predict_from_probe(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    alphas: int = 101,
    n_probe: int = 256,
    seed: int = 0,
    buffers: str = "refuse",
    last_layer: str | None = None,
    output: Output = None,
    batch_norm: str | None = None,
) -> GainPrediction:
    """The line with the gain measured on probe samples at 17 Chebyshev points, one full pass for s(1).

    Arguments and errors as `predict_from_endpoints`.

    Source: M1 (measured).
    """
    _check_count(alphas)
    line = SignalLine(
        model,
        start,
        end,
        data,
        n_probe=n_probe,
        seed=seed,
        buffers=chosen_policy(buffers, batch_norm),
        last_layer=last_layer,
        output=output,
    )
    return _prediction(line, _measured_gain(line), line.retention(), alphas, _walk_held_out(line))


def predict_both(
    model: nn.Module,
    start: Checkpoint,
    end: Checkpoint,
    data: Any,
    *,
    alphas: int = 101,
    n_probe: int = 256,
    seed: int = 0,
    buffers: str = "refuse",
    last_layer: str | None = None,
    output: Output = None,
    batch_norm: str | None = None,
) -> tuple[GainPrediction, GainPrediction]:
    """`predict_from_endpoints` and `predict_from_probe`, bit for bit, at little more than one's price."""
    _check_count(alphas)
    line = SignalLine(
        model,
        start,
        end,
        data,
        n_probe=n_probe,
        seed=seed,
        buffers=chosen_policy(buffers, batch_norm),
        last_layer=last_layer,
        output=output,
    )
    retention, walked = line.retention(), _walk_held_out(line)
    endpoints = _prediction(line, _product_gain(retention), retention, alphas, walked)
    return endpoints, _prediction(line, _measured_gain(line), retention, alphas, walked)


def _product_gain(retention: dict[str, float]) -> Callable[[Floats], Floats]:
    rho = np.array(list(retention.values()))
    return lambda alpha: np.asarray(np.prod((1 - alpha[:, None]) * rho + alpha[:, None], axis=1))


def _measured_gain(line: SignalLine) -> Callable[[Floats], Floats]:
    measured = [line.gain_at(alpha) for alpha in _NODES]
    series = chebyshev.Chebyshev.fit(_NODES, measured, len(_NODES) - 1, domain=[0, 1])
    return lambda alpha: np.asarray(series(alpha))


class _Walked(NamedTuple):
    """The true line on the held-out samples: scores and alignment at each of `HELD_OUT_ALPHAS`."""

    truths: list[Scores]
    alignment: list[float]


def _walk_held_out(line: SignalLine) -> _Walked:
    walked, labels = _Walked([], []), line.labels[line.held_out_index]
    reference = line.signal(line.parameters, line.held_out)
    for alpha in HELD_OUT_ALPHAS:
        point = line.at(alpha)
        walked.truths.append(Scores(line.logits(point, line.held_out), labels))
        found = line.signal(point, line.held_out)
        sizes = float(found.norm() * reference.norm())
        walked.alignment.append(float((found * reference).sum()) / sizes if sizes else float("nan"))
    return walked


def _prediction(
    line: SignalLine,
    gain: Callable[[Floats], Floats],
    retention: dict[str, float],
    n_alphas: int,
    walked: _Walked,
) -> GainPrediction:
    grid = np.linspace(0.0, 1.0, n_alphas)
    n_classes = line.trained_logits.shape[1]
    bias0 = line.bias(line.start, n_classes)
    bias1 = line.bias(line.end, n_classes)
    signal = line.trained_logits - bias1

    def predicted(alpha: float, g: float, samples: slice | torch.Tensor = slice(None)) -> torch.Tensor:
        return g * signal[samples] + ((1 - alpha) * bias0 + alpha * bias1)

    gains = gain(grid)
    scores = [Scores(predicted(a, g), line.labels) for a, g in zip(grid, gains, strict=True)]
    loss_error, rate_error, alignment = 0.0, 0.0, np.array(walked.alignment)
    here, labels = line.held_out_index, line.labels[line.held_out_index]
    for alpha, g, truth in zip(HELD_OUT_ALPHAS, gain(HELD_OUT_ALPHAS), walked.truths, strict=True):
        guess = Scores(predicted(alpha, g, here), labels)
        loss_error = max(loss_error, abs(truth.loss - guess.loss))
        rate_error = max(rate_error, abs(truth.error - guess.error))
    degrees = line.degree_by_layer()
    held = held_by_one_class(signal.numpy(), bias0.numpy(), bias1.numpy(), gain)
    applies = loss_error <= TRUSTED_LOSS_ERROR
    return GainPrediction(
        alphas=grid,
        gain=gains,
        loss=np.array([s.loss for s in scores]),
        error=np.array([s.error for s in scores]),
        plateau=(held.start, held.end),
        majority_class=held.class_index,
        effective_degree=sum(degrees.values()),
        degree_by_layer=degrees,
        retention=retention,
        held_out_loss_error=loss_error,
        held_out_error_rate_error=rate_error,
        alignment=alignment,
        applies=applies,
        reason=_reason(applies, loss_error, alignment, len(here)),
    )


def _reason(applies: bool, loss_error: float, alignment: Floats, n_held_out: int) -> str:
    found = (
        f"on {n_held_out} held-out samples the predicted loss is off by at most {loss_error:.3g} nats "
        f"({TRUSTED_LOSS_ERROR} are trusted)"
    )
    if applies:
        return found
    if np.isnan(alignment).all():
        return f"{found}: the law does not describe this network, whose signal is 0 between its ends"
    lowest = int(np.nanargmin(alignment))
    return (
        f"{found}: the law does not describe this network. Its signal must stay parallel to the trained "
        f"one, but the "
        f"cosine falls to {alignment[lowest]:.2f} at alpha = {HELD_OUT_ALPHAS[lowest]:.2f}, as it does "
        f"where the "
        "initial weights are large"
    )


def _check_count(alphas: int) -> None:
    if isinstance(alphas, bool) or not isinstance(alphas, int) or alphas < 2:
        raise ValueError(f"alphas must be an integer >= 2, got {alphas!r}")
