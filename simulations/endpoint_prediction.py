"""The loss along the line predicted without walking it (theory.md T13, M1, M2).

With s(alpha) the signal (logits without the last-layer bias, centred over classes) and
g(alpha) = <s(alpha), s(1)>/<s(1), s(1)> its gain, a network whose signal stays nearly parallel to its end has
logits g(alpha) s(1) + b(alpha), the last-layer bias moving linearly. `predict_from_endpoints` takes g from the two
checkpoints alone (M2's product of affine factors); `predict_from_probe` measures g on probe samples (M1). Both are
measured laws, not theorems: each result carries its own error, found on samples that did not make it.
n samples, k classes; losses in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import nn
from torch.func import functional_call, jvp

from simulations.curves import check_checkpoint
from simulations.datasets import ImageDataset
from simulations.evaluation import evaluation_mode, score
from simulations.last_layer import find_last_layer
from simulations.paths import point_on_path, tensor_exponents
from simulations.random_streams import numpy_stream

__all__ = ["TRUSTED_LOSS_ERROR", "GainPrediction", "predict_from_endpoints", "predict_from_probe"]

Floats = NDArray[np.float64]
State = Mapping[str, torch.Tensor]

TRUSTED_LOSS_ERROR = 0.2
"""Nats. A prediction whose held-out error is above it is said not to apply: about a twelfth of log 10, twice the typical
error of the laws on networks they were found on (M1, M2: 0.006 to 0.16), a sixth of their failures (1.2 to 1.5)."""

# The line is looked at here, on held-out samples only, to find a prediction's error. Chebyshev points, ends
# left out: there both laws are right by construction.
_HELD_OUT_ALPHAS = (1 - np.cos(np.pi * np.arange(1, 12) / 12)) / 2
_MEASURED_NODES = 17


@dataclass(frozen=True, eq=False)
class GainPrediction:
    """A predicted line, with its error.

    Attributes:
        alphas: the grid (m,).
        gain: g at each alpha (m,); 1 at alpha = 1.
        loss: predicted mean cross-entropy (m,), nats, over all samples.
        error: predicted share of samples whose label's logit is not strictly the largest (m,). Expect the tail of the
            error curve to be wrong (M1, M2): the held-out error says by how much.
        plateau: (start, end), the longest interval of alpha on which the law predicts every sample as the class of the
            end's largest last-layer bias; (nan, nan) where there is none.
        majority_class: that class, -1 where the largest bias is tied or there is none.
        effective_degree: d log g / d log alpha at alpha = 1 (T13), the sum of `degree_by_layer`.
        degree_by_layer: each layer's part, by module name.
        retention: rho of each weight layer, by name of the weight: the gain left when its initial values are put
            back into the trained network (M2). 0 is the homogeneous path, 1 a layer that training did not move.
        held_out_loss_error: worst |predicted - walked| over 11 alphas on held-out probe samples, nats.
        held_out_error_rate_error: likewise for the error rate.
        alignment: (11,) cosine of s(alpha) and s(1) on those samples and alphas: the laws need it near 1 wherever
            the signal is not small.
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


def predict_from_endpoints(
    model: nn.Module,
    start: State,
    end: State,
    data: ImageDataset,
    *,
    alphas: int = 101,
    n_probe: int = 256,
    seed: int = 0,
) -> GainPrediction:
    """The line from the two checkpoints: gain prod_l ((1 - alpha) rho_l + alpha), one full pass for s(1).

    Args:
        model: inputs (n, ...) to logits (n, k), no batch normalisation; left as it was.
        start: state dict at alpha = 0.
        end: state dict at alpha = 1.
        data: the samples.
        alphas: equally spaced points from 0 to 1, >= 2.
        n_probe: samples that make the law, and as many others that check it; fewer where data is short, >= 1.
        seed: of the stream "probe" that draws them.

    Raises:
        ValueError: a checkpoint that does not fit the model; fewer than 2 samples; a network whose output is not its
            last layer's, or whose trained signal is 0 on the probes: the gain is then undefined.

    Source: M2 (measured); T13 for effective_degree (proved). The law is for networks whose initial weights
    are small; at He's scale its error is above a nat, and `applies` says so.
    """
    line = _Line(model, start, end, data, n_probe, seed)
    retention = line.retention()
    rho = np.array(list(retention.values()))

    def gain(alpha: Floats) -> Floats:
        return np.asarray(np.prod((1 - alpha[:, None]) * rho + alpha[:, None], axis=1))

    return _prediction(line, gain, retention, alphas)


