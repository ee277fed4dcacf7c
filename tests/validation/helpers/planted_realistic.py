"""Synthetic recorded runs of the realistic networks, with planted plateau ends."""

import numpy as np
import xarray as xr

from validation.claims.observations import Observations

SEEDS = range(300, 312)
ALPHAS = np.linspace(0, 1, 101)
N_CLASSES = 10

# (experiment, bias, depth): ends of the plateaus of loss and error on the linear path, the homogeneous one's
# error, and whether the class of the largest bias holds all predictions.
ARMS = {
    ("mnist_fcn", "last", 10): (0.35, 0.30, 0.05, True),
    ("mnist_fcn", "none", 10): (0.35, 0.05, 0.05, False),
    ("mnist_fcn", "last", 4): (0.15, 0.05, 0.05, False),
    ("cifar_vgg16_small_start", "last", 0): (0.45, 0.32, 0.15, True),
    ("cifar_vgg16_small_start", "none", 0): (0.45, 0.15, 0.15, False),
    ("cifar_vgg16", "last", 0): (0.30, 0.14, 0.14, False),
    ("cifar_vgg16", "none", 0): (0.30, 0.14, 0.14, False),
    ("cifar_resnet18", "last", 0): (0.10, 0.12, 0.12, False),
    ("cifar_resnet18", "none", 0): (0.10, 0.12, 0.12, False),
}


def planted_realistic(changes=None, seeds=SEEDS):
    """Observations with this truth; `changes` replaces the tuples of some arms."""
    arms = ARMS | (changes or {})
    return Observations(tuple(_run(*arm, seed, *ends) for arm, ends in arms.items() for seed in seeds))


def _falling(end, top):
    """A curve that has spent a tenth of its fall at `end`, whichever side of its slow part is longer."""
    slow = 1 - 0.1 * ALPHAS / end
    fast = 0.9 * (1 - ALPHAS) / (1 - end)
    return top * np.where(end >= ALPHAS, slow, fast)


def _run(experiment, bias, depth, seed, loss_end, error_end, homogeneous_end, held):
    jitter = 0.004 * np.random.default_rng(seed).standard_normal(4)
    linear, homogeneous = error_end + jitter[0], homogeneous_end + jitter[1]
    loss = loss_end + jitter[2]
    biases = np.zeros(N_CLASSES)
    if bias != "none":
        biases = np.random.default_rng(seed + 1).permutation(N_CLASSES) / 10
    share = np.full((2, len(ALPHAS), N_CLASSES), 1 / N_CLASSES)
    if held:
        held_now = (ALPHAS > 0.05) & (ALPHAS < 0.2)
        share[0, held_now] = np.eye(N_CLASSES)[int(np.argmax(biases))]
    return xr.Dataset(
        {
            "loss": (
                ("path", "alpha"),
                np.stack([_falling(loss, 2.3), _falling(loss, 2.3)]),
            ),
            "error": (
                ("path", "alpha"),
                np.stack([_falling(linear, 0.9), _falling(homogeneous, 0.9)]),
            ),
            "class_share": (("path", "alpha", "predicted_class"), share),
            "bias": ("class_index", biases),
        },
        {"alpha": ALPHAS, "path": ["linear", "homogeneous"]},
        {
            "arm": f"{experiment}/depth={depth},bias={bias}",
            "experiment": experiment,
            "bias_mode": bias,
            "depth": depth,
            "seed": seed,
            "status": "reached",
        },
    )
