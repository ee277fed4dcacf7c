"""Many runs on an engine: local processes, Dask, Slurm.

Comes in: sweeps (`simulations.specs`) and a store. Goes out: runs in the store, and what became of them.
runner.py      hands runs out, records failures, goes on after an interruption
executors.py   the engines; executor.py   what is asked of each; dask_cluster.py, dask_security.py   Dask's
May import: models, runs, runtime, specs, mli_theory.
"""

from simulations.sweeps.executors import open_executor
from simulations.sweeps.runner import SweepOutcome, run_sweeps

__all__ = ["SweepOutcome", "open_executor", "run_sweeps"]
