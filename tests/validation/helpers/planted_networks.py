"""Networks with planted reasons for their lines, trained on real digits in seconds."""

import torch

from simulations.networks import fcn
from simulations.training.single import train

PLANTED = {
    "zero last bias": {"depth": 6, "bias": "none", "init_scale": 0.5, "learning_rate": 0.02},
    "imposed gap": {"depth": 6, "bias": "last", "init_scale": 0.5, "learning_rate": 0.02, "gap": 8.0},
    "shallow": {"depth": 2, "bias": "last", "init_scale": 0.3, "learning_rate": 0.05},
    "large start": {"depth": 8, "bias": "last", "init_scale": 1.0, "learning_rate": 0.01},
}
CAUSE = {
    "zero last bias": "depth",
    "imposed gap": "last-layer bias",
    "shallow": "shallow",
    "large start": "initialisation",
}
GAP_CLASS = 3

# Beside the four: a last-layer bias that is there and zero, and two causes in one network.
FURTHER = {
    "bias of zeros": {"depth": 6, "bias": "last", "init_scale": 0.5, "learning_rate": 0.02, "gap": 0.0},
    "gap and large start": {
        "depth": 6,
        "bias": "last",
        "init_scale": 0.8,
        "learning_rate": 0.005,
        "gap": 40.0,
    },
}


def planted_network(name, data, seed=0):
    """(model, start, end): the gap is frozen at its value during training, and 0 at the start of the line."""
    plan = dict((PLANTED | FURTHER)[name])
    learning_rate, gap = plan.pop("learning_rate"), plan.pop("gap", None)
    model = fcn(width=48, n_inputs=64, n_classes=10, seed=seed, **plan)
    start = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    if gap is not None:
        model[-1].bias.requires_grad_(False)
        with torch.no_grad():
            model[-1].bias[GAP_CLASS] = gap
    run = train(model, data, learning_rate=learning_rate, target_loss=0.02, max_epochs=300, seed=seed)
    assert run.status == "reached"
    return model, start, run.end
