"""A zoo of networks as people write them: one small specimen of each kind, with its samples and two ends.

n = 24 samples, k = 3 classes. A kind says what is particular to it; `specimen` makes it from its own seed.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.utils.checkpoint import checkpoint

from simulations.runtime.random_streams import torch_stream

__all__ = ["KINDS", "Kind", "Specimen", "specimen"]

N, K = 24, 3


class Net(nn.Module):
    """Parts, and a forward that is given."""

    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.run(self, *inputs)


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        make: the module.
        inputs: "flat" (n, 6), "image" (n, 2, 5, 5), "line" (n, 2, 8), "volume" (n, 1, 3, 4, 4),
            "words" (n, 4, 5), "tokens" (n, 4) integers, "pair" of two flat ones.
        biases: names of parameters, by a rule that shares nothing with the engine's.
        depths: of biases for the path "homogeneous"; None: it must be refused.
        given: the module that the engine is given, made of it.
        policy: for buffers that the two ends' differ in.
        buffers: moves the end's buffers, in place.
        room: of a loss, nats; None by the type.
        refused: what the engine must say in place of a curve.
    """

    make: Callable[[], nn.Module]
    inputs: str = "flat"
    biases: Callable[[str], bool] = field(default=lambda name: "bias" in name)
    depths: dict[str, int] | None = None
    given: Callable[[nn.Module], nn.Module] = field(default=lambda module: module)
    policy: str | None = None
    buffers: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    room: float = 1e-5
    refused: str = ""


@dataclass(frozen=True)
class Specimen:
    """A kind made: what the engine is given, its twin for the plain loop, two ends and samples."""

    model: nn.Module
    twin: nn.Module
    start: dict[str, torch.Tensor]
    end: dict[str, torch.Tensor]
    inputs: tuple[torch.Tensor, ...]
    labels: torch.Tensor


def specimen(name: str) -> Specimen:
    kind, stream = KINDS[name], torch_stream(0, f"zoo of {name}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        twin = kind.make()
        given = kind.given(twin)
    twin.eval()
    start = {key: tensor.detach().clone() for key, tensor in twin.state_dict().items()}
    parameters = dict(twin.named_parameters(remove_duplicate=False))
    noise: dict[int, torch.Tensor] = {}
    end = {key: tensor.clone() for key, tensor in start.items()}
    for key, parameter in parameters.items():  # a tied one moves once
        wide = torch.complex128 if parameter.is_complex() else torch.float64
        if parameter.data_ptr() not in noise:
            noise[parameter.data_ptr()] = 0.4 * torch.randn(parameter.shape, generator=stream, dtype=wide)
        end[key] = (start[key].to(wide) + noise[parameter.data_ptr()]).to(parameter.dtype)
    kind.buffers(end)
    labels = torch.randint(K, (N,), generator=stream)
    return Specimen(given, twin, start, end, _inputs(kind.inputs, stream), labels)


def _inputs(kind, stream):
    shapes = {"flat": (6,), "image": (2, 5, 5), "line": (2, 8), "volume": (1, 3, 4, 4), "words": (4, 5)}
    if kind == "tokens":
        return (torch.randint(7, (N, 4), generator=stream),)
    if kind == "pair":
        return tuple(torch.randn((N, 6), generator=stream) for _ in range(2))
    return (torch.randn((N, *shapes[kind]), generator=stream),)


def mlp(activation=nn.Tanh, norm=None, bias=True):
    middle = [] if norm is None else [norm]
    return nn.Sequential(nn.Linear(6, 8, bias=bias), *middle, activation(), nn.Linear(8, K, bias=bias))


def images(*layers, features):
    return nn.Sequential(*layers, nn.Tanh(), nn.Flatten(), nn.Linear(features, K))


def with_first(change):
    """A network whose first layer is changed in place."""

    def make():
        model = mlp()
        changed = change(model[0])
        if isinstance(changed, nn.Module):
            model[0] = changed
        return model

    return make


def recurrent(layer):
    return lambda: Net(lambda self, x: self.head(self.body(x)[0][:, -1]), body=layer(), head=nn.Linear(6, K))


def attention():
    body = nn.MultiheadAttention(6, 2, batch_first=True, add_bias_kv=True)
    return Net(
        lambda self, x: self.head(self.body(y := self.first(x), y, y, need_weights=False)[0].mean(1)),
        first=nn.Linear(5, 6),
        body=body,
        head=nn.Linear(6, K),
    )


def transformer(layers, **more):
    block = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.2, batch_first=True, **more)
    body = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
    return Net(
        lambda self, x: self.head(self.body(self.first(x)).mean(1)),
        first=nn.Linear(5, 6),
        body=body,
        head=nn.Linear(6, K),
    )


