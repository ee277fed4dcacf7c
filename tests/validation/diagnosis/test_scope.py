"""What a diagnosis says of networks that the theory does not cover, and of lines without a plateau."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from simulations.datasets.image_dataset import load
from simulations.networks import build_network, fcn
from simulations.prediction.signal_gain import SignalLine
from tests.simulations.curves.helpers.networks import copy_of
from validation.diagnosis import thresholds
from validation.diagnosis.account_errors import SampleCurves, moved
from validation.diagnosis.accounts import HOMOGENEOUS_BIAS, LineEnds, diagnose
from validation.diagnosis.report import account_table, diagnosis_data, diagnosis_markdown
from validation.diagnosis.scope import outside_theory
from validation.diagnosis.verdict import CAUSES, causes, changed, verdict


@pytest.fixture(scope="module")
def digits():
    data = load("digits", limit=60)
    return data.inputs, data.labels


class Recurrent(nn.Module):
    """Reads an image row by row."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        return self.head(self.lstm(x.flatten(1).unflatten(1, (8, 8)))[0][:, -1])


class Block(nn.Module):
    """Causal attention by torch's function, no module that says so by its name; no normalisation."""

    def __init__(self, width, norm):
        super().__init__()
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.before = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, x):
        q, k, v = self.into(self.before(x)).chunk(3, dim=-1)
        x = x + self.out(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        return x + self.down(nn.functional.gelu(self.up(x)))


class SmallGPT(nn.Module):
    """A classifier of rows as tokens."""

    def __init__(self, norm=True, width=12):
        super().__init__()
        self.token, self.place = nn.Linear(8, width), nn.Parameter(torch.randn(8, width) / 4)
        self.blocks = nn.Sequential(Block(width, norm), Block(width, norm))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.blocks(self.token(x.flatten(1).unflatten(1, (8, 8))) + self.place)[:, -1])


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.inner, self.last = nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x):
        h = torch.relu(self.first(x.flatten(1)))
        return self.last(h + torch.relu(self.inner(h)))


class Tanh(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 10)
        )

    def forward(self, x):
        return self.net(3 * x.flatten(1))


def built(name, **options):
    return lambda: build_network(name, input_shape=(1, 8, 8), n_classes=10, bias="all", seed=0, **options)


SMALL = {"width_multiplier": 1 / 16}
OUTSIDE = {
    "resnet18": (
        built("resnet18", width_multiplier=1 / 16, batch_norm=True),
        ["normalises inside", "no stack"],
    ),
    "resnet18 without normalisation": (
        built("resnet18", width_multiplier=1 / 16, batch_norm=False),
        ["no stack"],
    ),
    "vit": (built("vit", depth=1, width=16), ["normalises inside"]),
    "lstm": (Recurrent, ["the same weights at every step (lstm)", "no stack"]),
    "gpt": (SmallGPT, ["normalises inside (blocks.0.before and 1 more)"]),
    "gpt without normalisation": (lambda: SmallGPT(norm=False), ["no stack of layers to count"]),
    "residual": (Residual, ["no stack of layers to count"]),
    "tanh": (Tanh, ["no stack of layers to count"]),
}


def trained(make, digits, steps=25):
    """A model, its initial state and its state after a few steps of Adam."""
    torch.manual_seed(0)
    model = make()
    start = copy_of(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(digits[0]), digits[1]).backward()
        optimiser.step()
    return model.eval(), start, copy_of(model)


@pytest.fixture(scope="module")
def networks(digits):
    return {name: trained(make, digits) for name, (make, _) in OUTSIDE.items()}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_no_stack_of_layers_is_told_with_its_reason(name, networks, digits):
    model, start, end = networks[name]
    line = SignalLine(model, start, end, digits, n_probe=30, buffers="keep")
    reasons = "; ".join(outside_theory(model, line))
    for words in OUTSIDE[name][1]:
        assert words in reasons


