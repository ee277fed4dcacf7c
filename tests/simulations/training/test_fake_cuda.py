"""The training step and the line on fake CUDA tensors, which know their device and shape and hold no numbers.

Where a tensor was left on the CPU, torch raises as a GPU would. What this cannot see: numbers of any kind;
the backward pass, Python's indexing, transfers and what writes in place (they ask for a build with CUDA:
gradients, `index_select`, `empty_like` and the same out of place are put in here); kernels that a GPU
lacks; memory, speed; and every decision that needs a number (`.item()`), which is put in, too.
"""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from simulations.line import moved_network
from simulations.line.moved_network import Line
from simulations.line.paths import path_coefficients
from simulations.models.buffers import buffer_plan
from simulations.networks import build_network
from simulations.runtime.random_streams import torch_stream
from simulations.specs.training_arguments import TrainingArguments
from simulations.training import epoch
from simulations.training.epoch import run_epoch
from simulations.training.optimizers import make_optimizer
from simulations.training.samples_on_device import Samples
from simulations.user_data.data_passes import Batch, Batches

CUDA = torch.device("cuda")
NETWORKS = {
    "fcn": {"network": "fcn", "depth": 3, "width": 16, "input_shape": (3, 8, 8)},
    "vgg16": {"network": "vgg16", "width_multiplier": 0.1, "input_shape": (3, 32, 32)},
    "resnet18": {
        "network": "resnet18", "width_multiplier": 0.1, "batch_norm": True, "input_shape": (3, 32, 32),
    },
}  # fmt: skip


def network(name):
    return build_network(**NETWORKS[name], n_classes=10, seed=0)


def on_fake_cuda(model):
    """In place. (`Module.to` cannot exchange a real parameter for a fake one.)"""
    for module in model.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None:
                module._parameters[name] = nn.Parameter(torch.empty_like(parameter, device=CUDA))
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = torch.empty_like(buffer, device=CUDA)
    return model


REAL_TO = torch.Tensor.to


def to(tensor, *arguments, **options):
    """`Tensor.to`, to the device without a transfer."""
    if not arguments or not isinstance(arguments[0], torch.device):
        return REAL_TO(tensor, *arguments, **options)
    return torch.empty_like(tensor, device=arguments[0], **options)


def epoch_on(model, labels_on, monkeypatch, **options):
    arguments = TrainingArguments(learning_rate=0.1, max_epochs=1, batch_size=16, **options)

    def put_in_gradients(_):
        for parameter in model.parameters():
            parameter.grad = torch.empty_like(parameter)

    def item(self, key):
        whole = isinstance(key, slice)
        return (
            self.narrow(0, key.start, min(key.stop, len(self)) - key.start)
            if whole
            else self.index_select(0, key)
        )

    monkeypatch.setattr(torch.Tensor, "__getitem__", item)
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, _: self)
    monkeypatch.setattr(torch.autograd, "backward", put_in_gradients)
    monkeypatch.setattr(epoch._Watch, "found", lambda _self, _samples: (True, 1.0))
    first = next(model.parameters())
    with torch.no_grad():
        inputs = torch.empty(40, *(3, 32, 32), device=CUDA)
        if isinstance(model[1] if isinstance(model, nn.Sequential) else None, nn.Linear):
            inputs = torch.empty(40, 3, 8, 8, device=CUDA)
        samples = Samples(inputs, torch.empty(40, dtype=torch.int64, device=labels_on), 10)
        stepper = make_optimizer(list(model.parameters()), arguments)
        done = run_epoch(model.train(), samples, stepper, torch_stream(0, "order"), arguments)
    assert first.device.type == "cuda"
    assert all(
        value.device.type == "cuda"
        for state in stepper.state.values()
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and name != "step"  # a count, on the CPU as torch has it
    )
    return done


@pytest.mark.parametrize("options", [{"clip_norm": 1.0}, {"optimizer": "adam", "label_smoothing": 0.1}])
@pytest.mark.parametrize("name", NETWORKS)
def test_an_epoch_mixes_no_devices(monkeypatch, name, options):
    model = network(name)
    with FakeTensorMode(allow_non_fake_inputs=True):
        done = epoch_on(on_fake_cuda(model), CUDA, monkeypatch, **options)
    assert done == (3, True, 1.0)


def test_labels_left_on_the_cpu_would_be_found(monkeypatch):
    model = network("fcn")
    with FakeTensorMode(allow_non_fake_inputs=True), pytest.raises(Exception, match=r"[Dd]evice"):
        epoch_on(on_fake_cuda(model), "cpu", monkeypatch)


def line_on_fake_cuda(model, start, end, batches, monkeypatch):
    """Logits at three alphas, the model and the data on the CPU before."""
    monkeypatch.setattr(moved_network, "checked_device", lambda *_: CUDA)
    monkeypatch.setattr(Line, "checked", lambda _self, outputs, _alpha, _batch: outputs)
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, _: self)
    monkeypatch.setattr(torch.Tensor, "to", to)
    # As `move_to`, but not in place.
    monkeypatch.setattr(moved_network, "move_to", lambda a, b, _, point: torch.add(point, b - a))
    normed = any("running" in name for name in start)
    plan = buffer_plan(model, start, end, "interpolate" if normed else "refuse")  # it compares numbers
    monkeypatch.setattr(moved_network, "buffer_plan", lambda *_: plan)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        line = Line(
            on_fake_cuda(model.eval()),
            start,
            end,
            path_coefficients(model, "linear"),
            device=CUDA,
            channels_last=True,
        )
        return [line.logits(alpha, batch) for batch in batches for alpha in (0.0, 0.3, 1.0)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_line_brings_checkpoints_and_data_to_the_device(monkeypatch, name):
    start, end = (network(name).state_dict() for _ in range(2))
    shape = NETWORKS[name]["input_shape"]
    batches = [*Batches([(torch.randn(5, *shape), torch.arange(5))])]
    found = line_on_fake_cuda(network(name), start, end, batches, monkeypatch)
    assert [(outputs.device.type, tuple(outputs.shape)) for outputs in found] == [("cuda", (5, 10))] * 3


def test_data_left_on_the_cpu_would_be_found(monkeypatch):
    monkeypatch.setattr(Batch, "to", lambda self, *_args, **_options: self)
    state = network("fcn").state_dict()
    batches = [*Batches([(torch.randn(5, 3, 8, 8), torch.arange(5))])]
    with pytest.raises(Exception, match=r"[Dd]evice"):
        line_on_fake_cuda(network("fcn"), state, state, batches, monkeypatch)
