"""Whether the runs meet what a theorem assumes: one row a hypothesis, looked at on the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from validation.claims.observations import balanced

__all__ = [
    "Check",
    "all_correct_at_the_end",
    "balanced_classes",
    "check",
    "no_hidden_bias",
    "start_near_zero",
    "unequal_biases",
]

RETAINED = 0.1
"""A start counts as zero where the degrees lost to it are at most this many."""


@dataclass(frozen=True)
class Check:
    """One hypothesis looked at on every run it concerns.

    Attributes:
        hypothesis: what is assumed.
        how: what was computed on a run, and when it counts as met.
        met: runs that meet it.
        of: runs looked at.
        size: what `how` names, by label and seed ("centre 100"), where it is a number.
    """

    hypothesis: str
    how: str
    met: int
    of: int
    size: Mapping[str, float] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """In words: "met", "met in part", "not met", or "no data"."""
        if self.of == 0:
            return "no data"
        return "met" if self.met == self.of else "met in part" if self.met else "not met"


def check(
    hypothesis: str,
    how: str,
    runs: Iterable[xr.Dataset],
    size: Callable[[xr.Dataset], float],
    holds: Callable[[float], bool],
) -> Check:
    """A check whose size is a number of each run (nan: the run cannot tell, and is not counted)."""
    sizes = {f"{run.attrs.get('arm', 'start')} {run.attrs['seed']}": float(size(run)) for run in runs}
    told = {name: value for name, value in sizes.items() if np.isfinite(value)}
    return Check(hypothesis, how, sum(holds(value) for value in told.values()), len(told), told)


def balanced_classes(runs: Iterable[xr.Dataset]) -> Check:
    """Equal class sizes (T4, T10)."""
    return check(
        "the classes are of one size",
        "the labels are counted: 1 where all classes have as many samples, else 0",
        runs,
        lambda run: float(balanced(run)),
        lambda value: value == 1,
    )


def no_hidden_bias(runs: Iterable[xr.Dataset]) -> Check:
    """Biases in the last layer only, or none (T1 to T4)."""
    return check(
        "no bias in a hidden layer",
        "the network's bias mode: 1 for last or none, else 0",
        runs,
        lambda run: float(run.attrs["bias_mode"] in ("last", "none")),
        lambda value: value == 1,
    )


def start_near_zero(runs: Iterable[xr.Dataset]) -> Check:
    """Zero initial weights (T1 to T5), measured by what the initial weights do for the trained network.

    Not by the initial signal: in a deep network it is next to nothing long before the weights are.
    """
    return check(
        "the initial weights are zero",
        "the retention summed over the layers (T13, M2): the degrees by which the signal grows more slowly "
        f"than its layers are many; 0 from zero initial weights, met up to {RETAINED:g}",
        runs,
        _retained,
        lambda value: abs(value) <= RETAINED,
    )


def unequal_biases(runs: Iterable[xr.Dataset]) -> Check:
    """One class has the largest last-layer bias (T2)."""
    return check(
        "one class has the largest last-layer bias",
        "the largest trained bias minus the second largest, in nats; met above 0",
        runs,
        lambda run: float(np.diff(np.sort(run["bias"].to_numpy())[-2:])[0]),
        lambda value: value > 0,
    )


def all_correct_at_the_end(runs: Iterable[xr.Dataset]) -> Check:
    """Every sample is correct at alpha = 1 (T3, T5)."""
    return check(
        "every sample is correct at alpha = 1",
        "the error rate of the trained network; met at 0",
        runs,
        lambda run: float(run["error"].sel(path="linear").to_numpy()[-1]),
        lambda value: value == 0,
    )


def _retained(run: xr.Dataset) -> float:
    return float(run["retention"].sum()) if "retention" in run else float("nan")
