"""Lines that are nasty on purpose: sixty of them, of fifteen kinds, from one seed.

Every kind takes a stream of its own, so that kinds may be added without moving the others. Networks are small
and trained for a second at most; many lines share one network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import nn

from simulations.datasets.image_dataset import ImageDataset, load
from simulations.runtime.random_streams import torch_stream

__all__ = ["KINDS", "NastyLine", "nasty_lines"]

State = dict[str, torch.Tensor]
CLASSES = 1000


class NastyLine(NamedTuple):
    """What `interpolation_curves` takes, and what the line is called."""

    name: str
    model: nn.Module
    start: State
    end: State
    data: tuple[torch.Tensor, torch.Tensor]
    options: dict[str, Any]


class Tokens(nn.Module):
    """An encoder layer over a digit's eight rows."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(8, 16), nn.Linear(16, 10)
        self.position = nn.Parameter(0.1 * torch.randn(8, 16))
        self.layer = nn.TransformerEncoderLayer(
            16, 4, 32, dropout=0.0, activation=activation, batch_first=True, norm_first=True
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(self.embed(x.view(-1, 8, 8)) + self.position).mean(dim=1))


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)


def mlp(
    activation: type[nn.Module], hidden: int, width: int = 32, *, bias: bool = True, out: int = 10
) -> nn.Module:
    layers: list[nn.Module] = []
    for i in range(hidden):
        layers += [nn.Linear(64 if i == 0 else width, width, bias=bias), activation()]
    return nn.Sequential(*layers, nn.Linear(width, out, bias=bias))


def made(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A module whose initial weights are the seed's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def state_of(model: nn.Module) -> State:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def fitted(
    model: nn.Module, data: tuple[torch.Tensor, torch.Tensor], *, steps: int = 120, rate: float = 3e-3
) -> State:
    """Its weights after some steps of Adam on all samples at once; the model is moved."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data[0]), data[1]).backward()
        optimizer.step()
    model.eval()
    return state_of(model)


def times(state: State, c: float) -> State:
    return {name: c * t if t.is_floating_point() else t.clone() for name, t in state.items()}


def permuted(state: State, seed: int) -> State:
    """The same function by other weights: hidden units of an `mlp` in another order."""
    found, layers = dict(state), sorted({int(name.split(".")[0]) for name in state})
    for i, (layer, after) in enumerate(pairwise(layers)):
        order = torch.randperm(len(state[f"{layer}.weight"]), generator=torch_stream(seed + i, "permuted"))
        for kind in ("weight", "bias"):
            if f"{layer}.{kind}" in state:
                found[f"{layer}.{kind}"] = found[f"{layer}.{kind}"][order]
        found[f"{after}.weight"] = found[f"{after}.weight"][:, order]
    return found


def digits(n: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    data: ImageDataset = load("digits", limit=n)
    return data.inputs.flatten(1), data.labels


def clusters(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A sample of each of 1,000 classes."""
    return torch.randn(CLASSES, 64, generator=torch_stream(seed, "clusters")), torch.arange(CLASSES)


def start_is_minus_the_end(seed: int) -> Iterator[NastyLine]:
    """All logits tie in the middle, where every weight is 0 (git-re-basin#3)."""
    cases: list[tuple[str, Callable[[], nn.Module]]] = [
        ("tanh", lambda: mlp(nn.Tanh, 2)),
        ("tanh, deep", lambda: mlp(nn.Tanh, 4)),
        ("tanh without biases", lambda: mlp(nn.Tanh, 2, bias=False)),
        ("ReLU", lambda: mlp(nn.ReLU, 2)),
        ("ReLU without biases", lambda: mlp(nn.ReLU, 3, bias=False)),
        ("GELU", lambda: mlp(nn.GELU, 2)),
        ("self-attention", lambda: Tokens("gelu")),
    ]
    for name, make in cases:
        model, data = made(make, seed), digits()
        end = fitted(model, data)
        yield NastyLine(f"start = -end: {name}", model, times(end, -1.0), end, data, {})


def start_is_a_multiple(seed: int) -> Iterator[NastyLine]:
    """The tie lies off the middle, and at no node."""
    for c, activation in ((-0.37, nn.Tanh), (-3.1, nn.ReLU)):
        model, data = made(lambda activation=activation: mlp(activation, 3), seed), digits()
        end = fitted(model, data)
        yield NastyLine(f"start = {c} end: {activation.__name__}", model, times(end, c), end, data, {})


def start_is_a_permuted_end(seed: int) -> Iterator[NastyLine]:
    for i, (activation, hidden) in enumerate(((nn.ReLU, 2), (nn.ReLU, 4), (nn.Tanh, 2), (nn.GELU, 3))):
        model, data = made(lambda a=activation, h=hidden: mlp(a, h), seed + i), digits()
        end = fitted(model, data)
        name = f"start = a permuted end: {activation.__name__}, {hidden}"
        yield NastyLine(name, model, permuted(end, seed + i), end, data, {})


