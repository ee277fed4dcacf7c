"""Training, of one network or of many as one.

Comes in: a module, an `ImageDataset` and how to train. Goes out: `TrainingResult` with both ends.
single.py     `train`; epoch.py   one epoch; resume_file.py   what an interrupted training goes on from
ensemble.py   `train_many`: networks of one architecture at once (ensemble_stack.py)
losses.py, optimizers.py   how to train; history.py, result.py   what came of it
May import: datasets, models, runtime, specs, mli_theory.
"""

from simulations.training.ensemble import train_many
from simulations.training.result import TrainingResult
from simulations.training.single import train

__all__ = ["TrainingResult", "train", "train_many"]
