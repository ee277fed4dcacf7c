"""Which runs of sweeps are trained together: those that differ by where they start from alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil

from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import Sweep

__all__ = ["MOST_MEMBERS", "jobs_of"]

# On one core 18 members are trained about twice as fast as alone, and 30 hardly faster than that
# (benchmarks/train_many.md). What is under way when a sweep is interrupted is trained again.
MOST_MEMBERS = 32


def jobs_of(sweeps: Sequence[Sweep], to_do: Iterable[RunSpec]) -> list[tuple[RunSpec, ...]]:
    """The runs to make, each alone or with those that it is trained with, in their order.

    Runs are put together if every sweep that names them has `ensembles`, and if they differ by seed and
    initial scale alone: one architecture, one data set, one way to train. (Labels drawn anew are each
    seed's own data.) Runs with `evaluate_every` stay alone: an ensemble looks at its losses after each epoch.
    So do those that tell no classes apart, keep states or take those of other runs.
    No ensemble has more than `MOST_MEMBERS`; more runs are cut into parts as equal as can be.
    """
    alone = {run.spec for sweep in sweeps if not sweep.ensembles for run in sweep.runs}
    groups: dict[object, list[RunSpec]] = {}
    for spec in to_do:
        own_way = (spec.evaluate_every, spec.lines, spec.pretrained_layers)
        stays = spec in alone or own_way != (None, None, None) or not spec.of_classes
        groups.setdefault(spec if stays else _but_for_the_start(spec), []).append(spec)
    return [part for group in groups.values() for part in _parts(group)]


def _but_for_the_start(spec: RunSpec) -> tuple[str, RunSpec]:
    """The same for all members of one ensemble, and no spec itself: a run alone is its own group."""
    return "together", replace(spec, init_scale=1.0, seed=spec.seed if spec.label_noise else 0)


def _parts(group: Sequence[RunSpec]) -> list[tuple[RunSpec, ...]]:
    size = ceil(len(group) / ceil(len(group) / MOST_MEMBERS))
    return [tuple(group[first : first + size]) for first in range(0, len(group), size)]
