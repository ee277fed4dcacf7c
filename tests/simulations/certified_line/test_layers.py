"""Every layer that can be certified: the chain is the module's own function, exactly; the rest is refused."""

import importlib.util
import sys
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from simulations.certified_line import certify_line
from simulations.certified_line.line_of_module import open_certified_line
from tests.mli_theory.second_routes.module_exactly import exact_module, fractions
from tests.mli_theory.second_routes.relu_line_exactly import exact_logits, leader


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


NETWORKS = {
    "convolution": lambda: [
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3),
    ],
    "groups": lambda: [
        nn.Conv2d(1, 4, 2, bias=False), nn.ReLU(), nn.Conv2d(4, 4, 2, dilation=2, groups=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(4, 3),
    ],
    "average": lambda: [nn.Conv2d(1, 2, 1), nn.ReLU(), nn.AvgPool2d(3, 1, 1), nn.Flatten(), nn.Linear(32, 3)],
    "maximum": lambda: [nn.Conv2d(1, 2, 1), nn.MaxPool2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)],
    "leaky": lambda: [nn.Flatten(), nn.Linear(16, 4), nn.LeakyReLU(0.3), nn.Linear(4, 3), nn.LeakyReLU()],
    "norms": lambda: [
        nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4), nn.BatchNorm1d(4),
        nn.ReLU(), nn.Dropout(), nn.Linear(4, 3),
    ],
    "residual": lambda: [
        nn.Conv2d(1, 2, 1),
        Residual(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1)), nn.ReLU(),
        Residual(nn.MaxPool2d(3, 1, 1)), nn.Flatten(), nn.Linear(32, 3),
    ],
}  # fmt: skip


def made(name):
    """A module, two states, four samples; batch norms with statistics of their own, equal at both ends."""
    with torch.random.fork_rng():
        torch.manual_seed(sorted(NETWORKS).index(name))
        model = nn.Sequential(*NETWORKS[name]()).eval()
        states = []
        for _ in range(2):
            state = {
                k: torch.randn(v.shape) * 0.7 for k, v in model.state_dict().items() if v.is_floating_point()
            }
            states.append({k: v.abs() if "running_var" in k else v for k, v in state.items()})
        for key in states[1]:
            if "running" in key:
                states[0][key] = states[1][key]
        for key, value in model.state_dict().items():
            if not value.is_floating_point():
                states[0][key] = states[1][key] = value
        inputs = torch.randn(4, 1, 4, 4)
    return model, *states, (inputs, torch.tensor([0, 1, 2, 0]))


def named_layers(model, prefix=""):
    found = []
    for name, module in model.named_children():
        inner = isinstance(module, Residual)
        found.append(
            ("residual", named_layers(module.layers, f"{prefix}{name}.layers."))
            if inner
            else (f"{prefix}{name}", module)
        )
    return found


def wrong_logits(made, alphas=(Fraction(0), Fraction(1), Fraction(2, 7)), line=None):
    """Logits of the chain that are not the module's, as rational numbers."""
    model, start, end, data = made
    opened = open_certified_line(model, start, end, data, "linear", buffers="refuse")
    wrong = 0
    for x, flat in zip(data[0].double().numpy()[:2], opened.inputs, strict=False):
        for alpha in alphas:
            exact = exact_module(named_layers(model), start, end, fractions(x), alpha)
            wrong += list(exact) != exact_logits(line or opened.line, flat, alpha)
    return wrong


@pytest.mark.parametrize("name", NETWORKS)
def test_the_chain_is_the_module(name):
    network = made(name)
    assert wrong_logits(network) == 0
    model, start, end, data = network
    opened = open_certified_line(model, start, end, data, "linear", buffers="refuse")
    state = {k: (0.75 * start[k].double() + 0.25 * end[k].double()) for k in start}
    with torch.no_grad():
        logits = torch.func.functional_call(model.double(), state, (data[0].double(),))
    for row, x in zip(logits, opened.inputs, strict=True):
        exact = [float(z) for z in exact_logits(opened.line, x, Fraction(1, 4))]
        np.testing.assert_allclose(row.numpy(), exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["maximum", "norms", "residual"])
def test_certificates_of_layers_are_those_of_whole_numbers(name):
    model, start, end, data = made(name)
    found = certify_line(model, start, end, data, exact=True, tolerance=2.0**-8)
    assert found.undecided.max() < 1e-12
    for alpha in (Fraction(0), Fraction(1), Fraction(355, 1130), Fraction(61, 100)):
        for sample, x in enumerate(data[0].double().numpy()):
            best = leader(list(exact_module(named_layers(model), start, end, fractions(x), alpha)))
            here = [c for a, b, c in found.class_intervals(sample) if a <= alpha <= b]
            assert all(c in (None, best) for c in here)
    assert not len(found.verify(model, start, end, data).unproved)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("rows += [x - y, y]", "rows += [y - x, y]", "maximum"),
        ("new.append([len(rows), len(rows) + 1])", "new.append([len(rows)])", "maximum"),
        ("rows.append(window[-1])", "rows.append(0 * window[-1])", "maximum"),
        ("slopes = np.ones(units)", "slopes = np.zeros(units)", "residual"),
        ("start[rows, np.arange(place.start, place.stop)] = 1.0", "pass", "residual"),
        ("- factor * mean", "+ factor * mean", "norms"),
        ("np.sqrt(var + layer.eps)", "np.sqrt(var)", "norms"),
        ("np.repeat(bias, repeats) for", "np.resize(bias, size) for", "convolution"),
        ("[[0.0], weight.ravel()]", "[weight.ravel(), [0.0]]", "convolution"),
        ("slopes[:own] = slope", "slopes[:own] = min(np.min(slope), 0.0)", "leaky"),
    ],
)
def test_a_broken_chain_is_caught(monkeypatch, old, new, name):
    spec = importlib.util.find_spec("simulations.certified_line.lowered")
    text = spec.loader.get_source(spec.name)
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    broken = ModuleType("broken_lowered")
    monkeypatch.setitem(sys.modules, broken.__name__, broken)
    exec(compile(text.replace(old, new), "broken lowered.py", "exec"), broken.__dict__)
    monkeypatch.setattr("simulations.certified_line.line_of_module.lowered", broken.lowered)
    assert wrong_logits(made(name))


