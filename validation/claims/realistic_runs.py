"""The runs of realistic networks and data that the claims C10 to C13 are about, by what they are.

Arms are found by their attributes and not by their labels: whatever else a sweep varies, it must not vary
between the runs that a criterion compares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from validation.claims.line_shape import held
from validation.claims.observations import Observations

__all__ = [
    "EQUIVALENCE_SIDES",
    "FCN",
    "RESNET18",
    "SMALL_STARTS",
    "VGG16",
    "VGG16_SMALL_START",
    "RealisticNetwork",
    "difference",
    "held_by_the_largest_bias",
    "runs_of",
]


EQUIVALENCE_SIDES: tuple[tuple[str, Literal["above", "below"], float], ...] = (
    ("not_shorter", "above", -0.05),
    ("not_longer", "below", 0.05),
)
"""The two criteria of "neither longer nor shorter": end of a key, side, threshold in alpha."""


@dataclass(frozen=True)
class RealisticNetwork:
    """One network of a recorded experiment.

    Attributes:
        key: of its criteria.
        title: in words.
        experiment: the sweep that trains it.
        depth: weight layers of a fully connected network; None for the others.
    """

    key: str
    title: str
    experiment: str
    depth: int | None = None


FCN = RealisticNetwork("fcn", "the fully connected network of 10 layers", "mnist_fcn", depth=10)
VGG16_SMALL_START = RealisticNetwork(
    "vgg16_small_start", "VGG-16 from a small start", "cifar_vgg16_small_start"
)
VGG16 = RealisticNetwork("vgg16", "VGG-16 at He's scale", "cifar_vgg16")
RESNET18 = RealisticNetwork("resnet18", "ResNet-18 with batch norm at He's scale", "cifar_resnet18")
SMALL_STARTS = (FCN, VGG16_SMALL_START)
"""Deep networks with a small start: where the account is expected to hold."""


def runs_of(
    observations: Observations, network: RealisticNetwork, bias: str, depth: int | None = None
) -> dict[int, xr.Dataset]:
    """The runs of a network with a bias mode, by seed.

    Args:
        observations: the runs that count.
        network: whose experiment they are from.
        bias: "last", "none" or "all".
        depth: in place of the network's own.
    """
    wanted = network.depth if depth is None else depth
    return {
        int(run.attrs["seed"]): run
        for arm in observations.experiment(network.experiment)
        for run in observations.arm(arm).values()
        if run.attrs["bias_mode"] == bias and (wanted is None or run.attrs["depth"] == wanted)
    }


def difference(
    one: dict[int, xr.Dataset],
    other: dict[int, xr.Dataset],
    number: Callable[[xr.Dataset], float],
    number_of_other: Callable[[xr.Dataset], float] | None = None,
) -> dict[int, float]:
    """A number of one arm minus the same, or another, of the other arm, for the seeds that both have."""
    of_other = number_of_other or number
    return {seed: float(number(run) - of_other(other[seed])) for seed, run in one.items() if seed in other}


def held_by_the_largest_bias(run: xr.Dataset) -> bool:
    """Whether the longest interval that one class holds is there, and is the largest bias's (T2)."""
    bias = run["bias"].to_numpy()
    alone = np.count_nonzero(bias == bias.max()) == 1
    return bool(alone and held(run).class_index == int(np.argmax(bias)))