def tied():
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, K))
    model[2].weight = model[0].weight
    return model


def tied_by_data():
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, K))
    model[2].weight.data = model[0].weight.data
    return model


def fourier():
    def run(self, x):
        return self.head(torch.fft.irfft(torch.fft.rfft(x) @ self.weight, n=6))

    weight = nn.Parameter(torch.randn(4, 4, dtype=torch.complex64))
    return Net(run, weight=weight, head=nn.Linear(6, K))


def pruned():
    model = mlp()
    prune.random_unstructured(model[0], "weight", amount=0.4)
    prune.random_unstructured(model[0], "bias", amount=0.4)
    return model


def hooked():
    model = mlp()
    model[0].register_forward_hook(lambda _, __, output: 2 * output)
    model[2].register_forward_pre_hook(lambda _, inputs: (inputs[0] - 1,))
    return model


def counted():
    def run(self, x):
        self.calls += 1
        return self.net(x + self.position)

    model = Net(run, net=mlp())
    model.register_buffer("calls", torch.zeros((), dtype=torch.int64))
    model.register_buffer("position", torch.arange(6.0) / 6, persistent=False)
    return model


def cells():
    def run(self, x):
        state = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.head(state[0])

    return Net(run, cell=nn.LSTMCell(5, 6), head=nn.Linear(6, K))


def mixed():
    return Net(
        lambda self, x: self.head(torch.tanh(self.body(x.to(torch.bfloat16)).float())),
        body=nn.Linear(6, 8).to(torch.bfloat16),
        head=nn.Linear(8, K),
    )


def parameters_alone():
    names = nn.ParameterDict(
        {"weight": nn.Parameter(torch.randn(6, K)), "bias": nn.Parameter(torch.randn(K))}
    )
    scales = nn.ParameterList(
        [nn.Parameter(torch.randn(6)), nn.Parameter(torch.ones(()), requires_grad=False)]
    )
    return Net(
        lambda s, x: (x * s.scales[0]) @ s.names["weight"] * s.scales[1] + s.names["bias"],
        names=names,
        scales=scales,
    )


def expected(norm):
    """Running statistics as training leaves them: others at the end."""

    def move(end):
        for name in end:
            if name.endswith("running_mean"):
                end[name] = end[name] + torch.linspace(-0.5, 0.5, len(end[name]))
            elif name.endswith("running_var"):
                end[name] = end[name] * torch.linspace(0.5, 2, len(end[name]))
            elif name.endswith("num_batches_tracked"):
                end[name] = end[name] + 5

    return {"make": norm, "buffers": move, "policy": "interpolate"}


def turned(end):
    """Vectors of spectral normalisation that training has turned."""
    for name, tensor in end.items():
        if name.endswith(("_u", "_v")):
            end[name] = nn.functional.normalize(tensor + 0.5 * torch.linspace(-1, 1, len(tensor)), dim=0)


def other_mask(end):
    end["0.weight_mask"] = 1 - end["0.weight_mask"]


def materialised(_):
    return nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.LazyLinear(K))


def scripted(model):
    return torch.jit.script(copy.deepcopy(model).eval())


def traced(model):
    return torch.jit.trace(copy.deepcopy(model).eval(), torch.zeros(2, 6))


def weight_norm(layer):
    return nn.utils.weight_norm(layer)


LAYERS = {"0.bias": 1, "2.bias": 2}
THREE = {"0.bias": 1, "2.bias": 2, "4.bias": 3}

