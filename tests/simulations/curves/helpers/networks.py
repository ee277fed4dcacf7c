"""Small networks of every kind, two states of each, and batch norm to be checked by hand."""

import torch
from torch import nn

from simulations.networks import fcn
from simulations.runtime.random_streams import torch_stream

LOOK = 3 * 2 * 16 + 2 * 16
"""Samples that pass before a curve, of no count: 16 at three alphas twice; once more; their halves alone."""


def copy_of(model):
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def moved(state, seed, scale=0.1):
    stream = torch_stream(seed, "moved")
    return {
        n: t + scale * torch.randn(t.shape, generator=stream) if t.is_floating_point() else t.clone()
        for n, t in state.items()
    }


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
        self.second.weight = self.first.weight
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        self.calls += 1
        return self.head(torch.relu(self.second(torch.tanh(self.first(x.flatten(1))))))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.block(x.flatten(1).view(-1, 8, 8)).flatten(1))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second, self.head = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.Linear(256, 10)

    def forward(self, x):
        x = self.norm(self.first(x))
        return self.head((x + torch.relu(self.second(x))).flatten(1))


class Counted(nn.Module):
    """A model in float64, so that no threshold is met or missed by rounding, that counts its samples."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.seen = inner.double(), 0

    def forward(self, x):
        self.seen += len(x)
        return self.inner(x)


def line(make, seed=0):
    torch.manual_seed(seed)
    model = make()
    start = copy_of(model)
    end = moved(start, seed)
    if isinstance(model, Tied):
        end["second.weight"] = end["first.weight"]
    if isinstance(model, Residual):
        start["norm.running_var"], end["norm.running_var"] = torch.full((4,), 0.6), torch.full((4,), 1.4)
    return model, start, end


def normalised():
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.BatchNorm1d(2, eps=1e-9, affine=False))
    start = {"0.weight": torch.tensor([[1.0], [2.0]]), "1.running_mean": torch.tensor([0.0, 0.0])}
    start |= {"1.running_var": torch.tensor([1.0, 1.0]), "1.num_batches_tracked": torch.tensor(1)}
    end = start | {"0.weight": torch.tensor([[3.0], [1.0]]), "1.running_mean": torch.tensor([2.0, 1.0])}
    end |= {"1.running_var": torch.tensor([4.0, 9.0])}
    return model, start, end


def logit_of(trained, digits, alpha):
    network = fcn(6, 48, 64, 10, bias="all", seed=0)
    network.load_state_dict({n: t + alpha * (trained.end[n] - t) for n, t in trained.start.items()})
    with torch.no_grad():
        return network(digits.inputs)