def two_minima(seed: int) -> Iterator[NastyLine]:
    cases: list[tuple[str, Callable[[], nn.Module]]] = [
        ("ReLU", lambda: mlp(nn.ReLU, 3)),
        ("tanh", lambda: mlp(nn.Tanh, 3)),
        ("SiLU", lambda: mlp(nn.SiLU, 2)),
        ("self-attention", lambda: Tokens("relu")),
    ]
    for i, (name, make) in enumerate(cases):
        data = digits()
        ends = []
        for s in (seed + 2 * i, seed + 2 * i + 1):
            model = made(make, s)
            ends.append(fitted(model, data))
        yield NastyLine(f"two minima: {name}", model, ends[0], ends[1], data, {})


def start_near_zero(seed: int) -> Iterator[NastyLine]:
    cases: list[tuple[str, float, Callable[[], nn.Module]]] = [
        ("ReLU, 1e-3", 1e-3, lambda: mlp(nn.ReLU, 3)),
        ("ReLU, 1e-6", 1e-6, lambda: mlp(nn.ReLU, 4, bias=False)),
        ("tanh, 1e-4", 1e-4, lambda: mlp(nn.Tanh, 3)),
        ("zero", 0.0, lambda: mlp(nn.ReLU, 2)),
        ("self-attention, 1e-3", 1e-3, lambda: Tokens("gelu")),
        ("tanh, minus 1e-2", -1e-2, lambda: mlp(nn.Tanh, 2)),
    ]
    for i, (name, c, make) in enumerate(cases):
        model, data = made(make, seed + i), digits()
        first = state_of(model)
        end = fitted(model, data)
        yield NastyLine(f"start near zero: {name}", model, times(first, c), end, data, {})


def saturated_tanh(seed: int) -> Iterator[NastyLine]:
    for i, (gain, hidden, activation) in enumerate(
        ((1.0, 6, nn.Tanh), (4.0, 3, nn.Tanh), (4.0, 2, nn.Sigmoid), (2.0, 3, nn.Hardtanh), (3.0, 2, Sine))
    ):
        model, data = made(lambda a=activation, h=hidden: mlp(a, h), seed + i), digits()
        model.load_state_dict(times(state_of(model), gain))
        start = state_of(model)
        end = fitted(model, data)
        yield NastyLine(f"{activation.__name__} x {gain}, {hidden} layers", model, start, end, data, {})


def transformers(seed: int) -> Iterator[NastyLine]:
    for i, (activation, gain) in enumerate((("relu", 1.0), ("gelu", 3.0), ("relu", 0.1), ("gelu", 1.0))):
        model, data = made(lambda a=activation: Tokens(a), seed + i), digits()
        start = times(state_of(model), gain)
        end = fitted(model, data, rate=1e-2)
        yield NastyLine(f"transformer: {activation}, start x {gain}", model, start, end, data, {})


def dead_relus(seed: int) -> Iterator[NastyLine]:
    """No hidden unit is active at the start, or in the middle, or but for the biases anywhere."""
    model, data = made(lambda: mlp(nn.ReLU, 2), seed), digits()
    end = fitted(model, data)
    for shift in (-5.0, -50.0):
        start = dict(times(end, 0.5))
        start["0.bias"] = torch.full_like(end["0.bias"], shift)
        yield NastyLine(f"dead at the start, {shift}", model, start, end, data, {})
    dead = dict(end)
    dead["2.bias"] = torch.full_like(end["2.bias"], -30.0)
    other = dict(times(end, -1.0))
    yield NastyLine("dead in the middle", model, other, dead, data, {})
    both, last = dict(dead), dict(dead)
    both["4.bias"], last["4.bias"] = end["4.bias"].roll(1), 2 * end["4.bias"]
    yield NastyLine("only the last bias moves", model, both, last, data, {})


def one_class(seed: int) -> Iterator[NastyLine]:
    for i, (label, activation) in enumerate(((0, nn.ReLU), (3, nn.Tanh), (9, nn.GELU), (5, nn.ReLU))):
        inputs, labels = digits()
        data = inputs, torch.full_like(labels, label)
        model = made(lambda a=activation: mlp(a, 2), seed + i)
        start = state_of(model)
        end = fitted(model, data if i else digits(), steps=60)
        start = times(end, -1.0) if i == 3 else start
        yield NastyLine(f"one class: {activation.__name__}, label {label}", model, start, end, data, {})