def predict_from_probe(
    model: nn.Module,
    start: State,
    end: State,
    data: ImageDataset,
    *,
    alphas: int = 101,
    n_probe: int = 256,
    seed: int = 0,
) -> GainPrediction:
    """The line with the gain measured on probe samples at 17 Chebyshev points, one full pass for s(1).

    Arguments and errors as `predict_from_endpoints`.

    Source: M1 (measured).
    """
    line = _Line(model, start, end, data, n_probe, seed)
    # Logits are near a polynomial in alpha (T7), and so is g.
    nodes = (1 - np.cos(np.pi * np.arange(_MEASURED_NODES) / (_MEASURED_NODES - 1))) / 2
    measured = [line.gain_at(alpha) for alpha in nodes]
    series = chebyshev.Chebyshev.fit(nodes, measured, _MEASURED_NODES - 1, domain=[0, 1])
    return _prediction(line, lambda alpha: np.asarray(series(alpha)), line.retention(), alphas)


class _Line:
    """The two ends of a line, their probes and what both laws need of them."""

    def __init__(
        self, model: nn.Module, start: State, end: State, data: ImageDataset, n_probe: int, seed: int
    ) -> None:
        if isinstance(n_probe, bool) or not isinstance(n_probe, int) or n_probe < 1:
            raise ValueError(f"n_probe must be an integer >= 1, got {n_probe!r}")
        if len(data) < 2:
            raise ValueError(f"one sample makes the law and another checks it: got {len(data)} sample")
        check_checkpoint("start", start, model)
        check_checkpoint("end", end, model)
        self.model, self.start, self.end = model, start, end
        self.inputs, self.labels = data.inputs, data.labels
        chosen = numpy_stream(seed, "probe").permutation(len(data))[: 2 * n_probe]
        half = (len(chosen) + 1) // 2
        self.probe, self.held_out = torch.from_numpy(chosen[:half]), torch.from_numpy(chosen[half:])
        last = find_last_layer(model, data.inputs[:1])
        self.bias_name = last.bias_name
        self.parameters = {name: end[name].detach() for name, _ in model.named_parameters()}
        self.buffers = {name: end.get(name, own).detach().clone() for name, own in model.named_buffers()}
        self.exponents = tensor_exponents(model, "linear")
        self.trained = self.signal(self.parameters, self.probe)
        self.size = float((self.trained**2).sum())
        if self.size == 0:
            raise ValueError("the trained network's signal is 0 on every probe sample: its gain is undefined")

    def logits(self, point: State, samples: torch.Tensor | None = None) -> torch.Tensor:
        """float64 logits (m, k) of some samples, all without `samples`, at a point of parameter space."""
        inputs = self.inputs if samples is None else self.inputs[samples]
        with evaluation_mode(self.model), torch.no_grad():
            batches = [
                functional_call(self.model, dict(point) | self.buffers, (batch,))
                for batch in inputs.split(2048)
            ]
        return torch.cat(batches).double()

    def bias(self, point: State, n_classes: int) -> torch.Tensor:
        """The last layer's bias (k,) in float64; zeros where it has none."""
        if self.bias_name is None:
            return torch.zeros(n_classes, dtype=torch.float64)
        return point[self.bias_name].detach().double()

    def signal(self, point: State, samples: torch.Tensor | None = None) -> torch.Tensor:
        """Logits without the last bias, centred over classes (m, k)."""
        outputs = self.logits(point, samples)
        signal = outputs - self.bias(point, outputs.shape[1])
        return signal - signal.mean(dim=1, keepdim=True)

    def at(self, alpha: float) -> dict[str, torch.Tensor]:
        return point_on_path(self.start, self.end, self.exponents, float(alpha))

    def gain_of(self, signal: torch.Tensor) -> float:
        return float((signal * self.trained).sum()) / self.size

    def gain_at(self, alpha: float) -> float:
        return self.gain_of(self.signal(self.at(alpha), self.probe))

    def retention(self) -> dict[str, float]:
        """rho of every weight of two dimensions or more: matrices and kernels, not the scales of a norm."""
        found = {}
        for name, tensor in self.parameters.items():
            if tensor.ndim >= 2 and tensor.is_floating_point():
                put_back = self.parameters | {name: self.start[name].detach()}
                found[name] = self.gain_of(self.signal(put_back, self.probe))
        return found

    def degree_by_layer(self) -> dict[str, float]:
        """T13: the response of s(1) to each layer's movement over training, one derivative a layer."""
        layers: dict[str, list[str]] = {}
        for name in self.parameters:
            if name != self.bias_name:
                layers.setdefault(name.rpartition(".")[0], []).append(name)
        inputs = self.inputs[self.probe]
        found = {}
        with evaluation_mode(self.model):
            for layer, names in layers.items():

                def response(*tensors: torch.Tensor, names: list[str] = names) -> torch.Tensor:
                    moved = dict(zip(names, tensors, strict=True))
                    return functional_call(self.model, self.parameters | moved | self.buffers, (inputs,))

                here = tuple(self.parameters[name] for name in names)
                moved = tuple(self.parameters[name] - self.start[name].detach() for name in names)
                _, change = jvp(response, here, moved)
                change = change.double()
                found[layer] = self.gain_of(change - change.mean(dim=1, keepdim=True))
        return found


