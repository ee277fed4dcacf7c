"""What an experiment is run on: groups of cases, and the table of one number a case.

A group is solved together (one batch over its initial scales, from one draw of the start per seed), so
the unit of work, kept when a run is killed, is one group of one seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from simulations.runtime.names_in_words import first_names

__all__ = ["Case", "Group", "Values", "table"]

Values = Mapping[str, object]  # name -> number, or one number a class (k,)


@dataclass(frozen=True)
class Case:
    """One case of a group: the coordinates of its row."""

    n_classes: int
    degree: int
    init_scale: float
    final_loss: float
    start: str
    method: str = "flow"
    step: float = 0.0


@dataclass(frozen=True)
class Group:
    """Cases solved together: k, r, initial scales, final losses (largest first) and the kind of start.

    methods: (name, step), how the start is trained; a step of 0 is the flow.
    """

    n_classes: int
    degree: int
    init_scales: tuple[float, ...]
    final_losses: tuple[float, ...]
    start: str = "positive"
    methods: tuple[tuple[str, float], ...] = (("flow", 0.0),)

    def cases(self) -> list[Case]:
        """By scale, loss and method, the last fastest: the order in which `measure` returns its values."""
        return [
            Case(self.n_classes, self.degree, scale, loss, self.start, method, step)
            for scale in self.init_scales
            for loss in self.final_losses
            for method, step in self.methods
        ]


def table(
    cases: Sequence[Case], values: Sequence[Values], variables: Mapping[str, str], n_classes: int, seed: int
) -> xr.Dataset:
    """Numbers of one seed as a Dataset (seed, case[, class_index]); nan where a case has none.

    Per-class numbers are filled up with nan to n_classes.

    Raises:
        ValueError: values that are not one per case, or a number without a description.
    """
    if len(cases) != len(values):
        raise ValueError(f"{len(values)} rows of values for {len(cases)} cases")
    names = {name for row in values for name in row}
    unknown = names - set(variables)
    if unknown:
        raise ValueError(f"numbers without a description: {first_names(unknown)}")
    data = {}
    for name in variables:
        per_class = any(np.ndim(row[name]) for row in values if name in row)  # type: ignore[arg-type]
        column = np.full((1, len(cases), n_classes) if per_class else (1, len(cases)), np.nan)
        for place, row in enumerate(values):
            if name in row:
                value = np.asarray(row[name], dtype=np.float64)
                column[(0, place, slice(len(value))) if per_class else (0, place)] = value
        data[name] = (("seed", "case", "class_index")[: column.ndim], column)
    coords = {name: ("case", [getattr(case, name) for case in cases]) for name in Case.__dataclass_fields__}
    return xr.Dataset(data, coords | {"seed": [seed]})