@pytest.mark.parametrize("name", ["resnet18", "vit", "lstm", "gpt"])
def test_the_verdict_of_a_network_that_the_theory_does_not_cover(name, networks, digits):
    """Never depth, shallowness or the initial weights; the theory's numbers are nowhere."""
    model, start, end = networks[name]
    found = diagnose(
        model, start, end, digits, alphas=11, n_probe=30, buffers="keep" if "res" in name else "refuse"
    )
    assert found.outside
    assert found.theory is None
    assert not set(causes(found)) & {"initialisation", "shallow", "depth"}
    words = " ".join(verdict(found))
    assert "too shallow" not in words
    assert "The theory does not cover this network" in words
    data = diagnosis_data(found)
    assert data["outside_the_theory"] == list(found.outside)
    json.dumps(data, allow_nan=False)
    # What a counterfactual does to the trained network is told, from the curves themselves.
    errors = found.curves["error"].isel(alpha=-1)
    for account, walked in (
        ("last-layer bias", "last bias removed"),
        ("other biases", "other biases removed"),
    ):
        by = float(errors.sel(counterfactual=walked) - errors.sel(counterfactual="linear"))
        assert found.end_changes[account][0] == pytest.approx(by, abs=1e-12)
        if changed(found, account):
            assert "not counted" in words
            assert "it is another trained network" in diagnosis_markdown(data)
        marked = f"{account} (not counted)" in list(account_table(data).columns[0].cells)
        assert marked == changed(found, account)


STACKS = {
    "fcn": lambda: fcn(4, 16, 64, 10, bias="all", seed=0),
    "fcn without biases": lambda: fcn(3, 16, 64, 10, bias="none", seed=0),
    "linear": lambda: fcn(1, 1, 64, 10, seed=0),
    "leaky convolutions": lambda: nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.LeakyReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2), nn.ReLU()),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 10)),
    ),
    "vgg16": built("vgg16", width_multiplier=1 / 16, batch_norm=False),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_of_layers_is_covered_whatever_its_biases(name, digits):
    """The measured degree is the number of layers; biases of layer l count l times (Euler's identity)."""
    inputs = nn.functional.interpolate(digits[0], size=32) if name == "vgg16" else digits[0]
    data = (inputs.flatten(1) if "fcn" in name or name == "linear" else inputs, digits[1])
    model, start, end = trained(STACKS[name], data, steps=5)
    with torch.no_grad():
        for key in end:
            if key.endswith("bias"):  # far from 0, where they weigh
                end[key] += 0.2 * torch.randn(end[key].shape, generator=torch.Generator().manual_seed(1))
    assert outside_theory(model, SignalLine(model, start, end, data, n_probe=30)) == ()


# The rule, on planted numbers.

NAN = float("nan")


@pytest.fixture(scope="module")
def real(digits):
    data = (digits[0].flatten(1), digits[1])
    return diagnose(
        *trained(lambda: fcn(4, 16, 64, 10, bias="all", seed=0), data), data, alphas=11, n_probe=30
    )


def planted(real, *, error=0.4, loss=0.4, degree=6, effective=4.0, outside=(), changes=(), **accounts):
    """A diagnosis with these numbers; every account is 0 unless given, its standard error 0.01."""
    names = {"last": "last-layer bias", "kept": HOMOGENEOUS_BIAS, "others": "other biases"}
    given = {names[key]: value for key, value in accounts.items()}
    return dataclasses.replace(
        real,
        ends=real.ends | {"linear": LineEnds(error, loss)},
        accounts={name: LineEnds(given.get(name, 0.0), 0.0) for name in real.accounts},
        account_errors={name: LineEnds(0.01, 0.01) for name in real.accounts},
        law=dataclasses.replace(real.law, effective_degree=effective),
        degree=degree,
        outside=tuple(outside),
        end_changes={names[name]: (by, 0.01) for name, by in changes},
    )