KINDS = {
    "linear": Kind(lambda: nn.Sequential(nn.Linear(6, K)), depths={"0.bias": 1}),
    "no bias": Kind(lambda: mlp(nn.ReLU, bias=False), depths={}),
    "relu": Kind(lambda: mlp(nn.ReLU), depths=LAYERS),
    "tanh": Kind(mlp, depths=LAYERS),
    "leaky and dropout": Kind(
        lambda: mlp(lambda: nn.Sequential(nn.LeakyReLU(), nn.Dropout(0.5))), depths=LAYERS
    ),
    "PReLU": Kind(lambda: mlp(nn.PReLU)),
    "sequences of sequences": Kind(
        lambda: nn.Sequential(
            nn.Sequential(nn.Linear(6, 8), nn.Sequential(nn.GELU())), nn.Sequential(nn.Linear(8, K))
        ),
        depths={"0.0.bias": 1, "2.0.bias": 2, "1.0.bias": 2},
    ),
    "module dict": Kind(
        lambda: Net(
            lambda s, x: s.parts["head"](torch.tanh(s.parts["body"](x))),
            parts=nn.ModuleDict({"head": nn.Linear(8, K), "body": nn.Linear(6, 8)}),
        )
    ),
    "residual": Kind(
        lambda: Net(
            lambda s, x: s.head(x + torch.relu(s.body(x))), body=nn.Linear(6, 6), head=nn.Linear(6, K)
        )
    ),
    "tied": Kind(tied, depths=THREE),
    "tied by data": Kind(tied_by_data, depths=THREE),
    "complex": Kind(fourier),
    "double": Kind(lambda: mlp().double(), depths=LAYERS, room=1e-11),
    "half": Kind(lambda: mlp().half(), depths=LAYERS, room=5e-3),
    "bfloat16": Kind(lambda: mlp().bfloat16(), depths=LAYERS, room=5e-2),
    "two types": Kind(mixed, room=3e-2),
    "conv 1d": Kind(
        lambda: images(nn.Conv1d(2, 3, 3), features=18), "line", depths={"0.bias": 1, "3.bias": 2}
    ),
    "conv 2d": Kind(
        lambda: images(nn.Conv2d(2, 3, 3), features=27), "image", depths={"0.bias": 1, "3.bias": 2}
    ),
    "conv 3d": Kind(
        lambda: images(nn.Conv3d(1, 2, 2), features=36), "volume", depths={"0.bias": 1, "3.bias": 2}
    ),
    "transposed conv": Kind(lambda: images(nn.ConvTranspose2d(2, 2, 2), features=72), "image"),
    "grouped conv": Kind(
        lambda: images(nn.Conv2d(2, 4, 3, groups=2), features=36), "image", depths={"0.bias": 1, "3.bias": 2}
    ),
    "channels last": Kind(
        lambda: images(nn.Conv2d(2, 3, 3), features=27).to(memory_format=torch.channels_last),
        "image",
        depths={"0.bias": 1, "3.bias": 2},
    ),
    "pooling": Kind(
        lambda: images(nn.Conv2d(2, 3, 2), nn.MaxPool2d(2), nn.Upsample(scale_factor=2), features=48),
        "image",
        depths={"0.bias": 1, "5.bias": 2},
    ),
    "embedding": Kind(
        lambda: nn.Sequential(nn.Embedding(7, 3, padding_idx=0), nn.Flatten(), nn.Linear(12, K)), "tokens"
    ),
    "embedding bag": Kind(lambda: nn.Sequential(nn.EmbeddingBag(7, 4), nn.Tanh(), nn.Linear(4, K)), "tokens"),
    "bilinear": Kind(lambda: Net(lambda s, a, b: s.body(a, b), body=nn.Bilinear(6, 6, K)), "pair"),
    "batch norm": Kind(**expected(lambda: mlp(norm=nn.BatchNorm1d(8)))),
    "batch norm 2d": Kind(
        inputs="image",
        **expected(lambda: images(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), features=27)),
    ),
    "instance norm that tracks": Kind(
        inputs="image",
        **expected(
            lambda: images(
                nn.InstanceNorm2d(2, affine=True, track_running_stats=True), nn.Conv2d(2, 3, 3), features=27
            )
        ),
    ),
    "layer norm": Kind(lambda: mlp(norm=nn.LayerNorm(8))),
    "group norm": Kind(lambda: images(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), features=36), "image"),
    "instance norm": Kind(
        lambda: images(nn.Conv2d(2, 4, 3), nn.InstanceNorm2d(4, affine=True), features=36), "image"
    ),
    "rms norm": Kind(lambda: mlp(norm=nn.RMSNorm(8))),
    "weight norm": Kind(with_first(parametrizations.weight_norm)),
    "old weight norm": Kind(with_first(weight_norm), depths=LAYERS),
    "spectral norm": Kind(with_first(parametrizations.spectral_norm), policy="interpolate", buffers=turned),
    "old spectral norm": Kind(
        with_first(nn.utils.spectral_norm), depths=LAYERS, policy="interpolate", buffers=turned
    ),
    "orthogonal": Kind(with_first(parametrizations.orthogonal), room=1e-4),
    "parametrised bias": Kind(
        with_first(lambda layer: parametrize.register_parametrization(layer, "bias", nn.Softplus()))
    ),
    "pruned": Kind(pruned),
    "pruned otherwise": Kind(pruned, policy="interpolate", buffers=other_mask),
    "LSTM": Kind(recurrent(lambda: nn.LSTM(5, 6, batch_first=True)), "words"),
    "GRU": Kind(recurrent(lambda: nn.GRU(5, 3, batch_first=True, bidirectional=True)), "words"),
    "RNN": Kind(recurrent(lambda: nn.RNN(5, 6, 2, batch_first=True)), "words"),
    "LSTM cell": Kind(cells, "words"),
    "attention": Kind(attention, "words"),
    "transformer": Kind(lambda: transformer(2), "words"),
    "transformer, norm first": Kind(lambda: transformer(1, norm_first=True, activation="gelu"), "words"),
    "data parallel": Kind(mlp, depths=LAYERS, given=nn.DataParallel),
    "lazy": Kind(mlp, depths=LAYERS, given=materialised),
    "scripted": Kind(mlp, given=scripted),
    "traced": Kind(mlp, given=traced),
    "hooks": Kind(hooked, depths=LAYERS),
    "buffers": Kind(counted),
    "parameters alone": Kind(parameters_alone),
    "head first": Kind(
        lambda: Net(lambda s, x: s.head(torch.tanh(s.body(x))), head=nn.Linear(8, K), body=nn.Linear(6, 8))
    ),
    "logits by name": Kind(lambda: Net(lambda s, x: SimpleNamespace(logits=s.net(x)), net=mlp())),
    "log softmax": Kind(
        lambda: nn.Sequential(mlp(), nn.LogSoftmax(1)), depths={"0.0.bias": 1, "0.2.bias": 2}
    ),
    "temperature": Kind(
        lambda: Net(
            lambda s, x: s.net(x) / s.temperature, net=mlp(), temperature=nn.Parameter(torch.tensor(3.0))
        )
    ),
    "experts": Kind(
        lambda: Net(
            lambda s, x: sum(
                g[:, None] * e(x) for g, e in zip(s.gate(x).softmax(1).T, s.experts, strict=True)
            ),
            gate=nn.Linear(6, 2),
            experts=nn.ModuleList([nn.Linear(6, K), nn.Linear(6, K)]),
        )
    ),
    "checkpointed": Kind(
        lambda: Net(
            lambda s, x: s.head(checkpoint(s.body, x, use_reentrant=False)),
            body=nn.Sequential(nn.Linear(6, 8), nn.Tanh()),
            head=nn.Linear(8, K),
        )
    ),
    "parallel inside": Kind(
        lambda: nn.Sequential(nn.DataParallel(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, K))
    ),
    "scripted batch norm": Kind(given=scripted, **expected(lambda: mlp(norm=nn.BatchNorm1d(8)))),
    "low rank beside": Kind(
        lambda: Net(
            lambda s, x: s.net(x) + s.up(s.down(x)),
            net=nn.Linear(6, K),
            down=nn.Linear(6, 2, bias=False),
            up=nn.Linear(2, K, bias=False),
        )
    ),
}
