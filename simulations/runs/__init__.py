"""One run: from its spec to its files in a store, and back.

Comes in: a `RunSpec` and a `Store`. Goes out: checkpoints, curves, measures, provenance.
one_run.py            `make_run`; spec_to_training.py   data, network and training of a spec
run_curves.py         the run's lines; endpoint_measures.py   what its two ends show
store.py              folders of runs, and store_inventory.py what is in them
verified_files.py     files with digests
run_dataset.py        a run as one Dataset; finished_runs.py   an experiment's runs
May import every room of `simulations` but `sweeps`.
"""

from simulations.runs.finished_runs import experiment_runs
from simulations.runs.one_run import MadeRun, make_run
from simulations.runs.store import Store
from simulations.specs.run_spec import RunSpec

__all__ = ["MadeRun", "RunSpec", "Store", "experiment_runs", "make_run"]