class Forward(nn.Module):
    """Layers and a forward of one's own."""

    def __init__(self, forward, **layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._own = forward

    def forward(self, x):
        return self._own(self, x)


def test_functions_do_what_layers_do():
    layers = {"a": nn.Conv2d(1, 2, 3, padding=1), "b": nn.Linear(8, 3)}
    by_function = Forward(
        lambda m, x: m.b(functional.max_pool2d(functional.leaky_relu(m.a(x), 0.2), 2).flatten(1)), **layers
    ).eval()
    by_layer = nn.Sequential(
        layers["a"], nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Flatten(), layers["b"]
    ).eval()
    data = (torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(3).long())
    one, two = (
        open_certified_line(m, m.state_dict(), m.state_dict(), data, "linear", buffers="refuse").line
        for m in (by_function, by_layer)
    )
    for s, t in zip(one.steps, two.steps, strict=True):
        np.testing.assert_array_equal(s.start_weight, t.start_weight)
        np.testing.assert_array_equal(s.slope, t.slope)


def test_statistics_that_differ_are_refused_or_kept():
    model, start, end, data = made("norms")
    moved = dict(start, **{"1.running_mean": start["1.running_mean"] + 1})
    with pytest.raises(ValueError, match=r"1\.running_mean differs between start and end: buffers='keep'"):
        certify_line(model, moved, end, data)
    with pytest.raises(ValueError, match="buffers must be refuse or keep"):
        certify_line(model, start, end, data, buffers="interpolate")
    kept = certify_line(model, moved, end, data, buffers="keep", tolerance=2.0**-6)
    plain = certify_line(model, start, end, data, tolerance=2.0**-6)
    np.testing.assert_array_equal(kept.cells.start, plain.cells.start)
    assert not len(kept.verify(model, moved, end, data).unproved)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")), "pads with 'reflect'"),
        (nn.Sequential(nn.Conv2d(1, 2, 5)), "does not take"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1)), "must return logits, one row a sample"),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.BatchNorm1d(4)).train(), "norms by its batch"),
        (nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False)).eval(), "norms by its batch"),
        (nn.Sequential(nn.BatchNorm2d(3)).eval(), "norms 3 channels and gets"),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.LeakyReLU(-0.1)), "slope -0.1: one from 0 to 1"),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.PReLU()), r"2 \(PReLU\) cannot be certified"),
        (nn.Sequential(nn.Conv2d(1, 4096, 3), nn.ReLU(), nn.Conv2d(4096, 4, 2), nn.Flatten()),
         "a certified line takes"),
        (Forward(lambda m, x: m.a(x.flatten(1)) + 1.0, a=nn.Linear(16, 3)), "is no sum of two branches"),
        (Forward(lambda m, x: m.a(x.flatten(1)) + m.b(x.flatten(1)), a=nn.Linear(16, 3), b=nn.Linear(16, 1)),
         "the shapes must be equal"),
        (Forward(lambda m, x: m.a(x.flatten(1)) * m.a(x.flatten(1)), a=nn.Linear(16, 3)),
         "cannot be certified"),
        (Forward(lambda m, x: (lambda z: torch.relu_(z) + z)(m.a(x.flatten(1))), a=nn.Linear(16, 3)),
         "changes in place what the operation add reads too"),
        (nn.Sequential(nn.Flatten(), nn.MaxPool1d(2, return_indices=True)), "returns more than one tensor"),
        (nn.Sequential(nn.AvgPool2d(2), nn.Flatten()), "has no Linear layer or convolution"),
    ],
)  # fmt: skip
def test_what_cannot_be_certified_is_one_line(model, message):
    state = model.state_dict()
    with pytest.raises(ValueError, match=message) as caught:
        certify_line(model, state, state, (torch.ones(2, 1, 4, 4), torch.tensor([0, 1])))
    assert "\n" not in str(caught.value)


def test_a_change_in_place_of_what_is_read_once_is_the_same():
    layers = {"a": nn.Linear(16, 4), "b": nn.Linear(4, 4), "c": nn.Linear(4, 3)}

    def forward(m, x):
        h = torch.relu_(m.a(x.flatten(1)))
        z = m.b(h)
        z += h
        return m.c(functional.relu(z, inplace=True))

    model = Forward(forward, **layers).eval()
    data = (torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(3).long())
    opened = open_certified_line(
        model, model.state_dict(), model.state_dict(), data, "linear", buffers="refuse"
    )
    with torch.no_grad():
        logits = model(data[0])
    for row, x in zip(logits, opened.inputs, strict=True):
        exact = [float(z) for z in exact_logits(opened.line, x, Fraction(1, 2))]
        np.testing.assert_allclose(row.numpy(), exact, atol=1e-5)
    assert opened.label is not None