def _prediction(
    line: _Line, gain: Callable[[Floats], Floats], retention: dict[str, float], n_alphas: int
) -> GainPrediction:
    if isinstance(n_alphas, bool) or not isinstance(n_alphas, int) or n_alphas < 2:
        raise ValueError(f"alphas must be an integer >= 2, got {n_alphas!r}")
    grid = np.linspace(0.0, 1.0, n_alphas)
    outputs = line.logits(line.parameters)
    n_classes = outputs.shape[1]
    bias0 = line.bias(line.start, n_classes)
    bias1 = line.bias(line.end, n_classes)
    signal = outputs - bias1

    def predicted(alpha: float, g: float, samples: slice | torch.Tensor = slice(None)) -> torch.Tensor:
        return g * signal[samples] + ((1 - alpha) * bias0 + alpha * bias1)

    gains = gain(grid)
    scores = [score(predicted(a, g), line.labels) for a, g in zip(grid, gains, strict=True)]
    majority = _majority_class(bias1)
    loss_error, rate_error, alignment = 0.0, 0.0, []
    here = line.held_out
    reference = signal[here] - signal[here].mean(dim=1, keepdim=True)
    for alpha, g in zip(_HELD_OUT_ALPHAS, gain(_HELD_OUT_ALPHAS), strict=True):
        point = line.at(alpha)
        walked = line.logits(point, here)
        truth, guess = score(walked, line.labels[here]), score(predicted(alpha, g, here), line.labels[here])
        loss_error = max(loss_error, abs(truth.loss - guess.loss))
        rate_error = max(rate_error, abs(truth.error - guess.error))
        centred = walked - line.bias(point, n_classes)
        centred = centred - centred.mean(dim=1, keepdim=True)
        sizes = float(centred.norm() * reference.norm())
        alignment.append(float((centred * reference).sum()) / sizes if sizes else float("nan"))
    degrees = line.degree_by_layer()
    applies = loss_error <= TRUSTED_LOSS_ERROR
    return GainPrediction(
        alphas=grid,
        gain=gains,
        loss=np.array([s.loss for s in scores]),
        error=np.array([s.error for s in scores]),
        plateau=_plateau(signal.numpy(), bias0.numpy(), bias1.numpy(), gain, majority),
        majority_class=majority,
        effective_degree=sum(degrees.values()),
        degree_by_layer=degrees,
        retention=retention,
        held_out_loss_error=loss_error,
        held_out_error_rate_error=rate_error,
        alignment=np.array(alignment),
        applies=applies,
        reason=_reason(applies, loss_error, np.array(alignment), len(here)),
    )


def _majority_class(bias: torch.Tensor) -> int:
    largest = torch.nonzero(bias == bias.max())
    return int(largest) if len(largest) == 1 else -1


def _plateau(
    signal: Floats, bias0: Floats, bias1: Floats, gain: Callable[[Floats], Floats], majority: int
) -> tuple[float, float]:
    """The longest interval on which class `majority` leads everywhere: found on 2,001 alphas, ends by bisection."""
    nowhere = (float("nan"), float("nan"))
    if majority < 0:
        return nowhere
    others = np.arange(len(bias1)) != majority
    behind = signal[:, others] - signal[:, [majority]]
    most, least = behind.max(axis=0), behind.min(axis=0)

    def lead(alphas: Floats) -> Floats:
        g = gain(alphas)[:, None]
        bias = (1 - alphas[:, None]) * bias0 + alphas[:, None] * bias1
        # Over samples the worst of g (s_i - s_majority) is at an extreme, which one by the sign of g.
        worst = np.where(g >= 0, g * most, g * least)
        return np.asarray((bias[:, [majority]] - bias[:, others] - worst).min(axis=1))

    def lead_at(alpha: float) -> float:
        return float(lead(np.array([alpha]))[0])

    grid = np.linspace(0.0, 1.0, 2001)
    holds = np.concatenate([[False], lead(grid) > 0, [False]])
    starts = np.flatnonzero(holds[1:] & ~holds[:-1])
    ends = np.flatnonzero(~holds[1:] & holds[:-1]) - 1
    if not starts.size:
        return nowhere
    longest = int(np.argmax(ends - starts))
    first, last = int(starts[longest]), int(ends[longest])
    low = grid[first] if first == 0 else brentq(lead_at, grid[first - 1], grid[first])
    high = grid[last] if last == len(grid) - 1 else brentq(lead_at, grid[last], grid[last + 1])
    return float(low), float(high)


def _reason(applies: bool, loss_error: float, alignment: Floats, n_held_out: int) -> str:
    found = (
        f"on {n_held_out} held-out samples the predicted loss is off by at most {loss_error:.3g} nats "
        f"({TRUSTED_LOSS_ERROR} are trusted)"
    )
    if applies:
        return found
    lowest = int(np.nanargmin(alignment))
    return (
        f"{found}: the law does not describe this network. Its signal must stay parallel to the trained one, but the "
        f"cosine falls to {alignment[lowest]:.2f} at alpha = {_HELD_OUT_ALPHAS[lowest]:.2f}, as it does where the "
        "initial weights are large"
    )
