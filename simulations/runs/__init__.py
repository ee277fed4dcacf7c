"""One run: from its spec to its files in a store, and back.

Comes in: a `RunSpec` and a `Store`. Goes out: checkpoints, curves, measures, provenance; as one Dataset.
one_run.py      makes a run: spec_to_training.py, run_curves.py (a sweep's paths), endpoint_measures.py
further_lines.py, other_ends.py   a run's `lines`, and the runs that it leans on
store.py        folders of runs (store_reader.py, store_inventory.py, verified_files.py, provenance_file.py)
run_dataset.py  a run as one Dataset; finished_runs.py   an experiment's; run_table.py   a store in lines
May import: curves, datasets, line, models, networks, prediction, runtime, specs, training, mli_theory.
"""

from simulations.runs.finished_runs import experiment_runs
from simulations.runs.one_run import MadeRun, make_run
from simulations.runs.store import Store
from simulations.specs.run_spec import RunSpec

__all__ = ["MadeRun", "RunSpec", "Store", "experiment_runs", "make_run"]
