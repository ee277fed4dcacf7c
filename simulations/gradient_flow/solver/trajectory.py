"""Records of a batch of runs, spaced by progress, thinned as they come so that memory stays bounded.

Progress is the path length of what one looks at: log loss, biases and log diagonal weights, each in
nats. Of two neighbouring candidates the later is dropped when there are more than twice as many as asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trajectory"]

Array = NDArray[np.float64]


class Trajectory:
    """Candidates kept for each run of a batch: state, loss, progress and the time since the one before."""

    def __init__(self, n_state: int, n_runs: int, n_forced: int, record: int) -> None:
        self.record = record
        room = 2 * record + n_forced + 2
        self.states = np.empty((n_runs, room, n_state))
        self.loss = np.empty((n_runs, room))
        self.progress = np.zeros((n_runs, room))
        self.elapsed = np.zeros((n_runs, room))
        self.forced = np.zeros((n_runs, room), dtype=bool)
        self.count = np.zeros(n_runs, dtype=np.int64)
        self._spacing = np.zeros(n_runs)
        self._progress = np.zeros(n_runs)
        self._elapsed = np.zeros(n_runs)

    def add(
        self,
        runs: NDArray[np.int64],
        states: Array,
        loss: Array,
        elapsed: Array,
        moved: Array,
        forced: NDArray[np.bool_],
    ) -> None:
        """Offer one accepted step of each of `runs`: state (n, len(runs)), time taken, progress made."""
        self._progress[runs] += moved
        self._elapsed[runs] += elapsed
        last = self.progress[runs, np.maximum(self.count[runs] - 1, 0)]
        # A step that moves nothing, as the first ones of a long wait, is no record.
        gained = self._progress[runs] - last
        keep = forced | ((gained >= self._spacing[runs]) & (gained > 0))
        which = runs[keep]
        slot = self.count[which]
        self.states[which, slot] = states[:, keep].T
        self.loss[which, slot] = loss[keep]
        self.progress[which, slot] = self._progress[which]
        self.elapsed[which, slot] = self._elapsed[which]
        self.forced[which, slot] = forced[keep]
        self.count[which] += 1
        self._elapsed[which] = 0.0
        for run in which[self.count[which] >= self.states.shape[1]]:
            self._thin(int(run), 2 * self._progress[run] / self.states.shape[1])

    def add_steps(
        self, states: Array, loss: Array, elapsed: Array, moved: Array, forced: NDArray[np.bool_]
    ) -> None:
        """Offer many accepted steps of run 0 in order, states (n, n_state), as `add` would one by one."""
        progress = self._progress[0] + np.cumsum(moved)
        first, picked, last = 0, [], self._last(0)
        for n, (now, must) in enumerate(zip(progress.tolist(), forced.tolist(), strict=True)):
            if must or now - last >= max(self._spacing[0], 5e-324):
                picked.append(n)
                last = now
                if self.count[0] + len(picked) == self.states.shape[1]:
                    self._keep(states, loss, elapsed, progress, forced, first, picked)
                    self._thin(0, 2 * now / self.states.shape[1])
                    first, picked, last = n + 1, [], self._last(0)
        self._keep(states, loss, elapsed, progress, forced, first, picked)
        self._elapsed[0] += elapsed[(picked[-1] + 1 if picked else first) :].sum()
        self._progress[0] = progress[-1]

    def _last(self, run: int) -> float:
        """Progress of the last candidate kept."""
        return float(self.progress[run, max(self.count[run] - 1, 0)])

    def _keep(
        self, states: Array, loss: Array, elapsed: Array, progress: Array, forced: NDArray[np.bool_],
        first: int, picked: list[int],
    ) -> None:  # fmt: skip
        """Append the picked steps to the candidates of run 0; times from `first` on are counted to them."""
        if picked:
            slots = slice(int(self.count[0]), int(self.count[0]) + len(picked))
            starts = np.array([first, *(np.array(picked[:-1], dtype=np.int64) + 1)])
            self.states[0, slots], self.loss[0, slots] = states[picked], loss[picked]
            self.progress[0, slots], self.forced[0, slots] = progress[picked], forced[picked]
            self.elapsed[0, slots] = np.add.reduceat(elapsed[: picked[-1] + 1], starts)
            self.elapsed[0, slots.start] += self._elapsed[0]
            self._elapsed[0] = 0.0
            self.count[0] += len(picked)

    def finish(self, run: int) -> NDArray[np.int64]:
        """Indices of the records to hand out: all forced ones and the others evenly by progress."""
        n = int(self.count[run])
        forced = self.forced[run, :n]
        wanted = max(self.record, int(forced.sum()))
        if n > wanted:
            free = np.flatnonzero(~forced)
            places = np.linspace(0, self.progress[run, n - 1], wanted - int(forced.sum()) + 2)[1:-1]
            picked = free[_distinct_nearest(self.progress[run, free], places)]
            keep = np.sort(np.concatenate([np.flatnonzero(forced), picked]))
            self._compact(run, keep)
        return np.arange(int(self.count[run]))

    def _thin(self, run: int, spacing: float) -> None:
        self._spacing[run] = spacing
        n = int(self.count[run])
        keep, last = [], -np.inf
        for slot in range(n):
            if self.forced[run, slot] or self.progress[run, slot] - last >= spacing:
                keep.append(slot)
                last = self.progress[run, slot]
        if len(keep) > self.states.shape[1] - 2:
            self._thin(run, 2 * spacing)
        else:
            self._compact(run, np.array(keep))

    def _compact(self, run: int, keep: NDArray[np.int64]) -> None:
        n = int(self.count[run])
        # The time skipped goes to the next record kept, also to one yet to come.
        end = int(keep[-1]) + 1
        self._elapsed[run] += self.elapsed[run, end:n].sum()
        self.elapsed[run, : len(keep)] = np.add.reduceat(
            self.elapsed[run, :end], np.concatenate([[0], keep[:-1] + 1])
        )
        for column in (self.states, self.loss, self.progress, self.forced):
            column[run, : len(keep)] = column[run, keep]
        self.count[run] = len(keep)


def _distinct_nearest(values: Array, places: Array) -> NDArray[np.int64]:
    """Indices into sorted `values`, one near each of the sorted `places`, no index twice."""
    if len(places) >= len(values):
        return np.arange(len(values))
    index = np.searchsorted(values, places).astype(np.int64)
    order = np.arange(len(places))
    # Strictly increasing from the left, then pushed back below the end from the right.
    index = np.maximum.accumulate(index - order) + order
    ceiling = len(values) - len(places) + order
    return np.minimum(index, ceiling)
