"""The model, its modes, gradients and generators after a curve."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from simulations.curves.one_path import interpolation_curves
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
