"""The model, its modes, gradients and generators after a curve."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, prune

from simulations.curves.one_path import interpolation_curves
from simulations.models.last_layer import find_last_layer
from simulations.prediction.gain_prediction import predict_from_probe
from tests.simulations.curves.helpers.networks import copy_of, moved

LAYERS = st.sampled_from(["linear", "tanh", "relu", "dropout", "norm", "batch", "frozen", "nested"])


def build(kinds):
    makers = {
        "linear": lambda: nn.Linear(8, 8),
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "dropout": nn.Dropout,
        "norm": lambda: nn.LayerNorm(8),
        "batch": lambda: nn.BatchNorm1d(8),
        "frozen": lambda: nn.Linear(8, 8, bias=False).requires_grad_(False),
        "nested": lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.2)),
    }
    layers = [makers[kind]() for kind in kinds]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), *layers, nn.Linear(8, 10))


@settings(max_examples=25)  # each builds a network and walks a line
@given(
    kinds=st.lists(LAYERS, max_size=6),
    training=st.booleans(),
    policy=st.sampled_from(["keep", "interpolate", "recalibrate"]),
    together=st.sampled_from([1, 3]),
)
def test_nothing_of_the_model_changes(kinds, training, policy, together, digits):
    torch.manual_seed(0)
    model = build(kinds)
    model.train(training)
    if len(model) > 3:
        model[2].train(not training)
    end = moved(copy_of(model), 0, 0.05)
    end = {n: t.abs() + 0.5 if n.endswith("running_var") else t for n, t in end.items()}
    before, modes = copy_of(model), [m.training for m in model.modules()]
    grads, random = [p.requires_grad for p in model.parameters()], torch.get_rng_state()
    momenta = [getattr(m, "momentum", None) for m in model.modules()]
    start = copy_of(model)
    data = digits.inputs[:40], digits.labels[:40]
    interpolation_curves(model, start, end, data, alphas=4, buffers=policy, alphas_at_once=together)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert all(torch.equal(start[n], before[n]) for n in before)
    assert [m.training for m in model.modules()] == modes
    assert [getattr(m, "momentum", None) for m in model.modules()] == momenta
    assert [p.requires_grad for p in model.parameters()] == grads
    assert torch.equal(torch.get_rng_state(), random)
    assert all(p.grad is None and not p.is_inference() for p in model.parameters())
    assert not any(m._forward_pre_hooks for m in model.modules())


class Remembers(nn.Module):
    """Keeps what it last saw in attributes, a list and a dict, and counts in a plain tensor."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 10)
        self.last, self.history, self.named = None, [torch.zeros(2)], {"x": torch.ones(1)}
        self.count = torch.zeros(())
        self.sparse, self.shape = torch.eye(2).to_sparse(), torch.empty(2, device="meta")

    def forward(self, x):
        self.last = self.newest = self.inner(x.flatten(1))
        self.history.append(self.last)
        self.named["x"] = self.last
        self.count += 1
        return self.last


def hooked(make):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 10))
    make(model[1])
    return model


def masked(layer):
    for name in ("weight", "bias"):
        prune.random_unstructured(layer, name, 0.3)


MAKERS = {
    "remembers": Remembers,
    "weight norm": lambda: hooked(nn.utils.weight_norm),
    "spectral norm": lambda: hooked(nn.utils.spectral_norm),
    "pruned": lambda: hooked(masked),
    "parametrised": lambda: hooked(parametrizations.weight_norm),
    "recurrent": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10), Recurrent(), nn.Linear(10, 10)),
}


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.GRU(10, 10, batch_first=True)

    def forward(self, x):
        return self.cells(x[:, None])[0][:, -1]


def tensors_of(module):
    """Every tensor among a module's attributes, with its values, and the containers of tensors."""
    found = {}
    for key, value in vars(module).items():
        if isinstance(value, torch.Tensor):
            dense = value if value.layout is torch.strided and not value.is_meta else torch.zeros(0)
            found[key] = (id(value), dense.detach().clone(), value.requires_grad, value.is_inference())
        elif isinstance(value, (list, dict)) and key in ("history", "named"):
            parts = value if isinstance(value, list) else value.values()
            found[key] = (id(value), [id(part) for part in parts])
        else:
            found[key] = id(value) if key == "last" else None
    return found


def same(one, other):
    if isinstance(one, tuple) and isinstance(one[1], torch.Tensor):
        return one[0] == other[0] and torch.equal(one[1], other[1]) and one[2:] == other[2:]
    return one == other


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("call", ["curve", "law", "roles"])
def test_what_hooks_and_passes_leave_on_modules_is_put_back_attribute_for_attribute(name, call, digits):
    torch.manual_seed(0)
    model = MAKERS[name]()
    start, end = copy_of(model), moved(copy_of(model), 0)
    data = digits.inputs[:40], digits.labels[:40]
    before = {path: tensors_of(module) for path, module in model.named_modules()}
    if call == "curve":
        interpolation_curves(model, start, end, data, alphas=3, buffers="interpolate")
    elif call == "law":
        predict_from_probe(model, start, end, data, alphas=3, n_probe=10, buffers="keep")
    else:
        find_last_layer(model, data[0][:2])
    for path, module in model.named_modules():
        after = tensors_of(module)
        assert after.keys() == before[path].keys(), path
        for key in after:
            assert same(before[path][key], after[key]), f"{path}.{key}"
    model(data[0]).sum().backward()  # no inference tensor is left that training would stumble over
