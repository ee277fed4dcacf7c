"""Finished runs as an xarray Dataset, with times that stay exact where they reach 1e32."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from simulations.gradient_flow.solver.mirror import MirrorFlow
from simulations.gradient_flow.solver.run import Run

__all__ = ["flow_dataset"]

Array = NDArray[np.float64]


def flow_dataset(flow: MirrorFlow, runs: list[Run]) -> xr.Dataset:
    """All runs with a leading seed dimension; shorter runs are filled up with their last record."""
    k = flow.n_classes
    length = max(len(run.loss) for run in runs)
    rows = [np.minimum(np.arange(length), len(run.loss) - 1) for run in runs]
    run_number = np.arange(len(runs))
    states = np.stack([run.states[row] for run, row in zip(runs, rows, strict=True)])
    arrival, local = (
        np.stack(part) for part in zip(*(_split_time(run, length) for run in runs), strict=True)
    )
    weights = np.stack(
        [flow.select(run_number == n).weights(state.T).transpose(2, 0, 1) for n, state in enumerate(states)]
    )
    learned, risen = (np.stack([getattr(run, name) for run in runs]) for name in ("learned", "risen"))
    when = np.take_along_axis(arrival + local, np.maximum(learned, 0), axis=1)
    return xr.Dataset(
        {
            "time": (("seed", "record"), arrival + local),
            "arrival": (("seed", "record"), arrival),
            "local_time": (("seed", "record"), local),
            "weights": (("seed", "record", "class_index", "sample"), weights),
            "bias": (("seed", "record", "class_index"), states[:, :, k * k :]),
            "loss": (
                ("seed", "record"),
                np.stack([run.loss[row] for run, row in zip(runs, rows, strict=True)]),
            ),
            "learning_record": (("seed", "class_index"), learned),
            "learning_time": (("seed", "class_index"), np.where(learned >= 0, when, np.nan)),
            "signal_time": (("seed", "class_index"), np.stack([run.rise_time for run in runs])),
            "fitted_by_bias": (("seed", "class_index"), (learned >= 0) & (risen < 0)),
            "n_records": ("seed", np.array([len(run.loss) for run in runs])),
            "n_evaluations": ("seed", np.array([run.evaluations for run in runs])),
            "n_steps": ("seed", np.array([run.steps for run in runs])),
        },
        coords={"class_index": np.arange(k), "sample": np.arange(k)},
    )


def _split_time(run: Run, length: int) -> tuple[Array, Array]:
    """(arrival, local time) of each record: the nearest anchor and the time from it.

    Anchors are the start, the learning times and the first records after W_jj^r passed 1.

    Local times are sums of steps from the nearer end, so that records O(1) apart stay apart at 1e32.
    """
    n = len(run.loss)
    anchors = _anchors(run)
    arrival, local = np.empty(n), np.empty(n)
    base = 0.0
    for place, first in enumerate(anchors):
        last = anchors[place + 1] if place + 1 < len(anchors) else n
        since = np.concatenate([[0.0], np.cumsum(run.elapsed[first + 1 : last])])
        arrival[first:last], local[first:last] = base, since
        if last < n:
            until = np.cumsum(run.elapsed[first + 1 : last + 1][::-1])[::-1]
            base += since[-1] + run.elapsed[last]
            nearer = until < since
            arrival[first:last][nearer] = base
            local[first:last][nearer] = -until[nearer]
    fill = np.minimum(np.arange(length), n - 1)
    return arrival[fill], local[fill]


def _anchors(run: Run) -> list[int]:
    """Records that carry a time of their own; one float64 cannot tell from the one before is left out."""
    marked = np.unique(np.concatenate([[0], run.learned[run.learned > 0], run.risen[run.risen > 0]]))
    kept, base = [0], 0.0
    for record in marked[1:]:
        gap = run.elapsed[kept[-1] + 1 : record + 1].sum()
        if base + gap > base:
            kept.append(int(record))
            base += gap
    return kept
