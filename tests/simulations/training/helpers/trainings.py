"""Small networks and runs that several tests of training share."""

from hashlib import blake2b

import torch
from torch import nn

from simulations.networks import fcn
from simulations.runtime.random_streams import torch_stream

# name: (the layers between the first and the last one, what differs from SGD with momentum)
KINDS = {
    "momentum": (lambda: [nn.ReLU()], {}),
    "adam": (lambda: [nn.ReLU()], {"optimizer": "adam", "learning_rate": 0.01}),
    "dropout": (lambda: [nn.ReLU(), nn.Dropout(0.5)], {}),
    "batch norm": (lambda: [nn.BatchNorm1d(16), nn.ReLU()], {}),
    "all at once": (
        lambda: [nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.25)],
        {
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "weight_decay": 0.1,
            "label_smoothing": 0.1,
            "clip_norm": 0.5,
            "schedule": "cosine",
        },
    ),
}


def network(seed=0, **changes):
    return fcn(**({"depth": 2, "width": 16, "n_inputs": 64, "n_classes": 10, "seed": seed} | changes))


def call_of(kind, **changes):
    """A fresh model, and the arguments of its training on 100 digits: four steps an epoch."""
    between, differs = KINDS[kind]
    flatten, first, _, last = network()
    model = nn.Sequential(flatten, first, *between(), last)
    return model, {"learning_rate": 0.05, "max_epochs": 5, "batch_size": 32, "seed": 0} | differs | changes


def plain_training(model, data, *, optimizer="sgd", learning_rate, max_epochs, batch_size, seed):
    """The end of a training of constant rate, as a loop on torch alone."""
    order = torch_stream(seed, "order")
    if optimizer == "sgd":
        stepper = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)
    else:
        stepper = torch.optim.Adam(model.parameters(), lr=learning_rate)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream(seed, "dropout").initial_seed())
        model.train()
        for _ in range(max_epochs):
            shuffled = torch.randperm(len(data), generator=order)
            for batch in shuffled.split(batch_size):
                loss = nn.functional.cross_entropy(model(data.inputs[batch]), data.labels[batch])
                stepper.zero_grad()
                loss.backward()
                stepper.step()
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def digest(states, arrays):
    """32 hex digits over the bits of state dicts and arrays."""
    found = blake2b(digest_size=16)
    for state in states:
        for name, tensor in sorted(state.items()):
            found.update(name.encode())
            found.update(tensor.numpy().tobytes())
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()