def few_samples(seed: int) -> Iterator[NastyLine]:
    cases = ((2, nn.ReLU), (2, nn.Tanh), (1, nn.ReLU), (3, nn.GELU), (17, nn.ReLU))
    for i, (n, activation) in enumerate(cases):
        inputs, labels = digits()
        chosen = torch.randperm(len(labels), generator=torch_stream(seed + i, "few"))[:n]
        data = inputs[chosen], labels[chosen]
        model = made(lambda a=activation: mlp(a, 3), seed + i)
        start = state_of(model)
        end = fitted(model, data, steps=60)
        yield NastyLine(f"{n} samples: {activation.__name__}", model, start, end, data, {})
    model = made(lambda: mlp(nn.Tanh, 2), seed)
    inputs, labels = digits()
    end = fitted(model, (inputs, labels))
    yield NastyLine("2 samples, start = -end", model, times(end, -1.0), end, (inputs[:2], labels[:2]), {})


def thousand_classes(seed: int) -> Iterator[NastyLine]:
    cases: list[tuple[type[nn.Module], str]] = [
        (nn.ReLU, "as made"),
        (nn.Tanh, "as made"),
        (nn.ReLU, "near zero"),
        (nn.Tanh, "-end"),
    ]
    for i, (activation, kind) in enumerate(cases):
        data = clusters(seed + i)
        model = made(lambda a=activation: mlp(a, 2, 48, out=CLASSES), seed + i)
        start = state_of(model)
        end = fitted(model, data, steps=40, rate=1e-2)
        start = {"as made": start, "near zero": times(start, 1e-3), "-end": times(end, -1.0)}[kind]
        yield NastyLine(f"1,000 classes: {activation.__name__}, {kind}", model, start, end, data, {})


def alike_samples(seed: int) -> Iterator[NastyLine]:
    """All samples change their class at one alpha."""
    for i, (spread, activation) in enumerate(((0.0, nn.Tanh), (0.0, nn.ReLU), (1e-4, nn.GELU))):
        inputs, labels = digits()
        noise = torch.randn(inputs.shape, generator=torch_stream(seed + i, "alike"))
        data = inputs[:1] + spread * noise, torch.full_like(labels, int(labels[0]))
        model = made(lambda a=activation: mlp(a, 3), seed + i)
        start = state_of(model)
        end = fitted(model, digits())
        yield NastyLine(f"samples alike to {spread}: {activation.__name__}", model, start, end, data, {})


def large_logits(seed: int) -> Iterator[NastyLine]:
    """The end's last layer multiplied: losses of tens of nats, sharp turns."""
    for i, (gain, activation) in enumerate(((30.0, nn.ReLU), (100.0, nn.Tanh))):
        model, data = made(lambda a=activation: mlp(a, 3), seed + i), digits()
        start = state_of(model)
        end = fitted(model, data)
        last = max(end, key=lambda name: int(name.split(".")[0])).split(".")[0]
        end |= {name: gain * t for name, t in end.items() if name.startswith(f"{last}.")}
        yield NastyLine(f"logits x {gain}: {activation.__name__}", model, start, end, data, {})


def normalised(seed: int) -> Iterator[NastyLine]:
    cases: list[tuple[type[nn.Module], str | None]] = [
        (nn.BatchNorm1d, "interpolate"),
        (nn.BatchNorm1d, "keep"),
        (nn.LayerNorm, None),
    ]
    for i, (norm, policy) in enumerate(cases):
        data = digits()

        def make(norm: type[nn.Module] = norm) -> nn.Module:
            layers = [layer for _ in range(2) for layer in (nn.Linear(32, 32), norm(32), nn.ReLU())]
            return nn.Sequential(nn.Linear(64, 32), *layers, nn.Linear(32, 10))

        model = made(make, seed + i)
        start = state_of(model)
        end = fitted(model, data)
        if i == 2:
            start = times(end, -1.0)
        options = {} if policy is None else {"buffers": policy}
        yield NastyLine(f"{norm.__name__}, {policy}", model, start, end, data, options)


def one_unit(seed: int) -> Iterator[NastyLine]:
    """All samples' logits move on one curve: changes of class are shared by many."""
    for activation in (nn.ReLU, nn.Tanh):
        model, data = made(lambda activation=activation: mlp(activation, 2, 1), seed), digits()
        start = state_of(model)
        end = fitted(model, data)
        yield NastyLine(f"layers of one unit: {activation.__name__}", model, start, end, data, {})


KINDS = (
    start_is_minus_the_end,
    start_is_a_multiple,
    start_is_a_permuted_end,
    two_minima,
    start_near_zero,
    saturated_tanh,
    transformers,
    dead_relus,
    one_class,
    few_samples,
    thousand_classes,
    alike_samples,
    large_logits,
    normalised,
    one_unit,
)


def nasty_lines(seed: int) -> Iterator[NastyLine]:
    """All lines of all kinds."""
    for i, kind in enumerate(KINDS):
        yield from kind(seed + 100 * i)
