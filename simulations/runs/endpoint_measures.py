"""What is measured on a trained network's two ends: its biases, and the laws that predict the line.

n samples of the training set · k classes · losses in nats, averaged over samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import xarray as xr
from torch import nn

from mli_theory.short_repr import short_repr
from simulations.datasets.image_dataset import ImageDataset
from simulations.models.devices import device_of
from simulations.models.evaluation import evaluation_mode, logits
from simulations.models.last_layer import LastLayer, find_last_layer
from simulations.prediction.gain_prediction import HELD_OUT_ALPHAS, GainPrediction, predict_both
from simulations.specs.run_spec import RunSpec
from simulations.training.samples_on_device import samples_on

__all__ = ["TrainedRun", "measure_endpoints"]

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A network, the two ends of its line, and the data it is walked on.

    Attributes:
        spec: of the run.
        model: in the state `end`, on the device that everything is evaluated on.
        start: state dict at alpha = 0.
        end: state dict at alpha = 1.
        data: the training samples.
        test: test samples, or None.
        reached: whether the target loss was: else no line is walked and no law is asked.
    """

    spec: RunSpec
    model: nn.Module
    start: State
    end: State
    data: ImageDataset
    test: ImageDataset | None
    reached: bool

    __repr__ = short_repr

    @cached_property
    def last_layer(self) -> LastLayer:
        """What makes the logits.

        Raises:
            ValueError: as `simulations.models.last_layer.find_last_layer`.
        """
        return find_last_layer(self.model, self.data.inputs[:1].to(device_of(self.model)))

    @property
    def bias_name(self) -> str | None:
        """Of the last layer's bias, None where it has none."""
        return self.last_layer.bias_name

    def last_bias(self, state: State) -> np.ndarray:
        """The last layer's bias (k,) in a state, float64; zeros where it has none."""
        if self.bias_name is None:
            return np.zeros(self.data.n_classes)
        return state[self.bias_name].detach().cpu().double().numpy()


def measure_endpoints(trained: TrainedRun) -> xr.Dataset:
    """What the two checkpoints alone say: signals, biases, labels, and the laws' predictions.

    `signal(sample, class_index)`, `start_signal`: logits of end and start without the last bias, evaluation
    mode; `bias(class_index)`, `start_bias`; `labels(sample)`. Where the laws are defined (else the attribute
    `skipped_predictions` says why not): `retention(layer)`, `degree_by_layer(layer)`, `effective_degree`
    (T13, M2), `gain(alpha)` measured on probes, `gain_predicted(alpha)` (M2),
    `signal_cosine(held_out_alpha)`, and for each of the laws `endpoint_` and `probe_`: `loss(alpha)`,
    `error(alpha)`, `held_out_loss_error`, `held_out_error_rate_error`. Of a run that tells no classes of
    samples apart there is nothing of all this but the attributes `n_samples` and `skipped_predictions`.
    """
    if not trained.spec.of_classes:
        reason = f"the laws are of classes, not of network {trained.spec.network!r}"
        return xr.Dataset(attrs={"n_samples": len(trained.data), "skipped_predictions": reason})
    bias, start_bias = trained.last_bias(trained.end), trained.last_bias(trained.start)
    trained.model.load_state_dict(dict(trained.start))
    start_signal = _outputs(trained) - start_bias
    trained.model.load_state_dict(dict(trained.end))
    signal = _outputs(trained) - bias
    dataset = xr.Dataset(
        {
            "signal": (("sample", "class_index"), signal, {"units": "logits"}),
            "start_signal": (("sample", "class_index"), start_signal, {"units": "logits"}),
            "bias": ("class_index", bias, {"units": "logits"}),
            "start_bias": ("class_index", start_bias, {"units": "logits"}),
            "labels": ("sample", trained.data.labels.cpu().numpy()),
        },
        coords={"class_index": np.arange(trained.data.n_classes)},
    )
    reason = _why_no_predictions(trained)
    if not reason:
        try:
            dataset = dataset.merge(_predictions(trained))
        except ValueError as error:  # the laws refuse networks they are not defined for
            reason = str(error)
    if reason:
        dataset.attrs["skipped_predictions"] = reason
    return dataset


def _outputs(trained: TrainedRun) -> np.ndarray:
    samples = samples_on(trained.data, device_of(trained.model))
    with evaluation_mode(trained.model):
        return logits(trained.model, samples).double().cpu().numpy()


def _why_no_predictions(trained: TrainedRun) -> str:
    if not trained.reached:
        return "the run did not reach its target"
    if trained.spec.batch_norm and trained.spec.bn_policy != "keep":
        return f"the laws are for fixed running statistics, not bn_policy {trained.spec.bn_policy!r}"
    return ""


def _predictions(trained: TrainedRun) -> xr.Dataset:
    endpoint, probe = predict_both(
        trained.model,
        trained.start,
        trained.end,
        trained.data,
        alphas=trained.spec.alphas,
        seed=trained.spec.seed,
        buffers="keep" if trained.spec.batch_norm else "refuse",
    )
    layers = list(endpoint.degree_by_layer)
    found = xr.Dataset(
        {
            "retention": ("layer", _by_module(endpoint.retention, layers)),
            "degree_by_layer": ("layer", [endpoint.degree_by_layer[layer] for layer in layers]),
            "effective_degree": endpoint.effective_degree,
            "gain": ("alpha", probe.gain),
            "gain_predicted": ("alpha", endpoint.gain),
            "signal_cosine": ("held_out_alpha", endpoint.alignment),
        },
        coords={
            "alpha": endpoint.alphas,
            "layer": np.array(layers),
            "held_out_alpha": HELD_OUT_ALPHAS,
        },
    )
    return found.assign(_law("endpoint", endpoint) | _law("probe", probe))


def _law(name: str, found: GainPrediction) -> dict[str, object]:
    return {
        f"{name}_loss": ("alpha", found.loss, {"units": "nats"}),
        f"{name}_error": ("alpha", found.error),
        f"{name}_held_out_loss_error": found.held_out_loss_error,
        f"{name}_held_out_error_rate_error": found.held_out_error_rate_error,
    }


def _by_module(of_weights: Mapping[str, float], layers: list[str]) -> list[float]:
    """The number of each module's one weight; nan for a module with none or several."""
    found: dict[str, list[float]] = {}
    for weight, value in of_weights.items():
        found.setdefault(weight.rpartition(".")[0], []).append(value)
    return [found[layer][0] if len(found.get(layer, ())) == 1 else float("nan") for layer in layers]
