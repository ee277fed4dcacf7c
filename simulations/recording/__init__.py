"""The two ends of a line, and states between them, kept while a network is trained by any loop.

Comes in: a model in training, a folder. Goes out: start.safetensors, end.safetensors, step-N.safetensors.
record_ends.py   a context manager around any loop
lightning_callback.py, trainer_callback.py   the same for two libraries, where they are installed
May import: line, runtime, mli_theory.
"""

from simulations.recording.lightning_callback import lightning_callback
from simulations.recording.record_ends import RecordedEnds, record_ends
from simulations.recording.trainer_callback import trainer_callback

__all__ = ["RecordedEnds", "lightning_callback", "record_ends", "trainer_callback"]
