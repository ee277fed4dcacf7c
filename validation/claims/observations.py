"""What the claims are judged on: runs of networks and of the power model, and what is left out of them.

A run is an `xarray.Dataset` as `simulations.runs.run_dataset` makes it; a run of the power model
one as `simulations.gradient_flow.integrate` makes it, with the attribute `seed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mli_theory.short_repr import short_repr
from simulations.runtime.names_in_words import first_of
from validation.claims.zero_start import with_zero_start_curves

__all__ = [
    "FAILED",
    "PILOT_SEEDS",
    "ExcludedRun",
    "Observations",
    "balanced",
    "class_counts",
    "curve",
    "observe",
]

# The star's centre (0 to 7), the recipes of the realistic networks and of the harder problems (20 to 29) and
# those of the map of regimes (30 to 39) were chosen by looking at them: they may not count.
PILOT_SEEDS = (*range(8), *range(20, 40))
FAILED = "failed"
"""Status of a recorded run that ended in an error: no numbers, the attribute `error` says which."""


@dataclass(frozen=True)
class ExcludedRun:
    """A run that no claim counts, and why."""

    arm: str
    seed: int
    reason: str


@dataclass(frozen=True)
class Observations:
    """The runs that count.

    Attributes:
        runs: of networks, every one at its target loss and none of a pilot seed.
        power_model: of the power model, from its start to its final loss.
        left_out: the other runs.
        tables: by experiment, what is kept of sweeps of many small runs: one Dataset over their seeds
            (`validation.job.recorded_tables`), without the pilots' seeds.
    """

    runs: tuple[xr.Dataset, ...] = ()
    power_model: tuple[xr.Dataset, ...] = ()
    left_out: tuple[ExcludedRun, ...] = ()
    tables: Mapping[str, xr.Dataset] = field(default_factory=dict)

    __repr__ = short_repr

    def arms(self) -> tuple[str, ...]:
        """The names of all arms with a run, in the order of the runs."""
        return tuple(self._by_arm)

    def arm(self, name: str) -> dict[int, xr.Dataset]:
        """The arm's runs by seed."""
        return dict(self._by_arm.get(name, {}))

    @cached_property
    def _by_arm(self) -> dict[str, dict[int, xr.Dataset]]:
        found: dict[str, dict[int, xr.Dataset]] = {}
        for run in self.runs:
            found.setdefault(str(run.attrs["arm"]), {})[int(run.attrs["seed"])] = run
        return found

    def star(self) -> tuple[str, ...]:
        """The arms of the star: those whose label names no experiment."""
        return tuple(arm for arm in self.arms() if "/" not in arm)

    def experiment(self, name: str) -> tuple[str, ...]:
        """The labels of an experiment's arms, `name/...`."""
        return tuple(arm for arm in self.arms() if arm.startswith(f"{name}/"))

    def by_seed(self, arm: str, number: Callable[[xr.Dataset], float]) -> dict[int, float]:
        """One number for each seed of an arm."""
        return {seed: float(number(run)) for seed, run in self.arm(arm).items()}

    def paired(self, arm: str, other: str, number: Callable[[xr.Dataset], float]) -> dict[int, float]:
        """`number` of an arm minus `number` of the other, for the seeds that both have."""
        mine, others = self.by_seed(arm, number), self.by_seed(other, number)
        return {seed: value - others[seed] for seed, value in mine.items() if seed in others}


def observe(
    runs: Iterable[xr.Dataset],
    power_model: Iterable[xr.Dataset] = (),
    tables: Mapping[str, xr.Dataset] | None = None,
) -> Observations:
    """Sort runs into those that count and those that do not; a table keeps the seeds that count.

    Raises:
        ValueError: two runs of one arm and seed: one of them would be counted by accident.
    """
    counted: list[xr.Dataset] = []
    left_out: list[ExcludedRun] = []
    seen: set[tuple[str, int]] = set()
    for run in runs:
        arm, seed, status = str(run.attrs["arm"]), int(run.attrs["seed"]), str(run.attrs["status"])
        if (arm, seed) in seen:
            raise ValueError(f"arm {arm} has two runs of seed {seed}: remove one")
        seen.add((arm, seed))
        if status == FAILED:
            left_out.append(ExcludedRun(arm, seed, f"ended in an error: {run.attrs['error']}"))
        elif seed in PILOT_SEEDS:
            left_out.append(ExcludedRun(arm, seed, "a pilot seed"))
        elif status != "reached":
            left_out.append(ExcludedRun(arm, seed, f"{status}: did not reach the target loss"))
        else:
            counted.append(with_zero_start_curves(run))
    kept = {
        name: table.sel(seed=[seed for seed in table["seed"].to_numpy().tolist() if seed not in PILOT_SEEDS])
        for name, table in (tables or {}).items()
    }
    return Observations(tuple(counted), tuple(power_model), tuple(left_out), kept)


def curve(
    run: xr.Dataset, quantity: str, path: str = "linear"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The alphas and the run's `loss`, `error` or `class_share` on one path, alpha first.

    Raises:
        KeyError: the run was not walked on that path.
    """
    # By position and without DataArrays, which cost more than all that is done with the numbers.
    paths = run.variables["path"].to_numpy().tolist()
    if path not in paths:
        raise KeyError(f"arm {run.attrs['arm']} has no path {path!r}, only {first_of(paths)}")
    return run.variables["alpha"].to_numpy(), run.variables[quantity].to_numpy()[paths.index(path)]


def balanced(run: xr.Dataset) -> bool:
    """Whether every class has the same number of samples (a hypothesis of T4 and T10)."""
    return len(np.unique(class_counts(run))) == 1


def class_counts(run: xr.Dataset) -> NDArray[np.int64]:
    """Training samples of each class, (k,); a recorded run has them in place of its labels."""
    if "class_count" in run:
        return run["class_count"].to_numpy()
    return np.bincount(run["labels"].to_numpy(), minlength=run.sizes["class_index"])
