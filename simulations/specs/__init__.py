"""What is to be run, in words and numbers: no torch, no results.

Comes in: TOML. Goes out: `RunSpec` (one run, named by what it is) and `Sweep` (many).
run_spec.py     a run's fields, its name and its TOML
run_fields.py, line_words.py, other_runs.py   what each field may be; training_arguments.py   how to train
sweep_file.py   sweeps; a new experiment is a file in simulations/experiments and a name in `EXPERIMENTS`
  (or `REALISTIC`, which take core-hours)
May import: runtime, mli_theory.
"""

from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import (
    EXPERIMENTS,
    FORMS,
    REALISTIC,
    PlannedRun,
    Sweep,
    read_sweep,
    with_seeds,
)

__all__ = ["EXPERIMENTS", "FORMS", "REALISTIC", "PlannedRun", "RunSpec", "Sweep", "read_sweep", "with_seeds"]
