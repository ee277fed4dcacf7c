"""`record_ends` as a callback of Hugging Face's `Trainer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulations.recording.record_ends import RecordedEnds

__all__ = ["trainer_callback"]


def trainer_callback(folder: Path | str, every: int | None = None) -> Any:
    """A `transformers.TrainerCallback` that keeps start, end and, with `every`, states between them.

        trainer = transformers.Trainer(model, args, callbacks=[mli.trainer_callback("run")])

    Args:
        folder: as of `record_ends`.
        every: optimizer steps between states, counted by the trainer.

    Raises:
        ImportError: transformers is not installed.
        ValueError: as `RecordedEnds`, when the training begins.
    """
    try:
        from transformers import TrainerCallback
    except ImportError as error:
        raise ImportError("mli.trainer_callback needs transformers: pip install 'mli-plateau[hf]'") from error

    class EndsCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """Start, steps and end of one training."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            """Before the first step."""
            self.record = RecordedEnds(folder, every, writes=state.is_world_process_zero)
            self.record.write_start(kwargs["model"])

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            """After an optimizer's step."""
            self.record.write_step(kwargs["model"], state.global_step)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            """The training ended well."""
            self.record.write_end(kwargs["model"])

    return EndsCallback()
