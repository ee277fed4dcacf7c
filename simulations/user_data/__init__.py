"""Any data as batches that can be read again and again.

Comes in: tensors, a loader, a data set, dicts. Goes out: `Batch` after `Batch`, the same on every pass.
data_passes.py      a source read pass after pass; batch.py   one batch
sample_sources.py   sources that give samples one by one, and what DataLoaders know of their length
content_digest.py   data and code by their contents (code_digest.py)
probe_samples.py    a few hundred samples drawn for predictions
May import: datasets, models, runtime, mli_theory.
"""

from simulations.user_data.batch import Batch

__all__ = ["Batch"]