WHY = ("it normalises inside (norm)",)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({}, ["depth"]),
        ({"degree": 2, "effective": 2.0}, ["depth"]),  # a plateau at 0.4: not too shallow for one
        ({"degree": 2, "effective": 2.0, "error": 0.09, "loss": 0.09}, ["shallow"]),
        ({"error": 0.09, "loss": 0.0999}, ["no plateau to explain"]),
        ({"error": 0.0, "loss": 0.1}, ["depth"]),
        ({"error": NAN, "loss": NAN}, ["no plateau to explain"]),  # curves that do not fall
        ({"error": NAN, "loss": 0.3}, ["depth"]),
        ({"effective": 2.9}, ["initialisation"]),
        ({"effective": 3.0}, ["depth"]),
        ({"effective": 2.9, "error": 0.01, "loss": 0.01}, ["initialisation"]),
        ({"last": 0.05}, ["last-layer bias"]),
        ({"last": 0.049}, ["depth"]),
        (
            {"last": 0.2, "others": 0.2, "effective": 1.0},
            ["last-layer bias", "other biases", "initialisation"],
        ),
        ({"last": 0.2, "error": 0.05, "loss": 0.09}, ["no plateau to explain"]),
        # A counterfactual of another trained network.
        ({"others": 0.2, "changes": [("others", 0.0101)]}, ["depth"]),
        ({"others": 0.2, "changes": [("others", 0.01)]}, ["other biases"]),  # no more than its standard error
        ({"others": 0.2, "changes": [("others", -0.4)]}, ["depth"]),
        ({"last": 0.2, "changes": [("last", 0.1)]}, ["depth"]),
        ({"last": 0.2, "kept": 0.1, "changes": [("last", 0.1)]}, ["last-layer bias"]),
        ({"last": 0.0, "kept": 0.1}, ["depth"]),
        # Outside the theory.
        ({"outside": WHY}, ["outside the theory"]),
        ({"outside": WHY, "degree": 2, "effective": 0.1}, ["outside the theory"]),
        ({"outside": WHY, "degree": 2, "error": 0.05, "loss": 0.05}, ["no plateau to explain"]),
        ({"outside": WHY, "others": 0.2}, ["other biases"]),
        ({"outside": WHY, "others": 0.2, "changes": [("others", 0.4)]}, ["outside the theory"]),
    ],
)
def test_the_rule(real, numbers, named):
    found = planted(real, **numbers)
    assert causes(found) == named
    assert set(named) <= set(CAUSES)
    first, *others = verdict(found)
    assert first.startswith("**")
    for name, _ in numbers.get("changes", ()):
        counts = not changed(found, {"last": "last-layer bias", "others": "other biases"}[name])
        assert ("not counted" in " ".join(others)) == (not counts)
    if named == ["outside the theory"]:
        assert WHY[0] in first
    if "outside" in numbers:
        assert WHY[0] in " ".join(others)


def test_by_how_much_an_error_moved_and_its_standard_error():
    rng = np.random.default_rng(0)
    line, other = rng.random((2, 3, 500)) < 0.3
    by, error = moved(SampleCurves(line, other), SampleCurves(line, line))
    differences = [int(b) - int(a) for a, b in zip(line[-1], other[-1], strict=True)]
    mean = sum(differences) / 500
    assert by == pytest.approx(mean)
    assert error == pytest.approx((sum((d - mean) ** 2 for d in differences) / 499 / 500) ** 0.5)
    one = line.copy()
    one[-1, 0] = ~one[-1, 0]
    assert moved(SampleCurves(line, line), SampleCurves(line, line)) == (0.0, 0.0)


def test_one_sample_more_or_less_changes_no_network(real):
    for n in (2, 3, 60, 1740):
        line = np.zeros((1, n), dtype=bool)
        other = line.copy()
        other[0, 0] = True
        change = moved(SampleCurves(line, other), SampleCurves(line, line))
        assert not changed(dataclasses.replace(real, end_changes={"other biases": change}), "other biases")


def test_every_threshold_has_its_reason():
    for name in thresholds.__all__:
        assert isinstance(getattr(thresholds, name), float | int)
    assert Path(thresholds.__file__).read_text().count('\n"""') >= len(thresholds.__all__)
