"""Records handed over in pieces are those handed over one by one, and thinning keeps their times."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.gradient_flow import integrate
from simulations.gradient_flow.solver.trajectory import Trajectory


@given(
    seed=st.integers(0, 10**6),
    steps=st.integers(1, 80),
    record=st.integers(2, 8),
    cuts=st.lists(st.integers(1, 79), max_size=4),
)
def test_steps_offered_together_are_steps_offered_one_by_one(seed, steps, record, cuts):
    rng = np.random.default_rng(seed)
    states, loss, elapsed = rng.normal(size=(steps, 2)), rng.uniform(size=steps), rng.uniform(size=steps)
    moved = rng.exponential(size=steps) * (rng.uniform(size=steps) < 0.8)  # some steps move nothing
    forced = np.zeros(steps, dtype=bool)
    forced[rng.choice(steps, min(3, steps), replace=False)] = True
    one_by_one, together = (Trajectory(2, 1, 3, record) for _ in range(2))
    for n in range(steps):
        rows = (part[n : n + 1] for part in (loss, elapsed, moved, forced))
        one_by_one.add(np.zeros(1, dtype=np.int64), states[n][:, None], *rows)
    edges = sorted({0, steps, *(cut for cut in cuts if cut < steps)})
    for piece in (slice(*pair) for pair in pairwise(edges)):
        together.add_steps(*(part[piece] for part in (states, loss, elapsed, moved, forced)))
    for trajectory in (one_by_one, together):
        trajectory.finish(0)
    count = one_by_one.count[0]
    assert together.count[0] == count
    for name in ("states", "loss", "forced"):
        np.testing.assert_array_equal(*(getattr(t, name)[0, :count] for t in (one_by_one, together)))
    for name in ("progress", "elapsed"):
        np.testing.assert_allclose(*(getattr(t, name)[0, :count] for t in (one_by_one, together)), rtol=1e-12)


@pytest.mark.parametrize("driver", ["compiled", "numpy"])
@pytest.mark.parametrize("record", [5, 30, 100])
def test_a_record_has_the_time_of_its_step_however_few_are_kept(record, driver):
    weights = 0.2 * np.random.default_rng(0).uniform(0.5, 1, (3, 3))
    every, few = (integrate(weights, 3, 1e-3, rtol=1e-11, record=n, driver=driver) for n in (10_000, record))
    place = np.searchsorted(-every.loss.values, -few.loss.values)
    np.testing.assert_array_equal(every.loss.values[place], few.loss.values)  # the same steps
    assert every.sizes["record"] > 2 * few.sizes["record"]
    np.testing.assert_allclose(few.time.values, every.time.values[place], rtol=1e-12)
